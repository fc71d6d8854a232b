/* SPDX-License-Identifier: MIT */
/*
 * test_quick.c - the short cuts lead to the same place
 *
 * A heap that nobody watches takes and frees blocks in one pass
 * (src/mm/heap_quick.c), a watched one step by step. Two heaps, one of each
 * kind, are asked for the same at random; after each operation every byte of
 * their state is equal, stale headers included, and so are the answers, the
 * refusals and the number of blocks that were looked at.
 *
 * sources: tests/unit/home.c
 * sources: src/mm/[a-z]*.c src/trace/[a-z]*.c
 */
#include "home.h"

enum { KIB = 1024, LIVE = 300 };

static const struct test_setup shapes[] = {
    { .arena_bytes = 64 * KIB, .span_bytes = 64 * KIB },
    { .arena_bytes = 256 * KIB, .span_bytes = 64 * KIB },
    { .arena_bytes = 512 * KIB, .span_bytes = 64 * KIB, .hollow_pages = 1 },
    { .arena_bytes = 2048 * KIB, .span_bytes = 512 * KIB, .hollow_pages = 5,
      .counts = true },
    { .arena_bytes = 256 * KIB, .span_bytes = 4 * KIB, .hollow_pages = 1 },
    { .arena_bytes = 512 * KIB, .span_bytes = 128 * KIB, .hollow_pages = 3,
      .small = true },
    { .arena_bytes = 512 * KIB, .span_bytes = 128 * KIB, .hollow_pages = 2,
      .small = true, .keep = 2 },
};

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

struct twins {
    struct test_home *quick, *watched;
    uint64_t live[LIVE], sizes[LIVE];   /* offsets; 0: none */
    uint64_t random;
};

static void *at(const struct test_home *test, uint64_t offset)
{
    return offset == 0 ? NULL : test->base + offset;
}

/* Both payloads are the same place, or both requests were refused. */
static uint64_t same_place(const struct twins *twins, const void *quick,
                           const void *watched)
{
    assert_int_equal(quick == NULL, watched == NULL);
    if (quick == NULL)
        return 0;

    uint64_t place = heap_at(&twins->quick->heap, quick);

    assert_int_equal(place, heap_at(&twins->watched->heap, watched));
    return place;
}

static void same_state(const struct twins *twins)
{
    const struct heap *quick = &twins->quick->heap;
    const struct heap *watched = &twins->watched->heap;

    assert_int_equal(quick->refusal, watched->refusal);
    assert_int_equal(quick->examined, watched->examined);
    assert_memory_equal(quick->kept, watched->kept, sizeof quick->kept);
    assert_true(test_home_digest(twins->quick) ==
                test_home_digest(twins->watched));
}

static uint64_t random_size(struct twins *twins)
{
    uint32_t span = twins->quick->setup.span_bytes;

    switch (random_below(&twins->random, 8)) {
    case 0: case 1: case 2:
        return random_below(&twins->random, 300);
    case 3: case 4: case 5:
        return random_below(&twins->random, 3000);
    case 6:
        return random_below(&twins->random, span / 4 + 50);
    default:
        return random_below(&twins->random, span + 1000);
    }
}

/* The same bytes for both: links that are freed again lie under them. */
static void write_same(struct twins *twins, int i)
{
    unsigned char byte = (unsigned char)random_below(&twins->random, 256);

    memset(at(twins->quick, twins->live[i]), byte, twins->sizes[i]);
    memset(at(twins->watched, twins->live[i]), byte, twins->sizes[i]);
}

static void step(struct twins *twins)
{
    struct heap *quick = &twins->quick->heap;
    struct heap *watched = &twins->watched->heap;
    int i = (int)random_below(&twins->random, LIVE);
    uint64_t place = twins->live[i], size = random_size(twins);

    if (random_below(&twins->random, 500) == 0) {
        assert_int_equal(heap_trim(quick), heap_trim(watched));
    } else if (place != 0 && random_below(&twins->random, 5) == 0) {
        place = same_place(twins,
                           heap_realloc(quick, at(twins->quick, place), size),
                           heap_realloc(watched, at(twins->watched, place),
                                        size));
        if (place != 0) {
            twins->live[i] = place;
            twins->sizes[i] = size;
        }
    } else if (place != 0) {
        assert_int_equal(heap_free(quick, at(twins->quick, place)),
                         heap_free(watched, at(twins->watched, place)));
        twins->live[i] = 0;
    } else {
        struct heap_request request = { .size = size };

        if (random_below(&twins->random, 8) == 0)
            request.align = UINT64_C(16) << random_below(&twins->random, 9);
        if (request.align == 0)
            place = same_place(twins, heap_alloc(quick, size),
                               heap_alloc(watched, size));
        else
            place = same_place(twins, heap_alloc_request(quick, &request),
                               heap_alloc_request(watched, &request));
        twins->live[i] = place;
        twins->sizes[i] = size;
        if (place != 0)
            write_same(twins, i);
    }
}

static void run(const struct test_setup *shape, uint64_t seed, int operations,
                int64_t frames)
{
    struct test_setup setup = *shape;
    struct twins twins = { .random = seed * 99 + 1 };

    setup.unobserved = true;
    twins.watched = test_home_create(&setup);
    setup.deaf = true;
    twins.quick = test_home_create(&setup);
    heap_set_fast(&twins.quick->heap, NULL);    /* slots as the other's */
    twins.quick->frames_left = twins.watched->frames_left = frames;
    for (int i = 0; i < operations; i++) {
        step(&twins);
        same_state(&twins);
    }
    for (int i = 0; i < LIVE; i++) {
        heap_free(&twins.quick->heap, at(twins.quick, twins.live[i]));
        heap_free(&twins.watched->heap, at(twins.watched, twins.live[i]));
        same_state(&twins);
    }
    test_home_destroy(twins.quick);
    test_home_destroy(twins.watched);
}

static void every_byte_is_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++)
        for (uint64_t seed = 1; seed <= 3; seed++)
            run(&shapes[i], seed, 1500, TEST_UNLIMITED);
}

static void and_when_frames_run_out(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++)
        for (uint64_t seed = 1; seed <= 3; seed++)
            run(&shapes[i], seed, 1500,
                (int64_t)(shapes[i].arena_bytes / MM_PAGE / 3));
}

/* The span that is kept while it is empty is taken as it is, all of it, where
 * there is no other. */
static void and_of_a_span_that_is_taken_whole(void **state)
{
    struct test_setup setup = shapes[0];
    struct twins twins = { 0 };

    (void)state;
    setup.unobserved = true;
    twins.watched = test_home_create(&setup);
    setup.deaf = true;
    twins.quick = test_home_create(&setup);
    for (int i = 0; i < 4; i++) {
        uint64_t size = twins.quick->heap.large_bytes - (i & 2) * MM_QUANTUM;
        uint64_t place = same_place(&twins,
                                    heap_alloc(&twins.quick->heap, size),
                                    heap_alloc(&twins.watched->heap, size));

        assert_int_not_equal(place, 0);
        assert_int_equal(twins.quick->heap.empty_span, HEAP_NO_SPAN);
        same_state(&twins);
        heap_free(&twins.quick->heap, at(twins.quick, place));
        heap_free(&twins.watched->heap, at(twins.watched, place));
        assert_int_equal(twins.quick->heap.empty_span, 0);
        same_state(&twins);
    }
    test_home_destroy(twins.quick);
    test_home_destroy(twins.watched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_the_same),
        cmocka_unit_test(and_when_frames_run_out),
        cmocka_unit_test(and_of_a_span_that_is_taken_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

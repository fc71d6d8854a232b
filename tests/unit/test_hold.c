/* SPDX-License-Identifier: MIT */
/*
 * test_hold.c - frames behind pages: where they are, and when there are none
 *
 * A page that is not held cannot be touched in these homes (home.h), so each
 * test here also tests that the heap reads and writes held pages only.
 *
 * sources: tests/unit/home.c tests/unit/shadow.c
 * sources: src/mm/[a-z]*.c src/trace/[a-z]*.c
 */
#include "shadow.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

static uint32_t span_head_pages(const struct test_home *test)
{
    return (test->heap.head_bytes + BLOCK_LINKED_BYTES + MM_PAGE - 1) /
           MM_PAGE;
}

/* ---- how little is held --------------- */

static void a_new_span_holds_its_edges_only(void **state)
{
    (void)state;
    for (uint32_t span = 4 * KIB; span <= 512 * KIB; span *= 2) {
        struct test_home *test = test_home_create(&(struct test_setup){
            .arena_bytes = span, .span_bytes = span,
            .level = HEAP_LEVEL_CHECK });
        uint32_t pages = span / MM_PAGE;
        uint32_t expected = span_head_pages(test) + 1;

        assert_int_equal(heap_grow(&test->heap), MM_OK);
        assert_int_equal(test->held_count,
                         expected < pages ? expected : pages);
        test_home_check(test, "growing");
        test_home_destroy(test);
    }
}

/* Fills a span with blocks of SIZE bytes, frees all but the first and the
 * last, in three orders. */
static void all_but_first_and_last(uint32_t span, uint64_t size,
                                   uint32_t hollow_pages, int order)
{
    struct test_setup setup = {
        .arena_bytes = span, .span_bytes = span,
        .hollow_pages = hollow_pages, .level = HEAP_LEVEL_CHECK,
        .unobserved = span > 128 * KIB,
    };
    struct test_home *test = test_home_create(&setup);
    static unsigned char *payload[40000];
    unsigned count = 0;
    uint64_t random = 1;

    while ((payload[count] = heap_alloc(&test->heap, size)) != NULL) {
        memset(payload[count], 0x77, size);
        count++;
    }
    assert_true(count >= 2);
    assert_int_equal(test->held_count, span / MM_PAGE);
    for (unsigned i = 1; i + 1 < count; i++) {
        unsigned k = i;

        if (order == 1)
            k = count - 1 - i;
        if (order == 2) {
            k = i + (unsigned)random_below(&random, count - 1 - i);

            unsigned char *swap = payload[k];

            payload[k] = payload[i];
            payload[i] = swap;
            k = i;
        }
        assert_int_equal(heap_free(&test->heap, payload[k]), MM_OK);
        if (!setup.unobserved)
            test_home_check(test, "a free");
    }
    test_home_check(test, "all but first and last were freed");

    /* what must be held: from the head to the links of the free block behind
     * the first one, and from the last block to the end */
    uint64_t block = (size + 4 + 15) / 16 * 16;
    uint64_t first_end = heap_at(&test->heap, payload[0]) - 4 + block + 12;
    uint64_t last = heap_at(&test->heap, payload[count - 1]) - 4;
    uint32_t least = (uint32_t)((first_end + 4095) / 4096 +
                                (span / 4096 - last / 4096));

    if (size < 2000)
        assert_true(least <= 3);
    if (test->held_count > least + (hollow_pages > 1 ? hollow_pages : 0))
        fail_msg("span %u, blocks of %u, order %d: %u pages are held", span,
                 (unsigned)size, order, test->held_count);
    heap_trim(&test->heap);
    test_home_check(test, "trim");
    if (test->held_count > least)
        fail_msg("after trim %u pages are held", test->held_count);
    for (uint64_t i = 0; i < size; i++) {
        assert_int_equal(payload[0][i], 0x77);
        assert_int_equal(payload[count - 1][i], 0x77);
    }

    /* and it can all be used again */
    unsigned again = 0;

    while (heap_alloc(&test->heap, size) != NULL)
        again++;
    assert_true(again + 2 >= count);
    test_home_destroy(test);
}

static void a_span_with_two_blocks_at_its_ends_holds_three_pages(void **state)
{
    static const uint64_t sizes[] = { 24, 500, 4000, 5000 };

    (void)state;
    for (uint32_t span = 16 * KIB; span <= 512 * KIB; span *= 4) {
        for (int i = 0; i < 4; i++) {
            for (int order = 0; order < 3; order++) {
                all_but_first_and_last(span, sizes[i], 1, order);
                all_but_first_and_last(span, sizes[i], 4, order);
            }
        }
    }
}

static void two_words_far_apart_hold_a_handful_of_pages(void **state)
{
    enum { ARENA = 64 * MIB };
    struct test_setup setup = {
        .arena_bytes = ARENA, .span_bytes = 512 * KIB, .hollow_pages = 4,
        .level = HEAP_LEVEL_CHECK, .unobserved = true,
    };
    struct test_home *test = test_home_create(&setup);
    static void *payload[ARENA / 1008];
    uint32_t count = 0;

    (void)state;
    while ((payload[count] = heap_alloc(&test->heap, 1000)) != NULL)
        *(uint32_t *)payload[count] = count, count++;
    assert_true(count > 60000);
    for (uint32_t i = 1; i + 1 < count; i++)
        assert_int_equal(heap_free(&test->heap, payload[i]), MM_OK);
    test_home_check(test, "64 MiB were freed");
    /* two spans in use, at four pages each with the pages of their heads,
     * one empty span that is kept, pages of tags */
    heap_trim(&test->heap);
    test_home_check(test, "trim");
    if (test->held_count > 2 * 5 + test->ranges.tag_pages)
        fail_msg("%u pages are held, %u of them for tags", test->held_count,
                 test->ranges.tag_pages);
    assert_int_equal(*(uint32_t *)payload[0], 0);
    assert_int_equal(*(uint32_t *)payload[count - 1], count - 1);
    test_home_destroy(test);
}

static void large_ranges_come_and_go_with_their_frames(void **state)
{
    struct test_setup setup = {
        .arena_bytes = 1 * MIB, .span_bytes = 64 * KIB,
        .level = HEAP_LEVEL_CHECK,
    };
    struct test_home *test = test_home_create(&setup);
    unsigned char *payload = heap_alloc(&test->heap, 200000);

    (void)state;
    assert_non_null(payload);
    assert_int_equal(test->held_count, (200000 + 64 + 4095) / 4096);
    payload[0] = payload[199999] = 9;
    test_home_check(test, "a large request");
    assert_ptr_equal(heap_realloc(&test->heap, payload, 100000), payload);
    assert_int_equal(test->held_count, (100000 + 64 + 4095) / 4096);
    test_home_check(test, "shrinking it");
    assert_int_equal(heap_free(&test->heap, payload), MM_OK);
    assert_int_equal(test->held_count, 0);
    test_home_check(test, "freeing it");
    test_home_destroy(test);
}

/* ---- when there are none --------------- */

/* The same program, in which the Nth call for frames fails, for every N. */
static void the_nth_call_for_frames_fails(void **state)
{
    static const struct test_setup setups[] = {
        { .arena_bytes = 256 * KIB, .span_bytes = 32 * KIB,
          .hollow_pages = 1, .level = HEAP_LEVEL_CHECK, .small = true },
        { .arena_bytes = 128 * KIB, .span_bytes = 128 * KIB,
          .hollow_pages = 1, .level = HEAP_LEVEL_CHECK },
        { .arena_bytes = 256 * KIB, .span_bytes = 4 * KIB,
          .level = HEAP_LEVEL_CHECK },
    };
    unsigned refusals = 0, failures = 0;

    (void)state;
    for (int s = 0; s < 3; s++) {
        for (uint64_t fail = 1;; fail++) {
            struct test_home *test = test_home_create(&setups[s]);
            struct shadow shadow;
            uint64_t random = 4;

            test->fail_call = fail;
            shadow_init(&shadow, test);
            for (int i = 0; i < 120; i++) {
                uint64_t pick = random_below(&random, 10);
                uint64_t size = random_below(&random, 10) < 8
                                    ? random_below(&random, 3000)
                                    : random_below(&random, 40000);

                if (pick < 6 || shadow.count == 0) {
                    struct heap_request request = { .size = size };

                    if (pick == 0)
                        request.align = 512;
                    shadow_alloc(&shadow, &request);
                } else if (pick < 8) {
                    shadow_realloc(&shadow, (uint32_t)random_below(
                                       &random, shadow.count), size);
                } else {
                    shadow_free(&shadow, (uint32_t)random_below(
                                    &random, shadow.count));
                }
                if (test->hold_calls >= fail)
                    test_home_check(test, "a call without frames");
            }

            bool failed = test->hold_calls >= fail;

            refusals += (unsigned)shadow.refusals;
            failures += failed;
            shadow_free_all(&shadow);
            heap_trim(&test->heap);
            test_home_check(test, "the end");
            shadow_expect_pristine(test);
            shadow_fini(&shadow);
            test_home_destroy(test);
            if (!failed)
                break;
        }
    }
    assert_true(failures > 60);
    assert_true(refusals > 20);
}

/* ---- where the home counts --------------- */

static struct test_home *counting_home(bool counts)
{
    return test_home_create(&(struct test_setup){
        .arena_bytes = MIB, .span_bytes = 256 * KIB,
        .level = HEAP_LEVEL_NONE, .counts = counts });
}

/* COUNT free blocks of SIZE bytes, with used ones between. */
static void free_blocks_between_used_ones(struct test_home *test,
                                          unsigned count, uint64_t size)
{
    void *payload[64];

    assert_in_range(count, 1, 64);
    for (unsigned i = 0; i < count; i++) {
        payload[i] = heap_alloc(&test->heap, size);
        assert_non_null(payload[i]);
        assert_non_null(heap_alloc(&test->heap, 1));
    }
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(heap_free(&test->heap, payload[i]), MM_OK);
    test_home_check(test, "blocks were freed");
}

/* A block of 50 KiB is freed, and SIZE bytes do not fit there: by how many
 * pages the program becomes larger. */
static uint32_t peak_grows(bool counts, uint64_t size)
{
    struct test_home *test = counting_home(counts);

    free_blocks_between_used_ones(test, 1, 50 * KIB);

    uint32_t before = test->held_peak;
    void *payload = heap_alloc(&test->heap, size);

    assert_non_null(payload);
    test_home_check(test, "a longer block");

    uint32_t grown = test->held_peak - before;

    /* What was given back is there again when it is needed. */
    assert_int_equal(heap_free(&test->heap, payload), MM_OK);
    assert_non_null(heap_alloc(&test->heap, 50 * KIB));
    test_home_check(test, "as long as the first");
    test_home_destroy(test);
    return grown;
}

static void what_free_blocks_hold_makes_no_peak(void **state)
{
    (void)state;
    assert_in_range(peak_grows(false, 60 * KIB), 15, 16);
    assert_in_range(peak_grows(true, 60 * KIB), 3, 5);
    assert_in_range(peak_grows(true, 300 * KIB), 75, 76);   /* a large one
                                                               asks nobody */
}

/* One page more: no more is given back than is worth a call of the system, and
 * not all blocks are looked at. */
static void room_is_made_in_portions(void **state)
{
    struct test_home *test = counting_home(true);
    uint32_t before;

    (void)state;
    free_blocks_between_used_ones(test, 26, 9000);      /* 1 or 2 inside */
    before = test->held_count;
    assert_non_null(heap_alloc(&test->heap, 9100));
    assert_in_range(before - test->held_count, 12, 18);
    test_home_check(test, "some of many");
    test_home_destroy(test);

    test = counting_home(true);
    free_blocks_between_used_ones(test, 1, 9000);
    free_blocks_between_used_ones(test, 22, 10000);
    while (heap_alloc(&test->heap, 10000) != NULL &&    /* all of these */
           test->held_count < 240)
        ;
    test_home_check(test, "more than is there");
    test_home_destroy(test);

    test = counting_home(true);
    free_blocks_between_used_ones(test, 64, 3000);      /* none inside */
    before = test->held_count;
    assert_non_null(heap_alloc(&test->heap, 9000));
    assert_in_range(test->held_count - before, 2, 4);
    test_home_check(test, "none has any");
    test_home_destroy(test);
}

/* COUNT payloads of SIZE bytes are allocated, all but LEFT are freed and kept,
 * and then MORE_COUNT of MORE_SIZE are asked for: by how many pages the program
 * becomes larger. */
static uint32_t peak_grows_where_kept(bool counts, unsigned count,
                                      unsigned left, uint64_t size,
                                      unsigned more_count, uint64_t more_size)
{
    struct test_home *test = test_home_create(&(struct test_setup){
        .arena_bytes = MIB, .span_bytes = 256 * KIB,
        .level = HEAP_LEVEL_NONE, .keep = 127, .small = true,
        .deaf = true, .counts = counts });
    const struct heap_request more = { .size = more_size };
    void *payload[400];
    uint32_t before;

    assert_in_range(count, 1, 400);
    for (unsigned i = 0; i < count; i++) {
        payload[i] = test_home_alloc(test,
                                     &(struct heap_request){ .size = size });
        assert_non_null(payload[i]);
    }
    for (unsigned i = left; i < count; i++)
        assert_int_equal(test_home_free(test, payload[i]), MM_OK);
    test_home_check(test, "the rest is kept");
    before = test->held_peak;
    for (unsigned i = 0; i < more_count; i++)
        assert_non_null(test_home_alloc(test, &more));
    test_home_check(test, "more of another size");

    uint32_t grown = test->held_peak - before;

    test_home_destroy(test);
    return grown;
}

/* 64 slots at a time, where they are much of their class; 48 blocks besides
 * KEPT_SPEND. */
static void what_is_kept_makes_no_peak(void **state)
{
    (void)state;
    assert_int_equal(peak_grows_where_kept(false, 290, 0, 100, 80, 300), 6);
    assert_int_equal(peak_grows_where_kept(true, 290, 0, 100, 80, 300), 0);
    assert_int_equal(peak_grows_where_kept(true, 290, 230, 100, 80, 300), 6);
    assert_int_equal(peak_grows_where_kept(false, 120, 0, 1000, 1, 60 * KIB),
                     12);
    assert_int_equal(peak_grows_where_kept(true, 120, 0, 1000, 1, 60 * KIB),
                     0);
}

static void without_any_frame_everything_is_refused(void **state)
{
    static const uint64_t sizes[] = { 0, 24, 300, 5000, 100000 };
    struct test_setup setup = {
        .arena_bytes = 256 * KIB, .span_bytes = 32 * KIB,
        .level = HEAP_LEVEL_CHECK, .small = true,
    };
    struct test_home *test = test_home_create(&setup);
    uint64_t digest = test_home_digest(test);

    (void)state;
    test->frames_left = 0;
    for (int i = 0; i < 5; i++) {
        assert_null(heap_alloc(&test->heap, sizes[i]));
        assert_int_equal(test->heap.refusal, MM_NO_FRAMES);
    }
    assert_int_equal(heap_grow(&test->heap), MM_NO_FRAMES);
    assert_true(test_home_digest(test) == digest);
    test_home_check(test, "refusals");
    assert_int_equal(heap_trim(&test->heap), 0);
    test_home_destroy(test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_span_holds_its_edges_only),
        cmocka_unit_test(a_span_with_two_blocks_at_its_ends_holds_three_pages),
        cmocka_unit_test(two_words_far_apart_hold_a_handful_of_pages),
        cmocka_unit_test(large_ranges_come_and_go_with_their_frames),
        cmocka_unit_test(the_nth_call_for_frames_fails),
        cmocka_unit_test(what_free_blocks_hold_makes_no_peak),
        cmocka_unit_test(room_is_made_in_portions),
        cmocka_unit_test(what_is_kept_makes_no_peak),
        cmocka_unit_test(without_any_frame_everything_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

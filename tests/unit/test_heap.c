/* SPDX-License-Identifier: MIT */
/*
 * test_heap.c - alloc, free, realloc, against everything that is known
 *
 * Random programs run with a shadow beside them (shadow.h) in heaps of many
 * shapes; after each operation the replayed picture is held against the
 * walked one, and every checker runs (home.h). The rest are the edges that
 * random programs seldom meet, one after the other.
 *
 * sources: tests/unit/home.c tests/unit/shadow.c
 * sources: src/mm/[a-z]*.c src/trace/[a-z]*.c
 */
#include "shadow.h"

enum { KIB = 1024 };

static const struct test_setup shapes[] = {
    /* the lab: one span, blocks only; then with slots */
    { .arena_bytes = 64 * KIB, .span_bytes = 64 * KIB,
      .level = HEAP_LEVEL_CHECK },
    { .arena_bytes = 64 * KIB, .span_bytes = 64 * KIB,
      .level = HEAP_LEVEL_CHECK, .small = true },
    /* one span, hollow */
    { .arena_bytes = 128 * KIB, .span_bytes = 128 * KIB, .hollow_pages = 1,
      .level = HEAP_LEVEL_CHECK },
    /* spans of one page */
    { .arena_bytes = 256 * KIB, .span_bytes = 4 * KIB,
      .level = HEAP_LEVEL_CHECK, .small = true },
    /* many spans, nothing checked */
    { .arena_bytes = 512 * KIB, .span_bytes = 16 * KIB, .hollow_pages = 1,
      .level = HEAP_LEVEL_NONE, .small = true },
    { .arena_bytes = 1024 * KIB, .span_bytes = 64 * KIB, .hollow_pages = 3,
      .level = HEAP_LEVEL_CHECK, .small = true },
    { .arena_bytes = 2048 * KIB, .span_bytes = 512 * KIB, .hollow_pages = 4,
      .level = HEAP_LEVEL_CHECK },
    /* kept blocks */
    { .arena_bytes = 256 * KIB, .span_bytes = 64 * KIB, .hollow_pages = 2,
      .level = HEAP_LEVEL_CHECK, .small = true, .keep = 8 },
    { .arena_bytes = 128 * KIB, .span_bytes = 32 * KIB,
      .level = HEAP_LEVEL_NONE, .keep = 1 },
    /* more care */
    { .arena_bytes = 128 * KIB, .span_bytes = 128 * KIB,
      .level = HEAP_LEVEL_CANARY },
    { .arena_bytes = 1024 * KIB, .span_bytes = 64 * KIB, .hollow_pages = 1,
      .level = HEAP_LEVEL_CANARY, .small = true },
    { .arena_bytes = 64 * KIB, .span_bytes = 64 * KIB,
      .level = HEAP_LEVEL_POISON },
    { .arena_bytes = 512 * KIB, .span_bytes = 32 * KIB, .hollow_pages = 1,
      .level = HEAP_LEVEL_POISON, .small = true },
    /* as in a program: nobody listens, nothing is checked */
    { .arena_bytes = 512 * KIB, .span_bytes = 64 * KIB, .hollow_pages = 2,
      .level = HEAP_LEVEL_NONE, .small = true, .deaf = true },
    { .arena_bytes = 512 * KIB, .span_bytes = 64 * KIB, .hollow_pages = 2,
      .level = HEAP_LEVEL_NONE, .small = true, .deaf = true,
      .keep = 2 },
};

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* ---- random programs --------------- */

/* A size as programs ask for: mostly small, sometimes anything. */
static uint64_t random_size(uint64_t *random, const struct test_setup *setup)
{
    switch (random_below(random, 12)) {
    case 0:
        return random_below(random, 9);
    case 1: case 2: case 3: case 4: case 5:
        return random_below(random, 260);
    case 6: case 7: case 8:
        return random_below(random, 2100);
    case 9:
        return random_below(random, setup->span_bytes / 4 + 40);
    case 10:
        return random_below(random, setup->span_bytes + 100);
    default:
        return random_below(random, 30) == 0
                   ? random_below(random, setup->arena_bytes + 5000)
                   : random_below(random, 600);
    }
}

static struct heap_request random_request(uint64_t *random,
                                          const struct test_setup *setup)
{
    struct heap_request request = { .size = random_size(random, setup) };

    if (random_below(random, 6) == 0)
        request.align = UINT64_C(1) << random_below(random, 18);
    if (random_below(random, 8) == 0)
        request.kind = (enum heap_kind)random_below(random, 4);
    if (random_below(random, 300) == 0)
        request.align = random_below(random, 5000);
    return request;
}

/* What trim says it gave back, it gave back; it may need a page of tags. */
static void trim_and_count(struct test_home *test)
{
    uint32_t held = test->held_count - test->ranges.tag_pages;
    uint64_t given = heap_trim(&test->heap);

    assert_true(held - (test->held_count - test->ranges.tag_pages) == given);
}

static void random_program(const struct test_setup *setup, uint64_t seed,
                           int operations, int64_t frames)
{
    struct test_home *test = test_home_create(setup);
    struct shadow shadow;
    uint64_t random = seed * 77 + 1;
    unsigned fill = 60;
    int every = setup->arena_bytes > 256 * KIB ? 16 : 1;
    char where[80];

    shadow_init(&shadow, test);
    test->frames_left = frames;
    for (int i = 0; i < operations; i++) {
        uint64_t what = random_below(&random, 100);

        if (random_below(&random, 200) == 0)
            fill = 15 + (unsigned)random_below(&random, 70);
        snprintf(where, sizeof where, "operation %d of seed %llu", i,
                 (unsigned long long)seed);
        if (what < fill || shadow.count == 0) {
            struct heap_request request = random_request(&random, setup);

            shadow_alloc(&shadow, &request);
        } else if (what < fill + (100 - fill) / 4) {
            shadow_realloc(&shadow,
                           (uint32_t)random_below(&random, shadow.count),
                           random_size(&random, setup));
        } else if (what == 99 && random_below(&random, 8) == 0) {
            trim_and_count(test);
        } else {
            shadow_free(&shadow,
                        (uint32_t)random_below(&random, shadow.count));
        }
        if (i % every == 0)
            test_home_check(test, where);
        if (i % 64 == 0)
            shadow_verify(&shadow);
    }
    shadow_free_all(&shadow);
    test_home_check(test, "everything was freed");
    heap_trim(&test->heap);
    test_home_check(test, "trim");
    shadow_expect_pristine(test);
    assert_int_equal(test->ledger->count, 0);
    assert_true(test->ledger->requested == 0);
    assert_true(test->stats.live.now == 0 && test->stats.used.now == 0);
    shadow_fini(&shadow);
    test_home_destroy(test);
}

static void random_programs_in_every_shape(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++) {
        for (uint64_t seed = 1; seed <= 2; seed++)
            random_program(&shapes[shape], seed,
                           shapes[shape].arena_bytes > 256 * KIB ? 500 : 1000,
                           TEST_UNLIMITED);
    }
}

static void random_programs_short_of_frames(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++) {
        for (uint64_t seed = 1; seed <= 2; seed++)
            random_program(&shapes[shape], seed + 10, 500,
                           (int64_t)(shapes[shape].arena_bytes / MM_PAGE / 3));
    }
}

/* ---- a heap to try an edge on --------------- */

static const struct test_setup one_span = {
    .arena_bytes = 64 * KIB, .span_bytes = 64 * KIB,
    .level = HEAP_LEVEL_CHECK,
};

struct bench {
    struct test_home *test;
    struct shadow shadow;
};

static void bench_open(struct bench *bench, const struct test_setup *setup)
{
    bench->test = test_home_create(setup);
    shadow_init(&bench->shadow, bench->test);
}

static void bench_close(struct bench *bench)
{
    shadow_free_all(&bench->shadow);
    heap_trim(&bench->test->heap);
    test_home_check(bench->test, "the end");
    shadow_expect_pristine(bench->test);
    shadow_fini(&bench->shadow);
    test_home_destroy(bench->test);
}

/* A payload of SIZE bytes, or the test fails; answers where. */
static uint64_t give(struct bench *bench, uint64_t size)
{
    struct heap_request request = { .size = size };
    int index = shadow_alloc(&bench->shadow, &request);

    if (index < 0)
        fail_msg("%llu bytes were refused", (unsigned long long)size);
    return bench->shadow.live[index].at;
}

static uint32_t index_of(const struct bench *bench, uint64_t at)
{
    for (uint32_t i = 0; i < bench->shadow.count; i++) {
        if (bench->shadow.live[i].at == at)
            return i;
    }
    fail_msg("nothing lives at +0x%llx", (unsigned long long)at);
    return 0;
}

static void take_back(struct bench *bench, uint64_t at)
{
    shadow_free(&bench->shadow, index_of(bench, at));
}

/* The block that starts at AT, by walking. */
static struct heap_cursor block_at_offset(const struct bench *bench,
                                          uint64_t at)
{
    struct heap_cursor cursor;

    assert_true(heap_walk_find(&bench->test->heap, at, &cursor));
    assert_true(cursor.at == at);
    return cursor;
}

static uint32_t count_blocks(const struct bench *bench)
{
    struct heap_cursor cursor;
    uint32_t count = 0;

    heap_walk(&cursor);
    while (heap_walk_next(&bench->test->heap, &cursor))
        count++;
    return count;
}

/* ---- sizes --------------- */

static void try_size(struct bench *bench, uint64_t size)
{
    static const uint64_t aligns[] = { 0, 1, 8, 64, 4096 };

    for (int kind = HEAP_ANY; kind <= HEAP_LARGE; kind++) {
        for (size_t a = 0; a < sizeof aligns / sizeof aligns[0]; a++) {
            struct heap_request request = {
                .size = size, .align = aligns[a],
                .kind = (enum heap_kind)kind,
            };
            int index = shadow_alloc(&bench->shadow, &request);

            if (index >= 0)
                shadow_free(&bench->shadow, (uint32_t)index);
        }
    }
    assert_false(size > bench->test->setup.arena_bytes &&
                 shadow_realloc(&bench->shadow, 0, size));
}

static void sizes_near_every_limit(void **state)
{
    static const int shape[] = { 0, 1, 3 };

    (void)state;
    for (int i = 0; i < 3; i++) {
        const struct test_setup *setup = &shapes[shape[i]];
        const uint64_t limits[] = {
            0, 8, 256, setup->span_bytes / 4, setup->span_bytes,
            setup->arena_bytes, UINT64_C(1) << 31, UINT64_C(1) << 32,
            UINT64_C(1) << 35, UINT64_C(1) << 36, UINT64_C(1) << 44,
            UINT64_C(1) << 63, 0,
        };
        struct bench bench;

        bench_open(&bench, setup);
        give(&bench, 24);               /* what realloc is tried on */
        for (size_t k = 0; k < sizeof limits / sizeof limits[0]; k++) {
            for (uint64_t near = 0; near <= 72;
                 near += near >= 24 ? 7 : 1) {
                try_size(&bench, limits[k] + near);
                try_size(&bench, limits[k] - near);
            }
            try_size(&bench, limits[k] - 4096);
            try_size(&bench, limits[k] + 4095);
        }
        bench_close(&bench);
    }
}

static void every_free_size_serves_every_request(void **state)
{
    (void)state;
    for (uint32_t quanta = 1; quanta <= 10; quanta++) {
        for (uint64_t size = 0; size <= quanta * 16 - 4; size++) {
            struct bench bench;
            uint32_t need = (uint32_t)((size ? size : 1) + 4 + 15) / 16;

            bench_open(&bench, &one_span);
            give(&bench, 12);

            uint64_t hole = give(&bench, quanta * 16 - 4);

            give(&bench, 12);
            take_back(&bench, hole);
            assert_true(give(&bench, size) == hole);
            assert_int_equal(block_at_offset(&bench, hole).size, need * 16);
            if (need < quanta) {
                struct heap_cursor rest = block_at_offset(&bench,
                                                          hole + need * 16);

                assert_false(rest.used);
                assert_int_equal(rest.size, (quanta - need) * 16);
            }
            assert_int_equal(count_blocks(&bench), need < quanta ? 5 : 4);
            test_home_check(bench.test, "a hole was filled");
            bench_close(&bench);
        }
    }
}

static void every_alignment_with_every_small_size(void **state)
{
    struct bench bench;

    (void)state;
    bench_open(&bench, &shapes[5]);
    for (uint64_t align = 1; align <= 16 * KIB; align *= 2) {
        for (uint64_t size = 1; size <= 200; size += 9) {
            for (int kind = HEAP_ANY; kind <= HEAP_LARGE; kind += 1) {
                struct heap_request request = {
                    .size = size, .align = align,
                    .kind = (enum heap_kind)kind,
                };
                int index = shadow_alloc(&bench.shadow, &request);

                if (index >= 0 && (size % 2 == 0 || kind == HEAP_LARGE))
                    shadow_free(&bench.shadow, (uint32_t)index);
            }
        }
        test_home_check(bench.test, "aligned requests");
        shadow_verify(&bench.shadow);
        if (align % 64 == 0)
            shadow_free_all(&bench.shadow);
    }
    bench_close(&bench);
}

static void wrong_alignments_are_refused(void **state)
{
    static const uint64_t wrong[] = {
        3, 24, 4095, 4097, 32 * KIB, 64 * KIB, UINT64_C(1) << 32,
        (UINT64_C(1) << 32) + 16, UINT64_C(1) << 63, UINT64_MAX,
    };
    struct bench bench;

    (void)state;
    bench_open(&bench, &one_span);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct heap_request request = { .size = 24, .align = wrong[i] };

        assert_int_equal(shadow_alloc(&bench.shadow, &request), -1);
        assert_int_equal(bench.test->heap.refusal, MM_BAD_ALIGNMENT);
    }
    bench_close(&bench);
}

/* ---- neighbours --------------- */

enum side { EDGE, USED, FREE };

/*
 * A used block of 48 bytes between a left side (the span's start, a used
 * block, a free one) and a right side (the span's end, used, free), all
 * neighbours 64 bytes. Answers the block's offset.
 */
static uint64_t stage(struct bench *bench, enum side left, enum side right)
{
    uint64_t before = 0, after = 0, block;

    bench_open(bench, &one_span);
    if (left != EDGE)
        before = give(bench, 60);
    block = give(bench, 44);
    if (right != EDGE) {
        after = give(bench, 60);
        give(bench, 12);                /* and no further */
    } else {                            /* all the rest, and swap */
        uint32_t rest = (uint32_t)(64 * KIB - block - 48);

        give(bench, rest - 4);
        if (left != EDGE) {
            /* the block at the end: give it the last 48 bytes */
            take_back(bench, block + 48);
            give(bench, rest - 48 - 4);
            uint64_t last = give(bench, 44);

            /* what is left of it is its left neighbour now */
            assert_true(last == 64 * KIB - 48);
            if (left == FREE)
                take_back(bench, block + 48);
            return last;
        }
        /* alone in the span: one block that fills it */
        take_back(bench, block + 48);
        take_back(bench, block);
        return give(bench, rest + 44);
    }
    if (left == FREE)
        take_back(bench, before);
    if (right == FREE)
        take_back(bench, after);
    return block;
}

static void a_freed_block_joins_its_free_neighbours(void **state)
{
    (void)state;
    for (int left = EDGE; left <= FREE; left++) {
        for (int right = EDGE; right <= FREE; right++) {
            struct bench bench;
            uint64_t at = stage(&bench, (enum side)left, (enum side)right);
            struct heap_cursor block = block_at_offset(&bench, at);
            uint64_t start = at, size = block.size;
            uint64_t before = bench.test->stats.free_cases
                                  [(right == FREE) + 2 * (left == FREE)];

            if (left == FREE) {
                start -= block.left_size;
                size += block.left_size;
            }
            if (right == FREE)
                size += 64;
            test_home_check(bench.test, "staging");
            take_back(&bench, at);
            test_home_check(bench.test, "a free between two sides");

            struct heap_cursor joined = block_at_offset(&bench, start);

            assert_false(joined.used);
            assert_true(joined.size == size);
            assert_true(bench.test->stats.free_cases
                            [(right == FREE) + 2 * (left == FREE)] ==
                        before + 1);
            bench_close(&bench);
        }
    }
}

static void realloc_stays_where_there_is_room(void **state)
{
    (void)state;
    for (int right = EDGE; right <= FREE; right++) {
        for (uint64_t size = 0; size <= 44 + 64 + 40; size++) {
            struct bench bench;
            uint64_t at = stage(&bench, USED, (enum side)right);
            uint64_t need = ((size ? size : 1) + 4 + 15) / 16 * 16;
            uint64_t room = 48 + (right == FREE ? 64 : 0);
            uint32_t index = index_of(&bench, at);

            bool done = shadow_realloc(&bench.shadow, index, size);

            test_home_check(bench.test, "realloc");
            if (need <= room) {
                assert_true(done);
                assert_true(bench.shadow.live[index].at == at);
                assert_int_equal(bench.shadow.moves, 0);
                assert_true(block_at_offset(&bench, at).size == need);
            } else if (done) {
                assert_true(bench.shadow.live[index].at != at);
            }
            shadow_verify(&bench.shadow);
            bench_close(&bench);
        }
    }
}

static void freed_in_any_order_the_pieces_become_one(void **state)
{
    int order[5] = { 0, 1, 2, 3, 4 };
    int permutations = 0;

    (void)state;
    for (;;) {
        struct bench bench;
        uint64_t at[5];

        bench_open(&bench, &one_span);
        for (int i = 0; i < 5; i++)
            at[i] = give(&bench, 20 + 40 * (uint64_t)i);
        for (int i = 0; i < 5; i++)
            take_back(&bench, at[order[i]]);
        assert_int_equal(count_blocks(&bench), 1);
        test_home_check(bench.test, "five frees");
        bench_close(&bench);
        permutations++;

        int i = 3, k = 4;               /* the next permutation */

        while (i >= 0 && order[i] > order[i + 1])
            i--;
        if (i < 0)
            break;
        while (order[k] < order[i])
            k--;
        int swap = order[i]; order[i] = order[k]; order[k] = swap;
        for (int a = i + 1, b = 4; a < b; a++, b--) {
            swap = order[a]; order[a] = order[b]; order[b] = swap;
        }
    }
    assert_int_equal(permutations, 120);
}

/* ---- wrong addresses --------------- */

static void every_address_that_is_not_live_is_refused(void **state)
{
    const struct test_setup setup = {
        .arena_bytes = 48 * KIB, .span_bytes = 8 * KIB,
        .level = HEAP_LEVEL_CHECK, .small = true, .hollow_pages = 1,
    };
    struct bench bench;
    uint64_t seen = 0;

    (void)state;
    bench_open(&bench, &setup);
    for (int i = 0; i < 12; i++) {
        give(&bench, 24);
        give(&bench, 300);
        give(&bench, 7);
    }
    give(&bench, 9000);                 /* a range of its own */
    for (uint32_t i = 20; i-- > 0;)
        if (i % 3 == 1)
            shadow_free(&bench.shadow, i);

    struct test_home *test = bench.test;
    uint64_t digest = test_home_digest(test);

    for (int64_t at = -4100; at < (int64_t)setup.arena_bytes + 4100; at++) {
        void *address = (void *)((intptr_t)test->base + (intptr_t)at);
        bool live = false;

        for (uint32_t i = 0; i < bench.shadow.count && !live; i++)
            live = (int64_t)bench.shadow.live[i].at == at;
        if (live) {
            seen++;
            continue;
        }

        enum mm_fault fault = heap_free(&test->heap, address);
        bool outside = at < 0 || at >= (int64_t)setup.arena_bytes;

        if (fault == MM_OK || mm_is_damage(fault) ||
            (fault == MM_OUTSIDE) != outside)
            fail_msg("free of +0x%llx: %s", (unsigned long long)at,
                     mm_fault_name(fault));
        assert_int_equal(test->last.kind, MM_EVENT_REFUSE);
        assert_null(heap_realloc(&test->heap, address, 100));
        if (test_home_digest(test) != digest)
            fail_msg("the refused free of +0x%llx has changed something",
                     (unsigned long long)at);
    }
    assert_true(seen == bench.shadow.count);
    test_home_check(test, "all wrong frees");
    bench_close(&bench);
}

static void a_second_free_is_refused(void **state)
{
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++) {
        const uint64_t sizes[] = { 5, 24, 200, 700, 3000, 70000 };

        if (shapes[shape].level < HEAP_LEVEL_CHECK)
            continue;
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct bench bench;
            struct heap_request request = { .size = sizes[i] };

            bench_open(&bench, &shapes[shape]);
            give(&bench, 24);

            int index = shadow_alloc(&bench.shadow, &request);

            if (index >= 0) {
                void *payload = shadow_payload(&bench.shadow,
                                               (uint32_t)index);

                shadow_free(&bench.shadow, (uint32_t)index);

                uint64_t digest = test_home_digest(bench.test);

                assert_int_equal(heap_free(&bench.test->heap, payload),
                                 MM_NOT_LIVE);
                assert_true(test_home_digest(bench.test) == digest);
            }
            bench_close(&bench);
        }
    }
}

/* ---- the rest --------------- */

static void null_and_zero(void **state)
{
    struct bench bench;
    uint64_t events;

    (void)state;
    bench_open(&bench, &one_span);
    events = bench.test->events;
    assert_int_equal(heap_free(&bench.test->heap, NULL), MM_OK);
    assert_true(bench.test->events == events);
    give(&bench, 0);

    void *payload = heap_realloc(&bench.test->heap, NULL, 40);

    assert_non_null(payload);
    assert_int_equal(heap_usable_size(&bench.test->heap, payload), 44);
    payload = heap_realloc(&bench.test->heap, payload, 0);
    assert_non_null(payload);
    assert_int_equal(heap_usable_size(&bench.test->heap, payload), 12);
    assert_int_equal(heap_free(&bench.test->heap, payload), MM_OK);
    bench_close(&bench);
}

/* A program that allocates and frees one thing does not go to the home. */
static void an_empty_span_and_an_empty_slot_page_are_kept(void **state)
{
    const uint64_t sizes[] = { 8, 100, 1000, 10000 };

    (void)state;
    for (int shape = 0; shape < SHAPES; shape++) {
        for (int i = 0; i < 4; i++) {
            struct bench bench;
            uint64_t calls = 0;

            if (sizes[i] > shapes[shape].span_bytes / 4)
                continue;
            bench_open(&bench, &shapes[shape]);
            for (int k = 0; k < 20; k++) {
                take_back(&bench, give(&bench, sizes[i]));
                if (k == 0)
                    calls = bench.test->hold_calls;
            }
            assert_true(bench.test->hold_calls == calls);
            test_home_check(bench.test, "on and off");
            bench_close(&bench);
        }
    }
}

static void a_second_empty_span_leaves(void **state)
{
    struct bench bench;
    uint64_t at[24];

    (void)state;
    bench_open(&bench, &shapes[5]);     /* spans of 64 KiB */
    for (int i = 0; i < 24; i++)
        at[i] = give(&bench, 15000);
    assert_true(bench.test->ranges.used_count >= 6);
    for (int i = 0; i < 24; i++)
        take_back(&bench, at[i]);
    assert_int_equal(bench.test->ranges.used_count, 1);
    test_home_check(bench.test, "six spans were emptied");
    bench_close(&bench);
}

static void the_smallest_arena_works(void **state)
{
    const struct test_setup tiny = {
        .arena_bytes = 4 * KIB, .span_bytes = 4 * KIB,
        .level = HEAP_LEVEL_CHECK, .small = true,
    };
    struct bench bench;

    (void)state;
    bench_open(&bench, &tiny);
    for (uint64_t size = 0; size < 5000; size += 3) {
        struct heap_request request = { .size = size };
        int index = shadow_alloc(&bench.shadow, &request);

        test_home_check(bench.test, "a request to one page");
        if (index >= 0 && size % 2 == 0)
            shadow_free(&bench.shadow, (uint32_t)index);
        if (index < 0)
            shadow_free_all(&bench.shadow);
    }
    assert_true(bench.shadow.refusals > 0);
    bench_close(&bench);
}

static void init_with(void *setup)
{
    struct heap heap;

    heap_init(&heap, setup);
}

/* Of the pages of a class that have become empty one is kept. */
static void empty_slot_pages_go_back_but_one(void **state)
{
    for (int watched = 0; watched < 2; watched++) {
        struct test_setup setup = {
            .arena_bytes = 256 * KIB, .span_bytes = 64 * KIB, .small = true,
            .level = watched ? HEAP_LEVEL_CHECK : HEAP_LEVEL_NONE,
            .deaf = !watched,
        };
        struct heap_damage damage;
        struct bench bench;

        (void)state;
        bench_open(&bench, &setup);
        for (int i = 0; i < 400; i++)   /* 2000 / 48: 41 on a page */
            give(&bench, 48);
        assert_true(heap_check(&bench.test->heap, &damage));
        assert_true(damage.slot_pages >= 9);
        shadow_free_all(&bench.shadow);
        if (!watched)                   /* and no slots are */
            heap_set_fast(&bench.test->heap, NULL);
        assert_true(heap_check(&bench.test->heap, &damage));
        assert_int_equal(damage.slot_pages, 1);
        bench_close(&bench);
    }
}

/* What slot_bytes_aligned() says to ask for is a slot, and aligned. */
static void slots_serve_small_alignments(void **state)
{
    (void)state;
    for (int level = HEAP_LEVEL_NONE; level <= HEAP_LEVEL_CHECK; level++) {
        struct test_setup setup = {
            .arena_bytes = 1024 * KIB, .span_bytes = 256 * KIB, .small = true,
            .level = (enum heap_level)level,
        };
        struct bench bench;

        bench_open(&bench, &setup);
        for (uint64_t align = 1; align <= 128; align *= 2) {
            for (uint64_t size = 0; size <= SLOT_MAX_BYTES + 1; size++) {
                uint32_t bytes = slot_bytes_aligned(size, align);

                assert_int_equal(bytes == 0,
                                 align > 64 || size > SLOT_MAX_BYTES);
                if (bytes == 0)
                    continue;
                assert_true(bytes >= size && bytes <= SLOT_MAX_BYTES);

                uint64_t at = give(&bench, bytes);

                assert_int_equal(at % align, 0);
                if (size % 3 == 0)
                    take_back(&bench, at);
            }
        }
        test_home_check(bench.test, "slots that are aligned");
        bench_close(&bench);
    }
}

/* Blocks of every size about the largest that is kept. */
static void the_largest_kept_block(void **state)
{
    const struct test_setup setup = {
        .arena_bytes = 512 * KIB, .span_bytes = 256 * KIB,
        .level = HEAP_LEVEL_CHECK, .keep = 8,
    };
    struct bench bench;

    (void)state;
    bench_open(&bench, &setup);
    for (uint64_t quanta = KEPT_SIZES - 3; quanta <= KEPT_SIZES + 3;
         quanta++) {
        take_back(&bench, give(&bench, quanta * 16 - 4));
        test_home_check(bench.test, "keeping a large block");
        give(&bench, quanta * 16 - 4);
        test_home_check(bench.test, "reusing it");
    }
    shadow_free_all(&bench.shadow);
    test_home_check(bench.test, "freeing all");
    bench_close(&bench);
}

/* However many blocks lie on a list, a request looks at a few of them. */
static void a_request_looks_at_a_few_blocks_only(void **state)
{
    const struct test_setup setup = {
        .arena_bytes = 1024 * KIB, .span_bytes = 512 * KIB,
        .level = HEAP_LEVEL_CHECK, .unobserved = true,
    };
    struct test_home *test = test_home_create(&setup);
    void *payload[200];

    (void)state;
    for (int i = 0; i < 200; i++) {     /* 64 quanta, and a used one between */
        payload[i] = heap_alloc(&test->heap, 64 * 16 - 4);
        assert_non_null(heap_alloc(&test->heap, 12));
        assert_true(test->heap.examined >= 1 &&
                    test->heap.examined <= HEAP_TRIES + 1);
    }
    for (int i = 0; i < 200; i++)
        assert_int_equal(heap_free(&test->heap, payload[i]), MM_OK);
    /* 70 quanta belong on the same list, where no block is long enough */
    assert_non_null(heap_alloc(&test->heap, 70 * 16 - 4));
    assert_int_equal(test->heap.examined, HEAP_TRIES + 1);
    assert_non_null(heap_alloc(&test->heap, 64 * 16 - 4));
    assert_int_equal(test->heap.examined, 1);

    /* of a few, the one that fits is found, though another is in front */
    payload[0] = heap_alloc(&test->heap, 87 * 16 - 4);
    heap_alloc(&test->heap, 1600);
    payload[1] = heap_alloc(&test->heap, 80 * 16 - 4);
    heap_alloc(&test->heap, 1600);
    assert_int_equal(heap_free(&test->heap, payload[0]), MM_OK);
    assert_int_equal(heap_free(&test->heap, payload[1]), MM_OK);
    assert_ptr_equal(heap_alloc(&test->heap, 86 * 16 - 4), payload[0]);
    assert_int_equal(test->heap.examined, 2);
    test_home_destroy(test);
}

static void a_span_that_cannot_be_is_refused_by_init(void **state)
{
    static const uint32_t wrong[] = {
        0, 1, 2048, 4095, 4097, 12288, 1024 * KIB, UINT32_MAX,
    };
    struct bench bench;

    (void)state;
    bench_open(&bench, &one_span);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct heap_setup setup = {
            .home = &bench.test->home, .ranges = &bench.test->ranges,
            .span_bytes = wrong[i],
        };

        if (test_panic_of(init_with, &setup) == NULL)
            fail_msg("spans of %u bytes were accepted", wrong[i]);
    }
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_programs_in_every_shape),
        cmocka_unit_test(random_programs_short_of_frames),
        cmocka_unit_test(sizes_near_every_limit),
        cmocka_unit_test(every_free_size_serves_every_request),
        cmocka_unit_test(every_alignment_with_every_small_size),
        cmocka_unit_test(wrong_alignments_are_refused),
        cmocka_unit_test(a_freed_block_joins_its_free_neighbours),
        cmocka_unit_test(realloc_stays_where_there_is_room),
        cmocka_unit_test(freed_in_any_order_the_pieces_become_one),
        cmocka_unit_test(every_address_that_is_not_live_is_refused),
        cmocka_unit_test(a_second_free_is_refused),
        cmocka_unit_test(null_and_zero),
        cmocka_unit_test(an_empty_span_and_an_empty_slot_page_are_kept),
        cmocka_unit_test(a_second_empty_span_leaves),
        cmocka_unit_test(the_smallest_arena_works),
        cmocka_unit_test(empty_slot_pages_go_back_but_one),
        cmocka_unit_test(slots_serve_small_alignments),
        cmocka_unit_test(the_largest_kept_block),
        cmocka_unit_test(a_request_looks_at_a_few_blocks_only),
        cmocka_unit_test(a_span_that_cannot_be_is_refused_by_init),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

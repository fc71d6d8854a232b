/* SPDX-License-Identifier: MIT */
/*
 * test_care.c - levels of care: what each catches, and that it stays in order
 *
 * sources: tests/unit/home.c
 * sources: src/mm/[a-z]*.c src/trace/[a-z]*.c
 */
#include "home.h"

enum { KIB = 1024 };

static struct test_home *home_at(enum heap_level level, bool small)
{
    return test_home_create(&(struct test_setup){
        .arena_bytes = 1024 * KIB, .span_bytes = 64 * KIB, .hollow_pages = 1,
        .level = level, .small = small,
    });
}

static void check(struct test_home *test, const char *where)
{
    test_home_check(test, where);
}

static uint64_t offset_of(const struct test_home *test, const void *payload)
{
    return (uint64_t)((uintptr_t)payload - (uintptr_t)test->base);
}

/* ---- canary --------------- */

/* Writes WITH past the end of PAYLOAD; whether `free` says so, and takes it
 * back when the byte is what it was. */
static void try_overrun(struct test_home *test, unsigned char *payload,
                        uint64_t size, unsigned char with)
{
    unsigned char before = payload[size];
    uint64_t digest;

    payload[size] = with;
    if (before == with)
        fail_msg("the byte behind %llu bytes is %u: an overrun by it would "
                 "not be seen", (unsigned long long)size, with);
    digest = test_home_digest(test);
    assert_int_equal(heap_free(&test->heap, payload), MM_BAD_TRAILER);
    assert_true((uint64_t)test->heap.refusal_quantum * MM_QUANTUM ==
                (offset_of(test, payload) & ~UINT64_C(15)));
    assert_null(heap_realloc(&test->heap, payload, size + 1));
    assert_int_equal(test->heap.refusal, MM_BAD_TRAILER);
    assert_true(test_home_digest(test) == digest);

    struct heap_damage damage;

    assert_false(heap_check(&test->heap, &damage));
    assert_string_equal(damage.invariant, "C1: every payload that is handed "
                        "out has a whole trailer and slack");
    payload[size] = before;
    check(test, "an overrun, undone");
}

static void an_overrun_of_one_byte_is_seen(void **state)
{
    static const uint64_t large[] = { 20000, 40000, 65536, 100001 };

    (void)state;
    for (int level = HEAP_LEVEL_CANARY; level <= HEAP_LEVEL_POISON; level++) {
        for (int small = 0; small < 2; small++) {
            struct test_home *test = home_at((enum heap_level)level, small);

            for (uint64_t i = 1; i < 304; i++) {
                uint64_t size = i < 300 ? i : large[i - 300];
                unsigned char *payload = heap_alloc(&test->heap, size);

                assert_non_null(payload);
                assert_true(heap_usable_size(&test->heap, payload) == size);
                memset(payload, 0x11, (size_t)size);
                try_overrun(test, payload, size, 0);
                try_overrun(test, payload, size, 'A');
                if (payload[size] != 0xff)
                    try_overrun(test, payload, size, 0xff);
                assert_int_equal(heap_free(&test->heap, payload), MM_OK);
            }
            check(test, "many overruns");
            test_home_destroy(test);
        }
    }
}

/* The trailer says how much was asked for, after each realloc too. */
static void a_trailer_follows_realloc(void **state)
{
    struct test_home *test = home_at(HEAP_LEVEL_CANARY, true);
    uint64_t random = 4711, size = 10;
    unsigned char *payload = heap_alloc(&test->heap, size);

    (void)state;
    for (int i = 0; i < 500; i++) {
        size = 1 + random_below(&random, i % 10 == 0 ? 60000 : 400);
        payload = heap_realloc(&test->heap, payload, size);
        assert_non_null(payload);
        assert_true(heap_usable_size(&test->heap, payload) == size);
        check(test, "realloc");
        if (i % 25 == 0)
            try_overrun(test, payload, size, 1);
    }
    assert_int_equal(heap_free(&test->heap, payload), MM_OK);
    test_home_destroy(test);
}

/* The layout is the same in every build: 4 bytes at a known place. */
static void a_trailer_is_the_same_everywhere(void **state)
{
    struct test_home *test = test_home_create(&(struct test_setup){
        .arena_bytes = 64 * KIB, .span_bytes = 64 * KIB,
        .level = HEAP_LEVEL_CANARY,
    });
    unsigned char *payload = heap_alloc(&test->heap, 20);
    uint32_t trailer;

    (void)state;
    assert_int_equal(offset_of(test, payload), 0x2b0);
    memcpy(&trailer, payload + 24, sizeof trailer);
    assert_int_equal(trailer >> 12, 4);         /* 20 of 24 */
    assert_int_equal(trailer, 0x40d6);
    assert_memory_equal(payload + 20, "\xfd\xfd\xfd\xfd", 4);
    assert_int_equal(heap_free(&test->heap, payload), MM_OK);
    test_home_destroy(test);
}

/* ---- poison --------------- */

static bool all_are(const unsigned char *bytes, size_t size,
                    unsigned char value)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

static void freed_memory_has_a_pattern(void **state)
{
    struct test_home *test = home_at(HEAP_LEVEL_POISON, false);
    unsigned char *a = heap_alloc(&test->heap, 1000);
    unsigned char *b = heap_alloc(&test->heap, 1000);
    void *c = heap_alloc(&test->heap, 1000);

    (void)state;
    assert_true(all_are(a, 64, 0xa5) && all_are(a + 936, 64, 0xa5));
    memset(b, 0x22, 1000);
    assert_int_equal(heap_free(&test->heap, b), MM_OK);
    assert_true(all_are(b + 8, 64, 0xdf));      /* behind the links */
    assert_true(all_are(b + 940, 64, 0xdf));
    assert_true(all_are(b + 100, 800, 0x22));   /* bounded */
    check(test, "a free");

    /* Somebody writes to it: at its start, at its end. */
    static const size_t places[] = { 8, 40, 71, 941, 1003 };

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct heap_damage damage;

        b[places[i]] ^= 4;
        assert_false(heap_check(&test->heap, &damage));
        assert_string_equal(damage.invariant, "C2: the ends of every free "
                            "block and slot have their pattern");
        assert_null(heap_alloc(&test->heap, 1000));
        assert_int_equal(test->heap.refusal, MM_BAD_POISON);
        assert_int_equal(test->heap.refusal_quantum, offset_of(test, b) / 16);
        assert_int_equal(heap_free(&test->heap, a), MM_BAD_POISON);
        b[places[i]] ^= 4;
    }
    assert_ptr_equal(heap_alloc(&test->heap, 1000), b);
    assert_int_equal(heap_free(&test->heap, a), MM_OK);
    assert_int_equal(heap_free(&test->heap, b), MM_OK);
    assert_int_equal(heap_free(&test->heap, c), MM_OK);
    check(test, "all was freed");
    test_home_destroy(test);
}

static void a_freed_slot_has_a_pattern(void **state)
{
    struct test_home *test = home_at(HEAP_LEVEL_POISON, true);

    (void)state;
    for (uint64_t size = 1; size <= 252; size++) {
        unsigned char *keep = heap_alloc(&test->heap, size);
        unsigned char *slot = heap_alloc(&test->heap, size);

        assert_int_equal(heap_free(&test->heap, slot), MM_OK);
        slot[size + 3] ^= 1;            /* a trailer's byte, once */
        assert_null(heap_alloc(&test->heap, size));
        assert_int_equal(test->heap.refusal, MM_BAD_POISON);
        slot[size + 3] ^= 1;
        check(test, "a write to a free slot, undone");
        assert_ptr_equal(heap_alloc(&test->heap, size), slot);
        assert_int_equal(heap_free(&test->heap, slot), MM_OK);
        assert_int_equal(heap_free(&test->heap, keep), MM_OK);
    }
    test_home_destroy(test);
}

/* ---- full --------------- */

static void what_is_freed_waits(void **state)
{
    struct test_home *test = home_at(HEAP_LEVEL_FULL, true);
    unsigned char *first = heap_alloc(&test->heap, 100);
    unsigned char *second = heap_alloc(&test->heap, 700);

    (void)state;
    assert_int_equal(heap_free(&test->heap, first), MM_OK);
    assert_int_equal(heap_free(&test->heap, second), MM_OK);
    assert_true(all_are(first, 64, 0xdf) && all_are(second, 64, 0xdf));
    assert_int_equal(heap_free(&test->heap, first), MM_NOT_LIVE);
    assert_int_equal(heap_free(&test->heap, second), MM_NOT_LIVE);
    assert_null(heap_realloc(&test->heap, second, 10));
    assert_int_equal(test->heap.refusal, MM_NOT_LIVE);
    check(test, "two wait");

    /* Not handed out again at once. */
    for (int i = 0; i < 20; i++) {
        void *payload = heap_alloc(&test->heap, 100);

        assert_ptr_not_equal(payload, first);
    }

    /* Who writes to what waits is found out, before it is reused. */
    second[5] = 0;

    int refused = 0;

    for (int i = 0; i < 2000 && refused == 0; i++) {
        void *payload = heap_alloc(&test->heap, 300);

        assert_non_null(payload);
        if (heap_free(&test->heap, payload) == MM_BAD_POISON)
            refused = i + 1;
    }
    assert_true(refused > 0);
    assert_int_equal(test->heap.refusal_quantum,
                     offset_of(test, second) / 16);
    second[5] = 0xdf;
    test_home_destroy(test);
}

static void the_order_of_reuse_follows_the_seed(void **state)
{
    uint64_t orders[3] = { 0 };

    (void)state;
    for (int run = 0; run < 3; run++) {
        struct test_home *test = home_at(HEAP_LEVEL_FULL, false);

        test->heap.random = run < 2 ? 7 : 8;
        for (int i = 0; i < 300; i++) {
            void *payload = heap_alloc(&test->heap, 40);

            orders[run] = orders[run] * 31 + offset_of(test, payload);
            assert_int_equal(heap_free(&test->heap, payload), MM_OK);
        }
        test_home_destroy(test);
    }
    assert_true(orders[0] == orders[1] && orders[0] != orders[2]);
}

static void a_large_range_ends_at_a_guard(void **state)
{
    struct test_home *test = home_at(HEAP_LEVEL_FULL, true);

    (void)state;
    for (uint64_t size = 20000; size < 120000; size += 1237) {
        unsigned char *payload = heap_alloc(&test->heap, size);
        uint64_t at, end;

        assert_non_null(payload);
        at = offset_of(test, payload);
        end = at + size + test->heap.trailer_bytes;
        assert_int_equal(at % 16, 0);
        assert_true((end + MM_PAGE - 1) / MM_PAGE * MM_PAGE - end < 16);
        assert_false(test->held[(end + MM_PAGE - 1) / MM_PAGE]);
        assert_true(test->held[(end - 1) / MM_PAGE]);
        assert_true(heap_usable_size(&test->heap, payload) == size);
        memset(payload, 1, (size_t)size);
        check(test, "a large range");
        payload = heap_realloc(&test->heap, payload, size - 5000);
        assert_true(all_are(payload, (size_t)size - 5000, 1));
        check(test, "a large range, shorter");
        assert_int_equal(heap_free(&test->heap, payload), MM_OK);
    }
    test_home_destroy(test);
}

/* Random programs at level full: everything that is live keeps its bytes. */
static void random_programs_that_wait(void **state)
{
    enum { LIVE = 300, OPERATIONS = 6000 };
    static struct { unsigned char *bytes; uint64_t size; } live[LIVE];

    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct test_home *test = home_at(HEAP_LEVEL_FULL, seed % 2 == 0);
        uint64_t random = seed * 977;
        unsigned refused = 0;

        memset(live, 0, sizeof live);
        if (seed > 2)
            test->frames_left = 60;
        for (int i = 0; i < OPERATIONS; i++) {
            uint32_t at = (uint32_t)random_below(&random, LIVE);
            uint64_t size = random_below(&random,
                                         random_below(&random, 40) == 0
                                             ? 50000 : 900) + 1;

            if (live[at].bytes == NULL) {
                live[at].bytes = heap_alloc(&test->heap, size);
                live[at].size = size;
                refused += live[at].bytes == NULL;
            } else if (random_below(&random, 4) == 0) {
                uint64_t kept = live[at].size < size ? live[at].size : size;
                unsigned char *moved = heap_realloc(&test->heap,
                                                    live[at].bytes, size);

                if (moved == NULL) {
                    refused++;
                    continue;
                }
                assert_true(all_are(moved, (size_t)kept,
                                    (unsigned char)(at + 1)));
                live[at].bytes = moved;
                live[at].size = size;
            } else {
                assert_true(all_are(live[at].bytes, (size_t)live[at].size,
                                    (unsigned char)(at + 1)));
                assert_int_equal(heap_free(&test->heap, live[at].bytes),
                                 MM_OK);
                live[at].bytes = NULL;
            }
            if (live[at].bytes != NULL)
                memset(live[at].bytes, (int)(at + 1) & 0xff,
                       (size_t)live[at].size);
            if (i % 8 == 0)
                check(test, "an operation");
        }
        assert_true((refused > 0) == (seed > 2));
        for (uint32_t i = 0; i < LIVE; i++)
            assert_int_equal(heap_free(&test->heap, live[i].bytes), MM_OK);
        heap_trim(&test->heap);
        check(test, "the end");
        assert_int_equal(test->held_count, test->ranges.tag_pages);
        test_home_destroy(test);
    }
}

static void a_refusal_frees_what_waits_first(void **state)
{
    struct test_home *test = test_home_create(&(struct test_setup){
        .arena_bytes = 64 * KIB, .span_bytes = 64 * KIB,
        .level = HEAP_LEVEL_FULL,
    });
    void *payloads[400];
    int count = 0;

    (void)state;
    while ((payloads[count] = heap_alloc(&test->heap, 200)) != NULL)
        count++;
    for (int i = 0; i < count; i++)
        assert_int_equal(heap_free(&test->heap, payloads[i]), MM_OK);
    assert_non_null(heap_alloc(&test->heap,
                               (uint64_t)test->heap.span_quanta * 16 - 8));
    check(test, "one block of all there is");
    test_home_destroy(test);
}

static void levels_have_names(void **state)
{
    (void)state;
    assert_string_equal(heap_level_name(HEAP_LEVEL_NONE), "none");
    assert_string_equal(heap_level_name(HEAP_LEVEL_FULL), "full");
    assert_string_equal(heap_level_name(HEAP_LEVELS), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_overrun_of_one_byte_is_seen),
        cmocka_unit_test(a_trailer_follows_realloc),
        cmocka_unit_test(a_trailer_is_the_same_everywhere),
        cmocka_unit_test(freed_memory_has_a_pattern),
        cmocka_unit_test(a_freed_slot_has_a_pattern),
        cmocka_unit_test(what_is_freed_waits),
        cmocka_unit_test(the_order_of_reuse_follows_the_seed),
        cmocka_unit_test(a_large_range_ends_at_a_guard),
        cmocka_unit_test(random_programs_that_wait),
        cmocka_unit_test(a_refusal_frees_what_waits_first),
        cmocka_unit_test(levels_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

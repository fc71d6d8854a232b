/* SPDX-License-Identifier: MIT */
/*
 * test_classes.c - lists by size against a table that is built by counting
 *
 * The header computes a list from a size with shifts. The oracle here writes
 * down the first size of every list the slow way, by the sentence in the
 * header ("each doubling is shared by eight lists"), and searches the table.
 *
 * sources:
 */
#include "support.h"

#include "mm/heap.h"

enum { LISTS = RANGE_LISTS };

static uint64_t first_size[LISTS + 1];

static int build_table(void **state)
{
    unsigned k = 0;

    (void)state;
    for (uint64_t size = 1; size < 32; size++)
        first_size[k++] = size;
    for (uint64_t size = 32; size < UINT64_C(1) << 32; size *= 2) {
        for (uint64_t step = 0; step < 8; step++)
            first_size[k++] = size + step * (size / 8);
    }
    assert_int_equal(k, LISTS);
    first_size[k] = UINT64_C(1) << 32;
    return 0;
}

/* The list of UNITS, by binary search in the table. */
static unsigned oracle(uint32_t units)
{
    unsigned low = 0, high = LISTS;

    while (high - low > 1) {
        unsigned middle = (low + high) / 2;

        if (first_size[middle] <= units)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void expect_class(uint32_t units)
{
    unsigned k = oracle(units);

    if (class_of(units) != k)
        fail_msg("%u units: list %u, not %u", units, class_of(units), k);

    unsigned fits = first_size[k] == units ? k : k + 1;

    if (class_that_fits(units) != fits)
        fail_msg("%u units surely fit on list %u, not %u", units, fits,
                 class_that_fits(units));
}

static void sizes_have_their_list(void **state)
{
    uint64_t random = 1;

    (void)state;
    for (uint32_t units = 1; units < 300000; units++)
        expect_class(units);
    for (unsigned k = 1; k <= LISTS; k++) {
        for (int64_t near = -2; near <= 2; near++) {
            int64_t units = (int64_t)first_size[k] + near;

            if (units >= 1 && units <= UINT32_MAX)
                expect_class((uint32_t)units);
        }
    }
    for (int i = 0; i < 200000; i++)
        expect_class((uint32_t)random_next(&random) | 1);
}

static void lists_begin_where_they_should(void **state)
{
    (void)state;
    for (unsigned k = 0; k <= LISTS; k++)
        assert_true(class_size(k) == first_size[k]);
}

static void every_size_has_a_list_in_the_heap_and_in_the_ranges(void **state)
{
    (void)state;
    assert_int_equal(class_of(BLOCK_MAX_QUANTA), HEAP_LISTS - 1);
    assert_int_equal(class_of(UINT32_MAX), RANGE_LISTS - 1);
    assert_true(HEAP_MAP_WORDS * CLASS_WORD >= HEAP_LISTS);
    assert_true(RANGE_MAP_WORDS * CLASS_WORD >= RANGE_LISTS);
}

static void map_finds_the_first_list(void **state)
{
    uint64_t random = 7;

    (void)state;
    for (int round = 0; round < 2000; round++) {
        class_word map[CLASS_WORDS(128) + 1] = { 0 };
        bool set[128] = { false };
        map[CLASS_WORDS(128)] = UINTPTR_MAX;            /* a guard */

        unsigned density = (unsigned)random_below(&random, 9);

        for (unsigned i = 0; i < density * density; i++) {
            unsigned k = (unsigned)random_below(&random, 128);

            set[k] = random_below(&random, 4) != 0;
            if (set[k])
                class_map_set(map, k);
            else
                class_map_clear(map, k);
        }
        for (unsigned from = 0; from < 128; from++) {
            unsigned expected = from;

            while (expected < 128 && !set[expected])
                expected++;
            if (expected >= 128)
                expected = CLASS_NONE;
            assert_int_equal(class_map_find(map, CLASS_WORDS(128), from),
                             expected);
        }
        for (unsigned k = 0; k < 128; k++)
            assert_int_equal(class_map_has(map, k), set[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_have_their_list),
        cmocka_unit_test(lists_begin_where_they_should),
        cmocka_unit_test(every_size_has_a_list_in_the_heap_and_in_the_ranges),
        cmocka_unit_test(map_finds_the_first_list),
    };

    return cmocka_run_group_tests(tests, build_table, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * every.c - what is proved by trying everything
 *
 * Where provers have no theory (shifts by a number that is computed, the count
 * of leading zeroes, a sum inside a word) and there are few enough arguments:
 *
 *   class_of, class_size, class_that_fits (src/mm/classes.h)  every size of
 *       32 bits lies on its list, and a list surely fits exactly when it
 *       should; lists follow one another without a gap
 *   header_joined (src/mm/block.h)  every two sizes that fit one block, with
 *       all marks, and with each bit of the left neighbour's size 0 and 1
 */
#include "mm/block.h"
#include "mm/classes.h"

#include <stdio.h>

enum { LISTS = CLASS_COUNT(32) };

/* How many sizes are on the wrong list. */
static uint64_t wrong_lists(void)
{
    uint64_t wrong = class_size(0) != 1 ||
                     class_size(LISTS) != UINT64_C(1) << 32;

    for (unsigned k = 0; k < LISTS; k++) {
        uint64_t start = class_size(k), end = class_size(k + 1);

        wrong += start >= end;
        for (uint64_t units = start; units < end; units++) {
            unsigned sure = class_that_fits((uint32_t)units);

            /* On list k a piece may be as short as START. */
            wrong += class_of((uint32_t)units) != k ||
                     sure != (units == start ? k : k + 1);
        }
    }
    return wrong;
}

/* How many pairs of headers are joined wrongly. */
static uint64_t wrong_joins(uint32_t left_quanta)
{
    uint64_t wrong = 0;

    for (uint32_t marks = 0; marks < 4; marks++) {
        bool left_marked = marks & 1, right_marked = marks >> 1;

        for (uint32_t a = 0; a <= BLOCK_MAX_QUANTA; a++) {
            uint32_t left = block_header(left_quanta, a, left_marked, false);

            for (uint32_t b = 0; b <= BLOCK_MAX_QUANTA - a; b++) {
                uint32_t right = block_header(a, b, right_marked, false);

                wrong += header_joined(left, right) !=
                         block_header(left_quanta, a + b,
                                      left_marked || right_marked, false);
            }
        }
    }
    return wrong;
}

int main(void)
{
    uint64_t lists = wrong_lists();
    uint64_t joins = wrong_joins(0) + wrong_joins(BLOCK_MAX_QUANTA);

    printf("%llu of 4294967295 sizes and %llu of 4295098368 pairs of headers "
           "are wrong\n", (unsigned long long)lists,
           (unsigned long long)joins);
    return lists + joins > 0;
}

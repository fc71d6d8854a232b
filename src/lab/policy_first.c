/* SPDX-License-Identifier: MIT */
/*
 * policy_first.c - first fit: the first block that is large enough
 *
 * The list is walked from its front, and the first block that fits is taken.
 * By address, small remainders gather at the start of memory, and every
 * search passes them; large blocks stay whole at the end. Last freed first,
 * what was just used is used again.
 *
 * Reference: Knuth, TAOCP vol. 1, section 2.5, algorithm A.
 */
#include "policy.h"

static struct block *first_choose(struct heap *heap, uint32_t quanta,
                                  uint32_t align_quanta)
{
    struct block_list_cursor cursor;
    struct block *block = policy_list_first(heap, &cursor);

    while (block != NULL && !block_fits(heap, block, quanta, align_quanta))
        block = policy_list_next(&cursor, block);
    return block;
}

const struct heap_policy policy_first = {
    .name = "first",
    .idea = "the first block on the list that is large enough",
    .one_list = true,
    .choose = first_choose,
};

/* SPDX-License-Identifier: MIT */
/*
 * policy_worst.c - worst fit: the largest block
 *
 * The whole list is looked at. What is left over is as large as can be, and
 * so still good for something; but the large blocks are used up first, and a
 * large request finds none.
 */
#include "policy.h"

static struct block *worst_choose(struct heap *heap, uint32_t quanta,
                                  uint32_t align_quanta)
{
    struct block_list_cursor cursor;
    struct block *block = policy_list_first(heap, &cursor), *worst = NULL;

    for (; block != NULL; block = policy_list_next(&cursor, block)) {
        if (block_fits(heap, block, quanta, align_quanta) &&
            (worst == NULL || block_quanta(block) > block_quanta(worst)))
            worst = block;
    }
    return worst;
}

const struct heap_policy policy_worst = {
    .name = "worst",
    .idea = "the largest block",
    .one_list = true,
    .choose = worst_choose,
};

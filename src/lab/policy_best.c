/* SPDX-License-Identifier: MIT */
/*
 * policy_best.c - best fit: the smallest block that is large enough
 *
 * The whole list is looked at, unless a block fits exactly. What is left over
 * is as small as can be, often too small for anything; large blocks are cut
 * last.
 */
#include "policy.h"

static struct block *best_choose(struct heap *heap, uint32_t quanta,
                                 uint32_t align_quanta)
{
    struct block_list_cursor cursor;
    struct block *block = policy_list_first(heap, &cursor), *best = NULL;

    for (; block != NULL; block = policy_list_next(&cursor, block)) {
        if (!block_fits(heap, block, quanta, align_quanta))
            continue;
        if (best == NULL || block_quanta(block) < block_quanta(best))
            best = block;
        if (block_quanta(best) == quanta)
            break;
    }
    return best;
}

const struct heap_policy policy_best = {
    .name = "best",
    .idea = "the smallest block that is large enough",
    .one_list = true,
    .choose = best_choose,
};

/* SPDX-License-Identifier: MIT */
/*
 * policy_buddy.c - buddies: halves of halves, and only buddies join
 *
 * Theory of operation
 * -------------------
 * A request is rounded up to a power of two of quanta. A larger block is cut
 * in halves until one is of that size; the two halves of a cut are *buddies*.
 * A freed block joins its buddy, if that is free and whole, and the two are
 * what they were before the cut; then that one looks for its own buddy.
 *
 * The first block of a span need not be a power of two. So a block of any
 * size is cut at the largest power of two below its size, which is the half
 * where there is one:
 *
 *     |------------------ 4053 ------------------|
 *     |------- 2048 -------|------- 2005 --------|
 *     |-- 1024 --|- 1024 --|-- 1024 --|-- 981 ---|
 *
 * Who is whose buddy follows from the places alone: from the top, the cuts
 * are made again until one makes this block.
 *
 *   I3 holds only for buddies: other free neighbours stay apart, and so there
 *      can be enough free memory in one piece, and yet a refusal.
 *   B1 A used block is a power of two of quanta.
 *
 * What it costs: a block of 1025 bytes takes 2048 (internal fragmentation).
 * What it gives: in kernels, where requests are powers of two anyway, no
 * header would be needed at all.
 *
 * Reference: Knuth, TAOCP vol. 1, section 2.5, algorithms R and S.
 */
#include "policy.h"

static uint32_t buddy_round(const struct heap *heap, uint32_t quanta)
{
    uint32_t power = 1;

    (void)heap;
    while (power < quanta)
        power *= 2;
    return power;
}

/* The largest power of two below QUANTA, which is more than 1. */
static uint32_t buddy_cut(uint32_t quanta)
{
    uint32_t power = 1;

    while (power * 2 < quanta)
        power *= 2;
    return power;
}

static bool buddy_may_take(const struct heap *heap, const struct block *block,
                           uint32_t align_quanta)
{
    (void)heap;
    (void)block;
    return align_quanta == 1;
}

/* The smallest block that is large enough: of the lists from its own on, the
 * smallest of the first that has one. */
static struct block *buddy_choose(struct heap *heap, uint32_t quanta,
                                  uint32_t align_quanta)
{
    uint32_t left = heap->arena_quanta;
    unsigned k = class_of(quanta);

    if (align_quanta != 1)
        return NULL;
    for (; (k = class_map_find(heap->map, HEAP_MAP_WORDS, k)) != CLASS_NONE;
         k++) {
        struct block *block = block_at(heap, heap->lists[k]), *best = NULL;

        for (; block != NULL && left > 0; left--) {
            if (block_fits(heap, block, quanta, 1) &&
                (best == NULL || block_quanta(block) < block_quanta(best)))
                best = block;
            block = block_at(heap, block->next);
        }
        if (best != NULL)
            return best;
    }
    return NULL;
}

/* Whether one cut has made both LEFT and RIGHT. */
static bool buddy_joins(const struct heap *heap, const struct block *left,
                        const struct block *right)
{
    const struct block *first =
        span_first_block(heap, span_of(heap, left));
    uint32_t at = (uint32_t)((uintptr_t)left - (uintptr_t)first) / MM_QUANTUM;
    uint32_t both = block_quanta(left) + block_quanta(right);
    uint32_t start = 0, all = heap->span_quanta;

    while (all > both) {
        uint32_t cut = buddy_cut(all);

        if (at < start + cut) {
            all = cut;
        } else {
            start += cut;
            all -= cut;
        }
    }
    return at == start && all == both && all > 1 &&
           buddy_cut(all) == block_quanta(left);
}

static bool buddy_holds(const struct heap *heap, const struct block *block)
{
    (void)heap;
    return !block_is_used(block) || mm_is_power_of_two(block_quanta(block));
}

const struct heap_policy policy_buddy = {
    .name = "buddy",
    .idea = "the smallest block, halved until it fits; only the halves of one "
            "cut join again",
    .drops = "I3, but for buddies",
    .adds = "B1: a used block is a power of two of quanta",
    .fixed = true,
    .round = buddy_round,
    .choose = buddy_choose,
    .may_take = buddy_may_take,
    .cut = buddy_cut,
    .joins = buddy_joins,
    .holds = buddy_holds,
};

/* SPDX-License-Identifier: MIT */
/*
 * policy_bump.c - bump: the next memory that was never used
 *
 * A pointer (the heap's rover) stands where used memory ends. To allocate is
 * to move it on. What is freed is marked, and that is all: it is never joined
 * and never handed out again, until the whole heap is thrown away (`reset`).
 * Nothing is faster; programs that end soon, compilers and parsers live well
 * with it.
 *
 *   I3 does not hold: free neighbours stay apart.
 *   U1 Nothing behind the pointer, in its span, is in use: so no block is
 *      handed out twice.
 */
#include "policy.h"

/* Whether BLOCK was never used: it begins at the pointer, or fills a span
 * above it. */
static bool bump_may_take(const struct heap *heap, const struct block *block,
                          uint32_t align_quanta)
{
    block_ref ref = block_ref_of(heap, block);

    (void)align_quanta;
    return ref == heap->rover ||
           (ref > heap->rover && block_fills_span(block));
}

static struct block *bump_choose(struct heap *heap, uint32_t quanta,
                                 uint32_t align_quanta)
{
    struct block_list_cursor cursor;
    struct block *block = block_at(heap, heap->rover);

    if (block != NULL && block_is_free(block) && !block_is_end(block) &&
        block_fits(heap, block, quanta, align_quanta))
        return block;
    for (block = policy_list_first(heap, &cursor); block != NULL;
         block = policy_list_next(&cursor, block)) {
        if (bump_may_take(heap, block, align_quanta) &&
            block_fits(heap, block, quanta, align_quanta))
            return block;
    }
    return NULL;
}

static bool bump_joins(const struct heap *heap, const struct block *left,
                       const struct block *right)
{
    (void)heap;
    (void)left;
    (void)right;
    return false;
}

static bool bump_holds(const struct heap *heap, const struct block *block)
{
    block_ref ref = block_ref_of(heap, block);
    uint32_t span_quanta = heap->span_bytes / MM_QUANTUM;

    return ref < heap->rover || !block_is_used(block) ||
           ref / span_quanta != (heap->rover - 1) / span_quanta;
}

static void bump_took(struct heap *heap, const struct block *block)
{
    heap->rover = block_ref_of(heap, block) + block_quanta(block);
}

const struct heap_policy policy_bump = {
    .name = "bump",
    .idea = "the next memory that was never used; what is freed never comes "
            "back",
    .drops = "I3",
    .adds = "U1: nothing behind the pointer is in use",
    .holds = bump_holds,
    .one_list = true,
    .fixed = true,
    .choose = bump_choose,
    .may_take = bump_may_take,
    .joins = bump_joins,
    .took = bump_took,
};

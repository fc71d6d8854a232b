/* SPDX-License-Identifier: MIT */
/*
 * heap_fit.c - which free block? Segregated lists, in constant time
 *
 * Theory of operation
 * -------------------
 * A request of 5 quanta belongs to list 4, which holds blocks of exactly 5.
 * A request of 70 quanta belongs to the list of [64, 72), some of whose
 * blocks are too small. So:
 *
 *   1. The first HEAP_TRIES blocks of the request's own list are looked at.
 *      This is where the fit is tight, and where the block that was freed
 *      last lies, still in the cache.
 *   2. If none fits, the first list is taken on which every block is large
 *      enough, and of that the first block: one look at the map of lists.
 *   3. If there is none, the caller grows the heap by a span.
 *   4. Only when that is refused, heap_fit_any() looks at every block that
 *      could serve: so a refusal is never wrong, and a request that is
 *      granted has cost a constant.
 *
 * Aligned requests are the same with "fits" taken exactly in step 1 (the gap
 * in front of an aligned payload counts) and with the worst gap added to what
 * surely fits in step 2.
 *
 * heap->examined counts the blocks that were looked at.
 *
 * Lesson: docs/lessons/08-which-block.md
 */
#include "heap_policy.h"

/* The quanta in front of the first payload in BLOCK that is a multiple of
 * ALIGN_QUANTA; they would stay a free block. */
uint32_t block_gap(const struct heap *heap, const struct block *block,
                   uint32_t align_quanta)
{
    return (uint32_t)(0 - block_ref_of(heap, block)) & (align_quanta - 1);
}

/* BLOCK is looked at. */
static void block_look(struct heap *heap, const struct block *block)
{
    heap->examined++;
    if (!MM_OBSERVED || heap->looks == NULL)
        return;
    if (heap->looks->count < HEAP_LOOKS)
        heap->looks->at[heap->looks->count] = block_ref_of(heap, block);
    heap->looks->count++;
}

/* Looks at the free BLOCK: is there room for QUANTA at a multiple of
 * ALIGN_QUANTA? */
bool block_fits(struct heap *heap, const struct block *block, uint32_t quanta,
                uint32_t align_quanta)
{
    block_look(heap, block);
    return block_quanta(block) >=
           quanta + block_gap(heap, block, align_quanta);
}

/*
 * A free block for QUANTA at a multiple of ALIGN_QUANTA (a power of two; 1:
 * any) by steps 1 and 2; NULL when these find none. It stays on its list.
 * In a checked heap its header and links are still to be vetted.
 */
struct block *heap_fit(struct heap *heap, uint32_t quanta,
                       uint32_t align_quanta)
{
    if (heap_policy(heap) != NULL)
        return heap->policy->choose(heap, quanta, align_quanta);

    unsigned own = class_of(quanta);
    unsigned sure = class_that_fits(quanta + align_quanta - 1);
    struct block *block = NULL;

    if (own < sure)
        block = block_at(heap, heap->lists[own]);
    for (int i = 0; block != NULL && i < HEAP_TRIES; i++) {
        if (block_fits(heap, block, quanta, align_quanta))
            return block;
        block = block_at(heap, block->next);
    }

    unsigned k = class_map_find(heap->map, HEAP_MAP_WORDS, sure);

    if (k == CLASS_NONE)
        return NULL;
    block = block_at(heap, heap->lists[k]);
    if (block != NULL)
        block_look(heap, block);
    return block;
}

/*
 * Step 4: the first block of any list that fits and that ACCEPT agrees to;
 * NULL when there is none. Time: every block that is large enough, and the
 * too small ones of the own list. Ends in damaged memory too: no more blocks
 * are looked at than the arena can hold.
 */
struct block *heap_fit_any(struct heap *heap, uint32_t quanta,
                           uint32_t align_quanta,
                           bool (*accept)(struct heap *heap,
                                          struct block *block,
                                          uint32_t quanta,
                                          uint32_t align_quanta))
{
    uint32_t left = heap->arena_quanta;

    for (unsigned k = block_list_of(heap, quanta);; k++) {
        k = class_map_find(heap->map, HEAP_MAP_WORDS, k);
        if (k == CLASS_NONE)
            return NULL;

        struct block *block = block_at(heap, heap->lists[k]);

        for (; block != NULL && left > 0; left--) {
            if (block_fits(heap, block, quanta, align_quanta) &&
                policy_may_take(heap, block, align_quanta) &&
                accept(heap, block, quanta, align_quanta))
                return block;
            block = block_at(heap, block->next);
        }
    }
}

/* SPDX-License-Identifier: MIT */
/*
 * heap_kept.c - freed blocks that their heap keeps for the next request
 *
 * Programs free a block and soon ask for one of the same size. Joining it
 * with its neighbours only to cut it off again is work for nothing, so a heap
 * may *keep* a few freed blocks of each size, and hand them out as they are.
 * To the blocks around them they are used; the header's mark says kept.
 *
 *      kept[quanta] --> | h: used, kept | next | ...    a list through payloads
 *
 * What is kept cannot coalesce, and is memory that nobody uses. So it is
 * bounded, in number for each size and in quanta for all; and before a heap
 * grows or trims, everything that it keeps is freed in earnest.
 *
 *   K1  A kept block is marked in its header, and on the list of its size.
 *   K2  kept_room and the quanta on the lists add up to keep_quanta, which
 *       grows with the heap, a twentieth of each span, up to keep_max.
 *
 * The lab's own heap keeps none (keep_max is 0).
 */
#include "heap_parts.h"

/* Step KEEP: the used BLOCK, freed by its owner, goes on a kept list. False
 * when there is no room for it. */
bool block_keep(struct heap *heap, struct block *block)
{
    uint32_t quanta = block_quanta(block);

    if (quanta >= KEPT_SIZES || heap->kept_room < (int32_t)quanta ||
        heap->kept_count[quanta] == KEPT_PER_SIZE)
        return false;
    kept_push(heap, block, quanta);
    live_set(heap, block, false);
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_KEEP,
        .owner = (uint16_t)heap->owner,
        .at = block_at_bytes(heap, block),
        .size = block_size(block),
    });
    return true;
}

/* Step REUSE: a kept block of QUANTA is in use again; NULL when there is
 * none. */
struct block *block_reuse(struct heap *heap, uint32_t quanta,
                          uint64_t request)
{
    if (quanta >= KEPT_SIZES || heap->kept[quanta] == BLOCK_NIL)
        return NULL;

    struct block *block = kept_pop(heap, quanta);

    live_set(heap, block, true);
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_REUSE,
        .owner = (uint16_t)heap->owner,
        .at = block_at_bytes(heap, block),
        .size = block_size(block),
        .request = request,
    });
    return block;
}

/* Frees in earnest what is kept. Whether there was any. */
bool heap_flush_kept(struct heap *heap)
{
    bool any = heap->kept_room < (int32_t)heap->keep_quanta;

    for (uint32_t quanta = 1; any && quanta < KEPT_SIZES; quanta++)
        while (heap->kept[quanta] != BLOCK_NIL)
            block_free(heap, kept_pop(heap, quanta), MM_USE_KEPT);
    return any;
}

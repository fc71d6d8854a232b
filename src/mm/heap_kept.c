/* SPDX-License-Identifier: MIT */
/*
 * heap_kept.c - freed blocks that their heap keeps for the next request
 *
 * Programs free a block and soon ask for one of the same size. Joining it
 * with its neighbours only to cut it off again is work for nothing, so a heap
 * may *keep* a few freed blocks of each size class, and hand them out as they
 * are. To the blocks around them they are used; the header's mark says kept.
 *
 *      kept[k] --> | h: used, kept | next | ...   a list through the payloads
 *
 * What is kept cannot coalesce, and is memory that nobody uses. So it is
 * bounded, in number for each class and in bytes for all; and before a heap
 * grows or trims, everything that it keeps is freed in earnest.
 *
 *   K1  A kept block is marked in its header, and on the list of its class.
 *   K2  kept_bytes is the sum of their sizes, and at most keep_bytes.
 *
 * The lab's own heap keeps none (keep_bytes is 0).
 */
#include "heap_parts.h"

/* The word of a kept block's payload that leads to the next. */
static block_ref *kept_link(const struct block *block)
{
    return block_payload(block);
}

/* Step KEEP: the used BLOCK, freed by its owner, goes on a kept list. False
 * when there is no room for it. */
bool block_keep(struct heap *heap, struct block *block)
{
    uint32_t quanta = block_quanta(block);

    if (heap->keep_bytes == 0 || quanta > KEPT_MAX_QUANTA ||
        heap->kept_bytes + quanta * MM_QUANTUM > heap->keep_bytes)
        return false;

    unsigned k = class_of(quanta);

    if (heap->kept_count[k] == KEPT_PER_CLASS)
        return false;
    heap->kept_count[k]++;
    heap->kept_bytes += quanta * MM_QUANTUM;
    *kept_link(block) = heap->kept[k];
    heap->kept[k] = block_ref_of(heap, block);
    block_set_marked(block, true);
    live_set(heap, block, false);
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_KEEP,
        .owner = (uint16_t)heap->owner,
        .at = block_at_bytes(heap, block),
        .size = block_size(block),
    });
    return true;
}

/* Takes the first block off kept list K, which has one. */
static struct block *kept_pop(struct heap *heap, unsigned k)
{
    struct block *block = block_at(heap, heap->kept[k]);

    heap->kept[k] = *kept_link(block);
    heap->kept_count[k]--;
    heap->kept_bytes -= block_size(block);
    block_set_marked(block, false);
    return block;
}

/* Step REUSE: a kept block of at least QUANTA, of the same class, is in use
 * again; NULL when there is none. */
struct block *block_reuse(struct heap *heap, uint32_t quanta,
                          uint64_t request)
{
    if (quanta > KEPT_MAX_QUANTA || heap->kept_bytes == 0)
        return NULL;

    unsigned k = class_of(quanta);
    struct block *block = block_at(heap, heap->kept[k]);

    if (block == NULL || block_quanta(block) < quanta)
        return NULL;
    kept_pop(heap, k);
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
    bool any = heap->kept_bytes > 0;

    for (unsigned k = 0; heap->kept_bytes > 0 && k < KEPT_CLASSES; k++)
        while (heap->kept[k] != BLOCK_NIL)
            block_free(heap, kept_pop(heap, k), MM_USE_KEPT);
    return any;
}

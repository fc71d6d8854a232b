/* SPDX-License-Identifier: MIT */
/*
 * heap_quick.c - the same alloc and free, where nobody watches
 *
 * Theory of operation
 * -------------------
 * heap.c builds alloc and free of steps that somebody may watch, in memory
 * that may be doubted, with blocks that a policy may choose. A heap that has
 * none of the three is *plain* (heap_is_plain), and there the same changes are
 * made in one pass: each header is read once and written once, and a list
 * whose first block stays the first is not unlinked and linked again.
 *
 * The outcome is the same to the last byte. What is rare is left to heap.c:
 * pages that must be held first, a heap that must grow, a span that has become
 * empty, pages to give back.
 *
 * So the two doors of every heap, heap_alloc() and heap_free(), are here: they
 * lead to the short cut, or to the long way. In all of this a function either
 * ends with a call or makes none: then the compiler has nothing to save.
 *
 * Test: tests/unit/test_quick.c does the same work in a plain heap and in one
 * that is watched, and compares their memory.
 */
#include "heap_lists.h"

/* Takes QUANTA of the free BLOCK, named REF, on list K; the pages that this
 * needs are held. Answers the payload. */
MM_INLINE void *quick_take(struct heap *heap, struct block *block,
                           block_ref ref, unsigned k, uint32_t quanta)
{
    uint32_t header = block->header, all = header_quanta(header);
    uint32_t rest_quanta = all - quanta;

    if (all == heap->span_quanta)
        span_is_used(heap, block);
    if (rest_quanta == 0) {
        block->header = header_used(header);
        list_unlink(heap, block, k);
        return block_payload(block);
    }

    struct block *rest = block_behind(block, quanta);

    block->header = header_used(header_with_quanta(header, quanta));
    rest->header = header_cut(header, quanta);
    block_set_left_quanta(block_behind(block, all), rest_quanta);
    list_replace(heap, block, k, rest, ref + quanta, class_of(rest_quanta));
    return block_payload(block);
}

/* The same of a hollow BLOCK, whose pages are held or not. */
static MM_COLD void *quick_take_hollow(struct heap *heap, struct block *block,
                                       unsigned k, uint64_t size)
{
    uint32_t quanta = quanta_for(size), start, end;

    block_needs(heap, block, block_quanta(block), 0, quanta, &start, &end);
    if (!span_all_held(span_of(heap, block), start / MM_PAGE + 1,
                       (end + MM_PAGE - 1) / MM_PAGE))
        return heap_alloc_slowly(heap, size);
    return quick_take(heap, block, block_ref_of(heap, block), k, quanta);
}

/* A block with a payload of SIZE bytes. Chooses as heap_fit(). */
void *block_alloc_quick(struct heap *heap, uint64_t size)
{
    uint32_t quanta = quanta_for(size);
    unsigned k = class_of(quanta);
    block_ref ref;
    struct block *block;

    if (quanta >= CLASS_EXACT) {
        ref = heap->lists[k];
        for (int i = 0; ref != BLOCK_NIL && i < HEAP_TRIES; i++) {
            block = block_named(heap, ref);
            heap->examined++;
            if (block_quanta(block) >= quanta)
                goto found;
            ref = block->next;
        }
        k++;
    }
    k = class_map_find(heap->map, HEAP_MAP_WORDS, k);
    if (k == CLASS_NONE)
        return heap_alloc_slowly(heap, size);
    ref = heap->lists[k];
    block = block_named(heap, ref);
    heap->examined++;
found:
    return block_is_hollow(block) && !block_is_near(block, quanta)
               ? quick_take_hollow(heap, block, k, size)
               : quick_take(heap, block, ref, k, quanta);
}

/* Frees the used BLOCK. */
enum mm_fault block_free_quick(struct heap *heap, struct block *block)
{
    uint32_t header = header_free(block->header);
    uint32_t left_quanta = header_left_quanta(header);
    struct block *left = block_before(block, left_quanta);
    struct block *right = block_behind(block, header_quanta(header));
    uint32_t right_header = right->header;
    bool join_right = !header_is_used(right_header);

    if (join_right)
        header = header_joined(header, right_header);
    block->header = header;
    if (left_quanta > 0 && block_is_free(left)) {
        if (join_right)
            list_unlink(heap, right, class_of(header_quanta(right_header)));
        block = left;
        header = header_joined(block->header, header);
        block->header = header;
        list_replace(heap, block, class_of(left_quanta), block,
                     block_ref_of(heap, block),
                     class_of(header_quanta(header)));
    } else if (join_right) {
        list_replace(heap, right, class_of(header_quanta(right_header)),
                     block, block_ref_of(heap, block),
                     class_of(header_quanta(header)));
    } else {
        list_push(heap, block, block_ref_of(heap, block),
                  class_of(header_quanta(header)));
    }

    uint32_t quanta = header_quanta(header);

    block_set_left_quanta(block_behind(block, quanta), quanta);
    return quanta >= heap->spare_quanta ? block_spare(heap, block) : MM_OK;
}

/* Both in a heap that keeps blocks. */
static MM_COLD void *quick_reuse(struct heap *heap, uint64_t size)
{
    struct block *block = block_reuse(heap, quanta_for(size), size);

    return block != NULL ? block_payload(block)
                         : block_alloc_quick(heap, size);
}

static MM_COLD enum mm_fault quick_keep(struct heap *heap,
                                        struct block *block)
{
    return block_keep(heap, block) ? MM_OK : block_free_quick(heap, block);
}

/* ---- the two doors ---------------------------------------------------- */

void *heap_alloc(struct heap *heap, uint64_t size)
{
    if (!heap_is_plain(heap) || size > heap->large_bytes ||
        heap_wants_slot(heap, size))
        return heap_alloc_slowly(heap, size);
    heap_refusal_clear(heap);
    return heap->keep_max > 0 ? quick_reuse(heap, size)
                              : block_alloc_quick(heap, size);
}

enum mm_fault heap_free(struct heap *heap, void *payload)
{
    if (payload == NULL || !heap_is_plain(heap) ||
        heap_tag_of(heap, payload) != span_tag(SPAN_TAG_BLOCKS, heap->owner))
        return heap_free_slowly(heap, payload);
    heap_refusal_clear(heap);
    return heap->keep_max > 0
               ? quick_keep(heap, block_of(payload))
               : block_free_quick(heap, block_of(payload));
}

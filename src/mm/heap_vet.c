/* SPDX-License-Identifier: MIT */
/*
 * heap_vet.c - distrust: is this memory what the allocator left there?
 *
 * In a checked heap nothing is believed that the caller could have written.
 * Before an operation changes anything, it asks here about every block that
 * it is going to touch. Each answer costs a constant: a header is compared
 * with what its two neighbours say, a link with the block it leads to.
 *
 * What a header says twice is what makes this possible. The size of a block
 * stands in its own header and, as "left's size", in its right neighbour's:
 *
 *       | h: own 3 |   ...   | h: left 3, own 2 | ... | h: left 2, ...
 *              ^-------------------^     ^-----------------^
 *
 * An overrun from the left changes the first of a pair, and the second still
 * tells the truth. When a pair disagrees, a second pair decides who lied.
 *
 * None of this writes, and none of it reads outside the arena, whatever the
 * memory contains: offsets are checked before they are followed.
 */
#include "heap_parts.h"

/* Whether BLOCK's own size leads to a header inside its span. */
static bool size_is_possible(const struct heap *heap,
                             const struct block *block)
{
    uint32_t in_span = (uint32_t)(heap_at(heap, block) &
                                  (heap->span_bytes - 1));

    return in_span >= heap->head_bytes && !block_is_end(block) &&
           block_size(block) <= heap->span_bytes - BLOCK_HEADER - in_span;
}

/* Whether BLOCK's right neighbour repeats its size. */
static bool right_agrees(const struct heap *heap, const struct block *block)
{
    return size_is_possible(heap, block) &&
           block_left_quanta(block_right(block)) == block_quanta(block);
}

/* Whether what BLOCK says about its left neighbour is possible, and the
 * neighbour says the same. */
static bool left_agrees(const struct heap *heap, const struct block *block)
{
    uint32_t in_span = (uint32_t)(heap_at(heap, block) &
                                  (heap->span_bytes - 1));
    uint32_t left_bytes = block_left_quanta(block) * MM_QUANTUM;

    if (in_span == heap->head_bytes)
        return left_bytes == 0;
    return left_bytes > 0 && left_bytes <= in_span - heap->head_bytes &&
           block_quanta(block_left(block)) == block_left_quanta(block);
}

/* BLOCK and its left neighbour disagree: MM_BAD_LEFT when the neighbour is
 * at odds with its own left too, or has no size; else it is BLOCK. */
static enum mm_fault blame_left(struct heap *heap, const struct block *block)
{
    uint32_t in_span = (uint32_t)(heap_at(heap, block) &
                                  (heap->span_bytes - 1));
    uint32_t left_bytes = block_left_quanta(block) * MM_QUANTUM;

    if (left_bytes > 0 && left_bytes <= in_span - heap->head_bytes &&
        !left_agrees(heap, block_left(block)))
        return heap_blame(heap, MM_BAD_LEFT,
                          block_at_bytes(heap, block_left(block)));
    return heap_blame(heap, MM_BAD_HEADER, block_at_bytes(heap, block));
}

/* Whether the free BLOCK's links lead to blocks that lead back. */
static bool links_agree(const struct heap *heap, const struct block *block)
{
    block_ref ref = block_ref_of(heap, block);
    const struct block *next = block_at(heap, block->next);
    const struct block *previous = block_at(heap, block->previous);

    if (block->next != BLOCK_NIL && (next == NULL || next->previous != ref))
        return false;
    if (block->previous != BLOCK_NIL)
        return previous != NULL && previous->next == ref;
    return heap->lists[class_of(block_quanta(block))] == ref;
}

/* Whether BLOCK is what a free block on a list looks like. */
enum mm_fault heap_vet_free(struct heap *heap, const struct block *block)
{
    uint64_t at = block_at_bytes(heap, block);

    if (!block_is_free(block) || !right_agrees(heap, block) ||
        !left_agrees(heap, block))
        return heap_blame(heap, MM_BAD_HEADER, at);
    if (!links_agree(heap, block))
        return heap_blame(heap, MM_BAD_LINK, at);
    return MM_OK;
}

/* Whether the header of the used BLOCK and both neighbours' are in order. */
enum mm_fault heap_vet_used(struct heap *heap, const struct block *block)
{
    uint64_t at = block_at_bytes(heap, block);

    if (!block_is_used(block) || !size_is_possible(heap, block))
        return heap_blame(heap, MM_BAD_HEADER, at);

    const struct block *right = block_right(block);

    if (!right_agrees(heap, block)) {
        /* Who lies? A right neighbour whose own right agrees with it is in
         * order, or is not the neighbour at all: then this header lies. */
        if (!block_is_end(right) && right_agrees(heap, right))
            return heap_blame(heap, MM_BAD_HEADER, at);
        return heap_blame(heap, MM_BAD_RIGHT, block_at_bytes(heap, right));
    }
    if (!left_agrees(heap, block))
        return blame_left(heap, block);
    if (!block_is_first(block) && block_is_free(block_left(block)) &&
        heap_vet_free(heap, block_left(block)) != MM_OK)
        return heap_blame(heap, heap->refusal == MM_BAD_LINK ? MM_BAD_LINK
                                                             : MM_BAD_LEFT,
                          block_at_bytes(heap, block_left(block)));
    if (block_is_free(right) && heap_vet_free(heap, right) != MM_OK)
        return heap_blame(heap, heap->refusal == MM_BAD_LINK ? MM_BAD_LINK
                                                             : MM_BAD_RIGHT,
                          block_at_bytes(heap, right));
    if (block_is_end(right) ? right != span_end_block(heap,
                                                      span_of(heap, block))
                            : !size_is_possible(heap, right))
        return heap_blame(heap, MM_BAD_RIGHT, block_at_bytes(heap, right));
    return MM_OK;
}

/* Whether SPAN's head is one of a span of blocks, of a heap that exists. */
bool span_head_is_possible(const struct heap *heap, const struct span *span)
{
    const struct mm_home *home = heap->home;

    return span->kind == SPAN_OF_BLOCKS &&
           span->pages == heap->span_bytes / MM_PAGE &&
           (span->owner == heap->owner ||
            (home->heap_of != NULL &&
             home->heap_of(home->context, span->owner) != NULL));
}

/*
 * Whether PAYLOAD is the start of something that is handed out: the address
 * may be anything. Asks the arena's bounds and the tree of ranges first, then
 * the span's head, and the live bit; of what lies around the payload nothing
 * is believed.
 */
enum mm_fault heap_vet_address(struct heap *heap, const void *payload)
{
    uint64_t at = heap_at(heap, payload);

    if (at >= heap_arena_bytes(heap))
        return heap_blame(heap, MM_OUTSIDE, 0);

    const struct range_tag *range =
        ranges_find(heap->ranges, (uint32_t)(at / MM_PAGE));

    if (range == NULL)
        return heap_blame(heap, MM_BAD_TAG, at);
    if (range->type == RANGE_LARGE) {
        struct span *large = span_at(heap, (uint64_t)range->start * MM_PAGE);

        if (large->kind != SPAN_OF_LARGE || large->pages != range->pages)
            return heap_blame(heap, MM_BAD_SPAN, heap_at(heap, large));
        if (at != (uint64_t)range->start * MM_PAGE + large->owner)
            return heap_blame(heap, MM_NOT_LIVE, at);
        if (tag_what(heap_tag_of(heap, payload)) != SPAN_TAG_LARGE)
            return heap_blame(heap, MM_BAD_SPAN, heap_at(heap, large));
        return MM_OK;
    }
    if (range->type != RANGE_SPAN)
        return heap_blame(heap, MM_NOT_LIVE, at);

    struct span *span = span_of(heap, payload);
    uint32_t tag = *span_tag_of(heap, span, payload);

    if (!span_head_is_possible(heap, span) ||
        (tag != span_tag(SPAN_TAG_BLOCKS, span->owner) &&
         tag != span_tag(SPAN_TAG_SLOTS, span->owner)))
        return heap_blame(heap, MM_BAD_SPAN, heap_at(heap, span));
    if ((at & (heap->span_bytes - 1)) < heap->head_bytes + BLOCK_HEADER)
        return heap_blame(heap, MM_NOT_LIVE, at);
    if (tag_what(tag) == SPAN_TAG_SLOTS)
        return slot_vet_address(heap, payload);
    if (at % MM_QUANTUM != 0)
        return heap_blame(heap, MM_MISALIGNED, at);
    if (!live_is_set(heap, at))
        return heap_blame(heap, MM_NOT_LIVE, at);
    return heap_vet_used(heap, block_of(payload));
}

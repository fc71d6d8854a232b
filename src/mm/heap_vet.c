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

/* Whether the page under the header IN_SPAN bytes into BLOCK's span is held:
 * else there is no header, and nothing to read. */
static bool header_is_held(const struct heap *heap, const struct block *block,
                           uint32_t in_span)
{
    return span_page_is_held(span_of(heap, block), in_span / MM_PAGE);
}

/* Whether BLOCK's own size leads to a header inside its span. */
static bool size_is_possible(const struct heap *heap,
                             const struct block *block)
{
    uint32_t in_span = (uint32_t)(heap_at(heap, block) &
                                  (heap->span_bytes - 1));

    return in_span >= heap->head_bytes && !block_is_end(block) &&
           block_size(block) <= heap->span_bytes - BLOCK_HEADER - in_span &&
           header_is_held(heap, block, in_span + block_size(block));
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
           header_is_held(heap, block, in_span - left_bytes) &&
           block_quanta(block_left(block)) == block_left_quanta(block);
}

/*
 * BLOCK and its left neighbour disagree about where it starts. Who lies? The
 * span's first blocks are walked to the right: where that walk meets BLOCK,
 * the left neighbour is known, and BLOCK lies; where it meets the block that
 * BLOCK takes for its neighbour, that one's size lies.
 */
static enum mm_fault blame_left(struct heap *heap, const struct block *block)
{
    const struct block *walk = span_first_block(heap, span_of(heap, block));
    const struct block *left = block_left(block);

    while (walk != left && walk < block && size_is_possible(heap, walk)) {
        if (block_right(walk) == block)
            return heap_blame(heap, MM_BAD_HEADER,
                              block_at_bytes(heap, block));
        walk = block_right(walk);
    }
    return heap_blame(heap, MM_BAD_LEFT, block_at_bytes(heap, walk));
}

/* The same on the right: the span's last blocks are walked to the left, until
 * they meet BLOCK, which then lies, or what it takes for its neighbour. */
static enum mm_fault blame_right(struct heap *heap, const struct block *block)
{
    const struct block *walk = span_end_block(heap, span_of(heap, block));
    const struct block *right = block_right(block);

    while (walk != right) {
        const struct block *left = block_left(walk);

        if (left == walk || left < block ||
            !header_is_held(heap, block,
                            (uint32_t)(heap_at(heap, left) &
                                       (heap->span_bytes - 1))))
            break;
        if (block_left(walk) == block)
            return heap_blame(heap, MM_BAD_HEADER,
                              block_at_bytes(heap, block));
        walk = block_left(walk);
    }
    return heap_blame(heap, MM_BAD_RIGHT, block_at_bytes(heap, walk));
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
    return heap->lists[block_list_of(heap, block_quanta(block))] == ref;
}

/* Whether BLOCK is what a free block on a list looks like. */
enum mm_fault heap_vet_free(struct heap *heap, const struct block *block)
{
    uint64_t at = block_at_bytes(heap, block);

    if (!block_is_free(block) || !right_agrees(heap, block) ||
        !left_agrees(heap, block) || live_is_set(heap, at))
        return heap_blame(heap, MM_BAD_HEADER, at);
    if (!links_agree(heap, block))
        return heap_blame(heap, MM_BAD_LINK, at);
    if (heap_has_poison(heap) && !care_block_is_poisoned(heap, block))
        return heap_blame(heap, MM_BAD_POISON, at);
    return MM_OK;
}

/* Whether the neighbour NEXT_TO of a block is used as a live or kept one, or
 * free as one on a list; else FAULT, MM_BAD_LINK or MM_BAD_POISON. */
static enum mm_fault vet_neighbour(struct heap *heap,
                                   const struct block *next_to,
                                   enum mm_fault fault)
{
    uint64_t at = block_at_bytes(heap, next_to);

    if (block_is_free(next_to)) {
        if (heap_vet_free(heap, next_to) == MM_OK)
            return MM_OK;
        return heap->refusal == MM_BAD_HEADER
                   ? heap_blame(heap, fault, at)
                   : (enum mm_fault)heap->refusal;
    }
    if (!right_agrees(heap, next_to) ||
        live_is_set(heap, at) == block_is_kept(next_to))
        return heap_blame(heap, fault, at);
    return MM_OK;
}

/* Whether the header of the used BLOCK and both neighbours' are in order. */
enum mm_fault heap_vet_used(struct heap *heap, const struct block *block)
{
    uint64_t at = block_at_bytes(heap, block);
    enum mm_fault fault = MM_OK;

    if (!block_is_used(block) || !size_is_possible(heap, block))
        return heap_blame(heap, MM_BAD_HEADER, at);
    if (!right_agrees(heap, block))
        return blame_right(heap, block);
    if (!left_agrees(heap, block))
        return blame_left(heap, block);

    const struct block *right = block_right(block);

    if (!block_is_first(block))
        fault = vet_neighbour(heap, block_left(block), MM_BAD_LEFT);
    if (fault != MM_OK)
        return fault;
    if (right != span_end_block(heap, span_of(heap, block)))
        return vet_neighbour(heap, right, MM_BAD_RIGHT);
    if (!block_is_end(right) || !block_is_used(right))
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

/* Whether the payload at AT of SPAN was freed by another thread already, and
 * waits for its owner. Asked only where steps are observed, that is, taken
 * one at a time: the list belongs to its owner. */
static bool remote_waits(const struct heap *heap, const struct span *span,
                         uint64_t at)
{
    const struct mm_home *home = heap->home;

    if (!MM_OBSERVED || home->event == NULL || home->heap_of == NULL)
        return false;
    if (span->owner == heap->owner)
        return heap_remote_has(heap, at);
    return heap_remote_has(home->heap_of(home->context, span->owner), at);
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

    /* Other threads may be at the ranges: take a copy of the tag. */
    struct range_tag range = { 0 };

    mm_lock(heap->home);

    const struct range_tag *found =
        ranges_find(heap->ranges, (uint32_t)(at / MM_PAGE));

    if (found != NULL)
        range = *found;
    mm_unlock(heap->home);
    if (found == NULL)
        return heap_blame(heap, MM_BAD_TAG, at);
    if (range.type == RANGE_LARGE) {
        struct span *large = span_at(heap, (uint64_t)range.start * MM_PAGE);

        if (large->kind != SPAN_OF_LARGE || large->pages != range.pages)
            return heap_blame(heap, MM_BAD_SPAN, heap_at(heap, large));
        if (at != (uint64_t)range.start * MM_PAGE + large->owner)
            return heap_blame(heap, MM_NOT_LIVE, at);
        if (tag_what(heap_tag_of(heap, payload)) != SPAN_TAG_LARGE)
            return heap_blame(heap, MM_BAD_SPAN, heap_at(heap, large));
        return MM_OK;
    }
    if (range.type != RANGE_SPAN)
        return heap_blame(heap, MM_NOT_LIVE, at);

    struct span *span = span_of(heap, payload);
    uint32_t tag = *span_tag_of(heap, span, payload);

    if (!span_head_is_possible(heap, span) ||
        (tag != span_tag(SPAN_TAG_BLOCKS, span->owner) &&
         (tag_what(tag) != SPAN_TAG_SLOTS ||
          tag_owner(tag) != span->owner)))
        return heap_blame(heap, MM_BAD_SPAN, heap_at(heap, span));
    if ((at & (heap->span_bytes - 1)) < heap->head_bytes + BLOCK_HEADER)
        return heap_blame(heap, MM_NOT_LIVE, at);
    if (remote_waits(heap, span, at))
        return heap_blame(heap, MM_NOT_LIVE, at);
    if (tag_what(tag) == SPAN_TAG_SLOTS)
        return slot_vet_address(heap, payload);
    if (at % MM_QUANTUM != 0)
        return heap_blame(heap, MM_MISALIGNED, at);
    if (!live_is_set(heap, at))
        return heap_blame(heap, MM_NOT_LIVE, at);
    /* The neighbours of another thread's block are for its owner to judge,
     * when it takes the block from its remote list. */
    if (span->owner != heap->owner)
        return MM_OK;
    return heap_vet_used(heap, block_of(payload));
}

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
 * empty, pages to give back. Whether the pages are held that a part of a
 * hollow block needs is asked with one comparison: a span's head says where
 * its first hole is (`solid`), and what lies behind that goes the long way.
 *
 * The usual case comes first and is short: the first block of the first list
 * that is not empty fits exactly; a block is freed between two used ones. Each
 * other case is a function of its own, in its place at the end of another. So
 * a function either ends with a call or makes none, and the compiler has
 * nothing to save, least of all for what does not happen.
 *
 * The two doors of every heap, heap_alloc() and heap_free(), are here too:
 * they lead to the short cut, or to the long way.
 *
 * Test: tests/unit/test_quick.c does the same work in a plain heap and in one
 * that is watched, and compares their memory.
 */
#include "heap_lists.h"

/* A call that went well has looked at EXAMINED blocks. */
MM_INLINE void quick_succeed(struct heap *heap, uint32_t examined)
{
    heap_refusal_clear(heap);
    heap->examined = examined;
}

/* Takes all of the free BLOCK, which is not hollow, the first on list K.
 * Answers the payload. */
MM_INLINE void *quick_take(struct heap *heap, struct block *block, unsigned k,
                           uint32_t examined)
{
    quick_succeed(heap, examined);
    block->header |= BLOCK_USED;
    list_drop_first(heap, k, block->next);
    return block_payload(block);
}

/* Takes QUANTA, for SIZE bytes, of the free BLOCK, the first on list K, which
 * is longer or hollow. Answers the payload. */
static MM_COLD void *quick_cut(struct heap *heap, uint64_t size,
                               struct block *block, unsigned k,
                               uint32_t quanta, uint32_t examined)
{
    uint32_t header = block->header;
    uint32_t all = header_quanta(header), rest_quanta = all - quanta;

    if (header_is_marked(header) && !block_is_solid(heap, block, quanta))
        return heap_alloc_slowly(heap, size);
    quick_succeed(heap, examined);
    if (all == heap->span_quanta)
        span_is_used(heap, block);

    struct block *rest = block_behind(block, quanta);
    block_ref ref = block_ref_of(heap, rest), next = block->next;
    unsigned rest_k = class_of(rest_quanta);

    block->header = header_used(header_with_quanta(header, quanta));
    rest->header = header_cut(header, quanta);
    block_left_shrinks(block_behind(rest, rest_quanta), quanta);
    if (rest_k == k) {
        list_set_first(heap, k, rest, ref, next);
    } else {
        list_drop_first(heap, k, next);
        list_push(heap, rest, ref, rest_k);
    }
    return block_payload(block);
}

/* The same of BLOCK where it is as long or longer, and not the first; a hollow
 * one is left to the steps. */
static MM_COLD void *quick_take_later(struct heap *heap, uint64_t size,
                                      struct block *block, unsigned k,
                                      uint32_t quanta, uint32_t examined)
{
    if (block_is_hollow(block))
        return heap_alloc_slowly(heap, size);

    /* What remains of it will be in front. */
    list_unlink(heap, block, k);
    list_push(heap, block, block_ref_of(heap, block), k);
    return block_quanta(block) > quanta
               ? quick_cut(heap, size, block, k, quanta, examined)
               : quick_take(heap, block, k, examined);
}

/* A block for SIZE bytes, where the FIRST on list K, the one of QUANTA, is
 * too short: another of these, or the first of a longer list. */
static MM_COLD void *quick_look_on(struct heap *heap, uint64_t size,
                                   const struct block *first, unsigned k,
                                   uint32_t quanta)
{
    uint32_t examined = 1;

    for (block_ref ref = first->next;
         ref != BLOCK_NIL && examined < HEAP_TRIES; examined++) {
        struct block *block = block_named(heap, ref);

        if (block_quanta(block) >= quanta)
            return quick_take_later(heap, size, block, k, quanta,
                                    examined + 1);
        ref = block->next;
    }
    k = class_map_find(heap->map, HEAP_MAP_WORDS, k + 1);
    return k == CLASS_NONE
               ? heap_alloc_slowly(heap, size)
               : quick_cut(heap, size, block_named(heap, heap->lists[k]), k,
                           quanta, examined + 1);
}

/* A block with a payload of SIZE bytes. Chooses as heap_fit(). */
void *block_alloc_quick(struct heap *heap, uint64_t size)
{
    uint32_t quanta = quanta_for(size);
    unsigned k = class_map_find(heap->map, HEAP_MAP_WORDS, class_of(quanta));

    if (k == CLASS_NONE)
        return heap_alloc_slowly(heap, size);

    struct block *block = block_named(heap, heap->lists[k]);
    uint32_t own = header_own(block->header), wanted = header_of(quanta);

    if (own == wanted)
        return quick_take(heap, block, k, 1);
    return own < wanted ? quick_look_on(heap, size, block, k, quanta)
                        : quick_cut(heap, size, block, k, quanta, 1);
}

/* The free BLOCK is as long as QUANTA; what it has to spare goes back. */
MM_INLINE enum mm_fault quick_spare(struct heap *heap, struct block *block,
                                    uint32_t quanta)
{
    return quanta >= heap->spare_quanta ? block_spare(heap, block) : MM_OK;
}

/* Frees BLOCK, whose RIGHT neighbour is free. */
static MM_COLD enum mm_fault quick_join_right(struct heap *heap,
                                              struct block *block,
                                              struct block *right)
{
    uint32_t header = block->header, right_header = right->header;
    uint32_t right_quanta = header_quanta(right_header);
    uint32_t all = header_quanta(header) + right_quanta;

    block->header = header_joined(header_free(header), right_header);
    block_left_grows(block_behind(right, right_quanta),
                     header_quanta(header));
    list_replace(heap, right, class_of(right_quanta), block,
                 block_ref_of(heap, block), class_of(all));
    return quick_spare(heap, block, all);
}

/* BLOCK, which is free with HEADER and on no list, joins its free LEFT
 * neighbour; RIGHT is used. */
static MM_COLD enum mm_fault quick_join_left(struct heap *heap,
                                             struct block *block,
                                             struct block *left,
                                             struct block *right,
                                             uint32_t header)
{
    uint32_t left_quanta = header_left_quanta(header);

    block->header = header;
    header = header_joined(left->header, header);
    left->header = header;
    block_set_left_quanta(right, header_quanta(header));
    list_replace(heap, left, class_of(left_quanta), left,
                 block_ref_of(heap, left), class_of(header_quanta(header)));
    return quick_spare(heap, left, header_quanta(header));
}

/* Frees BLOCK, whose LEFT neighbour is free; RIGHT is, too, or it is used. */
static MM_COLD enum mm_fault quick_join(struct heap *heap,
                                        struct block *block,
                                        struct block *left,
                                        struct block *right)
{
    uint32_t header = header_free(block->header), right_header = right->header;
    uint32_t right_quanta = header_quanta(right_header);

    if (header_is_used(right_header))
        return quick_join_left(heap, block, left, right, header);
    list_unlink(heap, right, class_of(right_quanta));
    return quick_join_left(heap, block, left,
                           block_behind(right, right_quanta),
                           header_joined(header, right_header));
}

/* Frees the used BLOCK. */
enum mm_fault block_free_quick(struct heap *heap, struct block *block)
{
    uint32_t header = block->header, quanta = header_quanta(header);
    struct block *left = block_before(block, header_left_quanta(header));
    struct block *right = block_behind(block, quanta);

    if (header_left_quanta(header) > 0 && block_is_free(left))
        return quick_join(heap, block, left, right);
    if (block_is_free(right))
        return quick_join_right(heap, block, right);
    block->header = header_free(header);
    list_push(heap, block, block_ref_of(heap, block), class_of(quanta));
    return quick_spare(heap, block, quanta);
}

/* ---- the two doors ---------------------------------------------------- */

/* The same as heap_alloc() in a heap that keeps blocks. */
static MM_COLD void *alloc_or_reuse(struct heap *heap, uint64_t size)
{
    if (size - 1 >= heap->plain_bytes || heap_wants_slot(heap, size))
        return heap_alloc_slowly(heap, size);
    heap_refusal_clear(heap);

    uint32_t quanta = quanta_for(size);
    struct block *block = block_reuse(heap, quanta, size);

    if (block != NULL)
        return block_payload(block);

    void *payload = block_alloc_quick(heap, size);

    if (payload != NULL)
        kept_miss(heap, quanta);
    return payload;
}

void *heap_alloc(struct heap *heap, uint64_t size)
{
    if (size - 1 >= heap->quick_bytes ||
        (size <= SLOT_MAX_BYTES && heap->small))
        return alloc_or_reuse(heap, size);
    return block_alloc_quick(heap, size);
}

enum mm_fault heap_free(struct heap *heap, void *payload)
{
    if ((uintptr_t)heap_at(heap, payload) >= heap->quick_end ||
        heap_tag_of(heap, payload) != heap->quick_tag)
        return heap_free_slowly(heap, payload);
    heap_refusal_clear(heap);
    return block_free_quick(heap, block_of(payload));
}

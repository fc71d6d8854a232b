/* SPDX-License-Identifier: MIT */
/*
 * heap_lists.h - the lists of free blocks
 *
 * classes.h says which sizes share a list. A list is doubly linked, so that a
 * block that is joined with its neighbour leaves it in constant time, wherever
 * it stands on it:
 *
 *     heap->lists[k] --> | h | next | 0 | --> | h | next | previous | --> 0
 *
 * Here list heads and links are believed: who doubts them has asked heap_vet.c
 * before.
 */
#ifndef MM_HEAP_LISTS_H
#define MM_HEAP_LISTS_H

#include "heap_parts.h"

/* BLOCK, named REF, is the first of list K, and NEXT the one behind it. */
MM_INLINE void list_set_first(struct heap *heap, unsigned k,
                              struct block *block, block_ref ref,
                              block_ref next)
{
    block->next = next;
    block->previous = BLOCK_NIL;
    heap->lists[k] = ref;
    if (next != BLOCK_NIL)
        block_named(heap, next)->previous = ref;
}

/* List K loses its first block, and NEXT, which was behind it, is the first. */
MM_INLINE void list_drop_first(struct heap *heap, unsigned k, block_ref next)
{
    heap->lists[k] = next;
    if (next != BLOCK_NIL)
        block_named(heap, next)->previous = BLOCK_NIL;
    else
        class_map_clear(heap->map, k);
}

/* Puts the free BLOCK, named REF, at the front of list K. */
MM_INLINE void list_push(struct heap *heap, struct block *block,
                         block_ref ref, unsigned k)
{
    block_ref first = heap->lists[k];

    if (first == BLOCK_NIL)
        class_map_set(heap->map, k);
    list_set_first(heap, k, block, ref, first);
}

/* Takes BLOCK off list K. */
MM_INLINE void list_unlink(struct heap *heap, const struct block *block,
                           unsigned k)
{
    block_ref next = block->next, previous = block->previous;

    if (previous == BLOCK_NIL) {
        list_drop_first(heap, k, next);
        return;
    }
    block_named(heap, previous)->next = next;
    if (next != BLOCK_NIL)
        block_named(heap, next)->previous = previous;
}

/*
 * BEFORE leaves list K, and the free NEW, named REF, goes to the front of list
 * NEW_K. They may be one block, longer or shorter than it was; where BEFORE is
 * the first of the same list, NEW takes its place and nothing else moves.
 */
MM_INLINE void list_replace(struct heap *heap, const struct block *before,
                            unsigned k, struct block *new, block_ref ref,
                            unsigned new_k)
{
    if (k == new_k && before->previous == BLOCK_NIL) {
        list_set_first(heap, k, new, ref, before->next);
    } else {
        list_unlink(heap, before, k);
        list_push(heap, new, ref, new_k);
    }
}

#endif

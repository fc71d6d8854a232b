/* SPDX-License-Identifier: MIT */
/*
 * policy_next.c - next fit: the first that fits, from where the last one was
 *
 * The list is a circle. A search begins where the last one ended (the
 * *rover*), so that small remainders do not gather at its start; they gather
 * everywhere. By address the rover is a place in memory, and the search
 * begins at the free block around it or after it. Last freed first, it is the
 * block that came after the one that was chosen; if that is no longer free,
 * the search begins at the front.
 *
 * Reference: Knuth, TAOCP vol. 1, section 2.5, exercise 6.
 */
#include "policy.h"

/* Whether a search by the rover begins at BLOCK. */
static bool is_start(const struct heap *heap, const struct block *block)
{
    block_ref ref = block_ref_of(heap, block);

    return heap->order == HEAP_BY_ADDRESS
               ? ref + block_quanta(block) > heap->rover
               : ref == heap->rover;
}

static struct block *next_choose(struct heap *heap, uint32_t quanta,
                                 uint32_t align_quanta)
{
    struct block_list_cursor cursor;
    struct block *first = policy_list_first(heap, &cursor), *start = first;
    struct block *block;

    while (start != NULL && !is_start(heap, start))
        start = policy_list_next(&cursor, start);
    if (start == NULL)
        start = first;

    policy_list_first(heap, &cursor);
    for (block = start; block != NULL && cursor.left > 0;) {
        if (block_fits(heap, block, quanta, align_quanta)) {
            if (heap->order != HEAP_BY_ADDRESS)
                heap->rover = block->next;
            return block;
        }
        block = policy_list_next(&cursor, block);
        if (block == NULL)
            block = first;              /* round the circle */
        if (block == start)
            return NULL;
    }
    return NULL;
}

static void next_took(struct heap *heap, const struct block *block)
{
    if (heap->order == HEAP_BY_ADDRESS)
        heap->rover = block_ref_of(heap, block) + block_quanta(block);
}

const struct heap_policy policy_next = {
    .name = "next",
    .idea = "the first block that is large enough, from where the last "
            "search ended",
    .one_list = true,
    .choose = next_choose,
    .took = next_took,
};

/* SPDX-License-Identifier: MIT */
/*
 * heap_policy.c - what the heap does differently when it has a policy
 *
 * Theory of operation
 * -------------------
 * A policy (heap_policy.h) answers questions; the work is done here, with the
 * steps that every heap is made of. Two things differ from heap_fit.c and
 * heap.c:
 *
 *   - All free blocks may be on one list, list 0, in one of two orders: by
 *     address, or the last freed first. Then I4 reads "a free block is on the
 *     one list", and where the order is by address,
 *
 *       P1  the one list is in order of address.
 *
 *   - Two free neighbours may stay apart (I3 then holds only for those that
 *     join), and joining may go on: the whole may have found its own partner.
 *
 * Nothing here is in constant time, nor meant to be: this is what constant
 * time is compared with.
 *
 * Lesson: docs/lessons/08-which-block.md
 */
#include "heap_policy.h"

unsigned heap_list_of(const struct heap *heap, uint32_t quanta)
{
    return block_list_of(heap, quanta);
}

unsigned policy_list_of(const struct heap *heap, uint32_t quanta)
{
    return heap->policy->one_list ? 0 : class_of(quanta);
}

/* The last block on list K before BLOCK by address; NULL: BLOCK is the first.
 * Ends in damaged memory too. */
static struct block *list_place(const struct heap *heap, unsigned k,
                                const struct block *block)
{
    struct block *at = block_at(heap, heap->lists[k]), *place = NULL;

    for (uint32_t left = heap->arena_quanta; at != NULL && left > 0; left--) {
        if (at > block)
            break;
        place = at;
        at = block_at(heap, at->next);
    }
    return place;
}

/* Puts the free BLOCK on its list, where the heap's order wants it. */
void policy_list_insert(struct heap *heap, struct block *block)
{
    unsigned k = policy_list_of(heap, block_quanta(block));
    block_ref ref = block_ref_of(heap, block);
    struct block *place = NULL, *next;

    if (heap->policy->one_list && heap->order == HEAP_BY_ADDRESS)
        place = list_place(heap, k, block);
    block->previous = place == NULL ? BLOCK_NIL : block_ref_of(heap, place);
    block->next = place == NULL ? heap->lists[k] : place->next;
    next = block_at(heap, block->next);
    if (next != NULL)
        next->previous = ref;
    if (place == NULL)
        heap->lists[k] = ref;
    else
        place->next = ref;
    class_map_set(heap->map, k);
}

/* The size that QUANTA is rounded to; more than a span when none can be. */
uint32_t policy_round(const struct heap *heap, uint32_t quanta)
{
    return heap->policy->round == NULL ? quanta
                                       : heap->policy->round(heap, quanta);
}

bool policy_may_take(const struct heap *heap, const struct block *block,
                     uint32_t align_quanta)
{
    return heap_policy(heap) == NULL || heap->policy->may_take == NULL ||
           heap->policy->may_take(heap, block, align_quanta);
}

bool policy_joins(const struct heap *heap, const struct block *left,
                  const struct block *right)
{
    return heap->policy->joins == NULL ||
           heap->policy->joins(heap, left, right);
}

/*
 * Frames are behind the headers and links that cutting BLOCK down to *QUANTA
 * will write, and behind these quanta; *QUANTA is then what it will be cut
 * down to, which may be more. False when frames run out, and then nothing has
 * changed.
 */
bool policy_hold_cuts(struct heap *heap, struct block *block,
                      uint32_t *quanta)
{
    struct span *span = span_of(heap, block), before = { 0 };
    uint32_t at = (uint32_t)(heap_at(heap, block) & (heap->span_bytes - 1));
    uint32_t all = block_quanta(block);
    bool held = true;

    if (heap->policy->cut == NULL)
        return true;
    for (int i = 0; i < SPAN_HELD_WORDS; i++)
        before.held[i] = span->held[i];
    while (held && all > *quanta) {
        uint32_t left = heap->policy->cut(all);

        if (left < *quanta) {
            *quanta = all;
            break;
        }
        all = left;

        uint32_t right = at + all * MM_QUANTUM;

        held = span_hold(heap, span, right, right + BLOCK_LINKED_BYTES);
    }
    if (held && span_hold(heap, span, at, at + *quanta * MM_QUANTUM))
        return true;
    span_unhold(heap, span, &before);
    return false;
}

/* Takes BLOCK off its list and cuts it, again and again, down to QUANTA; what
 * is cut off goes on its list. */
struct block *policy_cut(struct heap *heap, struct block *block,
                         uint32_t quanta)
{
    block_list_remove(heap, block, block_quanta(block));
    while (block_quanta(block) > quanta) {
        uint32_t left = heap->policy->cut(block_quanta(block));

        if (left < quanta)
            break;
        block_list_insert(heap, block_split(heap, block, left));
    }
    return block;
}

void policy_took(struct heap *heap, const struct block *block)
{
    if (heap->policy->took != NULL)
        heap->policy->took(heap, block);
}

/* Whether the free NEXT_TO, a neighbour, is in order and can be joined. */
static bool can_join(struct heap *heap, const struct block *next_to)
{
    return block_is_free(next_to) &&
           (!heap_is_checked(heap) || heap_vet_free(heap, next_to) == MM_OK);
}

/* BLOCK, in the hand, joins whom the policy lets it join, as long as there is
 * somebody; the whole goes on its list. Answers the whole. */
struct block *policy_join(struct heap *heap, struct block *block)
{
    for (;;) {
        struct block *right = block_right(block);
        struct block *left = block_is_first(block) ? NULL : block_left(block);

        if (can_join(heap, right) && policy_joins(heap, block, right)) {
            block_list_remove(heap, right, block_quanta(right));
            block_coalesce(heap, block, right);
        } else if (left != NULL && can_join(heap, left) &&
                   policy_joins(heap, left, block)) {
            block_list_remove(heap, left, block_quanta(left));
            block_coalesce(heap, left, block);
            block = left;
        } else {
            break;
        }
    }
    block_list_insert(heap, block);
    return block;
}

/* Whether a used block of BEFORE quanta can have *QUANTA in place, as far as
 * the policy goes; a fixed one keeps its size, if that is enough. */
bool policy_resizes(const struct heap *heap, uint32_t before,
                    uint32_t *quanta)
{
    if (!heap->policy->fixed)
        return true;
    if (*quanta > before)
        return false;
    *quanta = before;
    return true;
}

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
 * What is kept cannot coalesce, and is memory that nobody uses. That does no
 * harm while the heap needs no more pages. So it may be as much as the heap
 * has; but before a page is held, or the heap grows, the shortest kept block
 * that is long enough for the request is freed in earnest, or, when there is
 * none, some that are shorter, and a few more in each of the next requests;
 * and before a heap refuses or trims, everything that it keeps.
 *
 *   K1  A kept block is marked in its header, and on the list of its size.
 *   K2  kept_room and the quanta on the lists add up to keep_quanta, which
 *       grows with the heap, as much as each span, up to keep_max.
 *   K3  A group of sizes of which a block is kept has its bit in kept_groups;
 *       others may have theirs, until kept_find() looks there.
 *
 * Where the home takes short cuts (heap_fast.h) what is kept is listed in the
 * front, by pointers; elsewhere in the heap, by offsets. The functions at the
 * top of this file are the only ones that see the difference.
 *
 * The lab's own heap keeps none (keep_max is 0).
 */
#include "heap_fast.h"

/* ---- two kinds of lists ----------------------------------------------- */

/* The word of a kept block's payload that leads to the next. */
static block_ref *kept_link(const struct block *block)
{
    return block_payload(block);
}

static bool kept_has_room(const struct heap *heap, uint32_t quanta)
{
    if (quanta >= KEPT_SIZES)
        return false;
    if (heap->fast != NULL)
        return heap->fast->kept->room >= (int32_t)quanta &&
               heap->fast->kept->left[quanta] > 0;
    return heap->kept_room >= (int32_t)quanta &&
           heap->kept_count[quanta] < KEPT_PER_SIZE;
}

/* Whether a block of QUANTA is kept. */
static bool kept_has(const struct heap *heap, uint32_t quanta)
{
    if (quanta >= KEPT_SIZES)
        return false;
    return heap->fast != NULL ? heap->fast->kept->first[quanta] != NULL
                              : heap->kept[quanta] != BLOCK_NIL;
}

/* There is room for it. */
static void kept_push(struct heap *heap, struct block *block)
{
    uint32_t quanta = block_quanta(block);

    if (heap->fast != NULL) {
        fast_block_keep(heap->fast->kept, block_payload(block));
        return;
    }
    *kept_link(block) = heap->kept[quanta];
    heap->kept[quanta] = block_ref_of(heap, block);
    heap->kept_count[quanta]++;
    heap->kept_groups |= UINT32_C(1) << quanta / KEPT_GROUP;
    heap->kept_room -= (int32_t)quanta;
    block_set_marked(block, true);
}

/* The first kept block of QUANTA; there is one. */
static struct block *kept_pop(struct heap *heap, uint32_t quanta)
{
    if (heap->fast != NULL)
        return block_of(fast_block_reuse(heap->fast->kept,
                                         quanta * MM_QUANTUM - BLOCK_HEADER));

    struct block *block = block_at(heap, heap->kept[quanta]);

    heap->kept[quanta] = *kept_link(block);
    heap->kept_count[quanta]--;
    heap->kept_room += (int32_t)quanta;
    block_set_marked(block, false);
    return block;
}

static int32_t *kept_room(struct heap *heap)
{
    return heap->fast != NULL ? &heap->fast->kept->room : &heap->kept_room;
}

static uint32_t *kept_groups(struct heap *heap)
{
    return heap->fast != NULL ? &heap->fast->kept->groups
                              : &heap->kept_groups;
}

/* ---- the steps -------------------------------------------------------- */

/* Step KEEP: the used BLOCK, freed by its owner, goes on a kept list. False
 * when there is no room for it. */
bool block_keep(struct heap *heap, struct block *block)
{
    if (!kept_has_room(heap, block_quanta(block)))
        return false;
    kept_push(heap, block);
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
    if (!kept_has(heap, quanta))
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

/* The first size of [QUANTA, END) of which a block is kept; or END, or more.
 * Eight sizes at a time: there are many, and most have none. */
static uint32_t kept_find_among(const struct heap *heap, uint32_t quanta,
                                uint32_t end)
{
    const void *counts = heap->kept_count;
    uint64_t eight, none = 0;

    if (heap->fast != NULL) {           /* these are counted downwards */
        counts = heap->fast->kept->left;
        none = KEPT_PER_SIZE * UINT64_C(0x0101010101010101);
    }
    while (quanta < end && !kept_has(heap, quanta)) {
        __builtin_memcpy(&eight, (const char *)counts + (quanta & ~7u), 8);
        quanta = eight == none ? (quanta | 7) + 1 : quanta + 1;
    }
    return quanta;
}

/* The same of all sizes from QUANTA on; KEPT_SIZES when there is none. A group
 * of sizes that turns out to have none is passed over the next time. */
static uint32_t kept_find(struct heap *heap, uint32_t quanta)
{
    uint32_t *groups = kept_groups(heap);

    while (quanta < KEPT_SIZES) {
        uint32_t group = quanta / KEPT_GROUP, some = *groups >> group;

        if (some == 0)
            break;
        if ((some & 1) == 0) {
            quanta = (group + (uint32_t)__builtin_ctz(some)) * KEPT_GROUP;
            group = quanta / KEPT_GROUP;
        }

        uint32_t end = (group + 1) * KEPT_GROUP;
        uint32_t found = kept_find_among(heap, quanta, end);

        if (found < end)
            return found;
        if (quanta % KEPT_GROUP == 0)
            *groups &= ~(UINT32_C(1) << group);
        quanta = end;
    }
    return KEPT_SIZES;
}

/* Frees in earnest the kept blocks of the first sizes from QUANTA on, up to
 * MOST of them. Answers how many. */
static uint32_t kept_spend(struct heap *heap, uint32_t quanta, uint32_t most)
{
    uint32_t count = 0;

    for (; count < most && heap_keeps_any(heap); count++) {
        quanta = kept_find(heap, quanta);
        if (quanta == KEPT_SIZES)
            break;
        block_free(heap, kept_pop(heap, quanta), MM_USE_KEPT);
    }
    return count;
}

/*
 * Before a request of QUANTA needs pages that are not held: the shortest kept
 * block that is long enough is freed in earnest; when there is none, some that
 * are shorter, which lie between others that wait to be joined. First those
 * that are not much shorter, since fewer of them make room. The next requests
 * go on with it (kept_pay), so that none takes long.
 */
void heap_spend_kept(struct heap *heap, uint32_t quanta)
{
    if (kept_spend(heap, quanta, 1) > 0)
        return;

    uint32_t spent = kept_spend(heap, quanta / KEPT_PART + 1, KEPT_SPEND);

    kept_spend(heap, 1, KEPT_SPEND - spent);
    heap->kept_owed = KEPT_PAYS;
}

/* A request does a part of what one before it, which needed pages, has left to
 * do. */
void kept_pay(struct heap *heap)
{
    heap->kept_owed--;
    kept_spend(heap, 1, KEPT_PAY);
}

/* Frees in earnest what is kept, slots too. Whether there was any. */
bool heap_flush_kept(struct heap *heap)
{
    bool slots = slots_flush(heap);
    bool blocks = kept_spend(heap, 1, UINT32_MAX) > 0;

    *kept_groups(heap) = 0;
    return blocks || slots;
}

/* What is kept is in the front's lists from now on, or no longer (fast NULL).
 * All lists are empty. */
void kept_lists_set(struct heap *heap)
{
    heap->kept_room = (int32_t)heap->keep_quanta;
    if (heap->fast == NULL)
        return;
    heap->fast->kept->room = (int32_t)heap->keep_quanta;
    for (uint32_t quanta = 0; quanta < KEPT_SIZES; quanta++)
        heap->fast->kept->left[quanta] = KEPT_PER_SIZE;
}

/* A heap that has grown by a span may keep as much more. */
void kept_allow_more(struct heap *heap)
{
    uint32_t more = heap->span_bytes / MM_QUANTUM;

    if (more > heap->keep_max - heap->keep_quanta)
        more = heap->keep_max - heap->keep_quanta;
    heap->keep_quanta += more;
    *kept_room(heap) += (int32_t)more;
}

/* SPDX-License-Identifier: MIT */
/*
 * heap_kept.c - freed blocks that their heap keeps for the next request
 *
 * Programs free a block and soon ask for one of the same size. Joining it
 * with its neighbours only to cut it off again is work for nothing, so a heap
 * may *keep* a few freed blocks of each size, and hand them out as they are.
 * To the blocks around them they are used; the header's mark says kept, unless
 * the heap has a front: then nobody reads it, and it is not written.
 *
 *      kept[quanta] --> | h: used, kept | next | ...    a list through payloads
 *
 * What is kept cannot coalesce, and is memory that nobody uses. That does no
 * harm while the heap needs no more pages. But before a page is held, or the
 * heap grows, the shortest kept block that is long enough for the request is
 * freed in earnest, or, when there is none, some that are shorter; and before a
 * heap refuses or trims, everything that it keeps.
 *
 * How many blocks of a size may be kept follows the program. It begins with as
 * many as the home says. When the list was full, and later there is none when
 * one is asked for, so many more come and go: there may be twice as many then.
 * Each block that is freed in earnest after all is one that nobody asked for:
 * there may be one less.
 *
 *   K1  A kept block is on the list of its size, and marked in its header if
 *       the heap has no front.
 *   K2  The blocks on a list are as many as it may have less what is left. Or
 *       there are none, and none are left: the size sleeps.
 *   K3  A group of sizes of which one does not sleep has its bit in the map. So
 *       a block that finds room on its list need not set it.
 *
 * The lab's own heap keeps none (keep is 0).
 */
#include "heap_fast.h"

/* ---- lists by size ---------------------------------------------------- */

/* Nothing of this size is kept, and none may be: it was never freed, or sleeps
 * since kept_find() passed it. */
static bool kept_sleeps(const struct kept_size *size)
{
    return size->first == BLOCK_NIL && size->left == 0;
}

/* Of QUANTA, as many as MOST may be kept from now on. */
static void kept_allow(struct heap *heap, uint32_t quanta, uint32_t most)
{
    struct kept_size *size = &heap->kept[quanta];
    int count = kept_count(size);

    if (most > heap->keep_most)
        most = heap->keep_most;
    size->most = most & KEPT_MOST;
    size->left = (int16_t)(size->most - count);
    class_map_set(heap->kept_map, quanta / KEPT_GROUP);
}

/* A request for a block of QUANTA was served, and none of them was kept. If
 * there had been more, it might have been: there may be so many again, and one
 * more time as many as at first. */
void kept_miss(struct heap *heap, uint32_t quanta)
{
    if (quanta >= KEPT_SIZES || !heap->kept[quanta].was_full)
        return;
    heap->kept[quanta].was_full = false;
    kept_allow(heap, quanta, 2u * heap->kept[quanta].most + heap->keep);
}

/* Whether one more block of QUANTA may be kept. */
static bool kept_may(struct heap *heap, uint32_t quanta)
{
    if (heap->keep == 0 || quanta >= KEPT_SIZES)
        return false;

    struct kept_size *size = &heap->kept[quanta];

    if (kept_sleeps(size))
        kept_allow(heap, quanta, size->most > 0 ? size->most : heap->keep);
    if (size->left <= 0)
        size->was_full = true;
    return size->left > 0;
}

/* The first size from QUANTA on of which a block is kept; or CLASS_NONE. A
 * size that turns out to have none sleeps from now on, and a group of such
 * sizes is passed over the next time. */
static uint32_t kept_find(struct heap *heap, uint32_t quanta)
{
    while (quanta < KEPT_SIZES) {
        uint32_t first = quanta;
        unsigned group = class_map_find(heap->kept_map, KEPT_WORDS,
                                        quanta / KEPT_GROUP);

        if (group == CLASS_NONE)
            break;
        if (group > quanta / KEPT_GROUP)
            first = quanta = group * KEPT_GROUP;
        for (; quanta / KEPT_GROUP == group; quanta++) {
            if (heap->kept[quanta].first != BLOCK_NIL)
                return quanta;
            heap->kept[quanta].left = 0;
        }
        if (first % KEPT_GROUP == 0)
            class_map_clear(heap->kept_map, group);
    }
    return CLASS_NONE;
}

/* ---- the steps -------------------------------------------------------- */

/* BLOCK's header says with MARK, BLOCK_MARK or 0, whether it is kept (K1). */
static void kept_mark(const struct heap *heap, struct block *block,
                      uint32_t mark)
{
    if (heap->fast == NULL)
        block->header = (block->header & ~(uint32_t)BLOCK_MARK) | mark;
}

/* Step KEEP: the used BLOCK, freed by its owner, goes on a kept list. False
 * when there is no room for it. */
bool block_keep(struct heap *heap, struct block *block)
{
    if (!kept_may(heap, block_quanta(block)))
        return false;
    fast_block_keep(heap, block_payload(block));
    kept_mark(heap, block, BLOCK_MARK);
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
    if (quanta >= KEPT_SIZES)
        return NULL;

    void *payload = fast_block_reuse(heap,
                                     quanta * MM_QUANTUM - BLOCK_HEADER);

    if (payload == NULL)
        return NULL;

    struct block *block = block_of(payload);

    kept_mark(heap, block, 0);
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

/* Frees in earnest the first kept block of QUANTA; there is one. */
static void block_unkeep(struct heap *heap, uint32_t quanta)
{
    struct kept_size *size = &heap->kept[quanta];
    void *payload = fast_block_reuse(heap,
                                     quanta * MM_QUANTUM - BLOCK_HEADER);

    if (size->most > heap->keep) {
        size->most = (size->most - 1u) & KEPT_MOST;
        size->left--;
    }
    kept_mark(heap, block_of(payload), 0);
    block_free(heap, block_of(payload), MM_USE_KEPT);
}

/* Frees in earnest the kept blocks of the first sizes from QUANTA on, up to
 * MOST of them. Answers how many. */
static uint32_t kept_spend(struct heap *heap, uint32_t quanta, uint32_t most)
{
    uint32_t count = 0;

    for (; count < most; count++) {
        quanta = kept_find(heap, quanta);
        if (quanta == CLASS_NONE)
            break;
        block_unkeep(heap, quanta);
    }
    return count;
}

/*
 * Before a request of QUANTA needs pages that are not held: the shortest kept
 * block that is long enough is freed in earnest; when there is none, up to
 * MOST that are shorter, which lie between others that wait to be joined. First
 * those that are not much shorter, since fewer of them make room. Whether there
 * was any.
 */
bool heap_spend_kept(struct heap *heap, uint32_t quanta, uint32_t most)
{
    if (kept_spend(heap, quanta, 1) > 0)
        return true;

    uint32_t spent = kept_spend(heap, quanta / KEPT_PART + 1, most);

    return spent + kept_spend(heap, 0, most - spent) > 0;
}

/* Frees in earnest what is kept, slots too. Whether there was any. */
bool heap_flush_kept(struct heap *heap)
{
    bool slots = slots_flush(heap);
    bool blocks = kept_spend(heap, 0, UINT32_MAX) > 0;

    return blocks || slots;
}

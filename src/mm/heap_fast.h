/* SPDX-License-Identifier: MIT */
/*
 * heap_fast.h - short cuts, for a heap that nobody watches or checks
 *
 * Theory of operation
 * -------------------
 * Most requests are for a slot or a block of a size of which one was freed not
 * long ago; most frees undo such a request. So a heap *keeps* some of what is
 * freed, in lists by size through the payloads' first words, and what happens
 * to memory then is a handful of loads and stores: no page's head and no
 * neighbour is looked at. A home that wants no more than these (src/lib) gives
 * the heap a *front*, struct heap_fast, which lies where its thread finds it at
 * once, and takes the usual steps with the functions below:
 *
 *     slots[class].first ----> the last slot of CLASS that was kept
 *     heap->kept[quanta] ----> the last block of QUANTA that was kept
 *     slots_tag                the first of the tags of this heap's slots
 *
 * Where the usual is not the case, a function here answers NULL or false, and
 * its contract says which function of the heap does the rest.
 *
 * Nobody hears of these steps, so a heap that has listeners, or a level of
 * care, has no front: it keeps no slots, and block_keep() and block_reuse(),
 * which do the same to blocks, mark them and tell of it.
 *
 *   F1  What slots[class] leads to are slots of CLASS, handed out as far as
 *       their pages know (S2), linked by pointers; slots[class].left says how
 *       many more there may be, slots[class].most in all (slots.c).
 */
#ifndef MM_HEAP_FAST_H
#define MM_HEAP_FAST_H

#include "heap_parts.h"

enum {
    FAST_STEP = 64,             /* aligned sizes are rounded to a multiple of */
    FAST_STEP_MOST = 1024,      /* their alignment, between these */
    FAST_BLOCK_MOST = KEPT_SIZES * MM_QUANTUM - MM_QUANTUM - BLOCK_HEADER,
    FAST_ALIGNED_MOST =
        KEPT_SIZES * MM_QUANTUM - FAST_STEP_MOST - BLOCK_HEADER,
    FAST_SLOTS = SLOT_CLASSES * sizeof(struct heap_slots),
    FAST_LOOKS = 8,             /* blocks of a size, for an alignment */
};

#define FAST_BLOCKS \
    (span_tag(SPAN_TAG_BLOCKS, 0) - span_tag(SPAN_TAG_SLOTS, 0))

/* ---- kept slots ------------------------------------------------------- */

/* A slot that was KEPT; NULL when there is none. */
static inline void *fast_slot_reuse(struct heap_slots *kept)
{
    void *slot = kept->first;

    if (slot == NULL)
        return NULL;
    kept->first = *(void **)slot;
    kept->left++;
    return slot;
}

/* SLOT, this heap's own, is KEPT with its class. False when there is no room
 * for it: heap_free_slot() is to be called. */
static inline bool fast_slot_keep(struct heap_slots *kept, void *slot)
{
    if (--kept->left < 0)
        return false;
    *(void **)slot = kept->first;
    kept->first = slot;
    return true;
}

/* ---- kept blocks ------------------------------------------------------ */

/* The payload at the end of LINK leaves its list of SIZE. */
static inline void fast_block_unlink(struct kept_size *size, block_ref *link,
                                     void *payload)
{
    *link = *(block_ref *)payload;
    size->left++;
}

/* The payload of a kept block for SIZE bytes, up to FAST_BLOCK_MOST; NULL
 * when none of this size is kept. */
static inline void *fast_block_reuse(struct heap *heap, size_t size)
{
    size_t quanta = (size + BLOCK_HEADER + MM_QUANTUM - 1) / MM_QUANTUM;
    struct kept_size *list = &heap->kept[quanta];

    if (list->first == BLOCK_NIL)
        return NULL;

    void *payload = heap->base + (size_t)list->first * MM_QUANTUM;

    fast_block_unlink(list, &list->first, payload);
    return payload;
}

/* What is asked for when SIZE bytes, up to FAST_ALIGNED_MOST, are wanted at a
 * multiple of ALIGN, more than MM_QUANTUM. Rounded to the alignment, there are
 * few sizes; and what lies behind such a block is aligned as it is. */
static inline size_t fast_block_rounded(size_t size, size_t align)
{
    size_t step = align < FAST_STEP_MOST ? align : FAST_STEP_MOST;

    if (step < FAST_STEP)
        step = FAST_STEP;
    return (size_t)mm_round_up(size + BLOCK_HEADER, step) - BLOCK_HEADER;
}

/* The payload of a kept block for SIZE bytes, rounded so, at a multiple of
 * ALIGN; NULL when none of those kept last is. */
static inline void *fast_block_reuse_aligned(struct heap *heap, size_t size,
                                             size_t align)
{
    struct kept_size *list = &heap->kept[(size + BLOCK_HEADER) / MM_QUANTUM];
    block_ref *link = &list->first;

    for (int i = 0; i < FAST_LOOKS && *link != BLOCK_NIL; i++) {
        void *payload = heap->base + (size_t)*link * MM_QUANTUM;

        if (((uintptr_t)payload & (align - 1)) == 0) {
            fast_block_unlink(list, link, payload);
            return payload;
        }
        link = payload;
    }
    return NULL;
}

/* Keeps the used block of PAYLOAD, this heap's own. False when it is too large
 * or there is no room for it: heap_free_block() is to be called. */
static inline bool fast_block_keep(struct heap *heap, void *payload)
{
    struct block *block = block_of(payload);
    uint32_t quanta = block_quanta_shared(block);   /* read once */

    if (quanta >= KEPT_SIZES || --heap->kept[quanta].left < 0)
        return false;

    struct kept_size *size = &heap->kept[quanta];

    *(block_ref *)payload = size->first;
    size->first = block_ref_of(heap, block);
    return true;
}

/* What fast_block_keep() counted for a block of QUANTA and did not keep. */
static inline void fast_block_uncount(struct heap *heap, uint32_t quanta)
{
    if (quanta < KEPT_SIZES)
        heap->kept[quanta].left++;
}

/* ---- what is this? ---------------------------------------------------- */

/* How far into its span PAYLOAD lies. 0: its slice has no tag; so it is with
 * NULL, a payload that is aligned to a span, and in a front without a heap
 * (span_mask 0). */
static inline uintptr_t fast_offset(const struct heap_fast *fast,
                                    const void *payload)
{
    return (uintptr_t)payload & fast->span_mask;
}

/* The tag of the slice of PAYLOAD, OFFSET bytes into its span. */
static inline uint32_t fast_tag_at(const void *payload, uintptr_t offset)
{
    const struct span *span =
        (const struct span *)((const unsigned char *)payload - offset);

    return span->tags[offset / MM_SLOT_PAGE];
}

/* What a slice with TAG has: below FAST_SLOTS, slots of this heap's, and
 * fast_slots() says where they are kept; FAST_BLOCKS, blocks of this heap's;
 * anything else, another heap's. */
static inline uint32_t fast_what(const struct heap_fast *fast, uint32_t tag)
{
    return tag - fast->slots_tag;
}

static inline struct heap_slots *fast_slots(struct heap_fast *fast,
                                            uint32_t what)
{
    return (struct heap_slots *)((uintptr_t)fast->slots + what);
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * heap_fast.h - short cuts, for a heap that nobody watches or checks
 *
 * Theory of operation
 * -------------------
 * Most requests are for a slot of a page that has one on its list, or for a
 * block of a size that is kept; most frees undo such a request. What then
 * happens to memory is a handful of loads and stores. A home that wants no
 * more than these (src/lib) gives the heap a *front*, struct heap_fast, which
 * lies where its thread finds it at once, and takes the usual steps with the
 * functions below:
 *
 *     room[(size + 7) / 8] ---> the first page with room for SIZE bytes
 *     kept->first[quanta]  ---> the last block of QUANTA that was kept
 *     slots_tag, blocks_tag     what the tags of this heap's slices are
 *
 * The heap keeps `room` up to date, and keeps its own kept blocks in `kept`.
 * Where the usual is not the case, a function here answers NULL or false, and
 * its contract says which function of the heap does the rest.
 *
 * Nobody hears of these steps, so a heap that has listeners, or a level of
 * care, has no front: the same steps are slot_take(), slot_give(),
 * block_keep() and block_reuse() there.
 *
 *   F1  The front's pages are the first of their lists, no_room where there is
 *       none. A page that was filled here stays on its list, and in the front,
 *       until heap_refill() meets it.
 *   F2  What kept->first leads to are kept blocks of that size (heap_kept.c,
 *       K1), linked by pointers; kept->left says how many more there may be,
 *       kept->room how many more quanta (K2).
 */
#ifndef MM_HEAP_FAST_H
#define MM_HEAP_FAST_H

#include "heap_parts.h"

enum {
    FAST_BLOCK_MOST = KEPT_SIZES * MM_QUANTUM - MM_QUANTUM - BLOCK_HEADER,
};

/* ---- slots ------------------------------------------------------------ */

/* A slot for SIZE bytes, up to SLOT_MAX_BYTES; NULL when the first page with
 * room has none on its list. */
static inline void *fast_slot_take(struct heap_fast *fast, size_t size)
{
    struct slot_page *page = fast->room[(size + 7) / 8];
    uint32_t offset = page->free;

    if (offset == 0)
        return NULL;

    uint32_t *slot = (uint32_t *)((uintptr_t)page + offset);

    page->free = *slot;
    page->more++;
    return slot;
}

static inline struct slot_page *fast_page_of(const void *slot)
{
    return (struct slot_page *)
        ((uintptr_t)slot & ~(uintptr_t)(MM_SLOT_PAGE - 1));
}

/* Gives SLOT back to PAGE, its own. False when something follows, because the
 * page was full or is empty: heap_returned() is to be called. */
static inline bool fast_slot_give(struct slot_page *page, void *slot)
{
    *(uint32_t *)slot = page->free;
    page->free = (uint32_t)((uintptr_t)slot - (uintptr_t)page);
    return (int32_t)--page->more >= 0;
}

/* ---- kept blocks ------------------------------------------------------ */

/* The payload of a kept block for SIZE bytes, up to FAST_BLOCK_MOST; NULL when
 * none of this size is kept. */
static inline void *fast_block_reuse(struct heap_kept *kept, size_t size)
{
    size_t quanta = (size + BLOCK_HEADER + MM_QUANTUM - 1) / MM_QUANTUM;
    void *payload = kept->first[quanta];

    if (payload == NULL)
        return NULL;
    kept->first[quanta] = *(void **)payload;
    kept->left[quanta]++;
    kept->room += (int32_t)quanta;
    block_of(payload)->header &= ~(uint32_t)BLOCK_MARK;
    return payload;
}

/* Keeps the used block of PAYLOAD, this heap's own. False when it is too large
 * or there is no room for it: heap_free_block() is to be called. */
static inline bool fast_block_keep(struct heap_kept *kept, void *payload)
{
    struct block *block = block_of(payload);
    uint32_t quanta = block_quanta_shared(block);   /* read once */

    if (quanta >= KEPT_SIZES || (kept->room -= (int32_t)quanta) < 0 ||
        --kept->left[quanta] < 0)
        return false;
    *(void **)payload = kept->first[quanta];
    kept->first[quanta] = payload;
    block->header |= BLOCK_MARK;
    return true;
}

/* What fast_block_keep() counted for a block of QUANTA and did not keep. */
static inline void fast_block_uncount(struct heap_kept *kept, uint32_t quanta)
{
    if (quanta >= KEPT_SIZES)
        return;
    if (kept->room >= 0)
        kept->left[quanta]++;
    kept->room += (int32_t)quanta;
}

/* ---- what is this? ---------------------------------------------------- */

/* Whether the slice of PAYLOAD has a tag: not so for NULL, for a payload that
 * is aligned to a span, and in a front without a heap (span_mask 0). */
static inline bool fast_has_tag(const struct heap_fast *fast,
                                const void *payload)
{
    return ((uintptr_t)payload & fast->span_mask) != 0;
}

/* The tag of the slice of PAYLOAD, where spans are of SPAN_MAX_BYTES. */
static inline uint32_t fast_tag_of(const void *payload)
{
    uintptr_t at = (uintptr_t)payload;
    const struct span *span =
        (const struct span *)(at & ~(uintptr_t)(SPAN_MAX_BYTES - 1));

    return span->tags[at / MM_SLOT_PAGE % (SPAN_MAX_BYTES / MM_SLOT_PAGE)];
}

#endif

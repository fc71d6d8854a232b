/* SPDX-License-Identifier: MIT */
/*
 * span.h - the head of a span, and of a large request
 *
 * A span is a run of whole pages that blocks are cut from. It starts at a
 * multiple of its own size, so that one mask leads from any payload to the
 * span's head. The head holds what `free` must know before it believes a
 * byte of the payload's surroundings:
 *
 *      span (a multiple of span_bytes)                             its end
 *      v                                                                v
 *     +------+------+---------+-----------+--+--------------------+----+
 *     | kind | held | tags    | live      |  | blocks, side by    |end |
 *     | ...  |      | 1 word  | 1 bit a   |  | side               |    |
 *     |      |      | a slice | quantum   |  |                    |    |
 *     +------+------+---------+-----------+--+--------------------+----+
 *     0      16     32                       ^ the first block's header,
 *                                              at 12 mod 16
 *
 *   held   One bit a page: a frame is behind it. Where the first page is that
 *          has none, is written down (`solid`).
 *   tags   One word for every slice of 2 KiB: whose it is, and whether
 *          blocks lie there or a slot page of a certain class fills it.
 *   live   One bit a quantum, where the heap's level of care is `check` or
 *          more: a payload that was handed out starts here. It lies outside
 *          every payload, so that no overrun by a few bytes reaches it.
 *   end    A used header without size, the last word of the span.
 *
 * A request too large for a span is a range of its own. It starts at a
 * multiple of span_bytes too and has the same head, cut short after the
 * first tag, which says that it is a large range. Its payload follows:
 *
 *     +------+------+-----+-----+------------------------------------+
 *     | kind |      |LARGE|     | payload                            |
 *     +------+------+-----+-----+------------------------------------+
 *     0      16     32          SPAN_LARGE_HEAD (64)
 */
#ifndef MM_SPAN_H
#define MM_SPAN_H

#include "block.h"

enum {
    SPAN_MAX_BYTES = 512 * 1024,
    SPAN_MIN_BYTES = MM_PAGE,
    SPAN_HELD_WORDS = SPAN_MAX_BYTES / MM_PAGE / 32,
    SPAN_TAGS_AT = 32,
    SPAN_LARGE_HEAD = 64,
};

/* A block's size in quanta fits the header, whatever the span. */
_Static_assert(SPAN_MAX_BYTES / MM_QUANTUM - 1 <= BLOCK_MAX_QUANTA,
               "the header's fields cannot overflow");

enum span_kind {
    SPAN_OF_BLOCKS = 0x4e415053,        /* "SPAN" in memory */
    SPAN_OF_LARGE = 0x4752414c,         /* "LARG" */
};

/* What a slice's tag says: the owner's number is in the upper half, this in
 * the next four bits, and in the rest the class of a page's slots, in units of
 * SPAN_TAG_CLASS: so that it is a place in a table (heap_fast.h). */
enum span_tag {
    SPAN_TAG_BLOCKS = 0,
    SPAN_TAG_SLOTS = 1,
    SPAN_TAG_LARGE = 2,
};

enum { SPAN_TAG_CLASS = 16 };

struct span {
    uint32_t kind;              /* enum span_kind */
    uint32_t pages;
    union {
        uint32_t request;       /* of a large range: bytes asked for, cut */
        uint32_t solid;         /* of blocks: up to here a free one's links
                                   lie before the first page not held */
    };
    uint32_t owner;             /* the heap's number */
    uint32_t held[SPAN_HELD_WORDS];
    uint32_t tags[];
};

_Static_assert(offsetof(struct span, tags) == SPAN_TAGS_AT, "the picture");

static inline uint32_t span_tag(enum span_tag what, uint32_t owner)
{
    return owner << 16 | (uint32_t)what << 12;
}

static inline uint32_t span_tag_slots(unsigned class, uint32_t owner)
{
    return span_tag(SPAN_TAG_SLOTS, owner) | class * SPAN_TAG_CLASS;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * picture.h - what memory looks like, told twice
 *
 * A picture is the structure of a heap written down the plain way: for every
 * quantum which block starts there, for every page what it is for and whether
 * a frame is behind it, every list in its order. There are two ways to come
 * by one:
 *
 *     events  --- picture_event, one after the other --->  a picture
 *     memory  --- picture_walk, all at once ------------>  a picture
 *
 * Replaying the events must give what walking the memory gives, after every
 * operation: then nothing changed that was not announced, and nothing was
 * announced that did not happen. picture_difference() compares two.
 *
 * The replay follows the rules that stand in event.h, and shares no code with
 * the allocator: of src/mm it knows the events, and the numbers that say on
 * which list a size belongs. It is written to be obviously right, not to be
 * fast or small: it takes nearly three times the memory that it describes.
 *
 * Nothing that it is told is believed: an event that cannot follow from the
 * picture so far leaves it as it is and is answered with a sentence.
 */
#ifndef TRACE_PICTURE_H
#define TRACE_PICTURE_H

#include "../mm/frames.h"
#include "../mm/heap.h"

enum picture_what {
    PICTURE_NOTHING,            /* no block starts at this quantum */
    PICTURE_FREE,
    PICTURE_USED,
    PICTURE_SLOTS,              /* a used block that is a slot page */
    PICTURE_LARGE,
    PICTURE_KEPT,               /* freed, but kept by its heap */
};

enum { PICTURE_HEAPS = 9 };     /* one, and those of eight threads */

/* The block whose payload starts at this quantum. */
struct picture_block {
    uint32_t what;              /* enum picture_what */
    uint32_t quanta;            /* its size; of a large range all its pages */
    uint32_t next, previous;    /* on its free list: quanta, or 0; a kept
                                   block's list goes one way only */
};

/* The slot page in this slice of 2 KiB. Offsets are from the slice's start. */
struct picture_slots {
    uint16_t slot_bytes;        /* 0: no slot page here */
    uint16_t first, end;        /* slots lie in [first, end) */
    uint16_t watermark;
    uint16_t free;              /* the list's head, or 0 */
    uint16_t used;              /* slots handed out */
    uint32_t next, previous;    /* pages with room of its class: the quanta
                                   of their payloads, or 0 */
};

/* What picture_slot.state says of the slot that starts at these 8 bytes;
 * anything less is the offset in its page of the free slot after it. */
enum {
    PICTURE_SLOT_UNTOUCHED = UINT16_MAX,
    PICTURE_SLOT_USED = UINT16_MAX - 1,
    PICTURE_GRAIN = 8,
};

struct picture_page {
    uint32_t pages;             /* of the range that starts here, or 0 */
    uint16_t type;              /* enum range_type */
    uint8_t held;
    uint8_t owner;              /* of a span's pages: the heap's number */
};

/* The heads of one heap's lists. */
struct picture_lists {
    uint32_t lists[HEAP_LISTS];         /* quanta, or 0 */
    uint32_t slot_lists[SLOT_CLASSES];
    uint32_t kept[KEPT_SIZES];
    uint32_t remote;                    /* a grain, or 0 */
    uint32_t drained;                   /* the same: what was taken from the
                                           remote list, and not freed yet */
};

enum picture_frame {
    PICTURE_FRAME_NEVER,        /* above the watermark */
    PICTURE_FRAME_OWNED,
    PICTURE_FRAME_FREE,
};

struct picture {
    uint32_t quanta, pages;             /* of the arena */
    uint32_t frame_end, region_count;   /* 0: frames are not looked at */
    uint32_t free_frames;
    uint32_t walked_badly;              /* the walk met damage */
    struct picture_lists heap[PICTURE_HEAPS];   /* by owner */
    /* all in the caller's memory, behind this structure */
    struct picture_block *blocks;       /* one a quantum */
    struct picture_slots *slices;       /* one a slot page */
    uint16_t *slots;                    /* one a grain of 8 bytes */
    uint32_t *remote;                   /* one a grain: 0, or, where a payload
                                           waits for its owner, 1 + the grain
                                           of the next on its list */
    struct picture_page *page;          /* one a page */
    struct frames_region *regions;
    pfn_t *frame_stack;                 /* free frames; the last is next */
    uint8_t *frame;                     /* enum picture_frame, by number */
};

struct picture_setup {
    uint64_t arena_bytes;
    const struct frames_region *regions;        /* or NULL */
    uint32_t region_count;
};

/* The bytes that a picture of SETUP needs. */
size_t picture_bytes(const struct picture_setup *setup);

/* Makes the picture of an arena that is one free range, in which nothing is
 * held and nothing was handed out. MEMORY: picture_bytes, 8-aligned. */
struct picture *picture_init(void *memory, const struct picture_setup *setup);

/* Makes PICTURE what picture_init made it. */
void picture_clear(struct picture *picture);

/* Replays EVENT. NULL; or what is wrong with it, and nothing has changed. */
const char *picture_event(struct picture *picture,
                          const struct mm_event *event);

/* What picture_walk reads. */
struct picture_source {
    const struct heap *heap;
    const struct heap *const *threads;  /* the heaps of threads, NULL where
                                           there is none */
    uint32_t thread_count;
    const struct ranges *ranges;        /* or NULL */
    const struct frames *frames;        /* or NULL */
    /* Whether a frame is behind PAGE; NULL: the spans' heads are asked. */
    bool (*held)(void *context, uint32_t page);
    void *context;
};

/*
 * Writes into PICTURE, of which only the setup is kept, what the memory of
 * SOURCE says. Reads only; ends in any memory, and sets walked_badly where a
 * part cannot be walked.
 */
void picture_walk(struct picture *picture,
                  const struct picture_source *source);

struct picture_difference {
    const char *what;           /* "the size of a block" and so on */
    uint64_t at;                /* where: bytes; a list's number; a frame's */
    uint64_t left, right;       /* what each of the two says */
};

/* The first difference between two pictures of one setup; false: none. */
bool picture_differs(const struct picture *left, const struct picture *right,
                     struct picture_difference *difference);

/* Whether a page of the free block at this quantum has no frame. */
bool picture_is_hollow(const struct picture *picture, uint32_t quantum);

#endif

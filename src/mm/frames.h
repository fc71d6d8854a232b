/* SPDX-License-Identifier: MIT */
/*
 * frames.h - physical frames: a watermark, then a list
 *
 * A frame is 4096 bytes of physical memory; frame number N is the bytes
 * [4096 N, 4096 N + 4096). The theory is in frames.c.
 */
#ifndef MM_FRAMES_H
#define MM_FRAMES_H

#include "event.h"

typedef uint32_t pfn_t;         /* a frame's number; reaches 16 TiB */

enum {
    FRAME_NONE = 0,             /* frame 0 is never handed out */
    FRAMES_PER_BITS_PAGE = MM_PAGE * 8,
    /* A list head names itself, its successor and so many others. */
    FRAMES_PER_HOLDER = MM_PAGE / 4 - 2,
};

/* A run of usable frames [start, end); those below the watermark have been
 * handed out at least once, those above never. */
struct frames_region {
    pfn_t start, watermark, end;
};

/* What a freed frame at the head of the list holds. */
struct frames_holder {
    pfn_t next;                         /* the holder below, or FRAME_NONE */
    uint32_t count;                     /* numbers that follow, from 0 */
    pfn_t free[FRAMES_PER_HOLDER];
};

_Static_assert(sizeof(struct frames_holder) == MM_PAGE, "fills one frame");

enum frames_bits {
    FRAMES_BITS_READY,          /* the page was there already */
    FRAMES_BITS_TOOK,           /* it is now, and has used up the frame */
    FRAMES_BITS_FAILED,         /* it cannot be made */
};

struct frames_home {
    /*
     * Where frame PFN, which is free, can be read and written until the next
     * call: a holder of the list. NULL if PFN is not one of this memory.
     */
    struct frames_holder *(*holder)(void *context, pfn_t pfn);

    /*
     * Sees to it that page PAGE of the bits (4096 bytes, for the frames from
     * PAGE * FRAMES_PER_BITS_PAGE on) can be written, zeroed when it is new.
     * It may use frame PFN for that and says so.
     */
    enum frames_bits (*bits)(void *context, uint32_t page, pfn_t pfn);

    void (*event)(void *context, const struct mm_event *event);
    void *context;
};

struct frames {
    /* set by frames_init, constant from then on */
    const struct frames_home *home;
    struct frames_region *regions;      /* sorted, apart; the home's memory */
    uint32_t *bits;             /* bit PFN: frame PFN is handed out; valid
                                   below the watermarks only */
    uint32_t region_count;
    uint32_t frame_count;               /* in all regions */
    uint32_t near;              /* the region that was asked for last: where
                                   a search begins, and nothing else */
    /* state */
    uint32_t region;            /* where the watermark rises next */
    pfn_t head;                         /* the top holder, or FRAME_NONE */
    uint32_t free_count;                /* on the list */
    uint32_t risen_count;               /* below the watermarks */
    uint32_t own_count;                 /* of those: used up by the bits */
};

/*
 * Makes FRAMES of COUNT regions, sorted and apart, without frame 0, each with
 * its watermark at its start. BITS is address space for one bit a frame up to
 * the last; its pages are asked of HOME as they are needed. Touches no
 * frame: the time does not depend on how many there are.
 */
void frames_init(struct frames *frames, const struct frames_home *home,
                 struct frames_region *regions, uint32_t count,
                 uint32_t *bits);

/* A frame, contents unknown, the caller's until frame_free; FRAME_NONE when
 * none is left. Constant time, but for regions that are passed over once. */
pfn_t frame_alloc(struct frames *frames);

/*
 * COUNT frames in one run, the first's number: from above a watermark, else of
 * freed frames that lie side by side; FRAME_NONE when there is no such run.
 * Time: one bit a frame from above a watermark, and for frames that were freed
 * together lately; else a look at the bits of all frames, a word at a time, and
 * a walk of the list down to the deepest of these frames.
 */
pfn_t frame_alloc_run(struct frames *frames, uint32_t count);

/*
 * Gives PFN back. MM_OK; or MM_OUTSIDE, MM_NOT_OWNED (never handed out, or
 * freed already) and nothing has changed. Time: a search among the regions.
 */
enum mm_fault frame_free(struct frames *frames, pfn_t pfn);

/* Gives the frames [PFN, PFN + COUNT) back, which lie in one region, wherever
 * they came from. Like frame_free, all or none. */
enum mm_fault frame_free_run(struct frames *frames, pfn_t pfn,
                             uint32_t count);

/* Frames that frame_alloc can still give (bits may need a few of them). */
uint32_t frames_available(const struct frames *frames);

/* The region that contains PFN, or NULL. */
const struct frames_region *frames_region_of(const struct frames *frames,
                                             pfn_t pfn);

/* Whether PFN is handed out. */
bool frame_is_used(const struct frames *frames, pfn_t pfn);

/*
 * Walks the list from the top: calls VISIT with each free frame, the holders
 * included, HOLDER true for these. Stops at damage (a number outside, more
 * than free_count of them) and answers MM_BAD_LINK.
 */
enum mm_fault frames_walk(const struct frames *frames,
                          void (*visit)(void *context, pfn_t pfn, bool holder),
                          void *context);

/* frames_check.c: F1..F6 of frames.c; NULL, or the first that is broken, in
 * the words of the theory; *AT is then the frame concerned. */
const char *frames_check(const struct frames *frames, pfn_t *at);

#endif

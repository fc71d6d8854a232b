/* SPDX-License-Identifier: MIT */
/*
 * event.h - what a step announces
 *
 * The allocator changes memory in a few named steps, and the last line of
 * each step announces it. Observers (src/trace) live on these events alone:
 * replaying them gives the same picture as walking the memory, which a test
 * holds after every operation.
 *
 * How a picture is replayed. Blocks, `at` = the payload's offset:
 *
 *   GROW      A span of `size` bytes enters the heap `owner` at `at` (here:
 *             the span's own start). Its head ends where its one free block begins: the
 *             block's payload is at `other`, and it ends with the span, less
 *             the last word. Pages are held by the HOLD events that follow;
 *             the block is hollow when some remain.
 *   SHRINK    The empty span at `at` leaves.
 *   SPLIT     The free block at `at` is cut: it keeps `size` bytes, the
 *             right part of `other` bytes becomes a free block of its own.
 *             Both go to the front of their lists, the left one first.
 *   TAKE      The free block at `at`, `size` bytes, leaves its list and is
 *             used; for whom says `use`. A large range is taken so too: no
 *             block, its payload at `at`, `size` the bytes of its pages.
 *   RELEASE   The used block at `at` is free, at the front of its list.
 *   COALESCE  The free block at `at` takes in its right neighbour, which is
 *             free and of `other` bytes; it is `size` bytes long now, and
 *             goes to the front of its list.
 *   RESIZE    The used block at `at` changes from `other` to `size` bytes in
 *             place. Growing, it takes from its free right neighbour, whose
 *             rest, if any, goes to the front of its list; shrinking, its
 *             tail joins a free right neighbour, or becomes a free block,
 *             at the front of its list. Equal sizes: only `request` changes.
 *             Of a slot `size` is the slot's. Where a large range shrinks,
 *             the UNMAP of its tail comes first; where it grows, the MAP of
 *             a tail, which becomes a part of it.
 *   HOLD      Frames are now behind the pages [`at`, `at` + `size`).
 *   TRIM      The frames behind these pages were given back; a free block
 *             around them is hollow from then on.
 *   REFUSE    A request for `request` bytes was refused, `other` is the
 *             enum mm_fault; `at` is the offset concerned, if any.
 *
 * "The front of its list, then taken from it" leaves no trace, so the
 * allocator does not do it: while an operation is under way the block in its
 * hand is on no list. Between operations both accounts are the same.
 *
 * Slot pages, `at` = the page's or the slot's offset:
 *
 *   PAGE_TAKE  The used block at `at` becomes a slot page of slots of
 *              `size` bytes; the first slot is at `other`. It goes to the
 *              front of its class's list of pages with room.
 *   PAGE_GIVE  The empty slot page at `at` is an ordinary used block again,
 *              about to be released; it leaves its class's list.
 *   SLOT_TAKE  The slot at `at`: from the head of the page's list, or, if
 *              that is empty, from the watermark (`other` tells: 1 when the
 *              watermark rose). A page that is full now leaves its list.
 *   SLOT_GIVE  The slot at `at` goes to the head of the page's list. A page
 *              that was full goes behind the first page of its class's list,
 *              or is the first.
 *
 * Ranges, `at` and `size` = the pages as bytes from the instance's base:
 *
 *   MAP        These pages now have a used tag of type `other`; they were
 *              part of one free tag.
 *   UNMAP      These pages are free; they join free neighbours.
 *
 * Frames, `at` = frame number * 4096:
 *
 *   FRAME_TAKE A frame (or a run of `size` bytes) was handed out; `other` is
 *              1 when a watermark rose for it, 0 when it came off the list:
 *              one frame from its top, a run from wherever its frames were.
 *   FRAME_GIVE The frame at `at` goes on the list.
 *
 * Kept blocks, `at` = the payload's offset:
 *
 *   KEEP       The used block at `at`, `size` bytes, was freed, and is kept
 *              by its heap at the front of the kept blocks of its size.
 *   REUSE      The kept block at `at` leaves its list and is in use again.
 *   WAIT       The payload at `at` was freed, and waits before it can be used
 *              again; otherwise it is as used as before. (What has waited is
 *              given back by an ordinary RELEASE or SLOT_GIVE.)
 *
 * Threads, `owner` = the number of the heap concerned:
 *
 *   REMOTE_PUSH   The payload at `at` was freed by another thread: it is at
 *                 the front of its owner's remote list, and otherwise as used
 *                 as before.
 *   REMOTE_DRAIN  The owner has taken its whole remote list, `size` payloads,
 *                 and frees them: ordinary releases follow.
 *   ADOPT         A thread has taken over the heap that another has left.
 */
#ifndef MM_EVENT_H
#define MM_EVENT_H

#include "mm.h"

enum mm_event_kind {
    MM_EVENT_GROW,
    MM_EVENT_SHRINK,
    MM_EVENT_SPLIT,
    MM_EVENT_TAKE,
    MM_EVENT_RELEASE,
    MM_EVENT_COALESCE,
    MM_EVENT_RESIZE,
    MM_EVENT_HOLD,
    MM_EVENT_TRIM,
    MM_EVENT_REFUSE,
    MM_EVENT_PAGE_TAKE,
    MM_EVENT_PAGE_GIVE,
    MM_EVENT_SLOT_TAKE,
    MM_EVENT_SLOT_GIVE,
    MM_EVENT_MAP,
    MM_EVENT_UNMAP,
    MM_EVENT_FRAME_TAKE,
    MM_EVENT_FRAME_GIVE,
    MM_EVENT_KEEP,
    MM_EVENT_REUSE,
    MM_EVENT_REMOTE_PUSH,
    MM_EVENT_REMOTE_DRAIN,
    MM_EVENT_ADOPT,
    MM_EVENT_WAIT,
    MM_EVENT_KINDS
};

/* For whom a block is taken. */
enum mm_use {
    MM_USE_CALLER,              /* its payload goes to the caller */
    MM_USE_SLOTS,               /* it becomes a slot page */
    MM_USE_KEPT,                /* it was kept, and nobody's any more */
};

/*
 * `at` and `size` are bytes from the instance's base, never addresses, so
 * that the same commands give the same events everywhere.
 */
struct mm_event {
    uint32_t kind;              /* enum mm_event_kind */
    uint16_t use;               /* enum mm_use, for TAKE and RELEASE */
    uint16_t owner;             /* the heap that was changed */
    uint64_t at;
    uint64_t size;
    uint64_t other;             /* what it is depends on the kind, see above */
    uint64_t request;           /* bytes that the caller asked for, or 0 */
};

/* "SPLIT" and so on, the name that the stream and the shell print. */
const char *mm_event_name(enum mm_event_kind kind);

#endif

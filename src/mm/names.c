/* SPDX-License-Identifier: MIT */
/*
 * names.c - the names of faults and events, as the shell and lessons use them
 */
#include "event.h"

const char *mm_fault_name(enum mm_fault fault)
{
    static const char *const names[MM_FAULTS] = {
        [MM_OK] = "ok",
        [MM_NO_FRAMES] = "no frame is left",
        [MM_NO_RANGE] = "no run of pages is long enough",
        [MM_NO_BLOCK] = "no free block is large enough",
        [MM_TOO_LARGE] = "larger than this heap could ever hand out",
        [MM_BAD_ALIGNMENT] = "not an alignment this heap can give",
        [MM_OUTSIDE] = "outside the arena",
        [MM_MISALIGNED] = "no payload starts at such an address",
        [MM_NOT_LIVE] = "nothing that is in use starts there",
        [MM_NOT_OWNED] = "not handed out",
        [MM_BAD_HEADER] = "the header is damaged",
        [MM_BAD_LEFT] = "the left neighbour's header is damaged",
        [MM_BAD_RIGHT] = "the right neighbour's header is damaged",
        [MM_BAD_LINK] = "a free list's link is damaged",
        [MM_BAD_SLOT] = "a slot page is damaged",
        [MM_BAD_SPAN] = "a span's head is damaged",
        [MM_BAD_TAG] = "a range's tag is damaged",
        [MM_BAD_TRAILER] = "the bytes behind the payload are damaged",
        [MM_BAD_POISON] = "freed memory was written to",
        [MM_BAD_CHOICE] = "the policy chose this block, and it is too small",
    };

    return fault < MM_FAULTS ? names[fault] : "unknown";
}

const char *mm_event_name(enum mm_event_kind kind)
{
    static const char *const names[MM_EVENT_KINDS] = {
        [MM_EVENT_GROW] = "GROW",
        [MM_EVENT_SHRINK] = "SHRINK",
        [MM_EVENT_SPLIT] = "SPLIT",
        [MM_EVENT_TAKE] = "TAKE",
        [MM_EVENT_RELEASE] = "RELEASE",
        [MM_EVENT_COALESCE] = "COALESCE",
        [MM_EVENT_RESIZE] = "RESIZE",
        [MM_EVENT_HOLD] = "HOLD",
        [MM_EVENT_TRIM] = "TRIM",
        [MM_EVENT_REFUSE] = "REFUSE",
        [MM_EVENT_PAGE_TAKE] = "PAGE_TAKE",
        [MM_EVENT_PAGE_GIVE] = "PAGE_GIVE",
        [MM_EVENT_SLOT_TAKE] = "SLOT_TAKE",
        [MM_EVENT_SLOT_GIVE] = "SLOT_GIVE",
        [MM_EVENT_MAP] = "MAP",
        [MM_EVENT_UNMAP] = "UNMAP",
        [MM_EVENT_FRAME_TAKE] = "FRAME_TAKE",
        [MM_EVENT_FRAME_GIVE] = "FRAME_GIVE",
        [MM_EVENT_KEEP] = "KEEP",
        [MM_EVENT_REUSE] = "REUSE",
        [MM_EVENT_REMOTE_PUSH] = "REMOTE_PUSH",
        [MM_EVENT_REMOTE_DRAIN] = "REMOTE_DRAIN",
        [MM_EVENT_ADOPT] = "ADOPT",
        [MM_EVENT_WAIT] = "WAIT",
    };

    return kind < MM_EVENT_KINDS ? names[kind] : "unknown";
}

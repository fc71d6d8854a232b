/* SPDX-License-Identifier: MIT */
/*
 * mm.h - the words that every file of the allocator shares
 *
 * Units: `size` and `*_bytes` are bytes, `*_pages` pages of 4096 bytes,
 * `quanta` units of 16 bytes. `at` is a byte offset from an arena's base, and
 * `start`, `end` are half-open: [start, end).
 */
#ifndef MM_MM_H
#define MM_MM_H

#include "config.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MM_QUANTUM = 16,            /* block sizes and payloads: multiples of it */
    MM_PAGE = 4096,
    MM_SLOT_PAGE = 2048,        /* what small objects are cut from */
};

/* What is wrong with a request or a piece of memory. MM_OK is 0. */
enum mm_fault {
    MM_OK,
    /* refusals: the request is in order, memory is not to be had */
    MM_NO_FRAMES,               /* a page needs a frame and none is left */
    MM_NO_RANGE,                /* no run of pages is long enough */
    MM_NO_BLOCK,                /* no free block is large enough */
    /* the caller's mistakes */
    MM_TOO_LARGE,               /* more than this heap could ever hand out */
    MM_BAD_ALIGNMENT,           /* not a power of two, or beyond the limit */
    MM_OUTSIDE,                 /* not an address of this arena */
    MM_MISALIGNED,              /* inside, but no payload starts at such */
    MM_NOT_LIVE,                /* no used block or slot starts here: freed
                                   twice, or the middle of something */
    MM_NOT_OWNED,               /* a range or frame that is not handed out */
    /* damage: the memory says what the allocator never wrote */
    MM_BAD_HEADER,              /* the block's own header */
    MM_BAD_LEFT,                /* the left neighbour's header */
    MM_BAD_RIGHT,               /* the right neighbour's header */
    MM_BAD_LINK,                /* a free list's link */
    MM_BAD_SLOT,                /* a slot page's head or list */
    MM_BAD_SPAN,                /* a span's head */
    MM_BAD_TAG,                 /* a range's tag */
    MM_BAD_TRAILER,             /* the bytes behind a payload */
    MM_BAD_POISON,              /* free memory, after it was freed */
    MM_BAD_CHOICE,              /* a policy's answer: a block too small */
    MM_FAULTS
};

/* A short, stable name of FAULT in the words of the lessons. */
const char *mm_fault_name(enum mm_fault fault);

static inline bool mm_is_damage(enum mm_fault fault)
{
    return fault >= MM_BAD_HEADER;
}

/*
 * The caller broke the contract: MESSAGE names the likely cause. Always
 * compiled in, and never returns when CONDITION is false.
 */
#define MM_REQUIRE(condition, message)                                     \
    ((condition) ? (void)0 : mm_home_panic(__FILE__, __LINE__, message))

/* The allocator itself is wrong. */
#define MM_ASSERT(condition)                                               \
    (!MM_ASSERTED || (condition)                                           \
         ? (void)0                                                         \
                 : mm_home_panic(__FILE__, __LINE__,                       \
                                 "the allocator is wrong: " #condition))

/* A path that is seldom taken, kept apart from the one that often is. */
#define MM_COLD __attribute__((noinline))

/* A part of such a path, whatever the compiler thinks of its length. */
#define MM_INLINE static inline __attribute__((always_inline))

/* Supplied by the home (see home.h): prints the sentence and stops. */
_Noreturn void mm_home_panic(const char *file, int line, const char *sentence);

static inline bool mm_is_power_of_two(uint64_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

/* N rounded up to a multiple of UNIT, a power of two. N + UNIT must fit. */
static inline uint64_t mm_round_up(uint64_t n, uint64_t unit)
{
    return (n + unit - 1) & ~(unit - 1);        /* 13, 16 -> 16 */
}

static inline uint64_t mm_round_down(uint64_t n, uint64_t unit)
{
    return n & ~(unit - 1);                     /* 31, 16 -> 16 */
}

#endif

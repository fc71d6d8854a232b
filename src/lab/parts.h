/* SPDX-License-Identifier: MIT */
/*
 * parts.h - a machine put together from the parts of src/mm
 *
 *     firmware's map  ->  frames  ->  ranges of the arena  ->  heap
 *
 * The lab, the kernel, and the kernel that a process imitates are the same
 * machine, put together by the same functions. What differs is what paging
 * does, that is, how a frame comes to stand behind a page of the arena:
 *
 *     lab         an entry in a table of the lab's own
 *     kernel      an entry in the CPU's page tables
 *     process     a piece of a file, mapped at the page's address
 *
 * and those are the functions of struct parts_home.
 */
#ifndef LAB_PARTS_H
#define LAB_PARTS_H

#include "machine.h"

struct parts;

struct parts_home {
    /* Puts PFN behind PAGE of the arena, which has none: it can be read and
     * written then. False when that takes memory and none is left. */
    bool (*map)(struct parts *parts, uint32_t page, pfn_t pfn);

    /* Takes the frame from behind PAGE and answers it; FRAME_NONE when there
     * was none. */
    pfn_t (*unmap)(struct parts *parts, uint32_t page);

    /* These pages were all unmapped: tables that they needed can go. May be
     * NULL. */
    void (*unmapped)(struct parts *parts, uint32_t page, uint32_t count);

    /* As in struct machine, and in struct frames_home; the context is the
     * struct parts. */
    bool (*frame_of)(const struct machine *machine, uint32_t page,
                     pfn_t *pfn);
    struct frames_holder *(*holder)(void *context, pfn_t pfn);
    enum frames_bits (*bits)(void *context, uint32_t page, pfn_t pfn);
};

struct parts {
    struct machine machine;             /* first: parts are a machine */
    const struct parts_home *home;
    struct memmap map;
    struct frames_region *regions;
    uint32_t region_count;
    struct frames_home frames_home;
    struct mm_home arena_home;
    struct frames frames;
    struct ranges ranges;
    struct heap heap;
};

_Static_assert(offsetof(struct parts, machine) == 0, "parts are a machine");

/* Where the lists of the first step go; the caller's to keep. */
struct parts_room {
    struct memmap_piece *pieces;
    struct frames_region *regions;
    uint32_t piece_count, region_count;
};

/*
 * The first step: the usable memory of INPUT, as regions of frames. False if
 * INPUT has more entries than a map can have (see memmap.h); what ROOM is too
 * small for is left out, and the map counts it.
 */
bool parts_map(struct parts *parts, const struct memmap_input *input,
               const struct parts_room *room);

struct parts_setup {
    const char *name;
    const struct parts_home *home;
    void *base;                 /* the arena's first byte */
    uint32_t pages;             /* of the arena */
    uint32_t *bits;             /* see frames_init */
    uint32_t span_bytes;
    uint32_t hollow_pages;
    enum heap_level level;
    bool small;
    bool writable;
    const struct heap_policy *policy;   /* see struct heap; or NULL */
    enum heap_order order;
};

/* The second step: frames, ranges and a heap without a span. */
void parts_start(struct parts *parts, const struct parts_setup *setup);

#endif

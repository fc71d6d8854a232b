/* SPDX-License-Identifier: MIT */
/*
 * pages.h - the pages of the library's arena, asked of the system and given
 * back
 *
 * The theory is in pages.c. Everything here is called by the thread that has
 * the library's lock.
 */
#ifndef LIB_PAGES_H
#define LIB_PAGES_H

#include "../mm/mm.h"

#define PAGES_ARENA_BYTES (UINT64_C(32) << 30)
#define PAGES_ARENA ((uint32_t)(PAGES_ARENA_BYTES / MM_PAGE))

enum { PAGES_CHUNK = 256 };             /* 1 MiB is mapped at once */

/* What has happened since the start, for malloc_stats(). */
struct pages_count {
    uint64_t maps, gives, guards;       /* calls of the system */
    uint64_t given_pages;
    uint32_t held, held_most, dirty;    /* pages */
};

/*
 * Chooses the arena's place and maps its first page, held. GUARDED: pages that
 * are not held cannot be touched. NULL when there is no place.
 */
unsigned char *pages_start(bool guarded);

/* Like hold and release in mm/home.h. ZERO: what is held shall read as
 * zero. */
bool pages_hold(uint32_t page, uint32_t count, bool zero);
void pages_release(uint32_t page, uint32_t count);

/* Whether COUNT pages more that are held would be more than ever were needed,
 * and may be wasted. */
bool pages_grow(uint32_t count);

/* Gives back now what is dirty. How many pages. */
uint32_t pages_flush(void);

/*
 * A chunk that could not be mapped because something of the program's lies
 * there, and that nobody has been told of yet: its first page. 0: none.
 */
uint32_t pages_taken(void);

/* Unmaps the chunks that lie wholly within the pages [PAGE, PAGE + COUNT),
 * none of which is held. How many there were. */
uint32_t pages_unmap(uint32_t page, uint32_t count);

const struct pages_count *pages_counts(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * arena.h - the arena of a target that has heaps in it, and its frames
 *
 * Who includes this has said how large ARENA is. Every page that is held twice,
 * or released and not held, is a finding, and so is a panic of src/mm.
 */
#ifndef TESTS_FUZZ_ARENA_H
#define TESTS_FUZZ_ARENA_H

#include "fuzz.h"
#include "stop.h"

#include "mm/heap.h"

static unsigned char arena[ARENA + 128]
    __attribute__((aligned(SPAN_MAX_BYTES)));
static uint8_t held[ARENA / MM_PAGE];
static uint32_t frames_left;

static bool hold(void *context, uint32_t page, uint32_t pages)
{
    (void)context;
    FUZZ_EXPECT(page < ARENA / MM_PAGE && pages <= ARENA / MM_PAGE - page,
                "hold outside the arena");
    if (pages > frames_left)
        return false;
    frames_left -= pages;
    for (uint32_t i = page; i < page + pages; i++) {
        FUZZ_EXPECT(!held[i], "held twice");
        held[i] = 1;
        memset(arena + (size_t)i * MM_PAGE, 0, MM_PAGE);
    }
    return true;
}

static void let_go(void *context, uint32_t page, uint32_t pages)
{
    (void)context;
    frames_left += pages;
    for (uint32_t i = page; i < page + pages; i++) {
        FUZZ_EXPECT(held[i], "released, and was not held");
        held[i] = 0;
        memset(arena + (size_t)i * MM_PAGE, 0xdb, MM_PAGE);
    }
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * parts.c - a machine put together from the parts of src/mm (see parts.h)
 *
 * The arena is address space, not memory: a page of it has a frame only while
 * the allocator holds it. parts_hold() takes frames and maps them, cleared;
 * parts_release() unmaps them and gives them back. There are no demand
 * faults: the heap asks before it touches.
 *
 * Every event passes through here: first the ledger hears it, then whoever
 * listens, so that a listener finds the letter of a block that was just born.
 *
 * Lesson: docs/lessons/00-boot.md
 */
#include "parts.h"

#include "../trace/ledger.h"

/* ---- the home of frames, ranges and heap -------------------------------- */

static void parts_event(void *context, const struct mm_event *event)
{
    const struct machine *machine = &((struct parts *)context)->machine;

    if (machine->ledger != NULL)
        ledger_event(machine->ledger, event);
    if (machine->listener != NULL)
        machine->listener(machine->listener_context, event);
}

static void parts_release(void *context, uint32_t page, uint32_t count)
{
    struct parts *parts = context;

    for (uint32_t i = page; i < page + count; i++) {
        pfn_t pfn = parts->home->unmap(parts, i);

        /* The head of a damaged lab's span may call a page held that is
         * not: no harm there. */
        MM_REQUIRE(pfn != FRAME_NONE || parts->machine.writable,
                   "a page of the heap was given back that had no frame");
        if (pfn == FRAME_NONE)
            continue;

        enum mm_fault fault = frame_free(&parts->frames, pfn);

        MM_REQUIRE(fault == MM_OK, "a page of the heap was given back whose "
                                   "frame is not the heap's");
    }
    if (parts->home->unmapped != NULL)
        parts->home->unmapped(parts, page, count);
}

static bool parts_hold(void *context, uint32_t page, uint32_t count)
{
    struct parts *parts = context;

    if (frames_available(&parts->frames) < count)
        return false;
    for (uint32_t i = page; i < page + count; i++) {
        pfn_t pfn = frame_alloc(&parts->frames);

        if (pfn == FRAME_NONE || !parts->home->map(parts, i, pfn)) {
            if (pfn != FRAME_NONE)
                frame_free(&parts->frames, pfn);
            parts_release(parts, page, i - page);
            return false;
        }
        __builtin_memset(parts->ranges.base + (size_t)i * MM_PAGE, 0,
                         MM_PAGE);
    }
    return true;
}

/* ---- putting it together ------------------------------------------------ */

bool parts_map(struct parts *parts, const struct memmap_input *input,
               const struct parts_room *room)
{
    uint64_t first, end;
    size_t cursor = 0;

    if (!memmap_build(&parts->map, input, room->pieces, room->piece_count))
        return false;
    parts->regions = room->regions;
    parts->region_count = 0;
    while (parts->region_count < room->region_count &&
           memmap_next_usable(&parts->map, &cursor, &first, &end))
        parts->regions[parts->region_count++] = (struct frames_region){
            .start = (pfn_t)first, .end = (pfn_t)end };
    return true;
}

void parts_start(struct parts *parts, const struct parts_setup *setup)
{
    parts->home = setup->home;
    parts->machine = (struct machine){
        .name = setup->name,
        .frames = &parts->frames,
        .ranges = &parts->ranges,
        .heap = &parts->heap,
        .arena_bytes = (uint64_t)setup->pages * MM_PAGE,
        .writable = setup->writable,
        .firmware = parts->map.input.entries,
        .firmware_count = parts->map.input.entry_count,
        .pieces = parts->map.pieces,
        .piece_count = parts->map.piece_count,
        .map = &parts->map,
        .frame_of = setup->home->frame_of,
    };
    parts->frames_home = (struct frames_home){
        .holder = setup->home->holder, .bits = setup->home->bits,
        .event = parts_event, .context = parts,
    };
    parts->arena_home = (struct mm_home){
        .hold = parts_hold, .release = parts_release,
        .event = parts_event, .context = parts,
    };
    frames_init(&parts->frames, &parts->frames_home, parts->regions,
                parts->region_count, setup->bits);
    ranges_init(&parts->ranges, &parts->arena_home, setup->base,
                setup->pages);
    heap_init(&parts->heap, &(struct heap_setup){
        .home = &parts->arena_home,
        .ranges = &parts->ranges,
        .span_bytes = setup->span_bytes,
        .hollow_pages = setup->hollow_pages,
        .level = setup->level,
        .small = setup->small,
        .policy = setup->policy,
        .order = setup->order,
    });
}

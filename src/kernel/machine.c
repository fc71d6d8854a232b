/* SPDX-License-Identifier: MIT */
/*
 * machine.c - the kernel's own memory: from the firmware's map to a heap
 *
 * Theory of operation
 * -------------------
 * The same parts that the lab is made of (src/lab/parts.c), on real frames:
 *
 *     memory map  ->  frames  ->  ranges of the arena  ->  heap
 *
 * What is special here is paging: a page that is held is mapped by the CPU's
 * tables, and the frame behind it is one of this computer's. A page table in
 * which nothing is mapped any more is a frame again, so that memory which was
 * filled and emptied costs nothing.
 *
 * The bits beside the frames lie at the start of the kernel's free address
 * space, one bit a frame. Their pages appear as the watermark rises, each
 * paid by the first frame of its 128 MiB; only the page tables for them are
 * made here, from the first usable frames, one table for 64 GiB of memory
 * (x86_64), so that booting does not take longer with more memory.
 *
 *     KERNEL_SPACE (i686)   | bits |
 *     LOWER_SPACE  (i686)   | arena                                  |
 *
 *     KERNEL_SPACE (x86_64) | bits, 512 MiB | ... | arena, 64 GiB |
 *
 * Nothing here may assume that there is one CPU, but nothing takes a lock
 * yet either: the kernel has one thread.
 */
#include "boot.h"
#include "lab/parts.h"
#include "memory.h"
#include "paging.h"
#include "panic.h"
#include "print.h"
#include "shell/home.h"
#include "shell/shell.h"

enum {
    MAP_ENTRIES_MAX = 1024,             /* of a map that came as a file */
    REGIONS_MAX = 1024,
    PIECES_MAX = MEMMAP_PIECES_FOR(MAP_ENTRIES_MAX),
    KERNEL_HOLLOW_PAGES = 4,            /* a free block keeps less idle */
};

#define ARENA_BYTES_MAX ((((uint64_t)64) << 30) - SPAN_MAX_BYTES)

static struct {
    struct parts parts;
    struct memmap_piece pieces[PIECES_MAX];
    struct firmware_entry file_entries[MAP_ENTRIES_MAX];
    struct frames_region regions[REGIONS_MAX];
    vaddr_t bits;
    pfn_t window_frame;                 /* what WINDOW_FRAMES shows */
    struct frames_holder *window;
} kernel;

/* ---- the home of the frames -------------------------------------------- */

static struct frames_holder *kernel_holder(void *context, pfn_t pfn)
{
    (void)context;
    if (pfn != kernel.window_frame) {
        kernel.window = paging_window(WINDOW_FRAMES, pfn);
        kernel.window_frame = pfn;
    }
    return kernel.window;
}

static enum frames_bits kernel_bits(void *context, uint32_t page, pfn_t pfn)
{
    vaddr_t at = kernel.bits + (vaddr_t)page * PAGE_SIZE;

    (void)context;
    if (paging_find(at, NULL, NULL))
        return FRAMES_BITS_READY;
    if (!paging_map(at, pfn, PAGE_READ | PAGE_WRITE))
        return FRAMES_BITS_FAILED;
    memory_set((void *)at, 0, PAGE_SIZE);
    return FRAMES_BITS_TOOK;
}

/* ---- the home of the arena --------------------------------------------- */

static vaddr_t page_address(uint32_t page)
{
    return (vaddr_t)(kernel.parts.ranges.base + (uint64_t)page * PAGE_SIZE);
}

static bool kernel_map(struct parts *parts, uint32_t page, pfn_t pfn)
{
    (void)parts;
    return paging_map(page_address(page), pfn, PAGE_READ | PAGE_WRITE);
}

static pfn_t kernel_unmap(struct parts *parts, uint32_t page)
{
    (void)parts;
    return paging_unmap(page_address(page));
}

static void table_free(pfn_t frame)
{
    frame_free(&kernel.parts.frames, frame);
}

static void kernel_unmapped(struct parts *parts, uint32_t page,
                            uint32_t count)
{
    (void)parts;
    paging_trim(page_address(page), count, table_free);
}

static bool kernel_frame_of(const struct machine *machine, uint32_t page,
                            pfn_t *pfn)
{
    (void)machine;
    return paging_find(page_address(page), pfn, NULL);
}

static const struct parts_home parts_home = {
    .map = kernel_map, .unmap = kernel_unmap, .unmapped = kernel_unmapped,
    .frame_of = kernel_frame_of, .holder = kernel_holder,
    .bits = kernel_bits,
};

/* ---- making it ---------------------------------------------------------- */

/* The firmware's list, or the one that map=NAME asks for. */
static void map_make(const struct boot *boot)
{
    const struct boot_info *info = boot->info;
    struct memmap_input input = {
        .entries = info->entries,
        .entry_count = info->entry_count,
        .reservations = boot->reservations,
        .reservation_count = boot->reservation_count,
        .limit = sizeof(void *) == 4 ? MEMMAP_LIMIT_I686
                                     : MEMMAP_LIMIT_X86_64,
    };

    if (boot->map_text != NULL) {
        struct memmap_text text = memmap_parse_text(
            boot->map_text, boot->map_size, kernel.file_entries,
            MAP_ENTRIES_MAX);

        if (text.ok) {
            input.machine = input.entries;
            input.machine_count = input.entry_count;
            input.entries = kernel.file_entries;
            input.entry_count = text.count;
        } else {
            print("Note: the map %s is not used: %s.\n", boot->map_name,
                  text.sentence);
        }
    }
    if (!parts_map(&kernel.parts, &input, &(struct parts_room){
            kernel.pieces, kernel.regions, PIECES_MAX, REGIONS_MAX }))
        panic("The memory map has more entries than the kernel keeps track "
              "of (%d).", MEMMAP_ENTRIES_MAX);
    if (kernel.parts.map.pieces_dropped > 0)
        print("Note: the memory map has more pieces than the kernel keeps "
              "track of; %llu KiB at its end are not used.\n",
              (wide)(kernel.parts.map.usable_bytes_dropped >> 10));
}

/* A frame for a page table of the bits, before there are frames: the first
 * of the largest region's. */
static pfn_t early_frame(void)
{
    struct frames_region *largest = NULL;

    for (uint32_t i = 0; i < kernel.parts.region_count; i++) {
        struct frames_region *region = &kernel.regions[i];

        if (largest == NULL || region->end - region->start >
                                   largest->end - largest->start)
            largest = region;
    }
    if (largest == NULL || largest->end - largest->start < 2)
        return PFN_NONE;
    return largest->start++;
}

static pfn_t table_frame(void)
{
    return frame_alloc(&kernel.parts.frames);
}

/* Page tables for the bits of all frames: mapping a page makes its table,
 * which then stays. */
static void bits_make(vaddr_t start)
{
    enum { TABLE_BYTES = sizeof(void *) == 4 ? 4 << 20 : 2 << 20 };
    pfn_t end = kernel.parts.region_count == 0
                    ? 0 : kernel.regions[kernel.parts.region_count - 1].end;

    kernel.bits = start;
    paging_init(early_frame);
    for (uint64_t at = 0; at < (uint64_t)end / 8 + 1; at += TABLE_BYTES) {
        if (!paging_map(start + (vaddr_t)at, 1, PAGE_READ))
            panic("Not enough usable memory for the kernel's tables: the "
                  "memory map leaves %llu KiB (see what it takes with a "
                  "larger machine, `make run MEMORY=16M`).",
                  (wide)(memmap_usable_frames(&kernel.parts.map) << 2));
        paging_unmap(start + (vaddr_t)at);
    }
}

void machine_init(const struct boot *boot)
{
    vaddr_t bits_start, bits_end, start, end;
    const uint64_t bits_room = ((uint64_t)UINT32_MAX + 1) / 8;
    uint64_t bytes;

    map_make(boot);
    paging_free_space(KERNEL_SPACE, &bits_start, &bits_end);
    bits_make(bits_start);

    /* The arena: above the bits where the kernel has room, else below. */
    start = bits_start + (vaddr_t)bits_room;
    end = bits_end;
    bytes = bits_end - bits_start;
    if (bytes < ARENA_BYTES_MAX)
        paging_free_space(LOWER_SPACE, &start, &end);
    bytes = end - start;
    if (bytes > ARENA_BYTES_MAX)
        bytes = ARENA_BYTES_MAX;
    parts_start(&kernel.parts, &(struct parts_setup){
        .name = "kernel",
        .home = &parts_home,
        .base = (void *)start,
        .pages = (uint32_t)(bytes / PAGE_SIZE),
        .bits = (uint32_t *)kernel.bits,
        .span_bytes = SPAN_MAX_BYTES,
        .hollow_pages = KERNEL_HOLLOW_PAGES,
        .level = HEAP_LEVEL_CHECK,
        .small = true,
    });
    paging_init(table_frame);
}

/* ---- what the shell asks ------------------------------------------------ */

struct machine *home_machine(void)
{
    return &kernel.parts.machine;
}

void *home_memory(size_t size)
{
    const struct mm_home *home = &kernel.parts.arena_home;
    struct range_request request = {
        .pages = (uint32_t)(mm_round_up(size, PAGE_SIZE) / PAGE_SIZE),
        .align_pages = SPAN_MAX_BYTES / PAGE_SIZE,
        .at = RANGE_ANYWHERE,
        .type = RANGE_LAB,
        .protection = RANGE_READ | RANGE_WRITE,
    };
    uint32_t page;

    if (size == 0 || size > kernel.parts.machine.arena_bytes ||
        ranges_probe(&kernel.parts.ranges, &request, &page) != MM_OK ||
        !home->hold(home->context, page, request.pages))
        return NULL;
    request.at = page;
    if (ranges_alloc(&kernel.parts.ranges, &request, &page) != MM_OK) {
        home->release(home->context, page, request.pages);
        return NULL;
    }
    return (void *)page_address(page);
}

void home_memory_release(void *memory, size_t size)
{
    const struct mm_home *home = &kernel.parts.arena_home;
    uint32_t page = (uint32_t)(((unsigned char *)memory -
                                kernel.parts.ranges.base) / PAGE_SIZE);
    uint32_t pages = (uint32_t)(mm_round_up(size, PAGE_SIZE) / PAGE_SIZE);

    home->release(home->context, page, pages);
    ranges_free(&kernel.parts.ranges, page, pages);
}

/* ---- what the fault screen asks ----------------------------------------- */

const char *fault_explain(uintptr_t address, char *buffer, size_t size)
{
    static const char *const types[RANGE_TYPES] = {
        "no range: nobody has allocated these pages",
        "a page of the ranges' own tags", "a span of the heap",
        "a large allocation", "the lab's memory", "a stack", "a device",
        "a range",
    };
    uint64_t at = address - (uintptr_t)kernel.parts.ranges.base;
    struct heap_cursor cursor;

    if (shell_explain(address, buffer, size))
        return buffer;                          /* in the lab */
    if (kernel.parts.ranges.base == NULL || address < (uintptr_t)kernel.parts.ranges.base
        || at >= kernel.parts.machine.arena_bytes)
        return NULL;

    const struct range_tag *range =
        ranges_find(&kernel.parts.ranges, (uint32_t)(at / PAGE_SIZE));

    if (range == NULL || range->type >= RANGE_TYPES)
        return NULL;
    if (range->type != RANGE_SPAN ||
        !heap_walk_find(&kernel.parts.heap, at, &cursor)) {
        print_text(buffer, size, "you touched +0x%llx of the kernel's arena, "
                   "which lies in %s", (wide)at, types[range->type]);
        return buffer;
    }
    if (cursor.used) {
        print_text(buffer, size, "you touched +0x%llx of the kernel's arena, "
                   "in the block +0x%llx of %llu bytes", (wide)at,
                   (wide)cursor.at, (wide)cursor.size);
        return buffer;
    }
    print_text(buffer, size, "you touched +0x%llx of the kernel's arena, %llu "
               "bytes past the end of the block before +0x%llx, in free "
               "memory", (wide)at, (wide)(at - (cursor.at - BLOCK_HEADER)),
               (wide)cursor.at);
    return buffer;
}

/* SPDX-License-Identifier: MIT */
/*
 * machine.c - the kernel's own memory: from the firmware's map to a heap
 *
 * Theory of operation
 * -------------------
 * The same parts that the lab is made of (src/lab/lab.c), on real frames:
 *
 *     memory map  ->  frames  ->  ranges of the arena  ->  heap
 *
 * The arena is address space, not memory: a page of it has a frame while the
 * allocator holds it. kernel_hold() takes frames and maps them; release()
 * unmaps them and gives them back. There are no demand faults: the heap asks
 * before it touches.
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
#include "lab/machine.h"
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
    KERNEL_HOLLOW_PAGES = 16,           /* a free block keeps less idle */
};

#define ARENA_BYTES_MAX ((((uint64_t)64) << 30) - SPAN_MAX_BYTES)

static struct {
    struct machine machine;
    struct memmap map;
    struct memmap_piece pieces[PIECES_MAX];
    struct firmware_entry file_entries[MAP_ENTRIES_MAX];
    struct frames_region regions[REGIONS_MAX];
    uint32_t region_count;
    struct frames frames;
    struct ranges ranges;
    struct heap heap;
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

static void kernel_event(void *context, const struct mm_event *event)
{
    (void)context;
    if (kernel.machine.listener != NULL)
        kernel.machine.listener(kernel.machine.listener_context, event);
}

static const struct frames_home frames_home = {
    .holder = kernel_holder, .bits = kernel_bits, .event = kernel_event,
};

/* ---- the home of the arena --------------------------------------------- */

static vaddr_t page_address(uint32_t page)
{
    return (vaddr_t)(kernel.ranges.base + (uint64_t)page * PAGE_SIZE);
}

static void kernel_release(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    for (uint32_t i = page; i < page + count; i++) {
        pfn_t pfn = paging_unmap(page_address(i));
        enum mm_fault fault = frame_free(&kernel.frames, pfn);

        MM_REQUIRE(fault == MM_OK, "a page of the heap was given back whose "
                                   "frame is not the heap's");
    }
}

static bool kernel_hold(void *context, uint32_t page, uint32_t count)
{
    for (uint32_t i = page; i < page + count; i++) {
        pfn_t pfn = frame_alloc(&kernel.frames);

        if (pfn == FRAME_NONE ||
            !paging_map(page_address(i), pfn, PAGE_READ | PAGE_WRITE)) {
            if (pfn != FRAME_NONE)
                frame_free(&kernel.frames, pfn);
            kernel_release(context, page, i - page);
            return false;
        }
        memory_set((void *)page_address(i), 0, PAGE_SIZE);
    }
    return true;
}

static const struct mm_home arena_home = {
    .hold = kernel_hold, .release = kernel_release, .event = kernel_event,
};

static bool kernel_frame_of(const struct machine *machine, uint32_t page,
                            pfn_t *pfn)
{
    (void)machine;
    return paging_find(page_address(page), pfn, NULL);
}

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
    if (!memmap_build(&kernel.map, &input, kernel.pieces, PIECES_MAX))
        panic("The memory map has more entries than the kernel keeps track "
              "of (%d).", MEMMAP_ENTRIES_MAX);
    if (kernel.map.pieces_dropped > 0)
        print("Note: the memory map has more pieces than the kernel keeps "
              "track of; %llu KiB at its end are not used.\n",
              (wide)(kernel.map.usable_bytes_dropped >> 10));
}

static void regions_make(void)
{
    uint64_t first, end;
    size_t cursor = 0;

    while (kernel.region_count < REGIONS_MAX &&
           memmap_next_usable(&kernel.map, &cursor, &first, &end))
        kernel.regions[kernel.region_count++] = (struct frames_region){
            .start = (pfn_t)first, .end = (pfn_t)end };
}

/* A frame for a page table of the bits, before there are frames: the first
 * of the largest region's. */
static pfn_t early_frame(void)
{
    struct frames_region *largest = NULL;

    for (uint32_t i = 0; i < kernel.region_count; i++) {
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
    return frame_alloc(&kernel.frames);
}

/* Page tables for the bits of all frames: mapping a page makes its table,
 * which then stays. */
static void bits_make(vaddr_t start)
{
    enum { TABLE_BYTES = sizeof(void *) == 4 ? 4 << 20 : 2 << 20 };
    pfn_t end = kernel.region_count == 0
                    ? 0 : kernel.regions[kernel.region_count - 1].end;

    kernel.bits = start;
    paging_init(early_frame);
    for (uint64_t at = 0; at < (uint64_t)end / 8 + 1; at += TABLE_BYTES) {
        if (!paging_map(start + (vaddr_t)at, 1, PAGE_READ))
            panic("Not enough usable memory for the kernel's tables: the "
                  "memory map leaves %llu KiB (see what it takes with a "
                  "larger machine, `make run MEMORY=16M`).",
                  (wide)(memmap_usable_frames(&kernel.map) << 2));
        paging_unmap(start + (vaddr_t)at);
    }
    paging_init(table_frame);
}

void machine_init(const struct boot *boot)
{
    vaddr_t bits_start, bits_end, start, end;
    const uint64_t bits_room = ((uint64_t)UINT32_MAX + 1) / 8;
    uint64_t bytes;

    map_make(boot);
    regions_make();
    paging_free_space(KERNEL_SPACE, &bits_start, &bits_end);
    bits_make(bits_start);
    frames_init(&kernel.frames, &frames_home, kernel.regions,
                kernel.region_count, (uint32_t *)kernel.bits);

    /* The arena: above the bits where the kernel has room, else below. */
    start = bits_start + (vaddr_t)bits_room;
    end = bits_end;
    bytes = bits_end - bits_start;
    if (bytes < ARENA_BYTES_MAX)
        paging_free_space(LOWER_SPACE, &start, &end);
    bytes = end - start;
    if (bytes > ARENA_BYTES_MAX)
        bytes = ARENA_BYTES_MAX;
    ranges_init(&kernel.ranges, &arena_home, (void *)start,
                (uint32_t)(bytes / PAGE_SIZE));
    heap_init(&kernel.heap, &(struct heap_setup){
        .home = &arena_home,
        .ranges = &kernel.ranges,
        .span_bytes = SPAN_MAX_BYTES,
        .hollow_pages = KERNEL_HOLLOW_PAGES,
        .level = HEAP_LEVEL_CHECK,
        .small = true,
    });
    kernel.machine = (struct machine){
        .name = "kernel",
        .frames = &kernel.frames,
        .ranges = &kernel.ranges,
        .heap = &kernel.heap,
        .arena_bytes = bytes,
        .firmware = kernel.map.input.entries,
        .firmware_count = kernel.map.input.entry_count,
        .pieces = kernel.pieces,
        .piece_count = kernel.map.piece_count,
        .map = &kernel.map,
        .frame_of = kernel_frame_of,
    };
}

/* ---- what the shell asks ------------------------------------------------ */

struct machine *home_machine(void)
{
    return &kernel.machine;
}

void *home_memory(size_t size)
{
    struct range_request request = {
        .pages = (uint32_t)(mm_round_up(size, PAGE_SIZE) / PAGE_SIZE),
        .align_pages = SPAN_MAX_BYTES / PAGE_SIZE,
        .at = RANGE_ANYWHERE,
        .type = RANGE_LAB,
        .protection = RANGE_READ | RANGE_WRITE,
    };
    uint32_t page;

    if (size == 0 || size > kernel.machine.arena_bytes ||
        ranges_probe(&kernel.ranges, &request, &page) != MM_OK ||
        !kernel_hold(NULL, page, request.pages))
        return NULL;
    request.at = page;
    if (ranges_alloc(&kernel.ranges, &request, &page) != MM_OK) {
        kernel_release(NULL, page, request.pages);
        return NULL;
    }
    return (void *)page_address(page);
}

void home_memory_release(void *memory, size_t size)
{
    uint32_t page = (uint32_t)(((unsigned char *)memory -
                                kernel.ranges.base) / PAGE_SIZE);
    uint32_t pages = (uint32_t)(mm_round_up(size, PAGE_SIZE) / PAGE_SIZE);

    kernel_release(NULL, page, pages);
    ranges_free(&kernel.ranges, page, pages);
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
    uint64_t at = address - (uintptr_t)kernel.ranges.base;
    struct heap_cursor cursor;

    if (shell_explain(address, buffer, size))
        return buffer;                          /* in the lab */
    if (kernel.ranges.base == NULL || address < (uintptr_t)kernel.ranges.base
        || at >= kernel.machine.arena_bytes)
        return NULL;

    const struct range_tag *range =
        ranges_find(&kernel.ranges, (uint32_t)(at / PAGE_SIZE));

    if (range == NULL || range->type >= RANGE_TYPES)
        return NULL;
    if (range->type != RANGE_SPAN ||
        !heap_walk_find(&kernel.heap, at, &cursor)) {
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

/* SPDX-License-Identifier: MIT */
/*
 * machine.c - a computer's memory, imitated in a process
 *
 * `use kernel` shows a machine in a process, too. Its parts are those of the
 * kernel (src/lab/parts.c); what a computer has and a process has not is
 * imitated with one file that has no name:
 *
 *     the file      | frame 0 | frame 1 | frame 2 | ...      physical memory
 *                        |         \________
 *                        |                  \
 *     the arena     |         | page 7  |         | page 9  | ...
 *                    nothing    mapped    nothing   mapped
 *
 * Frame N is the bytes [4096 N, 4096 N + 4096) of the file. The arena is
 * address space that nothing is behind: touching it is a fault, as on the
 * real machine. Mapping a frame is mapping that piece of the file at the
 * page's address, so a byte written through a page is in the frame, as the
 * view of the whole file shows, and nowhere else.
 *
 * How much memory there can be is a matter of Linux, which gives a process
 * 65530 mappings (vm.max_map_count): a page may be one, and the hole behind it
 * another, so 128 MiB, 32768 frames, are the most that surely work.
 *
 * The memory map is made up: that of a PC as QEMU describes it.
 */
#define _GNU_SOURCE

#include "shell/home.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "home.h"
#include "lab/parts.h"

enum {
    REGIONS = 5,
    PIECES = MEMMAP_PIECES_FOR(REGIONS),
    HOLLOW_PAGES = 4,
    FIRMWARE_TABLES = 128 * 1024,       /* at the end of RAM */
};

#define ARENA_BYTES ((size_t)(sizeof(void *) == 4 ? 1 : 4) << 30)

static struct {
    struct parts parts;
    struct firmware_entry firmware[REGIONS];
    struct memmap_piece pieces[PIECES];
    struct frames_region regions[PIECES];
    char remark[96];
    int file;
    uint32_t frame_count;
    unsigned char *physical;            /* all of the file */
    pfn_t *page_table;                  /* the frame behind each page */
    bool tried, made;
} imitation;

size_t host_memory_bytes = (size_t)128 << 20;

/* ---- what paging does --------------------------------------------------- */

static unsigned char *page_address(const struct parts *parts, uint32_t page)
{
    return parts->ranges.base + (size_t)page * MM_PAGE;
}

static bool file_map(struct parts *parts, uint32_t page, pfn_t pfn)
{
    void *at = mmap(page_address(parts, page), MM_PAGE,
                    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                    imitation.file, (off_t)pfn * MM_PAGE);

    if (at == MAP_FAILED)
        return false;
    imitation.page_table[page] = pfn;
    return true;
}

static pfn_t file_unmap(struct parts *parts, uint32_t page)
{
    pfn_t pfn = imitation.page_table[page];
    void *at = mmap(page_address(parts, page), MM_PAGE, PROT_NONE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
                    -1, 0);

    MM_REQUIRE(at != MAP_FAILED, "this system's mmap does not take a page "
                                 "back: the imitation cannot go on");
    imitation.page_table[page] = FRAME_NONE;
    return pfn;
}

static bool file_frame_of(const struct machine *machine, uint32_t page,
                          pfn_t *pfn)
{
    if (page >= machine->ranges->page_count)
        return false;
    *pfn = imitation.page_table[page];
    return *pfn != FRAME_NONE;
}

static struct frames_holder *file_holder(void *context, pfn_t pfn)
{
    (void)context;
    if (pfn >= imitation.frame_count)
        return NULL;
    return (struct frames_holder *)(imitation.physical +
                                    (size_t)pfn * MM_PAGE);
}

static enum frames_bits file_bits(void *context, uint32_t page, pfn_t pfn)
{
    (void)context;
    (void)page;
    (void)pfn;
    return FRAMES_BITS_READY;
}

static const struct parts_home file_home = {
    .map = file_map, .unmap = file_unmap, .frame_of = file_frame_of,
    .holder = file_holder, .bits = file_bits,
};

/* ---- making it ---------------------------------------------------------- */

/*
 * What the firmware of a PC with BYTES of memory says:
 *
 *     0        639K 640K      960K 1M                   end - 128K  end
 *     |available|res.| nothing |res.| available          | reserved |
 */
static void firmware_make(uint64_t bytes)
{
    const struct firmware_entry entries[REGIONS] = {
        { .base = 0, .length = 0x9fc00, .type = FIRMWARE_AVAILABLE },
        { .base = 0x9fc00, .length = 0x400, .type = FIRMWARE_RESERVED },
        { .base = 0xf0000, .length = 0x10000, .type = FIRMWARE_RESERVED },
        { .base = MEMMAP_FIRMWARE_AREA_END, .type = FIRMWARE_AVAILABLE,
          .length = bytes - MEMMAP_FIRMWARE_AREA_END - FIRMWARE_TABLES },
        { .base = bytes - FIRMWARE_TABLES, .length = FIRMWARE_TABLES,
          .type = FIRMWARE_RESERVED },
    };

    for (int i = 0; i < REGIONS; i++)
        imitation.firmware[i] = entries[i];
}

/* A file without a name, of BYTES that are zero; -1 if there is none. */
static int file_make(size_t bytes)
{
#ifdef __linux__
    int file = memfd_create("heapglass", MFD_CLOEXEC);
#else
    FILE *stream = tmpfile();
    int file = stream == NULL ? -1 : fileno(stream);
#endif

    if (file >= 0 && ftruncate(file, (off_t)bytes) != 0)
        return -1;
    return file;
}

static bool machine_make(size_t bytes)
{
    uint32_t *bits;
    void *arena;

    imitation.frame_count = (uint32_t)(bytes / MM_PAGE);
    imitation.file = file_make(bytes);
    if (imitation.file < 0)
        return false;
    imitation.physical = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
                              imitation.file, 0);
    arena = mmap(NULL, ARENA_BYTES, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    imitation.page_table = calloc(ARENA_BYTES / MM_PAGE, sizeof(pfn_t));
    bits = calloc(imitation.frame_count / 32 + 1, sizeof(*bits));
    if (imitation.physical == MAP_FAILED || arena == MAP_FAILED
            || imitation.page_table == NULL || bits == NULL)
        return false;

    firmware_make(bytes);
    parts_map(&imitation.parts, &(struct memmap_input){
        .entries = imitation.firmware,
        .entry_count = REGIONS,
        .limit = MEMMAP_LIMIT_X86_64,
    }, &(struct parts_room){
        imitation.pieces, imitation.regions, PIECES, PIECES,
    });
    parts_start(&imitation.parts, &(struct parts_setup){
        .name = "kernel",
        .home = &file_home,
        .base = arena,
        .pages = ARENA_BYTES / MM_PAGE,
        .bits = bits,
        .span_bytes = SPAN_MAX_BYTES,
        .hollow_pages = HOLLOW_PAGES,
        .level = HEAP_LEVEL_CHECK,
        .small = true,
    });
    snprintf(imitation.remark, sizeof(imitation.remark),
             "In a process it is an imitation: %zu MiB of physical memory in "
             "a file.", bytes >> 20);
    imitation.parts.machine.remark = imitation.remark;
    return true;
}

struct machine *home_machine(void)
{
    if (!imitation.tried) {
        imitation.tried = true;
        imitation.made = machine_make(host_memory_bytes);
    }
    return imitation.made ? &imitation.parts.machine : NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * fuzz_bootinfo1.c - any bytes as Multiboot1 information
 *
 * Multiboot1 is full of physical pointers. The input is a small machine's
 * whole memory, from physical 0 on: the information lies in it somewhere, and
 * what it points to may, too. Each piece that the parser asks to see is given
 * in a block of exactly that size, so that a read of one byte more is seen.
 *
 * sources: src/kernel/bootinfo.c
 */
#include "boot_info.h"

enum { VIEWS = 4096 };

static struct fuzz memory;
static void *views[VIEWS];
static uint32_t view_count;

/* SIZE bytes of the machine's memory at PHYSICAL; NULL if there are none. */
static const void *view_at(void *context, uint64_t physical, size_t size)
{
    (void)context;
    FUZZ_EXPECT(size > 0, "a view of nothing");
    if (physical > memory.size || size > memory.size - physical ||
        view_count == VIEWS)
        return NULL;
    return views[view_count++] = fuzz_exact(memory.data + physical, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct boot_info info;
    static struct memmap_reservation reservations[BOOT_MODULES_MAX + 16];
    struct boot_view view = { view_at, NULL };
    struct fuzz fuzz = { data, size };
    uint64_t physical = fuzz_half(&fuzz);
    enum boot_info_status status;
    char value[32];
    size_t count;

    memory = fuzz;
    view_count = 0;
    memset(&info, 0xa5, sizeof info);
    status = bootinfo_parse_multiboot1(physical % (fuzz.size + 2), view,
                                       &info);
    boot_info_expect(&info);
    FUZZ_EXPECT(status != BOOT_INFO_OK || info.entry_count > 0,
                "a memory map without a region");
    count = bootinfo_reservations(&info, reservations,
                                  sizeof reservations / sizeof *reservations);
    FUZZ_EXPECT(count <= sizeof reservations / sizeof *reservations,
                "more reservations than there are things");
    for (size_t i = 0; i < count; i++)
        FUZZ_EXPECT(reservations[i].start <= reservations[i].end,
                    "a reservation that ends before it starts");
    bootinfo_option(info.command_line, "map", value, sizeof value);
    while (view_count > 0)
        free(views[--view_count]);
    return 0;
}

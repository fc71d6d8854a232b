/* SPDX-License-Identifier: MIT */
/*
 * boot.h - what is known about the machine when booting is done
 */
#ifndef KERNEL_BOOT_H
#define KERNEL_BOOT_H

#include <stddef.h>

#include "bootinfo.h"
#include "types.h"

/* The kernel's image, modules, boot information, framebuffer, a few spare. */
enum {
    BOOT_RESERVATIONS_MAX = BOOT_MODULES_MAX + BOOT_INFORMATION_MAX + 8,
};

struct boot {
    const struct boot_info *info;
    const char *command_line;

    /* What lies in memory and must not be handed out, for memmap_build(). */
    struct memmap_reservation reservations[BOOT_RESERVATIONS_MAX];
    size_t reservation_count;

    /* With map=NAME on the command line: the module with that map, mapped
       read-only; else NULL. `map_name` is NAME, or "". */
    const char *map_text;
    size_t map_size;
    char map_name[BOOT_MODULE_NAME_SIZE];
};

/* Shows [MODULE->start, MODULE->end) read-only; NULL if it cannot be. */
const void *boot_module_bytes(const struct boot_module *module);

/*
 * Makes memory of what the firmware listed: memory map, frames, ranges, heap.
 * Called once, after the console works and before the shell starts; interrupts
 * are on. BOOT stays valid for ever.
 */
void machine_init(const struct boot *boot);

#endif

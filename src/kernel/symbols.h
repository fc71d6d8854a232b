/* SPDX-License-Identifier: MIT */
/*
 * symbols.h - the names of the kernel's functions, for the fault screen
 */
#ifndef KERNEL_SYMBOLS_H
#define KERNEL_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

#include "bootinfo.h"

/* Looks for the symbol table among the sections of our own image that the
 * boot loader has loaded. Writes what memory it lies in to OUT, which has room
 * for two reservations, and answers how many: 0 if there are no symbols. */
enum { SYMBOL_RESERVATIONS = 2 };
size_t symbols_start(const struct boot_elf_sections *elf,
                     struct memmap_reservation *out);

/* The name of the function that ADDRESS is in, and *OFFSET, how far in; NULL
 * if that is not known. Time: all symbols are looked at. */
const char *symbol_of(uintptr_t address, uintptr_t *offset);

#endif

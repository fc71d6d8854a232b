/* SPDX-License-Identifier: MIT */
/*
 * levels.h - the shape of i686 page tables, for paging.c
 *
 *     31        22 21        12 11         0
 *    +------------+------------+------------+
 *    | directory  | table      | in page    |     10 + 10 + 12 bits
 *    +------------+------------+------------+
 *
 * Reference: Intel SDM vol. 3, section 4.3.
 */
#ifndef ARCH_LEVELS_H
#define ARCH_LEVELS_H

#include <stdint.h>

typedef uint32_t page_entry_t;

enum { PAGING_LEVELS = 2 };

#define VIRTUAL_MASK    0xFFFFFFFFu /* address bits that tables translate */
#define KERNEL_BASE     0xC0000000u
#define PHYSICAL_LIMIT  0x100000000ull /* no PAE: what an entry can name */
#define ENTRY_FRAME     0xFFFFF000u

/* Slot 1023 of the directory is the directory itself: the tables appear
   here, in order, as if they were one long array. */
#define TABLES          0xFFC00000u

/* Views of physical memory, growing up; windows, in the last table. */
#define VIEWS_START     0xF8000000u
#define VIEWS_END       0xFF800000u
#define WINDOWS         0xFFBF0000u

/* Address space for ranges. */
#define KERNEL_SPACE_START  (KERNEL_BASE + 0x400000u)
#define KERNEL_SPACE_END    VIEWS_START
#define LOWER_SPACE_END     KERNEL_BASE

#endif

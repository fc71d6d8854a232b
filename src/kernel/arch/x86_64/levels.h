/* SPDX-License-Identifier: MIT */
/*
 * levels.h - the shape of x86_64 page tables, for paging.c
 *
 *     63     48 47    39 38    30 29    21 20    12 11         0
 *    +---------+--------+--------+--------+--------+------------+
 *    | as bit  | top    | third  | second | table  | in page    |
 *    | 47      |        |        |        |        |            |
 *    +---------+--------+--------+--------+--------+------------+
 *
 * Reference: Intel SDM vol. 3, section 4.5.
 */
#ifndef ARCH_LEVELS_H
#define ARCH_LEVELS_H

#include <stdint.h>

typedef uint64_t page_entry_t;

enum { PAGING_LEVELS = 4 };

#define VIRTUAL_MASK    0x0000FFFFFFFFFFFFu /* bits that tables translate */
#define KERNEL_BASE     0xFFFFFFFF80000000u
#define PHYSICAL_LIMIT  (1ull << 52)
#define ENTRY_FRAME     0x000FFFFFFFFFF000u

/* Slot 510 of the top table is the top table itself: the tables appear
   here, in order, as if they were one long array. */
#define TABLES          0xFFFFFF0000000000u

/* Views of physical memory, growing up; windows, in the last table. */
#define VIEWS_START     0xFFFFFFFFC0000000u
#define VIEWS_END       0xFFFFFFFFFFE00000u
#define WINDOWS         0xFFFFFFFFFFFF0000u

/* Address space for ranges. */
#define KERNEL_SPACE_START  0xFFFF800000000000u
#define KERNEL_SPACE_END    TABLES
#define LOWER_SPACE_END     0x0000800000000000u

#endif

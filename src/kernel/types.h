/* SPDX-License-Identifier: MIT */
/*
 * types.h - the address spaces, told apart by type
 *
 * A physical address is 64 bits wide on every architecture: an i686 kernel
 * cannot reach all of them, but it must be able to say so without cutting
 * them short. A frame number is 32 bits wide: enough for 16 TiB of RAM.
 */
#ifndef KERNEL_TYPES_H
#define KERNEL_TYPES_H

#include <stdint.h>

typedef uint64_t paddr_t;  /* a physical address, in bytes */
typedef uintptr_t vaddr_t; /* a virtual address, in bytes */
typedef uint32_t pfn_t;    /* a frame number: physical address / 4096 */

enum {
    PAGE_SHIFT = 12,
    PAGE_SIZE = 1 << PAGE_SHIFT, /* bytes in a page, and in a frame */
};

/* No frame. Frame 0 exists, but it is never handed out: it holds the BIOS's
   data, and its address looks like NULL. */
enum { PFN_NONE = 0 };

static inline pfn_t pfn_of(paddr_t address)
{
    return (pfn_t)(address >> PAGE_SHIFT);
}

static inline paddr_t paddr_of(pfn_t frame)
{
    return (paddr_t)frame << PAGE_SHIFT;
}

#endif

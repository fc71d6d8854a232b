/* SPDX-License-Identifier: MIT */
/*
 * paging.h - which frame is behind which page, and what may be done there
 *
 * There is no map of all RAM: mapping it would make booting slower the more
 * of it there is. A frame is visible where somebody mapped it: for good
 * (paging_map), for the machine's own tables and devices (paging_view), or
 * for a moment (paging_window).
 *
 * The theory is in arch/x86/paging.c.
 */
#ifndef KERNEL_PAGING_H
#define KERNEL_PAGING_H

#include <stdbool.h>

#include "types.h"

/* What may be done with a page. A mapped page can always be read. */
enum {
    PAGE_READ = 1,
    PAGE_WRITE = 2,
    PAGE_EXEC = 4, /* where the CPU cannot forbid it, everything may run */
};

/* Prepares the windows, and takes away the identity map that the boot code
 * ran on. Tables come from a small reserve in .bss until paging_init(). */
void paging_start(void);

/* From now on new page tables are made of what TABLE_FRAME hands out: a free
 * frame for good, contents unknown; PFN_NONE when there is none. */
void paging_init(pfn_t (*table_frame)(void));

/*
 * Puts FRAME behind PAGE (a multiple of PAGE_SIZE), which must have none.
 * False, and nothing is mapped, when no frame is left for a page table.
 */
bool paging_map(vaddr_t page, pfn_t frame, unsigned protection);

/* Takes the frame from behind PAGE and answers it; PFN_NONE if it had none. */
pfn_t paging_unmap(vaddr_t page);

/*
 * Of the tables that map the COUNT pages from PAGE on, hands those in which
 * nothing is mapped any more to GIVE: they are frames like any other again.
 * Only tables of the last level go, one for 2 MiB (i686: 4 MiB), and only
 * those that a frame from paging_init's function was used for may be empty.
 */
void paging_trim(vaddr_t page, uint32_t count, void (*give)(pfn_t frame));

/* Gives PAGE, which must be mapped, another protection. */
void paging_protect(vaddr_t page, unsigned protection);

/* What is behind ADDRESS. False if nothing. FRAME and PROTECTION may be
 * NULL. Reads page tables only: safe for any address. */
bool paging_find(vaddr_t address, pfn_t *frame, unsigned *protection);

/* Frames that page tables occupy, those in .bss not counted. */
uint32_t paging_table_count(void);

/* Windows: one page each, to look at a frame for a moment. Each has one
 * owner, so that nobody moves a window that another looks through. */
enum paging_slot {
    WINDOW_TABLES,      /* paging.c itself, clearing new tables */
    WINDOW_FRAMES,      /* the frame allocator's list */
    WINDOW_LOOK,        /* the shell, showing a frame */
    WINDOW_COPY,        /* whoever copies or clears a frame */
    PAGING_WINDOWS
};

/* Moves window SLOT to FRAME: readable, writable, valid until the next call
 * for the same slot. Never fails. Not for interrupt handlers. */
void *paging_window(enum paging_slot slot, pfn_t frame);

/*
 * Shows [PHYSICAL, PHYSICAL + SIZE) for good, at the same offset in its page.
 * NULL if the CPU cannot address it or the room for views is spent.
 */
void *paging_view(paddr_t physical, uint64_t size, unsigned protection);

/* The bytes of RAM that the kernel's own image occupies, .bss included. */
void paging_kernel_image(paddr_t *start, paddr_t *end);

/* Whether the CPU forbids executing data (NX). */
bool paging_can_forbid_execution(void);

/*
 * Address space that belongs to nobody yet, for ranges: [*START, *END),
 * both multiples of 4 MiB. KERNEL_SPACE is above the kernel (i686: between
 * image and views), LOWER_SPACE is the half where other systems have user
 * programs.
 */
enum paging_space { KERNEL_SPACE, LOWER_SPACE };
void paging_free_space(enum paging_space space, vaddr_t *start, vaddr_t *end);

#endif

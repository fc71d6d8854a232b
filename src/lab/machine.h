/* SPDX-License-Identifier: MIT */
/*
 * machine.h - a whole stack of memory, as the shell sees it
 *
 *     firmware's map  ->  frames  ->  ranges  ->  heap: blocks and slots
 *
 * The shell's commands act on a machine: the lab (lab.h), which is the same
 * everywhere and may be broken, or the kernel's own (`use kernel`), which is
 * real. Both are made of the same parts (parts.h).
 *
 * Includes: src/mm, src/trace, and the memory map of src/kernel.
 */
#ifndef LAB_MACHINE_H
#define LAB_MACHINE_H

#include "../kernel/memmap.h"
#include "../mm/frames.h"
#include "../mm/heap.h"

struct ledger;

struct machine {
    const char *name;                   /* "lab", "kernel" */
    const char *remark;                 /* a sentence that whoever uses it
                                           should hear; may be NULL */
    struct frames *frames;
    struct ranges *ranges;
    struct heap *heap;
    uint64_t arena_bytes;
    bool writable;                      /* a student may damage it */

    /* What the firmware said, and what became of it. */
    const struct firmware_entry *firmware;
    size_t firmware_count;
    const struct memmap_piece *pieces;
    size_t piece_count;
    const struct memmap *map;           /* the same, with whose reservation
                                           decided and why; may be NULL */

    /* The frame behind PAGE of the arena; false when there is none. */
    bool (*frame_of)(const struct machine *machine, uint32_t page,
                     pfn_t *pfn);

    /* Letters and requested sizes (src/trace/ledger.h); may be NULL. */
    struct ledger *ledger;

    /* Told of every event after the ledger; may be NULL. Source is what
     * announced it. */
    void (*listener)(void *context, const struct mm_event *event);
    void *listener_context;
};

#endif

/* SPDX-License-Identifier: MIT */
/*
 * segments.h - what x86 wants to know about segments, tasks and gates
 *
 * Segments were the way to protect memory before paging. The kernel has one
 * for code and one for data, both of all memory, and a task segment, because
 * that is where the CPU looks for other stacks.
 *
 * Each architecture has its own segments.c.
 */
#ifndef X86_SEGMENTS_H
#define X86_SEGMENTS_H

#include <stdint.h>

enum {
    SELECTOR_CODE = 0x08,
    SELECTOR_DATA = 0x10,
    SELECTOR_TASK = 0x18, /* two slots wide on x86_64 */
    SELECTOR_DOUBLE_FAULT_TASK = 0x20, /* i686 only */
};

/* 32 exceptions and the 16 lines of the interrupt controllers; whatever else
 * is raised ends as a general protection fault. trap.asm knows the number. */
enum { VECTORS = 48 };

/* Loads the kernel's own segments and task segment. */
void segments_start(void);

/* Fills the interrupt table with the handlers of trap.asm and loads it. */
void gates_start(void);

/* Loads an interrupt table of the first COUNT handlers. Exceptions that have
 * none become double faults; with no handlers at all, they reset the CPU. */
void gates_keep(unsigned count);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * stacks.h - the kernel's stacks, each above a page that is not mapped
 *
 *      start of the array                                    top
 *     +------------------+------------------------------------+
 *     | guard: unmapped  | <- the stack grows this way        |
 *     +------------------+------------------------------------+
 *
 * A stack that overflows touches its guard page, and the fault screen can say
 * which stack it was.
 */
#ifndef X86_STACKS_H
#define X86_STACKS_H

#include "kernel/types.h"

#include <stddef.h>

enum { SMALL_STACK_SIZE = 16 * 1024 };

struct small_stack {
    unsigned char guard[PAGE_SIZE];
    unsigned char room[SMALL_STACK_SIZE];
};
_Static_assert(sizeof(struct small_stack) % PAGE_SIZE == 0, "whole pages");

struct stack {
    const char *name;
    vaddr_t guard; /* the first byte of the guard page */
    vaddr_t top;   /* one past the last byte of the stack */
};

/* Every stack of this architecture, in segments.c. */
extern const struct stack stacks[];
extern const size_t stack_count;

/* Unmaps all guard pages. */
void stacks_start(void);

/* The stack whose guard page contains ADDRESS; NULL when none does. */
const struct stack *stack_guarded_at(vaddr_t address);

/* The stack that contains ADDRESS; NULL when none does. */
const struct stack *stack_containing(vaddr_t address);

#endif

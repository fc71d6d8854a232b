/* SPDX-License-Identifier: MIT */
/*
 * interrupts.h - exceptions of the CPU, interrupts of devices
 */
#ifndef X86_INTERRUPTS_H
#define X86_INTERRUPTS_H

#include <stdint.h>

struct trap_frame;

enum {
    VECTOR_DIVIDE = 0,
    VECTOR_DEBUG = 1,
    VECTOR_NMI = 2,
    VECTOR_BREAKPOINT = 3,
    VECTOR_INVALID_OPCODE = 6,
    VECTOR_DOUBLE_FAULT = 8,
    VECTOR_STACK_SEGMENT = 12,
    VECTOR_PROTECTION = 13,
    VECTOR_PAGE_FAULT = 14,
    VECTOR_MACHINE_CHECK = 18,
    EXCEPTION_VECTORS = 32, /* devices follow */
};

/* The wires of the two old interrupt controllers that we use. */
enum {
    LINE_KEYBOARD = 1,
    LINE_SECOND_CONTROLLER = 2,
    LINE_COM2 = 3,
    LINE_COM1 = 4,
    DEVICE_LINES = 16
};

/* Segments, gates, and the interrupt controllers with all lines shut. */
void interrupts_start(void);

/* Calls HANDLER, with interrupts off, whenever LINE is raised, from now on. */
void interrupts_handle(unsigned line, void (*handler)(void));

/*
 * The kernel says that it gets on with its work: it looks for something to
 * do, or whether somebody wants it to stop. When a quarter of a million
 * interrupts come between two calls, a device asks and asks and nothing else
 * is done: that ends on the fault screen.
 */
void interrupts_attended(void);

/* Shows what happened and stops; STACK is where the stack was. */
_Noreturn void fault_screen(const struct trap_frame *frame, uintptr_t stack);

#endif

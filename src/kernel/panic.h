/* SPDX-License-Identifier: MIT */
/*
 * panic.h - stopping with a sentence
 *
 * Whatever the kernel cannot go on from ends here: a broken promise between
 * parts of the kernel, a boot loader that told us nothing, an exception of
 * the CPU. All end the same way: the sentence on every display, the line
 * "status: 4" on the serial port, and the CPU halted for good, so that the
 * screen can be read.
 */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Stops with a sentence; say what was expected and what came instead. */
_Noreturn void panic(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* With true, a fault ends the machine after its last line instead of keeping
 * the screen: for programs that wait for the end (`exit-on-fault` on the
 * kernel's command line). */
void panic_powers_off(bool yes);

/* With true, the fault screen has no colours (`plain`, for programs). */
void panic_plain(bool yes);

/*
 * What somebody who knows the heap can say about ADDRESS, written to BUFFER
 * of SIZE bytes: "you touched +0x2a0, 8 bytes past the end of block c". NULL
 * if there is nothing to say. Called from the fault screen, so it must not
 * trust any structure. It is in machine.c.
 */
const char *fault_explain(uintptr_t address, char *buffer, size_t size);

/* Makes the fault screen appear, for lessons and tests: KIND is one of null,
 * text, rodata, stack, divide, wild, execute, opcode, breakpoint, panic,
 * double, storm.
 * Returns if KIND is none of these (or cannot be forbidden by this CPU). */
void kernel_crash(const char *kind);

/* The kinds that kernel_crash() knows, separated by blanks. */
extern const char kernel_crash_kinds[];

#endif

/* SPDX-License-Identifier: MIT */
/*
 * trap_frame.h - what the stack looks like when C handles a trap, on i686
 *
 * The CPU pushes the last four words (three, and the error code for some
 * exceptions); trap.asm the others. There is no change of privilege, so the
 * CPU does not push ESP: the stack went on just above this structure.
 */
#ifndef ARCH_TRAP_FRAME_H
#define ARCH_TRAP_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct trap_frame {
    uint32_t edi, esi, ebp, esp_of_pusha, ebx, edx, ecx, eax;
    uint32_t vector, error;
    uint32_t eip, cs, eflags;
};

static inline uintptr_t trap_instruction(const struct trap_frame *frame)
{
    return frame->eip;
}

static inline uintptr_t trap_frame_pointer(const struct trap_frame *frame)
{
    return frame->ebp;
}

static inline uintptr_t trap_stack(const struct trap_frame *frame)
{
    return (uintptr_t)(frame + 1);
}

/* The registers in the order in which the fault screen shows them. */
#define TRAP_REGISTERS(X)                                                   \
    X("eax", eax) X("ebx", ebx) X("ecx", ecx) X("edx", edx)                 \
    X("esi", esi) X("edi", edi) X("ebp", ebp)                               \
    X("eip", eip) X("cs", cs) X("eflags", eflags)

#endif

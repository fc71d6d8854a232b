/* SPDX-License-Identifier: MIT */
/*
 * trap_frame.h - what the stack looks like when C handles a trap, on x86_64
 *
 * The CPU pushes the last five words, aligned to 16 bytes, and the error code
 * for some exceptions; trap.asm the others.
 */
#ifndef ARCH_TRAP_FRAME_H
#define ARCH_TRAP_FRAME_H

#include <stddef.h>
#include <stdint.h>

struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    uint64_t rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

static inline uintptr_t trap_instruction(const struct trap_frame *frame)
{
    return frame->rip;
}

static inline uintptr_t trap_frame_pointer(const struct trap_frame *frame)
{
    return frame->rbp;
}

static inline uintptr_t trap_stack(const struct trap_frame *frame)
{
    return frame->rsp;
}

/* The registers in the order in which the fault screen shows them. */
#define TRAP_REGISTERS(X)                                                   \
    X("rax", rax) X("rbx", rbx) X("rcx", rcx) X("rdx", rdx)                 \
    X("rsi", rsi) X("rdi", rdi) X("rbp", rbp)                               \
    X("r8", r8) X("r9", r9) X("r10", r10) X("r11", r11)                     \
    X("r12", r12) X("r13", r13) X("r14", r14) X("r15", r15)                 \
    X("rip", rip) X("cs", cs) X("rflags", rflags)

#endif

/* SPDX-License-Identifier: MIT */
/*
 * segments.c - segments, the task segment and gates of x86_64
 *
 * Long mode has no tasks. What is left of the task segment is a table of
 * stacks: each gate may name one of seven, and the CPU changes to it, whatever
 * the stack was that was interrupted. So every interrupt here has a stack of
 * its own, for two reasons: one that overflowed is told in a sentence instead
 * of by a reset, and the red zone below the interrupted stack stays whole.
 *
 * Reference: Intel SDM vol. 3, 6.14 (gates, stacks), 7.7 (task segment).
 */
#include "kernel/arch/x86/segments.h"

#include "kernel/arch/x86/cpu.h"
#include "kernel/arch/x86/interrupts.h"
#include "kernel/arch/x86/stacks.h"

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t stack;          /* 1 to 7: which of the task segment's */
    uint8_t kind;
    uint16_t offset_middle;
    uint32_t offset_high;
    uint32_t zero;
};
_Static_assert(sizeof(struct gate) == 16, "SDM figure 6-8");

struct __attribute__((packed)) task_segment {
    uint32_t reserved1;
    uint64_t rsp[3];
    uint64_t reserved2;
    uint64_t stacks[7];     /* number 1 is stacks[0] */
    uint64_t reserved3;
    uint16_t reserved4, io_map;
};
_Static_assert(sizeof(struct task_segment) == 104, "SDM figure 7-11");

struct __attribute__((packed)) table_pointer {
    uint16_t limit;
    uint64_t base;
};

#define DESCRIPTOR_CODE 0x00AF9B000000FFFFull   /* 64-bit code, accessed */
#define DESCRIPTOR_DATA 0x00CF93000000FFFFull   /* data, accessed */
#define DESCRIPTOR_TASK 0x0000890000000000ull   /* 64-bit task, not busy */

enum {
    GATE_INTERRUPT = 0x8E,  /* present, ring 0, interrupts go off */
    STUB_SIZE = 16,
};

/* One stack for each kind of interrupt that can come while another is being
   handled; devices wait for each other, so they share one. */
enum stack_number {
    STACK_DEVICES,
    STACK_EXCEPTIONS,
    STACK_PAGE_FAULT,
    STACK_DOUBLE_FAULT,
    STACK_NMI,
    STACK_MACHINE_CHECK,
    STACK_NUMBERS
};

extern char kernel_stack_guard[], kernel_stack_top[];
extern char trap_stubs[];

_Alignas(PAGE_SIZE) static struct small_stack trap_stacks[STACK_NUMBERS];

#define TRAP_STACK(name, number)                                            \
    { name, (vaddr_t)&trap_stacks[number], (vaddr_t)(&trap_stacks[number] + 1) }

const struct stack stacks[] = {
    { "kernel stack", (vaddr_t)kernel_stack_guard,
      (vaddr_t)kernel_stack_top },
    TRAP_STACK("devices' interrupt stack", STACK_DEVICES),
    TRAP_STACK("exception stack", STACK_EXCEPTIONS),
    TRAP_STACK("page fault stack", STACK_PAGE_FAULT),
    TRAP_STACK("double fault stack", STACK_DOUBLE_FAULT),
    TRAP_STACK("NMI stack", STACK_NMI),
    TRAP_STACK("machine check stack", STACK_MACHINE_CHECK),
};
const size_t stack_count = sizeof stacks / sizeof stacks[0];

static struct task_segment task;
static uint64_t descriptors[5];
static struct gate gates[VECTORS];

void segments_start(void)
{
    uint64_t base = (uint64_t)&task;

    for (int i = 0; i < STACK_NUMBERS; i++)
        task.stacks[i] = (uint64_t)(&trap_stacks[i] + 1);
    task.io_map = sizeof task;

    descriptors[SELECTOR_CODE / 8] = DESCRIPTOR_CODE;
    descriptors[SELECTOR_DATA / 8] = DESCRIPTOR_DATA;
    /* limit 15:0; base 23:0 from bit 16; base 31:24 from bit 56; then the
       upper half of the base in a slot of its own */
    descriptors[SELECTOR_TASK / 8] = DESCRIPTOR_TASK | (sizeof task - 1) |
                                     (base & 0xFFFFFF) << 16 |
                                     (base >> 24 & 0xFF) << 56;
    descriptors[SELECTOR_TASK / 8 + 1] = base >> 32;

    struct table_pointer pointer = { sizeof descriptors - 1,
                                     (uint64_t)descriptors };

    /* A far return is the way to load CS in long mode. */
    __asm__ volatile("lgdt %0\n\t"
                     "pushq %1\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\n\t"
                     "mov %2, %%ds\n\t"
                     "mov %2, %%es\n\t"
                     "mov %2, %%fs\n\t"
                     "mov %2, %%gs\n\t"
                     "mov %2, %%ss\n\t"
                     "ltr %w3"
                     :
                     : "m"(pointer), "i"(SELECTOR_CODE), "r"(SELECTOR_DATA),
                       "r"(SELECTOR_TASK)
                     : "rax", "memory");
}

static enum stack_number stack_for(unsigned vector)
{
    switch (vector) {
    case VECTOR_NMI:
        return STACK_NMI;
    case VECTOR_DOUBLE_FAULT:
        return STACK_DOUBLE_FAULT;
    case VECTOR_PAGE_FAULT:
        return STACK_PAGE_FAULT;
    case VECTOR_MACHINE_CHECK:
        return STACK_MACHINE_CHECK;
    default:
        return vector < EXCEPTION_VECTORS ? STACK_EXCEPTIONS : STACK_DEVICES;
    }
}

void gates_start(void)
{
    for (unsigned vector = 0; vector < VECTORS; vector++) {
        uint64_t handler = (uint64_t)trap_stubs + vector * STUB_SIZE;

        gates[vector] = (struct gate){
            .offset_low = (uint16_t)handler,
            .selector = SELECTOR_CODE,
            .stack = (uint8_t)(stack_for(vector) + 1),
            .kind = GATE_INTERRUPT,
            .offset_middle = (uint16_t)(handler >> 16),
            .offset_high = (uint32_t)(handler >> 32),
        };
    }

    gates_keep(VECTORS);
}

void gates_keep(unsigned count)
{
    struct table_pointer pointer = {
        (uint16_t)(count == 0 ? 0 : count * sizeof gates[0] - 1),
        (uint64_t)gates
    };

    __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

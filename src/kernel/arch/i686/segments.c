/* SPDX-License-Identifier: MIT */
/*
 * segments.c - segments, tasks and gates of i686
 *
 * Interrupts run on the stack that they interrupt. When that stack has
 * overflowed, the CPU cannot push anything: a second exception while it
 * delivers the first, which is a double fault. So the double fault alone is
 * delivered through a task gate: the CPU saves all registers in the task
 * segment of the kernel and loads those of another task, which has a stack
 * of its own.
 *
 * Reference: Intel SDM vol. 3, 3.4.5 (descriptors), 7.2 (tasks), 6.11 (gates).
 */
#include "kernel/arch/x86/segments.h"

#include "kernel/arch/x86/cpu.h"
#include "kernel/arch/x86/interrupts.h"
#include "kernel/arch/x86/stacks.h"
#include "trap_frame.h"

struct descriptor {
    uint16_t limit_low;     /* bits 15:0 */
    uint16_t base_low;      /* bits 15:0 */
    uint8_t base_middle;    /* bits 23:16 */
    uint8_t kind;           /* present, privilege, code or data, ... */
    uint8_t limit_high;     /* bits 19:16, and 0xC0: 32-bit, in pages */
    uint8_t base_high;      /* bits 31:24 */
};
_Static_assert(sizeof(struct descriptor) == 8, "SDM figure 3-8");

struct gate {
    uint16_t offset_low;
    uint16_t selector;
    uint8_t zero;
    uint8_t kind;
    uint16_t offset_high;
};
_Static_assert(sizeof(struct gate) == 8, "SDM figure 6-2");

struct task_segment {
    uint32_t previous;
    uint32_t esp0, ss0, esp1, ss1, esp2, ss2;
    uint32_t cr3;
    uint32_t eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    uint32_t es, cs, ss, ds, fs, gs;
    uint32_t ldt;
    uint16_t trap, io_map;
};
_Static_assert(sizeof(struct task_segment) == 104, "SDM figure 7-2");

struct __attribute__((packed)) table_pointer {
    uint16_t limit;
    uint32_t base;
};

enum {
    KIND_CODE = 0x9B,       /* present, ring 0, execute and read, accessed */
    KIND_DATA = 0x93,       /* present, ring 0, read and write, accessed */
    KIND_TASK = 0x89,       /* present, ring 0, 32-bit task, not busy */
    GATE_INTERRUPT = 0x8E,  /* present, ring 0, interrupts go off */
    GATE_TASK = 0x85,       /* present, ring 0, switches tasks */
    WHOLE_MEMORY = 0xCF,    /* limit 0xfffff pages of 4 KiB, 32-bit */
    FLAGS_RESERVED = 1 << 1,
    STUB_SIZE = 16,
};

extern char kernel_stack_guard[], kernel_stack_top[];
extern char trap_stubs[];
extern char double_fault_enter[];

_Alignas(PAGE_SIZE) static struct small_stack double_fault_stack;

const struct stack stacks[] = {
    { "kernel stack", (vaddr_t)kernel_stack_guard,
      (vaddr_t)kernel_stack_top },
    { "double fault stack", (vaddr_t)&double_fault_stack,
      (vaddr_t)(&double_fault_stack + 1) },
};
const size_t stack_count = sizeof stacks / sizeof stacks[0];

static struct task_segment kernel_task;
static struct task_segment double_fault_task;
static struct descriptor descriptors[5];
static struct gate gates[VECTORS];

static struct descriptor descriptor_of_task(const struct task_segment *task)
{
    uint32_t base = (uint32_t)task;

    return (struct descriptor){
        .limit_low = sizeof *task - 1,
        .base_low = (uint16_t)base,
        .base_middle = (uint8_t)(base >> 16),
        .kind = KIND_TASK,
        .base_high = (uint8_t)(base >> 24),
    };
}

void segments_start(void)
{
    descriptors[SELECTOR_CODE / 8] = (struct descriptor){
        .limit_low = 0xFFFF, .kind = KIND_CODE, .limit_high = WHOLE_MEMORY
    };
    descriptors[SELECTOR_DATA / 8] = (struct descriptor){
        .limit_low = 0xFFFF, .kind = KIND_DATA, .limit_high = WHOLE_MEMORY
    };
    descriptors[SELECTOR_TASK / 8] = descriptor_of_task(&kernel_task);
    descriptors[SELECTOR_DOUBLE_FAULT_TASK / 8] =
        descriptor_of_task(&double_fault_task);

    kernel_task.io_map = sizeof kernel_task;
    double_fault_task = (struct task_segment){
        .cr3 = (uint32_t)cpu_control3(),
        .eip = (uint32_t)double_fault_enter,
        .eflags = FLAGS_RESERVED,
        .esp = (uint32_t)(&double_fault_stack + 1),
        .cs = SELECTOR_CODE,
        .es = SELECTOR_DATA, .ss = SELECTOR_DATA, .ds = SELECTOR_DATA,
        .fs = SELECTOR_DATA, .gs = SELECTOR_DATA,
        .io_map = sizeof double_fault_task,
    };

    struct table_pointer pointer = { sizeof descriptors - 1,
                                     (uint32_t)descriptors };

    __asm__ volatile("lgdt %0\n\t"
                     "ljmp %1, $1f\n"
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
                     : "memory");
}

static struct gate gate_to(uint32_t handler, uint8_t kind)
{
    return (struct gate){
        .offset_low = (uint16_t)handler,
        .selector = SELECTOR_CODE,
        .kind = kind,
        .offset_high = (uint16_t)(handler >> 16),
    };
}

void gates_start(void)
{
    for (unsigned vector = 0; vector < VECTORS; vector++)
        gates[vector] = gate_to((uint32_t)trap_stubs + vector * STUB_SIZE,
                                GATE_INTERRUPT);
    gates[VECTOR_DOUBLE_FAULT] = (struct gate){
        .selector = SELECTOR_DOUBLE_FAULT_TASK, .kind = GATE_TASK
    };

    gates_keep(VECTORS);
}

void gates_keep(unsigned count)
{
    struct table_pointer pointer = {
        (uint16_t)(count == 0 ? 0 : count * sizeof gates[0] - 1),
        (uint32_t)gates
    };

    __asm__ volatile("lidt %0" : : "m"(pointer) : "memory");
}

/* The task of the double fault starts here; what the kernel did before is in
 * the kernel's task segment. */
_Noreturn void double_fault_dispatch(void);

_Noreturn void double_fault_dispatch(void)
{
    struct trap_frame frame = {
        .edi = kernel_task.edi, .esi = kernel_task.esi,
        .ebp = kernel_task.ebp, .ebx = kernel_task.ebx,
        .edx = kernel_task.edx, .ecx = kernel_task.ecx,
        .eax = kernel_task.eax,
        .vector = VECTOR_DOUBLE_FAULT,
        .eip = kernel_task.eip, .cs = kernel_task.cs,
        .eflags = kernel_task.eflags,
    };

    fault_screen(&frame, kernel_task.esp);
}

/* SPDX-License-Identifier: MIT */
/*
 * cpu.h - the instructions that C has no words for
 *
 * One function an instruction, named for what it does. Everything here is
 * the same on i686 and x86_64 but for the width of a register.
 *
 * Reference: Intel SDM vol. 2.
 */
#ifndef X86_CPU_H
#define X86_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- ports -------------------------------------------------------------- */

static inline void port_write8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void port_write16(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t port_read8(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

/* Gives an old device the microsecond that it needs: port 0x80 is free for
 * that on every PC. */
static inline void port_pause(void)
{
    port_write8(0x80, 0);
}

/* ---- time --------------------------------------------------------------- */

/* The time stamp counter: rises by one a cycle, or, under QEMU's -icount, by
 * one an instruction. */
static inline uint64_t cpu_ticks(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

/* ---- debugging ---------------------------------------------------------- */

/* Changes nothing. Bochs's debugger stops behind it, and finds SHOWN in the
 * register esi, on x86_64 rsi. */
static inline void cpu_magic_break(const void *shown)
{
    __asm__ volatile("xchgw %%bx, %%bx" : : "S"(shown) : "memory");
}

/* ---- interrupts --------------------------------------------------------- */

enum { FLAGS_INTERRUPT = 1 << 9 };

static inline uintptr_t cpu_flags(void)
{
    uintptr_t flags;

    __asm__ volatile("pushf; pop %0" : "=r"(flags) : : "memory");
    return flags;
}

static inline void cpu_interrupts_off(void)
{
    __asm__ volatile("cli" : : : "memory");
}

static inline void cpu_interrupts_on(void)
{
    __asm__ volatile("sti" : : : "memory");
}

/* Turns interrupts off and answers what cpu_interrupts_restore() needs. */
static inline uintptr_t cpu_interrupts_save(void)
{
    uintptr_t flags = cpu_flags();

    cpu_interrupts_off();
    return flags;
}

static inline void cpu_interrupts_restore(uintptr_t flags)
{
    if (flags & FLAGS_INTERRUPT)
        cpu_interrupts_on();
}

/* Sleeps until an interrupt has come. To be called with interrupts off: sti
 * takes effect after the next instruction, so none can slip in between. */
static inline void cpu_sleep(void)
{
    __asm__ volatile("sti; hlt; cli" : : : "memory");
}

/* Stops for good, asleep. */
_Noreturn static inline void cpu_halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt" : : : "memory");
}

/* ---- paging ------------------------------------------------------------- */

static inline uintptr_t cpu_fault_address(void)
{
    uintptr_t address;

    __asm__ volatile("mov %%cr2, %0" : "=r"(address));
    return address;
}

static inline uintptr_t cpu_control0(void)
{
    uintptr_t value;

    __asm__ volatile("mov %%cr0, %0" : "=r"(value));
    return value;
}

static inline uintptr_t cpu_control3(void)
{
    uintptr_t value;

    __asm__ volatile("mov %%cr3, %0" : "=r"(value));
    return value;
}

static inline uintptr_t cpu_control4(void)
{
    uintptr_t value;

    __asm__ volatile("mov %%cr4, %0" : "=r"(value));
    return value;
}

static inline void cpu_flush_page(uintptr_t address)
{
    __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

static inline void cpu_flush_tlb(void)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(cpu_control3()) : "memory");
}

/* ---- what CPU is this? -------------------------------------------------- */

struct cpuid {
    uint32_t a, b, c, d;
};

/* CPUID of LEAF; the caller has asked cpu_has_cpuid(). */
static inline struct cpuid cpuid(uint32_t leaf)
{
    struct cpuid id;

    __asm__ volatile("cpuid"
                     : "=a"(id.a), "=b"(id.b), "=c"(id.c), "=d"(id.d)
                     : "a"(leaf), "c"(0));
    return id;
}

bool cpu_has_cpuid(void);

/* The brand string, or the vendor's where there is none; BUFFER's size is at
 * least CPU_NAME_SIZE. */
enum { CPU_NAME_SIZE = 49 };
void cpu_name(char *buffer);

/* The bit of a page table entry that forbids execution; 0 where it is not
 * in force (i686 without PAE, CPUs without NX). */
uint64_t cpu_no_execute_bit(void);

#endif

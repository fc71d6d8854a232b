/* SPDX-License-Identifier: MIT */
/*
 * no_execute.c - whether the boot code found NX and turned it on
 *
 * Without EFER.NXE bit 63 of an entry is reserved, and setting it a fault.
 */
#include "kernel/arch/x86/cpu.h"

enum { EFER_NO_EXECUTE = 1 << 11 };
#define MSR_EFER 0xC0000080u

uint64_t cpu_no_execute_bit(void)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_EFER));
    return low & EFER_NO_EXECUTE ? 1ull << 63 : 0;
}

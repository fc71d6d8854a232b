/* SPDX-License-Identifier: MIT */
/*
 * no_execute.c - i686 cannot forbid execution
 *
 * The bit exists in entries of 64 bits only, and this kernel uses 32-bit
 * paging without PAE: simpler to read, and the lessons need no more. What is
 * lost is said where protections are shown.
 */
#include "kernel/arch/x86/cpu.h"

uint64_t cpu_no_execute_bit(void)
{
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * cpu.c - who made this CPU, and what it calls itself
 *
 * Reference: Intel SDM vol. 2, CPUID.
 */
#include "cpu.h"

#include "kernel/memory.h"
#include "shell/print.h"

enum {
    CPUID_VENDOR = 0,
    FLAGS_CPUID = 1 << 21,
};

#define CPUID_EXTENDED    0x80000000u
#define CPUID_BRAND       0x80000002u /* and the two that follow */
#define CPUID_BRAND_LAST  0x80000004u

bool cpu_has_cpuid(void)
{
    uintptr_t before = cpu_flags();

    /* A CPU with CPUID lets this flag be changed. */
    __asm__ volatile("push %0; popf" : : "r"(before ^ FLAGS_CPUID) : "cc");

    bool changed = ((cpu_flags() ^ before) & FLAGS_CPUID) != 0;

    __asm__ volatile("push %0; popf" : : "r"(before) : "cc");
    return changed;
}

/* Removes the blanks that vendors put before and after a name. */
static void name_trim(char *name)
{
    size_t start = 0;
    size_t length = text_length(name);

    while (name[start] == ' ')
        start++;
    while (length > start && name[length - 1] == ' ')
        length--;
    for (size_t i = start; i < length; i++)
        name[i - start] = name[i];
    name[length - start] = '\0';
}

void cpu_name(char *buffer)
{
    memory_set(buffer, 0, CPU_NAME_SIZE);
    if (!cpu_has_cpuid()) {
        memory_copy(buffer, "a CPU without CPUID", 20);
        return;
    }
    if (cpuid(CPUID_EXTENDED).a >= CPUID_BRAND_LAST) {
        for (uint32_t i = 0; i < 3; i++) {
            struct cpuid part = cpuid(CPUID_BRAND + i);

            memory_copy(buffer + i * sizeof part, &part, sizeof part);
        }
        name_trim(buffer);
        if (buffer[0] != '\0')
            return;
    }

    struct cpuid vendor = cpuid(CPUID_VENDOR);
    uint32_t words[3] = { vendor.b, vendor.d, vendor.c };

    memory_copy(buffer, words, sizeof words);
    buffer[sizeof words] = '\0';
}

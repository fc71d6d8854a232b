/* SPDX-License-Identifier: MIT */
/*
 * elf.h - a symbol, as 64-bit ELF files have it
 *
 * Reference: System V ABI, chapter 4, Symbol Table (ELF-64).
 */
#ifndef ARCH_ELF_H
#define ARCH_ELF_H

#include <stdint.h>

struct elf_symbol {
    uint32_t name;      /* offset in the string table */
    uint8_t info;       /* the type in the lower four bits */
    uint8_t other;
    uint16_t section;
    uint64_t value;     /* the address */
    uint64_t size;
};
_Static_assert(sizeof(struct elf_symbol) == 24, "Elf64_Sym");

#endif

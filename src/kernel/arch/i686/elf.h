/* SPDX-License-Identifier: MIT */
/*
 * elf.h - a symbol, as 32-bit ELF files have it
 *
 * Reference: System V ABI, chapter 4, Symbol Table.
 */
#ifndef ARCH_ELF_H
#define ARCH_ELF_H

#include <stdint.h>

struct elf_symbol {
    uint32_t name;      /* offset in the string table */
    uint32_t value;     /* the address */
    uint32_t size;
    uint8_t info;       /* the type in the lower four bits */
    uint8_t other;
    uint16_t section;
};
_Static_assert(sizeof(struct elf_symbol) == 16, "Elf32_Sym");

#endif

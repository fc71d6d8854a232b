/* SPDX-License-Identifier: MIT */
/*
 * symbols.c - the names of the kernel's functions, for the fault screen
 *
 * GRUB loads not only what an image needs to run but all of its sections, and
 * leaves their headers in the boot information. If the image was not stripped
 * of them, two are the symbol table and the names in it, somewhere in memory
 * that the firmware's map calls available: so they have to be reserved.
 *
 * Reference: System V ABI, chapter 4 (sections, symbols).
 */
#include "symbols.h"

#include "elf.h"
#include "paging.h"

enum {
    SECTION_SYMBOLS = 2,    /* SHT_SYMTAB */
    SECTION_STRINGS = 3,    /* SHT_STRTAB */
    SYMBOL_TYPE = 0x0F,     /* of elf_symbol.info */
    SYMBOL_UNTYPED = 0,     /* a label in assembly */
    SYMBOL_FUNCTION = 2,
    NAME_MAX = 64,          /* longer ones are damage */
};

/* A section's header: the same in 32 and 64 bits but for the long fields. */
struct elf_section {
    uint32_t name, type;
    uintptr_t flags, address, offset, size;
    uint32_t link, info;
    uintptr_t alignment, entry_size;
};

extern char text_start[], text_end[];

static const struct elf_symbol *symbols;
static size_t symbol_count;
static const char *names;
static size_t names_size;

static const struct elf_section *
section_at(const struct boot_elf_sections *elf, uint32_t index)
{
    return (const struct elf_section *)((const char *)elf->headers +
                                        (size_t)index * elf->entry_size);
}

static const struct elf_section *
section_find_symbols(const struct boot_elf_sections *elf)
{
    for (uint32_t i = 0; i < elf->count; i++) {
        const struct elf_section *section = section_at(elf, i);

        if (section->type == SECTION_SYMBOLS && section->address != 0 &&
            section->link < elf->count &&
            section->entry_size == sizeof(struct elf_symbol))
            return section;
    }
    return NULL;
}

size_t symbols_start(const struct boot_elf_sections *elf,
                     struct memmap_reservation *out)
{
    if (!elf->present || elf->headers == NULL ||
        elf->entry_size < sizeof(struct elf_section))
        return 0;

    const struct elf_section *table = section_find_symbols(elf);

    if (table == NULL)
        return 0;

    const struct elf_section *strings = section_at(elf, table->link);

    if (strings->type != SECTION_STRINGS || strings->address == 0)
        return 0;

    symbols = paging_view(table->address, table->size, PAGE_READ);
    names = paging_view(strings->address, strings->size, PAGE_READ);
    if (symbols == NULL || names == NULL) {
        symbols = NULL;
        return 0;
    }
    symbol_count = table->size / sizeof(struct elf_symbol);
    names_size = strings->size;

    const struct elf_section *sections[] = { table, strings };

    for (size_t i = 0; i < SYMBOL_RESERVATIONS; i++)
        out[i] = (struct memmap_reservation){
            .start = sections[i]->address,
            .end = (uint64_t)sections[i]->address + sections[i]->size,
            .reason = MEMMAP_KERNEL_IMAGE,
            .name = "symbols",
        };
    return SYMBOL_RESERVATIONS;
}

/* Whether a string that starts at AT in the names ends there, too. */
static bool name_is_whole(size_t at)
{
    for (size_t i = at; i < names_size && i - at < NAME_MAX; i++)
        if (names[i] == '\0')
            return i > at;
    return false;
}

const char *symbol_of(uintptr_t address, uintptr_t *offset)
{
    const struct elf_symbol *best = NULL;

    if (symbols == NULL || address < (uintptr_t)text_start ||
        address >= (uintptr_t)text_end)
        return NULL;
    for (size_t i = 0; i < symbol_count; i++) {
        const struct elf_symbol *symbol = &symbols[i];
        unsigned type = symbol->info & SYMBOL_TYPE;

        if ((type != SYMBOL_FUNCTION && type != SYMBOL_UNTYPED) ||
            symbol->value > address ||
            symbol->value < (uintptr_t)text_start ||
            (best != NULL && (symbol->value < best->value ||
                              (symbol->value == best->value &&
                               type != SYMBOL_FUNCTION))) ||
            !name_is_whole(symbol->name))
            continue;
        best = symbol;
    }
    if (best == NULL)
        return NULL;
    *offset = address - best->value;
    return names + best->name;
}

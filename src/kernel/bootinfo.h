/* SPDX-License-Identifier: MIT */
/*
 * bootinfo.h - what the boot loader told us, in one structure
 *
 * A loader that follows Multiboot leaves a description of the machine in
 * memory. Version 2 is one block of tags; version 1 is a structure full of
 * physical pointers. Both are read into the same `struct boot_info`, once,
 * at boot, and nothing else in the kernel knows which of the two it was.
 *
 * The loader is not to be trusted: sizes lie, tags come twice or not at all,
 * strings do not end. So the parsers
 *
 *   B1  read nothing outside [block, block + min(its own size, the limit)),
 *       or outside what the view allows;
 *   B2  always end: every step goes forward;
 *   B3  copy what they keep (except the ELF sections, which are checked to
 *       lie inside what may be read);
 *   B4  say what they found odd, a sentence each, in notes[]; what is odd is
 *       left out, never guessed.
 *
 * They are pure functions over bytes: no state, no allocation, no machine.
 *
 * References: Multiboot2 Specification 2.0, section 3.6; Multiboot
 * Specification 0.6.96, section 3.3.
 *
 * This header may be included from src/shell and src/host.
 */

#ifndef HEAPGLASS_KERNEL_BOOTINFO_H
#define HEAPGLASS_KERNEL_BOOTINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memmap.h"

/* What the loader puts in EAX. */
#define MULTIBOOT1_LOADER_MAGIC 0x2BADB002u
#define MULTIBOOT2_LOADER_MAGIC 0x36D76289u

enum {
    BOOT_ENTRIES_MAX     = 1024,    /* regions of the memory map */
    BOOT_MODULES_MAX     = 32,
    BOOT_NOTES_MAX       = 24,
    BOOT_INFORMATION_MAX = 8,       /* places the information itself lies */
    BOOT_COMMAND_LINE_SIZE = 512,   /* sizes include the '\0' */
    BOOT_LOADER_NAME_SIZE  = 64,
    BOOT_MODULE_NAME_SIZE  = 96,
    BOOT_NOTE_SIZE         = 104,
};

enum boot_info_status {
    BOOT_INFO_OK,           /* there is a memory map; see notes */
    BOOT_INFO_NO_MEMORY,    /* readable, but nothing in it tells of memory */
    BOOT_INFO_UNREADABLE,   /* not even the head of it can be read */
};

/* Where the list of regions comes from, best first. */
enum boot_map_source {
    BOOT_MAP_NONE,
    BOOT_MAP_LOADER,        /* the loader's memory map */
    BOOT_MAP_EFI,           /* made from the raw EFI map: conventional
                               memory only is available */
    BOOT_MAP_BASIC,         /* made from two numbers, mem_lower/mem_upper */
};

enum boot_framebuffer_type {
    BOOT_FRAMEBUFFER_INDEXED = 0,
    BOOT_FRAMEBUFFER_RGB     = 1,
    BOOT_FRAMEBUFFER_TEXT    = 2,   /* EGA text; pitch in bytes, size in
                                       characters */
};

struct boot_framebuffer {
    bool     present;
    uint8_t  type;                  /* enum boot_framebuffer_type */
    uint8_t  bits_per_pixel;
    uint64_t address;               /* physical */
    uint32_t pitch;                 /* bytes from one line to the next */
    uint32_t width, height;
    /* RGB only: where each colour's bits lie in a pixel, and how many. */
    uint8_t  red_at, red_bits, green_at, green_bits, blue_at, blue_bits;
};

struct boot_module {
    uint64_t start, end;            /* physical, [start, end) */
    char     name[BOOT_MODULE_NAME_SIZE];   /* its command line */
};

struct boot_elf_sections {
    bool        present;
    uint32_t    count;
    uint32_t    entry_size;
    uint32_t    names_index;        /* the section with the names, shndx */
    const void *headers;            /* count * entry_size readable bytes;
                                       version 1: NULL, use physical */
    uint64_t    physical;           /* version 1; else 0 */
};

struct boot_range {
    uint64_t start, end;            /* physical, [start, end) */
};

struct boot_info {
    uint8_t version;                /* of Multiboot: 1 or 2 */
    char    command_line[BOOT_COMMAND_LINE_SIZE];
    char    loader_name[BOOT_LOADER_NAME_SIZE];     /* "" if not told */

    /* Memory. */
    enum boot_map_source  map_source;
    uint32_t              entry_count;
    uint32_t              entries_dropped;  /* for which there was no room */
    struct firmware_entry entries[BOOT_ENTRIES_MAX];
    bool                  has_basic_memory;
    uint32_t              mem_lower_kib;    /* from 0 */
    uint32_t              mem_upper_kib;    /* from 1 MiB to the first hole */

    uint32_t           module_count;
    uint32_t           modules_dropped;
    struct boot_module modules[BOOT_MODULES_MAX];

    struct boot_framebuffer  framebuffer;
    struct boot_elf_sections elf;

    /* UEFI and ACPI; 0 and false when not told. */
    bool     has_efi_map;
    bool     efi_boot_services_on;  /* the loader did not end them */
    uint64_t efi_system_table_32, efi_system_table_64;
    uint8_t  acpi_rsdp_version;     /* 1: ACPI 1.0, 2: later, 0: none */

    /* Where all this was read from, to be reserved until it is done with. */
    uint32_t          information_count;
    struct boot_range information[BOOT_INFORMATION_MAX];

    uint32_t unknown_tags;          /* skipped, as the standard asks */
    uint32_t note_count;
    uint32_t notes_dropped;
    char     notes[BOOT_NOTES_MAX][BOOT_NOTE_SIZE];
};
_Static_assert(sizeof(struct boot_info) <= 64 * 1024,
               "boot information fits in 64 KiB of .bss");

/*
 * Reads the Multiboot2 information at BLOCK, of which SIZE_LIMIT bytes may be
 * read, and which lies at PHYSICAL. OUT is written in full, whatever comes.
 */
enum boot_info_status bootinfo_parse_multiboot2(const void *block,
                                                size_t size_limit,
                                                uint64_t physical,
                                                struct boot_info *out);

/*
 * The size that the head of a Multiboot2 block claims, or 0 if the 8 bytes
 * at BLOCK cannot be one. For kernels that must map the block to read it:
 * map 8 bytes, ask, map the rest (but no more than you like).
 */
uint32_t bootinfo_multiboot2_size(const void *block);

/* How the version 1 parser sees physical memory: SIZE bytes at PHYSICAL, or
 * NULL if they cannot be read. An answer stays valid until the next call. */
struct boot_view {
    const void *(*at)(void *context, uint64_t physical, size_t size);
    void *context;
};

/* Reads the Multiboot1 information at PHYSICAL through VIEW. */
enum boot_info_status bootinfo_parse_multiboot1(uint64_t physical,
                                                struct boot_view view,
                                                struct boot_info *out);

/* The value of the word KEY=value in COMMAND_LINE (words are separated by
 * blanks; the last one wins), copied to OUT; false, and "", if it is not
 * there. A bare KEY is there, with the value "". */
bool bootinfo_option(const char *command_line, const char *key,
                     char *out, size_t size);

/*
 * Everything that INFO says lies in memory, as reservations for
 * memmap_build(): modules, information, framebuffer. Writes up to CAPACITY,
 * and answers how many there are in all (compare!).
 */
size_t bootinfo_reservations(const struct boot_info *info,
                             struct memmap_reservation *out, size_t capacity);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * fuzz_bootinfo.c - any bytes as a Multiboot2 block
 *
 * The bytes lie in a block of exactly their size, so that a read of one more
 * is seen. What is left in `struct boot_info` must make sense.
 *
 * sources: src/kernel/bootinfo.c
 */
#include "fuzz.h"

#include "kernel/bootinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct boot_info info;
    void *copy;
    unsigned sum = 0;
    char value[32];

    if (size < 8)
        return 0;
    copy = fuzz_exact(data, size);
    memset(&info, 0xa5, sizeof info);
    bootinfo_parse_multiboot2(copy, size, 0x102940, &info);
    FUZZ_EXPECT(info.entry_count <= BOOT_ENTRIES_MAX &&
                info.module_count <= BOOT_MODULES_MAX &&
                info.note_count <= BOOT_NOTES_MAX &&
                info.information_count <= BOOT_INFORMATION_MAX,
                "more than there is room for");
    FUZZ_EXPECT(memchr(info.command_line, 0, BOOT_COMMAND_LINE_SIZE) &&
                memchr(info.loader_name, 0, BOOT_LOADER_NAME_SIZE),
                "a text without an end");
    for (uint32_t i = 0; i < info.note_count; i++)
        FUZZ_EXPECT(memchr(info.notes[i], 0, BOOT_NOTE_SIZE) &&
                    info.notes[i][0] != '\0', "a note without words");
    for (uint32_t i = 0; i < info.module_count; i++)
        FUZZ_EXPECT(info.modules[i].start <= info.modules[i].end &&
                    memchr(info.modules[i].name, 0, BOOT_MODULE_NAME_SIZE),
                    "a module that makes no sense");
    for (size_t i = 0; info.elf.present &&
                       i < (size_t)info.elf.count * info.elf.entry_size; i++)
        sum += ((const uint8_t *)info.elf.headers)[i];
    FUZZ_EXPECT(sum < UINT32_MAX, "a sum");     /* the bytes were read */
    bootinfo_option(info.command_line, "map", value, sizeof value);
    free(copy);
    return 0;
}

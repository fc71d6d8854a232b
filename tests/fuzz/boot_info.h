/* SPDX-License-Identifier: MIT */
/*
 * boot_info.h - what `struct boot_info` must be, whatever the loader left
 */
#ifndef TESTS_FUZZ_BOOT_INFO_H
#define TESTS_FUZZ_BOOT_INFO_H

#include "fuzz.h"

#include "kernel/bootinfo.h"

static inline void boot_info_expect(const struct boot_info *info)
{
    FUZZ_EXPECT(info->entry_count <= BOOT_ENTRIES_MAX &&
                info->module_count <= BOOT_MODULES_MAX &&
                info->note_count <= BOOT_NOTES_MAX &&
                info->information_count <= BOOT_INFORMATION_MAX,
                "more than there is room for");
    FUZZ_EXPECT(memchr(info->command_line, 0, BOOT_COMMAND_LINE_SIZE) &&
                memchr(info->loader_name, 0, BOOT_LOADER_NAME_SIZE),
                "a text without an end");
    for (uint32_t i = 0; i < info->note_count; i++)
        FUZZ_EXPECT(memchr(info->notes[i], 0, BOOT_NOTE_SIZE) &&
                    info->notes[i][0] != '\0', "a note without words");
    for (uint32_t i = 0; i < info->module_count; i++)
        FUZZ_EXPECT(info->modules[i].start <= info->modules[i].end &&
                    memchr(info->modules[i].name, 0, BOOT_MODULE_NAME_SIZE),
                    "a module that makes no sense");
}

#endif

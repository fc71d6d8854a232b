/* SPDX-License-Identifier: MIT */
/*
 * fuzz_bootinfo.c - any bytes as a Multiboot2 block
 *
 * The bytes lie in a block of exactly their size, so that a read of one more
 * is seen. What is left in `struct boot_info` must make sense.
 *
 * sources: src/kernel/bootinfo.c
 */
#include "boot_info.h"

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
    boot_info_expect(&info);
    for (size_t i = 0; info.elf.present &&
                       i < (size_t)info.elf.count * info.elf.entry_size; i++)
        sum += ((const uint8_t *)info.elf.headers)[i];
    FUZZ_EXPECT(sum < UINT32_MAX, "a sum");     /* the bytes were read */
    bootinfo_option(info.command_line, "map", value, sizeof value);
    free(copy);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * test_bootinfo.c - whatever the loader left: read it, end, read nothing else
 *
 * sources: src/kernel/bootinfo.c
 *
 * Blocks are built tag by tag, parsed from a heap copy of exactly the size
 * that may be read (AddressSanitizer sees one byte too many), and looked at.
 * Then comes what is wrong with loaders: a table of malformed blocks with the
 * sentence that each must be answered with, every cut and many flips of a
 * good block, and noise. Multiboot1 is read through a view of a small fake
 * memory, where each answer is again a copy of exactly its size.
 */

#include "kernel/bootinfo.h"
#include "support.h"

/* ---- building a block --------------------------------------------------- */

enum { BLOCK_MAX = 64 * 1024 };

struct block {
    uint8_t bytes[BLOCK_MAX];
    size_t size;
};

static struct block block;
static struct boot_info info;

static void put(size_t at, uint64_t value, size_t bytes)
{
    assert_true(at + bytes <= BLOCK_MAX);
    for (size_t i = 0; i < bytes; i++)
        block.bytes[at + i] = i < 8 ? (uint8_t)(value >> (8 * i)) : 0;
}

static void append(uint64_t value, size_t bytes)
{
    put(block.size, value, bytes);
    block.size += bytes;
}

static void append_text(const char *text)
{
    do
        append((uint8_t)*text, 1);
    while (*text++ != '\0');
}

static void block_start(void)
{
    memset(&block, 0, sizeof block);
    append(0, 4);
    append(0, 4);
}

static size_t tag_at;

/* Opens a tag; what is appended until tag_end() is its content. */
static void tag_start(uint32_t type)
{
    while (block.size % 8 != 0)
        append(0xEE, 1);
    tag_at = block.size;
    append(type, 4);
    append(0, 4);
}

static void tag_end(void)
{
    put(tag_at + 4, block.size - tag_at, 4);
}

/* Closes the block with an end tag, and says its true size in its head. */
static void block_end(void)
{
    tag_start(0);
    tag_end();
    put(0, block.size, 4);
}

static void tag_text(uint32_t type, const char *text)
{
    tag_start(type);
    append_text(text);
    tag_end();
}

static void region(uint64_t base, uint64_t length, uint32_t type,
                   size_t entry_size)
{
    append(base, 8);
    append(length, 8);
    append(type, 4);
    for (size_t i = 20; i < entry_size; i++)
        append(0, 1);
}

/* A map of two regions whose tag says ENTRY_SIZE, and keeps it if it can. */
static void tag_map(uint32_t entry_size)
{
    size_t step = entry_size >= 20 && entry_size < 100 ? entry_size : 24;

    tag_start(6);
    append(entry_size, 4);
    append(0, 4);
    region(0, 0x9fc00, 1, step);
    region(0x100000, 0xfee0000, 1, step);
    tag_end();
}

static void tag_basic(uint32_t lower, uint32_t upper)
{
    tag_start(4);
    append(lower, 4);
    append(upper, 4);
    tag_end();
}

static void tag_module(uint32_t from, uint32_t end, const char *name)
{
    tag_start(3);
    append(from, 4);
    append(end, 4);
    append_text(name);
    tag_end();
}

static void tag_framebuffer(uint64_t address, uint32_t pitch, uint32_t width,
                            uint32_t height, uint8_t bits, uint8_t type)
{
    tag_start(8);
    append(address, 8);
    append(pitch, 4);
    append(width, 4);
    append(height, 4);
    append(bits, 1);
    append(type, 1);
    append(0, 2);
    append(0x080008081008, 6);      /* red 8 at 8, green 16 at 8, ... */
    tag_end();
}

static void tag_elf(uint32_t count, uint32_t entry_size, size_t bytes)
{
    tag_start(9);
    append(count, 4);
    append(entry_size, 4);
    append(count - 1, 4);
    for (size_t i = 0; i < bytes; i++)
        append(i, 1);
    tag_end();
}

/* ---- parsing it --------------------------------------------------------- */

static void check_sane(void)
{
    assert_true(info.entry_count <= BOOT_ENTRIES_MAX);
    assert_true(info.module_count <= BOOT_MODULES_MAX);
    assert_true(info.note_count <= BOOT_NOTES_MAX);
    assert_true(info.information_count <= BOOT_INFORMATION_MAX);
    assert_true(memchr(info.command_line, 0, BOOT_COMMAND_LINE_SIZE) != NULL);
    assert_true(memchr(info.loader_name, 0, BOOT_LOADER_NAME_SIZE) != NULL);
    for (uint32_t i = 0; i < info.note_count; i++) {
        size_t length = strnlen(info.notes[i], BOOT_NOTE_SIZE);

        if (length == 0 || length >= BOOT_NOTE_SIZE - 1)
            fail_msg("note of %d characters: %.104s", (int)length,
                     info.notes[i]);
    }
    for (uint32_t i = 0; i < info.module_count; i++) {
        assert_true(info.modules[i].start <= info.modules[i].end);
        assert_true(memchr(info.modules[i].name, 0, BOOT_MODULE_NAME_SIZE)
                    != NULL);
    }
}

/* Parses a copy of the block's first SIZE_LIMIT bytes, and nothing behind. */
static enum boot_info_status parse_limited(size_t size_limit)
{
    void *copy = exact_copy(block.bytes, size_limit);
    enum boot_info_status status;

    memset(&info, 0xA5, sizeof info);
    status = bootinfo_parse_multiboot2(copy, size_limit, 0x102940, &info);
    check_sane();
    if (info.elf.present) {     /* must lie inside what may be read */
        const uint8_t *headers = info.elf.headers;
        size_t size = (size_t)info.elf.count * info.elf.entry_size;
        unsigned sum = 0;

        for (size_t i = 0; i < size; i++)
            sum += headers[i];
        assert_true(sum < UINT32_MAX);
    }
    free(copy);
    return status;
}

static enum boot_info_status parse(void)
{
    return parse_limited(block.size);
}

static bool has_note(const char *words)
{
    for (uint32_t i = 0; i < info.note_count; i++)
        if (strstr(info.notes[i], words) != NULL)
            return true;
    return false;
}

static void assert_note(const char *words)
{
    if (has_note(words))
        return;
    for (uint32_t i = 0; i < info.note_count; i++)
        print_message("# note: %s\n", info.notes[i]);
    fail_msg("no note says \"%s\"", words);
}

static void assert_two_regions(void)
{
    assert_int_equal(info.entry_count, 2);
    assert_int_equal(info.entries[0].base, 0);
    assert_int_equal(info.entries[0].length, 0x9fc00);
    assert_int_equal(info.entries[0].type, 1);
    assert_int_equal(info.entries[1].base, 0x100000);
    assert_int_equal(info.entries[1].length, 0xfee0000);
    assert_int_equal(info.entries[1].type, 1);
    assert_false(info.entries[0].disabled || info.entries[1].disabled);
}

/* ---- good blocks -------------------------------------------------------- */

/* As GRUB 2.06 makes them, in its order. */
static void full_block(void)
{
    block_start();
    tag_text(1, "plain map=surface keymap=de");
    tag_text(2, "GRUB 2.06-13+deb12u2");
    tag_start(10);                              /* APM: known, not used */
    for (int i = 0; i < 20; i++)
        append(0, 1);
    tag_end();
    tag_module(0x103000, 0x14c3e0, "maps/surface-pro-7.map");
    tag_module(0x14d000, 0x14d000, "");
    tag_elf(3, 40, 120);
    tag_basic(639, 64384);
    tag_map(24);
    tag_framebuffer(0xfd000000, 4096, 1024, 768, 32, 1);
    tag_start(12);
    append(0x7f00000000, 8);
    tag_end();
    tag_start(11);
    append(0x7e000000, 4);
    tag_end();
    tag_start(14);
    append(0, 20);
    tag_end();
    tag_start(17);                              /* EFI map */
    append(48, 4);
    append(1, 4);
    append(7, 8); append(0x1000, 8); append(0, 8); append(5, 8);
    append(15, 8); append(0, 8);
    tag_end();
    tag_start(18);
    tag_end();
    tag_start(77);                              /* from the future */
    append(0x1234, 8);
    tag_end();
    block_end();
}

static void test_full_block(void **state)
{
    (void)state;
    full_block();
    assert_int_equal(parse(), BOOT_INFO_OK);
    assert_int_equal(info.version, 2);
    assert_string_equal(info.command_line, "plain map=surface keymap=de");
    assert_string_equal(info.loader_name, "GRUB 2.06-13+deb12u2");
    assert_int_equal(info.map_source, BOOT_MAP_LOADER);
    assert_two_regions();
    assert_true(info.has_basic_memory);
    assert_int_equal(info.mem_lower_kib, 639);
    assert_int_equal(info.mem_upper_kib, 64384);
    assert_int_equal(info.module_count, 2);
    assert_int_equal(info.modules[0].start, 0x103000);
    assert_int_equal(info.modules[0].end, 0x14c3e0);
    assert_string_equal(info.modules[0].name, "maps/surface-pro-7.map");
    assert_string_equal(info.modules[1].name, "");
    assert_true(info.framebuffer.present);
    assert_int_equal(info.framebuffer.type, BOOT_FRAMEBUFFER_RGB);
    assert_int_equal(info.framebuffer.address, 0xfd000000);
    assert_int_equal(info.framebuffer.pitch, 4096);
    assert_int_equal(info.framebuffer.width, 1024);
    assert_int_equal(info.framebuffer.height, 768);
    assert_int_equal(info.framebuffer.bits_per_pixel, 32);
    assert_int_equal(info.framebuffer.red_at, 0x08);
    assert_int_equal(info.framebuffer.red_bits, 0x10);
    assert_int_equal(info.framebuffer.green_at, 0x08);
    assert_int_equal(info.framebuffer.green_bits, 0x08);
    assert_int_equal(info.framebuffer.blue_at, 0x00);
    assert_int_equal(info.framebuffer.blue_bits, 0x08);
    assert_true(info.elf.present);
    assert_int_equal(info.elf.count, 3);
    assert_int_equal(info.elf.entry_size, 40);
    assert_int_equal(info.elf.names_index, 2);
    assert_int_equal(info.efi_system_table_32, 0x7e000000);
    assert_int_equal(info.efi_system_table_64, 0x7f00000000);
    assert_true(info.has_efi_map);
    assert_true(info.efi_boot_services_on);
    assert_int_equal(info.acpi_rsdp_version, 1);
    assert_int_equal(info.unknown_tags, 1);
    assert_int_equal(info.information_count, 1);
    assert_int_equal(info.information[0].start, 0x102940);
    assert_int_equal(info.information[0].end, 0x102940 + block.size);
    assert_int_equal(info.note_count, 0);
}

static void test_smallest_block(void **state)
{
    (void)state;
    block_start();
    tag_map(24);
    block_end();
    assert_int_equal(parse(), BOOT_INFO_OK);
    assert_two_regions();
    assert_string_equal(info.command_line, "");
    assert_string_equal(info.loader_name, "");
    assert_false(info.framebuffer.present);
    assert_false(info.elf.present);
    assert_int_equal(info.module_count, 0);
    assert_int_equal(info.note_count, 0);
}

/* The reserved word behind the type is not ACPI's attributes. */
static void test_reserved_word_is_ignored(void **state)
{
    (void)state;
    block_start();
    tag_map(24);
    put(tag_at + 16 + 20, 0xFFFFFFFE, 4);
    block_end();
    assert_int_equal(parse(), BOOT_INFO_OK);
    assert_two_regions();
}

static void test_entry_sizes(void **state)
{
    static const uint32_t good[] = { 20, 24, 28, 32, 40, 48 };
    static const uint32_t bad[] = { 0, 1, 8, 16, 19, 1000, 0x7FFFFFFF,
                                    0x80000000, 0xFFFFFFF8, 0xFFFFFFFF };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        block_start();
        tag_map(good[i]);
        block_end();
        assert_int_equal(parse(), BOOT_INFO_OK);
        assert_int_equal(info.map_source, BOOT_MAP_LOADER);
        assert_two_regions();
        assert_int_equal(info.note_count, 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        block_start();
        tag_map(bad[i]);
        block_end();
        assert_int_equal(parse(), BOOT_INFO_NO_MEMORY);
        assert_int_equal(info.entry_count, 0);
        assert_note("map ignored");

        tag_at = 0;
        block_start();
        tag_map(bad[i]);
        tag_basic(640, 1024);
        block_end();
        assert_int_equal(parse(), BOOT_INFO_OK);
        assert_int_equal(info.map_source, BOOT_MAP_BASIC);
        assert_int_equal(info.entry_count, 2);
        assert_int_equal(info.entries[0].length, 640 * 1024);
        assert_int_equal(info.entries[1].base, 0x100000);
        assert_int_equal(info.entries[1].length, 1024 * 1024);
        assert_note("made one from mem_lower 640 KiB and mem_upper 1024 KiB");
    }
}

static void test_basic_memory_does_not_truncate(void **state)
{
    (void)state;
    block_start();
    tag_basic(639, 0xFFFFFFFF);
    block_end();
    assert_int_equal(parse(), BOOT_INFO_OK);
    assert_true(info.entries[1].length == (uint64_t)0xFFFFFFFF * 1024);
}

static void test_map_from_efi(void **state)
{
    (void)state;
    block_start();
    tag_basic(639, 1024);
    tag_start(17);
    append(48, 4);
    append(1, 4);
    for (uint32_t type = 0; type < 16; type++) {
        append(type, 8); append(0x100000 * type, 8); append(0, 8);
        append(type == 15 ? UINT64_MAX : 3, 8); append(15, 8); append(0, 8);
    }
    tag_end();
    block_end();
    assert_int_equal(parse(), BOOT_INFO_OK);
    assert_int_equal(info.map_source, BOOT_MAP_EFI);
    assert_int_equal(info.entry_count, 16);
    assert_note("made one from the EFI map");
    for (uint32_t type = 0; type < 16; type++) {
        assert_int_equal(info.entries[type].base, 0x100000 * type);
        assert_int_equal(info.entries[type].type == FIRMWARE_AVAILABLE,
                         type == 7);
    }
    assert_int_equal(info.entries[7].length, 3 * 4096);
    assert_int_equal(info.entries[8].type, FIRMWARE_BAD);
    assert_int_equal(info.entries[9].type, FIRMWARE_ACPI_RECLAIMABLE);
    assert_int_equal(info.entries[10].type, FIRMWARE_ACPI_NVS);
    assert_int_equal(info.entries[14].type, FIRMWARE_PERSISTENT);
    assert_true(info.entries[15].length == UINT64_MAX);
}

static void test_more_than_there_is_room_for(void **state)
{
    (void)state;
    block_start();
    tag_start(6);
    append(24, 4);
    append(0, 4);
    for (uint32_t i = 0; i < BOOT_ENTRIES_MAX + 5; i++)
        region(i * 0x10000, 0x1000, 1, 24);
    tag_end();
    for (uint32_t i = 0; i < BOOT_MODULES_MAX + 3; i++)
        tag_module(0x100000 + i * 0x1000, 0x100800 + i * 0x1000, "m");
    block_end();
    assert_int_equal(parse(), BOOT_INFO_OK);
    assert_int_equal(info.entry_count, BOOT_ENTRIES_MAX);
    assert_int_equal(info.entries_dropped, 5);
    assert_int_equal(info.entries[BOOT_ENTRIES_MAX - 1].base,
                     (BOOT_ENTRIES_MAX - 1) * 0x10000);
    assert_int_equal(info.module_count, BOOT_MODULES_MAX);
    assert_int_equal(info.modules_dropped, 3);
    assert_note("5 regions more than");
    assert_note("3 modules more than");
}

static void test_more_notes_than_room(void **state)
{
    (void)state;
    block_start();
    for (int i = 0; i < 40; i++)
        tag_module(0x2000, 0x1000, "backwards");
    block_end();
    assert_int_equal(parse(), BOOT_INFO_NO_MEMORY);
    assert_int_equal(info.note_count, BOOT_NOTES_MAX);
    assert_int_equal(info.notes_dropped, 41 - BOOT_NOTES_MAX);
    assert_int_equal(info.module_count, 0);
}

static void test_long_texts_are_cut(void **state)
{
    char text[2000];

    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    block_start();
    tag_text(1, text);
    tag_text(2, text);
    tag_module(1, 2, text);
    tag_map(24);
    block_end();
    assert_int_equal(parse(), BOOT_INFO_OK);
    assert_int_equal(strlen(info.command_line), BOOT_COMMAND_LINE_SIZE - 1);
    assert_int_equal(strlen(info.loader_name), BOOT_LOADER_NAME_SIZE - 1);
    assert_int_equal(strlen(info.modules[0].name), BOOT_MODULE_NAME_SIZE - 1);
    assert_note("the command line: 1999 characters, cut to 511");

    text[BOOT_COMMAND_LINE_SIZE] = '\0';        /* one too long */
    block_start();
    tag_text(1, text);
    tag_map(24);
    block_end();
    assert_int_equal(parse(), BOOT_INFO_OK);
    assert_note("the command line: 512 characters, cut to 511");

    text[BOOT_COMMAND_LINE_SIZE - 1] = '\0';    /* fits exactly */
    block_start();
    tag_text(1, text);
    tag_map(24);
    block_end();
    assert_int_equal(parse(), BOOT_INFO_OK);
    assert_string_equal(info.command_line, text);
    assert_int_equal(info.note_count, 0);
}

static void test_texts_cannot_move_the_cursor(void **state)
{
    (void)state;
    block_start();
    tag_text(1, "a\033[2Jb\tc\x7f");
    tag_map(24);
    block_end();
    assert_int_equal(parse(), BOOT_INFO_OK);
    assert_string_equal(info.command_line, "a?[2Jb c?");
}

/* ---- malformed blocks: what is done to the block, what must be said ----- */

struct malformed {
    const char *what;
    void (*make)(void);
    enum boot_info_status status;
    const char *note;           /* words of a note, or NULL: none at all */
    enum boot_map_source map;
};

static void make_total_0(void)      { full_block(); put(0, 0, 4); }
static void make_total_7(void)      { full_block(); put(0, 7, 4); }
static void make_total_8(void)      { full_block(); put(0, 8, 4); }
static void make_total_15(void)     { full_block(); put(0, 15, 4); }
static void make_total_huge(void)   { full_block(); put(0, 0xFFFFFFFF, 4); }
static void make_total_less(void)   { full_block(); put(0, 40, 4); }

static void make_only_end(void)     { block_start(); block_end(); }
static void make_nothing(void)      { block_start(); put(0, 8, 4); }

static void make_no_end(void)
{
    block_start();
    tag_map(24);
    put(0, block.size, 4);
}

static void make_end_with_size_0(void)
{
    block_start();
    tag_map(24);
    block_end();
    put(block.size - 4, 0, 4);
}

static void make_end_with_size_huge(void)
{
    block_start();
    tag_map(24);
    block_end();
    put(block.size - 4, 0xFFFFFFFF, 4);
}

static void make_end_first(void)
{
    block_start();
    tag_start(0);
    tag_end();
    tag_map(24);
    block_end();
}

/* A map, then a tag of type 5 whose size is a lie, then an end. */
static void with_tag_size(uint32_t size)
{
    block_start();
    tag_map(24);
    tag_start(5);
    append(0, 8);
    tag_end();
    put(tag_at + 4, size, 4);
    block_end();
}

static void make_size_0(void)       { with_tag_size(0); }
static void make_size_1(void)       { with_tag_size(1); }
static void make_size_7(void)       { with_tag_size(7); }
static void make_size_huge(void)    { with_tag_size(0xFFFFFFFF); }
static void make_size_wraps(void)   { with_tag_size(0xFFFFFFF8); }
static void make_size_half(void)    { with_tag_size(0x80000000); }
static void make_size_one_more(void)
{
    with_tag_size(0);
    put(tag_at - 12, block.size - (tag_at - 16) + 1, 4);
}
static void make_size_to_the_end(void)      /* takes the end tag with it */
{
    with_tag_size(0);
    put(tag_at - 12, block.size - (tag_at - 16), 4);
}

/* A map whose tag has SIZE bytes in all. */
static void with_map_size(uint32_t size)
{
    block_start();
    tag_map(24);
    put(tag_at + 4, size, 4);
    block.size = tag_at + size;
    block_end();
}

static void make_map_8(void)        { with_map_size(8); }
static void make_map_12(void)       { with_map_size(12); }
static void make_map_16(void)       { with_map_size(16); }
static void make_map_39(void)       { with_map_size(39); }
static void make_map_41(void)       { with_map_size(41); }
static void make_map_63(void)       { with_map_size(63); }

static void make_two_maps(void)
{
    block_start();
    tag_map(24);
    tag_start(6);
    append(24, 4);
    append(0, 4);
    region(0x5000, 0x1000, 1, 24);
    tag_end();
    block_end();
}

static void make_bad_map_then_good(void)
{
    block_start();
    tag_map(0);
    tag_map(24);
    block_end();
}

static void make_two_command_lines(void)
{
    block_start();
    tag_text(1, "first");
    tag_text(1, "second");
    tag_map(24);
    block_end();
}

static void make_two_names(void)
{
    block_start();
    tag_text(2, "");
    tag_text(2, "second");
    tag_map(24);
    block_end();
}

static void make_two_basics(void)
{
    block_start();
    tag_basic(1, 2);
    tag_basic(3, 4);
    block_end();
}

static void make_basic_short(void)
{
    block_start();
    tag_start(4);
    append(640, 4);
    tag_end();
    block_end();
}

static void make_text_without_end(void)
{
    block_start();
    tag_map(24);
    tag_start(1);
    append(0x6e69616c70, 5);
    tag_end();
    block_end();
}

static void make_text_of_nothing(void)
{
    block_start();
    tag_map(24);
    tag_start(2);
    tag_end();
    block_end();
}

static void make_module_short(void)
{
    block_start();
    tag_map(24);
    tag_start(3);
    append(0x1000, 4);
    tag_end();
    block_end();
}

static void make_module_without_name(void)
{
    block_start();
    tag_map(24);
    tag_start(3);
    append(0x1000, 4);
    append(0x2000, 4);
    tag_end();
    block_end();
}

static void make_module_backwards(void)
{
    block_start();
    tag_map(24);
    tag_module(0x2000, 0x1fff, "m");
    block_end();
}

static void with_elf(uint32_t count, uint32_t entry_size, size_t bytes)
{
    block_start();
    tag_map(24);
    tag_elf(count, entry_size, bytes);
    block_end();
}

static void make_elf_huge(void)     { with_elf(0xFFFFFFFF, 0xFFFFFFFF, 40); }
static void make_elf_wraps(void)    { with_elf(0x10000000, 16, 40); }
static void make_elf_size_0(void)   { with_elf(4, 0, 160); }
static void make_elf_one_less(void) { with_elf(4, 40, 159); }

static void make_elf_short(void)
{
    block_start();
    tag_map(24);
    tag_start(9);
    append(1, 4);
    append(1, 4);
    tag_end();
    block_end();
}

static void with_framebuffer(uint32_t pitch, uint32_t width, uint32_t height,
                             uint8_t bits)
{
    block_start();
    tag_map(24);
    tag_framebuffer(0xfd000000, pitch, width, height, bits, 1);
    block_end();
}

static void make_screen_pitch_0(void)   { with_framebuffer(0, 1024, 768, 32); }
static void make_screen_pitch_less(void)
{
    with_framebuffer(4095, 1024, 768, 32);
}
static void make_screen_wraps(void)
{
    with_framebuffer(4096, 0x40000400, 768, 32);
}
static void make_screen_no_bits(void)  { with_framebuffer(4096, 1024, 768, 0); }
static void make_screen_no_lines(void)  { with_framebuffer(4096, 1024, 0, 32); }

static void make_screen_short(void)
{
    block_start();
    tag_map(24);
    tag_start(8);
    append(0xfd000000, 8);
    append(4096, 4);
    tag_end();
    block_end();
}

static void make_screen_without_colours(void)
{
    block_start();
    tag_map(24);
    tag_framebuffer(0xfd000000, 4096, 1024, 768, 32, 1);
    block.size = tag_at + 32;
    tag_end();
    block_end();
}

static void with_efi_map(uint32_t step, size_t bytes)
{
    block_start();
    tag_start(17);
    append(step, 4);
    append(1, 4);
    for (size_t i = 0; i < bytes; i++)
        append(7, 1);
    tag_end();
    block_end();
}

static void make_efi_step_0(void)   { with_efi_map(0, 96); }
static void make_efi_step_39(void)  { with_efi_map(39, 96); }
static void make_efi_step_huge(void){ with_efi_map(0xFFFFFFF0, 96); }
static void make_efi_empty(void)    { with_efi_map(48, 0); }
static void make_efi_part(void)     { with_efi_map(48, 47); }

static void make_efi_short(void)
{
    block_start();
    tag_start(17);
    append(48, 4);
    tag_end();
    block_end();
}

static void make_efi_tables_short(void)
{
    block_start();
    tag_map(24);
    tag_start(11);
    append(1, 3);
    tag_end();
    tag_start(12);
    append(1, 7);
    tag_end();
    block_end();
}

static void make_unknown(void)
{
    block_start();
    tag_start(22);
    append(0, 8);
    tag_end();
    tag_start(0xFFFFFFFF);
    append(0, 3);
    tag_end();
    tag_map(24);
    block_end();
}

static void make_odd_sizes(void)    /* tags of 9..15 bytes: steps are by 8 */
{
    block_start();
    for (uint32_t bytes = 1; bytes < 8; bytes++) {
        tag_start(5);
        append(0, bytes);
        tag_end();
    }
    tag_map(24);
    block_end();
}

static const struct malformed table[] = {
    { "total size 0", make_total_0, BOOT_INFO_UNREADABLE,
      "says size 0, its head alone has 8", BOOT_MAP_NONE },
    { "total size 7", make_total_7, BOOT_INFO_UNREADABLE,
      "says size 7, its head alone has 8", BOOT_MAP_NONE },
    { "total size 8", make_total_8, BOOT_INFO_NO_MEMORY,
      "ends without an end tag", BOOT_MAP_NONE },
    { "total size 15", make_total_15, BOOT_INFO_NO_MEMORY,
      "ends without an end tag", BOOT_MAP_NONE },
    { "total size 2^32-1", make_total_huge, BOOT_INFO_OK,
      "says size 4294967295, but only", BOOT_MAP_LOADER },
    { "total size cuts a tag", make_total_less, BOOT_INFO_NO_MEMORY,
      "more than there is", BOOT_MAP_NONE },
    { "only an end tag", make_only_end, BOOT_INFO_NO_MEMORY,
      "nothing here tells how much memory", BOOT_MAP_NONE },
    { "nothing at all", make_nothing, BOOT_INFO_NO_MEMORY,
      "nothing here tells how much memory", BOOT_MAP_NONE },
    { "no end tag", make_no_end, BOOT_INFO_OK,
      "ends without an end tag", BOOT_MAP_LOADER },
    { "end tag of size 0", make_end_with_size_0, BOOT_INFO_OK,
      NULL, BOOT_MAP_LOADER },
    { "end tag of size 2^32-1", make_end_with_size_huge, BOOT_INFO_OK,
      NULL, BOOT_MAP_LOADER },
    { "end tag first", make_end_first, BOOT_INFO_NO_MEMORY,
      "nothing here tells how much memory", BOOT_MAP_NONE },
    { "tag size 0", make_size_0, BOOT_INFO_OK,
      "tag 5 says size 0, tags have 8 at least", BOOT_MAP_LOADER },
    { "tag size 1", make_size_1, BOOT_INFO_OK,
      "tag 5 says size 1, tags have 8 at least", BOOT_MAP_LOADER },
    { "tag size 7", make_size_7, BOOT_INFO_OK,
      "tag 5 says size 7, tags have 8 at least", BOOT_MAP_LOADER },
    { "tag size 2^32-1", make_size_huge, BOOT_INFO_OK,
      "says size 4294967295, more than there is", BOOT_MAP_LOADER },
    { "tag size 2^32-8", make_size_wraps, BOOT_INFO_OK,
      "says size 4294967288, more than there is", BOOT_MAP_LOADER },
    { "tag size 2^31", make_size_half, BOOT_INFO_OK,
      "says size 2147483648, more than there is", BOOT_MAP_LOADER },
    { "tag one byte too long", make_size_one_more, BOOT_INFO_OK,
      "more than there is", BOOT_MAP_LOADER },
    { "tag swallows the end", make_size_to_the_end, BOOT_INFO_OK,
      "ends without an end tag", BOOT_MAP_LOADER },
    { "map tag of 8 bytes", make_map_8, BOOT_INFO_NO_MEMORY,
      "tag 6 has only 8 bytes", BOOT_MAP_NONE },
    { "map tag of 12 bytes", make_map_12, BOOT_INFO_NO_MEMORY,
      "tag 6 has only 12 bytes", BOOT_MAP_NONE },
    { "map without regions", make_map_16, BOOT_INFO_NO_MEMORY,
      "the memory map has 0 bytes, a region 24", BOOT_MAP_NONE },
    { "map with most of a region", make_map_39, BOOT_INFO_NO_MEMORY,
      "the memory map has 23 bytes, a region 24", BOOT_MAP_NONE },
    { "map with a region and a byte", make_map_41, BOOT_INFO_OK,
      "the memory map ends with 1 bytes", BOOT_MAP_LOADER },
    { "map with two regions less a byte", make_map_63, BOOT_INFO_OK,
      "the memory map ends with 23 bytes", BOOT_MAP_LOADER },
    { "two maps", make_two_maps, BOOT_INFO_OK,
      "tag 6 comes twice", BOOT_MAP_LOADER },
    { "a bad map, then a good one", make_bad_map_then_good, BOOT_INFO_OK,
      "entry size 0", BOOT_MAP_LOADER },
    { "two command lines", make_two_command_lines, BOOT_INFO_OK,
      "tag 1 comes twice", BOOT_MAP_LOADER },
    { "two loader names", make_two_names, BOOT_INFO_OK,
      "tag 2 comes twice", BOOT_MAP_LOADER },
    { "two basic tags", make_two_basics, BOOT_INFO_OK,
      "tag 4 comes twice", BOOT_MAP_BASIC },
    { "short basic tag", make_basic_short, BOOT_INFO_NO_MEMORY,
      "tag 4 has only 12 bytes", BOOT_MAP_NONE },
    { "text without an end", make_text_without_end, BOOT_INFO_OK,
      "the command line: the text has no end", BOOT_MAP_LOADER },
    { "text of no bytes", make_text_of_nothing, BOOT_INFO_OK,
      "the loader's name: the text has no end", BOOT_MAP_LOADER },
    { "short module tag", make_module_short, BOOT_INFO_OK,
      "tag 3 has only 12 bytes", BOOT_MAP_LOADER },
    { "module without a name", make_module_without_name, BOOT_INFO_OK,
      "a module's name: the text has no end", BOOT_MAP_LOADER },
    { "module that ends before it starts", make_module_backwards,
      BOOT_INFO_OK, "ends at 0x1fff, before its start at 0x2000",
      BOOT_MAP_LOADER },
    { "huge ELF counts", make_elf_huge, BOOT_INFO_OK,
      "more than it has: ignored", BOOT_MAP_LOADER },
    { "ELF counts whose product wraps", make_elf_wraps, BOOT_INFO_OK,
      "more than it has: ignored", BOOT_MAP_LOADER },
    { "ELF entry size 0", make_elf_size_0, BOOT_INFO_OK,
      "4 sections of 0 bytes", BOOT_MAP_LOADER },
    { "ELF sections one byte short", make_elf_one_less, BOOT_INFO_OK,
      "4 sections of 40 bytes", BOOT_MAP_LOADER },
    { "short ELF tag", make_elf_short, BOOT_INFO_OK,
      "tag 9 has only 16 bytes", BOOT_MAP_LOADER },
    { "screen of pitch 0", make_screen_pitch_0, BOOT_INFO_OK,
      "the framebuffer of 1024 x 768", BOOT_MAP_LOADER },
    { "screen with short lines", make_screen_pitch_less, BOOT_INFO_OK,
      "the framebuffer of 1024 x 768", BOOT_MAP_LOADER },
    { "screen whose width wraps", make_screen_wraps, BOOT_INFO_OK,
      "the framebuffer of", BOOT_MAP_LOADER },
    { "screen without bits", make_screen_no_bits, BOOT_INFO_OK,
      "the framebuffer of", BOOT_MAP_LOADER },
    { "screen without lines", make_screen_no_lines, BOOT_INFO_OK,
      "the framebuffer of 1024 x 0", BOOT_MAP_LOADER },
    { "short screen tag", make_screen_short, BOOT_INFO_OK,
      "tag 8 has only 20 bytes", BOOT_MAP_LOADER },
    { "screen without its colours", make_screen_without_colours,
      BOOT_INFO_OK, "tag 8 has only 32 bytes", BOOT_MAP_LOADER },
    { "EFI descriptors of 0 bytes", make_efi_step_0, BOOT_INFO_NO_MEMORY,
      "a descriptor 0: map ignored", BOOT_MAP_NONE },
    { "EFI descriptors of 39 bytes", make_efi_step_39, BOOT_INFO_NO_MEMORY,
      "a descriptor 39: map ignored", BOOT_MAP_NONE },
    { "EFI descriptors of 2^32-16", make_efi_step_huge, BOOT_INFO_NO_MEMORY,
      "a descriptor 4294967280: map ignored", BOOT_MAP_NONE },
    { "EFI map without regions", make_efi_empty, BOOT_INFO_NO_MEMORY,
      "the EFI map has 0 bytes", BOOT_MAP_NONE },
    { "EFI map with part of one", make_efi_part, BOOT_INFO_NO_MEMORY,
      "the EFI map has 47 bytes", BOOT_MAP_NONE },
    { "short EFI map tag", make_efi_short, BOOT_INFO_NO_MEMORY,
      "tag 17 has only 12 bytes", BOOT_MAP_NONE },
    { "short EFI table tags", make_efi_tables_short, BOOT_INFO_OK,
      "tag 12 has only 15 bytes", BOOT_MAP_LOADER },
    { "unknown tags", make_unknown, BOOT_INFO_OK, NULL, BOOT_MAP_LOADER },
    { "sizes that are no multiple of 8", make_odd_sizes, BOOT_INFO_OK,
      NULL, BOOT_MAP_LOADER },
};

static void test_malformed_blocks(void **state)
{
    (void)state;
    assert_true(sizeof table / sizeof table[0] >= 40);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const struct malformed *row = &table[i];
        enum boot_info_status status;

        row->make();
        status = parse();
        if (status != row->status)
            fail_msg("%s: status %d, expected %d", row->what, status,
                     row->status);
        if (info.map_source != row->map)
            fail_msg("%s: map from %d, expected %d", row->what,
                     info.map_source, row->map);
        if (strncmp(row->what, "screen", 6) == 0 && info.framebuffer.present)
            fail_msg("%s: it is still there", row->what);
        if (row->note == NULL && info.note_count != 0)
            fail_msg("%s: a note for no reason: %s", row->what,
                     info.notes[0]);
        if (row->note != NULL && !has_note(row->note))
            fail_msg("%s: no note says \"%s\", but %d others; first: %s",
                     row->what, row->note, (int)info.note_count,
                     info.note_count ? info.notes[0] : "-");
    }
}

/* The file of a row: tests/bootinfo/tag-size-0.bin of "tag size 0". */
static void row_path(char *path, size_t size, const char *what)
{
    snprintf(path, size, "tests/bootinfo/%s.bin", what);
    for (char *c = path + strlen("tests/bootinfo/"); *c != '\0'; c++)
        if (*c == ' ')
            *c = '-';
        else if (*c == ',' || *c == '^')
            *c = '_';
}

/* The published blocks are those of the table. With WRITE_BLOCKS set in the
 * environment they are written instead. */
static void test_published_blocks(void **state)
{
    static const char *const answers[] = {
        [BOOT_INFO_OK] = "boots", [BOOT_INFO_NO_MEMORY] = "no-memory",
        [BOOT_INFO_UNREADABLE] = "unreadable",
    };
    static char expected[8192];
    size_t length = 0, size;
    char *content;

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        char path[120];

        table[i].make();
        row_path(path, sizeof path, table[i].what);
        if (getenv("WRITE_BLOCKS") != NULL) {
            FILE *file = fopen(path, "wb");

            assert_non_null(file);
            assert_int_equal(fwrite(block.bytes, 1, block.size, file),
                             block.size);
            fclose(file);
        }
        content = read_whole_file(path, &size);
        if (size != block.size || memcmp(content, block.bytes, size) != 0)
            fail_msg("%s is not what the table makes: run this test with "
                     "WRITE_BLOCKS=1", path);
        free(content);
        length += (size_t)snprintf(expected + length,
                                   sizeof expected - length, "%s %s\n",
                                   answers[table[i].status], path + 15);
        assert_true(length < sizeof expected);
    }
    if (getenv("WRITE_BLOCKS") != NULL) {
        FILE *file = fopen("tests/bootinfo/EXPECTED", "w");

        assert_non_null(file);
        fputs(expected, file);
        fclose(file);
    }
    content = read_whole_file("tests/bootinfo/EXPECTED", &size);
    if (size != length || memcmp(content, expected, size) != 0)
        fail_msg("tests/bootinfo/EXPECTED is not what the table says: run "
                 "this test with WRITE_BLOCKS=1");
    free(content);
}

static void test_malformed_is_left_out(void **state)
{
    (void)state;
    make_two_command_lines();
    parse();
    assert_string_equal(info.command_line, "first");
    make_two_maps();
    parse();
    assert_two_regions();
    make_bad_map_then_good();
    parse();
    assert_two_regions();
    make_text_without_end();
    parse();
    assert_string_equal(info.command_line, "plain");
    make_two_names();
    parse();
    assert_string_equal(info.loader_name, "");
    make_two_basics();
    parse();
    assert_int_equal(info.mem_lower_kib, 1);
    make_module_backwards();
    parse();
    assert_int_equal(info.module_count, 0);
    make_elf_one_less();
    parse();
    assert_false(info.elf.present);
    make_screen_without_colours();
    parse();
    assert_false(info.framebuffer.present);
    make_map_41();
    parse();
    assert_int_equal(info.entry_count, 1);
    make_unknown();
    parse();
    assert_int_equal(info.unknown_tags, 2);
}

static void test_unreadable(void **state)
{
    (void)state;
    assert_int_equal(bootinfo_parse_multiboot2(NULL, 100, 0, &info),
                     BOOT_INFO_UNREADABLE);
    full_block();
    for (size_t limit = 0; limit < 8; limit++)
        assert_int_equal(parse_limited(limit), BOOT_INFO_UNREADABLE);
    full_block();
    assert_int_equal(bootinfo_multiboot2_size(block.bytes), block.size);
    put(0, 7, 4);
    assert_int_equal(bootinfo_multiboot2_size(block.bytes), 0);
}

/* Each tag by itself, of every short size, as the last bytes that may be
 * read: nothing reads past its content, and no tag does another one's work. */
static void test_every_tag_cut_short(void **state)
{
    (void)state;
    for (uint32_t type = 1; type < 30; type++)
        for (size_t size = 0; size < 48; size++) {
            block_start();
            tag_start(type);
            for (size_t i = 0; i < size; i++)
                append(i % 4 == 0 ? 24 : 0, 1);
            tag_end();
            put(0, block.size, 4);
            parse();
            assert_int_equal(info.has_basic_memory, type == 4 && size >= 8);
            assert_int_equal(info.module_count, type == 3 && size >= 8);
            assert_int_equal(info.efi_system_table_32,
                             type == 11 && size >= 4 ? 24 : 0);
            assert_true(info.efi_system_table_64
                        == (type == 12 && size >= 8 ? 0x1800000018 : 0));
            assert_int_equal(info.acpi_rsdp_version,
                             type == 14 ? 1 : type == 15 ? 2 : 0);
            assert_int_equal(info.has_efi_map, type == 17 && size >= 8);
            assert_int_equal(info.efi_boot_services_on, type == 18);
            assert_int_equal(info.unknown_tags, type > 21);
            assert_int_equal(info.map_source,
                             type == 6 && size >= 32 ? BOOT_MAP_LOADER
                             : type == 4 && size >= 8 ? BOOT_MAP_BASIC
                                                      : BOOT_MAP_NONE);
        }
}

static void test_both_rsdp_tags(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        block_start();
        tag_start(order ? 14 : 15);
        tag_end();
        tag_start(order ? 15 : 14);
        tag_end();
        tag_map(24);
        block_end();
        assert_int_equal(parse(), BOOT_INFO_OK);
        assert_int_equal(info.acpi_rsdp_version, 2);
    }
}

static void test_one_efi_descriptor(void **state)
{
    (void)state;
    block_start();
    tag_start(17);
    append(40, 4);
    append(1, 4);
    append(7, 8); append(0x1000, 8); append(0, 8); append(5, 8);
    append(15, 8);
    tag_end();
    block_end();
    assert_int_equal(parse(), BOOT_INFO_OK);
    assert_int_equal(info.entry_count, 1);
    assert_int_equal(info.entries[0].length, 5 * 4096);
}

static void test_where_it_lies(void **state)
{
    uint8_t *copy;

    (void)state;
    full_block();
    copy = exact_copy(block.bytes, block.size);
    bootinfo_parse_multiboot2(copy, block.size, 0x1004, &info);
    assert_note("not aligned to 8 bytes");
    bootinfo_parse_multiboot2(copy, block.size, UINT64_MAX - 15, &info);
    assert_true(info.information[0].start == UINT64_MAX - 15);
    assert_true(info.information[0].end == UINT64_MAX);
    free(copy);
}

/* ---- cuts, flips, noise ------------------------------------------------- */

static void test_every_cut(void **state)
{
    size_t size;

    (void)state;
    full_block();
    size = block.size;
    for (size_t limit = 0; limit <= size; limit++) {
        full_block();
        parse_limited(limit);                   /* less can be read */
        full_block();
        put(0, limit, 4);
        parse_limited(limit);                   /* ... and it says so */
        parse_limited(size);                    /* ... though there is more */
    }
    /* Not only the tags in front of the cut: the end too. */
    full_block();
    assert_int_equal(parse_limited(size), BOOT_INFO_OK);
    assert_int_equal(info.note_count, 0);
    assert_int_equal(parse_limited(size - 8), BOOT_INFO_OK);
    assert_note("ends without an end tag");
}

static void test_every_flip(void **state)
{
    static const uint8_t values[] = { 0, 1, 7, 8, 0x7F, 0x80, 0xFF };
    size_t size;

    (void)state;
    full_block();
    size = block.size;
    for (size_t at = 0; at < size; at++)
        for (size_t v = 0; v < sizeof values; v++) {
            full_block();
            put(at, values[v], 1);
            parse();
        }
}

/* Words at random places set to numbers that break arithmetic. */
static void test_noise(void **state)
{
    static const uint32_t words[] = { 0, 1, 7, 8, 9, 16, 20, 24, 0x7FFFFFFF,
                                      0x80000000, 0xFFFFFFF8, 0xFFFFFFFF };
    uint64_t random = 65537;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        int changes = 1 + (int)random_below(&random, 6);

        full_block();
        while (changes-- > 0) {
            size_t at = random_below(&random, block.size / 4) * 4;

            put(at, random_below(&random, 3)
                        ? words[random_below(&random,
                                             sizeof words / sizeof words[0])]
                        : random_next(&random), 4);
        }
        if (random_below(&random, 4) == 0)
            parse_limited(8 + random_below(&random, block.size - 8));
        else
            parse();
    }
}

/* Every region and module counts, wherever tags of all sizes lie. */
static void test_random_good_blocks(void **state)
{
    uint64_t random = 271828;

    (void)state;
    for (int round = 0; round < 500; round++) {
        uint32_t modules = 0, unknown = 0, regions;

        block_start();
        for (int i = (int)random_below(&random, 8); i > 0; i--)
            switch (random_below(&random, 3)) {
            case 0:
                tag_module(0x1000 * modules, 0x1000 * modules + 1, "mod");
                modules++;
                break;
            case 1:
                tag_start(100 + (uint32_t)random_below(&random, 100));
                for (uint64_t n = random_below(&random, 30); n > 0; n--)
                    append(0xFF, 1);
                tag_end();
                unknown++;
                break;
            default:
                tag_start(13);
                for (uint64_t n = random_below(&random, 30); n > 0; n--)
                    append(0, 1);
                tag_end();
            }
        regions = 1 + (uint32_t)random_below(&random, 200);
        tag_start(6);
        append(24, 4);
        append(0, 4);
        for (uint32_t i = 0; i < regions; i++)
            region(i * 7, i * 5, i, 24);
        tag_end();
        block_end();
        assert_int_equal(parse(), BOOT_INFO_OK);
        assert_int_equal(info.note_count, 0);
        assert_int_equal(info.module_count, modules);
        assert_int_equal(info.unknown_tags, unknown);
        assert_int_equal(info.entry_count, regions);
        for (uint32_t i = 0; i < regions; i++) {
            assert_int_equal(info.entries[i].base, i * 7);
            assert_int_equal(info.entries[i].length, i * 5);
            assert_int_equal(info.entries[i].type, i);
        }
    }
}

/* ---- Multiboot1 --------------------------------------------------------- */

/* A fake physical memory: MEMORY_SIZE bytes at MEMORY_START, and nothing. */
enum { MEMORY_START = 0x7000, MEMORY_SIZE = 0x3000 };
static uint8_t memory[MEMORY_SIZE];
static void *last_answer;
static size_t readable_end;     /* the view ends here */
static uint32_t questions;

static const void *fake_at(void *context, uint64_t physical, size_t size)
{
    assert_ptr_equal(context, memory);
    questions++;
    free(last_answer);          /* an answer dies with the next question */
    last_answer = NULL;
    if (physical < MEMORY_START || physical > readable_end
        || size > readable_end - physical)
        return NULL;
    last_answer = exact_copy(memory + (physical - MEMORY_START), size);
    return last_answer;
}

static void poke(uint64_t physical, uint64_t value, size_t bytes)
{
    assert_true(physical >= MEMORY_START
                && physical + bytes <= MEMORY_START + MEMORY_SIZE);
    for (size_t i = 0; i < bytes; i++)
        memory[physical - MEMORY_START + i] = (uint8_t)(value >> (8 * i));
}

static void poke_text(uint64_t physical, const char *text)
{
    do
        poke(physical++, (uint8_t)*text, 1);
    while (*text++ != '\0');
}

/* A region at PHYSICAL of SIZE + 4 bytes; answers where the next one goes. */
static uint64_t poke_region(uint64_t physical, uint32_t size, uint64_t base,
                            uint64_t length, uint32_t type)
{
    poke(physical, size, 4);
    poke(physical + 4, base, 8);
    poke(physical + 12, length, 8);
    poke(physical + 20, type, 4);
    return physical + 4 + size;
}

enum { INFO_AT = 0x7c00, MAP_AT = 0x8000, MODULES_AT = 0x8800,
       TEXT_AT = 0x9000, NAME_AT = 0x9100, MODULE_NAME_AT = 0x9200 };

static void full_info(void)
{
    uint64_t at = MAP_AT;

    memset(memory, 0, sizeof memory);
    readable_end = MEMORY_START + MEMORY_SIZE;
    poke(INFO_AT + 0, 1 | 4 | 8 | 32 | 64 | 512 | 4096, 4);
    poke(INFO_AT + 4, 639, 4);
    poke(INFO_AT + 8, 64384, 4);
    poke(INFO_AT + 16, TEXT_AT, 4);
    poke_text(TEXT_AT, "heapglass.elf plain");
    poke(INFO_AT + 20, 2, 4);
    poke(INFO_AT + 24, MODULES_AT, 4);
    poke(MODULES_AT, 0x110000, 4);
    poke(MODULES_AT + 4, 0x111234, 4);
    poke(MODULES_AT + 8, MODULE_NAME_AT, 4);
    poke_text(MODULE_NAME_AT, "tiny.map");
    poke(MODULES_AT + 16, 0x112000, 4);
    poke(MODULES_AT + 20, 0x113000, 4);
    poke(INFO_AT + 28, 7, 4);
    poke(INFO_AT + 32, 40, 4);
    poke(INFO_AT + 36, 0x120000, 4);
    poke(INFO_AT + 40, 6, 4);
    at = poke_region(at, 20, 0, 0x9fc00, 1);
    at = poke_region(at, 20, 0x100000, 0xfee0000, 1);
    poke(INFO_AT + 44, at - MAP_AT, 4);
    poke(INFO_AT + 48, MAP_AT, 4);
    poke(INFO_AT + 64, NAME_AT, 4);
    poke_text(NAME_AT, "qemu");
    poke(INFO_AT + 88, 0xfd000000, 8);
    poke(INFO_AT + 96, 3072, 4);
    poke(INFO_AT + 100, 1024, 4);
    poke(INFO_AT + 104, 768, 4);
    poke(INFO_AT + 108, 24, 1);
    poke(INFO_AT + 109, 1, 1);
    poke(INFO_AT + 110, 0x080008081010, 6);
}

static enum boot_info_status parse1(uint64_t physical)
{
    struct boot_view view = { fake_at, memory };
    enum boot_info_status status;

    memset(&info, 0xA5, sizeof info);
    questions = 0;
    status = bootinfo_parse_multiboot1(physical, view, &info);
    free(last_answer);
    last_answer = NULL;
    check_sane();
    assert_true(questions < 10000);         /* B2 */
    return status;
}

static void test_multiboot1(void **state)
{
    (void)state;
    full_info();
    assert_int_equal(parse1(INFO_AT), BOOT_INFO_OK);
    assert_int_equal(info.version, 1);
    assert_string_equal(info.command_line, "heapglass.elf plain");
    assert_string_equal(info.loader_name, "qemu");
    assert_int_equal(info.map_source, BOOT_MAP_LOADER);
    assert_two_regions();
    assert_int_equal(info.module_count, 2);
    assert_int_equal(info.modules[0].start, 0x110000);
    assert_int_equal(info.modules[0].end, 0x111234);
    assert_int_equal(info.mem_lower_kib, 639);
    assert_int_equal(info.mem_upper_kib, 64384);
    assert_string_equal(info.modules[0].name, "tiny.map");
    assert_string_equal(info.modules[1].name, "");
    assert_int_equal(info.elf.count, 7);
    assert_int_equal(info.elf.physical, 0x120000);
    assert_null(info.elf.headers);
    assert_true(info.framebuffer.present);
    assert_int_equal(info.framebuffer.pitch, 3072);
    assert_int_equal(info.framebuffer.red_at, 0x10);
    assert_int_equal(info.framebuffer.blue_bits, 0x08);
    assert_int_equal(info.information_count, 4);
    assert_int_equal(info.information[0].start, INFO_AT);
    assert_int_equal(info.note_count, 0);
}

/* As v86 leaves it: the flags for the map and the command line, no more. */
static void test_multiboot1_map_only(void **state)
{
    (void)state;
    full_info();
    poke(INFO_AT, 64 | 512 | 4096, 4);      /* more than can be read */
    readable_end = INFO_AT + 52;
    poke(INFO_AT + 48, MEMORY_START, 4);
    poke_region(MEMORY_START, 20, 0, 0x9fc00, 1);
    poke_region(MEMORY_START + 24, 20, 0x100000, 0xfee0000, 1);
    assert_int_equal(parse1(INFO_AT), BOOT_INFO_OK);
    assert_two_regions();
    assert_int_equal(info.module_count, 0);
    assert_false(info.framebuffer.present);
    assert_int_equal(info.note_count, 0);
}

static void test_multiboot1_sizes_of_regions(void **state)
{
    static const uint32_t sizes[] = { 20, 24, 28, 36 };

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t at = MAP_AT;

        full_info();
        memset(memory + (MAP_AT - MEMORY_START), 0xFF, 0x200);
        at = poke_region(at, sizes[i], 0, 0x9fc00, 1);
        at = poke_region(at, 20, 0x100000, 0xfee0000, 1);
        poke(INFO_AT + 44, at - MAP_AT, 4);
        assert_int_equal(parse1(INFO_AT), BOOT_INFO_OK);
        assert_two_regions();
        assert_int_equal(info.note_count, 0);
    }
}

static void test_multiboot1_attributes(void **state)
{
    uint64_t at = MAP_AT;

    (void)state;
    full_info();
    at = poke_region(at, 24, 0, 0x9fc00, 1);
    poke(at - 4, 1, 4);
    at = poke_region(at, 24, 0x100000, 0x1000, 1);
    poke(at - 4, 0, 4);
    poke(INFO_AT + 44, at - MAP_AT, 4);
    assert_int_equal(parse1(INFO_AT), BOOT_INFO_OK);
    assert_false(info.entries[0].disabled);
    assert_true(info.entries[1].disabled);
    assert_int_equal(info.entries[1].base, 0x100000);
    assert_int_equal(info.entries[1].length, 0x1000);
    assert_int_equal(info.note_count, 0);

    poke(MAP_AT + 24, 0, 4);        /* nobody filled them in: not believed */
    assert_int_equal(parse1(INFO_AT), BOOT_INFO_OK);
    assert_false(info.entries[0].disabled);
    assert_false(info.entries[1].disabled);
    assert_note("marks not believed");
}

static void test_multiboot1_malformed(void **state)
{
    static const uint32_t sizes[] = { 0, 1, 19, 25, 0x7FFFFFFF, 0xFFFFFFFC,
                                      0xFFFFFFFF };

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        full_info();                /* the second region's size is a lie */
        poke(MAP_AT + 24, sizes[i], 4);
        assert_int_equal(parse1(INFO_AT), BOOT_INFO_OK);
        assert_int_equal(info.entry_count, 1);
        assert_note("region 1 of the memory map says size");

        full_info();                /* the first one's */
        poke(MAP_AT, sizes[i] == 25 ? 45 : sizes[i], 4);
        assert_int_equal(parse1(INFO_AT), BOOT_INFO_OK);
        assert_int_equal(info.map_source, BOOT_MAP_BASIC);
        assert_note("region 0 of the memory map says size");
    }
    full_info();                    /* a length that goes on for ever */
    poke(INFO_AT + 44, 0xFFFFFFFF, 4);
    memset(memory + 0x1030, 0, 8);
    assert_int_equal(parse1(INFO_AT), BOOT_INFO_OK);
    assert_int_equal(info.entry_count, 2);
    full_info();                    /* a map nobody can read */
    poke(INFO_AT + 48, 0xFFFFFFF0, 4);
    assert_int_equal(parse1(INFO_AT), BOOT_INFO_OK);
    assert_int_equal(info.map_source, BOOT_MAP_BASIC);
    assert_note("cannot be read to its end");
    full_info();                    /* and nothing else either */
    poke(INFO_AT + 48, 0, 4);
    poke(INFO_AT, 64, 4);
    assert_int_equal(parse1(INFO_AT), BOOT_INFO_NO_MEMORY);

    full_info();                    /* 2^32-1 modules, most of them nowhere */
    poke(INFO_AT + 20, 0xFFFFFFFF, 4);
    poke(INFO_AT + 24, MEMORY_START + MEMORY_SIZE - 40, 4);
    assert_int_equal(parse1(INFO_AT), BOOT_INFO_OK);
    assert_note("module 2 of 4294967295 cannot be read");
    full_info();
    poke(INFO_AT + 20, 0xFFFFFFFF, 4);
    assert_int_equal(parse1(INFO_AT), BOOT_INFO_OK);
    assert_int_equal(info.module_count, BOOT_MODULES_MAX);
    assert_int_equal(info.modules_dropped, 0xFFFFFFFF - BOOT_MODULES_MAX);

    full_info();                    /* texts that end nowhere */
    memset(memory + (TEXT_AT - MEMORY_START), 'x', 0x1000);
    assert_int_equal(parse1(INFO_AT), BOOT_INFO_OK);
    assert_int_equal(strlen(info.command_line), BOOT_COMMAND_LINE_SIZE - 1);
    assert_note("the command line: too long, cut to 511");
    full_info();
    poke(INFO_AT + 16, MEMORY_START + MEMORY_SIZE - 3, 4);
    memset(memory + MEMORY_SIZE - 3, 'y', 3);
    assert_int_equal(parse1(INFO_AT), BOOT_INFO_OK);
    assert_string_equal(info.command_line, "yyy");
    assert_note("the command line: cannot be read to its end");
    full_info();
    poke(INFO_AT + 64, 0, 4);
    assert_int_equal(parse1(INFO_AT), BOOT_INFO_OK);
    assert_note("the loader's name: cannot be read");

    full_info();                    /* ELF counts whose product wraps */
    poke(INFO_AT + 28, 0x10000000, 4);
    poke(INFO_AT + 32, 16, 4);
    assert_int_equal(parse1(INFO_AT), BOOT_INFO_OK);
    assert_false(info.elf.present);

    full_info();
    assert_int_equal(parse1(0), BOOT_INFO_UNREADABLE);
    assert_int_equal(parse1(MEMORY_START + MEMORY_SIZE - 51),
                     BOOT_INFO_UNREADABLE);
    assert_int_equal(parse1(UINT64_MAX), BOOT_INFO_UNREADABLE);
}

static void test_multiboot1_noise(void **state)
{
    static const uint32_t words[] = { 0, 1, 19, 20, 24, 0x7c00, MAP_AT,
                                      MEMORY_START + MEMORY_SIZE - 1,
                                      0x7FFFFFFF, 0x80000000, 0xFFFFFFFF };
    uint64_t random = 8086;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        full_info();
        for (int i = (int)random_below(&random, 5); i >= 0; i--) {
            uint64_t at = random_below(&random, 2)
                              ? INFO_AT + random_below(&random, 29) * 4
                              : MAP_AT + random_below(&random, 24) * 4;

            poke(at, words[random_below(&random,
                                        sizeof words / sizeof words[0])], 4);
        }
        if (random_below(&random, 4) == 0)
            readable_end = MEMORY_START + random_below(&random, MEMORY_SIZE);
        parse1(INFO_AT);
    }
}

/* ---- using it ----------------------------------------------------------- */

static void test_options(void **state)
{
    static const struct {
        const char *line, *key, *value;     /* value NULL: not there */
    } rows[] = {
        { "plain map=surface", "map", "surface" },
        { "plain map=surface", "plain", "" },
        { "plain map=surface", "pla", NULL },
        { "map=surface", "ap", NULL },
        { "mapx=surface", "map", NULL },
        { "map=a  map=b", "map", "b" },
        { "map= plain", "map", "" },
        { "", "map", NULL },
        { "  map=x  ", "map", "x" },
        { "a=b=c", "a", "b=c" },
        { "no-map", "map", NULL },
        { "plain=", "plain", "" },
        { "map=123456789", "map", "123456789" },
    };
    char value[16], small[4];

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool found = bootinfo_option(rows[i].line, rows[i].key, value,
                                     sizeof value);

        if (found != (rows[i].value != NULL))
            fail_msg("'%s' in '%s': found %d", rows[i].key, rows[i].line,
                     found);
        assert_string_equal(value, found ? rows[i].value : "");
    }
    assert_true(bootinfo_option("map=surface", "map", small, sizeof small));
    assert_string_equal(small, "sur");
}

static void test_reservations(void **state)
{
    struct memmap_reservation all[8], *few;

    (void)state;
    full_block();
    parse();
    assert_int_equal(bootinfo_reservations(&info, all, 8), 4);
    assert_int_equal(all[0].reason, MEMMAP_BOOT_INFORMATION);
    assert_int_equal(all[0].start, 0x102940);
    assert_int_equal(all[0].end, 0x102940 + block.size);
    assert_int_equal(all[1].reason, MEMMAP_MODULE);
    assert_int_equal(all[1].start, 0x103000);
    assert_int_equal(all[1].end, 0x14c3e0);
    assert_string_equal(all[1].name, "maps/surface-pro-7.map");
    assert_int_equal(all[3].reason, MEMMAP_FRAMEBUFFER);
    assert_int_equal(all[3].start, 0xfd000000);
    assert_int_equal(all[3].end, 0xfd000000 + 4096 * 768);
    for (size_t room = 0; room < 4; room++) {
        few = malloc(room * sizeof *few);
        assert_int_equal(bootinfo_reservations(&info, few, room), 4);
        for (size_t i = 0; i < room; i++)
            assert_true(few[i].start == all[i].start
                        && few[i].end == all[i].end
                        && few[i].reason == all[i].reason);
        free(few);
    }
    block_start();                  /* a screen at the end of all addresses */
    tag_map(24);
    tag_framebuffer(UINT64_MAX - 100, 4096, 1024, 768, 32, 1);
    block_end();
    parse();
    assert_int_equal(bootinfo_reservations(&info, all, 8), 2);
    assert_true(all[1].end == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_block),
        cmocka_unit_test(test_smallest_block),
        cmocka_unit_test(test_reserved_word_is_ignored),
        cmocka_unit_test(test_entry_sizes),
        cmocka_unit_test(test_basic_memory_does_not_truncate),
        cmocka_unit_test(test_map_from_efi),
        cmocka_unit_test(test_more_than_there_is_room_for),
        cmocka_unit_test(test_more_notes_than_room),
        cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_texts_cannot_move_the_cursor),
        cmocka_unit_test(test_malformed_blocks),
        cmocka_unit_test(test_published_blocks),
        cmocka_unit_test(test_malformed_is_left_out),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_every_tag_cut_short),
        cmocka_unit_test(test_both_rsdp_tags),
        cmocka_unit_test(test_one_efi_descriptor),
        cmocka_unit_test(test_where_it_lies),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_every_flip),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_random_good_blocks),
        cmocka_unit_test(test_multiboot1),
        cmocka_unit_test(test_multiboot1_map_only),
        cmocka_unit_test(test_multiboot1_sizes_of_regions),
        cmocka_unit_test(test_multiboot1_attributes),
        cmocka_unit_test(test_multiboot1_malformed),
        cmocka_unit_test(test_multiboot1_noise),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_reservations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

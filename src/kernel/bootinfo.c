/* SPDX-License-Identifier: MIT */
/*
 * bootinfo.c - read what the boot loader left, and believe little of it
 *
 * Theory of operation
 * -------------------
 * Multiboot2 leaves one block: an 8-byte head with the size of it all, then
 * tags, each at a multiple of 8, each with its type and its own size.
 *
 *     +0           +8          +8+16=24
 *     | total | 0 | type | size | content ... |pad| type | size | ... | 0 | 8 |
 *     '-- head ---'-------- a tag -----------'    '--- the next ---'  ' end  '
 *
 * The reader never holds a bare pointer into it. It holds `struct bytes`, a
 * pointer with a size, and asks for the number at an offset; an offset
 * outside gives 0. A tag's content is a smaller `struct bytes` cut from the
 * block. So B1 is kept by four small functions, and the rest of this file
 * may be wrong without reading elsewhere. B2: the walk over tags goes forward
 * by at least 8 each time, the walk over regions by the tag's entry size,
 * which is 20 at least.
 *
 * Multiboot1 leaves a structure with flags, which say what of it is filled
 * in, and physical pointers to the rest; the caller's view says what of
 * physical memory can be read.
 *
 * When the map of the loader is missing or unusable, the EFI map serves, and
 * after that the two numbers of the "basic" tag; a note says so.
 */

#include "bootinfo.h"
#include "text.h"

/* ---- bytes with a size: the only way in which foreign memory is read ---- */

struct bytes {
    const uint8_t *at;
    size_t size;
};

/* SIZE bytes of BYTES from OFFSET; what is outside is cut off. */
static struct bytes bytes_cut(struct bytes bytes, size_t offset, size_t size)
{
    if (offset > bytes.size)
        return (struct bytes){ bytes.at, 0 };
    if (size > bytes.size - offset)
        size = bytes.size - offset;
    return (struct bytes){ bytes.at + offset, size };
}

static uint8_t bytes_u8(struct bytes bytes, size_t offset)
{
    return offset < bytes.size ? bytes.at[offset] : 0;
}

/* Little-endian, from any alignment; 0 if any byte of it lies outside. */
static uint32_t bytes_u32(struct bytes bytes, size_t offset)
{
    if (bytes.size < 4 || offset > bytes.size - 4)
        return 0;
    return (uint32_t)bytes.at[offset] | (uint32_t)bytes.at[offset + 1] << 8
           | (uint32_t)bytes.at[offset + 2] << 16
           | (uint32_t)bytes.at[offset + 3] << 24;
}

static uint64_t bytes_u64(struct bytes bytes, size_t offset)
{
    if (bytes.size < 8 || offset > bytes.size - 8)
        return 0;
    return bytes_u32(bytes, offset)
           | (uint64_t)bytes_u32(bytes, offset + 4) << 32;
}

/* ---- notes -------------------------------------------------------------- */

/* A new, empty note in INFO; if there is no room one that keeps nothing. */
static struct text note(struct boot_info *info)
{
    if (info->note_count == BOOT_NOTES_MAX) {
        info->notes_dropped++;
        return text_in(NULL, 0);
    }
    return text_in(info->notes[info->note_count++], BOOT_NOTE_SIZE);
}

static void note_plain(struct boot_info *info, const char *sentence)
{
    struct text text = note(info);

    text_add(&text, sentence);
}

/* A note made of words and two numbers: BEFORE n BETWEEN m AFTER. */
static void note_numbers(struct boot_info *info, const char *before,
                         uint32_t n, const char *between, uint32_t m,
                         const char *after)
{
    struct text text = note(info);

    text_add(&text, before);
    text_add_decimal(&text, n);
    text_add(&text, between);
    text_add_decimal(&text, m);
    text_add(&text, after);
}

/* ---- what both versions share ------------------------------------------- */

static void info_clear(struct boot_info *info, uint8_t version)
{
    unsigned char *byte = (unsigned char *)info;

    for (size_t i = 0; i < sizeof *info; i++)   /* no copy on a small stack */
        byte[i] = 0;
    info->version = version;
}

/* Copies the string in BYTES to OUT. WHAT names it in a note if it is cut,
 * or has no end. */
static void copy_string(struct boot_info *info, const char *what,
                        struct bytes bytes, char *out, size_t size)
{
    struct text copy = text_in(out, size);
    size_t i = 0;

    while (i < bytes.size && bytes.at[i] != '\0')
        text_add_foreign(&copy, (char)bytes.at[i++]);
    if (i == bytes.size) {
        struct text text = note(info);

        text_add(&text, what);
        text_add(&text, ": the text has no end, taken as far as it goes");
    } else if (i >= size) {
        struct text text = note(info);

        text_add(&text, what);
        text_add(&text, ": ");
        text_add_decimal(&text, (uint32_t)i);
        text_add(&text, " characters, cut to ");
        text_add_decimal(&text, (uint32_t)(size - 1));
    }
}

static void add_entry(struct boot_info *info, struct firmware_entry entry)
{
    if (info->entry_count == BOOT_ENTRIES_MAX)
        info->entries_dropped++;
    else
        info->entries[info->entry_count++] = entry;
}

/* A module slot for [START, END), or NULL, with a note, if it cannot be. */
static struct boot_module *add_module(struct boot_info *info, uint32_t start,
                                      uint32_t end)
{
    struct boot_module *module;

    if (end < start) {
        struct text text = note(info);

        text_add(&text, "a module ends at ");
        text_add_hex(&text, end);
        text_add(&text, ", before its start at ");
        text_add_hex(&text, start);
        text_add(&text, ": ignored");
        return NULL;
    }
    if (info->module_count == BOOT_MODULES_MAX) {
        info->modules_dropped++;
        return NULL;
    }
    module = &info->modules[info->module_count++];
    module->start = start;
    module->end = end;
    return module;
}

/* Remembers that [START, START + SIZE) holds boot information. */
static void add_information(struct boot_info *info, uint64_t start,
                            uint64_t size)
{
    if (size == 0 || info->information_count == BOOT_INFORMATION_MAX)
        return;
    if (size > UINT64_MAX - start)
        size = UINT64_MAX - start;
    info->information[info->information_count++] =
        (struct boot_range){ start, start + size };
}

/* The framebuffer in BYTES, which both versions describe in the same way. */
static void read_framebuffer(struct boot_info *info, struct bytes bytes)
{
    struct boot_framebuffer *screen = &info->framebuffer;

    screen->address        = bytes_u64(bytes, 0);
    screen->pitch          = bytes_u32(bytes, 8);
    screen->width          = bytes_u32(bytes, 12);
    screen->height         = bytes_u32(bytes, 16);
    screen->bits_per_pixel = bytes_u8(bytes, 20);
    screen->type           = bytes_u8(bytes, 21);
    screen->present        = true;
}

static void read_framebuffer_colours(struct boot_framebuffer *screen,
                                     struct bytes bytes)
{
    if (screen->type != BOOT_FRAMEBUFFER_RGB)
        return;
    screen->red_at     = bytes_u8(bytes, 0);
    screen->red_bits   = bytes_u8(bytes, 1);
    screen->green_at   = bytes_u8(bytes, 2);
    screen->green_bits = bytes_u8(bytes, 3);
    screen->blue_at    = bytes_u8(bytes, 4);
    screen->blue_bits  = bytes_u8(bytes, 5);
}

/* Takes the framebuffer back if no picture can be drawn in it. */
static void check_framebuffer(struct boot_info *info)
{
    struct boot_framebuffer *screen = &info->framebuffer;
    uint64_t bits = screen->type == BOOT_FRAMEBUFFER_TEXT
                        ? 16 : screen->bits_per_pixel;

    if (!screen->present)
        return;
    if (screen->address != 0 && screen->width != 0 && screen->height != 0
        && bits != 0 && (uint64_t)screen->width * bits
                            <= (uint64_t)screen->pitch * 8)
        return;
    note_numbers(info, "the framebuffer of ", screen->width, " x ",
                 screen->height, " does not fit its own lines: ignored");
    *screen = (struct boot_framebuffer){ 0 };
}

/* No map: two regions from the two numbers that the loader gave, if any. */
static void map_from_basic(struct boot_info *info)
{
    if (!info->has_basic_memory)
        return;
    note_numbers(info, "no memory map: made one from mem_lower ",
                 info->mem_lower_kib, " KiB and mem_upper ",
                 info->mem_upper_kib, " KiB");
    info->map_source = BOOT_MAP_BASIC;
    add_entry(info, (struct firmware_entry){
        .base = 0, .length = (uint64_t)info->mem_lower_kib * 1024,
        .type = FIRMWARE_AVAILABLE,
    });
    add_entry(info, (struct firmware_entry){
        .base = 0x100000, .length = (uint64_t)info->mem_upper_kib * 1024,
        .type = FIRMWARE_AVAILABLE,
    });
}

static enum boot_info_status info_finish(struct boot_info *info)
{
    check_framebuffer(info);
    if (info->entries_dropped > 0)
        note_numbers(info, "the memory map has ", info->entries_dropped,
                     " regions more than the ", BOOT_ENTRIES_MAX,
                     " kept: those are ignored");
    if (info->modules_dropped > 0)
        note_numbers(info, "", info->modules_dropped,
                     " modules more than the ", BOOT_MODULES_MAX,
                     " kept: those are ignored");
    if (info->map_source == BOOT_MAP_NONE) {
        note_plain(info, "nothing here tells how much memory there is");
        return BOOT_INFO_NO_MEMORY;
    }
    return BOOT_INFO_OK;
}

/* ---- Multiboot2 --------------------------------------------------------- */

enum tag_type {
    TAG_END              = 0,
    TAG_COMMAND_LINE     = 1,
    TAG_LOADER_NAME      = 2,
    TAG_MODULE           = 3,
    TAG_BASIC_MEMORY     = 4,
    TAG_MEMORY_MAP       = 6,
    TAG_FRAMEBUFFER      = 8,
    TAG_ELF_SECTIONS     = 9,
    TAG_EFI_32           = 11,
    TAG_EFI_64           = 12,
    TAG_ACPI_OLD         = 14,
    TAG_ACPI_NEW         = 15,
    TAG_EFI_MAP          = 17,
    TAG_EFI_SERVICES_ON  = 18,
    TAG_LAST_KNOWN       = 21,
};

enum {
    BLOCK_HEAD_SIZE = 8,        /* of the block, and of each tag */
    TAG_HEAD_SIZE   = 8,
    TAG_ALIGNMENT   = 8,
    ENTRY_SIZE_MIN  = 20,       /* base 8, length 8, type 4 */
    EFI_DESCRIPTOR_SIZE_MIN = 40,
};

/* True, with a note, if TAG was read before: the first one counts. */
static bool is_doubled(struct boot_info *info, uint32_t tag, bool seen)
{
    if (seen) {
        struct text text = note(info);

        text_add(&text, "tag ");
        text_add_decimal(&text, tag);
        text_add(&text, " comes twice: the first one counts");
    }
    return seen;
}

/* False, with a note, if CONTENT has fewer bytes than TAG needs. */
static bool is_long_enough(struct boot_info *info, uint32_t tag,
                           struct bytes content, size_t needed)
{
    if (content.size >= needed)
        return true;
    note_numbers(info, "tag ", tag, " has only ",
                 (uint32_t)(content.size + TAG_HEAD_SIZE),
                 " bytes: ignored");
    return false;
}

/* The memory map: entry_size, entry_version, then regions, which lie
 * entry_size apart, however large the part of them is that we know. */
static void read_memory_map(struct boot_info *info, struct bytes content)
{
    uint32_t entry_size = bytes_u32(content, 0);
    struct bytes list;

    if (is_doubled(info, TAG_MEMORY_MAP, info->map_source != BOOT_MAP_NONE)
        || !is_long_enough(info, TAG_MEMORY_MAP, content, 8))
        return;
    list = bytes_cut(content, 8, content.size - 8);
    if (entry_size < ENTRY_SIZE_MIN) {
        note_numbers(info, "the memory map says entry size ", entry_size,
                     ", regions need ", ENTRY_SIZE_MIN, ": map ignored");
        return;
    }
    if (list.size < entry_size) {
        note_numbers(info, "the memory map has ", (uint32_t)list.size,
                     " bytes, a region ", entry_size, ": map ignored");
        return;
    }
    if (list.size % entry_size != 0)
        note_numbers(info, "the memory map ends with ",
                     (uint32_t)(list.size % entry_size),
                     " bytes of a region of ", entry_size, ": ignored");

    info->map_source = BOOT_MAP_LOADER;
    while (list.size >= entry_size) {
        add_entry(info, (struct firmware_entry){
            .base   = bytes_u64(list, 0),
            .length = bytes_u64(list, 8),
            .type   = bytes_u32(list, 16),
        });
        list = bytes_cut(list, entry_size, list.size - entry_size);
    }
}

/* What an EFI memory type is to us, now that we do not use EFI's services.
 * Their own memory (3, 4) would be free, if firmware kept its word. */
static uint32_t type_from_efi(uint32_t efi_type)
{
    switch (efi_type) {
    case 7:  return FIRMWARE_AVAILABLE;         /* conventional */
    case 8:  return FIRMWARE_BAD;
    case 9:  return FIRMWARE_ACPI_RECLAIMABLE;
    case 10: return FIRMWARE_ACPI_NVS;
    case 14: return FIRMWARE_PERSISTENT;
    default: return FIRMWARE_RESERVED;
    }
}

/* No map from the loader: one from the EFI map in CONTENT, if it is good. */
static void map_from_efi(struct boot_info *info, struct bytes content)
{
    uint32_t step = bytes_u32(content, 0);
    struct bytes list = bytes_cut(content, 8, content.size);

    if (step < EFI_DESCRIPTOR_SIZE_MIN || list.size < step) {
        note_numbers(info, "the EFI map has ", (uint32_t)list.size,
                     " bytes, a descriptor ", step, ": map ignored");
        return;
    }
    note_plain(info, "no memory map: made one from the EFI map");
    info->map_source = BOOT_MAP_EFI;
    while (list.size >= step) {
        uint64_t pages = bytes_u64(list, 24);

        add_entry(info, (struct firmware_entry){
            .base   = bytes_u64(list, 8),
            .length = pages > UINT64_MAX / 4096 ? UINT64_MAX : pages * 4096,
            .type   = type_from_efi(bytes_u32(list, 0)),
        });
        list = bytes_cut(list, step, list.size - step);
    }
}

static void read_elf_sections(struct boot_info *info, struct bytes content)
{
    struct boot_elf_sections *elf = &info->elf;
    uint32_t count = bytes_u32(content, 0);
    uint32_t entry_size = bytes_u32(content, 4);

    if (is_doubled(info, TAG_ELF_SECTIONS, elf->present)
        || !is_long_enough(info, TAG_ELF_SECTIONS, content, 12))
        return;
    if (entry_size == 0
        || (uint64_t)count * entry_size > content.size - 12) {
        note_numbers(info, "the ELF tag says ", count, " sections of ",
                     entry_size, " bytes, more than it has: ignored");
        return;
    }
    *elf = (struct boot_elf_sections){
        .present = true, .count = count, .entry_size = entry_size,
        .names_index = bytes_u32(content, 8), .headers = content.at + 12,
    };
}

static void read_module(struct boot_info *info, struct bytes content)
{
    struct boot_module *module;

    if (!is_long_enough(info, TAG_MODULE, content, 8))
        return;
    module = add_module(info, bytes_u32(content, 0), bytes_u32(content, 4));
    if (module != NULL)
        copy_string(info, "a module's name",
                    bytes_cut(content, 8, content.size),
                    module->name, sizeof module->name);
}

static void read_basic_memory(struct boot_info *info, struct bytes content)
{
    if (is_doubled(info, TAG_BASIC_MEMORY, info->has_basic_memory)
        || !is_long_enough(info, TAG_BASIC_MEMORY, content, 8))
        return;
    info->has_basic_memory = true;
    info->mem_lower_kib = bytes_u32(content, 0);
    info->mem_upper_kib = bytes_u32(content, 4);
}

static void read_framebuffer_tag(struct boot_info *info, struct bytes content)
{
    if (is_doubled(info, TAG_FRAMEBUFFER, info->framebuffer.present)
        || !is_long_enough(info, TAG_FRAMEBUFFER, content, 22))
        return;
    read_framebuffer(info, content);
    if (info->framebuffer.type == BOOT_FRAMEBUFFER_RGB
        && !is_long_enough(info, TAG_FRAMEBUFFER, content, 30)) {
        info->framebuffer = (struct boot_framebuffer){ 0 };
        return;
    }
    read_framebuffer_colours(&info->framebuffer,
                             bytes_cut(content, 24, 6));
}

/* What the walk over the tags has to remember besides INFO. */
struct tag_walk {
    struct boot_info *info;
    struct bytes efi_map;       /* for when there is no other */
    bool has_command_line, has_loader_name;
};

static void read_tag(struct tag_walk *walk, uint32_t tag,
                     struct bytes content)
{
    struct boot_info *info = walk->info;

    switch (tag) {
    case TAG_COMMAND_LINE:
        if (is_doubled(info, tag, walk->has_command_line))
            break;
        walk->has_command_line = true;
        copy_string(info, "the command line", content,
                    info->command_line, sizeof info->command_line);
        break;
    case TAG_LOADER_NAME:
        if (is_doubled(info, tag, walk->has_loader_name))
            break;
        walk->has_loader_name = true;
        copy_string(info, "the loader's name", content,
                    info->loader_name, sizeof info->loader_name);
        break;
    case TAG_MODULE:
        read_module(info, content);
        break;
    case TAG_BASIC_MEMORY:
        read_basic_memory(info, content);
        break;
    case TAG_MEMORY_MAP:
        read_memory_map(info, content);
        break;
    case TAG_FRAMEBUFFER:
        read_framebuffer_tag(info, content);
        break;
    case TAG_ELF_SECTIONS:
        read_elf_sections(info, content);
        break;
    case TAG_EFI_32:
        if (is_long_enough(info, tag, content, 4))
            info->efi_system_table_32 = bytes_u32(content, 0);
        break;
    case TAG_EFI_64:
        if (is_long_enough(info, tag, content, 8))
            info->efi_system_table_64 = bytes_u64(content, 0);
        break;
    case TAG_ACPI_OLD:
        if (info->acpi_rsdp_version == 0)
            info->acpi_rsdp_version = 1;
        break;
    case TAG_ACPI_NEW:
        info->acpi_rsdp_version = 2;
        break;
    case TAG_EFI_MAP:
        if (is_doubled(info, tag, info->has_efi_map)
            || !is_long_enough(info, tag, content, 8))
            break;
        info->has_efi_map = true;
        walk->efi_map = content;
        break;
    case TAG_EFI_SERVICES_ON:
        info->efi_boot_services_on = true;
        break;
    default:
        if (tag > TAG_LAST_KNOWN)
            info->unknown_tags++;
        break;
    }
}

/* Walks the tags of BLOCK. Every way out but the first leaves a note. */
static void read_tags(struct tag_walk *walk, struct bytes block)
{
    struct boot_info *info = walk->info;
    size_t at = BLOCK_HEAD_SIZE;

    while (at < block.size && block.size - at >= TAG_HEAD_SIZE) {
        uint32_t tag = bytes_u32(block, at);
        uint32_t size = bytes_u32(block, at + 4);
        size_t left = block.size - at;

        if (tag == TAG_END)
            return;
        if (size < TAG_HEAD_SIZE) {
            note_numbers(info, "tag ", tag, " says size ", size,
                         ", tags have 8 at least: the rest is ignored");
            return;
        }
        if (size > left) {
            note_numbers(info, "tag ", tag, " says size ", size,
                         ", more than there is: the rest is ignored");
            return;
        }
        read_tag(walk, tag, bytes_cut(block, at + TAG_HEAD_SIZE,
                                      size - TAG_HEAD_SIZE));

        /* 13 bytes -> 16: up to 7 more than SIZE, which may be past the end,
         * and on a machine with 32 bits past the end of size_t. */
        if (left - size < TAG_ALIGNMENT)
            break;
        at += size;
        at += (TAG_ALIGNMENT - at % TAG_ALIGNMENT) % TAG_ALIGNMENT;
    }
    note_plain(info, "the boot information ends without an end tag");
}

uint32_t bootinfo_multiboot2_size(const void *block)
{
    struct bytes head = { block, BLOCK_HEAD_SIZE };
    uint32_t size = bytes_u32(head, 0);

    return size < BLOCK_HEAD_SIZE ? 0 : size;
}

enum boot_info_status bootinfo_parse_multiboot2(const void *block,
                                                size_t size_limit,
                                                uint64_t physical,
                                                struct boot_info *out)
{
    struct tag_walk walk = { .info = out };
    uint32_t claimed;
    size_t size;

    info_clear(out, 2);
    if (block == NULL || size_limit < BLOCK_HEAD_SIZE) {
        note_plain(out, "the boot information cannot be read");
        return BOOT_INFO_UNREADABLE;
    }
    claimed = bootinfo_multiboot2_size(block);
    if (claimed == 0) {
        note_numbers(out, "the boot information says size ",
                     bytes_u32((struct bytes){ block, 4 }, 0),
                     ", its head alone has ", BLOCK_HEAD_SIZE, "");
        return BOOT_INFO_UNREADABLE;
    }
    size = claimed;
    if (claimed > size_limit) {
        size = size_limit;
        note_numbers(out, "the boot information says size ", claimed,
                     ", but only ", (uint32_t)size, " bytes can be read");
    }
    if (physical % TAG_ALIGNMENT != 0)
        note_plain(out, "the boot information is not aligned to 8 bytes");
    add_information(out, physical, size);

    read_tags(&walk, (struct bytes){ block, size });
    if (out->map_source == BOOT_MAP_NONE && out->has_efi_map)
        map_from_efi(out, walk.efi_map);
    if (out->map_source == BOOT_MAP_NONE)
        map_from_basic(out);
    return info_finish(out);
}

/* ---- Multiboot1 --------------------------------------------------------- */

/* Which parts of the structure are filled in. */
enum multiboot1_flag {
    FLAG_MEMORY       = 1u << 0,
    FLAG_COMMAND_LINE = 1u << 2,
    FLAG_MODULES      = 1u << 3,
    FLAG_ELF          = 1u << 5,
    FLAG_MAP          = 1u << 6,
    FLAG_LOADER_NAME  = 1u << 9,
    FLAG_FRAMEBUFFER  = 1u << 12,
};

/* Where they lie in it. */
enum multiboot1_offset {
    AT_FLAGS        = 0,
    AT_MEM_LOWER    = 4,
    AT_MEM_UPPER    = 8,
    AT_COMMAND_LINE = 16,
    AT_MODULE_COUNT = 20,
    AT_MODULES      = 24,
    AT_ELF          = 28,   /* count, entry size, address, names index */
    AT_MAP_LENGTH   = 44,
    AT_MAP          = 48,   /* the oldest loaders' structure ends at 52 */
    AT_LOADER_NAME  = 64,
    AT_FRAMEBUFFER  = 88,
    AT_COLOURS      = 110,
    INFO_SIZE       = 116,
};

enum { MODULE1_SIZE = 16, ENTRY1_SIZE_MAX = 28 };

/* Copies SIZE bytes at PHYSICAL to BUFFER; false if they cannot be read. */
static bool view_copy(struct boot_view view, uint64_t physical,
                      uint8_t *buffer, size_t size)
{
    const uint8_t *from = view.at(view.context, physical, size);

    if (from == NULL)
        return false;
    for (size_t i = 0; i < size; i++)
        buffer[i] = from[i];
    return true;
}

/* Copies the string at PHYSICAL, byte by byte: nobody knows its length. */
static void view_string(struct boot_info *info, struct boot_view view,
                        const char *what, uint64_t physical,
                        char *out, size_t size)
{
    struct text copy = text_in(out, size);
    bool readable = true;
    uint8_t byte = 1;

    for (size_t i = 0; i < size && readable && byte != '\0'; i++) {
        readable = view_copy(view, physical + i, &byte, 1);
        if (readable && byte != '\0')
            text_add_foreign(&copy, (char)byte);
    }
    if (!readable || byte != '\0') {
        struct text text = note(info);

        text_add(&text, what);
        text_add(&text, readable ? ": too long, cut to "
                                 : ": cannot be read to its end, taken ");
        text_add_decimal(&text, (uint32_t)copy.length);
        text_add(&text, " characters");
    }
}

/* ACPI 3 attributes behind the type can disable a region. A loader that does
 * not fill them in leaves all of them 0: then nothing is disabled. */
static void settle_attributes(struct boot_info *info)
{
    bool any_enabled = false, any_disabled = false;

    for (uint32_t i = 0; i < info->entry_count; i++) {
        any_enabled  |= !info->entries[i].disabled;
        any_disabled |= info->entries[i].disabled;
    }
    if (!any_disabled || any_enabled)
        return;
    for (uint32_t i = 0; i < info->entry_count; i++)
        info->entries[i].disabled = false;
    note_plain(info, "every region is marked disabled: marks not believed");
}

/* The list of LENGTH bytes at PHYSICAL. Each region begins with its size,
 * which does not count itself. */
static void read_map1(struct boot_info *info, struct boot_view view,
                      uint64_t physical, uint32_t length)
{
    uint32_t at = 0;

    while (length - at >= 4 + ENTRY_SIZE_MIN) {
        uint8_t buffer[ENTRY1_SIZE_MAX];
        struct bytes entry = { buffer, 4 + ENTRY_SIZE_MIN };
        uint32_t size;

        if (!view_copy(view, physical + at, buffer, entry.size)) {
            note_plain(info, "the memory map cannot be read to its end");
            break;
        }
        size = bytes_u32(entry, 0);
        if (size < ENTRY_SIZE_MIN || size > length - at - 4) {
            note_numbers(info, "region ", info->entry_count,
                         " of the memory map says size ", size,
                         ": the rest is ignored");
            break;
        }
        if (size >= ENTRY_SIZE_MIN + 4
            && view_copy(view, physical + at, buffer, ENTRY1_SIZE_MAX))
            entry.size = ENTRY1_SIZE_MAX;
        info->map_source = BOOT_MAP_LOADER;
        add_entry(info, (struct firmware_entry){
            .base   = bytes_u64(entry, 4),
            .length = bytes_u64(entry, 12),
            .type   = bytes_u32(entry, 20),
            .disabled = entry.size == ENTRY1_SIZE_MAX
                        && (bytes_u32(entry, 24) & 1) == 0,
        });
        at += 4 + size;
    }
    add_information(info, physical, length);
    settle_attributes(info);
    if (info->map_source == BOOT_MAP_NONE)
        note_plain(info, "the memory map holds no region: ignored");
}

static void read_modules1(struct boot_info *info, struct boot_view view,
                          uint64_t physical, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t buffer[MODULE1_SIZE];
        struct bytes bytes = { buffer, sizeof buffer };
        struct boot_module *module;
        uint32_t name;

        if (info->module_count == BOOT_MODULES_MAX) {
            info->modules_dropped = count - i;
            break;
        }
        if (!view_copy(view, physical + (uint64_t)i * MODULE1_SIZE, buffer,
                       sizeof buffer)) {
            note_numbers(info, "module ", i, " of ", count,
                         " cannot be read: the rest is ignored");
            break;
        }
        module = add_module(info, bytes_u32(bytes, 0), bytes_u32(bytes, 4));
        name = bytes_u32(bytes, 8);
        if (module != NULL && name != 0)
            view_string(info, view, "a module's name", name,
                        module->name, sizeof module->name);
    }
    add_information(info, physical,
                    (uint64_t)(info->module_count) * MODULE1_SIZE);
}

static void read_elf1(struct boot_info *info, struct bytes bytes)
{
    uint32_t count = bytes_u32(bytes, 0);
    uint32_t entry_size = bytes_u32(bytes, 4);
    uint64_t size = (uint64_t)count * entry_size;

    if (size == 0 || size > 1024 * 1024) {
        note_numbers(info, "the loader says ", count, " ELF sections of ",
                     entry_size, " bytes: ignored");
        return;
    }
    info->elf = (struct boot_elf_sections){
        .present = true, .count = count, .entry_size = entry_size,
        .physical = bytes_u32(bytes, 8), .names_index = bytes_u32(bytes, 12),
    };
    add_information(info, info->elf.physical, size);
}

enum boot_info_status bootinfo_parse_multiboot1(uint64_t physical,
                                                struct boot_view view,
                                                struct boot_info *out)
{
    static const uint8_t sizes[] = { INFO_SIZE, AT_FRAMEBUFFER, 52 };
    uint8_t buffer[INFO_SIZE];
    struct bytes info = { buffer, 0 };
    uint32_t flags;

    info_clear(out, 1);
    for (size_t i = 0; i < sizeof sizes && info.size == 0; i++)
        if (view_copy(view, physical, buffer, sizes[i]))
            info.size = sizes[i];
    if (info.size == 0) {
        note_plain(out, "the boot information cannot be read");
        return BOOT_INFO_UNREADABLE;
    }
    add_information(out, physical, info.size);

    flags = bytes_u32(info, AT_FLAGS);
    if ((flags & FLAG_LOADER_NAME) && info.size > AT_LOADER_NAME)
        view_string(out, view, "the loader's name",
                    bytes_u32(info, AT_LOADER_NAME),
                    out->loader_name, sizeof out->loader_name);
    if (flags & FLAG_COMMAND_LINE)
        view_string(out, view, "the command line",
                    bytes_u32(info, AT_COMMAND_LINE),
                    out->command_line, sizeof out->command_line);
    if (flags & FLAG_MODULES)
        read_modules1(out, view, bytes_u32(info, AT_MODULES),
                      bytes_u32(info, AT_MODULE_COUNT));
    if (flags & FLAG_ELF)
        read_elf1(out, bytes_cut(info, AT_ELF, 16));
    if ((flags & FLAG_FRAMEBUFFER) && info.size == INFO_SIZE) {
        read_framebuffer(out, bytes_cut(info, AT_FRAMEBUFFER, 22));
        read_framebuffer_colours(&out->framebuffer,
                                 bytes_cut(info, AT_COLOURS, 6));
    }
    if (flags & FLAG_MEMORY) {
        out->has_basic_memory = true;
        out->mem_lower_kib = bytes_u32(info, AT_MEM_LOWER);
        out->mem_upper_kib = bytes_u32(info, AT_MEM_UPPER);
    }
    if (flags & FLAG_MAP)
        read_map1(out, view, bytes_u32(info, AT_MAP),
                  bytes_u32(info, AT_MAP_LENGTH));
    if (out->map_source == BOOT_MAP_NONE)
        map_from_basic(out);
    return info_finish(out);
}

/* ---- using it ----------------------------------------------------------- */

bool bootinfo_option(const char *command_line, const char *key,
                     char *out, size_t size)
{
    const char *at = command_line;
    bool found = false;
    struct text value = text_in(out, size);

    while (*at != '\0') {
        size_t i = 0;

        while (key[i] != '\0' && at[i] == key[i])
            i++;
        if (key[i] == '\0'
            && (at[i] == '=' || at[i] == ' ' || at[i] == '\0')) {
            found = true;
            value = text_in(out, size);
            if (at[i] == '=')
                i++;
            while (at[i] != '\0' && at[i] != ' ')
                text_add_char(&value, at[i++]);
        }
        while (*at != '\0' && *at != ' ')
            at++;
        while (*at == ' ')
            at++;
    }
    return found;
}

size_t bootinfo_reservations(const struct boot_info *info,
                             struct memmap_reservation *out, size_t capacity)
{
    const struct boot_framebuffer *screen = &info->framebuffer;
    size_t count = 0;

    for (uint32_t i = 0; i < info->information_count; i++, count++)
        if (count < capacity)
            out[count] = (struct memmap_reservation){
                .start = info->information[i].start,
                .end = info->information[i].end,
                .reason = MEMMAP_BOOT_INFORMATION,
            };
    for (uint32_t i = 0; i < info->module_count; i++, count++)
        if (count < capacity)
            out[count] = (struct memmap_reservation){
                .start = info->modules[i].start,
                .end = info->modules[i].end,
                .reason = MEMMAP_MODULE,
                .name = info->modules[i].name,
            };
    if (screen->present) {
        uint64_t size = (uint64_t)screen->pitch * screen->height;

        if (size > UINT64_MAX - screen->address)
            size = UINT64_MAX - screen->address;
        if (count < capacity)
            out[count] = (struct memmap_reservation){
                .start = screen->address, .end = screen->address + size,
                .reason = MEMMAP_FRAMEBUFFER,
            };
        count++;
    }
    return count;
}

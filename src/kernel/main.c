/* SPDX-License-Identifier: MIT */
/*
 * main.c - boot, as a table of contents
 *
 * boot/ARCH/entry.asm has brought the CPU to kernel_main() with paging on, the
 * kernel at its own addresses, and a voice for the worst case. What follows
 * is read from top to bottom: each step may use what the steps above it made.
 */
#include "boot.h"

#include "arch/x86/cpu.h"
#include "arch/x86/interrupts.h"
#include "arch/x86/serial.h"
#include "arch/x86/stacks.h"
#include "console.h"
#include "files.h"
#include "memory.h"
#include "paging.h"
#include "panic.h"
#include "print.h"
#include "shell/home.h"
#include "shell/shell.h"
#include "symbols.h"

#ifndef HEAPGLASS_VERSION
#define HEAPGLASS_VERSION "(no version)"
#endif

/* More boot information than this is not information. */
enum { INFORMATION_SIZE_MAX = 1 << 20 };

static struct boot_info info;
static struct boot boot;

_Noreturn void kernel_main(uint32_t magic, uint32_t information);
static void boot_read(uint32_t magic, paddr_t information);
static void boot_reserve(void);
static void boot_find_map(void);
static void boot_announce(const char *screen);
static void boot_say_ticks(uint64_t start);
static void boot_obey(void);

_Noreturn void kernel_main(uint32_t magic, uint32_t information)
{
    uint64_t start = cpu_ticks();

    console_start();                    /* the serial line: we can speak */
    interrupts_start();                 /* faults get a screen from here on */
    paging_start();                     /* the identity map goes */
    stacks_start();                     /* guard pages under the stacks */

    boot_read(magic, information);      /* what the boot loader told us */
    boot_reserve();                     /* what is taken already */
    boot_find_map();                    /* map=NAME: another firmware's map */

    boot_announce(console_open_screen(&info.framebuffer));
    console_listen();                   /* keyboards; interrupts on */
    files_init(&boot);                  /* the lessons, if they came along */
    machine_init(&boot);                /* map, frames, ranges, heap */
    boot_obey();                        /* crash=KIND: for tests */
    boot_say_ticks(start);              /* if somebody asks */

    shell_run(boot.command_line);       /* and the rest is up to you */
    home_poweroff(0);
}

/* ---- the boot information ----------------------------------------------- */

/* For the Multiboot1 parser, which follows physical pointers. */
static const void *view_at(void *context, uint64_t physical, size_t size)
{
    (void)context;
    return paging_view(physical, size, PAGE_READ);
}

/* Reads the Multiboot2 block: its head says how much of it there is. */
static enum boot_info_status read_multiboot2(paddr_t information)
{
    const void *head = paging_view(information, 8, PAGE_READ);

    if (head == NULL)
        return BOOT_INFO_UNREADABLE;

    uint32_t size = bootinfo_multiboot2_size(head);

    if (size == 0 || size > INFORMATION_SIZE_MAX)
        return BOOT_INFO_UNREADABLE;

    const void *block = paging_view(information, size, PAGE_READ);

    if (block == NULL)
        return BOOT_INFO_UNREADABLE;
    return bootinfo_parse_multiboot2(block, size, information, &info);
}

static void boot_read(uint32_t magic, paddr_t information)
{
    enum boot_info_status status;

    switch (magic) {
    case MULTIBOOT2_LOADER_MAGIC:
        status = read_multiboot2(information);
        break;
    case MULTIBOOT1_LOADER_MAGIC:
        status = bootinfo_parse_multiboot1(
            information, (struct boot_view){ .at = view_at }, &info);
        break;
    default:
        panic("The kernel was started by something that is no Multiboot "
              "loader:\nEAX should have been 0x%x or 0x%x and was 0x%x.\n"
              "Start it with GRUB's `multiboot2`.",
              MULTIBOOT2_LOADER_MAGIC, MULTIBOOT1_LOADER_MAGIC, magic);
    }
    if (status == BOOT_INFO_UNREADABLE)
        panic("The boot loader's information at 0x%llx cannot be read: its "
              "size makes no sense.", (wide)information);
    if (status == BOOT_INFO_NO_MEMORY)
        panic("The boot loader (%s) told us nothing about memory; a memory "
              "map was expected.", info.loader_name);

    boot.info = &info;
    boot.command_line = info.command_line;
}

const void *boot_module_bytes(const struct boot_module *module)
{
    return paging_view(module->start, module->end - module->start, PAGE_READ);
}

static void boot_reserve(void)
{
    struct memmap_reservation *image = &boot.reservations[0];

    image->reason = MEMMAP_KERNEL_IMAGE;
    paging_kernel_image(&image->start, &image->end);
    boot.reservation_count = 1;
    boot.reservation_count +=
        symbols_start(&info.elf, boot.reservations + boot.reservation_count);

    size_t room = BOOT_RESERVATIONS_MAX - boot.reservation_count;
    size_t count = bootinfo_reservations(
        &info, boot.reservations + boot.reservation_count, room);

    if (count > room)
        panic("The boot loader left %zu things in memory; the kernel keeps "
              "track of %zu.", count, room);
    boot.reservation_count += count;
}

/* Whether WORD, which ends at a blank, is the file name of the map that MAP
 * asks for: "surface" or "surface.map", whatever folder stands before it. */
static bool is_map_file(const char *word, const char *map)
{
    for (const char *c = word; *c != '\0' && *c != ' '; c++)
        if (*c == '/')
            word = c + 1;
    if (!text_starts_with(word, map))
        return false;
    word += text_length(map);
    if (text_starts_with(word, ".map"))
        word += 4;
    return *word == '\0' || *word == ' ';
}

/* Loaders differ in what they call a module: its file, what stood behind it,
 * or both. So any word of NAME will do. */
static bool is_map(const char *name, const char *map)
{
    while (*name != '\0') {
        if (is_map_file(name, map))
            return true;
        while (*name != '\0' && *name != ' ')
            name++;
        while (*name == ' ')
            name++;
    }
    return false;
}

static void boot_find_map(void)
{
    if (!bootinfo_option(boot.command_line, "map", boot.map_name,
                         sizeof boot.map_name) || boot.map_name[0] == '\0')
        return;

    for (uint32_t i = 0; i < info.module_count; i++) {
        const struct boot_module *module = &info.modules[i];

        if (!is_map(module->name, boot.map_name))
            continue;
        boot.map_text = boot_module_bytes(module);
        boot.map_size = (size_t)(module->end - module->start);
        return;
    }
}

/* ---- the first line ----------------------------------------------------- */

static uint64_t ram_bytes(void)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < info.entry_count; i++)
        if (info.entries[i].type == FIRMWARE_AVAILABLE)
            bytes += info.entries[i].length;
    return bytes;
}

/* Says who boots what, then everything that was odd about it. */
static void boot_announce(const char *screen)
{
    char cpu[CPU_NAME_SIZE];

    cpu_name(cpu);
    print("Heapglass %s, %s, loader %s, CPU %s, %llu MiB RAM\n",
          HEAPGLASS_VERSION, home_name(),
          info.loader_name[0] != '\0' ? info.loader_name : "unknown", cpu,
          (wide)(ram_bytes() >> 20));
    print("Screen: %s. Serial: %s%s.\n", screen,
          serial_is_present() ? "COM1" : "none",
          serial_second_is_present() ? ", COM2" : "");
    for (uint32_t i = 0; i < info.note_count; i++)
        print("Note: %s\n", info.notes[i]);
    if (boot.map_name[0] != '\0' && boot.map_text == NULL)
        print("Note: the command line asks for map=%s, but no module of that "
              "name was loaded; using this machine's own map.\n",
              boot.map_name);
}

/* The words of the command line that are the kernel's own. */
static void boot_obey(void)
{
    char kind[16];

    panic_powers_off(bootinfo_option(boot.command_line, "exit-on-fault", kind,
                                     sizeof kind));
    panic_plain(bootinfo_option(boot.command_line, "plain", kind,
                                sizeof kind));
    if (!bootinfo_option(boot.command_line, "crash", kind, sizeof kind))
        return;
    kernel_crash(kind);
    print("Note: crash=%s is not among %s.\n", kind, kernel_crash_kinds);
}

/* With the word `ticks` on the command line: what the boot cost. Under QEMU's
 * -icount these are instructions, the same number on every computer. */
static void boot_say_ticks(uint64_t start)
{
    char value[2];

    if (bootinfo_option(boot.command_line, "ticks", value, sizeof value))
        print("ticks to prompt: %llu\n", (wide)(cpu_ticks() - start));
}

/* SPDX-License-Identifier: MIT */
/*
 * defaults.c - what the kernel does where a part of it is left out
 *
 * All of these are weak: the real ones, elsewhere, take their place.
 */
#include "boot.h"
#include "memory.h"
#include "mm/mm.h"
#include "panic.h"
#include "print.h"
#include "shell/home.h"
#include "shell/shell.h"

#define WEAK __attribute__((weak))

WEAK void machine_init(const struct boot *boot)
{
    (void)boot;
}

WEAK _Noreturn void mm_home_panic(const char *file, int line,
                                  const char *sentence)
{
    panic("%s (%s:%d)", sentence, file, line);
}

WEAK struct machine *home_machine(void)
{
    return NULL;
}

WEAK const char *fault_explain(uintptr_t address, char *buffer, size_t size)
{
    (void)address;
    (void)buffer;
    (void)size;
    return NULL;
}

/* Without frames and ranges there is one megabyte for the lab, handed out
 * from its start; what was handed out last can be given back. */
_Alignas(PAGE_SIZE) static unsigned char lab_memory[1 << 20];
static size_t lab_memory_used;

static size_t whole_pages(size_t size)
{
    return (size + PAGE_SIZE - 1) & ~(size_t)(PAGE_SIZE - 1);
}

WEAK void *home_memory(size_t size)
{
    size_t left = sizeof lab_memory - lab_memory_used;

    if (size > left || whole_pages(size) > left)
        return NULL;

    void *memory = lab_memory + lab_memory_used;

    lab_memory_used += whole_pages(size);
    memory_set(memory, 0, whole_pages(size));
    return memory;
}

WEAK void home_memory_release(void *memory, size_t size)
{
    unsigned char *end = (unsigned char *)memory + whole_pages(size);

    if (end == lab_memory + lab_memory_used)
        lab_memory_used -= whole_pages(size);
}

/* A shell that echoes. */
WEAK int shell_run(const char *command_line)
{
    print("No shell is linked in; command line: %s\n", command_line);
    for (;;) {
        print("heap> ");
        for (int byte = 0; byte != '\r' && byte != '\n';) {
            char typed = (char)(byte = home_read());

            home_write(byte == '\r' ? "\n" : &typed, 1);
        }
    }
}

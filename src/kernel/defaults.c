/* SPDX-License-Identifier: MIT */
/*
 * defaults.c - what the kernel does where a part of it is left out
 *
 * All of these are weak: the real ones, elsewhere, take their place.
 */
#include "boot.h"
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

WEAK void *home_memory(size_t size)
{
    (void)size;
    return NULL;
}

WEAK void home_memory_release(void *memory, size_t size)
{
    (void)memory;
    (void)size;
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

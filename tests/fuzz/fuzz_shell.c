/* SPDX-License-Identifier: MIT */
/*
 * fuzz_shell.c - any bytes typed at a whole shell with its lab
 *
 * What is typed may damage the lab (poke, fill); the shell must go on. After
 * `poweroff` the rest of the input is dropped.
 *
 * sources: src/shell/[a-z]*.c src/lab/[a-z]*.c src/trace/[a-z]*.c
 * sources: src/mm/[a-z]*.c src/kernel/memmap.c
 */
#include "fuzz.h"

#include <setjmp.h>

static jmp_buf powered_off;

_Noreturn static void leave(int status)
{
    longjmp(powered_off, status + 1);
}

#define exit leave
#include "../unit/shell_home.h"
#undef exit

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    shell_home.memory_left = (size_t)32 << 20;
    shell_home.length = 0;
    shell_home.file_name = "prog.rep";
    shell_home.file = "100\n2\n4\n1\na 0 24\na 1 60\nf 0\nf 1\n";
    if (setjmp(powered_off) == 0) {
        shell_open();
        for (size_t i = 0; i < size; i++)
            session_feed(&session, data[i]);
        session_feed(&session, '\n');
    }
    shell_close();
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * shell.c - the loop: a prompt, a byte, a byte, a command (see shell.h)
 */

#include "shell.h"

#include "explain.h"
#include "home.h"
#include "session.h"

static struct session session;          /* too large for a kernel's stack */

int shell_run(const char *command_line)
{
    int byte;

    session_open(&session, command_line);
    do {
        session_prompt(&session);
        byte = home_read();
        if (byte >= 0)
            session_feed(&session, (unsigned char)byte);
    } while (byte >= 0 && !session.ended);
    return session_close(&session);
}

/* Says what lies at ADDRESS if it is in MACHINE's arena. */
static bool machine_explain(struct machine *machine, uintptr_t address,
                            char *buffer, size_t size)
{
    struct machine *before = session.machine;
    char text[PLACE_TEXT_SIZE];
    struct place place;
    uintptr_t at;

    if (machine == NULL || machine->heap == NULL)
        return false;
    at = address - (uintptr_t)machine->heap->base;
    if (at >= machine->arena_bytes)
        return false;
    session.machine = machine;
    place_find(&session, at, &place);
    place_describe(text, &place);
    session.machine = before;
    print_text(buffer, size, "+0x%llx of the %s: %s", (wide)at,
               machine->name, text);
    return true;
}

const char *fault_explain(uintptr_t address, char *buffer, size_t size)
{
    if (session.lab != NULL
            && machine_explain(lab_machine(session.lab), address, buffer,
                               size))
        return buffer;
    if (machine_explain(home_machine(), address, buffer, size))
        return buffer;
    return NULL;
}

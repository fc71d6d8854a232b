/* SPDX-License-Identifier: MIT */
/*
 * shell.c - the loop: a prompt, a byte, a byte, a command (see shell.h)
 */

#include "shell.h"

#include "explain.h"
#include "home.h"
#include "session.h"
#include "stream.h"

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

void shell_stream_asked(void)
{
    session_stream_snapshot(&session);
}

bool shell_explain(uintptr_t address, char *buffer, size_t size)
{
    struct machine *before = session.machine;
    char text[PLACE_TEXT_SIZE];
    struct machine *lab;
    struct place place;
    uintptr_t at;

    if (session.lab == NULL)
        return false;
    lab = lab_machine(session.lab);
    at = address - (uintptr_t)lab->heap->base;
    if (at >= lab->arena_bytes)
        return false;
    session.machine = lab;
    place_find(&session, at, &place);
    place_describe(text, &place);
    session.machine = before;
    print_text(buffer, size, "you touched +0x%llx of the lab: %s", (wide)at,
               text);
    return true;
}

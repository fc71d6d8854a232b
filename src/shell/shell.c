/* SPDX-License-Identifier: MIT */
/*
 * shell.c - the loop: a prompt, a byte, a byte, a command (see shell.h)
 */

#include "shell.h"

#include "home.h"
#include "session.h"

int shell_run(const char *command_line)
{
    static struct session session;      /* too large for a kernel's stack */
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

/* SPDX-License-Identifier: MIT */
/*
 * shell.h - the shell, as its home sees it
 *
 * A home calls shell_run() once, after everything that home.h promises works.
 */

#ifndef HEAPGLASS_SHELL_SHELL_H
#define HEAPGLASS_SHELL_SHELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads and runs commands until the input ends or somebody types `poweroff`,
 * which ends the machine from inside. COMMAND_LINE is the kernel's: words
 * separated by blanks, of which the shell understands
 *
 *   plain           start with `plain on`
 *   keymap=NAME     start with `keymap NAME`
 *
 * and leaves the others to their owners. Returns the status, 0 or 1, when the
 * input has ended (which a kernel's never does).
 */
int shell_run(const char *command_line);

/* Somebody asks for a snapshot on the stream. A home calls this while it waits
 * for input, never in the middle of something. */
void shell_stream_asked(void);

/*
 * For a fault screen: what lies at ADDRESS, if that is in the lab's arena,
 * such as "you touched +0x2b8 of the lab: 8 bytes into block c". Written to
 * BUFFER of SIZE bytes; false if ADDRESS is elsewhere. Believes nothing that
 * it reads.
 */
bool shell_explain(uintptr_t address, char *buffer, size_t size);

#endif

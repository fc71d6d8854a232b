/* SPDX-License-Identifier: MIT */
/*
 * home.h - what main.c tells home.c about this process
 *
 * The functions that the shell asks for are declared in shell/home.h; this is
 * the other side of the same file.
 */

#ifndef HEAPGLASS_HOST_HOME_H
#define HEAPGLASS_HOST_HOME_H

#include <stdbool.h>
#include <stddef.h>

/* Whether commands come from a person at a terminal. */
bool host_is_interactive(void);

/* How much physical memory `use kernel` imitates (machine.c); to be set before
 * the first command. */
extern size_t host_memory_bytes;

/* Makes the terminal give each key at once, until the process ends. */
void host_open_terminal(void);

/* The stream goes to the file NAME; false if it cannot be written. */
bool host_stream_to(const char *name);

#endif

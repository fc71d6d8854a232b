/* SPDX-License-Identifier: MIT */
/*
 * console.h - one conversation on several displays and keyboards
 *
 * Whatever is written appears on the serial line and on the screen at the
 * same time, and either keyboard can type: bytes from the serial line and
 * bytes that a terminal would send for the PC keyboard's keys stand in one
 * queue, in the order in which they came.
 */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

struct boot_framebuffer;

/* The serial line; what is written is also kept for the screen to come. */
void console_start(void);

/* Opens a screen: FRAMEBUFFER if the boot loader told of one that we can draw
 * on, else VGA text. Answers its name for the boot message. */
const char *console_open_screen(const struct boot_framebuffer *framebuffer);

/* Starts listening: interrupts on from here. */
void console_listen(void);

/* Writes to every display; '\n' begins a new line. */
void console_write(const char *text, size_t size);

/* The next byte that was typed; waits for it, asleep. */
int console_read(void);

/* Whether Ctrl-C was typed since the last console_interrupt_clear(). Takes it
 * out of the queue and leaves all other bytes there. Never waits. */
bool console_interrupted(void);
void console_interrupt_clear(void);

/* The size of the screen, or of a usual terminal if there is none. */
void console_size(int *columns, int *rows);

/* From a fault on: no waiting, no queue; draws on whatever there is. */
void console_emergency(void);

/* ---- for keyboards and serial lines, in interrupt handlers -------------- */

/* Whether SIZE more bytes fit the queue. */
bool console_has_room(size_t size);

/* Adds a byte that was typed; lost if there is no room. */
void console_typed(char byte);

/* Asks for the screen to be moved by LINES, negative for back; it happens
 * when the shell next waits or looks. */
void console_scroll_later(int lines);

#endif

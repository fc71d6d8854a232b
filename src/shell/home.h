/* SPDX-License-Identifier: MIT */
/*
 * home.h - what the shell asks of the place it runs in
 *
 * The shell is one source with three homes: the i686 kernel, the x86_64
 * kernel, and a process on another operating system. All that differs between
 * them stands behind these functions; each home supplies them outside
 * src/shell (src/kernel/shell_home.c, src/host/home.c). The shell keeps no
 * other door to the machine open, so the same input gives the same output
 * everywhere.
 */

#ifndef HEAPGLASS_SHELL_HOME_H
#define HEAPGLASS_SHELL_HOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- talking to a person ----------------------------------------------- */

/* Writes SIZE bytes at TEXT to every display. '\n' is a new line: a home
 * whose display wants "\r\n" says so itself. */
void home_write(const char *text, size_t size);

/* The next byte that somebody typed; waits for it, with the CPU halted. Keys
 * that are not characters come as the sequences that an ANSI terminal sends
 * (ESC [ A for Up). -1 when input has ended and there will be no more. */
int home_read(void);

/* Whether a Ctrl-C has arrived since home_interrupt_clear(). Polls, never
 * waits; other bytes that came meanwhile stay for home_read(). */
bool home_interrupted(void);
void home_interrupt_clear(void);

/* How many characters fit on the smallest display, in *COLUMNS and *ROWS. */
void home_screen_size(int *columns, int *rows);

/* ---- a picture above the conversation (watch.h) -------------------------- */

/* Writes to the terminal, and to no other display. */
void home_terminal_write(const char *text, size_t size);

/* A screen beside the terminal, in characters. */
struct home_picture {
    int columns, rows;
    int width, height;          /* of a character in pixels; 0 where there are
                                   no pixels */
};

/* Describes it; false if the terminal is the only display. */
bool home_picture(struct home_picture *picture);

/* Keeps the upper ROWS rows of the screen for a picture: conversation stays
 * below. 0 gives them back. */
void home_picture_reserve(int rows);

/* Draws in those rows: a character, its COLOURS as VGA has them; the same
 * with its left upper pixel at X, Y; and a rectangle of pixels filled with a
 * texture of 8 by 8 (bit 7 left, 1 the foreground), which lies the same in
 * all rectangles. */
void home_picture_put(int column, int row, char glyph, uint8_t colours);
void home_picture_glyph(int x, int y, char glyph, uint8_t colours);
void home_picture_tile(int x, int y, int width, int height,
                       const uint8_t texture[8], uint8_t colours);

/* Chooses the layout of the keyboard; false if there is no such NAME here. */
bool home_keymap(const char *name);

/* ---- the stream (stream.h) ------------------------------------------------ */

/* Whether there is somebody to be told: a second serial port, a file. */
bool home_stream_open(void);

/* Writes to it, nothing added or changed. */
void home_stream_write(const char *text, size_t size);

/* ---- the machine -------------------------------------------------------- */

/* "i686", "x86_64" or "host". */
const char *home_name(void);

/* The machine that this shell runs on (src/lab/machine.h), for `use kernel`.
 * In a process it is an imitation, which the first call makes; NULL if there
 * is no memory for that. */
struct machine;
struct machine *home_machine(void);

/* The text of the file NAME that came along (a boot module; in a process a
 * file beside the program), and its SIZE; NULL if there is none. "lessons.md"
 * are the files of docs/lessons, one behind the other. It stays for ever. */
const char *home_file(const char *name, size_t *size);

/* The name of recording number INDEX that came along, as "guile.rep"; NULL
 * behind the last. It stays until the next call. */
const char *home_file_name(unsigned index);

/* Memory for the lab: SIZE bytes, zeroed, starting at a page. NULL if there
 * is not enough. Give it back with the same SIZE. */
void *home_memory(size_t size);
void home_memory_release(void *memory, size_t size);

/* Provokes a real fault of this KIND ("null", "text", "stack", "divide"), to
 * show the fault screen. Returns, having said why, where it cannot. */
void home_crash(const char *kind);

/* The CPU's counter: cycles, or instructions under QEMU's -icount. 0 where
 * nobody counts: in a process. */
uint64_t home_ticks(void);

/* Stops in a debugger that watches this machine from outside and knows magic
 * breakpoints (Bochs), with EVENT's address in the CPU's register esi (rsi);
 * NULL only asks. False where no such debugger can be: in a process. */
struct mm_event;
bool home_break(const struct mm_event *event);

/* Ends the machine (the process). The shell has printed its status line. */
_Noreturn void home_poweroff(int status);
_Noreturn void home_reboot(void);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * screen.h - a terminal made of character cells
 *
 * The terminal keeps its lines in memory, many more than a display shows, and
 * brings a display up to date when asked. A display knows two things: how to
 * draw a cell, and how to show the cursor.
 */
#ifndef KERNEL_SCREEN_H
#define KERNEL_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What one cell shows, as VGA text memory has it: a character of code page
 * 437 in the lower byte, its colours above: background << 4 | foreground. */
typedef uint16_t cell_t;

enum {
    SCREEN_COLUMNS_MAX = 160,
    SCREEN_LINES = 512,     /* kept, those on the display included */
    SCREEN_ROWS_MAX = 128,
};

struct display {
    const char *name;
    int columns, rows;
    int width, height;          /* of a cell in pixels; 0: it has none */
    void (*draw)(int column, int row, cell_t cell);
    void (*cursor)(int column, int row);    /* row -1: no cursor */
    /* Where there are pixels: a cell with its left upper pixel at X, Y; and a
     * rectangle filled with a texture of 8 by 8 (bit 7 left; 1: foreground)
     * in COLOURS, the upper byte of a cell. */
    void (*draw_at)(int x, int y, cell_t cell);
    void (*tile)(int x, int y, int width, int height,
                 const uint8_t texture[8], uint8_t colours);
};

/* Shows everything written so far on DISPLAY, and from now on as well. */
void screen_attach(const struct display *display);
bool screen_is_attached(void);

/* Writes text with the control characters and sequences that the shell uses;
 * see screen.c. What others there are is swallowed. */
void screen_write(const char *text, size_t size);

/* Brings the display up to date. */
void screen_refresh(void);

/* Moves the view by LINES, negative for back. Writing moves it to the end. */
void screen_scroll(int lines);

void screen_size(int *columns, int *rows);

/* ---- a picture above the text -------------------------------------------- */

/* The display that is attached, or NULL. */
const struct display *screen_display(void);

/* Keeps the upper ROWS rows free of text; 0 gives them back. The picture is
 * drawn with the display's own functions. */
void screen_reserve(int rows);

#endif

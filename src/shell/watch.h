/* SPDX-License-Identifier: MIT */
/*
 * watch.h - the live map: the heap above, the conversation below
 *
 *     +-------------------------------------------------+
 *     | what is shown, and how large a cell is          |  title
 *     | +0x00000 |HHHHaabbb....                         |  the map
 *     | ...                                             |
 *     | TAKE +0x2e0: 48 bytes leave the free list ...   |  the last step
 *     | a-z # used  . free  ...                         |  legend
 *     +-------------------------------------------------+
 *     | heap> alloc 40                                  |  the shell, which
 *     | heap> _                                         |  scrolls here
 *     +-------------------------------------------------+
 *
 * There are up to two displays, and each has a map of its own size: the
 * terminal on the serial line, driven with the sequences of ECMA-48 that every
 * terminal knows, and the computer's own screen, which is made of characters
 * (VGA) or of pixels (a framebuffer). All of them show the same cells, which
 * come from cells.h.
 *
 *   W1  What a display shows is a function of the memory, of what the last
 *       command touched, and of the display's size.
 *   W2  Only cells that look different than before are sent.
 *   W3  Glyph and colour say the same thing; whoever sees one of them only
 *       misses nothing.
 */
#ifndef HEAPGLASS_SHELL_WATCH_H
#define HEAPGLASS_SHELL_WATCH_H

#include "session.h"

enum {
    WATCH_COLUMNS_MIN = 80,     /* of a display that a map fits on */
    WATCH_ROWS_MIN = 24,
    WATCH_COLUMNS_MAX = 160,
    WATCH_ROWS_MAX = 64,        /* of the map's part of a display */
    WATCH_CELLS_MAX = 96 * 1024,
    WATCH_TOUCHED_MAX = 2 * HEARD_MAX,
};

/* One character of a display's upper part: a glyph in its colours, as VGA has
 * them: background << 4 | foreground. */
struct watch_char {
    char glyph;
    uint8_t colours;
};

/* A cell of the map, as it is drawn: as a character or as pixels. */
struct watch_cell {
    char glyph;
    bool begins;                /* a block begins here */
    bool changed;               /* the last command touched it */
};

/* How the map is cut for one display. */
struct watch_grid {
    uint32_t columns, rows;     /* of cells */
    uint64_t cell;              /* bytes */
    uint64_t count;             /* cells that there are */
    uint64_t shown_end;         /* from this byte on nothing is in use */
};

/* Bytes that the last command touched: [start, end). */
struct watch_touched {
    uint64_t start, end;
};

struct watch;

/* The grid for the session's machine on COLUMNS by ROWS cells: the smallest
 * cells with which all that is in use fits. */
struct watch_grid watch_grid_fit(const struct session *session,
                                 uint32_t columns, uint32_t rows);

/* Reads the cells of GRID from memory, into CELLS[0 ... GRID->count). */
void watch_cells(const struct session *session, const struct watch_grid *grid,
                 struct watch_cell *cells);

/* The colours of a cell, as in struct watch_char. */
uint8_t watch_colours(const struct watch_cell *cell);

/* The texture of a cell, 8 rows of 8 pixels, for those who do not see the
 * colours: bit 7 is the left pixel, 1 the foreground. */
const uint8_t *watch_texture(char glyph);

/* ---- for the session ----------------------------------------------------- */

/* Splits the displays, or gives them back. On failure says why. */
bool watch_open(struct session *session);
void watch_close(struct session *session);

/* The command that ends now did what session->heard has: remembers it. */
void watch_note(struct session *session);

/* The command stops at its last event so far: the map shows what this event
 * alone has touched. */
void watch_step(struct session *session);

/* Brings all maps up to date. Nothing if there are none. */
void watch_draw(struct session *session);

/* Somebody has cleared the terminal: everything is drawn again next time. */
void watch_spoilt(struct session *session);

/* Makes *COLUMNS and *ROWS those of the smallest place for conversation. */
void watch_limit(const struct session *session, int *columns, int *rows);

#endif

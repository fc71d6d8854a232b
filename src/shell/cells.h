/* SPDX-License-Identifier: MIT */
/*
 * cells.h - the arena in cells of equal size, a glyph each
 *
 * What `map` prints and what `watch` draws come from here, so that they cannot
 * disagree. The cells are read from memory, by a walk that goes along as the
 * caller asks for one cell after the other.
 */
#ifndef HEAPGLASS_SHELL_CELLS_H
#define HEAPGLASS_SHELL_CELLS_H

#include "session.h"

/* What stands for a cell. The letters a to z stand for blocks. */
enum {
    GLYPH_NONE = ' ',           /* no span */
    GLYPH_RANGE = 'R',          /* a range that is no span */
    GLYPH_HEAD = 'H',           /* the allocator's own: heads of spans, of
                                   slot pages, of large ranges */
    GLYPH_FREE = '.',
    GLYPH_HOLLOW = '~',         /* free, no frame behind it */
    GLYPH_USED = '#',           /* used, by several or without a letter */
    GLYPH_KEPT = '=',
    GLYPH_SLOT_FREE = ':',
    GLYPH_SLOT_USED = '@',
    GLYPH_MIXED = '+',          /* some used, some free */
    GLYPH_DAMAGED = '?',
    GLYPH_UNSET = '\0',
};

struct cells {
    const struct session *session;
    uint64_t cell;              /* bytes, a power of two from 16 on */
    bool begins;                /* a block or slot begins in the last one */
    /* private: the block around or after the place that was come to */
    struct heap_cursor cursor;
    bool more;                  /* the cursor is on a block */
};

/* Before the first cell of the session's machine, in cells of SIZE bytes. */
void cells_begin(struct cells *cells, const struct session *session,
                 uint64_t size);

/* The glyph of cell number INDEX; indexes must rise from call to call. */
char cells_at(struct cells *cells, uint64_t index);

/* The first byte of cell number INDEX. */
uint64_t cells_start(const struct cells *cells, uint64_t index);

bool glyph_is_free(char glyph);
enum colour glyph_colour(char glyph);

#endif

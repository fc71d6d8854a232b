/* SPDX-License-Identifier: MIT */
/*
 * cells.c - the arena in cells of equal size (see cells.h)
 *
 * A block begins with its header, at 12 mod 16. So where cells are smaller
 * than pages, cell number n shows the bytes [16n - 4, 16n + 12) and not
 * [16n, 16n + 16): then each block is a whole number of quanta, and in a
 * small arena each quantum is a cell. Cells of a page and more begin where
 * pages do.
 */
#include "cells.h"

#include "explain.h"

bool glyph_is_free(char glyph)
{
    return glyph == GLYPH_FREE || glyph == GLYPH_HOLLOW
           || glyph == GLYPH_SLOT_FREE;
}

/* What shows a cell that holds both A and B. */
static char glyph_join(char a, char b)
{
    if (a == GLYPH_UNSET || a == GLYPH_NONE || a == b)
        return b;
    if (b == GLYPH_NONE)
        return a;
    if (a == GLYPH_DAMAGED || b == GLYPH_DAMAGED)
        return GLYPH_DAMAGED;
    if (a == GLYPH_MIXED || b == GLYPH_MIXED)
        return GLYPH_MIXED;
    if (glyph_is_free(a) && glyph_is_free(b))
        return GLYPH_FREE;
    if (a == GLYPH_HEAD && !glyph_is_free(b))
        return b;
    if (b == GLYPH_HEAD && !glyph_is_free(a))
        return a;
    return glyph_is_free(a) != glyph_is_free(b) ? GLYPH_MIXED : GLYPH_USED;
}

/* The glyph of the block that CURSOR is on. */
static char glyph_of_block(const struct session *session,
                           const struct heap_cursor *cursor)
{
    const struct ledger_entry *entry;

    if (cursor->fault != MM_OK)
        return GLYPH_DAMAGED;
    if (!cursor->used)
        return GLYPH_FREE;
    if (cursor->kept)
        return GLYPH_KEPT;
    entry = entry_at(session, cursor->at);
    return entry != NULL && entry->letter < 26 ? (char)('a' + entry->letter)
                                               : GLYPH_USED;
}

/* Where the block's own bytes start, its header included. */
static uint64_t block_start(const struct heap_cursor *cursor)
{
    return cursor->large ? cursor->span_at : cursor->at - BLOCK_HEADER;
}

static uint64_t block_end(const struct heap_cursor *cursor)
{
    return cursor->fault != MM_OK ? cursor->span_at + cursor->span_bytes
           : cursor->large        ? cursor->span_at + cursor->span_bytes
                                  : block_start(cursor) + cursor->size;
}

/* The glyph of the one byte AT in the block that the cursor is on. */
static char glyph_in_block(const struct cells *cells, uint64_t at)
{
    const struct session *session = cells->session;
    const struct heap *heap = session->machine->heap;
    char glyph = glyph_of_block(session, &cells->cursor);

    if (cells->cursor.large && at < cells->cursor.at)
        return GLYPH_HEAD;
    if (cells->cursor.large && at == block_end(&cells->cursor) - BLOCK_HEADER)
        return GLYPH_NONE;              /* that cell is the next one's */
    if (glyph == GLYPH_FREE && !byte_is_held(session, at))
        return GLYPH_HOLLOW;
    if (!cells->cursor.slots)
        return glyph;
    struct slot_view view = slot_page_view(heap, cells->cursor.at);

    if (!view.ok || at < cells->cursor.at + view.first)
        return GLYPH_HEAD;
    uint64_t index = (at - cells->cursor.at - view.first) / view.slot_bytes;

    if (index >= view.count)
        return GLYPH_HEAD;
    return slot_is_used(heap, cells->cursor.at,
                        view.first + (uint32_t)index * view.slot_bytes)
               ? GLYPH_SLOT_USED
               : GLYPH_SLOT_FREE;
}

/* The glyph of the byte AT, which no block has: a head, another range, or
 * nothing. *NEXT moves to where that ends, if the range tells. A span's last
 * word, its end, does not show: it is less than a cell. */
static char glyph_outside(const struct cells *cells, uint64_t at,
                          uint64_t *next)
{
    const struct range_tag *tag = ranges_find(cells->session->machine->ranges,
                                              (uint32_t)(at / MM_PAGE));

    uint32_t span = cells->session->machine->heap->span_bytes;

    if (tag == NULL)
        return GLYPH_DAMAGED;
    if (tag->type == RANGE_SPAN && (at & (span - 1)) >= span - BLOCK_HEADER)
        return GLYPH_NONE;
    if (tag->type == RANGE_SPAN || tag->type == RANGE_LARGE)
        return GLYPH_HEAD;
    *next = ((uint64_t)tag->start + tag->pages) * MM_PAGE;
    return tag->type == RANGE_FREE ? GLYPH_NONE : GLYPH_RANGE;
}

/* Whether a slot begins in the quantum from AT on, in the block that the
 * cursor is on. */
static bool slot_begins(const struct cells *cells, uint64_t at)
{
    const struct heap_cursor *cursor = &cells->cursor;
    struct slot_view view;

    if (!cursor->slots)
        return false;
    view = slot_page_view(cells->session->machine->heap, cursor->at);
    at += BLOCK_HEADER;                 /* cells begin 4 bytes before slots */
    return view.ok && at >= cursor->at + view.first &&
           (at - cursor->at - view.first) % view.slot_bytes < MM_QUANTUM;
}

/* Whether the block that starts AT is a slot page, and ends before END: then
 * its slots need not be looked at one by one. */
static bool page_is_whole(const struct cells *cells, uint64_t at, uint64_t end)
{
    const struct heap_cursor *cursor = &cells->cursor;

    return cursor->slots && at == block_start(cursor) &&
           block_end(cursor) <= end &&
           slot_page_view(cells->session->machine->heap, cursor->at).ok;
}

/* What shows a whole slot page: all of it used, or some free. */
static char glyph_of_page(const struct cells *cells)
{
    struct slot_view view = slot_page_view(
        cells->session->machine->heap, cells->cursor.at);

    return view.used == view.count ? GLYPH_SLOT_USED : GLYPH_MIXED;
}

uint64_t cells_start(const struct cells *cells, uint64_t index)
{
    uint64_t shift = cells->cell < MM_PAGE ? BLOCK_HEADER : 0;

    return index == 0 ? 0 : index * cells->cell - shift;
}

/*
 * The glyph of cell number INDEX: that of the bytes [start, end), looked at
 * in steps within which nothing changes (a quantum in slot pages, a page or a
 * block's end elsewhere).
 */
char cells_at(struct cells *cells, uint64_t index)
{
    uint64_t end = cells_start(cells, index + 1);
    char glyph = GLYPH_UNSET;

    cells->begins = false;
    for (uint64_t at = cells_start(cells, index); at < end;) {
        uint64_t next = (at / MM_PAGE + 1) * MM_PAGE;

        while (cells->more && block_end(&cells->cursor) <= at)
            cells->more = heap_walk_next(cells->session->machine->heap,
                                         &cells->cursor);
        if (cells->more && at >= block_start(&cells->cursor)) {
            if (page_is_whole(cells, at, end)) {
                glyph = glyph_join(glyph, glyph_of_page(cells));
                cells->begins = true;
                at = block_end(&cells->cursor);
                continue;
            }
            glyph = glyph_join(glyph, glyph_in_block(cells, at));
            if (at == block_start(&cells->cursor) || slot_begins(cells, at))
                cells->begins = true;
            if (cells->cursor.slots)
                next = at + MM_QUANTUM;
            else if (at < cells->cursor.at && next > cells->cursor.at)
                next = cells->cursor.at;      /* a large range's head ends */
            else if (next > block_end(&cells->cursor))
                next = block_end(&cells->cursor);
        } else {
            glyph = glyph_join(glyph, glyph_outside(cells, at, &next));
            if (cells->more && next > block_start(&cells->cursor))
                next = block_start(&cells->cursor);
        }
        at = next;
    }
    return glyph == GLYPH_UNSET ? GLYPH_HEAD : glyph;
}

enum colour glyph_colour(char glyph)
{
    if (glyph_is_free(glyph))
        return COLOUR_FREE;
    if (glyph == GLYPH_DAMAGED)
        return COLOUR_WARNING;
    if (glyph == GLYPH_HEAD || glyph == GLYPH_NONE || glyph == GLYPH_RANGE)
        return COLOUR_FAINT;
    return COLOUR_USED;
}

void cells_begin(struct cells *cells, const struct session *session,
                 uint64_t size)
{
    *cells = (struct cells){ .session = session, .cell = size };
    heap_walk(&cells->cursor);
    cells->more = heap_walk_next(session->machine->heap, &cells->cursor);
}

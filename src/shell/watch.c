/* SPDX-License-Identifier: MIT */
/*
 * watch.c - the live map (see watch.h)
 *
 * A map is made in three steps, each of which a test can look at:
 *
 *     memory --- watch_cells ---> cells --- one of two ---> a display
 *                                           painters
 *
 * One painter makes characters of the cells, and a row of characters goes
 * either to the terminal, as text with control sequences, or to the screen.
 * The other paints each cell as a small rectangle, for which a screen of
 * pixels has room for thousands. In both, a cell that looks as it looked
 * before is left alone.
 *
 * How often: after each command, after each step that somebody waits at, and
 * during long work as often as the percentage changes. So a redraw is never
 * waited for more than a hundred times, whatever the command.
 */
#include "watch.h"

#include "cells.h"
#include "home.h"

#include "../trace/sentence.h"

enum {
    LABEL_WIDTH = 10,           /* "+0x00000 |" */
    ROWS_AROUND = 3,            /* title, last step, legend */
    CELL_ROW = 64,              /* cells in a row, or a multiple */

    BAR = 0x1f,                 /* white on blue */
    LABEL = 0x08,               /* grey on black */
    STEP = 0x0f,                /* white on black */
    CHANGED = 0x70,             /* black on light grey */
};

/* Where a map is drawn. */
struct watch_display {
    enum { ABSENT, TERMINAL, CHARACTERS, PIXELS } kind;
    int columns, rows;          /* in characters; all of the display */
    int map_rows;               /* the upper ones, that are the map's */
    int width, height;          /* of a character, in pixels */
    struct watch_grid grid;     /* as it was drawn last */
    struct watch_char shown[WATCH_ROWS_MAX][WATCH_COLUMNS_MAX];
};

enum { WATCH_TERMINAL, WATCH_SCREEN, WATCH_DISPLAYS };

/* A sample in the legend's row. */
struct watch_sample {
    struct watch_cell cell;
    int column, columns;
};

enum { SAMPLES_MAX = 12 };

struct watch {
    struct watch_display display[WATCH_DISPLAYS];
    struct watch_touched touched[WATCH_TOUCHED_MAX];
    unsigned touched_count;
    struct mm_event step;       /* the last one */
    bool stepped;               /* there was one */
    struct watch_sample sample[SAMPLES_MAX];
    int sample_count;
    struct watch_cell cells[WATCH_CELLS_MAX];
    struct watch_cell painted[WATCH_CELLS_MAX];
};

/* ---- what the last command touched -------------------------------------- */

static void touch(struct watch *watch, uint64_t start, uint64_t size)
{
    if (watch->touched_count < WATCH_TOUCHED_MAX)
        watch->touched[watch->touched_count++] =
            (struct watch_touched){ start, start + size };
}

/* A block's header and the words behind it: one quantum. */
static void touch_header(struct watch *watch, uint64_t payload)
{
    touch(watch, payload - BLOCK_HEADER, MM_QUANTUM);
}

static void touch_event(struct watch *watch, const struct mm_event *event)
{
    switch ((enum mm_event_kind)event->kind) {
    case MM_EVENT_TAKE:
    case MM_EVENT_RELEASE:
    case MM_EVENT_RESIZE:
    case MM_EVENT_KEEP:
    case MM_EVENT_REUSE:
        touch(watch, event->at - BLOCK_HEADER, event->size);
        break;
    case MM_EVENT_SPLIT:
        touch_header(watch, event->at);
        touch_header(watch, event->at + event->size);
        break;
    case MM_EVENT_COALESCE:
        touch_header(watch, event->at);
        touch_header(watch, event->at + event->size - event->other);
        break;
    case MM_EVENT_REMOTE_PUSH:
        touch_header(watch, event->at);
        break;
    case MM_EVENT_GROW:
    case MM_EVENT_SHRINK:
    case MM_EVENT_HOLD:
    case MM_EVENT_TRIM:
    case MM_EVENT_SLOT_TAKE:
    case MM_EVENT_SLOT_GIVE:
    case MM_EVENT_MAP:
    case MM_EVENT_UNMAP:
        touch(watch, event->at, event->size);
        break;
    case MM_EVENT_PAGE_TAKE:
    case MM_EVENT_PAGE_GIVE:
        touch(watch, event->at, MM_SLOT_PAGE);
        break;
    default:
        break;
    }
}

/* Notes what the events from number FIRST on have touched. */
static void note_from(struct session *session, size_t first)
{
    struct watch *watch = session->watch;
    const struct heard *heard = &session->heard;

    watch->touched_count = 0;
    for (size_t i = first; i < heard->count; i++)
        touch_event(watch, &heard->event[i]);
    watch->step = heard->event[heard->count - 1];
    watch->stepped = true;
}

void watch_note(struct session *session)
{
    if (session->watch != NULL && session->heard.count > 0)
        note_from(session, 0);
}

void watch_step(struct session *session)
{
    if (session->watch == NULL || session->heard.count == 0)
        return;
    note_from(session, session->heard.count - 1);
    watch_draw(session);
}

/* ---- cells -------------------------------------------------------------- */

/* The first byte behind all that is in use: behind it there are free blocks
 * and free ranges only. */
static uint64_t used_end(const struct session *session)
{
    const struct machine *machine = session->machine;
    const struct range_tag *tag = ranges_find(machine->ranges, 0);
    uint64_t end = 0, steps = 0;
    struct heap_cursor cursor;

    heap_walk(&cursor);
    while (heap_walk_next(machine->heap, &cursor)) {
        if (cursor.fault != MM_OK || cursor.large)
            end = cursor.span_at + cursor.span_bytes;
        else if (cursor.used)
            end = cursor.at - BLOCK_HEADER + cursor.size;
        else if (cursor.left_size == 0) /* behind a span's head */
            end = cursor.at;
    }
    for (; tag != NULL && steps <= machine->ranges->page_count;
         tag = ranges_next(machine->ranges, tag), steps++) {
        uint64_t tag_end = ((uint64_t)tag->start + tag->pages) * MM_PAGE;

        if (tag->type != RANGE_FREE && tag->type != RANGE_SPAN
                && tag_end > end)
            end = tag_end;
    }
    return end < machine->arena_bytes ? end : machine->arena_bytes;
}

struct watch_grid watch_grid_fit(const struct session *session,
                                 uint32_t columns, uint32_t rows)
{
    uint64_t arena = session->machine->arena_bytes, end = used_end(session);
    struct watch_grid grid = {
        .columns = columns, .rows = rows, .cell = MM_QUANTUM,
        .count = (uint64_t)columns * rows,
    };

    /* the last cell starts at least a quantum before the end */
    while (grid.cell * grid.count < end + MM_QUANTUM
           && grid.cell * grid.count < arena)
        grid.cell *= 2;
    if (grid.count > arena / grid.cell)
        grid.count = arena / grid.cell;
    grid.shown_end = grid.count * grid.cell;
    return grid;
}

/* The cell of GRID that the byte AT is in. */
static uint64_t cell_of(const struct watch_grid *grid, uint64_t at)
{
    return (grid->cell < MM_PAGE ? at + BLOCK_HEADER : at) / grid->cell;
}

void watch_cells(const struct session *session, const struct watch_grid *grid,
                 struct watch_cell *out)
{
    const struct watch *watch = session->watch;
    struct cells cells;

    cells_begin(&cells, session, grid->cell);
    for (uint64_t i = 0; i < grid->count; i++) {
        char glyph = cells_at(&cells, i);

        out[i] = (struct watch_cell){ .glyph = glyph,
                                      .begins = cells.begins };
    }
    for (unsigned k = 0; watch != NULL && k < watch->touched_count; k++) {
        const struct watch_touched *touched = &watch->touched[k];
        uint64_t end = cell_of(grid, touched->end - 1) + 1;

        for (uint64_t i = cell_of(grid, touched->start);
             i < end && i < grid->count; i++)
            out[i].changed = true;
    }
}

uint8_t watch_colours(const struct watch_cell *cell)
{
    if (cell->changed)
        return CHANGED;
    switch (cell->glyph) {
    case GLYPH_FREE:      return 0x02;  /* green on black */
    case GLYPH_HOLLOW:    return 0x08;  /* dark grey on black */
    case GLYPH_SLOT_FREE: return 0x09;  /* bright blue on black */
    case GLYPH_SLOT_USED: return 0x1f;  /* white on blue */
    case GLYPH_KEPT:      return 0x30;  /* black on cyan */
    case GLYPH_MIXED:     return 0x20;  /* black on green */
    case GLYPH_HEAD:      return 0x05;  /* magenta on black */
    case GLYPH_RANGE:     return 0x50;  /* black on magenta */
    case GLYPH_DAMAGED:   return 0x4f;  /* white on red */
    case GLYPH_NONE:      return 0x00;
    default:                            /* used: on amber, white where a */
        return cell->begins ? 0x6f : 0x60;      /* block begins, else black */
    }
}

const uint8_t *watch_texture(char glyph)
{
    static const uint8_t none[8], full[8] = { 0 },
        dots[8] = { 0x55, 0xaa, 0x55, 0xaa, 0x55, 0xaa, 0x55, 0xaa },
        few[8] = { 0x88, 0x00, 0x22, 0x00, 0x88, 0x00, 0x22, 0x00 },
        lines[8] = { 0xff, 0x00, 0x00, 0x00, 0xff, 0x00, 0x00, 0x00 },
        board[8] = { 0xcc, 0xcc, 0x33, 0x33, 0xcc, 0xcc, 0x33, 0x33 },
        rising[8] = { 0x11, 0x22, 0x44, 0x88, 0x11, 0x22, 0x44, 0x88 },
        falling[8] = { 0x88, 0x44, 0x22, 0x11, 0x88, 0x44, 0x22, 0x11 },
        bricks[8] = { 0xff, 0x80, 0x80, 0x80, 0xff, 0x08, 0x08, 0x08 },
        columns[8] = { 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88 },
        crosses[8] = { 0x99, 0x66, 0x66, 0x99, 0x99, 0x66, 0x66, 0x99 };

    switch (glyph) {
    case GLYPH_FREE:      return dots;
    case GLYPH_HOLLOW:    return few;
    case GLYPH_SLOT_FREE: return columns;
    case GLYPH_SLOT_USED: return falling;
    case GLYPH_KEPT:      return lines;
    case GLYPH_MIXED:     return board;
    case GLYPH_HEAD:      return rising;
    case GLYPH_RANGE:     return bricks;
    case GLYPH_DAMAGED:   return crosses;
    case GLYPH_NONE:      return none;
    default:              return full;
    }
}

/* ---- a display of characters -------------------------------------------- */

/* Where in a row the text goes on; what is behind the display's edge is
 * dropped. */
struct pen {
    struct watch_char *row;
    int column, columns;
};

static void pen_char(struct pen *pen, char glyph, uint8_t colours)
{
    if (pen->column < pen->columns)
        pen->row[pen->column++] = (struct watch_char){ glyph, colours };
}

static void pen_text(struct pen *pen, const char *text, uint8_t colours)
{
    while (*text != '\0')
        pen_char(pen, *text++, colours);
}

static void pen_fill(struct pen *pen, uint8_t colours)
{
    while (pen->column < pen->columns)
        pen_char(pen, ' ', colours);
}

/* What is shown, how large a cell is, and what is in use. */
static void title_write(struct pen *pen, const struct session *session,
                        const struct watch_grid *grid)
{
    const struct machine *machine = session->machine;
    uint64_t used = 0, free = 0, free_bytes = 0, largest = 0;
    struct short_text arena, cell;
    struct heap_cursor cursor;
    char text[WATCH_COLUMNS_MAX];

    heap_walk(&cursor);
    while (heap_walk_next(machine->heap, &cursor)) {
        if (cursor.fault != MM_OK)
            continue;
        used += cursor.used;
        free += !cursor.used;
        free_bytes += cursor.used ? 0 : cursor.size;
        if (!cursor.used && cursor.size > largest)
            largest = cursor.size;
    }
    print_text(text, sizeof(text),
               " %s: %s, a cell is %s. %llu used, %llu free, "
               "largest %llu of %llu",
               machine->name, print_size(&arena, machine->arena_bytes),
               print_size(&cell, grid->cell), (wide)used, (wide)free,
               (wide)largest, (wide)free_bytes);
    pen_text(pen, text, BAR);
    pen_fill(pen, BAR);
}

/* The last step; and that there is more than is shown. */
static void step_write(struct pen *pen, const struct watch *watch,
                       const struct session *session,
                       const struct watch_grid *grid)
{
    char text[SENTENCE_CHARS];

    pen_char(pen, ' ', STEP);
    if (watch->stepped)
        pen_text(pen, sentence_of(&watch->step, text, sizeof(text)), STEP);
    else if (grid->shown_end < session->machine->arena_bytes) {
        print_text(text, sizeof(text), "from +0x%llx on nothing is in use",
                   (wide)grid->shown_end);
        pen_text(pen, text, LABEL);
    }
    pen_fill(pen, STEP);
}

static const struct {
    char glyph;
    const char *meaning;
} legend[] = {
    { GLYPH_KEPT, "kept" },
    { GLYPH_SLOT_USED, "slot" },
    { GLYPH_SLOT_FREE, "free slot" },
    { GLYPH_FREE, "free" },
    { GLYPH_HOLLOW, "hollow" },
    { GLYPH_MIXED, "mixed" },
    { GLYPH_HEAD, "head" },
    { GLYPH_RANGE, "other range" },
    { GLYPH_DAMAGED, "damaged" },
};

enum { LEGEND_ROWS = sizeof(legend) / sizeof(legend[0]) };

/* A sample of CELL and what it means; notes where the sample is. */
static void legend_entry(struct watch *watch, struct pen *pen,
                         const char *sample, const struct watch_cell *cell,
                         const char *meaning)
{
    pen_char(pen, ' ', BAR);
    watch->sample[watch->sample_count++] = (struct watch_sample){
        .cell = *cell, .column = pen->column,
        .columns = (int)text_length(sample),
    };
    pen_text(pen, sample, watch_colours(cell));
    pen_char(pen, ' ', BAR);
    pen_text(pen, meaning, BAR);
    pen_char(pen, ' ', BAR);
}

/* What the glyphs among the first COUNT cells mean, and no others. */
static void legend_write(struct pen *pen, struct watch *watch, uint64_t count)
{
    bool seen[128] = { false };

    for (uint64_t i = 0; i < count; i++)
        seen[(unsigned char)watch->cells[i].glyph & 0x7f] = true;
    watch->sample_count = 0;
    legend_entry(watch, pen, "a#",
                 &(struct watch_cell){ .glyph = GLYPH_USED }, "used");
    legend_entry(watch, pen, "a.",
                 &(struct watch_cell){ .glyph = GLYPH_USED, .changed = true },
                 "changed");
    for (int i = 0; i < LEGEND_ROWS; i++) {
        if (seen[(unsigned char)legend[i].glyph])
            legend_entry(watch, pen, (char[]){ legend[i].glyph, '\0' },
                         &(struct watch_cell){ .glyph = legend[i].glyph },
                         legend[i].meaning);
    }
    pen_fill(pen, BAR);
}

static void label_write(struct pen *pen, uint64_t at)
{
    char text[LABEL_WIDTH + 1];

    if (at >> 20 == 0)
        print_text(text, sizeof(text), "+0x%05llx |", (wide)at);
    else if (at >> 24 == 0)
        print_text(text, sizeof(text), "+0x%06llx|", (wide)at);
    else
        print_text(text, sizeof(text), "%9llx|", (wide)at);
    pen_text(pen, text, LABEL);
}

/* One row of characters: number ROW of DISPLAY's. */
static void row_make(const struct session *session,
                     const struct watch_display *display,
                     const struct watch_grid *grid, int row,
                     struct watch_char *out)
{
    struct watch *watch = session->watch;
    struct pen pen = { out, 0, display->columns };
    uint64_t line = (uint64_t)row - 1, first = line * grid->columns;

    if (row == 0) {
        title_write(&pen, session, grid);
    } else if (row == display->map_rows - 2) {
        step_write(&pen, watch, session, grid);
    } else if (row == display->map_rows - 1) {
        legend_write(&pen, watch, grid->count);
    } else if (display->kind != PIXELS && first < grid->count) {
        label_write(&pen, first * grid->cell);
        for (uint64_t i = first;
             i < first + grid->columns && i < grid->count; i++)
            pen_char(&pen, watch->cells[i].glyph,
                     watch_colours(&watch->cells[i]));
        pen_char(&pen, '|', LABEL);
    } else if (display->kind == PIXELS) {
        /* a label where a row of cells starts with this row */
        uint64_t cell_rows = (uint64_t)(display->map_rows - ROWS_AROUND)
                             * display->height / grid->rows;
        uint64_t cell_row = cell_rows == 0
                                ? 0 : line * display->height / cell_rows;

        if (cell_row * grid->columns < grid->count)
            label_write(&pen, cell_row * grid->columns * grid->cell);
        pen.columns = LABEL_WIDTH;      /* the rest is painted */
    }
    pen_fill(&pen, 0x07);
}

static bool chars_equal(struct watch_char a, struct watch_char b)
{
    return a.glyph == b.glyph && a.colours == b.colours;
}

/* ---- the terminal: control sequences of ECMA-48 ------------------------- */

static void terminal_say(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static void terminal_put(void *context, char c)
{
    (void)context;
    home_terminal_write(&c, 1);
}

static void terminal_say(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    print_list(terminal_put, NULL, format, list);
    va_end(list);
}

/* VGA numbers colours blue-green-red from bit 0, terminals the other way. */
static unsigned terminal_colour(unsigned vga)
{
    return (vga & 1) << 2 | (vga & 2) | (vga & 4) >> 2;
}

static void terminal_colours(uint8_t colours)
{
    unsigned front = colours & 0x0f, back = colours >> 4;

    terminal_say("\x1b[0;%u;%um",
                 (front < 8 ? 30 : 90) + terminal_colour(front & 7),
                 40 + terminal_colour(back & 7));
}

/* Sends what is different in row number ROW. */
static void terminal_row(struct watch_display *display, int row,
                         const struct watch_char *chars, int *colours)
{
    struct watch_char *shown = display->shown[row];
    int at = -1;                /* the column where the cursor is */

    for (int i = 0; i < display->columns; i++) {
        if (chars_equal(shown[i], chars[i]))
            continue;
        if (at != i)
            terminal_say("\x1b[%d;%dH", row + 1, i + 1);
        if (*colours != chars[i].colours)
            terminal_colours(chars[i].colours);
        *colours = chars[i].colours;
        home_terminal_write(&chars[i].glyph, 1);
        shown[i] = chars[i];
        at = i + 1;
    }
}

/* Only the rows below the map scroll from now on; the cursor is at the start
 * of row number ROW. */
static void terminal_split(const struct watch_display *display, int row)
{
    terminal_say("\x1b[%d;%dr\x1b[%d;1H", display->map_rows + 1,
                 display->rows, row + 1);
}

/* ---- a display of pixels ------------------------------------------------ */

/*
 * Cells in rows of 64, 128, 256 and so on, as few as will do, so that they
 * are as large as can be. On 1024 pixels:
 *
 *      64 in a row    14 x 16 pixels, a letter fits in
 *     128              7 x 8
 *     256              3 x 4
 */
struct tiling {
    int width, height;          /* of a cell */
    struct watch_grid grid;
};

static struct tiling tiling_fit(const struct session *session,
                                const struct watch_display *display)
{
    int room = (display->columns - LABEL_WIDTH) * display->width;
    int rows = display->map_rows - ROWS_AROUND;
    struct tiling tiling = { 0 };

    for (int in_row = CELL_ROW, parts = 1;
         in_row * 3 <= room && parts <= display->height / 4;
         in_row *= 2, parts *= 2) {
        uint32_t most = (uint32_t)(WATCH_CELLS_MAX / in_row);
        uint32_t here = (uint32_t)(rows * parts);

        tiling.width = room / in_row;
        tiling.height = display->height / parts;
        tiling.grid = watch_grid_fit(session, (uint32_t)in_row,
                                     here < most ? here : most);
        if (tiling.grid.cell == MM_QUANTUM)
            break;
    }
    return tiling;
}

static bool cells_equal(const struct watch_cell *a, const struct watch_cell *b)
{
    return a->glyph == b->glyph && a->begins == b->begins
           && a->changed == b->changed;
}

/* Paints CELL with its left upper pixel at X, Y. A block that begins here
 * keeps a pixel's distance from the one before. */
static void cell_paint(const struct tiling *tiling, int x, int y,
                       const struct watch_display *display,
                       const struct watch_cell *cell)
{
    uint8_t colours = watch_colours(cell);
    int width = tiling->width, height = tiling->height - 1;
    bool letter = width >= display->width && tiling->height >= display->height;

    home_picture_tile(x, y + height, width, 1,
                      watch_texture(GLYPH_NONE), 0);
    if (cell->begins) {
        home_picture_tile(x, y, 1, height, watch_texture(GLYPH_NONE), 0);
        x++;
        width--;
    }
    home_picture_tile(x, y, width, height, watch_texture(cell->glyph),
                      colours);
    if (letter && cell->glyph >= 'a' && cell->glyph <= 'z')
        home_picture_glyph(x + (width - display->width) / 2, y, cell->glyph,
                           colours);
}

static void pixels_draw(struct session *session, struct watch_display *display,
                        const struct tiling *tiling, bool anew)
{
    struct watch *watch = session->watch;
    const struct watch_grid *grid = &tiling->grid;
    int left = LABEL_WIDTH * display->width, top = display->height;
    uint64_t all = (uint64_t)grid->columns * grid->rows;

    if (anew)                           /* what was there had another shape */
        home_picture_tile(left, top,
                          display->columns * display->width - left,
                          (display->map_rows - ROWS_AROUND) * display->height,
                          watch_texture(GLYPH_NONE), 0);
    for (uint64_t i = 0; i < all && i < WATCH_CELLS_MAX; i++) {
        static const struct watch_cell nothing = { .glyph = GLYPH_NONE };
        const struct watch_cell *cell = i < grid->count ? &watch->cells[i]
                                                        : &nothing;

        if (!anew && cells_equal(cell, &watch->painted[i]))
            continue;
        watch->painted[i] = *cell;
        cell_paint(tiling, left + (int)(i % grid->columns) * tiling->width,
                   top + (int)(i / grid->columns) * tiling->height, display,
                   cell);
    }
}

/* In the legend, textures stand where elsewhere glyphs do. */
static void legend_paint(const struct watch *watch,
                         const struct watch_display *display)
{
    for (int i = 0; i < watch->sample_count; i++) {
        const struct watch_sample *sample = &watch->sample[i];

        if (sample->column + sample->columns <= display->columns)
            home_picture_tile(sample->column * display->width,
                              (display->map_rows - 1) * display->height,
                              sample->columns * display->width,
                              display->height - 1,
                              watch_texture(sample->cell.glyph),
                              watch_colours(&sample->cell));
    }
}

/* ---- drawing ------------------------------------------------------------ */

static bool grids_equal(const struct watch_grid *a, const struct watch_grid *b)
{
    return a->columns == b->columns && a->rows == b->rows
           && a->cell == b->cell && a->count == b->count;
}

static void display_forget(struct watch_display *display)
{
    display->grid = (struct watch_grid){ 0 };
    for (int row = 0; row < WATCH_ROWS_MAX; row++)
        for (int column = 0; column < WATCH_COLUMNS_MAX; column++)
            display->shown[row][column] = (struct watch_char){ 0 };
}

/* The grid of characters that DISPLAY has room for. */
static struct watch_grid characters_fit(const struct session *session,
                                        const struct watch_display *display)
{
    int in_row = CELL_ROW;

    while (in_row * 2 + LABEL_WIDTH < display->columns)
        in_row *= 2;
    return watch_grid_fit(session, (uint32_t)in_row,
                          (uint32_t)(display->map_rows - ROWS_AROUND));
}

static void display_draw(struct session *session,
                         struct watch_display *display)
{
    struct watch_char chars[WATCH_COLUMNS_MAX];
    struct tiling tiling = { 0 };
    int colours = -1;
    bool anew;

    if (display->kind == PIXELS)
        tiling = tiling_fit(session, display);
    else
        tiling.grid = characters_fit(session, display);
    anew = !grids_equal(&tiling.grid, &display->grid);
    display->grid = tiling.grid;
    watch_cells(session, &tiling.grid, session->watch->cells);

    if (display->kind == TERMINAL)
        terminal_say("\x1b" "7");       /* the cursor comes back later */
    for (int row = 0; row < display->map_rows; row++) {
        row_make(session, display, &tiling.grid, row, chars);
        if (display->kind == TERMINAL) {
            terminal_row(display, row, chars, &colours);
            continue;
        }
        for (int i = 0; i < display->columns; i++) {
            bool painted = display->kind == PIXELS && row > 0
                           && row < display->map_rows - 2
                           && i >= LABEL_WIDTH;

            if (painted || chars_equal(display->shown[row][i], chars[i]))
                continue;
            home_picture_put(i, row, chars[i].glyph, chars[i].colours);
            display->shown[row][i] = chars[i];
        }
    }
    if (display->kind == TERMINAL)
        terminal_say("\x1b[0m\x1b" "8");
    if (display->kind == PIXELS) {
        pixels_draw(session, display, &tiling, anew);
        legend_paint(session->watch, display);
    }
}

/* ---- the session's side ------------------------------------------------- */

/* The terminal's size: what `screen` has said, or what the home can find out,
 * or the smallest that there is. */
static void terminal_size(const struct session *session, int *columns,
                          int *rows)
{
    struct home_picture picture;

    if (session->terminal_columns != 0) {
        *columns = session->terminal_columns;
        *rows = session->terminal_rows;
    } else if (home_picture(&picture)) {
        *columns = WATCH_COLUMNS_MIN;
        *rows = WATCH_ROWS_MIN;
    } else {
        home_screen_size(columns, rows);
    }
}

static void display_size(struct watch_display *display, int columns, int rows)
{
    int map_rows = rows / 2;

    display->columns = columns < WATCH_COLUMNS_MAX ? columns
                                                   : WATCH_COLUMNS_MAX;
    display->rows = rows;
    display->map_rows = map_rows < WATCH_ROWS_MAX ? map_rows
                                                  : WATCH_ROWS_MAX;
}

static void displays_find(const struct session *session, struct watch *watch)
{
    struct watch_display *terminal = &watch->display[WATCH_TERMINAL];
    struct watch_display *screen = &watch->display[WATCH_SCREEN];
    struct home_picture picture;
    int columns, rows;

    terminal_size(session, &columns, &rows);
    terminal->kind = TERMINAL;
    display_size(terminal, columns, rows);

    screen->kind = ABSENT;
    if (home_picture(&picture) && picture.columns >= WATCH_COLUMNS_MIN
            && picture.rows >= WATCH_ROWS_MIN) {
        screen->kind = picture.height > 0 ? PIXELS : CHARACTERS;
        screen->width = picture.width;
        screen->height = picture.height;
        display_size(screen, picture.columns, picture.rows);
    }
}

bool watch_open(struct session *session)
{
    struct watch *watch;
    int columns, rows;

    if (session->output.plain)
        return refuse(session, "in plain mode nothing that was printed moves "
                               "or changes, so there is no live map: 'plain "
                               "off', or 'map' for one picture");
    if (session->watch != NULL)
        return true;
    terminal_size(session, &columns, &rows);
    if (columns < WATCH_COLUMNS_MIN || rows < WATCH_ROWS_MIN)
        return refuse(session, "the live map needs a terminal of %dx%d or "
                               "more, and this one has %dx%d: make it larger "
                               "('screen COLSxROWS' says how large)",
                      WATCH_COLUMNS_MIN, WATCH_ROWS_MIN, columns, rows);
    watch = home_memory(sizeof(*watch));
    if (watch == NULL)
        return refuse(session, "there is no memory for the live map");
    displays_find(session, watch);
    session->watch = watch;
    terminal_say("\x1b[2J");
    terminal_split(&watch->display[WATCH_TERMINAL],
                   watch->display[WATCH_TERMINAL].map_rows);
    if (watch->display[WATCH_SCREEN].kind != ABSENT)
        home_picture_reserve(watch->display[WATCH_SCREEN].map_rows);
    watch_draw(session);
    return true;
}

void watch_close(struct session *session)
{
    struct watch *watch = session->watch;

    if (watch == NULL)
        return;
    terminal_say("\x1b" "7\x1b[r\x1b" "8"); /* all rows scroll again */
    if (watch->display[WATCH_SCREEN].kind != ABSENT)
        home_picture_reserve(0);
    session->watch = NULL;
    home_memory_release(watch, sizeof(*watch));
}

void watch_spoilt(struct session *session)
{
    struct watch_display *terminal;

    if (session->watch == NULL)
        return;
    terminal = &session->watch->display[WATCH_TERMINAL];
    display_forget(terminal);
    terminal_split(terminal, terminal->map_rows);
    watch_draw(session);
}

/* Somebody may have made the terminal larger or smaller meanwhile. */
static void terminal_follow(struct session *session)
{
    struct watch_display *terminal =
        &session->watch->display[WATCH_TERMINAL];
    int columns, rows;

    terminal_size(session, &columns, &rows);
    if ((columns == terminal->columns && rows == terminal->rows)
            || columns < WATCH_COLUMNS_MIN || rows < WATCH_ROWS_MIN)
        return;
    display_forget(terminal);
    display_size(terminal, columns, rows);
    terminal_say("\x1b[2J");
    terminal_split(terminal, terminal->rows - 1);
}

void watch_draw(struct session *session)
{
    struct watch *watch = session->watch;

    if (watch == NULL || session->machine == NULL)
        return;
    terminal_follow(session);
    for (int i = 0; i < WATCH_DISPLAYS; i++)
        if (watch->display[i].kind != ABSENT)
            display_draw(session, &watch->display[i]);
}

void watch_limit(const struct session *session, int *columns, int *rows)
{
    struct home_picture picture;
    int terminal_columns, terminal_rows;

    if (session->watch == NULL && session->terminal_columns == 0)
        return;
    terminal_size(session, &terminal_columns, &terminal_rows);
    if (session->watch != NULL)
        terminal_rows -= session->watch->display[WATCH_TERMINAL].map_rows;
    if (!home_picture(&picture)) {      /* the terminal is all there is */
        *columns = terminal_columns;
        *rows = terminal_rows;
        return;
    }
    *columns = terminal_columns < *columns ? terminal_columns : *columns;
    *rows = terminal_rows < *rows ? terminal_rows : *rows;
}

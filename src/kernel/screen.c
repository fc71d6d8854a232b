/* SPDX-License-Identifier: MIT */
/*
 * screen.c - a terminal made of character cells
 *
 * Theory of operation
 * -------------------
 * Lines are numbered from 0, the first ever written, and never renumbered;
 * line N is kept in lines[N % SCREEN_LINES] until it is overwritten.
 *
 *        kept        +---------------------------+  last - SCREEN_LINES + 1
 *                    |                           |
 *        shown when  +===========================+  view
 *        scrolled    |                           |
 *        back        +===========================+  view + rows
 *                    |                           |
 *        shown       +===========================+  bottom - rows + 1
 *        usually     |                           |
 *                    +===========================+  bottom
 *
 * Scrolling is then nothing but counting: no cell moves. screen_refresh()
 * compares what should be shown with what it drew last and draws the
 * difference: that is cheap on VGA, where a cell is one word, and on
 * framebuffers, where reading back is slow and a cell is 128 pixels.
 *
 * Of the control sequences of a terminal (ECMA-48) it understands the ones a
 * line editor needs: CUU, CUD, CUF, CUB, CUP, ED, EL, SGR with the sixteen
 * colours. Characters come in UTF-8; what code page 437 lacks shows as a
 * small block.
 */
#include "screen.h"

#include "codepage.h"

enum {
    COLOUR_TEXT = 0x07,     /* light grey on black */
    COLOUR_BRIGHT = 0x08,
    CELL_BLANK = COLOUR_TEXT << 8 | ' ',
    CELL_NEVER = 0xFFFF,    /* a cell that was never drawn */
    TAB_WIDTH = 8,
    PARAMETERS_MAX = 8,
};

static cell_t lines[SCREEN_LINES][SCREEN_COLUMNS_MAX];
static cell_t drawn[SCREEN_ROWS_MAX][SCREEN_COLUMNS_MAX];

static const struct display *display;
static int columns = 80;
static int rows = 25;       /* of text */
static int reserved;        /* rows above them, for a picture */

static int bottom;          /* the number of the lowest line */
static int line, column;    /* the cursor */
static int view = -1;       /* first line shown when scrolled back, or -1 */
static bool wrap_pending;   /* the last column is full */
static uint8_t colour = COLOUR_TEXT;
static bool colour_reversed;
static int unshown_lines;   /* scrolled since the last refresh */
static bool started;

/* What has come of a sequence that is not complete. */
static struct {
    enum { PLAIN, ESCAPE, SEQUENCE } state;
    unsigned parameters[PARAMETERS_MAX];
    unsigned count;
    uint32_t character;     /* UTF-8 so far */
    unsigned more;          /* bytes of it to come */
} pending;

/* ---- lines -------------------------------------------------------------- */

static cell_t *line_cells(int number)
{
    return lines[number % SCREEN_LINES];
}

static int top_line(void)
{
    int top = bottom - rows + 1;

    return top > 0 ? top : 0;
}

static cell_t blank(void)
{
    return (cell_t)((colour & 0xF0) << 8 | (COLOUR_TEXT & 0x0F) << 8 | ' ');
}

static void line_clear(int number, int from, int to)
{
    for (int i = from; i < to; i++)
        line_cells(number)[i] = blank();
}

static void line_feed(void)
{
    wrap_pending = false;
    if (line < bottom) {
        line++;
        return;
    }
    bottom++;
    line++;
    for (int i = 0; i < SCREEN_COLUMNS_MAX; i++)
        line_cells(line)[i] = CELL_BLANK;
    if (bottom >= rows)
        unshown_lines++;
}

static int clamp(int value, int low, int high)
{
    return value < low ? low : value > high ? high : value;
}

/* ---- control sequences -------------------------------------------------- */

/* The first parameter of a movement: at least one. */
static int movement(void)
{
    unsigned steps = pending.count > 0 ? pending.parameters[0] : 0;

    return steps == 0 ? 1 : steps > 1000 ? 1000 : (int)steps;
}

/* ANSI numbers colours red-green-blue from bit 0, VGA blue-green-red. */
static uint8_t vga_colour(unsigned ansi)
{
    return (uint8_t)((ansi & 1) << 2 | (ansi & 2) | (ansi & 4) >> 2);
}

static void select_graphic(unsigned code)
{
    if (code == 0) {
        colour = COLOUR_TEXT;
        colour_reversed = false;
    } else if (code == 1) {
        colour |= COLOUR_BRIGHT;
    } else if (code == 2 || code == 22) {
        colour &= (uint8_t)~COLOUR_BRIGHT;
    } else if (code == 7) {
        colour_reversed = true;
    } else if (code == 27) {
        colour_reversed = false;
    } else if (code >= 30 && code <= 37) {
        colour = (uint8_t)((colour & 0xF8) | vga_colour(code - 30));
    } else if (code == 39) {
        colour = (uint8_t)((colour & 0xF0) | COLOUR_TEXT);
    } else if (code >= 40 && code <= 47) {
        colour = (uint8_t)((colour & 0x0F) | vga_colour(code - 40) << 4);
    } else if (code == 49) {
        colour &= 0x0F;
    } else if (code >= 90 && code <= 97) {
        colour = (uint8_t)((colour & 0xF0) | COLOUR_BRIGHT |
                           vga_colour(code - 90));
    }
}

static void erase_line(unsigned what)
{
    int from = what == 0 ? column : 0;
    int to = what == 1 ? column + 1 : columns;

    line_clear(line, from, to);
}

static void erase_display(unsigned what)
{
    if (what >= 2) {    /* everything: a fresh page, the old one is kept */
        int to = line - top_line();

        for (int i = 0; i < rows; i++) {
            line = bottom;
            line_feed();
        }
        line = top_line() + clamp(to, 0, rows - 1);
        return;
    }
    erase_line(what);
    if (what == 0)
        for (int i = line + 1; i <= bottom; i++)
            line_clear(i, 0, columns);
    else
        for (int i = top_line(); i < line; i++)
            line_clear(i, 0, columns);
}

static void sequence_done(char final)
{
    unsigned first = pending.count > 0 ? pending.parameters[0] : 0;
    unsigned second = pending.count > 1 ? pending.parameters[1] : 0;
    int last_column = columns - 1;

    switch (final) {
    case 'A':
        line = clamp(line - movement(), top_line(), bottom);
        break;
    case 'B':
        line = clamp(line + movement(), top_line(), bottom);
        break;
    case 'C':
        column = clamp(column + movement(), 0, last_column);
        break;
    case 'D':
        column = clamp(column - movement(), 0, last_column);
        break;
    case 'G':
        column = clamp((int)(first > 1000 ? 1000 : first) - 1, 0, last_column);
        break;
    case 'H':
        while (bottom < top_line() + rows - 1 && bottom < rows - 1) {
            line = bottom;
            line_feed();
        }
        line = clamp(top_line() + (int)(first > 1000 ? 1000 : first) - 1,
                     top_line(), bottom);
        column = clamp((int)(second > 1000 ? 1000 : second) - 1, 0,
                       last_column);
        break;
    case 'J':
        erase_display(first);
        return;
    case 'K':
        erase_line(first);
        return;
    case 'm':
        if (pending.count == 0)
            select_graphic(0);
        for (unsigned i = 0; i < pending.count; i++)
            select_graphic(pending.parameters[i]);
        return;
    default:
        return;
    }
    wrap_pending = false;
}

/* ---- characters --------------------------------------------------------- */

static uint8_t colour_now(void)
{
    if (!colour_reversed)
        return colour;
    return (uint8_t)((colour & 0x07) << 4 | (colour >> 4 & 0x07));
}

static void put_glyph(uint8_t glyph)
{
    if (wrap_pending) {
        line_feed();
        column = 0;
    }
    line_cells(line)[column] = (cell_t)(colour_now() << 8 | glyph);
    if (column == columns - 1)
        wrap_pending = true;
    else
        column++;
}

static void put_control(char byte)
{
    switch (byte) {
    case '\n':
        line_feed();
        column = 0;
        break;
    case '\r':
        column = 0;
        wrap_pending = false;
        break;
    case '\b':
        if (column > 0 && !wrap_pending)
            column--;
        wrap_pending = false;
        break;
    case '\t':
        do
            put_glyph(' ');
        while (column % TAB_WIDTH != 0 && !wrap_pending);
        break;
    case '\x1b':
        pending.state = ESCAPE;
        break;
    default:
        break;
    }
}

/* Takes one byte of UTF-8 and draws when a character is complete. Bytes that
 * do not continue what has begun start anew. */
static void put_utf8(uint8_t byte)
{
    if (byte < 0x80) {
        pending.more = 0;
        put_glyph(byte);
    } else if (byte >= 0xC0) {
        pending.more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
        pending.character = byte & (0x3Fu >> pending.more);
    } else if (pending.more > 0) {
        pending.character = pending.character << 6 | (byte & 0x3F);
        if (--pending.more == 0)
            put_glyph(codepage_glyph(pending.character));
    }
}

static void put_sequence(char byte)
{
    if (byte >= '0' && byte <= '9') {
        unsigned *last = &pending.parameters[pending.count == 0
                                                 ? 0
                                                 : pending.count - 1];

        if (pending.count == 0)
            pending.count = 1;
        if (*last < 10000)
            *last = *last * 10 + (unsigned)(byte - '0');
    } else if (byte == ';') {
        if (pending.count == 0)
            pending.count = 1;
        if (pending.count < PARAMETERS_MAX)
            pending.parameters[pending.count++] = 0;
    } else if (byte >= 0x40 && byte <= 0x7E) {
        pending.state = PLAIN;
        sequence_done(byte);
    }   /* anything else, such as '?', changes nothing we know of */
}

static void put(char byte)
{
    switch (pending.state) {
    case ESCAPE:
        pending.state = PLAIN;
        if (byte == '[') {
            pending.state = SEQUENCE;
            pending.count = 0;
            pending.parameters[0] = 0;
        }
        break;
    case SEQUENCE:
        put_sequence(byte);
        break;
    default:
        if ((unsigned char)byte < 0x20 || byte == 0x7F)
            put_control(byte);
        else
            put_utf8((uint8_t)byte);
    }
}

/* ---- the display -------------------------------------------------------- */

static void start(void)
{
    for (int i = 0; i < SCREEN_LINES; i++)
        for (int j = 0; j < SCREEN_COLUMNS_MAX; j++)
            lines[i][j] = CELL_BLANK;
    started = true;
}

void screen_attach(const struct display *new_display)
{
    if (!started)
        start();
    display = new_display;
    columns = clamp(display->columns, 1, SCREEN_COLUMNS_MAX);
    rows = clamp(display->rows, 1, SCREEN_ROWS_MAX) - reserved;
    line = clamp(line, top_line(), bottom);
    for (int i = 0; i < SCREEN_ROWS_MAX; i++)
        for (int j = 0; j < SCREEN_COLUMNS_MAX; j++)
            drawn[i][j] = CELL_NEVER;
    screen_refresh();
}

bool screen_is_attached(void)
{
    return display != NULL;
}

void screen_refresh(void)
{
    if (display == NULL)
        return;

    int first = view >= 0 ? view : top_line();

    for (int row = 0; row < rows; row++) {
        const cell_t *cells = line_cells(first + row);
        bool written = first + row <= bottom;

        for (int i = 0; i < columns; i++) {
            cell_t cell = written ? cells[i] : (cell_t)CELL_BLANK;

            if (drawn[row][i] == cell)
                continue;
            drawn[row][i] = cell;
            display->draw(i, row + reserved, cell);
        }
    }
    display->cursor(column, view >= 0 ? -1 : line - first + reserved);
    unshown_lines = 0;
}

void screen_write(const char *text, size_t size)
{
    if (!started)
        start();
    view = -1;
    for (size_t i = 0; i < size; i++)
        put(text[i]);
    if (unshown_lines > rows / 2)
        screen_refresh();
}

void screen_scroll(int distance)
{
    int oldest = bottom - SCREEN_LINES + 1;
    int first = view >= 0 ? view : top_line();

    first = clamp(first + distance, oldest > 0 ? oldest : 0, top_line());
    view = first == top_line() ? -1 : first;
    screen_refresh();
}

void screen_size(int *out_columns, int *out_rows)
{
    *out_columns = columns;
    *out_rows = rows;
}

/* ---- a picture above the text ------------------------------------------- */

const struct display *screen_display(void)
{
    return display;
}

void screen_reserve(int wanted)
{
    if (display == NULL)
        return;
    reserved = clamp(wanted, 0, display->rows - 1);
    rows = clamp(display->rows, 1, SCREEN_ROWS_MAX) - reserved;
    view = -1;
    line = clamp(line, top_line(), bottom);
    for (int i = 0; i < SCREEN_ROWS_MAX; i++)
        for (int j = 0; j < SCREEN_COLUMNS_MAX; j++)
            drawn[i][j] = CELL_NEVER;
    for (int row = 0; row < reserved; row++)
        for (int i = 0; i < columns; i++)
            display->draw(i, row, CELL_BLANK);
    screen_refresh();
}

/* SPDX-License-Identifier: MIT */
/*
 * test_watch.c - the live map shows what dump says, on every kind of display
 *
 * sources: src/shell/[a-z]*.c src/lab/[a-z]*.c src/trace/[a-z]*.c
 * sources: src/mm/[a-z]*.c
 * sources: src/kernel/memmap.c
 *
 * The displays are imitated: a terminal that obeys the few sequences that the
 * map uses, a screen of characters, and one of pixels. Commands are typed, and
 * after each of them
 *
 *   - the cells are held against the rows that `dump` prints;
 *   - the characters on the terminal and the screen, and the pixels, against
 *     the cells;
 *   - what is there, drawn step by step, against the same map drawn anew.
 */
#define SHELL_HOME_HAS_DISPLAYS

#include "shell_home.h"

#include "shell/cells.h"
#include "shell/watch.h"

enum {
    COLUMNS = 80, ROWS = 24,                    /* of the terminal */
    COLUMNS_MOST = 140, ROWS_MOST = 60,
    WIDE = 128, HIGH = 48, GLYPH_W = 8, GLYPH_H = 16,   /* of the screen */
    PIXELS_W = WIDE * GLYPH_W, PIXELS_H = HIGH * GLYPH_H,
};

/* ---- imitated displays ---------------------------------------------------- */

struct spot {
    char glyph;
    uint8_t colours;
};

static struct displays {
    /* the terminal */
    struct spot terminal[ROWS_MOST][COLUMNS_MOST];
    int row, column, saved_row, saved_column;
    int top, bottom;                    /* of the part that scrolls */
    uint8_t colours;
    char sequence[32];
    size_t pending;                     /* bytes of a sequence; 0: none */
    size_t sent;                        /* bytes, since somebody cleared it */

    /* the screen */
    struct spot screen[HIGH][WIDE];
    uint8_t pixels[PIXELS_H][PIXELS_W];
    bool glyph_here[PIXELS_H][PIXELS_W];        /* painted by a letter */
    int reserved;
    size_t painted;                     /* tiles */
} d;

static bool screen_is_there, screen_has_pixels;

/* The colour of VGA for the terminal's number 0 ... 7. */
static uint8_t vga(int ansi)
{
    return (uint8_t)((ansi & 1) << 2 | (ansi & 2) | (ansi & 4) >> 2);
}

static void obey(const char *sequence)
{
    int a = 0, b = 0;
    char final = sequence[strlen(sequence) - 1];

    if (strcmp(sequence, "\x1b" "7") == 0) {
        d.saved_row = d.row;
        d.saved_column = d.column;
    } else if (strcmp(sequence, "\x1b" "8") == 0) {
        d.row = d.saved_row;
        d.column = d.saved_column;
    } else if (final == 'H' && sscanf(sequence, "\x1b[%d;%dH", &a, &b) == 2) {
        d.row = a - 1;
        d.column = b - 1;
    } else if (final == 'r') {
        d.top = 0;
        d.bottom = ROWS;
        if (sscanf(sequence, "\x1b[%d;%dr", &a, &b) == 2) {
            d.top = a - 1;
            d.bottom = b;
        }
        d.row = d.column = 0;
    } else if (strcmp(sequence, "\x1b[2J") == 0) {
        memset(d.terminal, 0, sizeof d.terminal);
    } else if (strcmp(sequence, "\x1b[0m") == 0) {
        d.colours = 0x07;
    } else if (final == 'm') {
        assert_int_equal(sscanf(sequence, "\x1b[0;%d;%dm", &a, &b), 2);
        d.colours = (uint8_t)((a >= 90 ? 8 | vga(a - 90) : vga(a - 30)) |
                              vga(b - 40) << 4);
    } else {
        fail_msg("the terminal does not know \"%s\"", sequence + 1);
    }
}

void home_terminal_write(const char *text, size_t size)
{
    d.sent += size;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];

        if (d.pending > 0 || c == '\x1b') {
            assert_true(d.pending + 1 < sizeof d.sequence);
            d.sequence[d.pending++] = c;
            d.sequence[d.pending] = '\0';
            if (d.pending > 1 && c != '[' &&
                (d.sequence[1] != '[' || (c >= '@' && c <= '~'))) {
                obey(d.sequence);
                d.pending = 0;
            }
            continue;
        }
        assert_true(c >= ' ' && c < 0x7f);
        assert_true(d.row >= 0 && d.row < ROWS_MOST && d.column < COLUMNS_MOST);
        d.terminal[d.row][d.column++] = (struct spot){ c, d.colours };
    }
}

bool home_picture(struct home_picture *picture)
{
    *picture = (struct home_picture){
        .columns = screen_has_pixels ? WIDE : COLUMNS,
        .rows = screen_has_pixels ? HIGH : 25,
        .width = screen_has_pixels ? GLYPH_W : 0,
        .height = screen_has_pixels ? GLYPH_H : 0,
    };
    return screen_is_there;
}

void home_picture_reserve(int rows)
{
    d.reserved = rows;
}

static void paint(int x, int y, int width, int height,
                  const uint8_t texture[8], uint8_t colours, bool is_glyph)
{
    assert_true(screen_has_pixels && x >= 0 && y >= 0 &&
                x + width <= PIXELS_W && y + height <= d.reserved * GLYPH_H);
    for (int j = y; j < y + height; j++) {
        for (int i = x; i < x + width; i++) {
            bool front = texture[j % 8] >> (7 - i % 8) & 1;

            d.pixels[j][i] = front ? colours & 0x0f : colours >> 4;
            d.glyph_here[j][i] = is_glyph;
        }
    }
}

void home_picture_put(int column, int row, char glyph, uint8_t colours)
{
    static const uint8_t nothing[8];

    assert_true(row >= 0 && row < d.reserved && column >= 0 &&
                column < (screen_has_pixels ? WIDE : COLUMNS));
    d.screen[row][column] = (struct spot){ glyph, colours };
    if (screen_has_pixels)
        paint(column * GLYPH_W, row * GLYPH_H, GLYPH_W, GLYPH_H, nothing,
              colours, true);
}

void home_picture_glyph(int x, int y, char glyph, uint8_t colours)
{
    static const uint8_t nothing[8];

    assert_true(glyph >= 'a' && glyph <= 'z');
    paint(x, y, GLYPH_W, GLYPH_H - 1, nothing, colours, true);
}

void home_picture_tile(int x, int y, int width, int height,
                       const uint8_t texture[8], uint8_t colours)
{
    paint(x, y, width, height, texture, colours, false);
    d.painted++;
}

/* ---- what dump says --------------------------------------------------------- */

enum { QUANTA = 1 << 16 };

static struct told {
    char glyph[QUANTA];         /* of each quantum that is a block's; 0: of
                                   none; '@' stands for a slot page's */
    bool begins[QUANTA];
} told;

/* Reads all rows that `dump` prints. */
static void read_dump(void)
{
    const char *row;

    memset(&told, 0, sizeof told);
    session.output.plain = true;
    run("dump");
    session.output.plain = false;
    for (row = shell_home.written; *row != '\0';
         row = strchr(row, '\n') + 1) {
        char letter[8], state[8], request[24];
        unsigned long long at, size;
        bool large;

        if (sscanf(row, "%7s +0x%llx %llu %23s %7s", letter, &at, &size,
                   request, state) != 5)
            break;
        large = strncmp(strchr(row, '\n') - 17, "header=0x00000000", 17) == 0;

        char glyph = strcmp(state, "free") == 0   ? '.'
                     : strcmp(state, "kept") == 0 ? '='
                     : letter[0] == '-'           ? '@'
                     : letter[1] == '\0'          ? letter[0]
                                                  : '#';
        /* header to header: quantum n is the bytes [16 n - 4, 16 n + 12) */
        uint64_t first = large ? at / 4096 * 256 : at / 16;

        assert_true(first + size / 16 <= QUANTA);
        for (uint64_t i = first; i < first + size / 16; i++)
            told.glyph[i] = large && i * 16 < at ? 'H' : glyph;
        told.begins[first] = true;
    }
    assert_non_null(strstr(shell_home.written, " used, "));
}

static bool is_free(char glyph)
{
    return glyph == '.' || glyph == '~';
}

/* Whether the cell's GLYPH may stand for the quanta [FIRST, END) of dump. */
static bool stands_for(char glyph, uint64_t first, uint64_t end)
{
    unsigned free = 0, used = 0, slots = 0, none = 0, same = 0;

    for (uint64_t i = first; i < end; i++) {
        char what = told.glyph[i];

        none += what == '\0';
        free += is_free(what);
        slots += what == '@';
        used += what != '\0' && !is_free(what) && what != '@';
        same += what == told.glyph[first];
    }
    if (same == end - first && !slots && !none)
        return is_free(told.glyph[first]) ? is_free(glyph)
                                          : glyph == told.glyph[first];
    if (slots)
        return glyph == '@' || glyph == ':' || glyph == 'H' || glyph == '+' ||
               (used > 0 && glyph == '#') || (used > 0 && glyph == '=') ||
               (used > 0 && glyph >= 'a' && glyph <= 'z') ||
               (free > 0 && is_free(glyph));
    if (free > 0 && used > 0)
        return glyph == '+';
    if (free > 0)               /* beside a head, or nothing */
        return glyph == '+' || is_free(glyph);
    if (used > 0)
        return glyph == '#' || glyph == '=' ||
               (glyph >= 'a' && glyph <= 'z') || glyph == 'H';
    return glyph == 'H' || glyph == ' ' || glyph == 'R';
}

static struct watch_cell cells[WATCH_CELLS_MAX];

/* The cells of a grid of COLUMNS by ROWS against the dump. */
static struct watch_grid check_cells(uint32_t columns, uint32_t rows)
{
    struct watch_grid grid = watch_grid_fit(&session, columns, rows);
    uint64_t quanta = grid.cell / 16;

    watch_cells(&session, &grid, cells);
    for (uint64_t i = 0; i < grid.count; i++) {
        if (!stands_for(cells[i].glyph, i * quanta, (i + 1) * quanta))
            fail_msg("cell %u of %u bytes shows '%c', and dump has \"%.*s\" "
                     "there\n%s", (unsigned)i, (unsigned)grid.cell,
                     cells[i].glyph, (int)quanta, &told.glyph[i * quanta],
                     shell_home.written);
        if (quanta == 1 && told.glyph[i] != '@' &&
            told.begins[i] != cells[i].begins)
            fail_msg("cell %u and dump differ on whether a block begins",
                     (unsigned)i);
    }
    for (uint64_t i = grid.count * quanta;
         i < session.machine->arena_bytes / 16; i++)
        if (told.glyph[i] != '\0' && !is_free(told.glyph[i]))
            fail_msg("what is at +0x%x is not shown", (unsigned)i * 16);
    return grid;
}

/* ---- what is on the displays ------------------------------------------------- */

static bool row_is_bar(const struct spot *row)
{
    return row[0].colours == 0x1f && row[0].glyph == ' ';
}

/* MAP_ROWS rows of WIDTH spots, STRIDE apart, show the cells. */
static void check_rows(const struct spot *spots, int stride, int map_rows)
{
    struct watch_grid grid = check_cells(64, (uint32_t)map_rows - 3);

    assert_true(row_is_bar(spots) &&
                row_is_bar(spots + (map_rows - 1) * stride));
    for (uint64_t i = 0; i < grid.count; i++) {
        const struct spot *spot =
            &spots[(1 + (int)(i / 64)) * stride + 10 + (int)(i % 64)];

        if (spot->glyph != cells[i].glyph ||
            spot->colours != watch_colours(&cells[i]))
            fail_msg("cell %u is '%c' in %02x, on the display '%c' in %02x",
                     (unsigned)i, cells[i].glyph, watch_colours(&cells[i]),
                     spot->glyph, spot->colours);
    }
}

/* Right of the cells and below them nothing is left of other maps. */
static void check_margin(const struct watch_grid *grid, int width, int height)
{
    uint64_t all = (uint64_t)grid->columns * grid->rows;
    int right = 10 * GLYPH_W + (int)grid->columns * width;
    int below = GLYPH_H + (int)(grid->count / grid->columns) * height;

    assert_true(grid->count <= all);
    for (int y = GLYPH_H; y < (d.reserved - 2) * GLYPH_H; y++)
        for (int x = 10 * GLYPH_W; x < PIXELS_W; x++)
            if ((x >= right || y >= below + height) && d.pixels[y][x] != 0)
                fail_msg("something is left at the pixel %d, %d", x, y);
}

/* The pixels show the cells, in rows of IN_ROW. */
static void check_pixels(void)
{
    int map_rows = d.reserved, in_row = 64, parts = 1;
    struct watch_grid grid;

    for (;; in_row *= 2, parts *= 2) {  /* the largest cells that will do */
        grid = check_cells((uint32_t)in_row,
                           (uint32_t)((map_rows - 3) * parts));
        if (grid.cell == 16 || in_row == 256)
            break;
    }

    int width = (WIDE - 10) * GLYPH_W / in_row, height = GLYPH_H / parts;

    check_margin(&grid, width, height);
    for (uint64_t i = 0; i < grid.count; i++) {
        int x = 10 * GLYPH_W + (int)(i % (unsigned)in_row) * width;
        int y = GLYPH_H + (int)(i / (unsigned)in_row) * height;
        const uint8_t *texture = watch_texture(cells[i].glyph);
        uint8_t colours = watch_colours(&cells[i]);

        for (int row = y; row < y + height; row++) {
            for (int column = x; column < x + width; column++) {
                bool front = texture[row % 8] >> (7 - column % 8) & 1;
                uint8_t wanted = front ? colours & 0x0f : colours >> 4;

                if (row == y + height - 1 ||
                    (column == x && cells[i].begins))
                    wanted = 0;         /* the gaps between blocks */
                if (d.glyph_here[row][column])
                    wanted = colours >> 4;      /* behind its letter */
                if (d.pixels[row][column] != wanted)
                    fail_msg("cell %u, '%c': the pixel %d, %d is %u, not %u",
                             (unsigned)i, cells[i].glyph, column, row,
                             d.pixels[row][column], wanted);
            }
        }
    }
}

static void stop(void)
{
    watch_close(&session);
    shell_close();
}

/* Everything against everything, after what was typed. */
static void check_displays(void)
{
    static struct displays before;

    read_dump();
    check_rows(&d.terminal[0][0], COLUMNS_MOST, ROWS / 2);
    if (screen_is_there && screen_has_pixels)
        check_pixels();
    else if (screen_is_there)
        check_rows(&d.screen[0][0], WIDE, 25 / 2);

    before = d;
    memset(d.terminal, 0, sizeof d.terminal);
    watch_spoilt(&session);
    assert_memory_equal(before.terminal, d.terminal, sizeof d.terminal);
}

static void type_and_check(const char *command)
{
    run(command);
    check_displays();
}

/* ---- the tests ---------------------------------------------------------------- */

static void start(bool screen, bool pixels)
{
    screen_is_there = screen;
    screen_has_pixels = pixels;
    memset(&d, 0, sizeof d);
    shell_open();
    run("plain off");
    run("more off");
    run("screen 80x24");
    run("watch on");
    assert_non_null(session.watch);
    assert_int_equal(d.top, ROWS / 2);
    assert_int_equal(d.bottom, ROWS);
}

static void random_commands(uint64_t seed, int count)
{
    uint64_t random = seed;
    char command[64];

    for (int i = 0; i < count; i++) {
        uint64_t what = random_below(&random, 20);
        uint64_t size = random_below(&random, 3) == 0
                            ? random_below(&random, 9000)
                            : random_below(&random, 300);
        uint32_t born = session.machine->ledger->letters;
        struct short_text letter;

        print_letters(&letter, (uint32_t)random_below(&random, born + 1));
        if (what < 9)
            snprintf(command, sizeof command, "alloc %u", (unsigned)size);
        else if (what < 15)
            snprintf(command, sizeof command, "free %s", letter.text);
        else if (what < 17)
            snprintf(command, sizeof command, "realloc %s %u", letter.text,
                     (unsigned)size);
        else if (what < 18)
            snprintf(command, sizeof command, "trim");
        else if (what < 19)
            snprintf(command, sizeof command, "small %s",
                     size % 2 ? "on" : "off");
        else
            snprintf(command, sizeof command, "as 1 alloc %u",
                     (unsigned)size);
        type_and_check(command);
    }
}

static void all_displays_show_what_dump_says(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        start(kind > 0, kind == 2);
        check_displays();
        random_commands(3 + (uint64_t)kind, 60);
        type_and_check("reset 1M 64K");
        random_commands(7 + (uint64_t)kind, 60);
        type_and_check("alloc 200000");
        type_and_check("reset 256K 4K");
        random_commands(11, 30);
        stop();
    }
}

static void only_what_changes_is_sent(void **state)
{
    size_t tiles;

    (void)state;
    start(true, true);
    run("alloc 24");
    d.sent = d.painted = 0;
    run("frag");
    assert_true(d.sent < 40);
    tiles = d.painted;                  /* of the legend */
    assert_true(tiles < 12);
    d.sent = d.painted = 0;
    run("alloc 24");
    assert_true(d.sent > 40 && d.sent < 500);
    assert_true(d.painted > tiles && d.painted < 60);
    stop();
}

static void what_has_just_changed_stands_out(void **state)
{
    unsigned changed = 0;

    (void)state;
    start(false, false);
    run("alloc 24");
    run("alloc 100");
    run("frag");                        /* changes nothing: it stays marked */
    read_dump();
    check_cells(64, 9);
    for (unsigned i = 0; i < 64 * 9; i++) {
        changed += cells[i].changed;
        if (cells[i].glyph == 'b')
            assert_true(cells[i].changed);
        if (cells[i].glyph == 'a')
            assert_false(cells[i].changed);
    }
    assert_int_equal(changed, 7 + 1);   /* and the header behind it */
    stop();
}

/* W3: whoever sees only the colours, or only the textures, can tell all kinds
 * of cells apart. */
static void kinds_of_cells_all_differ(void **state)
{
    static const char kinds[] = "a.~:@=+HR? ";

    (void)state;
    for (size_t i = 0; i < sizeof kinds - 1; i++) {
        for (size_t j = 0; j < i; j++) {
            struct watch_cell a = { .glyph = kinds[i] };
            struct watch_cell b = { .glyph = kinds[j] };

            if (watch_colours(&a) == watch_colours(&b))
                fail_msg("'%c' and '%c' have one colour", kinds[i], kinds[j]);
            if (kinds[i] != 'a' && kinds[j] != 'a' &&
                memcmp(watch_texture(kinds[i]), watch_texture(kinds[j]), 8)
                    == 0 && kinds[i] != ' ' && kinds[j] != ' ')
                fail_msg("'%c' and '%c' have one texture", kinds[i],
                         kinds[j]);
        }
    }
}

static void it_is_refused_where_it_cannot_be(void **state)
{
    (void)state;
    screen_is_there = false;
    shell_open();
    run("watch on");                    /* in plain mode */
    assert_null(session.watch);
    assert_non_null(strstr(shell_home.written, "plain off"));
    run("plain off");
    run("screen 79x24");
    assert_int_equal(session.terminal_columns, 0);
    run("watch on");
    assert_non_null(session.watch);
    assert_true(d.bottom == 25);        /* as the home says */
    run("screen 132x60");
    run("frag");
    assert_int_equal(d.bottom, 60);
    run("plain on");                    /* and off it is */
    assert_null(session.watch);
    assert_int_equal(d.bottom, ROWS);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_displays_show_what_dump_says),
        cmocka_unit_test(only_what_changes_is_sent),
        cmocka_unit_test(what_has_just_changed_stands_out),
        cmocka_unit_test(kinds_of_cells_all_differ),
        cmocka_unit_test(it_is_refused_where_it_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_line.c - what is typed, what shows, and what Enter gives
 *
 * sources: src/shell/line.c src/shell/print.c
 *
 * The editor writes to a *row*: a model of one row of a terminal that knows
 * just what line.h says a display must know, and fails at anything else, also
 * at writing beyond the last column. After every key the row must show the
 * prompt and the part of the line in the window, with the cursor in its place
 * (L4). A second, slow account of the text (plain insert and delete in a
 * string) is the oracle for random keys.
 */

#include "shell/line.h"
#include "support.h"

#define PROMPT "heap> "

enum { COLUMNS_MAX = 120 };

/* A display: one row is kept, all output too. */
struct row {
    char cells[COLUMNS_MAX + 1];
    int columns, cursor;
    char escape[16];            /* a sequence that has begun */
    size_t escape_length;
    bool plain;                 /* any control but '\n' is a mistake */
    char all[1 << 16];
    size_t all_length;
    int bells;
};

static struct row row;
static struct line line;

static const char *const names[] = { "alloc", "all", "dump", "free", "frag",
                                     "frames", "help", NULL };

static const char *candidate(void *context, const char *text, size_t start,
                             unsigned index)
{
    (void)context;
    (void)text;
    return start == 0 ? names[index] : NULL;
}

static void row_escape(struct row *r)
{
    char last = r->escape[r->escape_length - 1];
    unsigned count;

    if (strcmp(r->escape, "\x1b[K") == 0) {
        for (int i = r->cursor; i < r->columns; i++)
            r->cells[i] = ' ';
    } else if (last == 'D' && sscanf(r->escape, "\x1b[%uD", &count) == 1) {
        assert_true((int)count <= r->cursor);
        r->cursor -= (int)count;
    } else if (strcmp(r->escape, "\x1b[H") == 0) {
        r->cursor = 0;
    } else if (strcmp(r->escape, "\x1b[2J") == 0) {
        memset(r->cells, ' ', (size_t)r->columns);
    } else if (last >= '@' && last <= '~' && last != '[') {
        fail_msg("a sequence that the display need not know: ESC%s",
                 r->escape + 1);
    } else {
        return;
    }
    r->escape_length = 0;
}

static void show(void *context, const char *text, size_t size)
{
    struct row *r = context;

    for (size_t i = 0; i < size; i++) {
        char c = text[i];

        if (r->all_length + 1 < sizeof r->all)
            r->all[r->all_length++] = c;
        if (r->plain && (c < ' ' || c > '~') && c != '\n')
            fail_msg("plain, but there is a control character %d", c);
        if (r->escape_length > 0 || c == '\x1b') {
            assert_true(r->escape_length + 1 < sizeof r->escape);
            r->escape[r->escape_length++] = c;
            r->escape[r->escape_length] = '\0';
            row_escape(r);
        } else if (c == '\n') {
            memset(r->cells, ' ', (size_t)r->columns);
            r->cursor = 0;
        } else if (c == '\r') {
            r->cursor = 0;
        } else if (c == '\a') {
            r->bells++;
        } else if (!r->plain) {
            assert_in_range(c, ' ', '~');
            assert_true(r->cursor < r->columns - 1);
            r->cells[r->cursor++] = c;
        }
    }
}

static void begin(int columns, bool plain)
{
    row.columns = columns;
    row.plain = plain;
    row.escape_length = 0;
    row.all_length = 0;
    row.bells = 0;
    row.cursor = 0;
    memset(row.cells, ' ', sizeof row.cells);
    line_begin(&line, columns, plain);
}

static int fresh(void **state)
{
    const struct line_owner owner = { &row, show, candidate };

    (void)state;
    memset(&line, 0xa5, sizeof line);   /* line_init() must do without zeros */
    line_init(&line, &owner, PROMPT);
    begin(80, false);
    return 0;
}

/* Feeds KEYS; all but the last must be LINE_TYPING. Answers the last. */
static enum line_event type(const char *keys)
{
    enum line_event event = LINE_TYPING;

    for (; *keys != '\0'; keys++) {
        assert_int_equal(event, LINE_TYPING);
        event = line_feed(&line, (unsigned char)*keys);
    }
    return event;
}

/* The row shows what line.h promises: the window, and the cursor. */
static void assert_shown(void)
{
    char expected[COLUMNS_MAX + 1];
    size_t window = (size_t)row.columns - 1 - strlen(PROMPT);

    assert_true(line.cursor <= line.length && line.length < LINE_SIZE);
    assert_int_equal(line.text[line.length], '\0');
    assert_true(line.shift <= line.cursor);
    assert_true(line.cursor - line.shift <= window);
    snprintf(expected, sizeof expected, "%s%.*s", PROMPT, (int)window,
             line.text + line.shift);
    for (size_t i = strlen(expected); i < (size_t)row.columns; i++)
        expected[i] = ' ';
    row.cells[row.columns] = expected[row.columns] = '\0';
    assert_string_equal(row.cells, expected);
    assert_int_equal(row.cursor, strlen(PROMPT) + line.cursor - line.shift);
}

/* Types KEYS and Enter; the line must be EXPECTED. */
static void gives(const char *keys, const char *expected)
{
    begin(row.columns, row.plain);
    assert_int_equal(type(keys), LINE_TYPING);
    if (!row.plain)
        assert_shown();
    assert_int_equal(type("\r"), LINE_DONE);
    assert_string_equal(line.text, expected);
}

#define LEFT  "\x1b[D"
#define RIGHT "\x1b[C"
#define UP    "\x1b[A"
#define DOWN  "\x1b[B"
#define HOME  "\x1b[H"
#define END   "\x1b[F"
#define DEL   "\x1b[3~"

static void keys_edit_the_line(void **state)
{
    (void)state;
    gives("alloc 24", "alloc 24");
    gives("", "");
    gives("ab" LEFT "x", "axb");
    gives("ab" LEFT LEFT LEFT "x", "xab");
    gives("ab" LEFT RIGHT RIGHT "x", "abx");
    gives("abc" HOME "x" END "y", "xabcy");
    gives("abc\x01x\x05y", "xabcy");
    gives("abc\x1b[1~x\x1b[4~y", "xabcy");
    gives("abc\x1bOHx\x1bOFy", "xabcy");
    gives("abc\x02\x02x\x06y", "axbyc");
    gives("abc\x7f", "ab");
    gives("abc\b", "ab");
    gives("\x7f\b", "");
    gives("abc" LEFT LEFT DEL, "ac");
    gives("abc" LEFT "\x04", "ab");
    gives("abc" DEL, "abc");
    gives("one two three\x17", "one two ");
    gives("one two  \x17", "one ");
    gives("one two\x01\x0b", "");
    gives("one two" LEFT LEFT LEFT "\x0b", "one ");
    gives("one two" LEFT LEFT LEFT "\x15", "two");
    gives("one two\x17\x01\x19 ", "two one ");
    gives("one two\x1b[1;5D\x1b[1;5Dx", "xone two");
    gives("one two\x01\x1b[1;5Cx", "onex two");
    gives("one two\x1b" "bx\x01\x1b" "fy", "oney xtwo");
    gives("a\x0c" "b", "ab");
    gives("a\x1b[5~\x1b[15~\x1bOP\x1b[200~b", "ab");   /* unknown keys */
    gives("caf\xc3\xa9", "caf?");       /* one letter we do not have, not two */
}

static void both_kinds_of_enter_give_one_line(void **state)
{
    (void)state;
    assert_int_equal(type("a\r"), LINE_DONE);
    begin(80, false);
    assert_int_equal(type("\n"), LINE_TYPING);      /* belongs to the '\r' */
    assert_int_equal(type("b\n"), LINE_DONE);
    assert_string_equal(line.text, "b");
    begin(80, false);
    assert_int_equal(type("\n"), LINE_DONE);        /* an empty line */
    assert_string_equal(line.text, "");
}

static void up_and_down_walk_through_older_lines(void **state)
{
    (void)state;
    gives("one", "one");
    gives("two", "two");
    gives("two", "two");                /* the same again is not kept twice */
    gives("", "");                      /* nor is nothing */
    gives(UP, "two");
    gives(UP UP UP UP, "one");
    gives(UP UP DOWN, "one");           /* which is the last one now */
    gives("new" UP DOWN, "new");        /* the draft comes back */
    gives("new" DOWN, "new");
    gives(UP "x", "newx");              /* an old line can be changed ... */
    gives(UP UP, "new");                /* ... and stays as it was */
    gives("\x10\x10\x0e", "new");
}

static void the_history_forgets_the_oldest(void **state)
{
    char text[32], keys[4 * LINE_HISTORY] = "";

    (void)state;
    for (int i = 0; i < LINE_HISTORY + 10; i++) {
        snprintf(text, sizeof text, "line %d", i);
        gives(text, text);
    }
    for (int i = 0; i < LINE_HISTORY + 5; i++)
        strcat(keys, UP);
    gives(keys, "line 10");
    assert_true(row.bells > 0);
}

static void tab_completes_as_far_as_all_agree(void **state)
{
    (void)state;
    gives("d\t", "dump ");
    gives("fra\t", "fra");              /* frag, frames */
    gives("fre\t", "free ");
    gives("f\t", "fr");
    gives("x\t", "x");
    gives("al\t", "all");
    gives("allo\t24", "alloc 24");
    gives("dump " HOME "\t", "dump ");  /* an empty word: many, no progress */
    gives("dump fr\t", "dump fr");      /* the owner has none there */
}

static void a_second_tab_shows_what_there_is(void **state)
{
    (void)state;
    begin(80, false);
    type("fra\t");
    assert_null(strstr(row.all, "frames"));
    type("\t");
    row.all[row.all_length] = '\0';
    assert_non_null(strstr(row.all, "\n  frag\n  frames\n"));
    assert_shown();
    assert_string_equal(line.text, "fra");
}

static void ctrl_c_gives_up_and_ctrl_d_ends(void **state)
{
    (void)state;
    assert_int_equal(type("abc\x03"), LINE_CANCELLED);
    begin(80, false);
    assert_true(line_is_empty(&line));
    assert_int_equal(type("\x04"), LINE_END);
}

static void a_line_too_long_is_refused_and_the_next_is_whole(void **state)
{
    char keys[LINE_SIZE + 8];

    for (int plain = 0; plain < 2; plain++) {
        memset(keys, 'a', sizeof keys);
        keys[LINE_SIZE - 1] = '\0';     /* the longest that fits */
        fresh(state);
        begin(80, plain);
        gives(keys, keys);

        memset(keys, 'b', sizeof keys);
        keys[LINE_SIZE + 2] = '\0';
        begin(80, plain);
        assert_int_equal(type(keys), LINE_TYPING);
        assert_int_equal(type("\r"), LINE_TOO_LONG);
        assert_int_equal(line.length + line.lost, LINE_SIZE + 2);
        gives("dump", "dump");
        keys[LINE_SIZE - 1] = '\0';
        gives(UP UP, keys);             /* what fitted can be had back */
        keys[LINE_SIZE - 2] = '\0';
        gives(UP "\x7f" "bb\x7f", keys);    /* made shorter: good again */
    }
}

static void plain_echoes_and_nothing_else(void **state)
{
    (void)state;
    begin(80, true);
    type("alloc 24" LEFT "\x01\r");
    row.all[row.all_length] = '\0';
    assert_string_equal(row.all, PROMPT "alloc 24\n");
    assert_string_equal(line.text, "alloc 24");

    begin(80, true);
    type("alloc 2x\x7f" "4\n");
    row.all[row.all_length] = '\0';
    assert_string_equal(row.all,
                        PROMPT "alloc 2x\n" PROMPT "alloc 24\n");
    assert_string_equal(line.text, "alloc 24");

    begin(80, true);
    type("a\tb\x07\n");                 /* a Tab is a blank, a bell nothing */
    assert_string_equal(line.text, "a b");
    gives(LEFT "x" UP, "a b");
}

static void a_narrow_display_shows_a_window(void **state)
{
    (void)state;
    begin(24, false);
    for (int i = 0; i < 60; i++) {
        line_feed(&line, (unsigned char)('a' + i % 26));
        assert_shown();
    }
    for (int i = 0; i < 70; i++) {
        type(LEFT);
        assert_shown();
    }
    for (int i = 0; i < 70; i++) {
        type(RIGHT);
        assert_shown();
    }
    type(HOME);
    assert_shown();
    assert_int_equal(line.shift, 0);
}

/* ---- random keys against a slow account --------------------------------- */

struct account {
    char text[LINE_SIZE];
    size_t cursor;
};

static void account_insert(struct account *a, char c)
{
    size_t length = strlen(a->text);

    if (length + 1 == LINE_SIZE)
        return;
    memmove(a->text + a->cursor + 1, a->text + a->cursor,
            length - a->cursor + 1);
    a->text[a->cursor++] = c;
}

static void account_remove(struct account *a, size_t start, size_t end)
{
    memmove(a->text + start, a->text + end, strlen(a->text + end) + 1);
    a->cursor = start;
}

static void random_keys_agree_with_a_slow_account(void **state)
{
    uint64_t seed = 0x5eed;

    for (int round = 0; round < 60; round++) {
        struct account a = { "", 0 };

        fresh(state);
        begin(20 + (int)random_below(&seed, 100), false);
        for (int i = 0; i < 400; i++) {
            size_t length = strlen(a.text);

            switch (random_below(&seed, 12)) {
            case 0: type(LEFT); a.cursor -= a.cursor > 0; break;
            case 1: type(RIGHT); a.cursor += a.cursor < length; break;
            case 2: type(HOME); a.cursor = 0; break;
            case 3: type(END); a.cursor = length; break;
            case 4:
                type("\x7f");
                if (a.cursor > 0)
                    account_remove(&a, a.cursor - 1, a.cursor);
                break;
            case 5:
                type(DEL);
                if (a.cursor < length)
                    account_remove(&a, a.cursor, a.cursor + 1);
                break;
            case 6:
                if (random_below(&seed, 8) == 0) {
                    type("\x15");
                    account_remove(&a, 0, a.cursor);
                }
                break;
            default: {
                char c = (char)(' ' + random_below(&seed, 95));

                line_feed(&line, (unsigned char)c);
                account_insert(&a, c);
            }
            }
            assert_string_equal(line.text, a.text);
            assert_int_equal(line.cursor, a.cursor);
            assert_shown();
        }
    }
}

/* Any bytes at all: it ends, it stays in its arrays (ASan), and a line still
 * comes out. */
static void random_bytes_do_no_harm(void **state)
{
    uint64_t seed = 0xb1e5;

    for (int round = 0; round < 200; round++) {
        bool plain = round % 2;

        fresh(state);
        begin(20 + round % 90, plain);
        for (int i = 0; i < 3000; i++) {
            unsigned char byte = (unsigned char)random_below(&seed, 256);

            if (random_below(&seed, 4) == 0)
                byte = (unsigned char)"\x1b[;35~ABCDHF\x19\x10\t"
                                      [random_below(&seed, 16)];
            if (line_feed(&line, byte) != LINE_TYPING)
                begin(20 + round % 90, plain);
            assert_true(line.cursor <= line.length);
            assert_true(line.length < LINE_SIZE);
            assert_int_equal(line.text[line.length], '\0');
            row.all_length = 0;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(keys_edit_the_line, fresh),
        cmocka_unit_test_setup(both_kinds_of_enter_give_one_line, fresh),
        cmocka_unit_test_setup(up_and_down_walk_through_older_lines, fresh),
        cmocka_unit_test_setup(the_history_forgets_the_oldest, fresh),
        cmocka_unit_test_setup(tab_completes_as_far_as_all_agree, fresh),
        cmocka_unit_test_setup(a_second_tab_shows_what_there_is, fresh),
        cmocka_unit_test_setup(ctrl_c_gives_up_and_ctrl_d_ends, fresh),
        cmocka_unit_test_setup(
            a_line_too_long_is_refused_and_the_next_is_whole, fresh),
        cmocka_unit_test_setup(plain_echoes_and_nothing_else, fresh),
        cmocka_unit_test_setup(a_narrow_display_shows_a_window, fresh),
        cmocka_unit_test_setup(random_keys_agree_with_a_slow_account, fresh),
        cmocka_unit_test_setup(random_bytes_do_no_harm, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_session.c - a whole shell, typed at by a test
 *
 * sources: src/shell/[a-z]*.c src/lab/[a-z]*.c src/trace/[a-z]*.c
 * sources: src/mm/[a-z]*.c
 * sources: src/kernel/memmap.c
 *
 * The home is a script of bytes and an array that keeps what was written.
 * What single commands print is held by docs/output.md and its check; here
 * it is about what is common to all: echo, refusals and the status, pauses,
 * breaking rows, Ctrl-C, lines that are too long, completion, and a lab that
 * there is no memory for.
 */
#include "shell_home.h"

/* ---- a session --------------- */

static void open_with(const char *command_line)
{
    shell_close();
    memset(&session, 0xa5, sizeof session);
    session_open(&session, command_line);
    shell_home.length = 0;
    shell_home.written[0] = '\0';
}

static int plain(void **state)
{
    (void)state;
    shell_home.columns = 80;
    shell_home.rows = 25;
    shell_home.keys = NULL;
    shell_home.interrupt_after = 0;
    shell_home.interrupted = false;
    shell_close();
    shell_home.memory_left = (size_t)1 << 30;
    shell_home.kernel = NULL;
    open_with("plain");
    return 0;
}

static int person(void **state)
{
    plain(state);
    open_with("");
    return 0;
}

static int done(void **state)
{
    (void)state;
    shell_close();
    return 0;
}

static void type(const char *keys)
{
    shell_home.length = 0;
    shell_home.written[0] = '\0';
    while (*keys != '\0')
        session_feed(&session, (unsigned char)*keys++);
}

static void prints(const char *keys, const char *expected)
{
    type(keys);
    assert_string_equal(shell_home.written, expected);
}

static void has_not(const char *part)
{
    if (strstr(shell_home.written, part) != NULL)
        fail_msg("'%s' is in what was printed:\n%s", part,
                 shell_home.written);
}

/* ---- tests --------------- */

static void a_transcript_is_prompt_echo_answer(void **state)
{
    (void)state;
    prints("small\n", "heap> small\nsmall is off: every request gets a "
                      "block.\n");
    prints("plain; more\r\n", "heap> plain; more\nplain is on\nmore is off\n");
    prints("\n# nothing\n", "heap> \nheap> # nothing\n");
    assert_int_equal(session_close(&session), 0);
}

static void the_last_line_needs_no_enter(void **state)
{
    (void)state;
    type("frobnicate");
    assert_int_equal(session_close(&session), 1);
    printed("heap> frobnicate\nno command 'frobnicate'");
}

static void a_refusal_is_remembered_and_the_rest_still_runs(void **state)
{
    (void)state;
    type("alloc x; small\n");
    printed("is no size");
    printed("small is off");
    type("small\n");
    assert_int_equal(session_close(&session), 1);
}

static void poweroff_tells_the_status(void **state)
{
    jmp_buf off;

    for (volatile int failed = 0; failed < 2; failed++) {
        plain(state);
        shell_home.status = -1;
        shell_home.off = &off;
        if (setjmp(off) == 0) {
            type(failed ? "free z\npoweroff\n" : "alloc 24\npoweroff\n");
            fail_msg("the machine is still there");
        }
        printed(failed ? "heap> poweroff\nstatus: 1\n"
                       : "heap> poweroff\nstatus: 0\n");
        assert_int_equal(shell_home.status, failed);
        shell_home.off = NULL;
        done(state);
    }
}

static void names_that_are_nearly_right_are_suggested(void **state)
{
    (void)state;
    type("aloc 24\n");
    printed("no command 'aloc': did you mean alloc?\n");
    type("dmup\n");
    printed("did you mean dump?");
    type("mpa\n");                      /* swapped letters are one mistake */
    printed("did you mean map?");
    type("malloc 4\n");
    printed("did you mean alloc?");
    type("pow\n");
    printed("did you mean poweroff?");
    type("exit\n");
    printed("did you mean poweroff?");
    type("xyzzy\n");
    printed("help lists all commands");
    type("aVeryLongNameThatIsNoCommandAtAllAndGoesOnAndOn\n");
    printed("help lists all commands");
}

static void too_many_words_and_too_long_lines_are_refused(void **state)
{
    char line[2 * LINE_SIZE];

    (void)state;
    strcpy(line, "poke +0x2b0");
    for (int i = 0; i < WORDS_MAX; i++)
        strcat(line, " 0");
    strcat(line, "\n");
    type(line);
    printed("has more than 64 words");

    memset(line, 'a', sizeof line);
    line[LINE_SIZE + 9] = '\n';
    line[LINE_SIZE + 10] = '\0';
    type(line);
    printed("that line has 1033 characters and 1023 fit: nothing was done");
    prints("more\n", "heap> more\nmore is off\n");
    assert_int_equal(session_close(&session), 1);
}

/* How many rows TEXT takes, and that none is wider than COLUMNS. */
static int rows_of(const char *text, int columns)
{
    int rows = 0, column = 0;

    for (; *text != '\0'; text++) {
        if (*text == '\x1b') {
            while (*text != 'm' && *text != 'K' && *text != 'J')
                text++;
        } else if (*text == '\n' || *text == '\r') {
            rows += *text == '\n';
            column = 0;
        } else {
            column++;
            assert_true(column < columns);
        }
    }
    return rows;
}

static void a_persons_rows_are_broken_between_words(void **state)
{
    (void)state;
    type("more off\n");
    for (int columns = 40; columns < 100; columns += 7) {
        shell_home.columns = columns;
        type("alloc 99999999999999999999\n");
        rows_of(shell_home.written, columns);
        type("free zzz\n");
        rows_of(shell_home.written, columns);
    }
    shell_home.columns = 40;
    type("alloc\n");
    printed("such as \n24, 0x18");     /* no blank lost, none doubled */
}

static void a_full_display_waits(void **state)
{
    (void)state;
    shell_home.keys = "   ";
    type("help\n");
    printed("-- more");
    printed("start the machine again");
    assert_string_not_equal(shell_home.keys, "   ");

    shell_home.keys = "q";
    type("help\n");
    printed("-- more");
    has_not("start the machine again");
    type("small\n");
    printed("heap> small\nsmall is off");   /* at the start of a row */
    assert_int_equal(session_close(&session), 0);

    shell_home.keys = "x\n\nq";         /* a wrong key, two lines, enough */
    type("help\n");
    printed("-- more");

    shell_home.keys = "";
    type("more off\n");
    type("help\n");
    has_not("-- more");
    printed("start the machine again");
}

static void after_q_nothing_more_is_printed(void **state)
{
    static const char erased[] = "\r\x1b[K";
    size_t end;

    (void)state;
    for (int shape = 0; shape < 40 * 6; shape++) {
        shell_home.columns = 30 + shape / 6;
        shell_home.rows = 4 + shape % 6;
        shell_home.keys = "q";
        type("memmap\n");
        assert_true(shell_home.length > strlen(erased));
        end = shell_home.length - strlen(erased);
        assert_string_equal(shell_home.written + end, erased);
    }
}

static void plain_never_waits_and_has_no_colours(void **state)
{
    (void)state;
    shell_home.rows = 4;
    type("alloc 24; dump; map; help; lists; frag; memmap; free a; dump\n");
    has_not("-- more");
    has_not("\x1b");
    has_not("\r");
    type("more on\n");
    printed("no pauses in plain mode");
    type("plain off\n");
    shell_home.keys = "q";
    type("help\n");
    printed("-- more");
}

static void ctrl_c_stops_what_prints(void **state)
{
    (void)state;
    shell_home.interrupt_after = 10;
    type("help; small\n");
    printed("stopped by Ctrl-C");
    has_not("start the machine again");
    has_not("small is off");            /* nor does the rest of the line run */
    type("small\n");
    printed("small is off");
    assert_int_equal(session_close(&session), 1);
}

static void a_session_without_memory_says_so(void **state)
{
    done(state);
    shell_home.memory_left = 1000;
    open_with("plain");
    assert_null(session.lab);
    type("alloc 24\n");
    printed("there is no lab");
    type("dump; use lab; help\n");
    printed("start the machine again");
    type("\x03");
    shell_home.memory_left = (size_t)1 << 30;
    type("reset\n");
    printed("A new lab");
    type("alloc 24\n");
    printed("a +0x");
}

static void a_lab_that_cannot_be_is_refused_and_the_old_stays(void **state)
{
    (void)state;
    type("alloc 24\n");
    shell_home.memory_left = 1000;
    type("reset 1M\n");
    printed("there is no memory for a lab");
    type("reset 17\n");
    type("dump\n");
    printed("2 blocks, 1 used, 1 free");
}

static void tab_completes_commands_words_and_letters(void **state)
{
    (void)state;
    type("allo\t24\n");
    printed("a +0x");
    type("fre\ta\n");
    printed("given back");
    type("alloc 24; alloc 24\n");
    type("free \t\t");                  /* b and c are live */
    printed("\n  b\n  c\n");
    type("c\n");
    type("free \t\n");
    printed("free b");
    printed("given back");
    type("smal\to\t\tn\n");
    printed("\n  on\n  off\n");
    printed("small is on");
    type("help fr\t\t\x15");
    printed("\n  free\n  frag\n  frames\n");
    type("alloc \t\t\x15");             /* takes a number: nothing to offer */
    type("bogus \t\t\x15");
    type("small; du\t\x03");
    printed("dump ");
}

static void the_command_line_sets_the_start(void **state)
{
    (void)state;
    open_with("map=surface keymap=de plain");
    prints("plain\n", "heap> plain\nplain is on\n");
    open_with("explain plainer");
    type("plain\n");
    printed("plain is off");
}

/* A second lab stands in for the kernel. */
static struct lab *kernel_make(void **memory, size_t *bytes)
{
    struct lab_setup setup = lab_default;
    struct lab *lab;

    setup.arena_bytes = 1 << 20;
    *bytes = lab_bytes(&setup);
    *memory = home_memory(*bytes);
    lab = lab_init(*memory, &setup, NULL, NULL);
    shell_home.kernel = lab_machine(lab);
    shell_home.kernel->name = "kernel";
    shell_home.kernel->ledger = NULL;
    shell_home.kernel->writable = false;
    return lab;
}

static void the_kernel_is_used_like_the_lab_but_not_broken(void **state)
{
    void *memory;
    size_t bytes;

    (void)state;
    type("use kernel\n");
    printed("there is no memory to imitate");
    kernel_make(&memory, &bytes);
    type("alloc 24; alloc 24; events on; use kernel\n");
    prints("dump a\n", "heap> dump a\nthere is no block a: nothing is "
                       "allocated yet (try alloc 24)\n");
    type("alloc 3000\n");
    printed("  TAKE +0x2b0");
    printed("a +0x2b0: block of 3008 bytes");
    type("events off; fill a 0x41 3004; realloc a 4000; dump\n");
    printed("a +0x2b0 4016 4000 used");
    type("poke a 1\n");
    printed("poke could damage the kernel's own memory");
    type("fill a 1 4013\n");
    printed("writing past a block's end could damage");
    type("reset\n");
    printed("cannot be made anew");
    type("small on; small off; free a; trim; check\n");
    has_not("broken");
    type("stats\n");
    printed("allocs     1\n");

    /* Each has letters and numbers of its own. */
    type("use lab; dump\n");
    printed("a +0x2b0 32 24 used");
    printed("3 blocks, 2 used, 1 free");
    type("stats\n");
    printed("allocs     2\n");
    printed("frees      0\n");
    type("events on; reset; use kernel; alloc 8\n");
    printed("b +0x2b0: block of 16 bytes");
    free(session.kernel->ledger);
    free(memory);
}

static void what_is_kept_is_told(void **state)
{
    struct heap *heap = session.machine->heap;

    (void)state;
    heap->keep = 8;                     /* as a thread's heap would */
    type("alloc 100; alloc 100; free a\n");
    printed("The heap keeps it as it is for the next request of its size");
    has_not("Both neighbours");
    type("dump\n");
    printed("- +0x2b0 112 - kept");
    type("free a\n");
    printed("freed already");
    type("alloc 98\n");
    printed("c +0x2b0: block of 112 bytes (98 requested");
    printed("It was kept: freed before, 112 bytes");
}

static void long_work_shows_progress_and_stops(void **state)
{
    (void)state;
    type("reset 16M 64K; alloc 24\n");
    shell_home.interrupt_after = 500;
    type("apart\n");
    printed("\rfilling 1%\x1b[K");
    printed("\r\x1b[K");
    printed("stopped by Ctrl-C");
    has_not("Filled");
    type("plain on; dump\n");
    printed(" 1 used, ");                   /* what it took is free again */
    type("apart 1M\n");
    printed("Filled with");
    printed("The two words were freed, too.");
    has_not("filling");
    type("dump\n");
    printed(" 1 used, ");
    type("alloc 24\n");
    printed("\nb +0x");                     /* its blocks took no letters */
    type("free b\n");
    type("check\n");
    has_not("broken");
}

/* Whatever a student pokes, apart ends, and writes in the arena only. */
static void apart_ends_in_a_damaged_lab(void **state)
{
    uint64_t random = 7;

    (void)state;
    for (int round = 0; round < 300; round++) {
        char line[80];

        type("reset 128K 16K; alloc 100; alloc 3000; alloc 24; free b\n");
        for (int i = 0; i < 6; i++) {
            snprintf(line, sizeof line, "poke +0x%x 0x%x 0x%x\n",
                     (unsigned)random_below(&random, 4) * 0x4000 +
                         (unsigned)random_below(&random, 0x400) * 4,
                     (unsigned)random_below(&random, 256),
                     (unsigned)random_below(&random, 256));
            type(line);
        }
        type("apart\n");
        type("dump; apart 20K; check; trim; frag; stats\n");
        printed("allocs ");
    }
}

int main(void)
{
#define TEST(name, start) cmocka_unit_test_setup_teardown(name, start, done)
    const struct CMUnitTest tests[] = {
        TEST(a_transcript_is_prompt_echo_answer, plain),
        TEST(the_last_line_needs_no_enter, plain),
        TEST(a_refusal_is_remembered_and_the_rest_still_runs, plain),
        TEST(poweroff_tells_the_status, plain),
        TEST(names_that_are_nearly_right_are_suggested, plain),
        TEST(too_many_words_and_too_long_lines_are_refused, plain),
        TEST(a_persons_rows_are_broken_between_words, person),
        TEST(a_full_display_waits, person),
        TEST(after_q_nothing_more_is_printed, person),
        TEST(plain_never_waits_and_has_no_colours, plain),
        TEST(ctrl_c_stops_what_prints, plain),
        TEST(a_session_without_memory_says_so, plain),
        TEST(a_lab_that_cannot_be_is_refused_and_the_old_stays, plain),
        TEST(tab_completes_commands_words_and_letters, person),
        TEST(the_command_line_sets_the_start, plain),
        TEST(the_kernel_is_used_like_the_lab_but_not_broken, plain),
        TEST(what_is_kept_is_told, plain),
        TEST(long_work_shows_progress_and_stops, person),
        TEST(apart_ends_in_a_damaged_lab, plain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

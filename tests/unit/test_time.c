/* SPDX-License-Identifier: MIT */
/*
 * test_time.c - back and forward again is the same, to the byte
 *
 * sources: src/shell/[a-z]*.c src/lab/[a-z]*.c src/trace/[a-z]*.c
 * sources: src/mm/[a-z]*.c
 * sources: src/kernel/memmap.c
 *
 * Random commands, damage included, are typed at a shell; the lab's hash is
 * noted at every moment. Then the test jumps about among the moments: each
 * must be what it was, whichever way it was reached. What was typed there the
 * first time is typed again and must lead to the moment that followed.
 */
#include "shell_home.h"

#include "trace/ledger.h"

enum { MOMENTS = 1200 };

static struct {
    uint64_t hash[MOMENTS];
    char command[MOMENTS][64];
    unsigned count;                 /* moments but the first */
} past;

static uint64_t now(void)
{
    return session.past->journal.now;
}

/* Types COMMAND, and notes the moment if there is a new one. */
static void note(const char *command)
{
    uint64_t before = now();

    run(command);
    if (now() == before) {
        assert_int_equal(lab_hash(session.lab), past.hash[before]);
        return;
    }
    assert_int_equal(now(), before + 1);
    assert_true(now() < MOMENTS);
    past.count = (unsigned)now();
    past.hash[past.count] = lab_hash(session.lab);
    snprintf(past.command[past.count], sizeof past.command[0], "%s", command);
}

static void begin(const char *reset)
{
    run(reset);
    assert_int_equal(now(), 0);
    past.count = 0;
    past.hash[0] = lab_hash(session.lab);
}

/* A live block's letter, or sometimes one that is not live. */
static const char *letter(uint64_t *random)
{
    static char text[LEDGER_LETTER_CHARS];
    const struct ledger *ledger = lab_machine(session.lab)->ledger;
    uint32_t letters = ledger->letters + 1;

    return ledger_letter_text((uint32_t)random_below(random, letters), text);
}

static void random_command(uint64_t *random, char text[64], uint64_t arena,
                           bool damage)
{
    uint64_t what = random_below(random, damage ? 27 : 23);
    uint64_t size = random_below(random, 4) == 0
                        ? random_below(random, arena / 8)
                        : random_below(random, 200);

    if (what < 8)
        snprintf(text, 64, "alloc %llu", (wide)size);
    else if (what < 9)
        snprintf(text, 64, "alloc %llu align %u", (wide)size,
                 16u << random_below(random, 6));
    else if (what < 14)
        snprintf(text, 64, "free %s", letter(random));
    else if (what < 16)
        snprintf(text, 64, "realloc %s %llu", letter(random), (wide)size);
    else if (what < 17)
        snprintf(text, 64, "fill %s 0x%02x", letter(random),
                 (unsigned)random_below(random, 256));
    else if (what < 18)
        snprintf(text, 64, "trim");
    else if (what < 19)
        snprintf(text, 64, "small %s", random_below(random, 2) ? "on" : "off");
    else if (what < 20)
        snprintf(text, 64, "free +0x%llx",
                 (wide)random_below(random, arena / 8) * 8);
    else if (what < 21)
        snprintf(text, 64, random_below(random, 4) ? "as %u alloc %llu"
                           : random_below(random, 2) ? "as %u trim"
                                                     : "as %u small off",
                 1 + (unsigned)random_below(random, 3), (wide)size);
    else if (what < 23)
        snprintf(text, 64, "as %u free %s",
                 1 + (unsigned)random_below(random, 3), letter(random));
    else if (what < 26)
        snprintf(text, 64, "poke +0x%llx %u %u",
                 (wide)random_below(random, arena / 4) * 4,
                 (unsigned)random_below(random, 256),
                 (unsigned)random_below(random, 256));
    else
        snprintf(text, 64, "fill %s 0x%02x %u", letter(random),
                 (unsigned)random_below(random, 256),
                 (unsigned)random_below(random, 300));
}

static const struct {
    const char *reset;
    uint64_t arena;
} shapes[] = {
    { "reset 8K 4K", 8192 },       { "reset 16K 16K", 16384 },
    { "reset 64K 16K", 65536 },    { "reset 32K 8K; policy first", 32768 },
    { "reset 32K 8K; policy next lifo", 32768 },
    { "reset 32K 32K; policy buddy", 32768 },
    { "reset 32K 8K; policy best", 32768 },
    { "reset 32K 8K; policy bump", 32768 },
};

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

/* Jumps to JUMPS moments; at each types what was typed there. */
static void jump_about(uint64_t *random, unsigned jumps)
{
    for (unsigned i = 0; i < jumps; i++) {
        unsigned moment = (unsigned)random_below(random, past.count + 1);

        if (moment < now() && random_below(random, 2))
            runf("back %u", (unsigned)now() - moment);
        else
            runf("goto %u", moment);
        assert_int_equal(now(), moment);
        if (lab_hash(session.lab) != past.hash[moment])
            fail_msg("moment %u of %u is not what it was", moment,
                     past.count);
    }
    if (now() < past.count) {           /* the operation does what it did */
        unsigned next = (unsigned)now() + 1;

        run(past.command[next]);
        assert_int_equal(now(), next);
        assert_int_equal(session.past->journal.end, next);
        if (lab_hash(session.lab) != past.hash[next])
            fail_msg("'%s' did something else after going back",
                     past.command[next]);
        past.count = next;
    }
}

static void histories(unsigned first, unsigned count, unsigned commands)
{
    for (unsigned seed = first; seed < first + count; seed++) {
        uint64_t random = seed * 0x9E3779B97F4A7C15u;
        unsigned which = seed % SHAPES;
        char text[64];

        begin(shapes[which].reset);
        for (unsigned i = 0; i < commands; i++) {
            random_command(&random, text, shapes[which].arena, seed % 3 == 0);
            note(text);
        }
        assert_true(session.past->journal.copy_count >= past.count / 128);
        jump_about(&random, 8);
        for (unsigned i = 0; i < 5; i++) {
            random_command(&random, text, shapes[which].arena, seed % 3 == 0);
            note(text);
        }
        jump_about(&random, 3);
    }
}

static void a_thousand_histories_go_back_and_forward(void **state)
{
    (void)state;
    shell_open();
    histories(1, 1000, 25);
    shell_close();
}

static void long_histories_use_their_copies(void **state)
{
    (void)state;
    shell_open();
    histories(5000, 16, 500);
    shell_close();
}

/* Few pages in the pool, so that copies are thinned out. */
static void a_journal_with_little_memory_is_slow_but_right(void **state)
{
    (void)state;
    shell_home.memory_left = 6 << 20;
    shell_open();
    histories(9000, 3, 900);
    shell_close();
    shell_home.memory_left = (size_t)1 << 30;
}

static void without_memory_it_says_so(void **state)
{
    (void)state;
    shell_open();
    run("alloc 24");
    shell_home.memory_left = 0;
    for (int i = 0; i < 9000; i++)
        run("fill a 0x41");
    run("back");
    printed("the journal ends at moment");
    run("alloc 24");
    printed("b +0x");
    shell_home.memory_left = (size_t)1 << 30;
    run("reset");
    run("alloc 24");
    run("back");
    printed("Moment 0 of 1");
    shell_close();
}

static void history_makes_the_same_lab_elsewhere(void **state)
{
    static char listing[sizeof shell_home.written];

    (void)state;
    shell_open();
    for (unsigned seed = 1; seed <= 40; seed++) {
        uint64_t random = seed * 77, hash;
        unsigned which = seed % SHAPES;
        char text[64], *line;

        begin(shapes[which].reset);
        for (unsigned i = 0; i < 40; i++) {
            random_command(&random, text, shapes[which].arena, seed % 2);
            note(text);
        }
        runf("back %u", (unsigned)random_below(&random, now()));
        hash = lab_hash(session.lab);
        run("history");
        strcpy(listing, shell_home.written);
        shell_open();
        for (line = strtok(listing, "\n"); line != NULL;
             line = strtok(NULL, "\n"))
            run(line);
        assert_int_equal(lab_hash(session.lab), hash);
    }
    shell_close();
}

static void saved_labs_come_back(void **state)
{
    uint64_t hash;

    (void)state;
    shell_close();
    shell_home.memory_left = (size_t)1 << 30;
    shell_open();
    run("alloc 24; alloc 100; free a; save one");
    hash = lab_hash(session.lab);
    run("reset 32K 8K; policy first; alloc 50; save two");
    run("load one");
    assert_int_equal(lab_hash(session.lab), hash);
    run("back 2; forward 2");
    assert_int_equal(lab_hash(session.lab), hash);
    run("dump");
    printed("b +0x2d0");
    run("load two; history");
    printed("policy first");
    run("load three");
    printed("nothing is saved as three");
    shell_close();
    assert_int_equal(shell_home.memory_left, (size_t)1 << 30);
}

/* After 10 000 operations going back does again at most an interval. */
static void going_back_is_short(void **state)
{
    struct journal *journal;

    (void)state;
    shell_open();
    run("reset 32K 8K");
    for (int i = 0; i < 5000; i++) {
        run("alloc 40");
        run("free +0x1b0");
    }
    journal = &session.past->journal;
    assert_true(journal->now > 5000);
    assert_true(journal->interval <= 128);
    assert_true(journal->now - journal->copies[journal->copy_count - 1].moment
                <= journal->interval);
    shell_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thousand_histories_go_back_and_forward),
        cmocka_unit_test(long_histories_use_their_copies),
        cmocka_unit_test(a_journal_with_little_memory_is_slow_but_right),
        cmocka_unit_test(without_memory_it_says_so),
        cmocka_unit_test(history_makes_the_same_lab_elsewhere),
        cmocka_unit_test(saved_labs_come_back),
        cmocka_unit_test(going_back_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

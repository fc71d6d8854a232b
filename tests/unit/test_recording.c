/* SPDX-License-Identifier: MIT */
/*
 * test_recording.c - recordings: read, replayed, stopped; questions: answered
 *
 * sources: src/shell/[a-z]*.c src/lab/[a-z]*.c src/trace/[a-z]*.c
 * sources: src/mm/[a-z]*.c
 * sources: src/kernel/memmap.c
 */
#include "shell_home.h"

#include "trace/ledger.h"

static struct recording_fault read_text(struct recording *recording,
                                        const char *text)
{
    static struct recording_step steps[100];
    static uint32_t live[100];

    recording->steps = steps;
    assert_true(recording_lines(text, strlen(text)) <= 100);
    return recording_read(recording, text, strlen(text), live, 100);
}

static void good_recordings_are_read(void **state)
{
    struct recording recording;

    (void)state;
    assert_null(read_text(&recording, "100\n2\n5\n1\na 0 100\na 1 7\n"
                                      "r 0 50\nf 0\nf 1\n").sentence);
    assert_int_equal(recording.count, 5);
    assert_int_equal(recording.ids, 2);
    assert_int_equal(recording.peak, 107);
    assert_int_equal(recording.peak_blocks, 112 + 16);
    assert_int_equal(recording.largest, 100);
    assert_null(read_text(&recording, "1\n1\na 0 100\r\n\nf 0").sentence);
    assert_int_equal(recording.count, 2);
    assert_null(read_text(&recording, "1\n1\na 0 8\nt 2\nb 256\na 1 8\n"
                                      "f 0\na 2 9\n").sentence);
    assert_int_equal(recording.count, 4);
    assert_int_equal(recording_request(&recording,
                                       &recording.steps[0]).align, 0);
    assert_int_equal(recording_request(&recording,
                                       &recording.steps[1]).align, 256);
    assert_int_equal(recording_request(&recording,
                                       &recording.steps[3]).align, 0);
}

static void bad_recordings_are_refused_with_their_line(void **state)
{
    static const struct {
        const char *text, *sentence;
        uint32_t line;
    } bad[] = {
        { "", "begins with four numbers", 1 },
        { "1\n2\n3\na 0 1\n", "begins with four numbers", 1 },
        { "1\n1\n", "no operations", 3 },
        { "1\n1\nx 0 1\n", "begins with a, r, f", 3 },
        { "1\n1\na 0\n", "takes an ID and a size", 3 },
        { "1\n1\na 0 1 1\n", "stands behind", 3 },
        { "1\n1\na 100 1\n", "larger than there is room for", 3 },
        { "1\n1\na 0 2000000000\n", "at most 1 GiB", 3 },
        { "1\n1\na 0 99999999999999999999999\n", "takes an ID and a size", 3 },
        { "1\n1\na 0 1\na 0 1\n", "live already", 4 },
        { "1\n1\na 0 1\nf 0\nf 0\n", "not live", 5 },
        { "1\n1\na 0 1\n\nt 1\nf 0\nf 0\n", "not live", 7 },
        { "1\n1\nb 3\na 0 1\n", "power of two", 3 },
        { "1\n1\nt\na 0 1\n", "one number", 3 },
        { "1 2\n", "numbers, one a line", 1 },
    };
    struct recording recording;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct recording_fault fault = read_text(&recording, bad[i].text);

        if (fault.sentence == NULL
            || strstr(fault.sentence, bad[i].sentence) == NULL
            || fault.line != bad[i].line)
            fail_msg("%s: line %u: %s", bad[i].text, fault.line,
                     fault.sentence == NULL ? "good" : fault.sentence);
    }
}

/* Any bytes: an answer, nothing read outside (AddressSanitizer looks). */
static void any_text_is_survived(void **state)
{
    static const char letters[] = "0123456789arf  \n\n\n";
    uint64_t random = 4;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        size_t size = random_below(&random, 60);
        char text[64], *copy;
        struct recording recording;
        static struct recording_step steps[100];
        static uint32_t live[100];

        for (size_t k = 0; k < size; k++)
            text[k] = letters[random_below(&random, sizeof letters - 1)];
        copy = exact_copy(text, size);
        recording.steps = steps;
        recording_read(&recording, copy, size, live, 100);
        free(copy);
    }
}

/* ---- replay ----------------------------------------------------------------- */

/* A program of 3000 operations that grows and shrinks. */
static const char *program(void)
{
    static char text[200000];
    static uint32_t live[2000];
    uint32_t count = 0, next = 0;
    uint64_t random = 99;
    int length = sprintf(text, "1\n1\n1\n1\n");

    for (int i = 0; i < 3000; i++) {
        if (count < 5 || random_below(&random, 100) < 52) {
            length += sprintf(text + length, "a %u %u\n", next,
                              (unsigned)random_below(&random, 200));
            live[count++] = next++;
        } else if (random_below(&random, 10) == 0) {
            length += sprintf(text + length, "r %u %u\n",
                              live[random_below(&random, count)],
                              (unsigned)random_below(&random, 400));
        } else {
            uint32_t k = (uint32_t)random_below(&random, count);

            length += sprintf(text + length, "f %u\n", live[k]);
            live[k] = live[--count];
        }
    }
    return text;
}

static int shell_with_program(void **state)
{
    (void)state;
    shell_home.file_name = "prog.rep";
    shell_home.file = program();
    shell_open();
    return 0;
}

static int shell_done(void **state)
{
    (void)state;
    shell_home.interrupted = false;
    shell_close();
    return 0;
}

static uint64_t now(void)
{
    return session.past->journal.now;
}

static void check_heap(void)
{
    run("check");
    assert_false(session.refused);
}

static void a_replay_can_be_stopped_and_goes_on(void **state)
{
    uint64_t hash;

    (void)state;
    run("replay prog");
    printed("3000 of 3000 operations are done, 0 refused");
    printed("external fragmentation");
    hash = lab_hash(session.lab);
    check_heap();
    run("replay prog until op 700");
    assert_int_equal(now(), 700);
    run("replay");
    assert_int_equal(lab_hash(session.lab), hash);
    run("goto 1500");
    assert_int_equal(now(), 1500);
    check_heap();
    run("until op 1000");
    printed("operation 1000 was done already");
    run("until op 2000");
    run("alloc 50");                    /* in between */
    assert_int_equal(now(), 2001);
    run("until end");
    printed("3000 of 3000");
    assert_int_equal(now(), 3001);
    run("until end");
    printed("the trace is at its end");
    run("back 1001; until op 2500");
    assert_int_equal(now(), 2500);
}

static void ctrl_c_leaves_the_heap_intact(void **state)
{
    (void)state;
    run("replay prog until op 10");
    shell_home.interrupted = true;
    run("replay");
    printed("stopped by Ctrl-C");
    assert_true(now() < 3000);
    shell_home.interrupted = false;
    check_heap();
    run("replay");
    printed("3000 of 3000 operations");
    check_heap();
}

static void conditions_hold_where_it_stops(void **state)
{
    (void)state;
    run("replay prog until used > 5000");
    printed("Stopped: used > 5000");
    assert_true(session.lab_stats.used.now > 5000);
    run("back");
    assert_true(session.lab_stats.used.now <= 5000);
    run("replay prog 8K until fail");
    printed("exceeds the arena of 8192");
    printed("Stopped: fail");
    assert_int_equal(session.lab_stats.events[MM_EVENT_REFUSE], 1);
    run("why");
    printed("It was refused");
    run("replay prog 8K scale 40");
    printed("3000 of 3000 operations are done, 0 refused");
    run("replay prog until frag > 5%");
    printed("Stopped: frag > 5%");
    run("replay nothing");
    printed("there is no trace nothing");
    run("replay prog 8K scale 0");
    printed("scale takes");
    run("replay prog lots");
    printed("is no size for an arena");
    run("until pigs fly");
    printed("until takes a condition");
}

static void a_block_that_moves_stops_it(void **state)
{
    const struct ledger_entry *entry;
    uint64_t at;

    (void)state;
    shell_home.file = "1\n1\n1\n1\na 0 10\na 1 10\na 2 10\nr 1 9\nr 1 500\n"
                      "f 1\n";
    shell_open();
    run("replay prog until op 3");
    entry = ledger_find_letter(session.machine->ledger, 1);
    at = entry->at;
    run("until block b moves");
    printed("Stopped: block b moves. 5 of 6");
    entry = ledger_find_letter(session.machine->ledger, 1);
    assert_true(entry->at != at);
}

static void a_race_leaves_the_lab_alone(void **state)
{
    uint64_t hash, left;

    (void)state;
    run("alloc 24; alloc 99");
    hash = lab_hash(session.lab);
    run("race on prog");                /* reads the recording */
    left = shell_home.memory_left;
    run("race first lifo best buddy on prog 32K");
    printed("F first lifo");
    printed("u buddy");
    assert_int_equal(lab_hash(session.lab), hash);
    assert_int_equal(shell_home.memory_left, left);
    run("race first on");
    printed("race takes policies and a trace");
    run("race worse on prog");
    printed("'worse' is no policy");
    shell_home.interrupted = true;
    run("race on prog");
    printed("stopped by Ctrl-C");
    shell_home.interrupted = false;
    assert_int_equal(shell_home.memory_left, left);
}

/* ---- questions ------------------------------------------------------------------ */

/* Answers every question of a quiz with what `back` has shown to be right. */
static void the_right_answers_are_right(void **state)
{
    (void)state;
    run("predict on");
    for (int i = 0; i < 3; i++) {
        run(i == 0 ? "alloc 24" : i == 1 ? "alloc 24" : "free a");
        printed("Before '");
        run(i == 0 ? "+0x2b0" : i == 1 ? "0x2d0" : "none");
        printed("Right.");
        if (i == 2)
            break;
        run("64000");
        printed("Right.");
        run("no");
        printed("No: yes.");
    }
    printed("5 of 7 right.");
    run("alloc 24");
    run("dump");
    printed("is dropped");
    run("predict off");
    printed("5 of 7 right.");
    run("+0x2b0");
    printed("no command");
}

/* Each of the four cases of a free, and the answers of a policy. */
static void every_case_is_told_right(void **state)
{
    static const char *const answers[][2] = {
        { "free b", "none" }, { "free c", "left" }, { "free e", "none" },
        { "free d", "both" }, { "free a", "right" },
    };

    (void)state;
    run("reset; alloc 20; alloc 20; alloc 20; alloc 20; alloc 20; alloc 20");
    run("predict on 5");
    for (int i = 0; i < 5; i++) {
        run(answers[i][0]);
        printed("With which free neighbours");
        run(answers[i][1]);
        printed("Right.");
    }
    run("predict off; policy buddy; alloc 20; alloc 90; free a; predict on");
    run("alloc 100");
    run("+0x2b0");                      /* rounded up to 128, joined twice */
    printed("Right.");
    run("256");
    printed("No: 128.");
    run("no");
    printed("Right.");
}

static void the_same_seed_asks_the_same(void **state)
{
    static char first[sizeof shell_home.written];
    static char second[sizeof shell_home.written];

    (void)state;
    for (int round = 0; round < 2; round++) {
        char *all = round == 0 ? first : second;

        all[0] = '\0';
        run("quiz 33 12");
        strcat(all, shell_home.written);
        for (int i = 0; i < 12; i++) {
            run("?");
            strcat(all, shell_home.written);
        }
        printed("The quiz is over: 0 of 12 right.");
    }
    assert_string_equal(first, second);
    run("quiz 34 12");
    assert_false(session.past->quiz.command[0] == '\0');
    run("quiz 0 1");
    run("quiz 1");
    printed("quiz takes a seed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_recordings_are_read),
        cmocka_unit_test(bad_recordings_are_refused_with_their_line),
        cmocka_unit_test(any_text_is_survived),
        cmocka_unit_test_setup_teardown(a_replay_can_be_stopped_and_goes_on,
                                        shell_with_program, shell_done),
        cmocka_unit_test_setup_teardown(ctrl_c_leaves_the_heap_intact,
                                        shell_with_program, shell_done),
        cmocka_unit_test_setup_teardown(conditions_hold_where_it_stops,
                                        shell_with_program, shell_done),
        cmocka_unit_test_setup_teardown(a_block_that_moves_stops_it,
                                        shell_with_program, shell_done),
        cmocka_unit_test_setup_teardown(a_race_leaves_the_lab_alone,
                                        shell_with_program, shell_done),
        cmocka_unit_test_setup_teardown(the_right_answers_are_right,
                                        shell_with_program, shell_done),
        cmocka_unit_test_setup_teardown(every_case_is_told_right,
                                        shell_with_program, shell_done),
        cmocka_unit_test_setup_teardown(the_same_seed_asks_the_same,
                                        shell_with_program, shell_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

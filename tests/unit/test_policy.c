/* SPDX-License-Identifier: MIT */
/*
 * test_policy.c - each policy chooses as its name says, and why tells the truth
 *
 * sources: src/shell/[a-z]*.c src/lab/[a-z]*.c src/trace/[a-z]*.c
 * sources: src/mm/[a-z]*.c
 * sources: src/kernel/memmap.c
 *
 * Random programs run under each policy. Before each request the test makes
 * its own choice, slowly, from a walk over all blocks; the block that the heap
 * takes must be that one. All invariants are checked after each operation, the
 * bytes of every live block too. After each refusal `why` is asked: the block
 * that it names is freed, and the request is granted; if it names none, each
 * live block is freed in turn, and it never is.
 */
#include "shell_home.h"

#include "lab/policy.h"
#include "trace/ledger.h"

enum { LIVE = 400, KIB = 1024 };

static const struct choice {
    const struct heap_policy *policy;
    enum heap_order order;
} choices[] = {
    { &policy_first, HEAP_BY_ADDRESS }, { &policy_first, HEAP_LAST_FIRST },
    { &policy_next, HEAP_BY_ADDRESS },  { &policy_next, HEAP_LAST_FIRST },
    { &policy_best, HEAP_BY_ADDRESS },  { &policy_best, HEAP_LAST_FIRST },
    { &policy_worst, HEAP_BY_ADDRESS }, { &policy_worst, HEAP_LAST_FIRST },
    { NULL, HEAP_BY_ADDRESS },          { &policy_buddy, HEAP_BY_ADDRESS },
    { &policy_bump, HEAP_BY_ADDRESS },
};

enum { CHOICES = sizeof choices / sizeof choices[0] };

static struct lab *lab;
static struct heap *heap;
static uint64_t taken_at, taken_from;   /* of the last command */

static void hear(void *context, const struct mm_event *event)
{
    (void)context;
    if (event->kind == MM_EVENT_SPLIT && taken_from == 0)
        taken_from = event->at;
    if (event->kind == MM_EVENT_TAKE) {
        taken_at = event->at;
        if (taken_from == 0)
            taken_from = event->at;
    }
}

static void open_lab(const struct choice *choice, uint64_t arena,
                     uint32_t span)
{
    struct lab_setup setup = lab_default;

    setup.arena_bytes = arena;
    setup.span_bytes = span;
    setup.policy = choice->policy;
    setup.order = choice->order;
    lab = lab_init(home_memory(lab_bytes(&setup)), &setup, hear, NULL);
    heap = lab_machine(lab)->heap;
}

static void close_lab(void)
{
    home_memory_release(lab, lab_bytes(lab_setup_of(lab)));
}

/* The block that POLICY is expected to take for NEED bytes; 0: none, or the
 * rule cannot be told from a walk. */
static uint64_t expected(const struct choice *choice, uint64_t need)
{
    uint64_t best = 0, best_size = 0, rover = (uint64_t)heap->rover * 16;
    uint64_t first = 0, after = 0;
    struct heap_cursor cursor;

    if (choice->policy == NULL || choice->policy == &policy_bump
        || choice->order != HEAP_BY_ADDRESS)
        return 0;
    heap_walk(&cursor);
    while (heap_walk_next(heap, &cursor)) {
        uint64_t size = cursor.size;

        if (cursor.used || size < need)
            continue;
        if (first == 0)
            first = cursor.at;
        if (after == 0 && cursor.at + size > rover)
            after = cursor.at;
        if (best == 0
            || (choice->policy == &policy_worst ? size > best_size
                                                : size < best_size)) {
            best = cursor.at;
            best_size = size;
        }
    }
    if (choice->policy == &policy_first)
        return first;
    if (choice->policy == &policy_next)
        return after != 0 ? after : first;
    if (choice->policy == &policy_buddy)
        return 0;
    return best;
}

static void check_all(void **live, const uint32_t *sizes, unsigned count)
{
    struct heap_damage damage;

    if (!heap_check(heap, &damage))
        fail_msg("%s at +0x%llx", damage.invariant, (wide)damage.at);
    for (unsigned i = 0; i < count; i++) {
        const unsigned char *bytes = live[i];

        for (uint32_t k = 0; k < sizes[i]; k++)
            if (bytes[k] != (unsigned char)(sizes[i] + k))
                fail_msg("a live block was written to");
    }
}

static void paint(void *payload, uint32_t size)
{
    for (uint32_t k = 0; k < size; k++)
        ((unsigned char *)payload)[k] = (unsigned char)(size + k);
}

static void run_policy(const struct choice *choice, uint64_t arena,
                       uint32_t span, uint64_t seed, unsigned steps)
{
    static void *live[LIVE];
    static uint32_t sizes[LIVE];
    unsigned count = 0, refused = 0;

    open_lab(choice, arena, span);
    for (unsigned i = 0; i < steps; i++) {
        uint64_t what = random_below(&seed, 10);
        uint32_t size = random_below(&seed, 5) == 0
                            ? (uint32_t)random_below(&seed, span / 6)
                            : (uint32_t)random_below(&seed, 250);

        taken_from = 0;
        if (what < 5 && count < LIVE) {
            uint64_t need = ((uint64_t)(size ? size : 1) + 4 + 15) & ~15ull;
            uint64_t mine = expected(choice, need);
            struct heap_request request = { .size = size };

            if (what == 4) {
                request.align = 16u << random_below(&seed, 5);
                mine = 0;
            }
            live[count] = heap_alloc_request(heap, &request);
            if (live[count] == NULL) {
                refused++;
                if (mine != 0)
                    fail_msg("refused, and +0x%llx is free", (wide)mine);
                continue;
            }
            if (mine != 0 && taken_from != mine)
                fail_msg("took +0x%llx, not +0x%llx", (wide)taken_from,
                         (wide)mine);
            sizes[count] = size;
            paint(live[count], size);
            count++;
        } else if (what < 6 && count > 0) {
            unsigned k = (unsigned)random_below(&seed, count);
            void *moved = heap_realloc(heap, live[k], size);

            if (moved != NULL) {
                live[k] = moved;
                sizes[k] = size;
                paint(moved, size);
            }
        } else if (count > 0) {
            unsigned k = (unsigned)random_below(&seed, count);

            assert_int_equal(heap_free(heap, live[k]), MM_OK);
            live[k] = live[--count];
            sizes[k] = sizes[count];
        }
        check_all(live, sizes, count);
    }
    while (count > 0)
        assert_int_equal(heap_free(heap, live[--count]), MM_OK);
    check_all(live, sizes, 0);
    if (choice->policy != &policy_bump) {       /* all is one piece again */
        struct heap_cursor cursor;

        heap_walk(&cursor);
        while (heap_walk_next(heap, &cursor)) {
            assert_false(cursor.used);
            assert_int_equal(cursor.size,
                             (uint64_t)heap->span_quanta * MM_QUANTUM);
        }
    }
    (void)refused;
    close_lab();
}

static void policies_choose_what_they_say(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CHOICES; i++) {
        for (uint64_t seed = 1; seed <= 6; seed++) {
            run_policy(&choices[i], 32 * KIB, 32 * KIB, seed * 99, 300);
            run_policy(&choices[i], 32 * KIB, 8 * KIB, seed * 55, 300);
        }
    }
}

/* Blocks handed out by `bump` never overlap one that was handed out before. */
static void bump_never_hands_out_twice(void **state)
{
    uint64_t highest = 0;

    (void)state;
    open_lab(&choices[CHOICES - 1], 32 * KIB, 8 * KIB);
    for (int i = 0; i < 600; i++) {
        void *payload = heap_alloc(heap, 50);

        if (payload == NULL)
            break;
        assert_true(heap_at(heap, payload) > highest);
        highest = heap_at(heap, payload);
        heap_free(heap, payload);
    }
    assert_true(highest > 31 * KIB);
    close_lab();
}

/* ---- why ------------------------------------------------------------------------ */

/* Whether the request in WORDS is granted once BLOCK is freed. */
static bool granted_after(const char *block, const char *command)
{
    uint64_t moment = session.past->journal.now;
    bool granted;

    runf("free %s", block);
    run(command);
    granted = strstr(shell_home.written, ": block of") != NULL
              || strstr(shell_home.written, ": slot of") != NULL
              || strstr(shell_home.written, ": range of") != NULL;
    runf("goto %llu", (wide)moment);
    return granted;
}

static void ask_why(const char *command, unsigned *named)
{
    const struct ledger *ledger = lab_machine(session.lab)->ledger;
    uint64_t hash = lab_hash(session.lab);
    char block[16], *found;

    run("why");
    assert_int_equal(lab_hash(session.lab), hash);
    found = strstr(shell_home.written, "Freeing block ");
    if (found != NULL) {
        assert_int_equal(sscanf(found, "Freeing block %15s", block), 1);
        if (!granted_after(block, command))
            fail_msg("why names block %s, but '%s' is refused after freeing "
                     "it", block, command);
        ++*named;
        return;
    }
    if (strstr(shell_home.written, "freed alone") == NULL
        && strstr(shell_home.written, "No block could be freed") == NULL)
        return;
    for (uint32_t letter = 0; letter < ledger->letters; letter++) {
        if (ledger_find_letter(ledger, letter) == NULL)
            continue;
        ledger_letter_text(letter, block);
        if (granted_after(block, command))
            fail_msg("why names no block, but '%s' is granted after freeing "
                     "%s", command, block);
    }
}

static void what_why_says_would_do_does(void **state)
{
    static const char *const resets[] = {
        "reset 16K 16K", "reset 32K 8K", "reset 16K 16K; policy first",
        "reset 16K 16K; policy buddy", "reset 16K 16K; policy best lifo",
        "reset 16K 16K; small on", "reset 16K 16K; policy bump",
    };
    unsigned named = 0, refused = 0;

    (void)state;
    shell_open();
    for (uint64_t seed = 1; seed <= 42; seed++) {
        uint64_t random = seed * 1234567;

        run(resets[seed % 7]);
        for (unsigned i = 0; i < 120; i++) {
            const struct ledger *ledger = lab_machine(session.lab)->ledger;
            char command[64], letter[LEDGER_LETTER_CHARS];
            bool plain = random_below(&random, 3) != 0;

            if (random_below(&random, 10) < 7)
                snprintf(command, sizeof command,
                         plain ? "alloc %llu" : "alloc %llu align 64",
                         (wide)random_below(&random, 1500));
            else
                snprintf(command, sizeof command, "free %s",
                         ledger_letter_text(
                             (uint32_t)random_below(&random,
                                                    ledger->letters + 1),
                             letter));
            run(command);
            if (session.refused && command[0] == 'a') {
                refused++;
                ask_why(command, &named);
            } else {
                run("why");             /* of anything: it ends, and changes
                                           nothing */
            }
        }
    }
    assert_true(refused > 100 && named > 50);
    shell_close();
}

/* The blocks that why lists are those that the heap counted. */
static void why_counts_what_the_heap_counted(void **state)
{
    uint64_t random = 77;

    (void)state;
    shell_open();
    run("reset 32K 32K");
    for (unsigned i = 0; i < 600; i++) {
        char row[64];

        if (random_below(&random, 2)) {
            runf("alloc %llu", (wide)random_below(&random, 300));
            if (session.refused)
                continue;
            snprintf(row, sizeof row, "%u block%s examined.",
                     session.machine->heap->examined,
                     plural(session.machine->heap->examined));
            run("why");
            printed(row);
        } else {
            char letter[LEDGER_LETTER_CHARS];

            runf("free %s", ledger_letter_text(
                 (uint32_t)random_below(&random,
                                        session.machine->ledger->letters + 1),
                 letter));
        }
    }
    shell_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(policies_choose_what_they_say),
        cmocka_unit_test(bump_never_hands_out_twice),
        cmocka_unit_test(what_why_says_would_do_does),
        cmocka_unit_test(why_counts_what_the_heap_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

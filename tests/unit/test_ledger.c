/* SPDX-License-Identifier: MIT */
/*
 * test_ledger.c - letters and requested sizes, against a plain array
 *
 * sources: src/trace/ledger.c
 */
#include "support.h"

#include "mm/ranges.h"
#include "mm/span.h"
#include "trace/ledger.h"

static struct ledger *make(uint32_t capacity)
{
    void *memory = malloc(ledger_bytes(capacity));

    assert_non_null(memory);
    memset(memory, 0xa5, ledger_bytes(capacity));
    return ledger_init(memory, capacity);
}

static void tell(struct ledger *ledger, enum mm_event_kind kind, uint64_t at,
                 uint64_t request)
{
    struct mm_event event = { .kind = kind, .at = at, .size = 64,
                              .request = request };

    ledger_event(ledger, &event);
}

/* ---- letters --------------- */

static void letters_count_like_columns_of_a_sheet(void **state)
{
    static const struct { uint32_t number; const char *text; } known[] = {
        { 0, "a" }, { 1, "b" }, { 25, "z" }, { 26, "aa" }, { 27, "ab" },
        { 51, "az" }, { 52, "ba" }, { 701, "zz" }, { 702, "aaa" },
        { 18277, "zzz" }, { 18278, "aaaa" }, { UINT32_MAX, "mwlqkwv" },
    };
    char text[LEDGER_LETTER_CHARS];
    uint32_t number;

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_string_equal(ledger_letter_text(known[i].number, text),
                            known[i].text);
        assert_true(ledger_letter_number(known[i].text,
                                         strlen(known[i].text), &number));
        assert_int_equal(number, known[i].number);
    }
    for (uint32_t i = 0; i < 100000; i++) {
        ledger_letter_text(i, text);
        assert_true(ledger_letter_number(text, strlen(text), &number));
        assert_int_equal(number, i);
    }
}

static void what_is_no_letter_is_refused(void **state)
{
    static const char *const wrong[] = {
        "", "A", "a1", "1", "+", "a b", "mwlqkww", "zzzzzzz", "aaaaaaaa",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "{", "`", "a ",
    };
    uint32_t number = 7;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (ledger_letter_number(wrong[i], strlen(wrong[i]), &number))
            fail_msg("\"%s\" was taken for a letter", wrong[i]);
    }
    assert_int_equal(number, 7);
    assert_true(ledger_letter_number("bc", 1, &number));    /* "b" */
    assert_int_equal(number, 1);
}

/* ---- entries --------------- */

struct known {
    uint64_t at, request;
    uint32_t letter;
};

static void expect_same(const struct ledger *ledger,
                        const struct known *known, unsigned count)
{
    const struct ledger_entry *entry;
    uint64_t requested = 0;
    unsigned seen = 0;
    uint32_t last = 0;

    assert_int_equal(ledger->count, count);
    for (unsigned i = 0; i < count; i++) {
        entry = ledger_find(ledger, known[i].at);
        assert_non_null(entry);
        assert_ptr_equal(entry, ledger_find_letter(ledger, known[i].letter));
        assert_true(entry->at == known[i].at);
        assert_true(entry->request == known[i].request);
        assert_int_equal(entry->letter, known[i].letter);
        requested += entry->request;
    }
    assert_true(ledger->requested == requested);
    for (entry = ledger_first(ledger); entry != NULL;
         entry = ledger_next(ledger, entry)) {
        assert_true(seen == 0 || entry->letter > last);
        last = entry->letter;
        seen++;
    }
    assert_int_equal(seen, count);
}

static void random_lives_match_an_array(void **state)
{
    (void)state;
    for (uint32_t capacity = 1; capacity <= 300; capacity = capacity * 3 + 1) {
        struct ledger *ledger = make(capacity);
        struct known known[400];
        uint64_t random = capacity, dead = 0;
        unsigned count = 0;
        uint32_t letters = 0;

        for (int i = 0; i < 6000; i++) {
            uint64_t what = random_below(&random, 10);

            if (what < 5 && count < capacity) {
                struct known *new = &known[count];

                new->at = 16 * (1 + random_below(&random, 1 << 20));
                if (ledger_find(ledger, new->at) != NULL)
                    continue;
                new->request = random_below(&random, 5000);
                new->letter = letters++;
                tell(ledger, random_below(&random, 2) ? MM_EVENT_TAKE
                                                      : MM_EVENT_SLOT_TAKE,
                     new->at, new->request);
                count++;
            } else if (what < 8 && count > 0) {
                unsigned k = (unsigned)random_below(&random, count);

                dead = known[k].at;
                tell(ledger, random_below(&random, 2) ? MM_EVENT_RELEASE
                                                      : MM_EVENT_SLOT_GIVE,
                     dead, 0);
                assert_null(ledger_find(ledger, dead));
                assert_null(ledger_find_letter(ledger, known[k].letter));
                assert_int_equal(ledger_find_freed(ledger, dead)->letter,
                                 known[k].letter);
                known[k] = known[--count];
            } else if (what == 8 && count > 0) {
                unsigned k = (unsigned)random_below(&random, count);

                known[k].request = random_below(&random, 5000);
                tell(ledger, MM_EVENT_RESIZE, known[k].at,
                     known[k].request);
            } else if (count > 0 && count < capacity) {
                /* realloc moves one: take, release, move */
                unsigned k = (unsigned)random_below(&random, count);
                uint64_t to = 16 * (1 + random_below(&random, 1 << 20));
                uint32_t before = ledger->operations;

                if (ledger_find(ledger, to) != NULL)
                    continue;
                tell(ledger, MM_EVENT_TAKE, to, 99);
                tell(ledger, MM_EVENT_RELEASE, known[k].at, 0);
                ledger_move(ledger, known[k].at, to);
                known[k].at = to;
                known[k].request = 99;
                assert_int_equal(ledger->operations, before + 1);
            }
            if (i % 16 == 0)
                expect_same(ledger, known, count);
            assert_int_equal(ledger->letters, letters);
        }
        expect_same(ledger, known, count);
        assert_int_equal(ledger->unknown, 0);
        free(ledger);
    }
}

static void when_it_is_full_the_rest_stays_unknown(void **state)
{
    struct ledger *ledger = make(3);

    (void)state;
    for (uint64_t at = 16; at <= 80; at += 16)
        tell(ledger, MM_EVENT_TAKE, at, at);
    assert_int_equal(ledger->count, 3);
    assert_int_equal(ledger->unknown, 2);
    assert_int_equal(ledger->letters, 3);
    assert_null(ledger_find(ledger, 64));
    tell(ledger, MM_EVENT_RELEASE, 64, 0);      /* one that is unknown */
    assert_int_equal(ledger->unknown, 1);
    tell(ledger, MM_EVENT_RELEASE, 16, 0);
    tell(ledger, MM_EVENT_TAKE, 96, 5);
    assert_int_equal(ledger_find(ledger, 96)->letter, 3);
    assert_int_equal(ledger->count, 3);
    free(ledger);
}

static void the_dead_are_remembered_for_a_while(void **state)
{
    struct ledger *ledger = make(200);

    (void)state;
    assert_null(ledger_find_freed(ledger, 0));
    assert_null(ledger_find_freed_letter(ledger, 0));
    for (uint64_t i = 1; i <= 100; i++) {
        tell(ledger, MM_EVENT_TAKE, i * 16, i);
        tell(ledger, MM_EVENT_RELEASE, i * 16, 0);
    }
    for (uint32_t i = 1; i <= 100; i++) {
        const struct ledger_freed *freed = ledger_find_freed(ledger, i * 16);

        assert_true(ledger_was_born(ledger, i - 1));
        assert_ptr_equal(freed, ledger_find_freed_letter(ledger, i - 1));
        if (i <= 100 - LEDGER_FREED) {
            assert_null(freed);
            continue;
        }
        assert_int_equal(freed->letter, i - 1);
        assert_true(freed->request == i);
        assert_int_equal(freed->death, freed->birth + 1);
    }
    assert_false(ledger_was_born(ledger, 100));

    tell(ledger, MM_EVENT_TAKE, 1600, 1);       /* there again, as letter 100 */
    tell(ledger, MM_EVENT_RELEASE, 1600, 0);
    assert_int_equal(ledger_find_freed(ledger, 1600)->letter, 100);
    free(ledger);
}

static void kinds_are_told_apart(void **state)
{
    struct ledger *ledger = make(20);
    struct mm_event event = { .kind = MM_EVENT_MAP, .at = 65536,
                              .size = 16384, .other = RANGE_LARGE };

    (void)state;
    ledger_event(ledger, &event);
    event = (struct mm_event){ .kind = MM_EVENT_MAP, .at = 4096,
                               .size = 4096, .other = RANGE_TAGS };
    ledger_event(ledger, &event);
    event = (struct mm_event){ .kind = MM_EVENT_TAKE,
                               .at = 65536 + SPAN_LARGE_HEAD, .size = 16384 };
    ledger_event(ledger, &event);
    event = (struct mm_event){ .kind = MM_EVENT_TAKE, .at = 65536 + 256,
                               .size = 32 };
    ledger_event(ledger, &event);
    event = (struct mm_event){ .kind = MM_EVENT_SLOT_TAKE, .at = 72 };
    ledger_event(ledger, &event);
    event = (struct mm_event){ .kind = MM_EVENT_TAKE, .at = 8192,
                               .use = MM_USE_SLOTS };
    ledger_event(ledger, &event);
    assert_int_equal(ledger_find(ledger, 65536 + SPAN_LARGE_HEAD)->kind,
                     LEDGER_LARGE);
    assert_int_equal(ledger_find(ledger, 65536 + 256)->kind, LEDGER_BLOCK);
    assert_int_equal(ledger_find(ledger, 72)->kind, LEDGER_SLOT);
    assert_null(ledger_find(ledger, 8192));
    assert_int_equal(ledger->operations, 3);

    /* a large request that was refused after its range was mapped */
    event = (struct mm_event){ .kind = MM_EVENT_MAP, .at = 131072,
                               .size = 16384, .other = RANGE_LARGE };
    ledger_event(ledger, &event);
    event = (struct mm_event){ .kind = MM_EVENT_UNMAP, .at = 131072,
                               .size = 16384 };
    ledger_event(ledger, &event);
    event = (struct mm_event){ .kind = MM_EVENT_TAKE, .at = 131072 + 512,
                               .size = 1024 };
    ledger_event(ledger, &event);
    assert_int_equal(ledger_find(ledger, 131072 + 512)->kind, LEDGER_BLOCK);
    free(ledger);
}

static void a_payload_that_is_born_twice_is_the_new_one(void **state)
{
    struct ledger *ledger = make(4);

    (void)state;
    tell(ledger, MM_EVENT_TAKE, 64, 10);
    tell(ledger, MM_EVENT_TAKE, 64, 20);
    assert_int_equal(ledger->count, 1);
    assert_int_equal(ledger_find(ledger, 64)->letter, 1);
    assert_true(ledger->requested == 20);
    tell(ledger, MM_EVENT_RELEASE, 400, 0);     /* one that never was */
    tell(ledger, MM_EVENT_RESIZE, 400, 9);
    assert_int_equal(ledger->count, 1);
    ledger_move(ledger, 400, 64);
    ledger_move(ledger, 64, 400);
    assert_int_equal(ledger_find(ledger, 64)->letter, 1);
    free(ledger);
}

static void letters_that_nobody_saw_are_given_again(void **state)
{
    struct ledger *ledger = make(8);

    (void)state;
    tell(ledger, MM_EVENT_TAKE, 64, 10);            /* a */
    tell(ledger, MM_EVENT_TAKE, 128, 20);           /* b */
    tell(ledger, MM_EVENT_RELEASE, 64, 0);
    tell(ledger, MM_EVENT_TAKE, 256, 30);           /* c and d: forgotten */
    tell(ledger, MM_EVENT_TAKE, 64, 40);
    tell(ledger, MM_EVENT_RELEASE, 256, 0);
    ledger_forget(ledger, 2);
    assert_int_equal(ledger->letters, 4);           /* d is live */
    tell(ledger, MM_EVENT_RELEASE, 64, 0);
    ledger_forget(ledger, 4);
    assert_int_equal(ledger->letters, 4);           /* there is nothing */
    ledger_forget(ledger, 2);
    assert_int_equal(ledger->letters, 2);
    assert_false(ledger_was_born(ledger, 2));
    assert_null(ledger_find_freed_letter(ledger, 2));
    assert_null(ledger_find_freed_letter(ledger, 3));
    assert_int_equal(ledger_find_freed(ledger, 64)->letter, 0);
    tell(ledger, MM_EVENT_TAKE, 64, 50);
    assert_int_equal(ledger_find(ledger, 64)->letter, 2);
    free(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_count_like_columns_of_a_sheet),
        cmocka_unit_test(what_is_no_letter_is_refused),
        cmocka_unit_test(random_lives_match_an_array),
        cmocka_unit_test(when_it_is_full_the_rest_stays_unknown),
        cmocka_unit_test(the_dead_are_remembered_for_a_while),
        cmocka_unit_test(kinds_are_told_apart),
        cmocka_unit_test(a_payload_that_is_born_twice_is_the_new_one),
        cmocka_unit_test(letters_that_nobody_saw_are_given_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

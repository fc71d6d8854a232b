/* SPDX-License-Identifier: MIT */
/*
 * test_replay.c - would the comparison of replay and walk see a mistake?
 *
 * test_heap.c holds the replayed picture against the walked one after every
 * operation. Here the events are forged on their way: each kind is once left
 * out, told twice, told with another offset, size or other field. Every
 * forgery must be seen, by the replay itself or by the comparison: else a
 * step that announces nonsense would pass all those tests.
 *
 * sources: tests/unit/home.c tests/unit/shadow.c
 * sources: src/mm/[a-z]*.c src/trace/[a-z]*.c
 */
#include "home.h"

#include "trace/sentence.h"

enum { KIB = 1024, EVENTS = 20000 };

static const struct test_setup setup = {
    .arena_bytes = 256 * KIB, .span_bytes = 32 * KIB, .hollow_pages = 1,
    .level = HEAP_LEVEL_CHECK, .small = true, .keep = 2,
    .counts = true,
};

/* ---- a program, its events, and where it led --------------- */

static struct recording {
    struct mm_event events[EVENTS];
    unsigned count;
    struct test_home *test;
    struct picture *forged;
    void (*listener)(void *context, const struct mm_event *event);
} r;

static void record(void *context, const struct mm_event *event)
{
    assert_true(r.count < EVENTS);
    r.events[r.count++] = *event;
    r.listener(context, event);
}

static void run_program(struct test_home *test)
{
    static void *live[500];
    unsigned count = 0;
    uint64_t random = 21;

    for (int i = 0; i < 900; i++) {
        uint64_t what = random_below(&random, 10);
        uint64_t size = random_below(&random, 4) == 0
                            ? random_below(&random, 12000)
                            : random_below(&random, 300);

        if (what < 5 && count < 500) {
            struct heap_request request = { .size = size };

            if (what == 0)
                request.align = 256;
            live[count] = heap_alloc_request(&test->heap, &request);
            count += live[count] != NULL;
        } else if (what < 7 && count > 0) {
            unsigned k = (unsigned)random_below(&random, count);
            void *moved = heap_realloc(&test->heap, live[k], size);

            if (moved != NULL)
                live[k] = moved;
        } else if (count > 0) {
            unsigned k = (unsigned)random_below(&random, count);

            assert_int_equal(heap_free(&test->heap, live[k]), MM_OK);
            live[k] = live[--count];
        }
        while (i % 400 == 399 && count > 0)     /* spans leave */
            assert_int_equal(heap_free(&test->heap, live[--count]), MM_OK);
        if (i % 300 == 299)
            heap_trim(&test->heap);
    }
}

static int make_recording(void **state)
{
    struct picture_setup picture = { .arena_bytes = setup.arena_bytes };

    (void)state;
    r.test = test_home_create(&setup);
    r.listener = r.test->home.event;
    r.test->home.event = record;
    run_program(r.test);
    test_home_check(r.test, "the program");
    r.forged = picture_init(malloc(picture_bytes(&picture)), &picture);
    return 0;
}

static int drop_recording(void **state)
{
    (void)state;
    free(r.forged);
    test_home_destroy(r.test);
    return 0;
}

/* Replays all events but the one with number INDEX, which is told COUNT times
 * as FORGERY. Whether that was seen. */
static bool is_seen(unsigned index, const struct mm_event *forgery,
                    unsigned count)
{
    struct picture_difference difference;

    picture_clear(r.forged);
    for (unsigned i = 0; i < r.count; i++) {
        if (i != index) {
            if (picture_event(r.forged, &r.events[i]) != NULL)
                return true;
            continue;
        }
        for (unsigned k = 0; k < count; k++) {
            if (picture_event(r.forged, forgery) != NULL)
                return true;
        }
    }
    return picture_differs(r.forged, r.test->replayed, &difference);
}

/* The number of the last event of KIND that leaves a trace to the end, or the
 * last at all. */
static unsigned last_of(enum mm_event_kind kind, unsigned back)
{
    for (unsigned i = r.count; i-- > 0;) {
        if (r.events[i].kind == kind && back-- == 0)
            return i;
    }
    return EVENTS;
}

static bool changes_nothing(enum mm_event_kind kind)
{
    return kind == MM_EVENT_REFUSE;
}

/* Kinds that this program, on one heap without frames of its own, makes. */
static bool is_expected(enum mm_event_kind kind)
{
    return kind != MM_EVENT_FRAME_TAKE && kind != MM_EVENT_FRAME_GIVE &&
           kind != MM_EVENT_REMOTE_PUSH && kind != MM_EVENT_REMOTE_DRAIN &&
           kind != MM_EVENT_ADOPT && kind != MM_EVENT_WAIT;
}

/* ---- the tests --------------- */

static void the_recording_replays_to_what_memory_is(void **state)
{
    struct picture_difference difference;

    (void)state;
    assert_false(is_seen(EVENTS, NULL, 0));
    assert_false(picture_differs(r.test->replayed, r.test->walked,
                                 &difference));
    for (unsigned kind = 0; kind < MM_EVENT_KINDS; kind++) {
        if (is_expected(kind) && last_of(kind, 0) == EVENTS)
            fail_msg("the program never does %s", mm_event_name(kind));
    }
}

static void an_event_left_out_is_seen(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < MM_EVENT_KINDS; kind++) {
        for (unsigned back = 0; back < 5; back++) {
            unsigned i = last_of(kind, back);

            if (i == EVENTS || changes_nothing(kind) ||
                (kind == MM_EVENT_RESIZE &&
                 r.events[i].size == r.events[i].other))
                continue;
            if (!is_seen(i, NULL, 0))
                fail_msg("nobody misses the %s at +0x%llx",
                         mm_event_name(kind),
                         (unsigned long long)r.events[i].at);
        }
    }
}

static void an_event_told_twice_is_seen(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < MM_EVENT_KINDS; kind++) {
        for (unsigned back = 0; back < 5; back++) {
            unsigned i = last_of(kind, back);

            if (i == EVENTS || changes_nothing(kind) ||
                kind == MM_EVENT_RESIZE)
                continue;
            if (!is_seen(i, &r.events[i], 2))
                fail_msg("nobody notices a second %s", mm_event_name(kind));
        }
    }
}

static void a_wrong_number_is_seen(void **state)
{
    static const int64_t shifts[] = { 16, -16, 4096, -4096, 8, 2048, 1 };

    (void)state;
    for (unsigned kind = 0; kind < MM_EVENT_KINDS; kind++) {
        for (unsigned back = 0; back < 3; back++) {
            unsigned i = last_of(kind, back);

            if (i == EVENTS || changes_nothing(kind))
                continue;
            for (int s = 0; s < 7; s++) {
                struct mm_event forgery = r.events[i];
                bool same_size = kind == MM_EVENT_RESIZE &&
                                 forgery.size == forgery.other;

                forgery.at += (uint64_t)shifts[s];
                if (!same_size && !is_seen(i, &forgery, 1))
                    fail_msg("%s at another place", mm_event_name(kind));
                if (same_size)
                    continue;
                forgery = r.events[i];
                forgery.size += (uint64_t)shifts[s];
                if (!is_seen(i, &forgery, 1))
                    fail_msg("%s with another size", mm_event_name(kind));
            }
        }
    }
}

static void another_kind_is_seen(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < MM_EVENT_KINDS; kind++) {
        unsigned i = last_of(kind, 0);

        if (i == EVENTS || changes_nothing(kind) ||
            (kind == MM_EVENT_RESIZE &&
             r.events[i].size == r.events[i].other))
            continue;
        for (unsigned other = 0; other <= MM_EVENT_KINDS; other++) {
            struct mm_event forgery = r.events[i];

            forgery.kind = other;
            if (other != kind && !is_seen(i, &forgery, 1))
                fail_msg("%s told as %s", mm_event_name(kind),
                         mm_event_name(other));
        }
    }
}

/* Any garbage at all: no read or write outside the picture. */
static void garbage_is_refused_or_harmless(void **state)
{
    uint64_t random = 99;

    (void)state;
    for (int i = 0; i < 300000; i++) {
        struct mm_event event = r.events[random_below(&random, r.count)];
        uint64_t *fields[] = { &event.at, &event.size, &event.other };
        uint64_t *field = fields[random_below(&random, 3)];

        switch (random_below(&random, 5)) {
        case 0: *field = random_next(&random); break;
        case 1: *field = UINT64_MAX - random_below(&random, 5000); break;
        case 2: *field = random_below(&random, 300 * KIB); break;
        case 3: *field = random_below(&random, 300) * MM_PAGE; break;
        default: event.kind = (uint32_t)random_below(&random, 30); break;
        }
        picture_event(r.forged, &event);
        if (i % 1000 == 0)
            picture_clear(r.forged);
    }
}

/* ---- words --------------- */

static void every_event_has_a_sentence_and_a_line(void **state)
{
    char text[SENTENCE_CHARS], line[SENTENCE_CHARS];

    (void)state;
    for (unsigned kind = 0; kind < MM_EVENT_KINDS + 2; kind++) {
        for (unsigned use = 0; use < 3; use++) {
            struct mm_event event = {
                .kind = kind, .use = (uint16_t)use, .at = UINT64_MAX,
                .size = UINT64_MAX, .other = use == 0 ? UINT64_MAX : use,
                .request = UINT64_MAX,
            };

            sentence_of(&event, text, sizeof text);
            event_line(&event, line, sizeof line);
            assert_true(strlen(text) > 8);
            assert_true(strlen(text) + 1 < sizeof text);
            assert_true(strlen(line) + 1 < sizeof line);
            assert_int_equal(line[strlen(line) - 1], '}');
            assert_null(strchr(text, '@'));
            assert_null(strchr(text, '$'));
            assert_null(strchr(text, '#'));
            for (size_t size = 0; size < sizeof text; size++) {
                char *small = exact_copy(text, size);

                sentence_of(&event, small, size);
                if (size > 0)
                    assert_true(strncmp(small, text, size - 1) == 0);
                free(small);
            }
        }
    }
}

static void sentences_say_what_happened(void **state)
{
    struct mm_event split = { .kind = MM_EVENT_SPLIT, .at = 0x2b0,
                              .size = 32, .other = 64832, .request = 24 };
    struct mm_event refuse = { .kind = MM_EVENT_REFUSE, .request = 70000,
                               .other = MM_NO_BLOCK };
    char text[SENTENCE_CHARS];

    (void)state;
    assert_string_equal(sentence_of(&split, text, sizeof text),
                        "SPLIT +0x2b0: keeps 32 bytes, the 64832 bytes to "
                        "the right stay free");
    assert_string_equal(event_line(&split, text, sizeof text),
                        "{\"event\":\"SPLIT\",\"at\":688,\"size\":32,"
                        "\"other\":64832,\"request\":24,\"use\":0,"
                        "\"owner\":0}");
    assert_string_equal(sentence_of(&refuse, text, sizeof text),
                        "REFUSE: a request of 70000 bytes, because no free "
                        "block is large enough");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_recording_replays_to_what_memory_is),
        cmocka_unit_test(an_event_left_out_is_seen),
        cmocka_unit_test(an_event_told_twice_is_seen),
        cmocka_unit_test(a_wrong_number_is_seen),
        cmocka_unit_test(another_kind_is_seen),
        cmocka_unit_test(garbage_is_refused_or_harmless),
        cmocka_unit_test(every_event_has_a_sentence_and_a_line),
        cmocka_unit_test(sentences_say_what_happened),
    };

    return cmocka_run_group_tests(tests, make_recording, drop_recording);
}

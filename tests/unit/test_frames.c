/* SPDX-License-Identifier: MIT */
/*
 * test_frames.c - frames against a model that is a list and an array
 *
 * The model knows for every frame whether it was never handed out, is handed
 * out, or is free, and keeps the free ones in a plain stack. It predicts the
 * very number that frame_alloc gives, not only that it gives some frame.
 *
 * sources: src/mm/frames.c src/mm/frames_check.c src/mm/names.c
 */
#include "panic.h"

#include "mm/frames.h"

/* ---- a physical memory, made where it is touched --------------- */

enum {
    LIMIT = 4 * FRAMES_PER_BITS_PAGE,   /* frame numbers below: 512 MiB */
    BITS_PAGES = LIMIT / FRAMES_PER_BITS_PAGE,
};

enum state { NEVER, OWNED, FREE };

static struct memory {
    struct frames frames;
    struct frames_home home;
    struct frames_region regions[8];
    struct frames_holder *holder[LIMIT];
    uint32_t *bits;
    bool bits_there[BITS_PAGES];
    bool bits_cost_a_frame;
    bool bits_fail;
    unsigned bits_calls, holder_calls;
    struct mm_event last;
    uint64_t told;              /* bytes that events have called taken */

    uint8_t state[LIMIT];               /* the model */
    pfn_t stack[LIMIT];
    uint32_t stacked;
} memory;

static struct frames_holder *home_holder(void *context, pfn_t pfn)
{
    (void)context;
    memory.holder_calls++;
    if (pfn == FRAME_NONE || pfn >= LIMIT)
        return NULL;
    if (memory.holder[pfn] == NULL) {
        memory.holder[pfn] = malloc(MM_PAGE);
        memset(memory.holder[pfn], 0xa5, MM_PAGE);
    }
    return memory.holder[pfn];
}

static enum frames_bits home_bits(void *context, uint32_t page, pfn_t pfn)
{
    (void)context;
    assert_true(page < BITS_PAGES);
    memory.bits_calls++;
    if (memory.bits_there[page])
        return FRAMES_BITS_READY;
    if (memory.bits_fail)
        return FRAMES_BITS_FAILED;
    memory.bits_there[page] = true;
    memset((char *)memory.bits + page * MM_PAGE, 0, MM_PAGE);
    if (!memory.bits_cost_a_frame)
        return FRAMES_BITS_READY;
    assert_int_equal(memory.state[pfn], NEVER);
    memory.state[pfn] = OWNED;          /* by the bits, for ever */
    return FRAMES_BITS_TOOK;
}

static void home_event(void *context, const struct mm_event *event)
{
    (void)context;
    memory.last = *event;
    if (event->kind == MM_EVENT_FRAME_TAKE)
        memory.told += event->size;
}

static void forget_memory(void)
{
    for (uint32_t i = 0; i < LIMIT; i++)
        free(memory.holder[i]);
    free(memory.bits);
    memset(&memory, 0, sizeof memory);
}

/* A memory of these regions, START, END, START, END, ..., 0. */
static struct frames *make_memory(const pfn_t *bounds, bool bits_cost_a_frame)
{
    uint32_t count = 0;

    forget_memory();
    memory.bits = malloc(BITS_PAGES * MM_PAGE);
    memset(memory.bits, 0xa5, BITS_PAGES * MM_PAGE);
    memory.bits_cost_a_frame = bits_cost_a_frame;
    memory.home = (struct frames_home){
        .holder = home_holder, .bits = home_bits, .event = home_event,
    };
    for (; bounds[2 * count] != 0; count++)
        memory.regions[count] = (struct frames_region){
            .start = bounds[2 * count], .end = bounds[2 * count + 1],
        };
    frames_init(&memory.frames, &memory.home, memory.regions, count,
                memory.bits);
    return &memory.frames;
}

static int forget(void **state)
{
    (void)state;
    forget_memory();
    return 0;
}

static void check(const struct frames *frames)
{
    pfn_t at;
    const char *broken = frames_check(frames, &at);

    if (broken != NULL)
        fail_msg("%s, at frame %u", broken, at);
}

/* What frame_alloc must give. Frames that the bits use up are marked OWNED
 * by home_bits, but only during the call: so asked for after it, skipping
 * GIVEN, which is still NEVER in the model. */
static pfn_t predicted(void)
{
    if (memory.stacked > 0)
        return memory.stack[memory.stacked - 1];
    for (uint32_t i = 0; i < memory.frames.region_count; i++) {
        for (pfn_t pfn = memory.regions[i].start; pfn < memory.regions[i].end;
             pfn++) {
            if (memory.state[pfn] == NEVER)
                return pfn;
        }
    }
    return FRAME_NONE;
}

static pfn_t alloc_and_check(struct frames *frames)
{
    bool from_list = memory.stacked > 0;
    uint64_t told = memory.told, own = frames->own_count;

    memory.last = (struct mm_event){ 0 };

    pfn_t pfn = frame_alloc(frames);

    if (pfn != predicted())
        fail_msg("frame %u, but the model says %u", pfn, predicted());
    if (pfn == FRAME_NONE)
        return pfn;
    assert_int_equal(memory.last.kind, MM_EVENT_FRAME_TAKE);
    assert_true(memory.last.at == (uint64_t)pfn * MM_PAGE);
    assert_true(memory.last.size == MM_PAGE);
    assert_true(memory.last.other == !from_list);
    assert_true(memory.told - told == (1 + frames->own_count - own) * MM_PAGE);
    if (from_list)
        memory.stacked--;
    memory.state[pfn] = OWNED;
    assert_true(frame_is_used(frames, pfn));
    return pfn;
}

static void free_and_check(struct frames *frames, pfn_t pfn)
{
    assert_int_equal(frame_free(frames, pfn), MM_OK);
    assert_int_equal(memory.last.kind, MM_EVENT_FRAME_GIVE);
    assert_true(memory.last.at == (uint64_t)pfn * MM_PAGE);
    memory.state[pfn] = FREE;
    memory.stack[memory.stacked++] = pfn;
    assert_false(frame_is_used(frames, pfn));
}

/* ---- the tests --------------- */

static const pfn_t scattered[] = {
    1, 160, 256, 300, 301, 302, 4000, 7000,
    FRAMES_PER_BITS_PAGE - 3, FRAMES_PER_BITS_PAGE + 40,
    3 * FRAMES_PER_BITS_PAGE, 3 * FRAMES_PER_BITS_PAGE + 2500, 0,
};

static void init_touches_nothing(void **state)
{
    const pfn_t all[] = { 1, LIMIT, 0 };
    struct frames *frames = make_memory(all, true);

    (void)state;
    assert_int_equal(memory.bits_calls, 0);
    assert_int_equal(memory.holder_calls, 0);
    assert_int_equal(frames->frame_count, LIMIT - 1);
    assert_int_equal(frames_available(frames), LIMIT - 1);
    check(frames);
}

static void random_operations_match_the_model(void **state)
{
    (void)state;
    for (int costly = 0; costly <= 1; costly++) {
        for (uint64_t seed = 1; seed <= 4; seed++) {
            struct frames *frames = make_memory(scattered, costly);
            static pfn_t owned[LIMIT];
            uint32_t count = 0;
            uint64_t random = seed;
            bool filling = true;

            for (int i = 0; i < 30000; i++) {
                if (count == 0)
                    filling = true;
                if (random_below(&random, 4000) == 0)
                    filling = !filling;
                if (random_below(&random, 100) < (filling ? 80 : 20)) {
                    pfn_t pfn = alloc_and_check(frames);

                    if (pfn == FRAME_NONE)
                        filling = false;
                    else
                        owned[count++] = pfn;
                } else if (count > 0) {
                    uint32_t k = (uint32_t)random_below(&random, count);

                    free_and_check(frames, owned[k]);
                    owned[k] = owned[--count];
                }
                if (i % 500 == 0)
                    check(frames);
            }
            check(frames);
        }
    }
}

static void all_frames_are_handed_out_once_and_come_back(void **state)
{
    (void)state;
    for (int costly = 0; costly <= 1; costly++) {
        struct frames *frames = make_memory(scattered, costly);
        uint32_t count = 0;

        while (alloc_and_check(frames) != FRAME_NONE)
            count++;
        assert_int_equal(count + frames->own_count, frames->frame_count);
        assert_int_equal(frames->own_count, costly ? 3 : 0);
        assert_int_equal(frames_available(frames), 0);
        check(frames);
        assert_int_equal(frame_alloc(frames), FRAME_NONE);

        for (pfn_t pfn = 0; pfn < LIMIT; pfn++) {
            if (memory.state[pfn] == OWNED &&
                !(costly && (pfn == 1 || pfn == FRAMES_PER_BITS_PAGE ||
                             pfn == 3 * FRAMES_PER_BITS_PAGE)))
                free_and_check(frames, pfn);
        }
        assert_int_equal(frames_available(frames), count);
        check(frames);
        for (uint32_t i = 0; i < count; i++)
            assert_int_not_equal(alloc_and_check(frames), FRAME_NONE);
        assert_int_equal(frame_alloc(frames), FRAME_NONE);
        check(frames);
    }
}

static void wrong_frees_are_refused_and_change_nothing(void **state)
{
    struct frames *frames = make_memory(scattered, false);

    (void)state;
    for (int i = 0; i < 100; i++)
        alloc_and_check(frames);
    for (pfn_t pfn = 20; pfn < 60; pfn += 3)
        free_and_check(frames, pfn);

    struct frames before = *frames;

    for (pfn_t pfn = 0; pfn < LIMIT; pfn++) {
        bool inside = frames_region_of(frames, pfn) != NULL;

        if (memory.state[pfn] == OWNED)
            continue;
        assert_int_equal(frame_free(frames, pfn),
                         inside ? MM_NOT_OWNED : MM_OUTSIDE);
    }
    assert_int_equal(frame_free(frames, LIMIT), MM_OUTSIDE);
    assert_int_equal(frame_free(frames, UINT32_MAX), MM_OUTSIDE);
    before.near = frames->near;         /* only where the next search begins */
    assert_memory_equal(frames, &before, sizeof before);
    check(frames);
    while (memory.stacked > 0)          /* the list gives what it gave */
        alloc_and_check(frames);
}

static void regions_are_found_at_their_edges(void **state)
{
    struct frames *frames = make_memory(scattered, false);

    (void)state;
    for (pfn_t pfn = 0; pfn < LIMIT; pfn++) {
        const struct frames_region *expected = NULL;

        for (uint32_t i = 0; i < frames->region_count; i++) {
            if (pfn >= memory.regions[i].start && pfn < memory.regions[i].end)
                expected = &memory.regions[i];
        }
        assert_ptr_equal(frames_region_of(frames, pfn), expected);
    }
}

static void runs_come_from_above_a_watermark(void **state)
{
    (void)state;
    for (int costly = 0; costly <= 1; costly++) {
        struct frames *frames = make_memory(scattered, costly);
        uint64_t random = 5;

        for (int i = 0; i < 60; i++) {
            uint32_t count = (uint32_t)random_below(&random, 400) + 1;
            pfn_t first = frame_alloc_run(frames, count);

            check(frames);
            if (first == FRAME_NONE) {
                for (uint32_t r = frames->region; r < frames->region_count;
                     r++)
                    assert_true(memory.regions[r].end -
                                memory.regions[r].watermark < count);
                continue;
            }
            for (pfn_t pfn = first; pfn < first + count; pfn++) {
                assert_int_equal(memory.state[pfn], NEVER);
                memory.state[pfn] = OWNED;
                assert_non_null(frames_region_of(frames, pfn));
                assert_true(frame_is_used(frames, pfn));
            }
            if (i % 3 == 0)
                alloc_and_check(frames);
            if (i % 5 == 0)
                free_and_check(frames, first);
        }
        assert_int_equal(frame_alloc_run(frames, 0), FRAME_NONE);
        assert_int_equal(frame_alloc_run(frames, UINT32_MAX), FRAME_NONE);
        check(frames);
    }
}

static void a_run_may_reach_over_a_page_of_bits(void **state)
{
    const pfn_t one[] = { 5, LIMIT, 0 };

    (void)state;
    for (int costly = 0; costly <= 1; costly++) {
        struct frames *frames = make_memory(one, costly);
        pfn_t first = frame_alloc_run(frames, FRAMES_PER_BITS_PAGE + 10);

        assert_int_not_equal(first, FRAME_NONE);
        for (pfn_t pfn = first; pfn < first + FRAMES_PER_BITS_PAGE + 10;
             pfn++) {
            assert_int_equal(memory.state[pfn], NEVER);
            memory.state[pfn] = OWNED;
        }
        check(frames);
        for (int i = 0; i < 100; i++)
            alloc_and_check(frames);
        check(frames);
    }
}

/* The first of COUNT frames side by side that are free in the model, or
 * FRAME_NONE. */
static pfn_t model_run(uint32_t count)
{
    for (uint32_t i = 0; i < memory.frames.region_count; i++) {
        uint32_t length = 0;

        for (pfn_t pfn = memory.regions[i].start; pfn < memory.regions[i].end;
             pfn++) {
            length = memory.state[pfn] == FREE ? length + 1 : 0;
            if (length == count)
                return pfn + 1 - count;
        }
    }
    return FRAME_NONE;
}

static void model_withdraw(pfn_t first, uint32_t count)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < memory.stacked; i++)
        if (memory.stack[i] < first || memory.stack[i] >= first + count)
            memory.stack[kept++] = memory.stack[i];
    assert_int_equal(memory.stacked - kept, count);
    memory.stacked = kept;
    for (uint32_t i = 0; i < count; i++)
        memory.state[first + i] = OWNED;
}

/* All frames are handed out, many are freed in any order; then a run is found
 * exactly when the model has one, and the list goes on in the model's order. */
static void runs_are_found_among_freed_frames(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct frames *frames = make_memory(scattered, seed % 2);
        uint64_t random = seed;
        unsigned found = 0, refused = 0;

        while (alloc_and_check(frames) != FRAME_NONE)
            ;
        for (int i = 0; i < 2000; i++) {
            pfn_t pfn = (pfn_t)random_below(&random, 7000);
            uint32_t count = 1 + (uint32_t)random_below(&random, 40);
            bool all = true;

            for (pfn_t at = pfn; at < pfn + count; at++)
                all = all && memory.state[at] == OWNED && at >= 4001 &&
                      at < 7000;
            if (!all)
                continue;
            assert_int_equal(frame_free_run(frames, pfn, count), MM_OK);
            for (uint32_t k = count; k-- > 0;) {
                memory.state[pfn + k] = FREE;
                memory.stack[memory.stacked++] = pfn + k;
            }
        }
        check(frames);
        for (int i = 0; i < 300; i++) {
            uint32_t count = 2 + (uint32_t)random_below(&random, 60);
            pfn_t expected = model_run(count);
            pfn_t first = frame_alloc_run(frames, count);

            assert_int_equal(first == FRAME_NONE, expected == FRAME_NONE);
            if (first == FRAME_NONE) {
                refused++;
                if (i % 7 == 0)
                    alloc_and_check(frames);
                continue;
            }
            found++;
            assert_int_equal(memory.last.kind, MM_EVENT_FRAME_TAKE);
            assert_true(memory.last.size == (uint64_t)count * MM_PAGE &&
                        memory.last.other == 0);
            model_withdraw(first, count);
            check(frames);
        }
        assert_true(found > 5 && refused > 5);
        while (memory.stacked > 0)
            alloc_and_check(frames);
        assert_int_equal(alloc_and_check(frames), FRAME_NONE);
        check(frames);
    }
}

static void wrong_frees_of_runs_are_refused(void **state)
{
    struct frames *frames = make_memory(scattered, false);
    struct frames before;

    (void)state;
    for (int i = 0; i < 300; i++)
        alloc_and_check(frames);        /* [1, 160), [256, 300), 301, ... */
    free_and_check(frames, 50);
    before = *frames;
    assert_int_equal(frame_free_run(frames, 150, 20), MM_OUTSIDE);
    assert_int_equal(frame_free_run(frames, 200, 2), MM_OUTSIDE);
    assert_int_equal(frame_free_run(frames, 1, UINT32_MAX), MM_OUTSIDE);
    assert_int_equal(frame_free_run(frames, 45, 10), MM_NOT_OWNED);
    assert_int_equal(frame_free_run(frames, 50, 10), MM_NOT_OWNED);
    assert_int_equal(frame_free_run(frames, 41, 10), MM_NOT_OWNED);
    assert_int_equal(frame_free_run(frames, 4000, 2000), MM_NOT_OWNED);
    assert_int_equal(frame_free_run(frames, 6900, 2), MM_NOT_OWNED);
    before.near = frames->near;
    assert_memory_equal(frames, &before, sizeof before);
    check(frames);
}

static void without_bits_nothing_is_handed_out(void **state)
{
    struct frames *frames = make_memory(scattered, true);
    struct frames before = *frames;

    (void)state;
    memory.bits_fail = true;
    assert_int_equal(frame_alloc(frames), FRAME_NONE);
    assert_int_equal(frame_alloc_run(frames, 3), FRAME_NONE);
    assert_memory_equal(frames, &before, sizeof before);
    check(frames);
    memory.bits_fail = false;
    assert_int_equal(alloc_and_check(frames), 2);   /* the bits took 1 */
    check(frames);
}

static void a_holder_that_was_written_to_is_noticed(void **state)
{
    struct frames *frames = make_memory(scattered, false);
    jmp_buf target;
    int panics = 0;

    (void)state;
    for (int i = 0; i < 8; i++)
        alloc_and_check(frames);
    for (pfn_t pfn = 1; pfn <= 4; pfn++)
        free_and_check(frames, pfn);
    for (int damage = 0; damage < 4; damage++) {
        struct frames saved = *frames;
        struct frames_holder *holder = memory.holder[1];
        struct frames_holder before = *holder;

        switch (damage) {
        case 0: holder->count = 100000; break;          /* beyond its page */
        case 1: holder->free[2] = 7; break;             /* handed out */
        case 2: holder->free[2] = LIMIT + 5; break;     /* no such frame */
        case 3: holder->free[2] = 0; break;
        }
        panic_target = &target;
        if (setjmp(target) == 0)
            frame_alloc(frames);
        else
            panics++;
        panic_target = NULL;
        *holder = before;
        *frames = saved;
    }
    assert_int_equal(panics, 4);
    check(frames);
}

struct damage {
    const char *invariant;      /* how its name begins */
    void (*make)(struct frames *frames);
};

static void break_order(struct frames *f) { f->regions[1].start = 100; }
static void break_watermark(struct frames *f) { f->regions[0].watermark = 500; }
static void break_end(struct frames *f) { f->regions[1].watermark = 255; }
static void lose_one(struct frames *f) { f->bits[0] &= ~(1u << 9); }
static void take_listed(struct frames *f) { f->bits[0] |= 1u << 3; }
static void miscount_free(struct frames *f) { f->free_count++; }
static void miscount_short(struct frames *f) { f->free_count--; }
static void miscount_risen(struct frames *f) { f->risen_count++; }
static void list_twice(struct frames *f)
{
    (void)f;
    memory.holder[1]->free[1] = memory.holder[1]->free[0];
}
static void list_above(struct frames *f)
{
    (void)f;
    memory.holder[1]->free[0] = 150;
}

static void the_checker_names_what_is_broken(void **state)
{
    const struct damage damages[] = {
        { "F1", break_order }, { "F1", break_watermark }, { "F1", break_end },
        { "F2", lose_one }, { "F3", take_listed }, { "F4", miscount_free },
        { "F4", miscount_short }, { "F4", miscount_risen },
        { "F2", list_twice }, { "F3", list_above },
    };

    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct frames *frames = make_memory(scattered, false);
        pfn_t at;

        for (int k = 0; k < 12; k++)
            alloc_and_check(frames);
        for (pfn_t pfn = 1; pfn <= 5; pfn++)
            free_and_check(frames, pfn);
        check(frames);
        damages[i].make(frames);

        const char *broken = frames_check(frames, &at);

        if (broken == NULL ||
            strncmp(broken, damages[i].invariant,
                    strlen(damages[i].invariant)) != 0)
            fail_msg("damage %u: %s expected, the checker says %s",
                     (unsigned)i, damages[i].invariant,
                     broken == NULL ? "nothing" : broken);
    }
}

/* A number moves from a full holder to the one on top of it: the list is as
 * long as before, and only F5 is broken. */
static void the_checker_sees_a_holder_that_is_not_full(void **state)
{
    struct frames *frames = make_memory(scattered, false);
    pfn_t at;

    (void)state;
    for (int i = 0; i < 2500; i++)
        alloc_and_check(frames);
    for (pfn_t pfn = 4000; pfn < 5500; pfn++)
        free_and_check(frames, pfn);
    check(frames);

    struct frames_holder *top = memory.holder[frames->head];
    struct frames_holder *below = memory.holder[top->next];

    assert_int_equal(below->count, FRAMES_PER_HOLDER);
    assert_true(top->count < FRAMES_PER_HOLDER);
    top->free[top->count++] = below->free[--below->count];
    assert_non_null(frames_check(frames, &at));
    assert_true(strncmp(frames_check(frames, &at), "F5", 2) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_touches_nothing),
        cmocka_unit_test(random_operations_match_the_model),
        cmocka_unit_test(all_frames_are_handed_out_once_and_come_back),
        cmocka_unit_test(wrong_frees_are_refused_and_change_nothing),
        cmocka_unit_test(regions_are_found_at_their_edges),
        cmocka_unit_test(runs_come_from_above_a_watermark),
        cmocka_unit_test(a_run_may_reach_over_a_page_of_bits),
        cmocka_unit_test(runs_are_found_among_freed_frames),
        cmocka_unit_test(wrong_frees_of_runs_are_refused),
        cmocka_unit_test(without_bits_nothing_is_handed_out),
        cmocka_unit_test(a_holder_that_was_written_to_is_noticed),
        cmocka_unit_test(the_checker_names_what_is_broken),
        cmocka_unit_test(the_checker_sees_a_holder_that_is_not_full),
    };

    return cmocka_run_group_tests(tests, NULL, forget);
}

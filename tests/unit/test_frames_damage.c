/* SPDX-License-Identifier: MIT */
/*
 * test_frames_damage.c - frames that are asked for wrongly, or were damaged
 *
 * What frames.c refuses at its start, what it finds out about a list that
 * somebody has written to, and what the checker says about each.
 *
 * sources: src/mm/frames.c src/mm/frames_check.c src/mm/names.c
 */
#include "panic.h"

#include "mm/frames.h"

enum { LIMIT = 3 * FRAMES_PER_BITS_PAGE };

static struct ground {
    struct frames frames;
    struct frames_home home;
    struct frames_region regions[2];
    struct frames_holder *holders[64];  /* of the frames 0 ... 63 */
    uint32_t bits[LIMIT / 32];
    bool bits_there[LIMIT / FRAMES_PER_BITS_PAGE];
    bool bits_cost_a_frame;
    unsigned events;
} g;

static struct frames_holder *ground_holder(void *context, pfn_t pfn)
{
    (void)context;
    return pfn < 64 ? g.holders[pfn] : NULL;
}

static enum frames_bits ground_bits(void *context, uint32_t page, pfn_t pfn)
{
    (void)context;
    (void)pfn;
    if (g.bits_there[page])
        return FRAMES_BITS_READY;
    g.bits_there[page] = true;
    return g.bits_cost_a_frame ? FRAMES_BITS_TOOK : FRAMES_BITS_READY;
}

static void ground_event(void *context, const struct mm_event *event)
{
    (void)context;
    (void)event;
    g.events++;
}

/* Two regions, [16, 32) and [40, 56), of which every frame has a page that
 * can hold the list. */
static struct frames *open_ground(void)
{
    memset(&g, 0, sizeof g);
    g.home = (struct frames_home){
        .holder = ground_holder, .bits = ground_bits, .event = ground_event,
    };
    g.regions[0] = (struct frames_region){ .start = 16, .end = 32 };
    g.regions[1] = (struct frames_region){ .start = 40, .end = 56 };
    for (pfn_t pfn = 16; pfn < 56; pfn++) {
        g.holders[pfn] = malloc(sizeof *g.holders[pfn]);
        assert_non_null(g.holders[pfn]);
        memset(g.holders[pfn], 0xa5, sizeof *g.holders[pfn]);
    }
    frames_init(&g.frames, &g.home, g.regions, 2, g.bits);
    return &g.frames;
}

static void close_ground(void)
{
    for (int i = 0; i < 64; i++)
        free(g.holders[i]);
}

/* COUNT frames were handed out, and all of them are on the list. */
static void free_some(struct frames *frames, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(frame_alloc(frames), 16 + i);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(frame_free(frames, 16 + i), MM_OK);
    assert_int_equal(frames->head, 16);
}

/* ---- what is refused at the start --------------- */

static void init_again(void)
{
    frames_init(&g.frames, &g.home, g.regions, 2, g.bits);
}

static void impossible_regions_are_refused(void **state)
{
    static const pfn_t bounds[][4] = {
        { 16, 16, 40, 56 },             /* empty */
        { 32, 16, 40, 56 },             /* ends before it starts */
        { 0, 32, 40, 56 },              /* with frame 0 */
        { 40, 56, 16, 32 },             /* not sorted */
        { 16, 48, 40, 56 },             /* not apart */
    };

    (void)state;
    open_ground();
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        for (int k = 0; k < 2; k++)
            g.regions[k] = (struct frames_region){
                .start = bounds[i][2 * k], .end = bounds[i][2 * k + 1],
            };
        assert_non_null(strstr(panic_of(init_again), "must be sorted"));
    }
    g.regions[0] = (struct frames_region){ .start = 1, .end = 40 };
    g.regions[1] = (struct frames_region){ .start = 40, .end = 56 };
    assert_string_equal(panic_of(init_again), "");  /* side by side is fine */
    assert_int_equal(frames_available(&g.frames), 39 + 16);
    close_ground();
}

static void nobody_needs_to_listen(void **state)
{
    struct frames *frames = open_ground();
    pfn_t at;

    (void)state;
    g.home.event = NULL;
    free_some(frames, 3);
    assert_int_equal(frame_alloc(frames), 18);
    assert_int_equal(g.events, 0);
    assert_null(frames_check(frames, &at));
    close_ground();
}

/* The first frame of a region is the last of its page of bits. It pays for
 * them; the next frame needs the next page of bits, and that is paid too. */
static void the_last_frame_of_a_page_of_bits_pays(void **state)
{
    struct frames *frames = open_ground();
    pfn_t at, edge = 2 * FRAMES_PER_BITS_PAGE;

    (void)state;
    g.bits_cost_a_frame = true;
    g.regions[0] = (struct frames_region){ .start = edge - 1, .end = LIMIT };
    frames_init(frames, &g.home, g.regions, 1, g.bits);
    assert_int_equal(frame_alloc(frames), edge + 1);
    assert_int_equal(frames->own_count, 2);
    assert_int_equal(frames->risen_count, 3);
    assert_true(frame_is_used(frames, edge - 1));
    assert_true(frame_is_used(frames, edge));
    assert_int_equal(frame_alloc(frames), edge + 2);
    assert_int_equal(frames->own_count, 2);
    assert_null(frames_check(frames, &at));

    /* A region of that one frame has none to give. */
    memset(g.bits_there, 0, sizeof g.bits_there);
    memset(g.bits, 0, sizeof g.bits);
    g.regions[0].end = edge;
    frames_init(frames, &g.home, g.regions, 1, g.bits);
    assert_int_equal(frame_alloc(frames), FRAME_NONE);
    assert_int_equal(frames->own_count, 1);
    assert_null(frames_check(frames, &at));
    close_ground();
}

static void only_frames_that_were_handed_out_are_used(void **state)
{
    struct frames *frames = open_ground();

    (void)state;
    memset(g.bits, 0xff, sizeof g.bits);    /* bits above a watermark mean
                                               nothing */
    assert_int_equal(frame_alloc(frames), 16);
    assert_true(frame_is_used(frames, 16));
    assert_false(frame_is_used(frames, 17));
    assert_false(frame_is_used(frames, 15));
    assert_false(frame_is_used(frames, 35));
    assert_false(frame_is_used(frames, 56));
    assert_int_equal(frame_free(frames, 16), MM_OK);
    assert_false(frame_is_used(frames, 16));
    close_ground();
}

/* ---- a list that was written to --------------- */

static void alloc_one(void)
{
    frame_alloc(&g.frames);
}

static void free_16(void)
{
    frame_free(&g.frames, 16);
}

static void a_holder_that_is_not_there_is_a_panic(void **state)
{
    struct frames *frames = open_ground();

    (void)state;
    free_some(frames, 3);
    frames->head = 60;
    assert_non_null(strstr(panic_of(alloc_one), "list of frames is damaged"));
    close_ground();

    frames = open_ground();
    assert_int_equal(frame_alloc(frames), 16);
    free(g.holders[16]);
    g.holders[16] = NULL;
    assert_non_null(strstr(panic_of(free_16), "cannot be mapped"));
    close_ground();
}

static unsigned visits;

static void visit(void *context, pfn_t pfn, bool holder)
{
    (void)context;
    (void)pfn;
    (void)holder;
    visits++;
}

static void list_is_longer(void) { g.frames.free_count = 3; }
static void list_is_shorter(void) { g.frames.free_count = 5; }
static void list_is_empty(void) { g.frames.free_count = 0; }
static void head_is_outside(void) { g.frames.head = 35; }
static void next_is_outside(void) { g.holders[16]->next = 61; }
static void next_is_itself(void) { g.holders[16]->next = 16; }
static void holder_is_too_full(void)
{
    g.holders[16]->count = FRAMES_PER_HOLDER + 1;
}
static void holder_is_away(void)
{
    free(g.holders[16]);
    g.holders[16] = NULL;
}

static void a_walk_over_a_damaged_list_ends(void **state)
{
    static void (*const damages[])(void) = {
        list_is_longer, list_is_shorter, list_is_empty, head_is_outside,
        next_is_outside, next_is_itself, holder_is_too_full, holder_is_away,
    };

    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct frames *frames = open_ground();
        const char *broken;
        pfn_t at;

        free_some(frames, 4);
        visits = 0;
        assert_int_equal(frames_walk(frames, visit, NULL), MM_OK);
        assert_int_equal(visits, 4);
        assert_null(frames_check(frames, &at));

        damages[i]();
        visits = 0;
        assert_int_equal(frames_walk(frames, visit, NULL), MM_BAD_LINK);
        assert_true(visits <= frames->free_count);
        broken = frames_check(frames, &at);
        assert_non_null(broken);
        if (strncmp(broken, "F4", 2) != 0 && strncmp(broken, "F2", 2) != 0)
            fail_msg("damage %u: %s", (unsigned)i, broken);
        close_ground();
    }
}

/* ---- runs of freed frames --------------- */

/* All frames were handed out, and all of the second region's are free. */
static struct frames *open_runs(void)
{
    struct frames *frames = open_ground();

    for (int i = 0; i < 32; i++)
        assert_int_not_equal(frame_alloc(frames), FRAME_NONE);
    assert_int_equal(frame_alloc(frames), FRAME_NONE);
    for (pfn_t pfn = 40; pfn < 56; pfn++)
        assert_int_equal(frame_free(frames, pfn), MM_OK);
    return frames;
}

static void runs_reach_to_the_edges_of_a_region(void **state)
{
    struct frames *frames = open_runs();
    pfn_t at;

    (void)state;
    assert_int_equal(frame_alloc_run(frames, 0), FRAME_NONE);
    assert_int_equal(frame_alloc_run(frames, 1), 55);
    assert_int_equal(frame_free(frames, 55), MM_OK);
    assert_int_equal(frame_alloc_run(frames, 17), FRAME_NONE);
    assert_int_equal(frame_alloc_run(frames, 16), 40);
    assert_null(frames_check(frames, &at));
    assert_int_equal(frame_alloc_run(frames, 2), FRAME_NONE);
    for (pfn_t pfn = 43; pfn >= 40; pfn--)      /* 40 is on top */
        assert_int_equal(frame_free(frames, pfn), MM_OK);
    assert_int_equal(frame_alloc_run(frames, 5), FRAME_NONE);
    assert_int_equal(frame_alloc_run(frames, 4), 40);
    assert_null(frames_check(frames, &at));
    close_ground();
}

static void take_run(void)
{
    frame_alloc_run(&g.frames, 4);
}

static void lose_the_list(void) { g.frames.head = FRAME_NONE; }
static void name_a_stranger(void) { g.holders[40]->free[14] = 60; }
static void name_a_used_one(void) { g.holders[40]->free[14] = 20; }

/* The bits tell of a run, and the list does not have it. */
static void a_run_that_is_not_on_the_list_is_a_panic(void **state)
{
    static void (*const damages[])(void) = {
        lose_the_list, name_a_stranger, name_a_used_one,
    };

    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        open_runs();
        damages[i]();
        assert_non_null(strstr(panic_of(take_run), "was written to"));
        close_ground();
    }
}

/* What the top of the list says is not followed, if it cannot be. */
static void a_run_is_not_looked_for_around_strangers(void **state)
{
    struct frames *frames = open_runs();

    (void)state;
    /* half of the second region is in use again, but for its first frames */
    assert_int_equal(frame_alloc_run(frames, 8), 48);
    for (uint32_t i = 0; i < g.holders[40]->count; i++)
        g.holders[40]->free[i] = 33 + i;        /* of no region */
    frames->free_count = 8;
    assert_int_equal(frame_alloc_run(frames, 9), FRAME_NONE);
    g.regions[1].watermark = 44;
    for (uint32_t i = 0; i < g.holders[40]->count; i++)
        g.holders[40]->free[i] = 45;            /* above a watermark */
    frames->free_count = 13;
    assert_int_equal(frame_alloc_run(frames, 13), FRAME_NONE);
    g.holders[40]->count = FRAMES_PER_HOLDER + 1;
    assert_int_equal(frame_alloc_run(frames, 13), FRAME_NONE);
    frames->head = 64;                          /* nobody can write there */
    assert_int_equal(frame_alloc_run(frames, 13), FRAME_NONE);
    close_ground();
}

/* ---- the checker --------------- */

static void start_at_0(void) { g.regions[0].start = 0; }
static void empty_region(void)
{
    g.regions[1].end = g.regions[1].watermark = g.regions[1].start;
}
static void backward_region(void) { g.regions[0].end = 15; }
static void low_watermark(void) { g.regions[0].watermark = 15; }
static void high_watermark(void) { g.regions[0].watermark = 33; }
static void overlap(void) { g.regions[1].start = 31; }
static void outside_listed(void) { g.holders[16]->free[1] = 35; }
static void above_listed(void) { g.holders[16]->free[1] = 30; }
static void used_listed(void) { g.bits[0] |= UINT32_C(1) << 18; }
static void swapped(void)       /* one is there twice, and another is not */
{
    g.holders[16]->free[1] = g.holders[16]->free[0];
}

static void the_checker_names_what_is_broken(void **state)
{
    static const struct {
        const char *says;
        void (*damage)(void);
        pfn_t at;
    } damages[] = {
        { "F1", start_at_0, 0 }, { "F1", empty_region, 40 },
        { "F1", backward_region, 16 }, { "F1", low_watermark, 16 },
        { "F1", high_watermark, 16 }, { "F1", overlap, 31 },
        { "F3", outside_listed, 35 }, { "F3", above_listed, 30 },
        { "F3", used_listed, 18 }, { "F2", swapped, 16 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct frames *frames = open_ground();
        const char *broken;
        pfn_t at;

        free_some(frames, 4);
        damages[i].damage();
        broken = frames_check(frames, &at);
        if (broken == NULL || strncmp(broken, damages[i].says, 2) != 0 ||
            at != damages[i].at)
            fail_msg("damage %u: %s expected at %u; %s at %u", (unsigned)i,
                     damages[i].says, damages[i].at,
                     broken == NULL ? "nothing" : broken, at);
        close_ground();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(impossible_regions_are_refused),
        cmocka_unit_test(nobody_needs_to_listen),
        cmocka_unit_test(the_last_frame_of_a_page_of_bits_pays),
        cmocka_unit_test(only_frames_that_were_handed_out_are_used),
        cmocka_unit_test(a_holder_that_is_not_there_is_a_panic),
        cmocka_unit_test(a_walk_over_a_damaged_list_ends),
        cmocka_unit_test(runs_reach_to_the_edges_of_a_region),
        cmocka_unit_test(a_run_that_is_not_on_the_list_is_a_panic),
        cmocka_unit_test(a_run_is_not_looked_for_around_strangers),
        cmocka_unit_test(the_checker_names_what_is_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

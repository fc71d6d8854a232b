/* SPDX-License-Identifier: MIT */
/*
 * heap.c - a heap, out of memory at every point
 *
 * Each scenario is a program of some hundred calls in an arena that has room
 * for all of them: with no point failing nothing is refused. So whatever is
 * refused in the other runs is refused because of the point that failed, and
 *
 *   - every byte of the heap's state, of the ranges and of every held page is
 *     what it was before the call, every payload too; what a heap has to spare
 *     it gives up before it refuses, so half of the calls find it trimmed;
 *   - the reason is the true one: frames where frames failed, no place where
 *     a place failed;
 *   - checkers, replayed events and the home's account of held pages agree;
 *   - in the end everything can be freed and nothing is held; and the same
 *     program then runs without a refusal.
 *
 * A page that is not held cannot be touched here (tests/unit/home.h), so a
 * page that was used although its frame was refused is a signal.
 */
#include "points.h"

#include "lab/policy.h"
#include "shadow.h"

enum {
    KIB = 1024, MIB = 1024 * 1024,
    RANGE_PAGES = 4096, RANGE_STEPS = 900,
};

/* What a refusal may say when a point of that kind has failed. */
static bool reason_is_true(enum point kind, enum mm_fault reason)
{
    if (kind == POINT_FRAMES)
        return reason == MM_NO_FRAMES;
    return reason == MM_NO_BLOCK || reason == MM_NO_RANGE;
}

/* ---- a home whose frames pass by the points --------------- */

static struct mm_home home;     /* as it was, without points */
static bool returned[RANGE_PAGES];      /* pages whose frame came back since
                                           the lock was taken */

/* A frame that was given back is there, until the lock is given up: to put it
 * behind its page again is no point. A free may rely on that. */
static bool counted_hold(void *context, uint32_t page, uint32_t count)
{
    bool there = true;

    for (uint32_t i = page; i < page + count; i++)
        there = there && returned[i];
    if (!there && point_fails(POINT_FRAMES))
        return false;
    return home.hold(context, page, count);
}

static void frames_return(uint32_t page, uint32_t count)
{
    memset(returned + page, 1, count);
}

static void noted_release(void *context, uint32_t page, uint32_t count)
{
    home.release(context, page, count);
    frames_return(page, count);
}

static void noted_lock(void *context)
{
    memset(returned, 0, sizeof returned);
    home.lock(context);
}

static struct test_home *home_open(const struct test_setup *setup)
{
    struct test_home *test = test_home_create(setup);

    assert_true(setup->arena_bytes / MM_PAGE <= RANGE_PAGES);
    home = test->home;
    test->home.hold = counted_hold;
    test->home.release = noted_release;
    test->home.lock = noted_lock;
    test->fail_call = UINT64_MAX;       /* shadow.c: refusals are not judged
                                           by what would fit */
    return test;
}

/* ---- programs --------------- */

/* A program: what it asks for, and how often what. */
struct program {
    struct test_setup setup;
    const struct heap_policy *policy;
    uint64_t size_min, size_max, align_max;
    int steps;
    int alloc, realloc;         /* of ten steps; the rest are frees */
    enum heap_kind kind;
};

static const struct program *program;   /* that the scenario runs */

static uint64_t pick_size(uint64_t *random)
{
    uint64_t span = program->size_max - program->size_min + 1;

    /* Half of them small ones. */
    if (random_below(random, 2) == 0 && span > 16)
        span = span / 8;
    return program->size_min + random_below(random, span);
}

static void step(struct shadow *shadow, uint64_t *random)
{
    uint64_t pick = random_below(random, 10);
    uint64_t size = pick_size(random);
    uint64_t refusals = shadow->refusals, failed = points.failed;
    struct test_home *test = shadow->test;
    bool trimmed = random_below(random, 2) == 0;
    uint64_t digest = 0;

    if (trimmed) {
        heap_trim(&test->heap);
        digest = test_home_digest(test);
    }
    if (pick < (uint64_t)program->alloc || shadow->count == 0) {
        struct heap_request request = { .size = size,
                                        .kind = program->kind };

        if (program->align_max > 0)
            request.align = UINT64_C(1)
                            << random_below(random, program->align_max + 1);
        shadow_alloc(shadow, &request);
    } else if (pick < (uint64_t)(program->alloc + program->realloc)) {
        shadow_realloc(shadow, (uint32_t)random_below(random, shadow->count),
                       size);
    } else {
        shadow_free(shadow, (uint32_t)random_below(random, shadow->count));
    }
    if (shadow->refusals != refusals) {
        if (points.failed == failed)
            fail_msg("refused, and no point has failed in this call");
        if (!reason_is_true(points.kind,
                            (enum mm_fault)test->heap.refusal))
            fail_msg("point %llu failed (kind %d), and the refusal says '%s'",
                     (unsigned long long)points.fail, points.kind,
                     mm_fault_name((enum mm_fault)test->heap.refusal));
        if (trimmed && test_home_digest(test) != digest)
            fail_msg("refused, and something has changed");
    }
    if (points.failed != failed) {
        test_home_check(test, "a failed point");
        shadow_verify(shadow);
    }
}

static uint64_t program_steps(struct shadow *shadow)
{
    uint64_t random = 11, before = shadow->refusals;

    for (int i = 0; i < program->steps; i++)
        step(shadow, &random);
    return shadow->refusals - before;
}

static uint64_t refusals_seen;

/* Nothing has leaked. (Under `bump` nothing comes back but at reset.) */
static void free_everything(struct shadow *shadow)
{
    struct test_home *test = shadow->test;

    shadow_free_all(shadow);
    heap_trim(&test->heap);
    test_home_check(test, "freeing everything");
    if (program->policy != &policy_bump)
        shadow_expect_pristine(test);
}

static void run_program(void)
{
    struct test_home *test = home_open(&program->setup);
    struct shadow shadow;

    if (program->policy != NULL)
        heap_init(&test->heap, &(struct heap_setup){
            .home = &test->home, .ranges = &test->ranges,
            .span_bytes = program->setup.span_bytes,
            .hollow_pages = program->setup.hollow_pages,
            .level = program->setup.level, .owner = 1,
            .policy = program->policy,
        });
    shadow_init(&shadow, test);
    refusals_seen += program_steps(&shadow);
    shadow_verify(&shadow);
    free_everything(&shadow);           /* while it still fails */

    points_end();
    if (points.lasting) {               /* else it was there all along */
        assert_int_equal(program_steps(&shadow), 0);
        shadow_verify(&shadow);
        free_everything(&shadow);
    }
    shadow_fini(&shadow);
    test_home_destroy(test);
}

static void run_all(const char *name, const struct program *all)
{
    program = all;
    refusals_seen = 0;
    points_run_all(name, run_program);
    printf("# %s: %llu calls were refused\n", name,
           (unsigned long long)refusals_seen);
    assert_true(refusals_seen > 0);
}

/* ---- scenarios --------------- */

static void small_objects(void **state)
{
    (void)state;
    run_all("small objects", &(struct program){
        .setup = { .arena_bytes = 256 * KIB, .span_bytes = 16 * KIB,
                   .level = HEAP_LEVEL_CHECK, .small = true },
        .size_max = 256, .steps = 84, .alloc = 7, .realloc = 1 });
}

/* Who asks for a slot and nothing else hears when there is no page for it. */
static void slots_only(void **state)
{
    (void)state;
    run_all("slots only", &(struct program){
        .setup = { .arena_bytes = 256 * KIB, .span_bytes = 16 * KIB,
                   .level = HEAP_LEVEL_CHECK, .small = true },
        .size_max = 256, .steps = 78, .alloc = 7, .kind = HEAP_SLOT });
}

static void blocks(void **state)
{
    (void)state;
    run_all("blocks", &(struct program){
        .setup = { .arena_bytes = 512 * KIB, .span_bytes = 32 * KIB,
                   .level = HEAP_LEVEL_CHECK, .hollow_pages = 1 },
        .size_max = 8 * KIB, .steps = 65, .alloc = 5 });
}

static void blocks_in_one_span(void **state)
{
    (void)state;
    run_all("blocks in one span", &(struct program){
        .setup = { .arena_bytes = 256 * KIB, .span_bytes = 256 * KIB,
                   .level = HEAP_LEVEL_CHECK, .hollow_pages = 1 },
        .size_max = 16 * KIB, .steps = 52, .alloc = 5, .realloc = 2 });
}

static void large_requests(void **state)
{
    (void)state;
    run_all("large requests", &(struct program){
        .setup = { .arena_bytes = 768 * KIB, .span_bytes = 16 * KIB,
                   .level = HEAP_LEVEL_CHECK },
        .size_min = 5 * KIB, .size_max = 40 * KIB, .steps = 30, .alloc = 5,
        .realloc = 2 });
}

/*
 * A free block with a page that is held between pages that are not: to take
 * it whole, frames are asked for twice.
 *
 *     page 0    1      2      3      4            7
 *     | [ ... | hole | held | held | hole | ... |...][used]
 */
static struct test_home *open_with_two_holes(void **behind)
{
    struct test_home *test = home_open(&(struct test_setup){
        .arena_bytes = 64 * KIB, .span_bytes = 64 * KIB,
        .hollow_pages = 8, .level = HEAP_LEVEL_CHECK });
    void *all = heap_alloc(&test->heap, 7 * 4096), *front, *middle;

    *behind = heap_alloc(&test->heap, 24);
    heap_free(&test->heap, all);
    heap_trim(&test->heap);
    front = heap_alloc(&test->heap, 8500);
    middle = heap_alloc_request(&test->heap, &(struct heap_request){
        .size = 2000, .align = 4096 });
    heap_free(&test->heap, front);
    heap_trim(&test->heap);
    heap_free(&test->heap, middle);
    return test;
}

/* What a heap is like that refuses to take it whole: as if it were trimmed. */
static uint64_t digest_when_refused(void)
{
    bool ended = points.ended;
    void *behind;

    points.ended = true;                /* nothing fails here */

    struct test_home *test = open_with_two_holes(&behind);

    heap_trim(&test->heap);
    points.ended = ended;

    uint64_t digest = test_home_digest(test);

    test_home_destroy(test);
    return digest;
}

static void run_two_holes(void)
{
    uint64_t trimmed = digest_when_refused(), failed;
    void *behind, *again;
    struct test_home *test = open_with_two_holes(&behind);

    failed = points.failed;
    again = heap_alloc(&test->heap, 7 * 4096);
    if (again == NULL && points.failed != failed) {
        refusals_seen++;
        if (behind != NULL && test_home_digest(test) != trimmed)
            fail_msg("refused, and something has changed");
    }
    test_home_check(test, "two holes");
    heap_free(&test->heap, again);
    heap_free(&test->heap, behind);
    heap_trim(&test->heap);
    shadow_expect_pristine(test);
    test_home_destroy(test);
}

static void two_holes_in_one_block(void **state)
{
    (void)state;
    refusals_seen = 0;
    points_run_all("two holes", run_two_holes);
    assert_true(refusals_seen > 0);
}

/* More ranges than there are tags to begin with. */
static void many_ranges(void **state)
{
    (void)state;
    run_all("many ranges", &(struct program){
        .setup = { .arena_bytes = 1 * MIB, .span_bytes = 4 * KIB,
                   .level = HEAP_LEVEL_CHECK },
        .size_min = 3 * KIB, .size_max = 12 * KIB, .steps = 58, .alloc = 6,
        .realloc = 3 });
}

static void aligned_requests(void **state)
{
    (void)state;
    run_all("aligned requests", &(struct program){
        .setup = { .arena_bytes = 512 * KIB, .span_bytes = 32 * KIB,
                   .level = HEAP_LEVEL_CHECK, .hollow_pages = 1,
                   .small = true },
        .size_max = 6 * KIB, .align_max = 13, .steps = 39, .alloc = 6 });
}

static void realloc_up_and_down(void **state)
{
    (void)state;
    run_all("realloc", &(struct program){
        .setup = { .arena_bytes = 512 * KIB, .span_bytes = 32 * KIB,
                   .level = HEAP_LEVEL_CHECK, .hollow_pages = 1,
                   .small = true },
        .size_max = 20 * KIB, .steps = 39, .alloc = 2, .realloc = 7 });
}

static void with_trailers_and_poison(void **state)
{
    (void)state;
    run_all("level poison", &(struct program){
        .setup = { .arena_bytes = 512 * KIB, .span_bytes = 32 * KIB,
                   .level = HEAP_LEVEL_POISON, .hollow_pages = 2,
                   .small = true },
        .size_max = 20 * KIB, .steps = 39, .alloc = 5, .realloc = 3 });
}

/* As in a program: nobody listens, and short cuts are taken. */
static void without_care(void **state)
{
    (void)state;
    run_all("level none", &(struct program){
        .setup = { .arena_bytes = 512 * KIB, .span_bytes = 32 * KIB,
                   .level = HEAP_LEVEL_NONE, .hollow_pages = 2,
                   .small = true, .deaf = true },
        .size_max = 20 * KIB, .steps = 39, .alloc = 5, .realloc = 3 });
}

static void under_every_policy(void **state)
{
    (void)state;
    for (int i = 0; i < POLICIES; i++) {
        if (policies[i] == NULL)
            continue;
        /* keep: so that shadow.c takes larger blocks than it asks for;
         * the heap itself is made anew, and keeps none. */
        run_all(policies[i]->name, &(struct program){
            .setup = { .arena_bytes = 1 * MIB, .span_bytes = 32 * KIB,
                       .level = HEAP_LEVEL_CHECK, .hollow_pages = 1,
                       .keep = 1, .unobserved = true },
            .policy = policies[i],
            .size_max = 4 * KIB, .steps = 32, .alloc = 5, .realloc = 2 });
    }
}

/* ---- ranges --------------- */

struct model {
    uint32_t type[RANGE_PAGES];         /* 0: free, or of the tags' own */
    struct { uint32_t page, pages; } used[RANGE_PAGES];
    uint32_t count;
};

/* Every page is of the type that the model says; tags keep their own. */
static void model_check(const struct model *model, struct test_home *test)
{
    for (uint32_t page = 0; page < RANGE_PAGES; page++) {
        const struct range_tag *tag = ranges_find(&test->ranges, page);
        uint32_t type = tag->type == RANGE_TAGS ? RANGE_FREE : tag->type;

        if (type != model->type[page])
            fail_msg("page %u is of type %u, not %u", page, tag->type,
                     model->type[page]);
    }
}

static void model_take(struct model *model, struct test_home *test,
                       uint64_t *random)
{
    struct range_request request = {
        .pages = 1 + (uint32_t)random_below(random, 5),
        .align_pages = 1u << random_below(random, 4),
        .at = RANGE_ANYWHERE,
        .type = RANGE_STACK + (uint32_t)random_below(random, 3),
        .protection = RANGE_READ,
    };
    uint64_t digest = test_home_digest(test);
    uint32_t page;
    enum mm_fault fault = ranges_alloc(&test->ranges, &request, &page);

    if (fault != MM_OK) {
        if (points.failed == 0 || fault != MM_NO_FRAMES)
            fail_msg("a range was refused: %s", mm_fault_name(fault));
        if (test_home_digest(test) != digest)
            fail_msg("a range was refused, and something has changed");
        refusals_seen++;
        return;
    }
    for (uint32_t i = page; i < page + request.pages; i++) {
        assert_int_equal(model->type[i], RANGE_FREE);
        model->type[i] = request.type;
    }
    model->used[model->count].page = page;
    model->used[model->count++].pages = request.pages;
}

/* Frees a part of a range: its start, its end, its middle, or all of it. */
static void model_give(struct model *model, struct test_home *test,
                       uint64_t *random, bool whole)
{
    uint32_t i = (uint32_t)random_below(random, model->count);
    uint32_t page = model->used[i].page, pages = model->used[i].pages;
    uint32_t first = whole ? 0 : (uint32_t)random_below(random, pages);
    uint32_t count = whole ? pages
                           : 1 + (uint32_t)random_below(random,
                                                        pages - first);
    enum mm_fault fault;

    memset(returned, 0, sizeof returned);
    frames_return(page + first, count);
    fault = ranges_free(&test->ranges, page + first, count);
    if (fault != MM_OK)
        fail_msg("a free of %u pages was refused: %s", count,
                 mm_fault_name(fault));
    for (uint32_t at = page + first; at < page + first + count; at++)
        model->type[at] = RANGE_FREE;
    model->used[i] = model->used[--model->count];
    if (first > 0) {
        model->used[model->count].page = page;
        model->used[model->count++].pages = first;
    }
    if (first + count < pages) {
        model->used[model->count].page = page + first + count;
        model->used[model->count++].pages = pages - first - count;
    }
}

static void run_ranges(void)
{
    struct test_home *test = home_open(&(struct test_setup){
        .arena_bytes = RANGE_PAGES * MM_PAGE, .span_bytes = 64 * KIB,
        .level = HEAP_LEVEL_CHECK, .unobserved = true });
    static struct model model;
    uint64_t random = 5;
    uint32_t wrong;

    memset(&model, 0, sizeof model);
    test->locked = 1;                   /* as a heap would, around each */
    for (int i = 0; i < RANGE_STEPS; i++) {
        uint64_t failed = points.failed;

        if (model.count == 0 || random_below(&random, 100) < 75)
            model_take(&model, test, &random);
        else
            model_give(&model, test, &random, false);
        if (points.failed != failed) {
            assert_null(ranges_check(&test->ranges, &wrong));
            model_check(&model, test);
        }
    }
    model_check(&model, test);
    while (model.count > 0)
        model_give(&model, test, &random, true);
    ranges_trim(&test->ranges);
    assert_null(ranges_check(&test->ranges, &wrong));
    assert_int_equal(test->ranges.used_pages, test->ranges.tag_pages);
    assert_int_equal(test->held_count, test->ranges.tag_pages);
    test_home_destroy(test);
}

static void ranges_of_pages(void **state)
{
    (void)state;
    refusals_seen = 0;
    points_run_all("ranges", run_ranges);
    printf("# ranges: %llu calls were refused\n",
           (unsigned long long)refusals_seen);
    assert_true(refusals_seen > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_objects),
        cmocka_unit_test(slots_only),
        cmocka_unit_test(blocks),
        cmocka_unit_test(blocks_in_one_span),
        cmocka_unit_test(two_holes_in_one_block),
        cmocka_unit_test(large_requests),
        cmocka_unit_test(many_ranges),
        cmocka_unit_test(aligned_requests),
        cmocka_unit_test(realloc_up_and_down),
        cmocka_unit_test(with_trailers_and_poison),
        cmocka_unit_test(without_care),
        cmocka_unit_test(under_every_policy),
        cmocka_unit_test(ranges_of_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

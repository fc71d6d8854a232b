/* SPDX-License-Identifier: MIT */
/*
 * threads.c - heaps of several threads, out of memory at every point
 *
 * One thread plays three, so that a run can be repeated: payloads are freed
 * by whoever comes by, wait on their owner's remote list, are drained, and in
 * the end one of the threads leaves its heap to another.
 *
 * A heap that is asked for memory first takes back what others have freed, and
 * gives up what it keeps; that stays so when the request is refused after all.
 * So a refused call must leave every byte as it was where the heap had just
 * been trimmed, and where memory stays out, the same call once more must.
 * Payloads are whole always.
 */
#include "points.h"
#include "stop.h"
#include "support.h"

#include "mm/heap.h"

#include <sys/mman.h>

enum {
    KIB = 1024, ARENA = 512 * KIB, SPAN = 16 * KIB, PAGES = ARENA / MM_PAGE,
    HEAPS = 3, STEPS = 110, LIVE = STEPS,
};

/* ---- one arena for three --------------- */

static struct {
    unsigned char *arena;
    struct mm_home home;
    struct ranges ranges;
    struct heap heap[HEAPS];
    bool held[PAGES], returned[PAGES];
    uint32_t held_count;
    bool locked;
} p;

/* As in heap.c: what came back under this lock is there, and is no point. */
static bool place_hold(void *context, uint32_t page, uint32_t count)
{
    bool there = true;

    (void)context;
    assert_true(p.locked);
    for (uint32_t i = page; i < page + count; i++) {
        assert_false(p.held[i]);
        there = there && p.returned[i];
    }
    if (!there && point_fails(POINT_FRAMES))
        return false;
    assert_int_equal(mprotect(p.arena + (size_t)page * MM_PAGE,
                              (size_t)count * MM_PAGE,
                              PROT_READ | PROT_WRITE), 0);
    memset(p.arena + (size_t)page * MM_PAGE, 0, (size_t)count * MM_PAGE);
    memset(p.held + page, 1, count);
    p.held_count += count;
    return true;
}

static void place_release(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    assert_true(p.locked);
    for (uint32_t i = page; i < page + count; i++)
        assert_true(p.held[i]);
    assert_int_equal(mprotect(p.arena + (size_t)page * MM_PAGE,
                              (size_t)count * MM_PAGE, PROT_NONE), 0);
    memset(p.held + page, 0, count);
    memset(p.returned + page, 1, count);
    p.held_count -= count;
}

static void place_lock(void *context)
{
    (void)context;
    assert_false(p.locked);
    p.locked = true;
    memset(p.returned, 0, sizeof p.returned);
}

static void place_unlock(void *context)
{
    (void)context;
    p.locked = false;
}

static struct heap *place_heap_of(void *context, uint32_t owner)
{
    (void)context;
    return owner >= 1 && owner <= HEAPS ? &p.heap[owner - 1] : NULL;
}

static void place_open(const struct heap_setup *how)
{
    memset(&p, 0, sizeof p);
    p.arena = mmap(NULL, ARENA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                   0);
    assert_ptr_not_equal(p.arena, MAP_FAILED);
    p.home = (struct mm_home){
        .hold = place_hold, .release = place_release, .lock = place_lock,
        .unlock = place_unlock, .heap_of = place_heap_of,
    };
    ranges_init(&p.ranges, &p.home, p.arena, PAGES);
    for (uint32_t i = 0; i < HEAPS; i++) {
        struct heap_setup setup = *how;

        setup.home = &p.home;
        setup.ranges = &p.ranges;
        setup.owner = i + 1;
        heap_init(&p.heap[i], &setup);
    }
}

__attribute__((no_sanitize("address", "undefined")))
static uint64_t hash(uint64_t hash, const void *data, size_t size)
{
    const uint32_t *words = data;

    for (size_t i = 0; i < size / 4; i++) {
        hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash;
}

/* A search of what HEAP keeps notes which sizes have none, and which groups of
 * them (heap_kept.c, K2 and K3). That is forgotten; what is kept is not. */
static void forget_empty_sizes(struct heap *heap)
{
    for (uint32_t group = 0; group < KEPT_SIZES / KEPT_GROUP; group++) {
        int count = 0;

        for (uint32_t i = 0; i < KEPT_GROUP; i++) {
            struct kept_size *size = &heap->kept[group * KEPT_GROUP + i];

            count += kept_count(size);
            if (size->first == BLOCK_NIL)
                size->left = 0;
        }
        if (count == 0)
            class_map_clear(heap->kept_map, group);
    }
}

/* Every byte of state, but for what only says how the last call went and what
 * a search found empty. */
static uint64_t place_digest(void)
{
    uint64_t all = hash(1, &p.ranges.root, sizeof p.ranges -
                                               offsetof(struct ranges, root));

    for (int i = 0; i < HEAPS; i++) {
        struct heap heap = p.heap[i];

        heap.refusal = heap.refusal_quantum = heap.examined = 0;
        forget_empty_sizes(&heap);
        all = hash(all, &heap.small,
                   sizeof heap - offsetof(struct heap, small));
    }
    all = hash(all, p.held, sizeof p.held);
    for (uint32_t page = 0; page < PAGES; page++)
        if (p.held[page])
            all = hash(all, p.arena + (size_t)page * MM_PAGE, MM_PAGE);
    return all;
}

static void place_check(const char *where)
{
    struct heap_damage damage;
    uint32_t page;
    const char *fault = ranges_check(&p.ranges, &page);

    assert_false(p.locked);
    if (fault != NULL)
        fail_msg("after %s: ranges: %s", where, fault);
    for (int i = 0; i < HEAPS; i++)
        if (!heap_check(&p.heap[i], &damage))
            fail_msg("after %s: heap %d: %s", where, i + 1,
                     damage.invariant);
}

/* ---- payloads --------------- */

static struct {
    unsigned char *payload;
    uint32_t size;
    unsigned char fill;
} live[LIVE];
static uint32_t live_count;
static uint64_t refusals;

static void verify(uint32_t i)
{
    for (uint32_t at = 0; at < live[i].size; at++)
        if (live[i].payload[at] != live[i].fill)
            fail_msg("byte %u of a payload of %u has changed", at,
                     live[i].size);
}

/* SIZE bytes of HEAP were refused; the state was DIGEST, and STRICT says
 * whether it must be so now. */
static void refused(struct heap *heap, uint32_t size, uint64_t digest,
                    bool strict)
{
    refusals++;
    if (points.kind == POINT_FRAMES)
        assert_int_equal(heap->refusal, MM_NO_FRAMES);
    else
        assert_true(heap->refusal == MM_NO_BLOCK ||
                    heap->refusal == MM_NO_RANGE);
    if (strict && place_digest() != digest)
        fail_msg("%u bytes were refused, and something has changed", size);
    if (strict || !points.lasting)
        return;
    digest = place_digest();
    assert_null(heap_alloc(heap, size));
    if (place_digest() != digest)
        fail_msg("%u bytes were refused again, and something has changed",
                 size);
}

static void take(struct heap *heap, uint64_t *random, bool may_fail)
{
    uint32_t size = (uint32_t)(random_below(random, 8) == 0
                                   ? random_below(random, 12 * KIB)
                                   : random_below(random, 600)) + 1;
    unsigned char fill = (unsigned char)random_below(random, 256);
    bool strict = may_fail && random_below(random, 2) == 0;
    uint64_t digest = 0;
    unsigned char *payload;

    if (strict) {                       /* it has nothing to give up */
        heap_trim(heap);
        digest = place_digest();
    }
    payload = heap_alloc(heap, size);

    if (payload == NULL) {
        refused(heap, size, digest, strict);
        return;
    }
    memset(payload, fill, size);
    live[live_count].payload = payload;
    live[live_count].size = size;
    live[live_count++].fill = fill;
}

static void give(struct heap *heap, uint32_t i)
{
    verify(i);

    enum mm_fault fault = heap_free(heap, live[i].payload);

    if (fault != MM_OK)
        fail_msg("a free was refused: %s", mm_fault_name(fault));
    live[i] = live[--live_count];
}

static void change(struct heap *heap, uint32_t i, uint64_t *random)
{
    uint32_t size = (uint32_t)random_below(random, 3000) + 1;
    unsigned char *payload = heap_realloc(heap, live[i].payload, size);
    uint32_t kept = size < live[i].size ? size : live[i].size;

    if (payload == NULL) {
        refusals++;
        verify(i);
        return;
    }
    live[i].payload = payload;
    live[i].size = kept;
    verify(i);
    live[i].size = size;
    memset(payload, live[i].fill, size);
}

/* ---- the scenario --------------- */

static const struct heap_setup *setup;

static void play(uint64_t *random)
{
    for (int i = 0; i < STEPS; i++) {
        struct heap *heap = &p.heap[random_below(random, HEAPS)];
        uint64_t pick = random_below(random, 10), failed = points.failed;
        uint64_t before = refusals;
        bool may_fail = points_step();

        if (pick < 6 || live_count == 0)
            take(heap, random, may_fail);
        else if (pick < 7)
            change(heap, (uint32_t)random_below(random, live_count), random);
        else
            give(heap, (uint32_t)random_below(random, live_count));
        if (refusals != before && points.failed == failed)
            fail_msg("a call was refused, and no point had failed in it");
        if (points.failed == failed)
            continue;
        place_check("a failed point");
        for (uint32_t k = 0; k < live_count; k++)
            verify(k);
    }
}

/* Everything is freed by the last heap; all of it comes back. */
static void play_end(void)
{
    while (live_count > 0)
        give(&p.heap[HEAPS - 1], live_count - 1);
    for (int i = 0; i < HEAPS; i++)
        heap_settle(&p.heap[i]);
    heap_adopt(&p.heap[0]);             /* by whom does not matter here */
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < HEAPS; i++)
            heap_trim(&p.heap[i]);
    place_check("freeing everything");
    assert_int_equal(p.ranges.used_pages, p.ranges.tag_pages);
    assert_int_equal(p.held_count, p.ranges.tag_pages);
}

static void scenario(void)
{
    uint64_t random = 17;
    uint64_t before;

    place_open(setup);
    live_count = 0;
    play(&random);
    play_end();                         /* while it still fails */
    points_end();
    if (points.lasting) {               /* else it was there all along */
        before = refusals;
        random = 17;
        play(&random);
        play_end();
        assert_int_equal(refusals, before);
    }
    munmap(p.arena, ARENA);
}

static void run_all(const char *name, const struct heap_setup *how)
{
    setup = how;
    refusals = 0;
    points_run_all(name, scenario);
    printf("# %s: %llu calls were refused\n", name,
           (unsigned long long)refusals);
    assert_true(refusals > 0);
}

static void three_heaps_that_keep_nothing(void **state)
{
    (void)state;
    run_all("three heaps", &(struct heap_setup){
        .span_bytes = SPAN, .level = HEAP_LEVEL_CHECK, .small = true,
        .hollow_pages = 1 });
}

static void three_heaps_that_keep_blocks(void **state)
{
    (void)state;
    run_all("three heaps that keep blocks", &(struct heap_setup){
        .span_bytes = SPAN, .level = HEAP_LEVEL_NONE, .small = true,
        .keep = 2 });
}

static void three_heaps_with_trailers(void **state)
{
    (void)state;
    run_all("three heaps at level canary", &(struct heap_setup){
        .span_bytes = SPAN, .level = HEAP_LEVEL_CANARY, .small = true,
        .hollow_pages = 2 });
}

/* Memory is out for real, and another thread has freed one slot of 240 bytes,
 * behind so many of 16 that they are not all drained at once. */
static void what_others_have_freed_is_found_before_a_refusal(void **state)
{
    enum { FEW = 100 };
    static void *few[FEW];
    void *one = NULL, *more;

    (void)state;
    points_begin(0, false);
    place_open(&(struct heap_setup){
        .span_bytes = SPAN, .level = HEAP_LEVEL_CHECK, .small = true });
    for (int i = 0; i < FEW; i++)
        assert_non_null(few[i] = heap_alloc(&p.heap[0], 16));
    while ((more = heap_alloc(&p.heap[0], 240)) != NULL)
        one = one == NULL ? more : one; /* a slot; the last is a block */
    assert_int_equal(heap_free(&p.heap[1], one), MM_OK);
    for (int i = 0; i < FEW - 1; i++)
        assert_int_equal(heap_free(&p.heap[1], few[i]), MM_OK);
    if (heap_alloc(&p.heap[0], 240) == NULL)
        fail_msg("240 bytes were refused, and there was a slot for them");
    munmap(p.arena, ARENA);
}

/* Two neighbours are kept, and a payload waits that is of no use: the two are
 * joined before a request is refused for which they are large enough. */
static void what_is_kept_is_given_back_before_a_refusal(void **state)
{
    static void *all[ARENA / 3000];
    uint32_t count = 0;

    (void)state;
    points_begin(0, false);
    place_open(&(struct heap_setup){
        .span_bytes = SPAN, .level = HEAP_LEVEL_CHECK, .keep = 8 });
    while ((all[count] = heap_alloc(&p.heap[0], 3000)) != NULL)
        count++;
    assert_true(count > 20);
    assert_int_equal((uintptr_t)all[1] - (uintptr_t)all[0], 3008);
    assert_int_equal(heap_free(&p.heap[0], all[0]), MM_OK);
    assert_int_equal(heap_free(&p.heap[0], all[1]), MM_OK);
    assert_int_equal(heap_free(&p.heap[1], all[count - 1]), MM_OK);
    if (heap_alloc(&p.heap[0], 3500) == NULL)
        fail_msg("3500 bytes were refused, and 6016 were kept");
    munmap(p.arena, ARENA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_heaps_that_keep_nothing),
        cmocka_unit_test(three_heaps_that_keep_blocks),
        cmocka_unit_test(three_heaps_with_trailers),
        cmocka_unit_test(what_is_kept_is_given_back_before_a_refusal),
        cmocka_unit_test(what_others_have_freed_is_found_before_a_refusal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

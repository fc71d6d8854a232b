/* SPDX-License-Identifier: MIT */
/*
 * test_heap_edges.c - where the heap changes its ways
 *
 * Frames that run out in the middle of a step, a neighbour that is just large
 * enough, a payload of another thread, memory that comes back while one asks
 * for more: places that random programs pass by.
 *
 * sources: tests/unit/home.c
 * sources: src/mm/[a-z]*.c src/trace/[a-z]*.c src/lab/polic[a-z_]*.c
 */
#include "home.h"

#include "lab/policy.h"
#include "mm/heap_fast.h"

enum { KIB = 1024, MIB = 1024 * KIB, KEEP = 15 };

static struct test_home *test;
static struct heap *heap;
static struct heap other;               /* a second one, on the same arena */

static struct heap *heap_of(void *context, uint32_t owner)
{
    (void)context;
    return owner == 1 ? heap : owner == 2 ? &other : NULL;
}

static void open_heap(struct heap_setup setup, uint32_t arena, uint32_t span,
                      bool deaf)
{
    test = test_home_create(&(struct test_setup){
        .arena_bytes = arena, .span_bytes = span, .unobserved = true,
        .deaf = deaf });
    heap = &test->heap;
    test->home.heap_of = heap_of;
    setup.home = &test->home;
    setup.ranges = &test->ranges;
    setup.span_bytes = span;
    setup.owner = 1;
    heap_init(heap, &setup);
    setup.owner = 2;
    heap_init(&other, &setup);
}

static void close_heap(void)
{
    test_home_destroy(test);
}

static void *ask(struct heap *of, uint64_t size, uint64_t align,
                 enum heap_kind kind)
{
    return heap_alloc_request(of, &(struct heap_request){
        .size = size, .align = align, .kind = kind });
}

static void *give(uint64_t size)
{
    void *payload = ask(heap, size, 0, HEAP_BLOCK);

    assert_non_null(payload);
    return payload;
}

static void take_back(void *payload)
{
    assert_int_equal(heap_free(heap, payload), MM_OK);
}

static void check_fine(void)
{
    test_home_check(test, "this");
}

/* How many blocks of QUANTA the heap keeps. */
static int kept_of(uint32_t quanta)
{
    return kept_count(&heap->kept[quanta]);
}

/* ---- how a heap starts --------------- */

static void a_seed_is_taken_as_it_is(void **state)
{
    static uint32_t order[2][HEAP_WAITING];

    (void)state;
    for (uint32_t seed = 0; seed < 3; seed++) {
        open_heap((struct heap_setup){ .level = HEAP_LEVEL_FULL,
                                       .seed = seed }, 4 * MIB, 64 * KIB,
                  false);
        assert_int_equal(heap->random, seed == 0 ? 1 : seed);
        for (int i = 0; i < 3; i++)
            take_back(give(100));
        memcpy(order[seed == 2], heap->waiting, sizeof heap->waiting);
        close_heap();
        if (seed == 2)                  /* another seed, another order */
            assert_memory_not_equal(order[0], order[1], sizeof order[0]);
    }
}

/* Spans shorter than what a free block keeps before it gives pages back: one
 * that is empty is kept, a second one leaves. */
static void an_empty_span_leaves_however_much_blocks_keep(void **state)
{
    (void)state;
    for (uint32_t hollow = 3; hollow < 6; hollow++) {
        void *payload[12];

        open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK,
                                       .hollow_pages = hollow },
                  MIB, 16 * KIB, false);
        for (int i = 0; i < 12; i++)
            payload[i] = give(4000);
        assert_true(test->ranges.used_count > 2);
        for (int i = 0; i < 12; i++)
            take_back(payload[i]);
        assert_int_equal(test->ranges.used_count, 1);
        assert_true(heap->empty_span != HEAP_NO_SPAN);
        close_heap();
    }
}

/* The heap is full but for one slot that waits at level full. When a block is
 * asked for, the slot goes, and its page with it. */
static void a_slot_that_waits_goes_before_a_refusal(void **state)
{
    void *slot;

    (void)state;
    open_heap((struct heap_setup){ .level = HEAP_LEVEL_FULL, .small = true },
              64 * KIB, 64 * KIB, false);
    slot = ask(heap, 100, 0, HEAP_SLOT);
    assert_non_null(slot);
    for (uint32_t size = 2000; size > 0; size /= 2)
        while (ask(heap, size, 0, HEAP_BLOCK) != NULL)
            ;
    take_back(slot);
    give(1500);
    check_fine();
    close_heap();
}

/* A size of the same class is served where the payload is. */
static void a_slot_that_has_room_stays(void **state)
{
    (void)state;
    for (int level = HEAP_LEVEL_NONE; level <= HEAP_LEVEL_CHECK; level++) {
        void *slot;

        open_heap((struct heap_setup){ .level = (enum heap_level)level,
                                       .small = true }, MIB, 64 * KIB, false);
        slot = ask(heap, 100, 0, HEAP_SLOT);
        assert_ptr_equal(heap_realloc(heap, slot, 112), slot);
        assert_ptr_equal(heap_realloc(heap, slot, 97), slot);
        assert_ptr_not_equal(heap_realloc(heap, slot, 113), slot);
        check_fine();
        close_heap();
    }
}

static uint32_t span_bytes;

static void init_heap(void *context)
{
    static struct heap one;

    (void)context;
    heap_init(&one, &(struct heap_setup){
        .home = &test->home, .ranges = &test->ranges,
        .span_bytes = span_bytes });
}

static void spans_have_a_size_from_a_page_to_512_kib(void **state)
{
    static const uint32_t wrong[] = { 0, 2048, 4095, 12288, 1048576 };

    (void)state;
    open_heap((struct heap_setup){ .level = HEAP_LEVEL_NONE }, MIB, 64 * KIB,
              false);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        span_bytes = wrong[i];
        assert_non_null(test_panic_of(init_heap, NULL));
    }
    for (span_bytes = 4096; span_bytes <= 512 * KIB; span_bytes *= 2)
        assert_null(test_panic_of(init_heap, NULL));
    close_heap();
}

/* ---- frames that run out --------------- */

/* A span, and a cut for each half of a half: whichever frame is missing, the
 * refusal leaves nothing behind. */
static void buddies_without_frames_leave_no_span(void **state)
{
    uint32_t frames = 0;

    (void)state;
    for (;; frames++) {
        open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK,
                                       .policy = &policy_buddy }, 256 * KIB,
                  64 * KIB, false);
        test->frames_left = frames;
        if (ask(heap, 60, 0, HEAP_BLOCK) != NULL)
            break;
        assert_int_equal(heap->refusal, MM_NO_FRAMES);
        assert_int_equal(test->ranges.used_pages, 0);
        assert_int_equal(test->held_count, 0);
        check_fine();
        close_heap();
    }
    assert_true(frames > 4);            /* head, end, and some halves */
    check_fine();

    /* A larger block is to be cut, where no frame is. */
    test->frames_left = 16;
    give(8 * KIB - 4);                  /* the one of its size */
    test->frames_left = 0;

    uint64_t digest = test_home_digest(test);

    assert_null(ask(heap, 8 * KIB - 4, 0, HEAP_BLOCK));
    assert_int_equal(heap->refusal, MM_NO_FRAMES);
    assert_true(test_home_digest(test) == digest);
    test->frames_left = 16;
    give(8 * KIB - 4);
    check_fine();
    close_heap();
}

/* More than even an empty span can serve: no span is left behind. */
static void a_policy_that_cannot_use_a_span_gives_it_back(void **state)
{
    (void)state;
    open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK,
                                   .policy = &policy_buddy }, 256 * KIB,
              64 * KIB, false);
    assert_null(ask(heap, 60, 4096, HEAP_BLOCK));
    assert_int_equal(heap->refusal, MM_NO_BLOCK);
    assert_int_equal(test->ranges.used_pages, 0);
    check_fine();
    close_heap();
}

/* The block that is chosen needs frames, and there are none; another is held
 * all through. A refusal would be wrong. */
static void a_held_block_is_found_when_the_chosen_one_is_hollow(void **state)
{
    static const struct heap_policy *const choices[] = {
        NULL, &policy_first, &policy_next, &policy_best, &policy_buddy,
    };

    (void)state;
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        void *block[4], *again;

        open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK,
                                       .policy = choices[i] }, 64 * KIB,
                  64 * KIB, false);
        for (int k = 0; k < 4; k++)
            block[k] = give(8 * KIB - 4);
        while (ask(heap, 8 * KIB - 4, 0, HEAP_BLOCK) != NULL)
            ;                           /* nothing else is large enough */
        take_back(block[0]);
        heap->hollow_pages = heap->spare_quanta = 1;
        take_back(block[2]);            /* the last freed, the first found */
        assert_true(block_is_hollow(block_of(block[2])));
        assert_false(block_is_hollow(block_of(block[0])));
        test->frames_left = 0;
        again = ask(heap, 8 * KIB - 4, 0, HEAP_BLOCK);
        assert_ptr_equal(again, block[0]);
        assert_null(ask(heap, 8 * KIB - 4, 0, HEAP_BLOCK));
        assert_int_equal(heap->refusal, MM_NO_FRAMES);
        close_heap();
    }
}

/* A heap with a hollow block of *SIZE bytes, pages in whose middle are held;
 * besides it there is nothing to take. */
static void *open_with_two_holes(uint64_t *size)
{
    void *a, *middle, *b;

    open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK,
                                   .hollow_pages = 1 }, 64 * KIB, 64 * KIB,
              false);
    a = give(20 * KIB);
    middle = give(100);
    b = give(20 * KIB);
    give(100);
    while (ask(heap, 1000, 0, HEAP_BLOCK) != NULL)
        ;
    while (ask(heap, 12, 0, HEAP_BLOCK) != NULL)
        ;
    take_back(a);
    take_back(b);
    heap->hollow_pages = 0;
    take_back(middle);
    assert_true(block_is_hollow(block_of(a)));
    *size = block_size(block_of(a)) - BLOCK_HEADER;
    assert_true(*size > 40 * KIB);
    check_fine();
    return a;
}

/* Its frames come in two runs. The second does not come: the first goes back,
 * and then the pages between, which might have served. */
static void what_was_held_in_part_is_let_go(void **state)
{
    void *a, *all = NULL;
    uint64_t size, digest;
    uint32_t held, frames = 0;

    (void)state;
    for (; all == NULL; frames++) {
        a = open_with_two_holes(&size);
        held = test->held_count;
        test->frames_left = frames;
        all = ask(heap, size, 0, HEAP_BLOCK);
        check_fine();
        assert_int_equal(test->frames_left + test->held_count, held + frames);
        if (all != NULL)
            break;
        assert_int_equal(heap->refusal, MM_NO_FRAMES);
        digest = test_home_digest(test);
        assert_int_equal(heap_trim(heap), 0);
        assert_true(test_home_digest(test) == digest);
        close_heap();
    }
    assert_ptr_equal(all, a);
    assert_int_equal(test->frames_left, 0);
    assert_true(frames >= 8);
    memset(all, 0x5a, size);
    check_fine();
    close_heap();
}

/* ---- just enough --------------- */

/* The right neighbour is hollow, and taken whole: nothing remains. */
static void a_block_grows_to_the_end_of_its_span(void **state)
{
    (void)state;
    for (uint64_t less = 0; less < 3; less++) {
        unsigned char *payload;
        uint64_t size;

        open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK }, 128 * KIB,
                  64 * KIB, false);
        payload = give(100);
        memset(payload, 0x77, 100);
        size = heap->span_quanta * 16 - 4 - less * 16;
        heap->large_bytes = (uint32_t)size;
        assert_ptr_equal(heap_realloc(heap, payload, size), payload);
        assert_int_equal(heap_payload_bytes(heap, payload), size);
        for (int i = 0; i < 100; i++)
            assert_int_equal(payload[i], 0x77);
        memset(payload, 0x5a, size);
        check_fine();
        assert_ptr_equal(heap_realloc(heap, payload, 100), payload);
        check_fine();
        close_heap();
    }
}

/* One quantum more than there is at that alignment, and exactly as many. */
static void an_aligned_request_for_nearly_all_of_a_span(void **state)
{
    void *payload;

    (void)state;
    open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK }, 512 * KIB,
              512 * KIB, false);
    assert_null(ask(heap, 24577 * 16 - 4, 128 * KIB, HEAP_BLOCK));
    assert_int_equal(heap->refusal, MM_NO_BLOCK);
    assert_int_equal(test->held_count, 0);
    take_back(give(100));               /* a span is there now */
    assert_null(ask(heap, 24577 * 16 - 4, 128 * KIB, HEAP_BLOCK));
    assert_int_equal(heap->refusal, MM_NO_BLOCK);
    payload = ask(heap, 24576 * 16 - 4, 128 * KIB, HEAP_BLOCK);
    assert_int_equal(heap_at(heap, payload), 128 * KIB);
    memset(payload, 0x5a, 24576 * 16 - 4);
    check_fine();
    take_back(payload);
    check_fine();
    close_heap();
}

/* ---- what an observer sees of a search --------------- */

static void looks_are_counted_beyond_what_is_remembered(void **state)
{
    static struct heap_looks looks;
    static void *small[2 * HEAP_LOOKS];

    (void)state;
    open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK,
                                   .policy = &policy_first,
                                   .order = HEAP_BY_ADDRESS }, 128 * KIB,
              64 * KIB, false);
    for (int i = 0; i < HEAP_LOOKS + 6; i++) {
        small[i] = give(12);
        give(12);
    }
    for (int i = 0; i < HEAP_LOOKS + 6; i++)
        take_back(small[i]);
    heap->looks = &looks;
    give(100);
    assert_int_equal(looks.count, HEAP_LOOKS + 7);
    assert_int_equal(heap->examined, HEAP_LOOKS + 7);
    for (int i = 0; i < HEAP_LOOKS; i++)
        assert_int_equal(looks.at[i] * 16, heap_at(heap, small[i]));
    close_heap();
}

/* ---- policies --------------- */

static uint32_t halve(uint32_t quanta)
{
    return quanta / 2;
}

static bool never(const struct heap *of, const struct block *left,
                  const struct block *right)
{
    (void)of;
    (void)left;
    (void)right;
    return false;
}

/* A cut may leave too little on the left: then the block stays as it is, and
 * all of it has frames. */
static void cuts_stop_before_they_leave_too_little(void **state)
{
    struct heap_policy halves = policy_first;

    (void)state;
    halves.name = "halves";
    halves.cut = halve;
    halves.joins = never;
    for (uint32_t quanta = 1; quanta < 600; quanta += 7) {
        struct block *block;
        uint32_t expected;

        open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK,
                                       .policy = &halves }, 128 * KIB,
                  64 * KIB, false);
        for (expected = heap->span_quanta; expected / 2 >= quanta;)
            expected /= 2;
        block = block_of(give(quanta * 16 - 4));
        assert_int_equal(block_quanta(block), expected);
        check_fine();
        memset(block_payload(block), 0x5a, expected * 16 - 4);
        take_back(block_payload(block));
        assert_int_equal(block_quanta(block), expected);
        check_fine();
        close_heap();
    }
}

/* Without checks a policy joins all the same. */
static void policies_join_without_checks(void **state)
{
    static const struct heap_policy *const choices[] = {
        &policy_first, &policy_best, &policy_buddy,
    };

    (void)state;
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        void *payload[20];

        open_heap((struct heap_setup){ .policy = choices[i],
                                       .order = HEAP_BY_ADDRESS }, 128 * KIB,
                  64 * KIB, false);
        for (int k = 0; k < 20; k++)
            payload[k] = give(60);
        for (int k = 0; k < 20; k += 2)
            take_back(payload[k]);
        check_fine();
        for (int k = 1; k < 20; k += 2)
            take_back(payload[k]);
        check_fine();
        assert_true(block_fills_span(span_first_block(
            heap, span_of(heap, payload[0]))));
        close_heap();
    }
}

/* ---- payloads of another thread --------------- */

static void *theirs(uint64_t size)
{
    unsigned char *payload = ask(&other, size, 0, HEAP_BLOCK);

    assert_non_null(payload);
    for (uint64_t i = 0; i < size; i++)
        payload[i] = (unsigned char)i;
    return payload;
}

static void has_bytes(const unsigned char *payload, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        assert_int_equal(payload[i], (unsigned char)i);
}

/* Realloc may leave it where it is, if it is large enough and not twice too
 * large; else it moves, and goes back over the remote list. */
static void reallocating_what_is_another_threads(void **state)
{
    (void)state;
    for (int level = HEAP_LEVEL_NONE; level <= HEAP_LEVEL_CHECK; level++) {
        static const struct {
            int64_t size;               /* beyond what is usable */
            int of;                     /* of which this part */
            bool stays;
        } cases[] = {
            { 0, 1, true }, { 1, 1, false }, { 1, 2, true }, { 0, 2, false },
            { -1, 1, true }, { -1, 2, false }, { 1000, 1, false },
        };

        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            void *payload, *now;
            uint64_t usable, size;

            open_heap((struct heap_setup){ .level = (enum heap_level)level },
                      256 * KIB, 64 * KIB, false);
            payload = theirs(1004);
            usable = heap_usable_size(&other, payload);
            assert_int_equal(usable % 2, 0);
            size = usable / (uint64_t)cases[i].of + (uint64_t)cases[i].size;
            now = heap_realloc(heap, payload, size);
            assert_non_null(now);
            has_bytes(now, size < 1004 ? size : 1004);
            if (cases[i].stays && level == HEAP_LEVEL_NONE) {
                assert_ptr_equal(now, payload);
                assert_int_equal(other.remote, 0);
            } else {
                assert_ptr_not_equal(now, payload);
                assert_int_equal(other.remote * 8u,
                                 heap_at(heap, payload));
                take_back(now);
            }
            heap_trim(&other);
            assert_int_equal(other.remote, 0);
            close_heap();
        }
    }
}

static void what_is_another_threads_does_not_wait_here(void **state)
{
    void *payload;

    (void)state;
    open_heap((struct heap_setup){ .level = HEAP_LEVEL_FULL }, 4 * MIB,
              64 * KIB, false);
    payload = ask(&other, 100, 0, HEAP_BLOCK);
    take_back(payload);
    assert_false(care_is_waiting(heap, payload));
    assert_true(heap_remote_has(&other, heap_at(heap, payload)));
    heap_drain(&other, DRAIN_ALL);      /* now it waits, with its owner */
    assert_true(care_is_waiting(&other, payload));
    close_heap();
}

static void an_adoption_is_announced(void **state)
{
    (void)state;
    for (int deaf = 0; deaf < 2; deaf++) {
        open_heap((struct heap_setup){ .level = HEAP_LEVEL_NONE }, 256 * KIB,
                  64 * KIB, deaf);
        heap_adopt(&other);
        assert_int_equal(test->events, !deaf);
        if (!deaf) {
            assert_int_equal(test->last.kind, MM_EVENT_ADOPT);
            assert_int_equal(test->last.owner, 2);
        }
        close_heap();
    }
}

/* ---- a thread that ends --------------- */

static void settling_gives_the_empty_span_back(void **state)
{
    void *kept, *payload;

    (void)state;
    open_heap((struct heap_setup){ .keep = KEEP }, 256 * KIB,
              64 * KIB, false);
    heap_settle(heap);                  /* nothing is there to give */
    assert_int_equal(test->ranges.used_count, 0);
    payload = give(100);
    kept = give(100);
    take_back(kept);
    assert_true(block_is_kept(block_of(kept)));
    heap_settle(heap);                  /* what is in use stays */
    assert_int_equal(test->ranges.used_count, 1);
    assert_true(block_is_free(block_of(kept)));
    check_fine();
    assert_int_equal(heap_free(&other, payload), MM_OK);
    assert_true(block_is_used(block_of(payload)));
    heap_settle(heap);                  /* and what others have freed goes */
    assert_int_equal(heap->remote, 0);
    assert_int_equal(test->ranges.used_count, 0);
    assert_int_equal(test->held_count, 0);
    assert_int_equal(heap->empty_span, HEAP_NO_SPAN);
    check_fine();
    close_heap();
}

/* ---- waiting --------------- */

/* In a large arena what waits is bounded by 4 MiB for all 64. */
static void only_so_much_waits(void **state)
{
    (void)state;
    for (uint32_t arena = 4 * MIB; arena <= 64 * MIB; arena *= 2) {
        uint64_t most = arena / 4 < 4 * MIB ? arena / 4 : 4 * MIB;
        void *little, *much;

        open_heap((struct heap_setup){ .level = HEAP_LEVEL_FULL }, arena,
                  512 * KIB, false);
        little = give(most / 64 - 12);  /* a block's size without header */
        much = give(most / 64 + 4);
        give(12);
        assert_true(heap_payload_bytes(heap, little) <= most / 64);
        assert_true(heap_payload_bytes(heap, much) > most / 64);
        take_back(little);
        take_back(much);
        assert_true(care_is_waiting(heap, little));
        assert_true(block_is_used(block_of(little)));
        assert_false(care_is_waiting(heap, much));
        assert_true(block_is_free(block_of(much)));
        check_fine();
        close_heap();
    }
}

static void what_waits_is_announced_to_those_who_listen(void **state)
{
    (void)state;
    for (int deaf = 0; deaf < 2; deaf++) {
        void *payload;

        open_heap((struct heap_setup){ .level = HEAP_LEVEL_FULL }, 4 * MIB,
                  64 * KIB, deaf);
        payload = give(100);
        take_back(payload);
        assert_true(care_is_waiting(heap, payload));
        if (!deaf) {
            assert_int_equal(test->last.kind, MM_EVENT_WAIT);
            assert_int_equal(test->last.at, heap_at(heap, payload));
        }
        assert_int_equal(heap_free(heap, payload), MM_NOT_LIVE);
        heap_trim(heap);
        assert_int_equal(test->held_count, test->ranges.tag_pages);
        close_heap();
    }
}

/* ---- large ranges --------------- */

static void a_large_range_at_level_full_keeps_its_guard(void **state)
{
    unsigned char *payload;
    uint64_t where;

    (void)state;
    open_heap((struct heap_setup){ .level = HEAP_LEVEL_FULL }, 4 * MIB,
              64 * KIB, false);
    payload = ask(heap, 100000, 64 * KIB, HEAP_LARGE);
    where = heap_at(heap, payload);
    assert_int_equal(where % (64 * KIB), 0);
    assert_true(where % (128 * KIB) != 0 || where >= 64 * KIB);
    memset(payload, 0x5a, 100000);
    assert_int_equal(heap_usable_size(heap, payload), 100000);
    assert_false(test->held[(where + 100000) / MM_PAGE + 1]);

    /* The same pages: it stays; fewer: it moves, and the guard with it. */
    assert_ptr_equal(heap_realloc(heap, payload, 99000), payload);
    assert_int_equal(heap_usable_size(heap, payload), 99000);
    assert_int_equal(payload[98999], 0x5a);
    check_fine();

    unsigned char *moved = heap_realloc(heap, payload, 80000);

    assert_ptr_not_equal(moved, payload);
    assert_int_equal(moved[79999], 0x5a);
    assert_int_equal(heap_usable_size(heap, moved), 80000);
    take_back(moved);
    check_fine();
    close_heap();
}

/* The empty span that is kept, what is kept in another, and what others have
 * freed: all that is in the way of a large range goes before a refusal. */
static void no_empty_span_is_in_the_way_of_a_large_range(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        void *payload;

        open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK,
                                       .keep = how == 1 ? 15 : 0 },
                  128 * KIB, 64 * KIB, false);
        payload = give(100);
        assert_null(heap_alloc(heap, 100000));
        assert_int_equal(heap->refusal, MM_NO_RANGE);
        check_fine();
        assert_int_equal(heap_free(how == 2 ? &other : heap, payload), MM_OK);
        payload = heap_alloc(heap, 100000);
        assert_non_null(payload);
        assert_int_equal(test->ranges.used_count, 1);
        memset(payload, 0x5a, 100000);
        check_fine();
        assert_null(heap_alloc(heap, 100000));
        take_back(payload);
        check_fine();
        close_heap();
    }
}

/* And frames: those behind an empty span serve a large range. */
static void no_empty_span_has_the_frames_of_a_large_range(void **state)
{
    void *payload;

    (void)state;
    open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK }, 256 * KIB,
              64 * KIB, false);
    payload = give(30 * KIB);
    test->frames_left = 0;
    assert_null(heap_alloc(heap, 30 * KIB));
    assert_int_equal(heap->refusal, MM_NO_FRAMES);
    take_back(payload);
    assert_int_not_equal(heap->empty_span, HEAP_NO_SPAN);
    payload = ask(heap, 30 * KIB, 0, HEAP_LARGE);
    assert_non_null(payload);
    check_fine();
    assert_int_equal(heap->empty_span, HEAP_NO_SPAN);
    close_heap();
}

/* The last page of a class stays, until its block is wanted. */
static void no_empty_slot_page_is_in_the_way_of_a_block(void **state)
{
    void *slot;

    (void)state;
    open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK, .small = true },
              64 * KIB, 64 * KIB, false);
    slot = heap_alloc(heap, 100);
    while (ask(heap, 1000, 0, HEAP_BLOCK) != NULL)
        ;
    while (ask(heap, 12, 0, HEAP_BLOCK) != NULL)
        ;
    assert_null(heap_alloc(heap, 1500));
    assert_int_equal(heap->refusal, MM_NO_BLOCK);
    take_back(slot);
    assert_int_equal(heap_usable_size(heap, heap_alloc(heap, 2044)), 2044);
    check_fine();
    close_heap();
}

/* Of blocks of 1 to SIZES quanta, EACH of them, LEFT are kept: the longest. */
static void assert_kept(uint32_t sizes, uint32_t each, uint32_t left)
{
    for (uint32_t quanta = sizes; quanta > 0; quanta--) {
        uint32_t kept = left < each ? left : each;

        assert_int_equal(kept_of(quanta), kept);
        left -= kept;
    }
    assert_int_equal(left, 0);
}

/* A heap that has grown frees some of what it keeps, as many as is said; the
 * shortest, where none is a quarter of the request. */
static void a_heap_that_grows_spends_some_of_what_it_keeps(void **state)
{
    void *block[56];

    (void)state;
    open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK,
                                   .keep = KEEP }, 256 * KIB, 64 * KIB,
              false);
    for (uint64_t i = 0; i < 56; i++)           /* 8 of each, 1 to 7 quanta */
        block[i] = give((i / 8 + 1) * MM_QUANTUM - BLOCK_HEADER);
    give(14 * KIB), give(14 * KIB), give(14 * KIB), give(14 * KIB);
    for (int i = 0; i < 56; i++)
        take_back(block[i]);
    for (uint32_t quanta = 1; quanta <= 7; quanta++)
        assert_int_equal(kept_of(quanta), 8);
    give(10 * KIB);
    assert_int_equal(test->ranges.used_count, 2);
    assert_kept(7, 8, 56 - KEPT_SPEND);
    check_fine();
    close_heap();
}

/* As many remote frees as an arena can have. */
static void a_list_of_remote_frees_may_be_as_long_as_the_heap(void **state)
{
    static void *slot[8192];
    uint32_t count = 0;

    (void)state;
    open_heap((struct heap_setup){ .level = HEAP_LEVEL_NONE, .small = true },
              64 * KIB, 64 * KIB, true);
    while ((slot[count] = heap_alloc(heap, 8)) != NULL)
        count++;
    assert_true(count > 64 * KIB / 9);
    for (uint32_t i = 0; i < count; i++)
        heap_free(&other, slot[i]);
    check_fine();
    heap_trim(heap);
    assert_int_equal(test->ranges.used_count, 0);
    check_fine();
    close_heap();
}

/* The neighbour's tag lies: the old range cannot be given back, but the new
 * one is good. */
static void a_large_payload_moves_among_damaged_tags(void **state)
{
    unsigned char *a, *b, *moved;
    struct range_tag *tag;
    uint64_t size = 100000;
    uint32_t pages;

    (void)state;
    open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK }, MIB,
              64 * KIB, false);
    a = ask(heap, size, 0, HEAP_LARGE);
    b = ask(heap, 100000, 0, HEAP_LARGE);
    assert_true(a != NULL && b > a);
    memset(a, 0x5a, size);
    size = heap_usable_size(heap, a);
    tag = (struct range_tag *)ranges_find(&test->ranges,
                                          (uint32_t)(heap_at(heap, b) /
                                                     MM_PAGE));
    while (tag->start > heap_at(heap, a) / MM_PAGE +
                            ranges_find(&test->ranges,
                                        (uint32_t)(heap_at(heap, a) /
                                                   MM_PAGE))->pages)
        tag = (struct range_tag *)ranges_find(&test->ranges, tag->start - 1);
    tag->type = RANGE_TYPES;
    pages = ranges_find(&test->ranges, heap_at(heap, a) / MM_PAGE)->pages;
    moved = heap_realloc(heap, a, size + 1);
    assert_non_null(moved);
    assert_ptr_not_equal(moved, a);
    for (uint64_t i = 0; i < 100000; i++)
        assert_int_equal(moved[i], 0x5a);
    assert_int_equal(ranges_find(&test->ranges,
                                 heap_at(heap, a) / MM_PAGE)->pages, pages);
    close_heap();
}

/* Realloc of a large range: where it is while the pages behind it are free,
 * elsewhere when they are not. The picture from events agrees all the time. */
static void a_large_range_grows_into_free_pages(void **state)
{
    unsigned char *a, *b;
    uint32_t used;

    (void)state;
    for (int level = HEAP_LEVEL_NONE; level <= HEAP_LEVEL_CHECK; level++) {
        open_heap((struct heap_setup){ .level = (enum heap_level)level }, MIB,
                  64 * KIB, false);
        a = ask(heap, 70000, 0, HEAP_LARGE);
        memset(a, 0x5a, 70000);
        used = test->ranges.used_pages;
        assert_ptr_equal(heap_realloc(heap, a, 200000), a);
        check_fine();
        assert_true(heap_usable_size(heap, a) >= 200000);
        assert_int_equal(test->ranges.used_pages, used + 31);
        memset(a, 0x5a, 200000);
        assert_ptr_equal(heap_realloc(heap, a, 200000), a);
        b = ask(heap, 70000, 0, HEAP_LARGE);    /* 256 KiB behind a */
        assert_int_equal(heap_at(heap, b) - heap_at(heap, a), 256 * KIB);
        assert_ptr_equal(heap_realloc(heap, a, 250000), a);
        assert_ptr_not_equal(heap_realloc(heap, a, 270000), a);
        check_fine();
        close_heap();

        /* no frames for the tail, nor for a copy */
        open_heap((struct heap_setup){ .level = (enum heap_level)level }, MIB,
                  64 * KIB, false);
        a = ask(heap, 70000, 0, HEAP_LARGE);
        test->frames_left = 5;
        assert_null(heap_realloc(heap, a, 200000));
        assert_int_equal(heap->refusal, MM_NO_FRAMES);
        check_fine();
        assert_ptr_equal(heap_realloc(heap, a, 71000 + 4 * MM_PAGE), a);
        check_fine();
        close_heap();
    }
}

/* For the same reason a large range keeps its tail. */
static void a_large_range_does_not_shrink_among_damaged_tags(void **state)
{
    struct range_tag *tag, *next;
    unsigned char *payload;
    uint32_t pages;

    (void)state;
    open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK }, MIB,
              64 * KIB, false);
    payload = ask(heap, 100000, 0, HEAP_LARGE);
    tag = (struct range_tag *)ranges_find(&test->ranges,
                                          heap_at(heap, payload) / MM_PAGE);
    pages = tag->pages;
    next = (struct range_tag *)ranges_find(&test->ranges,
                                           tag->start + pages);
    next->start++;                      /* a page that is nobody's */
    assert_false(large_resize(heap, payload, 70000));
    assert_int_equal(tag->pages, pages);
    assert_int_equal(span_of(heap, payload)->pages, pages);
    next->start--;
    check_fine();
    close_heap();
}

/* ---- slot pages --------------- */

static struct slot_page *page_of(const void *slot)
{
    return heap_address(heap, mm_round_down(heap_at(heap, slot),
                                            MM_SLOT_PAGE));
}

static bool page_has_room(const void *slot)
{
    struct slot_view view = slot_page_view(heap, heap_at(heap, slot));

    return view.used < view.count;
}

/* Fills a new page of slots of SIZE bytes; answers its first slot. */
static void *fill_page(uint64_t size)
{
    void *first = ask(heap, size, 0, HEAP_SLOT);

    assert_non_null(first);
    while (page_has_room(first))
        assert_non_null(ask(heap, size, 0, HEAP_SLOT));
    return first;
}

/* The second full page that gets a slot back goes behind the first, and the
 * third between them. */
static void pages_that_get_room_go_behind_the_first(void **state)
{
    void *slot[3];

    (void)state;
    open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK, .small = true },
              256 * KIB, 64 * KIB, false);
    for (int i = 0; i < 3; i++)
        slot[i] = fill_page(100);
    for (int i = 0; i < 3; i++) {
        take_back(slot[i]);
        check_fine();
    }

    struct slot_page *first = page_of(slot[0]);

    assert_ptr_equal(heap_address(heap, first->next * 16ull),
                     page_of(slot[2]));
    assert_ptr_equal(heap_address(heap, page_of(slot[2])->next * 16ull),
                     page_of(slot[1]));
    assert_ptr_equal(ask(heap, 100, 0, HEAP_SLOT), slot[0]);
    check_fine();
    close_heap();
}

/*
 * The heap is full. Other threads have freed more payloads than a request for
 * a slot looks at, and the last that it would come to are a slot of just that
 * class and, or not, a block that makes room for a page of them.
 */
static void a_slot_that_was_freed_far_away_is_found(void **state)
{
    (void)state;
    for (int with_room = 0; with_room < 2; with_room++) {
        static void *small[3 * DRAIN_SOME];
        void *slot, *block, *again, *first;
        unsigned count = 0;

        open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK,
                                       .small = true }, 64 * KIB, 64 * KIB,
                  false);
        slot = fill_page(100);
        block = give(5000);
        for (; count < 3 * DRAIN_SOME; count++)
            small[count] = give(200);
        while (ask(heap, 1000, 0, HEAP_BLOCK) != NULL ||
               ask(heap, 12, 0, HEAP_BLOCK) != NULL)
            ;
        assert_int_equal(heap_free(&other, slot), MM_OK);
        if (with_room)
            assert_int_equal(heap_free(&other, block), MM_OK);
        for (unsigned i = 0; i < count; i += 2)
            assert_int_equal(heap_free(&other, small[i]), MM_OK);
        assert_int_equal(heap->slot_lists[slot_class(100)], BLOCK_NIL);
        first = page_of(slot);
        again = ask(heap, 100, 0, HEAP_SLOT);
        assert_non_null(again);
        if (with_room) {                /* a new page came before the old */
            assert_ptr_not_equal(page_of(again), first);
            assert_ptr_equal(heap_address(heap,
                                          page_of(again)->next * 16ull),
                             first);
        } else {
            assert_ptr_equal(again, slot);
        }
        check_fine();
        close_heap();
    }
}

/* ---- a front --------------- */

static void set_front(void *front)
{
    heap_set_fast(heap, front);
}

static void a_front_is_for_a_heap_that_nobody_watches(void **state)
{
    (void)state;
    for (int deaf = 0; deaf < 2; deaf++) {
        for (int level = 0; level <= HEAP_LEVEL_CHECK; level++) {
            const char *panic;

            open_heap((struct heap_setup){ .level = (enum heap_level)level,
                                           .small = true }, 256 * KIB,
                      64 * KIB, deaf);
                    panic = test_panic_of(set_front, &test->fast);
            if (deaf && level == HEAP_LEVEL_NONE)
                assert_null(panic);
            else
                assert_non_null(strstr(panic, "nobody watches"));
            close_heap();
        }
    }
}

/* Fifteen of a size, with a front: the next is not kept, nor is what is beyond
 * KEPT_SIZES; and when the front goes, nothing is kept any more. */
static void a_front_keeps_as_many_as_the_heap(void **state)
{
    for (int by_heap = 0; by_heap < 2; by_heap++) {
        void *payload[KEEP + 2], *large;

        (void)state;
        open_heap((struct heap_setup){ .small = true, .keep = KEEP },
                  4 * MIB, 512 * KIB, true);
        heap_set_fast(heap, &test->fast);
        for (int i = 0; i < KEEP + 2; i++)
            payload[i] = give(500);
        large = give(40000);
        give(500);
        for (int i = 0; i < KEEP + 2; i++) {
            assert_int_equal(by_heap ? heap_free(heap, payload[i])
                                     : test_home_free(test, payload[i]),
                             MM_OK);
            assert_int_equal(kept_of(32), i < KEEP ? i + 1 : KEEP);
        }
        check_fine();
        for (int i = 0; i < KEEP + 2; i++)
            assert_int_equal(block_is_used(block_of(payload[i])), i < KEEP);
        assert_int_equal(test_home_free(test, large), MM_OK);
        assert_true(block_is_free(block_of(large)));
        check_fine();
        heap_set_fast(heap, NULL);
        assert_null(heap->fast);
        for (int i = 0; i < KEEP; i++)
            assert_true(block_is_free(block_of(payload[i])) ||
                        !block_is_kept(block_of(payload[i])));
        assert_int_equal(kept_of(32), 0);
        check_fine();
        close_heap();
    }
}

static void open_with_front(void)
{
    open_heap((struct heap_setup){ .small = true, .keep = KEEP },
              MIB, 512 * KIB, true);
    heap_set_fast(heap, &test->fast);
}

/* An aligned request takes one of the first eight kept blocks of its size that
 * lies right; not the ninth. */
static void a_kept_block_may_lie_right(void **state)
{
    size_t size = fast_block_rounded(1000, 2048), quanta = (size + 4) / 16;
    unsigned char *payload[20], *right;

    (void)state;
    open_with_front();
    assert_int_equal(size, 1020);
    assert_int_equal(fast_block_rounded(700, 128), 764);
    assert_int_equal(fast_block_rounded(700, 32), 700);
    assert_true((fast_block_rounded(FAST_ALIGNED_MOST, 4096) + 4) / 16 <
                KEPT_SIZES);
    assert_null(fast_block_reuse_aligned(heap, size, 4096));
    for (int i = 0; i < 20; i++) {
        payload[i] = test_home_alloc(test, &(struct heap_request){
            .size = size });
        assert_int_not_equal((uintptr_t)payload[i] % 2048, 0);
    }
    right = heap_alloc_request(heap, &(struct heap_request){
        .size = size, .align = 2048 });
    assert_int_equal(test_home_free(test, right), MM_OK);
    for (int above = 0; above < 9; above++) {
        void *got = fast_block_reuse_aligned(heap, size, 2048);

        if (above == 8) {
            assert_null(got);
            break;
        }
        assert_ptr_equal(got, right);
        for (int i = 0; i < above; i++)
            assert_non_null(fast_block_reuse(heap, size));
        assert_int_equal(test_home_free(test, right), MM_OK);
        for (int i = 0; i <= above; i++)
            assert_int_equal(test_home_free(test, payload[i]), MM_OK);
        check_fine();
    }
    assert_int_equal(kept_of((uint32_t)quanta), 9);
    check_fine();
    close_heap();
}

static void *fast_ask(uint64_t size)
{
    void *payload = test_home_alloc(test,
                                    &(struct heap_request){ .size = size });

    assert_non_null(payload);
    return payload;
}

/* How many slots of CLASS are kept. */
static int32_t kept_slots(unsigned class)
{
    return test->fast.slots[class].most - test->fast.slots[class].left;
}

/* A class of many pages keeps more slots than one of a few, up to a limit, and
 * fewer again when its pages have gone: by the front, and by heap_free(). */
static void a_class_keeps_slots_as_it_has_pages(void **state)
{
    static void *slot[16000];
    static const struct { uint32_t size; int32_t count, few, many; } cases[] = {
        { 32, 16000, 1024, 2048 }, { 100, 4000, 292, 539 },
        { 256, 2100, 128, 300 },
    };

    (void)state;
    for (int i = 0; i < 6; i++) {
        uint32_t size = cases[i / 2].size;
        int32_t count = cases[i / 2].count;
        unsigned class = slot_class(size);

        open_with_front();
        assert_int_equal(test->fast.slots[class].most, cases[i / 2].few);
        for (int32_t k = 0; k < count; k++)
            slot[k] = fast_ask(size);
        check_fine();
        assert_int_equal(test->fast.slots[class].most, cases[i / 2].many);
        for (int32_t k = 0; k < count; k++) {
            assert_int_equal(i % 2 ? heap_free(heap, slot[k])
                                   : test_home_free(test, slot[k]), MM_OK);
            if (k == cases[i / 2].many) {
                assert_true(kept_slots(class) >= cases[i / 2].many);
                check_fine();
            }
        }
        check_fine();
        assert_true(test->fast.slots[class].most < cases[i / 2].many);
        assert_true(kept_slots(class) <= test->fast.slots[class].most);
        assert_true(heap_trim(heap) > 0);
        assert_int_equal(kept_slots(class), 0);
        assert_int_equal(test->fast.slot_pages[class], 0);
        assert_int_equal(heap->slot_lists[class], BLOCK_NIL);
        check_fine();
        close_heap();
    }
}

/* An empty list is filled with so many slots at a time: those on the page's
 * list, or new ones. */
static void as_many_slots_are_fetched_as_may_be(void **state)
{
    void *slot[200];

    (void)state;
    open_with_front();
    for (int i = 0; i < 200; i++) {
        slot[i] = fast_ask(8);
        assert_in_range(kept_slots(0), 0, 63);
    }
    heap_set_fast(heap, NULL);
    for (int i = 0; i < 200; i++)
        take_back(slot[i]);
    heap_set_fast(heap, &test->fast);
    fast_ask(8);
    assert_int_equal(kept_slots(0), 63);
    check_fine();
    close_heap();
}

/* The first slot lies where its alignment wants it, and no further: a page has
 * as many as fit. */
static void a_page_has_as_many_slots_as_fit(void **state)
{
    static const struct { uint32_t bytes; int32_t count; } cases[] = {
        { 32, 62 }, { 64, 31 }, { 80, 25 }, { 128, 15 }, { 144, 13 },
        { 256, 7 },
    };

    (void)state;
    for (int i = 0; i < 6; i++) {
        open_with_front();
        fast_ask(cases[i].bytes);
        assert_int_equal(kept_slots(slot_class(cases[i].bytes)),
                         cases[i].count - 1);
        check_fine();
        close_heap();
    }
}

/* Slots that nobody has had come in order, and those of a page's list before
 * them; what is kept already stays. */
static void kept_slots_come_in_the_order_of_their_page(void **state)
{
    unsigned char *first, *slot[7];

    (void)state;
    open_with_front();
    first = fast_ask(256);
    assert_int_equal(kept_slots(16), 6);
    for (int i = 1; i < 7; i++) {
        slot[i] = fast_ask(256);
        assert_ptr_equal(slot[i], first + i * 256);
    }
    assert_int_equal(kept_slots(16), 0);
    assert_int_equal(heap->slot_lists[16], BLOCK_NIL);
    test->fast.slots[16].left = test->fast.slots[16].most = 4;
    for (int i = 1; i < 7; i++)         /* four are kept, two are not */
        assert_int_equal(test_home_free(test, slot[i]), MM_OK);
    assert_int_equal(kept_slots(16), 4);
    assert_ptr_equal(heap_alloc(heap, 256), slot[4]);
    assert_ptr_equal(fast_ask(256), slot[3]);
    assert_ptr_equal(fast_ask(256), slot[2]);
    assert_ptr_equal(fast_ask(256), slot[1]);
    assert_ptr_equal(fast_ask(256), slot[6]);
    assert_ptr_equal(fast_ask(256), slot[5]);
    check_fine();
    close_heap();
}

/* With its front a heap loses what it keeps, and pages from before a front are
 * not in its account. */
static void without_a_front_no_slots_are_kept(void **state)
{
    void *slot[600];

    (void)state;
    open_with_front();
    for (int i = 0; i < 600; i++)
        slot[i] = fast_ask(100);
    for (int i = 0; i < 10; i++)
        assert_int_equal(test_home_free(test, slot[i]), MM_OK);
    assert_true(kept_slots(7) > 0);
    heap_set_fast(heap, NULL);
    check_fine();
    for (int i = 0; i < 10; i++)
        assert_false(slot_is_used(heap, heap_at(heap, slot[i]),
                                  (uint32_t)(heap_at(heap, slot[i]) %
                                             MM_SLOT_PAGE)));
    heap_set_fast(heap, &test->fast);
    assert_int_equal(kept_slots(7), 0);
    for (int i = 10; i < 600; i++)
        assert_int_equal(test_home_free(test, slot[i]), MM_OK);
    assert_true(test->fast.slot_pages[7] < 0);
    assert_int_equal(test->fast.slots[7].most, 292);
    check_fine();
    close_heap();
}

/* What others have freed is kept, and is there when a request looks for it:
 * few of them, or more than there is room for. */
static void slots_that_others_free_are_kept(void **state)
{
    (void)state;
    for (int count = 1; count <= 64; count += 63) {
        void *slot[200], *again;

        open_with_front();
        for (int i = 0; i < 180; i++)   /* ten pages of 18, all handed out */
            slot[i] = fast_ask(100);
        while (kept_slots(7) > 0)
            fast_ask(100);
        for (int i = 0; i < count; i++)
            assert_int_equal(heap_free(&other, slot[i]), MM_OK);
        again = fast_ask(100);
        assert_in_range((uintptr_t)again, (uintptr_t)slot[0],
                        (uintptr_t)slot[count - 1]);
        check_fine();
        close_heap();
    }
}

/* ---- small payloads that others free, with trailers --------------- */

/* The link of the remote list covers what was not asked for. That is no
 * overrun, for either checker, nor for the owner. */
static void a_link_in_the_slack_is_no_overrun(void **state)
{
    (void)state;
    for (uint64_t size = 1; size < 12; size++) {
        struct heap_damage damage;
        unsigned char *payload, *rest;

        open_heap((struct heap_setup){ .level = HEAP_LEVEL_CANARY },
                  256 * KIB, 64 * KIB, false);
        rest = give(size);
        payload = give(size);
        memset(payload, 0, size);
        memset(rest, 0, size);
        assert_int_equal(heap_free(&other, rest), MM_OK);
        assert_int_equal(heap_free(&other, payload), MM_OK);
        check_fine();
        assert_true(heap_check(&other, &damage));
        assert_int_equal(heap_drain(heap, DRAIN_ALL), 2);
        assert_true(block_is_free(block_of(rest)));
        check_fine();

        payload = give(size);           /* and one that is */
        payload[size] ^= 0x11;
        assert_false(heap_check(heap, &damage));
        assert_int_equal(strncmp(damage.invariant, "C1", 2), 0);
        assert_false(heap_check(&other, &damage));
        assert_int_equal(strncmp(damage.invariant, "C1", 2), 0);
        close_heap();
    }
}

/* A group's bit is set, and none of its sizes has a block: a flush ends all
 * the same, and finds what there is in other groups. */
static void a_flush_ends_when_the_map_says_too_much(void **state)
{
    void *payload;

    (void)state;
    open_heap((struct heap_setup){ .keep = KEEP }, 256 * KIB, 64 * KIB,
              false);
    payload = give(300);
    give(100);
    take_back(payload);
    assert_true(block_is_used(block_of(payload)));
    for (unsigned group = 0; group < KEPT_SIZES / KEPT_GROUP; group++)
        class_map_set(heap->kept_map, group);
    assert_true(heap_flush_kept(heap));
    assert_true(block_is_free(block_of(payload)));
    assert_false(heap_flush_kept(heap));
    check_fine();
    close_heap();
}

/* Ten blocks on the list of [64, 72) are too small by up to seven quanta. Eight
 * are looked at, and then the first that surely fits, with and without a
 * front or checks. */
static void eight_blocks_are_looked_at(void **state)
{
    for (int how = 0; how < 3; how++) {
        void *small[HEAP_TRIES + 2], *payload;

        (void)state;
        open_heap((struct heap_setup){
            .level = how == 2 ? HEAP_LEVEL_CHECK : HEAP_LEVEL_NONE },
                  256 * KIB, 64 * KIB, how == 0);
        for (int i = 0; i < HEAP_TRIES + 2; i++) {
            small[i] = give(64 * 16 - 4);
            give(12);
        }
        for (int i = 0; i < HEAP_TRIES + 2; i++)
            take_back(small[i]);
        payload = heap_alloc_block(heap, 71 * 16 - 4);
        assert_non_null(payload);
        assert_int_equal(heap->examined, HEAP_TRIES + 1);
        for (int i = 0; i < HEAP_TRIES + 2; i++)
            assert_true(block_is_free(block_of(small[i])));
        payload = heap_alloc_block(heap, 64 * 16 - 4);
        assert_ptr_equal(payload, small[HEAP_TRIES + 1]);
        assert_int_equal(heap->examined, 1);
        check_fine();
        close_heap();
    }
}

/* COUNT payloads of 300 bytes. */
static void ask_for_many(unsigned char **payload, int count)
{
    for (int i = 0; i < count; i++) {
        payload[i] = test_home_alloc(test, &(struct heap_request){
            .size = 300 });
        assert_non_null(payload[i]);
    }
}

/* They go back, and KEPT of them are kept. */
static void take_all_back(unsigned char **payload, int count, int kept)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(test_home_free(test, payload[i]), MM_OK);
    assert_int_equal(kept_of(19), kept);
    check_fine();
}

/* So many blocks of one size are kept, and twice as many, and one more time as
 * many as at first, when that was too few; one less for each that is freed in
 * earnest. With a front and without. */
static void so_many_of_a_size_are_kept(void **state)
{
    unsigned char *payload[100];

    (void)state;
    for (int front = 0; front < 2; front++) {
        open_heap((struct heap_setup){ .keep = 4 }, 2 * MIB, 512 * KIB, front);
        if (front)
            heap_set_fast(heap, &test->fast);
        ask_for_many(payload, 100);
        take_all_back(payload, 5, 4);
        ask_for_many(payload, 4);       /* all that are kept, and no more */
        take_all_back(payload, 4, 4);
        ask_for_many(payload, 5);       /* one of them in vain */
        take_all_back(payload, 5, 5);
        ask_for_many(payload, 6);       /* the list was not full */
        take_all_back(payload + 6, 14, 12);
        assert_int_equal(heap->kept[19].most, 12);
        ask_for_many(payload, 13);
        assert_int_equal(heap->kept[19].most, 28);
        take_all_back(payload, 13, 13);
        assert_true(heap_flush_kept(heap));
        assert_int_equal(heap->kept[19].most, 28 - 13);
        ask_for_many(payload, 20);
        take_all_back(payload, 20, 15);
        assert_true(heap_flush_kept(heap));
        assert_int_equal(heap->kept[19].most, 4);
        check_fine();
        close_heap();
    }
}

/* However often a size has too few: there is a most. */
static void a_size_may_not_have_all_that_there_is(void **state)
{
    static unsigned char *payload[KEPT_MOST + 2];

    (void)state;
    open_heap((struct heap_setup){ .keep = 1000 }, 4 * MIB, 512 * KIB, true);
    heap_set_fast(heap, &test->fast);
    for (int times = 0; times < 6; times++) {
        ask_for_many(payload, KEPT_MOST + 2);
        for (int i = 0; i < KEPT_MOST + 2; i++)
            assert_int_equal(test_home_free(test, payload[i]), MM_OK);
    }
    assert_int_equal(heap->kept[19].most, KEPT_MOST);
    assert_int_equal(kept_of(19), KEPT_MOST);
    check_fine();
    close_heap();
}

/*
 * Before pages are held, what is kept is spent: the shortest block that is long
 * enough, or short ones, which are joined then. Where the pages are held,
 * nothing is.
 */
static void what_is_kept_is_spent_before_pages_are_held(void **state)
{
    unsigned char *kept[4];
    uint32_t held;

    (void)state;
    open_heap((struct heap_setup){ .keep = KEEP }, 512 * KIB,
              64 * KIB, false);
    for (int i = 0; i < 4; i++) {
        kept[i] = give(i < 2 ? 2000 : 3000);
        give(12);
    }
    take_back(kept[3]);
    take_back(kept[0]);
    held = test->held_count;
    give(12);                           /* on a page that is held */
    assert_true(block_is_kept(block_of(kept[0])));
    assert_ptr_equal(give(2800), kept[3]);      /* not on more pages */
    assert_true(block_is_kept(block_of(kept[0])));
    assert_int_equal(test->held_count, held);
    check_fine();
    close_heap();

    open_heap((struct heap_setup){ .keep = KEEP }, 512 * KIB,
              64 * KIB, false);
    for (int i = 0; i < 4; i++)
        kept[i] = give(2000 + 100 * (uint64_t)i);
    give(12);
    for (int i = 0; i < 4; i++)
        take_back(kept[i]);
    held = test->held_count;
    assert_ptr_equal(give(8000), kept[0]);      /* all four, joined */
    assert_int_equal(test->held_count, held);
    assert_int_equal(kept_of(126), 0);
    check_fine();
    close_heap();
}

/* The pages that a free block could give are those that are held inside it. */
static void idle_pages_are_counted_one_by_one(void **state)
{
    (void)state;
    for (uint64_t size = 3000; size < 400 * KIB; size = size * 5 / 3) {
        unsigned char *payload;
        uint64_t end;
        uint32_t idle = 0;

        open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK }, MIB,
                  512 * KIB, false);
        heap->large_bytes = 500 * KIB;
        payload = give(size);
        give(100);
        take_back(payload);
        end = heap_at(heap, payload) - BLOCK_HEADER +
              block_size(block_of(payload));
        for (uint64_t page = mm_round_up(heap_at(heap, payload) + 8, MM_PAGE);
             page + MM_PAGE <= end; page += MM_PAGE)
            idle += heap_page_is_held(heap, page);
        assert_int_equal(block_idle_pages(heap, block_of(payload)), idle);
        assert_true(idle + 2 >= size / MM_PAGE);
        assert_int_equal(block_give_back(heap, block_of(payload)), idle);
        assert_int_equal(block_idle_pages(heap, block_of(payload)), 0);
        check_fine();
        close_heap();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_is_taken_as_it_is),
        cmocka_unit_test(an_empty_span_leaves_however_much_blocks_keep),
        cmocka_unit_test(a_slot_that_waits_goes_before_a_refusal),
        cmocka_unit_test(a_slot_that_has_room_stays),
        cmocka_unit_test(spans_have_a_size_from_a_page_to_512_kib),
        cmocka_unit_test(buddies_without_frames_leave_no_span),
        cmocka_unit_test(a_policy_that_cannot_use_a_span_gives_it_back),
        cmocka_unit_test(a_held_block_is_found_when_the_chosen_one_is_hollow),
        cmocka_unit_test(what_was_held_in_part_is_let_go),
        cmocka_unit_test(a_block_grows_to_the_end_of_its_span),
        cmocka_unit_test(an_aligned_request_for_nearly_all_of_a_span),
        cmocka_unit_test(looks_are_counted_beyond_what_is_remembered),
        cmocka_unit_test(cuts_stop_before_they_leave_too_little),
        cmocka_unit_test(policies_join_without_checks),
        cmocka_unit_test(reallocating_what_is_another_threads),
        cmocka_unit_test(what_is_another_threads_does_not_wait_here),
        cmocka_unit_test(an_adoption_is_announced),
        cmocka_unit_test(settling_gives_the_empty_span_back),
        cmocka_unit_test(only_so_much_waits),
        cmocka_unit_test(what_waits_is_announced_to_those_who_listen),
        cmocka_unit_test(a_large_range_at_level_full_keeps_its_guard),
        cmocka_unit_test(no_empty_span_is_in_the_way_of_a_large_range),
        cmocka_unit_test(no_empty_span_has_the_frames_of_a_large_range),
        cmocka_unit_test(no_empty_slot_page_is_in_the_way_of_a_block),
        cmocka_unit_test(a_heap_that_grows_spends_some_of_what_it_keeps),
        cmocka_unit_test(a_list_of_remote_frees_may_be_as_long_as_the_heap),
        cmocka_unit_test(a_large_payload_moves_among_damaged_tags),
        cmocka_unit_test(a_large_range_grows_into_free_pages),
        cmocka_unit_test(a_large_range_does_not_shrink_among_damaged_tags),
        cmocka_unit_test(pages_that_get_room_go_behind_the_first),
        cmocka_unit_test(a_slot_that_was_freed_far_away_is_found),
        cmocka_unit_test(eight_blocks_are_looked_at),
        cmocka_unit_test(so_many_of_a_size_are_kept),
        cmocka_unit_test(a_size_may_not_have_all_that_there_is),
        cmocka_unit_test(what_is_kept_is_spent_before_pages_are_held),
        cmocka_unit_test(idle_pages_are_counted_one_by_one),
        cmocka_unit_test(a_front_is_for_a_heap_that_nobody_watches),
        cmocka_unit_test(a_front_keeps_as_many_as_the_heap),
        cmocka_unit_test(a_kept_block_may_lie_right),
        cmocka_unit_test(a_class_keeps_slots_as_it_has_pages),
        cmocka_unit_test(as_many_slots_are_fetched_as_may_be),
        cmocka_unit_test(a_page_has_as_many_slots_as_fit),
        cmocka_unit_test(kept_slots_come_in_the_order_of_their_page),
        cmocka_unit_test(without_a_front_no_slots_are_kept),
        cmocka_unit_test(slots_that_others_free_are_kept),
        cmocka_unit_test(a_link_in_the_slack_is_no_overrun),
        cmocka_unit_test(a_flush_ends_when_the_map_says_too_much),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

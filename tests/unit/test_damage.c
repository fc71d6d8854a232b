/* SPDX-License-Identifier: MIT */
/*
 * test_damage.c - a heap whose memory was overwritten
 *
 * Every bit of everything that the allocator keeps in the arena is flipped,
 * one at a time: span heads, headers, links, the heads and links of slot
 * pages. With each flip a whole program runs: frees, requests, reallocs,
 * walks, checks, a trim. It must come to its end, without a panic, and may
 * not touch a byte outside the arena, where the guards are. What the checker
 * did not see before the program may not have done harm after it.
 *
 * sources: tests/unit/home.c tests/unit/shadow.c
 * sources: src/mm/[a-z]*.c src/trace/[a-z]*.c
 */
#include "shadow.h"

#include <unistd.h>

enum { KIB = 1024, PAYLOADS = 40 };

static const struct test_setup setup = {
    .arena_bytes = 48 * KIB, .span_bytes = 8 * KIB,
    .level = HEAP_LEVEL_CHECK, .small = true, .hollow_pages = 1,
    .loose = true, .unobserved = true,
};

/* ---- a heap that can be put back to where it was --------------- */

struct saved {
    unsigned char *arena;
    uint8_t *held;
    struct test_home test;
};

static void save(struct saved *saved, const struct test_home *test)
{
    saved->test = *test;
    memcpy(saved->arena, test->base, test->setup.arena_bytes);
    memcpy(saved->held, test->held, test->pages);
}

static void restore(const struct saved *saved, struct test_home *test)
{
    *test = saved->test;
    memcpy(test->base, saved->arena, test->setup.arena_bytes);
    memcpy(test->held, saved->held, test->pages);
}

static struct stage {
    struct test_home *test;
    struct saved saved;
    uint64_t at[PAYLOADS];              /* live payloads */
    unsigned count;
} stage;

static const uint64_t stage_sizes[] = {
    24, 100, 7, 500, 1500, 60, 300, 200, 12, 900, 2000, 24, 700, 6000,
};

/* Used and free blocks, slot pages full and half full, large ranges. */
static void stage_open(const struct test_setup *how)
{
    struct test_home *test = test_home_create(how);

    stage.test = test;
    stage.count = 0;
    for (int i = 0; i < 34; i++) {
        uint64_t size = stage_sizes[i % (sizeof stage_sizes /
                                         sizeof stage_sizes[0])];
        struct heap_request request = { .size = size };

        if (i % 5 == 4)
            request.kind = HEAP_BLOCK;

        void *payload = heap_alloc_request(&test->heap, &request);

        if (payload == NULL)
            continue;
        memset(payload, 0x33, size);
        stage.at[stage.count++] = heap_at(&test->heap, payload);
    }
    for (unsigned i = stage.count; i-- > 0;) {
        if (i % 3 != 1)
            continue;
        assert_int_equal(heap_free(&test->heap, test->base + stage.at[i]),
                         MM_OK);
        stage.at[i] = stage.at[--stage.count];
    }
    test_home_check(test, "setting the stage");
    stage.saved.arena = malloc(how->arena_bytes);
    stage.saved.held = malloc(test->pages);
    save(&stage.saved, test);
}

static void stage_close(void)
{
    restore(&stage.saved, stage.test);
    free(stage.saved.arena);
    free(stage.saved.held);
    test_home_destroy(stage.test);
}

/* ---- the program --------------- */

/* Uses what it is given, as a caller would. */
static void scribble(struct test_home *test, void *payload, uint64_t size)
{
    uint64_t at = heap_at(&test->heap, payload);

    if (at >= test->setup.arena_bytes ||
        size > test->setup.arena_bytes - at)
        fail_msg("a payload outside the arena: +0x%llx",
                 (unsigned long long)at);
}

/* VARIANT says which half of the payloads is freed first. */
static void program(void *variant)
{
    struct test_home *test = stage.test;
    static const uint64_t sizes[] = { 24, 7, 300, 1000, 60, 9000, 2044, 130 };
    struct heap_damage damage;
    struct heap_cursor cursor, found;
    uint32_t blocks = 0;

    for (unsigned i = *(unsigned *)variant; i < stage.count; i += 2)
        heap_free(&test->heap, test->base + stage.at[i]);
    for (int i = 0; i < 8; i++) {
        struct heap_request request = { .size = sizes[i] };
        void *payload = heap_alloc_request(&test->heap, &request);

        if (payload != NULL)
            scribble(test, payload, sizes[i]);
        request.kind = HEAP_BLOCK;
        request.align = 256;
        request.size /= 2;
        payload = heap_alloc_request(&test->heap, &request);
        if (payload != NULL)
            scribble(test, payload, request.size);
    }
    for (unsigned i = 0; i < stage.count; i++) {
        void *payload = heap_realloc(&test->heap, test->base + stage.at[i],
                                     sizes[i % 8]);

        if (payload != NULL)
            scribble(test, payload, sizes[i % 8]);
    }
    heap_trim(&test->heap);
    for (unsigned i = 0; i < stage.count; i++)
        heap_free(&test->heap, test->base + stage.at[i]);
    heap_walk(&cursor);
    while (heap_walk_next(&test->heap, &cursor)) {
        if (++blocks > test->setup.arena_bytes / 16)
            fail_msg("the walk does not end");
        if (heap_walk_find(&test->heap, cursor.at + 5, &found) && found.slots)
            slot_page_view(&test->heap, found.at);
    }
    heap_check(&test->heap, &damage);
    heap_trim(&test->heap);
    heap_check(&test->heap, &damage);
}

struct tally {
    unsigned flips, seen, unseen, panics;
};

/* Damages one byte by MASK, runs the program, puts everything back. */
static void damage_byte(struct tally *tally, uint64_t at, unsigned char mask)
{
    struct test_home *test = stage.test;
    struct heap_damage damage;
    uint32_t page;

    for (unsigned variant = 0; variant < 2; variant++) {
        test->base[at] ^= mask;

        bool fine = heap_check(&test->heap, &damage);

        if (!fine && (damage.invariant == NULL ||
                      damage.at > test->setup.arena_bytes))
            fail_msg("the checker says neither what nor where");
        fine = fine && ranges_check(&test->ranges, &page) == NULL;
        alarm(10);

        const char *panic = test_panic_of(program, &variant);

        alarm(0);
        tally->flips++;
        if (panic != NULL) {
            if (tally->panics++ == 0)
                print_message("# +0x%llx ^ %02x: %s\n",
                              (unsigned long long)at, mask, panic);
        } else if (!fine) {
            tally->seen++;
        } else {
            tally->unseen++;
            if (!heap_check(&test->heap, &damage) ||
                ranges_check(&test->ranges, &page) != NULL)
                fail_msg("+0x%llx ^ %02x: not seen, and then: %s",
                         (unsigned long long)at, mask,
                         damage.invariant == NULL ? "ranges"
                                                  : damage.invariant);
        }
        restore(&stage.saved, test);
    }
}

static void damage_bytes(struct tally *tally, uint64_t start, uint64_t size)
{
    for (uint64_t at = start; at < start + size; at++) {
        for (unsigned bit = 0; bit < 8; bit++)
            damage_byte(tally, at, (unsigned char)(1u << bit));
        damage_byte(tally, at, 0xff);
    }
}

/* Every byte of the allocator's own in every span, large range, block. */
static void damage_everything(struct tally *tally)
{
    struct test_home *test = stage.test;
    struct heap_cursor cursor;
    uint64_t span = UINT64_MAX;

    heap_walk(&cursor);
    while (heap_walk_next(&test->heap, &cursor)) {
        struct heap_cursor here = cursor;

        if (cursor.large) {
            damage_bytes(tally, cursor.span_at, SPAN_LARGE_HEAD);
            continue;
        }
        if (cursor.span_at != span) {
            span = cursor.span_at;
            damage_bytes(tally, span, test->heap.head_bytes);
            damage_bytes(tally, span + cursor.span_bytes - 4, 4);
        }
        damage_bytes(tally, cursor.at - 4, cursor.used ? 4 : 12);
        if (cursor.slots) {
            struct slot_view view = slot_page_view(&test->heap, cursor.at);

            damage_bytes(tally, cursor.at, view.first);
            for (uint32_t slot = view.free; slot != 0;
                 slot = slot_next(&test->heap, here.at, slot))
                damage_bytes(tally, here.at + slot, 4);
        }
    }
}

static void every_flipped_bit_of_a_heap(void **state)
{
    struct tally tally = { 0 };

    (void)state;
    stage_open(&setup);
    damage_everything(&tally);
    stage_close();
    print_message("# %u damages: %u seen, %u without effect, %u panics\n",
                  tally.flips, tally.seen, tally.unseen, tally.panics);
    assert_true(tally.flips > 10000);
    assert_int_equal(tally.panics, 0);
}

static void every_flipped_bit_of_one_span(void **state)
{
    const struct test_setup lab = {
        .arena_bytes = 16 * KIB, .span_bytes = 16 * KIB,
        .level = HEAP_LEVEL_CHECK, .loose = true, .unobserved = true,
    };
    struct tally tally = { 0 };

    (void)state;
    stage_open(&lab);
    damage_everything(&tally);
    stage_close();
    print_message("# %u damages: %u seen, %u without effect, %u panics\n",
                  tally.flips, tally.seen, tally.unseen, tally.panics);
    assert_true(tally.flips > 4000);
    assert_int_equal(tally.panics, 0);
}

/* Tags of ranges lie in the arena when there are many: a heap of small spans,
 * every second of them freed again. Answers where the page of tags is. */
static uint64_t stage_open_many(void)
{
    const struct test_setup many = {
        .arena_bytes = 192 * KIB, .span_bytes = 4 * KIB,
        .level = HEAP_LEVEL_CHECK, .loose = true, .unobserved = true,
    };
    struct test_home *test;
    uint32_t page = 0;

    stage_open(&many);
    test = stage.test;
    stage.count = 0;
    for (void *payload; (payload = heap_alloc(&test->heap, 3000)) != NULL;) {
        if (stage.count < PAYLOADS)
            stage.at[stage.count++] = heap_at(&test->heap, payload);
    }
    for (unsigned i = stage.count; i-- > 0;) {
        if (i % 2 == 0)
            continue;
        assert_int_equal(heap_free(&test->heap, test->base + stage.at[i]),
                         MM_OK);
        stage.at[i] = stage.at[--stage.count];
    }
    test_home_check(test, "many ranges");
    assert_true(test->ranges.tag_pages > 0);
    save(&stage.saved, test);
    while (ranges_find(&test->ranges, page)->type != RANGE_TAGS)
        page++;
    return (uint64_t)page * MM_PAGE;
}

static void every_flipped_bit_of_a_page_of_tags(void **state)
{
    struct tally tally = { 0 };
    uint64_t tags = stage_open_many();

    (void)state;
    for (uint64_t i = 0; i < 24; i++)   /* where tags are in use, and spare */
        damage_bytes(&tally, tags + i * 32, i < 12 ? 32 : 12);
    stage_close();
    print_message("# %u damages: %u seen, %u without effect, %u panics\n",
                  tally.flips, tally.seen, tally.unseen, tally.panics);
    assert_true(tally.flips > 5000);
    assert_int_equal(tally.panics, 0);
}

/* Words that a student might poke: the links and sizes that do most harm. */
static void wild_words(uint64_t seed, int rounds, uint64_t tags)
{
    static const uint32_t words[] = {
        0, 1, 2, 0xffffffff, 0xfffffffe, 0x80000000, 0x7fffffff, 0x41414141,
        0x00010000, 0x0000ffff, 3, 4, 128, 511,
    };
    struct test_home *test = stage.test;
    uint64_t random = seed;

    for (int round = 0; round < rounds; round++) {
        int count = 1 + (int)random_below(&random, 4);
        unsigned variant = (unsigned)round % 2;

        for (int i = 0; i < count; i++) {
            uint64_t at = random_below(&random,
                                       test->setup.arena_bytes / 4) * 4;
            uint32_t word = words[random_below(&random, 14)];

            if (random_below(&random, 2) == 0)
                word = (uint32_t)random_below(&random,
                                              test->setup.arena_bytes / 16);
            if (tags != 0)
                at = tags + random_below(&random, 24 * 8) * 4;
            else if (random_below(&random, 3) != 0) /* near a header */
                at = stage.at[random_below(&random, stage.count)] / 16 * 16 -
                     4 + random_below(&random, 4) * 4;
            memcpy(test->base + at, &word, 4);
        }
        alarm(10);

        const char *panic = test_panic_of(program, &variant);

        alarm(0);
        if (panic != NULL)
            fail_msg("round %d: %s", round, panic);
        restore(&stage.saved, test);
    }
}

static void wild_words_everywhere(void **state)
{
    (void)state;
    stage_open(&setup);
    wild_words(9, 6000, 0);
    stage_close();
}

static void wild_words_in_a_page_of_tags(void **state)
{
    uint64_t tags = stage_open_many();

    (void)state;
    wild_words(8, 6000, tags);
    stage_close();
}

/* ---- overruns --------------- */

static const struct test_setup overrun_setup = {
    .arena_bytes = 64 * KIB, .span_bytes = 64 * KIB,
    .level = HEAP_LEVEL_CHECK,
};

/* Three blocks side by side; the first writes COUNT bytes too many. Who is
 * freed is refused, and the right one is named; the third can be freed. */
static void an_overrun_is_refused_and_named(void **state)
{
    static const unsigned char fills[] = { 0x00, 0x41, 0xff, 0xaa };

    (void)state;
    for (int fill = 0; fill < 4; fill++) {
        for (uint64_t size = 20; size < 36; size++) {
            for (unsigned count = 1; count <= 24; count++) {
                for (int right_free = 0; right_free < 2; right_free++) {
                    struct test_home *test =
                        test_home_create(&overrun_setup);
                    struct heap *heap = &test->heap;
                    unsigned char *a = heap_alloc(heap, size);
                    unsigned char *b = heap_alloc(heap, 28);
                    unsigned char *c = heap_alloc(heap, 28);
                    void *last = heap_alloc(heap, 28);
                    uint32_t before, after;

                    assert_true(a != NULL && b != NULL && c != NULL);
                    if (right_free)
                        assert_int_equal(heap_free(heap, b), MM_OK);
                    memcpy(&before, b - 4, 4);
                    memset(a + size, fills[fill], count);
                    memcpy(&after, b - 4, 4);

                    struct heap_damage damage;
                    bool fine = heap_check(heap, &damage);
                    uint64_t digest = test_home_digest(test);
                    enum mm_fault fault = heap_free(heap, a);

                    if (before == after) {
                        /* only slack was written, or the very same bytes */
                        bool links = right_free &&
                                     a + size + count > b;

                        if (!links && (fault != MM_OK || !fine))
                            fail_msg("harmless, but %s",
                                     mm_fault_name(fault));
                    } else {
                        if (fault != MM_BAD_RIGHT &&
                            !(right_free && fault == MM_BAD_LINK))
                            fail_msg("fill %02x size %llu count %u: free of "
                                     "the culprit: %s", fills[fill],
                                     (unsigned long long)size, count,
                                     mm_fault_name(fault));
                        assert_true((uint64_t)heap->refusal_quantum * 16 ==
                                    heap_at(heap, b));
                        assert_true(test_home_digest(test) == digest);
                        assert_false(fine);
                        if (!right_free) {
                            fault = heap_free(heap, b);
                            assert_int_equal(fault, MM_BAD_HEADER);
                            assert_true((uint64_t)heap->refusal_quantum * 16
                                        == heap_at(heap, b));
                        }
                        assert_true(test_home_digest(test) == digest);
                    }
                    assert_int_equal(heap_free(heap, last), MM_OK);

                    void *again = heap_alloc(heap, 200);

                    assert_non_null(again);
                    assert_int_equal(heap_free(heap, again), MM_OK);
                    test_home_destroy(test);
                }
            }
        }
    }
}

/* A block writes in front of itself: its own header is what lies. */
static void an_underrun_is_refused(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        struct test_home *test = test_home_create(&overrun_setup);
        struct heap *heap = &test->heap;
        unsigned char *a = heap_alloc(heap, 40);
        unsigned char *b = heap_alloc(heap, 40);
        unsigned char *c = heap_alloc(heap, 40);
        struct heap_damage damage;
        uint32_t header;

        memcpy(&header, b - 4, 4);
        header ^= UINT32_C(1) << bit;
        memcpy(b - 4, &header, 4);

        bool fine = heap_check(heap, &damage);
        enum mm_fault fault = heap_free(heap, b);

        if (bit == 1) {                 /* "kept": a used block's own mark */
            test_home_destroy(test);
            continue;
        }
        assert_false(fine);
        if (fault != MM_BAD_HEADER)
            fail_msg("bit %u: %s", bit, mm_fault_name(fault));
        assert_true((uint64_t)heap->refusal_quantum * 16 == heap_at(heap, b));
        assert_int_equal(heap_free(heap, c), bit >= 17 ? MM_OK : MM_BAD_LEFT);
        (void)a;
        test_home_destroy(test);
    }
}

/* A list that leads back to its own middle, and a request that none of its
 * blocks can serve: the search ends. */
static void a_ring_of_links_ends(void **state)
{
    struct test_setup one = overrun_setup;
    struct test_home *test;
    void *a, *b, *rest;
    uint32_t ref;

    (void)state;
    one.unobserved = one.loose = true;
    test = test_home_create(&one);
    a = heap_alloc(&test->heap, 64 * 16 - 4);   /* both on list [64, 72) */
    heap_alloc(&test->heap, 12);
    b = heap_alloc(&test->heap, 65 * 16 - 4);
    heap_alloc(&test->heap, 12);
    do
        rest = heap_alloc(&test->heap, 70 * 16 - 4);
    while (rest != NULL);
    while (heap_alloc(&test->heap, 12) != NULL)
        ;
    assert_int_equal(heap_free(&test->heap, a), MM_OK);
    assert_int_equal(heap_free(&test->heap, b), MM_OK);
    ref = (uint32_t)(heap_at(&test->heap, a) / 16);
    memcpy(a, &ref, 4);                         /* a's next is a */
    alarm(10);
    assert_null(heap_alloc(&test->heap, 70 * 16 - 4));
    alarm(0);
    test_home_destroy(test);
}

/* ---- the checker's words --------------- */

static const struct test_setup checked_setup = {
    .arena_bytes = 64 * KIB, .span_bytes = 64 * KIB, .small = true,
    .level = HEAP_LEVEL_CHECK, .loose = true, .unobserved = true,
};

/* A heap with a used block at `used`, a free one behind it at `free`, another
 * used one, a slot page with three slots, of which one is free, and the rest
 * of the span, hollow. */
static struct anatomy {
    struct test_home *test;
    struct heap *heap;
    uint64_t used, free, right, page, slot, hollow;
} y;

static uint32_t *word(uint64_t at)
{
    return (uint32_t *)(y.test->base + at);
}

static void live_flip(uint64_t at)
{
    uint64_t live = SPAN_TAGS_AT + checked_setup.span_bytes / 2048 * 4;

    word(live)[at / 16 / 32] ^= UINT32_C(1) << (at / 16 % 32);
}

static uint64_t give_block(uint64_t size)
{
    struct heap_request request = { .size = size, .kind = HEAP_BLOCK };

    return heap_at(y.heap, heap_alloc_request(y.heap, &request));
}

static void anatomy_open(void)
{
    struct heap_cursor cursor;
    uint64_t slots[3];

    y.test = test_home_create(&checked_setup);
    y.heap = &y.test->heap;
    y.used = give_block(40);
    y.free = give_block(40);
    y.right = give_block(40);
    for (int i = 0; i < 3; i++)
        slots[i] = heap_at(y.heap, heap_alloc(y.heap, 24));
    y.slot = slots[0];
    y.page = y.slot / 2048 * 2048;
    assert_int_equal(heap_free(y.heap, y.test->base + y.slot), MM_OK);
    assert_int_equal(heap_free(y.heap, y.test->base + y.free), MM_OK);
    y.hollow = 0;
    heap_walk(&cursor);
    while (heap_walk_next(y.heap, &cursor))
        if (cursor.hollow)
            y.hollow = cursor.at;
    assert_true(y.hollow != 0);
    test_home_check(y.test, "the anatomy");
}

enum { NEXT, PREVIOUS, SLOT_BYTES, SLOT_FREE, WATERMARK, SLOTS_USED, BITS };

static void no_size(void) { *word(y.used - 4) &= 0xfffe0003; }
static void no_end(void) { *word(64 * KIB - 4) &= ~1u; }
static void past_end(void) { *word(y.right - 4) |= 0x1fffc; }
static void wrong_left(void) { *word(y.right - 4) ^= 1u << 18; }
static void wrong_end(void) { *word(64 * KIB - 4) ^= 1u << 20; }
static void two_free(void) { *word(y.used - 4) ^= 1; live_flip(y.used); }
static void no_list(void)
{
    y.heap->lists[2] = 0;
    class_map_clear(y.heap->map, 2);
}
static void used_listed(void)
{
    y.heap->lists[2] = (block_ref)(y.used / 16);
    *word(y.used) = (block_ref)(y.free / 16);
    *word(y.used + 4) = 0;
    *word(y.free + 4) = (block_ref)(y.used / 16);
}
static void wrong_list(void)
{
    y.heap->lists[3] = y.heap->lists[2];
    y.heap->lists[2] = 0;
    class_map_clear(y.heap->map, 2);
    class_map_set(y.heap->map, 3);
}
static void no_way_back(void) { *word(y.free + 4) = 77; }
static void far_link(void) { *word(y.free) = 0x7fffffff; }
static void wrong_bit(void) { y.heap->map[1] ^= 1; }
static void head_not_held(void) { *word(16) &= ~1u; }
static void not_hollow(void) { *word(y.hollow - 4) ^= 2; }
static void too_hollow(void) { *word(y.free - 4) ^= 2; }
static void dead(void) { live_flip(y.used); }
static void alive(void) { live_flip(y.free); }
static void alive_within(void) { live_flip(y.right + 16); }
static uint32_t *tag_of(uint64_t at)
{
    return &word(SPAN_TAGS_AT)[at / 2048];
}

static void no_slots(void) { *tag_of(y.page) = span_tag(SPAN_TAG_BLOCKS, 1); }
static void more_slots(void)
{
    *tag_of(y.page + 4096) = span_tag_slots(2, 1);
}
static void slots_of_another_class(void) { *tag_of(y.page) ^= 16; }
static void lost_slot(void) { word(y.page)[SLOT_FREE] = 0; }
static void slot_in_a_ring(void) { *word(y.slot) = (uint32_t)(y.slot % 2048); }
static void link_to_nowhere(void) { *word(y.slot) = 0x41414141; }
static void wrong_used(void) { word(y.page)[SLOTS_USED] = 3; }
static void wrong_slot_bit(void) { word(y.page)[BITS] ^= 2; }
static void page_lost(void) { y.heap->slot_lists[2] = 0; }
static void page_in_a_ring(void)
{
    word(y.page)[NEXT] = (block_ref)(y.page / 16);
}
static void page_in_the_sky(void) { y.heap->slot_lists[5] = 0x00ffff80; }
static void wrong_class(void) { word(y.page)[SLOT_BYTES] = 40; }
static void wrong_watermark(void) { word(y.page)[WATERMARK] += 8; }

static void the_checker_names_what_is_broken(void **state)
{
    static const struct {
        const char *invariant;
        void (*damage)(void);
    } damages[] = {
        { "I1", no_size }, { "I1", no_end }, { "I1", past_end },
        { "I2", wrong_left }, { "I2", wrong_end }, { "I3", two_free },
        { "I4", no_list }, { "I4", used_listed }, { "I4", wrong_list },
        { "I5", no_way_back }, { "I5", far_link }, { "I5", wrong_bit },
        { "I6", head_not_held }, { "I7", not_hollow }, { "I7", too_hollow },
        { "I8", dead }, { "I8", alive }, { "I8", alive_within },
        { "S3", no_slots }, { "I9", more_slots },
        { "S1", lost_slot }, { "S1", slot_in_a_ring },
        { "S1", link_to_nowhere }, { "S4", wrong_used }, { "S4", wrong_slot_bit }, { "S3", page_lost },
        { "S3", page_in_a_ring }, { "S3", page_in_the_sky },
        { "S5", wrong_class }, { "S5", wrong_watermark },
        { "S5", slots_of_another_class },
    };

    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct heap_damage damage;

        anatomy_open();
        damages[i].damage();
        if (heap_check(y.heap, &damage) ||
            strncmp(damage.invariant, damages[i].invariant, 2) != 0)
            fail_msg("damage %u: %s expected, the checker says %s",
                     (unsigned)i, damages[i].invariant,
                     damage.invariant == NULL ? "nothing" : damage.invariant);
        test_home_destroy(y.test);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flipped_bit_of_a_heap),
        cmocka_unit_test(every_flipped_bit_of_one_span),
        cmocka_unit_test(every_flipped_bit_of_a_page_of_tags),
        cmocka_unit_test(wild_words_everywhere),
        cmocka_unit_test(wild_words_in_a_page_of_tags),
        cmocka_unit_test(an_overrun_is_refused_and_named),
        cmocka_unit_test(an_underrun_is_refused),
        cmocka_unit_test(a_ring_of_links_ends),
        cmocka_unit_test(the_checker_names_what_is_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/*
 * test_heap_damage.c - one kind of damage at a time, and who notices it
 *
 * test_damage.c flips every bit and asks for no more than that all comes to an
 * end. Here each damage is made by hand, and the answer is known: what the
 * checker says, what `free` refuses, what a walk does not follow.
 *
 * sources: tests/unit/home.c
 * sources: src/mm/[a-z]*.c src/trace/[a-z]*.c src/lab/polic[a-z_]*.c
 */
#include "home.h"

#include "lab/policy.h"

#include <unistd.h>

enum { KIB = 1024, SPAN = 64 * KIB, ARENA = 4 * SPAN };

/* A heap, of the test's own making, on the arena of a test home. */
static struct test_home *test;
static struct heap *heap;
static struct heap other;               /* a second one, on the same arena */

static struct heap *heap_of(void *context, uint32_t owner)
{
    (void)context;
    return owner == 1 ? heap : owner == 2 ? &other : NULL;
}

static void open_heap(struct heap_setup setup, uint32_t arena)
{
    test = test_home_create(&(struct test_setup){
        .arena_bytes = arena, .span_bytes = SPAN, .loose = true,
        .unobserved = true });
    heap = &test->heap;
    test->home.heap_of = heap_of;
    setup.home = &test->home;
    setup.ranges = &test->ranges;
    setup.span_bytes = SPAN;
    setup.owner = 1;
    heap_init(heap, &setup);
    setup.owner = 2;
    heap_init(&other, &setup);
}

static void open_level(enum heap_level level)
{
    open_heap((struct heap_setup){ .level = level, .small = true }, ARENA);
}

static void close_heap(void)
{
    test_home_destroy(test);
}

static uint64_t give(uint64_t size, uint64_t align, enum heap_kind kind)
{
    struct heap_request request = {
        .size = size, .align = align, .kind = kind,
    };
    void *payload = heap_alloc_request(heap, &request);

    assert_non_null(payload);
    return heap_at(heap, payload);
}

static uint64_t give_block(uint64_t size)
{
    return give(size, 0, HEAP_BLOCK);
}

static void *at(uint64_t offset)
{
    return heap_address(heap, offset);
}

static uint32_t *word(uint64_t offset)
{
    return at(offset);
}

static struct block *block(uint64_t offset)
{
    return block_of(at(offset));
}

static block_ref ref(uint64_t offset)
{
    return (block_ref)(offset / MM_QUANTUM);
}

static void take_back(uint64_t offset)
{
    assert_int_equal(heap_free(heap, at(offset)), MM_OK);
}

static void check_fine(void)
{
    struct heap_damage damage;

    if (!heap_check(heap, &damage))
        fail_msg("%s, at +0x%llx", damage.invariant,
                 (unsigned long long)damage.at);
}

static void check_says(const char *what, uint64_t where)
{
    struct heap_damage damage;

    alarm(10);

    bool fine = heap_check(heap, &damage);

    alarm(0);
    if (fine || strncmp(damage.invariant, what, strlen(what)) != 0 ||
        damage.at != where)
        fail_msg("%s at +0x%llx expected: %s at +0x%llx", what,
                 (unsigned long long)where,
                 fine ? "nothing" : damage.invariant,
                 (unsigned long long)damage.at);
}

/* FAULT is what CALL answers, for something at WHERE, and no byte that the
 * allocator keeps has changed. */
#define refused(call, expected, where)                                     \
    do {                                                                   \
        uint64_t digest_ = test_home_digest(test);                         \
        enum mm_fault fault_ = (call);                                     \
                                                                           \
        if (fault_ != (expected))                                          \
            fail_msg("%s:%d: %s", __FILE__, __LINE__,                      \
                     mm_fault_name(fault_));                               \
        assert_int_equal((uint64_t)heap->refusal_quantum * MM_QUANTUM,     \
                         (where) / MM_QUANTUM * MM_QUANTUM);               \
        assert_true(test_home_digest(test) == digest_);                    \
    } while (0)

/* ---- pages that are not held --------------- */

/* The links of a free block lie on a page of their own. */
static void links_without_a_frame_are_seen(void **state)
{
    struct heap_cursor cursor;
    uint64_t page, free;

    (void)state;
    open_level(HEAP_LEVEL_CHECK);
    give_block(100);
    free = give(100, MM_PAGE, HEAP_BLOCK);
    assert_true(heap_walk_find(heap, free - 8, &cursor));
    assert_int_equal(give_block(cursor.size - 4), cursor.at);
    give_block(100);
    take_back(free);
    check_fine();
    page = free / MM_PAGE % (SPAN / MM_PAGE);
    assert_int_equal(free % MM_PAGE, 0);
    word(16)[0] &= ~(1u << page);
    check_says("I6", free);
    close_heap();
}

static void only_what_is_held_is_held(void **state)
{
    struct range_request request = {
        .pages = 2, .at = 3 * SPAN / MM_PAGE, .type = RANGE_OTHER,
    };
    uint32_t page;

    (void)state;
    open_level(HEAP_LEVEL_CHECK);
    give_block(100);
    assert_true(heap_page_is_held(heap, 0));
    assert_false(heap_page_is_held(heap, SPAN / 2));    /* hollow */
    assert_false(heap_page_is_held(heap, 2 * SPAN));    /* free */
    assert_false(heap_page_is_held(heap, ARENA));
    assert_false(heap_page_is_held(heap, UINT64_MAX));
    mm_lock(&test->home);
    assert_int_equal(ranges_alloc(&test->ranges, &request, &page), MM_OK);
    assert_true(heap_page_is_held(heap, 3 * SPAN));     /* not ours to know */
    request.at += 3;
    request.type = RANGE_SPAN;
    assert_int_equal(ranges_alloc(&test->ranges, &request, &page), MM_OK);
    assert_false(heap_page_is_held(heap, (uint64_t)request.at * MM_PAGE));
    mm_unlock(&test->home);
    close_heap();
}

/* ---- walking --------------- */

static void bytes_of_no_block_are_not_found(void **state)
{
    struct heap_cursor cursor;
    uint64_t large;

    (void)state;
    open_level(HEAP_LEVEL_CHECK);
    give_block(100);
    large = give(SPAN, 0, HEAP_LARGE);
    assert_true(heap_walk_find(heap, SPAN - 5, &cursor));
    assert_false(cursor.used);
    for (uint64_t end = SPAN - 4; end < SPAN; end++)
        assert_false(heap_walk_find(heap, end, &cursor));
    assert_true(heap_walk_find(heap, heap->head_bytes, &cursor));
    assert_false(heap_walk_find(heap, heap->head_bytes - 1, &cursor));
    assert_false(heap_walk_find(heap, 0, &cursor));
    assert_true(heap_walk_find(heap, large, &cursor));
    assert_true(cursor.large);
    assert_false(heap_walk_find(heap, large - 1, &cursor));
    assert_true(heap_walk_find(heap, large + SPAN, &cursor));
    assert_false(heap_walk_find(heap, ARENA - 1, &cursor));     /* free */
    assert_false(heap_walk_find(heap, ARENA, &cursor));
    assert_false(heap_walk_find(heap, UINT64_MAX, &cursor));
    close_heap();
}

/* Each byte of a block, from its header on, leads to it. */
static void every_byte_leads_to_its_block(void **state)
{
    struct heap_cursor cursor, found;
    uint64_t bytes = 0;

    (void)state;
    open_level(HEAP_LEVEL_CHECK);
    for (uint64_t size = 12; size < 3000; size *= 2) {
        uint64_t free = give_block(size);

        give_block(12);
        take_back(free);
    }
    give(SPAN + 5000, 0, HEAP_LARGE);
    heap_walk(&cursor);
    while (heap_walk_next(heap, &cursor)) {
        uint64_t start = cursor.at - (cursor.large ? 0 : BLOCK_HEADER);
        uint64_t end = cursor.large ? cursor.span_at + cursor.span_bytes
                                    : start + cursor.size;

        for (uint64_t byte = start; byte < end; byte++, bytes++)
            if (!heap_walk_find(heap, byte, &found) ||
                found.at != cursor.at || found.header != cursor.header ||
                found.size != cursor.size)
                fail_msg("+0x%llx", (unsigned long long)byte);
        if (cursor.large)
            assert_false(heap_walk_find(heap, start - 1, &found));
    }
    assert_true(bytes > 2 * SPAN);
    close_heap();
}

/* A range that calls itself a span, has a span's head, and is none. */
static void what_is_no_span_is_not_walked(void **state)
{
    static const struct {
        uint32_t start, pages;
    } ranges[] = {
        { SPAN / MM_PAGE + 1, SPAN / MM_PAGE },         /* begins elsewhere */
        { SPAN / MM_PAGE, SPAN / MM_PAGE - 1 },         /* too short */
        { SPAN / MM_PAGE, SPAN / MM_PAGE + 1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        struct range_request request = {
            .pages = ranges[i].pages, .at = ranges[i].start,
            .type = RANGE_SPAN,
        };
        struct heap_cursor cursor;
        uint64_t first, strange = (uint64_t)ranges[i].start * MM_PAGE;
        uint32_t page;

        open_level(HEAP_LEVEL_CHECK);
        first = give_block(100);
        mm_lock(&test->home);
        assert_int_equal(ranges_alloc(&test->ranges, &request, &page), MM_OK);
        mm_unlock(&test->home);
        memcpy(at(strange), at(0), heap->head_bytes + MM_QUANTUM);
        assert_true(heap_walk_find(heap, first, &cursor));
        assert_int_equal(cursor.fault, MM_OK);
        assert_false(heap_walk_find(heap, strange + first, &cursor));
        check_says("I10", strange);
        take_back(first);
        heap_trim(heap);                /* passes it by */
        assert_int_equal(test->ranges.used_pages, ranges[i].pages);
        close_heap();
    }
}

/* Two tags begin at one page, and the tree leads to one of them by a byte and
 * to the other by its start. */
static void a_tree_with_two_truths_is_not_followed(void **state)
{
    for (int type = RANGE_FREE; type <= RANGE_LARGE; type += RANGE_LARGE) {
        struct ranges *ranges;
        struct range_tag *low, *root, *high;
        struct heap_cursor cursor;

        (void)state;
        open_level(HEAP_LEVEL_CHECK);
        ranges = &test->ranges;
        low = range_tag_at(ranges, 20);
        root = range_tag_at(ranges, 21);
        high = range_tag_at(ranges, 22);
        *low = (struct range_tag){
            .start = 16, .pages = type == RANGE_FREE ? 48 : 1,
            .type = (uint8_t)type, .parent = 21,
        };
        *root = (struct range_tag){
            .start = 18, .pages = 1, .type = RANGE_OTHER, .left = 20,
            .right = 22, .left_height = 1, .right_height = 1,
        };
        *high = (struct range_tag){
            .start = 16, .pages = 16, .type = RANGE_SPAN, .parent = 21,
        };
        ranges->root = 21;
        word(SPAN)[0] = SPAN_OF_LARGE;
        word(SPAN)[3] = SPAN_LARGE_HEAD;
        assert_ptr_equal(ranges_find(ranges, 20), high);
        assert_ptr_equal(ranges_find(ranges, 16), low);
        assert_false(heap_walk_find(heap, 20 * MM_PAGE, &cursor));
        close_heap();
    }
}

static void a_span_of_nobody_is_refused(void **state)
{
    uint64_t payload;

    (void)state;
    open_level(HEAP_LEVEL_CHECK);
    payload = give_block(100);
    assert_int_equal(word(12)[0], 1);
    word(12)[0] = 3;                    /* there is no heap 3 */
    refused(heap_free(heap, at(payload)), MM_BAD_SPAN, 0ul);
    check_says("I10", 0);
    word(12)[0] = 1;
    word(8)[0] += MM_PAGE;              /* a page that is not held */
    check_says("I10", 0);
    word(8)[0] -= MM_PAGE;
    word(12)[0] = 2;                    /* there is a heap 2: not its tag */
    refused(heap_free(heap, at(payload)), MM_BAD_SPAN, 0ul);
    word(12)[0] = 1;
    take_back(payload);
    close_heap();
}

/* ---- lists: the two accounts --------------- */

/* What looks like a free block of QUANTA, inside a payload at WHERE. */
static void forge(uint64_t where, uint32_t quanta, bool used)
{
    block(where)->header = block_header(2, quanta, false, used);
    block(where)->next = block(where)->previous = BLOCK_NIL;
}

/* The list of the free block at FREE leads to FORGED in its place. */
static void list_instead(uint64_t free, uint64_t forged)
{
    struct block *real = block(free), *false_one = block(forged);
    block_ref *head = &heap->lists[class_of(block_quanta(real))];

    false_one->next = real->next;
    false_one->previous = real->previous;
    if (*head == ref(free))
        *head = ref(forged);
    if (real->next != BLOCK_NIL)
        block_at(heap, real->next)->previous = ref(forged);
    if (real->previous != BLOCK_NIL)
        block_at(heap, real->previous)->next = ref(forged);
}

static struct {
    uint64_t host, first, second, third;
} y;

/* A used block of 1000 bytes, and three free ones of 5 quanta on one list. */
static void open_lists(void)
{
    open_level(HEAP_LEVEL_CHECK);
    y.host = give_block(1000);
    y.first = give_block(76);
    give_block(12);
    y.second = give_block(76);
    give_block(12);
    y.third = give_block(76);
    give_block(12);
    take_back(y.first);
    take_back(y.second);
    take_back(y.third);
    assert_int_equal(heap->lists[4], ref(y.third));
    check_fine();
}

static void a_forged_block_on_a_list_is_seen(void **state)
{
    struct heap_cursor rest;
    uint64_t inside;

    (void)state;
    open_lists();
    inside = y.host + 96;
    forge(inside, 5, false);
    list_instead(y.first, inside);
    check_says("I4", inside);           /* as many blocks, but not the same */
    close_heap();

    open_lists();                       /* one more */
    forge(inside, 5, false);
    block(inside)->previous = ref(y.first);
    block(y.first)->next = ref(inside);
    assert_true(heap_walk_find(heap, SPAN - 5, &rest));
    check_says("I4", rest.at);          /* which is the last to be counted */
    close_heap();

    open_lists();                       /* used, without a size, too large */
    forge(inside, 5, true);
    list_instead(y.first, inside);
    check_says("I4", inside);
    block(inside)->header = block_header(2, 0, false, false);
    check_says("I4", inside);
    close_heap();

    open_lists();
    forge(inside, 6, false);
    list_instead(y.first, inside);
    check_says("I4", inside);
    close_heap();
}

/* A list leads into a range that is no heap's. */
static void a_list_that_leads_out_of_the_heap_is_seen(void **state)
{
    struct range_request request = {
        .pages = 1, .at = 3 * SPAN / MM_PAGE, .type = RANGE_OTHER,
    };
    uint64_t far = 3 * SPAN + 96;
    uint32_t page;

    (void)state;
    open_lists();
    mm_lock(&test->home);
    assert_int_equal(ranges_alloc(&test->ranges, &request, &page), MM_OK);
    mm_unlock(&test->home);
    forge(far, 5, false);
    list_instead(y.second, far);
    check_says("I4", far);
    close_heap();
}

/* Two that are wrong by as much, one to the left and one to the right. */
static void forged_blocks_that_add_up_are_seen(void **state)
{
    uint64_t left, right;

    (void)state;
    open_level(HEAP_LEVEL_CHECK);
    left = give_block(76);
    give_block(12);
    y.host = give_block(1000);
    give_block(12);
    right = give_block(76);
    give_block(12);
    take_back(left);
    take_back(right);

    uint64_t way = y.host + 96 - left;

    assert_true(right - way > y.host && right - way < y.host + 900);
    forge(left + way, 5, false);
    forge(right - way, 5, false);
    list_instead(left, left + way);
    list_instead(right, right - way);
    assert_int_equal(heap->lists[4], ref(right - way));
    check_says("I4", right - way);
    close_heap();
}

static void a_lost_block_is_found(void **state)
{
    (void)state;
    open_lists();
    block(y.second)->next = BLOCK_NIL;  /* the first is lost */
    check_says("I4", y.first);
    close_heap();

    open_lists();                       /* the second is lost */
    block(y.third)->next = ref(y.first);
    block(y.first)->previous = ref(y.third);
    check_says("I4", y.second);
    close_heap();

    /* another heap's free blocks, below, are on lists of its own */
    open_level(HEAP_LEVEL_CHECK);

    void *theirs = heap_alloc(&other, 1000);

    assert_non_null(theirs);
    y.first = give_block(76);
    assert_true(y.first > heap_at(heap, theirs));
    give_block(12);
    take_back(y.first);
    check_fine();
    heap->lists[4] = BLOCK_NIL;
    class_map_clear(heap->map, 4);
    check_says("I4", y.first);
    close_heap();
}

/* The map says that there is a list, and it leads nowhere. */
static void a_list_that_leads_nowhere_is_no_block(void **state)
{
    (void)state;
    open_lists();
    heap->lists[30] = UINT32_MAX;
    class_map_set(heap->map, 30);
    check_says("I5", 0);

    struct heap_request request = { .size = 31 * 16 - 4,
                                    .kind = HEAP_BLOCK };

    for (; request.size >= 6 * 16 - 4; request.size -= 16) {
        void *payload = heap_alloc_request(heap, &request);

        assert_non_null(payload);       /* from the rest, or a new span */
        assert_true(heap_at(heap, payload) < ARENA);
        take_back(heap_at(heap, payload));
    }
    heap->lists[30] = BLOCK_NIL;
    class_map_clear(heap->map, 30);
    check_fine();
    close_heap();
}

/* ---- policies --------------- */

static void open_policy(const struct heap_policy *policy,
                        enum heap_level level)
{
    open_heap((struct heap_setup){ .level = level, .policy = policy,
                                   .order = HEAP_BY_ADDRESS }, ARENA);
}

static void a_list_out_of_order_is_seen(void **state)
{
    uint64_t a, b;

    (void)state;
    open_policy(&policy_first, HEAP_LEVEL_CHECK);
    a = give_block(76);
    give_block(12);
    b = give_block(76);
    give_block(12);
    take_back(a);
    take_back(b);
    check_fine();
    assert_int_equal(heap->lists[0], ref(a));

    block_ref rest = block(b)->next;    /* b, a, the rest */

    heap->lists[0] = ref(b);
    block(b)->previous = BLOCK_NIL;
    block(b)->next = ref(a);
    block(a)->previous = ref(b);
    block(a)->next = rest;
    block_at(heap, rest)->previous = ref(a);
    check_says("P1", a);
    heap->order = HEAP_LAST_FIRST;      /* where that is no mistake */
    check_fine();
    close_heap();
}

/* A free block leads back to itself: putting another behind it ends. */
static void a_ring_in_order_of_address_ends(void **state)
{
    uint64_t a, b;

    (void)state;
    open_policy(&policy_first, HEAP_LEVEL_NONE);
    a = give_block(76);
    give_block(12);
    b = give_block(76);
    give_block(12);
    take_back(a);
    block(a)->next = ref(a);
    alarm(10);
    take_back(b);
    alarm(0);
    check_says("I5", a);
    close_heap();
}

/* Buddies that are free and lie apart: for them I3 holds. */
static void buddies_that_did_not_join_are_seen(void **state)
{
    uint64_t a, b;

    (void)state;
    open_policy(&policy_buddy, HEAP_LEVEL_CHECK);
    a = give_block(60);
    b = give_block(60);
    assert_int_equal(b, a + 64);
    for (int i = 0; i < 40; i++)
        give_block(60);
    take_back(a);
    check_fine();
    block_set_used(block(b), false);    /* free, behind the heap's back */
    live_set(heap, block(b), false);
    check_says("I3", b);
    close_heap();
}

static void a_used_block_that_is_no_power_of_two_is_seen(void **state)
{
    uint64_t a, b, c;

    (void)state;
    open_policy(&policy_buddy, HEAP_LEVEL_CHECK);
    a = give_block(60);
    b = give_block(60);
    c = give_block(60);
    check_fine();
    block_set_quanta(block(a), 5);
    block(a + 80)->header = block_header(5, 3, false, true);
    block_set_quanta(block(a + 80), 3);
    live_set(heap, block(b), false);
    live_set(heap, block(a + 80), true);
    assert_int_equal(heap_at(heap, block_payload(block_right(block(a + 80)))),
                     c);
    check_says("B1", a);
    close_heap();
}

/* A free neighbour that is not what it seems is not joined. */
static void a_damaged_neighbour_is_not_joined(void **state)
{
    uint64_t a, b, c;

    (void)state;
    open_policy(&policy_first, HEAP_LEVEL_CHECK);
    a = give_block(76);
    b = give_block(76);
    c = give_block(76);
    give_block(12);
    take_back(a);
    block(a)->next = 77;                /* a link that leads astray */
    assert_int_equal(heap_free(heap, at(b)), MM_BAD_LINK);
    assert_int_equal(heap_free(heap, at(c)), MM_OK);
    assert_int_equal(block_quanta(block(b)), 5);
    assert_true(block_is_used(block(b)));
    close_heap();
}

/* Nor is one that comes to lie beside it when a first pair has joined. */
static void a_damaged_buddy_is_not_joined(void **state)
{
    uint64_t large, a, b;

    (void)state;
    open_policy(&policy_buddy, HEAP_LEVEL_CHECK);
    large = give_block(124);
    a = give_block(60);
    b = give_block(60);
    assert_true(a == large + 128 && b == a + 64);
    for (int i = 0; i < 40; i++)
        give_block(60);
    take_back(large);
    take_back(a);
    block(large)->previous = 77;
    assert_int_equal(heap_free(heap, at(b)), MM_OK);
    assert_int_equal(block_quanta(block(large)), 8);
    assert_int_equal(block_quanta(block(a)), 8);
    block(large)->previous = BLOCK_NIL; /* whole again: who would join? */
    close_heap();
}

/* A policy's answer is measured before it is believed. */
static struct block *choose_the_first(struct heap *of, uint32_t quanta,
                                      uint32_t align_quanta)
{
    (void)quanta;
    (void)align_quanta;
    return block_at(of, of->lists[0]);
}

static void a_choice_that_is_too_small_is_refused(void **state)
{
    struct heap_policy wrong = policy_first;
    uint64_t a;

    (void)state;
    wrong.choose = choose_the_first;
    open_policy(&wrong, HEAP_LEVEL_CHECK);
    a = give_block(76);
    give_block(12);
    take_back(a);
    assert_int_equal(give_block(76), a);        /* just large enough */
    take_back(a);
    assert_null(heap_alloc(heap, 77));
    assert_int_equal(heap->refusal, MM_BAD_CHOICE);
    assert_int_equal(heap->refusal_quantum, ref(a));
    assert_null(heap_alloc_request(heap, &(struct heap_request){
        .size = 76, .align = MM_PAGE }));       /* not there */
    assert_int_equal(heap->refusal, MM_BAD_CHOICE);
    check_fine();
    close_heap();
}

/* ---- slot pages --------------- */

static uint64_t page_of(uint64_t slot)
{
    return slot / MM_SLOT_PAGE * MM_SLOT_PAGE;
}

static struct slot_page *slot_page(uint64_t slot)
{
    return at(page_of(slot));
}

static bool page_has_room(uint64_t slot)
{
    struct slot_view view = slot_page_view(heap, slot);

    return view.used < view.count;
}

/* Slots of 256 bytes until COUNT pages of them are full; [0] is the first
 * slot of the first page, [1] that of the second. */
static void fill_pages(uint64_t *first, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        first[i] = give(256, 0, HEAP_SLOT);
        while (page_has_room(first[i]))
            give(256, 0, HEAP_SLOT);
    }
}

static void a_wrong_count_of_slots_is_seen(void **state)
{
    uint64_t slot;

    (void)state;
    open_level(HEAP_LEVEL_NONE);
    give(24, 0, HEAP_SLOT);
    slot = give(24, 0, HEAP_SLOT);
    check_fine();
    slot_page(slot)->used = 1;
    check_says("S2", page_of(slot));
    close_heap();

    open_level(HEAP_LEVEL_CHECK);
    give(24, 0, HEAP_SLOT);
    slot = give(24, 0, HEAP_SLOT);
    slot_page(slot)->used = 1;
    check_says("S4", page_of(slot));
    close_heap();
}

static void a_free_slot_that_was_written_to_is_seen(void **state)
{
    uint64_t slot;

    (void)state;
    open_level(HEAP_LEVEL_POISON);
    give(60, 0, HEAP_SLOT);
    slot = give(60, 0, HEAP_SLOT);
    take_back(slot);
    check_fine();
    word(slot + 4)[0] ^= 0x100;
    check_says("C2", slot);
    assert_null(heap_alloc(heap, 60));
    assert_int_equal(heap->refusal, MM_BAD_POISON);
    word(slot + 4)[0] ^= 0x100;
    check_fine();
    close_heap();
}

static void wrong_lists_of_slot_pages_are_seen(void **state)
{
    uint64_t first[2];

    (void)state;
    open_level(HEAP_LEVEL_CHECK);
    fill_pages(first, 2);
    check_fine();
    heap->slot_lists[16] = ref(page_of(first[0]));      /* full, and listed */
    check_says("S3", page_of(first[0]));
    heap->slot_lists[16] = ref(SPAN / 2);               /* hollow */
    check_says("S3", 0);
    heap->slot_lists[16] = ref(page_of(first[0]) + 16); /* no page */
    check_says("S3", 0);
    heap->slot_lists[16] = ref(ARENA);
    check_says("S3", 0);
    heap->slot_lists[16] = BLOCK_NIL;
    check_fine();

    take_back(first[0]);                /* with room, and of another class */
    heap->slot_lists[15] = heap->slot_lists[16];
    heap->slot_lists[16] = BLOCK_NIL;
    check_says("S3", page_of(first[0]));
    heap->slot_lists[16] = heap->slot_lists[15];
    heap->slot_lists[15] = BLOCK_NIL;
    check_fine();

    /* one of two with room */
    take_back(first[1]);
    check_fine();
    slot_page(first[0])->next = BLOCK_NIL;
    check_says("S3", 0);
    close_heap();
}

static void a_full_page_with_links_is_refused(void **state)
{
    uint64_t first[1];

    (void)state;
    open_level(HEAP_LEVEL_CHECK);
    fill_pages(first, 1);
    slot_page(first[0])->next = ref(page_of(first[0]));
    refused(heap_free(heap, at(first[0])), MM_BAD_SLOT, page_of(first[0]));
    slot_page(first[0])->next = BLOCK_NIL;
    slot_page(first[0])->previous = ref(page_of(first[0]));
    refused(heap_free(heap, at(first[0])), MM_BAD_SLOT, page_of(first[0]));
    slot_page(first[0])->previous = BLOCK_NIL;
    take_back(first[0]);
    close_heap();
}

/* A full page would go behind the first of its list. */
static void a_full_page_does_not_go_behind_a_damaged_one(void **state)
{
    uint64_t first[2];

    (void)state;
    open_level(HEAP_LEVEL_CHECK);
    fill_pages(first, 2);
    take_back(first[0]);
    slot_page(first[0])->watermark++;
    refused(heap_free(heap, at(first[1])), MM_BAD_SLOT, page_of(first[0]));
    slot_page(first[0])->watermark--;
    take_back(first[1]);
    check_fine();
    close_heap();
}

/* With its last slot a page's block may go: its neighbours are asked first. */
static void the_last_slot_is_not_freed_beside_damage(void **state)
{
    uint64_t slot, kept, right;

    (void)state;
    open_level(HEAP_LEVEL_CHECK);
    kept = give(60, 0, HEAP_SLOT);
    slot = give(60, 0, HEAP_SLOT);
    right = page_of(slot) + MM_SLOT_PAGE;
    block(right)->header ^= 64;
    take_back(kept);                    /* the page stays, whatever is there */
    refused(heap_free(heap, at(slot)), MM_BAD_RIGHT, right);
    block(right)->header ^= 64;
    take_back(slot);
    check_fine();
    close_heap();
}

/* A page whose links lead to itself agrees with itself. */
static void a_ring_of_slot_pages_ends(void **state)
{
    uint64_t slot;

    (void)state;
    open_level(HEAP_LEVEL_CHECK);
    slot = give(256, 0, HEAP_SLOT);
    slot_page(slot)->next = slot_page(slot)->previous = ref(page_of(slot));
    alarm(30);
    heap_trim(heap);
    alarm(0);
    check_says("S3", page_of(slot));
    close_heap();
}

static void what_a_damaged_page_says_is_not_followed(void **state)
{
    uint64_t slot, page;
    uint32_t offset;

    (void)state;
    open_level(HEAP_LEVEL_CHECK);
    give(60, 0, HEAP_SLOT);
    slot = give(60, 0, HEAP_SLOT);
    give(60, 0, HEAP_SLOT);
    take_back(slot);
    page = page_of(slot);
    offset = (uint32_t)(slot - page);
    assert_int_equal(slot_next(heap, page, offset), 0);
    assert_int_equal(slot_next(heap, page, offset + 8), 0);
    assert_false(slot_is_used(heap, page, offset));
    assert_true(slot_is_used(heap, page, offset - 64));
    assert_false(slot_is_used(heap, page, offset - 63));
    assert_false(slot_is_used(heap, page, 0));
    assert_true(slot_page_view(heap, page).ok);

    *word(slot) = offset - 64;          /* a link, to a possible slot */
    assert_int_equal(slot_next(heap, page, offset), offset - 64);
    assert_int_equal(slot_next(heap, page, offset + 8), 0);
    slot_page(slot)->slot_bytes = 72;   /* no class has it */
    assert_int_equal(slot_next(heap, page, offset), 0);
    assert_false(slot_is_used(heap, page, offset - 64));
    assert_false(slot_page_view(heap, page).ok);
    close_heap();

    /* a list that leads round, without bits to tell */
    open_level(HEAP_LEVEL_NONE);
    give(60, 0, HEAP_SLOT);
    slot = give(60, 0, HEAP_SLOT);
    take_back(slot);
    *word(slot) = (uint32_t)(slot - page_of(slot));
    alarm(10);
    assert_true(slot_is_used(heap, page_of(slot),
                             (uint32_t)(slot - page_of(slot)) - 64));
    alarm(0);
    close_heap();
}

/* ---- remote lists --------------- */

static void what_cannot_wait_is_seen(void **state)
{
    uint64_t used, free, slot, large;
    void *theirs;

    (void)state;
    open_heap((struct heap_setup){ .level = HEAP_LEVEL_CHECK, .small = true,
                                   .keep = 8 }, 8 * SPAN);
    used = give_block(76);
    free = give_block(76);
    give_block(12);
    slot = give(60, 0, HEAP_SLOT);
    large = give(SPAN, 0, HEAP_LARGE);
    theirs = heap_alloc_request(&other, &(struct heap_request){
        .size = 76, .kind = HEAP_BLOCK });
    assert_non_null(theirs);
    for (int i = 0; i < 2; i++) {
        uint32_t *list = i == 0 ? &heap->remote : &heap->drained;

        *word(used) = 0;
        *list = (uint32_t)(used / 8);
        check_fine();
        assert_true(heap_remote_has(heap, used));
        *list = (uint32_t)(used / 8) + 1;           /* not its start */
        check_says("T1", used + 8);
        *list = (uint32_t)(large / 8);
        *word(large) = 0;
        check_says("T1", large);
        *list = (uint32_t)(heap_at(heap, theirs) / 8);
        *(uint32_t *)theirs = 0;
        check_says("T1", heap_at(heap, theirs));
        *word(slot) = 0;
        *list = (uint32_t)(slot / 8);
        check_fine();
        *list = (uint32_t)(slot / 8) + 1;
        check_says("T1", slot + 8);
        *list = UINT32_MAX;                         /* outside */
        check_says("T1", 0);
        *list = (uint32_t)(ARENA / 8);              /* a page of nothing */
        assert_false(heap_page_is_held(heap, ARENA));
        check_says("T1", 0);
        *word(used) = 0xfffffff0;                   /* then astray */
        *list = (uint32_t)(used / 8);
        check_says("T1", used);
        *word(used) = (uint32_t)(used / 8);         /* round and round */
        check_says("T1", used);
        alarm(10);
        assert_false(heap_remote_has(heap, slot));
        assert_true(heap_remote_has(heap, used));
        alarm(0);
        *list = 0;
        check_fine();
    }
    take_back(free);                    /* kept: as good as freed */
    heap->remote = (uint32_t)(free / 8);
    assert_true(block_is_kept(block(free)));
    *word(free) = 0;
    check_says("T1", free);
    heap->remote = 0;
    heap_trim(heap);                    /* and now free */
    heap->remote = (uint32_t)(free / 8);
    check_says("T1", free);
    heap->remote = 0;
    check_fine();
    close_heap();
}

/* ---- who lies? --------------- */

/* A block and the span's end both lie about the hollow block between them:
 * what the end takes for its neighbour has no frame. */
static void a_liar_behind_hollow_memory_is_named(void **state)
{
    uint64_t last, end = SPAN - 4;

    (void)state;
    open_level(HEAP_LEVEL_CHECK);
    give_block(76);
    last = give_block(76);
    assert_true(block_is_hollow(block_right(block(last))));
    word(last - 4)[0] ^= 8 << 2;        /* its own size */
    word(end)[0] = block_header(1024, 0, false, true);  /* 16 KiB before */
    assert_false(heap_page_is_held(heap, end - 1024 * 16));
    refused(heap_free(heap, at(last)), MM_BAD_RIGHT, (uint64_t)SPAN);
    close_heap();
}

static void panic_while_trimming(void *context)
{
    (void)context;
    heap_trim(heap);
}

/* The range of the span cannot be given back: its neighbour's tag lies. */
static void a_span_cannot_leave_among_damaged_tags(void **state)
{
    struct range_tag *tag;
    uint64_t payload;

    (void)state;
    open_level(HEAP_LEVEL_CHECK);
    payload = give_block(100);
    take_back(payload);
    tag = (struct range_tag *)ranges_find(&test->ranges, SPAN / MM_PAGE);
    assert_int_equal(tag->type, RANGE_FREE);
    tag->pages--;
    assert_non_null(strstr(test_panic_of(panic_while_trimming, NULL),
                           "a span cannot leave"));
    close_heap();
}

static void *stray;

static void free_stray(void *context)
{
    (void)context;
    heap_free(heap, stray);
}

/* Without checks: an address that only a large range could have. */
static void a_stray_address_is_a_panic(void **state)
{
    (void)state;
    open_level(HEAP_LEVEL_NONE);
    give_block(100);
    for (int i = 0; i < 4; i++) {
        stray = at((uint64_t)i * SPAN);
        assert_string_equal(test_panic_of(free_stray, NULL),
                            "this address was not handed out");
        test->locked = 0;
    }
    test->ranges.root = RANGE_NIL;
    assert_string_equal(test_panic_of(free_stray, NULL),
                        "this address was not handed out");
    close_heap();
}

/* ---- trailers and what waits --------------- */

static void a_trailer_that_lies_gives_nothing(void **state)
{
    uint64_t payload, trailer;

    (void)state;
    open_level(HEAP_LEVEL_CANARY);
    payload = give_block(100);
    assert_int_equal(heap_usable_size(heap, at(payload)), 100);
    trailer = payload + block_size(block(payload)) - 8;
    *word(trailer) |= 0xfffff000;       /* more slack than there are bytes */
    assert_int_equal(heap_usable_size(heap, at(payload)), 0);
    check_says("C1", payload);
    refused(heap_free(heap, at(payload)), MM_BAD_TRAILER, payload);
    close_heap();
}

/* What waits was written to: it is not freed, and the one that should take its
 * place is refused, until it is whole again. */
static void what_waits_and_was_written_to_stays(void **state)
{
    uint64_t waiting, more, before;

    (void)state;
    open_level(HEAP_LEVEL_FULL);
    waiting = give_block(300);
    give_block(12);
    more = give_block(300);
    give_block(12);
    take_back(waiting);
    check_fine();
    assert_int_equal(heap_free(heap, at(waiting)), MM_NOT_LIVE);
    for (int i = 0; i < HEAP_WAITING; i++)
        if (heap->waiting[i] == 0)
            heap->waiting[i] = (uint32_t)(waiting / 8);     /* everywhere */

    *word(waiting + 8) ^= 1;            /* after it was freed */
    before = heap->random;
    assert_int_equal(heap_free(heap, at(more)), MM_BAD_POISON);
    assert_true(heap->random != before);
    assert_null(heap_realloc(heap, at(more), 5000));
    assert_int_equal(heap->refusal, MM_BAD_POISON);
    assert_int_equal(heap_usable_size(heap, at(more)), 300);
    assert_true(care_is_waiting(heap, at(waiting)));

    *word(waiting + 8) ^= 1;
    *word(waiting - 4) ^= 1;            /* its header: no used block */
    assert_int_equal(heap_free(heap, at(more)), MM_BAD_HEADER);
    assert_null(heap_realloc(heap, at(more), 5000));
    *word(waiting - 4) ^= 1;

    memset(heap->waiting, 0, sizeof heap->waiting);
    heap->waiting[5] = (uint32_t)(waiting / 8);
    check_fine();
    *word(waiting + 8) ^= 1;
    heap_trim(heap);                    /* leaves it where it is */
    assert_int_equal(heap->waiting[5], waiting / 8);
    *word(waiting + 8) ^= 1;
    heap_trim(heap);
    assert_int_equal(heap->waiting[5], 0);
    take_back(more);
    check_fine();
    close_heap();
}

/* The field that names the empty span names one that is in use. */
static void a_span_that_is_empty_already_stays(void **state)
{
    uint64_t payload;

    (void)state;
    open_level(HEAP_LEVEL_CHECK);
    payload = give_block(100);
    heap->empty_span = (uint32_t)(payload / SPAN * SPAN / MM_PAGE);
    take_back(payload);
    check_fine();
    assert_int_equal(test->ranges.used_count, 1);
    payload = give_block(100);
    assert_int_equal(heap->empty_span, HEAP_NO_SPAN);
    take_back(payload);
    check_fine();
    close_heap();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_without_a_frame_are_seen),
        cmocka_unit_test(only_what_is_held_is_held),
        cmocka_unit_test(bytes_of_no_block_are_not_found),
        cmocka_unit_test(every_byte_leads_to_its_block),
        cmocka_unit_test(what_is_no_span_is_not_walked),
        cmocka_unit_test(a_tree_with_two_truths_is_not_followed),
        cmocka_unit_test(a_span_of_nobody_is_refused),
        cmocka_unit_test(a_forged_block_on_a_list_is_seen),
        cmocka_unit_test(a_list_that_leads_out_of_the_heap_is_seen),
        cmocka_unit_test(forged_blocks_that_add_up_are_seen),
        cmocka_unit_test(a_lost_block_is_found),
        cmocka_unit_test(a_list_that_leads_nowhere_is_no_block),
        cmocka_unit_test(a_list_out_of_order_is_seen),
        cmocka_unit_test(a_ring_in_order_of_address_ends),
        cmocka_unit_test(buddies_that_did_not_join_are_seen),
        cmocka_unit_test(a_used_block_that_is_no_power_of_two_is_seen),
        cmocka_unit_test(a_damaged_neighbour_is_not_joined),
        cmocka_unit_test(a_damaged_buddy_is_not_joined),
        cmocka_unit_test(a_choice_that_is_too_small_is_refused),
        cmocka_unit_test(a_wrong_count_of_slots_is_seen),
        cmocka_unit_test(a_free_slot_that_was_written_to_is_seen),
        cmocka_unit_test(wrong_lists_of_slot_pages_are_seen),
        cmocka_unit_test(a_full_page_with_links_is_refused),
        cmocka_unit_test(a_full_page_does_not_go_behind_a_damaged_one),
        cmocka_unit_test(the_last_slot_is_not_freed_beside_damage),
        cmocka_unit_test(a_ring_of_slot_pages_ends),
        cmocka_unit_test(what_a_damaged_page_says_is_not_followed),
        cmocka_unit_test(what_cannot_wait_is_seen),
        cmocka_unit_test(a_liar_behind_hollow_memory_is_named),
        cmocka_unit_test(a_span_cannot_leave_among_damaged_tags),
        cmocka_unit_test(a_stray_address_is_a_panic),
        cmocka_unit_test(a_trailer_that_lies_gives_nothing),
        cmocka_unit_test(what_waits_and_was_written_to_stays),
        cmocka_unit_test(a_span_that_is_empty_already_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

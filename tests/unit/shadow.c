/* SPDX-License-Identifier: MIT */
/*
 * shadow.c - what the caller knows, beside a heap under test
 */
#include "shadow.h"

void shadow_init(struct shadow *shadow, struct test_home *test)
{
    *shadow = (struct shadow){ .test = test };
    shadow->capacity = test->setup.arena_bytes / 8;
    shadow->live = calloc(shadow->capacity, sizeof *shadow->live);
    shadow->owner = calloc(shadow->capacity, sizeof *shadow->owner);
    assert_non_null(shadow->live);
    assert_non_null(shadow->owner);
}

void shadow_fini(struct shadow *shadow)
{
    free(shadow->live);
    free(shadow->owner);
}

/* ---- bytes --------------- */

static uint64_t served(uint64_t size)
{
    return size == 0 ? 1 : size;
}

/* The bytes that it takes: at some levels of care a trailer follows. */
static uint64_t needed(const struct test_home *test, uint64_t size)
{
    return served(size) + test->heap.trailer_bytes;
}

static unsigned char pattern(uint32_t seed, uint64_t i)
{
    return (unsigned char)((seed * 2654435761u + (uint32_t)i * 40503u) >> 11);
}

static void fill(const struct shadow *shadow, const struct shadow_live *live,
                 uint64_t from)
{
    for (uint64_t i = from; i < served(live->size); i++)
        shadow->test->base[live->at + i] = pattern(live->seed, i);
}

static void verify(const struct shadow *shadow,
                   const struct shadow_live *live, uint64_t at, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        if (shadow->test->base[at + i] != pattern(live->seed, i))
            fail_msg("byte %llu of the payload at +0x%llx (%llu bytes) has "
                     "changed", (unsigned long long)i, (unsigned long long)at,
                     (unsigned long long)live->size);
    }
}

void shadow_verify(const struct shadow *shadow)
{
    for (uint32_t i = 0; i < shadow->count; i++)
        verify(shadow, &shadow->live[i], shadow->live[i].at,
               served(shadow->live[i].size));
}

static void own(struct shadow *shadow, const struct shadow_live *live,
                uint32_t before, uint32_t after)
{
    uint64_t end = live->at + served(live->size);

    for (uint64_t at = live->at / 8; at * 8 < end; at++) {
        if (shadow->owner[at] != before)
            fail_msg("+0x%llx belongs to two payloads",
                     (unsigned long long)at * 8);
        shadow->owner[at] = after;
    }
}

/* ---- is it what was asked for? --------------- */

static uint64_t alignment(const struct heap_request *request)
{
    return request->align > MM_QUANTUM ? request->align : MM_QUANTUM;
}

/* Whether a heap set up like this serves REQUEST with a slot, first. */
static bool prefers_slot(const struct test_home *test,
                         const struct heap_request *request)
{
    uint64_t size = needed(test, request->size);

    if (request->kind == HEAP_SLOT)
        return true;
    return request->kind == HEAP_ANY && test->heap.small && size <= 256 &&
           request->align <= (size <= 8 ? 8 : MM_QUANTUM);
}

static void expect_exact(struct test_home *test, uint64_t at,
                         const struct heap_request *request, uint64_t align)
{
    struct heap_cursor cursor;
    uint64_t size = needed(test, request->size), expected;

    if (!heap_walk_find(&test->heap, at, &cursor) || !cursor.used)
        fail_msg("+0x%llx is in no used block", (unsigned long long)at);
    if (cursor.slots) {
        struct slot_view view = slot_page_view(&test->heap, cursor.at);

        expected = size <= 8 ? 8 : (size + 15) / 16 * 16;
        assert_true(prefers_slot(test, request));
        assert_true(view.slot_bytes == expected);
        assert_true((at - cursor.at - view.first) % expected == 0);
        return;
    }
    if (cursor.large)
        expected = (size + (align > 64 ? align : 64) + 4095) / 4096 * 4096;
    else
        expected = (size + 4 + 15) / 16 * 16;
    assert_true(cursor.at == at);
    if (test->setup.keep > 0 && cursor.size > expected)
        expected = cursor.size;         /* kept blocks come as they are */
    if (cursor.size != expected)
        fail_msg("%llu bytes got a block of %llu, not %llu",
                 (unsigned long long)request->size,
                 (unsigned long long)cursor.size,
                 (unsigned long long)expected);
}

static void expect_sound(struct shadow *shadow, const void *payload,
                         const struct heap_request *request)
{
    struct test_home *test = shadow->test;
    uint64_t at = (uint64_t)((uintptr_t)payload - (uintptr_t)test->base);
    uint64_t size = served(request->size);
    uint64_t align = alignment(request);

    if (needed(test, request->size) <= 8 && request->align <= 8 &&
        prefers_slot(test, request))
        align = 8;
    if (at >= test->setup.arena_bytes || size > test->setup.arena_bytes - at)
        fail_msg("the payload is outside the arena");
    if (at % align != 0)
        fail_msg("+0x%llx is no multiple of %llu", (unsigned long long)at,
                 (unsigned long long)align);
    expect_exact(test, at, request, request->align);
    assert_true(heap_usable_size(&test->heap, payload) >= size);
    if (test->heap.trailer_bytes > 0)
        assert_true(heap_usable_size(&test->heap, payload) == size);

    const struct ledger_entry *entry = ledger_find(test->ledger, at);

    if (test->setup.deaf)
        return;
    assert_non_null(entry);
    assert_true(entry->request == request->size ||
                entry->request == served(request->size));
}

/* ---- is a refusal true? --------------- */

/* Pages of [START, END) that are not held. */
static uint32_t missing(const struct test_home *test, uint64_t start,
                        uint64_t end)
{
    uint32_t count = 0;

    for (uint64_t page = start / MM_PAGE; page * MM_PAGE < end; page++)
        count += !test->held[page];
    return count;
}

static bool frames_suffice(const struct test_home *test, uint32_t pages)
{
    return test->frames_left == TEST_UNLIMITED || test->frames_left >= pages;
}

static bool block_could_serve(const struct test_home *test, uint64_t size,
                              uint64_t align)
{
    uint64_t need = (size + 4 + 15) / 16;
    const struct picture *picture = test->walked;

    for (uint64_t q = 0; q < picture->quanta; q++) {
        if (picture->blocks[q].what != PICTURE_FREE)
            continue;

        uint64_t gap = (align / 16 - q % (align / 16)) % (align / 16);
        uint64_t quanta = picture->blocks[q].quanta;
        uint64_t start = (q + gap) * 16 - 4;

        if (quanta >= gap + need &&
            frames_suffice(test, missing(test, start, start + need * 16 +
                                             (quanta > gap + need ? 12 : 0))))
            return true;
    }
    return false;
}

/* The first run of free PAGES that starts at a multiple of ALIGN pages. */
static bool run_could_serve(const struct test_home *test, uint64_t pages,
                            uint64_t align)
{
    const struct picture *picture = test->walked;
    uint64_t range = 0;

    while (range < picture->pages) {
        uint64_t end = range + picture->page[range].pages;
        uint64_t start = (range + align - 1) / align * align;

        if (picture->page[range].type == RANGE_FREE && start + pages <= end)
            return true;
        range = end;
    }
    return false;
}

static bool span_could_serve(const struct test_home *test, uint64_t size,
                             uint64_t align)
{
    uint64_t span = test->setup.span_bytes;
    uint64_t first = test->heap.head_bytes + 4;
    uint64_t payload = (first + align - 1) / align * align;
    uint64_t end = payload - 4 + (size + 4 + 15) / 16 * 16;
    uint8_t wanted[SPAN_MAX_BYTES / MM_PAGE + 2] = { 0 };
    uint32_t pages = 0;

    if (end > span - 4 || !run_could_serve(test, span / MM_PAGE,
                                           span / MM_PAGE))
        return false;
    if (payload > first && payload - first < 16)
        return false;
    for (uint64_t at = 0; at < first + 8; at++)
        wanted[at / MM_PAGE] = 1;
    for (uint64_t at = payload - 4; at < end + (end < span - 4 ? 12 : 0); at++)
        wanted[at / MM_PAGE] = 1;
    wanted[(span - 1) / MM_PAGE] = 1;
    for (uint64_t page = 0; page < span / MM_PAGE; page++)
        pages += wanted[page];
    return frames_suffice(test, pages);
}

static bool slot_could_serve(const struct test_home *test, uint64_t size)
{
    const struct picture *picture = test->walked;
    uint64_t bytes = size <= 8 ? 8 : (size + 15) / 16 * 16;

    for (uint64_t i = 0; i < picture->pages * 2ull; i++) {
        const struct picture_slots *slice = &picture->slices[i];

        if (slice->slot_bytes == bytes &&
            slice->used < (slice->end - slice->first) / bytes)
            return true;
    }
    return block_could_serve(test, 2044, 2048) ||
           span_could_serve(test, 2044, 2048);
}

bool shadow_could_serve(struct test_home *test,
                        const struct heap_request *request)
{
    uint64_t size = needed(test, request->size);
    uint64_t align = alignment(request);
    uint64_t span = test->setup.span_bytes;
    bool one_span = test->setup.arena_bytes < 2 * span;

    if ((request->align & (request->align - 1)) != 0 || align > span / 4 ||
        size > test->setup.arena_bytes)
        return false;
    if (request->kind == HEAP_SLOT && (size > 256 || align > MM_QUANTUM ||
                                       (size <= 8 && request->align > 8)))
        return false;
    if (prefers_slot(test, request) && slot_could_serve(test, size))
        return true;
    if (request->kind == HEAP_SLOT)
        return false;
    if (request->kind == HEAP_LARGE ||
        (request->kind == HEAP_ANY &&
         served(request->size) > test->heap.large_bytes)) {
        uint64_t pages = (size + (align > 64 ? align : 64) + 4095) / 4096;

        return !one_span && frames_suffice(test, (uint32_t)pages) &&
               run_could_serve(test, pages, span / MM_PAGE);
    }
    return block_could_serve(test, size, align) ||
           span_could_serve(test, size, align);
}

/* REQUEST was refused. Before that, the heap has given up what it kept for
 * itself; asked once more, it changes nothing. */
static void expect_nothing_to_give(struct test_home *test,
                                   const struct heap_request *request)
{
    uint64_t digest = test_home_digest(test);
    enum mm_fault refusal = (enum mm_fault)test->heap.refusal;

    if (test->fail_call != 0)           /* the next call may be granted */
        return;
    if (heap_alloc_request(&test->heap, request) != NULL)
        fail_msg("%llu bytes were refused (%s), and granted when asked again",
                 (unsigned long long)request->size, mm_fault_name(refusal));
    if (test_home_digest(test) != digest)
        fail_msg("%llu bytes were refused (%s), and something has changed",
                 (unsigned long long)request->size, mm_fault_name(refusal));
    assert_int_equal(test->heap.refusal, refusal);
}

/* A refused call: nothing has changed that matters, and the reason is true. */
static void expect_refusal(struct shadow *shadow,
                           const struct heap_request *request)
{
    struct test_home *test = shadow->test;
    const char *reason = mm_fault_name((enum mm_fault)test->heap.refusal);

    shadow->refusals++;
    assert_int_not_equal(test->heap.refusal, MM_OK);
    if (!test->setup.deaf) {
        assert_int_equal(test->last.kind, MM_EVENT_REFUSE);
        assert_true(test->last.other == test->heap.refusal);
        assert_true(test->last.request == request->size);
    }
    expect_nothing_to_give(test, request);
    if (test->setup.unobserved || test->fail_call != 0)
        return;
    test_home_check(test, "a refusal");         /* walks, for the search */
    if (shadow_could_serve(test, request))
        fail_msg("%llu bytes (align %llu, kind %d) were refused (%s), but "
                 "there is a place", (unsigned long long)request->size,
                 (unsigned long long)request->align, request->kind, reason);
}

/* ---- the calls --------------- */

int shadow_alloc(struct shadow *shadow, const struct heap_request *request)
{
    struct test_home *test = shadow->test;
    void *payload = test_home_alloc(test, request);

    if (payload == NULL) {
        expect_refusal(shadow, request);
        return -1;
    }
    expect_sound(shadow, payload, request);

    struct shadow_live *live = &shadow->live[shadow->count];

    assert_true(shadow->count < shadow->capacity);
    *live = (struct shadow_live){
        .at = (uint64_t)((uintptr_t)payload - (uintptr_t)test->base),
        .size = request->size, .seed = ++shadow->births,
    };
    own(shadow, live, 0, live->seed);
    fill(shadow, live, 0);
    return (int)shadow->count++;
}

void shadow_free(struct shadow *shadow, uint32_t index)
{
    struct shadow_live *live = &shadow->live[index];
    enum mm_fault fault;

    verify(shadow, live, live->at, served(live->size));
    own(shadow, live, live->seed, 0);
    fault = test_home_free(shadow->test, shadow_payload(shadow, index));
    if (fault != MM_OK)
        fail_msg("free of +0x%llx: %s", (unsigned long long)live->at,
                 mm_fault_name(fault));
    assert_null(ledger_find(shadow->test->ledger, live->at));
    *live = shadow->live[--shadow->count];
}

bool shadow_realloc(struct shadow *shadow, uint32_t index, uint64_t size)
{
    struct test_home *test = shadow->test;
    struct shadow_live *live = &shadow->live[index];
    struct heap_request request = { .size = size };
    uint64_t old = served(live->size), kept = served(size);
    void *payload = heap_realloc(&test->heap, shadow_payload(shadow, index),
                                 size);

    if (payload == NULL) {
        verify(shadow, live, live->at, old);
        request.size = served(size);
        shadow->refusals++;
        assert_true(test->setup.deaf || test->last.kind == MM_EVENT_REFUSE);
        expect_nothing_to_give(test, &request);
        if (!test->setup.unobserved && test->fail_call == 0) {
            test_home_check(test, "a refused realloc");
            if (shadow_could_serve(test, &request))
                fail_msg("realloc to %llu bytes was refused, but there is a "
                         "place", (unsigned long long)size);
        }
        return false;
    }

    uint64_t at = (uint64_t)((uintptr_t)payload - (uintptr_t)test->base);

    own(shadow, live, live->seed, 0);
    verify(shadow, live, at, old < kept ? old : kept);
    if (at == live->at)
        shadow->in_place++;
    else {
        shadow->moves++;
        ledger_move(test->ledger, live->at, at);
    }
    live->at = at;
    live->size = size;
    own(shadow, live, 0, live->seed);
    fill(shadow, live, 0);
    assert_true(heap_usable_size(&test->heap, payload) >= kept);
    assert_true(test->setup.deaf ||
                (ledger_find(test->ledger, at) != NULL &&
                 ledger_find(test->ledger, at)->request == kept));
    return true;
}

void shadow_free_all(struct shadow *shadow)
{
    while (shadow->count > 0)
        shadow_free(shadow, shadow->count - 1);
}

void shadow_expect_pristine(struct test_home *test)
{
    const struct ranges *ranges = &test->ranges;
    struct heap_cursor cursor;

    heap_walk(&cursor);
    assert_false(heap_walk_next(&test->heap, &cursor));
    for (unsigned k = 0; k < HEAP_LISTS; k++)
        assert_int_equal(test->heap.lists[k], 0);
    for (unsigned k = 0; k < HEAP_MAP_WORDS; k++)
        assert_int_equal(test->heap.map[k], 0);
    for (unsigned k = 0; k < SLOT_CLASSES; k++)
        assert_int_equal(test->heap.slot_lists[k], 0);
    assert_int_equal(test->heap.empty_span, HEAP_NO_SPAN);
    assert_int_equal(ranges->used_pages, ranges->tag_pages);
    assert_int_equal(test->held_count, ranges->tag_pages);
    if (ranges->tag_pages == 0)
        assert_int_equal(ranges->free_count, 1);
}

/* SPDX-License-Identifier: MIT */
/*
 * home.c - a home for the allocator that trusts it with nothing
 */
#include "home.h"

#include <sys/mman.h>

#include "mm/heap_fast.h"

/* ---- panics --------------- */

static jmp_buf *panic_target;
static const char *panic_sentence;

_Noreturn void mm_home_panic(const char *file, int line, const char *sentence)
{
    if (panic_target != NULL) {
        panic_sentence = sentence;
        longjmp(*panic_target, 1);
    }
    fprintf(stderr, "%s:%d: %s\n", file, line, sentence);
    fail_msg("%s:%d: %s", file, line, sentence);
    abort();
}

const char *test_panic_of(void (*run)(void *context), void *context)
{
    jmp_buf target;

    panic_sentence = NULL;
    panic_target = &target;
    if (setjmp(target) == 0)
        run(context);
    panic_target = NULL;
    return panic_sentence;
}

/* ---- frames behind pages --------------- */

static void page_protect(const struct test_home *test, uint32_t page,
                         uint32_t count, int protection)
{
    if (test->setup.loose)
        protection = PROT_READ | PROT_WRITE;
    assert_int_equal(mprotect(test->base + (size_t)page * MM_PAGE,
                              (size_t)count * MM_PAGE, protection), 0);
}

static void home_lock(void *context)
{
    struct test_home *test = context;

    if (test->locked++ != 0)
        fail_msg("locked twice");
}

static void home_unlock(void *context)
{
    struct test_home *test = context;

    if (--test->locked != 0)
        fail_msg("unlocked, and was not locked");
}

static bool home_hold(void *context, uint32_t page, uint32_t count)
{
    struct test_home *test = context;

    test->hold_calls++;
    if (test->locked != 1)
        fail_msg("hold without the lock");
    if (count == 0 || page >= test->pages || count > test->pages - page)
        fail_msg("hold: pages %u + %u of %u", page, count, test->pages);
    for (uint32_t i = page; i < page + count; i++) {
        if (test->held[i])
            fail_msg("hold: page %u is held already", i);
    }
    if (test->hold_calls == test->fail_call)
        return false;
    if (test->frames_left != TEST_UNLIMITED) {
        if (test->frames_left < (int64_t)count)
            return false;
        test->frames_left -= count;
    }
    page_protect(test, page, count, PROT_READ | PROT_WRITE);
    memset(test->base + (size_t)page * MM_PAGE, 0, (size_t)count * MM_PAGE);
    memset(test->held + page, 1, count);
    test->held_count += count;
    if (test->held_count > test->held_peak)
        test->held_peak = test->held_count;
    return true;
}

static void home_release(void *context, uint32_t page, uint32_t count)
{
    struct test_home *test = context;

    if (test->locked != 1)
        fail_msg("release without the lock");
    if (count == 0 || page >= test->pages || count > test->pages - page)
        fail_msg("release: pages %u + %u of %u", page, count, test->pages);
    for (uint32_t i = page; i < page + count; i++) {
        if (!test->held[i])
            fail_msg("release: page %u is not held", i);
    }
    memset(test->base + (size_t)page * MM_PAGE, 0, (size_t)count * MM_PAGE);
    page_protect(test, page, count, PROT_NONE);
    memset(test->held + page, 0, count);
    test->held_count -= count;
    if (test->frames_left != TEST_UNLIMITED)
        test->frames_left += count;
}

static bool home_grows(void *context, uint32_t count)
{
    const struct test_home *test = context;

    return test->held_count + count > test->held_peak;
}

bool test_home_page_is_held(void *context, uint32_t page)
{
    struct test_home *test = context;

    return test->held[page];
}

/* ---- events --------------- */

static void home_event(void *context, const struct mm_event *event)
{
    struct test_home *test = context;

    test->events++;
    test->last = *event;
    if (event->kind == MM_EVENT_REFUSE)
        test->refused = *event;
    ledger_event(test->ledger, event);
    stats_event(&test->stats, event, test->ledger);

    const char *wrong = test->setup.unobserved
                            ? NULL : picture_event(test->replayed, event);

    if (wrong != NULL && test->wrong == NULL) {
        test->wrong = wrong;
        test->wrong_event = *event;
    }
}

/* ---- making one --------------- */

static void *allocate(size_t size)
{
    void *memory = calloc(1, size);

    assert_non_null(memory);
    return memory;
}

static void make_observers(struct test_home *test)
{
    struct picture_setup setup = { .arena_bytes = test->setup.arena_bytes };
    size_t bytes = picture_bytes(&setup);
    uint32_t entries = test->setup.arena_bytes / MM_QUANTUM * 2;

    if (!test->setup.unobserved) {
        test->replayed = picture_init(allocate(bytes), &setup);
        test->walked = picture_init(allocate(bytes), &setup);
    }
    test->ledger = ledger_init(allocate(ledger_bytes(entries)), entries);
    stats_init(&test->stats);
}

struct test_home *test_home_create(const struct test_setup *setup)
{
    struct test_home *test = allocate(sizeof *test);

    test->setup = *setup;
    test->setup.unobserved |= setup->deaf;
    test->pages = setup->arena_bytes / MM_PAGE;
    test->map = mmap(NULL, setup->arena_bytes + 2 * TEST_GUARD_BYTES,
                     PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                     -1, 0);
    assert_ptr_not_equal(test->map, MAP_FAILED);
    test->base = test->map + TEST_GUARD_BYTES;
    page_protect(test, 0, test->pages, PROT_NONE);
    test->held = allocate(test->pages);
    test->frames_left = TEST_UNLIMITED;
    test->home = (struct mm_home){
        .hold = home_hold, .release = home_release,
        .grows = setup->counts ? home_grows : NULL,
        .event = setup->deaf ? NULL : home_event,
        .lock = home_lock, .unlock = home_unlock, .context = test,
    };
    make_observers(test);
    ranges_init(&test->ranges, &test->home, test->base, test->pages);
    heap_init(&test->heap, &(struct heap_setup){
        .home = &test->home, .ranges = &test->ranges,
        .span_bytes = setup->span_bytes, .level = setup->level,
        .hollow_pages = setup->hollow_pages,
        .keep = setup->keep, .small = setup->small,
        .owner = 1,
    });
    if (setup->deaf && setup->level == HEAP_LEVEL_NONE)
        heap_set_fast(&test->heap, &test->fast);
    return test;
}

void test_home_destroy(struct test_home *test)
{
    munmap(test->map, test->setup.arena_bytes + 2 * TEST_GUARD_BYTES);
    free(test->held);
    free(test->replayed);
    free(test->walked);
    free(test->ledger);
    free(test);
}

/* ---- as src/lib does --------------- */

static void *alloc_fast(struct test_home *test, uint64_t size)
{
    struct heap *heap = &test->heap;
    void *payload = NULL;

    if (heap_wants_slot(heap, size)) {
        payload = fast_slot_reuse(&test->fast.slots[slot_class(size)]);
        return payload != NULL ? payload : heap_alloc_slot(heap, size);
    }
    if (size <= FAST_BLOCK_MOST)
        payload = fast_block_reuse(heap, (size_t)size);
    return payload != NULL ? payload : heap_alloc_block(heap, size);
}

void *test_home_alloc(struct test_home *test,
                      const struct heap_request *request)
{
    void *payload = NULL;

    if (test->heap.fast != NULL && request->kind == HEAP_ANY &&
        request->align == 0 && request->size <= test->heap.large_bytes)
        payload = alloc_fast(test, request->size);
    return payload != NULL ? payload
                           : heap_alloc_request(&test->heap, request);
}

enum mm_fault test_home_free(struct test_home *test, void *payload)
{
    struct heap *heap = &test->heap;

    if (heap->fast == NULL)
        return heap_free(heap, payload);

    uint32_t what = fast_what(&test->fast, heap_tag_of(heap, payload));

    if (what < FAST_SLOTS) {
        struct heap_slots *kept = fast_slots(&test->fast, what);

        if (!fast_slot_keep(kept, payload))
            heap_free_slot(heap, kept, payload);
    } else if (what == FAST_BLOCKS) {
        if (!fast_block_keep(heap, payload))
            heap_free_block(heap, payload);
    } else {
        return heap_free(heap, payload);
    }
    return MM_OK;
}

/* ---- everything against everything --------------- */

static char fault_text[400];

static const char *hollow_fault(const struct test_home *test)
{
    struct heap_cursor cursor;

    heap_walk(&cursor);
    while (heap_walk_next(&test->heap, &cursor)) {
        if (cursor.used)
            continue;

        bool hollow = picture_is_hollow(test->walked,
                                        (uint32_t)(cursor.at / MM_QUANTUM));

        if (cursor.hollow != hollow) {
            snprintf(fault_text, sizeof fault_text,
                     "the free block at +0x%llx says hollow %d, its pages %d",
                     (unsigned long long)cursor.at, cursor.hollow, hollow);
            return fault_text;
        }
    }
    return NULL;
}

/* The heap's own account of held pages against the home's. */
static const char *held_fault(const struct test_home *test)
{
    for (uint32_t page = 0; page < test->pages; page++) {
        const struct range_tag *tag = ranges_find(&test->ranges, page);

        if (tag == NULL || tag->type != RANGE_SPAN)
            continue;
        if (heap_page_is_held(&test->heap, (uint64_t)page * MM_PAGE) !=
            test->held[page]) {
            snprintf(fault_text, sizeof fault_text,
                     "page %u: the span's head says held %d", page,
                     !test->held[page]);
            return fault_text;
        }
    }
    return NULL;
}

/* F1 of heap_fast.h. */
static const char *fast_slots_fault(const struct test_home *test)
{
    const struct heap *heap = &test->heap;

    for (unsigned class = 0; class < SLOT_CLASSES; class++) {
        int32_t left = test->fast.slots[class].left;
        void *const *slot = test->fast.slots[class].first;

        for (; slot != NULL && left <= test->fast.slots[class].most; left++) {
            uint64_t at = heap_at(heap, slot);

            if (heap_tag_of(heap, slot) != span_tag_slots(class, heap->owner))
                return "what is on a list of kept slots is none of its class";
            if (!slot_is_used(heap, at, (uint32_t)(at % MM_SLOT_PAGE)))
                return "a kept slot is free to its page";
            slot = *slot;
        }
        if (slot != NULL || left != test->fast.slots[class].most)
            return "the slots kept of a class are not those counted";
    }
    return NULL;
}

/* K1, K2 and K3 of heap_kept.c, for the blocks of QUANTA. */
static const char *kept_fault(const struct heap *heap, uint32_t quanta)
{
    const struct kept_size *size = &heap->kept[quanta];
    int count = 0;

    if (size->first == BLOCK_NIL && size->left == 0)
        return NULL;                    /* it sleeps */
    if (!class_map_has(heap->kept_map, quanta / KEPT_GROUP))
        return "the map does not say that a block may be kept";
    for (block_ref ref = size->first; ref != BLOCK_NIL && count <= size->most;
         count++) {
        const struct block *block = block_named(heap, ref);

        if (!block_is_used(block) || block_quanta(block) != quanta ||
            block_is_kept(block) != (heap->fast == NULL))
            return "what is on a list of kept blocks is none";
        ref = *(const block_ref *)block_payload((struct block *)block);
    }
    return count + size->left == size->most
               ? NULL : "the blocks kept of a size are not those counted";
}

static const char *lists_fault(const struct test_home *test)
{
    const char *fault = NULL;

    if (test->heap.fast != NULL)
        fault = fast_slots_fault(test);
    for (uint32_t quanta = 0; fault == NULL && quanta < KEPT_SIZES; quanta++)
        fault = kept_fault(&test->heap, quanta);
    return fault;
}

static const char *picture_fault(struct test_home *test)
{
    struct picture_difference difference;
    struct picture_source source = {
        .heap = &test->heap, .ranges = &test->ranges,
        .held = test_home_page_is_held, .context = test,
    };

    if (test->wrong != NULL) {
        snprintf(fault_text, sizeof fault_text,
                 "replay: %s (%s +0x%llx size %llu other %llu)", test->wrong,
                 mm_event_name((enum mm_event_kind)test->wrong_event.kind),
                 (unsigned long long)test->wrong_event.at,
                 (unsigned long long)test->wrong_event.size,
                 (unsigned long long)test->wrong_event.other);
        return fault_text;
    }
    picture_walk(test->walked, &source);
    if (picture_differs(test->replayed, test->walked, &difference)) {
        snprintf(fault_text, sizeof fault_text,
                 "replay and walk differ in %s at 0x%llx: %llu, %llu",
                 difference.what, (unsigned long long)difference.at,
                 (unsigned long long)difference.left,
                 (unsigned long long)difference.right);
        return fault_text;
    }
    return NULL;
}

const char *test_home_fault(struct test_home *test)
{
    struct heap_damage damage;
    uint32_t page;
    const char *fault = ranges_check(&test->ranges, &page);

    if (test->locked != 0)
        return "the lock is still held";

    if (fault != NULL) {
        snprintf(fault_text, sizeof fault_text, "ranges: %s (page %u)",
                 fault, page);
        return fault_text;
    }
    if (!heap_check(&test->heap, &damage)) {
        snprintf(fault_text, sizeof fault_text, "heap: %s (+0x%llx)",
                 damage.invariant, (unsigned long long)damage.at);
        return fault_text;
    }
    fault = lists_fault(test);
    if (fault != NULL)
        return fault;
    if (test->setup.unobserved)
        return held_fault(test);
    fault = picture_fault(test);
    if (fault == NULL)
        fault = hollow_fault(test);
    if (fault == NULL)
        fault = held_fault(test);
    if (fault == NULL && test->stats.held.now + test->ranges.tag_pages !=
                             test->held_count)
        fault = "the counted pages are not the held ones";
    return fault;
}

void test_home_check(struct test_home *test, const char *where)
{
    const char *fault = test_home_fault(test);

    if (fault != NULL)
        fail_msg("after %s: %s", where, fault);
}

/* ---- the digest --------------- */

/* Over much memory and often: without the sanitizers, which watch the heap
 * and need not watch this. */
__attribute__((no_sanitize("address", "undefined")))
static uint64_t digest(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    size_t i = 0;

    for (; i + 8 <= size; i += 8) {
        uint64_t word = *(const uint64_t *)(bytes + i);

        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    for (; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t test_home_digest(const struct test_home *test)
{
    struct heap heap = test->heap;
    uint64_t hash = 1;

    heap.refusal = heap.refusal_quantum = heap.examined = 0;
    hash = digest(hash, heap.map, sizeof heap.map);
    hash = digest(hash, heap.lists, sizeof heap.lists);
    hash = digest(hash, heap.slot_lists, sizeof heap.slot_lists);
    hash = digest(hash, &heap.small, sizeof heap.small);
    hash = digest(hash, &heap.empty_span, sizeof heap.empty_span);
    hash = digest(hash, &test->ranges.root,
                  sizeof test->ranges - offsetof(struct ranges, root));
    hash = digest(hash, test->held, test->pages);
    for (uint32_t page = 0; page < test->pages; page++) {
        if (test->held[page])
            hash = digest(hash, test->base + (size_t)page * MM_PAGE, MM_PAGE);
    }
    return hash;
}

/* SPDX-License-Identifier: MIT */
/*
 * test_threads.c - several heaps on one arena, each its thread's own
 *
 * What one heap allocates, any may free: the payload goes over its owner's
 * remote list. First one thread plays all of them in a random order, then
 * real threads do it at once, and hand payloads to one another through a
 * table. In the end every byte has come back.
 *
 * sources: src/mm/[a-z]*.c
 */
#include "stop.h"
#include "support.h"

#include "mm/heap.h"

#include <pthread.h>
#include <sys/mman.h>

enum {
    ARENA = 16 * 1024 * 1024, SPAN = 64 * 1024, HEAPS = 4, LIVE = 400,
    TABLE = 256,
};

/* ---- an arena for all of them --------------- */

static struct place {
    unsigned char *arena;
    struct mm_home home;
    struct ranges ranges;
    struct heap heap[HEAPS];
    pthread_mutex_t mutex;
    uint64_t held;
    uint64_t pushes, drains;
    void *table[TABLE];         /* payloads that look for someone to free them */
} p;

static bool place_hold(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    if (mprotect(p.arena + (size_t)page * MM_PAGE, (size_t)count * MM_PAGE,
                 PROT_READ | PROT_WRITE) != 0)
        abort();
    p.held += count;
    return true;
}

static void place_release(void *context, uint32_t page, uint32_t count)
{
    unsigned char *start = p.arena + (size_t)page * MM_PAGE;

    (void)context;
    /* as a fresh mapping: zero, and out of reach */
    if (mmap(start, (size_t)count * MM_PAGE, PROT_NONE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        abort();
    p.held -= count;
}

static void place_lock(void *context)
{
    (void)context;
    pthread_mutex_lock(&p.mutex);
}

static void place_unlock(void *context)
{
    (void)context;
    pthread_mutex_unlock(&p.mutex);
}

static struct heap *place_heap_of(void *context, uint32_t owner)
{
    (void)context;
    return owner >= 1 && owner <= HEAPS ? &p.heap[owner - 1] : NULL;
}

static void place_event(void *context, const struct mm_event *event)
{
    (void)context;
    p.pushes += event->kind == MM_EVENT_REMOTE_PUSH;
    p.drains += event->kind == MM_EVENT_REMOTE_DRAIN;
}

static void place_open(const struct heap_setup *how, bool watched)
{
    memset(&p, 0, sizeof p);
    pthread_mutex_init(&p.mutex, NULL);
    p.arena = mmap(NULL, ARENA, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                   0);
    assert_ptr_not_equal(p.arena, MAP_FAILED);
    p.home = (struct mm_home){
        .hold = place_hold, .release = place_release, .lock = place_lock,
        .unlock = place_unlock, .heap_of = place_heap_of,
        .event = watched ? place_event : NULL,
    };
    ranges_init(&p.ranges, &p.home, p.arena, ARENA / MM_PAGE);
    for (uint32_t i = 0; i < HEAPS; i++) {
        struct heap_setup setup = *how;

        setup.home = &p.home;
        setup.ranges = &p.ranges;
        setup.owner = i + 1;
        heap_init(&p.heap[i], &setup);
    }
}

/* Everything was freed, by whomever: all of it comes back. */
static void place_close(void)
{
    uint32_t page;

    for (int round = 0; round < 2; round++) {   /* a drain may push */
        for (int i = 0; i < HEAPS; i++)
            heap_trim(&p.heap[i]);
    }
    assert_null(ranges_check(&p.ranges, &page));
    assert_int_equal(p.ranges.used_pages, p.ranges.tag_pages);
    assert_int_equal(p.held, p.ranges.tag_pages);
    munmap(p.arena, ARENA);
    pthread_mutex_destroy(&p.mutex);
}

/* ---- payloads with their size and owner written all over --------------- */

struct note {
    uint32_t size;
    unsigned char fill;
};

static void *make(struct heap *heap, uint64_t *random)
{
    uint32_t size = (uint32_t)(random_below(random, 10) == 0
                                   ? random_below(random, 40000)
                                   : random_below(random, 500)) +
                    sizeof(struct note);
    unsigned char *payload = heap_alloc(heap, size);
    struct note note = { size, (unsigned char)random_below(random, 256) };

    if (payload == NULL)
        return NULL;
    memset(payload, note.fill, size);
    memcpy(payload, &note, sizeof note);
    return payload;
}

static void drop(struct heap *heap, void *payload)
{
    const unsigned char *bytes = payload;
    struct note note;
    enum mm_fault fault;

    memcpy(&note, payload, sizeof note);
    for (uint32_t i = sizeof note; i < note.size; i++) {
        if (bytes[i] != note.fill) {
            fprintf(stderr, "byte %u of %u has changed\n", i, note.size);
            abort();
        }
    }
    fault = heap_free(heap, payload);
    if (fault != MM_OK) {
        fprintf(stderr, "free: %s\n", mm_fault_name(fault));
        abort();
    }
}

/* ---- the tests --------------- */

static const struct heap_setup setups[] = {
    { .span_bytes = SPAN, .level = HEAP_LEVEL_CHECK, .small = true },
    { .span_bytes = SPAN, .level = HEAP_LEVEL_CHECK, .hollow_pages = 2 },
    { .span_bytes = SPAN, .level = HEAP_LEVEL_NONE, .small = true,
      .hollow_pages = 4, .keep = 8 },
    { .span_bytes = SPAN, .level = HEAP_LEVEL_CHECK, .small = true,
      .keep = 1 },
};

enum { SETUPS = sizeof setups / sizeof setups[0] };

static void one_thread_plays_four(void **state)
{
    (void)state;
    for (int s = 0; s < SETUPS; s++) {
        static void *live[LIVE];
        unsigned count = 0;
        uint64_t random = 3;

        place_open(&setups[s], true);
        for (int i = 0; i < 40000; i++) {
            struct heap *heap = &p.heap[random_below(&random, HEAPS)];

            if (count < LIVE && random_below(&random, 100) < 55) {
                live[count] = make(heap, &random);
                count += live[count] != NULL;
            } else if (count > 0) {
                unsigned k = (unsigned)random_below(&random, count);

                drop(heap, live[k]);
                live[k] = live[--count];
            }
        }
        for (unsigned i = 0; i < count; i++)
            drop(&p.heap[i % HEAPS], live[i]);
        assert_true(p.pushes > 5000 && p.drains > 25);
        place_close();
    }
}

/* In a checked heap a payload that waits on a remote list is freed already. */
static void a_payload_on_a_remote_list_comes_back_once(void **state)
{
    struct heap *owner, *other;
    void *a, *b;

    (void)state;
    place_open(&setups[1], true);
    owner = &p.heap[0];
    other = &p.heap[1];
    a = heap_alloc(owner, 100);
    b = heap_alloc(owner, 100);
    assert_int_equal(heap_free(other, a), MM_OK);
    assert_int_equal(p.pushes, 1);
    assert_int_not_equal(owner->remote, 0);
    assert_int_equal(p.drains, 0);
    heap_trim(owner);
    assert_int_equal(p.drains, 1);
    assert_int_equal(owner->remote, 0);
    assert_int_equal(heap_free(owner, a), MM_NOT_LIVE);
    assert_int_equal(heap_free(other, a), MM_NOT_LIVE);
    assert_int_equal(heap_free(owner, b), MM_OK);
    place_close();
}

static void *thread_main(void *argument)
{
    struct heap *heap = argument;
    uint64_t random = heap->owner * 1000 + 7;

    for (int i = 0; i < 30000; i++) {
        void *payload = random_below(&random, 4) == 0
                            ? NULL : make(heap, &random);
        void **place = &p.table[random_below(&random, TABLE)];

        payload = __atomic_exchange_n(place, payload, __ATOMIC_ACQ_REL);
        if (payload != NULL)
            drop(heap, payload);
    }
    return NULL;
}

static void four_threads_free_what_others_allocated(void **state)
{
    (void)state;
    for (int s = 0; s < SETUPS; s++) {
        pthread_t threads[HEAPS];

        place_open(&setups[s], false);
        for (int i = 0; i < HEAPS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, thread_main,
                                            &p.heap[i]), 0);
        for (int i = 0; i < HEAPS; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        for (int i = 0; i < TABLE; i++) {
            if (p.table[i] != NULL)
                drop(&p.heap[i % HEAPS], p.table[i]);
        }
        place_close();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_plays_four),
        cmocka_unit_test(a_payload_on_a_remote_list_comes_back_once),
        cmocka_unit_test(four_threads_free_what_others_allocated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

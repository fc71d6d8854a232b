/* SPDX-License-Identifier: MIT */
/*
 * test_lab.c - the lab is the same machine everywhere
 *
 * A seeded program runs in labs of several shapes. After each operation the
 * picture that is replayed from all events, those of frames and ranges
 * included, is held against the one that is walked. At the end the lab is one
 * number (lab_hash). Run with LAB_DIGEST set in the environment the program
 * prints these numbers and does nothing else: tests/lab-digest compares them
 * between 32 and 64 bit.
 *
 * sources: src/lab/[a-z]*.c src/kernel/memmap.c
 * sources: src/mm/[a-z]*.c src/trace/[a-z]*.c
 */
#include "panic.h"

#include "lab/lab.h"
#include "trace/ledger.h"
#include "trace/picture.h"

#include <sys/mman.h>

enum { KIB = 1024, GUARD = 64 * KIB, EARLY = 400, LIVE = 300 };

static const struct lab_setup setups[] = {
    { .arena_bytes = 64 * KIB, .span_bytes = 64 * KIB,
      .level = HEAP_LEVEL_CHECK },
    { .arena_bytes = 64 * KIB, .span_bytes = 64 * KIB,
      .level = HEAP_LEVEL_CHECK, .small = true },
    { .arena_bytes = 256 * KIB, .span_bytes = 16 * KIB,
      .level = HEAP_LEVEL_CHECK, .small = true },
    { .arena_bytes = 256 * KIB, .span_bytes = 16 * KIB, .frames = 23,
      .level = HEAP_LEVEL_CHECK, .small = true },
    { .arena_bytes = 512 * KIB, .span_bytes = 4 * KIB,
      .level = HEAP_LEVEL_CHECK },
};

enum { SETUPS = sizeof setups / sizeof setups[0] };

/* ---- a lab between guards, and its observer --------------- */

static struct bench {
    unsigned char *map, *memory;
    size_t bytes;
    struct lab *lab;
    struct machine *machine;
    struct picture *replayed, *walked;
    struct mm_event early[EARLY];       /* before the picture could be made */
    unsigned early_count;
    const char *wrong;
    unsigned events[MM_EVENT_KINDS];    /* since the picture was made */
    void *live[LIVE];
    unsigned count;
} b;

static void listen(void *context, const struct mm_event *event)
{
    assert_ptr_equal(context, &b);
    if (b.replayed == NULL) {
        assert_true(b.early_count < EARLY);
        b.early[b.early_count++] = *event;
        return;
    }

    const char *wrong = picture_event(b.replayed, event);

    b.events[event->kind]++;

    if (wrong != NULL && b.wrong == NULL)
        b.wrong = wrong;
}

static void open_lab(const struct lab_setup *setup)
{
    struct picture_setup picture;

    memset(&b, 0, sizeof b);
    assert_null(lab_setup_fault(setup));
    b.bytes = (lab_bytes(setup) + MM_PAGE - 1) / MM_PAGE * MM_PAGE;
    b.map = mmap(NULL, b.bytes + 2 * GUARD, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(b.map, MAP_FAILED);
    b.memory = b.map + GUARD;
    assert_int_equal(mprotect(b.memory, b.bytes, PROT_READ | PROT_WRITE), 0);
    memset(b.memory, 0xa5, b.bytes);    /* nothing may count on zeroes */
    b.lab = lab_init(b.memory, setup, listen, &b);
    b.machine = lab_machine(b.lab);

    picture = (struct picture_setup){
        .arena_bytes = setup->arena_bytes,
        .regions = b.machine->frames->regions,
        .region_count = b.machine->frames->region_count,
    };
    b.walked = picture_init(malloc(picture_bytes(&picture)), &picture);
    b.replayed = picture_init(malloc(picture_bytes(&picture)), &picture);
    for (unsigned i = 0; i < b.early_count; i++)
        listen(&b, &b.early[i]);
}

static void close_lab(void)
{
    free(b.replayed);
    free(b.walked);
    munmap(b.map, b.bytes + 2 * GUARD);
}

static bool page_is_held(void *context, uint32_t page)
{
    pfn_t pfn;

    (void)context;
    return b.machine->frame_of(b.machine, page, &pfn);
}

/* Every held page has a frame of its own, which is handed out. */
static void check_page_table(void)
{
    static bool seen[4096];
    uint32_t held = 0;

    memset(seen, 0, sizeof seen);
    for (uint32_t page = 0; page < b.walked->pages; page++) {
        pfn_t pfn;

        if (!b.machine->frame_of(b.machine, page, &pfn))
            continue;
        held++;
        assert_true(pfn < 4096 && !seen[pfn]);
        seen[pfn] = true;
        assert_true(frame_is_used(b.machine->frames, pfn));
    }
    assert_int_equal(held, b.machine->frames->risen_count -
                               b.machine->frames->own_count -
                               b.machine->frames->free_count);
}

/* Each live payload has its letter, and nothing else has. */
static void check_letters(const char *where)
{
    for (unsigned i = 0; i < b.count; i++)
        if (ledger_find(b.machine->ledger,
                        heap_at(b.machine->heap, b.live[i])) == NULL)
            fail_msg("after %s: a live payload has no letter", where);
    if (b.machine->ledger->count != b.count)
        fail_msg("after %s: %u letters for %u payloads", where,
                 b.machine->ledger->count, b.count);
}

static void check_lab(const char *where)
{
    struct picture_difference difference;
    struct heap_damage damage;
    uint32_t page;
    pfn_t pfn;
    const char *broken;

    if (b.wrong != NULL)
        fail_msg("after %s: replay: %s", where, b.wrong);
    const struct heap *threads[LAB_THREADS];

    for (uint32_t i = 0; i < LAB_THREADS; i++)
        threads[i] = lab_thread(b.lab, i + 1);
    picture_walk(b.walked, &(struct picture_source){
        .heap = b.machine->heap, .ranges = b.machine->ranges,
        .threads = threads, .thread_count = LAB_THREADS,
        .frames = b.machine->frames, .held = page_is_held });
    if (picture_differs(b.replayed, b.walked, &difference))
        fail_msg("after %s: %s at 0x%llx: replay %llu, walk %llu", where,
                 difference.what, (unsigned long long)difference.at,
                 (unsigned long long)difference.left,
                 (unsigned long long)difference.right);
    if (!heap_check(b.machine->heap, &damage))
        fail_msg("after %s: %s", where, damage.invariant);
    for (uint32_t i = 0; i < LAB_THREADS; i++)
        if (threads[i] != NULL && !heap_check(threads[i], &damage))
            fail_msg("after %s: heap %u: %s", where, i + 1,
                     damage.invariant);
    if ((broken = ranges_check(b.machine->ranges, &page)) != NULL ||
        (broken = frames_check(b.machine->frames, &pfn)) != NULL)
        fail_msg("after %s: %s", where, broken);
    check_page_table();
}

/* ---- a program --------------- */

/* The heap of whoever acts next: in labs with several spans one of three
 * threads, or nobody. */
static struct heap *somebodys_heap(uint64_t *random)
{
    uint32_t number = (uint32_t)random_below(random, 4);
    struct heap *heap = number == 0 ? NULL : lab_thread_start(b.lab, number);

    return heap == NULL ? b.machine->heap : heap;
}

static void one_operation(uint64_t *random)
{
    struct heap *heap = somebodys_heap(random);
    uint64_t what = random_below(random, 16);
    uint64_t size = random_below(random, 5) == 0
                        ? random_below(random, 9000)
                        : random_below(random, 400);

    if (what < 8 && b.count < LIVE) {
        struct heap_request request = { .size = size };

        if (what == 0)
            request.align = 1u << random_below(random, 12);
        if (what == 1)
            request.kind = (enum heap_kind)random_below(random, 4);

        void *payload = heap_alloc_request(heap, &request);

        if (payload != NULL) {
            memset(payload, (int)size, size);
            b.live[b.count++] = payload;
        }
    } else if (what < 11 && b.count > 0) {
        unsigned k = (unsigned)random_below(random, b.count);
        void *moved = heap_realloc(heap, b.live[k], size);

        if (moved != NULL) {
            memset(moved, (int)size, size);
            if (moved != b.live[k])
                ledger_move(b.machine->ledger, heap_at(heap, b.live[k]),
                            heap_at(heap, moved));
            b.live[k] = moved;
        }
    } else if (what == 15 && random_below(random, 10) == 0) {
        heap_trim(heap);
    } else if (b.count > 0) {
        unsigned k = (unsigned)random_below(random, b.count);

        assert_int_equal(heap_free(heap, b.live[k]), MM_OK);
        b.live[k] = b.live[--b.count];
    }
}

static uint64_t run_program(const struct lab_setup *setup, uint64_t seed,
                            int operations, bool check)
{
    uint64_t random = seed, hash;
    char where[40];

    open_lab(setup);
    if (check)
        check_lab("init");
    for (int i = 0; i < operations; i++) {
        one_operation(&random);
        snprintf(where, sizeof where, "operation %d", i);
        if (check && (i < 100 || i % 8 == 0)) {
            check_lab(where);
            check_letters(where);
        }
    }
    if (check)
        check_lab("the program");
    hash = lab_hash(b.lab);
    return hash;
}

/* ---- the tests --------------- */

static void setups_that_cannot_be_are_named(void **state)
{
    struct lab_setup wrong[] = {
        { .span_bytes = 65536, .level = HEAP_LEVEL_CHECK },
        { .arena_bytes = 65536, .level = HEAP_LEVEL_CHECK },
        { .arena_bytes = 65536, .span_bytes = 2048,
          .level = HEAP_LEVEL_CHECK },
        { .arena_bytes = 65536, .span_bytes = 49152,
          .level = HEAP_LEVEL_CHECK },
        { .arena_bytes = 65536, .span_bytes = 131072,
          .level = HEAP_LEVEL_CHECK },
        { .arena_bytes = 65537, .span_bytes = 65536,
          .level = HEAP_LEVEL_CHECK },
        { .arena_bytes = 1 << 20, .span_bytes = 1 << 20,
          .level = HEAP_LEVEL_CHECK },
        { .arena_bytes = UINT64_C(1) << 40, .span_bytes = 65536,
          .level = HEAP_LEVEL_CHECK },
        { .arena_bytes = 65536, .span_bytes = 65536, .frames = 1,
          .level = HEAP_LEVEL_CHECK },
        { .arena_bytes = 65536, .span_bytes = 65536, .frames = UINT32_MAX,
          .level = HEAP_LEVEL_CHECK },
        { .arena_bytes = 65536, .span_bytes = 65536,
          .level = HEAP_LEVEL_NONE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (lab_setup_fault(&wrong[i]) == NULL)
            fail_msg("setup %u was accepted", (unsigned)i);
    }
    assert_null(lab_setup_fault(&lab_default));
    assert_int_equal(lab_default.arena_bytes, LAB_ARENA_BYTES);
}

static void replay_and_walk_agree_in_every_lab(void **state)
{
    unsigned seen[MM_EVENT_KINDS] = { 0 };

    (void)state;
    for (int i = 0; i < SETUPS; i++) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
            run_program(&setups[i], seed, 600, true);
            for (int kind = 0; kind < MM_EVENT_KINDS; kind++)
                seen[kind] += b.events[kind];
            close_lab();
        }
    }

    /* All of them were told, those between threads too. */
    for (int kind = 0; kind < MM_EVENT_KINDS; kind++)
        if (seen[kind] < 10 && kind != MM_EVENT_ADOPT &&
            kind != MM_EVENT_WAIT)
            fail_msg("%s happened %u times: too seldom for a test",
                     mm_event_name((enum mm_event_kind)kind), seen[kind]);
}

static void the_same_program_makes_the_same_lab(void **state)
{
    (void)state;
    for (int i = 0; i < SETUPS; i++) {
        uint64_t first = run_program(&setups[i], 5, 400, false);

        close_lab();

        uint64_t second = run_program(&setups[i], 5, 400, false);

        close_lab();
        assert_true(first == second);
        second = run_program(&setups[i], 6, 400, false);
        close_lab();
        assert_true(first != second);
    }
}

/* A payload that another thread frees dies once, and its owner's part of the
 * free is no second one. The heaps of threads are a part of the lab's state. */
static void a_threads_heap_is_a_part_of_the_lab(void **state)
{
    const struct ledger *ledger;
    struct heap *one, *two;
    uint64_t before, at;
    void *payload;

    (void)state;
    open_lab(&setups[0]);               /* one span: no room for them */
    assert_null(lab_thread_start(b.lab, 1));
    close_lab();

    open_lab(&setups[2]);
    ledger = b.machine->ledger;
    assert_null(lab_thread(b.lab, 1));
    one = lab_thread_start(b.lab, 1);
    two = lab_thread_start(b.lab, 2);
    assert_null(lab_thread_start(b.lab, LAB_THREADS + 1));
    payload = heap_alloc(one, 1000);
    at = heap_at(one, payload);
    assert_non_null(ledger_find(ledger, at));

    before = lab_hash(b.lab);
    two->small = !two->small;
    assert_true(lab_hash(b.lab) != before);
    two->small = !two->small;
    assert_true(lab_hash(b.lab) == before);

    assert_int_equal(heap_free(two, payload), MM_OK);
    assert_null(ledger_find(ledger, at));
    assert_int_equal(ledger->operations, 2);
    assert_true(heap_remote_has(one, at));
    check_lab("a free by another thread");
    assert_int_equal(heap_free(two, payload), MM_NOT_LIVE);
    assert_int_equal(heap_free(one, payload), MM_NOT_LIVE);
    assert_null(heap_realloc(two, payload, 10));
    assert_int_equal(ledger->operations, 5);        /* three refusals */
    heap_trim(one);
    check_lab("its owner's part");
    assert_false(heap_remote_has(one, at));
    assert_int_equal(ledger->operations, 5);
    assert_int_equal(ledger->waiting, 0);
    assert_null(b.wrong);
    close_lab();
}

/* What a student may write over the links of a remote list: the lab goes on,
 * and nothing is followed out of the arena. */
static void a_damaged_remote_list_ends(void **state)
{
    static const uint32_t links[] = {
        1, 2, 0xffffffff, 0x7fffffff, 0x2000, 0x2056, 0x10000, 0x8056,
    };

    (void)state;
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        for (int itself = 0; itself < 2; itself++) {
            struct heap *one, *two;
            uint32_t *payloads[4];
            struct heap_damage damage;

            open_lab(&setups[2]);
            one = lab_thread_start(b.lab, 1);
            two = lab_thread_start(b.lab, 2);
            for (int k = 0; k < 4; k++)
                payloads[k] = heap_alloc(one, k < 2 ? 100 : 700);
            for (int k = 0; k < 4; k++)
                assert_int_equal(heap_free(two, payloads[k]), MM_OK);
            assert_true(heap_check(one, &damage));
            assert_int_equal(damage.remote, 4);
            *payloads[2] = itself ? (uint32_t)(heap_at(one, payloads[3]) / 8)
                                  : links[i];
            assert_false(heap_check(one, &damage));
            for (int k = 0; k < 30; k++)
                heap_alloc(one, 250);
            heap_trim(one);
            heap_trim(two);
            close_lab();
        }
    }
}

/* Saved and restored by copying, a lab goes on as if nothing had been. */
static void copying_the_memory_saves_the_lab(void **state)
{
    (void)state;
    for (int i = 0; i < SETUPS; i++) {
        uint64_t before = run_program(&setups[i], 5, 300, false), after;
        unsigned char *copy = exact_copy(b.memory, b.bytes);
        void *live[LIVE];
        unsigned count = b.count;
        uint64_t random = 77;

        memcpy(live, b.live, sizeof live);
        for (int k = 0; k < 200; k++)
            one_operation(&random);
        after = lab_hash(b.lab);
        assert_true(after != before);

        memcpy(b.memory, copy, b.bytes);
        memcpy(b.live, live, sizeof live);
        b.count = count;
        assert_true(lab_hash(b.lab) == before);
        random = 77;
        for (int k = 0; k < 200; k++)
            one_operation(&random);
        assert_true(lab_hash(b.lab) == after);
        free(copy);
        close_lab();
    }
}

static void every_byte_of_held_pages_counts(void **state)
{
    uint64_t random = 3;

    (void)state;
    uint64_t hash = run_program(&setups[2], 5, 300, false);

    for (int i = 0; i < 3000; i++) {
        uint64_t at = random_below(&random, setups[2].arena_bytes);
        unsigned char *byte = heap_address(b.machine->heap, at);
        unsigned char mask = (unsigned char)(1u << random_below(&random, 8));

        *byte ^= mask;
        if ((lab_hash(b.lab) != hash) !=
            page_is_held(NULL, (uint32_t)(at / MM_PAGE)))
            fail_msg("byte +0x%llx", (unsigned long long)at);
        *byte ^= mask;
    }
    close_lab();
}

/* A request that the lab's frames cannot serve changes nothing. */
static void a_lab_runs_out_of_frames_and_goes_on(void **state)
{
    struct lab_setup setup = setups[3];
    unsigned refusals = 0;

    (void)state;
    open_lab(&setup);
    for (int i = 0; i < 40; i++) {
        void *payload = heap_alloc(b.machine->heap, 3000);

        check_lab("a request");
        if (payload != NULL) {
            b.live[b.count++] = payload;
            continue;
        }
        refusals++;
        assert_int_equal(b.machine->heap->refusal, MM_NO_FRAMES);
    }
    assert_true(refusals > 0 && b.count > 5);
    while (b.count > 0)
        assert_int_equal(heap_free(b.machine->heap, b.live[--b.count]),
                         MM_OK);
    check_lab("freeing all");
    heap_trim(b.machine->heap);
    check_lab("trim");
    assert_int_equal(frames_available(b.machine->frames),
                     setup.frames - b.machine->ranges->tag_pages);
    close_lab();
}

static void print_digests(void)
{
    for (int i = 0; i < SETUPS; i++) {
        for (uint64_t seed = 1; seed <= 4; seed++) {
            printf("lab %d seed %u: %016llx\n", i, (unsigned)seed,
                   (unsigned long long)run_program(&setups[i], seed, 500,
                                                   false));
            close_lab();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setups_that_cannot_be_are_named),
        cmocka_unit_test(replay_and_walk_agree_in_every_lab),
        cmocka_unit_test(the_same_program_makes_the_same_lab),
        cmocka_unit_test(a_threads_heap_is_a_part_of_the_lab),
        cmocka_unit_test(a_damaged_remote_list_ends),
        cmocka_unit_test(copying_the_memory_saves_the_lab),
        cmocka_unit_test(every_byte_of_held_pages_counts),
        cmocka_unit_test(a_lab_runs_out_of_frames_and_goes_on),
    };

    if (getenv("LAB_DIGEST") != NULL) {
        print_digests();
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

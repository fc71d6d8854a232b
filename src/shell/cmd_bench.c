/* SPDX-License-Identifier: MIT */
/*
 * cmd_bench.c - bench: what an alloc and a free cost, counted
 *
 * A heap of its own, without observers, is filled a little and holed, as heaps
 * in use are; then pairs of alloc and free are made in it. What is counted is
 * the same on every machine: the free blocks that an alloc looked at, and, if
 * it is asked for and the home has a counter, its ticks. Under QEMU's -icount
 * a tick is an instruction, so that this is the figure a change of the
 * allocator is judged by (tests/bench/instructions).
 */
#include "command.h"
#include "home.h"

#include "../mm/heap.h"

enum {
    BENCH_BYTES = 2 << 20,              /* four spans */
    BENCH_PAIRS = 1000,
    BENCH_NEIGHBOURS = 64,
};

struct bench {
    struct mm_home home;
    struct ranges ranges;
    struct heap heap;
};

static bool bench_hold(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    (void)page;
    (void)count;
    return true;                        /* all of it is there already */
}

static void bench_release(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    (void)page;
    (void)count;
}

/* A heap in MEMORY with a few blocks, every second of them freed. */
static void bench_open(struct bench *bench, void *memory,
                       enum heap_level level, bool small)
{
    void *neighbours[BENCH_NEIGHBOURS];

    bench->home = (struct mm_home){
        .hold = bench_hold, .release = bench_release };
    ranges_init(&bench->ranges, &bench->home, memory, BENCH_BYTES / MM_PAGE);
    heap_init(&bench->heap, &(struct heap_setup){
        .home = &bench->home,
        .ranges = &bench->ranges,
        .span_bytes = SPAN_MAX_BYTES,
        .level = level,
        .small = small,
    });
    for (uint32_t i = 0; i < BENCH_NEIGHBOURS; i++)
        neighbours[i] = heap_alloc(&bench->heap, 100 + i * 37);
    for (uint32_t i = 0; i < BENCH_NEIGHBOURS; i += 2)
        heap_free(&bench->heap, neighbours[i]);
}

struct bench_result {
    uint64_t ticks, examined;
};

static struct bench_result bench_pairs(struct bench *bench, uint64_t size)
{
    struct bench_result result = { 0 };
    uint64_t start = home_ticks();

    for (uint32_t i = 0; i < BENCH_PAIRS; i++) {
        void *payload = heap_alloc(&bench->heap, size);

        result.examined += bench->heap.examined;
        heap_free(&bench->heap, payload);
    }
    result.ticks = home_ticks() - start;
    return result;
}

void cmd_bench(struct session *session, const struct words *words)
{
    static const uint64_t sizes[] = { 24, 200, 1000, 4000, 20000, 100000 };
    static const struct {
        const char *name;
        enum heap_level level;
        bool small;
    } heaps[] = {
        { "blocks, unchecked", HEAP_LEVEL_NONE, false },
        { "blocks, checked", HEAP_LEVEL_CHECK, false },
        { "slots first, unchecked", HEAP_LEVEL_NONE, true },
    };
    bool with_ticks = words->count == 2 &&
                      text_equal(words->word[1], "ticks");
    size_t bytes = BENCH_BYTES + SPAN_MAX_BYTES;
    struct bench bench;
    unsigned char *memory;

    if (words->count > 1 && !with_ticks) {
        refuse(session, "bench takes nothing, or the word ticks: bench ticks");
        return;
    }
    if (with_ticks && home_ticks() == 0) {
        refuse(session, "nobody counts ticks in a process: bench ticks works "
               "where Heapglass was booted");
        return;
    }
    memory = home_memory(bytes);
    if (memory == NULL) {
        refuse(session, "bench needs %llu bytes for a heap of its own, and "
               "there are not as many", (wide)bytes);
        return;
    }
    say(session, "%u pairs of alloc and free each, nobody watching\n",
        (unsigned)BENCH_PAIRS);
    for (size_t i = 0; i < sizeof heaps / sizeof heaps[0]; i++) {
        bench_open(&bench, memory, heaps[i].level, heaps[i].small);
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            struct bench_result result = bench_pairs(&bench, sizes[k]);

            say(session, "%-22s %6llu bytes %2llu blocks examined",
                heaps[i].name, (wide)sizes[k],
                (wide)(result.examined / BENCH_PAIRS));
            if (with_ticks)
                say(session, " %5llu ticks a pair",
                    (wide)(result.ticks / BENCH_PAIRS));
            say(session, "\n");
        }
    }
    home_memory_release(memory, bytes);
}

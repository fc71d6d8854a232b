/* SPDX-License-Identifier: MIT */
/*
 * replay.c - do to an allocator what a program once did
 *
 *     replay MODE [WORD...]
 *
 * The program is linked plainly against malloc and free; which allocator that
 * is, LD_PRELOAD says. It asks the heap for the trace's blocks and nothing
 * else: its tables are mappings (trace.h) and it does not print through
 * stdio. Huge pages are switched off for the process, so that all allocators
 * get the same pages from the system.
 *
 * The modes, and what they print, are each explained at the head of a file:
 *
 *     time TRACE               here: nanoseconds an operation
 *     instructions TRACE OPS   here: to be run under callgrind
 *     pairs SIZE COUNT         here: the same, malloc(SIZE) and free
 *     memory TRACE [COPIES]    replay_memory.c: resident against payload
 *     latency TRACE [REPLAYS]  replay_latency.c: cycles of single operations
 *     threads TRACE THREADS    replay_threads.c: independent threads
 *     pipe PAIRS BLOCKS        replay_threads.c: producers and consumers
 *     check TRACE              replay_check.c: is memory ours and aligned?
 */
#define _GNU_SOURCE
#include "replay.h"

#include <stdio.h>
#include <sys/prctl.h>

/* ---- time ----------------------------------------------------------------------
 *
 * The trace is replayed again and again in one process. The first time the
 * allocator meets it cold and gets its memory from the system; that is
 * printed, too, but the figure is `warm`, the fastest of the others: what the
 * operations cost once the process has run for a while. Every page of a new
 * block is written to. The loop itself costs what floor_nothing measures.
 *
 *     cold NS    warm NS    median NS    replays N
 */

enum { TIME_MIN = 5, TIME_MAX = 60 };
static const uint64_t time_enough = 300000000;  /* ns, of replaying */

__attribute__((noinline)) void measured_replay(const struct trace *trace,
                                               void **blocks)
{
    ops_do(trace, 0, trace->count, blocks);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

int mode_time(int count, char **words)
{
    struct trace trace;
    double ns[TIME_MAX], cold = 0;
    uint32_t replays = 0;
    uint64_t spent = 0;

    if (count < 1)
        bench_fail("usage: replay time TRACE");
    trace_read(&trace, words[0], 0);
    if (trace.count == 0)
        bench_fail("%s has no operations: there is nothing to time.",
                   words[0]);

    void **blocks = table_map(trace.blocks * sizeof(*blocks));

    /* The tables' own pages are touched before anything is measured. */
    memset(blocks, 1, trace.blocks * sizeof(*blocks));
    memset(blocks, 0, trace.blocks * sizeof(*blocks));

    for (uint32_t i = 0; i <= TIME_MAX; i++) {
        uint64_t start = now_ns();

        measured_replay(&trace, blocks);

        uint64_t took = now_ns() - start;

        leftovers_free(&trace, blocks);
        if (i == 0) {
            cold = (double)took / trace.count;
            continue;
        }
        if (replays < TIME_MAX)
            ns[replays++] = (double)took / trace.count;
        spent += took;
        if (replays >= TIME_MIN && spent > time_enough)
            break;
    }
    qsort(ns, replays, sizeof(ns[0]), compare);
    bench_say("cold %.3f\nwarm %.3f\nmedian %.3f\nreplays %u\n", cold, ns[0],
              ns[replays / 2], replays);
    return 0;
}

/* ---- instructions ------------------------------------------------------------------
 *
 * Under `valgrind --tool=callgrind --toggle-collect=measured_NAME` only what
 * these functions do is counted, the allocator included. What the loops cost
 * by themselves is counted with floor_nothing, whose malloc is two
 * instructions and whose free is one (three a pair).
 */

/* Warming up must not be counted, and so has functions of its own. The empty
   assembly makes them differ: equal functions become one, with one name. */
__attribute__((noinline)) static void warm_replay(const struct trace *trace,
                                                  void **blocks)
{
    __asm__ volatile("");
    ops_do(trace, 0, trace->count, blocks);
}

int mode_instructions(int count, char **words)
{
    struct trace trace;

    if (count < 2)
        bench_fail("usage: replay instructions TRACE OPERATIONS");
    trace_read(&trace, words[0], (uint32_t)word_number(count, words, 1, 0));

    void **blocks = table_map(trace.blocks * sizeof(*blocks));

    warm_replay(&trace, blocks);
    leftovers_free(&trace, blocks);
    measured_replay(&trace, blocks);
    bench_say("operations %u\n", trace.count);
    return 0;
}

enum { PAIRS_LIVE = 100 };

__attribute__((noinline)) void measured_pairs(size_t size, uint64_t pairs)
{
    for (uint64_t i = 0; i < pairs; i++) {
        void *volatile payload = malloc(size);

        free(payload);
    }
}

__attribute__((noinline)) static void warm_pairs(size_t size, uint64_t pairs)
{
    __asm__ volatile("");
    for (uint64_t i = 0; i < pairs; i++) {
        void *volatile payload = malloc(size);

        free(payload);
    }
}

int mode_pairs(int count, char **words)
{
    size_t size = (size_t)word_number(count, words, 0, 24);
    uint64_t pairs = word_number(count, words, 1, 10000);

    /* In a program a pair is seldom alone: some blocks of its size live. */
    for (int i = 0; i < PAIRS_LIVE; i++) {
        void *volatile stays = malloc(size);

        (void)stays;
    }
    warm_pairs(size, 1000);
    measured_pairs(size, pairs);
    bench_say("pairs %llu\n", (unsigned long long)pairs);
    return 0;
}

/* ---- the modes ---------------------------------------------------------------------- */

uint64_t word_number(int count, char **words, int at, uint64_t otherwise)
{
    char *end;

    if (at >= count)
        return otherwise;

    uint64_t number = strtoull(words[at], &end, 0);

    if (end == words[at] || *end != '\0')
        bench_fail("`%s` should be a number.", words[at]);
    return number;
}

/* What a trace holds: `NAME VALUE` lines. */
static int mode_info(int count, char **words)
{
    struct trace trace;

    if (count < 1)
        bench_fail("usage: replay info TRACE");
    trace_read(&trace, words[0], 0);
    bench_say("blocks %u\noperations %u\nthreads %u\npeak %llu\nleft %llu\n",
              trace.blocks, trace.count, trace.threads,
              (unsigned long long)trace.payload_peak,
              (unsigned long long)trace.payload_end);
    return 0;
}

static const struct mode {
    const char *name;
    int (*run)(int count, char **words);
} modes[] = {
    { "time", mode_time },
    { "instructions", mode_instructions },
    { "pairs", mode_pairs },
    { "memory", mode_memory },
    { "latency", mode_latency },
    { "threads", mode_threads },
    { "pipe", mode_pipe },
    { "check", mode_check },
    { "info", mode_info },
};

int main(int count, char **words)
{
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    for (size_t i = 0; count > 1 && i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(words[1], modes[i].name) == 0)
            return modes[i].run(count - 2, words + 2);
    bench_fail("usage: replay MODE [WORD...]; the modes are time, "
               "instructions, pairs, memory, latency, threads, pipe, check, "
               "info.");
}

/* SPDX-License-Identifier: MIT */
/*
 * replay_threads.c - what happens when several threads allocate
 *
 * threads: each of N threads replays the trace for itself, as often as one
 * thread needs a third of a second for, all of them starting together. With
 * nothing shared, N threads on N processors should do N times as much; where
 * they do less, they wait for one another. The time of a replay with one
 * thread and with N gives the speed-up (bench/run divides).
 *
 *     threads N      seconds S      operations COUNT      ns_per_op NS
 *
 * pipe: in each of P pairs one thread allocates and writes to blocks and hands
 * them through a ring to the other, which frees them: every free is of another
 * thread's block. An allocator whose threads keep what they free starves here,
 * or grows; `resident` tells.
 *
 *     pairs P      seconds S      blocks COUNT      ns_per_block NS
 *     resident BYTES
 */
#define _GNU_SOURCE
#include "replay.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

enum { THREADS_MAX = 64 };

/* ---- independent threads ------------------------------------------------------------ */

struct worker {
    pthread_t thread;
    pthread_barrier_t *start;
    const struct trace *trace;
    void **blocks;
    uint32_t replays;
    uint64_t began, ended;
};

static void *worker_run(void *argument)
{
    struct worker *worker = argument;

    ops_do(worker->trace, 0, worker->trace->count, worker->blocks);
    leftovers_free(worker->trace, worker->blocks);      /* warm */
    pthread_barrier_wait(worker->start);
    worker->began = now_ns();
    for (uint32_t i = 0; i < worker->replays; i++) {
        ops_do(worker->trace, 0, worker->trace->count, worker->blocks);
        leftovers_free(worker->trace, worker->blocks);
    }
    worker->ended = now_ns();
    return NULL;
}

static void start_thread(pthread_t *thread, void *(*run)(void *), void *with)
{
    if (pthread_create(thread, NULL, run, with) != 0)
        bench_fail("The system gives us no more threads.");
}

int mode_threads(int count, char **words)
{
    struct trace trace;
    struct worker workers[THREADS_MAX];
    pthread_barrier_t start;
    uint32_t threads = (uint32_t)word_number(count, words, 1, 2);
    uint32_t replays = (uint32_t)word_number(count, words, 2, 0);

    if (count < 1 || threads < 1 || threads > THREADS_MAX)
        bench_fail("usage: replay threads TRACE THREADS [REPLAYS]; 1 to %d "
                   "threads.", THREADS_MAX);
    trace_read(&trace, words[0], 0);
    if (trace.count == 0)
        bench_fail("%s has no operations: there is nothing to time.",
                   words[0]);
    if (replays == 0)           /* a third of a second at 20 ns */
        replays = 16000000 / trace.count + 1;
    pthread_barrier_init(&start, NULL, threads);
    for (uint32_t i = 0; i < threads; i++)
        workers[i] = (struct worker){
            .start = &start, .trace = &trace, .replays = replays,
            .blocks = table_map(trace.blocks * sizeof(void *)),
        };
    for (uint32_t i = 1; i < threads; i++)
        start_thread(&workers[i].thread, worker_run, &workers[i]);
    worker_run(&workers[0]);

    uint64_t began = workers[0].began, ended = workers[0].ended;

    for (uint32_t i = 1; i < threads; i++) {
        pthread_join(workers[i].thread, NULL);
        if (workers[i].began < began)
            began = workers[i].began;
        if (workers[i].ended > ended)
            ended = workers[i].ended;
    }

    uint64_t operations = (uint64_t)replays * trace.count * threads;

    bench_say("threads %u\nseconds %.4f\noperations %llu\nns_per_op %.3f\n",
              threads, (double)(ended - began) / 1e9,
              (unsigned long long)operations,
              (double)(ended - began) / (double)operations);
    return 0;
}

/* ---- producers and consumers ----------------------------------------------------------- */

enum { RING = 1024, RING_LINE = 64 };

struct ring {
    _Alignas(RING_LINE) _Atomic uint32_t put;
    _Alignas(RING_LINE) _Atomic uint32_t got;
    _Alignas(RING_LINE) void *blocks[RING];
};

struct pair {
    pthread_t producer, consumer;
    pthread_barrier_t *start;
    struct ring *ring;
    uint64_t count;
    uint64_t began, ended;
};

/* 16 to 512 bytes, small ones more often: the same for every allocator. */
static size_t next_size(uint32_t *random)
{
    *random = *random * 1664525u + 1013904223u;
    return 16 + ((*random >> 16) % 32) * ((*random >> 24) % 17);
}

static void *produce(void *argument)
{
    struct pair *pair = argument;
    struct ring *ring = pair->ring;
    uint32_t random = 1, put = 0;

    pthread_barrier_wait(pair->start);
    pair->began = now_ns();
    for (uint64_t i = 0; i < pair->count; i++) {
        size_t size = next_size(&random);
        void *block = malloc(size);

        if (block == NULL)
            bench_fail("The allocator refused %zu bytes.", size);
        touch(block, size);
        while (put - atomic_load_explicit(&ring->got, memory_order_acquire) ==
               RING)
            sched_yield();
        ring->blocks[put++ % RING] = block;
        atomic_store_explicit(&ring->put, put, memory_order_release);
    }
    return NULL;
}

static void *consume(void *argument)
{
    struct pair *pair = argument;
    struct ring *ring = pair->ring;
    uint32_t got = 0;

    pthread_barrier_wait(pair->start);
    for (uint64_t i = 0; i < pair->count; i++) {
        while (got == atomic_load_explicit(&ring->put, memory_order_acquire))
            sched_yield();
        free(ring->blocks[got++ % RING]);
        atomic_store_explicit(&ring->got, got, memory_order_release);
    }
    pair->ended = now_ns();
    return NULL;
}

/* The most that was ever resident of this process, in bytes. (getrusage would
   count what held the process's place before it.) */
static uint64_t resident_peak(void)
{
    char text[4096];
    int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t length = read(file, text, sizeof(text) - 1);

    close(file);
    text[length > 0 ? length : 0] = '\0';

    const char *line = strstr(text, "VmHWM:");

    if (line == NULL)
        bench_fail("/proc/self/status has no line `VmHWM:`.");
    return strtoull(line + sizeof("VmHWM:") - 1, NULL, 10) * 1024;
}

int mode_pipe(int count, char **words)
{
    struct pair pairs[THREADS_MAX / 2];
    pthread_barrier_t start;
    uint32_t pair_count = (uint32_t)word_number(count, words, 0, 1);
    uint64_t blocks = word_number(count, words, 1, 4000000);

    if (pair_count < 1 || pair_count > THREADS_MAX / 2)
        bench_fail("usage: replay pipe PAIRS [BLOCKS]; 1 to %d pairs.",
                   THREADS_MAX / 2);
    pthread_barrier_init(&start, NULL, pair_count * 2);
    for (uint32_t i = 0; i < pair_count; i++) {
        pairs[i] = (struct pair){ .start = &start, .count = blocks,
                                  .ring = table_map(sizeof(struct ring)) };
        start_thread(&pairs[i].producer, produce, &pairs[i]);
        start_thread(&pairs[i].consumer, consume, &pairs[i]);
    }

    uint64_t began = UINT64_MAX, ended = 0;

    for (uint32_t i = 0; i < pair_count; i++) {
        pthread_join(pairs[i].producer, NULL);
        pthread_join(pairs[i].consumer, NULL);
        if (pairs[i].began < began)
            began = pairs[i].began;
        if (pairs[i].ended > ended)
            ended = pairs[i].ended;
    }

    bench_say("pairs %u\nseconds %.4f\nblocks %llu\nns_per_block %.3f\n"
              "resident %llu\n", pair_count, (double)(ended - began) / 1e9,
              (unsigned long long)(blocks * pair_count),
              (double)(ended - began) / (double)(blocks * pair_count),
              (unsigned long long)resident_peak());
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * frames.c - what a frame costs
 *
 *     frames WAY WHAT COUNT
 *
 * WAY is `ours` (src/mm/frames.c), or one of two yardsticks that do less:
 * `array`, a stack of numbers beside the frames, which needs four bytes for
 * every frame there is; and `threaded`, a list through the freed frames
 * themselves, which touches every one of them. WHAT is
 *
 *     init      making an instance of COUNT frames: boot
 *     rise      each of COUNT frames is handed out for the first time
 *     warm      COUNT pairs of a pop and a push, of a few frames
 *     cold      COUNT frames are freed in random order, then all popped
 *     runs      `ours` alone: all frames are handed out, half of them, in runs
 *               of 16 that lie anywhere, are freed, and runs of 8 asked for
 *               until a hundred have been found
 *
 * It prints `pop N` and `push N`: ns a frame, or `init N`: ns altogether; for
 * runs `run N`: ns a run.
 * Its loops are the functions frames_pop(), frames_push() and frames_runs(), so
 * that an instruction counter can be pointed at them.
 */
#define _GNU_SOURCE
#include <string.h>

#include "ground.h"
#include "mm/frames.h"

enum { FIRST = 1, FEW = 512,
       FREED_RUN = 16, RUN = 8, RUNS = 100 };

static unsigned char *memory;           /* frame N is at N * 4096 */

static void *frame_address(pfn_t pfn)
{
    return memory + (size_t)pfn * MM_PAGE;
}

/* ---- ours ------------------------------------------------------------- */

static struct frames frames;
static struct frames_region region;

static struct frames_holder *holder(void *context, pfn_t pfn)
{
    (void)context;
    return frame_address(pfn);
}

static enum frames_bits bits(void *context, uint32_t page, pfn_t pfn)
{
    (void)context;
    (void)page;
    (void)pfn;
    return FRAMES_BITS_READY;           /* fresh memory is zero already */
}

static const struct frames_home home = { .holder = holder, .bits = bits };

static pfn_t ours_pop(void)
{
    return frame_alloc(&frames);
}

static void ours_push(pfn_t pfn)
{
    frame_free(&frames, pfn);
}

/* ---- two that do less ------------------------------------------------- */

static pfn_t *array, array_count, risen = FIRST;

static pfn_t array_pop(void)
{
    return array_count > 0 ? array[--array_count] : risen++;
}

static void array_push(pfn_t pfn)
{
    array[array_count++] = pfn;
}

static pfn_t threaded;

static pfn_t threaded_pop(void)
{
    pfn_t pfn = threaded;

    if (pfn == FRAME_NONE)
        return risen++;
    threaded = *(pfn_t *)frame_address(pfn);
    return pfn;
}

static void threaded_push(pfn_t pfn)
{
    *(pfn_t *)frame_address(pfn) = threaded;
    threaded = pfn;
}

static const struct way {
    const char *name;
    pfn_t (*pop)(void);
    void (*push)(pfn_t pfn);
} ways[] = {
    { "ours", ours_pop, ours_push },
    { "array", array_pop, array_push },
    { "threaded", threaded_pop, threaded_push },
};

/* ---- the loops -------------------------------------------------------- */

void frames_pop(const struct way *way, pfn_t *taken, uint32_t count);
void frames_push(const struct way *way, const pfn_t *taken, uint32_t count);

__attribute__((noinline)) void frames_pop(const struct way *way,
                                          pfn_t *taken, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        taken[i] = way->pop();
}

__attribute__((noinline)) void frames_push(const struct way *way,
                                           const pfn_t *taken, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        way->push(taken[i]);
}

/* Asks for RUNS runs of RUN frames. How many there were. */
uint32_t frames_runs(uint32_t runs);

__attribute__((noinline)) uint32_t frames_runs(uint32_t runs)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < runs; i++)
        found += frame_alloc_run(&frames, RUN) != FRAME_NONE;
    return found;
}

/* ---- measuring -------------------------------------------------------- */

static void shuffle(pfn_t *taken, uint32_t count)
{
    for (uint32_t i = count; i > 1; i--) {
        uint32_t at = ground_random_below(i);
        pfn_t other = taken[at];

        taken[at] = taken[i - 1];
        taken[i - 1] = other;
    }
}

/* Pops COUNT frames and pushes them, TIMES times. */
static void pop_and_push(const struct way *way, pfn_t *taken, uint32_t count,
                         uint32_t times, bool say)
{
    double pop = 0, push = 0;

    for (uint32_t i = 0; i < times; i++) {
        double start = ground_ns();

        frames_pop(way, taken, count);
        pop += ground_ns() - start;
        start = ground_ns();
        frames_push(way, taken, count);
        push += ground_ns() - start;
    }
    if (say)
        printf("pop %.2f\npush %.2f\n", pop / times / count,
               push / times / count);
}

/* What a run of frames costs when every watermark is spent. */
static void find_runs(pfn_t *taken, uint32_t count)
{
    uint32_t runs = count / FREED_RUN;
    double start;

    for (uint32_t i = 0; i < count; i++)
        frame_alloc(&frames);
    for (uint32_t i = 0; i < runs; i++)
        taken[i] = FIRST + i * FREED_RUN;
    shuffle(taken, runs);
    for (uint32_t i = 0; i < runs / 2; i++)
        frame_free_run(&frames, taken[i], FREED_RUN);
    start = ground_ns();
    if (frames_runs(RUNS) != RUNS) {
        fprintf(stderr, "there is no run left\n");
        exit(1);
    }
    printf("run %.0f\n", (ground_ns() - start) / RUNS);
}

static void check(void)
{
    pfn_t at;
    const char *broken = frames_check(&frames, &at);

    if (broken == NULL)
        return;
    fprintf(stderr, "%s, frame %u\n", broken, at);
    exit(1);
}

int main(int count, char **words)
{
    const struct way *way = NULL;
    double start, took;

    for (size_t i = 0; count == 4 && i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(words[1], ways[i].name) == 0)
            way = &ways[i];
    if (way == NULL) {
        fprintf(stderr, "usage: frames ours|array|threaded "
                "init|rise|warm|cold|runs COUNT\n");
        return 2;
    }

    const char *what = words[2];
    uint32_t n = (uint32_t)strtoul(words[3], NULL, 0);
    pfn_t *taken = ground_zeroes(((size_t)n + FEW) * sizeof *taken);

    memory = ground_zeroes(((size_t)n + FIRST) * MM_PAGE);
    array = ground_zeroes(((size_t)n + FEW) * sizeof *array);
    region = (struct frames_region){ .start = FIRST, .end = FIRST + n };
    start = ground_ns();
    frames_init(&frames, &home, &region, 1, ground_zeroes(n / 8 + MM_PAGE));
    took = ground_ns() - start;
    if (strcmp(what, "init") == 0) {
        printf("init %.0f\n", took);
        return 0;
    }
    memset(taken, 0, ((size_t)n + FEW) * sizeof *taken);
    if (strcmp(what, "runs") == 0 && way == ways) {
        find_runs(taken, n);
    } else if (strcmp(what, "warm") == 0) {
        pop_and_push(way, taken, FEW, 3, false);
        pop_and_push(way, taken, FEW, n / FEW, true);
    } else if (strcmp(what, "rise") == 0) {
        start = ground_ns();
        frames_pop(way, taken, n);
        printf("pop %.2f\n", (ground_ns() - start) / n);
    } else {
        double push, pop;

        for (uint32_t i = 0; i < n; i++)
            taken[i] = way->pop();
        shuffle(taken, n);
        start = ground_ns();
        frames_push(way, taken, n);
        push = (ground_ns() - start) / n;
        start = ground_ns();
        frames_pop(way, taken, n);
        pop = (ground_ns() - start) / n;
        printf("pop %.2f\npush %.2f\n", pop, push);
    }
    if (way == ways)
        check();
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * ground.h - what a measuring program of src/mm alone stands on
 *
 * pairs.c, ranges.c and frames.c are each one file with src/mm linked to it,
 * without a malloc library: a home that maps nothing and counts nothing, zeroes
 * from the system, random numbers that are the same each time, and a clock.
 * Each includes this once; it defines mm_home_panic().
 */
#ifndef BENCH_GROUND_H
#define BENCH_GROUND_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "mm/home.h"

_Noreturn void mm_home_panic(const char *file, int line, const char *sentence)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, sentence);
    abort();
}

/* BYTES of zeroes, page by page as they are touched. */
static inline void *ground_zeroes(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return memory;
}

static inline bool ground_hold(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    (void)page;
    (void)count;
    return true;                        /* fresh memory is zero already */
}

static inline void ground_release(void *context, uint32_t page,
                                  uint32_t count)
{
    madvise((unsigned char *)context + (size_t)page * MM_PAGE,
            (size_t)count * MM_PAGE, MADV_DONTNEED);
}

/* The home of an arena at BASE. */
static inline struct mm_home ground_home(unsigned char *base)
{
    return (struct mm_home){
        .hold = ground_hold, .release = ground_release, .context = base,
    };
}

static inline uint32_t ground_random_below(uint32_t limit)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 32) * limit >> 32);
}

/* ns of processor time that this process has taken. */
static inline double ground_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * pairs.c - what a pair of free and alloc costs, at so many live blocks
 *
 *     pairs LIVE PAIRS [LEVEL [SMALL [SIZE]]]
 *
 * Fills a heap with LIVE blocks of 16 to 1024 bytes, at random, then frees
 * one at random and allocates another PAIRS times, with no observer. With a
 * SIZE, half of the LIVE blocks are freed, and then a block of SIZE bytes is
 * allocated and freed PAIRS times. The loops are the functions pairs_run() and
 * pairs_same(), so that an instruction counter can be pointed at them
 * (bench/pairs does); heap_examined adds up how many free blocks each alloc
 * looked at. LEVEL 0 trusts memory, 1 checks it.
 *
 * The heap's home maps nothing and counts nothing: this measures src/mm.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "mm/heap.h"

enum { ARENA_BYTES = 1 << 30, SIZE_MIN = 16, SIZE_MAX_ = 1024 };

_Noreturn void mm_home_panic(const char *file, int line, const char *sentence)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, sentence);
    abort();
}

static bool hold(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    (void)page;
    (void)count;
    return true;                        /* fresh memory is zero already */
}

static void release(void *context, uint32_t page, uint32_t count)
{
    unsigned char *base = context;

    madvise(base + (size_t)page * MM_PAGE, (size_t)count * MM_PAGE,
            MADV_DONTNEED);
}

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 32) * limit >> 32);
}

static uint64_t examined, examined_most;

/* The part that is measured. */
void pairs_run(struct heap *heap, void **live, const uint32_t *choices,
               const uint32_t *sizes, uint32_t pairs);

__attribute__((noinline)) void pairs_run(struct heap *heap, void **live,
                                         const uint32_t *choices,
                                         const uint32_t *sizes, uint32_t pairs)
{
    for (uint32_t i = 0; i < pairs; i++) {
        uint32_t at = choices[i];

        heap_free(heap, live[at]);
        live[at] = heap_alloc(heap, sizes[i]);
        examined += heap->examined;
        if (heap->examined > examined_most)
            examined_most = heap->examined;
    }
}

void pairs_same(struct heap *heap, uint64_t size, uint32_t pairs);

__attribute__((noinline)) void pairs_same(struct heap *heap, uint64_t size,
                                          uint32_t pairs)
{
    for (uint32_t i = 0; i < pairs; i++)
        heap_free(heap, heap_alloc(heap, size));
}

int main(int count, char **words)
{
    static struct ranges ranges;
    static struct heap heap;

    if (count < 3) {
        fprintf(stderr, "usage: pairs LIVE PAIRS [LEVEL [SMALL [SIZE]]]\n");
        return 2;
    }

    uint32_t live_count = (uint32_t)strtoul(words[1], NULL, 0);
    uint32_t pairs = (uint32_t)strtoul(words[2], NULL, 0);
    unsigned char *base = mmap(NULL, (size_t)ARENA_BYTES + SPAN_MAX_BYTES,
                               PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                               -1, 0);

    if (base == MAP_FAILED || live_count == 0)
        return 1;
    base = (unsigned char *)mm_round_up((uintptr_t)base, SPAN_MAX_BYTES);

    struct mm_home home = { .hold = hold, .release = release,
                            .context = base };

    ranges_init(&ranges, &home, base, ARENA_BYTES / MM_PAGE);
    heap_init(&heap, &(struct heap_setup){
        .home = &home, .ranges = &ranges, .span_bytes = SPAN_MAX_BYTES,
        .level = count > 3 ? (enum heap_level)atoi(words[3])
                           : HEAP_LEVEL_NONE,
        .small = count > 4 && atoi(words[4]) != 0,
    });

    void **live = calloc(live_count, sizeof(*live));
    uint32_t *choices = calloc(pairs, sizeof(*choices));
    uint32_t *sizes = calloc(pairs, sizeof(*sizes));

    for (uint32_t i = 0; i < live_count; i++)
        live[i] = heap_alloc(&heap, SIZE_MIN +
                             random_below(SIZE_MAX_ - SIZE_MIN + 1));
    for (uint32_t i = 0; i < pairs; i++) {
        choices[i] = random_below(live_count);
        sizes[i] = SIZE_MIN + random_below(SIZE_MAX_ - SIZE_MIN + 1);
    }
    if (count > 5) {
        for (uint32_t i = 0; i < live_count; i += 2)
            heap_free(&heap, live[i]);
        pairs_same(&heap, strtoul(words[5], NULL, 0), pairs);
    } else {
        pairs_run(&heap, live, choices, sizes, pairs);
    }

    struct heap_damage damage;

    if (!heap_check(&heap, &damage)) {
        printf("%s at +0x%llx\n", damage.invariant,
               (unsigned long long)damage.at);
        return 1;
    }
    printf("examined %llu.%02llu most %llu spans %llu\n",
           (unsigned long long)(examined / pairs),
           (unsigned long long)(examined * 100 / pairs % 100),
           (unsigned long long)examined_most,
           (unsigned long long)damage.spans);
    return 0;
}

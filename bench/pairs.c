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
#include "ground.h"
#include "mm/heap.h"

enum { ARENA_BYTES = 1 << 30, SIZE_MIN = 16, SIZE_MAX_ = 1024 };

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

    if (live_count == 0)
        return 1;

    uintptr_t zeroes =
        (uintptr_t)ground_zeroes((size_t)ARENA_BYTES + SPAN_MAX_BYTES);
    unsigned char *base = (unsigned char *)mm_round_up(zeroes, SPAN_MAX_BYTES);
    struct mm_home home = ground_home(base);

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
                             ground_random_below(SIZE_MAX_ - SIZE_MIN + 1));
    for (uint32_t i = 0; i < pairs; i++) {
        choices[i] = ground_random_below(live_count);
        sizes[i] = SIZE_MIN + ground_random_below(SIZE_MAX_ - SIZE_MIN + 1);
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

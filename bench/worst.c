/* SPDX-License-Identifier: MIT */
/*
 * worst.c - the longest way that a single alloc or free takes, counted
 *
 *     worst TRACE...
 *
 * Replays traces in heaps of src/mm, without a malloc library around them, and
 * counts for every single operation the *stretches* of code that it runs: the
 * compiler calls __sanitizer_cov_trace_pc() at the start of each piece that
 * has no branch inside. No clock and no counter of the processor: the same
 * number on every machine, for one compiler.
 *
 * Operations that have pages held or given back (a heap that grows or trims,
 * a hollow block that is used) enter the system, and are counted apart; so are
 * those that need pages, and free what is kept instead. Each line of the answer
 * is
 *
 *     HEAP alloc MOST free MOST examined MOST system OPERATIONS MOST
 *
 * over all traces: the most stretches of an alloc, of a free, the most free
 * blocks that an alloc looked at, how many operations entered the system, and
 * the most stretches of one of these. A realloc is not judged: it copies.
 *
 * src/mm is compiled with -fsanitize-coverage=trace-pc for this, and this file
 * is not (bench.mk).
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mm/heap.h"
#include "replay.h"

enum { ARENA_BYTES = 1 << 30 };

_Noreturn void mm_home_panic(const char *file, int line, const char *sentence)
{
    bench_fail("%s:%d: %s", file, line, sentence);
}

/* ---- what is counted -------------------------------------------------- */

static uint64_t stretches;              /* since the program started */
static bool entered;                    /* the system, in this operation, or
                                           what is kept was freed instead */

void __sanitizer_cov_trace_pc(void);

void __sanitizer_cov_trace_pc(void)
{
    stretches++;
}

static bool hold(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    (void)page;
    (void)count;
    entered = true;
    return true;
}

static void release(void *context, uint32_t page, uint32_t count)
{
    unsigned char *base = context;

    entered = true;
    madvise(base + (size_t)page * MM_PAGE, (size_t)count * MM_PAGE,
            MADV_DONTNEED);
}

struct most {
    uint64_t alloc, free, examined, system, system_count;
};

static void raise_to(uint64_t *most, uint64_t count)
{
    if (*most < count)
        *most = count;
}

/* ---- one trace -------------------------------------------------------- */

static void judge(struct most *most, uint64_t *quiet, uint64_t count)
{
    if (entered) {
        most->system_count++;
        raise_to(&most->system, count);
    } else {
        raise_to(quiet, count);
    }
}

/* The blocks that HEAP keeps. */
static int64_t kept_blocks(const struct heap *heap)
{
    int64_t count = 0;

    for (int quanta = 0; quanta < KEPT_SIZES; quanta++)
        count += kept_count(&heap->kept[quanta]);
    return count;
}

static void run(struct heap *heap, const struct trace *trace, void **blocks,
                struct most *most)
{
    for (const struct op *op = trace->ops; op < trace->ops + trace->count;
         op++) {
        struct heap_request request = { .size = op_size(op) };
        int64_t kept = kept_blocks(heap);
        uint64_t start = stretches;
        void **block = &blocks[op->id];

        entered = false;
        switch (op->kind) {
        case OP_ALIGNED:
            request.align = op_align(op);
            /* fall through */
        case OP_ALLOC:
            *block = heap_alloc_request(heap, &request);
            if (kept_blocks(heap) < kept - 1)
                entered = true;         /* it has not just reused a block */
            judge(most, &most->alloc, stretches - start);
            raise_to(&most->examined, heap->examined);
            break;
        case OP_REALLOC:
            *block = heap_realloc(heap, *block, op_size(op));
            break;
        default:
            heap_free(heap, *block);
            *block = NULL;
            judge(most, &most->free, stretches - start);
        }
    }
    for (uint32_t i = 0; i < trace->blocks; i++) {
        uint64_t start = stretches;

        entered = false;
        heap_free(heap, blocks[i]);
        judge(most, &most->free, stretches - start);
        blocks[i] = NULL;
    }
}

static const struct kind {
    const char *name;
    struct heap_setup setup;
} kinds[] = {
    { "blocks", { .level = HEAP_LEVEL_NONE } },
    { "hollow", { .level = HEAP_LEVEL_NONE, .hollow_pages = 32 } },
    { "library", { .level = HEAP_LEVEL_NONE, .hollow_pages = 32,
                   .keep = 15, .small = true } },
    { "checked", { .level = HEAP_LEVEL_CHECK, .small = true } },
};

static void replay(const struct kind *kind, const struct trace *trace,
                   unsigned char *base, struct most *most)
{
    static struct ranges ranges;
    static struct heap heap;
    struct mm_home home = { .hold = hold, .release = release,
                            .context = base };
    struct heap_setup setup = kind->setup;
    void **blocks = table_map(trace->blocks * sizeof(*blocks));

    setup.home = &home;
    setup.ranges = &ranges;
    setup.span_bytes = SPAN_MAX_BYTES;
    ranges_init(&ranges, &home, base, ARENA_BYTES / MM_PAGE);
    heap_init(&heap, &setup);
    run(&heap, trace, blocks, most);
    munmap(blocks, trace->blocks * sizeof(*blocks));
    madvise(base, ARENA_BYTES, MADV_DONTNEED);
}

int main(int count, char **words)
{
    unsigned char *base = mmap(NULL, (size_t)ARENA_BYTES + SPAN_MAX_BYTES,
                               PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                               -1, 0);

    if (count < 2 || base == MAP_FAILED)
        bench_fail("usage: worst TRACE...");
    base = (unsigned char *)mm_round_up((uintptr_t)base, SPAN_MAX_BYTES);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        struct most most = { 0 };

        for (int i = 1; i < count; i++) {
            struct trace trace;

            trace_read(&trace, words[i], 0);
            replay(&kinds[k], &trace, base, &most);
        }
        bench_say("%s alloc %llu free %llu examined %llu system %llu %llu\n",
                  kinds[k].name, (unsigned long long)most.alloc,
                  (unsigned long long)most.free,
                  (unsigned long long)most.examined,
                  (unsigned long long)most.system_count,
                  (unsigned long long)most.system);
    }
    return 0;
}

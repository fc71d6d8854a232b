/* SPDX-License-Identifier: MIT */
/*
 * points.c - where memory can run out, numbered (points.h)
 *
 * The linker leads these calls of src/mm to the
 * functions __wrap_NAME here; __real_NAME is what they were meant for. Only
 * calls from one source file to another are led here, and those are the ones
 * that matter: slots.c asks for a page with block_alloc(), heap.c for a span
 * with span_grow(), heap_steps.c and large.c for pages with ranges_probe() and
 * ranges_alloc().
 */
#include "points.h"

#include "mm/heap_parts.h"

#include <stdio.h>

struct points points;
bool places_are_points = true;

bool point_fails(enum point kind)
{
    if (points.ended)
        return false;
    points.reached++;
    points.of_kind[kind]++;
    if (points.fail == 0)
        return false;
    if (points.reached == points.fail)
        points.kind = kind;
    else if (!points.lasting || points.reached < points.fail ||
             points.kind != kind)
        return false;
    points.failed++;
    return true;
}

enum { STEPS_MAX = 2000 };
static uint64_t reached_before[STEPS_MAX];  /* each step, with none failing */
static uint32_t step;

bool points_step(void)
{
    if (points.ended)
        return false;
    if (points.fail == 0 && step < STEPS_MAX)
        reached_before[step] = points.reached;
    step++;
    if (points.fail == 0)
        return true;
    if (points.failed > 0)
        return points.lasting;
    return step >= STEPS_MAX || reached_before[step] == 0 ||
           reached_before[step] >= points.fail;
}

void points_begin(uint64_t fail, bool lasting)
{
    points = (struct points){ .fail = fail, .lasting = lasting };
    step = 0;
    if (fail == 0)
        for (int i = 0; i < STEPS_MAX; i++)
            reached_before[i] = 0;
}

void points_end(void)
{
    points.ended = true;
}

void points_run_all(const char *name, void (*scenario)(void))
{
    static const char *const names[POINTS] = {
        "frames", "single frames", "ranges", "spans", "slot pages", "room",
    };
    uint64_t runs = 0, failures = 0;
    struct points whole;

    points_begin(0, false);
    scenario();
    whole = points;
    for (uint64_t fail = 1; fail <= whole.reached; fail++) {
        for (int lasting = 0; lasting < 2; lasting++) {
            points_begin(fail, lasting);
            scenario();
            runs++;
            failures += points.failed;
        }
    }
    printf("# %s: %llu points in which memory can run out (", name,
           (unsigned long long)whole.reached);
    for (int kind = 0, comma = 0; kind < POINTS; kind++) {
        if (whole.of_kind[kind] == 0)
            continue;
        printf("%s%llu %s", comma ? ", " : "",
               (unsigned long long)whole.of_kind[kind], names[kind]);
        comma = 1;
    }
    printf("), %llu runs, %llu failures\n", (unsigned long long)runs,
           (unsigned long long)failures);
    fflush(stdout);
}

/* ---- what the linker leads here ----------------------------------------- */

LED(enum mm_fault, ranges_probe, struct ranges *ranges,
    const struct range_request *request, uint32_t *page);
LED(enum mm_fault, ranges_alloc, struct ranges *ranges,
    const struct range_request *request, uint32_t *page);
LED(enum mm_fault, span_grow, struct heap *heap, uint32_t start, uint32_t end,
    struct span **grown);
LED(struct block *, block_alloc, struct heap *heap, uint64_t size,
    uint64_t align, enum mm_use use);

enum mm_fault __wrap_ranges_probe(struct ranges *ranges,
                                  const struct range_request *request,
                                  uint32_t *page)
{
    if (places_are_points && point_fails(POINT_RANGE))
        return MM_NO_RANGE;
    return __real_ranges_probe(ranges, request, page);
}

/* For a large request; a span's run is found by ranges_probe() before. */
enum mm_fault __wrap_ranges_alloc(struct ranges *ranges,
                                  const struct range_request *request,
                                  uint32_t *page)
{
    if (places_are_points && request->type == RANGE_LARGE &&
        request->at == RANGE_ANYWHERE && point_fails(POINT_RANGE))
        return MM_NO_RANGE;
    return __real_ranges_alloc(ranges, request, page);
}

enum mm_fault __wrap_span_grow(struct heap *heap, uint32_t start,
                               uint32_t end, struct span **grown)
{
    if (places_are_points && point_fails(POINT_SPAN))
        return MM_NO_RANGE;
    return __real_span_grow(heap, start, end, grown);
}

struct block *__wrap_block_alloc(struct heap *heap, uint64_t size,
                                 uint64_t align, enum mm_use use)
{
    if (use == MM_USE_SLOTS && places_are_points &&
        point_fails(POINT_SLOT_PAGE)) {
        heap->refusal = MM_NO_BLOCK;
        return NULL;
    }
    return __real_block_alloc(heap, size, align, use);
}

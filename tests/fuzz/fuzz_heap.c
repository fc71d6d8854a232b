/* SPDX-License-Identifier: MIT */
/*
 * fuzz_heap.c - any sequence of operations on a heap of any shape
 *
 * The first bytes choose the shape; each operation takes two to four. The
 * payloads' bytes are known, every fault of the heap's checkers is a finding,
 * frames run out and come back, and wild addresses are freed.
 *
 * sources: src/mm/[a-z]*.c
 */
enum { ARENA = 128 * 1024, LIVE = 256 };

#include "arena.h"
#include "mm/heap_parts.h"

static struct {
    unsigned char *payload;
    uint32_t size;
} live[LIVE];
static uint32_t count;

static unsigned char pattern(uint32_t i, uint32_t k)
{
    return (unsigned char)(i * 37 + k * 11 + 5);
}

static void paint(uint32_t i)
{
    for (uint32_t k = 0; k < live[i].size; k++)
        live[i].payload[k] = pattern(live[i].size, k);
}

static void verify(uint32_t i, uint32_t old_size, uint32_t size)
{
    for (uint32_t k = 0; k < size; k++)
        FUZZ_EXPECT(live[i].payload[k] == pattern(old_size, k),
                    "a live payload has changed");
}

static const char *fault_of(struct heap *heap)
{
    struct heap_damage damage;
    uint32_t page;
    const char *fault = ranges_check(heap->ranges, &page);

    if (fault == NULL && !heap_check(heap, &damage))
        fault = damage.invariant;
    return fault;
}

static void step(struct fuzz *fuzz, struct heap *heap)
{
    static const uint32_t scale[] = { 1, 1, 9, 70 };
    uint32_t what = fuzz_byte(fuzz), i = fuzz_byte(fuzz);
    uint32_t size = fuzz_byte(fuzz) * scale[what >> 6];

    switch (what % 8) {
    case 0: case 1: case 2:
        if (count == LIVE)
            return;
        live[count].size = size;
        live[count].payload = heap_alloc_request(heap,
            &(struct heap_request){
                .size = size,
                .align = what % 8 == 2 ? UINT64_C(1) << i % 14 : 0,
                .kind = what % 8 == 1 ? (enum heap_kind)(i % 4) : HEAP_ANY,
            });
        if (live[count].payload != NULL)
            paint(count++);
        return;
    case 3: case 4:
        if (count == 0)
            return;
        i %= count;
        verify(i, live[i].size, live[i].size);
        FUZZ_EXPECT(heap_free(heap, live[i].payload) == MM_OK,
                    "a live payload was refused");
        live[i] = live[--count];
        return;
    case 5:
        if (count == 0)
            return;
        i %= count;

        uint32_t old = live[i].size;
        unsigned char *moved = heap_realloc(heap, live[i].payload, size);

        if (moved == NULL) {
            verify(i, old, old);
            return;
        }
        live[i].payload = moved;
        live[i].size = size;
        verify(i, old, old < size ? old : size);
        paint(i);
        return;
    case 6:
        if (heap->level < HEAP_LEVEL_CHECK)
            return;
        size = (fuzz_half(fuzz) * 4 + i % 4) % (ARENA + 64);
        for (i = 0; i < count; i++)
            if (live[i].payload == arena + size)
                return;
        FUZZ_EXPECT(heap_free(heap, arena + size) != MM_OK,
                    "what is no payload was freed");
        return;
    default:
        if (i < 40)
            heap_trim(heap);
        else if (i < 120)
            frames_left = i % 8;
        else
            frames_left = ARENA / MM_PAGE;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = { data, size };
    uint32_t shape = fuzz_byte(&fuzz);
    static struct ranges ranges;
    static struct heap heap;
    struct mm_home home = { .hold = hold, .release = let_go };
    const char *fault;

    memset(arena, 0xdb, sizeof arena);
    memset(held, 0, sizeof held);
    frames_left = ARENA / MM_PAGE;
    count = 0;
    ranges_init(&ranges, &home, arena, ARENA / MM_PAGE);
    heap_init(&heap, &(struct heap_setup){
        .home = &home, .ranges = &ranges,
        .span_bytes = (uint32_t)SPAN_MIN_BYTES << shape % 6,
        .hollow_pages = shape >> 3 & 1, .small = shape >> 4 & 1,
        .level = shape >> 5 & 1 ? HEAP_LEVEL_NONE : HEAP_LEVEL_CHECK,
        .keep = shape >> 6 & 1, .owner = 1,
    });
    for (uint32_t i = 0; fuzz.size > 0; i++) {
        step(&fuzz, &heap);
        if (i % 8 == 0 && (fault = fault_of(&heap)) != NULL)
            FUZZ_EXPECT(false, fault);
    }
    while (count > 0) {
        count--;
        verify(count, live[count].size, live[count].size);
        FUZZ_EXPECT(heap_free(&heap, live[count].payload) == MM_OK,
                    "a live payload was refused");
    }
    frames_left += ARENA / MM_PAGE;
    heap_trim(&heap);
    if ((fault = fault_of(&heap)) != NULL)
        FUZZ_EXPECT(false, fault);
    FUZZ_EXPECT(ranges.used_pages == ranges.tag_pages,
                "everything was freed, and pages are still in use");
    return 0;
}

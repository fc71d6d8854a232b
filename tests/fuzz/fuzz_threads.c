/* SPDX-License-Identifier: MIT */
/*
 * fuzz_threads.c - several heaps on one arena, in any interleaving
 *
 * One thread plays up to four, each with a heap of its own. The input says who
 * does what, and also who comes in between: at every step of an operation
 * (where it announces itself, and before it takes the lock) another heap may
 * do a whole operation of its own, and in the midst of that a third one:
 *
 *     heap 1   |-- split --|                      |-- take --| ...
 *     heap 2               |-- free, of heap 1's -|
 *
 * So what is freed for a heap in the middle of its own work is tried without
 * chance. Only under the lock nobody comes in. The payloads' bytes are known;
 * in a checked heap what waits on a remote list must not be freed again; all
 * heaps are checked whenever nobody works; at the end all has come back.
 *
 * sources: src/mm/[a-z]*.c
 */
enum { ARENA = 512 * 1024, LIVE = 256, HEAPS = 4, DEEPEST = 3 };

#include "arena.h"
#include "mm/heap_parts.h"

static struct fuzz fuzz;
static struct ranges ranges;
static struct heap heaps[HEAPS];
static uint32_t heap_count, deep;
static bool works[HEAPS], locked, settled;

static struct payload {
    unsigned char *bytes;
    uint32_t size;
} live[LIVE];
static uint32_t count;

static void operation(void);

/* ---- the home ----------------------------------------------------------- */

/* Others may come in here, if the input has it so. */
static void come_in(void)
{
    while (!locked && !settled && deep > 0 && deep < DEEPEST &&
           fuzz.size > 0 && fuzz_byte(&fuzz) % 8 == 7)
        operation();
}

static void lock(void *context)
{
    (void)context;
    come_in();
    FUZZ_EXPECT(!locked, "locked twice");
    locked = true;
}

static void unlock(void *context)
{
    (void)context;
    FUZZ_EXPECT(locked, "unlocked, and was not locked");
    locked = false;
}

static void hear(void *context, const struct mm_event *event)
{
    (void)context;
    (void)event;
    come_in();
}

static struct heap *heap_of(void *context, uint32_t owner)
{
    (void)context;
    return owner >= 1 && owner <= heap_count ? &heaps[owner - 1] : NULL;
}

/* ---- payloads ----------------------------------------------------------- */

static void paint(const struct payload *payload)
{
    for (uint32_t k = 0; k < payload->size; k++)
        payload->bytes[k] = (unsigned char)(payload->size * 37 + k * 11);
}

static void verify(const struct payload *payload, uint32_t size)
{
    for (uint32_t k = 0; k < size; k++)
        FUZZ_EXPECT(payload->bytes[k] ==
                        (unsigned char)(payload->size * 37 + k * 11),
                    "a live payload has changed");
}

/* Takes one out of the table: it is being worked on, nobody else may. */
static bool take(struct payload *payload)
{
    uint32_t i = fuzz_byte(&fuzz);

    if (count == 0)
        return false;
    i %= count;
    *payload = live[i];
    live[i] = live[--count];
    verify(payload, payload->size);
    return true;
}

static void put(struct payload payload)
{
    /* Those who came in may have filled the table. */
    if (count < LIVE)
        live[count++] = payload;
    else
        FUZZ_EXPECT(heap_free(&heaps[0], payload.bytes) == MM_OK,
                    "a live payload was refused");
}

/* ---- operations --------------------------------------------------------- */

static void alloc(struct heap *heap, uint32_t how, uint32_t size)
{
    struct payload payload = { .size = size };

    payload.bytes = heap_alloc_request(heap, &(struct heap_request){
        .size = size,
        .align = how % 8 == 2 ? UINT64_C(16) << size % 8 : 0,
    });
    if (payload.bytes == NULL)
        return;
    paint(&payload);
    put(payload);
}

static void give(struct heap *heap)
{
    struct payload payload;

    if (!take(&payload))
        return;
    FUZZ_EXPECT(heap_free(heap, payload.bytes) == MM_OK,
                "a live payload was refused");
    if (deep > 1 || heap->level < HEAP_LEVEL_CHECK)
        return;
    settled = true;             /* a promise for one thread at a time only */
    for (uint32_t i = 0; i < heap_count; i++)
        if (heap_remote_has(&heaps[i], (uint64_t)(payload.bytes - arena)))
            FUZZ_EXPECT(heap_free(heap, payload.bytes) != MM_OK,
                        "what waits on a remote list was freed again");
    settled = false;
}

static void resize(struct heap *heap, uint32_t size)
{
    struct payload payload, moved;

    if (!take(&payload))
        return;
    moved = (struct payload){
        heap_realloc(heap, payload.bytes, size), size
    };
    if (moved.bytes == NULL) {
        verify(&payload, payload.size);
        put(payload);
        return;
    }
    payload.bytes = moved.bytes;
    verify(&payload, payload.size < size ? payload.size : size);
    paint(&moved);
    put(moved);
}

/* One operation of a heap that does not work just now. */
static void operation(void)
{
    static const uint32_t scale[] = { 1, 1, 16, 200 };
    uint32_t who = fuzz_byte(&fuzz), what = fuzz_byte(&fuzz);
    uint32_t size = fuzz_byte(&fuzz) * scale[who >> 2 & 3];
    struct heap *heap = &heaps[who % heap_count];

    if (works[who % heap_count])
        return;
    works[who % heap_count] = true;
    deep++;
    switch (what % 8) {
    case 0: case 1: case 2:
        alloc(heap, what, size);
        break;
    case 3: case 4: case 5:
        give(heap);
        break;
    case 6:
        resize(heap, size);
        break;
    default:
        if (what < 100)
            heap_trim(heap);
        else if (what < 160)
            heap_settle(heap);
        else if (what < 200)
            heap_adopt(heap);
        else
            frames_left = what < 230 ? what % 8 : ARENA / MM_PAGE;
    }
    deep--;
    works[who % heap_count] = false;
}

/* ---- all together ------------------------------------------------------- */

static void check_all(void)
{
    struct heap_damage damage;
    uint32_t page;
    const char *fault = ranges_check(&ranges, &page);

    FUZZ_EXPECT(fault == NULL, fault);
    for (uint32_t i = 0; i < heap_count; i++)
        FUZZ_EXPECT(heap_check(&heaps[i], &damage), damage.invariant);
}

static void open_all(struct mm_home *home, uint32_t shape)
{
    memset(arena, 0xdb, sizeof arena);
    memset(held, 0, sizeof held);
    memset(works, 0, sizeof works);
    locked = settled = false;
    frames_left = ARENA / MM_PAGE;
    count = deep = 0;
    heap_count = 2 + shape % 3;
    ranges_init(&ranges, home, arena, ARENA / MM_PAGE);
    for (uint32_t i = 0; i < heap_count; i++)
        heap_init(&heaps[i], &(struct heap_setup){
            .home = home, .ranges = &ranges,
            .span_bytes = shape & 128 ? 64 * 1024 : 16 * 1024,
            .hollow_pages = shape >> 3 & 1, .small = shape >> 4 & 1,
            .level = shape >> 5 & 1 ? HEAP_LEVEL_NONE : HEAP_LEVEL_CHECK,
            .keep = shape >> 6 & 1, .owner = i + 1,
        });
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_home home = {
        .hold = hold, .release = let_go, .lock = lock, .unlock = unlock,
        .heap_of = heap_of, .event = hear,
    };

    fuzz = (struct fuzz){ data, size };
    open_all(&home, fuzz_byte(&fuzz));
    for (uint32_t i = 0; fuzz.size > 0; i++) {
        operation();
        if (i % 8 == 0)
            check_all();
    }
    settled = true;
    frames_left += ARENA / MM_PAGE;
    for (uint32_t i = 0; count > 0; i++) {
        count--;
        verify(&live[count], live[count].size);
        FUZZ_EXPECT(heap_free(&heaps[i % heap_count],
                              live[count].bytes) == MM_OK,
                    "a live payload was refused");
    }
    for (uint32_t i = 0; i < 2 * heap_count; i++)   /* a drain may push */
        heap_trim(&heaps[i % heap_count]);
    check_all();
    FUZZ_EXPECT(ranges.used_pages == ranges.tag_pages,
                "everything was freed, and pages are still in use");
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * floor_lists.c - the fastest malloc that gives memory back to nobody
 *
 * A list of free blocks for each size class, last in, first out; new blocks
 * are cut from a watermark. Nothing is split, coalesced, checked, shared
 * between threads or given back to the system. This is how fast a general
 * allocator could be if memory cost nothing: a yardstick in the tables, for
 * one thread, and no more than that.
 *
 *   size:   1 .. 1024, steps of 16       classes 1 .. 64
 *           above, four classes a doubling
 *   block:  16 bytes, of which 4 hold the class, then the payload
 */
#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HEAD = 16, STEP = 16, SMALL = 1024, CLASSES = 64 + 4 * 40,
       GRAB = 16 << 20 };

struct free_block {
    struct free_block *next;
};

static struct free_block *lists[CLASSES];
static unsigned char *watermark, *limit;

/* The class of SIZE; *BYTES is what its payloads have. */
static uint32_t class_of(size_t size, size_t *bytes)
{
    if (size <= SMALL) {
        uint32_t class = size == 0 ? 1 : (uint32_t)((size + STEP - 1) / STEP);

        *bytes = (size_t)class * STEP;
        return class;
    }

    uint32_t log = 63 - (uint32_t)__builtin_clzll(size - 1);
    uint32_t quarter = (uint32_t)((size - 1) >> (log - 2)) & 3;

    *bytes = (size_t)(5 + quarter) << (log - 2);
    return 65 + (log - 10) * 4 + quarter;
}

static void *cut(size_t bytes)
{
    if ((size_t)(limit - watermark) < bytes || watermark == NULL) {
        size_t grab = bytes > GRAB ? (bytes + 4095) & ~(size_t)4095 : GRAB;
        void *map = mmap(NULL, grab, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (map == MAP_FAILED)
            return NULL;
        watermark = map;
        limit = watermark + grab;
    }

    void *start = watermark;

    watermark += bytes;
    return start;
}

#define PUBLIC __attribute__((visibility("default")))

PUBLIC void *malloc(size_t size)
{
    size_t bytes;

    if (size > PTRDIFF_MAX / 2)
        return NULL;

    uint32_t class = class_of(size, &bytes);
    struct free_block *first = lists[class];

    if (first != NULL) {
        lists[class] = first->next;
        return first;
    }

    unsigned char *head = cut(bytes + HEAD);

    if (head == NULL)
        return NULL;
    *(uint32_t *)(void *)head = class;
    return head + HEAD;
}

PUBLIC void free(void *payload)
{
    if (payload == NULL)
        return;

    uint32_t class = *(uint32_t *)(void *)((unsigned char *)payload - HEAD);
    struct free_block *block = payload;

    if (class == 0)             /* an aligned one: lost */
        return;
    block->next = lists[class];
    lists[class] = block;
}

static size_t payload_bytes(const void *payload)
{
    uint32_t class =
        *(const uint32_t *)(const void *)((const unsigned char *)payload -
                                          HEAD);

    if (class <= 64)
        return (size_t)class * STEP;
    return (size_t)(5 + (class - 65) % 4) << ((class - 65) / 4 + 8);
}

PUBLIC void *realloc(void *payload, size_t size)
{
    if (payload == NULL)
        return malloc(size);

    size_t has = payload_bytes(payload);

    if (size <= has)
        return payload;

    void *moved = malloc(size);

    if (moved != NULL) {
        memcpy(moved, payload, has);
        free(payload);
    }
    return moved;
}

PUBLIC void *calloc(size_t count, size_t size)
{
    void *payload = malloc(count * size);

    return payload != NULL ? memset(payload, 0, count * size) : NULL;
}

PUBLIC void *memalign(size_t align, size_t size)
{
    if (align <= STEP)
        return malloc(size);

    unsigned char *start = malloc(size + align + HEAD);

    if (start == NULL)
        return NULL;

    unsigned char *payload =
        (unsigned char *)(((uintptr_t)start + HEAD + align - 1) & -align);

    memset(payload - HEAD, 0, HEAD);
    return payload;
}

PUBLIC size_t malloc_usable_size(void *payload)
{
    return payload == NULL ? 0 : payload_bytes(payload);
}

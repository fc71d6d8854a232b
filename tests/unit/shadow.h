/* SPDX-License-Identifier: MIT */
/*
 * shadow.h - what the caller knows, beside a heap under test
 *
 * The shadow remembers every payload that it was given, fills it with bytes
 * of its own, and holds the heap to its contract in every call:
 *
 *   - a payload lies in the arena, is aligned, and overlaps no other;
 *   - its block has exactly the size that the request comes to;
 *   - its bytes are there when it is freed or moved;
 *   - a refusal changes nothing at all, and is true: a search that shares
 *     nothing with the heap's own finds no place either.
 */
#ifndef TESTS_SHADOW_H
#define TESTS_SHADOW_H

#include "home.h"

struct shadow_live {
    uint64_t at, size;          /* size: as requested, 0 included */
    uint32_t seed;
};

struct shadow {
    struct test_home *test;
    struct shadow_live *live;
    uint32_t count, capacity, births;
    uint32_t *owner;            /* the seed of who owns these 8 bytes, or 0 */
    uint64_t refusals, moves, in_place;
};

void shadow_init(struct shadow *shadow, struct test_home *test);
void shadow_fini(struct shadow *shadow);

/* The new payload's index, or -1 when it was refused, truthfully. */
int shadow_alloc(struct shadow *shadow, const struct heap_request *request);
void shadow_free(struct shadow *shadow, uint32_t index);
/* False when it was refused, truthfully; the payload is what it was. */
bool shadow_realloc(struct shadow *shadow, uint32_t index, uint64_t size);
void shadow_free_all(struct shadow *shadow);

/* Every live payload has its bytes. */
void shadow_verify(const struct shadow *shadow);

static inline void *shadow_payload(const struct shadow *shadow,
                                   uint32_t index)
{
    return shadow->test->base + shadow->live[index].at;
}

/* Whether memory for REQUEST could be had by the plainest of searches. */
bool shadow_could_serve(struct test_home *test,
                        const struct heap_request *request);

/* The heap is as it was before its first span, but for pages of tags. */
void shadow_expect_pristine(struct test_home *test);

#endif

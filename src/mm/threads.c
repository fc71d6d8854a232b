/* SPDX-License-Identifier: MIT */
/*
 * threads.c - what other threads free
 *
 * Theory of operation
 * -------------------
 * A thread allocates from its own heap, and nobody else touches that heap's
 * spans, lists and slot pages: so there is no lock. But what one thread
 * allocates another may free. It sees in the tag of the payload's slice whose
 * it is, and pushes the payload on the owner's *remote list*, threaded through
 * the payloads' first words:
 *
 *      owner->remote --> payload --> payload --> end
 *           ^
 *           pushed by compare-and-swap: one atomic read-modify-write, by any
 *           thread; taken whole by exchange, by the owner alone
 *
 * The owner takes the list when it next needs memory, and frees what is on it
 * as if it had freed it itself: a few payloads at a time, so that no single
 * request pays for a thousand; the rest waits on a list of its own. Since it
 * takes all or nothing, a payload cannot leave the list and come back between
 * somebody's read and swap (the ABA problem): there is no pop. And a push is
 * complete with its swap: there is no gap in which the list is torn.
 *
 * To everyone but its owner a payload on a remote list is as used as before;
 * its owner's picture changes when it drains.
 *
 *   T1  What waits on a remote list is in use, in a span of the list's owner,
 *       and there once.
 *
 * Where steps are taken one at a time and observed, as in a lab, T1 is not
 * left to the caller: a payload that waits already is refused, and a link that
 * somebody has written over ends the list.
 *
 * A thread that ends leaves its heap. Pushes go on to reach it. The next
 * thread that needs a heap adopts it, list and all.
 *
 * Model:  tests/model/remote.pml, checked by spin.
 * Lesson: docs/lessons/15-threads.md
 */
#include "heap_parts.h"

enum { REMOTE_UNIT = 8 };               /* what a link counts in */

/* The word of a freed payload that leads to the next. */
static uint32_t *remote_link(const struct heap *heap, uint32_t ref)
{
    return heap_address(heap, (uint64_t)ref * REMOTE_UNIT);
}

/* ---- looking ---------------------------------------------------------- */

/* The offset that REF stands for, if a payload can be there; else 0. */
static uint64_t remote_at(const struct heap *heap, uint32_t ref)
{
    uint64_t at = (uint64_t)ref * REMOTE_UNIT;

    if (at >= heap_arena_bytes(heap))
        return 0;
    mm_lock(heap->home);                /* others may be at the ranges */

    bool held = heap_page_is_held(heap, at);

    mm_unlock(heap->home);
    return held ? at : 0;
}

uint64_t heap_remote_last(const struct heap *heap)
{
    return remote_at(heap, __atomic_load_n(&heap->remote, __ATOMIC_RELAXED));
}

uint64_t heap_drained_next(const struct heap *heap)
{
    return remote_at(heap, heap->drained);
}

uint64_t heap_remote_before(const struct heap *heap, uint64_t at)
{
    return remote_at(heap, *remote_link(heap, (uint32_t)(at / REMOTE_UNIT)));
}

/* Whether AT is on the list that begins with FIRST. */
static bool remote_leads_to(const struct heap *heap, uint64_t first,
                            uint64_t at)
{
    uint64_t left = heap_arena_bytes(heap) / REMOTE_UNIT;

    while (first != 0 && first != at && left-- > 0)
        first = heap_remote_before(heap, first);
    return first != 0 && first == at;
}

bool heap_remote_has(const struct heap *heap, uint64_t at)
{
    return remote_leads_to(heap, heap_remote_last(heap), at) ||
           remote_leads_to(heap, heap_drained_next(heap), at);
}

/* ---- the steps -------------------------------------------------------- */

/* Step REMOTE_PUSH: PAYLOAD, which is OWNER's, was freed by the thread of
 * HEAP. Any thread, at any time. */
enum mm_fault heap_push_remote(struct heap *heap, struct heap *owner,
                               void *payload)
{
    uint32_t ref = (uint32_t)(heap_at(heap, payload) / REMOTE_UNIT);
    uint32_t first = __atomic_load_n(&owner->remote, __ATOMIC_RELAXED);

    do {
        *remote_link(heap, ref) = first;
    } while (!__atomic_compare_exchange_n(&owner->remote, &first, ref, true,
                                          __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_REMOTE_PUSH,
        .owner = (uint16_t)owner->owner,
        .at = heap_at(heap, payload),
    });
    return MM_OK;
}

/* How many payloads are on the list from REF on; in a checked heap, how many
 * before a link that makes no sense. */
static uint32_t remote_count(const struct heap *heap, uint32_t ref)
{
    uint64_t most = heap_arena_bytes(heap) / REMOTE_UNIT;
    uint32_t count = 0;

    for (; ref != 0 && count < most; ref = *remote_link(heap, ref)) {
        if (heap_is_checked(heap) && remote_at(heap, ref) == 0)
            break;
        count++;
    }
    return count;
}

/* Step REMOTE_DRAIN: HEAP's own thread takes the list that others have pushed
 * on, all of it. */
static void remote_take(struct heap *heap)
{
    if (__atomic_load_n(&heap->remote, __ATOMIC_RELAXED) == 0)
        return;
    heap->drained = __atomic_exchange_n(&heap->remote, 0, __ATOMIC_ACQUIRE);

    if (MM_OBSERVED && heap->home->event != NULL) {
        uint32_t count = remote_count(heap, heap->drained);

        heap_emit(heap, (struct mm_event){
            .kind = MM_EVENT_REMOTE_DRAIN,
            .owner = (uint16_t)heap->owner,
            .size = count,
        });
    }
}

/* HEAP's own thread frees up to MOST payloads that others have pushed.
 * Answers how many. */
uint32_t heap_drain(struct heap *heap, uint32_t most)
{
    uint32_t count = 0;

    for (; count < most; count++) {
        if (heap->drained == 0)
            remote_take(heap);
        if (heap_is_checked(heap) && remote_at(heap, heap->drained) == 0)
            heap->drained = 0;          /* a damaged list ends there */
        if (heap->drained == 0)
            break;

        void *payload = remote_link(heap, heap->drained);

        heap->drained = *remote_link(heap, heap->drained);
        if (heap_has_trailers(heap))
            care_undo_link(heap, payload);
        if (heap_free(heap, payload) != MM_OK)
            heap->drained = 0;          /* damaged: what follows is lost */
    }
    return count;
}

void heap_adopt(struct heap *heap)
{
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_ADOPT,
        .owner = (uint16_t)heap->owner,
    });
}

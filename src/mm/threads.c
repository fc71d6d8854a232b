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

/* Step REMOTE_DRAIN: HEAP's own thread takes the list that others have pushed
 * on, all of it. */
static void remote_take(struct heap *heap)
{
    if (__atomic_load_n(&heap->remote, __ATOMIC_RELAXED) == 0)
        return;
    heap->drained = __atomic_exchange_n(&heap->remote, 0, __ATOMIC_ACQUIRE);

    if (MM_OBSERVED && heap->home->event != NULL) {
        uint32_t count = 0;

        for (uint32_t at = heap->drained; at != 0;
             at = *remote_link(heap, at))
            count++;
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
        if (heap->drained == 0)
            break;

        void *payload = remote_link(heap, heap->drained);

        heap->drained = *remote_link(heap, heap->drained);
        heap_free(heap, payload);
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

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
 * as if it had freed it itself. Since it takes all or nothing, a payload
 * cannot leave the list and come back between somebody's read and swap (the
 * ABA problem): there is no pop. And a push is complete with its swap: there
 * is no gap in which the list is torn.
 *
 * To everyone but its owner a payload on a remote list is as used as before;
 * its owner's picture changes when it drains.
 *
 * A thread that ends leaves its heap as it is. Pushes go on to reach it. The
 * next thread that starts adopts it, list and all.
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

/* Step REMOTE_DRAIN: HEAP's own thread frees what others have pushed. Answers
 * how many payloads there were. */
uint32_t heap_drain(struct heap *heap)
{
    if (__atomic_load_n(&heap->remote, __ATOMIC_RELAXED) == 0)
        return 0;

    uint32_t ref = __atomic_exchange_n(&heap->remote, 0, __ATOMIC_ACQUIRE);
    uint32_t count = 0;

    if (MM_OBSERVED && heap->home->event != NULL) {
        for (uint32_t at = ref; at != 0; at = *remote_link(heap, at))
            count++;
        heap_emit(heap, (struct mm_event){
            .kind = MM_EVENT_REMOTE_DRAIN,
            .owner = (uint16_t)heap->owner,
            .size = count,
        });
    }
    for (count = 0; ref != 0; count++) {
        void *payload = remote_link(heap, ref);

        ref = *remote_link(heap, ref);
        heap_free(heap, payload);
    }
    return count;
}

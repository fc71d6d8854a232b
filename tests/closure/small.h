/* SPDX-License-Identifier: MIT */
/*
 * small.h - a heap whose spans have fewer quanta than they could
 *
 * All states of a heap can only be visited when it is small. What heap_init()
 * has worked out from a span's size is said here again for a block of a few
 * quanta: it lies at the span's end, and the head takes what is in front.
 */
#ifndef TESTS_CLOSURE_SMALL_H
#define TESTS_CLOSURE_SMALL_H

#include "mm/heap_parts.h"

/* The one block of an empty span of HEAP's has QUANTA from now on. Answers the
 * quantum of a span where its payload starts. HEAP has no span yet. */
static inline uint32_t heap_is_small(struct heap *heap, uint32_t quanta)
{
    heap->span_quanta = quanta;
    heap->head_bytes = heap->span_bytes - BLOCK_HEADER - quanta * MM_QUANTUM;
    heap->large_bytes = quanta * MM_QUANTUM - BLOCK_HEADER;
    if (heap->plain_bytes > 0)          /* less than a span */
        heap->plain_bytes = heap->large_bytes - MM_QUANTUM;
    if (heap->quick_bytes > 0)
        heap->quick_bytes = heap->plain_bytes;
    return (heap->head_bytes + BLOCK_HEADER) / MM_QUANTUM;
}

#endif

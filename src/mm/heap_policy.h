/* SPDX-License-Identifier: MIT */
/*
 * heap_policy.h - another way to choose a block
 *
 * A heap without a policy chooses as heap_fit.c says: segregated lists, in
 * constant time. A policy puts another answer to "which block?" in its place,
 * to be compared with. It chooses; it changes nothing by itself. Blocks,
 * headers, steps, events and checks are the heap's own, so that whatever
 * shows or explains them works for every policy.
 *
 * The library for real programs is built without (MM_POLICIES is 0).
 */
#ifndef MM_HEAP_POLICY_H
#define MM_HEAP_POLICY_H

#include "heap_parts.h"

struct heap_policy {
    const char *name;           /* "best" */
    const char *idea;           /* one sentence */
    const char *drops;          /* "I3": what of heap.c does not hold; NULL */
    const char *adds;           /* what holds besides; NULL */
    bool one_list;              /* all free blocks are on list 0 */
    bool fixed;                 /* a used block never changes its size */

    /* The size that a request of QUANTA gets; 0: none can be. NULL: as it
     * is. */
    uint32_t (*round)(const struct heap *heap, uint32_t quanta);

    /* A free block, still on its list, for QUANTA at a multiple of
     * ALIGN_QUANTA; NULL: none. Asks block_fits() about each that it looks
     * at. */
    struct block *(*choose)(struct heap *heap, uint32_t quanta,
                            uint32_t align_quanta);

    /* Whether BLOCK could be chosen at all, were it large enough. NULL: any
     * free one. */
    bool (*may_take)(const struct heap *heap, const struct block *block,
                     uint32_t align_quanta);

    /* Where a free block of QUANTA is cut in two, again and again while the
     * left part is large enough. NULL: behind the request. */
    uint32_t (*cut)(uint32_t quanta);

    /* Whether the free neighbours LEFT and RIGHT become one. NULL: always. */
    bool (*joins)(const struct heap *heap, const struct block *left,
                  const struct block *right);

    /* Whether what the policy adds holds for BLOCK. NULL: it adds nothing. */
    bool (*holds)(const struct heap *heap, const struct block *block);

    /* BLOCK was just taken; NULL: nobody wants to know. */
    void (*took)(struct heap *heap, const struct block *block);
};

#endif

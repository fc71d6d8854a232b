/* SPDX-License-Identifier: MIT */
/*
 * policy.h - the ways to choose a block that a lab can be given
 *
 * One file each, one idea each:
 *
 *     policy_first.c   the first that fits
 *     policy_next.c    the first that fits, from where the last one was
 *     policy_best.c    the smallest that fits
 *     policy_worst.c   the largest
 *     policy_buddy.c   halves of halves; only buddies join
 *     policy_bump.c    the next memory that was never used; nothing comes back
 *
 * and `segregated`, the heap's own way (src/mm/heap_fit.c), which is no
 * policy: a NULL.
 */
#ifndef LAB_POLICY_H
#define LAB_POLICY_H

#include "../mm/heap_policy.h"

extern const struct heap_policy policy_first, policy_next, policy_best,
    policy_worst, policy_buddy, policy_bump;

/* All of them, and NULL among them for segregated; POLICIES in all. */
enum { POLICIES = 7 };
extern const struct heap_policy *const policies[POLICIES];

/* "best"; "segregated" for NULL. */
const char *policy_name(const struct heap_policy *policy);
const char *policy_idea(const struct heap_policy *policy);

/* The policy called NAME in *POLICY; false if there is none. */
bool policy_find(const char *name, const struct heap_policy **policy);

/* The first free block on the one list, and the one after BLOCK; NULL after
 * the last, and after more blocks than an arena can have. */
struct block_list_cursor {
    const struct heap *heap;
    uint32_t left;
};
struct block *policy_list_first(const struct heap *heap,
                                struct block_list_cursor *cursor);
struct block *policy_list_next(struct block_list_cursor *cursor,
                               const struct block *block);

#endif

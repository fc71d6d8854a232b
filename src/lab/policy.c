/* SPDX-License-Identifier: MIT */
/*
 * policy.c - which policies there are (see policy.h)
 */
#include "policy.h"

const struct heap_policy *const policies[POLICIES] = {
    &policy_first, &policy_next, &policy_best, &policy_worst, NULL,
    &policy_buddy, &policy_bump,
};

const char *policy_name(const struct heap_policy *policy)
{
    return policy == NULL ? "segregated" : policy->name;
}

const char *policy_idea(const struct heap_policy *policy)
{
    return policy == NULL ? "lists by size: a few looks at its own list, then "
                            "the first block of a list where all fit"
                          : policy->idea;
}

static bool same(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

bool policy_find(const char *name, const struct heap_policy **policy)
{
    for (int i = 0; i < POLICIES; i++) {
        if (same(policy_name(policies[i]), name)) {
            *policy = policies[i];
            return true;
        }
    }
    return false;
}

struct block *policy_list_first(const struct heap *heap,
                                struct block_list_cursor *cursor)
{
    *cursor = (struct block_list_cursor){ heap, heap->arena_quanta };
    return block_at(heap, heap->lists[0]);
}

struct block *policy_list_next(struct block_list_cursor *cursor,
                               const struct block *block)
{
    if (cursor->left == 0)
        return NULL;
    cursor->left--;
    return block_at(cursor->heap, block->next);
}

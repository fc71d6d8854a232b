/* SPDX-License-Identifier: MIT */
/*
 * cmd_policy.c - policy: another way to choose a block
 *
 * A policy is chosen when the heap is empty: the command makes a new lab, of
 * the sizes of the old one (src/lab/policy.h says which policies there are).
 */

#include "command.h"
#include "past.h"

/* "next, by address", "best, last freed first", "buddy". */
static void policy_show(struct session *session, const struct heap *heap)
{
    const struct heap_policy *policy = heap->policy;

    say(session, "policy %s%s: %s.\n", policy_name(policy),
        policy == NULL || !policy->one_list || policy == &policy_bump ? ""
        : heap->order == HEAP_BY_ADDRESS    ? ", by address"
                                            : ", last freed first",
        policy_idea(policy));
    if (policy != NULL && policy->drops != NULL)
        say(session, "It drops: %s.\n", policy->drops);
    if (policy != NULL && policy->adds != NULL)
        say(session, "It adds: %s.\n", policy->adds);
    if (policy != NULL && policy->one_list)
        say(session, "All free blocks are on one list.\n");
}

static void policies_show(struct session *session)
{
    struct heap *heap = session->machine->heap;

    policy_show(session, heap);
    for (int i = 0; i < POLICIES; i++)
        say(session, "  %-11s %s\n", policy_name(policies[i]),
            policy_idea(policies[i]));
}

void cmd_policy(struct session *session, const struct words *words)
{
    struct lab_setup setup = session->setup;
    bool lifo = words->count == 3 && text_equal(words->word[2], "lifo");
    struct short_text arena;

    if (words->count == 1) {
        policies_show(session);
        return;
    }
    if (session->machine == session->kernel) {
        refuse(session, "the kernel's heap has the policy that it was built "
                        "with: 'use lab', and then 'policy best'");
        return;
    }
    if (words->count > 3 || (words->count == 3 && !lifo)
            || !policy_find(words->word[1], &setup.policy)) {
        refuse(session, "policy takes first, next, best, worst (each may be "
                        "followed by lifo), segregated, buddy or bump: policy "
                        "best");
        return;
    }
    if (lifo && (setup.policy == NULL || !setup.policy->one_list
                 || setup.policy == &policy_bump)) {
        refuse(session, "%s has no list whose order could be another: first, "
                        "next, best and worst do",
               policy_name(setup.policy));
        return;
    }
    setup.order = lifo ? HEAP_LAST_FIRST : HEAP_BY_ADDRESS;
    setup.handles = 0;
    if (!session_reset(session, &setup))
        return;
    say(session, "A new lab: an arena of %s, ",
        print_size(&arena, setup.arena_bytes));
    policy_show(session, session->machine->heap);
}

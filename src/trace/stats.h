/* SPDX-License-Identifier: MIT */
/*
 * stats.h - what has happened so far, in numbers
 *
 * Counted from events alone. The four cases of a free, by who the neighbours
 * were, are the rows of every textbook's table: the block stays as it is,
 * joins its right neighbour, its left one, or both.
 */
#ifndef TRACE_STATS_H
#define TRACE_STATS_H

#include "ledger.h"

/* What a freed block found beside it: bits that are or-ed. */
enum stats_case {
    STATS_RIGHT_FREE = 1,
    STATS_LEFT_FREE = 2,
    STATS_CASES = 4,            /* 0: both neighbours were used */
};

/* A quantity now, and the highest it ever was. */
struct stats_level {
    uint64_t now, peak;
};

struct stats {
    uint64_t events[MM_EVENT_KINDS];    /* every event, by its kind */
    uint64_t allocs, frees;             /* payloads handed out, given back */
    uint64_t refusals[MM_FAULTS];       /* by reason */
    uint64_t free_cases[STATS_CASES];   /* blocks released, slot pages too */
    struct stats_level live;            /* payloads */
    struct stats_level requested;       /* bytes that they were asked for */
    struct stats_level used;            /* bytes of blocks and large ranges */
    struct stats_level held;            /* pages with a frame behind them */
    /* private: the free that is under way */
    uint64_t release_at;
    uint32_t release_case, releasing;
};

void stats_init(struct stats *stats);

/* Counts EVENT. LEDGER, of which requested bytes are taken, has noted it
 * already; it may be NULL. */
void stats_event(struct stats *stats, const struct mm_event *event,
                 const struct ledger *ledger);

static inline uint64_t stats_refused(const struct stats *stats)
{
    return stats->events[MM_EVENT_REFUSE];
}

#endif

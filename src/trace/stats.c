/* SPDX-License-Identifier: MIT */
/*
 * stats.c - what has happened so far, in numbers
 *
 * Most counts are one event each. The case of a free takes two or three: a
 * RELEASE says that a block is free, and the COALESCEs right behind it say
 * with whom it was joined: one at the same offset took in the right
 * neighbour, one at a lower offset is the left neighbour taking us in.
 */
#include "stats.h"

#include "../mm/ranges.h"

void stats_init(struct stats *stats)
{
    *stats = (struct stats){ .releasing = false };
}

static void level_set(struct stats_level *level, uint64_t now)
{
    level->now = now;
    if (now > level->peak)
        level->peak = now;
}

/* A level of a damaged lab may be told to sink below nothing. */
static void level_sink(struct stats_level *level, uint64_t by)
{
    level->now -= by < level->now ? by : level->now;
}

static void case_begin(struct stats *stats, uint64_t at)
{
    stats->releasing = true;
    stats->release_at = at;
    stats->release_case = 0;
    stats->free_cases[0]++;
}

/* The free under way turns out to be of this case as well. */
static void case_add(struct stats *stats, enum stats_case joined)
{
    stats->free_cases[stats->release_case]--;
    stats->release_case |= joined;
    stats->free_cases[stats->release_case]++;
}

/* The "block" released was a large range, which is unmapped right after: it
 * has no neighbours. */
static void case_cancel(struct stats *stats)
{
    stats->free_cases[stats->release_case]--;
    stats->releasing = false;
}

/* A payload was given back. What another thread has freed was counted then,
 * and is no news when its owner takes it. */
static void count_free(struct stats *stats, const struct ledger *ledger)
{
    if (ledger != NULL && ledger->late)
        return;
    stats->frees++;
    level_sink(&stats->live, 1);
}

void stats_event(struct stats *stats, const struct mm_event *event,
                 const struct ledger *ledger)
{
    bool callers = event->use == MM_USE_CALLER;

    if (event->kind >= MM_EVENT_KINDS)
        return;
    stats->events[event->kind]++;
    switch ((enum mm_event_kind)event->kind) {
    case MM_EVENT_TAKE:
        stats->releasing = false;
        level_set(&stats->used, stats->used.now + event->size);
        if (callers) {
            stats->allocs++;
            level_set(&stats->live, stats->live.now + 1);
        }
        break;
    case MM_EVENT_RELEASE:
        case_begin(stats, event->at);
        level_sink(&stats->used, event->size);
        if (callers)
            count_free(stats, ledger);
        break;
    case MM_EVENT_COALESCE:
        if (stats->releasing)
            case_add(stats, event->at == stats->release_at
                                ? STATS_RIGHT_FREE : STATS_LEFT_FREE);
        break;
    case MM_EVENT_UNMAP:
        if (stats->releasing && event->at < stats->release_at &&
            stats->release_at - event->at < event->size)
            case_cancel(stats);
        break;
    case MM_EVENT_RESIZE:
        stats->releasing = false;
        level_sink(&stats->used, event->other);
        level_set(&stats->used, stats->used.now + event->size);
        break;
    case MM_EVENT_REUSE:
    case MM_EVENT_SLOT_TAKE:
        stats->allocs++;
        level_set(&stats->live, stats->live.now + 1);
        break;
    case MM_EVENT_KEEP:
    case MM_EVENT_SLOT_GIVE:
    case MM_EVENT_REMOTE_PUSH:
    case MM_EVENT_WAIT:
        count_free(stats, ledger);
        break;
    case MM_EVENT_HOLD:
        level_set(&stats->held, stats->held.now + event->size / MM_PAGE);
        break;
    case MM_EVENT_TRIM:
        if (event->other == RANGE_TAGS)
            break;                      /* nor were tags counted as held */
        level_sink(&stats->held, event->size / MM_PAGE);
        break;
    case MM_EVENT_REFUSE:
        if (event->other < MM_FAULTS)
            stats->refusals[event->other]++;
        break;
    case MM_EVENT_GROW:
    case MM_EVENT_SHRINK:
    case MM_EVENT_SPLIT:
        stats->releasing = false;
        break;
    default:
        break;
    }
    if (ledger != NULL)
        level_set(&stats->requested, ledger->requested);
}

/* SPDX-License-Identifier: MIT */
/*
 * lab_facts.c - what an exercise may ask of the lab
 *
 * An exercise is judged by what the lab is now, not by what was typed: two
 * students who get there by different ways are both right. A fact is a name
 * ("free", "largest"), a name with a block's letter ("size(a)"), or a name
 * with a number ("free_of(80)"). All of them are read from the memory at the
 * moment of asking, but for what only events know (the ledger's requests, the
 * counts of stats.h).
 */

#include "course.h"
#include "explain.h"

/* ---- the blocks of the lab, added up ------------------------------------ */

struct lab_sums {
    int64_t blocks, used, free;         /* how many */
    int64_t used_bytes, free_bytes, largest;
    int64_t slot_pages, larges;
    int64_t with_size;                  /* free or used blocks of `size` */
    bool damaged;
};

/* Adds up all blocks; of those that are USED, or free, and SIZE bytes long,
 * counts how many there are. */
static struct lab_sums lab_sums(const struct session *session, uint64_t size,
                                bool used)
{
    struct lab_sums sums = { .damaged = false };
    struct heap_cursor cursor;

    heap_walk(&cursor);
    while (heap_walk_next(session->machine->heap, &cursor)) {
        if (cursor.fault != MM_OK) {
            sums.damaged = true;
            continue;
        }
        sums.blocks++;
        sums.with_size += cursor.size == size && cursor.used == used;
        if (cursor.used) {
            sums.used++;
            sums.used_bytes += (int64_t)cursor.size;
            sums.slot_pages += cursor.slots;
            sums.larges += cursor.large;
        } else {
            sums.free++;
            sums.free_bytes += (int64_t)cursor.size;
            if ((int64_t)cursor.size > sums.largest)
                sums.largest = (int64_t)cursor.size;
        }
    }
    return sums;
}

static int64_t held_pages(const struct session *session)
{
    int64_t count = 0;

    for (uint64_t at = 0; at < session->machine->arena_bytes; at += MM_PAGE)
        count += byte_is_held(session, at);
    return count;
}

/* PART of WHOLE in tenths of a percent, rounded as `frag` does. */
static int64_t tenths(int64_t part, int64_t whole)
{
    return whole == 0 ? 0 : (part * 1000 + whole / 2) / whole;
}

static int64_t slots_in_use(const struct session *session, bool free_ones)
{
    struct heap_cursor cursor;
    int64_t count = 0;

    heap_walk(&cursor);
    while (heap_walk_next(session->machine->heap, &cursor)) {
        struct slot_view view;

        if (cursor.fault != MM_OK || !cursor.slots)
            continue;
        view = slot_page_view(session->machine->heap, cursor.at);
        if (view.ok)
            count += free_ones ? view.count - view.used : view.used;
    }
    return count;
}

static int64_t ranges_in(const struct session *session, bool used)
{
    const struct ranges *ranges = session->machine->ranges;
    int64_t count = 0;
    uint32_t steps = 0;

    for (const struct range_tag *tag = ranges_find(ranges, 0);
         tag != NULL && steps <= ranges->page_count;
         tag = ranges_next(ranges, tag), steps++)
        count += (tag->type != RANGE_FREE) == used;
    return count;
}

/* ---- names -------------------------------------------------------------- */

static bool stats_fact(const struct session *session, struct slice name,
                       int64_t *value)
{
    const struct stats *stats = session->stats;
    const struct {
        const char *name;
        uint64_t value;
    } known[] = {
        { "allocs", stats->allocs },
        { "frees", stats->frees },
        { "refusals", stats_refused(stats) },
        { "splits", stats->events[MM_EVENT_SPLIT] },
        { "coalesces", stats->events[MM_EVENT_COALESCE] },
        { "freed_alone", stats->free_cases[0] },
        { "freed_right", stats->free_cases[STATS_RIGHT_FREE] },
        { "freed_left", stats->free_cases[STATS_LEFT_FREE] },
        { "freed_both",
          stats->free_cases[STATS_RIGHT_FREE | STATS_LEFT_FREE] },
        { "live_peak", stats->live.peak },
        { "used_peak", stats->used.peak },
        { "held_peak", stats->held.peak },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (slice_equal(name, known[i].name)) {
            *value = (int64_t)known[i].value;
            return true;
        }
    }
    return false;
}

static bool sum_fact(const struct session *session, struct slice name,
                     int64_t *value)
{
    struct lab_sums sums = lab_sums(session, 0, false);
    const struct ledger *ledger = session->machine->ledger;
    int64_t requested = ledger == NULL ? 0 : (int64_t)ledger->requested;
    const struct {
        const char *name;
        int64_t value;
    } known[] = {
        { "blocks", sums.blocks },
        { "used", sums.used },
        { "free", sums.free },
        { "used_bytes", sums.used_bytes },
        { "free_bytes", sums.free_bytes },
        { "largest", sums.largest },
        { "slot_pages", sums.slot_pages },
        { "larges", sums.larges },
        { "damaged", sums.damaged },
        { "live", ledger == NULL ? 0 : (int64_t)ledger->count },
        { "letters", ledger == NULL ? 0 : (int64_t)ledger->letters },
        { "requested", requested },
        { "external", tenths(sums.free_bytes - sums.largest,
                             sums.free_bytes) },
        { "internal", tenths(sums.used_bytes - requested, sums.used_bytes) },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (slice_equal(name, known[i].name)) {
            *value = known[i].value;
            return true;
        }
    }
    return false;
}

/* Payloads that wait on the remote lists of all threads' heaps; -1 if one of
 * these heaps is damaged. */
static int64_t waiting_payloads(const struct session *session)
{
    int64_t count = 0;

    for (uint32_t number = 1; number <= LAB_THREADS; number++) {
        const struct heap *heap = lab_thread(session->lab, number);
        struct heap_damage damage;

        if (heap == NULL)
            continue;
        if (!heap_check(heap, &damage))
            return -1;
        count += (int64_t)damage.remote;
    }
    return count;
}

static bool machine_fact(const struct session *session, struct slice name,
                         int64_t *value)
{
    const struct machine *machine = session->machine;
    struct heap_damage damage;

    if (slice_equal(name, "held"))
        *value = held_pages(session);
    else if (slice_equal(name, "healthy"))
        *value = heap_check(machine->heap, &damage)
                 && waiting_payloads(session) >= 0;
    else if (slice_equal(name, "arena"))
        *value = (int64_t)machine->arena_bytes;
    else if (slice_equal(name, "frames_listed"))
        *value = machine->frames->free_count;
    else if (slice_equal(name, "frames_risen"))
        *value = (int64_t)machine->frames->risen_count;
    else if (slice_equal(name, "remote"))
        *value = waiting_payloads(session);
    else if (slice_equal(name, "slots_used"))
        *value = slots_in_use(session, false);
    else if (slice_equal(name, "slots_free"))
        *value = slots_in_use(session, true);
    else if (slice_equal(name, "ranges_used"))
        *value = ranges_in(session, true);
    else if (slice_equal(name, "ranges_free"))
        *value = ranges_in(session, false);
    else if (slice_equal(name, "examined"))
        *value = machine->heap->examined;
    else
        return false;
    return true;
}

/* ---- names of a block --------------------------------------------------- */

static bool block_fact(const struct session *session, struct slice name,
                       struct slice word, int64_t *value)
{
    const struct ledger *ledger = session->machine->ledger;
    const struct ledger_entry *entry = NULL;
    uint32_t letter;
    struct place place;

    if (ledger == NULL
            || !ledger_letter_number(word.text, word.size, &letter))
        return false;
    entry = ledger_find_letter(ledger, letter);
    if (slice_equal(name, "lives")) {
        *value = entry != NULL;
        return true;
    }
    *value = -1;                        /* there is no such block now */
    if (entry != NULL)
        place_find(session, entry->at, &place);
    if (slice_equal(name, "at"))
        *value = entry == NULL ? -1 : (int64_t)entry->at;
    else if (slice_equal(name, "request"))
        *value = entry == NULL ? -1 : (int64_t)entry->request;
    else if (slice_equal(name, "size"))
        *value = entry == NULL ? -1 : (int64_t)place.size;
    else if (slice_equal(name, "left"))
        *value = entry == NULL ? -1 : (int64_t)place.cursor.left_size;
    else if (slice_equal(name, "header"))
        *value = entry == NULL ? -1 : (int64_t)place.cursor.header;
    else
        return false;
    return true;
}

bool lab_fact(void *context, struct slice name, struct slice word,
              int64_t *value)
{
    const struct session *session = context;

    if (word.size > 0)
        return block_fact(session, name, word, value);
    return sum_fact(session, name, value) || stats_fact(session, name, value)
           || machine_fact(session, name, value);
}

/* The offset of the first free block on the list of blocks of SIZE bytes, or
 * of the SECOND one; 0 if there is none. */
static int64_t on_list(const struct session *session, uint64_t size,
                       bool second)
{
    const struct heap *heap = session->machine->heap;
    const struct block *block;
    uint64_t at;

    if (size < MM_QUANTUM || size >= heap->span_bytes)
        return 0;
    at = (uint64_t)heap->lists[class_of((uint32_t)(size / MM_QUANTUM))]
         * MM_QUANTUM;
    if (second && at != 0 && at < heap_arena_bytes(heap)
            && byte_is_held(session, at)) {
        block = block_of(heap_address(heap, at));
        at = (uint64_t)block->next * MM_QUANTUM;
    }
    return (int64_t)at;
}

bool lab_fact_of(void *context, struct slice name, int64_t of, int64_t *value)
{
    const struct session *session = context;
    uint64_t number = (uint64_t)of;
    struct place place;

    if (slice_equal(name, "first_of") || slice_equal(name, "second_of")) {
        *value = on_list(session, number, slice_equal(name, "second_of"));
    } else if (slice_equal(name, "free_of")) {
        *value = lab_sums(session, number, false).with_size;
    } else if (slice_equal(name, "used_of")) {
        *value = lab_sums(session, number, true).with_size;
    } else if (slice_equal(name, "byte")) {
        if (of < 0 || number >= session->machine->arena_bytes
                || !byte_is_held(session, number))
            return false;
        *value = *(const unsigned char *)heap_address(session->machine->heap,
                                                      number);
    } else if (slice_equal(name, "word")) {
        *value = 0;
        for (int i = 3; i >= 0; i--) {
            int64_t byte;

            if (!lab_fact_of(context, (struct slice){ "byte", 4 }, of + i,
                             &byte))
                return false;
            *value = *value * 256 + byte;
        }
    } else if (slice_equal(name, "physical")) {
        pfn_t pfn;

        if (of < 0 || number >= session->machine->arena_bytes
                || !session->machine->frame_of(session->machine,
                                               (uint32_t)(number / MM_PAGE),
                                               &pfn))
            return false;
        *value = (int64_t)pfn * MM_PAGE + of % MM_PAGE;
    } else if (slice_equal(name, "free_at")) {
        place_find(session, number, &place);
        *value = place.kind == PLACE_BLOCK && !place.used
                     ? (int64_t)place.size : 0;
    } else {
        return false;
    }
    return true;
}

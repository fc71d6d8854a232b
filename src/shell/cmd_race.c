/* SPDX-License-Identifier: MIT */
/*
 * cmd_race.c - race: the same operations under several policies
 *
 * Each policy gets a lab of its own, beside the session's, and the whole
 * trace. While it runs, the external fragmentation is noted at so many
 * moments, and what the searches cost. Then all stand side by side: a table,
 * and a curve for each.
 */

#include "command.h"
#include "explain.h"
#include "home.h"
#include "replay.h"

enum {
    RACERS = 8,
    SAMPLES = 60,               /* columns of the curves */
    CURVE_ROWS = 10,
};

struct racer {
    const struct heap_policy *policy;
    enum heap_order order;
    char name[16], glyph;
    uint64_t refused, examined, allocs, examined_most;
    uint64_t splits, joins;
    uint32_t held, held_most;               /* pages */
    uint64_t frag_sum;
    uint16_t frag_most, frag[SAMPLES];      /* tenths of a percent */
};

/* ---- who runs ---------------------------------------------------------------- */

static char racer_glyph(const struct racer *racer)
{
    char glyph = racer->policy == &policy_buddy ? 'u'
                 : racer->policy == &policy_bump ? 'p'
                 : racer->name[0];

    return racer->policy != NULL && racer->policy->one_list
                   && racer->policy != &policy_bump
                   && racer->order != HEAP_BY_ADDRESS
               ? (char)(glyph - 'a' + 'A') : glyph;
}

static void racer_add(struct racer *racer, const struct heap_policy *policy)
{
    *racer = (struct racer){ .policy = policy, .order = HEAP_BY_ADDRESS };
    print_text(racer->name, sizeof(racer->name), "%s", policy_name(policy));
    racer->glyph = racer_glyph(racer);
}

/* Reads the policies that are named before `on`, all if none is. *AT moves
 * behind `on`. */
static bool racers_find(struct session *session, const struct words *words,
                        struct racer *racers, unsigned *count, int *at)
{
    *count = 0;
    for (*at = 1; *at < words->count && !text_equal(words->word[*at], "on");
         ++*at) {
        const struct heap_policy *policy;
        struct racer *last = *count > 0 ? &racers[*count - 1] : NULL;

        if (text_equal(words->word[*at], "lifo") && last != NULL
                && last->policy != NULL && last->policy->one_list
                && last->policy != &policy_bump) {
            last->order = HEAP_LAST_FIRST;
            print_text(last->name, sizeof(last->name), "%s lifo",
                       last->policy->name);
            last->glyph = racer_glyph(last);
            continue;
        }
        if (!policy_find(words->word[*at], &policy))
            return refuse(session, "'%s' is no policy: first, next, best, "
                                   "worst, segregated, buddy, bump",
                          words->word[*at]);
        if (*count == RACERS)
            return refuse(session, "at most %d policies run in one race",
                          RACERS);
        racer_add(&racers[(*count)++], policy);
    }
    if (++*at >= words->count)
        return refuse(session, "race takes policies and a trace: race first "
                               "best segregated on guile");
    if (*count == 0) {
        for (int i = 0; i < POLICIES; i++)
            racer_add(&racers[(*count)++], policies[i]);
    }
    return true;
}

/* ---- running ------------------------------------------------------------------ */

static void race_hear(void *context, const struct mm_event *event)
{
    struct racer *racer = context;
    uint32_t pages = (uint32_t)(event->size / MM_PAGE);

    switch (event->kind) {
    case MM_EVENT_SPLIT:
        racer->splits++;
        break;
    case MM_EVENT_COALESCE:
        racer->joins++;
        break;
    case MM_EVENT_FRAME_TAKE:
        racer->held += pages;
        if (racer->held > racer->held_most)
            racer->held_most = racer->held;
        break;
    case MM_EVENT_FRAME_GIVE:
        racer->held -= pages;
        break;
    default:
        break;
    }
}

/* Runs all of RECORDING. False: it was stopped, or there is no memory. */
static bool racer_run(struct session *session, struct racer *racer,
                      const struct recording *recording,
                      const struct lab_setup *common)
{
    struct lab_setup setup = *common;
    struct lab *lab;
    struct heap *heap;
    void *memory;
    bool stopped = false;

    setup.policy = racer->policy;
    setup.order = racer->order;
    memory = home_memory(lab_bytes(&setup));
    if (memory == NULL)
        return refuse(session, "there is no memory for another lab of %llu "
                               "bytes: 'reset' makes the session's small, or "
                               "scale the trace",
                      (wide)setup.arena_bytes);
    lab = lab_init(memory, &setup, race_hear, racer);
    heap = lab_machine(lab)->heap;
    for (uint32_t i = 0; i < recording->count && !stopped; i++) {
        struct recording_result result = recording_step(recording, lab, i);
        uint32_t sample = (uint32_t)((uint64_t)i * SAMPLES
                                     / recording->count);
        uint32_t next = (uint32_t)(((uint64_t)i + 1) * SAMPLES
                                   / recording->count);

        racer->refused += result.refused;
        if (recording->steps[i].kind != RECORDING_FREE) {
            racer->allocs++;
            racer->examined += heap->examined;
            if (heap->examined > racer->examined_most)
                racer->examined_most = heap->examined;
        }
        if (next != sample) {
            uint16_t frag = (uint16_t)replay_fragmentation(heap);

            for (; sample < next; sample++)
                racer->frag[sample] = frag;
            racer->frag_sum += frag;
            if (frag > racer->frag_most)
                racer->frag_most = frag;
        }
        if (i % 256 == 255) {
            session_progress(session, racer->name, i, recording->count);
            stopped = session_stopped(session);
        }
    }
    home_memory_release(memory, lab_bytes(&setup));
    return !stopped;
}

/* ---- showing ------------------------------------------------------------------- */

static void table_show(struct session *session, const struct racer *racers,
                       unsigned count)
{
    say(session, "  %-12s %7s %7s %7s %7s %7s %7s %7s %5s\n", "policy",
        "refused", "looks", "most", "splits", "joins", "frag", "most",
        "pages");
    for (unsigned i = 0; i < count; i++) {
        const struct racer *racer = &racers[i];
        uint64_t tenths = racer->allocs == 0
                              ? 0 : racer->examined * 10 / racer->allocs;
        struct short_text looks, frag, most;

        print_text(looks.text, sizeof(looks.text), "%llu.%llu",
                   (wide)(tenths / 10), (wide)(tenths % 10));
        if (!say(session,
                 "%c %-12s %7llu %7s %7llu %7llu %7llu %7s %7s %5u\n",
                 racer->glyph, racer->name, (wide)racer->refused, looks.text,
                 (wide)racer->examined_most, (wide)racer->splits,
                 (wide)racer->joins,
                 print_percent(&frag, racer->frag_sum, SAMPLES * 1000),
                 print_percent(&most, racer->frag_most, 1000),
                 racer->held_most))
            return;
    }
    say(session, "looks: blocks examined a request, and the most for one; "
                 "frag: external fragmentation, on average and at most; "
                 "pages: held at most.\n");
}

/* The character at COLUMN of the row for [FROM, FROM + 100) tenths. */
static char curve_glyph(const struct racer *racers, unsigned count,
                        unsigned column, unsigned from)
{
    char glyph = ' ';

    for (unsigned i = 0; i < count; i++) {
        unsigned frag = racers[i].frag[column];

        if (frag < from || (frag >= from + 100 && from < 900))
            continue;
        glyph = glyph == ' ' ? racers[i].glyph : '*';
    }
    return glyph;
}

static void curves_show(struct session *session, const struct racer *racers,
                        unsigned count)
{
    char row[SAMPLES + 1];

    say(session, "external fragmentation, from the first operation to the "
                 "last (* where several meet)\n");
    for (unsigned i = CURVE_ROWS; i-- > 0;) {
        size_t length = 0;

        for (unsigned column = 0; column < SAMPLES; column++) {
            row[column] = curve_glyph(racers, count, column, i * 100);
            if (row[column] != ' ')
                length = column + 1;
        }
        row[length] = '\0';
        if (!say(session, "%3u%% |%s\n", i * 10, row))
            return;
    }
}

void cmd_race(struct session *session, const struct words *words)
{
    struct racer racers[RACERS];
    const struct recording *recording;
    struct lab_setup setup;
    uint64_t arena, scale;
    unsigned count;
    const char *name;
    int at;

    if (!past_is_there(session, "race")
            || !racers_find(session, words, racers, &count, &at))
        return;
    name = words->word[at++];
    if (!replay_options(session, words, &at, &arena, &scale))
        return;
    if (at < words->count) {
        refuse(session, "a race has no 'until': each runs to the end");
        return;
    }
    recording = &session->past->recording;
    if (session->setup.handles > 0
            && (recording->scale != scale
                || !text_equal(session->past->recording_name, name))) {
        refuse(session, "the lab is in the middle of a replay of %s: 'reset' "
                        "first", session->past->recording_name);
        return;
    }
    if (!recording_load(session, name, (uint32_t)scale)
            || !replay_setup(session, recording, arena, &setup))
        return;
    say(session, "%s: %u operations, %llu bytes at its peak, an arena of %llu "
                 "for each.\n", name, recording->count,
        (wide)recording->peak, (wide)setup.arena_bytes);
    for (unsigned i = 0; i < count; i++) {
        if (!racer_run(session, &racers[i], recording, &setup))
            return;
    }
    table_show(session, racers, count);
    curves_show(session, racers, count);
}

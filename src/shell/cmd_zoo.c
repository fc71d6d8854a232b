/* SPDX-License-Identifier: MIT */
/*
 * cmd_zoo.c - bug, plant, found: a fault to be found
 *
 * `bug 3` makes a new lab, fills it, and plants a fault; what kind, its number
 * does not tell. The student looks with check, dump, lists, whatis, map, and
 * says `found BLOCK KIND`. `plant` does the last step alone: it is a command
 * like any other that changes the lab, so that a journal can do it again.
 */

#include "command.h"
#include "course.h"
#include "explain.h"

enum { PREPARE_SIZE = 512 };

/* Reads NAME N [--seed S] into *NUMBER and *SEED; refuses what it is not. */
static bool parse_bug(struct session *session, const struct words *words,
                      uint64_t *number, uint64_t *seed)
{
    const char *name = words->word[0];

    *seed = 1;
    if ((words->count == 2
         || (words->count == 4 && text_equal(words->word[2], "--seed")
             && parse_number(words->word[3], seed) == PARSE_OK))
            && parse_number(words->word[1], number) == PARSE_OK
            && *number <= 1000)
        return true;
    return refuse(session, "%s takes a number, 0 for a healthy heap, and a "
                           "seed if you like: %s 3, %s 3 --seed 42", name,
                  name, name);
}

void cmd_plant(struct session *session, const struct words *words)
{
    struct zoo *zoo = &session->zoo;
    uint64_t number, seed;

    if (!machine_can_break(session, "plant")
            || !parse_bug(session, words, &number, &seed))
        return;
    *zoo = (struct zoo){ .number = (uint32_t)number, .seed = seed };
    zoo->kind = number == 0 ? ZOO_HEALTHY
                            : zoo_kind_of((uint32_t)number, seed);
    zoo->open = zoo_plant(session->machine, zoo);
    if (!zoo->open)
        refuse(session, "this heap has no block for that fault: 'bug %llu' "
                        "makes a heap that has", (wide)number);
    else
        say(session, "There may be a fault in the lab now. What is it? (found "
                     "BLOCK KIND, or found healthy)\n");
}

void cmd_bug(struct session *session, const struct words *words)
{
    char line[PREPARE_SIZE];
    uint64_t number, seed;

    if (!parse_bug(session, words, &number, &seed))
        return;
    if (!session_reset(session, &lab_default))
        return;
    zoo_prepare(line, sizeof(line), (uint32_t)number, seed);
    type_quietly(session, line);
    print_text(line, sizeof(line), "plant %llu --seed %llu", (wide)number,
               (wide)seed);
    type_quietly(session, line);
    if (!session->zoo.open) {
        refuse(session, "bug %llu of seed %llu cannot be planted: take "
                        "another number", (wide)number, (wide)seed);
        return;
    }
    say(session, "A new lab, and perhaps something is wrong with it. Look at "
                 "it with check, dump,\nlists, map, whatis; then say found "
                 "BLOCK KIND, or found healthy. 'found' lists\nthe kinds.\n");
}

static void found_list(struct session *session)
{
    for (int kind = 0; kind < ZOO_KINDS; kind++)
        say(session, "%-15s %s\n", zoo_name((enum zoo_kind)kind),
            zoo_summary((enum zoo_kind)kind));
    say(session, "%-15s %s (found healthy, without a block)\n", "healthy",
        zoo_summary(ZOO_HEALTHY));
}

/* The kind called NAME; false, after a refusal, if there is none. */
static bool parse_kind(struct session *session, const char *name,
                       enum zoo_kind *kind)
{
    for (int i = 0; i <= ZOO_KINDS; i++) {
        if (text_equal(name, zoo_name((enum zoo_kind)i))) {
            *kind = (enum zoo_kind)i;
            return true;
        }
    }
    return refuse(session, "'%s' is no kind of fault: 'found' lists them",
                  name);
}

/* An answer was WRONG: says what was right about it. */
static void found_wrong(struct session *session, bool place, bool kind)
{
    struct zoo *zoo = &session->zoo;

    zoo->wrong++;
    if (zoo->kind == ZOO_HEALTHY)
        refuse(session, "no: that block is in order");
    else if (place)
        refuse(session, "no: the place is right, the kind is not");
    else if (kind)
        refuse(session, "no: the kind is right, the place is not");
    else
        refuse(session, "no: start with check, then look at the rows of dump "
                        "around what it names");
}

void cmd_found(struct session *session, const struct words *words)
{
    struct zoo *zoo = &session->zoo;
    enum zoo_kind kind = ZOO_HEALTHY;
    bool place = true;
    uint64_t at;

    if (words->count == 1) {
        found_list(session);
        return;
    }
    if (!zoo->open) {
        refuse(session, "there is nothing to be found: bug 1 plants "
                        "something");
        return;
    }
    if (words->count > 3
            || (words->count == 2 && !text_equal(words->word[1], "healthy"))) {
        refuse(session, "found takes a block and a kind: found +0x2d0 "
                        "overrun, or found healthy");
        return;
    }
    if (!parse_kind(session, words->word[words->count - 1], &kind))
        return;
    if (words->count == 3) {
        if (!target_find(session, "found", words->word[1], &at))
            return;
        place = zoo_is_at(zoo, at);
    }
    if (!place || (uint32_t)kind != zoo->kind) {
        found_wrong(session, words->count == 3 && place,
                    (uint32_t)kind == zoo->kind);
        return;
    }
    zoo->open = false;
    say(session, "%sRight%s: bug %u of seed %llu is %s%s.\n%s\n",
        colour(session, COLOUR_FREE), colour(session, COLOUR_NONE),
        zoo->number, (wide)zoo->seed, zoo_name(kind),
        zoo->wrong == 0 ? ", found at the first try" : "", zoo_story(kind));
}

/* ---- letters against blocks --------------------------------------------- */

bool letters_check(const struct session *session, uint64_t *at)
{
    const struct ledger *ledger = session->machine->ledger;
    struct heap_cursor cursor;

    /* A payload that another thread freed has no letter any more, and is
     * used until its owner takes it back. */
    if (ledger == NULL || ledger->unknown > 0
            || session->stats->events[MM_EVENT_REMOTE_PUSH] > 0)
        return true;
    heap_walk(&cursor);
    while (heap_walk_next(session->machine->heap, &cursor)) {
        if (cursor.fault != MM_OK || !cursor.used || cursor.slots
                || cursor.kept || entry_at(session, cursor.at) != NULL)
            continue;
        *at = cursor.at;
        return false;
    }
    return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * cmd_replay.c - traces, replay, until: what real programs asked for
 *
 * A trace is a recording (src/lab/recording.h) that came along as a file. To
 * replay one is to make a lab that has room for it, and to do its operations
 * one by one. Each is a moment of the lab (past.h), so that one can stop
 * anywhere, look, go back and go on. A condition says where to stop.
 */

#include "command.h"
#include "explain.h"
#include "home.h"
#include "past.h"
#include "replay.h"
#include "stream.h"

enum {
    LINES_OF_HEAD = 4,
    LOOK_EVERY = 64,            /* operations between two looks at Ctrl-C */
};

/* ---- recordings -------------------------------------------------------------- */

void recording_unload(struct session *session)
{
    struct past *past = session->past;

    if (past->recording.count > 0)
        home_memory_release(past->recording.steps, past->recording_bytes);
    past->recording.count = 0;
}

/* Reads TEXT, with room for LINES operations. */
static bool recording_parse(struct session *session, const char *name,
                            const char *text, size_t size, uint32_t scale)
{
    struct past *past = session->past;
    struct recording *recording = &past->recording;
    uint32_t lines = recording_lines(text, size);
    size_t live_bytes = (size_t)lines * sizeof(uint32_t);
    uint32_t *live = home_memory(live_bytes);
    struct recording_fault fault = { NULL, 0 };

    past->recording_bytes = (size_t)lines * sizeof(struct recording_step);
    recording->steps = live == NULL ? NULL
                                    : home_memory(past->recording_bytes);
    if (recording->steps != NULL) {
        fault = recording_read(recording, text, size, live, lines);
        if (fault.sentence == NULL && scale != 1)
            recording_scale(recording, scale, live);
    }
    if (live != NULL)
        home_memory_release(live, live_bytes);
    if (recording->steps == NULL)
        return refuse(session, "there is no memory for the %u operations of "
                               "%s", lines, name);
    if (fault.sentence != NULL) {
        home_memory_release(recording->steps, past->recording_bytes);
        recording->count = 0;
        return refuse(session, "%s.rep, line %u: %s", name, fault.line,
                      fault.sentence);
    }
    print_text(past->recording_name, PAST_NAME, "%s", name);
    return true;
}

bool recording_load(struct session *session, const char *name,
                    uint32_t scale)
{
    char file[PAST_NAME + 8];
    const char *text;
    size_t size;

    if (session->past->recording.count > 0
            && session->past->recording.scale == scale
            && text_equal(session->past->recording_name, name))
        return true;
    if (text_length(name) >= PAST_NAME)
        return refuse(session, "there is no trace %s: traces lists them",
                      name);
    print_text(file, sizeof(file), "%s.rep", name);
    text = home_file(file, &size);
    if (text == NULL)
        return refuse(session, "there is no trace %s: traces lists those that "
                               "came along", name);
    recording_unload(session);
    return recording_parse(session, name, text, size, scale);
}

void recording_redo(struct session *session, uint32_t position)
{
    session->heard = (struct heard){ .count = 0 };
    recording_step(&session->past->recording, session->lab, position);
}

/* ---- traces ------------------------------------------------------------------ */

/* The number on line LINE of the head of TEXT; 0 if there is none. */
static uint64_t head_number(const char *text, size_t size, unsigned line)
{
    const char *end = text + size;
    uint64_t number = 0;

    for (; line > 0 && text < end; text++)
        line -= *text == '\n';
    for (; text < end && *text >= '0' && *text <= '9'; text++)
        number = number * 10 + (uint64_t)(*text - '0');
    return number;
}

void cmd_traces(struct session *session, const struct words *words)
{
    const char *file, *text;
    struct short_text name;
    unsigned count = 0;
    size_t size;

    if (words->count != 1) {
        refuse(session, "traces takes nothing; replay NAME replays one");
        return;
    }
    for (; (file = home_file_name(count)) != NULL; count++) {
        size_t length = text_length(file);

        text = home_file(file, &size);
        if (text == NULL)
            continue;
        print_text(name.text, sizeof(name.text), "%.*s",
                   (int)(length > 4 ? length - 4 : length), file);
        if (count == 0)
            say(session, "%-16s %10s %10s %10s\n", "name", "operations",
                "blocks", "peak bytes");
        if (!say(session, "%-16s %10llu %10llu %10llu\n", name.text,
                 (wide)head_number(text, size, 2),
                 (wide)head_number(text, size, 1),
                 (wide)head_number(text, size, 0)))
            return;
    }
    if (count == 0)
        say(session, "No traces came along. 'make run TRACES=guile' brings "
                     "one; bench/traces has more.\n");
}

/* ---- conditions -------------------------------------------------------------- */

enum condition_kind {
    UNTIL_END,
    UNTIL_OP,
    UNTIL_FAIL,
    UNTIL_FRAG,
    UNTIL_USED,
    UNTIL_MOVES,
};

struct condition {
    enum condition_kind kind;
    uint64_t number;            /* of UNTIL_FRAG tenths of a percent */
    uint32_t letter;
    char text[64];
};

static const char until_usage[] =
    "until takes a condition: until frag > 50%, until used > 100K, until "
    "fail, until block c moves, until op 1000";

/* Reads "50%" or "33.3%" into tenths of a percent. */
static bool parse_percent(const char *word, uint64_t *tenths)
{
    uint64_t whole = 0, tenth = 0;
    const char *at = word;

    for (; *at >= '0' && *at <= '9' && whole <= 100; at++)
        whole = whole * 10 + (uint64_t)(*at - '0');
    if (at == word)
        return false;
    if (at[0] == '.' && at[1] >= '0' && at[1] <= '9') {
        tenth = (uint64_t)(at[1] - '0');
        at += 2;
    }
    if (*at == '%')
        at++;
    *tenths = whole * 10 + tenth;
    return *at == '\0' && *tenths <= 1000;
}

/* Reads the words from number FIRST on, which are a condition. */
static bool condition_find(struct session *session, const struct words *words,
                           int first, struct condition *condition)
{
    const char *word[3] = { "", "", "" };
    int count = words->count - first;
    size_t length = 0;
    bool good = false;

    for (int i = 0; i < count && i < 3; i++)
        word[i] = words->word[first + i];
    condition->text[0] = '\0';
    for (int i = 0; i < count; i++)
        length += print_text(condition->text + length,
                             length < sizeof(condition->text)
                                 ? sizeof(condition->text) - length : 0,
                             "%s%s", i == 0 ? "" : " ",
                             words->word[first + i]);
    if (count == 1 && text_equal(word[0], "fail")) {
        condition->kind = UNTIL_FAIL;
        good = true;
    } else if (count == 1 && text_equal(word[0], "end")) {
        condition->kind = UNTIL_END;
        good = true;
    } else if (count == 2 && text_equal(word[0], "op")) {
        condition->kind = UNTIL_OP;
        good = parse_number(word[1], &condition->number) == PARSE_OK;
    } else if (count == 3 && text_equal(word[1], ">")
               && text_equal(word[0], "frag")) {
        condition->kind = UNTIL_FRAG;
        good = parse_percent(word[2], &condition->number);
    } else if (count == 3 && text_equal(word[1], ">")
               && text_equal(word[0], "used")) {
        condition->kind = UNTIL_USED;
        good = parse_number(word[2], &condition->number) == PARSE_OK;
    } else if (count == 3 && text_equal(word[0], "block")
               && text_equal(word[2], "moves")) {
        condition->kind = UNTIL_MOVES;
        good = parse_letters(word[1], &condition->letter) == PARSE_OK;
    }
    return good || refuse(session, "%s", until_usage);
}

void replay_free_blocks(const struct heap *heap, struct free_blocks *found)
{
    uint32_t left = heap->arena_quanta;

    *found = (struct free_blocks){ 0, 0, 0 };
    for (unsigned k = 0; k < HEAP_LISTS; k++) {
        block_ref ref = heap->lists[k];

        for (; ref != BLOCK_NIL && ref < heap->arena_quanta && left > 0;
             left--) {
            const struct block *block =
                block_of(heap_address(heap, (uint64_t)ref * MM_QUANTUM));

            found->count++;
            found->bytes += block_size(block);
            if (block_size(block) > found->largest)
                found->largest = block_size(block);
            ref = block->next;
        }
    }
}

uint64_t replay_fragmentation(const struct heap *heap)
{
    struct free_blocks found;

    replay_free_blocks(heap, &found);
    if (found.bytes == 0)
        return 0;
    return ((found.bytes - found.largest) * 1000 + found.bytes / 2)
           / found.bytes;
}

/* Whether CONDITION holds after the step at POSITION, which came to RESULT. */
static bool condition_holds(const struct session *session,
                            const struct condition *condition,
                            uint32_t position,
                            const struct recording_result *result)
{
    const struct machine *machine = session->machine;
    const struct ledger_entry *entry;

    switch (condition->kind) {
    case UNTIL_OP:
        return position + 1 >= condition->number;
    case UNTIL_FAIL:
        return result->refused;
    case UNTIL_FRAG:
        return replay_fragmentation(machine->heap) > condition->number;
    case UNTIL_USED:
        return session->lab_stats.used.now > condition->number;
    case UNTIL_MOVES:
        if (result->from == 0 || result->to == 0
                || result->from == result->to)
            return false;
        entry = ledger_find(machine->ledger, result->to);
        return entry != NULL && entry->letter == condition->letter;
    default:
        return false;
    }
}

/* ---- going on ------------------------------------------------------------------ */

/* Says where the replay has stopped. */
static void show_stop(struct session *session, uint32_t position,
                      const struct condition *condition, bool holds,
                      uint64_t refused)
{
    const struct recording *recording = &session->past->recording;
    struct short_text percent;

    if (holds && condition->kind != UNTIL_OP)
        say(session, "Stopped: %s. ", condition->text);
    say(session, "%u of %u operations are done, %llu refused; external "
                 "fragmentation %s.\n", position, recording->count,
        (wide)refused,
        print_percent(&percent, replay_fragmentation(session->machine->heap),
                      1000));
    if (position < recording->count)
        say(session, "'until ...' and 'replay' go on; 'back' goes back; 'why' "
                     "explains the last one.\n");
}

/* Does one more operation, as a moment. */
static struct recording_result step(struct session *session,
                                    uint32_t position)
{
    struct recording_result result;

    session->heard.count = 0;
    for (int i = 0; i < MM_EVENT_KINDS; i++)
        session->heard.events[i] = session->heard.bytes[i] = 0;
    step_arm(session);
    result = recording_step(&session->past->recording, session->lab,
                            position);
    if (result.from != 0 && result.to != 0 && result.from != result.to)
        session_stream_moved(session, result.from, result.to);
    session->past->step_armed = false;
    journal_add_step(&session->past->journal, position);
    session->past->beside_is_moment = false;
    return result;
}

/* Goes on with the recording until CONDITION holds, or its end. */
static void replay_run(struct session *session,
                       const struct condition *condition)
{
    const struct recording *recording = &session->past->recording;
    uint32_t position = past_position(session);
    bool holds = condition->kind == UNTIL_OP
                 && position >= condition->number;
    uint64_t refused;

    while (position < recording->count && !holds) {
        struct recording_result result = step(session, position);

        holds = condition_holds(session, condition, position, &result);
        if (++position % LOOK_EVERY == 0) {
            session_progress(session, "replaying", position,
                             recording->count);
            if (session_stopped(session))
                break;
        }
    }
    if (session->output.stopped)
        session->output.muted = false;
    refused = stats_refused(&session->lab_stats);
    show_stop(session, position, condition, holds, refused);
}

/* ---- replay --------------------------------------------------------------------- */

bool replay_setup(struct session *session, const struct recording *recording,
                  uint64_t arena, struct lab_setup *setup)
{
    uint32_t span = LAB_ARENA_BYTES;
    bool given = arena != 0;

    if (!given)
        arena = recording->peak_blocks + recording->peak_blocks / 2;
    if (arena > 1024 * 1024)
        span = SPAN_MAX_BYTES;
    if (!given)
        arena = mm_round_up(arena, span) + 2 * (uint64_t)span;
    while (given && span > SPAN_MIN_BYTES && arena % span != 0)
        span /= 2;
    *setup = (struct lab_setup){
        .arena_bytes = arena,
        .span_bytes = span,
        .level = HEAP_LEVEL_CHECK,
        .handles = recording->ids,
        .policy = session->setup.policy,
        .order = session->setup.order,
    };
    if (lab_setup_fault(setup) == NULL)
        return true;
    if (given)
        return refuse(session, "%s", lab_setup_fault(setup));
    return refuse(session, "its peak of %llu bytes is more than a lab can "
                           "have: replay %s scale %llu divides all sizes",
                  (wide)recording->peak, session->past->recording_name,
                  (wide)(arena / LAB_ARENA_MAX + 1) * recording->scale);
}

bool replay_options(struct session *session, const struct words *words,
                    int *at, uint64_t *arena, uint64_t *scale)
{
    *arena = 0;
    *scale = 1;
    for (; *at < words->count && !text_equal(words->word[*at], "until");
         ++*at) {
        const char *word = words->word[*at];

        if (text_equal(word, "scale")) {
            if (++*at == words->count
                    || parse_number(words->word[*at], scale) != PARSE_OK
                    || *scale == 0 || *scale > 1 << 20)
                return refuse(session, "scale takes a number that sizes are "
                                       "divided by: replay %s scale 4",
                              words->word[1]);
        } else if (*arena != 0 || parse_number(word, arena) != PARSE_OK
                   || *arena == 0) {
            return refuse(session, "'%s' is no size for an arena: replay %s "
                                   "[ARENA] [scale N] [until CONDITION]",
                          word, words->word[1]);
        }
    }
    return true;
}

/* Says before it starts that the peak does not fit. */
static void warn_of_peak(struct session *session, uint64_t arena)
{
    const struct recording *recording = &session->past->recording;
    uint64_t need = recording->peak_blocks;

    if (need <= arena)
        return;
    say(session, "Its peak of %llu bytes (%llu in blocks) exceeds the arena "
                 "of %llu: requests will be refused. 'scale %llu' would make "
                 "it fit.\n", (wide)recording->peak, (wide)need, (wide)arena,
        (wide)(recording->scale * (need / arena + 2)));
}

void cmd_replay(struct session *session, const struct words *words)
{
    struct condition condition = { .kind = UNTIL_END, .text = "the end" };
    const struct recording *recording;
    char base[PAST_BASE];
    struct lab_setup setup;
    uint64_t arena, scale;
    struct short_text text, span;
    size_t length = 0;
    int at = 2;

    if (!past_is_there(session, "replay"))
        return;
    recording = &session->past->recording;
    if (words->count == 1) {
        if (session->setup.handles == 0)
            refuse(session, "replay takes a trace: replay guile (traces lists "
                            "them)");
        else
            replay_run(session, &condition);
        return;
    }
    if (!replay_options(session, words, &at, &arena, &scale)
            || (at < words->count
                && !condition_find(session, words, at + 1, &condition))
            || !recording_load(session, words->word[1], (uint32_t)scale)
            || !replay_setup(session, recording, arena, &setup))
        return;
    say(session, "%s: %u operations on %u blocks, %llu bytes at its peak",
        session->past->recording_name, recording->count, recording->ids,
        (wide)recording->peak);
    say(session, scale == 1 ? ".\n" : ", its sizes divided by %u.\n",
        (unsigned)scale);
    if (setup.policy != NULL)
        length = print_text(base, sizeof(base), "policy %s%s; ",
                            policy_name(setup.policy),
                            setup.policy->one_list
                                && setup.order != HEAP_BY_ADDRESS
                                ? " lifo" : "");
    length += print_text(base + length, sizeof(base) - length,
                         "replay %s %lluK", session->past->recording_name,
                         (wide)(setup.arena_bytes / 1024));
    if (scale != 1)
        length += print_text(base + length, sizeof(base) - length,
                             " scale %u", (unsigned)scale);
    print_text(base + length, sizeof(base) - length, " until op 0");
    if (!past_new_lab(session, &setup, base))
        return;
    say(session, "A new lab: an arena of %s in spans of %s, policy %s.\n",
        print_size(&text, setup.arena_bytes),
        print_size(&span, setup.span_bytes), policy_name(setup.policy));
    warn_of_peak(session, setup.arena_bytes);
    replay_run(session, &condition);
    if (condition.kind == UNTIL_END && !session->output.stopped)
        cmd_frag(session, &(struct words){ .count = 1 });
}

void cmd_until(struct session *session, const struct words *words)
{
    struct condition condition;

    if (!past_is_there(session, "until"))
        return;
    if (session->setup.handles == 0
            || session->past->recording.count == 0) {
        refuse(session, "until goes on with a replay, and there is none: "
                        "replay guile until fail");
        return;
    }
    if (past_position(session) == session->past->recording.count) {
        refuse(session, "the trace is at its end: 'goto 0' goes to its "
                        "beginning");
        return;
    }
    if (!condition_find(session, words, 1, &condition))
        return;
    if (condition.kind == UNTIL_OP
            && condition.number < past_position(session)) {
        refuse(session, "operation %llu was done already, %u are done: back "
                        "or goto go back", (wide)condition.number,
               past_position(session));
        return;
    }
    replay_run(session, &condition);
}

/* SPDX-License-Identifier: MIT */
/*
 * cmd_time.c - history, back, forward, goto, diff, save, load: other moments
 *
 * Moment n is the lab after n of its commands. The commands are in the journal
 * as text, and are done again by the same functions that did them first, with
 * nothing shown. What changes the lab is what the table of commands says
 * changes it (CHANGES_MACHINE); a refusal counts when the heap was asked, since
 * it, too, leaves a trace in the heap and the ledger.
 */

#include "command.h"
#include "explain.h"
#include "home.h"
#include "past.h"
#include "stream.h"

/* ---- doing commands again ------------------------------------------------- */

/* Does the command TEXT again, and shows nothing. */
static void redo_text(struct session *session, const char *text)
{
    bool silent = session->output.silent, refused = session->refused;
    char line[LINE_SIZE], *at = line;
    const struct command *command;
    struct words words;

    print_text(line, sizeof(line), "%s", text);
    session->output.silent = true;
    session->heard = (struct heard){ .count = 0 };
    if (parse_words(&at, &words) && words.count > 0
            && (command = command_find(words.word[0])) != NULL)
        command->run(session, &words);
    session->output.silent = silent;
    session->refused = refused;
}

static void journal_redo(void *context, const struct journal_entry *entry,
                         uint32_t step)
{
    struct session *session = context;

    if (entry->text != NULL)
        redo_text(session, entry->text);
    else
        recording_redo(session, entry->position + step);
}

static void journal_restart(void *context)
{
    struct session *session = context;
    bool silent = session->output.silent;

    session->output.silent = true;
    session_restart(session);
    session->output.silent = silent;
}

static const struct journal_owner journal_owner = {
    .memory = home_memory, .release = home_memory_release,
    .restart = journal_restart, .redo = journal_redo,
};

/* ---- the past, from the beginning to the end ------------------------------- */

/* What makes a lab like this one: `reset` with its sizes, or `policy`. */
static void base_write(char *text, size_t size, const struct lab_setup *setup)
{
    bool same = setup->arena_bytes == lab_default.arena_bytes
                && setup->span_bytes == lab_default.span_bytes;
    size_t length = print_text(text, size, "reset");

    if (!same)
        length = print_text(text, size, "reset %lluK %uK",
                            (wide)(setup->arena_bytes / 1024),
                            setup->span_bytes / 1024);
    if (setup->policy != NULL)
        print_text(text + length, size - length, "; policy %s%s",
                   policy_name(setup->policy),
                   setup->policy->one_list && setup->order != HEAP_BY_ADDRESS
                       ? " lifo" : "");
}

static void beside_release(struct past *past)
{
    if (past->beside != NULL)
        home_memory_release(past->beside_memory, past->beside_bytes);
    past->beside = NULL;
    past->beside_is_moment = false;
    past->step_beside = false;
}

static void journal_begin(struct session *session)
{
    struct journal_owner owner = journal_owner;

    owner.context = session;
    journal_open(&session->past->journal, &owner, session->lab,
                 &session->lab_stats, sizeof(session->lab_stats));
}

void past_open(struct session *session)
{
    struct past *past = session->past;

    if (past == NULL)
        past = session->past = home_memory(sizeof(*past));
    if (past == NULL)
        return;
    journal_close(&past->journal);
    beside_release(past);
    past->quiz.command[0] = '\0';
    base_write(past->base, sizeof(past->base), &session->setup);
    journal_begin(session);
}

static void save_release(struct past_save *save)
{
    if (save->name[0] == '\0')
        return;
    home_memory_release(save->lab, save->lab_bytes);
    journal_close(&save->journal);
    save->name[0] = '\0';
}

void past_close(struct session *session)
{
    struct past *past = session->past;

    if (past == NULL)
        return;
    journal_close(&past->journal);
    beside_release(past);
    recording_unload(session);
    for (int i = 0; i < PAST_SAVES; i++)
        save_release(&past->save[i]);
    home_memory_release(past, sizeof(*past));
    session->past = NULL;
}

bool past_new_lab(struct session *session, const struct lab_setup *setup,
                  const char *base)
{
    if (!session_reset(session, setup))
        return false;
    if (session->past != NULL && base != NULL)
        print_text(session->past->base, sizeof(session->past->base), "%s",
                   base);
    return true;
}

bool past_is_there(struct session *session, const char *who)
{
    if (session->machine == NULL || session->machine == session->kernel)
        return refuse(session, "the kernel's own memory is real and has no "
                               "past: 'use lab' first, then %s", who);
    if (session->past == NULL)
        return refuse(session, "there was no memory to remember what the lab "
                               "was: %s cannot be done", who);
    if (session->past->journal.full)
        return refuse(session, "the journal ends at moment %llu, and the lab "
                               "has gone on since: there was no memory for "
                               "more, or a command was stopped ('reset' "
                               "begins a new one)",
                      (wide)session->past->journal.now);
    return true;
}

bool past_go(struct session *session, uint64_t moment)
{
    bool silent = session->output.silent, done;

    session->output.silent = true;
    session_stream_mute(session, true);
    done = journal_go(&session->past->journal, moment);
    session_stream_mute(session, false);
    session->output.silent = silent;
    return done;
}

struct lab *past_beside(struct session *session)
{
    struct past *past = session->past;

    past->beside_is_moment = false;
    if (past->beside != NULL)
        return past->beside;
    past->beside_bytes = lab_bytes(&session->setup);
    past->beside_memory = home_memory(past->beside_bytes);
    if (past->beside_memory == NULL)
        return NULL;
    past->beside = lab_init(past->beside_memory, &session->setup, NULL, NULL);
    return past->beside;
}

struct lab *past_beside_at(struct session *session, uint64_t moment)
{
    struct past *past = session->past;
    uint64_t now = past->journal.now;

    if (past->beside_is_moment && past->beside_moment == moment
            && moment != now)
        return past->beside;
    if (past_beside(session) == NULL || !past_go(session, moment))
        return NULL;
    lab_copy(past->beside, session->lab);
    past_go(session, now);
    past->beside_is_moment = true;
    past->beside_moment = moment;
    return past->beside;
}

/* ---- taking note ----------------------------------------------------------- */

/* How many of the lab's threads have a heap. */
static uint32_t threads_started(const struct session *session)
{
    uint32_t count = 0;

    for (uint32_t number = 1; number <= LAB_THREADS; number++)
        count += lab_thread(session->lab, number) != NULL;
    return count;
}

/* Whether the command WORDS, which has run, reached the lab. A refusal by the
 * heap is an event, and leaves a trace in it. */
static bool has_changed(const struct session *session,
                        const struct words *words)
{
    for (int kind = 0; kind < MM_EVENT_KINDS; kind++) {
        if (session->heard.events[kind] > 0)
            return true;
    }
    if (text_equal(words->word[0], "as"))       /* lists and slots only look */
        return threads_started(session) != session->past->threads_before
               || (words->count > 2 && text_equal(words->word[2], "trim"))
               || (words->count > 3 && text_equal(words->word[2], "small")
                   && !session->refused);
    return !session->refused
           && !(words->count == 1 && text_equal(words->word[0], "small"));
}

bool past_before(struct session *session, const struct command *command,
                 const struct words *words)
{
    if (session->past == NULL || command->needs != CHANGES_MACHINE)
        return true;
    session->past->threads_before = threads_started(session);
    if (session->output.silent)
        return true;
    if (!predict_before(session, words))
        return false;
    step_arm(session);
    return true;
}

void past_after(struct session *session, const struct command *command,
                const struct words *words)
{
    struct past *past = session->past;
    char text[LINE_SIZE];
    size_t length = 0;

    if (past == NULL)
        return;
    past->step_armed = false;
    if (session->machine == NULL || session->machine == session->kernel
            || command->needs != CHANGES_MACHINE
            || !has_changed(session, words))
        return;
    for (int i = 0; i < words->count && length < sizeof(text); i++)
        length += print_text(text + length, sizeof(text) - length, "%s%s",
                             i == 0 ? "" : " ", words->word[i]);
    past->beside_is_moment = false;
    if (session->output.stopped)        /* half of it was done */
        past->journal.full = true;
    journal_add(&past->journal, text);
}

/* ---- history ---------------------------------------------------------------- */

const char *past_command(const struct session *session, uint64_t moment,
                         char *text, size_t size)
{
    uint32_t step;
    const struct journal_entry *entry =
        journal_find(&session->past->journal, moment, &step);

    if (entry == NULL)
        print_text(text, size, "%s", session->past->base);
    else if (entry->text != NULL)
        print_text(text, size, "%s", entry->text);
    else
        print_text(text, size, "until op %u", entry->position + step + 1);
    return text;
}

uint32_t past_position(const struct session *session)
{
    const struct journal *journal = &session->past->journal;
    uint32_t step;
    const struct journal_entry *entry =
        journal_find(journal, journal->now, &step);

    while (entry != NULL && entry->text != NULL)
        entry = journal_find(journal, entry->first, &step);
    return entry == NULL ? 0 : entry->position + step + 1;
}

/* Shows ENTRY, which leads from moment FIRST to moment LAST. */
static bool history_row(struct session *session,
                        const struct journal_entry *entry, uint64_t last)
{
    const struct journal *journal = &session->past->journal;
    bool is_future = entry->first >= journal->now;
    const char *now = last == journal->now ? ", now" : "";
    char text[LINE_SIZE];

    past_command(session, last, text, sizeof(text));
    if (is_future)
        return say(session, "# %s  (forward: %llu)\n", text, (wide)last);
    if (last > entry->first + 1)
        return say(session, "%-24s # %llu to %llu%s\n", text,
                   (wide)entry->first + 1, (wide)last, now);
    return say(session, "%-24s # %llu%s\n", text, (wide)last, now);
}

void cmd_history(struct session *session, const struct words *words)
{
    const struct journal *journal;
    uint64_t count = UINT64_MAX;

    if (!past_is_there(session, "history"))
        return;
    journal = &session->past->journal;
    if (words->count > 2 || (words->count == 2
            && parse_number(words->word[1], &count) != PARSE_OK)) {
        refuse(session, "history takes how many of the last commands to show, "
                        "or nothing: history, history 10");
        return;
    }
    if (count >= journal->entry_count)
        say(session, "%-24s # 0%s\n", session->past->base,
            journal->now == 0 ? ", now" : "");
    for (uint64_t i = count < journal->entry_count
                          ? journal->entry_count - count : 0;
         i < journal->entry_count; i++) {
        const struct journal_entry *entry = journal_entry(journal, i);
        uint64_t last = entry->first + entry->count;
        uint64_t now = journal->now;

        /* A run in which we stand is shown in two rows. */
        if (entry->first < now && now < last
                && !history_row(session, entry, now))
            return;
        if (entry->first < now && now < last) {
            struct journal_entry rest = *entry;

            rest.first = now;
            entry = &rest;
            if (!history_row(session, entry, last))
                return;
            continue;
        }
        if (!history_row(session, entry, last))
            return;
    }
}

/* ---- back, forward, goto ------------------------------------------------------ */

static void show_moment(struct session *session)
{
    const struct journal *journal = &session->past->journal;
    char text[LINE_SIZE];

    session_stream_stale(session);
    if (journal->now == 0)
        say(session, "Moment 0 of %llu: the new lab.\n", (wide)journal->end);
    else
        say(session, "Moment %llu of %llu, after: %s\n", (wide)journal->now,
            (wide)journal->end,
            past_command(session, journal->now, text, sizeof(text)));
}

static void go(struct session *session, uint64_t moment)
{
    session->past->quiz.command[0] = '\0';
    if (past_go(session, moment))
        show_moment(session);
}

/* How many moments WORDS say; 1 if nothing. */
static bool count_find(struct session *session, const struct words *words,
                       uint64_t *count)
{
    *count = 1;
    if (words->count > 2 || (words->count == 2
            && parse_number(words->word[1], count) != PARSE_OK))
        return refuse(session, "%s takes how many commands, or nothing for "
                               "one: %s 3", words->word[0], words->word[0]);
    return past_is_there(session, words->word[0]);
}

void cmd_back(struct session *session, const struct words *words)
{
    uint64_t count, now;

    if (!count_find(session, words, &count))
        return;
    now = session->past->journal.now;
    if (now == 0)
        refuse(session, "this is the new lab, moment 0: there is nothing "
                        "before it");
    else if (count > now)
        refuse(session, "there %s only %llu command%s to go back: back %llu, "
                        "or goto 0", now == 1 ? "is" : "are", (wide)now,
               plural(now), (wide)now);
    else
        go(session, now - count);
}

void cmd_forward(struct session *session, const struct words *words)
{
    uint64_t count, left;

    if (!count_find(session, words, &count))
        return;
    left = session->past->journal.end - session->past->journal.now;
    if (left == 0)
        refuse(session, "there is nothing to do again: forward follows back, "
                        "until another command changes the lab");
    else if (count > left)
        refuse(session, "there %s only %llu command%s to do again: forward "
                        "%llu", left == 1 ? "is" : "are", (wide)left,
               plural(left), (wide)left);
    else
        go(session, session->past->journal.now + count);
}

/* The moment that WORD names, for WHO. */
static bool moment_find(struct session *session, const char *who,
                        const char *word, uint64_t *moment)
{
    const struct journal *journal = &session->past->journal;

    if (text_equal(word, "now")) {
        *moment = journal->now;
        return true;
    }
    if (parse_number(word, moment) != PARSE_OK)
        return refuse(session, "'%s' is no moment: 0 to %llu, or now (history "
                               "lists them)", word, (wide)journal->end);
    if (*moment > journal->end)
        return refuse(session, "there is no moment %llu: the last is %llu "
                               "(%s 0 is the new lab)", (wide)*moment,
                      (wide)journal->end, who);
    return true;
}

void cmd_goto(struct session *session, const struct words *words)
{
    uint64_t moment;

    if (words->count != 2) {
        refuse(session, "goto takes a moment: goto 3 (history lists them)");
        return;
    }
    if (past_is_there(session, "goto")
            && moment_find(session, "goto", words->word[1], &moment))
        go(session, moment);
}

/* ---- diff ------------------------------------------------------------------- */

char *block_row(char text[BLOCK_ROW_SIZE], const struct machine *machine,
                const struct heap_cursor *cursor)
{
    const struct ledger_entry *entry =
        cursor->used && machine->ledger != NULL
            ? ledger_find(machine->ledger, cursor->at) : NULL;
    struct short_text letters, request;

    print_text(request.text, sizeof(request.text), "%llu",
               entry == NULL ? 0 : (wide)entry->request);
    print_text(text, BLOCK_ROW_SIZE,
               "%s +0x%llx %llu %s %s left=%llu header=0x%08x",
               entry == NULL ? "-" : print_letters(&letters, entry->letter),
               (wide)cursor->at, (wide)cursor->size,
               entry == NULL ? "-" : request.text,
               !cursor->used ? "free" : cursor->kept ? "kept" : "used",
               (wide)cursor->left_size, cursor->header);
    return text;
}

/* One side of the comparison: a lab and the block that its walk is at. */
struct side {
    const struct machine *machine;
    struct heap_cursor cursor;
    bool there;
    char row[BLOCK_ROW_SIZE];
};

static void side_next(struct side *side)
{
    side->there = heap_walk_next(side->machine->heap, &side->cursor);
    if (side->there && side->cursor.fault != MM_OK)
        print_text(side->row, sizeof(side->row),
                   "- +0x%llx damaged from here on in its span",
                   (wide)side->cursor.at);
    else if (side->there)
        block_row(side->row, side->machine, &side->cursor);
}

static void side_begin(struct side *side, struct lab *lab)
{
    side->machine = lab_machine(lab);
    heap_walk(&side->cursor);
    side_next(side);
}

static uint32_t held_pages(const struct machine *machine)
{
    uint32_t pages = 0;
    pfn_t pfn;

    for (uint32_t i = 0; i < machine->arena_bytes / MM_PAGE; i++)
        pages += machine->frame_of(machine, i, &pfn);
    return pages;
}

/* Bytes of the payloads under both cursors, which are the same block, that
 * differ. */
static uint64_t bytes_that_differ(const struct side *a, const struct side *b)
{
    const unsigned char *left = heap_address(a->machine->heap, a->cursor.at);
    const unsigned char *right = heap_address(b->machine->heap, b->cursor.at);
    uint64_t size = a->cursor.size - BLOCK_HEADER, differ = 0;

    if (a->cursor.fault != MM_OK)
        return 0;
    if (a->cursor.large)
        size = a->cursor.span_at + a->cursor.span_bytes - a->cursor.at;
    for (uint64_t i = 0; i < size; i++)
        differ += left[i] != right[i];
    return differ;
}

/* Shows the block at which A and B are, and goes on. */
static bool diff_step(struct session *session, struct side *a, struct side *b,
                      unsigned *count)
{
    bool only_a = a->there && (!b->there || a->cursor.at < b->cursor.at);
    bool only_b = b->there && (!a->there || b->cursor.at < a->cursor.at);
    bool same = !only_a && !only_b && text_equal(a->row, b->row);
    uint64_t bytes;

    if (same && a->cursor.used
            && (bytes = bytes_that_differ(a, b)) > 0) {
        ++*count;
        say(session, "~ %s: %llu byte%s of its payload differ%s\n", a->row,
            (wide)bytes, plural(bytes), bytes == 1 ? "s" : "");
    }
    if (!same)
        ++*count;
    if (!same && !only_b
            && !say(session, "%s- %s%s\n", colour(session, COLOUR_WARNING),
                    a->row, colour(session, COLOUR_NONE)))
        return false;
    if (!same && !only_a
            && !say(session, "%s+ %s%s\n", colour(session, COLOUR_FREE),
                    b->row, colour(session, COLOUR_NONE)))
        return false;
    if (!only_b)
        side_next(a);
    if (!only_a)
        side_next(b);
    return true;
}

void cmd_diff(struct session *session, const struct words *words)
{
    struct journal *journal;
    uint64_t from, to, now;
    struct side a, b;
    uint32_t pages;
    unsigned count = 0;

    if (!past_is_there(session, "diff"))
        return;
    journal = &session->past->journal;
    now = to = journal->now;
    from = now > 0 ? now - 1 : 0;
    if (words->count > 3) {
        refuse(session, "diff takes two moments: diff 3 7; diff 3 compares "
                        "with now, diff alone shows the last command");
        return;
    }
    if ((words->count > 1
            && !moment_find(session, "diff", words->word[1], &from))
            || (words->count > 2
                && !moment_find(session, "diff", words->word[2], &to)))
        return;
    if (past_beside_at(session, from) == NULL) {
        refuse(session, "there is no memory for a second lab, to compare");
        return;
    }
    if (to != now)
        past_go(session, to);
    side_begin(&a, session->past->beside);
    side_begin(&b, session->lab);
    while ((a.there || b.there) && diff_step(session, &a, &b, &count))
        continue;
    pages = held_pages(a.machine);
    say(session, "%u block%s differ%s between moments %llu and %llu; %u "
                 "page%s held, then %u\n",
        count, plural(count), count == 1 ? "s" : "", (wide)from, (wide)to,
        pages, plural(pages), held_pages(b.machine));
    if (to != now)
        past_go(session, now);
}

/* ---- save and load ------------------------------------------------------------ */

/* Whether the word behind the command is a name; refuses if not. */
static bool name_find(struct session *session, const struct words *words)
{
    size_t length = words->count == 2 ? text_length(words->word[1]) : 0;

    if (length == 0 || length >= PAST_NAME)
        return refuse(session, "%s takes a name of up to %d letters: %s "
                               "before", words->word[0], PAST_NAME - 1,
                      words->word[0]);
    return past_is_there(session, words->word[0]);
}

static struct past_save *save_find(struct past *past, const char *name)
{
    for (int i = 0; i < PAST_SAVES; i++) {
        if (text_equal(past->save[i].name, name))
            return &past->save[i];
    }
    return NULL;
}

void cmd_save(struct session *session, const struct words *words)
{
    struct past *past = session->past;
    struct past_save *save, *new = &past->unfinished;
    void *memory;

    if (!name_find(session, words))
        return;
    save = save_find(past, words->word[1]);
    if (save == NULL)
        save = save_find(past, "");
    if (save == NULL) {
        refuse(session, "%d labs are saved already: save under one of their "
                        "names (%s, ...)", PAST_SAVES, past->save[0].name);
        return;
    }
    /* What was saved under this name goes when the new one is whole. */
    new->lab_bytes = lab_bytes(&session->setup);
    memory = home_memory(new->lab_bytes);
    if (memory == NULL) {
        refuse(session, "there is no memory for a copy of the lab");
        return;
    }
    new->lab = lab_init(memory, &session->setup, NULL, NULL);
    lab_copy(new->lab, session->lab);
    new->setup = session->setup;
    new->stats = session->lab_stats;
    print_text(new->base, sizeof(new->base), "%s", past->base);
    print_text(new->recording_name, sizeof(new->recording_name), "%s",
               past->recording.count > 0 ? past->recording_name : "");
    new->recording_scale = past->recording.scale;
    print_text(new->name, sizeof(new->name), "%s", words->word[1]);
    if (!journal_copy_entries(&new->journal, &past->journal)) {
        save_release(new);
        refuse(session, "there is no memory for a copy of the journal");
        return;
    }
    save_release(save);
    *save = *new;
    __builtin_memset(new, 0, sizeof *new);
    say(session, "Saved as %s: moment %llu. 'load %s' comes back to it.\n",
        save->name, (wide)past->journal.now, save->name);
}

void cmd_load(struct session *session, const struct words *words)
{
    struct past *past = session->past;
    struct past_save *save;

    if (!name_find(session, words))
        return;
    save = save_find(past, words->word[1]);
    if (save == NULL) {
        refuse(session, past->save[0].name[0] == '\0'
                            ? "nothing is saved as %s: 'save %s' saves the "
                              "lab as it is now"
                            : "nothing is saved as %s: 'save %s' saves the "
                              "lab as it is now (saved is %s, ...)",
               words->word[1], words->word[1], past->save[0].name);
        return;
    }
    if (save->recording_name[0] != '\0'
            && !recording_load(session, save->recording_name,
                               save->recording_scale))
        return;
    if (!past_new_lab(session, &save->setup, save->base))
        return;
    lab_copy(session->lab, save->lab);
    session->lab_stats = save->stats;
    if (!journal_copy_entries(&past->journal, &save->journal))
        past->journal.full = true;
    session->heard = (struct heard){ .count = 0 };
    show_moment(session);
}

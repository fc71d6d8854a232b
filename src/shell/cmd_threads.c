/* SPDX-License-Identifier: MIT */
/*
 * cmd_threads.c - as, threads: the lab acts as one thread after another
 *
 * `as 2 alloc 64` is what thread 2 would do: its heap is the one that commands
 * act on while that one command runs. Threads of a lab never run at the same
 * time, so a race is a list of commands, and the same every time.
 */

#include "command.h"
#include "explain.h"

#include "../trace/ledger.h"

/* The commands that a thread can give. */
static bool is_a_threads(const char *name)
{
    static const char *const names[] = {
        "alloc", "free", "realloc", "trim", "small", "lists", "slots",
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (text_equal(name, names[i]))
            return true;
    }
    return false;
}

static bool lab_can(struct session *session)
{
    const struct lab_setup *setup = &session->setup;

    if (session->machine == session->kernel)
        return refuse(session, "the threads are the lab's: 'use lab' first");
    if (!lab_has_threads(session->lab))
        return refuse(session, "each thread takes spans of its own, and this "
                               "arena is all one span: 'reset 1M 64K' makes "
                               "one with more");
    if (setup->policy != NULL)
        return refuse(session, "the heaps of threads choose blocks as the "
                               "real heap does: 'policy segregated' first");
    return true;
}

/* The number of the thread that WORD names; 0 after a refusal. */
static uint32_t thread_number(struct session *session, const char *word)
{
    uint64_t number;

    if (parse_number(word, &number) == PARSE_OK && number >= 1
            && number <= LAB_THREADS)
        return (uint32_t)number;
    refuse(session, "'%s' is no thread: they have the numbers 1 to %d, as in "
                    "'as 2 alloc 64'", word, LAB_THREADS);
    return 0;
}

void cmd_as(struct session *session, const struct words *words)
{
    struct heap *own = session->machine->heap;
    struct words rest = { .count = words->count - 2 };
    const struct command *command;
    uint32_t number;

    if (words->count < 3) {
        refuse(session, "as takes a thread and what it does: as 2 alloc 64, "
                        "as 1 free b");
        return;
    }
    if (!lab_can(session)
            || (number = thread_number(session, words->word[1])) == 0)
        return;
    command = command_find(words->word[2]);
    if (command == NULL || !is_a_threads(command->name)) {
        refuse(session, "a thread can alloc, free, realloc, trim, and show "
                        "its lists and slots, and not '%s'", words->word[2]);
        return;
    }
    for (int i = 0; i < rest.count; i++)
        rest.word[i] = words->word[i + 2];
    session->machine->heap = lab_thread_start(session->lab, number);
    command->run(session, &rest);
    session->machine->heap = own;
}

/* ---- threads ------------------------------------------------------------ */

/* What a heap has, counted by a walk through the arena. */
struct holdings {
    uint64_t spans, used, used_bytes, free, free_bytes, slot_pages;
    uint64_t kept, kept_bytes;
};

static struct holdings holdings_of(const struct heap *heap)
{
    struct holdings has = { 0 };
    uint64_t span = UINT64_MAX;
    struct heap_cursor cursor;

    heap_walk(&cursor);
    while (heap_walk_next(heap, &cursor)) {
        if (cursor.fault != MM_OK || cursor.large
                || cursor.owner != heap->owner)
            continue;
        has.spans += cursor.span_at != span;
        span = cursor.span_at;
        if (!cursor.used) {
            has.free++;
            has.free_bytes += cursor.size;
        } else if (cursor.kept) {
            has.kept++;
            has.kept_bytes += cursor.size;
        } else {
            has.used++;
            has.used_bytes += cursor.size;
            has.slot_pages += cursor.slots;
        }
    }
    return has;
}

enum { REMOTE_SHOWN = 64 };

/* The payloads that wait for HEAP, the last one first. */
static void show_remote(struct session *session, const struct heap *heap)
{
    uint64_t at = heap_remote_last(heap);
    unsigned shown = 0;

    if (heap_drained_next(heap) != 0)
        say(session, "  taken from it, and freed in portions: +0x%llx and "
                     "so on\n", (wide)heap_drained_next(heap));
    say(session, "  remote list:");
    if (at == 0)
        say(session, " empty");
    for (; at != 0 && shown < REMOTE_SHOWN;
         at = heap_remote_before(heap, at), shown++) {
        const struct ledger_freed *freed =
            session->machine->ledger == NULL
                ? NULL : ledger_find_freed(session->machine->ledger, at);
        struct short_text letters;

        say(session, "%s +0x%llx", shown == 0 ? "" : " ->", (wide)at);
        if (freed != NULL)
            say(session, " (%s)", print_letters(&letters, freed->letter));
    }
    say(session, "%s\n", at != 0 ? " ..." : "");
}

static void show_heap(struct session *session, const struct heap *heap)
{
    struct holdings has = holdings_of(heap);

    say(session, "heap %u%s: %llu span%s, %llu block%s used (%llu bytes), "
                 "%llu free (%llu bytes)\n", heap->owner,
        heap->owner == 0 ? " (nobody's)" : "", (wide)has.spans,
        plural(has.spans), (wide)has.used, plural(has.used),
        (wide)has.used_bytes, (wide)has.free, (wide)has.free_bytes);
    say(session, "  %llu slot page%s, %llu block%s kept (%llu bytes)\n",
        (wide)has.slot_pages, plural(has.slot_pages), (wide)has.kept,
        plural(has.kept), (wide)has.kept_bytes);
    show_remote(session, heap);
}

void cmd_threads(struct session *session, const struct words *words)
{
    uint32_t count = 0;

    if (words->count != 1) {
        refuse(session, "threads takes no words: it shows every heap");
        return;
    }
    if (!lab_can(session))
        return;
    show_heap(session, session->machine->heap);
    for (uint32_t number = 1; number <= LAB_THREADS; number++) {
        const struct heap *heap = lab_thread(session->lab, number);

        if (heap == NULL)
            continue;
        show_heap(session, heap);
        count++;
    }
    if (count == 0)
        say(session, "No thread has a heap yet: 'as 1 alloc 64' makes the "
                     "first.\n");
}

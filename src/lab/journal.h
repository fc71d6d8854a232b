/* SPDX-License-Identifier: MIT */
/*
 * journal.h - what was done to a lab, so that it can be undone
 *
 * A lab is deterministic: made anew and given the same commands, it is the
 * same to the byte. So the journal keeps the commands, and every so often a
 * copy of the lab. To go to a moment, the nearest copy before it is put back
 * and the commands from there on are done again.
 *
 *     moment     0     1     2           64                 now        end
 *                |--a--|--b--|-- ...  ---|-- ... ------------|--- ... ---|
 *     copies                             *            *
 *
 * Moment n is after n commands; moment 0 is the new lab. `now` is where the
 * lab is; after going back, what lies between now and the end can be done
 * again, until another command is done: then that future is forgotten.
 *
 * A command is a line of text, or a *run* of steps that a recorded program
 * makes, a moment each, of which only the place in the record is kept.
 *
 * The journal owns no lab and knows no commands: whoever owns both gives it
 * the functions of struct journal_owner.
 */
#ifndef LAB_JOURNAL_H
#define LAB_JOURNAL_H

#include "lab.h"

enum {
    JOURNAL_INTERVAL = 64,      /* moments between two copies, at first */
    JOURNAL_COPIES = 256,
    JOURNAL_CHUNKS = 256,
    JOURNAL_CHUNK_BYTES = 64 * 1024,
    JOURNAL_POOL_CHUNKS = 96,   /* of 64 pages each: 24 MiB at most */
};

/* One command, or a run of COUNT steps of a record. */
struct journal_entry {
    uint64_t first;             /* the moment before it */
    uint32_t count;             /* moments that it takes: 1 for a text */
    uint32_t position;          /* of a run: its first step in the record */
    const char *text;           /* NULL: a run */
};

struct journal_owner {
    void *context;
    void *(*memory)(size_t bytes);      /* zeroed; NULL: there is none */
    void (*release)(void *memory, size_t bytes);
    /* Makes the lab what it was at moment 0. */
    void (*restart)(void *context);
    /* Does ENTRY again; of a run, only its step number STEP. */
    void (*redo)(void *context, const struct journal_entry *entry,
                 uint32_t step);
};

struct journal_copy {
    uint64_t moment;
    unsigned char *bytes;       /* extra, fields, then a number of a page in
                                   the pool for each page of the room */
};

struct journal {
    struct journal_owner owner;
    struct lab *lab;            /* NULL: there is none, nothing is noted */
    void *extra;                /* goes with the lab: what observers know */
    size_t extra_bytes;
    uint64_t now, end;
    bool full;                  /* something was done that is not noted */

    /* The entries, in chunks, and their texts, in others. */
    uint64_t entry_count;
    void *entry_chunks[JOURNAL_CHUNKS];
    void *text_chunks[JOURNAL_CHUNKS];
    uint32_t text_chunk, text_used;

    /* The copies. A page that several of them share is in the pool once. */
    uint64_t interval;
    uint32_t copy_count;
    struct journal_copy copies[JOURNAL_COPIES];
    size_t copy_bytes, room_pages;
    void *pool_chunks[JOURNAL_POOL_CHUNKS];
    uint32_t pool_pages, pool_free;     /* in the pool; the list's head */
};

/* Begins the journal of LAB, which is new. EXTRA_BYTES at EXTRA are saved and
 * put back with it. Takes no memory yet. */
void journal_open(struct journal *journal, const struct journal_owner *owner,
                  struct lab *lab, void *extra, size_t extra_bytes);

/* Gives all memory back. */
void journal_close(struct journal *journal);

/* TEXT was done, and the lab is at the next moment. What lay behind now is
 * forgotten. */
void journal_add(struct journal *journal, const char *text);

/* The same for the step at POSITION of a record. */
void journal_add_step(struct journal *journal, uint32_t position);

/*
 * Takes the lab to MOMENT, at most the end; the last thing that happens is
 * that the command before it is done again, so that its events are heard.
 * Time: putting a copy back, and at most an interval of commands. False, and
 * nothing happened, if the journal is full.
 */
bool journal_go(struct journal *journal, uint64_t moment);

/* Makes TO, whose owner is to be FROM's, a journal of what FROM has noted up
 * to now; if TO has a lab, it must be FROM's as it is now. False: there is no
 * memory for that. */
bool journal_copy_entries(struct journal *to, const struct journal *from);

/* The entry of the command that leads to MOMENT, 1 ... end; its step in
 * *STEP. NULL if there is none. */
const struct journal_entry *journal_find(const struct journal *journal,
                                         uint64_t moment, uint32_t *step);

/* Entry number INDEX, 0 ... entry_count - 1. */
const struct journal_entry *journal_entry(const struct journal *journal,
                                          uint64_t index);

#endif

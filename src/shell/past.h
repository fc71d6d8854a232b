/* SPDX-License-Identifier: MIT */
/*
 * past.h - what a session remembers of its lab, to go back and to explain
 *
 * The journal (src/lab/journal.h) knows which commands the lab was given. With
 * it `back` and `goto` go to other moments; and since a lab as it was before
 * the last command can be made beside the real one, `why`, `step` and
 * `predict` can look at both.
 *
 * All of this is the lab's: the kernel's own memory is real and has no past.
 */

#ifndef HEAPGLASS_SHELL_PAST_H
#define HEAPGLASS_SHELL_PAST_H

#include "session.h"

#include "../lab/journal.h"
#include "../lab/policy.h"
#include "../lab/recording.h"
#include "../trace/ledger.h"

enum {
    PAST_SAVES = 8,
    PAST_NAME = 32,
    PAST_BASE = 96,
};

struct command;

/* What `save` keeps. */
struct past_save {
    char name[PAST_NAME];               /* "": nothing is kept here */
    struct lab_setup setup;
    char base[PAST_BASE];
    char recording_name[PAST_NAME];
    uint32_t recording_scale;
    struct lab *lab;                    /* a copy, in memory of its own */
    size_t lab_bytes;
    struct stats stats;
    struct journal journal;             /* the commands up to it */
};

/* What is asked before an operation (cmd_predict.c). */
struct past_quiz {
    bool on;
    uint64_t seed;                      /* 0: all questions are asked */
    uint32_t left;                      /* operations that `quiz` still has */
    bool asked_by_quiz;
    char command[LINE_SIZE];            /* that waits for answers; or "" */
    uint32_t questions;                 /* still to be asked: a bit each */
    uint32_t question;                  /* that is being asked */
    uint32_t asked, right;              /* the score */
};

struct past {
    struct journal journal;
    char base[PAST_BASE];               /* the command that made the lab */

    /* A lab beside the real one, of the same setup. */
    struct lab *beside;
    void *beside_memory;
    size_t beside_bytes;
    uint64_t beside_moment;             /* it is the lab at this moment ... */
    bool beside_is_moment;              /* ... if so */

    uint32_t threads_before;            /* that had a heap before a command */

    /* step (cmd_step.c) */
    bool stepping;
    bool step_armed;                    /* events of this command are shown */
    bool step_through;                  /* `c`: on to the end of it */
    uint32_t step_number;
    bool step_beside;                   /* `beside` is the lab before it */

    /* replay (cmd_replay.c) */
    struct recording recording;         /* count 0: none */
    char recording_name[PAST_NAME];
    size_t recording_bytes;

    struct past_quiz quiz;
    struct past_save save[PAST_SAVES];
    struct past_save unfinished;        /* becomes one of them when it is
                                           whole */
};

/* ---- for session.c --------------------------------------------------------- */

/* The lab was made anew: its past begins. */
void past_open(struct session *session);

/* Gives back all memory that the past takes. */
void past_close(struct session *session);

/* COMMAND is about to run. False: not now, it waits for an answer. */
bool past_before(struct session *session, const struct command *command,
                 const struct words *words);

/* COMMAND has run: takes note if it changed the lab. */
void past_after(struct session *session, const struct command *command,
                const struct words *words);

/* A line was typed: true if it was an answer to a question. */
bool past_answer(struct session *session, const char *line);

/* An event of the machine in use. */
void past_hear(struct session *session, const struct mm_event *event);

/* ---- for the commands ------------------------------------------------------ */

/* Whether the session is using a lab that has a past; refuses WHO if not. */
bool past_is_there(struct session *session, const char *who);

/* Takes the lab to MOMENT without a word. */
bool past_go(struct session *session, uint64_t moment);

/* The lab beside, of the same setup, its contents anything; NULL: there is no
 * memory. */
struct lab *past_beside(struct session *session);

/* Makes the lab beside what the lab was at MOMENT, and leaves the lab where it
 * is, its last command heard again; NULL when that cannot be. */
struct lab *past_beside_at(struct session *session, uint64_t moment);

/* Where the recording goes on after the present moment. */
uint32_t past_position(const struct session *session);

/* The command that leads to MOMENT, as it could be typed. */
const char *past_command(const struct session *session, uint64_t moment,
                         char *text, size_t size);

/* A new lab as SETUP says, whose past begins with the command BASE. */
bool past_new_lab(struct session *session, const struct lab_setup *setup,
                  const char *base);

/* The row of `dump` for the block under CURSOR of MACHINE, without its end. */
enum { BLOCK_ROW_SIZE = 96 };
char *block_row(char text[BLOCK_ROW_SIZE], const struct machine *machine,
                const struct heap_cursor *cursor);

/* cmd_step.c: an operation is about to begin, whose events may be shown. */
void step_arm(struct session *session);

/* cmd_why.c: the live block that, freed alone, makes the lab grant THREAD (0:
 * the lab's own heap) the REQUEST that it refuses now; NULL: there is none. It
 * was tried. */
const struct ledger_entry *why_block(struct session *session,
                                     const struct heap_request *request,
                                     uint32_t thread);

/* cmd_predict.c: whether the command WORDS may run now; else a question was
 * asked. */
bool predict_before(struct session *session, const struct words *words);

/* cmd_replay.c: reads the recording called NAME; refuses if it cannot. */
bool recording_load(struct session *session, const char *name,
                    uint32_t scale);
void recording_unload(struct session *session);
void recording_redo(struct session *session, uint32_t position);

#endif

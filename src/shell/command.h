/* SPDX-License-Identifier: MIT */
/*
 * command.h - which commands there are
 *
 * One table (command.c) says for every command its name, what it takes, what
 * it does in a line and at length, and the function that does it. `help`,
 * completion and suggestions read the same table, so that none of them can
 * forget a command.
 */

#ifndef HEAPGLASS_SHELL_COMMAND_H
#define HEAPGLASS_SHELL_COMMAND_H

#include "session.h"

enum command_needs {
    NEEDS_NOTHING,
    NEEDS_MACHINE,              /* a lab or a kernel to act on */
    CHANGES_MACHINE,            /* the same, and changes it: the journal takes
                                   note (past.h) */
};

struct command {
    const char *name;
    const char *arguments;      /* "N [align A]"; "" when it takes none */
    const char *summary;        /* one line, without a full stop */
    const char *details;        /* more lines, with an example */
    const char *first;          /* words that may come first, for completion,
                                   separated by blanks; "*" stands for the
                                   letters of blocks, "commands" for all
                                   commands */
    const char *group;          /* begins a group with this title in `help`;
                                   NULL: belongs to the one before */
    /* Does it; WORDS->word[0] is the name. What went wrong it says with
     * refuse(). */
    void (*run)(struct session *session, const struct words *words);
    enum command_needs needs;
};

extern const struct command commands[];
extern const size_t command_count;

/* The command called NAME, or NULL. */
const struct command *command_find(const char *name);

/* Refuses NAME, which no command has, with the name that was probably meant. */
void command_suggest(struct session *session, const char *name);

/* For the line editor (see line.h): names of commands, words that a command
 * understands, letters of live blocks. CONTEXT is the session. */
const char *command_candidate(void *context, const char *text, size_t start,
                              unsigned index);

/* ---- the functions, by file --------------------------------------------- */

typedef void command_run(struct session *session, const struct words *words);

/* cmd_alloc.c: what changes blocks */
command_run cmd_alloc, cmd_free, cmd_realloc, cmd_fill, cmd_poke;

/* cmd_show.c: what shows blocks */
command_run cmd_dump, cmd_map, cmd_lists, cmd_frag, cmd_slots;

/* cmd_time.c: other moments */
command_run cmd_history, cmd_back, cmd_forward, cmd_goto, cmd_diff, cmd_save,
    cmd_load;

/* cmd_step.c, cmd_why.c, cmd_predict.c: what an operation does, and why */
command_run cmd_step, cmd_why, cmd_predict, cmd_quiz;

/* cmd_policy.c, cmd_replay.c: other ways to choose, and real input */
command_run cmd_policy, cmd_traces, cmd_replay, cmd_until, cmd_race;

/* cmd_bp.c: a debugger outside */
command_run cmd_bp;

/* cmd_tree.c */
command_run cmd_tree;

/* cmd_stream.c: the lab told to a program */
command_run cmd_stream;

/* cmd_threads.c: one thread after another */
command_run cmd_as, cmd_threads;

/* cmd_watch.c: the live map */
command_run cmd_watch, cmd_screen;

/* cmd_apart.c, cmd_bench.c: what is held when nearly all is freed; costs */
command_run cmd_apart, cmd_bench;

/* cmd_machine.c: what lies below the blocks, and the lab as a whole */
command_run cmd_frames, cmd_ranges, cmd_memmap, cmd_whatis, cmd_check,
    cmd_stats, cmd_trim, cmd_small, cmd_reset, cmd_use;

/* cmd_lesson.c: the course */
command_run cmd_lesson, cmd_next, cmd_answer, cmd_done, cmd_handin;

/* cmd_zoo.c: faults to be found */
command_run cmd_bug, cmd_plant, cmd_found;

/* cmd_session.c: the shell itself */
command_run cmd_help, cmd_plain, cmd_more, cmd_events, cmd_keymap, cmd_crash,
    cmd_version, cmd_poweroff, cmd_reboot;

#endif

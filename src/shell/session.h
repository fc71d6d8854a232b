/* SPDX-License-Identifier: MIT */
/*
 * session.h - what a shell knows while somebody uses it
 *
 * There is one session for each shell. It owns the line that is being typed,
 * the way output goes to the display, the lab, and the machine that commands
 * act on. Everything that a command prints goes through say() and refuse().
 *
 *   S1  What a command prints in plain mode depends on the lab and on nothing
 *       else: not on the home, the display, or the time.
 *   S2  A command that did not do what it was asked to do has called
 *       refuse(), once, and its status is 1.
 *   S3  Between commands the output stands at the start of a row.
 *
 * May include: src/mm, src/trace, src/lab, and kernel/memmap.h.
 */

#ifndef HEAPGLASS_SHELL_SESSION_H
#define HEAPGLASS_SHELL_SESSION_H

#include "line.h"
#include "parse.h"
#include "print.h"
#include "zoo.h"

#include "../lab/lab.h"
#include "../trace/stats.h"

enum {
    HEARD_MAX = 64,     /* events of one command that are remembered */
    ROW_SIZE  = 256,    /* of the pending word of a row */
    KERNEL_LETTERS = 16384,     /* live blocks of the kernel's that can have
                                   one */
};

/* How output reaches the display; see say(). */
struct output {
    bool plain;         /* no colours, no cursor movement, no pauses */
    bool more;          /* pause when the display is full */
    bool silent;        /* nothing is shown: an exercise is being set up */
    bool muted;         /* `q` at a pause: drop the rest of this command's */
    bool stopped;       /* Ctrl-C during this command */
    int  columns, rows; /* of the display */
    int  column;        /* where the next character goes */
    int  rows_shown;    /* since the last pause */
    unsigned percent;   /* of long work, as shown; 0: not shown */
    bool in_escape;     /* the pending word is inside an ESC sequence */
    int  pending_width; /* columns that the pending word takes */
    size_t pending;     /* bytes of it */
    char word[ROW_SIZE];
};

/* The events of the command that is running, for its explanation. */
struct heard {
    uint64_t events[MM_EVENT_KINDS];    /* how many of each kind */
    uint64_t bytes[MM_EVENT_KINDS];     /* the sum of their sizes */
    size_t count;                       /* of the array below */
    struct mm_event event[HEARD_MAX];   /* the first of them, without those
                                           of single frames */
};

struct watch;

struct course;

struct past;

struct course;

struct session {
    uint32_t breaks;            /* a bit for each kind of event at which a
                                   debugger stops (cmd_bp.c) */
    struct machine *machine;    /* that commands act on; NULL: none */

    struct line line;
    bool prompted;              /* the prompt stands there */
    bool failed;                /* some command answered with status 1 */
    bool refused;               /* the one that is running has */
    bool ended;                 /* by Ctrl-D, where that ends a shell */

    struct output output;

    struct lab_setup setup;     /* of the lab, for `reset` */
    struct lab *lab;            /* NULL if there was no memory for it */
    void  *lab_memory;
    size_t lab_bytes;

    struct machine *kernel;     /* NULL until `use kernel` */

    struct stats *stats;        /* of that machine */
    struct stats lab_stats, kernel_stats;
    bool events;                /* print every event */
    bool warned;                /* of what `poke` may do */
    struct heard heard;
    struct watch *watch;        /* the live map; NULL: off (watch.h) */
    bool streaming;             /* every event is told (stream.h) */
    bool stream_stale;          /* the lab is not what was told last */
    int stream_muted;           /* what is done now was told already */
    int terminal_columns, terminal_rows;    /* as `screen` said; or 0 */
    struct past *past;          /* of the lab (past.h); NULL: no memory */
    struct zoo zoo;             /* a fault that was planted */
    struct course *course;      /* the lessons (course.h); NULL until used */
    struct short_text candidate;    /* for command_candidate() */
};

/* ---- for the home ------------------------------------------------------- */

/* Starts a session: makes the lab and obeys COMMAND_LINE (see shell.h). */
void session_open(struct session *session, const char *command_line);

/* Shows the prompt, unless it is there. */
void session_prompt(struct session *session);

/* Takes a BYTE that was typed, and runs what it completes. */
void session_feed(struct session *session, unsigned char byte);

/* The input has ended: runs what was typed last. Returns the status. */
int session_close(struct session *session);

/* Runs one line of commands; it is cut up on the way. */
void session_run_line(struct session *session, char *line);

/* ---- for commands: output ----------------------------------------------- */

/*
 * Prints (see print.h for the format). Where a person looks, long rows are
 * broken between words, and a full display waits for a key. False when
 * nobody wants to see more of this command's output (`q`, Ctrl-C): a loop
 * that prints should end then.
 */
bool say(struct session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Prints a sentence (the '\n' comes by itself) that says why the command is
 * not done and what would be right. Always false: `return refuse(...)`. */
bool refuse(struct session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether Ctrl-C was pressed, for work that is long without printing. Says
 * so, and counts as a refusal. */
bool session_stopped(struct session *session);

/* Long work has come to DONE of TOTAL: shows how far that is, where a person
 * looks, on a row that goes when something is said. WHAT is a word, such as
 * "filling". */
void session_progress(struct session *session, const char *what,
                      uint64_t done, uint64_t total);

enum colour {
    COLOUR_NONE,
    COLOUR_USED,
    COLOUR_FREE,
    COLOUR_FAINT,
    COLOUR_WARNING,
    COLOUR_NAME,
};

/* What switches the display to COLOUR; "" in plain mode. */
const char *colour(const struct session *session, enum colour colour);

/* ---- for commands: the machine ------------------------------------------ */

/* Makes the lab anew as SETUP says. On failure says why and keeps the old. */
bool session_reset(struct session *session, const struct lab_setup *setup);

/* Makes the lab what it was when it was new, in its place. */
void session_restart(struct session *session);

/* From now on commands act on the lab, or on the kernel's own memory. On
 * failure says why, and nothing changes. */
bool session_use_lab(struct session *session);
bool session_use_kernel(struct session *session);

/* Turns plain mode on or off. */
void session_plain(struct session *session, bool plain);

#endif

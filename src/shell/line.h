/* SPDX-License-Identifier: MIT */
/*
 * line.h - line editing: bytes go in, a line comes out
 *
 * A pure state machine. It is fed one byte at a time, and what should appear
 * on the display it writes through a function that it was given; it never
 * waits, and it does not know what a command is.
 *
 * A line stands in one row of the display. If it is longer than the row, a
 * window moves over it:
 *
 *              |<---------- columns - 1 ---------->|
 *              |heap> |llo world, this is a long li|
 *   text:  "... h e l l o  w o r l d ...            ..."
 *                 ^ shift           ^ cursor
 *
 * so that the editor moves the display's cursor only within a row. It needs
 * of the display: carriage return, ESC [ K (erase to the end of the row),
 * ESC [ n D (left), and, for Ctrl-L, ESC [ H and ESC [ 2 J.
 *
 * In *plain* mode it needs none of these: what is typed is echoed, and that
 * is all. A line that was changed otherwise is shown again in a row of its
 * own, so that the last row always shows what Enter will run.
 *
 * Keys: Left, Right, Home, End, Delete, Backspace; Ctrl-A, -E, -B, -F, -D,
 * -H as in Emacs; Ctrl-K and Ctrl-U cut to the end and to the start, Ctrl-W
 * the word before the cursor, Ctrl-Y puts back what was cut; Up and Down
 * (Ctrl-P, Ctrl-N) walk through older lines; Tab completes; Ctrl-L clears the
 * display; Ctrl-C gives the line up.
 */

#ifndef HEAPGLASS_SHELL_LINE_H
#define HEAPGLASS_SHELL_LINE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    LINE_SIZE    = 1024,        /* with the '\0' */
    LINE_HISTORY = 64,          /* older lines that are remembered */
};

/* What the editor needs from its owner. */
struct line_owner {
    void *context;
    /* Shows SIZE bytes at TEXT. */
    void (*write)(void *context, const char *text, size_t size);
    /*
     * Candidate number INDEX for completing the word that starts at
     * TEXT[START], or NULL when there are no more. They need not match what
     * is there of the word: the editor looks. A candidate is used before the
     * next is asked for.
     */
    const char *(*candidate)(void *context, const char *text, size_t start,
                             unsigned index);
};

enum line_event {
    LINE_TYPING,        /* nothing to do yet */
    LINE_DONE,          /* text[] is a whole line */
    LINE_TOO_LONG,      /* Enter, but `length + lost` is more than fits: the
                           line must not be run. What fits is in the history */
    LINE_CANCELLED,     /* Ctrl-C */
    LINE_END,           /* Ctrl-D on an empty line */
};

struct line {
    struct line_owner owner;
    const char *prompt;
    int    columns;             /* of the display */
    bool   plain;

    char   text[LINE_SIZE];     /* always ends in '\0' */
    size_t length;
    size_t cursor;              /* 0 ... length: typing inserts before it */
    size_t shift;               /* first character in the window */
    size_t lost;                /* characters for which there was no room */

    unsigned char escape;       /* where we are in an escape sequence */
    unsigned parameter;         /* its number, as in ESC [ 3 ~ */
    bool   after_return;        /* a '\n' now belongs to the '\r' before it */
    bool   after_tab;           /* the last key was a Tab that did nothing */

    char   cut[LINE_SIZE];      /* for Ctrl-Y */
    char   draft[LINE_SIZE];    /* the new line while an older one shows */
    char   history[LINE_HISTORY][LINE_SIZE];    /* a ring */
    size_t history_end;         /* lines ever remembered */
    size_t history_back;        /* 0: the new line shows; 1: the last ... */
};

/* Makes LINE ready for its first line_begin(). PROMPT stays the caller's. */
void line_init(struct line *line, const struct line_owner *owner,
               const char *prompt);

/* Starts an empty line: shows the prompt. COLUMNS is the display's width. */
void line_begin(struct line *line, int columns, bool plain);

/* Takes one BYTE that was typed. After any answer but LINE_TYPING the next
 * thing to do is line_begin(). O(LINE_SIZE). */
enum line_event line_feed(struct line *line, unsigned char byte);

/* Whether nothing has been typed on this line. */
bool line_is_empty(const struct line *line);

#endif

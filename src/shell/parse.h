/* SPDX-License-Identifier: MIT */
/*
 * parse.h - from a typed line to words, numbers and names of blocks
 *
 * A line holds commands separated by `;`, a command holds words separated by
 * blanks, and a `#` starts a comment that reaches to the end of the line.
 * There is no quoting: no command needs a word with a blank in it.
 *
 * The line is cut up where it stands: parse_words() writes a '\0' behind each
 * word, and the words point into the line.
 */

#ifndef HEAPGLASS_SHELL_PARSE_H
#define HEAPGLASS_SHELL_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORDS_MAX = 64 };

struct words {
    int   count;            /* word[0] is the command's name */
    bool  too_many;         /* there were more than WORDS_MAX */
    char *word[WORDS_MAX];
};

/*
 * Cuts the first command off the line at *LINE, into WORDS, and moves *LINE
 * behind it. False when the line has no more commands. An empty command (two
 * separators in a row) has no words.
 */
bool parse_words(char **line, struct words *words);

enum parse_result {
    PARSE_OK,
    PARSE_NOT_ONE,          /* it does not look like one at all */
    PARSE_TOO_LARGE,        /* it looks like one, but does not fit */
};

/* A number: decimal, or hexadecimal after 0x; K, M or G behind it multiplies
 * by 1024, 1024^2 or 1024^3. All of WORD must belong to it. */
enum parse_result parse_number(const char *word, uint64_t *number);

/* An offset in the arena: a number, or a number after a `+`. */
enum parse_result parse_offset(const char *word, uint64_t *offset);

/* The name of a block: letters only; "a" is 0, "z" 25, "aa" 26. */
enum parse_result parse_letters(const char *word, uint32_t *index);

/* A switch: "on" or "off". */
enum parse_result parse_switch(const char *word, bool *on);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * lesson.h - chapters, pages, exercises: what the course's text says
 *
 * The course is one text: the files docs/lessons/NN-*.md, one behind the
 * other. In a kernel it is a boot module. Nothing is converted: what a
 * student reads on the web is what the shell shows, and what it judges by.
 *
 *     # 6. Free, and the four cases of coalescing      a chapter
 *     ## The idea                                      a page
 *     ## Predict                                       a page, without what
 *                                                      comes behind it:
 *     ```heap                                          something to type
 *     ```goal                                          an exercise, and a page
 *
 * An exercise is a list of fields; a line that begins with a blank goes on
 * with the field before it:
 *
 *     let N = EXPRESSION     a number; pick(LOW, HIGH, STEP) draws one
 *     start: COMMANDS        typed for the student, in a new lab
 *     ask: TEXT              what is to be done; {EXPRESSION} is a number
 *     want: EXPRESSION : TEXT   must be true of the lab; TEXT says it in words
 *     answer: EXPRESSION     must be what the student answers
 *     hint: TEXT             said after a wrong try
 *
 * Expressions have whole numbers, + - * / %, == != < <= > >=, and, or, not,
 * brackets, the names of `let`, and what the caller knows about a lab.
 *
 * Everything here is a pure function of the text: it prints nothing and
 * touches no lab.
 */
#ifndef HEAPGLASS_SHELL_LESSON_H
#define HEAPGLASS_SHELL_LESSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece of text, which somebody else keeps. */
struct slice {
    const char *text;
    size_t size;
};

bool slice_equal(struct slice slice, const char *text);
bool slice_starts_with(struct slice slice, const char *start);

/* Cuts the first line, without its '\n', off REST; false at the end. */
bool slice_line(struct slice *rest, struct slice *line);

/* ---- chapters, pages, exercises ----------------------------------------- */

/* Chapter number INDEX of BOOK, from its title line to the next one's; false
 * behind the last. */
bool lesson_chapter(struct slice book, unsigned index, struct slice *chapter);

/* The number in a chapter's title ("# 6. Free" has 6); false if none. */
bool lesson_number(struct slice chapter, unsigned *number);

/* A chapter's title without '#', number and full stop. */
struct slice lesson_title(struct slice chapter);

/* Page INDEX of CHAPTER: a section, or an exercise (without its fence, and
 * *IS_GOAL set). False behind the last. */
bool lesson_page(struct slice chapter, unsigned index, struct slice *page,
                 bool *is_goal);

/* Exercise INDEX of CHAPTER, from 0 on: its fields. */
bool lesson_goal(struct slice chapter, unsigned index, struct slice *goal);

/* Field INDEX of those called NAME ("want") in GOAL. */
bool goal_field(struct slice goal, const char *name, unsigned index,
                struct slice *field);

/* ---- expressions -------------------------------------------------------- */

enum { NUMBERS_MAX = 16 };

/* The numbers of one exercise, and where others come from. */
struct numbers {
    unsigned count;
    struct {
        struct slice name;
        int64_t value;
    } number[NUMBERS_MAX];
    uint64_t random;            /* what pick() draws from */

    /* What NAME is worth, or NAME(WORD); WORD is empty without brackets. */
    bool (*fact)(void *context, struct slice name, struct slice word,
                 int64_t *value);
    /* The same for NAME(VALUE). */
    bool (*fact_of)(void *context, struct slice name, int64_t of,
                    int64_t *value);
    void *context;
};

/* Draws the numbers of GOAL for SEED; KEY tells exercises apart. The facts
 * are left as they are. False if a `let` makes no sense. */
bool numbers_draw(struct numbers *numbers, struct slice goal, uint64_t seed,
                  uint32_t key);

/* The value of TEXT, which must be an expression up to its end or up to a
 * ':'; *REST, unless NULL, is what follows the ':'. False if it is none. */
bool numbers_value(struct numbers *numbers, struct slice text, int64_t *value,
                   struct slice *rest);

/* Copies TEXT to OUT with every {EXPRESSION} replaced by its value and new
 * lines by blanks; cut to SIZE - 1 characters. False if an expression makes
 * no sense. */
bool numbers_fill_in(struct numbers *numbers, struct slice text, char *out,
                     size_t size);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * course.h - one student's way through the lessons
 *
 * What a session keeps for `lesson`, `next`, `answer`, `done` and `handin`:
 * the page that is read, the exercise that is worked at, what was solved, and
 * the commands that solved it. The text itself is lesson.h's.
 */
#ifndef HEAPGLASS_SHELL_COURSE_H
#define HEAPGLASS_SHELL_COURSE_H

#include "lesson.h"
#include "session.h"

enum {
    COURSE_EXERCISES = 128,     /* that can be remembered */
    ATTEMPT_SIZE = 2048,        /* characters of commands for one exercise */
    SOLUTIONS_SIZE = 48 * 1024, /* of all that were solved */
    PASTED_SIZE = ATTEMPT_SIZE + 128,
};

/* What is known about one exercise that was worked at. */
struct course_record {
    uint16_t chapter, exercise; /* "6.2" */
    uint16_t wrong;             /* tries that were wrong */
    bool solved;
    uint32_t at, size;          /* the commands that solved it, in `solutions` */
};

struct course {
    struct slice book;
    uint64_t seed;

    unsigned chapter;           /* that is read: its index in the book */
    unsigned page;              /* that `next` shows */
    bool reading;

    /* The exercise that is worked at. */
    bool working;
    bool setting_up;            /* its `start` commands are running */
    struct slice goal;
    struct course_record *record;
    struct numbers numbers;
    bool attempt_lost;          /* it was too long to be kept */
    size_t attempt_length;
    char attempt[ATTEMPT_SIZE];

    size_t record_count;
    struct course_record records[COURSE_EXERCISES];
    size_t solutions_length;
    char solutions[SOLUTIONS_SIZE];

    /* The line of a hand-in that is being pasted. */
    bool pasting;
    size_t pasted_length;
    char pasted[PASTED_SIZE];
};

/* Takes LINE if it belongs to a hand-in that is being pasted; it is cut up on
 * the way. False if it is a line like any other. */
bool course_resume(struct session *session, char *line);

/* What session_run() tells: a command is about to run; it has run. */
void course_note(struct session *session, const struct words *words);
void course_judge(struct session *session);

/* Runs the commands of LINE, which is cut up on the way; nothing is shown, and
 * what is refused does not count. */
void type_quietly(struct session *session, char *line);

/* cmd_zoo.c: L1, every block in use has a letter. False, and *AT is the block,
 * if one has none. */
bool letters_check(const struct session *session, uint64_t *at);

/* lab_facts.c: what an exercise may ask of the lab (see lesson.h); CONTEXT is
 * the session. docs/lessons/README.md lists the names. */
bool lab_fact(void *context, struct slice name, struct slice word,
              int64_t *value);
bool lab_fact_of(void *context, struct slice name, int64_t of, int64_t *value);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * closure.h - what the four enumerations of states share
 *
 * A failure ends the program: it says what was expected, in which state, and
 * after which operation.
 */
#ifndef TESTS_CLOSURE_H
#define TESTS_CLOSURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *closure_name = "closure";
static const char *closure_what = "nothing yet";
static unsigned closure_a, closure_b;

/* The program's own: says in which state it is. */
void closure_show_state(void);

/* What is tried now; WHAT may have a %u or %x for each number. */
static inline void closure_note(const char *what, unsigned a, unsigned b)
{
    closure_what = what;
    closure_a = a;
    closure_b = b;
}

static inline void closure_fail(const char *sentence, const char *file,
                                int line)
{
    printf("not ok - %s: %s\n# after: ", closure_name, sentence);
    printf(closure_what, closure_a, closure_b);
    printf("\n# %s:%d\n", file, line);
    closure_show_state();
    exit(1);
}

#define EXPECT(condition, sentence)                                        \
    ((condition) ? (void)0 : closure_fail(sentence, __FILE__, __LINE__))

_Noreturn void mm_home_panic(const char *file, int line,
                             const char *sentence);

_Noreturn void mm_home_panic(const char *file, int line, const char *sentence)
{
    closure_fail(sentence, file, line);
    abort();
}

#endif

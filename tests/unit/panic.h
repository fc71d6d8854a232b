/* SPDX-License-Identifier: MIT */
/*
 * panic.h - for a test without home.c: when src/mm stops, the test fails, unless
 * it has asked for just that
 *
 * Each program includes this once; it defines mm_home_panic().
 */
#ifndef TESTS_PANIC_H
#define TESTS_PANIC_H

#include "support.h"

static jmp_buf *panic_target;
static const char *panic_sentence;

_Noreturn void mm_home_panic(const char *file, int line, const char *sentence)
{
    if (panic_target != NULL) {
        panic_sentence = sentence;
        longjmp(*panic_target, 1);
    }
    fail_msg("%s:%d: %s", file, line, sentence);
    abort();
}

/* Calls RUN; answers what mm_home_panic was told meanwhile, or "". */
static inline const char *panic_of(void (*run)(void))
{
    jmp_buf target;

    panic_sentence = "";
    panic_target = &target;
    if (setjmp(target) == 0)
        run();
    panic_target = NULL;
    return panic_sentence;
}

#endif

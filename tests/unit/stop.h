/* SPDX-License-Identifier: MIT */
/*
 * stop.h - for a program without home.c and panic.h: when src/mm stops, it says
 * why and ends
 *
 * panic.h jumps back into cmocka, which only the thread of the test may do, and
 * which a fuzz target does not have. Each program includes this once; it
 * defines mm_home_panic().
 */
#ifndef TESTS_STOP_H
#define TESTS_STOP_H

#include <stdio.h>
#include <stdlib.h>

#include "mm/mm.h"

_Noreturn void mm_home_panic(const char *file, int line, const char *sentence)
{
    fprintf(stderr, "%s:%d: %s\n", file, line, sentence);
    abort();
}

#endif

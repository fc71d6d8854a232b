/* SPDX-License-Identifier: MIT */
/*
 * judge.h - a program's error, said in a sentence; then the program ends
 */
#ifndef LIB_JUDGE_H
#define LIB_JUDGE_H

#include "../mm/heap.h"

/*
 * CALL ("free") was given PAYLOAD, and HEAP found FAULT: says on standard
 * error what is wrong, where, and what has likely happened. Aborts.
 */
_Noreturn void judge(const char *call, const void *payload,
                     const struct heap *heap, enum mm_fault fault);

/* Says so when the program touches a page of the arena at BASE that is not
 * held (a guard page, freed memory); then lets it die of it. */
void judge_guards(const struct heap *heap);

/* Writes SENTENCE on standard error, with our name in front. */
void judge_say(const char *sentence);

#endif

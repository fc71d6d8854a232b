/* SPDX-License-Identifier: MIT */
/*
 * sentence.h - an event in words, and as a line for programs
 *
 * Both are the same on every machine: offsets, never addresses.
 */
#ifndef TRACE_SENTENCE_H
#define TRACE_SENTENCE_H

#include "../mm/event.h"

enum { SENTENCE_CHARS = 192 };  /* enough for either form of any event */

/*
 * EVENT for a person, without a new line:
 *
 *     SPLIT +0x2b0: keeps 32 bytes, the 64832 bytes to the right stay free
 *
 * Writes at most SIZE bytes, the closing 0 included, and returns TEXT.
 */
char *sentence_of(const struct mm_event *event, char *text, size_t size);

/*
 * EVENT for a program: one JSON object, always with the same fields in the
 * same order, numbers decimal, without a new line:
 *
 *     {"event":"SPLIT","at":688,"size":32,"other":64832,"request":24,"use":0,
 *      "owner":0}
 */
char *event_line(const struct mm_event *event, char *text, size_t size);

/* "span", "large" and so on: the name of enum range_type TYPE. */
const char *range_type_name(uint64_t type);

#endif

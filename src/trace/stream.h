/* SPDX-License-Identifier: MIT */
/*
 * stream.h - a heap told to a program, one JSON object a line
 *
 *     {"hello":1,...}                a new heap, empty, and how it is laid out
 *     {"event":"SPLIT",...}          what happened (event_line in sentence.h)
 *     {"moved":688,"to":720}         a realloc's letter went along
 *     {"letters":3}                  as many letters count as given
 *     {"snapshot":"begin"} ...       the heap as a walk through memory finds
 *     {"snapshot":"end",...}         it, a line a block; when asked for
 *
 * Who reads all lines from a hello on knows every block, letter and list at
 * every moment. docs/stream.md has the fields, docs/stream.schema.json says
 * the same to programs, and tests/stream/rebuild does it.
 *
 * All numbers are decimal, all offsets are bytes from the arena's start. The
 * same commands give the same bytes on every machine.
 */
#ifndef TRACE_STREAM_H
#define TRACE_STREAM_H

#include "../mm/heap.h"
#include "ledger.h"

enum { STREAM_VERSION = 1 };

struct stream {
    /* Takes SIZE bytes; lines come in one or more pieces. NULL: nobody
     * listens, and nothing is written. */
    void (*write)(void *context, const char *text, size_t size);
    void *context;
};

/* What a hello tells. */
struct stream_hello {
    const char *version;        /* of the program */
    const char *policy;         /* how blocks are chosen */
    uint64_t arena_bytes;
    uint32_t span_bytes;
    uint32_t level;             /* enum heap_level */
    uint32_t frames;
    bool restored;              /* not empty: a snapshot follows */
};

void stream_hello(const struct stream *stream,
                  const struct stream_hello *hello);

void stream_event(const struct stream *stream, const struct mm_event *event);

/* The payload FROM has moved to TO and keeps its letter (see ledger_move). */
void stream_moved(const struct stream *stream, uint64_t from, uint64_t to);

/* The letters from LETTERS on count as never given (see ledger_forget). */
void stream_letters(const struct stream *stream, uint32_t letters);

/* What stream_snapshot reads. */
struct stream_source {
    const struct heap *heap;
    const struct heap *const *threads;  /* NULL where there is none */
    uint32_t thread_count;
    const struct ledger *ledger;        /* or NULL */
};

/* Writes all of SOURCE. Reads only; ends in any memory. */
void stream_snapshot(const struct stream *stream,
                     const struct stream_source *source);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * replay.h - what every way of replaying shares
 *
 * Each mode of the program `replay` is a file of its own and a function here.
 * A mode prints lines `NAME VALUE...`, which bench/run reads.
 */
#ifndef BENCH_REPLAY_H
#define BENCH_REPLAY_H

#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "trace.h"

enum { BENCH_PAGE = 4096 };

static inline uint32_t op_size(const struct op *op)
{
    return op->kind == OP_ALIGNED
               ? op->size & ((UINT32_C(1) << OP_ALIGNED_SHIFT) - 1)
               : op->size;
}

static inline size_t op_align(const struct op *op)
{
    return (size_t)1 << (op->size >> OP_ALIGNED_SHIFT);
}

_Noreturn static inline void refused(const struct trace *trace,
                                     const struct op *op)
{
    bench_fail("%s, operation %td: the allocator refused %u bytes.",
               trace->path, op - trace->ops, op_size(op));
}

/* Writes to each page of a new block, as its owner would, and to its end. */
static inline void touch(void *payload, size_t size)
{
    volatile unsigned char *bytes = payload;

    if (size == 0)
        return;
    for (size_t at = 0; at < size; at += BENCH_PAGE)
        bytes[at] = (unsigned char)size;
    bytes[size - 1] = (unsigned char)size;
}

/* Does OP on BLOCKS, the table from block numbers to payloads. */
static inline __attribute__((always_inline)) void
op_do(const struct trace *trace, const struct op *op, void **blocks)
{
    void **block = &blocks[op->id];

    switch (op->kind) {
    case OP_ALLOC:
        *block = malloc(op->size);
        break;
    case OP_FREE:
        free(*block);
        *block = NULL;
        return;
    case OP_REALLOC:
        *block = realloc(*block, op->size != 0 ? op->size : 1);
        break;
    case OP_ALIGNED:
        *block = memalign(op_align(op), op_size(op));
        break;
    }
    if (__builtin_expect(*block == NULL && op_size(op) != 0, 0))
        refused(trace, op);
    touch(*block, op_size(op));
}

static inline __attribute__((always_inline)) void
ops_do(const struct trace *trace, uint32_t from, uint32_t to, void **blocks)
{
    for (const struct op *op = trace->ops + from; op < trace->ops + to; op++)
        op_do(trace, op, blocks);
}

/* Frees what the trace left: the next replay begins with nothing. */
static inline void leftovers_free(const struct trace *trace, void **blocks)
{
    for (uint32_t id = 0; id < trace->blocks; id++)
        if (blocks[id] != NULL) {
            free(blocks[id]);
            blocks[id] = NULL;
        }
}

static inline uint64_t now_ns(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* The loops that callgrind is pointed at, by name. */
void measured_replay(const struct trace *trace, void **blocks);
void measured_pairs(size_t size, uint64_t pairs);

int mode_time(int count, char **words);
int mode_instructions(int count, char **words);
int mode_pairs(int count, char **words);
int mode_memory(int count, char **words);
int mode_latency(int count, char **words);
int mode_threads(int count, char **words);
int mode_pipe(int count, char **words);
int mode_check(int count, char **words);

/* The number in WORDS[AT], or OTHERWISE when there is none. */
uint64_t word_number(int count, char **words, int at, uint64_t otherwise);

#endif

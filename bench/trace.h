/* SPDX-License-Identifier: MIT */
/*
 * trace.h - a trace in memory, ready to be replayed
 *
 * The text format is tools/record's (its head explains it) and malloclab's:
 * four numbers or two, then `a ID SIZE`, `r ID SIZE`, `f ID`. A trace is read
 * into tables that lie in shared mappings, never in the heap: what is to be
 * measured is asked for nothing but the trace's own blocks, and the tables do
 * not count as the process's anonymous memory.
 */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include <stddef.h>
#include <stdint.h>

enum op_kind { OP_ALLOC, OP_FREE, OP_REALLOC, OP_ALIGNED };

struct op {
    uint32_t kind : 2;          /* enum op_kind */
    uint32_t id : 30;           /* the block, 0 up to trace->blocks */
    uint32_t size;              /* OP_ALIGNED: log2 of the alignment is in the
                                   top 6 bits, the size in the others */
};

enum { OP_ALIGNED_SHIFT = 26, TRACE_SIZE_MAX = 0x7fffffff };

struct trace {
    const char *path;
    uint32_t blocks;
    uint32_t count;             /* operations */
    struct op *ops;
    uint32_t threads;           /* that the trace names; replayed as one */
    uint64_t payload_peak;      /* the largest sum of live payloads */
    uint64_t payload_end;       /* of the blocks that the trace leaves live */
};

/* Reads at most LIMIT operations (0: all) of the file PATH. Ends the program
   with a sentence when it is not a trace. */
void trace_read(struct trace *trace, const char *path, uint32_t limit);

/* BYTES of zeroes that are not the heap's nor anonymous. */
void *table_map(size_t bytes);

/* Says what went wrong, in a sentence, and ends the program. */
_Noreturn void bench_fail(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Prints to standard output without the C library's own buffers. */
void bench_say(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif

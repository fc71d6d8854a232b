/* SPDX-License-Identifier: MIT */
/*
 * trace.c - reading a trace, without touching the heap
 *
 * The text is mapped and read by hand: stdio would allocate a buffer, and the
 * allocator under test would see it. What is wrong with a trace is said with
 * the line's number.
 */
#define _GNU_SOURCE
#include "trace.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_all(int file, const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t done = write(file, text, bytes);

        if (done <= 0)
            _exit(4);
        text += done;
        bytes -= (size_t)done;
    }
}

_Noreturn void bench_fail(const char *format, ...)
{
    char text[600];
    va_list values;

    va_start(values, format);
    int length = vsnprintf(text, sizeof(text) - 1, format, values);
    va_end(values);
    if (length > (int)sizeof(text) - 2)
        length = sizeof(text) - 2;
    text[length] = '\n';
    write_all(2, text, (size_t)length + 1);
    _exit(3);
}

void bench_say(const char *format, ...)
{
    char text[600];
    va_list values;

    va_start(values, format);
    int length = vsnprintf(text, sizeof(text), format, values);
    va_end(values);
    write_all(1, text, (size_t)length < sizeof(text) ? (size_t)length
                                                     : sizeof(text) - 1);
}

void *table_map(size_t bytes)
{
    void *table = mmap(NULL, bytes + 1, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (table == MAP_FAILED)
        bench_fail("There is no memory for a table of %zu bytes.", bytes);
    return table;
}

/* ---- reading text ------------------------------------------------------------ */

struct text {
    const char *path;
    const char *at, *end;
    uint32_t line;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_blanks(struct text *text)
{
    while (text->at < text->end && (*text->at == ' ' || *text->at == '\t' ||
                                    *text->at == '\r'))
        text->at++;
}

static void skip_line(struct text *text)
{
    while (text->at < text->end && *text->at != '\n')
        text->at++;
    if (text->at < text->end)
        text->at++;
    text->line++;
}

static uint64_t read_number(struct text *text, const char *what)
{
    uint64_t number = 0;

    skip_blanks(text);
    if (text->at == text->end || !is_digit(*text->at))
        bench_fail("%s, line %u: there should be a number here, %s.",
                   text->path, text->line, what);
    for (; text->at < text->end && is_digit(*text->at); text->at++) {
        number = number * 10 + (uint64_t)(*text->at - '0');
        if (number > UINT64_C(1) << 60)
            bench_fail("%s, line %u: %s is too large.", text->path,
                       text->line, what);
    }
    return number;
}

/* The two or four numbers before the first operation. */
static void read_header(struct text *text, uint64_t *blocks, uint64_t *count)
{
    uint64_t numbers[4] = { 0 };
    uint32_t read = 0;

    for (;; skip_line(text)) {
        skip_blanks(text);
        if (text->at < text->end && *text->at == '\n')
            continue;
        if (text->at == text->end || !is_digit(*text->at))
            break;
        if (read == 4)
            bench_fail("%s, line %u: a trace begins with four numbers (heap "
                       "size, blocks, operations, weight) or with two "
                       "(blocks, operations), a line each; this is the fifth.",
                       text->path, text->line);
        numbers[read++] = read_number(text, "of the header");
    }
    if (read != 2 && read != 4)
        bench_fail("%s begins with %u numbers. A trace begins with four (heap "
                   "size, blocks, operations, weight) or with two (blocks, "
                   "operations), a line each.", text->path, read);
    *blocks = read == 4 ? numbers[1] : numbers[0];
    *count = read == 4 ? numbers[2] : numbers[1];
}

/* ---- the table ------------------------------------------------------------------ */

/* What the trace has said of each block so far. */
struct seen {
    uint8_t *live;
    uint32_t *sizes;
};

static void check_op(const struct text *text, struct trace *trace,
                     struct seen *seen, const struct op *op, uint32_t size)
{
    uint32_t id = op->id;
    bool born = op->kind == OP_ALLOC || op->kind == OP_ALIGNED;

    if (born == seen->live[id])
        bench_fail("%s, line %u: block %u is %s.", text->path, text->line, id,
                   born ? "allocated while it is live"
                        : "freed or resized while it is not live");
    trace->payload_end -= seen->sizes[id];
    seen->live[id] = op->kind != OP_FREE;
    seen->sizes[id] = op->kind == OP_FREE ? 0 : size;
    trace->payload_end += seen->sizes[id];
    if (trace->payload_end > trace->payload_peak)
        trace->payload_peak = trace->payload_end;
}

static void read_op(struct text *text, struct trace *trace, struct seen *seen,
                    char letter, uint32_t *align_log2)
{
    struct op *op = &trace->ops[trace->count];
    uint64_t id = read_number(text, "the block");
    uint64_t size = letter == 'f' ? 0 : read_number(text, "the size");

    if (id >= trace->blocks)
        bench_fail("%s, line %u: block %llu, but the header promises %u "
                   "blocks, numbered from 0.", text->path, text->line,
                   (unsigned long long)id, trace->blocks);
    if (size > TRACE_SIZE_MAX)
        bench_fail("%s, line %u: %llu bytes are more than we replay (2 GiB).",
                   text->path, text->line, (unsigned long long)size);
    op->id = (uint32_t)id;
    op->size = (uint32_t)size;
    op->kind = letter == 'a' ? OP_ALLOC : letter == 'f' ? OP_FREE : OP_REALLOC;
    if (letter == 'a' && *align_log2 != 0 &&
        size < UINT32_C(1) << OP_ALIGNED_SHIFT) {
        op->kind = OP_ALIGNED;
        op->size |= *align_log2 << OP_ALIGNED_SHIFT;
    }
    *align_log2 = 0;
    check_op(text, trace, seen, op, (uint32_t)size);
    trace->count++;
}

void trace_read(struct trace *trace, const char *path, uint32_t limit)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;

    if (file < 0 || fstat(file, &status) != 0)
        bench_fail("The trace %s cannot be read.", path);
    if (status.st_size == 0)
        bench_fail("The trace %s is empty.", path);

    char *map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED,
                     file, 0);

    if (map == MAP_FAILED)
        bench_fail("The trace %s cannot be mapped.", path);
    close(file);

    struct text text = { path, map, map + status.st_size, 1 };
    uint64_t blocks, count;

    read_header(&text, &blocks, &count);
    if (blocks >= UINT32_C(1) << 30 || count > UINT32_MAX)
        bench_fail("%s has more blocks or operations than we replay.", path);
    if (limit != 0 && count > limit)
        count = limit;
    *trace = (struct trace){
        .path = path,
        .blocks = (uint32_t)blocks,
        .ops = table_map(count * sizeof(struct op)),
        .threads = 1,
    };

    struct seen seen = { table_map(blocks), table_map(blocks * 4) };
    uint32_t align_log2 = 0;

    for (; text.at < text.end && trace->count < count; skip_line(&text)) {
        skip_blanks(&text);
        if (text.at == text.end)
            break;

        char letter = *text.at++;

        if (letter == 'a' || letter == 'f' || letter == 'r') {
            read_op(&text, trace, &seen, letter, &align_log2);
        } else if (letter == 't') {
            uint64_t thread = read_number(&text, "the thread");

            if (thread > trace->threads && thread < 1u << 20)
                trace->threads = (uint32_t)thread;
        } else if (letter == 'b') {
            uint64_t align = read_number(&text, "the alignment");

            if (align == 0 || (align & (align - 1)) != 0)
                bench_fail("%s, line %u: an alignment is a power of two.",
                           path, text.line);
            align_log2 = (uint32_t)__builtin_ctzll(align);
        } else if (letter == '\n') {
            text.at--;
        } else {
            bench_fail("%s, line %u: `%c` is not an operation: a ID SIZE, "
                       "r ID SIZE, f ID.", path, text.line, letter);
        }
    }
    if (trace->count < count)
        bench_fail("%s promises %llu operations and has %u.", path,
                   (unsigned long long)count, trace->count);
    munmap(map, (size_t)status.st_size);
    munmap(seen.live, blocks + 1);
    munmap(seen.sizes, blocks * 4 + 1);
}

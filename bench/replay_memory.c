/* SPDX-License-Identifier: MIT */
/*
 * replay_memory.c - how much memory a program's blocks cost the system
 *
 * Replays the trace once, every page of every block written to, and asks the
 * kernel again and again how much of the process's anonymous memory is
 * resident: at SAMPLES places spread evenly, and whenever the sum of payloads
 * has grown by a fiftieth over its last peak. The kernel's exact count is
 * read (smaps_rollup: the cheaper one in statm may be a few hundred KiB off).
 * What was resident before the first operation is subtracted; the tables of
 * replay itself are shared mappings and are not counted.
 *
 * With COPIES, so many copies of the trace run in the one process, operation
 * by operation in turn, the next one beginning when the first has done a
 * COPIESth more of its own: at the end of the first all are alive, each at
 * another place of the trace, as in a program that does many things at once.
 *
 *     peak_payload BYTES      peak_resident BYTES     utilization PERCENT
 *     end_payload BYTES       end_resident BYTES      after the last operation
 *     freed_resident BYTES    when everything has been freed
 *     sample OPERATION PAYLOAD RESIDENT               for the plots
 */
#define _GNU_SOURCE
#include "replay.h"

#include <fcntl.h>
#include <unistd.h>

enum { SAMPLES = 400, COPIES_MAX = 64, SAMPLE_LINES = 2000 };

/* The process's anonymous resident memory, in bytes. */
static uint64_t resident(void)
{
    static int file = -1;
    char text[2048];

    if (file < 0)
        file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);

    ssize_t length = pread(file, text, sizeof(text) - 1, 0);

    if (length <= 0)
        bench_fail("/proc/self/smaps_rollup cannot be read: this needs Linux "
                   "4.14 or later.");
    text[length] = '\0';

    const char *line = strstr(text, "\nAnonymous:");

    if (line == NULL)
        bench_fail("/proc/self/smaps_rollup has no line `Anonymous:`.");
    return strtoull(line + sizeof("\nAnonymous:"), NULL, 10) * 1024;
}

struct sample {
    uint64_t operation, payload, resident;
};

struct watch {
    uint64_t before;            /* resident before the first operation */
    uint64_t operation;
    uint64_t payload, payload_peak;
    uint64_t resident_peak;
    uint64_t payload_sampled;   /* the peak when we last asked for it */
    uint64_t every;             /* operations between samples */
    struct sample *samples;
    uint32_t count;
};

static uint64_t gained(const struct watch *watch)
{
    uint64_t now = resident();

    return now > watch->before ? now - watch->before : 0;
}

static void sample(struct watch *watch)
{
    uint64_t now = gained(watch);

    if (now > watch->resident_peak)
        watch->resident_peak = now;
    if (watch->count < SAMPLE_LINES)
        watch->samples[watch->count++] = (struct sample){
            watch->operation, watch->payload, now };
}

static void watch_op(struct watch *watch)
{
    watch->operation++;
    if (watch->payload > watch->payload_peak)
        watch->payload_peak = watch->payload;
    if (watch->operation % watch->every == 0 ||
        watch->payload > watch->payload_sampled + watch->payload_sampled / 50) {
        sample(watch);
        if (watch->payload > watch->payload_sampled)
            watch->payload_sampled = watch->payload;
    }
}

struct copy {
    void **blocks;
    uint32_t *sizes;
    uint32_t at;                /* the next operation */
};

static void copy_step(const struct trace *trace, struct copy *copy,
                      struct watch *watch)
{
    const struct op *op = &trace->ops[copy->at++];

    op_do(trace, op, copy->blocks);
    watch->payload -= copy->sizes[op->id];
    copy->sizes[op->id] = op->kind == OP_FREE ? 0 : op_size(op);
    watch->payload += copy->sizes[op->id];
    watch_op(watch);
}

/* A copy is done: it frees what its trace left, as its end would. */
static void copy_end(const struct trace *trace, struct copy *copy,
                     struct watch *watch)
{
    leftovers_free(trace, copy->blocks);
    for (uint32_t id = 0; id < trace->blocks; id++) {
        watch->payload -= copy->sizes[id];
        copy->sizes[id] = 0;
    }
}

/* Runs COUNT copies, staggered, until the last one is done. */
static void copies_run(const struct trace *trace, struct copy *copies,
                       uint32_t count, struct watch *watch)
{
    uint32_t stagger = trace->count / count + 1;

    for (uint64_t turn = 0; copies[count - 1].at < trace->count; turn++)
        for (uint32_t i = 0; i < count && i <= turn / stagger; i++) {
            if (copies[i].at == trace->count)
                continue;
            copy_step(trace, &copies[i], watch);
            if (copies[i].at == trace->count && count > 1)
                copy_end(trace, &copies[i], watch);
        }
}

int mode_memory(int count, char **words)
{
    struct trace trace;
    struct copy copies[COPIES_MAX] = { 0 };
    uint32_t copy_count = (uint32_t)word_number(count, words, 1, 1);

    if (count < 1 || copy_count < 1 || copy_count > COPIES_MAX)
        bench_fail("usage: replay memory TRACE [COPIES]; 1 to %d copies.",
                   COPIES_MAX);
    trace_read(&trace, words[0], 0);
    if (trace.count == 0)
        bench_fail("%s has no operations: there is nothing to measure.",
                   words[0]);
    for (uint32_t i = 0; i < copy_count; i++) {
        copies[i].blocks = table_map(trace.blocks * sizeof(void *));
        copies[i].sizes = table_map(trace.blocks * sizeof(uint32_t));
    }

    struct watch watch = {
        .samples = table_map(SAMPLE_LINES * sizeof(struct sample)),
        .every = (uint64_t)trace.count * copy_count / SAMPLES + 1,
    };

    watch.before = resident();
    copies_run(&trace, copies, copy_count, &watch);
    sample(&watch);

    uint64_t end_payload = watch.payload;
    uint64_t end_resident = gained(&watch);

    for (uint32_t i = 0; i < copy_count; i++)
        copy_end(&trace, &copies[i], &watch);
    bench_say("peak_payload %llu\npeak_resident %llu\nutilization %.2f\n",
              (unsigned long long)watch.payload_peak,
              (unsigned long long)watch.resident_peak,
              100.0 * (double)watch.payload_peak /
                  (double)(watch.resident_peak ? watch.resident_peak : 1));
    bench_say("end_payload %llu\nend_resident %llu\nfreed_resident %llu\n",
              (unsigned long long)end_payload,
              (unsigned long long)end_resident,
              (unsigned long long)gained(&watch));
    for (uint32_t i = 0; i < watch.count; i++)
        bench_say("sample %llu %llu %llu\n",
                  (unsigned long long)watch.samples[i].operation,
                  (unsigned long long)watch.samples[i].payload,
                  (unsigned long long)watch.samples[i].resident);
    return 0;
}

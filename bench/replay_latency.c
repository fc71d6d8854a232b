/* SPDX-License-Identifier: MIT */
/*
 * replay_latency.c - how long the slowest single operation takes
 *
 * Theory of operation
 * -------------------
 * The trace is replayed in one process, REPLAYS times (21) after two to warm
 * up, and each operation is timed alone, in ticks of the time-stamp counter.
 * Of each operation we keep the *best* of its replays: an interrupt, another
 * process, a neighbour in the machine's cache hit it in one replay and not in
 * all of them, while work that the allocator always does stays. The largest
 * of these bests is the worst case that belongs to the allocator.
 *
 * An operation that enters the system has another worst case, the system's,
 * and is listed apart. To find those, the trace is replayed LOOKS more times,
 * untimed: the kernel is asked to stop each system call made inside an
 * operation (syscall user dispatch; the handler lets it through and notes
 * that it was there), and the count of page faults is compared before and
 * after. An operation has entered the system when it did so each time.
 *
 * So that nothing hides in the best: `raw` lines give the distribution of all
 * operations in all timed replays, with whatever happened to them.
 *
 * A realloc copies and is kept apart as well; what a block's first write
 * costs (a fault, if the page is new) falls between the timed stretches.
 *
 *     overhead TICKS             of the clock itself; already subtracted
 *     best KIND COUNT P50 P90 P99 P99.9 WORST     KIND malloc, free, realloc
 *     raw KIND COUNT P50 P90 P99 P99.9 P99.99 WORST
 *     system KIND CALLS FAULTS WORST      operations that entered the system
 *     worst KIND TICKS OPERATION SIZE     the largest best, and which it was
 *     dispatch 0|1               whether system calls could be seen
 */
#define _GNU_SOURCE
#include "replay.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH    /* Linux 5.11 */
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

enum { WARM_UP = 2, REPLAYS = 21, LOOKS = 3 };
enum { DISPATCH_OFF, DISPATCH_ON, LET_THROUGH = 0, STOP = 1 };

/* ---- the clock ------------------------------------------------------------------- */

static inline uint64_t ticks_before(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc; lfence" : "=a"(low), "=d"(high)
                     :: "memory");
    return (uint64_t)high << 32 | low;
}

static inline uint64_t ticks_after(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtscp; lfence" : "=a"(low), "=d"(high)
                     :: "rcx", "memory");
    return (uint64_t)high << 32 | low;
}

/* What two readings with nothing between differ by, at least. */
static uint64_t clock_overhead(void)
{
    uint64_t least = UINT64_MAX;

    for (int i = 0; i < 100000; i++) {
        uint64_t start = ticks_before();
        uint64_t took = ticks_after() - start;

        if (took < least)
            least = took;
    }
    return least;
}

/* ---- system calls inside an operation ----------------------------------------------- */

static volatile char gate = LET_THROUGH;    /* the kernel reads it at a call */
static volatile uint32_t calls_stopped;

/* A system call came while the gate was shut: note it, make it, go on with
   the gate open until the operation ends. */
static void on_stopped_call(int number, siginfo_t *info, void *context)
{
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    register long r10 __asm__("r10") = registers[REG_R10];
    register long r8 __asm__("r8") = registers[REG_R8];
    register long r9 __asm__("r9") = registers[REG_R9];
    long result;

    (void)number;
    gate = LET_THROUGH;
    calls_stopped++;
    __asm__ volatile("syscall" : "=a"(result)
                     : "a"((long)info->si_syscall), "D"(registers[REG_RDI]),
                       "S"(registers[REG_RSI]), "d"(registers[REG_RDX]),
                       "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    registers[REG_RAX] = result;
}

static bool dispatch_start(void)
{
    struct sigaction action = { .sa_sigaction = on_stopped_call,
                                .sa_flags = SA_SIGINFO | SA_NODEFER };

    sigaction(SIGSYS, &action, NULL);
    return prctl(PR_SET_SYSCALL_USER_DISPATCH, DISPATCH_ON, 0, 0, &gate) == 0;
}

static long faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_minflt + usage.ru_majflt;
}

/* ---- what is kept of each operation ---------------------------------------------------- */

enum kind { MALLOC, FREE, REALLOC, KINDS };
static const char *const kind_names[] = { "malloc", "free", "realloc" };

static enum kind kind_of(const struct op *op)
{
    return op->kind == OP_FREE ? FREE
           : op->kind == OP_REALLOC ? REALLOC : MALLOC;
}

/* All times of a kind, sorted into cells: exact below 1024, then 64 cells a
   doubling. */
enum { EXACT = 1024, PER_DOUBLING = 64, CELLS = EXACT + 54 * PER_DOUBLING };

static uint32_t cell_of(uint64_t ticks)
{
    if (ticks < EXACT)
        return (uint32_t)ticks;

    uint32_t log = 63 - (uint32_t)__builtin_clzll(ticks);

    return EXACT + (log - 10) * PER_DOUBLING +
           (uint32_t)(ticks >> (log - 6)) % PER_DOUBLING;
}

static uint64_t cell_start(uint32_t cell)
{
    if (cell < EXACT)
        return cell;

    uint32_t log = (cell - EXACT) / PER_DOUBLING + 10;

    return (uint64_t)(PER_DOUBLING + (cell - EXACT) % PER_DOUBLING)
           << (log - 6);
}

struct times {
    uint64_t count;
    uint64_t worst;
    uint64_t *cells;
};

static void times_add(struct times *times, uint64_t ticks)
{
    times->count++;
    times->cells[cell_of(ticks)]++;
    if (ticks > times->worst)
        times->worst = ticks;
}

/* The least time that PER_100000 of all are at most. */
static uint64_t times_at(const struct times *times, uint64_t per_100000)
{
    uint64_t wanted = (times->count * per_100000 + 99999) / 100000;
    uint64_t seen = 0;

    for (uint32_t cell = 0; cell < CELLS; cell++) {
        seen += times->cells[cell];
        if (seen >= wanted && seen > 0)
            return cell_start(cell);
    }
    return times->worst;
}

static void times_say(const char *name, const char *kind,
                      const struct times *times, bool with_9999)
{
    bench_say("%s %s %llu %llu %llu %llu %llu", name, kind,
              (unsigned long long)times->count,
              (unsigned long long)times_at(times, 50000),
              (unsigned long long)times_at(times, 90000),
              (unsigned long long)times_at(times, 99000),
              (unsigned long long)times_at(times, 99900));
    if (with_9999)
        bench_say(" %llu", (unsigned long long)times_at(times, 99990));
    bench_say(" %llu\n", (unsigned long long)times->worst);
}

/* ---- replaying ---------------------------------------------------------------------------- */

struct latency {
    struct trace trace;
    void **blocks;
    uint32_t *best;             /* of each operation, in ticks */
    uint8_t *called, *faulted;  /* in so many of the looks */
    uint64_t overhead;
    struct times raw[KINDS];
};

/* Does OP with the clock running; the new block is not yet written to. */
static inline uint64_t op_ticks(const struct trace *trace,
                                const struct op *op, void **blocks)
{
    void **block = &blocks[op->id];
    uint64_t start, end;

    switch (op->kind) {
    case OP_FREE:
        start = ticks_before();
        free(*block);
        end = ticks_after();
        *block = NULL;
        return end - start;
    case OP_REALLOC:
        start = ticks_before();
        *block = realloc(*block, op->size != 0 ? op->size : 1);
        end = ticks_after();
        break;
    case OP_ALIGNED:
        start = ticks_before();
        *block = memalign(op_align(op), op_size(op));
        end = ticks_after();
        break;
    default:
        start = ticks_before();
        *block = malloc(op->size);
        end = ticks_after();
    }
    if (*block == NULL && op_size(op) != 0)
        refused(trace, op);
    touch(*block, op_size(op));
    return end - start;
}

static void replay_timed(struct latency *latency, bool warm)
{
    const struct trace *trace = &latency->trace;

    for (uint32_t i = 0; i < trace->count; i++) {
        const struct op *op = &trace->ops[i];
        uint64_t took = op_ticks(trace, op, latency->blocks);

        took = took > latency->overhead ? took - latency->overhead : 0;
        if (!warm)
            continue;
        if (took < latency->best[i])
            latency->best[i] = (uint32_t)took;
        times_add(&latency->raw[kind_of(op)], took);
    }
    leftovers_free(trace, latency->blocks);
}

static void replay_looking(struct latency *latency)
{
    const struct trace *trace = &latency->trace;

    for (uint32_t i = 0; i < trace->count; i++) {
        const struct op *op = &trace->ops[i];
        uint32_t calls_before = calls_stopped;
        long faults_before = faults();

        gate = STOP;
        (void)op_ticks(trace, op, latency->blocks);
        gate = LET_THROUGH;
        latency->called[i] += calls_stopped != calls_before;
        latency->faulted[i] += faults() != faults_before;
    }
    leftovers_free(trace, latency->blocks);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void report(const struct latency *latency, enum kind kind)
{
    const struct trace *trace = &latency->trace;
    struct times best = { .cells = table_map(CELLS * sizeof(uint64_t)) };
    uint64_t calls = 0, page_faults = 0, system_worst = 0;
    uint32_t worst_at = UINT32_MAX;

    for (uint32_t i = 0; i < trace->count; i++) {
        if (kind_of(&trace->ops[i]) != kind)
            continue;

        bool called = latency->called[i] == LOOKS;
        bool faulted = latency->faulted[i] == LOOKS;

        calls += called;
        page_faults += faulted && !called;
        if (called || faulted) {
            if (latency->best[i] > system_worst)
                system_worst = latency->best[i];
            continue;
        }
        if (worst_at == UINT32_MAX ||
            latency->best[i] > latency->best[worst_at])
            worst_at = i;
        times_add(&best, latency->best[i]);
    }
    times_say("best", kind_names[kind], &best, false);
    times_say("raw", kind_names[kind], &latency->raw[kind], true);
    bench_say("system %s %llu %llu %llu\n", kind_names[kind],
              (unsigned long long)calls, (unsigned long long)page_faults,
              (unsigned long long)system_worst);
    if (worst_at != UINT32_MAX)
        bench_say("worst %s %u %u %u\n", kind_names[kind],
                  latency->best[worst_at], worst_at,
                  op_size(&trace->ops[worst_at]));
}

int mode_latency(int count, char **words)
{
    struct latency latency = { 0 };
    uint32_t replays = (uint32_t)word_number(count, words, 1, REPLAYS);

    if (count < 1 || replays < 1)
        bench_fail("usage: replay latency TRACE [REPLAYS]");
    trace_read(&latency.trace, words[0], 0);
    if (latency.trace.count == 0)
        bench_fail("%s has no operations: there is nothing to time.",
                   words[0]);

    uint32_t operations = latency.trace.count;

    latency.blocks = table_map(latency.trace.blocks * sizeof(void *));
    latency.best = table_map(operations * sizeof(uint32_t));
    latency.called = table_map(operations);
    latency.faulted = table_map(operations);
    memset(latency.best, 0xff, operations * sizeof(uint32_t));
    for (enum kind kind = 0; kind < KINDS; kind++)
        latency.raw[kind].cells = table_map(CELLS * sizeof(uint64_t));
    latency.overhead = clock_overhead();

    for (uint32_t i = 0; i < WARM_UP + replays; i++)
        replay_timed(&latency, i >= WARM_UP);

    bool dispatch = dispatch_start();

    for (uint32_t i = 0; i < LOOKS; i++)
        replay_looking(&latency);
    if (dispatch)
        prctl(PR_SET_SYSCALL_USER_DISPATCH, DISPATCH_OFF, 0, 0, 0);

    bench_say("overhead %llu\ndispatch %d\n",
              (unsigned long long)latency.overhead, dispatch);
    for (enum kind kind = 0; kind < KINDS; kind++)
        report(&latency, kind);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * replay_check.c - is the memory that we get ours, aligned, and kept?
 *
 * Fills every byte of every block with the block's own pattern and looks at
 * all of them before the block is resized or freed: two blocks that overlap,
 * a realloc that loses contents and a payload that is not aligned are told
 * with the operation's number. Nothing is timed.
 *
 *     checked OPERATIONS
 */
#include "replay.h"

static unsigned char pattern(uint32_t id, size_t at)
{
    return (unsigned char)(id * 31 + at * 7 + (at >> 8));
}

static void fill(uint32_t id, unsigned char *bytes, size_t from, size_t to)
{
    for (size_t at = from; at < to; at++)
        bytes[at] = pattern(id, at);
}

static void look(const struct trace *trace, const struct op *op,
                 const unsigned char *bytes, size_t size)
{
    for (size_t at = 0; at < size; at++)
        if (bytes[at] != pattern(op->id, at))
            bench_fail("%s, operation %td: byte %zu of block %u, which has "
                       "%zu, is not what was written there.", trace->path,
                       op - trace->ops, at, op->id, size);
}

/* What the C standard promises for SIZE: 8 for 8 bytes or less, else 16. */
static size_t promised_align(size_t size)
{
    return size >= 16 ? 16 : 8;
}

static void check_aligned(const struct trace *trace, const struct op *op,
                          const void *payload, size_t align)
{
    if ((uintptr_t)payload % align != 0)
        bench_fail("%s, operation %td: %p for %u bytes is not a multiple of "
                   "%zu.", trace->path, op - trace->ops, payload, op_size(op),
                   align);
    if (malloc_usable_size((void *)payload) < op_size(op))
        bench_fail("%s, operation %td: %u bytes were asked for and only %zu "
                   "are usable.", trace->path, op - trace->ops, op_size(op),
                   malloc_usable_size((void *)payload));
}

static void check_op(const struct trace *trace, const struct op *op,
                     void **blocks, uint32_t *sizes)
{
    void **block = &blocks[op->id];
    uint32_t *size = &sizes[op->id];
    uint32_t wanted = op_size(op);

    if (op->kind == OP_FREE) {
        look(trace, op, *block, *size);
        free(*block);
        *block = NULL;
        return;
    }
    if (op->kind == OP_REALLOC) {
        *block = realloc(*block, wanted != 0 ? wanted : 1);
        if (*block == NULL)
            refused(trace, op);
        look(trace, op, *block, *size < wanted ? *size : wanted);
        fill(op->id, *block, *size < wanted ? *size : wanted, wanted);
    } else {
        *block = op->kind == OP_ALLOC ? malloc(wanted)
                                      : memalign(op_align(op), wanted);
        if (*block == NULL && wanted != 0)
            refused(trace, op);
        fill(op->id, *block, 0, wanted);
    }
    if (*block != NULL)
        check_aligned(trace, op, *block,
                      op->kind == OP_ALIGNED ? op_align(op)
                                             : promised_align(wanted));
    *size = wanted;
}

int mode_check(int count, char **words)
{
    struct trace trace;

    if (count < 1)
        bench_fail("usage: replay check TRACE");
    trace_read(&trace, words[0], 0);

    void **blocks = table_map(trace.blocks * sizeof(*blocks));
    uint32_t *sizes = table_map(trace.blocks * sizeof(*sizes));

    for (const struct op *op = trace.ops; op < trace.ops + trace.count; op++)
        check_op(&trace, op, blocks, sizes);
    for (uint32_t id = 0; id < trace.blocks; id++)
        if (blocks[id] != NULL) {
            struct op last = { .kind = OP_FREE, .id = id };

            look(&trace, &last, blocks[id], sizes[id]);
            free(blocks[id]);
        }
    bench_say("checked %u\n", trace.count);
    return 0;
}

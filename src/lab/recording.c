/* SPDX-License-Identifier: MIT */
/*
 * recording.c - what a real program asked of its heap (see recording.h)
 */
#include "recording.h"

#include "../trace/ledger.h"

/* ---- reading -------------------------------------------------------------- */

struct reader {
    const char *at, *end;
    uint32_t line;
};

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end &&
           (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\r'))
        reader->at++;
}

/* Behind the end of the line, if nothing but blanks is left of it. */
static bool end_line(struct reader *reader)
{
    skip_blanks(reader);
    if (reader->at == reader->end)
        return true;
    if (*reader->at != '\n')
        return false;
    reader->at++;
    reader->line++;
    return true;
}

static bool read_number(struct reader *reader, uint64_t *number)
{
    const char *start;

    skip_blanks(reader);
    start = reader->at;
    *number = 0;
    for (; reader->at < reader->end && *reader->at >= '0' &&
           *reader->at <= '9'; reader->at++) {
        if (*number > UINT64_MAX / 10 - 1)
            return false;
        *number = *number * 10 + (uint64_t)(*reader->at - '0');
    }
    return reader->at > start;
}

uint32_t recording_lines(const char *text, size_t size)
{
    uint32_t lines = 1;

    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    return lines;
}

/* A line that is no operation: `t` or `b`, whose letter was read. */
static const char *read_remark(struct reader *reader, char kind,
                               uint64_t *align)
{
    uint64_t number;

    if (!read_number(reader, &number))
        return "t and b take one number";
    if (kind == 'b' &&
        (!mm_is_power_of_two(number) || number > RECORDING_ALIGN_MAX))
        return "b takes a power of two up to 16 MiB";
    if (!end_line(reader))
        return "t and b take one number";
    if (kind == 'b')
        *align = number;
    return NULL;
}

/* Which power of two N is; 64-bit builtins would ask for a library. */
static uint32_t log2_of(uint64_t n)
{
    uint32_t log2 = 0;

    for (; n > 1; n >>= 1)
        log2++;
    return log2;
}

/* One operation, its alignment *ALIGN if there is one (0: none); NULL, or what
 * is wrong with it. KIND is its letter, which was read. */
static const char *read_step(struct reader *reader, char kind,
                             struct recording_step *step, uint32_t id_room,
                             uint64_t *align)
{
    uint64_t id, size = 0;

    if (kind != 'a' && kind != 'r' && kind != 'f')
        return "a line begins with a, r, f, t or b";
    if (!read_number(reader, &id) ||
        (kind != 'f' && !read_number(reader, &size)))
        return "a takes an ID and a size, as r does; f an ID";
    if (id >= id_room)
        return "that ID is larger than there is room for";
    if (size > RECORDING_SIZE_MAX)
        return "a size is at most 1 GiB";
    if (!end_line(reader))
        return "something stands behind the last number";
    *step = (struct recording_step){
        .kind = kind == 'a'   ? RECORDING_ALLOC
                : kind == 'r' ? RECORDING_REALLOC
                              : RECORDING_FREE,
        .align_log2 = kind == 'a' && *align > 0
                          ? log2_of(*align) & 31 : 0,
        .id = (uint32_t)id & 0x1ffffff,
        .size = (uint32_t)size,
    };
    if (kind == 'a')
        *align = 0;
    return NULL;
}

/* The bytes of the block for a request of SIZE, less one; 0: none is live. */
static uint64_t block_bytes(uint64_t size)
{
    return mm_round_up((size > 0 ? size : 1) + BLOCK_HEADER, MM_QUANTUM);
}

static uint32_t scaled(const struct recording *recording, uint32_t size)
{
    return (size + recording->scale - 1) / recording->scale;
}

/* Counts the peak. LIVE holds for each ID its size + 1, or 0. NULL, or what
 * is wrong with step *POSITION. */
static const char *count_peak(struct recording *recording, uint32_t *live,
                              uint32_t *position)
{
    uint64_t bytes = 0, blocks = 0;

    recording->peak = recording->peak_blocks = 0;
    recording->largest = 0;
    for (uint32_t i = 0; i < recording->ids; i++)
        live[i] = 0;
    for (uint32_t i = 0; i < recording->count; i++) {
        const struct recording_step *step = &recording->steps[i];
        uint32_t size = scaled(recording, step->size);

        *position = i;
        if (step->kind == RECORDING_ALLOC && live[step->id] != 0)
            return "that ID is live already";
        if (step->kind == RECORDING_FREE && live[step->id] == 0)
            return "that ID is not live";
        if (live[step->id] != 0) {
            bytes -= live[step->id] - 1;
            blocks -= block_bytes(live[step->id] - 1);
        }
        if (step->kind == RECORDING_FREE) {
            live[step->id] = 0;
            continue;
        }
        live[step->id] = size + 1;
        bytes += size;
        blocks += block_bytes(size);
        if (bytes > recording->peak)
            recording->peak = bytes;
        if (blocks > recording->peak_blocks)
            recording->peak_blocks = blocks;
        if (size > recording->largest)
            recording->largest = size;
    }
    return NULL;
}

/* The line of operation number POSITION. */
static uint32_t line_of(const char *text, size_t size, uint32_t position)
{
    uint32_t line = 1;
    bool starts = true;

    for (size_t i = 0; i < size; line += text[i++] == '\n') {
        if (starts &&
            (text[i] == 'a' || text[i] == 'r' || text[i] == 'f') &&
            position-- == 0)
            break;
        starts = text[i] == '\n';
    }
    return line;
}

struct recording_fault recording_read(struct recording *recording,
                                      const char *text, size_t size,
                                      uint32_t *live, uint32_t id_room)
{
    struct reader reader = { text, text + size, 1 };
    const char *sentence;
    uint32_t position = 0, head;
    uint64_t align = 0;

    recording->count = recording->ids = 0;
    recording->scale = 1;
    for (head = 0; reader.at < reader.end && *reader.at >= '0' &&
                   *reader.at <= '9'; head++) {
        uint64_t number;

        if (!read_number(&reader, &number) || !end_line(&reader))
            return (struct recording_fault){
                "the head is numbers, one a line", reader.line };
    }
    if (head != 2 && head != 4)
        return (struct recording_fault){
            "a recording begins with four numbers, or two, one a line", 1 };
    while (reader.at < reader.end) {
        struct recording_step *step = &recording->steps[recording->count];

        if (end_line(&reader))          /* an empty line */
            continue;

        char kind = *reader.at++;
        bool remark = kind == 't' || kind == 'b';

        sentence = remark ? read_remark(&reader, kind, &align)
                          : read_step(&reader, kind, step, id_room, &align);
        if (sentence != NULL)
            return (struct recording_fault){ sentence, reader.line };
        if (remark)
            continue;
        if (step->id >= recording->ids)
            recording->ids = step->id + 1;
        recording->count++;
    }
    if (recording->count == 0)
        return (struct recording_fault){ "it has no operations", reader.line };
    sentence = count_peak(recording, live, &position);
    return (struct recording_fault){ sentence,
                                     line_of(text, size, position) };
}

void recording_scale(struct recording *recording, uint32_t scale,
                     uint32_t *live)
{
    uint32_t position;

    recording->scale = scale;
    count_peak(recording, live, &position);
}

struct heap_request recording_request(const struct recording *recording,
                                      const struct recording_step *step)
{
    return (struct heap_request){
        .size = scaled(recording, step->size),
        .align = step->align_log2 > 4 ? (uint64_t)1 << step->align_log2 : 0,
    };
}

/* ---- doing ---------------------------------------------------------------- */

struct recording_result recording_step(const struct recording *recording,
                                       struct lab *lab, uint32_t position)
{
    const struct recording_step *step = &recording->steps[position];
    struct machine *machine = lab_machine(lab);
    struct heap *heap = machine->heap;
    uint32_t *handle = &lab_handles(lab)[step->id];
    struct recording_result result = { .from = *handle };
    void *before = *handle == 0 ? NULL : heap_address(heap, *handle);
    void *after = NULL;

    if (step->kind == RECORDING_FREE) {
        result.nothing = before == NULL;
        *handle = 0;
        result.refused = heap_free(heap, before) != MM_OK;
        return result;
    }
    struct heap_request request = recording_request(recording, step);

    result.request = request.size;
    after = before == NULL ? heap_alloc_request(heap, &request)
                           : heap_realloc(heap, before, result.request);
    result.refused = after == NULL;
    if (after == NULL)
        return result;
    result.to = heap_at(heap, after);
    if (before != NULL && after != before)
        ledger_move(machine->ledger, result.from, result.to);
    *handle = (uint32_t)result.to;
    return result;
}

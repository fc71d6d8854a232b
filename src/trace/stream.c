/* SPDX-License-Identifier: MIT */
/*
 * stream.c - a heap told to a program (see stream.h)
 *
 * A line is put together in a small buffer that is handed on when it is full,
 * so that a line may be of any length. Each function below writes the lines of
 * one kind, its fields always in the same order.
 */
#include "stream.h"

#include "sentence.h"

enum { PIECE_BYTES = 256 };

struct line {
    const struct stream *stream;
    size_t length;
    char piece[PIECE_BYTES];
};

static struct line line_begin(const struct stream *stream)
{
    return (struct line){ .stream = stream };
}

static void line_flush(struct line *line)
{
    if (line->length > 0)
        line->stream->write(line->stream->context, line->piece, line->length);
    line->length = 0;
}

static void put(struct line *line, char c)
{
    if (line->length == PIECE_BYTES)
        line_flush(line);
    line->piece[line->length++] = c;
}

static void put_text(struct line *line, const char *text)
{
    while (*text != '\0')
        put(line, *text++);
}

static void put_number(struct line *line, uint64_t number)
{
    char reversed[20];
    unsigned length = 0;

    do
        reversed[length++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (length > 0)
        put(line, reversed[--length]);
}

/* A field with a number; NAME comes with what stands around it: `,"at":`. */
static void put_field(struct line *line, const char *name, uint64_t number)
{
    put_text(line, name);
    put_number(line, number);
}

/* A field with a word of ours, which needs no escaping. */
static void put_word(struct line *line, const char *name, const char *word)
{
    put_text(line, name);
    put(line, '"');
    put_text(line, word);
    put(line, '"');
}

static void line_end(struct line *line)
{
    put_text(line, "}\n");
    line_flush(line);
}

/* ---- what happens ------------------------------------------------------- */

void stream_hello(const struct stream *stream,
                  const struct stream_hello *hello)
{
    static const char *const levels[] = {
        [HEAP_LEVEL_NONE] = "none", [HEAP_LEVEL_CHECK] = "check",
        [HEAP_LEVEL_CANARY] = "canary", [HEAP_LEVEL_POISON] = "poison",
        [HEAP_LEVEL_FULL] = "full",
    };
    struct line line = line_begin(stream);

    if (stream->write == NULL)
        return;
    put_field(&line, "{\"hello\":", STREAM_VERSION);
    put_word(&line, ",\"program\":", "Heapglass");
    put_word(&line, ",\"version\":", hello->version);
    put_field(&line, ",\"arena\":", hello->arena_bytes);
    put_field(&line, ",\"span\":", hello->span_bytes);
    put_field(&line, ",\"page\":", MM_PAGE);
    put_field(&line, ",\"quantum\":", MM_QUANTUM);
    put_field(&line, ",\"header\":", BLOCK_HEADER);
    put_field(&line, ",\"frames\":", hello->frames);
    put_word(&line, ",\"level\":", levels[hello->level]);
    put_word(&line, ",\"policy\":", hello->policy);
    put_text(&line, hello->restored ? ",\"restored\":true"
                                    : ",\"restored\":false");
    line_end(&line);
}

void stream_event(const struct stream *stream, const struct mm_event *event)
{
    struct line line = line_begin(stream);
    char text[SENTENCE_CHARS];

    if (stream->write == NULL)
        return;
    put_text(&line, event_line(event, text, sizeof text));
    put(&line, '\n');
    line_flush(&line);
}

void stream_moved(const struct stream *stream, uint64_t from, uint64_t to)
{
    struct line line = line_begin(stream);

    if (stream->write == NULL)
        return;
    put_field(&line, "{\"moved\":", from);
    put_field(&line, ",\"to\":", to);
    line_end(&line);
}

void stream_letters(const struct stream *stream, uint32_t letters)
{
    struct line line = line_begin(stream);

    if (stream->write == NULL)
        return;
    put_field(&line, "{\"letters\":", letters);
    line_end(&line);
}

/* ---- a snapshot --------------------------------------------------------- */

/* The letter and the request of the payload AT; null where they are not
 * known. */
static void put_known(struct line *line, const struct stream_source *source,
                      uint64_t at)
{
    const struct ledger_entry *entry =
        source->ledger == NULL ? NULL : ledger_find(source->ledger, at);
    char letter[LEDGER_LETTER_CHARS];

    if (entry == NULL) {
        put_text(line, ",\"letter\":null,\"request\":null");
        return;
    }
    put_word(line, ",\"letter\":", ledger_letter_text(entry->letter, letter));
    put_field(line, ",\"request\":", entry->request);
}

/* The runs of pages that have a frame, as pairs of an offset and a size. */
static void write_held(const struct stream *stream, const struct heap *heap)
{
    uint64_t arena = heap_arena_bytes(heap), start = 0;
    struct line line = line_begin(stream);
    bool held = false, any = false;

    put_text(&line, "{\"held\":[");
    for (uint64_t at = 0; at <= arena; at += MM_PAGE) {
        bool now = at < arena && heap_page_is_held(heap, at);

        if (now == held)
            continue;
        if (now) {
            start = at;
        } else {
            put_field(&line, any ? ",[" : "[", start);
            put_field(&line, ",", at - start);
            put(&line, ']');
            any = true;
        }
        held = now;
    }
    put(&line, ']');
    line_end(&line);
}

static const char *block_word(const struct heap_cursor *cursor)
{
    return cursor->large   ? "large"
           : cursor->kept  ? "kept"
           : cursor->slots ? "slots"
           : cursor->used  ? "used"
                           : "free";
}

static void write_block(const struct stream *stream,
                        const struct stream_source *source,
                        const struct heap_cursor *cursor)
{
    struct line line = line_begin(stream);

    put_word(&line, "{\"block\":", block_word(cursor));
    put_field(&line, ",\"at\":", cursor->at);
    put_field(&line, ",\"size\":", cursor->size);
    put_field(&line, ",\"left\":", cursor->left_size);
    put_field(&line, ",\"header\":", cursor->header);
    put_field(&line, ",\"heap\":", cursor->owner);
    put_known(&line, source, cursor->at);
    line_end(&line);
}

/* A slot page: its own account, its free slots in the order of the list. */
static void write_slot_page(const struct stream *stream,
                            const struct stream_source *source, uint64_t at)
{
    const struct heap *heap = source->heap;
    struct slot_view view = slot_page_view(heap, at);
    struct line line = line_begin(stream);
    uint32_t left = view.count;

    if (!view.ok)
        return;
    put_field(&line, "{\"slots\":", at);
    put_field(&line, ",\"size\":", view.slot_bytes);
    put_field(&line, ",\"first\":", at + view.first);
    put_field(&line, ",\"count\":", view.count);
    put_field(&line, ",\"watermark\":", at + view.watermark);
    put_field(&line, ",\"used\":", view.used);
    put_text(&line, ",\"free\":[");
    for (uint32_t slot = view.free; slot != 0 && left-- > 0;
         slot = slot_next(heap, at, slot))
        put_field(&line, slot == view.free ? "" : ",", at + slot);
    put(&line, ']');
    line_end(&line);

    for (uint32_t i = 0; i < view.count; i++) {
        uint32_t slot = view.first + i * view.slot_bytes;

        if (!slot_is_used(heap, at, slot))
            continue;
        put_field(&line, "{\"slot\":", at + slot);
        put_field(&line, ",\"size\":", view.slot_bytes);
        put_known(&line, source, at + slot);
        line_end(&line);
    }
}

/* Free list number K of HEAP, in its order. */
static void write_list(const struct stream *stream, const struct heap *heap,
                       unsigned k)
{
    uint32_t left = heap->arena_quanta;
    struct line line = line_begin(stream);
    block_ref ref = heap->lists[k];

    if (ref == BLOCK_NIL)
        return;
    put_field(&line, "{\"list\":", k);
    put_field(&line, ",\"heap\":", heap->owner);
    put_text(&line, ",\"at\":[");
    while (ref != BLOCK_NIL && left-- > 0) {
        uint64_t at = (uint64_t)ref * MM_QUANTUM;

        put_field(&line, ref == heap->lists[k] ? "" : ",", at);
        ref = at < heap_arena_bytes(heap) && heap_page_is_held(heap, at)
                  ? block_of(heap_address(heap, at))->next : BLOCK_NIL;
    }
    put(&line, ']');
    line_end(&line);
}

/* What waits for HEAP's owner, the last pushed first. */
static void write_remote(const struct stream *stream, const struct heap *heap)
{
    uint64_t at = heap_remote_last(heap), first = at;
    uint32_t left = heap->arena_quanta;
    struct line line = line_begin(stream);

    if (at == 0)
        return;
    put_field(&line, "{\"remote\":", heap->owner);
    put_text(&line, ",\"at\":[");
    for (; at != 0 && left-- > 0; at = heap_remote_before(heap, at))
        put_field(&line, at == first ? "" : ",", at);
    put(&line, ']');
    line_end(&line);
}

static void write_lists(const struct stream *stream, const struct heap *heap)
{
    for (unsigned k = 0; k < HEAP_LISTS; k++)
        write_list(stream, heap, k);
    write_remote(stream, heap);
}

void stream_snapshot(const struct stream *stream,
                     const struct stream_source *source)
{
    struct line line = line_begin(stream);
    uint64_t blocks = 0, used = 0;
    struct heap_cursor cursor;

    if (stream->write == NULL)
        return;
    put_word(&line, "{\"snapshot\":", "begin");
    line_end(&line);
    write_held(stream, source->heap);
    heap_walk(&cursor);
    while (heap_walk_next(source->heap, &cursor)) {
        if (cursor.fault != MM_OK) {
            put_field(&line, "{\"damaged\":", cursor.at);
            line_end(&line);
            continue;
        }
        blocks++;
        used += cursor.used;
        write_block(stream, source, &cursor);
        if (cursor.slots)
            write_slot_page(stream, source, cursor.at);
    }
    write_lists(stream, source->heap);
    for (uint32_t i = 0; i < source->thread_count; i++)
        if (source->threads[i] != NULL)
            write_lists(stream, source->threads[i]);
    if (source->ledger != NULL)
        stream_letters(stream, source->ledger->letters);
    put_word(&line, "{\"snapshot\":", "end");
    put_field(&line, ",\"blocks\":", blocks);
    put_field(&line, ",\"used\":", used);
    put_field(&line, ",\"free\":", blocks - used);
    line_end(&line);
}

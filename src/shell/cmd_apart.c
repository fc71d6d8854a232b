/* SPDX-License-Identifier: MIT */
/*
 * cmd_apart.c - apart: two words, and much free memory between them
 *
 * A block never moves, so two words that stay, one at each end, keep all that
 * lies between them from leaving in one piece. What does the heap hold then?
 * apart builds the case and counts the pages that have a frame behind them:
 *
 *     fill    |a|bbbb|cc|dddddd|e|ffff|gg| ... |xxxxxx|yy|zzzz|
 *     free    |a|............................................|z|
 *              ^ a word                                       ^ a word
 *
 * It fills with blocks, whatever `small` says; their sizes look random and
 * are the same each time. The blocks are threaded through their own payloads,
 * as the list of a program would be:
 *
 *     +---+-----------------+   +---+---------+   +---+------------+
 *     | h | offset of next -+-->| h | next ---+-->| h | 0          |
 *     +---+-----------------+   +---+---------+   +---+------------+
 *
 * They are all gone in the end, so their letters are given again, to blocks
 * that somebody sees.
 *
 * In a damaged lab two blocks may overlap, and a link may then be anything.
 * So a link is followed only where a frame is behind it, and not more often
 * than there are blocks.
 */

#include "command.h"
#include "explain.h"
#include "stream.h"

#include "../trace/ledger.h"

/* ---- the blocks, one after the other ------------------------------------ */

enum {
    WORD = 8,                   /* bytes of the two that stay */
    SIZE_MOST = 64 * 1024,
    CHAIN_LEAST = 3,            /* one to free, between two */
};

struct chain {
    struct session *session;
    uint64_t count;             /* blocks */
    uint64_t bytes;             /* of them, headers included */
    uint64_t first, last;       /* offsets of payloads; 0: none */
    uint64_t highest;           /* the one that lies last in memory */
};

/* The word of the payload at AT that says which is the next. */
static uint64_t *chain_link(const struct chain *chain, uint64_t at)
{
    return heap_address(chain->session->machine->heap, at);
}

static void chain_add(struct chain *chain, uint64_t at, uint64_t bytes)
{
    if (chain->first == 0)
        chain->first = at;
    else
        *chain_link(chain, chain->last) = at;
    *chain_link(chain, at) = 0;
    chain->last = at;
    if (at > chain->highest)
        chain->highest = at;
    chain->count++;
    chain->bytes += bytes;
}

/* Frees all of the chain but the payloads at KEEP and ALSO_KEEP. */
static void chain_free(struct chain *chain, uint64_t keep, uint64_t also_keep)
{
    struct session *session = chain->session;
    struct heap *heap = session->machine->heap;
    uint64_t at = chain->first, steps = 0;

    while (at != 0 && steps++ < chain->count
           && at < session->machine->arena_bytes - WORD
           && byte_is_held(session, at)
           && byte_is_held(session, at + WORD - 1)) {
        uint64_t next = *chain_link(chain, at);

        if (at != keep && at != also_keep)
            heap_free(heap, heap_address(heap, at));
        session_progress(session, "freeing", steps, chain->count);
        at = next;
    }
}

/* ---- filling ------------------------------------------------------------ */

/* The next size up to MOST: half of them are large, a quarter is small. */
static uint64_t size_draw(uint64_t *state, uint64_t most)
{
    *state = *state * UINT64_C(6364136223846793005)
             + UINT64_C(1442695040888963407);

    unsigned kind = (unsigned)(*state >> 62);
    uint64_t range = kind >= 2 ? most : kind == 1 ? most / 16 : 256;

    return WORD + (*state >> 32) % range;
}

/* A block for SIZE bytes, or for as many as there are, at least a word. */
static void *alloc_up_to(struct heap *heap, uint64_t size)
{
    for (; size >= WORD; size /= 2) {
        void *payload = heap_alloc_request(heap, &(struct heap_request){
            .size = size, .kind = HEAP_BLOCK });

        if (payload != NULL || mm_is_damage((enum mm_fault)heap->refusal))
            return payload;
    }
    return NULL;
}

/* Allocates about BYTES of memory, or as much of it as fits. The first block
 * is a word. Ends early at Ctrl-C. */
static void chain_fill(struct chain *chain, uint64_t bytes)
{
    struct session *session = chain->session;
    struct heap *heap = session->machine->heap;
    uint64_t most = heap->span_bytes / 8, state = 1;
    uint64_t room = (uint64_t)frames_available(session->machine->frames)
                    * MM_PAGE;
    uint64_t goal = bytes < room ? bytes : room;

    if (most > SIZE_MOST)
        most = SIZE_MOST;
    while (chain->bytes < bytes && !session_stopped(session)) {
        uint64_t size = chain->count == 0 ? WORD : size_draw(&state, most);
        void *payload = alloc_up_to(heap, size);

        if (payload == NULL)
            return;
        chain_add(chain, heap_at(heap, payload),
                  heap_usable_size(heap, payload) + BLOCK_HEADER);
        session_progress(session, "filling", chain->bytes, goal);
    }
}

/* ---- why pages are held ------------------------------------------------- */

/* What a page is needed for; where several are true, the highest counts. */
enum why_held {
    HELD_IDLE,                  /* nothing but the inside of a free block */
    HELD_LINKS,                 /* a free block's header and links */
    HELD_HEAD,                  /* a span's head or its end */
    HELD_USED,                  /* a used block, or a large range */
    HELD_TAGS,                  /* the tags of the ranges */
    HELD_REASONS
};

static const char *const why_held_text[HELD_REASONS] = {
    [HELD_IDLE] = "idle inside free blocks",
    [HELD_LINKS] = "links of free blocks",
    [HELD_HEAD] = "heads and ends of spans",
    [HELD_USED] = "used blocks",
    [HELD_TAGS] = "tags of the ranges",
};

struct held {
    uint64_t pages[HELD_REASONS];
    /* the span that is being looked at */
    uint64_t span_at, span_pages;
    uint8_t why[SPAN_MAX_BYTES / MM_PAGE];
};

/* The bytes [START, END) of the span are needed as WHY says. */
static void held_mark(struct held *held, uint64_t start, uint64_t end,
                      enum why_held why)
{
    for (uint64_t page = (start - held->span_at) / MM_PAGE;
         page < held->span_pages
             && page * MM_PAGE < end - held->span_at; page++) {
        if (held->why[page] < why)
            held->why[page] = (uint8_t)why;
    }
}

/* Counts the pages of the span that all blocks of were marked. */
static void held_count_span(const struct session *session, struct held *held)
{
    for (uint64_t page = 0; page < held->span_pages; page++) {
        if (byte_is_held(session, held->span_at + page * MM_PAGE))
            held->pages[held->why[page]]++;
    }
    held->span_pages = 0;
}

/* Begins with the span of CURSOR, which is on its first block. */
static void held_begin_span(struct held *held,
                            const struct heap_cursor *cursor)
{
    uint64_t end = cursor->span_at + cursor->span_bytes;

    held->span_at = cursor->span_at;
    held->span_pages = cursor->span_bytes / MM_PAGE;
    for (uint64_t page = 0; page < held->span_pages; page++)
        held->why[page] = HELD_IDLE;
    held_mark(held, cursor->span_at, cursor->at - BLOCK_HEADER, HELD_HEAD);
    held_mark(held, end - BLOCK_HEADER, end, HELD_HEAD);
}

static void held_count(const struct session *session, struct held *held)
{
    const struct machine *machine = session->machine;
    struct heap_cursor cursor;

    *held = (struct held){ .span_pages = 0 };
    heap_walk(&cursor);
    while (heap_walk_next(machine->heap, &cursor)) {
        uint64_t start = cursor.at - BLOCK_HEADER;

        if (cursor.large)
            held->pages[HELD_USED] += cursor.span_bytes / MM_PAGE;
        if (cursor.large || cursor.fault != MM_OK)
            continue;
        if (held->span_pages == 0 || cursor.span_at != held->span_at) {
            held_count_span(session, held);
            held_begin_span(held, &cursor);
        }
        if (cursor.used)
            held_mark(held, start, start + cursor.size, HELD_USED);
        else
            held_mark(held, start, start + BLOCK_LINKED_BYTES, HELD_LINKS);
    }
    held_count_span(session, held);
    held->pages[HELD_TAGS] = machine->ranges->tag_pages;
}

/* Shows the pages that were held when all was full, before the trim, and
 * after it, side by side. */
static void held_show(struct session *session, const struct held *full,
                      const struct held *before, const struct held *after)
{
    static const char row[] = "%-26s %9llu %12llu %11llu\n";
    const struct held *const all[] = { full, before, after };
    uint64_t sums[3] = { 0 };

    say(session, "%-26s %9s %12s %11s\n", "pages held for", "when full",
        "before trim", "after trim");
    for (int why = HELD_REASONS - 1; why >= 0; why--) {
        uint64_t row_sum = 0;

        for (int i = 0; i < 3; i++) {
            sums[i] += all[i]->pages[why];
            row_sum += all[i]->pages[why];
        }
        if (row_sum != 0)
            say(session, row, why_held_text[why], (wide)full->pages[why],
                (wide)before->pages[why], (wide)after->pages[why]);
    }
    say(session, row, "in all", (wide)sums[0], (wide)sums[1], (wide)sums[2]);
}

/* ---- the command -------------------------------------------------------- */

/* The chain is full: frees what lies between its ends, and tells. */
static void apart_show(struct chain *chain)
{
    struct session *session = chain->session;
    struct heap *heap = session->machine->heap;
    uint64_t first = chain->first, last = chain->highest;
    struct held full, before, after;

    say(session, "Filled with %llu blocks, %llu bytes in all.\n",
        (wide)chain->count, (wide)chain->bytes);
    held_count(session, &full);
    chain_free(chain, first, last);
    heap_realloc(heap, heap_address(heap, last), WORD);
    say(session, "Freed all but two words, at +0x%llx and at +0x%llx: %llu "
                 "bytes lie between.\n", (wide)first, (wide)last,
        (wide)(last - first - WORD));
    held_count(session, &before);
    heap_trim(heap);
    held_count(session, &after);
    held_show(session, &full, &before, &after);
    heap_free(heap, heap_address(heap, first));
    heap_free(heap, heap_address(heap, last));
    say(session, "The two words were freed, too.\n");
}

void cmd_apart(struct session *session, const struct words *words)
{
    struct heap *heap = session->machine->heap;
    struct chain chain = { .session = session };
    uint64_t bytes = UINT64_MAX;

    if (words->count > 2
            || (words->count == 2
                && parse_number(words->word[1], &bytes) != PARSE_OK)) {
        refuse(session, "apart takes how many bytes to fill: apart 1M, or "
                        "apart alone for as many as there are");
        return;
    }
    struct ledger *ledger = session->machine->ledger;
    uint32_t letters = ledger == NULL ? 0 : ledger->letters;

    chain_fill(&chain, bytes);
    if (session_stopped(session)) {
        chain_free(&chain, 0, 0);
    } else if (mm_is_damage((enum mm_fault)heap->refusal)) {
        refuse_damage(session, (enum mm_fault)heap->refusal);
        chain_free(&chain, 0, 0);
    } else if (chain.count < CHAIN_LEAST) {
        chain_free(&chain, 0, 0);
        refuse(session, "apart needs three blocks, one to free between two, "
                        "and there came only %llu: give it more bytes, or "
                        "free something first", (wide)chain.count);
    } else {
        apart_show(&chain);
    }
    if (ledger != NULL)
        ledger_forget(ledger, letters);
    session_stream_letters(session);
}

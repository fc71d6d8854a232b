/* SPDX-License-Identifier: MIT */
/*
 * cmd_show.c - dump, map, lists, frag, slots: what shows blocks
 *
 * All of these walk the memory itself (heap_walk.c): what they print is what
 * is there, not what somebody remembers. The ledger adds what memory does not
 * know, letters and requested sizes. They change nothing, and they end in any
 * memory, however damaged.
 */

#include "cells.h"
#include "command.h"
#include "explain.h"

#include "../lab/policy.h"

/* WIDTH, or none in plain mode: there one blank is between two fields. */
static int aligned(const struct session *session, int width)
{
    return session->output.plain ? 0 : width;
}

/* Says that the walk ended at CURSOR because of damage. */
static void refuse_walk(struct session *session,
                        const struct heap_cursor *cursor)
{
    refuse(session, "+0x%llx: %s; the rest of the span at +0x%llx cannot be "
                    "walked", (wide)cursor->at, mm_fault_name(cursor->fault),
           (wide)cursor->span_at);
}

/* ---- dump --------------------------------------------------------------- */

static const char *state_name(const struct heap_cursor *cursor)
{
    return !cursor->used ? "free" : cursor->kept ? "kept" : "used";
}

/* One block as one row:
 * LETTER +0xOFFSET SIZE REQUESTED STATE left=SIZE header=0xWORD
 * and nothing behind it: programs read these rows. */
static bool dump_row(struct session *session,
                     const struct heap_cursor *cursor)
{
    const struct ledger_entry *entry =
        cursor->used ? entry_at(session, cursor->at) : NULL;
    struct short_text letters, request, at;

    print_text(at.text, sizeof(at.text), "+0x%llx", (wide)cursor->at);

    return say(session, "%s%*s %*s %*llu %*s %s left=%llu header=0x%08x%s\n",
               colour(session, cursor->used ? COLOUR_USED : COLOUR_FREE),
               aligned(session, -3),
               entry == NULL ? "-" : print_letters(&letters, entry->letter),
               aligned(session, -9), at.text,
               aligned(session, 7), (wide)cursor->size,
               aligned(session, 7),
               cursor->used ? request_text(&request, session, cursor->at)
                            : "-",
               state_name(cursor), (wide)cursor->left_size, cursor->header,
               colour(session, COLOUR_NONE));
}

static void dump_all(struct session *session)
{
    const struct heap *heap = session->machine->heap;
    uint64_t blocks = 0, used = 0;
    struct heap_cursor cursor;

    heap_walk(&cursor);
    while (heap_walk_next(heap, &cursor)) {
        if (cursor.fault != MM_OK) {
            refuse_walk(session, &cursor);
            continue;
        }
        blocks++;
        used += cursor.used;
        if (!dump_row(session, &cursor))
            return;
    }
    say(session, "%llu block%s, %llu used, %llu free\n", (wide)blocks,
        plural(blocks), (wide)used, (wide)(blocks - used));
}

enum { HEX_ROW = 16, HEX_MOST = 256 };

/* Sixteen bytes, from AT on, COUNT of them at most, as hex and text. */
static bool hex_row(struct session *session, uint64_t at, uint64_t count)
{
    const unsigned char *bytes = heap_address(session->machine->heap, at);
    char hex[HEX_ROW * 3 + 1], text[HEX_ROW + 1];

    if (count > HEX_ROW)
        count = HEX_ROW;
    for (unsigned i = 0; i < HEX_ROW; i++) {
        if (i < count) {
            print_text(&hex[i * 3], 4, "%02x ", bytes[i]);
            text[i] = bytes[i] >= ' ' && bytes[i] < 0x7f ? (char)bytes[i]
                                                         : '.';
        } else {
            print_text(&hex[i * 3], 4, "   ");
            text[i] = ' ';
        }
    }
    text[HEX_ROW] = '\0';
    return say(session, "+0x%05llx  %s |%s|\n", (wide)at, hex, text);
}

/* The bytes [AT, AT + COUNT), the first few of them, as far as there is
 * memory behind them. */
static void hex_show(struct session *session, uint64_t at, uint64_t count)
{
    uint64_t shown = 0;

    while (shown < count && shown < HEX_MOST) {
        uint64_t row = count - shown < HEX_ROW ? count - shown : HEX_ROW;

        if (!byte_is_held(session, at + shown)
                || !byte_is_held(session, at + shown + row - 1)) {
            say(session, "+0x%05llx  no frame is behind this page\n",
                (wide)(at + shown));
            return;
        }
        if (!hex_row(session, at + shown, row))
            return;
        shown += row;
    }
    if (shown < count)
        say(session, "... %llu more bytes\n", (wide)(count - shown));
}

/* A link of the free block at AT: an offset, or "none". */
static const char *link_text(struct short_text *text,
                             const struct session *session, block_ref link)
{
    uint64_t at = (uint64_t)link * MM_QUANTUM;

    if (link == BLOCK_NIL)
        return "none";
    print_text(text->text, sizeof(text->text), "+0x%llx%s", (wide)at,
               at < session->machine->arena_bytes ? "" : " (outside!)");
    return text->text;
}

static void dump_block(struct session *session,
                       const struct heap_cursor *cursor)
{
    const struct heap *heap = session->machine->heap;
    uint32_t header = cursor->header;
    struct short_text next, previous;

    if (cursor->at < BLOCK_HEADER
            || !byte_is_held(session, cursor->at - BLOCK_HEADER))
        return;
    say(session, "header +0x%llx: 0x%08x\n",
        (wide)(cursor->at - BLOCK_HEADER), header);
    say(session, "  bits 31-17  left's size %5u quanta of 16 bytes: %u%s\n",
        header_left_quanta(header), header_left_quanta(header) * MM_QUANTUM,
        header_left_quanta(header) == 0 ? ", the first of its span" : "");
    say(session, "  bits 16-2   own size    %5u quanta of 16 bytes: %u\n",
        header_quanta(header), header_quanta(header) * MM_QUANTUM);
    say(session, "  bit  1      %-10s  %5u\n",
        header_is_used(header) ? "kept" : "hollow",
        header_is_marked(header));
    say(session, "  bit  0      used        %5u\n", header_is_used(header));

    if (!cursor->used && byte_is_held(session, cursor->at)) {
        const struct block *block =
            block_of(heap_address(heap, cursor->at));

        say(session, "links: next %s, previous %s\n",
            link_text(&next, session, block->next),
            link_text(&previous, session, block->previous));
    }
}

/* What is shown: "block c +0x340: 32 bytes, used, 24 requested". */
static void dump_title(struct session *session, const struct place *place)
{
    const char *noun = place->kind == PLACE_SLOT ? "slot" : "block";
    struct short_text name, request;

    if (place->kind == PLACE_SLOT_HEAD)
        say(session, "slot page +0x%llx: %llu bytes\n", (wide)place->start,
            (wide)place->size);
    else if (!place->used)
        say(session, "%s %s +0x%llx: %llu bytes\n",
            place->cursor.kept ? "kept" : "free", noun, (wide)place->start,
            (wide)place->size);
    else
        say(session, "%s +0x%llx: %llu bytes, used, %s requested\n",
            place->entry != NULL ? place_name(&name, place) : noun,
            (wide)place->start, (wide)place->size,
            request_text(&request, session, place->start));
}

static void dump_one(struct session *session, const char *word)
{
    struct place place;
    uint64_t at, bytes;

    if (!target_find(session, "dump", word, &at))
        return;
    place_find(session, at, &place);
    switch (place.kind) {
    case PLACE_BLOCK:
    case PLACE_LARGE:
    case PLACE_SLOT:
        break;
    case PLACE_SLOT_HEAD:
        place.start = place.cursor.at;          /* show the whole page */
        place.size = place.cursor.size;
        break;
    default:
        refuse_place(session, "dump", at);
        return;
    }
    if (place.kind != PLACE_SLOT && place.cursor.fault != MM_OK) {
        refuse_walk(session, &place.cursor);
        return;
    }
    dump_title(session, &place);
    if (place.kind == PLACE_BLOCK || place.kind == PLACE_SLOT_HEAD)
        dump_block(session, &place.cursor);
    bytes = place.kind == PLACE_SLOT_HEAD ? place.size - BLOCK_HEADER
                                          : place_usable(&place);
    hex_show(session, place.start, bytes);
}

void cmd_dump(struct session *session, const struct words *words)
{
    if (words->count > 2)
        refuse(session, "dump shows all blocks, or one in hexadecimal: dump, "
                        "dump a, dump +0x2c0");
    else if (words->count == 2)
        dump_one(session, words->word[1]);
    else
        dump_all(session);
}

/* ---- map ---------------------------------------------------------------- */

enum { MAP_ROW = 64, MAP_CELLS_MOST = 4096 };   /* cells (see cells.h) */

/* Digits that an offset takes, the same in all rows. */
static int map_digits(const struct session *session)
{
    uint64_t last = session->machine->arena_bytes - 1;
    int digits = 5;

    while (digits < 16 && last >> (4 * digits) != 0)
        digits++;
    return digits;
}

/* Prints one row of the map; a colour changes only where it must. */
static bool map_show_row(struct session *session, uint64_t at,
                         const char *row, uint64_t count)
{
    enum colour now = COLOUR_NONE;

    say(session, "+0x%0*llx |", map_digits(session), (wide)at);
    for (uint64_t i = 0; i < count; i++) {
        enum colour wanted = glyph_colour(row[i]);

        if (wanted != now)
            say(session, "%s", colour(session, wanted));
        now = wanted;
        say(session, "%c", row[i]);
    }
    return say(session, "%s|\n", colour(session, COLOUR_NONE));
}

static bool rows_equal(const char *a, const char *b, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        if (a[i] != b[i])
            return false;
    }
    return true;
}

/* Rows that are all like the one above are counted instead of printed. */
static bool map_skipped(struct session *session, uint64_t *skipped)
{
    uint64_t count = *skipped;

    *skipped = 0;
    return count == 0
           || say(session, "%*s ... %llu more row%s like this one\n",
                  map_digits(session) + 3, "", (wide)count, plural(count));
}

/* What the glyphs that were SEEN mean, and no others. */
static void map_show_legend(struct session *session, const bool *seen)
{
    static const struct {
        char glyph;
        const char *meaning;
    } legend[] = {
        { GLYPH_USED, "used by several, or by one without a letter" },
        { GLYPH_KEPT, "kept" },
        { GLYPH_MIXED, "some used, some free" },
        { GLYPH_FREE, "free" },
        { GLYPH_HOLLOW, "free, no frame behind it" },
        { GLYPH_SLOT_USED, "used slot" },
        { GLYPH_SLOT_FREE, "free slot" },
        { GLYPH_HEAD, "head, the allocator's own" },
        { GLYPH_RANGE, "another range" },
        { GLYPH_NONE, "(blank) no range" },
        { GLYPH_DAMAGED, "damaged: not to be read" },
    };
    bool letters = false;

    for (char letter = 'a'; letter <= 'z'; letter++)
        letters = letters || seen[(unsigned char)letter];
    if (letters)
        say(session, "  a-z  that block\n");
    for (size_t i = 0; i < sizeof(legend) / sizeof(legend[0]); i++) {
        if (seen[(unsigned char)legend[i].glyph]
                && !say(session, "  %c    %s\n", legend[i].glyph,
                        legend[i].meaning))
            return;
    }
}

static const char map_usage[] =
    "map takes the size of a cell, a power of two from 16 on: map, map 256";

void cmd_map(struct session *session, const struct words *words)
{
    uint64_t arena = session->machine->arena_bytes;
    uint64_t size = MM_QUANTUM, cell_count;
    struct cells cells;
    char row[MAP_ROW], last[MAP_ROW];
    bool seen[128] = { false };
    uint64_t skipped = 0;
    struct short_text cell, whole;

    while (arena / size > MAP_CELLS_MOST)
        size *= 2;
    if (words->count > 2
            || (words->count == 2
                && (parse_number(words->word[1], &size) != PARSE_OK
                    || !mm_is_power_of_two(size)
                    || size < MM_QUANTUM || size > arena))) {
        refuse(session, "%s", map_usage);
        return;
    }
    cell_count = arena / size;
    cells_begin(&cells, session, size);
    say(session, "a cell is %s, a row %s\n", print_size(&cell, size),
        print_size(&whole, size * MAP_ROW));
    for (uint64_t first = 0; first < cell_count; first += MAP_ROW) {
        uint64_t count = cell_count - first;

        if (count > MAP_ROW)
            count = MAP_ROW;
        for (uint64_t i = 0; i < count; i++) {
            row[i] = cells_at(&cells, first + i);
            seen[(unsigned char)row[i]] = true;
        }
        if (first > 0 && count == MAP_ROW && rows_equal(row, last, count)) {
            skipped++;
            if (session_stopped(session))
                return;
            continue;
        }
        if (!map_skipped(session, &skipped)
                || !map_show_row(session, first * size, row, count))
            return;
        for (uint64_t i = 0; i < count; i++)
            last[i] = row[i];
    }
    if (map_skipped(session, &skipped))
        map_show_legend(session, seen);
}

/* ---- lists -------------------------------------------------------------- */

/*
 * Two columns: on the left the free blocks by address, each with its links,
 * as a walk over all blocks finds them; on the right the lists by size, as
 * following the links finds them. The two walks go side by side, one row at a
 * time; neither knows of the other. A sound heap gives both the same blocks.
 */
struct by_size {
    unsigned k;                 /* the list */
    block_ref next;             /* the block to show next; BLOCK_NIL: begin
                                   the list K */
    uint64_t count, bytes;
    bool damaged;
};

/* Whether a policy keeps all free blocks on one list. */
static bool one_list(const struct session *session)
{
    const struct heap *heap = session->machine->heap;

    return heap->policy != NULL && heap->policy->one_list;
}

/* Moves to the next row of the right column; false when there are no more.
 * TEXT gets the row. */
static bool by_size_next(const struct session *session,
                         struct by_size *walk, char *text, size_t size)
{
    const struct heap *heap = session->machine->heap;
    struct short_text sizes;
    bool begins = walk->next == BLOCK_NIL;

    if (walk->damaged)
        return false;
    if (begins) {
        while (walk->k < HEAP_LISTS && heap->lists[walk->k] == BLOCK_NIL)
            walk->k++;
        if (walk->k == HEAP_LISTS)
            return false;
        walk->next = heap->lists[walk->k];
    }
    uint64_t at = (uint64_t)walk->next * MM_QUANTUM;

    if (at >= heap_arena_bytes(heap) || !byte_is_held(session, at)
            || !byte_is_held(session, at - BLOCK_HEADER)
            || walk->count >= heap->arena_quanta) {
        walk->damaged = true;
        print_text(text, size, "a link leads to +0x%llx: no free block",
                   (wide)at);
        return true;
    }
    const struct block *block = block_of(heap_address(heap, at));

    print_text(text, size, "%16s %s +0x%llx %u",
               !begins                 ? ""
               : one_list(session)     ? "all"
                                       : list_sizes(&sizes, walk->k),
               begins ? ":" : "->", (wide)at, block_size(block));
    walk->count++;
    walk->bytes += block_size(block);
    walk->next = block->next;
    if (walk->next == BLOCK_NIL)
        walk->k++;
    return true;
}

/* The same for the left column. */
static bool by_address_next(struct session *session,
                            struct heap_cursor *cursor, char *text,
                            size_t size, uint64_t *count, uint64_t *bytes)
{
    const struct heap *heap = session->machine->heap;
    struct short_text next, previous;

    while (heap_walk_next(heap, cursor)) {
        if (cursor->fault != MM_OK) {
            print_text(text, size, "+0x%llx: %s", (wide)cursor->at,
                       mm_fault_name(cursor->fault));
            session->refused = true;
            return true;
        }
        if (cursor->used || cursor->owner != heap->owner)
            continue;                   /* another thread's is on its lists */
        const struct block *block =
            block_of(heap_address(heap, cursor->at));

        print_text(text, size, "+0x%llx %llu next %s prev %s",
                   (wide)cursor->at, (wide)cursor->size,
                   link_text(&next, session, block->next),
                   link_text(&previous, session, block->previous));
        (*count)++;
        *bytes += cursor->size;
        return true;
    }
    return false;
}

void cmd_lists(struct session *session, const struct words *words)
{
    uint64_t count = 0, bytes = 0;
    struct by_size sizes = { .k = 0, .next = BLOCK_NIL };
    struct heap_cursor cursor;
    bool left, right;

    if (words->count > 1) {
        refuse(session, "lists takes nothing: it shows all free lists");
        return;
    }
    heap_walk(&cursor);
    say(session, "%-44s%s\n", "by address",
        !one_list(session)                                ? "by size"
        : session->machine->heap->order == HEAP_BY_ADDRESS ? "on the one list"
                                  : "on the one list, last freed first");
    do {
        char address_text[64] = "", size_text[64] = "";

        left = by_address_next(session, &cursor, address_text,
                               sizeof(address_text), &count, &bytes);
        right = by_size_next(session, &sizes, size_text, sizeof(size_text));
        if (!left && !right)
            break;
        if (!(right ? say(session, "%-44s%s\n", address_text, size_text)
                    : say(session, "%s\n", address_text)))
            return;
    } while (true);
    if (count == sizes.count && bytes == sizes.bytes && !sizes.damaged)
        say(session, "%llu free block%s, %llu bytes: the two agree\n",
            (wide)count, plural(count), (wide)bytes);
    else
        refuse(session, "by address %llu free blocks, %llu bytes; by size "
                        "%llu, %llu bytes: the two do not agree, the heap is "
                        "damaged", (wide)count, (wide)bytes,
               (wide)sizes.count, (wide)sizes.bytes);
}

/* ---- frag --------------------------------------------------------------- */

enum { BAR_LENGTH = 24 };

/* What one walk over all blocks adds up. */
struct sums {
    uint64_t used, used_bytes;
    uint64_t free, free_bytes, largest;
    uint64_t held_pages;
    uint64_t free_of_list[HEAP_LISTS];
    bool damaged;
};

/* Whether a range of TYPE is the heap's own, and not a lab's or a stack. */
static bool is_of_the_heap(uint8_t type)
{
    return type == RANGE_SPAN || type == RANGE_LARGE || type == RANGE_TAGS;
}

/* Pages of the heap that have a frame behind them. */
static uint64_t held_pages(const struct session *session)
{
    const struct ranges *ranges = session->machine->ranges;
    const struct range_tag *tag = ranges_find(ranges, 0);
    uint64_t count = 0, steps = 0;

    for (; tag != NULL && steps <= ranges->page_count;
         tag = ranges_next(ranges, tag), steps++) {
        for (uint64_t i = 0; is_of_the_heap(tag->type) && i < tag->pages; i++)
            count += byte_is_held(session,
                                  ((uint64_t)tag->start + i) * MM_PAGE);
    }
    return count;
}

static void sums_find(struct session *session, struct sums *sums)
{
    const struct machine *machine = session->machine;
    struct heap_cursor cursor;

    heap_walk(&cursor);
    while (heap_walk_next(machine->heap, &cursor)) {
        if (cursor.fault != MM_OK) {
            sums->damaged = true;
            refuse_walk(session, &cursor);
            continue;
        }
        if (cursor.used) {
            sums->used++;
            sums->used_bytes += cursor.size;
            continue;
        }
        sums->free++;
        sums->free_bytes += cursor.size;
        if (cursor.size > sums->largest)
            sums->largest = cursor.size;
        sums->free_of_list[class_of((uint32_t)(cursor.size / MM_QUANTUM))]++;
    }
    sums->held_pages = held_pages(session);
}

/* Free blocks by size, a bar for each list that has any. */
static void frag_histogram(struct session *session, const struct sums *sums)
{
    uint64_t most = 1;

    for (unsigned k = 0; k < HEAP_LISTS; k++) {
        if (sums->free_of_list[k] > most)
            most = sums->free_of_list[k];
    }
    say(session, "free blocks by size\n");
    for (unsigned k = 0; k < HEAP_LISTS; k++) {
        uint64_t count = sums->free_of_list[k];
        char bar[BAR_LENGTH + 1];
        uint64_t length = (count * BAR_LENGTH + most - 1) / most;
        struct short_text sizes;

        if (count == 0)
            continue;
        for (uint64_t i = 0; i < length; i++)
            bar[i] = '#';
        bar[length] = '\0';
        if (!say(session, "%16s %6llu %s\n", list_sizes(&sizes, k),
                 (wide)count, bar))
            return;
    }
}

/* Bytes that callers asked for, in all live payloads. */
static uint64_t requested_bytes(const struct session *session)
{
    const struct ledger *ledger = session->machine->ledger;
    uint64_t bytes = 0;

    if (ledger == NULL)
        return 0;
    for (const struct ledger_entry *entry = ledger_first(ledger);
         entry != NULL; entry = ledger_next(ledger, entry))
        bytes += entry->request;
    return bytes;
}

void cmd_frag(struct session *session, const struct words *words)
{
    const struct machine *machine = session->machine;
    bool known_all = machine->ledger != NULL && machine->ledger->unknown == 0;
    uint64_t requested = requested_bytes(session);
    struct short_text percent;
    struct sums sums = { .used = 0 };
    uint64_t held;

    if (words->count > 1) {
        refuse(session, "frag takes nothing: it measures the whole heap");
        return;
    }
    sums_find(session, &sums);
    held = sums.held_pages * MM_PAGE;
    say(session, "arena                  %llu bytes, %llu held in %llu "
                 "page%s\n", (wide)machine->arena_bytes, (wide)held,
        (wide)sums.held_pages, plural(sums.held_pages));
    say(session, "used                   %llu bytes in %llu block%s\n",
        (wide)sums.used_bytes, (wide)sums.used, plural(sums.used));
    if (known_all)
        say(session, "requested              %llu bytes\n", (wide)requested);
    else
        say(session, "requested              -\n");
    say(session, "free                   %llu bytes in %llu block%s\n",
        (wide)sums.free_bytes, (wide)sums.free, plural(sums.free));
    say(session, "largest free           %llu bytes\n", (wide)sums.largest);
    say(session, "internal fragmentation %s\n",
        !known_all || requested > sums.used_bytes
            ? "-"
            : print_percent(&percent, sums.used_bytes - requested,
                            sums.used_bytes));
    say(session, "external fragmentation %s\n",
        print_percent(&percent, sums.free_bytes - sums.largest,
                      sums.free_bytes));
    say(session, "utilization            %s\n",
        known_all ? print_percent(&percent, requested, held) : "-");
    if (sums.free > 0)
        frag_histogram(session, &sums);
}

/* ---- slots -------------------------------------------------------------- */

enum { SLOTS_LISTED = 8 };      /* of a page's list, at most */

/* One slot page: its class, how full it is, its list. */
static bool slots_show_page(struct session *session, uint64_t at,
                            const struct slot_view *view)
{
    const struct heap *heap = session->machine->heap;
    uint32_t slot = view->free;
    unsigned listed = 0;

    say(session, "+0x%llx slots of %u: %u of %u used, watermark +0x%llx, "
                 "list:", (wide)at, view->slot_bytes, view->used, view->count,
        (wide)(at + view->watermark));
    if (slot == 0)
        say(session, " empty");
    while (slot != 0 && listed < SLOTS_LISTED) {
        say(session, "%s +0x%llx", listed == 0 ? "" : " ->",
            (wide)(at + slot));
        slot = slot_next(heap, at, slot);
        listed++;
    }
    return say(session, slot != 0 ? " ...\n" : "\n");
}

/* The live slots of a page, with their letters. */
static bool slots_show_live(struct session *session, uint64_t at,
                            const struct slot_view *view)
{
    const struct heap *heap = session->machine->heap;
    struct short_text letters, request;

    for (uint32_t i = 0; i < view->count; i++) {
        uint32_t offset = view->first + i * view->slot_bytes;
        const struct ledger_entry *entry = entry_at(session, at + offset);

        if (offset >= view->watermark)
            break;
        if (!slot_is_used(heap, at, offset))
            continue;
        if (!say(session, "  %s +0x%llx %u %s\n",
                 entry == NULL ? "-" : print_letters(&letters, entry->letter),
                 (wide)(at + offset), view->slot_bytes,
                 request_text(&request, session, at + offset)))
            return false;
    }
    return true;
}

void cmd_slots(struct session *session, const struct words *words)
{
    const struct heap *heap = session->machine->heap;
    uint64_t pages = 0, used = 0, count = 0;
    struct heap_cursor cursor;

    if (words->count > 1) {
        refuse(session, "slots takes nothing: it shows all slot pages");
        return;
    }
    heap_walk(&cursor);
    while (heap_walk_next(heap, &cursor)) {
        struct slot_view view;

        if (cursor.fault != MM_OK) {
            refuse_walk(session, &cursor);
            continue;
        }
        if (!cursor.slots || cursor.owner != heap->owner)
            continue;
        view = slot_page_view(heap, cursor.at);
        if (!view.ok) {
            refuse(session, "+0x%llx: %s", (wide)cursor.at,
                   mm_fault_name(MM_BAD_SLOT));
            continue;
        }
        pages++;
        used += view.used;
        count += view.count;
        if (!slots_show_page(session, cursor.at, &view)
                || !slots_show_live(session, cursor.at, &view))
            return;
    }
    say(session, "%llu slot page%s, %llu slot%s used, %llu free%s\n",
        (wide)pages, plural(pages), (wide)used, plural(used),
        (wide)(count - used),
        pages == 0 && !heap->small ? " (small on puts small requests there)"
                                   : "");
}

/* SPDX-License-Identifier: MIT */
/*
 * explain.c - what lies at an offset, and what just happened, in sentences
 * (see explain.h)
 */

#include "explain.h"

#include "../lab/policy.h"
#include "../trace/sentence.h"

/* ---- small texts -------------------------------------------------------- */

const char *list_sizes(struct short_text *text, unsigned k)
{
    uint64_t first = class_size(k) * MM_QUANTUM;
    uint64_t end = class_size(k + 1) * MM_QUANTUM;

    if (end - first == MM_QUANTUM)
        print_text(text->text, sizeof(text->text), "%llu", (wide)first);
    else
        print_text(text->text, sizeof(text->text), "[%llu, %llu)",
                   (wide)first, (wide)end);
    return text->text;
}

const char *list_name(struct short_text *text, const struct session *session,
                      uint64_t size)
{
    const struct heap *heap = session->machine->heap;
    struct short_text sizes;

    if (heap->policy != NULL && heap->policy->one_list)
        return "the one list";
    list_sizes(&sizes, class_of((uint32_t)(size / MM_QUANTUM)));
    print_text(text->text, sizeof(text->text), "list %s", sizes.text);
    return text->text;
}

const struct ledger_entry *entry_at(const struct session *session,
                                    uint64_t at)
{
    const struct ledger *ledger = session->machine->ledger;

    return ledger == NULL ? NULL : ledger_find(ledger, at);
}

const char *request_text(struct short_text *text,
                         const struct session *session, uint64_t at)
{
    const struct ledger_entry *entry = entry_at(session, at);

    if (entry == NULL)
        return "-";
    print_text(text->text, sizeof(text->text), "%llu", (wide)entry->request);
    return text->text;
}

/* ---- places ------------------------------------------------------------- */

bool byte_is_held(const struct session *session, uint64_t at)
{
    pfn_t pfn;

    return session->machine->frame_of(session->machine,
                                      (uint32_t)(at / MM_PAGE), &pfn);
}

/* Fills in PLACE for a byte of a slot page. */
static void place_find_slot(const struct session *session,
                            struct place *place)
{
    const struct heap *heap = session->machine->heap;
    uint64_t page_at = place->cursor.at;
    struct slot_view view = slot_page_view(heap, page_at);
    uint64_t offset = place->at - page_at;

    place->kind = PLACE_SLOT_HEAD;
    if (place->at < page_at || !view.ok || offset < view.first)
        return;
    uint64_t index = (offset - view.first) / view.slot_bytes;

    if (index >= view.count)
        return;                 /* what is left behind the last slot */
    uint64_t start = view.first + index * view.slot_bytes;

    place->kind = PLACE_SLOT;
    place->start = page_at + start;
    place->size = view.slot_bytes;
    place->used = slot_is_used(heap, page_at, (uint32_t)start);
}

void place_find(const struct session *session, uint64_t at,
                struct place *place)
{
    const struct machine *machine = session->machine;

    *place = (struct place){ .kind = PLACE_OUTSIDE, .at = at };
    if (at >= machine->arena_bytes)
        return;

    if (heap_walk_find(machine->heap, at, &place->cursor)) {
        place->kind = place->cursor.large ? PLACE_LARGE : PLACE_BLOCK;
        place->start = place->cursor.at;
        place->size = place->cursor.size;
        place->used = place->cursor.used && !place->cursor.kept;
        if (place->cursor.slots)
            place_find_slot(session, place);
    } else {
        const struct range_tag *tag =
            ranges_find(machine->ranges, (uint32_t)(at / MM_PAGE));

        if (tag == NULL || tag->type == RANGE_FREE)
            place->kind = PLACE_NO_SPAN;
        else if (place->cursor.fault != MM_OK)
            place->kind = PLACE_DAMAGED;
        else if (tag->type == RANGE_SPAN || tag->type == RANGE_LARGE)
            place->kind = PLACE_HEAD;
        else
            place->kind = PLACE_RANGE;
        if (tag != NULL)
            place->range = (enum range_type)tag->type;
    }
    if (place->used)
        place->entry = entry_at(session, place->start);
}

uint64_t place_usable(const struct place *place)
{
    switch (place->kind) {
    case PLACE_BLOCK: return place->size - BLOCK_HEADER;
    case PLACE_LARGE:
        return place->cursor.span_at + place->cursor.span_bytes
               - place->start;
    default: return place->size;
    }
}

const char *place_name(struct short_text *text, const struct place *place)
{
    struct short_text letters;
    const char *noun = place->kind == PLACE_SLOT ? "slot" : "block";

    if (place->entry != NULL)
        print_text(text->text, sizeof(text->text), "%s %s", noun,
                   print_letters(&letters, place->entry->letter));
    else
        print_text(text->text, sizeof(text->text), "the %s at +0x%llx", noun,
                   (wide)place->start);
    return text->text;
}

void place_describe(char out[PLACE_TEXT_SIZE], const struct place *place)
{
    uint64_t into = place->at - place->start;
    struct short_text name;

    switch (place->kind) {
    case PLACE_OUTSIDE:
        print_text(out, PLACE_TEXT_SIZE, "outside the arena");
        return;
    case PLACE_NO_SPAN:
        print_text(out, PLACE_TEXT_SIZE, "in no span");
        return;
    case PLACE_RANGE:
        print_text(out, PLACE_TEXT_SIZE, "in a range that is no span: %s",
                   range_type_name(place->range));
        return;
    case PLACE_HEAD:
        print_text(out, PLACE_TEXT_SIZE, "in a span's head or end");
        return;
    case PLACE_DAMAGED:
        print_text(out, PLACE_TEXT_SIZE,
                   "behind +0x%llx, from where on headers are damaged",
                   (wide)place->cursor.at);
        return;
    case PLACE_SLOT_HEAD:
        print_text(out, PLACE_TEXT_SIZE,
                   "in the head of the slot page at +0x%llx",
                   (wide)place->cursor.at);
        return;
    default:
        break;
    }
    if (place->used)
        place_name(&name, place);
    else
        print_text(name.text, sizeof(name.text), "the %s %s at +0x%llx",
                   place->cursor.kept ? "kept" : "free",
                   place->kind == PLACE_SLOT ? "slot" : "block",
                   (wide)place->start);

    if (place->at < place->start)
        print_text(out, PLACE_TEXT_SIZE, "in the header of %s", name.text);
    else if (!place->used && !place->cursor.used && into < 8)
        print_text(out, PLACE_TEXT_SIZE, "in the %s link of %s",
                   into < 4 ? "next" : "previous", name.text);
    else if (into == 0)
        print_text(out, PLACE_TEXT_SIZE, "the start of %s", name.text);
    else
        print_text(out, PLACE_TEXT_SIZE, "%llu byte%s into %s", (wide)into,
                   plural(into), name.text);
}

/* ---- targets ------------------------------------------------------------ */

static bool refuse_letter(struct session *session, const char *word,
                          uint32_t letter)
{
    const struct ledger *ledger = session->machine->ledger;
    const struct ledger_freed *freed =
        ledger_find_freed_letter(ledger, letter);
    struct short_text last;

    if (freed != NULL)
        return refuse(session,
                      "block %s was freed already: it was at +0x%llx, %llu "
                      "bytes were requested", word, (wide)freed->at,
                      (wide)freed->request);
    if (ledger_was_born(ledger, letter))
        return refuse(session, "block %s was freed already, long ago", word);
    if (ledger->letters == 0)
        return refuse(session, "there is no block %s: nothing is allocated "
                               "yet (try alloc 24)", word);
    return refuse(session, "there is no block %s: the letters given so far "
                           "end at %s", word,
                  print_letters(&last, ledger->letters - 1));
}

bool target_find(struct session *session, const char *who, const char *word,
                 uint64_t *at)
{
    const struct ledger *ledger = session->machine->ledger;
    uint32_t letter;
    enum parse_result result = parse_letters(word, &letter);

    if (result == PARSE_OK && ledger == NULL)
        return refuse(session, "the %s has no letters: give the block's "
                               "offset (%s +0x40)", session->machine->name,
                      who);
    if (result == PARSE_OK) {
        const struct ledger_entry *entry =
            ledger_find_letter(ledger, letter);

        if (entry == NULL)
            return refuse_letter(session, word, letter);
        *at = entry->at;
        return true;
    }
    if (result == PARSE_NOT_ONE)
        result = parse_offset(word, at);
    if (result == PARSE_NOT_ONE)
        return refuse(session, "'%s' is no block: give its letter (%s a) or "
                               "its offset (%s +0x40)", word, who, who);
    if (result == PARSE_TOO_LARGE || *at >= session->machine->arena_bytes)
        return refuse(session, "%s is outside the arena, which ends at "
                               "+0x%llx", word,
                      (wide)session->machine->arena_bytes);
    return true;
}

bool target_find_live(struct session *session, const char *who,
                      const char *word, struct place *place)
{
    uint64_t at;

    if (!target_find(session, who, word, &at))
        return false;
    place_find(session, at, place);
    if (!place->used || place->start != at)
        return refuse_place(session, who, at);
    return true;
}

/* AT is a byte of free memory, which PLACE tells about. */
static bool refuse_free_memory(struct session *session, const char *who,
                               const struct place *place)
{
    const struct ledger *ledger = session->machine->ledger;
    const struct ledger_freed *freed =
        ledger == NULL ? NULL : ledger_find_freed(ledger, place->at);
    struct short_text letters;
    const char *noun = place->kind == PLACE_SLOT ? "slot" : "block";

    if (freed != NULL)
        return refuse(session,
                      "+0x%llx was freed already: it was %s %s, and lies in "
                      "the free %s at +0x%llx (%llu bytes) now",
                      (wide)place->at, noun,
                      print_letters(&letters, freed->letter), noun,
                      (wide)place->start, (wide)place->size);
    return refuse(session,
                  "+0x%llx lies in the free %s at +0x%llx (%llu bytes): "
                  "there is nothing to %s", (wide)place->at, noun,
                  (wide)place->start, (wide)place->size, who);
}

/* AT is a byte of a live payload or of its header, but not its start. */
static bool refuse_inside(struct session *session, const char *who,
                          const struct place *place)
{
    struct short_text name, letters;
    const char *better = place->entry == NULL
                             ? NULL
                             : print_letters(&letters, place->entry->letter);
    char hint[48];

    if (better != NULL)
        print_text(hint, sizeof(hint), "%s +0x%llx or %s %s", who,
                   (wide)place->start, who, better);
    else
        print_text(hint, sizeof(hint), "%s +0x%llx", who,
                   (wide)place->start);
    place_name(&name, place);
    if (place->at < place->start)
        return refuse(session,
                      "+0x%llx is in the header of %s; its payload starts at "
                      "+0x%llx: %s", (wide)place->at, name.text,
                      (wide)place->start, hint);
    return refuse(session,
                  "+0x%llx lies inside %s (+0x%llx, %llu bytes), %llu bytes "
                  "from its start: %s", (wide)place->at, name.text,
                  (wide)place->start, (wide)place->size,
                  (wide)(place->at - place->start), hint);
}

/* Whether what starts at AT waits on the remote list of a heap, *OWNER. */
static bool remote_owner(const struct session *session, uint64_t at,
                         uint32_t *owner)
{
    const struct heap *heap = session->machine->heap;

    for (*owner = 0; heap->home->heap_of != NULL && *owner <= LAB_THREADS;
         ++*owner) {
        const struct heap *other =
            heap->home->heap_of(heap->home->context, *owner);

        if (other != NULL && heap_remote_has(other, at))
            return true;
    }
    return false;
}

bool refuse_place(struct session *session, const char *who, uint64_t at)
{
    struct place place;
    uint32_t owner;

    place_find(session, at, &place);
    switch (place.kind) {
    case PLACE_OUTSIDE:
        return refuse(session, "+0x%llx is outside the arena, which ends at "
                               "+0x%llx", (wide)at,
                      (wide)session->machine->arena_bytes);
    case PLACE_NO_SPAN:
        return refuse(session, "+0x%llx belongs to no span: nothing there is "
                               "handed out", (wide)at);
    case PLACE_RANGE:
        return refuse(session, "+0x%llx is in a range that is no span: %s",
                      (wide)at, range_type_name(place.range));
    case PLACE_HEAD:
        return refuse(session, "+0x%llx belongs to the allocator: it is in a "
                               "span's head or end", (wide)at);
    case PLACE_DAMAGED:
        return refuse(session, "+0x%llx cannot be found: at +0x%llx %s, and "
                               "the rest of that span cannot be walked",
                      (wide)at, (wide)place.cursor.at,
                      mm_fault_name(place.cursor.fault));
    case PLACE_SLOT_HEAD:
        return refuse(session, "+0x%llx belongs to the allocator: it is the "
                               "head of the slot page at +0x%llx", (wide)at,
                      (wide)place.cursor.at);
    default:
        break;
    }
    if (!place.used)
        return refuse_free_memory(session, who, &place);
    if (place.at == place.start && remote_owner(session, at, &owner))
        return refuse(session, "+0x%llx was freed already, by another thread: "
                               "it waits on the remote list of heap %u",
                      (wide)at, owner);
    if (place.at == place.start)
        return refuse(session, "+0x%llx starts a block that is marked used, "
                               "but that was never handed out: its header is "
                               "not to be believed", (wide)at);
    return refuse_inside(session, who, &place);
}

/* The used block that ends where the block at AT begins: whoever wrote past
 * its own end is probably that one. False if there is none. */
static bool suspect_find(const struct session *session, uint64_t at,
                         struct place *suspect)
{
    const struct heap *heap = session->machine->heap;
    struct heap_cursor cursor, before = { .size = 0 };

    heap_walk(&cursor);
    while (heap_walk_next(heap, &cursor) && cursor.at < at)
        before = cursor;
    if (before.fault != MM_OK || !before.used || before.size == 0
            || before.at + before.size != at)
        return false;
    *suspect = (struct place){
        .kind = PLACE_BLOCK,
        .start = before.at,
        .entry = entry_at(session, before.at),
    };
    return true;
}

/* Where a walk through the span of AT first meets a header that cannot be, if
 * that is before AT; else AT. The first to be wrong is the one to look at:
 * the headers behind it may only disagree with it. */
static uint64_t first_damage(const struct session *session, uint64_t at)
{
    struct heap_cursor cursor;

    heap_walk(&cursor);
    while (heap_walk_next(session->machine->heap, &cursor)) {
        if (cursor.fault != MM_OK && cursor.at < at
                && at - cursor.span_at < cursor.span_bytes)
            return cursor.at;
    }
    return at;
}

bool refuse_damage(struct session *session, enum mm_fault fault)
{
    const struct heap *heap = session->machine->heap;
    uint64_t at = first_damage(session, (uint64_t)heap->refusal_quantum
                                            * MM_QUANTUM);
    struct place suspect, place = { .kind = PLACE_BLOCK, .start = at };
    struct short_text name, other;
    const struct block *block;

    if (at == 0 || at >= heap_arena_bytes(heap)
            || !byte_is_held(session, at - BLOCK_HEADER))
        return refuse(session, "the heap is damaged: %s. Nothing was changed",
                      mm_fault_name(fault));
    place.entry = entry_at(session, at);
    place_name(&name, &place);
    block = block_of(heap_address(heap, at));

    switch (fault) {
    case MM_BAD_HEADER:
    case MM_BAD_LEFT:
    case MM_BAD_RIGHT:
        if (suspect_find(session, at, &suspect))
            return refuse(session,
                          "the header of %s is damaged: it reads 0x%08x. "
                          "Probably %s, which ends right before it, was "
                          "written past its end. Nothing was changed",
                          name.text, block->header,
                          place_name(&other, &suspect));
        return refuse(session, "the header of %s is damaged: it reads "
                               "0x%08x. Nothing was changed", name.text,
                      block->header);
    case MM_BAD_LINK:
        return refuse(session, "the links of the free block at +0x%llx do "
                               "not lead there and back: probably it was "
                               "written to after it was freed. Nothing was "
                               "changed", (wide)at);
    default:
        return refuse(session, "+0x%llx: %s. Nothing was changed", (wide)at,
                      mm_fault_name(fault));
    }
}

bool machine_can_break(struct session *session, const char *who)
{
    if (session->machine->writable)
        return true;
    return refuse(session, "%s could damage the %s's own memory, on which "
                           "everything rests: 'use lab' first, the lab may be "
                           "broken", who, session->machine->name);
}

/* ---- refused requests --------------------------------------------------- */

/* Refuses SIZE bytes for which no run of pages is long enough. */
static bool refuse_pages(struct session *session, uint64_t size)
{
    const struct ranges *ranges = session->machine->ranges;
    const struct range_tag *tag = ranges_find(ranges, 0);
    uint32_t largest = 0, free_pages = 0, steps = 0;

    for (; tag != NULL && steps <= ranges->page_count;
         tag = ranges_next(ranges, tag), steps++) {
        if (tag->type != RANGE_FREE)
            continue;
        free_pages += tag->pages;
        largest = tag->pages > largest ? tag->pages : largest;
    }
    return refuse(session, "%llu bytes need pages of their own, and no run "
                           "of free pages is long enough where it may "
                           "start: %u pages are free, the longest run has %u",
                  (wide)size, free_pages, largest);
}

bool refuse_request(struct session *session, uint64_t size, uint64_t align)
{
    const struct heap *heap = session->machine->heap;
    enum mm_fault fault = (enum mm_fault)heap->refusal;
    uint64_t free_bytes = 0, largest = 0, count = 0;
    struct heap_cursor cursor;
    struct short_text text;

    if (mm_is_damage(fault))
        return refuse_damage(session, fault);
    switch (fault) {
    case MM_TOO_LARGE:
        if (size <= session->machine->arena_bytes
                && session->machine->arena_bytes > heap->span_bytes)
            return refuse(session,
                          "%llu byte%s cannot be one block: it lies within a "
                          "span, and that has %u with its head. Without the "
                          "word 'block' it gets pages of its own",
                          (wide)size, plural(size), heap->span_bytes);
        if (size <= session->machine->arena_bytes)
            return refuse(session,
                          "%llu byte%s would need pages of their own, and "
                          "this %s's arena is all one span: 'reset 1M 64K' "
                          "makes one with more", (wide)size,
                          plural(size), session->machine->name);
        return refuse(session, "%llu bytes are more than this %s could ever "
                               "hand out: its arena has %llu", (wide)size,
                      session->machine->name,
                      (wide)session->machine->arena_bytes);
    case MM_BAD_ALIGNMENT:
        return refuse(session, "%llu is no alignment that this heap can "
                               "give: take a power of two up to %u",
                      (wide)align, heap->span_bytes / 4);
    case MM_NO_RANGE:
        return refuse_pages(session, size);
    case MM_NO_FRAMES:
        return refuse(session, "%llu bytes need more frames than are left: "
                               "%u are free, which is %s. Nothing in use was "
                               "changed",
                      (wide)size, frames_available(session->machine->frames),
                      print_size(&text, (uint64_t)frames_available(
                          session->machine->frames) * MM_PAGE));
    default:
        break;
    }
    heap_walk(&cursor);
    while (heap_walk_next(heap, &cursor)) {
        if (cursor.fault != MM_OK || cursor.used
                || cursor.owner != heap->owner)
            continue;
        count++;
        free_bytes += cursor.size;
        if (cursor.size > largest)
            largest = cursor.size;
    }
    if (count == 0)
        return refuse(session, "nothing is free: %llu bytes are not to be "
                               "had", (wide)size);
    if (free_bytes < size + BLOCK_HEADER)
        return refuse(session, "%llu bytes are not to be had: only %llu are "
                               "free", (wide)size, (wide)free_bytes);
    if (largest < size + BLOCK_HEADER)
        return refuse(session,
                      "%llu bytes are not to be had in one piece: %llu are "
                      "free, but in %llu pieces, the largest of %llu bytes",
                      (wide)size, (wide)free_bytes, (wide)count,
                      (wide)largest);
    return refuse(session, "%llu bytes at a multiple of %llu are not to be "
                           "had: %s", (wide)size,
                  (wide)(align > MM_QUANTUM ? align : MM_QUANTUM),
                  mm_fault_name(fault));
}

/* ---- events ------------------------------------------------------------- */

void show_event(struct session *session, const struct mm_event *event)
{
    char text[SENTENCE_CHARS];

    say(session, "  %s%s%s\n", colour(session, COLOUR_FAINT),
        sentence_of(event, text, sizeof(text)),
        colour(session, COLOUR_NONE));
}

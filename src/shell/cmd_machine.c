/* SPDX-License-Identifier: MIT */
/*
 * cmd_machine.c - what lies below the blocks, and the machine as a whole
 *
 * memmap, frames, ranges from the bottom up; whatis goes the way down from
 * one byte through all of them; check lets each layer prove itself; stats,
 * trim, small, reset and use treat the machine as a whole.
 */

#include "command.h"
#include "course.h"
#include "explain.h"

#include "../lab/policy.h"
#include "../trace/sentence.h"

/* Refuses words behind the command's name. */
static bool takes_nothing(struct session *session, const struct words *words)
{
    if (words->count == 1)
        return true;
    return refuse(session, "%s takes nothing: %s alone is right",
                  words->word[0], words->word[0]);
}

/* ---- memmap ------------------------------------------------------------- */

/* What became of PIECE and why. */
static void piece_describe(const struct machine *machine,
                           const struct memmap_piece *piece,
                           char text[MEMMAP_DESCRIPTION_SIZE])
{
    if (machine->map != NULL)
        memmap_describe(machine->map, piece, text, MEMMAP_DESCRIPTION_SIZE);
    else
        print_text(text, MEMMAP_DESCRIPTION_SIZE, "%s",
                   memmap_reason_text((enum memmap_reason)piece->reason));
}

static bool memmap_show_entry(struct session *session, size_t index,
                              const struct firmware_entry *entry)
{
    const char *remark = firmware_entry_remark(entry);
    struct short_text size;

    return say(session,
               "region %zu: 0x%012llx + 0x%012llx, type %u %s, %s%s%s\n",
               index, (wide)entry->base, (wide)entry->length, entry->type,
               firmware_type_text(entry->type),
               print_size(&size, entry->length), remark == NULL ? "" : ": ",
               remark == NULL ? "" : remark);
}

static bool memmap_show_piece(struct session *session,
                              const struct memmap_piece *piece)
{
    char text[MEMMAP_DESCRIPTION_SIZE];
    bool usable = piece->reason == MEMMAP_USABLE;
    struct short_text size;

    piece_describe(session->machine, piece, text);
    return say(session, "%s[0x%012llx, 0x%012llx)  %s: %s%s\n",
               colour(session, usable ? COLOUR_FREE : COLOUR_NONE),
               (wide)piece->start, (wide)piece->end,
               print_size(&size, piece->end - piece->start), text,
               colour(session, COLOUR_NONE));
}

void cmd_memmap(struct session *session, const struct words *words)
{
    const struct machine *machine = session->machine;
    uint64_t ram = 0, usable = 0;
    struct short_text ram_text, usable_text;

    if (!takes_nothing(session, words))
        return;
    say(session, "the %s's firmware lists these regions\n", machine->name);
    for (size_t i = 0; i < machine->firmware_count; i++) {
        if (!memmap_show_entry(session, i, &machine->firmware[i]))
            return;
    }
    say(session, "what became of it\n");
    for (size_t i = 0; i < machine->piece_count; i++) {
        const struct memmap_piece *piece = &machine->pieces[i];

        if (piece->is_ram)
            ram += piece->end - piece->start;
        if (piece->reason == MEMMAP_USABLE)
            usable += piece->end - piece->start;
        if (!memmap_show_piece(session, piece))
            return;
    }
    say(session, "%s of RAM, %s usable: %llu frames\n",
        print_size(&ram_text, ram), print_size(&usable_text, usable),
        (wide)(usable / MEMMAP_FRAME_SIZE));
    if (machine->map != NULL && machine->map->pieces_dropped > 0)
        say(session, "%zu pieces more than there is room for were left out, "
                     "%s of them usable\n", machine->map->pieces_dropped,
            print_size(&usable_text, machine->map->usable_bytes_dropped));
    if (!session->output.plain && machine != session->kernel)
        say(session, "This is the lab's map, made up. For the kernel's: "
                     "'use kernel', then 'memmap'.\n");
}

/* ---- frames ------------------------------------------------------------- */

enum { FRAMES_LISTED = 12 };    /* of the free list, at most */

/* Prints the first few frames of the free list. */
struct frames_printer {
    struct session *session;
    unsigned count;
};

static void frames_print(void *context, pfn_t pfn, bool holder)
{
    struct frames_printer *printer = context;

    if (printer->count++ < FRAMES_LISTED)
        say(printer->session, " %u%s", pfn, holder ? "*" : "");
}

void cmd_frames(struct session *session, const struct words *words)
{
    const struct frames *frames = session->machine->frames;
    struct frames_printer printer = { .session = session };
    uint64_t above = 0;
    enum mm_fault fault;

    if (!takes_nothing(session, words))
        return;
    for (uint32_t i = 0; i < frames->region_count; i++) {
        const struct frames_region *region = &frames->regions[i];

        above += region->end - region->watermark;
        if (!say(session, "frames [%u, %u), watermark %u: %u handed out at "
                          "least once, %u never\n",
                 region->start, region->end, region->watermark,
                 region->watermark - region->start,
                 region->end - region->watermark))
            return;
    }
    say(session, "free list:");
    if (frames->free_count == 0)
        say(session, " empty");
    fault = frames_walk(frames, frames_print, &printer);
    say(session, "%s\n", printer.count > FRAMES_LISTED ? " ..." : "");
    if (fault != MM_OK) {
        refuse(session, "the free list of frames is damaged: %s",
               mm_fault_name(fault));
        return;
    }
    if (frames->free_count > 0)
        say(session, "A frame with a * holds the numbers of those behind "
                     "it.\n");
    say(session, "%u frames: %u used, %llu free (%u on the list, %llu above "
                 "the watermark)\n", frames->frame_count,
        frames->risen_count - frames->free_count,
        (wide)(frames->free_count + above), frames->free_count, (wide)above);
    if (frames->own_count > 0)
        say(session, "The frames' own bits take up %u of the used ones.\n",
            frames->own_count);
}

/* ---- ranges ------------------------------------------------------------- */

/* "rw-": what may be done with the pages of TAG. */
static const char *protection_text(struct short_text *text,
                                   const struct range_tag *tag)
{
    print_text(text->text, sizeof(text->text), "%c%c%c",
               tag->protection & RANGE_READ ? 'r' : '-',
               tag->protection & RANGE_WRITE ? 'w' : '-',
               tag->protection & RANGE_EXECUTE ? 'x' : '-');
    return text->text;
}

void cmd_ranges(struct session *session, const struct words *words)
{
    const struct ranges *ranges = session->machine->ranges;
    const struct range_tag *tag = ranges_find(ranges, 0);
    uint64_t steps = 0;

    if (!takes_nothing(session, words))
        return;
    for (; tag != NULL && steps <= ranges->page_count;
         tag = ranges_next(ranges, tag), steps++) {
        struct short_text protection;
        bool is_free = tag->type == RANGE_FREE;

        if (!say(session, "%s+0x%llx %llu bytes, %u page%s, %s%s%s%s\n",
                 colour(session, is_free ? COLOUR_FREE : COLOUR_USED),
                 (wide)tag->start * MM_PAGE, (wide)tag->pages * MM_PAGE,
                 tag->pages, plural(tag->pages), range_type_name(tag->type),
                 is_free ? "" : ", ",
                 is_free ? "" : protection_text(&protection, tag),
                 colour(session, COLOUR_NONE)))
            return;
    }
    say(session, "%u range%s used, %u free; %u of %u pages used\n",
        ranges->used_count, plural(ranges->used_count), ranges->free_count,
        ranges->used_pages, ranges->page_count);
}

/* ---- whatis ------------------------------------------------------------- */

/* The block or slot, the span, and the range of PLACE. */
static void whatis_heap(struct session *session, const struct place *place)
{
    const struct machine *machine = session->machine;
    const struct heap_cursor *cursor = &place->cursor;
    const struct range_tag *tag =
        ranges_find(machine->ranges, (uint32_t)(place->at / MM_PAGE));
    struct short_text text;

    if (place->kind == PLACE_SLOT)
        say(session, "slot    +0x%llx, %llu bytes, %s%s%s\n",
            (wide)place->start, (wide)place->size,
            place->used ? "used, " : "free",
            place->used ? request_text(&text, session, place->start) : "",
            place->used ? " requested" : "");
    if (place->kind == PLACE_SLOT || place->kind == PLACE_SLOT_HEAD)
        say(session, "block   +0x%llx, %llu bytes, used, a slot page\n",
            (wide)cursor->at, (wide)cursor->size);
    if (place->kind == PLACE_BLOCK)
        say(session, "block   +0x%llx, %llu bytes, %s%s%s\n",
            (wide)place->start, (wide)place->size,
            place->used ? "used, " : cursor->kept ? "kept" : "free",
            place->used ? request_text(&text, session, place->start) : "",
            place->used ? " requested" : "");
    if (place->kind == PLACE_LARGE)
        say(session, "large   +0x%llx, %s requested\n", (wide)place->start,
            request_text(&text, session, place->start));
    else if (place->kind >= PLACE_BLOCK)
        say(session, "span    +0x%llx, %llu bytes\n", (wide)cursor->span_at,
            (wide)cursor->span_bytes);
    if (tag != NULL)
        say(session, "range   +0x%llx, %llu bytes, %s%s%s\n",
            (wide)tag->start * MM_PAGE, (wide)tag->pages * MM_PAGE,
            range_type_name(tag->type), tag->type == RANGE_FREE ? "" : ", ",
            tag->type == RANGE_FREE ? "" : protection_text(&text, tag));
}

/* The page, the frame, and the firmware's region of the byte AT. */
static void whatis_machine(struct session *session, uint64_t at)
{
    const struct machine *machine = session->machine;
    uint32_t page = (uint32_t)(at / MM_PAGE);
    uint64_t physical;
    pfn_t pfn;

    if (!machine->frame_of(machine, page, &pfn)) {
        say(session, "page    %u, not held: no frame is behind it\n", page);
        return;
    }
    physical = (uint64_t)pfn * MM_PAGE + at % MM_PAGE;
    say(session, "page    %u, held\n", page);
    say(session, "frame   %u, this byte is physical 0x%llx\n", pfn,
        (wide)physical);
    for (size_t i = 0; i < machine->piece_count; i++) {
        const struct memmap_piece *piece = &machine->pieces[i];
        char text[MEMMAP_DESCRIPTION_SIZE];

        if (physical < piece->start || physical >= piece->end)
            continue;
        piece_describe(machine, piece, text);
        if (piece->entry >= 0)
            say(session, "memory  [0x%llx, 0x%llx) %s, firmware's region %d\n",
                (wide)piece->start, (wide)piece->end, text, piece->entry);
        else
            say(session, "memory  [0x%llx, 0x%llx) %s\n",
                (wide)piece->start, (wide)piece->end, text);
    }
}

void cmd_whatis(struct session *session, const struct words *words)
{
    char text[PLACE_TEXT_SIZE];
    struct place place;
    uint64_t at;

    if (words->count != 2) {
        refuse(session, "whatis takes one offset or block: whatis +0x2c8, "
                        "whatis a");
        return;
    }
    if (!target_find(session, "whatis", words->word[1], &at))
        return;
    place_find(session, at, &place);
    place_describe(text, &place);
    say(session, "+0x%llx: %s\n", (wide)at, text);
    whatis_heap(session, &place);
    whatis_machine(session, at);
}

/* ---- check -------------------------------------------------------------- */

/* The heaps of the lab's threads, if it has any: their lists. */
static void check_threads(struct session *session)
{
    uint64_t heaps = 0, remote = 0;
    struct heap_damage damage;

    if (session->machine == session->kernel)
        return;
    for (uint32_t number = 1; number <= LAB_THREADS; number++) {
        const struct heap *heap = lab_thread(session->lab, number);

        if (heap == NULL)
            continue;
        heaps++;
        if (!heap_check(heap, &damage)) {
            refuse(session, "heap %u: broken at +0x%llx: %s", number,
                   (wide)damage.at, damage.invariant);
            return;
        }
        remote += damage.remote;
    }
    if (heaps > 0)
        say(session, "threads: ok, %llu heap%s, %llu payload%s on remote "
                     "lists\n", (wide)heaps, plural(heaps), (wide)remote,
            plural(remote));
}

void cmd_check(struct session *session, const struct words *words)
{
    const struct machine *machine = session->machine;
    struct heap_damage damage;
    const char *broken;
    uint32_t page = 0;
    uint64_t at;
    pfn_t pfn = 0;

    if (!takes_nothing(session, words))
        return;
    if (heap_check(machine->heap, &damage))
        say(session, "blocks: ok, %llu span%s, %llu block%s (%llu free), "
                     "%llu slot page%s, %llu large\n",
            (wide)damage.spans, plural(damage.spans), (wide)damage.blocks,
            plural(damage.blocks), (wide)damage.free_blocks,
            (wide)damage.slot_pages, plural(damage.slot_pages),
            (wide)damage.larges);
    else
        refuse(session, "blocks: broken at +0x%llx: %s", (wide)damage.at,
               damage.invariant);
    if (!session->refused && !letters_check(session, &at))
        refuse(session, "letters: broken at +0x%llx: L1: every block in use "
                        "has a letter", (wide)at);

    if (machine->heap->policy != NULL && damage.invariant == NULL)
        say(session, "policy: ok, %s%s%s%s%s\n", machine->heap->policy->name,
            machine->heap->policy->drops == NULL ? "" : ", drops ",
            machine->heap->policy->drops == NULL
                ? "" : machine->heap->policy->drops,
            machine->heap->policy->adds == NULL ? "" : ", adds ",
            machine->heap->policy->adds == NULL
                ? "" : machine->heap->policy->adds);

    broken = ranges_check(machine->ranges, &page);
    if (broken == NULL)
        say(session, "ranges: ok, %u used, %u free\n",
            machine->ranges->used_count, machine->ranges->free_count);
    else
        refuse(session, "ranges: broken at +0x%llx: %s",
               (wide)page * MM_PAGE, broken);

    broken = frames_check(machine->frames, &pfn);
    if (broken == NULL)
        say(session, "frames: ok, %u handed out, %u on the list\n",
            machine->frames->risen_count - machine->frames->free_count,
            machine->frames->free_count);
    else
        refuse(session, "frames: broken at frame %u: %s", pfn, broken);
    check_threads(session);
}

/* ---- stats -------------------------------------------------------------- */

static void stats_level_show(struct session *session, const char *name,
                             const struct stats_level *level)
{
    say(session, "%-10s %llu now, %llu at most\n", name, (wide)level->now,
        (wide)level->peak);
}

void cmd_stats(struct session *session, const struct words *words)
{
    const struct stats *stats = session->stats;
    const struct ledger *ledger = session->machine->ledger;
    bool any = false;

    if (!takes_nothing(session, words))
        return;
    say(session, "allocs     %llu\n", (wide)stats->allocs);
    say(session, "frees      %llu\n", (wide)stats->frees);
    say(session, "refusals   %llu", (wide)stats_refused(stats));
    for (int i = 1; i < MM_FAULTS; i++) {
        if (stats->refusals[i] == 0)
            continue;
        say(session, "%s %llu %s", any ? "," : ":",
            (wide)stats->refusals[i], mm_fault_name((enum mm_fault)i));
        any = true;
    }
    say(session, "\n");
    say(session, "splits     %llu\n", (wide)stats->events[MM_EVENT_SPLIT]);
    say(session, "coalesces  %llu\n", (wide)stats->events[MM_EVENT_COALESCE]);
    say(session, "freed      %llu beside no free neighbour, %llu right, %llu "
                 "left, %llu both\n", (wide)stats->free_cases[0],
        (wide)stats->free_cases[STATS_RIGHT_FREE],
        (wide)stats->free_cases[STATS_LEFT_FREE],
        (wide)stats->free_cases[STATS_RIGHT_FREE | STATS_LEFT_FREE]);
    stats_level_show(session, "live", &stats->live);
    if (ledger != NULL && stats->live.peak <= ledger->capacity)
        stats_level_show(session, "requested", &stats->requested);
    else                                /* of some, it was not noted */
        say(session, "requested  -\n");
    stats_level_show(session, "used", &stats->used);
    stats_level_show(session, "held", &stats->held);
}

/* ---- the machine as a whole --------------------------------------------- */

void cmd_trim(struct session *session, const struct words *words)
{
    uint64_t pages, slot_pages, drained;

    if (!takes_nothing(session, words))
        return;
    pages = heap_trim(session->machine->heap);
    slot_pages = session->heard.events[MM_EVENT_PAGE_GIVE];
    drained = session->heard.bytes[MM_EVENT_REMOTE_DRAIN];
    if (drained != 0)
        say(session, "First the heap took back %llu payload%s that other "
                     "threads had freed.\n", (wide)drained, plural(drained));
    if (slot_pages != 0)
        say(session, "%llu empty slot page%s an ordinary block again.\n",
            (wide)slot_pages, slot_pages == 1 ? " is" : "s are each");
    if (pages != 0)
        say(session, "The frames behind %llu page%s were given back.\n",
            (wide)pages, plural(pages));
    else
        say(session, "No page could be given back.\n");
}

void cmd_small(struct session *session, const struct words *words)
{
    struct heap *heap = session->machine->heap;
    bool on = heap->small;

    if (words->count > 2
            || (words->count == 2
                && parse_switch(words->word[1], &on) != PARSE_OK)) {
        refuse(session, "small is on or off: small on");
        return;
    }
    if (words->count == 2)
        heap->small = on;
    if (on)
        say(session, "small is on: requests up to %d bytes get slots.\n",
            SLOT_MAX_BYTES);
    else
        say(session, "small is off: every request gets a block.\n");
}

/* The span size that goes with an arena of ARENA bytes: as in the lab that
 * everybody starts with, if it divides the arena, else as large as does. */
static uint32_t span_for(uint64_t arena)
{
    uint32_t span = lab_default.span_bytes;

    while (span > SPAN_MIN_BYTES && arena % span != 0)
        span /= 2;
    return span;
}

void cmd_reset(struct session *session, const struct words *words)
{
    struct lab_setup setup = lab_default;
    struct short_text arena, span;
    uint64_t number;

    if (session->machine != NULL && session->machine == session->kernel) {
        refuse(session, "the kernel's own memory cannot be made anew: 'use "
                        "lab', and then 'reset' makes a new lab");
        return;
    }
    if (words->count > 3) {
        refuse(session, "reset takes the arena's size and a span's: reset, "
                        "reset 256K, reset 1M 64K");
        return;
    }
    if (words->count >= 2) {
        if (parse_number(words->word[1], &setup.arena_bytes) != PARSE_OK) {
            refuse(session, "'%s' is no size for an arena: reset 256K",
                   words->word[1]);
            return;
        }
        setup.span_bytes = span_for(setup.arena_bytes);
    }
    if (words->count == 3) {
        if (parse_number(words->word[2], &number) != PARSE_OK
                || number > SPAN_MAX_BYTES) {
            refuse(session, "'%s' is no size for a span: a power of two from "
                            "4K to 512K, such as reset 1M 64K",
                   words->word[2]);
            return;
        }
        setup.span_bytes = (uint32_t)number;
    }
    if (!session_reset(session, &setup))
        return;
    say(session, "A new lab: an arena of %s in spans of %s, blocks only.\n",
        print_size(&arena, setup.arena_bytes),
        print_size(&span, setup.span_bytes));
}

void cmd_use(struct session *session, const struct words *words)
{
    const char *word = words->count == 2 ? words->word[1] : "";

    if (text_equal(word, "lab")) {
        if (!session_use_lab(session))
            return;
    } else if (text_equal(word, "kernel")) {
        if (!session_use_kernel(session))
            return;
    } else {
        refuse(session, "use takes lab or kernel: use lab");
        return;
    }
    say(session, "Commands act on the %s now.\n", session->machine->name);
    if (session->machine->remark != NULL)
        say(session, "%s\n", session->machine->remark);
}

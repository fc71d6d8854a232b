/* SPDX-License-Identifier: MIT */
/*
 * cmd_step.c - step: stop at every event of an operation, and look
 *
 * The allocator announces each of its steps when it has made it (src/mm/
 * event.h). While `step on` holds, a copy of the lab is kept beside it that is
 * one event older. So each event can be shown as a sentence, with the blocks,
 * slots, pages or frames concerned as they were before it and as they are
 * after it. Then the shell waits for a key, in the middle of the operation:
 * the step is whole, the operation is not.
 *
 * In plain mode nobody is waited for: a script sees all steps.
 */

#include "command.h"
#include "explain.h"
#include "home.h"
#include "past.h"
#include "watch.h"

#include "../trace/sentence.h"

enum { PAGES_SHOWN = 4 };       /* of a run of pages, one a row */

/* Prints rows, the first of them marked with a word. */
struct rows {
    struct session *session;
    const char *word;           /* "before", "after" */
    unsigned count;
};

static void row(struct rows *rows, const char *text)
{
    say(rows->session, "  %s%-7s%s %s\n",
        colour(rows->session, COLOUR_FAINT),
        rows->count == 0 ? rows->word : "", colour(rows->session, COLOUR_NONE),
        text);
    rows->count++;
}

/* ---- what is concerned ------------------------------------------------------ */

/* The blocks that lie in [START, END), and the one that begins at END. */
static void rows_of_blocks(struct rows *rows, const struct machine *machine,
                           uint64_t start, uint64_t end)
{
    char text[BLOCK_ROW_SIZE];
    struct heap_cursor cursor;

    heap_walk(&cursor);
    while (heap_walk_next(machine->heap, &cursor) && cursor.at <= end) {
        if (cursor.fault == MM_OK && cursor.at + cursor.size > start)
            row(rows, block_row(text, machine, &cursor));
    }
}

/* The slot page around AT. */
static void rows_of_slots(struct rows *rows, const struct machine *machine,
                          uint64_t at)
{
    struct heap_cursor cursor;
    struct slot_view view;
    char text[BLOCK_ROW_SIZE];

    if (!heap_walk_find(machine->heap, at, &cursor) || !cursor.slots)
        return;
    view = slot_page_view(machine->heap, cursor.at);
    if (!view.ok)
        return;
    print_text(text, sizeof(text),
               "+0x%llx slots of %u: %u of %u used, watermark +0x%llx, list: "
               "%s", (wide)cursor.at, view.slot_bytes, view.used, view.count,
               (wide)(cursor.at + view.watermark),
               view.free == 0 ? "empty" : "");
    if (view.free != 0)
        print_text(text + text_length(text),
                   sizeof(text) - text_length(text), "+0x%llx%s",
                   (wide)(cursor.at + view.free),
                   slot_next(machine->heap, cursor.at, view.free) != 0
                       ? " ..." : "");
    row(rows, text);
}

static void rows_of_ranges(struct rows *rows, const struct machine *machine,
                           uint64_t start, uint64_t end)
{
    const struct ranges *ranges = machine->ranges;
    const struct range_tag *tag =
        ranges_find(ranges, (uint32_t)(start / MM_PAGE));
    char text[BLOCK_ROW_SIZE];

    for (uint32_t left = ranges->page_count;
         tag != NULL && left > 0 && (uint64_t)tag->start * MM_PAGE < end;
         tag = ranges_next(ranges, tag), left--) {
        print_text(text, sizeof(text), "+0x%llx %llu bytes, %u page%s, %s",
                   (wide)tag->start * MM_PAGE, (wide)tag->pages * MM_PAGE,
                   tag->pages, plural(tag->pages),
                   range_type_name(tag->type));
        row(rows, text);
    }
}

static void rows_of_pages(struct rows *rows, const struct machine *machine,
                          uint64_t start, uint64_t end)
{
    uint32_t first = (uint32_t)(start / MM_PAGE);
    uint32_t last = (uint32_t)((end - 1) / MM_PAGE);
    char text[BLOCK_ROW_SIZE];

    for (uint32_t page = first; page <= last; page++) {
        pfn_t pfn;

        if (page == first + PAGES_SHOWN && page < last) {
            print_text(text, sizeof(text), "and %u pages more",
                       last - page + 1);
            row(rows, text);
            return;
        }
        if (machine->frame_of(machine, page, &pfn))
            print_text(text, sizeof(text), "page %u at +0x%llx: frame %u",
                       page, (wide)page * MM_PAGE, pfn);
        else
            print_text(text, sizeof(text), "page %u at +0x%llx: no frame",
                       page, (wide)page * MM_PAGE);
        row(rows, text);
    }
}

static void rows_of_frames(struct rows *rows, const struct machine *machine,
                           uint64_t at)
{
    const struct frames_region *region =
        frames_region_of(machine->frames, (pfn_t)(at / MM_PAGE));
    char text[BLOCK_ROW_SIZE];

    if (region == NULL)
        return;
    print_text(text, sizeof(text), "frames [%u, %u), watermark %u; %u on the "
               "free list", region->start, region->end, region->watermark,
               machine->frames->free_count);
    row(rows, text);
}

/* What of MACHINE the EVENT concerns. */
static void rows_of_event(struct rows *rows, const struct machine *machine,
                          const struct mm_event *event)
{
    uint64_t end = event->at + event->size;

    switch ((enum mm_event_kind)event->kind) {
    case MM_EVENT_SPLIT:
        end += event->other;
        rows_of_blocks(rows, machine, event->at, end);
        break;
    case MM_EVENT_RESIZE:
        if (event->other > event->size)
            end = event->at + event->other;
        rows_of_blocks(rows, machine, event->at, end);
        break;
    case MM_EVENT_TAKE:
    case MM_EVENT_RELEASE:
    case MM_EVENT_COALESCE:
    case MM_EVENT_KEEP:
    case MM_EVENT_REUSE:
    case MM_EVENT_REMOTE_PUSH:
        rows_of_blocks(rows, machine, event->at, end);
        break;
    case MM_EVENT_PAGE_TAKE:
    case MM_EVENT_PAGE_GIVE:
        rows_of_blocks(rows, machine, event->at,
                       event->at + MM_SLOT_PAGE - MM_QUANTUM);
        rows_of_slots(rows, machine, event->at);
        break;
    case MM_EVENT_SLOT_TAKE:
    case MM_EVENT_SLOT_GIVE:
        rows_of_slots(rows, machine, event->at);
        break;
    case MM_EVENT_GROW:
    case MM_EVENT_SHRINK:
        rows_of_blocks(rows, machine, event->at, end - 1);
        break;
    case MM_EVENT_MAP:
    case MM_EVENT_UNMAP:
        rows_of_ranges(rows, machine, event->at, end);
        break;
    case MM_EVENT_HOLD:
    case MM_EVENT_TRIM:
        rows_of_pages(rows, machine, event->at, end);
        break;
    case MM_EVENT_FRAME_TAKE:
    case MM_EVENT_FRAME_GIVE:
        rows_of_frames(rows, machine, event->at);
        break;
    default:
        break;
    }
}

/* ---- stopping --------------------------------------------------------------- */

/* Waits for a key: Enter goes on, c goes on to the end. */
static void step_wait(struct session *session)
{
    static const char question[] = "-- Enter: next event, c: on to the end --";
    int key;

    watch_step(session);
    home_write("\x1b[7m", 4);
    home_write(question, sizeof(question) - 1);
    home_write("\x1b[0m", 4);
    do {
        key = home_read();
    } while (key != '\r' && key != '\n' && key != ' ' && key != 'c'
             && key != 'C' && key != 0x03 && key >= 0);
    home_write("\r\x1b[K", 4);
    session->output.rows_shown = 0;
    if (key == 'c' || key == 'C' || key == 0x03 || key < 0)
        session->past->step_through = true;
    home_interrupt_clear();
}

void step_arm(struct session *session)
{
    struct past *past = session->past;

    past->step_armed = past->stepping;
    past->step_through = false;
    past->step_number = 0;
    past->step_beside = false;
    if (!past->stepping || session->machine == session->kernel
            || past_beside(session) == NULL)
        return;
    lab_copy(past->beside, session->lab);
    past->step_beside = true;
}

void past_hear(struct session *session, const struct mm_event *event)
{
    struct past *past = session->past;
    char text[SENTENCE_CHARS];
    struct rows before = { .session = session, .word = "before" };
    struct rows after = { .session = session, .word = "after" };

    if (past == NULL || !past->step_armed || past->step_through
            || session->output.silent || session->machine == NULL)
        return;
    say(session, "%u. %s\n", ++past->step_number,
        sentence_of(event, text, sizeof(text)));
    if (past->step_beside)
        rows_of_event(&before, lab_machine(past->beside), event);
    rows_of_event(&after, session->machine, event);
    if (past->step_beside)
        lab_copy(past->beside, session->lab);
    if (!session->output.plain)
        step_wait(session);
}

void cmd_step(struct session *session, const struct words *words)
{
    bool on = session->past != NULL && session->past->stepping;

    if (session->past == NULL) {
        refuse(session, "there was no memory for what step needs");
        return;
    }
    if (words->count > 2
            || (words->count == 2
                && parse_switch(words->word[1], &on) != PARSE_OK)) {
        refuse(session, "step is on or off: step on");
        return;
    }
    session->past->stepping = on;
    if (!on)
        say(session, "step is off.\n");
    else if (session->output.plain)
        say(session, "step is on: each operation shows its events, with what "
                     "was before and what is after.\n");
    else
        say(session, "step is on: operations stop at each event. Enter goes "
                     "on, c to the end of the operation; 'step off' ends "
                     "it.\n");
}

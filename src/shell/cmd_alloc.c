/* SPDX-License-Identifier: MIT */
/*
 * cmd_alloc.c - alloc, free, realloc, fill, poke: what changes blocks
 *
 * Each of these does one thing to the heap and then says what happened. What
 * happened it does not know by itself: it reads the events of this command,
 * which session.c has collected while the allocator was at work (session.h,
 * struct heard). The sentences can therefore not say anything but what the
 * allocator did.
 */

#include "command.h"
#include "explain.h"
#include "stream.h"

#include "../lab/policy.h"

/* The first event of KIND of this command, from *INDEX on, which moves behind
 * it; NULL if there is none. */
static const struct mm_event *heard_find(const struct session *session,
                                         enum mm_event_kind kind,
                                         size_t *index)
{
    const struct heard *heard = &session->heard;

    for (; *index < heard->count; (*index)++) {
        if (heard->event[*index].kind == (uint32_t)kind)
            return &heard->event[(*index)++];
    }
    return NULL;
}

static const struct mm_event *heard_first(const struct session *session,
                                          enum mm_event_kind kind)
{
    size_t index = 0;

    return heard_find(session, kind, &index);
}

/* The letter of what starts at AT, or "-". */
static const char *letter_at(struct short_text *text,
                             const struct session *session, uint64_t at)
{
    const struct ledger_entry *entry = entry_at(session, at);

    return entry == NULL ? "-" : print_letters(text, entry->letter);
}

/* ---- what happened ------------------------------------------------------ */

/* Pages that came or went while this command was at work. */
static void explain_pages(struct session *session)
{
    uint64_t held = session->heard.bytes[MM_EVENT_HOLD] / MM_PAGE;
    uint64_t given = session->heard.bytes[MM_EVENT_TRIM] / MM_PAGE;
    const struct mm_event *left = heard_first(session, MM_EVENT_SHRINK);

    if (held != 0)
        say(session, "Frames were put behind %llu page%s.\n", (wide)held,
            plural(held));
    if (given != 0)
        say(session, "The frames behind %llu page%s were given back.\n",
            (wide)given, plural(given));
    if (left != NULL)
        say(session, "The empty span of %llu bytes at +0x%llx left.\n",
            (wide)left->size, (wide)left->at);
}

/* What had to happen before a block could be looked for. */
static void explain_before(struct session *session)
{
    uint64_t drained = session->heard.bytes[MM_EVENT_REMOTE_DRAIN];
    const struct mm_event *grown = heard_first(session, MM_EVENT_GROW);

    if (drained != 0)
        say(session, "First the heap took back %llu payload%s that other "
                     "threads had freed.\n", (wide)drained, plural(drained));
    if (grown != NULL)
        say(session, "A new span of %llu bytes entered at +0x%llx.\n",
            (wide)grown->size, (wide)grown->at);
}

/* How the block that TAKE announces was found and cut out. */
static void explain_take(struct session *session, const struct mm_event *take)
{
    uint32_t examined = session->machine->heap->examined;
    const struct mm_event *split, *first = NULL, *last = NULL;
    struct short_text list;
    size_t index = 0;

    while ((split = heard_find(session, MM_EVENT_SPLIT, &index)) != NULL) {
        if (split > take)
            break;              /* of something later */
        first = first == NULL ? split : first;
        last = split;
    }
    if (first == NULL) {
        say(session, "Taken whole from %s. %u block%s examined.\n",
            list_name(&list, session, take->size), examined, plural(examined));
        return;
    }
    say(session, "Split from the free block +0x%llx of %llu bytes, on %s.\n",
        (wide)first->at, (wide)(first->size + first->other),
        list_name(&list, session, first->size + first->other));
    if (first->at != take->at)
        say(session, "%llu bytes stay free to its left at +0x%llx, on %s.\n",
            (wide)first->size, (wide)first->at,
            list_name(&list, session, first->size));
    if (last->at == take->at)
        say(session, "%llu bytes stay free to its right at +0x%llx, on %s.\n",
            (wide)last->other, (wide)(take->at + take->size),
            list_name(&list, session, last->other));
    if (examined > 0)           /* realloc's own free has cleared it */
        say(session, "%u block%s examined.\n", examined, plural(examined));
}

/* Says what is at AT now, for a request of REQUEST bytes. */
static void explain_payload(struct session *session, uint64_t at,
                            uint64_t request)
{
    struct place place;
    struct short_text letters;
    const char *letter = letter_at(&letters, session, at);

    place_find(session, at, &place);
    switch (place.kind) {
    case PLACE_SLOT:
        say(session, "%s +0x%llx: slot of %llu bytes (%llu requested, %llu "
                     "to spare)\n", letter, (wide)at, (wide)place.size,
            (wide)request, (wide)(place.size - request));
        break;
    case PLACE_LARGE:
        say(session, "%s +0x%llx: range of %llu bytes (%llu requested, %llu "
                     "head, %llu to spare)\n", letter, (wide)at,
            (wide)place.cursor.span_bytes, (wide)request,
            (wide)(at - place.cursor.span_at),
            (wide)(place_usable(&place) - request));
        break;
    case PLACE_DAMAGED:
        say(session, "%s +0x%llx: a block for %llu bytes, behind damaged "
                     "headers\n", letter, (wide)at, (wide)request);
        break;
    default:
        say(session, "%s +0x%llx: block of %llu bytes (%llu requested, %u "
                     "header, %llu to spare)\n", letter, (wide)at,
            (wide)place.size, (wide)request, BLOCK_HEADER,
            (wide)(place.size - BLOCK_HEADER - request));
    }
    if (request == 0)
        say(session, "A request of 0 bytes is served like one of 1: each "
                     "block has an address of its own.\n");
}

/* Where the new payload at AT, for a request of REQUEST bytes, came from. */
static void explain_source(struct session *session, uint64_t at,
                           uint64_t request)
{
    uint32_t large_bytes = session->machine->heap->large_bytes;
    const struct mm_event *slot = heard_first(session, MM_EVENT_SLOT_TAKE);
    const struct mm_event *page = heard_first(session, MM_EVENT_PAGE_TAKE);
    const struct mm_event *take = heard_first(session, MM_EVENT_TAKE);
    const struct mm_event *reuse = heard_first(session, MM_EVENT_REUSE);
    struct place place;

    explain_before(session);
    place_find(session, at, &place);
    if (reuse != NULL) {
        say(session, "It was kept: freed before, %llu bytes, and not joined "
                     "with its neighbours.\n", (wide)reuse->size);
    } else if (slot != NULL) {
        if (page != NULL)
            say(session, "The blocks lent a slot page of %u bytes at "
                         "+0x%llx.\n", MM_SLOT_PAGE, (wide)page->at);
        say(session, slot->other == 1
                         ? "The watermark of the slot page at +0x%llx rose "
                           "by this slot.\n"
                         : "It was the first on the list of the slot page at "
                           "+0x%llx.\n", (wide)place.cursor.at);
    } else if (place.kind == PLACE_LARGE) {
        if (request > large_bytes)
            say(session, "It is too large for a block here (up to %u "
                         "bytes).\n", large_bytes);
        say(session, "It got %llu page%s of its own at +0x%llx.\n",
            (wide)(place.cursor.span_bytes / MM_PAGE),
            plural(place.cursor.span_bytes / MM_PAGE),
            (wide)place.cursor.span_at);
    } else if (take != NULL) {
        explain_take(session, take);
    }
}

static void explain_alloc(struct session *session, uint64_t at,
                          uint64_t request)
{
    explain_payload(session, at, request);
    explain_source(session, at, request);
    explain_pages(session);
}

/* ---- alloc -------------------------------------------------------------- */

static const char alloc_usage[] =
    "alloc takes a size in bytes, such as 24, 0x18, 4K or 2M: alloc 24";

/* Reads what stands behind the size: `align A`, `block`, `small`, `large`. */
static bool alloc_options(struct session *session, const struct words *words,
                          struct heap_request *request)
{
    for (int i = 2; i < words->count; i++) {
        const char *word = words->word[i];

        if (text_equal(word, "align")) {
            if (++i == words->count
                    || parse_number(words->word[i], &request->align)
                           != PARSE_OK)
                return refuse(session, "align takes a power of two: alloc "
                                       "100 align 64");
            if (!mm_is_power_of_two(request->align))
                return refuse(session, "%s is no power of two, so it is no "
                                       "alignment: alloc 100 align 64",
                              words->word[i]);
        } else if (text_equal(word, "block")) {
            request->kind = HEAP_BLOCK;
        } else if (text_equal(word, "small")) {
            request->kind = HEAP_SLOT;
        } else if (text_equal(word, "large")) {
            request->kind = HEAP_LARGE;
        } else {
            return refuse(session, "'%s' means nothing to alloc: alloc N "
                                   "[align A] [block|small|large]", word);
        }
    }
    if (request->kind == HEAP_SLOT && request->size > SLOT_MAX_BYTES)
        return refuse(session, "a slot has at most %d bytes: leave out "
                               "'small', or ask for less", SLOT_MAX_BYTES);
    if (request->kind == HEAP_SLOT
            && request->align > (request->size > 8 ? MM_QUANTUM : 8))
        return refuse(session, "slots of 8 bytes lie at multiples of 8, "
                               "larger ones of 16: leave out 'small' for an "
                               "alignment of %llu", (wide)request->align);
    return true;
}

void cmd_alloc(struct session *session, const struct words *words)
{
    struct heap *heap = session->machine->heap;
    struct heap_request request = { .kind = HEAP_ANY };
    void *payload;

    if (words->count < 2) {
        refuse(session, "%s", alloc_usage);
        return;
    }
    switch (parse_number(words->word[1], &request.size)) {
    case PARSE_NOT_ONE:
        refuse(session, "'%s' is no size: %s", words->word[1], alloc_usage);
        return;
    case PARSE_TOO_LARGE:
        refuse(session, "%s does not fit in 64 bits, and this arena has %llu "
                        "bytes", words->word[1],
               (wide)session->machine->arena_bytes);
        return;
    case PARSE_OK:
        break;
    }
    if (!alloc_options(session, words, &request))
        return;

    payload = heap_alloc_request(heap, &request);
    if (payload == NULL)
        refuse_request(session, request.size, request.align);
    else
        explain_alloc(session, heap_at(heap, payload), request.size);
}

/* ---- free --------------------------------------------------------------- */

/* With whom the block that was released has been joined. */
static void explain_release(struct session *session,
                            const struct mm_event *release)
{
    const struct mm_event *join, *right = NULL, *left = NULL;
    uint64_t at = release->at, size = release->size;
    struct short_text list;
    size_t index = 0;

    while ((join = heard_find(session, MM_EVENT_COALESCE, &index)) != NULL) {
        if (join->at < at) {
            left = join;
            at = join->at;
        } else if (join->at == at) {
            right = join;
        }
        size = join->size;
    }
    if (session->machine->heap->policy != NULL
            && session->machine->heap->policy->joins != NULL
            && session->heard.events[MM_EVENT_COALESCE] > 0) {  /* buddies */
        say(session, "Joined %llu time%s with its buddy.\n",
            (wide)session->heard.events[MM_EVENT_COALESCE],
            plural(session->heard.events[MM_EVENT_COALESCE]));
        say(session, "Together %llu bytes are free at +0x%llx, on %s.\n",
            (wide)size, (wide)at, list_name(&list, session, size));
        return;
    }
    if (right == NULL && left == NULL
            && session->machine->heap->policy != NULL
            && session->machine->heap->policy->joins != NULL) {
        say(session, "It joins nobody: it is a free block of its own, on "
                     "%s.\n", list_name(&list, session, size));
        return;
    }
    if (right == NULL && left == NULL) {
        say(session, "No neighbour is free: it is a free block of its "
                     "own, on %s.\n", list_name(&list, session, size));
        return;
    }
    if (right != NULL)
        say(session, "Joined with its free right neighbour, %llu bytes at "
                     "+0x%llx.\n", (wide)right->other,
            (wide)(release->at + release->size));
    if (left != NULL)
        say(session, "Joined with its free left neighbour, %llu bytes at "
                     "+0x%llx.\n", (wide)(left->size - left->other),
            (wide)left->at);
    say(session, "Together %llu bytes are free at +0x%llx, on %s.\n",
        (wide)size, (wide)at, list_name(&list, session, size));
}

/* Says what became of PLACE, which was freed. NAME is what it was called. */
static void explain_free(struct session *session, const struct place *place,
                         const char *name)
{
    const struct mm_event *given = heard_first(session, MM_EVENT_PAGE_GIVE);
    const struct mm_event *release = heard_first(session, MM_EVENT_RELEASE);
    const struct mm_event *keep = heard_first(session, MM_EVENT_KEEP);
    const struct mm_event *push = heard_first(session, MM_EVENT_REMOTE_PUSH);

    say(session, "%s +0x%llx: %llu bytes given back\n", name,
        (wide)place->start, (wide)place->size);
    if (keep != NULL)
        say(session, "The heap keeps it as it is for the next request of its "
                     "size; to its neighbours it is used.\n");
    if (push != NULL)
        say(session, "It belongs to heap %u: it waits on that heap's remote "
                     "list until its owner needs memory.\n", push->owner);
    if (keep != NULL || push != NULL)
        return;
    if (place->kind == PLACE_SLOT && given != NULL) {
        say(session, "Its slot page at +0x%llx is empty, and an ordinary "
                     "block again.\n", (wide)place->cursor.at);
    } else if (place->kind == PLACE_SLOT) {     /* it is there to be read */
        struct slot_view view = slot_page_view(session->machine->heap,
                                               place->cursor.at);

        if (view.ok)
            say(session, "Its slot page at +0x%llx has %u of %u slots in "
                         "use; this one is the first on its list.\n",
                (wide)place->cursor.at, view.used, view.count);
    }
    if (place->kind == PLACE_LARGE)
        say(session, "Its range of %llu page%s at +0x%llx is free.\n",
            (wide)(place->cursor.span_bytes / MM_PAGE),
            plural(place->cursor.span_bytes / MM_PAGE),
            (wide)place->cursor.span_at);
    else if (release != NULL)
        explain_release(session, release);
    explain_pages(session);
}

void cmd_free(struct session *session, const struct words *words)
{
    struct heap *heap = session->machine->heap;
    struct short_text letters;
    const char *name;
    struct place place;
    enum mm_fault fault;
    uint64_t at;

    if (words->count != 2) {
        refuse(session, "free takes one block, by letter or offset: free a, "
                        "free +0x40");
        return;
    }
    if (!target_find(session, "free", words->word[1], &at))
        return;
    place_find(session, at, &place);
    name = letter_at(&letters, session, at);

    fault = heap_free(heap, heap_address(heap, at));
    if (fault == MM_OK)
        explain_free(session, &place, name);
    else if (mm_is_damage(fault))
        refuse_damage(session, fault);
    else
        refuse_place(session, "free", at);
}

/* ---- realloc ------------------------------------------------------------ */

/* Says how the payload at FROM came to have REQUEST bytes at TO. */
static void explain_realloc(struct session *session, uint64_t from,
                            uint64_t to, uint64_t request, uint64_t copied)
{
    const struct mm_event *resize = heard_first(session, MM_EVENT_RESIZE);

    explain_payload(session, to, request);
    if (from != to) {
        say(session, "Moved from +0x%llx: %llu bytes were copied.\n",
            (wide)from, (wide)copied);
        explain_source(session, to, request);
    } else if (resize == NULL || resize->size == resize->other) {
        say(session, "It stays where it is: the size that was there fits.\n");
    } else if (resize->size > resize->other) {
        say(session, "It grew in place, by %llu bytes of its free right "
                     "neighbour.\n", (wide)(resize->size - resize->other));
    } else {
        say(session, "It shrank in place: %llu bytes behind it are free.\n",
            (wide)(resize->other - resize->size));
    }
    explain_pages(session);
}

void cmd_realloc(struct session *session, const struct words *words)
{
    struct machine *machine = session->machine;
    struct heap *heap = machine->heap;
    struct place place;
    uint64_t size, usable;
    void *payload;

    if (words->count != 3) {
        refuse(session, "realloc takes a block and its new size: realloc a "
                        "100");
        return;
    }
    if (!target_find_live(session, "realloc", words->word[1], &place))
        return;
    if (parse_number(words->word[2], &size) != PARSE_OK) {
        refuse(session, "'%s' is no size in bytes: realloc %s 100",
               words->word[2], words->word[1]);
        return;
    }
    usable = place_usable(&place);
    payload = heap_realloc(heap, heap_address(heap, place.start), size);
    if (payload == NULL) {
        refuse_request(session, size, 0);
        return;
    }
    if (machine->ledger != NULL && heap_at(heap, payload) != place.start) {
        ledger_move(machine->ledger, place.start, heap_at(heap, payload));
        session_stream_moved(session, place.start, heap_at(heap, payload));
    }
    explain_realloc(session, place.start, heap_at(heap, payload), size,
                    size < usable ? size : usable);
}

/* ---- fill and poke ------------------------------------------------------ */

/*
 * Whether the bytes [AT, AT + COUNT) may be written: they lie in the arena,
 * and a frame is behind every one of them. Refuses if not.
 */
static bool bytes_can_change(struct session *session, uint64_t at,
                             uint64_t count)
{
    uint64_t end = session->machine->arena_bytes;

    if (at >= end || count > end - at)
        return refuse(session, "%llu bytes from +0x%llx on go past the "
                               "arena's end at +0x%llx: nothing was written",
                      (wide)count, (wide)at, (wide)end);
    for (uint64_t page = at / MM_PAGE; page <= (at + count - 1) / MM_PAGE;
         page++) {
        if (!byte_is_held(session, page * MM_PAGE))
            return refuse(session, "the page at +0x%llx has no frame behind "
                                   "it: a real machine would fault there. "
                                   "Nothing was written",
                          (wide)(page * MM_PAGE));
    }
    return true;
}

/* Says once what writing anywhere can do. */
static void warn_once(struct session *session)
{
    if (session->warned)
        return;
    session->warned = true;
    say(session, "%sWarning:%s this can damage the lab, as a wrong program "
                 "would. 'check' finds what is broken, 'reset' makes a new "
                 "lab. (This is said once.)\n",
        colour(session, COLOUR_WARNING), colour(session, COLOUR_NONE));
}

static bool parse_byte(struct session *session, const char *word,
                       unsigned char *byte)
{
    uint64_t number;

    if (parse_number(word, &number) != PARSE_OK || number > 0xff)
        return refuse(session, "'%s' is no byte: 0 to 255, or 0x00 to 0xff",
                      word);
    *byte = (unsigned char)number;
    return true;
}

void cmd_fill(struct session *session, const struct words *words)
{
    struct heap *heap = session->machine->heap;
    char whose[PLACE_TEXT_SIZE];
    struct short_text name;
    struct place place, last;
    uint64_t count, usable;
    unsigned char byte = 0;

    if (words->count < 3 || words->count > 4) {
        refuse(session, "fill takes a block, a byte, and how many bytes: "
                        "fill a 0x41, fill a 0x41 8");
        return;
    }
    if (!target_find_live(session, "fill", words->word[1], &place)
            || !parse_byte(session, words->word[2], &byte))
        return;
    usable = place_usable(&place);
    count = place.entry != NULL ? place.entry->request : usable;
    if (words->count == 4
            && parse_number(words->word[3], &count) != PARSE_OK) {
        refuse(session, "'%s' is no number of bytes: fill %s 0x41 8",
               words->word[3], words->word[1]);
        return;
    }
    if (count == 0) {
        say(session, "+0x%llx: 0 bytes written\n", (wide)place.start);
        return;
    }
    if ((count > usable
            && !machine_can_break(session, "writing past a block's end"))
            || !bytes_can_change(session, place.start, count))
        return;
    place_find(session, place.start + count - 1, &last);
    place_describe(whose, &last);
    place_name(&name, &place);
    if (count > usable)
        warn_once(session);

    unsigned char *to = heap_address(heap, place.start);

    for (uint64_t i = 0; i < count; i++)
        to[i] = byte;
    say(session, "+0x%llx: %llu byte%s of 0x%02x written in %s\n",
        (wide)place.start, (wide)count, plural(count), byte, name.text);
    if (count > usable)
        say(session, "That is %llu byte%s past its end: the last one is %s.\n",
            (wide)(count - usable), plural(count - usable), whose);
}

void cmd_poke(struct session *session, const struct words *words)
{
    struct heap *heap = session->machine->heap;
    unsigned char bytes[WORDS_MAX];
    char where[PLACE_TEXT_SIZE];
    size_t count = (size_t)words->count - 2;
    struct place place;
    unsigned char *to;
    uint64_t at;

    if (!machine_can_break(session, "poke"))
        return;
    if (words->count < 3) {
        refuse(session, "poke takes an offset and the bytes to write there: "
                        "poke +0x2bc 0xff 0xff");
        return;
    }
    if (!target_find(session, "poke", words->word[1], &at))
        return;
    for (size_t i = 0; i < count; i++) {
        if (!parse_byte(session, words->word[i + 2], &bytes[i]))
            return;
    }
    if (!bytes_can_change(session, at, count))
        return;
    warn_once(session);
    place_find(session, at, &place);
    place_describe(where, &place);

    to = heap_address(heap, at);
    say(session, "+0x%llx:", (wide)at);
    for (size_t i = 0; i < count; i++)
        say(session, " %02x", to[i]);
    say(session, " ->");
    for (size_t i = 0; i < count; i++) {
        to[i] = bytes[i];
        say(session, " %02x", bytes[i]);
    }
    say(session, " (%s)\n", where);
}

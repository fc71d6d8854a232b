/* SPDX-License-Identifier: MIT */
/*
 * cmd_why.c - why: what the allocator did last, what it looked at, and why
 *
 * Nothing here is remembered and nothing is guessed. The lab is made once more
 * beside itself, as it was before its last command; the request is made there
 * again, while the heap says which blocks it looks at (struct heap_looks); and
 * the answer is read off that memory. So `why` works at any moment that one
 * can go to, and after `back` it explains the command that led there.
 *
 * After a refusal blocks are freed in the lab beside, one after the other and
 * each time from the same state, until the request is granted: then it is so
 * that freeing this block would do.
 */

#include "command.h"
#include "explain.h"
#include "past.h"

enum {
    LOOKS_SHOWN = 12,           /* blocks that a search looked at */
    TRIES = 256,                /* blocks that are freed on trial */
};

/* What is to be explained. */
struct deed {
    enum { DEED_OTHER, DEED_ALLOC, DEED_FREE, DEED_REALLOC } kind;
    struct heap_request request;
    uint32_t thread;            /* whose heap it was; 0: the lab's own */
    uint64_t at;                /* of the payload concerned, before */
    char text[LINE_SIZE];       /* the command */
};

/* ---- what was done -------------------------------------------------------------- */

/* The offset of the payload that WORD named in the lab BEFORE; 0: none. */
static uint64_t word_at(const struct machine *before, const char *word)
{
    const struct ledger_entry *entry;
    uint32_t letter;
    uint64_t at = 0;

    if (parse_letters(word, &letter) == PARSE_OK) {
        entry = ledger_find_letter(before->ledger, letter);
        return entry == NULL ? 0 : entry->at;
    }
    return parse_offset(word, &at) == PARSE_OK ? at : 0;
}

/* Reads the command in DEED->text, which has been done, and so is right. */
static void deed_read(struct deed *deed, const struct machine *before)
{
    char line[LINE_SIZE], *at = line;
    struct words words;

    print_text(line, sizeof(line), "%s", deed->text);
    if (!parse_words(&at, &words) || words.count < 2)
        return;
    if (text_equal(words.word[0], "as") && words.count > 3) {
        deed->thread = (uint32_t)(words.word[1][0] - '0');
        words.count -= 2;
        for (int i = 0; i < words.count; i++)
            words.word[i] = words.word[i + 2];
    }
    if (text_equal(words.word[0], "alloc")) {
        deed->kind = DEED_ALLOC;
        parse_number(words.word[1], &deed->request.size);
        for (int i = 2; i < words.count; i++) {
            if (text_equal(words.word[i], "align") && i + 1 < words.count)
                parse_number(words.word[++i], &deed->request.align);
            else if (text_equal(words.word[i], "block"))
                deed->request.kind = HEAP_BLOCK;
            else if (text_equal(words.word[i], "small"))
                deed->request.kind = HEAP_SLOT;
            else if (text_equal(words.word[i], "large"))
                deed->request.kind = HEAP_LARGE;
        }
    } else if (text_equal(words.word[0], "free")) {
        deed->kind = DEED_FREE;
        deed->at = word_at(before, words.word[1]);
    } else if (text_equal(words.word[0], "realloc") && words.count > 2) {
        deed->kind = DEED_REALLOC;
        deed->at = word_at(before, words.word[1]);
        parse_number(words.word[2], &deed->request.size);
    }
}

/* The step of a recording at POSITION. */
static void deed_of_step(struct deed *deed, const struct session *session,
                         uint32_t position, struct lab *before)
{
    const struct recording *recording = &session->past->recording;
    const struct recording_step *step = &recording->steps[position];
    struct short_text text;
    const struct ledger_entry *entry;
    const char *name = text.text;

    deed->at = lab_handles(before)[step->id];
    deed->request = recording_request(recording, step);
    deed->kind = step->kind == RECORDING_FREE ? DEED_FREE
                 : deed->at == 0              ? DEED_ALLOC
                                              : DEED_REALLOC;
    entry = ledger_find(lab_machine(before)->ledger, deed->at);
    if (deed->kind != DEED_ALLOC && entry != NULL)
        name = print_letters(&text, entry->letter);
    else
        print_text(text.text, sizeof(text.text), "+0x%llx", (wide)deed->at);
    if (deed->kind == DEED_ALLOC)
        print_text(deed->text, LINE_SIZE,
                   deed->request.align > 0 ? "alloc %llu align %llu"
                                           : "alloc %llu",
                   (wide)deed->request.size, (wide)deed->request.align);
    else if (deed->kind == DEED_FREE)
        print_text(deed->text, LINE_SIZE, "free %s", name);
    else
        print_text(deed->text, LINE_SIZE, "realloc %s %llu", name, (wide)deed->request.size);
}

/* The heap of THREAD in LAB. */
static struct heap *heap_of_thread(struct lab *lab, uint32_t thread)
{
    return thread == 0 ? lab_machine(lab)->heap
                       : lab_thread_start(lab, thread);
}

/* ---- the search ----------------------------------------------------------------- */

/* "Taken" and so on, of the block at AT in the lab before; its size. */
static uint64_t size_before(const struct machine *before, uint64_t at)
{
    struct heap_cursor cursor;

    return heap_walk_find(before->heap, at, &cursor) ? cursor.size : 0;
}

/* The bytes in front of the first payload at a multiple of ALIGN in the block
 * at AT. */
static uint64_t gap_before(uint64_t at, uint64_t align)
{
    return align <= MM_QUANTUM ? 0 : (0 - at) & (align - 1);
}

/* What became of the blocks FIRST to END of LOOKS, for a block of NEED
 * bytes. */
static void looks_show(struct session *session, const struct machine *before,
                       const struct heap_looks *looks, uint32_t first,
                       uint32_t end, uint64_t need, uint64_t align)
{
    uint32_t known = looks->count < HEAP_LOOKS ? looks->count : HEAP_LOOKS;

    for (uint32_t i = first; i < end && i < known; i++) {
        uint64_t at = (uint64_t)looks->at[i] * MM_QUANTUM;
        uint64_t size = size_before(before, at);
        uint64_t gap = gap_before(at, align);

        if (end - first > LOOKS_SHOWN && i >= first + LOOKS_SHOWN / 2
                && i + LOOKS_SHOWN / 2 < (end < known ? end : known)) {
            if (i == first + LOOKS_SHOWN / 2)
                say(session, "  ... %u more\n",
                    (end < known ? end : known) - first - LOOKS_SHOWN);
            continue;
        }
        if (size < need + gap)
            say(session, "  +0x%llx %llu: too small, %llu short\n", (wide)at,
                (wide)size, (wide)(need + gap - size));
        else if (gap > 0)
            say(session, "  +0x%llx %llu: fits, %llu in front for the "
                         "alignment and %llu to spare\n", (wide)at,
                (wide)size, (wide)gap, (wide)(size - need - gap));
        else if (size > need)
            say(session, "  +0x%llx %llu: fits, %llu to spare\n", (wide)at,
                (wide)size, (wide)(size - need));
        else
            say(session, "  +0x%llx %llu: fits exactly\n", (wide)at,
                (wide)size);
    }
    if (end > known)
        say(session, "  ... and %u after that\n", end - known);
}

/* How many free blocks are on list K. */
static uint32_t list_count(const struct heap *heap, unsigned k)
{
    uint32_t count = 0;

    for (block_ref ref = heap->lists[k];
         ref != BLOCK_NIL && ref < heap->arena_quanta
         && count < heap->arena_quanta; count++)
        ref = block_of(heap_address(heap, (uint64_t)ref * MM_QUANTUM))->next;
    return count;
}

/* How many of LOOKS, from the first on, are on list K. */
static uint32_t looks_on_list(const struct machine *before,
                              const struct heap_looks *looks, unsigned k)
{
    uint32_t count = 0;

    while (count < looks->count && count < HEAP_LOOKS) {
        uint64_t size = size_before(
            before, (uint64_t)looks->at[count] * MM_QUANTUM);

        if (size == 0
                || heap_list_of(before->heap,
                                (uint32_t)(size / MM_QUANTUM)) != k)
            break;
        count++;
    }
    return count;
}

/* Lists FIRST to LAST, as "list 48", or "lists 48 to 96". */
static void lists_name(char text[64], unsigned first, unsigned last)
{
    struct short_text from, to;

    if (first == last)
        print_text(text, 64, "List %s", list_sizes(&from, first));
    else
        print_text(text, 64, "Lists %s to %s", list_sizes(&from, first),
                   list_sizes(&to, last));
}

/* The search of heap_fit.c, told from its looks. */
static void search_by_size(struct session *session,
                           const struct machine *before,
                           const struct heap_looks *looks, uint64_t need,
                           uint64_t align)
{
    const struct heap *heap = before->heap;
    uint32_t quanta = (uint32_t)(need / MM_QUANTUM);
    uint32_t sure = quanta + (align > MM_QUANTUM
                                  ? (uint32_t)(align / MM_QUANTUM) - 1 : 0);
    unsigned own = class_of(quanta), fits = class_that_fits(sure), found;
    uint32_t count = list_count(heap, own), looked;
    struct short_text name;
    char text[64];

    looked = looks_on_list(before, looks, own);
    if (looked > HEAP_TRIES)
        looked = HEAP_TRIES;
    if (count == 0) {
        say(session, "List %s, where such blocks belong, is empty.\n",
            list_sizes(&name, own));
    } else {
        say(session, "List %s, where such blocks belong, has %u block%s; %u "
                     "%s looked at:\n", list_sizes(&name, own), count,
            plural(count), looked, looked == 1 ? "was" : "were");
        looks_show(session, before, looks, 0, looked, need, align);
        if (looked == HEAP_TRIES && count > HEAP_TRIES
                && looks->count > HEAP_TRIES)
            say(session, "After %d the search leaves this list: the time it "
                         "takes is bounded.\n", HEAP_TRIES);
    }
    if (looks->count == looked)
        return;                         /* found, or nothing else to see */
    found = class_map_find(heap->map, HEAP_MAP_WORDS,
                           fits > own ? fits : own + 1);
    if (fits > own + 1) {
        lists_name(text, own + 1, fits - 1);
        say(session, "%s: skipped, not all blocks there would fit.\n", text);
    }
    if (found == CLASS_NONE)
        return;
    if (found > (fits > own ? fits : own + 1)) {
        lists_name(text, fits > own ? fits : own + 1, found - 1);
        say(session, "%s: empty, as the map of lists says without a look.\n",
            text);
    }
    say(session, "List %s is the next that is not empty, and every block on "
                 "it is large enough; its first:\n",
        list_sizes(&name, found));
    looks_show(session, before, looks, looked, looked + 1, need, align);
    if (looks->count > looked + 1) {
        say(session, "That did not do; so everything was looked at:\n");
        looks_show(session, before, looks, looked + 1, looks->count, need,
                   align);
    }
}

/* The search for a block of NEED bytes. */
static void search_show(struct session *session, const struct machine *before,
                        const struct heap_looks *looks, uint64_t need,
                        uint64_t align)
{
    const struct heap_policy *policy = before->heap->policy;

    if (policy == NULL) {
        search_by_size(session, before, looks, need, align);
    } else {
        say(session, "policy %s%s: %s.\n", policy->name,
            !policy->one_list                         ? ""
            : before->heap->order == HEAP_BY_ADDRESS  ? ", by address"
                                                      : ", last freed first",
            policy->idea);
        if (looks->count == 0)
            say(session, "There was no block to look at.\n");
        looks_show(session, before, looks, 0, looks->count, need, align);
    }
}

/* ---- granted ---------------------------------------------------------------------- */

/* The last event of KIND of this command, or NULL. */
static const struct mm_event *heard_last(const struct session *session,
                                         enum mm_event_kind kind)
{
    const struct heard *heard = &session->heard;

    for (size_t i = heard->count; i-- > 0;) {
        if (heard->event[i].kind == (uint32_t)kind)
            return &heard->event[i];
    }
    return NULL;
}

/* The size of the block that a request of SIZE bytes gets. */
static uint64_t need_of(const struct heap *heap, uint64_t size)
{
    uint64_t bytes = mm_round_up((size > 0 ? size : 1) + BLOCK_HEADER
                                     + heap->trailer_bytes, MM_QUANTUM);

    if (heap->policy != NULL && heap->policy->round != NULL
            && bytes <= (uint64_t)heap->span_quanta * MM_QUANTUM)
        bytes = (uint64_t)heap->policy->round(
                    heap, (uint32_t)(bytes / MM_QUANTUM)) * MM_QUANTUM;
    return bytes;
}

static void why_size(struct session *session, const struct heap *heap,
                     uint64_t size, uint64_t need)
{
    uint64_t plain = mm_round_up((size > 0 ? size : 1) + BLOCK_HEADER
                                     + heap->trailer_bytes, MM_QUANTUM);

    if (heap->trailer_bytes > 0)
        say(session, "%llu bytes, a header of %d and a trailer of %u, rounded "
                     "up to a multiple of %u, are a block of %llu.\n",
            (wide)size, BLOCK_HEADER, heap->trailer_bytes, MM_QUANTUM,
            (wide)plain);
    else
        say(session, "%llu bytes and a header of %d, rounded up to a multiple "
                     "of %u, are a block of %llu.\n", (wide)size,
            BLOCK_HEADER, MM_QUANTUM, (wide)plain);
    if (need != plain)
        say(session, "The policy rounds that up to %llu.\n", (wide)need);
}

static void why_pages(struct session *session)
{
    uint64_t pages = session->heard.bytes[MM_EVENT_HOLD] / MM_PAGE;

    if (session->heard.events[MM_EVENT_GROW] > 0)
        say(session, "Nothing that is free was large enough, so the heap grew "
                     "by a span.\n");
    if (pages > 0)
        say(session, "%llu page%s that it needs had no frame: %s put behind "
                     "%s first.\n", (wide)pages, plural(pages),
            pages == 1 ? "one was" : "frames were",
            pages == 1 ? "it" : "them");
}

static void why_split(struct session *session)
{
    const struct mm_event *split = heard_last(session, MM_EVENT_SPLIT);
    uint64_t count = session->heard.events[MM_EVENT_SPLIT];

    if (split == NULL)
        say(session, "Nothing was left over: it was not split.\n");
    else if (count == 1)
        say(session, "%llu bytes were left over, a block of their own (%u is "
                     "the least): it was split.\n", (wide)split->other,
            BLOCK_MIN_BYTES);
    else
        say(session, "It was split %llu times; what was cut off are blocks of "
                     "their own.\n", (wide)count);
}

static void why_slot(struct session *session)
{
    const struct mm_event *slot = heard_last(session, MM_EVENT_SLOT_TAKE);
    const struct mm_event *page = heard_last(session, MM_EVENT_PAGE_TAKE);

    say(session, "small is on, or was asked for: requests up to %d bytes get "
                 "slots, all of one page equally large.\n", SLOT_MAX_BYTES);
    if (page != NULL)
        say(session, "No slot page of this size had room: the blocks lent a "
                     "page of %d bytes.\n", MM_SLOT_PAGE);
    else
        say(session, "The first page on the list of pages with room for this "
                     "size was taken; no search was needed.\n");
    say(session, slot->other == 1
                     ? "Its list of freed slots is empty, so the watermark "
                       "rose by one slot.\n"
                     : "The slot freed last is the first on its list.\n");
}

/* Makes REQUEST in the lab beside, as it was before, and notes in LOOKS what
 * is looked at. The lab beside is the same again afterwards; NULL if not. */
static struct lab *looks_find(struct session *session,
                              const struct deed *deed, uint64_t moment,
                              struct heap_looks *looks)
{
    struct lab *before = past_beside_at(session, moment);
    struct heap *heap;

    looks->count = 0;
    if (before == NULL)
        return NULL;
    heap = heap_of_thread(before, deed->thread);
    heap->looks = looks;
    heap_alloc_request(heap, &deed->request);
    heap->looks = NULL;
    session->past->beside_is_moment = false;
    return past_beside_at(session, moment);
}

/* How the block for DEED's request was found. */
static void why_alloc(struct session *session, const struct deed *deed,
                      uint64_t moment)
{
    struct heap_looks looks;
    struct lab *before = looks_find(session, deed, moment, &looks);
    struct machine machine_then, *machine = &machine_then;
    uint64_t need;

    if (before == NULL)
        return;
    machine_then = *lab_machine(before);
    machine_then.heap = heap_of_thread(before, deed->thread);
    need = need_of(machine->heap, deed->request.size);
    if (session->heard.events[MM_EVENT_REMOTE_DRAIN] > 0)
        say(session, "First the heap took back what other threads had "
                     "freed.\n");
    if (session->heard.events[MM_EVENT_SLOT_TAKE] > 0) {
        why_slot(session);
        return;
    }
    if (session->heard.events[MM_EVENT_MAP] > 0
            && session->heard.events[MM_EVENT_GROW] == 0) {
        say(session, "It is %s for a block here (up to %u bytes): it got "
                     "pages of its own, a range.\n",
            deed->request.size > machine->heap->large_bytes
                ? "too large" : "not meant", machine->heap->large_bytes);
        why_pages(session);
        return;
    }
    why_size(session, machine->heap, deed->request.size, need);
    if (session->heard.events[MM_EVENT_REUSE] > 0) {
        say(session, "A block of just this size was kept: nothing was "
                     "searched.\n");
        return;
    }
    search_show(session, machine, &looks, need, deed->request.align);
    why_pages(session);
    why_split(session);
    say(session, "%u block%s examined.\n", looks.count, plural(looks.count));
}

/* ---- freed ------------------------------------------------------------------------ */

/* "block a at +0x2b0, 32 bytes", as it was before. */
static void neighbour_show(struct session *session,
                           const struct machine *before, const char *side,
                           const struct heap_cursor *cursor)
{
    const struct ledger_entry *entry =
        cursor->used ? ledger_find(before->ledger, cursor->at) : NULL;
    struct short_text letters;

    say(session, "Its %s neighbour%s%s, %llu bytes at +0x%llx, is %s.\n", side,
        entry == NULL ? "" : " ",
        entry == NULL ? "" : print_letters(&letters, entry->letter),
        (wide)cursor->size, (wide)cursor->at,
        cursor->kept ? "kept" : cursor->used ? "used" : "free");
}

static void why_free_block(struct session *session,
                           const struct machine *before,
                           const struct heap_cursor *block)
{
    static const char *const cases[] = {
        "neither neighbour is free: a free block of its own",
        "the right neighbour is free: the two were joined",
        "the left neighbour is free: the two were joined",
        "both neighbours are free: the three were joined",
    };
    const struct heap *heap = before->heap;
    uint64_t end = block->span_at + block->span_bytes;
    struct heap_cursor cursor;
    uint64_t joins = session->heard.events[MM_EVENT_COALESCE];
    unsigned which = 0;

    if (block->left_size == 0) {
        say(session, "It is the first block of its span: it has no left "
                     "neighbour.\n");
    } else if (heap_walk_find(heap, block->at - block->left_size, &cursor)) {
        neighbour_show(session, before, "left", &cursor);
        which += cursor.used ? 0 : 2;
    }
    if (block->at + block->size < end
            && heap_walk_find(heap, block->at + block->size, &cursor)
            && cursor.at == block->at + block->size) {
        neighbour_show(session, before, "right", &cursor);
        which += cursor.used ? 0 : 1;
    } else {
        say(session, "It is the last block of its span: it has no right "
                     "neighbour.\n");
    }
    if (heap->policy == NULL || heap->policy->joins == NULL)
        say(session, "Case %u of 4: %s.\n", which + 1, cases[which]);
    else
        say(session, "policy %s: %s. %llu join%s.\n", heap->policy->name,
            heap->policy->idea, (wide)joins, plural(joins));
    if (heap->policy == NULL)
        say(session, "Both neighbours' headers are one step away: nothing was "
                     "searched.\n");
}

static void why_free(struct session *session, const struct deed *deed,
                     const struct machine *before)
{
    struct heap_cursor cursor;

    if (session->heard.events[MM_EVENT_REMOTE_PUSH] > 0) {
        say(session, "It is another thread's: one atomic step put it at the "
                     "front of the owner's remote list. The owner frees it "
                     "when it next needs memory; until then nothing is "
                     "joined.\n");
    } else if (session->heard.events[MM_EVENT_KEEP] > 0) {
        say(session, "Its heap keeps it for the next request of this size: "
                     "to the blocks around it it is still used, and nothing "
                     "was joined.\n");
    } else if (!heap_walk_find(before->heap, deed->at, &cursor)) {
        say(session, "There was no block at +0x%llx.\n", (wide)deed->at);
    } else if (cursor.large) {
        say(session, "It was a range of its own: its pages are free, and "
                     "their frames were given back.\n");
    } else if (cursor.slots) {
        say(session, "It was a slot of the page at +0x%llx: it is the first "
                     "on that page's list now, and the next to be handed "
                     "out.\n", (wide)cursor.at);
        if (session->heard.events[MM_EVENT_PAGE_GIVE] > 0)
            say(session, "It was the last one in use: the page is an ordinary "
                         "block again.\n");
    } else {
        why_free_block(session, before, &cursor);
    }
}

/* ---- resized ------------------------------------------------------------------------ */

static void why_realloc(struct session *session, const struct deed *deed,
                        const struct machine *before, uint64_t moment)
{
    const struct mm_event *resize = heard_last(session, MM_EVENT_RESIZE);
    uint64_t need = need_of(before->heap, deed->request.size);
    struct heap_cursor cursor, right;
    bool is_block = heap_walk_find(before->heap, deed->at, &cursor)
                    && !cursor.slots && !cursor.large;

    if (resize != NULL) {
        if (resize->size == resize->other
                || (!is_block && resize->size < resize->other))
            say(session, "What was there is large enough already: %llu "
                         "bytes.\n", (wide)resize->size);
        else if (resize->size < resize->other)
            say(session, "It needs %llu bytes less: they became free, where "
                         "they are.\n", (wide)(resize->other - resize->size));
        else
            say(session, "It needs %llu bytes more, and its right neighbour "
                         "is free and has them.\n",
                (wide)(resize->size - resize->other));
        return;
    }
    if (is_block && cursor.at + cursor.size
                        < cursor.span_at + cursor.span_bytes
            && heap_walk_find(before->heap, cursor.at + cursor.size, &right)) {
        neighbour_show(session, before, "right", &right);
        if (!right.used && cursor.size + right.size >= need)
            say(session, "The policy does not change a block's size.\n");
        else
            say(session, "It cannot grow in place%s: it moves, its contents "
                         "are copied, and the old one is freed.\n",
                right.used ? "" : " as far");
    } else {
        say(session, "It cannot grow in place: it moves, its contents are "
                     "copied, and the old one is freed.\n");
    }
    why_alloc(session, deed, moment);
}

/* ---- refused ------------------------------------------------------------------------ */

/* Whether REQUEST is granted in a copy of the lab in which the payload at AT
 * was freed. */
static bool would_fit(struct session *session, uint64_t at,
                      const struct heap_request *request, uint32_t thread)
{
    struct lab *trial = past_beside(session);
    struct heap *heap;

    if (trial == NULL)
        return false;
    lab_copy(trial, session->lab);
    heap = heap_of_thread(trial, thread);
    return heap_free(heap, heap_address(heap, at)) == MM_OK
           && heap_alloc_request(heap, request) != NULL;
}

/* The bytes that would be free in one piece if the block at AT were freed. */
static uint64_t joined_size(const struct heap *heap, uint64_t at)
{
    struct heap_cursor block, cursor;
    uint64_t size;

    if (!heap_walk_find(heap, at, &block) || block.slots)
        return 0;
    size = block.size;
    if (block.large)
        return size;
    if (block.left_size > 0
            && heap_walk_find(heap, block.at - block.left_size, &cursor)
            && !cursor.used)
        size += cursor.size;
    if (block.at + block.size < block.span_at + block.span_bytes
            && heap_walk_find(heap, block.at + block.size, &cursor)
            && !cursor.used)
        size += cursor.size;
    return size;
}

const struct ledger_entry *why_block(struct session *session,
                                     const struct heap_request *request,
                                     uint32_t thread)
{
    const struct machine *machine = session->machine;
    const struct ledger_entry *entry;
    uint64_t need = need_of(machine->heap, request->size);
    uint64_t tried = 0;                 /* requests up to here were tried */
    unsigned tries = 0;

    /* First those that leave enough in one piece, the smallest first. */
    for (;; tries++) {
        const struct ledger_entry *next = NULL;

        for (entry = ledger_first(machine->ledger); entry != NULL;
             entry = ledger_next(machine->ledger, entry)) {
            uint64_t rank = entry->request << 24 | (entry->letter + 1);

            if (rank <= tried || (next != NULL
                    && rank >= (next->request << 24 | (next->letter + 1))))
                continue;
            if (joined_size(machine->heap, entry->at) >= need)
                next = entry;
        }
        if (next == NULL || tries == TRIES)
            break;
        if (would_fit(session, next->at, request, thread))
            return next;
        tried = next->request << 24 | (next->letter + 1);
    }
    /* Then any: pages that come back may be what is missing. */
    for (entry = ledger_first(machine->ledger);
         entry != NULL && tries < 2 * TRIES && !session_stopped(session);
         entry = ledger_next(machine->ledger, entry), tries++) {
        if (would_fit(session, entry->at, request, thread))
            return entry;
    }
    return NULL;
}

static void why_refused(struct session *session, const struct deed *deed,
                        const struct mm_event *refusal)
{
    const struct machine *machine = session->machine;
    enum mm_fault fault = (enum mm_fault)refusal->other;
    uint64_t bytes = 0, count = 0, largest = 0;
    uint64_t need = need_of(machine->heap, deed->request.size);
    const struct ledger_entry *entry;
    struct heap_cursor cursor;
    struct short_text text;

    say(session, "It was refused: %s. Nothing in use has changed.\n",
        mm_fault_name(fault));
    if (deed->kind == DEED_FREE || mm_is_damage(fault)
            || fault == MM_BAD_ALIGNMENT)
        return;
    heap_walk(&cursor);
    while (heap_walk_next(machine->heap, &cursor)) {
        if (cursor.fault != MM_OK || cursor.used
                || cursor.owner != machine->heap->owner)
            continue;
        count++;
        bytes += cursor.size;
        if (cursor.size > largest)
            largest = cursor.size;
    }
    say(session, "need %llu, free %llu in %llu block%s, largest %llu: external "
                 "fragmentation %s\n", (wide)need, (wide)bytes, (wide)count,
        plural(count), (wide)largest,
        print_percent(&text, bytes - largest, bytes));
    if (deed->request.size > machine->arena_bytes || fault == MM_TOO_LARGE) {
        say(session, "No block could be freed to make it fit: it is larger "
                     "than anything this lab could hand out.\n");
        return;
    }
    if (deed->kind == DEED_REALLOC && deed->request.align == 0)
        say(session, "A block that moves needs its new place before the old "
                     "one is free.\n");
    entry = why_block(session, &deed->request, deed->thread);
    if (entry == NULL)
        say(session, "There is no block that, freed alone, would make it "
                     "fit.\n");
    else
        say(session, "Freeing block %s would make it fit.\n",
            print_letters(&text, entry->letter));
}

/* ---- why ---------------------------------------------------------------------------- */

void cmd_why(struct session *session, const struct words *words)
{
    const struct journal_entry *entry;
    const struct mm_event *refusal;
    struct journal *journal;
    struct deed deed = { .kind = DEED_OTHER };
    struct lab *before;
    uint32_t step;

    if (words->count != 1) {
        refuse(session, "why takes nothing: it explains the last operation");
        return;
    }
    if (!past_is_there(session, "why"))
        return;
    journal = &session->past->journal;
    entry = journal_find(journal, journal->now, &step);
    if (entry == NULL) {
        refuse(session, "nothing was done in this lab yet: alloc 24, and then "
                        "why");
        return;
    }
    session->past->beside_is_moment = false;
    before = past_beside_at(session, journal->now - 1);
    if (before == NULL) {
        refuse(session, "there is no memory for the lab as it was before");
        return;
    }
    past_command(session, journal->now, deed.text, sizeof(deed.text));
    if (entry->text == NULL)
        deed_of_step(&deed, session, entry->position + step, before);
    else
        deed_read(&deed, lab_machine(before));
    say(session, "%s\n", deed.text);
    refusal = heard_last(session, MM_EVENT_REFUSE);
    if (refusal != NULL)
        why_refused(session, &deed, refusal);
    else if (deed.kind == DEED_ALLOC)
        why_alloc(session, &deed, journal->now - 1);
    else if (deed.kind == DEED_FREE)
        why_free(session, &deed, lab_machine(before));
    else if (deed.kind == DEED_REALLOC)
        why_realloc(session, &deed, lab_machine(before), journal->now - 1);
    else
        say(session, "It chose no block: there is nothing to explain. 'diff' "
                     "shows what it changed.\n");
    session->past->beside_is_moment = false;
}

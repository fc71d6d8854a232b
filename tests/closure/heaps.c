/* SPDX-License-Identifier: MIT */
/*
 * heaps.c - every state of several spans, of kept blocks, of two threads' heaps
 *
 * As heap.c, which see, with an arena of several pages. A page is free, a span
 * of one page of one of the heaps, or a part of a large range; and each heap
 * may keep freed blocks, and may free the other's payloads. What heap.c has no
 * eyes for:
 *
 *   spans     come when nothing fits and leave when they are empty, but for
 *             one a heap; large ranges take the same pages
 *   kept      freed blocks that are used to their neighbours
 *   remote    payloads on their owner's remote list, drained when it asks
 *   threads   that end (heap_settle) and whose heap is adopted
 *   frames    every request is also tried with none left
 *
 * A state is written down as words, whatever the allocator has written:
 *
 *     for each page   0: free, or of the large range that began before
 *                     1 + heap: a span, and for each of its blocks the header,
 *                     what the block is, and its links, if it has any
 *                     16 * pages + heap: here begins a large range
 *     for each heap   how many words of `struct heap` are not as they were in
 *                     the beginning; which, and what they are
 *
 * and the arena, the heaps and the ranges are made of these words again before
 * each operation; everything else is paint. (The ranges' own tree is made by
 * allocating pages from left to right: of its shape the state says nothing.
 * tree.c goes through all trees.)
 *
 * After every operation, in all heaps:
 *
 *   H1  heap_check() and ranges_check() find nothing; in use is what was in
 *       use before, but for what this operation has freed or handed out, and
 *       its bytes are what they were; and no heap keeps two empty spans.
 *   H2  What is handed out has exactly the size asked for, and is where
 *       nothing was handed out.
 *   H3  A refusal is true: the heap has nothing left that it could give up, and
 *       no free block, page or frame would do. Asked again it refuses again,
 *       and no byte changes.
 *   H4  What is freed is free, kept, or on its owner's remote list.
 *   H5  Every address that is no live payload is refused by free, and no byte
 *       changes (in a checked heap that is observed).
 *   H6  After trim there is no empty span, nothing is kept, and nothing
 *       remote; with nothing in use all pages are free.
 *
 *     heaps PAGES UNITS HEAPS KEEP MOST [none]
 *
 * KEEP blocks of a size may be kept at first, and MOST when that is too few.
 */
#include "states.h"
#include "small.h"

enum {
    PAGES_MAX = 4, UNITS_MAX = 8, HEAPS_MAX = 2, HEAD = 128,
    ARENA = PAGES_MAX * MM_PAGE,
};

enum what { USED, FREE, KEPT, REMOTE };

/* Something that is handed out: a block or a large range. */
struct live {
    uint32_t at, size, heap;    /* of the payload; the owner's number */
};

static struct mm_home home;
static struct ranges ranges, ranges_clean;
static struct heap heaps[HEAPS_MAX], heap_clean[HEAPS_MAX];
static unsigned char memory[ARENA] __attribute__((aligned(MM_PAGE)));
static unsigned char image[ARENA];      /* of the state before an operation */
static uint32_t page_count, units, heap_count, keep, most, first;
static bool checked;

static struct live live[PAGES_MAX * UNITS_MAX];
static uint32_t live_count;
static uint32_t frames_left;

/* ---- the home --------------- */

static bool hold(void *context, uint32_t page, uint32_t count)
{
    (void)context, (void)page;
    if (count > frames_left)
        return false;
    frames_left -= count;
    return true;
}

static void let_go(void *context, uint32_t page, uint32_t count)
{
    (void)context, (void)page;
    frames_left += count;
}

static struct heap *heap_of(void *context, uint32_t owner)
{
    (void)context;
    EXPECT(owner >= 1 && owner <= heap_count, "a heap that is none");
    return &heaps[owner - 1];
}

static void listen(void *context, const struct mm_event *event)
{
    (void)context, (void)event;
}

/* ---- where things are --------------- */

static struct span *span_on(uint32_t page)
{
    return (struct span *)(memory + page * MM_PAGE);
}

static struct block *block_on(uint32_t page, uint32_t unit)
{
    return (struct block *)(memory + page * MM_PAGE +
                            (first + unit) * MM_QUANTUM - BLOCK_HEADER);
}

static uint32_t offset_of(const void *address)
{
    return (uint32_t)((const unsigned char *)address - memory);
}

/* Copies what can be written of an arena: heads, blocks, large payloads. */
static void copy_arena(unsigned char *to, const unsigned char *from)
{
    uint32_t tail = (first - 1) * MM_QUANTUM;

    for (uint32_t at = 0; at < page_count * MM_PAGE; at += MM_PAGE) {
        memcpy(to + at, from + at, HEAD);
        memcpy(to + at + tail, from + at + tail, MM_PAGE - tail);
    }
}

static bool same_arena(void)
{
    uint32_t tail = (first - 1) * MM_QUANTUM;

    for (uint32_t at = 0; at < page_count * MM_PAGE; at += MM_PAGE)
        if (memcmp(memory + at, image + at, HEAD) != 0 ||
            memcmp(memory + at + tail, image + at + tail, MM_PAGE - tail) != 0)
            return false;
    return true;
}

/* ---- from memory to words --------------- */

/* Whether the payload at AT is on the list of HEAP's remote frees. */
static bool is_remote(const struct heap *heap, uint32_t at)
{
    const uint32_t lists[] = { heap->remote, heap->drained };

    for (int i = 0; i < 2; i++) {
        uint32_t left = PAGES_MAX * UNITS_MAX + 1;

        for (uint32_t ref = lists[i]; ref != 0;
             ref = *(uint32_t *)(memory + ref * 8)) {
            EXPECT(ref * 8 < ARENA && left-- > 0,
                   "H4: a remote list leads astray");
            if (ref * 8 == at)
                return true;
        }
    }
    return false;
}

static enum what what_is(const struct heap *heap, const struct block *block)
{
    if (block_is_free(block))
        return FREE;
    if (block_is_kept(block))
        return KEPT;
    return is_remote(heap, offset_of(block) + BLOCK_HEADER) ? REMOTE : USED;
}

static void put_span(struct words *words, uint32_t page)
{
    uint32_t owner = span_on(page)->owner, unit = 0;

    EXPECT(owner >= 1 && owner <= heap_count, "H1: a span is nobody's");
    put(words, owner);
    while (unit < units) {
        const struct block *block = block_on(page, unit);
        enum what what = what_is(&heaps[owner - 1], block);
        uint32_t quanta = block_quanta(block);

        EXPECT(quanta > 0 && quanta <= units - unit,
               "H1: the blocks do not fill the span");
        put(words, block->header);
        put(words, what);
        if (what != USED)               /* the payload's first word */
            put(words, block->next);
        if (what == FREE)
            put(words, block->previous);
        unit += quanta;
    }
}

static void read_state(struct words *words)
{
    words->count = 0;
    for (uint32_t page = 0; page < page_count;) {
        const struct range_tag *tag = ranges_find(&ranges, page);

        EXPECT(tag != NULL && tag->start == page, "H1: a range is not there");
        EXPECT(tag->type != RANGE_TAGS, "a page of tags: too many ranges");
        if (tag->type == RANGE_FREE)
            for (uint32_t i = 0; i < tag->pages; i++)
                put(words, 0);
        else if (tag->type == RANGE_SPAN)
            put_span(words, page);
        else {
            put(words, 16 * tag->pages +
                       tag_owner(span_on(page)->tags[0]));
            for (uint32_t i = 1; i < tag->pages; i++)
                put(words, 0);
        }
        page += tag->pages;
    }
    for (uint32_t i = 0; i < heap_count; i++)
        put_heap(words, &heaps[i], &heap_clean[i]);
}

/* ---- from words to memory --------------- */

/* The ranges in which the pages are what TYPES says: 2 bits a page; 0 free, 1
 * a span, 2 a large range begins, 3 it goes on. */
static const struct ranges *ranges_for(uint32_t types)
{
    static struct ranges cache[1 << (2 * PAGES_MAX)];
    static bool known[1 << (2 * PAGES_MAX)];

    if (known[types])
        return &cache[types];
    ranges = ranges_clean;
    frames_left = UINT32_MAX;
    for (uint32_t page = 0; page < page_count; page++) {
        uint32_t pages = 1, type = types >> (2 * page) & 3;

        if (type == 0)
            continue;
        while (page + pages < page_count &&
               (types >> (2 * (page + pages)) & 3) == 3)
            pages++;
        EXPECT(ranges_alloc(&ranges, &(struct range_request){
                   .pages = pages, .at = page,
                   .type = type == 1 ? RANGE_SPAN : RANGE_LARGE,
                   .protection = RANGE_READ | RANGE_WRITE }, &page) == MM_OK,
               "the ranges cannot be made");
        page += pages - 1;
    }
    cache[types] = ranges;
    known[types] = true;
    return &cache[types];
}

static void set_live_bit(uint32_t page, uint32_t unit)
{
    uint32_t *bits = (uint32_t *)(memory + page * MM_PAGE + SPAN_TAGS_AT + 8);
    uint32_t quantum = first + unit;

    bits[quantum / 32] |= UINT32_C(1) << (quantum % 32);
}

static void add_live(const unsigned char *payload, uint32_t size,
                     uint32_t heap)
{
    live[live_count].at = offset_of(payload);
    live[live_count].size = size;
    live[live_count++].heap = heap;
}

static void make_head(uint32_t page, uint32_t kind, uint32_t pages,
                      uint32_t owner)
{
    struct span *span = span_on(page);

    memset(span, 0, HEAD);
    *span = (struct span){ .kind = kind, .pages = pages, .owner = owner };
}

/* Makes the blocks of the span on PAGE of the words from *WORD on. */
static void make_span(uint32_t page, uint32_t owner, const uint32_t **word)
{
    struct span *span = span_on(page);
    uint32_t unit = 0, left = 0;

    make_head(page, SPAN_OF_BLOCKS, 1, owner);
    span->held[0] = 1;
    span->solid = span_solid(heap_of(NULL, owner), span);
    for (int slice = 0; slice < 2; slice++)
        span->tags[slice] = span_tag(SPAN_TAG_BLOCKS, owner);
    while (unit < units) {
        struct block *block = block_on(page, unit);
        uint32_t header = *(*word)++, what = *(*word)++;
        uint32_t quanta = header_quanta(header);
        unsigned char *payload = (unsigned char *)block + BLOCK_HEADER;

        for (uint32_t k = BLOCK_HEADER; k < quanta * MM_QUANTUM; k++)
            ((unsigned char *)block)[k] =
                (unsigned char)(page * 57 + unit * 29 + k * 7 + 3);
        block->header = header;
        left = quanta;
        if (what != USED)
            block->next = *(*word)++;
        if (what == FREE)
            block->previous = *(*word)++;
        if (what == USED)
            add_live(payload, quanta * MM_QUANTUM - BLOCK_HEADER, owner);
        if (checked && (what == USED || what == REMOTE))
            set_live_bit(page, unit);
        unit += quanta;
    }
    block_on(page, units)->header = block_header(left, 0, false, true);
}

static void make(const struct words *words)
{
    const uint32_t *word = words->word;
    uint32_t types = 0;

    memset(memory, 0x5c, sizeof memory);
    live_count = 0;
    for (uint32_t page = 0; page < page_count; page++) {
        uint32_t kind = *word++, pages = kind / 16;

        if (kind == 0)
            continue;
        if (pages == 0) {
            types |= UINT32_C(1) << (2 * page);
            make_span(page, kind, &word);
            continue;
        }
        types |= UINT32_C(2) << (2 * page);
        make_head(page, SPAN_OF_LARGE, pages, SPAN_LARGE_HEAD);
        span_on(page)->tags[0] = span_tag(SPAN_TAG_LARGE, kind % 16);
        add_live(memory + page * MM_PAGE + SPAN_LARGE_HEAD,
                 pages * MM_PAGE - SPAN_LARGE_HEAD, kind % 16);
        for (uint32_t i = 1; i < pages; i++, word++)
            types |= UINT32_C(3) << (2 * ++page);
    }
    ranges = *ranges_for(types);
    for (uint32_t i = 0; i < heap_count; i++) {
        word = make_heap(word, &heaps[i], &heap_clean[i]);
    }
    EXPECT(word == words->word + words->count, "a state is not what it says");
    frames_left = UINT32_MAX / 2;
}

void closure_show_state(void)
{
    const uint32_t *word = now.word;

    for (uint32_t page = 0; page < page_count; page++) {
        static const char *const names[] = { "used", "free", "kept", "remote" };
        uint32_t kind = *word++;

        printf("# page %u:", page);
        if (kind >= 16)
            printf(" a large range of %u, heap %u", kind / 16, kind % 16);
        else if (kind > 0)
            printf(" heap %u", kind);
        for (uint32_t unit = 0; kind > 0 && kind < 16 && unit < units;) {
            uint32_t quanta = header_quanta(word[0]);

            printf(" %s %u", names[word[1]], quanta);
            unit += quanta;
            word += word[1] == USED ? 2 : word[1] == FREE ? 4 : 3;
        }
        printf("\n");
        for (uint32_t i = 1; i < kind / 16; i++, page++)
            word++;
    }
    for (uint32_t i = 0; i < heap_count; i++) {
        printf("# heap %u:", i + 1);
        for (uint32_t left = *word++; left > 0; left--, word += 2)
            printf(" [%u] %u", word[0] * 4, word[1]);
        printf("\n");
    }
}

/* ---- the operations --------------- */

static struct heap made_heaps[HEAPS_MAX];
static struct ranges made_ranges;

/* The state as it is, again. */
static void restore(void)
{
    copy_arena(memory, image);
    memcpy(heaps, made_heaps, heap_count * sizeof heaps[0]);
    ranges = made_ranges;
    frames_left = UINT32_MAX / 2;
}

static void expect_payloads(uint32_t but)
{
    for (uint32_t i = 0; i < live_count; i++) {
        uint32_t size = live[i].size < units * MM_QUANTUM
                            ? live[i].size : HEAD - SPAN_LARGE_HEAD;

        if (i != but)
            EXPECT(memcmp(memory + live[i].at, image + live[i].at, size) == 0,
                   "H1: another payload was written to");
    }
}

/* How many pages in a row are free. */
static uint32_t free_run(void)
{
    uint32_t longest = 0;

    for (uint32_t page = 0, run = 0; page < page_count; page++) {
        run = ranges_find(&ranges, page)->type == RANGE_FREE ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    return longest;
}

/* What HEAP has that is not in use. */
struct spare {
    uint32_t empty_spans;
    uint32_t largest;           /* free block, in quanta */
    uint32_t taken;             /* blocks that it could take back */
};

static struct spare spare_of(const struct heap *heap)
{
    struct spare spare = { 0, 0, 0 };

    for (uint32_t page = 0; page < page_count; page++) {
        if (ranges_find(&ranges, page)->type != RANGE_SPAN ||
            span_on(page)->owner != heap->owner)
            continue;
        for (uint32_t unit = 0; unit < units;
             unit += block_quanta(block_on(page, unit))) {
            const struct block *block = block_on(page, unit);
            enum what what = what_is(heap, block);

            spare.taken += what == KEPT || what == REMOTE;
            spare.empty_spans += what == FREE && block_quanta(block) == units;
            if (what == FREE && block_quanta(block) > spare.largest)
                spare.largest = block_quanta(block);
        }
    }
    return spare;
}

static bool is_live(uint32_t at, uint32_t but)
{
    for (uint32_t i = 0; i < live_count; i++)
        if (live[i].at == at && i != but)
            return true;
    return false;
}

/* What is in use on PAGE, all of which was before, but for payload number BUT,
 * or is NEW: how much. */
static uint32_t in_use(uint32_t page, uint32_t but, const void *new)
{
    uint32_t count = 0, type = ranges_find(&ranges, page)->type;
    uint32_t at = page * MM_PAGE + SPAN_LARGE_HEAD;

    if (type == RANGE_LARGE) {
        EXPECT(is_live(at, but) || memory + at == new,
               "H1: a large range that nobody asked for");
        return 1;
    }
    for (uint32_t unit = 0; type == RANGE_SPAN && unit < units;
         unit += block_quanta(block_on(page, unit))) {
        const struct block *block = block_on(page, unit);

        at = offset_of(block) + BLOCK_HEADER;
        if (what_is(&heaps[span_on(page)->owner - 1], block) != USED)
            continue;
        EXPECT(is_live(at, but) || memory + at == new,
               "H1: a block is in use, and was not handed out");
        count++;
    }
    return count;
}

/* The operation is over, and the state is *AFTER. Payload number BUT, of those
 * in use before, is in use no longer, and NEW, if not NULL, is. */
static void settle(uint32_t but, const void *new, struct words *after)
{
    struct heap_damage damage;
    uint32_t page;
    const char *fault = ranges_check(&ranges, &page);
    uint32_t before = live_count - (but < live_count), used = 0;

    operations++;
    for (uint32_t i = 0; i < heap_count && fault == NULL; i++)
        if (!heap_check(&heaps[i], &damage))
            fault = damage.invariant;
    if (fault != NULL) {
        printf("# %s\n", fault);
        EXPECT(false, "H1: a broken invariant");
    }
    expect_payloads(but);
    read_state(after);
    for (page = 0; page < page_count;
         page += ranges_find(&ranges, page)->pages)
        used += in_use(page, but, new);
    EXPECT(used == before + (new != NULL),
           "H1: a payload was in use, and is not any more");
    for (uint32_t i = 0; i < heap_count; i++)
        EXPECT(spare_of(&heaps[i]).empty_spans <= 1,
               "H1: a heap keeps two empty spans");
    see(after);
}

/* H2: the PAYLOAD that HEAP has handed out. */
static void expect_sound(const struct heap *heap, const void *payload,
                         uint32_t quanta, uint32_t pages, uint32_t but)
{
    uint32_t at = offset_of(payload);
    uint32_t size = pages > 0 ? pages * MM_PAGE - SPAN_LARGE_HEAD
                              : quanta * MM_QUANTUM - BLOCK_HEADER;

    EXPECT(at < page_count * MM_PAGE, "H2: outside the arena");
    EXPECT(heap_usable_size(heap, payload) == size, "H2: not the exact size");
    for (uint32_t i = 0; i < live_count; i++)
        EXPECT(i == but || at + size <= live[i].at ||
                   live[i].at + live[i].size <= at,
               "H2: handed out, and in use");
    EXPECT(pages > 0 || span_on(at / MM_PAGE)->owner == heap->owner,
           "H2: from another heap's span");
}

/* H3: HEAP has refused QUANTA, or PAGES: it was true. */
static void expect_refusal(struct heap *heap,
                           const struct heap_request *request,
                           uint32_t quanta, uint32_t pages)
{
    struct spare spare = spare_of(heap);
    enum mm_fault refusal = (enum mm_fault)heap->refusal;
    uint32_t frames = frames_left;
    struct words before, after;

    refusals++;
    EXPECT(refusal != MM_OK, "H3: refused without a reason");
    if (quanta > units || pages > page_count) {
        EXPECT(pages > 0 || refusal == MM_TOO_LARGE, "H3: a wrong reason");
    } else {
        EXPECT(spare.taken == 0, "H3: refused, and blocks could be taken back");
        EXPECT(pages == 0 || spare.empty_spans == 0,
               "H3: refused, and an empty span is kept");
        EXPECT(pages > 0 || spare.largest < quanta,
               "H3: refused, and there is a block");
        EXPECT((pages > 0 ? pages : 1) > free_run() ||
                   frames < (pages > 0 ? pages : 1),
               "H3: refused, and there are pages");
        EXPECT((refusal == MM_NO_FRAMES) ==
                   ((pages > 0 ? pages : 1) <= free_run()),
               "H3: a wrong reason");
    }
    read_state(&before);
    EXPECT(heap_alloc_request(heap, request) == NULL,
           "H3: refused, and granted when asked again");
    read_state(&after);
    EXPECT(before.count == after.count && frames_left == frames &&
               memcmp(before.word, after.word, before.count * 4) == 0,
           "H3: refused again, and something has changed");
}

static uint64_t bytes_for(uint32_t quanta)
{
    return quanta * MM_QUANTUM - BLOCK_HEADER;
}

/* PAGES of 0: a block of QUANTA. */
static void try_alloc(struct heap *heap, uint32_t quanta, uint32_t pages,
                      uint32_t frames)
{
    struct heap_request request = {
        .size = pages > 0 ? pages * MM_PAGE - SPAN_LARGE_HEAD
                          : bytes_for(quanta),
        .kind = pages > 0 ? HEAP_LARGE : HEAP_BLOCK,
    };
    struct words after;
    void *payload;

    restore();
    frames_left = frames;
    closure_note(pages > 0 ? "heap %u: alloc %u pages"
                           : "heap %u: alloc %u quanta", heap->owner,
                 pages > 0 ? pages : quanta);
    payload = heap_alloc_request(heap, &request);
    settle(UINT32_MAX, payload, &after);
    if (payload == NULL)
        expect_refusal(heap, &request, quanta, pages);
    else
        expect_sound(heap, payload, quanta, pages, UINT32_MAX);
}

static void try_free(struct heap *heap, uint32_t i)
{
    struct heap *owner = &heaps[live[i].heap - 1];
    unsigned char *payload = memory + live[i].at;
    bool large = live[i].at % MM_PAGE == SPAN_LARGE_HEAD;
    struct words after;

    restore();
    closure_note("heap %u: free of +0x%x", heap->owner, live[i].at);
    EXPECT(heap_free(heap, payload) == MM_OK,
           "free of a live payload was refused");
    settle(i, NULL, &after);
    if (large)
        EXPECT(ranges_find(&ranges, live[i].at / MM_PAGE)->type == RANGE_FREE,
               "H4: a large range was freed, and is there");
    else if (heap != owner)
        EXPECT(owner->remote * 8 == live[i].at,
               "H4: freed by another, and not on the remote list");
    else if (ranges_find(&ranges, live[i].at / MM_PAGE)->type == RANGE_SPAN)
        EXPECT(block_is_free(block_of(payload)) ||
                   block_is_kept(block_of(payload)),
               "H4: freed, and neither free nor kept");
}

static void try_realloc(struct heap *heap, uint32_t i, uint32_t quanta)
{
    unsigned char *old = memory + live[i].at, *payload;
    struct heap_request request = { .size = bytes_for(quanta) };
    uint32_t kept = live[i].size < request.size ? live[i].size
                                                : (uint32_t)request.size;
    bool own = live[i].heap == heap->owner;
    struct words after;

    restore();
    closure_note("heap %u: realloc to %u quanta", heap->owner, quanta);
    payload = heap_realloc(heap, old, request.size);
    settle(i, payload == NULL ? old : payload, &after);
    if (payload == NULL) {
        EXPECT(memcmp(old, image + live[i].at, live[i].size) == 0,
               "H1: realloc was refused, and the payload has changed");
        expect_refusal(heap, &request, quanta, 0);
        return;
    }
    EXPECT(memcmp(payload, image + live[i].at, kept) == 0,
           "H1: realloc lost bytes");
    if (payload != old || own)
        expect_sound(heap, payload, quanta, 0, i);
}

static void expect_nothing_kept(const struct heap *heap)
{
    struct spare spare = spare_of(heap);

    EXPECT(spare.taken == 0, "H6: something is still kept, or remote");
    EXPECT(heap->empty_span == HEAP_NO_SPAN, "H6: an empty span is kept");
}

static void try_trim(struct heap *heap)
{
    struct words after;

    restore();
    closure_note("heap %u: trim", heap->owner, 0);
    heap_trim(heap);
    settle(UINT32_MAX, NULL, &after);
    expect_nothing_kept(heap);
    EXPECT(spare_of(heap).empty_spans == 0, "H6: there is an empty span");
    if (live_count > 0)
        return;
    for (uint32_t i = 0; i < heap_count; i++)
        heap_trim(&heaps[i]);
    EXPECT(free_run() == page_count, "H6: all is free, and pages are not");
}

/* The thread of HEAP ends, and another one goes on with its heap. */
static void try_adopt(struct heap *heap)
{
    struct words after;

    restore();
    closure_note("heap %u: settle, adopt", heap->owner, 0);
    heap_settle(heap);
    heap_adopt(heap);
    settle(UINT32_MAX, NULL, &after);
    expect_nothing_kept(heap);
}

static void try_strangers(struct heap *heap)
{
    if (!checked)
        return;
    restore();
    for (uint32_t page = 0; page < page_count; page++) {
        for (uint32_t unit = 0; unit <= units; unit++) {
            uint32_t at = page * MM_PAGE + (first + unit) * MM_QUANTUM;

            closure_note("heap %u: free of +0x%x", heap->owner, at);
            EXPECT(is_live(at, UINT32_MAX) ||
                       heap_free(heap, memory + at) != MM_OK,
                   "H5: free of what is no payload was served");
        }
    }
    EXPECT(same_arena(), "H5: free was refused, and a byte has changed");
}

static void try_everything(void)
{
    make(&now);
    copy_arena(image, memory);
    memcpy(made_heaps, heaps, heap_count * sizeof heaps[0]);
    made_ranges = ranges;
    for (uint32_t h = 0; h < heap_count; h++) {
        struct heap *heap = &heaps[h];

        for (uint32_t quanta = 1; quanta <= units + 1; quanta++) {
            try_alloc(heap, quanta, 0, UINT32_MAX / 2);
            try_alloc(heap, quanta, 0, 0);
        }
        for (uint32_t pages = 1; pages <= page_count && pages <= 2; pages++) {
            try_alloc(heap, 0, pages, UINT32_MAX / 2);
            for (uint32_t frames = 0; frames < pages; frames++)
                try_alloc(heap, 0, pages, frames);
        }
        for (uint32_t i = 0; i < live_count; i++) {
            bool large = live[i].at % MM_PAGE == SPAN_LARGE_HEAD;

            try_free(heap, i);
            for (uint32_t quanta = 1; !large && quanta <= units; quanta++)
                try_realloc(heap, i, quanta);
        }
        try_trim(heap);
        try_adopt(heap);
        try_strangers(heap);
    }
}

/* ---- all states --------------- */

static void open_heaps(void)
{
    home = (struct mm_home){ .hold = hold, .release = let_go,
                             .heap_of = heap_of,
                             .event = checked ? listen : NULL };
    ranges_init(&ranges, &home, memory, page_count);
    ranges_clean = ranges;
    for (uint32_t i = 0; i < heap_count; i++) {
        struct heap *heap = &heaps[i];

        heap_init(heap, &(struct heap_setup){
            .home = &home, .ranges = &ranges, .span_bytes = MM_PAGE,
            .level = checked ? HEAP_LEVEL_CHECK : HEAP_LEVEL_NONE,
            .owner = i + 1, .keep = keep,
        });
        first = heap_is_small(heap, units);
        heap->keep_most = most;
        heap->spare_quanta = heap->span_quanta;
        heap_clean[i] = *heap;
        heap_clean[i].refusal_quantum = 0;
    }
}

int main(int count, char **words)
{
    static char name[80];

    if (count > 5) {
        page_count = (uint32_t)atoi(words[1]);
        units = (uint32_t)atoi(words[2]);
        heap_count = (uint32_t)atoi(words[3]);
        keep = (uint32_t)atoi(words[4]);
        most = (uint32_t)atoi(words[5]);
    }
    checked = count < 7;
    if (page_count < 2 || page_count > PAGES_MAX || units < 1 ||
        units > UNITS_MAX || heap_count < 1 || heap_count > HEAPS_MAX) {
        fprintf(stderr, "heaps PAGES UNITS HEAPS KEEP MOST [none]: 2 to %d pages, "
                "1 to %d units, 1 to %d heaps\n", PAGES_MAX, UNITS_MAX,
                HEAPS_MAX);
        return 2;
    }
    snprintf(name, sizeof name, "%u heap%s, %u spans of %u units, %u to %u of a size kept%s",
             heap_count, heap_count == 1 ? "" : "s", page_count, units, keep,
             most, checked ? "" : ", none");
    closure_name = name;
    open_heaps();
    read_state(&now);
    close_over(name, try_everything);
    return 0;
}

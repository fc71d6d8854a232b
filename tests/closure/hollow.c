/* SPDX-License-Identifier: MIT */
/*
 * hollow.c - every state of a span of several pages, some of them without a
 * frame, with slot pages beside blocks
 *
 * As heap.c, which see, with one span of four pages. The first page is the
 * head's; in the other three lie UNITS units of QUANTA quanta, and requests are
 * for whole units. So that a page can be given back, units are large: half a
 * page, or a little more or less. The heap gives the pages inside a free block
 * back when HOLLOW of them are held. Up to SLOTS slots of 256 bytes may be
 * handed out besides: their pages are blocks of half a page, at multiples of
 * it, wherever there is room.
 *
 * A state is which pages are held and what is written in them, as far as it
 * matters: the span's head, the headers, the links of free blocks, the heads of
 * slot pages and the links of free slots; and the heap's own words. Each is
 * written down where it differs from a span in which there is nothing. The
 * bytes of payloads are paint, and so are those of free memory; pages without
 * a frame are filled with a third colour that must stay.
 *
 * After every operation:
 *
 *   P1  heap_check() and ranges_check() find nothing; payloads have their
 *       bytes; what is in use is what was, but for what this operation has
 *       freed or handed out.
 *   P2  The span's head calls held what the home holds. A page is held once,
 *       released when it was held, and never written to while it is not.
 *   P3  What is handed out has the exact size, lies where nothing was handed
 *       out, and all its pages are held.
 *   P4  A refusal is true: no free block has room for the request in pages
 *       that are held or that the frames left would do for. Asked again it
 *       refuses again, and no byte changes.
 *   P5  After a free the free block around it has fewer than HOLLOW pages to
 *       spare; after trim no page at all is held that holds nothing.
 *   P6  Every address that is no live payload is refused by free, and no byte
 *       changes (in a checked heap).
 *
 *     hollow UNITS QUANTA HOLLOW SLOTS [none]
 */
#include "states.h"
#include "small.h"

enum {
    PAGES = 4, SPAN = PAGES * MM_PAGE, SLOT = 256, SLOTS_AT = 64,
    UNITS_MAX = 12, LIVE_MAX = 64, AWAY = 0x5c,
};

struct live {
    uint32_t at, size;
    bool slot;
};

static struct mm_home home;
static struct ranges ranges, ranges_empty, ranges_full;
static struct heap heap, heap_clean, heap_made;
static unsigned char memory[SPAN] __attribute__((aligned(SPAN)));
static unsigned char image[SPAN];       /* of the state before an operation */
static uint32_t units, unit_quanta, hollow, slots_most, first, real_head;
static uint32_t held, held_made, frames_left;
static bool checked;

static struct live live[LIVE_MAX];
static uint32_t live_count, slots_live;

/* ---- the home --------------- */

static bool hold(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    EXPECT(page + count <= PAGES, "P2: hold outside the span");
    if (count > frames_left)
        return false;
    frames_left -= count;
    for (; count > 0; count--, page++) {
        EXPECT((held >> page & 1) == 0, "P2: held twice");
        held |= 1u << page;
        memset(memory + page * MM_PAGE, 0, MM_PAGE);
    }
    return true;
}

static void let_go(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    frames_left += count;
    for (; count > 0; count--, page++) {
        EXPECT(page < PAGES && (held >> page & 1) == 1,
               "P2: released, and was not held");
        held &= ~(1u << page);
        memset(memory + page * MM_PAGE, AWAY, MM_PAGE);
    }
}

static void listen(void *context, const struct mm_event *event)
{
    (void)context, (void)event;
}

/* ---- where things are --------------- */

static struct span *the_span(void)
{
    return (struct span *)memory;
}

static bool is_there(void)
{
    return ranges.used_count > 0;
}

static struct block *block_on(uint32_t quantum)
{
    return (struct block *)(memory + quantum * MM_QUANTUM - BLOCK_HEADER);
}

static uint32_t offset_of(const void *address)
{
    return (uint32_t)((const unsigned char *)address - memory);
}

/* The slot page that BLOCK is, or NULL. */
static struct slot_page *slots_in(const struct block *block)
{
    uint32_t at = offset_of(block) + BLOCK_HEADER;
    uint32_t tag = the_span()->tags[at / MM_SLOT_PAGE];

    return block_is_free(block) || at % MM_SLOT_PAGE != 0 ||
                   tag_what(tag) != SPAN_TAG_SLOTS
               ? NULL : (struct slot_page *)(memory + at);
}

/* Whether the pages of [AT, AT + SIZE) are held: or how many are not. */
static uint32_t missing(uint32_t at, uint32_t size)
{
    uint32_t count = 0;

    for (uint32_t page = at / MM_PAGE; page * MM_PAGE < at + size; page++)
        count += (held >> page & 1) == 0;
    return count;
}

/* ---- from memory to words, and back --------------- */

static uint32_t paint[SPAN / 4], away[MM_PAGE / 4];

static void mix_paint(void)
{
    for (uint32_t i = 0; i < SPAN / 4; i++)
        paint[i] = i * UINT32_C(0x9e3779b1) + 3;
    memset(away, AWAY, sizeof away);
}

static void paint_all(void)
{
    for (uint32_t page = 0; page < PAGES; page++)
        memcpy(memory + page * MM_PAGE,
               held >> page & 1 ? paint + page * MM_PAGE / 4 : away, MM_PAGE);
}

/* Writes down SIZE bytes at AT, as far as they are no paint. */
static void put_bytes(struct words *words, uint32_t at, uint32_t size)
{
    EXPECT(at + size <= SPAN && missing(at, size) == 0,
           "P2: something lies in a page that is not held");
    for (; size > 0; at += 4, size -= 4) {
        uint32_t word = *(uint32_t *)(memory + at);

        if (word == paint[at / 4])
            continue;
        put(words, at);
        put(words, word);
    }
}

static void put_slots(struct words *words, const struct slot_page *page)
{
    uint32_t at = offset_of(page), left = SPAN / SLOT;

    put_bytes(words, at, checked ? sizeof *page : offsetof(struct slot_page,
              live));
    for (uint32_t slot = page->free; slot != 0;
         slot = *(uint32_t *)(memory + at + slot)) {
        EXPECT(left-- > 0, "P1: a page's list leads astray");
        put_bytes(words, at + slot, 4);
    }
}

static void read_state(struct words *words)
{
    words->count = 0;
    put(words, held | (is_there() ? 1u << 31 : 0));
    if (is_there()) {
        uint32_t quantum = first;

        EXPECT(held & 1, "P2: the span's head is not held");
        put_bytes(words, 0, real_head);
        while (block_quanta(block_on(quantum)) != 0) {
            const struct block *block = block_on(quantum);
            uint32_t at = offset_of(block);

            put_bytes(words, at, block_is_free(block) ? BLOCK_LINKED_BYTES
                                                : BLOCK_HEADER);
            if (slots_in(block) != NULL)
                put_slots(words, slots_in(block));
            quantum += block_quanta(block);
            EXPECT(quantum * MM_QUANTUM <= SPAN,
                   "P1: the blocks do not fill the span");
        }
        put_bytes(words, quantum * MM_QUANTUM - BLOCK_HEADER, BLOCK_HEADER);
        EXPECT(quantum * MM_QUANTUM == SPAN, "P1: the span ends early");
    }
    put(words, UINT32_MAX);
    put_heap(words, &heap, &heap_clean);
}

static void add_live(uint32_t at, uint32_t size, bool slot)
{
    EXPECT(live_count < LIVE_MAX, "too many payloads");
    live[live_count].at = at;
    live[live_count].size = size;
    live[live_count++].slot = slot;
    slots_live += slot;
}

static bool slot_is_free(const struct slot_page *page, uint32_t offset)
{
    for (uint32_t slot = page->free; slot != 0;
         slot = *(const uint32_t *)((const unsigned char *)page + slot))
        if (slot == offset)
            return true;
    return false;
}

/* Every payload that is handed out, as the memory says. */
static void find_live(void)
{
    live_count = slots_live = 0;
    for (uint32_t quantum = first;
         is_there() && block_quanta(block_on(quantum)) != 0;
         quantum += block_quanta(block_on(quantum))) {
        const struct block *block = block_on(quantum);
        const struct slot_page *page = slots_in(block);
        uint32_t at = offset_of(block) + BLOCK_HEADER;

        if (!block_is_free(block) && page == NULL)
            add_live(at, block_size(block) - BLOCK_HEADER, false);
        for (uint32_t slot = SLOTS_AT;
             page != NULL && slot < page->watermark; slot += SLOT)
            if (!slot_is_free(page, slot))
                add_live(at + slot, SLOT, true);
    }
}

static void make(const struct words *words)
{
    const uint32_t *word = words->word;

    held = *word & ((1u << PAGES) - 1);
    ranges = *word++ >> 31 ? ranges_full : ranges_empty;
    paint_all();
    for (; *word != UINT32_MAX; word += 2)
        memcpy(memory + word[0], &word[1], 4);
    word = make_heap(word + 1, &heap, &heap_clean);
    EXPECT(word == words->word + words->count, "a state is not what it says");
    find_live();
}

void closure_show_state(void)
{
    make(&now);
    printf("# %s, held:", is_there() ? "a span" : "no span");
    for (uint32_t page = 0; page < PAGES; page++)
        printf(" %u", held >> page & 1);
    for (uint32_t quantum = first;
         is_there() && block_quanta(block_on(quantum)) != 0;
         quantum += block_quanta(block_on(quantum))) {
        const struct block *block = block_on(quantum);

        printf("; %s %u", slots_in(block) != NULL ? "slots"
                          : block_is_free(block)  ? "free" : "used",
               block_quanta(block));
    }
    printf("\n");
}

/* ---- the operations --------------- */

static void restore(void)
{
    memcpy(memory, image, SPAN);
    heap = heap_made;
    held = held_made;
    ranges = held != 0 ? ranges_full : ranges_empty;
    frames_left = PAGES;
}

static bool is_live(uint32_t at, uint32_t but)
{
    for (uint32_t i = 0; i < live_count; i++)
        if (live[i].at == at && i != but)
            return true;
    return false;
}

static void expect_paint(const struct live *payload)
{
    EXPECT(memcmp(memory + payload->at, image + payload->at,
                  payload->size) == 0, "P1: a payload has lost its bytes");
}

/* The operation is over, and the state is *AFTER. Payload number BUT, of those
 * in use before, is in use no longer, and NEW, if not NULL, is. */
static void settle(uint32_t but, const void *new, struct words *after)
{
    struct heap_damage damage;
    uint32_t page, before = live_count - (but < live_count), used;
    const char *fault = ranges_check(&ranges, &page);
    struct live kept[LIVE_MAX];
    uint32_t kept_count = live_count;

    operations++;
    if (fault == NULL && !heap_check(&heap, &damage))
        fault = damage.invariant;
    if (fault != NULL) {
        printf("# %s\n", fault);
        EXPECT(false, "P1: a broken invariant");
    }
    EXPECT(held == (is_there() ? the_span()->held[0] : 0),
           "P2: the span's head is wrong about what is held");
    for (page = 0; page < PAGES; page++)
        EXPECT(held >> page & 1 ||
                   memcmp(memory + page * MM_PAGE, away, MM_PAGE) == 0,
               "P2: written to a page that is not held");
    for (uint32_t i = 0; i < live_count; i++)
        if (i != but)
            expect_paint(&live[i]);
    read_state(after);
    memcpy(kept, live, sizeof kept);
    find_live();
    used = live_count;
    for (uint32_t i = 0; i < used; i++) {
        bool old = false;

        for (uint32_t k = 0; k < kept_count; k++)
            old = old || (k != but && kept[k].at == live[i].at &&
                          kept[k].size == live[i].size);
        EXPECT(old || memory + live[i].at == new,
               "P1: something is in use, and was not handed out");
    }
    EXPECT(used == before + (new != NULL),
           "P1: a payload was in use, and is not any more");
    memcpy(live, kept, sizeof kept);
    live_count = kept_count;
    slots_live = 0;
    for (uint32_t i = 0; i < live_count; i++)
        slots_live += live[i].slot;
    see(after);
}

/* P3: SIZE bytes of PAYLOAD are the caller's. */
static void expect_sound(const void *payload, uint32_t size, uint32_t but)
{
    uint32_t at = offset_of(payload);

    EXPECT(at < SPAN && at + size <= SPAN, "P3: outside the span");
    EXPECT(heap_usable_size(&heap, payload) == size, "P3: not the exact size");
    EXPECT(missing(at, size) == 0, "P3: handed out without a frame");
    for (uint32_t i = 0; i < live_count; i++)
        EXPECT(i == but || at + size <= live[i].at ||
                   live[i].at + live[i].size <= at,
               "P3: handed out, and in use");
}

/* How many frames a block of QUANTA at quantum AT would need, cut from the free
 * block of ALL quanta at QUANTUM, while the pages HELD are: what remains behind
 * needs its header and links. */
static uint32_t frames_for(uint32_t at, uint32_t quantum, uint32_t all,
                           uint32_t quanta, uint32_t pages)
{
    uint32_t start = at * MM_QUANTUM - BLOCK_HEADER, count = 0;
    uint32_t end = start + quanta * MM_QUANTUM;

    if (at + quanta < quantum + all)
        end += BLOCK_LINKED_BYTES;
    for (uint32_t page = start / MM_PAGE; page * MM_PAGE < end; page++)
        count += (pages >> page & 1) == 0;
    return count;
}

/* The pages that something lies in: the head, a header, links, payloads. */
static uint32_t needed(void)
{
    uint32_t pages = 1 | 1u << (PAGES - 1);

    for (uint32_t quantum = first; block_quanta(block_on(quantum)) != 0;
         quantum += block_quanta(block_on(quantum))) {
        const struct block *block = block_on(quantum);
        uint32_t at = offset_of(block);
        uint32_t end = at + (block_is_free(block) ? BLOCK_LINKED_BYTES
                                                  : block_size(block));

        for (uint32_t page = at / MM_PAGE; page * MM_PAGE < end; page++)
            pages |= 1u << page;
    }
    return pages;
}

/* P4: no room for QUANTA at a multiple of ALIGN quanta was the truth. */
static void expect_true(uint32_t quanta, uint32_t align)
{
    uint32_t ends = 1 | 1u << (PAGES - 1), all = units * unit_quanta;
    uint32_t at = (first + align - 1) / align * align;

    if (!is_there())                /* a span's two ends need frames, too */
        EXPECT(at + quanta > first + all ||
                   frames_for(at, first, all, quanta, ends) + 2 > frames_left,
               "P4: refused, and there are frames for a span");
    for (uint32_t quantum = first;
         is_there() && block_quanta(block_on(quantum)) != 0; quantum += all) {
        const struct slot_page *page = slots_in(block_on(quantum));

        all = block_quanta(block_on(quantum));
        at = (quantum + align - 1) / align * align;
        EXPECT(page == NULL || page->used > 0,
               "P4: refused, and an empty slot page is kept");
        EXPECT(!block_is_free(block_on(quantum)) ||
                   at + quanta > quantum + all ||
                   frames_for(at, quantum, all, quanta, held) > frames_left,
               "P4: refused, and a block is free and there are frames");
    }
}

static void expect_refusal(const struct heap_request *request, uint32_t quanta)
{
    struct words before, after;
    uint32_t frames = frames_left;

    refusals++;
    EXPECT(heap.refusal != MM_OK, "P4: refused without a reason");
    EXPECT(heap.refusal != MM_NO_FRAMES || !is_there() || held == needed(),
           "P4: refused for want of frames, and a page holds nothing");
    expect_true(quanta, request->kind == HEAP_SLOT
                            ? MM_SLOT_PAGE / MM_QUANTUM : 1);
    read_state(&before);
    EXPECT(heap_alloc_request(&heap, request) == NULL,
           "P4: refused, and granted when asked again");
    read_state(&after);
    EXPECT(before.count == after.count && frames_left == frames &&
               memcmp(before.word, after.word, before.count * 4) == 0,
           "P4: refused again, and something has changed");
}

static uint32_t bytes_for(uint32_t count)
{
    return count * unit_quanta * MM_QUANTUM - BLOCK_HEADER;
}

/* COUNT of 0: a slot. */
static void try_alloc(uint32_t count, uint32_t frames)
{
    struct heap_request request = {
        .size = count == 0 ? SLOT : bytes_for(count),
        .kind = count == 0 ? HEAP_SLOT : HEAP_BLOCK,
    };
    struct words after;
    void *payload;

    restore();
    frames_left = frames;
    closure_note(count == 0 ? "alloc a slot, %.0u%u frames left"
                            : "alloc %u units, %u frames left", count, frames);
    payload = heap_alloc_request(&heap, &request);
    settle(UINT32_MAX, payload, &after);
    if (payload == NULL)
        expect_refusal(&request, count == 0 ? MM_SLOT_PAGE / MM_QUANTUM
                                            : count * unit_quanta);
    else
        expect_sound(payload, (uint32_t)request.size, UINT32_MAX);
}

static const struct block *block_around(uint32_t at)
{
    uint32_t quantum = first;

    while ((quantum + block_quanta(block_on(quantum))) * MM_QUANTUM <= at)
        quantum += block_quanta(block_on(quantum));
    return block_on(quantum);
}

static void try_free(uint32_t i)
{
    struct words after;

    restore();
    closure_note("free of +0x%x", live[i].at, 0);
    EXPECT(heap_free(&heap, memory + live[i].at) == MM_OK,
           "free of a live payload was refused");
    settle(i, NULL, &after);
    if (is_there() && !live[i].slot) {
        const struct block *around = block_around(live[i].at);

        EXPECT(block_is_free(around), "P1: freed, and not free");
        EXPECT(heap.hollow_pages == 0 ||
                   block_quanta(around) == heap.span_quanta ||
                   block_idle_pages(&heap, around) < heap.hollow_pages,
               "P5: a free block has pages to spare");
    }
}

static void try_realloc(uint32_t i, uint32_t count, uint32_t frames)
{
    unsigned char *old = memory + live[i].at, *payload;
    struct heap_request request = { .size = bytes_for(count),
                                    .kind = HEAP_BLOCK };
    uint32_t kept = live[i].size < request.size ? live[i].size
                                                : (uint32_t)request.size;
    struct words after;

    restore();
    frames_left = frames;
    closure_note("realloc of +0x%x to %u units", live[i].at, count);
    payload = heap_realloc(&heap, old, request.size);
    settle(i, payload == NULL ? old : payload, &after);
    if (payload == NULL) {
        expect_paint(&live[i]);
        expect_refusal(&request, count * unit_quanta);
        return;
    }
    EXPECT(memcmp(payload, image + live[i].at, kept) == 0,
           "P1: realloc lost bytes");
    expect_sound(payload, (uint32_t)request.size, i);
}

static void try_trim(void)
{
    struct words after;

    restore();
    closure_note("trim", 0, 0);
    heap_trim(&heap);
    settle(UINT32_MAX, NULL, &after);
    EXPECT(is_there() == (live_count > 0),
           "P5: a span without payloads, or payloads without a span");
    EXPECT(!is_there() || held == needed(),
           "P5: a page is held that holds nothing");
}

static void try_strangers(void)
{
    if (!checked)
        return;
    restore();
    for (uint32_t at = 0; at < SPAN; at += MM_QUANTUM) {
        closure_note("free of +0x%x", at, 0);
        EXPECT(is_live(at, UINT32_MAX) ||
                   heap_free(&heap, memory + at) != MM_OK,
               "P6: free of what is no payload was served");
    }
    EXPECT(memcmp(memory, image, SPAN) == 0 && held == held_made,
           "P6: free was refused, and a byte has changed");
}

static void try_everything(void)
{
    make(&now);
    memcpy(image, memory, SPAN);
    heap_made = heap;
    held_made = held;
    for (uint32_t frames = 0; frames <= PAGES; frames++) {
        for (uint32_t count = 1; count <= units; count++)
            try_alloc(count, frames);
        if (slots_live < slots_most)
            try_alloc(0, frames);
        for (uint32_t i = 0; i < live_count; i++)
            for (uint32_t count = 1; !live[i].slot && count <= units; count++)
                try_realloc(i, count, frames);
    }
    for (uint32_t i = 0; i < live_count; i++)
        try_free(i);
    try_trim();
    try_strangers();
}

/* ---- all states --------------- */

static void open_heap(void)
{
    uint32_t page;

    home = (struct mm_home){ .hold = hold, .release = let_go,
                             .event = checked ? listen : NULL };
    memset(memory, AWAY, SPAN);
    ranges_init(&ranges, &home, memory, PAGES);
    ranges_empty = ranges;
    EXPECT(ranges_alloc(&ranges, &(struct range_request){
               .pages = PAGES, .at = 0, .type = RANGE_SPAN,
               .protection = RANGE_READ | RANGE_WRITE }, &page) == MM_OK,
           "there is no span");
    ranges_full = ranges;
    ranges = ranges_empty;
    heap_init(&heap, &(struct heap_setup){
        .home = &home, .ranges = &ranges, .span_bytes = SPAN, .owner = 1,
        .level = checked ? HEAP_LEVEL_CHECK : HEAP_LEVEL_NONE,
        .hollow_pages = hollow,
    });
    real_head = (heap.head_bytes + 3) / 4 * 4;
    first = heap_is_small(&heap, units * unit_quanta);
    heap.spare_quanta = hollow == 0 ? heap.span_quanta
                                    : hollow * (MM_PAGE / MM_QUANTUM) + 1;
    if (heap.spare_quanta > heap.span_quanta)
        heap.spare_quanta = heap.span_quanta;
    heap_clean = heap;
    heap_clean.refusal_quantum = 0;
}

int main(int count, char **words)
{
    static char name[96];

    if (count > 4) {
        units = (uint32_t)atoi(words[1]);
        unit_quanta = (uint32_t)atoi(words[2]);
        hollow = (uint32_t)atoi(words[3]);
        slots_most = (uint32_t)atoi(words[4]);
    }
    checked = count < 6;
    if (units < 1 || units > UNITS_MAX || unit_quanta < 1 ||
        units * unit_quanta * MM_QUANTUM > SPAN - MM_PAGE / 2) {
        fprintf(stderr, "hollow UNITS QUANTA HOLLOW SLOTS [none]: up to 14 "
                "KiB\n");
        return 2;
    }
    snprintf(name, sizeof name, "%u units of %u quanta in 4 pages, hollow "
             "from %u, %u slots%s", units, unit_quanta, hollow, slots_most,
             checked ? "" : ", none");
    closure_name = name;
    mix_paint();
    open_heap();
    read_state(&now);
    close_over(name, try_everything);
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * slots.c - every state of a slot page
 *
 * The page has seven slots, of 256 bytes: fewer than seven none has. With
 * six, the first slot is handed out once and for all. The heap has one page
 * and no room for a second slot page, so that its states are those of this
 * one: no page; or the watermark, and the free slots in the order of the list.
 *
 * Every alloc, every free and trim are tried in every state. After each:
 *
 *   - S1 to S5, by heap_check();
 *   - a slot is refused exactly when all are handed out, nothing changed;
 *   - the slot that comes is the list's first, or the one at the watermark;
 *   - what was written in the other slots is still there;
 *   - the heap is byte by byte what the same watermark, list and live slots
 *     were before, whatever way led there.
 * In each state free refuses every address that is no live slot.
 *
 * At the end the number of states is what counting them by hand gives: with
 * the watermark at w, the sum over f of (w choose f) times f!.
 *
 *     slots [SLOTS [none]]         6 or 7; none: without checks
 */
#include "closure.h"
#include "mm/heap_parts.h"

enum { SLOTS = 7, SLOT = 256, STATES_MAX = 1 << 16, PAGE_AT = 2048 };

struct state {
    uint8_t page;               /* there is a slot page */
    uint8_t below;              /* slots below the watermark */
    uint8_t free_count;
    uint8_t order[SLOTS];       /* of the free list; then zeroes */
};

static struct mm_home home;
static struct ranges ranges, ranges_clean;
static struct heap heap;
static unsigned char memory[MM_PAGE] __attribute__((aligned(MM_PAGE)));

static struct state states[STATES_MAX], now;
static struct {
    unsigned char bytes[MM_PAGE];
    struct heap heap;
} *saved, before;               /* how each state looked when it was new */
static uint32_t table[4 * STATES_MAX], seen, first_at, pinned;
static uint64_t operations;
static enum heap_level level = HEAP_LEVEL_CHECK;

void closure_show_state(void)
{
    printf("# state: %s, %u below the watermark, free:",
           now.page ? "a page" : "no page", now.below);
    for (int i = 0; i < now.free_count; i++)
        printf(" %u", now.order[i]);
    printf("\n");
}

static bool hold(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    return page == 0 && count == 1;
}

static void let_go(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    EXPECT(page == 0 && count == 1, "release of a page that is none");
}

static uint32_t slot_at(uint32_t i)
{
    return PAGE_AT + first_at + i * SLOT;
}

static bool is_free(const struct state *state, uint32_t i)
{
    for (uint32_t k = 0; k < state->free_count; k++)
        if (state->order[k] == i)
            return true;
    return i >= state->below;
}

/* The bytes of the slots are not the allocator's, but for a free one's link:
 * they are painted, so that states can be compared byte by byte. */
static void paint(const struct state *state)
{
    for (uint32_t i = 0; state->page && i < SLOTS; i++) {
        uint32_t from = is_free(state, i) && i < state->below ? 4 : 0;

        for (uint32_t k = from; k < SLOT; k++)
            memory[slot_at(i) + k] = (unsigned char)(i * 31 + k * 7 + 1);
    }
    memset(memory + heap.head_bytes + BLOCK_LINKED_BYTES, 0xb6,
           PAGE_AT - BLOCK_HEADER - heap.head_bytes - BLOCK_LINKED_BYTES);
}

static void read_state(struct state *state)
{
    struct slot_view view;
    uint32_t offset;

    *state = (struct state){ 0 };
    if (ranges.used_count == 0 ||
        tag_what(((struct span *)memory)->tags[1]) != SPAN_TAG_SLOTS)
        return;
    view = slot_page_view(&heap, PAGE_AT);
    EXPECT(view.ok && view.count == SLOTS, "the page's head makes no sense");
    first_at = view.first;
    state->page = 1;
    state->below = (uint8_t)((view.watermark - view.first) / SLOT);
    for (offset = view.free; offset != 0;
         offset = slot_next(&heap, PAGE_AT, offset)) {
        EXPECT(state->free_count < SLOTS, "the list goes round");
        state->order[state->free_count++] =
            (uint8_t)((offset - view.first) / SLOT);
    }
    EXPECT(view.used == (uint32_t)state->below - state->free_count,
           "the page's account of used slots is wrong");
}

/* The operation is over; slot GONE was freed by it, or SLOTS. */
static void settle(uint32_t gone, struct state *after)
{
    struct heap_damage damage;
    uint32_t slot = 2166136261u, i;

    operations++;
    if (!heap_check(&heap, &damage))
        EXPECT(false, damage.invariant);
    read_state(after);
    for (i = 0; now.page && i < SLOTS; i++)
        if (i != gone && !is_free(&now, i))
            EXPECT(memcmp(memory + slot_at(i), before.bytes + slot_at(i),
                          SLOT) == 0, "another slot was written to");
    if (!after->page) {         /* nothing of interest, and in one shape */
        heap_trim(&heap);
        EXPECT(ranges.used_count == 0, "trim left something");
        memset(memory, 0, sizeof memory);
    }
    paint(after);
    heap.refusal = heap.refusal_quantum = heap.examined = 0;
    for (i = 0; i < sizeof *after; i++)
        slot = (slot ^ ((uint8_t *)after)[i]) * 16777619u;
    for (slot %= 4 * STATES_MAX; table[slot] != 0;
         slot = (slot + 1) % (4 * STATES_MAX)) {
        i = table[slot] - 1;
        if (memcmp(&states[i], after, sizeof *after) != 0)
            continue;
        EXPECT(memcmp(saved[i].bytes, memory, sizeof memory) == 0,
               "the same state looks different in memory");
        EXPECT(memcmp(&saved[i].heap, &heap, sizeof heap) == 0,
               "the same state looks different in the heap's fields");
        return;
    }
    EXPECT(seen < STATES_MAX, "more states than this program can hold");
    states[seen] = *after;
    memcpy(saved[seen].bytes, memory, sizeof memory);
    saved[seen].heap = heap;
    table[slot] = ++seen;
}

static void restore(uint32_t number)
{
    memcpy(memory, saved[number].bytes, sizeof memory);
    heap = saved[number].heap;
    ranges = ranges_clean;
    if (states[number].page) {
        uint32_t page;

        EXPECT(ranges_alloc(&ranges, &(struct range_request){
                   .pages = 1, .at = RANGE_ANYWHERE, .type = RANGE_SPAN,
                   .protection = RANGE_READ | RANGE_WRITE }, &page) == MM_OK,
               "no range");
    }
}

static void try_alloc(uint32_t number, uint64_t size)
{
    struct state after;
    bool full = now.below == SLOTS && now.free_count == 0;
    uint32_t expected = now.free_count > 0 ? now.order[0] : now.below;

    restore(number);
    closure_note("alloc %u slot", (unsigned)size, 0);

    unsigned char *payload = heap_alloc_request(&heap, &(struct heap_request){
        .size = size, .kind = HEAP_SLOT });
    bool same = memcmp(memory, before.bytes, sizeof memory) == 0;

    settle(SLOTS, &after);
    EXPECT((payload == NULL) == full, "refused, or served, wrongly");
    if (payload == NULL)
        EXPECT(memcmp(&after, &now, sizeof now) == 0 && same,
               "refused, and something has changed");
    else
        EXPECT(payload == memory + slot_at(expected), "not the next slot");
}

static void try_strangers(uint32_t number)
{
    struct state after;

    if (level < HEAP_LEVEL_CHECK || !now.page)
        return;
    restore(number);
    for (uint32_t at = PAGE_AT - 64; at < MM_PAGE; at += 4) {
        uint32_t i = (at - PAGE_AT - first_at) / SLOT;

        if (at >= slot_at(0) && at == slot_at(i) && i < SLOTS &&
            !is_free(&now, i))
            continue;
        closure_note("free of +0x%x", at, 0);
        EXPECT(heap_free(&heap, memory + at) != MM_OK,
               "free of what is no live slot was served");
    }
    EXPECT(memcmp(memory, before.bytes, sizeof memory) == 0,
           "refused, and something has changed");
    settle(SLOTS, &after);
}

static void try_everything(uint32_t number)
{
    struct state after;

    now = states[number];
    memcpy(before.bytes, saved[number].bytes, sizeof before.bytes);
    try_strangers(number);
    try_alloc(number, SLOT);
    try_alloc(number, SLOT - 15);
    for (uint32_t i = pinned; i < SLOTS && now.page; i++) {
        if (is_free(&now, i))
            continue;
        restore(number);
        closure_note("free of slot %u", i, 0);
        EXPECT(heap_free(&heap, memory + slot_at(i)) == MM_OK,
               "free of a live slot was refused");
        settle(i, &after);
        EXPECT(after.page && after.order[0] == i, "not first on the list");
    }
    restore(number);
    closure_note("trim", 0, 0);
    heap_trim(&heap);
    settle(SLOTS, &after);
    EXPECT(after.page == (now.below > now.free_count),
           "trim took a page in use, or left an empty one");
}

/* States of N slots: any watermark, any free ones below it in any order. */
static uint64_t by_hand(uint32_t n)
{
    uint64_t all = 0;

    for (uint32_t w = 0; w <= n; w++) {
        uint64_t arrangements = 1;

        for (uint32_t f = 0; f <= w; f++) {
            all += arrangements;
            arrangements *= w - f;
        }
    }
    return all;
}

int main(int count, char **words)
{
    uint32_t slots = count > 1 ? (uint32_t)atoi(words[1]) : 6;
    uint64_t expected;
    struct state after;

    closure_name = "slot page";
    if (slots != SLOTS && slots != SLOTS - 1) {
        fprintf(stderr, "slots [SLOTS [none]]: 6 or 7\n");
        return 2;
    }
    if (count > 2)
        level = HEAP_LEVEL_NONE;
    saved = calloc(by_hand(SLOTS) + 10, sizeof *saved);
    EXPECT(saved != NULL, "out of memory");
    home = (struct mm_home){ .hold = hold, .release = let_go };
    ranges_init(&ranges, &home, memory, 1);
    ranges_clean = ranges;
    heap_init(&heap, &(struct heap_setup){
        .home = &home, .ranges = &ranges, .span_bytes = MM_PAGE,
        .level = level, .owner = 1, .small = true });
    pinned = SLOTS - slots;
    if (pinned != 0)
        EXPECT(heap_alloc(&heap, SLOT) != NULL, "no first slot");
    settle(SLOTS, &after);
    for (uint32_t i = 0; i < seen; i++)
        try_everything(i);

    /* A page that was just taken has a slot handed out: the watermark is
     * never 0. A pinned slot is never free. And there may be no page. */
    expected = pinned != 0 ? by_hand(slots) : by_hand(slots) - 1 + 1;
    printf("# %llu states counted by hand\n", (unsigned long long)expected);
    EXPECT(seen == expected, "not every state was reached");
    printf("ok - slot page of %u slots, level %s: all %u states, %llu "
           "operations\n", slots, level == HEAP_LEVEL_NONE ? "none" : "check",
           seen, (unsigned long long)operations);
    return 0;
}

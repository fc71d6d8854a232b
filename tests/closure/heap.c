/* SPDX-License-Identifier: MIT */
/*
 * heap.c - every state that a small heap can be in
 *
 * Theory of operation
 * -------------------
 * Random programs meet the states that random programs meet. A heap of a few
 * units is small enough for all of them: from the heap without a span, every
 * operation is tried in every state; states that were not seen before wait in
 * a queue until their turn comes; when the queue is empty, there are no others.
 *
 * The heap is the real one. Its span is one page, and its head is made longer
 * (head_bytes is a field) until exactly UNITS quanta are left for blocks:
 *
 *     page                                                        end
 *     +------+------------------------------+--------------------+---+
 *     | head | more head                    | UNITS quanta       |end|
 *     +------+------------------------------+--------------------+---+
 *
 * A state is what the allocator has written: sizes, used or free, the order of
 * every free list, the policy's rover, whether there is a span and whether it
 * is the empty one that is kept. All of it fits in a key of 128 bits; the heap
 * is made from the key again before each operation. So what a payload or a
 * free block's spare bytes contain is not part of a state: they are painted,
 * and a heap that believed them would be found out.
 *
 *      key, from bit 0: nine bits a block, by address
 *          4 size in quanta (0: no more blocks)   1 used   4 place on its list
 *      and in the upper word, from bit 54:
 *          1 span   1 empty span is kept   5 rover
 *
 * After every operation:
 *
 *   E1  Headers, both links, list heads, the map, the live bits and the rest
 *       of the head are exactly what one key stands for; nothing else moved.
 *   E2  The payload of every other live block is what it was; realloc keeps
 *       the smaller of both sizes.
 *   E3  A block has exactly the size that the request comes to.
 *   E4  A request is refused exactly when no block could serve it, and then
 *       nothing has changed.
 *   E5  Without a live block the span is one free block (a policy that joins
 *       less is excused).
 * In every state: heap_check() finds nothing, and in a checked heap each
 * address that is no live payload is refused by free, nothing changed.
 *
 *     heap UNITS [POLICY...]      "none" is the heap's own way without checks
 */
#include "closure.h"
#include "lab/policy.h"
#include "small.h"

enum {
    UNITS_MAX = 12,
    ARENA = MM_PAGE,
    PER_WORD = 6,               /* blocks in one word of the key */
    BITS = 9,
};

struct key {
    uint64_t low, high;
};

struct piece {
    uint32_t start, quanta, rank;
    bool used;
};

struct state {
    struct piece piece[UNITS_MAX];
    uint32_t count, rover;
    bool span, empty;
};

static struct mm_home home;
static struct ranges ranges, ranges_empty, ranges_full;
static struct heap heap, heap_clean;
static unsigned char memory[2 * ARENA] __attribute__((aligned(MM_PAGE)));
static unsigned char image[ARENA];      /* of the state before an operation */
static uint32_t units, first;   /* first: the first block's quantum */
static bool frames_ran_out;
static bool joins_all;

/* ---- the home --------------- */

static bool hold(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    EXPECT(page == 0 && count == 1, "hold of a page that is none");
    return !frames_ran_out;
}

static void let_go(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    EXPECT(page == 0 && count == 1, "release of a page that is none");
}

/* ---- the key --------------- */

static struct key key_of(const struct state *state)
{
    struct key key = { 0, 0 };

    for (uint32_t i = 0; i < state->count; i++) {
        const struct piece *piece = &state->piece[i];
        uint64_t bits = piece->quanta | (uint64_t)piece->used << 4 |
                        (uint64_t)piece->rank << 5;

        if (i < PER_WORD)
            key.low |= bits << (i * BITS);
        else
            key.high |= bits << ((i - PER_WORD) * BITS);
    }
    key.high |= (uint64_t)state->span << 54 | (uint64_t)state->empty << 55 |
                (uint64_t)state->rover << 56;
    return key;
}

static void state_of(struct key key, struct state *state)
{
    uint32_t start = 0;

    *state = (struct state){
        .span = key.high >> 54 & 1, .empty = key.high >> 55 & 1,
        .rover = (uint32_t)(key.high >> 56),
    };
    while (state->span && start < units) {
        uint32_t i = state->count++;
        uint64_t bits = i < PER_WORD ? key.low >> (i * BITS)
                                     : key.high >> ((i - PER_WORD) * BITS);

        state->piece[i] = (struct piece){
            .start = start, .quanta = bits & 15, .used = bits >> 4 & 1,
            .rank = (uint32_t)(bits >> 5 & 15),
        };
        start += state->piece[i].quanta;
    }
}

static void show_state(const struct state *state)
{
    printf("# state:");
    for (uint32_t i = 0; i < state->count; i++) {
        printf(" %s%u", state->piece[i].used ? "used " : "free ",
               state->piece[i].quanta);
        if (!state->piece[i].used)
            printf(" (%u.)", state->piece[i].rank + 1);
    }
    printf("%s%s rover %u\n", state->span ? "" : " no span",
           state->empty ? " empty span" : "", state->rover);
}

static struct state now;                /* whose operations are tried */

void closure_show_state(void)
{
    show_state(&now);
}

/* ---- from a state to memory --------------- */

static struct block *block_at_unit(uint32_t unit)
{
    return (struct block *)(memory + (first + unit) * MM_QUANTUM -
                            BLOCK_HEADER);
}

static void set_live(uint32_t unit)
{
    uint32_t quantum = first + unit;
    uint32_t *bits = (uint32_t *)(memory + SPAN_TAGS_AT + 8);

    bits[quantum / 32] |= UINT32_C(1) << (quantum % 32);
}

/* The free block with RANK on list K; NULL after the last. */
static const struct piece *listed(const struct state *state, unsigned k,
                                  uint32_t rank)
{
    for (uint32_t i = 0; i < state->count; i++) {
        const struct piece *piece = &state->piece[i];

        if (!piece->used && piece->rank == rank &&
            heap_list_of(&heap_clean, piece->quanta) == k)
            return piece;
    }
    return NULL;
}

static void make_lists(const struct state *state)
{
    for (unsigned k = 0; k < units; k++) {
        struct block *before = NULL;
        const struct piece *piece;

        for (uint32_t rank = 0; (piece = listed(state, k, rank)) != NULL;
             rank++) {
            struct block *block = block_at_unit(piece->start);

            block->previous = before == NULL ? BLOCK_NIL
                                             : block_ref_of(&heap, before);
            block->next = BLOCK_NIL;
            if (before == NULL)
                heap.lists[k] = block_ref_of(&heap, block);
            else
                before->next = block_ref_of(&heap, block);
            class_map_set(heap.map, k);
            before = block;
        }
    }
}

/* Makes the heap of STATE, with paint wherever the allocator wrote nothing. */
static void make(const struct state *state)
{
    uint32_t left = 0;

    memset(memory, 0x5c, sizeof memory);
    heap = heap_clean;
    heap.rover = state->rover == 0 ? BLOCK_NIL : first + state->rover - 1;
    heap.empty_span = state->empty ? 0 : HEAP_NO_SPAN;
    ranges = state->span ? ranges_full : ranges_empty;
    if (!state->span)
        return;

    struct span *span = (struct span *)memory;

    memset(memory, 0, heap.head_bytes);
    *span = (struct span){ .kind = SPAN_OF_BLOCKS, .pages = 1, .owner = 1,
                           .held = { 1 } };
    span->solid = span_solid(&heap, span);
    for (int slice = 0; slice < 2; slice++)
        span->tags[slice] = span_tag(SPAN_TAG_BLOCKS, 1);
    for (uint32_t i = 0; i < state->count; i++) {
        const struct piece *piece = &state->piece[i];

        for (uint32_t k = 0; k < piece->quanta * MM_QUANTUM; k++)
            ((unsigned char *)block_at_unit(piece->start))[k] =
                (unsigned char)(piece->start * 29 + k * 7 + 3);
        block_at_unit(piece->start)->header =
            block_header(left, piece->quanta, false, piece->used);
        if (piece->used && heap_is_checked(&heap))
            set_live(piece->start);
        left = piece->quanta;
    }
    block_at_unit(units)->header = block_header(left, 0, false, true);
    make_lists(state);
}

/* ---- from memory to a state: E1 --------------- */

static void read_blocks(struct state *state)
{
    uint32_t left = 0, start = 0;
    unsigned char head[ARENA];

    memcpy(head, image, heap.head_bytes);
    memset(head + SPAN_TAGS_AT + 8, 0,
           heap_is_checked(&heap) ? ARENA / MM_QUANTUM / 8 : 0);
    while (start < units) {
        uint32_t header = block_at_unit(start)->header;
        struct piece *piece = &state->piece[state->count++];

        *piece = (struct piece){ .start = start,
                                 .quanta = header_quanta(header),
                                 .used = header_is_used(header) };
        EXPECT(piece->quanta > 0 && piece->quanta <= units - start,
               "E1: the blocks do not fill the span");
        EXPECT(header == block_header(left, piece->quanta, false,
                                      piece->used),
               "E1: a header is not what it should be");
        if (piece->used && heap_is_checked(&heap))
            ((uint32_t *)(head + SPAN_TAGS_AT + 8))[(first + start) / 32] |=
                UINT32_C(1) << ((first + start) % 32);
        left = piece->quanta;
        start += piece->quanta;
    }
    EXPECT(block_at_unit(units)->header == block_header(left, 0, false, true),
           "E1: the end word is not what it should be");
    if (now.span)
        EXPECT(memcmp(head, memory, heap.head_bytes) == 0,
               "E1: the span's head is not what it should be");
}

static void read_lists(struct state *state)
{
    uint32_t free_blocks = 0, on_lists = 0;

    for (uint32_t i = 0; i < state->count; i++)
        free_blocks += !state->piece[i].used;
    for (unsigned k = 0; k < units; k++) {
        block_ref ref = heap.lists[k], previous = BLOCK_NIL;

        EXPECT(class_map_has(heap.map, k) == (ref != BLOCK_NIL),
               "E1: the map and a list do not agree");
        for (uint32_t rank = 0; ref != BLOCK_NIL; rank++) {
            uint32_t i = 0;

            while (i < state->count && first + state->piece[i].start != ref)
                i++;
            EXPECT(i < state->count && !state->piece[i].used &&
                   on_lists++ < free_blocks, "E1: a list leads astray");
            EXPECT(heap_list_of(&heap, state->piece[i].quanta) == k,
                   "E1: a free block is on another size's list");
            EXPECT(block_at_unit(state->piece[i].start)->previous == previous,
                   "E1: a link does not lead back");
            state->piece[i].rank = rank;
            previous = ref;
            ref = block_at_unit(state->piece[i].start)->next;
        }
    }
    EXPECT(on_lists == free_blocks, "E1: a free block is on no list");
}

static void read_state(struct state *state)
{
    *state = (struct state){ .empty = heap.empty_span == 0 };
    EXPECT(state->empty || heap.empty_span == HEAP_NO_SPAN,
           "E1: the empty span is none");
    state->span = ranges.used_count != 0;
    if (heap.rover != BLOCK_NIL) {
        EXPECT(heap.rover >= first && heap.rover <= first + units,
               "E1: the rover is astray");
        state->rover = heap.rover - first + 1;
    }
    if (state->span)
        read_blocks(state);
    read_lists(state);
    EXPECT(!state->empty || (state->count == 1 && !state->piece[0].used),
           "E1: the empty span has a used block");
    for (uint32_t i = 0; i < state->count; i++)
        if (state->piece[i].used)
            return;
    EXPECT(!joins_all || state->count <= 1,
           "E5: all is free, and it is not one block");
}

static bool same(const struct state *a, const struct state *b)
{
    struct key x = key_of(a), y = key_of(b);

    return x.low == y.low && x.high == y.high;
}

/* ---- the states that were seen --------------- */

static struct key *queue;               /* in the order of being seen */
static uint32_t *table;                 /* number in the queue + 1, hashed */
static uint64_t seen, room;

static uint64_t slot_of(struct key key)
{
    uint64_t hash = (key.low ^ key.high * UINT64_C(0x9e3779b97f4a7c15)) *
                    UINT64_C(0xd6e8feb86659fd93);

    hash = (hash ^ hash >> 32) * UINT64_C(0xd6e8feb86659fd93);
    hash ^= hash >> 32;
    for (uint64_t slot = hash & (2 * room - 1);;
         slot = (slot + 1) & (2 * room - 1)) {
        uint32_t number = table[slot];

        if (number == 0 || (queue[number - 1].low == key.low &&
                            queue[number - 1].high == key.high))
            return slot;
    }
}

static void see(struct key key)
{
    uint64_t slot = slot_of(key);

    if (table[slot] != 0)
        return;
    if (seen == room) {
        room *= 2;
        free(table);
        queue = realloc(queue, (size_t)room * sizeof *queue);
        table = calloc((size_t)(2 * room), sizeof *table);
        EXPECT(queue != NULL && table != NULL, "out of memory");
        for (uint64_t i = 0; i < seen; i++)
            table[slot_of(queue[i])] = (uint32_t)i + 1;
        slot = slot_of(key);
    }
    queue[seen] = key;
    table[slot] = (uint32_t)++seen;
}

/* ---- the operations --------------- */

static uint64_t operations;

/* The state as it is, again. */
static void restore(void)
{
    static struct heap copy;
    static bool there;
    static struct state of;

    if (!there || memcmp(&of, &now, sizeof now) != 0) {
        make(&now);
        memcpy(image, memory, ARENA);
        copy = heap;
        of = now;
        there = true;
        return;
    }
    memcpy(memory, image, MM_QUANTUM * 8);
    memcpy(memory + (first - 1) * MM_QUANTUM, image + (first - 1) * MM_QUANTUM,
           ARENA - (first - 1) * MM_QUANTUM);
    memcpy(&heap.small, &copy.small,
           offsetof(struct heap, lists) - offsetof(struct heap, small));
    memcpy(heap.lists, copy.lists, units * sizeof heap.lists[0]);
    ranges = now.span ? ranges_full : ranges_empty;
}

/* The operation is over: what is the state now? BLOCK is the number, in the
 * state before, of the one whose payload may have changed. */
static void settle(uint32_t block, struct state *after)
{
    operations++;
    read_state(after);
    see(key_of(after));
    for (uint32_t i = 0; i < now.count; i++) {
        const struct piece *piece = &now.piece[i];
        size_t at = (first + piece->start) * MM_QUANTUM;

        if (i != block && piece->used)
            EXPECT(memcmp(memory + at, image + at,
                          piece->quanta * MM_QUANTUM - BLOCK_HEADER) == 0,
                   "E2: another block's payload was written to");
    }
}

static void expect_unchanged(const struct state *after)
{
    EXPECT(same(after, &now), "E4: refused, and something has changed");
    EXPECT(!now.span || memcmp(memory + (first - 1) * MM_QUANTUM,
                               image + (first - 1) * MM_QUANTUM,
                               ARENA - (first - 1) * MM_QUANTUM) == 0,
           "E4: refused, and a byte has changed");
}

static uint32_t rounded(uint32_t quanta)
{
    return heap.policy == NULL || heap.policy->round == NULL
               ? quanta : heap.policy->round(&heap, quanta);
}

/* Whether some free block, or a new span, has room: by the plainest search. */
static bool could_serve(uint32_t quanta, uint32_t align)
{
    quanta = rounded(quanta);
    if (!now.span)
        return !frames_ran_out && quanta + (0 - first) % align <= units &&
               (heap.policy != &policy_buddy || align == 1) &&
               (heap.policy != &policy_bump || now.rover == 0);
    for (uint32_t i = 0; i < now.count; i++) {
        const struct piece *piece = &now.piece[i];
        uint32_t gap = (0 - (first + piece->start)) % align;

        if (!piece->used && piece->quanta >= quanta + gap &&
            (heap.policy == NULL || heap.policy->may_take == NULL ||
             heap.policy->may_take(&heap, block_at_unit(piece->start),
                                   align)))
            return true;
    }
    return false;
}

/* Bytes for which a block of QUANTA is needed: the most, or the fewest. */
static uint64_t bytes_for(uint32_t quanta, uint32_t variant)
{
    return variant % 2 == 0 || quanta == 1
               ? quanta * MM_QUANTUM - BLOCK_HEADER
               : quanta * MM_QUANTUM - BLOCK_HEADER - 15;
}

static const struct piece *piece_of(const struct state *state,
                                    const void *payload)
{
    uint64_t at = heap_at(&heap, payload);

    for (uint32_t i = 0; i < state->count; i++)
        if ((first + state->piece[i].start) * MM_QUANTUM == at)
            return &state->piece[i];
    return NULL;
}

static void try_alloc(uint32_t quanta, uint32_t align, uint32_t variant)
{
    struct heap_request request = {
        .size = bytes_for(quanta, variant), .kind = HEAP_BLOCK,
        .align = align == 1 ? 0 : align * MM_QUANTUM,
    };
    struct state after;

    restore();
    closure_note("alloc %u quanta at a multiple of %u", quanta, align);

    bool expected = could_serve(quanta, align);
    void *payload = heap_alloc_request(&heap, &request);

    settle(UINT32_MAX, &after);
    EXPECT((payload != NULL) == expected,
           expected ? "E4: refused, and there is a place"
                    : "E4: served, and there was no place");
    if (payload == NULL) {
        EXPECT(heap.refusal != MM_OK, "E4: refused without a reason");
        expect_unchanged(&after);
        return;
    }

    const struct piece *piece = piece_of(&after, payload);

    EXPECT(piece != NULL && piece->used, "E3: the payload starts no block");
    EXPECT(piece->quanta == rounded(quanta), "E3: not the exact size");
    EXPECT((first + piece->start) % align == 0, "E3: not aligned");
}

static void try_free(uint32_t i)
{
    struct state after;

    restore();
    closure_note("free of block %u", i, 0);
    EXPECT(heap_free(&heap, block_payload(block_at_unit(now.piece[i].start)))
               == MM_OK, "free of a live payload was refused");
    settle(i, &after);
}

static void try_realloc(uint32_t i, uint32_t quanta, uint32_t variant)
{
    struct piece before = now.piece[i];
    const struct piece *right = &now.piece[i + 1];
    bool fixed = heap.policy != NULL && heap.policy->fixed;
    bool in_place = quanta <= before.quanta ||
                    (!fixed && i + 1 < now.count && !right->used &&
                     before.quanta + right->quanta >= quanta);
    struct state after;

    restore();
    closure_note("realloc of block %u to %u quanta", i, quanta);

    bool expected = in_place || could_serve(quanta, 1);
    void *old = block_payload(block_at_unit(before.start));
    unsigned char *payload = heap_realloc(&heap, old,
                                          bytes_for(quanta, variant));

    settle(i, &after);
    EXPECT((payload != NULL) == expected,
           expected ? "E4: refused, and there is a place"
                    : "E4: served, and there was no place");
    if (payload == NULL) {
        expect_unchanged(&after);
        return;
    }

    const struct piece *piece = piece_of(&after, payload);
    uint32_t exact = !in_place ? rounded(quanta)
                     : fixed ? before.quanta : quanta;
    uint64_t kept = bytes_for(before.quanta, 0);

    EXPECT(piece != NULL && piece->used && piece->quanta == exact,
           "E3: not the exact size");
    EXPECT((payload == old) == in_place, "E3: moved, or not moved, wrongly");
    if (kept > bytes_for(quanta, variant))
        kept = bytes_for(quanta, variant);
    EXPECT(memcmp(payload, image + (first + before.start) * MM_QUANTUM,
                  (size_t)kept) == 0,
           "E2: realloc lost bytes");
}

static void try_trim(void)
{
    struct state after;

    restore();
    closure_note("trim", 0, 0);
    heap_trim(&heap);
    settle(UINT32_MAX, &after);
    EXPECT(!after.span || after.count > 1 || after.piece[0].used,
           "trim has left an empty span");
}

/* Every address that is no live payload is refused. */
static void try_strangers(void)
{
    struct state after;

    if (!heap_is_checked(&heap))
        return;
    restore();
    for (uint32_t at = (first - 2) * MM_QUANTUM; at < ARENA + 8; at += 4) {
        uint32_t i = 0;

        while (i < now.count && (!now.piece[i].used ||
               (first + now.piece[i].start) * MM_QUANTUM != at))
            i++;
        if (i < now.count)
            continue;
        closure_note("free of +0x%x", at, 0);
        EXPECT(heap_free(&heap, memory + at) != MM_OK,
               "free of what is no payload was served");
    }
    settle(UINT32_MAX, &after);
    expect_unchanged(&after);
}

static void try_everything(uint32_t variant)
{
    struct heap_damage damage;

    restore();
    closure_note("nothing", 0, 0);
    if (!heap_check(&heap, &damage)) {
        printf("# %s\n", damage.invariant);
        EXPECT(false, "a broken invariant");
    }
    try_strangers();
    for (uint32_t quanta = 1; quanta <= units + 1; quanta++) {
        try_alloc(quanta, 1, variant);
        try_alloc(quanta, 2, variant);
    }
    if (!now.span) {
        frames_ran_out = true;
        try_alloc(1, 1, variant);
        frames_ran_out = false;
    }
    for (uint32_t i = 0; i < now.count; i++) {
        if (!now.piece[i].used)
            continue;
        try_free(i);
        for (uint32_t quanta = 1; quanta <= units + 1; quanta++)
            try_realloc(i, quanta, variant);
    }
    try_trim();
    for (unsigned k = units; k < HEAP_LISTS; k++)
        EXPECT(heap.lists[k] == BLOCK_NIL, "E1: a list of no size is used");
    EXPECT(memcmp((char *)&heap + offsetof(struct heap, slot_lists),
                  (char *)&heap_clean + offsetof(struct heap, slot_lists),
                  sizeof heap - offsetof(struct heap, slot_lists)) == 0,
           "E1: what blocks have nothing to do with has changed");
}

/* ---- all states --------------- */

static void open_heap(const struct heap_policy *policy,
                      enum heap_order order, enum heap_level level)
{
    home = (struct mm_home){ .hold = hold, .release = let_go };
    ranges_init(&ranges, &home, memory, 1);
    heap_init(&heap, &(struct heap_setup){
        .home = &home, .ranges = &ranges, .span_bytes = ARENA,
        .level = level, .owner = 1, .policy = policy, .order = order,
    });
    first = heap_is_small(&heap, units);
    heap_clean = heap;
    ranges_empty = ranges;
    EXPECT(heap_grow(&heap) == MM_OK, "the heap does not grow");
    ranges_full = ranges;
    joins_all = policy == NULL || policy->drops == NULL;
}

static void close_over(const char *name, const struct heap_policy *policy,
                       enum heap_order order, enum heap_level level)
{
    struct state start = { 0 };

    closure_name = name;
    open_heap(policy, order, level);
    operations = seen = 0;
    room = 1 << 16;
    queue = malloc((size_t)room * sizeof *queue);
    table = calloc((size_t)(2 * room), sizeof *table);
    EXPECT(queue != NULL && table != NULL, "out of memory");
    see(key_of(&start));
    for (uint64_t i = 0; i < seen; i++) {
        state_of(queue[i], &now);
        try_everything((uint32_t)i);
        if ((i & 0x3ffff) == 0x3ffff) {
            printf("# %s: %llu of %llu states so far\n", name,
                   (unsigned long long)i + 1, (unsigned long long)seen);
            fflush(stdout);
        }
    }
    printf("ok - %s, %u units: %llu states, %llu operations\n", name, units,
           (unsigned long long)seen, (unsigned long long)operations);
    fflush(stdout);
    free(queue);
    free(table);
}

static const struct choice {
    const char *name;
    const struct heap_policy *policy;
    enum heap_order order;
    enum heap_level level;
} choices[] = {
    { "segregated", NULL, HEAP_LAST_FIRST, HEAP_LEVEL_CHECK },
    { "none", NULL, HEAP_LAST_FIRST, HEAP_LEVEL_NONE },
    { "first", &policy_first, HEAP_BY_ADDRESS, HEAP_LEVEL_CHECK },
    { "first-lifo", &policy_first, HEAP_LAST_FIRST, HEAP_LEVEL_CHECK },
    { "next", &policy_next, HEAP_BY_ADDRESS, HEAP_LEVEL_CHECK },
    { "next-lifo", &policy_next, HEAP_LAST_FIRST, HEAP_LEVEL_CHECK },
    { "best", &policy_best, HEAP_BY_ADDRESS, HEAP_LEVEL_CHECK },
    { "best-lifo", &policy_best, HEAP_LAST_FIRST, HEAP_LEVEL_CHECK },
    { "worst", &policy_worst, HEAP_BY_ADDRESS, HEAP_LEVEL_CHECK },
    { "worst-lifo", &policy_worst, HEAP_LAST_FIRST, HEAP_LEVEL_CHECK },
    { "buddy", &policy_buddy, HEAP_LAST_FIRST, HEAP_LEVEL_CHECK },
    { "bump", &policy_bump, HEAP_BY_ADDRESS, HEAP_LEVEL_CHECK },
};

int main(int count, char **words)
{
    const unsigned all = sizeof choices / sizeof choices[0];

    units = count > 1 ? (uint32_t)atoi(words[1]) : 0;
    if (units < 1 || units > UNITS_MAX) {
        fprintf(stderr, "heap UNITS [POLICY...]: 1 to %d units\n", UNITS_MAX);
        return 2;
    }
    for (int w = 2; w < count || w == 2; w++) {
        unsigned chosen = 0;

        for (unsigned i = 0; i < all; i++) {
            if (count > 2 && strcmp(words[w], choices[i].name) != 0)
                continue;
            close_over(choices[i].name, choices[i].policy, choices[i].order,
                       choices[i].level);
            chosen++;
        }
        if (chosen == 0) {
            fprintf(stderr, "no policy is called %s\n", words[w]);
            return 2;
        }
    }
    return 0;
}

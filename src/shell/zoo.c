/* SPDX-License-Identifier: MIT */
/*
 * zoo.c - real faults, planted in a lab on purpose (see zoo.h)
 *
 * A fault is planted in three moves: all blocks of the lab are listed; one is
 * drawn that is fit for this kind (a block in the middle, a free one, one
 * whose right neighbour is used); and the memory is changed with the
 * allocator's own accessors, as the mistake would have changed it.
 */

#include "zoo.h"

#include "print.h"

#include "../trace/ledger.h"

enum { BLOCKS_MOST = 64 };

static const struct {
    const char *name, *summary, *story;
} kinds[ZOO_KINDS] = {
    [ZOO_LOST_COALESCE] = { "lost-coalesce",
        "two free blocks lie side by side",
        "A block was freed, and nobody joined it with its free neighbour. dump "
        "shows two free rows in a row, which never happens in a healthy heap "
        "(I3)." },
    [ZOO_WRONG_LEFT] = { "wrong-left",
        "a header has a wrong size for its left neighbour",
        "The block's header says another left's size than the left neighbour "
        "itself has (I2). A free of this block would look for its left "
        "neighbour in the wrong place. Compare left= with the size in the row "
        "above." },
    [ZOO_BAD_SPLIT] = { "bad-split",
        "a block's own size is wrong by one quantum",
        "A split was off by one: the block claims 16 bytes less than it has, "
        "so a step to the right does not end at the next block (I1)." },
    [ZOO_STALE_HEAD] = { "stale-head",
        "a free list begins with a block that is in use",
        "The block was handed out and stayed at the head of its list. The next "
        "request of its size would get it a second time (I4). lists shows a "
        "link to what is no free block." },
    [ZOO_OVERRUN] = { "overrun",
        "a program wrote past the end of a block",
        "Bytes of 0x41 go over the block's end, into its right neighbour's "
        "header. dump X of the block shows them." },
    [ZOO_USE_AFTER_FREE] = { "use-after-free",
        "a program wrote to a block that it had freed",
        "The first bytes of a free block are its links, and somebody wrote "
        "0x5a over them (I5)." },
    [ZOO_DOUBLE_FREE] = { "double-free",
        "a block was put on its free list twice",
        "The block is on its list twice, so its link leads to itself, and the "
        "list has no end. Two later requests would get the same block (I4)." },
    [ZOO_LEAK] = { "leak",
        "a block in use that nobody remembers",
        "The block is in use, and no letter leads to it: nobody will ever free "
        "it. Its row in dump begins with a dash. The blocks themselves are in "
        "order; only who compares them with the letters sees it (L1)." },
    [ZOO_LOST_PAGE] = { "lost-page",
        "a page of a block in use has lost its frame",
        "A page in the middle of the block was given back while the block was "
        "in use (I6). map shows ~ where the block's letter should be, and "
        "whatis of such a byte says: not held." },
    [ZOO_NOT_HOLLOW] = { "not-hollow",
        "a free block says that all its pages have frames",
        "Bit 1 of the free block's header is clear, though pages inside it "
        "have no frame (I7). The next request would be handed memory that is "
        "not there." },
    [ZOO_LOST_BIT] = { "lost-bit",
        "the note outside the block says that it is not alive",
        "The block's live bit was cleared, as by a free that stopped half way "
        "(I8). The block looks used, and a free of it would be refused." },
    [ZOO_LOST_BLOCK] = { "lost-block",
        "a free block that is on no list",
        "The block is free and was taken off its list, and put on none (I4). "
        "No request will ever find it. lists shows it on the left only." },
    [ZOO_WRONG_LIST] = { "wrong-list",
        "a free block is on the list of another size",
        "The block changed its size, or was filed wrongly: it is on a list to "
        "which its size does not belong (I4)." },
    [ZOO_BACK_LINK] = { "back-link",
        "a link does not lead back",
        "The next block on the list does not have this one as its previous "
        "(I5): the second half of an insertion was forgotten. lists shows it "
        "in the column prev." },
    [ZOO_MAP_BIT] = { "map-bit",
        "the map of lists says that a list is empty, and it is not",
        "The list's bit in the map is clear (I5), so no search ever looks at "
        "the blocks on it." },
    [ZOO_HALF_FREE] = { "half-free",
        "a header says free, and that is all that was done",
        "The lowest bit of the header was cleared, and the rest of a free was "
        "not done: no list has the block, its live bit is set, and it was not "
        "joined with anything." },
};

const char *zoo_name(enum zoo_kind kind)
{
    return kind < ZOO_KINDS ? kinds[kind].name : "healthy";
}

const char *zoo_summary(enum zoo_kind kind)
{
    return kind < ZOO_KINDS ? kinds[kind].summary : "nothing is wrong";
}

const char *zoo_story(enum zoo_kind kind)
{
    return kind < ZOO_KINDS ? kinds[kind].story
                            : "Nothing had been planted: the heap is healthy.";
}

enum zoo_kind zoo_kind_of(uint32_t number, uint64_t seed)
{
    return (enum zoo_kind)(((uint64_t)number * 5 + seed * 3) % ZOO_KINDS);
}

/* ---- drawing ------------------------------------------------------------ */

/* A linear congruential generator (Knuth, MMIX); the upper bits are good. */
static uint32_t draw(uint64_t *state, uint32_t below)
{
    *state = *state * UINT64_C(6364136223846793005)
             + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33) % below;
}

static uint64_t draw_from(uint32_t number, uint64_t seed)
{
    uint64_t state = seed * 64 + number;

    for (int i = 0; i < 8; i++)
        draw(&state, 2);
    return state;
}

/*
 * Sixteen blocks and a large one; then five that do not touch are freed. Two
 * of these have the same size, so that one list has two blocks; two used
 * blocks in a row come several times.
 */
void zoo_prepare(char *line, size_t size, uint32_t number, uint64_t seed)
{
    uint64_t state = draw_from(number, seed);
    uint32_t twin = 16 * (2 + draw(&state, 8)) - 4, first = draw(&state, 2);
    size_t length = 0;

    for (uint32_t i = 0; i < 16 && length < size; i++) {
        uint32_t bytes = 8 + draw(&state, 180);

        if (i == first + 2 || i == first + 8)
            bytes = twin;
        length += print_text(line + length, size - length, "alloc %u; ",
                             bytes);
    }
    if (length < size)
        length += print_text(line + length, size - length,
                             "alloc %u; alloc 24; ",
                             20000 + draw(&state, 8000));
    for (uint32_t i = first + 2; i < 16 && length < size; i += 3) {
        struct short_text letter;

        length += print_text(line + length, size - length, "free %s; ",
                             print_letters(&letter, i));
    }
}

/* ---- the blocks of a lab ------------------------------------------------ */

struct spot {
    uint64_t at, size;
    bool used, slots;
};

struct ground {
    struct heap *heap;
    struct machine *machine;
    uint32_t count;
    struct spot spot[BLOCKS_MOST];
};

static void ground_survey(struct ground *ground, struct machine *machine)
{
    struct heap_cursor cursor;

    ground->heap = machine->heap;
    ground->machine = machine;
    ground->count = 0;
    heap_walk(&cursor);
    while (ground->count < BLOCKS_MOST
           && heap_walk_next(machine->heap, &cursor)) {
        if (cursor.fault != MM_OK || cursor.large)
            continue;
        ground->spot[ground->count++] = (struct spot){
            .at = cursor.at, .size = cursor.size, .used = cursor.used,
            .slots = cursor.slots || cursor.kept };
    }
}

static struct block *block_in(const struct ground *ground, uint32_t i)
{
    return block_of(heap_address(ground->heap, ground->spot[i].at));
}

static uint32_t quanta_of(const struct ground *ground, uint32_t i)
{
    return (uint32_t)(ground->spot[i].size / MM_QUANTUM);
}

/* The next free block on the list of spot I, as a spot; COUNT if none. */
static uint32_t next_on_list(const struct ground *ground, uint32_t i)
{
    uint64_t at = (uint64_t)block_in(ground, i)->next * MM_QUANTUM;
    uint32_t next = 0;

    while (next < ground->count && (at == 0 || ground->spot[next].at != at))
        next++;
    return next;
}

/* Whether spot I is fit for KIND. Its neighbours are spots as well. */
static bool is_fit(const struct ground *ground, uint32_t i, enum zoo_kind kind)
{
    const struct spot *spot = &ground->spot[i];
    const struct spot *left = spot - 1, *right = spot + 1;

    if (i == 0 || i + 2 >= ground->count || spot->slots)
        return false;
    switch (kind) {
    case ZOO_LOST_COALESCE:
        return spot->used && left->used && !right->used;
    case ZOO_WRONG_LEFT:
    case ZOO_LOST_BIT:
        return spot->used;
    case ZOO_LEAK:
        return spot->used && spot->size < 1024;
    case ZOO_BAD_SPLIT:
        return spot->used && right->used && spot->size >= 48;
    case ZOO_OVERRUN:
    case ZOO_HALF_FREE:
        return spot->used && right->used && spot->size < 1024;
    case ZOO_LOST_PAGE:
        return spot->used && spot->size > 3 * MM_PAGE;
    case ZOO_BACK_LINK:
        return !spot->used && next_on_list(ground, i) < ground->count;
    case ZOO_NOT_HOLLOW:
        return false;                   /* only the last block is */
    default:
        return !spot->used;
    }
}

/* ---- lists, by hand ----------------------------------------------------- */

static block_ref ref_of(const struct ground *ground, uint32_t i)
{
    return (block_ref)(ground->spot[i].at / MM_QUANTUM);
}

static struct block *block_named(const struct ground *ground, block_ref ref)
{
    return block_of(heap_address(ground->heap, (uint64_t)ref * MM_QUANTUM));
}

static void list_push(struct ground *ground, block_ref ref, unsigned list)
{
    struct heap *heap = ground->heap;
    struct block *block = block_named(ground, ref);

    block->next = heap->lists[list];
    block->previous = BLOCK_NIL;
    if (block->next != BLOCK_NIL)
        block_named(ground, block->next)->previous = ref;
    heap->lists[list] = ref;
    class_map_set(heap->map, list);
}

static void list_drop(struct ground *ground, block_ref ref, unsigned list)
{
    struct heap *heap = ground->heap;
    const struct block *block = block_named(ground, ref);

    if (block->next != BLOCK_NIL)
        block_named(ground, block->next)->previous = block->previous;
    if (block->previous != BLOCK_NIL)
        block_named(ground, block->previous)->next = block->next;
    else
        heap->lists[list] = block->next;
    if (heap->lists[list] == BLOCK_NIL)
        class_map_clear(heap->map, list);
}

/* ---- the faults --------------------------------------------------------- */

/* Frees spot I properly, and takes the block apart again where it was joined
 * with its right neighbour. */
static void plant_lost_coalesce(struct ground *ground, uint32_t i)
{
    uint32_t own = quanta_of(ground, i), right = quanta_of(ground, i + 1);
    struct block *block = block_in(ground, i), *rest = block_in(ground, i + 1);

    heap_free(ground->heap, block_payload(block));
    list_drop(ground, ref_of(ground, i), class_of(own + right));
    rest->header = block_header(own, right, false, false);
    block_set_quanta(rest, right);
    block_set_quanta(block, own);
    list_push(ground, ref_of(ground, i), class_of(own));
    list_push(ground, ref_of(ground, i + 1), class_of(right));
}

static void plant_stale_head(struct ground *ground, uint32_t i)
{
    struct heap *heap = ground->heap;
    unsigned list = class_of(quanta_of(ground, i));
    uint64_t wanted = ground->spot[i].at;

    /* The list's first block is taken, whichever that is. */
    ground->spot[i].at = (uint64_t)heap->lists[list] * MM_QUANTUM;
    heap_alloc(heap, ground->spot[i].size - BLOCK_HEADER);
    if (!block_is_used(block_in(ground, i)))
        ground->spot[i].at = wanted;
    heap->lists[list] = ref_of(ground, i);
    class_map_set(heap->map, list);
    block_in(ground, i)->next = BLOCK_NIL;
    block_in(ground, i)->previous = BLOCK_NIL;
}

static void plant_overrun(struct ground *ground, uint32_t i, uint64_t *state)
{
    unsigned char *payload = block_payload(block_in(ground, i));
    uint64_t usable = ground->spot[i].size - BLOCK_HEADER;
    uint64_t count = usable + 1 + draw(state, 4);

    for (uint64_t byte = usable / 2; byte < count; byte++)
        payload[byte] = 0x41;
}

static void plant_leak(struct ground *ground, uint32_t i)
{
    const struct mm_event event = { .kind = MM_EVENT_RELEASE,
                                    .at = ground->spot[i].at,
                                    .size = ground->spot[i].size };

    if (ground->machine->ledger != NULL)
        ledger_event(ground->machine->ledger, &event);
}

/* The frame goes, and the span's head is told; the block is not. */
static void plant_lost_page(struct ground *ground, uint32_t i)
{
    const struct heap *heap = ground->heap;
    uint64_t page = (ground->spot[i].at + ground->spot[i].size / 2) / MM_PAGE;
    uint64_t span_at = mm_round_down(ground->spot[i].at, heap->span_bytes);
    struct span *span = heap_address(heap, span_at);
    uint32_t in_span = (uint32_t)(page - span_at / MM_PAGE);

    heap->home->release(heap->home->context, (uint32_t)page, 1);
    span->held[in_span / 32] &= ~(UINT32_C(1) << (in_span % 32));
}

static void plant_lost_bit(struct ground *ground, uint32_t i)
{
    const struct heap *heap = ground->heap;
    uint64_t at = ground->spot[i].at;
    uint32_t in_span = (uint32_t)(at & (heap->span_bytes - 1)) / MM_QUANTUM;
    uint32_t *words = heap_address(heap,
                                   mm_round_down(at, heap->span_bytes)
                                   + SPAN_TAGS_AT
                                   + heap->span_bytes / MM_SLOT_PAGE * 4);

    words[in_span / 32] &= ~(UINT32_C(1) << (in_span % 32));
}

static void plant(struct ground *ground, uint32_t i, enum zoo_kind kind,
                  uint64_t *state)
{
    struct block *block = block_in(ground, i);
    uint32_t quanta = quanta_of(ground, i), *link;
    unsigned list = class_of(quanta);

    switch (kind) {
    case ZOO_LOST_COALESCE:
        plant_lost_coalesce(ground, i);
        break;
    case ZOO_WRONG_LEFT:
        block->header += UINT32_C(1) << BLOCK_LEFT_SHIFT;
        break;
    case ZOO_BAD_SPLIT:
        block->header -= UINT32_C(1) << BLOCK_SIZE_SHIFT;
        break;
    case ZOO_STALE_HEAD:
        plant_stale_head(ground, i);
        break;
    case ZOO_OVERRUN:
        plant_overrun(ground, i, state);
        break;
    case ZOO_USE_AFTER_FREE:
        link = &block->next;
        *link = UINT32_C(0x5a5a5a5a);
        break;
    case ZOO_DOUBLE_FREE:
        list_push(ground, ref_of(ground, i), list);
        break;
    case ZOO_LEAK:
        plant_leak(ground, i);
        break;
    case ZOO_LOST_PAGE:
        plant_lost_page(ground, i);
        break;
    case ZOO_NOT_HOLLOW:
        block_set_marked(block, false);
        break;
    case ZOO_LOST_BIT:
        plant_lost_bit(ground, i);
        break;
    case ZOO_LOST_BLOCK:
        list_drop(ground, ref_of(ground, i), list);
        break;
    case ZOO_WRONG_LIST:
        list_drop(ground, ref_of(ground, i), list);
        list_push(ground, ref_of(ground, i), list + 1);
        break;
    case ZOO_BACK_LINK:
        block_in(ground, next_on_list(ground, i))->previous = BLOCK_NIL;
        break;
    case ZOO_MAP_BIT:
        class_map_clear(ground->heap->map, list);
        break;
    case ZOO_HALF_FREE:
        block->header &= ~(uint32_t)BLOCK_USED;
        break;
    case ZOO_KINDS:
        break;
    }
}

/* Which spot the fault goes to; COUNT if none is fit. */
static uint32_t spot_draw(const struct ground *ground, enum zoo_kind kind,
                          uint64_t *state)
{
    uint32_t fit = 0, wanted;

    if (kind == ZOO_NOT_HOLLOW) {
        uint32_t last = ground->count - 1;

        return ground->count > 0 && block_is_free(block_in(ground, last))
                       && block_is_hollow(block_in(ground, last))
                   ? last : ground->count;
    }
    for (uint32_t i = 0; i < ground->count; i++)
        fit += is_fit(ground, i, kind);
    if (fit == 0)
        return ground->count;
    wanted = draw(state, fit);
    for (uint32_t i = 0; i < ground->count; i++) {
        if (is_fit(ground, i, kind) && wanted-- == 0)
            return i;
    }
    return ground->count;
}

bool zoo_plant(struct machine *machine, struct zoo *zoo)
{
    uint64_t state = draw_from(zoo->number, zoo->seed + 7);
    enum zoo_kind kind = (enum zoo_kind)zoo->kind;
    struct ground ground;
    uint32_t i;

    zoo->at = zoo->size = zoo->also_at = zoo->also_size = 0;
    if (kind == ZOO_HEALTHY)
        return true;
    ground_survey(&ground, machine);
    i = spot_draw(&ground, kind, &state);
    if (i == ground.count)
        return false;
    /* Where two blocks disagree, either may be named. */
    if (i + 1 < ground.count) {
        bool both = kind == ZOO_LOST_COALESCE || kind == ZOO_BAD_SPLIT
                    || kind == ZOO_OVERRUN;
        uint32_t other = kind == ZOO_WRONG_LEFT ? i - 1
                         : kind == ZOO_BACK_LINK ? next_on_list(&ground, i)
                         : both ? i + 1 : i;

        zoo->also_at = ground.spot[other].at;
        zoo->also_size = ground.spot[other].size;
    }
    plant(&ground, i, kind, &state);
    zoo->at = ground.spot[i].at;
    zoo->size = ground.spot[i].size;
    return true;
}

bool zoo_is_at(const struct zoo *zoo, uint64_t at)
{
    return (at >= zoo->at - BLOCK_HEADER
            && at < zoo->at - BLOCK_HEADER + zoo->size)
           || (zoo->also_size > 0 && at >= zoo->also_at - BLOCK_HEADER
               && at < zoo->also_at - BLOCK_HEADER + zoo->also_size);
}

/* SPDX-License-Identifier: MIT */
/*
 * heap_steps.c - the steps: the only code that changes a block or a span
 *
 * Each step is one verb of the field, does one whole thing, and its last line
 * announces it. heap.c builds alloc, free and realloc from nothing else.
 *
 * While an operation is under way there may be one block *in the hand*: free,
 * and on no list (heap.c, I4). Steps do not touch the lists unless they say
 * so: what is joined twice would otherwise be listed three times.
 */
#include "heap_lists.h"

/* ---- free lists ------------------------------------------------------- */

/* Puts the free BLOCK at the front of the list of its size, or where a policy
 * wants it. */
void block_list_insert(struct heap *heap, struct block *block)
{
    if (heap_policy(heap) != NULL)
        policy_list_insert(heap, block);
    else
        list_push(heap, block, block_ref_of(heap, block),
                  class_of(block_quanta(block)));
}

/* Takes BLOCK, which was QUANTA long when it was listed, off its list. */
void block_list_remove(struct heap *heap, struct block *block,
                       uint32_t quanta)
{
    list_unlink(heap, block, block_list_of(heap, quanta));
}

/*
 * The free block NEW, on no list, takes part in what BEFORE, the free block on
 * its list, was or becomes: BEFORE leaves its list and NEW goes to the front
 * of its own. Where that is the same place, it is one change.
 */
void block_list_replace(struct heap *heap, struct block *before,
                        uint32_t before_quanta, struct block *new,
                        uint32_t new_quanta)
{
    unsigned k = block_list_of(heap, before_quanta);

    if (heap_policy(heap) != NULL) {
        list_unlink(heap, before, k);
        policy_list_insert(heap, new);
    } else {
        list_replace(heap, before, k, new, block_ref_of(heap, new),
                     class_of(new_quanta));
    }
}

/* ---- held pages ------------------------------------------------------- */

/* The bits of pages [FIRST, END) in word I of the held ones, I being one of
 * the words that these pages touch. */
static uint32_t span_mask(uint32_t i, uint32_t first, uint32_t end)
{
    uint32_t mask = UINT32_MAX;

    if (i == first / 32)
        mask <<= first % 32;
    if (i == end / 32)
        mask &= (UINT32_C(1) << (end % 32)) - 1;
    return mask;
}

/* The pages [FIRST, END) of SPAN are held, or not. */
static void span_set_held(struct span *span, uint32_t first, uint32_t end,
                          bool held)
{
    for (uint32_t i = first / 32; i * 32 < end; i++) {
        uint32_t mask = span_mask(i, first, end);

        span->held[i] = held ? span->held[i] | mask : span->held[i] & ~mask;
    }
}

/* The next run of pages of SPAN in [*FIRST, END) whose held bit is HELD:
 * *FIRST is its start then, the answer its length; 0: there is none. */
static uint32_t span_run(const struct span *span, uint32_t *first,
                         uint32_t end, bool held)
{
    *first = span_find(span, *first, end, held);
    return span_find(span, *first, end, !held) - *first;
}

static void emit_pages(const struct heap *heap, enum mm_event_kind kind,
                       const struct span *span, uint32_t first,
                       uint32_t count)
{
    heap_emit(heap, (struct mm_event){
        .kind = kind,
        .at = heap_at(heap, span) + (uint64_t)first * MM_PAGE,
        .size = (uint64_t)count * MM_PAGE,
    });
}

/* The pages that lie wholly inside the free BLOCK, beside its header and
 * links: [*FIRST, *END), counted from the span's start. */
static void block_inner_pages(const struct heap *heap,
                              const struct block *block,
                              uint32_t *first, uint32_t *end)
{
    uint32_t start = (uint32_t)(heap_at(heap, block) &
                                (heap->span_bytes - 1));

    *first = (uint32_t)mm_round_up(start + BLOCK_LINKED_BYTES, MM_PAGE) /
             MM_PAGE;
    *end = (start + block_size(block)) / MM_PAGE;
    if (*end < *first)
        *end = *first;
}


/* How many bits are set, in a dozen instructions everywhere. */
static uint32_t bits_count(uint32_t bits)
{
    bits = bits - (bits >> 1 & 0x55555555);             /* in pairs */
    bits = (bits & 0x33333333) + (bits >> 2 & 0x33333333);
    bits = (bits + (bits >> 4)) & 0x0f0f0f0f;           /* in bytes */
    return bits * 0x01010101 >> 24;
}

/* How many pages inside the free BLOCK have a frame that it does not need. */
uint32_t block_idle_pages(const struct heap *heap, const struct block *block)
{
    const struct span *span = span_of(heap, block);
    uint32_t first, end, idle = 0;

    block_inner_pages(heap, block, &first, &end);
    for (uint32_t i = first / 32; first < end && i * 32 < end; i++) {
        uint32_t bits = span->held[i] & span_mask(i, first, end);

        if (bits != 0)
            idle += bits_count(bits);
    }
    return idle;
}

/* Whether a page inside the free BLOCK has no frame. */
static bool block_has_hole(const struct heap *heap, const struct block *block)
{
    uint32_t first, end;

    block_inner_pages(heap, block, &first, &end);
    return !span_all_held(span_of(heap, block), first, end);
}

/* Takes the frames back from the first PAGES pages from PAGE on, where they
 * are marked in PLAN. */
static void plan_release(struct heap *heap, const struct span *plan,
                         uint32_t page, uint32_t pages)
{
    uint32_t first = 0, count;

    for (; (count = span_run(plan, &first, pages, true)) > 0; first += count)
        heap->home->release(heap->home->context, page + first, count);
}

/* Puts frames behind the pages of the range from PAGE on that are marked in
 * PLAN. False when frames run out, and then nothing has changed. */
static bool plan_hold(struct heap *heap, const struct span *plan,
                      uint32_t page, uint32_t pages)
{
    uint32_t first = 0, count;

    for (; (count = span_run(plan, &first, pages, true)) > 0; first += count) {
        if (!heap->home->hold(heap->home->context, page + first, count)) {
            plan_release(heap, plan, page, first);
            return false;
        }
    }
    return true;
}

/* Step HOLD: the pages of SPAN that are marked in PLAN are held from now on;
 * frames are behind them. */
static void plan_done(struct heap *heap, struct span *span,
                      const struct span *plan)
{
    uint32_t pages = heap->span_bytes / MM_PAGE, first = 0, count;

    for (int i = 0; i < SPAN_HELD_WORDS; i++)
        span->held[i] |= plan->held[i];
    span->solid = span_solid(heap, span);
    if (!MM_OBSERVED || heap->home->event == NULL)
        return;
    for (; (count = span_run(plan, &first, pages, true)) > 0; first += count)
        emit_pages(heap, MM_EVENT_HOLD, span, first, count);
}

/*
 * Step HOLD: frames are behind all pages of SPAN that the bytes [START, END)
 * of it touch. False when frames run out, and then nothing has changed.
 */
bool span_hold(struct heap *heap, struct span *span, uint32_t start,
               uint32_t end)
{
    uint32_t end_page = (uint32_t)mm_round_up(end, MM_PAGE) / MM_PAGE;
    struct span plan = { 0 };           /* the held bits that are missing */

    if (span_all_held(span, start / MM_PAGE, end_page))
        return true;
    span_set_held(&plan, start / MM_PAGE, end_page, true);
    for (int i = 0; i < SPAN_HELD_WORDS; i++)
        plan.held[i] &= ~span->held[i];
    mm_lock(heap->home);

    bool held = plan_hold(heap, &plan, span_page(heap, span), end_page);

    mm_unlock(heap->home);
    if (held)
        plan_done(heap, span, &plan);
    return held;
}

/* Step TRIM: the pages of SPAN that had no frame when its held bits were those
 * of BEFORE have none again: what several calls of span_hold() have changed
 * is undone, where the last one found no frames. */
void span_unhold(struct heap *heap, struct span *span,
                 const struct span *before)
{
    uint32_t pages = heap->span_bytes / MM_PAGE, first = 0, count;
    struct span new = { 0 };            /* the held bits that are */

    for (int i = 0; i < SPAN_HELD_WORDS; i++) {
        new.held[i] = span->held[i] & ~before->held[i];
        span->held[i] = before->held[i];
    }
    span->solid = span_solid(heap, span);
    mm_lock(heap->home);
    for (; (count = span_run(&new, &first, pages, true)) > 0; first += count) {
        heap->home->release(heap->home->context,
                            span_page(heap, span) + first, count);
        emit_pages(heap, MM_EVENT_TRIM, span, first, count);
    }
    mm_unlock(heap->home);
}

/*
 * Step TRIM: the free BLOCK gives back the pages inside it and is hollow from
 * then on. Answers how many it gave.
 *
 *      page      page      page      page
 *     |    [h n p|.........|.........|....]  |     h n p: header and links
 *          keeps   gives     gives     keeps
 */
uint32_t block_give_back(struct heap *heap, struct block *block)
{
    struct span *span = span_of(heap, block);
    uint32_t first, end, count, given = 0;

    block_inner_pages(heap, block, &first, &end);
    mm_lock(heap->home);
    while ((count = span_run(span, &first, end, true)) > 0) {
        heap->home->release(heap->home->context,
                            span_page(heap, span) + first, count);
        span_set_held(span, first, first + count, false);
        block_set_marked(block, true);
        emit_pages(heap, MM_EVENT_TRIM, span, first, count);
        first += count;
        given += count;
    }
    span->solid = span_solid(heap, span);
    mm_unlock(heap->home);
    return given;
}

/* ---- blocks ----------------------------------------------------------- */

/*
 * Step SPLIT: the free BLOCK is cut in two free ones; it keeps QUANTA, and
 * the right part is the answer. Neither is on a list. The pages under the
 * right part's header and links are held.
 *
 *     BLOCK |------------------- free -------------------|
 *           |---- QUANTA ----|----------- right ----------|
 */
struct block *block_split(struct heap *heap, struct block *block,
                          uint32_t quanta)
{
    uint32_t header = block->header;
    uint32_t rest = header_quanta(header) - quanta;

    MM_ASSERT(block_is_free(block) && quanta > 0 && rest > 0 &&
              rest <= BLOCK_MAX_QUANTA);

    struct block *right = block_behind(block, quanta);

    block_set_header(right, block_header(quanta, rest, false, false));
    block->header = header_with_quanta(header, quanta);
    if (header_is_marked(header)) {
        block_set_marked(block, block_has_hole(heap, block));
        block_set_marked(right, block_has_hole(heap, right));
    }
    if (heap_has_poison(heap)) {
        care_poison_block(heap, block);
        care_poison_block(heap, right);
    }
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_SPLIT,
        .at = block_at_bytes(heap, block),
        .size = block_size(block),
        .other = (uint64_t)rest * MM_QUANTUM,
    });
    return right;
}

/* Step TAKE: the free BLOCK, in the hand, is used. Its pages are held. */
void block_take(struct heap *heap, struct block *block, enum mm_use use,
                uint64_t request)
{
    MM_ASSERT(block_is_free(block));
    block_set_used(block, true);
    live_set(heap, block, true);
    span_is_used(heap, block);
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_TAKE,
        .use = use,
        .at = block_at_bytes(heap, block),
        .size = block_size(block),
        .request = request,
    });
}

/* Step RELEASE: the used BLOCK is free, and in the hand. `used` is cleared
 * before any merge, so that a header that a merge leaves behind reads free. */
void block_release(struct heap *heap, struct block *block, enum mm_use use)
{
    block_set_used(block, false);
    live_set(heap, block, false);
    if (heap_has_poison(heap))
        care_poison_block(heap, block);
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_RELEASE,
        .use = use,
        .at = block_at_bytes(heap, block),
        .size = block_size(block),
    });
}

/*
 * Step COALESCE: the free LEFT takes in RIGHT, its free neighbour. Neither is
 * on a list.
 *
 *     |---- LEFT, free ----|------ RIGHT, free -----|
 *     |----------------- LEFT, free -----------------|
 */
void block_coalesce(struct heap *heap, struct block *left,
                    struct block *right)
{
    uint32_t taken = block_quanta(right);

    MM_ASSERT(block_is_free(left) && block_is_free(right) &&
              block_right(left) == right);
    block_set_header(left, header_joined(left->header, right->header));
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_COALESCE,
        .at = block_at_bytes(heap, left),
        .size = block_size(left),
        .other = (uint64_t)taken * MM_QUANTUM,
    });
}

/*
 * Step RESIZE: the used BLOCK has QUANTA, and its right side moves. What it
 * gains comes from its free right neighbour; what it loses joins that or
 * becomes a free block. The step sees to the lists. All pages that the
 * change touches are held.
 *
 *     |---- BLOCK, used ----|------- free -------|
 *     |--------- BLOCK, used ---------|-- free --|
 */
void block_resize(struct heap *heap, struct block *block, uint32_t quanta,
                  uint64_t request)
{
    uint32_t before = block_quanta(block);
    struct block *right = block_right(block);
    bool right_is_free = quanta != before && block_is_free(right);
    bool hollow = right_is_free && block_is_hollow(right);
    uint32_t all = before;

    if (right_is_free) {
        block_list_remove(heap, right, block_quanta(right));
        all += block_quanta(right);
    }
    block_set_quanta(block, quanta);
    if (all > quanta) {
        struct block *rest = block_right(block);

        block_set_header(rest,
                         block_header(quanta, all - quanta, false, false));
        if (hollow)
            block_set_marked(rest, block_has_hole(heap, rest));
        if (heap_has_poison(heap))
            care_poison_block(heap, rest);
        block_list_insert(heap, rest);
    }
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_RESIZE,
        .at = block_at_bytes(heap, block),
        .size = (uint64_t)quanta * MM_QUANTUM,
        .other = (uint64_t)before * MM_QUANTUM,
        .request = request,
    });
}

/* ---- spans ------------------------------------------------------------ */

/* Writes the head of a span that has just been made a range: before others,
 * who look at all ranges, can see what lay there before. */
static void span_head_init(const struct heap *heap, struct span *span)
{
    __builtin_memset(span, 0, heap->head_bytes);
    span->kind = SPAN_OF_BLOCKS;
    span->pages = heap->span_bytes / MM_PAGE;
    span->owner = heap->owner;
    for (uint32_t i = 0; i < heap->span_bytes / MM_SLOT_PAGE; i++)
        span->tags[i] = span_tag(SPAN_TAG_BLOCKS, heap->owner);
}

/*
 * Step GROW: a span enters, one hollow free block, on its list. Besides its
 * head, the block's links and its end, the bytes [START, END) of the span are
 * held from the beginning: who grows the heap for a request wants both or
 * neither. Stores the span in *GROWN. When refused, nothing has changed.
 */
enum mm_fault span_grow(struct heap *heap, uint32_t start, uint32_t end,
                        struct span **grown)
{
    uint32_t pages = heap->span_bytes / MM_PAGE;
    struct span plan = { 0 };           /* its held bits, before it is there */
    struct range_request request = {
        .pages = pages,
        .align_pages = pages,
        .at = RANGE_ANYWHERE,
        .type = RANGE_SPAN,
        .protection = RANGE_READ | RANGE_WRITE,
    };
    uint32_t page;
    enum mm_fault fault;

    span_set_held(&plan, 0, (heap->head_bytes + BLOCK_LINKED_BYTES + MM_PAGE -
                             1) / MM_PAGE, true);
    span_set_held(&plan, start / MM_PAGE, (end + MM_PAGE - 1) / MM_PAGE, true);
    span_set_held(&plan, pages - 1, pages, true);

    mm_lock(heap->home);
    fault = ranges_probe(heap->ranges, &request, &page);
    if (fault == MM_OK && !plan_hold(heap, &plan, page, pages))
        fault = MM_NO_FRAMES;
    if (fault == MM_OK) {
        request.at = page;
        fault = ranges_alloc(heap->ranges, &request, &page);
        if (fault != MM_OK)             /* damaged tags only */
            plan_release(heap, &plan, page, pages);
    }
    if (fault == MM_OK)
        span_head_init(heap, span_at(heap, (uint64_t)page * MM_PAGE));
    mm_unlock(heap->home);
    if (fault != MM_OK)
        return fault;

    struct span *span = span_at(heap, (uint64_t)page * MM_PAGE);
    struct block *block = span_first_block(heap, span);

    span_end_block(heap, span)->header = block_header(0, 0, false, true);
    block_set_header(block, block_header(0, heap->span_quanta, false, false));
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_GROW,
        .owner = (uint16_t)heap->owner,
        .at = heap_at(heap, span),
        .size = heap->span_bytes,
        .other = block_at_bytes(heap, block),
    });
    plan_done(heap, span, &plan);
    block_set_marked(block, block_has_hole(heap, block));
    if (heap_has_poison(heap))
        care_poison_block(heap, block);
    block_list_insert(heap, block);
    *grown = span;
    return MM_OK;
}

enum mm_fault heap_grow(struct heap *heap)
{
    struct span *grown;

    return span_grow(heap, 0, 0, &grown);
}

/* Step SHRINK: the empty SPAN leaves, its block off its list. Answers how
 * many pages it gave back. */
uint32_t span_shrink(struct heap *heap, struct span *span)
{
    uint32_t page = span_page(heap, span);
    uint32_t pages = span->pages, given = 0, first = 0, count;
    uint64_t at = heap_at(heap, span);
    struct span copy = { 0 };           /* the head goes with its page */

    block_list_remove(heap, span_first_block(heap, span), heap->span_quanta);
    if (heap->empty_span == page)
        heap->empty_span = HEAP_NO_SPAN;
    for (int i = 0; i < SPAN_HELD_WORDS; i++)
        copy.held[i] = span->held[i];
    mm_lock(heap->home);
    for (; (count = span_run(&copy, &first, pages, true)) > 0;
         first += count) {
        heap->home->release(heap->home->context, page + first, count);
        emit_pages(heap, MM_EVENT_TRIM, span, first, count);
        given += count;
    }
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_SHRINK,
        .at = at,
        .size = heap->span_bytes,
    });

    enum mm_fault fault = ranges_free(heap->ranges, page, pages);

    mm_unlock(heap->home);
    MM_REQUIRE(!mm_is_damage(fault),
               "the tags of the ranges are damaged: a span cannot leave");
    return given;
}

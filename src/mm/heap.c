/* SPDX-License-Identifier: MIT */
/*
 * heap.c - blocks that split and coalesce
 *
 * Theory of operation
 * -------------------
 * Memory comes in spans, and a span is cut into blocks that lie side by side
 * and fill it. In front of each payload stands one word that says how long
 * the block is, whether it is used, and how long its left neighbour is
 * (block.h has the picture). Free blocks are linked to one another on lists
 * by size.
 *
 * To allocate, we take a free block from a list where it fits (heap_fit.c
 * chooses) and cut off what is left over, which becomes a free block of its
 * own: a split. To free, we mark the block free and join it with its free
 * neighbours, so that free memory never lies about in two adjacent pieces:
 * coalescing. Both neighbours are one step away, so this takes constant time,
 * whatever the heap looks like.
 *
 *      alloc     |------------------- free -------------------|
 *      SPLIT     |---- free ----|----------- free ------------|
 *      TAKE      |---- used ----|----------- free ------------|
 *
 *      free      |-- free --|---- used ----|------ free -------|
 *      RELEASE   |-- free --|---- free ----|------ free -------|
 *      COALESCE  |-- free --|--------------- free -------------|
 *      COALESCE  |-------------------- free -------------------|
 *
 * A page of a span has a frame behind it only while it is needed. A new span
 * is one *hollow* block: its head, its block's header and its end are held,
 * the pages between are not. Before a block is taken from a hollow one, the
 * pages it needs are held; a large free block gives the pages in its middle
 * back. So two live words that are left far apart keep a handful of pages,
 * not what lies between them. And where the home counts (home.h, grows), free
 * blocks give back the pages inside them before the heap needs more than ever.
 *
 * What a heap keeps for itself, for the next request - an empty span, frames
 * behind free blocks, empty slot pages, kept blocks - it gives up before it
 * refuses one: a refusal is true.
 *
 * Small requests can be served by slots (slots.c), and requests too large for
 * a span by ranges (large.c). All of them meet in the three functions at the
 * end of this file.
 *
 * Between any two calls these hold, and heap_check() checks each of them:
 *
 *   I1  Blocks tile the span: each starts where the last one ended, the
 *       first after the head, and the last ends at the span's end word.
 *   I2  A header's left size is the left neighbour's own size, and 0 in the
 *       first block.
 *   I3  No two free blocks are neighbours.
 *   I4  A free block is on the list of its size, once, and no other block is
 *       on a list. (During an operation one block is in its hand: on none.)
 *   I5  On a list, `previous` of the next block is the block itself, and a
 *       list's bit in the map is set when the list is not empty.
 *   I6  The pages under headers, links and used blocks are held.
 *   I7  A free block is marked hollow when a page inside it is not held.
 *   I8  In a checked heap a live bit is set where a used block's payload
 *       starts, and nowhere else.
 *   I9  A slice is tagged SLOTS when a slot page fills it, and the slot page
 *       is one used block.
 *   I10 A span's head says what it is, how long, and whose.
 *
 * The steps in heap_steps.c are the only code that changes a block. Each
 * announces itself; what follows is built from nothing else. A heap that
 * nobody watches takes short cuts to the same place (heap_quick.c).
 *
 * What it is bad at: it never moves a block, so free memory in many small
 * pieces stays in many small pieces (external fragmentation). `frag` in the
 * shell measures it.
 *
 * References: D. Knuth, TAOCP vol. 1, section 2.5, algorithms A and C (the
 *             boundary tag); M. Masmano et al., "TLSF" (lists in constant
 *             time).
 * Lesson:     docs/lessons/05-split.md, docs/lessons/06-coalesce.md
 */
#include "heap_fast.h"
#include "heap_policy.h"

enum {
    ROOM_BLOCKS = 48,           /* kept blocks that are freed for room */
    ROOM_LOOKS = 32,            /* free blocks that are looked at for room */
    ROOM_MORE = 16,             /* pages that are given besides */
};

/* All of HEAP is zero. What is so already is not written to: a heap is larger
 * than the part of it that is used, and fresh memory of a process has no frame
 * behind it before it is written to. */
static void heap_clear(struct heap *heap)
{
    unsigned char *bytes = (unsigned char *)heap;

    for (size_t i = 0; i < sizeof(*heap); i++)
        if (bytes[i] != 0)
            bytes[i] = 0;
}

/* What the short cuts serve (heap_quick.c). They do not ask whether a span was
 * the empty one where they take a block as it is: so never a whole span. */
static void quick_set(struct heap *heap)
{
    uint32_t most = (heap->span_quanta - 1) * MM_QUANTUM - BLOCK_HEADER;

    if (heap_is_checked(heap) || heap_policy(heap) != NULL ||
        (MM_OBSERVED && heap->home->event != NULL))
        return;
    heap->plain_bytes = most < heap->large_bytes ? most : heap->large_bytes;
    if (heap->keep > 0)
        return;
    heap->quick_bytes = heap->plain_bytes;
    heap->quick_tag = span_tag(SPAN_TAG_BLOCKS, heap->owner);
    heap->quick_end = (uintptr_t)heap_arena_bytes(heap);
}

void heap_init(struct heap *heap, const struct heap_setup *setup)
{
    uint32_t span = setup->span_bytes;
    uint64_t quanta = (uint64_t)setup->ranges->page_count *
                      (MM_PAGE / MM_QUANTUM);
    uint32_t head = SPAN_TAGS_AT + span / MM_SLOT_PAGE * 4;

    MM_REQUIRE(mm_is_power_of_two(span) && span >= SPAN_MIN_BYTES &&
               span <= SPAN_MAX_BYTES,
               "a span is a power of two from 4 KiB to 512 KiB");
    MM_REQUIRE(quanta <= UINT32_MAX, "a heap's arena is below 64 GiB");
    if (MM_CHECKED && setup->level >= HEAP_LEVEL_CHECK)
        head += span / MM_QUANTUM / 8;

    heap_clear(heap);
    heap->home = setup->home;
    heap->ranges = setup->ranges;
    heap->base = setup->ranges->base;
    heap->blocks = heap->base - BLOCK_HEADER;
    heap->arena_quanta = (uint32_t)quanta;
    heap->span_bytes = span;
    heap->span_mask = span - 1;
    heap->head_bytes = (uint32_t)mm_round_up(head + BLOCK_HEADER, MM_QUANTUM) -
                       BLOCK_HEADER;
    heap->hollow_pages = setup->hollow_pages;
    heap->keep = setup->keep;
    heap->keep_most = KEPT_MOST;
    heap->owner = setup->owner;
    heap->level = setup->level;
    heap->random = setup->seed != 0 ? setup->seed : 1;
    heap->policy = setup->policy;
    heap->order = setup->order;
    heap->small = setup->small;
    heap->empty_span = HEAP_NO_SPAN;
    heap->span_quanta =
        (span - BLOCK_HEADER - heap->head_bytes) / MM_QUANTUM;

    heap->spare_quanta = heap->span_quanta;
    if (heap->hollow_pages > 0 &&
        heap->spare_quanta > heap->hollow_pages * (MM_PAGE / MM_QUANTUM))
        heap->spare_quanta = heap->hollow_pages * (MM_PAGE / MM_QUANTUM) + 1;

    /* Where there is one span only, a block must serve everything. */
    heap->large_bytes = span / 4;
    if (heap_has_trailers(heap))
        heap->trailer_bytes = CARE_TRAILER;
    if (heap_has_one_span(heap))
        heap->large_bytes = heap->span_quanta * MM_QUANTUM - BLOCK_HEADER -
                            heap->trailer_bytes;
    quick_set(heap);
}

void heap_set_fast(struct heap *heap, struct heap_fast *fast)
{
    MM_REQUIRE(!heap_is_checked(heap) &&
               !(MM_OBSERVED && heap->home->event != NULL),
               "short cuts are for a heap that nobody watches or checks");
    heap_flush_kept(heap);
    heap->fast = fast;
    if (fast == NULL)
        return;
    *fast = (struct heap_fast){
        .slots_tag = span_tag_slots(0, heap->owner),
        .span_mask = heap->span_bytes - 1,
        .heap = heap,
    };
    slots_start(heap);
}

/* ---- blocks ----------------------------------------------------------- */

/*
 * Whether the free BLOCK can serve QUANTA at a multiple of ALIGN_QUANTA: it
 * is what it seems (in a checked heap), and the pages that it will need are
 * held now.
 */
static bool block_prepare(struct heap *heap, struct block *block,
                          uint32_t quanta, uint32_t align_quanta)
{
    uint32_t start, end;

    if (heap_is_checked(heap) && heap_vet_free(heap, block) != MM_OK)
        return false;
    if (heap_policy(heap) != NULL &&
        block_quanta(block) < quanta + block_gap(heap, block, align_quanta)) {
        heap_blame(heap, MM_BAD_CHOICE, block_at_bytes(heap, block));
        return false;
    }
    if (!block_is_hollow(block))
        return true;
    if (heap_policy(heap) != NULL && !policy_hold_cuts(heap, block, &quanta)) {
        heap->refusal = MM_NO_FRAMES;
        return false;
    }
    block_needs(heap, block, block_quanta(block),
                block_gap(heap, block, align_quanta), quanta, &start, &end);
    if (span_hold(heap, span_of(heap, block), start, end))
        return true;
    heap->refusal = MM_NO_FRAMES;
    return false;
}

/* The block of a new span, prepared for QUANTA at a multiple of ALIGN_QUANTA;
 * NULL when refused, and then there is no new span. */
static struct block *block_grow(struct heap *heap, uint32_t quanta,
                                uint32_t align_quanta)
{
    uint32_t all = heap->span_quanta, start, end;
    uint32_t first = (heap->head_bytes + BLOCK_HEADER) / MM_QUANTUM;
    uint32_t gap = (0 - first) & (align_quanta - 1);
    struct span *grown;

    if (quanta + gap > all) {
        heap->refusal = MM_NO_BLOCK;
        return NULL;
    }
    block_needs(heap, span_first_block(heap, span_at(heap, 0)), all, gap,
                quanta, &start, &end);

    enum mm_fault fault = span_grow(heap, start, end, &grown);

    if (fault != MM_OK) {
        heap->refusal = fault == MM_NO_RANGE ? MM_NO_BLOCK : fault;
        return NULL;
    }
    if (heap_policy(heap) != NULL) {
        struct block *block = heap_fit(heap, quanta, align_quanta);

        if (block != NULL &&
            block_prepare(heap, block, quanta, align_quanta))
            return block;
        if (block == NULL)              /* not even all of an empty span */
            heap->refusal = MM_NO_BLOCK;
        span_shrink(heap, grown);
        return NULL;
    }
    return block_at(heap, heap->lists[class_of(all)]);
}

/* Whether there is a BLOCK, and the pages are held that QUANTA in it at a
 * multiple of ALIGN_QUANTA need. */
static bool block_is_held(const struct heap *heap, const struct block *block,
                          uint32_t quanta, uint32_t align_quanta)
{
    uint32_t start, end;

    if (block == NULL)
        return false;
    if (!block_is_hollow(block))
        return true;
    block_needs(heap, block, block_quanta(block),
                block_gap(heap, block, align_quanta), quanta, &start, &end);
    return span_all_held(span_of(heap, block), start / MM_PAGE,
                         (end + MM_PAGE - 1) / MM_PAGE);
}

/* Free blocks give back the pages inside them, the longest first: PAGES and
 * some, if the ROOM_LOOKS longest have them. */
static void blocks_make_room(struct heap *heap, uint32_t pages)
{
    class_word map[HEAP_MAP_WORDS];
    uint32_t looks = ROOM_LOOKS, given = 0;
    unsigned k;

    __builtin_memcpy(map, heap->map, sizeof(map));
    while ((k = class_map_last(map, HEAP_MAP_WORDS)) != CLASS_NONE) {
        struct block *block = block_at(heap, heap->lists[k]);

        class_map_clear(map, k);
        for (; block != NULL; block = block_at(heap, block->next)) {
            if (looks-- == 0 || given >= pages + ROOM_MORE)
                return;
            if (block_idle_pages(heap, block) > 0)
                given += block_give_back(heap, block);
        }
    }
}

/*
 * PAGES pages more will be held. When the home, which counts, says that these
 * are more than ever, some of what is kept is freed first, and free blocks give
 * back the pages inside them. What nobody uses makes no peak; and where there
 * is none, it stays. Whether these are more than ever.
 */
static bool heap_make_room(struct heap *heap, uint32_t pages)
{
    if (!heap->home->grows(heap->home->context, pages))
        return false;
    heap_spend_kept(heap, KEPT_SIZES, ROOM_BLOCKS);
    slots_make_room(heap);
    blocks_make_room(heap, pages);
    return true;
}

/* A free block for QUANTA, prepared and still on its list; NULL when refused,
 * the reason in heap->refusal. */
static struct block *block_find(struct heap *heap, uint32_t quanta,
                                uint32_t align_quanta)
{
    struct block *block = heap_fit(heap, quanta, align_quanta);

    /* Before the heap grows: some of what others have freed; and before it
     * needs more pages: some of what it keeps. */
    if (block == NULL && heap_drain(heap, DRAIN_SOME) > 0)
        block = heap_fit(heap, quanta, align_quanta);
    if (heap->keep > 0 &&
        !block_is_held(heap, block, quanta, align_quanta) &&
        heap_spend_kept(heap, quanta + align_quanta - 1, KEPT_SPEND))
        block = heap_fit(heap, quanta, align_quanta);
    if (heap->home->grows != NULL &&
        !block_is_held(heap, block, quanta, align_quanta) &&
        heap_make_room(heap, quanta / (MM_PAGE / MM_QUANTUM) + 1))
        block = heap_fit(heap, quanta, align_quanta);

    bool grown = block == NULL;

    if (block != NULL) {
        if (block_prepare(heap, block, quanta, align_quanta))
            return block;
        if (mm_is_damage((enum mm_fault)heap->refusal))
            return NULL;
    } else {
        block = block_grow(heap, quanta, align_quanta);
        if (block != NULL)
            return block;
    }

    /* What is found here comes late, but a refusal must be true. */
    uint32_t refusal = heap->refusal;

    heap_drain(heap, DRAIN_ALL);
    heap_flush_kept(heap);
    block = heap_fit_any(heap, quanta, align_quanta, block_prepare);
    if (block == NULL && !grown)        /* no frames for what there is */
        block = block_grow(heap, quanta, align_quanta);
    if (block == NULL && !mm_is_damage((enum mm_fault)heap->refusal))
        heap->refusal = refusal;
    return block;
}

/*
 * A used block with a payload of SIZE bytes at a multiple of ALIGN (a power
 * of two, at least MM_QUANTUM); NULL when refused. What is cut off in front
 * of the aligned payload, and behind it, stays free.
 */
struct block *block_alloc(struct heap *heap, uint64_t size, uint64_t align,
                          enum mm_use use)
{
    uint32_t quanta = quanta_for(use == MM_USE_CALLER
                                     ? size + heap->trailer_bytes : size);
    uint32_t align_quanta = (uint32_t)(align / MM_QUANTUM);
    struct block *block;

    if (heap_policy(heap) != NULL)
        quanta = policy_round(heap, quanta);
    if (quanta > heap->span_quanta) {
        heap->refusal = MM_TOO_LARGE;
        return NULL;
    }
    if (use == MM_USE_CALLER && align_quanta == 1 && heap->keep > 0 &&
        (block = block_reuse(heap, quanta, size)) != NULL)
        return block;
    block = block_find(heap, quanta, align_quanta);
    if (block == NULL)
        return NULL;

    uint32_t all = block_quanta(block);
    uint32_t gap = align_quanta == 1 ? 0
                                     : block_gap(heap, block, align_quanta);

    if (heap_policy(heap) != NULL && heap->policy->cut != NULL) {
        block = policy_cut(heap, block, quanta);
    } else if (gap == 0 && all > quanta) {
        struct block *rest = block_split(heap, block, quanta);

        block_list_replace(heap, block, all, rest, all - quanta);
    } else {
        block_list_remove(heap, block, all);
        if (gap > 0) {
            struct block *aligned = block_split(heap, block, gap);

            block_list_insert(heap, block);
            block = aligned;
        }
        if (block_quanta(block) > quanta)
            block_list_insert(heap, block_split(heap, block, quanta));
    }
    block_take(heap, block, use, use == MM_USE_CALLER ? size : 0);
    if (use == MM_USE_CALLER && heap->keep > 0)
        kept_miss(heap, quanta);
    if (heap_policy(heap) != NULL)
        policy_took(heap, block);
    return block;
}

/* One empty span is kept for the next request, with the pages it holds; a
 * second one leaves. */
static void span_retire(struct heap *heap, struct span *span)
{
    uint32_t page = (uint32_t)(heap_at(heap, span) / MM_PAGE);

    if (heap->empty_span == HEAP_NO_SPAN)
        heap->empty_span = page;
    else if (heap->empty_span != page)
        span_shrink(heap, span);
}

/* What the free BLOCK, of spare_quanta or more, has to spare goes back: its
 * span, or the pages inside it when they are enough to be worth it. */
enum mm_fault block_spare(struct heap *heap, struct block *block)
{
    if (block_fills_span(block))
        span_retire(heap, span_of(heap, block));
    else if (heap->hollow_pages > 0 &&
             block_size(block) > heap->hollow_pages * MM_PAGE &&
             block_idle_pages(heap, block) >= heap->hollow_pages)
        block_give_back(heap, block);
    return MM_OK;
}

/* BLOCK, in the hand, joins its free neighbours; the whole goes on its list.
 * Answers the whole. */
static struct block *block_join(struct heap *heap, struct block *block)
{
    struct block *right = block_right(block), *left = block_left(block);
    uint32_t right_header = right->header;
    uint32_t right_quanta = header_quanta(right_header);
    bool join_right = !header_is_used(right_header);
    bool join_left = !block_is_first(block) && block_is_free(left);

    if (join_right)
        block_coalesce(heap, block, right);
    if (join_left) {
        uint32_t left_quanta = block_quanta(left);

        if (join_right)
            block_list_remove(heap, right, right_quanta);
        block_coalesce(heap, left, block);
        block_list_replace(heap, left, left_quanta, left, block_quanta(left));
        return left;
    }
    if (join_right)
        block_list_replace(heap, right, right_quanta, block,
                           block_quanta(block));
    else
        block_list_insert(heap, block);
    return block;
}

/* Frees the used BLOCK. In a checked heap it was vetted. */
enum mm_fault block_free(struct heap *heap, struct block *block,
                         enum mm_use use)
{
    if (heap_is_plain(heap))
        return block_free_quick(heap, block);

    block_release(heap, block, use);
    block = heap_policy(heap) == NULL ? block_join(heap, block)
                                      : policy_join(heap, block);
    if (heap_has_poison(heap))          /* over headers that a merge left */
        care_poison_block(heap, block);
    return block_quanta(block) >= heap->spare_quanta
               ? block_spare(heap, block) : MM_OK;
}

/* Whether the used BLOCK now has QUANTA, where it is. */
static bool block_resize_in_place(struct heap *heap, struct block *block,
                                  uint32_t quanta, uint64_t request)
{
    uint32_t before = block_quanta(block);
    struct block *right = block_right(block);

    if (heap_policy(heap) != NULL && !policy_resizes(heap, before, &quanta))
        return false;
    if (quanta > before) {
        if (!block_is_free(right) ||
            before + block_quanta(right) < quanta)
            return false;
        if (block_is_hollow(right)) {
            uint32_t start, end;

            block_needs(heap, block, before + block_quanta(right), 0, quanta,
                        &start, &end);
            if (!span_hold(heap, span_of(heap, block), start, end))
                return false;
        }
        if (heap->empty_span != HEAP_NO_SPAN && block_is_first(block))
            MM_ASSERT(heap->empty_span !=
                      heap_at(heap, span_of(heap, block)) / MM_PAGE);
    }
    block_resize(heap, block, quanta, request);
    return true;
}

/* ---- what the caller sees --------------------------------------------- */

static void *block_alloc_payload(struct heap *heap, uint64_t size,
                                 uint64_t align)
{
    struct block *block = block_alloc(heap, size, align, MM_USE_CALLER);

    return block == NULL ? NULL : block_payload(block);
}

/* Checks the request, picks the kind of memory for it, and asks there. */
static void *alloc_by_kind(struct heap *heap,
                           const struct heap_request *request)
{
    uint64_t size = request->size > 0 ? request->size : 1;
    uint64_t all = size + heap->trailer_bytes;
    uint64_t align = request->align > MM_QUANTUM ? request->align
                                                 : MM_QUANTUM;
    enum heap_kind kind = request->kind;

    if ((request->align != 0 && !mm_is_power_of_two(request->align)) ||
        align > (heap_has_one_span(heap) ? heap->span_bytes / 4
                                         : heap_arena_bytes(heap) / 2)) {
        heap->refusal = MM_BAD_ALIGNMENT;
        return NULL;
    }
    if (size > heap_arena_bytes(heap)) {
        heap->refusal = MM_TOO_LARGE;
        return NULL;
    }
    if (kind == HEAP_ANY) {
        /* A slot of 8 bytes is aligned to 8 only. */
        if (heap_wants_slot(heap, size) && align == MM_QUANTUM &&
            (all > 8 || request->align <= 8))
            kind = HEAP_SLOT;
        else
            kind = size <= heap->large_bytes && align <= heap->span_bytes / 4
                       ? HEAP_BLOCK : HEAP_LARGE;
    }

    switch (kind) {
    case HEAP_SLOT:
        if (all > SLOT_MAX_BYTES) {
            heap->refusal = MM_TOO_LARGE;
            return NULL;
        }
        if (align > MM_QUANTUM || (all <= 8 && request->align > 8)) {
            heap->refusal = MM_BAD_ALIGNMENT;
            return NULL;
        }

        void *slot = slot_alloc(heap, request->size);

        /* No room for another slot page may yet be room for one block. */
        if (slot != NULL || request->kind == HEAP_SLOT ||
            mm_is_damage((enum mm_fault)heap->refusal))
            return slot;
        return block_alloc_payload(heap, size, align);
    case HEAP_LARGE:
        if (heap_has_one_span(heap)) {
            heap->refusal = MM_TOO_LARGE;
            return NULL;
        }
        return large_alloc(heap, size, align);
    default:
        if (align > heap->span_bytes / 4) {
            heap->refusal = MM_BAD_ALIGNMENT;
            return NULL;
        }
        return block_alloc_payload(heap, size, align);
    }
}

/* Step REFUSE: nothing has changed, and this is why. */
static void refuse(struct heap *heap, uint64_t at, uint64_t request)
{
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_REFUSE,
        .at = at,
        .other = heap->refusal,
        .request = request,
    });
}

/* Frees in earnest what others have freed, what waits, what is kept, and
 * empty slot pages. Answers how many things these were. */
static uint32_t spare_free(struct heap *heap)
{
    uint32_t freed = heap_drain(heap, DRAIN_ALL);

    freed += care_flush(heap);
    freed += heap_flush_kept(heap);
    return freed + slots_trim(heap);
}

/* Gives back pages of tags that are not needed: how many. */
static uint32_t tags_trim(struct heap *heap)
{
    mm_lock(heap->home);

    uint32_t given = ranges_trim(heap->ranges);

    mm_unlock(heap->home);
    return given;
}

/*
 * Before a request is refused for want of memory: what this heap keeps for
 * itself goes, so that a refusal is true. Pages inside free blocks and empty
 * spans stay when there is no block, for they would not make one. Whether
 * anything went.
 */
static bool spare_go(struct heap *heap)
{
    uint32_t refusal = heap->refusal, examined = heap->examined;
    uint64_t went = spare_free(heap);

    went += refusal == MM_NO_BLOCK ? tags_trim(heap) : heap_trim(heap);
    heap_refusal_clear(heap);
    heap->refusal = refusal;
    heap->examined = examined;
    return went > 0;
}

/* The whole of heap_alloc_request(), rare cases included. */
static MM_COLD void *alloc_slowly(struct heap *heap,
                                  const struct heap_request *request)
{
    heap_refusal_clear(heap);

    void *payload = alloc_by_kind(heap, request);

    while (payload == NULL && heap->refusal < MM_TOO_LARGE && spare_go(heap))
        payload = alloc_by_kind(heap, request);
    if (payload == NULL)
        refuse(heap, (uint64_t)heap->refusal_quantum * MM_QUANTUM,
               request->size);
    else
        heap->refusal = MM_OK;          /* of what was tried first */
    if (payload != NULL && heap_has_trailers(heap))
        care_dress(heap, payload, request->size > 0 ? request->size : 1);
    return payload;
}

void *heap_alloc_slowly(struct heap *heap, uint64_t size)
{
    return alloc_slowly(heap, &(struct heap_request){ .size = size });
}

void *heap_alloc_request(struct heap *heap,
                         const struct heap_request *request)
{
    return request->kind == HEAP_ANY && request->align == 0
               ? heap_alloc(heap, request->size)
               : alloc_slowly(heap, request);
}

/* Whether PAYLOAD is handed out, and as whole as this heap's level of care can
 * tell. */
static enum mm_fault payload_vet(struct heap *heap, const void *payload)
{
    if (care_is_waiting(heap, payload))
        return heap_blame(heap, MM_NOT_LIVE, heap_at(heap, payload));

    enum mm_fault fault = heap_vet_address(heap, payload);

    return fault == MM_OK && heap_has_trailers(heap)
               ? care_vet(heap, payload) : fault;
}

/* Gives PAYLOAD back in earnest; in a checked heap it was vetted. */
enum mm_fault heap_give(struct heap *heap, void *payload)
{
    uint32_t tag = heap_tag_of(heap, payload);

    if (tag_what(tag) == SPAN_TAG_LARGE)
        return large_free(heap, payload);
    if (tag_owner(tag) != heap->owner)
        return heap_push_remote(heap,
                                heap->home->heap_of(heap->home->context,
                                                    tag_owner(tag)),
                                payload);
    if (tag_what(tag) == SPAN_TAG_SLOTS)
        return slot_free(heap, payload);
    if (block_keep(heap, block_of(payload)))
        return MM_OK;
    return block_free(heap, block_of(payload), MM_USE_CALLER);
}

/* The whole of heap_free(), rare cases included. */
enum mm_fault heap_free_slowly(struct heap *heap, void *payload)
{
    heap_refusal_clear(heap);
    if (payload == NULL)
        return MM_OK;
    if (heap_is_checked(heap) &&
        (payload_vet(heap, payload) != MM_OK ||
         (heap_waits(heap) &&
          care_wait(heap, payload, &payload) != MM_OK))) {
        refuse(heap, heap_at(heap, payload), 0);
        return heap->refusal;
    }
    return payload == NULL ? MM_OK : heap_give(heap, payload);
}

void *heap_alloc_slot(struct heap *heap, uint64_t size)
{
    heap_refusal_clear(heap);
    return slot_alloc(heap, size);
}

void *heap_alloc_block(struct heap *heap, uint64_t size)
{
    heap_refusal_clear(heap);

    void *payload = size <= heap->plain_bytes ? block_alloc_quick(heap, size)
                                              : heap_alloc_slowly(heap, size);

    if (payload != NULL)
        kept_miss(heap, quanta_for(size));
    return payload;
}

void heap_free_block(struct heap *heap, void *payload)
{
    struct block *block = block_of(payload);

    fast_block_uncount(heap, block_quanta(block));
    if (!block_keep(heap, block))
        block_free(heap, block, MM_USE_CALLER);
}

/* Whether PAYLOAD has SIZE bytes now, where it is. */
static bool resize_in_place(struct heap *heap, void *payload, uint64_t size)
{
    uint32_t slot, tag = heap_tag_of(heap, payload);
    uint64_t all = size + heap->trailer_bytes;

    if (tag_what(tag) != SPAN_TAG_LARGE && tag_owner(tag) != heap->owner) {
        /* Another thread's: not ours to cut, but it may do as it is. */
        uint64_t usable = heap_usable_size(heap, payload);

        return !heap_is_checked(heap) && size <= usable && size > usable / 2;
    }
    switch (tag_what(tag)) {
    case SPAN_TAG_SLOTS:
        slot = slot_bytes_of(heap, payload);
        if (all > SLOT_MAX_BYTES || slot_class(all) != slot_class(slot))
            return false;
        heap_emit(heap, (struct mm_event){
            .kind = MM_EVENT_RESIZE,
            .at = heap_at(heap, payload),
            .size = slot,
            .other = slot,
            .request = size,
        });
        return true;
    case SPAN_TAG_LARGE:
        return large_resize(heap, payload, size);
    default:
        return quanta_for(all) <= heap->span_quanta &&
               block_resize_in_place(heap, block_of(payload),
                                     quanta_for(all), size);
    }
}

void *heap_realloc(struct heap *heap, void *payload, uint64_t size)
{
    if (payload == NULL)
        return heap_alloc(heap, size);

    heap_refusal_clear(heap);
    if (size == 0)
        size = 1;
    if (heap_is_checked(heap) && payload_vet(heap, payload) != MM_OK) {
        refuse(heap, heap_at(heap, payload), size);
        return NULL;
    }
    if (size > heap_arena_bytes(heap)) {
        heap->refusal = MM_TOO_LARGE;
        refuse(heap, heap_at(heap, payload), size);
        return NULL;
    }
    if (resize_in_place(heap, payload, size)) {
        if (heap_has_trailers(heap))
            care_trail(heap, payload, size);
        return payload;
    }

    uint64_t kept = heap_usable_size(heap, payload);
    void *moved = heap_alloc(heap, size);

    if (moved == NULL)
        return NULL;
    uint32_t examined = heap->examined;

    __builtin_memcpy(moved, payload, (size_t)(size < kept ? size : kept));

    enum mm_fault fault = heap_free(heap, payload);

    if (fault != MM_OK && heap_waits(heap)) {   /* what waited is damaged */
        heap_free(heap, moved);
        heap->refusal = fault;
        return NULL;
    }
    heap->examined = examined;
    return moved;
}

/* All the bytes from PAYLOAD to the end of its block, slot or range. */
uint64_t heap_payload_bytes(const struct heap *heap, const void *payload)
{
    switch (tag_what(heap_tag_of(heap, payload))) {
    case SPAN_TAG_SLOTS:
        return slot_bytes_of(heap, payload);
    case SPAN_TAG_LARGE:
        return large_usable(heap, payload);
    default:
        return block_quanta_shared(block_of(payload)) * MM_QUANTUM -
               BLOCK_HEADER;
    }
}

uint64_t heap_usable_size(const struct heap *heap, const void *payload)
{
    return heap_has_trailers(heap) ? care_usable(heap, payload)
                                   : heap_payload_bytes(heap, payload);
}

/* Gives back what SPAN can spare: all of it, or pages inside free blocks. */
static void span_trim(struct heap *heap, struct span *span)
{
    struct block *block = span_first_block(heap, span);

    for (; !block_is_end(block); block = block_right(block)) {
        if (heap_is_checked(heap) &&
            (block_is_free(block) ? heap_vet_free(heap, block)
                                  : heap_vet_used(heap, block)) != MM_OK)
            return;
        if (block_is_used(block))
            continue;
        if (block_fills_span(block)) {
            span_shrink(heap, span);
            return;
        }
        block_give_back(heap, block);
    }
}

/* Goes on to the next of this heap's spans, from *PAGE on; NULL after the
 * last. *PAGE is behind it then. Under the lock, where there is one: other
 * heaps' ranges come and go. */
static struct span *span_next_locked(const struct heap *heap, uint32_t *page)
{
    while (*page < heap->ranges->page_count) {
        const struct range_tag *range = ranges_find(heap->ranges, *page);

        if (range == NULL)
            return NULL;

        struct span *span = span_at(heap, (uint64_t)range->start * MM_PAGE);

        *page = range->start + range->pages;
        if (range->type == RANGE_SPAN &&
            range->start % (heap->span_bytes / MM_PAGE) == 0 &&
            range->pages == heap->span_bytes / MM_PAGE &&
            span_head_is_possible(heap, span) && span->owner == heap->owner)
            return span;
    }
    return NULL;
}

static struct span *span_next(const struct heap *heap, uint32_t *page)
{
    mm_lock(heap->home);

    struct span *span = span_next_locked(heap, page);

    mm_unlock(heap->home);
    return span;
}

/* The pages of this heap's spans that have frames. */
static uint64_t heap_held_pages(const struct heap *heap)
{
    const struct span *span;
    uint64_t held = 0;

    for (uint32_t page = 0; (span = span_next(heap, &page)) != NULL;) {
        for (uint32_t i = 0; i < heap->span_bytes / MM_PAGE; i++)
            held += span_page_is_held(span, i);
    }
    return held;
}

uint64_t heap_trim(struct heap *heap)
{
    uint64_t held = heap_held_pages(heap), left;
    struct span *span;

    heap_refusal_clear(heap);
    spare_free(heap);
    for (uint32_t page = 0; (span = span_next(heap, &page)) != NULL;)
        span_trim(heap, span);
    left = heap_held_pages(heap);
    return tags_trim(heap) + (left < held ? held - left : 0);
}

void heap_settle(struct heap *heap)
{
    heap_refusal_clear(heap);
    heap_drain(heap, DRAIN_ALL);
    heap_flush_kept(heap);
    if (heap->empty_span != HEAP_NO_SPAN)
        span_shrink(heap, span_at(heap, (uint64_t)heap->empty_span * MM_PAGE));
}

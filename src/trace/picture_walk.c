/* SPDX-License-Identifier: MIT */
/*
 * picture_walk.c - a picture from memory, and the comparison of two
 *
 * Everything is read from where it lies: tiling, sizes and states from the
 * headers in order of address, both links of every free block from its
 * payload, the heads of the lists from the heap. Nothing is derived from
 * anything else, so that whatever disagrees with the replay is found.
 */
#include "picture.h"

/* ---- blocks and slots --------------- */

/* The word at AT, which lies in a held page of the arena. */
static uint32_t word_at(const struct heap *heap, uint64_t at)
{
    return *(const uint32_t *)heap_address(heap, at);
}

static void walk_links(struct picture *picture, const struct heap *heap,
                       uint64_t at)
{
    struct picture_block *block = &picture->blocks[at / MM_QUANTUM];

    if (!heap_page_is_held(heap, at)) {
        picture->walked_badly = true;
        return;
    }
    block->next = word_at(heap, at);
    block->previous = word_at(heap, at + sizeof(block_ref));
}

/* Marks the free slots of the page at AT, in the order of its list. */
static void walk_slot_list(struct picture *picture, const struct heap *heap,
                           uint64_t at, const struct slot_view *view)
{
    uint32_t offset = view->free;

    for (uint32_t i = 0; offset != 0; i++) {
        if (i == view->count || offset % PICTURE_GRAIN != 0 ||
            offset >= MM_SLOT_PAGE) {
            picture->walked_badly = true;
            return;
        }

        uint32_t next = slot_next(heap, at, offset);

        picture->slots[(at + offset) / PICTURE_GRAIN] = (uint16_t)next;
        offset = next;
    }
}

static void walk_slot_page(struct picture *picture, const struct heap *heap,
                           uint64_t at)
{
    struct slot_view view = slot_page_view(heap, at);

    if (!view.ok || at % MM_SLOT_PAGE != 0) {
        picture->walked_badly = true;
        return;
    }
    picture->slices[at / MM_SLOT_PAGE] = (struct picture_slots){
        .slot_bytes = (uint16_t)view.slot_bytes,
        .first = (uint16_t)view.first,
        .end = (uint16_t)(view.first + view.count * view.slot_bytes),
        .watermark = (uint16_t)view.watermark,
        .free = (uint16_t)view.free,
        .used = (uint16_t)view.used,
        .next = view.next, .previous = view.previous,
    };
    for (uint32_t i = 0; i < view.count; i++) {
        uint32_t offset = view.first + i * view.slot_bytes;

        if (slot_is_used(heap, at, offset))
            picture->slots[(at + offset) / PICTURE_GRAIN] = PICTURE_SLOT_USED;
    }
    walk_slot_list(picture, heap, at, &view);
}

static enum picture_what what_of(const struct heap_cursor *cursor)
{
    return cursor->large   ? PICTURE_LARGE
           : cursor->kept  ? PICTURE_KEPT
           : cursor->slots ? PICTURE_SLOTS
           : cursor->used  ? PICTURE_USED
                           : PICTURE_FREE;
}

/* Notes whose the span is that CURSOR is in. */
static void walk_owner(struct picture *picture,
                       const struct heap_cursor *cursor)
{
    uint64_t first = cursor->span_at / MM_PAGE;

    for (uint64_t i = 0; !cursor->large && cursor->left_size == 0 &&
                         i < cursor->span_bytes / MM_PAGE; i++)
        picture->page[first + i].owner = (uint8_t)cursor->owner;
}

static void walk_heap(struct picture *picture, const struct heap *heap)
{
    struct heap_cursor cursor;

    heap_walk(&cursor);
    while (heap_walk_next(heap, &cursor)) {
        if (cursor.fault != MM_OK ||
            cursor.at / MM_QUANTUM >= picture->quanta) {
            picture->walked_badly = true;
            continue;
        }
        walk_owner(picture, &cursor);
        picture->blocks[cursor.at / MM_QUANTUM] = (struct picture_block){
            .what = what_of(&cursor),
            .quanta = (uint32_t)(cursor.size / MM_QUANTUM),
        };
        if (!cursor.used)
            walk_links(picture, heap, cursor.at);
        else if (cursor.slots)
            walk_slot_page(picture, heap, cursor.at);
        else if (cursor.kept)
            picture->blocks[cursor.at / MM_QUANTUM].next =
                word_at(heap, cursor.at);
    }
}

/* The payloads that wait, from FIRST on. */
static void walk_remote(struct picture *picture, const struct heap *heap,
                        uint64_t first)
{
    uint64_t left = (uint64_t)picture->pages * (MM_PAGE / PICTURE_GRAIN);

    for (uint64_t at = first, next; at != 0 && left > 0; at = next, left--) {
        next = heap_remote_before(heap, at);
        picture->remote[at / PICTURE_GRAIN] =
            1 + (uint32_t)(next / PICTURE_GRAIN);
    }
}

/* The heads of HEAP's lists, and what other threads have freed of it. */
static void walk_lists(struct picture *picture, const struct heap *heap)
{
    if (heap->owner >= PICTURE_HEAPS) {
        picture->walked_badly = true;
        return;
    }

    struct picture_lists *lists = &picture->heap[heap->owner];

    for (unsigned k = 0; k < HEAP_LISTS; k++)
        lists->lists[k] = heap->lists[k];
    for (unsigned k = 0; k < SLOT_CLASSES; k++)
        lists->slot_lists[k] = heap->slot_lists[k];
    for (unsigned k = 0; k < KEPT_SIZES; k++)
        lists->kept[k] = heap->kept[k].first;
    lists->remote = heap->remote;
    lists->drained = heap->drained;
    walk_remote(picture, heap, heap_remote_last(heap));
    walk_remote(picture, heap, heap_drained_next(heap));
}

/* ---- pages and frames --------------- */

static void walk_ranges(struct picture *picture, const struct ranges *ranges)
{
    const struct range_tag *tag = ranges_find(ranges, 0);
    uint32_t page = 0;

    while (tag != NULL && tag->start == page && tag->pages > 0 &&
           tag->pages <= picture->pages - page) {
        picture->page[page].pages = tag->pages;
        picture->page[page].type = tag->type;
        page += tag->pages;
        tag = page < picture->pages ? ranges_next(ranges, tag) : NULL;
    }
    if (page != picture->pages)
        picture->walked_badly = true;
}

static void walk_held(struct picture *picture,
                      const struct picture_source *source)
{
    for (uint32_t page = 0; page < picture->pages; page++)
        picture->page[page].held =
            source->held != NULL
                ? source->held(source->context, page)
                : heap_page_is_held(source->heap, (uint64_t)page * MM_PAGE);
}

struct frame_walk {
    struct picture *picture;
    uint32_t left;              /* places of the stack still to be filled */
    pfn_t holder;               /* whose numbers we are among, or FRAME_NONE */
};

/* The next frame in the order in which they will be handed out. */
static void stack_frame(struct frame_walk *walk, pfn_t pfn)
{
    struct picture *picture = walk->picture;

    if (walk->left == 0 || pfn >= picture->frame_end) {
        picture->walked_badly = true;
        return;
    }
    picture->frame_stack[--walk->left] = pfn;
    picture->frame[pfn] = PICTURE_FRAME_FREE;
}

/* A holder is visited before its numbers, and handed out after them. */
static void visit_frame(void *context, pfn_t pfn, bool holder)
{
    struct frame_walk *walk = context;

    if (!holder) {
        stack_frame(walk, pfn);
        return;
    }
    if (walk->holder != FRAME_NONE)
        stack_frame(walk, walk->holder);
    walk->holder = pfn;
}

static void walk_frames(struct picture *picture, const struct frames *frames)
{
    if (frames->region_count != picture->region_count ||
        frames->free_count > picture->frame_end) {
        picture->walked_badly = true;
        return;
    }
    for (uint32_t i = 0; i < picture->region_count; i++) {
        struct frames_region *region = &picture->regions[i];

        *region = frames->regions[i];
        for (pfn_t pfn = region->start;
             pfn < region->watermark && pfn < picture->frame_end; pfn++) {
            if (frame_is_used(frames, pfn))
                picture->frame[pfn] = PICTURE_FRAME_OWNED;
        }
    }
    picture->free_frames = frames->free_count;

    struct frame_walk walk = { picture, picture->free_frames, FRAME_NONE };

    if (frames_walk(frames, visit_frame, &walk) != MM_OK)
        picture->walked_badly = true;
    if (walk.holder != FRAME_NONE)
        stack_frame(&walk, walk.holder);
}

void picture_walk(struct picture *picture,
                  const struct picture_source *source)
{
    picture_clear(picture);
    walk_heap(picture, source->heap);
    walk_lists(picture, source->heap);
    for (uint32_t i = 0; i < source->thread_count; i++)
        if (source->threads[i] != NULL)
            walk_lists(picture, source->threads[i]);
    if (source->ranges != NULL)
        walk_ranges(picture, source->ranges);
    walk_held(picture, source);
    if (source->frames != NULL && picture->region_count > 0)
        walk_frames(picture, source->frames);
}

/* ---- the comparison --------------- */

/* Notes a difference when there is one; true when there is. */
static bool differ(struct picture_difference *difference, const char *what,
                   uint64_t at, uint64_t left, uint64_t right)
{
    if (left == right)
        return false;
    *difference = (struct picture_difference){ what, at, left, right };
    return true;
}

/* Whether COUNT things of SIZE bytes are the same, byte for byte: the quick
 * answer, which is nearly always yes. */
static bool same(const void *left, const void *right, size_t count,
                 size_t size)
{
    return __builtin_memcmp(left, right, count * size) == 0;
}

static bool blocks_differ(const struct picture *left,
                          const struct picture *right,
                          struct picture_difference *difference)
{
    bool quick = same(left->blocks, right->blocks, left->quanta,
                      sizeof *left->blocks);

    for (uint32_t i = 0; i < left->quanta && !quick; i++) {
        const struct picture_block *a = &left->blocks[i];
        const struct picture_block *b = &right->blocks[i];
        uint64_t at = (uint64_t)i * MM_QUANTUM;

        if (differ(difference, "what a block is", at, a->what, b->what) ||
            differ(difference, "a block's size in quanta", at, a->quanta,
                   b->quanta) ||
            differ(difference, "the next free block", at, a->next, b->next) ||
            differ(difference, "the previous free block", at, a->previous,
                   b->previous))
            return true;
    }
    return false;
}

/* The lists of heap number I. */
static bool lists_differ(const struct picture *left,
                         const struct picture *right, unsigned i,
                         struct picture_difference *difference)
{
    const struct picture_lists *a = &left->heap[i], *b = &right->heap[i];

    if (same(a, b, 1, sizeof *a))
        return false;
    for (unsigned k = 0; k < HEAP_LISTS; k++) {
        if (differ(difference, "the head of a free list", k, a->lists[k],
                   b->lists[k]))
            return true;
    }
    for (unsigned k = 0; k < KEPT_SIZES; k++) {
        if (differ(difference, "the head of a list of kept blocks", k,
                   a->kept[k], b->kept[k]))
            return true;
    }
    for (unsigned k = 0; k < SLOT_CLASSES; k++) {
        if (differ(difference, "the head of a list of slot pages", k,
                   a->slot_lists[k], b->slot_lists[k]))
            return true;
    }
    return differ(difference, "the head of a remote list", i, a->remote,
                  b->remote) ||
           differ(difference, "what was drained and not freed", i,
                  a->drained, b->drained);
}

static bool remotes_differ(const struct picture *left,
                           const struct picture *right,
                           struct picture_difference *difference)
{
    uint32_t grains = left->pages * (MM_PAGE / PICTURE_GRAIN);
    bool quick = same(left->remote, right->remote, grains,
                      sizeof *left->remote);

    for (uint32_t i = 0; i < grains && !quick; i++) {
        if (differ(difference, "the next on a remote list",
                   (uint64_t)i * PICTURE_GRAIN, left->remote[i],
                   right->remote[i]))
            return true;
    }
    for (unsigned i = 0; i < PICTURE_HEAPS; i++) {
        if (lists_differ(left, right, i, difference))
            return true;
    }
    return false;
}

static bool slots_differ(const struct picture *left,
                         const struct picture *right,
                         struct picture_difference *difference)
{
    uint32_t grains = left->pages * (MM_PAGE / PICTURE_GRAIN);
    bool quick = same(left->slots, right->slots, grains,
                      sizeof *left->slots);

    for (uint32_t i = 0; i < left->pages * (MM_PAGE / MM_SLOT_PAGE); i++) {
        const struct picture_slots *a = &left->slices[i];
        const struct picture_slots *b = &right->slices[i];
        uint64_t at = (uint64_t)i * MM_SLOT_PAGE;

        if (differ(difference, "a slot page's class", at, a->slot_bytes,
                   b->slot_bytes) ||
            differ(difference, "a slot page's first slot", at, a->first,
                   b->first) ||
            differ(difference, "a slot page's end", at, a->end, b->end) ||
            differ(difference, "a slot page's watermark", at, a->watermark,
                   b->watermark) ||
            differ(difference, "a slot page's free slot", at, a->free,
                   b->free) ||
            differ(difference, "a slot page's count of used slots", at,
                   a->used, b->used) ||
            differ(difference, "the next slot page", at, a->next, b->next) ||
            differ(difference, "the previous slot page", at, a->previous,
                   b->previous))
            return true;
    }
    for (uint32_t i = 0; i < grains && !quick; i++) {
        if (differ(difference, "a slot", (uint64_t)i * PICTURE_GRAIN,
                   left->slots[i], right->slots[i]))
            return true;
    }
    return false;
}

static bool pages_differ(const struct picture *left,
                         const struct picture *right,
                         struct picture_difference *difference)
{
    for (uint32_t i = 0; i < left->pages; i++) {
        const struct picture_page *a = &left->page[i], *b = &right->page[i];
        uint64_t at = (uint64_t)i * MM_PAGE;

        if (differ(difference, "a range's pages", at, a->pages, b->pages) ||
            (a->pages != 0 &&
             differ(difference, "a range's type", at, a->type, b->type)) ||
            differ(difference, "whether a page is held", at, a->held,
                   b->held) ||
            differ(difference, "whose a page is", at, a->owner, b->owner))
            return true;
    }
    return false;
}

static bool frames_differ(const struct picture *left,
                          const struct picture *right,
                          struct picture_difference *difference)
{
    for (uint32_t i = 0; i < left->region_count; i++) {
        if (differ(difference, "a region's watermark", i,
                   left->regions[i].watermark, right->regions[i].watermark))
            return true;
    }
    for (uint32_t i = 0; i < left->frame_end; i++) {
        if (differ(difference, "a frame's state", i, left->frame[i],
                   right->frame[i]))
            return true;
    }
    if (differ(difference, "the number of free frames", 0, left->free_frames,
               right->free_frames))
        return true;
    for (uint32_t i = 0; i < left->free_frames; i++) {
        if (differ(difference, "the order of the free frames", i,
                   left->frame_stack[i], right->frame_stack[i]))
            return true;
    }
    return false;
}

bool picture_differs(const struct picture *left, const struct picture *right,
                     struct picture_difference *difference)
{
    return differ(difference, "the arena", 0, left->quanta, right->quanta) ||
           differ(difference, "the number of regions", 0, left->region_count,
                  right->region_count) ||
           differ(difference, "whether the memory could be walked", 0,
                  left->walked_badly, right->walked_badly) ||
           blocks_differ(left, right, difference) ||
           slots_differ(left, right, difference) ||
           remotes_differ(left, right, difference) ||
           pages_differ(left, right, difference) ||
           frames_differ(left, right, difference);
}

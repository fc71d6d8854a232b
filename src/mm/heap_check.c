/* SPDX-License-Identifier: MIT */
/*
 * heap_check.c - the invariants of heap.c and slots.c, checked in any memory
 *
 * Trusts nothing, changes nothing, and ends whatever the memory contains.
 * Three accounts of the same blocks meet here: by address (the headers, left
 * to right), by size (the free lists), and the live bits. Where two of them
 * disagree an invariant is broken, and the answer names it in the words of
 * the theory, so that a failing test, the shell's `check` and the lesson say
 * the same thing.
 */
#include "heap_policy.h"

static const char *const i1 = "I1: blocks tile the span";
static const char *const i2 =
    "I2: a header's left size is its left neighbour's own size";
static const char *const i3 = "I3: no two free blocks are neighbours";
static const char *const i4 = "I4: a free block is on the list of its size, "
                              "once, and no other block is on a list";
static const char *const i5 = "I5: on a list, links lead back, and the map "
                              "says which lists are not empty";
static const char *const i6 =
    "I6: pages under headers, links and used blocks are held";
static const char *const i7 =
    "I7: a free block is hollow when a page inside it is not held";
static const char *const i8 =
    "I8: a live bit is set where a used block's payload starts";
static const char *const i9 = "I9: a slice tagged SLOTS is one used block";
static const char *const i10 =
    "I10: a span's head says what it is, how long, and whose";
static const char *const p1 = "P1: the one list is in order of address";
static const char *const c1 =
    "C1: every payload that is handed out has a whole trailer and slack";
static const char *const c2 =
    "C2: the ends of every free block and slot have their pattern";
static const char *const r1 = "R1: tags tile the arena";
static const char *const s1 =
    "S1: a slot below the watermark is free and listed once, or handed out";
static const char *const s2 = "S2: a slot page's count is that of its slots";
static const char *const s3 =
    "S3: a slot page with room is on the list of its class, once";
static const char *const s4 = "S4: a slot's bit is set when it is handed out";
static const char *const s5 = "S5: a slot page's slots are of its class";

static const char *const t1 = "T1: what waits on a remote list is in use, in "
                              "a span of the list's owner, and there once";

static bool broken(struct heap_damage *damage, const char *invariant,
                   uint64_t at)
{
    damage->invariant = invariant;
    damage->at = at;
    return false;
}

/* Whether all pages of the bytes [START, END) of the arena are held. */
static bool bytes_are_held(const struct heap *heap, uint64_t start,
                           uint64_t end)
{
    for (uint64_t at = mm_round_down(start, MM_PAGE); at < end; at += MM_PAGE)
        if (!heap_page_is_held(heap, at))
            return false;
    return true;
}

/* I6 and I7 for the block under CURSOR. */
static bool check_pages(const struct heap *heap,
                        const struct heap_cursor *cursor,
                        struct heap_damage *damage)
{
    uint64_t start = cursor->at - BLOCK_HEADER;
    uint64_t end = start + cursor->size;
    bool hole;

    if (cursor->used) {
        if (!bytes_are_held(heap, start, end))
            return broken(damage, i6, cursor->at);
        return true;
    }
    if (!bytes_are_held(heap, start, start + BLOCK_LINKED_BYTES))
        return broken(damage, i6, cursor->at);

    uint64_t inner = mm_round_up(start + BLOCK_LINKED_BYTES, MM_PAGE);
    uint64_t inner_end = mm_round_down(end, MM_PAGE);

    hole = inner < inner_end && !bytes_are_held(heap, inner, inner_end);
    return hole == cursor->hollow ? true : broken(damage, i7, cursor->at);
}

/* I8 between the payload of the block under CURSOR and the next block's. */
static bool check_live(const struct heap *heap,
                       const struct heap_cursor *cursor,
                       struct heap_damage *damage)
{
    if (!heap_is_checked(heap))
        return true;
    if (live_is_set(heap, cursor->at) != (cursor->used && !cursor->kept))
        return broken(damage, i8, cursor->at);
    for (uint64_t at = cursor->at + MM_QUANTUM;
         at < cursor->at + cursor->size; at += MM_QUANTUM)
        if (live_is_set(heap, at))
            return broken(damage, i8, at);
    return true;
}

/* Whether the payload at AT in a span of heap number OWNER has its trailer and
 * slack. The link of a remote list covers the slack of less than a word. */
static bool care_is_whole(const struct heap *heap, uint32_t owner,
                          uint64_t at)
{
    const void *payload = heap_address(heap, at);
    const struct mm_home *home = heap->home;

    if (care_trailer_is_whole(heap, payload))
        return true;
    if (owner != heap->owner && home->heap_of != NULL)
        heap = home->heap_of(home->context, owner);
    return heap != NULL && care_usable(heap, payload) < sizeof(uint32_t) &&
           heap_remote_has(heap, at);
}

/* C1 and C2 for the block under CURSOR. */
static bool check_care(const struct heap *heap,
                       const struct heap_cursor *cursor,
                       struct heap_damage *damage)
{
    const void *payload = heap_address(heap, cursor->at);

    if (!cursor->used)
        return !heap_has_poison(heap) ||
               care_block_is_poisoned(heap, block_of(payload))
                   ? true : broken(damage, c2, cursor->at);
    if (cursor->kept || cursor->slots || !heap_has_trailers(heap) ||
        care_is_waiting(heap, payload) ||
        care_is_whole(heap, cursor->owner, cursor->at))
        return true;
    return broken(damage, c1, cursor->at);
}

/* I9: the tags of the slices in which the block under CURSOR lies. */
static bool check_tags(const struct heap *heap,
                       const struct heap_cursor *cursor,
                       struct heap_damage *damage)
{
    struct span *span = span_at(heap, cursor->span_at);
    uint64_t start = mm_round_up(cursor->at, MM_SLOT_PAGE);
    uint64_t end = cursor->at - BLOCK_HEADER + cursor->size;

    for (uint64_t at = start; at < end; at += MM_SLOT_PAGE) {
        uint32_t tag = *span_tag_of(heap, span, heap_address(heap, at));
        bool slots = tag_what(tag) == SPAN_TAG_SLOTS;
        bool begins = cursor->slots && at == cursor->at;

        if (slots != begins ||
            (!slots && tag != span_tag(SPAN_TAG_BLOCKS, span->owner)))
            return broken(damage, i9, at);
    }
    if (cursor->slots && cursor->size != MM_SLOT_PAGE)
        return broken(damage, i9, cursor->at);
    return true;
}

/* S1, S2, S4, S5 of the slot page at AT. */
static bool check_slot_page(const struct heap *heap, uint64_t at,
                            struct heap_damage *damage)
{
    struct slot_view view = slot_page_view(heap, at);
    uint32_t listed = 0, used = 0, below;

    if (!view.ok ||
        tag_class(heap_tag_of(heap, heap_address(heap, at))) !=
            slot_class(view.slot_bytes))
        return broken(damage, s5, at);
    below = (view.watermark - view.first) / view.slot_bytes;
    for (uint32_t i = 0; i < below; i++) {
        uint32_t offset = view.first + i * view.slot_bytes;
        bool is_used = slot_is_used(heap, at, offset);

        used += is_used;
        if (is_used && heap_has_trailers(heap) &&
            !care_is_waiting(heap, heap_address(heap, at + offset)) &&
            !care_is_whole(heap, span_of(heap, heap_address(heap, at))->owner,
                           at + offset))
            return broken(damage, c1, at + offset);
        if (!is_used && heap_has_poison(heap) &&
            !care_slot_is_poisoned(heap_address(heap, at + offset),
                                   view.slot_bytes))
            return broken(damage, c2, at + offset);
    }
    if (used != view.used)
        return broken(damage, heap_is_checked(heap) ? s4 : s2, at);

    for (uint32_t slot = view.free, next; slot != 0; slot = next) {
        next = slot_next(heap, at, slot);
        if (heap_is_checked(heap) && slot_is_used(heap, at, slot))
            return broken(damage, s4, at + slot);
        if (++listed > below ||         /* a ring, or a link to nowhere */
            (next == 0 &&
             *(const uint32_t *)heap_address(heap, at + slot) != 0))
            return broken(damage, s1, at + slot);
    }
    return listed + used == below ? true : broken(damage, s1, at);
}

/* What one pass by address, or by size, has seen of the free blocks. The two
 * sums differ when the passes have not seen the same blocks. */
struct account {
    uint64_t count, sum, squares;
};

static void account_add(struct account *account, uint64_t at)
{
    account->count++;
    account->sum += at;
    account->squares += at * at;
}

static bool accounts_meet(const struct account *a, const struct account *b)
{
    return a->count == b->count && a->sum == b->sum &&
           a->squares == b->squares;
}

/* The first and last words of the span under CURSOR. */
static bool check_span_edges(const struct heap *heap,
                             const struct heap_cursor *cursor,
                             struct heap_damage *damage)
{
    uint64_t start = cursor->span_at, end = start + heap->span_bytes;
    const struct block *last = span_end_block(heap, span_at(heap, start));

    if (!bytes_are_held(heap, start, start + heap->head_bytes) ||
        !bytes_are_held(heap, end - BLOCK_HEADER, end))
        return broken(damage, i6, start);
    if (!block_is_end(last) || !block_is_used(last))
        return broken(damage, i1, block_at_bytes(heap, last));
    return true;
}

/* The end word repeats the size of the last block, under CURSOR; and what the
 * head says of held pages is true of its bits. */
static bool check_end_word(const struct heap *heap,
                           const struct heap_cursor *cursor,
                           struct heap_damage *damage)
{
    const struct span *span = span_at(heap, cursor->span_at);
    const struct block *end = span_end_block(heap, span);

    if (cursor->at + cursor->size != cursor->span_at + cursor->span_bytes)
        return true;
    if ((uint64_t)block_left_quanta(end) * MM_QUANTUM != cursor->size)
        return broken(damage, i2, block_at_bytes(heap, end));
    return span->solid == span_solid(heap, span)
               ? true : broken(damage, i10, cursor->span_at);
}

/* I3 of the free block under CURSOR, whose left neighbour is free: a policy
 * may let the two stay apart. */
static bool left_must_join(const struct heap *heap,
                           const struct heap_cursor *cursor)
{
    const struct block *block = block_of(heap_address(heap, cursor->at));

    return heap_policy(heap) == NULL ||
           policy_joins(heap, block_left(block), block);
}

/* By address: I1, I2, I3, I6 to I9 and the slot pages. */
static bool check_by_address(const struct heap *heap,
                             struct heap_damage *damage,
                             struct account *free_blocks)
{
    struct heap_cursor cursor;
    uint64_t span_start = UINT64_MAX, left_size = 0;
    bool left_is_free = false;

    heap_walk(&cursor);
    while (heap_walk_next(heap, &cursor)) {
        if (cursor.fault != MM_OK)
            return broken(damage,
                          cursor.fault == MM_BAD_TAG    ? r1
                          : cursor.fault == MM_BAD_SPAN ? i10 : i1,
                          cursor.at);
        if (cursor.large) {
            damage->larges++;
            if (!check_care(heap, &cursor, damage))
                return false;
            continue;
        }
        if (cursor.span_at != span_start) {
            damage->spans++;
            span_start = cursor.span_at;
            left_size = 0;
            left_is_free = false;
            if (!check_span_edges(heap, &cursor, damage))
                return false;
        }
        damage->blocks++;
        damage->slot_pages += cursor.slots;
        damage->free_blocks += !cursor.used;
        if (!cursor.used && cursor.owner == heap->owner)
            account_add(free_blocks, cursor.at);
        if (cursor.left_size != left_size)
            return broken(damage, i2, cursor.at);
        if (!cursor.used && left_is_free &&
            left_must_join(heap, &cursor))
            return broken(damage, i3, cursor.at);
        if (!check_pages(heap, &cursor, damage) ||
            !check_live(heap, &cursor, damage) ||
            !check_tags(heap, &cursor, damage) ||
            !check_end_word(heap, &cursor, damage) ||
            !check_care(heap, &cursor, damage) ||
            (cursor.slots && !check_slot_page(heap, cursor.at, damage)))
            return false;
        if (heap_policy(heap) != NULL && heap->policy->holds != NULL &&
            !heap->policy->holds(heap,
                                 block_of(heap_address(heap, cursor.at))))
            return broken(damage, heap->policy->adds, cursor.at);
        left_size = cursor.size;
        left_is_free = !cursor.used;
    }
    return true;
}

/* The free block that is on no list, or the block that should be on none:
 * the accounts have not met, and this finds out where. Slow. */
static uint64_t find_stranger(const struct heap *heap)
{
    for (unsigned k = 0; k < HEAP_LISTS; k++) {
        for (block_ref ref = heap->lists[k]; ref != BLOCK_NIL;) {
            uint64_t at = (uint64_t)ref * MM_QUANTUM;
            struct heap_cursor cursor;

            if (!heap_walk_find(heap, at, &cursor) || cursor.at != at)
                return at;
            ref = block_of(heap_address(heap, at))->next;
        }
    }

    struct heap_cursor cursor;

    heap_walk(&cursor);
    while (heap_walk_next(heap, &cursor)) {
        if (cursor.used || cursor.owner != heap->owner)
            continue;

        unsigned k = block_list_of(heap,
                                   (uint32_t)(cursor.size / MM_QUANTUM));
        block_ref ref = heap->lists[k];

        while (ref != BLOCK_NIL && (uint64_t)ref * MM_QUANTUM != cursor.at)
            ref = block_of(heap_address(heap,
                                        (uint64_t)ref * MM_QUANTUM))->next;
        if (ref == BLOCK_NIL)
            return cursor.at;
    }
    return 0;
}

/* By size: I4 and I5. */
static bool check_by_size(const struct heap *heap, struct heap_damage *damage,
                          const struct account *free_blocks)
{
    struct account listed = { 0 };

    for (unsigned k = 0; k < HEAP_LISTS; k++) {
        block_ref ref = heap->lists[k], previous = BLOCK_NIL;

        if (class_map_has(heap->map, k) != (ref != BLOCK_NIL))
            return broken(damage, i5, 0);
        while (ref != BLOCK_NIL) {
            uint64_t at = (uint64_t)ref * MM_QUANTUM;

            if (at >= heap_arena_bytes(heap) ||
                !heap_page_is_held(heap, at - BLOCK_HEADER))
                return broken(damage, i5, (uint64_t)previous * MM_QUANTUM);

            const struct block *block = block_of(heap_address(heap, at));

            if (block->previous != previous)
                return broken(damage, i5, at);
            account_add(&listed, at);
            if (block_is_used(block) || block_is_end(block) ||
                block_list_of(heap, block_quanta(block)) != k ||
                listed.count > free_blocks->count)
                return broken(damage, i4, at);
            if (heap_policy(heap) != NULL && heap->policy->one_list &&
                heap->order == HEAP_BY_ADDRESS && ref <= previous)
                return broken(damage, p1, at);
            previous = ref;
            ref = block->next;
        }
    }
    if (!accounts_meet(&listed, free_blocks))
        return broken(damage, i4, find_stranger(heap));
    return true;
}

/* S3: the lists of slot pages with room. */
static bool check_slot_lists(const struct heap *heap,
                             struct heap_damage *damage)
{
    struct heap_cursor cursor;
    uint64_t with_room = 0, listed = 0;

    heap_walk(&cursor);
    while (heap_walk_next(heap, &cursor)) {
        if (!cursor.slots || cursor.owner != heap->owner)
            continue;

        struct slot_view view = slot_page_view(heap, cursor.at);

        with_room += view.used < view.count;
    }
    for (unsigned class = 0; class < SLOT_CLASSES; class++) {
        block_ref ref = heap->slot_lists[class], previous = BLOCK_NIL;

        while (ref != BLOCK_NIL) {
            uint64_t at = (uint64_t)ref * MM_QUANTUM;

            if (at >= heap_arena_bytes(heap) || at % MM_SLOT_PAGE != 0 ||
                !heap_page_is_held(heap, at))
                return broken(damage, s3, (uint64_t)previous * MM_QUANTUM);

            struct slot_view view = slot_page_view(heap, at);

            if (!view.ok || slot_class(view.slot_bytes) != class ||
                view.used >= view.count || view.previous != previous ||
                ++listed > with_room)
                return broken(damage, s3, at);
            previous = ref;
            ref = view.next;
        }
    }
    return listed == with_room ? true : broken(damage, s3, 0);
}

/* Whether what starts at AT is in use, in a span of HEAP's. */
static bool is_own_payload(const struct heap *heap, uint64_t at)
{
    struct heap_cursor cursor;

    if (!heap_walk_find(heap, at, &cursor) || cursor.large ||
        cursor.owner != heap->owner || !cursor.used || cursor.kept)
        return false;
    if (!cursor.slots)
        return cursor.at == at;
    return slot_is_used(heap, cursor.at, (uint32_t)(at - cursor.at));
}

/* T1 of the list whose head is HEAD, which leads to FIRST. A payload that is
 * on a list twice has made a ring of it. */
static bool check_remote_list(const struct heap *heap, uint32_t head,
                              uint64_t first, struct heap_damage *damage)
{
    uint64_t most = heap_arena_bytes(heap) / 8;

    if (head != 0 && first == 0)
        return broken(damage, t1, 0);
    for (uint64_t at = first, before; at != 0; at = before) {
        before = heap_remote_before(heap, at);
        if (!is_own_payload(heap, at) || damage->remote++ == most ||
            (before == 0 && *(const uint32_t *)heap_address(heap, at) != 0))
            return broken(damage, t1, at);
    }
    return true;
}

/* T1. */
static bool check_remote(const struct heap *heap, struct heap_damage *damage)
{
    return check_remote_list(heap, heap->remote, heap_remote_last(heap),
                             damage) &&
           check_remote_list(heap, heap->drained, heap_drained_next(heap),
                             damage);
}

bool heap_check(const struct heap *heap, struct heap_damage *damage)
{
    struct account free_blocks = { 0 };

    *damage = (struct heap_damage){ 0 };
    return check_by_address(heap, damage, &free_blocks) &&
           check_by_size(heap, damage, &free_blocks) &&
           check_slot_lists(heap, damage) && check_remote(heap, damage);
}

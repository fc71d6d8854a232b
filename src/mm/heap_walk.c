/* SPDX-License-Identifier: MIT */
/*
 * heap_walk.c - looking at a heap, block by block, in order of address
 *
 * For those who show or check memory. Reads only, trusts nothing: a size is
 * checked before it is followed, and each step goes up in address, so that a
 * walk ends in any memory. Where a header makes no sense the cursor says so
 * and goes on with the next span.
 */
#include "heap_parts.h"

void heap_walk(struct heap_cursor *cursor)
{
    *cursor = (struct heap_cursor){ .page = 0 };
}

static void cursor_read(const struct heap *heap, struct heap_cursor *cursor)
{
    const struct block *block = block_of(heap_address(heap, cursor->at));
    struct span *span = span_at(heap, cursor->span_at);
    uint64_t end = cursor->span_at + cursor->span_bytes;

    cursor->header = block->header;
    cursor->owner = span->owner;
    cursor->size = block_size(block);
    cursor->left_size = (uint64_t)block_left_quanta(block) * MM_QUANTUM;
    cursor->used = block_is_used(block);
    cursor->hollow = !cursor->used && block_is_hollow(block);
    cursor->kept = cursor->used && block_is_kept(block);
    cursor->slots = cursor->used && cursor->at % MM_SLOT_PAGE == 0 &&
                    tag_what(*span_tag_of(heap, span, block_payload(block)))
                        == SPAN_TAG_SLOTS;
    cursor->fault = MM_OK;
    if (cursor->size == 0 || cursor->at + cursor->size > end)
        cursor->fault = MM_BAD_HEADER;
}

/* Puts CURSOR on the first block of the next span, or on the next large
 * range, from CURSOR->page on. */
static bool cursor_next_span(const struct heap *heap,
                             struct heap_cursor *cursor)
{
    while (cursor->page < heap->ranges->page_count) {
        const struct range_tag *range =
            ranges_find(heap->ranges, cursor->page);

        if (range == NULL ||
            range->pages > heap->ranges->page_count - cursor->page ||
            range->start != cursor->page) {
            *cursor = (struct heap_cursor){
                .page = heap->ranges->page_count,
                .at = (uint64_t)cursor->page * MM_PAGE,
                .fault = MM_BAD_TAG,
            };
            return true;
        }

        uint64_t at = (uint64_t)range->start * MM_PAGE;
        const struct span *span = span_at(heap, at);
        uint64_t bytes = (uint64_t)range->pages * MM_PAGE;
        uint32_t next_page = cursor->page + range->pages;

        if (range->type != RANGE_SPAN && range->type != RANGE_LARGE) {
            cursor->page = next_page;
            continue;
        }
        *cursor = (struct heap_cursor){
            .span_at = at,
            .span_bytes = bytes,
            .at = at,
            .page = next_page,
        };
        if (range->type == RANGE_LARGE) {
            cursor->large = cursor->used = true;
            cursor->size = bytes;
            cursor->at = at + span->owner;
            if (span->kind != SPAN_OF_LARGE || span->owner >= bytes) {
                cursor->fault = MM_BAD_SPAN;
                cursor->at = at;
            }
        } else if (!span_head_is_possible(heap, span) ||
                   bytes != heap->span_bytes ||
                   at % heap->span_bytes != 0) {
            cursor->fault = MM_BAD_SPAN;
        } else {
            cursor->at = at + heap->head_bytes + BLOCK_HEADER;
            cursor_read(heap, cursor);
        }
        return true;
    }
    return false;
}

bool heap_walk_next(const struct heap *heap, struct heap_cursor *cursor)
{
    /* Within a span: one block to the right, unless that is its end word. */
    if (cursor->span_bytes > 0 && !cursor->large &&
        cursor->fault == MM_OK) {
        uint64_t at = cursor->at + cursor->size;

        if (at < cursor->span_at + cursor->span_bytes) {
            cursor->at = at;
            cursor_read(heap, cursor);
            return true;
        }
    }
    return cursor_next_span(heap, cursor);
}

bool heap_walk_find(const struct heap *heap, uint64_t at,
                    struct heap_cursor *cursor)
{
    if (at >= heap_arena_bytes(heap))
        return false;

    const struct range_tag *range =
        ranges_find(heap->ranges, (uint32_t)(at / MM_PAGE));

    heap_walk(cursor);
    if (range == NULL ||
        (range->type != RANGE_SPAN && range->type != RANGE_LARGE))
        return false;
    cursor->page = range->start;
    if (!cursor_next_span(heap, cursor))
        return false;
    while (cursor->fault == MM_OK) {
        uint64_t start = cursor->large ? cursor->at
                                       : cursor->at - BLOCK_HEADER;
        uint64_t end = cursor->large ? cursor->span_at + cursor->span_bytes
                                     : start + cursor->size;

        if (at < start)
            return false;
        if (at < end)
            return true;
        if (cursor->large || end + BLOCK_HEADER >=
                                 cursor->span_at + cursor->span_bytes)
            return false;
        cursor->at += cursor->size;
        cursor_read(heap, cursor);
    }
    return false;
}

bool heap_page_is_held(const struct heap *heap, uint64_t at)
{
    if (at >= heap_arena_bytes(heap))
        return false;

    const struct range_tag *range =
        ranges_find(heap->ranges, (uint32_t)(at / MM_PAGE));

    if (range == NULL || range->type == RANGE_FREE)
        return false;
    if (range->type == RANGE_LARGE)     /* but for its guard */
        return at / MM_PAGE <
               range->start + range->pages - heap_guard_pages(heap);
    if (range->type != RANGE_SPAN)
        return true;
    if (range->pages != heap->span_bytes / MM_PAGE)
        return false;
    return span_page_is_held(span_at(heap, span_at_of(heap, at)),
                             (uint32_t)(at % heap->span_bytes / MM_PAGE));
}

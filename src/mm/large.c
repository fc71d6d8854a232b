/* SPDX-License-Identifier: MIT */
/*
 * large.c - requests too large for a span: ranges of their own
 *
 * A large request gets a run of pages of its own, all of them held, that
 * starts at a multiple of the span size: so the mask that leads from a
 * payload to its span's head leads here to a head that says LARGE (span.h has
 * the picture). `owner` of such a head is the payload's distance from it. A
 * payload that must itself be aligned to a span lies that far behind the head.
 *
 * There is no header, no list and no neighbour. The tree of ranges knows the
 * size, and freeing is giving the range back.
 *
 * At level of care `full` the range has one page more, the last one, that no
 * frame is behind, and the payload ends as near to it as its alignment allows:
 *
 *     +------+--------+---------------------------------------+-------+
 *     | head |        | payload                               | guard |
 *     +------+--------+---------------------------------------+-------+
 */
#include "heap_parts.h"

/* The head of the range of PAYLOAD. A payload that is aligned to whole spans
 * does not share a span with its head: then the tree of ranges knows. */
static struct span *large_head(const struct heap *heap, const void *payload)
{
    uint64_t at = heap_at(heap, payload);

    if (at % heap->span_bytes != 0)
        return span_of(heap, payload);

    const struct range_tag *range =
        ranges_find(heap->ranges, (uint32_t)(at / MM_PAGE));

    MM_REQUIRE(range != NULL && range->type == RANGE_LARGE,
               "this address was not handed out");
    return span_at(heap, (uint64_t)range->start * MM_PAGE);
}

/* The same, by who does not have the lock: the tree is everybody's. */
static struct span *large_head_locked(const struct heap *heap,
                                      const void *payload)
{
    mm_lock(heap->home);

    struct span *head = large_head(heap, payload);

    mm_unlock(heap->home);
    return head;
}

static void emit_pages(const struct heap *heap, enum mm_event_kind kind,
                       uint32_t page, uint32_t pages)
{
    heap_emit(heap, (struct mm_event){
        .kind = kind,
        .at = (uint64_t)page * MM_PAGE,
        .size = (uint64_t)pages * MM_PAGE,
    });
}

/* NULL when refused: the reason is in heap->refusal. */
void *large_alloc(struct heap *heap, uint64_t size, uint64_t align)
{
    uint64_t distance = align > SPAN_LARGE_HEAD ? align : SPAN_LARGE_HEAD;
    uint64_t all = size + heap->trailer_bytes;
    uint64_t bytes = mm_round_up(all + distance, MM_PAGE);
    uint32_t held = (uint32_t)(bytes / MM_PAGE);
    uint64_t room = mm_round_down(bytes - all - distance, align);

    if (heap_waits(heap) && distance + room < heap->span_bytes)
        distance += room;               /* close to the guard */

    struct range_request request = {
        .pages = held + heap_guard_pages(heap),
        .align_pages = (uint32_t)((align > heap->span_bytes
                                       ? align : heap->span_bytes) / MM_PAGE),
        .at = RANGE_ANYWHERE,
        .held = held,
        .type = RANGE_LARGE,
        .protection = RANGE_READ | RANGE_WRITE,
    };
    uint32_t page;

    mm_lock(heap->home);
    heap->refusal = ranges_alloc(heap->ranges, &request, &page);
    mm_unlock(heap->home);
    if (heap->refusal != MM_OK)
        return NULL;
    emit_pages(heap, MM_EVENT_HOLD, page, held);

    struct span *head = span_at(heap, (uint64_t)page * MM_PAGE);
    void *payload = (unsigned char *)head + distance;

    head->kind = SPAN_OF_LARGE;
    head->pages = request.pages;
    head->owner = (uint32_t)distance;
    if (distance < heap->span_bytes)
        *span_tag_of(heap, head, payload) =
            span_tag(SPAN_TAG_LARGE, heap->owner);
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_TAKE,
        .use = MM_USE_CALLER,
        .at = heap_at(heap, payload),
        .size = (uint64_t)request.pages * MM_PAGE,
        .request = size,
    });
    return payload;
}

/* Gives back the PAGES from PAGE on, of which the first HELD have frames. With
 * the lock. */
static enum mm_fault pages_give(struct heap *heap, uint32_t page,
                                uint32_t pages, uint32_t held)
{
    heap->home->release(heap->home->context, page, held);
    emit_pages(heap, MM_EVENT_TRIM, page, held);
    return ranges_free(heap->ranges, page, pages);
}

enum mm_fault large_free(struct heap *heap, void *payload)
{
    mm_lock(heap->home);

    const struct span *head = large_head(heap, payload);
    uint32_t page = (uint32_t)(heap_at(heap, head) / MM_PAGE);
    uint32_t pages = head->pages;

    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_RELEASE,
        .use = MM_USE_CALLER,
        .at = heap_at(heap, payload),
        .size = (uint64_t)pages * MM_PAGE,
    });

    enum mm_fault fault = pages_give(heap, page, pages,
                                     pages - heap_guard_pages(heap));

    mm_unlock(heap->home);
    return fault;
}

/* The tail of a large range from page TAIL on, PAGES long, is given back. */
static enum mm_fault tail_give(struct heap *heap, uint32_t tail,
                               uint32_t pages)
{
    mm_lock(heap->home);

    enum mm_fault fault = pages_give(heap, tail, pages, pages);

    mm_unlock(heap->home);
    return fault;
}

/* The large range at page START gets the PAGES behind it, where it ends, at
 * page TAIL; if they are free. */
static enum mm_fault tail_take(struct heap *heap, uint32_t start,
                               uint32_t tail, uint32_t pages)
{
    mm_lock(heap->home);

    enum mm_fault fault = ranges_extend(heap->ranges, start, pages);

    mm_unlock(heap->home);
    if (fault == MM_OK)
        emit_pages(heap, MM_EVENT_HOLD, tail, pages);
    return fault;
}

/* Whether the large PAYLOAD now has SIZE bytes where it is: its tail is given
 * back, or it takes in what is free behind it. */
bool large_resize(struct heap *heap, void *payload, uint64_t size)
{
    struct span *head = large_head_locked(heap, payload);
    uint64_t bytes = mm_round_up(size + heap->trailer_bytes + head->owner,
                                 MM_PAGE) +
                     (uint64_t)heap_guard_pages(heap) * MM_PAGE;
    uint32_t before = head->pages, pages = (uint32_t)(bytes / MM_PAGE);
    uint32_t start = (uint32_t)(heap_at(heap, head) / MM_PAGE);
    enum mm_fault fault = MM_OK;

    if (size <= heap->large_bytes ||
        (heap_waits(heap) && pages != before))  /* the guard stays the last */
        return false;
    if (pages < before)
        fault = tail_give(heap, start + pages, before - pages);
    else if (pages > before)
        fault = tail_take(heap, start, start + before, pages - before);
    if (fault != MM_OK)
        return false;
    head->pages = pages;
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_RESIZE,
        .at = heap_at(heap, payload),
        .size = bytes,
        .other = (uint64_t)before * MM_PAGE,
        .request = size,
    });
    return true;
}

uint64_t large_usable(const struct heap *heap, const void *payload)
{
    const struct span *head = large_head_locked(heap, payload);

    return (uint64_t)(head->pages - heap_guard_pages(heap)) * MM_PAGE -
           head->owner;
}

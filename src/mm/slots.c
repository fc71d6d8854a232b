/* SPDX-License-Identifier: MIT */
/*
 * slots.c - small objects, in pages of equal slots without headers
 *
 * Theory of operation
 * -------------------
 * A header of 4 bytes in front of an object of 8 is half as much again. So
 * small objects live in *slot pages*: 2 KiB cut into slots of one size, with
 * one head for all of them.
 *
 *     the page (2 KiB, at a multiple of 2 KiB)
 *     +------+------+------+------+------+------+------+----------------+--+
 *     | head | used | free | used | free | used |  never touched        |  |
 *     +------+------+------+------+------+------+-----------------------+--+
 *                   | ^------------'            ^
 *            page.free (a list, threaded        page.watermark
 *            through the free slots)
 *
 * To allocate, we take the first slot of the page's list; if there is none,
 * the watermark rises by one slot. Slots above the watermark were never
 * touched: nobody had to thread them on a list when the page was made, and
 * the cache never saw them. To free, we put the slot at the head of its
 * page's list; one mask leads from the slot to its page.
 *
 * A slot page is an ordinary used block whose payload starts at a multiple of
 * 2 KiB; its block ends 4 bytes short of the next multiple, where the next
 * block's header is. So lending memory to small objects is block_alloc(), and
 * getting it back is block_free(): a page whose last slot was freed goes back
 * whole. The span's tag for that slice of 2 KiB says that a slot page is
 * there, so that `free` sees with one load what it is looking at.
 *
 * The pages of one class that have room are on a list; full ones are on none.
 * A full page that gets a slot back goes behind the first one of the list, so
 * that it gathers some before it is used again.
 * The last page of a class is kept, though empty, until heap_trim(): else a
 * program that allocates and frees one object would make and unmake its page
 * every time.
 *
 * Where there is a front (heap_fast.h) the page sees little of this: slots that
 * are freed are *kept* in lists that know no pages, handed out as far as the
 * page knows, and the page's head stays out of the cache. An empty list is
 * filled with some slots of one page at a time; when it is full, slots go to
 * their pages. A class may keep those of some pages in any case, and more when
 * it has many. Before a program becomes larger than it ever was (home.h, grows),
 * some go to their pages too: what is kept may be all that a page has.
 *
 * In a checked heap the head is followed by one bit a slot, set while it is
 * handed out.
 *
 * Invariants, checked by heap_check():
 *
 *   S1  Every slot below the watermark is either on the page's list, once,
 *       or handed out; no slot above it is.
 *   S2  page.used says how many slots are handed out, kept ones included.
 *   S3  A page with room is on the list of its class, once; a full one on
 *       none. Links lead back.
 *   S4  In a checked heap a slot's bit is set when it is handed out.
 *   S5  All slots of a page are of its class's size, and the slice's tag
 *       says so too.
 *
 * What it is bad at: one small object that lives on keeps its page from going
 * back.
 *
 * Lesson: docs/lessons/10-small-objects.md
 */
#include "heap_fast.h"

enum {
    SLOTS_AT = 32,              /* the first slot, behind the head */
    SLOTS_AT_CHECKED = SLOT_ALIGN_MOST,
    SLOTS_FETCH = 64,           /* that are kept when none was */
    SLOTS_SPEND = 4,            /* that go back when there are too many */
    SLOTS_KEPT_BYTES = 32768,   /* that a class may keep in any case */
    SLOTS_KEPT_SHARE = 8,       /* and else this part of its pages, */
    SLOTS_KEPT_MOST = 2048,     /* but no more slots than these */
    ROOM_SLOTS = 64,            /* kept ones that make room at once, where a
                                   class keeps */
    ROOM_PART = 4,              /* this part of its pages or more */
};

_Static_assert(offsetof(struct slot_page, live) <= SLOTS_AT, "the head fits");
_Static_assert((SLOT_PAGE_BYTES - SLOTS_AT_CHECKED) / SLOT_MAX_BYTES > 1,
               "a full page that gets a slot back is not empty");
_Static_assert(sizeof(struct slot_page) <= SLOTS_AT_CHECKED,
               "the head with its bits fits");
_Static_assert((SLOT_PAGE_BYTES - SLOTS_AT_CHECKED) / 8 <= 8 * 32,
               "there is a bit for each slot");

/* Where the first slot of BYTES lies. Slots of 128 bytes, 192 and 256 are
 * aligned to 64, those of other multiples of 32 to 32. (A page of slots of 64,
 * aligned so, would have one fewer.) */
static uint32_t slots_at(const struct heap *heap, uint32_t bytes)
{
    return heap_is_checked(heap) ||
                   (bytes % SLOT_ALIGN_MOST == 0 && bytes > SLOT_ALIGN_MOST)
               ? SLOTS_AT_CHECKED : SLOTS_AT;
}

static struct slot_page *slot_page_of(const struct heap *heap,
                                      const void *payload)
{
    return heap_address(heap, mm_round_down(heap_at(heap, payload),
                                            MM_SLOT_PAGE));
}

/* The page that REF names; NULL for BLOCK_NIL, and in a checked heap for
 * what cannot be a slot page. */
static struct slot_page *slot_page_at(const struct heap *heap, block_ref ref)
{
    if (ref == BLOCK_NIL)
        return NULL;
    if (heap_is_checked(heap) &&
        (ref >= heap->arena_quanta ||
         ref % (MM_SLOT_PAGE / MM_QUANTUM) != 0))
        return NULL;
    return heap_address(heap, (uint64_t)ref * MM_QUANTUM);
}

static block_ref slot_page_ref(const struct heap *heap,
                               const struct slot_page *page)
{
    return (block_ref)(heap_at(heap, page) / MM_QUANTUM);
}

/* Whether PAGE has no room: then it is on no list. */
static bool slot_page_is_full(const struct slot_page *page)
{
    return page->free == 0 &&
           page->watermark + page->slot_bytes > SLOT_PAGE_BYTES;
}

static uint32_t *slot_link(const struct slot_page *page, uint32_t offset)
{
    return (uint32_t *)((uintptr_t)page + offset);
}

/* In a checked heap: the bit of the slot at OFFSET. */
static bool slot_is_live(const struct heap *heap,
                         const struct slot_page *page, uint32_t offset)
{
    uint32_t i = (offset - slots_at(heap, page->slot_bytes)) /
                 page->slot_bytes;

    return page->live[i / 32] >> (i % 32) & 1;
}

static void slot_set_live(const struct heap *heap, struct slot_page *page,
                          uint32_t offset, bool live)
{
    if (!heap_is_checked(heap))
        return;

    uint32_t i = (offset - slots_at(heap, page->slot_bytes)) /
                 page->slot_bytes;
    uint32_t bit = UINT32_C(1) << (i % 32);

    page->live[i / 32] = live ? page->live[i / 32] | bit
                              : page->live[i / 32] & ~bit;
}

/* ---- the list of pages with room -------------------------------------- */

/* The first page of CLASS with room; or NULL. */
static struct slot_page *page_list_first(const struct heap *heap,
                                         unsigned class)
{
    return slot_page_at(heap, heap->slot_lists[class]);
}

static void page_list_insert(struct heap *heap, struct slot_page *page)
{
    unsigned class = slot_class(page->slot_bytes);
    struct slot_page *first = page_list_first(heap, class);

    page->previous = BLOCK_NIL;
    page->next = heap->slot_lists[class];
    if (first != NULL)
        first->previous = slot_page_ref(heap, page);
    heap->slot_lists[class] = slot_page_ref(heap, page);
}

/* Puts PAGE behind the first page of its list: it has one slot to offer, and
 * will have more when its turn comes. */
static void page_list_insert_second(struct heap *heap, struct slot_page *page)
{
    unsigned class = slot_class(page->slot_bytes);
    struct slot_page *first = page_list_first(heap, class);

    if (first == NULL) {
        page_list_insert(heap, page);
        return;
    }

    struct slot_page *second = slot_page_at(heap, first->next);

    page->previous = slot_page_ref(heap, first);
    page->next = first->next;
    first->next = slot_page_ref(heap, page);
    if (second != NULL)
        second->previous = slot_page_ref(heap, page);
}

static void page_list_remove(struct heap *heap, struct slot_page *page)
{
    struct slot_page *next = slot_page_at(heap, page->next);
    struct slot_page *previous = slot_page_at(heap, page->previous);

    if (next != NULL)
        next->previous = page->previous;
    if (previous != NULL)
        previous->next = page->next;
    else
        heap->slot_lists[slot_class(page->slot_bytes)] = page->next;
    page->next = page->previous = BLOCK_NIL;
}

/* Where there is a front: CLASS has so many PAGES more, and so it may keep more
 * slots, or fewer. */
static void slots_allow(struct heap *heap, unsigned class, int32_t pages)
{
    struct heap_fast *fast = heap->fast;
    int32_t bytes = (int32_t)slot_class_bytes(class);
    int32_t most;

    if (fast == NULL)
        return;
    fast->slot_pages[class] += pages;
    most = fast->slot_pages[class] * (MM_SLOT_PAGE / SLOTS_KEPT_SHARE);
    if (most < SLOTS_KEPT_BYTES)
        most = SLOTS_KEPT_BYTES;
    most /= bytes;
    if (most > SLOTS_KEPT_MOST)
        most = SLOTS_KEPT_MOST;
    fast->slots[class].left += most - fast->slots[class].most;
    fast->slots[class].most = most;
}

/* ---- steps ------------------------------------------------------------ */

/* Step PAGE_TAKE: a used block becomes a page of slots of CLASS. */
static struct slot_page *slot_page_take(struct heap *heap, unsigned class)
{
    struct block *block = block_alloc(heap, SLOT_PAGE_BYTES, MM_SLOT_PAGE,
                                      MM_USE_SLOTS);

    if (block == NULL)
        return NULL;

    struct slot_page *page = block_payload(block);

    page->slot_bytes = slot_class_bytes(class);
    page->free = 0;
    page->watermark = slots_at(heap, page->slot_bytes);
    page->used = 0;
    if (heap_is_checked(heap))
        for (int i = 0; i < 8; i++)
            page->live[i] = 0;
    *span_tag_of(heap, span_of(heap, page), page) =
        span_tag_slots(class, heap->owner);
    slots_allow(heap, class, 1);
    page_list_insert(heap, page);
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_PAGE_TAKE,
        .at = heap_at(heap, page),
        .size = page->slot_bytes,
        .other = heap_at(heap, page) + page->watermark,
    });
    return page;
}

/* Step PAGE_GIVE: the empty PAGE is a block again, and is freed. */
static void slot_page_give(struct heap *heap, struct slot_page *page)
{
    MM_ASSERT(page->used == 0);
    slots_allow(heap, slot_class(page->slot_bytes), -1);
    page_list_remove(heap, page);
    *span_tag_of(heap, span_of(heap, page), page) =
        span_tag(SPAN_TAG_BLOCKS, heap->owner);
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_PAGE_GIVE,
        .at = heap_at(heap, page),
        .size = page->slot_bytes,
    });
    block_free(heap, block_of(page), MM_USE_SLOTS);
}

/* Step SLOT_TAKE: from the page's list, or from the watermark. PAGE has
 * room. */
void *slot_take(struct heap *heap, struct slot_page *page, uint64_t request)
{
    uint32_t offset = page->free;
    bool risen = offset == 0;

    if (risen) {
        offset = page->watermark;
        page->watermark += page->slot_bytes;
    } else {
        page->free = *slot_link(page, offset);
    }
    page->used++;
    slot_set_live(heap, page, offset, true);
    if (slot_page_is_full(page))
        page_list_remove(heap, page);
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_SLOT_TAKE,
        .at = heap_at(heap, page) + offset,
        .size = page->slot_bytes,
        .other = risen,
        .request = request,
    });
    return slot_link(page, offset);
}

/* Step SLOT_GIVE: to the head of the page's list. */
static void slot_give(struct heap *heap, struct slot_page *page,
                      uint32_t offset)
{
    bool was_full = slot_page_is_full(page);

    if (heap_has_poison(heap))
        care_poison_slot((unsigned char *)page + offset, page->slot_bytes);
    *slot_link(page, offset) = page->free;
    page->free = offset;
    page->used--;
    slot_set_live(heap, page, offset, false);
    if (was_full)
        page_list_insert_second(heap, page);
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_SLOT_GIVE,
        .at = heap_at(heap, page) + offset,
        .size = page->slot_bytes,
    });
}

/* PAGE, whose last slot has come back, goes back unless it is all that its
 * class has. */
static void slot_page_retire(struct heap *heap, struct slot_page *page)
{
    if (page->next != BLOCK_NIL || page->previous != BLOCK_NIL)
        slot_page_give(heap, page);
}

/* ---- kept slots, where there is a front ------------------------------- */

/* Some slots of PAGE, which has room, are kept, in the order in which it would
 * have given them: its list, then from the watermark up. */
static void slots_fetch(struct heap *heap, struct slot_page *page,
                        unsigned class)
{
    struct heap_slots *kept = &heap->fast->slots[class];
    void **last = &kept->first, *rest = kept->first;
    uint32_t offset = page->free, bytes = page->slot_bytes;
    int32_t most = kept->left < SLOTS_FETCH ? kept->left : SLOTS_FETCH;
    int32_t left = most;

    for (; offset != 0 && left > 0; left--) {
        void **slot = (void **)(void *)slot_link(page, offset);

        offset = *slot_link(page, offset);
        *last = slot;
        last = slot;
    }
    page->free = offset;
    offset = page->watermark;
    for (; offset + bytes <= SLOT_PAGE_BYTES && left > 0; left--) {
        *last = slot_link(page, offset);
        last = *last;
        offset += bytes;
    }
    page->watermark = offset;
    *last = rest;
    page->used += (uint32_t)(most - left);
    kept->left -= most - left;
    if (slot_page_is_full(page))
        page_list_remove(heap, page);
}

/* SLOT, which is kept no longer, is its page's. */
static void slot_unkeep(struct heap *heap, void *slot)
{
    struct slot_page *page = (struct slot_page *)
        ((uintptr_t)slot & ~(uintptr_t)(MM_SLOT_PAGE - 1));
    bool was_full = slot_page_is_full(page);

    *(uint32_t *)slot = page->free;
    page->free = (uint32_t)((uintptr_t)slot - (uintptr_t)page);
    page->used--;
    if (was_full)
        page_list_insert_second(heap, page);
    else if (page->used == 0)
        slot_page_retire(heap, page);
}

/* Up to COUNT kept slots of CLASS are freed in earnest. */
static void slots_spend(struct heap *heap, unsigned class, int32_t count)
{
    struct heap_fast *fast = heap->fast;

    while (count-- > 0 && fast->slots[class].first != NULL) {
        void *slot = fast->slots[class].first;

        fast->slots[class].first = *(void **)slot;
        fast->slots[class].left++;
        slot_unkeep(heap, slot);
    }
}

/* Whether CLASS keeps a good part of its pages' slots, so that pages may be had
 * for them. */
static bool slots_make_pages(const struct heap_fast *fast, unsigned class)
{
    int32_t kept = fast->slots[class].most - fast->slots[class].left;
    int32_t pages = fast->slot_pages[class];

    return kept > 0 && kept * (int32_t)slot_class_bytes(class) >=
                           pages * (MM_SLOT_PAGE / ROOM_PART);
}

/* Some of what a class keeps goes to its pages, the next such class's each
 * time. */
void slots_make_room(struct heap *heap)
{
    struct heap_fast *fast = heap->fast;

    if (fast == NULL)
        return;
    for (unsigned i = 0; i < SLOT_CLASSES; i++) {
        unsigned class = fast->room_class++ % SLOT_CLASSES;

        if (slots_make_pages(fast, class)) {
            slots_spend(heap, class, ROOM_SLOTS);
            return;
        }
    }
}

/* Where there is a front from now on: what each class may keep. */
void slots_start(struct heap *heap)
{
    for (unsigned class = 0; class < SLOT_CLASSES; class++)
        slots_allow(heap, class, 0);
}

/* No slots are kept any more. Whether there were any. */
bool slots_flush(struct heap *heap)
{
    bool any = false;

    if (heap->fast == NULL)
        return false;
    for (unsigned class = 0; class < SLOT_CLASSES; class++) {
        any |= heap->fast->slots[class].first != NULL;
        slots_spend(heap, class, INT32_MAX);
    }
    return any;
}

/* SLOT goes to its page, and some of those that are KEPT to theirs: there are
 * more than may be, since pages of the class have gone. */
static MM_COLD void slots_shrink(struct heap *heap, struct heap_slots *kept,
                                 void *slot)
{
    slots_spend(heap, (unsigned)(kept - heap->fast->slots), SLOTS_SPEND);
    slot_unkeep(heap, slot);
}

void heap_free_slot(struct heap *heap, struct heap_slots *kept, void *slot)
{
    if (++kept->left < 0)
        slots_shrink(heap, kept, slot);
    else
        slot_unkeep(heap, slot);
}

/* ---- the operations --------------------------------------------------- */

/* A slot for SIZE bytes (0 ... SLOT_MAX_BYTES); NULL when refused. */
void *slot_alloc(struct heap *heap, uint64_t size)
{
    unsigned class = slot_class(size + heap->trailer_bytes);
    struct slot_page *page = page_list_first(heap, class);

    if (page == NULL && heap_drain(heap, DRAIN_SOME) > 0)
        page = page_list_first(heap, class);
    if (heap->fast != NULL && heap->fast->slots[class].first != NULL)
        return fast_slot_reuse(&heap->fast->slots[class]);
    if (page == NULL) {
        page = slot_page_take(heap, class);
        if (page == NULL) {
            /* The search for a block drains the rest: a refusal must be
             * true. */
            page = page_list_first(heap, class);
            if (page == NULL)
                return NULL;
            heap->refusal = MM_OK;
        }
    }
    if (heap->fast != NULL) {
        slots_fetch(heap, page, class);
        return fast_slot_reuse(&heap->fast->slots[class]);
    }
    if (heap_is_checked(heap) && slot_vet_page(heap, page) != MM_OK)
        return NULL;
    return slot_take(heap, page, size);
}

/* Frees the slot PAYLOAD. In a checked heap it was vetted. */
enum mm_fault slot_free(struct heap *heap, void *payload)
{
    struct slot_page *page = slot_page_of(heap, payload);

    if (heap->fast != NULL) {
        struct heap_slots *kept =
            &heap->fast->slots[slot_class(page->slot_bytes)];

        if (!fast_slot_keep(kept, payload))
            heap_free_slot(heap, kept, payload);
        return MM_OK;
    }
    slot_give(heap, page, (uint32_t)((uintptr_t)payload - (uintptr_t)page));
    if (page->used == 0)
        slot_page_retire(heap, page);
    return MM_OK;
}

uint32_t slot_bytes_of(const struct heap *heap, const void *payload)
{
    return slot_page_of(heap, payload)->slot_bytes;
}

/* Gives back the empty page that each class may have kept: how many. */
uint32_t slots_trim(struct heap *heap)
{
    uint32_t given = 0;

    for (unsigned class = 0; class < SLOT_CLASSES; class++) {
        struct slot_page *page = page_list_first(heap, class);
        uint32_t left = heap->arena_quanta;

        while (page != NULL && left-- > 0) {
            struct slot_page *next = slot_page_at(heap, page->next);

            if (heap_is_checked(heap) &&
                (slot_vet_page(heap, page) != MM_OK ||
                 heap_vet_used(heap, block_of(page)) != MM_OK))
                break;
            if (page->used == 0) {
                slot_page_give(heap, page);
                given++;
            }
            page = next;
        }
    }
    return given;
}

/* ---- distrust (as heap_vet.c, which see) ------------------------------ */

/* Whether OFFSET is where a slot of PAGE starts, below its watermark. */
static bool slot_offset_is_possible(const struct heap *heap,
                                    const struct slot_page *page,
                                    uint32_t offset)
{
    uint32_t first = slots_at(heap, page->slot_bytes);

    return offset >= first && offset < page->watermark &&
           (offset - first) % page->slot_bytes == 0;
}

static bool slot_bytes_are_possible(const struct slot_page *page)
{
    uint32_t bytes = page->slot_bytes;

    return bytes >= 8 && bytes <= SLOT_MAX_BYTES &&
           slot_class_bytes(slot_class(bytes)) == bytes;
}

static bool slot_head_is_possible(const struct heap *heap,
                                  const struct slot_page *page)
{
    uint32_t bytes = page->slot_bytes, first = slots_at(heap, bytes);

    return slot_bytes_are_possible(page) &&
           page->watermark >= first &&
           page->watermark <= SLOT_PAGE_BYTES &&
           (page->watermark - first) % bytes == 0 &&
           page->used <= (page->watermark - first) / bytes &&
           (page->free == 0 ||
            slot_offset_is_possible(heap, page, page->free));
}

static bool slot_links_agree(const struct heap *heap,
                             const struct slot_page *page)
{
    block_ref ref = slot_page_ref(heap, page);
    const struct slot_page *next = slot_page_at(heap, page->next);
    const struct slot_page *previous = slot_page_at(heap, page->previous);

    if (slot_page_is_full(page))
        return page->next == BLOCK_NIL && page->previous == BLOCK_NIL;
    if (page->next != BLOCK_NIL && (next == NULL || next->previous != ref))
        return false;
    if (page->previous != BLOCK_NIL)
        return previous != NULL && previous->next == ref;
    return heap->slot_lists[slot_class(page->slot_bytes)] == ref;
}

/* Whether the head of the slot page at PAGE can be believed, and the link in
 * its first free slot. */
enum mm_fault slot_vet_page(struct heap *heap, const void *address)
{
    const struct slot_page *page = address;
    uint64_t at = heap_at(heap, page);

    if (!slot_head_is_possible(heap, page) || !slot_links_agree(heap, page))
        return heap_blame(heap, MM_BAD_SLOT, at);
    if (page->free != 0) {
        uint32_t next = *slot_link(page, page->free);

        if (next != 0 && !slot_offset_is_possible(heap, page, next))
            return heap_blame(heap, MM_BAD_SLOT, at + page->free);
        if (slot_is_used(heap, at, page->free))
            return heap_blame(heap, MM_BAD_SLOT, at + page->free);
        if (heap_has_poison(heap) &&
            !care_slot_is_poisoned((const unsigned char *)page + page->free,
                                   page->slot_bytes))
            return heap_blame(heap, MM_BAD_POISON, at + page->free);
    }
    return MM_OK;
}

/* Whether PAYLOAD, in a slice tagged SLOTS, is a slot that is handed out. */
enum mm_fault slot_vet_address(struct heap *heap, const void *payload)
{
    const struct slot_page *page = slot_page_of(heap, payload);
    uint64_t at = heap_at(heap, payload);
    uint32_t offset = (uint32_t)(at % MM_SLOT_PAGE);
    bool own = span_of(heap, payload)->owner == heap->owner;

    /* Of another thread's page only what stays while a slot is used is looked
     * at: the owner may be in the middle of a step, and vets the rest when it
     * takes the slot back. */
    if (!slot_bytes_are_possible(page))
        return heap_blame(heap, MM_BAD_SLOT, heap_at(heap, page));
    if (own && slot_vet_page(heap, page) != MM_OK)
        return (enum mm_fault)heap->refusal;
    if (!slot_offset_is_possible(heap, page, offset))
        return heap_blame(heap, at % 8 != 0 ? MM_MISALIGNED : MM_NOT_LIVE,
                          at);
    if (!slot_is_live(heap, page, offset))
        return heap_blame(heap, MM_NOT_LIVE, at);

    /* A full page goes behind the first of its list: is that one in order? */
    if (own && slot_page_is_full(page)) {
        const struct slot_page *first =
            page_list_first(heap, slot_class(page->slot_bytes));

        if (first != NULL && slot_vet_page(heap, first) != MM_OK)
            return (enum mm_fault)heap->refusal;
    }

    /* It may be the page's last slot: then its block is freed too. */
    if (own && page->used == 1 &&
        heap_vet_used(heap, block_of(page)) != MM_OK)
        return (enum mm_fault)heap->refusal;
    return MM_OK;
}

/* ---- looking ---------------------------------------------------------- */

struct slot_view slot_page_view(const struct heap *heap, uint64_t at)
{
    const struct slot_page *page =
        heap_address(heap, mm_round_down(at, MM_SLOT_PAGE));
    struct slot_view view = {
        .ok = slot_head_is_possible(heap, page),
        .slot_bytes = page->slot_bytes,
        .first = slots_at(heap, page->slot_bytes),
        .used = page->used,
        .watermark = page->watermark,
        .free = page->free,
        .next = page->next,
        .previous = page->previous,
    };

    if (view.ok)
        view.count = (SLOT_PAGE_BYTES - view.first) / view.slot_bytes;
    return view;
}

uint32_t slot_next(const struct heap *heap, uint64_t at, uint32_t offset)
{
    const struct slot_page *page =
        heap_address(heap, mm_round_down(at, MM_SLOT_PAGE));

    if (!slot_head_is_possible(heap, page) ||
        !slot_offset_is_possible(heap, page, offset))
        return 0;

    uint32_t next = *slot_link(page, offset);

    return slot_offset_is_possible(heap, page, next) ? next : 0;
}

bool slot_is_used(const struct heap *heap, uint64_t at, uint32_t offset)
{
    const struct slot_page *page =
        heap_address(heap, mm_round_down(at, MM_SLOT_PAGE));

    if (!slot_head_is_possible(heap, page) ||
        !slot_offset_is_possible(heap, page, offset))
        return false;
    if (heap_is_checked(heap))
        return slot_is_live(heap, page, offset);

    uint32_t left = SLOT_PAGE_BYTES / 8;

    for (uint32_t free = page->free; free != 0 && left-- > 0;
         free = slot_next(heap, at, free))
        if (free == offset)
            return false;
    return true;
}

/* SPDX-License-Identifier: MIT */
/*
 * picture.c - a picture from events
 *
 * Theory of operation
 * -------------------
 * Each kind of event has one function here, which does to the picture what
 * event.h says in words. First it asks whether the event can follow from the
 * picture at all (is the block that is taken free?); only then it changes
 * something. An answer is NULL, or the sentence that says what is wrong.
 *
 * A block is found by the quantum where its payload starts, so every question
 * about a place is one look in an array.
 */
#include "picture.h"

/* ---- where things are --------------- */

static uint32_t highest_frame(const struct picture_setup *setup)
{
    return setup->region_count == 0
               ? 0 : setup->regions[setup->region_count - 1].end;
}

/* Cuts SIZE bytes off the memory at *AT; only counts when MEMORY is NULL. */
static void *cut(unsigned char *memory, size_t *at, size_t size)
{
    void *piece = memory == NULL ? NULL : memory + *at;

    *at += (size + 7) & ~(size_t)7;
    return piece;
}

/* Gives PICTURE its arrays; answers how many bytes all of it takes. */
static size_t lay_out(struct picture *picture, unsigned char *memory)
{
    size_t at = 0;

    cut(memory, &at, sizeof *picture);
    picture->blocks = cut(memory, &at,
                          picture->quanta * sizeof *picture->blocks);
    picture->slices = cut(memory, &at,
                          picture->pages * (MM_PAGE / MM_SLOT_PAGE) *
                              sizeof *picture->slices);
    picture->slots = cut(memory, &at,
                         picture->pages * (size_t)(MM_PAGE / PICTURE_GRAIN) *
                             sizeof *picture->slots);
    picture->remote = cut(memory, &at,
                          picture->pages * (size_t)(MM_PAGE / PICTURE_GRAIN) *
                              sizeof *picture->remote);
    picture->page = cut(memory, &at, picture->pages * sizeof *picture->page);
    picture->regions = cut(memory, &at,
                           picture->region_count * sizeof *picture->regions);
    picture->frame_stack = cut(memory, &at, picture->frame_end *
                                                sizeof *picture->frame_stack);
    picture->frame = cut(memory, &at, picture->frame_end);
    return at;
}

static struct picture sized(const struct picture_setup *setup)
{
    return (struct picture){
        .quanta = (uint32_t)(setup->arena_bytes / MM_QUANTUM),
        .pages = (uint32_t)(setup->arena_bytes / MM_PAGE),
        .frame_end = highest_frame(setup),
        .region_count = setup->region_count,
    };
}

size_t picture_bytes(const struct picture_setup *setup)
{
    struct picture picture = sized(setup);

    return lay_out(&picture, NULL);
}

struct picture *picture_init(void *memory, const struct picture_setup *setup)
{
    struct picture *picture = memory;

    *picture = sized(setup);
    lay_out(picture, memory);
    for (uint32_t i = 0; i < picture->region_count; i++)
        picture->regions[i] = setup->regions[i];
    picture_clear(picture);
    return picture;
}

void picture_clear(struct picture *picture)
{
    picture->free_frames = 0;
    picture->walked_badly = false;
    __builtin_memset(picture->heap, 0, sizeof picture->heap);
    __builtin_memset(picture->blocks, 0,
                     picture->quanta * sizeof *picture->blocks);
    __builtin_memset(picture->slices, 0, picture->pages *
                     (MM_PAGE / MM_SLOT_PAGE) * sizeof *picture->slices);
    __builtin_memset(picture->page, 0,
                     picture->pages * sizeof *picture->page);
    __builtin_memset(picture->frame, PICTURE_FRAME_NEVER, picture->frame_end);
    /* every byte of PICTURE_SLOT_UNTOUCHED is 0xff */
    __builtin_memset(picture->slots, 0xff, picture->pages *
                     (size_t)(MM_PAGE / PICTURE_GRAIN) *
                     sizeof *picture->slots);
    __builtin_memset(picture->remote, 0, picture->pages *
                     (size_t)(MM_PAGE / PICTURE_GRAIN) *
                     sizeof *picture->remote);
    if (picture->pages > 0)
        picture->page[0].pages = picture->pages;
    for (uint32_t i = 0; i < picture->region_count; i++)
        picture->regions[i].watermark = picture->regions[i].start;
}

/* The quantum of the payload AT; 0, where no block starts, if it has none. */
static uint32_t quantum_of(const struct picture *picture, uint64_t at)
{
    if (at % MM_QUANTUM != 0 || at / MM_QUANTUM >= picture->quanta)
        return 0;
    return (uint32_t)(at / MM_QUANTUM);
}

static bool is(const struct picture *picture, uint32_t quantum,
               enum picture_what what)
{
    return quantum < picture->quanta &&
           picture->blocks[quantum].what == (uint32_t)what;
}

static uint64_t bytes_at(const struct picture *picture, uint32_t quantum)
{
    return (uint64_t)picture->blocks[quantum].quanta * MM_QUANTUM;
}

/* The lists of the heap that the block at this quantum is of. */
static struct picture_lists *lists_of(struct picture *picture,
                                      uint32_t quantum)
{
    uint64_t page = (uint64_t)quantum * MM_QUANTUM / MM_PAGE;

    return &picture->heap[picture->page[page].owner];
}

/* Whether what starts at AT was freed by another thread, and waits. */
static bool waits(const struct picture *picture, uint64_t at)
{
    return at / MM_PAGE < picture->pages &&
           picture->remote[at / PICTURE_GRAIN] != 0;
}

/* What starts at AT is to be given back. If it waits for that, it must be the
 * next that its owner has drained, and waits no more. */
static bool may_be_given(struct picture *picture, uint64_t at)
{
    uint32_t grain = (uint32_t)(at / PICTURE_GRAIN);
    uint32_t *next;

    if (!waits(picture, at))
        return true;
    next = &picture->heap[picture->page[at / MM_PAGE].owner].drained;
    if (*next != grain)
        return false;
    *next = picture->remote[grain] - 1;
    picture->remote[grain] = 0;
    return true;
}

/* Whether [AT, AT + SIZE) are whole pages of the arena. */
static bool are_pages(const struct picture *picture, uint64_t at,
                      uint64_t size)
{
    uint64_t end = (uint64_t)picture->pages * MM_PAGE;

    return at % MM_PAGE == 0 && size % MM_PAGE == 0 && size > 0 &&
           at < end && size <= end - at;
}

/* The first page of the range that contains PAGE. */
static uint32_t range_start(const struct picture *picture, uint64_t page)
{
    uint32_t start = (uint32_t)page;

    while (picture->page[start].pages == 0)
        start--;
    return start;
}

/* ---- free lists --------------- */

static void list_insert(struct picture *picture, uint32_t quantum)
{
    struct picture_block *block = &picture->blocks[quantum];
    uint32_t *head =
        &lists_of(picture, quantum)->lists[class_of(block->quanta)];

    block->previous = 0;
    block->next = *head;
    if (*head != 0)
        picture->blocks[*head].previous = quantum;
    *head = quantum;
}

static void list_remove(struct picture *picture, uint32_t quantum)
{
    struct picture_block *block = &picture->blocks[quantum];

    if (block->previous != 0)
        picture->blocks[block->previous].next = block->next;
    else
        lists_of(picture, quantum)->lists[class_of(block->quanta)] =
            block->next;
    if (block->next != 0)
        picture->blocks[block->next].previous = block->previous;
    block->next = block->previous = 0;
}

/* A free block of QUANTA starts here, at the front of its list. */
static void free_appears(struct picture *picture, uint32_t quantum,
                         uint32_t quanta)
{
    picture->blocks[quantum] = (struct picture_block){
        .what = PICTURE_FREE, .quanta = quanta,
    };
    list_insert(picture, quantum);
}

/* The free block that starts here is gone. */
static void free_vanishes(struct picture *picture, uint32_t quantum)
{
    list_remove(picture, quantum);
    picture->blocks[quantum] = (struct picture_block){ 0 };
}

/* ---- blocks --------------- */

static const char *replay_grow(struct picture *picture,
                               const struct mm_event *event)
{
    uint32_t first = quantum_of(picture, event->other);
    uint64_t end = event->at + event->size;

    if (!are_pages(picture, event->at, event->size) || first == 0 ||
        event->other <= event->at || event->other >= end)
        return "GROW: the span is not in the arena, or its block not in it";
    for (uint64_t at = event->at; at < end; at += MM_QUANTUM) {
        if (!is(picture, (uint32_t)(at / MM_QUANTUM), PICTURE_NOTHING))
            return "GROW: there are blocks where the span should enter";
    }
    if (event->owner >= PICTURE_HEAPS)
        return "GROW: there is no heap of this number";
    for (uint64_t at = event->at; at < end; at += MM_PAGE)
        picture->page[at / MM_PAGE].owner = (uint8_t)event->owner;
    /* header to header: from 4 before the payload to 4 before the end */
    free_appears(picture, first, (uint32_t)((end - event->other) /
                                            MM_QUANTUM));
    return NULL;
}

static const char *replay_shrink(struct picture *picture,
                                 const struct mm_event *event)
{
    uint32_t only = 0;

    if (!are_pages(picture, event->at, event->size))
        return "SHRINK: the span is not in the arena";
    for (uint64_t i = 0; i < event->size / MM_QUANTUM; i++) {
        uint32_t quantum = (uint32_t)(event->at / MM_QUANTUM + i);

        if (is(picture, quantum, PICTURE_NOTHING))
            continue;
        if (only != 0 || !is(picture, quantum, PICTURE_FREE))
            return "SHRINK: the span is not empty";
        only = quantum;
    }
    if (only == 0 || (uint64_t)only * MM_QUANTUM + bytes_at(picture, only) !=
                         event->at + event->size)
        return "SHRINK: there is no span of this size";
    free_vanishes(picture, only);
    for (uint64_t at = 0; at < event->size; at += MM_PAGE)
        picture->page[(event->at + at) / MM_PAGE].owner = 0;
    return NULL;
}

static const char *replay_split(struct picture *picture,
                                const struct mm_event *event)
{
    uint32_t left = quantum_of(picture, event->at);

    if (!is(picture, left, PICTURE_FREE))
        return "SPLIT: the block is not free";
    if (event->size < MM_QUANTUM || event->other < MM_QUANTUM ||
        event->size % MM_QUANTUM != 0 ||
        event->size + event->other != bytes_at(picture, left))
        return "SPLIT: the two parts do not make up the block";

    uint32_t keep = (uint32_t)(event->size / MM_QUANTUM);

    free_vanishes(picture, left);
    free_appears(picture, left, keep);
    free_appears(picture, left + keep,
                 (uint32_t)(event->other / MM_QUANTUM));
    return NULL;
}

/* Whether AT lies in a range of SIZE bytes for one large request. */
static bool is_large_range(const struct picture *picture, uint64_t at,
                           uint64_t size)
{
    if (at / MM_PAGE >= picture->pages)
        return false;

    uint32_t start = range_start(picture, at / MM_PAGE);

    return picture->page[start].type == RANGE_LARGE &&
           (uint64_t)picture->page[start].pages * MM_PAGE == size &&
           at > (uint64_t)start * MM_PAGE;
}

static const char *replay_take(struct picture *picture,
                               const struct mm_event *event)
{
    uint32_t quantum = quantum_of(picture, event->at);

    if (is(picture, quantum, PICTURE_NOTHING) &&
        is_large_range(picture, event->at, event->size)) {
        picture->blocks[quantum] = (struct picture_block){
            .what = PICTURE_LARGE,
            .quanta = (uint32_t)(event->size / MM_QUANTUM),
        };
        return NULL;
    }
    if (!is(picture, quantum, PICTURE_FREE))
        return "TAKE: the block is not free";
    if (bytes_at(picture, quantum) != event->size)
        return "TAKE: the free block has another size";
    list_remove(picture, quantum);
    picture->blocks[quantum].what = PICTURE_USED;
    return NULL;
}

static const char *replay_keep(struct picture *picture,
                               const struct mm_event *event)
{
    uint32_t quantum = quantum_of(picture, event->at);
    struct picture_block *block = &picture->blocks[quantum];

    if (!is(picture, quantum, PICTURE_USED) ||
        block->quanta >= KEPT_SIZES)
        return "KEEP: the block is not used, or too large to be kept";
    if (bytes_at(picture, quantum) != event->size)
        return "KEEP: the used block has another size";
    if (!may_be_given(picture, event->at))
        return "KEEP: the block waits on a remote list";

    uint32_t *head = &lists_of(picture, quantum)->kept[block->quanta];

    block->what = PICTURE_KEPT;
    block->next = *head;
    *head = quantum;
    return NULL;
}

/* The kept block of EVENT, the first of its list, is used again. */
static const char *kept_remove(struct picture *picture,
                               const struct mm_event *event)
{
    uint32_t quantum = quantum_of(picture, event->at);
    struct picture_block *block = &picture->blocks[quantum];

    if (!is(picture, quantum, PICTURE_KEPT) ||
        lists_of(picture, quantum)->kept[block->quanta] != quantum)
        return "REUSE or RELEASE: not the first of the kept blocks";
    if (bytes_at(picture, quantum) != event->size)
        return "REUSE or RELEASE: the kept block has another size";
    lists_of(picture, quantum)->kept[block->quanta] = block->next;
    block->what = PICTURE_USED;
    block->next = 0;
    return NULL;
}

static const char *replay_release(struct picture *picture,
                                  const struct mm_event *event)
{
    uint32_t quantum = quantum_of(picture, event->at);

    if (event->use == MM_USE_KEPT) {
        const char *wrong = kept_remove(picture, event);

        if (wrong != NULL)
            return wrong;
    }
    if (!is(picture, quantum, PICTURE_USED) &&
        !is(picture, quantum, PICTURE_LARGE))
        return "RELEASE: the block is not used";
    if (bytes_at(picture, quantum) != event->size)
        return "RELEASE: the used block has another size";
    if (!may_be_given(picture, event->at))
        return "RELEASE: the block waits on a remote list";
    if (is(picture, quantum, PICTURE_LARGE))
        picture->blocks[quantum] = (struct picture_block){ 0 };
    else
        free_appears(picture, quantum, picture->blocks[quantum].quanta);
    return NULL;
}

static const char *replay_coalesce(struct picture *picture,
                                   const struct mm_event *event)
{
    uint32_t left = quantum_of(picture, event->at);

    if (!is(picture, left, PICTURE_FREE))
        return "COALESCE: the block is not free";

    uint32_t quanta = picture->blocks[left].quanta;
    uint32_t right = left + quanta;

    if (!is(picture, right, PICTURE_FREE))
        return "COALESCE: the right neighbour is not free";
    if (bytes_at(picture, right) != event->other ||
        bytes_at(picture, left) + event->other != event->size)
        return "COALESCE: the two blocks have other sizes";
    free_vanishes(picture, right);
    free_vanishes(picture, left);
    free_appears(picture, left, (uint32_t)(event->size / MM_QUANTUM));
    return NULL;
}

/* A large range of BEFORE bytes takes in the range behind it, which the MAP of
 * its tail has made, so that it has SIZE. */
static void large_join(struct picture *picture, uint64_t at, uint64_t before,
                       uint64_t size)
{
    uint32_t start = range_start(picture, at / MM_PAGE);
    struct picture_page *range = &picture->page[start];
    uint64_t end = start + before / MM_PAGE;

    if (size <= before || end >= picture->pages ||
        (uint64_t)range->pages * MM_PAGE != before)
        return;

    struct picture_page *tail = &picture->page[end];

    if (tail->type != RANGE_LARGE ||
        (uint64_t)tail->pages * MM_PAGE != size - before)
        return;
    range->pages += tail->pages;
    *tail = (struct picture_page){ .held = tail->held };
}

/* A large range changes its size: the UNMAP or MAP of its tail came before. */
static const char *resize_large(struct picture *picture, uint32_t quantum,
                                const struct mm_event *event)
{
    if (bytes_at(picture, quantum) == event->other)
        large_join(picture, event->at, event->other, event->size);
    if (bytes_at(picture, quantum) != event->other ||
        !is_large_range(picture, event->at, event->size))
        return "RESIZE: the large range had, or has, another size";
    picture->blocks[quantum].quanta = (uint32_t)(event->size / MM_QUANTUM);
    return NULL;
}

static const char *replay_resize(struct picture *picture,
                                 const struct mm_event *event)
{
    uint32_t quantum = quantum_of(picture, event->at);

    if (!is(picture, quantum, PICTURE_USED)) {
        if (is(picture, quantum, PICTURE_LARGE))
            return resize_large(picture, quantum, event);
        if (event->at / MM_PAGE < picture->pages &&
            picture->slots[event->at / PICTURE_GRAIN] == PICTURE_SLOT_USED)
            return NULL;                /* only the request has changed */
        return "RESIZE: nothing that is used starts there";
    }
    if (bytes_at(picture, quantum) != event->other ||
        event->size % MM_QUANTUM != 0 || event->size == 0)
        return "RESIZE: the block had another size";

    uint32_t old = picture->blocks[quantum].quanta;
    uint32_t new = (uint32_t)(event->size / MM_QUANTUM);
    uint32_t right = quantum + old;
    bool right_free = is(picture, right, PICTURE_FREE);
    uint32_t end = right + (right_free ? picture->blocks[right].quanta : 0);

    if (event->size > (uint64_t)(end - quantum) * MM_QUANTUM)
        return "RESIZE: there is no room to the right";
    if (new == old)
        return NULL;
    if (right_free)
        free_vanishes(picture, right);
    picture->blocks[quantum].quanta = new;
    if (quantum + new < end)
        free_appears(picture, quantum + new, end - (quantum + new));
    return NULL;
}

/* ---- held pages --------------- */

static const char *replay_held(struct picture *picture,
                               const struct mm_event *event, bool held)
{
    if (!are_pages(picture, event->at, event->size))
        return "HOLD or TRIM: these are not pages of the arena";

    struct picture_page *page = &picture->page[event->at / MM_PAGE];

    for (uint64_t i = 0; i < event->size / MM_PAGE; i++) {
        if (page[i].held == held)
            return held ? "HOLD: a frame is behind the page already"
                        : "TRIM: there is no frame behind the page";
    }
    for (uint64_t i = 0; i < event->size / MM_PAGE; i++)
        page[i].held = held;
    return NULL;
}

bool picture_is_hollow(const struct picture *picture, uint32_t quantum)
{
    uint64_t start = (uint64_t)quantum * MM_QUANTUM - BLOCK_HEADER;
    uint64_t end = start + bytes_at(picture, quantum);

    for (uint64_t page = start / MM_PAGE; page * MM_PAGE < end; page++) {
        if (!picture->page[page].held)
            return true;
    }
    return false;
}

/* ---- slot pages --------------- */

static bool slice_is_full(const struct picture_slots *slice)
{
    return slice->free == 0 &&
           slice->watermark + slice->slot_bytes > slice->end;
}

static uint32_t slice_quantum(const struct picture *picture,
                              const struct picture_slots *slice)
{
    return (uint32_t)(slice - picture->slices) * (MM_SLOT_PAGE / MM_QUANTUM);
}

static struct picture_slots *slice_at(const struct picture *picture,
                                      uint32_t quantum)
{
    return &picture->slices[quantum / (MM_SLOT_PAGE / MM_QUANTUM)];
}

static void slice_insert(struct picture *picture, struct picture_slots *slice)
{
    uint32_t quantum = slice_quantum(picture, slice);
    uint32_t *head = &lists_of(picture, quantum)
                          ->slot_lists[slot_class(slice->slot_bytes)];

    slice->previous = 0;
    slice->next = *head;
    if (*head != 0)
        slice_at(picture, *head)->previous = quantum;
    *head = quantum;
}

/* Behind the first of its list, or as the first. */
static void slice_insert_second(struct picture *picture,
                                struct picture_slots *slice)
{
    uint32_t quantum = slice_quantum(picture, slice);
    uint32_t first = lists_of(picture, quantum)
                         ->slot_lists[slot_class(slice->slot_bytes)];

    if (first == 0) {
        slice_insert(picture, slice);
        return;
    }
    slice->previous = first;
    slice->next = slice_at(picture, first)->next;
    slice_at(picture, first)->next = quantum;
    if (slice->next != 0)
        slice_at(picture, slice->next)->previous = quantum;
}

static void slice_remove(struct picture *picture, struct picture_slots *slice)
{
    if (slice->previous != 0)
        slice_at(picture, slice->previous)->next = slice->next;
    else
        lists_of(picture, slice_quantum(picture, slice))
            ->slot_lists[slot_class(slice->slot_bytes)] = slice->next;
    if (slice->next != 0)
        slice_at(picture, slice->next)->previous = slice->previous;
    slice->next = slice->previous = 0;
}

static const char *replay_page_take(struct picture *picture,
                                    const struct mm_event *event)
{
    uint32_t quantum = quantum_of(picture, event->at);

    if (event->at % MM_SLOT_PAGE != 0 || !is(picture, quantum, PICTURE_USED))
        return "PAGE_TAKE: no used block starts at this slice of 2 KiB";

    uint64_t payload = bytes_at(picture, quantum) - BLOCK_HEADER;
    uint64_t room = payload < MM_SLOT_PAGE ? payload : MM_SLOT_PAGE;
    uint64_t first = event->other - event->at;

    if (event->other <= event->at || event->size == 0 ||
        event->size > SLOT_MAX_BYTES || event->size % PICTURE_GRAIN != 0 ||
        first % PICTURE_GRAIN != 0 || first + event->size > room)
        return "PAGE_TAKE: not one slot fits in";

    struct picture_slots *slice = slice_at(picture, quantum);
    uint64_t count = (room - first) / event->size;

    picture->blocks[quantum].what = PICTURE_SLOTS;
    *slice = (struct picture_slots){
        .slot_bytes = (uint16_t)event->size, .first = (uint16_t)first,
        .end = (uint16_t)(first + count * event->size),
        .watermark = (uint16_t)first,
    };
    slice_insert(picture, slice);
    return NULL;
}

static const char *replay_page_give(struct picture *picture,
                                    const struct mm_event *event)
{
    uint32_t quantum = quantum_of(picture, event->at);

    if (!is(picture, quantum, PICTURE_SLOTS))
        return "PAGE_GIVE: there is no slot page";

    struct picture_slots *slice = slice_at(picture, quantum);
    uint16_t *slots = &picture->slots[event->at / PICTURE_GRAIN];

    if (slice->used != 0 || event->size != slice->slot_bytes)
        return "PAGE_GIVE: the slot page is not empty, or of another class";
    slice_remove(picture, slice);
    *slice = (struct picture_slots){ 0 };
    for (int i = 0; i < MM_SLOT_PAGE / PICTURE_GRAIN; i++)
        slots[i] = PICTURE_SLOT_UNTOUCHED;
    picture->blocks[quantum].what = PICTURE_USED;
    return NULL;
}

/* The slice that the slot at AT lies in, or NULL. */
static struct picture_slots *slice_of_slot(const struct picture *picture,
                                           uint64_t at)
{
    if (at / MM_PAGE >= picture->pages)
        return NULL;

    struct picture_slots *slice = &picture->slices[at / MM_SLOT_PAGE];
    uint64_t offset = at % MM_SLOT_PAGE;

    if (slice->slot_bytes == 0 || offset < slice->first ||
        offset >= slice->end ||
        (offset - slice->first) % slice->slot_bytes != 0)
        return NULL;
    return slice;
}

static const char *replay_slot_take(struct picture *picture,
                                    const struct mm_event *event)
{
    struct picture_slots *slice = slice_of_slot(picture, event->at);

    if (slice == NULL || event->size != slice->slot_bytes)
        return "SLOT_TAKE: no slot of this size starts there";

    uint16_t offset = (uint16_t)(event->at % MM_SLOT_PAGE);
    uint16_t *slot = &picture->slots[event->at / PICTURE_GRAIN];

    if (slice->free != 0) {
        if (event->other != 0 || offset != slice->free)
            return "SLOT_TAKE: not the head of the page's list";
        slice->free = *slot;
    } else {
        if (event->other != 1 || offset != slice->watermark)
            return "SLOT_TAKE: not the slot at the watermark";
        slice->watermark = (uint16_t)(offset + slice->slot_bytes);
    }
    *slot = PICTURE_SLOT_USED;
    slice->used++;
    if (slice_is_full(slice))
        slice_remove(picture, slice);
    return NULL;
}

static const char *replay_slot_give(struct picture *picture,
                                    const struct mm_event *event)
{
    struct picture_slots *slice = slice_of_slot(picture, event->at);

    if (slice == NULL || event->size != slice->slot_bytes)
        return "SLOT_GIVE: no slot of this size starts there";

    uint16_t *slot = &picture->slots[event->at / PICTURE_GRAIN];

    if (*slot != PICTURE_SLOT_USED || !may_be_given(picture, event->at))
        return "SLOT_GIVE: the slot is not used, or waits on a remote list";
    if (slice_is_full(slice))
        slice_insert_second(picture, slice);
    *slot = slice->free;
    slice->free = (uint16_t)(event->at % MM_SLOT_PAGE);
    slice->used--;
    return NULL;
}

/* ---- ranges --------------- */

/* Makes a range boundary before PAGE, if there is none. */
static void range_cut(struct picture *picture, uint64_t page)
{
    if (page >= picture->pages || picture->page[page].pages != 0)
        return;

    uint32_t start = range_start(picture, page);
    struct picture_page *left = &picture->page[start];

    picture->page[page].pages = left->pages - (uint32_t)(page - start);
    picture->page[page].type = left->type;
    left->pages = (uint32_t)(page - start);
}

/* Takes away the boundary before PAGE, when both sides are free. */
static void range_join(struct picture *picture, uint64_t page)
{
    if (page == 0 || page >= picture->pages)
        return;

    struct picture_page *left =
        &picture->page[range_start(picture, page - 1)];
    struct picture_page *right = &picture->page[page];

    if (left->type != RANGE_FREE || right->type != RANGE_FREE)
        return;
    left->pages += right->pages;
    right->pages = 0;
}

/* Whether [AT, AT + SIZE) lies in one range that is free, or that is used. */
static bool in_one_range(const struct picture *picture, uint64_t at,
                         uint64_t size, bool free)
{
    uint32_t start = range_start(picture, at / MM_PAGE);
    const struct picture_page *range = &picture->page[start];

    return (range->type == RANGE_FREE) == free &&
           at + size <= ((uint64_t)start + range->pages) * MM_PAGE;
}

static const char *replay_map(struct picture *picture,
                              const struct mm_event *event)
{
    if (!are_pages(picture, event->at, event->size) ||
        event->other == RANGE_FREE || event->other >= RANGE_TYPES)
        return "MAP: these are not pages of the arena, or it is no type";
    if (!in_one_range(picture, event->at, event->size, true))
        return "MAP: the pages are not in one free range";

    uint64_t page = event->at / MM_PAGE;

    range_cut(picture, page);
    range_cut(picture, page + event->size / MM_PAGE);
    picture->page[page].type = (uint16_t)event->other;
    if (event->other == RANGE_TAGS)     /* holds its page itself */
        picture->page[page].held = true;
    return NULL;
}

static const char *replay_unmap(struct picture *picture,
                                const struct mm_event *event)
{
    if (!are_pages(picture, event->at, event->size))
        return "UNMAP: these are not pages of the arena";
    if (!in_one_range(picture, event->at, event->size, false))
        return "UNMAP: the pages are not in one used range";

    uint64_t page = event->at / MM_PAGE;
    uint64_t end = page + event->size / MM_PAGE;

    range_cut(picture, page);
    range_cut(picture, end);
    if (picture->page[page].type == RANGE_TAGS)     /* held by the ranges */
        for (uint64_t i = page; i < end; i++)
            picture->page[i].held = false;
    picture->page[page].type = RANGE_FREE;
    range_join(picture, end);
    range_join(picture, page);
    return NULL;
}

/* ---- frames --------------- */

static struct frames_region *region_of(const struct picture *picture,
                                       uint64_t pfn)
{
    for (uint32_t i = 0; i < picture->region_count; i++) {
        if (pfn >= picture->regions[i].start && pfn < picture->regions[i].end)
            return &picture->regions[i];
    }
    return NULL;
}

/* The frames [PFN, PFN + COUNT) leave the list, from wherever they are. False:
 * they are not all there. */
static bool stack_withdraw(struct picture *picture, uint64_t pfn,
                           uint64_t count)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < picture->free_frames; i++) {
        pfn_t listed = picture->frame_stack[i];

        if (listed < pfn || listed - pfn >= count)
            picture->frame_stack[kept++] = listed;
    }

    bool all = picture->free_frames - kept == count;

    picture->free_frames = kept;
    return all;
}

static const char *replay_frame_take(struct picture *picture,
                                     const struct mm_event *event)
{
    uint64_t pfn = event->at / MM_PAGE, count = event->size / MM_PAGE;
    struct frames_region *region = region_of(picture, pfn);

    if (picture->region_count == 0)
        return NULL;
    if (region == NULL || count == 0)
        return "FRAME_TAKE: no region has this frame";
    if (event->other == 0) {
        if (count > 1) {
            if (!stack_withdraw(picture, pfn, count))
                return "FRAME_TAKE: these frames are not all on the list";
        } else {
            if (picture->free_frames == 0 ||
                picture->frame_stack[picture->free_frames - 1] != pfn)
                return "FRAME_TAKE: not the frame on top of the list";
            picture->free_frames--;
        }
    } else {
        if (pfn != region->watermark || count > region->end - pfn)
            return "FRAME_TAKE: not the frames at the watermark";
        region->watermark += (pfn_t)count;
    }
    for (uint64_t i = 0; i < count; i++)
        picture->frame[pfn + i] = PICTURE_FRAME_OWNED;
    return NULL;
}

static const char *replay_frame_give(struct picture *picture,
                                     const struct mm_event *event)
{
    uint64_t pfn = event->at / MM_PAGE;

    if (picture->region_count == 0)
        return NULL;
    if (region_of(picture, pfn) == NULL ||
        picture->frame[pfn] != PICTURE_FRAME_OWNED)
        return "FRAME_GIVE: the frame is not handed out";
    picture->frame[pfn] = PICTURE_FRAME_FREE;
    picture->frame_stack[picture->free_frames++] = (pfn_t)pfn;
    return NULL;
}

/* ---- threads --------------- */

static const char *replay_push(struct picture *picture,
                               const struct mm_event *event)
{
    uint32_t quantum = quantum_of(picture, event->at);
    uint64_t grain = event->at / PICTURE_GRAIN;

    if (event->owner >= PICTURE_HEAPS ||
        event->at / MM_PAGE >= picture->pages ||
        event->at % PICTURE_GRAIN != 0 ||
        picture->page[event->at / MM_PAGE].owner != event->owner)
        return "REMOTE_PUSH: not a payload of this heap";
    if (!is(picture, quantum, PICTURE_USED) &&
        picture->slots[grain] != PICTURE_SLOT_USED)
        return "REMOTE_PUSH: nothing that is used starts there";
    if (waits(picture, event->at))
        return "REMOTE_PUSH: it waits on the list already";
    picture->remote[grain] = 1 + picture->heap[event->owner].remote;
    picture->heap[event->owner].remote = (uint32_t)grain;
    return NULL;
}

static const char *replay_drain(struct picture *picture,
                                const struct mm_event *event)
{
    uint64_t count = 0;

    if (event->owner >= PICTURE_HEAPS)
        return "REMOTE_DRAIN: there is no heap of this number";

    struct picture_lists *lists = &picture->heap[event->owner];

    for (uint32_t grain = lists->remote; grain != 0;
         grain = picture->remote[grain] - 1)
        count++;
    if (count != event->size || count == 0)
        return "REMOTE_DRAIN: another number of payloads waits";
    if (lists->drained != 0)
        return "REMOTE_DRAIN: there are some from the last time";
    lists->drained = lists->remote;
    lists->remote = 0;
    return NULL;
}

const char *picture_event(struct picture *picture,
                          const struct mm_event *event)
{
    switch ((enum mm_event_kind)event->kind) {
    case MM_EVENT_GROW:
        return replay_grow(picture, event);
    case MM_EVENT_SHRINK:
        return replay_shrink(picture, event);
    case MM_EVENT_SPLIT:
        return replay_split(picture, event);
    case MM_EVENT_TAKE:
        return replay_take(picture, event);
    case MM_EVENT_RELEASE:
        return replay_release(picture, event);
    case MM_EVENT_COALESCE:
        return replay_coalesce(picture, event);
    case MM_EVENT_RESIZE:
        return replay_resize(picture, event);
    case MM_EVENT_HOLD:
        return replay_held(picture, event, true);
    case MM_EVENT_TRIM:
        return replay_held(picture, event, false);
    case MM_EVENT_REFUSE:
        return NULL;                    /* and nothing has changed */
    case MM_EVENT_PAGE_TAKE:
        return replay_page_take(picture, event);
    case MM_EVENT_PAGE_GIVE:
        return replay_page_give(picture, event);
    case MM_EVENT_SLOT_TAKE:
        return replay_slot_take(picture, event);
    case MM_EVENT_SLOT_GIVE:
        return replay_slot_give(picture, event);
    case MM_EVENT_MAP:
        return replay_map(picture, event);
    case MM_EVENT_UNMAP:
        return replay_unmap(picture, event);
    case MM_EVENT_FRAME_TAKE:
        return replay_frame_take(picture, event);
    case MM_EVENT_FRAME_GIVE:
        return replay_frame_give(picture, event);
    case MM_EVENT_KEEP:
        return replay_keep(picture, event);
    case MM_EVENT_REUSE:
        return kept_remove(picture, event);
    case MM_EVENT_REMOTE_PUSH:
        return replay_push(picture, event);
    case MM_EVENT_REMOTE_DRAIN:
        return replay_drain(picture, event);
    case MM_EVENT_ADOPT:
        return NULL;                    /* whose thread it is, nobody draws */
    case MM_EVENT_WAIT:                 /* as used as before */
        return NULL;
    case MM_EVENT_KINDS:
        break;
    }
    return "an event of no known kind";
}

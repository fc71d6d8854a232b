/* SPDX-License-Identifier: MIT */
/*
 * lab.c - a small machine, put together from the parts of src/mm
 *
 * Theory of operation
 * -------------------
 * The lab does in small what the kernel does at boot, in the same order and
 * with the same functions (parts.c):
 *
 *     firmware's map    made up, four regions, with the usual lies
 *      -> memmap_build  which frames are usable
 *      -> frames        a watermark for each usable piece, then a list
 *      -> ranges        the arena's pages
 *      -> heap          one empty span to begin with
 *
 * What a kernel's paging does is a table here: page of the arena -> frame.
 * The bytes of the arena do not move when a frame is put behind a page; the
 * page is cleared when it gets a frame and when it loses it. The contents of
 * frames matter in one place only, the list of freed frames, whose holders
 * have room of their own beside the arena.
 *
 * Lesson: docs/lessons/00-boot.md
 */
#include "lab.h"

#include "parts.h"

#include "../trace/ledger.h"

enum {
    LAB_REGIONS = 4,                    /* of the made-up firmware */
    LAB_PIECES = MEMMAP_PIECES_FOR(LAB_REGIONS),
    LAB_LOW_FRAMES_MAX = 64,            /* in the first usable region */
    LAB_LEDGER_MAX = 65536,
};

struct lab_holder {
    pfn_t frame;                        /* whose contents; FRAME_NONE: free */
    uint32_t unused;
    struct frames_holder contents;
};

struct lab {
    struct parts parts;                 /* first: a lab is a machine */
    struct lab_setup setup;
    struct firmware_entry firmware[LAB_REGIONS];
    struct memmap_piece pieces[LAB_PIECES];
    struct frames_region regions[LAB_PIECES];

    /* Into the rest of the lab's memory. */
    struct ledger *ledger;
    uint32_t *bits;
    pfn_t *page_table;                  /* frame behind each page, or none */
    struct lab_holder *holders;
    uint32_t *handles;
    struct heap *threads;               /* [LAB_THREADS]; `home` is NULL in
                                           those that are none yet */
    uint32_t thread_count;              /* LAB_THREADS, or 0 */
    unsigned char *arena;
    uint32_t bits_words, page_count, holder_count;
    size_t room_bytes;                  /* from the ledger to the end */
};

const struct lab_setup lab_default = {
    .arena_bytes = LAB_ARENA_BYTES,
    .span_bytes = LAB_ARENA_BYTES,
    .frames = 0,
    .level = HEAP_LEVEL_CHECK,
    .small = false,
};

const char *lab_setup_fault(const struct lab_setup *setup)
{
    if (!mm_is_power_of_two(setup->span_bytes) ||
        setup->span_bytes < SPAN_MIN_BYTES ||
        setup->span_bytes > SPAN_MAX_BYTES)
        return "a span is a power of two from 4K to 512K";
    if (setup->arena_bytes == 0 || setup->arena_bytes > LAB_ARENA_MAX ||
        setup->arena_bytes % setup->span_bytes != 0)
        return "an arena is a multiple of the span, up to 256M";
    if (setup->frames == 1)
        return "a lab has at least two frames, for a span's first page and "
               "its last";
    if (setup->frames > LAB_ARENA_MAX / MM_PAGE)
        return "a lab has at most 65536 frames";
    if (setup->level < HEAP_LEVEL_CHECK)
        return "a lab's level of care is check or above";
    return NULL;
}

/* ---- how the lab's memory is cut -------------------------------------- */

struct layout {
    uint32_t frames, low_frames, high_start;    /* usable frames, and where */
    uint32_t pages, bits_words, holders, ledger_entries;
    uint32_t threads;
    size_t ledger_at, bits_at, table_at, holders_at, handles_at, threads_at,
        arena_at, end;
};

static struct layout layout_of(const struct lab_setup *setup)
{
    struct layout layout = {
        .pages = (uint32_t)(setup->arena_bytes / MM_PAGE),
    };

    layout.frames = setup->frames > 0 ? setup->frames : layout.pages;
    layout.low_frames = layout.frames / 2 > 0 ? layout.frames / 2 : 1;
    if (layout.low_frames > LAB_LOW_FRAMES_MAX)
        layout.low_frames = LAB_LOW_FRAMES_MAX;

    /* The second region follows a hole of two frames, or starts at 1 MiB
     * like a PC's when it would reach into the screen's memory. */
    layout.high_start = 1 + layout.low_frames + 2;
    if (layout.high_start + layout.frames >=
        MEMMAP_FIRMWARE_AREA_START / MM_PAGE)
        layout.high_start = MEMMAP_FIRMWARE_AREA_END / MM_PAGE;

    uint32_t end_frame = layout.high_start + layout.frames + 1;
    uint64_t entries = setup->arena_bytes / MM_QUANTUM;

    layout.bits_words = end_frame / 32 + 1;
    layout.holders = layout.frames / (FRAMES_PER_HOLDER + 1) + 2;
    layout.ledger_entries =
        entries < LAB_LEDGER_MAX ? (uint32_t)entries : LAB_LEDGER_MAX;

    layout.ledger_at = (size_t)mm_round_up(sizeof(struct lab), 64);
    layout.bits_at = layout.ledger_at + ledger_bytes(layout.ledger_entries);
    layout.table_at = layout.bits_at + (size_t)layout.bits_words * 4;
    layout.holders_at =
        (size_t)mm_round_up(layout.table_at + (size_t)layout.pages * 4, 8);
    layout.handles_at =
        layout.holders_at + layout.holders * sizeof(struct lab_holder);
    layout.threads = setup->arena_bytes > setup->span_bytes ? LAB_THREADS : 0;
    layout.threads_at = (size_t)mm_round_up(
        layout.handles_at + (size_t)setup->handles * 4, 16);
    layout.arena_at = (size_t)mm_round_up(
        layout.threads_at + layout.threads * sizeof(struct heap), MM_PAGE);
    layout.end = layout.arena_at + (size_t)setup->arena_bytes;
    return layout;
}

size_t lab_bytes(const struct lab_setup *setup)
{
    return layout_of(setup).end;
}

/* ---- what paging does, in a table -------------------------------------- */

/* The lab that PARTS is the first member of. */
static struct lab *lab_of(struct parts *parts)
{
    return (struct lab *)parts;
}

static struct lab_holder *holder_find(struct lab *lab, pfn_t frame)
{
    for (uint32_t i = 0; i < lab->holder_count; i++)
        if (lab->holders[i].frame == frame)
            return &lab->holders[i];
    return NULL;
}

static struct frames_holder *lab_holder(void *context, pfn_t pfn)
{
    struct lab *lab = context;
    struct lab_holder *holder = holder_find(lab, pfn);

    if (holder == NULL) {
        holder = holder_find(lab, FRAME_NONE);
        if (holder == NULL)
            return NULL;
        holder->frame = pfn;
    }
    return &holder->contents;
}

static enum frames_bits lab_bits(void *context, uint32_t page, pfn_t pfn)
{
    (void)context;
    (void)page;
    (void)pfn;
    return FRAMES_BITS_READY;
}

/* A frame that was handed out is nobody's holder any more. */
static bool lab_map(struct parts *parts, uint32_t page, pfn_t pfn)
{
    struct lab *lab = lab_of(parts);
    struct lab_holder *holder = holder_find(lab, pfn);

    if (holder != NULL)
        *holder = (struct lab_holder){ .frame = FRAME_NONE };
    lab->page_table[page] = pfn;
    return true;
}

static pfn_t lab_unmap(struct parts *parts, uint32_t page)
{
    struct lab *lab = lab_of(parts);
    pfn_t pfn = lab->page_table[page];

    if (pfn != FRAME_NONE)
        __builtin_memset(lab->arena + (size_t)page * MM_PAGE, 0, MM_PAGE);
    lab->page_table[page] = FRAME_NONE;
    return pfn;
}

static bool lab_frame_of(const struct machine *machine, uint32_t page,
                         pfn_t *pfn)
{
    const struct lab *lab = (const struct lab *)machine;

    if (page >= lab->page_count || lab->page_table[page] == FRAME_NONE)
        return false;
    *pfn = lab->page_table[page];
    return true;
}

static const struct parts_home lab_home = {
    .map = lab_map, .unmap = lab_unmap, .frame_of = lab_frame_of,
    .holder = lab_holder, .bits = lab_bits,
};

_Static_assert(offsetof(struct lab, parts) == 0, "a lab is a machine");

/* ---- the heaps of threads ----------------------------------------------- */

bool lab_has_threads(const struct lab *lab)
{
    return lab->thread_count > 0;
}

struct heap *lab_thread(const struct lab *lab, uint32_t number)
{
    if (number == 0 || number > lab->thread_count ||
        lab->threads[number - 1].home == NULL)
        return NULL;
    return &lab->threads[number - 1];
}

/* For the heaps themselves: whose number is in a tag. */
static struct heap *lab_heap_of(void *context, uint32_t owner)
{
    struct lab *lab = lab_of(context);

    return owner == 0 ? &lab->parts.heap : lab_thread(lab, owner);
}

struct heap *lab_thread_start(struct lab *lab, uint32_t number)
{
    struct heap *heap = lab_thread(lab, number);

    if (heap != NULL || number == 0 || number > lab->thread_count)
        return heap;
    heap = &lab->threads[number - 1];
    heap_init(heap, &(struct heap_setup){
        .home = &lab->parts.arena_home,
        .ranges = &lab->parts.ranges,
        .span_bytes = lab->setup.span_bytes,
        .keep = LAB_THREAD_KEEPS,
        .owner = number,
        .level = lab->setup.level,
        .small = true,
    });
    return heap;
}

void lab_room_was_set(struct lab *lab)
{
    for (uint32_t number = 1; number <= lab->thread_count; number++) {
        struct heap *heap = lab_thread(lab, number);

        if (heap == NULL)
            continue;
        heap->home = &lab->parts.arena_home;
        heap->ranges = &lab->parts.ranges;
        heap->base = lab->arena;
        heap->blocks = lab->arena - BLOCK_HEADER;
        heap->looks = NULL;
    }
}

/* ---- making one -------------------------------------------------------- */

/*
 * The firmware's map of the lab: RAM up to a hole that an adapter's memory
 * fills, RAM above it that ends within a frame, and tables behind that.
 *
 *     frame 0   1 ... low      | hole |  high_start ...       |tables
 *     |avail.   available      | res. |  available          .|ACPI   |
 */
static void firmware_make(struct lab *lab, const struct layout *layout)
{
    uint64_t low_end = (uint64_t)(1 + layout->low_frames) * MM_PAGE;
    uint64_t high = (uint64_t)layout->high_start * MM_PAGE;
    uint64_t high_end = high + MM_PAGE *
        (uint64_t)(layout->frames - layout->low_frames) + 0x400;

    lab->firmware[0] = (struct firmware_entry){
        .base = 0, .length = low_end, .type = FIRMWARE_AVAILABLE };
    lab->firmware[1] = (struct firmware_entry){
        .base = low_end, .length = high - low_end,
        .type = FIRMWARE_RESERVED };
    lab->firmware[2] = (struct firmware_entry){
        .base = high, .length = high_end - high,
        .type = FIRMWARE_AVAILABLE };
    lab->firmware[3] = (struct firmware_entry){
        .base = high_end, .length = 0xc00,
        .type = FIRMWARE_ACPI_RECLAIMABLE };
}

struct lab *lab_init(void *memory, const struct lab_setup *setup,
                     void (*listener)(void *context,
                                      const struct mm_event *event),
                     void *listener_context)
{
    MM_REQUIRE(lab_setup_fault(setup) == NULL, "ask lab_setup_fault first");

    struct layout layout = layout_of(setup);
    unsigned char *bytes = memory;
    struct lab *lab = memory;

    __builtin_memset(memory, 0, layout.end);
    *lab = (struct lab){
        .setup = *setup,
        .ledger = ledger_init(bytes + layout.ledger_at,
                              layout.ledger_entries),
        .bits = (uint32_t *)(bytes + layout.bits_at),
        .page_table = (pfn_t *)(bytes + layout.table_at),
        .holders = (struct lab_holder *)(bytes + layout.holders_at),
        .handles = (uint32_t *)(bytes + layout.handles_at),
        .threads = (struct heap *)(bytes + layout.threads_at),
        .thread_count = layout.threads,
        .arena = bytes + layout.arena_at,
        .room_bytes = layout.end - layout.ledger_at,
        .bits_words = layout.bits_words,
        .page_count = layout.pages,
        .holder_count = layout.holders,
    };
    firmware_make(lab, &layout);

    bool built = parts_map(&lab->parts, &(struct memmap_input){
        .entries = lab->firmware,
        .entry_count = LAB_REGIONS,
        .limit = MEMMAP_LIMIT_I686,
    }, &(struct parts_room){
        lab->pieces, lab->regions, LAB_PIECES, LAB_PIECES,
    });

    MM_ASSERT(built);
    parts_start(&lab->parts, &(struct parts_setup){
        .name = "lab",
        .home = &lab_home,
        .base = lab->arena,
        .pages = layout.pages,
        .bits = lab->bits,
        .span_bytes = setup->span_bytes,
        .level = setup->level,
        .small = setup->small,
        .policy = setup->policy,
        .order = setup->order,
        .writable = true,
    });
    lab->parts.machine.ledger = lab->ledger;
    lab->parts.machine.listener = listener;
    lab->parts.machine.listener_context = listener_context;
    lab->parts.arena_home.heap_of = lab_heap_of;
    heap_grow(&lab->parts.heap);
    return lab;
}

struct machine *lab_machine(struct lab *lab)
{
    return &lab->parts.machine;
}

const struct lab_setup *lab_setup_of(const struct lab *lab)
{
    return &lab->setup;
}

uint32_t *lab_handles(struct lab *lab)
{
    return lab->handles;
}

/* ---- all of its state --------------------------------------------------- */

/* The fields FIRST to LAST of OBJECT: the state, without pointers, and without
 * what 64-bit machines add behind the last field. */
#define VISIT_FIELDS(object, type, first, last)                            \
    visit(context, &(object)->first,                                       \
          offsetof(type, last) + sizeof((object)->last) -                  \
              offsetof(type, first))

#define HEAP_STATE(visit_with, with, heap)                                 \
    visit_with(with, &(heap)->small,                                       \
               offsetof(struct heap, kept) +                               \
                   sizeof((heap)->kept) - offsetof(struct heap, small))

/* Calls VISIT with each run of fields that is state, always in this order. */
static void fields_visit(struct lab *lab,
                         void (*visit)(void *context, void *fields,
                                       size_t bytes),
                         void *context)
{
    visit(context, lab->regions,
          lab->parts.frames.region_count * sizeof(lab->regions[0]));
    VISIT_FIELDS(&lab->parts.frames, struct frames, region, own_count);
    VISIT_FIELDS(&lab->parts.ranges, struct ranges, root, first);
    VISIT_FIELDS(&lab->parts.heap, struct heap, small, kept);
}

static void field_count(void *context, void *fields, size_t bytes)
{
    (void)fields;
    *(size_t *)context += bytes;
}

static void field_get(void *context, void *fields, size_t bytes)
{
    void **to = context;

    __builtin_memcpy(*to, fields, bytes);
    *to = (unsigned char *)*to + bytes;
}

static void field_set(void *context, void *fields, size_t bytes)
{
    const void **from = context;

    __builtin_memcpy(fields, *from, bytes);
    *from = (const unsigned char *)*from + bytes;
}

size_t lab_fields_bytes(const struct lab *lab)
{
    size_t bytes = 0;

    fields_visit((struct lab *)lab, field_count, &bytes);
    return bytes;
}

void lab_fields_get(const struct lab *lab, void *copy)
{
    fields_visit((struct lab *)lab, field_get, &copy);
}

void lab_fields_set(struct lab *lab, const void *copy)
{
    fields_visit(lab, field_set, &copy);
}

void *lab_room(const struct lab *lab, size_t *bytes)
{
    *bytes = lab->room_bytes;
    return lab->ledger;
}

static void field_copy(void *context, void *fields, size_t bytes)
{
    ptrdiff_t distance = *(ptrdiff_t *)context;

    __builtin_memcpy((void *)((uintptr_t)fields + (uintptr_t)distance), fields,
                     bytes);
}

void lab_copy(struct lab *to, const struct lab *from)
{
    ptrdiff_t distance = (ptrdiff_t)((uintptr_t)to - (uintptr_t)from);

    MM_REQUIRE(to->room_bytes == from->room_bytes &&
               to->page_count == from->page_count,
               "labs of one setup can be copied");
    fields_visit((struct lab *)from, field_copy, &distance);
    __builtin_memcpy(to->ledger, from->ledger, from->room_bytes);
    lab_room_was_set(to);
}

/* ---- one number for all of it ------------------------------------------ */

/* FNV-1a over 32-bit words, which are written as they lie in memory: all
 * homes are little-endian. */
static uint64_t hash_words(uint64_t hash, const void *words, size_t bytes)
{
    const uint32_t *word = words;

    for (size_t i = 0; i < bytes / 4; i++)
        hash = (hash ^ word[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void field_hash(void *context, void *fields, size_t bytes)
{
    uint64_t *hash = context;

    *hash = hash_words(*hash, fields, bytes);
}

uint64_t lab_hash(const struct lab *lab)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    fields_visit((struct lab *)lab, field_hash, &hash);
    hash = hash_words(hash, lab->bits, (size_t)lab->bits_words * 4);
    hash = hash_words(hash, lab->page_table, (size_t)lab->page_count * 4);
    for (uint32_t i = 0; i < lab->holder_count; i++)
        if (lab->holders[i].frame != FRAME_NONE)
            hash = hash_words(hash, &lab->holders[i],
                              sizeof(lab->holders[i]));
    hash = hash_words(hash, lab->handles, (size_t)lab->setup.handles * 4);
    for (uint32_t number = 1; number <= lab->thread_count; number++) {
        struct heap *heap = lab_thread(lab, number);

        if (heap != NULL)
            hash = hash_words(hash, &heap->owner, sizeof heap->owner);
        if (heap != NULL)
            HEAP_STATE(field_hash, &hash, heap);
    }
    hash = hash_words(hash, lab->ledger, ledger_bytes(lab->ledger->capacity));
    for (uint32_t page = 0; page < lab->page_count; page++)
        if (lab->page_table[page] != FRAME_NONE)
            hash = hash_words(hash, lab->arena + (size_t)page * MM_PAGE,
                              MM_PAGE);
    return hash;
}

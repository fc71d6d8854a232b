/* SPDX-License-Identifier: MIT */
/*
 * heap.h - alloc and free: blocks, slots and large ranges
 *
 * The theory is in heap.c (blocks), slots.c (small objects) and span.h (where
 * everything lies). A heap is one thread's: it takes no lock, and nothing
 * here looks at anything but the heap it is given.
 */
#ifndef MM_HEAP_H
#define MM_HEAP_H

#include "classes.h"
#include "ranges.h"
#include "span.h"

enum {
    HEAP_LISTS = CLASS_COUNT(15),
    HEAP_MAP_WORDS = CLASS_WORDS(HEAP_LISTS),
    HEAP_TRIES = 8,             /* blocks of its own list that a request looks
                                   at before it turns to larger ones */
    SLOT_MAX_BYTES = 256,
    SLOT_ALIGN_MOST = 64,       /* that slots are aligned to (slots.c) */
    SLOT_CLASSES = SLOT_MAX_BYTES / MM_QUANTUM + 1,     /* 8, 16, 32 ... 256 */
    HEAP_NO_SPAN = UINT32_MAX,
    KEPT_SIZES = 2064,          /* blocks below so many quanta, a buffer of
                                   32 KiB too, may be kept: a list for each */
    KEPT_MOST = (1 << 13) - 1,  /* blocks of a size */
    KEPT_SPEND = 14,            /* that are freed before pages are held, */
    KEPT_PART = 4,              /* first those of this part of the request */
    KEPT_GROUP = 8,             /* sizes that share a bit, and a cache line */
    KEPT_GROUPS = (KEPT_SIZES / KEPT_GROUP + 63) / 64 * 64,
    KEPT_WORDS = CLASS_WORDS(KEPT_GROUPS),  /* as long on all machines */
    HEAP_WAITING = 64,          /* freed payloads that wait, at level full */
};

/* How much a heap trusts its caller and its own memory. */
enum heap_level {
    HEAP_LEVEL_NONE,            /* nothing beyond what costs nothing */
    HEAP_LEVEL_CHECK,           /* live bits; headers and links are compared
                                   with their neighbours before use */
    HEAP_LEVEL_CANARY,          /* a trailer behind each payload tells of
                                   writes past its end (heap_care.c) */
    HEAP_LEVEL_POISON,          /* free memory has a pattern, at both ends */
    HEAP_LEVEL_FULL,            /* guard pages; freed memory waits */
    HEAP_LEVELS
};

/* "none" and so on. */
const char *heap_level_name(enum heap_level level);

/* Where a free block goes that a policy keeps on one list (heap_policy.h). */
enum heap_order {
    HEAP_LAST_FIRST,            /* to the front: the last freed is the first */
    HEAP_BY_ADDRESS,
};

struct heap_policy;
struct heap_looks;
struct slot_page;

/* The kept blocks of one size (heap_kept.c). */
struct kept_size {
    block_ref first;
    int16_t left;               /* how many more may be kept */
    uint16_t most : 15;         /* in all */
    uint16_t was_full : 1;      /* since one was asked for in vain */
};

/* How many they are. */
static inline int kept_count(const struct kept_size *size)
{
    return size->first == BLOCK_NIL ? 0 : size->most - size->left;
}

struct heap {
    /* set by heap_init, constant from then on */
    const struct mm_home *home;
    struct ranges *ranges;      /* where spans and large ranges come from */
    unsigned char *base;        /* the arena's first byte */
    uint32_t arena_quanta;
    uint32_t span_bytes;        /* a power of two */
    uint32_t head_bytes;        /* of a span, up to its first block's header */
    uint32_t span_mask;         /* span_bytes - 1 */
    unsigned char *blocks;      /* where a block of the name 0 would lie */
    uint32_t large_bytes;       /* a block serves requests up to this */
    uint32_t span_quanta;       /* of the one block of an empty span */
    uint32_t hollow_pages;      /* a free gives back the pages inside a free
                                   block when so many are held; 0: never */
    uint32_t spare_quanta;      /* a free block that could spare something is
                                   at least so long */
    uint32_t owner;             /* this heap's number in tags */
    uint32_t level;             /* enum heap_level */
    uint32_t trailer_bytes;     /* behind each payload, at level canary */
    uint32_t keep;              /* freed blocks of a size, at first; 0: none */
    uint32_t keep_most;         /* and when that is too few */
    uint32_t order;             /* enum heap_order */
    uint32_t plain_bytes;       /* 0: somebody watches, doubts or chooses; or
                                   what heap_quick.c serves: less than a span */
    uint32_t quick_bytes;       /* the same where nothing is kept; or 0 */
    uint32_t quick_tag;         /* and the tag of such payloads, */
    uintptr_t quick_end;        /* which lie before this offset; or 0 */
    struct heap_fast *fast;     /* short cuts that the home takes; or NULL */
    const struct heap_policy *policy;   /* NULL: segregated (heap_fit.c) */
    struct heap_looks *looks;   /* told of every block that is examined; may
                                   be NULL; an observer's, set at any time */
    /* state: offsets and counts only */
    uint32_t small;             /* 1: requests up to 256 bytes get slots */
    uint32_t empty_span;        /* the empty span that is kept: its first
                                   page, or HEAP_NO_SPAN */
    uint32_t refusal;           /* enum mm_fault: why the last call failed */
    uint32_t refusal_quantum;   /* and where, as a block_ref; or BLOCK_NIL */
    uint32_t examined;          /* blocks that the last call looked at */
    block_ref rover;            /* a policy's own; or BLOCK_NIL */
    uint32_t drained;           /* the rest of a list taken from `remote` */
    uint32_t random;            /* at level full: decides what waits how long */
    class_word map[HEAP_MAP_WORDS];
    block_ref lists[HEAP_LISTS];
    block_ref slot_lists[SLOT_CLASSES]; /* slot pages with room, by class */
    class_word kept_map[KEPT_WORDS];    /* groups of sizes of which some may
                                           be kept */
    uint32_t waiting[HEAP_WAITING];     /* payloads in units of 8; 0: none */
    uint32_t remote;            /* payloads that other threads freed: a list
                                   that they push on (threads.c), atomic; far
                                   from what the heap's own thread looks at */
    struct kept_size kept[KEPT_SIZES];  /* by quanta; last, since most of it
                                           nobody ever touches */
};

_Static_assert(offsetof(struct heap, map) ==
                   offsetof(struct heap, random) + 4 &&
               offsetof(struct heap, kept_map) ==
                   offsetof(struct heap, slot_lists) + SLOT_CLASSES * 4 &&
               sizeof(class_word[KEPT_WORDS]) % 8 == 0,
               "state looks the same on all machines: no gaps");

struct heap_setup {
    const struct mm_home *home;
    struct ranges *ranges;
    uint32_t span_bytes;        /* power of two, 4 KiB ... 512 KiB */
    uint32_t hollow_pages;
    uint32_t keep;              /* freed blocks of each size, at first */
    uint32_t owner;             /* below 65536 */
    enum heap_level level;
    uint32_t seed;              /* at level full: of the order of reuse */
    bool small;
    const struct heap_policy *policy;   /* or NULL */
    enum heap_order order;
};

/* Makes HEAP, without a span yet. */
void heap_init(struct heap *heap, const struct heap_setup *setup);

enum heap_kind {
    HEAP_ANY,                   /* by size, as the heap is set up */
    HEAP_BLOCK,
    HEAP_SLOT,                  /* up to SLOT_MAX_BYTES */
    HEAP_LARGE,
};

struct heap_request {
    uint64_t size;              /* bytes; 0 is served like 1 */
    uint64_t align;             /* a power of two; 0: MM_QUANTUM (a slot of
                                   8: 8). Beyond span_bytes / 4 the request
                                   is a large one */
    enum heap_kind kind;
};

/*
 * Memory for REQUEST, contents unknown, the caller's until heap_free. NULL
 * when it is refused: heap->refusal says why, and nothing has changed, but
 * that what the heap kept for itself may be gone, as after heap_trim(). A block
 * that can be found in constant time is; before a refusal everything is
 * searched, so that a refusal is never wrong.
 */
void *heap_alloc_request(struct heap *heap, const struct heap_request *request);

/* The same for SIZE bytes of any kind, at a multiple of MM_QUANTUM. */
void *heap_alloc(struct heap *heap, uint64_t size);

/*
 * Gives PAYLOAD (NULL: nothing) back. MM_OK, or what is wrong with PAYLOAD or
 * the memory around it (level check and above), and nothing has changed;
 * heap->refusal_quantum names the damaged place. Constant time, but for
 * pages that are given back: at most those of one span.
 */
enum mm_fault heap_free(struct heap *heap, void *payload);

/*
 * Gives PAYLOAD the size SIZE, contents kept up to the smaller of both; moves
 * it when it must. PAYLOAD NULL: heap_alloc. SIZE 0 is served like 1. NULL
 * when refused: PAYLOAD is still the caller's, unchanged.
 */
void *heap_realloc(struct heap *heap, void *payload, uint64_t size);

/* Bytes that the caller may use at PAYLOAD, a live one: at least what was
 * asked for; exactly that at level canary and above. */
uint64_t heap_usable_size(const struct heap *heap, const void *payload);

/* Start and first block of spans: grows the heap by one empty span now. */
enum mm_fault heap_grow(struct heap *heap);

/*
 * Gives back what can be: empty slot pages, whole pages inside free blocks,
 * empty spans. Answers how many pages. Time: every block is looked at.
 */
uint64_t heap_trim(struct heap *heap);

/* What a thread does with its heap when it ends: what can be coalesced is,
 * and the empty span goes back. */
void heap_settle(struct heap *heap);

/* Step ADOPT: from now on HEAP, which another thread has left, belongs to the
 * thread that calls. */
void heap_adopt(struct heap *heap);

/* Whether a request of SIZE bytes is one for a slot in this heap. */
static inline bool heap_wants_slot(const struct heap *heap, uint64_t size)
{
    return heap->small && size + heap->trailer_bytes <= SLOT_MAX_BYTES;
}

/*
 * What to ask for, so that a slot serves SIZE bytes at a multiple of ALIGN, a
 * power of two; 0: no slot does.
 */
static inline uint32_t slot_bytes_aligned(uint64_t size, uint64_t align)
{
    if (align > SLOT_ALIGN_MOST || size > SLOT_MAX_BYTES)
        return 0;

    uint32_t bytes = (uint32_t)mm_round_up(size > 0 ? size : 1, align);

    return bytes == SLOT_ALIGN_MOST && align == SLOT_ALIGN_MOST
               ? 2 * SLOT_ALIGN_MOST : bytes;
}

/* The blocks that a search has looked at, in order. */
enum { HEAP_LOOKS = 64 };

struct heap_looks {
    uint32_t count;             /* may be more than are remembered */
    block_ref at[HEAP_LOOKS];
};

/* The list on which a free block of QUANTA belongs in this heap. */
unsigned heap_list_of(const struct heap *heap, uint32_t quanta);

/* ---- short cuts (heap_fast.h has the theory) --------------------------- */

struct heap_slots {
    _Alignas(SPAN_TAG_CLASS) void *first;       /* kept slots of one class */
    int32_t left;               /* how many more may be kept */
    int32_t most;               /* in all */
};

_Static_assert(sizeof(struct heap_slots) == SPAN_TAG_CLASS,
               "a tag's class is a place in a front");

struct heap_fast {
    struct heap_slots slots[SLOT_CLASSES];      /* by class */
    int32_t slot_pages[SLOT_CLASSES];   /* the class has; those from before
                                   there was a front are not counted */
    uint32_t slots_tag;         /* of this heap's slots of class 0 */
    uintptr_t span_mask;        /* span_bytes - 1 */
    uint32_t room_class;        /* the class that makes room next (slots.c) */
    struct heap *heap;          /* whose front it is */
};

/*
 * From now on HEAP, which nobody watches or checks, keeps FAST up to date, and
 * the home takes short cuts with it. FAST NULL: no longer.
 */
void heap_set_fast(struct heap *heap, struct heap_fast *fast);

/*
 * When no slot for SIZE bytes, up to SLOT_MAX_BYTES, is kept: a slot, or NULL,
 * and heap_alloc() is to be asked why. And when a slot of this heap's could
 * not be KEPT with its class.
 */
void *heap_alloc_slot(struct heap *heap, uint64_t size);
void heap_free_slot(struct heap *heap, struct heap_slots *kept, void *slot);

/*
 * When no block for SIZE bytes is kept, SIZE more than SLOT_MAX_BYTES and no
 * more than heap->large_bytes: the same, and the same.
 */
void *heap_alloc_block(struct heap *heap, uint64_t size);
void heap_free_block(struct heap *heap, void *payload);

/* ---- where things are: offsets from the arena's base ------------------ */

static inline uint64_t heap_at(const struct heap *heap, const void *address)
{
    return (uint64_t)((uintptr_t)address - (uintptr_t)heap->base);
}

static inline uint64_t heap_arena_bytes(const struct heap *heap)
{
    return (uint64_t)heap->arena_quanta * MM_QUANTUM;
}

static inline void *heap_address(const struct heap *heap, uint64_t at)
{
    return heap->base + at;
}

/* ---- looking (heap_walk.c): reads only, trusts nothing ---------------- */

/* One block, slot page or large range, as the memory says. */
struct heap_cursor {
    uint64_t span_at;           /* the span or large range it lies in */
    uint64_t span_bytes;
    uint64_t at;                /* the payload's offset */
    uint64_t size;              /* the block's, header included; of a large
                                   range all its pages */
    uint64_t left_size;
    uint32_t header;            /* 0 for a large range */
    uint32_t owner;             /* the heap that the span is of */
    bool used, hollow, kept, slots, large;
    enum mm_fault fault;        /* MM_BAD_HEADER and so on: this and the rest
                                   of the span cannot be walked */
    uint32_t page;              /* private: where the search goes on */
    uint32_t steps;
};

/* Sets CURSOR before the first block. */
void heap_walk(struct heap_cursor *cursor);

/* The next block by address; false after the last. Ends in any memory. */
bool heap_walk_next(const struct heap *heap, struct heap_cursor *cursor);

/* Puts CURSOR on the block, used or free, that contains the byte AT. False
 * for a byte of no block (a span's head or end, or outside all spans). */
bool heap_walk_find(const struct heap *heap, uint64_t at,
                    struct heap_cursor *cursor);

/* Whether a frame is behind the page of the span that contains AT. */
bool heap_page_is_held(const struct heap *heap, uint64_t at);

/* The payload that was pushed last on HEAP's remote list (threads.c), and the
 * one that was pushed before the one at AT: offsets. 0 after the first, and
 * where the link makes no sense; damaged links may lead round and round. */
uint64_t heap_remote_last(const struct heap *heap);
uint64_t heap_remote_before(const struct heap *heap, uint64_t at);

/* The first of those that HEAP has taken from its remote list, but not freed
 * yet: it does so in portions. heap_remote_before() leads on. */
uint64_t heap_drained_next(const struct heap *heap);

/* Whether the payload at AT is on one of these two lists. Time: the lists. */
bool heap_remote_has(const struct heap *heap, uint64_t at);

/* A slot page, as the memory says; ok is false where it makes no sense. */
struct slot_view {
    bool ok;
    uint32_t slot_bytes, first, count;  /* first slot's offset in the page */
    uint32_t used;              /* the head's own account */
    uint32_t watermark;         /* offset in the page; slots from there on
                                   were never touched */
    uint32_t free;              /* offset of the list's head, 0: none */
    block_ref next, previous;   /* pages with room of the same class */
};

/* Reads the head of the slot page whose payload is at AT. */
struct slot_view slot_page_view(const struct heap *heap, uint64_t at);

/* The free slot after the one at OFFSET in the page at AT; 0 after the last
 * and where the link makes no sense. */
uint32_t slot_next(const struct heap *heap, uint64_t at, uint32_t offset);

/* Whether the slot that starts at OFFSET of this page is handed out. O(1)
 * at level check and above; below, by walking the page's list. */
bool slot_is_used(const struct heap *heap, uint64_t at, uint32_t offset);

static inline unsigned slot_class(uint64_t size)
{
    return size <= 8 ? 0 : (unsigned)((size + MM_QUANTUM - 1) / MM_QUANTUM);
}

static inline uint32_t slot_class_bytes(unsigned class)
{
    return class == 0 ? 8 : class * MM_QUANTUM;
}

/* ---- checking (heap_check.c) ------------------------------------------ */

/* What heap_check found. */
struct heap_damage {
    const char *invariant;      /* "I1: blocks tile the span", or NULL */
    uint64_t at;                /* the block or slot concerned */
    uint64_t spans, blocks, free_blocks, slot_pages, larges;    /* of all
                                   heaps of the arena */
    uint64_t remote;            /* payloads on this heap's remote list */
};

/* Checks I1..I10 of heap.c, S1..S5 of slots.c and T1 of threads.c in any
 * memory; true when all hold. Where an arena has several heaps, by address all
 * of it is looked at, and lists are this heap's. DAMAGE tells the first that does not. */
bool heap_check(const struct heap *heap, struct heap_damage *damage);

#endif

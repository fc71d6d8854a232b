/* SPDX-License-Identifier: MIT */
/*
 * heap_parts.h - what the heap's own files share: where things lie, and the
 * named steps
 *
 * Only the files heap*.c, slots.c, large.c and threads.c include this; policies,
 * by way of heap_policy.h; and a home that takes short cuts, by way of
 * heap_fast.h.
 */
#ifndef MM_HEAP_PARTS_H
#define MM_HEAP_PARTS_H

#include "heap.h"

/* ---- where things lie ------------------------------------------------- */

static inline bool heap_is_checked(const struct heap *heap)
{
    return MM_CHECKED && heap->level >= HEAP_LEVEL_CHECK;
}

/* Levels of care (heap_care.c). */
static inline bool heap_has_trailers(const struct heap *heap)
{
    return MM_CHECKED && heap->level >= HEAP_LEVEL_CANARY;
}

static inline bool heap_has_poison(const struct heap *heap)
{
    return MM_CHECKED && heap->level >= HEAP_LEVEL_POISON;
}

static inline bool heap_waits(const struct heap *heap)
{
    return MM_CHECKED && heap->level >= HEAP_LEVEL_FULL;
}

static inline uint64_t span_at_of(const struct heap *heap, uint64_t at)
{
    return mm_round_down(at, heap->span_bytes);
}

static inline struct span *span_at(const struct heap *heap, uint64_t at)
{
    return heap_address(heap, at);
}

static inline struct span *span_of(const struct heap *heap,
                                   const void *address)
{
    return span_at(heap, span_at_of(heap, heap_at(heap, address)));
}

/* Whether nobody watches this heap, doubts its memory or chooses its blocks:
 * then the short cuts are open (heap_quick.c). */
static inline bool heap_is_plain(const struct heap *heap)
{
    return heap->plain_bytes > 0;
}

/* How this heap chooses blocks; NULL: as heap_fit.c says. */
static inline const struct heap_policy *heap_policy(const struct heap *heap)
{
    return MM_POLICIES ? heap->policy : NULL;
}

/* The tag of the slice of 2 KiB that ADDRESS lies in. */
static inline uint32_t *span_tag_of(const struct heap *heap,
                                    struct span *span, const void *address)
{
    return &span->tags[(heap_at(heap, address) & (heap->span_bytes - 1)) /
                       MM_SLOT_PAGE];
}

/* The tag of what PAYLOAD was handed out from. At a multiple of the span's
 * size there is no head: only a large range's payload lies there. */
static inline uint32_t heap_tag_of(const struct heap *heap,
                                   const void *payload)
{
    uint32_t at = (uint32_t)heap_at(heap, payload) & heap->span_mask;
    const struct span *span = (const struct span *)((uintptr_t)payload - at);

    if (at == 0)
        return span_tag(SPAN_TAG_LARGE, heap->owner);
    return span->tags[at / MM_SLOT_PAGE];
}

/* Whether the arena has room for one span only: then there are no large
 * ranges, and a block must serve everything. */
static inline bool heap_has_one_span(const struct heap *heap)
{
    return heap_arena_bytes(heap) < 2 * (uint64_t)heap->span_bytes;
}

static inline enum span_tag tag_what(uint32_t tag)
{
    return (enum span_tag)(tag >> 12 & 0xf);
}

/* Of a slice of SLOTS. */
static inline unsigned tag_class(uint32_t tag)
{
    return (tag & 0xfff) / SPAN_TAG_CLASS;
}

static inline uint32_t tag_owner(uint32_t tag)
{
    return tag >> 16;
}

static inline struct block *span_first_block(const struct heap *heap,
                                             const struct span *span)
{
    return (struct block *)((uintptr_t)span + heap->head_bytes);
}

/* The end header, in the last word. */
static inline struct block *span_end_block(const struct heap *heap,
                                           const struct span *span)
{
    return (struct block *)((uintptr_t)span + heap->span_bytes -
                            BLOCK_HEADER);
}

static inline block_ref block_ref_of(const struct heap *heap,
                                     const struct block *block)
{
    return (block_ref)(((uintptr_t)block - (uintptr_t)heap->blocks) /
                       MM_QUANTUM);
}

/* The block that REF names; NULL for BLOCK_NIL. In a checked heap NULL too
 * for what cannot be a block of this arena. */
static inline struct block *block_at(const struct heap *heap, block_ref ref)
{
    if (ref == BLOCK_NIL)
        return NULL;
    if (heap_is_checked(heap) && ref >= heap->arena_quanta)
        return NULL;
    return block_of(heap_address(heap, (uint64_t)ref * MM_QUANTUM));
}

/* The same for a REF that is not BLOCK_NIL and can be believed: a list's head,
 * or a link of a block that was vetted. */
static inline struct block *block_named(const struct heap *heap,
                                        block_ref ref)
{
    return (struct block *)(heap->blocks + (size_t)ref * MM_QUANTUM);
}

static inline uint64_t block_at_bytes(const struct heap *heap,
                                      const struct block *block)
{
    return heap_at(heap, block_payload(block));
}

/* Whether BLOCK is all of its span. */
static inline bool block_fills_span(const struct block *block)
{
    return block_is_first(block) && block_is_end(block_right(block));
}

/* The quanta of a block whose payload has SIZE bytes: 13 -> 2, 12 -> 1. */
static inline uint32_t quanta_for(uint64_t size)
{
    uint64_t bytes = mm_round_up(size + BLOCK_HEADER, MM_QUANTUM);

    return (uint32_t)(bytes / MM_QUANTUM);
}

/* ---- held pages ------------------------------------------------------- */

static inline bool span_page_is_held(const struct span *span, uint32_t page)
{
    return span->held[page / 32] >> (page % 32) & 1;
}

/* The first page of the arena that belongs to SPAN. */
static inline uint32_t span_page(const struct heap *heap,
                                 const struct span *span)
{
    return (uint32_t)(heap_at(heap, span) / MM_PAGE);
}

/* BLOCK's span is no longer the empty one that is kept, if it was. */
static inline void span_is_used(struct heap *heap, const struct block *block)
{
    if (heap->empty_span == span_page(heap, span_of(heap, block)))
        heap->empty_span = HEAP_NO_SPAN;
}

/* The first page of SPAN in [FIRST, END) whose held bit is HELD; or END. */
static inline uint32_t span_find(const struct span *span, uint32_t first,
                                 uint32_t end, bool held)
{
    uint32_t flip = held ? 0 : UINT32_MAX;

    while (first < end) {
        uint32_t bits = (span->held[first / 32] ^ flip) >> (first % 32);

        if (bits != 0) {
            first += (uint32_t)__builtin_ctz(bits);
            return first < end ? first : end;
        }
        first = (first / 32 + 1) * 32;
    }
    return end;
}

/* Whether all of the pages [FIRST, END) of SPAN are held. */
static inline bool span_all_held(const struct span *span, uint32_t first,
                                 uint32_t end)
{
    return span_find(span, first, end, false) == end;
}

/* The bytes of its span that QUANTA in BLOCK, which has ALL, will touch behind
 * GAP quanta: [*START, *END), with the header and links of what remains. */
static inline void block_needs(const struct heap *heap,
                               const struct block *block, uint32_t all,
                               uint32_t gap, uint32_t quanta,
                               uint32_t *start, uint32_t *end)
{
    *start = (uint32_t)(heap_at(heap, block) & (heap->span_bytes - 1)) +
             gap * MM_QUANTUM;
    *end = *start + quanta * MM_QUANTUM;
    if (all > gap + quanta)
        *end += BLOCK_LINKED_BYTES;
}

/* What SPAN's head should say of `solid`. */
static inline uint32_t span_solid(const struct heap *heap,
                                  const struct span *span)
{
    return span_find(span, 0, heap->span_bytes / MM_PAGE, false) * MM_PAGE -
           BLOCK_LINKED_BYTES;
}

/* Whether QUANTA of BLOCK, and the links behind them, lie before the first
 * page of its span that is not held. */
static inline bool block_is_solid(const struct heap *heap,
                                  const struct block *block, uint32_t quanta)
{
    uint32_t at = (uint32_t)heap_at(heap, block) & heap->span_mask;
    const struct span *span = (const struct span *)((uintptr_t)block - at);

    return at + quanta * MM_QUANTUM < span->solid;
}

/* ---- live bits: a checked heap's own account of what is handed out ----- */

static inline uint32_t *live_word(const struct heap *heap, uint64_t at,
                                  uint32_t *bit)
{
    uint32_t in_span = (uint32_t)(at & (heap->span_bytes - 1));
    uint32_t *words = (uint32_t *)(heap->base + span_at_of(heap, at) +
                                   SPAN_TAGS_AT +
                                   heap->span_bytes / MM_SLOT_PAGE * 4);

    *bit = UINT32_C(1) << (in_span / MM_QUANTUM % 32);
    return &words[in_span / MM_QUANTUM / 32];
}

static inline void live_set(const struct heap *heap, const struct block *block,
                            bool live)
{
    uint32_t bit;

    if (!heap_is_checked(heap))
        return;

    uint32_t *word = live_word(heap, block_at_bytes(heap, block), &bit);

    *word = live ? *word | bit : *word & ~bit;
}

static inline bool live_is_set(const struct heap *heap, uint64_t at)
{
    uint32_t bit;

    return (*live_word(heap, at, &bit) & bit) != 0;
}

/* ---- announcing ------------------------------------------------------- */

/* Announces a step; a heap that nobody observes does not even write the event
 * down. */
#define heap_emit(heap, ...)                                               \
    do {                                                                   \
        if (MM_OBSERVED && (heap)->home->event != NULL)                    \
            mm_emit((heap)->home, &(__VA_ARGS__));                         \
    } while (0)

/* ---- free lists (heap_steps.c) ---------------------------------------- */

void block_list_insert(struct heap *heap, struct block *block);
void block_list_remove(struct heap *heap, struct block *block,
                       uint32_t quanta);
void block_list_replace(struct heap *heap, struct block *before,
                        uint32_t before_quanta, struct block *new,
                        uint32_t new_quanta);

/* ---- the steps (heap_steps.c) ----------------------------------------- */

struct block *block_split(struct heap *heap, struct block *block,
                          uint32_t quanta);
void block_take(struct heap *heap, struct block *block, enum mm_use use,
                uint64_t request);
void block_release(struct heap *heap, struct block *block, enum mm_use use);
void block_coalesce(struct heap *heap, struct block *left,
                    struct block *right);
void block_resize(struct heap *heap, struct block *block, uint32_t quanta,
                  uint64_t request);
bool span_hold(struct heap *heap, struct span *span, uint32_t start,
               uint32_t end);
void span_unhold(struct heap *heap, struct span *span,
                 const struct span *before);
uint32_t block_give_back(struct heap *heap, struct block *block);
uint32_t block_idle_pages(const struct heap *heap, const struct block *block);
enum mm_fault span_grow(struct heap *heap, uint32_t start, uint32_t end,
                        struct span **grown);
uint32_t span_shrink(struct heap *heap, struct span *span);

/* ---- choosing (heap_fit.c) -------------------------------------------- */

struct block *heap_fit(struct heap *heap, uint32_t quanta,
                       uint32_t align_quanta);
struct block *heap_fit_any(struct heap *heap, uint32_t quanta,
                           uint32_t align_quanta,
                           bool (*accept)(struct heap *heap,
                                          struct block *block,
                                          uint32_t quanta,
                                          uint32_t align_quanta));
uint32_t block_gap(const struct heap *heap, const struct block *block,
                   uint32_t align_quanta);
bool block_fits(struct heap *heap, const struct block *block, uint32_t quanta,
                uint32_t align_quanta);

/* ---- with a policy (heap_policy.c) ------------------------------------ */

unsigned policy_list_of(const struct heap *heap, uint32_t quanta);
void policy_list_insert(struct heap *heap, struct block *block);
uint32_t policy_round(const struct heap *heap, uint32_t quanta);
bool policy_may_take(const struct heap *heap, const struct block *block,
                     uint32_t align_quanta);
bool policy_joins(const struct heap *heap, const struct block *left,
                  const struct block *right);
bool policy_hold_cuts(struct heap *heap, struct block *block,
                      uint32_t *quanta);
struct block *policy_cut(struct heap *heap, struct block *block,
                         uint32_t quanta);
void policy_took(struct heap *heap, const struct block *block);
struct block *policy_join(struct heap *heap, struct block *block);
bool policy_resizes(const struct heap *heap, uint32_t before,
                    uint32_t *quanta);

/* The list of a free block of QUANTA. */
static inline unsigned block_list_of(const struct heap *heap, uint32_t quanta)
{
    return heap_policy(heap) == NULL ? class_of(quanta)
                                     : policy_list_of(heap, quanta);
}

/* ---- distrust (heap_vet.c) -------------------------------------------- */

bool span_head_is_possible(const struct heap *heap, const struct span *span);
enum mm_fault heap_vet_free(struct heap *heap, const struct block *block);
enum mm_fault heap_vet_used(struct heap *heap, const struct block *block);
enum mm_fault heap_vet_address(struct heap *heap, const void *payload);
enum mm_fault slot_vet_page(struct heap *heap, const void *page);
enum mm_fault slot_vet_address(struct heap *heap, const void *payload);

static inline enum mm_fault heap_blame(struct heap *heap, enum mm_fault fault,
                                       uint64_t at)
{
    heap->refusal = fault;
    heap->refusal_quantum = (block_ref)(at / MM_QUANTUM);
    return fault;
}

/* ---- care (heap_care.c) ----------------------------------------------- */

enum {
    CARE_TRAILER = 4,           /* bytes */
    CARE_ZONE = 64,             /* bytes of a pattern, at most, at each end */
    CARE_UNIT = 8,              /* what heap->waiting counts in */
};

/* Behind PAYLOAD, where SIZE bytes were asked for: slack and trailer. */
void care_trail(struct heap *heap, void *payload, uint64_t size);

/* The same for a payload that is about to be handed out, and its pattern. */
void care_dress(struct heap *heap, void *payload, uint64_t size);

/* Where a link of a remote list has lain over the slack of PAYLOAD. */
void care_undo_link(const struct heap *heap, void *payload);

bool care_trailer_is_whole(const struct heap *heap, const void *payload);
enum mm_fault care_vet(struct heap *heap, const void *payload);
uint64_t care_usable(const struct heap *heap, const void *payload);

/* The zones of a free block; a free slot. */
void care_poison_block(struct heap *heap, struct block *block);
bool care_block_is_poisoned(const struct heap *heap,
                            const struct block *block);
void care_poison_slot(unsigned char *slot, uint32_t slot_bytes);
bool care_slot_is_poisoned(const unsigned char *slot, uint32_t slot_bytes);

/* At level full: whether PAYLOAD was freed and waits; lets it wait; frees all
 * that wait (how many). */
bool care_is_waiting(const struct heap *heap, const void *payload);
enum mm_fault care_wait(struct heap *heap, unsigned char *payload,
                        void **out);
uint32_t care_flush(struct heap *heap);

/* The pages at the end of a large range that have no frame. */
static inline uint32_t heap_guard_pages(const struct heap *heap)
{
    return heap_waits(heap) ? 1 : 0;
}

/* ---- heap.c ----------------------------------------------------------- */

/* Of how the last call went, nothing is known yet. */
static inline void heap_refusal_clear(struct heap *heap)
{
    heap->refusal = MM_OK;
    heap->refusal_quantum = BLOCK_NIL;
    heap->examined = 0;
}

MM_COLD void *heap_alloc_slowly(struct heap *heap, uint64_t size);
MM_COLD enum mm_fault heap_free_slowly(struct heap *heap, void *payload);
MM_COLD enum mm_fault block_spare(struct heap *heap, struct block *block);
enum mm_fault heap_give(struct heap *heap, void *payload);
uint64_t heap_payload_bytes(const struct heap *heap, const void *payload);

/* ---- threads.c -------------------------------------------------------- */

enum { DRAIN_SOME = 64, DRAIN_ALL = INT32_MAX };

uint32_t heap_drain(struct heap *heap, uint32_t most);
enum mm_fault heap_push_remote(struct heap *heap, struct heap *owner,
                               void *payload);

/* ---- kept blocks (heap_kept.c) ---------------------------------------- */

bool block_keep(struct heap *heap, struct block *block);
struct block *block_reuse(struct heap *heap, uint32_t quanta,
                          uint64_t request);
bool heap_flush_kept(struct heap *heap);
void kept_miss(struct heap *heap, uint32_t quanta);
bool heap_spend_kept(struct heap *heap, uint32_t quanta, uint32_t most);

/* ---- slot pages ------------------------------------------------------- */

struct slot_page {
    block_ref next, previous;   /* pages of this class with room */
    uint32_t slot_bytes;
    uint32_t free;              /* offset of the first free slot; 0: none */
    uint32_t watermark;         /* offset of the first slot never touched */
    uint32_t used;              /* slots handed out, kept ones included */
    uint32_t live[8];           /* in a checked heap: one bit a slot */
};

enum { SLOT_PAGE_BYTES = MM_SLOT_PAGE - BLOCK_HEADER };     /* 2044 */

/* ---- in a plain heap (heap_quick.c) ----------------------------------- */

void *block_alloc_quick(struct heap *heap, uint64_t size);
enum mm_fault block_free_quick(struct heap *heap, struct block *block);

/* ---- kinds of memory -------------------------------------------------- */

struct block *block_alloc(struct heap *heap, uint64_t size, uint64_t align,
                          enum mm_use use);
enum mm_fault block_free(struct heap *heap, struct block *block,
                         enum mm_use use);

void *slot_alloc(struct heap *heap, uint64_t size);
void *slot_take(struct heap *heap, struct slot_page *page, uint64_t request);
enum mm_fault slot_free(struct heap *heap, void *payload);
uint32_t slot_bytes_of(const struct heap *heap, const void *payload);
uint32_t slots_trim(struct heap *heap);
void slots_start(struct heap *heap);
void slots_make_room(struct heap *heap);
bool slots_flush(struct heap *heap);

void *large_alloc(struct heap *heap, uint64_t size, uint64_t align);
enum mm_fault large_free(struct heap *heap, void *payload);
bool large_resize(struct heap *heap, void *payload, uint64_t size);
uint64_t large_usable(const struct heap *heap, const void *payload);

#endif

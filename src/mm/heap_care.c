/* SPDX-License-Identifier: MIT */
/*
 * heap_care.c - levels of care: trailers, poison, waiting
 *
 * Theory of operation
 * -------------------
 * Each level includes the ones before it. The layout depends on the level and
 * on nothing else, so that a lab looks the same everywhere.
 *
 *   none     nothing beyond what costs nothing
 *   check    live bits, and distrust of headers and links (heap_vet.c)
 *   canary   behind each payload stands a trailer
 *   poison   free memory has a pattern at both ends
 *   full     large ranges end at a guard page; what is freed waits
 *
 * Canary. The last four bytes of what a payload could use tell how many bytes
 * before them were not asked for (the slack), with a check; the slack has a
 * pattern. A program that writes one byte too many damages one or the other,
 * and `free` sees it:
 *
 *     |<-------- asked for -------->|<-- slack -->|<- trailer ->|
 *     |  the caller's               | fd fd fd .. | slack check |  next block
 *
 *     trailer: | 31 .. 12 slack | 11 .. 8 check | 7: 1 | 6 .. 0 check |
 *
 * All these bytes are 0x80 or more where an overrun hits first, so the usual
 * 0 at the end of a string is never taken for them.
 *
 * Poison. When a block becomes free its first and last CARE_ZONE bytes get a
 * pattern, but for its links; so does a free slot, behind its link. What is
 * taken must still have it: else somebody wrote to memory that he had freed.
 * A payload that is handed out gets another pattern at both ends, so that a
 * program that reads what it has not written does not find yesterday's zeroes.
 *
 *     free block  | h | next | previous | df df df ...     ... df df df | h
 *                                       |<- CARE_ZONE ->|  |<- ... ---->|
 *
 * Both zones are cut short at the border of a page: beyond it there may be no
 * frame. So all of this costs a constant.
 *
 * Full. A payload that is freed is poisoned and *waits*: it takes the place of
 * one that has waited, chosen at random, and that one is freed in earnest.
 * To everything but `free` it is as used as before. So what a program touches
 * after it has freed it is seldom somebody else's already, and the poison
 * tells. A large range ends with a page that has no frame, and its payload
 * ends as close to it as its alignment allows.
 *
 *   C1  Every payload that is handed out has a whole trailer and slack.
 *   C2  The zones of every free block and free slot have their pattern.
 *   C3  What waits is used and live to all others, and there once.
 *
 * Source: canaries and poison are as old as debugging allocators (B. Perens,
 * "Electric Fence", 1987, had guard pages); a ladder of levels of which each
 * is worth its cost is Zephyr's idea.
 */
#include "heap_parts.h"

enum {
    CARE_SLACK = 0xfd,                  /* asked for by nobody */
    CARE_NEW = 0xa5,                    /* handed out, not yet written to */
    CARE_FREED = 0xdf,                  /* not to be touched */
    CARE_SLACK_MAX = (1 << 20) - 1,     /* that a trailer can tell */
};

const char *heap_level_name(enum heap_level level)
{
    static const char *const names[HEAP_LEVELS] = {
        [HEAP_LEVEL_NONE] = "none",
        [HEAP_LEVEL_CHECK] = "check",
        [HEAP_LEVEL_CANARY] = "canary",
        [HEAP_LEVEL_POISON] = "poison",
        [HEAP_LEVEL_FULL] = "full",
    };

    return level < HEAP_LEVELS ? names[level] : "unknown";
}

/* ---- patterns --------------------------------------------------------- */

/* The bytes of [START, END) that belong to the zone at its front. */
static size_t front_bytes(const unsigned char *start,
                          const unsigned char *end)
{
    return end <= start ? 0 : end - start < CARE_ZONE ? (size_t)(end - start)
                                                      : CARE_ZONE;
}

/* Fills the first CARE_ZONE bytes of [START, END), or all of them. */
static void fill_front(unsigned char *start, const unsigned char *end,
                       unsigned char with)
{
    __builtin_memset(start, with, front_bytes(start, end));
}

static bool front_is(const unsigned char *start, const unsigned char *end,
                     unsigned char with)
{
    uint64_t word, words = with * UINT64_C(0x0101010101010101);
    size_t left = front_bytes(start, end);

    for (; left >= sizeof word; left -= sizeof word, start += sizeof word) {
        __builtin_memcpy(&word, start, sizeof word);
        if (word != words)
            return false;
    }
    for (; left > 0; left--)
        if (*start++ != with)
            return false;
    return true;
}

/* Fills both ends of [START, END). */
static void fill_ends(unsigned char *start, unsigned char *end,
                      unsigned char with)
{
    fill_front(start, end, with);
    fill_front(end - start > CARE_ZONE ? end - CARE_ZONE : start, end, with);
}

static bool ends_are(const unsigned char *start, const unsigned char *end,
                     unsigned char with)
{
    return front_is(start, end, with) &&
           front_is(end - start > CARE_ZONE ? end - CARE_ZONE : start, end,
                    with);
}

/* ---- trailers --------------------------------------------------------- */

static uint32_t *trailer_of(const struct heap *heap, const void *payload)
{
    return (uint32_t *)((uintptr_t)payload +
                        (size_t)heap_payload_bytes(heap, payload) -
                        CARE_TRAILER);
}

static uint32_t trailer_value(const struct heap *heap, const void *payload,
                              uint32_t slack)
{
    uint32_t check = ((uint32_t)(heap_at(heap, payload) / 8) ^
                      slack << 16) * UINT32_C(0x9e3779b1) >> 20;

    return slack << 12 | check | 0x80;
}

/* The bytes that were asked for at PAYLOAD, by a trailer that is whole. */
static uint64_t asked_for(const struct heap *heap, const void *payload)
{
    uint32_t slack = *trailer_of(heap, payload) >> 12;
    uint64_t bytes = heap_payload_bytes(heap, payload) - CARE_TRAILER;

    return slack < bytes ? bytes - slack : 0;
}

uint64_t care_usable(const struct heap *heap, const void *payload)
{
    return asked_for(heap, payload);
}

void care_trail(struct heap *heap, void *payload, uint64_t size)
{
    uint32_t *trailer = trailer_of(heap, payload);
    unsigned char *end = (unsigned char *)payload + (size_t)size;
    uint64_t slack = (uint64_t)((uintptr_t)trailer - (uintptr_t)end);

    MM_ASSERT((uintptr_t)trailer >= (uintptr_t)end &&
              slack <= CARE_SLACK_MAX);
    fill_front(end, (unsigned char *)trailer, CARE_SLACK);
    *trailer = trailer_value(heap, payload, (uint32_t)slack);
}

void care_undo_link(const struct heap *heap, void *payload)
{
    uint64_t size = asked_for(heap, payload);

    if (size < sizeof(uint32_t))
        fill_front((unsigned char *)payload + size,
                   (unsigned char *)payload + sizeof(uint32_t), CARE_SLACK);
}

void care_dress(struct heap *heap, void *payload, uint64_t size)
{
    if (heap_has_poison(heap))
        fill_ends(payload, (unsigned char *)payload + (size_t)size, CARE_NEW);
    care_trail(heap, payload, size);
}

bool care_trailer_is_whole(const struct heap *heap, const void *payload)
{
    const uint32_t *trailer = trailer_of(heap, payload);
    uint32_t slack = *trailer >> 12;

    if (slack > heap_payload_bytes(heap, payload) - CARE_TRAILER ||
        *trailer != trailer_value(heap, payload, slack))
        return false;
    return front_is((const unsigned char *)trailer - slack,
                    (const unsigned char *)trailer, CARE_SLACK);
}

enum mm_fault care_vet(struct heap *heap, const void *payload)
{
    if (!care_trailer_is_whole(heap, payload))
        return heap_blame(heap, MM_BAD_TRAILER, heap_at(heap, payload));
    return MM_OK;
}

/* ---- poison in free blocks and slots ---------------------------------- */

struct zones {
    unsigned char *front, *front_end, *back, *end;
};

/* The zones of the free BLOCK: in the page in which its links end, and in the
 * page of its right neighbour's header. */
static struct zones block_zones(const struct heap *heap,
                                const struct block *block)
{
    struct zones zones;
    unsigned char *links_end = (unsigned char *)block + BLOCK_LINKED_BYTES;
    unsigned char *end = (unsigned char *)block_right(block);
    unsigned char *last_page = heap_address(
        heap, mm_round_down(heap_at(heap, end), MM_PAGE));
    unsigned char *page_end = heap_address(
        heap, mm_round_up(heap_at(heap, links_end), MM_PAGE));

    zones.front = links_end;
    zones.front_end = end < page_end ? end : page_end;
    zones.back = end - links_end > CARE_ZONE ? end - CARE_ZONE : links_end;
    if (zones.back < last_page)
        zones.back = last_page;
    zones.end = end;
    return zones;
}

void care_poison_block(struct heap *heap, struct block *block)
{
    struct zones zones = block_zones(heap, block);

    fill_front(zones.front, zones.front_end, CARE_FREED);
    fill_front(zones.back, zones.end, CARE_FREED);
}

bool care_block_is_poisoned(const struct heap *heap,
                            const struct block *block)
{
    struct zones zones = block_zones(heap, block);

    return front_is(zones.front, zones.front_end, CARE_FREED) &&
           front_is(zones.back, zones.end, CARE_FREED);
}

void care_poison_slot(unsigned char *slot, uint32_t slot_bytes)
{
    fill_ends(slot + 4, slot + slot_bytes, CARE_FREED);
}

bool care_slot_is_poisoned(const unsigned char *slot, uint32_t slot_bytes)
{
    return ends_are(slot + 4, slot + slot_bytes, CARE_FREED);
}

/* ---- what is freed waits ---------------------------------------------- */

/* xorshift: the next number of this heap's own. */
static uint32_t random_next(struct heap *heap)
{
    heap->random ^= heap->random << 13;
    heap->random ^= heap->random >> 17;
    heap->random ^= heap->random << 5;
    return heap->random;
}

static void *waiting_payload(const struct heap *heap, uint32_t i)
{
    return heap_address(heap, (uint64_t)heap->waiting[i] * CARE_UNIT);
}

bool care_is_waiting(const struct heap *heap, const void *payload)
{
    uint64_t at = heap_at(heap, payload);

    if (!heap_waits(heap))
        return false;
    for (uint32_t i = 0; i < HEAP_WAITING; i++)
        if (heap->waiting[i] != 0 &&
            (uint64_t)heap->waiting[i] * CARE_UNIT == at)
            return true;
    return false;
}

/* So much that all that wait together are a quarter of a small arena, or
 * 4 MiB. */
static bool may_wait(const struct heap *heap, const void *payload)
{
    uint64_t most = heap_arena_bytes(heap) / 4;
    uint64_t bytes = heap_payload_bytes(heap, payload);

    if (most > 4 << 20)
        most = 4 << 20;
    return bytes * HEAP_WAITING <= most &&
           tag_owner(heap_tag_of(heap, payload)) == heap->owner;
}

/* Whether what waits in place I can be freed in earnest. */
static enum mm_fault waiting_vet(struct heap *heap, uint32_t i)
{
    unsigned char *payload = waiting_payload(heap, i);
    enum mm_fault fault = heap_vet_address(heap, payload);

    if (fault != MM_OK)
        return fault;
    if (!ends_are(payload,
                  payload + (size_t)heap_payload_bytes(heap, payload),
                  CARE_FREED))
        return heap_blame(heap, MM_BAD_POISON, heap_at(heap, payload));
    return MM_OK;
}

/* Step WAIT: PAYLOAD, which was vetted, was freed; it takes the place of one
 * that has waited, which *OUT is to be freed in earnest; NULL: none. */
enum mm_fault care_wait(struct heap *heap, unsigned char *payload, void **out)
{
    *out = payload;
    if (!may_wait(heap, payload))
        return MM_OK;

    uint32_t i = random_next(heap) % HEAP_WAITING;
    enum mm_fault fault = heap->waiting[i] == 0 ? MM_OK
                                                : waiting_vet(heap, i);

    if (fault != MM_OK)
        return fault;
    *out = heap->waiting[i] == 0 ? NULL : waiting_payload(heap, i);
    fill_ends(payload, payload + (size_t)heap_payload_bytes(heap, payload),
              CARE_FREED);
    heap->waiting[i] = (uint32_t)(heap_at(heap, payload) / CARE_UNIT);
    heap_emit(heap, (struct mm_event){
        .kind = MM_EVENT_WAIT,
        .owner = (uint16_t)heap->owner,
        .at = heap_at(heap, payload),
    });
    return MM_OK;
}

uint32_t care_flush(struct heap *heap)
{
    uint32_t freed = 0;

    if (!heap_waits(heap))
        return 0;
    for (uint32_t i = 0; i < HEAP_WAITING; i++) {
        if (heap->waiting[i] == 0 || waiting_vet(heap, i) != MM_OK)
            continue;

        void *payload = waiting_payload(heap, i);

        heap->waiting[i] = 0;
        heap_give(heap, payload);
        freed++;
    }
    return freed;
}

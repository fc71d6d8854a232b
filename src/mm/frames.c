/* SPDX-License-Identifier: MIT */
/*
 * frames.c - physical frames: a watermark, then a list
 *
 * Theory of operation
 * -------------------
 * The memory map says which runs of frames are usable. Nothing is written
 * about each of these frames at boot: a machine with 64 GiB has sixteen
 * million of them and must not wait for one. Instead every region has a
 * *watermark*. Below it frames have been handed out at least once; above it
 * never. While there is no freed frame, handing one out means raising the
 * watermark by one:
 *
 *      region.start          region.watermark                  region.end
 *      v                     v                                          v
 *     +---------------------+------------------------------------------+
 *     | handed out, or on   | never handed out, never looked at        |
 *     | the list            |                                          |
 *     +---------------------+------------------------------------------+
 *
 * A freed frame goes on a list, and the list is kept in freed frames. Linking
 * each frame to the next would make every pop read a frame that nobody has
 * touched for a while (a cache miss, and a mapping to make, for a word). So a
 * freed frame on top holds the *numbers* of up to 1022 others:
 *
 *      head          +------+-------+----+----+----+---
 *       ------------>| next | count | 17 | 93 | 18 | ...    a holder
 *                    +--|---+-------+----+----+----+---
 *                       v
 *                    +------+-------+----+----+----+---
 *                    | 0    | 1022  | 64 | 12 | .. |        full, below
 *                    +------+-------+----+----+----+---
 *
 * Push writes a number in the top holder; when that is full, the freed frame
 * becomes the new top. Pop takes the last number; when there is none left,
 * the holder itself is handed out. Only the top must be mapped. So it is a
 * stack: the frame that was freed last is handed out first.
 *
 * Beside this stands one bit a frame, set while it is handed out, so that
 * freeing twice is refused in constant time. The bits too are written only as
 * the watermark rises: whoever reaches the first frame of the next 128 MiB
 * gives that frame to the bits.
 *
 * A run of frames comes from above a watermark, while there are as many. Later
 * it is looked for around the frames on top of the list, since what was freed
 * together lies there together; then among the bits, a word at a time: so many
 * clear bits side by side are so many free frames. They are then taken out of
 * the list: from the
 * top down everything is popped, the run's frames are kept and the others go on
 * a second list, and when the whole run has been met they are pushed back. The
 * list has lost the run, and is in order as before.
 *
 *     list  17 93 [18] 64 [19] 12 ...         second list
 *              -->      17 93 64 <-- back, when 18 and 19 have been met
 *
 * Invariants, checked by frames_check():
 *
 *   F1  Regions are sorted and apart, without frame 0, and
 *       start <= watermark <= end.
 *   F2  Every frame below a watermark is handed out (its bit is set) or on
 *       the list, exactly once.
 *   F3  A frame on the list lies below a watermark and its bit is clear.
 *   F4  free_count is the length of the list, risen_count the frames below
 *       the watermarks.
 *   F5  Every holder but the top one is full.
 *
 * What it is bad at: a run of frames that were freed one by one, long ago,
 * costs a look at every bit before it, and a walk of the list down to its
 * deepest frame. A run that would begin
 * below a watermark and end above it is not seen.
 *
 * Lesson: docs/lessons/02-frames.md
 */
#include "frames.h"

/* Kept out of the short way through frame_alloc() and frame_free(). */
#define FAR __attribute__((cold, noinline))

enum { RUN_TRIES = 32 };        /* frames on top of the list that may have a
                                   run around them */

static FAR void announce(const struct frames *frames, enum mm_event_kind kind,
                         pfn_t pfn, uint32_t count, bool risen)
{
    struct mm_event event = {
        .kind = kind,
        .at = (uint64_t)pfn * MM_PAGE,
        .size = (uint64_t)count * MM_PAGE,
        .other = risen,
    };

    frames->home->event(frames->home->context, &event);
}

static inline void emit(const struct frames *frames, enum mm_event_kind kind,
                        pfn_t pfn, uint32_t count, bool risen)
{
    if (MM_OBSERVED && frames->home->event != NULL)
        announce(frames, kind, pfn, count, risen);
}

static void bit_set(struct frames *frames, pfn_t pfn)
{
    frames->bits[pfn / 32] |= UINT32_C(1) << (pfn % 32);
}

static void bit_clear(struct frames *frames, pfn_t pfn)
{
    frames->bits[pfn / 32] &= ~(UINT32_C(1) << (pfn % 32));
}

static bool bit_is_set(const struct frames *frames, pfn_t pfn)
{
    return frames->bits[pfn / 32] >> (pfn % 32) & 1;
}

void frames_init(struct frames *frames, const struct frames_home *home,
                 struct frames_region *regions, uint32_t count,
                 uint32_t *bits)
{
    *frames = (struct frames){
        .home = home,
        .regions = regions,
        .region_count = count,
        .bits = bits,
    };
    for (uint32_t i = 0; i < count; i++) {
        MM_REQUIRE(regions[i].start < regions[i].end &&
                   regions[i].start > FRAME_NONE &&
                   (i == 0 || regions[i - 1].end <= regions[i].start),
                   "regions of frames must be sorted, apart and not empty, "
                   "and leave out frame 0");
        regions[i].watermark = regions[i].start;
        frames->frame_count += regions[i].end - regions[i].start;
    }
}

/*
 * Makes sure that the bit of the frame at REGION's watermark can be written.
 * Where that costs frames, the watermark has risen past them; the caller
 * looks at it again. False when the bits cannot be had.
 */
static bool watermark_prepare(struct frames *frames,
                              struct frames_region *region)
{
    while (region->watermark < region->end) {
        pfn_t pfn = region->watermark;

        /* Within a page of bits, the first frame has prepared the others. */
        if (pfn != region->start && pfn % FRAMES_PER_BITS_PAGE != 0)
            return true;
        switch (frames->home->bits(frames->home->context,
                                   pfn / FRAMES_PER_BITS_PAGE, pfn)) {
        case FRAMES_BITS_READY:
            return true;
        case FRAMES_BITS_FAILED:
            return false;
        case FRAMES_BITS_TOOK:
            region->watermark++;
            frames->risen_count++;
            frames->own_count++;
            bit_set(frames, pfn);
            emit(frames, MM_EVENT_FRAME_TAKE, pfn, 1, true);
            break;
        }
        /* The frame that paid may have been the page's first: the next one
         * finds its bit prepared. */
        if (region->watermark % FRAMES_PER_BITS_PAGE != 0)
            return true;
    }
    return true;
}

/* Step: the watermark of REGION rises by COUNT frames, which are handed out. */
static pfn_t watermark_raise(struct frames *frames,
                             struct frames_region *region, uint32_t count)
{
    pfn_t pfn = region->watermark;

    region->watermark += count;
    frames->risen_count += count;
    for (uint32_t i = 0; i < count; i++)
        bit_set(frames, pfn + i);
    emit(frames, MM_EVENT_FRAME_TAKE, pfn, count, true);
    return pfn;
}

static FAR const struct frames_region *region_far(struct frames *frames,
                                                  pfn_t pfn)
{
    const struct frames_region *region = frames_region_of(frames, pfn);

    if (region != NULL)
        frames->near = (uint32_t)(region - frames->regions);
    return region;
}

/* The region that contains PFN, or NULL: most often the same as last time. */
static inline const struct frames_region *region_near(struct frames *frames,
                                                      pfn_t pfn)
{
    const struct frames_region *region = &frames->regions[frames->near];

    return pfn >= region->start && pfn < region->end
               ? region : region_far(frames, pfn);
}

/* ---- the list --------------------------------------------------------- */

/* Takes the top number, or the top holder, off the list at *HEAD, which is not
 * empty. */
static inline pfn_t list_take(const struct frames *frames, pfn_t *head)
{
    struct frames_holder *holder =
        frames->home->holder(frames->home->context, *head);
    pfn_t pfn = *head;

    MM_REQUIRE(holder != NULL && holder->count <= FRAMES_PER_HOLDER,
               "a freed frame was written to: the list of frames is damaged");
    if (holder->count > 0)
        pfn = holder->free[--holder->count];
    else
        *head = holder->next;
    return pfn;
}

/* The freed frame PFN becomes the top holder of the list at *HEAD. */
static FAR void holder_make(const struct frames *frames, pfn_t *head,
                            pfn_t pfn)
{
    struct frames_holder *holder =
        frames->home->holder(frames->home->context, pfn);

    MM_REQUIRE(holder != NULL, "a frame of this memory cannot be mapped");
    holder->next = *head;
    holder->count = 0;
    *head = pfn;
}

/* Puts PFN on top of the list at *HEAD. */
static inline void list_put(const struct frames *frames, pfn_t *head,
                            pfn_t pfn)
{
    struct frames_holder *top = NULL;

    if (*head != FRAME_NONE)
        top = frames->home->holder(frames->home->context, *head);
    if (top != NULL && top->count < FRAMES_PER_HOLDER) {
        top->free[top->count++] = pfn;
        return;
    }
    holder_make(frames, head, pfn);
}

/* Step: the list gives its top number, or its top holder. */
static inline pfn_t list_pop(struct frames *frames)
{
    pfn_t pfn = list_take(frames, &frames->head);

    MM_REQUIRE(region_near(frames, pfn) != NULL && !bit_is_set(frames, pfn),
               "a freed frame was written to: the list of frames names a "
               "frame that is not free");
    bit_set(frames, pfn);
    frames->free_count--;
    emit(frames, MM_EVENT_FRAME_TAKE, pfn, 1, false);
    return pfn;
}

/* Step: PFN goes on the list. */
static inline void list_push(struct frames *frames, pfn_t pfn)
{
    bit_clear(frames, pfn);
    list_put(frames, &frames->head, pfn);
    frames->free_count++;
    emit(frames, MM_EVENT_FRAME_GIVE, pfn, 1, false);
}

/* Step: the free frames [PFN, PFN + COUNT) leave the list, from wherever they
 * are; the others stay in order. */
static pfn_t list_withdraw(struct frames *frames, pfn_t pfn, uint32_t count)
{
    pfn_t aside = FRAME_NONE;

    for (uint32_t left = count; left > 0;) {
        MM_REQUIRE(frames->head != FRAME_NONE, "a freed frame was written to: "
                   "a free frame is not on the list");

        pfn_t top = list_take(frames, &frames->head);

        MM_REQUIRE(region_near(frames, top) != NULL &&
                   !bit_is_set(frames, top),
                   "a freed frame was written to: the list of frames names a "
                   "frame that is not free");
        if (top - pfn < count)
            left--;
        else
            list_put(frames, &aside, top);
    }
    while (aside != FRAME_NONE)
        list_put(frames, &frames->head, list_take(frames, &aside));
    frames->free_count -= count;
    for (uint32_t i = 0; i < count; i++)
        bit_set(frames, pfn + i);
    emit(frames, MM_EVENT_FRAME_TAKE, pfn, count, false);
    return pfn;
}

/* ---- the operations --------------------------------------------------- */

/* The next frame that was never handed out, or FRAME_NONE. */
static __attribute__((noinline)) pfn_t frame_rise(struct frames *frames)
{
    for (; frames->region < frames->region_count; frames->region++) {
        struct frames_region *region = &frames->regions[frames->region];

        if (!watermark_prepare(frames, region))
            return FRAME_NONE;
        if (region->watermark < region->end)
            return watermark_raise(frames, region, 1);
    }
    return FRAME_NONE;
}

pfn_t frame_alloc(struct frames *frames)
{
    return frames->head != FRAME_NONE ? list_pop(frames) : frame_rise(frames);
}

/* COUNT frames above a watermark, or FRAME_NONE. */
static pfn_t run_above(struct frames *frames, uint32_t count)
{
    for (uint32_t i = frames->region; i < frames->region_count; i++) {
        struct frames_region *region = &frames->regions[i];

        /* A page of bits inside the run must be there before the run is. */
        for (pfn_t pfn = region->watermark;
             region->end - region->watermark >= count &&
             pfn < region->watermark + count;
             pfn = (pfn / FRAMES_PER_BITS_PAGE + 1) * FRAMES_PER_BITS_PAGE) {
            enum frames_bits bits = frames->home->bits(
                frames->home->context, pfn / FRAMES_PER_BITS_PAGE,
                region->watermark);

            if (bits == FRAMES_BITS_FAILED)
                return FRAME_NONE;
            if (bits == FRAMES_BITS_TOOK) {
                pfn_t paid = region->watermark++;

                frames->risen_count++;
                frames->own_count++;
                bit_set(frames, paid);
                emit(frames, MM_EVENT_FRAME_TAKE, paid, 1, true);
            }
        }
        if (region->end - region->watermark >= count)
            return watermark_raise(frames, region, count);
    }
    return FRAME_NONE;
}

/* The first of COUNT free frames side by side in REGION, or FRAME_NONE. */
static pfn_t run_find(const struct frames *frames,
                      const struct frames_region *region, uint32_t count)
{
    pfn_t first = region->start;

    for (pfn_t pfn = first; region->watermark - first >= count;) {
        /* the bits from PFN on, as many as their word has */
        uint32_t used = frames->bits[pfn / 32] >> (pfn % 32);

        if (used == UINT32_MAX >> (pfn % 32)) {
            pfn = (pfn / 32 + 1) * 32;          /* none is free */
            first = pfn;
        } else if (used == 0) {
            pfn = (pfn / 32 + 1) * 32;          /* all are */
        } else if (used & 1) {
            pfn += (uint32_t)__builtin_ctz(~used);
            first = pfn;
        } else {
            pfn += (uint32_t)__builtin_ctz(used);
        }
        if (pfn > region->watermark)
            pfn = region->watermark;
        if (pfn - first >= count)
            return first;
    }
    return FRAME_NONE;
}

/* The first of COUNT free frames side by side, PFN, which is free, among them;
 * or FRAME_NONE. */
static pfn_t run_around(struct frames *frames, pfn_t pfn, uint32_t count)
{
    const struct frames_region *region = region_near(frames, pfn);
    pfn_t first = pfn, end = pfn;

    if (region == NULL || pfn >= region->watermark)
        return FRAME_NONE;              /* damaged */
    while (end < region->watermark && end - first < count &&
           !bit_is_set(frames, end))
        end++;
    while (first > region->start && end - first < count &&
           !bit_is_set(frames, first - 1))
        first--;
    return end - first == count ? first : FRAME_NONE;
}

/* A run around one of the frames on top of the list, or FRAME_NONE. */
static pfn_t run_recent(struct frames *frames, uint32_t count)
{
    pfn_t head = frames->head, first = FRAME_NONE;
    uint32_t left = RUN_TRIES;

    while (head != FRAME_NONE && left > 0 && first == FRAME_NONE) {
        const struct frames_holder *holder =
            frames->home->holder(frames->home->context, head);

        if (holder == NULL || holder->count > FRAMES_PER_HOLDER)
            return FRAME_NONE;          /* damaged */
        for (uint32_t i = holder->count;
             i > 0 && left > 0 && first == FRAME_NONE; left--)
            first = run_around(frames, holder->free[--i], count);
        if (first == FRAME_NONE && left > 0) {
            first = run_around(frames, head, count);
            left--;
        }
        head = holder->next;
    }
    return first;
}

/* COUNT frames of the list, or FRAME_NONE. */
static pfn_t run_listed(struct frames *frames, uint32_t count)
{
    pfn_t first = run_recent(frames, count);

    for (uint32_t i = 0; first == FRAME_NONE && i < frames->region_count; i++)
        first = run_find(frames, &frames->regions[i], count);
    return first == FRAME_NONE ? first : list_withdraw(frames, first, count);
}

pfn_t frame_alloc_run(struct frames *frames, uint32_t count)
{
    if (count < 2)
        return count == 0 ? FRAME_NONE : frame_alloc(frames);

    pfn_t pfn = run_above(frames, count);

    return pfn == FRAME_NONE && frames->free_count >= count
               ? run_listed(frames, count) : pfn;
}

enum mm_fault frame_free(struct frames *frames, pfn_t pfn)
{
    const struct frames_region *region = region_near(frames, pfn);

    if (region == NULL)
        return MM_OUTSIDE;
    if (pfn >= region->watermark || !bit_is_set(frames, pfn))
        return MM_NOT_OWNED;
    list_push(frames, pfn);
    return MM_OK;
}

enum mm_fault frame_free_run(struct frames *frames, pfn_t pfn, uint32_t count)
{
    const struct frames_region *region = region_near(frames, pfn);

    if (region == NULL || count > region->end - pfn)
        return MM_OUTSIDE;
    if (count > region->watermark - pfn || pfn >= region->watermark)
        return MM_NOT_OWNED;
    for (uint32_t i = 0; i < count; i++)
        if (!bit_is_set(frames, pfn + i))
            return MM_NOT_OWNED;

    /* The last one first: so they are handed out in order again. */
    while (count > 0)
        list_push(frames, pfn + --count);
    return MM_OK;
}

uint32_t frames_available(const struct frames *frames)
{
    return frames->frame_count - frames->risen_count + frames->free_count;
}

const struct frames_region *frames_region_of(const struct frames *frames,
                                             pfn_t pfn)
{
    uint32_t low = 0, high = frames->region_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct frames_region *region = &frames->regions[middle];

        if (pfn < region->start)
            high = middle;
        else if (pfn >= region->end)
            low = middle + 1;
        else
            return region;
    }
    return NULL;
}

bool frame_is_used(const struct frames *frames, pfn_t pfn)
{
    const struct frames_region *region = frames_region_of(frames, pfn);

    return region != NULL && pfn < region->watermark &&
           bit_is_set(frames, pfn);
}

enum mm_fault frames_walk(const struct frames *frames,
                          void (*visit)(void *context, pfn_t pfn, bool holder),
                          void *context)
{
    uint32_t left = frames->free_count;

    for (pfn_t head = frames->head; head != FRAME_NONE;) {
        if (left == 0 || frames_region_of(frames, head) == NULL)
            return MM_BAD_LINK;
        visit(context, head, true);
        left--;

        /* VISIT may have looked at another frame: ask for each number. */
        for (uint32_t i = 0;; i++) {
            const struct frames_holder *holder =
                frames->home->holder(frames->home->context, head);

            if (holder == NULL || holder->count > FRAMES_PER_HOLDER)
                return MM_BAD_LINK;
            if (i == holder->count) {
                head = holder->next;
                break;
            }
            if (left == 0)
                return MM_BAD_LINK;
            /* from the top: the number that would be popped first */
            visit(context, holder->free[holder->count - 1 - i], false);
            left--;
        }
    }
    return left == 0 ? MM_OK : MM_BAD_LINK;
}

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
 * the holder itself is handed out. Only the top must be mapped.
 *
 * Beside this stands one bit a frame, set while it is handed out, so that
 * freeing twice is refused in constant time. The bits too are written only as
 * the watermark rises: whoever reaches the first frame of the next 128 MiB
 * gives that frame to the bits.
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
 * What it is bad at: a run of frames comes from above a watermark only.
 *
 * Lesson: docs/lessons/02-frames.md
 */
#include "frames.h"

static void emit(const struct frames *frames, enum mm_event_kind kind,
                 pfn_t pfn, uint32_t count, bool risen)
{
    if (!MM_OBSERVED || frames->home->event == NULL)
        return;

    struct mm_event event = {
        .kind = kind,
        .at = (uint64_t)pfn * MM_PAGE,
        .size = (uint64_t)count * MM_PAGE,
        .other = risen,
    };

    frames->home->event(frames->home->context, &event);
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

/* Step: the list gives its top number, or its top holder. */
static pfn_t list_pop(struct frames *frames)
{
    struct frames_holder *holder =
        frames->home->holder(frames->home->context, frames->head);
    pfn_t pfn;

    MM_REQUIRE(holder != NULL && holder->count <= FRAMES_PER_HOLDER,
               "a freed frame was written to: the list of frames is damaged");
    if (holder->count > 0) {
        pfn = holder->free[--holder->count];
    } else {
        pfn = frames->head;
        frames->head = holder->next;
    }
    MM_REQUIRE(frames_region_of(frames, pfn) != NULL &&
               !bit_is_set(frames, pfn),
               "a freed frame was written to: the list of frames names a "
               "frame that is not free");
    frames->free_count--;
    bit_set(frames, pfn);
    emit(frames, MM_EVENT_FRAME_TAKE, pfn, 1, false);
    return pfn;
}

pfn_t frame_alloc(struct frames *frames)
{
    if (frames->head != FRAME_NONE)
        return list_pop(frames);

    for (; frames->region < frames->region_count; frames->region++) {
        struct frames_region *region = &frames->regions[frames->region];

        if (!watermark_prepare(frames, region))
            return FRAME_NONE;
        if (region->watermark < region->end)
            return watermark_raise(frames, region, 1);
    }
    return FRAME_NONE;
}

pfn_t frame_alloc_run(struct frames *frames, uint32_t count)
{
    for (uint32_t i = frames->region; count > 0 && i < frames->region_count;
         i++) {
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

/* Step: PFN goes on the list. */
static void list_push(struct frames *frames, pfn_t pfn)
{
    struct frames_holder *top = NULL;

    if (frames->head != FRAME_NONE)
        top = frames->home->holder(frames->home->context, frames->head);
    bit_clear(frames, pfn);
    if (top != NULL && top->count < FRAMES_PER_HOLDER) {
        top->free[top->count++] = pfn;
    } else {
        struct frames_holder *holder =
            frames->home->holder(frames->home->context, pfn);

        MM_REQUIRE(holder != NULL, "a frame of this memory cannot be mapped");
        holder->next = frames->head;
        holder->count = 0;
        frames->head = pfn;
    }
    frames->free_count++;
    emit(frames, MM_EVENT_FRAME_GIVE, pfn, 1, false);
}

enum mm_fault frame_free(struct frames *frames, pfn_t pfn)
{
    const struct frames_region *region = frames_region_of(frames, pfn);

    if (region == NULL)
        return MM_OUTSIDE;
    if (pfn >= region->watermark || !bit_is_set(frames, pfn))
        return MM_NOT_OWNED;
    list_push(frames, pfn);
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

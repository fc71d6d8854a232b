/* SPDX-License-Identifier: MIT */
/*
 * frames_check.c - the invariants of frames.c, checked in any state
 *
 * Two accounts meet: the list is walked, and the bits below the watermarks
 * are counted. Each listed frame has a clear bit (F3), and there are as many
 * clear bits as the list is long (F2 and F4). One number that stands on the
 * list twice, and another that was lost in its stead, would leave the counts
 * right: so both accounts also add up a scrambled form of every number, and
 * the sums must agree.
 */
#include "frames.h"

struct tally {
    const struct frames *frames;
    uint32_t listed;
    uint64_t sum;                       /* of the listed ones, scrambled */
    pfn_t bad;                          /* the first that breaks F3 */
};

/* Numbers in a row must not add up to what other numbers add up to. */
static uint64_t scrambled(pfn_t pfn)
{
    uint64_t n = (pfn + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);

    return (n ^ n >> 32) * UINT64_C(0xd6e8feb86659fd93);
}

static void count_listed(void *context, pfn_t pfn, bool holder)
{
    struct tally *tally = context;
    const struct frames_region *region =
        frames_region_of(tally->frames, pfn);

    (void)holder;
    tally->listed++;
    tally->sum += scrambled(pfn);
    if (tally->bad == FRAME_NONE &&
        (region == NULL || pfn >= region->watermark ||
         frame_is_used(tally->frames, pfn)))
        tally->bad = pfn;
}

static const char *check_holders(const struct frames *frames, pfn_t *at)
{
    pfn_t head = frames->head;
    uint32_t left = frames->free_count;

    while (head != FRAME_NONE && left-- > 0) {
        const struct frames_holder *holder =
            frames->home->holder(frames->home->context, head);

        if (holder == NULL)
            return "F3: a frame on the list lies below a watermark";
        if (head != frames->head && holder->count != FRAMES_PER_HOLDER) {
            *at = head;
            return "F5: every holder but the top one is full";
        }
        head = holder->next;
    }
    return NULL;
}

const char *frames_check(const struct frames *frames, pfn_t *at)
{
    uint32_t risen = 0, clear = 0;
    uint64_t sum = 0;

    *at = FRAME_NONE;
    for (uint32_t i = 0; i < frames->region_count; i++) {
        const struct frames_region *r = &frames->regions[i];

        *at = r->start;
        if (r->start == FRAME_NONE || r->start >= r->end ||
            r->watermark < r->start || r->watermark > r->end ||
            (i > 0 && r->start < frames->regions[i - 1].end))
            return "F1: regions are sorted and apart";
        risen += r->watermark - r->start;
        for (pfn_t pfn = r->start; pfn < r->watermark; pfn++) {
            if (frame_is_used(frames, pfn))
                continue;
            clear++;
            sum += scrambled(pfn);
        }
    }

    struct tally tally = { .frames = frames };
    enum mm_fault fault = frames_walk(frames, count_listed, &tally);

    *at = tally.bad;
    if (tally.bad != FRAME_NONE)
        return "F3: a frame on the list lies below a watermark and its bit "
               "is clear";
    *at = frames->head;
    if (fault != MM_OK || risen != frames->risen_count)
        return "F4: the counts are those of the list and the watermarks";
    if (tally.listed != clear || tally.sum != sum)
        return "F2: every frame below a watermark is handed out or listed, "
               "exactly once";
    return check_holders(frames, at);
}

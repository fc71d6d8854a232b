/* SPDX-License-Identifier: MIT */
/*
 * fuzz_frames.c - frames are taken, freed, freed twice, taken and freed in
 * runs; a run that an array of all frames has is found
 *
 * sources: src/mm/frames*.c src/mm/names.c
 */
#include "fuzz.h"
#include "stop.h"

#include "mm/frames.h"

enum { FRAMES = 2000, REGIONS = 4 };

static unsigned char memory[FRAMES][MM_PAGE] __attribute__((aligned(64)));
static uint32_t bits[2][MM_PAGE / 4];
static bool used[FRAMES], bits_made[2];

static struct frames_holder *holder(void *context, pfn_t pfn)
{
    (void)context;
    FUZZ_EXPECT(pfn > 0 && pfn < FRAMES && !used[pfn],
                "the list lies in a frame that is not free");
    return (struct frames_holder *)memory[pfn];
}

static enum frames_bits make_bits(void *context, uint32_t page, pfn_t pfn)
{
    (void)context;
    (void)pfn;
    FUZZ_EXPECT(page < 2, "bits for frames that are not there");
    if (bits_made[page])
        return FRAMES_BITS_READY;
    memset(bits[page], 0, MM_PAGE);
    bits_made[page] = true;
    return FRAMES_BITS_READY;
}

/* Whether there are COUNT frames side by side that a run must find: all below
 * the watermark of a region, or all above it. */
static bool has_run(const struct frames *frames, uint32_t count)
{
    for (uint32_t i = 0; i < frames->region_count; i++) {
        const struct frames_region *region = &frames->regions[i];
        uint32_t length = 0;

        if (i >= frames->region &&
            region->end - region->watermark >= count)
            return true;
        for (pfn_t pfn = region->start; pfn < region->watermark; pfn++) {
            length = used[pfn] ? 0 : length + 1;
            if (length == count)
                return true;
        }
    }
    return false;
}

static void got(pfn_t pfn, uint32_t count)
{
    FUZZ_EXPECT(pfn > 0 && pfn < FRAMES && count <= FRAMES - pfn,
                "a frame that is not there");
    for (pfn_t i = pfn; i < pfn + count; i++) {
        FUZZ_EXPECT(!used[i], "a frame was handed out twice");
        used[i] = true;
        memset(memory[i], 0xcd, MM_PAGE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = { data, size };
    struct frames_region regions[REGIONS] = { 0 };
    struct frames_home home = { .holder = holder, .bits = make_bits };
    struct frames frames;
    uint32_t start = 1, count = 0, handed = 0, all = 0;

    memset(used, 0, sizeof used);
    memset(bits_made, 0, sizeof bits_made);
    while (count < REGIONS && start < FRAMES) {
        uint32_t gap = fuzz_byte(&fuzz) % 40;
        uint32_t length = 1 + fuzz_half(&fuzz) % 700;

        start += gap;
        if (start >= FRAMES)
            break;
        if (length > FRAMES - start)
            length = FRAMES - start;
        regions[count++] = (struct frames_region){
            .start = start, .end = start + length };
        start += length + 1;
        all += length;
    }
    if (count == 0)
        return 0;
    frames_init(&frames, &home, regions, count, bits[0]);
    while (fuzz.size > 0) {
        uint32_t what = fuzz_byte(&fuzz), n = 1 + fuzz_byte(&fuzz);
        pfn_t pfn, at;
        const char *fault;
        bool good;

        switch (what % 4) {
        case 0:
            for (; n > 0 && (pfn = frame_alloc(&frames)) != FRAME_NONE; n--) {
                got(pfn, 1);
                handed++;
            }
            FUZZ_EXPECT(n == 0 || handed == all,
                        "no frame, and not all are handed out");
            break;
        case 1:
            if (what & 4)
                n = 1 + n % 12;
            good = has_run(&frames, n);
            pfn = frame_alloc_run(&frames, n);
            FUZZ_EXPECT(n == 1 || (pfn != FRAME_NONE) == good,
                        "a run was found, or refused, wrongly");
            if (pfn != FRAME_NONE) {
                got(pfn, n);
                handed += n;
            }
            break;
        case 2:
            pfn = fuzz_half(&fuzz) % (FRAMES + 20);
            good = frames_region_of(&frames, pfn) != NULL;
            for (pfn_t i = pfn; good && i < pfn + n; i++)
                good = i < FRAMES && used[i] &&
                       frames_region_of(&frames, i) ==
                           frames_region_of(&frames, pfn);
            for (pfn_t i = pfn; good && i < pfn + n; i++)
                used[i] = false;
            FUZZ_EXPECT((frame_free_run(&frames, pfn, n) == MM_OK) == good,
                        "the free of a run was believed, or refused, wrongly");
            handed -= good ? n : 0;
            break;
        default:
            pfn = fuzz_half(&fuzz) % (FRAMES + 20);
            for (n = what & 4 ? n : 1; n > 0; n--, pfn++) {
                good = pfn < FRAMES && used[pfn];

                if (good)
                    used[pfn] = false;  /* its bytes are the list's now */
                FUZZ_EXPECT((frame_free(&frames, pfn) == MM_OK) == good,
                            "a free was believed, or refused, wrongly");
                handed -= good;
            }
        }
        if ((fault = frames_check(&frames, &at)) != NULL)
            FUZZ_EXPECT(false, fault);
        FUZZ_EXPECT(frames_available(&frames) == all - handed,
                    "the count of available frames is wrong");
    }
    return 0;
}

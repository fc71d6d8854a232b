/* SPDX-License-Identifier: MIT */
/*
 * fuzz_ranges.c - ranges are taken and freed in any order, any part of them
 *
 * An array says for each page whether it is used: the slow, obvious version.
 *
 * sources: src/mm/ranges*.c src/mm/names.c
 */
#include "fuzz.h"
#include "stop.h"

#include "mm/ranges.h"

enum { PAGES = 600 };

static unsigned char arena[PAGES * MM_PAGE] __attribute__((aligned(MM_PAGE)));
static bool used[PAGES];
static int holds_left;

static bool hold(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    FUZZ_EXPECT(page < PAGES && count == 1, "tags hold what is outside");
    FUZZ_EXPECT(!used[page], "a page of tags where a range is");
    return holds_left-- > 0;
}

static void let_go(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    FUZZ_EXPECT(page < PAGES && count == 1, "tags release what is outside");
}

static void take(struct fuzz *fuzz, struct ranges *ranges, uint32_t what)
{
    struct range_request request = {
        .pages = fuzz_byte(fuzz) % 40, .type = RANGE_OTHER,
        .align_pages = what & 8 ? 1u << (what >> 4) % 8 : 0,
        .at = what & 4 ? fuzz_half(fuzz) % (PAGES + 50) : RANGE_ANYWHERE,
        .protection = RANGE_READ,
    };
    uint32_t page;

    if (request.pages == 0)
        request.pages = 1;
    if (ranges_alloc(ranges, &request, &page) != MM_OK)
        return;
    FUZZ_EXPECT(page < PAGES && request.pages <= PAGES - page,
                "a range outside the arena");
    FUZZ_EXPECT(request.at == RANGE_ANYWHERE || page == request.at,
                "not where it was asked for");
    FUZZ_EXPECT(request.align_pages < 2 || request.at != RANGE_ANYWHERE ||
                page % request.align_pages == 0,
                "not aligned");
    for (uint32_t i = page; i < page + request.pages; i++) {
        FUZZ_EXPECT(!used[i], "a page was handed out twice");
        used[i] = true;
    }
}

static void give(struct fuzz *fuzz, struct ranges *ranges)
{
    uint32_t page = fuzz_half(fuzz) % (PAGES + 10);
    uint32_t pages = fuzz_byte(fuzz) % 24;
    bool all = page < PAGES && pages <= PAGES - page && pages > 0;

    for (uint32_t i = page; all && i < page + pages; i++)
        all = used[i];

    /* The first of the pages may hold tags from now on, so they are free in
     * our eyes before they are. */
    for (uint32_t i = page; all && i < page + pages; i++)
        used[i] = false;
    if (ranges_free(ranges, page, pages) == MM_OK) {
        FUZZ_EXPECT(all, "what is not used was freed");
        return;
    }
    for (uint32_t i = page; all && i < page + pages; i++)
        used[i] = true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz fuzz = { data, size };
    struct mm_home home = { .hold = hold, .release = let_go };
    static struct ranges ranges;
    const char *fault;
    uint32_t at;

    memset(used, 0, sizeof used);
    holds_left = 1000;
    ranges_init(&ranges, &home, arena, PAGES);
    for (uint32_t i = 0; fuzz.size > 0; i++) {
        uint32_t what = fuzz_byte(&fuzz);

        switch (what % 4) {
        case 0: case 1: take(&fuzz, &ranges, what); break;
        case 2: give(&fuzz, &ranges); break;
        default:
            if (what < 40)
                ranges_trim(&ranges);
            else if (what < 80)
                holds_left = (int)fuzz_byte(&fuzz) % 4;
            else
                give(&fuzz, &ranges);
        }
        if ((fault = ranges_check(&ranges, &at)) != NULL)
            FUZZ_EXPECT(false, fault);
        for (uint32_t page = i % 16; page < PAGES; page += 16) {
            const struct range_tag *tag = ranges_find(&ranges, page);

            FUZZ_EXPECT(tag != NULL, "a page belongs to no tag");
            FUZZ_EXPECT(tag->type == RANGE_TAGS ||
                        (tag->type != RANGE_FREE) == used[page],
                        "a tag says used, or free, wrongly");
        }
    }
    return 0;
}

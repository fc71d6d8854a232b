/* SPDX-License-Identifier: MIT */
/*
 * ranges.c - what an operation on ranges costs at so many live ones
 *
 *     ranges plain|aligned|mixed LIVE PAIRS
 *
 * LIVE ranges are made in an arena that is larger than they need, and half as
 * many again are freed and made, so that free ranges lie everywhere. Then,
 * measured, PAIRS times: a range chosen at random is freed whole, and another
 * is made. An operation is one of the two. Nobody watches, and no frame is
 * put behind a page except those of the tags.
 *
 *     plain      1 to 16 pages, anywhere
 *     aligned    1 to 16 pages, at multiples of 64 KiB: 16 pages
 *     mixed      1 to 512 pages, each doubling half as often as the one
 *                before; every second range aligned to 64 KiB
 *
 * It prints
 *
 *     ns N            an operation, less the loop around it
 *     loop N          that loop: choosing a range and a size
 *     span N          pages up to the end of the last used range, divided by
 *                     the pages that are live
 *     free N          free ranges
 *     tags N          bytes of the instance's own pages, for each live range
 *
 * Its loop is the function ranges_run(), so that an instruction counter can
 * be pointed at it (bench/run does).
 */
#define _GNU_SOURCE
#include <string.h>

#include "ground.h"
#include "mm/ranges.h"

enum { ALIGN_PAGES = 16, PAGES_MOST = 16, DOUBLINGS = 9 };

struct live {
    uint32_t page, pages;
};

/* What is done in a pair: which range goes, and what comes instead. */
struct pair {
    uint32_t at, pages, align_pages;
};

static struct pair pair_of(const char *kind, uint32_t live)
{
    struct pair pair = { .at = ground_random_below(live) };

    if (kind[0] == 'm') {
        uint32_t most = 1;

        while (most < 1u << DOUBLINGS && ground_random_below(2) == 0)
            most *= 2;
        pair.pages = most / 2 + 1 + ground_random_below((most + 1) / 2);
        pair.align_pages = ground_random_below(2) * ALIGN_PAGES;
    } else {
        pair.pages = 1 + ground_random_below(PAGES_MOST);
        pair.align_pages = kind[0] == 'a' ? ALIGN_PAGES : 0;
    }
    return pair;
}

static void range_make(struct ranges *ranges, struct live *live,
                       const struct pair *pair)
{
    struct range_request request = {
        .pages = pair->pages, .align_pages = pair->align_pages,
        .at = RANGE_ANYWHERE, .type = RANGE_OTHER,
        .protection = RANGE_READ | RANGE_WRITE,
    };

    live->pages = pair->pages;
    if (ranges_alloc(ranges, &request, &live->page) != MM_OK) {
        fprintf(stderr, "the arena is too small\n");
        exit(1);
    }
}

/* The part that is measured. RANGES NULL: the loop alone. */
void ranges_run(struct ranges *ranges, struct live *live,
                const struct pair *pairs, uint32_t count);

__attribute__((noinline)) void ranges_run(struct ranges *ranges,
                                          struct live *live,
                                          const struct pair *pairs,
                                          uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct live *one = &live[pairs[i].at];

        if (ranges == NULL) {
            *(volatile uint32_t *)&one->pages = one->pages;
            continue;
        }
        if (ranges_free(ranges, one->page, one->pages) != MM_OK) {
            fprintf(stderr, "a range was not freed\n");
            exit(1);
        }
        range_make(ranges, one, &pairs[i]);
    }
}

int main(int count, char **words)
{
    static struct ranges ranges;

    if (count != 4 || (strcmp(words[1], "plain") != 0 &&
                       strcmp(words[1], "aligned") != 0 &&
                       strcmp(words[1], "mixed") != 0)) {
        fprintf(stderr, "usage: ranges plain|aligned|mixed LIVE PAIRS\n");
        return 2;
    }

    uint32_t live_count = (uint32_t)strtoul(words[2], NULL, 0);
    uint32_t pairs = (uint32_t)strtoul(words[3], NULL, 0);
    uint32_t pages = live_count > 1000000 ? 1u << 25 : 1000 + live_count * 32;

    if (live_count == 0 || pairs == 0 || live_count > 2000000)
        return 2;
    if (pages > (1u << 25) - 1)
        pages = (1u << 25) - 1;

    unsigned char *base = ground_zeroes((size_t)pages * MM_PAGE);
    struct mm_home home = ground_home(base);
    struct live *live = ground_zeroes(live_count * sizeof(*live));
    struct pair *all = ground_zeroes((size_t)pairs * sizeof(*all));

    ranges_init(&ranges, &home, base, pages);
    for (uint32_t i = 0; i < live_count; i++) {
        struct pair pair = pair_of(words[1], live_count);

        range_make(&ranges, &live[i], &pair);
    }
    for (uint32_t left = live_count / 2; left > 0; left--) {
        struct pair pair = pair_of(words[1], live_count);

        ranges_free(&ranges, live[pair.at].page, live[pair.at].pages);
        range_make(&ranges, &live[pair.at], &pair);
    }
    for (uint32_t i = 0; i < pairs; i++)
        all[i] = pair_of(words[1], live_count);

    double start = ground_ns();

    ranges_run(NULL, live, all, pairs);

    double loop = (ground_ns() - start) / pairs / 2;

    start = ground_ns();
    ranges_run(&ranges, live, all, pairs);

    double took = (ground_ns() - start) / pairs / 2;
    uint64_t sum = 0, end = 0;
    uint32_t page;
    const char *broken = ranges_check(&ranges, &page);

    if (broken != NULL) {
        fprintf(stderr, "%s, at page %u\n", broken, page);
        return 1;
    }
    for (uint32_t i = 0; i < live_count; i++) {
        sum += live[i].pages;
        if (live[i].page + live[i].pages > end)
            end = live[i].page + live[i].pages;
    }
    printf("ns %.1f\nloop %.1f\nspan %.3f\nfree %u\ntags %.1f\n", took - loop,
           loop, (double)end / (double)sum, ranges.free_count,
           (double)ranges.tag_pages * MM_PAGE / live_count);
    return 0;
}

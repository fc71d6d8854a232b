/* SPDX-License-Identifier: MIT */
/*
 * ranges_index.c - used ranges by their first page
 *
 * Theory of operation
 * -------------------
 * Most ranges are freed whole, by somebody who knows the first page. The tree
 * finds the tag too, but in a large tree every second step on the way down is
 * a cache miss. So used tags are also kept in a hash table: a bucket is the
 * list of the used tags whose first page leads there, threaded through their
 * `next`.
 *
 * The table has about two buckets a used range, and grows with them by
 * *linear hashing*: one bucket at a time, so that no operation pays for the
 * whole table. With N buckets, H the power of two that is at most N:
 *
 *     0                   N - H             H                     N
 *     +-------------------+-----------------+---------------------+
 *     | split already     | not yet         | the parts split off |
 *     +-------------------+-----------------+---------------------+
 *       by hash mod 2H      by hash mod H     by hash mod 2H
 *
 * The next bucket, number N, takes from bucket N - H those tags whose hash
 * says N mod 2H. No other bucket is touched.
 *
 * The first buckets lie in the instance. The others lie in pages that the
 * instance takes from itself, 1024 a page, found through one more page, the
 * directory. Where no page is to be had the table stays as it is and its
 * lists grow longer: index_find() gives up soon, and the tree is asked.
 * ranges_trim() makes the table small again.
 *
 *   R7  Every used tag is on the list of its bucket, once, and nothing else
 *       is.
 *
 * Source: W. Litwin, "Linear hashing: a new tool for file and table
 * addressing", VLDB 1980.
 */
#include "ranges_tree.h"

enum { INDEX_TRIES = 8 };       /* tags of a bucket that are looked at */

_Static_assert(RANGE_BUCKETS_MOST / RANGE_BUCKETS_PER_PAGE <=
                   MM_PAGE / sizeof(uint32_t), "one directory is enough");

static uint32_t *page_words(const struct ranges *ranges, uint32_t page)
{
    return (uint32_t *)(ranges->base + (size_t)page * MM_PAGE);
}

uint32_t index_page_of(const struct ranges *ranges, uint32_t bucket)
{
    if (bucket < RANGE_FIRST_BUCKETS)
        return RANGE_ANYWHERE;

    uint32_t page =
        page_words(ranges, ranges->directory)[bucket / RANGE_BUCKETS_PER_PAGE];

    return page < ranges->page_count ? page : RANGE_ANYWHERE;
}

/* Where the first tag of BUCKET is named; NULL in a damaged index. */
static range_ref *bucket_at(const struct ranges *ranges, uint32_t bucket)
{
    if (bucket < RANGE_FIRST_BUCKETS)
        return (range_ref *)&ranges->buckets[bucket];

    uint32_t page = index_page_of(ranges, bucket);

    if (page == RANGE_ANYWHERE)
        return NULL;
    return page_words(ranges, page) + bucket % RANGE_BUCKETS_PER_PAGE;
}

/* The power of two that is at most N. */
static uint32_t power_in(uint32_t n)
{
    return UINT32_C(1) << (31 - __builtin_clz(n));
}

/* Mixes the bits of PAGE, so that pages at multiples of something do not meet
 * in few buckets. The constants are those of MurmurHash3's last step. */
static uint32_t hash_of(uint32_t page)
{
    page = (page ^ page >> 16) * UINT32_C(0x85ebca6b);
    page = (page ^ page >> 13) * UINT32_C(0xc2b2ae35);
    return page ^ page >> 16;
}

uint32_t index_bucket_of(const struct ranges *ranges, uint32_t page)
{
    uint32_t hash = hash_of(page);
    uint32_t power = power_in(ranges->bucket_count);
    uint32_t bucket = hash & (2 * power - 1);

    return bucket < ranges->bucket_count ? bucket : bucket - power;
}

range_ref index_first(const struct ranges *ranges, uint32_t bucket)
{
    const range_ref *first = bucket_at(ranges, bucket);

    return first == NULL ? RANGE_NIL : *first;
}

struct range_tag *index_find(const struct ranges *ranges, uint32_t page)
{
    struct range_tag *tag = range_tag_at(
        ranges, index_first(ranges, index_bucket_of(ranges, page)));

    for (int i = 0; tag != NULL && i < INDEX_TRIES; i++) {
        if (tag->start == page)
            return tag->pages > 0 && tag->type != RANGE_FREE ? tag : NULL;
        tag = range_tag_at(ranges, tag->next);
    }
    return NULL;
}

void index_insert(struct ranges *ranges, struct range_tag *tag)
{
    range_ref *first =
        bucket_at(ranges, index_bucket_of(ranges, tag->start));

    if (first == NULL)
        return;
    tag->next = *first;
    *first = range_ref_of(ranges, tag);
}

void index_remove(struct ranges *ranges, const struct range_tag *tag)
{
    range_ref ref = range_ref_of(ranges, tag);
    range_ref *link = bucket_at(ranges, index_bucket_of(ranges, tag->start));

    for (uint32_t left = ranges->used_count; link != NULL && left > 0;
         left--) {
        if (*link == ref) {
            *link = tag->next;
            return;
        }

        struct range_tag *at = range_tag_at(ranges, *link);

        link = at == NULL ? NULL : &at->next;
    }
}

/* ---- growing and shrinking -------------------------------------------- */

bool index_is_small(const struct ranges *ranges)
{
    return ranges->bucket_count / 2 < ranges->used_count &&
           ranges->bucket_count < RANGE_BUCKETS_MOST;
}

uint32_t index_pages_needed(const struct ranges *ranges)
{
    if (ranges->bucket_count == RANGE_FIRST_BUCKETS)
        return ranges->directory == RANGE_ANYWHERE ? 2 : 1;
    return ranges->bucket_count % RANGE_BUCKETS_PER_PAGE == 0;
}

void index_add_page(struct ranges *ranges, uint32_t page)
{
    if (ranges->directory == RANGE_ANYWHERE)
        ranges->directory = page;
    else
        page_words(ranges, ranges->directory)
            [ranges->bucket_count / RANGE_BUCKETS_PER_PAGE] = page;
}

void index_grow(struct ranges *ranges)
{
    uint32_t bucket = ranges->bucket_count;
    range_ref *link = bucket_at(ranges, bucket - power_in(bucket));
    range_ref *first = bucket_at(ranges, bucket);

    if (link == NULL || first == NULL)
        return;                         /* damaged */
    ranges->bucket_count++;
    *first = RANGE_NIL;
    for (uint32_t left = ranges->used_count; left > 0; left--) {
        range_ref ref = *link;
        struct range_tag *tag = range_tag_at(ranges, ref);

        if (tag == NULL)
            return;
        if (index_bucket_of(ranges, tag->start) == bucket) {
            *link = tag->next;
            tag->next = *first;
            *first = ref;
        } else {
            link = &tag->next;
        }
    }
}

void index_shrink(struct ranges *ranges)
{
    uint32_t bucket = ranges->bucket_count - 1;
    range_ref *first = bucket_at(ranges, bucket - power_in(bucket));
    range_ref *moved = bucket_at(ranges, bucket), *link = moved;

    ranges->bucket_count = bucket;
    if (link == NULL || first == NULL)
        return;                         /* damaged */

    for (uint32_t left = ranges->used_count; left > 0; left--) {
        struct range_tag *tag = range_tag_at(ranges, *link);

        if (tag == NULL)
            break;
        link = &tag->next;
    }
    *link = *first;                     /* behind the last: MOVED's own word,
                                           when there was none */
    *first = *moved;
}

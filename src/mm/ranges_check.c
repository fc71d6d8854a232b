/* SPDX-License-Identifier: MIT */
/*
 * ranges_check.c - the invariants of ranges.c, checked in any state
 *
 * Trusts nothing: every reference goes through range_tag_at(), every walk is
 * bounded. Three accounts meet: the tree (by address), the lists (by size), and
 * the index (by first page).
 */
#include "ranges_tree.h"

struct tally {
    uint64_t used_pages;
    uint32_t used_count, free_count, tag_pages;
};

static const char *const r2 =
    "R2: the tree is in order and its parents are right";

/* R2 at TAG, which hangs, on the tag PREVIOUS: it has no part in the tree. */
static const char *check_hanging(const struct ranges *ranges,
                                 const struct range_tag *tag,
                                 range_ref previous)
{
    const struct range_tag *holder = range_tag_at(ranges, previous);

    return tag->type == RANGE_FREE && tag->parent == previous &&
                   holder != NULL && range_hanging(ranges, holder) == tag &&
                   (tag->left | tag->right | tag->left_height |
                    tag->right_height) == 0
               ? NULL : r2;
}

/* R2 and R3 at TAG alone, which is in the tree, behind PREVIOUS. */
static const char *check_node(const struct ranges *ranges,
                              const struct range_tag *tag, range_ref previous)
{
    const struct range_tag *left = range_tag_at(ranges, range_left(tag));
    const struct range_tag *right = range_tag_at(ranges, range_right(tag));
    const struct range_tag *parent = range_tag_at(ranges, tag->parent);
    const struct range_tag *hanging = range_hanging(ranges, tag);
    range_ref ref = range_ref_of(ranges, tag);

    if (left == NULL ? tag->left != previous
                     : left->parent != ref || left->start >= tag->start)
        return r2;
    if (right == NULL ? tag->right != RANGE_NIL &&
                            range_tag_at(ranges, tag->right) == NULL
                      : right->parent != ref || right->start <= tag->start)
        return r2;
    if (parent == NULL
            ? ranges->root != ref
            : range_left(parent) != ref && range_right(parent) != ref)
        return r2;
    if (tag->type != RANGE_FREE && tag->previous != RANGE_NIL &&
        (hanging == NULL || !hanging->hangs))
        return r2;
    if (tag->left_height != (left == NULL ? 0 : range_height(left)) ||
        tag->right_height != (right == NULL ? 0 : range_height(right)) ||
        tag->left_height - tag->right_height > 1 ||
        tag->right_height - tag->left_height > 1)
        return "R3: the tree is balanced and its heights are right";
    return NULL;
}

/* By address: R1 to R4, and the tally. */
static const char *check_tree(const struct ranges *ranges,
                              struct tally *tally, uint32_t *page)
{
    const struct range_tag *tag = ranges_find(ranges, 0);
    const struct range_tag *root = range_tag_at(ranges, ranges->root);
    range_ref previous = RANGE_NIL;         /* in the tree */
    bool left_is_free = false;
    uint32_t end = 0;

    if (root == NULL || root->parent != RANGE_NIL)
        return r2;
    for (; tag != NULL; tag = ranges_next(ranges, tag)) {
        *page = tag->start;

        const char *broken = tag->hangs
                                 ? check_hanging(ranges, tag, previous)
                                 : check_node(ranges, tag, previous);

        if (broken != NULL)
            return broken;
        if (tag->start != end || tag->pages == 0 ||
            tag->pages > ranges->page_count - end ||
            tag->type >= RANGE_TYPES)
            return "R1: tags tile the arena";
        end += tag->pages;
        if (tag->type == RANGE_FREE) {
            if (left_is_free)
                return "R4: no two free ranges are neighbours";
            tally->free_count++;
        } else {
            tally->used_count++;
            tally->used_pages += tag->pages;
            tally->tag_pages += tag->type == RANGE_TAGS;
        }
        left_is_free = tag->type == RANGE_FREE;
        if (!tag->hangs)
            previous = range_ref_of(ranges, tag);
    }
    *page = end;
    return end == ranges->page_count ? NULL : "R1: tags tile the arena";
}

/* By size: R5. */
static const char *check_lists(const struct ranges *ranges,
                               uint32_t free_count, uint32_t *page)
{
    static const char *const r5 =
        "R5: a free tag is on the list of its size, once";
    uint32_t listed = 0;

    for (unsigned k = 0; k < RANGE_LISTS; k++) {
        range_ref ref = ranges->lists[k], previous = RANGE_NIL;

        if (class_map_has(ranges->map, k) != (ref != RANGE_NIL))
            return r5;
        while (ref != RANGE_NIL) {
            const struct range_tag *tag = range_tag_at(ranges, ref);

            if (tag == NULL)
                return r5;
            *page = tag->start;
            if (tag->type != RANGE_FREE || tag->previous != previous ||
                tag->pages == 0 ||
                class_of(tag->pages) != k || ++listed > free_count)
                return r5;
            previous = ref;
            ref = tag->next;
        }
    }
    return listed == free_count ? NULL : r5;
}

/* By first page: R7. */
static const char *check_index(const struct ranges *ranges, uint32_t *page)
{
    static const char *const r7 = "R7: every used tag is in the index, once";
    uint32_t found = 0;

    for (uint32_t i = 0; i < ranges->bucket_count; i++) {
        range_ref ref = index_first(ranges, i);

        while (ref != RANGE_NIL) {
            const struct range_tag *tag = range_tag_at(ranges, ref);

            if (tag == NULL)
                return r7;
            *page = tag->start;
            if (tag->type == RANGE_FREE || tag->pages == 0 ||
                index_bucket_of(ranges, tag->start) != i ||
                ++found > ranges->used_count)
                return r7;
            ref = tag->next;
        }
    }
    return found == ranges->used_count ? NULL : r7;
}

/* The pages of the index are own pages, and say so. */
static const char *check_index_pages(const struct ranges *ranges,
                                     uint32_t *page)
{
    uint32_t bucket = RANGE_FIRST_BUCKETS;

    *page = ranges->directory;
    while (*page != RANGE_ANYWHERE) {
        const struct range_tag *tag = ranges_find(ranges, *page);

        if (tag == NULL || tag->type != RANGE_TAGS || !tag->index ||
            tag->pages != 1)
            return "R7: the index lies in own pages";
        if (bucket >= ranges->bucket_count)
            break;
        *page = index_page_of(ranges, bucket);
        bucket = (bucket / RANGE_BUCKETS_PER_PAGE + 1) *
                 RANGE_BUCKETS_PER_PAGE;
    }
    return ranges->bucket_count > RANGE_FIRST_BUCKETS &&
                   *page == RANGE_ANYWHERE
               ? "R7: the index lies in own pages" : NULL;
}

const char *ranges_check(const struct ranges *ranges, uint32_t *page)
{
    struct tally tally = { 0 };
    const char *broken = check_tree(ranges, &tally, page);

    if (broken == NULL)
        broken = check_lists(ranges, tally.free_count, page);
    if (broken != NULL)
        return broken;

    uint32_t spare = 0;
    range_ref ref = ranges->spare;

    while (ref != RANGE_NIL && spare <= ranges->spare_count) {
        const struct range_tag *tag = range_tag_at(ranges, ref);

        if (tag == NULL || tag->pages != 0)
            break;
        ref = tag->next;
        spare++;
    }
    if (tally.used_count != ranges->used_count ||
        tally.free_count != ranges->free_count ||
        tally.used_pages != ranges->used_pages ||
        tally.tag_pages != ranges->tag_pages ||
        spare != ranges->spare_count || ref != RANGE_NIL)
        return "R6: the counts of pages and tags are those of the tags";
    broken = check_index_pages(ranges, page);
    return broken != NULL ? broken : check_index(ranges, page);
}

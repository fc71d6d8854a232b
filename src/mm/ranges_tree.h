/* SPDX-License-Identifier: MIT */
/*
 * ranges_tree.h - the AVL tree of tags and the index, for ranges.c only
 */
#ifndef MM_RANGES_TREE_H
#define MM_RANGES_TREE_H

#include "ranges.h"

enum {
    /* No tree of 2^32 tags is higher (1.44 * 32 = 46): a walk that is longer
     * than this goes round in damaged tags, and ends. */
    RANGE_HEIGHT_MAX = 48,
};

/* The tag that contains PAGE, in the tree or hanging on one that is; NULL when
 * there is none. */
struct range_tag *tree_find(const struct ranges *ranges, uint32_t page);

/* Puts TAG, not in the tree, directly after KNOWN in order of address. KNOWN
 * NULL: the tree is empty. O(log n), without a search. */
void tree_insert_after(struct ranges *ranges, struct range_tag *known,
                       struct range_tag *tag);

/* TO, not in the tree, becomes all that TAG is, and takes its place in it. */
void tree_replace(struct ranges *ranges, struct range_tag *tag,
                  struct range_tag *to);

/* Takes TAG out, which has at most one side. O(log n). */
void tree_remove(struct ranges *ranges, struct range_tag *tag);

/* The tag in the tree behind TAG, or before it; NULL: none. */
struct range_tag *tree_next(const struct ranges *ranges,
                            const struct range_tag *tag);
struct range_tag *tree_previous(const struct ranges *ranges,
                                const struct range_tag *tag);

/* ---- ranges_index.c --------------------------------------------------- */

/* The used tag that starts at PAGE; NULL when there is none, or when the
 * index does not find it soon: the tree knows. */
struct range_tag *index_find(const struct ranges *ranges, uint32_t page);

/* TAG is used from now on; or not any more. */
void index_insert(struct ranges *ranges, struct range_tag *tag);
void index_remove(struct ranges *ranges, const struct range_tag *tag);

/* Whether one bucket more would be good. */
bool index_is_small(const struct ranges *ranges);

/* How many more pages the next bucket needs: 0, 1, or 2 with a directory. */
uint32_t index_pages_needed(const struct ranges *ranges);

/* The held page PAGE is the index's: its directory, or its next page. */
void index_add_page(struct ranges *ranges, uint32_t page);

/* One bucket more, or one fewer. */
void index_grow(struct ranges *ranges);
void index_shrink(struct ranges *ranges);

/* The page of bucket BUCKET; RANGE_ANYWHERE: the instance's, or damaged. */
uint32_t index_page_of(const struct ranges *ranges, uint32_t bucket);

/* What bucket BUCKET begins with. */
range_ref index_first(const struct ranges *ranges, uint32_t bucket);
uint32_t index_bucket_of(const struct ranges *ranges, uint32_t page);

#endif

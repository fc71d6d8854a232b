/* SPDX-License-Identifier: MIT */
/*
 * ranges_tree.h - the AVL tree of tags, for ranges.c only
 */
#ifndef MM_RANGES_TREE_H
#define MM_RANGES_TREE_H

#include "ranges.h"

enum {
    /* No tree of 2^32 tags is higher (1.44 * 32 = 46): a walk that is longer
     * than this goes round in damaged tags, and ends. */
    RANGE_HEIGHT_MAX = 48,
};

/* The tag that contains PAGE; NULL when there is none. */
struct range_tag *tree_find(const struct ranges *ranges, uint32_t page);

/* Puts TAG, not in the tree, directly after KNOWN in order of address. KNOWN
 * NULL: the tree is empty. O(log n), without a search. */
void tree_insert_after(struct ranges *ranges, struct range_tag *known,
                       struct range_tag *tag);

/* TO, not in the tree, takes TAG's place in it. TAG is out then. */
void tree_replace(struct ranges *ranges, struct range_tag *tag,
                  struct range_tag *to);

/* Takes TAG out. O(log n). */
void tree_remove(struct ranges *ranges, struct range_tag *tag);

struct range_tag *tree_first(const struct ranges *ranges);
struct range_tag *tree_next(const struct ranges *ranges,
                            const struct range_tag *tag);
struct range_tag *tree_previous(const struct ranges *ranges,
                                const struct range_tag *tag);

#endif

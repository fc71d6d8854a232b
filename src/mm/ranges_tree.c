/* SPDX-License-Identifier: MIT */
/*
 * ranges_tree.c - an AVL tree of range tags, ordered by address
 *
 * Theory of operation
 * -------------------
 * Left of a tag are the tags of lower pages, right of it those of higher
 * ones. In every tag stands the height of its subtree, a leaf's is 1, and at
 * every tag the heights of both sides differ by at most one: that is what
 * makes it an AVL tree, and keeps the way from the root to any tag short
 * (at most 1.44 log2 n steps).
 *
 * Inserting or removing a tag changes heights on the way up to the root. A
 * tag whose sides then differ by two is mended by one rotation or two:
 *
 *         y                       x          rotate_right(y)
 *        / \                     / \         (and back: rotate_left(x))
 *       x   C      ------->     A   y
 *      / \                         / \       The order of A, x, B, y, C
 *     A   B                       B   C      stays the same.
 *
 * The tree never searches for a place to insert at: a new tag always comes
 * from cutting one that is known, and goes directly behind it. And it never
 * takes out a tag with two sides: a tag goes when a neighbour takes it in, and
 * of two neighbours one lies below the other, on the near side of it; so the
 * lower one has no side towards the other. That one goes.
 *
 *           y                 x, y are neighbours: all that lies between them
 *          / \                would be right of x. So x has at most a left
 *         :   .               side, and goes; y takes over its pages.
 *          \
 *           x
 *          /
 *         A
 *
 *   T1  In order of the tree, tags are in order of address.
 *   T2  Each tag's height is one more than that of its higher side.
 *   T3  The heights of the sides of a tag differ by at most one.
 *   T4  A tag's parent names the tag of which it is a side.
 *
 * A tag may lie in memory that a student has overwritten. Every reference is
 * checked by range_tag_at() before it is followed, and every walk is bounded
 * by RANGE_HEIGHT_MAX: the result can be wrong, but it comes.
 *
 * Source: G. M. Adelson-Velsky, E. M. Landis, "An algorithm for the
 * organization of information", 1962; Knuth, TAOCP vol. 3, section 6.2.3.
 * Lesson: docs/lessons/11-ranges.md
 */
#include "ranges_tree.h"

static struct range_tag *left_of(const struct ranges *ranges,
                                 const struct range_tag *tag)
{
    return range_tag_at(ranges, tag->left);
}

static struct range_tag *right_of(const struct ranges *ranges,
                                  const struct range_tag *tag)
{
    return range_tag_at(ranges, tag->right);
}

static struct range_tag *parent_of(const struct ranges *ranges,
                                   const struct range_tag *tag)
{
    return range_tag_at(ranges, tag->parent);
}

static int height_of(const struct range_tag *tag)
{
    return tag == NULL ? 0 : tag->height;
}

static void height_update(const struct ranges *ranges, struct range_tag *tag)
{
    int left = height_of(left_of(ranges, tag));
    int right = height_of(right_of(ranges, tag));

    tag->height = (uint8_t)((left > right ? left : right) + 1);
}

/* Where PARENT named OLD (NULL parent: the root), it names REF. */
static void parent_relink(struct ranges *ranges, struct range_tag *parent,
                          range_ref old, range_ref ref)
{
    if (parent == NULL)
        ranges->root = ref;
    else if (parent->left == old)
        parent->left = ref;
    else
        parent->right = ref;
}

/* X, the left side of Y, takes Y's place (the picture above). Gives X. */
static struct range_tag *rotate_right(struct ranges *ranges,
                                      struct range_tag *y)
{
    range_ref x_ref = y->left, y_ref = range_ref_of(ranges, y);
    struct range_tag *x = range_tag_at(ranges, x_ref);
    struct range_tag *b = right_of(ranges, x);

    parent_relink(ranges, parent_of(ranges, y), y_ref, x_ref);
    y->left = x->right;
    if (b != NULL)
        b->parent = y_ref;
    x->right = y_ref;
    x->parent = y->parent;
    y->parent = x_ref;
    height_update(ranges, y);
    height_update(ranges, x);
    return x;
}

/* Y, the right side of X, takes X's place. Gives Y. */
static struct range_tag *rotate_left(struct ranges *ranges,
                                     struct range_tag *x)
{
    range_ref x_ref = range_ref_of(ranges, x), y_ref = x->right;
    struct range_tag *y = range_tag_at(ranges, y_ref);
    struct range_tag *b = left_of(ranges, y);

    parent_relink(ranges, parent_of(ranges, x), x_ref, y_ref);
    x->right = y->left;
    if (b != NULL)
        b->parent = x_ref;
    y->left = x_ref;
    y->parent = x->parent;
    x->parent = y_ref;
    height_update(ranges, x);
    height_update(ranges, y);
    return y;
}

/* How much higher the left side of TAG is than the right. */
static int balance_of(const struct ranges *ranges,
                      const struct range_tag *tag)
{
    return height_of(left_of(ranges, tag)) - height_of(right_of(ranges, tag));
}

/* Mends T2 and T3 at TAG and on the way up from there. */
static void rebalance(struct ranges *ranges, struct range_tag *tag)
{
    for (int i = 0; tag != NULL && i < RANGE_HEIGHT_MAX; i++) {
        int before = tag->height;
        struct range_tag *left = left_of(ranges, tag);
        struct range_tag *right = right_of(ranges, tag);
        int balance = height_of(left) - height_of(right);

        if (balance > 1) {
            if (balance_of(ranges, left) < 0)
                rotate_left(ranges, left);
            tag = rotate_right(ranges, tag);
        } else if (balance < -1) {
            if (balance_of(ranges, right) > 0)
                rotate_right(ranges, right);
            tag = rotate_left(ranges, tag);
        } else {
            tag->height = (uint8_t)((balance > 0 ? height_of(left)
                                                 : height_of(right)) + 1);
        }
        /* Above a subtree whose height is what it was, nothing changed. */
        if (tag->height == before)
            return;
        tag = parent_of(ranges, tag);
    }
}

struct range_tag *tree_find(const struct ranges *ranges, uint32_t page)
{
    struct range_tag *tag = range_tag_at(ranges, ranges->root);

    for (int i = 0; tag != NULL && i < RANGE_HEIGHT_MAX; i++) {
        if (page < tag->start)
            tag = left_of(ranges, tag);
        else if (page - tag->start >= tag->pages)
            tag = right_of(ranges, tag);
        else if (tag->pages > ranges->page_count - tag->start)
            return NULL;                /* ends outside: damaged */
        else
            return tag;
    }
    return NULL;
}

void tree_insert_after(struct ranges *ranges, struct range_tag *known,
                       struct range_tag *tag)
{
    range_ref ref = range_ref_of(ranges, tag);

    tag->left = tag->right = tag->parent = RANGE_NIL;
    tag->height = 1;
    if (known == NULL) {
        ranges->root = ref;
        return;
    }

    /* Directly after KNOWN: its right side, when it has none; else the end
     * of the left flank of its right side. */
    struct range_tag *at = right_of(ranges, known);

    if (at == NULL) {
        known->right = ref;
        at = known;
    } else {
        for (int i = 0; left_of(ranges, at) != NULL && i < RANGE_HEIGHT_MAX;
             i++)
            at = left_of(ranges, at);
        at->left = ref;
    }
    tag->parent = range_ref_of(ranges, at);
    rebalance(ranges, at);
}

void tree_remove(struct ranges *ranges, struct range_tag *tag)
{
    range_ref side = tag->left != RANGE_NIL ? tag->left : tag->right;
    struct range_tag *child = range_tag_at(ranges, side);
    struct range_tag *parent = parent_of(ranges, tag);

    parent_relink(ranges, parent, range_ref_of(ranges, tag), side);
    if (child != NULL)
        child->parent = tag->parent;
    tag->height = 0;
    rebalance(ranges, parent);
}

void tree_replace(struct ranges *ranges, struct range_tag *tag,
                  struct range_tag *to)
{
    range_ref ref = range_ref_of(ranges, to);
    struct range_tag *left = left_of(ranges, tag);
    struct range_tag *right = right_of(ranges, tag);

    parent_relink(ranges, parent_of(ranges, tag), range_ref_of(ranges, tag),
                  ref);
    if (left != NULL)
        left->parent = ref;
    if (right != NULL)
        right->parent = ref;
    to->left = tag->left;
    to->right = tag->right;
    to->parent = tag->parent;
    to->height = tag->height;
    tag->height = 0;
}

struct range_tag *tree_first(const struct ranges *ranges)
{
    struct range_tag *tag = range_tag_at(ranges, ranges->root);

    for (int i = 0; tag != NULL && left_of(ranges, tag) != NULL &&
         i < RANGE_HEIGHT_MAX; i++)
        tag = left_of(ranges, tag);
    return tag;
}

struct range_tag *tree_next(const struct ranges *ranges,
                            const struct range_tag *tag)
{
    struct range_tag *at = right_of(ranges, tag);

    if (at != NULL) {
        for (int i = 0; left_of(ranges, at) != NULL && i < RANGE_HEIGHT_MAX;
             i++)
            at = left_of(ranges, at);
        return at;
    }
    for (int i = 0; i < RANGE_HEIGHT_MAX; i++) {
        at = parent_of(ranges, tag);
        if (at == NULL || left_of(ranges, at) == tag)
            return at;
        tag = at;
    }
    return NULL;
}

struct range_tag *tree_previous(const struct ranges *ranges,
                                const struct range_tag *tag)
{
    struct range_tag *at = left_of(ranges, tag);

    if (at != NULL) {
        for (int i = 0; right_of(ranges, at) != NULL && i < RANGE_HEIGHT_MAX;
             i++)
            at = right_of(ranges, at);
        return at;
    }
    for (int i = 0; i < RANGE_HEIGHT_MAX; i++) {
        at = parent_of(ranges, tag);
        if (at == NULL || right_of(ranges, at) == tag)
            return at;
        tag = at;
    }
    return NULL;
}

/* SPDX-License-Identifier: MIT */
/*
 * ranges_tree.c - an AVL tree of range tags, ordered by address
 *
 * Theory of operation
 * -------------------
 * Left of a tag are the tags of lower pages, right of it those of higher
 * ones. In every tag stand the heights of the subtrees to both sides, a leaf's
 * are 0, and at every tag they differ by at most one: that is what makes it an
 * AVL tree, and keeps the way from the root to any tag short (at most
 * 1.44 log2 n steps). They stand in the tag above, not in that whose subtree it
 * is, so that mending the way up touches the way up only.
 *
 * Half of the sides are empty. There the tag names the neighbour on that side
 * instead, so from most tags it is one step to the next one and the one
 * before.
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
 *   T2  A tag's two heights are those of the subtrees to its sides.
 *   T3  They differ by at most one.
 *   T4  A tag's parent names the tag of which it is a side.
 *   T5  Where a side is empty, `left` or `right` names the tag before or
 *       behind, and RANGE_NIL at the ends.
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

/* The left side of TAG; NULL: none, or what it names is no tag. */
static struct range_tag *left_of(const struct ranges *ranges,
                                 const struct range_tag *tag)
{
    return range_tag_at(ranges, range_left(tag));
}

static struct range_tag *right_of(const struct ranges *ranges,
                                  const struct range_tag *tag)
{
    return range_tag_at(ranges, range_right(tag));
}

static struct range_tag *parent_of(const struct ranges *ranges,
                                   const struct range_tag *tag)
{
    return range_tag_at(ranges, tag->parent);
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

/* X, the left side of Y, takes Y's place (the picture above). Gives X; or Y,
 * when there is no X: the tree is damaged. */
static struct range_tag *rotate_right(struct ranges *ranges,
                                      struct range_tag *y)
{
    range_ref x_ref = y->left, y_ref = range_ref_of(ranges, y);
    struct range_tag *x = range_tag_at(ranges, x_ref);

    if (x == NULL)
        return y;

    struct range_tag *b = right_of(ranges, x);

    parent_relink(ranges, parent_of(ranges, y), y_ref, x_ref);
    y->left = b == NULL ? x_ref : x->right;
    y->left_height = x->right_height;
    if (b != NULL)
        b->parent = y_ref;
    x->right = y_ref;
    x->right_height = range_height(y);
    x->parent = y->parent;
    y->parent = x_ref;
    return x;
}

/* Y, the right side of X, takes X's place. Gives Y; or X, as above. */
static struct range_tag *rotate_left(struct ranges *ranges,
                                     struct range_tag *x)
{
    range_ref x_ref = range_ref_of(ranges, x), y_ref = x->right;
    struct range_tag *y = range_tag_at(ranges, y_ref);

    if (y == NULL)
        return x;

    struct range_tag *b = left_of(ranges, y);

    parent_relink(ranges, parent_of(ranges, x), x_ref, y_ref);
    x->right = b == NULL ? y_ref : y->left;
    x->right_height = y->left_height;
    if (b != NULL)
        b->parent = x_ref;
    y->left = x_ref;
    y->left_height = range_height(x);
    y->parent = x->parent;
    x->parent = y_ref;
    return y;
}

/* How much higher the left side of TAG is than the right; none has 0. */
static int balance_of(const struct range_tag *tag)
{
    return tag == NULL ? 0 : tag->left_height - tag->right_height;
}

/* A side of TAG has changed, and TAG says how high it is now. Mends T3 at TAG,
 * and T2 and T3 on the way up from there. */
static void rebalance(struct ranges *ranges, struct range_tag *tag)
{
    for (int i = 0; tag != NULL && i < RANGE_HEIGHT_MAX; i++) {
        int balance = balance_of(tag);

        if (balance > 1) {
            if (balance_of(left_of(ranges, tag)) < 0)
                rotate_left(ranges, left_of(ranges, tag));
            tag = rotate_right(ranges, tag);
        } else if (balance < -1) {
            if (balance_of(right_of(ranges, tag)) > 0)
                rotate_right(ranges, right_of(ranges, tag));
            tag = rotate_left(ranges, tag);
        }

        struct range_tag *parent = parent_of(ranges, tag);

        if (parent == NULL)
            return;

        uint8_t height = range_height(tag);
        uint8_t *said = parent->left == range_ref_of(ranges, tag)
                            ? &parent->left_height : &parent->right_height;

        /* Above a subtree whose height is what it was, nothing changed. */
        if (*said == height)
            return;
        *said = height;
        tag = parent;
    }
}

struct range_tag *tree_find(const struct ranges *ranges, uint32_t page)
{
    struct range_tag *tag = range_tag_at(ranges, ranges->root), *last = NULL;

    for (int i = 0; tag != NULL && i < RANGE_HEIGHT_MAX; i++) {
        if (page < tag->start) {
            tag = left_of(ranges, tag);
        } else {
            last = tag;
            tag = page - tag->start < tag->pages ? NULL : right_of(ranges, tag);
        }
    }
    if (last != NULL && page - last->start >= last->pages)
        last = range_hanging(ranges, last);
    return last != NULL && page - last->start < last->pages &&
                   last->pages <= ranges->page_count - last->start
               ? last : NULL;
}

void tree_insert_after(struct ranges *ranges, struct range_tag *known,
                       struct range_tag *tag)
{
    range_ref ref = range_ref_of(ranges, tag);

    tag->left = tag->right = tag->parent = RANGE_NIL;
    tag->left_height = tag->right_height = 0;
    if (known == NULL) {
        ranges->root = ref;
        return;
    }

    /* Directly after KNOWN: its right side, when it has none; else the left
     * side of the next one, which has none. */
    range_ref known_ref = range_ref_of(ranges, known);
    struct range_tag *next = tree_next(ranges, known);

    tag->left = known_ref;
    if (known->right_height == 0 || next == NULL) {
        tag->right = known->right;
        tag->parent = known_ref;
        known->right = ref;
        known->right_height = 1;
        rebalance(ranges, known);
    } else {
        tag->right = tag->parent = range_ref_of(ranges, next);
        next->left = ref;
        next->left_height = 1;
        rebalance(ranges, next);
    }
}

void tree_remove(struct ranges *ranges, struct range_tag *tag)
{
    range_ref ref = range_ref_of(ranges, tag);
    struct range_tag *left = left_of(ranges, tag);
    struct range_tag *right = right_of(ranges, tag);
    struct range_tag *parent = parent_of(ranges, tag);
    struct range_tag *child = left != NULL ? left : right;
    bool is_left = parent != NULL && parent->left == ref;
    range_ref side = is_left ? tag->left : tag->right;  /* no side: past TAG */

    if (left != NULL) {
        side = tag->left;
        left->right = tag->right;
    } else if (right != NULL) {
        side = tag->right;
        right->left = tag->left;
    }
    if (child != NULL)
        child->parent = tag->parent;
    parent_relink(ranges, parent, ref, side);
    if (is_left)
        parent->left_height = child != NULL;
    else if (parent != NULL)
        parent->right_height = child != NULL;
    rebalance(ranges, parent);
}

void tree_replace(struct ranges *ranges, struct range_tag *tag,
                  struct range_tag *to)
{
    range_ref ref = range_ref_of(ranges, to);
    struct range_tag *left = left_of(ranges, tag);
    struct range_tag *right = right_of(ranges, tag);
    struct range_tag *previous = tree_previous(ranges, tag);
    struct range_tag *next = tree_next(ranges, tag);

    parent_relink(ranges, parent_of(ranges, tag), range_ref_of(ranges, tag),
                  ref);
    if (left != NULL)
        left->parent = ref;
    if (right != NULL)
        right->parent = ref;
    if (previous != NULL && previous->right_height == 0)
        previous->right = ref;
    if (next != NULL && next->left_height == 0)
        next->left = ref;
    *to = *tag;
}

struct range_tag *tree_next(const struct ranges *ranges,
                            const struct range_tag *tag)
{
    struct range_tag *at = range_tag_at(ranges, tag->right);

    if (tag->right_height == 0)
        return at;
    for (int i = 0; at != NULL && at->left_height > 0 &&
         i < RANGE_HEIGHT_MAX; i++)
        at = left_of(ranges, at);
    return at;
}

struct range_tag *tree_previous(const struct ranges *ranges,
                                const struct range_tag *tag)
{
    struct range_tag *at = range_tag_at(ranges, tag->left);

    if (tag->left_height == 0)
        return at;
    for (int i = 0; at != NULL && at->right_height > 0 &&
         i < RANGE_HEIGHT_MAX; i++)
        at = right_of(ranges, at);
    return at;
}

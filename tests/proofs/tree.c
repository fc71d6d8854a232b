/* SPDX-License-Identifier: MIT */
/*
 * tree.c - proofs: both rotations of src/mm/ranges_tree.c
 *
 *         y                       x
 *        / \                     / \
 *       x   C      ------->     A   y       The order A, x, B, y, C stays,
 *      / \                         / \      every tag that changes sides has
 *     A   B                       B   C     its parent, and the heights are
 *                                           those of what hangs below.
 *
 * The arena is an array of tags here, and the two accessors that know where a
 * tag lies are replaced by ones that index it: what they do is assumed
 * (range_tag_at() and range_ref_of(), of five lines each, are the only code
 * that turns a number into an address). `const` is left out, which Frama-C
 * takes for another type when it compares pointers.
 *
 * CASE_RIGHT: the rotated tag is its parent's right side, else its left.
 */
#define const
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/ranges_tree.h"

enum { TAGS = 4096 };

static struct range_tag tags[TAGS];
static struct ranges all;
static range_ref self;          /* the tag that is rotated */

/*@ requires 0 < ref < TAGS;
    assigns \nothing;
    ensures \result == &tags[ref]; */
struct range_tag *proof_tag_at(range_ref ref);

/*@ requires tag == &tags[self];
    assigns \nothing;
    ensures \result == self; */
range_ref proof_ref_of(struct range_tag *tag);

#define range_tag_at(ranges, ref) proof_tag_at(ref)
#define range_ref_of(ranges, tag) proof_ref_of(tag)
#include "mm/ranges_tree.c"

/*@ logic integer higher(integer a, integer b) = a > b ? a : b; */

#define IS_TAG(i) (0 < i && i < TAGS)

/* Tags, and none is another, but that A and C need not differ. Written out
 * here, and not a predicate: the provers need not unfold it. */
#define SHAPE(x, y, a, b, c, p)                                            \
    IS_TAG(x) && IS_TAG(y) && IS_TAG(a) && IS_TAG(b) && IS_TAG(c) &&       \
    IS_TAG(p) && x != y && a != x && a != y && b != x && b != y &&         \
    c != x && c != y && p != x && p != y && b != p && b != a && b != c &&  \
    p != a && p != c && tags[a].height < 200 && tags[b].height < 200 &&    \
    tags[c].height < 200

#ifdef CASE_RIGHT
#define SIDE(parent) tags[parent].right
#define OTHER_SIDE(parent) tags[parent].left
#else
#define SIDE(parent) tags[parent].left
#define OTHER_SIDE(parent) tags[parent].right
#endif

/*@ requires SHAPE(x, y, a, b, c, p) && self == y;
    requires tags[y].left == x && tags[y].right == c && tags[y].parent == p;
    requires tags[x].left == a && tags[x].right == b;
    requires SIDE(p) == y && OTHER_SIDE(p) != y;
    ensures order: tags[x].left == a && tags[x].right == y &&
                   tags[y].left == b && tags[y].right == c;
    ensures parents: tags[x].parent == p && tags[y].parent == x &&
                     tags[b].parent == y;
    ensures root: all.root == \old(all.root);
    ensures above: SIDE(p) == x && OTHER_SIDE(p) == \old(OTHER_SIDE(p));
    ensures height_y: tags[y].height ==
                      1 + higher(tags[b].height, tags[c].height);
    ensures height_x: tags[x].height ==
                      1 + higher(tags[a].height, tags[y].height);
 */
void proof_rotate_right(uint32_t x, uint32_t y, uint32_t a, uint32_t b,
                        uint32_t c, uint32_t p)
{
    rotate_right(&all, &tags[y]);
}

/*@ requires SHAPE(x, y, a, b, c, p) && self == x;
    requires tags[x].right == y && tags[x].left == a && tags[x].parent == p;
    requires tags[y].left == b && tags[y].right == c;
    requires SIDE(p) == x && OTHER_SIDE(p) != x;
    ensures order: tags[y].right == c && tags[y].left == x &&
                   tags[x].left == a && tags[x].right == b;
    ensures parents: tags[y].parent == p && tags[x].parent == y &&
                     tags[b].parent == x;
    ensures root: all.root == \old(all.root);
    ensures above: SIDE(p) == y && OTHER_SIDE(p) == \old(OTHER_SIDE(p));
    ensures height_x: tags[x].height ==
                      1 + higher(tags[a].height, tags[b].height);
    ensures height_y: tags[y].height ==
                      1 + higher(tags[x].height, tags[c].height);
 */
void proof_rotate_left(uint32_t x, uint32_t y, uint32_t a, uint32_t b,
                       uint32_t c, uint32_t p)
{
    rotate_left(&all, &tags[x]);
}

/* SPDX-License-Identifier: MIT */
/*
 * tree_edges.c - proofs: rotations where a tag may not be there
 *
 * As tree.c, which see, but that each of A, B, C and the tag above may be
 * none: so the root is rotated too. Heights are left to tree.c, where the
 * provers need not ask of each whether it is there.
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

/*@ requires 0 <= ref < TAGS;
    assigns \nothing;
    ensures ref == 0 ==> \result == \null;
    ensures ref != 0 ==> \result == &tags[ref]; */
struct range_tag *proof_tag_at(range_ref ref);

/*@ requires tag == &tags[self];
    assigns \nothing;
    ensures \result == self; */
range_ref proof_ref_of(struct range_tag *tag);

#define range_tag_at(ranges, ref) proof_tag_at(ref)
#define range_ref_of(ranges, tag) proof_ref_of(tag)
#include "mm/ranges_tree.c"

#define IS_TAG(i) (0 < i && i < TAGS)
#define IS_REF(i) (0 <= i && i < TAGS)
#define HEIGHT(i) (i == 0 ? 0 : tags[i].height)
#define SHAPE(x, y, a, b, c, p)                                            \
    IS_TAG(x) && IS_TAG(y) && IS_REF(a) && IS_REF(b) && IS_REF(c) &&       \
    IS_REF(p) && x != y && a != x && a != y && b != x && b != y &&         \
    c != x && c != y && p != x && p != y &&                                \
    (b == 0 || (b != p && b != a && b != c)) &&                            \
    (p == 0 || (p != a && p != c)) &&                                      \
    HEIGHT(a) < 200 && HEIGHT(b) < 200 && HEIGHT(c) < 200

#define SIDE(parent) tags[parent].left
#define OTHER_SIDE(parent) tags[parent].right

/*@ requires SHAPE(x, y, a, b, c, p) && self == y;
    requires tags[y].left == x && tags[y].right == c && tags[y].parent == p;
    requires tags[x].left == a && tags[x].right == b;
    requires p != 0 ==> SIDE(p) == y && OTHER_SIDE(p) != y;
    ensures order: tags[x].left == a && tags[x].right == y &&
                   tags[y].left == b && tags[y].right == c;
    ensures parents: tags[x].parent == p && tags[y].parent == x;
    ensures inner: b != 0 ==> tags[b].parent == y;
    ensures root: all.root == (p == 0 ? x : \old(all.root));
    ensures above: p != 0 ==> SIDE(p) == x &&
                              OTHER_SIDE(p) == \old(OTHER_SIDE(p));
 */
void proof_rotate_right(uint32_t x, uint32_t y, uint32_t a, uint32_t b,
                        uint32_t c, uint32_t p)
{
    rotate_right(&all, &tags[y]);
}

/*@ requires SHAPE(x, y, a, b, c, p) && self == x;
    requires tags[x].right == y && tags[x].left == a && tags[x].parent == p;
    requires tags[y].left == b && tags[y].right == c;
    requires p != 0 ==> SIDE(p) == x && OTHER_SIDE(p) != x;
    ensures order: tags[y].right == c && tags[y].left == x &&
                   tags[x].left == a && tags[x].right == b;
    ensures parents: tags[y].parent == p && tags[x].parent == y;
    ensures inner: b != 0 ==> tags[b].parent == x;
    ensures root: all.root == (p == 0 ? y : \old(all.root));
    ensures above: p != 0 ==> SIDE(p) == y &&
                              OTHER_SIDE(p) == \old(OTHER_SIDE(p));
 */
void proof_rotate_left(uint32_t x, uint32_t y, uint32_t a, uint32_t b,
                       uint32_t c, uint32_t p)
{
    rotate_left(&all, &tags[x]);
}

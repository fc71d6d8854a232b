/* SPDX-License-Identifier: MIT */
/*
 * tree.c - proofs: both rotations of src/mm/ranges_tree.c
 *
 *         top                    below
 *         /  \                   /   \
 *     below   C     ------->    A    top      The order A, below, B, top, C
 *     /   \                          /  \     stays, every tag that changes
 *    A     B                        B    C    sides has its parent, and the
 *                                             heights are those of what hangs
 *                                             below.
 *
 * This is rotate_right(); rotate_left() is its picture in a mirror. `prove` says
 * which of them is meant, and the sides:
 *
 *   ROTATE, NEAR, FAR   rotate_right, left, right, or the other way round: below
 *                       is on the NEAR side of top, and B on below's FAR side
 *   SIDE, OTHER_SIDE    on which side of its parent top is, and the other one
 *   LEAST_REF           1: A, B, C and the parent are there. 0: each of them may
 *                       be none, so the root is rotated too; heights are then
 *                       left to the other form, in which the provers need not
 *                       ask of each tag whether it is there
 */
#include "tags.h"

#include "mm/ranges_tree.c"

/*@ logic integer higher(integer a, integer b) = a > b ? a : b; */

#define IS_REF(i) (LEAST_REF <= i && i < TAGS)

/* IF_THERE(i): what follows is said only of a tag that is there. */
#if LEAST_REF == 1
#define IF_THERE(i)
#define HEIGHT(i) tags[i].height
#define HEIGHTS                                                            \
    ensures height_top: tags[top].height ==                                \
            1 + higher(tags[b].height, tags[c].height);                    \
    ensures height_below: tags[below].height ==                            \
            1 + higher(tags[a].height, tags[top].height);
#else
#define IF_THERE(i) i != 0 ==>
#define HEIGHT(i) (i == 0 ? 0 : tags[i].height)
#define HEIGHTS
#endif

/* None is another, but that A and C need not differ. Written out here, and not
 * a predicate: the provers need not unfold it. */
/*@ requires IS_TAG(below) && IS_TAG(top) && below != top && self == top;
    requires IS_REF(a) && IS_REF(b) && IS_REF(c) && IS_REF(p);
    requires a != below && a != top && b != below && b != top;
    requires c != below && c != top && p != below && p != top;
    requires IF_THERE(b) b != p && b != a && b != c;
    requires IF_THERE(p) p != a && p != c;
    requires HEIGHT(a) < 200 && HEIGHT(b) < 200 && HEIGHT(c) < 200;
    requires tags[top].NEAR == below && tags[top].FAR == c;
    requires tags[below].NEAR == a && tags[below].FAR == b;
    requires tags[top].parent == p;
    requires IF_THERE(p) tags[p].SIDE == top && tags[p].OTHER_SIDE != top;
    ensures order: tags[below].NEAR == a && tags[below].FAR == top &&
                   tags[top].NEAR == b && tags[top].FAR == c;
    ensures parents: tags[below].parent == p && tags[top].parent == below;
    ensures inner: IF_THERE(b) tags[b].parent == top;
    ensures root: all.root == (p == 0 ? below : \old(all.root));
    ensures above: IF_THERE(p) tags[p].SIDE == below &&
                   tags[p].OTHER_SIDE == \old(tags[p].OTHER_SIDE);
    HEIGHTS
 */
void proof_rotate(uint32_t below, uint32_t top, uint32_t a, uint32_t b,
                  uint32_t c, uint32_t p)
{
    ROTATE(&all, &tags[top]);
}

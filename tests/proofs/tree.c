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
 *
 * A, B, C and the parent may be none; then the root is rotated. Where B is none,
 * what would be its place names the neighbour on that side.
 */
#include "tags.h"

#include "mm/ranges_tree.c"

/*@ logic integer higher(integer a, integer b) = a > b ? a : b; */

#define IS_REF(i) (0 <= i && i < TAGS)
#define PASTE(a, b) a##b
#define HEIGHT(side) PASTE(side, _height)

/* None is another, but that A and C need not differ. Written out here, and not
 * a predicate: the provers need not unfold it. */
/*@ requires IS_TAG(below) && IS_TAG(top) && below != top && self == top;
    requires IS_REF(a) && IS_REF(b) && IS_REF(c) && IS_REF(p);
    requires a != below && a != top && b != below && b != top;
    requires c != below && c != top && p != below && p != top;
    requires b != 0 ==> b != p && b != a && b != c;
    requires p != 0 ==> p != a && p != c;
    requires tags[top].HEIGHT(NEAR) < 200 && tags[top].HEIGHT(FAR) < 200;
    requires tags[below].HEIGHT(NEAR) < 200 && tags[below].HEIGHT(FAR) < 200;
    requires tags[top].NEAR == below && tags[top].FAR == c;
    requires tags[below].NEAR == a;
    requires b == 0 <==> tags[below].HEIGHT(FAR) == 0;
    requires b != 0 ==> tags[below].FAR == b;
    requires tags[top].parent == p;
    requires p != 0 ==> tags[p].SIDE == top && tags[p].OTHER_SIDE != top;
    ensures order: tags[below].NEAR == a && tags[below].FAR == top &&
                   tags[top].NEAR == (b == 0 ? below : b) &&
                   tags[top].FAR == c;
    ensures parents: tags[below].parent == p && tags[top].parent == below;
    ensures inner: b != 0 ==> tags[b].parent == top;
    ensures root: all.root == (p == 0 ? below : \old(all.root));
    ensures above: p != 0 ==> tags[p].SIDE == below &&
                   tags[p].OTHER_SIDE == \old(tags[p].OTHER_SIDE);
    ensures height_a: tags[below].HEIGHT(NEAR) ==
                      \old(tags[below].HEIGHT(NEAR));
    ensures height_b: tags[top].HEIGHT(NEAR) == \old(tags[below].HEIGHT(FAR));
    ensures height_c: tags[top].HEIGHT(FAR) == \old(tags[top].HEIGHT(FAR));
    ensures height_top: tags[below].HEIGHT(FAR) ==
            1 + higher(tags[top].HEIGHT(NEAR), tags[top].HEIGHT(FAR));
 */
void proof_rotate(uint32_t below, uint32_t top, uint32_t a, uint32_t b,
                  uint32_t c, uint32_t p)
{
    ROTATE(&all, &tags[top]);
}

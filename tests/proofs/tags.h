/* SPDX-License-Identifier: MIT */
/*
 * tags.h - the arena as an array of tags, for proofs over the ranges
 *
 * The two accessors that know where a tag lies are replaced by ones that index
 * the array: what they do is assumed (range_tag_at() and range_ref_of(), of
 * five lines each, are the only code that turns a number into an address).
 * `const` is left out, which Frama-C takes for another type when it compares
 * pointers.
 *
 * Include it before the source.
 */
#define const
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/ranges_tree.h"

enum { TAGS = 4096 };

static struct range_tag tags[TAGS];
static struct ranges all;
static range_ref self;          /* the tag that is rotated, comes or goes */

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

#define IS_TAG(i) (0 < i && i < TAGS)

/* SPDX-License-Identifier: MIT */
/*
 * places.c - proofs: an aligned run inside a free range (src/mm/ranges.c)
 *
 * tag_fits() answers where in a free range a run of a request's pages can
 * start at a multiple of its alignment, or that it cannot: the answer lies
 * inside, and when it says no there is no such place.
 *
 * Taken from a contract: mm_round_up() gives the least multiple that is not
 * smaller. arithmetic.c proves it for the two alignments that are constants.
 */
#define const
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*@ requires fits: unit > 0 && n + unit <= 18446744073709551615;
    assigns \nothing;
    ensures \result % unit == 0 && n <= \result < n + unit;
    ensures \forall integer x; n <= x && x % unit == 0 ==> \result <= x; */
static inline uint64_t mm_round_up(uint64_t n, uint64_t unit);

#include "mm/ranges.c"

#define ALIGN(request) \
    ((request)->align_pages > 1 ? (request)->align_pages : 1)
#define END(tag) ((tag)->start + (tag)->pages)

/*@ requires \valid(tag) && \valid(request) && \valid(page);
    requires \separated(tag, request, page);
    requires END(tag) <= 4294967295;
    assigns *page;
    ensures free: \result ==> tag->type == RANGE_FREE;
    ensures inside: \result ==> tag->start <= *page &&
                    *page + request->pages <= END(tag);
    ensures aligned: \result ==> *page % ALIGN(request) == 0;
    ensures complete: !\result && tag->type == RANGE_FREE ==>
            \forall integer x; tag->start <= x && x % ALIGN(request) == 0
            ==> END(tag) < x + request->pages; */
bool proof_tag_fits(struct range_tag *tag, struct range_request *request,
                    uint32_t *page)
{
    return tag_fits(tag, request, page);
}

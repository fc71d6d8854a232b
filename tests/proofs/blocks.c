/* SPDX-License-Identifier: MIT */
/*
 * blocks.c - proofs: a block is split, and two are joined
 * (src/mm/heap_steps.c)
 *
 * The arena is an array of headers, one a quantum, and block_behind(), which
 * turns a number of quanta into an address, is replaced by one that counts in
 * it. What the header's own functions do to its four fields is taken from
 * contracts over these fields: own size, left's size, used, marked. header.c
 * proves them for the bits.
 *
 * Observers change nothing, nor does poison change headers; which pages have
 * no frame (block_has_hole) may be anything.
 */
#define const
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*@ axiomatic Header {
      logic integer own(uint32_t header);
      logic integer left(uint32_t header);
      predicate used(uint32_t header);
      predicate marked(uint32_t header);
      axiom own_fits: \forall uint32_t h; 0 <= own(h) <= 32767;
      axiom left_fits: \forall uint32_t h; 0 <= left(h) <= 32767;
    } */

/*@ assigns \nothing;
    ensures quanta <= 32767 ==> own(\result) == quanta;
    ensures left_quanta <= 32767 ==> left(\result) == left_quanta;
    ensures used(\result) <==> used;
    ensures marked(\result) <==> marked; */
static inline uint32_t block_header(uint32_t left_quanta, uint32_t quanta,
                                    bool marked, bool used);

/*@ assigns \nothing;
    ensures \result == own(header); */
static inline uint32_t header_quanta(uint32_t header);

/*@ assigns \nothing;
    ensures \result <==> used(header); */
static inline bool header_is_used(uint32_t header);

/*@ assigns \nothing;
    ensures \result <==> marked(header); */
static inline bool header_is_marked(uint32_t header);

/*@ assigns \nothing;
    ensures quanta <= 32767 ==> own(\result) == quanta;
    ensures left(\result) == left(header);
    ensures used(\result) <==> used(header);
    ensures marked(\result) <==> marked(header); */
static inline uint32_t header_with_quanta(uint32_t header, uint32_t quanta);

/*@ assigns \nothing;
    ensures own(left) + own(right) <= 32767 ==>
            own(\result) == own(left) + own(right) &&
            left(\result) == left(left) &&
            (used(\result) <==> used(left)) &&
            (marked(\result) <==> marked(left) || marked(right)); */
static inline uint32_t header_joined(uint32_t left, uint32_t right);

#include "mm/heap_lists.h"

enum { QUANTA = 32768 };

static struct block arena[QUANTA + 1];
static struct heap all;

/*@ assigns \nothing;
    ensures \result == block + quanta; */
static inline struct block *block_behind(struct block *block,
                                         uint32_t quanta);

/*@ assigns block->header;
    ensures quanta <= 32767 ==> left(block->header) == quanta;
    ensures own(block->header) == own(\old(block->header));
    ensures used(block->header) <==> used(\old(block->header));
    ensures marked(block->header) <==> marked(\old(block->header)); */
static inline void block_set_left_quanta(struct block *block,
                                         uint32_t quanta);

/*@ assigns block->header;
    ensures left(block->header) == left(\old(block->header));
    ensures own(block->header) == own(\old(block->header));
    ensures used(block->header) <==> used(\old(block->header));
    ensures marked(block->header) <==> marked; */
static inline void block_set_marked(struct block *block, bool marked);

/*@ assigns \nothing; */
static bool block_has_hole(struct heap *heap, struct block *block);

/*@ assigns \nothing; */
void care_poison_block(struct heap *heap, struct block *block);

/*@ requires wrong: \false;
    assigns \nothing;
    ensures \false; */
_Noreturn void mm_home_panic(char *file, int line, char *sentence);

#undef heap_emit
#define heap_emit(heap, ...) ((void)0)
#include "mm/heap_steps.c"

#define OWN(i) own(arena[i].header)
#define LEFT(i) left(arena[i].header)
#define FREE(i) (!used(arena[i].header))

/*
 *     at                                   end
 *     |----------- free, ALL --------------|
 *     |---- QUANTA ----|------ rest -------|
 */
/*@ requires at < QUANTA && 0 < quanta < OWN(at) && at + OWN(at) <= QUANTA;
    requires FREE(at);
    ensures answer: \result == &arena[at + quanta];
    ensures own: OWN(at) == quanta;
    ensures rest: OWN(at + quanta) == \old(OWN(at)) - quanta;
    ensures left: LEFT(at + quanta) == quanta;
    ensures before: LEFT(at) == \old(LEFT(at));
    ensures behind: LEFT(\old(at + OWN(at))) == \old(OWN(at)) - quanta;
    ensures free: FREE(at) && FREE(at + quanta);
    ensures whole: !\old(marked(arena[at].header)) ==>
                   !marked(arena[at].header) &&
                   !marked(arena[at + quanta].header);
    ensures other: OWN(\old(at + OWN(at))) == \old(OWN(at + OWN(at)));
    ensures used: FREE(\old(at + OWN(at))) <==> \old(FREE(at + OWN(at)));
    ensures elsewhere: \forall integer i; 0 <= i <= QUANTA && i != at &&
            i != at + quanta && i != \old(at + OWN(at)) ==>
            arena[i].header == \old(arena[i].header); */
struct block *proof_split(uint32_t at, uint32_t quanta)
{
    return block_split(&all, &arena[at], quanta);
}

/*
 *     at               right               end
 *     |---- free ------|------ free -------|
 *     |--------------- free ---------------|
 */
/*@ requires at < QUANTA && right == at + OWN(at) && 0 < OWN(at);
    requires 0 < OWN(right) && right + OWN(right) <= QUANTA;
    requires OWN(at) + OWN(right) <= 32767;
    requires FREE(at) && FREE(right);
    ensures own: OWN(at) == \old(OWN(at)) + \old(OWN(right));
    ensures before: LEFT(at) == \old(LEFT(at));
    ensures behind: LEFT(\old(right + OWN(right))) == OWN(at);
    ensures free: FREE(at);
    ensures hollow: marked(arena[at].header) <==>
                    \old(marked(arena[at].header)) ||
                    \old(marked(arena[right].header));
    ensures other: OWN(\old(right + OWN(right))) ==
                   \old(OWN(right + OWN(right)));
    ensures used: FREE(\old(right + OWN(right))) <==>
                  \old(FREE(right + OWN(right)));
    ensures elsewhere: \forall integer i; 0 <= i <= QUANTA && i != at &&
            i != \old(right + OWN(right)) ==>
            arena[i].header == \old(arena[i].header); */
void proof_coalesce(uint32_t at, uint32_t right)
{
    block_coalesce(&all, &arena[at], &arena[right]);
}

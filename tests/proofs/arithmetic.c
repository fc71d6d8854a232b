/* SPDX-License-Identifier: MIT */
/*
 * arithmetic.c - proofs: rounding, and how many quanta a size takes
 *
 * Over mm_round_up(), mm_round_down() (src/mm/mm.h) for one UNIT, 1 << SHIFT,
 * which `prove` says: 16 and 4096, the units that the heap rounds to. Over
 * quanta_for() (src/mm/heap_parts.h), for which UNIT is 16. Provers know little
 * of masks: the lemmas lead them from a mask by way of shifts to division, and
 * are proved themselves. The assertions say the steps of the way.
 *
 * Numbers are below 2^48, 4096 times what the largest arena has. quanta_for()
 * is asked for sizes up to the largest arena, which alloc_by_kind() has made
 * sure of: 64 GiB less a page, since heap_init() wants its quanta to fit 32
 * bits and an arena has whole pages. For 64 GiB less 19 bytes the answer would
 * not fit, and the proof fails.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMIT 281474976710656           /* 2^48 */

#if SHIFT == 4
#define UNIT 16
#define MASK 18446744073709551600       /* ~(16 - 1) in 64 bits */
#else
#define UNIT 4096
#define MASK 18446744073709547520
#endif

/*@ lemma shift: \forall integer x; 0 <= x ==> (x >> SHIFT) == x / UNIT; */
/*@ lemma shift_up: \forall integer x; 0 <= x ==> (x << SHIFT) == x * UNIT; */
/*@ lemma range: \forall integer x; 0 <= x < LIMIT ==>
        0 <= ((x >> SHIFT) << SHIFT) < LIMIT; */
/*@ lemma mask: \forall integer x; 0 <= x < LIMIT ==>
        (x & MASK) == ((x >> SHIFT) << SHIFT); */
/*@ lemma floor: \forall integer x; 0 <= x < LIMIT ==>
        (x & MASK) == UNIT * (x / UNIT); */
/*@ lemma scale: \forall integer k; 0 <= k ==> (UNIT * k) / UNIT == k; */

#include "mm/heap_parts.h"

/*@ requires n < LIMIT - UNIT;
    assigns \nothing;
    ensures multiple: \result % UNIT == 0;
    ensures up: n <= \result;
    ensures close: \result < n + UNIT;
    ensures least: \forall integer x; n <= x && x % UNIT == 0 ==>
            \result <= x; */
uint64_t proof_round_up(uint64_t n)
{
    uint64_t result = mm_round_up(n, UNIT);

    //@ assert sum: (uint64_t)(n + UNIT - 1) == n + UNIT - 1;
    //@ assert mask: result == (((uint64_t)(n + (UNIT - 1))) & MASK);
    //@ assert floor: result == UNIT * ((n + (UNIT - 1)) / UNIT);
    return result;
}

/*@ requires n < LIMIT;
    assigns \nothing;
    ensures multiple: \result % UNIT == 0;
    ensures down: \result <= n;
    ensures close: n < \result + UNIT; */
uint64_t proof_round_down(uint64_t n)
{
    return mm_round_down(n, UNIT);
}

/*@ requires size <= 68719472640;       // 64 GiB less a page
    assigns \nothing;
    ensures enough: \result * 16 >= size + 4;
    ensures no_more: (\result - 1) * 16 < size + 4; */
uint32_t proof_quanta_for(uint64_t size)
{
    uint32_t result = quanta_for(size);

    //@ assert sum: (uint64_t)((uint64_t)(size + 4) + 16 - 1) == size + 19;
    //@ assert floor: ((uint64_t)(size + 19) & MASK) == 16 * ((size + 19) / 16);
    //@ assert fits: (16 * ((size + 19) / 16)) / 16 < 4294967296;
    //@ assert quanta: result == (size + 19) / 16;
    return result;
}

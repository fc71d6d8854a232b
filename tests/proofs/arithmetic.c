/* SPDX-License-Identifier: MIT */
/*
 * arithmetic.c - proofs: rounding, and how many quanta a size takes
 *
 * Over mm_round_up(), mm_round_down() (src/mm/mm.h) with the units that the
 * heap rounds to, and quanta_for() (src/mm/heap_parts.h). Provers know little
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
#define MASK_16 18446744073709551600    /* ~(16 - 1) in 64 bits */
#define MASK_4096 18446744073709547520

/*@ lemma shift_4: \forall integer x; 0 <= x ==> (x >> 4) == x / 16; */
/*@ lemma shift_up_4: \forall integer x; 0 <= x ==> (x << 4) == x * 16; */
/*@ lemma range_4: \forall integer x; 0 <= x < LIMIT ==>
        0 <= ((x >> 4) << 4) < LIMIT; */
/*@ lemma mask_4: \forall integer x; 0 <= x < LIMIT ==>
        (x & MASK_16) == ((x >> 4) << 4); */
/*@ lemma floor_16: \forall integer x; 0 <= x < LIMIT ==>
        (x & MASK_16) == 16 * (x / 16); */

/*@ lemma shift_12: \forall integer x; 0 <= x ==> (x >> 12) == x / 4096; */
/*@ lemma shift_up_12: \forall integer x; 0 <= x ==> (x << 12) == x * 4096; */
/*@ lemma range_12: \forall integer x; 0 <= x < LIMIT ==>
        0 <= ((x >> 12) << 12) < LIMIT; */
/*@ lemma mask_12: \forall integer x; 0 <= x < LIMIT ==>
        (x & MASK_4096) == ((x >> 12) << 12); */
/*@ lemma floor_4096: \forall integer x; 0 <= x < LIMIT ==>
        (x & MASK_4096) == 4096 * (x / 4096); */

/*@ lemma scale: \forall integer k; 0 <= k ==> (16 * k) / 16 == k; */

#include "mm/heap_parts.h"

/*@ requires n < LIMIT - 16;
    assigns \nothing;
    ensures multiple: \result % 16 == 0;
    ensures up: n <= \result;
    ensures close: \result < n + 16;
    ensures least: \forall integer x; n <= x && x % 16 == 0 ==>
            \result <= x; */
uint64_t proof_round_up_16(uint64_t n)
{
    uint64_t result = mm_round_up(n, MM_QUANTUM);

    //@ assert sum: (uint64_t)(n + 16 - 1) == n + 15;
    //@ assert mask: result == (((uint64_t)(n + 15)) & MASK_16);
    //@ assert floor: result == 16 * ((n + 15) / 16);
    return result;
}

/*@ requires n < LIMIT - 4096;
    assigns \nothing;
    ensures multiple: \result % 4096 == 0;
    ensures up: n <= \result;
    ensures close: \result < n + 4096;
    ensures least: \forall integer x; n <= x && x % 4096 == 0 ==>
            \result <= x; */
uint64_t proof_round_up_4096(uint64_t n)
{
    uint64_t result = mm_round_up(n, MM_PAGE);

    //@ assert sum: (uint64_t)(n + 4096 - 1) == n + 4095;
    //@ assert mask: result == (((uint64_t)(n + 4095)) & MASK_4096);
    //@ assert floor: result == 4096 * ((n + 4095) / 4096);
    return result;
}

/*@ requires n < LIMIT;
    assigns \nothing;
    ensures multiple: \result % 4096 == 0;
    ensures down: \result <= n;
    ensures close: n < \result + 4096; */
uint64_t proof_round_down_4096(uint64_t n)
{
    return mm_round_down(n, MM_PAGE);
}

/*@ requires size <= 68719472640;       // 64 GiB less a page
    assigns \nothing;
    ensures enough: \result * 16 >= size + 4;
    ensures no_more: (\result - 1) * 16 < size + 4; */
uint32_t proof_quanta_for(uint64_t size)
{
    uint32_t result = quanta_for(size);

    //@ assert sum: (uint64_t)((uint64_t)(size + 4) + 16 - 1) == size + 19;
    //@ assert floor: ((uint64_t)(size + 19) & MASK_16) == 16 * ((size + 19) / 16);
    //@ assert fits: (16 * ((size + 19) / 16)) / 16 < 4294967296;
    //@ assert quanta: result == (size + 19) / 16;
    return result;
}

/* SPDX-License-Identifier: MIT */
/*
 * header.c - proofs: the header word gives back what was put in
 *
 * For all sizes of 15 bits and both marks, over all of block_header(),
 * header_quanta(), header_left_quanta(), header_is_used(),
 * header_is_marked() of src/mm/block.h. The contracts below say what each of
 * them does to the bits; the functions at the end put a word together and
 * take it apart.
 */
#include <stdbool.h>
#include <stdint.h>

/*@ assigns \nothing;
    ensures \result == ((uint32_t)(left_quanta << 17) |
                        (uint32_t)(quanta << 2) |
                        (uint32_t)((uint32_t)marked << 1) | (uint32_t)used);
 */
static inline uint32_t block_header(uint32_t left_quanta, uint32_t quanta,
                                    bool marked, bool used);

/*@ assigns \nothing;
    ensures \result == ((header >> 2) & 32767); */
static inline uint32_t header_quanta(uint32_t header);

/*@ assigns \nothing;
    ensures \result == (header >> 17); */
static inline uint32_t header_left_quanta(uint32_t header);

/*@ assigns \nothing;
    ensures \result <==> (header & 1) != 0; */
static inline bool header_is_used(uint32_t header);

/*@ assigns \nothing;
    ensures \result <==> (header & 2) != 0; */
static inline bool header_is_marked(uint32_t header);

#include "mm/block.h"

/*@ assigns \nothing;
    ensures own: \result == (own & 32767); */
uint32_t proof_own_size(uint32_t left, uint32_t own, bool marked, bool used)
{
    return header_quanta(block_header(left & BLOCK_MAX_QUANTA,
                                      own & BLOCK_MAX_QUANTA, marked, used));
}

/*@ assigns \nothing;
    ensures left: \result == (left & 32767); */
uint32_t proof_left_size(uint32_t left, uint32_t own, bool marked, bool used)
{
    return header_left_quanta(block_header(left & BLOCK_MAX_QUANTA,
                                           own & BLOCK_MAX_QUANTA, marked,
                                           used));
}

/*@ assigns \nothing;
    ensures used: \result <==> used; */
bool proof_used(uint32_t left, uint32_t own, bool marked, bool used)
{
    return header_is_used(block_header(left, own, marked, used));
}

/*@ assigns \nothing;
    ensures marked: \result <==> marked; */
bool proof_marked(uint32_t left, uint32_t own, bool marked, bool used)
{
    return header_is_marked(block_header(left, own, marked, used));
}

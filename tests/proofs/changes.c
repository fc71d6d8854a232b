/* SPDX-License-Identifier: MIT */
/*
 * changes.c - proofs: what changes one field of a header leaves the others
 *
 * Over header_with_quanta(), header_joined(), block_set_left_quanta() and
 * block_set_marked() of src/mm/block.h: bit by bit, for all headers. blocks.c
 * takes it from here.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/block.h"

/*@ assigns \nothing;
    ensures own: ((\result >> 2) & 32767) == (quanta & 32767);
    ensures left: ((\result >> 17) & 32767) == ((header >> 17) & 32767);
    ensures marks: (\result & 3) == (header & 3); */
uint32_t proof_with_quanta(uint32_t header, uint32_t quanta)
{
    return header_with_quanta(header, quanta & BLOCK_MAX_QUANTA);
}

/*@ requires \valid(block);
    assigns block->header;
    ensures left: ((block->header >> 17) & 32767) == (quanta & 32767);
    ensures rest: (block->header & 131071) == (\old(block->header) & 131071); */
void proof_set_left(struct block *block, uint32_t quanta)
{
    block_set_left_quanta(block, quanta & BLOCK_MAX_QUANTA);
}

/*@ requires \valid(block);
    assigns block->header;
    ensures marked: (block->header & 2) != 0 <==> marked;
    ensures used: (block->header & 1) == (\old(block->header) & 1);
    ensures sizes: ((block->header >> 2) & 1073741823) ==
                   ((\old(block->header) >> 2) & 1073741823); */
void proof_set_marked(struct block *block, bool marked)
{
    block_set_marked(block, marked);
}

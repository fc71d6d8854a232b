/* SPDX-License-Identifier: MIT */
/*
 * block.h - a block, its header word, and its neighbours
 *
 * The heap cuts spans into blocks that lie side by side. In front of every
 * payload stands one word, the boundary tag:
 *
 *         31           17 16            2  1     0
 *        +---------------+---------------+---+------+   sizes in quanta
 *        | left's size   | own size      | s | used |   of 16 bytes
 *        +---------------+---------------+---+------+
 *
 *        s, in a free block: hollow (pages in its middle have no frame)
 *           in a used block: kept   (freed, but held back by its owner)
 *
 * Headers lie at 12 mod 16, so payloads are 16-byte aligned:
 *
 *      12      16                              12      16
 *     -+-------+-------------------------------+-------+----
 *      | header| payload, own size - 4 bytes   | header|  the right neighbour
 *     -+-------+-------------------------------+-------+----
 *      |<----------- own size ---------------->|
 *
 *      | header| next | previous | ...  unused |          a free block
 *
 * `next` and `previous` link free blocks of about one size, in no order of
 * address; `left` and `right` are the neighbours in memory. A free block has
 * both, and they are not the same blocks.
 *
 * A block is named by its payload's offset from the arena's base, in quanta:
 * a block_ref, 32 bits on every machine, reaching 64 GiB. 0 names no block.
 *
 * The accessors below are the only code that knows where the bits are.
 */
#ifndef MM_BLOCK_H
#define MM_BLOCK_H

#include "mm.h"

typedef uint32_t block_ref;

enum {
    BLOCK_NIL = 0,
    BLOCK_HEADER = 4,                   /* bytes, all that a block costs */
    BLOCK_MIN_BYTES = 16,               /* header, two links, 4 to spare */
    BLOCK_LINKED_BYTES = 12,            /* of a free block: header and links */
    BLOCK_MAX_QUANTA = (1 << 15) - 1,
};

struct block {
    uint32_t header;
    block_ref next, previous;           /* in a free block */
};

_Static_assert(sizeof(struct block) == BLOCK_LINKED_BYTES, "fits 16 bytes");

enum {
    BLOCK_USED = 1,                     /* bit 0 */
    BLOCK_MARK = 2,                     /* bit 1: hollow or kept */
    BLOCK_SIZE_SHIFT = 2,
    BLOCK_LEFT_SHIFT = 17,
};

/* The word of a block of QUANTA whose left neighbour has LEFT_QUANTA. */
static inline uint32_t block_header(uint32_t left_quanta, uint32_t quanta,
                                    bool marked, bool used)
{
    return left_quanta << BLOCK_LEFT_SHIFT | quanta << BLOCK_SIZE_SHIFT |
           (uint32_t)marked << 1 | (uint32_t)used;
}

static inline uint32_t header_quanta(uint32_t header)
{
    return header >> BLOCK_SIZE_SHIFT & BLOCK_MAX_QUANTA;
}

/* HEADER but for left's size. Of a free block that is not hollow, it is what
 * header_of() says of its quanta; of a hollow one more, but less than for a
 * quantum more. */
static inline uint32_t header_own(uint32_t header)
{
    return header & ((UINT32_C(1) << BLOCK_LEFT_SHIFT) - 1);
}

static inline uint32_t header_of(uint32_t quanta)
{
    return quanta << BLOCK_SIZE_SHIFT;
}

static inline uint32_t header_left_quanta(uint32_t header)
{
    return header >> BLOCK_LEFT_SHIFT;
}

static inline bool header_is_used(uint32_t header)
{
    return header & BLOCK_USED;
}

static inline bool header_is_marked(uint32_t header)
{
    return header & BLOCK_MARK;
}

static inline uint32_t block_quanta(const struct block *block)
{
    return header_quanta(block->header);
}

static inline uint32_t block_left_quanta(const struct block *block)
{
    return header_left_quanta(block->header);
}

static inline uint32_t block_size(const struct block *block)
{
    return block_quanta(block) * MM_QUANTUM;
}

static inline bool block_is_used(const struct block *block)
{
    return header_is_used(block->header);
}

static inline bool block_is_free(const struct block *block)
{
    return !header_is_used(block->header);
}

/* Of a free block only. */
static inline bool block_is_hollow(const struct block *block)
{
    return header_is_marked(block->header);
}

/* Of a used block only, in a heap without a front (heap_kept.c, K1). */
static inline bool block_is_kept(const struct block *block)
{
    return header_is_marked(block->header);
}

/* The quanta of a used block that may be another thread's: this half of its
 * header stays, while the owner changes the other (left's size). */
static inline uint32_t block_quanta_shared(const struct block *block)
{
    return header_quanta(__atomic_load_n(&block->header, __ATOMIC_RELAXED));
}

/* The first block of a span has no left neighbour. */
static inline bool block_is_first(const struct block *block)
{
    return block_left_quanta(block) == 0;
}

/* The used header without size in a span's last word: the span's end. */
static inline bool block_is_end(const struct block *block)
{
    return block_quanta(block) == 0;
}

/* Where the header QUANTA to the right of BLOCK's lies; to the left. */
static inline struct block *block_behind(const struct block *block,
                                         uint32_t quanta)
{
    return (struct block *)((uintptr_t)block + quanta * MM_QUANTUM);
}

static inline struct block *block_before(const struct block *block,
                                         uint32_t quanta)
{
    return (struct block *)((uintptr_t)block - quanta * MM_QUANTUM);
}

static inline struct block *block_right(const struct block *block)
{
    return block_behind(block, block_quanta(block));
}

/* Not of the first block. */
static inline struct block *block_left(const struct block *block)
{
    return block_before(block, block_left_quanta(block));
}

static inline void *block_payload(const struct block *block)
{
    return (void *)((uintptr_t)block + BLOCK_HEADER);
}

static inline struct block *block_of(const void *payload)
{
    return (struct block *)((uintptr_t)payload - BLOCK_HEADER);
}

/* HEADER of a block that is used, and not kept; of one that is free. */
static inline uint32_t header_used(uint32_t header)
{
    return (header & ~(uint32_t)BLOCK_MARK) | BLOCK_USED;
}

static inline uint32_t header_free(uint32_t header)
{
    return header & ~(uint32_t)(BLOCK_MARK | BLOCK_USED);
}

/* HEADER with another size. */
static inline uint32_t header_with_quanta(uint32_t header, uint32_t quanta)
{
    return (header & ~(uint32_t)(BLOCK_MAX_QUANTA << BLOCK_SIZE_SHIFT)) |
           quanta << BLOCK_SIZE_SHIFT;
}

/* The header of what remains of a free block behind its first QUANTA: they are
 * its left neighbour's, and it is hollow if the whole was. */
static inline uint32_t header_cut(uint32_t header, uint32_t quanta)
{
    return (header & ((UINT32_C(1) << BLOCK_LEFT_SHIFT) - 1)) +
           (quanta << BLOCK_LEFT_SHIFT) - (quanta << BLOCK_SIZE_SHIFT);
}

/* The header of the free block LEFT when it has taken in the free RIGHT: as
 * long as both, hollow when one of them is. */
static inline uint32_t header_joined(uint32_t left, uint32_t right)
{
    return (left | (right & BLOCK_MARK)) +
           (right & BLOCK_MAX_QUANTA << BLOCK_SIZE_SHIFT);
}

/* Writes QUANTA in the header as the left neighbour's size. */
static inline void block_set_left_quanta(struct block *block, uint32_t quanta)
{
    uint32_t header =
        (block->header & ((UINT32_C(1) << BLOCK_LEFT_SHIFT) - 1)) |
        quanta << BLOCK_LEFT_SHIFT;

    /* One store: another thread may be asking how long BLOCK is. */
    __atomic_store_n(&block->header, header, __ATOMIC_RELAXED);
}

/* Its left neighbour is QUANTA longer than the header says, or shorter. */
static inline void block_left_grows(struct block *block, uint32_t quanta)
{
    __atomic_store_n(&block->header,
                     block->header + (quanta << BLOCK_LEFT_SHIFT),
                     __ATOMIC_RELAXED);
}

static inline void block_left_shrinks(struct block *block, uint32_t quanta)
{
    __atomic_store_n(&block->header,
                     block->header - (quanta << BLOCK_LEFT_SHIFT),
                     __ATOMIC_RELAXED);
}

/* Writes HEADER, and its size in the right neighbour's header as left's. */
static inline void block_set_header(struct block *block, uint32_t header)
{
    block->header = header;
    block_set_left_quanta(block_right(block), header_quanta(header));
}

/* Writes QUANTA in the header, and in the right neighbour's as left's. */
static inline void block_set_quanta(struct block *block, uint32_t quanta)
{
    block_set_header(block, header_with_quanta(block->header, quanta));
}

static inline void block_set_used(struct block *block, bool used)
{
    block->header = used ? header_used(block->header)
                         : header_free(block->header);
}

static inline void block_set_marked(struct block *block, bool marked)
{
    block->header = (block->header & ~(uint32_t)BLOCK_MARK) |
                    (uint32_t)marked << 1;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * lab.h - the lab: a small machine in one piece of memory
 *
 * A lab is a stack of its own - a firmware map, frames numbered from 0,
 * ranges, blocks, slot pages - over one arena of fixed size. It is the same
 * machine in every home: same constants, same offsets, same bytes. All of its
 * state lies in one piece of memory,
 *
 *     +------------+---------+------+-------------+---------+-----------+
 *     | struct lab | ledger  | bits | page table  | holders | arena     |
 *     +------------+---------+------+-------------+---------+-----------+
 *                                                            ^ offset 0
 *
 * so that copying the piece saves the lab. A student may overwrite any byte
 * of the arena; what lies left of it is out of reach of `poke`, and nothing
 * that is read from the arena is followed before it was range-checked. A
 * damaged lab can be wrong, but it neither writes outside nor runs for ever.
 *
 * The arena's bytes are always there; that a page is *held* means that a
 * frame of the lab stands behind it in the lab's page table. A page is zero
 * when it becomes held, and is cleared when it is given back.
 */
#ifndef LAB_LAB_H
#define LAB_LAB_H

#include "machine.h"

enum {
    LAB_ARENA_BYTES = 64 * 1024,
    LAB_ARENA_MAX = 256 * 1024 * 1024,
};

struct lab_setup {
    uint64_t arena_bytes;       /* multiple of span_bytes, up to the maximum */
    uint32_t span_bytes;        /* power of two, 4 KiB ... 512 KiB */
    uint32_t frames;            /* usable ones; 0: as many as pages */
    enum heap_level level;      /* check or above */
    bool small;
    uint32_t handles;           /* see lab_handles; most labs have none */
    const struct heap_policy *policy;   /* of choosing blocks; NULL: the
                                           heap's own, segregated */
    enum heap_order order;      /* of free blocks, where POLICY has one list */
};

/* What `reset` without arguments gives: 64 KiB that are one span, blocks
 * only, level check. */
extern const struct lab_setup lab_default;

struct lab;

/* NULL, or the sentence that says what is wrong with SETUP. */
const char *lab_setup_fault(const struct lab_setup *setup);

/* The bytes that a lab of this setup needs; all of its state. */
size_t lab_bytes(const struct lab_setup *setup);

/*
 * Makes a lab in MEMORY (lab_bytes, page-aligned, the caller's to keep), with
 * one empty span in it. LISTENER hears every event from the first on.
 */
struct lab *lab_init(void *memory, const struct lab_setup *setup,
                     void (*listener)(void *context,
                                      const struct mm_event *event),
                     void *listener_context);

/* The lab as the shell sees it; lives in the lab's memory. */
struct machine *lab_machine(struct lab *lab);

const struct lab_setup *lab_setup_of(const struct lab *lab);

/* setup.handles numbers, 0 at first: whoever runs a recorded program in the
 * lab keeps here where its blocks are. They are a part of the lab's state. */
uint32_t *lab_handles(struct lab *lab);

/*
 * All of a lab's state is in two pieces, neither with a pointer in it: its
 * *fields*, which lie among others and are copied out and in, and its *room*,
 * the rest of the lab's memory. Who keeps copies of both can make any lab of
 * the same setup, wherever it lies, what this one was.
 */
size_t lab_fields_bytes(const struct lab *lab);
void lab_fields_get(const struct lab *lab, void *copy);
void lab_fields_set(struct lab *lab, const void *copy);
void *lab_room(const struct lab *lab, size_t *bytes);

/* Makes TO, a lab of the same setup, what FROM is. It keeps its listener. */
void lab_copy(struct lab *to, const struct lab *from);

/* A number that differs when any byte of the lab's state differs: the state
 * fields, the ledger and the held pages; the same on every machine. */
uint64_t lab_hash(const struct lab *lab);

#endif

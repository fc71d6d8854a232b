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
    LAB_THREADS = 8,            /* that can have heaps of their own, from 1 */
    LAB_THREAD_KEEPS = 8,       /* blocks of a size, by a thread's heap */
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

/* Whether the arena has room for the heaps of threads. */
bool lab_has_threads(const struct lab *lab);

const struct lab_setup *lab_setup_of(const struct lab *lab);

/*
 * The heap of thread NUMBER, from 1: one on the same arena, with slot pages
 * and kept blocks, which takes spans of its own. NULL while it has none, and
 * always where the arena has room for one span only. A lab's own heap is
 * number 0, and nobody's.
 */
struct heap *lab_thread(const struct lab *lab, uint32_t number);

/* The same; a thread that had no heap gets one. */
struct heap *lab_thread_start(struct lab *lab, uint32_t number);

/* setup.handles numbers, 0 at first: whoever runs a recorded program in the
 * lab keeps here where its blocks are. They are a part of the lab's state. */
uint32_t *lab_handles(struct lab *lab);

/*
 * All of a lab's state is in two pieces, neither with a pointer in it: its
 * *fields*, which lie among others and are copied out and in, and its *room*,
 * the rest of the lab's memory (where the heaps of threads lie, whose pointers
 * are set anew). Who keeps copies of both can make any lab of
 * the same setup, wherever it lies, what this one was.
 */
size_t lab_fields_bytes(const struct lab *lab);
void lab_fields_get(const struct lab *lab, void *copy);
void lab_fields_set(struct lab *lab, const void *copy);
void *lab_room(const struct lab *lab, size_t *bytes);

/* The room was copied in: its pointers lead to this lab's parts again. */
void lab_room_was_set(struct lab *lab);

/* Makes TO, a lab of the same setup, what FROM is. It keeps its listener. */
void lab_copy(struct lab *to, const struct lab *from);

/* A number that differs when any byte of the lab's state differs: the state
 * fields, the ledger and the held pages; the same on every machine. */
uint64_t lab_hash(const struct lab *lab);

#endif

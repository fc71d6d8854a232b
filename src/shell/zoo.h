/* SPDX-License-Identifier: MIT */
/*
 * zoo.h - real faults, planted in a lab on purpose
 *
 * Each kind is a change of memory such as a mistake in an allocator, or in a
 * program that uses it, leaves behind. Nothing is pretended: the faults are
 * found by whoever looks at the memory, and by nobody else.
 */
#ifndef HEAPGLASS_SHELL_ZOO_H
#define HEAPGLASS_SHELL_ZOO_H

#include "../lab/machine.h"

enum zoo_kind {
    ZOO_LOST_COALESCE,
    ZOO_WRONG_LEFT,
    ZOO_BAD_SPLIT,
    ZOO_STALE_HEAD,
    ZOO_OVERRUN,
    ZOO_USE_AFTER_FREE,
    ZOO_DOUBLE_FREE,
    ZOO_LEAK,
    ZOO_LOST_PAGE,
    ZOO_NOT_HOLLOW,
    ZOO_LOST_BIT,
    ZOO_LOST_BLOCK,
    ZOO_WRONG_LIST,
    ZOO_BACK_LINK,
    ZOO_MAP_BIT,
    ZOO_HALF_FREE,
    ZOO_KINDS,
    ZOO_HEALTHY = ZOO_KINDS,
};

/* What was planted, and where. */
struct zoo {
    bool open;                  /* somebody is looking for it */
    uint32_t kind;              /* enum zoo_kind */
    uint32_t number;            /* of `bug` */
    uint32_t wrong;             /* answers so far */
    uint64_t seed;
    uint64_t at, size;          /* the block concerned */
    uint64_t also_at, also_size;    /* its neighbour, if that is right too */
};

/* "lost-coalesce" and so on. */
const char *zoo_name(enum zoo_kind kind);

/* What it is, in a line; and in a sentence or two what had been done and how
 * it shows. */
const char *zoo_summary(enum zoo_kind kind);
const char *zoo_story(enum zoo_kind kind);

/* The kind behind NUMBER (from 1 on) of SEED: for one seed, numbers 1 to
 * ZOO_KINDS give every kind once. */
enum zoo_kind zoo_kind_of(uint32_t number, uint64_t seed);

/* Commands that make a heap with room for every kind of fault. */
void zoo_prepare(char *line, size_t size, uint32_t number, uint64_t seed);

/* Plants ZOO->kind in MACHINE, which is a lab; fills in `at` and its
 * companions. False, and nothing has changed, if no block is fit for it. */
bool zoo_plant(struct machine *machine, struct zoo *zoo);

/* Whether the byte AT belongs to what was planted. */
bool zoo_is_at(const struct zoo *zoo, uint64_t at);

#endif

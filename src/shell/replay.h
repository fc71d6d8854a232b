/* SPDX-License-Identifier: MIT */
/*
 * replay.h - what replay and race share
 */

#ifndef HEAPGLASS_SHELL_REPLAY_H
#define HEAPGLASS_SHELL_REPLAY_H

#include "past.h"

/* The blocks on the free lists. */
struct free_blocks {
    uint64_t count, bytes, largest;
};

void replay_free_blocks(const struct heap *heap, struct free_blocks *found);

/* External fragmentation, in tenths of a percent; 0 when nothing is free. */
uint64_t replay_fragmentation(const struct heap *heap);

/* The lab that RECORDING needs, with the session's policy; ARENA bytes, or, if
 * that is 0, half as much again as its peak. Refuses what cannot be. */
bool replay_setup(struct session *session, const struct recording *recording,
                  uint64_t arena, struct lab_setup *setup);

/* Reads `[ARENA] [scale N]` from the words from number *AT on, which moves
 * behind them. */
bool replay_options(struct session *session, const struct words *words,
                    int *at, uint64_t *arena, uint64_t *scale);

#endif

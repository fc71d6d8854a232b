/* SPDX-License-Identifier: MIT */
/*
 * recording.h - what a real program asked of its heap
 *
 * A recording is text: the head says how much memory the program had at most,
 * how many blocks it names, how many operations follow; then one a line
 *
 *     a ID SIZE      allocate SIZE bytes, and call them ID
 *     r ID SIZE      give ID the size SIZE
 *     f ID           free ID
 *
 * and two kinds of lines that are no operations: `t N`, which thread does what
 * follows (here one does all), and `b BYTES`, the next `a` is to start at a
 * multiple of BYTES.
 *
 * It is read once, and checked; from then on its operations can be done to a
 * lab one by one, each as often as one likes. Where the block ID is, the lab
 * itself remembers (lab_handles), so that a lab that goes back in time knows.
 *
 * The head has four numbers (peak, blocks, operations, weight) or two
 * (blocks, operations). Only what follows them is believed.
 */
#ifndef LAB_RECORDING_H
#define LAB_RECORDING_H

#include "lab.h"

enum recording_kind { RECORDING_ALLOC, RECORDING_REALLOC, RECORDING_FREE };

enum {
    RECORDING_ID_MAX = 1 << 25,
    RECORDING_ALIGN_MAX = 1 << 24,
    RECORDING_SIZE_MAX = 1 << 30,
};

struct recording_step {
    uint32_t kind : 2, align_log2 : 5, id : 25;
    uint32_t size;
};

struct recording {
    struct recording_step *steps;       /* `count` of them */
    uint32_t count, ids;
    uint64_t peak;                      /* most bytes live at one time */
    uint64_t peak_blocks;               /* the same, in blocks of a heap */
    uint32_t largest;                   /* request */
    uint32_t scale;                     /* sizes are divided by this */
};

/* What reading came to. */
struct recording_fault {
    const char *sentence;               /* NULL: it is good */
    uint32_t line;
};

/* How many steps the SIZE bytes of TEXT may have at most: the caller makes
 * room for as many. */
uint32_t recording_lines(const char *text, size_t size);

/*
 * Reads TEXT into RECORDING, whose `steps` has room for recording_lines. The
 * scale is 1. LIVE is room for RECORDING_ID_MAX sizes, or for as many IDs as
 * ID_ROOM says; an ID beyond is a fault.
 */
struct recording_fault recording_read(struct recording *recording,
                                      const char *text, size_t size,
                                      uint32_t *live, uint32_t id_room);

/* Divides sizes by SCALE from now on, and counts the peak again. LIVE as
 * above. */
void recording_scale(struct recording *recording, uint32_t scale,
                     uint32_t *live);

/* What became of a step. */
struct recording_result {
    bool refused;
    bool nothing;       /* its block does not exist: it was refused */
    uint64_t request;
    uint64_t from, to;  /* where the payload was and is; 0: nowhere */
};

/* What STEP asks for, sizes divided. */
struct heap_request recording_request(const struct recording *recording,
                                      const struct recording_step *step);

/* Does step number POSITION to LAB, whose setup has recording->ids handles. */
struct recording_result recording_step(const struct recording *recording,
                                       struct lab *lab, uint32_t position);

#endif

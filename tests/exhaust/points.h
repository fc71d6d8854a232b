/* SPDX-License-Identifier: MIT */
/*
 * points.h - where memory can run out, numbered
 *
 * A *point* is a call that may be refused for want of memory: frames for
 * pages, a run of pages, a span, a page for small objects, room of the home.
 * The program under test is linked so that each such call passes here first
 * (`--wrap` in exhaust.mk): its sources know nothing of it. Points are counted
 * from 1 in the order in which a scenario comes to them.
 *
 * A scenario is run with point 1 failing, with point 2 failing, and so on,
 * until a run does not come to the point that should fail. Each is failed in
 * two ways:
 *
 *   once      the point fails, and memory is there again
 *   lasting   from that point on every point of its kind fails
 */
#ifndef TESTS_EXHAUST_POINTS_H
#define TESTS_EXHAUST_POINTS_H

#include "mm/mm.h"

enum point {
    POINT_FRAMES,               /* frames behind a run of pages */
    POINT_FRAME,                /* one frame of those */
    POINT_RANGE,                /* a run of pages */
    POINT_SPAN,                 /* a span for a heap */
    POINT_SLOT_PAGE,            /* a block to be cut in slots */
    POINT_ROOM,                 /* memory that the shell asks its home for */
    POINTS
};

struct points {
    uint64_t fail;              /* the point that fails; 0: none */
    bool lasting;
    bool ended;                 /* points are not counted any more */
    uint64_t reached;           /* points so far */
    uint64_t failed;            /* of these */
    enum point kind;            /* of the point that failed first */
    uint64_t of_kind[POINTS];   /* reached */
};

/* A call that the linker leads through a test: the test's __wrap_NAME() is
 * called, and __real_NAME() is what was meant. */
#define LED(type, name, ...)                                               \
    type __real_##name(__VA_ARGS__);                                       \
    type __wrap_##name(__VA_ARGS__)

extern struct points points;
extern bool places_are_points;  /* ranges, spans, slot pages; at first true */

/* Counts a point of KIND; true: it fails. */
bool point_fails(enum point kind);

/* Begins a run in which point FAIL fails; 0: none does. */
void points_begin(uint64_t fail, bool lasting);

/* A step of the scenario begins. Whether a call may be refused in it: until
 * the point that fails each run is like the first, which took notes. */
bool points_step(void);

/* From here on no point fails, and none is counted. */
void points_end(void);

/* Runs SCENARIO with every point of it failing, once and lasting, and at last
 * (or first) with none. Prints how many points there were. */
void points_run_all(const char *name, void (*scenario)(void));

#endif

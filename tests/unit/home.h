/* SPDX-License-Identifier: MIT */
/*
 * home.h - a home for the allocator that trusts it with nothing
 *
 * The arena is mapped between two guard areas, and a page that is not held
 * cannot be touched: whoever reads or writes where no frame is gets a signal
 * and the test fails. Frames can run out after any number of calls.
 *
 * Every event is replayed into a picture, written into a ledger and counted.
 * test_home_check() then holds everything against everything: the replayed
 * picture against the walked one, the checkers, the ledger.
 *
 *     guard | arena: pages held / not held ...                  | guard
 *           ^ base
 */
#ifndef TESTS_HOME_H
#define TESTS_HOME_H

#include "support.h"

#include "mm/frames.h"
#include "mm/heap.h"
#include "trace/ledger.h"
#include "trace/picture.h"
#include "trace/stats.h"

enum {
    TEST_GUARD_BYTES = 1 << 20,
    TEST_UNLIMITED = -1,
};

struct test_setup {
    uint32_t arena_bytes;
    uint32_t span_bytes;
    uint32_t hollow_pages;
    uint32_t keep;
    enum heap_level level;
    bool small;
    bool loose;                 /* pages that are not held can be touched, as
                                   in a lab: they read as zero */
    bool counts;                /* says when a heap needs more than ever */
    bool unobserved;            /* no pictures: for large arenas */
    bool deaf;                  /* nobody listens, as in a program: a heap
                                   without care then takes its short cuts */
};

struct test_home {
    struct mm_home home;
    struct test_setup setup;
    unsigned char *map;         /* guard, arena, guard */
    unsigned char *base;
    uint32_t pages;
    uint8_t *held;              /* one a page */
    uint32_t held_count, held_peak;
    int64_t frames_left;        /* hold fails when it wants more */
    int locked;                 /* calls of lock without unlock */
    uint64_t hold_calls;        /* so far */
    uint64_t fail_call;         /* the call of this number fails, from 1 */

    struct ranges ranges;
    struct heap heap;
    struct heap_fast fast;      /* where nobody listens or checks */

    struct picture *replayed, *walked;
    struct ledger *ledger;
    struct stats stats;
    uint64_t events;
    struct mm_event last;
    struct mm_event refused;    /* the last REFUSE */
    const char *wrong;          /* what the replay said about an event */
    struct mm_event wrong_event;
};

/* Makes a home with an arena and a heap without a span in it. */
struct test_home *test_home_create(const struct test_setup *setup);
void test_home_destroy(struct test_home *test);

/* Like heap_alloc_request() and heap_free(), by the heap's short cuts where it
 * has some: as the malloc library does. */
void *test_home_alloc(struct test_home *test,
                      const struct heap_request *request);
enum mm_fault test_home_free(struct test_home *test, void *payload);

/* NULL, or what is wrong, in a buffer that the next call overwrites. */
const char *test_home_fault(struct test_home *test);

/* Fails the test when something is wrong; WHERE says after what. */
void test_home_check(struct test_home *test, const char *where);

/* A number over every byte of state: held pages, which pages are held, the
 * heap's and the ranges' fields; not what only says how the last call went. */
uint64_t test_home_digest(const struct test_home *test);

/* For struct picture_source; the context is a struct test_home. */
bool test_home_page_is_held(void *test, uint32_t page);

/* Calls RUN with CONTEXT; answers what mm_home_panic was told meanwhile, or
 * NULL when it was not called. Anywhere else a panic fails the test. */
const char *test_panic_of(void (*run)(void *context), void *context);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * home.h - what the surroundings give to the allocator
 *
 * The allocator has many homes: two kernels, the host shell, the tests. Each
 * arena is handed one of these tables when it is made. The table and the
 * context are the home's; they must outlive the arena. Nothing here may call
 * back into the instance that called it, except where it is said.
 *
 * mm_home_panic() (mm.h) is the one thing that a home supplies by its name.
 */
#ifndef MM_HOME_H
#define MM_HOME_H

#include "event.h"

struct heap;

struct mm_home {
    /*
     * Puts frames behind the pages [PAGE, PAGE + COUNT) of the arena, none
     * of which has one. All or none: false when frames (or tables to map
     * them) run out, and then nothing has changed. The allocator does not ask
     * what the pages contain; kernel and lab fill them with zeroes. A page
     * that was released since `lock` was called has its frame still to come
     * back to: that does not fail.
     */
    bool (*hold)(void *context, uint32_t page, uint32_t count);

    /* Takes the frames back from these pages, all of which have one. */
    void (*release)(void *context, uint32_t page, uint32_t count);

    /*
     * Whether COUNT pages more would be more than were ever needed at once.
     * Then a heap gives back first what it keeps and its free blocks can
     * spare. NULL: never; so it must be where a heap doubts its memory.
     */
    bool (*grows)(void *context, uint32_t count);

    /* A step was made. Reads, copies, and leaves the allocator alone. */
    void (*event)(void *context, const struct mm_event *event);

    /*
     * Where an arena's ranges are shared by the heaps of several threads:
     * called before and after each use of them, hold and release included.
     * NULL where there is one thread.
     */
    void (*lock)(void *context);
    void (*unlock)(void *context);

    /*
     * The heap whose number in tags is OWNER, where an arena has several;
     * NULL where it has one. It may be another thread's, or nobody's.
     */
    struct heap *(*heap_of)(void *context, uint32_t owner);

    void *context;
};

static inline void mm_lock(const struct mm_home *home)
{
    if (home->lock != NULL)
        home->lock(home->context);
}

static inline void mm_unlock(const struct mm_home *home)
{
    if (home->lock != NULL)
        home->unlock(home->context);
}

/* A home that does not care to listen has NULL for `event`. */
static inline void mm_emit(const struct mm_home *home,
                           const struct mm_event *event)
{
    if (MM_OBSERVED && home->event != NULL)
        home->event(home->context, event);
}

#endif

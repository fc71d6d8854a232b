/* SPDX-License-Identifier: MIT */
/*
 * cmd_bp.c - bp: let a debugger stop at the steps of the allocator
 *
 * Bochs stops when the CPU executes `xchg bx, bx`, which changes nothing: its
 * authors have called that a magic breakpoint. `bp on` has the kernel execute
 * one at every split, take, release and coalesce, when the step is whole. The
 * shell says nothing about the step itself; the debugger reads the memory.
 *
 * tools/bochs/console finds its way from the symbol `session` of shell.c. What
 * it relies on, words of the machine's width first, stands here:
 *
 *     session: breaks, machine    machine: name, remark, frames, ranges, heap
 *     heap: home, ranges, base; then in 32 bits arena_quanta, span_bytes,
 *           head_bytes
 */
#include "command.h"
#include "home.h"

enum { WORD = sizeof(void *) };

_Static_assert(offsetof(struct session, breaks) == 0 &&
               offsetof(struct session, machine) == WORD &&
               offsetof(struct machine, heap) == 4 * WORD &&
               offsetof(struct heap, base) == 2 * WORD &&
               offsetof(struct heap, arena_quanta) == 3 * WORD &&
               offsetof(struct heap, span_bytes) == 3 * WORD + 4 &&
               offsetof(struct heap, head_bytes) == 3 * WORD + 8,
               "tools/bochs/console reads these");

static const struct {
    const char *name;
    enum mm_event_kind kind;
} steps[] = {
    { "split", MM_EVENT_SPLIT }, { "coalesce", MM_EVENT_COALESCE },
    { "take", MM_EVENT_TAKE }, { "release", MM_EVENT_RELEASE },
};

enum { STEPS = sizeof(steps) / sizeof(steps[0]) };

/* Adds to BREAKS what WORD names, or takes all away; false if it is no such
 * word. */
static bool breaks_read(const char *word, uint32_t *breaks)
{
    bool found = text_equal(word, "on");

    if (text_equal(word, "off")) {
        *breaks = 0;
        return true;
    }
    for (unsigned i = 0; i < STEPS; i++) {
        if (text_equal(word, "on") || text_equal(word, steps[i].name)) {
            *breaks |= UINT32_C(1) << steps[i].kind;
            found = true;
        }
    }
    return found;
}

static void breaks_show(struct session *session)
{
    if (session->breaks == 0) {
        say(session, "bp is off\n");
        return;
    }
    say(session, "A debugger like Bochs stops at each");
    for (unsigned i = 0; i < STEPS; i++) {
        if (session->breaks >> steps[i].kind & 1)
            say(session, " %s", steps[i].name);
    }
    say(session, "\n");
}

void cmd_bp(struct session *session, const struct words *words)
{
    uint32_t breaks = 0;

    if (!home_break(NULL)) {
        refuse(session, "bp is for a kernel in a debugger, and this is a "
                        "process: 'make bochs-step' starts one");
        return;
    }
    for (int i = 1; i < words->count; i++) {
        if (!breaks_read(words->word[i], &breaks)) {
            refuse(session, "bp takes on, off, split, coalesce, take, "
                            "release: bp on, bp split take");
            return;
        }
    }
    if (words->count > 1)
        session->breaks = breaks;
    breaks_show(session);
}

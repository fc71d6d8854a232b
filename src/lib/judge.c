/* SPDX-License-Identifier: MIT */
/*
 * judge.c - a program's error, said in a sentence; then the program ends
 *
 * An error in the use of memory is found where it is noticed, which is seldom
 * where it was made. So the sentence has three parts: what was noticed, at
 * which address, and what has most likely happened:
 *
 *     heapglass: free(0x2000000c4010): nothing that is in use starts there.
 *     heapglass: It lies in a block of 40 bytes that is free: it was freed
 *     twice, or freed and then freed by somebody else's copy of the pointer.
 *
 * The heap is damaged or about to be, so nothing here allocates.
 */
#define _GNU_SOURCE
#include "judge.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void judge_say(const char *sentence)
{
    char text[600];
    int length = snprintf(text, sizeof text, "heapglass: %s\n", sentence);

    if (length > (int)sizeof text - 1)
        length = (int)sizeof text - 1;
    if (length > 0 && write(STDERR_FILENO, text, (size_t)length) < 0)
        return;
}

_Noreturn void mm_home_panic(const char *file, int line, const char *sentence)
{
    (void)file;
    (void)line;
    judge_say(sentence);
    abort();
}

/* What has likely happened, for faults that say so by themselves. */
static const char *likely_cause(enum mm_fault fault)
{
    switch (fault) {
    case MM_OUTSIDE:
        return "Likely a pointer that malloc never returned: a local or "
               "static variable, or memory of mmap's.";
    case MM_MISALIGNED:
        return "Likely a pointer into the middle of a block: what malloc "
               "returned must be freed, not what it was moved on to.";
    case MM_BAD_HEADER:
    case MM_BAD_RIGHT:
    case MM_BAD_LEFT:
        return "Likely somebody wrote past the end of a block, over the "
               "header of the next one.";
    case MM_BAD_TRAILER:
        return "Likely somebody wrote past the end of this block, by a byte "
               "or more.";
    case MM_BAD_POISON:
        return "Likely somebody used a block after it was freed.";
    case MM_BAD_LINK:
    case MM_BAD_SLOT:
        return "Likely somebody wrote to a block after it was freed, or past "
               "the end of one.";
    default:
        return "Likely a write through a wild pointer.";
    }
}

/* Says what lies at PAYLOAD, where nothing that is in use starts. */
static void describe_place(char *text, size_t size, const struct heap *heap,
                           const void *payload)
{
    struct heap_cursor cursor;
    uint64_t at = heap_at(heap, payload);

    if (!heap_walk_find(heap, at, &cursor)) {
        snprintf(text, size, "No block is there, used or free: it was freed "
                 "before, or malloc never returned it.");
        return;
    }
    if (cursor.slots) {
        struct slot_view view = slot_page_view(heap, cursor.at);
        uint64_t in_page = at - cursor.at;

        if (!view.ok || in_page < view.first)
            snprintf(text, size, "It lies in the head of a page of small "
                     "objects.");
        else if ((in_page - view.first) % view.slot_bytes != 0)
            snprintf(text, size, "It lies %llu bytes inside a small object "
                     "of up to %u bytes: what malloc returned must be freed.",
                     (unsigned long long)((in_page - view.first) %
                                          view.slot_bytes),
                     view.slot_bytes);
        else
            snprintf(text, size, "It is a small object of up to %u bytes "
                     "that is free already: likely it was freed twice.",
                     view.slot_bytes);
    } else if (cursor.used && !cursor.kept && at != cursor.at) {
        snprintf(text, size, "It lies %llu bytes inside a block of %llu "
                 "bytes: what malloc returned must be freed.",
                 (unsigned long long)(at - cursor.at),
                 (unsigned long long)(cursor.size - BLOCK_HEADER));
    } else {
        snprintf(text, size, "It is free already: likely it was freed "
                 "twice.");
    }
}

_Noreturn void judge(const char *call, const void *payload,
                     const struct heap *heap, enum mm_fault fault)
{
    char text[400];
    const void *at = heap_address(heap, (uint64_t)heap->refusal_quantum *
                                            MM_QUANTUM);

    snprintf(text, sizeof text, "%s(%p): %s.", call, payload,
             mm_fault_name(fault));
    judge_say(text);
    if (fault == MM_NOT_LIVE) {
        describe_place(text, sizeof text, heap, payload);
        judge_say(text);
    } else {
        if (mm_is_damage(fault) && at != payload) {
            snprintf(text, sizeof text, "The damage is at %p.", at);
            judge_say(text);
        }
        judge_say(likely_cause(fault));
    }
    abort();
}

/* ---- guard pages ------------------------------------------------------ */

static const struct heap *guarded;
static struct sigaction before;

static void guard_touched(int signal, siginfo_t *info, void *context)
{
    uint64_t at = heap_at(guarded, info->si_addr);

    (void)context;
    if (at < heap_arena_bytes(guarded)) {
        char text[200];
        const struct range_tag *range =
            ranges_find(guarded->ranges, (uint32_t)(at / MM_PAGE));
        bool large = range != NULL && range->type == RANGE_LARGE;

        snprintf(text, sizeof text, "the program touched %p: %s",
                 info->si_addr,
                 large ? "that is past the end of a large block."
                       : "that is memory which was freed, or was never "
                         "handed out.");
        judge_say(text);
    }
    sigaction(signal, &before, NULL);   /* and again, without us */
}

void judge_guards(const struct heap *heap)
{
    struct sigaction action = {
        .sa_sigaction = guard_touched,
        .sa_flags = SA_SIGINFO | SA_ONSTACK,
    };

    guarded = heap;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &before);
}

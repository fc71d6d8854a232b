/* SPDX-License-Identifier: MIT */
/*
 * cmd_stream.c - the lab told to a program, as it happens
 *
 * On the second serial port, or in a file, each event of the lab is a line
 * (src/trace/stream.h). A snapshot is written when somebody asks for it: with
 * the command, or with an `s` on the port.
 *
 * Going back in time does things again that the stream has told already. So
 * nothing is told meanwhile; when the command is done, a new hello and a
 * snapshot say what is there now.
 */

#include "command.h"
#include "home.h"
#include "stream.h"

#include "../lab/policy.h"
#include "../trace/stream.h"

#ifndef HEAPGLASS_VERSION
#define HEAPGLASS_VERSION "(no version)"
#endif

static void stream_out(void *context, const char *text, size_t size)
{
    (void)context;
    home_stream_write(text, size);
}

static const struct stream stream = { .write = stream_out };

static bool streams(const struct session *session)
{
    return session->streaming && session->stream_muted == 0
           && (session->machine == NULL
               || session->machine != session->kernel);
}

static void hello(const struct session *session, bool restored)
{
    const struct lab_setup *setup = &session->setup;

    stream_hello(&stream, &(struct stream_hello){
        .version = HEAPGLASS_VERSION,
        .policy = policy_name(setup->policy),
        .arena_bytes = setup->arena_bytes,
        .span_bytes = setup->span_bytes,
        .level = setup->level,
        .frames = setup->frames != 0
                      ? setup->frames
                      : (uint32_t)(setup->arena_bytes / MM_PAGE),
        .restored = restored,
    });
}

static void snapshot(const struct session *session)
{
    const struct heap *threads[LAB_THREADS];
    struct machine *lab = lab_machine(session->lab);

    for (uint32_t i = 0; i < LAB_THREADS; i++)
        threads[i] = lab_thread(session->lab, i + 1);
    stream_snapshot(&stream, &(struct stream_source){
        .heap = lab->heap, .threads = threads, .thread_count = LAB_THREADS,
        .ledger = lab->ledger,
    });
}

void session_stream_open(struct session *session)
{
    session->streaming = home_stream_open();
    session->stream_muted = 0;
    session->stream_stale = false;
}

void session_stream_hello(struct session *session)
{
    if (streams(session))
        hello(session, false);
}

void session_stream_event(struct session *session,
                          const struct mm_event *event)
{
    if (streams(session))
        stream_event(&stream, event);
}

void session_stream_moved(struct session *session, uint64_t from, uint64_t to)
{
    if (streams(session))
        stream_moved(&stream, from, to);
}

void session_stream_letters(struct session *session)
{
    if (streams(session) && session->machine->ledger != NULL)
        stream_letters(&stream, session->machine->ledger->letters);
}

void session_stream_mute(struct session *session, bool mute)
{
    session->stream_muted += mute ? 1 : -1;
}

void session_stream_stale(struct session *session)
{
    session->stream_stale = true;
}

void session_stream_settle(struct session *session)
{
    if (!session->stream_stale || session->stream_muted != 0)
        return;
    session->stream_stale = false;
    if (!session->streaming || session->lab == NULL)
        return;
    hello(session, true);
    snapshot(session);
}

void session_stream_snapshot(struct session *session)
{
    if (session->streaming && session->lab != NULL)
        snapshot(session);
}

void cmd_stream(struct session *session, const struct words *words)
{
    bool wanted = words->count == 2
                  && text_equal(words->word[1], "snapshot");

    if (words->count > 2 || (words->count == 2 && !wanted)) {
        refuse(session, "stream says whether anybody is told; stream "
                        "snapshot tells what is there now");
    } else if (!wanted) {
        say(session, "stream is %s\n", session->streaming ? "on" : "off");
    } else if (!session->streaming) {
        refuse(session, "nobody is told: this computer has no second serial "
                        "port (in a process: --stream FILE)");
    } else {
        session_stream_snapshot(session);
    }
}

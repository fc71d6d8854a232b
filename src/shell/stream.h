/* SPDX-License-Identifier: MIT */
/*
 * stream.h - the session's side of the stream (cmd_stream.c)
 */
#ifndef HEAPGLASS_SHELL_STREAM_H
#define HEAPGLASS_SHELL_STREAM_H

#include "session.h"

/* Finds out whether anybody is to be told. */
void session_stream_open(struct session *session);

/* A new lab is about to be made, as session->setup says. */
void session_stream_hello(struct session *session);

/* Something happened in the machine in use; nothing is told of a kernel. */
void session_stream_event(struct session *session,
                          const struct mm_event *event);
void session_stream_moved(struct session *session, uint64_t from, uint64_t to);
void session_stream_letters(struct session *session);

/* Whether what happens from now on is told already. Calls nest. */
void session_stream_mute(struct session *session, bool mute);

/* The lab is another one than was told of; settle() tells of it, when the
 * command is done. */
void session_stream_stale(struct session *session);
void session_stream_settle(struct session *session);

/* Tells all that is there. */
void session_stream_snapshot(struct session *session);

#endif

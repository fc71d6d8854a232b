/* SPDX-License-Identifier: MIT */
#include "past.h"
bool recording_load(struct session *session, const char *name, uint32_t scale)
{ (void)session; (void)name; (void)scale; return false; }
void recording_unload(struct session *session) { (void)session; }
void recording_redo(struct session *session, uint32_t position) { (void)session; (void)position; }

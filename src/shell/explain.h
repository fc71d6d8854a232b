/* SPDX-License-Identifier: MIT */
/*
 * explain.h - what lies at an offset, and what just happened, in sentences
 *
 * Commands take blocks by letter or by offset, and answer with sentences.
 * Both need to know what an offset is: the start of a live block, the middle
 * of one, a free block, a span's head. place_find() finds out, by walking the
 * memory (the ledger adds letters and requested sizes, where there is one).
 */

#ifndef HEAPGLASS_SHELL_EXPLAIN_H
#define HEAPGLASS_SHELL_EXPLAIN_H

#include "session.h"

#include "../trace/ledger.h"

enum place_kind {
    PLACE_OUTSIDE,          /* behind the arena's end */
    PLACE_NO_SPAN,          /* pages that no span has */
    PLACE_RANGE,            /* a range that is no span: tags, the lab, ... */
    PLACE_HEAD,             /* a span's head or end, a large range's head */
    PLACE_DAMAGED,          /* a part of a span that cannot be walked */
    PLACE_BLOCK,            /* a block, used or free */
    PLACE_LARGE,            /* the payload of a large request */
    PLACE_SLOT_HEAD,        /* a slot page's own account */
    PLACE_SLOT,             /* a slot */
};

/* What the byte at an offset belongs to. */
struct place {
    enum place_kind kind;
    uint64_t at;                /* the byte in question */
    enum range_type range;      /* what the pages around it are for */
    struct heap_cursor cursor;  /* BLOCK, LARGE, SLOT*: the block around it */
    uint64_t start, size;       /* of the payload's block or slot */
    bool used;                  /* that block or slot is handed out */
    const struct ledger_entry *entry;   /* of what starts at `start`, if it
                                           is known */
};

/* Looks at the byte AT of the session's machine. */
void place_find(const struct session *session, uint64_t at,
                struct place *place);

/* Where the payload of PLACE may be used: usable bytes from `start` on. */
uint64_t place_usable(const struct place *place);

/* "block c", "slot d" or "the block at +0x2c0", the most telling one. */
const char *place_name(struct short_text *text, const struct place *place);

/* What the byte of PLACE is for, such as "8 bytes into block c", "the header
 * of block c", "a link of the free block at +0x2c0". */
enum { PLACE_TEXT_SIZE = 96 };
void place_describe(char out[PLACE_TEXT_SIZE], const struct place *place);

/*
 * What the word X names: the letter of a live block, or an offset, which need
 * not be a block's start. False, after a refusal that says what WHO (the
 * command, "free") takes, if it names nothing.
 */
bool target_find(struct session *session, const char *who, const char *word,
                 uint64_t *at);

/* The same, but what is named must be the start of a live payload. */
bool target_find_live(struct session *session, const char *who,
                      const char *word, struct place *place);

/* Refuses the offset AT, which no live payload starts at: says what is there
 * instead, and what WHO ("free") could be given. */
bool refuse_place(struct session *session, const char *who, uint64_t at);

/* Refuses because the memory is damaged as FAULT says: names the block, and
 * the likely cause. */
bool refuse_damage(struct session *session, enum mm_fault fault);

/* Refuses what WHO ("poke") would do, if the session's machine is not one to
 * damage. */
bool machine_can_break(struct session *session, const char *who);

/* Refuses a request for SIZE bytes that the heap has refused. */
bool refuse_request(struct session *session, uint64_t size, uint64_t align);

/* One event as one row. */
void show_event(struct session *session, const struct mm_event *event);

/* "list 32" or "list [512, 576)": where a free block of SIZE bytes belongs;
 * "the one list" where a policy has no other. */
const char *list_name(struct short_text *text, const struct session *session,
                      uint64_t size);

/* The sizes on list K as an interval in bytes: "32" or "[512, 576)". */
const char *list_sizes(struct short_text *text, unsigned k);

/* What the ledger knows of the live payload that starts at AT, or NULL. */
const struct ledger_entry *entry_at(const struct session *session,
                                    uint64_t at);

/* How many bytes are requested of what starts at AT: a number, or "-". */
const char *request_text(struct short_text *text, const struct session *session,
                         uint64_t at);

/* Whether the byte AT, below the arena's end, has a frame behind it. */
bool byte_is_held(const struct session *session, uint64_t at);

#endif

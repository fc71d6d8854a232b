/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - what the memory itself does not know about a payload
 *
 * A header says how long a block is. It does not say how many bytes the
 * caller had asked for, when that was, or what we have called the block on
 * the screen since. The ledger learns these from the events alone, and keeps
 * one entry for every live payload:
 *
 *     payload's offset -> letter, bytes requested, birth, block/slot/large
 *
 * Letters are given in the order of birth since ledger_init: a, b, ... z, aa,
 * ab, ... They are numbers inside (a = 0), and none is given twice.
 *
 * The ledger lies in memory of its caller's and holds offsets only, the same
 * bytes on every machine, since it is a part of the lab's state:
 *
 *     +---------------+-----------------+-----------------+----------------+
 *     | struct ledger | entries         | hash by offset  | hash by letter |
 *     +---------------+-----------------+-----------------+----------------+
 *
 * It is bounded. When it is full a new payload stays unknown: it gets no
 * letter, it is counted in `unknown`, and the entries that are there stay
 * right. The theory of the two hashes is in ledger.c.
 */
#ifndef TRACE_LEDGER_H
#define TRACE_LEDGER_H

#include "../mm/event.h"

enum {
    LEDGER_FREED = 64,          /* freed payloads that are remembered */
    LEDGER_MAX_ENTRIES = 1 << 24,
    LEDGER_LETTER_CHARS = 8,    /* "aaaaaaa" and its end */
};

enum ledger_kind {
    LEDGER_BLOCK,
    LEDGER_SLOT,
    LEDGER_LARGE,
};

/* A live payload. The pointer to it is good until the next event. */
struct ledger_entry {
    uint64_t at;                /* the payload's offset */
    uint64_t request;           /* bytes that the caller asked for last */
    uint32_t letter;            /* a = 0 */
    uint32_t birth;             /* the number of the operation, from 1 */
    uint32_t kind;              /* enum ledger_kind */
    uint32_t next, previous;    /* private: in the order of letters */
    uint32_t unused;
};

/* A payload that was given back. */
struct ledger_freed {
    uint64_t at;
    uint64_t request;
    uint32_t letter;
    uint32_t kind;              /* enum ledger_kind */
    uint32_t birth, death;      /* numbers of operations; death 0: no entry */
};

struct ledger {
    uint32_t capacity;          /* entries */
    uint32_t hash_log2;         /* places in each hash */
    uint32_t count;             /* live payloads that have an entry */
    uint32_t unknown;           /* live payloads that have none */
    uint32_t letters;           /* given so far: the next letter's number */
    uint32_t operations;        /* allocs, frees, reallocs, refusals so far */
    uint32_t first, last;       /* in the order of letters; entry + 1, or 0 */
    uint32_t spare, risen;      /* entries to reuse; entries ever used */
    uint32_t freed_next;
    uint32_t waiting : 31;      /* payloads that were freed and wait: for
                                   their owners, or to be used again */
    uint32_t late : 1;          /* the last free was an owner's, of such a
                                   payload */
    uint64_t large_at;          /* the range just mapped for a large request,
                                   or LEDGER_NOWHERE */
    uint64_t requested;         /* the sum of the entries' requests */
    struct ledger_freed freed[LEDGER_FREED];            /* a ring */
};

#define LEDGER_NOWHERE UINT64_MAX

_Static_assert(sizeof(struct ledger_entry) == 40, "the same everywhere");
_Static_assert(sizeof(struct ledger_freed) == 32, "the same everywhere");
_Static_assert(sizeof(struct ledger) == 64 + LEDGER_FREED * 32,
               "the same everywhere");

/* The bytes that a ledger of CAPACITY entries (1 ... LEDGER_MAX_ENTRIES)
 * needs, a multiple of 8. */
size_t ledger_bytes(uint32_t capacity);

/* Makes an empty ledger in MEMORY: ledger_bytes(CAPACITY), 8-aligned. */
struct ledger *ledger_init(void *memory, uint32_t capacity);

/* Takes note of EVENT. Constant time. */
void ledger_event(struct ledger *ledger, const struct mm_event *event);

/*
 * A realloc has moved the payload FROM to TO: TAKE and RELEASE were announced
 * already. TO gets FROM's letter and birth, its own letter's number is free
 * again, and both events count as one operation. Time: the entries born after
 * FROM, at most.
 */
void ledger_move(struct ledger *ledger, uint64_t from, uint64_t to);

/*
 * Nobody was told of the letters from LETTER on, and all that had them were
 * freed: they count as never given. Nothing happens if one of them is live.
 */
void ledger_forget(struct ledger *ledger, uint32_t letter);

/* The live payload that starts AT, or that has LETTER; NULL: none that is
 * known. Constant time. */
const struct ledger_entry *ledger_find(const struct ledger *ledger,
                                       uint64_t at);
const struct ledger_entry *ledger_find_letter(const struct ledger *ledger,
                                              uint32_t letter);

/* The live payloads in the order of their letters; NULL after the last. */
const struct ledger_entry *ledger_first(const struct ledger *ledger);
const struct ledger_entry *ledger_next(const struct ledger *ledger,
                                       const struct ledger_entry *entry);

/* The last payload that was freed AT, or that had LETTER; NULL when it is not
 * among the last LEDGER_FREED. It tells nothing about who is there now. */
const struct ledger_freed *ledger_find_freed(const struct ledger *ledger,
                                             uint64_t at);
const struct ledger_freed *ledger_find_freed_letter(
    const struct ledger *ledger, uint32_t letter);

/* Whether LETTER was ever given. If so and it is not live, it was freed. */
static inline bool ledger_was_born(const struct ledger *ledger,
                                   uint32_t letter)
{
    return letter < ledger->letters;
}

/* Writes LETTER as a, ... z, aa, ... into TEXT, which it returns. */
char *ledger_letter_text(uint32_t letter, char text[LEDGER_LETTER_CHARS]);

/* The number of the letter that TEXT, LENGTH bytes, spells; false when TEXT
 * is none (empty, too long, or not a...z throughout). */
bool ledger_letter_number(const char *text, size_t length, uint32_t *letter);

#endif

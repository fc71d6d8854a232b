/* SPDX-License-Identifier: MIT */
/*
 * states.h - states that are words, and those that were seen already
 *
 * A state is written down as words, each program in its own way, and is a
 * state whose operations are still to be tried when nobody has seen it before.
 * What a heap's structure says is written as what differs from its beginning.
 */
#ifndef TESTS_CLOSURE_STATES_H
#define TESTS_CLOSURE_STATES_H

#include "closure.h"
#include "mm/heap.h"

enum { WORDS_MAX = 1024, HEAP_WORDS = sizeof(struct heap) / 4 };

struct words {
    uint32_t count, word[WORDS_MAX];
};

static void put(struct words *words, uint32_t word)
{
    EXPECT(words->count < WORDS_MAX, "a state has more words than fit");
    words->word[words->count++] = word;
}

/* What HEAP says that CLEAN does not: how many words; which, and what they are.
 * How the last call went is nobody's state. */
static void put_heap(struct words *words, const struct heap *heap,
                     const struct heap *clean)
{
    struct heap now = *heap;
    const uint32_t *is = (const uint32_t *)&now;
    const uint32_t *was = (const uint32_t *)clean;
    uint32_t count_at = words->count;

    now.refusal = now.refusal_quantum = now.examined = 0;
    put(words, 0);
    for (uint32_t i = 0; i < HEAP_WORDS; i++) {
        if (is[i] == was[i])
            continue;
        put(words, i);
        put(words, is[i]);
        words->word[count_at]++;
    }
}

/* Makes HEAP of WORD; answers the word behind. */
static const uint32_t *make_heap(const uint32_t *word, struct heap *heap,
                                 const struct heap *clean)
{
    *heap = *clean;
    for (uint32_t left = *word++; left > 0; left--, word += 2)
        ((uint32_t *)heap)[word[0]] = word[1];
    return word;
}

/* ---- those that were seen --------------- */

static uint32_t *pool;                  /* all states' words, one by one */
static uint64_t pool_used, pool_room;
static uint64_t *state_at;              /* where in the pool each begins */
static uint32_t *table;                 /* number + 1, hashed */
static uint64_t seen, room;

static uint64_t slot_of(const struct words *words)
{
    uint64_t hash = words->count;

    for (uint32_t i = 0; i < words->count; i++) {
        hash = (hash ^ words->word[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    for (uint64_t slot = hash & (2 * room - 1);;
         slot = (slot + 1) & (2 * room - 1)) {
        const uint32_t *there = table[slot] == 0
                                    ? NULL : pool + state_at[table[slot] - 1];

        if (there == NULL ||
            (there[0] == words->count &&
             memcmp(there + 1, words->word, words->count * 4) == 0))
            return slot;
    }
}

static void state_of(uint64_t number, struct words *words)
{
    const uint32_t *there = pool + state_at[number];

    words->count = there[0];
    memcpy(words->word, there + 1, there[0] * 4);
}

static void make_room(void)
{
    struct words words;

    room = room == 0 ? 1 << 16 : room * 2;
    free(table);
    state_at = realloc(state_at, (size_t)room * sizeof *state_at);
    table = calloc((size_t)(2 * room), sizeof *table);
    EXPECT(state_at != NULL && table != NULL, "out of memory");
    for (uint64_t i = 0; i < seen; i++) {
        state_of(i, &words);
        table[slot_of(&words)] = (uint32_t)i + 1;
    }
}

static void see(const struct words *words)
{
    uint64_t slot = slot_of(words);

    if (table[slot] != 0)
        return;
    if (seen == room) {
        make_room();
        slot = slot_of(words);
    }
    if (pool_used + words->count + 1 > pool_room) {
        pool_room = pool_room == 0 ? 1 << 20 : pool_room * 2;
        pool = realloc(pool, (size_t)pool_room * sizeof *pool);
        EXPECT(pool != NULL, "out of memory");
    }
    state_at[seen] = pool_used;
    pool[pool_used] = words->count;
    memcpy(pool + pool_used + 1, words->word, words->count * 4);
    pool_used += words->count + 1;
    table[slot] = (uint32_t)++seen;
}

/* ---- all of them --------------- */

static struct words now;                /* whose operations are tried */
static uint64_t operations, refusals;

/* NOW is the first state: calls TRY_EVERYTHING in it and in all that come of
 * it, and says at the end how many there were. NAME says what of. */
static void close_over(const char *name, void (*try_everything)(void))
{
    make_room();
    see(&now);
    for (uint64_t i = 0; i < seen; i++) {
        state_of(i, &now);
        try_everything();
        if ((i & 0x3fff) == 0x3fff) {
            printf("# %s: %llu of %llu states so far\n", name,
                   (unsigned long long)i + 1, (unsigned long long)seen);
            fflush(stdout);
        }
    }
    printf("ok - %s: %llu states, %llu operations, %llu refusals\n", name,
           (unsigned long long)seen, (unsigned long long)operations,
           (unsigned long long)refusals);
}

#endif

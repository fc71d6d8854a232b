/* SPDX-License-Identifier: MIT */
/*
 * heap_lists.c - proofs: a block goes on a list, leaves it, takes another's
 * place (src/mm/heap_lists.h)
 *
 * As in blocks.c the arena is an array of headers, one a quantum, and
 * block_named() indexes it. The map's functions touch the map only. N and P
 * are the blocks before and behind block B on list K.
 */
#define const
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/heap_parts.h"

enum { QUANTA = 32768 };

static struct block arena[QUANTA];
static struct heap all;

/*@ requires 0 < ref < QUANTA;
    assigns \nothing;
    ensures \result == &arena[ref]; */
static inline struct block *block_named(struct heap *heap, block_ref ref);

/*@ assigns map[0 .. HEAP_MAP_WORDS - 1]; */
static inline void class_map_set(class_word *map, unsigned k);

/*@ assigns map[0 .. HEAP_MAP_WORDS - 1]; */
static inline void class_map_clear(class_word *map, unsigned k);

#include "mm/heap_lists.h"

#define IS_BLOCK(i) (0 < i && i < QUANTA)
#define IS_LIST(k) (k < HEAP_LISTS)

/*@ requires IS_BLOCK(b) && IS_LIST(k);
    requires IS_BLOCK(first) && first != b && all.lists[k] == first;
    ensures list: all.lists[k] == b;
    ensures links: arena[b].next == first && arena[b].previous == 0;
    ensures back: arena[first].previous == b;
    ensures rest: arena[first].next == \old(arena[first].next);
    ensures others: \forall integer i; 0 <= i < HEAP_LISTS && i != k ==>
            all.lists[i] == \old(all.lists[i]); */
void proof_push(uint32_t b, uint32_t first, unsigned k)
{
    list_push(&all, &arena[b], b, k);
}

/*@ requires IS_BLOCK(b) && IS_LIST(k) && all.lists[k] == 0;
    ensures list: all.lists[k] == b;
    ensures links: arena[b].next == 0 && arena[b].previous == 0; */
void proof_push_on_empty(uint32_t b, unsigned k)
{
    list_push(&all, &arena[b], b, k);
}

/*@ requires IS_BLOCK(b) && IS_BLOCK(n) && IS_BLOCK(p) && IS_LIST(k);
    requires b != n && b != p && n != p;
    requires arena[b].next == n && arena[b].previous == p;
    requires arena[n].previous == b && arena[p].next == b;
    ensures list: all.lists[k] == \old(all.lists[k]);
    ensures closed: arena[p].next == n && arena[n].previous == p;
    ensures rest: arena[n].next == \old(arena[n].next) &&
                  arena[p].previous == \old(arena[p].previous); */
void proof_unlink_between(uint32_t b, uint32_t n, uint32_t p, unsigned k)
{
    list_unlink(&all, &arena[b], k);
}

/*@ requires IS_BLOCK(b) && IS_BLOCK(n) && IS_LIST(k) && b != n;
    requires arena[b].next == n && arena[b].previous == 0;
    requires arena[n].previous == b && all.lists[k] == b;
    ensures list: all.lists[k] == n;
    ensures first: arena[n].previous == 0;
    ensures rest: arena[n].next == \old(arena[n].next);
    ensures others: \forall integer i; 0 <= i < HEAP_LISTS && i != k ==>
            all.lists[i] == \old(all.lists[i]); */
void proof_unlink_first(uint32_t b, uint32_t n, unsigned k)
{
    list_unlink(&all, &arena[b], k);
}

/*@ requires IS_BLOCK(b) && IS_BLOCK(p) && IS_LIST(k) && b != p;
    requires arena[b].next == 0 && arena[b].previous == p;
    requires arena[p].next == b;
    ensures list: all.lists[k] == \old(all.lists[k]);
    ensures last: arena[p].next == 0;
    ensures rest: arena[p].previous == \old(arena[p].previous); */
void proof_unlink_last(uint32_t b, uint32_t p, unsigned k)
{
    list_unlink(&all, &arena[b], k);
}

/*@ requires IS_BLOCK(b) && IS_LIST(k) && all.lists[k] == b;
    requires arena[b].next == 0 && arena[b].previous == 0;
    ensures list: all.lists[k] == 0; */
void proof_unlink_only(uint32_t b, unsigned k)
{
    list_unlink(&all, &arena[b], k);
}

/* B is the first of its list, and C takes its place. */
/*@ requires IS_BLOCK(b) && IS_BLOCK(c) && IS_BLOCK(n) && IS_LIST(k);
    requires b != n && c != n;
    requires arena[b].next == n && arena[b].previous == 0;
    requires arena[n].previous == b && all.lists[k] == b;
    ensures list: all.lists[k] == c;
    ensures links: arena[c].next == n && arena[c].previous == 0;
    ensures back: arena[n].previous == c;
    ensures rest: arena[n].next == \old(arena[n].next); */
void proof_replace_first(uint32_t b, uint32_t c, uint32_t n, unsigned k)
{
    list_replace(&all, &arena[b], k, &arena[c], c, k);
}

/* B leaves the middle of list K, and C goes to the front of list J. */
/*@ requires IS_BLOCK(b) && IS_BLOCK(c) && IS_BLOCK(n) && IS_BLOCK(p);
    requires IS_BLOCK(first) && IS_LIST(k) && IS_LIST(j) && j != k;
    requires b != n && b != p && n != p && c != n && c != p;
    requires first != b && first != c && first != n && first != p;
    requires arena[b].next == n && arena[b].previous == p;
    requires arena[n].previous == b && arena[p].next == b;
    requires all.lists[j] == first;
    ensures lists: all.lists[j] == c && all.lists[k] == \old(all.lists[k]);
    ensures links: arena[c].next == first && arena[c].previous == 0;
    ensures closed: arena[p].next == n && arena[n].previous == p;
    ensures back: arena[first].previous == c; */
void proof_replace_elsewhere(uint32_t b, uint32_t c, uint32_t n, uint32_t p,
                             uint32_t first, unsigned k, unsigned j)
{
    list_replace(&all, &arena[b], k, &arena[c], c, j);
}

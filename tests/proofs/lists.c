/* SPDX-License-Identifier: MIT */
/*
 * lists.c - proofs: a tag goes on a list and leaves it (src/mm/ranges.c)
 *
 * As in tree.c the arena is an array of tags. Which list a size belongs on,
 * and the bit that says that a list is not empty, are classes.h's: here they
 * are `list`, any one, and a promise to touch nothing but the map.
 */
#include "tags.h"

static unsigned list;           /* the list of its size */

/*@ assigns \nothing;
    ensures \result == list; */
unsigned proof_class_of(uint32_t units);

/*@ assigns all.map[0 .. RANGE_MAP_WORDS - 1]; */
void proof_map_change(void);

#define class_of(units) proof_class_of(units)
#define class_map_set(map, k) proof_map_change()
#define class_map_clear(map, k) proof_map_change()
#include "mm/ranges.c"

/*@ requires IS_TAG(t) && self == t && list < RANGE_LISTS;
    requires IS_TAG(first) && first != t && all.lists[list] == first;
    ensures list: all.lists[list] == t;
    ensures links: tags[t].next == first && tags[t].previous == 0;
    ensures back: tags[first].previous == t;
    ensures rest: tags[first].next == \old(tags[first].next); */
void proof_insert(uint32_t t, uint32_t first)
{
    list_insert(&all, &tags[t]);
}

/*@ requires IS_TAG(t) && self == t && list < RANGE_LISTS;
    requires all.lists[list] == 0;
    ensures list: all.lists[list] == t;
    ensures links: tags[t].next == 0 && tags[t].previous == 0; */
void proof_insert_into_empty(uint32_t t)
{
    list_insert(&all, &tags[t]);
}

/*@ requires IS_TAG(t) && self == t && list < RANGE_LISTS;
    requires IS_TAG(n) && IS_TAG(p) && n != t && p != t && n != p;
    requires tags[t].next == n && tags[t].previous == p;
    requires tags[n].previous == t && tags[p].next == t;
    ensures list: all.lists[list] == \old(all.lists[list]);
    ensures closed: tags[p].next == n && tags[n].previous == p;
    ensures rest: tags[n].next == \old(tags[n].next) &&
                  tags[p].previous == \old(tags[p].previous); */
void proof_remove_between(uint32_t t, uint32_t n, uint32_t p)
{
    list_remove(&all, &tags[t]);
}

/*@ requires IS_TAG(t) && self == t && list < RANGE_LISTS;
    requires IS_TAG(n) && n != t;
    requires tags[t].next == n && tags[t].previous == 0;
    requires all.lists[list] == t && tags[n].previous == t;
    ensures list: all.lists[list] == n;
    ensures back: tags[n].previous == 0;
    ensures rest: tags[n].next == \old(tags[n].next); */
void proof_remove_first(uint32_t t, uint32_t n)
{
    list_remove(&all, &tags[t]);
}

/*@ requires IS_TAG(t) && self == t && list < RANGE_LISTS;
    requires IS_TAG(p) && p != t;
    requires tags[t].next == 0 && tags[t].previous == p && tags[p].next == t;
    ensures list: all.lists[list] == \old(all.lists[list]);
    ensures closed: tags[p].next == 0;
    ensures rest: tags[p].previous == \old(tags[p].previous); */
void proof_remove_last(uint32_t t, uint32_t p)
{
    list_remove(&all, &tags[t]);
}

/*@ requires IS_TAG(t) && self == t && list < RANGE_LISTS;
    requires tags[t].next == 0 && tags[t].previous == 0;
    requires all.lists[list] == t;
    ensures list: all.lists[list] == 0; */
void proof_remove_only(uint32_t t)
{
    list_remove(&all, &tags[t]);
}

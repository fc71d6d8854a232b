/* SPDX-License-Identifier: MIT */
/*
 * classes.h - lists by size, and a map of those that are not empty
 *
 * Free pieces of memory, counted in units (quanta for blocks, pages for
 * ranges), are kept on lists by size. List k holds the sizes
 *
 *     [class_size(k), class_size(k + 1))
 *
 * Up to 32 units every size has a list of its own. Beyond, each doubling is
 * shared by eight lists, so that within one list sizes differ by at most an
 * eighth: 32..35, 36..39, ... 60..63, 64..71, 72..79, ...
 *
 *     units   1  2  3 ... 31 | 32..35  36..39 ... 60..63 | 64..71 ...
 *     list    0  1  2 ... 30 |     31      32 ...     38 |     39 ...
 *
 * One bit a list says whether it is empty, so that "the first list that is
 * not empty, from k on" costs a handful of instructions however long the
 * lists are.
 *
 *   C1  A bit is set exactly when its list is not empty.
 *
 * Source: this is the two-level idea of TLSF (Masmano, Ripoll, Crespo, Real:
 * "TLSF: a new dynamic memory allocator for real-time systems", 2004) with
 * both levels written as one number.
 */
#ifndef MM_CLASSES_H
#define MM_CLASSES_H

#include "mm.h"

enum {
    CLASS_EXACT = 32,           /* sizes below this have their own list */
    CLASS_STEPS_LOG2 = 3,       /* eight lists share a doubling */
    CLASS_NONE = UINT16_MAX,
};

/* The list on which a free piece of UNITS (at least 1) belongs. */
static inline unsigned class_of(uint32_t units)
{
    if (units < CLASS_EXACT)
        return units - 1;

    /* The highest four bits, 8..15, are the step and 8 more, and below them
     * there are so many: 64..71 -> 3 * 8 + 8 + 7 = 39. */
    unsigned below = (31 ^ (unsigned)__builtin_clz(units)) - CLASS_STEPS_LOG2;

    return below * 8 + (units >> below) + 7;
}

/* The smallest size on list K. May be 2^32, one past the largest. */
static inline uint64_t class_size(unsigned k)
{
    if (k < CLASS_EXACT - 1)
        return k + 1;
    unsigned log2 = 5 + (k - 31) / 8, step = (k - 31) % 8;

    return ((uint64_t)8 + step) << (log2 - CLASS_STEPS_LOG2);
}

/* The first list on which every piece is at least UNITS long: the one after
 * the list that a unit less belongs on (for 1, the first). */
static inline unsigned class_that_fits(uint32_t units)
{
    return class_of(units - 1) + 1;
}

/* How many lists sizes up to UNITS need. */
#define CLASS_COUNT(log2_of_limit) (31 + ((log2_of_limit) - 5) * 8)

/* The map of lists that are not empty: so many words for COUNT lists. */
typedef uintptr_t class_word;

enum { CLASS_WORD = sizeof(class_word) * 8 };

#define CLASS_WORDS(count) (((count) + CLASS_WORD - 1) / CLASS_WORD)

static inline void class_map_set(class_word *map, unsigned k)
{
    map[k / CLASS_WORD] |= (class_word)1 << (k % CLASS_WORD);
}

static inline void class_map_clear(class_word *map, unsigned k)
{
    map[k / CLASS_WORD] &= ~((class_word)1 << (k % CLASS_WORD));
}

static inline bool class_map_has(const class_word *map, unsigned k)
{
    return map[k / CLASS_WORD] >> (k % CLASS_WORD) & 1;
}

/* The first list from K on, K below WORDS words' bits, that is not empty; or
 * CLASS_NONE. */
static inline unsigned class_map_find(const class_word *map, unsigned words,
                                      unsigned k)
{
    class_word bits = map[k / CLASS_WORD] >> (k % CLASS_WORD);

    if (bits != 0)
        return k + (unsigned)__builtin_ctzl(bits);
    for (unsigned i = k / CLASS_WORD + 1; i < words; i++)
        if (map[i] != 0)
            return i * CLASS_WORD + (unsigned)__builtin_ctzl(map[i]);
    return CLASS_NONE;
}

/* The last list that is not empty, or CLASS_NONE. */
static inline unsigned class_map_last(const class_word *map, unsigned words)
{
    while (words > 0)
        if (map[--words] != 0)
            return words * CLASS_WORD + CLASS_WORD - 1 -
                   (unsigned)__builtin_clzl(map[words]);
    return CLASS_NONE;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * ranges.h - runs of pages ("vmem"): an AVL tree of tags, lists by size, and
 * an index of used ranges by their first page
 *
 * Every page of an arena belongs to exactly one tag, used or free. The theory
 * is in ranges.c, the tree in ranges_tree.c, the index in ranges_index.c.
 * Pages are counted from the arena's base: page P is the bytes
 * [4096 P, 4096 P + 4096) from there.
 */
#ifndef MM_RANGES_H
#define MM_RANGES_H

#include "classes.h"
#include "home.h"

/* What a range is for. The tag says it; `ranges` prints it. */
enum range_type {
    RANGE_FREE,
    RANGE_TAGS,                 /* the instance's own: tags, and the index */
    RANGE_SPAN,                 /* a heap's span of blocks */
    RANGE_LARGE,                /* one request too large for a span */
    RANGE_LAB,                  /* the memory of a lab */
    RANGE_STACK,
    RANGE_DEVICE,
    RANGE_OTHER,
    RANGE_TYPES
};

/* What may be done with the pages. The tag says it even where the machine
 * cannot enforce it (i686 without PAE has no "no execute"). */
enum range_protection {
    RANGE_READ = 1,
    RANGE_WRITE = 2,
    RANGE_EXECUTE = 4,
};

typedef uint32_t range_ref;     /* names a tag; RANGE_NIL names none */

enum {
    RANGE_NIL = 0,
    RANGE_ANYWHERE = UINT32_MAX,
    RANGE_NONE_KEPT = UINT32_MAX,
    RANGE_FIRST_TAGS = 32,      /* tags in the instance itself, [0] unused */
    RANGE_LISTS = CLASS_COUNT(32),
    RANGE_MAP_WORDS = CLASS_WORDS(RANGE_LISTS),
    RANGE_SPARE_TAGS = 4,       /* kept for the next operation, which may cut
                                   a range in three: two new tags */
    RANGE_FIRST_BUCKETS = 128,  /* of the index, in the instance itself */
    RANGE_BUCKETS_MOST = 1 << 20,
    RANGE_BUCKETS_PER_PAGE = MM_PAGE / sizeof(uint32_t),
    RANGE_TAGS_PER_PAGE = 128,
};

/*
 * A tag: 32 bytes, offsets only.
 *
 *      0         4         8         12        16        20
 *     +---------+---------+---------+---------+---------+
 *     | start   | pages   | left    | right   | parent  |   the tree, by start
 *     +---------+---------+----+----+----+----+---------+
 *     | next    | previous|heights  |type|prot|             its list
 *     +---------+---------+----+----+----+----+
 *
 * `next` and `previous` link free ranges of a size. Of a used range `next`
 * leads to the next one of its bucket in the index, and `previous` names the
 * free range that hangs on it; in a tag that is itself spare, which has no
 * pages, `next` threads the spare tags.
 */
struct range_tag {
    uint32_t start, pages;
    range_ref left, right, parent;
    range_ref next, previous;
    uint8_t left_height;        /* of the subtrees to both sides; 0: no side, */
    uint8_t right_height;       /* and `left`, `right` name the neighbour */
    uint8_t type;               /* enum range_type */
    uint8_t protection : 6;     /* enum range_protection, or-ed */
    uint8_t index : 1;          /* of an own page: it is the index's */
    uint8_t hangs : 1;          /* a free one, on `parent`: not in the tree */
};

_Static_assert(sizeof(struct range_tag) * RANGE_TAGS_PER_PAGE == MM_PAGE,
               "a tag page holds 128");

struct ranges {
    /* set by ranges_init, constant from then on */
    const struct mm_home *home;
    unsigned char *base;        /* the arena's first byte */
    uint32_t page_count;
    range_ref kept;             /* state: the range that was freed last, still
                                   cut out; RANGE_NONE_KEPT; or RANGE_NIL,
                                   where ranges_keep() was not called */
    /* state: offsets and counts only */
    range_ref root;
    range_ref spare;            /* spare tags, threaded through `next` */
    uint32_t spare_count;
    uint32_t tag_pages;         /* those of the index among them */
    uint32_t used_pages, used_count, free_count;
    uint32_t bucket_count;
    class_word map[RANGE_MAP_WORDS];
    range_ref lists[RANGE_LISTS];
    uint32_t directory;         /* a page: where the index's pages are */
    range_ref buckets[RANGE_FIRST_BUCKETS];
    struct range_tag first[RANGE_FIRST_TAGS];
};

_Static_assert(offsetof(struct ranges, map) ==
                   offsetof(struct ranges, bucket_count) + 4,
               "state looks the same on all machines: no gaps");

struct range_request {
    uint32_t pages;             /* at least 1 */
    uint32_t align_pages;       /* a power of two; 0 or 1: any page */
    uint32_t at;                /* exactly there, or RANGE_ANYWHERE */
    uint32_t held;              /* so many of its pages, the first ones, get
                                   frames before anything is changed */
    enum range_type type;       /* not RANGE_FREE */
    unsigned protection;        /* enum range_protection, or-ed */
};

/* Makes RANGES of the arena of PAGES pages at BASE, all of it free. */
void ranges_init(struct ranges *ranges, const struct mm_home *home,
                 void *base, uint32_t pages);

/*
 * Finds a run of pages for REQUEST and stores its first page in *PAGE. Frames
 * are put behind the pages that are to be held, the others are the caller's.
 * MM_OK; MM_NO_RANGE, MM_NO_FRAMES (maybe for a page of tags),
 * MM_BAD_ALIGNMENT, MM_NOT_OWNED (a part of the fixed place is taken),
 * MM_BAD_TAG, and nothing has changed.
 * Time: O(log n) for the tree; a refusal looks at every free range first.
 */
enum mm_fault ranges_alloc(struct ranges *ranges,
                           const struct range_request *request,
                           uint32_t *page);

/*
 * Where ranges_alloc would put REQUEST, in *PAGE, and makes sure of the tags
 * that it will need: a caller who first wants frames behind the pages asks
 * here, puts them there, and then allocates at *PAGE, which cannot fail.
 */
enum mm_fault ranges_probe(struct ranges *ranges,
                           const struct range_request *request,
                           uint32_t *page);

/*
 * Frees any part of one used range: its start, end, middle or all of it. The
 * caller has taken the frames away. Never fails for want of memory: where no
 * tag is left, the first page of what is freed is kept to hold tags.
 * MM_OK; MM_OUTSIDE, MM_NOT_OWNED, MM_BAD_TAG, and nothing has changed.
 */
enum mm_fault ranges_free(struct ranges *ranges, uint32_t page,
                          uint32_t pages);

/*
 * Makes the used range that starts at PAGE longer by MORE pages, from the free
 * range behind it, of which something must remain; so no tag comes or goes.
 * Frames are put behind the new pages. MM_OK; MM_NO_RANGE (not so many are
 * free there), MM_NO_FRAMES, MM_OUTSIDE, MM_NOT_OWNED, MM_BAD_TAG, and nothing
 * has changed. Time: as ranges_free().
 */
enum mm_fault ranges_extend(struct ranges *ranges, uint32_t page,
                            uint32_t more);

/*
 * Gives back the pages of tags that the tags in use do not need: what is left
 * in them moves together. Answers how many pages. Time: every tag is looked
 * at, for each page that goes.
 */
uint32_t ranges_trim(struct ranges *ranges);

/*
 * From now on the span or large range that was freed last stays cut out, as a
 * used range for nothing, until one of as many pages is asked for, and gets
 * it, or another operation needs the pages. For a home without listeners: they
 * would not hear of it.
 */
void ranges_keep(struct ranges *ranges);

/* The tag that contains PAGE; NULL when PAGE is outside or tags are
 * damaged. O(log n). */
const struct range_tag *ranges_find(const struct ranges *ranges,
                                    uint32_t page);

/* The tag after TAG by address; NULL after the last. */
struct range_tag *ranges_next(const struct ranges *ranges,
                              const struct range_tag *tag);

/* The tag that REF names; NULL for RANGE_NIL and for what is no tag. */
static inline struct range_tag *range_tag_at(const struct ranges *ranges,
                                             range_ref ref)
{
    if (ref < RANGE_FIRST_TAGS)
        return ref == RANGE_NIL ? NULL
                                : (struct range_tag *)&ranges->first[ref];
    if (ref / RANGE_TAGS_PER_PAGE >= ranges->page_count)
        return NULL;
    return (struct range_tag *)(ranges->base +
                                (size_t)ref * sizeof(struct range_tag));
}

static inline range_ref range_ref_of(const struct ranges *ranges,
                                     const struct range_tag *tag)
{
    uintptr_t distance = (uintptr_t)tag - (uintptr_t)ranges->first;

    if (distance < sizeof(ranges->first))
        return (range_ref)(distance / sizeof(struct range_tag));
    return (range_ref)(((uintptr_t)tag - (uintptr_t)ranges->base) /
                       sizeof(struct range_tag));
}

/* The sides of TAG in the tree; RANGE_NIL: none. */
static inline range_ref range_left(const struct range_tag *tag)
{
    return tag->left_height == 0 ? RANGE_NIL : tag->left;
}

static inline range_ref range_right(const struct range_tag *tag)
{
    return tag->right_height == 0 ? RANGE_NIL : tag->right;
}

/* How high the subtree of TAG is: a leaf's is 1. */
static inline uint8_t range_height(const struct range_tag *tag)
{
    return (uint8_t)((tag->left_height > tag->right_height
                          ? tag->left_height : tag->right_height) + 1);
}

/* The free tag that hangs on TAG; NULL: none. */
static inline struct range_tag *range_hanging(const struct ranges *ranges,
                                              const struct range_tag *tag)
{
    return tag->type == RANGE_FREE ? NULL
                                   : range_tag_at(ranges, tag->previous);
}

/* ranges_check.c: R1..R7 of ranges.c; NULL or the first that is broken;
 * *PAGE is then the page concerned. */
const char *ranges_check(const struct ranges *ranges, uint32_t *page);

#endif

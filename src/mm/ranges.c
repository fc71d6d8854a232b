/* SPDX-License-Identifier: MIT */
/*
 * ranges.c - runs of pages ("vmem")
 *
 * Theory of operation
 * -------------------
 * The arena's pages are divided into ranges, used and free, and every range
 * has one tag. Together the tags tile the arena:
 *
 *      page 0                                                     the end
 *     +--------+-----------+-----------------+-----+-----------------+
 *     | span   | free      | stack           |free | large           |
 *     +--------+-----------+-----------------+-----+-----------------+
 *        tag       tag           tag           tag        tag
 *
 * Three structures hold the tags, and each does what it is good at. The AVL
 * tree, by address, finds the tag that contains a page, and a tag's
 * neighbours. The lists by size (classes.h) hold the free tags, and find a
 * run that is long enough. The index (ranges_index.c) holds the used tags, and
 * finds the one that starts at a page without walking down the tree.
 *
 * To allocate, we look at the first few tags of the request's own list, since
 * there the fit is tight; else we take the first of a list on which every tag
 * surely fits. A request that is aligned looks first at runs that are longer
 * to the next multiple of its alignment: where aligned ranges have been, such
 * a run lies as they did. Only when all this finds nothing is everything
 * searched, so that a refusal is never wrong. What is too long on the left or
 * the right is cut off and stays free. To free, we cut what is freed out of
 * its used range, any part of it, and join it with free neighbours.
 *
 * What is cut off behind a used range does not go into the tree. It *hangs*:
 * the used tag names it, and it names the used tag.
 *
 *     in the tree      used     used                 used         free
 *     hanging              `---- free                    `---- free
 *
 * So where ranges come and go the tree stays as it is, nearly always: a range
 * that is freed stays in the tree as a free one, and takes in what hangs on
 * either side; when it is cut, its tag is the used one again, and what is left
 * over hangs. Only a used range that is cut out of a hanging one is new in the
 * tree, and there it goes beside the tag on which that hung: the tree is never
 * searched for a place.
 *
 * Tags themselves need memory. The first lie in the instance; more lie in tag
 * pages that the instance takes from itself. An operation cuts at most two
 * new tags, so when it is done it sees to it that as many are spare for the
 * next one. A free that finds none, and no free page to make some from, keeps
 * the first page of what is being freed for tags: a free never fails for want
 * of memory.
 *
 * Invariants, checked by ranges_check():
 *
 *   R1  Tags tile the arena: each starts where the last one ended.
 *   R2  The tree is in order and its parents are right (T1, T4, T5); every
 *       tag is in it, or is a free one and hangs on the used one before it.
 *   R3  The tree is balanced and its heights are right (T2, T3).
 *   R4  No two free ranges are neighbours.
 *   R5  A free tag is on the list of its size, once; no other tag is on a
 *       list; a list's bit in the map is set when it is not empty.
 *   R6  The counts of pages and tags are those of the tags.
 *   R7  Every used tag is in the index, once (ranges_index.c).
 *
 * A home that nobody watches may have the range that was freed last *kept*: its
 * tag stays as it is, and the next request of as many pages has it at once.
 * Most programs that free a large block soon ask for one as large. Any other
 * request gives it back first, so that no place is missing.
 *
 * What it is bad at: pages of tags go back only when ranges_trim() is called.
 *
 * Source: the idea of one allocator for any resource that comes in ranges is
 * from J. Bonwick, J. Adams, "Magazines and vmem", USENIX 2001.
 * Lesson: docs/lessons/11-ranges.md
 */
#include "ranges_tree.h"

enum {
    RANGE_TRIES = 8,            /* tags of its own list a request looks at */
    RANGE_ALIGNED_TRIES = 2,    /* the same, of an aligned one: few lie so */
    RANGE_GROW_STEPS = 4,       /* buckets that an operation may add */
    OWN_PROTECTION = RANGE_READ | RANGE_WRITE,
};

static void emit(const struct ranges *ranges, enum mm_event_kind kind,
                 uint32_t page, uint32_t pages, enum range_type type)
{
    if (!MM_OBSERVED || ranges->home->event == NULL)
        return;

    struct mm_event event = {
        .kind = kind,
        .at = (uint64_t)page * MM_PAGE,
        .size = (uint64_t)pages * MM_PAGE,
        .other = type,
    };

    mm_emit(ranges->home, &event);
}

/* ---- tags ------------------------------------------------------------- */

static void spare_push(struct ranges *ranges, struct range_tag *tag)
{
    *tag = (struct range_tag){ .next = ranges->spare };
    ranges->spare = range_ref_of(ranges, tag);
    ranges->spare_count++;
}

/* A spare tag; the caller has made sure that there is one. */
static struct range_tag *spare_pop(struct ranges *ranges)
{
    struct range_tag *tag = range_tag_at(ranges, ranges->spare);

    MM_REQUIRE(tag != NULL, "the spare tags of the ranges are damaged");
    ranges->spare = tag->next;
    ranges->spare_count--;
    return tag;
}

static bool tag_is_free(const struct range_tag *tag)
{
    return tag->type == RANGE_FREE;
}

static uint32_t tag_end(const struct range_tag *tag)
{
    return tag->start + tag->pages;
}

/* The tag after TAG by address; NULL: none. */
static struct range_tag *tag_next(const struct ranges *ranges,
                                  const struct range_tag *tag)
{
    struct range_tag *hanging = range_hanging(ranges, tag);

    if (hanging != NULL)
        return hanging;
    if (tag->hangs)
        tag = range_tag_at(ranges, tag->parent);
    return tag == NULL ? NULL : tree_next(ranges, tag);
}

/* The tag before TAG. */
static struct range_tag *tag_previous(const struct ranges *ranges,
                                      const struct range_tag *tag)
{
    if (tag->hangs)
        return range_tag_at(ranges, tag->parent);

    struct range_tag *left = tree_previous(ranges, tag);
    struct range_tag *hanging = left == NULL ? NULL
                                             : range_hanging(ranges, left);

    return hanging != NULL ? hanging : left;
}

/* ---- lists of free tags ----------------------------------------------- */

static void list_insert(struct ranges *ranges, struct range_tag *tag)
{
    unsigned k = class_of(tag->pages);
    range_ref ref = range_ref_of(ranges, tag);
    struct range_tag *first = range_tag_at(ranges, ranges->lists[k]);

    tag->previous = RANGE_NIL;
    tag->next = ranges->lists[k];
    if (first != NULL)
        first->previous = ref;
    ranges->lists[k] = ref;
    class_map_set(ranges->map, k);
    ranges->free_count++;
}

static void list_remove(struct ranges *ranges, struct range_tag *tag)
{
    unsigned k = class_of(tag->pages);
    struct range_tag *next = range_tag_at(ranges, tag->next);
    struct range_tag *previous = range_tag_at(ranges, tag->previous);

    if (next != NULL)
        next->previous = tag->previous;
    if (previous != NULL)
        previous->next = tag->next;
    else
        ranges->lists[k] = tag->next;
    if (ranges->lists[k] == RANGE_NIL)
        class_map_clear(ranges->map, k);
    ranges->free_count--;
}

/*
 * Whether TAG, which RIGHT follows (NULL: none), can be believed before it is
 * changed: a tag lies in memory that a student may have overwritten. Asks
 * those who should know: its neighbours by address and on the list, and the
 * tag that it hangs on.
 */
static bool tag_is_before(const struct ranges *ranges,
                          const struct range_tag *tag,
                          const struct range_tag *right)
{
    if (tag->pages == 0 || tag->start >= ranges->page_count ||
        tag->pages > ranges->page_count - tag->start ||
        tag->type >= RANGE_TYPES ||
        tag_end(tag) != (right == NULL ? ranges->page_count : right->start))
        return false;
    if (!tag_is_free(tag))
        return true;

    range_ref ref = range_ref_of(ranges, tag);
    const struct range_tag *below = range_tag_at(ranges, tag->next);
    const struct range_tag *above = range_tag_at(ranges, tag->previous);
    const struct range_tag *holder = range_tag_at(ranges, tag->parent);

    if (tag->hangs &&
        (holder == NULL || range_hanging(ranges, holder) != tag))
        return false;
    if (tag->next != RANGE_NIL && (below == NULL || below->previous != ref))
        return false;
    return tag->previous == RANGE_NIL
               ? ranges->lists[class_of(tag->pages)] == ref
               : above != NULL && above->next == ref;
}

static bool tag_is_sane(const struct ranges *ranges,
                        const struct range_tag *tag)
{
    return tag_is_before(ranges, tag, tag_next(ranges, tag));
}

/* ---- steps ------------------------------------------------------------ */

/* The free HANGING (NULL: none) hangs on the used TAG from now on. */
static void tag_hang(struct ranges *ranges, struct range_tag *tag,
                     struct range_tag *hanging)
{
    tag->previous = RANGE_NIL;
    if (hanging == NULL)
        return;
    tag->previous = range_ref_of(ranges, hanging);
    hanging->parent = range_ref_of(ranges, tag);
    hanging->hangs = 1;
}

/* The PAGES pages from START on, behind the used TAG, are free, and hang. */
static void tag_hang_new(struct ranges *ranges, struct range_tag *tag,
                         uint32_t start, uint32_t pages)
{
    struct range_tag *hanging = spare_pop(ranges);

    hanging->start = start;
    hanging->pages = pages;
    tag_hang(ranges, tag, hanging);
    list_insert(ranges, hanging);
}

/* Cuts the used TAG in two at page AT, inside it; gives the right part, used,
 * not in the index yet. What hung on TAG hangs on that. */
static struct range_tag *tag_cut(struct ranges *ranges, struct range_tag *tag,
                                 uint32_t at)
{
    struct range_tag *right = spare_pop(ranges);

    right->start = at;
    right->pages = tag_end(tag) - at;
    right->type = tag->type;
    right->protection = tag->protection;
    tag->pages = at - tag->start;
    tag_hang(ranges, right, range_hanging(ranges, tag));
    tag_hang(ranges, tag, NULL);
    tree_insert_after(ranges, tag, right);
    return right;
}

/* Of the neighbours LEFT and RIGHT, free and on no list, one takes in the
 * other; gives it. One that hangs is taken in; else the lower one in the tree
 * (ranges_tree.c says why). */
static struct range_tag *tag_join(struct ranges *ranges,
                                  struct range_tag *left,
                                  struct range_tag *right)
{
    bool right_goes =
        right->hangs ||
        (!left->hangs && range_height(right) < range_height(left));
    struct range_tag *stays = right_goes ? left : right;
    struct range_tag *goes = right_goes ? right : left;
    uint32_t start = left->start, pages = left->pages + right->pages;

    if (!goes->hangs)
        tree_remove(ranges, goes);
    else if (goes == left)
        tag_hang(ranges, tag_previous(ranges, left), NULL);
    stays->start = start;
    stays->pages = pages;
    spare_push(ranges, goes);
    return stays;
}

/*
 * Step: the pages [PAGE, PAGE + PAGES), which lie in the free TAG, are used;
 * gives their tag, which is TAG, but where there is nothing that the part on
 * the left could hang on.
 *
 *     TAG  |------------ free -------------|
 *          |-- free --|-- used --|- free --|
 */
static struct range_tag *range_map(struct ranges *ranges,
                                   struct range_tag *tag, uint32_t page,
                                   uint32_t pages, enum range_type type,
                                   unsigned protection)
{
    uint32_t start = tag->start, end = tag_end(tag);
    struct range_tag *left = start < page || tag->hangs
                                 ? tag_previous(ranges, tag) : NULL;

    list_remove(ranges, tag);
    if (tag->hangs) {
        tag_hang(ranges, left, NULL);
        tag->hangs = 0;
        tree_insert_after(ranges, left, tag);
    }
    if (start < page && left != NULL) {
        tag_hang_new(ranges, left, start, page - start);
    } else if (start < page) {
        tag->pages = page - start;
        list_insert(ranges, tag);
        left = tag;
        tag = spare_pop(ranges);
        tree_insert_after(ranges, left, tag);
    }
    tag->start = page;
    tag->pages = pages;
    tag->type = (uint8_t)type;
    tag->protection = (uint8_t)protection;
    tag->index = 0;
    tag_hang(ranges, tag, NULL);
    index_insert(ranges, tag);
    if (page + pages < end)
        tag_hang_new(ranges, tag, page + pages, end - page - pages);
    ranges->used_pages += pages;
    ranges->used_count++;
    emit(ranges, MM_EVENT_MAP, page, pages, type);
    return tag;
}

/*
 * Step: the pages [PAGE, PAGE + PAGES) of the used TAG, whose neighbours are
 * LEFT and RIGHT (NULL: none), are free.
 *
 *     LEFT |------------ TAG, used --------| RIGHT
 *          |-- used --|-- free --|- used --|
 */
static void range_unmap(struct ranges *ranges, struct range_tag *left,
                        struct range_tag *tag, struct range_tag *right,
                        uint32_t page, uint32_t pages)
{
    if (tag->start < page) {
        left = tag;
        tag = tag_cut(ranges, tag, page);
        ranges->used_count++;
    } else {
        index_remove(ranges, tag);
    }
    if (tag->pages > pages) {
        right = tag_cut(ranges, tag, page + pages);
        index_insert(ranges, right);
        ranges->used_count++;
    }
    tag->type = RANGE_FREE;
    tag->protection = 0;
    ranges->used_count--;
    ranges->used_pages -= pages;
    if (right != NULL && tag_is_free(right)) {
        list_remove(ranges, right);
        tag = tag_join(ranges, tag, right);
    }
    if (left != NULL && tag_is_free(left)) {
        list_remove(ranges, left);
        tag = tag_join(ranges, left, tag);
    }
    list_insert(ranges, tag);
    emit(ranges, MM_EVENT_UNMAP, page, pages, RANGE_FREE);
}

/*
 * Step: the used TAG takes in the first MORE pages of RIGHT, its free right
 * neighbour, which has more than that.
 *
 *     |---- TAG, used ----|--------- RIGHT, free --------|
 *     |------------ TAG, used -----------|- RIGHT, free -|
 */
static void range_extend(struct ranges *ranges, struct range_tag *tag,
                         struct range_tag *right, uint32_t more)
{
    uint32_t end = tag_end(tag);

    list_remove(ranges, right);
    right->start += more;
    right->pages -= more;
    list_insert(ranges, right);
    tag->pages += more;
    ranges->used_pages += more;
    emit(ranges, MM_EVENT_MAP, end, more, tag->type);
}

/* ---- finding a free range --------------------------------------------- */

/* Where in TAG a run of REQUEST can start, in *PAGE; false: it cannot. */
static bool tag_fits(const struct range_tag *tag,
                     const struct range_request *request, uint32_t *page)
{
    uint64_t align = request->align_pages > 1 ? request->align_pages : 1;
    uint64_t start = mm_round_up(tag->start, align);

    if (!tag_is_free(tag) || start + request->pages > tag_end(tag))
        return false;
    *page = (uint32_t)start;
    return true;
}

/* The first tag of list K that fits, of at most TRIES. */
static struct range_tag *list_find(const struct ranges *ranges, unsigned k,
                                   uint32_t tries,
                                   const struct range_request *request,
                                   uint32_t *page)
{
    struct range_tag *tag = range_tag_at(ranges, ranges->lists[k]);

    for (; tag != NULL && tries > 0; tries--) {
        if (tag_fits(tag, request, page))
            return tag;
        tag = range_tag_at(ranges, tag->next);
    }
    return NULL;
}

/* A free tag for REQUEST and the first page in it, or NULL. */
static struct range_tag *range_find(const struct ranges *ranges,
                                    const struct range_request *request,
                                    uint32_t *page)
{
    unsigned own = class_of(request->pages);
    uint32_t tries = RANGE_TRIES;
    uint64_t sure = request->pages;
    struct range_tag *tag = NULL;

    /* Aligned, a run that is longer by the alignment surely fits; and one
     * that is as long as whole alignments does if it lies on one. */
    if (request->align_pages > 1) {
        uint64_t whole = mm_round_up(sure, request->align_pages);

        tries = RANGE_ALIGNED_TRIES;
        sure += request->align_pages - 1;
        if (whole <= ranges->page_count)
            tag = list_find(ranges, class_of((uint32_t)whole), tries, request,
                            page);
    }
    if (tag == NULL)
        tag = list_find(ranges, own, tries, request, page);
    if (tag != NULL)
        return tag;
    if (sure <= ranges->page_count) {
        unsigned k = class_map_find(ranges->map, RANGE_MAP_WORDS,
                                    class_that_fits((uint32_t)sure));

        if (k != CLASS_NONE)
            tag = list_find(ranges, k, 1, request, page);
        if (tag != NULL)
            return tag;
    }

    /* Before we refuse: every free range that is long enough. */
    for (unsigned k = own;; k++) {
        k = class_map_find(ranges->map, RANGE_MAP_WORDS, k);
        if (k == CLASS_NONE)
            return NULL;
        tag = list_find(ranges, k, ranges->free_count, request, page);
        if (tag != NULL)
            return tag;
    }
}

/* ---- own pages: tags, and the index ----------------------------------- */

/* Threads the tags of the held page PAGE on the spare ones, lowest first. */
static void tags_add(struct ranges *ranges, uint32_t page)
{
    for (uint32_t i = RANGE_TAGS_PER_PAGE; i-- > 0;) {
        range_ref ref = page * RANGE_TAGS_PER_PAGE + i;

        if (ref >= RANGE_FIRST_TAGS)    /* those names are taken */
            spare_push(ranges, range_tag_at(ranges, ref));
    }
    ranges->tag_pages++;
}

/*
 * Makes a free page a page of tags; or one of the INDEX, and then there are
 * tags enough. It is the last page of one of the longest free ranges: there it
 * is in nobody's way, and the next one will lie beside it.
 */
static enum mm_fault own_page_fetch(struct ranges *ranges, bool index)
{
    unsigned k = class_map_last(ranges->map, RANGE_MAP_WORDS);

    if (k == CLASS_NONE)
        return MM_NO_RANGE;

    struct range_tag *tag = range_tag_at(ranges, ranges->lists[k]);

    if (tag == NULL || !tag_is_free(tag) || !tag_is_sane(ranges, tag))
        return MM_BAD_TAG;

    uint32_t page = tag_end(tag) - 1;

    if (!ranges->home->hold(ranges->home->context, page, 1))
        return MM_NO_FRAMES;
    if (!index)
        tags_add(ranges, page);
    ranges->tag_pages += index;
    tag = range_map(ranges, tag, page, 1, RANGE_TAGS, OWN_PROTECTION);
    tag->index = index;
    if (index)
        index_add_page(ranges, page);
    return MM_OK;
}

/* Adds a bucket to the index; false: there is no page for it. */
static bool index_extend(struct ranges *ranges)
{
    for (uint32_t left = index_pages_needed(ranges); left > 0; left--)
        if (ranges->spare_count < RANGE_SPARE_TAGS ||
            own_page_fetch(ranges, true) != MM_OK)
            return false;
    index_grow(ranges);
    return true;
}

/* After an operation: tags for the next ones, and buckets, if that is possible
 * now. Before it would be too early: a request that is refused must not take a
 * page. */
static void own_pages_refill(struct ranges *ranges)
{
    if (ranges->spare_count < RANGE_SPARE_TAGS)
        own_page_fetch(ranges, false);
    for (int i = 0; i < RANGE_GROW_STEPS && index_is_small(ranges); i++)
        if (!index_extend(ranges))
            return;
}

/* ---- freeing ---------------------------------------------------------- */

/* How many new tags it takes to cut [PAGE, PAGE + PAGES) out of TAG. */
static uint32_t cuts_needed(const struct range_tag *tag, uint32_t page,
                            uint32_t pages)
{
    return (tag->start < page) + (page + pages < tag_end(tag));
}

/* The tag that contains PAGE, which most often is its first. */
static struct range_tag *tag_find(const struct ranges *ranges, uint32_t page)
{
    struct range_tag *tag = index_find(ranges, page);

    return tag != NULL ? tag : tree_find(ranges, page);
}

/* Whether TAG, between LEFT and RIGHT, and what it may be joined with can be
 * believed. */
static bool tag_can_go(const struct ranges *ranges,
                       const struct range_tag *left,
                       const struct range_tag *tag,
                       const struct range_tag *right)
{
    return tag->type < RANGE_TYPES &&
           tag->start == (left == NULL ? 0 : tag_end(left)) &&
           tag_end(tag) == (right == NULL ? ranges->page_count
                                          : right->start) &&
           (left == NULL || !tag_is_free(left) ||
            tag_is_before(ranges, left, tag)) &&
           (right == NULL || !tag_is_free(right) || tag_is_sane(ranges, right));
}

/* Frees the PAGES pages from PAGE on, which the used TAG contains. */
static enum mm_fault range_free(struct ranges *ranges, struct range_tag *tag,
                                uint32_t page, uint32_t pages)
{
    struct range_tag *left = tag_previous(ranges, tag);
    struct range_tag *right = tag_next(ranges, tag);
    bool keep_page = false;

    if (!tag_can_go(ranges, left, tag, right))
        return MM_BAD_TAG;
    if (tag_is_free(tag) || tag->type == RANGE_TAGS ||
        tag_end(tag) - page < pages)
        return MM_NOT_OWNED;
    if (ranges->spare_count < cuts_needed(tag, page, pages)) {
        /* A page of tags, if need be the first of those that we free. */
        keep_page = own_page_fetch(ranges, false) != MM_OK;
        if (keep_page &&
            !ranges->home->hold(ranges->home->context, page, 1))
            return MM_NO_FRAMES;
        if (keep_page)
            tags_add(ranges, page);
        left = tag_previous(ranges, tag);
        right = tag_next(ranges, tag);
    }
    range_unmap(ranges, left, tag, right, page, pages);
    if (keep_page)
        range_map(ranges, tree_find(ranges, page), page, 1, RANGE_TAGS,
                  OWN_PROTECTION);
    own_pages_refill(ranges);
    return MM_OK;
}

/* ---- the range that is kept ------------------------------------------- */

static struct range_tag *kept_tag(const struct ranges *ranges)
{
    return ranges->kept == RANGE_NONE_KEPT
               ? NULL : range_tag_at(ranges, ranges->kept);
}

void ranges_keep(struct ranges *ranges)
{
    ranges->kept = RANGE_NONE_KEPT;
}

/* Whether the range of TAG, all of which is freed, may be kept. */
static bool kept_may_be(const struct ranges *ranges,
                        const struct range_tag *tag)
{
    return ranges->kept != RANGE_NIL &&
           (tag->type == RANGE_SPAN || tag->type == RANGE_LARGE);
}

/* Whether the range of TAG, which is kept, is what REQUEST asks for. */
static bool kept_fits(const struct range_tag *tag,
                      const struct range_request *request)
{
    return tag->pages == request->pages &&
           (request->at == RANGE_ANYWHERE
                ? (tag->start & (request->align_pages - 1)) == 0
                : tag->start == request->at);
}

/* Frees the range that is kept, if there is one, in earnest. */
static enum mm_fault kept_give(struct ranges *ranges)
{
    struct range_tag *tag = kept_tag(ranges);

    if (tag == NULL)
        return MM_OK;

    enum mm_fault fault = range_free(ranges, tag, tag->start, tag->pages);

    if (fault == MM_OK)
        ranges->kept = RANGE_NONE_KEPT;
    return fault;
}

/* The range that is kept, for REQUEST; NULL where it is not what is asked for,
 * and then it has been given back. */
static struct range_tag *kept_find(struct ranges *ranges,
                                   const struct range_request *request)
{
    struct range_tag *tag = kept_tag(ranges);

    if (tag == NULL || kept_fits(tag, request))
        return tag;
    kept_give(ranges);
    return NULL;
}

/* ---- the operations --------------------------------------------------- */

void ranges_init(struct ranges *ranges, const struct mm_home *home,
                 void *base, uint32_t pages)
{
    MM_REQUIRE(pages > 0 && (uint64_t)pages * RANGE_TAGS_PER_PAGE <= UINT32_MAX,
               "an arena of ranges has between one page and 128 GiB");
    *ranges = (struct ranges){
        .home = home,
        .base = base,
        .page_count = pages,
        .bucket_count = RANGE_FIRST_BUCKETS,
        .directory = RANGE_ANYWHERE,
    };
    for (range_ref ref = RANGE_FIRST_TAGS - 1; ref > RANGE_NIL; ref--)
        spare_push(ranges, range_tag_at(ranges, ref));

    struct range_tag *tag = spare_pop(ranges);

    tag->pages = pages;
    tag->next = tag->previous = RANGE_NIL;
    tree_insert_after(ranges, NULL, tag);
    list_insert(ranges, tag);
}

/* Where REQUEST goes: *TAG is a free tag for it and *PAGE the first page in
 * it. Changes nothing. */
static enum mm_fault request_place(const struct ranges *ranges,
                                   const struct range_request *request,
                                   struct range_tag **tag, uint32_t *page)
{
    if (request->at == RANGE_ANYWHERE) {
        *tag = range_find(ranges, request, page);
        if (*tag == NULL)
            return MM_NO_RANGE;

        const struct range_tag *left = tag_previous(ranges, *tag);

        if ((left == NULL ? 0 : tag_end(left)) != (*tag)->start)
            return MM_BAD_TAG;          /* lists and tree disagree */
    } else {
        if (request->at >= ranges->page_count ||
            request->pages > ranges->page_count - request->at)
            return MM_OUTSIDE;
        *tag = tree_find(ranges, request->at);
        if (*tag == NULL)
            return MM_BAD_TAG;
        *page = request->at;
        if (!tag_is_free(*tag) || tag_end(*tag) - *page < request->pages)
            return MM_NOT_OWNED;
    }
    return tag_is_sane(ranges, *tag) ? MM_OK : MM_BAD_TAG;
}

/* Checks REQUEST, finds its place, and sees to it that there are tags enough
 * to cut it out. Changes no range, but for a page of tags. */
static enum mm_fault request_prepare(struct ranges *ranges,
                                     const struct range_request *request,
                                     struct range_tag **tag, uint32_t *page)
{
    MM_REQUIRE(request->pages > 0 && request->type != RANGE_FREE,
               "a range has at least one page, and a type that is not free");
    if (request->align_pages > 1 &&
        !mm_is_power_of_two(request->align_pages))
        return MM_BAD_ALIGNMENT;
    if (request->pages > ranges->page_count)
        return MM_NO_RANGE;

    enum mm_fault fault = request_place(ranges, request, tag, page);

    if (fault != MM_OK ||
        ranges->spare_count >= cuts_needed(*tag, *page, request->pages))
        return fault;
    fault = own_page_fetch(ranges, false);  /* maybe from that very place */
    return fault != MM_OK ? fault : request_place(ranges, request, tag, page);
}

enum mm_fault ranges_probe(struct ranges *ranges,
                           const struct range_request *request,
                           uint32_t *page)
{
    struct range_tag *tag = kept_find(ranges, request);

    if (tag == NULL)
        return request_prepare(ranges, request, &tag, page);
    *page = tag->start;
    return MM_OK;
}

enum mm_fault ranges_alloc(struct ranges *ranges,
                           const struct range_request *request,
                           uint32_t *page)
{
    struct range_tag *tag = kept_find(ranges, request);
    bool kept = tag != NULL;
    enum mm_fault fault = MM_OK;

    if (kept)
        *page = tag->start;
    else
        fault = request_prepare(ranges, request, &tag, page);
    if (fault != MM_OK)
        return fault;
    if (request->held > 0 &&
        !ranges->home->hold(ranges->home->context, *page, request->held))
        return MM_NO_FRAMES;
    if (kept) {
        tag->type = (uint8_t)request->type;
        tag->protection = (uint8_t)request->protection;
        ranges->kept = RANGE_NONE_KEPT;
        return MM_OK;
    }
    range_map(ranges, tag, *page, request->pages, request->type,
              request->protection);
    own_pages_refill(ranges);
    return MM_OK;
}

enum mm_fault ranges_free(struct ranges *ranges, uint32_t page,
                          uint32_t pages)
{
    if (page >= ranges->page_count || pages == 0 ||
        pages > ranges->page_count - page)
        return MM_OUTSIDE;

    struct range_tag *tag = tag_find(ranges, page);

    if (tag == NULL)
        return MM_BAD_TAG;
    if (tag->start != page || tag->pages != pages ||
        !kept_may_be(ranges, tag) || kept_give(ranges) != MM_OK)
        return range_free(ranges, tag, page, pages);
    tag->type = RANGE_OTHER;
    ranges->kept = range_ref_of(ranges, tag);
    return MM_OK;
}

enum mm_fault ranges_extend(struct ranges *ranges, uint32_t page,
                            uint32_t more)
{
    if (page >= ranges->page_count)
        return MM_OUTSIDE;
    kept_give(ranges);

    struct range_tag *tag = tag_find(ranges, page);

    if (tag == NULL)
        return MM_BAD_TAG;

    struct range_tag *right = tag_next(ranges, tag);

    if (!tag_can_go(ranges, tag_previous(ranges, tag), tag, right))
        return MM_BAD_TAG;
    if (tag_is_free(tag) || tag->type == RANGE_TAGS || tag->start != page)
        return MM_NOT_OWNED;
    if (right == NULL || !tag_is_free(right) || right->pages <= more)
        return MM_NO_RANGE;
    if (!ranges->home->hold(ranges->home->context, tag_end(tag), more))
        return MM_NO_FRAMES;
    range_extend(ranges, tag, right, more);
    return MM_OK;
}

/* ---- giving own pages back -------------------------------------------- */

static bool tag_is_on_page(range_ref ref, uint32_t page)
{
    return ref >= RANGE_FIRST_TAGS && ref / RANGE_TAGS_PER_PAGE == page;
}

/* Whether the list of spare tags is as long as its count, and SPARE of them
 * lie on PAGE. */
static bool spares_are_sane(const struct ranges *ranges, uint32_t page,
                            uint32_t spare)
{
    range_ref ref = ranges->spare;

    for (uint32_t left = ranges->spare_count; left > 0; left--) {
        const struct range_tag *tag = range_tag_at(ranges, ref);

        if (tag == NULL || tag->pages != 0)
            return false;
        spare -= tag_is_on_page(ref, page);
        ref = tag->next;
    }
    return ref == RANGE_NIL && spare == 0;
}

/* Takes the spare tags on PAGE off their list, a sane one. */
static void spares_leave(struct ranges *ranges, uint32_t page)
{
    range_ref *link = &ranges->spare;

    while (*link != RANGE_NIL) {
        struct range_tag *tag = range_tag_at(ranges, *link);

        if (tag_is_on_page(*link, page)) {
            *link = tag->next;
            ranges->spare_count--;
        } else {
            link = &tag->next;
        }
    }
}

/* TAG moves to a spare one: everything that pointed at it is told. */
static void tag_move(struct ranges *ranges, struct range_tag *tag)
{
    struct range_tag *to = spare_pop(ranges);

    if (tag->hangs) {
        *to = *tag;
        tag_hang(ranges, tag_previous(ranges, tag), to);
    } else {
        tree_replace(ranges, tag, to);
    }
    if (tag_is_free(tag)) {
        list_remove(ranges, tag);
        list_insert(ranges, to);
        return;
    }
    tag_hang(ranges, to, range_hanging(ranges, tag));
    index_remove(ranges, tag);
    index_insert(ranges, to);
}

/* Frees the instance's own page PAGE, on which nothing is any more. */
static bool own_page_give(struct ranges *ranges, uint32_t page)
{
    struct range_tag *own = tree_find(ranges, page);

    ranges->tag_pages--;
    if (own == NULL || own->type != RANGE_TAGS || own->pages != 1)
        return false;                   /* damaged: the page is left alone */

    struct range_tag *left = tag_previous(ranges, own);
    struct range_tag *right = tag_next(ranges, own);

    if (!tag_can_go(ranges, left, own, right))
        return false;
    ranges->home->release(ranges->home->context, page, 1);
    emit(ranges, MM_EVENT_TRIM, page, 1, RANGE_TAGS);
    range_unmap(ranges, left, own, right, page, 1);
    return true;
}

/* Empties and frees the page of tags PAGE, if spare tags elsewhere can take
 * what is on it. */
static bool tags_give(struct ranges *ranges, uint32_t page)
{
    uint32_t first = page * RANGE_TAGS_PER_PAGE;
    uint32_t used = 0, spare = 0;

    for (range_ref ref = first; ref < first + RANGE_TAGS_PER_PAGE; ref++) {
        if (ref < RANGE_FIRST_TAGS)
            continue;

        const struct range_tag *tag = range_tag_at(ranges, ref);

        if (tag->pages > 0 && !tag_is_sane(ranges, tag))
            return false;
        used += tag->pages > 0;
        spare += tag->pages == 0;
    }
    if (ranges->spare_count < spare + used + RANGE_SPARE_TAGS ||
        !spares_are_sane(ranges, page, spare))
        return false;

    spares_leave(ranges, page);
    for (range_ref ref = first; ref < first + RANGE_TAGS_PER_PAGE; ref++)
        if (ref >= RANGE_FIRST_TAGS && range_tag_at(ranges, ref)->pages > 0)
            tag_move(ranges, range_tag_at(ranges, ref));
    return own_page_give(ranges, page);
}

/* Makes the index as small as the used ranges allow. How many pages went. */
static uint32_t index_trim(struct ranges *ranges)
{
    uint32_t given = 0;

    while (ranges->bucket_count > RANGE_FIRST_BUCKETS &&
           (ranges->bucket_count - 1) / 2 >= ranges->used_count) {
        uint32_t page = index_page_of(ranges, ranges->bucket_count - 1);

        index_shrink(ranges);
        if (index_pages_needed(ranges) > 0 && page != RANGE_ANYWHERE)
            given += own_page_give(ranges, page);
    }
    if (ranges->bucket_count == RANGE_FIRST_BUCKETS &&
        ranges->directory != RANGE_ANYWHERE) {
        given += own_page_give(ranges, ranges->directory);
        ranges->directory = RANGE_ANYWHERE;
    }
    return given;
}

uint32_t ranges_trim(struct ranges *ranges)
{
    if (kept_give(ranges) != MM_OK)
        return 0;

    uint32_t page = 0, given = index_trim(ranges);

    while (page < ranges->page_count && ranges->tag_pages > 0) {
        const struct range_tag *tag = tree_find(ranges, page);

        if (tag == NULL || !tag_is_sane(ranges, tag))
            break;

        uint32_t start = tag->start;

        page = tag_end(tag);
        if (tag->type == RANGE_TAGS && !tag->index && tags_give(ranges, start))
            given++;
    }
    return given + index_trim(ranges);  /* it had tag pages in it, too */
}

const struct range_tag *ranges_find(const struct ranges *ranges,
                                    uint32_t page)
{
    return page < ranges->page_count ? tree_find(ranges, page) : NULL;
}

struct range_tag *ranges_next(const struct ranges *ranges,
                              const struct range_tag *tag)
{
    return tag_next(ranges, tag);
}

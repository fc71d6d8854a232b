/* SPDX-License-Identifier: MIT */
/*
 * test_ranges_damage.c - ranges at their edges, and ranges that were damaged
 *
 * Where a run is taken; tags that run out at the worst moment, a page of tags
 * at page 0, where some of its names are taken; then tags that somebody has
 * written over, in the tree, on a list and among the spare ones: each operation
 * must notice before it changes anything, and each must end.
 *
 * sources: src/mm/ranges.c src/mm/ranges_tree.c src/mm/ranges_check.c
 * sources: src/mm/ranges_index.c src/mm/names.c
 */
#include "panic.h"

#include "mm/ranges_tree.h"

#include <unistd.h>

enum { PAGES = 160, TAGS_PER_PAGE = 128 };

/* The arena comes before the instance, so that tags in it do, too. */
static struct ground {
    _Alignas(MM_PAGE) unsigned char arena[PAGES * MM_PAGE];
    struct ranges ranges;
    struct mm_home home;
    int64_t frames_left;
    unsigned held;
} *g;

static bool ground_hold(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    assert_true(page < PAGES && count <= PAGES - page);
    if (g->frames_left < count)
        return false;
    g->frames_left -= count;
    g->held += count;
    return true;
}

static void ground_release(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    assert_true(page < PAGES && count == 1);
    g->frames_left++;
    g->held--;
}

static void open_ground(void)
{
    free(g);
    g = aligned_alloc(MM_PAGE, (sizeof *g + MM_PAGE - 1) / MM_PAGE * MM_PAGE);
    assert_non_null(g);
    memset(g, 0xa5, sizeof *g);
    g->home = (struct mm_home){
        .hold = ground_hold, .release = ground_release,
    };
    g->frames_left = 1000;
    g->held = 0;
    ranges_init(&g->ranges, &g->home, g->arena, PAGES);
}

static int close_ground(void **state)
{
    (void)state;
    free(g);
    g = NULL;
    return 0;
}

static enum mm_fault get(uint32_t at, uint32_t pages)
{
    struct range_request request = {
        .pages = pages, .at = at, .type = RANGE_OTHER,
    };
    uint32_t page;

    return ranges_alloc(&g->ranges, &request, &page);
}

static enum mm_fault put(uint32_t at, uint32_t pages)
{
    return ranges_free(&g->ranges, at, pages);
}

static struct range_tag *tag_of(uint32_t page)
{
    return (struct range_tag *)ranges_find(&g->ranges, page);
}

static void check_fine(void)
{
    uint32_t page;
    const char *broken = ranges_check(&g->ranges, &page);

    if (broken != NULL)
        fail_msg("%s, page %u", broken, page);
}

static void check_says(const char *what)
{
    uint32_t page;
    const char *broken = ranges_check(&g->ranges, &page);

    if (broken == NULL || strncmp(broken, what, 2) != 0)
        fail_msg("%s expected, the checker says %s", what,
                 broken == NULL ? "nothing" : broken);
}

/* FAULT is the answer, and not a byte has changed. */
#define refused_unchanged(call, fault)                                     \
    do {                                                                   \
        struct ground *before_ = exact_copy(g, sizeof *g);                 \
                                                                           \
        assert_int_equal(call, fault);                                     \
        assert_memory_equal(before_, g, sizeof *g);                        \
        free(before_);                                                     \
    } while (0)

/* ---- requests that cannot be --------------- */

static uint32_t init_pages;
static struct range_request bad_request;

static void init_it(void)
{
    static struct ranges ranges;

    ranges_init(&ranges, &g->home, g->arena, init_pages);
}

static void request_it(void)
{
    uint32_t page;

    ranges_alloc(&g->ranges, &bad_request, &page);
}

static void impossible_requests_are_the_callers_mistake(void **state)
{
    (void)state;
    open_ground();
    init_pages = 0;
    assert_non_null(strstr(panic_of(init_it), "between one page and"));
    init_pages = 128u * 1024 / 4 * 1024;        /* 128 GiB: one too many */
    assert_non_null(strstr(panic_of(init_it), "between one page and"));
    init_pages--;
    assert_string_equal(panic_of(init_it), "");

    bad_request = (struct range_request){ .type = RANGE_OTHER };
    assert_non_null(strstr(panic_of(request_it), "at least one page"));
    bad_request = (struct range_request){ .pages = 1, .type = RANGE_FREE };
    assert_non_null(strstr(panic_of(request_it), "at least one page"));
    check_fine();
}

/*
 * Free are, with pages in use between:
 *
 *     [1, 10)     of 9 pages, without room for 8 at a multiple of 8
 *     [15, 24)    of 9 pages, with just that room at 16
 *     [33, 49)    of 16 pages, where 8 at a multiple of 8 surely fit
 *
 * The long one is taken, though the second would do: nobody has looked at it.
 * For a plain request the first of the short ones is.
 */
static void an_aligned_run_is_taken_where_it_surely_fits(void **state)
{
    struct range_request request = {
        .pages = 8, .align_pages = 8, .at = RANGE_ANYWHERE,
        .type = RANGE_OTHER,
    };
    uint32_t page;

    (void)state;
    open_ground();
    assert_int_equal(get(0, PAGES), MM_OK);
    assert_int_equal(put(15, 9), MM_OK);
    assert_int_equal(put(1, 9), MM_OK);         /* the first of its list */
    assert_int_equal(put(33, 16), MM_OK);
    assert_int_equal(ranges_probe(&g->ranges, &request, &page), MM_OK);
    assert_int_equal(page, 40);
    assert_int_equal(get(33, 16), MM_OK);       /* without it: the other */
    assert_int_equal(ranges_probe(&g->ranges, &request, &page), MM_OK);
    assert_int_equal(page, 16);
    request.align_pages = 0;
    assert_int_equal(ranges_probe(&g->ranges, &request, &page), MM_OK);
    assert_int_equal(page, 1);
    check_fine();
}

/* ---- tags that run out --------------- */

/* Cuts until fewer than TAGS are spare; frames have run out, so that none are
 * added. Every second page is used, from FIRST on; answers the page behind the
 * last of them. */
static uint32_t use_up_tags(uint32_t first, uint32_t tags)
{
    g->frames_left = 0;
    for (; g->ranges.spare_count >= tags; first += 2)
        assert_int_equal(get(first, 1), MM_OK);
    assert_int_equal(g->ranges.tag_pages, 0);
    return first;
}

static void a_request_that_needs_tags_fetches_them(void **state)
{
    uint32_t next, tag_pages = 0;

    (void)state;
    open_ground();
    next = use_up_tags(1, 2);
    refused_unchanged(get(next + 3, 1), MM_NO_FRAMES);
    g->frames_left = 10;
    assert_int_equal(get(next + 3, 1), MM_OK);
    assert_int_equal(g->ranges.tag_pages, 1);
    assert_int_equal(tag_of(next + 3)->pages, 1);
    for (uint32_t page = 0; page < PAGES; page++)
        tag_pages += tag_of(page)->type == RANGE_TAGS;
    assert_int_equal(tag_pages, 1);
    check_fine();
}

static void a_free_that_needs_tags_fetches_them(void **state)
{
    (void)state;
    open_ground();
    assert_int_equal(get(100, 9), MM_OK);
    use_up_tags(1, 2);
    g->frames_left = 10;
    assert_int_equal(put(103, 3), MM_OK);
    assert_int_equal(g->ranges.tag_pages, 1);
    assert_int_equal(tag_of(102)->pages, 3);
    assert_int_equal(tag_of(103)->type, RANGE_FREE);
    assert_int_equal(tag_of(103)->pages, 3);
    assert_int_equal(tag_of(106)->pages, 3);
    check_fine();
}

/* The page to keep for tags has no frame either: nothing has changed. */
static void a_free_without_tags_and_frames_is_refused(void **state)
{
    (void)state;
    open_ground();
    assert_int_equal(get(100, 9), MM_OK);
    use_up_tags(1, 2);
    refused_unchanged(put(103, 3), MM_NO_FRAMES);
    assert_int_equal(put(100, 9), MM_OK);       /* without a cut */
    check_fine();
}

/* ---- a page of tags at page 0 --------------- */

/* Page 0 holds tags: every free range is a single page, tags have run out,
 * and page 0 is the one that was freed last. Answers the first page of the
 * used rest. */
static uint32_t open_tags_at_0(void)
{
    uint32_t page = 3;

    open_ground();
    assert_int_equal(get(0, 1), MM_OK);
    assert_int_equal(get(1, PAGES - 1), MM_OK);
    g->frames_left = 0;
    for (; g->ranges.spare_count >= RANGE_SPARE_TAGS; page += 3)
        assert_int_equal(put(page, 1), MM_OK);
    assert_int_equal(g->ranges.tag_pages, 0);
    g->frames_left = 1000;
    assert_int_equal(put(0, 1), MM_OK);
    assert_int_equal(tag_of(0)->type, RANGE_TAGS);
    assert_int_equal(g->held, 1);
    check_fine();
    return page;
}

/* What would be page 0's first names are those of the tags in the instance. */
static void page_0_may_hold_tags(void **state)
{
    uint32_t page = open_tags_at_0();

    (void)state;
    for (; page + 1 < PAGES; page += 3)         /* on to tags that lie there */
        assert_int_equal(put(page, 1), MM_OK);
    assert_int_equal(g->ranges.tag_pages, 1);
    check_fine();

    uint32_t in_arena = 0;

    for (uint32_t i = 0; i < PAGES; i += tag_of(i)->pages) {
        range_ref ref = range_ref_of(&g->ranges, tag_of(i));

        assert_true(ref > 0 && ref < TAGS_PER_PAGE);
        assert_ptr_equal(range_tag_at(&g->ranges, ref), tag_of(i));
        in_arena += ref >= RANGE_FIRST_TAGS;
    }
    assert_true(in_arena > 10);
    assert_int_equal(ranges_trim(&g->ranges), 0);       /* in use */
    check_fine();
    for (page = 1; page < PAGES; page++)
        if (tag_of(page)->type == RANGE_OTHER)
            assert_int_equal(put(page, 1), MM_OK);
    check_fine();
    assert_int_equal(ranges_trim(&g->ranges), 1);
    assert_int_equal(g->held, 0);
    assert_int_equal(tag_of(0)->pages, PAGES);
    assert_int_equal(g->ranges.spare_count, RANGE_FIRST_TAGS - 2);
    check_fine();
}

/* ---- damage in the tree --------------- */

/* Used [10, 20), [30, 40), ... [130, 140), free between. */
static void open_stripes(void)
{
    open_ground();
    for (uint32_t at = 10; at < 140; at += 20)
        assert_int_equal(get(at, 10), MM_OK);
    check_fine();
}

/* What begins at the root, that is: whoever frees a whole range does not. */
static void without_a_root_no_page_is_found(void **state)
{
    (void)state;
    open_stripes();
    g->ranges.root = RANGE_NIL;
    assert_null(ranges_find(&g->ranges, 15));
    refused_unchanged(put(11, 2), MM_BAD_TAG);
    refused_unchanged(get(22, 1), MM_BAD_TAG);
    refused_unchanged((int)ranges_trim(&g->ranges), 0);
    check_says("R2");
}

/* Used: [10, 20), [30, 40) and what tags take at the end. */
static void open_two(void)
{
    open_ground();
    assert_int_equal(get(10, 10), MM_OK);
    assert_int_equal(get(30, 10), MM_OK);
}

static void a_range_takes_in_free_pages_behind_it(void **state)
{
    (void)state;
    open_two();
    refused_unchanged(ranges_extend(&g->ranges, 10, 10), MM_NO_RANGE);
    refused_unchanged(ranges_extend(&g->ranges, 11, 1), MM_NOT_OWNED);
    refused_unchanged(ranges_extend(&g->ranges, 20, 1), MM_NOT_OWNED);
    refused_unchanged(ranges_extend(&g->ranges, PAGES, 1), MM_OUTSIDE);
    g->frames_left = 8;
    refused_unchanged(ranges_extend(&g->ranges, 10, 9), MM_NO_FRAMES);
    g->frames_left = 9;
    assert_int_equal(ranges_extend(&g->ranges, 10, 9), MM_OK);
    assert_int_equal(g->frames_left, 0);
    assert_int_equal(tag_of(28)->start, 10);
    assert_int_equal(tag_of(29)->pages, 1);
    assert_int_equal(g->ranges.used_pages, 29);
    check_fine();
    g->frames_left = 1000;
    refused_unchanged(ranges_extend(&g->ranges, 10, 1), MM_NO_RANGE);
    assert_int_equal(get(29, 1), MM_OK);    /* now a used one is behind it */
    refused_unchanged(ranges_extend(&g->ranges, 10, 1), MM_NO_RANGE);
    assert_int_equal(ranges_extend(&g->ranges, 30, 7), MM_OK);
    check_fine();
    assert_int_equal(put(10, 19), MM_OK);
    assert_int_equal(put(30, 17), MM_OK);
    check_fine();
    assert_int_equal(get(PAGES - 10, 10), MM_OK);
    refused_unchanged(ranges_extend(&g->ranges, PAGES - 10, 1), MM_NO_RANGE);
    tag_of(PAGES - 10)->type = RANGE_TAGS;
    refused_unchanged(ranges_extend(&g->ranges, PAGES - 10, 1), MM_NOT_OWNED);
}

static void nor_does_it_among_tags_that_lie(void **state)
{
    (void)state;
    open_two();
    tag_of(20)->start++;
    refused_unchanged(ranges_extend(&g->ranges, 10, 1), MM_BAD_TAG);
    open_two();
    tag_of(10)->pages--;
    refused_unchanged(ranges_extend(&g->ranges, 10, 1), MM_BAD_TAG);
    open_two();
    g->ranges.root = RANGE_NIL;
    refused_unchanged(ranges_extend(&g->ranges, 11, 1), MM_BAD_TAG);
}

/* PAGES of them, at a multiple of ALIGN; where, or RANGE_ANYWHERE. */
static uint32_t get_large(uint32_t pages, uint32_t align, uint32_t held)
{
    struct range_request request = {
        .pages = pages, .at = RANGE_ANYWHERE, .align_pages = align,
        .held = held, .type = RANGE_LARGE,
    };
    uint32_t probed = 0, page = 0;
    enum mm_fault fault = ranges_probe(&g->ranges, &request, &probed);

    if (fault != MM_OK || ranges_alloc(&g->ranges, &request, &page) != MM_OK)
        return RANGE_ANYWHERE;
    assert_int_equal(page, probed);
    assert_int_equal(tag_of(page)->type, RANGE_LARGE);
    return page;
}

/* Whether the pages from PAGE on are free. */
static bool is_free(uint32_t page)
{
    return tag_of(page)->type == RANGE_FREE;
}

static void the_range_that_was_freed_last_is_kept(void **state)
{
    struct range_request again = {
        .pages = 20, .at = 32, .type = RANGE_SPAN, .protection = RANGE_READ,
    };
    struct range_tag *next;
    uint32_t page;

    (void)state;
    open_ground();
    assert_int_equal(get_large(20, 32, 0), 0);
    assert_int_equal(put(0, 20), MM_OK);
    assert_true(is_free(0));            /* not unless it was asked for */
    ranges_keep(&g->ranges);

    /* the same again, wherever there is another place */
    assert_int_equal(get_large(20, 32, 0), 0);
    assert_int_equal(get_large(20, 32, 0), 32);
    assert_int_equal(put(32, 20), MM_OK);
    assert_false(is_free(32));
    check_fine();
    assert_int_equal(put(0, 20), MM_OK);
    assert_true(is_free(32) && !is_free(0));
    check_fine();
    assert_int_equal(get_large(20, 32, 0), 0);

    /* as a span, at its place; and without frames */
    assert_int_equal(get_large(20, 32, 0), 32);
    assert_int_equal(put(32, 20), MM_OK);
    g->frames_left = 3;
    assert_int_equal(get_large(20, 32, 4), RANGE_ANYWHERE);
    assert_false(is_free(32));
    assert_int_equal(ranges_alloc(&g->ranges, &again, &page), MM_OK);
    assert_int_equal(tag_of(32)->type, RANGE_SPAN);
    assert_int_equal(tag_of(32)->protection, RANGE_READ);
    check_fine();
    g->frames_left = 1000;

    /* another length, another alignment, another place: it is given back */
    assert_int_equal(put(32, 20), MM_OK);
    assert_int_equal(get_large(21, 32, 0), 32);
    assert_int_equal(put(32, 20), MM_OK);       /* a part is not kept */
    assert_true(is_free(32) && !is_free(52));
    assert_int_equal(put(52, 1), MM_OK);        /* this is */
    assert_false(is_free(52));
    assert_int_equal(get_large(1, 64, 0), 64);
    assert_true(is_free(52));
    assert_int_equal(put(64, 1), MM_OK);
    assert_int_equal(get(64, 1), MM_OK);        /* there, for another use */
    assert_int_equal(put(64, 1), MM_OK);        /* which is not kept */
    assert_true(is_free(64));
    assert_int_equal(get_large(1, 64, 0), 64);
    assert_int_equal(put(64, 1), MM_OK);
    assert_int_equal(get(65, 1), MM_OK);
    assert_true(is_free(64));
    check_fine();

    /* it is in nobody's way: to grow, nor to trim */
    assert_int_equal(get_large(10, 128, 0), 128);
    assert_int_equal(put(128, 10), MM_OK);
    assert_int_equal(ranges_extend(&g->ranges, 0, 5), MM_OK);
    assert_true(is_free(128));
    assert_int_equal(get_large(10, 128, 0), 128);
    assert_int_equal(put(128, 10), MM_OK);
    ranges_trim(&g->ranges);
    assert_true(is_free(128));
    check_fine();

    /* its neighbour lies: it stays, and is not forgotten */
    assert_int_equal(get_large(10, 128, 0), 128);
    assert_int_equal(put(128, 10), MM_OK);
    next = tag_of(150);
    next->start++;
    assert_int_equal(ranges_trim(&g->ranges), 0);
    assert_int_equal(put(0, 25), MM_OK);        /* in earnest */
    next->start--;
    assert_true(is_free(0));
    assert_false(is_free(128));
    assert_int_equal(get_large(10, 128, 0), 128);
    check_fine();
}

/* Links that lead round: each operation ends. What it answers is anything. */
static void rings_in_the_tree_end(void **state)
{
    (void)state;
    for (uint32_t page = 5; page < PAGES; page += 10) {
        for (int link = 0; link < 7; link++) {
            struct range_tag *tag, was;
            range_ref self, root;

            open_stripes();
            tag = tag_of(page);
            was = *tag;
            self = range_ref_of(&g->ranges, tag);
            root = g->ranges.root;
            switch (link) {
            case 0: tag->left = self; break;
            case 1: tag->right = self; break;
            case 2: tag->parent = self; break;
            case 3: tag->left = root; break;
            case 4: tag->right = root; break;
            case 5: tag->left = tag->right = self; break;
            case 6: tag->left = tag->right = tag->parent = self; break;
            }
            alarm(10);

            uint32_t where;

            assert_true(ranges_check(&g->ranges, &where) != NULL ||
                        memcmp(tag, &was, sizeof was) == 0);
            for (uint32_t at = 2; at < PAGES; at += 9) {
                get(at, 1);
                put(at, 1);
            }
            for (uint32_t at = 10; at < 140; at += 20)
                put(at + 3, 2);
            ranges_trim(&g->ranges);
            ranges_check(&g->ranges, &where);
            alarm(0);
        }
    }
}

/* A free range is joined on its right: what is behind it on its list must
 * lead back. */
static void a_free_tag_whose_next_does_not_lead_back_is_not_joined(void **state)
{
    struct range_tag *left, *next;

    (void)state;
    open_stripes();
    left = tag_of(20);
    next = range_tag_at(&g->ranges, left->next);
    assert_non_null(next);
    assert_int_equal(next->previous, range_ref_of(&g->ranges, left));
    next->previous = range_ref_of(&g->ranges, next);
    refused_unchanged(put(30, 10), MM_BAD_TAG);
    next->previous = range_ref_of(&g->ranges, left);
    assert_int_equal(put(30, 10), MM_OK);
    check_fine();
}

/* The tag behind a free one names that one as its parent, and the free one's
 * left neighbour joins it: whatever the tree becomes, it ends. */
static void a_wrong_parent_of_the_next_tag_ends(void **state)
{
    unsigned tried = 0;

    (void)state;
    for (uint32_t page = 10; page < PAGES; page += 20) {
        struct range_tag *leaving, *next;
        uint32_t where;

        open_ground();          /* used, free, used, free, ...; none hangs */
        for (uint32_t at = 0; at < 160; at += 10)
            assert_int_equal(get(at, 10), MM_OK);
        for (uint32_t at = 10; at < 160; at += 20)
            assert_int_equal(put(at, 10), MM_OK);
        leaving = tag_of(page);
        next = tag_of(leaving->start + leaving->pages);
        if (leaving->type != RANGE_FREE || next == NULL ||
            range_left(leaving) == RANGE_NIL ||
            range_right(leaving) == RANGE_NIL ||
            leaving->right == range_ref_of(&g->ranges, next))
            continue;
        assert_int_equal(range_left(next), RANGE_NIL);
        next->parent = range_ref_of(&g->ranges, leaving);
        tried++;
        alarm(10);
        assert_int_equal(put(page - 10, 10), MM_OK);
        for (uint32_t at = 2; at < PAGES; at += 9)
            put(at, 1);
        ranges_check(&g->ranges, &where);
        alarm(0);
    }
    assert_true(tried > 0);
}

/* What hangs says that it hangs on nothing, or on another. */
static void a_tag_that_hangs_elsewhere_is_not_joined(void **state)
{
    struct range_tag *tag;

    (void)state;
    open_ground();
    for (uint32_t at = 0; at < 160; at += 20)
        assert_int_equal(get(at, 10), MM_OK);
    tag = tag_of(30);
    assert_true(tag->hangs);
    for (range_ref wrong = RANGE_NIL;; wrong = range_ref_of(&g->ranges,
                                                            tag_of(60))) {
        range_ref was = tag->parent;

        tag->parent = wrong;
        refused_unchanged(put(20, 10), MM_BAD_TAG);
        refused_unchanged(put(40, 10), MM_BAD_TAG);
        check_says("R2");
        tag->parent = was;
        if (wrong != RANGE_NIL)
            break;
    }
    tag->hangs = 0;
    check_says("R2");
    tag->hangs = 1;
    tag->left_height = 1;
    check_says("R2");
    tag->left_height = 0;
    assert_int_equal(put(20, 10), MM_OK);
    check_fine();

    open_ground();                      /* the root, where nothing can hang */
    tag_of(0)->hangs = 1;
    check_says("R2");
    open_ground();                      /* a right side of what it would be on */
    assert_int_equal(get(0, 10), MM_OK);
    assert_int_equal(get(10, 10), MM_OK);
    assert_int_equal(put(10, 10), MM_OK);
    tag = tag_of(10);
    assert_ptr_equal(range_tag_at(&g->ranges, tag->parent), tag_of(0));
    tag->hangs = 1;
    check_says("R2");
}

/* On the way to a neighbour a side is no tag. */
static void a_way_that_breaks_off_ends(void **state)
{
    struct range_tag *root, *side;

    (void)state;
    open_stripes();
    root = range_tag_at(&g->ranges, g->ranges.root);
    side = range_tag_at(&g->ranges, root->left);
    assert_true(side->right_height > 0);
    side->right = 0x7fffffff;
    assert_null(tree_previous(&g->ranges, root));
    side = range_tag_at(&g->ranges, root->right);
    assert_true(side->left_height > 0);
    side->left = 0x7fffffff;
    assert_null(tree_next(&g->ranges, root));
}

/* A tag says that it has a high side, which is no tag: what is to be rotated
 * is not there. */
static void a_side_that_is_no_tag_is_not_rotated(void **state)
{
    (void)state;
    for (int side = 0; side < 4; side++) {
        struct range_tag *known, *next, *stranger;
        uint32_t where;

        open_stripes();
        stranger = range_tag_at(&g->ranges, RANGE_FIRST_TAGS - 1);
        known = tag_of(0);
        while ((next = tree_next(&g->ranges, known)) == NULL ||
               known->right_height > 0)
            known = next;
        switch (side) {
        case 0: known->left = 0x7fffffff; known->left_height = 5; break;
        case 1: known->right = 0x7fffffff; known->right_height = 5; break;
        case 2: next->right = 0x7fffffff; next->right_height = 5; break;
        case 3: next->left = 0x7fffffff; next->left_height = 5; break;
        }
        if (side == 1)          /* nothing is behind it any more */
            assert_null(tree_next(&g->ranges, known));
        assert_non_null(ranges_check(&g->ranges, &where));
        alarm(10);
        tree_insert_after(&g->ranges,
                          side == 2 ? tree_previous(&g->ranges, next) : known,
                          stranger);
        ranges_check(&g->ranges, &where);
        alarm(0);
    }
}

/* ---- damage among free tags --------------- */

/* The range that tags would be taken from, the last one, is on a list that
 * lies: the request goes through, and tags are not fetched. */
static void a_free_tag_that_lies_is_left_alone(void **state)
{
    struct range_tag *tag;

    (void)state;
    open_ground();
    assert_int_equal(get(0, 1), MM_OK);
    assert_int_equal(get(2, 4), MM_OK);
    assert_int_equal(put(3, 2), MM_OK);
    use_up_tags(7, 4);
    tag = tag_of(PAGES - 1);
    assert_true(tag->type == RANGE_FREE && tag->pages > 2);
    tag->previous = 3;
    g->frames_left = 10;
    assert_int_equal(get(3, 1), MM_OK);
    assert_int_equal(g->ranges.tag_pages, 0);
    assert_int_equal(tag->type, RANGE_FREE);
    tag->previous = RANGE_NIL;
    check_fine();
    assert_int_equal(get(4, 1), MM_OK);
    assert_int_equal(g->ranges.tag_pages, 1);
    assert_int_equal(tag_of(PAGES - 1)->type, RANGE_TAGS);
    check_fine();
}

/* A used tag stands on the list of free ones: it is not taken, nor is a page
 * of it made one of tags. */
static void a_used_tag_on_a_list_is_not_taken(void **state)
{
    struct range_request request = {
        .pages = 1, .at = RANGE_ANYWHERE, .type = RANGE_OTHER,
    };
    struct range_tag *last;
    range_ref was;
    uint32_t page;

    (void)state;
    open_stripes();
    for (page = 0; page < PAGES; page += 20)    /* all of the free ones */
        tag_of(page)->type = RANGE_OTHER;
    refused_unchanged(ranges_alloc(&g->ranges, &request, &page), MM_NO_RANGE);

    open_ground();                      /* tags are short, and the longest
                                           free range is none */
    use_up_tags(1, RANGE_SPARE_TAGS);
    last = tag_of(PAGES - 1);
    assert_int_equal(last->type, RANGE_FREE);
    g->frames_left = 10;
    last->type = RANGE_OTHER;
    assert_int_equal(get(0, 1), MM_OK);
    assert_int_equal(g->ranges.tag_pages, 0);
    last->type = RANGE_FREE;
    was = g->ranges.lists[class_of(last->pages)];
    g->ranges.lists[class_of(last->pages)] = 0x7fffffff;
    assert_int_equal(get(2, 1), MM_OK);
    assert_int_equal(g->ranges.tag_pages, 0);
    g->ranges.lists[class_of(last->pages)] = was;
    check_fine();
    assert_int_equal(get(4, 1), MM_OK);
    assert_int_equal(g->ranges.tag_pages, 1);
    check_fine();
}

/* What is to be freed is not a tag that could be. */
static void a_tag_that_cannot_be_is_not_freed(void **state)
{
    (void)state;
    open_stripes();
    tag_of(30)->type = RANGE_TYPES;
    refused_unchanged(put(30, 10), MM_BAD_TAG);
    open_stripes();
    tag_of(30)->pages = 0;              /* the index finds it all the same */
    refused_unchanged(put(30, 10), MM_BAD_TAG);
}

/* A tag that is in no tree stands on a list of free ones. */
static void strangers_on_a_list_are_seen(void **state)
{
    static const struct range_tag strangers[] = {
        { .start = 5, .pages = 3, .type = RANGE_FREE },
        { .start = 5, .pages = 0, .type = RANGE_FREE },
        { .start = 5, .pages = 3, .type = RANGE_OTHER },
        { .start = 5, .pages = 4, .type = RANGE_FREE },
        { .start = 5, .pages = 3, .previous = 7 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        range_ref ref = RANGE_FIRST_TAGS - 1;
        uint32_t where;

        open_stripes();
        assert_int_equal(g->ranges.lists[2], RANGE_NIL);
        *range_tag_at(&g->ranges, ref) = strangers[i];
        g->ranges.lists[2] = ref;
        class_map_set(g->ranges.map, 2);
        check_says("R5");
        ranges_check(&g->ranges, &where);
        if (i > 0)              /* the first is one too many at the end */
            assert_int_equal(where, 5);
    }
}

/* ---- damage among spare tags --------------- */

static void no_spare(void) { g->ranges.spare = RANGE_NIL; }
static void far_spare(void) { g->ranges.spare = 0x7fffffff; }
static void used_spare(void) { g->ranges.spare = g->ranges.root; }
static void ring(void)
{
    range_tag_at(&g->ranges, g->ranges.spare)->next = g->ranges.spare;
}
static void one_more(void) { g->ranges.spare_count++; }
static void one_less(void) { g->ranges.spare_count--; }
static void bad_end(void)       /* as many as there should be, and one more */
{
    struct range_tag *tag = range_tag_at(&g->ranges, g->ranges.spare);

    while (tag->next != RANGE_NIL)
        tag = range_tag_at(&g->ranges, tag->next);
    tag->next = g->ranges.root;
}

static void damaged_spare_tags_are_seen(void **state)
{
    static void (*const damages[])(void) = {
        no_spare, far_spare, used_spare, ring, one_more, one_less, bad_end,
    };

    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        open_stripes();
        damages[i]();
        alarm(10);
        check_says("R6");
        alarm(0);
    }
}

static void take_two_tags(void)
{
    get(22, 1);
}

static void a_spare_tag_that_is_not_there_is_a_panic(void **state)
{
    (void)state;
    open_stripes();
    g->ranges.spare = RANGE_NIL;
    assert_non_null(strstr(panic_of(take_two_tags), "spare tags"));
}

/* ---- damage and pages of tags --------------- */

/* Page 0 holds tags, none of which is in use. */
static void open_idle_tags(void)
{
    open_tags_at_0();
    for (uint32_t page = 1; page < PAGES; page++)
        if (tag_of(page)->type == RANGE_OTHER)
            assert_int_equal(put(page, 1), MM_OK);
    check_fine();
}

static void a_page_of_tags_does_not_leave_damaged(void **state)
{
    static void (*const damages[])(void) = {
        far_spare, used_spare, ring, one_more, one_less, bad_end,
    };

    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        open_idle_tags();
        damages[i]();
        alarm(10);
        refused_unchanged((int)ranges_trim(&g->ranges), 0);
        alarm(0);
    }
    open_idle_tags();
    assert_int_equal(ranges_trim(&g->ranges), 1);
    check_fine();
}

/* A tag on the page names a page that is not there. */
static void a_page_with_a_damaged_tag_does_not_leave(void **state)
{
    unsigned tried = 0;
    uint32_t page;

    (void)state;
    page = open_tags_at_0();
    for (; page < PAGES; page += 3)
        put(page, 1);
    for (page = 1; page < PAGES; page++) {
        struct range_tag *tag = tag_of(page);
        uint32_t start = page;

        if (tag == NULL || tag->start != page ||
            range_ref_of(&g->ranges, tag) < RANGE_FIRST_TAGS)
            continue;
        tag->start = PAGES + 5;
        assert_int_equal(ranges_trim(&g->ranges), 0);
        tag->start = start;
        tried++;
    }
    assert_true(tried > 0);
    check_fine();
}

/* Its tag says that it is two pages long, and the next one agrees. */
static void a_page_of_tags_that_has_grown_is_left_alone(void **state)
{
    (void)state;
    open_idle_tags();
    assert_int_equal(tag_of(0)->pages, 1);

    struct range_tag *next = tag_of(1);

    next->start++;
    next->pages--;
    tag_of(0)->pages = 2;
    /* on the list of its size, as a sane one */
    assert_int_equal(class_of(next->pages), class_of(next->pages + 1));
    assert_int_equal(ranges_trim(&g->ranges), 0);
    assert_int_equal(g->held, 1);
    assert_int_equal(tag_of(0)->pages, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(impossible_requests_are_the_callers_mistake),
        cmocka_unit_test(an_aligned_run_is_taken_where_it_surely_fits),
        cmocka_unit_test(a_request_that_needs_tags_fetches_them),
        cmocka_unit_test(a_free_that_needs_tags_fetches_them),
        cmocka_unit_test(a_free_without_tags_and_frames_is_refused),
        cmocka_unit_test(page_0_may_hold_tags),
        cmocka_unit_test(without_a_root_no_page_is_found),
        cmocka_unit_test(a_range_takes_in_free_pages_behind_it),
        cmocka_unit_test(nor_does_it_among_tags_that_lie),
        cmocka_unit_test(the_range_that_was_freed_last_is_kept),
        cmocka_unit_test(rings_in_the_tree_end),
        cmocka_unit_test(a_tag_that_hangs_elsewhere_is_not_joined),
        cmocka_unit_test(a_way_that_breaks_off_ends),
        cmocka_unit_test(a_side_that_is_no_tag_is_not_rotated),
        cmocka_unit_test(
            a_free_tag_whose_next_does_not_lead_back_is_not_joined),
        cmocka_unit_test(a_wrong_parent_of_the_next_tag_ends),
        cmocka_unit_test(a_free_tag_that_lies_is_left_alone),
        cmocka_unit_test(a_used_tag_on_a_list_is_not_taken),
        cmocka_unit_test(a_tag_that_cannot_be_is_not_freed),
        cmocka_unit_test(strangers_on_a_list_are_seen),
        cmocka_unit_test(damaged_spare_tags_are_seen),
        cmocka_unit_test(a_spare_tag_that_is_not_there_is_a_panic),
        cmocka_unit_test(a_page_of_tags_does_not_leave_damaged),
        cmocka_unit_test(a_page_with_a_damaged_tag_does_not_leave),
        cmocka_unit_test(a_page_of_tags_that_has_grown_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, close_ground);
}

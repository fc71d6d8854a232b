/* SPDX-License-Identifier: MIT */
/*
 * test_ranges_index.c - the index of used ranges, whole and damaged
 *
 * The index may forget, and then the tree knows: so whatever happens to its
 * pages, its buckets and the links in them, nothing may run for ever, and what
 * it answers must be the used tag that starts at the page, or nothing.
 *
 * sources: src/mm/ranges.c src/mm/ranges_tree.c src/mm/ranges_check.c
 * sources: src/mm/ranges_index.c src/mm/names.c
 */
#include "panic.h"

#include "mm/ranges_tree.h"

#include <unistd.h>

enum { PAGES = 4096, MANY = 1200 };

static struct ground {
    unsigned char *arena;
    struct ranges ranges;
    struct mm_home home;
    int64_t frames_left;
} g;

static bool ground_hold(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    if (g.frames_left < (int64_t)count)
        return false;
    g.frames_left -= count;
    memset(g.arena + (size_t)page * MM_PAGE, 0, (size_t)count * MM_PAGE);
    return true;
}

static void ground_release(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    memset(g.arena + (size_t)page * MM_PAGE, 0xa5, (size_t)count * MM_PAGE);
    g.frames_left += count;
}

static enum mm_fault get(uint32_t at, uint32_t pages)
{
    struct range_request request = {
        .pages = pages, .at = at, .type = RANGE_OTHER,
    };
    uint32_t page;

    return ranges_alloc(&g.ranges, &request, &page);
}

/* COUNT used ranges of a page, at 0, 2, 4, ... */
static void open_ground(uint32_t count)
{
    free(g.arena);
    g.arena = malloc((size_t)PAGES * MM_PAGE);
    assert_non_null(g.arena);
    g.frames_left = PAGES;
    g.home = (struct mm_home){
        .hold = ground_hold, .release = ground_release,
    };
    ranges_init(&g.ranges, &g.home, g.arena, PAGES);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(get(2 * i, 1), MM_OK);
}

static int close_ground(void **state)
{
    (void)state;
    free(g.arena);
    g.arena = NULL;
    return 0;
}

static void check_says(const char *what)
{
    uint32_t page;
    const char *broken = ranges_check(&g.ranges, &page);

    if (what == NULL ? broken != NULL
                     : broken == NULL || strncmp(broken, what, 2) != 0)
        fail_msg("%s expected, the checker says %s",
                 what == NULL ? "nothing" : what,
                 broken == NULL ? "nothing" : broken);
}

static struct range_tag *tag_of(uint32_t page)
{
    return (struct range_tag *)ranges_find(&g.ranges, page);
}

static uint32_t *directory(void)
{
    return (uint32_t *)(g.arena + (size_t)g.ranges.directory * MM_PAGE);
}

/* ---- as it should be --------------- */

static void the_index_finds_first_pages_only(void **state)
{
    (void)state;
    open_ground(MANY);
    assert_true(g.ranges.bucket_count > RANGE_BUCKETS_PER_PAGE);
    check_says(NULL);
    for (uint32_t page = 0; page < 2 * MANY; page++) {
        const struct range_tag *tag = index_find(&g.ranges, page);

        if (tag != NULL)
            assert_true(tag == tag_of(page) && tag->start == page &&
                        tag->type == RANGE_OTHER);
        else
            assert_true(page % 2 == 1 || tag_of(page)->start == page);
    }
    assert_int_equal(index_page_of(&g.ranges, 0), RANGE_ANYWHERE);
    assert_int_equal(index_page_of(&g.ranges, RANGE_FIRST_BUCKETS - 1),
                     RANGE_ANYWHERE);
    assert_int_equal(tag_of(index_page_of(&g.ranges, RANGE_FIRST_BUCKETS))
                         ->index, 1);
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(ranges_free(&g.ranges, 2 * i, 1), MM_OK);
    check_says(NULL);
    ranges_trim(&g.ranges);
    assert_int_equal(g.ranges.bucket_count, RANGE_FIRST_BUCKETS);
    assert_int_equal(g.ranges.directory, RANGE_ANYWHERE);
    assert_int_equal(g.frames_left, PAGES);
    check_says(NULL);
}

/* In a bucket lies a free tag in the used one's stead. */
static void a_free_tag_in_the_index_is_noticed(void **state)
{
    const struct range_tag *free_tag;
    uint32_t used = 2, bucket;

    (void)state;
    open_ground(1);
    bucket = index_bucket_of(&g.ranges, 1);
    while (index_bucket_of(&g.ranges, used) != bucket)
        used++;
    assert_int_equal(get(used, 1), MM_OK);
    free_tag = tag_of(1);
    assert_int_equal(free_tag->start, 1);
    assert_int_equal(free_tag->next, RANGE_NIL);
    check_says(NULL);
    assert_true(bucket < RANGE_FIRST_BUCKETS);
    g.ranges.buckets[bucket] = range_ref_of(&g.ranges, free_tag);
    check_says("R7");
}

static void the_index_has_an_end(void **state)
{
    (void)state;
    open_ground(MANY);
    g.ranges.used_count = 1 << 30;
    g.ranges.bucket_count = RANGE_BUCKETS_MOST - 1;
    assert_true(index_is_small(&g.ranges));
    g.ranges.bucket_count = RANGE_BUCKETS_MOST;
    assert_false(index_is_small(&g.ranges));
}

/* Without frames there are no tags and no buckets: what there is, is used, and
 * a refusal is in order. */
static void without_frames_the_index_stays_small(void **state)
{
    uint32_t count = 0;

    (void)state;
    open_ground(60);
    assert_int_equal(g.ranges.bucket_count, RANGE_FIRST_BUCKETS);
    g.frames_left = 0;
    while (get(2 * (60 + count), 1) == MM_OK)
        count++;
    assert_true(g.ranges.used_count > RANGE_FIRST_BUCKETS / 2);
    assert_true(g.ranges.spare_count < RANGE_SPARE_TAGS);
    assert_int_equal(g.ranges.bucket_count, RANGE_FIRST_BUCKETS);
    check_says(NULL);
    g.frames_left = PAGES;
    assert_int_equal(get(2 * (60 + count), 1), MM_OK);
    assert_true(g.ranges.bucket_count > RANGE_FIRST_BUCKETS);
    check_says(NULL);
}

/* ---- damaged --------------- */

/* Everything that can be asked for; it must come to its end. */
static void use_everything(void)
{
    alarm(20);
    for (uint32_t page = 0; page < 2 * MANY + 20; page += 3) {
        struct range_tag *tag = index_find(&g.ranges, page);

        if (tag != NULL)
            assert_true(tag->start == page && tag->type != RANGE_FREE);
        ranges_free(&g.ranges, page, 1);
        get(page + 1, 1);
        get(RANGE_ANYWHERE, 2);
    }
    for (uint32_t page = 0; page < PAGES; page++)
        ranges_free(&g.ranges, page, 1);
    ranges_trim(&g.ranges);
    alarm(0);
}

static void a_directory_that_leads_nowhere_is_not_followed(void **state)
{
    (void)state;
    for (int word = 0; word < 2; word++) {
        open_ground(MANY);
        directory()[word] = PAGES + 5;
        check_says("R7");
        assert_int_equal(index_page_of(&g.ranges, (uint32_t)word *
                                       RANGE_BUCKETS_PER_PAGE +
                                       RANGE_FIRST_BUCKETS), RANGE_ANYWHERE);
        use_everything();
    }
    /* growing and shrinking alone */
    open_ground(MANY);

    uint32_t count = g.ranges.bucket_count;

    directory()[0] = directory()[1] = UINT32_MAX;
    index_grow(&g.ranges);
    assert_int_equal(g.ranges.bucket_count, count);
    index_shrink(&g.ranges);
    assert_int_equal(g.ranges.bucket_count, count - 1);
    while (g.ranges.bucket_count > RANGE_FIRST_BUCKETS + 1)
        index_shrink(&g.ranges);
    index_grow(&g.ranges);
    assert_int_equal(g.ranges.bucket_count, RANGE_FIRST_BUCKETS + 1);
}

static void rings_in_buckets_end(void **state)
{
    (void)state;
    open_ground(MANY);
    for (uint32_t page = 0; page < 2 * MANY; page += 2) {
        struct range_tag *tag = tag_of(page);

        if (page % 3 == 0)
            tag->next = range_ref_of(&g.ranges, tag);
    }
    check_says("R7");

    uint32_t count = g.ranges.bucket_count;

    alarm(20);
    for (int i = 0; i < 200; i++)
        index_shrink(&g.ranges);
    for (int i = 0; i < 200; i++)
        index_grow(&g.ranges);
    alarm(0);
    assert_int_equal(g.ranges.bucket_count, count);
    use_everything();
}

/* A tag that is spare, or free, stands in a bucket. */
static void strangers_in_a_bucket_are_not_answered(void **state)
{
    static const struct range_tag strangers[] = {
        { .pages = 0, .type = RANGE_OTHER },
        { .pages = 1, .type = RANGE_FREE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        range_ref ref = RANGE_FIRST_TAGS - 1;
        uint32_t bucket;

        open_ground(5);
        bucket = index_bucket_of(&g.ranges, 3000);
        assert_int_equal(g.ranges.buckets[bucket], RANGE_NIL);
        *range_tag_at(&g.ranges, ref) = strangers[i];
        range_tag_at(&g.ranges, ref)->start = 3000;
        g.ranges.buckets[bucket] = ref;
        /* it was the last of the spare ones */
        for (range_ref at = g.ranges.spare; at != RANGE_NIL;) {
            struct range_tag *tag = range_tag_at(&g.ranges, at);

            if (tag->next == ref) {
                tag->next = RANGE_NIL;
                g.ranges.spare_count--;
            }
            at = tag->next;
        }
        assert_null(index_find(&g.ranges, 3000));
        check_says("R7");
    }
}

static void the_pages_of_the_index_say_so(void **state)
{
    uint32_t right, other = 2, tags = 0;

    (void)state;
    open_ground(MANY);
    right = g.ranges.directory;
    for (uint32_t page = 0; page < PAGES; page += tag_of(page)->pages)
        if (tag_of(page)->type == RANGE_TAGS && !tag_of(page)->index)
            tags = page;
    assert_true(tags > 0);
    g.ranges.directory = other;
    check_says("R7");
    g.ranges.directory = tags;
    check_says("R7");
    g.ranges.directory = PAGES;
    check_says("R7");
    g.ranges.directory = RANGE_ANYWHERE;
    check_says("R7");
    g.ranges.directory = right;
    check_says(NULL);
    tag_of(right)->index = 0;
    check_says("R7");
    tag_of(right)->index = 1;
    check_says(NULL);
}

/* Two pages long, and its left neighbour agrees. */
static void a_page_of_the_index_does_not_grow(void **state)
{
    unsigned tried = 0;

    (void)state;
    for (uint32_t count = 70; count < MANY; count += 61) {
        uint32_t own = 2 * count;
        struct range_tag *left, *grown;

        open_ground(count);
        while (own < PAGES && tag_of(own)->type != RANGE_TAGS)
            own++;
        assert_true(own < PAGES);
        if (!tag_of(own)->index || get(own - 2, 2) != MM_OK ||
            tag_of(own - 1)->type != RANGE_OTHER)
            continue;
        check_says(NULL);
        left = tag_of(own - 1);
        left->pages--;
        grown = tag_of(own);
        grown->start--;
        grown->pages++;
        check_says("R7");
        tried++;
    }
    assert_true(tried > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_finds_first_pages_only),
        cmocka_unit_test(a_free_tag_in_the_index_is_noticed),
        cmocka_unit_test(the_index_has_an_end),
        cmocka_unit_test(without_frames_the_index_stays_small),
        cmocka_unit_test(a_directory_that_leads_nowhere_is_not_followed),
        cmocka_unit_test(rings_in_buckets_end),
        cmocka_unit_test(strangers_in_a_bucket_are_not_answered),
        cmocka_unit_test(the_pages_of_the_index_say_so),
        cmocka_unit_test(a_page_of_the_index_does_not_grow),
    };

    return cmocka_run_group_tests(tests, NULL, close_ground);
}

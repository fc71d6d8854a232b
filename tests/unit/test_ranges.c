/* SPDX-License-Identifier: MIT */
/*
 * test_ranges.c - runs of pages against an array with one entry a page
 *
 * The model is the plainest there is: for every page its type, its
 * protection, and whether a range starts there. After each operation the tags
 * must tile the arena as the array says, every checker must agree, and a
 * refusal must be true: no run in the array would have done.
 *
 * sources: src/mm/ranges.c src/mm/ranges_tree.c src/mm/ranges_check.c
 * sources: src/mm/ranges_index.c
 * sources: src/mm/names.c
 */
#include "panic.h"

#include "mm/ranges.h"

enum { MAX_PAGES = 2048 };

static struct ground {
    struct ranges ranges;
    struct mm_home home;
    unsigned char *arena;
    uint32_t pages;
    int64_t frames_left;                /* -1: as many as there are pages */
    bool held[MAX_PAGES];
    unsigned maps, unmaps;
    struct mm_event last_map;

    uint8_t type[MAX_PAGES];            /* the model */
    uint8_t protection[MAX_PAGES];
    bool starts[MAX_PAGES];
    uint32_t tag_pages;
} g;

static bool ground_hold(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    assert_int_equal(count, 1);         /* only tags are held here */
    assert_true(page < g.pages && !g.held[page]);
    if (g.frames_left == 0)
        return false;
    if (g.frames_left > 0)
        g.frames_left--;
    g.held[page] = true;
    memset(g.arena + (size_t)page * MM_PAGE, 0, MM_PAGE);
    return true;
}

static void ground_release(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    assert_int_equal(count, 1);         /* a page of tags that is not needed */
    assert_true(page < g.pages && g.held[page]);
    g.held[page] = false;
    if (g.frames_left >= 0)
        g.frames_left++;
}

/* Events tell the model about pages of tags; the rest it knows. */
static void ground_event(void *context, const struct mm_event *event)
{
    uint32_t page = (uint32_t)(event->at / MM_PAGE);

    (void)context;
    if (event->kind == MM_EVENT_UNMAP) {
        g.unmaps++;
        if (g.type[page] == RANGE_TAGS) {
            g.tag_pages--;
            g.type[page] = RANGE_FREE;
            g.protection[page] = 0;
            g.starts[page] = true;
            if (page + 1 < g.pages)
                g.starts[page + 1] = true;
        }
        return;
    }
    if (event->kind == MM_EVENT_TRIM) {
        assert_int_equal(g.type[page], RANGE_TAGS);
        return;                         /* and UNMAP follows */
    }
    assert_int_equal(event->kind, MM_EVENT_MAP);
    g.maps++;
    if (event->other != RANGE_TAGS) {
        g.last_map = *event;
        return;
    }
    assert_true(event->size == MM_PAGE && g.held[page]);
    g.tag_pages++;
    g.type[page] = RANGE_TAGS;
    g.protection[page] = RANGE_READ | RANGE_WRITE;
}

static void open_ground(uint32_t pages)
{
    free(g.arena);
    memset(&g, 0, sizeof g);
    g.pages = pages;
    g.frames_left = -1;
    /* bytes that nobody may rely on to be zero, and none to spare */
    g.arena = malloc((size_t)pages * MM_PAGE);
    assert_non_null(g.arena);
    memset(g.arena, 0xa5, (size_t)pages * MM_PAGE);
    g.home = (struct mm_home){
        .hold = ground_hold, .release = ground_release,
        .event = ground_event,
    };
    g.starts[0] = true;
    ranges_init(&g.ranges, &g.home, g.arena, pages);
}

static int close_ground(void **state)
{
    (void)state;
    free(g.arena);
    g.arena = NULL;
    return 0;
}

/* ---- the model --------------- */

/* Starts and joins follow from the types: a page of tags and a free run are
 * cut out of what was there, free neighbours are one. */
static void model_settle(void)
{
    for (uint32_t page = 1; page < g.pages; page++) {
        bool free = g.type[page] == RANGE_FREE;
        bool left_free = g.type[page - 1] == RANGE_FREE;

        if (free)
            g.starts[page] = !left_free;
        else if (left_free || (g.type[page] == RANGE_TAGS) !=
                                  (g.type[page - 1] == RANGE_TAGS))
            g.starts[page] = true;
        if (g.type[page] == RANGE_TAGS)
            g.starts[page] = true;
    }
}

static bool model_is_free(uint64_t page, uint64_t pages)
{
    if (page + pages > g.pages)
        return false;
    for (uint64_t i = page; i < page + pages; i++) {
        if (g.type[i] != RANGE_FREE)
            return false;
    }
    return true;
}

static bool model_could_serve(const struct range_request *request)
{
    uint64_t align = request->align_pages > 1 ? request->align_pages : 1;

    if (request->at != RANGE_ANYWHERE)
        return model_is_free(request->at, request->pages);
    for (uint64_t page = 0; page < g.pages; page += align) {
        if (model_is_free(page, request->pages))
            return true;
    }
    return false;
}

static void check_against_model(void)
{
    uint32_t broken_page;
    const char *broken = ranges_check(&g.ranges, &broken_page);
    const struct range_tag *tag = ranges_find(&g.ranges, 0);
    uint32_t used = 0;

    if (broken != NULL)
        fail_msg("%s, at page %u", broken, broken_page);
    model_settle();
    for (uint32_t page = 0; page < g.pages; page++) {
        used += g.type[page] != RANGE_FREE;
        if (g.starts[page] && page > 0)
            tag = ranges_next(&g.ranges, tag);
        if (tag == NULL || page < tag->start ||
            page - tag->start >= tag->pages || tag->type != g.type[page] ||
            tag->protection != g.protection[page])
            fail_msg("page %u: type %u, the tag says %d", page, g.type[page],
                     tag == NULL ? -1 : tag->type);
        if (g.starts[page] != (tag->start == page))
            fail_msg("page %u: a range starts, or does not", page);
        if (page % 7 == 0)
            assert_ptr_equal(ranges_find(&g.ranges, page), tag);
    }
    assert_null(ranges_next(&g.ranges, tag));
    assert_null(ranges_find(&g.ranges, g.pages));
    assert_int_equal(g.ranges.used_pages, used);
    assert_int_equal(g.ranges.tag_pages, g.tag_pages);
}

/* ---- the calls, checked --------------- */

static uint64_t digest(void)
{
    const unsigned char *bytes = (const unsigned char *)&g.ranges.root;
    size_t size = sizeof g.ranges - offsetof(struct ranges, root);
    uint64_t hash = 1;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    for (uint32_t page = 0; page < g.pages; page++) {
        for (size_t i = 0; g.held[page] && i < MM_PAGE; i += 4)
            hash = (hash ^ *(uint32_t *)(g.arena + page * MM_PAGE + i)) *
                   UINT64_C(0x100000001b3);
    }
    return hash;
}

/* The first page that REQUEST got, or RANGE_ANYWHERE when it was refused. */
static uint32_t get(struct range_request request)
{
    bool could = model_could_serve(&request);
    uint64_t before = digest();
    uint32_t page = 77;
    enum mm_fault fault = ranges_alloc(&g.ranges, &request, &page);

    if (fault != MM_OK) {
        if (could && fault != MM_NO_FRAMES)
            fail_msg("%u pages (align %u, at %u) were refused: %s",
                     request.pages, request.align_pages, request.at,
                     mm_fault_name(fault));
        if (digest() != before)
            fail_msg("a refusal has changed something");
        return RANGE_ANYWHERE;
    }
    if (request.at != RANGE_ANYWHERE)
        assert_int_equal(page, request.at);
    else if (request.align_pages > 1)
        assert_int_equal(page % request.align_pages, 0);
    assert_true(g.last_map.at == (uint64_t)page * MM_PAGE);
    assert_true(g.last_map.size == (uint64_t)request.pages * MM_PAGE);
    for (uint32_t i = page; i < page + request.pages; i++) {
        /* tags may have been fetched, but not from here */
        if (i >= g.pages || g.type[i] != RANGE_FREE)
            fail_msg("page %u was handed out twice", i);
        g.type[i] = request.type;
        g.protection[i] = (uint8_t)request.protection;
        g.starts[i] = i == page;
    }
    if (page + request.pages < g.pages)
        g.starts[page + request.pages] = true;
    return page;
}

/* Whether [PAGE, PAGE + PAGES) lies in one used range of the model. */
static bool model_is_used(uint64_t page, uint64_t pages)
{
    if (pages == 0 || page + pages > g.pages)
        return false;
    for (uint64_t i = page; i < page + pages; i++) {
        if (g.type[i] == RANGE_FREE || g.type[i] == RANGE_TAGS ||
            (i > page && g.starts[i]))
            return false;
    }
    return true;
}

static void put(uint32_t page, uint32_t pages)
{
    bool could = model_is_used(page, pages);
    uint64_t before = digest();
    uint32_t tags = g.tag_pages;
    static uint8_t type[MAX_PAGES];

    memcpy(type, g.type, sizeof type);

    enum mm_fault fault = ranges_free(&g.ranges, page, pages);

    if (fault != MM_OK) {
        if (could)
            fail_msg("the free of %u + %u was refused: %s", page, pages,
                     mm_fault_name(fault));
        assert_true(fault == MM_OUTSIDE || fault == MM_NOT_OWNED);
        assert_true((fault == MM_OUTSIDE) ==
                    (pages == 0 || (uint64_t)page + pages > g.pages));
        if (digest() != before)
            fail_msg("a refused free has changed something");
        return;
    }
    if (!could)
        fail_msg("the free of %u + %u was not refused", page, pages);
    for (uint32_t i = page; i < page + pages; i++) {
        if (g.type[i] == RANGE_TAGS && type[i] != RANGE_TAGS)
            continue;                   /* kept for tags, just now */
        g.type[i] = RANGE_FREE;
        g.protection[i] = 0;
    }
    if (page + pages < g.pages)
        g.starts[page + pages] = true;
    g.starts[page] = true;
    assert_true(g.tag_pages <= tags + 3);       /* tags, and the index */
}

/* ---- the tests --------------- */

static enum range_type random_type(uint64_t *random)
{
    return (enum range_type)(RANGE_SPAN + random_below(random, 6));
}

static struct range_request random_request(uint64_t *random)
{
    struct range_request request = {
        .pages = 1 + (uint32_t)random_below(random, 12),
        .at = RANGE_ANYWHERE, .type = random_type(random),
        .protection = 1 + (unsigned)random_below(random, 7),
    };

    if (random_below(random, 10) == 0)
        request.pages = 1 + (uint32_t)random_below(random, g.pages + 3);
    if (random_below(random, 3) == 0)
        request.align_pages = 1u << random_below(random, 8);
    if (random_below(random, 5) == 0) {
        request.at = (uint32_t)random_below(random, g.pages + 2);
        request.align_pages = 0;
    }
    return request;
}

static void random_program(uint32_t pages, uint64_t seed, int operations,
                           int64_t frames)
{
    uint64_t random = seed;
    unsigned fill = 60;

    open_ground(pages);
    g.frames_left = frames;
    for (int i = 0; i < operations; i++) {
        if (random_below(&random, 150) == 0)
            fill = 25 + (unsigned)random_below(&random, 50);
        if (random_below(&random, 100) < fill) {
            get(random_request(&random));
        } else {
            uint32_t page = (uint32_t)random_below(&random, pages);
            uint32_t run = 1 + (uint32_t)random_below(&random, 6);

            /* mostly all of a range, or a part of it that starts here */
            if (random_below(&random, 2) == 0) {
                const struct range_tag *tag = ranges_find(&g.ranges, page);

                page = tag->start;
                run = tag->pages;
            }
            put(page, run);
        }
        check_against_model();
    }
}

static void random_programs_match_the_model(void **state)
{
    static const uint32_t pages[] = { 1, 2, 3, 33, 100, 300, 300, 1200 };

    (void)state;
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
        random_program(pages[i], i + 3, pages[i] > 500 ? 1500 : 1000, -1);
}

static void random_programs_without_frames_for_tags(void **state)
{
    (void)state;
    for (int frames = 0; frames < 3; frames++) {
        uint64_t random = 5;

        open_ground(300);
        g.frames_left = frames;
        /* only allocations: a free may always hold what it frees */
        for (int i = 0; i < 400; i++) {
            get(random_request(&random));
            check_against_model();
        }
    }
}

static void every_alignment(void **state)
{
    (void)state;
    for (uint32_t align = 1; align <= 1024; align *= 2) {
        for (uint32_t offset = 0; offset < 40; offset += 3) {
            open_ground(1100);
            if (offset > 0)
                get((struct range_request){ .pages = offset, .at = 0,
                                            .type = RANGE_OTHER });

            uint32_t page = get((struct range_request){
                .pages = 5, .align_pages = align, .at = RANGE_ANYWHERE,
                .type = RANGE_SPAN });
            uint32_t expected = (offset + align - 1) / align * align;

            assert_int_equal(page, expected);
            check_against_model();
        }
    }
    open_ground(64);
    for (uint32_t align = 3; align < 64; align++) {
        uint32_t page;
        struct range_request request = { .pages = 1, .align_pages = align,
                                         .at = RANGE_ANYWHERE,
                                         .type = RANGE_SPAN };

        if ((align & (align - 1)) != 0)
            assert_int_equal(ranges_alloc(&g.ranges, &request, &page),
                             MM_BAD_ALIGNMENT);
    }
    check_against_model();
}

static void an_aligned_run_that_just_fits_is_found(void **state)
{
    (void)state;
    /* free: [1, 8), [9, 16), ... too short for 8 aligned pages, and one
     * run [64, 72) that is exactly right, between used pages */
    open_ground(80);
    for (uint32_t page = 0; page <= 64; page += 8)
        get((struct range_request){ .pages = 1, .at = page == 64 ? 63 : page,
                                    .type = RANGE_OTHER });
    get((struct range_request){ .pages = 8, .at = 72, .type = RANGE_OTHER });
    assert_int_equal(get((struct range_request){
        .pages = 8, .align_pages = 8, .at = RANGE_ANYWHERE,
        .type = RANGE_SPAN }), 64);
    check_against_model();
    assert_int_equal(get((struct range_request){
        .pages = 8, .align_pages = 8, .at = RANGE_ANYWHERE,
        .type = RANGE_SPAN }), RANGE_ANYWHERE);
    check_against_model();
}

static void any_part_of_a_used_range_can_be_freed(void **state)
{
    (void)state;
    for (uint32_t start = 0; start < 8; start++) {
        for (uint32_t end = start + 1; end <= 8; end++) {
            for (int sides = 0; sides < 4; sides++) {
                open_ground(40);
                get((struct range_request){ .pages = 8, .at = 10,
                                            .type = RANGE_STACK,
                                            .protection = 3 });
                if (sides & 1)
                    get((struct range_request){ .pages = 2, .at = 8,
                                                .type = RANGE_OTHER });
                if (sides & 2)
                    get((struct range_request){ .pages = 2, .at = 18,
                                                .type = RANGE_OTHER });
                put(10 + start, end - start);
                check_against_model();
                put(10 + start, end - start);   /* twice: refused */
                check_against_model();
            }
        }
    }
}

static void frees_beyond_one_used_range_are_refused(void **state)
{
    (void)state;
    open_ground(64);
    get((struct range_request){ .pages = 4, .at = 8, .type = RANGE_SPAN });
    get((struct range_request){ .pages = 4, .at = 12, .type = RANGE_SPAN });
    for (uint32_t page = 0; page < 66; page++) {
        for (uint32_t pages = 0; pages < 66; pages++) {
            if (!model_is_used(page, pages))
                put(page, pages);
        }
    }
    put(UINT32_MAX, 1);
    put(8, UINT32_MAX);
    put(UINT32_MAX, UINT32_MAX);
    check_against_model();
}

static void tags_never_run_out_for_a_free(void **state)
{
    (void)state;
    /* Full to the last page, and then every second page is freed: each free
     * cuts a range in three, and there is no free page for tags. */
    open_ground(MAX_PAGES);
    get((struct range_request){ .pages = MAX_PAGES, .at = 0,
                                .type = RANGE_LAB });
    for (uint32_t page = 1; page < MAX_PAGES; page += 2) {
        put(page, 1);
        if (page % 64 == 1)
            check_against_model();
    }
    check_against_model();
    assert_true(g.tag_pages > 10);
    for (uint32_t page = 0; page < MAX_PAGES; page += 2)
        put(page, 1);
    check_against_model();
    assert_int_equal(g.ranges.used_pages, g.tag_pages);
    assert_true(g.ranges.free_count <= g.tag_pages + 1);
}

/* No spare tag, no free page, and then a free that needs two tags: it keeps
 * the first page of what is freed. */
static void a_free_without_tags_keeps_a_page_for_them(void **state)
{
    (void)state;
    open_ground(200);
    g.frames_left = 0;                  /* no refill meanwhile */
    for (uint32_t page = 0; g.ranges.spare_count > 0; page += 2)
        get((struct range_request){ .pages = 2, .at = page,
                                    .type = RANGE_OTHER });
    while (get((struct range_request){ .pages = 1, .at = RANGE_ANYWHERE,
                                       .type = RANGE_OTHER }) !=
           RANGE_ANYWHERE)
        ;
    get((struct range_request){ .pages = 200 - g.ranges.used_pages,
                                .at = g.ranges.used_pages,
                                .type = RANGE_STACK });
    check_against_model();
    assert_int_equal(g.ranges.used_pages, 200);
    assert_int_equal(g.ranges.spare_count, 0);

    g.frames_left = -1;
    put(150, 4);
    check_against_model();
    assert_int_equal(g.type[150], RANGE_TAGS);
    assert_int_equal(g.ranges.used_pages, 197);
    put(160, 1);
    put(1, 1);
    check_against_model();
    assert_int_equal(g.ranges.used_pages, 195);
}

static void the_whole_arena_can_be_used_and_freed(void **state)
{
    (void)state;
    for (uint32_t pages = 1; pages <= 70; pages++) {
        open_ground(pages);
        /* one page at a time; tags may take some */
        while (get((struct range_request){ .pages = 1, .at = RANGE_ANYWHERE,
                                           .type = RANGE_SPAN }) !=
               RANGE_ANYWHERE)
            ;
        for (uint32_t page = 0; page < pages; page++)
            assert_int_not_equal(g.type[page], RANGE_FREE);
        check_against_model();
        for (uint32_t page = 0; page < pages; page++) {
            if (g.type[page] != RANGE_TAGS)
                put(page, 1);
        }
        check_against_model();
    }
}

/* With the tree's root hidden, a whole range can be freed and taken again. */
static void a_whole_range_is_freed_without_walking_the_tree(void **state)
{
    (void)state;
    open_ground(2000);
    for (uint32_t page = 0; page < 600; page++)
        get((struct range_request){ .pages = 3, .at = RANGE_ANYWHERE,
                                    .type = RANGE_OTHER });
    assert_true(g.ranges.bucket_count / 2 >= g.ranges.used_count);
    for (uint32_t page = 3; page < 1797; page += 3) {
        range_ref root = g.ranges.root;
        uint32_t again;

        if (ranges_find(&g.ranges, page)->start != page)
            fail_msg("no range starts at page %u", page);
        g.ranges.root = RANGE_NIL;
        assert_int_equal(ranges_free(&g.ranges, page, 3), MM_OK);
        assert_int_equal(ranges_alloc(&g.ranges, &(struct range_request){
            .pages = 3, .at = RANGE_ANYWHERE, .type = RANGE_OTHER }, &again),
            MM_OK);
        assert_int_equal(again, page);
        g.ranges.root = root;
    }
    check_against_model();
}

/* Tags move together, and the pages that they leave are free. */
static void trim_gives_pages_of_tags_back(void **state)
{
    (void)state;
    for (uint32_t step = 1; step < 40; step++) {
        uint32_t wanted = 0, count = 0;

        open_ground(2000);
        while (get((struct range_request){ .pages = 1, .at = RANGE_ANYWHERE,
                                           .type = RANGE_SPAN }) !=
               RANGE_ANYWHERE)
            ;
        assert_true(g.ranges.tag_pages > 10);
        for (uint32_t page = 0; page < g.pages; page++) {
            if (g.type[page] == RANGE_TAGS || g.type[page] == RANGE_FREE)
                continue;
            if (count++ % (step * step) == 0)
                wanted += 2;            /* it stays, with a hole behind it */
            else
                put(page, 1);
        }
        /* now and then, one with a free range that hangs before and behind */
        for (uint32_t page = 3; step % 2 == 0 && page + 5 < g.pages; page += 97)
            if (model_is_free(page - 2, 5))
                wanted += 2 * (get((struct range_request){
                    .pages = 1, .at = page, .type = RANGE_SPAN,
                }) != RANGE_ANYWHERE);
        check_against_model();

        uint32_t before = g.ranges.tag_pages;
        uint32_t given = ranges_trim(&g.ranges);

        assert_int_equal(g.ranges.tag_pages, before - given);
        for (uint32_t page = 0; page < g.pages; page++) {
            const struct range_tag *tag = ranges_find(&g.ranges, page);

            assert_non_null(tag);
            if (g.type[page] == RANGE_TAGS && tag->type == RANGE_FREE)
                g.type[page] = RANGE_FREE;
        }
        check_against_model();
        /* what is used fits what is left, and two pages would not do */
        uint32_t index_pages = g.ranges.used_count <= RANGE_FIRST_BUCKETS / 2
                                   ? 0 : g.ranges.used_count / 512 + 2;

        assert_true(g.ranges.tag_pages <= index_pages +
                    (wanted + RANGE_SPARE_TAGS + 2) / 128 + 2);
        assert_true(g.ranges.bucket_count <= RANGE_FIRST_BUCKETS ||
                    g.ranges.bucket_count / 2 <= g.ranges.used_count);
        assert_int_equal(ranges_trim(&g.ranges), 0);
    }
}

static void probe_says_where_alloc_goes_and_changes_no_range(void **state)
{
    uint64_t random = 11;

    (void)state;
    open_ground(300);
    for (int i = 0; i < 600; i++) {
        struct range_request request = random_request(&random);
        uint32_t probed = 1, page = 2;
        enum mm_fault fault = ranges_probe(&g.ranges, &request, &probed);

        check_against_model();
        if (fault != MM_OK) {
            get(request);
        } else {
            request.at = probed;
            page = get(request);
            assert_int_equal(page, probed);
        }
        if (i % 3 == 0) {
            const struct range_tag *tag =
                ranges_find(&g.ranges, (uint32_t)random_below(&random, 300));

            put(tag->start, tag->pages);
        }
        check_against_model();
    }
}

static void protection_is_kept_in_the_tag(void **state)
{
    (void)state;
    open_ground(64);
    get((struct range_request){ .pages = 10, .at = 20, .type = RANGE_STACK,
                                .protection = RANGE_READ });
    put(24, 2);                         /* both parts keep it */
    check_against_model();
}

/* Every field of every tag, flipped bit by bit: the checker sees it, or it is
 * a field that may have any value there; and nothing runs for ever. */
static void the_checker_sees_every_flipped_bit(void **state)
{
    uint64_t random = 3;
    unsigned flips = 0, missed = 0;

    (void)state;
    open_ground(200);
    for (int i = 0; i < 60; i++)
        get(random_request(&random));
    for (int i = 0; i < 25; i++) {
        const struct range_tag *tag =
            ranges_find(&g.ranges, (uint32_t)random_below(&random, 200));

        put(tag->start, tag->pages);
    }
    check_against_model();

    for (uint32_t page = 0; page < g.pages; page++) {
        if (!g.starts[page])
            continue;

        struct range_tag *tag =
            (struct range_tag *)ranges_find(&g.ranges, page);
        bool is_free = tag->type == RANGE_FREE;

        for (unsigned bit = 0; bit < 8 * sizeof *tag; bit++) {
            unsigned char *byte = (unsigned char *)tag + bit / 8;
            size_t field = bit / 8;
            uint32_t where;

            if (field > offsetof(struct range_tag, type) && bit % 8 != 7)
                continue;       /* any protection; all but `hangs` */
            *byte ^= 1u << bit % 8;
            flips++;
            /* one used type for another is no damage that can be seen */
            if (ranges_check(&g.ranges, &where) == NULL &&
                (tag->type >= RANGE_TYPES || tag->type == RANGE_FREE ||
                 is_free || field != offsetof(struct range_tag, type)))
                missed++;
            *byte ^= 1u << bit % 8;
        }
    }
    check_against_model();
    assert_true(flips > 2000);
    assert_int_equal(missed, 0);
}

/* ---- the checker's words ------------------------------------------------ */

static struct range_tag *tag_of(uint32_t page)
{
    return (struct range_tag *)ranges_find(&g.ranges, page);
}

static void short_tag(void) { tag_of(20)->pages--; }
static void long_tag(void) { tag_of(20)->pages++; }
static void no_type(void) { tag_of(20)->type = RANGE_TYPES; }
static void wrong_parent(void) { tag_of(30)->parent = tag_of(30)->left + 9; }
static void wrong_height(void)
{
    range_tag_at(&g.ranges, g.ranges.root)->left_height++;
}
static void second_free(void) { tag_of(20)->type = RANGE_FREE; }
static void off_its_list(void)
{
    g.ranges.lists[class_of(tag_of(10)->pages)] = RANGE_NIL;
}
static void wrong_list(void)
{
    g.ranges.lists[0] = range_ref_of(&g.ranges, tag_of(10));
    g.ranges.map[0] |= 1;
}
static void wrong_bit(void) { g.ranges.map[3] ^= 2; }
static void wrong_pages(void) { g.ranges.used_pages--; }
static void wrong_used(void) { g.ranges.used_count++; }
static void wrong_free(void) { g.ranges.free_count++; }
static range_ref *bucket_of(uint32_t page)
{
    for (uint32_t i = 0; i < RANGE_FIRST_BUCKETS; i++)
        if (g.ranges.buckets[i] == range_ref_of(&g.ranges, tag_of(page)))
            return &g.ranges.buckets[i];
    fail_msg("page %u is in no bucket", page);
    return NULL;
}
static void not_indexed(void) { *bucket_of(20) = RANGE_NIL; }
static void free_in_index(void)
{
    *bucket_of(20) = range_ref_of(&g.ranges, tag_of(10));
}
static void wrong_bucket(void)
{
    range_ref *bucket = bucket_of(30), ref = *bucket;

    *bucket = RANGE_NIL;
    while (*bucket != RANGE_NIL || bucket == g.ranges.buckets)
        bucket++;
    *(bucket > g.ranges.buckets + 60 ? g.ranges.buckets : bucket + 1) = ref;
}

static void the_checker_names_what_is_broken(void **state)
{
    static const struct {
        const char *invariant;
        void (*damage)(void);
    } damages[] = {
        { "R1", short_tag }, { "R1", long_tag }, { "R1", no_type },
        { "R2", wrong_parent }, { "R3", wrong_height }, { "R4", second_free },
        { "R5", off_its_list }, { "R5", wrong_list }, { "R5", wrong_bit },
        { "R6", wrong_pages }, { "R6", wrong_used }, { "R6", wrong_free },
        { "R7", not_indexed }, { "R7", free_in_index }, { "R7", wrong_bucket },
    };

    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        uint32_t page;

        open_ground(64);                /* free [10, 20) and [50, 64) */
        for (uint32_t at = 0; at < 50; at += 10)
            get((struct range_request){ .pages = 10, .at = at,
                                        .type = RANGE_OTHER });
        put(10, 10);
        check_against_model();
        damages[i].damage();

        const char *broken = ranges_check(&g.ranges, &page);

        if (broken == NULL || strncmp(broken, damages[i].invariant, 2) != 0)
            fail_msg("damage %u: %s expected, the checker says %s",
                     (unsigned)i, damages[i].invariant,
                     broken == NULL ? "nothing" : broken);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_programs_match_the_model),
        cmocka_unit_test(random_programs_without_frames_for_tags),
        cmocka_unit_test(every_alignment),
        cmocka_unit_test(an_aligned_run_that_just_fits_is_found),
        cmocka_unit_test(any_part_of_a_used_range_can_be_freed),
        cmocka_unit_test(frees_beyond_one_used_range_are_refused),
        cmocka_unit_test(tags_never_run_out_for_a_free),
        cmocka_unit_test(a_free_without_tags_keeps_a_page_for_them),
        cmocka_unit_test(the_whole_arena_can_be_used_and_freed),
        cmocka_unit_test(a_whole_range_is_freed_without_walking_the_tree),
        cmocka_unit_test(trim_gives_pages_of_tags_back),
        cmocka_unit_test(probe_says_where_alloc_goes_and_changes_no_range),
        cmocka_unit_test(protection_is_kept_in_the_tag),
        cmocka_unit_test(the_checker_sees_every_flipped_bit),
        cmocka_unit_test(the_checker_names_what_is_broken),
    };

    return cmocka_run_group_tests(tests, NULL, close_ground);
}

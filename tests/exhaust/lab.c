/* SPDX-License-Identifier: MIT */
/*
 * lab.c - the shell and its lab, out of memory at every point
 *
 * Commands are typed at a whole shell. Memory can run out in three places:
 *
 *   frames   the lab's own: every single frame_alloc() is a point; and, as
 *            it really happens, somebody else has all but a few of them
 *   places   a run of pages, a span, a page for slots
 *   room     what the shell asks its home for: labs, copies, a journal
 *
 * A command that is refused leaves the lab as it was (lab_hash(), but for what
 * says how the last call went), no frame is lost, the checkers are content,
 * and the shell says what has run out. What a heap has to spare it gives up
 * before it refuses: so half of the commands find the lab trimmed, and what is
 * refused is asked for once more.
 */
#include "shell_home.h"

#include "lab/lab.h"
#include "points.h"
#include "trace/ledger.h"

/* ---- what the linker leads here --------------- */

LED(pfn_t, frame_alloc, struct frames *frames);
LED(void *, home_memory, size_t size);

static enum point counted;      /* POINT_FRAME: all but room; or POINT_ROOM */

pfn_t __wrap_frame_alloc(struct frames *frames)
{
    if (counted == POINT_FRAME && point_fails(POINT_FRAME))
        return FRAME_NONE;
    return __real_frame_alloc(frames);
}

void *__wrap_home_memory(size_t size)
{
    if (counted == POINT_ROOM && point_fails(POINT_ROOM))
        return NULL;
    return __real_home_memory(size);
}

/* ---- the lab --------------- */

static struct machine *machine(void)
{
    return lab_machine(session.lab);
}

static void forget_last_call(struct heap *heap)
{
    if (heap != NULL)
        heap->refusal = heap->refusal_quantum = heap->examined = 0;
}

static uint64_t hash(uint64_t hash, const void *data, size_t size)
{
    const uint32_t *words = data;

    for (size_t i = 0; i < size / 4; i++) {
        hash = (hash ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash;
}

static uint64_t heap_hash(uint64_t all, const struct heap *heap)
{
    return heap == NULL ? all : hash(all, &heap->small,
                                     sizeof *heap -
                                         offsetof(struct heap, small));
}

/* All but the frames' own lists: heaps, ranges, letters, which pages are held
 * and what is in them. */
static uint64_t lab_without_frames(void)
{
    const struct machine *lab = machine();
    uint64_t all = heap_hash(1, lab->heap);
    pfn_t pfn;

    for (uint32_t i = 1; i <= LAB_THREADS; i++)
        all = heap_hash(all, lab_thread(session.lab, i));
    all = hash(all, &lab->ranges->root,
               sizeof *lab->ranges - offsetof(struct ranges, root));
    all = hash(all, lab->ledger, ledger_bytes(lab->ledger->capacity));
    for (uint32_t page = 0; page * (uint64_t)MM_PAGE < lab->arena_bytes;
         page++) {
        bool held = lab->frame_of(lab, page, &pfn);

        all = (all ^ held) * 3;
        if (held)
            all = hash(all, lab->ranges->base + (size_t)page * MM_PAGE,
                       MM_PAGE);
    }
    return all;
}

/*
 * Every byte of the lab, but for what is said of the last call and that there
 * was one. Where a frame is refused although there are some, those
 * that were taken before it go back to the list, and are not what they were
 * in one way: the next to be handed out.
 */
static uint64_t lab_state(void)
{
    struct ledger *ledger = machine()->ledger;
    uint32_t operations = ledger->operations;
    uint64_t state;

    forget_last_call(machine()->heap);
    for (uint32_t i = 1; i <= LAB_THREADS; i++)
        forget_last_call(lab_thread(session.lab, i));
    ledger->operations = 0;
    state = counted == POINT_FRAME ? lab_without_frames()
                                   : lab_hash(session.lab);
    ledger->operations = operations;
    return state;
}

static uint32_t taken;          /* frames that the test itself has taken */

/* Every frame is free, behind one page, or the test's. */
static void lab_check(const char *command)
{
    const struct machine *lab = machine();
    struct heap_damage damage;
    uint32_t held = 0, page;
    const char *fault = ranges_check(lab->ranges, &page);
    pfn_t pfn;

    for (uint32_t i = 0; i * (uint64_t)MM_PAGE < lab->arena_bytes; i++)
        held += lab->frame_of(lab, i, &pfn);
    if (frames_available(lab->frames) + held + taken !=
        lab->frames->frame_count)
        fail_msg("after '%s': %u frames are free, %u behind pages, of %u",
                 command, frames_available(lab->frames), held,
                 lab->frames->frame_count);
    if (fault == NULL)
        fault = frames_check(lab->frames, &pfn);
    if (fault == NULL && !heap_check(lab->heap, &damage))
        fault = damage.invariant;
    if (fault != NULL)
        fail_msg("after '%s': %s", command, fault);
}

/* ---- commands --------------- */

static uint64_t refusals;

static void expect_said(const char *command, const char *part)
{
    if (strstr(shell_home.written, part) == NULL)
        fail_msg("'%s' was refused for want of memory, and '%s' is not in "
                 "what was said:\n%s", command, part, shell_home.written);
}

/* Everything that the lab's heaps could give up before a refusal. */
static void trim_all(void)
{
    heap_trim(machine()->heap);
    for (uint32_t i = 1; i <= LAB_THREADS; i++)
        if (lab_thread(session.lab, i) != NULL)
            heap_trim(lab_thread(session.lab, i));
}

/* COMMAND was refused, the lab's state was BEFORE, and it had something to
 * give up unless TRIMMED. AGAIN: memory stays as it is. */
static void refused(const char *command, uint64_t before, bool for_memory,
                    bool trimmed, bool again)
{
    refusals += for_memory;
    if (for_memory && points.kind == POINT_FRAME)
        expect_said(command, "need more frames than are left");
    if (for_memory && points.kind == POINT_ROOM)
        expect_said(command, strcmp(command, "bench") == 0
                                 ? "there are not as many" : "memory");
    if (trimmed && lab_state() != before)
        fail_msg("'%s' was refused, and the lab has changed:\n%s", command,
                 shell_home.written);
    if (!again)
        return;
    before = lab_state();
    run(command);
    if (!session.refused || lab_state() != before)
        fail_msg("'%s' was refused twice, and the lab has changed", command);
}

static void type(const char *command)
{
    static unsigned turn;
    bool may_fail = points_step(), trimmed = may_fail && turn++ % 2 == 0;
    uint64_t before = 0, failed = points.failed;

    if (trimmed) {
        trim_all();
        before = lab_state();
    }
    run(command);
    if (session.refused && may_fail)
        refused(command, before, points.failed != failed, trimmed,
                points.lasting && points.failed != failed);
    if (points.failed != failed)
        lab_check(command);
}

/* Frees everything that is left, and gives everything back. */
static void empty_the_lab(void)
{
    const struct machine *lab = machine();
    const struct ledger_entry *entry;
    struct heap_cursor cursor;

    while ((entry = ledger_first(lab->ledger)) != NULL) {
        runf("free +0x%llx", (unsigned long long)entry->at);
        if (session.refused)
            fail_msg("a free was refused:\n%s", shell_home.written);
    }
    for (int round = 0; round < 2; round++) {
        trim_all();
        run("trim");
    }
    lab_check("trim");
    heap_walk(&cursor);
    assert_false(heap_walk_next(lab->heap, &cursor));
    assert_int_equal(lab->ranges->used_pages, lab->ranges->tag_pages);
    assert_int_equal(frames_available(lab->frames) + taken +
                         lab->ranges->tag_pages, lab->frames->frame_count);
}

/* ---- frames and places --------------- */

static const char *const commands[] = {
    "alloc 24", "alloc 100", "alloc 3000", "alloc 9000", "alloc 20000",
    "alloc 500 align 1024", "alloc 200 small", "alloc 200 block",
    "alloc 5000 large", "realloc b 6000", "realloc a 300", "free c",
    "as 2 alloc 64", "as 2 alloc 2000", "as 3 alloc 64", "as 2 free a",
    "as 3 free k", "as 2 alloc 64", "as 2 alloc 3500", "free d", "trim",
    "alloc 3900", "alloc 7000", "alloc 4000 align 4096", "realloc m 9000",
    "free b", "as 3 alloc 3500", "alloc 11000", "realloc e 40000",
    "realloc e 21000", "as 2 trim", "alloc 1", "alloc 0",
};

static void begin(const char *reset)
{
    counted = POINTS;                   /* nothing fails until we are there */
    taken = 0;
    shell_open();
    run(reset);
    run("small on");
    assert_false(session.refused);
    lab_thread_start(session.lab, 2);
    lab_thread_start(session.lab, 3);
}

static void scenario(void)
{
    begin("reset 256K 16K");
    points_begin(points.fail, points.lasting);
    counted = POINT_FRAME;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        type(commands[i]);
    lab_check("the last command");
    empty_the_lab();
    points_end();
}

static void every_frame_and_every_place_of_a_lab(void **state)
{
    (void)state;
    refusals = 0;
    points_run_all("a lab", scenario);
    printf("# a lab: %llu commands were refused\n",
           (unsigned long long)refusals);
    assert_true(refusals > 0);
    shell_close();
}

/* ---- frames that somebody else has --------------- */

/* The commands, while LEFT frames of the lab are free. Whether nothing was
 * refused for want of frames. */
static bool with_so_few_frames(uint32_t left)
{
    uint64_t before;
    bool enough = true;
    char said[80];

    begin("reset 256K 16K");
    points_begin(0, false);
    counted = POINT_FRAME;
    while (frames_available(machine()->frames) > left) {
        assert_true(__real_frame_alloc(machine()->frames) != FRAME_NONE);
        taken++;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (i % 2 == left % 2)
            trim_all();
        before = lab_state();
        run(commands[i]);
        lab_check(commands[i]);
        if (!session.refused)
            continue;
        if (strstr(shell_home.written, "frames") != NULL) {
            enough = false;
            refusals++;
            snprintf(said, sizeof said, "%u are free, which is",
                     frames_available(machine()->frames));
            expect_said(commands[i], said);
        }
        refused(commands[i], before, false, i % 2 == left % 2, true);
    }
    empty_the_lab();
    return enough;
}

static void every_number_of_frames_that_are_left(void **state)
{
    uint32_t left = 0;

    (void)state;
    refusals = 0;
    while (!with_so_few_frames(left))
        left++;
    printf("# frames: with %u left nothing is refused, with 0 ... %u %llu "
           "commands were\n", left, left - 1, (unsigned long long)refusals);
    assert_true(left > 10 && refusals > left);
    shell_close();
}

/* ---- room --------------- */

static const char *const room_commands[] = {
    "alloc 24", "alloc 3000", "save one", "alloc 100", "save one", "save two",
    "free a", "back 1", "forward 1", "load one", "policy best", "alloc 50",
    "race rows", "replay rows", "load two", "bench", "reset 32K 8K",
    "alloc 2000", "predict alloc 5", "back 1",
};

/* What was saved as `one` is there until something else is. */
static void type_for_room(const char *command, bool *saved)
{
    uint64_t before = points_step() ? lab_state() : 0;
    uint64_t failed = points.failed;

    run(command);
    if (points.failed != failed && session.refused)
        refused(command, before, true, true, false);
    if (points.failed != failed)
        lab_check(command);
    if (strcmp(command, "save one") == 0 && !session.refused)
        *saved = true;
    if (strcmp(command, "load one") == 0 && points.failed == failed &&
        *saved && session.refused)
        fail_msg("what was saved before is lost:\n%s", shell_home.written);
}

static void room_scenario(void)
{
    size_t memory_before;
    bool saved = false;

    counted = POINTS;
    taken = 0;
    shell_home.file_name = "rows.rep";
    shell_home.file = "1000\n3\n6\n1\na 0 100\na 1 200\nf 0\na 2 300\nf 1\n"
                      "f 2\n";
    shell_close();
    memory_before = shell_home.memory_left;
    points_begin(points.fail, points.lasting);
    shell_open();
    counted = POINT_ROOM;
    for (size_t i = 0; i < sizeof room_commands / sizeof *room_commands; i++)
        type_for_room(room_commands[i], &saved);
    empty_the_lab();
    points_end();
    shell_close();
    assert_int_equal(shell_home.memory_left, memory_before);
}

static void room_for_the_shell(void **state)
{
    (void)state;
    refusals = 0;
    places_are_points = false;
    points_run_all("room", room_scenario);
    printf("# room: %llu commands were refused\n",
           (unsigned long long)refusals);
    assert_true(refusals > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_and_every_place_of_a_lab),
        cmocka_unit_test(every_number_of_frames_that_are_left),
        cmocka_unit_test(room_for_the_shell),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

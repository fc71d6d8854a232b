/* SPDX-License-Identifier: MIT */
/*
 * malloc.c - the allocator under a real program: malloc and its family
 *
 * Theory of operation
 * -------------------
 * The same src/mm as in the kernel and the lab, with another home: an arena
 * of address space in a process.
 *
 *     thread -> its heap -> spans, from ranges of the arena (under a lock)
 *                            -> pages, from the system (pages.c)
 *
 * Every thread has a heap of its own, found through one thread-local pointer,
 * and takes no lock while its slot pages, kept blocks and spans have what it
 * needs. What another thread allocated is pushed on its owner's remote list
 * (mm/threads.c). The lock guards what is shared: ranges, and pages.
 *
 *     running    my.heap = the thread's heap
 *     ending     in a late round of destructors the heap is left to the
 *                orphans, put in order; the next thread that needs a heap
 *                adopts one, with everything in it
 *     ended      what the C library still frees or allocates for the thread
 *                goes through the *common* heap, under the lock. So do threads
 *                that can get no heap (more than 65534 at once), and all
 *                threads above level of care none
 *
 * fork() takes the lock, so that the child finds ranges and pages in order.
 * The forking thread's heap is in order, since it is in fork(); so are the
 * orphans and the common heap. The heaps of other threads may be in the middle
 * of something: in the child nobody touches them again, and what is pushed to
 * them there stays pushed.
 *
 * Invariants:
 *
 *   M1  A heap is touched by the one thread whose `my.heap` it is, or under the
 *       lock when it is an orphan or the common one.
 *   M2  heaps[n] is written once, before the first payload of heap n leaves
 *       it: whoever has such a payload sees heaps[n].
 *   M3  my.fast is the front of my.heap (mm/heap_fast.h); while there is no
 *       heap it sends everybody the slow way.
 *   M4  A thread that has the lock may take it again (held_times): handlers
 *       of fork() may allocate.
 *
 * What can be set in the environment, when the program starts:
 *
 *     HEAPGLASS_LEVEL=none|check|canary|poison|full    how much care is taken
 *     HEAPGLASS_SEED=N                 at level full: which freed block waits
 *                                      how long
 *
 * What it is bad at: more than 32 GiB in one process is refused; a thread that
 * sleeps keeps what others have freed for it; in a child of fork() what its
 * parent's other threads had allocated is never used again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>
#include <unistd.h>

#include "../mm/heap_fast.h"
#include "judge.h"
#include "pages.h"

#define PUBLIC __attribute__((visibility("default")))
#define HOT __attribute__((hot, aligned(64)))      /* else where its branches
                                           lie in their lines is chance */
#define HOT_CALL __attribute__((hot, noinline))
#define COLD __attribute__((cold, noinline))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

enum {
    HEAPS_MAX = 65536,
    LAST_ROUND = PTHREAD_DESTRUCTOR_ITERATIONS - 1,
    HEAPS_BYTES = 64 * 1024,            /* asked of the system at once */
    HOLLOW_PAGES = 32,                  /* a free block keeps less idle */
    KEEP = 15,                          /* blocks of a size, at first */
    BLOCK_MOST = SPAN_MAX_BYTES / 4,    /* a block serves that many bytes */
    WASTE_PART = 8,                     /* that realloc may leave unused */
};

/* ---- the one instance ------------------------------------------------- */

static struct {
    _Alignas(MM_PAGE) pthread_mutex_t lock;
    uint64_t locked;                    /* how often it was taken */
    bool alone;                         /* it is held in name only */
    bool ready;
    enum heap_level level;
    uint32_t seed;
    pthread_key_t ending;               /* its destructor orphans a heap */
    bool has_key;
    unsigned char *spare;               /* memory for heaps, page by page */
    size_t spare_bytes;
    uint32_t heap_count;                /* the highest number */
    uint32_t orphan_count;
    struct ranges ranges;
    struct heap *heaps[HEAPS_MAX];      /* by number; 0 is nobody's */
    uint16_t orphans[HEAPS_MAX];        /* numbers of heaps without a thread */
    struct heap common;                 /* number 1; used under the lock */
} library = { .lock = PTHREAD_MUTEX_INITIALIZER };

#define THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))

/* What a thread has before it has a heap: nothing is kept, nothing is its
 * own. */
static struct heap nobody;

#define FAST_NONE { .heap = &nobody }

static THREAD_LOCAL struct heap_fast my = FAST_NONE;

/* This thread's front, by one address: what follows is then not looked up
 * against the thread's register each time. */
static inline struct heap_fast *my_fast(void)
{
    struct heap_fast *fast = &my;

    __asm__("" : "+r"(fast));
    return fast;
}

static THREAD_LOCAL unsigned held_times;        /* the lock, by this thread */
static THREAD_LOCAL unsigned rounds;    /* of destructors this thread saw */
static THREAD_LOCAL bool ended;         /* this thread has left its heap */
static THREAD_LOCAL bool want_zero;     /* calloc wants fresh zeroes rather
                                           than dirty pages */

/* ---- the home --------------------------------------------------------- */

/* While there is one thread nobody else wants the lock, which is a tenth of a
 * large request, and more when the code of mutexes has not run for a while. */
static void lock_as(bool alone)
{
    if (held_times++ == 0) {
        if (!alone)
            pthread_mutex_lock(&library.lock);
        library.alone = alone;
        library.locked++;
    }
}

static void lock(void)
{
    lock_as(__libc_single_threaded);
}

static void unlock(void)
{
    if (--held_times == 0 && !library.alone)
        pthread_mutex_unlock(&library.lock);
}

static bool library_hold(void *context, uint32_t page, uint32_t count)
{
    int saved = errno;
    bool held = pages_hold(page, count, want_zero);

    (void)context;
    errno = saved;
    return held;
}

static void library_release(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    pages_release(page, count);
}

static bool library_grows(void *context, uint32_t count)
{
    if (library.level > HEAP_LEVEL_NONE)
        return false;
    (void)context;
    lock();

    bool grows = pages_grow(count);

    unlock();
    return grows;
}

static void library_lock(void *context)
{
    (void)context;
    lock();
}

static void library_unlock(void *context)
{
    (void)context;
    unlock();
}

static struct heap *library_heap_of(void *context, uint32_t owner)
{
    (void)context;
    return library.heaps[owner];
}

static const struct mm_home library_home = {
    .hold = library_hold,
    .release = library_release,
    .grows = library_grows,
    .lock = library_lock,
    .unlock = library_unlock,
    .heap_of = library_heap_of,
};

/* ---- start ------------------------------------------------------------ */

static void library_heap_init(struct heap *heap, uint32_t owner)
{
    heap_init(heap, &(struct heap_setup){
        .home = &library_home,
        .ranges = &library.ranges,
        .span_bytes = SPAN_MAX_BYTES,
        .hollow_pages = HOLLOW_PAGES,
        .keep = library.level > HEAP_LEVEL_NONE ? 0 : KEEP,
        .owner = owner,
        .level = library.level,
        .seed = library.seed,
        .small = true,
    });
    library.heaps[owner] = heap;
}

static void read_environment(void)
{
    const char *level = secure_getenv("HEAPGLASS_LEVEL");
    const char *seed = secure_getenv("HEAPGLASS_SEED");

    library.seed = seed != NULL ? (uint32_t)strtoul(seed, NULL, 0)
                                : (uint32_t)getpid();
    if (level == NULL)
        return;
    for (int i = HEAP_LEVEL_NONE; i < HEAP_LEVELS; i++) {
        if (strcmp(level, heap_level_name((enum heap_level)i)) == 0) {
            library.level = (enum heap_level)i;
            return;
        }
    }
    judge_say("HEAPGLASS_LEVEL is none, check, canary, poison or full; what "
              "it is set to is none of these, so there is no extra care.");
}

/* In earnest: other handlers of fork() may start a thread. */
static void before_fork(void)
{
    lock_as(false);
}

static void after_fork_parent(void)
{
    unlock();
}

static void after_fork_child(void)
{
    held_times = 0;
    library.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

/* This thread uses HEAP from now on. */
static void thread_takes(struct heap *heap)
{
    heap_set_fast(heap, &my);
}

/* This thread has no heap any more. */
static void thread_leaves(void)
{
    heap_set_fast(my.heap, NULL);
    my = (struct heap_fast)FAST_NONE;
}

/*
 * A thread ends. Other destructors may come after this one and allocate, so
 * it asks to be called again until the last round but one (in the last one
 * others who do as we do have torn down what a lock may need).
 */
static void thread_ends(void *value)
{
    struct heap *heap = value;

    if (++rounds < LAST_ROUND &&
        pthread_setspecific(library.ending, heap) == 0)
        return;
    heap_settle(heap);
    thread_leaves();
    ended = true;
    lock();
    library.orphans[library.orphan_count++] = (uint16_t)heap->owner;
    unlock();
}

/* Locked; the first call of all. */
static void library_start(void)
{
    read_environment();

    unsigned char *base = pages_start(library.level == HEAP_LEVEL_FULL);

    if (base == NULL)
        mm_home_panic(__FILE__, __LINE__, "there is no address space for the "
                      "arena: is `ulimit -v` below a few MiB?");
    ranges_init(&library.ranges, &library_home, base, PAGES_ARENA);

    /* Page 0 is nobody's: no payload has the offset 0. */
    struct range_request first = {
        .pages = 1, .at = 0, .type = RANGE_OTHER, .protection = RANGE_READ,
    };
    uint32_t page;

    if (ranges_alloc(&library.ranges, &first, &page) != MM_OK)
        mm_home_panic(__FILE__, __LINE__, "the arena is full from the start");
    if (library.level == HEAP_LEVEL_NONE)
        ranges_keep(&library.ranges);
    library_heap_init(&library.common, 1);
    library.heap_count = 1;
    if (library.level == HEAP_LEVEL_FULL)
        judge_guards(&library.common);
    library.has_key = pthread_key_create(&library.ending, thread_ends) == 0;
    pthread_atfork(before_fork, after_fork_parent, after_fork_child);
    __atomic_store_n(&library.ready, true, __ATOMIC_RELEASE);
}

/* ---- whose turn: a heap for this thread ------------------------------- */

/* Memory for a heap; NULL when the system has none. Locked. */
static struct heap *heap_memory(void)
{
    size_t bytes = mm_round_up(sizeof(struct heap), MM_PAGE);

    if (library.spare_bytes < bytes) {
        void *memory = mmap(NULL, HEAPS_BYTES, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
            return NULL;
        library.spare = memory;
        library.spare_bytes = HEAPS_BYTES;
    }

    struct heap *heap = (struct heap *)library.spare;

    library.spare += bytes;
    library.spare_bytes -= bytes;
    return heap;
}

/* A heap that nobody has, an orphan first; NULL when there is none. Locked. */
static struct heap *heap_unowned(void)
{
    struct heap *heap = NULL;

    if (library.orphan_count > 0) {
        heap = library.heaps[library.orphans[--library.orphan_count]];
        heap_adopt(heap);
    } else if (library.heap_count + 1 < HEAPS_MAX &&
               (heap = heap_memory()) != NULL) {
        library_heap_init(heap, ++library.heap_count);
    }
    return heap;
}

/* Whether this thread shall have no heap of its own. */
static bool uses_common(void)
{
    return library.level > HEAP_LEVEL_NONE || ended || !library.has_key;
}

/* Gives this thread, which has none, a heap of its own; NULL when it is to
 * use the common one. */
static COLD struct heap *heap_mine(void)
{
    struct heap *heap = NULL;

    if (__atomic_load_n(&library.ready, __ATOMIC_ACQUIRE) && uses_common())
        return NULL;
    lock();
    if (!library.ready)
        library_start();
    if (!uses_common())
        heap = heap_unowned();
    unlock();
    if (heap == NULL)
        return NULL;

    /* First this, since what follows may allocate. */
    thread_takes(heap);
    if (pthread_setspecific(library.ending, heap) == 0)
        return heap;
    rounds = LAST_ROUND;                /* nobody would call it */
    thread_ends(heap);
    return NULL;
}

/* The heap that this thread uses now: its own, or the common one, locked. */
static struct heap *turn_begin(void)
{
    if (LIKELY(my.heap != &nobody))
        return my.heap;

    struct heap *heap = heap_mine();

    if (heap != NULL)
        return heap;
    lock();
    return &library.common;
}

static void turn_end(const struct heap *heap)
{
    if (UNLIKELY(heap == &library.common))
        unlock();
}

/* ---- when memory is short --------------------------------------------- */

/* Frees what is of no use: other heaps' empty pages, all dirty ones. How many
 * pages. */
static uint64_t library_trim(struct heap *heap)
{
    uint64_t given = heap_trim(heap);

    lock();
    if (heap != &library.common)
        given += heap_trim(&library.common);
    for (uint32_t i = 0; i < library.orphan_count; i++)
        given += heap_trim(library.heaps[library.orphans[i]]);
    given += pages_flush();
    unlock();
    return given;
}

/* Unmaps what lies in no range: address space counts for ulimit -v. */
static uint32_t library_unmap(void)
{
    uint32_t unmapped = 0;
    const struct range_tag *range = ranges_find(&library.ranges, 0);

    for (; range != NULL; range = ranges_next(&library.ranges, range))
        if (range->type == RANGE_FREE)
            unmapped += pages_unmap(range->start, range->pages);
    return unmapped;
}

/*
 * HEAP has refused a request. Whether it is worth another try: the program
 * has mapped something into our arena, which is avoided from now on; or
 * something could be given back, which is tried once, as *TRIED remembers.
 */
static bool library_recover(struct heap *heap, bool *tried)
{
    bool again = false;

    if (heap->refusal >= MM_TOO_LARGE)
        return false;
    lock();
    for (uint32_t page; (page = pages_taken()) != 0; again = true) {
        struct range_request taken = {
            .pages = PAGES_CHUNK, .at = page, .type = RANGE_OTHER,
        };

        if (ranges_alloc(&library.ranges, &taken, &page) != MM_OK)
            break;
    }
    if (!again && !*tried) {
        *tried = true;
        again = library_trim(heap) > 0;
        again = library_unmap() > 0 || again;
    }
    unlock();
    return again;
}

/* ---- malloc and its family -------------------------------------------- */

/* What this C library's headers may not have: C23's, and one of old. */
void free_sized(void *payload, size_t size);
void free_aligned_sized(void *payload, size_t align, size_t size);
void cfree(void *payload);

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

/* What the fast paths do not do; ALIGN 0: any. Sets errno when it fails, and
 * only then. */
static HOT_CALL void *alloc_slowly(size_t size, size_t align)
{
    if (size > PTRDIFF_MAX)
        return no_memory();

    int saved = errno;
    bool tried = false;
    struct heap *heap = turn_begin();
    void *payload;

    do
        payload = heap_alloc_request(heap, &(struct heap_request){
            .size = size, .align = align });
    while (UNLIKELY(payload == NULL) && library_recover(heap, &tried));
    if (payload == NULL && mm_is_damage((enum mm_fault)heap->refusal))
        judge("malloc", NULL, heap, (enum mm_fault)heap->refusal);
    turn_end(heap);
    if (payload == NULL)
        return no_memory();
    errno = saved;
    return payload;
}

/* No slot for SIZE bytes is kept. */
static HOT_CALL void *slot_alloc_slowly(size_t size)
{
    void *payload = NULL;

    if (my.heap != &nobody)
        payload = heap_alloc_slot(my.heap, size);
    return LIKELY(payload != NULL) ? payload : alloc_slowly(size, 0);
}

/* No block of SIZE bytes is kept. */
static HOT_CALL void *block_alloc_slowly(size_t size)
{
    void *payload = NULL;

    if (size <= BLOCK_MOST && my.heap != &nobody)
        payload = heap_alloc_block(my.heap, size);
    return LIKELY(payload != NULL) ? payload : alloc_slowly(size, 0);
}

/* The smallest, and the largest. */
static HOT_CALL void *malloc_seldom(size_t size)
{
    void *slot = size <= 8 ? fast_slot_reuse(my_fast()->slots) : NULL;

    if (size > SLOT_MAX_BYTES)
        return block_alloc_slowly(size);
    return LIKELY(slot != NULL) ? slot : slot_alloc_slowly(size);
}

PUBLIC HOT void *malloc(size_t size)
{
    struct heap_fast *fast = my_fast();

    if (LIKELY(size > 8 && size <= SLOT_MAX_BYTES)) {
        void *slot = fast_slot_reuse(&fast->slots[slot_class(size)]);

        return LIKELY(slot != NULL) ? slot : slot_alloc_slowly(size);
    }
    if (LIKELY(size > 8 && size <= FAST_BLOCK_MOST)) {
        void *payload = fast_block_reuse(fast->heap, size);

        return LIKELY(payload != NULL) ? payload : block_alloc_slowly(size);
    }
    return malloc_seldom(size);
}

static HOT_CALL void free_slowly(void *payload)
{
    if (payload == NULL)
        return;

    int saved = errno;
    struct heap *heap = turn_begin();
    enum mm_fault fault = heap_at(heap, payload) < heap_arena_bytes(heap)
                              ? heap_free(heap, payload) : MM_OUTSIDE;

    if (fault != MM_OK)
        judge("free", payload, heap, fault);
    turn_end(heap);
    errno = saved;
}

static HOT_CALL void slot_free_slowly(void *slot, struct heap_slots *kept)
{
    heap_free_slot(my.heap, kept, slot);
}

static inline void slot_free_fast(void *slot, struct heap_slots *kept)
{
    if (UNLIKELY(!fast_slot_keep(kept, slot)))
        slot_free_slowly(slot, kept);
}

static HOT_CALL void block_free_slowly(void *payload)
{
    heap_free_block(my.heap, payload);
}

PUBLIC HOT void free(void *payload)
{
    struct heap_fast *fast = my_fast();
    uintptr_t offset = fast_offset(fast, payload);

    if (UNLIKELY(offset == 0)) {
        free_slowly(payload);
        return;
    }

    uint32_t what = fast_what(fast, fast_tag_at(payload, offset));

    if (LIKELY(what < FAST_SLOTS))
        slot_free_fast(payload, fast_slots(fast, what));
    else if (UNLIKELY(what != FAST_BLOCKS))
        free_slowly(payload);
    else if (UNLIKELY(!fast_block_keep(fast->heap, payload)))
        block_free_slowly(payload);
}

PUBLIC void *calloc(size_t count, size_t size)
{
    size_t bytes;
    void *payload;

    if (__builtin_mul_overflow(count, size, &bytes))
        return no_memory();

    /* A large range of pages that nobody has written to is zero. */
    if (bytes > SPAN_MAX_BYTES / 4 && library.level == HEAP_LEVEL_NONE) {
        want_zero = true;
        payload = alloc_slowly(bytes, 0);
        want_zero = false;
        return payload;
    }
    payload = malloc(bytes);
    return payload == NULL ? NULL : memset(payload, 0, bytes);
}

static HOT_CALL void *realloc_slowly(void *payload, size_t size)
{
    if (payload == NULL)
        return malloc(size);
    if (size == 0) {                    /* as glibc does */
        free(payload);
        return NULL;
    }
    if (size > PTRDIFF_MAX)
        return no_memory();

    int saved = errno;
    bool tried = false;
    struct heap *heap = turn_begin();
    void *moved;

    do
        moved = heap_realloc(heap, payload, size);
    while (UNLIKELY(moved == NULL) && library_recover(heap, &tried));
    if (moved == NULL && heap->refusal >= MM_OUTSIDE)
        judge("realloc", payload, heap, (enum mm_fault)heap->refusal);
    turn_end(heap);
    if (moved == NULL)
        return no_memory();
    errno = saved;
    return moved;
}

/* Whether the block of PAYLOAD, this heap's own, has SIZE bytes and not many
 * more. */
static bool block_stays(void *payload, size_t size)
{
    size_t usable = block_size(block_of(payload)) - BLOCK_HEADER;

    return size <= usable && size >= usable - usable / WASTE_PART;
}

/* A slot stays where it is as long as its size class does, a block while that
 * wastes little: much that shrinks will grow again. */
PUBLIC HOT void *realloc(void *payload, size_t size)
{
    uintptr_t offset = fast_offset(&my, payload);

    if (offset == 0 || size == 0)
        return realloc_slowly(payload, size);

    uint32_t what = fast_what(&my, fast_tag_at(payload, offset));

    if (what == FAST_BLOCKS && block_stays(payload, size))
        return payload;
    if (what >= FAST_SLOTS)
        return realloc_slowly(payload, size);

    unsigned class = what / SPAN_TAG_CLASS;

    if (size <= SLOT_MAX_BYTES && slot_class(size) == class)
        return payload;

    uint32_t bytes = slot_class_bytes(class);

    void *moved = malloc(size);

    if (LIKELY(moved != NULL)) {
        memcpy(moved, payload, size < bytes ? size : bytes);
        slot_free_fast(payload, fast_slots(&my, what));
    }
    return moved;
}

PUBLIC void *reallocarray(void *payload, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return no_memory();
    return realloc(payload, bytes);
}

/* SIZE bytes at a multiple of ALIGN, a power of two: in a slot that lies so,
 * where one will do; in a kept block. */
static void *alloc_aligned(size_t size, size_t align)
{
    uint32_t slot = slot_bytes_aligned(size, align);
    void *payload = NULL;

    if (my.heap == &nobody)
        return alloc_slowly(size, align);
    if (slot != 0) {
        payload = malloc(slot);
        if (LIKELY((uintptr_t)payload % align == 0))
            return payload;
        free(payload);                  /* a block: memory is short */
        return alloc_slowly(size, align);
    }
    if (size <= FAST_ALIGNED_MOST) {
        size = fast_block_rounded(size, align);
        payload = fast_block_reuse_aligned(my.heap, size, align);
    }
    return payload != NULL ? payload : alloc_slowly(size, align);
}

PUBLIC int posix_memalign(void **payload, size_t align, size_t size)
{
    if (!mm_is_power_of_two(align) || align % sizeof(void *) != 0)
        return EINVAL;

    int saved = errno;
    void *got = alloc_aligned(size, align);

    errno = saved;
    if (got == NULL)
        return ENOMEM;
    *payload = got;
    return 0;
}

/* glibc rounds an odd alignment up; C17's aligned_alloc need not. */
PUBLIC void *memalign(size_t align, size_t size)
{
    if (align > PTRDIFF_MAX) {
        errno = EINVAL;
        return NULL;
    }
    if (!mm_is_power_of_two(align)) {
        size_t power = MM_QUANTUM;

        while (power < align)
            power *= 2;
        align = power;
    }
    return alloc_aligned(size, align);
}

PUBLIC void *aligned_alloc(size_t align, size_t size)
{
    if (!mm_is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    return alloc_aligned(size, align);
}

PUBLIC void *valloc(size_t size)
{
    return alloc_slowly(size, MM_PAGE);
}

PUBLIC void *pvalloc(size_t size)
{
    if (size > PTRDIFF_MAX)
        return no_memory();
    return alloc_slowly(mm_round_up(size > 0 ? size : 1, MM_PAGE), MM_PAGE);
}

PUBLIC size_t malloc_usable_size(void *payload)
{
    if (payload == NULL)
        return 0;

    struct heap *heap = turn_begin();
    size_t usable = heap_usable_size(heap, payload);

    turn_end(heap);
    return usable;
}

PUBLIC int malloc_trim(size_t pad)
{
    struct heap *heap = turn_begin();
    uint64_t given = library_trim(heap);

    (void)pad;
    turn_end(heap);
    return given > 0;
}

PUBLIC void free_sized(void *payload, size_t size)
{
    (void)size;
    free(payload);
}

PUBLIC void free_aligned_sized(void *payload, size_t align, size_t size)
{
    (void)align;
    (void)size;
    free(payload);
}

PUBLIC void cfree(void *payload)
{
    free(payload);
}

/* Says on standard error what the library has and has done. */
PUBLIC void malloc_stats(void)
{
    char text[400];

    lock();

    const struct pages_count *count = pages_counts();

    snprintf(text, sizeof text,
             "heaps %u, orphans %u; pages held %u, most %u, dirty %u; "
             "lock taken %llu times; calls of the system: %llu map, %llu "
             "give back (%llu pages), %llu guard",
             library.heap_count, library.orphan_count, count->held,
             count->held_most, count->dirty,
             (unsigned long long)library.locked,
             (unsigned long long)count->maps,
             (unsigned long long)count->gives,
             (unsigned long long)count->given_pages,
             (unsigned long long)count->guards);
    unlock();
    judge_say(text);
}

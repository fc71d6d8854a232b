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
 *                            -> pages, from the system
 *
 * Every thread has a heap of its own, found through one thread-local pointer,
 * and takes no lock while its slot pages, kept blocks and spans have what it
 * needs. What another thread allocated is pushed on its owner's remote list
 * (mm/threads.c). The lock guards what is shared: ranges, and pages.
 *
 * A thread that ends leaves its heap to the *orphans*; the next thread that
 * needs a heap adopts one, with everything in it.
 *
 * The arena is an address and a size; nothing is reserved. Memory is asked of
 * the system in chunks of 1 MiB when a page of one is first held, at a fixed
 * address, so that a limit on address space (ulimit -v) costs a program only
 * what it uses. If something else lies there the chunk is passed over.
 *
 * Pages that the heap gives back are not given to the system at once: it
 * would have to be asked again, and every touch would fault, at a microsecond
 * or more. They are *dirty*: a bit in a bitmap says so. A page that is held
 * again is clean again, at the cost of a bit. Every DIRTY_AGE a sweep goes over
 * the bitmaps: what is dirty becomes *old*, and what was old, and so has not
 * been touched for a whole age, goes back to the system. The sweep is rationed:
 * each operation that holds or gives back pages does a little of it. And before
 * the program becomes larger than it ever was, dirty pages are given up: what
 * nobody uses never makes a peak. So freed memory goes back soon, the middle
 * of free blocks included, and a program that frees and allocates in a rhythm
 * does not pay. malloc_trim() does not wait.
 *
 * What can be set: HEAPGLASS_LEVEL=none|check in the environment, when the
 * program starts. Above none all threads share one heap under the lock: this
 * is for finding errors, not for speed.
 *
 * What it is bad at: more than 32 GiB in one process is refused.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../mm/heap_parts.h"

#define PUBLIC __attribute__((visibility("default")))
#define HOT __attribute__((hot))
#define COLD __attribute__((cold, noinline))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

enum {
    CHUNK_PAGES = 256,                  /* 1 MiB asked of the system at once */
    HEAPS_MAX = 65536,
    HOLLOW_PAGES = 32,                  /* a free block keeps less idle */
    KEEP_BYTES = 128 * 1024,            /* kept blocks of one heap */
    DIRTY_AGE = 250,                    /* ms; untouched for one to two ages,
                                           a page goes back */
    GIVE_PAGES = 32,                    /* dirty ones that make room at once */
    SWEEP_WORDS = 64,                   /* of a bitmap, at one operation */
};

#define ARENA_BYTES (UINT64_C(32) << 30)
#define ARENA_PAGES ((uint32_t)(ARENA_BYTES / MM_PAGE))

/* ---- the one instance --------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    bool ready;
    enum heap_level level;
    struct ranges ranges;
    struct heap *heaps[HEAPS_MAX];      /* by number; 0 is nobody's */
    uint32_t heap_count;
    uint16_t orphans[HEAPS_MAX];        /* numbers of heaps without a thread */
    uint32_t orphan_count;
    pthread_key_t ending;               /* its destructor orphans a heap */
    bool has_key;
    unsigned char *spare;               /* memory for heaps, page by page */
    size_t spare_bytes;

    uint32_t chunks[ARENA_PAGES / CHUNK_PAGES / 32];    /* bit: mapped */
    uint32_t dirty[ARENA_PAGES / 32];                   /* bit: dirty */
    uint32_t old[ARENA_PAGES / 32];     /* bit: dirty since the last sweep */
    uint32_t held_count, dirty_count;   /* pages that the program's are, and
                                           that nobody uses */
    uint32_t peak_count;                /* the most that both were together */
    uint32_t give_at;                   /* where dirty_give_some() looks */
    uint32_t sweep_low, sweep_high;     /* no page outside was ever dirty */
    uint32_t sweep_at, sweep_end;       /* the words that are still to do */
    uint32_t sweep_since;               /* ms, when the last sweep began */
} library = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .sweep_low = ARENA_PAGES,
};

/* What a thread has before it has a heap: nothing fits, nothing is its own. */
static const unsigned char nothing[MM_PAGE] __attribute__((aligned(64)));
static struct heap nobody = {
    .base = (unsigned char *)nothing,
    .fast_tag = SPAN_TAG_NONE,
};

static __thread struct heap *mine
    __attribute__((tls_model("initial-exec"))) = &nobody;

/* calloc wants fresh zeroes rather than dirty pages. */
static __thread bool want_zero __attribute__((tls_model("initial-exec")));

_Noreturn void mm_home_panic(const char *file, int line, const char *sentence)
{
    char text[512];
    size_t length = 0;

    (void)file;
    (void)line;
    for (const char *part = "heapglass: "; *part != '\0'; part++)
        text[length++] = *part;
    while (*sentence != '\0' && length < sizeof(text) - 1)
        text[length++] = *sentence++;
    text[length++] = '\n';
    if (write(STDERR_FILENO, text, length) < 0)
        abort();
    abort();
}

/* ---- pages --------------------------------------------------------------- */

static void *page_address(uint32_t page)
{
    return library.ranges.base + (size_t)page * MM_PAGE;
}

static uint32_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint32_t)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

static bool bit_of(const uint32_t *bits, uint32_t i)
{
    return bits[i / 32] >> (i % 32) & 1;
}

/* The bits of [PAGE, END) that lie in PAGE's word of a bitmap; *PAGE goes on
 * to the next word. */
static uint32_t mask_next(uint32_t *page, uint32_t end)
{
    uint32_t first = *page % 32;
    uint32_t bits = end - *page < 32 - first ? end - *page : 32 - first;

    *page += bits;
    return (bits == 32 ? UINT32_MAX : (UINT32_C(1) << bits) - 1) << first;
}

/* Answers how many of these pages were dirty. */
static uint32_t pages_clean(uint32_t page, uint32_t count)
{
    uint32_t cleaned = 0;

    for (uint32_t end = page + count; page < end;) {
        uint32_t word = page / 32, mask = mask_next(&page, end);
        uint32_t bits = (library.dirty[word] | library.old[word]) & mask;

        if (bits == 0)
            continue;
        cleaned += (uint32_t)__builtin_popcount(bits);
        library.dirty[word] &= ~mask;
        library.old[word] &= ~mask;
    }
    library.dirty_count -= cleaned;
    return cleaned;
}

static void pages_soil(uint32_t page, uint32_t count)
{
    if (page < library.sweep_low)
        library.sweep_low = page;
    if (page + count > library.sweep_high)
        library.sweep_high = page + count;
    library.dirty_count += count;
    for (uint32_t end = page + count; page < end;) {
        uint32_t word = page / 32;

        library.dirty[word] |= mask_next(&page, end);
    }
}

/* Gives the pages of word WORD that are set in BITS, all of them dirty, to the
 * system. */
static void bits_give(uint32_t word, uint32_t bits)
{
    library.dirty_count -= (uint32_t)__builtin_popcount(bits);
    library.dirty[word] &= ~bits;
    library.old[word] &= ~bits;
    while (bits != 0) {
        uint32_t first = (uint32_t)__builtin_ctz(bits);
        uint32_t rest = ~(bits >> first);
        uint32_t run = rest == 0 ? 32 : (uint32_t)__builtin_ctz(rest);

        if (run > 32 - first)
            run = 32 - first;
        madvise(page_address(word * 32 + first), (size_t)run * MM_PAGE,
                MADV_DONTNEED);
        bits &= ~((run == 32 ? UINT32_MAX : (UINT32_C(1) << run) - 1)
                  << first);
    }
}

/* Gives the pages of [PAGE, PAGE + COUNT) that are dirty to the system. */
static void pages_give(uint32_t page, uint32_t count)
{
    for (uint32_t end = page + count; page < end;) {
        uint32_t word = page / 32, mask = mask_next(&page, end);

        bits_give(word, (library.dirty[word] | library.old[word]) & mask);
    }
}

/* A part of the sweep over the bitmaps, if one is due or under way. */
static void sweep_some(void)
{
    if (library.sweep_at >= library.sweep_end) {        /* none under way */
        uint32_t now = now_ms();

        if (now - library.sweep_since < DIRTY_AGE ||
            library.sweep_low >= library.sweep_high)
            return;
        library.sweep_since = now;
        library.sweep_at = library.sweep_low / 32;
        library.sweep_end = (library.sweep_high + 31) / 32;
    }
    for (uint32_t i = 0; i < SWEEP_WORDS &&
         library.sweep_at < library.sweep_end; i++) {
        uint32_t word = library.sweep_at++;

        if (library.old[word] != 0) {
            bits_give(word, library.old[word]);
            i += SWEEP_WORDS / 4;       /* entering the system counts more */
        }
        library.old[word] = library.dirty[word];
        library.dirty[word] = 0;
    }
}

/* Gives back COUNT dirty pages, or as many as a little search finds. */
static void dirty_give_some(uint32_t count)
{
    uint32_t goal = library.dirty_count > count ? library.dirty_count - count
                                                : 0;
    uint32_t end = (library.sweep_high + 31) / 32;

    for (uint32_t i = 0; i < 4 * SWEEP_WORDS && library.dirty_count > goal;
         i++, library.give_at++) {
        if (library.give_at >= end)
            library.give_at = library.sweep_low / 32;
        bits_give(library.give_at, library.dirty[library.give_at] |
                                   library.old[library.give_at]);
    }
}

/* FRESH pages were held that the system must supply. Before a program becomes
 * larger than it ever was, dirty pages make room. */
static void resident_grow(uint32_t fresh)
{
    if (library.held_count + library.dirty_count <= library.peak_count)
        return;
    if (library.dirty_count > 0)
        dirty_give_some(fresh + GIVE_PAGES);
    if (library.held_count + library.dirty_count > library.peak_count)
        library.peak_count = library.held_count + library.dirty_count;
}

static bool chunk_map(uint32_t chunk)
{
    void *at = page_address(chunk * CHUNK_PAGES);
    void *got = mmap(at, CHUNK_PAGES * MM_PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
                         MAP_FIXED_NOREPLACE,
                     -1, 0);

    if (got == MAP_FAILED)
        return false;
    if (got != at) {                    /* a kernel that takes it as a hint */
        munmap(got, CHUNK_PAGES * MM_PAGE);
        return false;
    }
    library.chunks[chunk / 32] |= UINT32_C(1) << (chunk % 32);
    return true;
}

static bool library_hold(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    for (uint32_t chunk = page / CHUNK_PAGES;
         chunk <= (page + count - 1) / CHUNK_PAGES; chunk++)
        if (!bit_of(library.chunks, chunk) && !chunk_map(chunk))
            return false;
    if (want_zero)
        pages_give(page, count);
    library.held_count += count;
    resident_grow(count - pages_clean(page, count));
    sweep_some();
    return true;
}

static void library_release(void *context, uint32_t page, uint32_t count)
{
    (void)context;
    library.held_count -= count;
    pages_soil(page, count);
    sweep_some();
}

static void library_lock(void *context)
{
    (void)context;
    pthread_mutex_lock(&library.lock);
}

static void library_unlock(void *context)
{
    (void)context;
    pthread_mutex_unlock(&library.lock);
}

static struct heap *library_heap_of(void *context, uint32_t owner)
{
    (void)context;
    return library.heaps[owner];
}

static struct mm_home library_home = {
    .hold = library_hold,
    .release = library_release,
    .lock = library_lock,
    .unlock = library_unlock,
    .heap_of = library_heap_of,
};

/* ---- heaps of threads ---------------------------------------------------- */

/* A thread ends: its heap is left to the next. */
static void heap_orphan(void *value)
{
    struct heap *heap = value;

    mine = &nobody;
    pthread_mutex_lock(&library.lock);
    library.orphans[library.orphan_count++] = (uint16_t)heap->owner;
    pthread_mutex_unlock(&library.lock);
}

static void before_fork(void)
{
    pthread_mutex_lock(&library.lock);
}

static void after_fork_parent(void)
{
    pthread_mutex_unlock(&library.lock);
}

/* In the child there is one thread. The heaps of the others are orphans; what
 * their threads were doing to them is unknown, so nobody adopts them. */
static void after_fork_child(void)
{
    library.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

/* Memory for a heap; NULL when the system has none. Locked. */
static struct heap *heap_memory(void)
{
    size_t bytes = mm_round_up(sizeof(struct heap), 64);

    if (library.spare_bytes < bytes) {
        void *memory = mmap(NULL, 64 * 1024, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (memory == MAP_FAILED)
            return NULL;
        library.spare = memory;
        library.spare_bytes = 64 * 1024;
    }

    struct heap *heap = (struct heap *)library.spare;

    library.spare += bytes;
    library.spare_bytes -= bytes;
    return heap;
}

static void library_start(void)
{
    /* Somewhere in the wide middle, where the system puts nothing by itself;
     * on 32 bits there is no such place. */
    const char *level = getenv("HEAPGLASS_LEVEL");

    if (level != NULL && strcmp(level, "check") == 0)
        library.level = HEAP_LEVEL_CHECK;
    if (library.level > HEAP_LEVEL_NONE)    /* see library_enter() */
        library_home.lock = library_home.unlock = NULL;
    ranges_init(&library.ranges, &library_home,
                (void *)(uintptr_t)UINT64_C(0x200000000000), ARENA_PAGES);

    /* Page 0 reads as a slot page without slots, see heap_alloc_fast(). */
    struct range_request first = {
        .pages = 1, .at = 0, .type = RANGE_OTHER, .protection = RANGE_READ,
    };
    uint32_t page;

    if (!library_hold(NULL, 0, 1) ||
        ranges_alloc(&library.ranges, &first, &page) != MM_OK)
        mm_home_panic(__FILE__, __LINE__, "no address space for the arena");
    library.ready = true;
}

/* The heap of this thread, which has none yet; NULL without memory. */
static COLD struct heap *heap_mine(void)
{
    struct heap *heap = NULL;

    pthread_mutex_lock(&library.lock);
    if (!library.ready)
        library_start();
    if (library.level > HEAP_LEVEL_NONE && library.heap_count > 0) {
        heap = library.heaps[1];
    } else if (library.orphan_count > 0) {
        heap = library.heaps[library.orphans[--library.orphan_count]];
    } else if (library.heap_count + 1 < HEAPS_MAX &&
               (heap = heap_memory()) != NULL) {
        uint32_t owner = library.heap_count + 1;

        heap_init(heap, &(struct heap_setup){
            .home = &library_home,
            .ranges = &library.ranges,
            .span_bytes = SPAN_MAX_BYTES,
            .hollow_pages = HOLLOW_PAGES,
            .keep_bytes = library.level > HEAP_LEVEL_NONE ? 0 : KEEP_BYTES,
            .owner = owner,
            .level = library.level,
            .small = true,
        });
        library.heaps[owner] = heap;
        library.heap_count = owner;
    }
    pthread_mutex_unlock(&library.lock);
    if (heap == NULL)
        return NULL;
    mine = heap;
    if (library.has_key && library.level == HEAP_LEVEL_NONE)
        pthread_setspecific(library.ending, heap);
    return heap;
}

__attribute__((constructor)) static void library_construct(void)
{
    pthread_atfork(before_fork, after_fork_parent, after_fork_child);
    if (pthread_key_create(&library.ending, heap_orphan) == 0)
        library.has_key = true;
    if (mine != &nobody && library.has_key)
        pthread_setspecific(library.ending, mine);
}

/* ---- the fast paths ------------------------------------------------------ */

/*
 * The same steps as slot_take() and slot_give() in mm/slots.c, for the case
 * that nothing else follows: the page has another free slot behind this one;
 * the page is neither full nor about to be empty. Whatever else is the case,
 * the functions there see to it.
 */
static inline void *slot_take_fast(struct heap *heap, size_t size)
{
    block_ref ref = heap->room[(size + 7) / 8];
    struct slot_page *page =
        (struct slot_page *)(heap->base + (uint64_t)ref * MM_QUANTUM);
    uint32_t offset = page->free;

    if (LIKELY(offset != 0)) {
        uint32_t *slot = (uint32_t *)((unsigned char *)page + offset);
        uint32_t next = *slot;

        if (LIKELY(next != 0) ||
            page->watermark + page->slot_bytes <= SLOT_PAGE_BYTES) {
            page->free = next;
            page->used++;
            return slot;
        }
    }
    return ref == BLOCK_NIL ? NULL : slot_take(heap, page, size);
}

/* A kept block, as block_reuse(). */
static inline void *block_reuse_fast(struct heap *heap, size_t size)
{
    size_t quanta = (size + BLOCK_HEADER + MM_QUANTUM - 1) / MM_QUANTUM;

    if (quanta >= KEPT_SIZES || heap->kept[quanta] == BLOCK_NIL)
        return NULL;
    return block_payload(kept_pop(heap, (uint32_t)quanta));
}

static inline bool give_fast(struct heap *heap, void *payload)
{
    uintptr_t at = (uintptr_t)payload;
    struct span *span = (struct span *)(at & ~(uintptr_t)(SPAN_MAX_BYTES - 1));

    if (UNLIKELY((at & (SPAN_MAX_BYTES - 1)) == 0))     /* NULL, or aligned */
        return false;

    uint32_t tag = span->tags[(uint8_t)(at / MM_SLOT_PAGE)];

    if (LIKELY(tag == heap->fast_tag)) {
        struct slot_page *page =
            (struct slot_page *)(at & ~(uintptr_t)(MM_SLOT_PAGE - 1));

        /* Full pages (the sign) are on no list; of several pages of a class
         * an empty one goes back. */
        if (UNLIKELY((int32_t)page->used <= 1) &&
            ((int32_t)page->used < 0 ||
             (page->next | page->previous) != BLOCK_NIL)) {
            slot_free(heap, payload);
            return true;
        }
        *(uint32_t *)payload = page->free;
        page->free = (uint32_t)(at - (uintptr_t)page);
        page->used--;
        return true;
    }
    if (tag == heap->fast_tag - (SPAN_TAG_SLOTS - SPAN_TAG_BLOCKS)) {
        struct block *block = block_of(payload);
        uint32_t quanta = block_quanta(block);

        if (quanta >= KEPT_SIZES || heap->kept_room < (int32_t)quanta ||
            heap->kept_count[quanta] == KEPT_PER_SIZE)
            return false;
        kept_push(heap, block, quanta);
        return true;
    }
    return false;
}

/* ---- into the heap ------------------------------------------------------- */

/* Above level none all threads share one heap: the lock is taken here. */
static inline void library_enter(void)
{
    if (UNLIKELY(library.level > HEAP_LEVEL_NONE))
        pthread_mutex_lock(&library.lock);
}

static inline void library_leave(void)
{
    if (UNLIKELY(library.level > HEAP_LEVEL_NONE))
        pthread_mutex_unlock(&library.lock);
}

/* ---- malloc and its family ----------------------------------------------- */

static void *no_memory(void)
{
    errno = ENOMEM;
    return NULL;
}

static COLD void *alloc_slowly(size_t size, size_t align)
{
    struct heap *heap = mine == &nobody ? heap_mine() : mine;
    void *payload;

    if (heap == NULL || size > PTRDIFF_MAX)
        return no_memory();
    library_enter();
    payload = heap_alloc_request(heap, &(struct heap_request){
        .size = size, .align = align });
    library_leave();
    return payload != NULL ? payload : no_memory();
}

PUBLIC HOT void *malloc(size_t size)
{
    if (LIKELY(size <= SLOT_MAX_BYTES)) {
        void *slot = slot_take_fast(mine, size);

        if (LIKELY(slot != NULL))
            return slot;
    } else {
        void *payload = block_reuse_fast(mine, size);

        if (LIKELY(payload != NULL))
            return payload;
    }
    return alloc_slowly(size, 0);
}

static COLD void free_slowly(void *payload)
{
    int saved = errno;

    if (payload == NULL)
        return;
    if (mine == &nobody && heap_mine() == NULL)
        mm_home_panic(__FILE__, __LINE__, "free: no memory for a heap");

    library_enter();

    enum mm_fault fault = heap_free(mine, payload);

    library_leave();
    if (fault != MM_OK)
        mm_home_panic(__FILE__, __LINE__, mm_fault_name(fault));
    errno = saved;
}

PUBLIC HOT void free(void *payload)
{
    if (LIKELY(give_fast(mine, payload)))
        return;
    free_slowly(payload);
}

PUBLIC void *calloc(size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return no_memory();
    if (bytes <= SPAN_MAX_BYTES / 4) {
        void *payload = malloc(bytes);

        return payload == NULL ? NULL : memset(payload, 0, bytes);
    }

    /* A large range of pages that nobody has written to is zero. */
    want_zero = true;

    void *payload = malloc(bytes);

    want_zero = false;
    return payload;
}

PUBLIC void *realloc(void *payload, size_t size)
{
    if (payload == NULL)
        return malloc(size);
    if (size == 0) {                    /* as glibc does */
        free(payload);
        return NULL;
    }
    if (size > PTRDIFF_MAX || (mine == &nobody && heap_mine() == NULL))
        return no_memory();

    library_enter();

    void *moved = heap_realloc(mine, payload, size);

    library_leave();
    if (moved == NULL) {
        if (mine->refusal >= MM_OUTSIDE)
            mm_home_panic(__FILE__, __LINE__,
                          mm_fault_name((enum mm_fault)mine->refusal));
        return no_memory();
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

PUBLIC int posix_memalign(void **payload, size_t align, size_t size)
{
    if (!mm_is_power_of_two(align) || align % sizeof(void *) != 0)
        return EINVAL;

    int saved = errno;
    void *got = align <= MM_QUANTUM && size > 8 ? malloc(size)
                                                : alloc_slowly(size, align);

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
    return alloc_slowly(size, align);
}

PUBLIC void *aligned_alloc(size_t align, size_t size)
{
    if (!mm_is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    return alloc_slowly(size, align);
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
    if (payload == NULL || (mine == &nobody && heap_mine() == NULL))
        return 0;
    return heap_usable_size(mine, payload);
}

PUBLIC int malloc_trim(size_t pad)
{
    uint64_t given;

    (void)pad;
    if (mine == &nobody)
        return 0;
    library_enter();
    given = heap_trim(mine);
    library_leave();
    pthread_mutex_lock(&library.lock);
    if (library.sweep_low < library.sweep_high) {
        uint32_t count = library.sweep_high - library.sweep_low;

        pages_give(library.sweep_low, count);
        pages_clean(library.sweep_low, count);
    }
    pthread_mutex_unlock(&library.lock);
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

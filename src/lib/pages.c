/* SPDX-License-Identifier: MIT */
/*
 * pages.c - the pages of the library's arena
 *
 * Theory of operation
 * -------------------
 * The arena is an address and a size; nothing is reserved. Memory is mapped
 * in chunks of 1 MiB when a page of one is first held, at its fixed place, so
 * that a limit on address space (ulimit -v) costs a program what it uses and
 * no more. If something else lies in a chunk's place, the system says so; the
 * chunk is *taken*, and whoever asked must look elsewhere (pages_taken).
 *
 *     chunk     | not mapped |  mapped                          | taken |
 *     pages                  | held | dirty | never touched     |
 *
 * A page that is released is not given to the system at once: it would have
 * to be asked again, and every touch would fault, at a microsecond or more.
 * It is *dirty*: a bit says so. A page that is held again is clean, at the
 * cost of that bit. Every DIRTY_AGE a sweep goes over the bits: what is dirty
 * becomes *old*, and what was old already, and so has not been touched for a
 * whole age, goes back. The sweep is rationed: each call that holds or
 * releases pages looks at a few words of the bits and gives a few runs of
 * pages back, no more, and only every few calls look at the clock. One bit
 * more for each word says where there may be anything, so that a sweep does
 * not look at all the words between. Nor is there waiting
 *
 *   - before the program becomes larger than it ever was: dirty pages make
 *     room first, and what heaps hold inside free blocks (pages_grow), so what
 *     nobody uses makes no peak. But a program that takes and frees in a
 *     rhythm, at other places each time, would give pages back at its peak
 *     only to fault on others, for ever. So what was given to make room is
 *     counted. Once that is as much as the program ever held, every EARN_PART
 *     pages more let one page more wait, dirty or held, up to as many as it
 *     ever needed. A program that runs through once does not come so far; one
 *     that goes round and round stops faulting;
 *   - when more is dirty than DIRTY_MOST and a quarter of what is held: what
 *     is released then goes back at once, and a program that frees much and
 *     then sleeps keeps no more than that;
 *   - in malloc_trim().
 *
 * So freed memory goes back soon, and a program that frees and allocates in a
 * rhythm does not pay for it.
 *
 *   L1  A page that is not held is dirty, old, or reads as zero; a held one
 *       is neither dirty nor old.
 *   L2  dirty_count is the number of bits that are set in `dirty` and `old`;
 *       no page has both.
 *   L3  Pages outside [sweep_low, sweep_high) were never dirty.
 *   L4  A word of `dirty` or `old` with a bit set has its bit set in `any`.
 *
 * In a guarded arena (level of care `full`) nothing is dirty: a page that is
 * released is given back and cannot be touched until it is held again.
 *
 * What it is bad at: a process that stops calling malloc and free altogether
 * keeps what was dirty then, since there is no thread to look after it.
 */
#define _GNU_SOURCE
#include "pages.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
    DIRTY_AGE = 250,                    /* ms; untouched for one to two ages,
                                           a page goes back */
    DIRTY_MOST = 16384,                 /* 64 MiB that may wait at any time */
    GIVE_PAGES = 32,                    /* dirty ones that make room at once */
    EARN_PART = 8,                      /* so many that made room let one more
                                           page wait */
    SWEEP_WORDS = 8,                    /* words with bits, at one call, or
                                           words of `any` without */
    SWEEP_RUNS = 4,                     /* of pages that go back, at one call */
    CLOCK_CALLS = 8,                    /* the clock is looked at once in so
                                           many calls */
    GIVE_WORDS = 64,                    /* that are looked at for room */
    WORD = 64,                          /* bits of a page each */
    PART = WORD * WORD,                 /* pages that a part is about */
    PART_CHUNKS = PART / PAGES_CHUNK,
    PLACES = 14,                        /* that are tried for the arena */
};

/* In the wide middle, where the system puts nothing by itself. */
#ifndef PAGES_BASE
#define PAGES_BASE UINT64_C(0x200000000000)
#endif

#ifndef MAP_FIXED_NOREPLACE             /* Linux 4.17; else only a hint */
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* What is known of PART pages. All of it lies together: of the account of an
 * arena that is hardly used, a page or two are ever touched. */
struct part {
    uint64_t mapped;                    /* a bit a chunk */
    uint64_t any;                       /* a bit a word: of these two */
    uint64_t dirty[WORD];               /* a bit a page */
    uint64_t old[WORD];                 /* a bit a page: dirty for an age */
};

static struct {
    unsigned char *base;
    bool guarded;
    uint32_t untold;                    /* a taken chunk that nobody was told
                                           of; 0: none (not the first one) */
    uint64_t room_made;                 /* dirty pages given to make room */
    uint32_t give_at;                   /* where dirty_give_some() looks */
    uint32_t sweep_low, sweep_high;
    uint32_t calls;                     /* since the clock was looked at */
    uint32_t sweep_at, sweep_end;       /* the words that are still to do */
    uint32_t sweep_since;               /* ms, when the last sweep began */
    struct pages_count count;
    struct part parts[PAGES_ARENA / PART];
} arena;

static void *page_address(uint32_t page)
{
    return arena.base + (size_t)page * MM_PAGE;
}

static uint32_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint32_t)now.tv_sec * 1000 + (uint32_t)(now.tv_nsec / 1000000);
}

/* ---- bits ------------------------------------------------------------- */

/* The part of word WORD, or of the word's pages. */
static struct part *part_of(uint32_t word)
{
    return &arena.parts[word / WORD];
}

static bool chunk_is_mapped(uint32_t chunk)
{
    return arena.parts[chunk / PART_CHUNKS].mapped >> (chunk % PART_CHUNKS) &
           1;
}

static void chunk_set_mapped(uint32_t chunk, bool mapped)
{
    uint64_t *chunks = &arena.parts[chunk / PART_CHUNKS].mapped;
    uint64_t bit = UINT64_C(1) << (chunk % PART_CHUNKS);

    *chunks = mapped ? *chunks | bit : *chunks & ~bit;
}

/* How many bits are set: in pairs, in fours, in bytes, and all together. */
static uint32_t bits_count(uint64_t bits)
{
    bits -= bits >> 1 & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) +
           (bits >> 2 & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (uint32_t)(bits * UINT64_C(0x0101010101010101) >> 56);
}

/* The bits of the pages of WORD that are dirty or old. */
static uint64_t word_dirty(uint32_t word)
{
    return part_of(word)->dirty[word % WORD] | part_of(word)->old[word % WORD];
}

/* The bits of [*I, END) that lie in the word of *I; *I goes on to the next
 * word. */
static uint64_t mask_next(uint32_t *i, uint32_t end)
{
    uint32_t first = *i % WORD;
    uint64_t mask = UINT64_MAX << first;

    *i += WORD - first;
    if (*i > end) {
        mask &= UINT64_MAX >> (*i - end);
        *i = end;
    }
    return mask;
}

/* ---- dirty pages ------------------------------------------------------ */

/* Gives these pages to the system; they read as zero from then on. Pages that
 * the program has locked in memory stay, and are cleared by hand. */
static void run_give(uint32_t page, uint32_t count)
{
    int saved = errno;

    arena.count.gives++;
    arena.count.given_pages += count;
    if (madvise(page_address(page), (size_t)count * MM_PAGE,
                MADV_DONTNEED) != 0)
        memset(page_address(page), 0, (size_t)count * MM_PAGE);
    errno = saved;
}

/* Gives the pages of word WORD that are set in BITS, all of them dirty or old,
 * to the system: at most RUNS runs. How many runs there were. */
static uint32_t bits_give(uint32_t word, uint64_t bits, uint32_t runs)
{
    struct part *part = part_of(word);
    uint32_t given = 0;

    for (; bits != 0 && given < runs; given++) {
        uint32_t first = (uint32_t)__builtin_ctzll(bits), end = first;
        uint64_t rest = ~(bits >> first);
        uint32_t run = rest == 0 ? WORD : (uint32_t)__builtin_ctzll(rest);
        uint64_t mask = mask_next(&end, first + run);

        run_give(word * WORD + first, run);
        arena.count.dirty -= run;
        part->dirty[word % WORD] &= ~mask;
        part->old[word % WORD] &= ~mask;
        bits &= ~mask;
    }
    return given;
}

/* These pages are clean: given back first, where they are not and GIVE.
 * Answers how many were dirty. */
static uint32_t pages_clean(uint32_t page, uint32_t count, bool give)
{
    uint32_t before = arena.count.dirty;

    for (uint32_t end = page + count; page < end;) {
        uint32_t word = page / WORD;
        uint64_t mask = mask_next(&page, end);
        uint64_t bits = word_dirty(word) & mask;

        if (bits == 0)
            continue;
        if (give) {
            bits_give(word, bits, UINT32_MAX);
            continue;
        }
        part_of(word)->dirty[word % WORD] &= ~bits;
        part_of(word)->old[word % WORD] &= ~bits;
        arena.count.dirty -= bits_count(bits);
    }
    return before - arena.count.dirty;
}

static void pages_soil(uint32_t page, uint32_t count)
{
    if (page < arena.sweep_low)
        arena.sweep_low = page;
    if (page + count > arena.sweep_high)
        arena.sweep_high = page + count;
    arena.count.dirty += count;
    for (uint32_t end = page + count; page < end;) {
        uint32_t word = page / WORD;
        struct part *part = part_of(word);

        part->dirty[word % WORD] |= mask_next(&page, end);
        part->any |= UINT64_C(1) << (word % WORD);
    }
}

/* The first word from WORD on, before END, that may have a bit set; END when
 * there is none. Every step past 64 words without any costs one of *LEFT: with
 * none left, how far we came. */
static uint32_t word_next(uint32_t word, uint32_t end, uint32_t *left)
{
    while (word < end && *left > 0) {
        uint64_t any = part_of(word)->any >> (word % WORD);

        if (any != 0) {
            word += (uint32_t)__builtin_ctzll(any);
            return word < end ? word : end;
        }
        word = (word / WORD + 1) * WORD;
        --*left;
    }
    return word < end ? word : end;
}

/* Whether WORD has no bit set; `any` says so from now on. */
static bool word_is_clean(uint32_t word)
{
    if (word_dirty(word) != 0)
        return false;
    part_of(word)->any &= ~(UINT64_C(1) << (word % WORD));
    return true;
}

/* A sweep begins, if one is due. */
static void sweep_start(void)
{
    uint32_t now;

    if (arena.sweep_low >= arena.sweep_high || ++arena.calls < CLOCK_CALLS)
        return;
    arena.calls = 0;
    now = now_ms();
    if (now - arena.sweep_since < DIRTY_AGE)
        return;
    arena.sweep_since = now;
    arena.sweep_at = arena.sweep_low / WORD;
    arena.sweep_end = (arena.sweep_high + WORD - 1) / WORD;
}

/* A part of the sweep over the bits, if one is due or under way. */
static void sweep_some(void)
{
    uint32_t left = SWEEP_WORDS, runs = SWEEP_RUNS;

    if (arena.sweep_at >= arena.sweep_end)
        sweep_start();
    while (arena.sweep_at < arena.sweep_end && left > 0) {
        uint32_t word = word_next(arena.sweep_at, arena.sweep_end, &left);

        arena.sweep_at = word;
        if (word == arena.sweep_end || left == 0)
            return;
        left--;

        struct part *part = part_of(word);
        uint32_t i = word % WORD;

        runs -= bits_give(word, part->old[i], runs);
        if (part->old[i] != 0)
            return;                     /* the next call goes on here */
        part->old[i] = part->dirty[i];
        part->dirty[i] = 0;
        word_is_clean(word);
        arena.sweep_at++;
    }
}

/* Gives back COUNT dirty pages, or as many as a little search finds. */
static void dirty_give_some(uint32_t count)
{
    uint32_t goal = arena.count.dirty > count ? arena.count.dirty - count : 0;
    uint32_t end = (arena.sweep_high + WORD - 1) / WORD, left = GIVE_WORDS;

    while (left > 0 && arena.count.dirty > goal) {
        arena.give_at = word_next(arena.give_at, end, &left);
        if (arena.give_at == end) {     /* from the beginning again */
            arena.give_at = arena.sweep_low / WORD;
            left -= left > 0;
            continue;
        }
        if (left == 0)
            return;
        left--;
        bits_give(arena.give_at, word_dirty(arena.give_at), UINT32_MAX);
        word_is_clean(arena.give_at++);
    }
}

/* How many pages may be resident, held and dirty together, before dirty ones
 * must make room. */
static uint32_t resident_may(void)
{
    uint32_t most = arena.count.held_most;
    uint64_t earned = arena.room_made > most
                          ? (arena.room_made - most) / EARN_PART : 0;

    return most + (earned < most ? (uint32_t)earned : most);
}

/* FRESH pages were held that the system must supply. */
static void resident_grow(uint32_t fresh)
{
    uint32_t dirty = arena.count.dirty;

    if (dirty == 0 || arena.count.held + dirty <= resident_may())
        return;
    dirty_give_some(fresh + GIVE_PAGES);
    arena.room_made += dirty - arena.count.dirty;
}

bool pages_grow(uint32_t count)
{
    return arena.count.held + count > resident_may();
}

uint32_t pages_flush(void)
{
    uint32_t dirty = arena.count.dirty;

    if (arena.sweep_low < arena.sweep_high)
        pages_clean(arena.sweep_low, arena.sweep_high - arena.sweep_low,
                    true);
    return dirty;
}

/* ---- chunks ----------------------------------------------------------- */

/* Asks for COUNT chunks from CHUNK on; 0, or why not. */
static int chunks_ask(uint32_t chunk, uint32_t count)
{
    void *at = page_address(chunk * PAGES_CHUNK);
    size_t bytes = (size_t)count * PAGES_CHUNK * MM_PAGE;
    int access = arena.guarded ? PROT_NONE : PROT_READ | PROT_WRITE;
    void *got = mmap(at, bytes, access,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
                         MAP_FIXED_NOREPLACE,
                     -1, 0);

    arena.count.maps++;
    if (got == MAP_FAILED)
        return errno;
    if (got != at) {                    /* it was taken as a hint */
        munmap(got, bytes);
        return EEXIST;
    }
    for (uint32_t end = chunk + count; chunk < end; chunk++)
        chunk_set_mapped(chunk, true);
    return 0;
}

/* Maps COUNT chunks from CHUNK on, none of which is mapped. */
static bool chunks_map(uint32_t chunk, uint32_t count)
{
    int why = chunks_ask(chunk, count);

    if (why == 0)
        return true;
    if (why != EEXIST)
        return false;
    for (uint32_t i = chunk; i < chunk + count; i++) {
        why = count == 1 ? why : chunks_ask(i, 1);
        if (why == EEXIST) {
            arena.untold = i;
            return false;
        }
        if (why != 0)
            return false;
    }
    return true;
}

static bool chunks_prepare(uint32_t page, uint32_t count)
{
    uint32_t chunk = page / PAGES_CHUNK;
    uint32_t end = (page + count - 1) / PAGES_CHUNK + 1;

    while (chunk < end) {
        uint32_t run = 0;

        while (chunk + run < end && !chunk_is_mapped(chunk + run))
            run++;
        if (run > 0 && !chunks_map(chunk, run))
            return false;
        chunk += run + 1;
    }
    return true;
}

uint32_t pages_taken(void)
{
    uint32_t chunk = arena.untold;

    arena.untold = 0;
    return chunk * PAGES_CHUNK;
}

uint32_t pages_unmap(uint32_t page, uint32_t count)
{
    uint32_t chunk = (page + PAGES_CHUNK - 1) / PAGES_CHUNK;
    uint32_t end = (page + count) / PAGES_CHUNK, unmapped = 0;

    for (; chunk < end; chunk++) {
        if (!chunk_is_mapped(chunk) ||
            munmap(page_address(chunk * PAGES_CHUNK),
                   PAGES_CHUNK * MM_PAGE) != 0)
            continue;
        chunk_set_mapped(chunk, false);
        pages_clean(chunk * PAGES_CHUNK, PAGES_CHUNK, false);
        unmapped++;
    }
    return unmapped;
}

/* ---- held pages ------------------------------------------------------- */

static void count_hold(uint32_t count)
{
    uint32_t may = resident_may();

    arena.count.held += count;
    if (arena.count.held > may)
        arena.count.held_most += arena.count.held - may;
}

bool pages_hold(uint32_t page, uint32_t count, bool zero)
{
    if (!chunks_prepare(page, count))
        return false;
    if (arena.guarded) {
        arena.count.guards++;
        if (mprotect(page_address(page), (size_t)count * MM_PAGE,
                     PROT_READ | PROT_WRITE) != 0)
            return false;
        count_hold(count);
    } else {
        uint32_t dirty = arena.count.dirty > 0
                             ? pages_clean(page, count, zero) : 0;

        count_hold(count);
        resident_grow(zero ? count : count - dirty);
        sweep_some();
    }
    return true;
}

void pages_release(uint32_t page, uint32_t count)
{
    arena.count.held -= count;
    if (arena.guarded) {
        run_give(page, count);
        arena.count.guards++;
        /* The system refuses when there would be too many pieces: then these
         * pages can be touched, and read as zero. */
        mprotect(page_address(page), (size_t)count * MM_PAGE, PROT_NONE);
        return;
    }
    if (arena.count.dirty + count > arena.count.held / 4 + DIRTY_MOST)
        run_give(page, count);
    else
        pages_soil(page, count);
    sweep_some();
}

unsigned char *pages_start(bool guarded)
{
    arena.guarded = guarded;
    arena.sweep_low = PAGES_ARENA;
    for (uint64_t i = 0; i < PLACES; i++) {
        arena.base = (unsigned char *)(uintptr_t)(PAGES_BASE +
                                                  i * PAGES_ARENA_BYTES);
        if (pages_hold(0, 1, false))
            return arena.base;
    }
    return NULL;
}

const struct pages_count *pages_counts(void)
{
    return &arena.count;
}

/* SPDX-License-Identifier: MIT */
/*
 * api.c - what POSIX, C and glibc's manual promise about malloc and its family
 *
 *     api              under whatever malloc is there
 *     api --ours       and what only ours promises
 *
 * Run twice by tests/lib/interface: with our library preloaded, and with glibc's
 * own malloc, which shows that the test asks for nothing that is not so.
 * Compiled with -fno-builtin, so that no call is optimised away.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;

static void say(bool good, const char *what)
{
    printf("%s - %s\n", good ? "ok" : "not ok", what);
    failures += !good;
}

/* What gcc would warn about is what is tested here. */
static volatile size_t huge = SIZE_MAX;

static bool is_filled(const unsigned char *bytes, size_t size,
                      unsigned char with)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != with)
            return false;
    return true;
}

static bool is_aligned(const void *payload, size_t align)
{
    return (uintptr_t)payload % align == 0;
}

/* ---- malloc and free -------------------------------------------------- */

static void test_malloc(void)
{
    void *a = malloc(0), *b = malloc(0);
    bool good = true;

    say(a != NULL && b != NULL && a != b, "malloc(0) is a pointer of its own");
    free(a);
    free(b);
    free(NULL);

    for (size_t size = 1; size < 2000000; size += 1 + size / 9) {
        unsigned char *payload = malloc(size);

        good = good && payload != NULL && is_aligned(payload, 8) &&
               (size < 16 || is_aligned(payload, 16)) &&
               malloc_usable_size(payload) >= size;
        if (payload != NULL)
            memset(payload, 0x5a, malloc_usable_size(payload));
        free(payload);
    }
    say(good, "every size: aligned, and all of the usable size is usable");

    errno = 0;
    good = malloc(huge) == NULL && errno == ENOMEM;
    for (size_t less = 0; less < 70000; less = less * 2 + 1) {
        errno = 0;
        good = good && malloc(huge - less) == NULL && errno == ENOMEM;
        errno = 0;
        good = good && malloc((size_t)PTRDIFF_MAX + 1 + less) == NULL &&
               errno == ENOMEM;
        errno = 0;
        good = good && malloc((size_t)1 << 47) == NULL && errno == ENOMEM;
    }
    say(good, "sizes beyond all memory are refused with ENOMEM");

    static const size_t sizes[] = { 1, 300, 5000, 100000, 3000000 };

    good = true;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        void *payload = malloc(sizes[i]);

        errno = 4321;
        free(payload);
        good = good && errno == 4321;
    }
    say(good, "free keeps errno");
}

/* ---- calloc ----------------------------------------------------------- */

/* Whether calloc gives zeroes where much else has been before. */
static bool calloc_is_zero(size_t size, int rounds)
{
    bool good = true;

    for (int i = 0; i < rounds; i++) {
        unsigned char *dirty[3];

        for (int j = 0; j < 3; j++) {
            dirty[j] = malloc(size + (size_t)j * 100);
            memset(dirty[j], 0xee, size + (size_t)j * 100);
        }
        for (int j = 0; j < 3; j++)
            free(dirty[j]);

        unsigned char *zero = calloc(1, size);

        good = good && zero != NULL && is_filled(zero, size, 0);
        memset(zero, 0xee, size);
        free(zero);
    }
    return good;
}

static void test_calloc(void)
{
    static const size_t sizes[] = { 1, 8, 24, 256, 257, 1000, 4000, 4100,
        65536, 131072, 131073, 140000, 600000, 1 << 20, 5000000 };
    bool good = true;

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        good = good && calloc_is_zero(sizes[i], 5);
    say(good, "calloc is zero where there was something else before");

    errno = 0;
    good = calloc(huge / 2, 3) == NULL && errno == ENOMEM;
    errno = 0;
    good = good && calloc(huge, 2) == NULL && errno == ENOMEM;
    for (size_t size = 2; size <= 4096; size *= 2) {
        errno = 0;                      /* the product wraps to SIZE */
        good = good && calloc((size_t)-1 / size + 2, size) == NULL &&
               errno == ENOMEM;
    }
    say(good, "calloc refuses a product that overflows");

    void *none = calloc(0, 8), *other = calloc(8, 0);

    say(none != NULL && other != NULL && none != other, "calloc of nothing");
    free(none);
    free(other);

    /* Locked pages do not go back to the system: nothing may rely on it. */
    if (fork() == 0) {
        bool locked = mlockall(MCL_FUTURE) == 0;
        bool zero = calloc_is_zero(700000, 5) && calloc_is_zero(3000000, 5);

        malloc_trim(0);
        zero = zero && calloc_is_zero(700000, 5);
        _exit(zero ? locked ? 0 : 2 : 1);
    }

    int status;

    wait(&status);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
        printf("ok - calloc of locked pages # skip mlockall is not allowed\n");
    else
        say(status == 0, "calloc is zero where pages are locked in memory");
}

/* ---- realloc ---------------------------------------------------------- */

static void test_realloc(void)
{
    bool good = true;
    size_t size = 1;
    unsigned char *payload = realloc(NULL, size);

    payload[0] = 1;
    for (int i = 0; i < 3000; i++) {
        size_t next = (size * 7 + (size_t)i * 13) % 300000 + 1;

        payload = realloc(payload, next);
        good = good && payload != NULL &&
               is_filled(payload, next < size ? next : size,
                         (unsigned char)(i % 251 + 1));
        memset(payload, (i + 1) % 251 + 1, next);
        size = next;
    }
    say(good, "realloc keeps the contents, up and down");

    memset(payload, 0x77, size);
    errno = 0;
    good = realloc(payload, huge - 100) == NULL && errno == ENOMEM;
    errno = 0;
    good = good && realloc(payload, (size_t)1 << 47) == NULL &&
           errno == ENOMEM;
    say(good && is_filled(payload, size, 0x77),
        "a realloc that is refused leaves the block as it was");

    errno = 0;
    good = reallocarray(NULL, huge / 2, 4) == NULL && errno == ENOMEM;
    payload = reallocarray(payload, 100, 50);
    say(good && payload != NULL && malloc_usable_size(payload) >= 5000,
        "reallocarray multiplies, and refuses what overflows");
    say(realloc(payload, 0) == NULL, "realloc(p, 0) frees and answers NULL");

    unsigned char *large = malloc(1 << 20);

    memset(large, 0x33, 1 << 20);
    for (size = 1 << 20; size > 100; size = size / 3 * 2)
        large = realloc(large, size);
    say(is_filled(large, size, 0x33), "a large block shrinks to a small one");
    free(large);
}

/* ---- alignment -------------------------------------------------------- */

static void test_alignment(void)
{
    bool good = true;
    void *payload = NULL;
    void *kept[64];

    for (size_t align = 8; align <= (size_t)1 << 30; align *= 2) {
        static const size_t sizes[] = { 0, 1, 24, 100, 5000, 200000 };

        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            int why = posix_memalign(&payload, align, sizes[i]);

            if (why != 0 || !is_aligned(payload, align) ||
                malloc_usable_size(payload) < sizes[i]) {
                printf("# align %zu size %zu\n", align, sizes[i]);
                good = false;
                continue;
            }
            if (sizes[i] > 0)
                memset(payload, 1, sizes[i]);
            if (align > 1 << 20)
                memset(payload, 1, 1);
            payload = realloc(payload, sizes[i] + 100);
            free(payload);
        }
    }
    say(good, "alignments from 8 to 1 GiB");

    for (int i = 0; i < 64; i++) {
        kept[i] = memalign(4096, 100);
        good = good && is_aligned(kept[i], 4096);
        memset(kept[i], i, 100);
    }
    for (int i = 0; i < 64; i++) {
        good = good && is_filled(kept[i], 100, (unsigned char)i);
        free(kept[i]);
    }
    say(good, "many aligned blocks at once");

    payload = &good;
    errno = 1234;
    good = posix_memalign(&payload, 3, 8) == EINVAL &&
           posix_memalign(&payload, 4, 8) == EINVAL &&
           posix_memalign(&payload, 24, 8) == EINVAL &&
           posix_memalign(&payload, 0, 8) == EINVAL;
    say(good && payload == &good && errno == 1234,
        "posix_memalign: EINVAL for what is no alignment, errno untouched");
    good = posix_memalign(&payload, 64, huge - 100) == ENOMEM &&
           posix_memalign(&payload, 64, (size_t)1 << 47) == ENOMEM;
    say(good, "posix_memalign: ENOMEM for what is too much");

    errno = 0;
    good = memalign((size_t)1 << 62, 1) == NULL && errno != 0;
    errno = 0;
    good = good && aligned_alloc(64, huge - 10) == NULL && errno == ENOMEM;
    say(good, "aligned_alloc and memalign refuse what cannot be");

    payload = aligned_alloc(256, 1000);
    good = is_aligned(payload, 256);
    free(payload);
    payload = memalign(100, 10);        /* glibc: rounded up to 128 */
    good = good && is_aligned(payload, 128);
    free(payload);
    payload = valloc(10);
    good = good && is_aligned(payload, 4096);
    free(payload);
    payload = pvalloc(4097);
    good = good && is_aligned(payload, 4096) &&
           malloc_usable_size(payload) >= 8192;
    free(payload);
    errno = 0;
    good = good && pvalloc(huge - 10) == NULL && errno == ENOMEM;
    say(good, "aligned_alloc, memalign, valloc, pvalloc");
}

/* ---- limits ----------------------------------------------------------- */

/* In a child that may have so much address space: whether much memory can be
 * had, and used again and again. */
static void test_limit(void)
{
    if (fork() == 0) {
        struct rlimit limit = { (rlim_t)1 << 30, (rlim_t)1 << 30 };
        static void *blocks[4096];
        size_t first = 0;
        bool good = true;

        if (setrlimit(RLIMIT_AS, &limit) != 0)
            _exit(2);
        for (int round = 0; round < 6; round++) {
            size_t size = (size_t)400000 << round % 3, count = 0, bytes = 0;

            errno = 0;
            while (count < 4096 && (blocks[count] = malloc(size)) != NULL) {
                memset(blocks[count], 1, 4096);
                bytes += size;
                count++;
            }
            printf("# round %d: %zu blocks, %zu MB, errno %d\n", round, count,
                   bytes >> 20, errno);
            fflush(stdout);
            good = good && errno == ENOMEM;
            if (round == 0)
                first = bytes;
            good = good && bytes > first / 10 * 8 && bytes > (size_t)600 << 20;
            for (size_t i = 0; i < count; i++)
                free(blocks[i]);
        }
        _exit(!good);
    }

    int status;

    wait(&status);
    say(status == 0, "under a limit: most of it, for large blocks of any size, "
                     "again and again");
}

/* ---- threads ---------------------------------------------------------- */

static pthread_key_t key;

static void key_ends(void *value)
{
    void *more[10];

    free(value);
    for (int i = 0; i < 10; i++)
        more[i] = malloc((size_t)i * 50 + 1);
    for (int i = 0; i < 10; i++)
        free(more[i]);
}

static void *thread_runs(void *value)
{
    pthread_setspecific(key, malloc(100));
    free(value);
    return realloc(malloc(10), 5000);
}

static void test_threads(void)
{
    bool good = true;

    pthread_key_create(&key, key_ends);
    for (int i = 0; i < 2000; i++) {
        pthread_t thread;
        void *answer = NULL;

        good = good &&
               pthread_create(&thread, NULL, thread_runs, malloc(40)) == 0 &&
               pthread_join(thread, &answer) == 0 && answer != NULL;
        free(answer);
    }
    say(good, "two thousand threads, one after the other; destructors that "
              "allocate");
}

/* ---- only ours -------------------------------------------------------- */

static size_t resident(void)
{
    size_t total = 0, pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL || fscanf(file, "%zu %zu", &total, &pages) != 2)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return pages * 4096;
}

static long faults(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt;
}

/* One round of a program in a rhythm: three blocks of sizes that change. */
static void rhythm_round(unsigned *random)
{
    static const size_t sizes[] = { 60000, 130000, 262144, 600000 };
    char *blocks[3];

    for (int i = 0; i < 3; i++) {
        *random = *random * 1103515245 + 12345;

        size_t size = sizes[*random >> 16 & 3];

        blocks[i] = malloc(size);
        for (size_t at = 0; at < size; at += 4096)
            blocks[i][at] = 1;
    }
    for (int i = 0; i < 3; i++)
        free(blocks[i]);
}

/* Before the rest: what a program was at its largest is remembered. */
static void test_rhythm(void)
{
    unsigned random = 1;
    long before;

    for (int i = 0; i < 6000; i++)
        rhythm_round(&random);
    before = faults();
    for (int i = 0; i < 300; i++)
        rhythm_round(&random);
    printf("# %ld faults in 300 rounds, after 6000\n", faults() - before);
    say(faults() - before < 500,
        "a program that goes round and round stops faulting");
}

/* Something of the program's lies where our arena would grow next. */
static void test_wall(void)
{
    void *wall = MAP_FAILED, *blocks[100];
    uintptr_t near = (uintptr_t)malloc(100) & ~(uintptr_t)0xfffff;
    bool good;

    for (uintptr_t i = 0; i < 1024 && wall == MAP_FAILED; i++)
        wall = mmap((void *)(near + (i << 20) + 4096), 4096, PROT_READ,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    good = wall != MAP_FAILED && (uintptr_t)wall - near < 50 << 20;
    for (int i = 0; i < 100; i++) {
        blocks[i] = malloc(700000);
        good = good && blocks[i] != NULL;
        if (blocks[i] != NULL)
            memset(blocks[i], 1, 700000);
    }
    for (int i = 0; i < 100; i++)
        free(blocks[i]);
    say(good, "something else in the arena is passed over");
}

/* How often the library's lock was taken so far, as malloc_stats() says; it
 * takes it once itself. */
static unsigned long long locks_taken(void)
{
    char text[1000] = "";
    unsigned long long times = 0;
    int ends[2], error = dup(STDERR_FILENO);

    if (pipe(ends) != 0)
        return 0;
    dup2(ends[1], STDERR_FILENO);
    malloc_stats();
    dup2(error, STDERR_FILENO);
    if (read(ends[0], text, sizeof text - 1) > 0) {
        char *where = strstr(text, "lock taken ");

        if (where != NULL)
            times = strtoull(where + 11, NULL, 10);
    }
    close(ends[0]);
    close(ends[1]);
    close(error);
    return times;
}

enum { PAIRS = 200000, WORKERS = 2 };

static pthread_barrier_t workers_ready, workers_go, workers_done;

/* Objects of one size each, from 8 bytes to 20 KB, made and freed, the last
 * fifty of them alive. */
static void work(int pairs)
{
    static const size_t step[] = { 8, 24, 100, 250, 300, 1000, 4000, 20000 };
    void *live[50] = { 0 };

    for (int i = 0; i < pairs; i++) {
        free(live[i % 50]);
        live[i % 50] = malloc(step[i % 50 % 8]);
    }
    for (int i = 0; i < 50; i++)
        free(live[i]);
}

static void *worker(void *argument)
{
    work(2000);                         /* takes what it needs */
    pthread_barrier_wait(&workers_ready);
    pthread_barrier_wait(&workers_go);
    work(PAIRS);
    pthread_barrier_wait(&workers_done);
    return argument;
}

static void test_no_lock(void)
{
    pthread_t threads[WORKERS];
    unsigned long long before, after;

    pthread_barrier_init(&workers_ready, NULL, WORKERS + 1);
    pthread_barrier_init(&workers_go, NULL, WORKERS + 1);
    pthread_barrier_init(&workers_done, NULL, WORKERS + 1);
    for (int i = 0; i < WORKERS; i++)
        pthread_create(&threads[i], NULL, worker, NULL);
    pthread_barrier_wait(&workers_ready);
    before = locks_taken();
    pthread_barrier_wait(&workers_go);
    pthread_barrier_wait(&workers_done);
    after = locks_taken();
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    printf("# the lock was taken %llu times in %d pairs\n",
           after - before - 1, WORKERS * PAIRS);
    /* Now and then the clock says that idle pages are to be looked at. */
    say(before > 0 && after - before - 1 <= WORKERS * PAIRS / 10000,
        "two threads at full speed take no lock, but once in 10 000 pairs to "
        "see to idle pages");
}

static void test_ours(void)
{
    void free_sized(void *payload, size_t size) __attribute__((weak));
    void free_aligned_sized(void *payload, size_t align, size_t size)
        __attribute__((weak));
    bool good = free_sized != NULL && free_aligned_sized != NULL;

    if (good) {
        free_sized(malloc(100), 100);
        free_aligned_sized(aligned_alloc(64, 128), 64, 128);
        free_sized(NULL, 0);
    }
    say(good, "free_sized and free_aligned_sized");
    errno = 0;
    good = aligned_alloc(0, 8) == NULL && errno == EINVAL;
    errno = 0;
    say(good && aligned_alloc(24, 48) == NULL && errno == EINVAL,
        "aligned_alloc: EINVAL for what is no alignment");

    void *blocks[100];

    for (int i = 0; i < 100; i++)
        memset(blocks[i] = malloc(700000), 1, 700000);

    size_t full = resident();

    for (int i = 0; i < 100; i++)
        free(blocks[i]);
    malloc_trim(0);
    say(full - resident() > 60000000, "malloc_trim gives freed memory back");

    /* The middle of free blocks: every 400th object stays. */
    static char *small[200000];

    for (int i = 0; i < 200000; i++) {
        small[i] = malloc(600);
        memset(small[i], 1, 600);
    }
    full = resident();
    for (int i = 0; i < 200000; i++)
        if (i % 400 != 0)
            free(small[i]);
    for (int i = 0; i < 300; i++) {     /* decay is seen to by the way */
        usleep(4000);
        free(malloc(600000));
    }
    printf("# %zu MB of 120 went back\n", (full - resident()) >> 20);
    good = full - resident() > 40000000;
    say(good, "freed memory goes back after a while, between live objects too");

    /* A burst of frees, and then nothing: no more than a bounded rest. */
    static char *more[2000];

    for (int i = 0; i < 2000; i++)
        memset(more[i] = malloc(200000), 1, 200000);
    full = resident();
    for (int i = 0; i < 2000; i++)
        free(more[i]);
    say(full - resident() > 200000000,
        "a program that frees much and then sleeps does not keep it");

    void *all = malloc((size_t)28 << 30);

    say(all != NULL && malloc((size_t)33 << 30) == NULL,
        "28 GiB can be had untouched, more than the arena cannot");
    free(all);
    all = malloc((size_t)28 << 30);
    say(all != NULL, "and again");
    free(all);
}

int main(int count, char **words)
{
    bool ours = count > 1 && strcmp(words[1], "--ours") == 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    test_limit();
    if (ours) {
        test_rhythm();
        test_wall();
    }
    test_malloc();
    test_calloc();
    test_realloc();
    test_alignment();
    test_threads();
    if (ours) {
        test_no_lock();
        test_ours();
    }
    return failures > 0;
}

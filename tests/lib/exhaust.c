/* SPDX-License-Identifier: MIT */
/*
 * exhaust.c - the malloc library, when the system has no memory at every point
 *
 * The library asks the system with mmap (mebibytes of the arena, heaps for
 * threads), and with mprotect for guarded pages. The linker leads these calls
 * here, where they are numbered, but for the very first: without it there is
 * no arena, and the library says so and stops. A program of some thousand
 * calls, by two threads, is run in a process of its own with call 1 failing,
 * then call 2, and so on: once, and lasting (every later one fails too). A
 * request that is refused must say ENOMEM, every payload must be what it was,
 * and when the system has memory again nothing is refused.
 *
 *     exhaust [MOST]      so many of the points, about, at each level of care
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LIVE = 256, STEPS = 1500, KIB = 1024,
    MOST = 12,                  /* points that are tried, if nobody says */
};

static uint64_t reached, fail_at, refusals;
static bool lasting, begun, ended;

/* ---- what the linker leads here --------------- */

void *__real_mmap(void *at, size_t bytes, int access, int flags, int file,
                  off_t offset);
void *__wrap_mmap(void *at, size_t bytes, int access, int flags, int file,
                  off_t offset);
int __real_mprotect(void *at, size_t bytes, int access);
int __wrap_mprotect(void *at, size_t bytes, int access);

static bool fails(void)
{
    if (!begun || ended || ++reached < fail_at || fail_at == 0)
        return false;
    errno = ENOMEM;
    return lasting || reached == fail_at;
}

void *__wrap_mmap(void *at, size_t bytes, int access, int flags, int file,
                  off_t offset)
{
    return fails() ? MAP_FAILED
                   : __real_mmap(at, bytes, access, flags, file, offset);
}

int __wrap_mprotect(void *at, size_t bytes, int access)
{
    return fails() ? -1 : __real_mprotect(at, bytes, access);
}

/* ---- the program --------------- */

static struct {
    unsigned char *payload, fill;
    size_t size;
} live[LIVE];

_Noreturn static void fail(const char *sentence, size_t size)
{
    fprintf(stderr, "# call %llu fails%s: %s (%zu bytes)\n",
            (unsigned long long)fail_at, lasting ? ", and later ones" : "",
            sentence, size);
    _exit(1);
}

static unsigned random_of(unsigned *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static size_t random_size(unsigned *state)
{
    switch (random_of(state) % 8) {
    case 0: return random_of(state) % (700 * KIB);
    case 1: return random_of(state) % (100 * KIB);
    case 2: case 3: return random_of(state) % (8 * KIB);
    default: return random_of(state) % 300;
    }
}

static void verify(int i, size_t size)
{
    for (size_t at = 0; at < size; at++)
        if (live[i].payload[at] != live[i].fill)
            fail("a payload has changed", live[i].size);
}

/* PAYLOAD, of SIZE bytes, was asked for and goes to place I, if there is
 * one. */
static void note(int i, unsigned char *payload, size_t size, unsigned fill)
{
    if (payload == NULL) {
        refusals++;
        if (errno != ENOMEM)
            fail("refused, and errno is not ENOMEM", size);
        if (ended || fail_at == 0)
            fail("refused, and the system has memory", size);
        return;
    }
    memset(payload, (int)fill, size);
    live[i].payload = payload;
    live[i].size = size;
    live[i].fill = (unsigned char)fill;
}

static void step(unsigned *random)
{
    int i = (int)(random_of(random) % LIVE);
    size_t size = random_size(random);
    unsigned how = random_of(random) % 8, fill = random_of(random) % 256;
    size_t align = (size_t)16 << random_of(random) % 9;
    unsigned char *payload = live[i].payload;

    errno = 0;
    if (payload == NULL && how == 0) {
        payload = calloc(size / 8 + 1, 8);
        for (size_t at = 0; payload != NULL && at < size; at++)
            if (payload[at] != 0)
                fail("calloc's memory is not zero", size);
        note(i, payload, size, fill);
    } else if (payload == NULL) {
        note(i, how == 1 ? aligned_alloc(align, size) : malloc(size), size,
             fill);
    } else if (how < 3) {
        size_t kept = size < live[i].size ? size : live[i].size;

        payload = realloc(payload, size + 1);
        if (payload != NULL)
            live[i].payload = payload;
        verify(i, payload != NULL ? kept : live[i].size);
        note(i, payload, size, fill);
    } else {
        verify(i, live[i].size);
        free(payload);
        live[i].payload = NULL;
    }
}

static void *steps(void *seed)
{
    unsigned random = *(unsigned *)seed;

    for (int i = 0; i < STEPS; i++)
        step(&random);
    return NULL;
}

/* One thread, then another one that frees what the first has allocated. */
static void program(void)
{
    unsigned seeds[2] = { 3, 5 };
    pthread_t thread;

    steps(&seeds[0]);
    if (pthread_create(&thread, NULL, steps, &seeds[1]) != 0)
        fail("there is no thread", 0);
    pthread_join(thread, NULL);
    for (int i = 0; i < LIVE; i++) {
        if (live[i].payload != NULL)
            verify(i, live[i].size);
        free(live[i].payload);
        live[i].payload = NULL;
    }
    malloc_trim(0);
}

/* Runs the program in a process of its own; stores how many calls it made,
 * and how many requests were refused. */
static bool run(uint64_t *calls, uint64_t *refused)
{
    uint64_t result[2] = { 0, 0 };
    int ends[2], status = -1;
    pid_t child;

    if (pipe(ends) != 0 || (child = fork()) < 0)
        return false;
    if (child == 0) {
        free(malloc(1));
        begun = true;
        program();
        result[0] = reached;
        result[1] = refusals;
        ended = true;
        program();
        _exit(write(ends[1], result, sizeof result) != sizeof result);
    }
    close(ends[1]);
    if (read(ends[0], result, sizeof result) != sizeof result)
        status = 1;
    close(ends[0]);
    if (waitpid(child, status == 1 ? NULL : &status, 0) != child)
        status = 1;
    *calls = result[0];
    *refused = result[1];
    return status == 0;
}

/* All points of the library at LEVEL, or about MOST of them. */
static bool run_all(const char *level, uint64_t most)
{
    uint64_t points, calls, refused, runs = 0, all = 0;

    setenv("HEAPGLASS_LEVEL", level, 1);
    fail_at = 0;
    if (!run(&points, &refused) || refused > 0 || points < 10) {
        printf("not ok - level %s: with memory the program runs, %llu "
               "points\n", level, (unsigned long long)points);
        return false;
    }
    for (fail_at = 1; fail_at <= points; fail_at += 1 + points / most) {
        for (int how = 0; how < 2; how++, runs++) {
            lasting = how == 1;
            if (!run(&calls, &refused)) {
                printf("not ok - level %s: the system has no memory, call "
                       "%llu%s\n", level, (unsigned long long)fail_at,
                       lasting ? " and later" : "");
                return false;
            }
            all += refused;
        }
    }
    printf("%s - level %s, the system has no memory: %llu points, %llu runs, "
           "%llu refusals\n", all > 0 ? "ok" : "not ok", level,
           (unsigned long long)points, (unsigned long long)runs,
           (unsigned long long)all);
    fflush(stdout);
    return all > 0;
}

int main(int count, char **words)
{
    static const char *const levels[] = { "none", "check", "full" };
    uint64_t most = count > 1 ? strtoull(words[1], NULL, 10) : MOST;
    bool good = true;

    for (int i = 0; i < 3; i++)
        good = run_all(levels[i], most > 0 ? most : 1) && good;
    return good ? 0 : 1;
}

/* SPDX-License-Identifier: MIT */
/*
 * threads.c - real threads on the library, with ThreadSanitizer watching
 *
 * Every block is filled with a pattern that its address gives, and looked at
 * before it is freed: so a block that two threads were handed shows, and so
 * does a race, since ThreadSanitizer sees every byte.
 *
 *     producer/consumer   what one thread allocates another frees
 *     shuffle             threads swap blocks of all sizes through a table
 *     realloc             of what another thread allocated
 *     adoption            threads come and go; their heaps are taken over
 *     fork                while other threads run; the child allocates
 *     trim                while other threads run
 *
 * ThreadSanitizer ends the program with a status of its own when it has seen
 * a race.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOTS = 256, ROUNDS = 12000, BATCH = 200 };

/* Children of fork() go on although the parent has threads. */
const char *__tsan_default_options(void);

const char *__tsan_default_options(void)
{
    return "die_after_fork=0";
}

static int failures;

static void say(bool good, const char *what)
{
    printf("%s - %s\n", good ? "ok" : "not ok", what);
    fflush(stdout);
    failures += !good;
}

static unsigned random_of(unsigned *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static size_t random_size(unsigned *state)
{
    switch (random_of(state) % 16) {
    case 0: return random_of(state) % 20000;
    case 1: return random_of(state) % 300 == 0 ? 200000 : 4000;
    case 2: case 3: return random_of(state) % 2000;
    default: return random_of(state) % 200;
    }
}

/* ---- blocks that know what they contain ------------------------------- */

struct item {
    size_t size;
    unsigned char *bytes;
};

static unsigned char pattern_of(const void *bytes)
{
    return (unsigned char)((uintptr_t)bytes >> 3) | 1;
}

static struct item item_make(size_t size)
{
    struct item item = { size, malloc(size) };

    if (item.bytes != NULL)
        memset(item.bytes, pattern_of(item.bytes), size);
    return item;
}

static bool item_is_whole(struct item item)
{
    for (size_t i = 0; i < item.size; i++)
        if (item.bytes[i] != pattern_of(item.bytes))
            return false;
    return malloc_usable_size(item.bytes) >= item.size;
}

static bool item_end(struct item item)
{
    bool whole = item.bytes == NULL || item_is_whole(item);

    free(item.bytes);
    return whole;
}

/* ---- producer and consumer -------------------------------------------- */

struct channel {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct item batch[BATCH];
    int count;
    bool over;
};

static void *consume(void *value)
{
    struct channel *channel = value;
    bool good = true;

    for (;;) {
        struct item batch[BATCH];
        int count;

        pthread_mutex_lock(&channel->lock);
        while (channel->count == 0 && !channel->over)
            pthread_cond_wait(&channel->changed, &channel->lock);
        count = channel->count;
        memcpy(batch, channel->batch, sizeof batch);
        channel->count = 0;
        pthread_cond_signal(&channel->changed);
        pthread_mutex_unlock(&channel->lock);
        if (count == 0)
            return good ? channel : NULL;
        for (int i = 0; i < count; i++)
            good = item_end(batch[i]) && good;
    }
}

static void test_producer_consumer(void)
{
    struct channel channel = {
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER,
    };
    pthread_t consumer;
    unsigned random = 1;
    void *answer;

    pthread_create(&consumer, NULL, consume, &channel);
    for (int i = 0; i < ROUNDS / BATCH * 4; i++) {
        struct item batch[BATCH];

        for (int j = 0; j < BATCH; j++)
            batch[j] = item_make(random_size(&random));
        pthread_mutex_lock(&channel.lock);
        while (channel.count > 0)
            pthread_cond_wait(&channel.changed, &channel.lock);
        memcpy(channel.batch, batch, sizeof batch);
        channel.count = BATCH;
        pthread_cond_signal(&channel.changed);
        pthread_mutex_unlock(&channel.lock);
    }
    pthread_mutex_lock(&channel.lock);
    channel.over = true;
    pthread_cond_signal(&channel.changed);
    pthread_mutex_unlock(&channel.lock);
    pthread_join(consumer, &answer);
    say(answer != NULL, "one thread allocates, another frees");
}

/* ---- a table that threads swap blocks through ------------------------- */

static struct {
    pthread_mutex_t lock;
    struct item item;
} table[SLOTS];

static void *shuffle(void *value)
{
    unsigned random = (unsigned)(uintptr_t)value;
    bool good = true;

    for (int i = 0; i < ROUNDS; i++) {
        struct item item = item_make(random_size(&random)), other;
        unsigned at = random_of(&random) % SLOTS;

        pthread_mutex_lock(&table[at].lock);
        other = table[at].item;
        table[at].item = item;
        pthread_mutex_unlock(&table[at].lock);
        if (other.bytes != NULL && random_of(&random) % 4 == 0) {
            size_t size = random_size(&random) + 1;
            unsigned char pattern = pattern_of(other.bytes);
            size_t kept = size < other.size ? size : other.size;

            good = item_is_whole(other) && good;
            other.bytes = realloc(other.bytes, size);
            for (size_t j = 0; j < kept; j++)
                good = good && other.bytes[j] == pattern;
            other.size = size;
            memset(other.bytes, pattern_of(other.bytes), size);
        }
        good = item_end(other) && good;
    }
    return good ? table : NULL;
}

static bool run_threads(int count, void *(*run)(void *value))
{
    pthread_t threads[8];
    bool good = true;
    void *answer;

    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, run, (void *)(uintptr_t)(i + 1));
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], &answer);
        good = good && answer != NULL;
    }
    return good;
}

static bool table_clear(void)
{
    bool good = true;

    for (int i = 0; i < SLOTS; i++) {
        good = item_end(table[i].item) && good;
        table[i].item = (struct item){ 0 };
    }
    return good;
}

/* ---- threads that come and go ----------------------------------------- */

static void *visit(void *value)
{
    unsigned random = (unsigned)(uintptr_t)value * 77;
    bool good = true;

    for (int i = 0; i < 100; i++) {
        struct item item = item_make(random_size(&random)), other;
        unsigned at = random_of(&random) % SLOTS;

        pthread_mutex_lock(&table[at].lock);
        other = table[at].item;
        table[at].item = item;
        pthread_mutex_unlock(&table[at].lock);
        good = item_end(other) && good;
    }
    return good ? table : NULL;
}

static void test_adoption(void)
{
    bool good = true;

    for (int i = 0; i < 100; i++)
        good = run_threads(4, visit) && good;
    say(good && table_clear(),
        "four hundred threads come and go, and take over what was left");
}

/* ---- while other threads run ------------------------------------------ */

static bool stop;

static void *run_on(void *value)
{
    unsigned random = (unsigned)(uintptr_t)value;
    bool good = true;

    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        struct item items[50];

        for (int i = 0; i < 50; i++)
            items[i] = item_make(random_size(&random));
        for (int i = 0; i < 50; i++)
            good = item_end(items[i]) && good;
    }
    return good ? table : NULL;
}

/* What a child of fork() does: its parent's blocks and new ones. */
static void child(struct item *inherited, int count)
{
    unsigned random = 5;
    bool good = true;

    for (int i = 0; i < count; i++)
        good = item_end(inherited[i]) && good;
    for (int i = 0; i < 2000; i++)
        good = item_end(item_make(random_size(&random))) && good;
    malloc_trim(0);
    _exit(good ? 0 : 1);
}

static void test_while_others_run(void)
{
    pthread_t threads[2];
    bool good = true;
    void *answer;
    unsigned random = 9;

    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, run_on, (void *)(uintptr_t)(i + 1));
    for (int i = 0; i < 20; i++) {
        struct item items[100];
        int status = 1;

        for (int j = 0; j < 100; j++)
            items[j] = item_make(random_size(&random));

        pid_t pid = fork();

        if (pid == 0)
            child(items, 100);
        for (int j = 0; j < 100; j++)
            good = item_end(items[j]) && good;
        good = waitpid(pid, &status, 0) == pid && status == 0 && good;
    }
    say(good, "twenty children of fork() while other threads allocate");

    good = true;
    for (int i = 0; i < 20; i++) {
        struct item item = item_make(100000);

        malloc_trim(0);
        good = item_end(item) && good;
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], &answer);
        good = good && answer != NULL;
    }
    say(good, "malloc_trim while other threads allocate");
}

int main(void)
{
    for (int i = 0; i < SLOTS; i++)
        pthread_mutex_init(&table[i].lock, NULL);
    test_producer_consumer();
    say(run_threads(4, shuffle) && table_clear(),
        "four threads swap blocks of all sizes, and realloc each other's");
    test_adoption();
    test_while_others_run();
    return failures > 0;
}

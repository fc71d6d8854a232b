/* SPDX-License-Identifier: MIT */
/*
 * subject.c - a program whose every malloc and free is known
 *
 *     subject MODE
 *
 * What tests/bench/recorder runs under the recorder. Sizes are odd and used
 * once, so that they can be found in a trace among what the C library does
 * for itself. Nothing is printed through stdio, which allocates.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void each_call(void)
{
    void *blocks[8];
    volatile size_t huge = SIZE_MAX / 2;        /* the compiler may not see */

    blocks[0] = malloc(10001);
    blocks[1] = calloc(3, 3334);                /* 10002 */
    blocks[0] = realloc(blocks[0], 10003);
    blocks[2] = realloc(NULL, 10004);
    blocks[3] = memalign(64, 10005);
    if (posix_memalign(&blocks[4], 4096, 10006) != 0)
        _exit(1);
    blocks[5] = aligned_alloc(128, 10112);
    blocks[6] = reallocarray(NULL, 10, 1001);   /* 10010 */
    blocks[7] = valloc(10011);
    free(NULL);
    /* None of these is granted; blocks[1] stays. */
    if (malloc(huge * 2 - 100) != NULL || realloc(blocks[1], huge) != NULL ||
        calloc(huge, 4) != NULL ||
        reallocarray(blocks[1], huge, 4) != NULL ||
        posix_memalign(&blocks[0], 3, 10013) == 0)
        _exit(1);
    if (malloc_usable_size(blocks[1]) < 10002 ||
        malloc_usable_size(blocks[1]) > 10040 ||
        malloc_usable_size(NULL) != 0)
        _exit(1);
    blocks[2] = realloc(blocks[2], 0);          /* a free */
    for (int i = 7; i >= 3; i--)
        free(blocks[i]);
    free(blocks[1]);
    /* blocks[0], of 10003 bytes, is left */
}

/* ---- threads --------------------------------------------------------------- */

enum { HANDERS = 4, HANDS = 20000, PLACES = 16 };
static void *volatile places[PLACES];

/* Puts a block in a place and frees what was there: nearly every free is of
   another thread's block, and addresses come round quickly. */
static void *hand_over(void *argument)
{
    uint32_t random = (uint32_t)(uintptr_t)argument;

    for (int i = 0; i < HANDS; i++) {
        random = random * 1664525u + 1013904223u;

        void *block = malloc(16 + (random >> 8) % 64);

        if ((random >> 28) == 0)
            block = realloc(block, 200);
        free(__atomic_exchange_n(&places[(random >> 20) % PLACES], block,
                                 __ATOMIC_ACQ_REL));
    }
    return NULL;
}

static void threads(void)
{
    pthread_t thread[HANDERS];

    for (uintptr_t i = 0; i < HANDERS; i++)
        pthread_create(&thread[i], NULL, hand_over, (void *)(i + 1));
    for (int i = 0; i < HANDERS; i++)
        pthread_join(thread[i], NULL);
    for (int i = 0; i < PLACES; i++)
        free(places[i]);
}

/* ---- processes --------------------------------------------------------------- */

/* A fork that the C library knows, or one that it does not. */
static pid_t split(int raw)
{
    return raw ? (pid_t)syscall(SYS_fork) : fork();
}

static void forks(int raw)
{
    void *old[5];

    for (int i = 0; i < 5; i++)
        old[i] = malloc(20001 + (size_t)i);
    if (split(raw) == 0) {
        free(old[1]);
        old[1] = malloc(21001);
        if (split(raw) == 0) {
            free(old[1]);
            free(old[4]);
            _exit(0);
        }
        wait(NULL);
        free(old[2]);
        _exit(0);
    }
    wait(NULL);
    free(old[0]);
}

/* How far apart the blocks lie: the same with and without a listener. */
static void places_of_blocks(void)
{
    char text[64];
    unsigned char *last = malloc(24), *block;

    for (int i = 1; i < 60; i++) {
        block = i % 7 == 0 ? memalign(64, 100)
                           : malloc((size_t)(i * 37 % 900));
        if (i % 3 == 0)
            free(last);
        int length = snprintf(text, sizeof(text), "%td\n", block - last);

        if (write(1, text, (size_t)length) != length)
            _exit(1);
        last = block;
    }
}

int main(int count, char **words)
{
    const char *mode = count > 1 ? words[1] : "";

    if (strcmp(mode, "each") == 0) {
        each_call();
    } else if (strcmp(mode, "threads") == 0) {
        threads();
    } else if (strcmp(mode, "fork") == 0) {
        forks(0);
    } else if (strcmp(mode, "rawfork") == 0) {
        forks(1);
    } else if (strcmp(mode, "exec") == 0) {
        free(malloc(30001));
        execl(words[0], words[0], "each", (char *)NULL);
    } else if (strcmp(mode, "killed") == 0) {
        free(malloc(40001));
        raise(SIGKILL);
    } else if (strcmp(mode, "places") == 0) {
        places_of_blocks();
    } else if (strcmp(mode, "status") == 0) {
        return malloc(24) != NULL ? 7 : 1;
    } else {
        return 2;
    }
    return 0;
}

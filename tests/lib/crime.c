/* SPDX-License-Identifier: MIT */
/*
 * crime.c - one error in the use of memory, by name; tests/lib/judge tries them
 *
 *     crime NAME          commits it, then goes on for a while; prints
 *                         "unnoticed" if nobody has ended it
 *
 * Each is committed as real programs do it, with other blocks around, some of
 * them live.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *volatile kept[200];
static char *volatile victim;

/* The program goes on: allocates and frees as programs do. */
static void live_on(void)
{
    for (int i = 0; i < 5000; i++) {
        int at = i * 7919 % 200;

        free(kept[at]);
        kept[at] = malloc((size_t)(i * 31 % 900 + 1));
    }
}

static char *one_of(size_t size)
{
    char *payload;

    free(malloc(size));
    payload = malloc(size);
    memset(payload, 'x', size);
    kept[199] = malloc(size);
    return payload;
}

static void crime(const char *name, size_t size)
{
    static char fixed[64];
    char local[64];

    victim = one_of(size);
    if (strcmp(name, "double-free") == 0) {
        free(victim);
        free(victim);
    } else if (strcmp(name, "late-double-free") == 0) {
        free(victim);
        free(kept[199]);
        kept[199] = malloc(size + 500);
        free(victim);
    } else if (strcmp(name, "free-inside") == 0) {
        free(victim + 16);
    } else if (strcmp(name, "free-misaligned") == 0) {
        free(victim + 3);
    } else if (strcmp(name, "free-local") == 0) {
        free((char *)((uintptr_t)local + 0 * size));
    } else if (strcmp(name, "free-static") == 0) {
        free((char *)((uintptr_t)fixed + 0 * size));
    } else if (strcmp(name, "realloc-freed") == 0) {
        free(victim);
        kept[0] = realloc(victim, size + 1);
    } else if (strcmp(name, "overrun-1") == 0) {
        victim[size] = 0;
        free(victim);
    } else if (strcmp(name, "overrun-20") == 0) {
        memset(victim + size, 'y', 20);
        free(victim);
    } else if (strcmp(name, "write-freed") == 0) {
        free(victim);
        victim[size > 40 ? 20 : size - 1] = 'z';
    } else if (strcmp(name, "overrun-page") == 0) {
        memset(victim + size, 'y', 5000);
    } else if (strcmp(name, "read-freed") == 0) {
        free(victim);
        printf("%c\n", victim[size / 2]);
    } else if (strcmp(name, "none") != 0) {
        printf("there is no such crime: %s\n", name);
        exit(2);
    }
    live_on();
}

int main(int count, char **words)
{
    if (count < 3) {
        printf("usage: crime NAME SIZE\n");
        return 2;
    }
    for (int i = 0; i < 200; i++)
        kept[i] = malloc((size_t)(i * 13 % 700 + 1));
    crime(words[1], strtoul(words[2], NULL, 0));
    printf("unnoticed\n");
    return 0;
}

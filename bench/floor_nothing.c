/* SPDX-License-Identifier: MIT */
/*
 * floor_nothing.c - a malloc that does nothing: what a measurement costs alone
 *
 * Answers with the places of a small table in turn, whether they are free or
 * not. Only `replay` can live with that: it never reads what it wrote, and
 * asks for nothing else. What a figure of the bench has in common with this
 * one is the loop's, not the allocator's.
 *
 * Before main the dynamic linker allocates as well, and means it: the first
 * EARLY bytes are given out once.
 */
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { EARLY = 1 << 16, TABLE = 1 << 16, PLACE = 64 };

/* A large block is written to far beyond its place, so the table lies in a
   gigabyte, of which only the pages that are written to are ever held. */
static _Alignas(4096) unsigned char memory[(size_t)1 << 30];
static size_t next;

#define PUBLIC __attribute__((visibility("default")))

PUBLIC void *malloc(size_t size)
{
    void *place = memory + next;

    next += next < EARLY ? (size + PLACE - 1) & -(size_t)PLACE : PLACE;
    if (next >= EARLY + TABLE)
        next = EARLY;
    return place;
}

PUBLIC void free(void *payload)
{
    (void)payload;
}

PUBLIC void *realloc(void *payload, size_t size)
{
    return payload != NULL ? payload : malloc(size);
}

PUBLIC void *calloc(size_t count, size_t size)
{
    return memset(malloc(count * size), 0, count * size);
}

PUBLIC void *memalign(size_t align, size_t size)
{
    (void)align;
    return malloc(size);
}

PUBLIC size_t malloc_usable_size(void *payload)
{
    (void)payload;
    return 0;
}

/* SPDX-License-Identifier: MIT */
/*
 * prefix.h - the library's functions under other names, its arena elsewhere
 *
 * For a program that has our library inside and another malloc around it.
 * Read before every file (-include); the C library's headers come first, so
 * that they declare their own functions and not ours.
 */
#ifndef TESTS_LIB_PREFIX_H
#define TESTS_LIB_PREFIX_H

#define _GNU_SOURCE
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where ThreadSanitizer lets programs have memory. */
#define PAGES_BASE UINT64_C(0x1000000000)

#define malloc hg_malloc
#define free hg_free
#define calloc hg_calloc
#define realloc hg_realloc
#define reallocarray hg_reallocarray
#define posix_memalign hg_posix_memalign
#define memalign hg_memalign
#define aligned_alloc hg_aligned_alloc
#define valloc hg_valloc
#define pvalloc hg_pvalloc
#define malloc_usable_size hg_malloc_usable_size
#define malloc_trim hg_malloc_trim
#define malloc_stats hg_malloc_stats
#define free_sized hg_free_sized
#define free_aligned_sized hg_free_aligned_sized
#define cfree hg_cfree

void *malloc(size_t size);
void free(void *payload);
void *calloc(size_t count, size_t size);
void *realloc(void *payload, size_t size);
void *reallocarray(void *payload, size_t count, size_t size);
int posix_memalign(void **payload, size_t align, size_t size);
void *memalign(size_t align, size_t size);
void *aligned_alloc(size_t align, size_t size);
void *valloc(size_t size);
void *pvalloc(size_t size);
size_t malloc_usable_size(void *payload);
int malloc_trim(size_t pad);
void malloc_stats(void);

#endif

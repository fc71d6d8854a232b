/* SPDX-License-Identifier: MIT */
/*
 * support.h - what several unit tests need
 *
 * A random number generator whose runs can be repeated (a failing test names
 * its seed), files in memory, and copies of exactly the right size, so that
 * AddressSanitizer catches a read of one byte too many.
 */

#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* xorshift64*: STATE must not be 0. */
static inline uint64_t random_next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545F4914F6CDD1Du;
}

/* A number in [0, LIMIT). */
static inline uint64_t random_below(uint64_t *state, uint64_t limit)
{
    return (random_next(state) >> 16) % limit;
}

/* SIZE bytes of DATA in a heap block of exactly this size; free() it. */
static inline void *exact_copy(const void *data, size_t size)
{
    void *copy = malloc(size);      /* for size 0 too: a block of 0 bytes */

    assert_non_null(copy);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

/* The content of the file PATH in a block of exactly its size; free() it. */
static inline char *read_whole_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *content;
    long length;

    if (file == NULL)
        fail_msg("cannot open %s (tests run from the top of the tree)", path);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    length = ftell(file);
    assert_true(length >= 0);
    rewind(file);
    *size = (size_t)length;
    content = malloc(*size);
    assert_non_null(content);
    assert_int_equal(fread(content, 1, *size, file), *size);
    fclose(file);
    return content;
}

#endif

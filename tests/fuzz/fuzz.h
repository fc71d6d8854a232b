/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what the fuzz targets share
 *
 * A target is one function, LLVMFuzzerTestOneInput, that takes any bytes at
 * all. With clang's libFuzzer it is fed bytes that reach new code; with main()
 * of replay.c it is fed files. Either way it stops the program when something
 * is wrong: a sanitizer does, or FUZZ_EXPECT.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_EXPECT(condition, sentence)                                   \
    ((condition) ? (void)0                                                 \
                 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__,     \
                            sentence), abort()))

/* Bytes to draw from; zeroes when they are used up. */
struct fuzz {
    const uint8_t *data;
    size_t size;
};

static inline uint32_t fuzz_byte(struct fuzz *fuzz)
{
    if (fuzz->size == 0)
        return 0;
    fuzz->size--;
    return *fuzz->data++;
}

static inline uint32_t fuzz_half(struct fuzz *fuzz)
{
    uint32_t low = fuzz_byte(fuzz);

    return low | fuzz_byte(fuzz) << 8;
}

static inline uint64_t fuzz_number(struct fuzz *fuzz, int bytes)
{
    uint64_t number = 0;

    for (int i = 0; i < bytes; i++)
        number |= (uint64_t)fuzz_byte(fuzz) << (8 * i);
    return number;
}

/* SIZE bytes in a block of exactly that size; free() it. */
static inline void *fuzz_exact(const void *data, size_t size)
{
    void *copy = malloc(size == 0 ? 1 : size);

    FUZZ_EXPECT(copy != NULL, "out of memory");
    if (size == 0) {
        free(copy);
        copy = malloc(0);
    } else {
        memcpy(copy, data, size);
    }
    return copy;
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * print.h - numbers and words as text
 *
 * A small printf: there is no C library in a kernel, and output that must be
 * the same byte for byte in every home had better come from one source.
 *
 * It knows %c %s %d %u %x, with ll (64 bits) and z (size_t) for the numbers,
 * a width (also as *), '0' and '-' before it, a precision for %s (also as *),
 * and %%. Anything else is a mistake in the program and prints as itself.
 * Since the compiler checks the arguments, a 64-bit value is cast to `wide`
 * and printed with %llu: uint64_t has another name on every architecture.
 */

#ifndef HEAPGLASS_SHELL_PRINT_H
#define HEAPGLASS_SHELL_PRINT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef unsigned long long wide;

/* Gives one character after the other to PUT, with CONTEXT. */
void print_list(void (*put)(void *context, char c), void *context,
                const char *format, va_list list);

/*
 * Writes at most SIZE - 1 characters to OUT, and a '\0' behind them (nothing
 * at all if SIZE is 0). Returns the length that the whole text has: it was
 * cut if that is SIZE or more.
 */
size_t print_text(char *out, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The texts below need a place to stand in, which the caller gives as a
 * `struct short_text *`; they return its characters, so that they can be
 * arguments of a printing function.
 */
struct short_text {
    char text[32];
};

/* PART of WHOLE in percent with one decimal, rounded to nearest: "33.3%".
 * "-" when WHOLE is 0: there is nothing to have a part of. */
const char *print_percent(struct short_text *text, uint64_t part,
                          uint64_t whole);

/* A size in the largest unit that it is a multiple of: "24 bytes", "1 byte",
 * "64 KiB", "1025 KiB", "2 MiB". */
const char *print_size(struct short_text *text, uint64_t size);

/* The name of block number INDEX: 0 is "a", 25 "z", 26 "aa". */
const char *print_letters(struct short_text *text, uint32_t index);

/* "s", unless COUNT is 1: "2 blocks", "1 block". */
const char *plural(uint64_t count);

/* ---- what <string.h> would have ---------------------------------------- */

size_t text_length(const char *text);
bool text_equal(const char *a, const char *b);
bool text_starts_with(const char *text, const char *start);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * text.h - build a short sentence in a buffer, without a C library
 *
 * A `struct text` writes into somebody's array and never past its end: what
 * does not fit is left out, and the array always holds a string. Used where
 * a sentence is made before there is a console, or on the host, where tests
 * read it.
 */

#ifndef HEAPGLASS_KERNEL_TEXT_H
#define HEAPGLASS_KERNEL_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
    char  *out;
    size_t size;    /* of out, with the '\0' */
    size_t length;  /* without it */
};

/* A text in OUT, which has SIZE bytes; SIZE 0 is allowed and keeps nothing. */
static inline struct text text_in(char *out, size_t size)
{
    if (size > 0)
        out[0] = '\0';
    return (struct text){ .out = out, .size = size, .length = 0 };
}

static inline void text_add_char(struct text *text, char character)
{
    if (text->length + 1 >= text->size)
        return;
    text->out[text->length++] = character;
    text->out[text->length] = '\0';
}

static inline void text_add(struct text *text, const char *string)
{
    while (*string != '\0')
        text_add_char(text, *string++);
}

/* Adds a CHARACTER that a stranger wrote: nothing that moves a cursor. */
static inline void text_add_foreign(struct text *text, char character)
{
    unsigned char byte = (unsigned char)character;

    if (byte == '\t' || byte == '\n' || byte == '\r')
        text_add_char(text, ' ');
    else
        text_add_char(text, byte < 0x20 || byte == 0x7F ? '?' : character);
}

/* Adds 1234. */
static inline void text_add_decimal(struct text *text, uint32_t number)
{
    char digits[10];    /* 4294967295 has ten */
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (count > 0)
        text_add_char(text, digits[--count]);
}

/* Adds 0x4d2. */
static inline void text_add_hex(struct text *text, uint64_t number)
{
    int shift = 60;

    text_add(text, "0x");
    while (shift > 0 && (number >> shift) == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        text_add_char(text, "0123456789abcdef"[(number >> shift) & 0xF]);
}

#endif

/* SPDX-License-Identifier: MIT */
/*
 * memory.c - what every C compiler takes for granted
 *
 * GCC and clang turn loops and assignments into calls of these five functions,
 * so they have to exist, and must not be written as loops that would be turned
 * into calls of themselves. The CPU's string instructions are compact and, on
 * anything of this century, fast for long runs.
 */
#include "memory.h"

#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    void *at = to;

    __asm__ volatile("rep movsb"
                     : "+D"(at), "+S"(from), "+c"(size)
                     :
                     : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    if ((uintptr_t)to - (uintptr_t)from >= size)
        return memcpy(to, from, size);

    /* TO lies inside what we read: from the end, downwards. */
    unsigned char *last_to = (unsigned char *)to + size - 1;
    const unsigned char *last_from = (const unsigned char *)from + size - 1;

    __asm__ volatile("std; rep movsb; cld"
                     : "+D"(last_to), "+S"(last_from), "+c"(size)
                     :
                     : "memory");
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    void *at = to;

    __asm__ volatile("rep stosb"
                     : "+D"(at), "+c"(size)
                     : "a"(byte)
                     : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const unsigned char *left = a;
    const unsigned char *right = b;

    for (size_t i = 0; i < size; i++)
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    return 0;
}

size_t strlen(const char *text)
{
    const char *end = text;

    for (; *end != '\0'; end++)
        __asm__ volatile("" : "+r"(end));       /* a loop, not a call */
    return (size_t)(end - text);
}

void memory_set(void *to, unsigned char byte, size_t size)
{
    memset(to, byte, size);
}

void memory_copy(void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
}

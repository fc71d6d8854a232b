/* SPDX-License-Identifier: MIT */
/*
 * memory.h - bytes moved about
 *
 * memory.c also defines memcpy, memmove, memset and memcmp under the names
 * that a compiler may call by itself, also in freestanding code.
 */
#ifndef KERNEL_MEMORY_H
#define KERNEL_MEMORY_H

#include <stddef.h>

void memory_set(void *to, unsigned char byte, size_t size);
void memory_copy(void *to, const void *from, size_t size); /* no overlap */

#endif

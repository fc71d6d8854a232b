/* SPDX-License-Identifier: MIT */
/*
 * print.h - sentences with numbers in them, on every display
 *
 * What a FORMAT may contain is in shell/print.h. An address is cast to size_t
 * and printed with %zx.
 */
#ifndef KERNEL_PRINT_H
#define KERNEL_PRINT_H

#include <stdarg.h>
#include <stddef.h>

#include "shell/print.h"

void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_arguments(const char *format, va_list arguments);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * print.c - sentences with numbers in them, on every display
 */
#include "print.h"

#include "console.h"

static void put(void *context, char character)
{
    (void)context;
    console_write(&character, 1);
}

void print_arguments(const char *format, va_list arguments)
{
    print_list(put, NULL, format, arguments);
}

void print(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_arguments(format, arguments);
    va_end(arguments);
}

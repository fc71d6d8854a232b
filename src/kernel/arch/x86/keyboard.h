/* SPDX-License-Identifier: MIT */
/*
 * keyboard.h - the PC keyboard
 */
#ifndef X86_KEYBOARD_H
#define X86_KEYBOARD_H

#include <stdbool.h>

/* Hands what is typed to console_typed(), by interrupt, as the bytes that a
 * terminal would send. */
void keyboard_listen(void);

/* Chooses a layout: us, uk, de, fr, es. False, and nothing has changed, if
 * there is none of that NAME. */
bool keyboard_layout(const char *name);

#endif

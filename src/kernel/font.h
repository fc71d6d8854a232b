/* SPDX-License-Identifier: MIT */
/*
 * font.h - glyphs for a screen made of pixels
 */
#ifndef KERNEL_FONT_H
#define KERNEL_FONT_H

#include <stdint.h>

enum { FONT_WIDTH = 8, FONT_HEIGHT = 16 };

/* By code page 437; sixteen rows each, the leftmost pixel in bit 7. */
extern const uint8_t font_glyphs[256][FONT_HEIGHT];

#endif

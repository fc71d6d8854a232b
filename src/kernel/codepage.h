/* SPDX-License-Identifier: MIT */
/*
 * codepage.h - which characters a PC's screen can show
 *
 * VGA text mode shows 256 glyphs, numbered as in code page 437 of 1981; the
 * framebuffer's font has the same glyphs in the same order.
 */
#ifndef KERNEL_CODEPAGE_H
#define KERNEL_CODEPAGE_H

#include <stdint.h>

enum { GLYPH_UNKNOWN = 0xFE }; /* a small block */

/* The glyph for the Unicode CHARACTER, or GLYPH_UNKNOWN. */
uint8_t codepage_glyph(uint32_t character);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * framebuffer.h - text on a screen made of pixels
 */
#ifndef KERNEL_FRAMEBUFFER_H
#define KERNEL_FRAMEBUFFER_H

struct boot_framebuffer;
struct display;

/* A display on FRAMEBUFFER; NULL if its pixels are of a kind that we cannot
 * draw (a palette, say) or it cannot be mapped. */
const struct display *
framebuffer_display(const struct boot_framebuffer *framebuffer);

#endif

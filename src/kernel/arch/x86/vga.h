/* SPDX-License-Identifier: MIT */
/*
 * vga.h - VGA text mode, 80 by 25
 */
#ifndef X86_VGA_H
#define X86_VGA_H

struct display;

/* The VGA text screen, as the firmware left it. NULL if it cannot be
 * reached. */
const struct display *vga_display(void);

#endif

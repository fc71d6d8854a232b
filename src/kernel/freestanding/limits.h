/* SPDX-License-Identifier: MIT */
/*
 * limits.h - the C library's part of <limits.h>, of which there is none
 *
 * The compiler's own <limits.h> has everything that freestanding code may ask
 * for, but GCC's then asks for the C library's file of the same name. This
 * empty one answers, so that the kernel never sees a header of the machine
 * that it is built on.
 */

/* SPDX-License-Identifier: MIT */
/*
 * config.h - what differs from one build of the allocator to another
 *
 * Every switch is an enum constant, so that code says
 *
 *     if (MM_OBSERVED && heap->observed) ...
 *
 * and is always compiled, whatever the switch says: there is no #if inside an
 * algorithm. The library for real programs is built with both at 0, and the
 * compiler removes what then cannot happen. The kernel, the host shell and
 * the tests leave both at 1: each heap chooses for itself, in its fields.
 */
#ifndef MM_CONFIG_H
#define MM_CONFIG_H

#ifndef MM_CONFIG_OBSERVED
#define MM_CONFIG_OBSERVED 1
#endif
#ifndef MM_CONFIG_CHECKED
#define MM_CONFIG_CHECKED 1
#endif
#ifndef MM_CONFIG_ASSERTED
#define MM_CONFIG_ASSERTED 1
#endif

enum {
    MM_OBSERVED = MM_CONFIG_OBSERVED,   /* steps can be announced */
    MM_CHECKED = MM_CONFIG_CHECKED,     /* a heap can have a level of care */
    MM_POLICIES = MM_CONFIG_OBSERVED,   /* a heap can choose blocks otherwise */
    MM_ASSERTED = MM_CONFIG_ASSERTED,   /* the allocator doubts itself */
};

#endif

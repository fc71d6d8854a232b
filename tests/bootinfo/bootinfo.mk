# SPDX-License-Identifier: MIT
#
# bootinfo.mk - malformed boot information, on the real kernels

CHECKS += tests/bootinfo/boot
DEEP_CHECKS += tests/bootinfo/boot-all

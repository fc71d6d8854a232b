# SPDX-License-Identifier: MIT
#
# debug.mk - the checks of what debuggers show

CHECKS += tests/debug/gdb tests/debug/bochs
CHECK_NEEDS += build/i686/heapglass.elf build/x86_64/heapglass.elf

# SPDX-License-Identifier: MIT
#
# hostile.mk - random and hostile input on the serial line
#
#   make hostile LINES=100000    as many lines as you like, on both kernels
#
# `make check` types two thousand, `make check-deep` twenty thousand.

CHECKS += tests/hostile/lines
DEEP_CHECKS += tests/hostile/long
CHECK_NEEDS += build/lessons.md build/traces/guile.rep

.PHONY: hostile
hostile: build/i686/heapglass.elf build/x86_64/heapglass.elf build/lessons.md build/traces/guile.rep
	@tests/hostile/lines --lines $(or $(LINES),2000) --seed $(or $(SEED),1)

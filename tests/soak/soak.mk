# SPDX-License-Identifier: MIT
#
# soak.mk - the booted kernels at full load
#
#   make soak                    both, five minutes each, at once
#   make soak SECONDS=3600       an hour; ARCH=i686: one of them
#
# What was reached is added up in build/soak (see tests/soak/soak).

SOAK_NEEDS := build/i686/heapglass.elf build/x86_64/heapglass.elf \
	build/host/heapglass build/traces/guile.rep
DEEP_CHECKS += tests/soak/soak
DEEP_NEEDS += $(SOAK_NEEDS)

.PHONY: soak
soak: $(SOAK_NEEDS)
	@tests/soak/soak --seconds $(or $(SECONDS),300) \
		$(if $(filter command environment,$(firstword $(origin ARCH))),--arch $(ARCH))

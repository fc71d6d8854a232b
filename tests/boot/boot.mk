# SPDX-License-Identifier: MIT
#
# boot.mk - the checks that boot machines (see boot.py for what they share)
#
# Bochs comes first: it takes longest and runs beside all the others.

CHECKS := tests/boot/bochs tests/boot/memory tests/boot/apart tests/boot/same tests/boot/watch \
	tests/boot/bios tests/boot/typing tests/boot/ovmf tests/boot/cost \
	tests/boot/toolchains tests/division/run \
	tests/boot/drive tests/boot/terminal tests/anchors tests/needs $(CHECKS)

CHECK_NEEDS += build/i686/heapglass.elf build/x86_64/heapglass.elf \
	build/x86_64/heapglass.iso build/host/heapglass

# At length: every map of tests/maps, every kind of machine.
DEEP_CHECKS += tests/maps/boot tests/boot/machines
DEEP_NEEDS += build/i686/heapglass.iso

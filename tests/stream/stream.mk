# SPDX-License-Identifier: MIT
#
# stream.mk - the stream of events: the same everywhere, and enough to rebuild
# the heap from

CHECKS += tests/stream/stream
CHECK_NEEDS += build/i686/heapglass.elf build/x86_64/heapglass.elf \
	build/host/heapglass

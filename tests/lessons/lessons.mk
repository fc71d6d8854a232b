# SPDX-License-Identifier: MIT
#
# lessons.mk - the checks of the lessons
#
#   make lessons        type every transcript, solve every exercise: at the
#                       host build and at both kernels

LESSON_CHECKS := tests/lessons/text tests/lessons/transcripts \
	tests/lessons/zoo tests/lessons/gdb \
	tests/lessons/exercises tests/lessons/grade \
	tests/lessons/capstone
CHECKS += $(LESSON_CHECKS)

# Of the recordings that travel on the disc.
CHECK_NEEDS += $(BUILD)/traces/guile.rep $(BUILD)/lessons.md

.PHONY: lessons
lessons: $(BUILD)/i686/heapglass.elf $(BUILD)/x86_64/heapglass.elf \
		$(BUILD)/host/heapglass $(BUILD)/traces/guile.rep $(BUILD)/lessons.md
	@tests/run $(LESSON_CHECKS) tests/anchors tests/debug/bochs

# SPDX-License-Identifier: MIT
#
# bench.mk - the recorder and the bench are tested as well; no test looks at
# a time

CHECKS += tests/bench/recorder tests/bench/replay tests/bench/pairs \
	tests/bench/worst tests/bench/instructions tests/bench/lower
CHECK_NEEDS += $(addprefix $(BUILD)/bench/,replay launch pairs worst ranges frames \
	librecord.so \
	floor_nothing.so floor_lists.so subject)

$(BUILD)/bench/subject: tests/bench/subject.c
	@mkdir -p $(@D)
	$(call say,bench  $@)
	$(Q)$(HOST_CC) -std=gnu11 -O1 -g -Wall -Wextra -fno-builtin -o $@ $< -lpthread

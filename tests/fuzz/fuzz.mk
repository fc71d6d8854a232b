# SPDX-License-Identifier: MIT
#
# fuzz.mk - any input at all, for everything that reads input
#
#   make fuzz                a minute for each target (SECONDS=3600: an hour);
#                            new inputs go to build/fuzz/found/TARGET, so that
#                            the next run goes on from there
#   make fuzz ONLY=heap      one of them
#
# `make check` builds the targets without a fuzzer, in each width, and feeds
# them the kept inputs of tests/fuzz/corpus; `make check-deep` gives each a minute.

FUZZ_TARGETS := $(sort $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_CFLAGS := $(filter-out -MMD -MP,$(TEST_CFLAGS)) -Itests/fuzz
fuzz_sources = $(wildcard $(shell sed -n 's/^ \* sources: //p' tests/fuzz/fuzz_$1.c))

# libFuzzer is clang's.
define fuzz_rule
$(BUILD)/fuzz/$1: tests/fuzz/fuzz_$1.c $(call fuzz_sources,$1) $(wildcard tests/fuzz/*.h src/*/*.h tests/unit/*.h)
	@mkdir -p $$(@D)
	$$(call say,test  $$@)
	$$(Q)clang $$(FUZZ_CFLAGS) -fsanitize=fuzzer -o $$@ $$< $(call fuzz_sources,$1) $(if $(filter shell,$1),$(TEST_LIBS))
endef
define fuzz_replay_rule
$(TEST_BUILD)/$2/fuzz_$1: $(patsubst %.c,$(TEST_BUILD)/$2/%.o,$(call fuzz_sources,$1)) \
		tests/fuzz/fuzz_$1.c tests/fuzz/replay.c $(wildcard tests/fuzz/*.h)
	$$(call say,test  $$@)
	$$(Q)$$(TEST_CC.$2) $$(FUZZ_CFLAGS) -o $$@ $$(filter %.c %.o,$$^) $(if $(filter shell,$1),$(TEST_LIBS))
FUZZ_REPLAYERS += $(TEST_BUILD)/$2/fuzz_$1
endef

FUZZ_REPLAYERS :=
$(foreach target,$(FUZZ_TARGETS),$(eval $(call fuzz_rule,$(target))) \
	$(foreach flavour,$(TEST_FLAVOURS),$(eval $(call fuzz_replay_rule,$(target),$(flavour)))))

export FUZZ_REPLAYERS FUZZ_TARGETS

CHECKS += tests/fuzz/replay
CHECK_NEEDS += $(FUZZ_REPLAYERS)
DEEP_CHECKS += tests/fuzz/run

.PHONY: fuzz
fuzz: $(or $(ONLY:%=$(BUILD)/fuzz/%),$(FUZZ_TARGETS:%=$(BUILD)/fuzz/%))
	@SECONDS_EACH=$(or $(SECONDS),60) tests/fuzz/run $(ONLY)

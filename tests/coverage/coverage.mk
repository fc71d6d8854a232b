# SPDX-License-Identifier: MIT
#
# coverage.mk - which branches of the allocator the tests have taken
#
#   make coverage        the unit tests that are linked with src/mm, and the
#                        closures, in 64 and 32 bit; part of `make check-deep`
#   make coverage COVERAGE_WIDTHS=64      one width
#
# Only src/mm is instrumented. MC/DC needs clang 18 or later, whose name has
# its version in it; tests/coverage/measure runs the programs and judges.

COVERAGE_CLANG ?= $(firstword $(shell command -v clang-19 clang-20 clang-18))
COVERAGE_WIDTHS ?= $(filter 64 32,$(TEST_FLAVOURS))
COVERAGE_BUILD := $(BUILD)/coverage
COVERAGE_CFLAGS := -std=gnu11 -O1 -g -w -Isrc -Itests/unit -Itests/closure \
	-MMD -MP
COVERAGE_MAPPED := -fprofile-instr-generate -fcoverage-mapping -fcoverage-mcdc

# The unit tests that have a part of the allocator in them.
COVERAGE_UNIT := classes $(foreach test,$(UNIT_TESTS),\
	$(if $(filter src/mm/%,$(call unit_sources,$(test))),$(test)))

# Objects: instrumented are src/mm, and the parts of tests that use what is in
# its headers only.
define coverage_width
$(COVERAGE_BUILD)/$1/src/mm/%.o: MAPPED := $(COVERAGE_MAPPED)
$(COVERAGE_BUILD)/$1/tests/unit/test_classes.o: MAPPED := $(COVERAGE_MAPPED)
$(COVERAGE_BUILD)/$1/tests/unit/home.o: MAPPED := $(COVERAGE_MAPPED)
$(COVERAGE_BUILD)/$1/%.o: %.c
	@mkdir -p $$(@D)
	$$(call say,cover $$@)
	$$(Q)$$(or $$(COVERAGE_CLANG),clang-19) -m$1 $$(COVERAGE_CFLAGS) $$(MAPPED) -c -o $$@ $$<

endef

define coverage_program
$(COVERAGE_BUILD)/$1/$2: $(patsubst %.c,$(COVERAGE_BUILD)/$1/%.o,$3)
	$$(call say,cover $$@)
	$$(Q)$$(or $$(COVERAGE_CLANG),clang-19) -m$1 -fprofile-instr-generate -o $$@ $$^ $$(TEST_LIBS) -lpthread
COVERAGE_PROGRAMS += $(COVERAGE_BUILD)/$1/$2
endef

COVERAGE_PROGRAMS :=
$(foreach width,$(COVERAGE_WIDTHS),$(eval $(call coverage_width,$(width))) \
	$(foreach test,$(COVERAGE_UNIT),$(eval $(call coverage_program,$(width),test_$(test),\
		tests/unit/test_$(test).c $(call unit_sources,$(test))))) \
	$(foreach name,heap heaps hollow tree slots,$(eval $(call coverage_program,$(width),$(name),\
		tests/closure/$(name).c $(wildcard src/mm/*.c src/lab/polic*.c)))))
COVERAGE_PROGRAMS := $(sort $(COVERAGE_PROGRAMS))

-include $(foreach width,$(COVERAGE_WIDTHS),\
	$(wildcard $(COVERAGE_BUILD)/$(width)/*/*/*.d))

export COVERAGE_PROGRAMS COVERAGE_CLANG

DEEP_CHECKS += tests/coverage/measure
DEEP_NEEDS += $(if $(COVERAGE_CLANG),$(COVERAGE_PROGRAMS))

.PHONY: coverage
coverage: $(COVERAGE_PROGRAMS)
	@tests/coverage/measure

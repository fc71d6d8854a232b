# SPDX-License-Identifier: MIT
#
# tests.mk - the tests: which there are, how they are built, how they are run
#
#   make check          everything
#   make check-deep     what takes minutes (DEEP_CHECKS)
#   make check-unit     the unit tests, and nothing that boots a machine
#   make check-one ONLY=memmap      the checks whose name contains a word
#
# A *check* is a program or a script that needs no arguments and prints, for
# each thing it looked at,
#
#   ok - DESCRIPTION            or          not ok - DESCRIPTION
#
# (numbers after `ok` and `# skip REASON` after the description are allowed:
# it is the Test Anything Protocol). tests/run runs the checks, counts these
# lines, and ends with `N passed, N failed`. To add one:
#
#   CHECKS += tests/boot/mine           a script in the tree, or a built file
#   CHECK_NEEDS += $(BUILD)/...         what must be built before any is run
#
# A unit test is a file tests/unit/test_NAME.c, a CMocka program. It names
# the sources that it is linked with in a comment, one line or several:
#
#   * sources: src/kernel/memmap.c src/kernel/bootinfo.c
#
# It is run from the top of the tree, in each of the flavours below.

TEST_BUILD ?= build/tests

# ---- flavours: compiler and width -------------------------------------------
#
# All have AddressSanitizer and UndefinedBehaviorSanitizer, and stop at what
# they find. `make check TEST_FLAVOURS="64 32 64-clang 32-clang"` runs more.

TEST_FLAVOURS ?= 64 32

TEST_CC.64       := gcc -m64
TEST_CC.32       := gcc -m32
TEST_CC.64-clang := clang -m64
TEST_CC.32-clang := clang -m32

TEST_CFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -Isrc -Itests/unit \
	-fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -MMD -MP
TEST_LIBS   := -lcmocka

# ---- unit tests --------------------------------------------------------------

UNIT_TESTS := $(sort $(patsubst tests/unit/test_%.c,%,$(wildcard tests/unit/test_*.c)))

# The sources that test $1 names.
unit_sources = $(wildcard $(shell sed -n 's/^ \* sources: //p' tests/unit/test_$1.c))

# How to build test $1 in flavour $2: every source has its own object there,
# since tests may share one.
define unit_test_rule
$(TEST_BUILD)/$2/test_$1: $(patsubst %.c,$(TEST_BUILD)/$2/%.o,tests/unit/test_$1.c $(call unit_sources,$1))
	$$(call say,test  $$@)
	$$(Q)$$(TEST_CC.$2) $$(TEST_CFLAGS) -o $$@ $$^ $$(TEST_LIBS)
UNIT_PROGRAMS += $(TEST_BUILD)/$2/test_$1
endef

define flavour_rule
$(TEST_BUILD)/$1/%.o: %.c
	@mkdir -p $$(@D)
	$$(call say,test  $$@)
	$$(Q)$$(TEST_CC.$1) $$(TEST_CFLAGS) -c -o $$@ $$<
$(TEST_BUILD)/$1/memmap_frames: $(TEST_BUILD)/$1/tests/maps/memmap_frames.o \
		$(TEST_BUILD)/$1/src/kernel/memmap.o
	$$(call say,test  $$@)
	$$(Q)$$(TEST_CC.$1) $$(TEST_CFLAGS) -o $$@ $$^
MAP_PROGRAMS += $(TEST_BUILD)/$1/memmap_frames
endef

UNIT_PROGRAMS :=
MAP_PROGRAMS :=
$(foreach flavour,$(TEST_FLAVOURS),$(eval $(call flavour_rule,$(flavour))) \
	$(foreach test,$(UNIT_TESTS),$(eval $(call unit_test_rule,$(test),$(flavour)))))

-include $(patsubst %.c,$(TEST_BUILD)/%.d,$(foreach flavour,$(TEST_FLAVOURS),\
	$(addprefix $(flavour)/,$(wildcard tests/unit/*.c tests/maps/*.c \
	src/*/*.c))))

.SECONDARY:

# ---- checks -------------------------------------------------------------------

# Quick ones, which need no machine.
UNIT_CHECKS := $(UNIT_PROGRAMS) tests/layering tests/maps/oracle \
	tests/lab-digest tests/run-selftest
CHECKS += $(UNIT_CHECKS)

# The oracle runs the same program in every flavour.
export MEMMAP_FRAMES = $(MAP_PROGRAMS)

# So do the labs: one number each, the same in every flavour.
export LAB_PROGRAMS = $(foreach flavour,$(TEST_FLAVOURS),$(TEST_BUILD)/$(flavour)/test_lab)

# The checks of other folders (tests/boot/boot.mk: those that boot machines).
include $(wildcard tests/*/*.mk)

.PHONY: check check-deep check-unit check-one
check: $(MAP_PROGRAMS) $(CHECK_NEEDS) $(CHECKS)
	@tests/run $(CHECKS)

# What takes minutes: real programs at length, models in every interleaving,
# mutants, fuzzers, five minutes of soak. Under an hour on two cores.
longest_first = $(filter tests/mutants/%,$1) $(filter-out tests/mutants/%,$1)
check-deep: $(MAP_PROGRAMS) $(CHECK_NEEDS) $(DEEP_NEEDS) $(DEEP_CHECKS)
	@tests/run --jobs 2 $(call longest_first,$(DEEP_CHECKS))

check-unit: $(MAP_PROGRAMS) $(UNIT_CHECKS)
	@tests/run $(UNIT_CHECKS)

check-one: $(MAP_PROGRAMS) $(CHECK_NEEDS) $(CHECKS)
	@tests/run $(foreach word,$(ONLY),$(foreach check,$(CHECKS),\
		$(if $(findstring $(word),$(check)),$(check))))

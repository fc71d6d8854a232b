# SPDX-License-Identifier: MIT
#
# mutants.mk - the allocator is changed in small ways: does a test notice?
#
#   make mutants                      300 mutants, chosen by seed 1
#   make mutants SEED=2 COUNT=1000    others, and more of them; COUNT=all
#   make mutants FILE=ranges.c        those of one file
#
# What was found out is kept in build/mutants/state, so that the next run goes
# on from there; tests/mutants/run has the details.

MUTANT_BUILD := $(BUILD)/mutants
MUTANT_CC := gcc -m64
MUTANT_CFLAGS := -std=gnu11 -O2 -w -Isrc -Itests/unit -Itests/closure

# The unit tests that have a part of the allocator in them.
MUTANT_UNIT := $(foreach test,$(UNIT_TESTS),\
	$(if $(filter src/mm/%,$(call unit_sources,$(test))),$(test)))

# A program is a list of its objects: tests/mutants/run links it, with one of
# them changed.
mutant_objects = $(patsubst %.c,$(MUTANT_BUILD)/base/%.o,$1)
define mutant_program
MUTANT_OBJECTS += $(call mutant_objects,$2)
MUTANT_PROGRAMS += $1:$(subst $(eval ) ,$(comma),$(strip $(call mutant_objects,$2)))
endef

comma := ,
MUTANT_OBJECTS :=
MUTANT_PROGRAMS :=
$(foreach test,$(MUTANT_UNIT),$(eval $(call mutant_program,test_$(test),\
	tests/mutants/impatient.c tests/unit/test_$(test).c $(call unit_sources,$(test)))))
$(foreach name,heap tree slots,$(eval $(call mutant_program,$(name),\
	tests/closure/$(name).c $(wildcard src/mm/*.c src/lab/polic*.c))))
MUTANT_OBJECTS := $(sort $(MUTANT_OBJECTS))

$(MUTANT_BUILD)/base/%.o: %.c
	@mkdir -p $(@D)
	$(call say,mutant $@)
	$(Q)$(MUTANT_CC) $(MUTANT_CFLAGS) -MMD -MP -c -o $@ $<

-include $(MUTANT_OBJECTS:.o=.d)

export MUTANT_PROGRAMS MUTANT_CC MUTANT_CFLAGS MUTANT_BUILD
export MUTANT_SEED = $(or $(SEED),1)
export MUTANT_COUNT = $(or $(COUNT),300)
export MUTANT_FILE = $(FILE)

.PHONY: mutants
mutants: $(MUTANT_OBJECTS)
	@tests/mutants/run

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
MUTANT_CFLAGS := -std=gnu11 -O1 -w -Isrc -Itests/unit -Itests/closure

# The unit tests that have a part of the allocator in them.
MUTANT_UNIT := $(foreach test,$(UNIT_TESTS),\
	$(if $(filter src/mm/%,$(call unit_sources,$(test))),$(test)))

# The allocator is a library of its own, which each program finds when it
# starts: for a mutant one library is linked, and no program.
MUTANT_PIC := -fPIC -fno-semantic-interposition
MUTANT_MM := $(patsubst %.c,$(MUTANT_BUILD)/base/%.o,$(wildcard src/mm/*.c))
$(MUTANT_MM): MUTANT_MORE := $(MUTANT_PIC)
$(MUTANT_BUILD)/base/libmm.so: $(MUTANT_MM)
	$(call say,mutant $@)
	$(Q)$(MUTANT_CC) -shared -Wl,-Bsymbolic -o $@ $^

# Program $1 of the sources $2; those of src/mm say whose mutants it may kill.
comma := ,
empty :=
define mutant_program
$(MUTANT_BUILD)/base/$1: $(patsubst %.c,$(MUTANT_BUILD)/base/%.o,$(filter-out src/mm/%,$2)) \
		$(MUTANT_BUILD)/base/libmm.so
	$$(call say,mutant $$@)
	$$(Q)$$(MUTANT_CC) -o $$@ $$(filter %.o,$$^) -L$$(@D) -lmm $$(TEST_LIBS) -lpthread
MUTANT_NEEDS += $(MUTANT_BUILD)/base/$1
MUTANT_PROGRAMS += $1:$(subst $(empty) $(empty),$(comma),$(filter src/mm/%,$2))
endef

MUTANT_NEEDS :=
MUTANT_PROGRAMS :=
$(foreach test,$(MUTANT_UNIT),$(eval $(call mutant_program,test_$(test),$(strip \
	tests/mutants/impatient.c tests/unit/test_$(test).c $(call unit_sources,$(test))))))
$(foreach name,heap heaps hollow tree slots,$(eval $(call mutant_program,$(name),$(strip \
	tests/closure/$(name).c $(wildcard src/mm/*.c src/lab/polic*.c)))))

$(MUTANT_BUILD)/base/%.o: %.c
	@mkdir -p $(@D)
	$(call say,mutant $@)
	$(Q)$(MUTANT_CC) $(MUTANT_CFLAGS) $(MUTANT_MORE) -MMD -MP -c -o $@ $<

-include $(wildcard $(MUTANT_BUILD)/base/*/*/*.d)

export MUTANT_PROGRAMS MUTANT_CC MUTANT_CFLAGS MUTANT_PIC MUTANT_BUILD
export MUTANT_SEED = $(or $(SEED),1)
export MUTANT_COUNT = $(or $(COUNT),300)
export MUTANT_FILE = $(FILE)

DEEP_CHECKS += tests/mutants/run
DEEP_NEEDS += $(MUTANT_NEEDS)

.PHONY: mutants
mutants: $(MUTANT_NEEDS)
	@tests/mutants/run

# SPDX-License-Identifier: MIT
#
# closure.mk - all reachable states of small things
#
#   make closure         a heap of 8 units under every policy; several spans,
#                        kept blocks, two threads' heaps; hollow pages, with
#                        slot pages beside blocks; every AVL tree of
#                        9 keys, every state of a slot page with 6 slots; some
#                        seconds, and part of `make check`, in both widths
#   make closure-full    12 units for the heap's own way, 11 for each policy,
#                        10 keys, 7 slots; minutes
#   make check-deep      11 units for the heap's own way, 8 for each policy

CLOSURE_CFLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wno-format-security \
	-Wno-format-nonliteral -Isrc -Itests/closure
CLOSURE_FLAVOURS := $(filter 64 32,$(TEST_FLAVOURS))
CLOSURE_MM := $(wildcard src/mm/*.c) $(wildcard src/lab/polic*.c)
CLOSURE_NAMES := heap heaps hollow tree slots
CLOSURE_PROGRAMS := $(foreach flavour,$(CLOSURE_FLAVOURS),\
	$(CLOSURE_NAMES:%=$(BUILD)/closure/$(flavour)/%))

define closure_rule
$(BUILD)/closure/$1/%: tests/closure/%.c $(wildcard tests/closure/*.h) $(CLOSURE_MM) \
		$(wildcard src/mm/*.h src/lab/policy.h)
	@mkdir -p $$(@D)
	$$(call say,test  $$@)
	$$(Q)$$(TEST_CC.$1) $$(CLOSURE_CFLAGS) -o $$@ $$< $$(CLOSURE_MM)
endef
$(foreach flavour,$(CLOSURE_FLAVOURS),$(eval $(call closure_rule,$(flavour))))

CHECKS += tests/closure/short
CHECK_NEEDS += $(CLOSURE_PROGRAMS)
DEEP_CHECKS += tests/closure/deep tests/closure/planted

export CLOSURE_PROGRAMS

.PHONY: closure closure-full
closure: $(CLOSURE_PROGRAMS)
	@tests/closure/short

closure-full: $(CLOSURE_PROGRAMS)
	@tests/closure/full

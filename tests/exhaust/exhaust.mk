# SPDX-License-Identifier: MIT
#
# exhaust.mk - out of memory at every point
#
# boot does it to the booted kernels, whose points are found by QEMU. The other
# programs are made of the objects of the unit tests; the linker leads each call
# that can be refused for want of memory through points.c, which numbers it.

EXHAUST_FLAVOURS := $(filter 64 32,$(TEST_FLAVOURS))
EXHAUST_NAMES := heap threads lab
EXHAUST_PROGRAMS := $(foreach flavour,$(EXHAUST_FLAVOURS),\
	$(EXHAUST_NAMES:%=$(TEST_BUILD)/$(flavour)/exhaust_%))

EXHAUST_MM := $(wildcard src/mm/*.c)
EXHAUST_SOURCES.heap := $(EXHAUST_MM) $(wildcard src/trace/*.c src/lab/polic*.c) \
	tests/unit/home.c tests/unit/shadow.c
EXHAUST_SOURCES.threads := $(EXHAUST_MM)
EXHAUST_SOURCES.lab := $(EXHAUST_MM) $(wildcard src/trace/*.c src/lab/*.c \
	src/shell/*.c) src/kernel/memmap.c

EXHAUST_WRAP := -Wl,--wrap=ranges_probe,--wrap=ranges_alloc \
	-Wl,--wrap=span_grow,--wrap=block_alloc
EXHAUST_WRAP.lab := -Wl,--wrap=frame_alloc,--wrap=home_memory

define exhaust_rule
$(TEST_BUILD)/$1/exhaust_$2: $(patsubst %.c,$(TEST_BUILD)/$1/%.o,\
		tests/exhaust/$2.c tests/exhaust/points.c $(EXHAUST_SOURCES.$2))
	$$(call say,test  $$@)
	$$(Q)$$(TEST_CC.$1) $$(TEST_CFLAGS) $$(EXHAUST_WRAP) \
		$$(EXHAUST_WRAP.$2) -o $$@ $$^ $$(TEST_LIBS)
endef
$(foreach flavour,$(EXHAUST_FLAVOURS),$(foreach name,$(EXHAUST_NAMES),\
	$(eval $(call exhaust_rule,$(flavour),$(name)))))

-include $(patsubst %.c,$(TEST_BUILD)/%.d,$(foreach flavour,\
	$(EXHAUST_FLAVOURS),$(addprefix $(flavour)/,$(wildcard tests/exhaust/*.c))))

CHECKS += $(EXHAUST_PROGRAMS) tests/exhaust/boot
CHECK_NEEDS += build/i686/heapglass.elf build/x86_64/heapglass.elf
DEEP_CHECKS += tests/exhaust/boot-all

.PHONY: exhaust
exhaust: $(EXHAUST_PROGRAMS)
	@tests/run $^

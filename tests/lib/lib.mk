# SPDX-License-Identifier: MIT
#
# lib.mk - the malloc library is tested: its interface, its threads, and real
# programs on it
#
#   tests/lib/interface      api.c, news.cc under our malloc and under glibc's
#   tests/lib/threads        threads.c, with ThreadSanitizer watching
#   tests/lib/exhaust        exhaust.c, when the system has no memory
#   tests/lib/judge          errors are noticed, and said in a sentence
#   tests/lib/programs       programs' output must be what it is under glibc

CHECKS += tests/lib/interface $(BUILD)/lib/threads $(BUILD)/lib/exhaust \
	tests/lib/judge tests/lib/programs
DEEP_CHECKS += tests/lib/programs-deep
CHECK_NEEDS += $(BUILD)/host/libheapglass.so $(BUILD)/lib/api \
	$(BUILD)/lib/news $(BUILD)/lib/crime

$(BUILD)/lib/api: tests/lib/api.c
	@mkdir -p $(@D)
	$(call say,test  $@)
	$(Q)$(HOST_CC) -std=gnu11 -O1 -g -Wall -Wextra -fno-builtin -o $@ $< -lpthread

$(BUILD)/lib/crime: tests/lib/crime.c
	@mkdir -p $(@D)
	$(call say,test  $@)
	$(Q)$(HOST_CC) -std=gnu11 -O0 -g -Wall -Wextra -fno-builtin -w -o $@ $<

$(BUILD)/lib/news: tests/lib/news.cc
	@mkdir -p $(@D)
	$(call say,test  $@)
	$(Q)$(or $(HOST_CXX),c++) -std=c++17 -O1 -g -Wall -Wextra -o $@ $< -lpthread

# The library inside a program, with its functions under other names:
# ThreadSanitizer needs malloc for itself, and our arena elsewhere.
$(BUILD)/lib/threads: tests/lib/threads.c $(LIB_C) $(wildcard src/lib/*.h src/mm/*.h)
	@mkdir -p $(@D)
	$(call say,test  $@)
	$(Q)$(HOST_CC) -std=gnu11 -O1 -g -Wall -Wextra -Isrc -fsanitize=thread \
		-fno-builtin -include tests/lib/prefix.h -DMM_CONFIG_OBSERVED=0 \
		-o $@ tests/lib/threads.c $(LIB_C) -lpthread

# And once more: what the library asks the system is led to the test.
$(BUILD)/lib/exhaust: tests/lib/exhaust.c $(LIB_C) $(wildcard src/lib/*.h src/mm/*.h)
	@mkdir -p $(@D)
	$(call say,test  $@)
	$(Q)$(HOST_CC) -std=gnu11 -O1 -g -Wall -Wextra -Isrc -fno-builtin \
		-include tests/lib/prefix.h -DMM_CONFIG_OBSERVED=0 \
		-Wl,--wrap=mmap,--wrap=mprotect \
		-o $@ tests/lib/exhaust.c $(LIB_C) -lpthread

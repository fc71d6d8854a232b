# SPDX-License-Identifier: MIT
#
# bench.mk - measure our malloc against others
#
#   make bench                          everything; writes bench/results
#   make bench QUICK=1                  less of it, in two minutes
#   make bench PEERS=/path/to/lib.so    another malloc library as well (several:
#                                       PEERS="a.so b.so")
#   make bench TRACES=my.rep            these traces instead of bench/traces
#   make bench ONLY="time memory"       some measurements only
#   make bench-pairs                    instructions a pair in src/mm alone
#   make bench-worst                    the longest way of one alloc or free
#
# docs/performance.md explains what each figure means.

BENCH := $(BUILD)/bench

QUICK  ?=
PEERS  ?=
# TRACES is a setting of the machine as well, with a default: here only what
# somebody asked for counts.

# -fno-plt, -z now   calls of malloc go straight to the library: no stub that
#                    would be counted as its instructions
# -fno-builtin       the compiler leaves every malloc and free in place
BENCH_CFLAGS := -std=gnu11 -O2 -g $(WARNINGS) -Isrc -fno-builtin -MMD -MP
BENCH_LIBRARY := $(BENCH_CFLAGS) -fPIC -shared -fvisibility=hidden

BENCH_PROGRAMS := $(addprefix $(BENCH)/,replay launch pairs worst ranges frames librecord.so \
	floor_nothing.so floor_lists.so)

$(BENCH)/replay: $(wildcard bench/replay*.c) bench/trace.c
	@mkdir -p $(@D)
	$(call say,bench  $@)
	$(Q)$(HOST_CC) $(BENCH_CFLAGS) -fno-plt -Wl,-z,now -o $@ $(filter %.c,$^) -lpthread

$(BENCH)/launch: bench/launch.c
	@mkdir -p $(@D)
	$(call say,bench  $@)
	$(Q)$(HOST_CC) $(BENCH_CFLAGS) -o $@ $(filter %.c,$^)

$(BENCH)/floor_%.so: bench/floor_%.c
	@mkdir -p $(@D)
	$(call say,bench  $@)
	$(Q)$(HOST_CC) $(BENCH_LIBRARY) -o $@ $(filter %.c,$^)

$(BENCH)/librecord.so: tools/recorder/record.c
	@mkdir -p $(@D)
	$(call say,bench  $@)
	$(Q)$(HOST_CC) $(BENCH_LIBRARY) -o $@ $(filter %.c,$^)

# src/mm as in the library, what calls it apart: one function to be counted.
# For `worst` each stretch of src/mm without a branch announces itself.
BENCH_MM := -DMM_CONFIG_OBSERVED=0 -DMM_CONFIG_ASSERTED=0
$(BENCH)/pairs: BENCH_MM += -flto
$(BENCH)/worst: BENCH_MM += -fsanitize-coverage=trace-pc
$(BENCH)/pairs $(BENCH)/worst: $(BENCH)/%: bench/%.c bench/trace.c \
		$(wildcard src/mm/*.[ch])
	@mkdir -p $(@D)
	$(call say,bench  $@)
	$(Q)$(HOST_CC) $(BENCH_CFLAGS) -c -o $@.o $<
	$(Q)$(HOST_CC) $(BENCH_CFLAGS) -c -o $@-trace.o bench/trace.c
	$(Q)$(HOST_CC) $(filter-out -MMD -MP,$(BENCH_CFLAGS)) $(BENCH_MM) -o $@ \
		$@.o $@-trace.o $(filter src/mm/%.c,$^)

$(BENCH)/ranges $(BENCH)/frames: $(BENCH)/%: bench/%.c \
		$(wildcard src/mm/*.c)
	@mkdir -p $(@D)
	$(call say,bench  $@)
	$(Q)$(HOST_CC) $(BENCH_CFLAGS) -o $@ $(filter %.c,$^)

-include $(wildcard $(BENCH)/*.d)

.PHONY: bench bench-programs bench-pairs bench-worst record-traces deps-bench
bench-programs: $(BENCH_PROGRAMS)

bench: $(BENCH_PROGRAMS) lib
	@bench/run $(if $(QUICK),--quick) $(foreach peer,$(PEERS),--peer '$(peer)') \
		$(foreach only,$(ONLY),--only $(only)) $(if $(filter file,$(origin TRACES)),,$(TRACES))

bench-pairs: $(BENCH)/pairs
	@bench/pairs

bench-worst: $(BENCH)/worst
	@tests/bench/worst --table

# Records the traces of bench/traces again, on this machine: files of the
# repository change.
record-traces: $(BENCH_PROGRAMS)
	@bench/traces/record-all

deps-bench:
	@tools/deps --bench

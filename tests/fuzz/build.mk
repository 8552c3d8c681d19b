# SPDX-License-Identifier: MIT
#
# libFuzzer targets over the card's core, the readers of models and of dumps, with
# objects of their own: clang, instrumented.  `make fuzz` runs them for long, tests/fuzz/run --tap
# (a part of make check) briefly.

FUZZ := build/fuzz
FUZZ_CC ?= clang
FUZZ_TARGETS := regs cmd mmu desc state
FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=$(FUZZ)/fuzz_%) $(FUZZ)/fuzz_onnx $(FUZZ)/fuzz_compiled $(FUZZ)/fuzz_dump

# Depth of the stack tells nothing where there are two; a sleep becomes a switch (see fiber.c).
FUZZ_CFLAGS := -std=c11 -O2 -g -Wall -Wextra -Werror -ffp-contract=off -D_GNU_SOURCE -Iuapi \
	-Iqemu-device/core -Itests/fuzz -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_CORE_CFLAGS := $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -fno-sanitize-coverage=stack-depth \
	-Dpthread_mutex_lock=fuzz_mutex_lock -Dpthread_mutex_unlock=fuzz_mutex_unlock \
	-Dpthread_cond_wait=fuzz_cond_wait -Dpthread_cond_timedwait=fuzz_cond_timedwait \
	-Dclock_gettime=fuzz_clock_gettime
FUZZ_LDFLAGS := -fsanitize=fuzzer,address,undefined -Wl,--wrap=loom_front_yield

FUZZ_CORE := $(patsubst %.c,$(FUZZ)/%.o,$(sort $(wildcard qemu-device/core/*.c)))
FUZZ_COMMON := $(patsubst %,$(FUZZ)/tests/fuzz/%.o,fiber guest card records space)
FUZZ_OBJS := $(FUZZ_CORE) $(FUZZ_COMMON) $(FUZZ_TARGETS:%=$(FUZZ)/tests/fuzz/%.o)

# Comparisons are recorded to be imitated.  Those of each byte of a tensor, or of a saved state, are
# nothing to imitate, and to record them would take more time than all else.
$(FUZZ)/qemu-device/core/kern-%.o $(FUZZ)/qemu-device/core/state.o: \
	FUZZ_CORE_CFLAGS += -fno-sanitize-coverage=trace-cmp

$(FUZZ)/qemu-device/core/%.o: qemu-device/core/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)$(FUZZ_CC) $(FUZZ_CORE_CFLAGS) -MMD -MP -c -o $@ $<

$(FUZZ)/tests/fuzz/%.o: tests/fuzz/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)$(FUZZ_CC) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

$(FUZZ_TARGETS:%=$(FUZZ)/fuzz_%): $(FUZZ)/fuzz_%: $(FUZZ)/tests/fuzz/%.o $(FUZZ_COMMON) $(FUZZ_CORE)
	$(call say,LD,$@)$(FUZZ_CC) $(FUZZ_LDFLAGS) -o $@ $^ -lm -lpthread

# The importer and all that follows up to packets, instrumented; the rest of the library as it is.
FUZZ_MODEL := $(patsubst %.c,$(FUZZ)/%.o,$(sort $(wildcard libaccel/model/*.c)))
FUZZ_OBJS += $(FUZZ_MODEL) $(FUZZ)/tests/fuzz/onnx.o $(FUZZ)/tests/fuzz/compiled.o

$(FUZZ_MODEL): $(FUZZ)/%.o: %.c | $(B)/libaccel/onnx.pb-c.h
	@mkdir -p $(@D)
	$(call say,CC,$@)$(FUZZ_CC) $(FUZZ_CFLAGS) $(LIBACCEL_CFLAGS) -I$(B)/libaccel \
		$(LIBACCEL_DEP_CFLAGS) -fsanitize=fuzzer-no-link \
		-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION -MMD -MP -c -o $@ $<

$(FUZZ)/onnx.pb-c.o: $(B)/libaccel/onnx.pb-c.c
	@mkdir -p $(@D)
	$(call say,CC,$@)$(FUZZ_CC) $(filter-out -Wall -Wextra -Werror,$(FUZZ_CFLAGS)) \
		-fsanitize=fuzzer-no-link -c -o $@ $<

$(FUZZ)/tests/fuzz/onnx.o $(FUZZ)/tests/fuzz/compiled.o: FUZZ_CFLAGS += $(LIBACCEL_CFLAGS)
$(FUZZ)/fuzz_onnx $(FUZZ)/fuzz_compiled: $(FUZZ)/fuzz_%: $(FUZZ)/tests/fuzz/%.o $(FUZZ_MODEL) $(FUZZ)/onnx.pb-c.o $(B)/libaccel.a
	$(call say,LD,$@)$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(LIBACCEL_DEP_LIBS)

# The reader of dumps and the plan of a replay: parts of accelctl, and the library's names.
FUZZ_DUMP := $(patsubst %,$(FUZZ)/tools/accelctl/%.o,dump dump-fault dump-json dump-names dump-table \
	output packet replay table text) $(FUZZ)/libaccel/result.o $(FUZZ)/libaccel/dtype.o
FUZZ_OBJS += $(FUZZ_DUMP) $(FUZZ)/tests/fuzz/dump.o

$(FUZZ_DUMP) $(FUZZ)/tests/fuzz/dump.o: FUZZ_CFLAGS += -Ilibaccel/include -Itools/accelctl \
	$(shell pkg-config --cflags libdrm)
$(FUZZ_DUMP): $(FUZZ)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

$(FUZZ)/fuzz_dump: $(FUZZ)/tests/fuzz/dump.o $(FUZZ_DUMP)
	$(call say,LD,$@)$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $^ -ljson-c -lm

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)

DEPS += $(FUZZ_OBJS:.o=.d)

# The committed seeds, made anew: `make fuzz-seeds`.
$(FUZZ)/seeds: tests/fuzz/seeds.c tests/fuzz/fuzz.h
	@mkdir -p $(@D)
	$(call say,LD,$@)$(FUZZ_CC) $(FUZZ_CFLAGS) -o $@ $<

.PHONY: fuzz-seeds
fuzz-seeds: $(FUZZ)/seeds $(B)/tests/accelctl/accelctl-dump $(B)/accelctl
	$(Q)$< tests/fuzz/corpus
	$(Q)mkdir -p tests/fuzz/corpus/dump && $(word 2,$^) --write >tests/fuzz/corpus/dump/fault
	$(Q)for kind in hang contents; do \
		$(word 2,$^) --write $$kind >tests/fuzz/corpus/dump/$$kind || exit 1; done
	$(Q)mkdir -p tests/fuzz/corpus/compiled && for seed in tests/fuzz/corpus/onnx/*; do \
		file=tests/fuzz/corpus/compiled/$${seed##*/}; \
		$(B)/accelctl model compile "$$seed" --output "$$file" >/dev/null 2>&1 || continue; \
		[ "$$(stat -c %s "$$file")" -le 8192 ] || rm "$$file"; done

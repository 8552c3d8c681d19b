# SPDX-License-Identifier: MIT
#
# Tests of the library. They run on sim: here and on /dev/accel/accel0 in the virtual machine.

LIBACCEL_TESTS := $(patsubst tests/libaccel/%.c,$(B)/tests/libaccel/%,\
	$(sort $(wildcard tests/libaccel/t-*.c)))
LIBACCEL_VM_TESTS := $(filter-out %/t-range %/t-list %/t-malformed %/t-recover %/t-hang,$(LIBACCEL_TESTS)) $(B)/tests/libaccel/lost
LIBACCEL_TEST_OBJS := $(LIBACCEL_TESTS:=.o) $(B)/tests/libaccel/lost.o $(B)/tests/libaccel/check.o \
	$(B)/tests/libaccel/onnx.o $(B)/tests/libaccel/one.o $(B)/tests/libaccel/program.o \
	$(B)/tests/libaccel/cached.o
DEPS += $(LIBACCEL_TEST_OBJS:.o=.d)
# ThreadSanitizer does not support threads in the child of a process that has threads.
TESTS_HOST += $(if $(filter thread,$(SAN)),$(filter-out %/t-fork,$(LIBACCEL_TESTS)),$(LIBACCEL_TESTS))
TESTS_VM += $(LIBACCEL_VM_TESTS) $(LIBACCEL_EXAMPLES)

$(LIBACCEL_TEST_OBJS): CFLAGS += $(LIBACCEL_CFLAGS)

# Models are made with the importer's own bindings, which are in the static library.
LIBACCEL_ONNX_TESTS := $(patsubst tests/libaccel/%.c,$(B)/tests/libaccel/%,\
	$(shell grep -l -E '"(onnx|one|cached)\.h"' tests/libaccel/t-*.c))
LIBACCEL_ONNX_TEST_OBJS := $(B)/tests/libaccel/onnx.o $(B)/tests/libaccel/one.o $(B)/tests/libaccel/cached.o

$(filter-out $(LIBACCEL_ONNX_TESTS),$(LIBACCEL_TESTS)) $(B)/tests/libaccel/lost: %: %.o \
		$(B)/tests/libaccel/check.o $(B)/libaccel.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBACCEL_STATIC)

# Brings its own time, in the place of libaccel/sim/time.c.
$(B)/tests/libaccel/t-hang.o: CFLAGS += -Ilibaccel -Ilibaccel/sim -Iqemu-device/core

$(B)/tests/libaccel/t-program $(B)/tests/libaccel/t-program-net: $(B)/tests/libaccel/program.o

$(LIBACCEL_ONNX_TESTS:=.o) $(LIBACCEL_ONNX_TEST_OBJS): CFLAGS += -I$(B)/libaccel
$(LIBACCEL_ONNX_TESTS:=.o) $(LIBACCEL_ONNX_TEST_OBJS): | $(B)/libaccel/onnx.pb-c.h
$(LIBACCEL_ONNX_TESTS): %: %.o $(LIBACCEL_ONNX_TEST_OBJS) $(B)/tests/libaccel/check.o $(B)/libaccel.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBACCEL_STATIC)

# Scripts; they are told where the programs are.
LIBACCEL_SCRIPTS := $(B)/tests/libaccel/t-examples $(if $(SAN),,$(B)/tests/libaccel/t-interface)
# All models of the tests, large ones too: not under sanitizers, which have small ones.
LIBACCEL_SCRIPTS += $(if $(SAN),,$(B)/tests/libaccel/t-plans)
TESTS_HOST += $(LIBACCEL_SCRIPTS)

$(B)/tests/libaccel/plan.o: CFLAGS += $(LIBACCEL_CFLAGS)
DEPS += $(B)/tests/libaccel/plan.d

$(B)/tests/libaccel/plan: %: %.o $(B)/tests/libaccel/check.o $(B)/libaccel.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $< $(B)/tests/libaccel/check.o $(LIBACCEL_STATIC)

$(B)/tests/libaccel/t-plans: tests/libaccel/plans $(B)/tests/libaccel/plan
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec "%s" "%s" "%s"\n' '$(abspath $<)' '$(abspath $(B)/tests/libaccel/plan)' \
		'$(abspath $(B)/models)' >$@ && chmod +x $@

$(B)/tests/libaccel/t-examples: tests/libaccel/examples $(LIBACCEL_EXAMPLES)
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec "%s" "%s"\n' '$(abspath $<)' '$(abspath $(B)/examples)' >$@ && chmod +x $@

$(B)/tests/libaccel/t-interface: tests/libaccel/interface $(B)/libaccel.so.0 $(B)/libaccel.a
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec "%s" "%s"\n' '$(abspath $<)' '$(B)' >$@ && chmod +x $@

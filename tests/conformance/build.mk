# SPDX-License-Identifier: MIT
#
# ONNX's backend tests, as Debian's libonnx-testdata carries them or any directory of that layout.

CONFORMANCE_DATA ?= /usr/share/libonnx-testdata/data
# Where alone they run; else whole on sim:, and then in the virtual machine through the driver, with
# the same bits.
CONFORMANCE_DEVICE ?=
CONFORMANCE_SUITES = $(addprefix $(abspath $(CONFORMANCE_DATA))/,node pytorch-converted pytorch-operator simple)
CONFORMANCE := $(B)/tests/conformance/conformance

DEPS += $(CONFORMANCE).d
TESTS_VM += $(CONFORMANCE)

OPERATORS := $(B)/tests/conformance/t-operators-page
TESTS_HOST += $(if $(SAN),,$(OPERATORS))

$(OPERATORS): tests/conformance/operators $(CONFORMANCE)
	@mkdir -p $(@D)
	$(Q)printf '#!/bin/sh\nexec "%s" "%s"\n' '$(abspath $<)' '$(B)' >$@ && chmod +x $@

$(CONFORMANCE).o: CFLAGS += $(LIBACCEL_CFLAGS)
$(CONFORMANCE): $(CONFORMANCE).o $(B)/libaccel.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $< $(LIBACCEL_STATIC)

.PHONY: conformance
conformance: $(CONFORMANCE)
	$(Q)tools/setup conformance $(if $(CONFORMANCE_DEVICE),,vm)
	$(Q)$(CONFORMANCE) -d $(or $(CONFORMANCE_DEVICE),sim:) $(if $(V),-v) $(CONFORMANCE_SUITES)
ifeq ($(CONFORMANCE_DEVICE),)
	$(Q)tests/vm/run --timeout 3600 -- conformance -d /dev/accel/accel0 -b sim:timeout_ms=600000 $(CONFORMANCE_SUITES)
endif

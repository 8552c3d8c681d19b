# SPDX-License-Identifier: MIT
#
# ONNX's backend tests, as Debian's libonnx-testdata carries them or any directory of that layout.

CONFORMANCE_DATA ?= /usr/share/libonnx-testdata/data
CONFORMANCE_DEVICE ?= sim:
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
	$(Q)tools/setup conformance
	$(Q)$(CONFORMANCE) -d $(CONFORMANCE_DEVICE) $(if $(V),-v) $(CONFORMANCE_DATA)/node \
		$(CONFORMANCE_DATA)/pytorch-converted $(CONFORMANCE_DATA)/pytorch-operator \
		$(CONFORMANCE_DATA)/simple

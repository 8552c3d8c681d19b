# SPDX-License-Identifier: MIT

ACCELCTL_TESTS := $(addprefix $(B)/tests/accelctl/accelctl-,unit dump replay cli model)
ACCELCTL_TEST_OBJS := $(addprefix $(B)/tests/accelctl/,unit.o dump.o dump-make.o replay.o schema.o)

TESTS_HOST += $(ACCELCTL_TESTS)
TESTS_VM += $(B)/tests/accelctl/accelctl-schema
DEPS += $(ACCELCTL_TEST_OBJS:.o=.d)

$(ACCELCTL_TEST_OBJS): CFLAGS += -Ilibaccel/include -Itools/accelctl

$(B)/tests/accelctl/accelctl-unit: $(B)/tests/accelctl/unit.o \
		$(filter-out %/main.o,$(ACCELCTL_OBJS)) $(B)/libaccel.so.0
	$(call say,LD,$@)$(CC) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/../..' -o $@ $^ -ljson-c -lm

$(B)/tests/accelctl/accelctl-dump: $(B)/tests/accelctl/dump.o $(B)/tests/accelctl/dump-make.o \
		$(filter-out %/main.o,$(ACCELCTL_OBJS)) $(B)/libaccel.so.0
	$(call say,LD,$@)$(CC) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/../..' -o $@ $^ -ljson-c -lm

$(B)/tests/accelctl/accelctl-replay: $(B)/tests/accelctl/replay.o $(B)/tests/accelctl/dump-make.o \
		$(filter-out %/main.o,$(ACCELCTL_OBJS)) $(B)/libaccel.so.0
	$(call say,LD,$@)$(CC) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/../..' -o $@ $^ -ljson-c -lm

# A name for everything that these headers number.
$(B)/tests/accelctl/names.inc: tests/accelctl/names.sed uapi/loom_hw.h uapi/loom_isa.h uapi/loom_dump.h
	@mkdir -p $(@D)
	$(call say,GEN,$@)sed -n -f $^ >$@

$(B)/tests/accelctl/dump.o: $(B)/tests/accelctl/names.inc
$(B)/tests/accelctl/dump.o: CFLAGS += -I$(B)/tests/accelctl

$(B)/tests/accelctl/accelctl-schema: $(B)/tests/accelctl/schema.o
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ -ljson-c

# The script itself is the same in every build; what it tests is not.
$(B)/tests/accelctl/accelctl-cli: tests/accelctl/build.mk $(B)/tests/accelctl/accelctl-schema \
		$(B)/tests/accelctl/accelctl-dump $(B)/accelctl
	@printf '#!/bin/sh\nACCELCTL=%s\nSCHEMA_CHECK=%s\nDUMP_MAKE=%s\nexport ACCELCTL SCHEMA_CHECK DUMP_MAKE\nexec %s\n' \
		"'$(abspath $(B)/accelctl)'" "'$(abspath $(B)/tests/accelctl/accelctl-schema)'" \
		"'$(abspath $(B)/tests/accelctl/accelctl-dump)'" "'$(CURDIR)/tests/accelctl/cli'" >$@ && chmod +x $@

$(B)/tests/accelctl/accelctl-model: tests/accelctl/build.mk $(B)/tests/accelctl/accelctl-schema \
		$(B)/accelctl $(B)/tests/conformance/conformance
	@printf '#!/bin/sh\nACCELCTL=%s\nSCHEMA_CHECK=%s\nCONFORMANCE=%s\n%s\nexec %s\n' \
		"'$(abspath $(B)/accelctl)'" "'$(abspath $(B)/tests/accelctl/accelctl-schema)'" \
		"'$(abspath $(B)/tests/conformance/conformance)'" \
		'export ACCELCTL SCHEMA_CHECK CONFORMANCE' "'$(CURDIR)/tests/accelctl/model'" >$@ && \
		chmod +x $@

# SPDX-License-Identifier: MIT
#
# Tests of the card in QEMU, without a guest.  They start the QEMU that LOOM_QEMU names.

TESTS_DEVICE := $(patsubst tests/device/%.c,$(B)/tests/device/%,$(sort $(wildcard tests/device/t-*.c)))
DEVICE_RIG := $(B)/tests/device/lqt.o $(B)/tests/device/rig.o
DEPS += $(TESTS_DEVICE:=.d) $(DEVICE_RIG:.o=.d)

# The register table is the core's.
$(B)/tests/device/t-card.o: CFLAGS += -Iqemu-device/core

$(TESTS_DEVICE): %: %.o $(DEVICE_RIG) $(B)/libloomcore.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ -lm -lpthread

.PHONY: tests-device check-device check-device-asan qemu-check
tests-device: $(TESTS_DEVICE)

check-device: $(TESTS_DEVICE)
	$(Q)qemu=$$(qemu-device/build) && LOOM_QEMU=$$qemu tests/run-host --prefix device \
		$(TESTS_DEVICE)

# The same on the QEMU of Debian 13, and from that of this release to it.  Not a part of make check:
# this QEMU is built in a tree of its release, as root.
qemu-check: $(TESTS_DEVICE)
	$(Q)from=$$(qemu-device/build) && to=$$(qemu-device/build --trixie) && \
		LOOM_QEMU=$$to tests/run-host --prefix device-trixie $(TESTS_DEVICE) && \
		LOOM_QEMU=$$from LOOM_QEMU_TO=$$to LOOM_MACHINE=pc-q35-7.2 \
		tests/run-host --prefix device-to-trixie $(B)/tests/device/t-migrate

# Not a part of make check: this QEMU takes long to build.  Leaks of QEMU's own are in the list.
check-device-asan: $(TESTS_DEVICE)
	$(Q)qemu=$$(qemu-device/build --asan) && LOOM_QEMU=$$qemu \
		ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 \
		LSAN_OPTIONS=suppressions=$(CURDIR)/tests/device/leaks:print_suppressions=0 \
		UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
		tests/run-host --timeout 3600 --prefix device-asan $(TESTS_DEVICE)

# SPDX-License-Identifier: MIT
#
# The fuzzer of the driver's calls, which runs in the virtual machine: `make fuzz-ioctl`.

FUZZ_IOCTL := $(B)/tests/fuzz-ioctl/fuzz-ioctl
# All but the programs' own: tests/soak uses them, too.
FUZZ_IOCTL_PARTS := $(patsubst %,$(B)/tests/fuzz-ioctl/%.o,acts calls cover life packet program)
FUZZ_IOCTL_SHARED := $(patsubst %,$(B)/tests/kselftest/%.o,card root product figures)
FUZZ_IOCTL_TEST := $(B)/tests/fuzz-ioctl/t-program
TESTS_VM += $(FUZZ_IOCTL)
TESTS_HOST += $(FUZZ_IOCTL_TEST)
DEPS += $(FUZZ_IOCTL_PARTS:.o=.d) $(FUZZ_IOCTL).d $(FUZZ_IOCTL_TEST).d

$(FUZZ_IOCTL_PARTS) $(FUZZ_IOCTL).o $(FUZZ_IOCTL_TEST).o: \
	CFLAGS += $(shell pkg-config --cflags libdrm)

$(FUZZ_IOCTL) $(FUZZ_IOCTL_TEST): %: %.o $(FUZZ_IOCTL_PARTS) $(FUZZ_IOCTL_SHARED)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ -lm

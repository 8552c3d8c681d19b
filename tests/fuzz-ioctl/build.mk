# SPDX-License-Identifier: MIT
#
# The fuzzer of the driver's calls, which runs in the virtual machine: `make fuzz-ioctl`.

FUZZ_IOCTL := $(B)/tests/fuzz-ioctl/fuzz-ioctl
FUZZ_IOCTL_OBJS := $(patsubst tests/fuzz-ioctl/%.c,$(B)/tests/fuzz-ioctl/%.o,\
	$(sort $(wildcard tests/fuzz-ioctl/*.c)))
FUZZ_IOCTL_SHARED := $(patsubst %,$(B)/tests/kselftest/%.o,card root product figures)
TESTS_VM += $(FUZZ_IOCTL)
DEPS += $(FUZZ_IOCTL_OBJS:.o=.d)

$(FUZZ_IOCTL_OBJS): CFLAGS += $(shell pkg-config --cflags libdrm)

$(FUZZ_IOCTL): $(FUZZ_IOCTL_OBJS) $(FUZZ_IOCTL_SHARED)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ -lm

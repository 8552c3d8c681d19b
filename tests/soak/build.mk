# SPDX-License-Identifier: MIT
#
# Mixed clients for a long time, in the virtual machine: `make soak`.

SOAK := $(B)/tests/soak/soak
SOAK_OBJS := $(patsubst tests/soak/%.c,$(B)/tests/soak/%.o,$(sort $(wildcard tests/soak/*.c)))
TESTS_VM += $(SOAK)
DEPS += $(SOAK_OBJS:.o=.d)

$(SOAK_OBJS): CFLAGS += $(LIBACCEL_CFLAGS) $(shell pkg-config --cflags libdrm)

# Those who are killed are those who fuzz.
$(SOAK): $(SOAK_OBJS) $(FUZZ_IOCTL_PARTS) $(KSELFTEST_PARTS) $(B)/libaccel.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIBACCEL_STATIC)

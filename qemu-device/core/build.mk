# SPDX-License-Identifier: MIT
#
# The card's core: every C file of this directory.

CORE_OBJS := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard qemu-device/core/*.c)))

$(CORE_OBJS): CFLAGS += -O3 -Iqemu-device/core

$(B)/libloomcore.a: $(CORE_OBJS)
	$(Q)rm -f $@
	$(call say,AR,$@)$(AR) rcs $@ $^

ALL += $(B)/libloomcore.a
DEPS += $(CORE_OBJS:.o=.d)

# SPDX-License-Identifier: MIT
#
# The page tables of the driver, compiled for a process: they use nothing of the kernel that the
# headers here do not have.

KERNEL_TEST := $(B)/tests/kernel/mmu
KERNEL_OBJS := $(B)/tests/kernel/mmu.o $(B)/tests/kernel/under-test.o
TESTS_HOST += $(KERNEL_TEST)
DEPS += $(KERNEL_OBJS:.o=.d)

$(KERNEL_OBJS): CFLAGS += -Itests/kernel -Ikernel
$(B)/tests/kernel/under-test.o: kernel/mmu.c
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(KERNEL_TEST): $(KERNEL_OBJS)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^

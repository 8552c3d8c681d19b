# SPDX-License-Identifier: MIT

VM_HOST_OBJS := $(addprefix $(B)/tests/vm/,host.o splat.o tsc.o)

DEPS += $(VM_HOST_OBJS:.o=.d) $(B)/tests/vm/agent.d $(B)/tests/vm/splat-test.d \
	$(B)/tests/vm/memory-map.d
TESTS_HOST += $(B)/vm/splat-test
TESTS_VM += $(B)/tests/vm/memory-map

$(B)/vm/splat-test: $(B)/tests/vm/splat-test.o $(B)/tests/vm/splat.o
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^

$(B)/vm/host: $(VM_HOST_OBJS)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^

# Static, so that the guest's first process needs no file of the host.
$(B)/vm/agent: $(B)/tests/vm/agent.o
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -static -o $@ $^

$(B)/tests/vm/memory-map: $(B)/tests/vm/memory-map.o
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^

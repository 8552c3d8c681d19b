# SPDX-License-Identifier: MIT

KSELFTESTS := query bo vm local prime queue submit irq poll sync fault hang process stat user share crowd pair sizes memcg fair
KSELFTESTS += recover inject dump replay kill ras pmu gone failnth sleep power loops
# The prefix keeps them apart from commands of the same name on the guest's PATH.
KSELFTEST_BINS := $(KSELFTESTS:%=$(B)/tests/kselftest/ks-%)
TESTS_VM += $(KSELFTEST_BINS)
# What other tests use, too; it needs no harness.
KSELFTEST_PARTS := $(patsubst %,$(B)/tests/kselftest/%.o,card root kept monitor slot product figures)
KSELFTEST_CALLS := $(B)/tests/kselftest/calls.o
DEPS += $(KSELFTESTS:%=$(B)/tests/kselftest/%.d) $(KSELFTEST_PARTS:.o=.d) $(KSELFTEST_CALLS:.o=.d)

$(KSELFTEST_PARTS) $(KSELFTEST_CALLS): $(B)/tests/kselftest/%.o: tests/kselftest/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CFLAGS) $$(pkg-config --cflags libdrm) -MMD -MP -c -o $@ $<

# The harness is part of the kernel's source, which is fetched when it is first needed.
$(B)/tests/kselftest/%.o: tests/kselftest/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@)harness=$$(tools/fetch source) && $(CC) $(filter-out -std=%,$(CFLAGS)) \
		-std=gnu11 -isystem $$harness/tools/testing/selftests $$(pkg-config --cflags libdrm) \
		-MMD -MP -c -o $@ $<

$(KSELFTEST_BINS): $(B)/tests/kselftest/ks-%: $(B)/tests/kselftest/%.o $(B)/tests/kselftest/card.o \
		$(B)/tests/kselftest/root.o $(B)/tests/kselftest/kept.o \
		$(B)/tests/kselftest/monitor.o $(B)/tests/kselftest/slot.o
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^
$(B)/tests/kselftest/ks-gone: $(KSELFTEST_CALLS)

# SPDX-License-Identifier: MIT
#
# Tests of the card's core, on a host in this process.

include tests/core/engine.mk

CONTROL_TESTS := $(patsubst tests/core/%.c,$(B)/tests/core/%,$(filter-out tests/core/t-engine% \
	tests/core/t-packet% tests/core/t-model.c tests/core/t-numerics.c tests/core/t-functions.c,\
	$(sort $(wildcard tests/core/t-*.c))))
CONTROL_HOST := $(B)/tests/core/host.o $(B)/tests/core/card.o
CONTROL_OBJS := $(CONTROL_TESTS:=.o) $(CONTROL_HOST) $(B)/tests/core/b-jobs.o

$(CONTROL_OBJS): CFLAGS += -Iqemu-device/core

$(CONTROL_TESTS) $(B)/tests/core/b-jobs: %: %.o $(CONTROL_HOST) $(B)/libloomcore.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ -lm -lpthread

# A hostile guest changes memory that the card is reading: to the thread sanitizer that is what it
# looks for, and here it is the point.
TESTS_HOST += $(filter-out $(if $(filter thread,$(SAN)),%/t-hostile),$(CONTROL_TESTS))
DEPS += $(CONTROL_OBJS:.o=.d)

# SPDX-License-Identifier: MIT
#
# Tests of the card's decoder, engines and performance model.

ENGINE_TESTS := $(patsubst tests/core/%.c,$(B)/tests/core/%,$(wildcard tests/core/t-engine*.c) \
	$(wildcard tests/core/t-packet*.c) tests/core/t-model.c tests/core/t-numerics.c tests/core/t-functions.c)
ENGINE_OBJS := $(ENGINE_TESTS:=.o) $(B)/tests/core/job.o $(B)/tests/core/decode.o

$(ENGINE_OBJS): CFLAGS += -Iqemu-device/core

$(ENGINE_TESTS): %: %.o $(B)/tests/core/job.o $(B)/libloomcore.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ -lm -lpthread

$(filter %/t-packet %/t-packet-product %/t-packet-window,$(ENGINE_TESTS)): $(B)/tests/core/decode.o

TESTS_HOST += $(ENGINE_TESTS)
DEPS += $(ENGINE_OBJS:.o=.d)

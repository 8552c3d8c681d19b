# SPDX-License-Identifier: MIT

UAPI_TESTS := $(addprefix $(B)/tests/uapi/,uapi-model uapi-parity)
# Sanitizers have nothing to find in headers.
TESTS_HOST += $(if $(SAN),,$(addprefix tests/uapi/,uapi-layout uapi-headers uapi-comments \
	uapi-specification security)) $(UAPI_TESTS)
DEPS += $(UAPI_TESTS:=.d)

$(UAPI_TESTS:=.o): CFLAGS += -Iqemu-device/core -Ilibaccel/include $(shell pkg-config --cflags libdrm)
$(UAPI_TESTS): %: %.o $(B)/libloomcore.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ -lm -lpthread

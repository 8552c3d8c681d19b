# SPDX-License-Identifier: MIT
#
# Benchmarks: programs for the guest, which tests/bench/run starts.

BENCH_JOBS := $(addprefix $(B)/tests/bench/,bench-jobs bench-instructions)
BENCH_PARTS := $(addprefix $(B)/tests/bench/,client.o nvme.o report.o)
TESTS_VM += $(BENCH_JOBS)
DEPS += $(BENCH_JOBS:=.d) $(BENCH_PARTS:.o=.d)

$(BENCH_JOBS:=.o) $(BENCH_PARTS): CFLAGS += $(LIBACCEL_CFLAGS)

$(BENCH_JOBS): %: %.o $(BENCH_PARTS) $(B)/libaccel.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $< $(BENCH_PARTS) $(LIBACCEL_STATIC)

BENCH_GEMM := $(addprefix $(B)/tests/bench/,bench-gemm.o report.o)
TESTS_VM += $(B)/tests/bench/bench-gemm
DEPS += $(B)/tests/bench/bench-gemm.d

$(B)/tests/bench/bench-gemm.o: CFLAGS += $(LIBACCEL_CFLAGS)

$(B)/tests/bench/bench-gemm: $(BENCH_GEMM) $(B)/libaccel.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $(BENCH_GEMM) $(LIBACCEL_STATIC) -ldl

# The card's vector operations on this processor: make build/tests/bench/vector.
DEPS += $(B)/tests/bench/vector.d

$(B)/tests/bench/vector.o: CFLAGS += -Iqemu-device/core

$(B)/tests/bench/vector: $(B)/tests/bench/vector.o $(B)/libloomcore.a
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ -lm -lpthread

# A model on the card, beside the same in ONNX Runtime: tests/bench/models.
TESTS_VM += $(B)/tests/bench/bench-models
DEPS += $(B)/tests/bench/bench-models.d

$(B)/tests/bench/bench-models.o: CFLAGS += $(LIBACCEL_CFLAGS)

$(B)/tests/bench/bench-models: $(B)/tests/bench/bench-models.o $(B)/libaccel.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $< $(LIBACCEL_STATIC)

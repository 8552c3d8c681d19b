# SPDX-License-Identifier: MIT
#
# Loom: driver, runtime, virtual card, command line and their tests.  `make help` lists what can
# be made.  Every part adds its own rules from a build.mk; everything made is below $(B).

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

SAN ?=
ifeq ($(SAN),)
B ?= build
else ifeq ($(SAN),address)
B ?= build/asan
SANFLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
else ifeq ($(SAN),thread)
B ?= build/tsan
SANFLAGS := -fsanitize=thread -fno-omit-frame-pointer
else
$(error SAN=$(SAN) is unknown: use SAN=address or SAN=thread)
endif

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin AR),default)
AR := ar
endif
ifneq ($(filter command line,$(origin CFLAGS)),)
$(error CFLAGS holds flags the sources need: put your own into EXTRA_CFLAGS)
endif

V ?=
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-8s%s\n' '$(1)' '$(2)';)

CFLAGS := -std=c11 -O2 -g -Wall -Wextra -Werror -fvisibility=hidden -ffp-contract=off -fPIC \
	-D_GNU_SOURCE -Iuapi $(SANFLAGS) $(EXTRA_CFLAGS)
LDFLAGS := $(SANFLAGS) $(EXTRA_LDFLAGS)

PREFIX ?= /usr/local
DESTDIR ?=
INSTALL ?= install

ALL :=
TESTS_HOST :=
TESTS_VM :=
STAGE_BIN :=
STAGE_LIB :=
CLEAN :=
DEPS :=

-include qemu-device/core/build.mk
-include libaccel/build.mk
-include tools/build.mk
-include kernel/build.mk
-include Documentation/build.mk
-include tests/build.mk
-include $(sort $(wildcard tests/*/build.mk))

-include $(sort $(DEPS))

.PHONY: all tests install uninstall clean distclean help
all: $(ALL)
tests: $(TESTS_HOST)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# Parts that are built by their own scripts.

.PHONY: module qemu qemu-asan
module:
	$(Q)tools/setup module
	$(Q)tools/module

qemu:
	$(Q)qemu-device/build

# The same with sanitizers, in the cache, too: for check-device-asan.
qemu-asan:
	$(Q)qemu-device/build --asan

# What a virtual machine runs is copied for each run; these lists say what there is to copy.
.PHONY: stage
stage: $(B)/vm/host $(B)/vm/agent $(STAGE_BIN) $(STAGE_LIB) $(TESTS_VM)
	@mkdir -p $(B)/vm
	@printf '%s\n' $(foreach f,$(STAGE_BIN),'bin $(f)') $(foreach f,$(STAGE_LIB),'lib $(f)') \
		$(foreach f,$(TESTS_VM),'tests $(f)') >$(B)/vm/stage.list.$$$$ && \
		mv $(B)/vm/stage.list.$$$$ $(B)/vm/stage.list

.PHONY: vm demo demo-run
vm:
	$(Q)tools/setup vm
	$(Q)tests/vm/run --shell

demo:
	$(Q)tools/setup demo
	$(Q)+$(MAKE) --no-print-directory demo-run

demo-run: all
	$(Q)tests/demo

# Tests.  check is the whole suite with its one line of totals; the others are its parts.

.PHONY: check check-host check-plain check-asan check-tsan check-vm check-debug lint dkms-check run-tests fuzz bench
.PHONY: check-kernels check-loops check-plants fuzz-ioctl soak
check:
	$(Q)tools/setup check
	$(Q)tests/run

check-host: check-plain check-asan

check-plain:
	$(Q)+$(MAKE) --no-print-directory SAN= run-tests

check-asan:
	$(Q)+$(MAKE) --no-print-directory SAN=address run-tests

check-tsan:
	$(Q)+$(MAKE) --no-print-directory SAN=thread run-tests

run-tests: $(TESTS_HOST)
	$(Q)tests/run-host $(if $(SAN),--prefix $(SAN)) $(TESTS_HOST)

check-vm:
	$(Q)tools/setup vm conformance
	$(Q)tests/run vm

# The driver on a kernel that checks itself: half an hour and more. DEBUG names single suites.
check-debug:
	$(Q)tools/setup debug
	$(Q)$(if $(DEBUG),DEBUG='$(DEBUG)') tests/run debug

# Mistakes of each kind, made in a copy of the driver, and whether they are found; PLANTS names some.
check-plants:
	$(Q)tools/setup debug
	$(Q)tests/debug/plant $(PLANTS)

# The driver on every kernel that Debian offers; KERNELS names some.
check-kernels:
	$(Q)tools/setup chroot vm
	$(Q)tests/kernels/check $(KERNELS)

# 200 times unbound and loaded, 1000 resets of a ring, 200 of the card, 50 times pulled out, 100 sleeps: an hour on
# a busy machine.
check-loops:
	$(Q)tools/setup vm
	$(Q)tests/vm/run --monitor --device-args x-debug=on,rings=2,contexts=64 --timeout 7200 --env LOOPS=full \
		-- /run/loom/tests/bin/ks-loops
	$(Q)tests/vm/run --no-build --ram --monitor --device-args x-debug=on,rings=2,contexts=64 --timeout 3600 \
		--env SLEEP_ROUNDS=100 -- /run/loom/tests/bin/ks-sleep
	$(Q)tests/vm/run --no-build --env FAIR_SECONDS=10 -- /run/loom/tests/bin/ks-fair

lint:
	$(Q)tools/setup lint
	$(Q)tests/lint

dkms-check:
	$(Q)tools/setup dkms
	$(Q)tests/dkms/check

# Figures, never a verdict.
bench:
	$(Q)tools/setup vm
	$(Q)tests/bench/run $(if $(ROUNDS),--rounds $(ROUNDS)) $(BENCH)

# RUNS, SEED and TARGETS change what tests/fuzz/run does.
fuzz:
	$(Q)tools/setup fuzz
	$(Q)+$(MAKE) --no-print-directory fuzz-programs
	$(Q)tests/fuzz/run $(if $(RUNS),--runs $(RUNS)) $(if $(SEED),--seed $(SEED)) $(TARGETS)

# The calls of the driver, in a machine whose kernel checks itself: CALLS, SEED, KERNEL=debian, TRACE=1.
fuzz-ioctl:
	$(Q)tools/setup $(if $(filter debian,$(KERNEL)),vm,debug)
	$(Q)tests/fuzz-ioctl/run $(if $(CALLS),--calls $(CALLS)) $(if $(SEED),--seed $(SEED)) \
		$(if $(KERNEL),--kernel $(KERNEL)) $(if $(TRACE),--trace)

# Clients of all kinds for a long time: MINUTES, SEED, KERNEL=debug.
soak:
	$(Q)tools/setup $(if $(filter debug,$(KERNEL)),debug,vm)
	$(Q)tests/soak/run $(if $(MINUTES),--minutes $(MINUTES)) $(if $(SEED),--seed $(SEED)) \
		$(if $(KERNEL),--kernel $(KERNEL))

# Fragments add to install and uninstall with double-colon rules.
install:: all
uninstall::

clean:
	$(Q)rm -rf build $(CLEAN)

distclean: clean
	$(Q)rm -rf -- "$${LOOM_CACHE:-$${XDG_CACHE_HOME:-$$HOME/.cache}/loom}"

help:
	@printf '%s\n' \
	'demo        see the card classify images and multiply matrices (installs, builds, boots)' \
	'check       the whole test suite (installs, builds, boots)' \
	'' \
	'all         libaccel, accelctl and what belongs to them' \
	'module      loom.ko for the kernel that the virtual machine boots' \
	'qemu        qemu-system-x86_64 with the card, built in the cache' \
	'vm          a shell in the virtual machine, with card and driver' \
	'' \
	'check-host  unit tests, plain and with address and undefined-behaviour sanitizers' \
	'check-asan, check-tsan      unit tests with one sanitizer' \
	'check-device-asan           the card in a QEMU with sanitizers (which it builds first)' \
	'qemu-check  the card in the QEMU of Debian 13, built in a tree of that release (root)' \
	'check-vm    the suites that run in the virtual machine' \
	'check-debug the driver on a kernel that checks itself (which it builds first), DEBUG=SUITES' \
	'check-plants   whether such a kernel finds mistakes that are made for it, PLANTS=NAMES' \
	'check-kernels  the driver on every kernel of Debian 12 and 13 (root), KERNELS=RELEASES' \
	'check-loops driver, module, resets and sleep again and again under load' \
	'dkms-check  add, build, install and remove the driver by DKMS in private trees' \
	'bench       figures and plots in build/bench (ROUNDS=15, BENCH="jobs instructions gemm models")' \
	'fuzz        libFuzzer over the card: RUNS=1000000 of each target (TARGETS="cmd mmu", SEED=1)' \
	'fuzz-ioctl  the calls of the driver, fuzzed on a kernel that checks itself: CALLS=1000000' \
	'            (SEED=1, KERNEL=debian, TRACE=1)' \
	'soak        clients of all kinds, failures and kills for MINUTES=30 (SEED=1, KERNEL=debug)' \
	'conformance ONNX'"'"'s own tests on sim: and in the virtual machine (CONFORMANCE_DEVICE=, CONFORMANCE_DATA=, V=1)' \
	'lint        warnings, sparse, coccinelle, checkpatch, kernel-doc, gcc, clang, shellcheck' \
	'' \
	'install, uninstall          PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)' \
	'clean       remove build/' \
	'distclean   remove build/ and the cache' \
	'' \
	'Variables: V=1 shows commands, SAN=address|thread, CC=clang-14 B=build/clang,' \
	'EXTRA_CFLAGS, EXTRA_LDFLAGS, LOOM_CACHE (default ~/.cache/loom).'

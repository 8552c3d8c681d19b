# SPDX-License-Identifier: MIT

LIBACCEL_SRCS := $(wildcard libaccel/*.c libaccel/drm/*.c libaccel/sim/*.c libaccel/model/*.c)
LIBACCEL_OBJS := $(LIBACCEL_SRCS:%.c=$(B)/%.o) $(B)/libaccel/onnx.pb-c.o
LIBACCEL_HEADERS := $(wildcard libaccel/include/accel/*.h)
LIBACCEL_VERSION := $(shell sed -n 's/^.define ACCEL_VERSION_STRING[^"]*"\(.*\)"/\1/p' \
	libaccel/include/accel/version.h)

# What the library itself needs; libpci looks up names, libdrm talks to the driver, libprotobuf-c
# reads models, nettle names constants by their content.
LIBACCEL_PKGS := libdrm libpci libprotobuf-c nettle
LIBACCEL_DEP_CFLAGS = $(shell pkg-config --cflags $(LIBACCEL_PKGS))
LIBACCEL_DEP_LIBS = $(shell pkg-config --libs $(LIBACCEL_PKGS)) -lm -lpthread

# For programs of this tree.
LIBACCEL_CFLAGS := -Ilibaccel/include
LIBACCEL_STATIC = $(B)/libaccel.a $(LIBACCEL_DEP_LIBS)

LIBDIR ?= $(PREFIX)/lib

ALL += $(B)/libaccel.so.0 $(B)/libaccel.so $(B)/libaccel.a $(B)/libaccel.pc
STAGE_LIB += $(B)/libaccel.so.0
DEPS += $(LIBACCEL_OBJS:.o=.d)

$(LIBACCEL_OBJS): CFLAGS += $(LIBACCEL_CFLAGS) -Iqemu-device/core $(LIBACCEL_DEP_CFLAGS)

# Bindings of the file format of models, from the description that Debian's libonnx-dev carries.
# Whoever wrote the compiler of them does not know our warnings.
ONNX_PROTO ?= /usr/include/onnx/onnx.proto
$(B)/libaccel/onnx.pb-c.c: $(ONNX_PROTO)
	@mkdir -p $(@D)
	$(call say,PROTOC,$@)protoc-c --proto_path=$(dir $<) --c_out=$(@D) $(notdir $<)

$(B)/libaccel/onnx.pb-c.h: $(B)/libaccel/onnx.pb-c.c
$(B)/libaccel/onnx.pb-c.o: $(B)/libaccel/onnx.pb-c.c
	$(call say,CC,$@)$(CC) $(filter-out -Wall -Wextra -Werror,$(CFLAGS)) -MMD -MP -c -o $@ $<

LIBACCEL_ONNX_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard libaccel/model/onnx*.c) libaccel/model/model.c libaccel/model/model-compile.c)
$(LIBACCEL_ONNX_OBJS): CFLAGS += -I$(B)/libaccel
$(LIBACCEL_ONNX_OBJS): | $(B)/libaccel/onnx.pb-c.h

# Nothing may be left undefined, but sanitisers' symbols, which come with the program.
$(B)/libaccel.so.0: $(LIBACCEL_OBJS) $(CORE_OBJS) libaccel/libaccel.map
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -shared -Wl,-soname,libaccel.so.0 $(if $(SAN),,-Wl,-z,defs) \
		-Wl,--version-script=libaccel/libaccel.map -o $@ $(LIBACCEL_OBJS) $(CORE_OBJS) \
		$(LIBACCEL_DEP_LIBS)

$(B)/libaccel.so: $(B)/libaccel.so.0
	$(Q)ln -sf libaccel.so.0 $@

$(B)/libaccel.a: $(LIBACCEL_OBJS) $(CORE_OBJS)
	@mkdir -p $(@D)
	$(call say,AR,$@)rm -f $@.tmp && $(AR) rcs $@.tmp $^ && mv $@.tmp $@

$(B)/libaccel.pc: libaccel/libaccel.pc.in libaccel/include/accel/version.h
	@mkdir -p $(@D)
	$(call say,GEN,$@)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@VERSION@|$(LIBACCEL_VERSION)|' $< >$@

LIBACCEL_EXAMPLES := $(patsubst libaccel/examples/%.c,$(B)/examples/%,\
	$(wildcard libaccel/examples/*.c))
LIBACCEL_EXAMPLE_OBJS := $(LIBACCEL_EXAMPLES:$(B)/examples/%=$(B)/libaccel/examples/%.o)
ALL += $(LIBACCEL_EXAMPLES)
DEPS += $(LIBACCEL_EXAMPLE_OBJS:.o=.d)

# As a program outside of this tree is built: the public headers and the library, nothing else.
$(LIBACCEL_EXAMPLE_OBJS): CFLAGS := $(filter-out -Iuapi,$(CFLAGS)) $(LIBACCEL_CFLAGS)
$(LIBACCEL_EXAMPLES): $(B)/examples/%: $(B)/libaccel/examples/%.o $(B)/libaccel.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $< $(LIBACCEL_STATIC)

# The prefix may differ from that of the last build: libaccel.pc is made anew.
.PHONY: install-libaccel
install:: install-libaccel
install-libaccel: $(B)/libaccel.so.0 $(B)/libaccel.a
	$(Q)$(INSTALL) -d '$(DESTDIR)$(PREFIX)/include/accel' '$(DESTDIR)$(LIBDIR)/pkgconfig'
	$(Q)$(INSTALL) -m 644 $(LIBACCEL_HEADERS) '$(DESTDIR)$(PREFIX)/include/accel'
	$(Q)$(INSTALL) -m 755 $(B)/libaccel.so.0 '$(DESTDIR)$(LIBDIR)/libaccel.so.$(LIBACCEL_VERSION)'
	$(Q)ln -sf libaccel.so.$(LIBACCEL_VERSION) '$(DESTDIR)$(LIBDIR)/libaccel.so.0'
	$(Q)ln -sf libaccel.so.0 '$(DESTDIR)$(LIBDIR)/libaccel.so'
	$(Q)$(INSTALL) -m 644 $(B)/libaccel.a '$(DESTDIR)$(LIBDIR)/libaccel.a'
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
		-e 's|@VERSION@|$(LIBACCEL_VERSION)|' libaccel/libaccel.pc.in \
		>'$(DESTDIR)$(LIBDIR)/pkgconfig/libaccel.pc'
	$(Q)chmod 644 '$(DESTDIR)$(LIBDIR)/pkgconfig/libaccel.pc'

.PHONY: uninstall-libaccel
uninstall:: uninstall-libaccel
uninstall-libaccel:
	$(Q)rm -f $(patsubst libaccel/include/%,'$(DESTDIR)$(PREFIX)/include/%',$(LIBACCEL_HEADERS)) \
		'$(DESTDIR)$(LIBDIR)/libaccel.so.$(LIBACCEL_VERSION)' '$(DESTDIR)$(LIBDIR)/libaccel.so.0' \
		'$(DESTDIR)$(LIBDIR)/libaccel.so' '$(DESTDIR)$(LIBDIR)/libaccel.a' \
		'$(DESTDIR)$(LIBDIR)/pkgconfig/libaccel.pc'
	$(Q)rmdir '$(DESTDIR)$(PREFIX)/include/accel' 2>/dev/null || :

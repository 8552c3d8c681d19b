# SPDX-License-Identifier: MIT
#
# accelctl, its manual page and its completion.

ACCELCTL_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard tools/accelctl/*.c))
ACCELCTL_FILES := $(B)/accelctl $(B)/man/accelctl.1 $(B)/completion/accelctl
ACCELCTL_DATA := $(filter-out %/train,$(wildcard tests/data/digits/*))
ACCELCTL_SCHEMAS := $(wildcard Documentation/schema/*.json)
ACCELCTL_SHARE = $(DESTDIR)$(PREFIX)/share

ALL += $(ACCELCTL_FILES)
STAGE_BIN += $(B)/accelctl
DEPS += $(ACCELCTL_OBJS:.o=.d)

$(ACCELCTL_OBJS): CFLAGS += -Ilibaccel/include
$(B)/tools/accelctl/dump-names.o: CFLAGS += $(shell pkg-config --cflags libdrm)

# In the build directory the library is found beside the program.
$(B)/accelctl: $(ACCELCTL_OBJS) $(B)/libaccel.so.0
	$(call say,LD,$@)$(CC) $(LDFLAGS) -Wl,-rpath,'$$ORIGIN' -o $@ $^ -ljson-c -lm

$(B)/installed/accelctl: $(ACCELCTL_OBJS) $(B)/libaccel.so.0
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(LDFLAGS) -o $@ $^ -ljson-c -lm

# What the table of commands knows is not written a second time.
$(B)/man/accelctl.1: Documentation/man/accelctl.1.in $(B)/accelctl
	@mkdir -p $(@D)
	$(call say,GEN,$@)$(B)/accelctl help --roff >$@.lists && \
		sed -e '/^@LISTS@$$/{r $@.lists' -e 'd}' $< >$@ && rm $@.lists

$(B)/completion/accelctl: $(B)/accelctl
	@mkdir -p $(@D)
	$(call say,GEN,$@)$(B)/accelctl completion bash >$@

install:: $(ACCELCTL_FILES) $(B)/installed/accelctl
	$(Q)$(INSTALL) -D -m 755 $(B)/installed/accelctl '$(DESTDIR)$(PREFIX)/bin/accelctl'
	$(Q)$(INSTALL) -D -m 644 $(B)/man/accelctl.1 '$(ACCELCTL_SHARE)/man/man1/accelctl.1'
	$(Q)$(INSTALL) -D -m 644 $(B)/completion/accelctl \
		'$(ACCELCTL_SHARE)/bash-completion/completions/accelctl'
	$(Q)$(INSTALL) -d '$(ACCELCTL_SHARE)/loom/digits' '$(ACCELCTL_SHARE)/loom/schema'
	$(Q)$(INSTALL) -m 644 $(ACCELCTL_DATA) '$(ACCELCTL_SHARE)/loom/digits'
	$(Q)$(INSTALL) -m 644 $(ACCELCTL_SCHEMAS) '$(ACCELCTL_SHARE)/loom/schema'

uninstall::
	$(Q)rm -f '$(DESTDIR)$(PREFIX)/bin/accelctl' '$(ACCELCTL_SHARE)/man/man1/accelctl.1' \
		'$(ACCELCTL_SHARE)/bash-completion/completions/accelctl'
	$(Q)rm -rf '$(ACCELCTL_SHARE)/loom/digits' '$(ACCELCTL_SHARE)/loom/schema'
	$(Q)[ ! -d '$(ACCELCTL_SHARE)/loom' ] || rmdir --ignore-fail-on-non-empty '$(ACCELCTL_SHARE)/loom'

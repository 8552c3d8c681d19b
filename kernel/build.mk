# SPDX-License-Identifier: MIT
#
# What of the driver is installed on a host; the module itself is built by tools/module, or by DKMS.

UDEVDIR ?= $(PREFIX)/lib/udev/rules.d
SRCDIR ?= /usr/src

LOOM_VERSION := $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"$$/\1/p' dkms.conf)
LOOM_DKMS = $(DESTDIR)$(SRCDIR)/loom-$(LOOM_VERSION)
LOOM_DKMS_FILES := dkms.conf $(filter-out %.mod.c kernel/probe.h,$(wildcard kernel/*.[ch])) \
	$(wildcard uapi/*.h uapi/drm/*.h) kernel/Kbuild \
	kernel/Makefile kernel/Kconfig kernel/probe.sh kernel/60-loom.rules

install::
	$(Q)$(INSTALL) -D -m 644 kernel/60-loom.rules '$(DESTDIR)$(UDEVDIR)/60-loom.rules'

uninstall::
	$(Q)rm -f '$(DESTDIR)$(UDEVDIR)/60-loom.rules'

# The source that DKMS builds from: dkms install loom/$(LOOM_VERSION) does the rest.
.PHONY: install-dkms uninstall-dkms
install-dkms:
	$(Q)for file in $(LOOM_DKMS_FILES); do \
		$(INSTALL) -D -m 644 $$file "$(LOOM_DKMS)/$$file" || exit 1; done
	$(Q)chmod 755 '$(LOOM_DKMS)/kernel/probe.sh'
	@printf 'now: dkms install loom/%s\n' '$(LOOM_VERSION)'

uninstall-dkms:
	$(Q)rm -rf '$(LOOM_DKMS)'

# SPDX-License-Identifier: MIT
#
# Manuals.  Pages of section 3 are generated from the library's headers, the others are in
# Documentation/man; the guides (*.rst) become HTML where rst2html is there.

DOC_HEADERS := $(sort $(wildcard libaccel/include/accel/*.h))
DOC_PAGES := $(sort $(wildcard Documentation/man/*.[2-8]))
DOC_GUIDES := $(sort $(wildcard Documentation/*.rst))
DOC_RST2HTML := $(firstword $(shell command -v rst2html rst2html.py 2>/dev/null))
DOC_HTML := $(if $(DOC_RST2HTML),$(DOC_GUIDES:Documentation/%.rst=$(B)/doc/%.html))

ALL += $(B)/man/stamp
TESTS_HOST += $(if $(SAN),,tests/uapi/manuals)

# The check needs to know where what it looks at is.
export LOOM_BUILD := $(B)
tests/uapi/manuals: $(B)/man/stamp $(B)/libaccel.so.0

# Removed first: a function that is gone must not keep its page.
$(B)/man/stamp: Documentation/mkman $(DOC_HEADERS) $(DOC_PAGES)
	$(call say,MAN,$(@D))rm -rf $(@D)/man[2-8] && mkdir -p $(@D)/man3 && \
		Documentation/mkman $(@D)/man3 $(DOC_HEADERS) && \
		for page in $(DOC_PAGES); do \
			mkdir -p $(@D)/man$${page##*.} && cp $$page $(@D)/man$${page##*.}/ || exit 1; \
		done && touch $@

$(B)/doc/%.html: Documentation/%.rst
	@mkdir -p $(@D)
	$(call say,HTML,$@)$(DOC_RST2HTML) --halt=2 --link-stylesheet --stylesheet= $< $@ && \
		sed -i 's/href="\([a-z-]*\)\.rst"/href="\1.html"/g' $@

.PHONY: doc
doc: $(B)/man/stamp $(DOC_HTML)

install:: $(B)/man/stamp
	$(Q)for page in $(B)/man/man[2-8]/*; do \
		$(INSTALL) -D -m 644 $$page '$(DESTDIR)$(PREFIX)/share/man'/$${page#$(B)/man/} || \
			exit 1; done
	$(Q)$(INSTALL) -d '$(DESTDIR)$(PREFIX)/share/doc/loom'
	$(Q)$(INSTALL) -m 644 README.md $(DOC_GUIDES) '$(DESTDIR)$(PREFIX)/share/doc/loom'

uninstall:: $(B)/man/stamp
	$(Q)for page in $(B)/man/man[2-8]/*; do \
		rm -f '$(DESTDIR)$(PREFIX)/share/man'/$${page#$(B)/man/}; done
	$(Q)rm -rf '$(DESTDIR)$(PREFIX)/share/doc/loom'

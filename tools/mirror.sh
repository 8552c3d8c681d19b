# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Copies of sources for builds that must not write into the source tree.  A copy that is equal
# keeps its time, so the build after it does only what is needed.  To be sourced by bash.

declare -A MIRRORED

mirror_file() {
	MIRRORED[$2]=1
	cmp -s "$1" "$2" && return 0
	mkdir -p "${2%/*}" && cp "$1" "$2.new" && mv "$2.new" "$2"
}

mirror_text() {
	MIRRORED[$2]=1
	[ -e "$2" ] && [ "$1" = "$(cat "$2")" ] && return 0
	mkdir -p "${2%/*}" && printf '%s\n' "$1" >"$2.new" && mv "$2.new" "$2"
}

# What kbuild makes among its sources, and is to find there again, is none.
mirror_sources() {
	find "$1" -type f \( -name '*.[chS]' -o -name '*.inc' -o -name meson.build -o -name 'Kconfig*' \
		-o -name Kbuild -o -name Makefile -o -name trace-events -o -name '*.sh' \
		-o -name 'probe*' \) ! -name '*.mod.c' ! -name probe.h -printf '%P\0'
}

mirror_tree() {
	local file
	[ -d "$1" ] || return 0
	while IFS= read -r -d '' file; do
		mirror_file "$1/$file" "$2/$file" || return 1
	done < <(mirror_sources "$1")
}

# mirror_prune DIR: remove the sources below DIR that no call above has put there: an #include
# would still find them.
mirror_prune() {
	local file
	[ -d "$1" ] || return 0
	while IFS= read -r -d '' file; do
		[ -n "${MIRRORED[$1/$file]-}" ] || rm -f "$1/$file"
	done < <(mirror_sources "$1")
}

# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The cache shared by the scripts: what comes from Debian and what takes minutes to build lives
# here, keyed by version, outside the source tree.  To be sourced by bash.

LOOM_CACHE=${LOOM_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set: set it or LOOM_CACHE}/.cache}/loom}
case $LOOM_CACHE in
/*) ;;
*) LOOM_CACHE=$PWD/$LOOM_CACHE ;;
esac
export LOOM_CACHE

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

note() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

# cache_lock NAME COMMAND...: run COMMAND while no other process holds NAME.  The descriptor is
# closed in COMMAND's own children only by their end, so COMMAND must leave none behind.
cache_lock() {
	local name=$1
	shift
	mkdir -p "$LOOM_CACHE/lock" || die "cannot create the cache $LOOM_CACHE: set LOOM_CACHE"
	(
		flock -w 10 9 || {
			note "waiting for another run that is at it: $LOOM_CACHE/lock/$name"
			flock 9 || die "cannot lock $LOOM_CACHE/lock/$name"
		}
		"$@"
	) 9>"$LOOM_CACHE/lock/$name"
}

# cache_stage DIR: a private directory beside DIR, to be filled and then given to cache_publish.
# What an interrupted run left behind is removed: the caller holds the lock.
cache_stage() {
	mkdir -p "${1%/*}" && rm -rf "$1.new" && mkdir "$1.new" && printf '%s\n' "$1.new"
}

cache_publish() {
	rm -rf "$1.old"
	[ ! -e "$1" ] || mv "$1" "$1.old"
	mv "$1.new" "$1" && rm -rf "$1.old"
}

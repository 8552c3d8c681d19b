# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# TAP from shell scripts.  To be sourced; ends with tap_done.

TAP_COUNT=0
TAP_FAILED=0

# tap_ok NAME, tap_not_ok NAME [REASON...], tap_skip NAME REASON
tap_ok() {
	TAP_COUNT=$((TAP_COUNT + 1))
	printf 'ok %d - %s\n' "$TAP_COUNT" "$1"
}

tap_not_ok() {
	TAP_COUNT=$((TAP_COUNT + 1))
	TAP_FAILED=$((TAP_FAILED + 1))
	printf 'not ok %d - %s\n' "$TAP_COUNT" "$1"
	shift
	[ $# = 0 ] || printf '%s\n' "$*" | sed 's/^/# /'
}

tap_skip() {
	TAP_COUNT=$((TAP_COUNT + 1))
	printf 'ok %d - %s # SKIP %s\n' "$TAP_COUNT" "$1" "$2"
}

# tap_is NAME GOT WANTED
tap_is() {
	if [ "$2" = "$3" ]; then
		tap_ok "$1"
	else
		tap_not_ok "$1" "got:
$2
wanted:
$3"
	fi
}

# tap_run NAME COMMAND...: the command succeeds; what it prints is shown when it does not.
tap_run() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		tap_ok "$name"
	else
		tap_not_ok "$name" "status $? of: $*
$output"
	fi
}

# tap_program PROGRAM [ARGUMENT...]: the tests of a program that prints TAP become tests here, named
# after it.  A program that dies, or does not keep its plan, is a failed test more.
tap_program() {
	local name=${1##*/} file line number=0 plan=-1 status
	file=$(mktemp) || return 1
	"$@" >"$file" 2>&1 </dev/null
	status=$?
	while IFS= read -r line; do
		case $line in
		1..*)
			plan=${line#1..}
			plan=${plan%%[!0-9]*}
			;;
		'ok '[0-9]* | 'not ok '[0-9]*)
			number=$((number + 1))
			TAP_COUNT=$((TAP_COUNT + 1))
			case $line in not*) TAP_FAILED=$((TAP_FAILED + 1)) ;; esac
			printf '%s\n' "$line" |
				sed -E "s/^(ok|not ok) +[0-9]+ *-? */\\1 $TAP_COUNT - $name: /"
			;;
		'TAP version'*) ;;
		'#'*) printf '%s\n' "$line" ;;
		*) printf '# %s\n' "$line" ;;
		esac
	done <"$file"
	rm -f "$file"
	if [ "$plan" != "$number" ]; then
		tap_not_ok "$name: keeps its plan" "planned $plan, ran $number, status $status"
	elif [ "$status" != 0 ] && [ "$TAP_FAILED" = 0 ]; then
		tap_not_ok "$name: exit status" "status $status though every test is ok"
	fi
}

tap_done() {
	printf '1..%d\n' "$TAP_COUNT"
	[ "$TAP_FAILED" = 0 ]
}

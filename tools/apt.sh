# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Debian's archive without touching the host's apt: own source lists (with deb-src), own indexes
# and own download area inside the cache.  No root is needed.  To be sourced after cache.sh.

APT_HOME=$LOOM_CACHE/apt

# The release's own stanzas of the host, as both deb and deb-src.  Third-party repositories are
# left out: many carry no sources, and nothing here comes from them.
apt_sources() {
	local codename=$1 file
	for file in /etc/apt/sources.list.d/*.sources; do
		[ -r "$file" ] || continue
		awk -v codename="$codename" '
		BEGIN { RS = ""; FS = "\n" }
		{
			wanted = 0; off = 0; out = ""
			for (i = 1; i <= NF; i++) {
				key = tolower($i); sub(/:.*/, "", key)
				if ($i ~ /^#/)
					continue
				if (key == "enabled" && $i ~ /[Nn]o *$/)
					off = 1
				if (key == "suites") {
					n = split(substr($i, index($i, ":") + 1), suite, " ")
					list = ""
					for (j = 1; j <= n; j++)
						if (suite[j] ~ "^(" codename "|stable)(-updates|-security)?$")
							list = list " " suite[j]
					if (list != "")
						wanted = 1
					out = out "Suites:" list "\n"
				} else if (key == "types") {
					if ($i !~ /(^|[ :])deb( |$)/)
						off = 1
					out = out "Types: deb deb-src\n"
				} else {
					out = out $i "\n"
				}
			}
			if (wanted && !off)
				print out
		}' "$file"
		echo
	done
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -r "$file" ] || continue
		awk -v codename="$codename" '
		$1 == "deb" {
			line = $0; sub(/^ *deb +/, "", line)
			rest = line; option = ""
			if (match(line, /^\[[^]]*\] */)) {
				option = substr(line, 2, index(line, "]") - 2)
				rest = substr(line, RLENGTH + 1)
			}
			n = split(rest, word, " ")
			if (word[2] !~ "^(" codename "|stable)(-updates|-security)?$")
				next
			print "Types: deb deb-src\nURIs: " word[1] "\nSuites: " word[2]
			part = ""
			for (i = 3; i <= n && word[i] !~ /^#/; i++)
				part = part " " word[i]
			print "Components:" part
			if (match(option, /signed-by=[^ ]+/))
				print "Signed-By: " substr(option, RSTART + 10, RLENGTH - 10)
			print ""
		}' "$file"
	done
}

apt_own() {
	local tool=$1
	shift
	"$tool" -q -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$APT_HOME/sources" \
		-o Dir::State::Lists="$APT_HOME/lists" -o Dir::Cache="$APT_HOME/cache" \
		-o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# apt_update: fetch the private indexes.  Hooks of the host may complain without root, so the
# output is shown only by whoever then fails to find a package.
apt_update() {
	local codename sources
	codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
	[ -n "$codename" ] || die "/etc/os-release names no release: this script needs Debian"
	mkdir -p "$APT_HOME/sources" "$APT_HOME/lists/partial" "$APT_HOME/cache/archives/partial"
	sources=$(apt_sources "$codename")
	[ -n "${sources//[[:space:]]/}" ] ||
		die "apt knows no archive for Debian $codename: add one below /etc/apt/sources.list.d"
	printf '%s\n' "$sources" >"$APT_HOME/sources/debian.sources"
	note "reading Debian's package lists"
	apt_own apt-get update >"$APT_HOME/update.log" 2>&1
}

# apt_version PACKAGE: the candidate's version, nothing when there is none.
apt_version() {
	apt_own apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p' | grep -v '(none)'
}

apt_source_version() {
	apt_own apt-cache showsrc "$1" 2>/dev/null | awk -v want="$1" '
		/^Package: / { name = $2 } /^Version: / && name == want { print $2 }' |
		sort -Vu | tail -n 1
}

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `teach report` makes from recordings one page that needs nothing else.  Needs
# neither root nor the module.  How the page looks and works in a browser is
# browser.sh's.

cd "$(dirname "$(readlink -f "$0")")" || exit 1
n=0
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# check NAME COMMAND…: one test; what COMMAND writes is shown if it fails
check()
{
	local name=$1
	shift
	n=$((n + 1))
	if "$@" > "$work/log" 2>&1; then
		echo "ok $n $name"
		return
	fi
	sed 's/^/# /' "$work/log"
	echo "not ok $n $name"
	failed=$((failed + 1))
}

# says STATUS TEXT COMMAND…: the exit status, and in what it writes
says()
{
	local status=$1 text=$2
	shift 2
	"$@" > "$work/says" 2>&1
	set -- $?
	cat "$work/says"
	echo "exit status $1, want $status and '$text'"
	[ "$1" -eq "$status" ] && grep -qF -- "$text" "$work/says"
}

same_twice()
{
	cp "$1" "$work/renamed"
	teach report "$1" > "$work/one" &&
		teach report --output "$work/two" "$work/renamed" &&
		cmp "$work/one" "$work/two"
}

is_whole()
{
	head -n 1 "$work/one" | grep -qx '<!DOCTYPE html>' &&
		tail -n 1 "$work/one" | grep -qx '</html>' &&
		! grep -n '/\* page\.[a-z]* \*/\|<!-- data -->' "$work/one"
}

# Nothing that a browser would fetch.
needs_nothing()
{
	! grep -nE '(src|href)=|@import|url\(|//[a-z]+\.[a-z]' "$work/one" |
		grep -v '"http://www.w3.org/2000/svg"'
}

# connections N: as many as the recording has
connections()
{
	[ "$(grep -c 'id="connection[0-9][0-9]*"' "$work/one")" -eq "$1" ]
}

escapes()
{
	sed -e 's|^# netns 101 .*|# netns 101 </script><script>hack()//|' \
		-e "s|reason=CHECKSUM|reason=<b>\"'\\\\</b>|" \
		ladder/loss.events > "$work/evil"
	grep -qF '</script><script>hack' "$work/evil" &&
		grep -qF "<b>\"'\\</b>" "$work/evil" &&
		teach report "$work/evil" > "$work/page" &&
		! grep -nF '</script><script>hack' "$work/page" &&
		! grep -nF "<b>\"'" "$work/page" &&
		grep -qF '\u003c/script\u003e\u003cscript\u003ehack()//' \
			"$work/page" &&
		grep -qF '\u003cb\u003e\u0022\u0027\u005c' "$work/page"
}

# A file may have one block: bash counts in KiB.
no_half_page()
{
	(
		trap '' XFSZ
		ulimit -f 1
		exec teach report --output "$work/half" ladder/short.events
	) 2> "$work/limit"
	cat "$work/limit"
	grep -q "cannot write" "$work/limit" && [ ! -e "$work/half" ]
}

command -v teach > /dev/null || { echo "1..0 # SKIP no teach on PATH"; exit 4; }

echo "TAP version 13"
check "the same recording gives the same page" same_twice ladder/loss.events
check "the page is whole" is_whole
check "it asks for nothing" needs_nothing
check "one connection" connections 1
check "the same, of many connections" same_twice ladder/many.events
check "all of them" connections \
	"$(teach ladder --input ladder/many.events | sed -n \
		's/^Connection .* of \([0-9]*\),.*/\1/p')"
check "what is HTML in a recording is text in the page" escapes
check "a page is not written in half" no_half_page
check "no recording" says 2 "give one recording" teach report
check "two recordings" says 2 "give one recording" teach report a b
check "no such recording" says 1 "cannot read /nowhere" teach report /nowhere
check "a recording that is none" says 1 "does not begin with" \
	teach report report.sh
check "no connection" says 1 "has no connection" \
	teach report <(echo "# teach events 1")
check "only datagrams" says 1 "has no connection, only datagrams" \
	teach report ladder/datagrams.events
check "an unknown option" says 2 "teach report --help" teach report --width 3
check "help" says 0 "Usage: teach report" teach report --help
echo "1..$n"
[ "$failed" -eq 0 ]

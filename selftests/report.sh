#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `teach report` makes from recordings one page that needs nothing else.  Needs
# neither root nor the module.  How the page looks and works in a browser is
# browser.sh's.

cd "$(dirname "$(readlink -f "$0")")" || exit 1
# shellcheck source=selftests/programs.inc
. ./programs.inc
trap 'rm -rf "$work"' EXIT

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

command -v teach > /dev/null || skip "no teach on PATH"

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
check "no recording" gives 2 'give one recording' teach report
check "two recordings" gives 2 'give one recording' teach report a b
check "no such recording" gives 1 'cannot read /nowhere' teach report /nowhere
check "a recording that is none" gives 1 'does not begin with' \
	teach report report.sh
check "no connection" gives 1 'has no connection' \
	teach report <(echo "# teach events 1")
check "only datagrams" gives 1 'has no connection, only datagrams' \
	teach report ladder/datagrams.events
check "an unknown option" gives 2 'teach report --help' teach report --width 3
check "help" gives 0 'Usage: teach report' teach report --help
echo "1..$n"
[ "$failed" -eq 0 ]

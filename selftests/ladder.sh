#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `teach ladder`, `teach trace` and `teach walk` make of recordings what they
# should: the expected texts and drawings are in ladder/.  Needs neither root nor
# the module.  UPDATE=1 writes them anew, to be read before they are believed.

cd "$(dirname "$(readlink -f "$0")")" || exit 1
# shellcheck source=selftests/programs.inc
. ./programs.inc
trap 'rm -rf "$work"' EXIT

# same_as NAME FILE: what is in FILE is expected in ladder/NAME
same_as()
{
	[ -z "$UPDATE" ] || cp "$2" "ladder/$1"
	check "${1%.txt}" diff -u "ladder/$1" "$2"
}

# shown NAME COMMAND OPTION…: the output and exit status are those of NAME.txt
shown()
{
	local name=$1
	shift
	COLUMNS='' TZ=UTC0 teach "$@" > "$work/out" 2>&1
	echo "exit status $?" >> "$work/out"
	same_as "$name.txt" "$work/out"
}

# drawing NAME OPTION…
drawing()
{
	local name=$1
	shift
	shown "$name" ladder "$@"
}

# drawn NAME FORM OPTION…: as a file, in this form
drawn()
{
	local name=$1 form=$2
	shift 2
	teach ladder "$@" "--$form" "$work/drawn" > "$work/out" 2>&1
	same_as "$name" "$work/drawn"
}

# bad NAME LINE…: a recording of these lines is refused with a message
bad()
{
	local name=$1
	shift
	printf '%s\n' "$@" > "$work/bad"
	check "refused: $name" gives 1 '^teach: .*bad' \
		teach ladder --input "$work/bad"
}

# as_short FILE: the drawing is that of short.events
as_short()
{
	diff <(teach ladder --input "$1") \
		<(teach ladder --input ladder/short.events)
}

# again NAME: read and written, a recording is the same, byte for byte
again()
{
	teach trace --input "ladder/$1.events" --record "$work/again" &&
		cmp "ladder/$1.events" "$work/again"
}

command -v teach > /dev/null || skip "no teach on PATH"

echo "TAP version 13"
drawing short --input ladder/short.events
drawing http --input ladder/http.events
drawing short-wide --input ladder/short.events --width 100
drawing loss --input ladder/loss.events
drawing loss-narrow --input ladder/loss.events --width 64
drawing loss-cut --input ladder/loss.events --lines 7
drawing refused --input ladder/many.events --port 81
drawing both-close --input ladder/many.events --connection 2
drawing syn-lost --input ladder/many.events --port 8080 --connection 2
drawing no-such --input ladder/many.events --connection 4
drawing no-port --input ladder/many.events --port 9
drawing leftover --input ladder/leftover.events
drawing leftover-1 --input ladder/leftover.events --connection 1
drawing remote --input ladder/remote.events
drawing datagrams --input ladder/datagrams.events
drawing joined --input ladder/joined.events
drawing usage --input ladder/short.events --lines x

# The other events change nothing, unless they are asked for.
check "details only when asked for" as_short ladder/details.events
drawing details --input ladder/details.events --details
drawing details-wide --input ladder/details.events --details --width 120
drawing loss-details --input ladder/loss.events --details
drawn details.svg svg --input ladder/details.events --details
drawn details.mermaid mermaid --input ladder/details.events --details
drawn loss.svg svg --input ladder/loss.events
drawn loss.mermaid mermaid --input ladder/loss.events
drawn loss-cut.svg svg --input ladder/loss.events --lines 7
drawn loss-cut.mermaid mermaid --input ladder/loss.events --lines 7
drawing unwritable --input ladder/short.events --svg /nil/x

shown trace trace --input ladder/kinds.events
shown trace-json trace --input ladder/kinds.events --json
shown trace-time trace --input ladder/kinds.events --time --kind state
shown trace-no-time trace --input ladder/short.events --time
shown trace-none trace --input ladder/kinds.events --port 9
shown trace-usage trace --kind segment,nil
shown trace-missed trace --input ladder/missed.events
shown ladder-missed ladder --input ladder/missed.events
for kind in segment state window timer queue lookup drop call card datagram \
	function; do
	shown "trace-$kind" trace --input ladder/kinds.events --kind $kind
done
shown trace-connection trace --input ladder/many.events --connection 2 \
	--kind state,segment
shown trace-port trace --input ladder/many.events --port 81
shown trace-address trace --input ladder/joined.events --address 10.0.0.1
shown trace-netns trace --input ladder/kinds.events --netns server

shown walk walk --input ladder/walk.events
shown walk-json walk --json --input ladder/walk.events
shown walk-polling walk --input ladder/walk-polling.events
shown walk-nothing walk --input ladder/short.events
shown walk-lost walk --input ladder/walk-lost.events
shown walk-closed walk --input ladder/many.events --port 81
shown walk-datagrams walk --input ladder/datagrams.events
shown walk-usage walk

for name in kinds details missed walk; do
	check "read and written: $name" again $name
done

magic="# teach events 1"
event="1.000000000 out netns=1 proto=253 local=10.0.0.1:5 foreign=10.0.0.2:6"
bad "another file" "hello"
bad "an empty line for a head" "" "$magic"
bad "no time" "$magic" "out netns=1"
bad "an unknown kind" "$magic" "1.0 up netns=1"
bad "a bad number" "$magic" "$event seq=4294967296"
bad "a bad address" "$magic" "1.0 out local=10.0.0:5 foreign=10.0.0.2:6"
bad "a bad port" "$magic" "1.0 out local=10.0.0.1:65536 foreign=1.2.3.4:6"
bad "a bad flag" "$magic" "$event flags=SYN,NIL"
bad "a bad state" "$magic" "$event state=OPEN"
bad "a cut line" "$magic" "1.0 out netns"
bad "a bad reason to send" "$magic" "$event why=NIL"
bad "a bad option" "$magic" "$event options=0101080g"
bad "half an option" "$magic" "$event options=010"
bad "too many options" "$magic" "$event options=$(printf '01%.0s' {1..41})"
bad "a negative number" "$magic" "$event seq=-1"
bad "a number with a sign" "$magic" "$event seq=+1"
bad "no number" "$magic" "$event seq="
event=${event/ out / wake }
bad "a bad call" "$magic" "$event call=WRITE"
bad "a bad error" "$magic" "$event error=1-1"
bad "a large error" "$magic" "$event error=-2147483649"
bad "a long name of a card" "$magic" "1.0 ring netns=1 dev=teach0123456789ab"
bad "a bad ring" "$magic" "1.0 ring netns=1 dev=teach0 ring=UP"
bad "a bad end" "$magic" "# end 1.x missed 0"

# A name that is not known yet is passed over.
{ sed 's/ proto=253/& future=1/' ladder/short.events; } > "$work/newer"
check "unknown names are passed over" as_short "$work/newer"

echo "1..$n"
[ "$failed" -eq 0 ]

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# `teach ladder` draws from recordings what it should: the expected drawings
# are in ladder/.  Needs neither root nor the module.  UPDATE=1 writes them
# anew, to be read before they are believed.

cd "$(dirname "$(readlink -f "$0")")" || exit 1
n=0
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

result()
{
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n $2"
	else
		echo "not ok $n $2"
		failed=$((failed + 1))
	fi
}

# drawing NAME OPTION…: the output and exit status are those of NAME.txt
drawing()
{
	local name=$1
	shift
	COLUMNS='' teach ladder "$@" > "$work/out" 2>&1
	echo "exit status $?" >> "$work/out"
	[ -z "$UPDATE" ] || cp "$work/out" "ladder/$name.txt"
	diff -u "ladder/$name.txt" "$work/out" > "$work/diff"
	set -- $?
	sed 's/^/# /' "$work/diff"
	result "$1" "$name"
}

# bad NAME LINE…: a recording of these lines is refused with a message
bad()
{
	local name=$1
	shift
	printf '%s\n' "$@" > "$work/bad"
	teach ladder --input "$work/bad" > "$work/out" 2>&1
	[ $? -eq 1 ] && grep -q '^teach: .*bad' "$work/out"
	result $? "refused: $name"
}

command -v teach > /dev/null || { echo "1..0 # SKIP no teach on PATH"; exit 4; }

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
drawing joined --input ladder/joined.events
drawing usage --input ladder/short.events --lines x

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

# A name that is not known yet is passed over.
{ sed 's/ proto=253/& future=1/' ladder/short.events; } > "$work/newer"
teach ladder --input "$work/newer" | diff - <(teach ladder --input \
	ladder/short.events) > /dev/null
result $? "unknown names are passed over"

echo "1..$n"
[ "$failed" -eq 0 ]

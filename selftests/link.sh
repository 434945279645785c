#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The card as `ip link` makes and shows it, with our plugin and without.  (What
# the kernel makes of each attribute is in card.c.)

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"

left=(mtu 1400 address 02:00:00:00:00:01)
right=(name right mtu 1300 address 02:00:00:00:00:02)

on() { ip -n "$@"; }

links()
{
	{
		on $a -br link
		on $b -br link
	} | cut -d ' ' -f 1
}

# shown HOST NAME PATTERN: in one line of `ip -d link`
shown()
{
	gives 0 "$3" on "$1" -oneline -details link show "$2"
}

# json HOST NAME MEMBER…: each is in what `ip -j -d link` writes
json()
{
	local host=$1 name=$2 text member
	shift 2

	text=$(on "$host" -json -details link show "$name") || return
	echo "$text"
	for member in "$@"; do
		[[ $text = *"$member"* ]] || { echo "no $member"; return 1; }
	done
}

# --- options --------------------------------------------------------------

options()
{
	on $a link add left "${left[@]}" type teach peer "${right[@]}" &&
		shown $a left '^[0-9]+: left@right: .* mtu 1400 .* teach ' &&
		shown $a left 'link/ether 02:00:00:00:00:01 ' &&
		shown $a right '^[0-9]+: right@left: .* mtu 1300 .* teach ' &&
		shown $a right 'link/ether 02:00:00:00:00:02 '
}

in_json()
{
	json $a left '"ifname":"left"' '"link":"right"' '"mtu":1400' \
		'"address":"02:00:00:00:00:01"' \
		'"linkinfo":{"info_kind":"teach"}' &&
		json $a right '"ifname":"right"' '"link":"left"' '"mtu":1300' \
			'"address":"02:00:00:00:00:02"' \
			'"linkinfo":{"info_kind":"teach"}'
}

# Up from the start, and with a carrier as soon as the other is.
peer_elsewhere()
{
	on $a link add near type teach peer name far netns $b up &&
		shown $a near " link-netns $b .* teach " &&
		shown $b far '<NO-CARRIER,BROADCAST,MULTICAST,UP>' &&
		on $a link set near up &&
		eventually shown $b far '<.*,LOWER_UP>'
}

peer_unnamed()
{
	on $a link add first type teach peer mtu 1200 &&
		shown $a first '^[0-9]+: first@teach1: .* mtu 1500 ' &&
		shown $a teach1 '^[0-9]+: teach1@first: .* mtu 1200 '
}

test_options()
{
	local usage='^Usage: ip link add .* type teach \[ peer '

	check "help for the kind" gives 0 "$usage" ip link help teach
	check "help in the place of options" gives 1 "$usage" \
		on $a link add type teach help
	check "options of both cards" options
	check "they are in JSON" in_json
	check "the peer in another namespace, and up" peer_elsewhere
	check "the peer's name is the kernel's choice" peer_unnamed
}

# --- what is refused ------------------------------------------------------

# refused STATUS PATTERN OPTION…: and no card comes of it
refused()
{
	local status=$1 pattern=$2 before
	shift 2

	before=$(links)
	gives "$status" "$pattern" on $a link add card type teach "$@" &&
		diff <(echo "$before") <(links)
}

test_refused()
{
	check "no such option" refused 1 \
		'^Error: a teach card has no option "pear"' pear
	check "... and what there is" refused 1 '^Usage: .* peer' pear
	check "a name that is taken" refused 2 'File exists' peer name left
	check "not a number" refused 255 'argument "x" is wrong: .*mtu' \
		peer mtu x
	check "too small" refused 2 'mtu less than device minimum' peer mtu 67
	check "too large" refused 2 'mtu greater than device maximum' \
		peer mtu 65536
	check "more than one queue" refused 2 'one TX and one RX queue' \
		peer numtxqueues 2
	check "a group's address" refused 2 "Zeros or a group are no card's" \
		peer address 01:00:5e:00:00:01
	check "not a name" refused 255 'argument "a/b" is wrong' peer name a/b
	check "no such namespace" refused 255 'argument "nil" is wrong' \
		peer netns nil
	check "another kind of peer" refused 255 'duplicate "type"' \
		peer type veth
}

# --- without the plugin ---------------------------------------------------

test_without()
{
	export IP_LIB_DIR=$work
	check "without the plugin: no peer" refused 1 'Garbage instead' \
		peer name other
	check "without the plugin: a pair" on $a link add plain type teach
	check "without the plugin: shown" \
		shown $a plain '^[0-9]+: plain@teach[0-9]+: .* teach '
	unset IP_LIB_DIR
}

run_tests test_options test_refused test_without

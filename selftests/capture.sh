#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# AF_TEACH and the kernel's own TCP through loss and reordering, as tshark saw
# it: that each of them scales its windows, acknowledges selectively and
# echoes the other's timestamps.

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"

family=inet
path="delay 2ms loss 3% reorder 20% limit 10000"
wire=(teach run --wire tcp)
httpd=(httpd --family inet --timeout 300)

prepare()
{
	local host dev

	for host in "$a teach0" "$b teach1"; do
		read -r host dev <<< "$host"
		# What is lost is a segment, then, not ten at once.
		ip netns exec "$host" ethtool -K "$dev" tso off gso off
		# shellcheck disable=SC2086
		ip netns exec "$host" tc qdisc add dev "$dev" root netem $path ||
			return
	done
}

fetch()
{
	on_a "$@" httpget --family inet -o "$work/got" $url/big &&
		cmp "$work/got" "$work/www/big"
}

fields=(tcp.srcport tcp.flags.syn tcp.seq tcp.ack tcp.len tcp.window_size
	tcp.options.wscale.shift tcp.options.sack_perm
	tcp.options.timestamp.tsval tcp.options.timestamp.tsecr
	tcp.options.sack_le tcp.options.sack_re)

# One row a segment, of what has been captured until now.
table()
{
	kill "$tcpdump"
	wait "$tcpdump"
	tshark -r "$work/pcap" -T fields "${fields[@]/#/-e}" \
		> "$work/rows" 2> "$work/errors"
	set -- $?
	cat "$work/errors"
	[ "$1" -eq 0 ] && [ "$(wc -l < "$work/rows")" -gt 1000 ]
}

# gives_rows TEXT PROGRAM: all that awk prints of the rows.  A row is from or to
# the server.
gives_rows()
{
	diff <(echo "$1") <(awk -F '\t' -v port=$port '
	{
		from = $1 == port ? "server" : "client"
		other = $1 == port ? "client" : "server"
		syn = $2 == 1 || $2 == "True"
		seq = $3; ack = $4; len = $5; window = $6; shift = $7
		sack_permitted = $8 != ""; tsval = $9; tsecr = $10
		row = $0
		blocks = split($11, left, ","); split($12, right, ",")
	}
	'"$2" "$work/rows" | sort -u)
}

# With what both have offered there is no connection without them.
offers()
{
	gives_rows $'client\nserver' '
	syn && shift != "" && sack_permitted && tsval != "" { print from }
	syn && !(shift != "" && sack_permitted && tsval != "") {
		print "without: " row
	}'
}

# Sixteen bits say no more than 65535.
windows()
{
	gives_rows "client" '
	!syn && from == "client" && window > 65535 { print from }'
}

# Each names a time that the other has told.
timestamps()
{
	gives_rows $'client, echoed\nserver, echoed' '
	{ told[from, tsval] = 1 }
	tsval == "" { print "none: " row }
	!syn && !((other, tsecr) in told) { print "never told: " row }
	!syn { print from ", echoed" }'
}

# Only who gets the file has something to say; and of what has come, or in the
# first place, of what has come twice (RFC 2883).
sacks()
{
	gives_rows "client" '
	{ if (seq + len > sent[from]) sent[from] = seq + len }
	blocks {
		print from
		for (i = 1; i <= blocks; i++)
			if (left[i] >= right[i] || right[i] > sent[other] ||
			    (i > 1 && left[i] <= ack))
				print "no such block: " row
	}'
}

# look WHO: at what has been fetched
look()
{
	check "$1: captured" table
	check "$1: both offer all three" offers
	check "$1: windows over 65535" windows
	check "$1: timestamps are echoed" timestamps
	check "$1: selective acknowledgments" sacks
	check "$1: the server ends" stop_httpd
}

test_teach_from_tcp()
{
	check "a bad path" prepare
	check "TEACH from TCP: capture" start_capture -s 128 tcp
	check "TEACH from TCP: server" serve $port "${httpd[@]}"
	check "TEACH from TCP: the file" fetch "${wire[@]}"
	look "TEACH from TCP"
}

test_tcp_from_teach()
{
	port=8081
	url=http://10.9.0.2:$port
	check "TCP from TEACH: capture" start_capture -s 128 tcp
	check "TCP from TEACH: server" serve $port \
		"${wire[@]}" "${httpd[@]}"
	check "TCP from TEACH: the file" fetch env
	look "TCP from TEACH"
}

run_tests test_teach_from_tcp test_tcp_from_teach

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What `teach ss` and `teach ladder` say of real connections is what is so.
# (ladder.sh tests the drawing itself.)

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"

# --- teach ss -------------------------------------------------------------

listens()
{
	gives 0 "^teach LISTEN +0 +77 +10.9.0.2:$port +0.0.0.0:(0|\*)$" \
		teach ss -l -N $b
}

# With a connection open: both ends say the same of it, from either side.
both_ends()
{
	local client server

	client=$(teach ss -H -N $a) && server=$(teach ss -H -N $b) || return
	echo "$client" "$server"
	# shellcheck disable=SC2086
	set -- $client $server
	[ $# -eq 12 ] && [ "$2" = ESTABLISHED ] && [ "$8" = ESTABLISHED ] &&
		[ "$5" = "${12}" ] && [ "$6" = "${11}" ] &&
		[ "$6" = 10.9.0.2:$port ]
}

# A client that does not read: its window closes, the rest waits in Send-Q.
queues()
{
	local recvq sendq

	read -r _ _ recvq _ <<< "$(teach ss -H -N $a)"
	read -r _ _ _ sendq _ <<< "$(teach ss -H -N $b)"
	echo "recvq $recvq sendq $sendq"
	[ "${recvq:-0}" -gt 0 ] && [ "${sendq:-0}" -gt 0 ]
}

info()
{
	gives 0 'rto:[0-9.]+ .*rtt:[0-9.]+/[0-9.]+ .*cwnd:[0-9]+' \
		teach ss -i -N $b
}

no_connection()
{
	[ -z "$(teach ss -H -N $a)" ] && [ -z "$(teach ss -H -N $b)" ]
}

time_wait()
{
	gives 0 "TIME_WAIT.* 10.9.0.2:$port$" teach ss -a -H -N $a
}

test_ss()
{
	local pid

	check "ss: httpd starts" start_httpd
	check "ss: the listener" listens
	check "ss: no connections yet" no_connection
	mkfifo "$work/fifo"
	get -o "$work/fifo" $url/big &
	pid=$!
	eventually queues > /dev/null
	check "ss: both ends of a connection" both_ends
	check "ss: the queues fill" queues
	check "ss: the congestion window" info
	cat "$work/fifo" > "$work/big"
	wait $pid
	rm "$work/fifo"
	check "ss: connections go" eventually no_connection
	check "ss: TIME_WAIT is listed with -a" time_wait
}

# --- teach ladder ---------------------------------------------------------

ladder()
{
	teach ladder --record "$work/events" \
		-- ip netns exec $a httpget -o "$work/got" $url/a.txt
}

# On a machine that stands still now and then, not each time.
undisturbed_ladder()
{
	ladder > "$work/ladder" &&
		grep -q ': 0 lost, 0 retransmitted, 0 dropped$' "$work/ladder"
}

# Every state of an opening and a close, and the right sums.
short_ladder()
{
	local state drawing

	eventually undisturbed_ladder || { cat "$work/ladder"; return 1; }
	drawing=$(< "$work/ladder")
	echo "$drawing"
	for state in SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT1 CLOSE_WAIT \
		     TIME_WAIT LAST_ACK; do
		[[ $drawing =~ [\ ]$state ]] || return
	done
	[[ $drawing =~ \ SYN\ seq=0\  ]] &&
		[[ $drawing =~ \ SYN,ACK\ seq=0\ ack=1\  ]] &&
		[[ $drawing =~ "ms  $a 10.9.0.1:"[0-9]*" ".*"$b 10.9.0.2:$port" ]]
}

# tcpdump saw as many segments as were drawn.
counted_once()
{
	local pid drawn seen undisturbed

	ip netns exec $a tcpdump -i teach0 -w "$work/pcap" -U -Z root proto 253 \
		2> "$work/tcpdump" &
	pid=$!
	eventually grep -q 'listening on' "$work/tcpdump" &&
		undisturbed_ladder
	undisturbed=$?
	drawn=$(sed -n 's/^\([0-9]*\) segments: .*/\1/p' "$work/ladder")
	eventually captured "$drawn"
	kill $pid
	wait $pid
	seen=$(pcap_count)
	echo "drawn $drawn, seen by tcpdump $seen"
	[ "$drawn" = "$seen" ] && [ $undisturbed -eq 0 ]
}

counted()
{
	eventually counted_once
}

# tshark, told that 253 is TCP's header, follows what was captured: from the
# handshake to the last ACK, and nothing in it is out of the ordinary.
as_tcp()
{
	local flags

	tshark -r "$work/pcap" -d ip.proto==253,tcp -Y tcp -T fields \
		-e tcp.flags.str -e tcp.analysis.flags > "$work/tshark" ||
		return
	cat "$work/tshark"
	flags=$(tr -dc '[:alnum:]\n' < "$work/tshark" | tr '\n' ' ')
	[ "$(wc -l < "$work/tshark")" = "$(pcap_count)" ] &&
		[[ $flags =~ ^"S AS A "(AP |A )+AF\ .*A\ $ ]]
}

pcap_count()
{
	tcpdump -n -r "$work/pcap" 2> /dev/null | wc -l
}

captured()
{
	[ "$(pcap_count)" -ge "$1" ]
}

replay()
{
	teach ladder --input "$work/events" | diff - "$work/ladder"
}

not_left_behind()
{
	[ -z "$(find /sys/kernel/tracing/instances -name 'teach-*')" ]
}

lost_syn()
{
	teach ladder --port $port -- bash -c \
		"lose_syn get -o $work/got $url/a.txt" > "$work/ladder" ||
		return
	cat "$work/ladder"
	grep -q 'SYN seq=0 .*x *|$' "$work/ladder" &&
		grep -qE 'SYN seq=0 .*(rtx|retransmission)' "$work/ladder" &&
		grep -qE ': [1-9] lost, [1-9] retr' "$work/ladder"
}

# A line that sends every packet twice: what has come before is dropped.
drops()
{
	tc -n $b qdisc add dev teach1 root netem duplicate 100% || return
	ladder > "$work/ladder"
	set -- $?
	tc -n $b qdisc del dev teach1 root
	cat "$work/ladder"
	[ "$1" -eq 0 ] && grep -q 'dropped: OldData' "$work/ladder" &&
		grep -qE ' [1-9][0-9]* dropped$' "$work/ladder"
}

test_ladder()
{
	check "ladder: from SYN to TIME_WAIT" short_ladder
	check "ladder: as many segments as tcpdump sees" counted
	check "tshark: the capture is TCP" as_tcp
	check "ladder: a recording draws the same" replay
	export -f lose_syn eventually syn_sent get on_a
	export work url family a patience
	check "ladder: a lost SYN" lost_syn
	check "ladder: drops, with their reason" drops
	check "ladder: the command's status" gives 3 'Connection 1 of 1' \
		teach ladder -- ip netns exec $a httpget $url/none
	check "ladder: no connection" gives 1 'no connection was seen' \
		teach ladder -- true
	check "ladder: no such command" gives 127 'cannot run /nil' \
		teach ladder -- /nil
	check "ladder: refused" gives 1 'RST,ACK' \
		teach ladder -- ip netns exec $a httpget http://10.9.0.2:9/
	check "ladder: leaves no instance behind" not_left_behind
	check "ladder: httpd ends when asked to" stop_httpd
}

run_tests test_ss test_ladder

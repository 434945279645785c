#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What `teach trace` and `teach walk` say of real connections is what was so:
# each kind of event is made to happen, and compared with what the test knows,
# or what others count.  (ladder.sh tests what is made of recordings.)

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"
# shellcheck source=selftests/trace.inc
. "$(dirname "$(readlink -f "$0")")/trace.inc"

request=$'GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
printf %s "$request" > "$work/request"

# --- one connection, undisturbed ------------------------------------------

# A client that writes the request after a while, and keeps what it gets.
client()
{
	# shellcheck disable=SC2016
	ip netns exec $a teach run bash -c '
		exec 3<> "/dev/tcp/10.9.0.2/$1" && sleep 0.5 &&
			cat "$0/request" >&3 && cat <&3 > "$0/got"' \
		"$work" $port
}

# On a machine that stands still now and then, not each time.
record_client()
{
	export -f client
	export work port a
	counts > "$work/before"
	record bash -c client || return
	counts > "$work/after"
	none out rtx=1 && none drop && none out why=DELACK &&
		some state new=TIME_WAIT
}

both_ways()
{
	same client "$(ask cause state "netns=$na")" \
		"CALL SEGMENT SEGMENT CALL SEGMENT" &&
		same client "$(ask old state "netns=$na")" \
			"CLOSE SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK" &&
		same client "$(ask new state "netns=$na")" \
			"SYN_SENT ESTABLISHED CLOSE_WAIT LAST_ACK CLOSE" &&
		same server "$(ask cause state "netns=$nb")" \
			"SEGMENT SEGMENT CALL SEGMENT SEGMENT" &&
		same server "$(ask old state "netns=$nb")" \
			"LISTEN SYN_RECV ESTABLISHED FIN_WAIT1 FIN_WAIT2" &&
		same server "$(ask new state "netns=$nb")" \
			"SYN_RECV ESTABLISHED FIN_WAIT1 FIN_WAIT2 TIME_WAIT"
}

# As many as the module's own counters say.
segments_counted()
{
	same "a sent" "$(ask count out "netns=$na")" "$(grown a.OutSegs)" &&
		same "b sent" "$(ask count out "netns=$nb")" \
			"$(grown b.OutSegs)" &&
		same "a got" "$(ask count in "netns=$na")" \
			"$(grown a.InSegs)" &&
		same "b got" "$(ask count in "netns=$nb")" "$(grown b.InSegs)"
}

# The bytes that were written and read.
segments_bytes()
{
	local sent=${#request} got

	got=$(wc -c < "$work/got")
	grep -q '^hello$' "$work/got" &&
		same "a sent" "$(ask sum:len out "netns=$na")" "$sent" &&
		same "b got" "$(ask sum:len in "netns=$nb")" "$sent" &&
		same "b sent" "$(ask sum:len out "netns=$nb")" "$got" &&
		same "a got" "$(ask sum:len in "netns=$na")" "$got"
}

# What arrives is what was sent: each number, each option.
segments_arrive()
{
	# shellcheck disable=SC2016
	local told='{
		for (i = 7; i <= NF; i++)
			if ($i !~ /^(state|rtx|why)=/)
				printf "%s ", $i
		print ""
	}'

	diff <(ask events out "netns=$na" | awk "$told") \
		<(ask events in "netns=$nb" | awk "$told") &&
		diff <(ask events out "netns=$nb" | awk "$told") \
			<(ask events in "netns=$na" | awk "$told")
}

# The MTU decides the MSS; the rest is in Linux's order.
options()
{
	local options

	options=$(teach trace --input "$events" --kind segment --netns $a \
		--json | sed -n '1s/.*"options":"\([^"]*\)".*/\1/p')
	echo "$options"
	[[ $options =~ ^'mss 1460,sackOK,TS val '[0-9]+' ecr 0,nop,wscale 7'$ ]]
}

# Of both ends: after it has sent, before it takes what has come.
segment_states()
{
	same "a sends SYN" "$(ask state out flags=SYN)" SYN_SENT &&
		same "b gets it" "$(ask state in flags=SYN)" LISTEN &&
		same "b answers" "$(ask state out flags=SYN,ACK)" SYN_RECV &&
		same "a gets that" "$(ask state in flags=SYN,ACK)" SYN_SENT &&
		same "b closes" "$(ask state out flags=FIN,ACK \
			"netns=$nb")" FIN_WAIT1 &&
		same "a sees it" "$(ask state in flags=FIN,ACK \
			"netns=$na")" ESTABLISHED &&
		same "a closes" "$(ask state out flags=FIN,ACK \
			"netns=$na")" LAST_ACK &&
		same "all of one protocol" "$(ask set:proto out)" 253
}

reasons()
{
	same SYN "$(ask why out flags=SYN)" NEW &&
		same SYN,ACK "$(ask why out flags=SYN,ACK)" SYNACK &&
		same bytes "$(ask set:why out flags=PSH,ACK)" NEW &&
		same FIN "$(ask set:why out flags=FIN,ACK)" NEW &&
		same ACK "$(ask set:why out flags=ACK len=0)" ACK
}

queues()
{
	local sent=${#request} got

	got=$(wc -c < "$work/got")
	same SYN "$(ask depth queue "netns=$nb" queue=SYN)" "1 0" &&
		same accept "$(ask depth queue "netns=$nb" queue=ACCEPT)" \
			"1 0" &&
		same "their limit" "$(ask set:limit queue \
			foreign=0.0.0.0:0)" 77 &&
		some queue "netns=$na" queue=SEND "depth=$sent" &&
		some queue "netns=$nb" queue=RECEIVE "depth=$sent" &&
		some queue "netns=$nb" queue=SEND "depth=$got" &&
		same "all acknowledged" "$(ask last:depth queue queue=SEND \
			"netns=$na")" 0 &&
		some queue "netns=$nb" queue=RECEIVE depth=0
}

# A SYN meets nobody but the listener, its ACK the request, bytes the socket.
lookups()
{
	local found

	found=$(ask runs:found lookup "netns=$nb")
	same server "${found% TIMEWAIT}" "NONE LISTENER REQUEST SOCKET" &&
		same client "$(ask set:found lookup "netns=$na")" SOCKET &&
		same "its bucket" "$(ask set:bucket lookup "netns=$na" |
			wc -w)" 1 &&
		same "the server's" "$(ask set:bucket lookup "netns=$nb" |
			wc -w)" 2 &&
		same "one look-up a segment, and one for the listener" \
			"$(ask count lookup)" "$(($(ask count in) + 1))" &&
		chain $a "$(ask first:local out "netns=$na")" 10.9.0.2:$port &&
		chain $b 10.9.0.2:$port "$(ask first:local out "netns=$na")"
}

# chain NETNS LOCAL FOREIGN: `teach hash` says the same of its place
chain()
{
	local bucket entries length

	read -r bucket entries <<< "$(teach hash --json -N "$1" teach "$2" \
		"$3" | jq -r '"\(.bucket) \(.entries)"')"
	same bucket "$(ask set:bucket lookup "local=$2" "foreign=$3" \
		found=SOCKET)" "$bucket" || return
	for length in $(ask set:chain lookup "local=$2" found=SOCKET); do
		echo "looked at $length, there are $entries"
		[ "$length" -ge 1 ] && [ "$length" -le $((entries + 1)) ] ||
			return
	done
}

calls()
{
	some sleep "netns=$na" call=CONNECT &&
		some wake "netns=$na" call=CONNECT error=0 &&
		some sleep "netns=$nb" call=RECEIVE &&
		some wake "netns=$nb" call=RECEIVE error=0 &&
		some wake "netns=$nb" call=ACCEPT error=0 \
			foreign=0.0.0.0:0 && slept_so_long
}

windows()
{
	same "first window" "$(ask first:snd_wnd window "netns=$na")" \
		"$(ask win in flags=SYN,ACK)" &&
		same "its own" "$(ask first:rcv_wnd window "netns=$na")" \
			"$(ask win out flags=SYN)" &&
		same "b's own" "$(ask first:rcv_wnd window "netns=$nb")" \
			"$(ask win out flags=SYN,ACK)" &&
		same "nothing under way" "$(ask first:flight window \
			"netns=$na")" 0 &&
		same "no threshold yet" "$(ask set:ssthresh window)" \
			2147483647 &&
		first_round_trip &&
		same cwnd "$(ask first:cwnd window "netns=$na")" 10 &&
		none window srtt_us=0 && none window rto_us=0 &&
		same cause "$(ask set:cause window event=ACK)" SEGMENT &&
		same recovery "$(ask set:recovery window)" OPEN
}

# RFC 6298 2.2, with the floor that Linux puts under the variance; the clock of
# the timers ticks every 4 ms.
first_round_trip()
{
	awk -v netns="netns=$na" '
		!index($0 " ", " " netns " ") { next }
		{
			for (i = 3; i <= NF; i++) {
				split($i, pair, "=")
				value[pair[1]] = pair[2]
			}
		}
		$2 == "out" && value["flags"] == "SYN" { sent = $1 }
		$2 == "in" && value["flags"] == "SYN,ACK" { came = $1 }
		$2 == "window" {
			gap = (came - sent) * 1e6
			srtt = value["srtt_us"]
			rttvar = value["rttvar_us"]
			rto = srtt + (4 * rttvar > 200000 ? 4 * rttvar : 200000)
			print "between the segments " gap " us: " $0
			exit srtt > 2 * gap + 1000 || srtt < gap / 2 - 1000 ||
				rttvar != int(srtt / 2) ||
				value["rto_us"] < rto ||
				value["rto_us"] > rto + 8000
		}' "$events"
}

timers()
{
	same "the SYN's" "$(ask first:delay_us timer "netns=$na")" 1000000 &&
		some timer "netns=$na" timer=RTX action=CANCEL &&
		same "the SYN,ACK's" "$(ask delay_us timer "netns=$nb" \
			timer=SYNACK action=ARM)" 1000000 &&
		same "2 MSL" "$(ask last:delay_us timer "netns=$nb" \
			timer=TIME_WAIT action=ARM)" 60000000 &&
		none timer action=FIRE
}

# How often a ring changed, how often the card interrupted and was polled, are
# what ethtool says.
card()
{
	local end=$1 dev=$2 netns=$3

	same "$dev RX" "$(ask count ring "netns=$netns" "dev=$dev" ring=RX)" \
		$((2 * $(grown "$end".rx_packets))) &&
		same "$dev TX" "$(ask count ring "netns=$netns" "dev=$dev" \
			ring=TX)" $((2 * $(grown "$end".tx_packets))) &&
		same "$dev interrupts" "$(ask count interrupt \
			"netns=$netns" "dev=$dev")" \
			"$(grown "$end".rx_interrupts)" &&
		same "$dev polls" "$(ask count poll "netns=$netns" \
			"dev=$dev")" "$(grown "$end".rx_polls)" &&
		same "$dev frames" "$(ask sum:done poll "netns=$netns")" \
			"$(grown "$end".rx_packets)"
}

# One frame goes in, or one comes out, and at the end none is left.
rings_count()
{
	awk '
		$2 != "ring" { next }
		{
			for (i = 3; i <= NF; i++) {
				split($i, pair, "=")
				value[pair[1]] = pair[2]
			}
			ring = value["netns"] value["dev"] value["ring"]
			step = value["used"] - used[ring]
			if (step * step != 1) {
				print "from " used[ring] + 0 ": " $0
				bad = 1
			}
			used[ring] = value["used"]
			n++
		}
		END {
			for (ring in used)
				if (used[ring]) {
					print ring ": " used[ring] " left"
					bad = 1
				}
			exit bad || !n
		}' "$events"
}

cards()
{
	card a teach0 "$na" && card b teach1 "$nb" && rings_count &&
		same slots "$(ask set:slots ring)" 256 &&
		same budget "$(ask set:budget poll)" 64
}

# Nothing comes before what makes it.
in_order()
{
	awk '
		/^#/ { next }
		$1 < last { print "late: " $0; bad = 1 }
		{ last = $1 }
		END { exit bad }' "$events"
}

summary()
{
	cat "$work/summary"
	grep -q " $(grep -vc '^#' "$events") events, $(($(ask count in) +
		$(ask count out))) of them segments; 0 lost\$" "$work/summary"
}

again()
{
	teach trace --input "$events" --record "$work/again" 2> /dev/null &&
		cmp "$events" "$work/again"
}

# The same ladder twice, and in it what the recording has.
ladder()
{
	local n

	teach ladder --input "$events" --details --svg "$work/1.svg" \
		--mermaid "$work/1.mermaid" > "$work/1.ladder" &&
		teach ladder --input "$work/again" --details \
			--svg "$work/2.svg" --mermaid "$work/2.mermaid" \
			> "$work/2.ladder" || return
	cat "$work/1.ladder"
	for n in svg mermaid ladder; do
		cmp "$work/1.$n" "$work/2.$n" || return
	done
	n=$(ask count out)
	same segments "$(sed -n 's/^\([0-9]*\) segments: .*/\1/p' \
		"$work/1.ladder")" "$n" &&
		same arrows "$(grep -c '<path class="seg' "$work/1.svg")" "$n" &&
		same messages "$(grep -c -e '->>' "$work/1.mermaid")" "$n" &&
		grep -q 'SYN queue 1' "$work/1.ladder" &&
		grep -q "send queue ${#request}" "$work/1.ladder" &&
		grep -q "receive queue ${#request}" "$work/1.ladder" &&
		grep -qF 'recv() wakes' "$work/1.ladder"
}

test_connection()
{
	na=$(inode $a) nb=$(inode $b)
	check "nobody else speaks" silence
	# Its workers wait in accept(2).
	model=pool
	check "httpd starts" start_httpd
	check "a connection is recorded" eventually record_client
	check "states: the way of both ends, and its causes" both_ways
	check "segments: as many as were counted" segments_counted
	check "segments: the bytes that were written" segments_bytes
	check "segments: they arrive as they were sent" segments_arrive
	check "segments: the SYN's options" options
	check "segments: the state of both ends" segment_states
	check "segments: why they were sent" reasons
	check "queues: their depths and limits" queues
	check "look-ups: what they found" lookups
	check "calls: how long they slept" calls
	check "windows: cwnd and what the peer offers" windows
	check "timers: how long they run" timers
	check "cards: rings, interrupts and polls as ethtool counts" cards
	check "in the order of time" in_order
	check "the summary counts" summary
	check "read and written, the recording is the same" again
	check "ladder: all of it, and twice the same" ladder
}

# --- what goes wrong ------------------------------------------------------

lost_syn()
{
	record bash -c "lose_syn client" && some timer timer=RTX action=FIRE &&
		same why "$(ask runs:why out flags=SYN "netns=$na")" \
			"NEW RTO" &&
		same marked "$(ask count out rtx=1)" \
			"$(ask count out why=RTO)" &&
		same "of its first copy" "$(ask set:seq out flags=SYN |
			wc -w)" 1 &&
		some window event=TIMEOUT cause=TIMER
}

duplicates()
{
	tc -n $b qdisc add dev teach1 root netem duplicate 100% || return
	counts > "$work/before"
	record bash -c client
	set -- $?
	counts > "$work/after"
	tc -n $b qdisc del dev teach1 root
	[ "$1" -eq 0 ] && some drop reason=OldData "netns=$na" &&
		same OldData "$(ask count drop reason=OldData "netns=$na")" \
			"$(grown a.DropOldData)" && dropped_came
}

# What is dropped is a segment that has come before at this end.
dropped_came()
{
	awk '
		$2 != "in" && $2 != "drop" { next }
		{
			for (i = 3; i <= NF; i++) {
				split($i, pair, "=")
				value[pair[1]] = pair[2]
			}
			what = value["netns"] " " value["foreign"] " " \
				value["flags"] " " value["seq"] " " value["len"]
		}
		$2 == "in" { came[what] = 1 }
		$2 == "drop" {
			n++
			if (!(what in came)) {
				print "never came: " $0
				bad = 1
			}
		}
		END { exit bad || !n }' "$events"
}

# Every third packet overtakes those before it.
reordered()
{
	ip netns exec $b ethtool -K teach1 gso off tso off || return
	tc -n $b qdisc add dev teach1 root netem delay 20ms reorder 100% \
		gap 3 || return
	record ip netns exec $a httpget -o "$work/got" $url/some
	set -- $?
	tc -n $b qdisc del dev teach1 root
	ip netns exec $b ethtool -K teach1 gso on tso on
	[ "$1" -eq 0 ] && cmp "$work/got" "$work/www/some" &&
		some window "netns=$nb" recovery=DISORDER || return
	# As much as was ever missing came.
	same "out of order in the end" "$(ask last:depth queue "netns=$na" \
		queue=OUT_OF_ORDER)" 0 &&
		some queue "netns=$na" queue=OUT_OF_ORDER depth=1448 &&
		teach trace --input "$events" --netns $a --kind segment |
			grep -qE 'ACK seq=[0-9]+ ack=[0-9]+ win=[0-9]+ <nop,nop,TS val [0-9]+ ecr [0-9]+,nop,nop,sack [1-3] \{[0-9]+:[0-9]+\}'
}

# A client that does not read, until the server has asked for its window.
closed_window()
{
	local pid

	get -o "$work/fifo" $url/big &
	pid=$!
	eventually probed
	cat "$work/fifo" > "$work/got"
	wait $pid
}

# The first one may be as much of a segment as the window still takes.
probed()
{
	[ "$(counter $b WindowProbes)" -gt $((probes + 1)) ]
}

blocked()
{
	probes=$(counter $b WindowProbes)
	export probes
	mkfifo "$work/fifo"
	record bash -c closed_window
	set -- $?
	rm "$work/fifo"
	[ "$1" -eq 0 ] && cmp "$work/got" "$work/www/big" &&
		some out why=PROBE "netns=$nb" &&
		some timer timer=PROBE action=FIRE "netns=$nb" &&
		some out why=WINDOW "netns=$na" &&
		some window snd_wnd=0 "netns=$nb" &&
		some sleep call=SEND "netns=$nb" &&
		some wake call=SEND "netns=$nb" error=0 &&
		ask events queue queue=SEND "netns=$nb" | tr '=' ' ' | awk '
			$(NF - 2) > max { max = $(NF - 2) }
			$NF > limit { limit = $NF }
			END {
				print max " bytes at most, limit " limit
				exit max < 65536 || max > limit
			}'
}

refused()
{
	record ip netns exec $a httpget http://10.9.0.2:9/
	[ $? -eq 1 ] && same why "$(ask why out flags=RST,ACK)" RESET &&
		same found "$(ask set:found lookup "netns=$nb")" NONE &&
		same states "$(ask new state "netns=$na")" "SYN_SENT CLOSE" &&
		same cause "$(ask cause state "netns=$na")" "CALL SEGMENT" &&
		same connect "$(ask error wake call=CONNECT)" -111
}

# What b's firewall says of it is no segment.
forbidden()
{
	on_b nft 'table ip forbid {
		chain in {
			type filter hook input priority 0
			ip protocol 253 reject with icmp type host-unreachable
		}
	}' || return
	record ip netns exec $a httpget $url/a.txt
	set -- $?
	on_b nft delete table ip forbid
	[ "$1" -eq 1 ] && same states "$(ask new state "netns=$na")" \
		"SYN_SENT CLOSE" &&
		same cause "$(ask cause state "netns=$na")" "CALL ICMP" &&
		same connect "$(ask error wake call=CONNECT)" -113 &&
		none in
}

# A reader of what never comes is sent a signal
killed_reader()
{
	local pid

	ip netns exec $a teach run bash -c \
		"exec 3<> /dev/tcp/10.9.0.2/$port && exec cat <&3" &
	pid=$!
	eventually grep -qs teach_recvmsg /proc/$pid/stack
	kill -TERM $pid
	wait $pid
	[ $? -eq 143 ]
}

# ERESTARTSYS is the kernel's own: no program sees it.
signalled()
{
	record bash -c killed_reader &&
		same read "$(ask error wake call=RECEIVE "netns=$na")" -512 &&
		slept_so_long
}

# To a port that nobody has.
datagrams()
{
	record ip netns exec $a teach run --dgram bash -c \
		'echo hello > /dev/udp/10.9.0.2/99' &&
		same sent "$(ask len datagram_out "netns=$na" proto=254 \
			foreign=10.9.0.2:99)" 6 &&
		same came "$(ask len datagram_in "netns=$nb" proto=254 \
			local=10.9.0.2:99)" 6 &&
		same dropped "$(ask reason drop "netns=$nb" proto=254)" \
			NoSocket &&
		gives 1 'no connection was seen, only datagrams' \
			teach ladder --input "$events"
}

# A reader who hears that nobody is there: b's kernel says so by ICMP.
ask_nobody()
{
	# shellcheck disable=SC2016
	ip netns exec $a teach run --dgram bash -c '
		exec 3<> /dev/udp/10.9.0.2/99
		cat <&3 &
		eventually grep -qs teach_dgram_recvmsg /proc/$!/stack
		echo hello >&3
		wait $!'
}

datagram_reader()
{
	record bash -c ask_nobody
	[ $? -eq 1 ] && some sleep call=RECEIVE proto=254 "netns=$na" \
		foreign=10.9.0.2:99 &&
		same woken "$(ask error wake call=RECEIVE proto=254 \
			"netns=$na" foreign=10.9.0.2:99)" -111 &&
		slept_so_long
}

# More than the send buffer takes at once, down a thin line, to an address that
# b does not have.
datagram_writer()
{
	local mac

	mac=$(on_b cat /sys/class/net/teach1/address) &&
		ip -n $a neigh replace 10.9.0.3 lladdr "$mac" dev teach0 &&
		tc -n $a qdisc add dev teach0 root tbf rate 10mbit burst 5kb \
			limit 10mb || return
	record ip netns exec $a teach run --dgram bash -c \
		"dd bs=1000 count=300 if=$work/www/big > /dev/udp/10.9.0.3/99"
	set -- $?
	tc -n $a qdisc del dev teach0 root
	[ "$1" -eq 0 ] && same sent "$(ask sum:len datagram_out \
		"netns=$na" foreign=10.9.0.3:99)" 300000 &&
		some sleep call=SEND proto=254 foreign=10.9.0.3:99 &&
		same woken "$(ask set:error wake call=SEND proto=254 \
			foreign=10.9.0.3:99)" 0 && slept_so_long
}

test_trouble()
{
	export -f lose_syn client eventually syn_sent get on_a closed_window \
		probed counter killed_reader ask_nobody
	export url family a b patience
	head -c 100000 "$work/www/big" > "$work/www/some"
	check "a lost SYN: the timer, and why it is sent again" lost_syn
	check "duplicates: dropped, with their reason" duplicates
	check "reordering: bytes wait out of order, and SACK says so" reordered
	check "a window that closes: probes, and a call that waits" blocked
	check "refused: a reset" refused
	check "refused: ICMP" forbidden
	check "a call that a signal ends" signalled
	check "datagrams: their lengths" datagrams
	check "datagrams: a call that waits for one" datagram_reader
	check "datagrams: a call that waits for room" datagram_writer
}

# --- which events ---------------------------------------------------------

two_connections()
{
	client && get -o "$work/got" $url/b.txt
}

# shown OPTION…: of the recording of two connections
shown()
{
	teach trace --input "$events" "$@"
}

by_kind()
{
	local kind pattern want

	while read -r kind pattern; do
		want=$(grep -cE "^[0-9.]+ ($pattern) " "$events")
		same "$kind" "$(shown --kind "$kind" | wc -l)" "$want" ||
			return
	done <<-END
		segment in|out
		state state
		window window
		timer timer
		queue queue
		lookup lookup
		drop drop
		call sleep|wake
		card ring|interrupt|poll
		datagram datagram_in|datagram_out
		state,timer state|timer
	END
}

by_connection()
{
	local n ports

	for n in 1 2; do
		ports=$(shown -j --connection $n --kind segment |
			grep -o '"10.9.0.1:[0-9]*"' | sort -u)
		same "$n" "$(wc -l <<< "$ports")" 1 || return
		port_of[n]=${ports//[!0-9:]/}
		port_of[n]=${port_of[n]##*:}
	done
	[ "${port_of[1]}" != "${port_of[2]}" ] &&
		same none "$(shown --connection 3)" ""
}

by_port()
{
	local n want

	for n in 1 2; do
		want=$(grep -cE ":${port_of[n]} " "$events")
		same "$n" "$(shown --port "${port_of[n]}" | wc -l)" "$want" ||
			return
	done
	same none "$(shown --port 9)" ""
}

by_address()
{
	same both "$(shown --address 10.9.0.1 --kind segment | wc -l)" \
		"$(($(ask count in) + $(ask count out)))" &&
		same none "$(shown --address 10.9.0.3)" ""
}

by_netns()
{
	same $a "$(shown --netns $a | wc -l)" \
		"$(grep -c " netns=$na " "$events")" &&
		same $b "$(shown --netns $b | wc -l)" \
			"$(grep -c " netns=$nb " "$events")" &&
		same none "$(shown --netns nowhere)" ""
}

# One line an event, and as many as without.
as_json()
{
	shown -j > "$work/json" &&
		same lines "$(wc -l < "$work/json")" \
			"$(grep -vc '^#' "$events")" &&
		! grep -vE '^\{"time":[0-9]+\.[0-9]{9},"kind":"[a-z_]+","netns":[0-9]+,"netns_name":"[^"]*"(,"[a-z_]+":(-?[0-9]+|"[^"]*"))*\}$' \
			"$work/json"
}

# Shown while it happens, filtered by the kernel and by us.
live()
{
	teach trace --port $port --kind state -- bash -c client \
		> "$work/live" || return
	# An earlier one may be forgotten meanwhile.
	sed -i '/TIME_WAIT -> CLOSE cause=TIMER/d' "$work/live"
	cat "$work/live"
	same states "$(wc -l < "$work/live")" 10 &&
		! grep -vE "^ +[0-9.]+ ($a|$b) 10.9.0.[12]:[0-9]+ - 10.9.0.[12]:[0-9]+ state [A-Z0-9_]+ -> [A-Z0-9_]+ cause=[A-Z]+\$" \
			"$work/live"
}

time_of_day()
{
	local from to

	from=$(date +%H:%M:%S)
	teach trace --time --kind state -- bash -c client > "$work/live" ||
		return
	to=$(date +%H:%M:%S.999999)
	head -n 1 "$work/live"
	awk -v from="$from" -v to="$to" '
		# At midnight, this is not for us to judge.
		from <= to && ($1 < from || $1 > to) { bad = 1 }
		END { exit bad || !NR }' "$work/live"
}

interrupted()
{
	local pid

	teach trace --kind state > "$work/live" 2> "$work/err" &
	pid=$!
	eventually grep -q Recording "$work/err"
	client
	eventually grep -q TIME_WAIT "$work/live"
	kill -INT $pid
	wait $pid
	same status $? 0
}

test_filters()
{
	local port_of
	export -f two_connections
	check "two connections are recorded" record bash -c two_connections
	check "filter: each kind" by_kind
	check "filter: a connection" by_connection
	check "filter: a port" by_port
	check "filter: an address" by_address
	check "filter: a network namespace" by_netns
	check "JSON: a line an event" as_json
	check "live: as it happens" live
	check "live: the time of day" time_of_day
	check "live: until a signal" interrupted
	check "the command's status" gives 3 'state LAST_ACK -> CLOSE' \
		teach trace --kind state -- ip netns exec $a httpget $url/none
	check "no such command" gives 127 'cannot run /nil' \
		teach trace -- /nil
}

# --- much -----------------------------------------------------------------

instance()
{
	find /sys/kernel/tracing/instances -maxdepth 1 -name 'teach-*'
}

# With buffers that are too small, and nobody who reads them.
lose_events()
{
	local tracer=$PPID dir cpu

	dir=$(instance)
	for cpu in "$dir"/per_cpu/cpu*; do
		echo 8 > "$cpu/buffer_size_kb"
	done
	kill -STOP $tracer
	get -o "$work/got" $url/big
	kill -CONT $tracer
}

losses()
{
	local told lost

	record bash -c lose_events || return
	cat "$work/summary"
	told=$(sed -n 's/.* \([0-9]*\) lost$/\1/p' "$work/summary")
	lost=$(sed -n 's/^# end .* missed //p' "$events")
	[ "$told" -gt 100 ] && same "in the recording" "$lost" "$told" &&
		gives 0 "^Incomplete: the kernel had no room for $told events" \
			teach trace --input "$events" --kind drop
}

# Out of one process, since each would take a while to start.
thousand()
{
	# shellcheck disable=SC2016
	ip netns exec $a teach run bash -c '
		for ((i = 0; i < 1000; i++)); do
			exec 3<> "/dev/tcp/10.9.0.2/$0" || exit
			exec 3>&-
		done' $port
}

many()
{
	local client

	record bash -c thousand || return
	cat "$work/summary"
	same opened "$(ask count state "netns=$na" old=CLOSE \
		new=SYN_SENT)" 1000 &&
		same accepted "$(ask count state "netns=$nb" old=LISTEN \
			new=SYN_RECV)" 1000 &&
		same "at both ends" "$(ask count state new=ESTABLISHED)" 2000 &&
		same ports "$(ask set:local state new=SYN_SENT | wc -w)" \
			1000 || return
	client=$(ask local state new=SYN_SENT | cut -d ' ' -f 500)
	same "the 500th" "$(teach trace --input "$events" --connection 500 |
		awk '{ print $3; print $5 }' | sort -u | tr '\n' ' ')" \
		"$(printf '%s\n' "$client" 10.9.0.2:$port | sort |
			tr '\n' ' ')"
}

test_much()
{
	export -f lose_events thousand instance
	check "events that are lost are counted" losses
	check "1,000 connections" many
}

# --- teach walk -----------------------------------------------------------

walk()
{
	teach walk --record "$events" -- bash -c client > "$work/walk" ||
		return
	cat "$work/walk"
}

# The functions in the order of the course notes, on both hosts.
walk_layers()
{
	same functions "$(awk '/^ +[0-9.]+  [a-z_0-9]+ / { print $2 }' \
		"$work/walk" | grep -xE 'teach_(sendmsg|queue_segment|xmit_new|ip_xmit|nic_xmit|nic_dma|rcv|lookup|do_rcv|rcv_data|rcv_consumed)|__dev_queue_xmit|ip_local_out|ip_rcv' |
		tr '\n' ' ')" "$(tr '\n' ' ' <<-END
		teach_sendmsg
		teach_queue_segment
		teach_xmit_new
		teach_ip_xmit
		ip_local_out
		__dev_queue_xmit
		teach_nic_xmit
		teach_nic_dma
		ip_rcv
		teach_rcv
		teach_lookup
		teach_do_rcv
		teach_rcv_data
		teach_rcv_consumed
	END
	)" && grep -q "^$a: TCP, sending" "$work/walk" &&
		grep -q "^$b: TCP, receiving" "$work/walk"
}

walk_queues()
{
	local n=${#request} line

	for line in "^$n bytes from 10.9.0.1:[0-9]+ to 10.9.0.2:$port, IP" \
		"=> queue SEND $n of [0-9]+ bytes" \
		"=> PSH,ACK seq=1 ack=1 win=[0-9]+ len=$n why=NEW" \
		"=> ring teach0 TX 1 of 256" "=> ring teach1 RX 1 of 256" \
		"=> queue RECEIVE $n of [0-9]+ bytes" \
		"=> queue RECEIVE 0 of" "=> queue SEND 0 of"; do
		grep -qE "$line" "$work/walk" ||
			{ echo "no $line"; return 1; }
	done
}

walk_replay()
{
	teach walk --input "$events" | diff - "$work/walk"
}

# The text of `teach walk`, made of its JSON, but for the times.  What is sent
# first after the handshakes has the numbers 1.
walk_of_json()
{
	jq -r '
		def effect:
			.kind + " " +
			if .kind == "queue" then
				"\(.queue) \(.depth) of \(.limit) bytes"
			elif .kind == "timer" then
				"\(.timer) armed for \(.delay_us / 1000).000 ms"
			elif .kind == "lookup" then
				"bucket \(.bucket): \(.chain) looked at, " +
				"found \(.found)"
			elif .kind == "ring" then
				"\(.dev) \(.ring) \(.used) of \(.slots)"
			elif .kind == "interrupt" then
				.dev
			else
				"\(.flags) seq=1 ack=1 win=\(.win) " +
				"len=\(.len)" +
				if .why then " why=\(.why)" else "" end
			end;
		"\(.bytes) bytes from \(.from) to \(.to), " +
			"IP protocol \(.proto)",
		"us",
		(.steps[] | "# \(.netns_name): \(.layer)",
			"\(.function) \(.what)",
			(.event | select(.) | "=> \(effect)" |
				sub("=> (in|out) "; "=> "))),
		if .arrived == 1 then empty
			else "It was not seen to arrive." end' |
		awk '
		!/^# / { print }
		/^# / && $0 != last { print substr($0, 3) }
		/^# / { last = $0 }'
}

walk_json()
{
	teach walk --json --input "$events" > "$work/json" || return
	diff <(walk_of_json < "$work/json") \
		<(sed -E 's/^ +([0-9.]+ +)?//; /^$/d; s/  +/ /' "$work/walk") &&
		paste <(jq '.steps[].us' "$work/json") \
			<(awk '/^ +[0-9.]+  / { print $1 }' "$work/walk") |
		awk '$1 - $2 > 0.051 || $2 - $1 > 0.051 || NF != 2 {
				print
				bad = 1
			}
			END { exit bad || !NR }'
}

screenful()
{
	awk '{ if (length($0) > 80) bad = 1 }
		END { print NR " lines"; exit bad || NR > 66 }' "$work/walk"
}

test_walk()
{
	if ! grep -qw function /sys/kernel/tracing/available_tracers; then
		check "walk: no function tracer" gives 1 \
			'this kernel has no function tracer' \
			teach walk -- true
		return
	fi
	check "walk: one write" walk
	check "walk: through the layers" walk_layers
	check "walk: what became of the queues" walk_queues
	check "walk: again from the recording" walk_replay
	check "walk: the JSON says the same" walk_json
	check "walk: fits on a screen" screenful
	check "walk: no connection" gives 1 'no connection was opened' \
		teach walk -- true
}

# --- and no more ----------------------------------------------------------

# Traces show all that is sent, so they are root's.
not_for_all()
{
	gives 1 '^teach: ' setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$work/teach" trace -- true
}

not_left_behind()
{
	[ -z "$(instance)" ]
}

test_end()
{
	chmod 711 "$work" && cp "$(command -v teach)" "$work"
	check "an ordinary user is told" not_for_all
	check "no instance is left behind" not_left_behind
	check "httpd ends when asked to" stop_httpd
}

run_tests test_connection test_trouble test_filters test_much test_walk \
	test_end

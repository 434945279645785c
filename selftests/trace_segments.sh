#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What `teach trace` says of what hardly ever happens between real hosts: scripts
# of the conformance suite make it happen, and they know each segment.

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"
# shellcheck source=selftests/trace.inc
. "$(dirname "$(readlink -f "$0")")/trace.inc"
# shellcheck source=scripts/common.sh
. "$(dirname "$(readlink -f "$0")")/../scripts/common.sh"

conformance=$(selftests_dir "${TEACH_KERNEL:-stock}")/conformance

# play SCRIPT: record it.  When the machine has kept it waiting it was played
# again, on another wire: the last one counts.
play()
{
	local netns

	record "$conformance" --late 10 "$1" || return
	netns=$(ask last:netns state new=LISTEN) &&
		sed -i "/ netns=$netns /!d" "$events"
}

# Two probes, each of the number that is before the first byte.
keepalive()
{
	play keepalive/probe &&
		same probes "$(ask why out len=0 flags=ACK)" \
			"KEEPALIVE KEEPALIVE" &&
		same "of a number" "$(ask set:seq out why=KEEPALIVE)" \
			"$(ask seq out flags=SYN,ACK)" &&
		some timer timer=KEEPALIVE action=FIRE &&
		same "two hours, unless told" "$(ask first:delay_us timer \
			timer=KEEPALIVE action=ARM)" 7200000000
}

challenges()
{
	play rfc5961/ack-limit &&
		same answers "$(ask why out flags=ACK)" "CHALLENGE CHALLENGE"
}

# The last of four segments, though all had come.
tail_loss()
{
	local first

	play rfc8985/tlp-not-lost && first=$(ask first:seq out why=NEW) &&
		same why "$(ask why out rtx=1)" TLP &&
		same "the fourth" "$(ask seq out why=TLP)" \
			$(((first + 3000) % 4294967296)) &&
		some timer timer=TLP action=FIRE &&
		none timer timer=RTX action=FIRE
}

# Of ten segments one is missing and three behind it have come; but it was late,
# not lost.
undone()
{
	play rfc4015/eifel &&
		same why "$(ask why out rtx=1)" RECOVERY &&
		same "the first byte" "$(ask seq out why=RECOVERY)" \
			"$(ask first:seq out why=NEW)" &&
		some window event=ENTER recovery=RECOVERY cause=SEGMENT \
			cwnd=10 ssthresh=5 flight=6 &&
		some window event=UNDO cwnd=10 ssthresh=2147483647 &&
		some window event=LEAVE recovery=OPEN
}

# The first two of ten have come, and a router was near its limit.
congested()
{
	play rfc3168/reduce &&
		some window event=ENTER recovery=CWR cause=SEGMENT cwnd=10 \
			ssthresh=5 flight=8 &&
		same "step by step" "$(ask set:cwnd window recovery=CWR)" \
			"10 9 8 7 5" && none out rtx=1
}

# The timer, and then ACKs for what was sent before it; CUBIC takes 0.7 of ten.
too_early()
{
	play rfc5682/spurious &&
		same why "$(ask why out rtx=1)" RTO &&
		some window event=ENTER recovery=LOSS cause=TIMER cwnd=1 \
			ssthresh=7 &&
		some window event=TIMEOUT recovery=LOSS &&
		some window event=UNDO cause=SEGMENT ssthresh=2147483647
}

silent()
{
	play rfc5681/restart-after-idle &&
		same cwnd "$(ask cwnd window event=IDLE)" 10 &&
		same cause "$(ask cause window event=IDLE)" CALL
}

# Two of three segments have come.
late_segment()
{
	play rfc8985/rack-reordering-timer &&
		some window recovery=DISORDER flight=1 &&
		same fired "$(ask count timer timer=REO action=FIRE)" 1 &&
		some window event=ENTER recovery=RECOVERY cause=TIMER \
			flight=0 &&
		same why "$(ask why out rtx=1)" RECOVERY
}

# Twice two segments wait, 0.2 s each time; what was late by then is made up.
paced()
{
	local delay

	play tcp/pacing &&
		same fired "$(ask count timer timer=PACING action=FIRE)" 2 ||
		return
	for delay in $(ask delay_us timer timer=PACING action=ARM); do
		echo "$delay us"
		[ "$delay" -gt 0 ] && [ "$delay" -le 200000 ] || return
	done
}

delayed()
{
	play rfc9293/shld-18-delayed-ack &&
		same "ACKs without data" "$(ask why out flags=ACK len=0)" \
			"ACK DELACK" &&
		some timer timer=DELACK action=FIRE
}

repeated_answer()
{
	play rfc9293/must-22-syn-ack-retransmitted &&
		same why "$(ask set:why out)" SYNACK &&
		same waits "$(ask delay_us timer timer=SYNACK action=ARM)" \
			"1000000 2000000 4000000" &&
		same fired "$(ask count timer timer=SYNACK action=FIRE)" 3 &&
		some state old=SYN_RECV new=CLOSE cause=TIMER
}

# The FIN is a byte of the receive queue, as in the Recv-Q of ss(8).
both_close()
{
	play matrix/ack-of-fin-closing &&
		same states "$(ask new state foreign=192.0.2.2:40000)" \
			"SYN_RECV ESTABLISHED FIN_WAIT1 CLOSING TIME_WAIT CLOSE" &&
		same "the FIN" "$(ask depth queue queue=RECEIVE)" 1 &&
		some lookup found=TIMEWAIT &&
		some timer timer=TIME_WAIT action=CANCEL
}

nobody_holds()
{
	play tcp/fin-wait2-longer &&
		same "all but 2 MSL" "$(ask delay_us timer timer=FIN_WAIT2 \
			action=ARM)" 1000000 &&
		some timer timer=FIN_WAIT2 action=FIRE &&
		play tcp/fin-wait2-timeout &&
		same "less than that" "$(ask delay_us timer timer=TIME_WAIT \
			action=ARM)" 1000000 &&
		some timer timer=TIME_WAIT action=FIRE &&
		some state old=FIN_WAIT2 new=CLOSE cause=TIMER
}

lingers()
{
	play tcp/so-linger-acked && some sleep call=CLOSE &&
		same close "$(ask error wake call=CLOSE)" 0 &&
		slept_so_long &&
		play tcp/so-linger-timeout &&
		same close "$(ask error wake call=CLOSE)" -11 &&
		slept_so_long && [ "$(ask slept_us wake call=CLOSE)" -ge 990000 ]
}

test_segments()
{
	check "keepalive: its probes, and its timer" keepalive
	check "challenge ACKs" challenges
	check "a tail loss probe" tail_loss
	check "recovery, and undone" undone
	check "a reduction without loss" congested
	check "a timeout, and undone" too_early
	check "the window after silence" silent
	check "the reordering timer" late_segment
	check "the pacing timer" paced
	check "a delayed ACK" delayed
	check "a SYN,ACK without an answer" repeated_answer
	check "both close at once" both_close
	check "FIN_WAIT2: its timers" nobody_holds
	check "a close() that waits" lingers
}

run_tests test_segments

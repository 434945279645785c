#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The one-liners for bpftrace, as they are written in teach(8), run, and what they
# print is what was so.

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"
# shellcheck source=selftests/trace.inc
. "$(dirname "$(readlink -f "$0")")/trace.inc"

manual=$(dirname "$(readlink -f "$0")")/../userspace/teach.8

# one_liner N: the Nth in the manual, in one line; without N, how many there are
one_liner()
{
	awk -v wanted="${1-0}" '
		/^\.Sh / { here = $2 == "BPFTRACE" }
		!here { next }
		/^\.Bd / { n++; inside = 1; next }
		/^\.Ed/ { inside = 0 }
		inside && n == wanted {
			gsub(/\\e/, "\\")
			printf "%s", $0
		}
		END {
			if (!wanted)
				print n
		}' "$manual"
}

# It ends with the traffic; bpftrace wants a program that has one place only.
# answer N TRAFFIC…: what the Nth prints of this goes to $work/answer
answer()
{
	local line

	line=$(one_liner "$1")
	shift
	echo "$line"
	cat > "$work/traffic" <<-TRAFFIC
		counts > $work/before
		$*
		echo \$? > $work/status
		eventually closed
		counts > $work/after
	TRAFFIC
	rm -f "$work/status"
	bash -c "$line -c '/bin/bash $work/traffic'" > "$work/answer"
	set -- $?
	cat "$work/answer"
	[ "$1" -eq 0 ] && [ "$(cat "$work/status")" = 0 ]
}

closed()
{
	[ -z "$(teach ss -H -N $a)" ] && [ -z "$(teach ss -H -N $b)" ]
}

# has LINE
has()
{
	grep -qxF "$1" "$work/answer" || { echo "no $1"; return 1; }
}

# All that its histograms have counted.
counted()
{
	awk -F '|' '
		/^[[(].*\|$/ {
			n = split($1, word, " ")
			sum += word[n]
		}
		END { print sum + 0 }' "$work/answer"
}

both_grown()
{
	echo $(($(grown "a.$1") + $(grown "b.$1")))
}

# --- the questions --------------------------------------------------------

states()
{
	answer 1 get -o "$work/got" $url/a.txt &&
		has "@[7, 2]: 1" && has "@[2, 1]: 1" &&
		has "@[10, 3]: 1" && has "@[3, 1]: 1"
}

lengths()
{
	answer 2 get -o "$work/got" $url/a.txt &&
		same segments "$(counted)" "$(both_grown OutSegs)"
}

again()
{
	answer 3 lose_syn get -o "$work/got" $url/a.txt &&
		same again "$(sed -nE "s/^@again\[[0-9]+, $port\]: //p" \
			"$work/answer")" "$(grown a.RetransSegs)"
}

dropped()
{
	tc -n $b qdisc add dev teach1 root netem duplicate 100% || return
	answer 4 get -o "$work/got" $url/a.txt
	set -- $?
	tc -n $b qdisc del dev teach1 root
	[ "$1" -eq 0 ] && has "@[OldData]: $(both_grown DropOldData)"
}

# Of the sender it begins with ten, and grows.
windows()
{
	answer 5 get -o "$work/got" $url/big &&
		awk -v port=$port '
		/^[0-9]+ [0-9]+ [0-9]+$/ {
			n++
			if ($2 == port && !first)
				first = $3
			if ($2 == port && $3 > most)
				most = $3
			next
		}
		/./ && !/^Attach/ { print "not so: " $0; bad = 1 }
		END {
			print n " lines, cwnd from " first " to " most
			exit bad || first != 10 || most <= 10
		}' "$work/answer"
}

# A reader who sleeps half a second and more.
slow_request()
{
	local pid

	mkfifo "$work/fifo"
	# shellcheck disable=SC2016
	ip netns exec $a teach run bash -c '
		exec 3<> "/dev/tcp/10.9.0.2/$1"
		cat "$0" >&3 &
		exec cat <&3' "$work/fifo" $port > "$work/got" &
	pid=$!
	eventually grep -qs teach_recvmsg /proc/$pid/stack
	sleep 0.6
	printf 'GET /a.txt HTTP/1.0\r\n\r\n' > "$work/fifo"
	wait $pid
	set -- $?
	rm "$work/fifo"
	return "$1"
}

sleeps()
{
	answer 6 slow_request &&
		grep -E '^\[(512K|[0-9]+M), [0-9]+[MG]\) +[1-9]' \
			"$work/answer"
}

# One for each segment, and one more for the listener.
lookups()
{
	answer 7 get -o "$work/got" $url/a.txt &&
		same look-ups "$(counted)" "$(($(both_grown InSegs) + 1))"
}

polls()
{
	answer 8 get -o "$work/got" $url/big &&
		grep -q '^@\[teach0\]:' "$work/answer" &&
		grep -q '^@\[teach1\]:' "$work/answer" &&
		same polls "$(counted)" "$(both_grown rx_polls)"
}

test_one_liners()
{
	export -f counts counter card_count eventually closed get on_a \
		lose_syn syn_sent slow_request
	export work url port family a b patience
	check "nobody else speaks" silence
	check "httpd starts" start_httpd
	check "all of the manual are here" same "how many" "$(one_liner)" 8
	check "which states?" states
	check "how large are the segments?" lengths
	check "who has to send again?" again
	check "why is something dropped?" dropped
	check "how does the window grow?" windows
	check "how long do readers sleep?" sleeps
	check "how many entries does a look-up pass?" lookups
	check "how many packets does a poll take in?" polls
	check "httpd ends when asked to" stop_httpd
}

command -v bpftrace > /dev/null || skip "no bpftrace"
run_tests test_one_liners

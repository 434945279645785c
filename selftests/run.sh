#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# teach run: programs that know nothing of AF_TEACH get its sockets, and notice
# nothing else.

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"
# shellcheck source=scripts/common.sh
. "$(dirname "$(readlink -f "$0")")/../scripts/common.sh"

probe=$(selftests_dir "${TEACH_KERNEL:-stock}")/probe
drill=${probe%/*}/drill
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)

# says TEXT COMMAND…: that is all that COMMAND writes
says()
{
	local text=$1
	shift
	diff <(echo "$text") <("$@" 2>&1)
}

skipped()
{
	n=$((n + 1))
	echo "ok $n $1 # SKIP $2"
}

no_supervisor()
{
	! pgrep -x teach
}

# --- which sockets --------------------------------------------------------

# What probe says, with the families of streams and datagrams, and what becomes
# of a stream and a datagram socket of IPv6.
sockets()
{
	local mptcp="family $1, type 1"

	# Without us it is as this kernel has been configured.
	[ "$1" != 2 ] || [ -e /proc/sys/net/mptcp ] || mptcp=EPROTONOSUPPORT
	cat <<-END
		stream: family $1, type 1
		stream, TCP: family $1, type 1
		stream, MPTCP: $mptcp
		stream, UDP: EPROTONOSUPPORT
		stream, flags: family $1, type 1, cloexec, nonblock
		stream, one flag: family $1, type 1, cloexec
		stream, high bits: family $1, type 1
		stream, no such flag: EINVAL
		dgram: family $2, type 2
		dgram, UDP: family $2, type 2
		dgram, ICMP: EACCES
		raw: family 2, type 3
		stream, IPv6: $3
		dgram, IPv6: $4
		raw, IPv6: family 10, type 3
		stream, local: family 1, type 1
		one too many: EMFILE
		in a thread: family $1, type 1
		in a child: family $1, type 1
		stream: family $1, type 1
	END
}

killed()
{
	local n
	# shellcheck disable=SC2016
	says "stream: family 22, type 1" teach run bash -c '
		for ((n = 0; n < 30; n++)); do
			"$0" forever &
			sleep 0.0$((n % 10))
			kill -KILL $!
			wait $! 2> /dev/null
		done
		exec "$0" socket' "$probe"
}

test_sockets()
{
	local v6=EAFNOSUPPORT

	# An ordinary user may not see where they are.
	chmod 711 "$work" && cp "$(command -v teach)" "$probe" "$work"
	check "without" says "$(sockets 2 2 'family 10, type 1' \
		'family 10, type 2')" "$probe" sockets
	check "streams" says "$(sockets 22 2 $v6 'family 10, type 2')" \
		teach run "$probe" sockets
	check "streams and datagrams" says "$(sockets 22 22 $v6 $v6)" \
		teach run --dgram "$probe" sockets
	check "--only leaves socket(2) alone" \
		says "$(sockets 2 2 $v6 'family 10, type 2')" \
		teach run --only Connect "$probe" sockets
	check "interrupted by signals" teach run "$probe" interrupted
	check "killed while they wait for a socket" killed
	check "as an ordinary user" says "stream: family 22, type 1" \
		"${nobody[@]}" "$work/teach" run "$work/probe" socket
	check "no supervisor is left" eventually no_supervisor
}

# --- the program and its surroundings -------------------------------------

status()
{
	local want=$1 got
	shift
	teach run "$@"
	got=$?
	echo "exit status $got"
	[ $got -eq "$want" ]
}

same_process()
{
	local before after
	# shellcheck disable=SC2016
	{
		read -r before
		read -r after
	} < <(bash -c 'echo $$; exec teach run sh -c "echo \$\$"')
	[ -n "$before" ] && [ "$before" = "$after" ]
}

no_new_privs()
{
	says $'NoNewPrivs:\t0' teach run grep NoNewPrivs /proc/self/status &&
		says $'NoNewPrivs:\t1' "${nobody[@]}" \
			"$work/teach" run grep NoNewPrivs /proc/self/status
}

# The descriptors that the supervisor has, while what was started runs on and
# what it wrote to has ended.
background()
{
	local pid rest supervisor

	# shellcheck disable=SC2016
	exec 5< <(yes | teach run sh -c \
		'sleep 1000 < /dev/null > /dev/null 2>&1 & echo $!; head -n 1')
	read -rt 200 pid <&5 && read -rt 200 rest <&5 && [ "$rest" = y ] ||
		return
	read -rt 200 <&5
	[ $? -eq 1 ] || return		# more than 128 if time ran out
	exec 5<&-
	supervisor=$(pgrep -x teach) &&
		readlink "/proc/$supervisor/cwd" /proc/"$supervisor"/fd/* |
			sort > "$work/open"
	kill "$pid"
	diff "$work/open" - <<-END && eventually no_supervisor
		/
		anon_inode:seccomp notify
		$(readlink /proc/self/ns/net)
	END
}

# The terminal's own signal reaches the program, and not the supervisor.
terminal()
{
	local line pid

	coproc PTY {
		exec script -qec "exec teach run '$probe' terminal" /dev/null
	}
	pid=$PTY_PID		# which is unset when it has ended
	while read -rt 200 line <&"${PTY[0]}"; do
		echo "$line"
		[[ ! $line =~ ready ]] || printf '\003' >&"${PTY[1]}"
		[[ ! $line =~ "family 22" ]] || break
	done
	wait "$pid"
	set -- $?
	echo "exit status $1"
	[[ $1 -eq 5 && $line =~ "family 22" ]]
}

terminated()
{
	local pid

	teach run sleep 1000 &
	pid=$!
	eventually grep -q sleep /proc/$pid/comm
	kill -TERM $pid
	wait $pid
	[ $? -eq 143 ]
}

test_surroundings()
{
	check "exit status 0" status 0 true
	check "exit status 7" status 7 sh -c 'exit 7'
	# shellcheck disable=SC2016
	check "killed by itself" status 143 bash -c 'kill -TERM $$'
	check "killed by another" terminated
	check "no such program" gives 127 'cannot run /nowhere: No such file' \
		teach run /nowhere
	check "not executable" gives 126 'cannot run /etc/passwd: Permission' \
		teach run /etc/passwd
	check "the same process" same_process
	check "no rights lost by root" no_new_privs
	check "what it leaves in the background" background
	check "a terminal" terminal
	check "one inside another" gives 1 'no filter: .*teach run' \
		teach run teach run true
	# shellcheck disable=SC2016
	check "what comes after the program is its own" \
		says --help teach run sh -c 'echo "$1"' sh --help
	check "no supervisor is left" eventually no_supervisor
}

# --- real programs --------------------------------------------------------

to_httpd()
{
	serve $port teach run httpd --family inet &&
		says hello get $url/a.txt &&
		get -o "$work/big" $url/big && cmp "$work/big" "$work/www/big"
}

from_httpget()
{
	on_a teach run httpget --family inet -o "$work/big" $url/big &&
		cmp "$work/big" "$work/www/big"
}

from_bash()
{
	on_a teach run bash -c "exec 5<> /dev/tcp/10.9.0.2/$port
		printf 'GET /a.txt HTTP/1.0\r\n\r\n' >&5; cat <&5" |
		grep -x hello
}

not_from_inet()
{
	gives 1 'Connection refused' on_a httpget --family inet $url/a.txt
}

# busybox is static, and its server leaves the process that was started.
to_daemon()
{
	on_b teach run busybox httpd -p 10.9.0.2:81 -h "$work/www" &&
		says hello get http://10.9.0.2:81/a.txt &&
		says other get http://10.9.0.2:81/b.txt
}

daemon_ends()
{
	kill "$(pgrep -x busybox)" && eventually no_supervisor
}

datagram()
{
	on_a teach run --dgram bash -c 'exec 5<> /dev/udp/10.9.0.2/99
		cat /proc/net/teach/datagrams' | grep 10.9.0.2:99
}

speaks_tcp()
{
	teach run --wire tcp true 2> /dev/null
}

# over_tcp [OPTION…]: the other end is the kernel's own TCP
over_tcp()
{
	serve 82 teach run --wire tcp "$@" httpd --family inet &&
		says hello on_a httpget --family inet http://10.9.0.2:82/a.txt
}

# drilled FAMILY BYTES COMMAND…: what packetdrill sees under COMMAND.  It wants
# 280 bytes of TCP_INFO; the kernel's own has so many since 7.0.
drilled()
{
	local family=$1 bytes=$2
	shift 2
	diff - <("$@" "$drill" 2>&1) <<-END
		family $family
		< S 0:0(0)
		> S. 0:0(0) ack 1
		< . 1:1(0) ack 1
		TCP_INFO: $bytes bytes
		TCP_CC_INFO: 0 bytes
		SO_MEMINFO: 36 bytes
		< . 1:1001(1000) ack 1
		> . 1:1(0) ack 1001
		SIOCINQ 1000
		> . 1:5001(5000) ack 1001
		the device is to cut it
		< . 1001:1001(0) ack 5001
		< . 1001:3921(2920) ack 5001
		> . 5001:5001(0) ack 3921
		SIOCINQ 2920
		> F. 5001:5001(0) ack 3921
		< F. 3921:3921(0) ack 5002
		> . 5002:5002(0) ack 3922
	END
}

test_programs()
{
	check "a server" to_httpd
	check "a client" from_httpget
	check "bash" from_bash
	check "AF_INET has no such server" not_from_inet
	check "a server ends when asked to" stop_httpd
	check "a static daemon" to_daemon
	check "its supervisor lives as long" daemon_ends
	check "a datagram socket" datagram
	if speaks_tcp; then
		check "TCP on the wire" over_tcp
		check "TCP on the wire: the server ends" stop_httpd
		check "TCP on the wire, LISTEN: a server" over_tcp --only LISTEN
		check "TCP on the wire, LISTEN: the server ends" stop_httpd
		check "packetdrill's way" drilled 22 280 teach run --wire tcp
	else
		skipped "TCP on the wire" "not in this module"
	fi
}

# --- network namespaces ---------------------------------------------------

elsewhere()
{
	serve $port ip netns exec $a teach run ip netns exec $b \
		httpd --family inet && says hello get $url/a.txt
}

# What the supervisor enters, it leaves.
and_back()
{
	# shellcheck disable=SC2016
	says "stream: family 22, type 1
stream: family 22, type 1
$(readlink /proc/self/ns/net)" teach run bash -c '
		unshare -n "$0" socket
		"$0" socket
		readlink "/proc/$(pgrep -x teach)/ns/net"' "$probe"
}

not_entered()
{
	says "stream: family 2, type 1" \
		"${nobody[@]}" "$work/teach" run unshare -rn "$work/probe" socket
}

test_netns()
{
	check "in another namespace" elsewhere
	check "in another namespace: the server ends" stop_httpd
	check "there and back" and_back
	check "where the user may not go" not_entered
}

# --- only those that listen, or connect -----------------------------------

# used FAMILY HOW PORT: what probe says where nothing is changed, but for the
# family of the stream
used()
{
	on_b "$probe" "$2" "$3" < /dev/null | sed "s/^family 2/family $1/"
}

# only WHAT FAMILY HOW PORT [OPTION…]
only()
{
	says "$(used "$2" "$3" "$4")" \
		on_b teach run --only "$1" "${@:5}" "$probe" "$3" "$4"
}

only_as_user()
{
	says "$(on_b "${nobody[@]}" "$work/probe" listen 8484 < /dev/null |
		sed "s/^family 2/family 22/")" \
		on_b "${nobody[@]}" "$work/teach" run --only LISTEN \
		"$work/probe" listen 8484
}

only_httpd()
{
	serve $port teach run --only LISTEN httpd --family inet &&
		says hello get $url/a.txt
}

only_httpget()
{
	says hello on_a teach run --only CONNECT httpget --family inet \
		$url/a.txt
}

test_only()
{
	on_b ip link set lo up
	check "LISTEN: what listens" only LISTEN 22 listen 8484
	check "LISTEN: without an address" only LISTEN 22 listen 0
	check "LISTEN: as an ordinary user" only_as_user
	if speaks_tcp; then
		check "LISTEN: what has the port alone" \
			only LISTEN 22 listen 8484 --wire tcp
	fi
	check "LISTEN: a server" only_httpd
	check "CONNECT: a client" only_httpget
	check "another server" serve $port httpd --family inet
	check "CONNECT: what connects" only connect 22 connect $port
	check "CONNECT: what listens" only CONNECT 2 listen 8484
	check "LISTEN: what connects" only listen 2 connect $port
}

# --- usage ----------------------------------------------------------------

test_usage()
{
	check "no program" gives 2 'which program' teach run
	check "no program after --" gives 2 'which program' teach run --
	check "unknown option" gives 2 "^Try 'teach run --help'" teach run --x
	check "no such wire" gives 2 "value for --wire: 'x'" \
		teach run --wire x true
	check "no such call" gives 2 "value for --only: 'x'" \
		teach run --only x true
	check "--only with --dgram" gives 2 'not for --dgram' \
		teach run --dgram --only LISTEN true
	check "help" gives 0 '^Examples' teach run --help
}

# What keeps the module may be somebody else's.
unload()
{
	local tries

	# shellcheck disable=SC2086
	kill $servers 2> /dev/null
	wait
	servers=
	ip netns del $a
	ip netns del $b
	for ((tries = 0; tries < 200; tries++)); do
		! rmmod teach 2> /dev/null || return 0
		sleep 0.1
	done
	return 1
}

# At the end: the cards go with the module.
test_without_module()
{
	if [ -z "$TEACH_MODULE" ] || ! unload; then
		skipped "without the module" "it is in use"
		return
	fi
	check "without the module" gives 1 'is the module teach loaded' \
		teach run true
	insmod "$TEACH_MODULE"
}

run_tests test_sockets test_surroundings test_programs test_netns test_only \
	test_usage test_without_module

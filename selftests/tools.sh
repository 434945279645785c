#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What `teach ss`, `teach stat` and `teach hash` say is what is so: columns and
# words against what the test knows of its connections, filters, who is told
# what, and what they say to bad options.  What the kernel says is diag.c's.

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"

teach=$(command -v teach)

# An ordinary user on host A.
user_on_a()
{
	on_a setpriv --reuid 1000 --regid 1000 --clear-groups "$@"
}

# value PROGRAM HOST [OPTION…]: of the only socket that ss lists
value()
{
	local program=$1 host=$2

	shift 2
	teach ss -j -N "$host" "$@" | jq -e "if length == 1 then .[0] else
		error(\"\(length) sockets\") end | $program"
}

# is WANT PROGRAM HOST [OPTION…]
is()
{
	local want=$1 got

	shift
	got=$(value "$@")
	echo "$1 is '$got', want '$want'"
	[ "$got" = "$want" ]
}

# A client that does not read, of a file that is more than all buffers hold.
start_client()
{
	truncate -s 64M "$work/www/huge"
	mkfifo "$work/fifo"
	ip netns exec $a httpget -o "$work/fifo" $url/huge 2> "$work/client" &
	client=$!
	servers="$servers $client"
	exec 6<> "$work/fifo"
	eventually fills
}

fills()
{
	[ "$(value .send_q $b dport = ":$(client_port)")" -gt 0 ]
} 2> /dev/null

client_port()
{
	value .local.port $a
}

end_client()
{
	exec 6>&-
	kill "$client" 2> /dev/null
	wait "$client" 2> /dev/null
	rm "$work/fifo"
}

# --- teach ss: what it says -------------------------------------------------

# The inode and descriptor of a process's socket: as /proc has them.
descriptor()
{
	find "/proc/$1/fd" -lname 'socket:*' -printf '%f %l\n' |
		tr -dc '0-9 \n' | grep " $2$"
}

listener()
{
	local ino fd

	ino=$(value .inode $b -le) && read -r fd _ <<< \
		"$(descriptor "$server" "$ino")" || return
	gives 0 "^teach +LISTEN +0 +77 +10.9.0.2:$port +0.0.0.0:\* users:\(\(\"httpd\",pid=$server,fd=$fd\)\) uid:0 ino:$ino sk:[0-9a-f]+ <->$" \
		teach ss -lepHN $b
}

titles()
{
	gives 0 '^Netid +State +Recv-Q +Send-Q +Local Address:Port +Peer Address:Port +Process$' \
		teach ss -pN $a && [ -z "$(teach ss -lHN $a)" ]
}

# What one end has sent the other has received, and so on.
info()
{
	eventually acked && eventually agree &&
		is "$(value .info.snd_wscale $b -i)" .info.rcv_wscale $a -i &&
		is '"cubic"' .cong $a -i &&
		is 1500 .info.pmtu $a -i && is 1448 .info.snd_mss $a -i
}

# The window is shut, so one may have asked again since the other was looked at.
agree()
{
	[ "$(value .info.bytes_received $b -i)" = \
	  "$(value .info.bytes_sent $a -i)" ] &&
		[ "$(value .info.segs_in $b -i)" = \
		  "$(value .info.segs_out $a -i)" ]
}

acked()
{
	[ "$(value .info.bytes_received $a -i)" = \
	  "$(value '.info.bytes_acked - 1' $b -i)" ] &&
		[ "$(value .info.unacked $b -i)" = 0 ]
}

# As ss(8) has it for TCP, with its words in its order.
words()
{
	gives 0 "^skmem:\(r[0-9]+,rb[0-9]+,t0,tb[0-9]+,f[0-9]+,w[0-9]+,o0,bl[0-9]+,d0\) ts sack cubic wscale:[0-9]+,[0-9]+ rto:[0-9.]+ .*rtt:[0-9.]+/[0-9.]+ .*mss:1448 pmtu:1500 rcvmss:[0-9]+ advmss:1448 cwnd:[0-9]+ .*bytes_sent:[0-9]+ .*bytes_acked:[0-9]+ .*segs_out:[0-9]+ segs_in:[0-9]+ data_segs_out:[0-9]+ .*send [0-9]+bps .*delivered:[0-9]+ .*busy:[0-9]+ms rwnd_limited:.*notsent:[0-9]+ minrtt:" \
		squeeze teach ss -tinemH -N $b
}

# Lines without the blanks they begin with.
squeeze()
{
	"$@" | tr '\t' ' ' | tr -s ' '
}

memory()
{
	[ "$(value .skmem.rmem_alloc $a -m)" -ge \
	  "$(value .recv_q $a)" ] &&
		[ "$(value .skmem.wmem_queued $b -m)" -ge \
		  "$(value .send_q $b)" ] &&
		is null .skmem $a
}

# The window is shut: the server asks again and again whether it has opened.
timer()
{
	eventually is '"persist"' .timer.name $b -o > /dev/null &&
		gives 0 'timer:\(persist,[0-9.a-z]+,[0-9]+\)$' \
			teach ss -oH -N $b
}

process()
{
	is "$client" '.processes[0].pid' $a -p &&
		is '"httpget"' '.processes[0].name' $a -p
}

# An ordinary user sees the socket, but not who has it.
process_of_others()
{
	gives 0 "10.9.0.2:$port$" user_on_a "$teach" ss -pH
}

again_and_again()
{
	timeout 10 teach ss -H --watch -N $a > "$work/watch" &
	set -- $!
	servers="$servers $1"
	eventually three_times
	set -- "$1" $?
	kill "$1"
	wait "$1"
	[ "$2" -eq 0 ]
}

three_times()
{
	[ "$(grep -c ESTABLISHED "$work/watch")" -ge 3 ]
}

# Of datagrams there is no state but this.
datagrams()
{
	local pid want

	# shellcheck disable=SC2016
	ip netns exec $a perl -MSocket -e '
		socket(S, 22, SOCK_DGRAM, 0) or die $!;
		bind(S, sockaddr_in(7001, INADDR_ANY)) or die $!;
		sleep' &
	pid=$!
	servers="$servers $pid"
	eventually is 7001 .local.port $a -ua > /dev/null
	gives 0 '^dgram +UNCONN +0 +0 +0.0.0.0:7001 +0.0.0.0:\*$' \
		teach ss -uaH -N $a
	want=$?
	[ -z "$(teach ss -uH -N $a)" ] &&
		! grep -q dgram <<< "$(teach ss -ta -N $a)" || want=1
	kill $pid
	wait $pid
	return $want
}

# --- teach ss: which, and their end -------------------------------------------

# lists N [WORD…]: so many on host A
lists()
{
	local want=$1 got

	shift
	got=$(teach ss -H -N $a "$@" | wc -l)
	echo "$*: $got sockets, want $want"
	[ "$got" -eq "$want" ]
}

filters()
{
	local p

	p=$(client_port)
	lists 1 && lists 1 dport = ":$port" && lists 0 dport = :9 &&
		lists 1 sport "$p" && lists 0 sport = ":$port" &&
		lists 1 "sport = :$p dport=:$port" &&
		lists 1 state established && lists 0 state time-wait &&
		lists 1 state ESTABLISHED && lists 1 state connected &&
		lists 0 exclude established &&
		lists 1 state time-wait state established &&
		lists 1 dst 10.9.0.2 && lists 0 dst 10.9.0.1 &&
		lists 1 "dst 10.9.0.2:$port" && lists 0 dst 10.9.0.2:9 &&
		lists 1 src 10.9.0.0/24 && lists 0 src 10.8.0.0/24 &&
		lists 1 src 10.8.0.0/15 && lists 1 src '*' &&
		lists 0 dev teach0 && lists 1 -t && lists 0 -u &&
		lists 0 -l
}

bad_filters()
{
	gives 2 "what is 'x'" teach ss x &&
		gives 2 'sport what' teach ss sport &&
		gives 2 "bad sport '0'" teach ss sport = 0 &&
		gives 2 "bad sport ':65536'" teach ss sport = :65536 &&
		gives 2 "bad state 'x'" teach ss state x &&
		gives 2 "bad src '10.9'" teach ss src 10.9 &&
		gives 2 "bad dst '10.9.0.0/33'" teach ss dst 10.9.0.0/33 &&
		gives 2 "bad dev 'nil'" teach ss dev nil &&
		gives 2 "--watch: '0'" teach ss --watch=0
}

not_for_users()
{
	gives 1 'Operation not permitted' user_on_a "$teach" ss -K && lists 1
}

destroys()
{
	local status

	gives 0 "ESTABLISHED .* 10.9.0.2:$port$" \
		teach ss -KH -N $a dport = ":$port" || return
	cat <&6 > /dev/null &
	servers="$servers $!"
	wait "$client"
	status=$?
	kill $!
	cat "$work/client"
	[ $status -ne 0 ] && lists 0 &&
		grep -q 'connection abort' "$work/client"
}

test_ss()
{
	check "ss: httpd starts" start_httpd
	check "ss: a listener, and who has it" listener
	check "ss: the titles" titles
	check "ss: a client that does not read" start_client
	check "ss: -i: the two ends agree" info
	check "ss: -tinem: in ss's words" words
	check "ss: -m: the buffers hold what the queues have" memory
	check "ss: -o: the timer" timer
	check "ss: -p: the process" process
	check "ss: -p: not others'" process_of_others
	check "ss: --watch" again_and_again
	check "ss: -u: datagrams" datagrams
	check "ss: filters" filters
	check "ss: bad filters" bad_filters
	check "ss: -K: not for users" not_for_users
	check "ss: -K: destroys" destroys
	end_client
	check "ss: httpd ends when asked to" stop_httpd
}

# --- teach stat -----------------------------------------------------------

history=$work/history

stat_on_b()
{
	TEACH_STAT_HISTORY=$history teach stat -N $b "$@"
}

# counter NAME: of host B
counter()
{
	# shellcheck disable=SC2016
	on_b awk -v name="$1" '$1 == name { print $2 }' \
		/proc/net/teach/counters
}

# Each name and its value, as the file has them.
absolute()
{
	on_b cat /proc/net/teach/counters > "$work/counters"
	stat_on_b -az | awk '{ print $1, $2 }' | diff - "$work/counters"
}

not_zero()
{
	grep -v ' 0$' "$work/counters" > "$work/not_zero"
	stat_on_b -a | awk '{ print $1, $2 }' | diff - "$work/not_zero"
}

since()
{
	stat_on_b > /dev/null
	[ -z "$(stat_on_b)" ] || return
	get $url/a.txt > /dev/null && get $url/a.txt > /dev/null || return
	gives 0 '^PassiveOpens +2$' stat_on_b &&
		[ -z "$(stat_on_b PassiveOpens)" ]
}

# Nothing is told twice, even if not all was asked for.
patterns()
{
	get $url/a.txt > /dev/null
	[[ $(stat_on_b 'Passive*') =~ ^PassiveOpens\ +1$ ]] &&
		[ -z "$(stat_on_b PassiveOpens)" ] &&
		[[ $(stat_on_b -z ActiveOpens) =~ ^ActiveOpens\ +0$ ]] &&
		[ -z "$(stat_on_b -z 'Nothing*')" ]
}

json()
{
	[ "$(stat_on_b -j -a | jq .PassiveOpens)" = "$(counter PassiveOpens)" ]
}

rates()
{
	stat_on_b -j -z -n 1 'PassiveOpens' > "$work/rates" &
	set -- $!
	servers="$servers $1"
	eventually opens_seen
	set -- "$1" $?
	kill "$1"
	wait "$1"
	[ "$2" -eq 0 ]
}

opens_seen()
{
	get $url/a.txt > /dev/null
	jq -es 'any(.[]; .PassiveOpens > 0)' "$work/rates" > /dev/null
}

# Counters that begin anew, with the module or the machine.
anew()
{
	stat_on_b > /dev/null
	sed -i 's/^InSegs .*/InSegs 99999999/' "$history"
	gives 0 "^InSegs +$(counter InSegs)$" stat_on_b InSegs || return
	sed -i '1s/.*/another-boot/' "$history"
	gives 0 '^PassiveOpens +[1-9]' stat_on_b PassiveOpens
}

# Somebody has put it there for us to write to.
foreign_history()
{
	ln -s "$work/victim" "$work/link"
	gives 1 'cannot open' env TEACH_STAT_HISTORY="$work/link" \
		teach stat -N $b && [ ! -e "$work/victim" ] || return
	touch "$work/theirs"
	chown 1000 "$work/theirs"
	gives 1 'not a file of yours' \
		env TEACH_STAT_HISTORY="$work/theirs" teach stat -N $b
}

# Each namespace has its own, and so has each user.
own_history()
{
	local own

	own=/tmp/.teach-stat.u1000.$(on_a stat -L -c %i /proc/self/ns/net)
	user_on_a "$teach" stat > /dev/null && [ -f "$own" ]
	set -- $?
	rm -f "$own"
	return "$1"
}

test_stat()
{
	check "stat: httpd starts" start_httpd
	check "stat: one connection" to_null get $url/a.txt
	check "stat: -az: the counters" absolute
	check "stat: -a: those that are not 0" not_zero
	check "stat: what has happened since" since
	check "stat: patterns" patterns
	check "stat: -j" json
	check "stat: -n: rates" rates
	check "stat: counters that begin anew" anew
	check "stat: a history that is not ours" foreign_history
	check "stat: a history for each user and netns" own_history
	check "stat: help" gives 0 '^Examples' teach stat -h
	check "stat: bad interval" gives 2 "--interval: 'x'" teach stat -n x
	check "stat: httpd ends when asked to" stop_httpd
}

to_null()
{
	"$@" > /dev/null
}

# --- teach hash -----------------------------------------------------------

# The chains are all there are, and the connections in them, too.
adds_up()
{
	teach hash -j -N $a | jq -e '
		(.chains | add) == .buckets and
		([.chains | to_entries[] | .key * .value] | add) == .entries
		and .entries == 1'
}

occupancy()
{
	gives 0 '^1 connections in 1024 chains, 0.00 in each; a look-up passes 1.00$' \
		teach hash -N $a &&
		gives 0 '^1 +1 +1$' teach hash -N $a
}

# where PATTERN FOREIGN
where()
{
	gives 0 "$1" teach hash -N $a teach "10.9.0.1:$(client_port)" "$2"
}

falls()
{
	where '^chain [0-9]+ of 1024, with 1 connections: number 1 is this socket$' \
		10.9.0.2:$port &&
		where '^chain [0-9]+ of 1024, with [01] connections: not this one$' \
			10.9.0.3:$port
}

bad_tuples()
{
	gives 2 'neither teach nor tcp' teach hash udp 1.2.3.4:5 1.2.3.4:6 &&
		gives 2 "'1.2.3.4' is not" teach hash tcp 1.2.3.4 1.2.3.4:6 &&
		gives 2 "'1.2.3:6' is not" teach hash 6 1.2.3.4:5 1.2.3:6 &&
		gives 2 'not PROTOCOL' teach hash teach
}

hidden()
{
	gives 1 'for root only' user_on_a "$teach" hash &&
		gives 1 'for CAP_NET_ADMIN only' user_on_a "$teach" hash \
			teach 10.9.0.1:1 10.9.0.2:2
}

test_hash()
{
	check "hash: httpd starts" start_httpd
	# What is left of the others' connections falls anywhere.
	teach ss -K -N $a state time-wait > /dev/null
	check "hash: a connection" start_client
	check "hash: chains and connections add up" adds_up
	check "hash: how full it is" occupancy
	check "hash: where a 5-tuple falls" falls
	check "hash: bad 5-tuples" bad_tuples
	check "hash: not for users" hidden
	check "hash: help" gives 0 '^Examples' teach hash -h
	end_client
	check "hash: httpd ends when asked to" stop_httpd
}

# --- What is written about them ------------------------------------------------

docs=$(dirname "$(readlink -f "$0")")/../userspace

# The long options of a command, as its help names them.
long_options()
{
	teach "$1" --help | grep -oE '^ +(-[a-zA-Z], |    )--[a-z-]+' |
		grep -oE -- '--[a-z-]+'
}

# The man page has every option.
man_page()
{
	local command option

	for command in ss stat hash; do
		for option in $(long_options $command); do
			echo "$command $option"
			grep -q "Fl Fl ${option#--}" "$docs/teach.8" || return
		done
	done
	teach help | awk '$1 == "teach" { print $2 }' > "$work/commands"
	while read -r command; do
		echo "$command"
		grep -q "^\.It Cm $command " "$docs/teach.8" || return
	done < "$work/commands"
}

# completes WANT WORD…: the last is not whole
completes()
{
	local want=$1

	shift
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	_teach
	echo "$*: ${COMPREPLY[*]}, want $want"
	[ "${COMPREPLY[*]}" = "$want" ]
}

completion()
{
	# shellcheck source=userspace/teach.bash-completion
	. "$docs/teach.bash-completion"
	completes 'ss stat' teach s && completes --watch teach ss --w &&
		completes fin-wait-1\ fin-wait-2 teach ss state fin &&
		completes sport teach ss sp && completes $a teach ss -N $a &&
		completes teach\ tcp teach hash t &&
		completes PassiveOpens teach stat Pass
}

test_docs()
{
	check "man page: every command and option" man_page
	check "bash completion" completion
}

command -v jq setpriv perl > /dev/null || skip "no jq, setpriv or perl"
run_tests test_ss test_stat test_hash test_docs

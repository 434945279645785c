#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The programs, used as people use them: httpget against httpd, on both
# families, and what all of them say to bad options.  (httpd is spoken to by
# hand in http.c.)

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"

fetches()
{
	get -o "$work/big" $url/big && cmp "$work/big" "$work/www/big"
}

to_stdout()
{
	[ "$(get $url/a.txt)" = hello ]
}

keeps_alive()
{
	gives 0 '^/b.txt: 200, 6 bytes' get -v -o "$work/1" -o "$work/2" \
		$url/a.txt $url/b.txt &&
		[[ ! $output =~ connected.*connected ]] &&
		[ "$(cat "$work/1" "$work/2")" = $'hello\nother' ]
}

many_at_once()
{
	local i pids=

	for i in $(seq 10); do
		get -o "$work/many.$i" $url/a.txt &
		pids+=" $!"
	done
	for i in $pids; do
		wait "$i" || return
	done
	cat "$work"/many.* | sort | uniq -c | grep -q '10 hello'
}

# The file shrinks while it is sent: its Content-Length becomes a lie.
short_body()
{
	local pid

	truncate -s 64M "$work/www/shrinks" && mkfifo "$work/fifo" || return
	get -o "$work/fifo" $url/shrinks 2> "$work/err" &
	pid=$!
	exec 5< "$work/fifo"	# opened by httpget after the head
	truncate -s 1 "$work/www/shrinks"
	cat <&5 > "$work/shrunk"
	exec 5<&-
	rm "$work/fifo"
	wait $pid
	[ $? -eq 1 ] && grep -E 'closed after [0-9]+ of 67108864' "$work/err"
}

test_http()
{
	family=$1
	check "$1: httpd starts" start_httpd
	check "$1: a file of 3 MB" fetches
	check "$1: to standard output" to_stdout
	check "$1: two files over one connection" keeps_alive
	check "$1: HEAD" gives 0 '^Content-Length: 3000000' get -I $url/big
	check "$1: 10 clients at once" many_at_once
	check "$1: 404" gives 3 'answered 404' get $url/none
	check "$1: closed before the end" short_body
	check "$1: port in use" gives 1 'Address already in use' \
		on_b httpd --family "$1" --address 10.9.0.2 --port $port
	check "$1: no such address" gives 1 'Cannot assign requested address' \
		on_b httpd --family "$1" --address 10.9.0.77 --port $port
	check "$1: httpd ends when asked to" stop_httpd
	check "$1: connection refused" gives 1 'Connection refused' get $url/
}

test_inet()
{
	test_http inet
}

test_teach()
{
	test_http teach
}

test_usage()
{
	check "httpget: not a URL" gives 2 'not http://' httpget ftp://x/
	check "httpget: port 0" gives 2 'not http://' httpget http://1.2.3.4:0/
	check "httpget: no URL" gives 2 'no URL' httpget
	check "httpget: no such family" gives 2 "no family 'x'" \
		httpget --family x http://1.2.3.4/
	check "httpget: help" gives 0 '^Usage' httpget --help
	check "httpd: no such directory" gives 1 "'/nowhere'" \
		httpd --root /nowhere
	check "httpd: bad port" gives 2 "--port: '65536'" httpd --port 65536
	check "httpd: no such model" gives 2 "--model: 'x'" httpd --model x
	check "httpd: no workers" gives 2 'epoll has no --workers' \
		httpd --workers 2
	check "httpd: help" gives 0 '^Usage' httpd --help
	check "teach: no command" gives 2 '^Usage' teach
	check "teach: unknown command" gives 2 "no command 'x'" teach x
	check "teach: help" gives 0 'ladder' teach help
	check "teach ss: help" gives 0 '^Examples' teach ss -h
	check "teach ladder: help" gives 0 '^Examples' teach ladder -h
	check "teach ss: no such netns" gives 1 "no netns 'nil'" teach ss -N nil
}

run_tests test_usage test_inet test_teach

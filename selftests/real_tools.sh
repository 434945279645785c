#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# socat, redis and iperf3.

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"
# shellcheck source=selftests/ways.inc
. "$(dirname "$(readlink -f "$0")")/ways.inc"

# --- socat ----------------------------------------------------------------

# -t: how long socat waits, when one direction has ended, for the other.
echoed()
{
	client socat -t 600 - TCP:10.9.0.2:$port < "$work/big" \
		> "$work/got" && cmp "$work/big" "$work/got"
}

# The server reads until the client has shut down its side, and only then
# writes: the other half of the connection still carries all of it.
half_closed()
{
	client socat -t 600 - TCP:10.9.0.2:$port < "$work/big" \
		> "$work/got" && cmp "$work/other" "$work/got" &&
		cmp "$work/big" "$work/sent"
}

socat_server()
{
	serve $port socat -t 600 TCP-LISTEN:$port,bind=10.9.0.2,reuseaddr "$@"
}

# socat's server serves one connection and ends.
socat_both_ways()
{
	check "$way: socat starts" socat_server EXEC:cat
	try "socat both ways at once" echoed
	check "$way: socat ends" wait "$server"
	check "$way: socat starts again" socat_server \
		SYSTEM:"cat > $work/sent && cat $work/other"
	try "socat after shutdown" half_closed
	check "$way: socat ends again" wait "$server"
}

# --- redis ----------------------------------------------------------------

redis_cli()
{
	client redis-cli -h 10.9.0.2 -p $port "$@"
}

# redis-cli ends what it prints with a newline.
set_and_get()
{
	[ "$(redis_cli -x set big < "$work/big")" = OK ] &&
		redis_cli --raw get big > "$work/got" &&
		truncate -s -1 "$work/got" && cmp "$work/big" "$work/got"
}

benchmark()
{
	client redis-benchmark -h 10.9.0.2 -p $port -c 20 -n 2000 \
		-t set,get,lrange_100 --csv > "$work/csv"
	cat "$work/csv"
	grep -q '"GET"' "$work/csv" && ! grep -qi error "$work/csv" &&
		redis_cli info commandstats > "$work/stats" &&
		grep -qE 'cmdstat_get:calls=[0-9]{4}.*failed_calls=0' \
			"$work/stats"
}

redis()
{
	check "$way: redis starts" serve $port redis-server --bind 10.9.0.2 \
		--port $port --save '' --dir "$work" --protected-mode no
	try "redis-cli sets and gets 1 MiB" set_and_get
	try "redis-benchmark" benchmark
	check "$way: redis ends" end_server
}

# --- iperf3 ---------------------------------------------------------------

# The receiver stops counting when the sender says that it has sent all, and
# some megabytes may still be on their way in the buffers.
iperf_client()
{
	client iperf3 -c 10.9.0.2 -p $port -n "$iperf_bytes" -J "$@" \
		> "$work/iperf" || { cat "$work/iperf"; return 1; }
	python3 - "$work/iperf" "$iperf_bytes" <<-'END'
		import json, sys
		end = json.load(open(sys.argv[1]))["end"]
		n = [end[s]["bytes"] for s in ("sum_sent", "sum_received")]
		print("sent %d, received %d" % tuple(n))
		sys.exit(n[0] < int(sys.argv[2]) or not n[1])
	END
}

iperf()
{
	check "$way: iperf3 starts" serve $port iperf3 -s -B 10.9.0.2 -p $port
	try "iperf3, to the server" iperf_client
	try "iperf3, from the server" iperf_client -R
	try "iperf3, four at once" iperf_client -P 4
	check "$way: iperf3 ends" end_server
}

test_tools()
{
	iperf_bytes=33554432
	! on_debug_kernel || iperf_bytes=4194304
	random_file "$work/big" 1048576
	random_file "$work/other" 2000001
	in_each_way socat_both_ways redis iperf
}

needs socat redis-server redis-cli redis-benchmark iperf3 python3
run_tests test_tools

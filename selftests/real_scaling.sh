#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# How servers scale: the processes, threads and sockets of each without a client
# and with 1,000, all in the middle of a request.  What is seen is written to
# out/scaling.md, beside the figures of the course notes.

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"
# shellcheck source=selftests/ways.inc
. "$(dirname "$(readlink -f "$0")")/ways.inc"

clients=1000

# --- what there is --------------------------------------------------------

# The processes that come from the server, and all their threads.  The name is
# in brackets, and may have blanks.
tasks()
{
	cat /proc/[0-9]*/stat 2> /dev/null | awk -v top="$server" '
		{
			sub(/\(.*\)/, "name")
			parent[$1] = $4
			threads[$1] = $20
		}
		END {
			for (pid in parent) {
				p = pid
				while (p && p != top)
					p = parent[p]
				if (!p)
					continue
				n++
				all += threads[pid]
			}
			print n + 0, all + 0
		}'
}

# Those that listen, those that are connected, and how many of these are in an
# accept queue.
sockets()
{
	on_b cat /proc/net/teach/sockets | awk '
		$2 == "LISTEN" { listening++; queued += $3 }
		$2 == "ESTABLISHED" { connected++ }
		END { print listening + 0, connected + 0, queued + 0 }'
}

# A JVM has threads of its own: of the server are those with this name.
own_threads()
{
	if [ -z "$thread_name" ]; then
		echo "$threads"
	else
		cat "/proc/$server/task"/*/comm | grep -c "^$thread_name"
	fi
}

count()
{
	read -r processes threads < <(tasks)
	read -r listening connected queued < <(sockets)
	own=$(own_threads)
}

# comes_to PROCESSES THREADS CONNECTED QUEUED: THREADS is a number, or "6|10"
# for either, or "-" for any
comes_to()
{
	local end=$((SECONDS + patience))

	until count && [ "$processes" -eq "$1" ] &&
	      { [ "$2" = - ] || [[ $own =~ ^($2)$ ]]; } &&
	      [ "$listening" -eq 1 ] && [ "$connected" -eq "$3" ] &&
	      [ "$queued" -eq "$4" ]; do
		if [ $SECONDS -ge $end ] || [ "$processes" -eq 0 ]; then
			echo "processes $processes, want $1; threads $own," \
				"want $2; listening $listening, want 1;" \
				"connected $connected, want $3;" \
				"in the accept queue $queued, want $4"
			return 1
		fi
		sleep 0.2
	done
}

# --- the clients ----------------------------------------------------------

ask_httpd()
{
	first=$'GET /a.txt HTTP/1.1\r\nHost: b\r\nConnection: close\r\n'
	rest=$'\r\n'
	answer=$'hello\n'
}

# The head is whole, so that a program is asked, which then waits for the body.
ask_program()
{
	first=$'POST / HTTP/1.1\r\nHost: b\r\nConnection: close\r\n'
	first+=$'Content-Length: 5\r\n\r\n'
	rest=hello
	answer=$(printf %s "$rest" | sha256sum | cut -d' ' -f1)
}

connect_clients()
{
	rm -f "$work/go" "$work/held"
	mkfifo "$work/go"
	client "$selftests/servers/hold.py" 10.9.0.2 $port $clients \
		"$first" "$rest" "$answer" < "$work/go" > "$work/held" 2>&1 &
	holder=$!
	servers+=" $holder"
	exec 3> "$work/go"
	eventually have_connected
	cat "$work/held"
	grep -qx "held $clients" "$work/held"
}

have_connected()
{
	[ -s "$work/held" ] || ! kill -0 "$holder" 2> /dev/null
}

all_answered()
{
	echo >&3
	exec 3>&-
	wait "$holder"
	set -- $?
	cat "$work/held"
	[ "$1" -eq 0 ] && grep -qx "answered $clients" "$work/held"
}

# --- one server -----------------------------------------------------------

# row FILE NOTES: what has been counted, as a line of a table
row()
{
	local all=$threads

	[ -z "$thread_name" ] || all="$threads, $own its own"
	echo "| $name | $processes | $all | $((listening + connected))" \
		"| $queued | $2 |" >> "$work/$1"
}

# about NAME: what follows is about it
about()
{
	name=$1
	thread_name=
	notes_start=-
	notes_clients=-
	differs=
}

# scales "PROCESSES THREADS" "PROCESSES THREADS QUEUED" COMMAND…: without
# clients, and with them
scales()
{
	local start=$1 with=$2
	shift 2

	check "$name starts" serve $port "$@"
	# shellcheck disable=SC2086
	check "$name without a client" comes_to $start 0 0
	row start "$notes_start"
	check "$name: $clients clients connect" connect_clients
	# shellcheck disable=SC2086
	set -- $with
	check "$name with $clients clients" comes_to "$1" "$2" $clients "$3"
	row clients "$notes_clients"
	[ -z "$differs" ] ||
		printf -- '- **%s.**\n  %s\n' "$name" "$differs" >> "$work/differs"
	check "$name answers all of them" all_answered
	check "$name ends" end_server
}

# our_httpd MODEL "PROCESSES THREADS" "PROCESSES THREADS QUEUED" [SENTENCE]
our_httpd()
{
	about "httpd --model $1"
	differs=${4-}
	scales "$2" "$3" httpd --family inet --address 10.9.0.2 --port $port \
		--root "$work/www" --backlog $clients --timeout 3600 --model "$1"
}

# --- all of them ----------------------------------------------------------

blocking="The notes' rule that a blocking server has no more connections than
  workers is true of those that are served, here 8. The kernel completes a
  handshake without the program: the others are connected too, and wait in the
  accept queue, whose length is what listen(2) is told, here $clients, if
  net.core.somaxconn allows it."

our_servers()
{
	our_httpd fork "1 1" "$((clients + 1)) $((clients + 1)) 0"
	our_httpd prefork "9 9" "9 9 $((clients - 8))" "$blocking"
	our_httpd thread "1 1" "1 $((clients + 1)) 0"
	our_httpd pool "1 9" "1 9 $((clients - 8))" "As prefork."
	our_httpd epoll "1 1" "1 1 0"
	our_httpd loops "1 9" "1 9 0"
	our_httpd uring "1 1" "1 1 0"
}

python_servers()
{
	about "uvicorn, 1 worker"
	notes_start="1, 1, 1"
	notes_clients="1, 1, 1001"
	differs="It has one thread because the application's functions are
  \`async def\`. A plain \`def\`, as in the notes' main.py, is called in a pool
  of up to 40 threads."
	scales "1 1" "1 1 0" "${uvicorn[@]}" 1

	about "uvicorn, 4 workers"
	notes_start="4, 4, 1 shared"
	notes_clients="4, 4, 1001"
	differs="Two processes more: the parent, which watches the workers, and
  one that Python's multiprocessing keeps to clean up after them. The workers
  are no forks, but started anew, and are handed the listening socket."
	# From 0.30 on, each worker has a thread that tells its parent that it
	# is alive.
	scales "6 6|10" "6 6|10 0" "${uvicorn[@]}" 4

	about "gunicorn, 4 × 2"
	notes_start="4, 8, 1 shared"
	notes_clients="4, 8, at most 8 connections"
	differs="The master is one process more. A worker has its two threads
  only when there is something to do, and a third, which accepts. The limit of 8
  is one of requests, not of connections: told to use threads, a worker is
  gthread, not sync, accepts up to 1,000 connections (--worker-connections), and
  lets those wait that it has no thread for."
	scales "5 5" "5 13 0" "${gunicorn[@]}"
}

java_servers()
{
	mkdir "$work/tomcat"
	about "Tomcat, 200 threads"
	thread_name=http-ni
	notes_start="1, ~10, 1"
	notes_clients="1, 200+, at most 200 or queue"
	differs="Of its own threads one accepts, one polls, and the others are
  the pool, 10 at first; the rest are the JVM's. The pool limits the requests
  that are under way, not the connections, of which it accepts 8,192
  (maxConnections): here 800 requests wait in Tomcat for a thread. A connection
  without a request takes none: the connector has not been a blocking one since
  Tomcat 8."
	scales "1 12" "1 202 0" "${tomcat[@]}"

	about "Netty, 1 + 4"
	thread_name=nioEven
	notes_start="1, 5, 1"
	notes_clients="1, 5, 1001"
	differs="At the start there is only the boss: a worker's thread starts
  with its first connection. Those that are not Netty's are the JVM's."
	scales "1 1" "1 5 0" "${netty[@]}"
}

# Go makes a thread when another one is stuck in a call, and that is chance.
other_servers()
{
	about "Go"
	differs="The notes have no figures. Each connection has a goroutine, and
  those that wait have no thread."
	scales "1 -" "1 - 0" "${go_server[@]}"
}

# --- the report -----------------------------------------------------------

table()
{
	cat <<-END

		## $2

		| server | processes | threads | sockets | in the accept queue | notes: processes, threads, sockets |
		|---|---|---|---|---|---|
	END
	cat "$work/$1"
}

report()
{
	cat <<-END
		# How servers scale

		Seen on AF_TEACH by selftests/real_scaling.sh: the sockets in
		/proc/net/teach/sockets, the processes and threads in /proc.
		The last column is what the course notes say of these.
	END
	table start "Without a client"
	table clients "With $clients connections"
	cat <<-END

		Each connection has brought half a request. After this was
		counted, the rest came, and all were answered.

		## Where it is not as the notes say

	END
	cat "$work/differs"
}

test_scaling()
{
	choose_way server
	ask_httpd
	our_servers
	ask_program
	python_servers
	java_servers
	other_servers
	# It says that all were answered.
	[ $failed -gt 0 ] || report | tee "$out/scaling.md" | sed 's/^/# /'
}

needs_built server TomcatServer.class NettyServer.class
needs python3 uvicorn gunicorn java
run_tests test_scaling

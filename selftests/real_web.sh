#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# curl and wget against Python's http.server and nginx, and wrk against nginx.

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"
# shellcheck source=selftests/ways.inc
. "$(dirname "$(readlink -f "$0")")/ways.inc"

curl_fetches()
{
	client curl -sS -o "$work/got" $url/file && cmp "$work/www/file" "$work/got"
}

wget_fetches()
{
	client wget -nv -O "$work/got" $url/file && cmp "$work/www/file" "$work/got"
}

http_server()
{
	check "$way: python3 -m http.server starts" serve $port \
		python3 -m http.server --bind 10.9.0.2 --directory "$work/www" \
		$port
	try "curl from http.server" curl_fetches
	try "wget from http.server" wget_fetches
	check "$way: http.server ends" end_server
}

# Each connection that it makes counts; that of the first file serves for all.
keeps_alive()
{
	[ "$(client curl -sS -w '%{num_connects} ' -o "$work/1" -o "$work/2" \
		-o "$work/3" $url/a.txt $url/file $url/b.txt)" = "1 0 0 " ] &&
		cmp "$work/1" "$work/www/a.txt" &&
		cmp "$work/2" "$work/www/file" && cmp "$work/3" "$work/www/b.txt"
}

# Where the guest is slow, a request may take longer than the two seconds that
# wrk gives it.
wrk_runs()
{
	client wrk -t 2 -c 20 -d 1s --timeout 100s $url/a.txt > "$work/wrk"
	cat "$work/wrk"
	grep -qE '[1-9][0-9]* requests in' "$work/wrk" &&
		! grep -qE 'Socket errors|Non-2xx' "$work/wrk"
}

configure_nginx()
{
	cat > "$work/nginx.conf" <<-END
		daemon off;
		user root;
		worker_processes 2;
		pid $work/nginx.pid;
		events { worker_connections 512; }
		http {
			access_log off;
			sendfile on;
			tcp_nopush on;
			server {
				listen 10.9.0.2:$port;
				root $work/www;
			}
		}
	END
}

nginx_serves()
{
	check "$way: nginx starts" serve $port \
		nginx -c "$work/nginx.conf" -e stderr
	try "curl from nginx" curl_fetches
	try "curl keeps its connection to nginx" keeps_alive
	try "wget from nginx" wget_fetches
	try "wrk for a second" wrk_runs
	check "$way: nginx ends" end_server
}

test_web()
{
	random_file "$work/www/file" 10485760
	configure_nginx
	in_each_way http_server nginx_serves
}

needs curl wget python3 nginx wrk
run_tests test_web

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# PostgreSQL, with psql and pgbench.

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"
# shellcheck source=selftests/ways.inc
. "$(dirname "$(readlink -f "$0")")/ways.inc"

as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)
pg_port=5432

# The programs of the newest version, which are not on PATH.
pg_bin=$(find /usr/lib/postgresql -name bin 2> /dev/null | sort -V |
	tail -n 1)

make_cluster()
{
	local data=$work/data

	chmod 711 "$work" && install -d -o postgres -m 700 "$data" &&
		cd / && "${as_postgres[@]}" "$pg_bin/initdb" -D "$data" \
			-A trust -E UTF8 --no-sync || return
	echo "host all all 10.9.0.0/24 trust" >> "$data/pg_hba.conf"
	cat >> "$data/postgresql.conf" <<-END
		listen_addresses = '10.9.0.2'
		port = $pg_port
		unix_socket_directories = ''
		shared_buffers = 32MB
		fsync = off
		autovacuum = off
	END
}

psql()
{
	client "$pg_bin/psql" -X -q -At -v ON_ERROR_STOP=1 -h 10.9.0.2 \
		-p $pg_port -U postgres "$@"
}

answers()
{
	psql -c 'select 1' > /dev/null 2>&1
}

# A megabyte there and back, and its sum as the server computes it.
copies()
{
	psql -c 'drop table if exists t; create table t (line text)' \
		-c "\\copy t from '$work/text'" \
		-c "\\copy t to '$work/got'" && cmp "$work/text" "$work/got" &&
		[ "$(psql -c "select md5(string_agg(line, E'\\n') || E'\\n')
			from t")" = "$(md5sum < "$work/text" | cut -d' ' -f1)" ]
}

pgbench_fills()
{
	client "$pg_bin/pgbench" -i -q -h 10.9.0.2 -p $pg_port -U postgres \
		postgres && [ "$(psql -c 'select count(*) from
			pgbench_accounts')" = 100000 ]
}

# What the transactions moved must be the same wherever it was written down.
pgbench_runs()
{
	client "$pg_bin/pgbench" -n -c 8 -j 2 -t "$transactions" -h 10.9.0.2 \
		-p $pg_port -U postgres postgres > "$work/bench" ||
		return
	cat "$work/bench"
	grep -q "actually processed: $((8 * transactions))/" "$work/bench" &&
		grep -q 'failed transactions: 0 ' "$work/bench" &&
		[ "$(psql -c 'select count(*) from pgbench_history')" = \
		  $((8 * transactions)) ] &&
		[ "$(psql -c 'select
			(select sum(abalance) from pgbench_accounts) =
			(select sum(delta) from pgbench_history) and
			(select sum(tbalance) from pgbench_tellers) =
			(select sum(delta) from pgbench_history)')" = t ]
}

postgres()
{
	check "$way: postgres starts" serve $pg_port \
		"${as_postgres[@]}" "$pg_bin/postgres" -D "$work/data"
	check "$way: postgres is ready" eventually answers
	try "psql copies 1 MB there and back" copies
	try "pgbench fills its tables" pgbench_fills
	try "pgbench, 8 clients" pgbench_runs
	check "$way: postgres ends" end_server
}

test_postgres()
{
	transactions=50
	! on_debug_kernel || transactions=10
	head -c 750000 /dev/urandom | base64 > "$work/text"
	chmod 644 "$work/text"
	check "initdb" make_cluster
	in_each_way postgres
}

[ -n "$pg_bin" ] || skip "no PostgreSQL: scripts/setup programs installs it"
run_tests test_postgres

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# linux.sh [--only GROUP] [--family inet] [PATTERN]
#
# Linux's own selftests of sockets, built from the kernel's source and linked
# with linux/family.c, which makes their sockets AF_TEACH's.  linux/programs says
# which, how, and why not the others.
#
# --only is for those that linux/programs has in GROUP; --family inet runs all on
# the kernel's own TCP and UDP; PATTERN, of grep -E, only some.

top=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source=scripts/common.sh
. "$top/scripts/common.sh"
list=$top/selftests/linux/programs
dir=$(selftests_dir "${TEACH_KERNEL:-stock}")/linux

n=0
failed=0
group=
family=
pattern=.
work=$(mktemp -d) || exit 1
log=$work/log
trap 'rm -rf "$work"' EXIT

# A clock that counts instructions leaps ahead while the guest waits for one of
# the host's files: what reads one may be too late, but not the next time.
case ${TEACH_CLOCK:-host} in
host) limit=250 tries=1 ;;
*) limit=5000 tries=3 ;;
esac

while [ $# -gt 0 ]; do
	case $1 in
	--only) group=,$2; shift ;;
	--family) family=$2; shift ;;
	*) pattern=$1 ;;
	esac
	shift
done

skip()
{
	echo "1..0 # SKIP $*"
	exit 4
}

# check NAME COMMAND…: one test; what COMMAND writes is shown if it fails
check()
{
	local name=$1

	shift
	n=$((n + 1))
	: > "$log"
	if "$@" 3>&1 >> "$log" 2>&1; then
		echo "ok $n $name"
		return
	fi
	tail -n 40 "$log" | sed 's/^/# /'
	echo "not ok $n $name"
	failed=$((failed + 1))
}

# The columns of the list: $file, $what and $how.
each_line()
{
	while IFS=$'\t' read -r file what how; do
		case $file in
		''|'#'*) ;;
		*) "$@" ;;
		esac
	done < "$list"
}

# The scripts do not look at how those in the background end that receive.  What
# went wrong is said by error(3), which begins with the program's name.
run_once()
{
	: > "$log"
	LINUX_AF=$1 timeout "$limit" bash -c "$2" < /dev/null 3>&- || return
	! grep -E '^\./(msg_zerocopy|udpgso_bench_rx): ' "$log"
}

run()
{
	local try

	for ((try = 1; try <= tries; try++)); do
		run_once "$@" && return
		echo "# try $try of $tries failed: $2" >&3
	done
	return 1
}

run_line()
{
	case $what in
	teach"$group"|teach6"$group"|dgram6"$group") ;;
	*) return ;;
	esac
	[[ $how =~ $pattern ]] || return
	check "$how" run "${family:-${what%,*}}" "$how"
}

# --- The list and the source ----------------------------------------------

note_line()
{
	patterns+=("$file")
}

is_listed()
{
	local p

	for p in "${patterns[@]}"; do
		# shellcheck disable=SC2053
		[[ $1 != $p ]] || return 0
	done
	return 1
}

unlisted()
{
	local f

	while read -r f; do
		is_listed "$f" || echo "$f: not in linux/programs"
	done < files
}

# A pattern that fits no file is a mistake, too.
stale()
{
	local p f

	for p in "${patterns[@]}"; do
		while read -r f; do
			# shellcheck disable=SC2053
			[[ $f != $p ]] || continue 2
		done < files
		echo "$p: there is no such file"
	done
}

says_nothing()
{
	! "$@" | grep .
}

test_list()
{
	patterns=()
	each_line note_line
	check "every file of the source is in the list" says_nothing unlisted
	check "every pattern of the list fits a file" says_nothing stale
}

# --- The programs ---------------------------------------------------------

# Read what is going to be run, before it matters how long that takes.
read_ahead()
{
	modprobe -qa act_mirred cls_u32 dummy ifb sch_etf sch_fq sch_ingress \
		sch_netem veth vrf
	cat ./* > /dev/null
	ping -c 1 127.0.0.1
}

[ "$(id -u)" -eq 0 ] || skip "not root"
# They keep times of their own, for faster machines.
! grep -qw kasan_quarantine_put /proc/kallsyms || skip "KASAN is too slow"
cd "$dir" 2> /dev/null || skip "not built"
[ "$(cat series)" = 6.1 ] || skip "the list is of 6.1's programs"
[ -n "$family" ] || grep -qw TEACH /proc/net/protocols ||
	skip "the module is not loaded"
# busybox, which boots the guest, has a ping(8) for those that want one.
command -v ping > /dev/null || {
	ln -s "$(command -v busybox)" "$work/ping"
	PATH=$work:$PATH
}
echo "TAP version 13"
[ "$tries" -eq 1 ] || read_ahead > /dev/null 2>&1
[ -n "$group" ] || test_list
each_line run_line
echo "1..$n"
[ "$failed" -eq 0 ]

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A static HTTP server in Go, which does not use a C library for its sockets.

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"
# shellcheck source=selftests/ways.inc
. "$(dirname "$(readlink -f "$0")")/ways.inc"
# shellcheck source=scripts/common.sh
. "$(dirname "$(readlink -f "$0")")/../scripts/common.sh"

built=$(selftests_dir "${TEACH_KERNEL:-stock}")/real

# Without an address: Go asks for IPv6 first, which would take IPv4's too.
go_server()
{
	answers_all "Go" "$built/server" :$port
}

test_go()
{
	random_file "$CONTENT" 1048576
	in_each_way go_server
}

[ -x "$built/server" ] || skip "not built: scripts/check --tier programs does"
needs curl
run_tests test_go

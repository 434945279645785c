#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A static HTTP server in Go, which does not use a C library for its sockets.

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"
# shellcheck source=selftests/ways.inc
. "$(dirname "$(readlink -f "$0")")/ways.inc"

go_answers()
{
	answers_all "Go" "${go_server[@]}"
}

test_go()
{
	random_file "$CONTENT" 1048576
	in_each_way go_answers
}

needs_built server
needs curl
run_tests test_go

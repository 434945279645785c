#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Java's servers: Tomcat with a servlet and 200 threads, and Netty with one boss
# and four workers.

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"
# shellcheck source=selftests/ways.inc
. "$(dirname "$(readlink -f "$0")")/ways.inc"

tomcat_answers()
{
	answers_all "Tomcat" "${tomcat[@]}"
}

netty_answers()
{
	answers_all "Netty" "${netty[@]}"
}

test_java()
{
	random_file "$CONTENT" 1048576
	mkdir "$work/tomcat"
	in_each_way tomcat_answers netty_answers
}

needs_built TomcatServer.class NettyServer.class
needs curl java
run_tests test_java

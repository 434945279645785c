#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Python's servers: uvicorn with FastAPI, and gunicorn.

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"
# shellcheck source=selftests/ways.inc
. "$(dirname "$(readlink -f "$0")")/ways.inc"

uvicorn_answers()
{
	answers_all "uvicorn, 1 worker" "${uvicorn[@]}" 1
	answers_all "uvicorn, 4 workers" "${uvicorn[@]}" 4
}

gunicorn_answers()
{
	answers_all "gunicorn, 4 workers of 2 threads" "${gunicorn[@]}"
}

test_python()
{
	random_file "$CONTENT" 1048576
	in_each_way uvicorn_answers gunicorn_answers
}

needs curl uvicorn gunicorn
run_tests test_python

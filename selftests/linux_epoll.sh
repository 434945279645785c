#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The one of linux.sh's programs that takes as long as many others.

exec "$(dirname "$(readlink -f "$0")")/linux.sh" --only epoll

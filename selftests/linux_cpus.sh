#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Those of linux.sh's programs that need more than one processor, which a guest
# whose clock counts instructions does not have.

exec "$(dirname "$(readlink -f "$0")")/linux.sh" --only cpus

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034
#
# What every script here needs: where things are, and how to speak.  Sourced,
# never run.  Nothing here writes, asks the network or needs a package.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
out=$top/out
# HOME may be missing in a chroot or a CI job.
cache=${TEACH_CACHE:-${XDG_CACHE_HOME:-${HOME:-$(getent passwd "$(id -u)" |
	cut -d: -f6)}/.cache}/teach}

# An ordinary user's PATH on Debian lacks the directories of ip and depmod.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
# Messages of the tools are read by these scripts.
export PATH LC_ALL=C.UTF-8

say()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
}

die()
{
	say "$@"
	exit 1
}

# The comment at the head of a script is its help text.
usage()
{
	sed -n '/^#$/,/^[^#]/{s/^# \{0,1\}//p}' "$0"
}

# The release of the distribution's kernel that modules are built for: the
# one linux-headers-amd64 stands for, e.g. 6.1.0-13-amd64.
stock_release()
{
	dpkg-query -W -f '${Depends}' linux-headers-amd64 2>/dev/null |
		sed -n 's/.*linux-headers-\([^ ,]*\).*/\1/p'
}

# The name of the package with the source of that kernel.
source_package()
{
	stock_release | sed 's/^\([0-9]*\.[0-9]*\).*/linux-source-\1/'
}

package_version()
{
	dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$1" 2>/dev/null |
		sed -n 's/^installed //p'
}

# The kernels' names; scripts/kernel tells what they are.
kernels="stock debug 6.12 7.3 7.3-debug"

is_kernel()
{
	case " $kernels " in *" $1 "*) ;; *) return 1 ;; esac
}

# Where the tests are that were built for kernel $1: see scripts/kernel source.
selftests_dir()
{
	case $1 in
	7.3*) echo "$out/selftests-7.3" ;;
	*) echo "$out/selftests" ;;
	esac
}

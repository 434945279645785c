#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# OpenSSH, and git over it and over HTTP.

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"
# shellcheck source=selftests/ways.inc
. "$(dirname "$(readlink -f "$0")")/ways.inc"

ssh_port=2222

# Nothing of this machine's own: keys, configuration and known hosts are made
# for this test.
configure_ssh()
{
	local ssh=$work/ssh

	mkdir -m 700 "$ssh" && mkdir -p /run/sshd &&
		ssh-keygen -q -t ed25519 -N '' -f "$ssh/host" &&
		ssh-keygen -q -t ed25519 -N '' -f "$ssh/user" || return
	echo "[10.9.0.2]:$ssh_port $(cat "$ssh/host.pub")" > "$ssh/known"
	cat > "$ssh/sshd_config" <<-END
		ListenAddress 10.9.0.2:$ssh_port
		HostKey $ssh/host
		AuthorizedKeysFile $ssh/user.pub
		PermitRootLogin prohibit-password
		StrictModes no
		UsePAM no
		PidFile none
		Subsystem sftp internal-sftp
	END
	cat > "$ssh/config" <<-END
		Host server
			HostName 10.9.0.2
			Port $ssh_port
			User root
			IdentityFile $ssh/user
			UserKnownHostsFile $ssh/known
			StrictHostKeyChecking yes
			BatchMode yes
	END
	"$(command -v sshd)" -t -f "$ssh/sshd_config"
}

runs_command()
{
	# shellcheck disable=SC2016
	[[ $(client ssh -F "$work/ssh/config" server 'echo "$SSH_CONNECTION"') \
		= "10.9.0.1 "*" 10.9.0.2 $ssh_port" ]]
}

exit_status()
{
	client ssh -F "$work/ssh/config" server exit 7
	[ $? -eq 7 ]
}

pipes()
{
	client ssh -F "$work/ssh/config" server cat < "$work/www/big" \
		> "$work/got" && cmp "$work/www/big" "$work/got"
}

copies_there()
{
	rm -f "$work/got"
	client scp -q -F "$work/ssh/config" "$work/large" \
		server:"$work/got" && cmp "$work/large" "$work/got"
}

copies_back()
{
	rm -f "$work/got"
	client scp -q -F "$work/ssh/config" server:"$work/large" \
		"$work/got" && cmp "$work/large" "$work/got"
}

# --- git ------------------------------------------------------------------

make_repository()
{
	local repo=$work/www/repo.git n

	export GIT_CONFIG_GLOBAL=$work/gitconfig
	git config --global user.name Student
	git config --global user.email student@example.org
	git config --global init.defaultBranch main
	git init -q "$work/origin" && cd "$work/origin" || return
	for n in 1 2 3; do
		random_file "file$n" 300000
		git add . && git commit -qm "Add file $n" || return
	done
	cd / && git clone -q --bare "$work/origin" "$repo" &&
		git -C "$repo" update-server-info
}

# clones URL: fsck computes each object's sum again
clones()
{
	rm -rf "$work/clone"
	client env GIT_SSH_COMMAND="ssh -F $work/ssh/config" \
		git clone -q "$1" "$work/clone" &&
		git -C "$work/clone" fsck --full --strict &&
		[ "$(git -C "$work/clone" rev-parse HEAD)" = \
		  "$(git -C "$work/origin" rev-parse HEAD)" ] &&
		diff -r -x .git "$work/origin" "$work/clone"
}

pushes()
{
	(
		cd "$work/clone" && echo "$way" > pushed && git add pushed &&
			git commit -qm "Say $way" &&
			client env GIT_SSH_COMMAND="ssh -F $work/ssh/config" \
				git push -q origin main
	) && [ "$(git -C "$work/www/repo.git" rev-parse main)" = \
	       "$(git -C "$work/clone" rev-parse HEAD)" ] &&
		git -C "$work/origin" pull -q "$work/www/repo.git" main &&
		git -C "$work/www/repo.git" update-server-info
}

ssh_server()
{
	# sshd wants to be called by its whole name, which it runs again for
	# each connection.
	check "$way: sshd starts" serve $ssh_port \
		"$(command -v sshd)" -D -e -f "$work/ssh/sshd_config"
	try "ssh runs a command" runs_command
	try "ssh brings its exit status" exit_status
	try "ssh pipes 3 MB there and back" pipes
	try "scp of $size MiB to the server" copies_there
	try "scp of $size MiB from the server" copies_back
	try "git clone over ssh" clones "ssh://server$work/www/repo.git"
	try "git push over ssh" pushes
	check "$way: sshd ends" end_server
}

http_server()
{
	check "$way: http.server starts" serve $port \
		python3 -m http.server --bind 10.9.0.2 \
		--directory "$work/www" $port
	try "git clone over http" clones $url/repo.git
	check "$way: http.server ends" end_server
}

test_ssh()
{
	size=100
	! on_debug_kernel || size=8
	random_file "$work/large" $((size << 20))
	check "keys and configuration" configure_ssh
	check "a repository" make_repository
	in_each_way ssh_server http_server
}

needs ssh scp sshd ssh-keygen git python3
run_tests test_ssh

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Wireshark's plugin: what tshark makes of a capture of ours, in which are a
# connection that lost a segment, a datagram, and a SYN of the kernel's own TCP.
#
# The client's checksums are complete.  The server leaves them to its card, and
# a teach card has nothing to complete them for: they come as it left them.

# shellcheck source=selftests/programs.inc
. "$(dirname "$(readlink -f "$0")")/programs.inc"

plugin=$(dirname "$(readlink -f "$0")")/../userspace/wireshark/teach.lua
installed=/usr/lib/x86_64-linux-gnu/wireshark/plugins
request=$'GET /a.txt HTTP/1.0\r\n\r\n'
datagram=hello
closed=9		# nobody listens there

# --- what is captured -----------------------------------------------------

captured()
{
	tcpdump -n -r "$work/pcap" "$1" 2> /dev/null | grep -q .
}

# The first segment that is longer than a SYN does not reach the server.
lose_request()
{
	on_b nft 'table ip lossy {
		chain in {
			type filter hook prerouting priority 0
			ip protocol 253 meta length > 60 \
				numgen inc mod 1000000 == 0 drop
		}
	}'
}

# By hand: what was sent is known to the byte.
connection()
{
	# shellcheck disable=SC2016
	on_a teach run bash -c 'exec 3<> "/dev/tcp/10.9.0.2/$0" &&
		printf %s "$1" >&3 && cat <&3' $port "$request" \
		> "$work/response" && [ -s "$work/response" ]
}

send_datagram()
{
	# shellcheck disable=SC2016
	on_a teach run --dgram bash -c 'printf %s "$1" \
		> "/dev/udp/10.9.0.2/$0"' $port "$datagram"
}

# Refused, which ends the capture.
send_syn()
{
	# shellcheck disable=SC2016
	on_a bash -c ': > "/dev/tcp/10.9.0.2/$0"' $closed
	eventually captured "tcp src port $closed"
}

# For an ordinary user to read, as is the plugin.
prepare()
{
	local home=$work/home/.local/lib/wireshark/plugins

	on_a ethtool -K teach0 tx off && lose_request && start_httpd &&
		start_capture ip && connection && send_datagram && send_syn &&
		kill "$tcpdump" && wait "$tcpdump" &&
		mkdir -p "$home" && cp "$plugin" "$home" &&
		cp "$plugin" "$work" && chmod -R a+rX "$work"
}

# --- what tshark says of it -----------------------------------------------

fields=(frame.number ip.proto tcp.srcport tcp.dstport tcp.seq tcp.len
	tcp.flags.fin tcp.analysis.retransmission tcp.stream udp.dstport
	udp.length teach.checksum teach.checksum.status tcp.checksum.status
	udp.checksum.status _ws.expert.message)

# The packet list's columns, as they are set in the preferences.
columns='"protocol","%p"'$(printf ',"field","%%Cus:%s:0:R"' "${fields[@]}")

# tabulate TABLE COMMAND…: of a tshark, which has nothing to say of Lua
tabulate()
{
	local table=$1
	shift
	"$@" -T tabs -o "gui.column.format:$columns" > "$table" \
		2> "$work/errors"
	set -- $?
	cat "$table" "$work/errors"
	[ "$1" -eq 0 ] && ! grep Lua "$table" "$work/errors"
}

# rows TABLE PROGRAM: for awk; is("tcp.seq") is what a row has of it.  After the
# table comes what -z has asked for.
rows()
{
	awk -F '\t' -v names="protocol ${fields[*]}" -v port=$port \
		-v closed=$closed '
	function is(name) { return $column[name] }
	BEGIN { for (n = split(names, name, " "); n; n--) column[name[n]] = n }
	/^$/ { exit }
	'"$2" "$1"
}

# gives_rows TEXT TABLE PROGRAM: all that the program prints
gives_rows()
{
	diff <(echo "$1") <(rows "$2" "$3" | sort -u)
}

# As an ordinary user without an installed plugin.  (Newer versions let root
# have no other.)
bare()
{
	# shellcheck disable=SC2016
	unshare --mount sh -c 'mount -t tmpfs none "$0" && exec "$@"' \
		$installed setpriv --reuid=65534 --regid=65534 --clear-groups \
		env HOME="$work/home" "$@"
}

by_name()
{
	tabulate "$work/plain" bare env HOME=/nonexistent tshark \
		-X "lua_script:$work/teach.lua" -r "$work/pcap" \
		-z follow,tcp,raw,0
}

protocols()
{
	gives_rows $'253 HTTP\n253 TEACH\n254 TEACH\nICMP,254 ICMP\nTCP TCP' \
		"$work/plain" '{ print is("ip.proto"), is("protocol") }'
}

# Both directions, and all of it one stream.
ports()
{
	gives_rows "from, stream 0"$'\n'"to, stream 0" "$work/plain" '
	is("ip.proto") == 253 {
		from = is("tcp.srcport")
		to = is("tcp.dstport")
		client = client ? client : from
		if (from == port && to == client)
			print "from, stream " is("tcp.stream")
		else if (from == client && to == port)
			print "to, stream " is("tcp.stream")
		else
			print "neither: " from " " to
	}'
}

# As relative numbers: what each end sent, and the SYN before it.
sequence()
{
	local got

	got=$(wc -c < "$work/response")
	gives_rows "from $((got + 1))"$'\n'"to $((${#request} + 1))" \
		"$work/plain" '
	is("ip.proto") == 253 && is("tcp.flags.fin") == "Set" {
		print is("tcp.dstport") == port ? "to" : "from", is("tcp.seq")
	}'
}

# The first time it was no retransmission, and then it was.
retransmission()
{
	gives_rows "seen" "$work/plain" '
	is("ip.proto") == 253 && is("tcp.dstport") == port &&
	is("tcp.seq") == 1 && is("tcp.len") > 0 {
		if (!before++ && is("tcp.analysis.retransmission"))
			print "the first"
		if (before == 2 && is("tcp.analysis.retransmission"))
			print "seen"
	}'
}

datagram()
{
	gives_rows "TEACH, length $((${#datagram} + 8))" "$work/plain" '
	is("ip.proto") == 254 && is("udp.dstport") == port {
		print is("protocol") ", length " is("udp.length")
	}'
}

# TCP's and UDP's dissectors have not been asked to verify any.
checksums()
{
	gives_rows "\
253 from: Partial, Unverified
253 to: Good, Unverified
254 to: Good, Unverified
TCP from: , Unverified
TCP to: , Unverified" "$work/plain" '
	is("protocol") != "ICMP" {
		to = is("udp.dstport") + is("tcp.dstport")
		print is("ip.proto"), (to == port || to == closed ? \
			"to" : "from") ": " is("teach.checksum.status") ", " \
			is("tcp.checksum.status") is("udp.checksum.status")
	}'
}

hex()
{
	od -An -v -tx1 | tr -d ' \n'
}

# What the server sent has a tab before it.
follows()
{
	local sent received

	sent=$(sed -nE '/^=/,$ s/^([0-9a-f]+)$/\1/p' "$work/plain")
	received=$(sed -nE '/^=/,$ s/^\t([0-9a-f]+)$/\1/p' "$work/plain")
	diff <(printf %s "$request" | hex) <(tr -d '\n' <<< "$sent") &&
		diff <(hex < "$work/response") <(tr -d '\n' <<< "$received")
}

test_plain()
{
	check "a capture, with a segment lost" prepare
	check "by -X lua_script" by_name
	check "the protocols" protocols
	check "ports and streams" ports
	check "sequence numbers" sequence
	check "the retransmission is seen as one" retransmission
	check "the datagram" datagram
	check "checksums: good, and left to the card" checksums
	check "follow: the bytes that were sent" follows
}

# --- checksums that are wrong ---------------------------------------------

# Where in the pcap a frame is: each has 16 bytes before it, the file 24.
frame_at()
{
	local at=24 length n

	for ((n = 1; n < $1; n++)); do
		length=$(od -An -tu4 -j $((at + 8)) -N 4 "$work/pcap")
		at=$((at + 16 + length))
	done
	echo $((at + 16))
}

# The request's first segment gets a checksum that is wrong, behind the headers
# of Ethernet and IP.
corrupt()
{
	read -r frame right < <(rows "$work/plain" 'is("tcp.len") > 0 {
		print is("frame.number"), is("teach.checksum")
		exit
	}')
	cp "$work/pcap" "$work/corrupt" && printf XX |
		dd of="$work/corrupt" bs=1 conv=notrunc status=none \
			seek=$(($(frame_at "$frame") + 14 + 20 + 16))
}

# Where the user wants all checksums verified.
by_home()
{
	corrupt && tabulate "$work/verified" bare tshark -r "$work/corrupt" \
		-o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE
}

bad_is_said()
{
	gives_rows "$frame: Bad checksum [should be $right]" "$work/verified" '
	is("teach.checksum.status") == "Bad" {
		print is("frame.number") ": " is("_ws.expert.message")
	}'
}

verdicts()
{
	rows "$1" '{ print is("frame.number"), is("teach.checksum.status") }'
}

others_are_not()
{
	diff <(verdicts "$work/plain" | sed "s/^$frame Good$/$frame Bad/") \
		<(verdicts "$work/verified")
}

# TCP's own is verified, after ours too.
by_tcp_and_udp()
{
	gives_rows $'253: Unverified\n254: Unverified\nTCP: Good' \
		"$work/verified" '
	is("ip.proto") ~ /^25/ || is("tcp.dstport") == closed {
		print is("ip.proto") ": " is("tcp.checksum.status") \
			is("udp.checksum.status")
	}'
}

test_verified()
{
	check "from the user's own plugins" by_home
	check "a bad checksum, and what it should be" bad_is_said
	check "the other checksums are what they were" others_are_not
	check "TCP and UDP judge only their own" by_tcp_and_udp
}

# --- a capture of beginnings ----------------------------------------------

# Of each frame 60 bytes, which end within TCP's options; and that 20 times, for
# much that is cut short has harmed Lua.
cut()
{
	local n

	editcap -F pcap -s 60 "$work/pcap" "$work/short" || return
	cp "$work/short" "$work/shorts"
	for ((n = 1; n < 20; n++)); do
		tail -c +25 "$work/short" >> "$work/shorts"
	done
}

as_installed()
{
	cut && tabulate "$work/cut" tshark -r "$work/shorts" \
		-Y 'teach.checksum.status == "Unverified"'
}

unverified()
{
	local segments

	segments=$(rows "$work/plain" 'is("ip.proto") == 253' | wc -l)
	gives_rows "$((20 * segments)) TEACH" "$work/cut" '
	is("ip.proto") == 253 && is("protocol") == "TEACH" { n++ }
	END { print n " TEACH" }'
}

test_cut()
{
	check "as the guest has it installed" as_installed
	check "what was not captured is not judged" unverified
}

run_tests test_plain test_verified test_cut

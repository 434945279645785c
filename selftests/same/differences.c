// SPDX-License-Identifier: GPL-2.0
/*
 * Where AF_TEACH and AF_INET differ on purpose, and why.  What is listed here
 * and does not differ is a failure too.
 */
#include "same.h"

#define ANY	"*"
#define LEFT_OUT "left out, so it is as unknown as on a host without"

const struct same_difference same_differences[] = {
	/* Families and protocols */
	{ "socket.type 2*", ANY, "SOCK_DGRAM is another transport" },
	{ "socket.type 3*", ANY, "there are no raw sockets: AF_INET has them" },
	{ "socket.type 10*", ANY, "SOCK_PACKET is AF_INET's past" },
	{ "option.socket.38.*", "get*", "SO_PROTOCOL is the family's own" },
	{ "option.socket.39.*", "get*", "SO_DOMAIN is the family's own" },
	{ "option.socket.28.*", "get*",
	  "SO_PEERNAME answers in the form it was addressed in" },

	/* Options of SOL_SOCKET that the kernel keeps for AF_INET */
	{ "option.socket.15.*", ANY,
	  "SO_REUSEPORT is refused by SOL_SOCKET before 6.7", true },
	{ "option.socket.60.*", ANY,
	  "SO_ZEROCOPY is refused by SOL_SOCKET before 6.7", true },
	{ "option.socket.@(37|65).*", ANY,
	  "SOF_TIMESTAMPING_OPT_ID counts bytes in protocol 6 only" },
	{ "option.socket.26.fresh.user", ANY,
	  "filters of users are refused to protocol 6 only" },
	{ "option.filter *.fresh.user", ANY,
	  "filters of users are refused to protocol 6 only" },
	{ "option.socket.42.*", ANY, "SO_PEEK_OFF: TCP has it from 6.9 on",
	  true },

	{ "option.socket.74.*", ANY,
	  "SO_TXREHASH: protocol 6 only, from 7.x on", true },
	{ "option.socket.80.*", "set*",
	  "SO_DEVMEM_DONTNEED: protocol 6 only", true },

	/* Options of SOL_IP */
	{ "option.ip.4.*", ANY, "IP_OPTIONS: no options are sent" },
	{ "option.ip.80.*", "get*",
	  "SO_ORIGINAL_DST is conntrack's, for its own protocols", true },
	{ "option.@(no-operations|router alert|*IP option*).*", ANY,
	  "IP_OPTIONS: no options are sent" },

	/* Options of SOL_TCP */
	{ "option.tcp.10.established", "get*",
	  "TCP_WINDOW_CLAMP not set: TCP's grows with the receive buffer" },
	{ "option.tcp.10.*", "get -*",
	  "TCP_WINDOW_CLAMP below 0: the least, as TCP has it by now", true },
	{ "option.tcp.11.*", "get len*",
	  "TCP_INFO has what Linux tells since 7.0, on every kernel", true },
	{ "option.tcp.14.*", ANY, "TCP_MD5SIG: " LEFT_OUT, true },
	{ "option.tcp.16.*", ANY, "TCP_THIN_LINEAR_TIMEOUTS: " LEFT_OUT },
	{ "option.tcp.17.*", ANY, "TCP_THIN_DUPACK: " LEFT_OUT },
	{ "option.tcp.19.*", ANY, "TCP_REPAIR: " LEFT_OUT },
	{ "option.tcp.20.*", ANY, "TCP_REPAIR_QUEUE: " LEFT_OUT },
	{ "option.tcp.21.*", ANY, "TCP_QUEUE_SEQ: " LEFT_OUT },
	{ "option.tcp.22.*", ANY, "TCP_REPAIR_OPTIONS: " LEFT_OUT },
	{ "option.tcp.23.*", ANY, "TCP_FASTOPEN: " LEFT_OUT },
	{ "option.tcp.24.*", ANY, "TCP_TIMESTAMP: " LEFT_OUT },
	{ "option.tcp.27.*", ANY, "TCP_SAVE_SYN: " LEFT_OUT },
	{ "option.tcp.28.*", ANY, "TCP_SAVED_SYN: " LEFT_OUT },
	{ "option.tcp.29.*", ANY, "TCP_REPAIR_WINDOW: " LEFT_OUT },
	{ "option.tcp.30.*", ANY, "TCP_FASTOPEN_CONNECT: " LEFT_OUT },
	{ "option.tcp.31.*", ANY, "TCP_ULP: " LEFT_OUT },
	{ "option.no such protocol above.*", ANY, "TCP_ULP: " LEFT_OUT },
	{ "option.tcp.32.*", ANY, "TCP_MD5SIG_EXT: " LEFT_OUT, true },
	{ "option.tcp.33.*", ANY, "TCP_FASTOPEN_KEY: " LEFT_OUT },
	{ "option.tcp.34.*", ANY, "TCP_FASTOPEN_NO_COOKIE: " LEFT_OUT },
	{ "option.tcp.35.*", ANY, "TCP_ZEROCOPY_RECEIVE: " LEFT_OUT },
	{ "option.tcp.37.*", ANY, "TCP_TX_DELAY: " LEFT_OUT },
	{ "option.tcp.@(38|39|40|41|42).*", ANY, "TCP_AO: " LEFT_OUT, true },
	{ "option.tcp.43.*", ANY, "TCP_IS_MPTCP: " LEFT_OUT, true },
	{ "option.tcp.@(44|45|46).*", ANY,
	  "TCP_RTO_MAX_MS and other limits of time: " LEFT_OUT, true },

	/* Options of SOL_UDP */
	{ "option.udp.@(10|11).*", "get*",
	  "UDP-Lite's, which UDP answered while there was one", true },
	{ "option.udp.100.*", ANY, "UDP_ENCAP: " LEFT_OUT },
	{ "option.udp.@(101|102).*", ANY, "UDP_NO_CHECK6: " LEFT_OUT },
	{ "option.udp.103.*", ANY, "UDP_SEGMENT: " LEFT_OUT },
	{ "option.udp.104.*", ANY, "UDP_GRO: " LEFT_OUT },

	/* Datagrams in pieces: UDP keeps their destination where connect(2)
	 * and sends by its route have theirs, and one spoils the other's.
	 */
	{ "cork.*", "connect_no_route, receiver*",
	  "a connect that fails leaves the pieces as they are" },
	{ "cork.*.connect_no_route", "*, receiver*",
	  "a connect that fails leaves the pieces as they are" },
	{ "cork.connect_second.send_@(too_large|bad_pointer)", "*, receiver*",
	  "who is connected sends to its peer, whatever it sent before" },
	{ "cork.*.disconnect", "send_urgent_more, receiver*",
	  "a call that is refused gives no port" },
};

const size_t same_differences_count = ARRAY_SIZE(same_differences);

// SPDX-License-Identifier: GPL-2.0
/*
 * Two hosts and a cable: what net.h declares.
 *
 * No test is in here, and nothing that knows what a test expects.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include <teach_link.h>

#include "net.h"

#define MAC_A		"02:00:00:00:00:01"
#define MAC_B		"02:00:00:00:00:02"
#define MAC_NOBODY	"02:00:00:00:00:ff"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/*
 * The kernel sees to a card's carrier at once only if the card's number is
 * not that of its peer, and else within a second: keep them apart.
 */
#define INDEX_A		100

#define GSO_MAX_SEGS	65535	/* as linux/netdevice.h */
#define MAX_ARGS	40

/* Prime, so that a shift by the size of any buffer is seen. */
#define PATTERN_LEN	65521

int net_family = AF_TEACH;
int net_wire;
volatile sig_atomic_t net_signals;

static const char *const state_names[] = {
	[TCP_ESTABLISHED]	= "ESTABLISHED",
	[TCP_SYN_SENT]		= "SYN_SENT",
	[TCP_SYN_RECV]		= "SYN_RECV",
	[TCP_FIN_WAIT1]		= "FIN_WAIT1",
	[TCP_FIN_WAIT2]		= "FIN_WAIT2",
	[TCP_TIME_WAIT]		= "TIME_WAIT",
	[TCP_CLOSE]		= "CLOSE",
	[TCP_CLOSE_WAIT]	= "CLOSE_WAIT",
	[TCP_LAST_ACK]		= "LAST_ACK",
	[TCP_LISTEN]		= "LISTEN",
	[TCP_CLOSING]		= "CLOSING",
};

void net_fatal(const char *fmt, ...)
{
	int err = errno;
	va_list args;

	fprintf(stderr, "# ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, ": %s\n", strerror(err));
	abort();
}

bool net_is_inet(void)
{
	return net_family == AF_INET;
}

/* What the IP header of the stack's segments says. */
int net_ip_protocol(void)
{
	return net_is_inet() || net_wire ? IPPROTO_TCP : IPPROTO_TEACH;
}

const char *net_stack(void)
{
	bool tcp = !strncmp(program_invocation_short_name, "tcp_", 4);

	return getenv("TEACH_FAMILY") ?: (tcp ? "tcp" : "teach");
}

/* Sockets are of @stack from now on: teach, tcp or inet. */
void net_choose(const char *stack)
{
	net_family = strcmp(stack, "inet") ? AF_TEACH : AF_INET;
	net_wire = strcmp(stack, "tcp") ? 0 : IPPROTO_TCP;
	if (net_family == AF_TEACH && !net_wire && strcmp(stack, "teach")) {
		errno = EINVAL;
		net_fatal("TEACH_FAMILY=%s: not teach, tcp, or inet", stack);
	}
}

/* Host */

void net_enter(const struct net *net, enum host host)
{
	if (setns(net->ns[host], CLONE_NEWNET))
		net_fatal("setns to host %c", 'A' + host);
}

/* Run @command, cut at blanks, in @host's namespace. */
static int run_command(const struct net *net, enum host host, char *command,
		       bool quiet)
{
	char *argv[MAX_ARGS];
	int argc = 0;
	int status;
	char *word;
	pid_t pid;

	for (word = strtok(command, " "); word && argc < MAX_ARGS - 1;
	     word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;

	pid = fork();
	if (pid < 0)
		net_fatal("fork");
	if (!pid) {
		net_enter(net, host);
		if (quiet) {
			dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
			dup2(STDOUT_FILENO, STDERR_FILENO);
		}
		execvp(argv[0], argv);
		net_fatal("%s", argv[0]);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			net_fatal("waitpid");
	return status;
}

void net_ip(const struct net *net, enum host host, const char *fmt, ...)
{
	char args[512], command[520];
	va_list list;

	va_start(list, fmt);
	vsnprintf(args, sizeof(args), fmt, list);
	va_end(list);
	snprintf(command, sizeof(command), "ip %s", args);
	if (run_command(net, host, command, false)) {
		errno = EIO;
		net_fatal("ip %s", args);
	}
}

static int new_netns(void)
{
	int fd;

	if (unshare(CLONE_NEWNET))
		net_fatal("unshare(CLONE_NEWNET) (must be root)");
	fd = open("/proc/thread-self/ns/net", O_RDONLY);
	if (fd < 0)
		net_fatal("/proc/thread-self/ns/net");
	return fd;
}

/*
 * The cable, by rtnetlink: to start ip for every step would take most of a
 * test's time in an emulated guest.
 */
struct request {
	struct nlmsghdr head;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg addr;
		struct ndmsg neigh;
	};
	char attrs[512];
};

static struct request new_request(int type, int flags, size_t body)
{
	struct request req = {
		.head = {
			.nlmsg_len = NLMSG_LENGTH(body),
			.nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags,
		},
	};

	return req;
}

static struct rtattr *add_attr(struct request *req, int type,
			       const void *data, size_t len)
{
	struct rtattr *attr;

	attr = (void *)req + NLMSG_ALIGN(req->head.nlmsg_len);
	attr->rta_type = type;
	attr->rta_len = RTA_LENGTH(len);
	if (data)
		memcpy(RTA_DATA(attr), data, len);
	req->head.nlmsg_len = NLMSG_ALIGN(req->head.nlmsg_len) +
			      RTA_ALIGN(attr->rta_len);
	return attr;
}

static void add_string(struct request *req, int type, const char *value)
{
	add_attr(req, type, value, strlen(value) + 1);
}

/* What is added until end_nest() is in the attribute. */
static struct rtattr *begin_nest(struct request *req, int type)
{
	return add_attr(req, type, NULL, 0);
}

static void end_nest(struct request *req, struct rtattr *nest)
{
	nest->rta_len = (char *)req + req->head.nlmsg_len - (char *)nest;
}

static void add_mac(struct request *req, int type, const char *mac)
{
	unsigned char bytes[6];

	if (sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &bytes[0], &bytes[1],
		   &bytes[2], &bytes[3], &bytes[4], &bytes[5]) != 6)
		net_fatal("MAC address %s", mac);
	add_attr(req, type, bytes, sizeof(bytes));
}

/* Ask @host's kernel, which must agree. */
static void ask(const struct net *net, enum host host, struct request *req,
		const char *what)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr err;
		char more[512];
	} reply;
	int fd;

	net_enter(net, host);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0 || send(fd, req, req->head.nlmsg_len, 0) < 0 ||
	    recv(fd, &reply, sizeof(reply), 0) < (ssize_t)
	    (sizeof(reply.head) + sizeof(reply.err)))
		net_fatal("netlink: %s", what);
	close(fd);
	errno = -reply.err.error;
	if (errno)
		net_fatal("%s on host %c", what, 'A' + host);
}

/* ip link add DEV_A type KIND peer name DEV_B netns B */
static void add_pair(const struct net *net, const char *kind)
{
	const struct ifinfomsg link = {};
	struct rtattr *info, *data, *peer;
	struct request req;

	req = new_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
			  sizeof(req.link));
	req.link.ifi_index = INDEX_A;
	add_string(&req, IFLA_IFNAME, DEV_A);
	add_mac(&req, IFLA_ADDRESS, MAC_A);
	info = begin_nest(&req, IFLA_LINKINFO);
	add_string(&req, IFLA_INFO_KIND, kind);
	data = begin_nest(&req, IFLA_INFO_DATA);
	/* veth's attribute has the same number and the same form. */
	peer = add_attr(&req, TEACH_LINK_PEER, &link, sizeof(link));
	add_string(&req, IFLA_IFNAME, DEV_B);
	add_mac(&req, IFLA_ADDRESS, MAC_B);
	add_attr(&req, IFLA_NET_NS_FD, &net->ns[B], sizeof(net->ns[B]));
	end_nest(&req, peer);
	end_nest(&req, data);
	end_nest(&req, info);
	ask(net, A, &req, "ip link add");
}

/* ip addr add IP/24 dev DEV */
static void add_address(const struct net *net, enum host host,
			const char *dev, const char *ip)
{
	struct in_addr addr = { inet_addr(ip) };
	struct request req;

	net_enter(net, host);
	req = new_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL,
			  sizeof(req.addr));
	req.addr.ifa_family = AF_INET;
	req.addr.ifa_prefixlen = 24;
	req.addr.ifa_index = if_nametoindex(dev);
	add_attr(&req, IFA_LOCAL, &addr, sizeof(addr));
	add_attr(&req, IFA_ADDRESS, &addr, sizeof(addr));
	ask(net, host, &req, "ip addr add");
}

/* ip link set DEV up */
static void set_up(const struct net *net, enum host host, const char *dev)
{
	struct request req;

	net_enter(net, host);
	req = new_request(RTM_NEWLINK, 0, sizeof(req.link));
	req.link.ifi_index = if_nametoindex(dev);
	req.link.ifi_flags = IFF_UP;
	req.link.ifi_change = IFF_UP;
	ask(net, host, &req, "ip link set up");
}

/* ip neigh replace IP lladdr MAC dev DEV nud permanent */
static void set_neighbour(const struct net *net, enum host host,
			  const char *ip, const char *mac)
{
	struct in_addr addr = { inet_addr(ip) };
	struct request req;

	net_enter(net, host);
	req = new_request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE,
			  sizeof(req.neigh));
	req.neigh.ndm_family = AF_INET;
	req.neigh.ndm_state = NUD_PERMANENT;
	req.neigh.ndm_ifindex = if_nametoindex(host == A ? DEV_A : DEV_B);
	add_attr(&req, NDA_DST, &addr, sizeof(addr));
	add_mac(&req, NDA_LLADDR, mac);
	ask(net, host, &req, "ip neigh replace");
}

static bool is_running(const struct net *net, enum host host, const char *dev)
{
	struct ifreq ifr = {};
	int fd;

	net_enter(net, host);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", dev);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &ifr))
		net_fatal("flags of %s", dev);
	close(fd);
	return ifr.ifr_flags & IFF_RUNNING;
}

/* Lay a cable between the hosts (again, after unloading took the last). */
void net_join(const struct net *net)
{
	add_pair(net, net_is_inet() ? "veth" : "teach");
	add_address(net, A, DEV_A, ADDR_A);
	add_address(net, B, DEV_B, ADDR_B);
	set_up(net, A, "lo");
	set_up(net, B, "lo");
	set_up(net, A, DEV_A);
	set_up(net, B, DEV_B);
	if (!net_until(is_running(net, A, DEV_A) && is_running(net, B, DEV_B)))
		net_fatal("no carrier between the hosts");
	/*
	 * A device is said to run a moment before frames can leave it.  RTNL
	 * is held from the one to the other: whoever gets it sees both.
	 */
	set_up(net, A, DEV_A);
	set_up(net, B, DEV_B);
}

void net_init(struct net *net)
{
	net_choose(net_stack());
	net->ns[A] = new_netns();
	net->ns[B] = new_netns();
	net_join(net);
	net_port_range(net, A, NET_EPHEMERAL_MIN, NET_EPHEMERAL_MAX);
	net_port_range(net, B, NET_EPHEMERAL_MIN, NET_EPHEMERAL_MAX);
}

void net_exit(struct net *net)
{
	close(net->ns[A]);
	close(net->ns[B]);
}

/* tc(8), in @host; its status, which is 0 when all is well. */
int net_tc(const struct net *net, enum host host, const char *args)
{
	char command[520];

	snprintf(command, sizeof(command), "tc %s", args);
	return run_command(net, host, command, true);
}

/* Shape what @host sends; false where this kernel has no netem. */
bool net_netem(const struct net *net, enum host host, const char *args)
{
	char command[512];

	snprintf(command, sizeof(command), "qdisc replace dev %s root netem %s",
		 host == A ? DEV_A : DEV_B, args);
	return !net_tc(net, host, command);
}

/*
 * Let what @host sends over connections to come leave its stack in large
 * segments, or in single ones as on a cable: netem loses what it is given
 * whole.  The kernel's TCP asks for the number, not for the feature.
 */
void net_gso(const struct net *net, enum host host, bool on)
{
	const char *dev = host == A ? DEV_A : DEV_B;
	const char *word = on ? "on" : "off";
	char command[128];

	snprintf(command, sizeof(command), "ethtool -K %s tso %s gso %s gro %s",
		 dev, word, word, word);
	if (run_command(net, host, command, true)) {
		errno = EIO;
		net_fatal("%s", command);
	}
	net_ip(net, host, "link set %s gso_max_segs %d", dev,
	       on ? GSO_MAX_SEGS : 1);
}

static void set_sysctl(const struct net *net, enum host host,
		       const char *name, const char *value)
{
	ssize_t len;
	int fd;

	net_enter(net, host);
	fd = open(name, O_WRONLY);
	if (fd < 0)
		net_fatal("%s", name);
	len = strlen(value);
	if (write(fd, value, len) != len)
		net_fatal("%s = %s", name, value);
	close(fd);
}

void net_sysctl_path(const struct net *net, enum host host, const char *path,
		     const char *value)
{
	char name[128];

	snprintf(name, sizeof(name), "/proc/sys/%s", path);
	set_sysctl(net, host, name, value);
}

/* The ports for who asks for none by name. */
void net_port_range(const struct net *net, enum host host, int from, int to)
{
	char range[32];

	snprintf(range, sizeof(range), "%d %d", from, to);
	net_sysctl_path(net, host, "net/ipv4/ip_local_port_range", range);
}

/* IP_LOCAL_PORT_RANGE.  Return: false when this kernel does not have it. */
bool net_own_port_range(int fd, int from, int to)
{
	__u32 range = (__u32)to << 16 | from;

	if (!setsockopt(fd, SOL_IP, IP_LOCAL_PORT_RANGE, &range, sizeof(range)))
		return true;
	if (errno != ENOPROTOOPT)
		net_fatal("IP_LOCAL_PORT_RANGE");
	return false;
}

/* Keep ports from who asks for none by name. */
void net_reserve_ports(const struct net *net, enum host host, int from, int to)
{
	char range[32];

	snprintf(range, sizeof(range), "%d-%d", from, to);
	net_sysctl_path(net, host, "net/ipv4/ip_local_reserved_ports", range);
}

/* Where net.teach.NAME, or net.ipv4.tcp_NAME, is. */
void net_sysctl_file(char *path, size_t size, const char *name)
{
	snprintf(path, size, "/proc/sys/net/%s%s",
		 net_is_inet() ? "ipv4/tcp_" : "teach/", name);
}

void net_sysctl(const struct net *net, enum host host, const char *name,
		const char *value)
{
	char path[128];

	net_sysctl_file(path, sizeof(path), name);
	set_sysctl(net, host, path, value);
}

/* A limit for the sockets of all hosts: only the first netns may set it. */
int net_open_global(const char *inet, const char *teach)
{
	int fd, ns = open("/proc/1/ns/net", O_RDONLY);
	char path[128];

	if (ns < 0 || setns(ns, CLONE_NEWNET))
		net_fatal("the first netns");
	close(ns);
	snprintf(path, sizeof(path), "/proc/sys/net/%s",
		 net_is_inet() ? inet : teach);
	fd = open(path, O_RDWR);
	if (fd < 0)
		net_fatal("%s", path);
	return fd;
}

/* Where @name.ko is: beside teach.ko, of which TEACH_MODULE tells. */
static void module_file(char *path, size_t size, const char *name)
{
	const char *teach = getenv("TEACH_MODULE") ?: "";
	const char *end = strrchr(teach, '/');

	snprintf(path, size, "%.*s%s.ko", end ? (int)(end + 1 - teach) : 0,
		 teach, name);
}

/* Errno, or 0; as net_unload(). */
int net_load(const char *name)
{
	char path[512];
	int fd, err;

	module_file(path, sizeof(path), name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		net_fatal("%s", path);
	err = net_err(syscall(SYS_finit_module, fd, "", 0));
	close(fd);
	return err;
}

int net_unload(const char *name)
{
	return net_err(syscall(SYS_delete_module, name, O_NONBLOCK));
}

bool net_loaded(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return !access(path, F_OK);
}

/* What @host sends is lost on the way: nobody has that MAC address. */
void net_cut(const struct net *net, enum host host)
{
	set_neighbour(net, host, host == A ? ADDR_B : ADDR_A, MAC_NOBODY);
}

void net_mend(const struct net *net, enum host host)
{
	set_neighbour(net, host, host == A ? ADDR_B : ADDR_A,
		      host == A ? MAC_B : MAC_A);
}

/* ADDR_NOBODY's segments go out and are never answered. */
void net_nobody(const struct net *net, enum host host)
{
	set_neighbour(net, host, ADDR_NOBODY, MAC_NOBODY);
}

/* What the host shows */

/* A file of this namespace. */
static FILE *open_own(const char *name)
{
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/thread-self/net/%s", name);
	file = fopen(path, "r");
	if (!file)
		net_fatal("%s", path);
	return file;
}

static FILE *open_proc(const struct net *net, enum host host,
		       const char *name)
{
	net_enter(net, host);
	return open_own(name);
}

static int state_number(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(state_names); i++)
		if (state_names[i] && !strcmp(name, state_names[i]))
			return i;
	errno = EINVAL;
	net_fatal("unknown state %s", name);
}

struct sock_line {
	int lport;
	int fport;
	int state;
};

static bool parse_inet(const char *line, struct sock_line *sock)
{
	return sscanf(line, " %*d: %*x:%x %*x:%x %x",
		      (unsigned int *)&sock->lport,
		      (unsigned int *)&sock->fport,
		      (unsigned int *)&sock->state) == 3;
}

static bool parse_teach(const char *line, struct sock_line *sock)
{
	char state[32];

	if (sscanf(line, "%*s %31s %*d %*d %*[0-9.]:%d %*[0-9.]:%d",
		   state, &sock->lport, &sock->fport) != 3)
		return false;
	sock->state = state_number(state);
	return true;
}

static bool next_socket(FILE *file, struct sock_line *sock)
{
	char line[512];

	while (fgets(line, sizeof(line), file))
		if (net_is_inet() ? parse_inet(line, sock) :
				    parse_teach(line, sock))
			return true;
	return false;
}

static FILE *open_sockets(const struct net *net, enum host host)
{
	return open_proc(net, host, net_is_inet() ? "tcp" : "teach/sockets");
}

/* The state of the socket with these ports, 0 when there is none. */
int net_state(const struct net *net, enum host host, int lport, int fport)
{
	struct sock_line sock;
	int state = 0;
	FILE *file;

	file = open_sockets(net, host);
	while (!state && next_socket(file, &sock))
		if ((lport < 0 || lport == sock.lport) &&
		    (fport < 0 || fport == sock.fport))
			state = sock.state;
	fclose(file);
	return state;
}

/* How many of @host's sockets are in @state; in any state if it is 0. */
int net_count(const struct net *net, enum host host, int state)
{
	struct sock_line sock;
	int count = 0;
	FILE *file;

	file = open_sockets(net, host);
	while (next_socket(file, &sock))
		count += !state || sock.state == state;
	fclose(file);
	return count;
}

static const char *state_name(int state)
{
	return state ? state_names[state] : "none";
}

bool net_wait_state(const struct net *net, enum host host, int lport,
		    int fport, int state)
{
	if (net_until(net_state(net, host, lport, fport) == state))
		return true;
	fprintf(stderr, "# host %c, %d to %d: is %s, never became %s\n",
		'A' + host, lport, fport,
		state_name(net_state(net, host, lport, fport)),
		state_name(state));
	return false;
}

/* A line of names, then a line of values, of each @protocol. */
static long long find_counter(const char *file_name, const char *protocol,
			      const char *name)
{
	char names[8192], values[8192];
	char *n, *v, *nsave, *vsave;
	long long value = -1;
	FILE *file = open_own(file_name);

	while (value < 0 && fgets(names, sizeof(names), file) &&
	       fgets(values, sizeof(values), file)) {
		if (strncmp(names, protocol, strlen(protocol)))
			continue;
		n = strtok_r(names, "\n ", &nsave);
		v = strtok_r(values, "\n ", &vsave);
		while (n && v && strcmp(n, name)) {
			n = strtok_r(NULL, "\n ", &nsave);
			v = strtok_r(NULL, "\n ", &vsave);
		}
		if (n && v)
			value = atoll(v);
	}
	fclose(file);
	return value;
}

/*
 * A counter of the kernel's own, in this namespace; -1 when there is none.
 * @protocol is how its line begins: "Udp:", or "Tcp" for TcpExt: as well.
 */
long long net_inet_counter(const char *protocol, const char *name)
{
	long long value;

	value = find_counter("snmp", protocol, name);
	return value >= 0 ? value : find_counter("netstat", protocol, name);
}

static long long teach_counter(const char *name)
{
	long long value = -1, number;
	FILE *file = open_own("teach/counters");
	char word[64];

	while (value < 0 && fscanf(file, "%63s %lld", word, &number) == 2)
		if (!strcmp(word, name))
			value = number;
	fclose(file);
	return value;
}

/* What Linux calls by another name. */
static const char *inet_name(const char *name)
{
	static const char *const names[][2] = {
		{ "AcceptQueueOverflow", "ListenOverflows" },
		{ "ChallengeAcks", "TCPChallengeACK" },
		{ "DropBadChecksum", "InCsumErrors" },
		{ "LossProbes", "TCPLossProbes" },
		{ "MTUPSuccess", "TCPMTUPSuccess" },
		{ "Timeouts", "TCPTimeouts" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i][0]))
			return names[i][1];
	return name;
}

/* Of this namespace, by AF_TEACH's name for it; -1 when there is none. */
long long net_counter_here(bool inet, const char *name)
{
	return inet ? net_inet_counter("Tcp", inet_name(name)) :
		      teach_counter(name);
}

long long net_counter(const struct net *net, enum host host, const char *name)
{
	net_enter(net, host);
	return net_counter_here(net_is_inet(), name);
}

/* /proc/net/protocols: the sockets of the protocol, or the pages it holds. */
long net_protocol(const struct net *net, enum host host, bool memory)
{
	const char *want = net_is_inet() ? "TCP" : "TEACH";
	long sockets, pages, value = -1;
	char line[256], name[32];
	FILE *file;

	file = open_proc(net, host, "protocols");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%31s %*d %ld %ld", name, &sockets,
			   &pages) == 3 && !strcasecmp(name, want))
			value = memory ? pages : sockets;
	fclose(file);
	return value;
}

/*
 * A protocol's sum of pages may lag behind by what each processor keeps for
 * itself: 1 MiB, as the kernel's SK_MEMORY_PCPU_RESERVE.
 */
int net_slack_pages(void)
{
	return 256 * sysconf(_SC_NPROCESSORS_CONF);
}

/* Sockets */

struct sockaddr_in net_addr(const char *ip, int port)
{
	struct sockaddr_in addr = {
		.sin_family = net_family,
		.sin_port = htons(port),
	};

	if (inet_pton(AF_INET, ip, &addr.sin_addr) != 1) {
		errno = EINVAL;
		net_fatal("address %s", ip);
	}
	return addr;
}

int net_socket(const struct net *net, enum host host, int flags)
{
	int fd;

	net_enter(net, host);
	fd = socket(net_family, SOCK_STREAM | flags, net_wire);
	if (fd < 0)
		net_fatal("socket(%d, SOCK_STREAM, %d)", net_family, net_wire);
	return fd;
}

int net_bind(int fd, const char *ip, int port)
{
	struct sockaddr_in addr = net_addr(ip, port);

	return bind(fd, (struct sockaddr *)&addr, sizeof(addr));
}

int net_connect(int fd, const char *ip, int port)
{
	struct sockaddr_in addr = net_addr(ip, port);

	return connect(fd, (struct sockaddr *)&addr, sizeof(addr));
}

int net_listen(const struct net *net, enum host host, int port, int backlog)
{
	int fd = net_socket(net, host, 0);

	net_setopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (net_bind(fd, ADDR_ANY, port))
		net_fatal("bind to port %d", port);
	if (listen(fd, backlog))
		net_fatal("listen on port %d", port);
	return fd;
}

/* A socket of @host's, connected. */
int net_client(const struct net *net, enum host host, const char *ip,
	       int port)
{
	int fd = net_socket(net, host, 0);

	if (net_connect(fd, ip, port))
		net_fatal("connect to %s:%d", ip, port);
	return fd;
}

int net_accept(int fd)
{
	int child = accept(fd, NULL, NULL);

	if (child < 0)
		net_fatal("accept");
	return child;
}

/* fd[A] connected to fd[B], which listened at NET_PORT; no listener left. */
void net_pair(const struct net *net, int fd[2])
{
	int listener = net_listen(net, B, NET_PORT, 1);

	fd[A] = net_client(net, A, ADDR_B, NET_PORT);
	fd[B] = net_accept(listener);
	close(listener);
}

int net_local_port(int fd)
{
	struct sockaddr_in addr = {};
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len))
		net_fatal("getsockname");
	return ntohs(addr.sin_port);
}

int net_peer_port(int fd)
{
	struct sockaddr_in addr = {};
	socklen_t len = sizeof(addr);

	if (getpeername(fd, (struct sockaddr *)&addr, &len))
		net_fatal("getpeername");
	return ntohs(addr.sin_port);
}

void net_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	if (fcntl(fd, F_SETFL, flags))
		net_fatal("O_NONBLOCK");
}

void net_setopt(int fd, int level, int opt, int value)
{
	if (setsockopt(fd, level, opt, &value, sizeof(value)))
		net_fatal("setsockopt(%d, %d)", level, opt);
}

int net_getopt(int fd, int level, int opt)
{
	int value = -1;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, level, opt, &value, &len))
		net_fatal("getsockopt(%d, %d)", level, opt);
	return value;
}

/* @what: SK_MEMINFO_*, of linux/sock_diag.h */
unsigned int net_meminfo(int fd, int what)
{
	unsigned int info[SK_MEMINFO_VARS] = {};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) ||
	    len != sizeof(info))
		net_fatal("SO_MEMINFO");
	return info[what];
}

/* Close with a RST: nothing is left of the connection. */
void net_abort(int fd)
{
	const struct linger none = { .l_onoff = 1 };

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)))
		net_fatal("SO_LINGER");
	close(fd);
}

int net_so_error(int fd)
{
	return net_getopt(fd, SOL_SOCKET, SO_ERROR);
}

/* SO_RCVTIMEO or SO_SNDTIMEO. */
void net_timeout(int fd, int opt, int ms)
{
	struct timeval tv = {
		.tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000,
	};

	if (setsockopt(fd, SOL_SOCKET, opt, &tv, sizeof(tv)))
		net_fatal("setsockopt of a timeout");
}

/* What poll(2) says about one descriptor. */
int net_poll(int fd, int events, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	if (poll(&pfd, 1, timeout_ms) < 0)
		net_fatal("poll");
	return pfd.revents;
}

bool net_wait_poll(int fd, int events)
{
	return net_poll(fd, events, NET_DEADLINE_MS) & events;
}

/* FIONREAD, SIOCOUTQ and others that answer with a number. */
int net_ioctl(int fd, unsigned long request)
{
	int value = -1;

	if (ioctl(fd, request, &value))
		net_fatal("ioctl %lx", request);
	return value;
}

/* Wait until just @bytes are there to read. */
bool net_wait_readable(int fd, int bytes)
{
	return net_until(net_ioctl(fd, FIONREAD) == bytes);
}

/* The control message of this sort; false when there is none. */
bool net_cmsg(struct msghdr *msg, int level, int type, void *data, size_t len)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != level || cmsg->cmsg_type != type)
			continue;
		memcpy(data, CMSG_DATA(cmsg), len);
		return true;
	}
	return false;
}

/* Bytes */

/* Twice the pattern, so that a copy may start anywhere in the first half. */
static unsigned char pattern[2 * PATTERN_LEN];

static void __attribute__((constructor)) make_pattern(void)
{
	uint32_t x = 2463534242u;
	int i;

	for (i = 0; i < PATTERN_LEN; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		pattern[i] = x;
		pattern[i + PATTERN_LEN] = x;
	}
}

/* The bytes of the test's stream from position @at on. */
void net_pattern(void *buf, size_t len, uint64_t at)
{
	size_t n;

	for (; len; len -= n, buf += n, at += n) {
		n = len < PATTERN_LEN ? len : PATTERN_LEN;
		memcpy(buf, pattern + at % PATTERN_LEN, n);
	}
}

/* True when @buf holds just what net_pattern() put there. */
bool net_pattern_ok(const void *buf, size_t len, uint64_t at)
{
	size_t n;

	for (; len; len -= n, buf += n, at += n) {
		n = len < PATTERN_LEN ? len : PATTERN_LEN;
		if (memcmp(buf, pattern + at % PATTERN_LEN, n))
			return false;
	}
	return true;
}

void net_send_all(int fd, size_t len, uint64_t at)
{
	char buf[16384];
	ssize_t n;

	for (; len; len -= n, at += n) {
		n = len < sizeof(buf) ? len : sizeof(buf);
		net_pattern(buf, n, at);
		n = send(fd, buf, n, 0);
		if (n < 0)
			net_fatal("send at byte %llu",
				  (unsigned long long)at);
	}
}

static ssize_t recv_checked(int fd, size_t len, uint64_t at)
{
	char buf[16384];
	ssize_t n;

	n = recv(fd, buf, len < sizeof(buf) ? len : sizeof(buf), 0);
	if (n < 0)
		net_fatal("recv at byte %llu", (unsigned long long)at);
	if (!net_pattern_ok(buf, n, at)) {
		errno = EILSEQ;
		net_fatal("recv at byte %llu", (unsigned long long)at);
	}
	return n;
}

void net_recv_all(int fd, size_t len, uint64_t at)
{
	ssize_t n;

	for (; len; len -= n, at += n) {
		n = recv_checked(fd, len, at);
		if (!n) {
			errno = EPIPE;
			net_fatal("end of stream at byte %llu",
				  (unsigned long long)at);
		}
	}
}

/* Read to the end of the stream; where that is. */
uint64_t net_drain(int fd, uint64_t at)
{
	ssize_t n;

	while ((n = recv_checked(fd, SIZE_MAX, at)))
		at += n;
	return at;
}

/* Write until the socket takes no more for now; how much it took. */
size_t net_fill_once(int fd, uint64_t at)
{
	char buf[16384];
	size_t sum = 0;
	ssize_t n;

	for (;;) {
		net_pattern(buf, sizeof(buf), at + sum);
		n = send(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n < 0)
			break;
		sum += n;
	}
	if (errno != EAGAIN)
		net_fatal("send at byte %llu", (unsigned long long)at + sum);
	return sum;
}

/* Bytes that were sent and are not acknowledged. */
static int under_way(int fd)
{
	int queued = net_ioctl(fd, SIOCOUTQ);

	return queued - net_ioctl(fd, SIOCOUTQNSD);
}

/*
 * Write until the buffers of both sides are full; how much that was.  They
 * are when nothing is under way, and still there is no room: what is left
 * waits for the peer's window.
 */
size_t net_fill(int fd, uint64_t at)
{
	size_t sum = 0;
	size_t n;

	do {
		if (!net_until(!under_way(fd)))
			net_fatal("%d bytes never acknowledged",
				  under_way(fd));
		n = net_fill_once(fd, at + sum);
		sum += n;
	} while (n || under_way(fd));
	return sum;
}

/*
 * Let both ends of a connection wait a minute for an acknowledgment, at the
 * least: for tests of what is sent while none comes, or of nothing being sent
 * again, on machines that stand still now and then.  The ends know when the
 * acknowledgment of a segment that was sent once has come.
 */
void net_be_patient(const struct net *net, const int fd[2])
{
	long long before;
	int host;

	for (host = A; host <= B; host++)
		net_ip(net, host, "route change 10.9.0.0/24 dev %s rto_min 60s",
		       host == A ? DEV_A : DEV_B);
	for (host = A; host <= B; host++) {
		do {
			before = net_counter(net, host, "RetransSegs");
			net_send_all(fd[host], 1, 0);
			net_recv_all(fd[!host], 1, 0);
			if (!net_until(!under_way(fd[host])))
				net_fatal("a byte never acknowledged");
		} while (net_counter(net, host, "RetransSegs") != before);
	}
}

/* A call that blocks, made by a thread of its own */

static void *call_thread(void *arg)
{
	struct net_call *call = arg;

	__atomic_store_n(&call->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	errno = 0;
	call->ret = call->fn(call);
	call->err = net_err(call->ret);
	__atomic_store_n(&call->done, true, __ATOMIC_RELEASE);
	return NULL;
}

bool net_call_asleep(const struct net_call *call)
{
	pid_t tid = __atomic_load_n(&call->tid, __ATOMIC_ACQUIRE);
	char path[64], line[256] = "";
	FILE *file;
	char *p;

	if (!tid)
		return false;
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "r");
	if (!file)
		return false;
	p = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	fclose(file);
	return p && p[2] == 'S';
}

bool net_call_done(const struct net_call *call)
{
	return __atomic_load_n(&call->done, __ATOMIC_ACQUIRE);
}

/* Start the call and wait until it sleeps (or has come back). */
void net_call(struct net_call *call)
{
	call->tid = 0;
	call->done = false;
	if (pthread_create(&call->thread, NULL, call_thread, call))
		net_fatal("pthread_create");
	if (!net_until(net_call_asleep(call) || net_call_done(call)))
		net_fatal("a call that neither sleeps nor ends");
}

/* Wait for the call to end; its value. */
long net_call_end(struct net_call *call)
{
	if (!net_until(net_call_done(call))) {
		errno = ETIMEDOUT;
		net_fatal("a blocked call");
	}
	pthread_join(call->thread, NULL);
	errno = call->err;
	return call->ret;
}

/*
 * Fill the buffers from position @at on and start a write that finds no room;
 * how much was written before it.  A window too small for a segment may yet
 * take some bytes with a probe: then this is not the write that sleeps.
 */
size_t net_call_no_room(struct net_call *call, uint64_t at)
{
	size_t sum = 0;

	for (;;) {
		sum += net_fill(call->fd, at + sum);
		net_pattern(call->buf, call->len, at + sum);
		net_call(call);
		if (!net_call_done(call))
			return sum;
		if (net_call_end(call) != (long)call->len)
			net_fatal("a write into full buffers");
		sum += call->len;
	}
}

long net_call_recv(struct net_call *call)
{
	return recv(call->fd, call->buf, call->len, call->flags);
}

long net_call_send(struct net_call *call)
{
	return send(call->fd, call->buf, call->len, call->flags);
}

long net_call_accept(struct net_call *call)
{
	return accept(call->fd, NULL, NULL);
}

long net_call_connect(struct net_call *call)
{
	return connect(call->fd, (struct sockaddr *)&call->addr,
		       sizeof(call->addr));
}

/* Time and limits */

long long net_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Between two looks at what is waited for. */
void net_pause(void)
{
	struct timespec ts = { .tv_nsec = 2000000 };

	nanosleep(&ts, NULL);
}

/* Long enough for what must not happen to happen. */
void net_quiet(void)
{
	struct timespec ts = { .tv_nsec = NET_QUIET_MS * 1000000 };

	nanosleep(&ts, NULL);
}

/* A number from the environment. */
long net_env(const char *name, long otherwise)
{
	const char *value = getenv(name);

	return value && *value ? strtol(value, NULL, 0) : otherwise;
}

/* Is this a debug kernel, which finds more and takes twenty times as long? */
bool net_kasan(void)
{
	char line[256];
	bool found = false;
	FILE *file;

	file = fopen("/proc/kallsyms", "r");
	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, " kasan_quarantine_put\n") ||
			strstr(line, " kasan_quarantine_reduce\n");
	if (file)
		fclose(file);
	return found;
}

/* Allow the test to open so many files. */
void net_files(int files)
{
	struct rlimit limit = { .rlim_cur = files, .rlim_max = files };

	if (setrlimit(RLIMIT_NOFILE, &limit))
		net_fatal("RLIMIT_NOFILE %d", files);
}

static void count_signal(int sig)
{
	net_signals++;
}

/* Count @sig in net_signals; @flags as SA_RESTART. */
void net_signal(int sig, int flags)
{
	struct sigaction action = {
		.sa_handler = count_signal,
		.sa_flags = flags,
	};

	net_signals = 0;
	if (sigaction(sig, &action, NULL))
		net_fatal("sigaction");
}

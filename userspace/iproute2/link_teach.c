// SPDX-License-Identifier: GPL-2.0
/*
 * link_teach.so: what "ip link add ... type teach" takes after that.
 *
 * ip loads it from its directory of plugins, /usr/lib/x86_64-linux-gnu/ip on
 * Debian or IP_LIB_DIR in the environment, when it meets the kind of link in
 * its name.  Without it the cards are made as the kernel makes them by itself.
 *
 * It prints nothing for "ip -d link": all that can be chosen is the peer, and
 * ip shows every link's peer.
 */
#include <assert.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>

#include <teach_link.h>

/*
 * iproute2 installs no header for plugins.  This is the layout in 6.1 (Debian
 * 12) and 6.15 (Debian 13).  ip owns @next; what is NULL, it does not call.
 */
struct link_util {
	struct link_util	*next;
	const char		*id;
	int			maxattr;
	/* Add to the request; anything but 0 ends ip. */
	int			(*parse_opt)(struct link_util *lu, int argc,
					     char **argv, struct nlmsghdr *n);
	void			(*print_opt)(void);
	void			(*print_xstats)(void);
	void			(*print_help)(struct link_util *lu, int argc,
					      char **argv, FILE *f);
	int			(*parse_ifla_xstats)(void);
	int			(*print_ifla_xstats)(void);
};

/* ip's own function.  Returns NULL for an unknown kind; nobody frees it. */
struct link_util *get_link_kind(const char *kind);

/* The peer is told to the kernel as veth's is. */
static_assert((int)TEACH_LINK_PEER == (int)VETH_INFO_PEER,
	      "veth's peer has another attribute");

static void print_usage(FILE *f)
{
	fputs("Usage: ip link add [ OPTIONS ] type teach [ peer [ OPTIONS ] ]\n"
	      "\n"
	      "Two cards and a cable.  The OPTIONS of both are those of any link,\n"
	      "as name, address, mtu, netns and up: see 'ip link help'.\n"
	      "The sizes of their rings: ethtool -G NAME tx N rx N\n",
	      f);
}

static int teach_parse_opt(struct link_util *lu, int argc, char **argv,
			   struct nlmsghdr *n)
{
	struct link_util *veth = get_link_kind("veth");

	if (!strcmp(argv[0], "peer") && veth)
		return veth->parse_opt(veth, argc, argv, n);
	if (strcmp(argv[0], "help"))
		fprintf(stderr, "Error: a teach card has no option \"%s\".\n",
			argv[0]);
	print_usage(stderr);
	return -1;
}

static void teach_print_help(struct link_util *lu, int argc, char **argv,
			     FILE *f)
{
	print_usage(f);
}

/* What ip looks up. */
struct link_util teach_link_util = {
	.id		= "teach",
	.maxattr	= TEACH_LINK_MAX,
	.parse_opt	= teach_parse_opt,
	.print_help	= teach_print_help,
};

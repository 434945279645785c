/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What nic_link.c needs to compile on other kernels.
 *
 * nic_link.c is written for the newest kernel's newlink().  Kernels before 6.15
 * (no TEACH_HAVE_NEWLINK_PARAMS) pass its parameters one by one and leave it
 * to the driver to find the peer's netns.
 */
#ifndef _TEACH_COMPAT_NIC_H
#define _TEACH_COMPAT_NIC_H

#include <net/rtnetlink.h>

#ifdef TEACH_HAVE_NEWLINK_PARAMS

#define TEACH_NEWLINK(fn)	.newlink = fn, .peer_type = TEACH_LINK_PEER
#define TEACH_COMPAT_NEWLINK(fn)

/* rtnetlink has found the netns and asked for CAP_NET_ADMIN in it. */
static inline struct net *
teach_newlink_get_peer_net(struct rtnl_newlink_params *params,
			   struct nlattr **peer_tb)
{
	return get_net(rtnl_newlink_peer_net(params));
}

#else /* !TEACH_HAVE_NEWLINK_PARAMS */

struct rtnl_newlink_params {
	struct net *src_net;
	struct nlattr **tb;
	struct nlattr **data;
};

#define TEACH_NEWLINK(fn)	.newlink = fn##_compat
#define TEACH_COMPAT_NEWLINK(fn)					\
static int fn##_compat(struct net *src_net, struct net_device *dev,	\
		       struct nlattr *tb[], struct nlattr *data[],	\
		       struct netlink_ext_ack *extack)			\
{									\
	struct rtnl_newlink_params params = {				\
		.src_net = src_net,					\
		.tb = tb,						\
		.data = data,						\
	};								\
									\
	return fn(dev, &params, extack);				\
}

/* Whoever puts a card into another netns must be its administrator. */
static inline struct net *
teach_newlink_get_peer_net(struct rtnl_newlink_params *params,
			   struct nlattr **peer_tb)
{
	struct net *net = rtnl_link_get_net(params->src_net, peer_tb);

	if (IS_ERR(net))
		return net;
	if (!ns_capable(net->user_ns, CAP_NET_ADMIN)) {
		put_net(net);
		return ERR_PTR(-EPERM);
	}
	return net;
}

#endif /* TEACH_HAVE_NEWLINK_PARAMS */

#endif /* _TEACH_COMPAT_NIC_H */

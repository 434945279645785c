// SPDX-License-Identifier: GPL-2.0
/*
 * The card as the rest of the system sees it: a link kind for iproute2, a
 * device for the network core, counters and settings for ethtool.
 *
 * This file owns how a pair of cards is made and how it dies.  How frames get
 * from one to the other is in nic.c.
 *
 * Everything here runs under RTNL, except for reading counters.
 */

#include <linux/ethtool.h>
#include <linux/etherdevice.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <net/net_namespace.h>
#include <net/rtnetlink.h>

#include "teach_link.h"
#include "nic.h"
#include "compat/nic.h"

#define TEACH_NIC_KIND		"teach"

static const char teach_tx_names[TX_COUNTERS][ETH_GSTRING_LEN] = {
	[TX_PACKETS]		= "tx_packets",
	[TX_BYTES]		= "tx_bytes",
	[TX_DOORBELLS]		= "tx_doorbells",
	[TX_PAUSED]		= "tx_paused",
	[TX_RING_FULL]		= "tx_ring_full",
	[TX_WAKES]		= "tx_wakes",
	[TX_DROP_LINK_DOWN]	= "tx_drop_link_down",
	[TX_DROP_RUNT]		= "tx_drop_runt",
	[TX_DROP_NOMEM]		= "tx_drop_nomem",
};

static const char teach_rx_names[RX_COUNTERS][ETH_GSTRING_LEN] = {
	[RX_PACKETS]		= "rx_packets",
	[RX_BYTES]		= "rx_bytes",
	[RX_INTERRUPTS]		= "rx_interrupts",
	[RX_POLLS]		= "rx_polls",
	[RX_RESUMES]		= "rx_resumes",
	[RX_DROP_TOO_LONG]	= "rx_drop_too_long",
	[RX_DROP_DOWN]		= "rx_drop_down",
};

/*
 * Counters
 */

static void teach_nic_read_counters(struct teach_nic *nic, u64 *tx, u64 *rx)
{
	unsigned int start;
	int i;

	do {
		start = u64_stats_fetch_begin(&nic->tx_syncp);
		for (i = 0; i < TX_COUNTERS; i++)
			tx[i] = u64_stats_read(&nic->tx_count[i]);
	} while (u64_stats_fetch_retry(&nic->tx_syncp, start));

	do {
		start = u64_stats_fetch_begin(&nic->rx_syncp);
		for (i = 0; i < RX_COUNTERS; i++)
			rx[i] = u64_stats_read(&nic->rx_count[i]);
	} while (u64_stats_fetch_retry(&nic->rx_syncp, start));
}

static void teach_nic_get_stats64(struct net_device *dev,
				  struct rtnl_link_stats64 *stats)
{
	u64 tx[TX_COUNTERS], rx[RX_COUNTERS];

	teach_nic_read_counters(netdev_priv(dev), tx, rx);

	stats->tx_packets = tx[TX_PACKETS];
	stats->tx_bytes = tx[TX_BYTES];
	stats->tx_dropped = tx[TX_DROP_LINK_DOWN] + tx[TX_DROP_RUNT] +
			    tx[TX_DROP_NOMEM];
	stats->rx_packets = rx[RX_PACKETS];
	stats->rx_bytes = rx[RX_BYTES];
	stats->rx_dropped = rx[RX_DROP_DOWN];
	stats->rx_length_errors = rx[RX_DROP_TOO_LONG];
	stats->rx_errors = rx[RX_DROP_TOO_LONG];
}

static int teach_nic_get_sset_count(struct net_device *dev, int set)
{
	if (set != ETH_SS_STATS)
		return -EOPNOTSUPP;
	return TX_COUNTERS + RX_COUNTERS;
}

static void teach_nic_get_strings(struct net_device *dev, u32 set, u8 *data)
{
	if (set != ETH_SS_STATS)
		return;
	memcpy(data, teach_tx_names, sizeof(teach_tx_names));
	memcpy(data + sizeof(teach_tx_names), teach_rx_names,
	       sizeof(teach_rx_names));
}

static void teach_nic_get_ethtool_stats(struct net_device *dev,
					struct ethtool_stats *stats, u64 *data)
{
	teach_nic_read_counters(netdev_priv(dev), data, data + TX_COUNTERS);
}

/*
 * What else ethtool can see and set
 */

static int teach_nic_get_link_ksettings(struct net_device *dev,
					struct ethtool_link_ksettings *cmd)
{
	cmd->base.speed = SPEED_10000;
	cmd->base.duplex = DUPLEX_FULL;
	cmd->base.port = PORT_TP;
	cmd->base.autoneg = AUTONEG_DISABLE;
	return 0;
}

static void teach_nic_get_ringparam(struct net_device *dev,
				    struct ethtool_ringparam *ring,
				    struct kernel_ethtool_ringparam *kring,
				    struct netlink_ext_ack *extack)
{
	struct teach_nic *nic = netdev_priv(dev);

	ring->rx_max_pending = TEACH_RING_MAX;
	ring->tx_max_pending = TEACH_RING_MAX;
	ring->rx_pending = nic->rx.mask + 1;
	ring->tx_pending = nic->tx.mask + 1;
}

/* ethtool has checked the maximum.  Small rings show back-pressure well. */
static int teach_nic_set_ringparam(struct net_device *dev,
				   struct ethtool_ringparam *ring,
				   struct kernel_ethtool_ringparam *kring,
				   struct netlink_ext_ack *extack)
{
	return teach_nic_resize(dev,
		roundup_pow_of_two(max(ring->tx_pending, TEACH_RING_MIN)),
		roundup_pow_of_two(max(ring->rx_pending, TEACH_RING_MIN)));
}

static const struct ethtool_ops teach_nic_ethtool_ops = {
	.get_link		= ethtool_op_get_link,
	.get_link_ksettings	= teach_nic_get_link_ksettings,
	.get_ts_info		= ethtool_op_get_ts_info,
	.get_ringparam		= teach_nic_get_ringparam,
	.set_ringparam		= teach_nic_set_ringparam,
	.get_sset_count		= teach_nic_get_sset_count,
	.get_strings		= teach_nic_get_strings,
	.get_ethtool_stats	= teach_nic_get_ethtool_stats,
};

/*
 * The device
 */

static int teach_nic_get_iflink(const struct net_device *dev)
{
	struct teach_nic *nic = netdev_priv(dev);
	struct net_device *peer;
	int iflink;

	rcu_read_lock();
	peer = rcu_dereference(nic->peer);
	iflink = peer ? peer->ifindex : 0;
	rcu_read_unlock();
	return iflink;
}

/* No address filter: the card hands up every frame it gets. */
static void teach_nic_set_rx_mode(struct net_device *dev)
{
}

static int teach_nic_dev_init(struct net_device *dev)
{
	struct teach_nic *nic = netdev_priv(dev);

	u64_stats_init(&nic->tx_syncp);
	u64_stats_init(&nic->rx_syncp);
	netif_napi_add(dev, &nic->napi, teach_nic_poll);
	netif_carrier_off(dev);
	return teach_nic_resize(dev, TEACH_RING_DEFAULT, TEACH_RING_DEFAULT);
}

/*
 * teach_nic_dellink() unregisters both cards together, so both are closed by
 * now; unregistering goes on to wait for RCU readers.
 */
static void teach_nic_dev_uninit(struct net_device *dev)
{
	struct teach_nic *nic = netdev_priv(dev);
	struct net_device *peer = rtnl_dereference(nic->peer);
	struct teach_nic *other;

	if (!peer)
		return;
	other = netdev_priv(peer);
	RCU_INIT_POINTER(other->peer, NULL);
	RCU_INIT_POINTER(nic->peer, NULL);
}

static void teach_nic_dev_free(struct net_device *dev)
{
	struct teach_nic *nic = netdev_priv(dev);

	kvfree(nic->tx.desc);
	kvfree(nic->rx.desc);
}

static const struct net_device_ops teach_nic_netdev_ops = {
	.ndo_init		= teach_nic_dev_init,
	.ndo_uninit		= teach_nic_dev_uninit,
	.ndo_open		= teach_nic_open,
	.ndo_stop		= teach_nic_stop,
	.ndo_start_xmit		= teach_nic_xmit,
	.ndo_features_check	= passthru_features_check,
	.ndo_get_stats64	= teach_nic_get_stats64,
	.ndo_set_rx_mode	= teach_nic_set_rx_mode,
	.ndo_set_mac_address	= eth_mac_addr,
	.ndo_validate_addr	= eth_validate_addr,
	.ndo_get_iflink		= teach_nic_get_iflink,
};

/* Checksums and segments can be left undone: memory does not flip bits. */
#define TEACH_NIC_VLAN		(NETIF_F_HW_VLAN_CTAG_TX |	\
				 NETIF_F_HW_VLAN_CTAG_RX |	\
				 NETIF_F_HW_VLAN_STAG_TX |	\
				 NETIF_F_HW_VLAN_STAG_RX)
#define TEACH_NIC_FEATURES	(NETIF_F_SG | NETIF_F_FRAGLIST |	\
				 NETIF_F_HIGHDMA | NETIF_F_HW_CSUM |	\
				 NETIF_F_RXCSUM | NETIF_F_SCTP_CRC |	\
				 NETIF_F_GSO_SOFTWARE |			\
				 NETIF_F_GSO_ENCAP_ALL)

static void teach_nic_setup(struct net_device *dev)
{
	ether_setup(dev);

	dev->netdev_ops = &teach_nic_netdev_ops;
	dev->ethtool_ops = &teach_nic_ethtool_ops;
	dev->priv_destructor = teach_nic_dev_free;
	dev->needs_free_netdev = true;

	dev->min_mtu = ETH_MIN_MTU;
	dev->max_mtu = ETH_MAX_MTU;
	/* The frame is given away, so pktgen may not send it twice. */
	dev->priv_flags &= ~IFF_TX_SKB_SHARING;
	dev->priv_flags |= IFF_LIVE_ADDR_CHANGE;

	dev->features |= TEACH_NIC_FEATURES | TEACH_NIC_VLAN;
	dev->hw_features = TEACH_NIC_FEATURES | TEACH_NIC_VLAN;
	dev->hw_enc_features = TEACH_NIC_FEATURES;
	dev->vlan_features = TEACH_NIC_FEATURES;
	dev->mpls_features = NETIF_F_HW_CSUM | NETIF_F_GSO_SOFTWARE;
	netif_set_tso_max_size(dev, GSO_MAX_SIZE);
}

/*
 * The link kind: rtnetlink's side of it, all under RTNL
 */

static int teach_nic_validate(struct nlattr *tb[], struct nlattr *data[],
			      struct netlink_ext_ack *extack)
{
	struct nlattr *mac = tb[IFLA_ADDRESS];

	if (mac && nla_len(mac) != ETH_ALEN) {
		NL_SET_ERR_MSG_ATTR(extack, mac, "A MAC address has 6 bytes");
		return -EINVAL;
	}
	if (mac && !is_valid_ether_addr(nla_data(mac))) {
		NL_SET_ERR_MSG_ATTR(extack, mac,
				    "Zeros or a group are no card's address");
		return -EADDRNOTAVAIL;
	}
	/* The TX queue lock guards the ring, so there is one of each. */
	if ((tb[IFLA_NUM_TX_QUEUES] &&
	     nla_get_u32(tb[IFLA_NUM_TX_QUEUES]) != 1) ||
	    (tb[IFLA_NUM_RX_QUEUES] &&
	     nla_get_u32(tb[IFLA_NUM_RX_QUEUES]) != 1)) {
		NL_SET_ERR_MSG(extack, "A card has one TX and one RX queue");
		return -EINVAL;
	}
	return 0;
}

static int teach_nic_register(struct net_device *dev)
{
	int err;

	err = register_netdevice(dev);
	if (err)
		return err;

	/* Why: see teach_nic_deliver(). */
	dev->wanted_features &= ~NETIF_F_GRO;
	netdev_update_features(dev);
	return 0;
}

static struct rtnl_link_ops teach_nic_link_ops;

/* Make and register the peer, as @ifmp and @tb want it. */
static struct net_device *
teach_nic_create_peer(struct net *net, struct ifinfomsg *ifmp,
		      struct nlattr **tb, struct netlink_ext_ack *extack)
{
	unsigned char name_assign_type = NET_NAME_ENUM;
	char name[IFNAMSIZ] = TEACH_NIC_KIND "%d";
	struct net_device *peer;
	int err;

	if (ifmp && tb[IFLA_IFNAME]) {
		nla_strscpy(name, tb[IFLA_IFNAME], IFNAMSIZ);
		name_assign_type = NET_NAME_USER;
	}

	peer = rtnl_create_link(net, name, name_assign_type,
				&teach_nic_link_ops, tb, extack);
	if (IS_ERR(peer))
		return peer;

	if (!ifmp || !tb[IFLA_ADDRESS])
		eth_hw_addr_random(peer);
	if (ifmp)
		peer->ifindex = ifmp->ifi_index;

	err = teach_nic_register(peer);
	if (err) {
		free_netdev(peer);
		return ERR_PTR(err);
	}
	return peer;
}

/* Who removes one card removes both: a cable has two ends. */
static void teach_nic_dellink(struct net_device *dev, struct list_head *head)
{
	struct teach_nic *nic = netdev_priv(dev);
	struct net_device *peer = rtnl_dereference(nic->peer);

	unregister_netdevice_queue(dev, head);
	if (peer)
		unregister_netdevice_queue(peer, head);
}

/* Both cards are there: join them, and finish the peer as @ifmp wants it. */
static int teach_nic_join(struct net_device *dev, struct net_device *peer,
			  struct ifinfomsg *ifmp)
{
	struct teach_nic *nic = netdev_priv(dev);
	struct teach_nic *other = netdev_priv(peer);
	LIST_HEAD(kill);
	int err;

	rcu_assign_pointer(nic->peer, peer);
	rcu_assign_pointer(other->peer, dev);

	err = rtnl_configure_link(peer, ifmp, 0, NULL);
	if (err < 0) {
		teach_nic_dellink(dev, &kill);
		unregister_netdevice_many(&kill);
	}
	return err;
}

/*
 * @dev is registered before its peer, so that it has its name when the
 * kernel looks for a free one.
 */
static int teach_nic_newlink(struct net_device *dev,
			     struct rtnl_newlink_params *params,
			     struct netlink_ext_ack *extack)
{
	struct nlattr *peer_tb[IFLA_MAX + 1];
	struct nlattr **tb = params->tb;
	struct ifinfomsg *ifmp = NULL;
	struct net_device *peer;
	struct net *net;
	int err;

	if (params->data && params->data[TEACH_LINK_PEER]) {
		struct nlattr *attr = params->data[TEACH_LINK_PEER];

		err = rtnl_nla_parse_ifinfomsg(peer_tb, attr, extack);
		if (err < 0)
			return err;
		err = teach_nic_validate(peer_tb, NULL, extack);
		if (err)
			return err;
		ifmp = nla_data(attr);
		tb = peer_tb;
	}

	net = teach_newlink_get_peer_net(params, tb);
	if (IS_ERR(net))
		return PTR_ERR(net);

	if (!params->tb[IFLA_ADDRESS])
		eth_hw_addr_random(dev);
	err = teach_nic_register(dev);
	if (err)
		goto out;

	peer = teach_nic_create_peer(net, ifmp, tb, extack);
	if (IS_ERR(peer)) {
		unregister_netdevice(dev);
		err = PTR_ERR(peer);
		goto out;
	}
	err = teach_nic_join(dev, peer, ifmp);
out:
	put_net(net);
	return err;
}

TEACH_COMPAT_NEWLINK(teach_nic_newlink)

static struct net *teach_nic_get_link_net(const struct net_device *dev)
{
	struct teach_nic *nic = netdev_priv(dev);
	struct net_device *peer = rtnl_dereference(nic->peer);

	return peer ? dev_net(peer) : dev_net(dev);
}

static const struct nla_policy teach_nic_policy[TEACH_LINK_MAX + 1] = {
	[TEACH_LINK_PEER]	= { .len = sizeof(struct ifinfomsg) },
};

static struct rtnl_link_ops teach_nic_link_ops = {
	.kind		= TEACH_NIC_KIND,
	.priv_size	= sizeof(struct teach_nic),
	.setup		= teach_nic_setup,
	.validate	= teach_nic_validate,
	TEACH_NEWLINK(teach_nic_newlink),
	.dellink	= teach_nic_dellink,
	.get_link_net	= teach_nic_get_link_net,
	.policy		= teach_nic_policy,
	.maxtype	= TEACH_LINK_MAX,
};

int teach_nic_init(void)
{
	return rtnl_link_register(&teach_nic_link_ops);
}

/* Takes away the cards that are left, in every netns. */
void teach_nic_exit(void)
{
	rtnl_link_unregister(&teach_nic_link_ops);
}

MODULE_ALIAS_RTNL_LINK(TEACH_NIC_KIND);

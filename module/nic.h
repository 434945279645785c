/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The card's structures.  nic.c is its driver and shows a picture of the
 * rings; nic_link.c is what iproute2 and ethtool see of it.
 */
#ifndef _TEACH_NIC_H
#define _TEACH_NIC_H

#include <linux/netdevice.h>
#include <linux/u64_stats_sync.h>

#define TEACH_RING_MIN		8
#define TEACH_RING_DEFAULT	256
#define TEACH_RING_MAX		4096

enum teach_owner {
	TEACH_DRIVER,
	TEACH_CARD,
};

/* Of the two of a card, for who watches: nic_trace.h. */
enum teach_ring_kind {
	TEACH_RING_TX,
	TEACH_RING_RX,
};

/**
 * struct teach_desc - a descriptor: one slot of a ring
 * @frame: what a real card would find at the slot's DMA address
 * @len: length of the frame, Ethernet header included
 * @owner: who may touch the slot.  TX: the driver fills, the card empties.
 *	RX: the card fills, the driver empties.
 *
 * Whoever owns the slot owns the frame in it, and frees it if it must.
 */
struct teach_desc {
	struct sk_buff		*frame;
	u32			len;
	u32			owner;
};

/**
 * struct teach_ring - a fixed number of slots, used in turn
 * @desc: the slots; allocated when the device is registered, freed with it
 * @mask: number of slots, a power of two, minus one
 * @head: the next slot to fill; moved by the side that fills
 * @tail: the next slot to empty; moved by the side that empties
 *
 * head and tail run freely and are masked when used.  Neither side reads the
 * other's: a slot's owner says whether the ring is full or empty there.
 */
struct teach_ring {
	struct teach_desc	*desc;
	u32			mask;
	u32			head;
	u32			tail ____cacheline_aligned_in_smp;
};

enum teach_tx_counter {
	TX_PACKETS,
	TX_BYTES,
	TX_DOORBELLS,		/* writes to the doorbell */
	TX_PAUSED,		/* the peer's RX ring was full */
	TX_RING_FULL,		/* and so was ours: queue stopped */
	TX_WAKES,		/* queue woken */
	TX_DROP_LINK_DOWN,	/* no carrier, or it was lost */
	TX_DROP_RUNT,		/* not even an Ethernet header */
	TX_DROP_NOMEM,
	TX_COUNTERS
};

enum teach_rx_counter {
	RX_PACKETS,
	RX_BYTES,
	RX_INTERRUPTS,		/* NAPI scheduled by the card */
	RX_POLLS,		/* runs of teach_nic_poll() */
	RX_RESUMES,		/* sender told that there is room again */
	RX_DROP_TOO_LONG,	/* longer than our MTU allows */
	RX_DROP_DOWN,		/* in the ring when the device was closed */
	RX_COUNTERS
};

/**
 * struct teach_nic - a card and its driver's state; netdev_priv() of a device
 * @peer: the device at the other end of the cable.  Set under RTNL when both
 *	are registered, cleared under RTNL before either is freed; readers use
 *	RTNL or RCU.
 * @up: the device is open (RTNL)
 * @wire: the peer's card while both are up, else NULL (TX queue lock)
 * @tx: the TX ring, both its ends (TX queue lock)
 * @tx_syncp: lets 32-bit machines read @tx_count whole
 * @tx_count: see enum teach_tx_counter (TX queue lock)
 * @rx: the RX ring.  head: TX queue lock of the peer.  tail: NAPI.
 * @rx_paused: the sender found @rx full and waits.  Set under the peer's TX
 *	queue lock, cleared by NAPI.
 * @napi: polls @rx; enabled while @up
 * @irq_masked: the card may not interrupt.  Set by the interrupt, cleared by
 *	the poll that finds nothing left to do.
 * @tx_resume: the cause of an interrupt other than a frame in @rx: the peer
 *	has room again.  Set by the peer's NAPI, cleared by ours.
 * @rx_syncp: lets 32-bit machines read @rx_count whole
 * @rx_count: see enum teach_rx_counter (whoever scheduled or runs NAPI)
 */
struct teach_nic {
	struct net_device __rcu	*peer;
	bool			up;

	struct teach_nic	*wire ____cacheline_aligned_in_smp;
	struct teach_ring	tx;
	struct u64_stats_sync	tx_syncp;
	u64_stats_t		tx_count[TX_COUNTERS];

	struct teach_ring	rx ____cacheline_aligned_in_smp;
	bool			rx_paused;

	struct napi_struct	napi ____cacheline_aligned_in_smp;
	bool			irq_masked;
	bool			tx_resume;
	struct u64_stats_sync	rx_syncp;
	u64_stats_t		rx_count[RX_COUNTERS];
};

/* nic.c */
int teach_nic_open(struct net_device *dev);
int teach_nic_stop(struct net_device *dev);
netdev_tx_t teach_nic_xmit(struct sk_buff *skb, struct net_device *dev);
int teach_nic_poll(struct napi_struct *napi, int budget);
int teach_nic_resize(struct net_device *dev, u32 tx_size, u32 rx_size);

/* nic_link.c */
int teach_nic_init(void);
void teach_nic_exit(void);

#endif /* _TEACH_NIC_H */

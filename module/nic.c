// SPDX-License-Identifier: GPL-2.0
/*
 * The card: two Ethernet devices with a cable between them, made by
 * "ip link add teach0 type teach".
 *
 * This file owns the driver layer: rings, doorbell, interrupt, NAPI poll,
 * back-pressure, carrier.  It does not look into a frame beyond the Ethernet
 * header, and it never loses one for want of a free slot.  How a pair is made
 * and what ethtool sees of it is in nic_link.c.
 *
 *   teach0's driver                         teach1's driver
 *
 *   teach_nic_xmit()                        teach_nic_receive()
 *        | 1 fill the slot at head,              ^ 5 empty the slot at tail,
 *        |   give it to the card                 |   give it back to the card
 *        v                                       |
 *   TX ring   tail      head                RX ring   tail      head
 *             v         v                             v         v
 *   +----+----+----+----+----+----+         +----+----+----+----+----+----+
 *   |    |    | fr | fr |    |    |         |    |    | fr | fr |    |    |
 *   +----+----+----+----+----+----+         +----+----+----+----+----+----+
 *             |                                                 ^
 *             '------- 3 the card moves: teach_nic_dma() -------'
 *
 *   2 doorbell: the driver starts           4 interrupt: the card schedules
 *     the card                                NAPI, and is masked until
 *                                             teach_nic_poll() is done
 *
 * Each card has one such pair of rings, so a pair of cards has the picture
 * twice, once in each direction.  One queue pair a card is enough to see how
 * it works.
 *
 * What a slot holds belongs to whoever "owner" names, as on real hardware.
 * Here the card is a function and not a chip, so it needs no bus address: a
 * slot holds the sk_buff itself, and passing the pointer is the DMA.  A frame
 * that is in the peer's RX ring has been sent, so a TX slot is free again as
 * soon as the card has moved it.  The bytes stay charged to the sending
 * socket until the peer's driver takes the frame, as on a card whose
 * completion interrupt comes when the wire has it.
 *
 * Back-pressure, from the receiver back to the sending program:
 *   the RX ring is full -> the card stops moving (802.3x would say PAUSE);
 *   then the TX ring fills up -> the queue is stopped, the qdisc holds frames;
 *   then sockets run out of send buffer -> programs sleep.
 * When NAPI has made room it interrupts the sending card ("resume"), which
 * moves on and wakes its queue.
 *
 * Byte queue limits (BQL) have nothing to measure on a card that completes a
 * frame before the doorbell returns, so there are none.
 *
 * Locks.  The side that sends (teach_nic.tx and .wire, and head of the RX
 * ring at the other end of the wire) is under this device's TX queue lock.
 * The side that receives (rx.tail and the rx counters) belongs to whoever
 * runs NAPI.  No lock is shared by the two: they meet in the slots' owner,
 * given with release and looked at with acquire.  Everything else changes
 * only under RTNL.
 */

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <net/busy_poll.h>

#include "nic.h"

#define CREATE_TRACE_POINTS
#include "nic_trace.h"

static void teach_tx_add(struct teach_nic *nic, enum teach_tx_counter c, u32 n)
{
	u64_stats_update_begin(&nic->tx_syncp);
	u64_stats_add(&nic->tx_count[c], n);
	u64_stats_update_end(&nic->tx_syncp);
}

static void teach_rx_add(struct teach_nic *nic, enum teach_rx_counter c, u32 n)
{
	u64_stats_update_begin(&nic->rx_syncp);
	u64_stats_add(&nic->rx_count[c], n);
	u64_stats_update_end(&nic->rx_syncp);
}

/*
 * Rings
 */

static struct teach_desc *teach_ring_head(struct teach_ring *ring)
{
	return &ring->desc[ring->head & ring->mask];
}

static struct teach_desc *teach_ring_tail(struct teach_ring *ring)
{
	return &ring->desc[ring->tail & ring->mask];
}

static bool teach_desc_owned_by(const struct teach_desc *desc,
				enum teach_owner owner)
{
	/* Pairs with teach_desc_give(): after owner, read the rest. */
	return smp_load_acquire(&desc->owner) == owner;
}

static void teach_desc_give(struct teach_desc *desc, enum teach_owner owner)
{
	/* Pairs with teach_desc_owned_by(): write the rest before owner. */
	smp_store_release(&desc->owner, owner);
}

/* The side that fills: put @frame at head and give it to @owner. */
static void teach_ring_fill(struct teach_ring *ring, struct sk_buff *frame,
			    enum teach_owner owner)
{
	struct teach_desc *desc = teach_ring_head(ring);

	desc->frame = frame;
	desc->len = frame->len;
	teach_desc_give(desc, owner);
	ring->head++;
}

/* The side that empties: take the frame at tail and give the slot back. */
static struct sk_buff *teach_ring_empty(struct teach_ring *ring,
					enum teach_owner owner)
{
	struct teach_desc *desc = teach_ring_tail(ring);
	struct sk_buff *frame = desc->frame;

	desc->frame = NULL;
	teach_desc_give(desc, owner);
	ring->tail++;
	return frame;
}

static bool teach_tx_full(struct teach_nic *nic)
{
	return teach_desc_owned_by(teach_ring_head(&nic->tx), TEACH_CARD);
}

static bool teach_tx_pending(struct teach_nic *nic)
{
	return teach_desc_owned_by(teach_ring_tail(&nic->tx), TEACH_CARD);
}

static bool teach_rx_full(struct teach_nic *nic)
{
	return teach_desc_owned_by(teach_ring_head(&nic->rx), TEACH_DRIVER);
}

static bool teach_rx_pending(struct teach_nic *nic)
{
	return teach_desc_owned_by(teach_ring_tail(&nic->rx), TEACH_DRIVER);
}

/* All slots empty: in a TX ring they are the driver's, in RX the card's. */
static struct teach_desc *teach_ring_alloc(u32 size, enum teach_owner owner)
{
	struct teach_desc *desc;
	u32 i;

	desc = kvcalloc(size, sizeof(*desc), GFP_KERNEL_ACCOUNT);
	if (!desc)
		return NULL;
	for (i = 0; i < size; i++)
		desc[i].owner = owner;
	return desc;
}

/* Let @ring have empty slots; the old ones are returned, to be freed. */
static struct teach_desc *teach_ring_replace(struct teach_ring *ring,
					     struct teach_desc *desc, u32 size)
{
	struct teach_desc *old = ring->desc;

	ring->desc = desc;
	ring->mask = size - 1;
	ring->head = 0;
	ring->tail = 0;
	return old;
}

/*
 * Rings of @tx_size and @rx_size slots, powers of two, or -ENOMEM and what
 * there was before.  The device is not registered yet, or RTNL is held.
 */
int teach_nic_resize(struct net_device *dev, u32 tx_size, u32 rx_size)
{
	struct netdev_queue *txq = netdev_get_tx_queue(dev, 0);
	struct teach_nic *nic = netdev_priv(dev);
	struct teach_desc *tx, *rx;

	tx = teach_ring_alloc(tx_size, TEACH_DRIVER);
	rx = teach_ring_alloc(rx_size, TEACH_CARD);
	if (!tx || !rx) {
		kvfree(tx);
		kvfree(rx);
		return -ENOMEM;
	}

	if (netif_running(dev))
		teach_nic_stop(dev);
	/* The stack goes on sending: its frames are dropped without a cable. */
	__netif_tx_lock_bh(txq);
	tx = teach_ring_replace(&nic->tx, tx, tx_size);
	__netif_tx_unlock_bh(txq);
	rx = teach_ring_replace(&nic->rx, rx, rx_size);
	kvfree(tx);
	kvfree(rx);
	if (netif_running(dev))
		return teach_nic_open(dev);
	return 0;
}

/*
 * The card: what a chip would do
 */

/* Ask for @nic's driver, unless it is at work already. */
static void teach_nic_interrupt(struct teach_nic *nic)
{
	/* Pairs with teach_nic_unmask(): write the cause, then look. */
	smp_mb();
	if (READ_ONCE(nic->irq_masked))
		return;
	if (!napi_schedule_prep(&nic->napi))
		return;

	WRITE_ONCE(nic->irq_masked, true);
	teach_rx_add(nic, RX_INTERRUPTS, 1);
	trace_teach_interrupt(nic->napi.dev);
	__napi_schedule(&nic->napi);
}

/*
 * No room at head of the receiver's ring: leave word that we wait, and look
 * once more in case it made room before it could read that.
 */
static bool teach_nic_pause(struct teach_nic *receiver)
{
	WRITE_ONCE(receiver->rx_paused, true);
	/* Pairs with teach_nic_receive(): leave word, then look. */
	smp_mb();
	return teach_rx_full(receiver);
}

/*
 * Move frames from our TX ring over the cable to the peer's RX ring, as many
 * as it has room for.  Caller holds the TX queue lock.
 */
static void teach_nic_dma(struct teach_nic *nic)
{
	struct teach_nic *receiver = nic->wire;
	struct sk_buff *frame;
	u32 packets = 0;
	u32 paused = 0;
	u32 bytes = 0;

	while (teach_tx_pending(nic)) {
		if (teach_rx_full(receiver) && teach_nic_pause(receiver)) {
			paused = 1;
			break;
		}
		frame = teach_ring_empty(&nic->tx, TEACH_DRIVER);
		packets++;
		bytes += frame->len;
		trace_teach_ring(nic->napi.dev, TEACH_RING_TX, &nic->tx);
		teach_ring_fill(&receiver->rx, frame, TEACH_DRIVER);
		trace_teach_ring(receiver->napi.dev, TEACH_RING_RX,
				 &receiver->rx);
	}

	u64_stats_update_begin(&nic->tx_syncp);
	u64_stats_add(&nic->tx_count[TX_PACKETS], packets);
	u64_stats_add(&nic->tx_count[TX_BYTES], bytes);
	u64_stats_add(&nic->tx_count[TX_PAUSED], paused);
	u64_stats_update_end(&nic->tx_syncp);

	if (packets)
		teach_nic_interrupt(receiver);
}

/* The driver's write to the card's register; TX queue lock. */
static void teach_nic_doorbell(struct teach_nic *nic)
{
	if (!nic->wire)
		return;
	teach_tx_add(nic, TX_DOORBELLS, 1);
	teach_nic_dma(nic);
}

/*
 * The driver, sending
 */

static void teach_tx_drop(struct teach_nic *nic, struct sk_buff *skb,
			  enum teach_tx_counter why,
			  enum skb_drop_reason reason)
{
	teach_tx_add(nic, why, 1);
	kfree_skb_reason(skb, reason);
}

/* May @skb go into the ring?  If not, it is counted and freed. */
static bool teach_nic_accept(struct teach_nic *nic, struct sk_buff *skb)
{
	if (unlikely(!nic->wire)) {
		teach_tx_drop(nic, skb, TX_DROP_LINK_DOWN,
			      SKB_DROP_REASON_DEV_READY);
		return false;
	}
	if (unlikely(!pskb_may_pull(skb, ETH_HLEN))) {
		teach_tx_drop(nic, skb, TX_DROP_RUNT,
			      SKB_DROP_REASON_HDR_TRUNC);
		return false;
	}
	/* The other host must not hold a process's own pages. */
	if (unlikely(skb_orphan_frags_rx(skb, GFP_ATOMIC))) {
		teach_tx_drop(nic, skb, TX_DROP_NOMEM,
			      SKB_DROP_REASON_SKB_UCOPY_FAULT);
		return false;
	}
	return true;
}

/* Called with the TX queue lock held and bottom halves off. */
netdev_tx_t teach_nic_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct teach_nic *nic = netdev_priv(dev);

	if (teach_nic_accept(nic, skb)) {
		skb_tx_timestamp(skb);
		/*
		 * Only the frame goes over a cable.  What this host knows
		 * about it (route, conntrack, mark, ...) stays here.
		 */
		skb_scrub_packet(skb, true);
		skb->priority = 0;
		teach_ring_fill(&nic->tx, skb, TEACH_CARD);
		trace_teach_ring(dev, TEACH_RING_TX, &nic->tx);
	}

	/* One doorbell for a burst, unless the ring cannot hold more of it. */
	if (!netdev_xmit_more() || teach_tx_full(nic))
		teach_nic_doorbell(nic);

	/* Still full, so the card is paused; teach_nic_resume() will wake. */
	if (unlikely(teach_tx_full(nic))) {
		netif_stop_queue(dev);
		teach_tx_add(nic, TX_RING_FULL, 1);
	}
	return NETDEV_TX_OK;
}

/* Our interrupt said that the peer has room again: send on. */
static void teach_nic_resume(struct teach_nic *nic)
{
	struct netdev_queue *txq = netdev_get_tx_queue(nic->napi.dev, 0);

	WRITE_ONCE(nic->tx_resume, false);

	__netif_tx_lock(txq, smp_processor_id());
	teach_nic_doorbell(nic);
	if (netif_tx_queue_stopped(txq) && !teach_tx_full(nic)) {
		teach_tx_add(nic, TX_WAKES, 1);
		netif_tx_wake_queue(txq);
	}
	__netif_tx_unlock(txq);
}

/*
 * The driver, receiving
 */

static bool teach_nic_too_long(const struct net_device *dev,
			       const struct sk_buff *skb)
{
	return skb->len > dev->mtu + ETH_HLEN + VLAN_HLEN && !skb_is_gso(skb);
}

/* From here on it is a packet that came in on @nic. */
static void teach_nic_deliver(struct teach_nic *nic, struct sk_buff *skb)
{
	struct net_device *dev = nic->napi.dev;

	/* It has left the sending host: uncharge the socket that sent it. */
	skb_orphan(skb);
	skb->protocol = eth_type_trans(skb, dev);
	skb_postpull_rcsum(skb, eth_hdr(skb), ETH_HLEN);
	skb_mark_napi_id(skb, &nic->napi);

	/*
	 * GRO writes into the frame's headers and page list, which the sender
	 * may still share for retransmission.  It is off by default: what is
	 * sent here with GSO arrives in one piece anyway.
	 */
	if (!(dev->features & NETIF_F_GRO) || skb_unclone(skb, GFP_ATOMIC))
		netif_receive_skb(skb);
	else
		napi_gro_receive(&nic->napi, skb);
}

/* There is room in our ring again: interrupt the sender. */
static void teach_nic_unpause(struct teach_nic *nic)
{
	struct net_device *peer = rcu_dereference_bh(nic->peer);
	struct teach_nic *sender;

	WRITE_ONCE(nic->rx_paused, false);
	if (!peer)
		return;

	sender = netdev_priv(peer);
	WRITE_ONCE(sender->tx_resume, true);
	teach_rx_add(nic, RX_RESUMES, 1);
	teach_nic_interrupt(sender);
}

static int teach_nic_receive(struct teach_nic *nic, int budget)
{
	struct sk_buff *skb;
	u32 too_long = 0;
	u32 packets = 0;
	u32 bytes = 0;
	int done;

	for (done = 0; done < budget && teach_rx_pending(nic); done++) {
		skb = teach_ring_empty(&nic->rx, TEACH_CARD);
		trace_teach_ring(nic->napi.dev, TEACH_RING_RX, &nic->rx);
		if (unlikely(teach_nic_too_long(nic->napi.dev, skb))) {
			too_long++;
			kfree_skb_reason(skb, SKB_DROP_REASON_PKT_TOO_BIG);
			continue;
		}
		packets++;
		bytes += skb->len;
		teach_nic_deliver(nic, skb);
	}

	u64_stats_update_begin(&nic->rx_syncp);
	u64_stats_add(&nic->rx_count[RX_PACKETS], packets);
	u64_stats_add(&nic->rx_count[RX_BYTES], bytes);
	u64_stats_add(&nic->rx_count[RX_DROP_TOO_LONG], too_long);
	u64_stats_inc(&nic->rx_count[RX_POLLS]);
	u64_stats_update_end(&nic->rx_syncp);

	/* Pairs with teach_nic_pause(): make room, then look. */
	smp_mb();
	if (unlikely(READ_ONCE(nic->rx_paused)))
		teach_nic_unpause(nic);
	return done;
}

/*
 * Let the card interrupt again.  A cause that came while it could not would
 * keep a real interrupt line high; so look.
 */
static void teach_nic_unmask(struct teach_nic *nic)
{
	/* Pairs with teach_nic_interrupt(): unmask, then look. */
	smp_store_mb(nic->irq_masked, false);
	if (teach_rx_pending(nic) || READ_ONCE(nic->tx_resume))
		teach_nic_interrupt(nic);
}

/* NAPI: runs with bottom halves off, on one CPU at a time for each card. */
int teach_nic_poll(struct napi_struct *napi, int budget)
{
	struct teach_nic *nic = container_of(napi, struct teach_nic, napi);
	int done;

	if (READ_ONCE(nic->tx_resume))
		teach_nic_resume(nic);

	done = teach_nic_receive(nic, budget);
	trace_teach_poll(napi->dev, done, budget);
	if (done < budget && napi_complete_done(napi, done))
		teach_nic_unmask(nic);
	return done;
}

/*
 * Cable and carrier, all under RTNL
 */

static void teach_nic_plug(struct net_device *dev, struct net_device *peer)
{
	struct netdev_queue *txq = netdev_get_tx_queue(dev, 0);
	struct teach_nic *nic = netdev_priv(dev);

	__netif_tx_lock_bh(txq);
	nic->wire = netdev_priv(peer);
	__netif_tx_unlock_bh(txq);
	netif_carrier_on(dev);
}

/*
 * When this returns nobody sends from @dev into its peer's ring any more.
 * What was on its way is lost with the link, as with a cable pulled out.
 */
static void teach_nic_unplug(struct net_device *dev)
{
	struct netdev_queue *txq = netdev_get_tx_queue(dev, 0);
	struct teach_nic *nic = netdev_priv(dev);

	netif_carrier_off(dev);

	__netif_tx_lock_bh(txq);
	nic->wire = NULL;
	while (teach_tx_pending(nic))
		teach_tx_drop(nic, teach_ring_empty(&nic->tx, TEACH_DRIVER),
			      TX_DROP_LINK_DOWN, SKB_DROP_REASON_DEV_READY);
	netif_tx_wake_queue(txq);
	__netif_tx_unlock_bh(txq);
}

int teach_nic_open(struct net_device *dev)
{
	struct teach_nic *nic = netdev_priv(dev);
	struct net_device *peer = rtnl_dereference(nic->peer);
	struct teach_nic *other;

	if (!peer)
		return -ENOTCONN;

	nic->irq_masked = false;
	nic->rx_paused = false;
	nic->tx_resume = false;
	napi_enable(&nic->napi);
	netif_start_queue(dev);
	nic->up = true;

	other = netdev_priv(peer);
	if (other->up) {
		teach_nic_plug(dev, peer);
		teach_nic_plug(peer, dev);
	}
	return 0;
}

int teach_nic_stop(struct net_device *dev)
{
	struct teach_nic *nic = netdev_priv(dev);
	struct net_device *peer = rtnl_dereference(nic->peer);

	nic->up = false;
	teach_nic_unplug(dev);
	if (peer)
		teach_nic_unplug(peer);

	/* Now that nobody fills our ring, and then nobody empties it: */
	napi_disable(&nic->napi);
	while (teach_rx_pending(nic)) {
		teach_rx_add(nic, RX_DROP_DOWN, 1);
		kfree_skb_reason(teach_ring_empty(&nic->rx, TEACH_CARD),
				 SKB_DROP_REASON_DEV_READY);
	}
	return 0;
}


/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The card's netlink attributes: what may stand in IFLA_INFO_DATA when
 * IFLA_INFO_KIND is "teach".
 */
#ifndef _UAPI_TEACH_LINK_H
#define _UAPI_TEACH_LINK_H

/**
 * enum teach_link_attr - attributes of a new card
 * @TEACH_LINK_UNSPEC: never sent
 * @TEACH_LINK_PEER: the other card of the pair: a struct ifinfomsg and then
 *	IFLA_* attributes (IFLA_IFNAME, IFLA_ADDRESS, IFLA_MTU,
 *	IFLA_NET_NS_FD or IFLA_NET_NS_PID), as VETH_INFO_PEER has it.  Without
 *	it the kernel names the peer teach%d and leaves it in the same netns.
 * @__TEACH_LINK_MAX: one past the last
 */
enum teach_link_attr {
	TEACH_LINK_UNSPEC,
	TEACH_LINK_PEER,

	__TEACH_LINK_MAX
};

#define TEACH_LINK_MAX	(__TEACH_LINK_MAX - 1)

#endif /* _UAPI_TEACH_LINK_H */

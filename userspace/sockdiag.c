// SPDX-License-Identifier: GPL-2.0
/*
 * Asking the kernel for sockets: see sockdiag.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include <teach.h>

#include "sockdiag.h"
#include "tool.h"

/* As the kernel's answers are: a larger one brings more at a time. */
#define BUFFER_SIZE	32768

/* As much as there is room for; a newer kernel may say more. */
static size_t copy_attr(const struct nlattr *attr, void *to, size_t room)
{
	size_t len = mnl_attr_get_payload_len(attr);

	if (len > room)
		len = room;
	memcpy(to, mnl_attr_get_payload(attr), len);
	return len;
}

static int read_attr(const struct nlattr *attr, void *data)
{
	struct sock_row *row = data;

	switch (mnl_attr_get_type(attr)) {
	case INET_DIAG_PROTOCOL:
		copy_attr(attr, &row->proto, sizeof(row->proto));
		break;
	case INET_DIAG_TOS:
		copy_attr(attr, &row->tos, sizeof(row->tos));
		break;
	case INET_DIAG_SHUTDOWN:
		copy_attr(attr, &row->shutdown, sizeof(row->shutdown));
		break;
	case INET_DIAG_MARK:
		copy_attr(attr, &row->mark, sizeof(row->mark));
		break;
	case INET_DIAG_CONG:
		copy_attr(attr, row->cong, sizeof(row->cong) - 1);
		break;
	case INET_DIAG_SKMEMINFO:
		row->skmem_count = copy_attr(attr, row->skmem,
					     sizeof(row->skmem)) /
				   sizeof(row->skmem[0]);
		break;
	case INET_DIAG_INFO:
		row->info_len = copy_attr(attr, &row->info, sizeof(row->info));
		break;
	}
	return MNL_CB_OK;
}

static int read_row(const struct nlmsghdr *nlh, void *data)
{
	struct sock_table *table = data;
	struct sock_row *row;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(row->msg)) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	if (table->count == table->room) {
		size_t room = table->room * 2 + 64;

		row = reallocarray(table->row, room, sizeof(*row));
		if (!row)
			return MNL_CB_ERROR;
		table->row = row;
		table->room = room;
	}
	row = &table->row[table->count++];
	memset(row, 0, sizeof(*row));
	memcpy(&row->msg, mnl_nlmsg_get_payload(nlh), sizeof(row->msg));
	return mnl_attr_parse(nlh, sizeof(row->msg), read_attr, row);
}

/* Send @req and take in what is answered.  Return: 0 or an errno. */
static int ask(struct mnl_socket *nl, int type, int flags,
	       const struct inet_diag_req_v2 *req, struct sock_table *table)
{
	static char buf[BUFFER_SIZE];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	ssize_t len;
	int ret;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof(*req)), req,
	       sizeof(*req));
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return errno;
	do {
		len = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (len < 0)
			return errno;
		ret = mnl_cb_run(buf, len, 0, mnl_socket_get_portid(nl),
				 table ? read_row : NULL, table);
	} while (ret == MNL_CB_OK);
	return ret < 0 ? errno : 0;
}

static int diag(int type, int flags, struct inet_diag_req_v2 *req,
		struct sock_table *table)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_SOCK_DIAG);
	int err;

	if (!nl)
		return errno;
	req->sdiag_family = AF_TEACH;
	err = ask(nl, type, flags, req, table);
	mnl_socket_close(nl);
	return err;
}

/* Add those that fit to @req, but for its family, to @table. */
int sockdiag_list(struct inet_diag_req_v2 *req, struct sock_table *table)
{
	int err = diag(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, req, table);

	if (err)
		return tool_error("cannot list the sockets: %s%s",
				  strerror(err), err == ENOENT ?
				  " (is the module teach loaded?)" : "");
	return 0;
}

/* One that has ended meanwhile is no error. */
int sockdiag_destroy(const struct sock_row *row)
{
	struct inet_diag_req_v2 req = {
		.sdiag_protocol = row->proto,
		.id = row->msg.id,
	};
	int err = diag(SOCK_DESTROY, NLM_F_ACK, &req, NULL);

	if (err && err != ENOENT)
		return tool_error("cannot destroy a socket: %s", strerror(err));
	return 0;
}

void sockdiag_free(struct sock_table *table)
{
	free(table->row);
	memset(table, 0, sizeof(*table));
}

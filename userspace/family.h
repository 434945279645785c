/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What our servers and clients share: the choice of the address family.
 *
 * A program needs nothing but another first argument to socket(2): every
 * address below is a plain struct sockaddr_in, for both families.
 */
#ifndef _FAMILY_H
#define _FAMILY_H

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <teach.h>

/* The family that a user calls @name, or -1. */
static inline int family_by_name(const char *name)
{
	if (!strcmp(name, "teach"))
		return AF_TEACH;
	if (!strcmp(name, "inet"))
		return AF_INET;
	return -1;
}

static inline const char *family_name(int family)
{
	return family == AF_TEACH ? "AF_TEACH" : "AF_INET";
}

/* What socket(2) failing with EAFNOSUPPORT most likely means. */
static inline const char *family_hint(int family, int error)
{
	if (family == AF_TEACH && error == EAFNOSUPPORT)
		return " (is the module teach loaded?)";
	return "";
}

#endif /* _FAMILY_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * Linked with Linux's own selftests, which stay as they are: the linker's
 * --wrap sends their calls here, and what they take for IPv4's sockets is
 * AF_TEACH's.  Their addresses are struct sockaddr_in, which AF_TEACH takes.
 *
 * LINUX_AF in the environment says which sockets that is about:
 *
 *	teach	streams and datagrams of AF_INET
 *	teach6	those of AF_INET6, too, with IPv4 addresses for theirs
 *	dgram6	of both, but only datagrams
 *	inet	none, to see what the kernel's own TCP and UDP do
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <teach.h>

#include "family.h"

static bool mode_is(const char *mode)
{
	return !strcmp(getenv("LINUX_AF") ?: "teach", mode);
}

/* Is a socket of this kind to be AF_TEACH's? */
static bool wanted(int domain, int type)
{
	if (type != SOCK_DGRAM && (type != SOCK_STREAM || mode_is("dgram6")))
		return false;
	if (domain == AF_INET)
		return !mode_is("inet");
	return domain == AF_INET6 && (mode_is("teach6") || mode_is("dgram6"));
}

static bool is_teach(int fd)
{
	int saved = errno, domain = 0;
	socklen_t len = sizeof(domain);

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len);
	errno = saved;
	return domain == AF_TEACH;
}

/*
 * ---- socket(2), socketpair(2) ----
 */

/* Another family's protocol is -1: it is not for us. */
static int teach_protocol(int protocol)
{
	switch (protocol) {
	case 0:
		return 0;
	case IPPROTO_TCP:
		return IPPROTO_TEACH;
	case IPPROTO_UDP:
		return IPPROTO_TEACH_DGRAM;
	default:
		return -1;
	}
}

int __wrap_socket(int domain, int type, int protocol)
{
	int ours = teach_protocol(protocol);

	if (ours >= 0 && wanted(domain, type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)))
		return __real_socket(AF_TEACH, type, ours);
	return __real_socket(domain, type, protocol);
}

/* Neither TCP nor AF_TEACH has pairs: a connection of this host. */
int __wrap_socketpair(int domain, int type, int protocol, int *fd)
{
	struct sockaddr_in addr = {
		.sin_family		= AF_INET,
		.sin_addr.s_addr	= htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int listener, i, on = 1;

	if (domain != AF_UNIX || type != SOCK_STREAM)
		return __real_socketpair(domain, type, protocol, fd);

	listener = __wrap_socket(AF_INET, SOCK_STREAM, 0);
	fd[0] = __wrap_socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 || fd[0] < 0 ||
	    __real_bind(listener, (void *)&addr, len) || listen(listener, 1) ||
	    getsockname(listener, (void *)&addr, &len) ||
	    __real_connect(fd[0], (void *)&addr, len))
		return -1;
	fd[1] = accept(listener, NULL, NULL);
	if (fd[1] < 0)
		return -1;
	/* What is written is there at once, as with AF_UNIX. */
	for (i = 0; i < 2; i++)
		setsockopt(fd[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return close(listener);
}

/*
 * ---- Options ----
 */

/* What SOL_SOCKET refuses to a family of modules: see teach.h. */
int __wrap_setsockopt(int fd, int level, int name, const void *value,
		      socklen_t len)
{
	int ret = __real_setsockopt(fd, level, name, value, len);

	if (!ret || level != SOL_SOCKET || !is_teach(fd))
		return ret;
	if (name == SO_ZEROCOPY)
		return __real_setsockopt(fd, SOL_TEACH, TEACH_ZEROCOPY, value,
					 len);
	if (name == SO_REUSEPORT)
		return __real_setsockopt(fd, SOL_TEACH, TEACH_REUSEPORT, value,
					 len);
	return ret;
}

/*
 * ---- Addresses ----
 */

/* :: and ::1 have their like; the last 24 bits of others are in 10.0.0.0/8. */
static in_addr_t addr_of(const struct in6_addr *six)
{
	if (IN6_IS_ADDR_UNSPECIFIED(six))
		return htonl(INADDR_ANY);
	if (IN6_IS_ADDR_LOOPBACK(six))
		return htonl(INADDR_LOOPBACK);
	if (IN6_IS_ADDR_V4MAPPED(six))
		return six->s6_addr32[3];
	return htonl(10 << 24 | (ntohl(six->s6_addr32[3]) & 0xffffff));
}

/* The address to use for @addr: itself, or in @four one of IPv4's for it. */
static const struct sockaddr *
translate(int fd, const struct sockaddr *addr, socklen_t *len,
	  struct sockaddr_in *four)
{
	const struct sockaddr_in6 *six = (const void *)addr;

	if (!addr || *len < sizeof(*six) || six->sin6_family != AF_INET6 ||
	    !is_teach(fd))
		return addr;
	*four = (struct sockaddr_in) {
		.sin_family		= AF_INET,
		.sin_port		= six->sin6_port,
		.sin_addr.s_addr	= addr_of(&six->sin6_addr),
	};
	*len = sizeof(*four);
	return (const struct sockaddr *)four;
}

int __wrap_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_in four;

	addr = translate(fd, addr, &len, &four);
	return __real_bind(fd, addr, len);
}

int __wrap_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_in four;

	addr = translate(fd, addr, &len, &four);
	return __real_connect(fd, addr, len);
}

/* Fast Open is left out; without a cookie it is what follows connect(2). */
ssize_t __wrap_sendto(int fd, const void *buf, size_t size, int flags,
		      const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_in four;
	int type = 0;
	socklen_t type_len = sizeof(type);

	addr = translate(fd, addr, &len, &four);
	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len);
	if (!(flags & MSG_FASTOPEN) || type != SOCK_STREAM || !is_teach(fd))
		return __real_sendto(fd, buf, size, flags, addr, len);
	if (__real_connect(fd, addr, len))
		return -1;
	return __real_sendto(fd, buf, size, flags & ~MSG_FASTOPEN, NULL, 0);
}

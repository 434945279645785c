/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the linker's --wrap makes of a function: who calls it gets __wrap_, and
 * the C library's is __real_.
 */
#ifndef _LINUX_FAMILY_H
#define _LINUX_FAMILY_H

#include <sys/socket.h>

int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);

int __real_socketpair(int domain, int type, int protocol, int *fd);
int __wrap_socketpair(int domain, int type, int protocol, int *fd);

int __real_setsockopt(int fd, int level, int name, const void *value,
		      socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *value,
		      socklen_t len);

int __real_bind(int fd, const struct sockaddr *addr, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *addr, socklen_t len);

int __real_connect(int fd, const struct sockaddr *addr, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *addr, socklen_t len);

ssize_t __real_sendto(int fd, const void *buf, size_t size, int flags,
		      const struct sockaddr *addr, socklen_t len);
ssize_t __wrap_sendto(int fd, const void *buf, size_t size, int flags,
		      const struct sockaddr *addr, socklen_t len);

#endif /* _LINUX_FAMILY_H */

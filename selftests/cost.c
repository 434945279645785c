// SPDX-License-Identifier: GPL-2.0
/*
 * What an operation costs, side by side with the kernel's TCP on the same
 * path: the pair of cards, and the loopback device.
 *
 * Under the clock that counts instructions a nanosecond is one of them, and
 * the results repeat within 1 %; there nothing may cost much more than TCP's.
 * With a clock of time they are only printed.
 *
 *	scripts/vm --clock instructions -- out/selftests/cost
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net.h"

#define WARM_UP		200	/* operations that are not counted */
#define WARM_UP_KIB	4096
#define STREAM_KIB	16384

enum operation { ROUND_TRIP, CONNECT, STREAM_64K, STREAM_4K, OPERATIONS };

/*
 * How many, and how dear each may be beside TCP's: limit is a little more than
 * what has been reached, and must not get worse; goal is what is wanted.
 */
static const struct {
	const char *name;
	int count;
	double limit;
	double goal;
} operations[OPERATIONS] = {
	[ROUND_TRIP] = { "a byte there and back", 2000, 1.15, 0.8 },
	[CONNECT] = { "connect, a byte each way, close", 500, 1.15, 0.6 },
	[STREAM_64K] = { "a KiB, written 64 at a time", STREAM_KIB, 1.2, 1.0 },
	[STREAM_4K] = { "a KiB, written 4 at a time", STREAM_KIB, 1.10, 1.0 },
};

static bool kasan;	/* is slow, and judges nothing of this */

static int count_of(enum operation op)
{
	return kasan ? operations[op].count / 16 : operations[op].count;
}

static bool counts_instructions(void)
{
	const char *clock = getenv("TEACH_CLOCK");

	return clock && !strcmp(clock, "instructions");
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static void send_byte(int fd)
{
	if (send(fd, "x", 1, 0) != 1)
		net_fatal("send");
}

static void recv_byte(int fd)
{
	char c;

	if (recv(fd, &c, 1, 0) != 1)
		net_fatal("recv");
}

static void write_kib(int fd, int kib, size_t size)
{
	static char buf[65536];
	size_t left = (size_t)kib << 10;

	for (; left; left -= size)
		if (send(fd, buf, size, 0) != (ssize_t)size)
			net_fatal("send");
	recv_byte(fd);
}

static void read_kib(int fd, int kib)
{
	static char buf[65536];
	size_t left = (size_t)kib << 10;
	ssize_t n;

	while (left) {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n <= 0)
			net_fatal("recv");
		left -= n;
	}
	send_byte(fd);
}

static size_t write_size(enum operation op)
{
	return op == STREAM_64K ? 65536 : 4096;
}

/*
 * The far side: until the near one has gone.  It keeps up with it, as if it had
 * a CPU of its own: on one CPU it is the scheduler's choice whether a reader
 * runs as soon as there is something, or after many more writes, of which
 * Nagle's rule has made few segments.  That is three times as cheap, and the
 * same program on the same kernel gets the one or the other by chance.
 */
static void serve(int listener, enum operation op)
{
	int i, fd, many = op == CONNECT ? WARM_UP + count_of(op) : 1;
	struct sched_param first = { .sched_priority = 1 };

	if (sched_setscheduler(0, SCHED_FIFO, &first))
		net_fatal("sched_setscheduler");
	for (i = 0; i < many; i++) {
		fd = net_accept(listener);
		switch (op) {
		case ROUND_TRIP:
			for (i = 0; i < WARM_UP + count_of(op); i++) {
				recv_byte(fd);
				send_byte(fd);
			}
			break;
		case CONNECT:
			recv_byte(fd);
			send_byte(fd);
			break;
		default:
			read_kib(fd, WARM_UP_KIB);
			read_kib(fd, count_of(op));
		}
		close(fd);
	}
}

/* One after the other, on @fd, but for those that need one of their own. */
static void repeat(int fd, enum operation op, int count,
		   const struct net *net, enum host host, const char *addr)
{
	int i;

	if (op >= STREAM_64K) {
		write_kib(fd, count, write_size(op));
		return;
	}
	for (i = 0; i < count; i++) {
		if (op == CONNECT)
			fd = net_client(net, host, addr, NET_PORT);
		send_byte(fd);
		recv_byte(fd);
		if (op == CONNECT)
			close(fd);
	}
}

/* In nanoseconds, or instructions. */
static double measure(int family, enum operation op, bool loopback)
{
	const char *addr = loopback ? ADDR_LO : ADDR_B;
	enum host host = loopback ? B : A;
	struct net net;
	int fd = -1, listener;
	double start;
	pid_t pid;

	net_init(&net);
	net_family = family;
	listener = net_listen(&net, B, NET_PORT, 128);
	pid = fork();
	if (!pid) {
		serve(listener, op);
		_exit(0);
	}
	close(listener);
	if (op != CONNECT)
		fd = net_client(&net, host, addr, NET_PORT);
	repeat(fd, op, op < STREAM_64K ? WARM_UP : WARM_UP_KIB, &net, host,
	       addr);
	start = now_ns();
	repeat(fd, op, count_of(op), &net, host, addr);
	start = now_ns() - start;
	close(fd);
	waitpid(pid, NULL, 0);
	net_exit(&net);
	return start / count_of(op);
}

static bool compare(enum operation op, bool loopback)
{
	double tcp = measure(AF_INET, op, loopback);
	double teach = measure(AF_TEACH, op, loopback);

	printf("# %-33s %-10s TCP %8.0f   TEACH %8.0f", operations[op].name,
	       loopback ? "loopback" : "cards", tcp, teach);
	printf("   %.2f of TCP's (goal %.1f)\n", teach / tcp,
	       operations[op].goal);
	return !counts_instructions() || kasan ||
	       teach <= tcp * operations[op].limit;
}

int main(void)
{
	bool ok, all = true;
	int op, n;

	kasan = net_kasan();
	printf("TAP version 13\n1..%d\n", 2 * OPERATIONS);
	printf("# in %s\n", counts_instructions() ? "instructions" :
						    "nanoseconds");
	for (n = 0; n < 2 * OPERATIONS; n++) {
		op = n / 2;
		ok = compare(op, n % 2);
		printf("%sok %d %s, %s\n", ok ? "" : "not ", n + 1,
		       operations[op].name, n % 2 ? "loopback" : "cards");
		fflush(stdout);
		all &= ok;
	}
	return !all;
}

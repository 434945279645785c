// SPDX-License-Identifier: GPL-2.0
/*
 * teach run: a program that knows nothing of AF_TEACH, on AF_TEACH.
 *
 * A filter (seccomp(2)) stops the program in socket(2), and a supervisor
 * (supervise.c) gives it another socket than it asked for.  Where a library put
 * before libc's would do so for some programs, this does for all: for static
 * ones and those that make their system calls themselves, and for what they
 * fork and exec.
 *
 *	teach run --+-- filter --- execs PROGRAM ------- socket(2) ...
 *	            |     |                                  |   ^
 *	            |     | the filter's descriptor          v   | descriptor
 *	            +-- (child) --- supervisor ------------ AF_TEACH socket
 *
 * PROGRAM takes the place of teach, so that signals, exit status and terminal
 * are its own.  The supervisor is nobody's child and in a session of its own,
 * and ends after the last process that has the filter.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "family.h"
#include "run.h"
#include "tool.h"

#if defined(__x86_64__)
#define NATIVE_ARCH	AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH	AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define NATIVE_ARCH	AUDIT_ARCH_RISCV64
#else
#error "What is this architecture's AUDIT_ARCH, and is it little-endian?"
#endif

/* As the shell's. */
enum { EXIT_CANNOT_EXEC = 126, EXIT_NOT_FOUND };

static struct run run = { .call = __NR_socket };

static const char help_text[] =
"Usage: teach run [OPTION]... [--] PROGRAM [ARG]...\n"
"Run a program with AF_TEACH sockets where it asks for AF_INET ones.\n"
"\n"
"      --wire NAME  what its streams speak: teach (default), IP protocol 253,\n"
"                   or tcp, with which any TCP host can be talked to\n"
"      --dgram      its datagram sockets too: IP protocol 254, or UDP\n"
"      --only CALL  only the streams that listen (CALL is LISTEN), or only\n"
"                   those that connect (CONNECT)\n"
"  -h, --help       this text\n"
"\n"
"It holds for all that the program starts, and needs no root; but without,\n"
"programs that are setuid or have capabilities do not get them.  The exit\n"
"status is the program's; 126 if it cannot be run, 127 if there is none.\n"
"\n"
"AF_INET6 sockets are refused with EAFNOSUPPORT, which programs take for a\n"
"host without IPv6.  One that insists on them, if only to reach IPv4 through\n"
"::ffff:a.b.c.d, cannot be helped.\n"
"\n"
"With --only a socket is exchanged when the program calls listen(2) or\n"
"connect(2): duplicates of its descriptor and what epoll was told before stay\n"
"with the old one.  For that the user has to be allowed to trace the program.\n"
"\n"
"The program's own AF_INET sockets are left to it where they are made by\n"
"io_uring or by 32-bit code, or in a network namespace that the user may not\n"
"enter.\n"
"\n"
"Examples:\n"
"  teach run python3 -m http.server --bind 10.0.0.2 8080\n"
"  teach run curl http://10.0.0.2:8080/\n"
"  teach run --only LISTEN -- redis-server --bind 10.0.0.2\n"
"  teach run bash          all that is started there\n";

/* A socket in the place of an AF_INET one of this type. */
int run_socket(const struct run *run, int type)
{
	bool dgram = (type & ~TYPE_FLAGS) == SOCK_DGRAM;
	int protocol = 0;

	if (run->tcp)
		protocol = dgram ? IPPROTO_UDP : IPPROTO_TCP;
	return socket(AF_TEACH, type, protocol);
}

/* --- the filter --------------------------------------------------------- */

/* The places in the filter. */
enum {
	ARCH, IS_NATIVE,
	CALL, IS_CALL, IS_SOCKET,
	TYPE, WITHOUT_FLAGS, IS_STREAM, IS_DGRAM,
	PROTOCOL, IS_ANY, IS_TCP, IS_MPTCP,
	DGRAM_PROTOCOL, IS_ANY_DGRAM, IS_UDP,
	FAMILY, IS_INET, IS_INET6,
	ALLOW, ANSWER, REFUSE,
	FILTER_LENGTH
};

/* The low half of an argument: the kernel takes no more of an int. */
#define ARG(n)	offsetof(struct seccomp_data, args[n])

static struct sock_filter load(size_t offset)
{
	return (struct sock_filter)
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset);
}

/* At the place @here: is it @value?  Jumps count from the next place. */
static struct sock_filter branch(int here, uint32_t value, int yes, int no)
{
	return (struct sock_filter)
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes - here - 1,
			 no - here - 1);
}

static struct sock_filter verdict(uint32_t value)
{
	return (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, value);
}

/*
 * Returns the descriptor that the filter asks.
 *
 * Calls in another ABI have other numbers, and are allowed.  Those of x32 have
 * the native arch, but a bit in the number that makes them none of ours.  It is
 * no hole: a filter that shuts nobody in cannot be broken out of.
 *
 * MPTCP becomes TCP by itself where one end does not know it, so a program that
 * asks for it (Go's listeners do) gets along with what it gets for TCP.
 *
 * Once a call is being answered, only a signal that kills ends it: socket(2)
 * never fails with EINTR, and programs do not expect it to.
 */
static int install_filter(void)
{
	bool sockets = run.call == __NR_socket;
	struct sock_filter code[FILTER_LENGTH] = {
		[ARCH] = load(offsetof(struct seccomp_data, arch)),
		[IS_NATIVE] = branch(IS_NATIVE, NATIVE_ARCH, CALL, ALLOW),

		[CALL] = load(offsetof(struct seccomp_data, nr)),
		[IS_CALL] = branch(IS_CALL, run.call, sockets ? TYPE : ANSWER,
				   IS_SOCKET),
		[IS_SOCKET] = branch(IS_SOCKET, __NR_socket, TYPE, ALLOW),

		[TYPE] = load(ARG(1)),
		[WITHOUT_FLAGS] = BPF_STMT(BPF_ALU | BPF_AND | BPF_K,
					   ~TYPE_FLAGS),
		[IS_STREAM] = branch(IS_STREAM, SOCK_STREAM, PROTOCOL,
				     IS_DGRAM),
		[IS_DGRAM] = branch(IS_DGRAM, SOCK_DGRAM,
				    run.dgram ? DGRAM_PROTOCOL : ALLOW, ALLOW),

		[PROTOCOL] = load(ARG(2)),
		[IS_ANY] = branch(IS_ANY, 0, FAMILY, IS_TCP),
		[IS_TCP] = branch(IS_TCP, IPPROTO_TCP, FAMILY, IS_MPTCP),
		[IS_MPTCP] = branch(IS_MPTCP, IPPROTO_MPTCP, FAMILY, ALLOW),

		[DGRAM_PROTOCOL] = load(ARG(2)),
		[IS_ANY_DGRAM] = branch(IS_ANY_DGRAM, 0, FAMILY, IS_UDP),
		[IS_UDP] = branch(IS_UDP, IPPROTO_UDP, FAMILY, ALLOW),

		[FAMILY] = load(ARG(0)),
		[IS_INET] = branch(IS_INET, AF_INET, sockets ? ANSWER : ALLOW,
				   IS_INET6),
		[IS_INET6] = branch(IS_INET6, AF_INET6, REFUSE, ALLOW),

		[ALLOW] = verdict(SECCOMP_RET_ALLOW),
		[ANSWER] = verdict(SECCOMP_RET_USER_NOTIF),
		[REFUSE] = verdict(SECCOMP_RET_ERRNO | EAFNOSUPPORT),
	};
	struct sock_fprog program = { .len = FILTER_LENGTH, .filter = code };
	unsigned int flags = SECCOMP_FILTER_FLAG_NEW_LISTENER |
			     SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	int notify;

	notify = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags,
			 &program);
	/* Without CAP_SYS_ADMIN it costs the rights that setuid files give. */
	if (notify < 0 && errno == EACCES &&
	    !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		notify = syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags,
				 &program);
	return notify;
}

/* --- the supervisor's descriptor ---------------------------------------- */

/* Room for a control message that carries a descriptor. */
union passing {
	char space[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static int send_descriptor(int channel, int fd)
{
	union passing passing = { 0 };
	struct iovec data = { .iov_base = "", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &passing,
		.msg_controllen = sizeof(passing),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return sendmsg(channel, &msg, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static int receive_descriptor(int channel)
{
	union passing passing = { 0 };
	char byte;
	struct iovec data = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &data,
		.msg_iovlen = 1,
		.msg_control = &passing,
		.msg_controllen = sizeof(passing),
	};
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(channel, &msg, MSG_CMSG_CLOEXEC) <= 0)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

/*
 * In the child: leave the supervisor behind, which holds nothing of the
 * program's: a pipe has to end with the program, a directory to be unmounted
 * while it runs.  With no standard streams it has nowhere to speak to.  It ends
 * when it has nobody left to answer, and not before because of a signal that
 * was meant for the program's group.
 */
static void leave_supervisor(int channel)
{
	sigset_t all;
	int notify;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (dup2(channel, 0) < 0 || close_range(1, ~0U, 0) || chdir("/") ||
	    setsid() < 0 || fork())
		return;
	notify = receive_descriptor(0);
	close(0);
	if (notify >= 0)
		supervise(&run, notify);
}

/* Returns where to send the descriptor of the filter. */
static int start_supervisor(void)
{
	int channel[2];
	pid_t child;

	/* Of a kind that tells one end when the other has gone. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel))
		return -1;
	child = fork();
	if (!child) {
		leave_supervisor(channel[1]);
		_exit(0);
	}
	close(channel[1]);
	if (child < 0) {
		close(channel[0]);
		return -1;
	}
	/* PROGRAM is not to find a child it has never had. */
	waitpid(child, NULL, 0);
	return channel[0];
}

/* --- the command -------------------------------------------------------- */

static int check_module(int type)
{
	int fd = run_socket(&run, type);

	if (fd < 0)
		return tool_error("run: AF_TEACH, --wire %s: %s%s",
				  run.tcp ? "tcp" : "teach", strerror(errno),
				  family_hint(AF_TEACH, errno));
	close(fd);
	return 0;
}

/* The supervisor first: it must not have the filter that it waits for. */
static int set_up(void)
{
	int channel, notify, err;

	/* Where the supervisor sees who it answers. */
	if (access("/proc/self/ns/net", R_OK))
		return tool_error("run: no /proc: %s", strerror(errno));
	channel = start_supervisor();
	if (channel < 0)
		return tool_error("run: no supervisor: %s", strerror(errno));
	notify = install_filter();
	if (notify < 0)
		return tool_error("run: no filter: %s%s", strerror(errno),
				  errno == EBUSY ?
				  " (does 'teach run' run this already?)" : "");
	err = send_descriptor(channel, notify);
	if (err)
		return tool_error("run: no supervisor: %s", strerror(errno));
	close(notify);
	close(channel);
	return 0;
}

static int exec_program(char **argv)
{
	int error;

	execvp(argv[0], argv);
	error = errno;
	tool_error("run: cannot run %s: %s", argv[0], strerror(error));
	return error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_EXEC;
}

int cmd_run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "wire", required_argument, NULL, 'w' },
		{ "dgram", no_argument, NULL, 'd' },
		{ "only", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	int c;

	/* '+': what follows the first word that is no option is PROGRAM's. */
	while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		switch (c) {
		case 'w':
			run.tcp = !strcmp(optarg, "tcp");
			if (!run.tcp && strcmp(optarg, "teach"))
				return tool_bad_value(argv[0], "wire");
			break;
		case 'd':
			run.dgram = true;
			break;
		case 'o':
			if (!strcasecmp(optarg, "listen"))
				run.call = __NR_listen;
			else if (!strcasecmp(optarg, "connect"))
				run.call = __NR_connect;
			else
				return tool_bad_value(argv[0], "only");
			break;
		case 'h':
			fputs(help_text, stdout);
			return 0;
		default:
			return tool_usage("run");
		}
	}
	if (run.dgram && run.call != __NR_socket) {
		tool_error("run: --only is for streams, not for --dgram");
		return tool_usage("run");
	}
	if (optind == argc) {
		tool_error("run: which program?");
		return tool_usage("run");
	}

	if (check_module(SOCK_STREAM) ||
	    (run.dgram && check_module(SOCK_DGRAM)) || set_up())
		return EXIT_FAILED;
	return exec_program(argv + optind);
}

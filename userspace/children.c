// SPDX-License-Identifier: GPL-2.0
/*
 * The processes of fork and prefork: who they are, that none outlives its
 * parent, and that none becomes a zombie.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server.h"

/* Only the parent's copy is of any use. */
static struct {
	pid_t *pids;
	int count;
	int room;
} children;

static sigset_t signal_set(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	return set;
}

/* From now on srv->signals tells of children that ended, too. */
void children_watch(const struct server *srv)
{
	sigset_t set = signal_set();

	/* Whoever started us may have ignored it, and waitpid() would fail. */
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signalfd(srv->signals, &set, 0);
}

/* In the child: a signal ends it again, and so does its parent's end. */
static void become_child(const struct server *srv, pid_t parent)
{
	sigset_t set = signal_set();

	sigprocmask(SIG_UNBLOCK, &set, NULL);
	close(srv->signals);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
}

static bool make_room(void)
{
	int room = children.room ? 2 * children.room : 64;
	pid_t *pids;

	if (children.count < children.room)
		return true;
	pids = realloc(children.pids, room * sizeof(*pids));
	if (!pids)
		return false;
	children.pids = pids;
	children.room = room;
	return true;
}

/* As fork(2). */
pid_t children_fork(const struct server *srv)
{
	pid_t parent = getpid();
	pid_t pid;

	pid = make_room() ? fork() : -1;
	if (!pid)
		become_child(srv, parent);
	else if (pid > 0)
		children.pids[children.count++] = pid;
	else
		perror("httpd: fork");
	return pid;
}

int children_count(void)
{
	return children.count;
}

static void forget(pid_t pid)
{
	int i;

	for (i = 0; i < children.count; i++) {
		if (children.pids[i] == pid) {
			children.pids[i] = children.pids[--children.count];
			return;
		}
	}
}

/* One SIGCHLD may stand for many. */
void children_reap(void)
{
	pid_t pid;

	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		forget(pid);
}

void children_kill(void)
{
	int i;

	/* SIGKILL, for they have nothing to put in order. */
	for (i = 0; i < children.count; i++)
		kill(children.pids[i], SIGKILL);
	for (i = 0; i < children.count; i++)
		waitpid(children.pids[i], NULL, 0);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Who has a socket: see processes.h.
 *
 * What cannot be read belongs to somebody else, or has ended meanwhile; it is
 * passed over.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "processes.h"
#include "tool.h"

static struct holder *holders;
static size_t count, room;

static void add(uint64_t inode, pid_t pid, int fd, const char *name)
{
	struct holder *h;

	if (count == room) {
		size_t more = room * 2 + 256;

		h = reallocarray(holders, more, sizeof(*holders));
		if (!h)
			return;
		holders = h;
		room = more;
	}
	h = &holders[count++];
	h->inode = inode;
	h->pid = pid;
	h->fd = fd;
	snprintf(h->name, sizeof(h->name), "%s", name);
}

static void read_name(pid_t pid, char name[16])
{
	char path[64];
	FILE *file;

	strcpy(name, "?");
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(name, 16, file))
		name[strcspn(name, "\n")] = 0;
	fclose(file);
}

static void read_process(pid_t pid)
{
	char path[64], link[64], name[16] = "";
	struct dirent *entry;
	unsigned long inode;
	ssize_t len;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		len = readlinkat(dirfd(dir), entry->d_name, link,
				 sizeof(link) - 1);
		if (len < 0)
			continue;
		link[len] = 0;
		if (sscanf(link, "socket:[%lu]", &inode) != 1)
			continue;
		if (!name[0])
			read_name(pid, name);
		add(inode, pid, atoi(entry->d_name), name);
	}
	closedir(dir);
}

static int compare(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->fd - y->fd;
}

void processes_read(void)
{
	struct dirent *entry;
	DIR *dir;
	long pid;

	processes_free();
	dir = opendir("/proc");
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (tool_number(entry->d_name, 1, INT_MAX, &pid))
			read_process(pid);
	closedir(dir);
	qsort(holders, count, sizeof(*holders), compare);
}

void processes_free(void)
{
	free(holders);
	holders = NULL;
	count = 0;
	room = 0;
}

const struct holder *processes_next(uint64_t inode, const struct holder *last)
{
	size_t low = 0, high = count, middle;

	if (last) {
		last++;
		return last < holders + count && last->inode == inode ? last :
									NULL;
	}
	while (low < high) {
		middle = low + (high - low) / 2;
		if (holders[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && holders[low].inode == inode ? &holders[low] :
							    NULL;
}

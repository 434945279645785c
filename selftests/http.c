// SPDX-License-Identifier: GPL-2.0
/*
 * httpd, spoken to by hand: what it serves, what it refuses and how; and, in
 * each of its models, whether clients that are slow, many, half closed or gone
 * disturb it, and what processes and threads that takes.  On AF_TEACH and on
 * the kernel's TCP.  (httpget is tested in userspace.sh.)
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "kselftest_harness.h"

#include "net.h"

#define PORT		8080
#define BIG		(3 << 20)
#define FILES		4096
#define WORKERS		4
#define HOST		"Host: x\r\n"
#define GET		"GET /a.txt HTTP/1.1\r\n"
#define REQUEST(line)	line " HTTP/1.1\r\n" HOST "\r\n"
#define LAST_REQUEST	GET HOST "Connection: close\r\n\r\n"

/* A server with its files, and the last answer it gave. */
struct site {
	struct net net;
	const char *family;
	char dir[32];
	pid_t server;
	char *answer;
	long len;
	char *body;	/* what follows its head */
	long body_len;
};

static void make_file(const char *dir, const char *name, const void *data,
		      size_t len)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		net_fatal("%s: %s", path, strerror(errno));
	close(fd);
}

/* DIR/secret must never be served, all under DIR/root may be. */
static void make_tree(char *dir)
{
	char path[64], *big = malloc(BIG);

	strcpy(dir, "/tmp/http.XXXXXX");
	if (!mkdtemp(dir) || !big)
		net_fatal("mkdtemp: %s", strerror(errno));
	snprintf(path, sizeof(path), "%s/root", dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/root/sub", dir);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/root/fifo", dir);
	mkfifo(path, 0644);
	snprintf(path, sizeof(path), "%s/root/link", dir);
	if (symlink("../secret", path))
		net_fatal("symlink: %s", strerror(errno));
	net_pattern(big, BIG, 0);
	make_file(dir, "secret", "secret", 6);
	make_file(dir, "root/a.txt", "hello\n", 6);
	make_file(dir, "root/empty", "", 0);
	make_file(dir, "root/sub/index.html", "<p>", 3);
	make_file(dir, "root/big", big, BIG);
	free(big);
}

/*
 * Run httpd on host B, and wait until it says that it serves.  @options, cut at
 * blanks, come last, and so may change what is said here.
 */
static pid_t start_server(const struct site *site, int port,
			  const char *options)
{
	char root[64], port_text[16], words[64], line[128];
	char *argv[20] = {
		"httpd", "--family", (char *)site->family, "--address", ADDR_B,
		"--port", port_text, "--root", root, "--backlog", "1024",
		"--timeout", "300",
	};
	int out[2], argc = 13;
	pid_t pid;
	char *word;

	snprintf(root, sizeof(root), "%s/root", site->dir);
	snprintf(port_text, sizeof(port_text), "%d", port);
	snprintf(words, sizeof(words), "%s", options);
	for (word = strtok(words, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	if (pipe(out))
		net_fatal("pipe: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		net_enter(&site->net, B);
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(out[1]);
	if (read(out[0], line, sizeof(line)) <= 0)
		net_fatal("httpd did not start; is it on PATH?");
	close(out[0]);
	return pid;
}

/* Still alive, whatever was done to it, and ends when asked to. */
static bool stop_server(pid_t pid)
{
	int status;

	kill(pid, SIGTERM);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       !WEXITSTATUS(status);
}

/* A server's children that outlive it become ours. */
static bool nobody_left(void)
{
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

static void open_site(struct site *site, const char *family,
		      const char *options)
{
	setenv("TEACH_FAMILY", family, 1);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	net_files(FILES);
	net_init(&site->net);
	site->family = family;
	make_tree(site->dir);
	site->server = start_server(site, PORT, options);
	site->answer = malloc(2 * BIG);
	if (!site->answer)
		net_fatal("malloc");
}

/* The same site, by another model. */
static bool change_model(struct site *site, const char *options)
{
	if (!stop_server(site->server) || !nobody_left())
		return false;
	site->server = start_server(site, PORT, options);
	return true;
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static bool close_site(struct site *site)
{
	bool ended = stop_server(site->server) && nobody_left();

	nftw(site->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(site->answer);
	net_exit(&site->net);
	return ended;
}

static int client(struct site *site)
{
	return net_client(&site->net, A, ADDR_B, PORT);
}

static void send_text(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;	/* refused early: the answer tells */
		text += n;
		len -= n;
	}
}

/* Read the answer up to the end of the stream. */
static void read_answer(struct site *site, int fd)
{
	ssize_t n;

	site->len = 0;
	while ((n = recv(fd, site->answer + site->len,
			 2 * BIG - 1 - site->len, 0)) > 0)
		site->len += n;
	site->answer[site->len] = '\0';
	site->body = memmem(site->answer, site->len, "\r\n\r\n", 4);
	if (site->body)
		site->body += 4;
	site->body_len = site->body ?
		site->answer + site->len - site->body : 0;
}

static int status_of(const char *answer)
{
	int status;

	return sscanf(answer, "HTTP/1.1 %d ", &status) == 1 ? status : 0;
}

/*
 * Ask on a connection of its own, and close our half: the answer must come
 * all the same.  Returns the status, or 0.
 */
static int ask(struct site *site, const char *request)
{
	int fd = client(site);

	send_text(fd, request);
	shutdown(fd, SHUT_WR);
	read_answer(site, fd);
	close(fd);
	return status_of(site->answer);
}

static bool has_field(struct site *site, const char *field)
{
	char *found = strstr(site->answer, field);

	return found && found < site->body;
}

/* --- the service, which is the same in all models ------------------------ */

FIXTURE(http) {
	struct site site;
};

FIXTURE_VARIANT(http) {
	const char *family;
};

FIXTURE_VARIANT_ADD(http, teach) { .family = "teach" };
FIXTURE_VARIANT_ADD(http, inet) { .family = "inet" };

FIXTURE_SETUP(http)
{
	open_site(&self->site, variant->family, "");
}

FIXTURE_TEARDOWN(http)
{
	EXPECT_TRUE(close_site(&self->site));
}

TEST_F(http, get)
{
	EXPECT_EQ(200, ask(&self->site, REQUEST("GET /a.txt")));
	EXPECT_TRUE(has_field(&self->site, "\r\nContent-Length: 6\r\n"));
	EXPECT_STREQ("hello\n", self->site.body);
	EXPECT_EQ(200, ask(&self->site, REQUEST("GET /empty")));
	EXPECT_TRUE(has_field(&self->site, "\r\nContent-Length: 0\r\n"));
	EXPECT_EQ(0, self->site.body_len);
}

TEST_F(http, names_of_a_file)
{
	static const char * const targets[] = {
		"/a.txt?query", "//a.txt", "/sub/../a.txt", "/./a.txt",
		"/%61.tx%74", "http://x/a.txt", "HTTP://x:8080/a.txt",
	};
	char request[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		snprintf(request, sizeof(request),
			 REQUEST("GET %s"), targets[i]);
		EXPECT_EQ(200, ask(&self->site, request))
			TH_LOG("%s", targets[i]);
		EXPECT_STREQ("hello\n", self->site.body);
	}
	EXPECT_EQ(200, ask(&self->site, REQUEST("GET /sub/")));
	EXPECT_STREQ("<p>", self->site.body);
}

TEST_F(http, big_file)
{
	EXPECT_EQ(200, ask(&self->site, REQUEST("GET /big")));
	ASSERT_EQ(BIG, self->site.body_len);
	EXPECT_TRUE(net_pattern_ok(self->site.body, BIG, 0));
}

TEST_F(http, head)
{
	EXPECT_EQ(200, ask(&self->site, REQUEST("HEAD /big")));
	EXPECT_TRUE(has_field(&self->site, "\r\nContent-Length: 3145728\r\n"));
	EXPECT_EQ(0, self->site.body_len);
	EXPECT_EQ(404, ask(&self->site, REQUEST("HEAD /none")));
	EXPECT_EQ(0, self->site.body_len);
}

TEST_F(http, not_found)
{
	EXPECT_EQ(404, ask(&self->site, REQUEST("GET /none")));
	EXPECT_EQ(404, ask(&self->site, REQUEST("GET /a.txt/x")));
	EXPECT_EQ(404, ask(&self->site, REQUEST("GET /")));
}

TEST_F(http, method)
{
	EXPECT_EQ(405, ask(&self->site, REQUEST("POST /a.txt")));
	EXPECT_TRUE(has_field(&self->site, "\r\nAllow: GET, HEAD\r\n"));
	EXPECT_EQ(405, ask(&self->site, REQUEST("DELETE /a.txt")));
	EXPECT_EQ(405, ask(&self->site, REQUEST("OPTIONS *")));
	EXPECT_EQ(405, ask(&self->site, REQUEST("get /a.txt")));
}

TEST_F(http, bad_requests)
{
	static const char * const requests[] = {
		"\r\nnonsense\r\n\r\n",
		"GET\r\n\r\n",
		"GET /a.txt\r\n\r\n",
		REQUEST("GET  /a.txt"),
		REQUEST("GET /a .txt"),
		"GET /a.txt HTTP/1.1 \r\n" HOST "\r\n",
		"GET /a.txt HTTX/1.1\r\n" HOST "\r\n",
		"GET /a.txt HTTP/1.10\r\n" HOST "\r\n",
		REQUEST("GET a.txt"),
		REQUEST("GET /a.txt#x"),
		REQUEST("GET /%zz"),
		REQUEST("GET /%"),
		REQUEST("GET /a.txt%00.html"),
		REQUEST("GET /%0a"),
		REQUEST("GET /a\001"),
		REQUEST("G@T /a.txt"),
		"GET /a.txt HTTP/1.1\r\n\r\n",
		GET HOST HOST "\r\n",
		GET HOST "no colon\r\n\r\n",
		GET HOST "X : y\r\n\r\n",
		GET HOST ": y\r\n\r\n",
		GET HOST " folded\r\n\r\n",
		GET HOST "Content-Length: -1\r\n\r\n",
		GET HOST "Content-Length: \r\n\r\n",
		GET HOST "Content-Length: 1x\r\n\r\n",
		GET HOST
			"Content-Length: 1\r\nContent-Length: 2\r\n\r\n12",
		GET HOST
			"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		EXPECT_EQ(400, ask(&self->site, requests[i]))
			TH_LOG("request %zu: %s", i, requests[i]);
		EXPECT_TRUE(has_field(&self->site, "\nConnection: close\r"));
	}
}

TEST_F(http, not_supported)
{
	EXPECT_EQ(505, ask(&self->site, "GET /a.txt HTTP/2.0\r\n" HOST "\r\n"));
	EXPECT_EQ(501, ask(&self->site, GET HOST
				 "Transfer-Encoding: chunked\r\n\r\n"));
}

/* The answer arrives although much of the request is never read. */
TEST_F(http, too_large)
{
	char *request = malloc(200000);

	memset(request, 'a', 200000);
	request[199999] = '\0';
	EXPECT_EQ(414, ask(&self->site, request));

	memcpy(request, GET HOST "X: ", 33);
	EXPECT_EQ(431, ask(&self->site, request));

	sprintf(request, GET HOST
			 "Content-Length: 100000\r\n\r\n");
	memset(request + strlen(request), 'a', 100000);
	EXPECT_EQ(413, ask(&self->site, request));
	EXPECT_EQ(413, ask(&self->site, GET HOST
			   "Content-Length: 99999999999999999999\r\n\r\n"));
	free(request);
}

TEST_F(http, traversal)
{
	static const char * const targets[] = {
		"/../secret", "/sub/../../secret", "/%2e%2e/secret",
		"/..%2fsecret", "/link", "/..", "/sub/../..", "/fifo",
		"http://x/../secret",
	};
	char request[128];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(targets); i++) {
		snprintf(request, sizeof(request),
			 REQUEST("GET %s"), targets[i]);
		EXPECT_EQ(403, ask(&self->site, request))
			TH_LOG("%s", targets[i]);
		EXPECT_EQ(NULL, strstr(self->site.answer, "secret"));
	}
	EXPECT_EQ(400, ask(&self->site, REQUEST("GET /%2f..%2fsecret")));
}

TEST_F(http, http_1_0)
{
	int fd = client(&self->site);

	send_text(fd, "GET /a.txt HTTP/1.0\r\n\r\n");
	read_answer(&self->site, fd);	/* to the end: the server closes */
	EXPECT_EQ(200, status_of(self->site.answer));
	EXPECT_STREQ("hello\n", self->site.body);
	close(fd);

	fd = client(&self->site);
	send_text(fd, "GET /a.txt HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
	send_text(fd, "GET /a.txt HTTP/1.0\r\n\r\n");
	read_answer(&self->site, fd);
	EXPECT_NE(NULL, strstr(self->site.body, "HTTP/1.1 200"));
	close(fd);
}

TEST_F(http, byte_by_byte)
{
	const char *request = REQUEST("GET /a.txt");
	int fd = client(&self->site);
	const char *p;

	net_setopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	for (p = request; *p; p++)
		ASSERT_EQ(1, send(fd, p, 1, MSG_NOSIGNAL));
	shutdown(fd, SHUT_WR);
	read_answer(&self->site, fd);
	EXPECT_EQ(200, status_of(self->site.answer));
	close(fd);
}

/* --- the models ---------------------------------------------------------- */

/* How many threads httpd has, and how many children, for N clients. */
struct model {
	const char *options;
	int threads;
	int children;
	bool thread_each;
	bool child_each;
	int many;	/* N to try: fewer where each is slow to emulate */
};

static const struct model fork_model = {
	"--model fork", .threads = 1, .child_each = true, .many = 50,
};

static const struct model prefork = {
	"--model prefork --workers 4", .threads = 1, .children = WORKERS,
	.many = 1000,
};

static const struct model thread = {
	"--model thread", .threads = 1, .thread_each = true, .many = 100,
};

static const struct model pool = {
	"--model pool --workers 4", .threads = 1 + WORKERS, .many = 1000,
};

static const struct model epoll = {
	"--model epoll", .threads = 1, .many = 1000,
};

static const struct model loops = {
	"--model loops --workers 4", .threads = 1 + WORKERS, .many = 1000,
};

static const struct model uring = {
	"--model uring", .threads = 1, .many = 1000,
};

FIXTURE(model) {
	struct site site;
};

FIXTURE_VARIANT(model) {
	const char *family;
	const struct model *model;
};

FIXTURE_VARIANT_ADD(model, teach_fork) { "teach", &fork_model };
FIXTURE_VARIANT_ADD(model, teach_prefork) { "teach", &prefork };
FIXTURE_VARIANT_ADD(model, teach_thread) { "teach", &thread };
FIXTURE_VARIANT_ADD(model, teach_pool) { "teach", &pool };
FIXTURE_VARIANT_ADD(model, teach_epoll) { "teach", &epoll };
FIXTURE_VARIANT_ADD(model, teach_loops) { "teach", &loops };
FIXTURE_VARIANT_ADD(model, teach_uring) { "teach", &uring };
FIXTURE_VARIANT_ADD(model, inet_fork) { "inet", &fork_model };
FIXTURE_VARIANT_ADD(model, inet_prefork) { "inet", &prefork };
FIXTURE_VARIANT_ADD(model, inet_thread) { "inet", &thread };
FIXTURE_VARIANT_ADD(model, inet_pool) { "inet", &pool };
FIXTURE_VARIANT_ADD(model, inet_epoll) { "inet", &epoll };
FIXTURE_VARIANT_ADD(model, inet_loops) { "inet", &loops };
FIXTURE_VARIANT_ADD(model, inet_uring) { "inet", &uring };

FIXTURE_SETUP(model)
{
	open_site(&self->site, variant->family, variant->model->options);
}

FIXTURE_TEARDOWN(model)
{
	EXPECT_TRUE(close_site(&self->site));
}

/* The names in a directory of @pid's in /proc; -1 when it is gone. */
static int count_names(pid_t pid, const char *dir)
{
	struct dirent *entry;
	char path[64];
	int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, dir);
	d = opendir(path);
	while (d && (entry = readdir(d)))
		n += entry->d_name[0] != '.';
	if (!d)
		return -1;
	closedir(d);
	return n;
}

static int threads_of(pid_t pid)
{
	return count_names(pid, "task");
}

static int files_of(pid_t pid)
{
	return count_names(pid, "fd");
}

static pid_t parent_of(const char *pid)
{
	pid_t parent = 0;
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%*d (%*[^)]) %*c %d", &parent) != 1)
		parent = 0;
	fclose(file);
	return parent;
}

/* @pid's children, zombies too, of which @max go into @list. */
static int children_of(pid_t pid, pid_t *list, int max)
{
	struct dirent *entry;
	DIR *d = opendir("/proc");
	int n = 0;

	while (d && (entry = readdir(d))) {
		if (!isdigit(entry->d_name[0]) ||
		    parent_of(entry->d_name) != pid)
			continue;
		if (n < max)
			list[n] = atoi(entry->d_name);
		n++;
	}
	closedir(d);
	return n;
}

static bool made_of(pid_t pid, int threads, int children)
{
	return threads_of(pid) == threads &&
	       children_of(pid, NULL, 0) == children;
}

/* Is what httpd is made of what its model says, for @n clients? */
static bool as_modelled(const struct site *site, const struct model *m, int n)
{
	int threads = m->threads + (m->thread_each ? n : 0);
	int children = m->children + (m->child_each ? n : 0);

	return net_until(made_of(site->server, threads, children));
}

/* The answer to what has been sent on @fd, which is closed. */
static int finish(struct site *site, int fd)
{
	read_answer(site, fd);
	close(fd);
	return status_of(site->answer);
}

/* Three at once in one connection: answered in turn, then closed. */
static void pipeline(struct __test_metadata *_metadata, struct site *site)
{
	char *first, *second, *third;
	int fd = client(site);

	send_text(fd, REQUEST("GET /a.txt")
		      "GET /none HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n"
		      "GET GET /sub/ HTTP/1.1\r\n" HOST
		      "Connection: close\r\n\r\n"
		      REQUEST("GET /a.txt"));
	read_answer(site, fd);
	close(fd);
	first = site->answer;
	EXPECT_EQ(200, status_of(first));
	second = strstr(first + 1, "HTTP/1.1");
	ASSERT_NE(NULL, second);
	EXPECT_EQ(404, status_of(second));
	third = strstr(second + 1, "HTTP/1.1");
	ASSERT_NE(NULL, third);
	EXPECT_EQ(200, status_of(third));
	EXPECT_EQ(NULL, strstr(third + 1, "HTTP/1.1"));
}

TEST_F(model, requests)
{
	struct site *site = &self->site;
	char *request = malloc(200000);

	EXPECT_EQ(200, ask(site, REQUEST("GET /a.txt")));
	EXPECT_STREQ("hello\n", site->body);
	EXPECT_EQ(404, ask(site, REQUEST("GET /none")));
	EXPECT_EQ(405, ask(site, REQUEST("POST /a.txt")));
	EXPECT_EQ(400, ask(site, "nonsense\r\n\r\n"));

	memset(request, 'a', 200000);
	request[199999] = '\0';
	memcpy(request, GET HOST "X: ", 33);
	EXPECT_EQ(431, ask(site, request));
	sprintf(request, GET HOST "Content-Length: 100000\r\n\r\n");
	memset(request + strlen(request), 'a', 100000);
	EXPECT_EQ(413, ask(site, request));
	free(request);
	pipeline(_metadata, site);
}

/* One that does not read must not keep the others from being served. */
TEST_F(model, slow_reader)
{
	int slow = client(&self->site);

	send_text(slow, "GET /big HTTP/1.1\r\n" HOST
			"Connection: close\r\n\r\n");
	EXPECT_TRUE(net_wait_poll(slow, POLLIN));
	EXPECT_EQ(200, ask(&self->site, REQUEST("GET /a.txt")));
	read_answer(&self->site, slow);
	close(slow);
	ASSERT_EQ(BIG, self->site.body_len);
	EXPECT_TRUE(net_pattern_ok(self->site.body, BIG, 0));
}

/* Clients that go away in the middle: the server goes on. */
TEST_F(model, gone)
{
	int i;

	for (i = 0; i < 12; i++) {
		int fd = client(&self->site);

		send_text(fd, REQUEST("GET /big"));
		if (i % 4 < 2)
			net_wait_poll(fd, POLLIN);
		if (i % 2)
			net_abort(fd);
		else
			close(fd);
	}
	EXPECT_EQ(200, ask(&self->site, REQUEST("GET /a.txt")));
}

/* All connected at once, and then each fetches: the first to come, the last. */
TEST_F(model, many)
{
	/* A debug kernel takes twenty times as long, and TCP is known. */
	bool fewer = net_is_inet() || !access("/proc/lockdep", F_OK);
	int n = variant->model->many / (fewer ? 5 : 1);
	struct site *site = &self->site;
	int *fd = calloc(n, sizeof(*fd));
	int i, good = 0;

	EXPECT_TRUE(as_modelled(site, variant->model, 0));
	for (i = 0; i < n; i++)
		fd[i] = client(site);
	EXPECT_TRUE(as_modelled(site, variant->model, n));
	for (i = n - 1; i >= 0; i--)
		send_text(fd[i], LAST_REQUEST);
	for (i = 0; i < n; i++)
		if (finish(site, fd[i]) == 200 && site->body &&
		    !strcmp(site->body, "hello\n"))
			good++;
	EXPECT_EQ(n, good);
	EXPECT_TRUE(as_modelled(site, variant->model, 0));
	free(fd);
}

/* Asked to end while it has clients that idle, and that do not read. */
TEST_F(model, stop)
{
	int fd[2 * WORKERS], i;

	for (i = 0; i < 2 * WORKERS; i++) {
		fd[i] = client(&self->site);
		send_text(fd[i], i % 2 ? REQUEST("GET /big") :
				 REQUEST("GET /a.txt"));
	}
	for (i = 0; i < WORKERS; i++)
		EXPECT_TRUE(net_wait_poll(fd[i], POLLIN));
	EXPECT_TRUE(change_model(&self->site, variant->model->options));
	for (i = 0; i < 2 * WORKERS; i++) {
		read_answer(&self->site, fd[i]);
		close(fd[i]);
	}
}

/* --- what is particular to a model --------------------------------------- */

TEST_F(http, fork_reaps)
{
	pid_t server, child;
	int fd, i;

	ASSERT_TRUE(change_model(&self->site, "--model fork"));
	server = self->site.server;
	for (i = 0; i < 20; i++)
		EXPECT_EQ(200, ask(&self->site, REQUEST("GET /a.txt")));
	EXPECT_TRUE(net_until(!children_of(server, NULL, 0)));

	/* One that crashes takes its client with it, and nobody else. */
	fd = client(&self->site);
	ASSERT_TRUE(net_until(children_of(server, &child, 1) == 1));
	kill(child, SIGSEGV);
	EXPECT_EQ(0, finish(&self->site, fd));
	EXPECT_EQ(200, ask(&self->site, REQUEST("GET /a.txt")));
	EXPECT_TRUE(net_until(!children_of(server, NULL, 0)));
}

TEST_F(http, prefork_replaces)
{
	struct site *site = &self->site;
	pid_t old[2], new[2];

	ASSERT_TRUE(change_model(site, "--model prefork --workers 2"));
	ASSERT_TRUE(net_until(children_of(site->server, old, 2) == 2));
	kill(old[0], SIGKILL);
	kill(old[1], SIGKILL);
	EXPECT_TRUE(net_until(children_of(site->server, new, 2) == 2 &&
			      kill(old[0], 0) && kill(old[1], 0)));
	EXPECT_EQ(200, ask(site, REQUEST("GET /a.txt")));
}

/* A server that is killed takes its processes with it. */
TEST_F(http, children_of_a_killed_server)
{
	static const char * const models[] = {
		"--model fork", "--model prefork --workers 2",
	};
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(models); i++) {
		ASSERT_TRUE(change_model(&self->site, models[i]));
		fd = client(&self->site);
		send_text(fd, REQUEST("GET /a.txt"));
		EXPECT_TRUE(net_wait_poll(fd, POLLIN));
		kill(self->site.server, SIGKILL);
		/* Its children, too: they are ours now. */
		while (waitpid(-1, NULL, 0) > 0)
			;
		close(fd);
		self->site.server = start_server(&self->site, PORT, "");
	}
}

/* One client more than there are workers. */
TEST_F(http, workers_are_busy)
{
	static const char * const models[] = {
		"--model prefork --workers 2", "--model pool --workers 2",
	};
	struct site *site = &self->site;
	size_t i;
	int w;

	for (i = 0; i < ARRAY_SIZE(models); i++) {
		int fd[3];

		ASSERT_TRUE(change_model(site, models[i]));
		for (w = 0; w < 2; w++) {
			fd[w] = client(site);
			send_text(fd[w], REQUEST("GET /a.txt"));
			EXPECT_TRUE(net_wait_poll(fd[w], POLLIN));
		}
		fd[2] = client(site);
		send_text(fd[2], LAST_REQUEST);
		net_quiet();
		EXPECT_EQ(0, net_poll(fd[2], POLLIN, 0))
			TH_LOG("%s", models[i]);
		close(fd[0]);
		EXPECT_EQ(200, finish(site, fd[2]));
		close(fd[1]);
	}
}

/* How many descriptors does each of the epoll instances of @pid watch? */
static int watched(pid_t pid, int *list, int max)
{
	char path[64], link[64], line[128];
	int fd, n = 0;

	for (fd = 0; n < max && fd < 64; fd++) {
		FILE *info;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
		memset(link, 0, sizeof(link));
		if (readlink(path, link, sizeof(link) - 1) < 0 ||
		    strcmp(link, "anon_inode:[eventpoll]"))
			continue;
		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
		info = fopen(path, "r");
		if (!info)
			continue;
		list[n] = 0;
		while (fgets(line, sizeof(line), info))
			list[n] += !strncmp(line, "tfd:", 4);
		fclose(info);
		n++;
	}
	return n;
}

TEST_F(http, loops_share_the_clients)
{
	struct site *site = &self->site;
	int fd[12], list[5], i;

	ASSERT_TRUE(change_model(site, "--model loops --workers 4"));
	for (i = 0; i < 12; i++) {
		fd[i] = client(site);
		send_text(fd[i], REQUEST("GET /a.txt"));
	}
	for (i = 0; i < 12; i++)
		EXPECT_TRUE(net_wait_poll(fd[i], POLLIN));
	ASSERT_EQ(4, watched(site->server, list, 5));
	for (i = 0; i < 4; i++)
		EXPECT_EQ(1 + 3, list[i]);	/* its inbox, and clients */
	for (i = 0; i < 12; i++)
		close(fd[i]);
}

/* The CPU time that @pid has had, in ms. */
static long long cpu_ms(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ts))
		net_fatal("CPU clock of %d", pid);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* For a moment, most of the time. */
static bool idles(pid_t pid)
{
	long long start = net_now_ms(), cpu = cpu_ms(pid);

	net_quiet();
	return net_now_ms() - start > 2 * (cpu_ms(pid) - cpu);
}

/*
 * Clients for whom there is no descriptor wait, for nothing: the server must
 * not ask for them again and again, nor lose them.
 */
TEST_F(http, out_of_descriptors)
{
	static const char * const models[] = {
		"--model thread", "--model epoll", "--model loops --workers 2",
		"--model uring",
	};
	struct site *site = &self->site;
	size_t m;

	for (m = 0; m < ARRAY_SIZE(models); m++) {
		int fd[60], before, i;
		pid_t server;

		net_files(40);
		ASSERT_TRUE(change_model(site, models[m]));
		net_files(FILES);
		server = site->server;
		EXPECT_EQ(200, ask(site, REQUEST("GET /a.txt")));
		before = files_of(server);
		for (i = 0; i < 60; i++)
			fd[i] = client(site);
		EXPECT_TRUE(net_until(files_of(server) == 40))
			TH_LOG("%s", models[m]);
		EXPECT_TRUE(net_until(idles(server)))
			TH_LOG("%s spins", models[m]);

		for (i = 0; i < 40; i++)
			close(fd[i]);
		EXPECT_TRUE(net_until(files_of(server) == before + 20));
		for (; i < 60; i++) {
			send_text(fd[i], LAST_REQUEST);
			EXPECT_EQ(200, finish(site, fd[i]))
				TH_LOG("%s, client %d", models[m], i);
		}
	}
}

/*
 * A client that says nothing, or never ends its head, is shown out.  All models
 * at once, for this takes a second.
 */
TEST_F(http, timeout)
{
	static const char * const models[] = {
		"--timeout 1 --model fork", "--timeout 1 --model prefork",
		"--timeout 1 --model thread", "--timeout 1 --model pool",
		"--timeout 1 --model epoll", "--timeout 1 --model loops",
		"--timeout 1 --model uring",
	};
	int silent[ARRAY_SIZE(models)], halfway[ARRAY_SIZE(models)];
	pid_t server[ARRAY_SIZE(models)];
	struct site *site = &self->site;
	size_t i;
	char c;

	for (i = 0; i < ARRAY_SIZE(models); i++) {
		int port = PORT + 1 + i;

		server[i] = start_server(site, port, models[i]);
		silent[i] = net_client(&site->net, A, ADDR_B, port);
		halfway[i] = net_client(&site->net, A, ADDR_B, port);
		send_text(halfway[i], "GET /a.txt HTT");
	}
	for (i = 0; i < ARRAY_SIZE(models); i++) {
		EXPECT_EQ(0, recv(silent[i], &c, 1, 0))
			TH_LOG("%s", models[i]);
		/* With what it sent unread or read: the end, or a reset. */
		EXPECT_GE(0, recv(halfway[i], &c, 1, 0));
		close(silent[i]);
		close(halfway[i]);
		EXPECT_TRUE(stop_server(server[i]));
	}
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * httpd, spoken to by hand: what it serves, what it refuses and how, and
 * whether clients that are slow, many, half closed or gone disturb it.  On
 * AF_TEACH and on the kernel's TCP.  (httpget is tested in userspace.sh.)
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "kselftest_harness.h"

#include "net.h"

#define PORT		8080
#define BIG		(3 << 20)
#define MANY		200
#define HOST		"Host: x\r\n"
#define GET		"GET /a.txt HTTP/1.1\r\n"
#define REQUEST(line)	line " HTTP/1.1\r\n" HOST "\r\n"

/* A server with its files, and the last answer it gave. */
struct site {
	struct net net;
	char dir[32];
	pid_t server;
	char *answer;
	long len;
	char *body;	/* what follows its head */
	long body_len;
};

FIXTURE(http) {
	struct site site;
};

FIXTURE_VARIANT(http) {
	const char *family;
};

FIXTURE_VARIANT_ADD(http, teach) { .family = "teach" };
FIXTURE_VARIANT_ADD(http, inet) { .family = "inet" };

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

/* Run httpd on host B, and wait until it says that it serves. */
static pid_t start_server(const struct site *site, const char *family,
			  const char *timeout)
{
	char root[64], line[128];
	int out[2];
	pid_t pid;

	snprintf(root, sizeof(root), "%s/root", site->dir);
	if (pipe(out))
		net_fatal("pipe: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		net_enter(&site->net, B);
		dup2(out[1], STDOUT_FILENO);
		execlp("httpd", "httpd", "--family", family, "--address",
		       ADDR_B, "--root", root, "--timeout", timeout, NULL);
		_exit(127);
	}
	close(out[1]);
	if (read(out[0], line, sizeof(line)) <= 0)
		net_fatal("httpd did not start; is it on PATH?");
	close(out[0]);
	return pid;
}

FIXTURE_SETUP(http)
{
	setenv("TEACH_FAMILY", variant->family, 1);
	net_init(&self->site.net);
	make_tree(self->site.dir);
	self->site.server = start_server(&self->site, variant->family, "300");
	self->site.answer = malloc(2 * BIG);
	ASSERT_NE(NULL, self->site.answer);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

FIXTURE_TEARDOWN(http)
{
	int status;

	/* Still alive, whatever the test did, and ends when asked to. */
	kill(self->site.server, SIGTERM);
	waitpid(self->site.server, &status, 0);
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	nftw(self->site.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(self->site.answer);
	net_exit(&self->site.net);
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

/* Three at once in one connection: answered in turn, then closed. */
TEST_F(http, keep_alive_and_pipelining)
{
	char *first, *second, *third;
	int fd = client(&self->site);

	send_text(fd, REQUEST("GET /a.txt")
		      "GET /none HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n"
		      "GET GET /sub/ HTTP/1.1\r\n" HOST
		      "Connection: close\r\n\r\n"
		      REQUEST("GET /a.txt"));
	read_answer(&self->site, fd);
	close(fd);
	first = self->site.answer;
	EXPECT_EQ(200, status_of(first));
	second = strstr(first + 1, "HTTP/1.1");
	ASSERT_NE(NULL, second);
	EXPECT_EQ(404, status_of(second));
	third = strstr(second + 1, "HTTP/1.1");
	ASSERT_NE(NULL, third);
	EXPECT_EQ(200, status_of(third));
	EXPECT_EQ(NULL, strstr(third + 1, "HTTP/1.1"));
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

/* One that does not read must not keep the others from being served. */
TEST_F(http, slow_reader)
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
TEST_F(http, gone)
{
	int i;

	for (i = 0; i < 20; i++) {
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

TEST_F(http, many)
{
	const char *request = REQUEST("GET /a.txt");
	int fd[MANY], i, good = 0;

	for (i = 0; i < MANY; i++)
		fd[i] = client(&self->site);
	for (i = MANY - 1; i >= 0; i--)
		send_text(fd[i], request);
	for (i = 0; i < MANY; i++) {
		shutdown(fd[i], SHUT_WR);
		read_answer(&self->site, fd[i]);
		if (status_of(self->site.answer) == 200 && self->site.body &&
		    !strcmp(self->site.body, "hello\n"))
			good++;
		close(fd[i]);
	}
	EXPECT_EQ(MANY, good);
}

/* A client that says nothing, or never ends its head, is shown out. */
TEST_F(http, timeout)
{
	int silent, halfway, status;
	char c;

	kill(self->site.server, SIGTERM);
	waitpid(self->site.server, &status, 0);
	self->site.server = start_server(&self->site, variant->family, "1");
	silent = client(&self->site);
	halfway = client(&self->site);
	send_text(halfway, "GET /a.txt HTT");
	EXPECT_EQ(0, recv(silent, &c, 1, 0));
	/* With what it sent unread or read: the end, or a reset. */
	EXPECT_GE(0, recv(halfway, &c, 1, 0));
	close(silent);
	close(halfway);
}

TEST_HARNESS_MAIN

// SPDX-License-Identifier: GPL-2.0
/*
 * A script's lines, one after the other, and the report when one of them
 * did not happen.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conformance.h"

/* What has no time of its own has to happen within this. */
#define PATIENCE	20.0
/* A state that is sure to come may need another thread to run. */
#define STATE_PATIENCE	5.0
/* A call that should return at once. */
#define CALL_SECONDS	20
/* Kept waiting for longer than this, the process is too slow to judge. */
#define LATENESS	0.1

#define LOG_LINES	400

static const struct line *current;
static char *story[LOG_LINES];
static unsigned int stories;
static double last;		/* when the line before happened */
static double ready;		/* since when there was nothing to wait for */
static double lateness;		/* how long it took to go on, at worst */
static double stalled;		/* stalls_sum() at the start */
static char came[800];		/* the segment that the report is about */

/*
 * ---- The report ----
 */

static void tell(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

static void tell(const char *fmt, ...)
{
	char *line;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&line, fmt, args) < 0)
		abort();
	va_end(args);
	if (config.verbose)
		fprintf(stderr, "# %s\n", line);
	free(story[stories % LOG_LINES]);
	story[stories++ % LOG_LINES] = line;
}

static void tell_story(void)
{
	unsigned int i = stories > LOG_LINES ? stories - LOG_LINES : 0;

	fprintf(stderr, "# before that (line, seconds; < to the stack):\n");
	for (; i < stories; i++)
		fprintf(stderr, "#   %s\n", story[i % LOG_LINES]);
}

/* What has left since, and what leaves now, may explain it. */
static void tell_rest(void)
{
	static struct packet p;
	int i;

	for (i = 0; i < 5 && wire_receive(&p, 0); i++)
		tell("     %9.3f > %s  (not expected so far)", p.time,
		     segment_show(&p));
}

void fail(const char *fmt, ...)
{
	static bool failing;
	va_list args;

	if (failing)
		_exit(1);
	failing = true;
	fprintf(stderr, "# ");
	if (current)
		fprintf(stderr, "%s:%d: ", current->file, current->number);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	if (current)
		fprintf(stderr, "#   - %s\n", current->text);
	if (came[0])
		fprintf(stderr, "#   + %s\n", came);
	if (current)
		tell_rest();
	tell_story();
	lateness += stalls_sum() - stalled;
	if (lateness > LATENESS)
		fprintf(stderr, "# the machine kept it waiting for %.3f s\n",
			lateness);
	fflush(stderr);
	_exit(lateness > LATENESS ? LATE : 1);
}

/*
 * ---- Time ----
 */

static void sleep_until(double time)
{
	double left = time - now();
	struct timespec ts;

	if (left <= 0)
		return;
	ts.tv_sec = left;
	ts.tv_nsec = (left - ts.tv_sec) * 1e9;
	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

static double base(const struct when *when)
{
	return when->absolute ? 0 : last;
}

static void note_came(const struct packet *p)
{
	snprintf(came, sizeof(came), "> %s  at %.3f", segment_show(p),
		 p->time);
}

/* What could have been done at @due is done only now. */
static void note_lateness(double due)
{
	if (now() - due > lateness)
		lateness = now() - due;
}

/* Whatever leaves before the script's next act has to be in the script. */
static void expect_nothing(double until)
{
	static struct packet p;

	if (!wire_receive(&p, until))
		return;
	if (until > 0)
		note_lateness(until);
	note_came(&p);
	fail("%s nothing was to leave", current ? "before this line" :
	     "at the end");
}

/* The script's turn: at its time, or at once. */
static void begin_act(const struct when *when)
{
	double due = ready;

	if (when->given) {
		due = base(when) + when->from;
		expect_nothing(due);
		sleep_until(due);
	}
	note_lateness(due);
	expect_nothing(0);
}

static void end_act(double time)
{
	last = time;
	ready = now();
}

static double early(const struct when *when)
{
	return base(when) + when->from * (1 - config.slack) - config.early;
}

static double late(const struct when *when)
{
	return base(when) + when->to * (1 + config.slack) + config.late;
}

/* Something has happened by itself: in time? */
static void check_time(const struct when *when, double time)
{
	if (!when->given)
		return;
	if (time < early(when))
		fail("it came %.3f s too early, after %.3f s",
		     base(when) + when->from - time, time - base(when));
	if (time > late(when))
		fail("it came %.3f s too late, after %.3f s",
		     time - base(when) - when->to, time - base(when));
}

/*
 * ---- Each kind of line ----
 */

static void play_arrives(const struct line *line)
{
	static struct packet p;

	begin_act(&line->when);
	wire_send(line->seg, &p);
	tell("%4d %9.3f < %s", line->number, p.time, segment_show(&p));
	end_act(p.time);
}

static void play_icmp(const struct line *line)
{
	double time;

	begin_act(&line->when);
	time = now();
	wire_icmp(&line->icmp);
	tell("%4d %9.3f < icmp type %u code %u %u", line->number, time,
	     line->icmp.type, line->icmp.code, line->icmp.info);
	end_act(time);
}

static void play_leaves(const struct line *line, const struct script *script)
{
	double until = now() + PATIENCE;
	static struct packet p;
	char why[100];

	if (line->when.given && !isinf(line->when.to))
		until = late(&line->when);
	if (!wire_receive(&p, until)) {
		/* No stall of the machine's takes so long. */
		if (!line->when.given)
			stalled = stalls_sum();
		fail("nothing came in %.3f s", now() - last);
	}
	if (!segment_matches(line->seg, wire_conn(line->conn), &p, why,
			     sizeof(why))) {
		note_came(&p);
		fail("the stack sent another; what differs:%s", why);
	}
	wire_check(&p, script);
	note_came(&p);
	check_time(&line->when, p.time);
	came[0] = 0;
	tell("%4d %9.3f > %s", line->number, p.time, segment_show(&p));
	last = p.time;
	ready = p.time > ready ? p.time : ready;
}

static void play_call(const struct line *line)
{
	double begun;
	char why[160];

	begin_act(&line->when);
	begun = now();
	/* The signal wakes it. */
	alarm(CALL_SECONDS);
	call_make(&line->call, why, sizeof(why));
	alarm(0);
	note_lateness(begun);
	end_act(now());
	if (why[0])
		fail("%s", why);
	tell("%4d %9.3f   %s", line->number, last, line->text);
}

static void play_begin(const struct line *line)
{
	double time;

	begin_act(&line->when);
	time = now();
	call_begin(&line->call, line->name);
	tell("%4d %9.3f   %s", line->number, time, line->text);
	end_act(time);
}

static void play_end(const struct line *line)
{
	char why[160];
	double time;

	time = call_end(&line->call, line->name, PATIENCE, why, sizeof(why));
	if (why[0])
		fail("%s", why);
	check_time(&line->when, time);
	tell("%4d %9.3f   %s", line->number, time, line->text);
	end_act(time);
}

static void play_nothing(const struct line *line)
{
	double until = line->when.given ? last + line->when.from : 0;
	static struct packet p;

	note_lateness(ready);
	if (wire_receive(&p, until)) {
		if (!line->when.given || p.time <= until) {
			note_came(&p);
			fail("something left");
		}
		wire_unread();
	}
	tell("%4d %9.3f   %s", line->number, now(), line->text);
	if (line->when.given)
		last = until;
	ready = now();
}

/*
 * ---- What the kernel shows of itself ----
 */

static const char * const state_names[] = {
	"", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2",
	"TIME_WAIT", "CLOSED", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
};

/* /proc/net/teach/sockets: proto state recvq sendq local foreign ... */
static bool teach_line(const char *line, unsigned int *lport,
		       unsigned int *pport, char *state)
{
	return sscanf(line, "%*u %15s %*u %*u %*[0-9.]:%u %*[0-9.]:%u", state,
		      lport, pport) == 3;
}

/* /proc/net/tcp: number, local, foreign, state ..., in hex */
static bool inet_line(const char *line, unsigned int *lport,
		      unsigned int *pport, char *state)
{
	unsigned int number;

	if (sscanf(line, "%*d: %*8x:%x %*8x:%x %x", lport, pport,
		   &number) != 3 || number >= ARRAY_SIZE(state_names))
		return false;
	strcpy(state, state_names[number]);
	return true;
}

/* The kernel's table of sockets. */
static FILE *open_sockets(void)
{
	FILE *f = fopen(config.family == INET ? "/proc/self/net/tcp" :
			"/proc/self/net/teach/sockets", "r");

	if (!f)
		fail("the table of sockets: %s", strerror(errno));
	return f;
}

/* Has nothing been left behind in this network namespace? */
bool sockets_gone(void)
{
	FILE *f = open_sockets();
	char line[300];
	int lines = 0;

	while (fgets(line, sizeof(line), f))
		lines++;
	fclose(f);
	return lines == 1;	/* the headline */
}

static void get_state(const struct conn *c, char *state)
{
	bool inet = config.family == INET;
	char line[300], one[16], listen[16] = "";
	unsigned int lport, pport;
	FILE *f = open_sockets();

	strcpy(state, "CLOSED");
	while (fgets(line, sizeof(line), f)) {
		if (!(inet ? inet_line : teach_line)(line, &lport, &pport,
						     one) ||
		    lport != c->lport)
			continue;
		if (pport == c->pport)
			strcpy(state, one);
		else if (!pport)
			strcpy(listen, one);
	}
	fclose(f);
	/* No connection, but a socket that waits for one. */
	if (!strcmp(state, "CLOSED") && listen[0])
		strcpy(state, listen);
	if (!strcmp(state, "CLOSE"))
		strcpy(state, "CLOSED");
}

static void play_state(const struct line *line)
{
	double begun = now(), until = begun + STATE_PATIENCE;
	char state[16];

	for (;;) {
		get_state(wire_conn(line->conn), state);
		if (!strcmp(state, line->name))
			break;
		if (now() > until)
			fail("its state is %s", state);
		poll(NULL, 0, 5);
	}
	note_lateness(begun);
	tell("%4d %9.3f   %s", line->number, now(), line->text);
	ready = now();
}

static void sysctl_path(char *path, size_t size, const char *name)
{
	const char *dir = config.family == INET ? "ipv4/tcp_" : "teach/";

	/* Those of IP itself are one for both families: ipv4/NAME. */
	if (strchr(name, '/'))
		dir = "";
	snprintf(path, size, "/proc/sys/net/%s%s", dir, name);
}

static void play_sysctl(const struct line *line)
{
	char path[128];
	long long got;
	FILE *f;

	sysctl_path(path, sizeof(path), line->name);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%lld", &got) != 1)
		fail("%s: %s", path, strerror(errno));
	fclose(f);
	if (got != line->value)
		fail("%s is %lld", path, got);
}

/* RFC 9293 3.4.1: a clock, and a secret function of addresses and ports. */
static void play_isn(const struct line *line)
{
	const struct conn *c = wire_conn(line->conn);
	__u32 grown = c->irs - c->old_irs;

	if (grown < line->value || grown > line->high)
		fail("it is %u above the one before", grown);
}

/* Of three, two can be close by chance, but hardly all. */
static void play_apart(void)
{
	int i, near = 0, apart;

	for (i = 1; i < 3; i++) {
		apart = wire_conn(i)->irs - wire_conn(0)->irs;
		near += abs(apart) < 1000000;
	}
	if (near == 2)
		fail("%u, %u, %u", wire_conn(0)->irs, wire_conn(1)->irs,
		     wire_conn(2)->irs);
}

static void play_signal(const struct line *line)
{
	double until = now() + STATE_PATIENCE;

	while (!call_raised(line->value)) {
		if (now() > until)
			fail("no such signal has come");
		poll(NULL, 0, 5);
	}
	tell("%4d %9.3f   %s", line->number, now(), line->text);
	ready = now();
}

static void play_line(const struct line *line, const struct script *script)
{
	switch (line->what) {
	case ARRIVES:
		play_arrives(line);
		break;
	case LEAVES:
		play_leaves(line, script);
		break;
	case ICMP:
		play_icmp(line);
		break;
	case CALL:
		play_call(line);
		break;
	case BEGIN:
		play_begin(line);
		break;
	case ASLEEP:
		if (!call_asleep(line->name))
			fail("it does not sleep");
		ready = now();
		break;
	case END:
		play_end(line);
		break;
	case NOTHING:
		play_nothing(line);
		break;
	case STATE:
		play_state(line);
		break;
	case SYSCTL:
		play_sysctl(line);
		break;
	case ISN:
		play_isn(line);
		break;
	case APART:
		play_apart();
		break;
	case AGAIN:
		wire_again(line->conn, line->value);
		break;
	case ORIGIN:
		wire_origin(line->conn);
		break;
	case RAISED:
		play_signal(line);
		break;
	case DEVICE:
		wire_mtu(line->value);
		break;
	}
}

/*
 * ---- A script ----
 */

static void set_sysctl(const char *name, const char *value)
{
	char path[128];
	int fd;

	sysctl_path(path, sizeof(path), name);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		fail("%s = %s: %s", path, value, strerror(errno));
	close(fd);
}

/* Nothing that one script does may be felt by another. */
static void set_sysctls(const struct script *script)
{
	unsigned int i;

	/* The kernel's TCP remembers a host; one is never met twice here. */
	if (config.family == INET)
		set_sysctl("no_metrics_save", "1");
	for (i = 0; i < script->nsettings; i++)
		set_sysctl(script->settings[i].name,
			   script->settings[i].value);
}

static void play_lines(const struct script *lines, const struct script *script)
{
	unsigned int i;

	if (lines->error[0])
		fail("%s", lines->error);
	for (i = 0; i < lines->nlines; i++) {
		current = &lines->lines[i];
		if (current->families & config.family)
			play_line(current, script);
	}
	current = NULL;
}

/* In a process of its own: it never comes back. */
void play(const struct script *script, const char *state,
	  const struct wire *wire)
{
	struct script *way = NULL;
	char name[64];

	if (state) {
		snprintf(name, sizeof(name), "to/%s", state);
		way = script_read(config.dir, name);
	}
	wire_use(wire, script);
	set_sysctls(script);
	call_signals();
	hurry(1);
	stalled = stalls_sum();
	end_act(0);
	if (way)
		play_lines(way, script);
	play_lines(script, script);
	note_lateness(ready);
	expect_nothing(0);
	call_abort_all();
	wire_reset_all();
	_exit(0);
}

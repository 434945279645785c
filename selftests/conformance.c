// SPDX-License-Identifier: GPL-2.0
/*
 * The conformance suite: plays the scripts in conformance/ against AF_TEACH
 * or the kernel's own TCP, several at a time, and says which requirements
 * they prove.  conformance/README.md tells how a script is written.
 *
 *	conformance [OPTION...] [SCRIPT...]
 *
 *	--family teach|tcp|inet	which stack (see net.h)
 *	--verbose		show each line as it is played
 *	--jobs N		so many at a time
 *	--late SECONDS		how much too late is in time
 *	--scripts DIR		others than those of the suite
 *	--table FILE		where the table of requirements goes; by itself
 *				a run of all writes conformance.md above this
 *				program
 *
 * SCRIPT is a path below conformance/, without the ending, or the beginning
 * of some.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest.h"
#undef ARRAY_SIZE
#include "conformance/conformance.h"
#include "net.h"

#define MAX_SCRIPTS	1000
#define MAX_CASES	2000
#define MAX_JOBS	64
#define TRIES		4	/* of a run that the machine has disturbed */

struct config config = {
	.family = TEACH, .dir = CONFORMANCE_DIR,
	.early = 0.03, .late = 0.5, .slack = 0.25,
};

/* One case under way. */
struct job {
	pid_t pid;
	int output;
	unsigned int index;
	struct wire wire;
};

static struct script *scripts[MAX_SCRIPTS];
static struct result results[MAX_CASES];
static bool finished[MAX_CASES];
static unsigned int tries[MAX_CASES], order[MAX_CASES];
static unsigned int again[MAX_CASES], nagain;
static unsigned int nscripts, ncases, jobs = 12;
static struct job running[MAX_JOBS];
static struct wire idle[MAX_JOBS];
static unsigned int nidle;

/*
 * ---- Finding them ----
 */

static bool wanted(const char *name, char *const *names, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return true;
	return !n;
}

static void find_scripts(const char *below, char *const *names, int n)
{
	struct dirent **list;
	char path[4200], name[300];
	int i, count;

	snprintf(path, sizeof(path), "%s/%s", config.dir, below);
	count = scandir(path, &list, NULL, alphasort);
	for (i = 0; i < count; i++) {
		char *dot = strrchr(list[i]->d_name, '.');

		snprintf(name, sizeof(name), "%s%s%s", below,
			 *below ? "/" : "", list[i]->d_name);
		if (list[i]->d_type == DT_DIR && *list[i]->d_name != '.' &&
		    strcmp(list[i]->d_name, "to"))
			find_scripts(name, names, n);
		if (!dot || strcmp(dot, ".tcp") || nscripts == MAX_SCRIPTS)
			continue;
		name[strlen(name) - 4] = 0;
		if (wanted(name, names, n))
			scripts[nscripts++] = script_read(config.dir, name);
	}
}

static void check_names(struct script *s)
{
	unsigned int i;

	if (!s->nproves && !s->nmatrix && !s->error[0])
		snprintf(s->error, sizeof(s->error), "it proves nothing");
	for (i = 0; i < s->nproves; i++)
		if (!table_has(s->proves[i]))
			snprintf(s->error, sizeof(s->error),
				 "no requirement '%s'", s->proves[i]);
	for (i = 0; i < s->nmatrix; i++)
		if (!table_has_kind(s->matrix[i]))
			snprintf(s->error, sizeof(s->error),
				 "no kind of segment '%s'", s->matrix[i]);
}

/* A verdict that needs no run. */
static bool settled(struct result *r)
{
	const struct script *s = r->script;

	if (s->error[0]) {
		r->verdict = FAILED;
		return true;
	}
	if (s->skip[config.family]) {
		r->verdict = SKIPPED;
		r->why = s->skip[config.family];
		return true;
	}
	return false;
}

static void add_cases(struct script *s)
{
	unsigned int i;

	check_names(s);
	for (i = 0; i < (s->nstates ? : 1) && ncases < MAX_CASES; i++) {
		results[ncases].script = s;
		results[ncases].state = s->nstates ? s->states[i] : NULL;
		finished[ncases] = settled(&results[ncases]);
		ncases++;
	}
}

static int longest_first(const void *a, const void *b)
{
	double one = script_seconds(results[*(unsigned int *)a].script);
	double other = script_seconds(results[*(unsigned int *)b].script);

	return (one < other) - (one > other);
}

/*
 * ---- Running them ----
 */

static void start(struct job *job, unsigned int index)
{
	struct result *r = &results[index];

	/* A second try is in a new one. */
	if (nidle && !tries[index])
		job->wire = idle[--nidle];
	else
		wire_open(&job->wire);
	job->index = index;
	job->output = memfd_create("output", MFD_CLOEXEC);
	tries[index]++;
	fflush(stdout);
	job->pid = fork();
	if (job->pid)
		return;
	dup2(job->output, STDOUT_FILENO);
	dup2(job->output, STDERR_FILENO);
	play(r->script, r->state, &job->wire);
}

static char *read_output(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *text = calloc(1, size + 1);

	if (size > 0 && pread(fd, text, size, 0) != size)
		*text = 0;
	close(fd);
	return text;
}

static void show(unsigned int index)
{
	struct result *r = &results[index];
	const char *dot = r->state ? "." : "", *state = r->state ? : "";

	if (r->output)
		printf("%s", r->output);
	switch (r->verdict) {
	case PASSED:
		ksft_test_result_pass("%s%s%s\n", r->script->name, dot, state);
		break;
	case FAILED:
		if (r->script->error[0])
			printf("# %s\n", r->script->error);
		ksft_test_result_fail("%s%s%s\n", r->script->name, dot, state);
		break;
	case SKIPPED:
		ksft_test_result_skip("%s%s%s: %s\n", r->script->name, dot,
				      state, r->why);
		break;
	}
	fflush(stdout);
}

/*
 * Perhaps it was not the stack's fault: others ran beside it, or before it on
 * the same wire; or the machine was too slow, and may be so once more.
 */
static bool disturbed(const struct job *job, int status)
{
	bool late = WIFEXITED(status) && WEXITSTATUS(status) == LATE;

	return status && tries[job->index] < (late ? TRIES : 2);
}

/* For the next one, if this has left nothing behind. */
static void keep_wire(struct job *job)
{
	const struct result *r = &results[job->index];

	if (r->verdict != PASSED || script_leaves_traces(r->script) ||
	    !wire_is_clean(&job->wire)) {
		wire_close(&job->wire);
		return;
	}
	job->wire.used = true;
	job->wire.patient = script_is_patient(r->script);
	idle[nidle++] = job->wire;
}

/* A process has ended.  What disturbed it is not there the next time. */
static void end(struct job *job, int status)
{
	struct result *r = &results[job->index];

	r->output = read_output(job->output);
	job->pid = 0;
	if (disturbed(job, status)) {
		free(r->output);
		r->output = NULL;
		wire_close(&job->wire);
		again[nagain++] = job->index;
		return;
	}
	r->verdict = status ? FAILED : PASSED;
	keep_wire(job);
	if (WIFSIGNALED(status))
		printf("# %s: signal %d\n", r->script->name,
		       WTERMSIG(status));
	finished[job->index] = true;
}

static struct job *job_of(pid_t pid)
{
	unsigned int i;

	for (i = 0; i < jobs; i++)
		if (running[i].pid == pid)
			return &running[i];
	return NULL;
}

/* The @n cases of @list, @most at a time; shown in the order of all. */
static void run(const unsigned int *list, unsigned int n, unsigned int most)
{
	static unsigned int shown;
	unsigned int next = 0, under_way = 0;
	struct job *job;
	int status;
	pid_t pid;

	for (;;) {
		while (next < n && finished[list[next]])
			next++;
		if (next < n && under_way < most) {
			start(job_of(0), list[next++]);
			under_way++;
			continue;
		}
		for (; shown < ncases && finished[shown]; shown++)
			show(shown);
		if (!under_way)
			return;
		pid = wait(&status);
		job = pid > 0 ? job_of(pid) : NULL;
		if (!job)
			continue;
		end(job, status);
		under_way--;
	}
}

static void run_all(void)
{
	unsigned int n;

	run(order, ncases, jobs);
	while (nagain) {
		n = nagain;
		nagain = 0;
		memcpy(order, again, n * sizeof(*order));
		printf("# %u once more, one after the other\n", n);
		run(order, n, 1);
	}
}

/*
 * ---- The table ----
 */

static void write_table(const char *path)
{
	char beside[4200] = "", *slash;
	FILE *f;

	if (!path) {
		if (readlink("/proc/self/exe", beside, 4000) < 0)
			return;
		slash = strrchr(beside, '/');
		sprintf(slash, "/../conformance%s.md",
			net_is_inet() ? "-inet" : net_wire ? "-tcp" : "");
		path = beside;
	}
	f = fopen(path, "w");
	if (!f) {
		printf("# %s: %s\n", path, strerror(errno));
		return;
	}
	table_write(f, results, ncases);
	fclose(f);
}

static void usage(void)
{
	fprintf(stderr, "conformance [--family teach|inet] [--verbose]\n");
	fprintf(stderr, "\t[--jobs N] [--late SECONDS] [--scripts DIR]\n");
	fprintf(stderr, "\t[--table FILE] [SCRIPT...]\n");
	exit(2);
}

static void set_family(const char *name)
{
	net_choose(name);
	config.family = net_is_inet() ? INET : TEACH;
}

static const char *parse(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "family", required_argument, NULL, 'f' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "late", required_argument, NULL, 'l' },
		{ "scripts", required_argument, NULL, 's' },
		{ "table", required_argument, NULL, 'o' },
		{}
	};
	const char *table = NULL;
	int c;

	set_family(net_stack());
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) >= 0) {
		if (c == 'v')
			config.verbose = true;
		else if (c == 'j')
			jobs = atoi(optarg);
		else if (c == 'l')
			config.late = atof(optarg);
		else if (c == 's')
			config.dir = optarg;
		else if (c == 'o')
			table = optarg;
		else if (c == 'f')
			set_family(optarg);
		else
			usage();
	}
	if (jobs < 1 || jobs > MAX_JOBS)
		usage();
	return table;
}

int main(int argc, char **argv)
{
	const char *table = parse(argc, argv);
	char error[4300];
	unsigned int i;

	ksft_print_header();
	if (!call_socket_works())
		ksft_exit_skip("no such family: is the module loaded?\n");
	if (!table_read(config.dir, error, sizeof(error)))
		ksft_exit_fail_msg("%s\n", error);
	find_scripts("", argv + optind, argc - optind);
	for (i = 0; i < nscripts; i++)
		add_cases(scripts[i]);
	if (!ncases)
		ksft_exit_fail_msg("there are no such scripts\n");
	ksft_set_plan(ncases);
	for (i = 0; i < ncases; i++)
		order[i] = i;
	qsort(order, ncases, sizeof(order[0]), longest_first);
	wire_prepare();
	stalls_watch();
	run_all();
	if (table || optind == argc)
		write_table(table);
	ksft_finished();
}

// SPDX-License-Identifier: GPL-2.0
/*
 * The requirements, which scripts prove them, and with what result.
 *
 * The list is the file "requirements" beside the scripts:
 *
 *	= A heading
 *	RFC 9293 MUST-1 | what it asks for
 *	RFC 9293 MUST-51 | what it asks for | why no script proves it
 *	kind ack-old | a row of the matrix of RFC 9293 3.10.7
 */
#include <stdlib.h>
#include <string.h>

#include "conformance.h"

#define MAX_REQUIREMENTS	500
#define LINE_LEN		1000

struct requirement {
	char *name;
	char *text;	/* a heading has only this */
	char *why;	/* no script proves it; NULL if one should */
	bool kind;	/* a row of the matrix */
};

static struct requirement requirements[MAX_REQUIREMENTS];
static unsigned int nrequirements;

static const char * const matrix_states[] = {
	"CLOSED", "LISTEN", "SYN_SENT", "SYN_RECV", "ESTABLISHED",
	"FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "CLOSING", "LAST_ACK",
	"TIME_WAIT",
};

static char *trimmed(char *text)
{
	size_t len;

	text += strspn(text, " \t");
	for (len = strlen(text); len && strchr(" \t\n", text[len - 1]); len--)
		text[len - 1] = 0;
	return text;
}

static bool take_line(char *line)
{
	struct requirement *r = &requirements[nrequirements];
	char *name, *text, *why, *save;

	line = trimmed(line);
	if (!*line || *line == '#')
		return true;
	if (nrequirements == MAX_REQUIREMENTS)
		return false;
	nrequirements++;
	if (*line == '=') {
		r->text = trimmed(line + 1);
		return true;
	}
	name = strtok_r(line, "|", &save);
	text = strtok_r(NULL, "|", &save);
	why = strtok_r(NULL, "|", &save);
	if (!text)
		return false;
	r->name = trimmed(name);
	r->text = trimmed(text);
	r->why = why ? trimmed(why) : NULL;
	r->kind = !strncmp(r->name, "kind ", 5);
	if (r->kind)
		r->name += 5;
	return true;
}

static FILE *open_in(const char *dir, const char *name, char *error,
		     size_t size)
{
	char path[4200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!f)
		snprintf(error, size, "%s cannot be read", path);
	return f;
}

bool table_read(const char *dir, char *error, size_t size)
{
	char line[LINE_LEN];
	int number = 0;
	FILE *f;

	f = open_in(dir, "requirements", error, size);
	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		number++;
		if (take_line(strdup(line)))
			continue;
		snprintf(error, size, "requirements:%d: NAME | TEXT", number);
		fclose(f);
		return false;
	}
	fclose(f);
	return true;
}

static bool has(const char *name, bool kind)
{
	unsigned int i;

	for (i = 0; i < nrequirements; i++)
		if (requirements[i].name && requirements[i].kind == kind &&
		    !strcmp(requirements[i].name, name))
			return true;
	return false;
}

bool table_has(const char *requirement)
{
	return has(requirement, false);
}

bool table_has_kind(const char *kind)
{
	return has(kind, true);
}

/*
 * ---- What was proved ----
 */

static bool in(char *const *list, unsigned int n, const char *name)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (!strcmp(list[i], name))
			return true;
	return false;
}

static bool concerns(const struct result *result, const char *name,
		     bool kind, const char *state)
{
	const struct script *s = result->script;

	if (state && (!result->state || strcmp(result->state, state)))
		return false;
	return kind ? in(s->matrix, s->nmatrix, name) :
	       in(s->proves, s->nproves, name);
}

/* Of several cases the worst counts. */
struct sum {
	unsigned int count[SKIPPED + 1];
	const char *why;
};

static struct sum add_up(const char *name, bool kind, const char *state,
			 const struct result *results, unsigned int n)
{
	struct sum sum = {};
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!concerns(&results[i], name, kind, state))
			continue;
		sum.count[results[i].verdict]++;
		if (results[i].why)
			sum.why = results[i].why;
	}
	return sum;
}

static void write_scripts(FILE *f, const char *name, bool kind,
			  const struct result *results, unsigned int n)
{
	const struct script *before = NULL;
	const char *comma = "";
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (results[i].script == before ||
		    !concerns(&results[i], name, kind, NULL))
			continue;
		before = results[i].script;
		fprintf(f, "%s%s", comma, before->name);
		comma = ", ";
	}
}

static void write_verdict(FILE *f, const struct requirement *r,
			  const struct sum *sum)
{
	if (sum->count[FAILED])
		fprintf(f, "**FAILED**");
	else if (sum->count[PASSED])
		fprintf(f, "met");
	else if (sum->count[SKIPPED])
		fprintf(f, "**not met**: %s", sum->why);
	else
		fprintf(f, "%s", r->why ? : "**not tested**");
}

static void write_requirement(FILE *f, const struct requirement *r,
			      const struct result *results, unsigned int n)
{
	struct sum sum = add_up(r->name, false, NULL, results, n);

	fprintf(f, "| %s | %s | ", r->name, r->text);
	write_verdict(f, r, &sum);
	fprintf(f, " | ");
	write_scripts(f, r->name, false, results, n);
	fprintf(f, " |\n");
}

static const char *cell(const struct sum *sum)
{
	if (sum->count[FAILED])
		return "**FAILED**";
	if (sum->count[PASSED])
		return "ok";
	return sum->count[SKIPPED] ? "differs" : "-";
}

static void write_kind(FILE *f, const struct requirement *r,
		       const struct result *results, unsigned int n)
{
	struct sum sum;
	unsigned int i;

	fprintf(f, "| %s |", r->text);
	for (i = 0; i < ARRAY_SIZE(matrix_states); i++) {
		sum = add_up(r->name, true, matrix_states[i], results, n);
		fprintf(f, " %s |", cell(&sum));
	}
	fprintf(f, " ");
	write_scripts(f, r->name, true, results, n);
	fprintf(f, " |\n");
}

static void write_head(FILE *f, const struct requirement *r)
{
	unsigned int i;

	fprintf(f, "\n## %s\n\n", r->text);
	if (!r[1].kind) {
		fprintf(f, "| requirement | what it asks for | verdict |");
		fprintf(f, " scripts |\n|---|---|---|---|\n");
		return;
	}
	fprintf(f, "| segment |");
	for (i = 0; i < ARRAY_SIZE(matrix_states); i++)
		fprintf(f, " %s |", matrix_states[i]);
	fprintf(f, " scripts |\n|---|");
	for (i = 0; i < ARRAY_SIZE(matrix_states); i++)
		fprintf(f, "---|");
	fprintf(f, "---|\n");
}

static void write_differences(FILE *f, const struct result *results,
			      unsigned int n)
{
	const struct script *before = NULL, *s;
	unsigned int i;

	fprintf(f, "\n## Where AF_TEACH and the kernel's TCP differ\n\n");
	fprintf(f, "| script | what is different |\n|---|---|\n");
	for (i = 0; i < n; i++) {
		s = results[i].script;
		if (s == before)
			continue;
		before = s;
		if (s->differs)
			fprintf(f, "| %s | %s |\n", s->name, s->differs);
		if (s->skip[INET])
			fprintf(f, "| %s | not for the kernel's TCP: %s |\n",
				s->name, s->skip[INET]);
		if (s->skip[TEACH])
			fprintf(f, "| %s | not for AF_TEACH: %s |\n", s->name,
				s->skip[TEACH]);
	}
}

static void write_list(FILE *f, const struct result *results, unsigned int n)
{
	static const char * const verdicts[] = {
		"passed", "**FAILED**", "skipped",
	};
	unsigned int i;

	fprintf(f, "\n## The scripts\n\n| case | verdict | what it shows |\n");
	fprintf(f, "|---|---|---|\n");
	for (i = 0; i < n; i++)
		fprintf(f, "| %s%s%s | %s | %s |\n", results[i].script->name,
			results[i].state ? "." : "", results[i].state ? : "",
			verdicts[results[i].verdict],
			results[i].script->title ? : "");
}

void table_write(FILE *f, const struct result *results, unsigned int n)
{
	const struct requirement *r;
	unsigned int i;

	fprintf(f, "# Conformance of %s\n\n",
		config.family == INET ? "the kernel's TCP" : "AF_TEACH");
	fprintf(f, "Written by selftests/conformance; see README.md there.\n");
	for (i = 0; i < nrequirements; i++) {
		r = &requirements[i];
		if (!r->name)
			write_head(f, r);
		else if (r->kind)
			write_kind(f, r, results, n);
		else
			write_requirement(f, r, results, n);
	}
	write_differences(f, results, n);
	write_list(f, results, n);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * A script's text becomes lines.  It is read whole before any of it is
 * played, so that a slip of the pen is found without a network.
 */
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conformance.h"

#define MAX_LINES	500
#define MAX_SECONDS	3600

/* What is being read. */
struct reader {
	struct script *script;
	char *file;
	int number;
	bool head;
};

static const struct {
	const char *name;
	__u8 type, code;
	const char *word;	/* what its number is called */
} icmp_names[] = {
	{ "net-unreachable",	3, 0, NULL },
	{ "host-unreachable",	3, 1, NULL },
	{ "protocol-unreachable", 3, 2, NULL },
	{ "port-unreachable",	3, 3, NULL },
	{ "frag-needed",	3, 4, "mtu" },
	{ "source-route-failed", 3, 5, NULL },
	{ "source-quench",	4, 0, NULL },
	{ "time-exceeded",	11, 0, NULL },
	{ "reassembly-time-exceeded", 11, 1, NULL },
	{ "parameter-problem",	12, 0, "pointer" },
};

/* The next word, and *@text behind it; NULL at the end. */
const char *next_word(char **text)
{
	char *word;

	*text += strspn(*text, " \t");
	if (!**text)
		return NULL;
	word = *text;
	*text += strcspn(*text, " \t");
	if (**text)
		*(*text)++ = 0;
	return word;
}

static bool wrong(struct reader *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static bool wrong(struct reader *r, const char *fmt, ...)
{
	char reason[120];
	va_list args;

	va_start(args, fmt);
	vsnprintf(reason, sizeof(reason), fmt, args);
	va_end(args);
	snprintf(r->script->error, sizeof(r->script->error), "%.*s:%d: %s",
		 30, r->file, r->number, reason);
	return false;
}

/* Without the blanks at both ends, which are overwritten. */
char *trim(char *text)
{
	char *end;

	text += strspn(text, " \t");
	for (end = text + strlen(text); end > text && isspace(end[-1]); end--)
		end[-1] = 0;
	return text;
}

/*
 * ---- The head ----
 */

static bool list(struct reader *r, char **items, unsigned int *n,
		 unsigned int max, char *text, const char *separators)
{
	char *one, *save;

	for (one = strtok_r(text, separators, &save); one;
	     one = strtok_r(NULL, separators, &save)) {
		if (*n == max)
			return wrong(r, "more than %u", max);
		items[(*n)++] = trim(one);
	}
	return true;
}

static bool setting(struct reader *r, char *text)
{
	struct script *s = r->script;
	const char *name = next_word(&text);
	struct setting *one;

	text = trim(text);
	if (!name || !*text || s->nsettings == MAX_SETTINGS)
		return wrong(r, "sysctl: NAME VALUE");
	one = &s->settings[s->nsettings++];
	snprintf(one->name, sizeof(one->name), "%s", name);
	snprintf(one->value, sizeof(one->value), "%s", text);
	return true;
}

static bool allowed(struct reader *r, const char *text)
{
	if (!strcmp(text, "shrinking window"))
		r->script->may_shrink = true;
	else if (!strcmp(text, "fragmentation"))
		r->script->may_fragment = true;
	return r->script->may_shrink || r->script->may_fragment ||
	       wrong(r, "nobody can allow '%s'", text);
}

/* Those that are said once. */
static bool head_value(struct script *s, const char *word, char *text)
{
	long long number;

	if (!strcmp(word, "skip inet")) {
		s->skip[INET] = text;
		return true;
	}
	if (!strcmp(word, "skip teach")) {
		s->skip[TEACH] = text;
		return true;
	}
	if (!strcmp(word, "differs")) {
		s->differs = text;
		return true;
	}
	if (!strcmp(word, "mtu") && number_parse(text, &number)) {
		s->mtu = number;
		return true;
	}
	return !strcmp(word, "address") && address_parse(text, &s->address);
}

/* "word: text"; false with no error if it is not of the head */
static bool head_line(struct reader *r, char *line)
{
	struct script *s = r->script;
	char *colon = strchr(line, ':'), *text;

	if (!colon || colon[1] != ' ')
		return false;
	*colon = 0;
	text = trim(colon + 1);
	if (!strcmp(line, "proves"))
		return list(r, s->proves, &s->nproves, MAX_PROVES, text, ",");
	if (!strcmp(line, "states"))
		return list(r, s->states, &s->nstates, MAX_STATES, text, " ");
	if (!strcmp(line, "matrix"))
		return list(r, s->matrix, &s->nmatrix, MAX_PROVES, text, ",");
	if (!strcmp(line, "sysctl"))
		return setting(r, text);
	if (!strcmp(line, "allow"))
		return allowed(r, text);
	if (head_value(s, line, text))
		return true;
	*colon = ':';
	return false;
}

/*
 * ---- The lines ----
 */

/* "+0.2", "1.5", "+0.2..0.4", "+0.2.." */
static bool when_parse(struct when *when, const char *word)
{
	char *end;

	when->given = true;
	when->absolute = *word != '+';
	when->from = strtod(word + !when->absolute, &end);
	/* strtod() takes the first dot of ".." along */
	if (end > word && end[-1] == '.' && *end == '.')
		end--;
	when->to = when->from;
	if (!strncmp(end, "..", 2)) {
		end += 2;
		when->to = *end ? strtod(end, &end) : INFINITY;
	}
	return !*end && when->from >= 0 && when->to >= when->from &&
	       when->from <= MAX_SECONDS;
}

static bool conn_tag(struct line *line, char **text)
{
	int used = 0;

	*text = trim(*text);
	if (**text != '[')
		return true;
	if (sscanf(*text, "[%d]%n", &line->conn, &used) != 1 || !used ||
	    line->conn < 1 || line->conn > MAX_CONNS)
		return false;
	line->conn--;
	*text += used;
	return true;
}

static bool icmp_parse(struct reader *r, struct line *line, char *text)
{
	struct icmp *icmp = &line->icmp;
	const char *word = next_word(&text), *value;
	long long n;
	unsigned int i;

	line->what = ICMP;
	icmp->conn = line->conn;
	for (i = 0; i < ARRAY_SIZE(icmp_names); i++)
		if (word && !strcmp(word, icmp_names[i].name))
			break;
	if (i == ARRAY_SIZE(icmp_names))
		return wrong(r, "no ICMP '%s'", word ? : "");
	icmp->type = icmp_names[i].type;
	icmp->code = icmp_names[i].code;
	while ((word = next_word(&text))) {
		value = next_word(&text);
		if (!number_parse(value, &n))
			return wrong(r, "'%s' needs a number", word);
		if (icmp_names[i].word && !strcmp(word, icmp_names[i].word)) {
			icmp->info = n;
		} else if (!strcmp(word, "quote")) {
			icmp->quoted = true;
			icmp->seq = n;
		} else {
			return wrong(r, "no '%s' in this ICMP", word);
		}
	}
	return true;
}

static bool segment_line(struct reader *r, struct line *line, char *text)
{
	char error[100];

	line->what = *text == '<' ? ARRIVES : LEAVES;
	text = trim(text + 1);
	if (line->what == ARRIVES && !strncmp(text, "icmp ", 5))
		return icmp_parse(r, line, text + 5);
	line->seg = malloc(sizeof(*line->seg));
	if (!segment_parse(line->seg, text, error, sizeof(error)))
		return wrong(r, "%s", error);
	line->conn = line->seg->conn;
	return true;
}

/* "begin NAME call(...)" */
static bool begin_line(struct reader *r, struct line *line, char *text)
{
	const char *name = next_word(&text);
	char error[100];

	line->what = BEGIN;
	if (!name || strlen(name) >= sizeof(line->name))
		return wrong(r, "begin NAME CALL");
	strcpy(line->name, name);
	if (!call_parse(&line->call, text, false, error, sizeof(error)))
		return wrong(r, "%s", error);
	return true;
}

/* "end NAME = value" */
static bool end_line(struct reader *r, struct line *line, char *text)
{
	const char *name = next_word(&text), *is = next_word(&text);
	struct line *begin;
	char error[100];

	line->what = END;
	if (!is || strcmp(is, "=") || strlen(name) >= sizeof(line->name))
		return wrong(r, "end NAME = RESULT");
	strcpy(line->name, name);
	for (begin = line; begin-- > r->script->lines;)
		if (begin->what == BEGIN && !strcmp(begin->name, name))
			break;
	if (begin < r->script->lines)
		return wrong(r, "nothing begins as '%s'", name);
	line->call = begin->call;
	if (!call_parse_result(&line->call, text, error, sizeof(error)))
		return wrong(r, "%s", error);
	return true;
}

/* "nothing", "nothing for 0.5" */
static bool nothing_line(struct reader *r, struct line *line, char *text)
{
	const char *is_for = next_word(&text), *seconds = next_word(&text);
	char *end;

	line->what = NOTHING;
	if (!is_for)
		return true;
	if (strcmp(is_for, "for") || !seconds || line->when.given)
		return wrong(r, "nothing for SECONDS");
	line->when.given = true;
	line->when.from = strtod(seconds, &end);
	line->when.to = line->when.from;
	return (!*end && line->when.from > 0) || wrong(r, "bad time");
}

static bool name_line(struct reader *r, struct line *line, enum what what,
		      char *text)
{
	const char *name;

	line->what = what;
	if (what == STATE && !conn_tag(line, &text))
		return wrong(r, "no such connection");
	name = next_word(&text);
	if (!name || strlen(name) >= sizeof(line->name))
		return wrong(r, "a name expected");
	strcpy(line->name, name);
	if (what == SYSCTL &&
	    !number_parse(next_word(&text), &line->value))
		return wrong(r, "NAME VALUE");
	name = next_word(&text);
	return !name || wrong(r, "'%s' is too much", name);
}

/* "isn [N] LOW..HIGH" */
static bool isn_line(struct reader *r, struct line *line, enum what what,
		     char *text)
{
	int used = 0;

	line->what = what;
	if (!conn_tag(line, &text) ||
	    sscanf(text, " %lld..%lld%n", &line->value, &line->high,
		   &used) != 2 || text[used])
		return wrong(r, "isn LOW..HIGH");
	return true;
}

/* "again +N", "mtu N", "signal SIGURG", "origin" */
static bool number_line(struct reader *r, struct line *line, enum what what,
			char *text)
{
	const char *word;

	line->what = what;
	if ((what == AGAIN || what == ORIGIN) && !conn_tag(line, &text))
		return wrong(r, "no such connection");
	word = next_word(&text);
	if (what == ORIGIN || what == APART)
		return !word || wrong(r, "'%s' is too much", word);
	if (!word || next_word(&text) ||
	    (!number_parse(word, &line->value) &&
	     !constant(word, &line->value)))
		return wrong(r, "a number expected");
	return true;
}

static bool word_line(struct reader *r, struct line *line, char *text)
{
	static const struct {
		const char *word;
		enum what what;
		bool (*parse)(struct reader *r, struct line *line,
			      enum what what, char *text);
	} words[] = {
		{ "asleep", ASLEEP, name_line },
		{ "state", STATE, name_line },
		{ "sysctl", SYSCTL, name_line },
		{ "isn", ISN, isn_line },
		{ "apart", APART, number_line },
		{ "again", AGAIN, number_line },
		{ "origin", ORIGIN, number_line },
		{ "mtu", DEVICE, number_line },
		{ "signal", RAISED, number_line },
	};
	size_t len = strcspn(text, " \t(");
	char error[100];
	unsigned int i;

	if (!strncmp(text, "begin ", 6))
		return begin_line(r, line, text + 6);
	if (!strncmp(text, "end ", 4))
		return end_line(r, line, text + 4);
	if (len == 7 && !strncmp(text, "nothing", 7))
		return nothing_line(r, line, text + 7);
	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (len == strlen(words[i].word) &&
		    !strncmp(text, words[i].word, len))
			return words[i].parse(r, line, words[i].what,
					      text + len);
	line->what = CALL;
	if (!call_parse(&line->call, text, true, error, sizeof(error)))
		return wrong(r, "%s", error);
	return true;
}

static bool takes_a_range(enum what what)
{
	return what == LEAVES || what == END;
}

static bool event_line(struct reader *r, struct line *line, char *text)
{
	char time[32];

	line->families = TEACH | INET;
	if (!strncmp(text, "inet:", 5) || !strncmp(text, "teach:", 6)) {
		line->families = *text == 'i' ? INET : TEACH;
		text = trim(text + (*text == 'i' ? 5 : 6));
		if (!r->script->differs)
			return wrong(r, "for one family, but no 'differs:'");
	}
	if (*text == '+' || isdigit(*text)) {
		snprintf(time, sizeof(time), "%.*s",
			 (int)strcspn(text, " \t"), text);
		if (!when_parse(&line->when, time))
			return wrong(r, "bad time '%s'", time);
		text = trim(text + strcspn(text, " \t"));
	}
	if (*text == '<' || *text == '>') {
		if (!segment_line(r, line, text))
			return false;
	} else if (!word_line(r, line, text)) {
		return false;
	}
	if (line->when.to != line->when.from && !takes_a_range(line->what))
		return wrong(r, "only what is waited for has a range of times");
	return true;
}

static struct line *add_line(struct reader *r)
{
	struct script *s = r->script;
	struct line *line;

	if (s->nlines == MAX_LINES)
		return NULL;
	line = &s->lines[s->nlines++];
	line->file = r->file;
	line->number = r->number;
	return line;
}

/* "by 1460": one line of the script, many segments. */
static bool cut_up(struct reader *r, struct line *line)
{
	unsigned int left = line->seg->len, by = line->seg->by;
	struct line *one = line;
	struct segment *seg;

	for (;;) {
		seg = one->seg;
		seg->by = 0;
		if (left <= by) {
			seg->len = left;
			return true;
		}
		one = add_line(r);
		if (!one)
			return wrong(r, "too many lines");
		*one = *line;
		/* Only the first is at that time; the last has the PSH. */
		memset(&one->when, 0, sizeof(one->when));
		one->seg = malloc(sizeof(*seg));
		*one->seg = *seg;
		one->seg->seq += by;
		seg->len = by;
		seg->flags &= ~(PSH | FIN);
		left -= by;
	}
}

static bool read_line(struct reader *r, char *text)
{
	struct line *line;
	char *comment;

	/* A '#' within a line has a blank before it. */
	comment = strstr(text, " #");
	if (!comment)
		comment = strstr(text, "\t#");
	if (*text == '#')
		comment = text;
	if (comment)
		*comment = 0;
	text = trim(text);
	if (!*text)
		return true;
	if (r->head && head_line(r, text))
		return true;
	if (r->script->error[0])
		return false;
	r->head = false;
	line = add_line(r);
	if (!line)
		return wrong(r, "more than %d lines", MAX_LINES);
	line->text = strdup(text);
	if (!event_line(r, line, text))
		return false;
	return !line->seg || !line->seg->by || cut_up(r, line);
}

/* The first sentence of the comment at the head, on one line. */
static char *title_of(const char *text)
{
	static const char licence[] = "SPDX-License-Identifier";
	char *title = calloc(1, strlen(text) + 1), *t = title;
	size_t len;

	for (; *text == '#'; text += len + !!text[len]) {
		len = strcspn(text, "\n");
		if (len < 3 && t > title)
			break;
		if (len < 3 || !strncmp(text + 2, licence, strlen(licence)))
			continue;
		t += sprintf(t, "%s%.*s", t > title ? " " : "",
			     (int)len - 2, text + 2);
	}
	t = strstr(title, ". ");
	if (t)
		*t = 0;
	else if (*title && title[strlen(title) - 1] == '.')
		title[strlen(title) - 1] = 0;
	return title;
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!f)
		return NULL;
	if (getdelim(&text, &size, 0, f) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(f);
	return text;
}

/* Never NULL: what is wrong with it is in its @error. */
struct script *script_read(const char *dir, const char *name)
{
	struct script *script = calloc(1, sizeof(*script));
	struct reader r = { .script = script, .head = true };
	char path[4200];
	char *line, *next;

	snprintf(script->name, sizeof(script->name), "%s", name);
	snprintf(path, sizeof(path), "%s/%s.tcp", dir, name);
	r.file = strdup(name);
	script->lines = calloc(MAX_LINES, sizeof(*script->lines));
	script->text = read_file(path);
	if (!script->text) {
		wrong(&r, "cannot be read");
		return script;
	}
	script->title = title_of(script->text);
	for (line = script->text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		r.number++;
		if (!read_line(&r, line))
			break;
	}
	script->lines = realloc(script->lines, (script->nlines + 1) *
				sizeof(*script->lines));
	return script;
}

/* What a state answers is no question of time. */
bool script_is_patient(const struct script *script)
{
	return script->nmatrix > 0;
}

/* What a socket that is closed does not take along. */
bool script_leaves_traces(const struct script *script)
{
	unsigned int i;

	for (i = 0; i < script->nlines; i++)
		if (script->lines[i].what == ICMP ||
		    script->lines[i].what == DEVICE)
			return true;
	return script->nsettings || script->mtu || script->address;
}

/* How long it takes at least: those that wait begin first. */
double script_seconds(const struct script *script)
{
	double sum = 0;
	unsigned int i;

	for (i = 0; i < script->nlines; i++)
		sum += script->lines[i].when.from;
	return sum;
}

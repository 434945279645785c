// SPDX-License-Identifier: GPL-2.0
/*
 * teach report: a recording as one HTML page that needs nothing else.
 *
 * The page itself is in report/, and the Makefile makes it a part of this
 * program; here the style, the data and the scripts are put in their places.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record.h"
#include "report.h"
#include "tool.h"

static const char help_text[] =
"Usage: teach report [OPTION]... RECORDING\n"
"Make one HTML page of what `teach trace --record` or `teach ladder --record`\n"
"has kept. A browser shows it without a network: each connection's ladder,\n"
"time-sequence graph, windows, queues, timers and states.\n"
"\n"
"  -o, --output FILE      write the page there (default: standard output)\n"
"  -h, --help             this text\n"
"\n"
"Examples:\n"
"  teach trace --record web.events -- httpget http://10.0.0.2:8080/file\n"
"  teach report --output web.html web.events\n";

/* Write @page up to @mark; returns what comes after it. */
static const char *write_up_to(const char *page, const char *mark, FILE *out)
{
	const char *end = _binary_page_html_end;
	const char *at = memmem(page, end - page, mark, strlen(mark));

	fwrite(page, 1, (at ? at : end) - page, out);
	return at ? at + strlen(mark) : end;
}

static bool write_page(const struct recording *rec, const struct flows *flows,
		       FILE *out)
{
	const char *page = _binary_page_html_start;
	bool ok;

	page = write_up_to(page, "/* page.css */", out);
	fwrite(_binary_page_css_start, 1,
	       _binary_page_css_end - _binary_page_css_start, out);
	page = write_up_to(page, "<!-- data -->", out);
	ok = report_data(rec, flows, out);
	page = write_up_to(page, "/* page.js */", out);
	fwrite(_binary_page_js_start, 1,
	       _binary_page_js_end - _binary_page_js_start, out);
	fwrite(page, 1, _binary_page_html_end - page, out);
	return ok;
}

static int write_file(const struct recording *rec, const struct flows *flows,
		      const char *name)
{
	FILE *out = name ? fopen(name, "we") : stdout;
	struct stat st;
	bool failed;
	int err = 0;

	if (!out)
		return tool_error("cannot write %s: %s", name,
				  strerror(errno));
	if (!write_page(rec, flows, out))
		err = tool_error("out of memory");
	failed = ferror(out);
	if (fclose(out) || failed)
		err = tool_error("cannot write %s: %s",
				 name ? name : "the page", strerror(errno));
	/* Half a page looks like a whole one until it is opened. */
	if (err && name && !stat(name, &st) && S_ISREG(st.st_mode))
		unlink(name);
	return err;
}

static int run(const char *input, const char *output)
{
	struct recording rec = { 0 };
	struct filter all = { 0 };
	struct flows flows = { 0 };
	int err;

	err = recording_load(&rec, input);
	if (!err && !flows_build(&flows, &rec, &all))
		err = tool_error("out of memory");
	if (!err && !flows.n)
		err = tool_error("%s has no connection%s", input,
				 only_datagrams(&rec));
	if (!err)
		err = write_file(&rec, &flows, output);
	flows_free(&flows);
	recording_free(&rec);
	return err;
}

int cmd_report(int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *output = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
		switch (c) {
		case 'o':
			output = optarg;
			break;
		case 'h':
			fputs(help_text, stdout);
			return 0;
		default:
			return tool_usage("report");
		}
	}
	if (optind != argc - 1) {
		tool_error("report: give one recording");
		return tool_usage("report");
	}
	if (!output && isatty(STDOUT_FILENO)) {
		tool_error("report: no page for a terminal: give --output");
		return tool_usage("report");
	}
	return run(argv[optind], output);
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the `teach` tool share.  A subcommand is one function
 * here, one line in teach.c's table, and a file of its own.
 */
#ifndef _TOOL_H
#define _TOOL_H

#include <stdbool.h>
#include <stdint.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define BIT(n)		(1u << (n))

/* Exit status of every subcommand, beside 0. */
enum { EXIT_FAILED = 1, EXIT_USAGE };

int cmd_hash(int argc, char **argv);
int cmd_ladder(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_ss(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_walk(int argc, char **argv);

int tool_error(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
int tool_usage(const char *command);
int tool_bad_value(const char *command, const char *option);
bool tool_number(const char *text, long min, long max, long *value);
int tool_enter_netns(const char *name);

bool is_stream(uint8_t proto);
const char *state_name(unsigned int state);
int state_by_name(const char *name);

#endif /* _TOOL_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * Writing JSON: see json.h.
 */
#include <stdbool.h>
#include <stdio.h>

#include "json.h"

static bool first = true;	/* nothing is before it in its brackets */

static void write_string(const char *text)
{
	const unsigned char *c;

	putchar('"');
	for (c = (const unsigned char *)text; *c; c++) {
		if (*c == '"' || *c == '\\')
			printf("\\%c", *c);
		else if (*c < 0x20)
			printf("\\u%04x", *c);
		else
			putchar(*c);
	}
	putchar('"');
}

static void begin(const char *name)
{
	if (!first)
		putchar(',');
	first = false;
	if (name) {
		write_string(name);
		putchar(':');
	}
}

void json_open(const char *name, char bracket)
{
	begin(name);
	putchar(bracket);
	first = true;
}

void json_close(char bracket)
{
	putchar(bracket);
	first = false;
}

void json_string(const char *name, const char *value)
{
	begin(name);
	write_string(value);
}

void json_number(const char *name, unsigned long long value)
{
	begin(name);
	printf("%llu", value);
}

void json_signed(const char *name, long long value)
{
	begin(name);
	printf("%lld", value);
}

void json_double(const char *name, double value)
{
	begin(name);
	printf("%.3f", value);
}

void json_time(const char *name, unsigned long long ns)
{
	begin(name);
	printf("%llu.%09llu", ns / 1000000000, ns % 1000000000);
}

/* The document is whole. */
void json_end(void)
{
	putchar('\n');
	first = true;
}

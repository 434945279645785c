/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Writing JSON to standard output, value by value.  Commas are put between
 * them; names and structure are the caller's care.
 */
#ifndef _JSON_H
#define _JSON_H

/* In an object each value has a @name, in an array NULL. */
void json_open(const char *name, char bracket);
void json_close(char bracket);
void json_string(const char *name, const char *value);
void json_number(const char *name, unsigned long long value);
void json_signed(const char *name, long long value);
void json_double(const char *name, double value);
/* Seconds, with all nanoseconds. */
void json_time(const char *name, unsigned long long ns);
void json_end(void);

#endif /* _JSON_H */

// SPDX-License-Identifier: GPL-2.0
/*
 * AF_TEACH gives what AF_INET gives, errno by errno and event by event: the
 * tables are in same/.
 *
 *	same [CASES]	only those whose name matches the pattern
 *
 * On a debug kernel, which takes long and looks for other mistakes than these,
 * only every eighth is run unless a pattern is given.
 */
#include "same/same.h"

static int run(const char *cases)
{
	same_begin(cases);
	same_families();
	same_orders();
	same_calls();
	same_options();
	same_events();
	same_corks();
	return same_end();
}

int main(int argc, char **argv)
{
	return same_without_modules(run, argc > 1 ? argv[1] : NULL);
}

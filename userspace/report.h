/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A recording as the data of an HTML page.
 */
#ifndef _REPORT_H
#define _REPORT_H

#include "flow.h"

/* What the linker made of the files of the page, which is in report/. */
extern const char _binary_page_html_start[], _binary_page_html_end[];
extern const char _binary_page_css_start[], _binary_page_css_end[];
extern const char _binary_page_js_start[], _binary_page_js_end[];

bool report_data(const struct recording *rec, const struct flows *flows,
		 FILE *out);

#endif /* _REPORT_H */

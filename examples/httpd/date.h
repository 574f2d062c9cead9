/* SPDX-License-Identifier: BSD-3-Clause */
/* date: HTTP's dates (RFC 9110, 5.6.7), without libc's locale, time zone or locks. */
#ifndef HTTPD_DATE_H
#define HTTPD_DATE_H

#include <time.h>

#include "text.h"

enum { DATE_LEN = 29 }; /* of "Sun, 06 Nov 1994 08:49:37 GMT" */

struct date {
    int year, month, day; /* month 1 to 12 */
    int hour, minute, second;
    int weekday; /* 0 is Sunday */
};

/* UTC. Right for the years 1 to 9999; other times are moved to the nearest of these. */
struct date date_of(time_t t);

/* Writes DATE_LEN bytes, no NUL. */
void date_format(time_t t, char out[DATE_LEN]);

/* Reads any of the three forms: IMF-fixdate, RFC 850, asctime. `now` settles the century of the
 * second. A name of a weekday need not fit the date. */
bool date_parse(struct text t, time_t now, time_t *out);

extern const char date_month_names[12][4];

#endif

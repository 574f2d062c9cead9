/* SPDX-License-Identifier: BSD-3-Clause */
/* date: see date.h. Days are counted in years that begin in March, so that the leap day is a year's
 * last; 400 years have 146097 days. */
#include "date.h"

const char date_month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char day_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const long_day_names[7] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                              "Thursday", "Friday", "Saturday"};

#define DAY 86400
#define EPOCH_DAYS 719468         /* from 0000-03-01 to 1970-01-01 */
#define TIME_MIN (-62135596800LL) /* 0001-01-01 00:00:00 */
#define TIME_MAX 253402300799LL   /* 9999-12-31 23:59:59 */

static long long days_of(int year, int month, int day)
{
    long long y = month > 2 ? year : year - 1;
    int from_march = (month + 9) % 12;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * from_march + 2) / 5 + day - 1 - EPOCH_DAYS;
}

struct date date_of(time_t t)
{
    struct date d;
    long long at = t < TIME_MIN ? TIME_MIN : t > TIME_MAX ? TIME_MAX : t;
    long long days = (at - TIME_MIN) / DAY + TIME_MIN / DAY;
    int second = (int)(at - days * DAY);
    long long z = days + EPOCH_DAYS, era = z / 146097;
    int of_era = (int)(z - era * 146097);
    int year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * year + year / 4 - year / 100);
    int from_march = (5 * of_year + 2) / 153;
    d.day = of_year - (153 * from_march + 2) / 5 + 1;
    d.month = from_march < 10 ? from_march + 3 : from_march - 9;
    d.year = (int)(year + era * 400) + (d.month <= 2);
    d.hour = second / 3600;
    d.minute = second / 60 % 60;
    d.second = second % 60;
    d.weekday = (int)((z + 3) % 7); /* 0000-03-01 was a Wednesday */
    return d;
}

static void digits(char *out, int value, int n)
{
    while (n--) {
        out[n] = (char)('0' + value % 10);
        value /= 10;
    }
}

void date_format(time_t t, char out[DATE_LEN])
{
    struct date d = date_of(t);
    memcpy(out, "Sun, 06 Nov 1994 08:49:37 GMT", DATE_LEN);
    memcpy(out, day_names[d.weekday], 3);
    digits(out + 5, d.day, 2);
    memcpy(out + 8, date_month_names[d.month - 1], 3);
    digits(out + 12, d.year, 4);
    digits(out + 17, d.hour, 2);
    digits(out + 20, d.minute, 2);
    digits(out + 23, d.second, 2);
}

/* Matches t against a form: '0' is a digit that goes into the next number of `values`, '_' a digit
 * or a space, which counts as 0, 'm' the three letters of a month; all else stands for itself. A
 * number ends where its digits end. */
static bool match(struct text t, const char *form, int *values)
{
    size_t i = 0;
    int v = -1;
    char before = 0;
    for (; *form; before = *form++) {
        if (*form == '0' || *form == '_') {
            bool blank = *form == '_' && i < t.n && t.p[i] == ' ';
            if (i == t.n || (!blank && (t.p[i] < '0' || t.p[i] > '9')))
                return false;
            if (before != '0' && before != '_')
                values[++v] = 0;
            values[v] = values[v] * 10 + (blank ? 0 : t.p[i] - '0');
            i++;
        } else if (*form == 'm') {
            int month = 0;
            while (month < 12 && (t.n - i < 3 || memcmp(t.p + i, date_month_names[month], 3) != 0))
                month++;
            if (month == 12)
                return false;
            values[++v] = month + 1;
            i += 3;
        } else if (i == t.n || t.p[i++] != *form) {
            return false;
        }
    }
    return i == t.n;
}

static bool date_time(int year, int month, int day, const int clock[3], time_t *out)
{
    static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (year < 1 || day < 1 || day > lengths[month - 1] + (month == 2 && leap))
        return false;
    if (clock[0] > 23 || clock[1] > 59 || clock[2] > 60) /* 60: a leap second */
        return false;
    *out = (time_t)(days_of(year, month, day) * DAY + clock[0] * 3600 + clock[1] * 60 + clock[2]);
    return true;
}

/* A year of two digits that would be more than 50 years ahead is the most recent past one. */
static int full_year(int two, time_t now)
{
    int this_year = date_of(now).year, year = this_year / 100 * 100 + two;
    return year > this_year + 50 ? year - 100 : year;
}

bool date_parse(struct text t, time_t now, time_t *out)
{
    int v[6];
    size_t day;
    for (day = 0; day < 7; day++)
        if (t.n > 3 && memcmp(t.p, day_names[day], 3) == 0)
            break;
    if (day == 7)
        return false;
    struct text rest = {t.p + 3, t.n - 3};
    if (match(rest, ", 00 m 0000 00:00:00 GMT", v))
        return date_time(v[2], v[1], v[0], v + 3, out);
    if (match(rest, " m _0 00:00:00 0000", v))
        return date_time(v[5], v[0], v[1], v + 2, out);
    size_t n = strlen(long_day_names[day]);
    if (t.n < n || memcmp(t.p, long_day_names[day], n) != 0)
        return false;
    if (match((struct text){t.p + n, t.n - n}, ", 00-m-00 00:00:00 GMT", v))
        return date_time(full_year(v[2], now), v[1], v[0], v + 3, out);
    return false;
}

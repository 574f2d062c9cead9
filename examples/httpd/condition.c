/* SPDX-License-Identifier: BSD-3-Clause */
/* condition: see condition.h. */
#include "condition.h"

#include "date.h"

/* entity-tag = [ "W/" ] DQUOTE *etagc DQUOTE. Strong comparison takes no weak tag on either side;
 * weak comparison looks at what is quoted. The resource's own tag is always strong. */
static bool tag_matches(struct text tag, struct text own, bool strong)
{
    if (tag.n >= 2 && tag.p[0] == 'W' && tag.p[1] == '/') {
        if (strong)
            return false;
        tag = (struct text){tag.p + 2, tag.n - 2};
    }
    return own.n && text_eq(tag, own);
}

/* Is one of the tags of all of the field's lines the resource's, or is the field "*"? */
static bool any_tag_matches(const struct request *r, enum field f, struct text own, bool strong)
{
    size_t cursor = 0;
    struct text value, tag;
    while (request_field_next(r, f, &cursor, &value)) {
        if (text_eq(value, TEXT("*")))
            return true;
        while (text_list_next(&value, &tag))
            if (tag_matches(tag, own, strong))
                return true;
    }
    return false;
}

/* A date field given twice, or that is no date, is ignored. */
static bool field_date(const struct request *r, enum field f, time_t now, time_t *date)
{
    return r->count[f] == 1 && date_parse(r->first[f], now, date);
}

/* The order is RFC 9110's, 13.2.2. */
int condition_check(const struct request *r, const struct validators *v, time_t now)
{
    time_t date;
    if (request_has(r, FIELD_IF_MATCH)) {
        if (!any_tag_matches(r, FIELD_IF_MATCH, v->etag, true))
            return 412;
    } else if (v->dated && field_date(r, FIELD_IF_UNMODIFIED_SINCE, now, &date)) {
        if (v->modified > date)
            return 412;
    }
    if (request_has(r, FIELD_IF_NONE_MATCH)) {
        if (any_tag_matches(r, FIELD_IF_NONE_MATCH, v->etag, false))
            return 304;
    } else if (v->dated && field_date(r, FIELD_IF_MODIFIED_SINCE, now, &date)) {
        if (v->modified <= date)
            return 304;
    }
    return 0;
}

/* A date must be the very one the server gave. That it was strong when it was given is the
 * client's to know: only he saw the Date that came with it (RFC 9110, 13.1.5). */
bool condition_range(const struct request *r, const struct validators *v, time_t now)
{
    time_t date;
    if (!request_has(r, FIELD_IF_RANGE))
        return true;
    if (r->count[FIELD_IF_RANGE] != 1)
        return false;
    struct text value = r->first[FIELD_IF_RANGE];
    if (memchr(value.p, '"', value.n))
        return tag_matches(value, v->etag, true);
    return v->dated && date_parse(value, now, &date) && date == v->modified;
}

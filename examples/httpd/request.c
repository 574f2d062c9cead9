/* SPDX-License-Identifier: BSD-3-Clause */
/* request: the lines of the head; request_meaning.c says what they mean together. */
#include "request.h"

static const struct {
    struct text name;
    enum field field;
} fields[] = {
    {TEXT("host"), FIELD_HOST},
    {TEXT("connection"), FIELD_CONNECTION},
    {TEXT("content-length"), FIELD_CONTENT_LENGTH},
    {TEXT("transfer-encoding"), FIELD_TRANSFER_ENCODING},
    {TEXT("expect"), FIELD_EXPECT},
    {TEXT("range"), FIELD_RANGE},
    {TEXT("if-range"), FIELD_IF_RANGE},
    {TEXT("if-match"), FIELD_IF_MATCH},
    {TEXT("if-none-match"), FIELD_IF_NONE_MATCH},
    {TEXT("if-modified-since"), FIELD_IF_MODIFIED_SINCE},
    {TEXT("if-unmodified-since"), FIELD_IF_UNMODIFIED_SINCE},
};

/* Methods are case-sensitive (RFC 9110, 9.1). */
static const struct {
    struct text name;
    enum method method;
} methods[] = {
    {TEXT("GET"), METHOD_GET},     {TEXT("HEAD"), METHOD_HEAD},     {TEXT("POST"), METHOD_OTHER},
    {TEXT("PUT"), METHOD_OTHER},   {TEXT("DELETE"), METHOD_OTHER},  {TEXT("OPTIONS"), METHOD_OTHER},
    {TEXT("PATCH"), METHOD_OTHER}, {TEXT("CONNECT"), METHOD_OTHER}, {TEXT("TRACE"), METHOD_OTHER},
};

void request_init(struct request *r)
{
    memset(r, 0, sizeof *r);
}

static enum method method_of(struct text name)
{
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (text_eq(name, methods[i].name))
            return methods[i].method;
    return METHOD_UNKNOWN;
}

/* HTTP-version = "HTTP/" DIGIT "." DIGIT */
static int version_parse(struct request *r, struct text t)
{
    if (t.n != 8 || memcmp(t.p, "HTTP/", 5) != 0 || t.p[5] < '0' || t.p[5] > '9' || t.p[6] != '.' ||
        t.p[7] < '0' || t.p[7] > '9')
        return -400;
    if (t.p[5] != '1')
        return -505;
    r->minor = t.p[7] == '0' ? 0 : 1;
    return 0;
}

/* request-line = method SP request-target SP HTTP-version, with exactly those two spaces. */
static int request_line(struct request *r, struct text line)
{
    const char *sp = memchr(line.p, ' ', line.n), *end = line.p + line.n, *sp2;
    struct text method;
    r->line = line;
    if (!sp)
        return -400;
    method = (struct text){line.p, (size_t)(sp - line.p)};
    sp2 = memchr(sp + 1, ' ', (size_t)(end - sp - 1));
    if (!method.n || !text_all(method, CHAR_TOKEN) || !sp2)
        return -400;
    r->target = (struct text){sp + 1, (size_t)(sp2 - sp - 1)};
    if (!r->target.n || !text_all(r->target, CHAR_TARGET))
        return -400;
    r->method = method_of(method);
    return version_parse(r, (struct text){sp2 + 1, (size_t)(end - sp2 - 1)});
}

/* field-line = field-name ":" OWS field-value OWS. A line that begins with a space would continue
 * the one before it (obs-fold); a server must refuse it or replace it. */
static int field_split(struct text line, struct text *name, struct text *value)
{
    size_t n = 0;
    while (n < line.n && text_is(line.p[n], CHAR_TOKEN))
        n++;
    if (n == 0 || n == line.n || line.p[n] != ':')
        return -400;
    *name = (struct text){line.p, n};
    *value = text_trim((struct text){line.p + n + 1, line.n - n - 1});
    return text_all(*value, CHAR_VALUE) ? 0 : -400;
}

static int field_line(struct request *r, struct text line)
{
    struct text name, value;
    int status = field_split(line, &name, &value);
    if (status)
        return status;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (name.n != fields[i].name.n || !text_eq_nocase(name, fields[i].name))
            continue;
        enum field f = fields[i].field;
        if (r->count[f]++ == 0)
            r->first[f] = value;
        break;
    }
    return 0;
}

bool request_field_next(const struct request *r, enum field f, size_t *cursor, struct text *value)
{
    if (*cursor == 0)
        *cursor = (size_t)(r->line.p + r->line.n + 2 - r->head);
    while (*cursor < r->head_len) {
        const char *p = r->head + *cursor;
        size_t n = (size_t)((const char *)memchr(p, '\n', r->head_len - *cursor) - p);
        struct text name;
        *cursor += n + 1;
        if (n > 1 && field_split((struct text){p, n - 1}, &name, value) == 0)
            for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
                if (fields[i].field == f && text_eq_nocase(name, fields[i].name))
                    return true;
    }
    return false;
}

bool request_begun(const struct request *r, size_t n)
{
    return r->line.p || n > r->line_start;
}

/* No LF in what is there. Refuses at once what no further byte can mend, so that a client which
 * ends lines by CR alone, or speaks TLS, gets its 400 and not a time-out. */
static int incomplete(struct request *r, const char *buf, size_t n)
{
    const char *line = buf + r->line_start;
    size_t len = n - r->line_start, from = r->scanned > r->line_start ? r->scanned : r->line_start;
    const char *cr = memchr(buf + from, '\r', n - from);
    if (cr && cr + 1 < buf + n)
        return -400;
    if (!r->line.p && len && !text_is(line[0], CHAR_TOKEN) && line[0] != '\r')
        return -400;
    if (n >= REQUEST_HEAD_MAX) {
        if (r->line.p)
            return -431;
        if (memchr(line, ' ', len))
            return -414;
        /* A method longer than any known is an unknown method. */
        return len && text_all((struct text){line, len}, CHAR_TOKEN) ? -501 : -400;
    }
    r->scanned = cr ? n - 1 : n; /* a CR at the end is looked at again */
    return 0;
}

int request_parse(struct request *r, const char *buf, size_t n)
{
    r->head = buf;
    if (n > REQUEST_HEAD_MAX)
        n = REQUEST_HEAD_MAX;
    for (;;) {
        size_t from = r->scanned > r->line_start ? r->scanned : r->line_start;
        const char *lf = memchr(buf + from, '\n', n - from);
        if (!lf)
            return incomplete(r, buf, n);
        struct text line = {buf + r->line_start, (size_t)(lf - buf) - r->line_start};
        if (line.n == 0 || line.p[line.n - 1] != '\r')
            return -400;
        line.n--;
        r->line_start = (size_t)(lf + 1 - buf);
        int status = 0;
        if (line.n == 0) {
            if (!r->line.p)
                continue; /* blank lines before a request are skipped (RFC 9112, 2.2) */
            r->head_len = r->line_start;
            status = request_meaning(r);
            return status ? status : (int)r->head_len;
        }
        status = r->line.p ? field_line(r, line) : request_line(r, line);
        if (status)
            return status;
    }
}

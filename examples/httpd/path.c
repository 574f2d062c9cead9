/* SPDX-License-Identifier: BSD-3-Clause */
/* path: see path.h. */
#include "path.h"

/* Percent-decodes; the length or minus the status. */
static int decode(struct text in, char out[PATH_ROOM])
{
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];
        if (c == '%') {
            int high = i + 2 < in.n ? text_hex(in.p[i + 1]) : -1;
            int low = high >= 0 ? text_hex(in.p[i + 2]) : -1;
            if (low < 0)
                return -400;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0')
            return -400;
        if (n == PATH_ROOM - 1)
            return -414;
        out[n++] = c;
    }
    return (int)n;
}

/* Works in place: the result never is longer than what has been read. w is 0 or follows a '/'. */
int path_resolve(struct text encoded, char out[PATH_ROOM])
{
    int decoded = decode(encoded, out);
    size_t r = 0, w = 0, n = (size_t)decoded;
    if (decoded < 0)
        return decoded;
    while (r < n) {
        const char *segment = out + r, *slash = memchr(segment, '/', n - r);
        size_t len = slash ? (size_t)(slash - segment) : n - r;
        r += len + (slash != NULL);
        if (len == 0 || (len == 1 && segment[0] == '.'))
            continue;
        if (len == 2 && segment[0] == '.' && segment[1] == '.') {
            if (w == 0)
                return -403;
            for (w--; w > 0 && out[w - 1] != '/'; w--)
                ;
            continue;
        }
        memmove(out + w, segment, len);
        w += len;
        if (slash)
            out[w++] = '/';
    }
    out[w] = '\0';
    return (int)w;
}

size_t path_encode(struct text path, char *out)
{
    static const char hex[16] = {"0123456789ABCDEF"};
    size_t n = 0;
    for (size_t i = 0; i < path.n; i++) {
        unsigned char c = (unsigned char)path.p[i];
        if (c == '/' || text_is((char)c, CHAR_PLAIN)) {
            out[n++] = (char)c;
        } else {
            out[n++] = '%';
            out[n++] = hex[c >> 4];
            out[n++] = hex[c & 15];
        }
    }
    return n;
}

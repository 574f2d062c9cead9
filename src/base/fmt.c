/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/fmt.h"

struct out {
    char *at, *end;
};

static void put(struct out *o, char c)
{
    if (o->at < o->end)
        *o->at++ = c;
}

static void put_pad(struct out *o, int n, char c)
{
    for (; n > 0; n--)
        put(o, c);
}

static void put_str(struct out *o, const char *s, int width, bool left)
{
    int n = 0;

    if (!s)
        s = "(null)";
    while (s[n])
        n++;
    if (!left)
        put_pad(o, width - n, ' ');
    for (; *s; s++)
        put(o, *s);
    if (left)
        put_pad(o, width - n, ' ');
}

static void put_num(struct out *o, uint64_t v, bool neg, unsigned base, int width, char pad)
{
    char digits[24];
    int n = 0;

    do {
        digits[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    if (neg && pad == '0')
        put(o, '-');
    put_pad(o, width - n - neg, pad);
    if (neg && pad != '0')
        put(o, '-');
    while (n > 0)
        put(o, digits[--n]);
}

static uint64_t arg_unsigned(va_list *ap, int longs)
{
    return longs ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned);
}

static void put_signed(struct out *o, va_list *ap, int longs, int width, char pad)
{
    int64_t v = longs ? va_arg(*ap, long) : va_arg(*ap, int);

    put_num(o, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, v < 0, 10, width, pad);
}

static const char *directive(struct out *o, const char *f, va_list *ap)
{
    int longs = 0, width = 0;
    char pad = ' ';
    bool left = *f == '-';

    if (left)
        f++;
    if (*f == '0')
        pad = *f++;
    for (; *f >= '0' && *f <= '9'; f++)
        width = width * 10 + (*f - '0');
    for (; *f == 'l' || *f == 'z'; f++)
        longs = 1;
    switch (*f) {
    case 's':
        put_str(o, va_arg(*ap, const char *), width, left);
        break;
    case 'c':
        put(o, (char)va_arg(*ap, int));
        break;
    case 'd':
    case 'i':
        put_signed(o, ap, longs, width, pad);
        break;
    case 'u':
        put_num(o, arg_unsigned(ap, longs), false, 10, width, pad);
        break;
    case 'x':
        put_num(o, arg_unsigned(ap, longs), false, 16, width, pad);
        break;
    case 'p':
        put_str(o, "0x", 0, true);
        put_num(o, (uintptr_t)va_arg(*ap, void *), false, 16, width, pad);
        break;
    case '\0':
        return f;
    default:
        put(o, *f);
    }
    return f + 1;
}

size_t fmt_vbuf(char *buf, size_t n, const char *format, va_list list)
{
    struct out o = {buf, buf + (n ? n - 1 : 0)};
    va_list ap;

    va_copy(ap, list);
    while (*format) {
        if (*format != '%')
            put(&o, *format++);
        else
            format = directive(&o, format + 1, &ap);
    }
    va_end(ap);
    if (n)
        *o.at = '\0';
    return (size_t)(o.at - buf);
}

size_t fmt_buf(char *buf, size_t n, const char *format, ...)
{
    va_list ap;
    size_t len;

    va_start(ap, format);
    len = fmt_vbuf(buf, n, format, ap);
    va_end(ap);
    return len;
}

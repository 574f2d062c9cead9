/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/throw.h"
#include "base/fmt.h"
#include "base/throw_up.h"

void throw(const char *format, ...)
{
    char message[512];
    va_list ap;

    va_start(ap, format);
    fmt_vbuf(message, sizeof message, format, ap);
    va_end(ap);
    throw_report(message);
}

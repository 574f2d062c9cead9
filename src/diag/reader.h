/* SPDX-License-Identifier: BSD-3-Clause */
/* reader: bytes of a bounded range in DWARF's encodings. Past the end every read gives 0 and sets
 * `bad`, so a parser may check once at its end.
 *
 * The encodings: DWARF 5, 7.6 "Variable Length Data"; pointer encodings: LSB Core, "DWARF Exception
 * Header Encoding" (DW_EH_PE_). */
#ifndef GAMP_DIAG_READER_H
#define GAMP_DIAG_READER_H

#include "base/compiler.h"

struct reader {
    const uint8_t *p, *end;
    bool bad;
};

static inline struct reader reader_over(const void *p, const void *end)
{
    return (struct reader){p, end, p > end};
}

static inline bool reader_more(const struct reader *r)
{
    return !r->bad && r->p < r->end;
}

static inline void reader_skip(struct reader *r, uint64_t n)
{
    if (r->bad || n > (uint64_t)(r->end - r->p))
        r->bad = true;
    else
        r->p += n;
}

/* n little-endian bytes, 1 to 8. */
static inline uint64_t reader_uint(struct reader *r, unsigned n)
{
    const uint8_t *p = r->p;
    uint64_t v = 0;

    reader_skip(r, n);
    if (r->bad)
        return 0;
    for (unsigned i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static inline uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)reader_uint(r, 1);
}
static inline uint16_t reader_u16(struct reader *r)
{
    return (uint16_t)reader_uint(r, 2);
}
static inline uint32_t reader_u32(struct reader *r)
{
    return (uint32_t)reader_uint(r, 4);
}
static inline uint64_t reader_u64(struct reader *r)
{
    return reader_uint(r, 8);
}

static inline uint64_t reader_uleb(struct reader *r)
{
    uint64_t v = 0;

    for (unsigned shift = 0; !r->bad; shift += 7) {
        uint8_t b = reader_u8(r);

        if (shift < 64)
            v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            break;
    }
    return v;
}

static inline int64_t reader_sleb(struct reader *r)
{
    uint64_t v = 0;
    unsigned shift = 0;
    uint8_t b;

    do {
        b = reader_u8(r);
        if (shift < 64)
            v |= (uint64_t)(b & 0x7f) << shift;
        shift += 7;
    } while ((b & 0x80) && !r->bad);
    if ((b & 0x40) && shift < 64)
        v |= ~(uint64_t)0 << shift;
    return (int64_t)v;
}

enum {
    PE_ABSPTR = 0x00,
    PE_ULEB = 0x01,
    PE_UDATA2 = 0x02,
    PE_UDATA4 = 0x03,
    PE_UDATA8 = 0x04,
    PE_SLEB = 0x09,
    PE_SDATA2 = 0x0a,
    PE_SDATA4 = 0x0b,
    PE_SDATA8 = 0x0c,
    PE_PCREL = 0x10,
    PE_DATAREL = 0x30,
    PE_INDIRECT = 0x80,
    PE_OMIT = 0xff,
};

/* A pointer; base is what DATAREL is relative to. Indirect ones and other bases are bad: they do
 * not occur where this is used. */
static inline uintptr_t reader_pointer(struct reader *r, uint8_t enc, uintptr_t base)
{
    uintptr_t at = (uintptr_t)r->p, v = 0;

    switch (enc & 0x0f) {
    case PE_ABSPTR:
    case PE_UDATA8:
    case PE_SDATA8:
        v = reader_u64(r);
        break;
    case PE_ULEB:
        v = reader_uleb(r);
        break;
    case PE_SLEB:
        v = (uintptr_t)reader_sleb(r);
        break;
    case PE_UDATA2:
        v = reader_u16(r);
        break;
    case PE_SDATA2:
        v = (uintptr_t)(int64_t)(int16_t)reader_u16(r);
        break;
    case PE_UDATA4:
        v = reader_u32(r);
        break;
    case PE_SDATA4:
        v = (uintptr_t)(int64_t)(int32_t)reader_u32(r);
        break;
    default:
        r->bad = true;
    }
    switch (enc & 0xf0) {
    case 0:
        return v;
    case PE_PCREL:
        return v + at;
    case PE_DATAREL:
        return v + base;
    default:
        r->bad = true;
        return 0;
    }
}

#endif

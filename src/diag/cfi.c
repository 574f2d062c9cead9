/* SPDX-License-Identifier: BSD-3-Clause */
#include "diag/cfi.h"
#include "diag/reader.h"

/* The end of the segment that addr lies in: no table reaches over it. NULL: in none. */
static const uint8_t *segment_end(const struct module *m, uintptr_t addr)
{
    for (uint32_t i = 0; i < m->nsegments; i++)
        if (addr >= m->segments[i].lo && addr < m->segments[i].hi)
            return (const uint8_t *)m->segments[i].hi;
    return NULL;
}

/* A CIE or FDE without its length word; sets its end. id: the word that tells which of them it is.
 * */
static bool open_record(struct reader *r, uint64_t *id, const uint8_t **id_at)
{
    uint64_t n = reader_u32(r);
    bool wide = n == 0xffffffff;

    if (wide)
        n = reader_u64(r);
    if (r->bad || n == 0 || n > (uint64_t)(r->end - r->p))
        return false;
    r->end = r->p + n;
    *id_at = r->p;
    *id = reader_uint(r, wide ? 8 : 4);
    return !r->bad;
}

/* The augmentation's data, as its letters order them. */
static bool read_augmentation(struct reader *r, const char *letters, struct cfi_entry *e)
{
    uint64_t n = reader_uleb(r);
    const uint8_t *code = r->p + n;

    if (r->bad || n > (uint64_t)(r->end - r->p))
        return false;
    for (const char *c = letters + 1; *c; c++) {
        uint8_t enc;

        switch (*c) {
        case 'R':
            e->encoding = reader_u8(r);
            break;
        case 'L':
            reader_u8(r);
            break;
        case 'P':
            enc = reader_u8(r);
            reader_pointer(r, enc & 0x0f, 0);
            break;
        case 'S':
            e->signal_frame = true;
            break;
        case 'B': /* arm64: signed with the B key; stripped the same way */
        case 'G': /* arm64: tagged stack */
            break;
        default: /* unknown: its data is skipped with the rest */
            r->p = code;
            return true;
        }
    }
    r->p = code;
    return !r->bad;
}

static bool read_cie(const struct module *m, const uint8_t *at, struct cfi_entry *e)
{
    struct reader r = reader_over(at, segment_end(m, (uintptr_t)at));
    const uint8_t *id_at;
    const char *letters;
    uint8_t version;
    uint64_t id, ra;

    if (!r.end || !open_record(&r, &id, &id_at) || id != 0)
        return false;
    version = reader_u8(&r);
    letters = (const char *)r.p;
    while (reader_u8(&r) != 0)
        ;
    if (r.bad || (version != 1 && version != 3 && version != 4))
        return false;
    if (version == 4)
        reader_u16(&r); /* address and segment selector sizes */
    e->code_align = reader_uleb(&r);
    e->data_align = reader_sleb(&r);
    ra = version == 1 ? reader_u8(&r) : reader_uleb(&r);
    e->encoding = PE_ABSPTR;
    e->signal_frame = false;
    if (r.bad || ra != ARCH_DW_RA)
        return false;
    e->augmented = letters[0] == 'z';
    if (e->augmented ? !read_augmentation(&r, letters, e) : letters[0] != '\0')
        return false;
    e->cie_code = r.p;
    e->cie_end = r.end;
    return true;
}

/* false: it is a CIE, or damaged. next: the following record, NULL at the end. */
static bool read_fde(const struct module *m, const uint8_t *at, struct cfi_entry *e,
                     const uint8_t **next)
{
    struct reader r = reader_over(at, segment_end(m, (uintptr_t)at));
    const uint8_t *id_at, *cie;
    uint64_t id;

    *next = NULL;
    if (!r.end || !open_record(&r, &id, &id_at))
        return false;
    *next = r.end;
    cie = id_at - id;
    if (id == 0 || !module_has(m, (uintptr_t)cie, 4) || !read_cie(m, cie, e))
        return false;
    e->lo = reader_pointer(&r, e->encoding, 0);
    e->hi = e->lo + reader_pointer(&r, e->encoding & 0x0f, 0);
    if (e->augmented)
        reader_skip(&r, reader_uleb(&r));
    e->fde_code = r.p;
    e->fde_end = r.end;
    return !r.bad;
}

static bool scan(const struct module *m, uintptr_t at, uintptr_t pc, struct cfi_entry *e)
{
    const uint8_t *p = (const uint8_t *)at;

    while (p) {
        const uint8_t *next;

        if (read_fde(m, p, e, &next) && pc >= e->lo && pc < e->hi)
            return true;
        p = next;
    }
    return false;
}

/* The table of .eh_frame_hdr: pairs (first address, FDE), sorted, relative to the header. */
static const uint8_t *search(uintptr_t hdr, const uint8_t *pairs, uint64_t n, uintptr_t pc)
{
    uint64_t lo = 0, hi = n;

    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        struct reader r = reader_over(pairs + mid * 8, pairs + n * 8);

        if (hdr + (uintptr_t)(int64_t)(int32_t)reader_u32(&r) <= pc)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0)
        return NULL;
    pairs += (lo - 1) * 8 + 4;
    return (const uint8_t *)hdr + *(const int32_t *)pairs;
}

bool cfi_find(const struct module *m, uintptr_t pc, struct cfi_entry *e)
{
    uintptr_t hdr = m->eh_frame_hdr, frames;
    uint8_t frame_enc, count_enc, table_enc;
    const uint8_t *fde, *next;
    struct reader r;
    uint64_t n;

    if (!hdr)
        return m->eh_frame && scan(m, m->eh_frame, pc, e);
    if (!module_has(m, hdr, m->eh_frame_hdr_size))
        return false;
    r = reader_over((const void *)hdr, (const void *)(hdr + m->eh_frame_hdr_size));
    if (reader_u8(&r) != 1)
        return false;
    frame_enc = reader_u8(&r);
    count_enc = reader_u8(&r);
    table_enc = reader_u8(&r);
    frames = reader_pointer(&r, frame_enc, hdr);
    if (count_enc == PE_OMIT || table_enc != (PE_DATAREL | PE_SDATA4))
        return !r.bad && scan(m, frames, pc, e);
    n = reader_pointer(&r, count_enc, hdr);
    if (r.bad || n > (uint64_t)(r.end - r.p) / 8)
        return false;
    fde = search(hdr, r.p, n, pc);
    return fde && read_fde(m, fde, e, &next) && pc >= e->lo && pc < e->hi;
}

/* Running the instructions. */

enum { REMEMBER_MAX = 8 };

struct machine {
    const struct cfi_entry *e;
    uintptr_t loc;
    struct cfi_row *row;
    const struct cfi_row *initial; /* what the CIE set; NULL while it runs */
    struct cfi_row *saved;
    unsigned nsaved;
};

static void set_rule(struct cfi_row *row, uint64_t reg, uint8_t rule, int64_t value)
{
    if (reg < ARCH_DW_REGS) {
        row->rule[reg] = rule;
        row->value[reg] = value;
    }
}

static void restore(struct machine *m, uint64_t reg)
{
    if (reg < ARCH_DW_REGS && m->initial)
        set_rule(m->row, reg, m->initial->rule[reg], m->initial->value[reg]);
}

static int64_t skip_block(struct reader *r)
{
    int64_t at = (int64_t)(uintptr_t)r->p;

    reader_skip(r, reader_uleb(r));
    return at;
}

static void set_cfa(struct machine *m, struct reader *r, uint64_t reg, int64_t offset)
{
    if (reg >= ARCH_DW_REGS)
        r->bad = true;
    m->row->cfa_rule = RULE_REGISTER;
    m->row->cfa_reg = (uint8_t)reg;
    m->row->cfa_value = offset;
}

/* The instructions about the CFA; false: op is none of them. */
static bool cfa_op(struct machine *m, struct reader *r, uint8_t op)
{
    struct cfi_row *row = m->row;
    uint64_t reg;

    switch (op) {
    case 0x0c: /* def_cfa */
        reg = reader_uleb(r);
        set_cfa(m, r, reg, (int64_t)reader_uleb(r));
        return true;
    case 0x12: /* def_cfa_sf */
        reg = reader_uleb(r);
        set_cfa(m, r, reg, reader_sleb(r) * m->e->data_align);
        return true;
    case 0x0d: /* def_cfa_register */
        set_cfa(m, r, reader_uleb(r), row->cfa_value);
        return true;
    case 0x0e: /* def_cfa_offset */
        row->cfa_value = (int64_t)reader_uleb(r);
        return true;
    case 0x13: /* def_cfa_offset_sf */
        row->cfa_value = reader_sleb(r) * m->e->data_align;
        return true;
    case 0x0f: /* def_cfa_expression */
        row->cfa_rule = RULE_EXPR;
        row->cfa_value = skip_block(r);
        return true;
    default:
        return false;
    }
}

static void remember(struct machine *m, struct reader *r)
{
    if (m->nsaved == REMEMBER_MAX)
        r->bad = true;
    else
        m->saved[m->nsaved++] = *m->row;
}

static void recall(struct machine *m, struct reader *r)
{
    if (m->nsaved == 0)
        r->bad = true;
    else
        *m->row = m->saved[--m->nsaved];
}

/* The instructions about one register, and the rest. */
static void register_op(struct machine *m, struct reader *r, uint8_t op)
{
    struct cfi_row *row = m->row;
    int64_t align = m->e->data_align;
    uint64_t reg;

    switch (op) {
    case 0x00: /* nop */
        return;
    case 0x0a:
        remember(m, r);
        return;
    case 0x0b:
        recall(m, r);
        return;
    case 0x2c: /* AARCH64_negate_ra_state_with_pc */
    case 0x2d: /* AARCH64_negate_ra_state */
        row->ra_signed = !row->ra_signed;
        return;
    case 0x2e: /* GNU_args_size: matters to exceptions alone */
        reader_uleb(r);
        return;
    }
    reg = reader_uleb(r);
    switch (op) {
    case 0x05: /* offset_extended */
        set_rule(row, reg, RULE_OFFSET, (int64_t)reader_uleb(r) * align);
        return;
    case 0x06: /* restore_extended */
        restore(m, reg);
        return;
    case 0x07:
        set_rule(row, reg, RULE_UNDEFINED, 0);
        return;
    case 0x08:
        set_rule(row, reg, RULE_SAME, 0);
        return;
    case 0x09:
        set_rule(row, reg, RULE_REGISTER, (int64_t)reader_uleb(r));
        return;
    case 0x10:
        set_rule(row, reg, RULE_EXPR, skip_block(r));
        return;
    case 0x11: /* offset_extended_sf */
        set_rule(row, reg, RULE_OFFSET, reader_sleb(r) * align);
        return;
    case 0x14:
        set_rule(row, reg, RULE_VAL_OFFSET, (int64_t)reader_uleb(r) * align);
        return;
    case 0x15: /* val_offset_sf */
        set_rule(row, reg, RULE_VAL_OFFSET, reader_sleb(r) * align);
        return;
    case 0x16:
        set_rule(row, reg, RULE_VAL_EXPR, skip_block(r));
        return;
    case 0x2f: /* GNU_negative_offset_extended */
        set_rule(row, reg, RULE_OFFSET, -(int64_t)reader_uleb(r) * align);
        return;
    default:
        r->bad = true;
    }
}

/* Moves the location; false: op does not. */
static bool advance_op(struct machine *m, struct reader *r, uint8_t op)
{
    switch (op) {
    case 0x01: /* set_loc */
        m->loc = reader_pointer(r, m->e->encoding, 0);
        return true;
    case 0x02:
        m->loc += reader_u8(r) * m->e->code_align;
        return true;
    case 0x03:
        m->loc += reader_u16(r) * m->e->code_align;
        return true;
    case 0x04:
        m->loc += reader_u32(r) * m->e->code_align;
        return true;
    default:
        return false;
    }
}

/* Up to the last row whose location is not beyond pc. */
static bool run(struct machine *m, const uint8_t *code, const uint8_t *end, uintptr_t pc)
{
    struct reader r = reader_over(code, end);

    while (reader_more(&r) && m->loc <= pc) {
        uint8_t op = reader_u8(&r), low = op & 0x3f;

        switch (op & 0xc0) {
        case 0x40: /* advance_loc */
            m->loc += low * m->e->code_align;
            break;
        case 0x80: /* offset */
            set_rule(m->row, low, RULE_OFFSET, (int64_t)reader_uleb(&r) * m->e->data_align);
            break;
        case 0xc0:
            restore(m, low);
            break;
        default:
            if (!advance_op(m, &r, op) && !cfa_op(m, &r, op))
                register_op(m, &r, op);
        }
    }
    return !r.bad;
}

bool cfi_row_at(const struct cfi_entry *e, uintptr_t pc, struct cfi_row *row)
{
    struct cfi_row initial, saved[REMEMBER_MAX];
    struct machine m = {.e = e, .loc = e->lo, .row = row, .saved = saved};

    *row = (struct cfi_row){.cfa_rule = RULE_UNDEFINED};
    if (!run(&m, e->cie_code, e->cie_end, UINTPTR_MAX))
        return false;
    initial = *row;
    m.initial = &initial;
    m.loc = e->lo;
    m.nsaved = 0;
    return run(&m, e->fde_code, e->fde_end, pc) && row->cfa_rule != RULE_UNDEFINED;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "diag/unwind.h"
#include "diag/dwarfexpr.h"
#include "diag/peek.h"

enum { TURNS_MAX = 16 };

/* Frames by frame pointer are trusted up to this size. */
#define FP_FRAME_MAX (16u << 20)
/* How far a frame is searched for. */
#define SEARCH_MAX (64u << 10)

/* The stack may hold redzones and another thread's data; this only looks. */
__attribute__((no_sanitize("address", "thread"))) static uintptr_t load(uintptr_t addr)
{
    return *(const volatile uintptr_t *)addr;
}

bool unwind_read(const struct unwind_regs *r, uintptr_t addr, uintptr_t *v)
{
    if (addr % sizeof *v == 0 && addr >= r->stack_lo && addr < r->stack_hi &&
        r->stack_hi - addr >= sizeof *v) {
        *v = load(addr);
        return true;
    }
    return peek_word(addr, v);
}

/* Takes over the caller's registers, unless that would go in circles. */
static int arrive(struct unwind_regs *r, struct unwind_regs *to)
{
    if (to->reg[ARCH_DW_SP] <= r->reg[ARCH_DW_SP]) {
        /* A leaf on arm64 has a frame of nothing, but two such frames in a row are a cycle as well.
         * */
        if (r->turns == TURNS_MAX)
            return -1;
        to->turns = (uint8_t)(r->turns + 1);
    }
    if (to->pc == 0)
        return 0;
    *r = *to;
    return 1;
}

/* Where the frame of e's function must be when its frame pointer is not known: the lowest place
 * above sp whose return address follows a direct call of this function, or, for functions called by
 * pointer alone, any call, and whose saved frame pointer leads up. */
static bool search_cfa(const struct unwind_regs *r, const struct cfi_entry *e,
                       const struct cfi_row *row, uintptr_t *cfa)
{
    uintptr_t sp = r->reg[ARCH_DW_SP], by_pointer = 0;

    if (row->rule[ARCH_DW_RA] != RULE_OFFSET || row->rule[ARCH_DW_FP] != RULE_OFFSET)
        return false;
    for (uintptr_t at = sp + (uintptr_t)row->cfa_value; at - sp < SEARCH_MAX; at += sizeof at) {
        uintptr_t ra, fp;
        uint8_t before[8];

        if (!unwind_read(r, at + (uintptr_t)row->value[ARCH_DW_RA], &ra) ||
            !unwind_read(r, at + (uintptr_t)row->value[ARCH_DW_FP], &fp))
            break;
        ra = arch_strip_pac(ra);
        if (!module_find(ra - 1) || !peek_bytes(ra - 8, before, sizeof before) ||
            !arch_call_before(before))
            continue;
        if (arch_call_target(ra, before) == e->lo) {
            *cfa = at;
            return true;
        }
        if (!by_pointer && !arch_call_target(ra, before) &&
            (fp == 0 || (fp >= at && fp - at < FP_FRAME_MAX)))
            by_pointer = at;
    }
    *cfa = by_pointer;
    return by_pointer != 0;
}

static bool find_cfa(const struct unwind_regs *r, const struct cfi_entry *e,
                     const struct cfi_row *row, uintptr_t *cfa)
{
    if (row->cfa_rule == RULE_EXPR)
        return dwarf_eval(r, (const uint8_t *)row->cfa_value, NULL, cfa);
    if (r->fp_unknown && row->cfa_reg == ARCH_DW_FP)
        return search_cfa(r, e, row, cfa);
    *cfa = r->reg[row->cfa_reg] + (uintptr_t)row->cfa_value;
    return true;
}

static bool apply_rule(const struct unwind_regs *r, uintptr_t cfa, uint8_t rule, int64_t value,
                       uintptr_t *v)
{
    uintptr_t at;

    switch (rule) {
    case RULE_UNDEFINED:
        *v = 0;
        return true;
    case RULE_OFFSET:
        return unwind_read(r, cfa + (uintptr_t)value, v);
    case RULE_VAL_OFFSET:
        *v = cfa + (uintptr_t)value;
        return true;
    case RULE_REGISTER:
        if ((uint64_t)value >= ARCH_DW_REGS)
            return false;
        *v = r->reg[value];
        return true;
    case RULE_EXPR:
        return dwarf_eval(r, (const uint8_t *)value, &cfa, &at) && unwind_read(r, at, v);
    case RULE_VAL_EXPR:
        return dwarf_eval(r, (const uint8_t *)value, &cfa, v);
    default:
        return true;
    }
}

static int step_cfi(struct unwind_regs *r, const struct cfi_entry *e)
{
    struct unwind_regs to = *r;
    struct cfi_row row;
    uintptr_t cfa;

    if (!cfi_row_at(e, unwind_pc(r), &row))
        return -1;
    if (row.rule[ARCH_DW_RA] == RULE_UNDEFINED)
        return 0;
    /* A function that has made a call keeps its return address elsewhere than in the register. */
    if (row.rule[ARCH_DW_RA] == RULE_SAME && r->call)
        return -1;
    if (!find_cfa(r, e, &row, &cfa))
        return -1;
    to.fp_unknown = r->fp_unknown && row.rule[ARCH_DW_FP] == RULE_SAME;
    to.reg[ARCH_DW_SP] = cfa;
    for (int i = 0; i < ARCH_DW_REGS; i++)
        if (row.rule[i] != RULE_SAME && !apply_rule(r, cfa, row.rule[i], row.value[i], &to.reg[i]))
            return -1;
    to.pc = to.reg[ARCH_DW_RA];
    if (row.ra_signed)
        to.pc = arch_strip_pac(to.pc);
    to.call = !e->signal_frame;
    return arrive(r, &to);
}

static bool at_sigreturn(const struct unwind_regs *r)
{
    uint8_t code[sizeof arch_sigreturn_code];

    if (!peek_bytes(r->pc, code, sizeof code))
        return false;
    for (size_t i = 0; i < sizeof code; i++)
        if (code[i] != arch_sigreturn_code[i])
            return false;
    return true;
}

static int step_signal(struct unwind_regs *r)
{
    struct unwind_regs to = *r;
    uintptr_t words[ARCH_MCONTEXT_WORDS];

    if (!peek_bytes(r->reg[ARCH_DW_SP] + ARCH_SIGFRAME_UCONTEXT + ARCH_MCONTEXT, words,
                    sizeof words))
        return -1;
    arch_regs_mcontext(to.reg, &to.pc, words);
    to.call = false;
    return arrive(r, &to);
}

/* ra follows a call instruction in some module's code. */
static bool plausible_return(uintptr_t ra)
{
    uint8_t before[8];

    return module_find(ra - 1) && peek_bytes(ra - 8, before, sizeof before) &&
           arch_call_before(before);
}

/* A function that did nothing yet: the target of a call through a bad pointer, or a leaf in
 * assembly without CFI. */
static int step_leaf(struct unwind_regs *r)
{
    struct unwind_regs to = *r;

    if (arch_return_of_leaf(r->reg, &to.pc)) {
        if (!unwind_read(r, r->reg[ARCH_DW_SP], &to.pc))
            return -1;
        to.reg[ARCH_DW_SP] += sizeof(uintptr_t);
    }
    if (!plausible_return(to.pc))
        return -1;
    to.reg[ARCH_DW_RA] = to.pc;
    to.call = true;
    return arrive(r, &to);
}

/* Both ABIs: the frame pointer points at the caller's, the return address lies above it. */
static int step_fp(struct unwind_regs *r)
{
    struct unwind_regs to = *r;
    uintptr_t fp = r->reg[ARCH_DW_FP], sp = r->reg[ARCH_DW_SP];

    if (r->fp_unknown || fp < sp || fp - sp > FP_FRAME_MAX || fp % sizeof fp != 0)
        return -1;
    if (!unwind_read(r, fp, &to.reg[ARCH_DW_FP]) || !unwind_read(r, fp + sizeof fp, &to.pc))
        return -1;
    to.pc = arch_strip_pac(to.pc);
    if (to.pc == 0)
        return 0;
    if (!module_find(to.pc - 1))
        return -1;
    to.reg[ARCH_DW_SP] = fp + 2 * sizeof fp;
    to.reg[ARCH_DW_RA] = to.pc;
    to.call = true;
    return arrive(r, &to);
}

int unwind_step(struct unwind_regs *r)
{
    struct cfi_entry e;
    struct module *m;
    int done;

    m = module_find(unwind_pc(r));
    if (!m && r->may_refresh) {
        r->may_refresh = false;
        modules_refresh();
        m = module_find(unwind_pc(r));
    }
    if (m && cfi_find(m, unwind_pc(r), &e)) {
        done = step_cfi(r, &e);
        return done < 0 ? step_fp(r) : done;
    }
    if (at_sigreturn(r))
        return step_signal(r);
    if (!r->call) {
        done = step_leaf(r);
        if (done > 0)
            return done;
    }
    return r->pc == 0 && r->call ? 0 : step_fp(r);
}

noinline void unwind_here(struct unwind_regs *r)
{
    *r = (struct unwind_regs){.call = false};
    arch_regs_here(r->reg, &r->pc);
    if (unwind_step(r) <= 0)
        r->pc = 0;
}

void unwind_from_ucontext(struct unwind_regs *r, const void *ucontext)
{
    *r = (struct unwind_regs){.call = false};
    arch_regs_mcontext(r->reg, &r->pc, (const uintptr_t *)((const char *)ucontext + ARCH_MCONTEXT));
}

static bool read_words(const struct unwind_regs *r, uintptr_t addr, uintptr_t *words, size_t n)
{
    if (addr % sizeof *words != 0 || addr < r->stack_lo || addr >= r->stack_hi ||
        (r->stack_hi - addr) / sizeof *words < n)
        return peek_bytes(addr, words, n * sizeof *words);
    for (size_t i = 0; i < n; i++)
        words[i] = load(addr + i * sizeof *words);
    return true;
}

bool unwind_from_switch(struct unwind_regs *r, uintptr_t sp, uintptr_t stack_lo, uintptr_t stack_hi)
{
    uintptr_t words[ARCH_SAVED_WORDS];

    *r = (struct unwind_regs){.stack_lo = stack_lo, .stack_hi = stack_hi, .call = true};
    if (!read_words(r, sp, words, ARCH_SAVED_WORDS))
        return false;
    arch_regs_switched(r->reg, &r->pc, sp, words);
    return true;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "diag/dwarfexpr.h"
#include "diag/reader.h"

enum { DEPTH = 64, STEPS_MAX = 10000 };

enum {
    OP_ADDR = 0x03,
    OP_DEREF = 0x06,
    OP_CONST1U = 0x08,
    OP_CONST1S,
    OP_CONST2U,
    OP_CONST2S,
    OP_CONST4U,
    OP_CONST4S,
    OP_CONST8U,
    OP_CONST8S,
    OP_CONSTU,
    OP_CONSTS,
    OP_DUP,
    OP_DROP,
    OP_OVER,
    OP_PICK,
    OP_SWAP,
    OP_ROT,
    OP_ABS = 0x19,
    OP_AND,
    OP_DIV,
    OP_MINUS,
    OP_MOD,
    OP_MUL,
    OP_NEG,
    OP_NOT,
    OP_OR,
    OP_PLUS,
    OP_PLUS_UCONST,
    OP_SHL,
    OP_SHR,
    OP_SHRA,
    OP_XOR,
    OP_BRA,
    OP_EQ,
    OP_GE,
    OP_GT,
    OP_LE,
    OP_LT,
    OP_NE,
    OP_SKIP,
    OP_LIT0 = 0x30,
    OP_BREG0 = 0x70,
    OP_BREGX = 0x92,
    OP_DEREF_SIZE = 0x94,
    OP_NOP = 0x96,
};

struct eval {
    const struct unwind_regs *regs;
    struct reader r;
    const uint8_t *start;
    uintptr_t stack[DEPTH];
    unsigned n;
};

static void push(struct eval *e, uintptr_t v)
{
    if (e->n == DEPTH)
        e->r.bad = true;
    else
        e->stack[e->n++] = v;
}

static uintptr_t pop(struct eval *e)
{
    if (e->n == 0) {
        e->r.bad = true;
        return 0;
    }
    return e->stack[--e->n];
}

static uintptr_t pick(struct eval *e, unsigned depth)
{
    if (depth >= e->n) {
        e->r.bad = true;
        return 0;
    }
    return e->stack[e->n - 1 - depth];
}

static void push_register(struct eval *e, uint64_t reg, int64_t offset)
{
    if (reg >= ARCH_DW_REGS)
        e->r.bad = true;
    else
        push(e, e->regs->reg[reg] + (uintptr_t)offset);
}

static void deref(struct eval *e, unsigned size)
{
    uintptr_t v = 0;

    if (size == 0 || size > 8 || !unwind_read(e->regs, pop(e), &v)) {
        e->r.bad = true;
        return;
    }
    push(e, size == 8 ? v : v & (((uintptr_t)1 << (8 * size)) - 1));
}

static void jump(struct eval *e, bool taken)
{
    int64_t by = (int16_t)reader_u16(&e->r);

    if (!taken || e->r.bad)
        return;
    if (by < e->start - e->r.p || by > e->r.end - e->r.p)
        e->r.bad = true;
    else
        e->r.p += by;
}

static bool constant_op(struct eval *e, uint8_t op)
{
    struct reader *r = &e->r;

    switch (op) {
    case OP_ADDR:
    case OP_CONST8U:
    case OP_CONST8S:
        push(e, reader_u64(r));
        return true;
    case OP_CONST1U:
        push(e, reader_u8(r));
        return true;
    case OP_CONST1S:
        push(e, (uintptr_t)(int64_t)(int8_t)reader_u8(r));
        return true;
    case OP_CONST2U:
        push(e, reader_u16(r));
        return true;
    case OP_CONST2S:
        push(e, (uintptr_t)(int64_t)(int16_t)reader_u16(r));
        return true;
    case OP_CONST4U:
        push(e, reader_u32(r));
        return true;
    case OP_CONST4S:
        push(e, (uintptr_t)(int64_t)(int32_t)reader_u32(r));
        return true;
    case OP_CONSTU:
        push(e, reader_uleb(r));
        return true;
    case OP_CONSTS:
        push(e, (uintptr_t)reader_sleb(r));
        return true;
    default:
        return false;
    }
}

static bool stack_op(struct eval *e, uint8_t op)
{
    uintptr_t a, b, c;

    switch (op) {
    case OP_DUP:
        push(e, pick(e, 0));
        return true;
    case OP_DROP:
        pop(e);
        return true;
    case OP_OVER:
        push(e, pick(e, 1));
        return true;
    case OP_PICK:
        push(e, pick(e, reader_u8(&e->r)));
        return true;
    case OP_SWAP:
        a = pop(e);
        b = pop(e);
        push(e, a);
        push(e, b);
        return true;
    case OP_ROT: /* top goes under the third */
        a = pop(e);
        b = pop(e);
        c = pop(e);
        push(e, a);
        push(e, c);
        push(e, b);
        return true;
    default:
        return false;
    }
}

static bool unary_op(struct eval *e, uint8_t op)
{
    uintptr_t a;

    switch (op) {
    case OP_ABS:
        a = pop(e);
        push(e, (intptr_t)a < 0 ? 0 - a : a);
        return true;
    case OP_NEG:
        push(e, 0 - pop(e));
        return true;
    case OP_NOT:
        push(e, ~pop(e));
        return true;
    case OP_PLUS_UCONST:
        a = pop(e);
        push(e, a + reader_uleb(&e->r));
        return true;
    case OP_DEREF:
        deref(e, 8);
        return true;
    case OP_DEREF_SIZE:
        deref(e, reader_u8(&e->r));
        return true;
    default:
        return false;
    }
}

static uintptr_t shifted(uint8_t op, uintptr_t a, uintptr_t b)
{
    if (op == OP_SHRA) {
        unsigned by = b > 63 ? 63 : (unsigned)b;

        return (intptr_t)a < 0 ? ~(~a >> by) : a >> by;
    }
    if (b > 63)
        return 0;
    return op == OP_SHL ? a << b : a >> b;
}

static bool arithmetic(struct eval *e, uint8_t op, uintptr_t a, uintptr_t b, uintptr_t *v)
{
    intptr_t sa = (intptr_t)a, sb = (intptr_t)b;

    if ((op == OP_DIV || op == OP_MOD) && b == 0)
        e->r.bad = true;
    if (e->r.bad)
        return false;
    switch (op) {
    case OP_AND:
        *v = a & b;
        break;
    case OP_OR:
        *v = a | b;
        break;
    case OP_XOR:
        *v = a ^ b;
        break;
    case OP_PLUS:
        *v = a + b;
        break;
    case OP_MINUS:
        *v = a - b;
        break;
    case OP_MUL:
        *v = a * b;
        break;
    case OP_DIV:
        *v = sb == -1 ? 0 - a : (uintptr_t)(sa / sb);
        break;
    case OP_MOD:
        *v = a % b;
        break;
    case OP_EQ:
        *v = sa == sb;
        break;
    case OP_NE:
        *v = sa != sb;
        break;
    case OP_GE:
        *v = sa >= sb;
        break;
    case OP_GT:
        *v = sa > sb;
        break;
    case OP_LE:
        *v = sa <= sb;
        break;
    case OP_LT:
        *v = sa < sb;
        break;
    case OP_SHL:
    case OP_SHR:
    case OP_SHRA:
        *v = shifted(op, a, b);
        break;
    default:
        return false;
    }
    return true;
}

static void step(struct eval *e)
{
    uint8_t op = reader_u8(&e->r);
    uintptr_t a, b, v;

    if (op >= OP_LIT0 && op < OP_LIT0 + 32)
        push(e, op - OP_LIT0);
    else if (op >= OP_BREG0 && op < OP_BREG0 + 32)
        push_register(e, op - OP_BREG0, reader_sleb(&e->r));
    else if (op == OP_BREGX) {
        uint64_t reg = reader_uleb(&e->r);

        push_register(e, reg, reader_sleb(&e->r));
    } else if (op == OP_SKIP)
        jump(e, true);
    else if (op == OP_BRA)
        jump(e, pop(e) != 0);
    else if (op != OP_NOP && !constant_op(e, op) && !stack_op(e, op) && !unary_op(e, op)) {
        b = pop(e);
        a = pop(e);
        if (arithmetic(e, op, a, b, &v))
            push(e, v);
        else
            e->r.bad = true;
    }
}

bool dwarf_eval(const struct unwind_regs *r, const uint8_t *block, const uintptr_t *first,
                uintptr_t *result)
{
    struct reader head = reader_over(block, block + 10);
    uint64_t len = reader_uleb(&head);
    struct eval e;

    /* The length was checked against the table's end when the rule was read. */
    e.regs = r;
    e.start = head.p;
    e.r = reader_over(head.p, head.p + len);
    e.n = 0;
    if (first)
        push(&e, *first);
    for (int steps = 0; reader_more(&e.r); steps++) {
        if (steps == STEPS_MAX)
            return false;
        step(&e);
    }
    if (e.r.bad || e.n == 0)
        return false;
    *result = e.stack[e.n - 1];
    return true;
}

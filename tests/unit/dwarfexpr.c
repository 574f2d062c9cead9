/* SPDX-License-Identifier: BSD-3-Clause */
/* dwarfexpr: every operation, by its bytes, and damaged ones. */
#include "diag/dwarfexpr.h"
#include "harness/test.h"
#include <string.h>

static uintptr_t memory[2] = {0x1122334455667788u, 7};
static struct unwind_regs regs;

static bool eval(const uint8_t *code, size_t n, const uintptr_t *first, uintptr_t *v)
{
    uint8_t block[256];

    CHECK_LT(n, 128);
    block[0] = (uint8_t)n;
    if (n > 0)
        memcpy(block + 1, code, n);
    return dwarf_eval(&regs, block, first, v);
}

#define GIVES(want, ...)                                                                           \
    do {                                                                                           \
        const uint8_t code_[] = {__VA_ARGS__};                                                     \
        uintptr_t v_ = 0xdead;                                                                     \
        CHECK(eval(code_, sizeof code_, NULL, &v_));                                               \
        CHECK_EQ(v_, want);                                                                        \
    } while (0)
#define FAILS(...)                                                                                 \
    do {                                                                                           \
        const uint8_t code_[] = {__VA_ARGS__};                                                     \
        uintptr_t v_;                                                                              \
        CHECK(!eval(code_, sizeof code_, NULL, &v_));                                              \
    } while (0)

enum { LIT0 = 0x30 };
#define LIT(n) (LIT0 + (n))

TEST(constants)
{
    GIVES(31, LIT(31));
    GIVES(0x0807060504030201, 0x03, 1, 2, 3, 4, 5, 6, 7, 8);
    GIVES(200, 0x08, 200);
    GIVES(-56, 0x09, 200);
    GIVES(0xff01, 0x0a, 1, 0xff);
    GIVES(-255, 0x0b, 1, 0xff);
    GIVES(0xffffffff, 0x0c, 255, 255, 255, 255);
    GIVES(-1, 0x0d, 255, 255, 255, 255);
    GIVES(-1, 0x0e, 255, 255, 255, 255, 255, 255, 255, 255);
    GIVES(-2, 0x0f, 254, 255, 255, 255, 255, 255, 255, 255);
    GIVES(624485, 0x10, 0xe5, 0x8e, 0x26);
    GIVES(-123456, 0x11, 0xc0, 0xbb, 0x78);
    GIVES(-1, 0x11, 0x7f);
}

TEST(stack)
{
    GIVES(6, LIT(3), 0x12, 0x22);                       /* dup plus */
    GIVES(3, LIT(3), LIT(4), 0x13);                     /* drop */
    GIVES(5, LIT(5), LIT(4), 0x14);                     /* over */
    GIVES(1, LIT(1), LIT(2), LIT(3), 0x15, 2);          /* pick */
    GIVES(1, LIT(3), LIT(4), 0x16, 0x1c);               /* swap minus: 4 - 3 */
    GIVES(2, LIT(1), LIT(2), LIT(3), 0x17);             /* rot: 3 1 2 */
    GIVES(1, LIT(1), LIT(2), LIT(3), 0x17, 0x13);       /* the one below */
    GIVES(3, LIT(1), LIT(2), LIT(3), 0x17, 0x13, 0x13); /* the lowest */
}

TEST(arithmetic)
{
    GIVES(5, 0x09, 0xfb, 0x19);          /* abs */
    GIVES(4, LIT(6), LIT(12), 0x1a);     /* and */
    GIVES(-3, 0x09, 0xfa, LIT(2), 0x1b); /* div is signed */
    GIVES(-6, LIT(6), LIT(12), 0x1c);
    GIVES(2, LIT(12), LIT(5), 0x1d); /* mod */
    GIVES(30, LIT(6), LIT(5), 0x1e);
    GIVES(-6, LIT(6), 0x1f);
    GIVES(-7, LIT(6), 0x20);
    GIVES(14, LIT(6), LIT(12), 0x21);
    GIVES(18, LIT(6), LIT(12), 0x22);
    GIVES(1006, LIT(6), 0x23, 0xe8, 7); /* plus_uconst 1000 */
    GIVES(48, LIT(6), LIT(3), 0x24);
    GIVES(0, LIT(6), 0x08, 64, 0x24);
    GIVES(0x1fffffffffffffff, 0x11, 0x7f, LIT(3), 0x25); /* shr */
    GIVES(-1, 0x11, 0x78, LIT(3), 0x26);                 /* shra -8 */
    GIVES(-1, 0x11, 0x78, 0x08, 200, 0x26);
    GIVES(1, LIT(8), 0x08, 3, 0x26);
    GIVES(10, LIT(6), LIT(12), 0x27);
    GIVES((uintptr_t)INTPTR_MIN, 0x0f, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x09, 0xff, 0x1b); /* min / -1 */
}

TEST(comparison_is_signed)
{
    GIVES(1, 0x09, 0xff, LIT(1), 0x2d); /* -1 < 1 */
    GIVES(0, LIT(1), 0x09, 0xff, 0x2d);
    GIVES(1, LIT(1), LIT(1), 0x29);
    GIVES(1, LIT(2), LIT(1), 0x2a);
    GIVES(1, LIT(1), 0x09, 0xff, 0x2b);
    GIVES(1, LIT(1), LIT(1), 0x2c);
    GIVES(1, LIT(1), LIT(2), 0x2e);
}

TEST(control)
{
    GIVES(2, LIT(2), 0x2f, 1, 0, LIT(3));         /* skip over lit3 */
    GIVES(2, LIT(2), LIT(1), 0x28, 1, 0, LIT(3)); /* bra taken */
    GIVES(3, LIT(2), LIT(0), 0x28, 1, 0, LIT(3));
    GIVES(4, LIT(4), 0x96);       /* nop */
    GIVES(9, LIT(9), 0x2f, 0, 0); /* to the very end */
    /* a loop: 1, doubled until 32 */
    GIVES(32, LIT(1), LIT(1), 0x24, 0x12, 0x08, 32, 0x2d, 0x28, 0xf7, 0xff);
    FAILS(LIT(1), 0x2f, 0xfd, 0xff); /* for ever */
    FAILS(LIT(1), 0x2f, 0xfb, 0xff); /* before the start */
    FAILS(LIT(1), 0x2f, 1, 0);       /* after the end */
}

TEST(registers_and_memory)
{
    uintptr_t cfa = 1000, v;
    const uint8_t minus8[] = {LIT(8), 0x1c};
    uint8_t deref[10] = {0x03};

    regs.reg[3] = 500;
    regs.reg[7] = (uintptr_t)memory;
    GIVES(498, 0x73, 0x7e);  /* breg3 - 2 */
    GIVES(510, 0x92, 3, 10); /* bregx */
    GIVES(0x1122334455667788, 0x77, 0, 0x06);
    GIVES(7, 0x77, 8, 0x06);
    GIVES(0x88, 0x77, 0, 0x94, 1);
    GIVES(0x55667788, 0x77, 0, 0x94, 4);
    CHECK(eval(minus8, sizeof minus8, &cfa, &v));
    CHECK_EQ(v, 992);
    FAILS(LIT(8), 0x06); /* nothing to read there */
    FAILS(0x77, 0, 0x94, 9);
    FAILS(0x92, 99, 0);
    memcpy(deref + 1, &(uintptr_t){(uintptr_t)&memory[1]}, 8);
    deref[9] = 0x06;
    CHECK(eval(deref, sizeof deref, NULL, &v));
    CHECK_EQ(v, 7);
}

TEST(damaged)
{
    uint64_t seed = test_seed();
    uint8_t code[120];
    uintptr_t v;

    FAILS(0x22);                 /* nothing to add */
    FAILS(LIT(1), LIT(0), 0x1b); /* division by 0 */
    FAILS(0x0c, 1, 2);           /* cut off */
    FAILS(0xff);                 /* no such operation */
    FAILS(0x15, 0);
    CHECK(!eval(NULL, 0, NULL, &v));
    memset(code, LIT(1), sizeof code);
    CHECK(!eval(code, sizeof code, NULL, &v)); /* too deep */
    for (int i = 0; i < 20000; i++) {
        size_t n = test_rand(&seed) % sizeof code;

        for (size_t k = 0; k < n; k++)
            code[k] = (uint8_t)test_rand(&seed);
        if (eval(code, n, NULL, &v))
            CHECK_GT(n, 0);
    }
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* cfi: what .eh_frame says about a pc: where the caller's registers are.
 *
 * The table's form: LSB Core, "Exception Frames" (.eh_frame, .eh_frame_hdr, augmentation 'z', 'R',
 * 'P', 'L', 'S'); its instructions: DWARF 5, 6.4.2. The tables are read where the loader mapped
 * them. Floating point registers are not followed. */
#ifndef GAMP_DIAG_CFI_H
#define GAMP_DIAG_CFI_H

#include "arch/unwindregs.h"
#include "diag/modules.h"

/* One FDE with what its CIE adds. */
struct cfi_entry {
    uintptr_t lo, hi; /* code addresses */
    const uint8_t *cie_code, *cie_end, *fde_code, *fde_end;
    uint64_t code_align;
    int64_t data_align;
    uint8_t encoding; /* of addresses */
    bool augmented;   /* 'z': the augmentation data have a length */
    bool signal_frame;
};

enum cfi_rule {
    RULE_SAME,       /* the register was not touched */
    RULE_UNDEFINED,  /* it is lost; of the return address: the stack ends */
    RULE_OFFSET,     /* saved at CFA + value */
    RULE_VAL_OFFSET, /* is CFA + value */
    RULE_REGISTER,   /* is in register `value` */
    RULE_EXPR,       /* saved at what the expression gives */
    RULE_VAL_EXPR,   /* is what the expression gives */
};

/* The rules at one pc. An expression's value is the address of its ULEB length. */
struct cfi_row {
    uint8_t rule[ARCH_DW_REGS];
    int64_t value[ARCH_DW_REGS];
    uint8_t cfa_rule; /* RULE_REGISTER: cfa_reg + cfa_value; RULE_EXPR; RULE_UNDEFINED: none yet */
    uint8_t cfa_reg;
    bool ra_signed; /* arm64: the return address carries a PAC */
    int64_t cfa_value;
};

/* The entry that covers pc in m. false: there is none, or the table is damaged. */
bool cfi_find(const struct module *m, uintptr_t pc, struct cfi_entry *e) must_check;
/* The rules at pc, which e covers. Uses 4 KiB of stack. */
bool cfi_row_at(const struct cfi_entry *e, uintptr_t pc, struct cfi_row *row) must_check;

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* dwarfexpr: the stack machine of DWARF expressions (DWARF 5, 2.5), as far as CFI may use it
 * (6.4.2: no calls, no pieces, no object addresses). */
#ifndef GAMP_DIAG_DWARFEXPR_H
#define GAMP_DIAG_DWARFEXPR_H

#include "diag/unwind.h"

/* Evaluates the block at `block` (its ULEB length first) over the registers of r, which are those
 * before the step. first: pushed at the start (the CFA), or NULL. false: damaged, or memory that
 * cannot be read. */
bool dwarf_eval(const struct unwind_regs *r, const uint8_t *block, const uintptr_t *first,
                uintptr_t *result) must_check;

#endif

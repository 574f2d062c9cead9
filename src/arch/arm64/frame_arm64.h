/* SPDX-License-Identifier: BSD-3-Clause */
/* frame_arm64: the first frame of a stack. */
#ifndef GAMP_ARCH_FRAME_ARM64_H
#define GAMP_ARCH_FRAME_ARM64_H

void arch_entry(void); /* switch.S; entered by a switch only */

#endif

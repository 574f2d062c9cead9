/* SPDX-License-Identifier: BSD-3-Clause */
#include "arch/arm64/frame_arm64.h"
#include "arch/arm64/cpu_arm64.h"
#include "arch/switch.h"

uintptr_t arch_frame(uintptr_t top, void (*fn)(void))
{
    uintptr_t *sp = (uintptr_t *)top - ARCH_SAVED_WORDS - 2;

    sp[ARCH_SAVED_FP] = 0;
    sp[ARCH_SAVED_PC] = (uintptr_t)arch_entry;
    sp[ARCH_SAVED_WORDS] = (uintptr_t)fn;
    sp[ARCH_SAVED_WORDS + 1] = 0;
    return (uintptr_t)sp;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "arch/arm64/frame_arm64.h"
#include "arch/arm64/cpu_arm64.h"
#include "arch/switch.h"

_Static_assert(ARCH_SAVED_WORDS * sizeof(uintptr_t) == 160, "switch.S");

uintptr_t arch_frame(uintptr_t top, void (*fn)(void))
{
    uintptr_t *sp = (uintptr_t *)top - ARCH_SAVED_WORDS;

    for (int i = 0; i < ARCH_SAVED_WORDS; i++)
        sp[i] = 0;
    sp[ARCH_SAVED_X19] = (uintptr_t)fn;
    sp[ARCH_SAVED_PC] = (uintptr_t)arch_entry;
    return (uintptr_t)sp;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "arch/amd64/frame_amd64.h"
#include "arch/amd64/cpu_amd64.h"
#include "arch/switch.h"

uintptr_t arch_frame(uintptr_t top, void (*fn)(void))
{
    /* After the seven words are popped rsp is top, which arch_entry's call wants 16-aligned. */
    uintptr_t *sp = (uintptr_t *)top - ARCH_SAVED_WORDS;

    for (int i = 0; i < ARCH_SAVED_WORDS; i++)
        sp[i] = 0;
    sp[ARCH_SAVED_RBX] = (uintptr_t)fn;
    sp[ARCH_SAVED_PC] = (uintptr_t)arch_entry;
    return (uintptr_t)sp;
}

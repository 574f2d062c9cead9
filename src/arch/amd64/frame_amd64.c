/* SPDX-License-Identifier: BSD-3-Clause */
#include "arch/amd64/frame_amd64.h"
#include "arch/amd64/cpu_amd64.h"
#include "arch/switch.h"

uintptr_t arch_frame(uintptr_t top, void (*fn)(void))
{
    /* After the two words are popped rsp is at fn, 16-aligned, as arch_entry's call wants it. */
    uintptr_t *sp = (uintptr_t *)top - ARCH_SAVED_WORDS - 2;

    sp[ARCH_SAVED_PC] = (uintptr_t)arch_entry;
    sp[ARCH_SAVED_FP] = 0;
    sp[ARCH_SAVED_WORDS] = (uintptr_t)fn;
    sp[ARCH_SAVED_WORDS + 1] = 0;
    return (uintptr_t)sp;
}

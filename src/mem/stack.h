/* SPDX-License-Identifier: BSD-3-Clause */
/* stack: slots of address space for goroutines' stacks.
 *
 *   slot ->  | guard | usable ...                          | <- slot + size
 *
 * Class k has 16 KiB << (k - 1) usable, class 0, the default, 196 KiB. The guard is 64 KiB:
 * libraries built without stack probes step over a single page, with frames of nearly that size.
 * Slots are carved from large mappings; memory comes with the first touch. A slot's guard is made
 * when it is first handed out.
 *
 * Slots of class 0 lie 65 pages apart, not 64: tops a power of two apart fall into few sets of the
 * TLB, and switching among a thousand goroutines then took 46 ns instead of 29.
 *
 * Nor do their stacks begin at the same place of a page (stack_colour): a load that has the low 12
 * bits of a store which is on its way waits for it, and two goroutines that run the same code on
 * two stacks had such pairs all the time (a yield between two 9.2 ns, 8.7 with colours).
 *
 * A slot is promised before it is taken: promising maps what is needed and is the only step that
 * can fail, so that a goroutine may be accepted long before it runs. Per class: taken <= promised
 * <= mapped.
 *
 * Freed slots of class 0 are kept hot, last in first out; stack_scavenge gives the pages of long
 * unused ones back. */
#ifndef GAMP_MEM_STACK_H
#define GAMP_MEM_STACK_H

#include "base/compiler.h"

#define STACK_DEFAULT_SLOT (260u << 10)
#define STACK_GUARD (64u << 10)
#define STACK_CLASSES 18

/* The class for a wanted size (0: default), or -1 when there is none so large. */
int stack_class(size_t want);
size_t stack_slot_size(int class);
size_t stack_guard_size(int class);
/* How far below the slot's end its stack is to begin. */
static always_inline size_t stack_colour(uintptr_t slot, int class)
{
    return class == 0 ? (slot >> 12) % 8 * 128 : 0;
}

/* Promises n slots. 0 or -ENOMEM. */
int stack_promise(int class, uint32_t n);
void stack_unpromise(int class, uint32_t n);
/* Takes up to n promised slots, lowest address each; returns how many (at least 1). */
int stack_take(int class, uintptr_t *slots, int n);
void stack_give(int class, const uintptr_t *slots, int n);
/* Gives back pages of free slots, at most max of them; those freed since the last call are spared.
 * Returns how many. */
int stack_scavenge(int max);
bool stack_scavenge_pending(void); /* another call would find some */
/* Is the address in the guard of the slot whose usable bytes start at lo? */
bool stack_in_guard(int class, uintptr_t lo, uintptr_t addr);

struct stack_stats {
    uint64_t mapped; /* slots with address space */
    uint64_t promised;
    uint64_t taken;
    uint64_t resident; /* slots that may hold touched pages: taken and hot */
    uint64_t mapped_bytes;
    uint64_t unguarded; /* no guard could be made */
};
void stack_stats_read(struct stack_stats *s);

#endif

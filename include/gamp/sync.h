/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/sync.h: mutex, rwmutex, waitgroup, once, cond, sem, pool and a concurrent map.
 *
 * Zeroed memory is ready to use (a semaphore then has 0); there is nothing to destroy. None may
 * be copied once in use. A wait parks the goroutine, never its thread; on a foreign thread it
 * blocks that thread. All may be called from any thread or goroutine; waits not from a signal
 * handler. Memory of an object may be reused as soon as the call that showed its last use over (a
 * wait, an acquire, a lock) has returned. The ..._until forms take a point in time and fail with
 * -ETIMEDOUT; when it has passed they try once.
 *
 * The fields are gamp's own and not for programs; they stand here so that the types have a
 * size. */
#ifndef GAMP_SYNC_H
#define GAMP_SYNC_H

#include <gamp/base.h>
#include <gamp/errno.h>
#include <gamp/go.h>
#include <gamp/time.h>

GAMP_BEGIN_DECLS

/* Mutex. Go: sync.Mutex. */

typedef struct gamp_mutex {
    uint32_t state, sema;
} gamp_mutex;

/* Waits until the mutex is the caller's. New comers may overtake waiters until one has waited for
 * a millisecond; then it goes from hand to hand in order. */
GAMP_API void gamp_mutex_lock(gamp_mutex *m);
/* Takes it if it is free: true. Does not block. */
GAMP_API bool gamp_mutex_trylock(gamp_mutex *m);
/* Any thread or goroutine may unlock. Does not block. Panics with "sync: unlock of unlocked
 * mutex". */
GAMP_API void gamp_mutex_unlock(gamp_mutex *m);
/* 0: locked; -ETIMEDOUT: not. */
GAMP_API int gamp_mutex_lock_until(gamp_mutex *m, gamp_time t);

/* Rwmutex: many readers or one writer. Go: sync.RWMutex. */

typedef struct gamp_rwmutex {
    uint64_t state;
    uint32_t writer_sem, reader_sem;
    uint64_t spare;
} gamp_rwmutex;

/* Writing. A waiting writer keeps new readers out. unlock panics with "sync: Unlock of unlocked
 * RWMutex". */
GAMP_API void gamp_rwmutex_lock(gamp_rwmutex *m);
GAMP_API bool gamp_rwmutex_trylock(gamp_rwmutex *m);
GAMP_API void gamp_rwmutex_unlock(gamp_rwmutex *m);
GAMP_API int gamp_rwmutex_lock_until(gamp_rwmutex *m, gamp_time t);
/* Reading. A reader must not read-lock again: a writer may wait between. tryrlock fails while a
 * writer waits. runlock panics with "sync: RUnlock of unlocked RWMutex". */
GAMP_API void gamp_rwmutex_rlock(gamp_rwmutex *m);
GAMP_API bool gamp_rwmutex_tryrlock(gamp_rwmutex *m);
GAMP_API void gamp_rwmutex_runlock(gamp_rwmutex *m);
GAMP_API int gamp_rwmutex_rlock_until(gamp_rwmutex *m, gamp_time t);

/* Waitgroup: waits until a count is 0. Go: sync.WaitGroup. */

typedef struct gamp_waitgroup {
    uint64_t state;
    uint32_t sema, pad;
} gamp_waitgroup;

/* Adds n, which may be negative; at 0 all waiters go on. Adding from 0 must come before the
 * waits. Panics with "sync: negative WaitGroup counter". Does not block. */
GAMP_API void gamp_waitgroup_add(gamp_waitgroup *wg, int n);
/* Adds -1. */
GAMP_API void gamp_waitgroup_done(gamp_waitgroup *wg);
/* Waits until the count is 0. */
GAMP_API void gamp_waitgroup_wait(gamp_waitgroup *wg);
/* 0; -ETIMEDOUT. */
GAMP_API int gamp_waitgroup_wait_until(gamp_waitgroup *wg, gamp_time t);

/* int gamp_waitgroup_go(gamp_waitgroup *wg, fn, ...): adds 1, starts fn(...) as gamp_go does, and
 * is done when fn ends in whatever way, panic and goexit included. Results as for gamp_go;
 * nothing is added when it fails. Does not block. Go: WaitGroup.Go. */
#ifdef __cplusplus
#define gamp_waitgroup_go(wg, ...)                                                                 \
    (::gamp::detail::go(::gamp::detail::waitgroup_starter{wg}, __VA_ARGS__))
#else
#define gamp_waitgroup_go(wg, ...) GAMP_START_(gamp_waitgroup_go_call, wg, __VA_ARGS__)
#endif
/* What the macro calls, and bindings may; fn and args as for gamp_go_call. */
GAMP_API int gamp_waitgroup_go_call(gamp_waitgroup *wg, void (*fn)(void), const uintptr_t *args,
                                    unsigned nargs);

/* Once. Go: sync.Once. */

typedef struct gamp_once {
    uint32_t state, sema, spare;
} gamp_once;

/* Runs fn(arg) if no call on o did before; returns when the first has ended. It counts as done
 * however fn ended, by panic and goexit too. fn must not call it on the same o: that is a
 * deadlock. */
GAMP_API void gamp_once_do(gamp_once *o, void (*fn)(void *), void *arg);

/* Cond: waiting for a change under a mutex. Go: sync.Cond. */

typedef struct gamp_cond {
    uint64_t lock;
    void *first, *last;
    uint64_t spare;
} gamp_cond;

/* Unlocks m, waits for a signal or broadcast, locks m again. It never returns without one, but
 * the state may have changed again by then: test it in a loop. Panics when m is not locked. */
GAMP_API void gamp_cond_wait(gamp_cond *c, gamp_mutex *m);
/* 0; -ETIMEDOUT. m is held after either. */
GAMP_API int gamp_cond_wait_until(gamp_cond *c, gamp_mutex *m, gamp_time t);
/* Wakes the one that waits longest, if any. Does not block; m may be held or not. */
GAMP_API void gamp_cond_signal(gamp_cond *c);
/* Wakes all that wait. Does not block. */
GAMP_API void gamp_cond_broadcast(gamp_cond *c);

/* Sem: a weighted semaphore, strictly first in, first out. Go: golang.org/x/sync/semaphore. */

typedef struct gamp_sem {
    uint64_t lock;
    int64_t count;
    void *first, *last;
} gamp_sem;

/* Gives it n to hand out, n >= 0. Not while in use. Does not block. */
GAMP_API void gamp_sem_init(gamp_sem *s, int64_t n);
/* Waits until it is the first in line and n are there; takes them. A negative n panics. */
GAMP_API void gamp_sem_acquire(gamp_sem *s, int64_t n);
/* Takes n if they are there and nobody waits: true. Does not block. */
GAMP_API bool gamp_sem_tryacquire(gamp_sem *s, int64_t n);
/* 0: taken; -ETIMEDOUT: nothing was. */
GAMP_API int gamp_sem_acquire_until(gamp_sem *s, int64_t n, gamp_time t);
/* Adds n, held before or not; whoever is first in line and has enough goes on. Does not block. A
 * negative n panics. */
GAMP_API void gamp_sem_release(gamp_sem *s, int64_t n);

/* Pool: objects kept for reuse, cached per processor. Go: sync.Pool. */

typedef struct gamp_pool {
    void *local;
    void *(*new_fn)(void);
    void (*free_fn)(void *);
    uint64_t spare[2];
} gamp_pool;

/* Says how an object is made when there is none, and freed at the end; either may be NULL. Not
 * while in use. */
GAMP_API void gamp_pool_init(gamp_pool *p, void *(*new_fn)(void), void (*free_fn)(void *));
/* Some object that was put and not taken since; else what new_fn gives; else NULL. The caller
 * owns it. Does not block but in new_fn. */
GAMP_API void *gamp_pool_get(gamp_pool *p);
/* Gives x, not NULL, to the pool. Without memory to keep it, it goes to
 * free_fn. Does not block. */
GAMP_API void gamp_pool_put(gamp_pool *p, void *x);
/* Gives all that was put and not taken to free_fn; the pool is then as before init. Not while in
 * use. NULL does nothing. */
GAMP_API void gamp_pool_free(gamp_pool *p);

/* Map: from bytes to pointers; reads take no lock. Go: sync.Map. */

typedef struct gamp_map gamp_map;

/* An empty map. NULL when out of memory. */
GAMP_API GAMP_MUST_CHECK gamp_map *gamp_map_new(void);
/* Frees it with its copies of the keys; values are the caller's. Not while in use. NULL does
 * nothing. */
GAMP_API void gamp_map_free(gamp_map *m);
/* true: the key is there, *value is its value. value may be NULL. false leaves *value. */
GAMP_API bool gamp_map_load(gamp_map *m, gamp_bytes key, void **value);
/* Sets the key's value; copies the key. 0; -ENOMEM. */
GAMP_API int gamp_map_store(gamp_map *m, gamp_bytes key, void *value);
/* Sets it and tells what was there: 1 and *previous; 0 (*previous NULL) when the key is new;
 * -ENOMEM. previous may be NULL. */
GAMP_API int gamp_map_swap(gamp_map *m, gamp_bytes key, void *value, void **previous);
/* 1: the key was there, *actual is its value; 0: value was stored, *actual is value; -ENOMEM.
 * actual may be NULL. */
GAMP_API int gamp_map_load_or_store(gamp_map *m, gamp_bytes key, void *value, void **actual);
/* Takes the key out. true: it was there, and *value, if value is not NULL, was its value. */
GAMP_API bool gamp_map_load_and_delete(gamp_map *m, gamp_bytes key, void **value);
/* Takes the key out: true when it was there. Unlike Go's it tells. */
GAMP_API bool gamp_map_delete(gamp_map *m, gamp_bytes key);
/* Sets the key's value to new_value if it is there with old_value: true. */
GAMP_API bool gamp_map_compare_and_swap(gamp_map *m, gamp_bytes key, void *old_value,
                                        void *new_value);
/* Calls fn(key, value, arg) for the keys, until it gives false. No key comes twice; each that
 * stays in the map all the while comes once. key.ptr is valid during the call. fn may store,
 * delete, range and park. */
GAMP_API void gamp_map_range(gamp_map *m, bool (*fn)(gamp_bytes key, void *value, void *arg),
                             void *arg);

/* Programs are built with these sizes, and must find the same in every library of the same major
 * version. */
GAMP_STATIC_ASSERT_(sizeof(gamp_mutex) == 8, "layout");
GAMP_STATIC_ASSERT_(sizeof(gamp_rwmutex) == 24, "layout");
GAMP_STATIC_ASSERT_(sizeof(gamp_waitgroup) == 16, "layout");
GAMP_STATIC_ASSERT_(sizeof(gamp_once) == 12, "layout");
GAMP_STATIC_ASSERT_(sizeof(gamp_cond) == 32, "layout");
GAMP_STATIC_ASSERT_(sizeof(gamp_sem) == 32, "layout");
GAMP_STATIC_ASSERT_(sizeof(gamp_pool) == 40, "layout");

GAMP_END_DECLS

#ifdef __cplusplus
GAMP_BEGIN_DETAIL_

struct waitgroup_starter {
    gamp_waitgroup *group;
    GAMP_ALWAYS_INLINE_ int operator()(void (*fn)(void), const uintptr_t *args, unsigned n) const
    {
        return gamp_waitgroup_go_call(group, fn, args, n);
    }
};

GAMP_END_DETAIL_
#endif

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* api_sync: the door of gamp/sync.h. */
#include "api/api_sync.h"
#include "sched/newproc.h"
#include "sched/panic.h"
#include "sync/cond.h"
#include "sync/fastpath.h"
#include "sync/gmutex.h"
#include "sync/grwmutex.h"
#include "sync/objmem.h"
#include "sync/once.h"
#include "sync/pool.h"
#include "sync/sem.h"
#include "sync/waitgroup.h"
#include "os/linux/clock.h"
#include <gamp/panic.h>

/* ---- mutex ---- */

static noinline int mutex_lock_wait(gamp_mutex *m, int64_t until)
{
    int err;

    gamp_enter();
    err = gmutex_lock(m, until);
    gamp_leave();
    return err;
}

/* false: it has to be tried again inside. */
static always_inline bool mutex_step_solo(gamp_mutex *m, bool lock)
{
    struct m *here = solo_enter();
    bool done;

    if (unlikely(!here))
        return false;
    done = lock ? gmutex_lock_solo(m) : gmutex_unlock_solo(m);
    solo_leave(here);
    return done;
}

/* Without waiting; false as above. */
static always_inline bool mutex_lock_now(gamp_mutex *m)
{
    if (is_solo())
        return mutex_step_solo(m, true);
    if (unlikely(entry_wanted()) || unlikely(!gmutex_lock_fast(m)))
        return false;
    race_acquire(m);
    return true;
}

void gamp_mutex_lock(gamp_mutex *m)
{
    if (unlikely(!mutex_lock_now(m)))
        mutex_lock_wait(m, NEVER);
}

int gamp_mutex_lock_until(gamp_mutex *m, gamp_time t)
{
    return likely(mutex_lock_now(m)) ? 0 : mutex_lock_wait(m, t);
}

bool gamp_mutex_trylock(gamp_mutex *m)
{
    bool locked;

    if (is_solo()) {
        gamp_enter();
        locked = gmutex_trylock(m);
        gamp_leave();
        return locked;
    }
    entry_answer();
    return gmutex_trylock(m);
}

static noinline void mutex_unlock_wake(gamp_mutex *m)
{
    gamp_enter();
    if (!gmutex_unlock(m, true))
        panic_leave("sync: unlock of unlocked mutex");
    gamp_leave();
}

static always_inline bool mutex_unlock_now(gamp_mutex *m)
{
    if (is_solo())
        return mutex_step_solo(m, false);
    race_release(m);
    return likely(!entry_wanted()) && likely(gmutex_unlock_fast(m));
}

void gamp_mutex_unlock(gamp_mutex *m)
{
    if (unlikely(!mutex_unlock_now(m)))
        mutex_unlock_wake(m);
}

/* ---- rwmutex ---- */

static noinline int rwmutex_wait(gamp_rwmutex *m, bool writer, int64_t until)
{
    int err;

    gamp_enter();
    err = writer ? grwmutex_lock(m, until) : grwmutex_rlock(m, until);
    if (err == -EOVERFLOW)
        panic_leave("sync: too many goroutines at one RWMutex");
    gamp_leave();
    return err;
}

void gamp_rwmutex_lock(gamp_rwmutex *m)
{
    if (unlikely(entry_wanted()) || unlikely(!grwmutex_trylock(m)))
        rwmutex_wait(m, true, NEVER);
}

int gamp_rwmutex_lock_until(gamp_rwmutex *m, gamp_time t)
{
    if (likely(!entry_wanted()) && likely(grwmutex_trylock(m)))
        return 0;
    return rwmutex_wait(m, true, t);
}

bool gamp_rwmutex_trylock(gamp_rwmutex *m)
{
    entry_answer();
    return grwmutex_trylock(m);
}

void gamp_rwmutex_unlock(gamp_rwmutex *m)
{
    if (likely(!entry_wanted()) && likely(grwmutex_unlock_fast(m)))
        return;
    gamp_enter();
    if (!grwmutex_unlock(m))
        panic_leave("sync: Unlock of unlocked RWMutex");
    gamp_leave();
}

void gamp_rwmutex_rlock(gamp_rwmutex *m)
{
    if (unlikely(entry_wanted()) || unlikely(!grwmutex_tryrlock(m)))
        rwmutex_wait(m, false, NEVER);
}

int gamp_rwmutex_rlock_until(gamp_rwmutex *m, gamp_time t)
{
    if (likely(!entry_wanted()) && likely(grwmutex_tryrlock(m)))
        return 0;
    return rwmutex_wait(m, false, t);
}

bool gamp_rwmutex_tryrlock(gamp_rwmutex *m)
{
    entry_answer();
    return grwmutex_tryrlock(m);
}

void gamp_rwmutex_runlock(gamp_rwmutex *m)
{
    if (likely(!entry_wanted()) && likely(grwmutex_runlock_fast(m)))
        return;
    gamp_enter();
    if (!grwmutex_runlock(m))
        panic_leave("sync: RUnlock of unlocked RWMutex");
    gamp_leave();
}

/* ---- waitgroup ---- */

void gamp_waitgroup_add(gamp_waitgroup *wg, int n)
{
    enum waitgroup_add done;
    uint32_t wake;

    entry_answer();
    done = waitgroup_add(wg, n, &wake);
    if (likely(done == WG_ADDED))
        return;
    if (done == WG_NEGATIVE)
        gopanic("sync: negative WaitGroup counter");
    gamp_enter();
    waitgroup_wake(wg, wake);
    gamp_leave();
}

void gamp_waitgroup_done(gamp_waitgroup *wg)
{
    gamp_waitgroup_add(wg, -1);
}

int gamp_waitgroup_wait_until(gamp_waitgroup *wg, gamp_time t)
{
    int err;

    if (likely(!entry_wanted()) && waitgroup_done_already(wg))
        return 0;
    gamp_enter();
    err = waitgroup_wait(wg, t);
    if (err == -EBUSY)
        panic_leave("WaitGroup is reused before previous Wait has returned");
    gamp_leave();
    return err;
}

void gamp_waitgroup_wait(gamp_waitgroup *wg)
{
    gamp_waitgroup_wait_until(wg, GAMP_NEVER);
}

/* A goroutine of waitgroup_go: the words do not all fit beside the group, so they travel in memory
 * of their own. */
struct wgcall {
    gamp_waitgroup *wg;
    void (*fn)(void);
    uintptr_t args[6];
};

static void wgcall_done(gamp_waitgroup *wg)
{
    gamp_enter();
    goroutine_over();
    gamp_leave();
    gamp_waitgroup_done(wg);
}

static void wgcall_run(struct wgcall *record)
{
    struct wgcall call = *record;

    objmem_free(record);
    gamp_defer(wgcall_done, call.wg);
    /* A function of fewer words does not look at the rest. */
    ((void (*)(uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t, uintptr_t))call.fn)(
        call.args[0], call.args[1], call.args[2], call.args[3], call.args[4], call.args[5]);
}

int gamp_waitgroup_go_call(gamp_waitgroup *wg, void (*fn)(void), const uintptr_t *args,
                           unsigned nargs)
{
    struct wgcall *record;
    uintptr_t word;
    int err;

    if (nargs > ARRAY_LEN(record->args))
        return -EINVAL;
    record = objmem_alloc(sizeof *record);
    if (!record)
        return -ENOMEM;
    *record = (struct wgcall){.wg = wg, .fn = fn};
    for (unsigned i = 0; i < nargs; i++)
        record->args[i] = args[i];
    word = (uintptr_t)record;
    /* Before it runs, or it could be done first. */
    gamp_waitgroup_add(wg, 1);
    gamp_enter();
    err = newproc(NULL, (void (*)(void))wgcall_run, &word, 1, GNORMAL,
                  (uintptr_t)__builtin_return_address(0));
    gamp_leave();
    if (err) {
        gamp_waitgroup_done(wg);
        objmem_free(record);
    }
    return err;
}

/* ---- once ---- */

static void once_over(gamp_once *o)
{
    gamp_enter();
    once_end(o);
    gamp_leave();
}

void gamp_once_do(gamp_once *o, void (*fn)(void *), void *arg)
{
    bool first;

    if (likely(!entry_wanted()) && likely(once_done(o)))
        return;
    gamp_enter();
    first = once_begin(o);
    gamp_leave();
    if (first) {
        gamp_defer(once_over, o);
        fn(arg);
    }
}

/* ---- cond ---- */

int gamp_cond_wait_until(gamp_cond *c, gamp_mutex *m, gamp_time t)
{
    int err;

    gamp_enter();
    err = gcond_wait((struct gcond *)c, m, t);
    if (err == -EPERM)
        panic_leave("sync: unlock of unlocked mutex");
    gamp_leave();
    return err;
}

void gamp_cond_wait(gamp_cond *c, gamp_mutex *m)
{
    gamp_cond_wait_until(c, m, GAMP_NEVER);
}

void gamp_cond_signal(gamp_cond *c)
{
    if (likely(!entry_wanted()) && gcond_idle((struct gcond *)c))
        return;
    gamp_enter();
    gcond_signal((struct gcond *)c);
    gamp_leave();
}

void gamp_cond_broadcast(gamp_cond *c)
{
    if (likely(!entry_wanted()) && gcond_idle((struct gcond *)c))
        return;
    gamp_enter();
    gcond_broadcast((struct gcond *)c);
    gamp_leave();
}

/* ---- sem ---- */

static cold_path void panic_weight(int64_t n)
{
    panic_leave("semaphore: negative weight %ld", (long)n);
}

void gamp_sem_init(gamp_sem *s, int64_t n)
{
    if (n < 0)
        gopanic("semaphore: negative weight");
    *(struct gsem *)s = (struct gsem){.count = n};
}

int gamp_sem_acquire_until(gamp_sem *s, int64_t n, gamp_time t)
{
    int err;

    gamp_enter();
    if (unlikely(n < 0))
        panic_weight(n);
    err = gsem_acquire((struct gsem *)s, n, t);
    gamp_leave();
    return err;
}

void gamp_sem_acquire(gamp_sem *s, int64_t n)
{
    gamp_sem_acquire_until(s, n, GAMP_NEVER);
}

bool gamp_sem_tryacquire(gamp_sem *s, int64_t n)
{
    bool ok;

    gamp_enter();
    if (unlikely(n < 0))
        panic_weight(n);
    ok = gsem_tryacquire((struct gsem *)s, n);
    gamp_leave();
    return ok;
}

void gamp_sem_release(gamp_sem *s, int64_t n)
{
    gamp_enter();
    if (unlikely(n < 0))
        panic_weight(n);
    if (unlikely(!gsem_release((struct gsem *)s, n)))
        panic_leave("semaphore: more than the count can hold");
    gamp_leave();
}

/* ---- pool ---- */

void gamp_pool_init(gamp_pool *p, void *(*new_fn)(void), void (*free_fn)(void *))
{
    *p = (gamp_pool){.new_fn = new_fn, .free_fn = free_fn};
}

void gamp_pool_put(gamp_pool *p, void *x)
{
    struct poollocal *l;
    struct poolchunk *chunk = NULL;
    bool kept = false;

    if (!x)
        return;
    l = pool_local((struct gpool *)p);
    if (l) {
        gamp_enter();
        kept = pool_put(l, x, &chunk);
        gamp_leave();
        if (!kept && (chunk = objmem_alloc(sizeof *chunk)) != NULL) {
            gamp_enter();
            kept = pool_put(l, x, &chunk);
            gamp_leave();
            objmem_free(chunk);
        }
    }
    if (!kept && p->free_fn)
        p->free_fn(x);
}

void *gamp_pool_get(gamp_pool *p)
{
    /* Acquire pairs with the put that made it. */
    struct poollocal *l = load_acquire(&((struct gpool *)p)->local);
    void *x = NULL;

    if (l) {
        gamp_enter();
        x = pool_get(l);
        gamp_leave();
    }
    return x || !p->new_fn ? x : p->new_fn();
}

void gamp_pool_free(gamp_pool *p)
{
    struct poollocal *l;
    void (*free_fn)(void *);

    if (!p)
        return;
    l = p->local;
    free_fn = p->free_fn;
    /* First, so that it is as before init even when free_fn does not return. */
    *p = (gamp_pool){0};
    if (l)
        pool_dispose(l, free_fn);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/context.h: cancellation, deadlines and values that run down a tree of calls; and groups of
 * goroutines that end together.
 *
 * A context is counted: a with_... function gives its caller one reference, and the child holds
 * one to its parent. Trees may have any depth. All functions of contexts may be called from any
 * thread or goroutine and do not block. When cancel returns, or done is seen closed, err and
 * cause are set, in the context and in all below it. */
#ifndef GAMP_CONTEXT_H
#define GAMP_CONTEXT_H

#include <gamp/base.h>
#include <gamp/chan.h>
#include <gamp/errno.h>
#include <gamp/sync.h>
#include <gamp/time.h>

GAMP_BEGIN_DECLS

/* Go: context.Context. */
typedef struct gamp_context gamp_context;

/* The root: one object, never cancelled, without values; ref and unref of it do nothing. Go:
 * context.Background. */
GAMP_API gamp_context *gamp_context_background(void);

/* A child that gamp_context_cancel can cancel. Each with_... gives NULL when out of memory, and
 * the child of a cancelled parent is cancelled. Go: context.WithCancelCause. */
GAMP_API GAMP_MUST_CHECK gamp_context *gamp_context_with_cancel(gamp_context *parent);
/* A child that is cancelled by itself, with -ETIMEDOUT, at the point t, or its parent's deadline
 * if that is nearer. Go: context.WithDeadline, context.WithTimeout. */
GAMP_API GAMP_MUST_CHECK gamp_context *gamp_context_with_deadline(gamp_context *parent,
                                                                  gamp_time t);
GAMP_API GAMP_MUST_CHECK gamp_context *gamp_context_with_timeout(gamp_context *parent,
                                                                 gamp_duration d);
/* A child that carries a value under a key, which is compared by its address. The value stays the
 * caller's, who must keep it as long as the child. It cannot be cancelled by itself. Go:
 * context.WithValue. */
GAMP_API GAMP_MUST_CHECK gamp_context *gamp_context_with_value(gamp_context *parent,
                                                               const void *key, void *value);

/* Cancels c and all below it. cause is any non-zero int to be handed on, 0 means -ECANCELED; the
 * first call, or the deadline, wins. Panics on the background and on value contexts. NULL does
 * nothing. Go: CancelCauseFunc. */
GAMP_API void gamp_context_cancel(gamp_context *c, int cause);

/* A channel of element size 0 that is closed when c is cancelled, for gamp_chan_recv and select.
 * Borrowed: it lives as long as c. NULL, which blocks for ever, if c can never be cancelled. Go:
 * Context.Done. */
GAMP_API gamp_chan *gamp_context_done(gamp_context *c);
/* 0 while alive; -ETIMEDOUT when the deadline ended it, else -ECANCELED. Go: Context.Err. */
GAMP_API int gamp_context_err(gamp_context *c);
/* 0 while alive; then the cause given to the cancel that ended it, or err's value. Go:
 * context.Cause. */
GAMP_API int gamp_context_cause(gamp_context *c);
/* true and *t, if t is not NULL: the nearest deadline of c and those above it. false: none.
 * GAMP_NEVER is none. Go: Context.Deadline. */
GAMP_API bool gamp_context_deadline(gamp_context *c, gamp_time *t);
/* The value that c or the nearest above it has under the key; NULL: none. Go: Context.Value. */
GAMP_API void *gamp_context_value(gamp_context *c, const void *key);

/* Takes one more reference; returns c. NULL gives NULL. */
GAMP_API gamp_context *gamp_context_ref(gamp_context *c);
/* Gives one back; with the last the context goes. It does not cancel those below, which hold
 * references. NULL does nothing. */
GAMP_API void gamp_context_unref(gamp_context *c);

/* Goroutines that share a context and a fate: gamp_group_wait outlives them all, and the first
 * that fails cancels the context of the others. The fields are not for programs. Go:
 * golang.org/x/sync/errgroup. */
typedef struct gamp_group {
    gamp_context *ctx;
    uint32_t lock, pad;
    int32_t running, limit, result, spare;
    void *waiter, *head, *tail;
} gamp_group;
GAMP_STATIC_ASSERT_(sizeof(gamp_group) == 56, "layout");

/* Makes g ready, with a context below parent; NULL: below the background. 0; -ENOMEM.
 * gamp_group_wait undoes it. Does not block. */
GAMP_API int gamp_group_init(gamp_group *g, gamp_context *parent);
/* At most n at once; n <= 0: no limit. Before the first go. Go: Group.SetLimit. */
GAMP_API void gamp_group_set_limit(gamp_group *g, int n);
/* Starts fn(context, arg) in a goroutine, when there is a place under the limit: waits for one.
 * 0, also when the context is cancelled already (fn runs and may ask it); -ENOMEM; -EPERM as for
 * gamp_go. Go: Group.Go. */
GAMP_API int gamp_group_go(gamp_group *g, int (*fn)(gamp_context *, void *), void *arg);
/* The same without waiting: -EAGAIN when there is no place. Go: Group.TryGo. */
GAMP_API int gamp_group_try_go(gamp_group *g, int (*fn)(gamp_context *, void *), void *arg);
/* The group's context, borrowed until gamp_group_wait returns. Does not block. */
GAMP_API gamp_context *gamp_group_context(gamp_group *g);
/* Waits until all have ended; cancels the context in any case. The first result that was not 0,
 * which had cancelled the context as its cause; else 0. g is then as before
 * init. Go: Group.Wait. */
GAMP_API int gamp_group_wait(gamp_group *g);

GAMP_END_DECLS

#endif

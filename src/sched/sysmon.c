/* SPDX-License-Identifier: BSD-3-Clause */
/* sysmon: a thread without a P that watches the others: takes the Ps of Ms that sleep in the
 * kernel, asks those that overrun their slice to leave, polls the network when nobody does.
 *
 * It looks every 20 us, and after 50 quiet looks half as often each time, down to each 10 ms; to
 * each 1 ms while goroutines wait and no P is idle, so that a block is noticed soon (who comes to
 * wait ends a longer nap), with one more
 * look 20 us behind each that leaves a doubt whether an M stands still: an M that does at both is
 * asked for its state, which costs too much to ask each. While all Ps are busy with goroutines that
 * do not switch, it sleeps in the poller: an event is then seen at once. When every P is idle and
 * was since the look before, it sleeps until one runs.
 *
 * It takes no memory from libc and calls nothing that could wait for a goroutine. */
#include "base/throw.h"
#include "event/event.h"
#include "os/linux/clock.h"
#include "os/linux/cpus.h"
#include "os/linux/futex.h"
#include "os/linux/membarrier.h"
#include "os/linux/sys.h"
#include "os/linux/thread.h"
#include "sched/aside.h"
#include "sched/choice.h"
#include "sched/deadlock.h"
#include "sched/globq.h"
#include "sched/mlife.h"
#include "sched/mstart.h"
#include "sched/netpoll.h"
#include "sched/preempt.h"
#include "sched/proc.h"
#include "sched/schedt.h"
#include "sched/solo.h"
#include "sched/stw.h"
#include "sched/sysmon.h"
#include "sched/trace_up.h"
#include <sys/prctl.h>

#define US 1000ll
#define MS 1000000ll

enum { QUIET_LOOKS = 50, SCAVENGE_AT_ONCE = 32768, HOG_AT = 50 * US };
enum { NAP_NOTE = 1, NAP_POLLER = 2 };

static const int64_t delay_min = 20 * US, delay_max = 10 * MS, delay_waiting = 1 * MS;
static const int64_t slice_long = 10 * MS, slice_short = 1 * MS;
static const int64_t patience_max = 5 * MS;
static const int64_t timer_patience = 200 * US;
static const int64_t poll_stale = 10 * MS, every_second = 1000 * MS;

static struct m sysmon_m;
static uint32_t started; /* atomic: it has its table of descriptors */

/* What a round saw. */
struct round {
    int64_t now;
    bool acted;       /* took a P, or nearly: look often */
    bool suspect;     /* the next look decides about an M: look once more at once */
    bool waiting;     /* goroutines wait and no P is idle */
    int64_t patience; /* of the next look, while there are hogs */
    int64_t shorts;   /* goroutines in the global queue that no P was asked for yet */
    int hogs;         /* Ps that run one that does not switch */
    bool all_hogs;    /* every P does */
    uint64_t ticks;   /* runs on all Ps so far */
    bool still;       /* none since the look before */
};

/* m sleeps in the kernel, in user code: takes its P. m->mon.cpu is what its clock stood at. */
static bool take(struct p *pp, struct m *m, bool hint)
{
    uint64_t tick = m->mon.tick;

    if (!sched.membarrier || !cas_acqrel(&m->stolen, STOLEN_OWNED, STOLEN_ASKING))
        return false;
    store_relaxed(&m->guard, GUARD_ASK);
    membarrier();
    /* Not in the runtime after the barrier: its next entry sees the guard. switches unchanged: no
     * run has put the guard back since. Clock unchanged: it is still asleep. */
    if (load_acquire(&m->inruntime) || load_relaxed(&m->switches) != tick ||
        load_relaxed(&pp->m) != m || (!hint && thread_cputime(m->cpuclock) != m->mon.cpu) ||
        !cas_acqrel(&m->stolen, STOLEN_ASKING, STOLEN_TAKEN)) {
        cas_acqrel(&m->stolen, STOLEN_ASKING, STOLEN_OWNED);
        return false;
    }
    m->mon.looked = nanotime();
    event_emit(EV_GO_BLOCKED, m->curg ? m->curg->goid : 0, (uint64_t)pp->id);
    fetch_add_relaxed(&sched.strays, 1);
    fetch_add_relaxed(&sched.strays_now, 1);
    fetch_add_relaxed(&sched.handoffs, 1);
    store_relaxed(&pp->m, NULL);
    store_release(&pp->status, Pidle);
    handoffp(pp);
    return true;
}

/* A signal would cut a sleep short, so only a thread that computes gets one. */
static bool burning(struct m *m, int64_t cpu, int64_t now)
{
    return m->mon.cpu >= 0 &&
           preempt_burning(m, cpu - m->mon.cpu, now - m->mon.looked, &m->mon.sleeps);
}

/* Somebody could use the P: a goroutine that waits, or the next event. */
static bool wanted(struct p *pp)
{
    return others_wait(pp) || load_relaxed(&sched.gcwaiting) ||
           load_relaxed(&sched.npidle) + load_relaxed(&sched.nmspinning) == 0;
}

/* The kernel has counted a sleep since it was asked before. */
static bool slept(struct m *m, int64_t before)
{
    if (m->mon.sleeps == before)
        m->mon.sleeps = aside_thread_sleeps(m->tid);
    return before >= 0 && m->mon.sleeps > before;
}

/* A signal for one that computes. One that computes and sleeps in turn, too shortly to be met
 * asleep,
 * goes on without the P: it wants it for a part of the time only, and no sleep is cut short. */
static void ask_to_leave(struct p *pp, struct m *m, int64_t cpu, struct round *r)
{
    int64_t before = m->mon.sleeps;

    preemptone(pp);
    if (!others_wait(pp) && !load_relaxed(&sched.gcwaiting))
        return;
    if (burning(m, cpu, r->now))
        preempt_signal(m);
    else if (slept(m, before))
        take(pp, m, true);
    else if (cpu > m->mon.cpu)
        r->suspect = true;
}

/* Near its end it is: another look costs more than what is left is worth. */
static bool over(int64_t ran, int64_t slice)
{
    return ran >= slice - slice / 16;
}

/* One that has computed for long will do so for longer: it is watched less closely, so that a look
 * comes late by no more than the time that it ran, before preemption stopped it too. The look after
 * a slice's end is in the middle of the next one's, unless the first request was in vain or others
 * are in a hurry. */
static void look_hog(struct p *pp, int64_t ran, int64_t before, int64_t slice, struct round *r)
{
    int64_t patience = MIN(MAX(before + ran, delay_waiting), delay_max);

    if (!over(ran, slice))
        patience = MIN(patience, MAX(slice - ran, delay_min));
    if (others_wait(pp)) {
        patience = MIN(patience, patience_max);
        if (over(ran, slice) && (slice < slice_long / 2 || ran > slice + delay_waiting))
            patience = MIN(patience, delay_waiting);
    }
    r->patience = MIN(r->patience, patience);
    r->hogs++;
}

/* What a run may take: less while one waits that is to go before those that computed for long, and
 * for which no other P was asked yet. */
static int64_t slice_of(struct p *pp, const struct m *m, const struct round *r)
{
    int64_t slice = r->shorts > 0 || runqwaits(pp) ? slice_short : slice_long;

    return slice + slice / 1024 * m->mon.jitter;
}

/* In user code since the last look: asleep, or burning its slice? */
static void look_user(struct p *pp, struct m *m, struct round *r)
{
    bool hint = m->hint;
    int64_t cpu = thread_cputime(m->cpuclock), slice = slice_of(pp, m, r), ran;

    if (m->mon.cpu0 < 0)
        m->mon.cpu0 = cpu;
    ran = cpu - m->mon.cpu0;
    /* One that only waits for a CPU of the machine is none that sleeps: no reason to look more
     * often. */
    if (cpu == m->mon.cpu && wanted(pp) && (hint || aside_thread_state(m->tid) != 'R')) {
        r->all_hogs = false;
        r->acted = r->suspect = true;
        if (take(pp, m, hint))
            return;
    } else if (ran > HOG_AT || m->mon.before > 0) {
        look_hog(pp, ran, m->mon.before, slice, r);
    } else {
        r->all_hogs = false;
        r->suspect = r->suspect || m->mon.cpu < 0;
    }
    if (over(ran, slice)) {
        if (cpu != m->mon.cpu && !runqwaits(pp))
            r->shorts--;
        ask_to_leave(pp, m, cpu, r);
    } else if (r->now - m->mon.since > slice_long && others_wait(pp) && slept(m, m->mon.sleeps)) {
        take(pp, m, true);
    }
    m->mon.cpu = m->mon.busy = cpu;
    m->mon.looked = r->now;
}

/* Its goroutines change. One may have blocked a moment ago all the same: when the thread ran for
 * less than three quarters of the time since the last look, what its clock stands at now tells at
 * the next one, soon. A P that is busy is not looked at more often for that. */
static void look_switched(struct p *pp, struct m *m, struct round *r)
{
    int64_t cpu = thread_cputime(m->cpuclock);
    int64_t moved = cpu - m->mon.busy;

    m->mon.busy = cpu;
    m->mon.cpu = m->mon.cpu0 = -1;
    m->mon.before = 0;
    if (load_acquire(&m->inruntime))
        return;
    m->mon.cpu = m->mon.cpu0 = cpu;
    r->suspect = r->suspect || (moved * 4 < (r->now - m->mon.looked) * 3 && wanted(pp));
}

/* It goes on where preemption had stopped it: one that computes, and will do so for long. */
static void look_resumed(struct m *m)
{
    m->mon.before += MAX(m->mon.cpu - m->mon.cpu0, slice_short);
    m->mon.cpu = m->mon.cpu0 = m->mon.busy = m->resumed.cpu;
    m->mon.sleeps = m->resumed.sleeps;
    m->mon.looked = m->mon.since = m->resumed.at;
}

/* A run that sysmon has not seen yet; true: of one that it has. */
static bool look_new(struct p *pp, struct m *m, uint64_t tick, struct round *r)
{
    m->mon.tick = tick;
    m->mon.sleeps = -1;
    m->mon.jitter = (int)sched_rand(257) - 128;
    if (load_relaxed(&m->resumed.tick) == tick) {
        look_resumed(m);
        return true;
    }
    m->mon.since = r->now;
    r->all_hogs = false;
    if (load_relaxed(&m->slice) > 0)
        preempt_slice(m, false);
    look_switched(pp, m, r);
    m->mon.looked = r->now;
    return false;
}

static void look_p(struct p *pp, struct round *r)
{
    struct m *m = load_acquire(&pp->m);
    uint64_t tick;

    if (!m || load_acquire(&pp->status) != Prunning) {
        /* Idle, or on its way to an M that waits for a CPU of the machine. */
        r->patience = MIN(r->patience, delay_waiting);
        return;
    }
    if (load_relaxed(&pp->wakewanted)) {
        store_relaxed(&pp->wakewanted, 0);
        pp->parks_next = 0; /* the guess was wrong; a lost update only delays the lesson */
        wakep();
    }
    /* Acquire: with what the handler noted of a run that it resumed. */
    tick = load_acquire(&m->switches);
    if (m->mon.tick != tick && !look_new(pp, m, tick, r))
        return;
    if (load_acquire(&m->inruntime)) {
        m->mon.cpu = -1;
        r->all_hogs = false;
        if (r->now - m->mon.since >= slice_long)
            preemptone(pp);
        return;
    }
    look_user(pp, m, r);
}

/* Ms that lost their P and burn CPU: stopped until they get one. */
static void look_strays(struct round *r)
{
    if (load_relaxed(&sched.strays_now) == 0)
        return;
    for (struct m *m = load_acquire(&sched.allm); m; m = m->alllink) {
        if (load_acquire(&m->stolen) == STOLEN_TAKEN && !m->dead) {
            int64_t cpu = thread_cputime(m->cpuclock);

            if (burning(m, cpu, r->now)) {
                preempt_signal(m);
                r->acted = true;
            }
            m->mon.cpu = cpu;
            m->mon.looked = r->now;
        }
        if (m->alllink == m)
            break;
    }
}

/* One that is to go before those that computed for long. */
static bool short_work_waits(void)
{
    if (load_seqcst(&sched.runqshort) != 0)
        return true;
    for (int32_t i = 0; i < load_relaxed(&gomaxprocs); i++)
        if (runqwaits(allp[i]))
            return true;
    return false;
}

static bool goroutines_wait(void)
{
    return load_relaxed(&sched.npidle) == 0 &&
           (load_relaxed(&sched.runqsize) != 0 || short_work_waits());
}

static void look(struct round *r)
{
    int32_t n = load_relaxed(&gomaxprocs);
    uint64_t ticks = 0;

    r->all_hogs = true;
    r->acted = r->suspect = false;
    r->hogs = 0;
    r->patience = delay_max;
    r->shorts = load_relaxed(&sched.runqshort);
    for (int32_t i = 0; i < n; i++) {
        look_p(allp[i], r);
        ticks += load_relaxed(&allp[i]->schedtick);
    }
    r->still = ticks == r->ticks;
    r->ticks = ticks;
    look_strays(r);
    r->waiting = goroutines_wait();
}

/* sysmon is no M that counts as running: between these, what it takes from the poller or the timers
 * does not pass for a deadlock. */
static void work_begin(void)
{
    store_relaxed(&sched.sysmonworks, 1);
    fence_seqcst();
}

static void work_end(struct gqueue *q)
{
    if (q->head)
        injectglist(q);
    lock(&sched.lock);
    store_relaxed(&sched.sysmonworks, 0);
    checkdead();
    unlock(&sched.lock);
}

/* How long a run may have taken before sysmon runs the timers of its P. Where others wait the slice
 * is short already, and what a timer wakes here would wait behind them, in the global queue: so the
 * P has its time to come by itself. */
static int64_t timer_turn(struct p *pp)
{
    return load_relaxed(&sched.runqshort) != 0 || runqwaits(pp) ? slice_long : timer_patience;
}

/* When the earliest timer is late enough to be sysmon's business. */
static int64_t timers_due(void)
{
    int64_t when = NEVER;

    for (int32_t i = 0; i < load_relaxed(&gomaxprocs); i++) {
        struct p *pp = allp[i];
        struct m *m = load_acquire(&pp->m);
        int64_t due = time_add(load_relaxed(&pp->timers.minwhen), timer_patience);

        if (m && due != NEVER)
            due = MAX(due, m->mon.since + timer_turn(pp));
        when = MIN(when, due);
    }
    return when;
}

/* Nobody waits for a P, so to look seldom is enough; until somebody does. One that comes to wait
 * just now may be missed: then the nap takes its time. */
static void nap_long(int64_t until)
{
    noteclear(&sched.napnote);
    store_seqcst(&sched.sysmonnaps, NAP_NOTE);
    if (goroutines_wait())
        until = 0;
    if (!notetsleep(&sched.napnote, until) && !xchg_acqrel(&sched.sysmonnaps, 0))
        notesleep(&sched.napnote); /* it is on its way */
}

void sysmon_rouse(void)
{
    uint32_t naps = xchg_acqrel(&sched.sysmonnaps, 0);

    if (naps == NAP_NOTE)
        notewakeup(&sched.napnote);
    else if (naps == NAP_POLLER)
        netpollbreak();
}

/* In the poller, since nobody else will look there soon. An event that nobody waits for is no
 * reason to end it: the other end of a local socket makes one each time it reads. Who comes to wait
 * for a P is; but where somebody did already, delay is short for that. */
static void nap_poller(int64_t now, int64_t until)
{
    struct gqueue q = {NULL, NULL, 0};
    bool armed = !short_work_waits();

    if (armed) {
        store_seqcst(&sched.sysmonnaps, NAP_POLLER);
        if (short_work_waits())
            until = now + delay_min;
    }
    do {
        work_begin();
        q = netpoll_beside(until - now);
        now = q.head ? until : nanotime();
        work_end(&q);
    } while (now + delay_min < until && (!armed || load_relaxed(&sched.sysmonnaps) == NAP_POLLER));
    store_relaxed(&sched.sysmonnaps, 0);
}

/* Sleeps for delay. */
static void nap(const struct round *r, int64_t delay)
{
    if (r->all_hogs && netpollinited() && !aside_blind() && load_relaxed(&sched.npidle) == 0 &&
        load_relaxed(&sched.lastpoll) != 0) {
        nap_poller(r->now, r->now + MAX(MIN(delay, timers_due() - r->now), delay_min));
        return;
    }
    if (delay <= delay_waiting)
        clock_sleep(delay);
    else
        nap_long(r->now + delay);
}

static void poll_if_stale(int64_t now)
{
    int64_t last = load_relaxed(&sched.lastpoll);
    struct gqueue q;

    if (!netpollinited() || aside_blind() || netpollwaiters() == 0 || last == 0 ||
        now - last < poll_stale)
        return;
    cas_relaxed(&sched.lastpoll, last, now);
    work_begin();
    q = netpoll(0);
    work_end(&q);
}

/* Due timers of Ps whose goroutines do not let the scheduler run: a few. An idle P would run them
 * too. */
static void timers_late(struct round *r)
{
    enum { FEW = 16 };

    for (int32_t i = 0; i < load_relaxed(&gomaxprocs); i++) {
        struct p *pp = allp[i];
        struct m *m = load_acquire(&pp->m);
        int64_t turn = timer_turn(pp);

        if (load_relaxed(&pp->timers.minwhen) > r->now - timer_patience)
            continue;
        if (load_relaxed(&sched.npidle) > 0) {
            wakep();
        } else if (m && m->mon.tick == load_relaxed(&m->switches) &&
                   m->mon.since <= r->now - turn) {
            struct gqueue none = {NULL, NULL, 0};
            bool ran = false;

            /* Their functions share with goroutines. */
            solo_end();
            work_begin();
            timers_run_some(&pp->timers, r->now, FEW, &ran);
            work_end(&none);
            r->suspect = r->suspect || turn == timer_patience;
        }
    }
}

static void refresh_procs(void)
{
    int32_t n;

    if (sched.procs_fixed)
        return;
    n = aside_cpus_available();
    /* Stopping the world needs sysmon to go on watching, so the template thread does it. */
    if (n != load_relaxed(&gomaxprocs)) {
        store_release(&sched.wantprocs, n);
        template_wake();
    }
}

static void once_a_second(int64_t now)
{
    static int64_t last;

    if (now - last < every_second)
        return;
    last = now;
    refresh_procs();
    m_retire();
    stack_scavenge(SCAVENGE_AT_ONCE);
    checkdead_again();
}

/* sysmonwait was set. Whoever clears it wakes: when the time is up and somebody was quicker, his
 * wake-up is on its way and must not meet the next sleep. */
static void sleep_on_note(int64_t until)
{
    if (!notetsleep(&sched.sysmonnote, until) && xchg_acqrel(&sched.sysmonwait, 0) == 0)
        notesleep(&sched.sysmonnote);
}

/* Nothing runs: until something does, or something is left to do each second. Who wakes it pays for
 * that, so the short gaps between the events of a busy program are none: it naps through them. */
static bool sleep_idle(void)
{
    bool idle;
    int64_t until = NEVER;

    lock(&sched.lock);
    /* The end is said before it takes this lock, and wakes sysmon behind it. */
    idle = load_relaxed(&sched.npidle) == load_relaxed(&gomaxprocs) &&
           load_relaxed(&sched.strays_now) == 0 && load_relaxed(&sched.phase) < PHASE_STOPPING;
    if (idle) {
        noteclear(&sched.sysmonnote);
        store_release(&sched.sysmonwait, 1);
        if (sched.deadsuspect || stack_scavenge_pending() || m_surplus())
            until = nanotime() + every_second;
        if (debug.schedtrace > 0)
            until = MIN(until, nanotime() + debug.schedtrace * MS);
    }
    unlock(&sched.lock);
    if (!idle)
        return false;
    sleep_on_note(until);
    return true;
}

void sysmon_wake(void)
{
    if (xchg_acqrel(&sched.sysmonwait, 0) == 1)
        notewakeup(&sched.sysmonnote);
}

/* No M schedules any more, but threads may still wait for timers. Whoever arms one that is earlier
 * than what was seen here sees sysmonwait (the fence pairs with timer_start's). */
_Noreturn static void timers_after_end(void)
{
    for (;;) {
        int64_t until = NEVER;
        bool ran = false;

        noteclear(&sched.sysmonnote);
        store_relaxed(&sched.sysmonwait, 1);
        fence_seqcst();
        for (int32_t i = 0; i < load_acquire(&gomaxprocs); i++)
            until = MIN(until, timers_run(&allp[i]->timers, nanotime(), &ran));
        sleep_on_note(until);
    }
}

/* How long until the next look, where delay is what it has come to. */
static int64_t next_look(const struct round *r, int64_t delay)
{
    if (r->suspect)
        return delay_min;
    if (r->hogs > 0 && r->all_hogs && load_relaxed(&sched.npidle) == 0)
        return r->patience;
    return delay;
}

static void sysmon(void *arg)
{
    struct round r = {0};
    int64_t delay = delay_min;
    int quiet = 0;

    (void)arg;
    m_attach(&sysmon_m, false);
    sysmon_m.rand = debug.seed;
    thread_sigmask_all();
    aside_own();
    store_release(&started, 1);
    futex_wake(&started, 1);
    prctl(PR_SET_TIMERSLACK, 1ul);
    for (;;) {
        if (load_acquire(&sched.phase) >= PHASE_STOPPING)
            timers_after_end();
        if (r.still && sleep_idle() && nanotime() - r.now > delay_max) {
            delay = delay_min;
            quiet = 0;
        }
        nap(&r, next_look(&r, delay));
        aside_refresh();
        r.now = nanotime();
        coarse_set(r.now);
        poll_if_stale(r.now);
        look(&r);
        timers_late(&r);
        if (debug.schedtrace > 0) {
            aside_stderr();
            schedtrace_tick(r.now);
        }
        once_a_second(r.now);
        quiet = r.acted ? 0 : quiet + 1;
        if (quiet == 0)
            delay = delay_min;
        else if (quiet > QUIET_LOOKS)
            delay = MIN(delay * 2, delay_max);
        if (r.waiting || (r.hogs > 0 && load_relaxed(&sched.npidle) == 0))
            delay = MIN(delay, delay_waiting);
    }
}

int sysmon_start(void)
{
    int err = thread_create(sysmon, NULL, 0);

    /* Its table is a copy of what there is before the program goes on. */
    while (!err && !load_acquire(&started))
        futex_wait(&started, 0, NEVER);
    return err;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "mem/stack.h"
#include "base/throw.h"
#include "lock/mutex.h"
#include "os/linux/vm.h"
#include <errno.h>
#ifdef HAVE_VALGRIND
#include <valgrind/valgrind.h>
#endif

struct slots {
    uintptr_t next, end; /* virgin slots of the newest mapping */
    uintptr_t *free;     /* [0, cold) have no pages, [cold, nfree) may have */
    uint32_t nfree, cap, cold;
    uint32_t spared; /* hot ones at the last scavenge */
    uint64_t mapped, promised, taken;
    uintptr_t *old; /* leftover ranges of earlier mappings: pairs (next, end) */
    uint32_t nold, capold;
};

static struct {
    struct mutex lock; /* LOCK_STACK; guards all */
    struct slots class[STACK_CLASSES];
    uint64_t unguarded;
} stacks = {.lock = MUTEX_INIT(LOCK_STACK)};

int stack_class(size_t want)
{
    if (want == 0)
        return 0;
    for (int k = 1; k < STACK_CLASSES; k++)
        if (want <= (size_t)16384 << (k - 1))
            return k;
    return -1;
}

size_t stack_guard_size(int class)
{
    (void)class;
    return STACK_GUARD;
}

size_t stack_slot_size(int class)
{
    return class == 0 ? STACK_DEFAULT_SLOT : ((size_t)16384 << (class - 1)) + STACK_GUARD;
}

/* Room for n words more in an array that lives in mappings of its own. */
static bool grow(uintptr_t **array, uint32_t *cap, uint32_t need)
{
    uint64_t n = *cap ? *cap : 512;
    uintptr_t *p;

    if (need <= *cap)
        return true;
    while (n < need)
        n *= 2;
    n = MIN(n, UINT32_MAX);
    p = *cap ? vm_remap(*array, *cap * sizeof **array, n * sizeof **array)
             : vm_map(n * sizeof **array);
    if (!p)
        return false;
    *array = p;
    *cap = (uint32_t)n;
    return true;
}

/* Maps room for need slots at least. Every slot has its place in the free array from now on, so
 * that giving back cannot fail. */
static int map_more(struct slots *s, int class, uint64_t need)
{
    size_t size = stack_slot_size(class);
    uint64_t n = class == 0 ? 256 : MAX(1, (4u << 20) / size);
    uint64_t total = s->mapped;
    char *p;

    if (class == 0)
        n = MAX(n, MIN(total, 4096));
    n = MAX(n, need);
    if (s->mapped + n > UINT32_MAX || !grow(&s->free, &s->cap, (uint32_t)(s->mapped + n)) ||
        !grow(&s->old, &s->capold, s->nold + 2))
        return -ENOMEM;
    p = vm_reserve(n * size, PAGE);
    if (!p && n > need) {
        n = need;
        p = vm_reserve(n * size, PAGE);
    }
    if (!p)
        return -ENOMEM;
    if (s->next < s->end) {
        s->old[s->nold++] = s->next;
        s->old[s->nold++] = s->end;
    }
    s->next = (uintptr_t)p;
    s->end = s->next + n * size;
    s->mapped += n;
    return 0;
}

int stack_promise(int class, uint32_t n)
{
    struct slots *s = &stacks.class[class];
    int err = 0;

    lock(&stacks.lock);
    if (s->promised + n > s->mapped)
        err = map_more(s, class, s->promised + n - s->mapped);
    if (!err)
        s->promised += n;
    unlock(&stacks.lock);
    return err;
}

void stack_unpromise(int class, uint32_t n)
{
    lock(&stacks.lock);
    stacks.class[class].promised -= n;
    unlock(&stacks.lock);
}

/* To valgrind a jump to a stack that it does not know is a very large frame, or the end of one. A
 * slot is never unmapped, so it hears of each once. A few instructions without effect otherwise. */
static void tell_valgrind(uintptr_t slot, int class)
{
#ifdef HAVE_VALGRIND
    VALGRIND_STACK_REGISTER(slot + stack_guard_size(class), slot + stack_slot_size(class));
#else
    (void)slot;
    (void)class;
#endif
}

static uintptr_t take_virgin(struct slots *s, int class)
{
    uintptr_t slot;

    if (s->next >= s->end) {
        invariant(s->nold >= 2);
        s->end = s->old[--s->nold];
        s->next = s->old[--s->nold];
    }
    slot = s->next;
    s->next += stack_slot_size(class);
    return slot;
}

int stack_take(int class, uintptr_t *slots, int n)
{
    struct slots *s = &stacks.class[class];
    int got = 0, virgin;

    lock(&stacks.lock);
    while (got < n && s->nfree > 0)
        slots[got++] = s->free[--s->nfree];
    s->cold = MIN(s->cold, s->nfree);
    s->spared = MIN(s->spared, s->nfree - s->cold);
    virgin = got;
    if (got == 0)
        slots[got++] = take_virgin(s, class);
    s->taken += (uint64_t)got;
    unlock(&stacks.lock);
    for (; virgin < got; virgin++) {
        if (vm_guard((void *)slots[virgin], stack_guard_size(class)) < 0)
            fetch_add_relaxed(&stacks.unguarded, 1);
        tell_valgrind(slots[virgin], class);
    }
    return got;
}

void stack_give(int class, const uintptr_t *slots, int n)
{
    struct slots *s = &stacks.class[class];

    lock(&stacks.lock);
    for (int i = 0; i < n; i++)
        s->free[s->nfree++] = slots[i];
    s->taken -= (uint64_t)n;
    unlock(&stacks.lock);
}

/* The oldest hot slots of a class lose their pages, a few at a time and under the lock: a taker
 * must not get one whose pages are on their way out. Those above cold + spared came back since the
 * last call and are likely to go out again. */
static int scavenge_class(int class, int max)
{
    enum { BATCH = 8 };
    struct slots *s = &stacks.class[class];
    size_t guard = stack_guard_size(class), size = stack_slot_size(class);
    int done = 0;
    bool more = true;

    while (more && done < max) {
        lock(&stacks.lock);
        for (int i = 0; i < BATCH && done < max && s->spared > 0; i++, done++, s->spared--)
            vm_unused((void *)(s->free[s->cold++] + guard), size - guard);
        more = s->spared > 0;
        unlock(&stacks.lock);
    }
    return done;
}

int stack_scavenge(int max)
{
    int done = 0;

    for (int c = 0; c < STACK_CLASSES; c++) {
        struct slots *s = &stacks.class[c];

        done += scavenge_class(c, max - done);
        lock(&stacks.lock);
        if (s->spared == 0)
            s->spared = s->nfree - s->cold;
        unlock(&stacks.lock);
    }
    return done;
}

bool stack_scavenge_pending(void)
{
    /* Relaxed: a hint. The hot lists of Ps are small and stay. */
    for (int c = 0; c < STACK_CLASSES; c++)
        if (load_relaxed(&stacks.class[c].nfree) > load_relaxed(&stacks.class[c].cold))
            return true;
    return false;
}

bool stack_in_guard(int class, uintptr_t lo, uintptr_t addr)
{
    return addr < lo && addr >= lo - stack_guard_size(class);
}

void stack_stats_read(struct stack_stats *out)
{
    *out = (struct stack_stats){0};
    lock(&stacks.lock);
    for (int c = 0; c < STACK_CLASSES; c++) {
        const struct slots *s = &stacks.class[c];

        out->mapped += s->mapped;
        out->mapped_bytes += s->mapped * stack_slot_size(c);
        out->promised += s->promised;
        out->taken += s->taken;
        out->resident += s->taken + (s->nfree - s->cold);
    }
    out->unguarded = load_relaxed(&stacks.unguarded);
    unlock(&stacks.lock);
}

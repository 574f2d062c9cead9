/* SPDX-License-Identifier: BSD-3-Clause */
/* link: unwind */
/* libunwind from inside goroutines: through the program's frames and the library's to the base of
 * the stack, where it ends and does not run on into what lies beyond. */
#define UNW_LOCAL_ONLY
#include "harness/test.h"
#include <gamp.h>
#include <libunwind.h>
#include <string.h>

static gamp_waitgroup wg;
static gamp_chan *c;

static void look(int depth)
{
    unw_context_t context;
    unw_cursor_t cursor;
    char name[128] = "", last[128];
    unw_word_t offset;
    int deep = 0, started = 0, frames = 0, more;

    CHECK_EQ(unw_getcontext(&context), 0);
    CHECK_EQ(unw_init_local(&cursor, &context), 0);
    do {
        strcpy(last, name);
        name[0] = '\0';
        unw_get_proc_name(&cursor, name, sizeof name, &offset);
        deep += strcmp(name, "go_deeper") == 0;
        started += strcmp(name, "gostart") == 0;
        CHECK_LT(++frames, depth + 30);
    } while ((more = unw_step(&cursor)) > 0);
    CHECK_MSG(more == 0, "it ended with %d after %s, %s", more, last, name);
    CHECK_EQ(deep, depth + 1);
    CHECK_EQ(started, 1);
    CHECK_STR(name, "arch_entry");
}

static __attribute__((noinline)) int go_deeper(int depth, int of)
{
    int r = 0;

    if (depth > 0) {
        r = go_deeper(depth - 1, of) + 1;
    } else {
        look(of);
        /* And on another thread, perhaps. */
        gamp_chan_recv(c, &r);
        look(of);
    }
    __asm__ volatile("" : "+r"(r));
    return r;
}

static void outermost(int depth)
{
    go_deeper(depth, depth);
    __asm__ volatile("" ::: "memory");
}

/* What it prepares at its first use it looks at without a lock, which ThreadSanitizer reports: here
 * that is over before a second one uses it. */
static void prepare(void)
{
    unw_context_t context;
    unw_cursor_t cursor;

    CHECK_EQ(unw_getcontext(&context), 0);
    CHECK_EQ(unw_init_local(&cursor, &context), 0);
    CHECK_GT(unw_step(&cursor), 0);
}

TEST_GO(ends_at_the_base)
{
    int v = 0;

    if (TEST_TSAN)
        test_skip("the sanitizer sees races in libunwind, whose locks it does not know");
    prepare();
    c = gamp_chan_of(int, 0);
    for (int i = 0; i < 20; i++)
        CHECK_EQ(gamp_waitgroup_go(&wg, outermost, i), 0);
    for (int i = 0; i < 20; i++)
        gamp_chan_send(c, &v);
    gamp_waitgroup_wait(&wg);
    gamp_chan_unref(c);
}

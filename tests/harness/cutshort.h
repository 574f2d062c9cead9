/* SPDX-License-Identifier: BSD-3-Clause */
/* cutshort: calls that wait, in goroutines that a preemption may reach.
 *
 * Who sleeps gets no signal, but one may be on its way when a thread that computed begins a call.
 * On amd64 the call is then made again (src/os/linux/rewind.h) and must not end with EINTR. On
 * arm64 it cannot be, and an emulator widens the moment: there the program makes it again.
 *
 *     CHECK_EQ(WAIT_CALL(poll(&p, 1, 25)), 0); */
#ifndef GAMP_TEST_CUTSHORT_H
#define GAMP_TEST_CUTSHORT_H

#include <errno.h>
#include <stdbool.h>

/* A call that failed just now was cut short, and may be. */
static inline bool cut_short(void)
{
#if defined(__x86_64__)
    return false;
#else
    return errno == EINTR;
#endif
}

#define WAIT_CALL(call)                                                                            \
    __extension__({                                                                                \
        int call_result_;                                                                          \
        do                                                                                         \
            call_result_ = (call);                                                                 \
        while (call_result_ < 0 && cut_short());                                                   \
        call_result_;                                                                              \
    })

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/time.hpp: std::chrono's durations for gamp. Part of gamp/gamp.hpp. */
#ifndef GAMP_TIME_HPP
#define GAMP_TIME_HPP

#include <gamp/time.h>

#include <chrono>

namespace gamp
{

/* A length in nanoseconds, as the C functions take it; too long ones saturate. */
template <class R, class P>
gamp_duration nanoseconds(std::chrono::duration<R, P> d)
{
    const auto exact = std::chrono::duration<long double, std::nano>(d).count();

    if (exact >= static_cast<long double>(GAMP_NEVER))
        return GAMP_NEVER;
    if (exact <= -static_cast<long double>(GAMP_NEVER))
        return -GAMP_NEVER;
    return std::chrono::duration_cast<std::chrono::nanoseconds>(d).count();
}

/* The point that far from now: c.recv_until(v, gamp::in(5s)). It saturates at GAMP_NEVER. */
template <class R, class P>
gamp_time in(std::chrono::duration<R, P> d)
{
    gamp_time at;

    if (__builtin_add_overflow(gamp_now(), nanoseconds(d), &at))
        return d.count() < 0 ? INT64_MIN : GAMP_NEVER;
    return at;
}

/* Stops the calling goroutine for at least d. */
template <class R, class P>
void sleep(std::chrono::duration<R, P> d)
{
    gamp_sleep(nanoseconds(d));
}

} // namespace gamp

#endif

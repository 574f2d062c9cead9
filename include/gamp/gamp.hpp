/* SPDX-License-Identifier: BSD-3-Clause */
/* gamp/gamp.hpp: gamp for C++17, in a header alone: goroutines of any callable, typed channels of
 * any type, select with handlers, and locks that the standard's guards take.
 *
 * Everything is a thin layer over the C functions, of which the headers below tell whether they
 * block and from where they may be called; the two mix freely. Failures are results as in C (0 or
 * a negative errno value); std::bad_alloc is thrown where a constructor cannot tell otherwise.
 *
 * A panic and gamp_goexit leave frames without running C++ destructors; what must happen then
 * too belongs in gamp::defer, gamp::lock_guard or gamp::shared_guard, which the runtime knows of.
 * Exceptions work as ever; one that leaves a goroutine's callable ends the program. */
#ifndef GAMP_GAMP_HPP
#define GAMP_GAMP_HPP

#include <gamp.h>
#include <gamp/chan.hpp>
#include <gamp/go.hpp>
#include <gamp/panic.hpp>
#include <gamp/select.hpp>
#include <gamp/sync.hpp>
#include <gamp/time.hpp>

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
#include "event/event.h"

event_fn *event_sink;

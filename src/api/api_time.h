/* SPDX-License-Identifier: BSD-3-Clause */
/* api_time: the door of gamp/time.h. */
#ifndef GAMP_API_TIME_H
#define GAMP_API_TIME_H

#include <gamp/time.h>

#endif

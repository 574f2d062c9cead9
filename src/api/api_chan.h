/* SPDX-License-Identifier: BSD-3-Clause */
/* api_chan: the door of gamp/chan.h. */
#ifndef GAMP_API_CHAN_H
#define GAMP_API_CHAN_H

#include <gamp/chan.h>

#endif

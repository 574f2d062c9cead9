/* SPDX-License-Identifier: BSD-3-Clause */
/* api_sync: the door of gamp/sync.h. */
#ifndef GAMP_API_SYNC_H
#define GAMP_API_SYNC_H

#include <gamp/sync.h>

#endif

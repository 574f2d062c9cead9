/* SPDX-License-Identifier: BSD-3-Clause */
/* api_map: the door of gamp_map in gamp/sync.h. */
#ifndef GAMP_API_MAP_H
#define GAMP_API_MAP_H

#include <gamp/sync.h>

#endif

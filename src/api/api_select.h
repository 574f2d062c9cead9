/* SPDX-License-Identifier: BSD-3-Clause */
/* api_select: the door of gamp/select.h. */
#ifndef GAMP_API_SELECT_H
#define GAMP_API_SELECT_H

#include <gamp/select.h>

#endif

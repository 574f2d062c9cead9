/* SPDX-License-Identifier: BSD-3-Clause */
/* api_context: the door of gamp/context.h. */
#ifndef GAMP_API_CONTEXT_H
#define GAMP_API_CONTEXT_H

#include <gamp/context.h>

#endif

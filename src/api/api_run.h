/* SPDX-License-Identifier: BSD-3-Clause */
/* api_run: the door for gamp/run.h. */
#ifndef GAMP_API_API_RUN_H
#define GAMP_API_API_RUN_H

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* api_os: the door for gamp/os.h. */
#ifndef GAMP_API_API_OS_H
#define GAMP_API_API_OS_H

#endif

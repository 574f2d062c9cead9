/* SPDX-License-Identifier: BSD-3-Clause */
/* The program of a library that comes after the archive, see late.c. */
#include <gamp.h>
#include <stdio.h>

int late_work(void);

GAMP_MAIN(argc, argv)
{
    (void)argc;
    (void)argv;
    printf("gamp %d.%d.%d %s: %d\n", GAMP_VERSION_MAJOR, GAMP_VERSION_MINOR, GAMP_VERSION_PATCH,
           gamp_version(), late_work());
    return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* sudog: see sudog.h. */
#include "sync/sudog.h"

void sudog_ready_all(struct sudog *list)
{
    struct sudog *sg;

    while ((sg = list) != NULL) {
        list = sg->next;
        /* One waiter runs next; more go to the tail, or the last to come would be the first to
         * run. */
        if (list)
            goready_tail(sg->g);
        else
            goready(sg->g);
    }
}

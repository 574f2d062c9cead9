/* SPDX-License-Identifier: BSD-3-Clause */
/* selectfd: see selectfd.h. */
#include "sync/selectfd.h"

static unsigned mode_of(const gamp_case *k)
{
    return k->kind == GAMP_CASE_READABLE ? PD_READ : PD_WRITE;
}

void selectfd_look(struct selector *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (is_fd(&s->cases[i]))
            s->waits[i].fd_ready = polldesc_ready(s->cases[i].fd, mode_of(&s->cases[i]));
}

void selectfd_arm(struct selector *s, uint32_t ticket)
{
    struct g *gp = getg();

    pollgate_init(&s->gate);
    for (uint32_t i = 0; i < s->n; i++) {
        const gamp_case *k = &s->cases[i];
        struct selcase *w = &s->waits[i];

        if (!is_fd(k))
            continue;
        w->fd.g = gp;
        w->fd.param = w;
        w->fd.gate = &s->gate;
        w->fd.ticket = ticket;
        /* What cannot be waited for is ready: its operation would not park, but give data or an
         * error. */
        w->fd_ready = polldesc_select_arm(k->fd, mode_of(k), &w->fd) != 0 ||
                      polldesc_ready(k->fd, mode_of(k));
    }
}

void selectfd_disarm(struct selector *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (is_fd(&s->cases[i]))
            polldesc_select_disarm(&s->waits[i].fd);
    pollgate_leave(&s->gate);
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* philosophers: five of them around a table, a fork between each two, and two forks needed to eat.
 *
 * If each took the fork on his left first, all might hold one and wait for ever. Here everybody
 * takes the fork with the lower number first, so a circle of waiters cannot close. */
#include <gamp.h>
#include <stdio.h>

enum { SEATS = 5, MEALS = 3 };

struct philosopher {
    const char *name;
    gamp_mutex *first, *second;
    int meals;
};

static void dine(struct philosopher *p)
{
    while (p->meals < MEALS) {
        gamp_sleep(GAMP_MILLISECOND); /* thinks */
        gamp_mutex_lock(p->first);
        gamp_mutex_lock(p->second);
        p->meals++;
        gamp_mutex_unlock(p->second);
        gamp_mutex_unlock(p->first);
    }
}

GAMP_MAIN(argc, argv)
{
    static const char *const names[SEATS] = {"Thales", "Hypatia", "Averroes", "Kant", "Arendt"};
    struct philosopher table[SEATS];
    gamp_mutex forks[SEATS] = {0};
    gamp_waitgroup dinner = {0};

    for (int i = 0; i < SEATS; i++) {
        int left = i, right = (i + 1) % SEATS;

        table[i] = (struct philosopher){
            .name = names[i],
            .first = &forks[left < right ? left : right],
            .second = &forks[left < right ? right : left],
        };
        if (gamp_waitgroup_go(&dinner, dine, &table[i]) < 0)
            return 1;
    }
    gamp_waitgroup_wait(&dinner);
    for (int i = 0; i < SEATS; i++)
        printf("%s ate %d times\n", table[i].name, table[i].meals);
    return 0;
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* linear: whether a history of operations on channels is linearizable: whether there is an order of
 * them that agrees with what came after what in time and that a plain bounded queue, one a channel,
 * could have given.
 *
 * Who records takes a number of one common counter before each operation and one after it. An
 * operation has one case, or several (a select); its outcome is one of enum outcome.
 * The queues' rules:
 *   DONE send      open, not full: the value goes to the end
 *   DONE recv      the value is the first
 *   CLOSED recv    closed and empty
 *   PANICKED       it has a send to a closed channel; a close: of a closed one
 *   NOTHING        none of its cases could go on at that moment (try, time-out, default)
 *   ANYWAY         something else ended it that may come at any time
 *   DONE close     open; closed from then on
 * On a channel without capacity a send and a receive are done in one common step.
 * There NOTHING cannot be told from a partner who had not quite come: it must only be open.
 *
 * The search is Wing and Gong's, with Lowe's memory of the pairs (operations done, state) that
 * have failed. */
#ifndef GAMP_TEST_LINEAR_H
#define GAMP_TEST_LINEAR_H

#include <stdbool.h>
#include <stdint.h>

enum { LINEAR_OPS = 64, LINEAR_CHANS = 3, LINEAR_CAP = 4, LINEAR_CASES = 3 };

enum linear_kind { LINEAR_SEND, LINEAR_RECV, LINEAR_CLOSE };
enum linear_outcome { LINEAR_DONE, LINEAR_CLOSED, LINEAR_PANICKED, LINEAR_NOTHING, LINEAR_ANYWAY };

struct linear_op {
    uint64_t begin, end;
    uint8_t outcome;
    uint8_t which; /* the case that was done, or found its channel closed */
    uint8_t ncases;
    struct {
        uint8_t kind, chan;
        uint8_t value; /* sent or received; 1 to 255, each sent once at most */
    } cases[LINEAR_CASES];
};

struct linear_history {
    uint8_t cap[LINEAR_CHANS];
    int n;
    struct linear_op op[LINEAR_OPS];
};

enum linear_verdict { LINEAR_YES, LINEAR_NO, LINEAR_TOO_WIDE };

/* Sorts h->op by begin. Several threads may check at once, each its own history. */
enum linear_verdict linear_check(struct linear_history *h);
/* On stderr. */
void linear_print(const struct linear_history *h);

#endif

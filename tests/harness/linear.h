/* SPDX-License-Identifier: BSD-3-Clause */
/* linear: whether a history of operations on channels is linearizable: whether there is an order of
 * them that agrees with what came after what in time and that plain channels, each a bounded queue
 * of values and a line of those who wait, could have given.
 *
 * Who records takes a number of one common counter before each operation and one after it. An
 * operation has one case, or several (a select); its outcome is one of enum outcome. It *comes* at
 * one moment between the two numbers: what can go on then, does; what cannot stands in line from
 * then on, first in, first out, until another that comes takes it along:
 *   send      takes the first in line that receives along, else its value goes to the end
 *   recv      takes the first value, and the first in line that sends may add its own, or takes
 *             that one along
 *   close     takes all in line along
 *   NOTHING   (try, time-out, default) none of its cases could go on when it came
 *   ANYWAY    something else ended it, which may come at any time
 * Who is never taken along has left the line when its time was up, without a trace.
 *
 * From outside nobody can tell who stood in line already and who was still on the way; `parked`,
 * where it is known, is a moment at which an operation did.
 *
 * The search is Wing and Gong's, with Lowe's memory of the states that have failed. */
#ifndef GAMP_TEST_LINEAR_H
#define GAMP_TEST_LINEAR_H

#include <stdbool.h>
#include <stdint.h>

enum { LINEAR_OPS = 64, LINEAR_CHANS = 3, LINEAR_CAP = 4, LINEAR_CASES = 3 };

enum linear_kind { LINEAR_SEND, LINEAR_RECV, LINEAR_CLOSE };
enum linear_outcome { LINEAR_DONE, LINEAR_CLOSED, LINEAR_PANICKED, LINEAR_NOTHING, LINEAR_ANYWAY };

struct linear_op {
    uint64_t begin, end;
    uint64_t parked; /* it stood in line then; 0: not known */
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

/* SPDX-License-Identifier: BSD-3-Clause */
/* record: a stand-in for the library that writes down what the headers' macros call it with. */
#ifndef RECORD_H
#define RECORD_H

#include <gamp.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);                \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

GAMP_BEGIN_DECLS

#define RECORD_BYTES 64

/* The last call of each family; calls counts them all. */
extern struct record {
    unsigned calls;
    const char *what;
    void (*fn)(void);
    uintptr_t words[6];
    unsigned nwords;
    bool options;
    size_t stack_size;
    char name[32];
    gamp_waitgroup *wg;
    gamp_chan *chan;
    const void *elem;
    unsigned char bytes[RECORD_BYTES]; /* of elem, for sends with a size */
    size_t size;
    gamp_time until;
    gamp_case cases[64];
    size_t ncases;
    int sigs[8];
    size_t nsigs;
} record;

/* What the functions above answer, one after the other. */
extern int record_answer;

void record_clear(void);
/* The names of the GAMP_INIT hooks, in the order in which they would run. */
const char *record_init_order(void);
void record_init_run(void);
unsigned record_errno_asked(void);

GAMP_END_DECLS

#endif

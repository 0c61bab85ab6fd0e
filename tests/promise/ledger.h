/* ledger.h - what each device sent and what it was told: one side of the five promises (judge.h).
 *
 * A device numbers its messages from 0.  Messages 0 .. sent-1 were sent at least once, 0 .. acked-1
 * were acknowledged.  Those in flight when a connection ended may or may not be stored; each such
 * end leaves a span, and a message may be stored once more for each span it lies in.
 */
#ifndef PROMISE_LEDGER_H
#define PROMISE_LEDGER_H

#include <stdint.h>

#include "base/err.h"

enum { LEDGER_ID_MAX = 63, LEDGER_ACCOUNTS_MAX = 100000 };

struct span {
    uint64_t from, to; /* `to` is the first behind it */
};

struct account {
    char id[LEDGER_ID_MAX + 1]; /* the device's */
    uint64_t sent, acked;
    struct span *uncertain;
    size_t uncertain_count, uncertain_cap;
};

struct ledger {
    struct account *accounts;
    unsigned count;
};

void ledger_init(struct ledger *l, unsigned count);
void ledger_fini(struct ledger *l);

/* The connection ended with these unacknowledged; an empty span is none. */
void account_unsettled(struct account *a, uint64_t from, uint64_t to);

/* How often the message may be stored at most. */
unsigned account_copies_max(const struct account *a, uint64_t number);

/* A line for each account: id,index,sent,acked[,from-to ...].  ERR_IO, ERR_CORRUPT with a text. */
enum err ledger_save(const struct ledger *l, const char *path) MUST_USE;
enum err ledger_load(struct ledger *l, const char *path) MUST_USE;

#endif

/* judge.h - what must be true of the log, whatever happened.
 *
 *   1. every acknowledged message is stored;
 *   2. per partition, ordinals and sequence numbers rise by one, enqueued times never fall;
 *   3. per device, first occurrences are in the order of sending;
 *   4. a message is stored more than once only if it was unacknowledged when a connection ended, and
 *      no more often than it can have been sent;
 *   5. nothing is stored that was not sent, by whom it says, and every body is as it was sent.
 *
 * Runs on: one thread, which also runs the lanes of the log.
 */
#ifndef PROMISE_JUDGE_H
#define PROMISE_JUDGE_H

#include "ledger.h"
#include "log/log.h"

enum judge_kind {
    JUDGE_LOST,       /* acknowledged and not there */
    JUDGE_REPEATED,   /* there more often than allowed */
    JUDGE_DISORDERED, /* a first occurrence out of the order of sending */
    JUDGE_FOREIGN,    /* nobody sent it, or somebody else did */
    JUDGE_DAMAGED,    /* its bytes changed; its numbers are wrong */
    JUDGE_KINDS
};

struct judge {
    const struct ledger *ledger;
    bool among_others;   /* messages of devices that have no account are let be */
    unsigned stream;     /* of the log; others than 0 are endpoints of routes: */
    bool may_repeat;     /* at least once is what was promised: not the fourth */
    struct lane *reader; /* an address of the judge's own */
    struct log *log;
    bool (*step)(void *ctx); /* lets the log's lanes run; false: nothing will happen any more */
    void *ctx;
    void (*violated)(void *ctx, enum judge_kind kind, const char *what); /* NULL: only counted */

    /* It is of somebody without an account, who is judged elsewhere: all but its numbers.  NULL: nobody is. */
    bool (*other)(void *ctx, struct slice sender, struct slice body);

    uint64_t records, found[JUDGE_KINDS]; /* the findings */

    struct judge_seen *seen; /* private from here on: by account */
    struct log_asker asker;
    struct log_read_done answer;
    bool answered;
    uint64_t ordinal;
    int64_t sequence, enqueued_us;
};

const char *judge_kind_name(enum judge_kind kind);

/* Reads the whole log.  Returns the number of violations. */
uint64_t judge_log(struct judge *j);

/* The same step by step: a partition begins, one of its records follows, all have been seen. */
void judge_begin(struct judge *j);
void judge_partition(struct judge *j);
void judge_record(struct judge *j, const struct record *r);
uint64_t judge_end(struct judge *j);

#endif

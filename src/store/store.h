/* store.h - the database: named statements, atomic units, paged queries.
 *
 * A unit is a short list of (named statement, arguments, expected row count), atomic as a whole.
 * When a statement breaks a constraint or touches another number of rows than expected, nothing of
 * the unit happens and the answer is ERR_CONFLICT with the place of that statement.  Etags, versions
 * and fencing are all this one mechanism.  A query is one statement that returns one page of rows;
 * it sees a snapshot for that page, and every unit that was acknowledged before it was asked.
 *
 * Runs on: store_open/store_close and store_now_* on the starting thread while no lane runs; the
 *          store itself on three lanes: `store` writes, `storeread` answers queries, `storecheck`
 *          copies the write-ahead log into the database (it syncs twice, and a device that connects
 *          must not wait for that behind a query).  Everything else on the lane that asks.
 * Promise: a unit answered OK survives kill -9, a power cut and the loss of every unsynced write.
 *          After a failed write or sync the store is poisoned: units are answered ERR_IO and
 *          store_healthy() is false until a restart has recovered.  Queries go on.
 * Order:   units of one queue happen in the order in which they came.
 * Limits:  the constants below.  ERR_THROTTLED: the queue is full, or free disk is below the
 *          reserve; ERR_FULL: the disk is full; ERR_TOO_BIG: a unit or a row over its limit.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/cur.h"
#include "base/io.h"
#include "post/post.h"

#define STORE_FILE         "store.db"
#define STORE_SNAPSHOT     "store-snapshot.db"
#define STORE_SNAPSHOT_NEW "store-snapshot.db-new" /* while it is made */

enum {
    STORE_QUEUE_MAX = 4096,             /* units waiting in each of the two queues */
    STORE_TX_UNITS_MAX = 1000,          /* units that share one transaction and one sync */
    STORE_TX_US_MAX = 5000,             /* no further unit joins a transaction of that age */
    STORE_BULK_EVERY = 16,              /* of so many units one may be bulk while others wait */
    STORE_UNIT_BYTES_MAX = 4 << 20,     /* of a unit or a query */
    STORE_STATEMENTS_MAX = 255,         /* of a unit */
    STORE_PARAMS_MAX = 32,              /* of a statement */
    STORE_COLUMNS_MAX = 32,             /* of a row */
    STORE_PAGE_ROWS_MAX = 1000,         /* then the page ends and `more` is true */
    STORE_PAGE_BYTES_MAX = 1 << 20,     /* likewise, after at least one row */
    STORE_WAL_CHECKPOINT = 4 << 20,     /* write-ahead log that is worth a checkpoint */
    STORE_WAL_MAX = 64 << 20,           /* the writer stops and checkpoints by itself */
    STORE_RESERVE_RECHECK_US = 1000000, /* while free disk is below the reserve */
    STORE_FILE_RECHECK_US = 1000000,    /* whether the database is still in its directory */
    STORE_ANY = -1,                     /* any number of rows will do */
};

enum store_kind {
    STORE_UNIT = POST_STORE, /* to `store`, answered with STORE_ANSWER */
    STORE_QUERY,             /* to `storeread`, answered with STORE_ANSWER */
    STORE_ANSWER,
    STORE_INTERNAL, /* from here on: between the store's own lanes */
};

enum store_queue { STORE_INTERACTIVE, STORE_BULK };

struct store;

struct store_config {
    struct io *io;                     /* its root holds STORE_FILE and its write-ahead log */
    struct lane *write, *read, *check; /* initialised, not running yet */
    uint64_t reserve_bytes;            /* free disk kept back; units are refused below; 0: none */
};

/* ---- life */

/* Recovers what is there or makes a new store, and migrates its tables.
 * ERR_VERSION: written by a newer program, fail_text() names both versions. */
enum err store_open(const struct store_config *cfg, struct store **out) MUST_USE;

/* After the lanes have stopped.  NULL is fine. */
void store_close(struct store *s);

bool store_healthy(const struct store *s);   /* any thread */
bool store_accepting(const struct store *s); /* healthy and above the reserve; any thread */

/* ---- statements: written in x.sql beside their capability, made into C by the build */

/* -- :name device_get       becomes  struct store_statement sql_device_get */
struct store_statement {
    const char *name, *text;
    const char *params[STORE_PARAMS_MAX]; /* without '$', in order of first appearance */
    unsigned param_count;
    unsigned id; /* given by store_register() */
};

void store_register(struct store_statement *s); /* by generated code, before main() */

/* ---- asking: a request is begun, filled and given to store_ask() or store_now_*() */

struct store_request {
    struct buf body; /* a message under construction */
    const struct store_statement *statement;
    uint32_t given; /* parameters of `statement` that have a value */
    uint16_t kind;
};

/* A unit without statements; store_add() appends them. */
void store_begin_unit(struct store_request *r, enum store_queue queue);
void store_add(struct store_request *r, const struct store_statement *s, int32_t expected_rows);
void store_begin_query(struct store_request *r, const struct store_statement *s);

/* The value of a parameter of the newest statement, by its name.  Each has exactly one. */
void store_put_int(struct store_request *r, const char *param, int64_t value);
void store_put_text(struct store_request *r, const char *param, struct slice value); /* UTF-8 */
void store_put_blob(struct store_request *r, const char *param, struct slice value);
void store_put_null(struct store_request *r, const char *param);

/* ---- answers */

enum store_type { STORE_NULL, STORE_INT, STORE_TEXT, STORE_BYTES };

struct store_value {
    enum store_type type;
    int64_t number;     /* STORE_INT */
    struct slice bytes; /* STORE_TEXT, STORE_BYTES; borrowed from the answer */
};

struct store_answer {
    enum err err;
    uint32_t statement; /* of a unit: which one conflicted, from 0 */
    uint32_t columns;
    bool more;                                 /* of a query: the page ended before the rows did */
    struct store_value col[STORE_COLUMNS_MAX]; /* of the current row, in the order of the SELECT */
    uint32_t rows_left;
    struct cur at;
};

/* To the next row; false after the last. */
bool store_next(struct store_answer *a);

/* Who waits for an answer.  Embedded in its owner; the store calls `fn` once, unless forgotten. */
struct store_wait {
    void (*fn)(struct store_wait *w, struct store_answer *a);
    struct addr slot;
};

/* Once per lane that asks: answers on this lane find their store_wait. */
void store_attach(struct lane *lane);

/* Sends the request, which is then empty again.  `w` lives until it is called or forgotten. */
void store_ask(const struct store *s, struct lane *lane, struct store_request *r,
               struct store_wait *w);

/* A whole copy of the store as it is when its turn comes goes into STORE_SNAPSHOT, synced; what was there is
 * gone.  Others go on.  The answer has no rows. */
void store_snapshot(const struct store *s, struct lane *lane, struct store_wait *w);

/* The answer will find nobody. */
void store_forget(struct lane *lane, struct store_wait *w);

/* At start and stop, while no lane runs.  The rows borrow from *page: msg_free() it. */
enum err store_now_unit(struct store *s, struct store_request *r) MUST_USE;
enum err store_now_query(struct store *s, struct store_request *r, struct store_answer *a,
                         struct msg **page) MUST_USE;

#endif

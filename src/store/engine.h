/* engine.h - what a database must be able to do to be the store; private to store/.
 *
 * store.c has the lanes, the queues and the promises; an engine has the connections.  An engine is
 * used by three lanes at once, each in its own calls: write (is_there, begin, unit, commit, rollback,
 * script, backlog), read (query), check (checkpoint).
 */
#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include "store/store.h"

struct engine;

struct unit_result {
    enum err err;
    uint32_t statement; /* which one conflicted */
};

struct store_engine {
    const char *name;
    enum err (*open)(struct io *io, struct engine **out);
    void (*close)(struct engine *e);
    bool (*is_there)(const struct engine *e); /* false: its file was removed meanwhile */

    /* One transaction.  `unit` sets *result at the latest when `commit` returns: ERR_CONFLICT,
     * ERR_TOO_BIG and ERR_INVALID (the database could not make sense of it) concern that unit only.
     * An error that a function returns ends the transaction; the caller then calls `rollback`.
     * `commit` returns after everything is durable. */
    enum err (*begin)(struct engine *e);
    enum err (*unit)(struct engine *e, struct slice request, struct unit_result *result);
    enum err (*commit)(struct engine *e);
    void (*rollback)(struct engine *e);
    enum err (*script)(struct engine *e, const char *sql); /* several statements, at start only */

    /* Appends a whole answer (answer_begin() to answer_end()) to `page`. */
    void (*query)(struct engine *e, struct slice request, struct buf *page);

    uint64_t (*backlog)(const struct engine *e); /* bytes that wait for a checkpoint */
    enum err (*checkpoint)(struct engine *e);    /* on the lane `check` */
    enum err (*snapshot)(struct engine *e);      /* to STORE_SNAPSHOT, on the lane `check` */
    enum err (*drain)(struct engine *e);         /* the same on the lane `write` */
};

/* ---- requests */

/* A statement of a request with its arguments, in the order of statement->params. */
struct request_step {
    const struct store_statement *statement;
    int32_t expected_rows;
    struct store_value value[STORE_PARAMS_MAX];
};

struct request_cur {
    enum store_queue queue;
    unsigned left;
    struct cur at;
};

struct msg *request_end(struct store_request *r);
struct request_cur request_read(struct slice request);
bool request_next(struct request_cur *c, struct request_step *step);

/* ---- answers */

struct answer_writer {
    struct buf *out;
    size_t start;
    uint32_t columns, rows;
};

void answer_begin(struct answer_writer *w, struct buf *out, unsigned columns);
void answer_row(struct answer_writer *w, const struct store_value *values);
void answer_end(struct answer_writer *w, bool more);
void answer_error(struct buf *out, enum err err, uint32_t statement); /* instead of the three */

void answer_read(struct store_answer *a, struct slice body);

/* ---- statements */

enum { STATEMENTS_MAX = 1024 };

const struct store_statement *statement_get(unsigned id);

/* ---- migrations */

struct store_migration {
    unsigned number;
    const char *name, *text;
};

extern const struct store_migration store_migrations[]; /* made by the build, ends with number 0 */

/* Brings the tables to the last of `list`; all or nothing. */
enum err store_migrate(const struct store_engine *engine, struct engine *e,
                       const struct store_migration *list) MUST_USE;

#endif

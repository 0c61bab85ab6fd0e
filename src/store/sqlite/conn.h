/* conn.h - one SQLite connection with its prepared statements; belongs to one lane. */
#ifndef STORE_SQLITE_CONN_H
#define STORE_SQLITE_CONN_H

#include "store/engine.h"
#include "store/sqlite/vfs.h"

enum { CONN_CACHE_KIB = 8192 }; /* pages kept in memory per connection */

struct conn {
    sqlite3 *db;
    sqlite3_stmt *prepared[STATEMENTS_MAX]; /* by statement->id, made at first use */
};

enum err conn_open(struct conn *c, const struct vfs *vfs, const char *path) MUST_USE;
void conn_close(struct conn *c);

/* What SQLite's code means, with its words in fail_text(). */
enum err conn_error(const struct conn *c, int rc);

enum err conn_exec(struct conn *c, const char *sql) MUST_USE;

/* Prepared and with the step's values, which live until sqlite3_reset(). */
enum err conn_bind(struct conn *c, const struct request_step *step, sqlite3_stmt **out) MUST_USE;

#endif

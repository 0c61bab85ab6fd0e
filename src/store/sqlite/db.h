/* db.h - one SQLite connection with its prepared statements; belongs to one lane. */
#ifndef STORE_SQLITE_DB_H
#define STORE_SQLITE_DB_H

#include "store/engine.h"
#include "store/sqlite/vfs.h"

enum { CONN_CACHE_KIB = 8192 }; /* pages kept in memory per connection */

struct db {
    sqlite3 *db;
    sqlite3_stmt *prepared[STATEMENTS_MAX]; /* by statement->id, made at first use */
};

enum err db_open(struct db *c, const struct vfs *vfs, const char *path) MUST_USE;
void db_close(struct db *c);

/* What SQLite's code means, with its words in fail_text(). */
enum err db_error(const struct db *c, int rc);

enum err db_exec(struct db *c, const char *sql) MUST_USE;

/* Prepared and with the step's values, which live until sqlite3_reset(). */
enum err db_bind(struct db *c, const struct request_step *step, sqlite3_stmt **out) MUST_USE;

#endif

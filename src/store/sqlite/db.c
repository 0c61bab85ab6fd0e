/* db.c - opens, prepares, binds, translates errors. */
#include "store/sqlite/db.h"

#include <stdio.h>

static const char *const settings = "PRAGMA synchronous=FULL;"
                                    "PRAGMA wal_autocheckpoint=0;"
                                    "PRAGMA foreign_keys=ON;"
                                    "PRAGMA temp_store=MEMORY;"
                                    "PRAGMA trusted_schema=OFF;";

/* The file layer's words say more than SQLite's where it failed. */
static enum err fail_with_io(enum err code, const char *said)
{
    char why[256];
    snprintf(why, sizeof why, "%s", fail_text());
    return fail(code, "database: %s (%s)", said, why);
}

enum err db_error(const struct db *c, int rc)
{
    const char *said = c->db ? sqlite3_errmsg(c->db) : sqlite3_errstr(rc);
    switch (rc & 0xff) {
    case SQLITE_OK: return OK;
    case SQLITE_CONSTRAINT: return ERR_CONFLICT;
    case SQLITE_TOOBIG: return ERR_TOO_BIG;
    case SQLITE_FULL: return fail_with_io(ERR_FULL, said);
    case SQLITE_ERROR:
    case SQLITE_MISMATCH: return fail(ERR_INVALID, "database: %s", said);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return fail(ERR_CORRUPT, "database: %s", said);
    default: return fail_with_io(ERR_IO, said);
    }
}

enum err db_exec(struct db *c, const char *sql)
{
    return db_error(c, sqlite3_exec(c->db, sql, NULL, NULL, NULL));
}

enum err db_open(struct db *c, const struct vfs *vfs, const char *path)
{
    char cache[64];
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(path, &c->db, flags, vfs->name);
    if (rc == SQLITE_BUSY) return fail(ERR_CONFLICT, "another program has %s open", path);
    if (rc != SQLITE_OK) return db_error(c, rc);
    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_limit(c->db, SQLITE_LIMIT_LENGTH, STORE_UNIT_BYTES_MAX);
    rc = sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (rc != SQLITE_OK) return db_error(c, rc);
    snprintf(cache, sizeof cache, "PRAGMA cache_size=-%d", CONN_CACHE_KIB);
    TRY(db_exec(c, cache));
    return db_exec(c, settings);
}

void db_close(struct db *c)
{
    for (unsigned i = 0; i < STATEMENTS_MAX; i++) sqlite3_finalize(c->prepared[i]);
    int rc = sqlite3_close(c->db);
    assert(rc == SQLITE_OK);
    *c = (struct db){0};
}

/* SQLite numbers `$name` parameters by first appearance, as sqlgen lists them. */
static void assert_same_params(const struct store_statement *s, sqlite3_stmt *stmt)
{
    assert(sqlite3_bind_parameter_count(stmt) == (int)s->param_count);
    for (unsigned i = 0; i < s->param_count; i++)
        assert(strcmp(sqlite3_bind_parameter_name(stmt, (int)i + 1) + 1, s->params[i]) == 0);
}

static enum err prepare(struct db *c, const struct store_statement *s, sqlite3_stmt **out)
{
    sqlite3_stmt **kept = &c->prepared[s->id];
    if (*kept == NULL) {
        int rc = sqlite3_prepare_v3(c->db, s->text, -1, SQLITE_PREPARE_PERSISTENT, kept, NULL);
        if (rc != SQLITE_OK) return db_error(c, rc);
        assert_same_params(s, *kept);
    }
    *out = *kept;
    return OK;
}

static int bind_value(sqlite3_stmt *stmt, int place, const struct store_value *v)
{
    const char *bytes = v->bytes.len ? (const char *)v->bytes.ptr : "";
    switch (v->type) {
    case STORE_NULL: return sqlite3_bind_null(stmt, place);
    case STORE_INT: return sqlite3_bind_int64(stmt, place, v->number);
    case STORE_TEXT:
        return sqlite3_bind_text64(stmt, place, bytes, v->bytes.len, SQLITE_STATIC, SQLITE_UTF8);
    case STORE_BYTES: return sqlite3_bind_blob64(stmt, place, bytes, v->bytes.len, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

enum err db_bind(struct db *c, const struct request_step *step, sqlite3_stmt **out)
{
    TRY(prepare(c, step->statement, out));
    for (unsigned i = 0; i < step->statement->param_count; i++) {
        int rc = bind_value(*out, (int)i + 1, &step->value[i]);
        if (rc != SQLITE_OK) return db_error(c, rc);
    }
    return OK;
}

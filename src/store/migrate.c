/* migrate.c - brings the tables of an older version to this one's, all or nothing.
 *
 * A migration is a file migrations/NNNN_name.sql that never changes after a release.  The table
 * schema_migration has a row for each one that was applied; the highest number is the version.
 */
#include "base/clock.h"
#include "base/say.h"
#include "store/engine.h"
#include "store/migrate_sql.h"

static const char *const bootstrap =
    "CREATE TABLE IF NOT EXISTS schema_migration ("
    "number BIGINT PRIMARY KEY, name TEXT NOT NULL, applied_us BIGINT NOT NULL)";

static enum err read_version(const struct store_engine *engine, struct engine *e, unsigned *version)
{
    struct store_request r;
    struct store_answer a;
    struct buf page = {0};
    store_begin_query(&r, &sql_schema_version);
    struct msg *m = request_end(&r);
    engine->query(e, msg_body(m), &page);
    msg_free(m);
    answer_read(&a, buf_slice(&page));
    if (a.err == OK && store_next(&a)) *version = (unsigned)a.col[0].number;
    buf_free(&page);
    return a.err;
}

static enum err apply(const struct store_engine *engine, struct engine *e,
                      const struct store_migration *migration)
{
    struct store_request r;
    struct unit_result result = {0};
    TRY(engine->script(e, migration->text));
    store_begin_unit(&r, STORE_INTERACTIVE);
    store_add(&r, &sql_schema_migrated, 1);
    store_put_int(&r, "number", migration->number);
    store_put_text(&r, "name", slice_str(migration->name));
    store_put_int(&r, "applied_us", clock_wall_us());
    struct msg *m = request_end(&r);
    enum err err = engine->unit(e, msg_body(m), &result);
    msg_free(m);
    return err == OK ? result.err : err;
}

static enum err apply_after(const struct store_engine *engine, struct engine *e,
                            const struct store_migration *list, unsigned version)
{
    TRY(engine->begin(e));
    for (; list->number; list++)
        if (list->number > version) TRY(apply(engine, e, list));
    return engine->commit(e);
}

enum err store_migrate(const struct store_engine *engine, struct engine *e,
                       const struct store_migration *list)
{
    unsigned version = 0, known = 0;
    TRY(engine->script(e, bootstrap));
    TRY(read_version(engine, e, &version));
    for (const struct store_migration *at = list; at->number; at++) known = at->number;
    if (version > known)
        return fail(ERR_VERSION, "the store has schema version %u, this program knows up to %u",
                    version, known);
    if (version == known) return OK;
    enum err err = apply_after(engine, e, list, version);
    if (err != OK)
        engine->rollback(e);
    else
        say_info("store.migrated", "from=%u to=%u", version, known);
    return err;
}

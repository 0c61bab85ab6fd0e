/* store_bench.c - the floor of twins, C2D and the registry: the statements of a hub's units in a loop, by SQLite alone.
 *
 * usage: store_bench FILE twins|c2d|registry UNITS SECONDS
 *
 * FILE is (a copy of) the database of a hub that is stopped, with devices dev000000 and so on, for `twins` with what
 * twin_bench reported.  UNITS share a transaction on average (1.5: one, two, one, two), as many as
 * the hub's did: so both sync as often for as much.
 * Settings are those of store/sqlite/db.c, but SQLite's own files and, on the same thread, its own checkpoints
 * at the size at which ours begin.  There are no savepoints, which units of ours have.
 *   twins     a patch of reported properties: the twin's row, two rows of the index go and two come
 *   c2d       a message: its row and its queue's; and its row goes when it was delivered, MESSAGES_WAIT later
 *   registry  a device: its row, and the number of all
 * Prints one line of JSON.
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "hub/c2d/c2d_sql.h"
#include "hub/registry/registry_sql.h"
#include "hub/twin/twin_sql.h"

enum { DEVICES_MAX = 10000, ID_MAX = 64, ROWS_MAX = 8, MESSAGES_WAIT = 64, SECTIONS = 60 };

static const char settings[] =
    "PRAGMA cache_size=-8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    "PRAGMA wal_autocheckpoint=1000; PRAGMA foreign_keys=ON;"
    "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF";

/* A row of the index. */
struct row {
    int64_t path;
    uint8_t value[256];
    int len;
};

struct device {
    char id[ID_MAX], generation[ID_MAX];
    int64_t version, sequence, indexed;
    char *reported, *stamps;
    struct row rows[ROWS_MAX]; /* those that a patch changes */
    unsigned row_count;
};

static sqlite3 *db;
static struct device *devices;
static unsigned device_count;

/* ---- SQLite */

static _Noreturn void stop(void)
{
    fprintf(stderr, "store_bench: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static void check(int rc)
{
    if (rc != SQLITE_OK) stop();
}

static sqlite3_stmt *prepare(const char *text)
{
    sqlite3_stmt *s;
    check(sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL));
    return s;
}

static int place(sqlite3_stmt *s, const char *param)
{
    int at = sqlite3_bind_parameter_index(s, param);
    if (at == 0) stop();
    return at;
}

static void put_int(sqlite3_stmt *s, const char *param, int64_t value)
{
    check(sqlite3_bind_int64(s, place(s, param), value));
}

static void put_text(sqlite3_stmt *s, const char *param, const char *text)
{
    check(sqlite3_bind_text(s, place(s, param), text, -1, SQLITE_STATIC));
}

static void put_blob(sqlite3_stmt *s, const char *param, const void *bytes, int len)
{
    check(sqlite3_bind_blob(s, place(s, param), bytes, len, SQLITE_STATIC));
}

/* It changes that many rows; parameters keep their values. */
static void run(sqlite3_stmt *s, int changes)
{
    if (sqlite3_step(s) != SQLITE_DONE || sqlite3_reset(s) != SQLITE_OK) stop();
    if (changes >= 0 && sqlite3_changes(db) != changes) {
        fprintf(stderr, "store_bench: %d rows instead of %d: %s\n", sqlite3_changes(db), changes,
                sqlite3_sql(s));
        exit(1);
    }
}

/* ---- what is there */

static char *text_of(sqlite3_stmt *s, int column)
{
    return mem_str((const char *)sqlite3_column_text(s, column));
}

static void read_devices(void)
{
    sqlite3_stmt *s =
        prepare("SELECT i.device_id, i.generation_id, t.version, t.reported, t.reported_stamps,"
                " t.indexed, COALESCE(q.sequence, 0) FROM identity AS i"
                " LEFT JOIN twin AS t ON t.device_id = i.device_id AND t.module_id = ''"
                " LEFT JOIN c2d_queue AS q ON q.device_id = i.device_id"
                " WHERE i.module_id = '' ORDER BY i.device_id");
    devices = mem_zero(DEVICES_MAX * sizeof *devices);
    while (sqlite3_step(s) == SQLITE_ROW && device_count < DEVICES_MAX) {
        struct device *d = &devices[device_count++];
        snprintf(d->id, sizeof d->id, "%s", (const char *)sqlite3_column_text(s, 0));
        snprintf(d->generation, sizeof d->generation, "%s",
                 (const char *)sqlite3_column_text(s, 1));
        d->version = sqlite3_column_int64(s, 2);
        if (d->version) d->reported = text_of(s, 3), d->stamps = text_of(s, 4);
        d->indexed = sqlite3_column_int64(s, 5);
        d->sequence = sqlite3_column_int64(s, 6);
    }
    check(sqlite3_finalize(s));
}

/* All but the one that says "running". */
static void read_rows(struct device *d, sqlite3_stmt *s)
{
    put_text(s, "$device_id", d->id);
    while (sqlite3_step(s) == SQLITE_ROW && d->row_count < ROWS_MAX) {
        struct row *r = &d->rows[d->row_count++];
        r->path = sqlite3_column_int64(s, 0);
        r->len = sqlite3_column_bytes(s, 1);
        if (r->len < 1 || r->len > (int)sizeof r->value) stop();
        memcpy(r->value, sqlite3_column_blob(s, 1), (size_t)r->len);
    }
    check(sqlite3_reset(s));
}

/* ---- units */

static sqlite3_stmt *statements[4];

static void twins_begin(void)
{
    sqlite3_stmt *rows =
        prepare("SELECT path_id, value FROM twin_prop WHERE device_id = $device_id"
                " AND module_id = '' AND instr(value, CAST('running' AS BLOB)) = 0");
    for (unsigned i = 0; i < device_count; i++) read_rows(&devices[i], rows);
    check(sqlite3_finalize(rows));
    statements[0] = prepare(sql_twin_update_reported.text);
    statements[1] = prepare(sql_twin_prop_drop.text);
    statements[2] = prepare(sql_twin_prop_add.text);
    for (int i = 0; i < 3; i++) put_text(statements[i], "$module_id", "");
}

static void change_row(const struct device *d, const struct row *r, sqlite3_stmt *s)
{
    put_text(s, "$device_id", d->id);
    put_int(s, "$path", r->path);
    put_blob(s, "$value", r->value, r->len);
    run(s, 1);
}

static void twins_unit(uint64_t number)
{
    struct device *d = &devices[number % device_count];
    sqlite3_stmt *s = statements[0];
    put_text(s, "$device_id", d->id);
    put_int(s, "$old_version", d->version++);
    put_int(s, "$version", d->version);
    put_int(s, "$reported_version", d->version);
    put_text(s, "$reported", d->reported);
    put_text(s, "$reported_stamps", d->stamps);
    put_int(s, "$indexed", d->indexed);
    put_int(s, "$old_indexed", d->indexed);
    run(s, 1);
    for (unsigned i = 0; i < d->row_count; i++) change_row(d, &d->rows[i], statements[1]);
    for (unsigned i = 0; i < d->row_count; i++) {
        d->rows[i].value[d->rows[i].len - 1] ^= 1;
        change_row(d, &d->rows[i], statements[2]);
    }
}

static void c2d_begin(void)
{
    static const uint8_t sections[SECTIONS];
    statements[0] = prepare(sql_c2d_insert.text);
    statements[1] = prepare(sql_c2d_queue_put.text);
    statements[2] = prepare(sql_c2d_remove.text);
    put_int(statements[0], "$ack", 0);
    put_text(statements[0], "$message_id", "");
    put_blob(statements[0], "$sections", sections, sizeof sections);
}

/* Every second one is a message that goes, from the MESSAGES_WAIT-th on. */
static void c2d_unit(uint64_t number)
{
    uint64_t message = number / 2;
    if (number % 2 == 0) {
        struct device *d = &devices[message % device_count];
        int64_t now_us = clock_wall_us();
        put_text(statements[0], "$device_id", d->id);
        put_text(statements[0], "$generation_id", d->generation);
        put_int(statements[0], "$sequence", ++d->sequence);
        put_int(statements[0], "$enqueued_us", now_us);
        put_int(statements[0], "$expires_us", now_us + 3600 * 1000000ll);
        run(statements[0], 1);
        put_text(statements[1], "$device_id", d->id);
        put_int(statements[1], "$sequence", d->sequence);
        run(statements[1], 1);
    } else if (message >= MESSAGES_WAIT) {
        struct device *d = &devices[(message - MESSAGES_WAIT) % device_count];
        put_text(statements[2], "$device_id", d->id);
        put_int(statements[2], "$sequence", d->sequence);
        run(statements[2], 1);
    }
}

static void registry_begin(void)
{
    sqlite3_stmt *s = statements[0] = prepare(sql_identity_insert.text);
    put_text(s, "$module_id", "");
    put_text(s, "$generation_id", "638000000000000000");
    put_int(s, "$enabled", 1);
    put_int(s, "$iot_edge", 0);
    put_text(s, "$auth_type", "certificateAuthority");
    put_int(s, "$status_updated_us", 0);
    statements[1] = prepare(sql_identity_count_add.text);
    put_text(statements[1], "$name", "devices");
    put_int(statements[1], "$by", 1);
    put_int(statements[1], "$most", INT64_MAX);
}

static void registry_unit(uint64_t number)
{
    char id[ID_MAX];
    snprintf(id, sizeof id, "floor%07" PRIu64, number);
    put_text(statements[0], "$device_id", id);
    put_int(statements[0], "$etag", (int64_t)number);
    run(statements[0], 1);
    run(statements[1], 1);
}

static const struct {
    const char *name;
    void (*begin)(void);
    void (*unit)(uint64_t number);
    unsigned units; /* of one that is counted */
} kinds[] = {{"twins", twins_begin, twins_unit, 1},
             {"c2d", c2d_begin, c2d_unit, 2},
             {"registry", registry_begin, registry_unit, 1}};

/* ---- the loop */

static uint64_t loop(void (*unit)(uint64_t), double together, int64_t end_us)
{
    sqlite3_stmt *begin = prepare("BEGIN IMMEDIATE"), *commit = prepare("COMMIT");
    uint64_t units = 0, transactions = 0;
    while (clock_mono_us() < end_us) {
        uint64_t due = (uint64_t)((double)++transactions * together);
        run(begin, -1);
        while (units < due) unit(units++);
        run(commit, -1);
    }
    return units;
}

int main(int argc, char **argv)
{
    if (argc != 5) return 2;
    double together = strtod(argv[3], NULL);
    unsigned seconds = (unsigned)atoi(argv[4]), kind = 0;
    while (kind < 3 && strcmp(kinds[kind].name, argv[2]) != 0) kind++;
    if (kind == 3 || together < 1 || seconds < 1) return 2;
    check(sqlite3_open(argv[1], &db));
    check(sqlite3_exec(db, settings, NULL, NULL, NULL));
    read_devices();
    kinds[kind].begin();
    int64_t from_us = clock_mono_us();
    uint64_t units = loop(kinds[kind].unit, together, from_us + (int64_t)seconds * 1000000);
    double took = (double)(clock_mono_us() - from_us) / 1e6;
    printf("{\"kind\":\"%s\",\"units_together\":%.3f,\"seconds\":%.3f,\"per_s\":%.0f}\n", argv[2],
           together, took, (double)units / kinds[kind].units / took);
    return 0;
}

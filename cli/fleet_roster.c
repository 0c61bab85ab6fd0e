/* fleet_roster.c - see fleet_roster.h. */
#include "cli/fleet_roster.h"

#include <stdio.h>

#include "base/text.h"
#include "cli/csv.h"
#include "cli/file.h"

/* Of a file with 100 000 connection strings. */
enum { ROSTER_FILE_MAX = 64 << 20 };

static enum err decode_key(struct arena *a, struct slice text, struct slice *key)
{
    struct buf bytes = BUF_SECRET;
    bool good = text.len && text_unbase64(&bytes, text) == OK;
    if (good) *key = arena_copy(a, buf_slice(&bytes));
    buf_wipe(&bytes);
    return good ? OK : fail(ERR_INVALID, "the key is not base64");
}

static enum err from_connstr(struct arena *a, const struct connstr *c, struct fleet_identity *out)
{
    if (c->kind != CONNSTR_DEVICE)
        return fail(ERR_INVALID, "the connection string is none of a device: it has no DeviceId");
    if (c->x509)
        return fail(ERR_UNSUPPORTED,
                    "device '%.*s' authenticates with a certificate: name it with "
                    "--certificate-file-path and --key-file-path",
                    SLICE_ARG(c->device_id));
    *out = (struct fleet_identity){
        .host = c->host, .device = c->device_id, .module = c->module_id, .token = c->signature};
    return c->signature.len ? OK : decode_key(a, c->key, &out->key);
}

enum err fleet_roster_login(struct target *t, struct fleet_roster *out)
{
    *out = (struct fleet_roster){arena_zero(&t->cli->arena, sizeof *out->items), 1};
    return from_connstr(&t->cli->arena, &t->login, out->items);
}

enum err fleet_roster_one(struct target *t, const struct fleet_identity *id, struct slice key,
                          struct fleet_roster *out)
{
    struct arena *a = &t->cli->arena;
    *out = (struct fleet_roster){arena_alloc(a, sizeof *id), 1};
    out->items[0] = *id;
    return key.len ? decode_key(a, key, &out->items[0].key) : OK;
}

enum err fleet_roster_policy(struct target *t, const struct slice *ids, size_t count,
                             struct slice module, struct fleet_roster *out)
{
    struct arena *a = &t->cli->arena;
    struct fleet_identity as = {.module = module};
    struct connstr policy;
    TRY(target_policy(t, NULL, &policy));
    as.host = policy.host;
    as.token = policy.signature;
    as.policy = (const char *)arena_copy(a, policy.policy).ptr;
    if (as.token.len == 0) TRY(decode_key(a, policy.key, &as.key));
    *out = (struct fleet_roster){arena_alloc(a, count * sizeof as), count};
    for (size_t i = 0; i < count; i++) {
        out->items[i] = as;
        out->items[i].device = ids[i];
    }
    return OK;
}

/* ---- a file */

enum { COLUMN_CONNSTR, COLUMN_ID, COLUMN_KEY, COLUMN_COUNT };

struct roster_file {
    struct arena *arena;
    struct csv csv;
    size_t columns, place[COLUMN_COUNT]; /* SIZE_MAX: it has no such column */
};

static enum err read_names(struct roster_file *f)
{
    static const char *const names[COLUMN_COUNT] = {"connectionString", "deviceId", "primaryKey"};
    struct csv_cell cell = {.last = false};
    for (size_t i = 0; i < COLUMN_COUNT; i++) f->place[i] = SIZE_MAX;
    for (; !cell.last; f->columns++) {
        if (csv_next(&f->csv, &cell) != OK) return fail(ERR_INVALID, "the file is empty");
        for (size_t i = 0; i < COLUMN_COUNT; i++)
            if (slice_is_nocase(slice_trim(cell.text), names[i])) f->place[i] = f->columns;
    }
    if (f->place[COLUMN_CONNSTR] == SIZE_MAX &&
        (f->place[COLUMN_ID] == SIZE_MAX || f->place[COLUMN_KEY] == SIZE_MAX))
        return fail(ERR_INVALID, "the first line names neither a column connectionString nor the "
                                 "columns deviceId and primaryKey");
    return OK;
}

static enum err read_values(struct roster_file *f, struct slice values[COLUMN_COUNT])
{
    struct csv_cell cell = {.last = false};
    size_t column = 0;
    for (; !cell.last; column++) {
        TRY(csv_next(&f->csv, &cell));
        for (size_t i = 0; i < COLUMN_COUNT; i++)
            if (f->place[i] == column) values[i] = arena_copy(f->arena, slice_trim(cell.text));
    }
    return column == f->columns ? OK : fail(ERR_INVALID, "not as many cells as in the first line");
}

static enum err to_identity(struct roster_file *f, const struct slice values[COLUMN_COUNT],
                            struct fleet_identity *out)
{
    struct connstr connstr;
    if (values[COLUMN_CONNSTR].len) {
        TRY(connstr_parse(values[COLUMN_CONNSTR], &connstr));
        return from_connstr(f->arena, &connstr, out);
    }
    *out = (struct fleet_identity){.device = values[COLUMN_ID]};
    if (out->device.len == 0) return fail(ERR_INVALID, "no device is named");
    return decode_key(f->arena, values[COLUMN_KEY], &out->key);
}

static size_t count_lines(struct slice text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++) count += text.ptr[i] == '\n';
    return count;
}

static enum err read_row(struct roster_file *f, struct slice values[COLUMN_COUNT],
                         struct fleet_identity *out)
{
    char place[32];
    snprintf(place, sizeof place, "line %zu", f->csv.line);
    enum err e = read_values(f, values);
    if (e == OK) e = to_identity(f, values, out);
    return e == OK ? OK : file_blame(e, place);
}

enum err fleet_roster_read(struct arena *a, struct slice text, struct fleet_roster *out,
                           struct slice *connection_string)
{
    struct roster_file f = {.arena = a};
    csv_begin(&f.csv, text);
    enum err e = read_names(&f);
    *out = (struct fleet_roster){.items = arena_alloc(a, count_lines(text) * sizeof *out->items)};
    *connection_string = SLICE_NONE;
    while (e == OK && f.csv.rest.len) {
        struct slice values[COLUMN_COUNT] = {SLICE_NONE};
        if (csv_skip_blank(&f.csv)) continue;
        e = read_row(&f, values, &out->items[out->count]);
        if (out->count++ == 0) *connection_string = values[COLUMN_CONNSTR];
    }
    csv_fini(&f.csv);
    if (e == OK && (out->count == 0 || out->count > FLEET_DEVICES_MAX))
        return fail(ERR_INVALID, "%zu devices; 1 to %d can be simulated", out->count,
                    FLEET_DEVICES_MAX);
    return e;
}

/* The host is not known before the hub is found, and with connection strings the hub is theirs. */
static enum err find_hub(struct cli *c, const char *path, struct slice connection_string,
                         const struct fleet_roster *roster, struct target *t)
{
    if (connection_string.len)
        TRY(target_login(c, (const char *)connection_string.ptr, path, t));
    else
        TRY(target_find(c, t));
    for (size_t i = 0; i < roster->count; i++) {
        struct fleet_identity *id = &roster->items[i];
        if (id->host.len == 0) id->host = slice_str(t->name);
        if (!slice_is_nocase(id->host, t->name))
            return fail(ERR_INVALID, "%s: device '%.*s' belongs to %.*s and the first one to %s",
                        path, SLICE_ARG(id->device), SLICE_ARG(id->host), t->name);
    }
    return OK;
}

enum err fleet_roster_file(struct cli *c, const char *path, struct target *t,
                           struct fleet_roster *out)
{
    struct slice text, connection_string;
    TRY(file_load_max(c, path, ROSTER_FILE_MAX, &text));
    enum err e = fleet_roster_read(&c->arena, text, out, &connection_string);
    if (e != OK) return file_blame(e, path);
    return find_hub(c, path, connection_string, out, t);
}

/* import_fuzz.c - devices.txt of an import: each line is refused with a text, or makes an identity whose own line makes
 * the same identity again; so does the line that an export writes of its row in the store, and of its twin's. */
#include "base/clock.h"
#include "base/json.h"
#include "base/rand.h"
#include "fuzz.h"
#include "hub/registry/identity.h"
#include "hub/transfer/line.h"
#include "hub/twin/document.h"

enum { BOTH_KEYS = 3 };

static struct arena arena;

/* Keys that are left out are made. */
static void no_chance(void *out, size_t len)
{
    memset(out, 'k', len);
}

static int64_t no_time(void)
{
    return 0;
}

static void name(const struct json *line, struct identity *id)
{
    id->device_id = json_str(line, "id");
    id->module_id = json_str(line, "moduleId");
}

static void write(const struct identity *id, bool with_keys, struct buf *out)
{
    buf_clear(out);
    identity_write_bulk(out, id, with_keys, SLICE_NONE);
    assert(out->len && slice_find(buf_slice(out), '\n') == buf_size(out));
}

/* What an export writes is taken back, and says the same. */
static void check_round(const struct identity *id)
{
    struct buf once = {0}, twice = {0};
    struct json *line;
    struct identity again = {0};
    write(id, true, &once);
    enum err e = json_parse(&arena, buf_slice(&once), &line);
    assert(e == OK);
    name(line, &again);
    e = document_read(&arena, line, true, id, &again);
    assert(e == OK && identity_same_keys(id, &again) && identity_same_shown(id, &again));
    write(&again, false, &twice);
    buf_free(&once);
    buf_free(&twice);
}

/* A line of an update that says nothing leaves who may come in; and keys are made for who has some. */
static void check_kept(const struct identity *id)
{
    struct json *line = json_new(&arena, JSON_OBJECT);
    struct identity again = {.device_id = id->device_id, .module_id = id->module_id};
    enum err e = document_read(&arena, line, true, id, &again);
    assert(e == OK && identity_same_keys(id, &again) && again.iot_edge == id->iot_edge);
    e = document_rekey(&arena, id, BOTH_KEYS, &again);
    assert((e == OK) == (id->auth == IDENTITY_SAS));
}

/* ---- rows: the columns of identity_page and of its twin */

enum { IDENTITY_COLUMNS = 19, TWIN_COLUMNS = 11 };

static struct store_value text_value(struct slice text)
{
    return (struct store_value){.type = text.ptr ? STORE_TEXT : STORE_NULL, .bytes = text};
}

static struct store_value int_value(int64_t number)
{
    return (struct store_value){.type = STORE_INT, .number = number};
}

static void put_identity(const struct identity *id, struct store_value *col)
{
    const struct store_value all[IDENTITY_COLUMNS] = {
        text_value(id->device_id),
        text_value(id->generation),
        int_value((int64_t)id->etag),
        int_value(id->enabled),
        int_value(id->iot_edge),
        text_value(slice_str(identity_auth_name(id->auth))),
        text_value(id->key_texts[0]),
        text_value(id->key_texts[1]),
        text_value(id->thumbprints[0]),
        text_value(id->thumbprints[1]),
        text_value(id->status_reason),
        text_value(id->device_scope),
        text_value(id->parent_scope),
        int_value(id->status_updated_us),
        text_value(id->module_id),
        text_value(id->managed_by),
        int_value(0),
        text_value(id->model_id),
        int_value(0)};
    memcpy(col, all, sizeof all);
}

static void put_twin(const struct twin *t, struct store_value *col)
{
    const struct store_value all[TWIN_COLUMNS] = {int_value(t->version),
                                                  int_value(t->etag),
                                                  int_value(t->desired_version),
                                                  int_value(t->reported_version),
                                                  text_value(t->tags),
                                                  text_value(t->desired),
                                                  text_value(t->desired_stamps),
                                                  text_value(t->reported),
                                                  text_value(t->reported_stamps),
                                                  int_value(t->indexed),
                                                  text_value(t->configurations)};
    memcpy(col, all, sizeof all);
}

/* What the line says of the twin, if it may. */
static bool read_twin(const struct json *line, struct slice generation, struct twin *out)
{
    struct twin fresh;
    struct twin_change change;
    twin_fresh(&arena, generation, &fresh);
    return twin_change_read(&arena, TWIN_IMPORT, line, &change) == OK &&
           twin_change_apply(&arena, &fresh, &change, 1, out) == OK;
}

static void check_exported(const struct store_value *col, const struct identity *id, bool with_twin)
{
    struct buf out = {0};
    struct slice text;
    struct json *line;
    struct identity again = {0};
    struct twin_change change;
    size_t from = 0;
    enum err e = transfer_line_put(&out, &arena, col, true);
    bool there = e == OK && transfer_line_next(buf_slice(&out), &from, false, &text);
    assert(there && from == buf_size(&out));
    e = json_parse(&arena, text, &line);
    assert(e == OK ||
           (with_twin && e == ERR_TOO_BIG)); /* a twin stands deeper than in its own row */
    if (e == OK) {
        name(line, &again);
        e = document_read(&arena, line, true, id, &again);
        assert(e == OK && identity_same_keys(id, &again) && identity_same_shown(id, &again));
        e = twin_change_read(&arena, TWIN_IMPORT, line, &change);
        assert(e == OK && (change.tags != NULL) == with_twin);
    }
    buf_free(&out);
}

static void check_rows(const struct json *line, const struct identity *id)
{
    struct store_value col[IDENTITY_COLUMNS + TWIN_COLUMNS] = {0};
    struct twin twin;
    put_identity(id, col);
    check_exported(col, id, false);
    if (!read_twin(line, id->generation, &twin)) return;
    put_twin(&twin, col + IDENTITY_COLUMNS);
    check_exported(col, id, true);
}

/* ---- lines */

/* The line of errors.txt that tells it is JSON and names whose it is. */
static void check_told(struct slice device_id, struct slice module_id)
{
    struct buf out = {0};
    struct json *told;
    struct line_error error = {.line = 1, .device_id = device_id, .module_id = module_id};
    error.text = slice_str(fail_text());
    for (int configuration = 0; configuration < 2; configuration++) {
        buf_clear(&out);
        if (configuration) error.configuration_id = device_id;
        transfer_line_put_error(&out, &error);
        enum err e = json_parse(&arena, buf_slice(&out), &told);
        const char *key = configuration ? "configurationId" : "deviceId";
        assert(e == OK && slice_eq(json_str(told, key), device_id));
        assert(slice_eq(json_str(told, "moduleId"), module_id));
    }
    buf_free(&out);
}

static void take_line(struct slice text)
{
    struct json *line;
    struct identity id = {0};
    if (json_parse(&arena, text, &line) != OK) return;
    if (line->type != JSON_OBJECT || json_str(line, "id").len == 0) return;
    name(line, &id);
    enum err e = document_read(&arena, line, true, NULL, &id);
    assert(e == OK || (e == ERR_INVALID && *fail_text()));
    if (e != OK) {
        check_told(id.device_id, id.module_id);
        return;
    }
    document_made_by_server(&arena, NULL, &id);
    check_round(&id);
    check_kept(&id);
    check_rows(line, &id);
}

void fuzz_one(struct slice input)
{
    static const struct clock_source stopped = {no_time, no_time};
    struct slice line;
    clock_use(&stopped);
    rand_use(no_chance);
    for (size_t from = 0, before = 0; transfer_line_next(input, &from, true, &line);
         before = from) {
        assert(from > before && from <= input.len);
        take_line(line);
    }
    arena_free(&arena);
}

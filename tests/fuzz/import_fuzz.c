/* import_fuzz.c - devices.txt of an import: each line is refused with a text, or makes an identity whose own line makes
 * the same identity again. */
#include "base/clock.h"
#include "base/json.h"
#include "base/rand.h"
#include "fuzz.h"
#include "hub/registry/identity.h"
#include "hub/transfer/line.h"

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

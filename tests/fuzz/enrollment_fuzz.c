/* enrollment_fuzz.c - dps/enrollment.h: any document is refused, or becomes an enrollment that reads back the same,
 * with its secrets where they belong. */
#include <stdio.h>

#include "dps/enrollment.h"
#include "fuzz.h"
#include "store/store.h"

static struct arena arena;

static void write(struct buf *out, const struct enrollment *e, enum enrollment_view view)
{
    buf_clear(out);
    enrollment_write(out, e, view, SLICE_NONE);
}

static void must_be_json(struct slice text, struct json **out)
{
    enum err e = json_parse(&arena, text, out);
    assert(e == OK);
}

/* What is stored is read at the next start; what is shown may be put back. */
static void check_round(enum dps_kind kind, const struct enrollment *e)
{
    struct buf once = {0}, twice = {0};
    struct enrollment again;
    struct json *doc;
    unsigned code;
    write(&once, e, ENROLLMENT_STORED);
    must_be_json(buf_slice(&once), &doc);
    enum err err = enrollment_read(&arena, kind, doc, NULL, &again, &code);
    assert(err == OK);
    write(&twice, &again, ENROLLMENT_STORED);
    assert(slice_eq(buf_slice(&once), buf_slice(&twice)));
    write(&twice, e, ENROLLMENT_SHOWN);
    must_be_json(buf_slice(&twice), &doc);
    err = enrollment_read(&arena, kind, doc, e, &again, &code);
    assert(err == OK);
    write(&twice, &again, ENROLLMENT_STORED);
    assert(slice_eq(buf_slice(&once), buf_slice(&twice)));
    buf_free(&once);
    buf_free(&twice);
}

/* At the next start; and ids are found whatever their case. */
static void check_row(enum dps_kind kind, const struct enrollment *e)
{
    struct buf once = {0}, twice = {0};
    struct enrollment again;
    write(&once, e, ENROLLMENT_STORED);
    const struct store_value row[] = {{.type = STORE_TEXT, .bytes = buf_slice(&once)},
                                      {.type = STORE_INT, .number = 7},
                                      {.type = STORE_INT, .number = 8},
                                      {.type = STORE_INT, .number = 9}};
    enum err err = enrollment_of_row(&arena, kind, row, &again);
    assert(err == OK && again.etag == 7 && again.created_us == 8 && again.updated_us == 9);
    write(&twice, &again, ENROLLMENT_STORED);
    assert(slice_eq(buf_slice(&once), buf_slice(&twice)));
    assert(slice_eq_nocase(dps_id_lower(&arena, e->id), e->id));
    buf_free(&once);
    buf_free(&twice);
}

static void check_secrets(const struct enrollment *e)
{
    struct buf text = {0};
    struct json *doc;
    write(&text, e, ENROLLMENT_WEBHOOK);
    must_be_json(buf_slice(&text), &doc);
    const struct json *attestation = json_get(doc, "attestation");
    assert(json_get(attestation, "symmetricKey") == NULL);
    struct slice url = json_str(json_get(doc, "customAllocationDefinition"), "webhookUrl");
    size_t query = slice_find(url, '?');
    assert(query == url.len || slice_is(slice_from(url, query), "?****"));
    buf_free(&text);
}

void fuzz_one(struct slice input)
{
    struct json *doc;
    if (json_parse(&arena, input, &doc) == OK) {
        static const enum dps_kind kinds[] = {DPS_INDIVIDUAL, DPS_GROUP};
        for (int i = 0; i < 2; i++) {
            struct enrollment e;
            unsigned code = 0;
            enum err err = enrollment_read(&arena, kinds[i], doc, NULL, &e, &code);
            assert(err == OK || (err == ERR_TOO_BIG || err == ERR_INVALID));
            assert(err == OK || code / 1000 == 400);
            if (err != OK) continue;
            check_round(kinds[i], &e);
            check_row(kinds[i], &e);
            check_secrets(&e);
        }
    }
    arena_free(&arena);
}

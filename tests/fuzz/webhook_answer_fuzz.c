/* webhook_answer_fuzz.c - dps/webhook_answer.h: whatever a webhook answers, the hub is one that it was offered, and twin and
 * payload are JSON that can be stored. */
#include "base/json.h"
#include "dps/webhook_answer.h"
#include "fuzz.h"

static struct arena arena;

static void must_be_json(struct slice text, enum json_type type)
{
    struct json *doc;
    if (text.len == 0) return;
    enum err e = json_parse(&arena, text, &doc);
    assert(e == OK && (type == JSON_NULL || doc->type == type));
}

void fuzz_one(struct slice input)
{
    static const struct slice hubs[] = {SLICE_LIT("one.hub.test"), SLICE_LIT("Two.hub.test")};
    struct webhook_answer a;
    unsigned code = webhook_answer_read(&arena, input, hubs, 2, &a);
    assert(code == DPS_OK || code == DPS_ALLOCATION_FAILED || code == DPS_ALLOCATION_NO_HUB);
    if (code == DPS_OK) {
        assert(a.hub.ptr == hubs[0].ptr || a.hub.ptr == hubs[1].ptr);
        must_be_json(a.twin, JSON_OBJECT);
        must_be_json(a.payload, JSON_NULL);
    }
    arena_free(&arena);
}

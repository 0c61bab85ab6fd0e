/* keyless.c - answers of the registry and of DPS for who may read, and not be who he reads about. */
#include "base/json.h"
#include "base/text.h"
#include "front/rest/call.h"

bool rest_hides_keys(const struct call *c)
{
    return c->visit == REST_VISIT && c->visit_rights & REST_READER;
}

static void blank(struct arena *a, struct json *object, const char *name)
{
    if (json_given(object, name)) json_set(a, object, slice_str(name), json_new(a, JSON_NULL));
}

/* Of an identity: {"authentication":{"symmetricKey":{...}}}. */
static void blank_keys(struct arena *a, struct json *identity)
{
    struct json *key = json_given(json_given(identity, "authentication"), "symmetricKey");
    if (key == NULL) return;
    blank(a, key, "primaryKey");
    blank(a, key, "secondaryKey");
}

/* Of an enrollment: {"customAllocationDefinition":{"webhookUrl":...}}. */
static void mask_webhook(struct arena *a, struct json *enrollment)
{
    struct json *definition = json_given(enrollment, "customAllocationDefinition");
    struct buf masked = {0};
    if (json_str(definition, "webhookUrl").len == 0) return;
    text_mask_query(&masked, json_str(definition, "webhookUrl"));
    json_set(a, definition, SLICE_LIT("webhookUrl"), json_new_string(a, buf_slice(&masked)));
    buf_free(&masked);
}

static void hide(struct arena *a, struct json *j)
{
    if (j->type == JSON_ARRAY) {
        for (struct json *one = j->child; one; one = one->next) hide(a, one);
        return;
    }
    blank_keys(a, j);
    mask_webhook(a, j);
}

void rest_put_without_keys(struct buf *out, struct slice json)
{
    struct arena a = {0};
    struct json *j;
    if (json_parse(&a, json, &j) == OK) {
        hide(&a, j);
        json_write(out, j);
    }
    arena_wipe(&a);
}

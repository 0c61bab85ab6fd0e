/* keyless.c - answers of the registry for who may read, and not be who he reads about. */
#include "base/json.h"
#include "front/rest/call.h"

bool rest_hides_keys(const struct call *c)
{
    return c->visit == REST_VISIT && c->visit_rights & REST_READER;
}

static void blank(struct arena *a, struct json *object, const char *name)
{
    if (json_given(object, name)) json_set(a, object, slice_str(name), json_new(a, JSON_NULL));
}

/* Identities, one or an array of them: {"authentication":{"symmetricKey":{...}}}. */
static void blank_keys(struct arena *a, struct json *j)
{
    if (j->type == JSON_ARRAY) {
        for (struct json *one = j->child; one; one = one->next) blank_keys(a, one);
        return;
    }
    struct json *key = json_given(json_given(j, "authentication"), "symmetricKey");
    if (key == NULL) return;
    blank(a, key, "primaryKey");
    blank(a, key, "secondaryKey");
}

void rest_put_without_keys(struct buf *out, struct slice json)
{
    struct arena a = {0};
    struct json *j;
    if (json_parse(&a, json, &j) == OK) {
        blank_keys(&a, j);
        json_write(out, j);
    }
    arena_wipe(&a);
}

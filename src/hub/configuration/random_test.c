/* random_test.c - random configurations over a random twin: what fit_make() makes of it is what a simple
 * model says, path by path; and what was written is right, so that nothing is written twice.  The seed
 * is fixed; AZIMUTH_SEED and AZIMUTH_ROUNDS change it. */
#include "base/test.h"

#include <stdlib.h>

#include "hub/configuration/fit.h"
#include "hub/configuration/tree.h"

enum {
    ROUNDS = 3000,
    CONFIGURATIONS = 5,
    PATHS = 5,
    TAGS = 3,
    VALUES = 3,
    NONE = -1,
    SAYS_NULL = 9
};

/* No path leads through another one. */
static const char *const paths[PATHS] = {"a", "b.c", "b.d", "e.f.g", "e.f.h"};

static uint64_t seed = 20261126;

static int dice(int sides)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (int)((seed >> 11) % (unsigned)sides);
}

/* ---- the model */

enum standing { STANDS_NOT, STANDS_TARGETED, STANDS_APPLIED };

static struct configuration {
    struct item *item; /* NULL: there is none */
    int priority, born, tag;
    int says[PATHS]; /* a value, SAYS_NULL: null takes away, NONE: nothing */
} all[CONFIGURATIONS];

static struct model {
    int desired[PATHS]; /* NONE: not there */
    int tag;
    enum standing stands[CONFIGURATIONS];
} model;

static struct list items;
static int now;

static bool means(const struct configuration *c)
{
    return c->item && (c->tag == TAGS || c->tag == model.tag);
}

static bool counts_more(const struct configuration *a, const struct configuration *b)
{
    return a->priority != b->priority ? a->priority > b->priority : a->born > b->born;
}

static const struct configuration *winner(int path)
{
    const struct configuration *best = NULL;
    for (int i = 0; i < CONFIGURATIONS; i++)
        if (means(&all[i]) && all[i].says[path] != NONE && (!best || counts_more(&all[i], best)))
            best = &all[i];
    return best;
}

static bool was_set_by_one_that_left(int path)
{
    for (int i = 0; i < CONFIGURATIONS; i++)
        if (all[i].item && !means(&all[i]) && model.stands[i] == STANDS_APPLIED &&
            all[i].says[path] != NONE)
            return true;
    return false;
}

static bool has_its_way(const struct configuration *c)
{
    bool any = false;
    for (int p = 0; p < PATHS; p++) {
        any |= c->says[p] != NONE;
        if (c->says[p] == SAYS_NULL && model.desired[p] == NONE) return true;
        if (c->says[p] != NONE && c->says[p] == model.desired[p]) return true;
    }
    return !any;
}

static void model_fit(void)
{
    for (int p = 0; p < PATHS; p++) {
        const struct configuration *w = winner(p);
        if (w)
            model.desired[p] = w->says[p] == SAYS_NULL ? NONE : w->says[p];
        else if (was_set_by_one_that_left(p))
            model.desired[p] = NONE;
    }
    for (int i = 0; i < CONFIGURATIONS; i++)
        model.stands[i] = !means(&all[i])        ? STANDS_NOT
                          : has_its_way(&all[i]) ? STANDS_APPLIED
                                                 : STANDS_TARGETED;
}

/* ---- the same in JSON */

static void put_twin(struct buf *out, const struct json *desired, const char *configurations)
{
    buf_printf(out, "{\"deviceId\":\"d\",\"tags\":{\"a\":%d},%s%s\"properties\":{\"desired\":",
               model.tag, configurations, *configurations ? "," : "");
    json_write(out, desired);
    buf_put_str(out, "}}");
}

static void put_configurations(struct buf *out)
{
    bool any = false;
    for (int i = 0; i < CONFIGURATIONS; i++) {
        if (model.stands[i] == STANDS_NOT) continue;
        buf_printf(out, "%s\"c%d\":{\"status\":\"%s\"}", any ? "," : "\"configurations\":{", i,
                   model.stands[i] == STANDS_APPLIED ? "Applied" : "Targeted");
        any = true;
    }
    if (any) buf_put_u8(out, '}');
}

/* A path's value or NONE. */
static int value_at(const struct json *desired, const char *path)
{
    struct slice rest = slice_str(path), key;
    int64_t n;
    while (desired && slice_split(&rest, '.', &key)) desired = json_find(desired, key);
    if (desired == NULL) return NONE;
    assert_int_equal(json_i64(desired, &n), OK);
    return (int)n;
}

/* What a twin does with a merge patch. */
static void merge(struct arena *a, struct json *into, const struct json *patch)
{
    for (const struct json *m = patch ? patch->child : NULL; m; m = m->next) {
        struct json *old = json_find(into, m->key);
        if (m->type == JSON_OBJECT && old && old->type == JSON_OBJECT) {
            merge(a, old, m);
        } else if (m->type != JSON_NULL) {
            json_set(a, into, m->key, tree_copy(a, m));
        } else {
            struct json **at = &into->child;
            while (*at && *at != old) at = &(*at)->next;
            if (*at) *at = old->next;
        }
    }
}

/* ---- a round: something changes, and is looked at */

static void insert(struct configuration *c)
{
    struct list *at = items.next;
    for (; at != &items; at = at->next) {
        const struct item *other = CONTAINER_OF(at, struct item, node);
        int i = atoi((const char *)other->id.ptr + 1);
        if (counts_more(&all[i], c)) break;
    }
    list_insert_before(at, &c->item->node);
}

static void make(int i)
{
    struct configuration *c = &all[i];
    struct buf json = {0};
    char id[16], target[32] = "*";
    *c = (struct configuration){.priority = dice(3), .born = ++now, .tag = dice(TAGS + 1)};
    if (c->tag < TAGS) snprintf(target, sizeof target, "tags.a = %d", c->tag);
    buf_printf(&json,
               "{\"priority\":%d,\"targetCondition\":\"%s\",\"content\":{\"deviceContent\":{",
               c->priority, target);
    bool any = false;
    for (int p = 0; p < PATHS; p++) {
        c->says[p] = dice(2) ? NONE : dice(6) ? dice(VALUES) : SAYS_NULL;
        if (c->says[p] == NONE) continue;
        buf_printf(&json, "%s\"properties.desired.%s\":", any ? "," : "", paths[p]);
        any = true;
        if (c->says[p] == SAYS_NULL)
            buf_put_str(&json, "null");
        else
            buf_printf(&json, "%d", c->says[p]);
    }
    buf_put_str(&json, "}}}");
    snprintf(id, sizeof id, "c%d", i);
    enum status s = conf_item_read(slice_str(id), buf_slice(&json), NULL, now, &c->item);
    if (s != STATUS_OK) fail_msg("%s: %s", buf_cstr(&json), fail_text());
    insert(c);
    buf_free(&json);
}

static void drop(int i)
{
    conf_item_free(all[i].item);
    all[i].item = NULL;
}

static void change(struct arena *a, struct json *desired)
{
    int i = dice(CONFIGURATIONS), p = dice(PATHS);
    struct json *value;
    switch (dice(4)) {
    case 0: model.tag = dice(TAGS); break;
    case 1:
        model.desired[p] = dice(VALUES);
        value = json_new_i64(a, model.desired[p]);
        tree_set(a, desired, slice_str(paths[p]), value);
        break;
    default:
        if (all[i].item)
            drop(i);
        else if (model.stands[i] == STANDS_NOT)
            make(i);
    }
}

/* The twin as it is afterwards. */
static void fit(struct arena *a, struct json **desired, bool writes)
{
    struct buf text = {0}, configurations = {0};
    struct json *twin, *patch;
    struct fit fit;
    put_configurations(&configurations);
    put_twin(&text, *desired, buf_size(&configurations) ? buf_cstr(&configurations) : "");
    assert_int_equal(json_parse(a, buf_slice(&text), &twin), OK);
    conf_fit_make(a, &items, twin, false, &fit);
    if (!writes) assert_false(fit.changes);
    model_fit();
    assert_int_equal(json_parse(a, fit.json, &patch), OK);
    *desired = json_get(json_get(twin, "properties"), "desired");
    merge(a, *desired, json_get(json_get(patch, "properties"), "desired"));
    for (int p = 0; p < PATHS; p++)
        assert_int_equal(value_at(*desired, paths[p]), model.desired[p]);
    buf_clear(&configurations);
    put_configurations(&configurations);
    const struct json *said = json_get(patch, "configurations");
    for (int i = 0; i < CONFIGURATIONS; i++) {
        char id[16];
        snprintf(id, sizeof id, "c%d", i);
        struct slice status = json_str(json_get(said, id), "status");
        assert_true(slice_is(status, model.stands[i] == STANDS_APPLIED    ? "Applied"
                                     : model.stands[i] == STANDS_TARGETED ? "Targeted"
                                                                          : ""));
    }
    buf_free(&text);
    buf_free(&configurations);
}

static void a_twin_becomes_what_the_model_says(void **state)
{
    (void)state;
    struct arena arenas[2] = {{0}};
    struct json *desired = json_new(&arenas[0], JSON_OBJECT);
    const char *rounds = getenv("AZIMUTH_ROUNDS"), *given = getenv("AZIMUTH_SEED");
    if (given) seed = strtoull(given, NULL, 0);
    list_init(&items);
    for (int p = 0; p < PATHS; p++) model.desired[p] = NONE;
    for (int r = 0, n = rounds ? atoi(rounds) : ROUNDS; r < n; r++) {
        struct arena *a = &arenas[r % 2], *next = &arenas[(r + 1) % 2];
        change(a, desired);
        fit(a, &desired, true);
        fit(a, &desired, false);
        arena_reset(next);
        struct buf text = {0};
        json_write(&text, desired);
        assert_int_equal(json_parse(next, buf_slice(&text), &desired), OK);
        buf_free(&text);
    }
    for (int i = 0; i < CONFIGURATIONS; i++) drop(i);
    arena_free(&arenas[0]);
    arena_free(&arenas[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_twin_becomes_what_the_model_says)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

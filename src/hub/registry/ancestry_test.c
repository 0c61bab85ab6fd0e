/* ancestry_test.c - edge hubs that speak for those below them.
 *
 *   top ── mid ── low (all edge devices) ── leaf, with a module m
 *    └── other
 */
#include "hub/registry/fixture.h"

#include "auth/sas.h"
#include "base/clock.h"
#include "hub/registry/test_sql.h"

#define KEY_A "MDEyMzQ1Njc4OWFiY2RlZg=="
#define KEYS                                                                                       \
    "\"authentication\":{\"type\":\"sas\",\"symmetricKey\":{\"primaryKey\":\"" KEY_A               \
    "\",\"secondaryKey\":\"" KEY_A "\"}}"

/* Its deviceScope. */
static void make_edge(struct fixture *f, const char *id, const char *parent, char scope[200])
{
    struct reply r;
    char json[600], who[64];
    snprintf(json, sizeof json, "{\"capabilities\":{\"iotEdge\":true}%s%s%s}",
             parent ? ",\"parentScopes\":[\"" : "", parent ? parent : "", parent ? "\"]" : "");
    assert_int_equal(put(f, &r, id, NULL, json), STATUS_OK);
    snprintf(scope, 200, "%s", text_at(r.body, "deviceScope"));
    reply_free(&r);
    snprintf(who, sizeof who, "%s/$edgeHub", id);
    assert_int_equal(put_only(f, who, "*", "{\"managedBy\":\"iotEdge\"," KEYS "}"), STATUS_OK);
}

static char mid_scope[200];

static int set_up_hierarchy(void **state)
{
    struct fixture *f = NEW(struct fixture);
    char top[200], low[200], json[400];
    fixture_init(f, 3);
    assert_int_equal(hub_add_host(&f->hub, SLICE_LIT("my.hub")), OK);
    make_edge(f, "top", NULL, top);
    make_edge(f, "mid", top, mid_scope);
    make_edge(f, "low", mid_scope, low);
    snprintf(json, sizeof json, "{\"deviceScope\":\"%s\"}", low);
    assert_int_equal(put_only(f, "leaf", NULL, json), STATUS_OK);
    assert_int_equal(put_only(f, "leaf/m", NULL, "{}"), STATUS_OK);
    snprintf(json, sizeof json, "{\"deviceScope\":\"%s\"}", top);
    assert_int_equal(put_only(f, "other", NULL, json), STATUS_OK);
    *state = f;
    return 0;
}

static struct buf token(const char *resource)
{
    struct buf text = {0};
    sas_make(&text, slice_str(resource), SLICE_LIT("0123456789abcdef"), NULL,
             clock_wall_us() / 1000000 + 3600);
    return text;
}

/* ---- on behalf */

struct vouched {
    struct registry_vouch vouch;
    unsigned answers;
};

static void note(struct registry_vouch *v)
{
    CONTAINER_OF(v, struct vouched, vouch)->answers++;
}

static enum auth_cause vouch(struct fixture *f, const char *who, const char *chain,
                             const char *resource)
{
    struct vouched v = {.vouch.fn = note};
    struct buf text = token(resource);
    rig_on(f->rig.cores[0]);
    registry_vouch(f->registries[0], slice_str(who), slice_str(chain), buf_slice(&text), &v.vouch);
    rig_run(&f->rig);
    assert_int_equal(v.answers, 1);
    assert_int_equal(v.vouch.err, OK);
    buf_free(&text);
    return v.vouch.auth;
}

#define HUB_OF(edge) "my.hub/devices/" edge "/modules/$edgeHub"

static void an_edge_hub_speaks_for_what_is_below_it_along_the_true_chain(void **state)
{
    static const struct {
        const char *who, *chain, *resource;
        bool may;
    } rows[] = {
        {"leaf", "leaf;low", HUB_OF("low"), true},
        {"leaf", "leaf;low;mid", HUB_OF("mid"), true},
        {"leaf", "leaf;low;mid;top", HUB_OF("top"), true},
        {"leaf/m", "leaf/m;leaf;low", HUB_OF("low"), true},
        {"low/$edgeHub", "low/$edgeHub;low;mid", HUB_OF("mid"), true},
        {"other", "other;top", HUB_OF("top"), true},
        {"other", "other;mid", HUB_OF("mid"), false},
        {"leaf", "leaf;mid", HUB_OF("mid"), false},       /* one was left out */
        {"leaf", "leaf;low;top", HUB_OF("top"), false},   /* likewise */
        {"leaf", "leaf;low;mid", HUB_OF("low"), false},   /* the token of another one */
        {"leaf", "other;low", HUB_OF("low"), false},      /* another identity */
        {"leaf/m", "leaf/m;low", HUB_OF("low"), false},   /* without its device */
        {"leaf", "leaf", HUB_OF("leaf"), false},          /* no edge device */
        {"leaf", "leaf;low", "my.hub/devices/low", true}, /* a token for a path above */
        {"leaf", "leaf;low", "my.hub/devices/low/modules/$edgeAgent", false},
        {"nobody", "nobody;low", HUB_OF("low"), false},
        {"leaf", "leaf;low;", HUB_OF("low"), false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(vouch(*state, rows[i].who, rows[i].chain, rows[i].resource) == AUTH_OK,
                         rows[i].may);
}

static void a_disabled_edge_device_speaks_for_nobody_and_is_no_bridge(void **state)
{
    struct fixture *f = *state;
    char json[400];
    assert_int_equal(vouch(f, "leaf", "leaf;low;mid;top", HUB_OF("top")), AUTH_OK);
    snprintf(json, sizeof json,
             "{\"status\":\"disabled\",\"capabilities\":{\"iotEdge\":true},\"deviceScope\":\"%s\"}",
             mid_scope);
    assert_int_equal(put_only(f, "mid", "*", json), STATUS_OK);
    assert_int_not_equal(vouch(f, "leaf", "leaf;low;mid", HUB_OF("mid")), AUTH_OK);
    assert_int_not_equal(vouch(f, "leaf", "leaf;low;mid;top", HUB_OF("top")), AUTH_OK);
    assert_int_equal(vouch(f, "leaf", "leaf;low", HUB_OF("low")), AUTH_OK);
}

/* ---- the hierarchy's bounds */

static enum status move(struct fixture *f, const char *id, const char *scope, const char *parent)
{
    char json[700];
    snprintf(
        json, sizeof json,
        "{\"capabilities\":{\"iotEdge\":true},\"deviceScope\":\"%s\",\"parentScopes\":[\"%s\"]}",
        scope, parent);
    return put_only(f, id, "*", json);
}

static void edge_devices_stand_below_each_other_to_a_depth(void **state)
{
    struct fixture *f = *state;
    char scopes[REGISTRY_LAYERS_MAX + 1][200], json[400], chain[400] = "child";
    for (int i = 0; i < REGISTRY_LAYERS_MAX; i++) {
        char id[8];
        snprintf(id, sizeof id, "e%d", i);
        make_edge(f, id, i ? scopes[i - 1] : NULL, scopes[i]);
    }
    const char *last = scopes[REGISTRY_LAYERS_MAX - 1];
    snprintf(json, sizeof json, "{\"capabilities\":{\"iotEdge\":true},\"parentScopes\":[\"%s\"]}",
             last);
    assert_int_equal(put_only(f, "one-more", NULL, json), STATUS_ARGUMENT_INVALID);
    snprintf(json, sizeof json, "{\"deviceScope\":\"%s\"}", last);
    assert_int_equal(put_only(f, "child", NULL, json), STATUS_OK); /* no edge device */
    for (int i = REGISTRY_LAYERS_MAX - 1; i >= 0; i--)
        snprintf(chain + strlen(chain), sizeof chain - strlen(chain), ";e%d", i);
    assert_int_equal(vouch(f, "child", chain, HUB_OF("e0")), AUTH_OK);

    make_edge(f, "above", NULL, scopes[REGISTRY_LAYERS_MAX]); /* with all that is below */
    assert_int_equal(move(f, "e0", scopes[0], scopes[REGISTRY_LAYERS_MAX]),
                     STATUS_ARGUMENT_INVALID);
    assert_int_equal(move(f, "e1", scopes[1], scopes[REGISTRY_LAYERS_MAX]), STATUS_OK);
}

static void nobody_is_below_itself(void **state)
{
    struct fixture *f = *state;
    char a[200], b[200];
    make_edge(f, "a", NULL, a);
    make_edge(f, "b", a, b);
    assert_int_equal(move(f, "a", a, a), STATUS_ARGUMENT_INVALID);
    assert_int_equal(move(f, "a", a, b), STATUS_ARGUMENT_INVALID);
    assert_int_equal(vouch(f, "b", "b;a", HUB_OF("a")), AUTH_OK); /* as it was */
}

/* ---- modules, on behalf */

static enum status behalf(struct fixture *f, struct reply *r, struct registry_behalf ask,
                          const char *resource)
{
    struct buf text = token(resource);
    ask.token = buf_slice(&text);
    registry_on_behalf(asking(f, r), &ask, &r->wait);
    rig_run(&f->rig);
    assert_int_equal(r->answers, 1);
    buf_free(&text);
    return r->status;
}

static void an_edge_hub_writes_modules_of_those_below_along_the_true_chain(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    struct registry_behalf ask = {.actor = SLICE_LIT("mid"),
                                  .chain = SLICE_LIT("low;mid"),
                                  .module_id = SLICE_LIT("new"),
                                  .json = SLICE_LIT("{\"managedBy\":\"IotEdge\"}")};
    static const enum registry_behalf_verb verbs[] = {BEHALF_PUT,  BEHALF_PUT,    BEHALF_GET,
                                                      BEHALF_LIST, BEHALF_DELETE, BEHALF_GET};
    static const enum status statuses[] = {STATUS_OK, STATUS_MODULE_ALREADY_EXISTS,
                                           STATUS_OK, STATUS_OK,
                                           STATUS_OK, STATUS_MODULE_NOT_FOUND};
    for (int i = 0; i < 6; i++) {
        ask.verb = verbs[i];
        if (verbs[i] == BEHALF_LIST) ask.module_id = SLICE_NONE;
        assert_int_equal(behalf(f, &r, ask, HUB_OF("mid")), statuses[i]);
        reply_free(&r);
        ask.module_id = SLICE_LIT("new");
    }
    assert_int_equal(behalf(f, &r, ask, HUB_OF("low")), STATUS_UNAUTHORIZED_ACCESS);
    reply_free(&r);
    ask.actor = SLICE_LIT("top"); /* the chain does not reach it */
    assert_int_equal(behalf(f, &r, ask, HUB_OF("top")), STATUS_UNAUTHORIZED_ACCESS);
    reply_free(&r);
    ask.chain = SLICE_LIT("low;top");
    assert_int_equal(behalf(f, &r, ask, HUB_OF("top")), STATUS_UNAUTHORIZED_ACCESS);
    reply_free(&r);
}

/* ---- lists */

static enum status list(struct fixture *f, struct reply *r, struct registry_scope ask,
                        const char *resource)
{
    struct buf text = token(resource);
    ask.token = buf_slice(&text);
    registry_scope_list(asking(f, r), &ask, &r->wait);
    rig_run(&f->rig);
    assert_int_equal(r->answers, 1);
    buf_free(&text);
    return r->status;
}

/* "low,mid|low/$edgeAgent,.." */
static const char *names(const struct reply *r)
{
    static char out[1024];
    size_t len = 0;
    out[0] = '\0';
    for (int modules = 0; modules < 2; modules++) {
        const struct json *all = at(r->body, modules ? "modules" : "devices");
        if (modules) len += (size_t)snprintf(out + len, sizeof out - len, "|");
        for (const struct json *j = all->child; j; j = j->next)
            len += (size_t)snprintf(out + len, sizeof out - len, "%s%s%s%s",
                                    j == all->child ? "" : ",", text_at(j, "deviceId"),
                                    modules ? "/" : "", modules ? text_at(j, "moduleId") : "");
    }
    return out;
}

static void a_page_has_the_edge_device_its_children_and_their_modules(void **state)
{
    struct reply r;
    struct registry_scope ask = {.actor = SLICE_LIT("low"), .target_device = SLICE_LIT("low")};
    assert_int_equal(list(*state, &r, ask, HUB_OF("low")), STATUS_OK);
    assert_string_equal(names(&r), "leaf,low|leaf/m,low/$edgeAgent,low/$edgeHub");
    assert_int_equal(at(r.body, "continuationLink")->type, JSON_NULL);
    reply_free(&r);
    ask.target_device = SLICE_LIT("mid");
    ask.actor = SLICE_LIT("top");
    assert_int_equal(list(*state, &r, ask, HUB_OF("top")), STATUS_OK);
    assert_string_equal(names(&r),
                        "low,mid|low/$edgeAgent,low/$edgeHub,mid/$edgeAgent,mid/$edgeHub");
    reply_free(&r);
}

/* A row that was read before says 1: that is not to be left in those of the list. */
static void messages_are_not_counted_in_lists(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    struct store_request u;
    struct registry_scope ask = {
        .actor = SLICE_LIT("low"), .target_device = SLICE_LIT("leaf"), .target_only = true};
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_test_add_message, 1);
    store_put_text(&u, "device_id", SLICE_LIT("leaf"));
    assert_int_equal(store_now_unit(f->rig.store, &u), OK);
    fixture_restart(f);
    assert_int_equal(hub_add_host(&f->hub, SLICE_LIT("my.hub")), OK);
    for (int page = 0; page < 2; page++) {
        assert_int_equal(get(f, &r, "leaf"), STATUS_OK);
        assert_string_equal(text_at(r.body, "cloudToDeviceMessageCount"), "1");
        reply_free(&r);
        if (page) ask = (struct registry_scope){.actor = ask.actor, .target_device = ask.actor};
        assert_int_equal(list(f, &r, ask, HUB_OF("low")), STATUS_OK);
        for (const struct json *j = at(r.body, "devices")->child; j; j = j->next)
            assert_string_equal(text_at(j, "cloudToDeviceMessageCount"), "0");
        for (const struct json *j = at(r.body, "modules")->child; j; j = j->next)
            assert_string_equal(text_at(j, "cloudToDeviceMessageCount"), "0");
        reply_free(&r);
    }
}

static void pages_follow_each_other_by_their_links(void **state)
{
    struct reply r;
    struct registry_scope ask = {.actor = SLICE_LIT("low"),
                                 .target_device = SLICE_LIT("low"),
                                 .top = 3,
                                 .link = SLICE_LIT("/x?")};
    assert_int_equal(list(*state, &r, ask, HUB_OF("low")), STATUS_OK);
    assert_string_equal(names(&r), "leaf,low|leaf/m");
    assert_string_equal(text_at(r.body, "continuationLink"), "/x?low%2F");
    reply_free(&r);
    ask.after = SLICE_LIT("low/");
    assert_int_equal(list(*state, &r, ask, HUB_OF("low")), STATUS_OK);
    assert_string_equal(names(&r), "|low/$edgeAgent,low/$edgeHub");
    assert_int_equal(at(r.body, "continuationLink")->type, JSON_NULL);
    reply_free(&r);
}

static void one_identity_is_shown_with_its_device(void **state)
{
    struct reply r;
    struct registry_scope ask = {.actor = SLICE_LIT("top"),
                                 .target_device = SLICE_LIT("leaf"),
                                 .target_module = SLICE_LIT("m"),
                                 .target_only = true};
    assert_int_equal(list(*state, &r, ask, HUB_OF("top")), STATUS_OK);
    assert_string_equal(names(&r), "leaf|leaf/m");
    reply_free(&r);
    ask.target_module = SLICE_LIT("");
    assert_int_equal(list(*state, &r, ask, HUB_OF("top")), STATUS_OK);
    assert_string_equal(names(&r), "leaf|");
    reply_free(&r);
    ask.target_module = SLICE_LIT("none");
    assert_int_equal(list(*state, &r, ask, HUB_OF("top")), STATUS_MODULE_NOT_FOUND);
    reply_free(&r);
}

static void what_is_not_below_is_not_shown(void **state)
{
    static const struct {
        const char *actor, *target, *resource;
        enum status status;
    } rows[] = {
        {"low", "mid", HUB_OF("low"), STATUS_UNAUTHORIZED_ACCESS},
        {"low", "other", HUB_OF("low"), STATUS_UNAUTHORIZED_ACCESS},
        {"low", "nobody", HUB_OF("low"), STATUS_UNAUTHORIZED_ACCESS},
        {"low", "low", HUB_OF("mid"), STATUS_UNAUTHORIZED_ACCESS},
        {"leaf", "leaf", HUB_OF("leaf"), STATUS_UNAUTHORIZED_ACCESS},
        {"low", "leaf", HUB_OF("low"), STATUS_ARGUMENT_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply r;
        struct registry_scope ask = {.actor = slice_str(rows[i].actor),
                                     .target_device = slice_str(rows[i].target)};
        assert_int_equal(list(*state, &r, ask, rows[i].resource), rows[i].status);
        reply_free(&r);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_hierarchy, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_edge_hub_speaks_for_what_is_below_it_along_the_true_chain),
        CASE(a_disabled_edge_device_speaks_for_nobody_and_is_no_bridge),
        CASE(edge_devices_stand_below_each_other_to_a_depth),
        CASE(nobody_is_below_itself),
        CASE(an_edge_hub_writes_modules_of_those_below_along_the_true_chain),
        CASE(a_page_has_the_edge_device_its_children_and_their_modules),
        CASE(messages_are_not_counted_in_lists),
        CASE(pages_follow_each_other_by_their_links),
        CASE(one_identity_is_shown_with_its_device),
        CASE(what_is_not_below_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

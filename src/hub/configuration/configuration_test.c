/* configuration_test.c - configurations on a hub of two cores: what twins become, also after restarts. */
#include "base/json.h"
#include "base/limit.h"
#include "hub/configuration/configuration_sql.h"
#include "hub/configuration/look.h"
#include "hub/query/query.h"
#include "hub/twin/fleet_rig.h"

static struct fleet f;

static struct {
    struct queries *queries[RIG_CORES_MAX];
    struct configurations *configurations[RIG_CORES_MAX];
    struct arena arena;
} own;

static void open_all(void)
{
    fleet_open(&f);
    for (unsigned i = 0; i < f.rig.core_count; i++) {
        struct lane *lane = f.rig.cores[i];
        own.queries[i] = queries_new(&f.hub, lane, f.registries[i]);
        assert_int_equal(configurations_new(&f.hub, lane, f.registries[i], f.twins[i],
                                            own.queries[i], &own.configurations[i]),
                         OK);
    }
}

static void close_all(void)
{
    for (unsigned i = 0; i < f.rig.core_count; i++) {
        configurations_free(own.configurations[i]);
        queries_free(own.queries[i]);
    }
    fleet_close(&f);
}

static int set_up(void **state)
{
    (void)state;
    rig_init_cores(&f.rig, io_mem_new(), 2);
    open_all();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_all();
    rig_fini(&f.rig);
    arena_free(&own.arena);
    return 0;
}

static void go_on(void)
{
    for (int i = 0; i < 3; i++) rig_pass(&f.rig, 1500000);
}

static void restart(void)
{
    close_all();
    rig_restart(&f.rig);
    open_all();
}

/* ---- identities and twins */

static enum status last_status;
static struct json *last_twin;

static void on_identity(struct registry_wait *w, const struct registry_answer *a)
{
    (void)w;
    last_status = a->status;
}

static void put_with(const char *who, const char *json)
{
    struct registry_wait w = {.fn = on_identity};
    rig_on(f.rig.cores[0]);
    registry_put(f.registries[0], slice_str(who), SLICE_NONE, slice_str(json), &w);
    rig_run(&f.rig);
    assert_int_equal(last_status, STATUS_OK);
}

static void put_identity(const char *who)
{
    put_with(who, "{}");
}

static void put_edge(const char *who)
{
    put_with(who, "{\"capabilities\":{\"iotEdge\":true}}");
}

static void drop_identity(const char *who)
{
    struct registry_wait w = {.fn = on_identity};
    rig_on(f.rig.cores[0]);
    registry_delete(f.registries[0], slice_str(who), SLICE_LIT("*"), &w);
    rig_run(&f.rig);
    assert_int_equal(last_status, STATUS_OK);
}

/* Whatever becomes of it. */
static void start_drop(const char *who, struct registry_wait *w)
{
    rig_on(f.rig.cores[0]);
    *w = (struct registry_wait){.fn = on_identity};
    registry_delete(f.registries[0], slice_str(who), SLICE_LIT("*"), w);
}

static void on_twin(struct twin_wait *w, const struct twin_answer *a)
{
    (void)w;
    assert_int_equal(a->status, STATUS_OK);
    assert_int_equal(json_parse(&own.arena, a->body, &last_twin), OK);
}

static void write_twin(const char *who, const char *json)
{
    struct twin_wait w = {.fn = on_twin};
    rig_on(f.rig.cores[0]);
    twin_write(f.twins[0], slice_str(who), TWIN_MERGE, SLICE_NONE, slice_str(json), &w);
    rig_run(&f.rig);
}

/* "DESIRED CONFIGURATIONS", without $metadata. */
static const char *twin_of(const char *who)
{
    static struct buf text;
    struct twin_wait w = {.fn = on_twin};
    rig_on(f.rig.cores[1]);
    twin_get(f.twins[1], slice_str(who), &w);
    rig_run(&f.rig);
    struct json *desired = json_get(json_get(last_twin, "properties"), "desired");
    struct json *configurations = json_get(last_twin, "configurations");
    buf_free(&text);
    for (struct json *m = desired->child; m; m = m->next) {
        if (m->key.ptr[0] == '$') continue;
        buf_printf(&text, "%.*s=", SLICE_ARG(m->key));
        json_write(&text, m);
        buf_put_u8(&text, ' ');
    }
    for (struct json *m = configurations ? configurations->child : NULL; m; m = m->next)
        buf_printf(&text, "%.*s:%.*s ", SLICE_ARG(m->key), SLICE_ARG(json_str(m, "status")));
    return buf_cstr(&text);
}

/* ---- verbs, on the other core */

struct reply {
    struct configuration_wait wait;
    unsigned answers;
    enum status status;
    struct buf body, etag, text;
};

static struct reply reply;

static void on_answer(struct configuration_wait *w, const struct configuration_answer *a)
{
    struct reply *r = CONTAINER_OF(w, struct reply, wait);
    r->answers++;
    r->status = a->status;
    buf_put_slice(&r->body, a->body);
    buf_put_slice(&r->etag, a->etag);
    buf_put_slice(&r->text, a->text);
}

static struct configurations *ask(void)
{
    buf_free(&reply.body);
    buf_free(&reply.etag);
    buf_free(&reply.text);
    reply = (struct reply){.wait.fn = on_answer};
    rig_on(f.rig.cores[1]);
    return own.configurations[1];
}

static enum status answered(void)
{
    rig_run(&f.rig);
    assert_int_equal(reply.answers, 1);
    go_on();
    return reply.status;
}

static enum status put(const char *id, const char *if_match, const char *target, int priority,
                       const char *content)
{
    char json[1024];
    snprintf(json, sizeof json,
             "{\"targetCondition\":\"%s\",\"priority\":%d,\"content\":{\"deviceContent\":%s}}",
             target, priority, content);
    struct configurations *c = ask();
    configuration_put(c, slice_str(id), slice_str(if_match), slice_str(json), &reply.wait);
    return answered();
}

static enum status drop(const char *id, const char *if_match)
{
    struct configurations *c = ask();
    configuration_delete(c, slice_str(id), slice_str(if_match), &reply.wait);
    return answered();
}

/* "TARGETED/APPLIED" */
static const char *counts_of(const char *id)
{
    static char text[64];
    struct json *j;
    struct configurations *c = ask();
    configuration_get(c, slice_str(id), &reply.wait);
    assert_int_equal(answered(), STATUS_OK);
    assert_int_equal(json_parse(&own.arena, buf_slice(&reply.body), &j), OK);
    j = json_get(json_get(j, "systemMetrics"), "results");
    snprintf(text, sizeof text, "%.*s/%.*s", SLICE_ARG(json_get(j, "targetedCount")->text),
             SLICE_ARG(json_get(j, "appliedCount")->text));
    return text;
}

#define X1 "{\"properties.desired.x\":1}"
#define X2 "{\"properties.desired.x\":2}"

/* ---- cases */

static void devices_that_match_get_the_settings(void **state)
{
    (void)state;
    put_identity("d1");
    put_identity("d2");
    write_twin("d1", "{\"tags\":{\"a\":1}}");
    assert_int_equal(put("c1", NULL, "tags.a = 1", 0, X1), STATUS_OK);
    assert_string_equal(buf_cstr(&reply.etag), "MQ==");
    assert_string_equal(twin_of("d1"), "x=1 c1:Applied ");
    assert_string_equal(twin_of("d2"), "");
    assert_string_equal(counts_of("c1"), "1/1");
}

/* As Azure.Iot.Hub.Service makes them. */
static void an_etag_of_nothing_creates(void **state)
{
    (void)state;
    assert_int_equal(put("c1", "\"\"", "*", 0, X1), STATUS_OK);
    assert_int_equal(put("c1", "\"\"", "*", 0, X1), STATUS_CONFIGURATION_ALREADY_EXISTS);
}

static void a_twin_that_changes_comes_and_goes(void **state)
{
    (void)state;
    put_identity("d1");
    assert_int_equal(put("c1", NULL, "tags.a = 1", 0, X1), STATUS_OK);
    assert_string_equal(twin_of("d1"), "");
    write_twin("d1", "{\"tags\":{\"a\":1}}");
    assert_string_equal(twin_of("d1"), "x=1 c1:Applied ");
    write_twin("d1", "{\"properties\":{\"desired\":{\"x\":7}}}");
    assert_string_equal(twin_of("d1"), "x=1 c1:Applied ");
    write_twin("d1", "{\"tags\":{\"a\":2}}");
    assert_string_equal(twin_of("d1"), "");
    assert_string_equal(counts_of("c1"), "0/0");
}

static void update_identity(const char *who, const char *json)
{
    struct registry_wait w = {.fn = on_identity};
    rig_on(f.rig.cores[0]);
    registry_put(f.registries[0], slice_str(who), SLICE_LIT("*"), slice_str(json), &w);
    rig_run(&f.rig);
    assert_int_equal(last_status, STATUS_OK);
}

static void a_condition_may_ask_for_what_the_identity_says(void **state)
{
    (void)state;
    static const struct {
        const char *condition, *json;
    } rows[] = {
        {"status = 'disabled'", "{\"status\":\"disabled\"}"},
        {"statusReason = 'old'", "{\"statusReason\":\"old\"}"},
        {"capabilities.iotEdge = true", "{\"capabilities\":{\"iotEdge\":true}}"},
        {"deviceScope = 'ms-azure-iot-edge://e-1'",
         "{\"deviceScope\":\"ms-azure-iot-edge://e-1\"}"},
        {"authenticationType = 'certificateAuthority'",
         "{\"authentication\":{\"type\":\"certificateAuthority\"}}"},
    };
    put_identity("d1");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(put("c1", NULL, rows[i].condition, 0, X1), STATUS_OK);
        assert_string_equal(twin_of("d1"), "");
        update_identity("d1", rows[i].json);
        go_on();
        assert_string_equal(twin_of("d1"), "x=1 c1:Applied ");
        update_identity("d1", "{}");
        go_on();
        assert_string_equal(twin_of("d1"), "");
        assert_int_equal(drop("c1", NULL), STATUS_OK);
    }
}

static void a_new_device_gets_them_too(void **state)
{
    (void)state;
    assert_int_equal(put("c1", NULL, "*", 0, X1), STATUS_OK);
    put_identity("d1");
    go_on();
    assert_string_equal(twin_of("d1"), "x=1 c1:Applied ");
    drop_identity("d1");
    go_on();
    assert_string_equal(counts_of("c1"), "0/0");
}

static void the_highest_priority_counts(void **state)
{
    (void)state;
    put_identity("d1");
    assert_int_equal(put("c1", NULL, "*", 5, X1), STATUS_OK);
    assert_int_equal(put("c2", NULL, "*", 9, X2), STATUS_OK);
    assert_string_equal(twin_of("d1"), "x=2 c1:Targeted c2:Applied ");
    assert_string_equal(counts_of("c1"), "1/0");
    assert_int_equal(put("c1", "*", "*", 10, X1), STATUS_OK);
    assert_string_equal(twin_of("d1"), "x=1 c2:Targeted c1:Applied ");
    assert_int_equal(put("c1", "*", "", 10, X1), STATUS_OK);
    assert_string_equal(twin_of("d1"), "x=2 c2:Applied ");
    assert_int_equal(drop("c2", NULL), STATUS_OK);
    assert_string_equal(twin_of("d1"), "x=2 ");
}

static void content_stays_and_etags_are_looked_at(void **state)
{
    (void)state;
    put_identity("d1");
    assert_int_equal(put("c1", NULL, "*", 0, X1), STATUS_OK);
    assert_int_equal(put("c1", NULL, "*", 0, X1), STATUS_CONFIGURATION_ALREADY_EXISTS);
    assert_int_equal(put("c1", "\"MQ==\"", "*", 3, X2), STATUS_OK);
    assert_string_equal(buf_cstr(&reply.etag), "Mg==");
    assert_string_equal(twin_of("d1"), "x=1 c1:Applied ");
    assert_int_equal(put("c1", "\"MQ==\"", "*", 3, X2), STATUS_PRECONDITION_FAILED);
    assert_int_equal(drop("c1", "\"MQ==\""), STATUS_PRECONDITION_FAILED);
    assert_int_equal(put("c2", "*", "*", 3, X2), STATUS_CONFIGURATION_NOT_FOUND);
    assert_int_equal(drop("c2", NULL), STATUS_CONFIGURATION_NOT_FOUND);
    restart();
    assert_int_equal(drop("c1", "\"Mg==\""), STATUS_OK);
}

static void modules_have_their_own(void **state)
{
    (void)state;
    put_identity("d1");
    put_identity("d1/m1");
    struct configurations *c = ask();
    configuration_put(
        c, SLICE_LIT("c1"), SLICE_NONE,
        SLICE_LIT("{\"targetCondition\":\"from devices.modules where moduleId = 'm1'\","
                  "\"content\":{\"moduleContent\":" X1 "}}"),
        &reply.wait);
    assert_int_equal(answered(), STATUS_OK);
    assert_string_equal(twin_of("d1/m1"), "x=1 c1:Applied ");
    assert_string_equal(twin_of("d1"), "");
}

static void a_restart_at_any_moment_loses_nothing(void **state)
{
    (void)state;
    char who[16], json[256], target[64];
    for (int i = 0; i < 8; i++) {
        snprintf(who, sizeof who, "d%d", i);
        put_identity(who);
    }
    for (int steps = 0; steps < 40; steps += 2) {
        for (int i = 0; i < 8; i++) {
            snprintf(who, sizeof who, "d%d", i);
            snprintf(json, sizeof json, "{\"tags\":{\"a\":%d}}", steps + i % 2);
            write_twin(who, json);
        }
        snprintf(target, sizeof target, "tags.a = %d", steps);
        snprintf(json, sizeof json,
                 "{\"targetCondition\":\"%s\",\"content\":{\"deviceContent\":" X1 "}}", target);
        struct configurations *c = ask();
        configuration_put(c, SLICE_LIT("c1"), steps ? SLICE_LIT("*") : SLICE_NONE, slice_str(json),
                          &reply.wait);
        rig_run(&f.rig);
        assert_int_equal(reply.status, STATUS_OK);
        for (int i = 0; i < 8; i++) {
            snprintf(who, sizeof who, "d%d", i);
            snprintf(json, sizeof json, "{\"tags\":{\"a\":%d}}", steps + (i + 1) % 2);
            struct twin_wait w = {.fn = on_twin};
            rig_on(f.rig.cores[0]);
            twin_write(f.twins[0], slice_str(who), TWIN_MERGE, SLICE_NONE, slice_str(json), &w);
            for (int s = 0; s < steps; s++) rig_step(&f.rig);
            rig_run(&f.rig);
        }
        restart();
        go_on();
        assert_string_equal(twin_of("d0"), "");
        assert_string_equal(twin_of("d1"), "x=1 c1:Applied ");
        assert_string_equal(counts_of("c1"), "4/4");
    }
}

static void there_are_100(void **state)
{
    (void)state;
    char id[16];
    int64_t met = limit_reached("configurations");
    for (int i = 0; i < CONFIGURATIONS_MAX; i++) {
        snprintf(id, sizeof id, "c%d", i);
        assert_int_equal(put(id, NULL, "", 0, X1), STATUS_OK);
    }
    assert_int_equal(limit_reached("configurations"), met);
    assert_int_equal(put("more", NULL, "", 0, X1), STATUS_CONFIGURATION_COUNT_LIMIT);
    assert_int_equal(limit_reached("configurations") - met, 1);
    assert_int_equal(drop("c0", NULL), STATUS_OK);
    assert_int_equal(put("more", NULL, "", 0, X1), STATUS_OK);
}

/* ---- deployments */

static enum status deploy(const char *id, int priority, const char *modules)
{
    struct buf json = {0};
    buf_printf(&json,
               "{\"targetCondition\":\"*\",\"priority\":%d,\"content\":{\"modulesContent\":{%s}}}",
               priority, modules);
    struct configurations *c = ask();
    configuration_put(c, slice_str(id), SLICE_NONE, buf_slice(&json), &reply.wait);
    buf_free(&json);
    return answered();
}

static enum status apply(const char *device, const char *modules)
{
    struct buf json = {0};
    buf_printf(&json, "{\"modulesContent\":{%s}}", modules);
    struct configurations *c = ask();
    configuration_apply(c, slice_str(device), buf_slice(&json), &reply.wait);
    buf_free(&json);
    return answered();
}

#define AGENT(json) "\"$edgeAgent\":{\"properties.desired\":" json "}"
#define BASE        AGENT("{\"v\":1}") ",\"m\":{\"properties.desired\":{\"x\":1}}"
#define LAYER       "\"$edgeAgent\":{\"properties.desired.n\":2},\"m\":{\"properties.desired.y\":2}"

static void deployments_are_merged_into_modules(void **state)
{
    (void)state;
    put_edge("e1");
    put_identity("d1");
    assert_int_equal(deploy("base", 1, BASE), STATUS_OK);
    assert_string_equal(twin_of("e1/$edgeAgent"), "v=1 base:Applied ");
    assert_string_equal(twin_of("e1/m"), "x=1 ");
    assert_int_equal(deploy("layer", 2, LAYER), STATUS_OK);
    assert_string_equal(twin_of("e1/$edgeAgent"), "v=1 n=2 base:Applied layer:Applied ");
    assert_string_equal(twin_of("e1/m"), "x=1 y=2 ");
    assert_string_equal(twin_of("d1"), "");
    assert_string_equal(counts_of("layer"), "1/1");
    write_twin("e1/m", "{\"properties\":{\"desired\":{\"x\":7,\"z\":7}}}");
    assert_string_equal(twin_of("e1/m"), "x=1 y=2 ");
    put_edge("e2");
    go_on();
    assert_string_equal(twin_of("e2/m"), "x=1 y=2 ");
    assert_int_equal(drop("base", NULL), STATUS_OK);
    assert_string_equal(twin_of("e1/$edgeAgent"), "v=1 layer:Targeted ");
    assert_string_equal(counts_of("layer"), "2/0");
    restart();
    go_on();
    assert_int_equal(drop("layer", NULL), STATUS_OK);
    assert_string_equal(twin_of("e1/$edgeAgent"), "v=1 ");
    drop_identity("e2");
    go_on();
    assert_int_equal(deploy("base", 1, BASE), STATUS_OK);
    assert_string_equal(counts_of("base"), "1/1");
}

static void a_content_is_applied_at_once(void **state)
{
    (void)state;
    put_edge("e1");
    put_identity("d1");
    assert_int_equal(apply("e1", BASE), STATUS_OK);
    assert_string_equal(twin_of("e1/$edgeAgent"), "v=1 ");
    assert_string_equal(twin_of("e1/m"), "x=1 ");
    assert_int_equal(apply("e1", LAYER), STATUS_OK);
    assert_string_equal(twin_of("e1/m"), "x=1 y=2 ");
    assert_int_equal(apply("d1", BASE), STATUS_ARGUMENT_INVALID);
    assert_int_equal(apply("nobody", BASE), STATUS_DEVICE_NOT_FOUND);
    assert_int_equal(apply("e1", ""), STATUS_INVALID_CONFIGURATION_CONTENT);
}

static void one_content_at_a_time(void **state)
{
    (void)state;
    struct reply first = {.wait.fn = on_answer};
    put_edge("e1");
    struct configurations *c = ask();
    struct slice json = SLICE_LIT("{\"modulesContent\":{" BASE "}}");
    configuration_apply(c, SLICE_LIT("e1"), json, &first.wait);
    configuration_apply(c, SLICE_LIT("e1"), json, &reply.wait);
    assert_int_equal(answered(), STATUS_APPLY_CONFIGURATION_IN_PROGRESS);
    assert_int_equal(first.status, STATUS_OK);
}

/* ---- rules */

static void what_a_twin_refuses_is_not_applied(void **state)
{
    (void)state;
    put_identity("d1");
    assert_int_equal(put("c1", NULL, "*", 0, "{\"properties.desired.a b\":1}"), STATUS_OK);
    assert_string_equal(twin_of("d1"), "");
    assert_string_equal(counts_of("c1"), "1/0");
    put_edge("e1");
    assert_int_equal(deploy("base", 1, AGENT("{\"a b\":1}")), STATUS_OK);
    assert_string_equal(twin_of("e1/$edgeAgent"), "");
    assert_string_equal(counts_of("base"), "1/0");
}

/* Two refused ones have rows and do not stand in the twin; both go before it is looked at. */
static void rows_of_refused_ones_go_too(void **state)
{
    (void)state;
    struct configurations *c = own.configurations[0];
    put_identity("d1");
    assert_int_equal(put("c1", NULL, "*", 0, "{\"properties.desired.a b\":1}"), STATUS_OK);
    assert_int_equal(put("c2", NULL, "*", 0, "{\"properties.desired.a b\":2}"), STATUS_OK);
    assert_string_equal(counts_of("c1"), "1/0");
    assert_string_equal(counts_of("c2"), "1/0");
    struct item *items[] = {conf_items_find(c, SLICE_LIT("c1")),
                            conf_items_find(c, SLICE_LIT("c2"))};
    for (int i = 0; i < 2; i++) items[i]->query = NULL; /* they mean nobody */
    rig_on(f.rig.cores[0]);
    c->looking += CONFIGURATION_AT_ONCE; /* it waits */
    conf_look_at_row(c, SLICE_LIT("d1"), SLICE_LIT("c1"));
    conf_look_at_row(c, SLICE_LIT("d1"), SLICE_LIT("c2"));
    conf_look_at_row(c, SLICE_LIT("d1"), SLICE_LIT("c1"));
    c->looking -= CONFIGURATION_AT_ONCE;
    conf_look_step(c);
    go_on();
    assert_string_equal(counts_of("c1"), "0/0");
    assert_string_equal(counts_of("c2"), "0/0");
}

static void a_look_knows_50_rows(void **state)
{
    (void)state;
    char id[16];
    struct configurations *c = own.configurations[0];
    go_on();
    rig_on(f.rig.cores[0]);
    c->looking += CONFIGURATION_AT_ONCE;
    for (int i = 0; i <= LOOK_ROWS_MAX; i++) {
        assert_true(list_empty(&c->sweep.waiting));
        snprintf(id, sizeof id, "c%d", i);
        conf_look_at_row(c, SLICE_LIT("d1"), slice_str(id));
    }
    assert_false(list_empty(&c->sweep.waiting));
    c->looking -= CONFIGURATION_AT_ONCE;
    conf_look_step(c);
    go_on();
    assert_true(list_empty(&c->sweep.waiting));
}

static bool looks_again(void)
{
    return timer_active(&own.configurations[0]->again_timer);
}

/* Each is refused by the twin, all together by its door. */
static void settings_that_are_too_many_are_not_applied(void **state)
{
    (void)state;
    char id[16];
    put_identity("d1");
    for (int i = 0; i < 5; i++) {
        struct buf json = {0};
        snprintf(id, sizeof id, "c%d", i);
        buf_put_str(&json, "{\"targetCondition\":\"*\",\"content\":{\"deviceContent\":{");
        for (int at = 0; buf_size(&json) < CONFIGURATION_BODY_MAX - 8192; at++)
            buf_printf(&json, "%s\"properties.desired.p%d.q%d\":\"%04000d\"", at ? "," : "", i, at,
                       0);
        buf_put_str(&json, "}}}");
        struct configurations *c = ask();
        configuration_put(c, slice_str(id), SLICE_NONE, buf_slice(&json), &reply.wait);
        assert_int_equal(answered(), STATUS_OK);
        buf_free(&json);
        assert_false(looks_again());
    }
    assert_string_equal(twin_of("d1"), "");
    assert_string_equal(counts_of("c4"), "1/0");
}

static void start_put(const char *who, struct registry_wait *w)
{
    rig_on(f.rig.cores[0]);
    *w = (struct registry_wait){.fn = on_identity};
    registry_put(f.registries[0], slice_str(who), SLICE_NONE, SLICE_LIT("{}"), w);
}

/* `who` is made, and deleted while it is looked at. */
static void make_and_drop(const char *who)
{
    for (int steps = 0; steps < 60; steps++) {
        struct registry_wait first, made, last;
        start_drop(who, &first); /* a deployment made it again, or it came too late */
        start_put(who, &made);
        for (int s = 0; s < steps; s++) rig_step(&f.rig);
        start_drop(who, &last);
        rig_run(&f.rig);
        assert_false(looks_again());
    }
}

static void what_goes_while_it_is_looked_at_is_no_failure(void **state)
{
    (void)state;
    put_identity("d1");
    put_edge("e1");
    struct configurations *c = ask();
    configuration_put(
        c, SLICE_LIT("c1"), SLICE_NONE,
        SLICE_LIT("{\"targetCondition\":\"from devices.modules where deviceId = 'd1'\","
                  "\"content\":{\"moduleContent\":" X1 "}}"),
        &reply.wait);
    assert_int_equal(answered(), STATUS_OK);
    make_and_drop("d1/m1");
    go_on();
    assert_string_equal(counts_of("c1"), "0/0");
    assert_int_equal(deploy("base", 1, BASE), STATUS_OK);
    make_and_drop("e1/m");
    go_on();
    assert_string_equal(twin_of("e1/m"), "x=1 ");
    assert_string_equal(counts_of("base"), "1/1");
}

static enum status put_members(const char *members)
{
    struct buf json = {0};
    buf_printf(&json, "{\"content\":{\"deviceContent\":{}},%s}", members);
    struct configurations *c = ask();
    configuration_put(c, SLICE_LIT("c1"), SLICE_NONE, buf_slice(&json), &reply.wait);
    buf_free(&json);
    enum status s = answered();
    if (s == STATUS_OK) assert_int_equal(drop("c1", NULL), STATUS_OK);
    return s;
}

static enum status put_many(const char *before, const char *value, const char *after, int count)
{
    struct buf text = {0};
    buf_put_str(&text, before);
    for (int i = 0; i < count; i++) buf_printf(&text, "%s\"n%d\":\"%s\"", i ? "," : "", i, value);
    buf_put_str(&text, after);
    enum status s = put_members(buf_cstr(&text));
    buf_free(&text);
    return s;
}

static void limits_are_kept(void **state)
{
    (void)state;
    static const char metrics[] = "\"metrics\":{\"queries\":{", query[] = "SELECT * FROM devices";
    assert_int_equal(put_members("\"priority\":2147483647"), STATUS_OK);
    assert_int_equal(put_members("\"priority\":2147483648"), STATUS_ARGUMENT_INVALID);
    assert_int_equal(put_many("\"labels\":{", "v", "}", CONFIGURATION_LABELS_MAX), STATUS_OK);
    assert_int_equal(put_many("\"labels\":{", "v", "}", CONFIGURATION_LABELS_MAX + 1),
                     STATUS_ARGUMENT_INVALID);
    assert_int_equal(put_many(metrics, query, "}}", CONFIGURATION_METRICS_MAX), STATUS_OK);
    assert_int_equal(put_many(metrics, query, "}}", CONFIGURATION_METRICS_MAX + 1),
                     STATUS_INVALID_METRICS_QUERY);
}

static void an_id_has_up_to_128_characters(void **state)
{
    (void)state;
    char id[CONFIGURATION_ID_MAX + 2] = {0};
    memset(id, 'a', CONFIGURATION_ID_MAX);
    assert_int_equal(put(id, NULL, "", 0, X1), STATUS_OK);
    id[CONFIGURATION_ID_MAX] = 'a';
    assert_int_equal(put(id, NULL, "", 0, X1), STATUS_ARGUMENT_INVALID);
}

static void a_thousand_calls_wait(void **state)
{
    (void)state;
    static struct reply replies[CONFIGURATION_CALLS_MAX + 1];
    unsigned throttled = 0;
    int64_t met = limit_reached("configuration-calls");
    struct configurations *c = ask();
    for (int i = 0; i <= CONFIGURATION_CALLS_MAX; i++) {
        replies[i] = (struct reply){.wait.fn = on_answer};
        configuration_list(c, &replies[i].wait);
    }
    rig_run(&f.rig);
    for (int i = 0; i <= CONFIGURATION_CALLS_MAX; i++) {
        assert_int_equal(replies[i].answers, 1);
        throttled += replies[i].status == STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED;
        buf_free(&replies[i].body);
        buf_free(&replies[i].text);
    }
    assert_int_equal(throttled, 1);
    assert_int_equal(limit_reached("configuration-calls") - met, 1);
}

static void twins_beyond_the_queue_are_swept(void **state)
{
    (void)state;
    struct configurations *c = own.configurations[0];
    put_identity("d1");
    put_identity("d2");
    assert_int_equal(put("c1", NULL, "tags.a = 1", 0, X1), STATUS_OK);
    c->looking += CONFIGURATION_AT_ONCE; /* the others wait, */
    c->queued += CONFIGURATION_QUEUE_MAX - 1;
    write_twin("d1", "{\"tags\":{\"a\":1}}"); /* for which there is room, */
    assert_int_equal(c->queued, CONFIGURATION_QUEUE_MAX);
    assert_false(c->overflow);
    write_twin("d2", "{\"tags\":{\"a\":1}}"); /* and here is none. */
    assert_int_equal(c->queued, CONFIGURATION_QUEUE_MAX);
    assert_true(c->overflow);
    c->queued -= CONFIGURATION_QUEUE_MAX - 1;
    c->looking -= CONFIGURATION_AT_ONCE;
    rig_on(f.rig.cores[0]);
    conf_look_step(c);
    go_on();
    assert_false(c->overflow);
    assert_string_equal(twin_of("d1"), "x=1 c1:Applied ");
    assert_string_equal(twin_of("d2"), "x=1 c1:Applied ");
}

static unsigned list_count(const struct list *l)
{
    unsigned count = 0;
    for (const struct list *at = l->next; at != l; at = at->next) count++;
    return count;
}

/* How many sweeps wait at most while a PUT is under way. */
static unsigned sweeps_of(const char *members)
{
    const struct configurations *first = own.configurations[0];
    struct buf json = {0};
    unsigned most = 0;
    buf_printf(&json, "{\"content\":{\"deviceContent\":" X1 "}%s}", members);
    struct configurations *c = ask();
    configuration_put(c, SLICE_LIT("c1"), SLICE_LIT("*"), buf_slice(&json), &reply.wait);
    buf_free(&json);
    do {
        unsigned now = list_count(&first->sweep.waiting);
        if (now > most) most = now;
    } while (rig_step(&f.rig));
    assert_int_equal(reply.status, STATUS_OK);
    return most;
}

static void only_what_concerns_twins_is_swept(void **state)
{
    (void)state;
    assert_int_equal(put("c1", NULL, "", 0, X1), STATUS_OK);
    assert_int_equal(sweeps_of(",\"labels\":{\"a\":\"b\"}"), 0);
    assert_int_equal(sweeps_of(",\"metrics\":{\"queries\":{\"m\":\"SELECT * FROM devices\"}}"), 0);
    assert_int_equal(sweeps_of(",\"priority\":1"), 1);
    assert_int_equal(sweeps_of(",\"priority\":1,\"schemaVersion\":\"1.0\""), 0);
    assert_int_equal(sweeps_of(",\"priority\":1,\"targetCondition\":\"*\""), 1);
}

static void a_configuration_waits_for_its_sweep_once(void **state)
{
    (void)state;
    struct configurations *c = own.configurations[0];
    rig_on(f.rig.cores[0]);
    for (int i = 0; i < 3; i++) {
        conf_sweep_start(c, SLICE_LIT("a"));
        conf_sweep_start(c, SLICE_LIT("b"));
    }
    assert_int_equal(list_count(&c->sweep.waiting), 3); /* "a" is under way, and waits */
    go_on();
    assert_true(list_empty(&c->sweep.waiting));
}

static void metrics_count_rows(void **state)
{
    (void)state;
    struct json *j;
    for (int i = 0; i < 3; i++) put_identity((const char *[]){"d1", "d2", "d3"}[i]);
    struct configurations *c = ask();
    configuration_put(
        c, SLICE_LIT("c1"), SLICE_NONE,
        SLICE_LIT("{\"content\":{\"deviceContent\":{}},\"metrics\":{\"queries\":{\"all\":"
                  "\"SELECT deviceId FROM devices\",\"one\":\"SELECT deviceId FROM devices "
                  "WHERE deviceId = 'd2'\"}}}"),
        &reply.wait);
    assert_int_equal(answered(), STATUS_OK);
    (void)counts_of("c1");
    assert_int_equal(json_parse(&own.arena, buf_slice(&reply.body), &j), OK);
    const struct json *results = json_get(json_get(j, "metrics"), "results");
    assert_true(slice_is(json_get(results, "all")->text, "3"));
    assert_true(slice_is(json_get(results, "one")->text, "1"));
}

static void conditions_and_metrics_are_tested(void **state)
{
    (void)state;
    struct configurations *c = ask();
    configuration_test(c,
                       SLICE_LIT("{\"targetCondition\":\"tags.a = 1\",\"customMetricQueries\":{"
                                 "\"good\":\"SELECT * FROM devices\",\"bad\":\"SELECT\","
                                 "\"number\":1}}"),
                       &reply.wait);
    assert_int_equal(answered(), STATUS_OK);
    const char *body = buf_cstr(&reply.body);
    assert_non_null(strstr(body, "{\"targetConditionError\":null,\"customMetricQueryErrors\":{"
                                 "\"bad\":\""));
    assert_null(strstr(body, "good"));
    assert_non_null(strstr(body, "\"number\":\"a query must be a string\""));
    c = ask();
    configuration_test(c, SLICE_LIT("{\"targetCondition\":\"*\"}"), &reply.wait);
    assert_int_equal(answered(), STATUS_OK);
    assert_null(strstr(buf_cstr(&reply.body), "\"targetConditionError\":null"));
}

static int tear_all_down(void **state)
{
    ask();
    return tear_down(state);
}

/* Older servers took a level more. */
static void one_that_no_list_can_have_does_not_hide_the_others(void **state)
{
    (void)state;
    char body[512], open[80] = "", close[80] = "";
    struct store_request u;
    size_t arrays = JSON_DEPTH_MAX - 3; /* in "content", "deviceContent" and a path of its own */
    memset(open, '[', arrays);
    memset(close, ']', arrays);
    snprintf(body, sizeof body,
             "{\"content\":{\"deviceContent\":{\"properties.desired.a\":%s%s}},"
             "\"targetCondition\":\"\",\"priority\":1}",
             open, close);
    assert_int_equal(put("plain", NULL, "*", 1, "{}"), STATUS_OK);
    close_all();
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_configuration_insert, 1);
    store_put_text(&u, "id", SLICE_LIT("deep"));
    store_put_text(&u, "body", slice_str(body));
    store_put_int(&u, "etag", 1);
    store_put_int(&u, "created_us", 1);
    store_put_int(&u, "updated_us", 1);
    assert_int_equal(store_now_unit(f.rig.store, &u), OK);
    rig_restart(&f.rig);
    open_all();
    struct configurations *c = ask();
    struct json *list;
    configuration_list(c, &reply.wait);
    assert_int_equal(answered(), STATUS_OK);
    assert_int_equal(json_parse(&own.arena, buf_slice(&reply.body), &list), OK);
    assert_true(slice_is(json_str(list->child, "id"), "plain"));
    assert_null(list->child->next);
    c = ask();
    configuration_get(c, SLICE_LIT("deep"), &reply.wait);
    assert_int_equal(answered(), STATUS_OK);
    assert_int_equal(drop("deep", NULL), STATUS_OK);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_all_down)
    const struct CMUnitTest tests[] = {
        CASE(devices_that_match_get_the_settings),
        CASE(an_etag_of_nothing_creates),
        CASE(a_twin_that_changes_comes_and_goes),
        CASE(a_condition_may_ask_for_what_the_identity_says),
        CASE(a_new_device_gets_them_too),
        CASE(the_highest_priority_counts),
        CASE(content_stays_and_etags_are_looked_at),
        CASE(modules_have_their_own),
        CASE(a_restart_at_any_moment_loses_nothing),
        CASE(there_are_100),
        CASE(deployments_are_merged_into_modules),
        CASE(a_content_is_applied_at_once),
        CASE(one_content_at_a_time),
        CASE(what_a_twin_refuses_is_not_applied),
        CASE(rows_of_refused_ones_go_too),
        CASE(a_look_knows_50_rows),
        CASE(settings_that_are_too_many_are_not_applied),
        CASE(what_goes_while_it_is_looked_at_is_no_failure),
        CASE(limits_are_kept),
        CASE(an_id_has_up_to_128_characters),
        CASE(a_thousand_calls_wait),
        CASE(twins_beyond_the_queue_are_swept),
        CASE(only_what_concerns_twins_is_swept),
        CASE(a_configuration_waits_for_its_sweep_once),
        CASE(metrics_count_rows),
        CASE(conditions_and_metrics_are_tested),
        CASE(one_that_no_list_can_have_does_not_hide_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

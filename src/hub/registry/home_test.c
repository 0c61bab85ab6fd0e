/* home_test.c - what the home core knows, tells and bears: sessions, presence, limits, faults. */
#include "hub/registry/fixture.h"

#include "base/limit.h"
#include "hub/registry/test_sql.h"

/* ---- whom the home tells */

struct loaded {
    struct registry_load load;
    unsigned answers;
    enum err err;
    struct identity *id;
};

static void note_loaded(struct registry_load *load, const struct identity *id, enum err e)
{
    struct loaded *l = CONTAINER_OF(load, struct loaded, load);
    l->answers++;
    l->err = e;
    l->id = id ? identity_copy(id) : NULL;
}

static struct loaded load(struct fixture *f, const char *id)
{
    struct loaded l = {0};
    rig_on(f->rig.cores[0]);
    registry_load(f->registries[0], slice_str(id), &l.load, note_loaded);
    rig_run(&f->rig);
    assert_int_equal(l.answers, 1);
    return l;
}

static void a_session_gets_decoded_keys(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(load(f, "d1").err, ERR_NOT_FOUND);
    put_only(f, "d1", NULL,
             "{\"authentication\":{\"symmetricKey\":{\"primaryKey\":\"MDEyMzQ1Njc4OWFiY2RlZg==\","
             "\"secondaryKey\":\"ZmVkY2JhOTg3NjU0MzIxMA==\"}}}");
    for (int from_store = 0; from_store <= 1; from_store++) {
        struct loaded l = load(f, "d1");
        assert_int_equal(l.err, OK);
        assert_true(l.id->enabled);
        assert_int_equal(l.id->auth, IDENTITY_SAS);
        assert_true(slice_is(l.id->keys[0], "0123456789abcdef"));
        assert_true(slice_is(l.id->keys[1], "fedcba9876543210"));
        assert_true(l.id->generation.len > 0);
        free(l.id);
        fixture_restart(f);
    }
}

struct heard {
    struct registry_listener listener;
    unsigned count;
    enum registry_change change;
};

static void hear(struct registry_listener *l, struct slice who, enum registry_change change)
{
    struct heard *heard = CONTAINER_OF(l, struct heard, listener);
    assert_true(slice_is(who, "d1"));
    heard->count++;
    heard->change = change;
}

#define KEYS(a, b)                                                                                 \
    "\"authentication\":{\"symmetricKey\":{\"primaryKey\":\"" a "\",\"secondaryKey\":\"" b "\"}}"
#define KEY_A "MDEyMzQ1Njc4OWFiY2RlZg=="
#define KEY_B "ZmVkY2JhOTg3NjU0MzIxMA=="

static void listeners_hear_what_becomes_of_an_identity(void **state)
{
    struct fixture *f = *state;
    struct heard heard = {.listener.changed = hear};
    enum { NOTHING = -1 };
    static const struct {
        const char *put; /* NULL: delete */
        int change;
    } rows[] = {
        {"{" KEYS(KEY_A, KEY_B) "}", REGISTRY_CREATED},
        {"{" KEYS(KEY_A, KEY_B) ",\"statusReason\":\"x\"}", REGISTRY_CHANGED},
        {"{" KEYS(KEY_A, KEY_B) ",\"statusReason\":\"x\"}", NOTHING},
        {"{" KEYS(KEY_A, KEY_B) ",\"deviceScope\":\"ms-azure-iot-edge://e-1\"}", REGISTRY_MOVED},
        {"{" KEYS(KEY_A, KEY_B) "}", REGISTRY_MOVED},
        {"{" KEYS(KEY_A, KEY_A) "}", REGISTRY_KEYS_CHANGED},
        {"{\"status\":\"disabled\"," KEYS(KEY_A, KEY_A) "}", REGISTRY_DISABLED},
        {"{\"status\":\"disabled\"," KEYS(KEY_A, KEY_A) "}", NOTHING},
        {"{\"status\":\"enabled\"," KEYS(KEY_A, KEY_A) "}", REGISTRY_ENABLED},
        {"{\"status\":\"disabled\"," KEYS(KEY_A, KEY_B) "}", REGISTRY_DISABLED},
        {"{" KEYS(KEY_A, KEY_B) "}", REGISTRY_ENABLED},
        {"{}", REGISTRY_KEYS_CHANGED}, /* new keys were made */
        {"{\"authentication\":{\"type\":\"certificateAuthority\"}}", REGISTRY_KEYS_CHANGED},
        {NULL, REGISTRY_DELETED},
    };
    registry_listen(f->registries[0], &heard.listener);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply r;
        heard.count = 0;
        if (rows[i].put)
            put(f, &r, "d1", i ? "*" : NULL, rows[i].put);
        else
            drop(f, &r, "d1", "*");
        assert_int_equal(r.status, STATUS_OK);
        unsigned count = rows[i].change == NOTHING ? 0 : rows[i].change == REGISTRY_MOVED ? 2 : 1;
        assert_int_equal(heard.count, count); /* who has moved has changed before */
        if (heard.count) assert_int_equal(heard.change, rows[i].change);
        reply_free(&r);
    }
}

/* ---- subscriptions */

struct subscribing {
    struct registry_subscribe change;
    unsigned answers;
    uint32_t now;
    enum err err;
};

static void take_subscribed(struct registry_subscribe *change, uint32_t subscriptions, enum err e)
{
    struct subscribing *s = CONTAINER_OF(change, struct subscribing, change);
    s->answers++;
    s->now = subscriptions;
    s->err = e;
}

static enum err subscribe(struct fixture *f, struct subscribing *s, uint32_t set, uint32_t clear)
{
    *s = (struct subscribing){.change = {.set = set, .clear = clear, .fn = take_subscribed}};
    rig_on(f->rig.cores[0]);
    registry_subscribe(f->registries[0], SLICE_LIT("d1"), &s->change);
    rig_run(&f->rig);
    assert_int_equal(s->answers, 1);
    return s->err;
}

static void subscriptions_survive_a_restart_and_an_update_but_not_a_delete(void **state)
{
    struct fixture *f = *state;
    struct subscribing s;
    struct reply r;
    assert_int_equal(subscribe(f, &s, 1, 0), ERR_NOT_FOUND);
    put(f, &r, "d1", NULL, "{}");
    reply_free(&r);
    assert_int_equal(subscribe(f, &s, 5, 0), OK);
    assert_int_equal(subscribe(f, &s, 2, 4), OK);
    assert_int_equal(s.now, 3);
    fixture_restart(f);
    put(f, &r, "d1", "*", "{}");
    reply_free(&r);
    assert_int_equal(subscribe(f, &s, 0, 0), OK);
    assert_int_equal(s.now, 3);
    drop(f, &r, "d1", "*");
    reply_free(&r);
    put(f, &r, "d1", NULL, "{}");
    reply_free(&r);
    assert_int_equal(subscribe(f, &s, 0, 0), OK);
    assert_int_equal(s.now, 0);
}

static void a_model_is_kept_beside_the_subscriptions_until_another_is_announced(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *announced, *kept;
    } rows[] = {{"dtmi:a;1", "dtmi:a;1"}, {"", "dtmi:a;1"}, {"dtmi:b;1", "dtmi:b;1"}};
    struct subscribing s;
    struct reply r;
    put(f, &r, "d1", NULL, "{}");
    reply_free(&r);
    assert_int_equal(subscribe(f, &s, 5, 0), OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        s = (struct subscribing){
            .change = {.model_id = slice_str(rows[i].announced), .fn = take_subscribed}};
        rig_on(f->rig.cores[0]);
        registry_subscribe(f->registries[0], SLICE_LIT("d1"), &s.change);
        rig_run(&f->rig);
        assert_int_equal(s.err, OK);
        assert_int_equal(s.now, 5);
        put(f, &r, "d1", "*", "{}");
        reply_free(&r);
        for (int restarted = 0; restarted < 2; restarted++) {
            struct loaded l = load(f, "d1");
            assert_true(slice_is(l.id->model_id, rows[i].kept));
            free(l.id);
            fixture_restart(f);
        }
    }
}

static void a_device_shows_who_is_connected_and_since_when(void **state)
{
    struct fixture *f = *state;
    struct reply before, r;
    char connected[CLOCK_ISO_LEN + 1], active[CLOCK_ISO_LEN + 1], left[CLOCK_ISO_LEN + 1];
    put(f, &before, "d1", NULL, "{}");
    rig_on(f->rig.cores[0]);
    clock_iso(clock_wall_us(), connected);
    registry_set_connected(f->registries[0], SLICE_LIT("d1"), true, clock_wall_us());
    rig_pass(&f->rig, 60000000);
    rig_on(f->rig.cores[0]);
    registry_set_active(f->registries[0], SLICE_LIT("d1"), clock_wall_us());
    clock_iso(clock_wall_us(), active);
    get(f, &r, "d1");
    assert_string_equal(text_at(r.body, "connectionState"), "Connected");
    assert_string_equal(text_at(r.body, "connectionStateUpdatedTime"), connected);
    assert_string_equal(text_at(r.body, "lastActivityTime"), active);
    assert_string_equal(r.etag, before.etag);
    reply_free(&r);
    rig_pass(&f->rig, 1000000);
    rig_on(f->rig.cores[0]);
    registry_set_connected(f->registries[0], SLICE_LIT("d1"), false, clock_wall_us());
    clock_iso(clock_wall_us(), left);
    get(f, &r, "d1");
    assert_string_equal(text_at(r.body, "connectionState"), "Disconnected");
    assert_string_equal(text_at(r.body, "connectionStateUpdatedTime"), left);
    assert_string_equal(text_at(r.body, "lastActivityTime"), left);
    reply_free(&r);
    drop(f, &r, "d1", "*");
    put(f, &r, "d1", NULL, "{}");
    assert_string_equal(text_at(r.body, "lastActivityTime"), "0001-01-01T00:00:00Z");
    reply_free(&r);
    reply_free(&before);
}

/* ---- limits and faults */

static void the_cache_has_a_size(void **state)
{
    struct fixture *f = *state;
    enum { DEVICES = 300 };
    struct registry *r = f->registries[0];
    char id[16];
    registry_limit_cache(r, 20000);
    for (int i = 0; i < DEVICES; i++) {
        snprintf(id, sizeof id, "d%d", i);
        assert_int_equal(put_only(f, id, NULL, "{}"), STATUS_OK);
        assert_true(r->bytes <= r->cache_bytes);
    }
    assert_true(r->entries.count > 10 && r->entries.count < 100);
    for (int i = 0; i < DEVICES; i++) {
        struct reply reply;
        snprintf(id, sizeof id, "d%d", i);
        assert_int_equal(get(f, &reply, id), STATUS_OK);
        reply_free(&reply);
    }
    assert_true(r->bytes <= r->cache_bytes);
}

static void what_is_used_again_stays_in_the_cache(void **state)
{
    struct fixture *f = *state;
    char id[16];
    f->registries[0]->cache_bytes = 20000;
    put_only(f, "often", NULL, "{}");
    for (int i = 0; i < 200; i++) {
        struct reply reply;
        snprintf(id, sizeof id, "d%d", i);
        put_only(f, id, NULL, "{}");
        get(f, &reply, "often");
        reply_free(&reply);
        assert_non_null(map_get(&f->registries[0]->entries, SLICE_LIT("often")));
    }
}

static void so_many_calls_may_wait(void **state)
{
    struct fixture *f = *state;
    struct reply *replies = mem_zero((REGISTRY_WAITING_MAX + 1) * sizeof *replies);
    int64_t refused = limit_reached("registry-calls");
    for (int i = 0; i <= REGISTRY_WAITING_MAX; i++)
        registry_get(asking(f, &replies[i]), SLICE_LIT("d1"), &replies[i].wait);
    rig_run(&f->rig);
    for (int i = 0; i <= REGISTRY_WAITING_MAX; i++) {
        assert_int_equal(replies[i].answers, 1);
        assert_int_equal(replies[i].status, i < REGISTRY_WAITING_MAX
                                                ? STATUS_DEVICE_NOT_FOUND
                                                : STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED);
    }
    assert_int_equal(f->registries[0]->waiting, 0);
    assert_int_equal(limit_reached("registry-calls") - refused, 1);
    free(replies);
}

static void a_hub_holds_so_many_devices(void **state)
{
    struct fixture *f = *state;
    struct store_request u;
    store_begin_unit(&u, STORE_INTERACTIVE);
    store_add(&u, &sql_test_set_count, 1);
    store_put_int(&u, "number", REGISTRY_DEVICES_MAX - 1);
    assert_int_equal(store_now_unit(f->rig.store, &u), OK);
    int64_t met = limit_reached("devices");
    assert_int_equal(put_only(f, "last", NULL, "{}"), STATUS_OK);
    assert_int_equal(limit_reached("devices"), met);
    assert_int_equal(put_only(f, "more", NULL, "{}"), STATUS_TOO_MANY_DEVICES);
    assert_int_equal(limit_reached("devices") - met, 1);
    struct reply r;
    assert_int_equal(get(f, &r, "more"), STATUS_DEVICE_NOT_FOUND);
    assert_int_equal(drop(f, &r, "last", "*"), STATUS_OK);
    assert_int_equal(put_only(f, "more", NULL, "{}"), STATUS_OK);
}

static void a_document_has_a_largest_size(void **state)
{
    struct fixture *f = *state;
    for (int extra = 0; extra <= 1; extra++) {
        size_t size = REGISTRY_BODY_MAX + (size_t)extra;
        char *json = mem_new(size + 1);
        memset(json, ' ', size);
        memcpy(json, "{}", 2);
        json[size] = '\0';
        assert_int_equal(put_only(f, "d1", NULL, json),
                         extra ? STATUS_MESSAGE_TOO_LARGE : STATUS_OK);
        free(json);
    }
}

static void only_so_many_who_left_are_remembered(void **state)
{
    struct fixture *f = *state;
    struct registry *r = f->registries[0];
    char id[16];
    rig_on(f->rig.cores[0]);
    registry_set_connected(r, SLICE_LIT("here"), true, 1);
    for (int i = 0; i <= REGISTRY_IDLE_MAX; i++) {
        if (i == REGISTRY_IDLE_MAX)
            assert_int_equal(presence_of(&r->presences, SLICE_LIT("d0")).active_us, 2);
        snprintf(id, sizeof id, "d%d", i);
        registry_set_connected(r, slice_str(id), true, 2);
        registry_set_connected(r, slice_str(id), false, 2);
    }
    assert_int_equal(presence_of(&r->presences, SLICE_LIT("d0")).active_us, 0);
    assert_int_equal(presence_of(&r->presences, SLICE_LIT("d1")).active_us, 2);
    assert_true(presence_of(&r->presences, SLICE_LIT("here")).connected);
    assert_int_equal(r->presences.connected_count, 1);
    assert_int_equal(r->presences.idle_count, REGISTRY_IDLE_MAX);
}

static void a_store_that_cannot_write_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct reply before, r;
    put(f, &before, "d1", NULL, "{}");
    io_mem_fail(f->rig.io, IO_CALL_SYNC, 1, ERR_IO, false);
    assert_int_equal(put_only(f, "d1", "*", "{\"status\":\"disabled\"}"),
                     STATUS_SERVICE_UNAVAILABLE);
    assert_int_equal(put_only(f, "d2", NULL, "{}"), STATUS_SERVICE_UNAVAILABLE);
    assert_int_equal(drop(f, &r, "d1", "*"), STATUS_SERVICE_UNAVAILABLE);
    assert_int_equal(get(f, &r, "d1"), STATUS_OK);
    assert_true(slice_eq(r.raw, before.raw));
    reply_free(&r);
    assert_int_equal(get(f, &r, "d2"), STATUS_DEVICE_NOT_FOUND);
    fixture_restart(f);
    assert_int_equal(get(f, &r, "d1"), STATUS_OK);
    assert_true(slice_eq(r.raw, before.raw));
    reply_free(&r);
    reply_free(&before);
}

static void an_answer_finds_nobody_who_forgot(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    registry_get(asking(f, &r), SLICE_LIT("d1"), &r.wait);
    registry_forget(f->registries[0], &r.wait);
    rig_run(&f->rig);
    assert_int_equal(r.answers, 0);
}

static void a_hub_can_stop_in_the_middle(void **state)
{
    struct fixture *f = *state;
    struct reply r[5];
    put_only(f, "d1", NULL, "{}");
    registry_put(asking(f, &r[0]), SLICE_LIT("d1"), SLICE_LIT("*"), SLICE_LIT("{}"), &r[0].wait);
    registry_get(asking(f, &r[1]), SLICE_LIT("d2"), &r[1].wait);
    registry_delete(asking(f, &r[2]), SLICE_LIT("d1"), SLICE_LIT("*"), &r[2].wait);
    registry_list(asking(f, &r[3]), 0, &r[3].wait);
    registry_bulk(asking(f, &r[4]), SLICE_LIT("[{\"id\":\"d3\"}]"), &r[4].wait);
    lane_run_once(f->rig.cores[0], rig_mono_us);
    fixture_restart(f);
    struct reply after;
    assert_int_equal(get(f, &after, "d1"), STATUS_OK);
    reply_free(&after);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_session_gets_decoded_keys),
        CASE(listeners_hear_what_becomes_of_an_identity),
        CASE(a_model_is_kept_beside_the_subscriptions_until_another_is_announced),
        CASE(subscriptions_survive_a_restart_and_an_update_but_not_a_delete),
        CASE(a_device_shows_who_is_connected_and_since_when),
        CASE(the_cache_has_a_size),
        CASE(what_is_used_again_stays_in_the_cache),
        CASE(so_many_calls_may_wait),
        CASE(a_hub_holds_so_many_devices),
        CASE(a_document_has_a_largest_size),
        CASE(only_so_many_who_left_are_remembered),
        CASE(a_store_that_cannot_write_changes_nothing),
        CASE(an_answer_finds_nobody_who_forgot),
        CASE(a_hub_can_stop_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

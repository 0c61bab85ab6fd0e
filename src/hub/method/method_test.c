/* method_test.c - a caller, a home and a device on three lanes; what is beside them is invented. */
#include "base/test.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/limit.h"
#include "hub/method/method.h"
#include "hub/news/news.h"
#include "hub/registry/registry.h"

enum { CALLER, HOME, DEVICE, LANES };

/* ---- time */

static int64_t now_us;

static int64_t fake_now(void)
{
    return now_us;
}

static const struct clock_source fake_clock = {fake_now, fake_now};

/* ---- the registry, and who is connected */

static struct {
    struct office office;
    struct lane lanes[LANES];
    struct hub hub;
    struct methods *methods[LANES];
    bool registered, connected;
    enum err store;
    struct session_link link;
    struct session_listener *listener; /* of the home core */
    struct session session;
    struct method_calls calls;
    struct slice want; /* the request that is expected; ptr NULL: any */
    unsigned requests;
    uint64_t rid; /* of the last request */
    bool busy, ending;
} world;

bool session_home_find(const struct session_home *home, struct slice who, struct session_link *out)
{
    (void)home;
    assert_true(hub_who_valid(who));
    *out = world.link;
    return world.connected;
}

struct slice session_home_sdk(const struct session_home *home, struct slice who)
{
    (void)home, (void)who;
    return SLICE_LIT("an SDK/1.0"); /* nobody wants a resource log: it goes nowhere */
}

void session_home_listen(struct session_home *home, struct session_listener *l)
{
    if (home) world.listener = l;
}

struct session *session_of(const struct lane *lane, const struct msg *m)
{
    return slot_get(lane, m->to);
}

void registry_load(struct registry *r, struct slice who, struct registry_load *load,
                   registry_loaded_fn fn)
{
    static const struct identity some = {0};
    enum err e = world.store != OK ? world.store : world.registered ? OK : ERR_NOT_FOUND;
    (void)r, (void)who;
    fn(load, e == OK ? &some : NULL, e);
}

static void on_method(struct session *s, const struct method_request *r)
{
    assert_ptr_equal(s, &world.session);
    if (world.ending)
        method_refuse(&world.calls, r, STATUS_DEVICE_NOT_ONLINE);
    else if (world.busy)
        method_refuse(&world.calls, r, STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED);
    else if (method_begin(&world.calls, r, &world.rid))
        world.requests++;
    if (world.want.ptr) assert_true(slice_eq(r->payload, world.want));
}

static const struct session_owner owner = {.method = on_method};
static const struct session_owner without_methods = {0};

static void run(void)
{
    for (int turn = 0; turn < 8; turn++)
        for (int i = 0; i < LANES; i++) lane_run_once(&world.lanes[i], now_us);
}

static void pass(int64_t us)
{
    now_us += us;
    run();
}

static void *on(int lane)
{
    lane_running = &world.lanes[lane];
    return world.methods[lane];
}

static int set_up(void **state)
{
    static int some_home;
    (void)state;
    memset(&world, 0, sizeof world);
    now_us = 1000000;
    clock_use(&fake_clock);
    for (int i = 0; i < LANES; i++) {
        lane_init(&world.lanes[i], &world.office, "core");
        lane_running = &world.lanes[i];
    }
    world.hub =
        (struct hub){.office = &world.office, .core_count = 1, .cores = {world.lanes[HOME].id}};
    for (int i = 0; i < LANES; i++) {
        void *home = i == HOME ? &some_home : NULL;
        world.methods[i] = methods_new(&world.hub, &world.lanes[i], NULL, home);
    }
    world.registered = true;
    world.session.owner = &owner;
    world.session.slot = slot_new(&world.lanes[DEVICE], &world.session);
    world.link = (struct session_link){world.session.slot, HUB_MQTT, SESSION_METHODS};
    method_calls_init(&world.calls, world.methods[DEVICE]);
    run();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    on(DEVICE);
    method_calls_drop(&world.calls);
    run();
    for (int i = 0; i < LANES; i++) methods_free(world.methods[i]);
    for (int i = 0; i < LANES; i++) lane_fini(&world.lanes[i]);
    clock_use(NULL);
    return 0;
}

static void connect(uint32_t features)
{
    world.connected = true;
    world.link.features = features;
    lane_running = &world.lanes[HOME];
    world.listener->changed(world.listener, SLICE_LIT("d1"), &world.link);
    run();
}

/* ---- callers */

struct caller {
    struct method_call call;
    unsigned results;
    enum status status;
    int32_t device_status;
    char payload[64];
};

static void on_result(struct method_call *c, const struct method_result *r)
{
    struct caller *caller = CONTAINER_OF(c, struct caller, call);
    caller->results++;
    caller->status = r->status;
    caller->device_status = r->device_status;
    assert_int_equal(r->text == NULL, r->status == STATUS_OK);
    snprintf(caller->payload, sizeof caller->payload, "%.*s",
             SLICE_ARG(slice_head(r->payload, sizeof caller->payload - 1)));
}

static enum err ask(struct caller *c, const char *name, struct slice payload, unsigned response_s,
                    unsigned connect_s)
{
    struct method_ask what = {.who = SLICE_LIT("d1"),
                              .name = slice_str(name),
                              .payload = payload,
                              .response_s = response_s,
                              .connect_s = connect_s};
    *c = (struct caller){.call.fn = on_result};
    enum err e = method_call(on(CALLER), &what, &c->call);
    return e;
}

static void call(struct caller *c, unsigned response_s, unsigned connect_s)
{
    assert_int_equal(ask(c, "reboot", SLICE_LIT("{\"delay\":1.50}"), response_s, connect_s), OK);
    run();
}

static void answer(uint64_t rid, int32_t status, struct slice payload)
{
    on(DEVICE);
    method_answer(&world.calls, rid, status, payload);
    run();
}

/* ---- tests */

static void an_answer_comes_back_as_it_was_given(void **state)
{
    (void)state;
    static const struct {
        int32_t status;
        const char *said, *heard;
    } rows[] = {
        {200, "{\"a\":1.0}", "{\"a\":1.0}"},
        {0, "", "null"},
        {-7, "null", "null"},
        {INT32_MAX, " [1, 2] ", " [1, 2] "},
        {404, "\"text\"", "\"text\""},
    };
    connect(SESSION_METHODS);
    world.want = SLICE_LIT("{\"delay\":1.50}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct caller c;
        call(&c, 30, 0);
        assert_int_equal(world.requests, i + 1);
        answer(world.rid, rows[i].status, slice_str(rows[i].said));
        assert_int_equal(c.results, 1);
        assert_int_equal(c.status, STATUS_OK);
        assert_int_equal(c.device_status, rows[i].status);
        assert_string_equal(c.payload, rows[i].heard);
    }
    assert_int_equal(world.calls.count, 0);
}

static void an_answer_that_is_no_json_is_a_bad_gateway(void **state)
{
    (void)state;
    struct caller c;
    connect(SESSION_METHODS);
    call(&c, 30, 0);
    answer(world.rid, 200, SLICE_LIT("{"));
    assert_int_equal(c.status, STATUS_BAD_GATEWAY);
    call(&c, 30, 0);
    on(DEVICE);
    method_answer_invalid(&world.calls, world.rid);
    run();
    assert_int_equal(c.status, STATUS_BAD_GATEWAY);
}

static void an_answer_has_128_kib(void **state)
{
    (void)state;
    char *text = malloc(METHOD_PAYLOAD_MAX + 1);
    memset(text, '1', METHOD_PAYLOAD_MAX + 1);
    connect(SESSION_METHODS);
    for (size_t over = 0; over < 2; over++) {
        struct caller c;
        call(&c, 30, 0);
        answer(world.rid, 200, slice_of(text, METHOD_PAYLOAD_MAX + over));
        assert_int_equal(c.status, over ? STATUS_BAD_GATEWAY : STATUS_OK);
    }
    free(text);
}

/* A call of that request and that answer, as who watches hears of it. */
static const struct json *told(struct arena *arena, struct slice request, struct slice reply)
{
    struct caller c;
    struct news_item item;
    struct json *json;
    uint64_t at = news_end(world.hub.news), missed = 0;
    assert_int_equal(ask(&c, "reboot", request, 30, 0), OK);
    run();
    answer(world.rid, 200, reply);
    assert_int_equal(c.status, STATUS_OK);
    assert_true(news_next(world.hub.news, &at, &item, &missed) && missed == 0);
    assert_int_equal(json_parse(arena, item.json, &json), OK);
    return json;
}

static int64_t size_in(const struct json *told, const char *name)
{
    int64_t size = 0;
    assert_int_equal(json_i64(json_get(told, name), &size), OK);
    return size;
}

static void who_watches_is_told_a_kib_of_each_and_how_much_it_was(void **state)
{
    (void)state;
    char text[METHOD_TOLD_MAX + 1];
    memset(text, '1', sizeof text);
    connect(SESSION_METHODS);
    world.hub.news = news_new(&world.hub);
    for (int i = 0; i < LANES; i++) news_attach(world.hub.news, &world.lanes[i]);
    for (size_t over = 0; over < 2; over++) {
        struct arena arena = {0};
        struct slice all = slice_of(text, METHOD_TOLD_MAX + over);
        const struct json *j = told(&arena, all, all);
        assert_int_equal(json_str(j, "request").len, METHOD_TOLD_MAX);
        assert_int_equal(size_in(j, "requestSize"), all.len);
        assert_int_equal(json_str(j, "body").len, METHOD_TOLD_MAX);
        assert_int_equal(size_in(j, "size"), all.len);
        assert_int_equal(json_get(j, "truncated") != NULL, over);
        arena_free(&arena);
    }
    news_free(world.hub.news);
    world.hub.news = NULL;
}

static void late_and_second_answers_are_nobodys(void **state)
{
    (void)state;
    struct caller first, second;
    connect(SESSION_METHODS);
    call(&first, 5, 0);
    uint64_t rid = world.rid;
    pass(5000000);
    assert_int_equal(first.results, 1);
    assert_int_equal(first.status, STATUS_GATEWAY_TIMEOUT);
    call(&second, 5, 0);
    assert_true(world.rid != rid && world.rid != 0);
    answer(rid, 200, SLICE_LIT("\"late\""));
    assert_int_equal(first.results, 1);
    assert_int_equal(second.results, 0);
    answer(world.rid, 200, SLICE_LIT("\"good\""));
    answer(world.rid, 201, SLICE_LIT("\"again\""));
    answer(0, 200, SLICE_LIT("\"invented\""));
    assert_int_equal(second.results, 1);
    assert_int_equal(second.device_status, 200);
}

static void who_forgets_a_call_hears_nothing(void **state)
{
    (void)state;
    struct caller c;
    connect(SESSION_METHODS);
    call(&c, 30, 0);
    on(CALLER);
    method_forget(&c.call);
    answer(world.rid, 200, SLICE_LIT("1"));
    pass(60000000);
    assert_int_equal(c.results, 0);
}

static void nobody_is_there(void **state)
{
    (void)state;
    struct caller c;
    world.registered = false;
    call(&c, 30, 20);
    assert_int_equal(c.status, STATUS_DEVICE_NOT_FOUND);
    world.registered = true;
    call(&c, 30, 0);
    assert_int_equal(c.status, STATUS_DEVICE_NOT_ONLINE);
    connect(SESSION_C2D);
    call(&c, 30, 0);
    assert_int_equal(c.status, STATUS_DEVICE_NOT_ONLINE);
    world.store = ERR_IO;
    call(&c, 30, 0);
    assert_int_equal(c.status, STATUS_SERVICE_UNAVAILABLE);
    world.store = ERR_THROTTLED;
    call(&c, 30, 0);
    assert_int_equal(c.status, STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED);
}

static void a_call_waits_for_its_device_to_connect_and_subscribe(void **state)
{
    (void)state;
    struct caller in_time, late;
    call(&late, 10, 5);
    call(&in_time, 10, 10);
    pass(5000000);
    assert_int_equal(late.status, STATUS_DEVICE_NOT_ONLINE);
    connect(SESSION_C2D);
    assert_int_equal(world.requests, 0);
    connect(SESSION_C2D | SESSION_METHODS);
    assert_int_equal(world.requests, 1);
    pass(9000000); /* 14 of 20 s: the device has its time from when it was asked */
    assert_int_equal(in_time.results, 0);
    answer(world.rid, 200, SLICE_NONE);
    assert_int_equal(in_time.status, STATUS_OK);
    assert_int_equal(late.results, 1);
}

static void a_session_that_ends_answers_its_calls(void **state)
{
    (void)state;
    struct caller c;
    connect(SESSION_METHODS);
    call(&c, 30, 0);
    on(DEVICE);
    method_calls_drop(&world.calls);
    run();
    assert_int_equal(c.status, STATUS_GATEWAY_TIMEOUT);
    world.ending = true;
    call(&c, 30, 0);
    assert_int_equal(c.status, STATUS_DEVICE_NOT_ONLINE);
    world.session.owner = &without_methods;
    call(&c, 30, 0);
    assert_int_equal(c.status, STATUS_DEVICE_NOT_ONLINE);
    slot_free(&world.lanes[DEVICE], world.session.slot);
    call(&c, 30, 0);
    assert_int_equal(c.status, STATUS_DEVICE_NOT_ONLINE);
}

static void a_home_that_is_silent_is_not_waited_for(void **state)
{
    (void)state;
    struct caller c;
    assert_int_equal(ask(&c, "x", SLICE_NONE, 5, 0), OK);
    now_us += 5000000;
    lane_run_once(&world.lanes[CALLER], now_us);
    assert_int_equal(c.status, STATUS_GATEWAY_TIMEOUT);
    run();
    assert_int_equal(c.results, 1);
}

static void what_may_be_asked(void **state)
{
    (void)state;
    static char name[METHOD_NAME_MAX + 2];
    memset(name, 'n', METHOD_NAME_MAX + 1);
    const struct {
        const char *name;
        unsigned response_s, connect_s;
        enum err err;
    } rows[] = {
        {"reboot", 5, 0, OK},
        {"thermostat1*getMaxMinReport", 3600, 300, OK},
        {"\xC3\xA4 \xE2\x82\xAC%41$&=\"", 30, 30, OK},
        {name + 1, 30, 0, OK},
        {name, 30, 0, ERR_INVALID},
        {"", 30, 0, ERR_INVALID},
        {"a/b", 30, 0, ERR_INVALID},
        {"a+", 30, 0, ERR_INVALID},
        {"#", 30, 0, ERR_INVALID},
        {"a?", 30, 0, ERR_INVALID},
        {"a\nb", 30, 0, ERR_INVALID},
        {"\xFF", 30, 0, ERR_INVALID},
        {"x", 4, 0, ERR_INVALID},
        {"x", 3601, 0, ERR_INVALID},
        {"x", 301, 301, ERR_INVALID},
        {"x", 30, 31, ERR_INVALID},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct caller c;
        assert_int_equal(ask(&c, rows[i].name, SLICE_NONE, rows[i].response_s, rows[i].connect_s),
                         rows[i].err);
        if (rows[i].err == OK) method_forget(&c.call);
    }
}

static void a_request_has_128_kib(void **state)
{
    (void)state;
    struct caller c;
    char *text = calloc(1, METHOD_PAYLOAD_MAX + 1);
    assert_int_equal(ask(&c, "x", slice_of(text, METHOD_PAYLOAD_MAX + 1), 30, 0), ERR_TOO_BIG);
    assert_int_equal(ask(&c, "x", slice_of(text, METHOD_PAYLOAD_MAX), 30, 0), OK);
    method_forget(&c.call);
    free(text);
}

static void a_session_has_64_calls_pending(void **state)
{
    (void)state;
    static struct caller callers[METHOD_PENDING_MAX + 1];
    int64_t met = limit_reached("methods-of-device");
    connect(SESSION_METHODS);
    for (int i = 0; i <= METHOD_PENDING_MAX; i++) call(&callers[i], 30, 0);
    assert_int_equal(limit_reached("methods-of-device") - met, 1);
    for (int i = 0; i < METHOD_PENDING_MAX; i++) assert_int_equal(callers[i].results, 0);
    assert_int_equal(callers[METHOD_PENDING_MAX].status, STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED);
    answer(world.rid, 200, SLICE_NONE);
    call(&callers[METHOD_PENDING_MAX], 30, 0);
    assert_int_equal(callers[METHOD_PENDING_MAX].results, 0);
    world.busy = true;
    struct caller last;
    call(&last, 30, 0);
    assert_int_equal(last.status, STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED);
    pass(30000000);
    for (int i = 0; i <= METHOD_PENDING_MAX; i++) assert_int_equal(callers[i].results, 1);
}

static void an_identity_has_64_calls_that_wait(void **state)
{
    (void)state;
    static struct caller callers[METHOD_PENDING_MAX + 1];
    int64_t met = limit_reached("methods-waiting");
    for (int i = 0; i <= METHOD_PENDING_MAX; i++) call(&callers[i], 30, 20);
    assert_int_equal(limit_reached("methods-waiting") - met, 1);
    assert_int_equal(callers[METHOD_PENDING_MAX].status, STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED);
    assert_int_equal(callers[METHOD_PENDING_MAX - 1].results, 0);
    connect(SESSION_METHODS);
    assert_int_equal(world.requests, METHOD_PENDING_MAX);
}

static enum err call_another(struct caller *c, int number, struct slice payload)
{
    char who[16];
    snprintf(who, sizeof who, "d%d", number);
    struct method_ask what = {.who = slice_str(who),
                              .name = SLICE_LIT("x"),
                              .payload = payload,
                              .response_s = 30,
                              .connect_s = 10};
    *c = (struct caller){.call.fn = on_result};
    return method_call(on(CALLER), &what, &c->call);
}

static void a_home_keeps_32_mib_of_calls_that_wait(void **state)
{
    (void)state;
    enum { FIT = METHOD_WAITING_BYTES_MAX / (METHOD_PAYLOAD_MAX + 16 + 4) };
    static struct caller callers[FIT + 1];
    char *text = calloc(1, METHOD_PAYLOAD_MAX);
    int64_t met = limit_reached("methods-waiting");
    for (int i = 0; i <= FIT; i++)
        assert_int_equal(call_another(&callers[i], i, slice_of(text, METHOD_PAYLOAD_MAX)), OK);
    run();
    for (int i = 0; i < FIT; i++) assert_int_equal(callers[i].results, 0);
    assert_int_equal(callers[FIT].status, STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED);
    assert_int_equal(limit_reached("methods-waiting") - met, 1);
    pass(10000000);
    assert_int_equal(callers[0].status, STATUS_DEVICE_NOT_ONLINE);
    assert_int_equal(call_another(&callers[0], 0, SLICE_NONE), OK);
    run();
    assert_int_equal(callers[0].results, 0);
    free(text);
}

static void a_core_has_10000_calls_under_way(void **state)
{
    (void)state;
    struct caller *callers = calloc(METHOD_CALLS_MAX + 1, sizeof *callers);
    for (int i = 0; i < METHOD_CALLS_MAX; i++)
        assert_int_equal(ask(&callers[i], "x", SLICE_NONE, 30, 0), OK);
    int64_t met = limit_reached("method-calls");
    assert_int_equal(ask(&callers[METHOD_CALLS_MAX], "x", SLICE_NONE, 30, 0), ERR_THROTTLED);
    assert_int_equal(limit_reached("method-calls") - met, 1);
    method_forget(&callers[0].call);
    assert_int_equal(ask(&callers[0], "x", SLICE_NONE, 30, 0), OK);
    for (int i = 0; i < METHOD_CALLS_MAX; i++) method_forget(&callers[i].call);
    free(callers);
}

static void rids_are_texts_and_back(void **state)
{
    (void)state;
    char text[METHOD_RID_MAX + 1];
    static const uint64_t rids[] = {1, 0xABCDEF, UINT64_MAX};
    for (size_t i = 0; i < sizeof rids / sizeof *rids; i++) {
        method_rid_text(rids[i], text);
        assert_true(method_rid_of(slice_str(text)) == rids[i]);
    }
    static const char *const bad[] = {"", "0", "g", "A", "1 ", "-1", "12345678123456781"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(method_rid_of(slice_str(bad[i])) == 0);
}

static void what_is_under_way_at_the_end_is_freed(void **state)
{
    (void)state;
    static struct caller waiting, pending;
    call(&waiting, 30, 20);
    call(&pending, 30, 20);
    assert_int_equal(waiting.results + pending.results, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_comes_back_as_it_was_given),
        TEST(an_answer_that_is_no_json_is_a_bad_gateway),
        TEST(an_answer_has_128_kib),
        TEST(who_watches_is_told_a_kib_of_each_and_how_much_it_was),
        TEST(late_and_second_answers_are_nobodys),
        TEST(who_forgets_a_call_hears_nothing),
        TEST(nobody_is_there),
        TEST(a_call_waits_for_its_device_to_connect_and_subscribe),
        TEST(a_session_that_ends_answers_its_calls),
        TEST(a_home_that_is_silent_is_not_waited_for),
        TEST(what_may_be_asked),
        TEST(a_request_has_128_kib),
        TEST(a_session_has_64_calls_pending),
        TEST(an_identity_has_64_calls_that_wait),
        TEST(a_home_keeps_32_mib_of_calls_that_wait),
        TEST(a_core_has_10000_calls_under_way),
        TEST(rids_are_texts_and_back),
        TEST(what_is_under_way_at_the_end_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

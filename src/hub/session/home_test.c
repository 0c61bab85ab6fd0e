/* home_test.c - what becomes of an OPEN when its identity changes while the session is begun, or while it waits for an
 * older session to end. */
#include "store/rig.h"

#include "auth/sas.h"
#include "hub/certificate/certificate.h"
#include "hub/registry/registry.h"
#include "hub/session/session.h"
#include "log/log.h"

#define KEY   "MDEyMzQ1Njc4OWFiY2RlZg==" /* "0123456789abcdef" */
#define OTHER "ZmVkY2JhOTg3NjU0MzIxMA=="
#define WITH_KEYS(key)                                                                             \
    "\"authentication\":{\"symmetricKey\":{\"primaryKey\":\"" key "\",\"secondaryKey\":\"" key     \
    "\"}}"

static struct rig rig;
static struct hub hub;
static struct registry *registry;
struct phone {
    struct session session;
    unsigned answers, closes;
    enum session_cause cause; /* of the answer, then of the close */
};

static void opened(struct session *s, const struct session_opened *answer)
{
    struct phone *p = CONTAINER_OF(s, struct phone, session);
    p->answers++;
    p->cause = answer->cause;
}

/* It takes its time to end. */
static void asked_to_close(struct session *s, enum session_cause cause)
{
    struct phone *p = CONTAINER_OF(s, struct phone, session);
    p->closes++;
    p->cause = cause;
}

static const struct session_owner owner = {.opened = opened, .close = asked_to_close};

static struct certificates *certificates;
static struct session_home *home;
static struct session_desk desk;
static struct log_writer writer; /* nothing is ever in it */

static void open_home(void)
{
    struct lane *lane = rig.cores[0];
    hub = (struct hub){.office = &rig.office, .core_count = 1, .store = rig.store};
    hub.cores[0] = lane->id;
    registry = registry_new(&hub, lane);
    assert_int_equal(hub_add_host(&hub, SLICE_LIT("my.hub")), OK);
    assert_int_equal(certificates_new(&hub, rig.cores[0], &certificates), OK);
    home = session_home_new(&hub, rig.cores[0], registry, certificates);
    session_desk_init(&desk, &hub, rig.cores[0], &writer);
}

static void close_home(void)
{
    session_home_free(home);
    certificates_free(certificates);
    registry_free(registry);
}

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig, io_mem_new());
    open_home();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_home();
    rig_fini(&rig);
    return 0;
}

/* Nothing of it is in memory: whoever asks for it waits for the store. */
static void restart(void)
{
    close_home();
    rig_restart(&rig);
    open_home();
}

/* ---- identities */

struct reply {
    struct registry_wait wait;
    unsigned answers;
};

static void on_reply(struct registry_wait *w, const struct registry_answer *a)
{
    assert_int_equal(a->status, STATUS_OK);
    CONTAINER_OF(w, struct reply, wait)->answers++;
}

/* `json` NULL: DELETE.  Answered when the rig has run. */
static void ask_change(struct reply *r, const char *json, bool is_new)
{
    struct slice if_match = is_new ? SLICE_NONE : SLICE_LIT("*");
    *r = (struct reply){.wait.fn = on_reply};
    rig_on(rig.cores[0]);
    if (json)
        registry_put(registry, SLICE_LIT("d"), if_match, slice_str(json), &r->wait);
    else
        registry_delete(registry, SLICE_LIT("d"), if_match, &r->wait);
}

static void change(const char *json, bool is_new)
{
    struct reply r;
    ask_change(&r, json, is_new);
    rig_run(&rig);
    assert_int_equal(r.answers, 1);
}

/* ---- */

/* It names a model that is not the stored one, so home writes before it grants the session. */
static void ask(struct phone *p, const char *who)
{
    struct buf token = {0};
    sas_make(&token, SLICE_LIT("my.hub/devices/d"), SLICE_LIT("0123456789abcdef"), NULL,
             RIG_EPOCH_S + 3600);
    *p = (struct phone){0};
    rig_on(rig.cores[0]);
    session_open(&p->session, &desk, &owner,
                 &(struct session_ask){.protocol = HUB_MQTT,
                                       .who = slice_str(who),
                                       .token = buf_slice(&token),
                                       .model_id = SLICE_LIT("dtmi:test:model;1")});
    buf_free(&token);
}

/* Both wait for the identity, the OPEN first: its credential is looked at before the change is
 * written, the session is begun after that. */
static void what_changes_while_a_session_is_begun_counts(void **state)
{
    (void)state;
    static const struct {
        const char *json; /* of the PUT; NULL: DELETE */
        enum session_cause cause;
    } rows[] = {
        {"{\"statusReason\":\"why\"," WITH_KEYS(KEY) "}", SESSION_GRANTED},
        {"{\"status\":\"disabled\"," WITH_KEYS(KEY) "}", SESSION_UNAVAILABLE},
        {"{" WITH_KEYS(OTHER) "}", SESSION_UNAVAILABLE},
        {NULL, SESSION_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct phone p;
        struct session_link link;
        change("{" WITH_KEYS(KEY) "}", true);
        restart();
        ask(&p, "d");
        lane_run_once(rig.cores[0], rig_mono_us);
        change(rows[i].json, false);
        assert_int_equal(p.answers, 1);
        if (p.cause != rows[i].cause) fail_msg("row %zu: %s", i, session_cause_name(p.cause));
        assert_int_equal(session_home_find(home, SLICE_LIT("d"), &link),
                         rows[i].cause == SESSION_GRANTED);
        slot_free(rig.cores[0], p.session.slot);
        if (rows[i].json) change(NULL, false);
    }
}

/* Behind the change it is judged by what is so now. */
static void who_asks_behind_the_change_is_judged_by_it(void **state)
{
    (void)state;
    struct phone p;
    struct reply r;
    change("{" WITH_KEYS(OTHER) "}", true);
    restart();
    ask_change(&r, "{" WITH_KEYS(KEY) "}", false);
    lane_run_once(rig.cores[0], rig_mono_us);
    ask(&p, "d");
    rig_run(&rig);
    assert_int_equal(r.answers, 1);
    assert_int_equal(p.answers, 1);
    assert_int_equal(p.cause, SESSION_GRANTED);
    slot_free(rig.cores[0], p.session.slot);
}

/* ---- one after the other */

static void dial(struct phone *p, enum hub_protocol protocol, uint32_t features)
{
    struct buf token = {0};
    sas_make(&token, SLICE_LIT("my.hub/devices/d"), SLICE_LIT("0123456789abcdef"), NULL,
             RIG_EPOCH_S + 3600);
    *p = (struct phone){0};
    rig_on(rig.cores[0]);
    session_open(&p->session, &desk, &owner,
                 &(struct session_ask){.protocol = protocol,
                                       .who = SLICE_LIT("d"),
                                       .token = buf_slice(&token),
                                       .features = features});
    buf_free(&token);
}

static void open_phone(struct phone *p)
{
    dial(p, HUB_MQTT, 0);
    rig_run(&rig);
    assert_int_equal(p->answers, 1);
    assert_int_equal(p->cause, SESSION_GRANTED);
}

static void hang_up(struct phone *p)
{
    rig_on(rig.cores[0]);
    session_end(&p->session);
    rig_run(&rig);
}

/* NULL: nobody's. */
static bool has_session(const struct phone *p)
{
    struct session_link link;
    if (!session_home_find(home, SLICE_LIT("d"), &link)) return p == NULL;
    return p && addr_eq(link.session, p->session.slot);
}

static void a_newer_session_begins_when_the_older_has_ended(void **state)
{
    (void)state;
    struct phone older, newer;
    change("{" WITH_KEYS(KEY) "}", true);
    open_phone(&older);
    assert_true(has_session(&older));
    dial(&newer, HUB_AMQP, 0);
    rig_run(&rig);
    assert_int_equal(older.closes, 1);
    assert_int_equal(older.cause, SESSION_TAKEN_OVER);
    assert_int_equal(newer.answers, 0);
    assert_true(has_session(NULL)); /* what is sent to a device that is being closed is lost */
    hang_up(&older);
    assert_int_equal(newer.cause, SESSION_GRANTED);
    assert_true(has_session(&newer));
    hang_up(&newer);
    assert_true(has_session(NULL));
}

static void who_waits_for_an_older_session_is_refused_with_its_identity(void **state)
{
    (void)state;
    static const struct {
        const char *json; /* of the PUT; NULL: DELETE */
        enum session_cause cause;
    } rows[] = {
        {"{\"status\":\"disabled\"," WITH_KEYS(KEY) "}", SESSION_DISABLED},
        {"{" WITH_KEYS(OTHER) "}", SESSION_KEY_CHANGED},
        {NULL, SESSION_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct phone older, newer;
        change("{" WITH_KEYS(KEY) "}", true);
        open_phone(&older);
        dial(&newer, HUB_MQTT, 0);
        rig_run(&rig);
        change(rows[i].json, false);
        assert_int_equal(newer.answers, 1);
        assert_int_equal(newer.cause, rows[i].cause);
        hang_up(&older);
        assert_true(has_session(NULL));
        hang_up(&newer);
        if (rows[i].json) change(NULL, false);
    }
}

static void who_asks_over_https_ends_no_session(void **state)
{
    (void)state;
    struct phone phone, light;
    change("{" WITH_KEYS(KEY) "}", true);
    open_phone(&phone);
    dial(&light, HUB_HTTP, 0);
    rig_run(&rig);
    assert_int_equal(light.cause, SESSION_GRANTED);
    hang_up(&light);
    assert_int_equal(phone.closes, 0);
    assert_true(has_session(&phone));
    hang_up(&phone);
}

/* A connection that left before it was let in is nobody's session. */
static void who_left_before_he_was_let_in_keeps_nobody_out(void **state)
{
    (void)state;
    struct phone gone, phone;
    change("{" WITH_KEYS(KEY) "}", true);
    dial(&gone, HUB_MQTT, 0);
    hang_up(&gone);
    assert_int_equal(gone.answers, 0);
    open_phone(&phone);
    hang_up(&phone);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_changes_while_a_session_is_begun_counts),
        TEST(who_asks_behind_the_change_is_judged_by_it),
        TEST(a_newer_session_begins_when_the_older_has_ended),
        TEST(who_waits_for_an_older_session_is_refused_with_its_identity),
        TEST(who_asks_over_https_ends_no_session),
        TEST(who_left_before_he_was_let_in_keeps_nobody_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

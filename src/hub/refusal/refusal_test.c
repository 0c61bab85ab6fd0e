#include "hub/refusal/refusal.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/test.h"
#include "hub/refusal/journal.h"

enum { CORES = 2 };

static struct office office;
static struct lane lanes[CORES];
static struct hub hub;
static struct refusals *refusals;
static struct refusal_reader reader = {.host = "hub.example", .ca = "/d/ca.pem"};
static int64_t wall_us;

static int64_t now_wall(void)
{
    return wall_us;
}

static int64_t now_mono(void)
{
    return wall_us;
}

static int set_up(void **state)
{
    static const struct clock_source clock = {now_mono, now_wall};
    (void)state;
    wall_us = 1800000000000000;
    clock_use(&clock);
    office = (struct office){0};
    hub = (struct hub){.office = &office, .core_count = CORES};
    for (unsigned i = 0; i < CORES; i++) {
        lane_init(&lanes[i], &office, "core");
        hub.cores[i] = lanes[i].id;
    }
    refusals = refusals_new(&hub);
    for (unsigned i = 0; i < CORES; i++) refusals_attach(refusals, &lanes[i]);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    refusals_free(refusals);
    for (unsigned i = 0; i < CORES; i++) lane_fini(&lanes[i]);
    clock_use(NULL);
    return 0;
}

static void run(void)
{
    for (int turn = 0; turn < 4; turn++)
        for (unsigned i = 0; i < CORES; i++) lane_run_once(&lanes[i], wall_us);
}

static struct refusal of(const char *who, enum refusal_cause cause, const char *peer)
{
    return (struct refusal){.cause = cause,
                            .protocol = "mqtt",
                            .known = true,
                            .who = slice_str(who),
                            .peer = slice_str(peer)};
}

static void note(const struct refusal *what)
{
    wall_us += 1000000;
    refusal_note(refusals, &lanes[0], what);
    run();
}

/* ---- asking */

static struct buf said; /* the codes of the last answer, "C131*2 C140*1 " */
static bool more;
static struct refusal_query next_page;

static void on_page(struct refusal_wait *w, const struct refusal_page *page)
{
    (void)w;
    buf_clear(&said);
    for (size_t i = 0; i < page->count; i++) {
        const struct refusal_seen *s = &page->items[i];
        buf_printf(&said, "%s*%u ", refusal_text(s->what.cause)->code, s->count);
        next_page.before_us = s->last_us;
        next_page.before_core = s->core;
    }
    more = page->more;
}

static struct refusal_query any(void)
{
    return (struct refusal_query){
        .cause = REFUSAL_CAUSES, .top = REFUSAL_PAGE_MAX, .before_us = INT64_MAX};
}

static const char *ask(struct refusal_query q)
{
    struct refusal_wait w = {.fn = on_page};
    refusal_ask(refusals, &lanes[1], &q, &w);
    run();
    assert_null(w.gather);
    return buf_cstr(&said);
}

static const char *ask_of(const char *who)
{
    struct refusal_query q = any();
    q.who = slice_str(who);
    return ask(q);
}

static void equal_repeats_fold_into_a_count(void **state)
{
    struct refusal r = of("d1", REFUSAL_DISABLED, "10.0.0.1:1000");
    (void)state;
    note(&r);
    r.peer = SLICE_LIT("10.0.0.1:2000"); /* another port is the same client */
    note(&r);
    r.peer = SLICE_LIT("10.0.0.2:2000");
    note(&r);
    assert_string_equal(ask_of("d1"), "C141*1 C141*2 ");
    assert_string_equal(ask_of("d2"), "");
}

static void an_identity_keeps_64_records(void **state)
{
    char text[16];
    struct refusal r = of("d1", REFUSAL_DISABLED, "10.0.0.1:1000");
    (void)state;
    for (int i = 0; i < REFUSAL_RING_MAX; i++) {
        snprintf(text, sizeof text, "%d", i);
        r.observed = slice_str(text);
        note(&r);
    }
    ask_of("d1");
    assert_int_equal(buf_size(&said), REFUSAL_RING_MAX * strlen("C141*1 "));
    r.observed = SLICE_LIT("one more");
    note(&r);
    ask_of("d1");
    assert_int_equal(buf_size(&said), REFUSAL_RING_MAX * strlen("C141*1 "));
}

static void strangers_share_a_ring(void **state)
{
    char who[16];
    (void)state;
    note(&(struct refusal){.cause = REFUSAL_DISABLED, .known = true, .who = SLICE_LIT("mine")});
    for (int i = 0; i < 3 * REFUSAL_STRANGERS_MAX; i++) {
        struct refusal r = {.cause = REFUSAL_UNKNOWN_ID};
        snprintf(who, sizeof who, "s%d", i);
        r.who = slice_str(who);
        refusal_note(refusals, &lanes[0], &r);
        if (i % 1000 == 0) run();
    }
    run();
    assert_string_equal(ask_of("s0"), "");
    assert_string_equal(ask_of("s12287"), "C140*1 ");
    assert_string_equal(ask_of("mine"), "C141*1 ");
}

/* The journal of one core, as there is one for each. */
static void the_quietest_identity_is_forgotten(void **state)
{
    struct journal j;
    char who[16];
    (void)state;
    journal_init(&j, REFUSAL_RECORDS_MAX / 8); /* room for 8 records */
    for (int i = 0; i < 8; i++) {
        snprintf(who, sizeof who, "d%d", i);
        struct refusal r = of(who, REFUSAL_DISABLED, "p:1");
        assert_non_null(journal_note(&j, &r, 1));
    }
    struct refusal again = of("d0", REFUSAL_DISABLED, "p:1");
    journal_note(&j, &again, 2); /* now d1 is the quietest */
    struct refusal grey = of("d8", REFUSAL_PEER_GONE, "p:1");
    assert_null(journal_note(&j, &grey, 3)); /* what is no refusal finds no room */
    struct refusal ninth = of("d8", REFUSAL_DISABLED, "p:1");
    assert_non_null(journal_note(&j, &ninth, 4));
    assert_non_null(journal_ring(&j, SLICE_LIT("d0")));
    assert_null(journal_ring(&j, SLICE_LIT("d1")));
    assert_non_null(journal_ring(&j, SLICE_LIT("d8")));
    assert_int_equal(j.known, 8);
    journal_fini(&j);
}

static void one_time_proves_nothing(void **state)
{
    struct refusal r = {
        .cause = REFUSAL_SERVER_NOT_TRUSTED, .doubtful = true, .peer = SLICE_LIT("10.0.0.1:1")};
    (void)state;
    note(&r);
    assert_string_equal(ask(any()), "");
    r.peer = SLICE_LIT("10.0.0.1:2");
    wall_us += 1000000;
    refusal_note(refusals, &lanes[1], &r); /* another core took this one */
    run();
    assert_string_equal(ask(any()), "C103*2 ");
}

static void pages_follow_each_other(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        char who[16];
        snprintf(who, sizeof who, "d%d", i);
        struct refusal r = of(who, i % 2 ? REFUSAL_DISABLED : REFUSAL_SAS_EXPIRED, "10.0.0.1:1000");
        note(&r);
    }
    next_page = any();
    next_page.top = 2;
    assert_string_equal(ask(next_page), "C131*1 C141*1 ");
    assert_true(more);
    assert_string_equal(ask(next_page), "C131*1 C141*1 ");
    assert_true(more);
    assert_string_equal(ask(next_page), "C131*1 ");
    assert_false(more);
    struct refusal_query one = any();
    one.cause = REFUSAL_DISABLED;
    assert_string_equal(ask(one), "C141*1 C141*1 ");
    one.since_us = wall_us;
    assert_string_equal(ask(one), "");
}

static void a_forgotten_question_is_not_answered(void **state)
{
    struct refusal_query q = any();
    struct refusal_wait w = {.fn = NULL};
    (void)state;
    refusal_ask(refusals, &lanes[1], &q, &w);
    refusal_forget(&w);
    run();
}

static void connections_are_noted_after_a_refusal_only(void **state)
{
    struct refusal there = of("d1", REFUSAL_CONNECTED, "10.0.0.1:1");
    struct lane *home = office.lanes[hub_home(&hub, there.who).lane];
    (void)state;
    refusal_home_connected(refusals, home, &there);
    assert_string_equal(ask_of("d1"), "");
    struct refusal unknown = {.cause = REFUSAL_UNKNOWN_ID, .who = SLICE_LIT("d1")};
    note(&unknown);
    refusal_home_connected(refusals, home, &there);
    assert_string_equal(ask_of("d1"), "C000*1 C140*1 ");
}

static struct buf json;

static void write_it(struct refusal_wait *w, const struct refusal_page *page)
{
    (void)w;
    buf_clear(&json);
    refusal_write_all(&json, SLICE_LIT("d1"), page, &reader, wall_us, wall_us);
}

static const char *shown(void)
{
    struct refusal_query q = any();
    struct refusal_wait w = {.fn = write_it};
    q.who = SLICE_LIT("d1");
    refusal_ask(refusals, &lanes[1], &q, &w);
    run();
    return buf_cstr(&json);
}

static struct slice observed; /* of the newest */
static char observed_bytes[2 * REFUSAL_TEXT_MAX];

static void keep_observed(struct refusal_wait *w, const struct refusal_page *page)
{
    (void)w;
    assert_true(page->count > 0);
    observed = page->items[0].what.observed;
    assert_true(observed.len <= sizeof observed_bytes);
    memcpy(observed_bytes, observed.ptr, observed.len);
    observed.ptr = (const uint8_t *)observed_bytes;
}

/* Whole characters of it, whether home hears of it from another core or itself. */
static void the_first_256_bytes_of_a_text_are_kept(void **state)
{
    (void)state;
    char text[REFUSAL_TEXT_MAX + 2];
    for (unsigned i = 0; i < 4; i++) {
        char who[8];
        size_t over = i % 2, len = REFUSAL_TEXT_MAX + over;
        snprintf(who, sizeof who, "d%u", i);
        struct refusal r = of(who, REFUSAL_SAS_EXPIRED, "10.0.0.1:1");
        memset(text, 'x', len);
        memcpy(text + len - 2, "\u00fc", 2);
        r.observed = slice_of(text, len);
        if (i < 2)
            note(&r);
        else
            refusal_home_note(refusals, office.lanes[hub_home(&hub, slice_str(who)).lane], &r);
        struct refusal_query q = any();
        struct refusal_wait w = {.fn = keep_observed};
        q.who = slice_str(who);
        refusal_ask(refusals, &lanes[1], &q, &w);
        run();
        assert_true(slice_eq(observed, slice_of(text, REFUSAL_TEXT_MAX - over)));
    }
}

static void texts_say_what_was_seen_and_what_to_do(void **state)
{
    struct refusal r = of("d1", REFUSAL_SAS_EXPIRED, "10.0.0.1:1");
    (void)state;
    r.number = 4000;
    r.observed = SLICE_LIT("se=1\x01\"\xff");
    note(&r);
    const char *text = shown();
    assert_non_null(strstr(text, "The token of d1 had run out 66 min before"));
    assert_non_null(strstr(text, "\"observed\":\"se=1?\\\"?\""));
    assert_non_null(strstr(text, "{\"stage\":\"identity\",\"state\":\"passed\"}"));
    assert_non_null(strstr(text, "{\"stage\":\"credential\",\"state\":\"failed\"}"));
    assert_non_null(strstr(text, "azimuth hub generate-sas-token -d d1"));
    assert_null(strstr(text, "behind"));
    wall_us += 3600 * 1000000ll;
    note(&r);
    text = shown();
    assert_non_null(strstr(text, "the device's clock seems to be at least 66 min behind"));
    assert_non_null(strstr(text, "set the device's clock (NTP): it is behind by at least 66 min"));
    assert_non_null(strstr(text, "\"clockBehindS\":4000"));
}

/* Of whom nothing was noted: the network is suspect only where nobody got through it. */
static void who_was_connected_is_no_matter_of_the_network(void **state)
{
    static const struct {
        struct refusal_presence presence;
        const char *summary;
    } rows[] = {
        {{false, 0},
         "\"Nothing was refused to d1 since 2026-01-01T00:00:00Z, when this server started. If it "
         "does "
         "not connect, the network between it and this server is the suspect: run 'azimuth doctor "
         "--from-device hub.example' there.\""},
        {{true, 1767225601000000},
         "\"d1 is connected since 2026-01-01T00:00:01Z. Nothing was refused to it since "
         "2026-01-01T00:00:00Z, when this server started.\""},
        {{false, 1767225602000000},
         "\"d1 was connected until 2026-01-01T00:00:02Z and left of its own accord. Nothing was "
         "refused "
         "to it since 2026-01-01T00:00:00Z, when this server started. If it wants to come back and "
         "cannot, the network between it and this server is the suspect: run 'azimuth doctor "
         "--from-device hub.example' there.\""},
    };
    (void)state;
    wall_us = 1767225600000000;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reader.presence = rows[i].presence;
        assert_non_null(strstr(shown(), rows[i].summary));
    }
    reader.presence = (struct refusal_presence){0};
}

static void who_was_accepted_at_last_may_have_left_again(void **state)
{
    struct refusal there = of("d1", REFUSAL_CONNECTED, "10.0.0.1:1");
    struct refusal unknown = {.cause = REFUSAL_UNKNOWN_ID, .who = SLICE_LIT("d1")};
    (void)state;
    wall_us = 1767225600000000;
    note(&unknown);
    refusal_home_connected(refusals, office.lanes[hub_home(&hub, there.who).lane], &there);
    reader.presence = (struct refusal_presence){true, wall_us + 1000000};
    assert_non_null(strstr(shown(), "from 10.0.0.1:1.\",\"stages\""));
    reader.presence.connected = false;
    assert_non_null(strstr(shown(),
                           "from 10.0.0.1:1. It was connected until 2026-01-01T00:00:02Z and "
                           "left of its own accord.\""));
    reader.presence.changed_us = wall_us - 1;
    assert_non_null(strstr(shown(), "from 10.0.0.1:1.\",\"stages\""));
    reader.presence = (struct refusal_presence){0};
}

/* A token that is shown again and again grows older: that says nothing of the clock. */
static void an_old_token_is_no_clock(void **state)
{
    struct refusal r = of("d1", REFUSAL_SAS_EXPIRED, "10.0.0.1:1");
    (void)state;
    for (int i = 0; i < 3; i++) {
        r.number = 4000 + i * 600ll;
        note(&r);
        wall_us += 600 * 1000000ll;
    }
    assert_null(strstr(shown(), "behind"));
}

static void a_clock_is_seen_by_provisioning_too(void **state)
{
    struct refusal r = of("d1", REFUSAL_DPS_KEY, "10.0.0.1:1");
    (void)state;
    note(&r); /* its key is wrong, and no token ran out */
    wall_us += 3600 * 1000000ll;
    note(&r);
    assert_null(strstr(shown(), "behind"));
    r.observed = SLICE_LIT("the token has expired");
    r.number = 7300;
    note(&r);
    wall_us += 3600 * 1000000ll;
    note(&r);
    assert_non_null(strstr(shown(), "at least 2 h behind"));
}

/* ---- alerts */

static struct buf alerts;

static void on_alerts(struct refusal_wait *w, const struct refusal_page *page)
{
    (void)w;
    buf_clear(&alerts);
    refusal_write_alerts(&alerts, page);
}

static const char *alerts_now(void)
{
    struct refusal_query q = any();
    struct refusal_wait w = {.fn = on_alerts};
    refusal_ask(refusals, &lanes[1], &q, &w);
    run();
    return buf_cstr(&alerts);
}

/* d1 to dN are refused, a second after each other. */
static void refuse_many(unsigned n, enum refusal_cause cause)
{
    for (unsigned i = 1; i <= n; i++) {
        char who[16];
        snprintf(who, sizeof who, "d%u", i);
        struct refusal r = of(who, cause, "10.0.0.1:1");
        note(&r);
    }
}

static void more_than_three_ids_with_one_cause_are_an_alert(void **state)
{
    (void)state;
    refuse_many(REFUSAL_ALERT_IDS, REFUSAL_SAS_EXPIRED);
    refuse_many(1, REFUSAL_SAS_EXPIRED); /* the same one again */
    refuse_many(1, REFUSAL_DISABLED);    /* another cause */
    assert_string_equal(alerts_now(), "[]");
    assert_null(strstr(shown(), "not alone"));
    refuse_many(REFUSAL_ALERT_IDS + 1, REFUSAL_SAS_EXPIRED);
    assert_non_null(
        strstr(alerts_now(), "{\"cause\":\"C131\",\"name\":\"sas-expired\",\"ids\":4,"));
    assert_null(strstr(alerts_now(), "C141"));
    assert_non_null(strstr(shown(), "It is not alone: 4 ids were refused for C131 sas-expired "
                                    "within 5 minutes."));
}

static void an_alert_lasts_for_five_minutes(void **state)
{
    (void)state;
    refuse_many(REFUSAL_ALERT_IDS + 1, REFUSAL_SAS_EXPIRED);
    int64_t first_us = wall_us - REFUSAL_ALERT_IDS * 1000000ll;
    wall_us = first_us + REFUSAL_ALERT_S * 1000000ll;
    assert_string_not_equal(alerts_now(), "[]");
    wall_us += 1000000;
    assert_string_equal(alerts_now(), "[]");
}

static void what_is_grey_or_doubtful_or_has_no_id_alerts_nobody(void **state)
{
    struct refusal r = {.cause = REFUSAL_SERVER_NOT_TRUSTED, .doubtful = true};
    (void)state;
    refuse_many(REFUSAL_ALERT_IDS + 1, REFUSAL_PEER_GONE);
    for (unsigned i = 0; i < 2 * REFUSAL_ALERT_IDS; i++) {
        char peer[16];
        snprintf(peer, sizeof peer, "10.0.0.%u:1", i);
        r.peer = slice_str(peer);
        r.who = i % 2 ? SLICE_NONE : r.peer;
        r.doubtful = i % 2 == 0;
        note(&r);
    }
    assert_string_equal(alerts_now(), "[]");
}

static void an_alert_counts_64_ids(void **state)
{
    (void)state;
    refuse_many(REFUSAL_ALERT_COUNTED - 1, REFUSAL_SAS_EXPIRED);
    assert_non_null(strstr(alerts_now(), "63 ids were refused"));
    refuse_many(REFUSAL_ALERT_COUNTED + 1, REFUSAL_SAS_EXPIRED);
    assert_non_null(strstr(alerts_now(), "\"ids\":64,"));
    assert_non_null(strstr(alerts_now(), "64 or more ids were refused"));
}

static void who_is_cut_off_again_and_again_is_flapping(void **state)
{
    struct refusal gone = of("d1", REFUSAL_PEER_GONE, "10.0.0.1:1");
    struct refusal taken = of("d1", REFUSAL_TAKEOVER, "10.0.0.1:1");
    struct refusal refused = of("d1", REFUSAL_DISABLED, "10.0.0.1:1");
    (void)state;
    for (int i = 0; i < REFUSAL_FLAPPING_MIN; i++) note(&refused);
    note(&gone);
    for (int i = 2; i < REFUSAL_FLAPPING_MIN; i++) note(&taken);
    assert_non_null(strstr(shown(), "\"flapping\":null,\"attempts\""));
    note(&gone);
    assert_non_null(strstr(
        shown(),
        "\"flapping\":{\"times\":5,\"seconds\":600,\"cause\":\"C160\",\"name\":\"takeover\"}"));
    wall_us += REFUSAL_FLAPPING_S * 1000000ll + 1000000;
    assert_non_null(strstr(shown(), "\"flapping\":null"));
}

static void of_an_older_record_its_share_counts(void **state)
{
    const int64_t s = 1000000;
    struct refusal_seen seen = {
        .what = {.cause = REFUSAL_KEEPALIVE}, .count = 101, .last_us = 6000 * s};
    struct refusal_page page = {.items = &seen, .count = 1};
    enum refusal_cause cause;
    (void)state;
    assert_int_equal(refusal_flapping(&page, 6000 * s, &cause), 11);
    assert_int_equal(cause, REFUSAL_KEEPALIVE);
    assert_int_equal(refusal_flapping(&page, (6000 + REFUSAL_FLAPPING_S) * s, &cause), 1);
    assert_int_equal(refusal_flapping(&page, (6001 + REFUSAL_FLAPPING_S) * s, &cause), 0);
    assert_int_equal(cause, REFUSAL_CAUSES);
}

static void a_renewal_is_normal(void **state)
{
    struct refusal ended = of("d1", REFUSAL_TOKEN_RENEWAL, "10.0.0.1:1");
    struct refusal there = of("d1", REFUSAL_CONNECTED, "10.0.0.1:2");
    (void)state;
    note(&ended);
    assert_null(strstr(shown(), "normal token renewal."));
    refusal_home_connected(refusals, office.lanes[hub_home(&hub, there.who).lane], &there);
    assert_non_null(strstr(shown(), "normal token renewal."));
}

static void who_was_never_seen_is_told_where_to_look(void **state)
{
    (void)state;
    assert_non_null(strstr(shown(), "azimuth doctor --from-device hub.example"));
}

static void every_cause_has_its_texts(void **state)
{
    (void)state;
    for (int i = 0; i < REFUSAL_CAUSES; i++) {
        const struct refusal_text *t = refusal_text((enum refusal_cause)i);
        assert_int_equal(refusal_cause_of(slice_str(t->code)), i);
        assert_int_equal(refusal_cause_of(slice_str(t->name)), i);
        assert(t->happened && t->observed && t->expected && t->next);
        assert_true(t->happened[strlen(t->happened) - 1] == '.');
    }
    assert_int_equal(refusal_cause_of(SLICE_LIT("C999")), REFUSAL_CAUSES);
}

/* docs/reference/why.md has a row for each cause, made of the same texts. */
static void the_page_has_every_cause(void **state)
{
    struct buf page = {0}, row = {0};
    FILE *f = fopen(WHY_PAGE, "r");
    (void)state;
    assert_non_null(f);
    for (int c; (c = fgetc(f)) != EOF;) buf_put_u8(&page, (uint8_t)c);
    fclose(f);
    for (int i = 0; i < REFUSAL_CAUSES; i++) {
        const struct refusal_text *t = refusal_text((enum refusal_cause)i);
        buf_clear(&row);
        buf_printf(&row, "| `%s` | %s | %s | %s | %s | %s |\n", t->code, t->name,
                   refusal_stage_name(t->stage), t->happened, t->expected, t->next);
        if (strstr(buf_cstr(&page), buf_cstr(&row)) == NULL) {
            print_error("docs/reference/why.md lacks this row:\n%s", buf_cstr(&row));
            assert_true(false);
        }
    }
    buf_free(&page);
    buf_free(&row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_repeats_fold_into_a_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_identity_keeps_64_records, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strangers_share_a_ring, set_up, tear_down),
        cmocka_unit_test(the_quietest_identity_is_forgotten),
        cmocka_unit_test_setup_teardown(one_time_proves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pages_follow_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_forgotten_question_is_not_answered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(connections_are_noted_after_a_refusal_only, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_first_256_bytes_of_a_text_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(texts_say_what_was_seen_and_what_to_do, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_was_connected_is_no_matter_of_the_network, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_was_accepted_at_last_may_have_left_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_old_token_is_no_clock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_clock_is_seen_by_provisioning_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(more_than_three_ids_with_one_cause_are_an_alert, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_alert_lasts_for_five_minutes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_grey_or_doubtful_or_has_no_id_alerts_nobody, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_alert_counts_64_ids, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_cut_off_again_and_again_is_flapping, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(of_an_older_record_its_share_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_renewal_is_normal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_was_never_seen_is_told_where_to_look, set_up,
                                        tear_down),
        cmocka_unit_test(every_cause_has_its_texts),
        cmocka_unit_test(the_page_has_every_cause),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_free(&said);
    buf_free(&json);
    buf_free(&alerts);
    return failed;
}

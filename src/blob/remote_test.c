/* remote_test.c - containers elsewhere that answer, hang and come back; the test is libcurl. */
#include "base/test.h"

#include <stdio.h>

#include "base/clock.h"
#include "blob/remote.h"
#include "out/curl_rig.h"

enum { ASKS_MAX = REMOTE_CARRIED_MAX + 2 };

static const char *fails; /* what has this in its URI gets no answer, at once */

static struct office office;
static struct lane remote_lane, core;
static struct remote *remote;

static struct ask {
    struct blobs_wait wait;
    unsigned came;
    enum err err;
} asks[ASKS_MAX];

/* What has "dead" in its URI hangs. */
static void begin(struct curl_rig_handle *h)
{
    h->ended = strstr(h->url, "dead") == NULL || fails != NULL;
    h->code = fails && strstr(h->url, fails) ? CURLE_COULDNT_CONNECT : CURLE_OK;
}

/* ---- the lanes */

static int64_t now_us = 1000000;

static int64_t test_clock(void)
{
    return now_us;
}

static const struct clock_source test_source = {test_clock, test_clock};

static void run(void)
{
    int64_t due_us;
    do {
        while (remote_turn(remote, &due_us)) {
        }
        lane_run_once(&core, now_us);
    } while (lane_has_mail(&remote_lane));
    lane_running = &core;
}

static void pass(int64_t us)
{
    for (int64_t at = 0; at < us; at += 100000) {
        now_us += 100000;
        run();
    }
}

static int set_up(void **state)
{
    (void)state;
    fails = NULL;
    memset(asks, 0, sizeof asks);
    clock_use(&test_source);
    curl_rig_use();
    curl_rig.added = begin;
    curl_rig.http = 201;
    office = (struct office){0};
    lane_init(&remote_lane, &office, "remote");
    lane_init(&core, &office, "core");
    blobs_attach(&core);
    remote = remote_new(&remote_lane, NULL);
    run();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remote_free(remote);
    lane_fini(&remote_lane);
    lane_fini(&core);
    curl_use(NULL);
    clock_use(NULL);
    return 0;
}

static void note(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct ask *ask = CONTAINER_OF(w, struct ask, wait);
    ask->came++;
    ask->err = a->err;
}

/* Ask number i: a block of a blob in that container. */
static void stage(unsigned i, const char *container)
{
    char uri[128];
    snprintf(uri, sizeof uri, "https://acct.test:1/%s/b/%u?sig=x", container, i);
    asks[i].wait.fn = note;
    remote_stage(remote, &core, slice_str(uri), 0, SLICE_LIT("piece"), &asks[i].wait);
}

/* ---- */

static void a_container_that_hangs_holds_up_no_other(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++) stage(i, "dead");
    for (unsigned i = 10; i < 30; i++) stage(i, "alive");
    run();
    for (unsigned i = 0; i < 30; i++) assert_int_equal(asks[i].came, i < 10 ? 0 : 1);
    for (unsigned i = 10; i < 30; i++) assert_int_equal(asks[i].err, OK);
    assert_int_equal(curl_rig.now, REMOTE_CONTAINER_CARRIED_MAX);
}

/* Of a container that hangs; it ends in its own time, not behind what hangs there. */
static void a_probe_waits_for_nobody(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) stage(i, "dead");
    run();
    asks[4].wait.fn = note;
    remote_probe(remote, &core, SLICE_LIT("https://acct.test:1/dead/b?sig=x"), &asks[4].wait);
    run();
    assert_int_equal(curl_rig.now, REMOTE_CONTAINER_CARRIED_MAX + 1);
}

static void it_is_asked_a_few_times_and_then_it_is_the_next_s_turn(void **state)
{
    (void)state;
    fails = "dead";
    for (unsigned i = 0; i < 4; i++) stage(i, "dead");
    run();
    assert_int_equal(curl_rig.made, 2);
    pass(10000000);
    assert_int_equal(curl_rig.made, 4 * REMOTE_TRIES);
    for (unsigned i = 0; i < 4; i++) assert_int_equal(asks[i].err, ERR_CLOSED);
}

static void a_container_that_comes_back_gets_what_waited(void **state)
{
    (void)state;
    fails = "dead";
    stage(0, "dead");
    run();
    fails = "nothing";
    pass(1000000);
    assert_int_equal(asks[0].came, 1);
    assert_int_equal(asks[0].err, OK);
}

/* As many as there may be at a time, one more when one of them has ended. */
static void so_many_are_under_way_and_not_one_more(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= REMOTE_CARRIED_MAX; i++) {
        char container[32];
        snprintf(container, sizeof container, "dead%u", i / REMOTE_CONTAINER_CARRIED_MAX);
        stage(i, container);
    }
    stage(REMOTE_CARRIED_MAX + 1, "alive");
    run();
    assert_int_equal(curl_rig.now, REMOTE_CARRIED_MAX);
    assert_int_equal(asks[REMOTE_CARRIED_MAX + 1].came, 0);
    curl_rig.under_way->ended = true;
    run();
    assert_int_equal(curl_rig.most, REMOTE_CARRIED_MAX);
    assert_int_equal(curl_rig.now, REMOTE_CARRIED_MAX);
    curl_rig.under_way->ended = true;
    run();
    assert_int_equal(asks[REMOTE_CARRIED_MAX + 1].came, 1);
}

/* Of an answer that is no blob so much is kept; the rest is read and dropped. */
static void what_an_account_says_may_be_long(void **state)
{
    (void)state;
    for (unsigned over = 0; over < 2; over++) {
        stage(over, "dead");
        run();
        struct curl_rig_handle *h = curl_rig.under_way;
        assert_int_equal(curl_rig_give(h->body, h->body_ctx, REMOTE_ERROR_BODY_MAX + over),
                         CURLE_OK);
        h->ended = true;
        run();
        assert_int_equal(asks[over].err, OK);
    }
}

static void what_is_under_way_when_the_server_ends_is_forgotten(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++) stage(i, i % 2 ? "dead" : "deadly");
    run();
    assert_int_equal(curl_rig.now, 2 * REMOTE_CONTAINER_CARRIED_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_container_that_hangs_holds_up_no_other),
        TEST(a_probe_waits_for_nobody),
        TEST(it_is_asked_a_few_times_and_then_it_is_the_next_s_turn),
        TEST(a_container_that_comes_back_gets_what_waited),
        TEST(so_many_are_under_way_and_not_one_more),
        TEST(what_an_account_says_may_be_long),
        TEST(what_is_under_way_when_the_server_ends_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

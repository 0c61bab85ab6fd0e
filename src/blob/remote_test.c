/* remote_test.c - containers elsewhere that answer, hang and come back; the test is libcurl. */
#include "base/test.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "blob/remote.h"
#include "out/curl.h"

enum { ASKS_MAX = REMOTE_CARRIED_MAX + 2 };

/* A request on its way. */
struct handle {
    struct handle *next;
    char url[128];
    void *private;
    bool ended;
    CURLcode code;
};

static struct {
    struct handle *added;
    unsigned under_way, most; /* at a time */
    unsigned made;
    const char *fails; /* what has this in its URI gets no answer, at once */
    CURLMsg message;
} net;

static struct office office;
static struct lane remote_lane, core;
static struct remote *remote;

static struct ask {
    struct blobs_wait wait;
    unsigned came;
    enum err err;
} asks[ASKS_MAX];

/* ---- libcurl */

static CURL *easy_init(void)
{
    net.made++;
    return (CURL *)NEW(struct handle);
}

static void easy_cleanup(CURL *handle)
{
    free(handle);
}

static CURLcode set(CURL *handle, CURLoption option, ...)
{
    struct handle *h = (void *)handle;
    va_list more;
    va_start(more, option);
    if (option == CURLOPT_PRIVATE) h->private = va_arg(more, void *);
    if (option == CURLOPT_URL) snprintf(h->url, sizeof h->url, "%s", va_arg(more, const char *));
    va_end(more);
    return CURLE_OK;
}

static CURLcode get(CURL *handle, CURLINFO info, ...)
{
    struct handle *h = (void *)handle;
    va_list more;
    va_start(more, info);
    if (info == CURLINFO_PRIVATE)
        *va_arg(more, void **) = h->private;
    else if (info == CURLINFO_RESPONSE_CODE)
        *va_arg(more, long *) = h->code == CURLE_OK ? 201 : 0;
    else
        *va_arg(more, curl_off_t *) = 0;
    va_end(more);
    return CURLE_OK;
}

static const char *error_text(CURLcode code)
{
    return code == CURLE_OK ? "" : "nobody is there";
}

static struct curl_slist *list_append(struct curl_slist *list, const char *text)
{
    (void)text;
    return list;
}

static void list_free(struct curl_slist *list)
{
    (void)list;
}

static CURLM *multi_init(void)
{
    return (CURLM *)&net;
}

static CURLMcode multi_set(CURLM *multi, CURLMoption option, ...)
{
    (void)multi, (void)option;
    return CURLM_OK;
}

static CURLMcode multi_add(CURLM *multi, CURL *handle)
{
    struct handle *h = (void *)handle;
    (void)multi;
    h->next = net.added;
    net.added = h;
    net.most = net.most > ++net.under_way ? net.most : net.under_way;
    h->ended = strstr(h->url, "dead") == NULL || net.fails != NULL;
    h->code = net.fails && strstr(h->url, net.fails) ? CURLE_COULDNT_CONNECT : CURLE_OK;
    return CURLM_OK;
}

static CURLMcode multi_remove(CURLM *multi, CURL *handle)
{
    struct handle **at = &net.added;
    (void)multi;
    while (*at && *at != (void *)handle) at = &(*at)->next;
    assert_non_null(*at);
    *at = (*at)->next;
    net.under_way--;
    return CURLM_OK;
}

static CURLMcode multi_perform(CURLM *multi, int *running)
{
    (void)multi;
    *running = 0;
    return CURLM_OK;
}

static CURLMsg *multi_read(CURLM *multi, int *left)
{
    (void)multi;
    *left = 0;
    for (struct handle *h = net.added; h; h = h->next) {
        if (!h->ended) continue;
        net.message = (CURLMsg){.msg = CURLMSG_DONE, .easy_handle = (CURL *)h};
        net.message.data.result = h->code;
        return &net.message;
    }
    return NULL;
}

static CURLMcode multi_cleanup(CURLM *multi)
{
    (void)multi;
    assert_null(net.added);
    return CURLM_OK;
}

static const struct curl_functions functions = {
    .easy_init = easy_init,
    .easy_cleanup = easy_cleanup,
    .set = set,
    .get = get,
    .error_text = error_text,
    .list_append = list_append,
    .list_free = list_free,
    .multi_init = multi_init,
    .multi_cleanup = multi_cleanup,
    .multi_set = multi_set,
    .multi_add = multi_add,
    .multi_remove = multi_remove,
    .multi_perform = multi_perform,
    .multi_read = multi_read,
};

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
    memset(&net, 0, sizeof net);
    memset(asks, 0, sizeof asks);
    clock_use(&test_source);
    curl_use(&functions);
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
    assert_int_equal(net.under_way, REMOTE_CONTAINER_CARRIED_MAX);
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
    assert_int_equal(net.under_way, REMOTE_CONTAINER_CARRIED_MAX + 1);
}

static void it_is_asked_a_few_times_and_then_it_is_the_next_s_turn(void **state)
{
    (void)state;
    net.fails = "dead";
    for (unsigned i = 0; i < 4; i++) stage(i, "dead");
    run();
    assert_int_equal(net.made, 2);
    pass(10000000);
    assert_int_equal(net.made, 4 * REMOTE_TRIES);
    for (unsigned i = 0; i < 4; i++) assert_int_equal(asks[i].err, ERR_CLOSED);
}

static void a_container_that_comes_back_gets_what_waited(void **state)
{
    (void)state;
    net.fails = "dead";
    stage(0, "dead");
    run();
    net.fails = "nothing";
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
    assert_int_equal(net.under_way, REMOTE_CARRIED_MAX);
    assert_int_equal(asks[REMOTE_CARRIED_MAX + 1].came, 0);
    net.added->ended = true;
    run();
    assert_int_equal(net.most, REMOTE_CARRIED_MAX);
    assert_int_equal(net.under_way, REMOTE_CARRIED_MAX);
    net.added->ended = true;
    run();
    assert_int_equal(asks[REMOTE_CARRIED_MAX + 1].came, 1);
}

static void what_is_under_way_when_the_server_ends_is_forgotten(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++) stage(i, i % 2 ? "dead" : "deadly");
    run();
    assert_int_equal(net.under_way, 2 * REMOTE_CONTAINER_CARRIED_MAX);
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
        TEST(what_is_under_way_when_the_server_ends_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

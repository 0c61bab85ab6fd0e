/* oidc_test.c - signing in by a provider's word: what is asked of it, and what is not believed.  The provider is
 * the test; tests/console has a real one. */
#include "base/test.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limit.h"
#include "base/mem.h"
#include "front/console/attempts.h"
#include "front/console/console.h"
#include "front/console/oidc.h"
#include "server/rig.h"

#define ISSUER "https://login.example/tenant/"

static struct rig rig;
static struct rig_conn *conn;
static char head[4096];
static struct buf body;

/* ---- the provider: a line for each request that it got; what it says next */

static struct buf asked;
static const char *says;
static unsigned status;
static struct out_call *held[OIDC_CALLS_MAX];
static size_t held_count;
static bool holds;

static void answer_call(struct out_call *call)
{
    out_call_end(call, &(struct out_answer){.err = OK, .http = status, .body = slice_str(says)});
}

static void begin(void *ctx, struct out_call *call)
{
    struct out_request r;
    (void)ctx;
    out_call_request(call, &r);
    assert_int_equal(r.answer_max, OIDC_ANSWER_MAX); /* out/courier.c keeps to it */
    buf_printf(&asked, "%s %.*s %.*s\n", r.method, SLICE_ARG(r.url), SLICE_ARG(r.body));
    if (!holds)
        answer_call(call);
    else
        held[held_count++] = call;
}

static void abandon(void *ctx, struct out_call *call)
{
    (void)ctx, (void)call;
}

#define METADATA(issuer)                                                                           \
    "{\"issuer\":\"" issuer "\",\"authorization_endpoint\":\"https://login.example/authorize\","   \
    "\"token_endpoint\":\"https://login.example/token\",\"jwks_uri\":\"https://login.example/"     \
    "keys\"}"

static int start(void **state)
{
    static const struct out_carrier carrier = {begin, abandon, NULL};
    (void)state;
    rig.oidc = (struct rest_oidc){.issuer = ISSUER, .client_id = "hub", .role_claim = "roles"};
    rig_start_with(&rig, &carrier);
    rig.wire.rest.admin_url = "http://127.0.0.1:8080";
    conn = rig_dial(&rig, WIRE_CONSOLE);
    says = METADATA(ISSUER);
    status = 200;
    holds = false;
    held_count = 0;
    return 0;
}

static int stop(void **state)
{
    (void)state;
    rig_free(conn);
    rig_stop(&rig);
    buf_free(&asked);
    buf_free(&body);
    return 0;
}

/* ---- the browser */

static int heard(void)
{
    const char *text = buf_cstr(&conn->heard), *end = strstr(text, "\r\n\r\n");
    assert_non_null(end);
    snprintf(head, sizeof head, "%.*s\r\n", (int)(end - text), text);
    buf_clear(&body);
    buf_put_str(&body, end + 4);
    buf_free(&conn->heard);
    return atoi(head + strlen("HTTP/1.1 "));
}

static int request(const char *line, const char *cookie, const char *content)
{
    struct buf b = {0};
    buf_printf(&b,
               "%s HTTP/1.1\r\nHost: localhost:8080\r\nOrigin: http://localhost:8080\r\n"
               "Cookie: %s\r\nContent-Length: %zu\r\n\r\n%s",
               line, cookie, strlen(content), content);
    rig_say(conn, buf_slice(&b));
    buf_free(&b);
    return heard();
}

#define BEGIN "POST /admin/v1/session/provider"

struct visit {
    char cookie[256], state[SESSION_SECRET_LEN + 1];
};

static struct visit begin_visit(void)
{
    struct visit v;
    assert_int_equal(request(BEGIN, "", "{}"), 200);
    const char *set = strstr(head, "set-cookie: "), *state = strstr(buf_cstr(&body), "&state=");
    assert_non_null(set);
    assert_non_null(state);
    set += strlen("set-cookie: ");
    snprintf(v.cookie, sizeof v.cookie, "%.*s", (int)strcspn(set, ";"), set);
    snprintf(v.state, sizeof v.state, "%s", state + strlen("&state="));
    return v;
}

static int finish(const char *cookie, const char *state)
{
    char content[256];
    snprintf(content, sizeof content, "{\"code\":\"a b\",\"state\":\"%s\"}", state);
    return request("POST /admin/v1/session", cookie, content);
}

/* Its connection was idle and has ended by then. */
static void come_back_after(int64_t us)
{
    rig_wait(&rig, us);
    rig_free(conn);
    conn = rig_dial(&rig, WIRE_CONSOLE);
}

/* ---- what happens */

static void a_browser_is_led_to_the_provider(void **state)
{
    (void)state;
    assert_int_equal(request("GET /admin/v1/session/provider", "", ""), 200);
    assert_string_equal(buf_cstr(&body), "{\"issuer\":\"" ISSUER "\"}");
    begin_visit();
    assert_string_equal(buf_cstr(&asked),
                        "GET https://login.example/tenant/.well-known/openid-configuration \n");
    static const char *const parts[] = {
        "{\"url\":\"https://login.example/authorize?response_type=code&",
        "&code_challenge_method=S256&code_challenge=",
        "&redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Fconsole%2Fsigned-in&", "client_id=hub",
        "&nonce="};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_non_null(strstr(buf_cstr(&body), parts[i]));
    assert_non_null(strstr(head, "HttpOnly; SameSite=Strict"));
    buf_clear(&asked);
    begin_visit(); /* the metadata is kept */
    assert_int_equal(buf_size(&asked), 0);
    come_back_after(OIDC_KEEP_US);
    begin_visit();
    assert_true(buf_size(&asked) > 0);
}

static void another_s_metadata_is_not_believed(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        METADATA("https://login.example"), "nonsense", "[]", "{\"issuer\":\"" ISSUER "\"}",
        "{\"issuer\":\"" ISSUER "\",\"authorization_endpoint\":\"javascript:alert(1)\","
        "\"token_endpoint\":\"https://a/\",\"jwks_uri\":\"https://a/\"}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        says = wrong[i];
        assert_int_equal(request(BEGIN, "", "{}"), 502);
    }
    says = METADATA(ISSUER);
    begin_visit();
}

static void a_state_counts_once_and_in_its_browser(void **state)
{
    (void)state;
    struct visit one = begin_visit(), two = begin_visit(), three = begin_visit();
    assert_int_equal(finish("", one.state), 401);
    assert_int_equal(finish(one.cookie, one.state), 401); /* it is used up */
    assert_int_equal(finish(two.cookie, three.state), 401);
    buf_clear(&asked);
    says = "{\"id_token\":\"e30.e30.e30\"}";
    assert_int_equal(finish(two.cookie, two.state), 502); /* the token is none */
    assert_memory_equal(buf_cstr(&asked),
                        "POST https://login.example/token grant_type=authorization_code&"
                        "code=a%20b&redirect_uri=http%3A%2F%2Flocalhost%3A8080%2Fconsole%2F"
                        "signed-in&code_verifier=",
                        70);
    assert_non_null(strstr(buf_cstr(&asked), "&client_id=hub\n"));
    assert_non_null(strstr(buf_cstr(&asked), "GET https://login.example/keys"));
    struct visit late = begin_visit();
    come_back_after(ATTEMPT_US);
    assert_int_equal(finish(late.cookie, late.state), 401);
}

/* A state stays good until the provider is asked. */
static void a_code_has_at_most_2048_bytes(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct visit v = begin_visit();
        struct buf content = {0};
        int64_t met = limit_reached("oidc-code");
        buf_printf(&content, "{\"code\":\"%0*d\",\"state\":\"%s\"}", OIDC_CODE_MAX + over, 0,
                   v.state);
        says = "{\"id_token\":\"e30.e30.e30\"}";
        assert_int_equal(request("POST /admin/v1/session", v.cookie, buf_cstr(&content)),
                         over ? 401 : 502); /* the token is none */
        assert_int_equal(limit_reached("oidc-code") - met, over);
        says = METADATA(ISSUER);
        buf_free(&content);
    }
}

static void the_oldest_sign_in_of_an_address_makes_room(void **state)
{
    (void)state;
    struct visit first = begin_visit(), second;
    rig_wait(&rig, 1);
    second = begin_visit();
    rig_wait(&rig, 1);
    for (int i = 2; i <= ATTEMPTS_ADDRESS_MAX; i++) begin_visit();
    says = "{}";
    assert_int_equal(finish(first.cookie, first.state), 401);
    assert_int_equal(finish(second.cookie, second.state), 502); /* it is there: the code is tried */
}

/* So many codes that are none shut an address out; what is the provider's fault does not. */
static void who_guesses_codes_is_shut_out(void **state)
{
    (void)state;
    static const struct {
        unsigned status;
        const char *says;
    } rows[] = {{503, ""},
                {400, "{\"error\":\"invalid_grant\"}"},
                {200, "{}"},
                {200, "{\"id_token\":\"e30.e30.e30\"}"}};
    struct visit v = begin_visit();
    for (int i = 0; i <= SESSION_FAILURES_MAX; i++) {
        size_t row = i == 0 ? 0 : 1 + (size_t)i % 3;
        status = rows[row].status;
        says = rows[row].says;
        assert_int_equal(finish(v.cookie, v.state), 502);
        status = 200;
        if (i < SESSION_FAILURES_MAX) v = begin_visit();
    }
    assert_int_equal(request(BEGIN, "", "{}"), 429);
    rig_wait(&rig, SESSION_FAILURES_US);
    begin_visit();
}

static void the_name_of_the_server_has_a_limit(void **state)
{
    (void)state;
    static char text[1024];
    const size_t longest = ATTEMPT_PLACE_MAX - sizeof "http://[]/console/signed-in";
    for (size_t over = 0; over < 2; over++) {
        struct rig_conn *c = rig_dial(&rig, WIRE_CONSOLE);
        snprintf(text, sizeof text,
                 BEGIN " HTTP/1.1\r\nHost: [%0*d]\r\nContent-Length: 2\r\n\r\n{}",
                 (int)(longest + over), 0);
        rig_say(c, slice_str(text));
        assert_true(
            slice_starts(buf_slice(&c->heard), slice_str(over ? "HTTP/1.1 400" : "HTTP/1.1 200")));
        rig_free(c);
    }
}

/* Who hangs up makes room, too. */
static void so_many_ask_the_provider_at_a_time(void **state)
{
    (void)state;
    static const char *const text =
        BEGIN " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
    struct rig_conn *many[OIDC_CALLS_MAX];
    int64_t reached = limit_reached("oidc-calls");
    holds = true;
    for (size_t i = 0; i < OIDC_CALLS_MAX; i++) {
        many[i] = rig_dial(&rig, WIRE_CONSOLE);
        rig_say(many[i], slice_str(text));
        assert_int_equal(buf_size(&many[i]->heard), 0);
    }
    assert_int_equal(request(BEGIN, "", "{}"), 503);
    assert_non_null(strstr(head, "retry-after: 5"));
    assert_int_equal(limit_reached("oidc-calls") - reached, 1);
    rig_free(many[0]);
    holds = false;
    begin_visit();
    for (size_t i = 0; i < held_count; i++) answer_call(held[i]);
    rig_run(&rig);
    for (size_t i = 1; i < OIDC_CALLS_MAX; i++) {
        assert_memory_equal(buf_cstr(&many[i]->heard), "HTTP/1.1 200", 12);
        rig_free(many[i]);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        CASE(a_browser_is_led_to_the_provider),
        CASE(another_s_metadata_is_not_believed),
        CASE(a_state_counts_once_and_in_its_browser),
        CASE(a_code_has_at_most_2048_bytes),
        CASE(the_oldest_sign_in_of_an_address_makes_room),
        CASE(who_guesses_codes_is_shut_out),
        CASE(the_name_of_the_server_has_a_limit),
        CASE(so_many_ask_the_provider_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* oidc.c - see oidc.h. */
#include "front/console/oidc.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/jwt.h"
#include "base/clock.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/say.h"
#include "base/text.h"
#include "front/console/attempts.h"
#include "front/console/parts.h"
#include "front/console/person.h"

LIMIT_REACHED(too_many_calls, "oidc-calls")

struct kept {
    struct arena arena;
    struct json *json; /* NULL: not there */
    int64_t at_us;
};

struct oidc {
    struct console *console;
    const struct rest_oidc *config;
    struct kept metadata, keys;
    struct attempts attempts;
    unsigned calls;
};

/* A call that waits for the provider. */
struct asking {
    struct oidc *oidc;
    struct call *call;
    struct out_wait wait;
    void (*next)(struct asking *q); /* once the metadata is there */
    struct attempt attempt;         /* of a sign-in that ends */
    bool waits;
    struct buf code, token;
};

/* ---- who waits */

static void forget(struct call *c)
{
    struct asking *q = c->own;
    if (q->waits) out_forget(q->oidc->console->lane, &q->wait);
    q->oidc->calls--;
    mem_wipe(&q->attempt, sizeof q->attempt);
    buf_wipe(&q->code);
    buf_wipe(&q->token);
    free(q);
}

/* NULL, and answered: there are too many. */
static struct asking *begin_asking(struct call *c, void (*next)(struct asking *q))
{
    struct console *console = c->ctx;
    struct oidc *o = console->oidc;
    if (o->calls == OIDC_CALLS_MAX) {
        metric_inc(&too_many_calls);
        rest_answer_later(c, 503, status_name(STATUS_SERVICE_UNAVAILABLE),
                          "many sign-ins wait for the provider: try again", "5");
        return NULL;
    }
    struct asking *q = NEW(struct asking);
    q->oidc = o;
    q->call = c;
    q->next = next;
    o->calls++;
    c->own = q;
    c->forget = forget;
    return q;
}

/* The log says more than whoever asks is told. */
static void give_up(struct asking *q, const char *step, const char *why)
{
    say_warn("console.provider", "issuer=%s step=%s reason=\"%s\"", q->oidc->config->issuer, step,
             why);
    rest_answer_named(q->call, 502, status_name(STATUS_SERVICE_UNAVAILABLE),
                      "the sign-in provider did not do its part; the server's log says more");
}

/* Whoever comes with a code that is none is counted like who comes with a wrong password. */
static void refuse_code(struct asking *q, const char *step, const char *why)
{
    struct console *c = q->oidc->console;
    console_failed(&c->sessions, conn_peer(q->call->conn), SLICE_NONE, q->call->now_us);
    give_up(q, step, why);
}

static void ask(struct asking *q, struct out_request *r,
                void (*fn)(struct out_wait *w, const struct out_answer *a))
{
    struct console *c = q->oidc->console;
    r->timeout_ms = OIDC_TIMEOUT_MS;
    r->answer_max = OIDC_ANSWER_MAX;
    q->wait.fn = fn;
    q->waits = true;
    rest_call_wait(q->call, WAITING_SITE);
    out_send(c->config->oidc->out, c->lane, r, &q->wait);
}

static struct asking *answered(struct out_wait *w)
{
    struct asking *q = CONTAINER_OF(w, struct asking, wait);
    q->waits = false;
    rest_call_resume(q->call);
    return q;
}

/* Why an answer is none, or NULL. */
static const char *fault_of(const struct out_answer *a)
{
    if (a->err != OK) return a->text ? a->text : err_name(a->err);
    return a->http == 200 ? NULL : "it answered with another status than 200";
}

/* The provider's doing, whatever it was asked. */
static bool is_out_of_order(const struct out_answer *a)
{
    return a->err != OK || a->http >= 500;
}

/* The JSON object of an answer takes the place of what was kept. */
static bool keep(struct kept *k, struct slice body, int64_t now_us)
{
    struct arena a = {0};
    struct json *j;
    if (json_parse(&a, arena_copy(&a, body), &j) != OK || j->type != JSON_OBJECT) {
        arena_free(&a);
        return false;
    }
    arena_free(&k->arena);
    *k = (struct kept){.arena = a, .json = j, .at_us = now_us};
    return true;
}

static bool is_fresh(const struct kept *k, int64_t for_us, int64_t now_us)
{
    return k->json && now_us - k->at_us < for_us;
}

/* ---- metadata */

static struct slice endpoint(const struct oidc *o, const char *name)
{
    return json_str(o->metadata.json, name);
}

static const char *fault_of_metadata(const struct json *j, const char *issuer)
{
    static const char *const needed[] = {"authorization_endpoint", "token_endpoint", "jwks_uri"};
    if (!slice_is(json_str(j, "issuer"), issuer)) return "it calls itself by another name";
    for (size_t i = 0; i < 3; i++)
        if (!slice_starts(json_str(j, needed[i]), SLICE_LIT("https://")))
            return "an endpoint is missing, or is not https";
    return NULL;
}

static void on_metadata(struct out_wait *w, const struct out_answer *a)
{
    struct asking *q = answered(w);
    struct oidc *o = q->oidc;
    struct call *c = q->call;
    struct kept got = {0};
    const char *fault = fault_of(a);
    if (!fault && !keep(&got, a->body, c->now_us)) fault = "it answered with no JSON";
    if (!fault) fault = fault_of_metadata(got.json, o->config->issuer);
    if (fault) {
        arena_free(&got.arena);
        give_up(q, "discovery", fault);
    } else {
        arena_free(&o->metadata.arena);
        o->metadata = got;
        q->next(q);
    }
    rest_call_end(c);
}

/* `next` goes on when the metadata is there, now or later. */
static void with_metadata(struct asking *q)
{
    struct oidc *o = q->oidc;
    struct buf url = {0};
    if (is_fresh(&o->metadata, OIDC_KEEP_US, q->call->now_us)) {
        q->next(q);
        return;
    }
    struct slice issuer = slice_str(o->config->issuer);
    if (slice_ends(issuer, SLICE_LIT("/"))) issuer.len--;
    buf_printf(&url, "%.*s/.well-known/openid-configuration", SLICE_ARG(issuer));
    ask(q, &(struct out_request){.method = "GET", .url = buf_slice(&url)}, on_metadata);
    buf_free(&url);
}

/* ---- to the provider */

static void put_parameter(struct buf *out, const char *name, struct slice value)
{
    buf_printf(out, "%s=", name);
    text_percent(out, value);
}

static void put_challenge(struct buf *out, const struct attempt *a)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256((const uint8_t *)a->verifier.text, SESSION_SECRET_LEN, digest);
    buf_put_str(out, "&code_challenge_method=S256&code_challenge=");
    jwt_base64url(out, slice_of(digest, sizeof digest));
}

static void put_url(struct buf *out, const struct oidc *o, const struct attempt *a)
{
    struct slice at = endpoint(o, "authorization_endpoint");
    buf_put_slice(out, at);
    buf_put_u8(out, slice_find(at, '?') < at.len ? '&' : '?');
    buf_put_str(out, "response_type=code&scope=openid%20profile%20email&");
    put_parameter(out, "client_id", slice_str(o->config->client_id));
    put_parameter(out, "&redirect_uri", slice_str(a->place));
    put_parameter(out, "&state", slice_str(a->state.text));
    put_parameter(out, "&nonce", slice_str(a->nonce.text));
    put_challenge(out, a);
}

static void lead_there(struct asking *q)
{
    struct buf url = {0}, json = {0};
    const struct attempt *a = attempts_begin(&q->oidc->attempts, conn_peer(q->call->conn),
                                             q->attempt.place, q->call->now_us);
    put_url(&url, q->oidc, a);
    buf_put_str(&json, "{\"url\":");
    text_json_string(&json, buf_slice(&url));
    buf_put_u8(&json, '}');
    sign_in_answer_cookie(q->call, SIGN_IN_PROVIDER_COOKIE, 200, a->browser.text, buf_slice(&json));
    buf_free(&url);
    buf_free(&json);
}

/* Where the browser sees us: a page says so itself, and place.c has compared it with Host. */
static void put_place(const struct call *c, char out[ATTEMPT_PLACE_MAX])
{
    struct slice origin = http1_header(c->request, "origin"),
                 host = http1_header(c->request, "host");
    if (origin.ptr)
        snprintf(out, ATTEMPT_PLACE_MAX, "%.*s/console/signed-in", SLICE_ARG(origin));
    else
        snprintf(out, ATTEMPT_PLACE_MAX, "%s://%.*s/console/signed-in",
                 conn_encrypted(c->conn) ? "https" : "http", SLICE_ARG(host));
}

static bool is_there(struct call *c)
{
    struct console *console = c->ctx;
    if (console->oidc) return true;
    rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION),
                      "this server knows no sign-in provider (--oidc-issuer)");
    return false;
}

void oidc_begin(struct call *c)
{
    if (!is_there(c) || sign_in_is_shut_out(c, SLICE_NONE)) return;
    struct asking *q = begin_asking(c, lead_there);
    if (q == NULL) return;
    put_place(c, q->attempt.place);
    with_metadata(q);
}

/* {"issuer":null}: there is none. */
void oidc_show(struct call *c)
{
    struct console *console = c->ctx;
    struct buf json = {0};
    buf_put_str(&json, "{\"issuer\":");
    if (console->oidc)
        text_json_string(&json, slice_str(console->oidc->config->issuer));
    else
        buf_put_str(&json, "null");
    buf_put_u8(&json, '}');
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
}

/* ---- and back */

static void let_in(struct asking *q, const struct json *claims)
{
    const char *issuer = q->oidc->config->issuer, *peer = conn_peer(q->call->conn);
    enum user_role role = person_role(q->oidc->config, claims);
    char name[PERSON_NAME_MAX + 1], subject[PERSON_NAME_MAX + 1];
    person_name(claims, name);
    person_subject(claims, subject);
    say_info("console.provided", "peer=%s name=\"%s\" role=%s issuer=%s subject=\"%s\"", peer, name,
             role == USER_ROLES ? "-" : user_role_name(role), issuer, subject);
    if (role == USER_ROLES)
        sign_in_refuse(q->call, SLICE_NONE,
                       "the provider knows you, but gives you no role here: its administrator can");
    else
        sign_in_accept(q->call, name, json_str(claims, "sub"), role, OIDC_SESSION_US);
}

static enum err judge(struct asking *q)
{
    const struct oidc *o = q->oidc;
    struct arena a = {0};
    struct json *claims;
    const struct jwt_ask ask_ = {.token = buf_slice(&q->token),
                                 .keys = o->keys.json,
                                 .issuer = slice_str(o->config->issuer),
                                 .audience = slice_str(o->config->client_id),
                                 .nonce = slice_str(q->attempt.nonce.text),
                                 .now_s = clock_wall_us() / 1000000};
    enum err e = jwt_verify(&a, &ask_, &claims);
    if (e == OK) let_in(q, claims);
    arena_wipe(&a);
    return e;
}

static void on_keys(struct out_wait *w, const struct out_answer *a)
{
    struct asking *q = answered(w);
    struct call *c = q->call;
    const char *fault = fault_of(a);
    if (!fault && !keep(&q->oidc->keys, a->body, c->now_us)) fault = "it answered with no JSON";
    if (fault)
        give_up(q, "keys", fault);
    else if (judge(q) != OK)
        refuse_code(q, "token", fail_text());
    rest_call_end(c);
}

/* A key that is not among those we have may be a new one. */
static void judge_or_ask_for_keys(struct asking *q)
{
    struct oidc *o = q->oidc;
    int64_t now_us = q->call->now_us;
    enum err e = is_fresh(&o->keys, OIDC_KEEP_US, now_us) ? judge(q) : ERR_NOT_FOUND;
    if (e == OK) return;
    if (e != ERR_NOT_FOUND || is_fresh(&o->keys, OIDC_REFETCH_US, now_us)) {
        refuse_code(q, "token", fail_text());
        return;
    }
    ask(q, &(struct out_request){.method = "GET", .url = endpoint(o, "jwks_uri")}, on_keys);
}

static void on_token(struct out_wait *w, const struct out_answer *a)
{
    struct asking *q = answered(w);
    struct call *c = q->call;
    struct arena arena = {0};
    struct json *j;
    const char *fault = fault_of(a);
    if (!fault && (json_parse(&arena, a->body, &j) != OK || json_str(j, "id_token").len == 0))
        fault = "it gave no id_token";
    if (!fault) buf_put_slice(&q->token, json_str(j, "id_token"));
    arena_wipe(&arena);
    if (fault && is_out_of_order(a))
        give_up(q, "code", fault);
    else if (fault)
        refuse_code(q, "code", fault);
    else
        judge_or_ask_for_keys(q);
    rest_call_end(c);
}

/* client_secret_basic (RFC 6749, section 2.3.1): both parts are percent-encoded first. */
static void put_authorization(struct buf *out, const struct rest_oidc *config)
{
    struct buf pair = {0};
    text_percent(&pair, slice_str(config->client_id));
    buf_put_u8(&pair, ':');
    text_percent(&pair, config->client_secret);
    buf_put_str(out, "Basic ");
    text_base64(out, buf_slice(&pair));
    buf_wipe(&pair);
}

static void ask_for_token(struct asking *q)
{
    const struct rest_oidc *config = q->oidc->config;
    struct buf body = {0}, proof = {0};
    buf_put_str(&body, "grant_type=authorization_code");
    put_parameter(&body, "&code", buf_slice(&q->code));
    put_parameter(&body, "&redirect_uri", slice_str(q->attempt.place));
    put_parameter(&body, "&code_verifier", slice_str(q->attempt.verifier.text));
    struct out_request r = {
        .method = "POST",
        .url = endpoint(q->oidc, "token_endpoint"),
        .headers = {{SLICE_LIT("content-type"), SLICE_LIT("application/x-www-form-urlencoded")},
                    {SLICE_LIT("accept"), SLICE_LIT("application/json")}}};
    if (config->client_secret.len) {
        put_authorization(&proof, config);
        r.headers[2] = (struct out_header){SLICE_LIT("authorization"), buf_slice(&proof)};
    } else {
        put_parameter(&body, "&client_id", slice_str(config->client_id));
    }
    r.body = buf_slice(&body);
    ask(q, &r, on_token);
    buf_wipe(&body);
    buf_wipe(&proof);
}

void oidc_finish(struct call *c, struct slice code, struct slice state)
{
    struct console *console = c->ctx;
    struct attempt attempt = {0};
    if (!is_there(c)) return;
    if (code.len > OIDC_CODE_MAX ||
        !attempts_take(&console->oidc->attempts, state, sign_in_cookie(c, SIGN_IN_PROVIDER_COOKIE),
                       c->now_us, &attempt)) {
        sign_in_refuse(c, SLICE_NONE,
                       "this sign-in began in another browser, or too long ago: begin anew");
        return;
    }
    struct asking *q = begin_asking(c, ask_for_token);
    if (q == NULL) return;
    q->attempt = attempt;
    buf_put_slice(&q->code, code);
    with_metadata(q);
    mem_wipe(&attempt, sizeof attempt);
}

/* ---- life */

struct oidc *oidc_new(struct console *c)
{
    if (c->config->oidc == NULL) return NULL;
    struct oidc *o = NEW(struct oidc);
    o->console = c;
    o->config = c->config->oidc;
    return o;
}

void oidc_free(struct oidc *o)
{
    if (o == NULL) return;
    arena_free(&o->metadata.arena);
    arena_free(&o->keys.arena);
    mem_wipe(o, sizeof *o);
    free(o);
}

/* oidc.c - see oidc.h: the visit, from the page to the provider and back. */
#include "front/console/oidc.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/jwt.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/text.h"
#include "front/console/asking.h"
#include "front/console/provider.h"
#include "front/console/verdict.h"

LIMIT_REACHED(code_too_long, "oidc-code")

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
    struct slice at = provider_endpoint(o, "authorization_endpoint");
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

#define PAGE "/console/signed-in"

/* Where the browser sees us: a page says so itself, and place.c has compared it with Host. */
static bool put_place(struct call *c, char out[ATTEMPT_PLACE_MAX])
{
    struct slice origin = http1_header(c->request, "origin"),
                 host = http1_header(c->request, "host");
    const char *scheme = conn_encrypted(c->conn) ? "https" : "http";
    int len = origin.ptr
                  ? snprintf(out, ATTEMPT_PLACE_MAX, "%.*s" PAGE, SLICE_ARG(origin))
                  : snprintf(out, ATTEMPT_PLACE_MAX, "%s://%.*s" PAGE, scheme, SLICE_ARG(host));
    if (len < ATTEMPT_PLACE_MAX) return true;
    rest_answer_status(c, STATUS_ARGUMENT_INVALID,
                       "the name that this server is called by is too long");
    return false;
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
    char place[ATTEMPT_PLACE_MAX];
    if (!is_there(c) || sign_in_is_shut_out(c, SLICE_NONE) || !put_place(c, place)) return;
    struct asking *q = asking_begin(c, lead_there);
    if (q == NULL) return;
    memcpy(q->attempt.place, place, sizeof place);
    provider_ask(q);
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

/* The provider's doing, whatever it was asked. */
static bool is_out_of_order(const struct out_answer *a)
{
    return a->err != OK || a->http >= 500;
}

static void on_token(struct out_wait *w, const struct out_answer *a)
{
    struct asking *q = asking_answered(w);
    struct call *c = q->call;
    struct arena arena = {0};
    struct json *j;
    const char *fault = asking_fault(a);
    if (!fault && (json_parse(&arena, a->body, &j) != OK || json_str(j, "id_token").len == 0))
        fault = "it gave no id_token";
    if (!fault) buf_put_slice(&q->token, json_str(j, "id_token"));
    arena_wipe(&arena);
    if (fault && is_out_of_order(a))
        asking_give_up(q, "code", fault);
    else if (fault)
        asking_refuse_code(q, "code", fault);
    else
        verdict(q);
    rest_call_end(c);
}

/* client_secret_basic (RFC 6749, section 2.3.1): both parts are percent-encoded first. */
static void put_authorization(struct buf *out, const struct rest_oidc *config)
{
    struct buf pair = BUF_SECRET;
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
    struct buf body = BUF_SECRET, proof = BUF_SECRET;
    buf_put_str(&body, "grant_type=authorization_code");
    put_parameter(&body, "&code", buf_slice(&q->code));
    put_parameter(&body, "&redirect_uri", slice_str(q->attempt.place));
    put_parameter(&body, "&code_verifier", slice_str(q->attempt.verifier.text));
    struct out_request r = {
        .method = "POST",
        .url = provider_endpoint(q->oidc, "token_endpoint"),
        .headers = {{SLICE_LIT("content-type"), SLICE_LIT("application/x-www-form-urlencoded")},
                    {SLICE_LIT("accept"), SLICE_LIT("application/json")}}};
    if (config->client_secret.len) {
        put_authorization(&proof, config);
        r.headers[2] = (struct out_header){SLICE_LIT("authorization"), buf_slice(&proof)};
    } else {
        put_parameter(&body, "&client_id", slice_str(config->client_id));
    }
    r.body = buf_slice(&body);
    asking_send(q, &r, on_token);
    buf_wipe(&body);
    buf_wipe(&proof);
}

/* False: it was refused. */
static bool has_length(struct call *c, struct slice code)
{
    if (code.len <= OIDC_CODE_MAX) return true;
    char text[64];
    metric_inc(&code_too_long);
    snprintf(text, sizeof text, "the provider's code is longer than %d bytes", OIDC_CODE_MAX);
    sign_in_refuse(c, SLICE_NONE, text);
    return false;
}

void oidc_finish(struct call *c, struct slice code, struct slice state)
{
    struct console *console = c->ctx;
    struct attempt attempt = {0};
    if (!is_there(c) || !has_length(c, code)) return;
    if (!attempts_take(&console->oidc->attempts, state, sign_in_cookie(c, SIGN_IN_PROVIDER_COOKIE),
                       c->now_us, &attempt)) {
        sign_in_refuse(c, SLICE_NONE,
                       "this sign-in began in another browser, or too long ago: begin anew");
        return;
    }
    struct asking *q = asking_begin(c, ask_for_token);
    if (q == NULL) return;
    q->attempt = attempt;
    buf_put_slice(&q->code, code);
    provider_ask(q);
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
    provider_forget(o);
    mem_wipe(o, sizeof *o);
    free(o);
}

/* desk.c - the connection's side of a session. */
#include <stdio.h>
#include <stdlib.h>

#include "base/blob.h"
#include "base/clock.h"
#include "base/limit.h"
#include "base/text.h"
#include "hub/routing/routing.h"
#include "hub/session/message.h"
#include "hub/session/show.h"
#include "log/log.h"

LIMIT_REACHED(too_many_subscribes, "subscription-changes")

const char *session_cause_name(enum session_cause cause)
{
    static const char *const names[SESSION_CAUSES] = {
        [SESSION_GRANTED] = "granted",
        [SESSION_TAKEN_OVER] = "taken-over",
        [SESSION_UNKNOWN] = "unknown-device",
        [SESSION_DISABLED] = "disabled",
        [SESSION_KEY_CHANGED] = "key-changed",
        [SESSION_BAD_TOKEN] = "bad-token",
        [SESSION_BAD_CERTIFICATE] = "bad-certificate",
        [SESSION_WRONG_KIND] = "wrong-kind",
        [SESSION_UNAVAILABLE] = "unavailable",
    };
    return names[cause];
}

const char *session_cause_text(const struct session_opened *answer)
{
    static const char *const texts[SESSION_CAUSES] = {
        [SESSION_UNKNOWN] = "there is no device or module of that name",
        [SESSION_DISABLED] = "the device is disabled",
        [SESSION_WRONG_KIND] =
            ("it has to show a certificate instead of a token, or a token instead "
             "of a certificate"),
        [SESSION_UNAVAILABLE] = "the store does not answer",
    };
    if (answer->auth != AUTH_OK) return auth_cause_text(answer->auth);
    return texts[answer->cause] ? texts[answer->cause] : session_cause_name(answer->cause);
}

const char *session_scope(const struct session_opened *answer, struct slice who)
{
    if (answer->hub_scope) return "hub";
    return hub_module_of(who).len ? "module" : "device";
}

bool session_model_id_valid(struct slice model_id)
{
    bool plain = model_id.len <= SESSION_MODEL_ID_MAX;
    for (size_t i = 0; i < model_id.len && plain; i++)
        plain = model_id.ptr[i] > ' ' && model_id.ptr[i] < 0x7F;
    return plain;
}

static struct slice who_of(const struct session *s)
{
    return slice_str(s->who);
}

static void tell_home(struct session_desk *desk, struct addr from, unsigned kind, struct slice who)
{
    struct msg *m = msg_new(kind, who.len);
    memcpy(m->body, who.ptr, who.len);
    post(desk->lane, from, hub_home(desk->hub, who), m);
}

/* ---- twins, as routes see them */

static bool asks_twin(const struct session *s)
{
    return s->desk->ask_twin && routing_wants_twin(s->desk->routing, RECORD_TELEMETRY);
}

static void ask_twin(struct session *s)
{
    s->twin_asked = true;
    s->desk->ask_twin(s->desk->ask_ctx, s);
}

static void wait_for_twin(struct session *s, struct msg *m)
{
    msg_keep(m);
    s->opening = m;
    ask_twin(s);
}

/* The session may be gone afterwards. */
static void open_now(struct session *s)
{
    struct msg *m = s->opening;
    if (m == NULL) return;
    s->opening = NULL;
    s->owner->opened(s, (const void *)m->body);
    msg_free(m);
}

void session_set_twin(struct session *s, struct slice json)
{
    s->twin_asked = false;
    s->twin_us = clock_mono_us();
    if (json.ptr) {
        blob_drop(s->twin);
        s->twin = blob_copy(json);
    }
    open_now(s);
}

struct slice session_twin(struct session *s)
{
    bool told = s->twin && s->protocol != HUB_HTTP;
    if (s->desk == NULL) return SLICE_NONE; /* it has ended */
    if (!told && !s->twin_asked && asks_twin(s) &&
        (s->twin_us == 0 || clock_mono_us() - s->twin_us >= SESSION_TWIN_US))
        ask_twin(s);
    return s->twin ? blob_slice(s->twin) : SLICE_NONE;
}

/* What is told of a session comes after its opening. */
static struct session *opened_session(const struct lane *lane, struct addr a)
{
    struct session *s = slot_get(lane, a);
    if (s) open_now(s);
    return slot_get(lane, a);
}

/* Home opened a session whose connection is gone meanwhile: home must forget it again. */
static void on_opened(void *ctx, struct lane *lane, struct msg *m)
{
    struct session_desk *desk = ctx;
    const struct session_opened *answer = (const void *)m->body;
    struct session *s = slot_get(lane, m->to);
    if (s) {
        s->granted = answer->cause == SESSION_GRANTED;
        if (s->granted && asks_twin(s))
            wait_for_twin(s, m);
        else
            s->owner->opened(s, answer);
    } else if (answer->cause == SESSION_GRANTED) {
        tell_home(desk, m->to, SESSION_ENDED,
                  slice_of(m->body + sizeof *answer, m->len - sizeof *answer));
    }
}

/* A session that is gone has said so already. */
static void on_close(void *ctx, struct lane *lane, struct msg *m)
{
    enum session_cause cause;
    struct session *s = opened_session(lane, m->to);
    (void)ctx;
    memcpy(&cause, m->body, sizeof cause);
    if (s) s->owner->close(s, cause);
}

static void on_subscribed(void *ctx, struct lane *lane, struct msg *m)
{
    const struct session_subscribed_msg *answer = (const void *)m->body;
    struct session *s = session_of(lane, m);
    (void)ctx;
    if (s == NULL) return;
    s->subscribing--;
    s->owner->subscribed(s, m->call, answer->features, answer->err);
}

struct session *session_of(const struct lane *lane, const struct msg *m)
{
    return opened_session(lane, m->to);
}

static void on_renewed(void *ctx, struct lane *lane, struct msg *m)
{
    struct session *s = session_of(lane, m);
    (void)ctx;
    if (s) s->owner->renewed(s, (const void *)m->body);
}

void session_desk_init(struct session_desk *desk, const struct hub *hub, struct lane *lane,
                       struct log_writer *writer)
{
    *desk = (struct session_desk){.hub = hub, .lane = lane, .writer = writer};
    lane_on(lane, SESSION_OPENED, on_opened, desk);
    lane_on(lane, SESSION_CLOSE, on_close, desk);
    lane_on(lane, SESSION_RENEWED, on_renewed, desk);
    lane_on(lane, SESSION_SUBSCRIBED, on_subscribed, desk);
    show_init(lane);
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t len)
{
    if (len) memcpy(at, bytes, len);
    return at + len;
}

/* The certificate goes along only if there is no token: it may be long. */
static struct msg *open_msg(unsigned kind, const struct session_ask *ask)
{
    bool certified = ask->certificate && ask->token.len == 0;
    size_t certificate_len = certified ? x509_facts_size(ask->certificate) : 0;
    struct slice sdk = text_first_part(ask->sdk, SESSION_SDK_MAX);
    size_t len = certificate_len + ask->who.len + ask->token.len + ask->model_id.len +
                 ask->auth_chain.len + ask->peer.len + sdk.len;
    struct msg *m = msg_new(kind, sizeof(struct session_open_msg) + len);
    struct session_open_msg *body = (void *)m->body;
    *body = (struct session_open_msg){.protocol = ask->protocol,
                                      .features = ask->features,
                                      .clean = ask->clean,
                                      .websocket = ask->websocket,
                                      .who_len = (uint32_t)ask->who.len,
                                      .token_len = (uint32_t)ask->token.len,
                                      .model_id_len = (uint32_t)ask->model_id.len,
                                      .chain_len = (uint32_t)ask->auth_chain.len,
                                      .certificate_len = (uint32_t)certificate_len,
                                      .peer_len = (uint32_t)ask->peer.len,
                                      .sdk_len = (uint32_t)sdk.len};
    uint8_t *at = put_bytes(body->bytes, ask->certificate, certificate_len);
    at = put_bytes(at, ask->who.ptr, ask->who.len);
    at = put_bytes(at, ask->token.ptr, ask->token.len);
    at = put_bytes(at, ask->model_id.ptr, ask->model_id.len);
    at = put_bytes(at, ask->auth_chain.ptr, ask->auth_chain.len);
    at = put_bytes(at, ask->peer.ptr, ask->peer.len);
    put_bytes(at, sdk.ptr, sdk.len);
    return m;
}

void session_open(struct session *s, struct session_desk *desk, const struct session_owner *owner,
                  const struct session_ask *ask)
{
    *s = (struct session){.desk = desk, .owner = owner, .protocol = ask->protocol};
    s->slot = slot_new(desk->lane, s);
    if (ask->auth_chain.len) s->auth_chain = slice_dup(ask->auth_chain);
    snprintf(s->who, sizeof s->who, "%.*s", SLICE_ARG(ask->who));
    post(desk->lane, s->slot, hub_home(desk->hub, ask->who), open_msg(SESSION_OPEN, ask));
}

void session_renew(struct session *s, struct slice token)
{
    struct session_ask ask = {.protocol = s->protocol, .who = who_of(s), .token = token};
    if (s->auth_chain) ask.auth_chain = slice_str(s->auth_chain);
    post(s->desk->lane, s->slot, hub_home(s->desk->hub, ask.who), open_msg(SESSION_RENEW, &ask));
}

enum err session_subscribe(struct session *s, uint32_t set, uint32_t clear, uint64_t cookie)
{
    struct slice who = who_of(s);
    if (s->subscribing == SESSION_SUBSCRIBES_MAX) {
        metric_inc(&too_many_subscribes);
        return fail(ERR_FULL, "more than %d changes of subscriptions under way",
                    SESSION_SUBSCRIBES_MAX);
    }
    struct msg *m = msg_new(SESSION_SUBSCRIBE, sizeof(struct session_subscribe_msg) + who.len);
    struct session_subscribe_msg *body = (void *)m->body;
    body->set = set;
    body->clear = clear;
    memcpy(body->who, who.ptr, who.len);
    m->call = cookie;
    s->subscribing++;
    post(s->desk->lane, s->slot, hub_home(s->desk->hub, who), m);
    return OK;
}

void session_end(struct session *s)
{
    if (s->desk == NULL) return;
    slot_free(s->desk->lane, s->slot);
    if (s->granted) {
        log_flush(s->desk->writer);
        tell_home(s->desk, s->slot, SESSION_ENDED, who_of(s));
    }
    s->desk = NULL;
    free(s->auth_chain);
    s->auth_chain = NULL;
    blob_drop(s->twin);
    s->twin = NULL;
    if (s->opening) msg_free(s->opening);
    s->opening = NULL;
}

void session_active(struct session *s)
{
    tell_home(s->desk, s->slot, SESSION_ACTIVE, who_of(s));
}

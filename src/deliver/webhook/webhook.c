/* webhook.c - events posted to an https address, as Event Grid posts them.
 *
 *   Event Grid schema:  POST SubscriptionValidation ─▶ 200 {"validationResponse": code} ─▶ POST Notification
 *   CloudEvents 1.0:    OPTIONS WebHook-Request-Origin ─▶ 200 WebHook-Allowed-Origin ─▶ POST a batch
 *   either, later:      GET of the address with the code that it was asked with; that is kept (agreement.h)
 *
 * Who agrees may grant a rate, WebHook-Allowed-Rate, to which the engine keeps.
 *
 * Nothing is told to who has not agreed: an address that somebody mistyped is not flooded. */
#include "deliver/webhook/webhook.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/num.h"
#include "base/rand.h"
#include "base/text.h"
#include "deliver/event_grid.h"
#include "deliver/webhook/agreement.h"
#include "deliver/webhook/check.h"

struct webhook {
    struct deliver_target target;
    struct buf uri, origin; /* the second: who we say we are; an IPv6 address is in brackets */
    enum event_schema schema;
    unsigned events_max;
    size_t preferred_bytes;
    char code[RAND_GUID_LEN + 1]; /* of the handshake */
    int64_t code_until_us;        /* it is accepted until then */
    uint64_t rate;                /* requests a minute that were granted; 0: as many as there are */
    struct webhook_agreement agreement;
    bool looked;                   /* whether it is kept */
    struct deliver_call *connects; /* while it is looked for */
    struct message message;        /* its memory */
};

static struct webhook *of(struct deliver_target *t)
{
    return CONTAINER_OF(t, struct webhook, target);
}

/* ---- answers */

/* Seconds, or a date (RFC 9110 section 10.2.3). */
static int64_t asked_pause_us(const struct out_answer *a)
{
    const int64_t most_us = INT64_C(1000000) * DELIVER_PAUSE_ASKED_MAX_S;
    struct slice value = out_answer_header(a, "Retry-After");
    uint64_t seconds;
    int64_t at_us;
    if (num_u64(value, &seconds) == OK)
        return (int64_t)MIN(seconds, (uint64_t)DELIVER_PAUSE_ASKED_MAX_S) * 1000000;
    if (clock_parse_http(value, &at_us) != OK) return 0;
    return MAX(MIN(at_us - clock_wall_us(), most_us), INT64_C(0));
}

static enum deliver_outcome outcome_of(unsigned http)
{
    if (http >= 200 && http < 300) return DELIVER_TAKEN;
    switch (http) {
    case 400:
    case 413:
    case 415:
    case 422: return DELIVER_REFUSED;
    case 408:
    case 425:
    case 429: return DELIVER_AGAIN;
    default: return http >= 500 ? DELIVER_AGAIN : DELIVER_SLOW;
    }
}

static const char *word_of(unsigned http)
{
    switch (http) {
    case 401:
    case 403: return ": the credentials in its address are wrong";
    case 404:
    case 410: return ": there is nothing at its address";
    case 429: return ": too many requests";
    default: return http >= 300 && http < 400 ? ": redirects are not followed" : "";
    }
}

static void end(struct deliver_call *c, const struct out_answer *a)
{
    char text[256];
    struct deliver_result r = {.text = text};
    if (a->err == OK) {
        r.outcome = outcome_of(a->http);
        r.pause_us = asked_pause_us(a);
        snprintf(text, sizeof text, "the webhook answered %u%s", a->http, word_of(a->http));
    } else {
        bool slow = a->err == ERR_DENIED || a->err == ERR_INVALID;
        r.outcome = slow ? DELIVER_SLOW : DELIVER_AGAIN;
        snprintf(text, sizeof text, "the webhook did not answer: %s", a->text);
    }
    deliver_call_end(c, &r);
}

static void on_answer(struct out_wait *w, const struct out_answer *a)
{
    end(CONTAINER_OF(w, struct deliver_call, out), a);
}

static void ask(struct webhook *h, struct out_request *r, struct deliver_call *c,
                void (*fn)(struct out_wait *w, const struct out_answer *a))
{
    c->out.fn = fn;
    r->url = buf_slice(&h->uri);
    r->timeout_ms = WEBHOOK_TIMEOUT_MS;
    r->answer_max = WEBHOOK_ANSWER_MAX;
    out_send(h->target.place.out, h->target.place.lane, r, &c->out);
}

/* ---- the handshake */

/* Event Grid calls this AwaitingManualAction. */
static void not_agreed(struct deliver_call *c, const char *text)
{
    deliver_call_end(c, &(struct deliver_result){.outcome = DELIVER_SLOW, .text = text});
}

static void make_code(struct webhook *h)
{
    rand_guid(h->code);
    h->code_until_us = clock_mono_us() + INT64_C(1000000) * ROUTING_AGREE_S;
}

/* Where somebody with the code may ask, if this server listens for HTTPS. */
static void put_agree_uri(const struct webhook *h, struct buf *out)
{
    const struct hub *hub = h->target.place.hub;
    if (hub->https_port == 0) return;
    buf_put_str(out, "https://");
    text_url_host(out, hub->hosts[0]);
    if (hub->https_port != 443) buf_printf(out, ":%u", hub->https_port);
    buf_printf(out, "/eventsubscriptions/%s/validate?id=%s", h->target.place.name, h->code);
}

enum err webhook_rate_read(struct slice text, uint64_t *rate)
{
    *rate = 0;
    if (text.len == 0 || slice_is(text, "*")) return OK;
    if (num_u64(text, rate) != OK || *rate == 0)
        return fail(ERR_INVALID, "WebHook-Allowed-Rate is neither * nor a number of requests a "
                                 "minute that is larger than 0");
    if (*rate > WEBHOOK_RATE_MAX) *rate = 0;
    return OK;
}

static enum err webhook_agree(struct deliver_target *t, const struct routing_consent *consent)
{
    struct webhook *h = of(t);
    uint64_t rate;
    bool known =
        clock_mono_us() < h->code_until_us && slice_eq_secret(consent->code, slice_str(h->code));
    if (!known) return ERR_NOT_FOUND;
    TRY(webhook_rate_read(consent->rate, &rate));
    h->rate = h->agreement.rate = rate;
    webhook_agreement_keep(&h->agreement);
    return OK;
}

static uint64_t webhook_rate(const struct deliver_target *t)
{
    return CONTAINER_OF(t, const struct webhook, target)->rate;
}

static bool has_code(const struct webhook *h, struct slice body)
{
    struct arena a = {0};
    struct json *answer;
    bool fine = json_parse(&a, body, &answer) == OK &&
                slice_is(json_str_nocase(answer, "validationResponse"), h->code);
    arena_free(&a);
    return fine;
}

static void on_code(struct out_wait *w, const struct out_answer *a)
{
    struct deliver_call *c = CONTAINER_OF(w, struct deliver_call, out);
    bool taken = a->err == OK && outcome_of(a->http) == DELIVER_TAKEN;
    if (taken && !has_code(of(c->target), a->body))
        not_agreed(c, "awaiting manual action: the webhook did not answer the validation with its "
                      "code, nor was its validationUrl asked for yet");
    else
        end(c, a);
}

static void send_code(struct webhook *h, struct deliver_call *c)
{
    struct buf body = {0}, uri = {0};
    make_code(h);
    put_agree_uri(h, &uri);
    event_grid_put_validation(h->target.place.hub, h->code, buf_slice(&uri), &body);
    ask(h,
        &(struct out_request){
            .method = "POST",
            .headers = {{SLICE_LIT("Content-Type"), SLICE_LIT("application/json; charset=utf-8")},
                        {SLICE_LIT("aeg-event-type"), SLICE_LIT("SubscriptionValidation")},
                        {SLICE_LIT("aeg-subscription-name"), slice_str(h->target.place.name)}},
            .body = buf_slice(&body)},
        c, on_code);
    buf_free(&body);
    buf_free(&uri);
}

static struct slice origin_of(const struct webhook *h)
{
    return buf_slice(&h->origin);
}

static void on_origin(struct out_wait *w, const struct out_answer *a)
{
    struct deliver_call *c = CONTAINER_OF(w, struct deliver_call, out);
    struct webhook *h = of(c->target);
    struct slice allowed = out_answer_header(a, "WebHook-Allowed-Origin");
    bool taken = a->err == OK && outcome_of(a->http) == DELIVER_TAKEN;
    bool agreed = slice_is(allowed, "*") || slice_eq_nocase(allowed, origin_of(h));
    if (taken && !agreed)
        not_agreed(c, "awaiting manual action: the webhook did not answer OPTIONS with "
                      "WebHook-Allowed-Origin, nor was its callback asked for yet");
    else if (taken && webhook_rate_read(out_answer_header(a, "WebHook-Allowed-Rate"), &h->rate))
        not_agreed(c, fail_text());
    else
        end(c, a);
}

static void send_origin(struct webhook *h, struct deliver_call *c)
{
    struct buf uri = {0};
    struct out_request r = {.method = "OPTIONS",
                            .headers = {{SLICE_LIT("WebHook-Request-Origin"), origin_of(h)}}};
    make_code(h);
    put_agree_uri(h, &uri);
    if (buf_size(&uri))
        r.headers[1] = (struct out_header){SLICE_LIT("WebHook-Request-Callback"), buf_slice(&uri)};
    ask(h, &r, c, on_origin);
    buf_free(&uri);
}

static void shake_hands(struct webhook *h, struct deliver_call *c)
{
    if (h->schema == CLOUD_EVENT_SCHEMA)
        send_origin(h, c);
    else
        send_code(h, c);
}

static void on_looked(struct webhook_agreement *a, bool agreed)
{
    struct webhook *h = CONTAINER_OF(a, struct webhook, agreement);
    h->looked = true;
    if (agreed) h->rate = a->rate;
    if (agreed)
        deliver_call_end(h->connects, &(struct deliver_result){.outcome = DELIVER_TAKEN});
    else
        shake_hands(h, h->connects);
}

/* Who agreed by hand is not asked again. */
static void webhook_connect(struct deliver_target *t, struct deliver_call *c)
{
    struct webhook *h = of(t);
    h->connects = c;
    if (h->looked)
        shake_hands(h, c);
    else
        webhook_agreement_look(&h->agreement, on_looked);
}

/* ---- messages */

static enum err put_event(struct webhook *h, const struct record *r, struct buf *batch)
{
    enum err e = message_read(r, h->target.place.bit, &h->message);
    if (e != OK) return fail(ERR_INVALID, "the stored message is damaged");
    message_mark(&h->message, h->target.place.hub, h->target.place.name);
    h->target.event = event_grid_type(&h->message);
    buf_put_u8(batch, buf_size(batch) ? ',' : '[');
    event_grid_put(h->target.place.hub, h->schema, &h->message, batch);
    return OK;
}

/* The last byte is kept for the bracket. */
static enum err webhook_add(struct deliver_target *t, const struct record *r, struct buf *batch,
                            unsigned count)
{
    struct webhook *h = of(t);
    size_t before = batch->len;
    if (count == h->events_max) return ERR_FULL;
    enum err e = put_event(h, r, batch);
    if (e == OK && count && buf_size(batch) + 1 > h->preferred_bytes) e = ERR_FULL;
    if (e == OK && buf_size(batch) + 1 > DELIVER_BATCH_MAX)
        e = fail(ERR_TOO_BIG, "as an event the message is larger than %d bytes", DELIVER_BATCH_MAX);
    if (e != OK) batch->len = before;
    return e;
}

static void webhook_send(struct deliver_target *t, struct buf *batch, struct deliver_call *c)
{
    struct webhook *h = of(t);
    char tries[16];
    bool cloud = h->schema == CLOUD_EVENT_SCHEMA;
    snprintf(tries, sizeof tries, "%u", c->tries);
    buf_put_u8(batch, ']');
    struct out_request r = {
        .method = "POST",
        .headers = {{SLICE_LIT("Content-Type"), SLICE_LIT("application/json; charset=utf-8")},
                    {SLICE_LIT("aeg-event-type"), SLICE_LIT("Notification")},
                    {SLICE_LIT("aeg-subscription-name"), slice_str(t->place.name)},
                    {SLICE_LIT("aeg-delivery-count"), slice_str(tries)},
                    {SLICE_LIT("aeg-metadata-version"), SLICE_LIT("1")}},
        .body = buf_slice(batch)};
    if (cloud) r.headers[0].value = SLICE_LIT("application/cloudevents-batch+json; charset=utf-8");
    if (cloud)
        r.headers[1] = (struct out_header){SLICE_LIT("WebHook-Request-Origin"), origin_of(h)};
    if (cloud) r.headers[4] = (struct out_header){SLICE_NONE, SLICE_NONE};
    ask(h, &r, c, on_answer);
}

static void webhook_forget(struct deliver_target *t, struct deliver_call *c)
{
    struct webhook *h = of(t);
    if (!h->looked && c == h->connects) webhook_agreement_forget(&h->agreement);
    out_forget(t->place.lane, &c->out);
}

/* ---- life */

static int64_t number(const struct json *endpoint, const char *key)
{
    int64_t n = 0;
    enum err e = json_i64(json_get(endpoint, key), &n);
    assert(e == OK); /* webhook_check() has seen it */
    return n;
}

static struct deliver_target *webhook_open(const struct deliver_place *place,
                                           const struct json *endpoint)
{
    struct webhook *h = NEW(struct webhook);
    struct slice schema = json_str(endpoint, "schema");
    bool cloud = slice_is(schema, WEBHOOK_CLOUD_SCHEMA);
    h->target.place = *place;
    h->schema = cloud ? CLOUD_EVENT_SCHEMA : EVENT_GRID_SCHEMA;
    buf_put_slice(&h->uri, json_str(endpoint, "endpointUri"));
    text_url_host(&h->origin, place->hub->hosts[0]);
    webhook_agreement_init(&h->agreement, &h->target.place, buf_slice(&h->uri), schema);
    h->events_max = (unsigned)number(endpoint, "maxEventsPerBatch");
    h->preferred_bytes = (size_t)number(endpoint, "preferredBatchSizeInKilobytes") << 10;
    return &h->target;
}

static void webhook_removed(struct deliver_target *t)
{
    webhook_agreement_drop(&of(t)->agreement);
}

static void webhook_close(struct deliver_target *t)
{
    struct webhook *h = of(t);
    webhook_agreement_forget(&h->agreement);
    buf_wipe(&h->uri);
    buf_free(&h->origin);
    message_free(&h->message);
    free(h);
}

const struct deliver_kind webhook_kind = {
    .routing = {.list = "webhooks", .check = webhook_check, .mask = webhook_mask},
    .open = webhook_open,
    .close = webhook_close,
    .removed = webhook_removed,
    .connect = webhook_connect,
    .rate = webhook_rate,
    .agree = webhook_agree,
    .add = webhook_add,
    .send = webhook_send,
    .forget = webhook_forget,
};

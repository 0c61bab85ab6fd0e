/* amqp_device_home.c - see amqp_device_home.h. */
#include "amqp_device_home.h"

#include <assert.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/num.h"
#include "dps/dps.h"
#include "hub/method/method.h"
#include "hub/twin/twin.h"

struct home home;

/* ---- who waits */

static void ask(enum home_question what, void *who)
{
    assert(home.wait_count < HOME_WAITS);
    home.waits[home.wait_count++] = (struct home_wait){what, who};
}

static struct home_wait take(unsigned at)
{
    struct home_wait taken = home.waits[at];
    home.wait_count--;
    memmove(&home.waits[at], &home.waits[at + 1], (home.wait_count - at) * sizeof taken);
    return taken;
}

/* All questions of somebody; how many there were. */
static unsigned drop(const void *who)
{
    unsigned dropped = 0;
    for (unsigned i = home.wait_count; i-- > 0;)
        if (home.waits[i].who == who) take(i), dropped++;
    return dropped;
}

/* ---- sessions */

void __wrap_session_open(struct session *s, struct session_desk *desk,
                         const struct session_owner *owner, const struct session_ask *ask);
enum err __wrap_session_subscribe(struct session *s, uint32_t set, uint32_t clear, uint64_t cookie);
void __wrap_session_end(struct session *s);
void __wrap_session_active(struct session *s);

void __wrap_session_open(struct session *s, struct session_desk *desk,
                         const struct session_owner *owner, const struct session_ask *asked)
{
    assert(home.session == NULL && hub_who_valid(asked->who));
    *s = (struct session){.desk = desk, .owner = owner, .protocol = asked->protocol};
    snprintf(s->who, sizeof s->who, "%.*s", SLICE_ARG(asked->who));
    home.session = s;
    home.granted = false;
    home.features = asked->features;
    ask(HOME_SESSION, s);
}

enum err __wrap_session_subscribe(struct session *s, uint32_t set, uint32_t clear, uint64_t cookie)
{
    (void)cookie;
    assert(s == home.session && home.granted && (set & clear) == 0);
    home.features = (home.features | set) & ~clear;
    ask(HOME_FEATURES, s);
    return OK;
}

void __wrap_session_end(struct session *s)
{
    assert(s == home.session);
    drop(s);
    home.session = NULL;
    home.granted = false;
}

void __wrap_session_active(struct session *s)
{
    assert(s == home.session);
}

static void answer_session(unsigned how)
{
    struct session *s = home.session;
    struct session_opened answer = {.cause = (enum session_cause)(how % SESSION_CAUSES),
                                    .ends_us = INT64_MAX};
    home.granted = answer.cause == SESSION_GRANTED;
    s->owner->opened(s, &answer);
}

void home_close(void)
{
    static const enum session_cause causes[] = {SESSION_TAKEN_OVER, SESSION_UNKNOWN,
                                                SESSION_UNAVAILABLE};
    if (!home.granted) return;
    home.session->owner->close(home.session, causes[home.version % 3]);
    assert(home.session == NULL);
}

void home_renew(int64_t ends_us)
{
    struct session_opened answer = {.cause = SESSION_GRANTED, .ends_us = ends_us};
    if (home.granted) home.session->owner->renewed(home.session, &answer);
}

void home_patch(unsigned count)
{
    for (unsigned i = 0; i < count && home.granted; i++) {
        char json[40];
        snprintf(json, sizeof json, "{\"$version\":%lld}", (long long)++home.version);
        struct twin_desired patch = {.version = home.version, .json = slice_str(json)};
        home.session->owner->desired(home.session, &patch);
    }
}

/* ---- twins */

void __wrap_twin_read(struct twins *t, struct slice who, struct addr session, struct twin_wait *w);
void __wrap_twin_report(struct twins *t, struct slice who, int64_t version, struct slice json,
                        struct twin_wait *w);
void __wrap_twin_forget(struct twins *t, struct twin_wait *w);

void __wrap_twin_read(struct twins *t, struct slice who, struct addr session, struct twin_wait *w)
{
    (void)t, (void)session;
    assert(home.session && slice_is(who, home.session->who));
    ask(HOME_TWIN, w);
}

void __wrap_twin_report(struct twins *t, struct slice who, int64_t version, struct slice json,
                        struct twin_wait *w)
{
    (void)json;
    assert(version == TWIN_ANY_VERSION);
    __wrap_twin_read(t, who, (struct addr){0}, w);
}

void __wrap_twin_forget(struct twins *t, struct twin_wait *w)
{
    unsigned forgotten = drop(w);
    (void)t;
    assert(forgotten == 1);
}

static void answer_twin(struct twin_wait *w, unsigned how)
{
    static const enum status statuses[] = {STATUS_OK, STATUS_ARGUMENT_INVALID,
                                           STATUS_MESSAGE_TOO_LARGE, STATUS_SERVICE_UNAVAILABLE,
                                           STATUS_DEVICE_NOT_FOUND};
    struct twin_answer answer = {.status = statuses[how % 5],
                                 .version = home.version + 1,
                                 .body = SLICE_LIT("{\"desired\":{},\"reported\":{}}"),
                                 .text = SLICE_LIT("it is \"so\"")};
    w->fn(w, &answer);
}

/* ---- methods */

bool __wrap_method_begin(struct method_calls *c, const struct method_request *r, uint64_t *rid);
void __wrap_method_refuse(struct method_calls *c, const struct method_request *r,
                          enum status status);
bool __wrap_method_waits(const struct method_calls *c, uint64_t rid);
void __wrap_method_unsent(struct method_calls *c, uint64_t rid);
void __wrap_method_answer(struct method_calls *c, uint64_t rid, int32_t status,
                          struct slice payload);
void __wrap_method_answer_invalid(struct method_calls *c, uint64_t rid);
void __wrap_method_calls_drop(struct method_calls *c);

bool home_waits_for(uint64_t rid)
{
    return rid < HOME_CALLS && home.calls[rid] == CALL_PENDING;
}

static void end_call(uint64_t rid)
{
    if (!home_waits_for(rid)) return;
    home.calls[rid] = CALL_OVER;
    home.pending_count--;
}

void home_give_up_call(void)
{
    uint64_t rid = 0;
    while (rid <= home.call_count && !home_waits_for(rid)) rid++;
    end_call(rid);
}

bool __wrap_method_begin(struct method_calls *c, const struct method_request *r, uint64_t *rid)
{
    (void)c, (void)r;
    if (home.pending_count == METHOD_PENDING_MAX || home.call_count + 1 == HOME_CALLS) return false;
    *rid = ++home.call_count;
    home.calls[*rid] = CALL_PENDING;
    home.pending_count++;
    return true;
}

void __wrap_method_refuse(struct method_calls *c, const struct method_request *r,
                          enum status status)
{
    (void)c, (void)r;
    assert(status == STATUS_DEVICE_NOT_ONLINE || status == STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED);
}

bool __wrap_method_waits(const struct method_calls *c, uint64_t rid)
{
    (void)c;
    return home_waits_for(rid);
}

void __wrap_method_unsent(struct method_calls *c, uint64_t rid)
{
    (void)c;
    end_call(rid);
}

void __wrap_method_answer(struct method_calls *c, uint64_t rid, int32_t status,
                          struct slice payload)
{
    (void)c, (void)status, (void)payload;
    end_call(rid);
}

void __wrap_method_answer_invalid(struct method_calls *c, uint64_t rid)
{
    (void)c;
    end_call(rid);
}

void __wrap_method_calls_drop(struct method_calls *c)
{
    (void)c;
    for (uint64_t rid = 1; rid <= home.call_count; rid++) end_call(rid);
}

void home_call(size_t payload_len)
{
    struct buf payload = {0};
    if (!home.granted) return;
    payload_len += 2;
    memset(buf_reserve(&payload, payload_len), '1', payload_len);
    buf_commit(&payload, payload_len);
    struct method_request r = {.name = SLICE_LIT("reboot"), .payload = buf_slice(&payload)};
    home.session->owner->method(home.session, &r);
    buf_free(&payload);
}

/* ---- registrations */

void __wrap_dps_authenticate(struct dps *d, const struct dps_device *who, struct dps_wait *w);
void __wrap_dps_challenge(struct dps *d, const struct dps_device *who, struct dps_wait *w);
void __wrap_dps_register(struct dps *d, const struct dps_device *who, struct slice json,
                         struct dps_wait *w);
void __wrap_dps_poll(struct dps *d, const struct dps_device *who, struct slice operation_id,
                     struct dps_wait *w);
void __wrap_dps_lookup(struct dps *d, const struct dps_device *who, struct dps_wait *w);
void __wrap_dps_forget(struct dps *d, struct dps_wait *w);

void __wrap_dps_authenticate(struct dps *d, const struct dps_device *who, struct dps_wait *w)
{
    (void)d;
    assert(who->registration_id.len && who->tpm.len <= DPS_TPM_MAX);
    ask(HOME_DPS, w);
}

void __wrap_dps_challenge(struct dps *d, const struct dps_device *who, struct dps_wait *w)
{
    (void)d;
    assert(who->registration_id.len <= DPS_ID_MAX && who->tpm.len <= DPS_TPM_MAX && who->tpm.len);
    ask(HOME_CHALLENGE, w);
}

void __wrap_dps_register(struct dps *d, const struct dps_device *who, struct slice json,
                         struct dps_wait *w)
{
    (void)json;
    __wrap_dps_authenticate(d, who, w);
}

void __wrap_dps_poll(struct dps *d, const struct dps_device *who, struct slice operation_id,
                     struct dps_wait *w)
{
    (void)operation_id;
    __wrap_dps_authenticate(d, who, w);
}

void __wrap_dps_lookup(struct dps *d, const struct dps_device *who, struct dps_wait *w)
{
    __wrap_dps_authenticate(d, who, w);
}

void __wrap_dps_forget(struct dps *d, struct dps_wait *w)
{
    unsigned forgotten = drop(w);
    (void)d;
    assert(forgotten == 1);
}

static void answer_dps(struct dps_wait *w, unsigned how)
{
    static const enum dps_code codes[] = {DPS_OK,           DPS_ACCEPTED,     DPS_UNAUTHORIZED,
                                          DPS_BAD_ARGUMENT, DPS_TOO_LARGE,    DPS_THROTTLED,
                                          DPS_PRECONDITION, DPS_SERVER_ERROR, DPS_NO_ENROLLMENT};
    enum dps_code code = codes[how % (sizeof codes / sizeof *codes)];
    struct buf body = {0};
    if (code < 1000)
        buf_put_str(&body, "{\"status\":\"assigning\"}");
    else
        dps_error_write(&body, code, SLICE_LIT("it is \"so\""));
    w->fn(w, &(struct dps_answer){.code = code, .body = buf_slice(&body)});
    buf_free(&body);
}

uint8_t home_blob_at(size_t at)
{
    return (uint8_t)(at * 7 + at / 256);
}

static void answer_challenge(struct dps_wait *w, unsigned how)
{
    struct buf blob = {0};
    for (size_t i = 0; i < home.blob_len; i++) buf_put_u8(&blob, home_blob_at(i));
    home.proved = how == 0;
    w->fn(w,
          &(struct dps_answer){.code = how ? DPS_UNAUTHORIZED : DPS_OK, .body = buf_slice(&blob)});
    buf_free(&blob);
}

/* ---- all of them */

bool home_answer(unsigned how)
{
    if (home.wait_count == 0) return false;
    struct home_wait w = take(0);
    switch (w.what) {
    case HOME_SESSION: answer_session(how); break;
    case HOME_FEATURES: home.session->owner->subscribed(w.who, 0, home.features, OK); break;
    case HOME_TWIN: answer_twin(w.who, how); break;
    case HOME_DPS: answer_dps(w.who, how); break;
    case HOME_CHALLENGE: answer_challenge(w.who, how); break;
    }
    return true;
}

void home_init(void)
{
    home = (struct home){0};
}

void home_fini(void)
{
    assert(home.session == NULL && home.wait_count == 0 && home.pending_count == 0);
}

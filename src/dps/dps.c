/* dps.c - verbs on their way to the home of what they are about, and back. */
#include "dps/dps.h"
#include "dps/attempts.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/rand.h"
#include "base/text.h"
#include "dps/call.h"
#include "dps/dps_sql.h"
#include "dps/latency.h"
#include "dps/revoke.h"

COUNTER(calls_refused, "azimuth_dps_calls_refused_total",
        "Calls of device provisioning refused because too many were under way");
GAUGE(calls_now, "azimuth_dps_calls", "Calls of device provisioning under way");

/* ---- codes */

static const struct {
    unsigned code;
    const char *name;
} codes[] = {
    {DPS_NO_VERSION, "InvalidProtocolVersion"},
    {DPS_BAD_ARGUMENT, "ArgumentInvalid"},
    {DPS_BAD_ENDORSEMENT_KEY, "InvalidEndorsementKey"},
    {DPS_BAD_REGISTRATION_ID, "InvalidRegistrationId"},
    {DPS_BAD_STORAGE_ROOT_KEY, "InvalidStorageRootKey"},
    {DPS_BAD_GROUP_ID, "InvalidEnrollmentGroupId"},
    {DPS_ID_DEFINED_MULTIPLE_TIMES, "RegistrationIdDefinedMultipleTimes"},
    {DPS_HUB_NOT_LINKED, "LinkedHubNotFound"},
    {DPS_ALLOCATION_FAILED, "CustomAllocationFailed"},
    {DPS_ALLOCATION_NO_HUB, "CustomAllocationIotHubNotSpecified"},
    {DPS_ALLOCATION_UNAUTHORIZED, "CustomAllocationUnauthorizedAccess"},
    {DPS_UNAUTHORIZED, "Unauthorized"},
    {DPS_TOO_MANY_ENROLLMENTS, "TooManyEnrollments"},
    {DPS_TOO_MANY_HUBS, "TooManyLinkedHubs"},
    {DPS_NO_ENROLLMENT, "EnrollmentNotFound"},
    {DPS_NO_REGISTRATION, "DeviceRegistrationNotFound"},
    {DPS_NO_OPERATION, "AsyncOperationNotFound"},
    {DPS_NO_GROUP, "EnrollmentGroupNotFound"},
    {DPS_NO_CERTIFICATE, "CertificateAuthorityNotFound"},
    {DPS_NO_HUB, "LinkedHubNotFound"},
    {DPS_ENROLLMENT_CONFLICT, "EnrollmentConflict"},
    {DPS_GROUP_CONFLICT, "EnrollmentGroupConflict"},
    {DPS_REGISTRATION_CONFLICT, "RegistrationStatusConflict"},
    {DPS_HUB_CONFLICT, "LinkedHubConflict"},
    {DPS_PRECONDITION, "PreconditionFailed"},
    {DPS_TOO_LARGE, "MessageTooLarge"},
    {DPS_THROTTLED, "ThrottlingException"},
    {DPS_SERVER_ERROR, "ServerError"},
    {DPS_HUB_FAILED, "BadGateway"},
    {DPS_UNAVAILABLE, "ServiceUnavailable"},
};

static const char *code_name(unsigned code)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].code == code) return codes[i].name;
    return "ServerError";
}

void dps_error_write(struct buf *out, unsigned code, struct slice text)
{
    char id[RAND_GUID_LEN + 1], iso[CLOCK_ISO_LEN + 1];
    rand_guid(id);
    clock_iso(clock_wall_us(), iso);
    buf_printf(out, "{\"errorCode\":%u,\"trackingId\":\"%s\",\"message\":", code, id);
    text_json_untrusted(out, text);
    buf_printf(out, ",\"info\":{\"errorName\":\"%s\"},\"timestampUtc\":\"%s\"}", code_name(code),
               iso);
}

/* ---- at home: answering */

static void put(struct done_msg *done, size_t *at, struct slice bytes)
{
    if (bytes.len) memcpy(done->bytes + *at, bytes.ptr, bytes.len);
    *at += bytes.len;
}

static struct msg *done_msg_new(const struct dps_answer *a)
{
    size_t at = 0, len = a->body.len + a->etag.len + a->operation_id.len + a->continuation.len;
    struct msg *reply = msg_new(DPS_DONE, sizeof(struct done_msg) + len);
    struct done_msg *done = (void *)reply->body;
    *done = (struct done_msg){.code = a->code,
                              .body_len = (uint32_t)a->body.len,
                              .etag_len = (uint32_t)a->etag.len,
                              .operation_len = (uint32_t)a->operation_id.len,
                              .continuation_len = (uint32_t)a->continuation.len};
    put(done, &at, a->body);
    put(done, &at, a->etag);
    put(done, &at, a->operation_id);
    put(done, &at, a->continuation);
    return reply;
}

static void answer(struct dps *d, const struct msg *m, const struct dps_answer *a)
{
    post_reply(d->lane, m, done_msg_new(a));
}

void dps_answer_later(struct dps *d, struct dps_wait *w, const struct dps_answer *a)
{
    w->slot = slot_new(d->lane, w);
    post(d->lane, lane_addr(d->lane), w->slot, done_msg_new(a));
}

static void end(struct call *c)
{
    revoke_drop(c);
    list_remove(&c->node);
    metric_set(&calls_now, --c->dps->call_count);
    if (c->slot.gen) slot_free(c->dps->lane, c->slot);
    msg_free(c->m);
    arena_wipe(&c->arena);
    mem_wipe(&c->enrollment, sizeof c->enrollment);
    mem_wipe(&c->next, sizeof c->next);
    free(c);
}

void dps_call_answer(struct call *c, const struct dps_answer *a)
{
    answer(c->dps, c->m, a);
    end(c);
}

void dps_call_answer_json(struct call *c, unsigned code, struct slice body)
{
    dps_call_answer(c, &(struct dps_answer){.code = code, .body = body});
}

static void refuse(struct dps *d, const struct msg *m, unsigned code, const char *text)
{
    struct buf body = {0};
    dps_error_write(&body, code, slice_str(text));
    answer(d, m, &(struct dps_answer){.code = code, .body = buf_slice(&body)});
    buf_free(&body);
}

void dps_call_fail(struct call *c, unsigned code, const char *text)
{
    refuse(c->dps, c->m, code, text);
    end(c);
}

void dps_call_fail_store(struct call *c, enum err e)
{
    static const char *const later = "the store does not take it now";
    switch (e) {
    case ERR_THROTTLED:
    case ERR_FULL: dps_call_fail(c, DPS_THROTTLED, later); break;
    case ERR_TOO_BIG: dps_call_fail(c, DPS_TOO_LARGE, "it is more than the store takes"); break;
    case ERR_CORRUPT:
        dps_call_fail(c, DPS_SERVER_ERROR,
                      "what is stored of it cannot be read: delete it, or restore a backup");
        break;
    default: dps_call_fail(c, DPS_UNAVAILABLE, later); break;
    }
}

/* ---- at home: asking the store */

struct call *dps_call_of_wait(struct store_wait *w)
{
    return CONTAINER_OF(w, struct call, wait);
}

void dps_call_ask(struct call *c, struct store_request *r,
                  void (*fn)(struct store_wait *w, struct store_answer *a))
{
    c->wait.fn = fn;
    store_ask(c->dps->hub->store, c->dps->lane, r, &c->wait);
}

void dps_call_load(struct call *c, void (*fn)(struct store_wait *w, struct store_answer *a))
{
    struct store_request q;
    store_begin_query(&q, &sql_dps_registration_load);
    store_put_text(&q, "id_lower", c->id_lower);
    dps_call_ask(c, &q, fn);
}

enum err dps_call_take_enrollment(struct call *c, enum dps_kind kind, const struct store_value *col)
{
    enum err e = enrollment_of_row(&c->arena, kind, col, &c->enrollment);
    if (e == ERR_CORRUPT && c->head->verb == VERB_ENROLLMENT_DELETE) e = OK;
    c->has_enrollment = e == OK;
    return e;
}

bool dps_call_loaded(struct call *c, struct store_answer *a)
{
    enum err e = a->err;
    if (e == OK && !store_next(a)) e = ERR_CORRUPT;
    if (e == OK && a->col[0].type != STORE_NULL)
        e = dps_call_take_enrollment(c, DPS_INDIVIDUAL, a->col);
    if (e == OK) c->has_registration = registration_of_row(&c->arena, a->col + 4, &c->registration);
    if (e != OK) dps_call_fail_store(c, e);
    return e == OK;
}

const struct json *dps_call_doc(struct call *c)
{
    struct json *doc;
    if (c->doc == NULL && c->json.len && json_parse(&c->arena, c->json, &doc) == OK) c->doc = doc;
    return c->doc;
}

/* ---- at home: changing what every core has */

void dps_call_tell_cores(struct call *c, enum dps_message kind, const struct group_row *row,
                         void (*fn)(struct call *c))
{
    const struct hub *hub = c->dps->hub;
    c->slot = slot_new(c->dps->lane, c);
    c->cores_left = hub->core_count;
    c->applied = fn;
    for (unsigned core = 0; core < hub->core_count; core++)
        post(c->dps->lane, c->slot, (struct addr){.lane = hub->cores[core]},
             group_msg_new(kind, row));
}

/* ---- at home: calls */

static struct slice take(const struct call_msg *head, size_t *at, uint32_t len)
{
    struct slice s = slice_of(head->bytes + *at, len);
    *at += len;
    return s;
}

static void read_call(struct call *c)
{
    size_t at = 0;
    c->head = (const void *)c->m->body;
    struct slice certificate = take(c->head, &at, c->head->certificate_len);
    c->certificate = certificate.len ? (const void *)certificate.ptr : NULL;
    c->id = take(c->head, &at, c->head->id_len);
    c->text = take(c->head, &at, c->head->text_len);
    c->token = take(c->head, &at, c->head->token_len);
    c->tpm = take(c->head, &at, c->head->tpm_len);
    c->json = take(c->head, &at, c->head->json_len);
    c->peer = take(c->head, &at, c->head->peer_len);
}

static void run(struct call *c)
{
    static void (*const verbs[VERBS])(struct call *) = {
        [VERB_AUTHENTICATE] = device_verb,
        [VERB_CHALLENGE] = device_verb,
        [VERB_REGISTER] = device_verb,
        [VERB_POLL] = device_verb,
        [VERB_LOOKUP] = device_verb,
        [VERB_ENROLLMENT_GET] = enrollment_verb_get,
        [VERB_ENROLLMENT_PUT] = enrollment_verb_put,
        [VERB_ENROLLMENT_DELETE] = enrollment_verb_delete,
        [VERB_ENROLLMENT_ATTESTATION] = enrollment_verb_attestation,
        [VERB_REGISTRATION_GET] = registration_verb_get,
        [VERB_REGISTRATION_DELETE] = registration_verb_delete,
        [VERB_ENROLLMENT_QUERY] = query_verb,
        [VERB_REGISTRATION_QUERY] = query_verb,
        [VERB_HUB_LIST] = links_verb_list,
        [VERB_HUB_GET] = links_verb_get,
        [VERB_HUB_PUT] = links_verb_put,
        [VERB_HUB_DELETE] = links_verb_delete,
        [VERB_REVOKE] = revoke_verb,
        [VERB_ATTEMPTS] = attempts_verb,
    };
    bool of_all = c->head->verb == VERB_ENROLLMENT_QUERY || c->head->verb == VERB_HUB_LIST ||
                  c->head->verb == VERB_ATTEMPTS;
    if (!of_all && !dps_id_valid(c->id)) {
        dps_call_fail(c, c->head->kind == DPS_GROUP ? DPS_BAD_GROUP_ID : DPS_BAD_REGISTRATION_ID,
                      "an id has 1 to 128 letters, digits, '-', '.', '_' and ':', and ends with a "
                      "letter, a digit or '-'");
        return;
    }
    c->id_lower = dps_id_lower(&c->arena, c->id);
    verbs[c->head->verb](c);
}

static void on_call(void *ctx, struct lane *lane, struct msg *m)
{
    struct dps *d = ctx;
    (void)lane;
    if (d->call_count == DPS_CALLS_MAX) {
        metric_inc(&calls_refused);
        refuse(d, m, DPS_THROTTLED, "too many calls wait already");
        return;
    }
    struct call *c = NEW(struct call);
    msg_keep(m);
    c->dps = d;
    c->m = m;
    list_push(&d->calls, &c->node);
    metric_set(&calls_now, ++d->call_count);
    read_call(c);
    run(c);
}

static void on_apply(void *ctx, struct lane *lane, struct msg *m)
{
    struct dps *d = ctx;
    struct group_row row = group_msg_read(m);
    groups_apply(&d->groups, &row);
    post_reply(lane, m, msg_new(DPS_APPLIED, 0));
}

static void on_hub_apply(void *ctx, struct lane *lane, struct msg *m)
{
    struct dps *d = ctx;
    struct group_row row = group_msg_read(m);
    linked_apply(&d->linked, &row);
    post_reply(lane, m, msg_new(DPS_APPLIED, 0));
}

static void on_applied(void *ctx, struct lane *lane, struct msg *m)
{
    struct call *c = slot_get(lane, m->to);
    (void)ctx;
    if (c && --c->cores_left == 0) c->applied(c);
}

/* ---- on the caller's core */

void dps_forget(struct dps *d, struct dps_wait *w)
{
    slot_free(d->lane, w->slot);
}

void dps_answer(struct dps *d, const struct msg *m)
{
    struct dps_wait *w = slot_get(d->lane, m->to);
    const struct done_msg *done = (const void *)m->body;
    if (w == NULL) return;
    dps_forget(d, w);
    const uint8_t *at = done->bytes;
    struct dps_answer a = {.code = done->code, .body = slice_of(at, done->body_len)};
    a.etag = slice_of(at += done->body_len, done->etag_len);
    a.operation_id = slice_of(at += done->etag_len, done->operation_len);
    a.continuation = slice_of(at + done->operation_len, done->continuation_len);
    w->fn(w, &a);
}

static void on_done(void *ctx, struct lane *lane, struct msg *m)
{
    const struct dps_wait *w = slot_get(lane, m->to);
    if (w && w->unhurried)
        answer_late(ctx, m);
    else
        dps_answer(ctx, m);
}

struct ask {
    enum verb verb;
    enum dps_kind kind;
    struct slice id, text, token, tpm, json, peer;
    unsigned top;
    enum hub_protocol protocol;
    const struct x509_facts *certificate;
};

static void copy(uint8_t **at, struct slice bytes)
{
    if (bytes.ptr) memcpy(*at, bytes.ptr, bytes.len);
    *at += bytes.len;
}

static struct msg *call_msg_new(const struct ask *ask)
{
    size_t facts = ask->certificate ? (x509_facts_size(ask->certificate) + 7) & ~(size_t)7 : 0;
    size_t len = sizeof(struct call_msg) + facts + ask->id.len + ask->text.len + ask->token.len +
                 ask->tpm.len + ask->json.len + ask->peer.len;
    struct msg *m = msg_new(DPS_CALL, len);
    struct call_msg *head = (void *)m->body;
    *head = (struct call_msg){.verb = ask->verb,
                              .kind = ask->kind,
                              .has_if_match = ask->text.ptr != NULL,
                              .top = ask->top,
                              .protocol = ask->protocol,
                              .certificate_len = (uint32_t)facts,
                              .id_len = (uint32_t)ask->id.len,
                              .text_len = (uint32_t)ask->text.len,
                              .token_len = (uint32_t)ask->token.len,
                              .tpm_len = (uint32_t)ask->tpm.len,
                              .json_len = (uint32_t)ask->json.len,
                              .peer_len = (uint32_t)ask->peer.len};
    uint8_t *at = head->bytes + facts;
    if (facts) memcpy(head->bytes, ask->certificate, x509_facts_size(ask->certificate));
    copy(&at, ask->id);
    copy(&at, ask->text);
    copy(&at, ask->token);
    copy(&at, ask->tpm);
    copy(&at, ask->json);
    copy(&at, ask->peer);
    return m;
}

/* The home of an id: it does not depend on its case.  Lists are the store's, whoever asks. */
static struct addr home_of(const struct dps *d, const struct ask *ask)
{
    uint8_t lower[DPS_ID_MAX];
    struct slice id = slice_head(ask->id, sizeof lower);
    if (ask->verb == VERB_ENROLLMENT_QUERY || ask->verb == VERB_REGISTRATION_QUERY)
        return lane_addr(d->lane);
    if (ask->kind == DPS_GROUP) return (struct addr){.lane = d->hub->cores[0]};
    for (size_t i = 0; i < id.len; i++) {
        uint8_t byte = id.ptr[i];
        lower[i] = byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
    }
    return hub_home(d->hub, slice_of(lower, id.len));
}

static void send(struct dps *d, struct ask ask, struct dps_wait *w)
{
    ON_LANE(d->lane);
    ask.id = slice_head(ask.id, DPS_ID_MAX + 1); /* too long stays too long */
    w->slot = slot_new(d->lane, w);
    post(d->lane, w->slot, home_of(d, &ask), call_msg_new(&ask));
}

static void send_device(struct dps *d, enum verb verb, const struct dps_device *who,
                        struct slice text, struct slice json, struct dps_wait *w)
{
    send(d,
         (struct ask){.verb = verb,
                      .id = who->registration_id,
                      .text = text,
                      .token = slice_head(who->token, SAS_TOKEN_MAX + 1),
                      .tpm = slice_head(who->tpm, DPS_TPM_MAX + 1),
                      .json = json,
                      .protocol = who->protocol,
                      .certificate = who->certificate,
                      .peer = who->peer},
         w);
}

void dps_authenticate(struct dps *d, const struct dps_device *who, struct dps_wait *w)
{
    send_device(d, VERB_AUTHENTICATE, who, SLICE_NONE, SLICE_NONE, w);
}

void dps_challenge(struct dps *d, const struct dps_device *who, struct dps_wait *w)
{
    send_device(d, VERB_CHALLENGE, who, SLICE_NONE, SLICE_NONE, w);
}

void dps_register(struct dps *d, const struct dps_device *who, struct slice json,
                  struct dps_wait *w)
{
    send_device(d, VERB_REGISTER, who, SLICE_NONE, json, w);
}

void dps_poll(struct dps *d, const struct dps_device *who, struct slice operation_id,
              struct dps_wait *w)
{
    send_device(d, VERB_POLL, who, slice_head(operation_id, DPS_OPERATION_ID_MAX + 1), SLICE_NONE,
                w);
}

void dps_lookup(struct dps *d, const struct dps_device *who, struct dps_wait *w)
{
    send_device(d, VERB_LOOKUP, who, SLICE_NONE, SLICE_NONE, w);
}

static void send_service(struct dps *d, struct ask ask, struct dps_wait *w)
{
    if (ask.text.len > DPS_ETAG_MAX) ask.text = SLICE_LIT("");
    send(d, ask, w);
}

void dps_enrollment_get(struct dps *d, enum dps_kind kind, struct slice id, struct dps_wait *w)
{
    send_service(d, (struct ask){.verb = VERB_ENROLLMENT_GET, .kind = kind, .id = id}, w);
}

void dps_enrollment_put(struct dps *d, enum dps_kind kind, struct slice id, struct slice if_match,
                        struct slice json, struct dps_wait *w)
{
    send_service(
        d,
        (struct ask){
            .verb = VERB_ENROLLMENT_PUT, .kind = kind, .id = id, .text = if_match, .json = json},
        w);
}

void dps_enrollment_delete(struct dps *d, enum dps_kind kind, struct slice id,
                           struct slice if_match, struct dps_wait *w)
{
    send_service(
        d, (struct ask){.verb = VERB_ENROLLMENT_DELETE, .kind = kind, .id = id, .text = if_match},
        w);
}

void dps_enrollment_attestation(struct dps *d, enum dps_kind kind, struct slice id,
                                struct dps_wait *w)
{
    send_service(d, (struct ask){.verb = VERB_ENROLLMENT_ATTESTATION, .kind = kind, .id = id}, w);
}

static void send_query(struct dps *d, struct ask ask, const struct dps_page *page,
                       struct dps_wait *w)
{
    ask.text = slice_head(page->continuation, DPS_CONTINUATION_MAX + 1);
    ask.json = page->json;
    ask.top = page->top;
    send(d, ask, w);
}

void dps_enrollment_query(struct dps *d, enum dps_kind kind, const struct dps_page *page,
                          struct dps_wait *w)
{
    send_query(d, (struct ask){.verb = VERB_ENROLLMENT_QUERY, .kind = kind}, page, w);
}

void dps_registration_query(struct dps *d, struct slice group_id, const struct dps_page *page,
                            struct dps_wait *w)
{
    send_query(d, (struct ask){.verb = VERB_REGISTRATION_QUERY, .kind = DPS_GROUP, .id = group_id},
               page, w);
}

void dps_group_revoke(struct dps *d, struct slice group_id, struct slice json, struct dps_wait *w)
{
    send_service(
        d, (struct ask){.verb = VERB_REVOKE, .kind = DPS_GROUP, .id = group_id, .json = json}, w);
}

/* A group's home is the first core, and so is that of the linked hubs and the attempts. */
void dps_hub_list(struct dps *d, struct dps_wait *w)
{
    send_service(d, (struct ask){.verb = VERB_HUB_LIST, .kind = DPS_GROUP}, w);
}

void dps_attempts(struct dps *d, struct dps_wait *w)
{
    send_service(d, (struct ask){.verb = VERB_ATTEMPTS, .kind = DPS_GROUP}, w);
}

void dps_hub_get(struct dps *d, struct slice name, struct dps_wait *w)
{
    send_service(d, (struct ask){.verb = VERB_HUB_GET, .kind = DPS_GROUP, .id = name}, w);
}

void dps_hub_put(struct dps *d, struct slice name, struct slice if_match, struct slice json,
                 struct dps_wait *w)
{
    send_service(
        d,
        (struct ask){
            .verb = VERB_HUB_PUT, .kind = DPS_GROUP, .id = name, .text = if_match, .json = json},
        w);
}

void dps_hub_delete(struct dps *d, struct slice name, struct slice if_match, struct dps_wait *w)
{
    send_service(
        d, (struct ask){.verb = VERB_HUB_DELETE, .kind = DPS_GROUP, .id = name, .text = if_match},
        w);
}

void dps_registration_get(struct dps *d, struct slice registration_id, struct dps_wait *w)
{
    send_service(d, (struct ask){.verb = VERB_REGISTRATION_GET, .id = registration_id}, w);
}

void dps_registration_delete(struct dps *d, struct slice registration_id, struct slice if_match,
                             struct dps_wait *w)
{
    send_service(
        d, (struct ask){.verb = VERB_REGISTRATION_DELETE, .id = registration_id, .text = if_match},
        w);
}

/* ---- life */

const struct hub *dps_hub(const struct dps *d)
{
    return d->hub;
}

enum err dps_new(const struct hub *hub, struct lane *lane, const struct dps_doors *doors,
                 struct dps **out)
{
    struct dps *d = NEW(struct dps);
    d->hub = hub;
    d->lane = lane;
    d->doors = *doors;
    rand_bytes(d->secret, sizeof d->secret);
    d->latency = latency_new(d);
    list_init(&d->calls);
    list_init(&d->bulks);
    list_init(&d->late);
    enum err e = groups_load(&d->groups, hub->store);
    if (e == OK) e = linked_load(&d->linked, hub);
    if (e == OK) dps_counters_init(&d->counters, hub);
    if (e != OK) {
        dps_free(d);
        return e;
    }
    lane_on(lane, DPS_CALL, on_call, d);
    lane_on(lane, DPS_DONE, on_done, d);
    lane_on(lane, DPS_GROUP_APPLY, on_apply, d);
    lane_on(lane, DPS_HUB_APPLY, on_hub_apply, d);
    lane_on(lane, DPS_APPLIED, on_applied, d);
    lane_on(lane, DPS_ATTEMPT, attempts_on_note, d);
    *out = d;
    return OK;
}

void dps_free(struct dps *d)
{
    if (d == NULL) return;
    LIST_EACH(node, &d->calls) end(CONTAINER_OF(node, struct call, node));
    bulks_free(d);
    late_free(d);
    operations_free(d);
    latency_free(d->latency);
    groups_fini(&d->groups);
    linked_fini(&d->linked);
    attempts_free(&d->attempts);
    dps_counters_free(&d->counters);
    mem_wipe(d->secret, sizeof d->secret);
    free(d);
}

/* verbs.c - asking: to the identity's home with a question, back with the answer; and reading there. */
#include <stdlib.h>

#include "hub/etag.h"
#include "hub/registry/message.h"

/* ---- messages */

static uint8_t *put_bytes(uint8_t *at, struct slice bytes)
{
    if (bytes.ptr) memcpy(at, bytes.ptr, bytes.len);
    return at + bytes.len;
}

struct msg *write_msg_new(const struct write *w)
{
    size_t len = w->who.len + w->if_match.len + w->json.len + w->twin.len + w->token.len;
    struct msg *m = msg_new(REGISTRY_WRITE, sizeof(struct write_msg) + len);
    struct write_msg *body = (void *)m->body;
    body->mode = w->mode;
    body->has_match = w->if_match.ptr != NULL;
    body->has_token = w->token.ptr != NULL;
    body->who_len = (uint32_t)w->who.len;
    body->match_len = (uint32_t)w->if_match.len;
    body->json_len = (uint32_t)w->json.len;
    body->twin_len = (uint32_t)w->twin.len;
    uint8_t *json = put_bytes(put_bytes(body->bytes, w->who), w->if_match);
    put_bytes(put_bytes(put_bytes(json, w->json), w->twin), w->token);
    return m;
}

struct write write_msg_read(const struct msg *m)
{
    const struct write_msg *body = (const void *)m->body;
    const uint8_t *match = body->bytes + body->who_len, *json = match + body->match_len;
    const uint8_t *twin = json + body->json_len, *token = twin + body->twin_len;
    size_t token_len = m->len - (size_t)(token - m->body);
    return (struct write){.mode = body->mode,
                          .who = slice_of(body->bytes, body->who_len),
                          .if_match = slice_of(body->has_match ? match : NULL, body->match_len),
                          .json = slice_of(json, body->json_len),
                          .twin = slice_of(twin, body->twin_len),
                          .token = slice_of(body->has_token ? token : NULL, token_len)};
}

struct msg *ask_msg_new(unsigned kind, struct slice who, struct slice token)
{
    struct msg *m = msg_new(kind, sizeof(struct ask_msg) + who.len + token.len);
    struct ask_msg *body = (void *)m->body;
    body->has_token = token.ptr != NULL;
    body->who_len = (uint32_t)who.len;
    put_bytes(put_bytes(body->bytes, who), token);
    return m;
}

struct ask ask_msg_read(const struct msg *m)
{
    const struct ask_msg *body = (const void *)m->body;
    const uint8_t *token = body->bytes + body->who_len;
    size_t token_len = m->len - (size_t)(token - m->body);
    return (struct ask){.who = slice_of(body->bytes, body->who_len),
                        .token = slice_of(body->has_token ? token : NULL, token_len)};
}

static struct msg *done_msg_new(const struct registry_answer *a)
{
    size_t len = a->etag.len + a->body.len + a->text.len;
    struct msg *m = msg_new(REGISTRY_DONE, sizeof(struct done_msg) + len);
    struct done_msg *body = (void *)m->body;
    body->status = a->status;
    body->twin = a->twin;
    body->partly = a->partly;
    body->etag_len = (uint32_t)a->etag.len;
    body->body_len = (uint32_t)a->body.len;
    body->text_len = (uint32_t)a->text.len;
    put_bytes(put_bytes(put_bytes(body->bytes, a->etag), a->body), a->text);
    return m;
}

static struct registry_answer done_msg_read(const struct msg *m)
{
    const struct done_msg *body = (const void *)m->body;
    const uint8_t *json = body->bytes + body->etag_len, *text = json + body->body_len;
    return (struct registry_answer){.status = body->status,
                                    .twin = body->twin,
                                    .partly = body->partly,
                                    .etag = slice_of(body->bytes, body->etag_len),
                                    .body = slice_of(json, body->body_len),
                                    .text = slice_of(text, body->text_len)};
}

void answer_done(struct registry *r, const struct msg *m, const struct registry_answer *a)
{
    post_reply(r->lane, m, done_msg_new(a));
}

void answer_refusing(struct registry *r, const struct msg *m, enum status status, const char *text)
{
    answer_done(r, m, &(struct registry_answer){.status = status, .text = slice_str(text)});
}

void answer_load_error(struct registry *r, const struct msg *m, enum err e)
{
    if (e == ERR_NOT_FOUND)
        answer_refusing(r, m, STATUS_DEVICE_NOT_FOUND, "the device is not registered");
    else if (e == ERR_THROTTLED)
        answer_refusing(r, m, STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED,
                        "too many calls wait, or the disk is nearly full; try again later");
    else
        answer_refusing(r, m, status_of_err(e), "the store does not answer");
}

void answer_invalid_id(struct registry *r, const struct msg *m)
{
    answer_refusing(r, m, STATUS_ARGUMENT_INVALID,
                    "an id has 1 to 128 letters, digits and - : . + % _ # * ? ! ( ) , = @ ; $ '");
}

void answer_unauthorized(struct registry *r, const struct msg *m)
{
    answer_refusing(r, m, STATUS_UNAUTHORIZED_ACCESS, "Unauthorized");
}

static void answer_no_module(struct registry *r, const struct msg *m)
{
    answer_refusing(r, m, STATUS_MODULE_NOT_FOUND, "the module is not registered");
}

/* ---- waiting */

void wait_begin(struct registry *r, struct registry_wait *w)
{
    ON_LANE(r->lane);
    w->slot = slot_new(r->lane, w);
}

void registry_forget(struct registry *r, struct registry_wait *w)
{
    slot_free(r->lane, w->slot);
}

/* By post, so that nobody is called before the verb that he called has returned. */
void answer_wait(struct registry *r, struct addr wait, const struct registry_answer *a)
{
    post(r->lane, lane_addr(r->lane), wait, done_msg_new(a));
}

static void on_done(void *ctx, struct lane *lane, struct msg *m)
{
    struct registry_wait *w = slot_get(lane, m->to);
    struct registry_answer a = done_msg_read(m);
    if (w == NULL) return;
    registry_forget(ctx, w);
    w->fn(w, &a);
}

void send_home(struct registry *r, struct slice who, struct msg *m, struct registry_wait *w)
{
    wait_begin(r, w);
    post(r->lane, w->slot, hub_home(r->hub, who), m);
}

/* ---- reading, at home */

struct read_op {
    struct op op;
    struct registry_load load;
    struct registry *registry;
    struct msg *m;
};

static void drop_read(struct op *op)
{
    struct read_op *o = CONTAINER_OF(op, struct read_op, op);
    msg_free(o->m);
    free(o);
}

void answer_identity(struct registry *r, const struct msg *m, const struct identity *id)
{
    struct buf json = BUF_SECRET;
    char etag[ETAG_MAX + 1];
    struct presence presence = identity_presence(r, id);
    identity_write(&json, id, &presence);
    etag_of_number(id->etag, etag);
    answer_done(r, m, &(struct registry_answer){.etag = slice_str(etag), .body = buf_slice(&json)});
    buf_wipe(&json);
}

static void end_read(struct read_op *o)
{
    op_end(&o->op);
    drop_read(&o->op);
}

static void on_read_loaded(struct registry_load *load, const struct identity *id, enum err e)
{
    struct read_op *o = CONTAINER_OF(load, struct read_op, load);
    if (id)
        answer_identity(o->registry, o->m, id);
    else if (e == ERR_NOT_FOUND && hub_module_of(ask_msg_read(o->m).who).len)
        answer_no_module(o->registry, o->m);
    else
        answer_load_error(o->registry, o->m, e);
    end_read(o);
}

/* A module's device comes first: it must be there, and may be who asks. */
static void on_read_device(struct registry_load *load, const struct identity *device, enum err e)
{
    struct read_op *o = CONTAINER_OF(load, struct read_op, load);
    struct ask ask = ask_msg_read(o->m);
    if (e == OK && (ask.token.ptr == NULL || token_is_of(o->registry, ask.token, device))) {
        registry_load(o->registry, ask.who, &o->load, on_read_loaded);
        return;
    }
    if (e == OK)
        answer_unauthorized(o->registry, o->m);
    else
        answer_load_error(o->registry, o->m, e);
    end_read(o);
}

static void on_read(void *ctx, struct lane *lane, struct msg *m)
{
    struct ask ask = ask_msg_read(m);
    bool is_device = hub_module_of(ask.who).len == 0;
    (void)lane;
    if (!hub_who_valid(ask.who)) {
        answer_invalid_id(ctx, m);
        return;
    }
    struct read_op *o = NEW(struct read_op);
    msg_keep(m);
    o->registry = ctx;
    o->m = m;
    op_begin(ctx, &o->op, drop_read);
    if (is_device && ask.token.ptr == NULL)
        registry_load(ctx, ask.who, &o->load, on_read_loaded);
    else
        registry_load(ctx, hub_device_of(ask.who), &o->load, on_read_device);
}

void verbs_join(struct registry *r)
{
    lane_on(r->lane, REGISTRY_DONE, on_done, r);
    lane_on(r->lane, REGISTRY_READ, on_read, r);
}

/* ---- verbs */

void registry_get(struct registry *r, struct slice who, struct registry_wait *w)
{
    send_home(r, who, ask_msg_new(REGISTRY_READ, who, w->token), w);
}

void registry_put(struct registry *r, struct slice who, struct slice if_match, struct slice json,
                  struct registry_wait *w)
{
    if_match = etag_of_put(if_match);
    struct write write = {.mode = if_match.ptr ? WRITE_MAY_UPDATE : WRITE_MAY_CREATE,
                          .who = who,
                          .if_match = if_match,
                          .json = json,
                          .token = w->token};
    send_home(r, who, write_msg_new(&write), w);
}

void registry_delete(struct registry *r, struct slice who, struct slice if_match,
                     struct registry_wait *w)
{
    struct write write = {
        .mode = WRITE_DELETES, .who = who, .if_match = if_match, .token = w->token};
    send_home(r, who, write_msg_new(&write), w);
}

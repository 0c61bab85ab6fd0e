/* desk.c - the connection's side of a session. */
#include <stdio.h>

#include "hub/session/message.h"
#include "log/log.h"

const char *session_cause_name(enum session_cause cause)
{
    static const char *const names[SESSION_CAUSES] = {
        [SESSION_GRANTED] = "granted",         [SESSION_TAKEN_OVER] = "taken-over",
        [SESSION_UNKNOWN] = "unknown-device",  [SESSION_DISABLED] = "disabled",
        [SESSION_KEY_CHANGED] = "key-changed", [SESSION_BAD_TOKEN] = "bad-token",
        [SESSION_WRONG_KIND] = "wrong-kind",   [SESSION_UNAVAILABLE] = "unavailable",
    };
    return names[cause];
}

static struct slice id_of(const struct session *s)
{
    return slice_str(s->device_id);
}

static void tell_home(struct session_desk *desk, struct addr from, unsigned kind, struct slice id)
{
    struct msg *m = msg_new(kind, id.len);
    memcpy(m->body, id.ptr, id.len);
    post(desk->lane, from, hub_home(desk->hub, id), m);
}

/* Home opened a session whose connection is gone meanwhile: home must forget it again. */
static void on_opened(void *ctx, struct lane *lane, struct msg *m)
{
    struct session_desk *desk = ctx;
    const struct session_opened *answer = (const void *)m->body;
    struct session *s = slot_get(lane, m->to);
    if (s) {
        s->granted = answer->cause == SESSION_GRANTED;
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
    struct session *s = slot_get(lane, m->to);
    (void)ctx;
    memcpy(&cause, m->body, sizeof cause);
    if (s) s->owner->close(s, cause);
}

void session_desk_init(struct session_desk *desk, const struct hub *hub, struct lane *lane,
                       struct log_writer *writer)
{
    *desk = (struct session_desk){hub, lane, writer};
    lane_on(lane, SESSION_OPENED, on_opened, desk);
    lane_on(lane, SESSION_CLOSE, on_close, desk);
}

void session_open(struct session *s, struct session_desk *desk, const struct session_owner *owner,
                  enum session_protocol protocol, struct slice device_id, struct slice token)
{
    *s = (struct session){.desk = desk, .owner = owner};
    s->slot = slot_new(desk->lane, s);
    snprintf(s->device_id, sizeof s->device_id, "%.*s", SLICE_ARG(device_id));
    struct msg *m =
        msg_new(SESSION_OPEN, sizeof(struct session_open_msg) + device_id.len + token.len);
    struct session_open_msg *body = (void *)m->body;
    body->protocol = protocol;
    body->id_len = (uint32_t)device_id.len;
    body->token_len = (uint32_t)token.len;
    memcpy(body->bytes, device_id.ptr, device_id.len);
    if (token.len) memcpy(body->bytes + device_id.len, token.ptr, token.len);
    post(desk->lane, s->slot, hub_home(desk->hub, device_id), m);
}

void session_end(struct session *s)
{
    if (s->desk == NULL) return;
    slot_free(s->desk->lane, s->slot);
    if (s->granted) {
        log_flush(s->desk->writer);
        tell_home(s->desk, s->slot, SESSION_ENDED, id_of(s));
    }
    s->desk = NULL;
}

void session_active(struct session *s)
{
    tell_home(s->desk, s->slot, SESSION_ACTIVE, id_of(s));
}

/* show.c - who is connected, for those who ask: one question to the identity's home, one answer. */
#include "hub/session/show.h"

#include <string.h>

/* The answer: this, and behind it the peer and what it says that it is. */
struct shown_msg {
    struct session_shown shown;
    uint32_t peer_len, sdk_len;
    uint8_t bytes[];
};

/* ---- at home */

struct msg *show_answer(const struct session_shown *shown)
{
    size_t len = shown->peer.len + shown->sdk.len;
    struct msg *m = msg_new(SESSION_SHOWN, sizeof(struct shown_msg) + len);
    struct shown_msg *body = (void *)m->body;
    body->shown = *shown;
    body->peer_len = (uint32_t)shown->peer.len;
    body->sdk_len = (uint32_t)shown->sdk.len;
    if (shown->peer.len) memcpy(body->bytes, shown->peer.ptr, shown->peer.len);
    if (shown->sdk.len) memcpy(body->bytes + shown->peer.len, shown->sdk.ptr, shown->sdk.len);
    return m;
}

/* ---- who asks */

static void on_shown(void *ctx, struct lane *lane, struct msg *m)
{
    const struct shown_msg *body = (const void *)m->body;
    struct session_show *w = slot_get(lane, m->to);
    struct session_shown shown = body->shown;
    (void)ctx;
    if (w == NULL) return;
    shown.peer = slice_of(body->bytes, body->peer_len);
    shown.sdk = slice_of(body->bytes + body->peer_len, body->sdk_len);
    session_show_forget(lane, w);
    w->fn(w, &shown);
}

void show_init(struct lane *lane)
{
    lane_on(lane, SESSION_SHOWN, on_shown, NULL);
}

void session_show(const struct hub *hub, struct lane *lane, struct slice who,
                  struct session_show *w)
{
    struct msg *m = msg_new(SESSION_SHOW, who.len);
    memcpy(m->body, who.ptr, who.len);
    w->slot = slot_new(lane, w);
    post(lane, w->slot, hub_home(hub, who), m);
}

void session_show_forget(struct lane *lane, struct session_show *w)
{
    slot_free(lane, w->slot);
}

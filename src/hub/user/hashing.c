/* hashing.c - one password after the other; each is wiped behind its hash. */
#include "hub/user/hashing.h"

#include "base/mem.h"

/* A struct password and the text behind it. */
static void on_ask(void *ctx, struct lane *lane, struct msg *m)
{
    struct password p;
    struct hashed done;
    (void)ctx;
    memcpy(&p, m->body, sizeof p);
    done.err = password_hash(&p, slice_from(msg_body(m), sizeof p), done.hash);
    mem_wipe(m->body, m->len);
    struct msg *reply = msg_new(HASHING_DONE, sizeof done);
    memcpy(reply->body, &done, sizeof done);
    post_reply(lane, m, reply);
    mem_wipe(&done, sizeof done);
}

void hashing_serve(struct lane *hashing)
{
    lane_on(hashing, HASHING_ASK, on_ask, NULL);
}

void hashing_ask(struct lane *lane, struct addr slot, const struct lane *hashing,
                 const struct password *p, struct slice text)
{
    struct msg *m = msg_new(HASHING_ASK, sizeof *p + text.len);
    memcpy(m->body, p, sizeof *p);
    if (text.len) memcpy(m->body + sizeof *p, text.ptr, text.len);
    post(lane, slot, lane_addr(hashing), m);
}

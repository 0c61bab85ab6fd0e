/* http_peer.c - requests and answers. */
#include "http_peer.h"

#include <stdlib.h>

#include "base/num.h"

static struct http_peer *of(struct client *c)
{
    return CONTAINER_OF(c, struct http_peer, client);
}

/* ---- answers */

struct slice http_answer_header(const struct http_answer *a, const char *name)
{
    struct slice rest = a->head, line;
    while (slice_split(&rest, '\n', &line)) {
        struct slice key;
        if (slice_split(&line, ':', &key) && slice_is_nocase(key, name)) return slice_trim(line);
    }
    return SLICE_NONE;
}

/* The end of the head, or 0: it is not there yet. */
static size_t head_len(struct slice in)
{
    for (size_t i = 0; i + 4 <= in.len; i++)
        if (memcmp(in.ptr + i, "\r\n\r\n", 4) == 0) return i + 4;
    return 0;
}

/* The whole length of the first answer in `in`, or 0: more has to come. */
static size_t parse(struct slice in, struct http_answer *out)
{
    uint64_t status = 0, length = 0;
    size_t head = head_len(in);
    if (head == 0) return 0;
    out->head = slice_head(in, head);
    assert(head > 12 && num_u64(slice_head(slice_from(in, 9), 3), &status) == OK);
    out->status = (unsigned)status;
    struct slice text = http_answer_header(out, "content-length");
    assert(http_answer_header(out, "transfer-encoding").len == 0);
    if (text.len && num_u64(text, &length) != OK) abort();
    out->body = slice_head(slice_from(in, head), length);
    return out->body.len == length ? head + length : 0;
}

static void hang_up(void *ctx, uint64_t connect)
{
    struct http_peer *p = ctx;
    if (p->client.connects == connect) client_hang_up(&p->client);
}

/* Its token ended by a step of the clock. */
static void overtaken(struct http_peer *p)
{
    p->actor->lost(p);
    world_at(world.now_us, hang_up, p, p->client.connects);
}

static void received(struct client *c, struct slice bytes)
{
    struct http_peer *p = of(c);
    struct http_answer a;
    buf_put_slice(&p->in, bytes);
    size_t len = parse(buf_slice(&p->in), &a);
    if (len == 0) return;
    if (p->asked == 0) {
        world_violated("an HTTP answer that nobody asked for: %.*s", SLICE_ARG(a.head));
        return;
    }
    struct buf whole = p->in; /* the actor may ask the next one */
    p->in = (struct buf){0};
    p->asked = 0;
    assert(len == buf_size(&whole));
    if (a.status == 401 && world.forward_us >= p->asked_us)
        overtaken(p);
    else
        p->actor->answered(p, &a);
    buf_free(&whole);
}

/* ---- connections */

static void up(struct client *c)
{
    struct http_peer *p = of(c);
    buf_clear(&p->in);
    p->actor->ready(p);
}

static void down(struct client *c)
{
    struct http_peer *p = of(c);
    bool waits = p->asked != 0;
    p->asked = 0;
    if (waits) p->actor->lost(p);
}

void http_peer_init(struct http_peer *p, const struct http_actor *actor, struct sim_hub *hub)
{
    static const struct client_actor client = {up, received, down};
    *p = (struct http_peer){.actor = actor};
    client_init(&p->client, &client, hub, WIRE_HTTP);
}

void http_peer_fini(struct http_peer *p)
{
    client_fini(&p->client);
    buf_free(&p->in);
}

/* ---- requests */

static void expect_answer(void *ctx, uint64_t request)
{
    struct http_peer *p = ctx;
    if (p->asked == request)
        world_violated("an HTTP request was not answered within %lld s",
                       CLIENT_PATIENCE_US / 1000000);
}

bool http_peer_idle(const struct http_peer *p)
{
    return p->client.link && p->asked == 0;
}

bool http_peer_ask(struct http_peer *p, const char *method, const char *path, const char *headers,
                   struct slice body)
{
    if (!http_peer_idle(p)) return false;
    p->asked = ++p->requests;
    p->asked_us = world.now_us;
    buf_printf(&p->client.out, "%s %s HTTP/1.1\r\nHost: hub.sim\r\n%sContent-Length: %zu\r\n\r\n",
               method, path, headers, body.len);
    buf_put_slice(&p->client.out, body);
    client_flush(&p->client);
    world_at(world.now_us + CLIENT_PATIENCE_US, expect_answer, p, p->asked);
    return true;
}

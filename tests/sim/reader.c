/* reader.c - receivers on partitions. */
#include "reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"

enum { CREDIT = 30, SLOW_PERCENT = 30, PAUSE_US_MAX = 20000, ANEW_PERCENT = 5 };

/* Instead of a sequence number. */
enum { FROM_THE_START = -1, AT_THE_END = -2 };

#define FILTER "apache.org:selector-filter:string"

static struct reader *of(struct amqp_peer *p)
{
    return CONTAINER_OF(p, struct reader, peer);
}

/* ---- the model */

static void stream_seen(struct model_stream *s, const struct reader *r, int64_t sequence,
                        struct slice body)
{
    size_t i = (size_t)sequence;
    while (i >= s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 256;
        s->bodies = mem_grow(s->bodies, cap * sizeof *s->bodies);
        memset(s->bodies + s->cap, 0, (cap - s->cap) * sizeof *s->bodies);
        s->cap = cap;
    }
    uint64_t hash = map_hash(body) | 1;
    if (s->bodies[i] && s->bodies[i] != hash)
        world_violated("partition %u: at %" PRId64 " there is something else than before",
                       r->partition, sequence);
    s->bodies[i] = hash;
}

/* ---- events */

static void give_credit(struct reader *r, unsigned credit)
{
    r->credit = credit;
    amqp_send_flow(r->link, credit, false);
}

static void take_next(void *ctx, uint64_t connect)
{
    struct reader *r = ctx;
    if (r->link == NULL || r->peer.client.connects != connect) return;
    give_credit(r, 1);
    client_flush(&r->peer.client);
}

static bool sequence_of(const struct amqp_message *m, int64_t *out)
{
    struct amqp_value v;
    return amqp_map_find(&m->annotations, "x-opt-sequence-number", &v) && amqp_integer(&v, out) &&
           *out >= 0;
}

static void on_event(struct reader *r, const struct amqp_delivery *in)
{
    struct amqp_message m;
    int64_t sequence;
    if (amqp_message_parse(in->payload, &m) != OK || !sequence_of(&m, &sequence)) {
        world_violated("partition %u: no event: %s", r->partition, fail_text());
        return;
    }
    if (sequence != r->last + 1 && r->last != AT_THE_END)
        world_violated("partition %u: event %" PRId64 " came after %" PRId64, r->partition,
                       sequence, r->last);
    stream_seen(r->model, r, sequence, m.data);
    r->last = sequence;
    r->seen++;
    if (r->credit > 0) r->credit--;
    if (r->slow)
        world_at(world.now_us + (int64_t)world_random(PAUSE_US_MAX), take_next, r,
                 r->peer.client.connects);
    else if (r->credit < CREDIT / 2)
        give_credit(r, CREDIT);
}

/* ---- the link */

static void put_filter(struct buf *out, int64_t last)
{
    char text[80];
    if (last == AT_THE_END)
        snprintf(text, sizeof text, "amqp.annotation.x-opt-offset > '@latest'");
    else
        snprintf(text, sizeof text, "amqp.annotation.x-opt-sequence-number > '%" PRId64 "'", last);
    struct amqp_open map = amqp_open_map(out);
    amqp_put_sym(out, FILTER);
    buf_put_u8(out, 0); /* described by its name */
    amqp_put_sym(out, FILTER);
    amqp_put_str(out, text);
    amqp_close(out, map, 2);
}

static void ready(struct amqp_peer *p)
{
    struct reader *r = of(p);
    struct buf filter = {0};
    char address[64];
    if (p->client.trouble && world_chance(ANEW_PERCENT))
        r->last = world_chance(50) ? FROM_THE_START : AT_THE_END;
    r->slow = p->client.trouble && world_chance(SLOW_PERCENT);
    put_filter(&filter, r->last);
    snprintf(address, sizeof address, "sim/ConsumerGroups/$Default/Partitions/%u", r->partition);
    struct amqp_link_config cfg = {.name = SLICE_LIT("reader"),
                                   .snd_mode = 1, /* settled */
                                   .source = slice_str(address),
                                   .filter = buf_slice(&filter),
                                   .target = SLICE_LIT("reader")};
    r->link = amqp_send_attach(p->session, &cfg);
    give_credit(r, r->slow ? 1 : CREDIT);
    buf_free(&filter);
}

static void hang_up(void *ctx, uint64_t connect)
{
    struct reader *r = ctx;
    if (r->peer.client.connects == connect) client_hang_up(&r->peer.client);
}

static void heard(struct amqp_peer *p, const struct amqp_event *ev)
{
    struct reader *r = of(p);
    if (ev->kind == AMQP_ON_DELIVERY && r->link) on_event(r, &ev->delivery);
    if (ev->kind != AMQP_ON_DETACH && ev->kind != AMQP_ON_END && ev->kind != AMQP_ON_CLOSE) return;
    r->link = NULL;
    world_at(world.now_us, hang_up, r, p->client.connects);
}

static void lost(struct amqp_peer *p)
{
    of(p)->link = NULL;
}

/* ---- all of them */

void reader_world_init(struct reader_world *w, struct sim_hub *hub)
{
    static const struct amqp_actor actor = {ready, heard, lost};
    *w = (struct reader_world){0};
    for (unsigned i = 0; i < READERS; i++) {
        struct reader *r = &w->readers[i];
        r->partition = i % READER_PARTITIONS;
        r->model = &w->streams[r->partition];
        r->last = world.casts == 1 ? FROM_THE_START : AT_THE_END;
        amqp_peer_init_service(&r->peer, &actor, hub);
    }
}

void reader_world_start(struct reader_world *w)
{
    for (unsigned i = 0; i < READERS; i++) client_start(&w->readers[i].peer.client);
}

void reader_world_verify(struct reader_world *w)
{
    for (unsigned i = 0; i < READERS; i++) {
        struct reader *r = &w->readers[i];
        r->peer.client.trouble = 0;
        r->last = FROM_THE_START;
        r->seen = 0;
        client_hang_up(&r->peer.client);
    }
}

uint64_t reader_world_seen(const struct reader_world *w)
{
    uint64_t seen = 0;
    for (unsigned i = 0; i < READERS; i++) seen += w->readers[i].seen;
    return seen;
}

void reader_world_fini(struct reader_world *w)
{
    for (unsigned i = 0; i < READERS; i++) amqp_peer_fini(&w->readers[i].peer);
    for (unsigned i = 0; i < READER_PARTITIONS; i++) free(w->streams[i].bodies);
}

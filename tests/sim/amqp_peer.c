/* amqp_peer.c - AMQP connections that come and go. */
#include "amqp_peer.h"

#include <stdio.h>

static const struct amqp_config config = {
    .role = AMQP_CLIENT, .container_id = "sim", .hostname = "hub.sim", .sasl = true};

static struct amqp_peer *of(struct client *c)
{
    return CONTAINER_OF(c, struct amqp_peer, client);
}

/* ---- signing in */

static void up(struct client *c)
{
    struct amqp_peer *p = of(c);
    p->session = NULL;
    amqp_init(&p->amqp, &config, &c->out, world.now_us);
}

static void sign_in(struct amqp_peer *p)
{
    struct buf token = {0}, response = {0};
    client_token(&p->client, p->policy, p->path, &token);
    buf_put_u8(&response, 0);
    buf_put_str(&response, p->user);
    buf_put_u8(&response, 0);
    buf_put_slice(&response, buf_slice(&token));
    amqp_send_sasl_init(&p->amqp, "PLAIN", buf_slice(&response));
    buf_free(&token);
    buf_free(&response);
}

static void take(struct amqp_peer *p, const struct amqp_event *ev)
{
    switch (ev->kind) {
    case AMQP_ON_SASL_MECHANISMS: sign_in(p); break;
    case AMQP_ON_SASL_OUTCOME:
        if (ev->outcome == 0)
            amqp_send_open(&p->amqp);
        else if (!client_overtaken(&p->client))
            world_violated("%s: SASL outcome %u", p->user, ev->outcome);
        break;
    case AMQP_ON_OPEN: amqp_send_begin(&p->amqp); break;
    case AMQP_ON_BEGIN:
        p->session = ev->session;
        p->actor->ready(p);
        break;
    default:
        if (p->session) p->actor->heard(p, ev);
    }
}

static void received(struct client *c, struct slice bytes)
{
    struct amqp_peer *p = of(c);
    struct amqp_event ev;
    enum err e;
    amqp_feed(&p->amqp, bytes, world.now_us);
    while ((e = amqp_next(&p->amqp, &ev)) == OK) take(p, &ev);
    if (e == ERR_PROTOCOL) world_violated("%s: the hub breaks AMQP: %s", p->user, fail_text());
    if (e != ERR_AGAIN) client_hang_up(c);
}

static void down(struct client *c)
{
    struct amqp_peer *p = of(c);
    bool was = p->session != NULL;
    p->session = NULL;
    amqp_fini(&p->amqp);
    if (was) p->actor->lost(p);
}

/* ---- life */

static void init(struct amqp_peer *p, const struct amqp_actor *actor, struct sim_hub *hub)
{
    static const struct client_actor client = {up, received, down};
    *p = (struct amqp_peer){.actor = actor};
    client_init(&p->client, &client, hub, WIRE_AMQP);
}

void amqp_peer_init_service(struct amqp_peer *p, const struct amqp_actor *actor,
                            struct sim_hub *hub)
{
    init(p, actor, hub);
    snprintf(p->policy, sizeof p->policy, "service");
    snprintf(p->user, sizeof p->user, "service@sas.root.sim");
}

void amqp_peer_init_device(struct amqp_peer *p, const struct amqp_actor *actor, struct sim_hub *hub,
                           const char *id)
{
    init(p, actor, hub);
    snprintf(p->policy, sizeof p->policy, "device");
    snprintf(p->user, sizeof p->user, "%.40s@sas.sim", id);
    snprintf(p->path, sizeof p->path, "devices/%.40s", id);
}

void amqp_peer_fini(struct amqp_peer *p)
{
    if (p->client.is_up) amqp_fini(&p->amqp);
    client_fini(&p->client);
}

/* ---- links */

enum { SND_UNSETTLED = 0, RCV_SECOND = 1 };

struct amqp_link *amqp_peer_sender(struct amqp_peer *p, const char *name, const char *target)
{
    struct amqp_link_config cfg = {.name = slice_str(name),
                                   .sender = true,
                                   .snd_mode = SND_UNSETTLED,
                                   .source = slice_str(name),
                                   .target = slice_str(target)};
    return amqp_send_attach(p->session, &cfg);
}

struct amqp_link *amqp_peer_receiver(struct amqp_peer *p, const char *name, const char *source,
                                     uint32_t credit)
{
    struct amqp_link_config cfg = {.name = slice_str(name),
                                   .snd_mode = SND_UNSETTLED,
                                   .rcv_mode = RCV_SECOND,
                                   .source = slice_str(source),
                                   .target = slice_str(name)};
    struct amqp_link *l = amqp_send_attach(p->session, &cfg);
    amqp_send_flow(l, credit, false);
    return l;
}

void amqp_peer_dispose(struct amqp_peer *p, uint32_t delivery, bool settled,
                       enum amqp_outcome outcome)
{
    struct amqp_disposition d = {.from_receiver = true,
                                 .settled = settled,
                                 .first = delivery,
                                 .last = delivery,
                                 .outcome = outcome};
    amqp_send_disposition(p->session, &d);
}

/* stream_link.c - what to do when an event hub goes: its links end. */
#include "front/amqp/stream_link.h"

#include "hub/event_hub/event_hub.h"

const struct event_hub *stream_hub(const struct amqp_service *s, unsigned stream)
{
    return stream && s->doors.event_hubs ? event_hub_of_stream(s->doors.event_hubs, stream) : NULL;
}

const struct event_hub *stream_named(const struct amqp_service *s, struct slice name)
{
    return s->doors.event_hubs ? event_hub_find(s->doors.event_hubs, name) : NULL;
}

void stream_refuse_partition(struct peer_link *l, unsigned partitions)
{
    peer_refuse(l, NO_PARTITION, NO_PARTITION_TEXT " It should be between 0 and %u.",
                partitions - 1);
}

void stream_link_begin(struct stream_link *s, struct peer_link *l)
{
    s->link = l;
    if (l->address.stream)
        list_push(&l->peer->service->stream_links, &s->node);
    else
        list_init(&s->node);
}

void stream_link_end(struct stream_link *s)
{
    list_remove(&s->node);
}

static void end_link(const struct stream_link *s)
{
    struct peer *p = s->link->peer;
    if (s->answered)
        peer_detach(s->link, AMQP_NOT_FOUND, "The messaging entity '%s' could not be found.",
                    s->link->path);
    else
        peer_refuse(s->link, AMQP_NOT_FOUND, "The messaging entity '%s' could not be found.",
                    s->link->path);
    peer_go_on(p);
}

static void on_gone(void *ctx, const struct event_hub *h)
{
    struct amqp_service *s = ctx;
    LIST_EACH(node, &s->stream_links)
    {
        const struct stream_link *l = CONTAINER_OF(node, struct stream_link, node);
        if (l->link->address.stream == h->stream) end_link(l);
    }
}

void stream_links_init(struct amqp_service *s)
{
    list_init(&s->stream_links);
    if (s->doors.event_hubs) event_hubs_on_gone(s->doors.event_hubs, on_gone, s);
}

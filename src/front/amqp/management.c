/* management.c - $management: READ of the event hub and of a partition.
 *
 * What a partition holds is asked from the log, so an answer may come after the link or the whole
 * connection has gone; the call then finds its slot empty.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/num.h"
#include "front/amqp/management.h"
#include "front/amqp/rpc.h"
#include "log/log.h"

#define TYPE_HUB       "com.microsoft:eventhub"
#define TYPE_PARTITION "com.microsoft:partition"

/* A question to the log on behalf of a client. */
struct call {
    struct list node; /* in the request link's calls */
    struct addr slot;
    struct peer_link *request_link;
    struct buf correlation_id;
};

struct management_link {
    struct peer_link base;
    struct list calls;
};

static struct management_link *of(struct peer_link *l)
{
    return CONTAINER_OF(l, struct management_link, base);
}

/* ---- answers */

static void answer_error(struct peer_link *l, struct slice id, int code, const char *condition,
                         const char *text)
{
    rpc_answer(
        l, &(struct rpc_answer){
               .correlation_id = id, .code = code, .description = text, .condition = condition});
}

/* An array, which Java casts to String[]. */
static void put_partition_ids(struct buf *b, unsigned count)
{
    char texts[LOG_PARTITIONS_MAX][12];
    const char *ids[LOG_PARTITIONS_MAX];
    for (unsigned i = 0; i < count; i++) {
        snprintf(texts[i], sizeof texts[i], "%u", i);
        ids[i] = texts[i];
    }
    amqp_put_string_array(b, ids, count);
}

static void answer_hub(struct peer_link *l, struct slice id)
{
    const struct hub *hub = l->peer->service->hub;
    unsigned partitions = log_partitions(hub->log, 0);
    struct buf b = {0};
    struct amqp_open map = amqp_open_map(&b);
    amqp_put_str(&b, "name");
    amqp_put_str(&b, hub->name);
    amqp_put_str(&b, "type");
    amqp_put_str(&b, TYPE_HUB);
    amqp_put_str(&b, "created_at");
    amqp_put_timestamp(&b, hub->created_us / 1000);
    amqp_put_str(&b, "partition_count");
    amqp_put_int(&b, (int32_t)partitions);
    amqp_put_str(&b, "georeplication_factor");
    amqp_put_int(&b, 1);
    amqp_put_str(&b, "partition_ids");
    put_partition_ids(&b, partitions);
    amqp_close(&b, map, 12);
    rpc_answer(l, &(struct rpc_answer){id, 200, "OK", NULL, buf_slice(&b)});
    buf_free(&b);
}

static void answer_partition(struct peer_link *l, struct slice id, const struct log_seek_done *d)
{
    const struct log_ends *e = &d->ends;
    bool empty = e->first_sequence == e->next_sequence;
    char partition[12], offset[24];
    snprintf(partition, sizeof partition, "%u", d->partition);
    snprintf(offset, sizeof offset, "%lld", (long long)e->next_sequence - 1);
    struct buf b = {0};
    struct amqp_open map = amqp_open_map(&b);
    amqp_put_str(&b, "name");
    amqp_put_str(&b, l->peer->service->hub->name);
    amqp_put_str(&b, "type");
    amqp_put_str(&b, TYPE_PARTITION);
    amqp_put_str(&b, "partition");
    amqp_put_str(&b, partition);
    amqp_put_str(&b, "begin_sequence_number");
    amqp_put_long(&b, e->first_sequence);
    amqp_put_str(&b, "last_enqueued_sequence_number");
    amqp_put_long(&b, e->next_sequence - 1);
    amqp_put_str(&b, "last_enqueued_offset");
    amqp_put_str(&b, offset);
    amqp_put_str(&b, "last_enqueued_time_utc");
    amqp_put_timestamp(&b, e->last_enqueued_us / 1000);
    amqp_put_str(&b, "is_partition_empty");
    amqp_put_bool(&b, empty);
    amqp_close(&b, map, 16);
    rpc_answer(l, &(struct rpc_answer){id, 200, "OK", NULL, buf_slice(&b)});
    buf_free(&b);
}

/* ---- asking the log */

static void end_call(struct call *call)
{
    slot_free(call->request_link->peer->service->lane, call->slot);
    list_remove(&call->node);
    buf_free(&call->correlation_id);
    free(call);
}

static void ask_log(struct peer_link *l, struct slice id, unsigned partition)
{
    struct amqp_service *s = l->peer->service;
    struct call *call = NEW(struct call);
    call->request_link = l;
    call->slot = slot_new(s->lane, call);
    buf_put_slice(&call->correlation_id, id);
    list_push(&of(l)->calls, &call->node);
    struct log_seek_msg ask = {.partition = (uint16_t)partition};
    struct msg *m = msg_new(LOG_ENDS, sizeof ask);
    m->call = MANAGEMENT_CALL;
    memcpy(m->body, &ask, sizeof ask);
    post(s->lane, call->slot, log_addr(s->hub->log), m);
}

void management_answered(struct lane *lane, struct msg *m)
{
    struct call *call = slot_get(lane, m->to);
    struct log_seek_done done;
    memcpy(&done, m->body, sizeof done);
    if (call == NULL) return;
    struct peer_link *l = call->request_link;
    struct slice id = buf_slice(&call->correlation_id);
    if (done.err == OK)
        answer_partition(l, id, &done);
    else
        answer_error(l, id, 404, AMQP_NOT_FOUND, "the partition does not exist");
    end_call(call);
}

/* ---- requests */

static bool allowed(struct peer_link *l, const struct amqp_message *m)
{
    struct slice token = rpc_property(m, "security_token");
    int64_t now_us = clock_wall_us();
    if (peer_may(l->peer, &l->address, AUTH_SERVICE_CONNECT, now_us)) return true;
    return token.len && peer_put_token(l->peer, SLICE_LIT("$management"), token) == AUTH_OK &&
           peer_may(l->peer, &l->address, AUTH_SERVICE_CONNECT, now_us);
}

static bool names_our_hub(const struct hub *hub, struct slice name)
{
    return slice_eq_nocase(name, slice_str(hub->name)) ||
           slice_eq_nocase(name, SLICE_LIT("messages/events"));
}

static void read_partition(struct peer_link *l, struct slice id, struct slice partition)
{
    uint64_t n;
    if (num_u64(partition, &n) != OK || n >= log_partitions(l->peer->service->hub->log, 0))
        answer_error(l, id, 404, AMQP_NOT_FOUND, "the partition does not exist");
    else
        ask_log(l, id, (unsigned)n);
}

static void serve(struct peer_link *l, const struct amqp_message *m)
{
    struct slice id = rpc_message_id(m), type = rpc_property(m, "type");
    if (!allowed(l, m))
        answer_error(l, id, 401, AMQP_UNAUTHORIZED, "a token with ServiceConnect is needed");
    else if (!slice_eq_nocase(rpc_property(m, "operation"), SLICE_LIT("READ")))
        answer_error(l, id, 400, "com.microsoft:argument-error", "the operation is not READ");
    else if (!names_our_hub(l->peer->service->hub, rpc_property(m, "name")))
        answer_error(l, id, 404, AMQP_NOT_FOUND, "the messaging entity could not be found");
    else if (slice_is(type, TYPE_HUB))
        answer_hub(l, id);
    else if (slice_is(type, TYPE_PARTITION))
        read_partition(l, id, rpc_property(m, "partition"));
    else
        answer_error(l, id, 400, "com.microsoft:argument-error",
                     "the type is neither " TYPE_HUB " nor " TYPE_PARTITION);
}

/* ---- links */

static void on_attach(struct peer_link *l, const struct amqp_attach_event *ev)
{
    list_init(&of(l)->calls);
    rpc_attach(l, ev);
}

static void on_delivery(struct peer_link *l, const struct amqp_delivery *d)
{
    struct amqp_message m;
    rpc_accept(l, d);
    if (amqp_message_parse(d->payload, &m) == OK)
        serve(l, &m);
    else
        peer_detach(l, AMQP_DECODE_ERROR, "the request is not an AMQP message");
}

static void on_detached(struct peer_link *l)
{
    LIST_EACH(node, &of(l)->calls) end_call(CONTAINER_OF(node, struct call, node));
    rpc_detached(l);
}

/* Attaching needs no right: a request may bring its own token. */
const struct node node_management = {
    .name = "$management",
    .size = sizeof(struct management_link),
    .sender = true,
    .receiver = true,
    .attach = on_attach,
    .flow = rpc_flow,
    .delivery = on_delivery,
    .detached = on_detached,
};

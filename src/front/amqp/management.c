/* management.c - $management: READ of the event hub and of a partition.
 *
 * What a partition holds is asked from the log, so the answer may come after the client has gone.
 */
#include <stdio.h>

#include "base/num.h"
#include "front/amqp/rpc.h"
#include "front/amqp/stream_link.h"
#include "hub/event_hub/event_hub.h"
#include "log/log.h"

#define TYPE_HUB       "com.microsoft:eventhub"
#define TYPE_PARTITION "com.microsoft:partition"
#define ARGUMENT_ERROR "com.microsoft:argument-error"

static void answer_error(struct rpc_ticket *t, int code, const char *condition, const char *text)
{
    rpc_answer(t, &(struct rpc_answer){code, text, condition, SLICE_NONE});
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

static const char *name_of(const struct rpc_ticket *t, unsigned stream)
{
    const struct amqp_service *s = rpc_peer(t)->service;
    const struct event_hub *h = stream_hub(s, stream);
    return h ? h->name : s->hub->name;
}

static void answer_hub(struct rpc_ticket *t, unsigned stream)
{
    const struct amqp_service *s = rpc_peer(t)->service;
    const struct event_hub *h = stream_hub(s, stream);
    unsigned partitions = log_partitions(s->hub->log, stream);
    struct buf b = {0}, identity = {0};
    struct amqp_open map = amqp_open_map(&b);
    amqp_put_str(&b, "name");
    amqp_put_str(&b, name_of(t, stream));
    amqp_put_str(&b, "type");
    amqp_put_str(&b, TYPE_HUB);
    amqp_put_str(&b, "created_at");
    amqp_put_timestamp(&b, (h ? h->created_us : s->hub->created_us) / 1000);
    amqp_put_str(&b, "partition_count");
    amqp_put_int(&b, (int32_t)partitions);
    amqp_put_str(&b, "georeplication_factor");
    amqp_put_int(&b, 1);
    amqp_put_str(&b, "partition_ids");
    put_partition_ids(&b, partitions);
    hub_stream_identity(s->hub, slice_str(name_of(t, stream)), &identity);
    amqp_put_str(&b, "azimuth_identity");
    amqp_put_string(&b, buf_slice(&identity));
    amqp_close(&b, map, 14);
    rpc_answer(t, &(struct rpc_answer){200, "OK", NULL, buf_slice(&b)});
    buf_free(&b);
    buf_free(&identity);
}

static void answer_partition(struct rpc_ticket *t, const struct log_seek_done *d)
{
    const struct log_ends *e = &d->ends;
    bool empty = e->first_sequence == e->next_sequence;
    char partition[12], offset[24];
    snprintf(partition, sizeof partition, "%u", d->partition);
    snprintf(offset, sizeof offset, "%lld", (long long)e->next_sequence - 1);
    struct buf b = {0};
    struct amqp_open map = amqp_open_map(&b);
    amqp_put_str(&b, "name");
    amqp_put_str(&b, name_of(t, d->stream));
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
    rpc_answer(t, &(struct rpc_answer){200, "OK", NULL, buf_slice(&b)});
    buf_free(&b);
}

/* ---- asking the log */

static void on_ends(struct log_asker *a, const struct log_seek_done *done)
{
    struct rpc_ticket *t = rpc_of_asker(a);
    if (done->err == OK)
        answer_partition(t, done);
    else
        answer_error(t, 503, AMQP_INTERNAL_ERROR, "the partition cannot be read now");
}

static void ask_log(struct rpc_ticket *t, unsigned stream, unsigned partition)
{
    struct log_asker *a = rpc_asker(t);
    a->sought = on_ends;
    log_ask_ends(a, stream, partition);
}

/* ---- requests */

/* A token that comes along is what counts: that is how clients hear that their key is no more. */
static bool allowed(const struct rpc_ticket *t, const struct amqp_message *m, unsigned stream)
{
    const struct peer *p = rpc_peer(t);
    struct slice token = rpc_property(m, "security_token");
    struct address a = *rpc_address(t); /* of any event hub, where the name decides */
    a.stream = (uint16_t)stream;
    if (token.len) return peer_token_opens(p, token, &a, AUTH_SERVICE_CONNECT);
    return peer_may_until(p, &a, AUTH_SERVICE_CONNECT) != INT64_MIN;
}

/* Which event hub of ours is meant; false: none. */
static bool find_stream(const struct amqp_service *s, struct slice name, unsigned *stream)
{
    const struct event_hub *h = stream_named(s, name);
    *stream = h ? h->stream : 0;
    return h || slice_eq_nocase(name, slice_str(s->hub->name)) ||
           slice_eq_nocase(name, SLICE_LIT("messages/events"));
}

static void read_partition(struct rpc_ticket *t, unsigned stream, struct slice partition)
{
    uint64_t n;
    unsigned count = log_partitions(rpc_peer(t)->service->hub->log, stream);
    if (num_u64(partition, &n) != OK || n >= count)
        answer_error(t, 400, NO_PARTITION, NO_PARTITION_TEXT);
    else
        ask_log(t, stream, (unsigned)n);
}

/* The name comes before the right to it: a token for a hub that is not here opens nothing, and the
 * client is to hear that the hub is missing. */
static void on_request(struct rpc_ticket *t, const struct amqp_message *m)
{
    struct slice type = rpc_property(m, "type");
    unsigned stream;
    if (!slice_eq_nocase(rpc_property(m, "operation"), SLICE_LIT("READ")))
        answer_error(t, 400, ARGUMENT_ERROR, "the operation is not READ");
    else if (!find_stream(rpc_peer(t)->service, rpc_property(m, "name"), &stream))
        answer_error(t, 404, AMQP_NOT_FOUND,
                     "The messaging entity of that name could not be found.");
    else if (!allowed(t, m, stream))
        answer_error(t, 401, AMQP_UNAUTHORIZED, "a token with ServiceConnect is needed");
    else if (slice_is(type, TYPE_HUB))
        answer_hub(t, stream);
    else if (slice_is(type, TYPE_PARTITION))
        read_partition(t, stream, rpc_property(m, "partition"));
    else
        answer_error(t, 400, ARGUMENT_ERROR,
                     "the type is neither " TYPE_HUB " nor " TYPE_PARTITION);
}

/* Attaching needs no right: a request may bring its own token. */
const struct node node_management = {
    .name = "$management",
    .size = sizeof(struct rpc_link),
    .sender = true,
    .receiver = true,
    .attach = rpc_attach,
    .flow = rpc_flow,
    .delivery = rpc_delivery,
    .detached = rpc_detached,
    .request = on_request,
};

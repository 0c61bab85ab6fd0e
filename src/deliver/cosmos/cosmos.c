/* cosmos.c - a document per message, written over REST with an account's key.
 *
 *   connect: GET the container ─▶ its partition key is the endpoint's
 *   a batch: up to COSMOS_BATCH_MAX documents of different devices ─▶ as many upserts at once
 *            429: that one waits as long as the account says, then asks again
 *
 * A batch has no two messages of one device, and another batch of its partition begins when it is over:
 * documents of a device are written in their order.  A document that is written again replaces itself. */
#include "deliver/cosmos/cosmos.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/map.h"
#include "base/num.h"
#include "base/text.h"
#include "deliver/cosmos/answer.h"
#include "deliver/cosmos/check.h"
#include "deliver/cosmos/document.h"
#include "deliver/cosmos/sign.h"
#include "deliver/event_grid.h"

enum { KEYS = 2 };

/* How the container is partitioned. */
enum partitioning { BY_NOTHING, BY_ID, BY_NAME };

struct cosmos {
    struct deliver_target target;
    struct buf link, container_uri, documents_uri;
    struct buf keys[KEYS]; /* bytes */
    unsigned key_count, key;
    unsigned denials; /* of one key after the other */
    unsigned connect_key;
    struct buf key_name, key_template;
    enum partitioning by;
    struct message message;             /* its memory */
    uint64_t devices[COSMOS_BATCH_MAX]; /* of the batch that is gathered: hashes */
    struct list batches;                /* under way */
};

struct write {
    struct out_wait wait;
    struct timer again;
    struct batch *batch;
    struct slice key, document; /* in the batch's bytes */
    unsigned throttled;         /* answers 429 so far */
    bool asks;
};

struct batch {
    struct list node;
    struct cosmos *cosmos;
    struct deliver_call *call;
    struct buf bytes;
    int64_t since_us;
    unsigned key; /* that it is signed with */
    unsigned count, left;
    struct cosmos_verdict verdict; /* the worst of all */
    struct write writes[COSMOS_BATCH_MAX];
};

static struct cosmos *of(struct deliver_target *t)
{
    return CONTAINER_OF(t, struct cosmos, target);
}

/* ---- requests */

static void ask(struct cosmos *c, unsigned key, const struct write *w, struct out_wait *wait)
{
    char date[COSMOS_DATE_MAX];
    struct buf authorization = {0};
    const char *method = w ? "POST" : "GET";
    cosmos_date(clock_wall_us(), date);
    cosmos_sign(buf_slice(&c->keys[key]), method, w ? "docs" : "colls", buf_slice(&c->link), date,
                &authorization);
    struct out_request r = {
        .method = method,
        .url = buf_slice(w ? &c->documents_uri : &c->container_uri),
        .headers = {{SLICE_LIT("Authorization"), buf_slice(&authorization)},
                    {SLICE_LIT("x-ms-date"), slice_str(date)},
                    {SLICE_LIT("x-ms-version"), SLICE_LIT("2018-12-31")},
                    {SLICE_LIT("Content-Type"), SLICE_LIT("application/json")},
                    {SLICE_LIT("Prefer"), SLICE_LIT("return=minimal")},
                    {SLICE_LIT("x-ms-documentdb-is-upsert"), SLICE_LIT("true")}},
        .timeout_ms = COSMOS_TIMEOUT_MS,
        .answer_max = COSMOS_ANSWER_MAX};
    if (w) r.body = w->document;
    if (w && c->by != BY_NOTHING)
        r.headers[6] = (struct out_header){SLICE_LIT("x-ms-documentdb-partitionkey"), w->key};
    if (w == NULL) r.headers[3] = (struct out_header){SLICE_NONE, SLICE_NONE};
    out_send(c->target.place.out, c->target.place.lane, &r, wait);
    buf_free(&authorization);
}

/* An account has two keys, so that one can be renewed: the other is tried at once, both again slowly. */
static void on_denied(struct cosmos *c, unsigned key, struct cosmos_verdict *v)
{
    if (c->key_count == 1) return;
    bool first = c->key == key;
    if (first) c->key = !key, c->denials++;
    if (!first || c->denials % KEYS) v->outcome = DELIVER_AGAIN;
}

/* ---- the container */

/* The only path of its partition key; empty: it has none. */
static struct slice path_of(const struct json *container, bool *several)
{
    const struct json *paths = json_get(json_get(container, "partitionKey"), "paths");
    const struct json *first = paths && paths->type == JSON_ARRAY ? paths->child : NULL;
    *several = first && first->next;
    return first && first->type == JSON_STRING ? first->text : SLICE_NONE;
}

static bool fits(struct cosmos *c, struct slice path, bool several)
{
    struct slice name = buf_slice(&c->key_name);
    c->by = name.len ? BY_NAME : path.len ? BY_ID : BY_NOTHING;
    if (several || (path.len == 0) != (c->by == BY_NOTHING)) return false;
    if (c->by == BY_NAME) return slice_eq(slice_from(path, 1), name);
    return c->by == BY_NOTHING || slice_is(path, "/id");
}

static void look_at(struct cosmos *c, struct slice body, struct cosmos_verdict *v)
{
    struct arena a = {0};
    struct json *container;
    bool several = false;
    struct slice path = SLICE_NONE, name = buf_slice(&c->key_name);
    bool fine = json_parse(&a, body, &container) == OK;
    if (fine) path = path_of(container, &several);
    if (!fine || !fits(c, path, several)) {
        v->outcome = DELIVER_SLOW;
        snprintf(v->text, sizeof v->text,
                 !fine ? "Cosmos DB answered with something that is no container"
                 : several
                     ? "the container has a partition key of several members"
                     : "the container's partition key is '%.*s', and partitionKeyName is '%.*s'",
                 SLICE_ARG(slice_head(path, 64)), SLICE_ARG(slice_head(name, 64)));
    }
    arena_free(&a);
}

static void on_container(struct out_wait *w, const struct out_answer *a)
{
    struct deliver_call *call = CONTAINER_OF(w, struct deliver_call, out);
    struct cosmos *c = of(call->target);
    struct cosmos_verdict v;
    cosmos_judge(a, &v);
    if (v.outcome == DELIVER_REFUSED) v.outcome = DELIVER_SLOW; /* the question, not a message */
    if (v.denied) on_denied(c, c->connect_key, &v);
    if (v.outcome == DELIVER_TAKEN) c->denials = 0;
    if (v.outcome == DELIVER_TAKEN) look_at(c, a->body, &v);
    deliver_call_end(call, &(struct deliver_result){
                               .outcome = v.outcome, .pause_us = v.pause_us, .text = v.text});
}

static void cosmos_connect(struct deliver_target *t, struct deliver_call *call)
{
    struct cosmos *c = of(t);
    call->out.fn = on_container;
    c->connect_key = c->key;
    ask(c, c->key, NULL, &call->out);
}

/* ---- a batch: key and document of each message, with their lengths before them */

static void put_entry(struct buf *batch, const struct buf *key, const struct buf *document)
{
    buf_put_le32(batch, (uint32_t)buf_size(key));
    buf_put_le32(batch, (uint32_t)buf_size(document));
    buf_put_slice(batch, buf_slice(key));
    buf_put_slice(batch, buf_slice(document));
}

static struct slice take(struct slice *rest, size_t len)
{
    struct slice head = slice_head(*rest, len);
    *rest = slice_from(*rest, len);
    return head;
}

static uint32_t take_u32(struct slice *rest)
{
    struct slice s = take(rest, sizeof(uint32_t));
    return (uint32_t)s.ptr[0] | (uint32_t)s.ptr[1] << 8 | (uint32_t)s.ptr[2] << 16 |
           (uint32_t)s.ptr[3] << 24;
}

static void put_message(struct cosmos *c, struct buf *batch)
{
    struct buf key = {0}, header = {0}, document = {0};
    const struct hub *hub = c->target.place.hub;
    if (c->by == BY_ID) event_grid_put_id(hub, c->message.record, &key);
    if (c->by == BY_NAME) cosmos_put_key(hub, buf_slice(&c->key_template), &c->message, &key);
    buf_put_u8(&header, '[');
    text_json_string(&header, buf_slice(&key));
    buf_put_u8(&header, ']');
    cosmos_put_document(hub, &c->message, buf_slice(&c->key_name), buf_slice(&key), &document);
    put_entry(batch, &header, &document);
    buf_free(&key);
    buf_free(&header);
    buf_free(&document);
}

static bool is_in_batch(const struct cosmos *c, uint64_t device, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (c->devices[i] == device) return true;
    return false;
}

static enum err cosmos_add(struct deliver_target *t, const struct record *r, struct buf *batch,
                           unsigned count)
{
    struct cosmos *c = of(t);
    size_t before = batch->len;
    if (count == COSMOS_BATCH_MAX) return ERR_FULL;
    if (message_read(r, t->place.bit, &c->message) != OK)
        return fail(ERR_INVALID, "the stored message is damaged");
    uint64_t device = map_hash(message_pair(&c->message, "iothub-connection-device-id"));
    if (is_in_batch(c, device, count)) return ERR_FULL;
    put_message(c, batch);
    c->devices[count] = device;
    if (batch->len - before <= COSMOS_DOCUMENT_MAX) return OK;
    batch->len = before;
    return fail(ERR_TOO_BIG, "as a document the message is larger than %d bytes",
                COSMOS_DOCUMENT_MAX);
}

/* ---- writing */

static void end_batch(struct batch *b)
{
    struct cosmos *c = b->cosmos;
    struct deliver_call *call = b->call;
    struct cosmos_verdict v = b->verdict;
    if (v.outcome == DELIVER_TAKEN) c->denials = 0;
    if (v.denied) on_denied(c, b->key, &v);
    list_remove(&b->node);
    buf_free(&b->bytes);
    free(b);
    deliver_call_end(call, &(struct deliver_result){
                               .outcome = v.outcome, .pause_us = v.pause_us, .text = v.text});
}

static void write_document(struct write *w)
{
    struct batch *b = w->batch;
    w->asks = true;
    ask(b->cosmos, b->key, w, &w->wait);
}

static void on_again(struct timer *t, int64_t now_us)
{
    (void)now_us;
    write_document(CONTAINER_OF(t, struct write, again));
}

/* As the SDKs do: a few more times, if that does not take too long. */
static bool waits(struct write *w, const struct cosmos_verdict *v)
{
    int64_t now_us = clock_mono_us();
    struct batch *b = w->batch;
    if (!v->throttled || w->throttled++ == COSMOS_THROTTLED_MAX) return false;
    if (now_us + v->pause_us - b->since_us > INT64_C(1000) * COSMOS_THROTTLED_MS) return false;
    timer_set(&b->cosmos->target.place.lane->timers, &w->again, now_us + v->pause_us);
    return true;
}

static void on_written(struct out_wait *wait, const struct out_answer *a)
{
    struct write *w = CONTAINER_OF(wait, struct write, wait);
    struct batch *b = w->batch;
    struct cosmos_verdict v;
    w->asks = false;
    cosmos_judge(a, &v);
    if (waits(w, &v)) return;
    if (cosmos_is_worse(v.outcome, b->verdict.outcome)) b->verdict = v;
    if (--b->left == 0) end_batch(b);
}

static void begin(struct batch *b)
{
    struct slice rest = buf_slice(&b->bytes);
    while (rest.len) {
        struct write *w = &b->writes[b->count++];
        uint32_t key = take_u32(&rest), document = take_u32(&rest);
        *w = (struct write){.wait.fn = on_written, .batch = b};
        w->key = take(&rest, key);
        w->document = take(&rest, document);
        timer_init(&w->again, on_again);
    }
    b->left = b->count;
    for (unsigned i = 0; i < b->count; i++) write_document(&b->writes[i]);
}

static void cosmos_send(struct deliver_target *t, struct buf *bytes, struct deliver_call *call)
{
    struct cosmos *c = of(t);
    struct batch *b = NEW(struct batch);
    *b = (struct batch){.cosmos = c,
                        .call = call,
                        .bytes = *bytes,
                        .since_us = clock_mono_us(),
                        .key = c->key,
                        .verdict = {.outcome = DELIVER_TAKEN}};
    *bytes = (struct buf){0};
    list_push(&c->batches, &b->node);
    begin(b);
}

/* ---- giving up */

static void forget_batch(struct batch *b)
{
    for (unsigned i = 0; i < b->count; i++) {
        timer_stop(&b->writes[i].again);
        if (b->writes[i].asks) out_forget(b->cosmos->target.place.lane, &b->writes[i].wait);
    }
    list_remove(&b->node);
    buf_free(&b->bytes);
    free(b);
}

static void cosmos_forget(struct deliver_target *t, struct deliver_call *call)
{
    struct cosmos *c = of(t);
    LIST_EACH(node, &c->batches)
    {
        struct batch *b = CONTAINER_OF(node, struct batch, node);
        if (b->call != call) continue;
        forget_batch(b);
        return;
    }
    out_forget(t->place.lane, &call->out);
}

/* ---- life */

static void put_names(struct cosmos *c, const struct json *endpoint)
{
    struct slice uri = json_str(endpoint, "endpointUri"),
                 database = json_str(endpoint, "databaseName"),
                 container = json_str(endpoint, "containerName");
    if (slice_ends(uri, SLICE_LIT("/"))) uri.len--;
    buf_printf(&c->link, "dbs/%.*s/colls/%.*s", SLICE_ARG(database), SLICE_ARG(container));
    buf_printf(&c->container_uri, "%.*s/dbs/", SLICE_ARG(uri));
    text_percent(&c->container_uri, database);
    buf_put_str(&c->container_uri, "/colls/");
    text_percent(&c->container_uri, container);
    buf_put_slice(&c->documents_uri, buf_slice(&c->container_uri));
    buf_put_str(&c->documents_uri, "/docs");
}

static void put_key(struct cosmos *c, struct slice text)
{
    if (text.len == 0) return;
    struct buf *key = &c->keys[c->key_count++];
    *key = BUF_SECRET;
    enum err e = text_unbase64(key, text);
    assert(e == OK); /* cosmos_check() has seen it */
}

static struct deliver_target *cosmos_open(const struct deliver_place *place,
                                          const struct json *endpoint)
{
    struct cosmos *c = NEW(struct cosmos);
    c->target.place = *place;
    list_init(&c->batches);
    put_names(c, endpoint);
    put_key(c, json_str(endpoint, "primaryKey"));
    put_key(c, json_str(endpoint, "secondaryKey"));
    buf_put_slice(&c->key_name, json_str(endpoint, "partitionKeyName"));
    buf_put_slice(&c->key_template, json_str(endpoint, "partitionKeyTemplate"));
    return &c->target;
}

static void cosmos_close(struct deliver_target *t)
{
    struct cosmos *c = of(t);
    assert(list_empty(&c->batches));
    buf_free(&c->link);
    buf_free(&c->container_uri);
    buf_free(&c->documents_uri);
    for (unsigned i = 0; i < KEYS; i++) buf_wipe(&c->keys[i]);
    buf_free(&c->key_name);
    buf_free(&c->key_template);
    message_free(&c->message);
    free(c);
}

const struct deliver_kind cosmos_kind = {
    .routing = {.list = "cosmosDBSqlContainers", .check = cosmos_check, .mask = cosmos_mask},
    .open = cosmos_open,
    .close = cosmos_close,
    .connect = cosmos_connect,
    .add = cosmos_add,
    .send = cosmos_send,
    .forget = cosmos_forget,
};

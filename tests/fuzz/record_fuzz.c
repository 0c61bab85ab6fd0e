/* record_fuzz.c - what is made of stored records, in which are a producer's or a device's own sections: events of
 * Capture, files of storage endpoints, documents, events of Event Grid, messages for Kafka, and text for the console
 * and for the command line.
 *
 * Input: records, each as a byte (its source, and EXTRA), u8 length of annotations, u16 length of sections (both
 * little-endian), annotations, sections; with EXTRA an u8 length and enrichments behind them.
 *
 * What is JSON is read again, what is Avro is one record with that body.  Capture remembers what came before: it
 * makes of each record what it would make of it alone.
 */
#include "avro/avro.h"
#include "base/json.h"
#include "base/text.h"
#include "capture/event.h"
#include "cli/event_json.h"
#include "deliver/cosmos/document.h"
#include "deliver/event_grid.h"
#include "deliver/kafka/message.h"
#include "deliver/storage/format.h"
#include "front/console/event_text.h"
#include "fuzz.h"

enum { EXTRA = 8, RECORDS_AT_MOST = 8, ENDPOINT_BIT = 1 };

const struct routing_endpoint *__wrap_routing_endpoint_at(const struct routing *r, unsigned i);

/* There is one. */
const struct routing_endpoint *__wrap_routing_endpoint_at(const struct routing *r, unsigned i)
{
    static const struct routing_endpoint there = {.name = "there", .bit = ENDPOINT_BIT};
    (void)r;
    return i == 0 ? &there : NULL;
}

static const struct hub hub = {.name = "hub", .created_us = 1700000000000000};

/* ---- what is made of one */

static void check_json(const struct buf *out)
{
    struct arena a = {0};
    struct json *j;
    if (text_is_utf8(buf_slice(out))) { /* the hub's own texts are */
        enum err e = json_parse(&a, buf_slice(out), &j);
        assert(e == OK || e == ERR_TOO_BIG); /* a body stands a level deeper than it was */
    }
    arena_free(&a);
}

static void check_console(const struct record *r)
{
    struct buf out = {0};
    event_put_text(&out, r, NULL);
    assert(text_is_utf8(buf_slice(&out)));
    check_json(&out);
    buf_free(&out);
}

/* As a consumer gets it. */
static void put_event(const struct record *r, struct buf *out)
{
    amqp_put_descriptor(out, AMQP_MESSAGE_ANNOTATIONS);
    struct amqp_open map = amqp_open_map(out);
    buf_put_slice(out, r->pairs);
    amqp_close(out, map, 2u * r->pair_count);
    buf_put_slice(out, r->sections);
}

static void check_monitor(const struct record *r)
{
    static const unsigned parts[] = {0, EVENT_SYSTEM | EVENT_APPLICATION | EVENT_ANNOTATIONS,
                                     EVENT_AS_JSON | EVENT_SYSTEM,
                                     EVENT_AS_TEXT | EVENT_APPLICATION};
    struct arena a = {0};
    struct amqp_message m;
    struct buf event = {0}, out = {0};
    put_event(r, &event);
    enum err e = amqp_message_parse(buf_slice(&event), &m);
    for (size_t i = 0; e == OK && i < sizeof parts / sizeof *parts; i++) {
        buf_clear(&out);
        json_write(&out, event_json(&a, &m, parts[i]));
        assert(text_is_utf8(buf_slice(&out)));
        check_json(&out);
    }
    if (e == OK) {
        buf_clear(&out);
        event_line(&out, &a, &m, 3);
        assert(slice_find(buf_slice(&out), '\n') == buf_size(&out) - 1);
        int64_t number = event_number(&m, "x-opt-sequence-number");
        assert(number >= -1 || event_annotation(&m, "x-opt-sequence-number").ptr == NULL);
    }
    buf_free(&event);
    buf_free(&out);
    arena_free(&a);
}

static void check_documents(const struct message *m)
{
    struct buf out = {0}, key = {0};
    cosmos_put_key(&hub, SLICE_LIT("{deviceid}-{YYYY}-{MM}{DD}{iothub}"), m, &key);
    cosmos_put_document(&hub, m, SLICE_LIT("key"), buf_slice(&key), &out);
    check_json(&out);
    for (int schema = EVENT_GRID_SCHEMA; schema <= CLOUD_EVENT_SCHEMA; schema++) {
        buf_clear(&out);
        event_grid_put(&hub, (enum event_schema)schema, m, &out);
        check_json(&out);
    }
    buf_clear(&out);
    storage_put_json(m, &out);
    assert(slice_find(buf_slice(&out), '\n') == buf_size(&out) - 1);
    check_json(&out);
    buf_free(&out);
    buf_free(&key);
}

static void check_kafka(const struct message *m)
{
    struct buf batch = {0};
    struct kafka_message k;
    struct slice name, value;
    kafka_put_message(&batch, m);
    struct slice rest = buf_slice(&batch);
    kafka_next_message(&rest, &k);
    assert(slice_eq(k.value, message_body(m)));
    for (uint32_t i = 0; i < k.header_count; i++) {
        kafka_next_header(&rest, &name, &value);
        assert(name.len);
    }
    assert(rest.len == 0);
    buf_free(&batch);
}

/* ---- Avro */

static bool is_body(const struct avro_value *v, struct slice body)
{
    return v->type == AVRO_NULL ? body.len == 0 : slice_eq(v->bytes, body);
}

/* Nothing is left over in a map, and all of it is read. */
static void check_map(const struct avro_reader *r, const char *name)
{
    struct avro_value map, value;
    struct slice key;
    int64_t left = 0;
    bool there = avro_field(r, name, &map);
    assert(there && map.type == AVRO_MAP);
    struct cur at = cur_of(map.bytes);
    while (avro_map_next(&map, &at, &left, &key, &value))
        ;
    assert(!at.bad && cur_left(&at) == 0);
}

static void check_avro(const char *schema, struct slice fields, struct slice body)
{
    static const uint8_t sync[AVRO_SYNC_LEN] = "0123456789abcde";
    struct avro_writer w = {0};
    struct avro_value v;
    struct buf file = {0};
    avro_writer_begin(&w, schema, AVRO_NULL_CODEC, sync, (struct avro_note){0}, &file);
    buf_put_slice(avro_writer_record(&w, &file), fields);
    avro_writer_end(&w, &file);
    avro_writer_flush(&w, &file);
    avro_writer_fini(&w);
    struct avro_reader *r = avro_reader_new();
    avro_reader_feed(r, buf_slice(&file));
    enum err e = avro_reader_next(r);
    bool there = e == OK && avro_field(r, "Body", &v);
    assert(there && is_body(&v, body));
    check_map(r, "Properties");
    check_map(r, "SystemProperties");
    e = avro_reader_next(r);
    assert(e == ERR_AGAIN && avro_reader_end(r) == OK);
    avro_reader_free(r);
    buf_free(&file);
}

static void check_storage(const struct message *m)
{
    struct buf scratch = {0}, out = {0};
    storage_put_avro(m, &scratch, &out);
    check_avro(storage_schema, buf_slice(&out), message_body(m));
    buf_free(&scratch);
    buf_free(&out);
}

/* What Capture takes for the body: all data, a text, else the sections as they are. */
static void put_body(const struct amqp_message *m, struct slice sections, struct buf *out)
{
    struct cur c = cur_of(sections);
    struct amqp_value value;
    struct slice whole;
    uint64_t code;
    bool is_value = m->body_kind == AMQP_AMQP_VALUE;
    if (m->body_kind == AMQP_DATA) {
        while (amqp_next_section(&c, &code, &value, &whole) == OK)
            if (code == AMQP_DATA) buf_put_slice(out, value.bytes);
    } else if (is_value && amqp_text(&m->value).ptr) {
        buf_put_slice(out, amqp_text(&m->value));
    } else if (!(is_value && m->value.type == AMQP_NULL)) {
        buf_put_slice(out, m->body);
    }
}

static bool are_fine(struct slice pairs)
{
    struct cur c = cur_of(pairs);
    struct amqp_value v;
    while (cur_left(&c))
        if (amqp_get(&c, &v) != OK || amqp_check(&v) != OK || cur_left(&c) == 0 ||
            amqp_get(&c, &v) != OK || amqp_check(&v) != OK)
            return false;
    return true;
}

static void check_capture(const struct record *r, struct buf *memory)
{
    struct buf alone = {0}, beside = {0}, scratch = {0}, body = {0};
    struct amqp_message m;
    buf_put_str(&beside, "before");
    enum err one = capture_event_put(&alone, &scratch, r);
    enum err other = capture_event_put(&beside, memory, r);
    assert(one == other);
    assert(slice_eq(buf_slice(&alone), slice_from(buf_slice(&beside), strlen("before"))));
    if (amqp_message_parse(r->sections, &m) == OK) {
        assert(one == OK || !are_fine(r->pairs));
        put_body(&m, r->sections, &body);
        if (one == OK) check_avro(capture_event_schema, buf_slice(&alone), buf_slice(&body));
    }
    buf_free(&alone);
    buf_free(&beside);
    buf_free(&scratch);
    buf_free(&body);
}

/* ---- records */

static void check_endpoints(const struct record *r)
{
    struct message m = {0};
    if (message_read(r, ENDPOINT_BIT, &m) == OK) {
        for (int marked = 0; marked < 2; marked++) {
            check_documents(&m);
            check_kafka(&m);
            check_storage(&m);
            message_mark(&m, &hub, "there");
        }
    }
    message_free(&m);
}

/* As many as the hub has counted. */
static uint16_t count_of(struct slice pairs)
{
    struct cur c = cur_of(pairs);
    struct amqp_value v;
    uint16_t values = 0;
    while (cur_left(&c) && amqp_get(&c, &v) == OK) values++;
    return values / 2;
}

static bool next(struct cur *c, uint64_t ordinal, struct record *r)
{
    if (cur_left(c) == 0) return false;
    unsigned what = cur_u8(c);
    size_t pairs = cur_u8(c), sections = cur_le16(c);
    const uint8_t *from = c->at;
    *r = (struct record){.ordinal = ordinal,
                         .sequence = (int64_t)(ordinal * 9),
                         .enqueued_us = (int64_t)(1763900000123456 + ordinal * 400000),
                         .destinations = 3,
                         .source = (enum record_source)(what % EXTRA % RECORD_SOURCES)};
    r->pairs = cur_take(c, pairs);
    r->sections = cur_take(c, sections);
    if (what & EXTRA) r->extra = cur_take(c, cur_u8(c));
    r->pair_count = count_of(r->pairs);
    r->frame = slice_of(from, (size_t)(c->at - from));
    return !c->bad;
}

void fuzz_one(struct slice input)
{
    struct cur c = cur_of(input);
    struct buf memory = {0};
    struct record r;
    for (uint64_t i = 0; i < RECORDS_AT_MOST && next(&c, i, &r); i++) {
        check_capture(&r, &memory);
        check_endpoints(&r);
        check_console(&r);
        check_monitor(&r);
    }
    buf_free(&memory);
}

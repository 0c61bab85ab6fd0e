/* event.c - EventData, as Event Hubs Capture writes it.
 *
 * SystemProperties are the message annotations that are stored (iothub-..., x-opt-partition-key) and the
 * fields of the properties section that are there, by their AMQP names; sequence number, offset and
 * enqueued time have fields of their own. */
#include "capture/event.h"

#include "avro/avro.h"
#include "base/mem.h"
#include "capture/known.h"
#include "capture/pairs.h"
#include "capture/parts.h"
#include "capture/texts.h"

/* Of "Capture events through Azure Event Hubs"; `null` among Properties as in files of today. */
const char capture_event_schema[] =
    "{\"type\":\"record\",\"name\":\"EventData\",\"namespace\":\"Microsoft.ServiceBus.Messaging\","
    "\"fields\":[{\"name\":\"SequenceNumber\",\"type\":\"long\"},"
    "{\"name\":\"Offset\",\"type\":\"string\"},"
    "{\"name\":\"EnqueuedTimeUtc\",\"type\":\"string\"},"
    "{\"name\":\"SystemProperties\",\"type\":{\"type\":\"map\",\"values\":"
    "[\"long\",\"double\",\"string\",\"bytes\"]}},"
    "{\"name\":\"Properties\",\"type\":{\"type\":\"map\",\"values\":"
    "[\"long\",\"double\",\"string\",\"bytes\",\"null\"]}},"
    "{\"name\":\"Body\",\"type\":[\"null\",\"bytes\"]}]}";

enum body_branch { BODY_NULL, BODY_BYTES };

/* What is kept from event to event. */
struct event_memory {
    struct texts texts;
    struct known known[KNOWN_COUNT];
};

/* A message, and what is known of it. */
struct event {
    const struct record *rec;
    struct parts parts;
    struct known *place;          /* where its like are kept; NULL: nowhere */
    bool knows_pairs, knows_both; /* what is there is of its annotations, of its properties, too */
    struct texts *texts;
};

static struct event_memory *memory_of(struct buf *scratch)
{
    if (buf_size(scratch) == 0) {
        struct event_memory *m = memset(buf_reserve(scratch, sizeof *m), 0, sizeof *m);
        texts_init(&m->texts);
        buf_commit(scratch, sizeof *m);
    }
    return (struct event_memory *)(void *)scratch->ptr;
}

/* ---- what it consists of */

/* Behind properties that are known. */
static bool take_known(struct event *e)
{
    struct slice sections = e->rec->sections;
    if (!known_has_properties(e->place, sections)) return false;
    struct slice rest = slice_from(sections, known_properties_len(e->place));
    return parts_take_data(rest, &e->parts) ||
           (parts_take_plain(rest, &e->parts) && e->parts.properties_section.len == 0);
}

static enum err take(struct event *e, struct event_memory *m)
{
    struct slice sections = e->rec->sections;
    e->place = known_place(m->known, e->rec->pairs);
    e->knows_pairs = e->place && known_has_pairs(e->place, e->rec->pairs);
    e->knows_both = e->knows_pairs && take_known(e);
    if (e->knows_both || parts_take_data(sections, &e->parts) ||
        parts_take_plain(sections, &e->parts))
        return OK;
    e->place = NULL;
    e->knows_pairs = false;
    return parts_take_any(sections, &e->parts);
}

/* ---- system properties: annotations and properties, as they are or as they are known */

/* How many were put. */
static size_t put_known(struct buf *out, const struct event *e)
{
    const struct known *k = e->place;
    size_t len = e->knows_both ? k->both_to : k->pairs_to;
    uint8_t *to = buf_reserve(out, KNOWN_TO_MAX);
    memcpy(to, k->to, len);
    if (k->time_to) texts_put_iso(e->texts, known_time(k, e->rec->pairs), to + k->time_to);
    buf_commit(out, len);
    return e->knows_both ? k->count : k->pair_count;
}

static bool put_and_keep(struct buf *out, const struct event *e, size_t *count)
{
    size_t map = buf_size(out);
    struct known_message made = {.pairs = e->rec->pairs, .properties = e->parts.properties_section};
    if (!pairs_put(out, e->rec->pairs, false, e->texts, count)) return false;
    made.pair_count = *count;
    made.pairs_to = buf_size(out) - map;
    if (!pairs_put_properties(out, &e->parts.properties, e->texts, count)) return false;
    made.count = *count;
    made.to = slice_from(buf_slice(out), map);
    if (e->place) known_keep(e->place, &made);
    return true;
}

static bool put_entries(struct buf *out, const struct event *e, size_t *count)
{
    if (!e->knows_pairs) return put_and_keep(out, e, count);
    *count = put_known(out, e);
    return e->knows_both || pairs_put_properties(out, &e->parts.properties, e->texts, count);
}

static bool put_system(struct buf *out, const struct event *e)
{
    size_t map = pairs_open(out), count = 0;
    if (!put_entries(out, e, &count)) return false;
    pairs_close(out, map, count);
    return true;
}

/* ---- the rest */

static bool put_application(struct buf *out, const struct event *e)
{
    size_t map = pairs_open(out), count = 0;
    if (!pairs_put(out, e->parts.application, true, e->texts, &count)) return false;
    pairs_close(out, map, count);
    return true;
}

/* The bytes of all data sections as one. */
static void put_sections(struct buf *out, struct slice sections)
{
    struct cur c = cur_of(sections);
    struct amqp_value value;
    struct slice whole;
    uint64_t code;
    struct buf body = {0};
    while (amqp_next_section(&c, &code, &value, &whole) == OK)
        if (code == AMQP_DATA) buf_put_slice(&body, value.bytes);
    avro_put_bytes(out, buf_slice(&body));
    buf_free(&body);
}

static void put_body(struct buf *out, struct slice sections, const struct parts *p)
{
    avro_put_long(out, p->has_body ? BODY_BYTES : BODY_NULL);
    if (p->many)
        put_sections(out, sections);
    else if (p->has_body)
        avro_put_bytes(out, p->body);
}

/* Of the next event, which will be about as large: the room is much larger than a processor's cache. */
static void fetch_room(struct buf *out, size_t size)
{
    size_t len = MIN(size, (size_t)MEM_FETCH_MAX);
    mem_fetch(buf_reserve(out, 2 * len) + len, len, true);
}

enum err capture_event_put(struct buf *out, struct buf *scratch, const struct record *rec)
{
    struct event_memory *m = memory_of(scratch);
    struct event e = {.rec = rec, .texts = &m->texts};
    size_t before = buf_size(out);
    fetch_room(out, rec->frame.len);
    if (take(&e, m) != OK) return ERR_CORRUPT;
    avro_put_long(out, rec->sequence);
    avro_put_bytes(out, texts_offset(e.texts, rec->sequence));
    avro_put_bytes(out, texts_dotnet(e.texts, rec->enqueued_us));
    if (!put_system(out, &e) || !put_application(out, &e)) {
        out->len = out->off + before;
        return ERR_CORRUPT;
    }
    put_body(out, rec->sections, &e.parts);
    return OK;
}

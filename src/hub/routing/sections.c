/* sections.c - stored sections with what an endpoint adds to them: its enrichments, the mark of loops.
 *
 * Enrichments lie beside the message: each endpoint has its own, and none sees another's.  They become
 * application properties when the message is read, so that those bytes are copied only for messages
 * that have some. */
#include "base/amqp.h"
#include "hub/routing/routing.h"
#include "route/route.h"

struct additions {
    struct slice extra; /* of the record: enrichments of all endpoints */
    unsigned endpoint;
    const struct hub *hub; /* NULL: no mark */
    const char *name;      /* ... of that endpoint */
};

static bool is_replaced(const struct additions *a, struct slice name)
{
    struct slice rest = a->extra;
    struct route_property p;
    while (route_enrichment_next(&rest, a->endpoint, &p) == OK)
        if (slice_eq(p.name, name)) return true;
    return a->hub && slice_is(name, ROUTING_PASSED);
}

/* The message's own, but for those in whose place others stand. */
static uint32_t put_own(struct buf *out, const struct amqp_value *map, const struct additions *a)
{
    uint32_t count = 0;
    struct cur c = cur_of(map->bytes);
    struct amqp_value key, value;
    while (cur_left(&c) && amqp_get(&c, &key) == OK && amqp_get(&c, &value) == OK) {
        if (is_replaced(a, amqp_text(&key))) continue;
        amqp_put_value(out, &key);
        amqp_put_value(out, &value);
        count += 2;
    }
    return count;
}

static uint32_t put_enrichments(struct buf *out, const struct additions *a)
{
    struct slice rest = a->extra;
    struct route_property p;
    uint32_t count = 0;
    while (route_enrichment_next(&rest, a->endpoint, &p) == OK) {
        if (a->hub && slice_is(p.name, ROUTING_PASSED)) continue;
        amqp_put_string(out, p.name);
        amqp_put_string(out, p.value);
        count += 2;
    }
    return count;
}

static uint32_t put_mark(struct buf *out, const struct amqp_value *own, const struct additions *a)
{
    struct buf passed = {0};
    struct amqp_value before;
    if (a->hub == NULL) return 0;
    bool known = own && amqp_map_find(own, ROUTING_PASSED, &before);
    routing_put_passed(a->hub, a->name, known ? amqp_text(&before) : SLICE_NONE, &passed);
    amqp_put_str(out, ROUTING_PASSED);
    amqp_put_string(out, buf_slice(&passed));
    buf_free(&passed);
    return 2;
}

static void put_properties(struct buf *out, const struct amqp_value *own, const struct additions *a)
{
    uint32_t count = 0;
    amqp_put_descriptor(out, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(out);
    if (own) count = put_own(out, own, a);
    count += put_enrichments(out, a);
    count += put_mark(out, own, a);
    amqp_close(out, map, count);
}

/* Properties stand behind the other sections and before the body. */
static void put_added(struct buf *out, struct slice sections, const struct additions *a)
{
    struct cur c = cur_of(sections);
    struct amqp_value value;
    struct slice whole;
    uint64_t code;
    bool done = false;
    while (amqp_next_section(&c, &code, &value, &whole) == OK) {
        bool own = code == AMQP_APPLICATION_PROPERTIES && value.type == AMQP_MAP;
        if (!done && (own || code >= AMQP_DATA)) {
            put_properties(out, own ? &value : NULL, a);
            done = true;
        }
        if (!own) buf_put_slice(out, whole);
    }
    if (!done) put_properties(out, NULL, a);
}

void routing_put_sections(struct buf *out, const struct record *r, unsigned endpoint)
{
    struct slice rest = r->extra;
    struct route_property first;
    if (r->extra.len && route_enrichment_next(&rest, endpoint, &first) == OK)
        put_added(out, r->sections, &(struct additions){.extra = r->extra, .endpoint = endpoint});
    else
        buf_put_slice(out, r->sections);
}

void routing_put_marked_sections(struct buf *out, const struct record *r, unsigned endpoint,
                                 const struct hub *hub, const char *name)
{
    put_added(out, r->sections, &(struct additions){r->extra, endpoint, hub, name});
}

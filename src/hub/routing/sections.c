/* sections.c - stored sections with the enrichments of an endpoint.
 *
 * Enrichments lie beside the message: each endpoint has its own, and none sees another's.  They become
 * application properties when the message is read, so that those bytes are copied only for messages
 * that have some. */
#include "base/amqp.h"
#include "hub/routing/routing.h"
#include "route/route.h"

static bool is_enriched(struct slice extra, unsigned endpoint, struct slice name)
{
    struct route_property p;
    while (route_enrichment_next(&extra, endpoint, &p) == OK)
        if (slice_eq(p.name, name)) return true;
    return false;
}

/* The message's own, but for those whose names enrichments have. */
static uint32_t put_own(struct buf *out, const struct amqp_value *map, struct slice extra,
                        unsigned endpoint)
{
    uint32_t count = 0;
    struct cur c = cur_of(map->bytes);
    struct amqp_value key, value;
    while (cur_left(&c) && amqp_get(&c, &key) == OK && amqp_get(&c, &value) == OK) {
        if (is_enriched(extra, endpoint, amqp_text(&key))) continue;
        amqp_put_value(out, &key);
        amqp_put_value(out, &value);
        count += 2;
    }
    return count;
}

static void put_properties(struct buf *out, const struct amqp_value *own, struct slice extra,
                           unsigned endpoint)
{
    struct route_property p;
    uint32_t count = 0;
    amqp_put_descriptor(out, AMQP_APPLICATION_PROPERTIES);
    struct amqp_open map = amqp_open_map(out);
    if (own) count = put_own(out, own, extra, endpoint);
    for (struct slice rest = extra; route_enrichment_next(&rest, endpoint, &p) == OK; count += 2) {
        amqp_put_string(out, p.name);
        amqp_put_string(out, p.value);
    }
    amqp_close(out, map, count);
}

/* Properties stand behind the other sections and before the body. */
static void put_enriched(struct buf *out, struct slice sections, struct slice extra,
                         unsigned endpoint)
{
    struct cur c = cur_of(sections);
    struct amqp_value value;
    struct slice whole;
    uint64_t code;
    bool done = false;
    while (amqp_next_section(&c, &code, &value, &whole) == OK) {
        bool own = code == AMQP_APPLICATION_PROPERTIES && value.type == AMQP_MAP;
        if (!done && (own || code >= AMQP_DATA)) {
            put_properties(out, own ? &value : NULL, extra, endpoint);
            done = true;
        }
        if (!own) buf_put_slice(out, whole);
    }
    if (!done) put_properties(out, NULL, extra, endpoint);
}

void routing_put_sections(struct buf *out, const struct record *r, unsigned endpoint)
{
    struct slice rest = r->extra;
    struct route_property first;
    if (r->extra.len && route_enrichment_next(&rest, endpoint, &first) == OK)
        put_enriched(out, r->sections, r->extra, endpoint);
    else
        buf_put_slice(out, r->sections);
}

/* snapshot.c - made on the first core, dropped by whoever is last. */
#include "hub/routing/snapshot.h"

#include <stdlib.h>

#include "base/mem.h"
#include "hub/routing/document.h"

static void add_endpoint(struct snapshot *s, const struct routing_endpoint *e)
{
    assert(s->endpoint_count < ROUTE_ENDPOINTS_MAX);
    s->endpoints[s->endpoint_count++] = *e;
}

static void list_endpoints(struct snapshot *s, const struct routing_config *config,
                           const struct routing_bits *bits)
{
    const struct json *kinds = json_get(s->document, "endpoints");
    add_endpoint(s, &(struct routing_endpoint){.name = ROUTING_EVENTS});
    for (unsigned i = 0; i < config->kind_count; i++) {
        const struct routing_kind *kind = config->kinds[i];
        const struct json *list = json_get(kinds, kind->list);
        for (const struct json *e = list ? list->child : NULL; e; e = e->next) {
            struct slice name = json_str(e, "name");
            unsigned bit = routing_bits_find(bits, slice_str(kind->list), name);
            assert(bit != 0);
            add_endpoint(
                s, &(struct routing_endpoint){.name = (const char *)arena_copy(&s->arena, name).ptr,
                                              .bit = bit,
                                              .kind = kind,
                                              .json = e,
                                              .since_us = bits->bit[bit].since_us});
        }
    }
}

/* Of an endpoint that there is. */
static unsigned bit_of(const struct snapshot *s, struct slice name)
{
    unsigned i = 0;
    while (i < s->endpoint_count && !slice_is_nocase(name, s->endpoints[i].name)) i++;
    assert(i < s->endpoint_count);
    return s->endpoints[i].bit;
}

static size_t count(const struct json *list)
{
    size_t n = 0;
    for (const struct json *item = list->child; item; item = item->next) n++;
    return n;
}

/* Its only one. */
static unsigned endpoint_of(const struct snapshot *s, const struct json *route)
{
    return bit_of(s, json_get(route, "endpointNames")->child->text);
}

static struct route *list_routes(struct snapshot *s, size_t *n)
{
    const struct json *list = json_get(s->document, "routes");
    struct route *routes = arena_zero(&s->arena, (count(list) + 1) * sizeof *routes), *at = routes;
    for (const struct json *r = list->child; r; r = r->next, at++) {
        enum record_source source;
        enum err e = routing_source_of(json_str(r, "source"), &source);
        assert(e == OK);
        *at = (struct route){.name = json_str(r, "name"),
                             .source = source,
                             .condition = json_str(r, "condition"),
                             .endpoint = endpoint_of(s, r),
                             .enabled = json_get(r, "isEnabled")->truth};
        if (at->enabled) s->routed |= 1u << source;
    }
    *n = (size_t)(at - routes);
    return routes;
}

static struct route_enrichment *list_enrichments(struct snapshot *s, size_t *n)
{
    const struct json *list = json_get(s->document, "enrichments");
    struct route_enrichment *all = arena_zero(&s->arena, (count(list) + 1) * sizeof *all),
                            *at = all;
    for (const struct json *x = list->child; x; x = x->next, at++) {
        *at = (struct route_enrichment){.key = json_str(x, "key"), .value = json_str(x, "value")};
        const struct json *names = json_get(x, "endpointNames");
        for (const struct json *name = names->child; name; name = name->next)
            at->endpoints |= UINT64_C(1) << bit_of(s, name->text);
    }
    *n = (size_t)(at - all);
    return all;
}

/* Where there is nothing but the fallback route to the stream, everything goes there as it is. */
static enum err make_table(struct snapshot *s, const struct hub *hub)
{
    const struct json *fallback = json_get(s->document, "fallbackRoute");
    struct route_table_config cfg = {.hub_name = slice_str(hub->name),
                                     .fallback_enabled = json_get(fallback, "isEnabled")->truth,
                                     .fallback_endpoint = endpoint_of(s, fallback)};
    struct route_mistake mistake = {0};
    size_t bad;
    cfg.routes = list_routes(s, &cfg.route_count);
    cfg.enrichments = list_enrichments(s, &cfg.enrichment_count);
    bool plain = cfg.route_count == 0 && cfg.enrichment_count == 0 && cfg.fallback_enabled &&
                 cfg.fallback_endpoint == 0;
    if (plain) return OK;
    enum err e = route_table_new(&cfg, &s->table, &bad, &mistake);
    return e == OK ? OK : fail(e, "routes: %s", mistake.text);
}

enum err snapshot_new(const struct hub *hub, const struct routing_config *config,
                      struct arena *arena, const struct json *document,
                      const struct routing_bits *bits, struct snapshot **out)
{
    struct snapshot *s = NEW(struct snapshot);
    atomic_init(&s->refs, 1);
    s->arena = *arena;
    *arena = (struct arena){0};
    s->document = document;
    list_endpoints(s, config, bits);
    enum err e = make_table(s, hub);
    if (e == OK)
        *out = s;
    else
        snapshot_unref(s);
    return e;
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void snapshot_unref(struct snapshot *s)
{
    if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1) return;
    route_table_free(s->table);
    arena_wipe(&s->arena); /* endpoints have keys */
    free(s);
}

/* enrich.c - properties that endpoints get beside what the device sent. */
#include <ctype.h>

#include "base/cur.h"
#include "base/mem.h"
#include "route/eval.h"
#include "route/table.h"

/* ---- compiling */

static bool is_key(struct slice key)
{
    for (size_t i = 0; i < key.len; i++)
        if (!isalnum(key.ptr[i]) && (key.ptr[i] == 0 || !strchr("-_.", key.ptr[i]))) return false;
    return key.len > 0;
}

static enum err check(const struct route_enrichment *e, struct route_mistake *mistake)
{
    if (!is_key(e->key))
        return table_refuse(mistake, ERR_INVALID,
                            "an enrichment's key is letters, digits, '-', '_' and '.'");
    if (e->key.len > ROUTE_ENRICHMENT_KEY_MAX)
        return table_refuse(mistake, ERR_TOO_BIG, "an enrichment's key has at most %d bytes",
                            ROUTE_ENRICHMENT_KEY_MAX);
    if (e->value.len > ROUTE_ENRICHMENT_VALUE_MAX)
        return table_refuse(mistake, ERR_TOO_BIG, "an enrichment's value has at most %d bytes",
                            ROUTE_ENRICHMENT_VALUE_MAX);
    return OK;
}

/* Application properties are of one name in any case: an endpoint gets one of each. */
static enum err check_others(const struct route_table *t, const struct route_enrichment *e,
                             struct route_mistake *mistake)
{
    for (size_t i = 0; i < t->enrichment_count; i++)
        if ((t->enrichments[i].endpoints & e->endpoints) &&
            slice_eq_nocase(t->enrichments[i].key, e->key))
            return table_refuse(mistake, ERR_EXISTS, "an endpoint has two enrichments %.*s",
                                SLICE_ARG(e->key));
    return OK;
}

/* What looks like a path and is none is text. */
static void read_value(struct route_table *t, struct table_enrichment *to, struct slice hub_name)
{
    struct arena words = {0};
    struct step *path;
    if (slice_is_nocase(to->value, "$iothubname")) {
        to->value = arena_copy(&t->arena, hub_name);
    } else if (slice_starts_nocase(to->value, SLICE_LIT("$twin.")) &&
               route_parse_twin_path(&words, to->value, &path) == OK) {
        to->kind = ENRICH_TWIN;
        to->slot = paths_add(&t->program.paths[IN_TWIN], &t->program.arena, path);
    }
    arena_free(&words);
}

enum err enrich_compile(struct route_table *t, const struct route_table_config *cfg,
                        struct route_mistake *mistake)
{
    if (cfg->enrichment_count > ROUTE_ENRICHMENTS_MAX)
        return table_refuse(mistake, ERR_FULL, "there are at most %d enrichments",
                            ROUTE_ENRICHMENTS_MAX);
    t->enrichments = mem_zero((cfg->enrichment_count + 1) * sizeof *t->enrichments);
    for (size_t i = 0; i < cfg->enrichment_count; i++) {
        const struct route_enrichment *e = &cfg->enrichments[i];
        TRY(check(e, mistake));
        TRY(check_others(t, e, mistake));
        struct table_enrichment *to = &t->enrichments[t->enrichment_count++];
        to->key = arena_copy(&t->arena, e->key);
        to->value = arena_copy(&t->arena, e->value);
        to->endpoints = e->endpoints;
        read_value(t, to, cfg->hub_name);
    }
    return OK;
}

bool enrich_wants_twin(const struct route_table *t, unsigned source, uint64_t endpoints)
{
    if (source == ROUTE_SOURCE_DIGITAL_TWIN_CHANGE) return false;
    for (size_t i = 0; i < t->enrichment_count; i++)
        if (t->enrichments[i].kind == ENRICH_TWIN && (t->enrichments[i].endpoints & endpoints))
            return true;
    return false;
}

/* ---- stamping */

static void put_entry(struct buf *out, uint64_t endpoints, struct slice key, struct slice value)
{
    buf_put_le64(out, endpoints);
    buf_put_le16(out, (uint16_t)key.len);
    buf_put_le16(out, (uint16_t)value.len);
    buf_put_slice(out, key);
    buf_put_slice(out, value);
}

/* A text, or else what stands in the twin's JSON. */
static struct slice value_of(const struct table_enrichment *e, struct route_matcher *x)
{
    const struct value *v = e->kind == ENRICH_TWIN ? route_eval_slot(x, IN_TWIN, e->slot) : NULL;
    return v && v->text.len <= UINT16_MAX ? v->text : e->value;
}

void route_enrich(const struct route_table *t, struct route_matcher *x, uint64_t endpoints,
                  struct buf *out)
{
    assert(x->program == &t->program);
    if (x->message->source == ROUTE_SOURCE_DIGITAL_TWIN_CHANGE) return;
    for (size_t i = 0; i < t->enrichment_count; i++) {
        const struct table_enrichment *e = &t->enrichments[i];
        if (e->endpoints & endpoints)
            put_entry(out, e->endpoints & endpoints, e->key, value_of(e, x));
    }
}

enum err route_enrichment_next(struct slice *extra, unsigned endpoint, struct route_property *out)
{
    struct cur c = cur_of(*extra);
    while (cur_left(&c) > 0) {
        uint64_t endpoints = cur_le64(&c);
        uint16_t key_len = cur_le16(&c), value_len = cur_le16(&c);
        out->name = cur_take(&c, key_len);
        out->value = cur_take(&c, value_len);
        if (c.bad) return ERR_CORRUPT;
        *extra = cur_rest(&c);
        if (endpoint < ROUTE_ENDPOINTS_MAX && (endpoints >> endpoint & 1)) return OK;
    }
    return ERR_NOT_FOUND;
}

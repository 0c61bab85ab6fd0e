/* table.c - a table of routes: compiled as one program, tested in the order of what conditions cost. */
#include "route/table.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "route/eval.h"

enum err table_refuse(struct route_mistake *mistake, enum err code, const char *fmt, ...)
{
    char text[sizeof mistake->text];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (mistake) {
        *mistake = (struct route_mistake){1, 1, 1, 1, ""};
        memcpy(mistake->text, text, sizeof text);
    }
    return fail(code, "%s", text);
}

/* ---- what is refused */

static bool is_name(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum(name.ptr[i]) && (name.ptr[i] == 0 || !strchr("._-", name.ptr[i])))
            return false;
    return name.len > 0 && name.len <= ROUTE_NAME_MAX;
}

static enum err check_route(const struct route *r, struct map *names, struct route_mistake *mistake)
{
    if (!is_name(r->name))
        return table_refuse(mistake, ERR_INVALID,
                            "a route's name has 1 to %d letters, digits, '.', '_' and '-'",
                            ROUTE_NAME_MAX);
    if (map_put(names, r->name, (void *)(uintptr_t)r->name.ptr))
        return table_refuse(mistake, ERR_EXISTS, "two routes are called %.*s", SLICE_ARG(r->name));
    if (r->source >= ROUTE_SOURCES_MAX)
        return table_refuse(mistake, ERR_INVALID, "a route has no such source");
    if (r->endpoint >= ROUTE_ENDPOINTS_MAX)
        return table_refuse(mistake, ERR_INVALID, "a route has no such endpoint");
    return OK;
}

static enum err check_routes(const struct route_table_config *cfg, size_t *bad,
                             struct route_mistake *mistake)
{
    struct map names = {0};
    enum err err = OK;
    if (cfg->route_count > ROUTES_MAX)
        return table_refuse(mistake, ERR_FULL, "there are at most %d routes", ROUTES_MAX);
    if (cfg->fallback_enabled && cfg->fallback_endpoint >= ROUTE_ENDPOINTS_MAX)
        return table_refuse(mistake, ERR_INVALID, "the fallback has no such endpoint");
    for (size_t i = 0; i < cfg->route_count && err == OK; i++) {
        err = check_route(&cfg->routes[i], &names, mistake);
        if (err) *bad = i;
    }
    map_free(&names);
    return err;
}

/* ---- compiling */

static enum err compile_route(struct route_table *t, const struct route *r,
                              struct route_mistake *mistake)
{
    struct table_route *to = &t->routes[t->route_count++];
    *to = (struct table_route){
        .source = (uint16_t)r->source, .endpoint = (uint8_t)r->endpoint, .enabled = r->enabled};
    TRY(program_add(&t->program, r->condition, &to->root, mistake));
    if (t->program.node_count <= ROUTE_TABLE_NODES_MAX) return OK;
    return table_refuse(mistake, ERR_FULL, "all conditions together have at most %d parts",
                        ROUTE_TABLE_NODES_MAX);
}

static void note_twins(struct route_table *t)
{
    for (unsigned source = 0; source < ROUTE_SOURCES_MAX; source++) {
        uint64_t endpoints = 0;
        uint8_t looks = 0;
        for (uint32_t i = t->first[source]; i < t->first[source + 1]; i++) {
            endpoints |= t->groups[i].endpoints;
            looks |= t->tests[t->groups[i].from].looks;
        }
        if (t->fallback && source == ROUTE_SOURCE_TELEMETRY)
            endpoints |= (uint64_t)1 << t->fallback_endpoint;
        if ((looks & LOOKS_AT_TWIN) || enrich_wants_twin(t, source, endpoints))
            t->wants_twin |= 1u << source;
    }
}

static enum err compile(struct route_table *t, const struct route_table_config *cfg,
                        size_t *bad_route, struct route_mistake *mistake)
{
    t->fallback = cfg->fallback_enabled;
    t->fallback_endpoint = (uint8_t)cfg->fallback_endpoint;
    t->routes = mem_zero((cfg->route_count + 1) * sizeof *t->routes);
    for (size_t i = 0; i < cfg->route_count; i++) {
        *bad_route = i;
        TRY(compile_route(t, &cfg->routes[i], mistake));
    }
    *bad_route = SIZE_MAX;
    program_finish(&t->program);
    TRY(enrich_compile(t, cfg, mistake));
    table_order(t);
    note_twins(t);
    return OK;
}

enum err route_table_new(const struct route_table_config *cfg, struct route_table **out,
                         size_t *bad_route, struct route_mistake *mistake)
{
    size_t ignored;
    if (bad_route == NULL) bad_route = &ignored;
    *bad_route = SIZE_MAX;
    TRY(check_routes(cfg, bad_route, mistake));
    struct route_table *t = NEW(struct route_table);
    enum err err = compile(t, cfg, bad_route, mistake);
    if (err)
        route_table_free(t);
    else
        *out = t;
    return err;
}

void route_table_free(struct route_table *t)
{
    if (t == NULL) return;
    program_free(&t->program);
    arena_free(&t->arena);
    free(t->routes);
    free(t->tests);
    free(t->groups);
    free(t->enrichments);
    free(t);
}

bool route_table_wants_twin(const struct route_table *t, unsigned source)
{
    return source < ROUTE_SOURCES_MAX && (t->wants_twin >> source & 1);
}

/* ---- matching */

struct route_matcher *route_matcher_new(void)
{
    return NEW(struct route_matcher);
}

void route_matcher_free(struct route_matcher *x)
{
    if (x == NULL) return;
    route_eval_free(x);
    free(x);
}

/* Something that is false makes a chain of ANDs false wherever it stands. */
static inline bool fails_at_once(const struct table_test *t, const struct value *v)
{
    return v && t->constant && route_compare(t->compare, v, t->constant) == ROUTE_FALSE;
}

/* How many of a group's constants are less than `v`, or equal to it, too. */
static uint32_t count_below(const struct table_test *tests, uint32_t count, const struct value *v,
                            bool equal_too)
{
    uint32_t low = 0;
    while (low < count) {
        uint32_t middle = low + (count - low) / 2;
        const struct value *c = tests[middle].constant;
        int order = v->type == VALUE_NUMBER ? (c->number > v->number) - (c->number < v->number)
                                            : slice_cmp(c->text, v->text);
        if (order < equal_too)
            low = middle + 1;
        else
            count = middle;
    }
    return low;
}

/* Those of a group that a value of its type does not let fail. */
static struct table_group narrow(const struct route_table *t, const struct table_group *g,
                                 const struct value *v)
{
    const struct table_test *tests = t->tests + g->from;
    uint32_t from = 0, end = g->count;
    switch (g->compare) {
    case CMP_LT: from = count_below(tests, end, v, true); break;
    case CMP_LE: from = count_below(tests, end, v, false); break;
    case CMP_GT: end = count_below(tests, end, v, false); break;
    case CMP_GE: end = count_below(tests, end, v, true); break;
    default: from = count_below(tests, end, v, false); end = count_below(tests, end, v, true);
    }
    return (struct table_group){.from = g->from + from, .count = end - from};
}

static void match_tests(const struct route_table *t, struct route_matcher *x,
                        const struct table_group *g, const struct value *v, struct route_result *r)
{
    const struct table_test *test = t->tests + g->from, *end = test + g->count;
    for (; test < end; test++) {
        if (r->endpoints & test->endpoint) continue;
        r->tested++;
        if (fails_at_once(test, v)) continue;
        enum route_truth truth = route_eval(x, test->root);
        if (truth == ROUTE_TRUE) r->endpoints |= test->endpoint;
        if (truth == ROUTE_UNDEFINED) r->undefined++;
    }
}

/* A group whose endpoints all have the message is not looked at. */
static void match_group(const struct route_table *t, struct route_matcher *x,
                        const struct table_group *g, struct route_result *r)
{
    if ((g->endpoints & ~r->endpoints) == 0) return;
    bool begins = t->tests[g->from].constant != NULL;
    const struct value *v = begins ? route_eval_slot(x, g->place, g->slot) : NULL;
    struct table_group left = *g;
    if (v && g->type == v->type) left = narrow(t, g, v);
    r->tested += g->count - left.count;
    match_tests(t, x, &left, v, r);
}

/* The routes of its source, into `r`. */
static void match_all(const struct route_table *t, struct route_matcher *x, unsigned source,
                      struct route_result *r)
{
    for (uint32_t i = t->first[source]; i < t->first[source + 1]; i++)
        match_group(t, x, &t->groups[i], r);
}

void route_match(const struct route_table *t, struct route_matcher *x,
                 const struct route_message *m, struct route_result *out)
{
    struct route_result r = {0};
    route_eval_begin(x, &t->program, m);
    if (m->source < ROUTE_SOURCES_MAX) {
        match_all(t, x, m->source, &r);
        r.fallback = t->fallback && r.endpoints == 0 && m->source == ROUTE_SOURCE_TELEMETRY;
        if (r.fallback) r.endpoints = (uint64_t)1 << t->fallback_endpoint;
    }
    r.unreadable = x->unreadable;
    *out = r;
}

void route_match_each(const struct route_table *t, struct route_matcher *x,
                      const struct route_message *m, void (*fn)(void *ctx, size_t route), void *ctx)
{
    route_eval_begin(x, &t->program, m);
    for (size_t i = 0; i < t->route_count; i++) {
        const struct table_route *r = &t->routes[i];
        if (!r->enabled || r->source != m->source) continue;
        if (route_eval(x, r->root) == ROUTE_TRUE) fn(ctx, i);
    }
}

/* routing_bench.c - route_match() alone: CPU for a message at 0, 10, 100 and 1000 routes.
 *
 * usage: routing_bench [ROUNDS]     prints one line of JSON
 *
 * No condition is true, so that all are looked at.  The peer in the same minute, in turn with it, does
 * what is plain: it reads the body into a tree of base/json.h and walks each condition's tree
 * (hub/query/eval.h).  Figures are medians of the rounds, in nanoseconds of the thread's CPU time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/num.h"
#include "hub/query/eval.h"
#include "route/program.h"

enum { ROUNDS = 5, ROUNDS_MAX = 99, ROUND_NS = 40000000, BATCH = 64, KINDS = 2, COUNTS = 4 };

static const size_t counts[COUNTS] = {0, 10, 100, 1000};
static const char *const kinds[KINDS] = {"properties", "body"};

static const char body[] = "{\"deviceId\":\"press-0042\",\"time\":\"2026-11-26T12:00:00Z\","
                           "\"temperature\":21.5,\"humidity\":48.25,"
                           "\"pressure\":1013.2,\"vibration\":{\"x\":0.12,\"y\":0.07,\"z\":0.31},"
                           "\"rpm\":1480,\"state\":\"running\","
                           "\"counts\":[12,0,3],\"operator\":\"shift-b\",\"firmware\":\"4.7.1\"}";

static const struct route_property properties[] = {
    {SLICE_LIT("severity"), SLICE_LIT("2")},
    {SLICE_LIT("messageType"), SLICE_LIT("telemetry")},
    {SLICE_LIT("line"), SLICE_LIT("7")},
    {SLICE_LIT("site"), SLICE_LIT("north")}};

struct bench {
    struct route_table *table;
    struct route_matcher *matcher;
    struct route_message message;
    struct arena trees;
    struct expr **conditions; /* the peer's */
    size_t count;
    struct json *properties;
};

static _Noreturn void stop(const char *what)
{
    fprintf(stderr, "routing_bench: %s: %s\n", what, fail_text());
    exit(2);
}

/* ---- conditions: each with a number of its own, over all that a message has */

static void put_condition(struct buf *out, bool of_body, size_t i)
{
    static const char *const fields[] = {"temperature", "humidity", "pressure",  "vibration.x",
                                         "vibration.z", "rpm",      "counts[1]", "counts[2]"};
    static const char *const texts[] = {"severity", "messageType", "line", "site"};
    if (of_body)
        buf_printf(out, "$body.%s > %zu AND $body.state = 'running'", fields[i % 8], 2000 + i);
    else if (i % 4 == 0)
        buf_printf(out, "as_number(severity) > %zu AND site = 'north'", 100 + i);
    else
        buf_printf(out, "%s = 'value %zu' AND line = '7'", texts[i % 4], i);
}

static void make_routes(struct bench *b, bool of_body)
{
    struct route *routes = mem_zero((b->count + 1) * sizeof *routes);
    struct route_table_config cfg = {.routes = routes, .route_count = b->count};
    b->conditions = mem_zero((b->count + 1) * sizeof(struct expr *));
    for (size_t i = 0; i < b->count; i++) {
        struct buf text = {0}, name = {0};
        put_condition(&text, of_body, i);
        buf_printf(&name, "route-%zu", i);
        routes[i] = (struct route){.name = arena_copy(&b->trees, buf_slice(&name)),
                                   .condition = arena_copy(&b->trees, buf_slice(&text)),
                                   .endpoint = 1 + (unsigned)i % 60,
                                   .enabled = true};
        if (route_parse(&b->trees, routes[i].condition, &b->conditions[i], NULL)) stop("parse");
        buf_free(&text);
        buf_free(&name);
    }
    if (route_table_new(&cfg, &b->table, NULL, NULL)) stop("table");
    free(routes);
}

static void begin(struct bench *b, bool of_body, size_t count)
{
    *b = (struct bench){.count = count, .matcher = route_matcher_new()};
    b->message.system[ROUTE_CONTENT_TYPE] = SLICE_LIT("application/json");
    b->message.system[ROUTE_CONTENT_ENCODING] = SLICE_LIT("utf-8");
    b->message.body = slice_str(body);
    b->message.properties = properties;
    b->message.property_count = sizeof properties / sizeof *properties;
    b->properties = json_new(&b->trees, JSON_OBJECT);
    for (size_t i = 0; i < b->message.property_count; i++)
        json_set(&b->trees, b->properties, properties[i].name,
                 json_new_string(&b->trees, properties[i].value));
    make_routes(b, of_body);
}

static void end(struct bench *b)
{
    route_table_free(b->table);
    route_matcher_free(b->matcher);
    free(b->conditions);
    arena_free(&b->trees);
}

/* ---- one message */

static unsigned ours(struct bench *b, struct arena *a)
{
    struct route_result result;
    (void)a;
    route_match(b->table, b->matcher, &b->message, &result);
    if (result.tested != b->count || result.endpoints) stop("a condition is true");
    return result.undefined;
}

struct peer {
    struct doc doc;
    const struct json *properties, *body;
};

static const struct json *find(struct doc *d, const struct step *path)
{
    const struct peer *p = CONTAINER_OF(d, struct peer, doc);
    if (slice_is(path->name, "$body")) return doc_walk(p->body, path->next);
    return doc_walk(p->properties, path);
}

static unsigned plain(struct bench *b, struct arena *a)
{
    unsigned matched = 0;
    struct json *tree;
    struct peer p = {.doc = {.arena = a, .find = find}, .properties = b->properties};
    arena_reset(a);
    if (b->count && json_parse(a, b->message.body, &tree) == OK) p.body = tree;
    for (size_t i = 0; i < b->count; i++) matched += eval_condition(&p.doc, b->conditions[i]);
    if (matched) stop("a condition is true for the peer");
    return matched;
}

/* ---- measuring */

static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

static double measure(struct bench *b, unsigned (*one)(struct bench *, struct arena *))
{
    struct arena a = {0};
    int64_t from, now;
    uint64_t done = 0;
    unsigned undefined = 0;
    for (unsigned i = 0; i < BATCH; i++) undefined += one(b, &a);
    from = cpu_ns();
    do {
        for (unsigned i = 0; i < BATCH; i++) undefined += one(b, &a);
        done += BATCH;
        now = cpu_ns();
    } while (now - from < ROUND_NS);
    if (undefined) stop("a condition is undefined");
    arena_free(&a);
    return (double)(now - from) / (double)done;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_case(const char *kind, size_t count, double *us, double *peers, unsigned rounds)
{
    qsort(us, rounds, sizeof *us, by_size);
    qsort(peers, rounds, sizeof *peers, by_size);
    double ns = us[rounds / 2], peer = peers[rounds / 2];
    printf("\"%s_%zu\": {\"ns\": %.0f, \"peer_ns\": %.0f, \"ratio\": %.3f}, ", kind, count, ns,
           peer, ns / peer);
}

static void run_case(unsigned kind, size_t count, unsigned rounds)
{
    double us[ROUNDS_MAX], peers[ROUNDS_MAX];
    struct bench b;
    begin(&b, kind == 1, count);
    for (unsigned i = 0; i < rounds; i++) {
        us[i] = measure(&b, ours);
        peers[i] = measure(&b, plain);
    }
    end(&b);
    print_case(kinds[kind], count, us, peers, rounds);
}

int main(int argc, char **argv)
{
    uint64_t rounds = ROUNDS;
    if (argc > 1 && (num_u64(slice_str(argv[1]), &rounds) || rounds < 1 || rounds > ROUNDS_MAX))
        stop("usage: routing_bench [ROUNDS]");
    printf("{");
    for (unsigned kind = 0; kind < KINDS; kind++)
        for (unsigned i = 0; i < COUNTS; i++) run_case(kind, counts[i], (unsigned)rounds);
    printf("\"body_bytes\": %zu, \"rounds\": %u}\n", sizeof body - 1, (unsigned)rounds);
    return 0;
}

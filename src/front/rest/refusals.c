/* refusals.c - /admin/v1: why devices are refused (hub/refusal). */
#include <stdio.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/num.h"
#include "base/text.h"
#include "front/rest/call.h"

enum {
    LIST_DEFAULT = 100,
    BARE_SECONDS_MAX = 366 * 24 * 3600, /* in `since` */
};

static struct refusal_reader reader_of(const struct call *c)
{
    const struct rest_config *config = c->service->config;
    return (struct refusal_reader){.host = config->hub->hosts[0], .ca = config->ca_path};
}

static void bad(struct call *c, const char *text)
{
    rest_answer_status(c, STATUS_ARGUMENT_INVALID, text);
}

/* ---- parameters; false: it is none */

/* Seconds that are left without their unit are an epoch time's when they are more than a year. */
static enum err read_since(struct slice text, int64_t *out)
{
    uint64_t seconds;
    int64_t span_us;
    if (num_u64(text, &seconds) == OK && seconds > BARE_SECONDS_MAX) return ERR_INVALID;
    if (num_duration_us(text, &span_us) != OK) return clock_parse_iso(text, out);
    *out = clock_wall_us() - span_us;
    return OK;
}

static bool get_since(const struct call *c, int64_t *out)
{
    struct buf text = {0};
    *out = 0;
    bool fine = !rest_query_get(c, "since", &text) || read_since(buf_slice(&text), out) == OK;
    buf_free(&text);
    return fine;
}

/* What is no refusal is shown to who asks for it. */
static bool wants_grey(const struct call *c)
{
    struct buf text = {0};
    bool wants = rest_query_get(c, "grey", &text) && slice_is(buf_slice(&text), "true");
    buf_free(&text);
    return wants;
}

static bool get_cause(const struct call *c, enum refusal_cause *out)
{
    struct buf text = {0};
    bool given = rest_query_get(c, "cause", &text);
    *out = given ? refusal_cause_of(buf_slice(&text)) : REFUSAL_CAUSES;
    buf_free(&text);
    return !given || *out != REFUSAL_CAUSES;
}

/* "time.core" of the last record of the page before. */
static bool get_place(const struct call *c, struct refusal_query *q)
{
    struct buf text = {0};
    uint64_t us = INT64_MAX, core = 0;
    bool fine = true;
    if (rest_query_get(c, "continuationToken", &text)) {
        struct slice rest = buf_slice(&text), first;
        fine = slice_split(&rest, '.', &first) && num_u64(first, &us) == OK &&
               num_u64(rest, &core) == OK && us <= INT64_MAX && core < LANES_MAX;
    }
    q->before_us = (int64_t)us;
    q->before_core = (unsigned)core;
    buf_free(&text);
    return fine;
}

/* ---- of one identity */

static void ask_attempts(struct call *c)
{
    struct refusal_query q = {.cause = REFUSAL_CAUSES,
                              .top = c->refusals_top,
                              .before_us = INT64_MAX,
                              .who = buf_slice(&c->who)};
    rest_call_wait(c, WAITING_REFUSALS);
    refusal_ask(c->service->config->hub->refusals, c->service->lane, &q, &c->refusal_wait);
}

static void answer_attempts(struct call *c, const struct refusal_page *page)
{
    struct refusal_reader reader = reader_of(c);
    struct buf json = {0};
    reader.spelling = buf_slice(&c->body);
    reader.presence = c->presence;
    refusal_write_all(&json, buf_slice(&c->who), page, &reader, c->service->started_us,
                      clock_wall_us());
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
}

static void on_attempts_again(struct refusal_wait *w, const struct refusal_page *page)
{
    struct call *c = CONTAINER_OF(w, struct call, refusal_wait);
    rest_call_resume(c);
    answer_attempts(c, page);
    rest_call_end(c);
}

/* The journal is asked again rather than kept. */
static void on_spelling(struct refusal_spelling *s, struct slice other)
{
    struct call *c = CONTAINER_OF(s, struct call, spelling);
    rest_call_resume(c);
    buf_clear(&c->body);
    buf_put_slice(&c->body, other);
    c->refusal_wait.fn = on_attempts_again;
    ask_attempts(c);
    rest_call_end(c);
}

static void on_attempts(struct refusal_wait *w, const struct refusal_page *page)
{
    struct call *c = CONTAINER_OF(w, struct call, refusal_wait);
    rest_call_resume(c);
    buf_clear(&c->body);
    if (refusal_is_of_unknown_id(page)) {
        c->spelling.fn = on_spelling;
        rest_call_wait(c, WAITING_SPELLING);
        refusal_ask_spelling(c->service->config->hub->store, c->service->lane, buf_slice(&c->who),
                             &c->spelling);
    } else {
        answer_attempts(c, page);
    }
    rest_call_end(c);
}

/* One that is none is not connected. */
static struct refusal_presence read_presence(struct slice identity)
{
    struct refusal_presence p = {0};
    struct arena a = {0};
    struct json *doc;
    if (identity.len && json_parse(&a, identity, &doc) == OK) {
        p.connected = slice_is(json_str(doc, "connectionState"), "Connected");
        if (clock_parse_iso(json_str(doc, "connectionStateUpdatedTime"), &p.changed_us) != OK ||
            p.changed_us < 0)
            p.changed_us = 0; /* the year 1: never */
    }
    arena_free(&a);
    return p;
}

static void on_identity(struct registry_wait *w, const struct registry_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, registry_wait);
    rest_call_resume(c);
    c->presence = read_presence(a->status == STATUS_OK ? a->body : SLICE_NONE);
    c->refusal_wait.fn = on_attempts;
    ask_attempts(c);
    rest_call_end(c);
}

void rest_refusal_attempts(struct call *c)
{
    uint64_t top = REFUSAL_RING_MAX;
    if (!rest_route_who(c) || !rest_query_number(c, "top", &top)) return;
    c->refusals_top = (unsigned)top;
    c->registry_wait.fn = on_identity;
    rest_call_wait(c, WAITING_REGISTRY);
    registry_get(c->service->doors.registry, buf_slice(&c->who), &c->registry_wait);
}

/* ---- the list */

static void on_list(struct refusal_wait *w, const struct refusal_page *page)
{
    struct call *c = CONTAINER_OF(w, struct call, refusal_wait);
    struct refusal_reader reader = reader_of(c);
    struct buf json = {0};
    rest_call_resume(c);
    buf_put_str(&json, "{\"value\":[");
    for (size_t i = 0; i < page->count; i++) {
        if (i) buf_put_u8(&json, ',');
        refusal_write(&json, &page->items[i], &reader);
    }
    buf_put_str(&json, "],\"alerts\":");
    refusal_write_alerts(&json, page);
    buf_put_str(&json, ",\"continuationToken\":");
    if (page->more)
        buf_printf(&json, "\"%lld.%u\"}", (long long)page->items[page->count - 1].last_us,
                   page->items[page->count - 1].core);
    else
        buf_put_str(&json, "null}");
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
    rest_call_end(c);
}

void rest_refusal_list(struct call *c)
{
    struct refusal_query q = {.refused_only = !wants_grey(c)};
    uint64_t top = LIST_DEFAULT;
    if (!get_cause(c, &q.cause))
        bad(c, "there is no such cause: see /admin/v1/refusals/causes");
    else if (!get_since(c, &q.since_us))
        bad(c, "since is a time (2026-01-31T12:00:00Z) or how long ago (90s, 30m, 1h, 7d)");
    else if (!get_place(c, &q))
        bad(c, "the continuationToken is none of ours");
    else if (rest_query_number(c, "top", &top)) {
        q.top = (unsigned)top;
        rest_query_get(c, "id", &c->who);
        q.who = buf_slice(&c->who);
        c->refusal_wait.fn = on_list;
        rest_call_wait(c, WAITING_REFUSALS);
        refusal_ask(c->service->config->hub->refusals, c->service->lane, &q, &c->refusal_wait);
    }
}

void rest_refusal_causes(struct call *c)
{
    struct buf json = {0};
    refusal_write_causes(&json);
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
}

/* live.c - links and the messages of their pages; what a subscription tells is in the file of its kind. */
#include "front/console/live.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/say.h"
#include "base/text.h"
#include "front/console/live_link.h"
#include "proto/ws/ws.h"

LIMIT_REACHED(too_many_links, "live-links")
LIMIT_REACHED(too_many_subs, "live-subscriptions")
GAUGE(links_now, "azimuth_live_links", "Pages of the console with a live link");
GAUGE(subs_now, "azimuth_live_subscriptions", "Subscriptions of live links");

/* ---- output */

void live_end_message(struct link *l)
{
    buf_put_u8(conn_out(l->conn), WS_TEXT_END);
}

void live_tell_error(struct link *l, int64_t id, const char *text)
{
    struct buf *out = conn_out(l->conn);
    buf_printf(out, "{\"id\":%" PRId64 ",\"error\":", id);
    text_json_string(out, slice_str(text));
    buf_put_u8(out, '}');
    live_end_message(l);
}

/* ---- subscriptions */

static const struct live_kind *const kinds[] = {&live_events, &live_metrics, &live_query};

void live_set_timer(struct sub *s, int64_t due_us)
{
    timer_set(&s->link->live->lane->timers, &s->timer, due_us);
}

void live_start_at_once(struct sub *s)
{
    live_set_timer(s, clock_mono_us());
}

static void on_timer(struct timer *t, int64_t now_us)
{
    struct sub *s = CONTAINER_OF(t, struct sub, timer);
    s->kind->turn(s, now_us);
}

void live_drop(struct sub *s)
{
    timer_stop(&s->timer);
    list_remove(&s->node);
    if (s->kind->close) s->kind->close(s);
    arena_free(&s->arena);
    s->link->sub_count--;
    metric_add(&subs_now, -1);
    free(s);
}

static struct sub *find_sub(struct link *l, int64_t id)
{
    LIST_EACH(node, &l->subs)
    {
        struct sub *s = CONTAINER_OF(node, struct sub, node);
        if (s->id == id) return s;
    }
    return NULL;
}

/* NULL: there is no such kind. */
static const struct live_kind *find_kind(struct slice name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (slice_is(name, kinds[i]->name)) return kinds[i];
    return NULL;
}

static struct sub *new_sub(struct link *l, int64_t id, const struct live_kind *kind)
{
    struct sub *s = NEW(struct sub);
    s->link = l;
    s->id = id;
    s->kind = kind;
    timer_init(&s->timer, on_timer);
    list_push(&l->subs, &s->node);
    l->sub_count++;
    metric_add(&subs_now, 1);
    return s;
}

/* NULL, or why there can be no subscription of that id. */
static const char *refusal(struct link *l, int64_t id, const struct live_kind *kind)
{
    if (find_sub(l, id)) return "this id is taken";
    if (l->sub_count == LIVE_SUBS_MAX) {
        metric_inc(&too_many_subs);
        return "at most 16 subscriptions";
    }
    return kind ? NULL : "sub: events, metrics or query";
}

static void subscribe(struct link *l, int64_t id, struct slice what, const struct json *m)
{
    const struct live_kind *kind = find_kind(what);
    const char *fault = refusal(l, id, kind);
    if (fault == NULL) {
        struct sub *s = new_sub(l, id, kind);
        fault = kind->read(s, m);
        if (fault)
            live_drop(s);
        else
            kind->start(s);
    }
    if (fault) live_tell_error(l, id, fault);
}

static void pause_sub(struct sub *s, bool on)
{
    s->paused = on;
    if (s->kind->pause) s->kind->pause(s);
}

/* ---- messages of the page */

static void on_request(struct link *l, const struct json *m)
{
    struct json *number = json_given(m, "id"), *pause = json_given(m, "pause");
    struct slice what = json_str(m, "sub");
    int64_t id;
    if (number == NULL || json_i64(number, &id) != OK) {
        live_tell_error(l, 0, "id: expected a number");
        return;
    }
    if (what.ptr) {
        subscribe(l, id, what, m);
        return;
    }
    struct sub *s = find_sub(l, id);
    if (s == NULL)
        live_tell_error(l, id, "there is no such subscription");
    else if (json_given(m, "unsub"))
        live_drop(s);
    else if (pause && pause->type == JSON_BOOL)
        pause_sub(s, pause->truth);
    else
        live_tell_error(l, id, "expected sub, unsub or pause");
}

static void on_message(struct link *l)
{
    struct arena a = {0};
    struct json *m;
    if (json_parse(&a, buf_slice(&l->in), &m) == OK && m->type == JSON_OBJECT)
        on_request(l, m);
    else
        live_tell_error(l, 0, "expected a JSON object");
    buf_clear(&l->in);
    arena_free(&a);
}

static void hang_up(struct link *l, const char *why)
{
    if (l->closing) return;
    say_debug("live.closed", "peer=%s reason=\"%s\"", conn_peer(l->conn), why);
    l->closing = true;
    conn_close(l->conn);
}

static void live_feed(void *self, struct slice bytes, int64_t now_us)
{
    struct link *l = self;
    (void)now_us;
    while (bytes.len && !l->closing) {
        size_t end = slice_find(bytes, WS_TEXT_END);
        if (buf_size(&l->in) + end > LIVE_REQUEST_MAX) {
            hang_up(l, "the message is too long");
            return;
        }
        buf_put_slice(&l->in, slice_head(bytes, end));
        if (end == bytes.len) return;
        on_message(l);
        bytes = slice_from(bytes, end + 1);
    }
}

/* ---- links */

static void watch(struct timer *t, int64_t now_us)
{
    struct link *l = CONTAINER_OF(t, struct link, watch);
    if (console_session_numbered(&l->live->console->sessions, l->session, now_us) == NULL)
        hang_up(l, "the session is over");
    else
        timer_set(&l->live->lane->timers, t, now_us + LIVE_METRICS_US);
}

static void *live_open(struct conn *conn, void *ctx, int64_t now_us)
{
    struct link *l = NEW(struct link);
    l->live = ctx;
    l->conn = conn;
    l->session = l->live->session;
    l->live->links++;
    list_init(&l->subs);
    timer_init(&l->watch, watch);
    timer_set(&l->live->lane->timers, &l->watch, now_us + LIVE_METRICS_US);
    metric_add(&links_now, 1);
    return l;
}

static void live_closed(void *self, enum err why, int64_t now_us)
{
    struct link *l = self;
    (void)why, (void)now_us;
    while (!list_empty(&l->subs)) live_drop(CONTAINER_OF(l->subs.next, struct sub, node));
    timer_stop(&l->watch);
    buf_free(&l->in);
    l->live->links--;
    metric_add(&links_now, -1);
    free(l);
}

static const struct front live_front = {
    .name = "live",
    .text = true,
    .open = live_open,
    .feed = live_feed,
    .closed = live_closed,
};

void live_upgrade(struct call *c)
{
    struct console *console = c->ctx;
    bool named;
    const struct console_session *s = sign_in_session(console, c, &named);
    if (s == NULL) {
        rest_answer_status(c, STATUS_UNAUTHORIZED_ACCESS, "the live link needs a session");
    } else if (console->live->links >= LIVE_LINKS_MAX) {
        metric_inc(&too_many_links);
        rest_answer_status(c, STATUS_SERVICE_UNAVAILABLE, "there are 64 live links already");
    } else {
        console->live->session = s->number;
        rest_upgrade_to(c, "azm.live.1", REST_LIVE);
    }
}

struct live *live_new(struct console *c)
{
    struct live *l = NEW(struct live);
    l->console = c;
    l->lane = c->lane;
    l->log = c->config->hub->log;
    rest_carry(c->rest, REST_LIVE, &live_front, l);
    return l;
}

void live_free(struct live *l)
{
    free(l);
}

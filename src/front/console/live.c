/* live.c - links, what their pages ask for, and batches. */
#include "front/console/live.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limit.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/say.h"
#include "base/text.h"
#include "front/console/event_text.h"
#include "front/console/rows.h"
#include "front/console/tap.h"
#include "hub/news/news.h"
#include "proto/ws/ws.h"

COUNTER(told, "azimuth_live_events_total", "Events told to pages of the console");
COUNTER(lost, "azimuth_live_events_passed_over_total",
        "Events that pages of the console were not told of, since there were too many");
LIMIT_REACHED(too_many_links, "live-links")
LIMIT_REACHED(too_many_subs, "live-subscriptions")
LIMIT_REACHED(too_many_queries, "live-queries")
GAUGE(links_now, "azimuth_live_links", "Pages of the console with a live link");
GAUGE(subs_now, "azimuth_live_subscriptions", "Subscriptions of live links");

struct live {
    struct console *console;
    struct lane *lane;
    struct log *log;
    unsigned links;
    uint64_t session; /* of the request that is being upgraded */
};

struct link {
    struct live *live;
    struct conn *conn;
    uint64_t session;
    struct buf in;    /* of a message, until its end has come */
    struct list subs; /* struct sub */
    unsigned sub_count, query_count;
    struct sub *asking; /* its query is being answered; NULL: none */
    int64_t rested_us;  /* before that no query is asked */
    struct timer watch; /* is the session still there? */
    bool closing;
};

enum sub_kind { SUB_EVENTS, SUB_METRICS, SUB_QUERY };

struct sub {
    struct list node;
    struct link *link;
    int64_t id;
    enum sub_kind kind;
    struct timer timer;
    int64_t interval_us, told_us;
    bool paused;

    struct taps taps; /* SUB_EVENTS */
    struct slice device;
    unsigned sources, news; /* kinds of either, as bits */
    struct news_watch watch;
    uint64_t news_at; /* the number to go on with */
    bool from_now;    /* or it has been at the end once: who falls behind is moved there */
    bool begun;
    struct buf batch;    /* what the next message has */
    size_t read, pieces; /* of the log, since the last one */
    uint64_t lost;

    struct slice names[LIVE_NAMES_MAX]; /* SUB_METRICS */
    unsigned name_count;

    struct rows *rows; /* SUB_QUERY */
    int64_t due_us;    /* when it is to be asked again, if the link has rested */

    struct arena arena; /* what the slices lie in */
    uint64_t *places;   /* `from`, by partition; NULL: `where` counts for all */
    struct log_seek_msg where;
};

/* ---- output */

static void end_message(struct link *l)
{
    buf_put_u8(conn_out(l->conn), WS_TEXT_END);
}

static void tell_error(struct link *l, int64_t id, const char *text)
{
    struct buf *out = conn_out(l->conn);
    buf_printf(out, "{\"id\":%" PRId64 ",\"error\":", id);
    text_json_string(out, slice_str(text));
    buf_put_u8(out, '}');
    end_message(l);
}

static void put_next(struct buf *out, const struct sub *s)
{
    const char *comma = "";
    buf_put_str(out, ",\"next\":{");
    for (unsigned i = 0; i < s->taps.count; i++) {
        const struct tap *t = &s->taps.items[i];
        buf_printf(out, "%s\"%u\":%" PRIu64, comma, t->partition, t->next);
        comma = ",";
    }
    if (s->news) buf_printf(out, "%s\"news\":%" PRIu64, comma, s->news_at);
    buf_put_u8(out, '}');
}

/* ---- batches */

/* Of a batch; some of it is kept from the log for what stands beside it. */
static size_t room_of(const struct sub *s, bool of_log)
{
    size_t room = (size_t)(LIVE_BYTES_MAX * s->interval_us / 1000000);
    return of_log && s->news ? room / 4 * 3 : room;
}

/* Where the next event of the batch goes, or NULL: there is no room, and it is counted. */
static struct buf *place_in_batch(struct sub *s, bool of_log)
{
    if (buf_size(&s->batch) >= room_of(s, of_log)) {
        s->lost++;
        return NULL;
    }
    if (buf_size(&s->batch)) buf_put_u8(&s->batch, ',');
    metric_inc(&told);
    return &s->batch;
}

static bool is_wanted(const struct sub *s, const struct record *r)
{
    if (!(s->sources & (1u << r->source))) return false;
    return s->device.ptr == NULL || slice_eq(event_device(r), s->device);
}

/* What does not fit is counted. */
static void take_piece(struct sub *s, struct tap *t)
{
    struct record r;
    if (t->frames.len == 0) return;
    s->pieces++;
    s->read += t->frames.len;
    while (tap_next(t, &r)) {
        struct buf *out = is_wanted(s, &r) ? place_in_batch(s, true) : NULL;
        if (out) event_put_text(out, &r, s->link->live->console->rest->doors.routing);
    }
}

static struct news *news_of(const struct sub *s)
{
    return s->link->live->console->config->hub->news;
}

/* True: there are more. */
static bool take_news(struct sub *s)
{
    struct news_item item;
    for (unsigned i = 0; i < LIVE_NEWS_MAX; i++) {
        if (!news_next(news_of(s), &s->news_at, &item, &s->lost)) return false;
        if (!(s->news & (1u << item.kind))) continue;
        if (s->device.ptr && !slice_eq(item.device, s->device)) continue;
        struct buf *out = place_in_batch(s, false);
        if (out) buf_put_slice(out, item.json);
    }
    return true;
}

static void tell(struct sub *s)
{
    struct buf *out = conn_out(s->link->conn);
    s->lost += s->taps.skipped;
    s->taps.skipped = 0;
    if (buf_size(&s->batch) == 0 && s->lost == 0 && s->begun) return;
    metric_add(&lost, (int64_t)s->lost);
    buf_printf(out, "{\"id\":%" PRId64 ",\"batch\":[", s->id);
    buf_put_slice(out, buf_slice(&s->batch));
    buf_put_u8(out, ']');
    put_next(out, s);
    buf_printf(out, ",\"lost\":%" PRIu64 "}", s->lost);
    end_message(s->link);
    s->lost = 0;
    s->begun = true;
    buf_free(&s->batch);
}

/* Who is told from now on, or has caught up once, is not left behind for long. */
static void look_at_end(struct sub *s)
{
    bool at_end = true;
    for (unsigned i = 0; i < s->taps.count; i++) {
        struct tap *t = &s->taps.items[i];
        t->behind = t->next < t->end ? t->behind + 1 : 0;
        if (t->behind) at_end = false;
        if (s->from_now && t->behind >= LIVE_BEHIND_MAX) tap_to_end(t);
    }
    if (at_end) s->from_now = true;
}

static void wait_for_turn(struct sub *s, int64_t now_us)
{
    int64_t due_us = MAX(s->told_us + s->interval_us, now_us);
    timer_set(&s->link->live->lane->timers, &s->timer, due_us);
}

/* A page that does not read is told nothing meanwhile; what comes waits in the log. */
static void tell_events(struct sub *s, int64_t now_us)
{
    s->told_us = now_us;
    if (conn_congested(s->link->conn)) {
        wait_for_turn(s, now_us);
        return;
    }
    look_at_end(s);
    bool more = s->news && take_news(s);
    tell(s);
    s->read = s->pieces = 0;
    taps_read_on(&s->taps);
    if (more) wait_for_turn(s, now_us);
}

static void on_news(struct news_watch *w)
{
    struct sub *s = CONTAINER_OF(w, struct sub, watch);
    if (s->paused || !taps_placed(&s->taps) || timer_active(&s->timer)) return;
    wait_for_turn(s, clock_mono_us());
}

static void on_came(struct taps *t)
{
    struct sub *s = CONTAINER_OF(t, struct sub, taps);
    if (s->paused) {
        for (unsigned i = 0; i < t->count; i++) tap_let_go(&t->items[i]);
        return;
    }
    if (!taps_placed(t)) return;
    for (unsigned i = 0; i < t->count; i++) take_piece(s, &t->items[i]);
    if (!timer_active(&s->timer)) wait_for_turn(s, clock_mono_us());
    if (s->read < LIVE_READ_BYTES && s->pieces < LIVE_PIECES_MAX) taps_read_on(t);
}

/* ---- metrics */

/* "name{labels} value": the sum over all labels.  False: there is no such metric, or not yet. */
static bool sum_of(struct slice text, struct slice name, int64_t *sum)
{
    struct slice line;
    int64_t value;
    bool found = false;
    *sum = 0;
    while (slice_split(&text, '\n', &line)) {
        if (!slice_starts(line, name) || line.len == name.len) continue;
        uint8_t behind = line.ptr[name.len];
        if (behind != ' ' && behind != '{') continue;
        size_t space = slice_rfind(line, ' ');
        if (space == line.len || num_i64(slice_from(line, space + 1), &value) != OK) continue;
        *sum += value;
        found = true;
    }
    return found;
}

static void put_metric(struct buf *out, struct slice text, struct slice name)
{
    int64_t sum;
    text_json_string(out, name);
    if (sum_of(text, name, &sum))
        buf_printf(out, ":%" PRId64, sum);
    else
        buf_put_str(out, ":null");
}

static void tell_metrics(struct sub *s, int64_t now_us)
{
    struct buf text = {0}, *out = conn_out(s->link->conn);
    timer_set(&s->link->live->lane->timers, &s->timer, now_us + LIVE_METRICS_US);
    if (s->paused || conn_congested(s->link->conn)) return;
    metrics_write(&text);
    buf_printf(out, "{\"id\":%" PRId64 ",\"at\":%" PRId64 ",\"metrics\":{", s->id,
               clock_wall_us() / 1000);
    for (unsigned i = 0; i < s->name_count; i++) {
        if (i) buf_put_u8(out, ',');
        put_metric(out, buf_slice(&text), s->names[i]);
    }
    buf_put_str(out, "}}");
    end_message(s->link);
    buf_free(&text);
}

/* ---- queries */

static void drop_sub(struct sub *s);

static void wait_to_ask(struct sub *s, int64_t now_us)
{
    int64_t due_us = MAX(s->due_us, s->link->rested_us);
    if (s->paused || s->link->asking == s) return;
    timer_set(&s->link->live->lane->timers, &s->timer, MAX(due_us, now_us));
}

static void wake_all(struct link *l, int64_t now_us)
{
    LIST_EACH(node, &l->subs)
    {
        struct sub *s = CONTAINER_OF(node, struct sub, node);
        if (s->kind == SUB_QUERY) wait_to_ask(s, now_us);
    }
}

/* Who has waited longest; NULL: it is nobody's turn. */
static struct sub *next_to_ask(const struct link *l, int64_t now_us)
{
    struct sub *next = NULL;
    LIST_EACH(node, &l->subs)
    {
        struct sub *s = CONTAINER_OF(node, struct sub, node);
        if (s->kind != SUB_QUERY || s->paused || s->due_us > now_us) continue;
        if (next == NULL || s->due_us < next->due_us) next = s;
    }
    return next;
}

/* A page that does not read hears of it later.  Who finds another asking is woken when that is answered. */
static void ask_query(struct link *l, int64_t now_us)
{
    struct sub *s = l->asking ? NULL : next_to_ask(l, now_us);
    if (s == NULL) return;
    if (conn_congested(l->conn)) l->rested_us = MAX(l->rested_us, now_us + LIVE_QUERY_US);
    if (now_us < l->rested_us) {
        wake_all(l, now_us);
        return;
    }
    l->asking = s;
    rows_ask(s->rows);
}

/* However the question ended, it took its time. */
static void rest(struct link *l, int64_t took_us)
{
    int64_t now_us = clock_mono_us();
    l->asking = NULL;
    l->rested_us = now_us + LIVE_QUERY_SHARE * took_us;
    wake_all(l, now_us);
}

static void tell_rows(struct sub *s, const struct query_answer *a)
{
    struct buf rows = {0}, *out = conn_out(s->link->conn);
    if (rows_put(s->rows, a, LIVE_BYTES_MAX, &rows)) {
        buf_printf(out, "{\"id\":%" PRId64 ",\"rows\":", s->id);
        buf_put_slice(out, buf_slice(&rows));
        buf_printf(out, ",\"count\":%u,\"more\":%s}", s->rows->count,
                   s->rows->more ? "true" : "false");
        end_message(s->link);
    }
    buf_free(&rows);
}

static void tell_fault(struct sub *s, struct slice text)
{
    struct buf copy = {0};
    buf_put_slice(&copy, text);
    tell_error(s->link, s->id, buf_cstr(&copy));
    buf_free(&copy);
}

/* What a paused one is answered is passed over: it asks the same when it goes on. */
static void on_rows(struct rows *r, const struct query_answer *a)
{
    struct sub *s = r->owner;
    if (a->status == STATUS_OK && !s->paused) tell_rows(s, a);
    bool at_once = a->status == STATUS_OK && rows_goes_on(r);
    s->due_us = clock_mono_us() + (at_once ? 0 : LIVE_QUERY_US);
    rest(s->link, r->took_us);
    if (a->status != STATUS_ARGUMENT_INVALID) return;
    tell_fault(s, a->text);
    drop_sub(s);
}

/* ---- subscriptions */

static void on_timer(struct timer *t, int64_t now_us)
{
    struct sub *s = CONTAINER_OF(t, struct sub, timer);
    if (s->kind == SUB_METRICS)
        tell_metrics(s, now_us);
    else if (s->kind == SUB_QUERY)
        ask_query(s->link, now_us);
    else if (!s->paused)
        tell_events(s, now_us);
}

static void drop_sub(struct sub *s)
{
    timer_stop(&s->timer);
    list_remove(&s->node);
    taps_close(&s->taps);
    if (s->news) news_unwatch(&s->watch);
    buf_free(&s->batch);
    arena_free(&s->arena);
    if (s->link->asking == s) rest(s->link, clock_mono_us() - s->rows->asked_us);
    if (s->rows) rows_close(s->rows);
    free(s->rows);
    s->link->sub_count--;
    s->link->query_count -= s->kind == SUB_QUERY;
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

static struct log_seek_msg place_of(void *ctx, uint16_t partition)
{
    const struct sub *s = ctx;
    struct log_seek_msg seek = s->where;
    if (s->places && s->places[partition] != UINT64_MAX) {
        seek.where = LOG_ORDINAL;
        seek.value = (int64_t)s->places[partition];
    }
    seek.partition = partition;
    return seek;
}

/* "-10m" */
static const char *read_time(struct sub *s, struct slice text)
{
    int64_t us;
    if (!slice_starts(text, SLICE_LIT("-")) || num_duration_us(slice_from(text, 1), &us) != OK)
        return "from: expected \"now\", a time ago such as \"-10m\", or the next of a batch";
    s->where.where = LOG_TIME;
    s->where.value = clock_wall_us() - us;
    if (s->news) s->news_at = news_since(news_of(s), s->where.value);
    return NULL;
}

static const char *read_places(struct sub *s, const struct json *from, unsigned partitions)
{
    static const char *const strange = "from: not the next of a batch of this hub";
    uint64_t partition;
    int64_t ordinal;
    s->places = arena_alloc(&s->arena, partitions * sizeof *s->places);
    for (unsigned i = 0; i < partitions; i++) s->places[i] = UINT64_MAX;
    for (const struct json *j = from->child; j; j = j->next) {
        if (json_i64(j, &ordinal) != OK || ordinal < 0) return strange;
        if (slice_is(j->key, "news")) {
            s->news_at = (uint64_t)ordinal;
            continue;
        }
        if (num_u64(j->key, &partition) != OK || partition >= partitions) return strange;
        s->places[partition] = (uint64_t)ordinal;
    }
    return NULL;
}

static const char *read_from(struct sub *s, const struct json *from)
{
    unsigned partitions = log_partitions(s->link->live->log, 0);
    s->where.where = LOG_LATEST;
    s->from_now = true;
    if (s->news) s->news_at = news_end(news_of(s));
    if (from == NULL || (from->type == JSON_STRING && slice_is(from->text, "now"))) return NULL;
    s->from_now = false;
    if (from->type == JSON_OBJECT) return read_places(s, from, partitions);
    return read_time(s, from->type == JSON_STRING ? from->text : SLICE_NONE);
}

/* Kinds of news that the page may be told of. */
static unsigned news_allowed(const struct sub *s)
{
    const struct link *l = s->link;
    const struct console_session *session =
        console_session_numbered(&l->live->console->sessions, l->session, clock_mono_us());
    unsigned rights = session ? session->rights : 0;
    if (news_of(s) == NULL) return 0;
    return 1u << NEWS_METHOD | (sign_in_reads_all(rights) ? 1u << NEWS_REFUSED : 0);
}

static const char *add_kind(struct sub *s, struct slice kind)
{
    static const char *const names[NEWS_KINDS] = {
        [NEWS_METHOD] = "method", [NEWS_REFUSED] = "refused"};
    unsigned sources = event_sources(kind), allowed = news_allowed(s), news = 0;
    for (unsigned i = 0; i < NEWS_KINDS; i++)
        if (slice_is(kind, names[i])) news = 1u << i;
    if (sources == 0 && news == 0)
        return "kinds: telemetry, twin, lifecycle, connection, job, method or refused";
    if (news & ~allowed) return "kinds: the rights of this session do not reach so far";
    s->sources |= sources;
    s->news |= news;
    return NULL;
}

static const char *read_kinds(struct sub *s, const struct json *kinds)
{
    const char *fault = NULL;
    if (kinds && kinds->type != JSON_ARRAY) return "kinds: expected a list";
    if (kinds == NULL) {
        s->sources = (1u << RECORD_SOURCES) - 1;
        s->news = news_allowed(s);
        return NULL;
    }
    for (const struct json *j = kinds->child; j && fault == NULL; j = j->next)
        fault = add_kind(s, j->type == JSON_STRING ? j->text : SLICE_NONE);
    return fault;
}

static const char *read_events(struct sub *s, const struct json *m)
{
    struct json *hz = json_given(m, "max_hz");
    struct slice device = json_str(m, "device");
    int64_t per_second = LIVE_HZ_MAX;
    if (hz && (json_i64(hz, &per_second) != OK || per_second < 1 || per_second > LIVE_HZ_MAX))
        return "max_hz: expected 1 to 10";
    s->interval_us = 1000000 / per_second;
    if (device.ptr && !hub_id_valid(device)) return "device: that is no device id";
    if (device.ptr) s->device = arena_copy(&s->arena, device);
    const char *fault = read_kinds(s, json_given(m, "kinds"));
    return fault ? fault : read_from(s, json_given(m, "from"));
}

static const char *read_metrics(struct sub *s, const struct json *m)
{
    struct json *names = json_given(m, "names");
    if (names == NULL || names->type != JSON_ARRAY) return "names: expected a list of metrics";
    for (const struct json *j = names->child; j; j = j->next) {
        if (s->name_count == LIVE_NAMES_MAX) return "names: at most 32 metrics";
        if (j->type != JSON_STRING || j->text.len == 0) return "names: expected a list of metrics";
        s->names[s->name_count++] = arena_copy(&s->arena, j->text);
    }
    return NULL;
}

static const char *read_query(struct sub *s, const struct json *m)
{
    struct slice text = json_str(m, "query");
    struct link *l = s->link;
    if (l->query_count++ == LIVE_QUERIES_MAX) {
        metric_inc(&too_many_queries);
        return "at most 2 subscriptions to queries";
    }
    if (text.len == 0 || text.len > LIVE_QUERY_MAX)
        return "query: expected a text of at most 16 KiB";
    s->rows = NEW(struct rows);
    s->rows->queries = l->live->console->rest->doors.queries;
    s->rows->owner = s;
    s->rows->came = on_rows;
    rows_open(s->rows, text);
    return NULL;
}

static void start(struct sub *s)
{
    struct live *live = s->link->live;
    s->watch.came = on_news;
    if (s->news) news_watch(news_of(s), &s->watch);
    if (s->sources == 0) { /* nothing of the log */
        timer_set(&live->lane->timers, &s->timer, clock_mono_us());
        return;
    }
    unsigned partitions = log_partitions(live->log, 0);
    uint32_t bytes = MAX(LIVE_READ_BYTES / partitions, (unsigned)LIVE_READ_MIN);
    s->taps =
        (struct taps){.lane = live->lane, .log = live->log, .came = on_came, .read_bytes = bytes};
    taps_open(&s->taps, place_of, s);
}

static void subscribe(struct link *l, int64_t id, struct slice what, const struct json *m)
{
    const char *fault = NULL;
    if (find_sub(l, id)) {
        tell_error(l, id, "this id is taken");
        return;
    }
    if (l->sub_count == LIVE_SUBS_MAX) {
        metric_inc(&too_many_subs);
        tell_error(l, id, "at most 16 subscriptions");
        return;
    }
    struct sub *s = NEW(struct sub);
    s->link = l;
    s->id = id;
    timer_init(&s->timer, on_timer);
    list_init(&s->watch.node);
    list_push(&l->subs, &s->node);
    l->sub_count++;
    metric_add(&subs_now, 1);
    if (slice_is(what, "events")) {
        fault = read_events(s, m);
    } else if (slice_is(what, "metrics")) {
        s->kind = SUB_METRICS;
        fault = read_metrics(s, m);
    } else if (slice_is(what, "query")) {
        s->kind = SUB_QUERY;
        fault = read_query(s, m);
    } else {
        fault = "sub: events, metrics or query";
    }
    if (fault) {
        drop_sub(s);
        tell_error(l, id, fault);
    } else {
        start(s);
    }
}

static void pause_sub(struct sub *s, bool on)
{
    s->paused = on;
    if (s->kind == SUB_METRICS) return;
    if (s->kind == SUB_QUERY) {
        if (!on) wait_to_ask(s, clock_mono_us());
        return;
    }
    if (on) {
        timer_stop(&s->timer);
        if (taps_placed(&s->taps)) tell(s);
    } else if (taps_placed(&s->taps)) {
        s->from_now = false; /* it goes on where it was */
        on_came(&s->taps);
    }
}

/* ---- messages of the page */

static void on_request(struct link *l, const struct json *m)
{
    struct json *number = json_given(m, "id"), *pause = json_given(m, "pause");
    struct slice what = json_str(m, "sub");
    int64_t id;
    if (number == NULL || json_i64(number, &id) != OK) {
        tell_error(l, 0, "id: expected a number");
        return;
    }
    if (what.ptr) {
        subscribe(l, id, what, m);
        return;
    }
    struct sub *s = find_sub(l, id);
    if (s == NULL)
        tell_error(l, id, "there is no such subscription");
    else if (json_given(m, "unsub"))
        drop_sub(s);
    else if (pause && pause->type == JSON_BOOL)
        pause_sub(s, pause->truth);
    else
        tell_error(l, id, "expected sub, unsub or pause");
}

static void on_message(struct link *l)
{
    struct arena a = {0};
    struct json *m;
    if (json_parse(&a, buf_slice(&l->in), &m) == OK && m->type == JSON_OBJECT)
        on_request(l, m);
    else
        tell_error(l, 0, "expected a JSON object");
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
    while (!list_empty(&l->subs)) drop_sub(CONTAINER_OF(l->subs.next, struct sub, node));
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

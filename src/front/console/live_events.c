/* live_events.c - subscriptions to events: of the log by places of their own, of news, in batches. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"
#include "base/num.h"
#include "front/console/event_text.h"
#include "front/console/live_link.h"

COUNTER(told, "azimuth_live_events_total", "Events told to pages of the console");
COUNTER(lost, "azimuth_live_events_passed_over_total",
        "Events that pages of the console were not told of, since there were too many");

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
    live_end_message(s->link);
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
    live_set_timer(s, MAX(s->told_us + s->interval_us, now_us));
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

/* ---- what is asked for */

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
    list_init(&s->watch.node);
    s->watch.came = on_news;
    if (hz && (json_i64(hz, &per_second) != OK || per_second < 1 || per_second > LIVE_HZ_MAX))
        return "max_hz: expected 1 to 10";
    s->interval_us = 1000000 / per_second;
    if (device.ptr && !hub_id_valid(device)) return "device: that is no device id";
    if (device.ptr) s->device = arena_copy(&s->arena, device);
    const char *fault = read_kinds(s, json_given(m, "kinds"));
    return fault ? fault : read_from(s, json_given(m, "from"));
}

/* ---- life */

static void start(struct sub *s)
{
    struct live *live = s->link->live;
    if (s->news) news_watch(news_of(s), &s->watch);
    if (s->sources == 0) { /* nothing of the log */
        live_start_at_once(s);
        return;
    }
    unsigned partitions = log_partitions(live->log, 0);
    uint32_t bytes = MAX(LIVE_READ_BYTES / partitions, (unsigned)LIVE_READ_MIN);
    s->taps =
        (struct taps){.lane = live->lane, .log = live->log, .came = on_came, .read_bytes = bytes};
    taps_open(&s->taps, place_of, s);
}

static void on_turn(struct sub *s, int64_t now_us)
{
    if (!s->paused) tell_events(s, now_us);
}

static void on_pause(struct sub *s)
{
    if (s->paused) {
        timer_stop(&s->timer);
        if (taps_placed(&s->taps)) tell(s);
    } else if (taps_placed(&s->taps)) {
        s->from_now = false; /* it goes on where it was */
        on_came(&s->taps);
    }
}

static void on_close(struct sub *s)
{
    taps_close(&s->taps);
    if (s->news) news_unwatch(&s->watch);
    buf_free(&s->batch);
}

const struct live_kind live_events = {"events", read_events, start, on_turn, on_pause, on_close};

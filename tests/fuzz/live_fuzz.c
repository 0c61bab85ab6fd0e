/* live_fuzz.c - what a page of the console says over its live link: whatever it asks, each message that it gets is
 * JSON with the id of what it asked, and nothing is left when it goes.
 *
 * Input: a byte - bit 0 the session may read all, bit 1 it ends in between, bit 2 the peer does not read - and lines,
 * each a message of the page.  A line "+" is an event of a device and a piece of news, "." a second that passes.
 * Queries are answered with rows of this file's, the last of them with a refusal.
 */
#include "base/io_mem.h"
#include "base/json.h"
#include "base/say.h"
#include "front/console/live.h"
#include "front/console/rows.h"
#include "front/rest/call.h"
#include "fuzz.h"
#include "hub/news/news.h"
#include "log/log_rig.h"
#include "net/transport_rig.h"

enum { READS_ALL = 1, ENDS = 2, STALLS = 4 };
enum { PARTITIONS = 2, LINES_MAX = 60, SECOND_US = 1000000 };

static struct world {
    struct rig *rig;
    struct io *io;
    struct lane lane;
    struct conn_host host;
    struct transport_rig wire;
    struct hub hub;
    struct rest_config config;
    struct rest_service rest;
    struct console console;
    struct console_session session;
    const struct front *front;
    void *front_ctx;
    struct rows *asked; /* that waits for its answer */
    unsigned answers;
    bool over, stalls;
    uint64_t events;
} w;

/* ---- what is beside it (CMakeLists.txt) */

void __wrap_rest_carry(struct rest_service *s, enum rest_stream stream, const struct front *front,
                       void *ctx);
const struct routing_endpoint *__wrap_routing_endpoint_at(const struct routing *r, unsigned i);
struct console_session *__wrap_console_session_numbered(struct session_table *t, uint64_t number,
                                                        int64_t now_us);
void __wrap_rows_ask(struct rows *r);
void __wrap_rows_close(struct rows *r);

void __wrap_rest_carry(struct rest_service *s, enum rest_stream stream, const struct front *front,
                       void *ctx)
{
    (void)s;
    assert(stream == REST_LIVE);
    w.front = front;
    w.front_ctx = ctx;
}

const struct routing_endpoint *__wrap_routing_endpoint_at(const struct routing *r, unsigned i)
{
    (void)r, (void)i;
    return NULL;
}

struct console_session *__wrap_console_session_numbered(struct session_table *t, uint64_t number,
                                                        int64_t now_us)
{
    (void)t, (void)number, (void)now_us;
    return w.over ? NULL : &w.session;
}

/* Of a link one is asked at a time. */
void __wrap_rows_ask(struct rows *r)
{
    assert(w.asked == NULL);
    r->asked_us = rig_mono_us;
    w.asked = r;
}

void __wrap_rows_close(struct rows *r)
{
    if (w.asked == r) w.asked = NULL;
    buf_free(&r->text);
    buf_free(&r->next);
}

static void answer_query(void)
{
    static const struct {
        enum status status;
        const char *body, *next;
    } answers[] = {{STATUS_OK, "[{\"a\":1},{\"a\":2}]", ""},
                   {STATUS_OK, "[{\"a\":1},{\"a\":3}]", "on"},
                   {STATUS_SERVICE_UNAVAILABLE, "", ""},
                   {STATUS_OK, "[]", ""},
                   {STATUS_ARGUMENT_INVALID, "", ""}};
    struct rows *r = w.asked;
    if (r == NULL) return;
    unsigned n = w.answers++ % (sizeof answers / sizeof *answers);
    w.asked = NULL;
    r->took_us = SECOND_US / 100;
    lane_running = &w.lane;
    r->came(r, &(struct query_answer){.status = answers[n].status,
                                      .body = slice_str(answers[n].body),
                                      .next = slice_str(answers[n].next),
                                      .text = SLICE_LIT("no \"query\"")});
}

/* ---- the wire */

static size_t wire_waiting(const struct conn *c)
{
    (void)c;
    return w.stalls ? SIZE_MAX / 2 : 0;
}

static const struct transport transport = {transport_rig_write,
                                           wire_waiting,
                                           transport_rig_hold,
                                           transport_rig_hold,
                                           transport_rig_shut,
                                           NULL,
                                           NULL};

static void check_said(void)
{
    struct slice rest = buf_slice(&w.wire.sent), message;
    struct arena a = {0};
    while (rest.len && slice_split(&rest, WS_TEXT_END, &message)) {
        struct json *j;
        int64_t id;
        enum err e = json_parse(&a, message, &j);
        assert(e == OK && json_i64(json_get(j, "id"), &id) == OK);
        assert(json_get(j, "error") || json_get(j, "batch") || json_get(j, "metrics") ||
               json_get(j, "rows"));
    }
    buf_clear(&w.wire.sent);
    arena_free(&a);
}

/* ---- */

static void start(unsigned modes)
{
    struct log_config cfg = {.partitions = PARTITIONS, .journal_bytes = LOG_JOURNAL_MIN};
    w = (struct world){.rig = rig_new(), .io = io_mem_new(), .stalls = modes & STALLS};
    cfg.io = w.io;
    enum err e = rig_open(w.rig, &cfg);
    assert(e == OK);
    lane_init(&w.lane, &w.rig->office, "console");
    w.hub.log = w.rig->log;
    w.hub.cores[w.hub.core_count++] = w.lane.id;
    w.hub.news = news_new(&w.hub);
    news_attach(w.hub.news, &w.lane);
    w.config.hub = &w.hub;
    w.session.rights = modes & READS_ALL ? REST_READER : 0;
    w.console = (struct console){.config = &w.config, .lane = &w.lane, .rest = &w.rest};
    w.console.live = live_new(&w.console);
    conn_host_init(&w.host, &w.lane);
    conn_init(&w.wire.conn, &w.host, &transport, w.front, w.front_ctx, NULL);
    lane_running = &w.lane;
    conn_begin(&w.wire.conn, rig_mono_us);
}

static void stop(void)
{
    lane_running = &w.lane;
    if (!w.wire.shut) conn_ended(&w.wire.conn, ERR_CLOSED);
    conn_gone(&w.wire.conn, rig_mono_us);
    assert(w.asked == NULL);
    rig_run(w.rig);
    conn_host_fini(&w.host);
    live_free(w.console.live);
    rig_close(w.rig);
    lane_fini(&w.lane);
    news_free(w.hub.news);
    rig_free(w.rig);
    io_free(w.io);
    buf_free(&w.wire.sent);
}

static void happen(void)
{
    rig_append(w.rig, 0, (unsigned)(w.events % PARTITIONS), w.events, 40, RECORD_TO_STREAM);
    lane_running = &w.lane;
    news_tell(w.hub.news, &w.lane, (enum news_kind)(w.events % NEWS_KINDS), SLICE_LIT("d"),
              SLICE_LIT("{\"kind\":\"news\"}"));
    w.events++;
}

static void ask(struct slice line)
{
    static const uint8_t end = WS_TEXT_END;
    lane_running = &w.lane;
    conn_received(&w.wire.conn, line, rig_mono_us);
    if (!w.wire.shut) conn_received(&w.wire.conn, slice_of(&end, 1), rig_mono_us);
}

void fuzz_one(struct slice input)
{
    unsigned modes = input.len ? input.ptr[0] : 0, lines = 0;
    struct slice rest = slice_from(input, 1), line;
    say_level_max = SAY_ERROR;
    start(modes);
    while (rest.len && !w.wire.shut && lines++ < LINES_MAX && slice_split(&rest, '\n', &line)) {
        if (slice_is(line, "+"))
            happen();
        else if (slice_is(line, "."))
            rig_advance(w.rig, SECOND_US);
        else
            ask(line);
        answer_query();
        rig_run(w.rig);
        check_said();
        if (modes & ENDS && rest.len < input.len / 2) w.over = true;
    }
    stop();
}

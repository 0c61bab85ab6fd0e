/* dps_front_fuzz.c - what devices and services say to front/dps, before a service that answers anything.  The first byte
 * says over what:
 *
 *   m  MQTT.  A byte of which answers come, then lines: "C user name|client id|password" - first of all -,
 *      "P topic|payload" at QoS 0, "Q" at QoS 1, "S filter" and "U filter", "D" goes, "r" bytes as they are, "." the service
 *      answers one, "+" 50 seconds pass.  Lines up to "." or "+" come in one piece.
 *   h  HTTP.  A byte of which answers come; a byte - 1 over the server's own socket, 2 to the console's listener with a
 *      session that may read, 4 in chunks, 8 it leaves before the last answer; requests as http_work.h has them,
 *      "~" in a line between them.
 *
 * The service is asked with ids and documents that came; each of its answers is sent once, with the $rid of its request,
 * and to nobody else.
 */
#include "base/say.h"
#include "front/dps/dps.h"
#include "fuzz.h"
#include "http_work.h"

enum { SOCKET = 1, READER = 2, CHUNKED = 4, LEAVES = 8 };
enum { WAITING_MAX = 64, LINES_MAX = 100, SECOND_US = 1000000 };

static struct world {
    struct hub hub;
    struct rest_config config;
    struct rest_service *rest;
    struct dps_http *http;
    struct dps_wait *waiting[WAITING_MAX];
    unsigned count, answered, asked;
    struct mqtt peer;
    struct buf wire; /* of the peer */
    unsigned requested, told;
    bool let_in, goes;
} w;

/* ---- the service (CMakeLists.txt) */

static struct dps *service(void)
{
    return (struct dps *)(void *)&w;
}

static void ask(const struct dps *d, struct dps_wait *wait)
{
    assert(d == service() && wait->fn && w.count < WAITING_MAX);
    w.waiting[w.count++] = wait;
    w.asked++;
}

static void drop(unsigned i)
{
    memmove(&w.waiting[i], &w.waiting[i + 1], (--w.count - i) * sizeof *w.waiting);
}

/* What the service answers next: errors, documents, none. */
static void answer_one(void)
{
    static const struct dps_answer answers[] = {
        {.code = DPS_OK, .body = SLICE_LIT("{\"status\":\"assigned\"}"), .etag = SLICE_LIT("e1")},
        {.code = DPS_ACCEPTED,
         .body = SLICE_LIT("{\"operationId\":\"4.a\",\"status\":\"assigning\"}"),
         .operation_id = SLICE_LIT("4.a")},
        {.code = DPS_NO_CONTENT},
        {.code = DPS_OK,
         .body = SLICE_LIT("[{\"registrationId\":\"a\"}]"),
         .continuation = SLICE_LIT("on")},
        {.code = DPS_UNAUTHORIZED, .body = SLICE_LIT("{\"errorCode\":401002,\"message\":\"no\"}")},
        {.code = DPS_NO_ENROLLMENT, .body = SLICE_LIT("{\"errorCode\":404201}")},
        {.code = DPS_THROTTLED, .body = SLICE_LIT("{\"errorCode\":429001}")},
        {.code = DPS_UNAVAILABLE, .body = SLICE_LIT("{\"errorCode\":503001}")},
        {.code = DPS_OK,
         .body = SLICE_LIT(
             "{\"customAllocationDefinition\":{\"webhookUrl\":\"https://h/?code=key\"}}")},
    };
    struct dps_wait *wait = w.waiting[0];
    if (w.count == 0) return;
    drop(0);
    lane_running = &work.lane;
    wait->fn(wait, &answers[w.answered++ % (sizeof answers / sizeof *answers)]);
    work_run();
}

/* Bytes that are no longer there are noticed. */
static void touch(struct slice s)
{
    static volatile uint8_t sum;
    for (size_t i = 0; i < s.len; i++) sum = (uint8_t)(sum + s.ptr[i]);
}

static void see_device(const struct dps_device *who)
{
    assert(who->peer.len && who->certificate == NULL && who->tpm.ptr == NULL);
    assert(who->protocol == HUB_HTTP || (who->protocol == HUB_MQTT && who->registration_id.len));
    touch(who->registration_id);
    touch(who->token);
}

static void see(unsigned kind, struct slice name, struct slice text, struct slice json)
{
    assert(kind == DPS_INDIVIDUAL || kind == DPS_GROUP);
    touch(name);
    touch(text);
    touch(json);
}

static void see_page(unsigned kind, struct slice name, const struct dps_page *page)
{
    assert(page->top > 0 && page->top <= DPS_PAGE_MAX && page->json.len <= DPS_QUERY_MAX);
    see(kind, name, page->continuation, page->json);
}

#define VERB(verb, what, ...)                                                                      \
    void __wrap_dps_##verb(struct dps *d, __VA_ARGS__, struct dps_wait *wait);                     \
    void __wrap_dps_##verb(struct dps *d, __VA_ARGS__, struct dps_wait *wait)                      \
    {                                                                                              \
        what;                                                                                      \
        ask(d, wait);                                                                              \
    }
#define LIST(verb)                                                                                 \
    void __wrap_dps_##verb(struct dps *d, struct dps_wait *wait);                                  \
    void __wrap_dps_##verb(struct dps *d, struct dps_wait *wait)                                   \
    {                                                                                              \
        ask(d, wait);                                                                              \
    }
#define NONE SLICE_NONE

VERB(authenticate, see_device(who), const struct dps_device *who)
VERB(register, (see_device(who), touch(json)), const struct dps_device *who, struct slice json)
VERB(poll, (see_device(who), touch(id)), const struct dps_device *who, struct slice id)
VERB(lookup, see_device(who), const struct dps_device *who)
VERB(enrollment_get, see(kind, id, NONE, NONE), enum dps_kind kind, struct slice id)
VERB(enrollment_put, see(kind, id, match, json), enum dps_kind kind, struct slice id,
     struct slice match, struct slice json)
VERB(enrollment_delete, see(kind, id, match, NONE), enum dps_kind kind, struct slice id,
     struct slice match)
VERB(enrollment_attestation, see(kind, id, NONE, NONE), enum dps_kind kind, struct slice id)
VERB(enrollment_bulk, see(kind, NONE, NONE, json), enum dps_kind kind, struct slice json)
VERB(enrollment_query, see_page(kind, NONE, page), enum dps_kind kind, const struct dps_page *page)
VERB(registration_query, see_page(0, id, page), struct slice id, const struct dps_page *page)
VERB(registration_get, touch(id), struct slice id)
VERB(registration_delete, see(0, id, match, NONE), struct slice id, struct slice match)
VERB(group_revoke, see(0, id, NONE, json), struct slice id, struct slice json)
VERB(hub_get, touch(name), struct slice name)
VERB(hub_put, see(0, name, match, json), struct slice name, struct slice match, struct slice json)
VERB(hub_delete, see(0, name, match, NONE), struct slice name, struct slice match)
LIST(hub_list)
LIST(attempts)

const struct hub *__wrap_dps_hub(const struct dps *d);
void __wrap_dps_forget(struct dps *d, struct dps_wait *wait);
bool __wrap_rest_access_granted(struct call *c);
bool __real_rest_access_granted(struct call *c);

const struct hub *__wrap_dps_hub(const struct dps *d)
{
    assert(d == service());
    return &w.hub;
}

void __wrap_dps_forget(struct dps *d, struct dps_wait *wait)
{
    unsigned i = 0;
    assert(d == service());
    while (w.waiting[i] != wait) {
        i++;
        assert(i < w.count); /* nobody is forgotten who does not wait */
    }
    drop(i);
}

/* Of front/rest's own routes there is nothing behind. */
bool __wrap_rest_access_granted(struct call *c)
{
    if (c->site) return __real_rest_access_granted(c);
    rest_answer_status(c, STATUS_UNAUTHORIZED_ACCESS, "Unauthorized");
    return false;
}

/* ---- MQTT: as front/device_mqtt passes a connection on */

static void *door_open(struct conn *c, void *ctx, int64_t now_us)
{
    struct mqtt *m = ctx;
    mqtt_init(m, &(struct mqtt_config){.role = MQTT_SERVER, .out = conn_buffer(c)}, now_us);
    return m;
}

static void door_feed(void *self, struct slice bytes, int64_t now_us)
{
    struct mqtt_event ev;
    mqtt_feed(self, bytes, now_us);
    enum err e = mqtt_next(self, &ev);
    if (e == OK)
        dps_mqtt_take(service(), &work.wire.conn, self, &ev.connect, now_us);
    else
        conn_close(&work.wire.conn);
}

static void door_closed(void *self, enum err why, int64_t now_us)
{
    (void)why, (void)now_us;
    mqtt_fini(self);
}

static const struct front door = {
    .name = "door", .open = door_open, .feed = door_feed, .closed = door_closed};

static bool is_status(struct slice *topic)
{
    struct slice status;
    static const struct slice head = SLICE_LIT("$dps/registrations/res/");
    if (!slice_starts(*topic, head)) return false;
    *topic = slice_from(*topic, head.len);
    slice_split(topic, '/', &status);
    return status.len == 3 && status.ptr[0] >= '2' && status.ptr[0] <= '5';
}

static void check_told(const struct mqtt_publish *p)
{
    struct slice topic = p->topic;
    assert(p->qos == 0 && is_status(&topic) && slice_starts(topic, SLICE_LIT("?$rid=")));
    w.told++;
    assert(w.told <= w.requested);
}

static void hear(void)
{
    struct mqtt_event ev;
    enum err e;
    mqtt_feed(&w.peer, buf_slice(&work.wire.sent), work_mono_us);
    while ((e = mqtt_next(&w.peer, &ev)) == OK) {
        if (ev.kind == MQTT_CONNACK) w.let_in = ev.connack.code == MQTT_ACCEPTED;
        if (ev.kind == MQTT_PUBLISH) check_told(&ev.publish);
    }
    assert(e == ERR_AGAIN);
    buf_clear(&work.wire.sent);
}

/* What was gathered, all at once. */
static void say(void)
{
    work_hear(buf_slice(&w.wire));
    buf_clear(&w.wire);
    hear();
}

static void put_connect(struct slice line)
{
    struct mqtt_connect c = {.clean_session = true, .keep_alive_s = 60, .has_user_name = true};
    slice_split(&line, '|', &c.user_name);
    slice_split(&line, '|', &c.client_id);
    c.password = line;
    c.has_password = line.ptr != NULL;
    if (mqtt_send_connect(&w.peer, &c) != OK) w.goes = true;
}

static void put_publish(struct slice line, uint8_t qos)
{
    struct mqtt_publish p = {.qos = qos};
    slice_split(&line, '|', &p.topic);
    p.payload = line;
    if (qos) p.packet_id = mqtt_packet_id(&w.peer);
    if (mqtt_send_publish(&w.peer, &p) == OK) w.requested++;
}

static void put_filter(struct slice text, bool wants)
{
    struct mqtt_filter filter = {text, 1};
    uint16_t number = mqtt_packet_id(&w.peer);
    enum err e = wants ? mqtt_send_subscribe(&w.peer, number, &filter, 1)
                       : mqtt_send_unsubscribe(&w.peer, number, &filter, 1);
    w.goes |= e != OK;
}

static void wait_for(int64_t us)
{
    say();
    work_pass(us);
    hear();
}

static void obey(struct slice line)
{
    struct slice rest = slice_from(line, 2);
    switch (line.len ? line.ptr[0] : 0) {
    case 'P': put_publish(rest, 0); break;
    case 'Q': put_publish(rest, 1); break;
    case 'S': put_filter(rest, true); break;
    case 'U': put_filter(rest, false); break;
    case 'D': mqtt_send_disconnect(&w.peer); break;
    case 'r':
        w.requested += (unsigned)rest.len; /* whatever is in it */
        buf_put_slice(&w.wire, rest);
        break;
    case '+': wait_for(50 * SECOND_US); break;
    case '.':
        say();
        answer_one();
        hear();
        break;
    default: break;
    }
}

static void check_mqtt(struct slice text)
{
    static struct mqtt at_door;
    struct slice line;
    unsigned lines = 0;
    mqtt_init(&w.peer, &(struct mqtt_config){.role = MQTT_CLIENT, .out = &w.wire}, work_mono_us);
    work_connect(&door, &at_door);
    slice_split(&text, '\n', &line);
    put_connect(slice_from(line, 2));
    while (!w.goes && text.len && !work.wire.shut && lines++ < LINES_MAX &&
           slice_split(&text, '\n', &line))
        obey(line);
    if (!work.wire.shut) say();
    while (w.count && !work.wire.shut) obey(SLICE_LIT("."));
    assert(w.let_in || w.told == 0);
    work_hang_up();
    mqtt_fini(&w.peer);
    buf_free(&w.wire);
}

/* ---- HTTP */

static enum rest_visit look(void *ctx, const struct call *c, unsigned *rights)
{
    (void)ctx, (void)c;
    *rights = REST_READER | REST_OWNER | AUTH_ENROLLMENT_READ | AUTH_ENROLLMENT_WRITE;
    return REST_VISIT;
}

static const struct rest_guard guard = {.look = look};

static bool is_key_in(const struct json *j)
{
    const struct json *definition = json_get(j, "customAllocationDefinition");
    struct slice url = json_str(definition, "webhookUrl");
    return slice_ends(url, SLICE_LIT("=key"));
}

static void check_answers(unsigned modes)
{
    struct work_answer a;
    while (work_next_answer(&a)) {
        struct slice code = work_header(&a, "x-ms-error-code");
        bool digits = code.len == 6;
        for (size_t i = 0; i < code.len; i++) digits &= code.ptr[i] >= '0' && code.ptr[i] <= '9';
        assert(code.ptr == NULL || digits);
        if (digits) assert((unsigned)(code.ptr[0] - '0') == a.status / 100);
        assert(a.json || a.body.len == 0);
        assert(a.status != 429 || work_header(&a, "retry-after").len);
        assert(!(modes & READER) || !is_key_in(a.json));
    }
}

static void check_http(struct slice text)
{
    unsigned modes = text.len ? text.ptr[0] : 0;
    text = slice_from(text, 1);
    w.rest = rest_new(&w.config, &work.lane, &(struct rest_doors){0});
    w.http = dps_http_new(service(), w.rest);
    if (modes & READER) rest_set_guard(w.rest, &guard);
    work_connect(modes & READER ? &rest_console_front : &rest_front, w.rest);
    work.wire.conn.admin = modes & SOCKET;
    while (text.len && !work.wire.shut) {
        work_ask(work_block(&text), modes & CHUNKED);
        if (modes & LEAVES && text.len == 0) break;
        while (w.count) answer_one();
        check_answers(modes);
    }
    work_hang_up();
    dps_http_free(w.http);
    rest_free(w.rest);
}

void fuzz_one(struct slice input)
{
    static const struct hub hub = {.name = "hub", .id_scope = "0ne1"};
    if (input.len < 2) return;
    w = (struct world){.hub = hub, .config = {.version = "1"}, .answered = input.ptr[1]};
    w.config.hub = &w.hub;
    work_begin();
    if (input.ptr[0] == 'm') check_mqtt(slice_from(input, 2));
    if (input.ptr[0] == 'h') check_http(slice_from(input, 2));
    assert(w.count == 0); /* nobody waits who is gone */
    work_end();
}

/* hub_mqtt_fuzz.c - what a device and a module say to a whole hub over MQTT, while a service calls their methods, writes
 * their twins and sends them messages.  Lines:
 *
 *     C clean|more      connects, with its own token: clean sessions or not, `more` behind the user name
 *     W clean|topic|.. the same with a will
 *     P topic|payload   publishes at QoS 0, "Q" at QoS 1; "R" retained
 *     G rid             asks for its twin; "T rid|json" reports; at QoS 1 if the rid's length is odd
 *     S filter          subscribes, "0" at QoS 0; "U" unsubscribes
 *     A                 acknowledges what waits for that
 *     M status|json     answers the method that was called last
 *     K                 pings; "D" disconnects; "X" is gone; "r" bytes as they are
 *     h                 reads no longer; "H" reads again
 *     d, m              the lines from here on are the device's (d1), the module's (d1/m1)
 *     s VERB path|body  a service asks over the server's own socket
 *     + seconds         time passes
 *
 * Lines of one speaker up to another's come in one piece.  What the hub sends is well-formed; it acknowledges what was sent
 * at QoS 1, in order and once; to each $rid it says one thing; of desired properties no version is left out or comes
 * twice; a message that waits for its PUBACK is no other's; a method is called once.  Each of the service's requests is answered
 * once.
 */
#include <stdio.h>

#include "base/num.h"
#include "fuzz.h"
#include "proto/mqtt/mqtt.h"
#include "whole_service.h"

enum {
    LINES_MAX = 200,
    SENT_MAX = 128,
    RIDS_MAX = 64,
    RID_LEN_MAX = 32, /* of those that are told apart */
    WAIT_S = 900,     /* a method that is called may take 300 s to connect and 300 s to answer */
    PASS_MAX_S = 100000,
};

struct ids {
    uint16_t of[SENT_MAX];
    unsigned count;
};

struct rid {
    char text[RID_LEN_MAX + 1];
    unsigned asked, told;
};

static struct peer {
    const char *who;       /* "d1/m1" */
    struct rig_conn *conn; /* NULL: not connected */
    struct mqtt mqtt;
    struct buf out;
    struct ids sent;  /* at QoS 1, and not acknowledged */
    struct ids waits; /* for a PUBACK of its own */
    struct rid rids[RIDS_MAX];
    unsigned rid_count, subscribed, let_in;
    bool wild; /* it has said what is not counted here */
    char method[RID_LEN_MAX + 1];
    uint64_t methods; /* how many were called */
    int64_t version;  /* of the last desired properties that it was told; 0: of none */
} peers[2];

static struct peer *p; /* whose lines they are */

/* ---- what comes to it */

static bool cut(struct slice *text, const char *prefix)
{
    if (!slice_starts(*text, slice_str(prefix))) return false;
    *text = slice_from(*text, strlen(prefix));
    return true;
}

static void add_id(struct ids *ids, uint16_t id)
{
    if (ids->count < SENT_MAX) ids->of[ids->count++] = id;
}

static void drop_first(struct ids *ids)
{
    memmove(ids->of, ids->of + 1, --ids->count * sizeof *ids->of);
}

static bool has_id(const struct ids *ids, uint16_t id)
{
    for (unsigned i = 0; i < ids->count; i++)
        if (ids->of[i] == id) return true;
    return false;
}

/* NULL: it is too long, or one too many. */
static struct rid *rid_of(struct slice text)
{
    if (text.len == 0 || text.len > RID_LEN_MAX || slice_has(text, "&")) return NULL;
    for (unsigned i = 0; i < p->rid_count; i++)
        if (slice_is(text, p->rids[i].text)) return &p->rids[i];
    if (p->rid_count == RIDS_MAX) return NULL;
    struct rid *r = &p->rids[p->rid_count++];
    *r = (struct rid){0};
    memcpy(r->text, text.ptr, text.len);
    return r;
}

/* STATUS/?$rid=RID[&$version=N] */
static void hear_twin(struct slice topic)
{
    struct slice status, text;
    uint64_t number;
    slice_split(&topic, '/', &status);
    enum err e = num_u64(status, &number);
    assert(e == OK && number >= 200 && number < 600 && cut(&topic, "?$rid="));
    slice_split(&topic, '&', &text);
    struct rid *r = rid_of(text);
    if (r == NULL || p->wild) return;
    r->told++;
    assert(r->told <= r->asked);
}

static void hear_desired(struct slice topic)
{
    int64_t version;
    enum err e = num_i64(topic, &version);
    assert(e == OK && version > 0);
    assert(p->version == 0 || version == p->version + 1);
    p->version = version;
}

/* NAME/?$rid=RID, of numbers that count up. */
static void hear_method(struct slice topic)
{
    size_t at = slice_find(topic, '/');
    struct slice rid = slice_from(topic, at);
    bool good = cut(&rid, "/?$rid=");
    assert(good && at > 0 && rid.len > 0 && rid.len <= RID_LEN_MAX);
    assert(!slice_is(rid, p->method));
    snprintf(p->method, sizeof p->method, "%.*s", SLICE_ARG(rid));
    p->methods++;
}

static void hear_publish(const struct mqtt_publish *m)
{
    struct slice topic = m->topic;
    assert(m->qos <= 1 && (m->qos == 1) == (m->packet_id != 0));
    assert(!m->retain);
    if (m->qos) {
        assert(m->dup || !has_id(&p->waits, m->packet_id));
        add_id(&p->waits, m->packet_id);
    }
    if (cut(&topic, "$iothub/twin/res/"))
        hear_twin(topic);
    else if (cut(&topic, "$iothub/twin/PATCH/properties/desired/?$version="))
        hear_desired(topic);
    else if (cut(&topic, "$iothub/methods/POST/"))
        hear_method(topic);
    else
        assert(cut(&topic, "devices/"));
}

static void hear_puback(uint16_t id)
{
    if (p->wild) return;
    assert(p->sent.count && p->sent.of[0] == id);
    drop_first(&p->sent);
}

static void hear(const struct mqtt_event *ev)
{
    switch (ev->kind) {
    case MQTT_CONNACK:
        assert(!p->let_in);
        p->let_in = ev->connack.code == MQTT_ACCEPTED;
        break;
    case MQTT_PUBLISH: hear_publish(&ev->publish); break;
    case MQTT_PUBACK: hear_puback(ev->packet_id); break;
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        assert(p->subscribed || p->wild);
        p->subscribed -= p->subscribed > 0;
        break;
    case MQTT_PINGRESP: break;
    default: assert(false); /* a packet of clients */
    }
}

static void gone(void)
{
    if (p->conn == NULL) return;
    rig_free(p->conn);
    mqtt_fini(&p->mqtt);
    buf_free(&p->out);
    *p = (struct peer){.who = p->who};
}

/* Whatever the hub has said to it. */
static void listen(void)
{
    struct mqtt_event ev;
    enum err e;
    if (p->conn == NULL) return;
    if (p->conn->unread == 0) {
        mqtt_feed(&p->mqtt, buf_slice(&p->conn->heard), whole.now_us);
        while ((e = mqtt_next(&p->mqtt, &ev)) == OK) hear(&ev);
        assert(e == ERR_AGAIN);
        buf_clear(&p->conn->heard);
    }
    if (p->conn->shut) gone();
}

/* What was gathered comes in one piece. */
static void say(void)
{
    if (p->conn && !p->conn->shut && buf_size(&p->out)) rig_say(p->conn, buf_slice(&p->out));
    buf_clear(&p->out);
    listen();
}

static void listen_all(void)
{
    struct peer *speaker = p;
    for (p = peers; p < peers + 2; p++) say();
    p = speaker;
}

/* ---- what it says */

static void connect_with(struct slice line, struct mqtt_connect *c)
{
    struct buf user = {0}, token = {0};
    struct slice clean;
    say();
    gone();
    slice_split(&line, '|', &clean);
    if (c->has_will) {
        slice_split(&line, '|', &c->will_topic);
        c->will_payload = line;
        line = SLICE_NONE;
    }
    buf_printf(&user, "hub.test/%s/?api-version=2021-04-12%.*s", p->who, SLICE_ARG(line));
    whole_own_token(slice_str(p->who), &token);
    p->conn = rig_dial(&whole, WIRE_MQTT);
    snprintf(p->conn->conn.peer, sizeof p->conn->conn.peer, "192.0.2.7:4000");
    mqtt_init(&p->mqtt, &(struct mqtt_config){.role = MQTT_CLIENT, .out = &p->out}, whole.now_us);
    c->client_id = slice_str(p->who);
    c->clean_session = slice_is(clean, "clean");
    c->user_name = buf_slice(&user);
    c->password = buf_slice(&token);
    c->has_user_name = c->has_password = true;
    c->keep_alive_s = 600;
    if (mqtt_send_connect(&p->mqtt, c) != OK) gone();
    buf_free(&user);
    buf_free(&token);
}

static void publish(struct slice topic, struct slice payload, uint8_t qos, bool retain)
{
    struct mqtt_publish m = {.topic = topic, .payload = payload, .qos = qos, .retain = retain};
    if (qos) m.packet_id = mqtt_packet_id(&p->mqtt);
    if (mqtt_send_publish(&p->mqtt, &m) != OK) return;
    if (qos && p->sent.count == SENT_MAX) p->wild = true;
    if (qos) add_id(&p->sent, m.packet_id);
}

static void put_publish(struct slice line, uint8_t qos, bool retain)
{
    struct slice topic;
    slice_split(&line, '|', &topic);
    if (slice_starts(topic, SLICE_LIT("$iothub/twin/"))) p->wild = true;
    publish(topic, line, qos, retain);
}

static void ask_twin(struct slice line, const char *topic)
{
    struct slice rid;
    struct buf text = {0};
    slice_split(&line, '|', &rid);
    struct rid *r = rid_of(rid);
    if (r)
        r->asked++;
    else
        p->wild = true;
    buf_printf(&text, "%s?$rid=%.*s", topic, SLICE_ARG(rid));
    publish(buf_slice(&text), line, rid.len % 2, false);
    buf_free(&text);
}

static void answer_method(struct slice line)
{
    struct slice status;
    struct buf text = {0};
    slice_split(&line, '|', &status);
    buf_printf(&text, "$iothub/methods/res/%.*s/?$rid=%s", SLICE_ARG(status), p->method);
    publish(buf_slice(&text), line, 0, false);
    buf_free(&text);
}

static void put_filter(struct slice text, bool wants, uint8_t qos)
{
    struct mqtt_filter filter = {text, qos};
    uint16_t id = mqtt_packet_id(&p->mqtt);
    enum err e = wants ? mqtt_send_subscribe(&p->mqtt, id, &filter, 1)
                       : mqtt_send_unsubscribe(&p->mqtt, id, &filter, 1);
    if (e != OK) return;
    p->subscribed++;
    if (!wants || slice_starts(text, SLICE_LIT("$iothub/twin/PATCH"))) p->version = 0;
}

static void acknowledge(void)
{
    say();
    for (; p->conn && p->waits.count; drop_first(&p->waits))
        mqtt_send_puback(&p->mqtt, p->waits.of[0]);
}

static void read_again(void)
{
    if (p->conn->unread == 0) return;
    p->conn->unread = 0;
    lane_running = &whole.core;
    conn_writable(&p->conn->conn, whole.now_us);
    rig_run(&whole);
    rig_say(p->conn, SLICE_NONE);
    listen();
}

static void put_raw(struct slice bytes)
{
    p->wild = true;
    buf_put_slice(&p->out, bytes);
}

/* ---- lines */

static void pass(struct slice text)
{
    uint64_t seconds;
    if (num_u64(text, &seconds) == OK)
        rig_wait(&whole, (int64_t)(seconds % PASS_MAX_S) * WHOLE_SECOND_US);
}

static void speak(uint8_t verb, struct slice rest)
{
    switch (verb) {
    case 'P': put_publish(rest, 0, false); break;
    case 'Q': put_publish(rest, 1, false); break;
    case 'R': put_publish(rest, 1, true); break;
    case 'G': ask_twin(rest, "$iothub/twin/GET/"); break;
    case 'T': ask_twin(rest, "$iothub/twin/PATCH/properties/reported/"); break;
    case 'S': put_filter(rest, true, 1); break;
    case '0': put_filter(rest, true, 0); break;
    case 'U': put_filter(rest, false, 0); break;
    case 'A': acknowledge(); break;
    case 'M': answer_method(rest); break;
    case 'K': buf_put(&p->out, "\xc0\x00", 2); break;
    case 'D': mqtt_send_disconnect(&p->mqtt); break;
    case 'X': gone(); break;
    case 'r': put_raw(rest); break;
    case 'h': p->conn->unread = CONN_OUT_SOFT; break;
    case 'H': read_again(); break;
    default: break;
    }
}

static void obey(struct slice line)
{
    uint8_t verb = line.len ? line.ptr[0] : 0;
    struct slice rest = slice_from(line, 2);
    if (verb == 'C') {
        connect_with(rest, &(struct mqtt_connect){0});
    } else if (verb == 'W') {
        connect_with(rest, &(struct mqtt_connect){.has_will = true});
    } else if (verb == 's' || verb == '+' || verb == 'd' || verb == 'm') {
        listen_all();
        if (verb == 's') whole_service_ask(rest);
        if (verb == '+') pass(rest);
        if (verb == 'd' || verb == 'm') p = &peers[verb == 'm'];
        listen_all();
        whole_service_collect();
    } else if (p->conn && !p->conn->shut) {
        speak(verb, rest);
    }
}

static void end(void)
{
    listen_all();
    for (int64_t s = 0; whole_service_collect(), whole_service_waits(); s += 10) {
        assert(s < WAIT_S);
        rig_wait(&whole, 10 * WHOLE_SECOND_US);
        listen_all();
    }
    for (p = peers; p < peers + 2; p++) gone();
}

void fuzz_one(struct slice input)
{
    struct slice line;
    whole_begin();
    peers[0] = (struct peer){.who = "d1"};
    peers[1] = (struct peer){.who = "d1/m1"};
    p = peers;
    for (unsigned i = 0; i < LINES_MAX && slice_split(&input, '\n', &line); i++) obey(line);
    end();
    whole_end();
}

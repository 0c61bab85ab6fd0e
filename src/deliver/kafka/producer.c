/* producer.c - see producer.h. */
#include "deliver/kafka/producer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/say.h"
#include "deliver/kafka/message.h"
#include "deliver/kafka/verdict.h"

enum { PIECE_MS = 500, HEADERS_HINT = 16, PURGE_POLLS = 20, PURGE_POLL_MS = 100 };

/* Older ones repeat their nonce, which brokers overlooked before 4.0 (confluentinc/librdkafka#4895). */
enum { SCRAM_VERSION = 0x02060100 };

/* ---- what became of a job */

static void say_text(char out[KAFKA_TEXT_MAX], const char *before, const char *text)
{
    snprintf(out, KAFKA_TEXT_MAX, "%s%s", before, text);
    for (char *c = out; *c; c++)
        if (*c == '"' || (unsigned char)*c < ' ') *c = '\'';
}

/* The worse of two, as the core will see all of the batch again. */
static void note(struct kafka_job *j, enum deliver_outcome outcome, const char *text)
{
    static const unsigned ranks[] = {
        [DELIVER_TAKEN] = 0, [DELIVER_REFUSED] = 1, [DELIVER_AGAIN] = 2, [DELIVER_SLOW] = 3};
    if (ranks[outcome] <= ranks[j->outcome]) return;
    j->outcome = outcome;
    say_text(j->text, "Kafka: ", text);
}

static void note_code(struct kafka_job *j, rd_kafka_resp_err_t code, const char *text)
{
    const char *words = kafka_words(code);
    note(j, kafka_outcome(code), words ? words : text);
}

static void end(struct kafka_producer *p, struct kafka_job *j)
{
    list_remove(&j->node);
    p->owner.done(p->owner.ctx, j);
}

static void drop(struct kafka_producer *p, struct kafka_job *j)
{
    if (--j->left == 0) end(p, j);
}

/* ---- what librdkafka tells, within poll() */

static void all_is_well(struct kafka_producer *p)
{
    p->state = DELIVER_TAKEN;
    *p->error = 0;
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct kafka_producer *p = opaque;
    struct kafka_job *j = m->_private;
    (void)rk;
    bool purged =
        m->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || m->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) all_is_well(p);
    if (!purged) note_code(j, m->err, p->rd->text(m->err));
    drop(p, j);
}

/* That one broker of several is away says nothing; a wrong password is remembered until something goes
 * well. */
static void on_error(rd_kafka_t *rk, int code, const char *text, void *opaque)
{
    struct kafka_producer *p = opaque;
    enum deliver_outcome outcome = kafka_outcome((rd_kafka_resp_err_t)code);
    (void)rk;
    if (code == RD_KAFKA_RESP_ERR__FATAL) p->broken = true;
    if (p->state == DELIVER_SLOW && outcome != DELIVER_SLOW) return;
    bool scram = code == RD_KAFKA_RESP_ERR__AUTHENTICATION && *p->settings[KAFKA_MECHANISM] == 'S';
    bool old = p->rd->version() < SCRAM_VERSION;
    p->state = outcome;
    say_text(p->error, scram && old ? "(Kafka 4 takes SCRAM from librdkafka 2.6.1 on) " : "", text);
}

/* Errors come to on_error(); the rest is for who looks for a fault. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    say_debug("kafka.client", "level=%d facility=%s text=\"%s\"", level, facility, text);
}

/* ---- the producer */

static enum err set(struct kafka_producer *p, rd_kafka_conf_t *conf, const char *name,
                    const char *value)
{
    char text[KAFKA_TEXT_MAX];
    if (*value == 0 || p->rd->conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
        return OK;
    return fail(ERR_INVALID, "%s: librdkafka does not take it", name);
}

static enum err configure(struct kafka_producer *p, rd_kafka_conf_t *conf)
{
    const struct {
        const char *name, *value;
    } all[] = {{"client.id", "azimuth"},
               {"bootstrap.servers", p->settings[KAFKA_SERVERS]},
               {"security.protocol", p->settings[KAFKA_PROTOCOL]},
               {"sasl.mechanism", p->settings[KAFKA_MECHANISM]},
               {"sasl.username", p->settings[KAFKA_USER]},
               {"sasl.password", p->settings[KAFKA_PASSWORD]},
               {"ssl.ca.pem", p->settings[KAFKA_CA]},
               {"enable.idempotence", "true"},
               {"acks", "all"},
               {"message.timeout.ms", "0"},
               {"linger.ms", "1"},
               {"partitioner", "murmur2_random"}, /* as Kafka's own producer does */
               {"topic.metadata.propagation.max.ms", "5000"},
               {"reconnect.backoff.max.ms", "2000"},
               {"socket.connection.setup.timeout.ms", "10000"},
               {"socket.keepalive.enable", "true"}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        TRY(set(p, conf, all[i].name, all[i].value));
    p->rd->conf_set_opaque(conf, p);
    p->rd->conf_set_dr(conf, on_report);
    p->rd->conf_set_error(conf, on_error);
    p->rd->conf_set_log(conf, on_log);
    return OK;
}

static enum err begin(struct kafka_producer *p)
{
    static const uint64_t one = 1;
    char text[KAFKA_TEXT_MAX] = "";
    if (p->rk) return OK;
    if (p->rd == NULL) TRY(rdkafka_load(&p->rd));
    rd_kafka_conf_t *conf = p->rd->conf_new();
    enum err e = configure(p, conf);
    if (e == OK) p->rk = p->rd->new_client(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (p->rk == NULL) {
        p->rd->conf_destroy(conf);
        return e != OK ? e : fail(ERR_INVALID, "%s", text);
    }
    p->broken = false;
    all_is_well(p);
    p->topic = p->rd->topic_new(p->rk, p->settings[KAFKA_TOPIC], NULL);
    p->queue = p->rd->main_queue(p->rk);
    p->rd->queue_ring(p->queue, p->owner.bell, &one, sizeof one);
    return OK;
}

static void serve(struct kafka_producer *p)
{
    while (p->rk && p->rd->poll(p->rk, 0) > 0) {
    }
}

/* What it has is taken back: every message gets its report. */
static void give_up(struct kafka_producer *p)
{
    if (p->rk == NULL) return;
    p->rd->purge(p->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    for (unsigned i = 0; i < PURGE_POLLS && !list_empty(&p->under_way); i++)
        p->rd->poll(p->rk, PURGE_POLL_MS);
    p->rd->queue_destroy(p->queue);
    p->rd->topic_destroy(p->topic);
    p->rd->destroy(p->rk);
    p->rk = NULL;
    LIST_EACH(node, &p->under_way)
    {
        end(p, CONTAINER_OF(node, struct kafka_job, node));
    }
}

/* ---- jobs */

static rd_kafka_resp_err_t topic_error(const struct rd_kafka_metadata *m)
{
    return m->topic_cnt ? m->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

/* A topic that the question itself makes, where brokers do so, is not there at once. */
static bool is_settled(rd_kafka_resp_err_t code, int64_t since_us)
{
    bool unknown = code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (unknown) return clock_mono_us() - since_us > INT64_C(1000) * KAFKA_MADE_MS;
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || kafka_outcome(code) == DELIVER_SLOW;
}

static rd_kafka_resp_err_t ask(struct kafka_producer *p)
{
    const struct rd_kafka_metadata *m;
    int64_t since_us = clock_mono_us(), until_us = since_us + INT64_C(1000) * KAFKA_LOOK_MS;
    rd_kafka_resp_err_t code;
    do {
        code = p->rd->metadata(p->rk, 0, p->topic, &m, PIECE_MS);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            code = topic_error(m);
            p->rd->metadata_destroy(m);
        }
        if (is_settled(code, since_us)) break;
        p->rd->poll(p->rk, PIECE_MS / 5);
    } while (!p->owner.is_closed(p->owner.ctx) && clock_mono_us() < until_us);
    serve(p);
    return code;
}

static void look(struct kafka_producer *p, struct kafka_job *j)
{
    rd_kafka_resp_err_t code = ask(p);
    if (kafka_outcome(code) == DELIVER_AGAIN && *p->error)
        note(j, p->state == DELIVER_SLOW ? DELIVER_SLOW : DELIVER_AGAIN, p->error);
    else
        note_code(j, code, p->rd->text(code));
    if (j->outcome != DELIVER_TAKEN) p->broken = true;
    drop(p, j);
}

static rd_kafka_headers_t *headers_of(struct kafka_producer *p, struct slice *rest, uint32_t count)
{
    rd_kafka_headers_t *h = p->rd->headers_new(HEADERS_HINT);
    struct slice name, value;
    while (count--) {
        kafka_next_header(rest, &name, &value);
        p->rd->header_add(h, (const char *)name.ptr, (ssize_t)name.len, value.ptr,
                          (ssize_t)value.len);
    }
    return h;
}

/* An empty body is a value that is empty, not none: none deletes its key in a compacted topic. */
static enum err produce(struct kafka_producer *p, struct kafka_job *j,
                        const struct kafka_message *m, rd_kafka_headers_t *headers)
{
    static char nothing[1];
    void *value = m->value.len ? (void *)(uintptr_t)m->value.ptr : nothing;
    rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = p->topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {value, m->value.len}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = m->time_ms},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = j},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)m->key.ptr, m->key.len}}};
    size_t count = sizeof parts / sizeof *parts - (m->has_key ? 0 : 1);
    rd_kafka_error_t *e = p->rd->produce(p->rk, parts, count);
    if (e == NULL) return OK;
    rd_kafka_resp_err_t code = p->rd->error_code(e);
    note_code(j, code, p->rd->text(code));
    if (code == RD_KAFKA_RESP_ERR__FATAL) p->broken = true;
    p->rd->error_destroy(e);
    p->rd->headers_destroy(headers);
    return ERR_IO;
}

/* Up to the first that librdkafka does not take: what is behind it must not overtake it. */
static void begin_batch(struct kafka_producer *p, struct kafka_job *j)
{
    struct slice rest = buf_slice(&j->batch);
    struct kafka_message m;
    j->due_us = clock_mono_us() + INT64_C(1000) * KAFKA_TIMEOUT_MS;
    while (rest.len) {
        kafka_next_message(&rest, &m);
        if (produce(p, j, &m, headers_of(p, &rest, m.header_count)) != OK) break;
        j->left++;
    }
    drop(p, j);
}

void kafka_producer_begin(struct kafka_producer *p, struct kafka_job *j)
{
    j->left = 1;
    list_push(&p->under_way, &j->node);
    if (begin(p) != OK) {
        note(j, DELIVER_SLOW, fail_text());
        drop(p, j);
    } else if (j->is_look) {
        look(p, j);
    } else {
        begin_batch(p, j);
    }
}

/* ---- time */

static bool is_late(struct kafka_producer *p)
{
    int64_t now_us = clock_mono_us();
    LIST_EACH(node, &p->under_way)
    {
        if (CONTAINER_OF(node, struct kafka_job, node)->due_us <= now_us) return true;
    }
    return false;
}

static void expire(struct kafka_producer *p)
{
    char text[KAFKA_TEXT_MAX] = "the producer ended: ";
    bool late = is_late(p);
    if (!late && !p->broken) return;
    if (late)
        snprintf(text, sizeof text, "not acknowledged within %d s: ", KAFKA_TIMEOUT_MS / 1000);
    size_t len = strlen(text);
    snprintf(text + len, sizeof text - len, "%s", *p->error ? p->error : "no broker said why");
    LIST_EACH(node, &p->under_way)
    {
        note(CONTAINER_OF(node, struct kafka_job, node),
             p->state == DELIVER_SLOW ? DELIVER_SLOW : DELIVER_AGAIN, text);
    }
    give_up(p);
}

void kafka_producer_serve(struct kafka_producer *p)
{
    serve(p);
    expire(p);
}

/* ---- life */

void kafka_producer_init(struct kafka_producer *p, const struct kafka_settings *s,
                         const struct kafka_producer_owner *owner, const struct rdkafka *rd)
{
    const char *const texts[KAFKA_SETTINGS] = {
        [KAFKA_SERVERS] = s->servers,
        [KAFKA_TOPIC] = s->topic,
        [KAFKA_PROTOCOL] = s->protocol,
        [KAFKA_MECHANISM] = s->mechanism,
        [KAFKA_USER] = s->user,
        [KAFKA_PASSWORD] = s->password,
        [KAFKA_CA] = s->ca,
    };
    *p = (struct kafka_producer){.owner = *owner, .rd = rd};
    list_init(&p->under_way);
    for (int i = 0; i < KAFKA_SETTINGS; i++) p->settings[i] = mem_str(texts[i]);
}

void kafka_producer_fini(struct kafka_producer *p)
{
    give_up(p);
    mem_wipe(p->settings[KAFKA_PASSWORD], strlen(p->settings[KAFKA_PASSWORD]));
    for (int i = 0; i < KAFKA_SETTINGS; i++) free(p->settings[i]);
}

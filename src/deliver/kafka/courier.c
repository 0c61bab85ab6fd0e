/* courier.c - the thread of one endpoint, and librdkafka.
 *
 *   job: look ─▶ metadata of the topic, asked in pieces so that close() need not wait long
 *   job: batch ─▶ produce each message ─▶ the last delivery report ─▶ answer
 *
 * librdkafka repeats what a broker did not take for as long as it lives (message.timeout.ms 0), in order and
 * without doubles (enable.idempotence).  What is not through after KAFKA_TIMEOUT_MS ends the producer: all
 * that it has is taken back at once, so that no later message overtakes what the core gives again, and the
 * next job begins with a new one.
 *
 * Two threads share the inbox and the flag `closed`, under a lock that nobody holds for longer than it takes
 * to post: the lane of the core may be gone when close() has returned. */
#include "deliver/kafka/courier.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/say.h"
#include "deliver/kafka/message.h"
#include "deliver/kafka/rdkafka.h"
#include "deliver/kafka/verdict.h"

enum { TEXT_MAX = 256, PIECE_MS = 500, IDLE_MS = 1000, HEADERS_HINT = 16 };

/* Older ones repeat their nonce, which brokers overlooked before 4.0 (confluentinc/librdkafka#4895). */
enum { SCRAM_VERSION = 0x02060100 };

struct job {
    struct list node;
    struct addr to;
    bool is_look;
    struct buf batch;
    int64_t due_us;
    unsigned left; /* messages without a report, and one until all were produced */
    enum deliver_outcome outcome;
    char text[TEXT_MAX];
};

struct courier {
    pthread_mutex_t lock;
    struct list inbox;
    bool closed;
    int bell;
    struct lane *lane; /* until it is closed */
    char *settings[7];
    /* the thread's own */
    const struct rdkafka *rd;
    rd_kafka_t *rk;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    struct list under_way;
    bool broken;                /* this producer is good for nothing any more */
    enum deliver_outcome state; /* of the last error that librdkafka told of */
    char error[TEXT_MAX];
};

enum setting { SERVERS, TOPIC, PROTOCOL, MECHANISM, USER, PASSWORD, CA };

/* ---- how many are ending, for a clean stop */

static pthread_mutex_t ending_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ending_changed = PTHREAD_COND_INITIALIZER;
static unsigned ending;

static void count_ending(int by)
{
    pthread_mutex_lock(&ending_lock);
    ending += (unsigned)by;
    pthread_cond_broadcast(&ending_changed);
    pthread_mutex_unlock(&ending_lock);
}

void kafka_courier_settle(void)
{
    struct timespec until;
    int late = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += KAFKA_STOP_MS / 1000;
    pthread_mutex_lock(&ending_lock);
    while (ending && !late) late = pthread_cond_timedwait(&ending_changed, &ending_lock, &until);
    pthread_mutex_unlock(&ending_lock);
}

/* ---- answers */

static void say_text(char out[TEXT_MAX], const char *before, const char *text)
{
    snprintf(out, TEXT_MAX, "%s%s", before, text);
    for (char *c = out; *c; c++)
        if (*c == '"' || (unsigned char)*c < ' ') *c = '\'';
}

/* The worse of two, as the core will see all of the batch again. */
static void note(struct job *j, enum deliver_outcome outcome, const char *text)
{
    static const unsigned ranks[] = {
        [DELIVER_TAKEN] = 0, [DELIVER_REFUSED] = 1, [DELIVER_AGAIN] = 2, [DELIVER_SLOW] = 3};
    if (ranks[outcome] <= ranks[j->outcome]) return;
    j->outcome = outcome;
    say_text(j->text, "Kafka: ", text);
}

static void note_code(struct job *j, rd_kafka_resp_err_t code, const char *text)
{
    const char *words = kafka_words(code);
    note(j, kafka_outcome(code), words ? words : text);
}

static void end(struct courier *c, struct job *j)
{
    pthread_mutex_lock(&c->lock);
    if (!c->closed) kafka_answer(c->lane, j->to, j->outcome, j->text);
    pthread_mutex_unlock(&c->lock);
    list_remove(&j->node);
    buf_free(&j->batch);
    free(j);
}

static void drop(struct courier *c, struct job *j)
{
    if (--j->left == 0) end(c, j);
}

/* ---- what librdkafka tells, within poll() */

static void all_is_well(struct courier *c)
{
    c->state = DELIVER_TAKEN;
    *c->error = 0;
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    struct courier *c = opaque;
    struct job *j = m->_private;
    (void)rk;
    bool purged =
        m->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || m->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
    if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) all_is_well(c);
    if (!purged) note_code(j, m->err, c->rd->text(m->err));
    drop(c, j);
}

/* That one broker of several is away says nothing; a wrong password is remembered until something goes
 * well. */
static void on_error(rd_kafka_t *rk, int code, const char *text, void *opaque)
{
    struct courier *c = opaque;
    enum deliver_outcome outcome = kafka_outcome((rd_kafka_resp_err_t)code);
    (void)rk;
    if (code == RD_KAFKA_RESP_ERR__FATAL) c->broken = true;
    if (c->state == DELIVER_SLOW && outcome != DELIVER_SLOW) return;
    bool scram = code == RD_KAFKA_RESP_ERR__AUTHENTICATION && *c->settings[MECHANISM] == 'S';
    bool old = c->rd->version() < SCRAM_VERSION;
    c->state = outcome;
    say_text(c->error, scram && old ? "(Kafka 4 takes SCRAM from librdkafka 2.6.1 on) " : "", text);
}

/* Errors come to on_error(); the rest is for who looks for a fault. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    say_debug("kafka.client", "level=%d facility=%s text=\"%s\"", level, facility, text);
}

/* ---- the producer */

static enum err set(struct courier *c, rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[TEXT_MAX];
    if (*value == 0 || c->rd->conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
        return OK;
    return fail(ERR_INVALID, "%s: librdkafka does not take it", name);
}

static enum err configure(struct courier *c, rd_kafka_conf_t *conf)
{
    const struct {
        const char *name, *value;
    } all[] = {{"client.id", "azimuth"},
               {"bootstrap.servers", c->settings[SERVERS]},
               {"security.protocol", c->settings[PROTOCOL]},
               {"sasl.mechanism", c->settings[MECHANISM]},
               {"sasl.username", c->settings[USER]},
               {"sasl.password", c->settings[PASSWORD]},
               {"ssl.ca.pem", c->settings[CA]},
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
        TRY(set(c, conf, all[i].name, all[i].value));
    c->rd->conf_set_opaque(conf, c);
    c->rd->conf_set_dr(conf, on_report);
    c->rd->conf_set_error(conf, on_error);
    c->rd->conf_set_log(conf, on_log);
    return OK;
}

static enum err begin(struct courier *c)
{
    static const uint64_t one = 1;
    char text[TEXT_MAX] = "";
    if (c->rk) return OK;
    TRY(rdkafka_load(&c->rd));
    rd_kafka_conf_t *conf = c->rd->conf_new();
    enum err e = configure(c, conf);
    if (e == OK) c->rk = c->rd->new_client(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (c->rk == NULL) {
        c->rd->conf_destroy(conf);
        return e != OK ? e : fail(ERR_INVALID, "%s", text);
    }
    c->broken = false;
    all_is_well(c);
    c->topic = c->rd->topic_new(c->rk, c->settings[TOPIC], NULL);
    c->queue = c->rd->main_queue(c->rk);
    c->rd->queue_ring(c->queue, c->bell, &one, sizeof one);
    return OK;
}

static void serve(struct courier *c)
{
    while (c->rk && c->rd->poll(c->rk, 0) > 0) {
    }
}

/* What it has is taken back: every message gets its report. */
static void give_up(struct courier *c)
{
    if (c->rk == NULL) return;
    c->rd->purge(c->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    for (unsigned i = 0; i < 20 && !list_empty(&c->under_way); i++) c->rd->poll(c->rk, 100);
    c->rd->queue_destroy(c->queue);
    c->rd->topic_destroy(c->topic);
    c->rd->destroy(c->rk);
    c->rk = NULL;
    LIST_EACH(node, &c->under_way)
    {
        end(c, CONTAINER_OF(node, struct job, node));
    }
}

/* ---- jobs */

static bool is_closed(struct courier *c)
{
    pthread_mutex_lock(&c->lock);
    bool closed = c->closed;
    pthread_mutex_unlock(&c->lock);
    return closed;
}

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

static rd_kafka_resp_err_t ask(struct courier *c)
{
    const struct rd_kafka_metadata *m;
    int64_t since_us = clock_mono_us(), until_us = since_us + INT64_C(1000) * KAFKA_LOOK_MS;
    rd_kafka_resp_err_t code;
    do {
        code = c->rd->metadata(c->rk, 0, c->topic, &m, PIECE_MS);
        if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
            code = topic_error(m);
            c->rd->metadata_destroy(m);
        }
        if (is_settled(code, since_us)) break;
        c->rd->poll(c->rk, PIECE_MS / 5);
    } while (!is_closed(c) && clock_mono_us() < until_us);
    serve(c);
    return code;
}

static void look(struct courier *c, struct job *j)
{
    rd_kafka_resp_err_t code = ask(c);
    if (kafka_outcome(code) == DELIVER_AGAIN && *c->error)
        note(j, c->state == DELIVER_SLOW ? DELIVER_SLOW : DELIVER_AGAIN, c->error);
    else
        note_code(j, code, c->rd->text(code));
    if (j->outcome != DELIVER_TAKEN) c->broken = true;
    drop(c, j);
}

static rd_kafka_headers_t *headers_of(struct courier *c, struct slice *rest, uint32_t count)
{
    rd_kafka_headers_t *h = c->rd->headers_new(HEADERS_HINT);
    struct slice name, value;
    while (count--) {
        kafka_next_header(rest, &name, &value);
        c->rd->header_add(h, (const char *)name.ptr, (ssize_t)name.len, value.ptr,
                          (ssize_t)value.len);
    }
    return h;
}

/* An empty body is a value that is empty, not none: none deletes its key in a compacted topic. */
static enum err produce(struct courier *c, struct job *j, const struct kafka_message *m,
                        rd_kafka_headers_t *headers)
{
    static char nothing[1];
    void *value = m->value.len ? (void *)(uintptr_t)m->value.ptr : nothing;
    rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = c->topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {value, m->value.len}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = m->time_ms},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = j},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)m->key.ptr, m->key.len}}};
    size_t count = sizeof parts / sizeof *parts - (m->has_key ? 0 : 1);
    rd_kafka_error_t *e = c->rd->produce(c->rk, parts, count);
    if (e == NULL) return OK;
    rd_kafka_resp_err_t code = c->rd->error_code(e);
    note_code(j, code, c->rd->text(code));
    if (code == RD_KAFKA_RESP_ERR__FATAL) c->broken = true;
    c->rd->error_destroy(e);
    c->rd->headers_destroy(headers);
    return ERR_IO;
}

/* Up to the first that librdkafka does not take: what is behind it must not overtake it. */
static void begin_batch(struct courier *c, struct job *j)
{
    struct slice rest = buf_slice(&j->batch);
    struct kafka_message m;
    j->due_us = clock_mono_us() + INT64_C(1000) * KAFKA_TIMEOUT_MS;
    while (rest.len) {
        kafka_next_message(&rest, &m);
        if (produce(c, j, &m, headers_of(c, &rest, m.header_count)) != OK) break;
        j->left++;
    }
    drop(c, j);
}

static void begin_job(struct courier *c, struct job *j)
{
    j->left = 1;
    list_push(&c->under_way, &j->node);
    if (begin(c) != OK) {
        note(j, DELIVER_SLOW, fail_text());
        drop(c, j);
    } else if (j->is_look) {
        look(c, j);
    } else {
        begin_batch(c, j);
    }
}

static void empty_inbox(struct courier *c, struct list *out)
{
    list_init(out);
    pthread_mutex_lock(&c->lock);
    list_splice(out, &c->inbox);
    pthread_mutex_unlock(&c->lock);
}

static void take_inbox(struct courier *c)
{
    struct list taken, *node;
    empty_inbox(c, &taken);
    while ((node = list_shift(&taken)) != NULL) begin_job(c, CONTAINER_OF(node, struct job, node));
}

/* ---- time */

static bool is_late(struct courier *c)
{
    int64_t now_us = clock_mono_us();
    LIST_EACH(node, &c->under_way)
    {
        if (CONTAINER_OF(node, struct job, node)->due_us <= now_us) return true;
    }
    return false;
}

static void expire(struct courier *c)
{
    char text[TEXT_MAX] = "the producer ended: ";
    bool late = is_late(c);
    if (!late && !c->broken) return;
    if (late)
        snprintf(text, sizeof text, "not acknowledged within %d s: ", KAFKA_TIMEOUT_MS / 1000);
    size_t len = strlen(text);
    snprintf(text + len, sizeof text - len, "%s", *c->error ? c->error : "no broker said why");
    LIST_EACH(node, &c->under_way)
    {
        note(CONTAINER_OF(node, struct job, node),
             c->state == DELIVER_SLOW ? DELIVER_SLOW : DELIVER_AGAIN, text);
    }
    give_up(c);
}

static void wait_for_ring(struct courier *c)
{
    uint64_t rings;
    poll(&(struct pollfd){.fd = c->bell, .events = POLLIN}, 1, IDLE_MS);
    while (read(c->bell, &rings, sizeof rings) == sizeof rings) {
    }
}

/* ---- the thread */

static void courier_free(struct courier *c)
{
    close(c->bell);
    pthread_mutex_destroy(&c->lock);
    mem_wipe(c->settings[PASSWORD], strlen(c->settings[PASSWORD]));
    for (size_t i = 0; i < sizeof c->settings / sizeof *c->settings; i++) free(c->settings[i]);
    free(c);
}

static void *run(void *arg)
{
    struct courier *c = arg;
    while (!is_closed(c)) {
        take_inbox(c);
        serve(c);
        expire(c);
        wait_for_ring(c);
    }
    struct list rest;
    empty_inbox(c, &rest);
    LIST_EACH(node, &rest)
    {
        end(c, CONTAINER_OF(node, struct job, node));
    }
    give_up(c);
    courier_free(c);
    count_ending(-1);
    return NULL;
}

/* ---- the core's side */

static void ring(const struct courier *c)
{
    ssize_t n = write(c->bell, &(uint64_t){1}, sizeof(uint64_t));
    (void)n; /* full: it rings already */
}

static void *courier_open(const struct kafka_settings *s, struct lane *lane)
{
    const char *const texts[] = {[SERVERS] = s->servers,
                                 [TOPIC] = s->topic,
                                 [PROTOCOL] = s->protocol,
                                 [MECHANISM] = s->mechanism,
                                 [USER] = s->user,
                                 [PASSWORD] = s->password,
                                 [CA] = s->ca};
    struct courier *c = NEW(struct courier);
    pthread_t thread;
    pthread_mutex_init(&c->lock, NULL);
    list_init(&c->inbox);
    list_init(&c->under_way);
    c->lane = lane;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) c->settings[i] = mem_str(texts[i]);
    c->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert(c->bell >= 0);
    int failed = pthread_create(&thread, NULL, run, c);
    assert(!failed);
    pthread_setname_np(thread, "kafka");
    pthread_detach(thread);
    return c;
}

static void courier_close(void *own)
{
    struct courier *c = own;
    count_ending(1);
    pthread_mutex_lock(&c->lock);
    c->closed = true;
    ring(c); /* under the lock: behind it c may be gone */
    pthread_mutex_unlock(&c->lock);
}

static void put(struct courier *c, struct job *j)
{
    pthread_mutex_lock(&c->lock);
    list_push(&c->inbox, &j->node);
    pthread_mutex_unlock(&c->lock);
    ring(c);
}

static void courier_look(void *own, struct addr to)
{
    struct job *j = NEW(struct job);
    *j = (struct job){.to = to, .is_look = true, .due_us = INT64_MAX};
    put(own, j);
}

static void courier_send(void *own, struct addr to, struct buf *batch)
{
    struct job *j = NEW(struct job);
    *j = (struct job){.to = to, .batch = *batch, .due_us = INT64_MAX};
    *batch = (struct buf){0};
    put(own, j);
}

const struct kafka_carrier kafka_courier = {courier_open, courier_close, courier_look,
                                            courier_send};

/* producer_test.c - jobs against a librdkafka that does as the test says, under a clock of its own. */
#include "base/test.h"

#include "base/clock.h"
#include "deliver/kafka/message.h"
#include "deliver/kafka/producer.h"

enum { MESSAGES_MAX = 8, NEW_VERSION = 0x020b00ff, OLD_VERSION = 0x020002ff };

/* What the librdkafka of the test was told, and what it will say. */
static struct {
    struct kafka_producer producer;
    int64_t now_us;
    unsigned clients, topics, queues, confs, headers; /* that are there */
    unsigned clients_made;
    void (*on_report)(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque);
    void (*on_error)(rd_kafka_t *rk, int code, const char *text, void *opaque);
    const char *refuses; /* a setting that it does not take */
    int version;
    struct {
        struct kafka_job *job;
        char value[16], key[16];
        bool has_value, has_key;
        rd_kafka_resp_err_t err;
        bool reported;
    } sent[MESSAGES_MAX];
    unsigned count, room; /* room: so many more are taken */
    rd_kafka_resp_err_t topic_error, metadata_error;
    int64_t topic_there_us; /* ... from then on it is there */
    const char *broker_says;
    int broker_code;
    bool closed;
    /* what came back */
    unsigned done;
    enum deliver_outcome outcome;
    char text[KAFKA_TEXT_MAX];
} f;

static int64_t read_clock(void)
{
    return f.now_us;
}

static void *thing(unsigned *count)
{
    ++*count;
    return &f;
}

static rd_kafka_conf_t *conf_new(void)
{
    return thing(&f.confs);
}

static void conf_destroy(rd_kafka_conf_t *conf)
{
    (void)conf;
    f.confs--;
}

static rd_kafka_conf_res_t conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                    char *text, size_t size)
{
    (void)conf, (void)text, (void)size;
    assert_true(*value);
    return f.refuses && strcmp(name, f.refuses) == 0 ? RD_KAFKA_CONF_INVALID : RD_KAFKA_CONF_OK;
}

static void conf_set_opaque(rd_kafka_conf_t *conf, void *opaque)
{
    (void)conf;
    assert_ptr_equal(opaque, &f.producer);
}

static void conf_set_dr(rd_kafka_conf_t *conf,
                        void (*fn)(rd_kafka_t *, const rd_kafka_message_t *, void *))
{
    (void)conf;
    f.on_report = fn;
}

static void conf_set_error(rd_kafka_conf_t *conf,
                           void (*fn)(rd_kafka_t *, int, const char *, void *))
{
    (void)conf;
    f.on_error = fn;
}

static void conf_set_log(rd_kafka_conf_t *conf,
                         void (*fn)(const rd_kafka_t *, int, const char *, const char *))
{
    (void)conf, (void)fn;
}

static rd_kafka_t *new_client(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *text, size_t size)
{
    (void)conf, (void)text, (void)size;
    assert_int_equal(type, RD_KAFKA_PRODUCER);
    f.confs--; /* the client's from here on */
    f.clients_made++;
    return thing(&f.clients);
}

static void destroy(rd_kafka_t *rk)
{
    (void)rk;
    f.clients--;
}

static rd_kafka_topic_t *topic_new(rd_kafka_t *rk, const char *topic, rd_kafka_topic_conf_t *conf)
{
    (void)rk, (void)conf;
    assert_string_equal(topic, "readings");
    return thing(&f.topics);
}

static void topic_destroy(rd_kafka_topic_t *topic)
{
    (void)topic;
    f.topics--;
}

static rd_kafka_queue_t *main_queue(rd_kafka_t *rk)
{
    (void)rk;
    return thing(&f.queues);
}

static void queue_destroy(rd_kafka_queue_t *queue)
{
    (void)queue;
    f.queues--;
}

static void queue_ring(rd_kafka_queue_t *queue, int fd, const void *bytes, size_t len)
{
    (void)queue, (void)fd, (void)bytes, (void)len;
}

static int tell_report(unsigned i)
{
    rd_kafka_message_t m = {.err = f.sent[i].err, ._private = f.sent[i].job};
    f.sent[i].job = NULL;
    f.on_report((rd_kafka_t *)&f, &m, &f.producer);
    return 1;
}

static int poll_once(rd_kafka_t *rk, int timeout_ms)
{
    const char *says = f.broker_says;
    (void)rk;
    f.now_us += INT64_C(1000) * timeout_ms;
    f.broker_says = NULL;
    if (says) f.on_error((rd_kafka_t *)&f, f.broker_code, says, &f.producer);
    for (unsigned i = 0; i < f.count; i++)
        if (f.sent[i].job && f.sent[i].reported) return tell_report(i);
    return says != NULL;
}

static struct rd_kafka_metadata_topic about_topic;
static struct rd_kafka_metadata about = {.topic_cnt = 1, .topics = &about_topic};

static rd_kafka_resp_err_t metadata(rd_kafka_t *rk, int all, rd_kafka_topic_t *topic,
                                    const struct rd_kafka_metadata **out, int timeout_ms)
{
    (void)rk, (void)all, (void)topic;
    if (f.metadata_error) f.now_us += INT64_C(1000) * timeout_ms;
    if (f.metadata_error) return f.metadata_error;
    about_topic.err =
        f.now_us < f.topic_there_us ? RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART : f.topic_error;
    *out = &about;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void metadata_destroy(const struct rd_kafka_metadata *m)
{
    assert_ptr_equal(m, &about);
}

static rd_kafka_headers_t *headers_new(size_t count)
{
    (void)count;
    return thing(&f.headers);
}

static rd_kafka_resp_err_t header_add(rd_kafka_headers_t *h, const char *name, ssize_t name_len,
                                      const void *value, ssize_t value_len)
{
    (void)h, (void)name, (void)name_len, (void)value, (void)value_len;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void headers_destroy(rd_kafka_headers_t *h)
{
    (void)h;
    f.headers--;
}

static void keep(char out[16], const rd_kafka_vu_t *part)
{
    snprintf(out, 16, "%.*s", (int)part->u.mem.size, (const char *)part->u.mem.ptr);
}

static rd_kafka_error_t *produce(rd_kafka_t *rk, const rd_kafka_vu_t *parts, size_t count)
{
    (void)rk;
    if (f.room-- == 0) return (rd_kafka_error_t *)&f;
    unsigned i = f.count++;
    assert_true(i < MESSAGES_MAX);
    f.headers--; /* the message's from here on */
    for (size_t p = 0; p < count; p++) {
        if (parts[p].vtype == RD_KAFKA_VTYPE_OPAQUE) f.sent[i].job = parts[p].u.ptr;
        if (parts[p].vtype == RD_KAFKA_VTYPE_VALUE) keep(f.sent[i].value, &parts[p]);
        if (parts[p].vtype == RD_KAFKA_VTYPE_VALUE) f.sent[i].has_value = parts[p].u.mem.ptr;
        if (parts[p].vtype == RD_KAFKA_VTYPE_KEY) keep(f.sent[i].key, &parts[p]);
        if (parts[p].vtype == RD_KAFKA_VTYPE_KEY) f.sent[i].has_key = true;
    }
    return NULL;
}

static rd_kafka_resp_err_t error_code(const rd_kafka_error_t *e)
{
    (void)e;
    return RD_KAFKA_RESP_ERR__QUEUE_FULL;
}

static void error_destroy(rd_kafka_error_t *e)
{
    (void)e;
}

static rd_kafka_resp_err_t purge(rd_kafka_t *rk, int flags)
{
    (void)rk;
    assert_int_equal(flags, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    for (unsigned i = 0; i < f.count; i++) {
        if (!f.sent[i].reported) f.sent[i].err = RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
        f.sent[i].reported = true;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static const char *text_of(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__TRANSPORT ? "no broker \"answers\"" : "something";
}

static int version(void)
{
    return f.version;
}

static const struct rdkafka table = {
    conf_new,      conf_destroy,    conf_set,  conf_set_opaque, conf_set_dr,      conf_set_error,
    conf_set_log,  new_client,      destroy,   topic_new,       topic_destroy,    main_queue,
    queue_destroy, queue_ring,      poll_once, metadata,        metadata_destroy, headers_new,
    header_add,    headers_destroy, produce,   error_code,      error_destroy,    purge,
    text_of,       version};

/* ---- who has the producer */

static void on_done(void *ctx, struct kafka_job *j)
{
    (void)ctx;
    f.done++;
    f.outcome = j->outcome;
    snprintf(f.text, sizeof f.text, "%s", j->text);
    buf_free(&j->batch);
    free(j);
}

static bool is_closed(void *ctx)
{
    (void)ctx;
    return f.closed;
}

static int set_up(void **state)
{
    static const struct clock_source clock = {read_clock, read_clock};
    const struct kafka_settings s = {.servers = "broker:9092",
                                     .topic = "readings",
                                     .protocol = "SASL_SSL",
                                     .mechanism = "SCRAM-SHA-256",
                                     .user = "hub",
                                     .password = "secret",
                                     .ca = ""};
    const struct kafka_producer_owner owner = {on_done, is_closed, NULL, -1};
    (void)state;
    memset(&f, 0, sizeof f);
    f.now_us = 1000000;
    f.room = MESSAGES_MAX;
    f.version = NEW_VERSION;
    clock_use(&clock);
    kafka_producer_init(&f.producer, &s, &owner, &table);
    return 0;
}

/* Nothing is left, whatever happened. */
static int tear_down(void **state)
{
    (void)state;
    kafka_producer_fini(&f.producer);
    clock_use(NULL);
    return f.clients || f.topics || f.queues || f.confs || f.headers;
}

/* ---- jobs */

static void put_part(struct buf *b, const char *key, const char *value)
{
    buf_put_le32(b, key ? (uint32_t)strlen(key) : KAFKA_NO_KEY);
    buf_put_le32(b, (uint32_t)strlen(value));
    buf_put_le32(b, 1);
    buf_put_le64(b, 1700000000000);
    buf_put(b, key, key ? strlen(key) : 0);
    buf_put(b, value, strlen(value));
    buf_put_le32(b, 1);
    buf_put_le32(b, 1);
    buf_put(b, "nv", 2);
}

/* Three messages: with a key, without, without a body. */
static void send_batch(void)
{
    struct kafka_job *j = NEW(struct kafka_job);
    put_part(&j->batch, "d1", "one");
    put_part(&j->batch, NULL, "two");
    put_part(&j->batch, "d2", "");
    j->due_us = INT64_MAX;
    kafka_producer_begin(&f.producer, j);
}

static void look(void)
{
    struct kafka_job *j = NEW(struct kafka_job);
    j->is_look = true;
    j->due_us = INT64_MAX;
    kafka_producer_begin(&f.producer, j);
}

static void report(unsigned i, rd_kafka_resp_err_t err)
{
    f.sent[i].err = err;
    f.sent[i].reported = true;
    kafka_producer_serve(&f.producer);
}

static void broker_says(int code, const char *text)
{
    f.broker_code = code;
    f.broker_says = text;
    kafka_producer_serve(&f.producer);
}

static void assert_done(unsigned done, enum deliver_outcome outcome, const char *text)
{
    assert_int_equal(f.done, done);
    assert_int_equal(f.outcome, outcome);
    assert_string_equal(f.text, text);
}

/* ---- rows */

static void a_batch_is_done_when_each_of_its_messages_has_its_report(void **state)
{
    (void)state;
    send_batch();
    assert_int_equal(f.count, 3);
    assert_string_equal(f.sent[0].key, "d1");
    assert_string_equal(f.sent[0].value, "one");
    assert_false(f.sent[1].has_key);
    assert_string_equal(f.sent[1].value, "two");
    assert_true(f.sent[2].has_value); /* empty, not none */
    report(0, RD_KAFKA_RESP_ERR_NO_ERROR);
    report(2, RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(f.done, 0);
    report(1, RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_done(1, DELIVER_TAKEN, "");
    send_batch();
    assert_int_equal(f.clients_made, 1);
}

static void the_worst_of_its_messages_is_what_became_of_a_batch(void **state)
{
    (void)state;
    send_batch();
    report(0, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    report(1, RD_KAFKA_RESP_ERR_NO_ERROR);
    report(2, RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_done(1, DELIVER_REFUSED, "Kafka: the message is larger than the topic allows");
}

static void what_is_not_acknowledged_in_time_is_taken_back_and_a_new_client_follows(void **state)
{
    (void)state;
    send_batch();
    f.now_us += INT64_C(1000) * KAFKA_TIMEOUT_MS - 1;
    kafka_producer_serve(&f.producer);
    assert_int_equal(f.done, 0);
    f.now_us++;
    kafka_producer_serve(&f.producer);
    assert_done(1, DELIVER_AGAIN, "Kafka: not acknowledged within 30 s: no broker said why");
    assert_int_equal(f.clients, 0);
    send_batch();
    assert_int_equal(f.clients_made, 2);
}

static void all_batches_under_way_are_taken_back_with_the_one_that_is_late(void **state)
{
    (void)state;
    send_batch();
    f.now_us += INT64_C(500) * KAFKA_TIMEOUT_MS;
    send_batch();
    f.now_us += INT64_C(500) * KAFKA_TIMEOUT_MS;
    kafka_producer_serve(&f.producer);
    assert_int_equal(f.done, 2);
    assert_int_equal(f.outcome, DELIVER_AGAIN);
}

static void nothing_overtakes_what_librdkafka_does_not_take(void **state)
{
    (void)state;
    f.room = 1;
    send_batch();
    assert_int_equal(f.count, 1);
    assert_int_equal(f.done, 0);
    report(0, RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_done(1, DELIVER_AGAIN, "Kafka: something");
}

static void a_fatal_error_ends_the_client(void **state)
{
    (void)state;
    send_batch();
    broker_says(RD_KAFKA_RESP_ERR__FATAL, "out of\norder");
    assert_done(1, DELIVER_AGAIN, "Kafka: the producer ended: out of'order");
    assert_int_equal(f.clients, 0);
}

static void a_wrong_password_is_remembered_while_brokers_come_and_go(void **state)
{
    (void)state;
    send_batch();
    broker_says(RD_KAFKA_RESP_ERR__AUTHENTICATION, "who are you");
    broker_says(RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down");
    f.now_us += INT64_C(1000) * KAFKA_TIMEOUT_MS;
    kafka_producer_serve(&f.producer);
    assert_done(1, DELIVER_SLOW, "Kafka: not acknowledged within 30 s: who are you");
}

static void it_says_so_when_librdkafka_is_too_old_for_scram(void **state)
{
    (void)state;
    f.version = OLD_VERSION;
    f.metadata_error = RD_KAFKA_RESP_ERR__TRANSPORT;
    f.broker_code = RD_KAFKA_RESP_ERR__AUTHENTICATION;
    f.broker_says = "no";
    look();
    assert_done(1, DELIVER_SLOW, "Kafka: (Kafka 4 takes SCRAM from librdkafka 2.6.1 on) no");
}

static void a_setting_that_is_not_taken_is_named(void **state)
{
    (void)state;
    f.refuses = "sasl.mechanism";
    send_batch();
    assert_done(1, DELIVER_SLOW, "Kafka: sasl.mechanism: librdkafka does not take it");
    f.refuses = NULL;
    send_batch();
    assert_int_equal(f.count, 3);
}

static void a_topic_is_looked_for_until_it_is_there(void **state)
{
    static const struct {
        int64_t there_ms;
        enum deliver_outcome outcome;
        const char *text;
    } rows[] = {{0, DELIVER_TAKEN, ""},
                {KAFKA_MADE_MS - 500, DELIVER_TAKEN, ""},
                {KAFKA_MADE_MS + 500, DELIVER_SLOW, "Kafka: there is no such topic"}};
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        f.topic_there_us = f.now_us + INT64_C(1000) * rows[i].there_ms;
        look();
        assert_done(i + 1, rows[i].outcome, rows[i].text);
    }
    f.topic_there_us = 0;
    f.topic_error = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    look();
    assert_done(4, DELIVER_SLOW, "Kafka: this user may not write to the topic");
}

static void a_look_at_brokers_that_are_away_ends_in_time_or_when_nobody_wants_to_know(void **state)
{
    int64_t began_us = f.now_us;
    (void)state;
    f.metadata_error = RD_KAFKA_RESP_ERR__TRANSPORT;
    look();
    assert_done(1, DELIVER_AGAIN, "Kafka: no broker 'answers'");
    assert_in_range(f.now_us - began_us, INT64_C(1000) * KAFKA_LOOK_MS,
                    INT64_C(1000) * (KAFKA_LOOK_MS + 1000));
    f.closed = true;
    began_us = f.now_us;
    look();
    assert_int_equal(f.done, 2);
    assert_true(f.now_us - began_us <= 1000000);
}

static void what_is_under_way_at_the_end_comes_back(void **state)
{
    (void)state;
    send_batch();
    send_batch();
    kafka_producer_fini(&f.producer);
    assert_int_equal(f.done, 2);
    set_up(state);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_batch_is_done_when_each_of_its_messages_has_its_report),
        TEST(the_worst_of_its_messages_is_what_became_of_a_batch),
        TEST(what_is_not_acknowledged_in_time_is_taken_back_and_a_new_client_follows),
        TEST(all_batches_under_way_are_taken_back_with_the_one_that_is_late),
        TEST(nothing_overtakes_what_librdkafka_does_not_take),
        TEST(a_fatal_error_ends_the_client),
        TEST(a_wrong_password_is_remembered_while_brokers_come_and_go),
        TEST(it_says_so_when_librdkafka_is_too_old_for_scram),
        TEST(a_setting_that_is_not_taken_is_named),
        TEST(a_topic_is_looked_for_until_it_is_there),
        TEST(a_look_at_brokers_that_are_away_ends_in_time_or_when_nobody_wants_to_know),
        TEST(what_is_under_way_at_the_end_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

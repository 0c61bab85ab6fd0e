/* rdkafka.h - librdkafka, loaded with the first endpoint that wants it.
 *
 * Linking it would bring its libraries into every start of the program, also of a server that talks to no
 * Kafka.  Private to deliver. */
#ifndef DELIVER_KAFKA_RDKAFKA_H
#define DELIVER_KAFKA_RDKAFKA_H

#include <librdkafka/rdkafka.h>

#include "base/err.h"

struct rdkafka {
    rd_kafka_conf_t *(*conf_new)(void);
    void (*conf_destroy)(rd_kafka_conf_t *conf);
    rd_kafka_conf_res_t (*conf_set)(rd_kafka_conf_t *conf, const char *name, const char *value,
                                    char *text, size_t size);
    void (*conf_set_opaque)(rd_kafka_conf_t *conf, void *opaque);
    void (*conf_set_dr)(rd_kafka_conf_t *conf,
                        void (*fn)(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque));
    void (*conf_set_error)(rd_kafka_conf_t *conf,
                           void (*fn)(rd_kafka_t *rk, int code, const char *text, void *opaque));
    void (*conf_set_log)(rd_kafka_conf_t *conf, void (*fn)(const rd_kafka_t *rk, int level,
                                                           const char *facility, const char *text));
    rd_kafka_t *(*new_client)(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *text, size_t size);
    void (*destroy)(rd_kafka_t *rk);
    rd_kafka_topic_t *(*topic_new)(rd_kafka_t *rk, const char *topic, rd_kafka_topic_conf_t *conf);
    void (*topic_destroy)(rd_kafka_topic_t *topic);
    rd_kafka_queue_t *(*main_queue)(rd_kafka_t *rk);
    void (*queue_destroy)(rd_kafka_queue_t *queue);
    void (*queue_ring)(rd_kafka_queue_t *queue, int fd, const void *bytes, size_t len);
    int (*poll)(rd_kafka_t *rk, int timeout_ms);
    rd_kafka_resp_err_t (*metadata)(rd_kafka_t *rk, int all, rd_kafka_topic_t *topic,
                                    const struct rd_kafka_metadata **out, int timeout_ms);
    void (*metadata_destroy)(const struct rd_kafka_metadata *m);
    rd_kafka_headers_t *(*headers_new)(size_t count);
    rd_kafka_resp_err_t (*header_add)(rd_kafka_headers_t *h, const char *name, ssize_t name_len,
                                      const void *value, ssize_t value_len);
    void (*headers_destroy)(rd_kafka_headers_t *h);
    rd_kafka_error_t *(*produce)(rd_kafka_t *rk, const rd_kafka_vu_t *parts, size_t count);
    rd_kafka_resp_err_t (*error_code)(const rd_kafka_error_t *e);
    void (*error_destroy)(rd_kafka_error_t *e);
    rd_kafka_resp_err_t (*purge)(rd_kafka_t *rk, int flags);
    const char *(*text)(rd_kafka_resp_err_t code);
    int (*version)(void);
};

/* Any thread.  ERR_IO when the library is not there. */
enum err rdkafka_load(const struct rdkafka **out) MUST_USE;

#endif

/* rdkafka.c - see rdkafka.h. */
#include "deliver/kafka/rdkafka.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

static struct rdkafka functions;
static char missing[256]; /* empty: everything is there */

static const struct {
    const char *name;
    void *at;
} symbols[] = {
    {"rd_kafka_conf_new", &functions.conf_new},
    {"rd_kafka_conf_destroy", &functions.conf_destroy},
    {"rd_kafka_conf_set", &functions.conf_set},
    {"rd_kafka_conf_set_opaque", &functions.conf_set_opaque},
    {"rd_kafka_conf_set_dr_msg_cb", &functions.conf_set_dr},
    {"rd_kafka_conf_set_error_cb", &functions.conf_set_error},
    {"rd_kafka_conf_set_log_cb", &functions.conf_set_log},
    {"rd_kafka_new", &functions.new_client},
    {"rd_kafka_destroy", &functions.destroy},
    {"rd_kafka_topic_new", &functions.topic_new},
    {"rd_kafka_topic_destroy", &functions.topic_destroy},
    {"rd_kafka_queue_get_main", &functions.main_queue},
    {"rd_kafka_queue_destroy", &functions.queue_destroy},
    {"rd_kafka_queue_io_event_enable", &functions.queue_ring},
    {"rd_kafka_poll", &functions.poll},
    {"rd_kafka_metadata", &functions.metadata},
    {"rd_kafka_metadata_destroy", &functions.metadata_destroy},
    {"rd_kafka_headers_new", &functions.headers_new},
    {"rd_kafka_header_add", &functions.header_add},
    {"rd_kafka_headers_destroy", &functions.headers_destroy},
    {"rd_kafka_produceva", &functions.produce},
    {"rd_kafka_error_code", &functions.error_code},
    {"rd_kafka_error_destroy", &functions.error_destroy},
    {"rd_kafka_purge", &functions.purge},
    {"rd_kafka_err2str", &functions.text},
    {"rd_kafka_version", &functions.version},
};

static void load(void)
{
    void *library = dlopen("librdkafka.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        snprintf(missing, sizeof missing,
                 "librdkafka is missing (%.130s): apt-get install librdkafka1", dlerror());
        return;
    }
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        *(void **)symbols[i].at = dlsym(library, symbols[i].name);
        if (*(void **)symbols[i].at) continue;
        snprintf(missing, sizeof missing, "librdkafka has no %s: a newer one is wanted",
                 symbols[i].name);
        return;
    }
}

enum err rdkafka_load(const struct rdkafka **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    *out = &functions;
    pthread_once(&once, load);
    return *missing ? fail(ERR_IO, "%s", missing) : OK;
}

/* wire.h - the one place that knows every folder: a hub put together on lanes that somebody runs.
 *
 * The program gives each lane a thread and each core a loop (serve.c); the simulator runs all lanes
 * in one thread on a virtual clock, network and disk.
 *
 * Runs on: the starting thread while no lane runs.
 * Life:    wire_init(), then the cores' lanes enter wire->office, then wire_open(), run,
 *          wire_close().
 */
#ifndef SERVER_WIRE_H
#define SERVER_WIRE_H

#include "auth/auth.h"
#include "front/device_mqtt/device_mqtt.h"
#include "hub/session/session.h"
#include "log/log.h"
#include "store/store.h"

struct registry;
struct session_home;
struct amqp_service;
struct rest_service;

struct wire_config {
    struct io *io; /* log and store live here */
    const char *hub_name;
    const char *const *hosts;
    unsigned host_count;
    unsigned partitions;
    int64_t retention_us;
    uint64_t retention_bytes;
    uint64_t reserve_bytes; /* free disk kept back */
};

/* What each core has of its own. */
struct wire_core {
    struct lane *lane;
    struct log_writer writer;
    struct session_desk desk;
    struct registry *registry;
    struct session_home *sessions;
    struct device_mqtt_service *mqtt;
    struct amqp_service *amqp;
    struct rest_service *rest;
};

struct wire {
    struct office office;
    struct hub hub;
    struct policies policies;
    struct lane log_lane, log_read_lane;
    struct lane store_lane, store_read_lane, store_check_lane;
    struct log *log;
    struct store *store;
    struct wire_core cores[LANES_MAX];
};

void wire_init(struct wire *w);
enum err wire_open(struct wire *w, const struct wire_config *cfg, struct lane *const *cores,
                   unsigned core_count) MUST_USE;
void wire_close(struct wire *w);

/* Serving, and everything acknowledged would survive: what /readyz says. */
bool wire_ready(const struct wire *w);

#endif

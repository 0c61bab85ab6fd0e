/* service.h - one link of a back end to a hub: AMQP 1.0 in the client role, sans-IO.
 *
 *   sasl (PLAIN, a policy with its token) ─> open ─> attach ─> SERVICE_READY ─> sends, or receives
 *
 *     service_init(&s, &config, now);
 *     service_feed(&s, bytes, now);  while ((err = service_next(&s, &ev)) == OK) ...
 *
 * Runs on: one thread.
 * Life:    service_init() .. service_fini(); what `config` points to outlives it.  The slices of an
 *          event are valid until the next service_next().
 * Limits:  SERVICE_CREDIT messages that were received and not settled.
 * Errors:  final, with a text: ERR_DENIED, ERR_NOT_FOUND, ERR_FULL, ERR_TOO_BIG, ERR_INVALID (what was
 *          sent is refused), ERR_CLOSED, ERR_TIMEOUT, ERR_PROTOCOL.
 * Source:  "Understand Azure IoT Hub AMQP support": service client.
 */
#ifndef CLI_SERVICE_H
#define CLI_SERVICE_H

#include "proto/amqp/amqp.h"

enum {
    SERVICE_CREDIT = 10,
    SERVICE_IDLE_MS = 60000, /* as Azure's SDKs ask for; silent for twice as long, a hub is gone */
};

struct service_config {
    struct buf *out;
    const char *host;  /* open.hostname */
    const char *login; /* "{policy}@sas.root.{hub}" */
    struct slice token;
    const char *address; /* "/messages/devicebound" */
    bool sends;
};

enum service_kind {
    SERVICE_READY,    /* the link is there, and may be sent to */
    SERVICE_ACCEPTED, /* what was sent is on disk */
    SERVICE_MESSAGE,  /* `message`; service_accept() */
};

struct service_event {
    enum service_kind kind;
    struct amqp_message message;
};

struct service {
    const struct service_config *cfg;
    struct amqp amqp;
    struct amqp_config amqp_cfg;
    char container[40];
    struct amqp_link *link;
    bool ready;
    struct amqp_event got;
    enum err fate;
};

void service_init(struct service *s, const struct service_config *cfg, int64_t now_us);
void service_fini(struct service *s);

void service_feed(struct service *s, struct slice bytes, int64_t now_us);
enum err service_next(struct service *s, struct service_event *ev) MUST_USE;

int64_t service_deadline(const struct service *s);
void service_tick(struct service *s, int64_t now_us);

/* After SERVICE_READY: a message, as sections. */
void service_send(struct service *s, struct slice sections);

/* After SERVICE_MESSAGE: the hub may forget it. */
void service_accept(struct service *s);

void service_close(struct service *s);

#endif

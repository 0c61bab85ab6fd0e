/* twin.h - a twin of the simulated world, and the two who write it: its device (twin_device.c) over MQTT or AMQP
 * writes the reported properties and is told the desired ones; a service (twin_service.c) over HTTPS
 * writes tags and desired properties.  Both are shown all of it and compare it with the models.
 */
#ifndef SIM_TWIN_H
#define SIM_TWIN_H

#include "amqp_peer.h"
#include "http_peer.h"
#include "model_twin.h"
#include "mqtt_peer.h"

enum { TWINS_MQTT = 2, TWINS_AMQP = 2, TWINS = TWINS_MQTT + TWINS_AMQP };
enum { TWIN_SERVICES = 2, TWIN_IDLE_FACTOR = 10 };

/* When an answer was lost: after so long without contact the change will not be made any more. */
#define TWIN_SETTLE_US (2 * 1000000ll)

struct sim_twin {
    char id[MQTT_PEER_ID_MAX + 1];
    struct model_section desired, reported;
    int64_t desired_doubt_us, reported_doubt_us; /* since when the newest pending one is */
    int64_t marks;                               /* given so far */
    char etag[64];                               /* as last seen */
    int64_t etag_version;                        /* of the desired properties then; 0: none */
    char old_etag[64];                           /* of an earlier version; empty: none */
};

void sim_twin_init(struct sim_twin *t, unsigned index);
void sim_twin_fini(struct sim_twin *t);

/* ---- the device */

struct twin_device;

/* How it speaks.  What it asks has the number d->waits. */
struct twin_wire {
    bool matches; /* a report may name the version it is for */
    void (*report)(struct twin_device *d, struct slice body, int64_t version); /* 0: names none */
    void (*get)(struct twin_device *d);
    void (*subscribe)(struct twin_device *d, bool changes); /* to answers, and to changes */
};

struct twin_device {
    const struct twin_wire *wire;
    struct client *client;
    bool connected;
    struct sim_twin *twin;
    unsigned reports, goal;     /* that were answered */
    unsigned rid, waits;        /* request ids; the one that waits, 0: none */
    struct model_change report; /* that waits; mark 0: a GET does */
    int64_t floor_desired, floor_reported;
    bool stale, settles; /* as in struct twin_service */
    bool subscribed, subscribe_late, may_jump;
    int64_t notified, got; /* desired versions of this session; 0: none */
    struct doc copy;       /* of the desired properties, at version copied; 0: none */
    int64_t copied;
    bool verified;
};

void twin_device_init(struct twin_device *d, struct sim_twin *twin, unsigned goal,
                      const struct twin_wire *wire, struct client *client);
bool twin_device_done(const struct twin_device *d);

/* What its wire says. */
void twin_device_connected(struct twin_device *d);
void twin_device_subscribed(struct twin_device *d, bool refused);
void twin_device_answered(struct twin_device *d, unsigned rid, unsigned status, int64_t version,
                          struct slice payload);
void twin_device_changed(struct twin_device *d, int64_t version, struct slice payload);
void twin_device_lost(struct twin_device *d);

struct twin_mqtt {
    struct mqtt_peer peer;
    struct twin_device device;
    uint16_t subscribe_id;
};

struct twin_amqp {
    struct amqp_peer peer;
    struct twin_device device;
    struct amqp_link *in, *out; /* NULL: not attached */
};

void twin_mqtt_init(struct twin_mqtt *m, struct sim_twin *twin, struct sim_hub *hub, unsigned goal);
void twin_amqp_init(struct twin_amqp *a, struct sim_twin *twin, struct sim_hub *hub, unsigned goal);

/* ---- the service */

struct twin_service {
    struct http_peer peer;
    struct sim_twin *twins; /* its own: nobody else writes their desired properties */
    unsigned count, writes, goal;
    struct sim_twin *about;     /* what waits is about it */
    struct model_change change; /* that waits; mark 0: a GET does */
    bool stale;                 /* ... with an old ETag: it must be refused */
    bool settles;               /* ... and nothing pending can still come */
    int64_t floor_desired, floor_reported;
    unsigned verified; /* a bit per twin */
};

void twin_service_init(struct twin_service *s, struct sim_twin *twins, unsigned count,
                       struct sim_hub *hub, unsigned goal);
void twin_service_fini(struct twin_service *s);
bool twin_service_done(const struct twin_service *s);

/* ---- all of them */

struct twin_world {
    struct sim_twin twins[TWINS];
    struct twin_mqtt mqtt[TWINS_MQTT];
    struct twin_amqp amqp[TWINS_AMQP];
    struct twin_device *devices[TWINS]; /* of those */
    struct twin_service services[TWIN_SERVICES];
};

void twin_world_init(struct twin_world *w, struct sim_hub *hub, unsigned goal);
void twin_world_start(struct twin_world *w);
bool twin_world_done(const struct twin_world *w);
void twin_world_verify(struct twin_world *w); /* all is read once more */
bool twin_world_verified(const struct twin_world *w);
void twin_world_fini(struct twin_world *w);

#endif

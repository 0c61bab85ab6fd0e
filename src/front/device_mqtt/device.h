/* device.h - the state of one MQTT connection.  Private to front/device_mqtt. */
#ifndef FRONT_DEVICE_MQTT_DEVICE_H
#define FRONT_DEVICE_MQTT_DEVICE_H

#include "front/device_mqtt/device_mqtt.h"
#include "hub/fault/fault.h"
#include "hub/method/method.h"
#include "hub/refusal/refusal.h"
#include "hub/session/session.h"
#include "hub/throttle/throttle.h"
#include "hub/twin/twin.h"
#include "proto/mqtt/mqtt.h"

struct device_mqtt_service {
    struct device_mqtt_doors doors;
    struct telemetry telemetry;
    struct list waiting; /* devices that wait for room in the log */
    uint32_t offered;    /* features (enum session_feature) that can be subscribed to */
    struct buf scratch;
    struct property space[TELEMETRY_PROPERTIES_MAX];
};

/* Why a connection is not read. */
enum device_pause {
    PAUSE_OPENING = 1,  /* home has not answered the CONNECT */
    PAUSE_LOG = 2,      /* the log has no room */
    PAUSE_OUTPUT = 4,   /* the device does not read what it is sent */
    PAUSE_THROTTLE = 8, /* until held_until_us: it sent more than the hub takes */
    PAUSE_BY_HUB = PAUSE_LOG | PAUSE_OUTPUT | PAUSE_THROTTLE, /* no silence of the device's */
};

/* DEVICE_PASSED: the connection is another front's, this state is to be freed. */
enum device_state { DEVICE_GREETING, DEVICE_OPENING, DEVICE_OPEN, DEVICE_OVER, DEVICE_PASSED };

struct will {
    size_t topic_len, payload_len;
    uint8_t bytes[];
};

struct device {
    struct device_mqtt_service *service;
    struct conn *conn;
    struct mqtt mqtt;
    struct session session;
    struct telemetry_sender sender;
    struct timer timer;
    struct list waiting; /* in service->waiting */
    struct will *will;
    struct flight *flight;      /* of c2d.c; NULL: nothing waits for a PUBACK */
    struct list kept;           /* of c2d.c: messages that wait for the device to read */
    struct device_fault *fault; /* of fault.c; NULL: none was asked for */
    struct buf model_id;        /* from CONNECT until the session is granted */
    struct list subscribing, deferred;
    struct method_calls calls;
    struct {
        struct list requests, patches; /* see twin.c */
        unsigned pending, patch_count;
    } twin;
    uint64_t telemetry_sent, telemetry_done; /* with the log, and back from it */
    uint32_t features;                       /* what it is subscribed to (enum session_feature) */
    int64_t ends_us;                         /* wall time at which the credential's grace is over */
    int64_t held_until_us;                   /* monotonic */
    int64_t report_us;                       /* when activity is reported next */
    enum device_state state;
    unsigned paused; /* enum device_pause */
    bool active;     /* something came since the last report */
    bool clean;      /* clean session */
};

/* CONNECT: refused at once, or a session is asked for. */
void device_connect(struct device *d, const struct mqtt_connect *c);

/* Home answered: CONNACK, and what was held back is processed. */
void device_opened(struct device *d, const struct session_opened *answer);

/* Pulls packets while the device is greeting or open. */
void device_process(struct device *d, int64_t now_us);

/* subscribe.c */
void device_subscribe(struct device *d, struct mqtt_subscribe *packet);
void device_unsubscribe(struct device *d, struct mqtt_subscribe *packet);
void device_subscribed(struct session *session, uint64_t cookie, uint32_t features, enum err e);
void device_drop_subscribing(struct device *d);

/* It is subscribed to that, or has asked to be and will hear so: it may be sent to before the SUBACK (MQTT 3.1.1, 3.8.4). */
bool device_listens(const struct device *d, uint32_t feature);

/* method.c */
struct topic;
void device_method(struct session *session, const struct method_request *r);
void device_method_response(struct device *d, const struct topic *t, const struct mqtt_publish *p);

/* acknowledge.c: PUBACK for something that is not telemetry and done with (packet id 0: QoS 0, none),
 * and for telemetry that the log has. */
void device_acknowledge(struct device *d, uint16_t packet_id);
void device_telemetry_done(struct device *d, uint16_t packet_id);
void device_drop_deferred(struct device *d);

/* twin.c */
struct topic;
void device_twin_init(struct device *d);
void device_twin_drop(struct device *d);
void device_twin(struct device *d, const struct topic *t, const struct mqtt_publish *p);
void device_desired(struct session *session, const struct twin_desired *patch);
void device_twin_drained(struct device *d);

/* send.c: a PUBLISH to the device; while it does not read what it is sent, it is not read either. */
void device_send(struct device *d, const struct mqtt_publish *p);
void device_pause(struct device *d, enum device_pause why);
void device_resume(struct device *d, enum device_pause why);

/* c2d.c */
void device_message(struct session *session, const struct c2d_message *m);
void device_recall(struct session *session, uint64_t sequence);
void device_puback(struct device *d, uint16_t packet_id); /* of anything else: harmless */
void device_c2d_drained(struct device *d);
void device_drop_flight(struct device *d);

/* throttle.c: takes one; what it sends next waits as long as the throttle says.  false: refused. */
bool device_take(struct device *d, enum throttle_operation op);
void device_release(struct device *d, int64_t now_us); /* its turn may have come */

/* fault.c: the message may ask for a fault; the one that its telemetry suffers from now, or NULL; does
 * one keep it from connecting? */
void device_mqtt_inject(struct device *d, const struct envelope *message);
const char *device_fault_of_telemetry(const struct device *d);
bool device_fault_of_connect(const struct device *d, struct slice who, enum mqtt_code *code);
void device_drop_fault(struct device *d);

/* Sets the timer to what is due next. */
void device_arm(struct device *d, int64_t now_us);

/* The peer broke a rule or its time is over: MQTT 3.1.1 has no packet for that. */
void device_reject(struct device *d, const char *reason);
void device_reject_unnoted(struct device *d, const char *reason);
void device_close(struct device *d);

/* explain.c: the same, for another cause than what it sent; `expected` NULL: see the cause. */
void device_reject_for(struct device *d, enum refusal_cause cause, const char *reason,
                       const char *expected);
void device_reject_by_home(struct device *d, enum session_cause cause);

/* Notes what was seen; who it is and where it comes from is added. */
void device_explain(const struct device *d, struct refusal *r);
void device_explain_end(const struct device *d, enum err why);

extern const struct session_owner device_session_owner;

#endif

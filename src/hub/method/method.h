/* method.h - direct methods: call a connected device or module, get its answer.
 *
 *   caller ──METHOD_CALL──▶ home ──METHOD_SEND──▶ the session's core ──▶ the device
 *     ▲                      │ nobody there: the call waits for          │
 *     │                      │ connect_s, then NOT_ONLINE                │
 *     └──────────────────────┴──────────────METHOD_DONE──────────────────┘
 *
 * Runs on: the caller's part on any core, `at home` on the identity's home core, `pending calls` on
 *          the core that holds the connection.  Never blocks.
 * Life:    one struct methods per core.  A call exists from method_call() until its `fn` is called
 *          once, or until it is forgotten.  Nothing is stored: a call is delivered at most once.
 * Time:    the caller owns the timeout: connect_s + response_s, a little less so that HTTP clients
 *          with the same timeout still hear the answer.  Late answers fall on nobody.
 * Limits:  the constants below.
 * Source:  "Understand and invoke direct methods from IoT Hub"; service REST API 2021-04-12.
 */
#ifndef HUB_METHOD_METHOD_H
#define HUB_METHOD_METHOD_H

#include "hub/session/session.h"
#include "hub/status.h"

enum {
    METHOD_NAME_MAX = 256,          /* bytes, ours */
    METHOD_PAYLOAD_MAX = 128 << 10, /* bytes of JSON, each way (IoT Hub) */
    METHOD_RESPONSE_S = 30,         /* default (IoT Hub) */
    METHOD_RESPONSE_S_MIN = 5,
    METHOD_RESPONSE_S_MAX = 3600,
    METHOD_CONNECT_S_MAX = 300,
    METHOD_CALLS_MAX = 10000, /* under way per core of their callers; ERR_THROTTLED */
    METHOD_PENDING_MAX = 64,  /* at one session without answer, or waiting for one identity to
                                 connect; DeviceThrottlingLimitExceeded */
    METHOD_WAITING_BYTES_MAX = 32 << 20, /* of all calls that wait at a home; likewise */
    METHOD_RID_MAX = 16,                 /* digits of a request id */
    METHOD_TOLD_MAX =
        1 << 10, /* bytes of a payload, and of an answer, that who watches is told, with the
                                  sizes of both; longer ones are in order, and not counted */
};

struct registry;
struct methods;

/* After the core's registry and session_home; freed before them. */
struct methods *methods_new(const struct hub *hub, struct lane *lane, struct registry *registry,
                            struct session_home *sessions);
void methods_free(struct methods *m); /* NULL is fine */

/* ---- calling */

struct method_ask {
    struct slice who;     /* valid (hub_who_valid) */
    struct slice name;    /* see method_name_valid() */
    struct slice payload; /* JSON; empty: none */
    unsigned response_s;  /* how long the device may take */
    unsigned connect_s;   /* how long it may take to connect; not more than response_s */
};

struct method_result {
    enum status status;    /* not STATUS_OK: the device has not answered */
    const char *text;      /* for people, when it has not */
    int32_t device_status; /* any number the device likes */
    struct slice payload;  /* JSON, at least "null"; borrowed for the call */
};

/* Embedded in who calls. */
struct method_call {
    void (*fn)(struct method_call *c, const struct method_result *r);
    struct methods *methods;
    struct addr slot;
    struct timer timer;
    uint32_t asked; /* bytes of the payload; ours, as what follows */
    int64_t begun_us;
    char *who, *sdk; /* of resource logs; NULL: nobody wants to know, or it is not known */
    struct buf told; /* of news, the first half: what was asked; empty: nobody watches */
};

/* c->fn follows, never from inside.  ERR_INVALID: the name or a timeout; ERR_TOO_BIG: the payload;
 * ERR_THROTTLED: METHOD_CALLS_MAX.  fail_text() says which. */
enum err method_call(struct methods *m, const struct method_ask *ask,
                     struct method_call *c) MUST_USE;
void method_forget(struct method_call *c); /* the answer finds nobody */

/* A name can stand in a topic: 1 to METHOD_NAME_MAX bytes of UTF-8 without '/', '+', '#', '?' and
 * control characters.  SDKs split topics at '/' and '?'; a '%' is sent as it is, and azure-iot-device
 * for Python decodes what follows it. */
bool method_name_valid(struct slice name);

/* ---- pending calls, for the fronts that devices are connected to */

/* What owner->method() is shown; borrowed for the call. */
struct method_request {
    struct slice name;    /* valid */
    struct slice payload; /* JSON; empty: none */
    struct addr caller;
    int64_t response_us;
};

/* Embedded in who owns a session: the calls that its device has not answered. */
struct method_calls {
    struct methods *methods;
    struct list pending;
    unsigned count;
};

void method_calls_init(struct method_calls *c, struct methods *m);

/* From owner->method(), before the request is sent: *rid names the call to the device, and to
 * method_answer().  Never 0, never given twice.  False: too many are pending, send nothing. */
bool method_begin(struct method_calls *c, const struct method_request *r, uint64_t *rid) MUST_USE;

/* Or instead: it cannot be sent now.  STATUS_DEVICE_NOT_ONLINE: the connection is ending;
 * STATUS_DEVICE_THROTTLING_LIMIT_EXCEEDED: the device does not read what it is sent. */
void method_refuse(struct method_calls *c, const struct method_request *r, enum status status);

/* Does its caller still wait for it?  It was begun, and not sent yet because the device takes nothing
 * at the moment; and: it will not be sent, what it would have been sent over is gone. */
bool method_waits(const struct method_calls *c, uint64_t rid);
void method_unsent(struct method_calls *c, uint64_t rid);

/* What the device said; `payload` as it is, empty: none.  A rid that is not pending (late, given
 * twice, invented) is counted and harms nobody. */
void method_answer(struct method_calls *c, uint64_t rid, int32_t status, struct slice payload);
void method_answer_invalid(struct method_calls *c, uint64_t rid); /* no number for a status */

/* The session ends: nobody will answer. */
void method_calls_drop(struct method_calls *c);

/* A rid as text, and back (0: it is none of ours). */
void method_rid_text(uint64_t rid, char out[METHOD_RID_MAX + 1]);
uint64_t method_rid_of(struct slice text);

#endif

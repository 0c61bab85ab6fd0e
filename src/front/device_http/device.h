/* device.h - a request of a device, and the sessions of a connection.  Private to front/device_http. */
#ifndef FRONT_DEVICE_HTTP_DEVICE_H
#define FRONT_DEVICE_HTTP_DEVICE_H

#include "base/arena.h"
#include "front/device_http/device_http.h"
#include "front/rest/call.h"
#include "hub/upload/upload.h"

struct device_http_service {
    struct device_http_doors doors;
    struct lane *lane;
    struct telemetry telemetry;
    struct rest_site site;
    struct list company; /* of requests whose messages wait for each other (company.c) */
    unsigned company_count;
    int64_t first_us; /* when the last first message of a connection came */
    struct timer company_timer;
};

/* Sessions of the identities that use a connection, the one used last first. */
struct guests {
    struct list list;
    unsigned count;
};

/* An identity on a connection, with what it showed. */
struct guest {
    struct list node;
    struct guests *guests;
    struct device_http_service *service;
    struct session session;
    struct telemetry_sender sender;
    struct buf token;       /* empty: it came with a certificate */
    struct request *asking; /* waits for home's answer */
    bool open;
    bool has_sent;         /* messages, on this connection */
    bool own_token;        /* which is no policy's */
    struct request *waits; /* its messages wait for company */
    int64_t ends_us;       /* wall time at which its credential's grace is over */
    int64_t report_us;     /* monotonic: when activity is reported next */
};

/* A call of this front, until it is answered. */
struct request {
    struct call *call;
    struct device_http_service *service;
    void (*run)(struct request *r, struct guest *g); /* once the session is open */
    struct guest *guest;                             /* while its session is asked for */
    struct c2d_wait c2d_wait;
    struct upload_wait upload_wait;
    bool uploading;    /* upload_wait waits */
    struct addr slot;  /* messages with the log come back to it */
    unsigned unstored; /* so many of them */
    const struct envelope *messages;
    struct list company;      /* in the service's list */
    struct guest *company_of; /* whose message waits there; NULL: it does not */
    enum err failed;          /* why an earlier one of them was refused */
    struct arena arena;
};

/* ---- session.c */

/* The handler of a call whose identity is in its path: `run` follows, at once or when home has let it
 * in; otherwise the call is answered. */
void request_begin(struct call *c, void (*run)(struct request *r, struct guest *g));

/* The same for what an administrator may do for a device: then `g` is NULL. */
void request_begin_or_admin(struct call *c, void (*run)(struct request *r, struct guest *g));

void guests_free(void *guests);

/* One of them was let in by that token, which is an identity's own. */
bool guests_know(const void *guests, struct slice token);

/* ---- events.c */

/* Appends the messages of a request whose call waits. */
void events_store(struct request *r, const struct guest *g);

/* ---- company.c */

void company_init(struct device_http_service *s);
void company_fini(struct device_http_service *s);

/* True: it waits, and events_store() follows. */
bool company_join(struct request *r, struct guest *g);
void company_store(struct guest *g);   /* now, if its message waits */
void company_leave(struct request *r); /* forgets its message */

/* ---- envelope.c */

/* A message as its headers have it; ERR_INVALID, ERR_TOO_BIG with a text. */
enum err envelope_of_headers(const struct http1_request *request, struct arena *a,
                             struct envelope *out) MUST_USE;

/* The messages of a batch, in the arena: [{"body", "base64Encoded", "properties"}]. */
enum err envelopes_of_batch(struct slice json, struct arena *a, struct envelope **out,
                            size_t *count) MUST_USE;

/* ---- handlers */

void device_http_events(struct call *c);
void device_http_receive(struct call *c);
void device_http_settle(struct call *c);
void device_http_abandon(struct call *c);
void device_http_upload(struct call *c);
void device_http_upload_get(struct call *c);
void device_http_uploaded(struct call *c);
void device_http_uploaded_named(struct call *c);

#endif

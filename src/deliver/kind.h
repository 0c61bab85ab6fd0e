/* kind.h - what the engine asks of a kind of endpoint.  Private to deliver.
 *
 *   open() ─▶ connect() ─▶ { add() record by record ─▶ send() ─▶ deliver_call_end() } ... ─▶ close()
 *
 * A target is one endpoint as one version of the document has it; another version is another target. */
#ifndef DELIVER_KIND_H
#define DELIVER_KIND_H

#include "deliver/deliver.h"
#include "deliver/event_type.h"

enum deliver_outcome {
    DELIVER_TAKEN,
    DELIVER_AGAIN,   /* time may mend it */
    DELIVER_SLOW,    /* somebody has to: tried again, slowly */
    DELIVER_REFUSED, /* these bytes, for good */
};

struct deliver_result {
    enum deliver_outcome outcome;
    int64_t pause_us; /* that the target asked for; 0: it did not */
    bool doubtful;    /* DELIVER_AGAIN, for what may as well be wrong with a message for good */
    const char *text; /* what went wrong; borrowed */
};

/* What a target knows of where it is. */
struct deliver_place {
    const struct hub *hub;
    struct lane *lane;
    struct out *out;
    struct log_writer *writer; /* of the lane */
    const struct event_hubs *event_hubs;
    struct dialer *dialer; /* NULL: no connections are opened */
    struct trust *trust;   /* that they rest on */
    const char *name;      /* the endpoint's, kept by the engine */
    unsigned bit;
    int64_t since_us; /* when it was made */
};

/* Begins the kind's own. */
struct deliver_target {
    struct deliver_place place;
    enum event_type event; /* which one the message is that add() took last; of webhooks */
};

/* One question to a target.  Of the engine; `out` is for kinds that ask over HTTP. */
struct deliver_call {
    void (*fn)(struct deliver_call *c, const struct deliver_result *r);
    struct deliver_target *target;
    struct out_wait out;
    unsigned tries; /* of the same before */
};

static inline void deliver_call_end(struct deliver_call *c, const struct deliver_result *r)
{
    c->fn(c, r);
}

struct deliver_kind {
    struct routing_kind routing;

    /* Endpoints of one list may be of several kinds; NULL: all of them are of this one. */
    const struct deliver_kind *(*choose)(const struct json *endpoint);

    struct deliver_target *(*open)(const struct deliver_place *place, const struct json *endpoint);
    void (*close)(struct deliver_target *t); /* no call is under way */
    void (*removed)(struct deliver_target
                        *t); /* the endpoint is gone for good; before close().  NULL: so what */

    /* Everything that must be settled before messages; NULL: nothing. */
    void (*connect)(struct deliver_target *t, struct deliver_call *c);

    /* Somebody outside has a code that connect() gave away; if it is the one that counts, the target is
     * connected, whatever connect() came to.  Errors as routing_agree_fn has them.  NULL: there are none. */
    enum err (*agree)(struct deliver_target *t, const struct routing_consent *consent);

    /* Requests with messages that the target granted, a minute; 0: as many as there are.  NULL: likewise. */
    uint64_t (*rate)(const struct deliver_target *t);

    /* Appends a message to a batch that has `count` already.  ERR_FULL: not in this batch, which is as it
     * was; ERR_TOO_BIG, ERR_INVALID: in none, with a text. */
    enum err (*add)(struct deliver_target *t, const struct record *r, struct buf *batch,
                    unsigned count);

    /* The answer comes later, never within the call; the batch is gone then. */
    void (*send)(struct deliver_target *t, struct buf *batch, struct deliver_call *c);
    void (*forget)(struct deliver_target *t, struct deliver_call *c); /* no answer, please */
};

/* Which kind that endpoint is of: what the routing document knows as a kind is part of one. */
const struct deliver_kind *deliver_kind_of(const struct routing_kind *kind,
                                           const struct json *endpoint);

#endif

/* model_c2d.h - what a hub promises about messages to devices.
 *
 * One service numbers its messages and sends each of them once.  It was accepted, refused, or nobody
 * knows.  A device settles a message one way or the other; the hub confirms that (`sure`), or its word
 * was lost or there is none (MQTT).
 */
#ifndef SIM_MODEL_C2D_H
#define SIM_MODEL_C2D_H

#include "world.h"

enum { C2D_MESSAGES_MAX = 256 };

enum c2d_fate { C2D_SENT, C2D_TAKEN, C2D_REFUSED };

/* As feedback says it. */
enum c2d_end { END_NONE, END_SUCCESS, END_REJECTED, END_EXPIRED, END_TOO_OFTEN, ENDS };

enum { C2D_ACK_NONE, C2D_ACK_POSITIVE = 1, C2D_ACK_NEGATIVE = 2, C2D_ACK_FULL = 3 };

struct c2d_sent {
    const char *device;
    enum c2d_fate fate;
    unsigned connect;   /* the service's connection it was sent on */
    unsigned ack;       /* which ends are to be told */
    int64_t expiry_us;  /* wall; 0: the sender said none */
    int64_t latest_us;  /* wall: then it may be over, said or not */
    bool maybe_expired; /* the clock has been there */
    bool unheard;       /* feedback of it may be over, too, by a step of the clock */
    unsigned deliveries;
    unsigned given_back, returned; /* at most; at least, as the hub confirmed */
    bool maybe[ENDS], sure[ENDS];  /* what the device said, what was confirmed */
    enum c2d_end told;             /* by feedback */
    uint32_t told_delivery;        /* as last told, on the service's connection of that number */
    unsigned told_connect;
    bool accepted;           /* once at least; whether the hub took note may be unknown */
    bool owed;               /* it was only given back: it comes again */
    bool heard;              /* the hub confirmed that it was accepted: it does not */
    int64_t taken_us;        /* when its sender was told so */
    int64_t locked_until_us; /* at least: nobody gets it before that, in that life */
    unsigned locked_life;    /* of the hub, which forgets locks when it dies */
};

/* How a device came to a message. */
struct c2d_receipt {
    const char *device;
    int64_t since_us; /* it was not sent before that: the request, the connection */
    int64_t lock_us;  /* nobody else gets it for so long from then on */
    unsigned life;    /* of the hub */
    bool locked;      /* what came before may be hidden for a while (HTTPS) */
    int64_t doubt_us; /* until then: it does not know what may be (HTTPS) */
};

/* How a service came to feedback, and what it does with it. */
struct c2d_notice {
    uint32_t delivery;
    unsigned connect;
    bool gives_back;
};

struct model_c2d {
    struct c2d_sent messages[C2D_MESSAGES_MAX]; /* numbers from 0 */
    unsigned count;
};

/* The next message's number. */
unsigned model_c2d_send(struct model_c2d *m, const char *device, unsigned ack, int64_t expiry_us,
                        unsigned connect);

/* "m{cast}-{number}": a message of an earlier cast may have feedback that nobody heard of. */
void model_c2d_put_id(struct buf *out, unsigned number);
void model_c2d_put_body(struct buf *out, unsigned number);
bool model_c2d_number(struct slice message_id, unsigned *out);

void model_c2d_delivered(struct model_c2d *m, const struct c2d_receipt *how,
                         struct slice message_id, struct slice body);

/* The clock is about to be set. */
void model_c2d_step(struct model_c2d *m, int64_t by_us);

/* The session of that device is over: nothing is locked for it. */
void model_c2d_released(struct model_c2d *m, const char *device);

/* The device was told that there is no message, having asked then; until `doubt_us` some may have been
 * locked without its knowledge. */
void model_c2d_none(const struct model_c2d *m, const char *device, int64_t asked_us,
                    int64_t doubt_us);
void model_c2d_settled(struct model_c2d *m, unsigned number, enum c2d_end end, bool sure);
void model_c2d_given_back(struct model_c2d *m, unsigned number, bool sure);

/* A record of feedback; the hub confirms that those of so many deliveries were accepted. */
void model_c2d_told(struct model_c2d *m, const struct c2d_notice *how, struct slice message_id,
                    struct slice device, struct slice status);
void model_c2d_heard(struct model_c2d *m, unsigned connect, uint32_t first, uint32_t last);

/* Whatever was accepted has come to an end, and who wanted to know of it does. */
bool model_c2d_over(const struct model_c2d *m);
void model_c2d_say_open(const struct model_c2d *m); /* on stderr: what has not */

#endif

/* client.h - what all simulated clients do alike: connect to whatever hub is
 * alive, send what was written, come back after every end of a connection, and now and then end it
 * themselves, or read nothing for a while.
 */
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include "hub.h"
#include "tunnel.h"

struct client;

/* What an actor does with its connection. */
struct client_actor {
    void (*up)(struct client *c); /* a new one; writes into c->out */
    void (*received)(struct client *c, struct slice bytes);
    void (*down)(struct client *c); /* it is over */
};

struct client {
    struct list node; /* all of them, from client_init() to client_fini() */
    const struct client_actor *actor;
    struct sim_hub *hub;
    enum wire_protocol protocol;
    struct link *link; /* NULL while away */
    bool is_up;        /* the actor speaks */
    struct buf out;    /* for the hub; sent by client_flush() */
    bool tunnelled;    /* this connection comes over a WebSocket */
    struct tunnel tunnel;
    unsigned connects, noted; /* noted: the connection of clients_note(); 0: none */
    int64_t since_us;         /* when the newest connection was made */
    int64_t token_us;         /* when the token was made that it lives by; 0: none yet */
    unsigned life;            /* of the hub, in which it was made */
    bool rests;               /* does not come back */
    bool goes;                /* when it has done what it came for */
    unsigned trouble;         /* percent of its connections that it breaks itself */
    int64_t trouble_us_max;   /* ... within that time */
};

void client_init(struct client *c, const struct client_actor *actor, struct sim_hub *hub,
                 enum wire_protocol protocol);
void client_fini(struct client *c);
void client_start(struct client *c); /* connects, some time soon */
void client_start_within(struct client *c, int64_t us);
void client_flush(struct client *c);
void client_hang_up(struct client *c); /* and comes back */
void client_done(
    struct client *c); /* with what it came for: goes soon, if it is one of those who go */

/* The token of a connection, which ends with it. */
void client_token(struct client *c, const char *policy, const char *path, struct buf *out);

/* Its token was good when it was made, and may have ended since by a step of the clock. */
bool client_overtaken(const struct client *c);

/* All of them: they stay from now on; who has signed in by now; whoever of those is still there breaks a
 * promise. */
void clients_stay(void);
void clients_note(void);
void clients_must_be_gone(void);

void clients_leave(void); /* all of them, for good */

/* A hub that is alive answers within that time, or the connection has ended. */
#define CLIENT_PATIENCE_US (45 * 1000000ll)

#endif

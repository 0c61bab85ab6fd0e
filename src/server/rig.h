/* rig.h - a whole hub in one thread with memory for a disk, for tests of fronts.
 *
 * One core lane; connections are byte buffers.  Time is the test's: it moves only when told.
 */
#ifndef SERVER_RIG_H
#define SERVER_RIG_H

#include "net/stack.h"
#include "server/wire.h"

struct rig {
    struct io *disk; /* NULL before rig_start(): an empty one is made; the rig's from then on */
    struct wire wire;
    struct lane core;
    struct conn_host host;
    int64_t now_us, wall_us;
    unsigned events;                  /* of wire_config; set before rig_start() */
    const struct x509_issuer *issuer; /* likewise */
    struct rest_oidc oidc;            /* likewise */
};

struct rig_conn {
    struct conn conn;
    struct rig *rig;
    struct buf heard; /* what the hub sent */
    size_t unread;    /* what it pretends not to have read of it */
    bool shut, gone;
    bool aborted; /* with RST, not FIN */
};

void rig_start(struct rig *r);
void rig_start_with(struct rig *r,
                    const struct out_carrier *carrier); /* who carries its requests */
void rig_stop(struct rig *r);
struct io *rig_stop_keeping(struct rig *r); /* the disk is the caller's again */

/* Turns of all lanes until nobody has mail. */
void rig_run(struct rig *r);
void rig_wait(struct rig *r, int64_t us); /* lets time pass, then runs */

void rig_create_device(struct rig *r, const char *device_id);
void rig_put_device(struct rig *r, const char *who, const char *json, const char *if_match);
void rig_delete(struct rig *r, const char *who);

/* A token of the policy, for that path below the first host name, good for an hour. */
void rig_token(struct rig *r, const char *policy, const char *path, struct buf *out);

struct rig_conn *rig_dial(struct rig *r, enum wire_protocol protocol);
void rig_say(struct rig_conn *c, struct slice bytes); /* the peer sends; the hub runs */
void rig_hang_up(struct rig_conn *c);                 /* the peer closes; frees nothing */
void rig_free(struct rig_conn *c);                    /* closes if need be */

#endif

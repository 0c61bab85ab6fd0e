/* http_peer.h - an HTTP client on a virtual link: one request at a time, and its answer.
 */
#ifndef SIM_HTTP_PEER_H
#define SIM_HTTP_PEER_H

#include "client.h"

struct http_answer {
    unsigned status;
    struct slice head; /* header lines */
    struct slice body;
};

struct http_peer;

struct http_actor {
    void (*ready)(struct http_peer *p); /* connected */
    void (*answered)(struct http_peer *p, const struct http_answer *a);
    void (*lost)(struct http_peer *p); /* the connection ended before the answer came */
};

struct http_peer {
    struct client client;
    const struct http_actor *actor;
    struct buf in;
    uint64_t asked; /* number of the request that waits; 0: none */
    uint64_t requests;
    int64_t asked_us;
};

void http_peer_init(struct http_peer *p, const struct http_actor *actor, struct sim_hub *hub);
void http_peer_fini(struct http_peer *p);

/* `headers`: whole lines with CRLF.  Not while one waits; nothing happens when not connected: false. */
bool http_peer_ask(struct http_peer *p, const char *method, const char *path, const char *headers,
                   struct slice body);
bool http_peer_idle(const struct http_peer *p); /* connected, and nothing waits */

/* The value of a header, or SLICE_NONE. */
struct slice http_answer_header(const struct http_answer *a, const char *name);

#endif

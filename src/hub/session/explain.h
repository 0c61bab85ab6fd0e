/* explain.h - what home saw when it refused a session, for hub/refusal.  Private to hub/session. */
#ifndef HUB_SESSION_EXPLAIN_H
#define HUB_SESSION_EXPLAIN_H

#include "hub/registry/registry.h"
#include "hub/session/former.h"
#include "hub/session/message.h"

struct explain_guess {
    bool (*fn)(void *ctx, const struct sas *t, struct buf *out); /* NULL: nobody knows */
    void *ctx;
    int64_t second; /* in which `count` were asked about */
    unsigned count;
};

struct explain {
    const struct hub *hub;
    struct lane *home;
    const struct session_open_msg *open;
    const struct identity *id; /* NULL: it is not at hand, or there is none */
    const struct session_opened *answer;
    const struct formers *formers;
    struct explain_guess *guess;
};

void explain_refusal(const struct explain *x);

void explain_connected(const struct hub *hub, struct lane *home,
                       const struct session_open_msg *open);

/* Who it is, as one text that is kept while it is connected; mem_new'd. */
char *explain_caller(const struct session_open_msg *open);

/* What that text is made of, borrowed from it; NULL: nothing is known. */
void explain_parts(const char *caller, struct slice *peer, struct slice *sdk);

void explain_takeover(const struct hub *hub, struct lane *home,
                      const struct session_open_msg *newer, const char *older);

#endif

/* asking.h - a call of the console that waits for the sign-in provider, and what is kept of that provider.
 *
 * Whoever goes away is forgotten with what he asked.  Private to oidc.c, provider.c and verdict.c.
 *
 * Runs on: the console's lane.
 * Limits:  OIDC_CALLS_MAX at a time, OIDC_TIMEOUT_MS and OIDC_ANSWER_MAX each.
 * Life:    an asking lives as long as its call, which frees it.
 */
#ifndef FRONT_CONSOLE_ASKING_H
#define FRONT_CONSOLE_ASKING_H

#include "base/json.h"
#include "front/console/attempts.h"
#include "front/console/oidc.h"
#include "front/console/parts.h"

struct document {
    struct arena arena;
    struct json *json; /* NULL: not there */
    int64_t at_us;
};

struct oidc {
    struct console *console;
    const struct rest_oidc *config;
    struct document metadata, keys;
    struct attempts attempts;
    unsigned calls;
};

struct asking {
    struct oidc *oidc;
    struct call *call;
    struct out_wait wait;
    void (*next)(struct asking *q); /* once the document is there that it waits for */
    struct attempt attempt;         /* of a sign-in that ends */
    bool waits;
    struct buf code, token;
};

/* NULL, and answered: there are too many. */
struct asking *asking_begin(struct call *c, void (*next)(struct asking *q));

/* Asks the provider: the call waits until `fn` takes up its asking by asking_answered(), and ends it then by
 * rest_call_end(). */
void asking_send(struct asking *q, struct out_request *r,
                 void (*fn)(struct out_wait *w, const struct out_answer *a));
struct asking *asking_answered(struct out_wait *w);

/* Why an answer is none, or NULL. */
const char *asking_fault(const struct out_answer *a);

/* The log says more than whoever asks is told. */
void asking_give_up(struct asking *q, const char *step, const char *why);

/* The same.  Whoever comes with a code that is none is counted like who comes with a wrong password. */
void asking_refuse_code(struct asking *q, const char *step, const char *why);

#endif

/* asking.c - see asking.h. */
#include "front/console/asking.h"

#include <stdlib.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/say.h"

LIMIT_REACHED(too_many_calls, "oidc-calls")

static void forget(struct call *c)
{
    struct asking *q = c->own;
    if (q->waits) out_forget(q->oidc->console->lane, &q->wait);
    q->oidc->calls--;
    mem_wipe(&q->attempt, sizeof q->attempt);
    buf_wipe(&q->code);
    buf_wipe(&q->token);
    free(q);
}

struct asking *asking_begin(struct call *c, void (*next)(struct asking *q))
{
    struct console *console = c->ctx;
    struct oidc *o = console->oidc;
    if (o->calls == OIDC_CALLS_MAX) {
        metric_inc(&too_many_calls);
        rest_answer_later(c, 503, status_name(STATUS_SERVICE_UNAVAILABLE),
                          "many sign-ins wait for the provider: try again", "5");
        return NULL;
    }
    struct asking *q = NEW(struct asking);
    q->oidc = o;
    q->call = c;
    q->next = next;
    o->calls++;
    c->own = q;
    c->forget = forget;
    return q;
}

void asking_send(struct asking *q, struct out_request *r,
                 void (*fn)(struct out_wait *w, const struct out_answer *a))
{
    struct console *c = q->oidc->console;
    r->timeout_ms = OIDC_TIMEOUT_MS;
    r->answer_max = OIDC_ANSWER_MAX;
    q->wait.fn = fn;
    q->waits = true;
    rest_call_wait(q->call, WAITING_SITE);
    out_send(c->config->oidc->out, c->lane, r, &q->wait);
}

struct asking *asking_answered(struct out_wait *w)
{
    struct asking *q = CONTAINER_OF(w, struct asking, wait);
    q->waits = false;
    rest_call_resume(q->call);
    return q;
}

const char *asking_fault(const struct out_answer *a)
{
    if (a->err != OK) return a->text ? a->text : err_name(a->err);
    return a->http == 200 ? NULL : "it answered with another status than 200";
}

void asking_give_up(struct asking *q, const char *step, const char *why)
{
    say_warn("console.provider", "issuer=%s step=%s reason=\"%s\"", q->oidc->config->issuer, step,
             why);
    rest_answer_named(q->call, 502, status_name(STATUS_SERVICE_UNAVAILABLE),
                      "the sign-in provider did not do its part; the server's log says more");
}

void asking_refuse_code(struct asking *q, const char *step, const char *why)
{
    struct console *c = q->oidc->console;
    console_failed(&c->sessions, conn_peer(q->call->conn), SLICE_NONE, q->call->now_us);
    asking_give_up(q, step, why);
}

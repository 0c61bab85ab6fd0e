/* agree.c - an endpoint outside agrees later: its handshake gave it an address of the hub with a code, and who
 * asks for that address owns the code.
 *
 *   any core ──AGREE──▶ the endpoint's core: who delivers knows the code ──DONE──▶ any core */
#include "base/num.h"
#include "hub/routing/home.h"

struct agreement {
    char name[ROUTE_NAME_MAX + 1], code[ROUTING_CODE_MAX + 1], rate[ROUTING_RATE_MAX + 1];
};

void routing_set_agree(struct routing *r, routing_agree_fn fn, void *ctx)
{
    r->agree = fn;
    r->agree_ctx = ctx;
}

static void put(char *out, size_t max, struct slice text)
{
    size_t len = MIN(text.len, max);
    if (len) memcpy(out, text.ptr, len);
    out[len] = 0;
}

struct addr routing_home(const struct hub *hub, unsigned bit)
{
    return (struct addr){.lane = hub->cores[bit % hub->core_count]};
}

void routing_agree(struct routing *r, struct slice endpoint, const struct routing_consent *consent,
                   struct routing_wait *w)
{
    ON_LANE(r->lane);
    const struct routing_endpoint *e = routing_endpoint_find(r, endpoint);
    struct msg *m = msg_new(ROUTING_AGREE, sizeof(struct agreement));
    struct agreement *a = (void *)m->body;
    put(a->name, ROUTE_NAME_MAX, slice_str(e ? e->name : ""));
    put(a->code, ROUTING_CODE_MAX, consent->code);
    put(a->rate, ROUTING_RATE_MAX, consent->rate);
    w->slot = slot_new(r->lane, w);
    post(r->lane, w->slot, routing_home(r->hub, e ? e->bit : 0), m);
}

static enum err find_out(struct routing *r, const struct agreement *a)
{
    const struct routing_endpoint *e = routing_endpoint_find(r, slice_str(a->name));
    const struct routing_consent consent = {slice_str(a->code), slice_str(a->rate)};
    enum err result = e && r->agree ? r->agree(r->agree_ctx, e, &consent) : ERR_NOT_FOUND;
    if (result != ERR_NOT_FOUND) return result;
    return fail(ERR_NOT_FOUND,
                "no endpoint waits for this code: it was asked again since, or more than %d "
                "seconds ago",
                ROUTING_AGREE_S);
}

static void on_agree(void *ctx, struct lane *lane, struct msg *m)
{
    struct routing *r = ctx;
    (void)lane;
    routing_answer(r, m, find_out(r, (const void *)m->body));
}

void routing_listen_agree(struct routing *r)
{
    lane_on(r->lane, ROUTING_AGREE, on_agree, r);
}

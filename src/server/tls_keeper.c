/* tls_keeper.c - one context per core, replaced by message. */
#include "server/tls_keeper.h"

static void on_replace(void *ctx, struct lane *lane, struct msg *m)
{
    struct tls_context **slot = ctx;
    (void)lane;
    tls_context_drop(*slot);
    memcpy(slot, m->body, sizeof *slot);
}

void tls_keeper_init(struct tls_keeper *k, struct lane *const *cores, unsigned core_count,
                     struct tls_context *first)
{
    *k = (struct tls_keeper){.core_count = core_count, .newest = first};
    for (unsigned i = 0; i < core_count; i++) {
        k->cores[i] = cores[i]->id;
        k->slots[i] = tls_context_ref(first);
        lane_on(cores[i], SERVER_TLS, on_replace, &k->slots[i]);
    }
}

struct tls_context *const *tls_keeper_slot(const struct tls_keeper *k, unsigned core)
{
    return &k->slots[core];
}

void tls_keeper_replace(struct tls_keeper *k, struct lane *main_lane, struct tls_context *next)
{
    for (unsigned i = 0; i < k->core_count; i++) {
        struct msg *m = msg_new(SERVER_TLS, sizeof next);
        struct tls_context *reference = tls_context_ref(next);
        memcpy(m->body, &reference, sizeof reference);
        post(main_lane, lane_addr(main_lane), (struct addr){.lane = k->cores[i]}, m);
    }
    tls_context_drop(k->newest);
    k->newest = next;
}

void tls_keeper_fini(struct tls_keeper *k)
{
    for (unsigned i = 0; i < k->core_count; i++) tls_context_drop(k->slots[i]);
    tls_context_drop(k->newest);
    *k = (struct tls_keeper){0};
}

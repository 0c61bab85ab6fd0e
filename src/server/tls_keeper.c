/* tls_keeper.c - one set of contexts per core, replaced by message. */
#include "server/tls_keeper.h"

static struct tls_set set_ref(const struct tls_set *set)
{
    struct tls_set copy;
    for (int use = 0; use < TLS_USES; use++) copy.of[use] = tls_context_ref(set->of[use]);
    return copy;
}

void tls_set_drop(struct tls_set *set)
{
    for (int use = 0; use < TLS_USES; use++) tls_context_drop(set->of[use]);
    *set = (struct tls_set){0};
}

static void on_replace(void *ctx, struct lane *lane, struct msg *m)
{
    struct tls_set *slot = ctx;
    (void)lane;
    tls_set_drop(slot);
    memcpy(slot, m->body, sizeof *slot);
}

void tls_keeper_init(struct tls_keeper *k, struct lane *const *cores, unsigned core_count,
                     struct tls_set first)
{
    *k = (struct tls_keeper){.core_count = core_count, .newest = first};
    for (unsigned i = 0; i < core_count; i++) {
        k->cores[i] = cores[i]->id;
        k->slots[i] = set_ref(&first);
        lane_on(cores[i], SERVER_TLS, on_replace, &k->slots[i]);
    }
}

struct tls_context *const *tls_keeper_slot(const struct tls_keeper *k, unsigned core,
                                           enum tls_use use)
{
    return &k->slots[core].of[use];
}

void tls_keeper_replace(struct tls_keeper *k, struct lane *main_lane, struct tls_set next)
{
    for (unsigned i = 0; i < k->core_count; i++) {
        struct msg *m = msg_new(SERVER_TLS, sizeof next);
        struct tls_set references = set_ref(&next);
        memcpy(m->body, &references, sizeof references);
        post(main_lane, lane_addr(main_lane), (struct addr){.lane = k->cores[i]}, m);
    }
    tls_set_drop(&k->newest);
    k->newest = next;
}

void tls_keeper_fini(struct tls_keeper *k)
{
    for (unsigned i = 0; i < k->core_count; i++) tls_set_drop(&k->slots[i]);
    tls_set_drop(&k->newest);
    *k = (struct tls_keeper){0};
}

/* former.c - keys that were replaced. */
#include "hub/session/former.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/metrics.h"

GAUGE(kept_now, "azimuth_former_keys",
      "Identities whose replaced keys are known, to explain refusals");

struct former {
    struct list node;
    int64_t replaced_us;
    struct {
        size_t len;
        uint8_t bytes[AUTH_KEY_MAX];
    } keys[2];
    char who[HUB_WHO_LEN_MAX + 1];
};

void formers_init(struct formers *f)
{
    *f = (struct formers){0};
    list_init(&f->all);
}

static void drop(struct formers *f, struct former *one)
{
    map_remove(&f->by_who, slice_str(one->who));
    list_remove(&one->node);
    metric_add(&kept_now, -1);
    mem_wipe(one, sizeof *one);
    free(one);
}

void formers_fini(struct formers *f)
{
    LIST_EACH(node, &f->all) drop(f, CONTAINER_OF(node, struct former, node));
    map_free(&f->by_who);
}

void formers_add(struct formers *f, const struct identity *old, int64_t wall_us)
{
    struct buf who = {0};
    hub_put_who(&who, old->device_id, old->module_id);
    struct former *one = map_get(&f->by_who, buf_slice(&who));
    if (one) drop(f, one);
    if (f->by_who.count == FORMER_MAX) drop(f, CONTAINER_OF(f->all.next, struct former, node));
    one = NEW(struct former);
    one->replaced_us = wall_us;
    snprintf(one->who, sizeof one->who, "%s", buf_cstr(&who));
    for (int i = 0; i < 2; i++) {
        struct slice key = slice_head(old->keys[i], AUTH_KEY_MAX);
        one->keys[i].len = key.len;
        if (key.len) memcpy(one->keys[i].bytes, key.ptr, key.len);
    }
    list_push(&f->all, &one->node);
    map_put(&f->by_who, slice_str(one->who), one);
    metric_add(&kept_now, 1);
    buf_free(&who);
}

int64_t formers_signed(const struct formers *f, struct slice who, const struct sas *t)
{
    const struct former *one = map_get(&f->by_who, who);
    for (int i = 0; i < 2 && one; i++)
        if (one->keys[i].len && sas_verify(t, slice_of(one->keys[i].bytes, one->keys[i].len)))
            return one->replaced_us;
    return 0;
}

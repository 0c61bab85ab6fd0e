/* suspects.c - failed logins of an identity within a window. */
#include "hub/session/suspects.h"

#include <stdlib.h>

#include "base/mem.h"

struct suspect {
    struct list node;
    int64_t window_us;
    unsigned failures;
    size_t who_len;
    uint8_t who[];
};

void suspects_init(struct suspects *s)
{
    *s = (struct suspects){0};
    list_init(&s->oldest);
}

static void forget_oldest(struct suspects *s)
{
    struct suspect *one = CONTAINER_OF(list_shift(&s->oldest), struct suspect, node);
    map_remove(&s->by_who, slice_of(one->who, one->who_len));
    free(one);
}

void suspects_fini(struct suspects *s)
{
    while (!list_empty(&s->oldest)) forget_oldest(s);
    map_free(&s->by_who);
}

static struct suspect *make(struct suspects *s, struct slice who, int64_t now_us)
{
    if (s->by_who.count == SUSPECTS_MAX) forget_oldest(s);
    struct suspect *one = mem_zero(sizeof *one + who.len);
    list_init(&one->node);
    one->window_us = now_us;
    one->who_len = who.len;
    memcpy(one->who, who.ptr, who.len);
    map_put(&s->by_who, slice_of(one->who, one->who_len), one);
    return one;
}

bool suspects_failed(struct suspects *s, struct slice who, int64_t now_us)
{
    struct suspect *one = map_get(&s->by_who, who);
    if (one == NULL) one = make(s, who, now_us);
    list_remove(&one->node);
    list_push(&s->oldest, &one->node);
    if (now_us - one->window_us >= SUSPECT_WINDOW_US) {
        one->window_us = now_us;
        one->failures = 0;
    }
    return ++one->failures > SUSPECT_FAILURES_MAX;
}

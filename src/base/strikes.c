/* strikes.c - a map of records and a list of the same by when they were heard of. */
#include "base/strikes.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void strikes_init(struct strikes *s, size_t keys_max, int64_t window_us, struct metric *forgotten)
{
    *s = (struct strikes){.keys_max = keys_max, .window_us = window_us, .forgotten = forgotten};
    list_init(&s->oldest);
}

static void forget_oldest(struct strikes *s)
{
    struct strike *one = CONTAINER_OF(list_take(&s->oldest), struct strike, node);
    map_remove(&s->by_key, slice_of(one->key, one->key_len));
    free(one);
}

void strikes_fini(struct strikes *s)
{
    while (!list_empty(&s->oldest)) forget_oldest(s);
    map_free(&s->by_key);
}

static struct strike *make(struct strikes *s, struct slice key)
{
    if (s->by_key.count == s->keys_max) {
        metric_inc(s->forgotten);
        forget_oldest(s);
    }
    struct strike *one = mem_zero(sizeof *one + key.len);
    list_init(&one->node);
    one->window_us = one->proved_us = INT64_MIN;
    one->key_len = key.len;
    memcpy(one->key, key.ptr, key.len);
    map_put(&s->by_key, slice_of(one->key, one->key_len), one);
    return one;
}

struct strike *strikes_note(struct strikes *s, struct slice key)
{
    struct strike *one = map_get(&s->by_key, key);
    if (one == NULL) one = make(s, key);
    list_remove(&one->node);
    list_push(&s->oldest, &one->node);
    return one;
}

const struct strike *strikes_find(const struct strikes *s, struct slice key)
{
    return map_get(&s->by_key, key);
}

static bool is_over(const struct strikes *s, const struct strike *one, int64_t now_us)
{
    return one->window_us == INT64_MIN || now_us - one->window_us >= s->window_us;
}

unsigned strikes_add(struct strikes *s, struct slice key, int64_t now_us)
{
    struct strike *one = strikes_note(s, key);
    if (is_over(s, one, now_us)) {
        one->window_us = now_us;
        one->count = 0;
    }
    return ++one->count;
}

unsigned strikes_count(const struct strikes *s, const struct strike *one, int64_t now_us)
{
    return is_over(s, one, now_us) ? 0 : one->count;
}

bool strike_is_proved(const struct strike *one, int64_t within_us, int64_t now_us)
{
    return one && one->proved_us != INT64_MIN && now_us - one->proved_us < within_us;
}

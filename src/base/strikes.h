/* strikes.h - how often something went wrong for each of many keys, within a window that begins with the first.
 *
 * Runs on: the thread of its owner.
 * Life:    embedded; strikes_init() to strikes_fini().
 * Limits:  `keys_max` keys; beyond them the one unheard of for longest is forgotten, and `forgotten` counts it.
 *          A key is copied.
 */
#ifndef BASE_STRIKES_H
#define BASE_STRIKES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/metrics.h"

/* One key's record, until it is forgotten: at the earliest with the next strikes_note(). */
struct strike {
    struct list node;
    unsigned count;    /* since window_us */
    int64_t window_us; /* when the window began; INT64_MIN: none did */
    int64_t proved_us; /* the owner's: when it last went well; INT64_MIN: never */
    size_t key_len;
    uint8_t key[];
};

struct strikes {
    struct map by_key;
    struct list oldest; /* the same, the one heard of last at the end */
    size_t keys_max;
    int64_t window_us;
    struct metric *forgotten;
};

void strikes_init(struct strikes *s, size_t keys_max, int64_t window_us, struct metric *forgotten);
void strikes_fini(struct strikes *s);

/* The key's record, made if there is none; it is now the one heard of last. */
struct strike *strikes_note(struct strikes *s, struct slice key);

/* The key's record; NULL: there is none. */
const struct strike *strikes_find(const struct strikes *s, struct slice key);

/* One more for that key: how many there are in its window now. */
unsigned strikes_add(struct strikes *s, struct slice key, int64_t now_us);

/* How many there are in the window, which may have ended. */
unsigned strikes_count(const struct strikes *s, const struct strike *one, int64_t now_us);

/* Did it go well for that key, the last time less than `within_us` ago?  `one` NULL: it did not. */
bool strike_is_proved(const struct strike *one, int64_t within_us, int64_t now_us);

#endif

/* known.h - what was made of the annotations and properties of messages that came before.
 *
 * A device's messages have annotations that differ in one time, and most of them the same properties.
 * What Avro has for them is kept, by the first annotation (the device's name), and copied: a third of the
 * instructions of making it anew.  Who is not known, or sends something else, costs a look.
 *
 * Runs on: the archive's lane.  Memory: KNOWN_COUNT of them for each partition that is captured.
 * Limits:  messages with more than KNOWN_FROM_MAX bytes of annotations and properties are not kept, nor
 *          annotations that are not short texts but for one time.
 */
#ifndef CAPTURE_KNOWN_H
#define CAPTURE_KNOWN_H

#include "base/buf.h"

enum {
    KNOWN_COUNT = 256,
    KNOWN_FROM_MAX = 384, /* AMQP's bytes */
    KNOWN_TO_MAX = 448,   /* Avro's */
    KNOWN_STAYS = 8,      /* others that want the same place before it is given to one of them */
};

/* Lengths are those of the annotations, and of both with the properties behind them. */
struct known {
    uint16_t pairs_from, both_from, pairs_to, both_to;
    uint16_t time_from, time_to; /* where a time's 8 bytes, or its text, begin; 0: there is none */
    uint8_t pair_count, count;
    uint8_t misses;
    uint8_t from[KNOWN_FROM_MAX], to[KNOWN_TO_MAX];
};

/* The place where messages with these annotations are kept, whoever is there now; NULL: none. */
struct known *known_place(struct known *table, struct slice pairs);

bool known_has_pairs(const struct known *k, struct slice pairs);

static inline size_t known_properties_len(const struct known *k)
{
    return (size_t)(k->both_from - k->pairs_from);
}

/* `sections` begin with the properties that are kept (which may be none). */
bool known_has_properties(const struct known *k, struct slice sections);

/* The time in annotations that are known, in milliseconds. */
int64_t known_time(const struct known *k, struct slice pairs);

/* Keeps them, unless somebody else is to stay, or they are of another kind.  `to`: what was made of both, of
 * which the first `pairs_to` bytes are of the annotations. */
struct known_message {
    struct slice pairs, properties, to;
    size_t pairs_to, pair_count, count;
};
void known_keep(struct known *k, const struct known_message *m);

#endif

/* known.c - annotations and properties that came before. */
#include "capture/known.h"

#include "base/clock.h"
#include "capture/short.h"

/* Names of devices differ in their last bytes; before a short one there are those of its annotation's name. */
static size_t place_of(const uint8_t *end)
{
    return (uint64_t)short_be64(end - sizeof(int64_t)) * UINT64_C(0x9e3779b97f4a7c15) >> 56;
}

struct known *known_place(struct known *table, struct slice pairs)
{
    static_assert(KNOWN_COUNT == 1 << 8, "the upper bits of a product");
    const uint8_t *end = pairs.ptr + pairs.len;
    const uint8_t *key = short_text(pairs.ptr, end);
    const uint8_t *value = key ? short_text(short_end(key), end) : NULL;
    if (value == NULL || short_end(value) - pairs.ptr < (ptrdiff_t)sizeof(int64_t)) return NULL;
    return &table[place_of(short_end(value))];
}

bool known_has_pairs(const struct known *k, struct slice pairs)
{
    size_t behind = k->time_from ? k->time_from + sizeof(int64_t) : 0;
    return k->pairs_from == pairs.len && memcmp(k->from, pairs.ptr, k->time_from) == 0 &&
           memcmp(k->from + behind, pairs.ptr + behind, pairs.len - behind) == 0;
}

bool known_has_properties(const struct known *k, struct slice sections)
{
    size_t len = known_properties_len(k);
    return len == 0 ||
           (sections.len >= len && memcmp(k->from + k->pairs_from, sections.ptr, len) == 0);
}

int64_t known_time(const struct known *k, struct slice pairs)
{
    return short_be64(pairs.ptr + k->time_from);
}

/* Where the time is in AMQP's bytes and in Avro's.  False: there are several, or what is no short text. */
static bool find_time(struct known *k, struct slice pairs)
{
    const uint8_t *at = pairs.ptr, *end = at + pairs.len, *key;
    size_t to = 0;
    for (k->time_from = k->time_to = 0; (key = short_text(at, end)) != NULL;) {
        const uint8_t *behind = short_end(key), *value = short_text(behind, end);
        const uint8_t *time = value ? NULL : short_time(behind, end);
        to += short_avro_len(key) + 1;
        if (value) {
            to += short_avro_len(value);
        } else if (time && k->time_from == 0) {
            k->time_from = (uint16_t)(time - pairs.ptr);
            k->time_to = (uint16_t)(to + 1);
            to += 1 + CLOCK_ISO_LEN;
        } else {
            return false;
        }
        at = value ? short_end(value) : time + sizeof(int64_t);
    }
    return at == end;
}

void known_keep(struct known *k, const struct known_message *m)
{
    if (k->pairs_from && ++k->misses < KNOWN_STAYS) return;
    *k = (struct known){0};
    if (m->pairs.len + m->properties.len > KNOWN_FROM_MAX || m->to.len > KNOWN_TO_MAX) return;
    if (!find_time(k, m->pairs)) return;
    k->pairs_from = (uint16_t)m->pairs.len;
    k->both_from = (uint16_t)(m->pairs.len + m->properties.len);
    k->pairs_to = (uint16_t)m->pairs_to;
    k->both_to = (uint16_t)m->to.len;
    k->pair_count = (uint8_t)m->pair_count;
    k->count = (uint8_t)m->count;
    memcpy(k->from, m->pairs.ptr, m->pairs.len);
    if (m->properties.len) memcpy(k->from + m->pairs.len, m->properties.ptr, m->properties.len);
    memcpy(k->to, m->to.ptr, m->to.len);
}

/* short.h - AMQP's short texts and times, which nearly all annotations are, without a look at what they might
 * be: pointers into bytes, NULL for something else. */
#ifndef CAPTURE_SHORT_H
#define CAPTURE_SHORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A string or symbol of at most 255 bytes: its length is the second byte, its text follows. */
static inline const uint8_t *short_text(const uint8_t *at, const uint8_t *end)
{
    bool is_short = end - at >= 2 && (at[0] == 0xa1 || at[0] == 0xa3);
    return is_short && end - at - 2 >= at[1] ? at + 2 : NULL;
}

static inline const uint8_t *short_end(const uint8_t *text)
{
    return text + text[-1];
}

/* The hub's own times: a constructor and 8 bytes. */
static inline const uint8_t *short_time(const uint8_t *at, const uint8_t *end)
{
    return end - at >= 9 && *at == 0x83 ? at + 1 : NULL;
}

static inline int64_t short_be64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return (int64_t)__builtin_bswap64(v);
}

/* With its length before it, which takes two bytes from 64 on. */
static inline size_t short_avro_len(const uint8_t *text)
{
    return (size_t)text[-1] + (text[-1] < 64 ? 1 : 2);
}

#endif

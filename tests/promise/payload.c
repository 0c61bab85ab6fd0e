/* payload.c - message bodies, made and read. */
#include "payload.h"

#include <inttypes.h>

#include "base/num.h"

static uint8_t padding_at(uint64_t number, size_t i)
{
    return (uint8_t)('a' + (number + i) % 26);
}

void payload_write(struct buf *out, unsigned device, uint64_t number, size_t padding)
{
    buf_printf(out, "%u %" PRIu64 " %zu ", device, number, padding);
    uint8_t *to = buf_reserve(out, padding);
    for (size_t i = 0; i < padding; i++) to[i] = padding_at(number, i);
    buf_commit(out, padding);
}

static bool read_number(struct slice *rest, uint64_t *out)
{
    struct slice text;
    return slice_split(rest, ' ', &text) && num_u64(text, out) == OK;
}

/* {"ts":<19 digits>,"dev":"<7 digits>","seq":"<10 digits>" ... */
static enum err read_mqttload(struct slice body, uint64_t *device, uint64_t *number)
{
    if (body.len <= 59 || num_u64(slice_of(body.ptr + 33, 7), device) != OK) return ERR_INVALID;
    return num_u64(slice_of(body.ptr + 49, 10), number) == OK ? OK : ERR_INVALID;
}

enum err payload_read(struct slice body, uint64_t *device, uint64_t *number)
{
    uint64_t padding;
    if (slice_starts(body, SLICE_LIT("{"))) return read_mqttload(body, device, number);
    if (!read_number(&body, device) || !read_number(&body, number) || !read_number(&body, &padding))
        return ERR_INVALID;
    if (body.len != padding) return ERR_CORRUPT;
    for (size_t i = 0; i < body.len; i++)
        if (body.ptr[i] != padding_at(*number, i)) return ERR_CORRUPT;
    return OK;
}

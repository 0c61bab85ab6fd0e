/* payload_shape.c - what each placeholder stands for, message after message. */
#include <math.h>

#include "base/clock.h"
#include "cli/payload_parts.h"

/* splitmix64: any seed is a good one, and eight bytes of state are enough for a sensor. */
static uint64_t next_bits(struct payload_state *s)
{
    uint64_t x = s->random += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

double payload_random(struct payload_state *s)
{
    return (double)(next_bits(s) >> 11) * 0x1p-53;
}

static void put_number(struct buf *out, const struct payload_part *part, double value)
{
    buf_printf(out, "%.*f", part->decimals, value);
}

/* A step to either side, drawn back to the middle a little, so that it wanders through its range and
 * seldom sits at an end. */
static double walk(const struct payload_part *part, struct payload_state *s)
{
    double low = part->numbers[0], high = part->numbers[1];
    double step = part->word_count == 3 ? part->numbers[2] : (high - low) / 50;
    double *value = &s->values[part->slot];
    double pull = ((low + high) / 2 - *value) / 200;
    *value = fmin(high, fmax(low, *value + pull + step * (2 * payload_random(s) - 1)));
    return *value;
}

/* A sine over wall time; devices are spread over the period. */
static double wave(const struct payload_part *part, const struct payload_state *s)
{
    double low = part->numbers[0], high = part->numbers[1];
    double turns = (double)s->wall_us / 1e6 / part->numbers[2] + (double)s->index * 0.618034;
    return (low + high) / 2 + (high - low) / 2 * sin(2 * M_PI * (turns - floor(turns)));
}

/* Whole numbers: each from the first to the last is as likely as any other. */
static double uniform(const struct payload_part *part, struct payload_state *s)
{
    double low = part->numbers[0], high = part->numbers[1];
    if (part->decimals == 0) return floor(low + payload_random(s) * (high - low + 1));
    return low + payload_random(s) * (high - low);
}

static void put_now(struct buf *out, int64_t wall_us)
{
    char text[CLOCK_ISO_LEN + 1];
    clock_iso(wall_us, text);
    buf_put_str(out, text);
}

static void put_guid(struct buf *out, struct payload_state *s)
{
    uint64_t a = next_bits(s), b = next_bits(s);
    buf_printf(out, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
               (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xfff,
               ((unsigned)(b >> 48) & 0x3fff) | 0x8000, (unsigned long long)b & 0xffffffffffffull);
}

static void put_pad(struct buf *out, size_t len, struct payload_state *s)
{
    uint8_t *to = buf_reserve(out, len);
    for (size_t i = 0; i < len; i++) to[i] = (uint8_t)('a' + next_bits(s) % 26);
    buf_commit(out, len);
}

void payload_part_write(const struct payload_part *part, struct payload_state *s, struct buf *out)
{
    switch (part->shape) {
    case SHAPE_TEXT: buf_put_slice(out, part->text); break;
    case SHAPE_DEVICE: buf_put_slice(out, s->device); break;
    case SHAPE_INDEX: buf_printf(out, "%zu", s->index); break;
    case SHAPE_COUNTER: buf_printf(out, "%llu", (unsigned long long)s->counter); break;
    case SHAPE_NOW: put_now(out, s->wall_us); break;
    case SHAPE_EPOCH: buf_printf(out, "%lld", (long long)(s->wall_us / 1000)); break;
    case SHAPE_GUID: put_guid(out, s); break;
    case SHAPE_WALK: put_number(out, part, walk(part, s)); break;
    case SHAPE_WAVE: put_number(out, part, wave(part, s)); break;
    case SHAPE_RANDOM: put_number(out, part, uniform(part, s)); break;
    case SHAPE_PICK: buf_put_slice(out, part->words[next_bits(s) % part->word_count]); break;
    case SHAPE_PAD: put_pad(out, (size_t)part->numbers[0], s); break;
    }
}

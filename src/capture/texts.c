/* texts.c - times and offsets as texts. */
#include "capture/texts.h"

void texts_init(struct texts *t)
{
    *t = (struct texts){.iso_s = INT64_MIN};
}

/* Only what differs within a second is made anew, and where it goes to: memory that was
 * just written to is slow to copy. */
uint8_t *texts_put_iso(struct texts *t, int64_t ms, uint8_t *to)
{
    bool is_kept = ms >= 0 && ms / 1000 == t->iso_s;
    if (!is_kept) {
        clock_iso_ms(ms, t->iso);
        t->iso_s = ms < 0 ? INT64_MIN : ms / 1000;
    }
    memcpy(to, t->iso, CLOCK_ISO_LEN);
    if (is_kept) {
        unsigned rest = (unsigned)(ms - t->iso_s * 1000);
        uint8_t *at = to + sizeof "2026-11-23T04:05:06." - 1;
        at[0] = (uint8_t)('0' + rest / 100);
        at[1] = (uint8_t)('0' + rest / 10 % 10);
        at[2] = (uint8_t)('0' + rest % 10);
    }
    return to + CLOCK_ISO_LEN;
}

static char *put_number(char *at, int v, int least)
{
    if (v < 10 && least == 2) *at++ = '0';
    return at + num_text((uint64_t)v, at);
}

static void make_dotnet(int64_t seconds, struct texts *t)
{
    struct clock_date d = clock_date(seconds * 1000000);
    const int parts[] = {d.month,  d.day,   d.year, d.hour % 12 ? d.hour % 12 : 12,
                         d.minute, d.second};
    char *at = t->dotnet;
    for (int i = 0; i < 6; i++) {
        at = put_number(at, parts[i], i < 4 ? 1 : 2);
        *at++ = "// :: "[i];
    }
    *at++ = d.hour < 12 ? 'A' : 'P';
    *at++ = 'M';
    t->dotnet_s = seconds;
    t->dotnet_len = (size_t)(at - t->dotnet);
}

struct slice texts_dotnet(struct texts *t, int64_t wall_us)
{
    int64_t seconds = MAX(wall_us, 0) / 1000000;
    if (t->dotnet_len == 0 || seconds != t->dotnet_s) make_dotnet(seconds, t);
    return slice_of(t->dotnet, t->dotnet_len);
}

static void make_offset(int64_t sequence, struct texts *t)
{
    char *at = t->offset;
    if (sequence < 0) *at++ = '-';
    at += num_text(sequence < 0 ? 0 - (uint64_t)sequence : (uint64_t)sequence, at);
    t->offset_len = (uint8_t)(at - t->offset);
}

/* False: it is all nines, or nothing. */
static bool count_on(struct texts *t)
{
    uint8_t i = t->offset_len;
    while (i > 0 && t->offset[i - 1] == '9') t->offset[--i] = '0';
    if (i > 0) t->offset[i - 1]++;
    return i > 0;
}

struct slice texts_offset(struct texts *t, int64_t sequence)
{
    bool is_next = sequence > 0 && t->sequence >= 0 && sequence - 1 == t->sequence;
    if (!is_next || !count_on(t)) make_offset(sequence, t);
    t->sequence = sequence;
    return slice_of(t->offset, t->offset_len);
}

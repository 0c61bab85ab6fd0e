/* clock.c - the replaceable clock and ISO 8601 text. */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

#include "base/cur.h"
#include "base/num.h"

static int64_t os_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t os_mono_us(void)
{
    return os_clock(CLOCK_MONOTONIC);
}

static int64_t os_wall_us(void)
{
    return os_clock(CLOCK_REALTIME);
}

static const struct clock_source os_source = {os_mono_us, os_wall_us};
static const struct clock_source *source = &os_source;

int64_t clock_mono_us(void)
{
    return source->mono_us();
}

int64_t clock_wall_us(void)
{
    return source->wall_us();
}

void clock_use(const struct clock_source *other)
{
    source = other ? other : &os_source;
}

void clock_iso(int64_t wall_us, char out[CLOCK_ISO_LEN + 1])
{
    int64_t fraction = wall_us % 1000000;
    if (fraction < 0) fraction += 1000000;
    time_t seconds = (time_t)((wall_us - fraction) / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char date[40];
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, CLOCK_ISO_LEN + 1, "%.19s.%06d0Z", date, (int)fraction);
}

void clock_iso_ms(int64_t ms, char out[CLOCK_ISO_LEN + 1])
{
    const int64_t first_ms = INT64_C(-30610224000000), last_ms = INT64_C(253402300799999);
    clock_iso(MAX(first_ms, MIN(ms, last_ms)) * 1000, out);
}

static int digits(struct cur *c, int count)
{
    int v = 0;
    for (int i = 0; i < count; i++) {
        uint8_t d = (uint8_t)(cur_u8(c) - '0');
        if (d > 9) c->bad = true;
        v = v * 10 + (d > 9 ? 0 : d);
    }
    return v;
}

static void literal(struct cur *c, char a, char b)
{
    uint8_t got = cur_u8(c);
    if (got != (uint8_t)a && got != (uint8_t)b) c->bad = true;
}

/* Digits after the point, as microseconds; more than six are cut. */
static int64_t fraction_us(struct cur *c)
{
    int64_t us = 0, unit = 100000;
    if (cur_left(c) == 0 || *c->at != '.') return 0;
    cur_u8(c);
    while (cur_left(c) && *c->at >= '0' && *c->at <= '9') {
        us += (cur_u8(c) - '0') * unit;
        unit /= 10;
    }
    return us;
}

static int64_t zone_us(struct cur *c)
{
    if (cur_left(c) == 0) return 0;
    uint8_t sign = cur_u8(c);
    if (sign == 'Z' || sign == 'z') return 0;
    if (sign != '+' && sign != '-') c->bad = true;
    int hours = digits(c, 2);
    if (cur_left(c) && *c->at == ':') cur_u8(c);
    int minutes = digits(c, 2);
    int64_t us = ((int64_t)hours * 60 + minutes) * 60 * 1000000;
    return sign == '-' ? -us : us;
}

enum err clock_parse_iso(struct slice text, int64_t *wall_us)
{
    struct cur c = cur_of(text);
    struct tm tm = {0};
    tm.tm_year = digits(&c, 4) - 1900;
    literal(&c, '-', '-');
    tm.tm_mon = digits(&c, 2) - 1;
    literal(&c, '-', '-');
    tm.tm_mday = digits(&c, 2);
    literal(&c, 'T', ' ');
    tm.tm_hour = digits(&c, 2);
    literal(&c, ':', ':');
    tm.tm_min = digits(&c, 2);
    literal(&c, ':', ':');
    tm.tm_sec = digits(&c, 2);
    int64_t us = fraction_us(&c);
    int64_t zone = zone_us(&c);
    if (c.bad || cur_left(&c) || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour > 24 || tm.tm_min > 59 || tm.tm_sec > 60)
        return ERR_INVALID;
    *wall_us = (int64_t)timegm(&tm) * 1000000 + us - zone;
    return OK;
}

static int month(struct cur *c)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct slice name = cur_take(c, 3);
    for (int i = 0; i < 12 && !c->bad; i++)
        if (memcmp(name.ptr, names + (ptrdiff_t)3 * i, 3) == 0) return i;
    c->bad = true;
    return 0;
}

enum err clock_parse_http(struct slice text, int64_t *wall_us)
{
    struct cur c = cur_of(text);
    struct tm tm = {0};
    cur_take(&c, 3); /* the weekday says nothing new */
    literal(&c, ',', ',');
    literal(&c, ' ', ' ');
    tm.tm_mday = digits(&c, 2);
    literal(&c, ' ', ' ');
    tm.tm_mon = month(&c);
    literal(&c, ' ', ' ');
    tm.tm_year = digits(&c, 4) - 1900;
    literal(&c, ' ', ' ');
    tm.tm_hour = digits(&c, 2);
    literal(&c, ':', ':');
    tm.tm_min = digits(&c, 2);
    literal(&c, ':', ':');
    tm.tm_sec = digits(&c, 2);
    struct slice zone = cur_take(&c, 4);
    if (c.bad || cur_left(&c) || !slice_is(zone, " GMT") || tm.tm_mday < 1 || tm.tm_mday > 31 ||
        tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
        return ERR_INVALID;
    *wall_us = (int64_t)timegm(&tm) * 1000000;
    return OK;
}

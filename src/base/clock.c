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

/* ---- the calendar: years begin with March, so that the leap day is the last; 400 of them are an era */

enum { DAY_S = 86400, ERA_DAYS = 146097, DAYS_TO_1970 = 719468 };

int64_t clock_days(int year, int month, int day)
{
    int64_t y = year - (month <= 2), m = month + (month <= 2 ? 9 : -3);
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    return era * ERA_DAYS + of_era * 365 + of_era / 4 - of_era / 100 + (153 * m + 2) / 5 + day - 1 -
           DAYS_TO_1970;
}

static int64_t floor_div(int64_t v, int64_t by)
{
    return v / by - (v % by < 0);
}

struct clock_date clock_date(int64_t wall_us)
{
    int64_t seconds = floor_div(wall_us, 1000000), days = floor_div(seconds, DAY_S);
    int rest = (int)(seconds - days * DAY_S);
    int64_t era = floor_div(days + DAYS_TO_1970, ERA_DAYS);
    int day = (int)(days + DAYS_TO_1970 - era * ERA_DAYS);
    int year = (day - day / 1460 + day / 36524 - day / (ERA_DAYS - 1)) / 365;
    int of_year = day - (365 * year + year / 4 - year / 100);
    int month = (5 * of_year + 2) / 153;
    return (struct clock_date){.year = (int)(era * 400) + year + (month >= 10),
                               .month = month < 10 ? month + 3 : month - 9,
                               .day = of_year - (153 * month + 2) / 5 + 1,
                               .hour = rest / 3600,
                               .minute = rest / 60 % 60,
                               .second = rest % 60};
}

/* ---- ISO 8601 */

static char *put_digits(char *at, int v, int count)
{
    for (int i = count; i-- > 0; v /= 10) at[i] = (char)('0' + v % 10);
    return at + count;
}

void clock_iso(int64_t wall_us, char out[CLOCK_ISO_LEN + 1])
{
    const int64_t first_us = INT64_C(-62167219200000000), last_us = INT64_C(253402300799999999);
    int64_t us = MAX(first_us, MIN(wall_us, last_us));
    struct clock_date d = clock_date(us);
    const int parts[] = {d.month, d.day, d.hour, d.minute, d.second};
    char *at = put_digits(out, d.year, 4);
    for (int i = 0; i < 5; i++) {
        *at++ = "--T::"[i];
        at = put_digits(at, parts[i], 2);
    }
    *at++ = '.';
    at = put_digits(at, (int)(us - floor_div(us, 1000000) * 1000000), 6);
    memcpy(at, "0Z", 3);
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

enum { ZONE_HOURS_MAX = 14 };

static int64_t zone_us(struct cur *c)
{
    if (cur_left(c) == 0) return 0;
    uint8_t sign = cur_u8(c);
    if (sign == 'Z' || sign == 'z') return 0;
    if (sign != '+' && sign != '-') c->bad = true;
    int hours = digits(c, 2);
    if (cur_left(c) && *c->at == ':') cur_u8(c);
    int minutes = digits(c, 2);
    if (hours > ZONE_HOURS_MAX || minutes > 59) c->bad = true;
    int64_t us = ((int64_t)hours * 60 + minutes) * 60 * 1000000;
    return sign == '-' ? -us : us;
}

static bool is_day(const struct clock_date *d)
{
    if (d->month < 1 || d->month > 12) return false;
    int64_t days = clock_days(d->year, d->month + 1, 1) - clock_days(d->year, d->month, 1);
    return d->day >= 1 && d->day <= days;
}

/* A minute may have a leap second. */
static bool is_time(const struct clock_date *d)
{
    return d->hour <= 23 && d->minute <= 59 && d->second <= 60;
}

/* How ISO 8601 may write the end of a day. */
static bool is_midnight(const struct clock_date *d, int64_t us)
{
    return d->hour == 24 && d->minute == 0 && d->second == 0 && us == 0;
}

static int64_t seconds_of(const struct clock_date *d)
{
    return clock_days(d->year, d->month, d->day) * DAY_S + d->hour * 3600ll + d->minute * 60ll +
           d->second;
}

enum err clock_parse_iso(struct slice text, int64_t *wall_us)
{
    struct cur c = cur_of(text);
    struct clock_date d;
    d.year = digits(&c, 4);
    literal(&c, '-', '-');
    d.month = digits(&c, 2);
    literal(&c, '-', '-');
    d.day = digits(&c, 2);
    literal(&c, 'T', ' ');
    d.hour = digits(&c, 2);
    literal(&c, ':', ':');
    d.minute = digits(&c, 2);
    literal(&c, ':', ':');
    d.second = digits(&c, 2);
    int64_t us = fraction_us(&c);
    int64_t zone = zone_us(&c);
    if (c.bad || cur_left(&c) || !is_day(&d) || !(is_time(&d) || is_midnight(&d, us)))
        return ERR_INVALID;
    *wall_us = seconds_of(&d) * 1000000 + us - zone;
    return OK;
}

/* From 1. */
static int month(struct cur *c)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct slice name = cur_take(c, 3);
    for (int i = 0; i < 12 && !c->bad; i++)
        if (memcmp(name.ptr, names + (ptrdiff_t)3 * i, 3) == 0) return i + 1;
    c->bad = true;
    return 1;
}

enum err clock_parse_http(struct slice text, int64_t *wall_us)
{
    struct cur c = cur_of(text);
    struct clock_date d;
    cur_take(&c, 3); /* the weekday says nothing new */
    literal(&c, ',', ',');
    literal(&c, ' ', ' ');
    d.day = digits(&c, 2);
    literal(&c, ' ', ' ');
    d.month = month(&c);
    literal(&c, ' ', ' ');
    d.year = digits(&c, 4);
    literal(&c, ' ', ' ');
    d.hour = digits(&c, 2);
    literal(&c, ':', ':');
    d.minute = digits(&c, 2);
    literal(&c, ':', ':');
    d.second = digits(&c, 2);
    struct slice zone = cur_take(&c, 4);
    if (c.bad || cur_left(&c) || !slice_is(zone, " GMT") || !is_day(&d) || !is_time(&d))
        return ERR_INVALID;
    *wall_us = seconds_of(&d) * 1000000;
    return OK;
}

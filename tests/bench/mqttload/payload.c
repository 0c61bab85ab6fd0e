/* payload.c - see payload.h. */
#include "payload.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "options.h"
#include "util.h"

enum { TIME_DIGITS = 19, PUBLISHER_DIGITS = 7, SEQUENCE_DIGITS = 10, HEAD_MAX = 512 };

#define BEGINS "{\"ts\":"

static char *body;
static size_t time_at, publisher_at, sequence_at; /* offsets of the digits, 0: none */
static uint64_t wall_offset;                      /* CLOCK_REALTIME - CLOCK_MONOTONIC */

static void put_digits(char *p, uint64_t v, int n)
{
    while (n--) {
        p[n] = (char)('0' + v % 10);
        v /= 10;
    }
}

static uint64_t get_digits(const char *p, int n)
{
    uint64_t v = 0;
    while (n--) {
        if (*p < '0' || *p > '9') return 0;
        v = v * 10 + (uint64_t)(*p++ - '0');
    }
    return v;
}

static void init_clock(void)
{
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    wall_offset = (uint64_t)wall.tv_sec * NSEC + (uint64_t)wall.tv_nsec - now_ns();
}

void payload_init(void)
{
    init_clock();
    body = xcalloc(opt.size + HEAD_MAX, 1);
    int n = sprintf(body,
                    BEGINS "%0*d,\"dev\":\"%0*d\",\"seq\":\"%0*d\",\"temperature\":21.37,"
                           "\"humidity\":48.25,\"pressure\":1013.2,\"status\":\"ok\",\"pad\":\"",
                    TIME_DIGITS, 0, PUBLISHER_DIGITS, 0, SEQUENCE_DIGITS, 0);
    if ((unsigned)n + 2 > opt.size) {
        memset(body, 'x', opt.size);
        return;
    }
    time_at = sizeof BEGINS - 1;
    publisher_at = time_at + TIME_DIGITS + sizeof ",\"dev\":\"" - 1;
    sequence_at = publisher_at + PUBLISHER_DIGITS + sizeof "\",\"seq\":\"" - 1;
    for (unsigned i = (unsigned)n; i < opt.size - 2; i++)
        body[i] = (char)('a' + (i * 7 + i / 26) % 26);
    memcpy(body + opt.size - 2, "\"}", 2);
}

void payload_put(char *to, const struct payload *p)
{
    memcpy(to, body, opt.size);
    if (!time_at) return;
    put_digits(to + time_at, p->t_ns + wall_offset, TIME_DIGITS);
    put_digits(to + publisher_at, p->publisher, PUBLISHER_DIGITS);
    put_digits(to + sequence_at, p->sequence, SEQUENCE_DIGITS);
}

bool payload_get(const char *from, size_t n, struct payload *out)
{
    if (!time_at || n != opt.size || memcmp(from, BEGINS, sizeof BEGINS - 1) != 0) return false;
    uint64_t wall = get_digits(from + time_at, TIME_DIGITS);
    out->t_ns = wall ? wall - wall_offset : 0;
    out->publisher = get_digits(from + publisher_at, PUBLISHER_DIGITS);
    out->sequence = get_digits(from + sequence_at, SEQUENCE_DIGITS);
    return true;
}

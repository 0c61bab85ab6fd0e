/* amqp_readers.c - many readers of streams over AMQP and TLS, each at a place of its own, until SIGTERM.
 *
 * usage: amqp_readers PORT RATE USER PASSWORD ADDRESS@SEQUENCE...
 *
 * A connection for each address, which reads from that sequence number on, RATE events a second (a tenth of
 * that many at a time; 0: as fast as they come).  The server settles what it sends.  Prints a line of JSON:
 * how many were read, and how many by the slowest.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "amqp_line.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"

enum { SETTLED = 1, CREDIT = 1000, ROUND_US = 100 * 1000 /* all get their credit once in it */ };

struct reader {
    struct amqp_line line;
    struct amqp_link *link;
    struct slice address;
    const char *sequence;
    uint64_t done;
};

static const char *user, *password;
static struct reader *readers;
static unsigned count, rate, ready;
static volatile sig_atomic_t stopped;

static void on_sigterm(int number)
{
    (void)number;
    stopped = 1;
}

static void attach(struct reader *r)
{
    struct buf filter = {0};
    char comparison[64];
    snprintf(comparison, sizeof comparison, "x-opt-sequence-number >= '%.20s'", r->sequence);
    amqp_line_put_filter(&filter, comparison);
    const struct amqp_link_config link = {.name = SLICE_LIT("reader"),
                                          .snd_mode = SETTLED,
                                          .source = r->address,
                                          .target = SLICE_LIT("bench"),
                                          .filter = buf_slice(&filter)};
    amqp_send_open(&r->line.amqp);
    r->link = amqp_send_attach(amqp_send_begin(&r->line.amqp), &link);
    if (rate == 0) amqp_send_flow(r->link, CREDIT, false);
    buf_free(&filter);
    ready++;
}

static void on_delivery(struct reader *r)
{
    r->done++;
    if (rate == 0 && r->link->credit < CREDIT / 2) amqp_send_flow(r->link, CREDIT, false);
}

static void on_event(struct amqp_line *l, const struct amqp_event *ev)
{
    struct reader *r = CONTAINER_OF(l, struct reader, line);
    switch (ev->kind) {
    case AMQP_ON_SASL_MECHANISMS: amqp_line_login(l, user, slice_str(password)); break;
    case AMQP_ON_SASL_OUTCOME:
        if (ev->outcome != 0) lines_stop("SASL");
        attach(r);
        break;
    case AMQP_ON_DELIVERY: on_delivery(r); break;
    case AMQP_ON_DETACH:
    case AMQP_ON_END:
    case AMQP_ON_CLOSE: amqp_line_stop(&ev->error); break;
    default: break;
    }
}

/* Credit for one after the other, so that they do not all ask at once. */
static void read_at_rate(void)
{
    int64_t due_us = clock_mono_us();
    for (unsigned next = 0; !stopped; next = (next + 1) % count) {
        struct reader *r = &readers[next];
        amqp_send_flow(r->link, MAX(rate / (1000000 / ROUND_US), 1u), false);
        amqp_line_flush(&r->line);
        due_us += ROUND_US / (int64_t)count;
        for (int64_t now_us; !stopped && (now_us = clock_mono_us()) < due_us;)
            lines_turn(due_us - now_us);
    }
}

static void open_all(unsigned port, char **places)
{
    readers = mem_zero(count * sizeof *readers);
    for (unsigned i = 0; i < count; i++) {
        struct slice place = slice_str(places[i]);
        size_t at = slice_find(place, '@');
        if (at == place.len) lines_stop(places[i]);
        readers[i].address = slice_head(place, at);
        readers[i].sequence = places[i] + at + 1;
        readers[i].line.event = on_event;
        amqp_line_open(&readers[i].line, port, false);
    }
    while (ready < count) lines_turn(LINES_WAIT_US);
}

int main(int argc, char **argv)
{
    if (argc < 6) return 2;
    uint64_t done = 0, least = UINT64_MAX;
    rate = (unsigned)atoi(argv[2]), user = argv[3], password = argv[4];
    count = (unsigned)argc - 5;
    signal(SIGTERM, on_sigterm);
    tls_prepare(NULL);
    open_all((unsigned)atoi(argv[1]), argv + 5);
    int64_t from_us = clock_mono_us();
    puts("ready");
    fflush(stdout);
    if (rate) read_at_rate();
    while (!stopped) lines_turn(LINES_WAIT_US);
    for (unsigned i = 0; i < count; i++) {
        done += readers[i].done;
        least = MIN(least, readers[i].done);
    }
    printf("{\"readers\":%u,\"seconds\":%.3f,\"done\":%" PRIu64 ",\"least\":%" PRIu64 "}\n", count,
           (double)(clock_mono_us() - from_us) / 1e6, done, least);
    return 0;
}

/* mode_connect.c - connections that come and go: how many, how late, and at what cost. */
#include <inttypes.h>

#include "conn.h"
#include "measure.h"
#include "modes.h"
#include "mqtt.h"
#include "options.h"
#include "report.h"
#include "util.h"

enum { FAILED_MAX = 1000 }; /* before the first that succeeds */

struct run {
    uint64_t t0, started;
    struct snap began; /* t 0: the warm-up goes on */
    uint64_t connected_before, failed_before, resumed;
    char version[64], cipher[64];
};

static void begin_measuring(struct run *r)
{
    r->began = snap_now();
    r->connected_before = counts.connected;
    r->failed_before = counts.conn_failed;
    r->resumed = 0;
    hist_reset(&connect_time);
}

static void note_tls(struct run *r, SSL *ssl)
{
    if (!r->version[0]) {
        snprintf(r->version, sizeof r->version, "%s", SSL_get_version(ssl));
        snprintf(r->cipher, sizeof r->cipher, "%s", SSL_get_cipher_name(ssl));
    }
    r->resumed += (uint64_t)SSL_session_reused(ssl);
}

/* Who is up goes, who is gone comes again. */
static void turn(struct run *r, struct conn *k, uint64_t t)
{
    if (k->st == ST_UP) {
        if (k->ssl) note_tls(r, k->ssl);
        mqtt_disconnect(k);
        conn_close(k, false);
    }
    if (k->st != ST_DEAD) return;
    if (opt.conn_rate > 0 && (double)r->started / opt.conn_rate * 1e9 > (double)(t - r->t0)) return;
    r->started++;
    conn_start(k);
}

/* False: no connection succeeds. */
static bool cycle(struct run *r)
{
    uint64_t measured = r->t0 + (uint64_t)(opt.warmup * 1e9),
             end = measured + (uint64_t)(opt.duration * 1e9);
    for (;;) {
        uint64_t t = now_ns();
        if (!r->began.t && t >= measured) begin_measuring(r);
        if (t >= end || stopped) return true;
        for (unsigned i = 0; i < conn_count; i++) turn(r, &conns[i], t);
        conns_poll(NSEC / 1000);
        if (counts.conn_failed - r->failed_before > FAILED_MAX &&
            counts.connected == r->connected_before)
            return false;
    }
}

static void report_server(const struct run *r, const struct snap *end, uint64_t done)
{
    double cpu = end->server_s - r->began.server_s;
    fprintf(report, ",\"server_cpu_s\":%.2f,\"server_cores\":%.2f,\"cpu_us_per_conn\":%.1f", cpu,
            cpu / snap_seconds(&r->began, end), done ? cpu / (double)done * 1e6 : 0);
}

static void report_run(const struct run *r, uint64_t done)
{
    struct snap end = snap_now();
    double seconds = snap_seconds(&r->began, &end);
    report_head("connect");
    fprintf(report,
            ",\"tls_version\":\"%s\",\"cipher\":\"%s\",\"parallel\":%u,\"seconds\":%.3f,"
            "\"connections\":%" PRIu64 ",\"resumed\":%" PRIu64 ",\"conn_per_s\":%.0f",
            r->version, r->cipher, opt.pubs, seconds, done, r->resumed, (double)done / seconds);
    if (opt.pid_count) report_server(r, &end, done);
    report_noise(&r->began, &end);
    hist_json(report, "connect_us", &connect_time);
    report_tail();
}

int run_connect(void)
{
    struct run r = {.t0 = now_ns()};
    for (unsigned i = 0; i < conn_count; i++) conns[i].st = ST_DEAD;
    if (!cycle(&r)) {
        fprintf(stderr, "mqttload: no connection succeeds: %s\n", first_error);
        return 1;
    }
    uint64_t done = counts.connected - r.connected_before;
    report_run(&r, done);
    return done ? 0 : 1;
}

/* mode_pub.c - publishers and subscribers: how fast, how late, and at what cost. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "conn.h"
#include "machine.h"
#include "measure.h"
#include "modes.h"
#include "options.h"
#include "publish.h"
#include "report.h"
#include "util.h"

struct run {
    double connect_s;
    long rss_before_kb;
    struct snap began, sent, settled; /* of the measured phase */
};

/* How many subscribers get each message. */
static uint64_t fan_out(void)
{
    return strstr(opt.sub_topic, "$share/") ? 1 : opt.subs;
}

static void open_all(struct run *r)
{
    r->connect_s = conns_open_s(0, opt.subs);
    r->connect_s += conns_open_s(opt.subs, conn_count);
    if (counts.up_subs != opt.subs || counts.up_pubs != opt.pubs)
        fprintf(stderr, "mqttload: only %u/%u subscribers and %u/%u publishers are up: %s\n",
                counts.up_subs, opt.subs, counts.up_pubs, opt.pubs, first_error);
}

/* False: something was lost. */
static bool warm_up(void)
{
    if (opt.warmup <= 0) return true;
    publish_phase(opt.warmup, 0);
    return publish_settle(counts.sent * fan_out());
}

static bool measure(struct run *r)
{
    uint64_t missing = opt.subs ? counts.sent * fan_out() - counts.received : 0;
    measuring = true;
    r->began = snap_now();
    publish_phase(opt.duration, opt.messages);
    r->sent = snap_now();
    bool ok = publish_settle(counts.sent * fan_out() - missing);
    r->settled = snap_now();
    return ok;
}

static void report_settings(void)
{
    fprintf(report,
            ",\"pubs\":%u,\"subs\":%u,\"qos\":%d,\"sub_qos\":%d,\"size\":%u,\"window\":%u,"
            "\"batch\":%u,\"rate_target\":%.0f",
            opt.pubs, opt.subs, opt.qos, opt.sub_qos, opt.size, opt.window, opt.batch, opt.rate);
}

static void report_server(const struct run *r, uint64_t done)
{
    double cpu = r->settled.server_s - r->began.server_s;
    fprintf(report,
            ",\"server_cpu_s\":%.2f,\"server_cores\":%.2f,\"cpu_s_per_million\":%.3f,\"rss_"
            "before_kb\":%ld,\"rss_after_kb\":%ld",
            cpu, cpu / snap_seconds(&r->began, &r->settled), done ? cpu / (double)done * 1e6 : 0,
            r->rss_before_kb, server_rss_kb());
}

static void report_messages(const struct run *r)
{
    double seconds = snap_seconds(&r->began, &r->settled);
    uint64_t sent = r->settled.sent - r->began.sent, acked = r->settled.acked - r->began.acked,
             received = r->settled.received - r->began.received, done = opt.qos ? acked : sent;
    fprintf(report,
            ",\"seconds\":%.3f,\"send_seconds\":%.3f,\"sent\":%" PRIu64 ",\"acked\":%" PRIu64
            ",\"received\":%" PRIu64 ",\"rate\":%.0f",
            seconds, snap_seconds(&r->began, &r->sent), sent, acked, received,
            (double)done / seconds);
    if (opt.subs)
        fprintf(report, ",\"recv_rate\":%.0f,\"expected\":%" PRIu64, (double)received / seconds,
                sent * fan_out());
    if (opt.pid_count) report_server(r, done);
}

static void report_run(const struct run *r)
{
    report_head("pub");
    report_settings();
    report_messages(r);
    report_noise(&r->began, &r->settled);
    fprintf(report, ",\"connect_s\":%.2f", r->connect_s);
    if (opt.check) fprintf(report, ",\"dup_or_gap\":%" PRIu64, counts.dup_or_gap);
    hist_json(report, "ack_us", &ack_time);
    hist_json(report, "e2e_us", &delivery_time);
    hist_json(report, "connect_us", &connect_time);
    report_tail();
}

static void write_acked(const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f) die("%s: %s", path, strerror(errno));
    for (const struct conn *k = conns + opt.subs; k < conns + conn_count; k++)
        fprintf(f, "%s,%u,%" PRIu64 ",%" PRIu64 "\n", k->client, k->idx, k->sent, k->acked);
    fclose(f);
}

int run_pub(void)
{
    struct run r = {.rss_before_kb = server_rss_kb()};
    open_all(&r);
    if (!counts.up_pubs) return 1;
    bool ok = warm_up();
    ok &= measure(&r);
    report_run(&r);
    if (opt.acked_log) write_acked(opt.acked_log);
    return ok && !counts.closed && !counts.conn_failed && !counts.proto_err ? 0 : 1;
}

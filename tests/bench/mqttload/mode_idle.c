/* mode_idle.c - connections that are held: how much memory each costs, and how much CPU. */
#include "conn.h"
#include "machine.h"
#include "measure.h"
#include "modes.h"
#include "options.h"
#include "publish.h"
#include "report.h"
#include "util.h"

struct use {
    long rss_kb, kernel_kb;
    double cpu_s;
};

static struct use use_now(void)
{
    return (struct use){
        .rss_kb = server_rss_kb(), .kernel_kb = kernel_kb(), .cpu_s = server_cpu_s()};
}

static void hold(void)
{
    uint64_t end = now_ns() + (uint64_t)(opt.hold * 1e9);
    while (now_ns() < end && !stopped) {
        conns_poll(NSEC / 10);
        conns_keep_alive();
    }
}

static void report_use(const struct use *before, double opened_s, double held_s,
                       const struct use *after, unsigned up)
{
    if (opt.pid_count)
        fprintf(report,
                ",\"rss_before_kb\":%ld,\"rss_after_kb\":%ld,\"rss_bytes_per_conn\":%.0f,\"connect_"
                "cpu_us\":%.1f,\"hold_cores\":%.4f",
                before->rss_kb, after->rss_kb, (double)(after->rss_kb - before->rss_kb) * 1024 / up,
                (opened_s - before->cpu_s) / up * 1e6, (after->cpu_s - held_s) / opt.hold);
    fprintf(report, ",\"kernel_bytes_per_conn_both_ends\":%.0f",
            (double)(after->kernel_kb - before->kernel_kb) * 1024 / up);
}

int run_idle(void)
{
    struct use before = use_now();
    double seconds = conns_open_s(0, conn_count);
    double opened_s = server_cpu_s(), held_s = opened_s; /* of CPU: all are open, holding begins */
    if (opt.messages) {
        publish_phase(0, opt.messages);
        (void)publish_settle(0);
        held_s = server_cpu_s();
    }
    hold();
    struct use after = use_now();
    unsigned up = counts.up_pubs + counts.up_subs;
    report_head("idle");
    fprintf(report,
            ",\"conns\":%u,\"up\":%u,\"subscriptions\":%u,\"connect_s\":%.2f,\"conn_per_s\":%.0f",
            conn_count, up, opt.subscriptions, seconds, (double)up / seconds);
    if (up) report_use(&before, opened_s, held_s, &after, up);
    hist_json(report, "connect_us", &connect_time);
    report_tail();
    return up == conn_count ? 0 : 1;
}

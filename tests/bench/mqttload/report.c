/* report.c - see report.h. */
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "conn.h"
#include "machine.h"
#include "measure.h"
#include "options.h"
#include "util.h"

FILE *report;

void report_init(void)
{
    report = opt.json_out ? fopen(opt.json_out, "a") : stdout;
    if (!report) die("%s: %s", opt.json_out, strerror(errno));
}

struct snap snap_now(void)
{
    struct snap s = {.t = now_ns(),
                     .sent = counts.sent,
                     .acked = counts.acked,
                     .received = counts.received,
                     .server_s = server_cpu_s(),
                     .self_s = self_cpu_s()};
    s.machine_s = machine_cpu_s(&s.stolen_s);
    return s;
}

double snap_seconds(const struct snap *from, const struct snap *to)
{
    return (double)(to->t - from->t) / 1e9;
}

void report_noise(const struct snap *from, const struct snap *to)
{
    double seconds = snap_seconds(from, to), self = to->self_s - from->self_s;
    double other = to->machine_s - from->machine_s - (to->server_s - from->server_s) - self;
    fprintf(report, ",\"gen_cores\":%.2f,\"other_cores\":%.2f,\"steal_cores\":%.3f", self / seconds,
            other > 0 ? other / seconds : 0, (to->stolen_s - from->stolen_s) / seconds);
}

void report_head(const char *mode)
{
    fprintf(report, "{\"label\":\"%s\",\"mode\":\"%s\",\"host\":\"%s\",\"port\":%d,\"tls\":%d",
            opt.label, mode, opt.host, opt.port, opt.tls);
    const SSL *ssl = NULL;
    for (unsigned i = 0; i < conn_count && !ssl; i++) ssl = conns[i].ssl;
    if (ssl)
        fprintf(report, ",\"tls_version\":\"%s\",\"cipher\":\"%s\"", SSL_get_version(ssl),
                SSL_get_cipher_name(ssl));
}

void report_tail(void)
{
    fprintf(report,
            ",\"conn_failed\":%" PRIu64 ",\"closed\":%" PRIu64 ",\"proto_err\":%" PRIu64
            ",\"first_error\":\"%s\"}\n",
            counts.conn_failed, counts.closed, counts.proto_err, first_error);
    fflush(report);
}

/* mqttload.c - an MQTT 3.1.1 load generator and latency meter.  README.md says how to use it.
 *
 * One thread, one epoll set (conn.h), no dependency but OpenSSL.  Options are read (options.h), connections named (who.h),
 * a mode runs them (modes.h) and says what it measured (measure.h, report.h).
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "conn.h"
#include "measure.h"
#include "modes.h"
#include "options.h"
#include "payload.h"
#include "publish.h"
#include "receive.h"
#include "report.h"
#include "tls.h"
#include "util.h"
#include "who.h"

static void on_signal(int s)
{
    (void)s;
    stopped = 1;
}

static void pin_to(int cpu)
{
    cpu_set_t s;
    CPU_ZERO(&s);
    CPU_SET((unsigned)cpu, &s);
    if (sched_setaffinity(0, sizeof s, &s)) die("--pin %d: %s", cpu, strerror(errno));
}

static void raise_file_limit(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

static void prepare_process(void)
{
    if (opt.pin >= 0) pin_to(opt.pin);
    prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    raise_file_limit();
}

int main(int argc, char **argv)
{
    options_read(argc, argv);
    prepare_process();
    conns_init();
    report_init();
    if (opt.tls) tls_init();
    measure_init();
    payload_init();
    who_init();
    publish_init();
    receive_init();
    switch (opt.mode) {
    case MODE_CONNECT: return run_connect();
    case MODE_IDLE: return run_idle();
    default: return run_pub();
    }
}

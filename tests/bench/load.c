/* load.c - see load.h. */
#include "load.h"

#include <dirent.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"

enum { WARMUP_US = 1000 * 1000, TIMES_MAX = 4 << 20 };

static struct times times;
static uint64_t done;
static bool measuring;

/* What was spent until a moment, in seconds of CPU. */
struct spent {
    int64_t at_us;
    double server, own, all;
};

uint64_t server_cpu_ns(const char *pid)
{
    char path[300];
    uint64_t all = 0;
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    DIR *tasks = opendir(path);
    if (tasks == NULL) lines_stop(path);
    for (struct dirent *d; (d = readdir(tasks)) != NULL;) {
        uint64_t ran = 0;
        if (*d->d_name == '.') continue;
        snprintf(path, sizeof path, "/proc/%s/task/%.32s/schedstat", pid, d->d_name);
        FILE *f = fopen(path, "r");
        if (f && fscanf(f, "%" SCNu64, &ran) == 1) all += ran;
        if (f) fclose(f);
    }
    closedir(tasks);
    return all;
}

static double machine_cpu(void)
{
    unsigned long long user = 0, nice = 0, system = 0, irq = 0, soft = 0;
    FILE *f = fopen("/proc/stat", "r");
    if (f &&
        fscanf(f, "cpu %llu %llu %llu %*u %*u %llu %llu", &user, &nice, &system, &irq, &soft) != 5)
        user = 0;
    if (f) fclose(f);
    return (double)(user + nice + system + irq + soft) / (double)sysconf(_SC_CLK_TCK);
}

static double own_cpu(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
           (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static struct spent look(const char *pid)
{
    return (struct spent){clock_mono_us(), (double)server_cpu_ns(pid) / 1e9, own_cpu(),
                          machine_cpu()};
}

void load_done(int64_t began_us, unsigned count)
{
    if (!measuring) return;
    done += count;
    times_add(&times, clock_mono_us() - began_us);
}

static void print(const struct spent *from, const struct spent *to)
{
    double seconds = (double)(to->at_us - from->at_us) / 1e6;
    double server = to->server - from->server, own = to->own - from->own;
    double others = to->all - from->all - server - own;
    times_sort(&times);
    printf("{\"seconds\":%.3f,\"done\":%" PRIu64 ",\"rate\":%.0f,\"server_cpu_s\":%.3f,"
           "\"cpu_s_per_million\":%.3f,\"gen_cores\":%.2f,\"other_cores\":%.2f,"
           "\"ack_us\":{\"n\":%zu,\"p50\":%" PRId64 ",\"p99\":%" PRId64 ",\"p999\":%" PRId64 "}}\n",
           seconds, done, (double)done / seconds, server, done ? server * 1e6 / (double)done : 0,
           own / seconds, others > 0 ? others / seconds : 0, times.count, times_at(&times, 0.5),
           times_at(&times, 0.99), times_at(&times, 0.999));
}

void load_run(const char *pid, unsigned seconds)
{
    times_init(&times, TIMES_MAX);
    int64_t from_us = clock_mono_us() + WARMUP_US;
    while (clock_mono_us() < from_us) lines_turn(LINES_WAIT_US);
    struct spent from = look(pid);
    measuring = true;
    int64_t end_us = clock_mono_us() + (int64_t)seconds * 1000000;
    while (clock_mono_us() < end_us) lines_turn(LINES_WAIT_US);
    struct spent to = look(pid);
    print(&from, &to);
}

static volatile sig_atomic_t stopped;

static void on_sigterm(int number)
{
    (void)number;
    stopped = 1;
}

void load_run_until(const char *pid, uint64_t count)
{
    signal(SIGTERM, on_sigterm);
    times_init(&times, TIMES_MAX);
    struct spent from = look(pid);
    measuring = true;
    while (done < count && !stopped) lines_turn(LINES_WAIT_US);
    struct spent to = look(pid);
    print(&from, &to);
}

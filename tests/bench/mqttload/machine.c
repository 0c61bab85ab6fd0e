/* machine.c - see machine.h. */
#include "machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "options.h"

static double seconds_of(unsigned long long ticks)
{
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static double cpu_of(int pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    char *p = strrchr(text, ')');
    unsigned long user, kernel;
    if (!p ||
        sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) != 2)
        return 0;
    return seconds_of(user + kernel);
}

double server_cpu_s(void)
{
    double sum = 0;
    for (int i = 0; i < opt.pid_count; i++) sum += cpu_of(opt.pids[i]);
    return sum;
}

/* Of a file with lines "NAME: NUMBER kB"; -1: there is none. */
static long field_kb(const char *path, const char *name)
{
    FILE *f = fopen(path, "r");
    char line[256];
    long value = -1;
    size_t n = strlen(name);
    if (!f) return -1;
    while (value < 0 && fgets(line, sizeof line, f))
        if (!strncmp(line, name, n) && line[n] == ':') value = atol(line + n + 1);
    fclose(f);
    return value;
}

long server_rss_kb(void)
{
    long sum = 0;
    for (int i = 0; i < opt.pid_count; i++) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/status", opt.pids[i]);
        long rss = field_kb(path, "VmRSS");
        if (rss > 0) sum += rss;
    }
    return sum;
}

static long tcp_buffers_kb(void)
{
    FILE *f = fopen("/proc/net/sockstat", "r");
    char line[256];
    long pages = 0;
    if (!f) return 0;
    while (fgets(line, sizeof line, f)) {
        const char *mem = strstr(line, "TCP:") ? strstr(line, " mem ") : NULL;
        if (mem) pages = atol(mem + 5);
    }
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

long kernel_kb(void)
{
    return field_kb("/proc/meminfo", "Slab") + tcp_buffers_kb();
}

double machine_cpu_s(double *stolen)
{
    unsigned long long user = 0, niced = 0, kernel = 0, idle, io, irq = 0, soft = 0, steal = 0;
    FILE *f = fopen("/proc/stat", "r");
    if (f) {
        if (fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &niced, &kernel, &idle,
                   &io, &irq, &soft, &steal) != 8)
            user = niced = kernel = irq = soft = steal = 0;
        fclose(f);
    }
    *stolen = seconds_of(steal);
    return seconds_of(user + niced + kernel + irq + soft);
}

double self_cpu_s(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)r.ru_utime.tv_sec + (double)r.ru_stime.tv_sec +
           ((double)r.ru_utime.tv_usec + (double)r.ru_stime.tv_usec) / 1e6;
}

/* log_bench.c - the log alone: its lanes on threads, a real disk, no network.
 *
 * usage: log_bench append DIR [WINDOW [SECONDS [PARTITIONS [SIZE]]]]
 *        log_bench fill DIR MEGABYTES       writes, then ends as if killed
 *        log_bench read DIR                 recovers, then reads everything from files
 *        log_bench tail DIR                 reads from memory what was just written
 *
 * `append` keeps WINDOW records unanswered: each answer is followed by the next record, so answers
 * and batches settle at the size at which the disk and the processor agree.  Every run prints one
 * line of JSON.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "log/log.h"
#include "post/thread.h"

enum {
    BEGIN_APPEND = POST_TEST,
    BEGIN_READ,
    LATENCIES_MAX = 4 << 20,
    READ_BYTES = 1 << 20,
    PASSES = 20
};

struct bench {
    struct office office;
    struct lane core, log_lane, log_read_lane;
    struct lane_thread *core_thread, *log_thread, *read_thread;
    atomic_bool busy;
    struct log *log;
    struct log_writer writer;
    struct addr self;
    struct log_asker asker;
    unsigned partitions, window, size;
    uint64_t appended, answered, goal; /* goal: stop appending at that many; 0: at `until_us` */
    int64_t until_us;
    uint32_t *latency_us;
    uint64_t latencies;
    uint64_t bytes_read, records_read;
    unsigned partition; /* being read */
    uint64_t from;
    unsigned passes; /* still to read */
};

static _Noreturn void stop(const char *what)
{
    fprintf(stderr, "log_bench: %s: %s\n", what, fail_text());
    exit(2);
}

static double cpu_seconds(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* ---- work for the core */

/* Sends the core to work and waits until it has finished. */
static void run(struct bench *b, unsigned kind)
{
    atomic_store(&b->busy, true);
    post(&b->log_lane, (struct addr){0}, lane_addr(&b->core), msg_new(kind, 0));
    while (atomic_load(&b->busy)) usleep(1000);
}

/* ---- appending */

static void append_one(struct bench *b);

static void on_done(struct lane *core, struct addr who, uint64_t cookie, enum err result)
{
    struct bench *b = slot_get(core, who);
    if (result != OK) stop("append");
    b->answered++;
    if (b->latencies < LATENCIES_MAX)
        b->latency_us[b->latencies++] = (uint32_t)(clock_mono_us() - (int64_t)cookie);
    bool more = b->goal ? b->appended < b->goal : (int64_t)cookie < b->until_us;
    if (more)
        append_one(b);
    else if (b->answered == b->appended)
        atomic_store(&b->busy, false);
}

static void append_one(struct bench *b)
{
    static uint8_t body[1 << 16];
    unsigned partition = (unsigned)(b->appended++ % b->partitions);
    struct buf *out = log_begin(&b->writer, 0, partition, RECORD_TELEMETRY, RECORD_TO_STREAM);
    buf_put(out, body, 60);
    log_pairs_done(&b->writer, 4);
    buf_put(out, body, b->size);
    log_end(&b->writer, on_done, b->self, (uint64_t)clock_mono_us());
}

static int by_size(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static int64_t metric_named(const char *name)
{
    struct buf text = {0};
    char key[128];
    snprintf(key, sizeof key, "\n%s ", name);
    metrics_write(&text);
    const char *at = strstr(buf_cstr(&text), key);
    int64_t value = at ? strtoll(at + strlen(key), NULL, 10) : -1;
    buf_free(&text);
    return value;
}

static void begin_append(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    (void)m;
    struct bench *b = ctx;
    for (unsigned i = 0; i < b->window; i++) append_one(b);
}

static void report_append(struct bench *b, int64_t us, double cpu)
{
    double seconds = (double)us / 1e6, count = (double)b->answered;
    int64_t commits = metric_named("azimuth_log_commits_total");
    qsort(b->latency_us, b->latencies, sizeof *b->latency_us, by_size);
    printf(", \"window\": %u, \"partitions\": %u, \"size\": %u, \"records\": %" PRIu64, b->window,
           b->partitions, b->size, b->answered);
    printf(", \"per_s\": %.0f, \"cpu_us_per_record\": %.3f, \"mb_per_s\": %.1f", count / seconds,
           cpu * 1e6 / count, (double)metric_named("azimuth_log_append_bytes_total") / (double)us);
    printf(", \"commits\": %" PRId64 ", \"records_per_commit\": %.1f, \"commit_us\": %.1f", commits,
           count / (double)commits,
           (double)metric_named("azimuth_log_commit_microseconds_total") / (double)commits);
    printf(", \"cpu_us_per_commit\": %.1f", cpu * 1e6 / (double)commits);
    printf(", \"p50_us\": %u, \"p99_us\": %u, \"p999_us\": %u, \"stalls\": %" PRId64,
           b->latency_us[b->latencies / 2], b->latency_us[b->latencies * 99 / 100],
           b->latency_us[b->latencies * 999 / 1000],
           metric_named("azimuth_log_journal_stalls_total"));
}

static void append(struct bench *b, double seconds)
{
    double cpu = cpu_seconds();
    int64_t began = clock_mono_us();
    b->until_us = began + (int64_t)(seconds * 1e6);
    run(b, BEGIN_APPEND);
    report_append(b, clock_mono_us() - began, cpu_seconds() - cpu);
}

/* ---- reading */

static void ask(struct bench *b)
{
    struct log_read_msg body = {.partition = (uint16_t)b->partition, .max_bytes = READ_BYTES};
    body.from_ordinal = b->from;
    log_ask_read(&b->asker, &body);
}

static void read_pass(struct bench *b)
{
    b->partition = 0;
    ask(b);
}

static void begin_read(void *ctx, struct lane *lane, struct msg *m)
{
    (void)lane;
    (void)m;
    read_pass(ctx);
}

static void on_read(struct log_asker *a, const struct log_read_done *done)
{
    struct bench *b = CONTAINER_OF(a, struct bench, asker);
    blob_drop(done->blob);
    if (done->err == ERR_AGAIN) {
        b->from = 0;
        b->partition++;
    } else if (done->err != OK) {
        stop("read");
    }
    b->bytes_read += done->len;
    if (done->err == OK) b->records_read += done->next - done->first;
    if (done->err == OK) b->from = done->next;
    if (b->partition < b->partitions)
        ask(b);
    else if (--b->passes)
        read_pass(b);
    else
        atomic_store(&b->busy, false);
}

static void read_all(struct bench *b, unsigned passes)
{
    double cpu = cpu_seconds();
    int64_t began = clock_mono_us();
    b->passes = passes;
    run(b, BEGIN_READ);
    int64_t us = clock_mono_us() - began;
    printf(", \"read_records\": %" PRIu64 ", \"read_mb\": %.1f, \"read_mb_per_s\": %.1f",
           b->records_read, (double)b->bytes_read / 1e6, (double)b->bytes_read / (double)us);
    printf(", \"read_cpu_us_per_record\": %.3f",
           (cpu_seconds() - cpu) * 1e6 / (double)b->records_read);
}

/* ---- the log's life */

static void open_log(struct bench *b, const char *dir)
{
    struct log_config cfg = {.partitions = b->partitions};
    if (io_posix_new(dir, &cfg.io) != OK) stop(dir);
    lane_init(&b->core, &b->office, "core");
    lane_init(&b->log_lane, &b->office, "log");
    lane_init(&b->log_read_lane, &b->office, "logread");
    int64_t began = clock_mono_us();
    if (log_open(&cfg, &b->log_lane, &b->log_read_lane, &b->log) != OK) stop(dir);
    printf("{\"open_ms\": %.1f", (double)(clock_mono_us() - began) / 1000);
    log_writer_init(&b->writer, b->log, &b->core);
    b->self = slot_new(&b->core, b);
    lane_on(&b->core, BEGIN_APPEND, begin_append, b);
    lane_on(&b->core, BEGIN_READ, begin_read, b);
    b->asker = (struct log_asker){.lane = &b->core, .log = b->log, .read = on_read};
    b->log_thread = lane_thread_start(&b->log_lane);
    b->read_thread = lane_thread_start(&b->log_read_lane);
    b->core_thread = lane_thread_start(&b->core);
}

static void end_log(struct bench *b)
{
    lane_thread_stop(b->core_thread);
    lane_thread_stop(b->log_thread);
    lane_thread_stop(b->read_thread);
    printf("}\n");
    fflush(stdout);
}

/* ---- what is asked for */

static double argument(int argc, char **argv, int index, double otherwise)
{
    return argc > index ? strtod(argv[index], NULL) : otherwise;
}

int main(int argc, char **argv)
{
    static struct bench b;
    if (argc < 3) stop("usage: log_bench append|fill|read|tail DIR ...");
    const char *what = argv[1];
    b.partitions = 4;
    b.size = 300;
    b.window = 1000;
    b.latency_us = mem_new(LATENCIES_MAX * sizeof *b.latency_us);
    if (strcmp(what, "append") == 0) {
        b.window = (unsigned)argument(argc, argv, 3, 1000);
        b.partitions = (unsigned)argument(argc, argv, 5, 4);
        b.size = (unsigned)argument(argc, argv, 6, 300);
    }
    open_log(&b, argv[2]);
    if (strcmp(what, "append") == 0) append(&b, argument(argc, argv, 4, 3));
    if (strcmp(what, "fill") == 0 || strcmp(what, "tail") == 0) {
        b.goal = (uint64_t)(argument(argc, argv, 3, 32) * 1e6 / (RECORD_HEAD + 60 + b.size));
        append(&b, 0);
    }
    if (strcmp(what, "read") == 0) read_all(&b, 1);
    if (strcmp(what, "tail") == 0) read_all(&b, PASSES);
    end_log(&b);
    _exit(0); /* as if killed */
}

/* metrics.h - counters and gauges, one cell per lane, summed when /metrics is read.
 *
 * A lane writes only its own cell (plain relaxed stores, no contention); any thread may read.
 * Names follow Prometheus: azimuth_..., counters end in _total.  metric_register() is for start-up and
 * not thread-safe; what is known by name only later is made by metric_of(), on any thread.  Name, help
 * and labels live as long as the process.
 *
 * What is counted once and has a second name, as Azure's are, is a sum (struct metric_sum): it is made
 * when it is read and costs nothing before.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdatomic.h>

#include "base/buf.h"

enum { METRIC_LANES = 64 }; /* most lanes a process may have */

enum {
    METRICS_LATER_MAX = 2048, /* made by metric_of() */
    METRIC_SUMS_MAX = 256,    /* rows of the table */
};

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE };

struct metric {
    const char *name, *help, *labels; /* labels: `protocol="mqtt"` or NULL */
    enum metric_kind kind;
    struct metric *_Atomic next;
    bool registered;
    struct {
        _Alignas(64) _Atomic int64_t value;
    } cell[METRIC_LANES];
};

/* The lane of the calling thread; set by post/lane when a lane begins to run. */
extern _Thread_local unsigned metric_lane;

#define METRIC(variable, kind_, name_, labels_, help_)                                             \
    static struct metric variable = {                                                              \
        .name = name_, .help = help_, .labels = labels_, .kind = kind_};                           \
    __attribute__((constructor)) static void register_##variable(void)                             \
    {                                                                                              \
        metric_register(&variable);                                                                \
    }

#define COUNTER(variable, name, help) METRIC(variable, METRIC_COUNTER, name, NULL, help)
#define GAUGE(variable, name, help)   METRIC(variable, METRIC_GAUGE, name, NULL, help)

void metric_register(struct metric *m);

/* The metric of that name with those labels; made if need be, and never gone.  `name` and `help` are
 * kept, `labels` is copied.  Beyond METRICS_LATER_MAX, at some 4 KiB each, those of one name that are new
 * are one, with the labels METRIC_OTHERS: the log says so once, and azimuth_limit_reached_total{limit="metrics"}
 * counts how often one was asked for. */
#define METRIC_OTHERS "others=\"all\""
struct metric *metric_of(enum metric_kind kind, const char *name, const char *labels,
                         const char *help);

static inline void metric_add(struct metric *m, int64_t delta)
{
    _Atomic int64_t *cell = &m->cell[metric_lane].value;
    int64_t now = atomic_load_explicit(cell, memory_order_relaxed);
    atomic_store_explicit(cell, now + delta, memory_order_relaxed);
}

static inline void metric_inc(struct metric *m)
{
    metric_add(m, 1);
}

static inline void metric_set(struct metric *m, int64_t value)
{
    atomic_store_explicit(&m->cell[metric_lane].value, value, memory_order_relaxed);
}

int64_t metric_value(const struct metric *m); /* sum over lanes */

/* A part of a series: the sum of all metrics of the name `of` whose labels contain `with`, divided by `per`.
 * Rows of one name and the same labels, next to each other, are one series, their sum. */
struct metric_sum {
    const char *name, *help, *labels; /* labels: NULL: none */
    const char *of;
    const char *with; /* NULL: all of them; no label of theirs may have it within a value */
    enum metric_kind kind;
    unsigned per; /* 0: as they are */
};

/* At start-up, in place of the table before.  It is kept as it is; at most METRIC_SUMS_MAX rows.  `of` is no
 * sum, and who registers metrics of a sum's name has other labels. */
void metrics_set_sums(const struct metric_sum *table, size_t count);

/* All registered metrics and all sums as Prometheus text, sorted by name. */
void metrics_write(struct buf *out);

#endif

/* metrics.c - the list of metrics, sums of them, and their Prometheus text. */
#include "base/metrics.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/limit.h"
#include "base/mem.h"
#include "base/say.h"

LIMIT_REACHED(series_full, "metrics")

_Thread_local unsigned metric_lane;

static struct metric *_Atomic first;

/* Between threads that add to the list; who reads it sees whole members only. */
static pthread_mutex_t adding = PTHREAD_MUTEX_INITIALIZER;

void metric_register(struct metric *m)
{
    if (m->registered) return;
    m->registered = true;
    struct metric *_Atomic *at = &first;
    while (*at && strcmp((*at)->name, m->name) <= 0) at = &(*at)->next;
    m->next = *at;
    *at = m;
}

static struct metric *find(const char *name, const char *labels)
{
    struct metric *m = first;
    while (m && (strcmp(m->name, name) != 0 || m->labels == NULL || strcmp(m->labels, labels) != 0))
        m = m->next;
    return m;
}

static struct metric *make(enum metric_kind kind, const char *name, const char *labels,
                           const char *help)
{
    struct metric *m = aligned_alloc(_Alignof(struct metric), sizeof *m);
    assert(m);
    memset((void *)m, 0, sizeof *m);
    m->name = name;
    m->help = help;
    m->labels = mem_str(labels);
    m->kind = kind;
    metric_register(m);
    return m;
}

/* Once: whatever is asked for from now on is missing, too. */
static void count_refused(const char *name)
{
    static atomic_flag said = ATOMIC_FLAG_INIT;
    metric_inc(&series_full);
    if (atomic_flag_test_and_set(&said)) return;
    say_warn("metrics.full", "max=%d first=%s note=%s", METRICS_LATER_MAX, name,
             "new labels are counted together as " METRIC_OTHERS);
}

struct metric *metric_of(enum metric_kind kind, const char *name, const char *labels,
                         const char *help)
{
    static unsigned made;
    pthread_mutex_lock(&adding);
    struct metric *m = find(name, labels);
    bool full = m == NULL && made == METRICS_LATER_MAX;
    if (full) {
        labels = METRIC_OTHERS;
        m = find(name, labels);
    } else if (m == NULL) {
        made++;
    }
    if (m == NULL) m = make(kind, name, labels, help);
    pthread_mutex_unlock(&adding);
    if (full) count_refused(name);
    return m;
}

int64_t metric_value(const struct metric *m)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < METRIC_LANES; i++)
        sum += atomic_load_explicit(&m->cell[i].value, memory_order_relaxed);
    return sum;
}

/* ---- sums */

static const struct metric_sum *by_name[METRIC_SUMS_MAX], *by_source[METRIC_SUMS_MAX];
static const struct metric_sum *sum_table;
static size_t sum_count;

static int compare_names(const struct metric_sum *a, const struct metric_sum *b)
{
    return strcmp(a->name, b->name);
}

static int compare_sources(const struct metric_sum *a, const struct metric_sum *b)
{
    return strcmp(a->of, b->of);
}

/* Those that compare equal stay in the order in which they came. */
static void insert(const struct metric_sum **list, size_t count, const struct metric_sum *row,
                   int (*compare)(const struct metric_sum *, const struct metric_sum *))
{
    for (; count && compare(list[count - 1], row) > 0; count--) list[count] = list[count - 1];
    list[count] = row;
}

void metrics_set_sums(const struct metric_sum *table, size_t count)
{
    assert(count <= METRIC_SUMS_MAX);
    for (sum_count = 0; sum_count < count; sum_count++) {
        insert(by_name, sum_count, &table[sum_count], compare_names);
        insert(by_source, sum_count, &table[sum_count], compare_sources);
    }
    sum_table = table;
}

static bool counts(const struct metric_sum *row, const struct metric *m)
{
    return row->with == NULL || (m->labels && strstr(m->labels, row->with));
}

/* `sums` in the order of the table.  Both lists are sorted, so each is gone through once. */
static void sum_up(int64_t *sums)
{
    const struct metric *of = first;
    for (size_t i = 0; i < sum_count; i++) {
        const struct metric_sum *row = by_source[i];
        int64_t *sum = &sums[row - sum_table];
        while (of && strcmp(of->name, row->of) < 0) of = of->next;
        *sum = 0;
        for (const struct metric *m = of; m && strcmp(m->name, row->of) == 0; m = m->next)
            if (counts(row, m)) *sum += metric_value(m);
        if (row->per) *sum /= row->per;
    }
}

/* ---- text */

/* The family that was written last. */
static void put(struct buf *out, const char **family, const struct metric_sum *s, int64_t value)
{
    if (strcmp(*family, s->name) != 0)
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", s->name, s->help, s->name,
                   s->kind == METRIC_COUNTER ? "counter" : "gauge");
    *family = s->name;
    buf_printf(out, "%s%s%s%s %lld\n", s->name, s->labels ? "{" : "", s->labels ? s->labels : "",
               s->labels ? "}" : "", (long long)value);
}

static bool same_series(const struct metric_sum *a, const struct metric_sum *b)
{
    return strcmp(a->name, b->name) == 0 &&
           strcmp(a->labels ? a->labels : "", b->labels ? b->labels : "") == 0;
}

/* The series that begins with the row `at`; where the next one begins. */
static size_t put_sum(struct buf *out, const char **family, const int64_t *sums, size_t at)
{
    const struct metric_sum *row = by_name[at];
    int64_t value = 0;
    for (; at < sum_count && same_series(row, by_name[at]); at++)
        value += sums[by_name[at] - sum_table];
    put(out, family, row, value);
    return at;
}

void metrics_write(struct buf *out)
{
    const char *family = "";
    int64_t sums[METRIC_SUMS_MAX];
    size_t at = 0;
    sum_up(sums);
    for (const struct metric *m = first; m; m = m->next) {
        while (at < sum_count && strcmp(by_name[at]->name, m->name) < 0)
            at = put_sum(out, &family, sums, at);
        put(out, &family,
            &(struct metric_sum){
                .name = m->name, .help = m->help, .labels = m->labels, .kind = m->kind},
            metric_value(m));
    }
    while (at < sum_count) at = put_sum(out, &family, sums, at);
}

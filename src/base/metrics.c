/* metrics.c - the list of metrics and their Prometheus text. */
#include "base/metrics.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

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

struct metric *metric_of(enum metric_kind kind, const char *name, const char *labels,
                         const char *help)
{
    static unsigned made;
    pthread_mutex_lock(&adding);
    struct metric *m = find(name, labels);
    if (m == NULL && made == METRICS_LATER_MAX) {
        labels = METRIC_OTHERS;
        m = find(name, labels);
    } else if (m == NULL) {
        made++;
    }
    if (m == NULL) m = make(kind, name, labels, help);
    pthread_mutex_unlock(&adding);
    return m;
}

int64_t metric_value(const struct metric *m)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < METRIC_LANES; i++)
        sum += atomic_load_explicit(&m->cell[i].value, memory_order_relaxed);
    return sum;
}

void metrics_write(struct buf *out)
{
    const char *previous = "";
    for (const struct metric *m = first; m; m = m->next) {
        if (strcmp(previous, m->name) != 0)
            buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name,
                       m->kind == METRIC_COUNTER ? "counter" : "gauge");
        previous = m->name;
        buf_printf(out, "%s%s%s%s %lld\n", m->name, m->labels ? "{" : "",
                   m->labels ? m->labels : "", m->labels ? "}" : "", (long long)metric_value(m));
    }
}

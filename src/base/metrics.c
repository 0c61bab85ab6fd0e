/* metrics.c - the list of metrics and their Prometheus text. */
#include "base/metrics.h"

_Thread_local unsigned metric_lane;

static struct metric *first;

void metric_register(struct metric *m)
{
    if (m->registered) return;
    m->registered = true;
    struct metric **at = &first;
    while (*at && strcmp((*at)->name, m->name) <= 0) at = &(*at)->next;
    m->next = *at;
    *at = m;
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

/* live_metrics.c - subscriptions to metrics: their sums, once a second. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"
#include "base/num.h"
#include "base/text.h"
#include "front/console/live_link.h"

static const char *read_metrics(struct sub *s, const struct json *m)
{
    struct json *names = json_given(m, "names");
    if (names == NULL || names->type != JSON_ARRAY) return "names: expected a list of metrics";
    for (const struct json *j = names->child; j; j = j->next) {
        if (s->name_count == LIVE_NAMES_MAX) return "names: at most 32 metrics";
        if (j->type != JSON_STRING || j->text.len == 0) return "names: expected a list of metrics";
        s->names[s->name_count++] = arena_copy(&s->arena, j->text);
    }
    return NULL;
}

/* "name{labels} value": the sum over all labels.  False: there is no such metric, or not yet. */
static bool sum_of(struct slice text, struct slice name, int64_t *sum)
{
    struct slice line;
    int64_t value;
    bool found = false;
    *sum = 0;
    while (slice_split(&text, '\n', &line)) {
        if (!slice_starts(line, name) || line.len == name.len) continue;
        uint8_t behind = line.ptr[name.len];
        if (behind != ' ' && behind != '{') continue;
        size_t space = slice_rfind(line, ' ');
        if (space == line.len || num_i64(slice_from(line, space + 1), &value) != OK) continue;
        *sum += value;
        found = true;
    }
    return found;
}

static void put_metric(struct buf *out, struct slice text, struct slice name)
{
    int64_t sum;
    text_json_string(out, name);
    if (sum_of(text, name, &sum))
        buf_printf(out, ":%" PRId64, sum);
    else
        buf_put_str(out, ":null");
}

static void tell_metrics(struct sub *s, int64_t now_us)
{
    struct buf text = {0}, *out = conn_out(s->link->conn);
    live_set_timer(s, now_us + LIVE_METRICS_US);
    if (s->paused || conn_congested(s->link->conn)) return;
    metrics_write(&text);
    buf_printf(out, "{\"id\":%" PRId64 ",\"at\":%" PRId64 ",\"metrics\":{", s->id,
               clock_wall_us() / 1000);
    for (unsigned i = 0; i < s->name_count; i++) {
        if (i) buf_put_u8(out, ',');
        put_metric(out, buf_slice(&text), s->names[i]);
    }
    buf_put_str(out, "}}");
    live_end_message(s->link);
    buf_free(&text);
}

const struct live_kind live_metrics = {"metrics",    read_metrics, live_start_at_once,
                                       tell_metrics, NULL,         NULL};

/* fleet_summary.c - see fleet_summary.h. */
#include "cli/fleet_summary.h"

#include <stdlib.h>

const char fleet_summary_columns[] = "Devices=connected Sent=sent Acknowledged=acknowledged "
                                     "Failed=failed Seconds=seconds Rate=rate p50ms=latencyMs.p50 "
                                     "p99ms=latencyMs.p99 maxms=latencyMs.max";

enum err fleet_rate(const char *text, double *per_second)
{
    static const struct {
        const char *suffix;
        double seconds;
    } units[] = {{"", 1}, {"/s", 1}, {"/m", 60}, {"/h", 3600}};
    char *end;
    *per_second = 0;
    if (strcmp(text, "max") == 0) return OK;
    double number = strtod(text, &end);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].suffix) != 0 || !(number > 0 && number <= 1e6)) continue;
        *per_second = number / units[i].seconds;
        return OK;
    }
    return fail(ERR_INVALID, "'%s' is not a rate; 10, 2.5/s, 10/m, 1/h and max are", text);
}

static void put(struct arena *a, struct json *object, const char *name, double value, int decimals)
{
    struct json *number = json_new(a, JSON_NUMBER);
    struct buf text = {0};
    buf_printf(&text, "%.*f", decimals, value);
    number->text = arena_copy(a, buf_slice(&text));
    json_set(a, object, slice_str(name), number);
    buf_free(&text);
}

static double ms_of(const struct fleet_latency *l, double part)
{
    return (double)fleet_latency_us(l, part) / 1000;
}

struct json *fleet_summary(struct arena *a, const struct fleet_plan *plan,
                           const struct fleet_result *r)
{
    struct json *all = json_new(a, JSON_OBJECT), *latency = json_new(a, JSON_OBJECT);
    double seconds = (double)r->elapsed_us / 1e6;
    put(a, all, "devices", (double)plan->count, 0);
    put(a, all, "connected", (double)r->connected, 0);
    put(a, all, "refused", (double)r->refused, 0);
    put(a, all, "sent", (double)r->sent, 0);
    put(a, all, "acknowledged", (double)r->acknowledged, 0);
    put(a, all, "failed", (double)r->failed, 0);
    put(a, all, "resent", (double)r->resent, 0);
    put(a, all, "reconnects", (double)r->reconnects, 0);
    if (plan->answers.methods) put(a, all, "methodsAnswered", (double)r->methods, 0);
    if (plan->answers.messages) put(a, all, "messagesReceived", (double)r->messages, 0);
    put(a, all, "seconds", seconds, 3);
    put(a, all, "rate", seconds > 0 ? (double)r->acknowledged / seconds : 0, 1);
    json_set(a, all, SLICE_LIT("latencyMs"), latency);
    put(a, latency, "p50", ms_of(&r->latency, 0.5), 3);
    put(a, latency, "p99", ms_of(&r->latency, 0.99), 3);
    put(a, latency, "max", (double)r->latency.max_us / 1000, 3);
    return all;
}

/* cmd_statistics.c - azimuth hub show-stats, hub show-quota-metrics: how many devices there are, how much is
 * used.
 *
 * Source: az iot hub show-stats, which is GET /statistics/devices; az iot hub show-quota-metrics, which
 *         asks Azure's resource manager. */
#include "cli/cmd.h"
#include "cli/http.h"

enum err hub_show_stats(struct cli *c)
{
    struct target t;
    struct json *numbers;
    const struct http_call call = {.method = "GET", .path = "/statistics/devices"};
    TRY(target_find(c, &t));
    TRY(http_json(&t, &call, "statistics", &numbers));
    return output_value(&c->output, &c->arena, numbers, NULL);
}

const char quota_help[] =
    "TotalMessages is there if the server has a daily quota (serve --tier, --throttle quota=N/d); "
    "it "
    "is what was\n"
    "taken since midnight, UTC. TotalDeviceCount is how many devices there are and may be.";

enum err hub_show_quota(struct cli *c)
{
    struct target t;
    struct json *answer;
    TRY(target_find(c, &t));
    if (t.data == NULL)
        return fail(ERR_DENIED, "quotas are told on the server's own machine, to who runs it: use "
                                "--data DIR");
    TRY(http_get(&t, "/admin/v1/quotaMetrics", "quotas", &answer));
    const struct json *metrics = json_get(answer, "value");
    if (metrics == NULL) return fail(ERR_PROTOCOL, "%s answered quotas without a value", t.name);
    return output_value(&c->output, &c->arena, metrics, "name currentValue maxValue");
}

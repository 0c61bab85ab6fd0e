/* cmd_statistics.c - azimuth hub show-stats: how many devices there are.
 *
 * Source: az iot hub show-stats, which is GET /statistics/devices. */
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

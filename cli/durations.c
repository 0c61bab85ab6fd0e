/* durations.c - options that say how long, or since when: "500ms", "30s", "1.5m", "2h", "7d", or plain seconds. */
#include <stdio.h>

#include "base/clock.h"
#include "base/num.h"
#include "cli/command.h"

#define SECOND_US 1000000ll

/* "a duration of 1 to 3600 s" */
static enum err not_a_duration(const char *name, const char *text, int64_t min_us, int64_t max_us)
{
    char most[32] = " s or more";
    if (max_us < CLI_LONG_US)
        snprintf(most, sizeof most, " to %.10g s", (double)max_us / SECOND_US);
    return fail(ERR_INVALID,
                "--%s %s: a duration of %.10g%s was expected, such as 30s, 5m or plain seconds",
                name, text, (double)min_us / SECOND_US, most);
}

enum err cli_duration(const struct cli *c, const char *name, int64_t min_us, int64_t max_us,
                      int64_t initial_us, int64_t *out)
{
    const char *text = cli_value(c, name);
    *out = initial_us;
    if (text == NULL) return OK;
    if (num_duration_us(slice_str(text), out) != OK || *out < min_us || *out > max_us)
        return not_a_duration(name, text, min_us, max_us);
    return OK;
}

enum err cli_seconds(const struct cli *c, const char *name, int64_t min, int64_t max,
                     int64_t initial, int64_t *out)
{
    int64_t us;
    TRY(cli_duration(c, name, min * SECOND_US, max * SECOND_US, initial * SECOND_US, &us));
    if (us % SECOND_US)
        return fail(ERR_INVALID, "--%s %s: whole seconds were expected", name, cli_value(c, name));
    *out = us / SECOND_US;
    return OK;
}

enum err cli_set_seconds(struct cli *c, struct json *object, const char *member, const char *option,
                         int64_t min, int64_t max)
{
    int64_t seconds;
    if (!cli_given(c, option)) return OK;
    TRY(cli_seconds(c, option, min, max, min, &seconds));
    json_set(&c->arena, object, slice_str(member), json_new_i64(&c->arena, seconds));
    return OK;
}

bool cli_moment(const char *text, int64_t *out)
{
    int64_t us;
    if (clock_parse_iso(slice_str(text), out) == OK) return true;
    if (num_duration_us(slice_str(text), &us) != OK) return false;
    *out = clock_wall_us() - us;
    return true;
}

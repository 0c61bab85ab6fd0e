/* cmd_devices.c - azimuth devices --late, --flapping, --top: who needs a look. */
#include <stdio.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/http.h"

enum {
    FLAPS_MIN = 3, /* ends of connections, from which on a device flaps */
    TOP_MAX = 100, /* as the server has it (hub/talker) */
};

#define SINCE    "1h"
#define SINCE_US (3600 * 1000000ll)

const struct cli_option devices_options[] = {
    {"late", NULL, "who was not heard of for three times as long as usual"},
    {"flapping", NULL, "whose connections ended three times or more without its wish"},
    {"since", CLI_DURATION, "with --flapping: the last one not longer ago [1h]"},
    {"top", "NUMBER", "who sent most within the last minutes, so many of them"},
    {"by", "messages|bytes", "with --top: what is counted [messages]"},
    {"", NULL, NULL}};

const char devices_help[] = "    azimuth devices --late\n"
                            "    azimuth devices --flapping --since 1d\n"
                            "    azimuth devices --top 10 --by bytes\n"
                            "All others: azimuth hub query -q \"SELECT * FROM devices WHERE ...\"";

/* ---- late: the server knows the rhythm of each */

static enum err list_late(struct cli *c, struct target *t)
{
    char now[CLOCK_ISO_LEN + 1];
    struct buf query = {0};
    struct json *rows;
    clock_iso(clock_wall_us(), now);
    buf_printf(&query,
               "SELECT deviceId, lastActivityTime, expectedActivityTime, connectionState FROM "
               "devices WHERE expectedActivityTime < '%s' AND expectedActivityTime > "
               "'0001-01-02T00:00:00Z'",
               now);
    enum err e = query_rows(c, t, buf_slice(&query), &rows);
    buf_free(&query);
    if (e != OK) return e;
    return output_value(&c->output, &c->arena, rows,
                        "deviceId lastActivityTime expectedActivityTime connectionState");
}

/* ---- flapping: ends of connections in the journal of refusals (docs/reference/why.md) */

/* Take-over, silence, a broken rule, a peer that vanished. */
static const char *const ends[] = {"C160", "C161", "C163", "C164"};

struct flap {
    struct slice id, last, cause; /* the latest end */
    int64_t count;
};

struct flaps {
    struct cli *cli;
    struct map by_id;
    int64_t since_us;
};

/* Equal ends are one record with two times; those before --since do not count.  The last one does, whatever the
 * clock here says: the server looked at that. */
static int64_t ends_of(const struct flaps *f, const struct json *record)
{
    int64_t count = 1, first_us, last_us;
    const struct json *number = json_get(record, "count");
    if (number && json_i64(number, &count) != OK) return 0;
    if (clock_parse_iso(json_str(record, "firstTime"), &first_us) != OK ||
        clock_parse_iso(json_str(record, "time"), &last_us) != OK)
        return count;
    return MAX(num_share_since(count, first_us, last_us, f->since_us), 1);
}

static void count_end(struct flaps *f, const struct json *record)
{
    int64_t count = ends_of(f, record);
    struct slice id = json_str(record, "id"), time = json_str(record, "time");
    if (id.len == 0 || count == 0) return;
    struct flap *flap = map_get(&f->by_id, id);
    if (flap == NULL) {
        flap = arena_zero(&f->cli->arena, sizeof *flap);
        flap->id = id;
        map_put(&f->by_id, flap->id, flap);
    }
    flap->count += count;
    if (slice_cmp(flap->last, time) >= 0) return;
    flap->last = time;
    flap->cause = json_str(record, "cause");
}

static enum err read_ends(struct flaps *f, struct target *t, const char *cause, const char *since)
{
    struct buf path = {0};
    struct slice token = SLICE_NONE;
    enum err e;
    do {
        struct json *answer;
        buf_clear(&path);
        buf_printf(&path, "/admin/v1/refusals?cause=%s&grey=true&top=256&since=", cause);
        text_percent(&path, slice_str(since));
        if (token.len) buf_printf(&path, "&continuationToken=%.*s", SLICE_ARG(token));
        e = http_get(t, buf_cstr(&path), "list of refusals", &answer);
        const struct json *list = e == OK ? json_get(answer, "value") : NULL;
        for (const struct json *r = list ? list->child : NULL; r; r = r->next) count_end(f, r);
        token = e == OK ? json_str(answer, "continuationToken") : SLICE_NONE;
    } while (token.len);
    buf_free(&path);
    return e;
}

static void put_flap(struct cli *c, struct json *rows, const struct flap *f)
{
    struct arena *a = &c->arena;
    struct json *row = json_append(rows, json_new(a, JSON_OBJECT));
    json_set(a, row, SLICE_LIT("id"), json_new_string(a, f->id));
    json_set(a, row, SLICE_LIT("ends"), json_new_i64(a, f->count));
    json_set(a, row, SLICE_LIT("last"), json_new_string(a, f->last));
    json_set(a, row, SLICE_LIT("lastCause"), json_new_string(a, f->cause));
}

static enum err list_flapping(struct cli *c, struct target *t)
{
    struct flaps f = {.cli = c};
    struct json *rows = json_new(&c->arena, JSON_ARRAY);
    const char *given = cli_value(c, "since"), *since = given ? given : SINCE;
    const struct flap *flap;
    int64_t us;
    enum err e = OK;
    TRY(cli_duration(c, "since", 0, CLI_LONG_US, SINCE_US, &us));
    f.since_us = clock_wall_us() - us;
    for (size_t i = 0; e == OK && i < sizeof ends / sizeof *ends; i++)
        e = read_ends(&f, t, ends[i], since);
    for (size_t i = 0; e == OK && (flap = map_next(&f.by_id, &i)) != NULL;)
        if (flap->count >= FLAPS_MIN) put_flap(c, rows, flap);
    map_free(&f.by_id);
    return e == OK ? output_value(&c->output, &c->arena, rows, "id ends last lastCause") : e;
}

/* ---- top: the server counts them */

static enum err list_top(struct cli *c, struct target *t)
{
    char path[64];
    int64_t top;
    struct json *answer;
    const char *by = cli_value(c, "by");
    TRY(cli_number(c, "top", 1, TOP_MAX, 0, &top));
    if (by && !slice_is(slice_str(by), "messages") && !slice_is(slice_str(by), "bytes"))
        return fail(ERR_INVALID, "--by is messages or bytes, not '%s'", by);
    snprintf(path, sizeof path, "/admin/v1/talkers?top=%lld&by=%s", (long long)top,
             by ? by : "messages");
    TRY(http_get(t, path, "list of devices that send most", &answer));
    const struct json *exact = json_get(answer, "exact"), *value = json_get(answer, "value");
    if (value == NULL) return fail(ERR_PROTOCOL, "the answer has no devices");
    if (exact && !exact->truth && !cli_given(c, "quiet"))
        fprintf(stderr, "more send than are counted at a time: these have sent at least that\n");
    return output_value(&c->output, &c->arena, value, "deviceId messages bytes");
}

/* ---- the verb */

static enum err check_words(const struct cli *c)
{
    bool late = cli_given(c, "late"), flapping = cli_given(c, "flapping"),
         top = cli_given(c, "top");
    if (late + flapping + top != 1)
        return fail(ERR_INVALID, "which devices: --late, --flapping or --top? All are listed by "
                                 "hub device-identity list");
    if (!flapping && cli_given(c, "since"))
        return fail(ERR_INVALID, "--since goes with --flapping");
    if (!top && cli_given(c, "by")) return fail(ERR_INVALID, "--by goes with --top");
    return OK;
}

enum err devices_list(struct cli *c)
{
    struct target t;
    TRY(check_words(c));
    TRY(target_find(c, &t));
    if (cli_given(c, "top")) return list_top(c, &t);
    return cli_given(c, "late") ? list_late(c, &t) : list_flapping(c, &t);
}

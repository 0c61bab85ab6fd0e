/* cmd_why.c - azimuth why: why a device is refused, as the server's journal has it. */
#include <stdio.h>

#include "base/text.h"
#include "cli/cmd.h"
#include "cli/identity.h"
#include "cli/why.h"

const struct cli_option why_options[] = {
    {"device-id d registration-id", "ID",
     "the device, or who registers; may also stand alone behind the verb"},
    {"module-id m", "ID", "a module of it"},
    {"refused", NULL, "what was refused of all devices, the latest first"},
    {"cause", "CODE", "with --refused: only that, C131 or sas-expired"},
    {"since", "WHEN", "with --refused: since 30m (ago), or a time"},
    {"top", "N", "with --refused: at most so many [100]"},
    {"watch", NULL, "goes on: what is refused is shown as it comes, of all or of one device"},
    {"count", "N", "with --watch: ends after so many"},
    {"timeout t", CLI_DURATION, "with --watch: ends when so long nothing came [never]"},
    {"", NULL, NULL},
};

const char why_help[] =
    "    azimuth why dev1\n"
    "    azimuth why dev1 -m module1 -o json\n"
    "    azimuth why --registration-id press-1\n"
    "    azimuth why --refused --cause C131 --since 1h\n"
    "    azimuth why --refused --watch\n"
    "All causes: azimuth docs C101. Nothing at all came from a device? Run there:\n"
    "    azimuth doctor --from-device HOST";

/* ---- for a terminal */

static void put_ladder(struct buf *out, const struct json *stages)
{
    bool colour = output_has_colours();
    for (const struct json *s = stages ? stages->child : NULL; s; s = s->next) {
        struct slice state = json_str(s, "state");
        const char *mark = slice_is(state, "passed")    ? "ok"
                           : slice_is(state, "failed")  ? "FAILED"
                           : slice_is(state, "skipped") ? "-"
                                                        : "?";
        bool failed = slice_is(state, "failed");
        buf_printf(out, "  %-14.*s%s%s%s\n", SLICE_ARG(json_str(s, "stage")),
                   colour && failed ? "\x1b[31m" : "", mark, colour && failed ? "\x1b[0m" : "");
    }
}

static void put_line(struct buf *out, const struct json *attempt, const char *name)
{
    struct slice text = json_str(attempt, name);
    struct buf line = {0};
    if (text.len == 0) return;
    buf_printf(&line, "  %-10s%.*s", name, SLICE_ARG(text));
    output_put_line(out, &line);
}

static void put_attempt(struct buf *out, const struct json *a)
{
    const struct json *number = json_get(a, "count");
    int64_t count = 1;
    if (number && json_i64(number, &count) != OK) count = 1;
    struct slice peer = json_str(a, "peer"), sdk = json_str(a, "sdk");
    struct buf line = {0};
    buf_printf(&line, "%.*s %.*s  %.19s", SLICE_ARG(json_str(a, "cause")),
               SLICE_ARG(json_str(a, "name")), (const char *)json_str(a, "time").ptr);
    if (count > 1)
        buf_printf(&line, ", %lld times since %.19s", (long long)count,
                   (const char *)json_str(a, "firstTime").ptr);
    if (peer.len) buf_printf(&line, ", from %.*s", SLICE_ARG(peer));
    if (sdk.len) buf_printf(&line, ", %.*s", SLICE_ARG(sdk));
    buf_put_u8(out, '\n');
    output_put_line(out, &line);
    put_line(out, a, "happened");
    put_line(out, a, "observed");
    put_line(out, a, "expected");
    put_line(out, a, "next");
}

static enum err print_text(const struct json *answer)
{
    struct buf out = {0}, summary = {0};
    const struct json *attempts = json_get(answer, "attempts");
    buf_put_slice(&summary, json_str(answer, "summary"));
    output_put_line(&out, &summary);
    if (attempts && attempts->child) {
        buf_put_u8(&out, '\n');
        put_ladder(&out, json_get(answer, "stages"));
    }
    for (const struct json *a = attempts ? attempts->child : NULL; a; a = a->next)
        put_attempt(&out, a);
    enum err e = output_text(buf_slice(&out));
    buf_free(&out);
    return e;
}

void why_put_line(struct buf *out, const struct json *r)
{
    struct slice id = json_str(r, "id"), peer = json_str(r, "peer");
    struct buf line = {0};
    buf_printf(&line, "%.19s %.*s %.*s", (const char *)json_str(r, "time").ptr,
               SLICE_ARG(json_str(r, "cause")), SLICE_ARG(json_str(r, "name")));
    if (id.len) buf_printf(&line, " %.*s", SLICE_ARG(id));
    if (peer.len) buf_printf(&line, " from %.*s", SLICE_ARG(peer));
    buf_printf(&line, ": %.*s", SLICE_ARG(json_str(r, "happened")));
    output_put_line(out, &line);
}

/* ---- asking */

void why_put_parameter(struct buf *path, const struct cli *c, const char *option, const char *name)
{
    const char *value = cli_value(c, option);
    if (value == NULL) return;
    buf_printf(path, "%s%s=", slice_find(buf_slice(path), '?') < buf_size(path) ? "&" : "?", name);
    text_percent(path, slice_str(value));
}

void why_tell_alert(const struct json *alert)
{
    struct buf out = {0}, line = {0};
    buf_printf(&line, "alert: %.*s See: azimuth why --refused --cause %.*s --since 5m",
               SLICE_ARG(json_str(alert, "text")), SLICE_ARG(json_str(alert, "cause")));
    output_put_line(&out, &line);
    fputs(buf_cstr(&out), stderr);
    buf_free(&out);
}

static enum err list_refused(struct cli *c)
{
    struct target t;
    struct json *answer;
    struct buf path = {0};
    int64_t top;
    TRY(cli_number(c, "top", 1, 256, 100, &top));
    TRY(target_find(c, &t));
    buf_put_str(&path, "/admin/v1/refusals");
    why_put_parameter(&path, c, "cause", "cause");
    why_put_parameter(&path, c, "since", "since");
    why_put_parameter(&path, c, "device-id", "id");
    why_put_parameter(&path, c, "top", "top");
    const struct http_call call = {.method = "GET", .path = buf_cstr(&path)};
    enum err e = http_json(&t, &call, "list of refusals", &answer);
    buf_free(&path);
    if (e != OK) return e;
    const struct json *alerts = json_get(answer, "alerts");
    for (const struct json *a = alerts ? alerts->child : NULL; a; a = a->next) why_tell_alert(a);
    return output_value(&c->output, &c->arena, json_get(answer, "value"),
                        "time cause name id peer count next");
}

/* Of an id that nobody has registered the network is no suspect. */
static void remark_unknown(struct cli *c, struct target *t, const struct json *answer,
                           struct slice device, struct slice module)
{
    const struct json *attempts = json_get(answer, "attempts");
    const struct http_call call = {.method = "GET",
                                   .path = identity_path(c, "/devices/", device, module)};
    struct http_answer a;
    if ((attempts && attempts->child) || cli_given(c, "quiet")) return;
    if (http_do(t, &call, &a) != OK) return;
    if (a.status == 404)
        fprintf(stderr, "there is no %s on %s: is it spelled right? Ids are case-sensitive\n",
                identity_name(c, device, module), t->name);
    http_answer_free(&a);
}

static enum err explain_one(struct cli *c)
{
    struct target t;
    struct json *answer;
    struct slice device, module;
    struct buf path = {0};
    TRY(identity_option_either(c, &device, &module));
    TRY(target_find(c, &t));
    buf_printf(&path, "%s/attempts", identity_path(c, "/admin/v1/devices/", device, module));
    TRY(http_get(&t, cli_keep(c, &path), "journal of that device", &answer));
    remark_unknown(c, &t, answer, device, module);
    if (c->output.format == OUTPUT_TABLE && c->output.query == NULL) return print_text(answer);
    return output_value(&c->output, &c->arena, answer, NULL);
}

enum err why_refused(struct cli *c)
{
    bool refused = cli_given(c, "refused");
    const char *since = cli_value(c, "since");
    struct slice unused;
    int64_t us;
    if (since && !cli_moment(since, &us))
        return fail(ERR_INVALID, "--since %s: a duration (10m) or a time (2026-01-31T12:00:00Z)",
                    since);
    if (!refused) TRY(cli_need(c, "device-id", &unused));
    if (cli_given(c, "watch")) return why_watch(c);
    if (cli_given(c, "count") || cli_given(c, "timeout"))
        return fail(ERR_INVALID, "--count and --timeout go with --watch");
    return refused ? list_refused(c) : explain_one(c);
}

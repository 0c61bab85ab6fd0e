/* cmd_expect.c - azimuth wait, azimuth assert twin: for scripts, in the place of sleeping and of grep.
 *
 * What is waited for or asserted is a JMESPath expression about the twin as services see it; it holds when JMESPath calls
 * its value true: not false, null, "", [] or {}.
 */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "cli/cmd.h"
#include "cli/http.h"
#include "cli/query.h"

enum { POLL_MS = 200, TIMEOUT_MAX = 24 * 3600 };

#define END                                                                                        \
    {                                                                                              \
        "", NULL, NULL                                                                             \
    }
#define WHOSE                                                                                      \
    {"device-id d device", "ID", "the device"},                                                    \
    {                                                                                              \
        "module-id m", "ID", "a module of it"                                                      \
    }

const struct cli_option expect_wait_options[] = {
    WHOSE,
    {"connected", NULL, "until it is connected"},
    {"disconnected", NULL, "until it is not"},
    {"twin", "JMESPATH", "until this holds of its twin"},
    {"timeout", "SECONDS", "then the status is 5 [60]"},
    END};
const struct cli_option expect_twin_options[] = {
    {"that", "JMESPATH", "what holds of its twin"}, WHOSE, END};

const char expect_wait_help[] = "    wait -d dev1 --connected --timeout 10\n"
                                "    wait -d dev1 --twin \"properties.reported.fw == '2.1'\"\n"
                                "Events are waited for with hub monitor-events --count.";
const char expect_twin_help[] = "    assert twin \"properties.reported.fw == '2.1'\" -d dev1";

/* ---- the twin, and what is said of it */

static enum err fetch_twin(struct cli *c, struct target *t, struct json **twin)
{
    struct buf path = {0}, what = {0};
    struct slice device, module = slice_str(cli_value(c, "module-id"));
    TRY(cli_need(c, "device-id", &device));
    buf_printf(&path, "%s", http_path(c, "/twins/", device));
    buf_printf(&what, "device '%.*s'", SLICE_ARG(device));
    if (module.len) {
        buf_printf(&path, "%s", http_path(c, "/modules/", module));
        buf_printf(&what, ", module '%.*s'", SLICE_ARG(module));
    }
    const struct http_call call = {.method = "GET", .path = buf_cstr(&path)};
    enum err e = http_json(t, &call, buf_cstr(&what), twin);
    buf_free(&path);
    buf_free(&what);
    return e;
}

static bool is_true(const struct json *v)
{
    if (v == NULL) return false;
    switch (v->type) {
    case JSON_NULL: return false;
    case JSON_BOOL: return v->truth;
    case JSON_STRING: return v->text.len > 0;
    case JSON_NUMBER: return true;
    case JSON_ARRAY:
    case JSON_OBJECT: return v->child != NULL;
    }
    return false;
}

static enum err holds(struct cli *c, const struct query *q, const struct json *twin, bool *out)
{
    struct json *value;
    TRY(query_run(&c->arena, q, twin, &value));
    *out = is_true(value);
    return OK;
}

/* ---- wait */

/* What is waited for, as one expression; NULL: nobody said, or too much. */
static const char *what_for(const struct cli *c)
{
    const char *twin = cli_value(c, "twin");
    bool connected = cli_given(c, "connected"), disconnected = cli_given(c, "disconnected");
    if (connected + disconnected + (twin != NULL) != 1) return NULL;
    if (connected) return "connectionState == 'Connected'";
    return disconnected ? "connectionState == 'Disconnected'" : twin;
}

/* Each look has memory of its own. */
static enum err look(struct cli *c, struct target *t, const struct query *q, bool *out)
{
    struct arena kept = c->arena;
    struct json *twin;
    c->arena = (struct arena){0};
    enum err e = fetch_twin(c, t, &twin);
    if (e == OK) e = holds(c, q, twin, out);
    arena_free(&c->arena);
    c->arena = kept;
    return e;
}

enum err expect_wait(struct cli *c)
{
    struct target t;
    const char *text = what_for(c);
    struct query *q;
    int64_t seconds;
    bool done = false;
    if (text == NULL)
        return fail(ERR_INVALID, "one of --connected, --disconnected and --twin says what for");
    TRY(query_parse(&c->arena, text, &q));
    TRY(cli_number(c, "timeout", 0, TIMEOUT_MAX, 60, &seconds));
    int64_t end_us = clock_mono_us() + seconds * 1000000;
    c->wait_ms = http_left_ms(end_us);
    TRY(target_find(c, &t));
    while (true) {
        c->wait_ms = http_left_ms(end_us);
        TRY(look(c, &t, q, &done));
        if (done) return OK;
        if (clock_mono_us() >= end_us)
            return fail(ERR_TIMEOUT, "within %lld s it did not come about that %s",
                        (long long)seconds, text);
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000l}, NULL);
    }
}

/* ---- assert */

enum err expect_twin(struct cli *c)
{
    struct target t;
    struct slice text;
    struct query *q;
    struct json *twin;
    bool fine = false;
    TRY(cli_need(c, "that", &text));
    TRY(query_parse(&c->arena, cli_value(c, "that"), &q));
    TRY(target_find(c, &t));
    TRY(fetch_twin(c, &t, &twin));
    TRY(holds(c, q, twin, &fine));
    if (fine) return OK;
    return fail(ERR_PROTOCOL, "it does not hold that %.*s", SLICE_ARG(text));
}

/* cmd_expect.c - azimuth wait, azimuth assert twin: for scripts, in the place of sleeping and of grep.
 *
 * What is waited for or asserted is a JMESPath expression about the twin as services see it; it holds when JMESPath calls
 * its value true: not false, null, "", [] or {}.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/cmd.h"
#include "cli/http.h"
#include "cli/identity.h"
#include "cli/query.h"

enum { POLL_MS = 200 };

#define DATE_US 1000000ll /* Date has whole seconds */

#define TIMEOUT_US     (60 * 1000000ll)
#define TIMEOUT_US_MAX (24ll * 3600 * 1000000)

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
    {"messages", "N", "until it has sent so many"},
    {"from", "WHERE", "with --messages: from 10m (ago), a time or the beginning on [now]"},
    {"timeout", CLI_DURATION, "then the status is 5 [60s]"},
    END};
const struct cli_option expect_twin_options[] = {
    {"that", "JMESPATH", "what holds of its twin"}, WHOSE, END};

const char expect_wait_help[] =
    "Messages are what the device itself sends, and count when they are stored, whatever routes do "
    "with them.\n"
    "Those that came before the command began count with --from; what comes while it begins "
    "counts.\n\n"
    "    azimuth wait -d dev1 --connected --timeout 10s\n"
    "    azimuth wait -d dev1 --twin \"properties.reported.fw == '2.1'\"\n"
    "    azimuth wait -d dev1 --messages 10 --from 1m --timeout 5s";
const char expect_twin_help[] =
    "    azimuth assert twin \"properties.reported.fw == '2.1'\" -d dev1";

/* ---- the twin, and what is said of it */

static enum err fetch_twin(struct cli *c, struct target *t, struct json **twin)
{
    struct slice device, module = slice_str(cli_value(c, "module-id"));
    TRY(cli_need(c, "device-id", &device));
    return http_get(t, identity_path(c, "/twins/", device, module),
                    identity_name(c, device, module), twin);
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

/* ---- wait: for the twin, or for messages */

struct wait {
    const char *twin;                    /* the expression; NULL: for messages */
    int64_t messages, wait_us, began_us; /* wall time, when the command began */
};

static enum err read_wait(const struct cli *c, struct wait *out)
{
    bool connected = cli_given(c, "connected"), disconnected = cli_given(c, "disconnected");
    bool messages = cli_given(c, "messages");
    *out = (struct wait){.twin = cli_value(c, "twin"), .began_us = clock_wall_us()};
    if (connected + disconnected + messages + (out->twin != NULL) != 1)
        return fail(ERR_INVALID,
                    "one of --connected, --disconnected, --twin and --messages says what for");
    if (connected) out->twin = "connectionState == 'Connected'";
    if (disconnected) out->twin = "connectionState == 'Disconnected'";
    if (!messages && cli_given(c, "from")) return fail(ERR_INVALID, "--from goes with --messages");
    TRY(cli_number(c, "messages", 1, INT64_MAX, 0, &out->messages));
    return cli_duration(c, "timeout", 0, TIMEOUT_US_MAX, TIMEOUT_US, &out->wait_us);
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

static enum err wait_for_twin(struct cli *c, struct target *t, const struct query *q,
                              const struct wait *w)
{
    int64_t end_us = clock_mono_us() + w->wait_us;
    for (bool done = false;;) {
        c->wait_ms = http_left_ms(end_us);
        TRY(look(c, t, q, &done));
        if (done) return OK;
        if (clock_mono_us() >= end_us)
            return fail(ERR_TIMEOUT, "within %.10g s it did not come about that %s",
                        (double)w->wait_us / 1e6, w->twin);
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000l}, NULL);
    }
}

/* How far the hub's clock is ahead of ours, at least, and negative if it is behind: by the Date of an answer to what
 * was asked at that time.  0 where they may well be the same. */
static int64_t hub_ahead_us(const struct http_answer *a, int64_t asked_us)
{
    int64_t theirs_us, now_us = clock_wall_us();
    if (clock_parse_http(http_answer_header(a, "date"), &theirs_us) != OK) return 0;
    bool same = theirs_us <= now_us && theirs_us + DATE_US >= asked_us;
    return same ? 0 : theirs_us - now_us;
}

/* A device that is not there never sends: that is found out first. */
static enum err look_at_clock(struct cli *c, struct target *t, int64_t *ahead_us)
{
    struct slice device, module = slice_str(cli_value(c, "module-id"));
    struct http_answer a;
    int64_t asked_us = clock_wall_us();
    TRY(cli_need(c, "device-id", &device));
    const struct http_call call = {.method = "GET",
                                   .path = identity_path(c, "/twins/", device, module)};
    TRY(http_do(t, &call, &a));
    enum err e = a.status == 200 ? OK : http_refusal(t, &a, identity_name(c, device, module));
    *ahead_us = hub_ahead_us(&a, asked_us);
    http_answer_free(&a);
    return e;
}

/* What comes between the command and the moment when its reader listens counts: it is read from the time on at which
 * the command began. */
static enum err wait_for_messages(struct cli *c, struct target *t, const struct wait *w)
{
    const char *from = cli_value(c, "from");
    int64_t ahead_us;
    struct monitor_wait m = {.target = t,
                             .module = slice_str(cli_value(c, "module-id")),
                             .from = from && strcmp(from, "latest") == 0 ? NULL : from,
                             .count = w->messages,
                             .wait_us = w->wait_us};
    TRY(cli_need(c, "device-id", &m.device));
    TRY(look_at_clock(c, t, &ahead_us));
    m.since_us = w->began_us + ahead_us;
    return monitor_wait(c, &m);
}

enum err expect_wait(struct cli *c)
{
    struct target t;
    struct wait w;
    struct query *q = NULL;
    TRY(read_wait(c, &w));
    if (w.twin) TRY(query_parse(&c->arena, w.twin, &q));
    c->wait_ms = http_left_ms(clock_mono_us() + w.wait_us);
    TRY(target_find(c, &t));
    return w.twin ? wait_for_twin(c, &t, q, &w) : wait_for_messages(c, &t, &w);
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

/* cmd_monitor.c - azimuth hub monitor-events: events as they arrive, like any consumer reads them. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "cli/event_json.h"
#include "cli/events.h"
#include "cli/line.h"
#include "cli/replay_filter.h"
#include "cli/target.h"
#include "cli/way.h"

enum { WAKE_MS = 1000 };

const struct cli_option monitor_options[] = {
    {"device-id d", "ID", "only of this device; * stands for anything: press-*"},
    {"module-id m", "ID", "only of this module; * stands for anything"},
    {"interface i", "DTMI", "only of this interface: dtmi:example:Oven;1"},
    {"consumer-group cg c", "NAME", "[$Default]"},
    {"from", "WHERE", "beginning, latest, 10m (ago) or a time [latest]"},
    {"enqueued-time et e", "MS", "as --from, in milliseconds since 1970"},
    {"count message-count mc", "N", "ends after so many"},
    {"timeout t to", CLI_DURATION, "ends when so long nothing came [never]"},
    {"properties props p", "PART...", "sys, app, anno or all"},
    {"content-type ct", "TYPE", "what bodies are: application/json, or another for text"},
    {"yes y repair r", NULL, "as in az; not looked at"},
    {"all", NULL, "also what routes take away from the event hub"},
    {"", NULL, NULL}};

struct monitor {
    struct cli *cli;
    struct target target;
    struct line_to to;
    struct line line;
    struct events events;
    struct events_config cfg;
    struct arena arena; /* of one event */
    char selector[96];
    unsigned parts;
    int64_t count, printed;               /* count 0: no end */
    int64_t timeout_us, heard_us, end_us; /* end_us 0: the timeout is one of silence */
    int64_t last_ms; /* when the newest of what was shown came; 0: nothing was */
    struct slice device, module, interface; /* SLICE_NONE: of all */
    unsigned redirects;
    bool counts; /* only messages of devices, and without showing them */
};

/* ---- options */

static enum err select_time(struct monitor *m, int64_t wall_us)
{
    snprintf(m->selector, sizeof m->selector,
             "amqp.annotation.x-opt-enqueued-time >= '%" PRId64 "'", wall_us / 1000);
    return OK;
}

static enum err read_from(struct monitor *m, const char *from)
{
    int64_t us;
    if (cli_given(m->cli, "enqueued-time")) {
        TRY(cli_number(m->cli, "enqueued-time", 0, INT64_MAX / 1000, 0, &us));
        return select_time(m, us * 1000);
    }
    if (from && slice_is(slice_str(from), "beginning")) {
        strcpy(m->selector, "amqp.annotation.x-opt-offset > '-1'");
        return OK;
    }
    if (from == NULL || slice_is(slice_str(from), "latest")) {
        strcpy(m->selector, "amqp.annotation.x-opt-offset > '@latest'");
        return OK;
    }
    if (cli_moment(from, &us)) return select_time(m, us);
    return fail(ERR_INVALID,
                "--from %s: beginning, latest, a duration (10m) or a time (2026-01-31T12:00:00Z)",
                from);
}

static enum err read_parts(struct monitor *m)
{
    static const struct {
        const char *name;
        unsigned parts;
    } names[] = {
        {"sys", EVENT_SYSTEM},
        {"app", EVENT_APPLICATION},
        {"anno", EVENT_ANNOTATIONS},
        {"all", EVENT_SYSTEM | EVENT_APPLICATION | EVENT_ANNOTATIONS},
    };
    struct slice rest = slice_str(cli_value(m->cli, "properties")), word;
    while (cli_next_name(&rest, &word)) {
        size_t i = 0;
        while (i < 4 && !slice_is(word, names[i].name)) i++;
        if (i == 4)
            return fail(ERR_INVALID, "--properties %.*s: sys, app, anno or all", SLICE_ARG(word));
        m->parts |= names[i].parts;
    }
    return OK;
}

/* What bodies are, in spite of how they look. */
static void read_type(struct monitor *m)
{
    const char *type = cli_value(m->cli, "content-type");
    if (type) m->parts |= strcasestr(type, "json") ? EVENT_AS_JSON : EVENT_AS_TEXT;
}

static enum err read_options(struct monitor *m)
{
    const char *group = cli_value(m->cli, "consumer-group");
    TRY(read_from(m, cli_value(m->cli, "from")));
    TRY(read_parts(m));
    read_type(m);
    TRY(cli_number(m->cli, "count", 1, INT64_MAX, 0, &m->count));
    TRY(cli_duration(m->cli, "timeout", 0, CLI_LONG_US, 0, &m->timeout_us));
    m->device = slice_str(cli_value(m->cli, "device-id"));
    m->module = slice_str(cli_value(m->cli, "module-id"));
    m->interface = slice_str(cli_value(m->cli, "interface"));
    m->cfg.group = group ? group : "$Default";
    m->cfg.selector = m->selector;
    m->cfg.all = cli_given(m->cli, "all");
    return OK;
}

/* ---- events */

/* Who waits means one device, even if there is a '*' in its id. */
static bool fits(const struct monitor *m, struct slice wanted, struct slice id)
{
    if (wanted.ptr == NULL) return true;
    return m->counts ? slice_eq(wanted, id) : replay_matches(wanted, id);
}

static bool is_wanted(const struct monitor *m, const struct amqp_message *msg)
{
    struct slice device = event_annotation(msg, "iothub-connection-device-id");
    struct slice module = event_annotation(msg, "iothub-connection-module-id");
    struct slice interface = event_annotation(msg, "dt-dataschema");
    if (m->counts && replay_is_event(event_annotation(msg, "iothub-message-source"))) return false;
    return fits(m, m->device, device) && fits(m, m->module, module) &&
           (m->interface.ptr == NULL || slice_eq(m->interface, interface));
}

static enum err print(struct monitor *m, const struct events_event *ev)
{
    const struct output *o = &m->cli->output;
    if (!is_wanted(m, &ev->message)) return OK;
    m->printed++;
    if (m->counts) return OK;
    m->last_ms = MAX(m->last_ms, event_number(&ev->message, "x-opt-enqueued-time"));
    if (o->format == OUTPUT_TABLE && o->query == NULL && m->parts == 0) {
        struct buf line = {0};
        event_line(&line, &m->arena, &ev->message, ev->partition);
        enum err e = output_text(buf_slice(&line));
        buf_free(&line);
        return e;
    }
    struct output shown = *o; /* what does not fit into a line is shown whole */
    if (shown.format == OUTPUT_TABLE) shown.format = OUTPUT_JSON;
    return output_value(&shown, &m->arena, event_json(&m->arena, &ev->message, m->parts), NULL);
}

static bool is_done(const struct monitor *m)
{
    return m->count > 0 && m->printed >= m->count;
}

/* Pulls what there is; `*moved` when this connection is over and another one leads on. */
static enum err pull(struct monitor *m, bool *moved)
{
    struct events_event ev;
    while (!*moved && !is_done(m)) {
        enum err e = events_next(&m->events, &ev);
        if (e != OK) return e == ERR_AGAIN ? OK : e;
        if (ev.kind == EVENTS_EVENT) {
            m->heard_us = clock_mono_us();
            TRY(print(m, &ev));
            arena_reset(&m->arena);
        } else if (ev.kind == EVENTS_REDIRECTED) {
            TRY(way_follow(&m->target, &ev, &m->redirects, &m->cfg, &m->to));
            *moved = true;
        } else if (!m->counts && !cli_given(m->cli, "quiet"))
            fprintf(stderr, "reading %u partitions of %s on %s\n", ev.count, m->cfg.entity,
                    m->cfg.host);
    }
    return OK;
}

/* ---- the loop */

static int wait_ms(const struct monitor *m, int64_t now_us)
{
    int64_t until = events_deadline(&m->events);
    if (m->end_us)
        until = MIN(until, m->end_us);
    else if (m->timeout_us)
        until = MIN(until, m->heard_us + m->timeout_us);
    if (until <= now_us) return 0;
    return (int)MIN((until - now_us + 999) / 1000, WAKE_MS);
}

static enum err turn(struct monitor *m, bool *moved)
{
    struct pollfd fd = {.fd = m->line.fd, .events = line_wants(&m->line)};
    struct slice bytes;
    int ready = poll(&fd, 1, wait_ms(m, clock_mono_us()));
    if (ready < 0 && errno != EINTR) return fail_errno("poll");
    int64_t now_us = clock_mono_us();
    enum err read = ready > 0 ? line_ready(&m->line, fd.revents) : OK;
    while (!*moved && !is_done(m) && line_next(&m->line, &bytes)) {
        events_feed(&m->events, bytes, now_us);
        TRY(pull(m, moved));
    }
    if (now_us >= events_deadline(&m->events)) events_tick(&m->events, now_us);
    TRY(pull(m, moved));
    TRY(line_flush(&m->line));
    return *moved ? OK : read;
}

static bool is_over(const struct monitor *m)
{
    int64_t now_us = clock_mono_us();
    if (m->end_us) return now_us >= m->end_us;
    return m->timeout_us && now_us - m->heard_us >= m->timeout_us;
}

static enum err run_connection(struct monitor *m, bool *moved)
{
    TRY(line_open(&m->line, &m->to));
    m->cfg.out = &m->line.out;
    events_init(&m->events, &m->cfg, clock_mono_us());
    int64_t renew_us = clock_mono_us() + TARGET_TOKEN_S / 2 * 1000000ll;
    enum err e = OK;
    while (e == OK && !*moved && !is_done(m) && !is_over(m)) {
        e = turn(m, moved);
        if (clock_mono_us() < renew_us || e != OK || *moved) continue;
        renew_us += TARGET_TOKEN_S / 2 * 1000000ll;
        e = way_sign(&m->target, m->redirects > 0, &m->cfg);
        if (e == OK) events_renew(&m->events, m->cfg.token);
    }
    if (e == OK) {
        events_close(&m->events);
        (void)!line_flush(&m->line);
    }
    events_fini(&m->events);
    line_close(&m->line);
    return e;
}

/* A hub that has gone: how to have what comes from the last on that was shown. */
static enum err parted(const struct monitor *m, enum err e)
{
    char why[400], last[CLOCK_ISO_LEN + 1];
    if ((e != ERR_CLOSED && e != ERR_TIMEOUT) || m->last_ms == 0) return e;
    snprintf(why, sizeof why, "%s", fail_text());
    clock_iso_ms(m->last_ms, last);
    return fail(e,
                "%s; once it is there again, --from %.23sZ goes on from the newest "
                "that was shown; of other partitions older ones may be missing",
                why, last);
}

static enum err run(struct monitor *m)
{
    enum err e = way_choose(&m->target, NULL, &m->cfg, &m->to);
    m->heard_us = clock_mono_us();
    for (bool moved = true; e == OK && moved;) {
        moved = false;
        e = run_connection(m, &moved);
    }
    tls_context_drop(m->to.tls);
    arena_free(&m->arena);
    return e;
}

enum err monitor_events(struct cli *c)
{
    struct monitor m = {.cli = c, .line.fd = -1};
    TRY(read_options(&m));
    TRY(target_find(c, &m.target));
    enum err e = run(&m);
    if (e == OK && m.count > 0 && m.printed < m.count)
        return fail(ERR_TIMEOUT,
                    "%" PRId64 " of %" PRId64 " events came within %.10g s: is a device sending?",
                    m.printed, m.count, (double)m.timeout_us / 1e6);
    return parted(&m, e);
}

/* Also what routes take away: they are messages of the device. */
enum err monitor_wait(struct cli *c, const struct monitor_wait *w)
{
    struct monitor m = {.cli = c,
                        .line.fd = -1,
                        .target = *w->target,
                        .count = w->count,
                        .end_us = clock_mono_us() + w->wait_us,
                        .counts = true,
                        .device = w->device,
                        .module = w->module};
    m.cfg = (struct events_config){.group = "$Default", .selector = m.selector, .all = true};
    TRY(w->from ? read_from(&m, w->from) : select_time(&m, w->since_us));
    enum err e = run(&m);
    if (e != OK || m.printed >= m.count) return e;
    return fail(ERR_TIMEOUT,
                "within %.10g s came %" PRId64 " of %" PRId64 " messages of '%.*s': is it sending?",
                (double)w->wait_us / 1e6, m.printed, m.count, SLICE_ARG(w->device));
}
